"""The sandbox's time: real, standing still for tests, or running faster; every answer's `Date` header tells it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Lock


class Clock:
    """A clock that may run `speed` times as fast as the wall's, from `start` (None: now). Speed 0 stands still."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._lock = Lock()
        self._at = start or datetime.now(UTC)
        self._mark = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        """How many sandbox seconds pass in one real second."""
        return self._speed

    def now(self) -> datetime:
        """The sandbox's moment, aware and in UTC."""
        with self._lock:
            return self._at + timedelta(seconds=(time.monotonic() - self._mark) * self._speed)

    def run(self, speed: float) -> None:
        """From now on run at this speed."""
        moment = self.now()
        with self._lock:
            self._at, self._mark, self._speed = moment, time.monotonic(), speed

    def advance(self, by: timedelta) -> None:
        """Jump forward (or back, with a negative `by`)."""
        moment = self.now() + by
        with self._lock:
            self._at, self._mark = moment, time.monotonic()
