"""How often an audience is told: nothing is made up for, nothing comes twice, and people's wishes end by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model import Change, User, Value
from connectors.problems import Where
from rules import cadence
from rules.cadence import Told
from rules.model import Recipient, Update

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)
ANN = User("U1", "ann")


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def change(minutes: float, word: str, value: Value) -> Change:
    return Change(after(minutes), word, None, value, ANN)


def rule(**keys: timedelta) -> Update:
    return Update(
        id="u", kind="update", where=Where("rules.toml", 1), to=(Recipient("place", "x"),), every=HALF, **keys
    )


@pytest.mark.parametrize(
    ("late", "counted", "why"),
    [
        (0, 0, "what is punctual is counted from its due"),
        (2.9, 0, "so is what is a little late, or moments would creep"),
        (3.1, 3.1, "what is later is counted from when it came"),
        (400, 400, "so nothing is made up for"),
    ],
)
def test_the_next_is_counted_from_the_last(late: float, counted: float, why: str) -> None:
    assert Told(after(late), NOON).counted(HALF) == after(counted), why


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60))
def test_however_often_it_is_looked_there_is_one_update_in_each_cadence(steps: list[int]) -> None:
    now, told, sent = NOON, None, []
    for step in steps:
        now += timedelta(minutes=step / 10)
        due = (NOON if told is None else told.counted(HALF)) + HALF
        if due <= now:
            told = Told(now, due)
            sent.append(now)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert all(gap >= HALF * 0.9 for gap in gaps), "never two in one cadence"
    widest = timedelta(minutes=max(steps) / 10)
    assert all(gap <= HALF * 1.1 + widest for gap in gaps), "and none is left out while somebody looks"


HISTORY = (
    change(0, "cadence", "15m"),
    change(10, "cadence", None),
    change(20, "cadence", "2h"),
    change(30, "phase", "resolved"),
    change(40, "phase", "active"),
)


@pytest.mark.parametrize(
    ("now", "said"), [(-1, None), (5, "15m"), (15, None), (25, "2h"), (29, "2h"), (35, None), (45, None)]
)
def test_a_cadence_holds_until_it_is_taken_back_or_the_ticket_is_resolved(now: float, said: str | None) -> None:
    found = cadence.paced(HISTORY, after(now))
    assert (found.after if found is not None else None) == said
    assert cadence.every(rule(), found) == ({"15m": HALF / 2, "2h": HALF * 4}.get(said or "", HALF))


def test_what_people_asked_is_told_while_it_holds() -> None:
    history = (
        change(0, "cadence", "15m"),
        change(10, "paused", after(40)),
        change(50, "paused", after(60)),
        change(55, "paused", None),
    )
    told = {now: list(cadence.asked(history, after(now), UTC)) for now in (20, 45, 52, 56)}
    pace = "updates every 15m, as ann asked 12:00, until it is resolved"
    assert told == {
        20: [pace, "paused by ann until 12:40"],
        45: [pace],
        52: [pace, "paused by ann until 13:00"],
        56: [pace],
    }


def test_what_was_posted_skipped_and_snoozed_counts_from_a_moment_on() -> None:
    history = (
        change(0, "update", "a"),
        change(10, "skipped", after(45)),
        change(11, "skipped", "step"),
        change(12, "snoozed", after(20)),
        change(30, "update", "b"),
    )
    assert [one.after for one in cadence.posted(history, after(5), after(60))] == ["b"]
    assert [one.after for one in cadence.posted(history, NOON, after(5))] == ["a"]
    assert [len(cadence.skips(history, since, after(60))) for since in (NOON, after(20))] == [1, 0]
    assert (cadence.snoozed(history, NOON, after(15)), cadence.snoozed(history, after(13), after(60))) == (
        after(20),
        None,
    )


@pytest.mark.parametrize(
    ("remind", "every", "notice"),
    [(None, 30, 3), (None, 10, 2), (None, 3, 1.5), (5, 30, 5), (20, 30, 15), (None, 600, 60)],
)
def test_a_reminder_comes_a_tenth_before_unless_the_rule_says(
    remind: float | None, every: float, notice: float
) -> None:
    said = rule(remind=timedelta(minutes=remind)) if remind is not None else rule()
    assert cadence.notice(said, timedelta(minutes=every)) == timedelta(minutes=notice)


@pytest.mark.parametrize(
    ("due", "skips", "expected", "by"),
    [
        (30, [], 30, 0),
        (30, [(10, 30)], 60, 1),
        (30, [(10, 30), (11, 60)], 90, 2),
        (30, [(10, 20)], 30, 0),
        (30, [(10, 95)], 120, 1),
        (30, [(-10, 30), (50, 60)], 30, 0),
    ],
)
def test_what_is_skipped_comes_a_whole_cadence_later(
    due: float, skips: list[tuple[float, float]], expected: float, by: int
) -> None:
    history = [change(at, "skipped", after(until)) for at, until in skips]
    found = cadence.without_skipped(after(due), HALF, history, NOON, after(40))
    assert (found[0], len(found[1])) == (after(expected), by)
