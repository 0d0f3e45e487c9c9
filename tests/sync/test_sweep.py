"""The sweep: whatever happened is noticed, what did not costs a list, and a tracker that is away is noticed too."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from connectors.base import Monitor
from connectors.config import ConnectorSettings
from connectors.errors import ConnectorError, Denied, Missing, Temporary
from connectors.model import Alert, Ticket
from connectors.testing import MemoryTracker
from sync.gate import Gate
from sync.intake import Alerts
from sync.queue import MemoryQueue
from sync.sweep import Listening, Sweep, Times, trouble
from tests.world import World

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Tracker(MemoryTracker):
    """A tracker in memory that may be away, and that can list what changed."""

    error: ConnectorError | None = None

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        if self.error is not None:
            raise self.error
        return super().open(since)

    def changed(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        if self.error is not None:
            raise self.error
        self.calls += 1
        yield tuple(ticket for ticket in self.tickets.values() if ticket.updated >= since)


class Bell(Monitor):
    """A monitor whose alerts are told to it."""

    product = "Bell"

    def __init__(self) -> None:
        super().__init__("bell", ConnectorSettings())
        self.firing: list[Alert] = []
        self.error: ConnectorError | None = None

    def alerts(self) -> Iterator[Alert]:
        if self.error is not None:
            raise self.error
        return iter(self.firing)


class Desk:
    """A sweep over a tracker in memory. Tickets with `loud` in the summary need a look, others wake as told."""

    def __init__(self) -> None:
        self.now = NOON
        self.tracker = Tracker(lambda: self.now)
        self.considered: list[str] = []
        self.looked: list[str] = []
        self.wakes: dict[str, datetime] = {}
        self.emergencies = 0
        self.back: datetime | None = None
        self.gate = Gate()
        self.queue = MemoryQueue(self.look, lambda ref: 0, lambda: self.now, workers=2)
        self.sweep = Sweep(self.tracker, self, self.queue, self.times(), lambda: self.now)
        self.queue.start()

    def times(self) -> Times:
        return Times(every=timedelta(milliseconds=10), full=timedelta(minutes=5))

    def consider(self, ticket: Ticket) -> datetime | bool | None:
        self.considered.append(ticket.key)
        return True if "loud" in ticket.summary else self.wakes.get(ticket.key)

    def outdated(self, ticket: Ticket) -> bool:
        return False

    def reaching(self, since: datetime) -> datetime:
        return self.back or since

    def begin_sweep(self) -> None:
        self.begun, self.ended = True, False

    def end_sweep(self) -> None:
        assert self.begun
        self.ended = True

    def emergency(self) -> bool:
        self.emergencies += 1
        return True

    def look(self, ref: str) -> datetime | None:
        self.looked.append(self.tracker.tickets[ref].key if ref in self.tracker.tickets else ref)
        return None

    def looks(self) -> list[str]:
        assert self.queue.drain(timedelta(seconds=30))
        said, self.looked = self.looked, []
        return sorted(said)

    def until(self, true: Callable[[], bool]) -> None:
        limit = time.monotonic() + 30
        while not true():
            assert time.monotonic() < limit, "it did not come true"
            time.sleep(0.005)

    def running(self, monitors: tuple[Monitor, ...] = ()) -> "Running":
        return Running(self, monitors)


class Running:
    """The sweep's own thread, for as long as the block lasts."""

    def __init__(self, desk: Desk, monitors: tuple[Monitor, ...]) -> None:
        self.stop = Event()
        alerts = Alerts(desk.tracker, desk.queue, lambda: desk.now)
        listening = Listening(monitors, alerts, desk.gate, lambda: desk.now)
        self.thread = Thread(target=desk.sweep.run, args=(self.stop, desk.gate, (listening,)))

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.queue.stop(timedelta(seconds=5))


def test_only_what_needs_it_is_looked_at(desk: Desk) -> None:
    desk.tracker.ticket("OPS-1", "loud")
    desk.tracker.ticket("OPS-2", "quiet")
    done = desk.sweep.whole()
    assert (done.listed, done.queued, desk.looks()) == (2, 1, ["OPS-1"])


def test_a_list_that_breaks_off_is_not_through(desk: Desk) -> None:
    desk.tracker.ticket("OPS-1", "quiet")
    desk.tracker.error = Temporary("could not list: HTTP 503")
    with pytest.raises(Temporary):
        desk.sweep.whole()
    assert not desk.ended
    desk.tracker.error = None
    desk.sweep.whole()
    assert desk.ended


