"""A command in its ticket's turn, and what becomes of the message that was clicked.

The command comes first: as soon as it stands on the ticket the person may be answered. Then, before the look that
follows, the plan is asked what that look will make of the message, so that the person can be shown it at once instead
of a sentence. Whoever waits for that waits for a moment only: the sentence is there already.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Final, Protocol

import structlog

from connectors.errors import ConnectorError
from connectors.model import Command
from sync.asked import Shown

log = structlog.get_logger()

PATIENCE: Final = 60.0
"""How many seconds somebody waits for a ticket's turn; a look is over in half of that."""
SHOWN_WITHIN: Final = 0.7
"""Seconds after the command within which it must be known what becomes of its message: products wait for one."""


class Doer(Protocol):
    """What a click needs of the engine."""

    def command(self, command: Command) -> str:
        """Carry it out; an answer for the person."""

    def becomes(self, command: Command) -> Shown | None:
        """What becomes of the message that was clicked, after its command; None where nothing does."""


class Click:
    """One command. `take` is its job in the ticket's turn; `said` and `becomes` wait for what came of it."""

    def __init__(self, command: Command, engine: Doer) -> None:
        self._command, self._engine = command, engine
        self._said: Future[str] = Future()
        self._becomes: Future[Shown | None] = Future()

    def take(self) -> str:
        """Carry it out, then see what becomes of its message."""
        try:
            said = self._engine.command(self._command)
        except Exception as error:  # noqa: BLE001  (it is raised where the answer is wanted)
            self._becomes.set_result(None)
            self._said.set_exception(error)
            return ""
        self._said.set_result(said)
        self._becomes.set_result(self._seen() if self._command.clicked else None)
        return said

    def said(self) -> str:
        """The answer for the person, when it is there. Raises what went wrong."""
        return self._said.result(PATIENCE)

    def becomes(self) -> Shown | None:
        """What becomes of the message, where that is known soon."""
        try:
            return self._becomes.result(SHOWN_WITHIN)
        except TimeoutError:
            return None

    def _seen(self) -> Shown | None:
        try:
            return self._engine.becomes(self._command)
        except ConnectorError as error:  # the look that follows meets it, too
            log.info("not known what becomes of a message", ref=self._command.ref, error=str(error))
        except Exception:
            log.exception("what becomes of a message could not be planned", ref=self._command.ref)
        return None
