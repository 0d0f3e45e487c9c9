"""`pointman playground`: the workbench on the administrator's own rules, with tickets read from their tracker.

Read only: nothing is written to the tracker, and none to the rule files unless the demonstration, whose rules are its
own, asks for that. It ends with whoever started it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from types import FrameType
from typing import Final
from urllib.parse import quote

from connectors.base import Sink, Tracker
from sync.cli import console
from sync.config import Config
from sync.look import Engine
from sync.run import clock_of, connect
from sync.server import Server
from sync.workbench.desk import Desk, no_rules
from sync.workbench.files import RuleFiles
from sync.workbench.server import app

HOST: Final = "127.0.0.1"
EVERY: Final = timedelta(seconds=60)
"""How often the open tickets are read, to count by."""
EVERY_EMBEDDED: Final = timedelta(seconds=3)
"""The same in the demonstration, whose time runs fast."""
SOON: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: a ticket to begin with, a port (0: a free one), whether files may be written.

    `embedded`: another page shows it, and it ends when the process that started it does.
    """

    key: str = ""
    port: int = 0
    may_apply: bool = False
    embedded: bool = False


class Playground:
    """The workbench on a port of loopback."""

    def __init__(self, config: Config, wanted: Wanted) -> None:
        self._connectors = connect(config)
        tracker = self._connectors[config.tracker]
        assert isinstance(tracker, Tracker)  # noqa: S101  (config.load has made sure)
        sinks = {name: each for name, each in self._connectors.items() if isinstance(each, Sink)}
        engine = Engine(tracker, sinks, no_rules(), config.site(), clock_of(tracker))
        self.desk = Desk(RuleFiles(config), engine, str(config.path))
        self._server = Server(app(self.desk, may_apply=wanted.may_apply), HOST, wanted.port)

    def start(self) -> int:
        """Begin to answer; the port. Raises OSError where it cannot be had."""
        return self._server.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()
        for connector in self._connectors.values():
            connector.close()


def play(config: Config, wanted: Wanted, told: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, or, embedded, until the parent is gone. Raises OSError.

    `told` hears the address as soon as it answers.
    """
    parent, waited = os.getppid(), timedelta()
    every = EVERY_EMBEDDED if wanted.embedded else EVERY
    with asked() as stop:
        playground = Playground(config, wanted)
        try:
            told(f"http://{HOST}:{playground.start()}/workbench/{_query(wanted.key)}")
            playground.desk.gather()
            while not stop.wait(SOON.total_seconds()):
                waited += SOON
                if wanted.embedded and os.getppid() != parent:
                    return
                if waited >= every:
                    waited = timedelta()
                    playground.desk.gather()
        finally:
            playground.stop()


def _query(key: str) -> str:
    return f"?key={quote(key)}" if key else ""


def tell(address: str) -> None:
    """Say where the page is."""
    console.say(f"Look at {address} (Ctrl-C ends it)")
    sys.stdout.flush()


@contextmanager
def asked() -> Iterator[Event]:
    """Set when the operating system asks us to stop; the second time it stops us at once."""
    stop = Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
