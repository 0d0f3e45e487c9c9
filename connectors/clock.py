"""The time as a product's answers tell it: whoever writes moments beside the product's own must go by its clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from threading import Lock


class Clock:
    """A product's time: what its answers' `Date` said, plus the time since by our own monotonic clock.

    `Date` counts whole seconds, so a later one may only show that we were behind. An earlier one shows that its
    clock was set back only where the request was sent after the last answer: others have overtaken each other.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._offset: float | None = None
        self._heard = 0.0

    def heard(self, date: str, took: float) -> None:
        """A `Date` header has come in, `took` seconds after its request; one that cannot be read is no news."""
        try:
            stamp = _seconds(date)
        except (TypeError, ValueError):
            return
        with self._lock:
            now = self._monotonic()
            sent, said = now - took, stamp - now
            set_back = self._offset is not None and sent >= self._heard and stamp + 1.0 < self._offset + sent
            if self._offset is None or said > self._offset or set_back:
                self._offset = said
            self._heard = now

    def reached(self, moment: datetime) -> None:
        """The product has told of this moment, so it is past."""
        with self._lock:
            said = moment.timestamp() - self._monotonic()
            if self._offset is not None and self._offset < said < self._offset + 1.0:
                self._offset = said

    def now(self) -> datetime | None:
        """The product's moment; None before its first answer."""
        if self._offset is None:
            return None
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self._offset + self._monotonic())


@lru_cache(8)
def _seconds(date: str) -> float:
    """The moment that a `Date` header names; many answers of one second carry the same. Raises ValueError."""
    return parsedate_to_datetime(date).timestamp()
