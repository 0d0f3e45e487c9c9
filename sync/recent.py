"""What came in a short while ago: a delivery that comes again is known by it, and so is the ticket of an alert."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

REMEMBERED = timedelta(minutes=10)
"""How long a delivery, and which ticket an alert has, are remembered."""


class Recent:
    """Remembers what came in for a while, by the given clock; safe for many threads."""

    def __init__(self, clock: Callable[[], datetime], kept: timedelta = REMEMBERED) -> None:
        self._clock, self._kept = clock, kept
        self._at: dict[tuple[str, ...], tuple[datetime, str]] = {}
        self._lock = Lock()

    def add(self, *key: str, value: str = "") -> bool:
        """Remember it; whether it was new."""
        now = self._clock()
        with self._lock:
            self._forget(now - self._kept)
            if key in self._at:
                return False
            self._at[key] = (now, value)
            return True

    def get(self, *key: str) -> str:
        """What was remembered with it, or nothing."""
        oldest = self._clock() - self._kept
        with self._lock:
            at, value = self._at.get(key, (oldest, ""))
        return value if at > oldest else ""

    def put(self, *key: str, value: str) -> None:
        """Remember it anew, in place of what was remembered with it."""
        with self._lock:
            self._at.pop(key, None)
        self.add(*key, value=value)

    def drop(self, *key: str) -> None:
        """Forget it."""
        with self._lock:
            self._at.pop(key, None)

    def replace(self, old: str, new: str) -> None:
        """Wherever one value was remembered, it is the other now."""
        with self._lock:
            self._at = {key: (at, new if value == old else value) for key, (at, value) in self._at.items()}

    def _forget(self, oldest: datetime) -> None:
        while self._at:
            first = next(iter(self._at))  # the first in is the oldest
            if self._at[first][0] > oldest:
                return
            del self._at[first]