def test_ten_thousand_unchanged_tickets_cost_a_hundred_requests_and_no_thought(desk: Desk) -> None:
    first = replace(desk.tracker.get(desk.tracker.ticket("OPS-0", "quiet")))
    desk.tracker.tickets = {str(n): replace(first, ref=str(n), key=f"OPS-{n}") for n in range(10_000)}
    desk.sweep.whole()
    before, considered = desk.tracker.calls, len(desk.considered)
    assert desk.sweep.whole().listed == 10_000
    assert desk.tracker.calls - before == 100
    assert len(desk.considered) == considered == 10_000


def test_a_version_is_considered_once_and_a_new_one_again(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1", "quiet")
    desk.sweep.whole()
    desk.sweep.changed()
    desk.sweep.whole()
    assert desk.considered == ["OPS-1"]
    desk.tracker.person(ref, summary="loud")
    desk.sweep.changed()
    assert desk.considered == ["OPS-1", "OPS-1"]
    assert desk.looks() == ["OPS-1"]


def test_what_a_mute_may_hold_is_listed_once_at_the_start_and_is_not_missed_afterwards(desk: Desk) -> None:
    """Such a ticket has its wake from then on, and is as far away as ever for the lists that follow."""
    desk.tracker.person(desk.tracker.ticket("OPS-1", "quiet"), phase="resolved")
    desk.now += timedelta(days=5)
    desk.tracker.ticket("OPS-2", "quiet")
    assert desk.sweep.whole().listed == 1
    assert desk.considered == ["OPS-2"]
    desk.back = desk.now - timedelta(days=9)
    desk.sweep.forget()
    assert desk.sweep.whole().listed == 1
    assert sorted(desk.considered[1:]) == ["OPS-1", "OPS-2"]
    desk.sweep.whole()
    assert (len(desk.considered), desk.looks()) == (3, [])


def test_what_left_the_list_is_read_once_by_id(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1", "quiet")
    desk.tracker.ticket("OPS-2", "quiet")
    desk.sweep.whole()
    desk.tracker.person(ref, phase="resolved")
    desk.now += timedelta(days=2)
    desk.sweep.whole()
    assert desk.looks() == ["OPS-1"]
    desk.sweep.whole()
    assert desk.looks() == []


def test_what_was_resolved_while_we_were_down_is_listed_within_the_grace(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1", "loud")
    desk.tracker.person(ref, phase="resolved")
    desk.now += timedelta(hours=23)
    assert desk.sweep.whole().listed == 1
    desk.now += timedelta(hours=2)
    assert desk.sweep.whole().listed == 0


def test_a_person_may_ask_for_more_than_the_grace(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1", "loud")
    desk.tracker.person(ref, phase="resolved")
    desk.now += timedelta(days=5)
    longer = Sweep(desk.tracker, desk, desk.queue, replace(desk.times(), since=NOON), lambda: desk.now)
    assert longer.whole().listed == 1


def test_the_wake_of_a_listed_ticket_is_kept_by_the_queue(desk: Desk) -> None:
    desk.tracker.ticket("OPS-1", "quiet")
    desk.wakes["OPS-1"] = NOON + timedelta(minutes=10)
    desk.sweep.whole()
    assert desk.looks() == []
    desk.now += timedelta(minutes=11)
    desk.until(lambda: desk.looked == ["OPS-1"])


def test_new_rules_mean_that_every_ticket_is_considered_again(desk: Desk) -> None:
    desk.tracker.ticket("OPS-1", "quiet")
    desk.sweep.whole()
    desk.sweep.forget()
    desk.sweep.whole()
    assert desk.considered == ["OPS-1", "OPS-1"]


def test_progress_is_told_as_it_goes(desk: Desk) -> None:
    desk.tracker.ticket("OPS-1", "loud")
    desk.tracker.ticket("OPS-2", "quiet")
    told: list[tuple[int, int]] = []
    desk.sweep.whole(lambda listed, queued: told.append((listed, queued)))
    assert told == [(1, 1), (2, 1)]


def test_a_list_that_breaks_off_loses_nothing_and_thinks_about_nothing_twice(desk: Desk) -> None:
    for n in range(150):
        desk.tracker.ticket(f"OPS-{n}", "quiet")
    whole = desk.tracker.open

    def breaking(since: datetime) -> Iterator[tuple[Ticket, ...]]:
        yield next(iter(whole(since)))
        raise Temporary("could not list: HTTP 502")

    desk.tracker.open = breaking  # type: ignore[method-assign]
    with pytest.raises(Temporary):
        desk.sweep.whole()
    desk.tracker.open = whole  # type: ignore[method-assign]
    desk.sweep.whole()
    assert len(desk.considered) == len(set(desk.considered)) == 150
    assert desk.looks() == [], "nothing had left"


# ---- round after round


def test_it_lists_everything_first_then_what_changed_and_everything_again_in_time(desk: Desk) -> None:
    desk.tracker.ticket("OPS-1", "quiet")
    with desk.running():
        desk.until(lambda: desk.sweep.swept.whole == NOON)
        desk.tracker.ticket("OPS-2", "loud")
        desk.until(lambda: desk.looked == ["OPS-2"])
        desk.now += timedelta(minutes=4)
        desk.until(lambda: desk.sweep.swept.last == desk.now)
        assert desk.sweep.swept.whole == NOON
        desk.now += timedelta(minutes=1)
        desk.until(lambda: desk.sweep.swept.whole == desk.now)


def test_a_tracker_that_is_away_is_noted_and_so_is_its_return(desk: Desk) -> None:
    desk.tracker.error = Temporary("could not list: HTTP 503")
    with desk.running():
        desk.until(lambda: desk.sweep.swept.failing == NOON)
        assert desk.sweep.swept.said == "could not list: HTTP 503"
        assert list(desk.gate.troubles()) == ["memory"]
        desk.tracker.error = None
        desk.until(lambda: desk.sweep.swept.failing is None)
        assert desk.gate.troubles() == {}


def test_after_five_minutes_without_the_tracker_the_emergency_place_is_told_once(desk: Desk) -> None:
    desk.tracker.error = Denied("could not sign in: HTTP 401")
    with desk.running():
        desk.until(lambda: desk.sweep.swept.failing == NOON)
        desk.now += timedelta(minutes=4, seconds=59)
        time.sleep(0.05)
        assert desk.emergencies == 0
        desk.now += timedelta(seconds=1)
        desk.until(lambda: desk.emergencies == 1)
        desk.tracker.error = None
        desk.until(lambda: desk.sweep.swept.failing is None)
        desk.tracker.error = Temporary("could not list: HTTP 503")
        desk.until(lambda: desk.sweep.swept.failing is not None)
        desk.now += timedelta(minutes=10)
        time.sleep(0.05)
    assert desk.emergencies == 1


def test_a_ticket_that_cannot_be_thought_about_does_not_hold_up_the_others(desk: Desk) -> None:
    consider = desk.consider

    def fail(ticket: Ticket) -> datetime | bool | None:
        if ticket.key == "OPS-1":
            raise ZeroDivisionError
        return consider(ticket)

    desk.consider = fail  # type: ignore[method-assign]
    desk.tracker.ticket("OPS-1", "quiet")
    desk.tracker.ticket("OPS-2", "loud")
    desk.sweep.whole()
    assert desk.looks() == ["OPS-1", "OPS-2"]


def test_a_fault_in_one_round_does_not_end_the_rounds(desk: Desk) -> None:
    whole, failing = desk.tracker.open, iter([True])

    def fail(since: datetime) -> Iterator[tuple[Ticket, ...]]:
        if next(failing, False):
            raise ZeroDivisionError
        return whole(since)

    desk.tracker.open = fail  # type: ignore[method-assign]
    desk.tracker.ticket("OPS-1", "loud")
    with desk.running():
        desk.until(lambda: desk.looked == ["OPS-1"])


def test_a_chore_that_fails_does_not_keep_the_others_from_being_done(desk: Desk) -> None:
    done: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    def away() -> None:
        raise Temporary("could not edit OPS-1: HTTP 503")

    stop = Event()
    thread = Thread(target=desk.sweep.run, args=(stop, desk.gate, (fail, away, lambda: done.append("done"))))
    thread.start()
    desk.until(lambda: len(done) > 1)
    stop.set()
    thread.join(5)


def test_monitors_are_asked_too_and_one_that_fails_hinders_nobody(desk: Desk) -> None:
    deaf, bell = Bell(), Bell()
    deaf.name, deaf.error = "deaf", Denied("could not list alerts: HTTP 403")
    bell.firing = [Alert("checkout", NOON, "Checkout is down", "bell")]
    with desk.running((deaf, bell)):
        desk.until(lambda: len(desk.tracker.tickets) == 1)
        desk.until(lambda: len(desk.looked) > 0)
    assert len(desk.tracker.tickets) == 1
    assert desk.gate.troubles()["deaf"].denied


@pytest.mark.parametrize(
    ("error", "pause", "why"),
    [
        (Temporary("HTTP 503"), timedelta(seconds=2), "the first pause is short"),
        (Temporary("HTTP 429", retry_after=90), timedelta(seconds=90), "as long as it asked"),
        (Denied("HTTP 401"), timedelta(seconds=2), "somebody may repair it"),
        (Missing("HTTP 404"), timedelta(0), "that is the ticket's trouble, not the product's"),
    ],
)
def test_many_that_fail_side_by_side_are_one_trouble(error: ConnectorError, pause: timedelta, why: str) -> None:
    gate = Gate()
    opens = {trouble(gate, "jira", NOON, error) for _ in range(32)}
    assert opens == {NOON + pause}, why


# ---- pages of a search that lags


class Lagging(Tracker):
    """A tracker whose lists show every ticket as it was when `lag` was called."""

    stale: tuple[Ticket, ...] | None = None

    def lag(self) -> None:
        self.stale = tuple(self.tickets.values())

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        yield tuple(self.tickets.values()) if self.stale is None else self.stale


class Real:
    """A sweep of the real engine over a tracker whose search lags."""

    def __init__(self) -> None:
        self.world = World()
        self.tracker = self.world.tracker = Lagging(self.world.clock)
        self.world.engine = self.world._engine()
        engine = self.world.engine
        self.queue = MemoryQueue(engine.look, engine.urgency, self.world.clock, workers=2)
        self.sweep = Sweep(self.tracker, engine, self.queue, Times(), self.world.clock)
        self.queue.start()

    def looked(self, ref: str) -> datetime | None:
        self.queue.put(ref)
        return self.rested()

    def rested(self) -> datetime | None:
        assert self.queue.drain(timedelta(seconds=30))
        return self.queue.next_wake()


def test_a_page_that_is_older_than_the_last_look_says_nothing() -> None:
    real = Real()
    ref = real.tracker.ticket("OPS-1", "Fine", service="checkout")
    assert real.looked(ref) is None
    real.tracker.lag()
    real.world.now += timedelta(seconds=5)
    real.tracker.person(ref, summary="Checkout is down")
    wake = real.looked(ref)
    assert wake is not None
    ranks, notices = dict(real.world.engine.memory.ranks), dict(real.world.engine.notices)
    real.sweep.whole()
    assert real.rested() == wake, "the call that is due is not forgotten until the next list"
    assert (real.world.engine.memory.ranks, real.world.engine.notices) == (ranks, notices)
    real.tracker.stale = None
    real.sweep.whole()
    assert real.rested() == wake


def test_a_ticket_that_is_read_while_an_older_page_is_thought_about_keeps_its_wake() -> None:
    real = Real()
    ref = real.tracker.ticket("OPS-1", "Fine", service="checkout")
    real.looked(ref)
    real.tracker.lag()
    real.world.now += timedelta(seconds=5)
    real.tracker.person(ref, summary="Checkout is down")
    consider = real.world.engine.consider
    wakes = []

    def slow(ticket: Ticket) -> datetime | bool | None:
        answer = consider(ticket)
        wakes.append(real.looked(ref))
        return answer

    real.world.engine.consider = slow  # type: ignore[method-assign]
    real.sweep.whole()
    assert wakes[0] is not None
    assert real.rested() == wakes[0]


def test_what_was_read_long_ago_makes_no_page_outdated() -> None:
    real = Real()
    ref = real.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    real.looked(ref)
    older = replace(real.tracker.tickets[ref], updated=real.world.now - timedelta(hours=1))
    real.tracker.tickets[ref] = older
    assert real.world.engine.outdated(older)
    real.world.now += timedelta(minutes=4)
    assert not real.world.engine.outdated(older), "a tracker that was restored is believed"
    other = real.tracker.ticket("OPS-2", "Fine")
    real.looked(other)
    assert not real.world.engine.outdated(older)
