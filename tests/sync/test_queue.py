"""The queue: once per ticket, by severity, never in two hands, nothing forgotten."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sync.queue import MemoryQueue

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Desk:
    """A queue, the looks that it made, and a clock that is moved by hand."""

    def __init__(self, workers: int = 4) -> None:
        self.now = NOON
        self.looked: list[str] = []
        self.ranks: dict[str, int] = {}
        self.wakes: dict[str, datetime | None] = {}
        self.during: Callable[[str], None] = lambda ref: None
        self.queue = MemoryQueue(self.look, lambda ref: self.ranks.get(ref, 0), lambda: self.now, workers)

    def look(self, ref: str) -> datetime | None:
        self.looked.append(ref)
        self.during(ref)
        return self.wakes.pop(ref, None)

    def settle(self) -> None:
        assert self.queue.drain(timedelta(seconds=30)), "the queue did not come to rest"

    def until(self, true: Callable[[], bool]) -> None:
        limit = time.monotonic() + 30
        while not true():
            assert time.monotonic() < limit, "it did not come true"
            time.sleep(0.005)


def held(go: threading.Event) -> None:
    """Stay in a look until the test says go."""
    go.wait(5)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.queue.stop(timedelta(seconds=5))


@pytest.fixture
def alone() -> Iterator[Desk]:
    """A desk with one worker, where the order is what the queue says."""
    made = Desk(workers=1)
    yield made
    made.queue.stop(timedelta(seconds=5))


def test_the_same_ticket_twice_is_looked_at_once(alone: Desk) -> None:
    alone.queue.put("1")
    alone.queue.put("2")
    alone.queue.put("1")
    alone.queue.start()
    alone.settle()
    assert alone.looked == ["1", "2"]


def test_a_ticket_signalled_during_its_look_is_looked_at_again(desk: Desk) -> None:
    again = iter([True, False])

    def signal(ref: str) -> None:
        if next(again):
            desk.queue.put(ref)
            desk.queue.put(ref)

    desk.during = signal
    desk.queue.start()
    desk.queue.put("1")
    desk.settle()
    assert desk.looked == ["1", "1"]


def test_the_most_severe_goes_first_and_equals_in_their_order(alone: Desk) -> None:
    alone.ranks = {"low": 1, "high": 3, "high2": 3, "medium": 2}
    for ref in ("low", "high", "none", "high2", "medium"):
        alone.queue.put(ref)
    alone.queue.start()
    alone.settle()
    assert alone.looked == ["high", "high2", "medium", "low", "none"]


def test_a_ticket_that_became_severe_while_waiting_moves_up(alone: Desk) -> None:
    alone.queue.put("first")
    alone.queue.put("second")
    alone.ranks["second"] = 3
    alone.queue.put("second")
    alone.queue.start()
    alone.settle()
    assert alone.looked == ["second", "first"]


def test_what_a_person_asked_for_goes_before_looks_and_is_followed_by_one(alone: Desk) -> None:
    alone.ranks = {"severe": 3}
    done: list[str] = []
    alone.queue.put("severe")
    answer = alone.queue.turn("1", lambda: done.append("command") or "done")
    alone.queue.start()
    alone.settle()
    assert answer.result(5) == "done"
    assert (done, alone.looked) == (["command"], ["1", "severe"])


def test_a_command_that_fails_tells_its_asker_and_the_look_follows(desk: Desk) -> None:
    def refuse() -> str:
        raise ValueError("no such person")

    desk.queue.start()
    answer = desk.queue.turn("1", refuse)
    desk.settle()
    with pytest.raises(ValueError, match="no such person"):
        answer.result(5)
    assert desk.looked == ["1"]


def test_a_ticket_is_never_in_two_hands() -> None:
    desk = Desk(workers=16)
    inside: Counter[str] = Counter()
    most: Counter[str] = Counter()
    guard = threading.Lock()

    def busy(ref: str) -> None:
        with guard:
            inside[ref] += 1
            most[ref] = max(most[ref], inside[ref])
        time.sleep(0.001)
        with guard:
            inside[ref] -= 1

    def ask(ref: str) -> str:
        busy(ref)
        return "done"

    desk.during = busy
    desk.queue.start()
    answers = []
    for n in range(300):
        desk.queue.put(str(n % 5))
        if n % 7 == 0:
            answers.append(desk.queue.turn(str(n % 5), lambda ref=str(n % 5): ask(ref)))  # type: ignore[misc]
    desk.settle()
    assert [answer.result(5) for answer in answers] == ["done"] * len(answers)
    assert dict(most) == {str(n): 1 for n in range(5)}
    assert desk.queue.stop(timedelta(seconds=5))


def test_a_wake_comes_when_the_clock_says_so_and_only_once(desk: Desk) -> None:
    desk.queue.start()
    desk.queue.wake("1", NOON + timedelta(minutes=5))
    time.sleep(0.3)
    assert desk.looked == []
    assert desk.queue.depth().wakes == 1
    desk.now = NOON + timedelta(minutes=6)
    desk.until(lambda: desk.looked == ["1"])
    time.sleep(0.3)
    assert desk.looked == ["1"]
    assert desk.queue.depth().wakes == 0


def test_a_later_word_about_when_replaces_the_earlier(desk: Desk) -> None:
    desk.queue.start()
    desk.queue.wake("moved", NOON + timedelta(minutes=5))
    desk.queue.wake("moved", NOON + timedelta(minutes=50))
    desk.queue.wake("dropped", NOON + timedelta(minutes=5))
    desk.queue.wake("dropped", None)
    desk.now = NOON + timedelta(minutes=10)
    time.sleep(0.4)
    assert desk.looked == []
    desk.now = NOON + timedelta(minutes=51)
    desk.until(lambda: desk.looked == ["moved"])


def test_a_look_that_says_when_is_made_again_then(desk: Desk) -> None:
    desk.wakes["1"] = NOON + timedelta(minutes=1)
    desk.queue.start()
    desk.queue.put("1")
    desk.settle()
    desk.now = NOON + timedelta(minutes=2)
    desk.until(lambda: desk.looked == ["1", "1"])


def test_a_ticket_that_changes_its_mind_often_costs_no_memory(desk: Desk) -> None:
    for n in range(10_000):
        desk.queue.wake("1", NOON + timedelta(seconds=n))
    assert desk.queue.depth().wakes == 1
    assert len(desk.queue._timers) < 100


def test_a_look_that_fails_unforeseen_is_made_again_and_the_others_go_on(desk: Desk) -> None:
    failing = iter([True])

    def fail(ref: str) -> None:
        if ref == "1" and next(failing, False):
            raise RuntimeError("nobody foresaw this")

    desk.during = fail
    desk.queue.start()
    desk.queue.put("1")
    desk.queue.put("2")
    desk.settle()
    desk.now = NOON + timedelta(minutes=2)
    desk.until(lambda: desk.looked.count("1") == 2)
    assert desk.looked.count("2") == 1


def test_stopping_finishes_what_runs_and_what_people_asked_but_looks_at_nothing_more() -> None:
    desk = Desk(workers=1)
    go = threading.Event()
    desk.during = lambda ref: held(go)
    desk.queue.start()
    desk.queue.put("1")
    desk.until(lambda: desk.looked == ["1"])
    desk.queue.put("2")
    answer = desk.queue.turn("3", lambda: "done")
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(desk.queue.stop(timedelta(seconds=5))))
    stopping.start()
    time.sleep(0.05)
    assert stopped == []
    go.set()
    stopping.join(5)
    assert (stopped, desk.looked, answer.result(0)) == ([True], ["1"], "done")


def test_stopping_does_not_wait_for_ever() -> None:
    desk = Desk(workers=1)
    go = threading.Event()
    desk.during = lambda ref: held(go)
    desk.queue.start()
    desk.queue.put("1")
    desk.until(lambda: desk.looked == ["1"])
    assert not desk.queue.stop(timedelta(milliseconds=50))
    go.set()


def test_the_depth_tells_what_waits_and_what_is_in_hand() -> None:
    desk = Desk(workers=1)
    go = threading.Event()
    desk.during = lambda ref: held(go)
    desk.queue.start()
    desk.queue.put("1")
    desk.until(lambda: desk.queue.depth().running == 1)
    desk.queue.put("2")
    desk.queue.wake("3", NOON + timedelta(hours=1))
    depth = desk.queue.depth()
    go.set()
    assert (depth.waiting, depth.running, depth.wakes) == (1, 1, 1)
    assert desk.queue.stop(timedelta(seconds=5))
