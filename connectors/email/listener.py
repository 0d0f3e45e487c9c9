"""Hears replies: looks into the mailbox every few seconds, hands on what people wrote, marks what was carried out.

Nothing is remembered but what is in hand: a mail stays unread until the engine has answered for it, so one that a
crash left behind is read again, and its Message-ID makes the same command of it. What is from no person is marked at
once and told to the log.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from connectors.email.replies import Reader, Reading
from connectors.model import Command, Signal

log = logging.getLogger("connectors.email")

WITHIN = timedelta(minutes=10)
"""Within what time one person's mails are counted."""
PULSE = 0.2
MANY = 1_000


class Box(Protocol):
    """A mailbox that replies come back to."""

    def unread(self) -> Iterator[tuple[str, bytes]]:
        """What has not been read, each with its id there. Raises connectors.errors."""

    def done(self, ident: str) -> None:
        """Mark it as read. Raises connectors.errors."""

    def close(self) -> None:
        """Hang up."""


class Floods:
    """Counts the mails of each sender; `most` in ten minutes are read."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._at: dict[str, deque[datetime]] = {}

    def over(self, sender: str, now: datetime) -> bool:
        """Count one more; whether it is too many."""
        if len(self._at) > MANY:
            self._at = {who: at for who, at in self._at.items() if at and at[-1] > now - WITHIN}
        at = self._at.setdefault(sender, deque())
        while at and at[0] <= now - WITHIN:
            at.popleft()
        if len(at) >= self._most:
            return True
        at.append(now)
        return False


@dataclass(frozen=True, slots=True)
class Listener:
    """Looks into `box` every `every` seconds. `refuse` tells a sender why nothing was done.

    `in_hand` are the mails that were handed on, by their ids in the mailbox, each with what is set when it is done.
    """

    box: Box
    reader: Reader
    floods: Floods
    clock: Callable[[], datetime]
    refuse: Callable[[Command, str], None]
    every: float
    in_hand: dict[str, Event] = field(default_factory=dict)

    def run(self, emit: Callable[[Signal], Event | None], stop: Event) -> None:
        """Look until `stop` is set. Raises connectors.errors; then it is to be begun again."""
        try:
            while not stop.is_set():
                self.look(emit)
                self._pause(stop)
            self.mark()
        finally:
            self.box.close()

    def look(self, emit: Callable[[Signal], Event | None]) -> None:
        """Look once: mark what was carried out, hand on what is new."""
        self.mark()
        for ident, raw in self.box.unread():
            if ident not in self.in_hand:
                self._read(ident, self.reader.read(raw), emit)
        self.mark()

    def mark(self) -> None:
        """Mark what was carried out."""
        for ident in [ident for ident, done in self.in_hand.items() if done.is_set()]:
            self.box.done(ident)
            del self.in_hand[ident]

    def _read(self, ident: str, reading: Reading, emit: Callable[[Signal], Event | None]) -> None:
        command, done = reading.command, _at_once()
        if command is None:
            log.info("a mail is not read: %s (from %s)", reading.why, reading.sender or "nobody")
        elif self.floods.over(reading.sender, self.clock()):
            log.warning("a mail is not read: too many from %s in ten minutes", reading.sender)
        elif reading.refusal:
            log.info("a mail is not carried out: %s (from %s)", reading.why, reading.sender)
            self.refuse(command, reading.refusal)
        else:
            done = emit(command) or done
        self.in_hand[ident] = done

    def _pause(self, stop: Event) -> None:
        until = time.monotonic() + self.every
        while not stop.wait(min(PULSE, self.every)) and time.monotonic() < until:
            self.mark()


def _at_once() -> Event:
    done = Event()
    done.set()
    return done
