"""Which ticket is looked at next: a queue by ticket, in memory.

A ref put twice is looked at once; a ref put during its own look is looked at again; what people asked for goes before
looks; the most severe goes first. No ticket is ever in two hands: a command takes the ticket's turn. Wakes are kept
here too, since no timer is stored anywhere: they fall out of the next look.

`Queue` is all that the rest of Pointman knows of it, so that a broker with one partition per ticket could stand behind
it. Work may be done twice or late without harm, but nothing put is forgotten while the process lives.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Condition, RLock, Thread
from typing import Protocol

import structlog

log = structlog.get_logger()

Job = Callable[[], None]
TICK = timedelta(milliseconds=250)
"""How often the clock is asked while a wake is near: the tracker's time may run faster than ours, or jump."""
AFTER_A_FAULT = timedelta(minutes=1)
"""When a ticket is looked at again after a look that failed in a way nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much there is: tickets waiting, tickets in hand, and wakes to come."""

    waiting: int
    running: int
    wakes: int


class Queue(Protocol):
    """What the intake and the sweep know of a queue."""

    def put(self, ref: str) -> None:
        """Have a ticket looked at soon."""

    def wake(self, ref: str, at: datetime | None) -> None:
        """Have it looked at then, in place of any earlier word about when; None: only when something changes."""

    def turn(self, ref: str, job: Callable[[], str]) -> Future[str]:
        """Do something with the ticket while nobody else has it, before any look; then look."""

    def depth(self) -> Depth:
        """How much there is to do."""


@dataclass(slots=True)
class _Ticket:
    """What is waiting for one ticket: jobs of people, and whether a look is wanted."""

    rank: int = 0
    look: bool = False
    running: bool = False
    jobs: deque[Job] = field(default_factory=deque)

    @property
    def ready(self) -> bool:
        return not self.running and (self.look or bool(self.jobs))


