"""Draws the pictures of the terminal: real commands, against the sandbox, in a terminal of 80 and of 120 columns.

    .venv/bin/python docs/pictures/terminal.py [NAME …]

writes terminal-NAME-WIDTH.png beside this file. What the terminal shows is read by rich and drawn by chromium.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from sandbox.clock import Clock
from sandbox.world import World

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
WIDTHS = (80, 120)
SHADES = [
    (72, 79, 88),
    (240, 110, 105),
    (120, 200, 120),
    (224, 176, 80),
    (110, 160, 240),
    (200, 140, 230),
    (90, 190, 205),
]
THEME = TerminalTheme((27, 31, 36), (214, 219, 225), [*SHADES, (214, 219, 225)])
BEGUN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PAGE = """<!doctype html><meta charset="utf-8"><style>{stylesheet}
body {{ margin: 0; background: #1b1f24; }}
#all {{ display: inline-block; padding: 16px 20px 18px; }}
pre {{ margin: 0; width: COLUMNSch; color: #d6dbe1; font: 14px/1.42 "DejaVu Sans Mono", "Liberation Mono", monospace; }}
</style><div id="all"><pre><code style="font-family: inherit">{code}</code></pre></div>"""
COMPANY = "rules.d/00-company.toml"
RULES = "rules.d/10-start.toml"
MISTAKES = {
    "config.toml": [("port = 8480", "prot = 8480")],
    COMPANY: [('lead = "maria"', 'lead = "mary"')],
    RULES: [
        ('when = \'severity == "high" and not ack', 'when = \'severity == "hihg" and not ack'),
        ('to = ["place:incidents"]\ntext', 'to = ["place:incident"]\ntext'),
        ("{{ assignee or", "{{ assigned or"),
    ],
}
SLOWER = {RULES: [('after = "5m"', 'after = "10m"')]}


class Desk:
    """An administrator's folder beside a Jira and a Slack, as `pointman init` has made it."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder, self.world = folder, world
        self.env: Mapping[str, str] = {
            **{name: os.environ[name] for name in ("LANG",) if name in os.environ},
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "JIRA_TOKEN": world.jira.token,
            "SLACK_BOT_TOKEN": world.slack.state.token,
            "SLACK_APP_TOKEN": world.slack.state.app_token,
            "POINTMAN_CONNECTORS__SLACK__BASE_URL": world.slack.api,
        }
        jira = ("--jira-url", world.server.url, "--jira-user", "pointman@example.org", "--jira-project", "OPS")
        people = ("--person", "maria@example.org,tom@example.org,ann@example.org")
        self.call("init", "--yes", *jira, *people, "--timezone", "Europe/Berlin")
        config = folder / "config.toml"
        config.write_text(config.read_text(encoding="utf-8").replace('mode  = "watch"', 'mode  = "on"'), "utf-8")

    def call(self, *words: str) -> None:
        """A command that is not shown. Raises CalledProcessError."""
        subprocess.run(  # noqa: S603  (our own commands)
            [BIN / "pointman", *words], cwd=self.folder, env=self.env, check=True, capture_output=True
        )

    @contextmanager
    def changed(self, changes: Mapping[str, list[tuple[str, str]]]) -> Iterator[None]:
        """The files with these changes, for a while."""
        before = {name: (self.folder / name).read_text(encoding="utf-8") for name in changes}
        for name, pairs in changes.items():
            text = before[name]
            for old, new in pairs:
                if old not in text:
                    raise LookupError(f"{name} holds nothing like {old}")
                text = text.replace(old, new, 1)
            (self.folder / name).write_text(text, encoding="utf-8")
        yield
        for name, text in before.items():
            (self.folder / name).write_text(text, encoding="utf-8")

    def shown(self, command: str, width: int) -> Text:
        """What a terminal of this width shows of a command, with its colours."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, width, 0, 0))
        process = subprocess.Popen(  # noqa: S603  (our own commands)
            command.split(), cwd=self.folder, env=self.env, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # Linux says so when the other side is closed
            pass
        os.close(ours)
        process.wait()
        text = Text.from_ansi(said.decode().replace("\r\n", "\n").rstrip())
        return Text.assemble(("$ ", "bold green"), (command, "bold"), "\n", text)


def ticket(desk: Desk) -> str:
    """A ticket in the middle of its life: looked at, shown, and taken by somebody else."""
    world = desk.world
    world.clock.advance(timedelta(hours=1))
    key = world.create("bob", {"Summary": "Checkout is down", "Service": "Checkout (prod)", "Affected users": 140})
    world.clock.advance(timedelta(minutes=1))
    desk.call("sweep", "--once")
    world.clock.advance(timedelta(minutes=1))
    world.change("ann", key, {"Assignee": "ann"})
    desk.call("sweep", "--once")
    world.clock.advance(timedelta(minutes=1))
    return key


def draw(text: Text, width: int, file: Path, shoot: Callable[[str, Path], None]) -> None:
    """Draw it as wide as the terminal was."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  (the null device is no path of ours)
        console = Console(
            record=True, width=width, file=nowhere, force_terminal=True, color_system="truecolor", legacy_windows=False
        )
        console.print(text, soft_wrap=False, overflow="fold", no_wrap=False)
        shoot(
            console.export_html(theme=THEME, code_format=PAGE.replace("COLUMNS", str(width)), inline_styles=True), file
        )


def main(names: list[str]) -> int:
    """Draw the pictures of these names, or all."""
    with tempfile.TemporaryDirectory() as made, World(Clock(BEGUN), channels=["#incidents"]) as world:
        world.slack.state.channel("#pointman", private=True)
        world.jira.site.projects["OPS"].count = 40
        desk = Desk(Path(made), world)
        key = ticket(desk)
        pictures: dict[str, tuple[str, Mapping[str, list[tuple[str, str]]]]] = {
            "plan": (f"pointman plan {key}", {}),
            "explain": (f"pointman explain {key}", {}),
            "check": ("pointman check", MISTAKES),
            "test": ("pointman test", SLOWER),
        }
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(device_scale_factor=1.25, viewport={"width": 1400, "height": 900})

            def shoot(html: str, file: Path) -> None:
                page.set_content(html)
                page.locator("#all").screenshot(path=file)
                print(f"{file.name}: {file.stat().st_size // 1024} kB")

            for name in names or pictures:
                command, changes = pictures[name]
                with desk.changed(changes):
                    for width in WIDTHS:
                        draw(desk.shown(command, width), width, HERE / f"terminal-{name}-{width}.png", shoot)
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
