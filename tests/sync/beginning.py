"""Products before Pointman is there, as an administrator finds them, and a terminal in which the command is typed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.clock import Clock
from sandbox.http import Server
from sandbox.jira import JiraState
from sandbox.jira.world import Flavour, Site
from sandbox.slack import SlackSandbox
from tests.connectors import jiras, slack_workspace
from tests.connectors.contracts import CONTRACTS

POINTMAN = Path(sys.executable).parent / "pointman"
TOKENS = ("JIRA_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")
_ON_A_TERMINAL = """
import fcntl, os, signal, sys, termios
os.setsid()
signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background ignores it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass
class Products:
    """A Jira and a Slack with the channels #incidents and, private, #pointman."""

    jira: JiraState
    server: Server
    slack: SlackSandbox

    @property
    def environment(self) -> dict[str, str]:
        """What the environment says: the secrets, and where the sandbox's Slack is."""
        state = self.slack.state
        secrets = dict(zip(TOKENS, (self.jira.token, state.token, state.app_token), strict=True))
        return {**secrets, "POINTMAN_CONNECTORS__SLACK__BASE_URL": self.slack.api, "TZ": "Europe/Berlin"}

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(self.environment[name] for name in TOKENS)

    @property
    def flags(self) -> tuple[str, ...]:
        """Everything that has to be said, as options."""
        user = ("--jira-user", "pointman@example.org") if self.jira.flavour == "cloud" else ()
        return ("--jira-url", self.server.url, *user, "--jira-project", "OPS", "--person", "maria@example.org")

    def homes(self) -> list[str]:
        """The keys of the home tickets."""
        return [v["key"] for v in self.jira.views() if "pointman-home-OPS" in (v["fields"]["labels"] or ())]


@contextmanager
def products(flavour: Flavour = "cloud", site: Site | None = None) -> Iterator[Products]:
    """Both running; afterwards every exchange is held against the vendors' documents."""
    clock = Clock(speed=0)
    state = JiraState(clock, flavour, site)
    slack = SlackSandbox(clock)
    for person in state.site.people.values():
        if person.username != "pointman":
            slack.state.person(person.username, person.email, person.name)
    slack.state.channel("#incidents")
    slack.state.channel("#pointman", private=True)
    with Server(state.handle, clock) as server, slack:
        server.remember = slack.server.remember = True
        yield Products(state, server, slack)
        jiras.World(state, server, None).sent()  # type: ignore[arg-type]  # what was asked is checked; nobody asks now
        if CONTRACTS.exists():
            slack_workspace.held(slack.server.seen)
    state.close()


def live(made: Products, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process have the environment of the products, and give it back afterwards."""
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)


class Terminal:
    """`pointman` in a terminal of its own. `shown` is all that it has shown so far."""

    def __init__(self, args: tuple[object, ...], folder: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = os.openpty()
        self.shown = ""
        self._read = 0
        kept = {name: value for name, value in os.environ.items() if name not in TOKENS}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, POINTMAN, *map(str, args)],
            stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
            env={**kept, **environment, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"},
        )  # fmt: skip
        os.close(theirs)

    def expect(self, text: str, patience: float = 30.0) -> str:
        """Wait until this is shown, after what was expected before; what came up to its end."""
        until, start = time.monotonic() + patience, self._read
        while text not in self.shown[start:]:
            if time.monotonic() > until or not self._more():
                raise AssertionError(f"{text!r} was never shown, but:\n{self.shown[start:]}")
        self._read = self.shown.index(text, start) + len(text)
        return self.shown[start : self._read]

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._ours, b"\x03")

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._more():
            pass
        return self.process.wait(30)

    def close(self) -> None:
        """Be gone, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self._ours)

    def _more(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 0.5)
        if not ready:
            return self.process.poll() is None
        with suppress(OSError):  # the other end is closed
            told = os.read(self._ours, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
            self.shown += told
            return bool(told)
        return False
