"""Asks the tracker what there is: what changed every few seconds, all that is open every few minutes.

It is how Pointman hears of anything without a webhook, and how it makes good what a webhook lost. A page only gives
candidates, since search lags behind: a ticket that may need something is read by id, by the queue. A version that was
considered once is not considered again, so N tickets in which nothing happened cost the N/100 requests of the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

import structlog

from connectors.base import Monitor, Tracker
from connectors.errors import ConnectorError, Denied, Temporary
from connectors.model import Ticket
from sync import metrics
from sync.gate import Gate
from sync.health import Swept
from sync.intake import Alerts
from sync.queue import Queue

log = structlog.get_logger()

OVERLAP = timedelta(minutes=3)
"""How far each list of changes reaches back over the last: longer than any tracker's search lags."""
EMERGENCY_AFTER = timedelta(minutes=5)
"""How long the tracker is away before what was planned goes to the emergency place."""

_WAY = 1e-6
"""Seconds; a wait of any length lets other threads run."""

Progress = Callable[[int, int], None]
"""Is told how many tickets were listed so far, and how many of them are looked at."""


class Considering(Protocol):
    """What the sweep knows of the engine."""

    def consider(self, ticket: Ticket) -> datetime | bool | None:
        """True where the ticket must be looked at, else when (None: only when something changes); False: it is older
        than what is known of it already.
        """

    def outdated(self, ticket: Ticket) -> bool:
        """Whether it is older than what is known of it by now."""

    def begin_sweep(self) -> None:
        """A whole list begins: what only the rules account for is counted anew."""

    def end_sweep(self) -> None:
        """A whole list is through: everything that is open was considered."""

    def reaching(self, since: datetime) -> datetime:
        """How far back to list, so that nothing is forgotten which was held since then."""

    def emergency(self) -> bool:
        """Send what was planned at the last looks to the emergency place; whether that is done."""


