"""Calls are never withheld, but gathered: when one place is called too often, the further calls become one list.

The list is a message like any other, edited in place as calls join it, so that each ticket still claims and records
its own call and no look has to write on another ticket. It lives in memory: after a restart a new list begins. One
call at a time joins a list, since each edit writes it whole; a list whose last edit is in doubt is left as it stands.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from connectors.base import Sink
from connectors.errors import Missing
from connectors.model import Message

WITHIN = timedelta(minutes=10)
LONGEST = 40
"""Lines of one list; then a new one begins."""
TITLE = "**Several incidents call for you**"
MANY = 1_000
"""So many places are counted before those that are quiet again are forgotten."""


@dataclass(frozen=True, slots=True)
class Roll:
    """A list that stands at a place: its ref, the marks under which its calls are found, and their texts."""

    begun: datetime
    ref: str = ""
    keys: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    def joined(self, keys: str, text: str) -> Roll:
        """The list with one more call."""
        line = " ".join(text.split())
        lines = self.lines if line in self.lines else (*self.lines, line)
        return Roll(self.begun, self.ref, tuple(dict.fromkeys((*self.keys, *keys.split()))), lines)

    @property
    def text(self) -> str:
        """What the list says."""
        return "\n".join((TITLE, "", *(f"- {line}" for line in self.lines)))

    def open(self, now: datetime) -> bool:
        """Whether it takes one more call."""
        return self.begun > now - WITHIN and len(self.lines) < LONGEST


@dataclass(slots=True)
class _Place:
    """One place: when it was called lately, and the list that stands there. Its lock is held while it is called."""

    calls: deque[datetime] = field(default_factory=deque)
    roll: Roll | None = None
    turn: Lock = field(default_factory=Lock)


class Crowd:
    """Counts the calls to each place; more than `most` within ten minutes become a list. Safe for many threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._places: dict[str, _Place] = {}
        self._lock = Lock()

    @property
    def size(self) -> int:
        """How many places are counted."""
        return len(self._places)

    def call(self, sink: Sink[Message], place: str, thing: Message, keys: str, now: datetime) -> str:
        """Make a call at a place, by itself or as one more line of the list there; its ref. Raises ConnectorError."""
        there = self._place(f"{sink.name}:{place}", now)
        with there.turn:
            while there.calls and there.calls[0] <= now - WITHIN:
                there.calls.popleft()
            if len(there.calls) < self.most or not sink.editable:
                made = sink.put(place, thing, None, keys)
            else:
                made = _join(there, sink, place, keys, thing.text, now)
            there.calls.append(now)
            return made

    def _place(self, to: str, now: datetime) -> _Place:
        with self._lock:
            if to not in self._places and len(self._places) >= MANY:
                self._places = {
                    known: place
                    for known, place in self._places.items()
                    if place.turn.locked() or (place.calls and place.calls[-1] > now - WITHIN)
                }
            return self._places.setdefault(to, _Place())


def _join(there: _Place, sink: Sink[Message], place: str, keys: str, text: str, now: datetime) -> str:
    standing = there.roll if there.roll is not None and there.roll.open(now) else Roll(now)
    there.roll = None  # until it is known to stand
    longer = standing.joined(keys, text)
    try:
        ref = sink.put(place, Message(longer.text), standing.ref or None, " ".join(longer.keys))
    except Missing:  # somebody deleted the list, or there is no such place: that, the new one says
        longer = Roll(now).joined(keys, text)
        ref = sink.put(place, Message(longer.text), None, " ".join(longer.keys))
    there.roll = Roll(longer.begun, ref, longer.keys, longer.lines)
    return ref
