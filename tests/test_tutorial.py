"""The tutorial is followed from its first line to its last, against the sandbox: what it shows is what comes.

So is the plan that the README shows.

Commands are typed into the installed program, in a folder of their own; `init` on a terminal, answered as the page
answers. A block of TOML that names a file must stand in that file, or is added to it where it says so. A diff holds for
the commands of the block that follows it. The addresses of the products are the sandbox's, and tokens are typed where
the page tells to paste them; everything else is compared letter by letter, save how long
tests took. Only the installation is taken as done.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.clock import Clock
from sandbox.world import World
from sync.cli.app import app
from tests.pages import ROOT, Block, blocks

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
TUTORIAL = ROOT / "docs" / "tutorial.md"
README = ROOT / "README.md"
BIN = Path(sys.executable).parent
SITE = "https://acme.atlassian.net"
TICKET = "OPS-43"
HOME = datetime(2026, 11, 23, 7, 59, tzinfo=UTC)
DOWN = datetime(2026, 11, 23, 9, 0, 20, tzinfo=UTC)
PATIENCE = 60
"""Seconds that a command may take before the test gives up."""
LONGEST = 200
"""Seconds that all of it may take here; a person reads, and needs about ten minutes."""


@pytest.fixture
def world() -> Iterator[World]:
    """The products as the reader has set them up: a project with some tickets, and two channels.

    Their time nearly stands still, so that a busy machine shows the same moments.
    """
    with World(Clock(HOME, speed=0.05), channels=["#incidents"]) as made:
        made.slack.state.channel("#pointman", private=True)
        made.jira.site.projects["OPS"].count = 41
        yield made


class Terminal:
    """A terminal of 100 columns on which one command runs and is answered."""

    def __init__(self, command: list[str], folder: Path, env: Mapping[str, str]) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self._process = subprocess.Popen(
            command, cwd=folder, env=dict(env), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._ours, self._said = ours, b""

    def answered(self, shown: str, secrets: Mapping[str, str]) -> str:
        """All that stands on it when the command has ended; each prompt is answered as `shown` shows it."""
        wanted = shown.splitlines()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._reads():
            lines = self.lines()
            if lines and self._said.endswith(b": ") and not select.select([self._ours], [], [], 0.2)[0]:
                prompt = lines[-1].rstrip()
                expected = wanted[len(lines) - 1] if len(lines) <= len(wanted) else ""
                assert expected.startswith(prompt), "\n".join(lines)
                secret = next((value for words, value in secrets.items() if words in prompt), "")
                os.write(self._ours, f"{secret or expected.removeprefix(prompt).strip()}\n".encode())
        self._process.wait(PATIENCE)
        os.close(self._ours)
        return "".join(f"{line.rstrip()}\n" for line in self.lines())

    def lines(self) -> list[str]:
        return self._said.decode().replace("\r\n", "\n").split("\n")

    def _reads(self) -> bool:
        """Read on; False when the command has ended."""
        if select.select([self._ours], [], [], 0.2)[0]:
            try:
                self._said += os.read(self._ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                return False
        return True


class Reader:
    """Somebody who does what the tutorial says."""

    def __init__(self, home: Path, world: World) -> None:
        self.home, self.folder, self.world = home, home, world
        self.slip: tuple[Path, str] | None = None
        self.running: subprocess.Popen[str] | None = None
        self.did: list[str] = []
        self.secrets = {
            "API token": world.jira.token,
            "Bot User OAuth Token": world.slack.state.token,
            "App-Level Token": world.slack.state.app_token,
        }
        self.env = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "TZ": "Europe/Berlin",
            "TERM": "xterm",
            "NO_COLOR": "1",
            "POINTMAN_SERVER__PORT": "0",  # other tests run beside this one
            "POINTMAN_CONNECTORS__SLACK__BASE_URL": world.slack.api,
        }

    def follow(self, block: Block) -> None:
        """Do what one block says, and compare what it shows."""
        text = block.text.replace(SITE, self.world.server.url)
        if block.language == "toml":
            self.see(text)
        elif block.language == "diff":
            self.change(text)
        elif block.language == "console":
            for said in text.split("$ ")[1:]:
                command, _, shown = said.partition("\n")
                self.type(command, shown)
            self.put_right()
        elif block.language == "text":
            self.read(text)
        else:
            assert (block.language, "make install" in text) == ("sh", True), block

    def see(self, text: str) -> None:
        """The file that the block names holds it; or it is added at the end, where the block says that."""
        head, _, body = text.partition("\n")
        file = self.folder / head.split()[1].rstrip(",")
        if head.endswith(", at the end"):
            with file.open("a", encoding="utf-8") as opened:
                opened.write(body)
        assert body in file.read_text(encoding="utf-8"), f"{file.name} holds nothing like this:\n{body}"

    def change(self, diff: str) -> None:
        old, new = (line[1:] for line in diff.splitlines())
        holding = [file for file in self.folder.rglob("*.toml") if f"\n{old}\n" in file.read_text(encoding="utf-8")]
        assert len(holding) == 1, f"this line is to be changed: {old}"
        text = holding[0].read_text(encoding="utf-8")
        self.slip = holding[0], text
        holding[0].write_text(text.replace(old, new), encoding="utf-8")

    def put_right(self) -> None:
        if self.slip is not None:
            file, text = self.slip
            file.write_text(text, encoding="utf-8")
            self.slip = None

    def type(self, command: str, shown: str) -> None:
        words = command.replace("~", str(self.home)).split()
        if words[0] == "cd":
            self.folder = Path(words[1])
            return
        assert words[0] == "pointman"
        self.did.append(words[1])
        if TICKET in words:
            self.wait_for_the_ticket()
        if words[1] == "init":
            said = Terminal(words, self.folder, self.env).answered(shown, self.secrets)
        elif words[1] == "run":
            self.start(words)
            return
        else:
            said = self.call(words)
        assert untimed(said.replace(str(self.home), "~")) == untimed(shown), command

    def call(self, words: list[str]) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert (done.returncode in {0, 1}, done.stderr) == (True, ""), done
        return done.stdout

    def wait_for_the_ticket(self) -> None:
        if self.world.clock.now() < DOWN:
            self.world.clock.advance(DOWN - self.world.clock.now())
            fields = {"Summary": "Checkout is down", "Service": "Checkout (prod)"}
            assert self.world.create("ann", fields) == TICKET
            self.world.clock.advance(timedelta(minutes=2))

    def start(self, words: list[str]) -> None:
        """Let it run, until what it says has been read."""
        self.running = subprocess.Popen(
            words, cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def read(self, text: str) -> None:
        """What stands in #pointman, as soon as it does; then Ctrl-C."""
        assert self.running is not None
        said, until = "", time.monotonic() + PATIENCE
        while said != text and time.monotonic() < until:
            time.sleep(0.1)
            said = "".join(f"{post.text}\n" for post in self.world.posts("#pointman"))
        self.running.send_signal(signal.SIGINT)
        _, log = self.running.communicate(timeout=PATIENCE)
        assert said == text
        assert (self.running.returncode, "error" in log) == (0, False), log
        self.running = None