class MemoryQueue:
    """The queue of one process. `look` answers when the ticket wants to be looked at again; `urgency` is its rank."""

    def __init__(
        self,
        look: Callable[[str], datetime | None],
        urgency: Callable[[str], int],
        clock: Callable[[], datetime],
        workers: int = 32,
    ) -> None:
        self._look, self._urgency, self._clock = look, urgency, clock
        self._tickets: dict[str, _Ticket] = {}
        self._order: list[tuple[int, int, str]] = []  # (-rank, number, ref); may hold entries that are out of date
        self._number = 0
        self._wakes: dict[str, float] = {}
        self._timers: list[tuple[float, str]] = []  # may hold entries that are out of date
        self._running = 0
        self._lock = RLock()
        self._to_do, self._timer, self._idle = Condition(self._lock), Condition(self._lock), Condition(self._lock)
        self._stopping = False
        self._threads = [Thread(target=self._work, name=f"look-{n}", daemon=True) for n in range(workers)]
        self._threads.append(Thread(target=self._wake_up, name="wakes", daemon=True))

    # ---- what others know of it

    def put(self, ref: str) -> None:
        """Have a ticket looked at soon."""
        rank = self._urgency(ref)
        with self._lock:
            ticket = self._tickets.setdefault(ref, _Ticket())
            if ticket.look and rank <= ticket.rank:
                return
            ticket.look, ticket.rank = True, rank
            self._enqueue(ref, ticket)

    def wake(self, ref: str, at: datetime | None) -> None:
        """Have it looked at then, in place of any earlier word about when; None: only when something changes."""
        with self._lock:
            if at is None:
                self._wakes.pop(ref, None)
                return
            moment = at.timestamp()
            if self._wakes.get(ref) == moment:
                return
            self._wakes[ref] = moment
            heapq.heappush(self._timers, (moment, ref))
            if len(self._timers) > 2 * len(self._wakes) + 64:  # mostly out of date: a ticket may change its mind often
                self._timers = [(moment, ref) for ref, moment in self._wakes.items()]
                heapq.heapify(self._timers)
            if self._timers[0][1] == ref:
                self._timer.notify()

    def turn(self, ref: str, job: Callable[[], str]) -> Future[str]:
        """Do something with the ticket while nobody else has it, before any look; then look."""
        done: Future[str] = Future()

        def do() -> None:
            try:
                done.set_result(job())
            except Exception as error:  # noqa: BLE001  (it is raised where the answer is wanted)
                done.set_exception(error)

        with self._lock:
            ticket = self._tickets.setdefault(ref, _Ticket())
            ticket.jobs.append(do)
            ticket.look = True
            self._enqueue(ref, ticket)
        return done

    def next_wake(self) -> datetime | None:
        """When the next ticket wakes."""
        with self._lock:
            moment = min(self._wakes.values(), default=None)
        return None if moment is None else datetime.fromtimestamp(moment, UTC)

    def depth(self) -> Depth:
        """How much there is to do."""
        with self._lock:
            return Depth(len(self._tickets) - self._running, self._running, len(self._wakes))

    # ---- its life

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience: timedelta = timedelta(seconds=25)) -> bool:
        """Look at nothing more, do what people asked for, finish what is in hand; whether that was done in time.

        A look that is left out comes back with the next start; what a person asked for would not.
        """
        with self._lock:
            self._stopping = True
            self._to_do.notify_all()
            self._timer.notify_all()
            return self._idle.wait_for(self._nothing_left, patience.total_seconds())

    def drain(self, patience: timedelta) -> bool:
        """Wait until nothing is waiting and nothing is in hand (wakes to come do not count); whether that came."""
        with self._lock:
            return self._idle.wait_for(lambda: not self._tickets, patience.total_seconds())

    # ---- inside; all of it with the lock held, but for the work itself

    def _enqueue(self, ref: str, ticket: _Ticket) -> None:
        if not ticket.running:
            self._number += 1
            rank = -1_000 if ticket.jobs else -ticket.rank
            heapq.heappush(self._order, (rank, self._number, ref))
            self._to_do.notify()

    def _take(self) -> tuple[str, _Ticket] | None:
        while self._order:
            ref = heapq.heappop(self._order)[2]
            ticket = self._tickets.get(ref)
            if ticket is not None and ticket.ready and (ticket.jobs or not self._stopping):
                ticket.running = True
                self._running += 1
                return ref, ticket
        return None

    def _work(self) -> None:
        while True:
            with self._lock:
                taken = self._take()
                while taken is None and not self._stopping:
                    self._to_do.wait()
                    taken = self._take()
                if taken is None:
                    return
                ref, ticket = taken
                jobs, ticket.jobs = ticket.jobs, deque()
                look, ticket.look = ticket.look and not self._stopping, False
            self._do(ref, jobs, look)
            with self._lock:
                self._finished(ref, ticket)

    def _do(self, ref: str, jobs: deque[Job], look: bool) -> None:
        for job in jobs:
            job()
        if look:
            try:
                self.wake(ref, self._look(ref))
            except Exception:
                log.exception("look failed", ref=ref)
                self.wake(ref, self._clock() + AFTER_A_FAULT)

    def _finished(self, ref: str, ticket: _Ticket) -> None:
        ticket.running = False
        self._running -= 1
        if ticket.ready:
            self._enqueue(ref, ticket)
        else:
            del self._tickets[ref]
        if not self._tickets or self._stopping:
            self._idle.notify_all()

    def _nothing_left(self) -> bool:
        return self._running == 0 and not any(ticket.jobs for ticket in self._tickets.values())

    def _wake_up(self) -> None:
        """Put each ticket when its wake has come."""
        while True:
            with self._lock:
                if self._stopping:
                    return
                due = self._due()
                if not due:
                    self._timer.wait(self._until_next())
            for ref in due:
                self.put(ref)

    def _due(self) -> list[str]:
        now = self._clock().timestamp()
        due = []
        while self._timers and self._timers[0][0] <= now:
            moment, ref = heapq.heappop(self._timers)
            if self._wakes.get(ref) == moment:
                del self._wakes[ref]
                due.append(ref)
        return due

    def _until_next(self) -> float | None:
        if not self._timers:
            return None
        left = self._timers[0][0] - self._clock().timestamp()
        return min(max(left, 0.001), TICK.total_seconds())