@dataclass(frozen=True, slots=True)
class Times:
    """How often to ask, and how far back: `since` in place of now less `grace`, where a person asked for more."""

    every: timedelta = timedelta(seconds=10)
    full: timedelta = timedelta(minutes=5)
    grace: timedelta = timedelta(days=1)
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What one sweep came to: tickets listed, tickets to be looked at."""

    listed: int = 0
    queued: int = 0


class Sweep:
    """Sweeps the tracker's tickets, and the alerts of the monitors."""

    def __init__(
        self, tracker: Tracker, engine: Considering, queue: Queue, times: Times, clock: Callable[[], datetime]
    ) -> None:
        self._tracker, self._engine, self._queue, self._times, self._clock = tracker, engine, queue, times, clock
        self.swept = Swept()
        self._seen: dict[str, str] = {}
        self._forgotten = Event()
        self._alarmed = False
        self._nothing = Event()

    def whole(self, progress: Progress | None = None) -> Round:
        """List all that is open or changed lately, and what has left that list. Raises ConnectorError."""
        began = self._clock()
        first = self.swept.whole is None or self._forgotten.is_set()
        if self._forgotten.is_set():
            self._forgotten.clear()
            self._seen.clear()
        self._engine.begin_sweep()
        listed: set[str] = set()
        queued = 0
        recent = self._times.since or began - self._times.grace
        since = self._engine.reaching(recent) if first else recent  # later what is held has its wake
        for ticket in _each(self._tracker.open(since)):
            queued += self._candidate(ticket)
            if ticket.updated < recent and ticket.phase in {"resolved", "closed"}:
                self._seen.pop(ticket.ref, None)  # the next list does not reach so far back
                continue
            listed.add(ticket.ref)
            if progress is not None:
                progress(len(listed), queued)
        left = self._seen.keys() - listed
        for ref in left:
            del self._seen[ref]
            self._queue.put(ref)
        self._engine.end_sweep()
        self.swept.last = self.swept.whole = began
        self.swept.listed, self.swept.refs = len(listed), frozenset(listed)
        return Round(len(listed), queued + len(left))

    def changed(self) -> Round:
        """List what changed since the last sweep began. Raises ConnectorError."""
        began = self._clock()
        refs, listed, queued = set[str](), 0, 0
        for ticket in _each(self._tracker.changed(min(self.swept.last or began, began) - OVERLAP)):
            listed += 1
            refs.add(ticket.ref)
            queued += self._candidate(ticket)
        self.swept.last = began
        self.swept.refs = self.swept.refs.union(refs) if refs - self.swept.refs else self.swept.refs
        return Round(listed, queued)

    def forget(self) -> None:
        """Consider every ticket again, since the rules are others now."""
        self._forgotten.set()

    def _candidate(self, ticket: Ticket) -> bool:
        """Whether it is looked at."""
        if self._seen.get(ticket.ref) == ticket.version:
            return False
        self._give_way()
        try:
            answer = self._engine.consider(ticket)
        except Exception:
            log.exception("ticket not considered", key=ticket.key)
            answer = True  # the look says what is wrong, and the other tickets go on
        if answer is False:  # the next list has it as it is
            return False
        self._seen[ticket.ref] = ticket.version
        if answer is True:
            self._queue.put(ticket.ref)
            return True
        self._queue.wake(ticket.ref, answer)
        if self._engine.outdated(ticket):  # it was read while we thought, and that look's wake may just be lost
            self._queue.put(ticket.ref)
        return False

    def _give_way(self) -> None:
        """Looks go first: else they would wait while a whole page is thought about."""
        if self._queue.depth().running:
            self._nothing.wait(_WAY)

    # ---- round after round

    def run(self, stop: Event, gate: Gate, chores: Sequence[Callable[[], None]] = ()) -> None:
        """Sweep until `stop`: a whole list first and every `full`, else what changed; after each, the chores."""
        while not stop.is_set():
            last, now = self.swept.whole, self._clock()
            fresh = last is not None and timedelta(0) <= now - last < self._times.full  # else the clock was set back
            whole = not fresh or self._forgotten.is_set()
            if self._round(whole, gate):
                for chore in chores:
                    self._do(chore)
            stop.wait(self._times.every.total_seconds())

    def _do(self, chore: Callable[[], None]) -> None:
        try:
            chore()
        except ConnectorError as error:
            log.warning("chore put off", error=str(error))
        except Exception:
            log.exception("chore failed")

    def _round(self, whole: bool, gate: Gate) -> bool:
        extent = "whole" if whole else "changed"
        try:
            with metrics.SWEEP_SECONDS.labels(extent).time():
                done = self.whole() if whole else self.changed()
        except ConnectorError as error:
            self._failed(error, extent, gate)
            return False
        except Exception:
            log.exception("sweep failed", extent=extent)
            metrics.SWEEPS.labels(extent, "failed").inc()
            return False
        if self.swept.failing is not None:
            log.info("tracker answers again", connector=self._tracker.name)
        self.swept.failing, self.swept.said = None, ""
        gate.used(self._tracker.name, "", self._clock(), timedelta(0))
        metrics.SWEEPS.labels(extent, "done").inc()
        (log.info if done.queued else log.debug)("swept", extent=extent, listed=done.listed, queued=done.queued)
        return True

    def _failed(self, error: ConnectorError, extent: str, gate: Gate) -> None:
        now = self._clock()
        metrics.SWEEPS.labels(extent, "failed").inc()
        trouble(gate, self._tracker.name, now, error)
        self.swept.said = str(error)
        if self.swept.failing is None:
            self.swept.failing = now
            log.warning("tracker does not answer", connector=self._tracker.name, error=str(error))
        if now - self.swept.failing >= EMERGENCY_AFTER and not self._alarmed:
            log.error("tracker away for five minutes; telling the emergency place", connector=self._tracker.name)
            self._alarmed = self._engine.emergency()


class Listening:
    """Asks every monitor what is firing, and makes good what a webhook lost. A chore of the sweep."""

    def __init__(self, monitors: Iterable[Monitor], alerts: Alerts, gate: Gate, clock: Callable[[], datetime]) -> None:
        self._monitors, self._alerts, self._gate, self._clock = tuple(monitors), alerts, gate, clock

    def __call__(self) -> None:
        """Ask them all; one that fails hinders nobody."""
        for monitor in self._monitors:
            try:
                for alert in monitor.alerts():
                    self._alerts.take(alert)
                self._gate.used(monitor.name, "", self._clock(), timedelta(0))
            except ConnectorError as error:
                log.warning("monitor not heard", connector=monitor.name, error=str(error))
                trouble(self._gate, monitor.name, self._clock(), error)
        self._alerts.heal()


def trouble(gate: Gate, product: str, now: datetime, error: ConnectorError) -> datetime:
    """Note that a product had trouble; when it may be asked again. What is the ticket's own closes no gate."""
    opens = gate.opens(product, "", now)
    if opens <= now and isinstance(error, (Temporary, Denied)):
        # only the first of many that fail side by side: each counts as one more failure
        after = error.retry_after if isinstance(error, Temporary) else None
        gate.shut(product, now, str(error), retry_after=after, denied=isinstance(error, Denied))
        opens = gate.opens(product, "", now)
    return opens


def _each(pages: Iterable[tuple[Ticket, ...]]) -> Iterator[Ticket]:
    for page in pages:
        yield from page
