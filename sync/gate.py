"""Who may be spoken to now: a look never sleeps, so a place without budget is skipped and joins its wake.

Two reasons close a gate: a product had trouble (429, no connection, denied), which concerns every place of it unless
the product says that it is this one's alone; and a place had something a moment ago and its product wants a pause.
All of it is in memory and may be lost.

Why not a breaker and a rate-limit library: both read the clock themselves, and everything here runs on the tracker's
time, which tests and drills move by hand (docs/decisions/0004-gate.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=5)
LONGEST_OBEYED = timedelta(hours=1)
"""How long a product may ask to be left alone: what asks for years is broken."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A product that is left alone `until` then. `times` counts failures without a success between them."""

    since: datetime
    until: datetime
    said: str
    pause: timedelta
    times: int = 1
    denied: bool = False


class Gate:
    """The gates of all products and places; safe for many threads."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        self._alone: dict[tuple[str, str], Trouble] = {}
        self._last: dict[tuple[str, str], tuple[datetime, timedelta]] = {}
        self._lock = Lock()

    def opens(self, product: str, place: str, now: datetime) -> datetime:
        """The moment from which something may be put at this place: `now`, or later."""
        with self._lock:
            troubles = self._troubles.get(product), self._alone.get((product, place))
            paced, pace = self._last.get((product, place), (now, timedelta(0)))
        untils = (t.until for t in troubles if t is not None and _soon(t.until, t.pause, now))
        return max(now, paced if _soon(paced, pace, now) else now, *untils)

    def used(self, product: str, place: str, now: datetime, pace: timedelta) -> None:
        """Something was put there; the product wants a pause of `pace` before the next."""
        with self._lock:
            self._troubles.pop(product, None)
            self._alone.pop((product, place), None)
            if pace:
                self._last[product, place] = now + pace, pace
                if len(self._last) > 10_000:
                    self._last = {key: paced for key, paced in self._last.items() if paced[0] > now}

    def shut(self, product: str, now: datetime, said: str, *, retry_after: float | None, denied: bool = False) -> None:
        """A product had trouble: leave it alone as long as it asked, or twice as long each time, up to five minutes."""
        with self._lock:
            trouble = _next(self._troubles.get(product), now, said, retry_after)
            self._troubles[product] = replace(trouble, denied=denied)

    def shut_alone(self, product: str, place: str, now: datetime, said: str, retry_after: float | None) -> None:
        """One place of a product had trouble that is no other's: leave that alone, as long as a product would be."""
        with self._lock:
            self._alone[product, place] = _next(self._alone.get((product, place)), now, said, retry_after)
            if len(self._alone) > 10_000:
                self._alone = {key: trouble for key, trouble in self._alone.items() if trouble.until > now}

    def trouble(self, product: str, place: str) -> Trouble | None:
        """The trouble of a product, else of one place of it; None where there is none."""
        with self._lock:
            return self._troubles.get(product) or self._alone.get((product, place))

    def troubles(self) -> dict[str, Trouble]:
        """The products in trouble, by name."""
        with self._lock:
            return dict(self._troubles)

    def open_all(self) -> None:
        """Forget all troubles (after a reload: the cause may be repaired)."""
        with self._lock:
            self._troubles.clear()
            self._alone.clear()


def _next(before: Trouble | None, now: datetime, said: str, retry_after: float | None) -> Trouble:
    """The trouble after one more failure."""
    times = before.times + 1 if before is not None else 1
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(times - 1, 10))
    if retry_after is not None:
        asked = timedelta(seconds=min(retry_after, LONGEST_OBEYED.total_seconds()))
        pause = max(asked, timedelta(seconds=1))
    return Trouble(before.since if before is not None else now, now + pause, said, pause, times)


def _soon(until: datetime, pause: timedelta, now: datetime) -> bool:
    """Whether a pause is as near as it was meant to be; else the clock was set back since, and it is over."""
    return until - now <= pause
