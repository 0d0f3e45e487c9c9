"""Calls are never withheld, but gathered: when one place is called too often, the further calls become one list.

The list is a message like any other, edited in place as calls join it, so that each ticket still claims and records
its own call and no look has to write on another ticket. It lives in memory: after a restart a new list begins.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

WITHIN = timedelta(minutes=10)
LONGEST = 40
"""Lines of one list; then a new one begins."""
TITLE = "**Several incidents call for you**"


@dataclass(frozen=True, slots=True)
class Roll:
    """A list that stands at a place: its ref, the marks under which its calls are found, and their texts."""

    begun: datetime
    ref: str
    keys: tuple[str, ...]
    lines: tuple[str, ...]

    def joined(self, keys: str, text: str) -> Roll:
        """The list with one more call."""
        line = " ".join(text.split())
        lines = self.lines if line in self.lines else (*self.lines, line)
        return Roll(self.begun, self.ref, tuple(dict.fromkeys((*self.keys, *keys.split()))), lines)

    @property
    def text(self) -> str:
        """What the list says."""
        return "\n".join((TITLE, "", *(f"- {line}" for line in self.lines)))


class Crowd:
    """Counts the calls to each place; more than `most` within ten minutes become a list. Safe for many threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._calls: dict[str, deque[datetime]] = {}
        self._rolls: dict[str, Roll] = {}
        self._lock = Lock()

    def roll(self, to: str, now: datetime) -> Roll | None:
        """The list that a call to this place joins now (an empty one to begin), or None for a call of its own."""
        with self._lock:
            calls = self._calls.setdefault(to, deque())
            while calls and calls[0] <= now - WITHIN:
                calls.popleft()
            if len(calls) < self.most:
                return None
            roll = self._rolls.get(to)
            if roll is None or roll.begun <= now - WITHIN or len(roll.lines) >= LONGEST:
                return Roll(now, "", (), ())
            return roll

    def made(self, to: str, now: datetime, roll: Roll | None = None) -> None:
        """A call was made there, by itself or on this list."""
        with self._lock:
            self._calls.setdefault(to, deque()).append(now)
            if roll is not None:
                self._rolls[to] = roll