def untimed(text: str) -> str:
    """Without how long the machine took for it."""
    return re.sub(r"\b\d+\.\d+ s$", "x s", text, flags=re.MULTILINE)


@pytest.mark.long(12)
def test_the_tutorial_comes_out_as_it_says(
    tmp_path: Path, world: World, capsys: pytest.CaptureFixture[str], record_property: pytest.RecordProperty
) -> None:
    begun = time.monotonic()
    reader = Reader(tmp_path, world)
    try:
        for block in blocks(TUTORIAL):
            reader.follow(block)
    finally:
        if reader.running is not None:
            reader.running.kill()
    took = time.monotonic() - begun
    steps = list(dict.fromkeys(reader.did))
    assert [step for step in steps if step in {"init", "test", "plan", "run"}] == ["init", "test", "plan", "run"]
    record_property("seconds", round(took, 1))
    with capsys.disabled():
        print(f"\nthe newcomer's path ({' -> '.join(steps)}) took {took:.1f} s")
    assert took < LONGEST


# ---- the README

COMPANY = """
[defaults]
timezone = "Europe/Berlin"
fallback = ["place:incidents"]
[places.incidents]
slack = "#incidents"
[audiences]
management = { to = ["slack:#management"] }
[people]
ann   = { email = "ann@example.org" }
maria = { email = "maria@example.org" }
tom   = { email = "tom@example.org" }
[schedules]
payments-rota = { rotation = ["tom", "maria"], handover = "Mon 09:00" }
[teams]
payments = { lead = "maria", members = ["maria", "tom"], schedule = "payments-rota" }
[services]
checkout = { team = "payments", criticality = "critical" }
[[classify]]
id   = "critical-down"
when = 'service.criticality == "critical" and mentions(text, "down", "outage", "unreachable")'
set  = { severity = "high" }
[[assign]]
id   = "service-team"
when = 'service'
team = "service.team"
pick = "on-call"
[[notify]]
id      = "card"
when    = 'severity == "high"'
to      = ["place:incidents"]
text    = "**{{ key }}** {{ summary }}: {{ severity }}, {{ assignee or 'nobody' }} has it."
buttons = ["acknowledge", "take", "resolve"]
"""
SETTINGS = """
home  = "OPS-1"
start = 2026-11-23T08:00:00Z
[connectors.jira]
user    = "pointman@example.org"
project = ["OPS"]
[connectors.jira.fields]
severity = "customfield_10050"
service  = "customfield_10051"
team     = "customfield_10052"
[connectors.jira.values.severity]
high   = "High"
medium = "Medium"
low    = "Low"
[connectors.jira.values.service]
checkout = "Checkout (prod)"
[connectors.slack]
"""


def test_the_plan_in_the_readme_is_what_comes(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rule, within a company, and a ticket that was assigned and that Ann then took for herself."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "JIRA__URL": world.server.url,
        "JIRA__TOKEN": world.jira.token,
        "SLACK__TOKEN": world.slack.state.token,
        "SLACK__BASE_URL": world.slack.api,
    }.items():
        monkeypatch.setenv(f"POINTMAN_CONNECTORS__{name}", value)
    world.slack.state.channel("#management")
    world.jira.site.projects["OPS"].count = 0
    assert world.create("ann", {"Summary": "Pointman"}, kind="Task") == "OPS-1"
    world.jira.site.projects["OPS"].count = 41
    readme = next(block.text for block in blocks(README, "toml") if "[[escalate]]" in block.text)
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "rules.toml").write_text(COMPANY + readme, encoding="utf-8")
    (tmp_path / "config.toml").write_text(SETTINGS, encoding="utf-8")
    shown = next(block.text for block in blocks(README) if "$ pointman plan" in block.text)
    world.clock.advance(DOWN + timedelta(minutes=2) - world.clock.now())
    key = world.create("ann", {"Summary": "Checkout is down", "Service": "Checkout (prod)"})
    run("sweep --once")
    world.clock.advance(timedelta(minutes=2))
    world.change("ann", key, {"Assignee": "ann"})
    run("sweep --once")
    world.clock.advance(timedelta(minutes=1))
    assert f"$ pointman plan {key}\n{run(f'plan {key}')}" == shown


def run(command: str) -> str:
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 0, done.output
    return done.output
