"""Clocks: since when they run, when they stood still, when they run out, and what of it cannot be known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import Change, Ticket, User, Value
from rules.calendar import is_open
from rules.clock import Clock, NoClock, clock, tightest
from rules.decide import World, decide
from rules.events import events
from rules.model import Objective, RuleSet
from rules.past import Past
from tests.rules.example import ANN, COMPANY, MORNING, TOM, later, rules, ticket

ME = User("bot")
OURS = COMPANY.replace('rto = "4h"', 'rto = "4h", rpo = "15m"').replace(
    "[fields]\n", '[fields]\nreported = { type = "moment" }\n'
)
STEPS = """
steps = [{ at = "50%", to = ["lead:dba"] }, { before = "30m", to = ["lead:dba"] }, { after = "10m", to = ["lead:dba"] }]
"""
RTO = f'[[objective]]\nid = "rto"\ngoal = "rto"\n{STEPS}'
UTC_TEXTS = OURS.replace("Europe/Berlin", "UTC")
CHECKOUT: dict[str, Value] = {"service": "checkout"}


def made(text: str = RTO) -> RuleSet:
    return rules(text, UTC_TEXTS)


def own(start: str, stop: str, within: str = "2h", more: str = "", step: str = 'before = "30m"') -> RuleSet:
    """One rule with a clock of its own."""
    keys = f'id = "own"\nstart = "{start}"\nstop = "{stop}"\nwithin = "{within}"\n{more}'
    return made(f'[[objective]]\n{keys}\nsteps = [{{ {step}, to = ["lead:dba"] }}]\n')


def read(one: Ticket, found: RuleSet, now: datetime) -> Clock | NoClock:
    """The clock of the only objective."""
    (rule,) = found.of("objective")
    assert isinstance(rule, Objective)
    return clock(rule, Past(one, found, World(me=ME), now), now)


def running(one: Ticket, found: RuleSet, now: datetime) -> Clock:
    read_ = read(one, found, now)
    assert isinstance(read_, Clock)
    return read_


def living(
    changes: Iterable[tuple[float, str, Value]], fields: dict[str, Value] | None = None, **more: object
) -> Ticket:
    """A ticket with these changes, each so many minutes after the morning, and its words as they then are."""
    one = replace(ticket({**CHECKOUT, "reported": None, **(fields or {})}), **more)  # type: ignore[arg-type]  # words by name
    for minutes, word, value in changes:
        one = one.having({word: value}, later(minutes=minutes), ANN)
    return one


def said(one: Ticket, found: RuleSet, minutes: float) -> str:
    now = later(minutes=minutes)
    return running(one, found, now).line(found.defaults.timezone, now)


# ---- how it stands

HELD = RTO.replace("steps", "pause = 'hold'\nsteps")


@pytest.mark.parametrize(
    ("text", "changes", "minutes", "line", "why"),
    [
        (RTO, [], 0, "RTO 4h: until 13:00, on track", "it began with the ticket"),
        (RTO, [], 119, "RTO 4h: until 13:00, on track", "a minute before the first warning"),
        (RTO, [], 120, "RTO 4h: until 13:00, at risk", "the first warning is due"),
        (RTO, [], 239, "RTO 4h: until 13:00, at risk", "a minute is left"),
        (RTO, [], 240, "RTO 4h: until 13:00, breached", "it ran out"),
        (RTO, [(60, "phase", "resolved")], 300, "RTO 4h: met, restored 10:00", "over in time"),
        (RTO, [(240, "phase", "resolved")], 300, "RTO 4h: met, restored 13:00", "over at the last moment"),
        (RTO, [(250, "phase", "resolved")], 300, "RTO 4h: missed 13:00, restored 13:10", "over too late"),
        (RTO, [(60, "phase", "resolved"), (90, "phase", "active")], 100, "RTO 4h: until 13:00, on track", "reopened"),
        (RTO, [(10, "eta", later(minutes=241))], 20, "RTO 4h: until 13:00, at risk", "expected too late"),
        (RTO, [(10, "eta", later(minutes=240))], 20, "RTO 4h: until 13:00, on track", "expected in time"),
        (RTO, [(10, "hold", True)], 20, "RTO 4h: until 13:00, on track", "this rule knows no pause"),
        (HELD, [(10, "hold", True)], 20, "RTO 4h: paused since 09:10", "it stands still"),
        (HELD, [(10, "hold", True)], 700, "RTO 4h: paused since 09:10", "for however long"),
        (HELD, [(10, "hold", True), (40, "hold", False)], 50, "RTO 4h: until 13:30, on track", "and goes on"),
        (HELD, [(250, "hold", True)], 260, "RTO 4h: until 13:00, breached", "held when it had run out already"),
        (HELD, [(10, "hold", True), (90, "phase", "resolved")], 100, "RTO 4h: met, restored 10:30", "over while held"),
        (HELD, [(10, "hold", True), (20, "eta", later(days=9))], 30, "RTO 4h: paused since 09:10", "no end, no risk"),
    ],
)
def test_a_clock_stands_as_the_history_says(
    text: str, changes: list[tuple[float, str, Value]], minutes: float, line: str, why: str
) -> None:
    assert said(living(changes), made(text), minutes) == line, why


def test_a_ticket_held_from_the_beginning_stands_still_from_there() -> None:
    assert said(living([], {"hold": True}), made(HELD), 30) == "RTO 4h: paused since 09:00"


def test_what_was_held_before_the_trouble_was_detected_counts_for_nothing() -> None:
    one = living([(10, "hold", True), (20, "hold", False)], {"detected": later(minutes=60)})
    assert said(one, made(HELD), 70) == "RTO 4h: until 14:00, on track"
    one = living([(10, "hold", True)], {"detected": later(minutes=60)})
    assert said(one, made(HELD), 70) == "RTO 4h: paused since 10:00"


def test_a_clock_that_starts_later_than_now_is_on_track() -> None:
    assert said(living([], {"detected": later(minutes=60)}), made(), 0) == "RTO 4h: until 14:00, on track"


def test_moments_of_another_day_have_a_date() -> None:
    found = made(RTO.replace('goal = "rto"', 'start = "detected"\nstop = "restored"\nwithin = "1d"'))
    one = living([])
    assert said(one, found, 0) == "rto 1d: until 19 Nov 09:00, on track"
    assert running(one, found, later(days=3)).said(found.defaults.timezone) == "until 19 Nov 09:00, breached"


# ---- calendars

HOURS = 'calendar = "office"'


def test_only_the_hours_of_a_calendar_count() -> None:
    found = own("created", "acknowledged", "12h", HOURS)
    assert said(living([]), found, 0) == "own 12h: until 19 Nov 11:00, on track"
    assert running(living([]), found, MORNING).turns() == later(days=1, hours=1, minutes=30)
    acknowledged = living([(24 * 60 + 121, "phase", "active")])
    assert said(acknowledged, found, 3_000) == "own 12h: missed 19 Nov 11:00, acknowledged 19 Nov 11:01"


def test_a_calendar_that_never_opens_leaves_a_clock_on_track_for_ever() -> None:
    company = UTC_TEXTS.replace("[calendars]\n", '[calendars]\npast = { dates = ["2020-01-01"] }\n')
    found = rules(
        '[[objective]]\nid = "own"\nstart = "created"\nstop = "acknowledged"\nwithin = "1h"\ncalendar = "past"\n'
        + STEPS,
        company,
    )
    made_ = running(living([]), found, MORNING)
    assert (made_.deadline, made_.turns(), list(made_.dues())) == (None, None, [])
    assert made_.line(found.defaults.timezone, MORNING) == "own 1h: on track"


held_minutes = st.lists(st.integers(1, 2_000), unique=True, max_size=8).map(sorted)


@settings(max_examples=60, deadline=None)
@given(held_minutes, st.integers(1, 600), st.booleans())
def test_a_clock_runs_out_when_somebody_who_counts_minutes_says_so(toggles: list[int], goal: int, hours: bool) -> None:
    found = own("created", "restored", f"{goal}m", "pause = 'hold'\n" + (HOURS if hours else ""), 'at = "50%"')
    one = living([(at, "hold", nth % 2 == 0) for nth, at in enumerate(toggles)])
    calendar = found.calendars["office"]
    ran, wanted = 0, None
    for minute in range(9_000):
        if wanted is None and ran == goal:
            wanted = minute
        held = sum(at <= minute for at in toggles) % 2 == 1
        ran += not held and (not hours or is_open(calendar, later(minutes=minute)))
    found_at = running(one, found, later(days=30)).deadline
    assert found_at == (None if wanted is None else later(minutes=wanted))


# ---- from when until when


@pytest.mark.parametrize(
    ("start", "changes", "begun", "why"),
    [
        ("created", [], 0, "made"),
        ("detected", [], 0, "no field: made"),
        ("assigned", [], None, "nobody was assigned"),
        ("assigned", [(5, "assignee", TOM), (9, "assignee", ANN)], 9, "the last time"),
        ("acknowledged", [], None, "nobody did"),
        ("acknowledged", [(7, "phase", "active")], 7, "it left new"),
        ("hold", [(5, "hold", True)], 5, "put on hold"),
        ("reopened", [], None, "never"),
        ("reopened", [(5, "phase", "resolved"), (8, "phase", "active")], 8, "opened again"),
        ("restored", [(5, "phase", "resolved")], 5, "resolved"),
        ("changed", [], 0, "nobody changed it"),
        ("changed", [(5, "severity", "low")], 5, "somebody did"),
        ("updated", [(5, "update", "x"), (6, "severity", "low")], 5, "an update was posted"),
        ("changed:reported", [], None, "it holds nothing"),
        ("changed:reported", [(5, "reported", MORNING), (6, "reported", None)], 6, "it changed, for the last time"),
        ("changed:service", [], 0, "it was filled when the ticket was made"),
    ],
)
def test_a_clock_starts_at_its_moment(
    start: str, changes: list[tuple[float, str, Value]], begun: float | None, why: str
) -> None:
    made_ = read(living(changes), own(start, "changed:region"), later(minutes=30))
    if begun is None:
        assert made_ == NoClock(f"its start, {start}, has not come"), why
    else:
        assert isinstance(made_, Clock), why
        assert (made_.begun, made_.unknown) == (later(minutes=begun), ""), why


@pytest.mark.parametrize(
    ("stop", "changes", "stopped", "why"),
    [
        ("restored", [], None, "not yet"),
        ("acknowledged", [(5, "phase", "active")], 5, "it left new"),
        ("detected", [], 0, "it is there from the start"),
        ("assigned", [(5, "assignee", TOM), (9, "assignee", ANN)], 5, "the first time counts"),
        ("assigned", [(5, "assignee", TOM), (9, "assignee", None)], None, "taken back"),
        ("hold", [(5, "hold", True)], 5, "put on hold"),
        ("hold", [(5, "hold", True), (6, "hold", False)], None, "it goes on"),
        ("reopened", [(5, "phase", "resolved"), (8, "phase", "active")], 8, "opened again"),
        ("changed", [], None, "nobody changed it"),
        ("changed", [(5, "severity", "low"), (6, "severity", "high")], 5, "the first change"),
        ("updated", [(5, "update", "x"), (9, "update", "y")], 5, "the first update"),
        ("changed:reported", [(5, "reported", MORNING), (9, "reported", later(hours=1))], 5, "when it was filled"),
        ("changed:reported", [(5, "reported", MORNING), (9, "reported", None)], None, "emptied again"),
    ],
)
def test_a_clock_stops_at_the_first_stop_that_still_stands(
    stop: str, changes: list[tuple[float, str, Value]], stopped: float | None, why: str
) -> None:
    wanted = later(minutes=stopped) if stopped is not None else None
    assert running(living(changes), own("created", stop), later(minutes=30)).stopped == wanted, why


def test_who_had_it_when_the_clock_started_stops_it_there() -> None:
    one = living([], {"assignee": TOM})
    assert running(one, own("created", "assigned"), later(minutes=30)).stopped == MORNING


def test_what_came_before_the_start_stops_the_clock_at_its_start() -> None:
    one = living([(5, "phase", "active"), (9, "assignee", TOM)])
    made_ = running(one, own("assigned", "acknowledged"), later(minutes=30))
    assert (made_.begun, made_.stopped, made_.band) == (later(minutes=9), later(minutes=9), "met")


def test_what_we_wrote_is_no_change_that_stops_a_clock() -> None:
    one = living([]).having({"severity": "high"}, later(minutes=5), ME)
    assert running(one, own("created", "changed"), later(minutes=30)).stopped is None


# ---- what cannot be known

HALF = later(minutes=60)
NO_HISTORY = "unknown, the history cannot be read back to its start"


@pytest.mark.parametrize(
    ("start", "stop", "more", "fields", "why"),
    [
        ("acknowledged", "restored", "", {}, "it may have left new at any time"),
        ("assigned", "restored", "", {"assignee": TOM}, "somebody has it, nobody knows since when"),
        ("changed:region", "restored", "", {"region": "asia"}, "filled, nobody knows when"),
        ("created", "acknowledged", "", {}, "it left new, nobody knows when"),
        ("created", "changed", "", {}, "somebody may have changed it"),
        ("created", "assigned", "", {"assignee": TOM}, "somebody was assigned, nobody knows when"),
        ("created", "restored", "pause = 'hold'", {}, "it may have been held"),
    ],
)
def test_what_the_history_does_not_say_is_unknown(
    start: str, stop: str, more: str, fields: dict[str, Value], why: str
) -> None:
    one = living([], fields, complete_since=HALF, phase="active")
    found, now = own(start, stop, more=more), later(minutes=90)
    made_ = running(one, found, now)
    assert made_.said(found.defaults.timezone, now) == NO_HISTORY, why
    assert (made_.deadline, made_.paused, made_.turns(), list(made_.dues())) == (None, None, None, []), why


def test_a_history_that_reaches_back_to_the_start_is_enough() -> None:
    one = living([(70, "assignee", TOM), (80, "hold", True), (85, "hold", False)], complete_since=HALF)
    found = own("assigned", "changed:reported", more="pause = 'hold'")
    assert running(one, found, later(minutes=90)).deadline == later(minutes=70 + 120 + 5)


def test_a_pause_that_cannot_be_read_makes_the_clock_unknown() -> None:
    found = own("created", "restored", more="pause = 'security'")
    made_ = running(living([]), found, later(minutes=5))
    assert made_.said(found.defaults.timezone) == "unknown, whether it stands still cannot be read"


@pytest.mark.parametrize("detected", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("more", ["", HOURS])
def test_a_moment_at_the_end_of_the_calendar_stops_no_look(detected: datetime, more: str) -> None:
    one = living([], {"detected": detected, "eta": detected, "last_recovery_point": detected})
    for found in (own("detected", "changed:reported", more=more), made(POINT)):
        made_ = running(one, found, later(minutes=30))
        assert made_.band in {"breached", "on track", "met"}
        assert made_.line(found.defaults.timezone, MORNING)
        assert len(list(made_.dues())) <= 3


# ---- the goal


@pytest.mark.parametrize(
    ("fields", "why", "unknown"),
    [
        ({"service": None}, "it has no service", False),
        ({"service": "mail"}, "it has no service", False),
        ({}, "its service is not known", True),
    ],
)
def test_without_a_goal_there_is_no_clock(fields: dict[str, Value], why: str, unknown: bool) -> None:
    assert read(replace(ticket(), fields=fields), made(), MORNING) == NoClock(why, unknown)


def test_a_service_without_the_goal_has_no_clock() -> None:
    found = made(RTO.replace('goal = "rto"', 'goal = "rpo"'))
    assert read(living([], {"service": "orders-db"}), found, MORNING) == NoClock("orders-db has no rpo")


def changed(minutes: float, id_: str, within: Value) -> Change:
    return Change(later(minutes=minutes), f"within:{id_}", None, within, ANN)


@pytest.mark.parametrize(
    ("changes", "goal", "why"),
    [
        ([changed(5, "rto", "6h")], 6, "a person's"),
        ([changed(5, "rto", "6h"), changed(9, "rto", "5h")], 5, "the last"),
        ([changed(5, "rto", "6h"), changed(9, "rto", "default")], 4, "taken back"),
        ([changed(5, "rto", "6h"), changed(9, "rto", None)], 4, "taken back, by a ledger that says nothing"),
        ([changed(5, "rto", "soon")], 4, "no goal at all"),
        ([changed(5, "other", "6h")], 4, "another clock's"),
        ([changed(5, "old", "6h")], 6, "under the id that the rule had"),
    ],
)
def test_a_person_may_give_a_clock_another_goal(changes: list[Change], goal: int, why: str) -> None:
    found = made(RTO.replace("goal =", 'was = ["old"]\ngoal ='))
    made_ = running(replace(living([]), history=tuple(changes)), found, later(minutes=30))
    assert (made_.goal, made_.deadline) == (timedelta(hours=goal), later(hours=goal)), why


def test_a_ticket_whose_service_has_no_goal_may_be_given_one() -> None:
    one = replace(living([], {"service": None}), history=(changed(5, "rto", "2h"),))
    assert said(one, made(), 30) == "RTO 2h: until 11:00, on track"


# ---- steps


def dues(one: Ticket, found: RuleSet, minutes: float) -> list[tuple[float, int]]:
    """Each step with the minutes after which it is due."""
    now = later(minutes=minutes)
    return [((at - MORNING) / timedelta(minutes=1), number) for at, number, _ in running(one, found, now).dues()]


def test_steps_are_due_at_shares_and_times_of_the_goal() -> None:
    assert dues(living([]), made(), 0) == [(120, 1), (210, 2), (250, 3)]


def test_a_pause_moves_what_is_to_come_and_nothing_else() -> None:
    held = [(130, "hold", True)]
    assert dues(living(held), made(HELD), 140) == [(120, 1)], "the others come when it goes on"
    assert dues(living([*held, (160, "hold", False)]), made(HELD), 170) == [(120, 1), (240, 2), (280, 3)]


def test_a_clock_that_stopped_warns_nobody() -> None:
    assert dues(living([(250, "phase", "resolved")]), made(), 300) == []


def test_a_warning_longer_before_the_end_than_the_goal_is_due_at_the_start() -> None:
    assert dues(living([]), made(RTO.replace("30m", "9h")), 0) == [(120, 1), (0, 2), (250, 3)]


def test_what_came_of_a_clock_that_stopped_can_be_counted() -> None:
    now = later(hours=9)
    assert running(living([(245, "phase", "resolved")]), made(), now).warned(now) == 2
    assert running(living([]), made(), now).warned(later(minutes=120)) == 1


def test_a_clock_turns_by_itself_at_its_first_warning_and_at_its_end() -> None:
    one, found = living([]), made()
    assert running(one, found, MORNING).turns() == later(minutes=120)
    assert running(one, found, later(minutes=120)).turns() == later(minutes=240)
    assert running(one, found, later(minutes=240)).turns() is None
    assert running(living([(5, "hold", True)]), made(HELD), later(minutes=9)).turns() is None
    assert running(living([(5, "phase", "resolved")]), found, later(minutes=9)).turns() is None
    assert running(one, found, MORNING).at(later(minutes=120)).band == "at risk"


def test_a_warning_at_the_end_alone_puts_nothing_at_risk() -> None:
    found = made('[[objective]]\nid = "rto"\ngoal = "rto"\nsteps = [{ at = "100%", to = ["lead:dba"] }]')
    assert running(living([]), found, later(minutes=239)).band == "on track"
    assert running(living([]), found, MORNING).turns() == later(minutes=240)


# ---- the recovery point

POINT = """
[[objective]]
id = "rpo"
goal = "rpo"
steps = [{ at = "50%", to = ["lead:dba"] }, { at = "100%", to = ["lead:dba"] }, { before = "5m", to = ["lead:dba"] }]
"""


@pytest.mark.parametrize(
    ("point", "line", "due", "why"),
    [
        (-20, "RPO 15m: missed, last recovery point 08:40", [2, 3, 1], "more is lost than may be: the worst first"),
        (-15, "RPO 15m: met, last recovery point 08:45", [2, 3, 1], "just as much as may be"),
        (-11, "RPO 15m: met, last recovery point 08:49", [3, 1], "near to it"),
        (-5, "RPO 15m: met, last recovery point 08:55", [], "little"),
        (5, "RPO 15m: met, last recovery point 09:05", [], "nothing: it is later than the trouble"),
    ],
)
def test_a_recovery_point_is_a_fact(point: float, line: str, due: list[int], why: str) -> None:
    one, found = living([(30, "last_recovery_point", later(minutes=point))]), made(POINT)
    assert said(one, found, 40) == line, why
    assert [number for _, number, _ in running(one, found, later(minutes=40)).dues()] == due, why
    assert {at for at, _, _ in running(one, found, later(minutes=40)).dues()} <= {later(minutes=30)}, why


def test_a_recovery_point_that_is_not_known_is_not_guessed() -> None:
    assert said(living([]), made(POINT), 40) == "RPO 15m: unknown, no last recovery point is known"


def test_a_recovery_point_that_was_there_from_the_start_is_known_from_there() -> None:
    one = living([], {"last_recovery_point": later(minutes=-60)})
    assert [at for at, _, _ in running(one, made(POINT), later(minutes=40)).dues()] == [MORNING] * 3


def test_a_fact_that_changes_is_known_from_then() -> None:
    one = living([(30, "last_recovery_point", later(minutes=-20)), (60, "last_recovery_point", later(minutes=-90))])
    assert {at for at, _, _ in running(one, made(POINT), later(minutes=70)).dues()} == {later(minutes=60)}
    given_ = replace(one, history=(*one.history, changed(65, "rpo", "10m")))
    assert {at for at, _, _ in running(given_, made(POINT), later(minutes=70)).dues()} == {later(minutes=65)}


# ---- several, and all of them in words


def test_the_tightest_is_what_ran_out_then_what_runs_out_next() -> None:
    def one(id_: str, hours: int, now: float = 60, changes: tuple[tuple[float, str, Value], ...] = ()) -> Clock:
        text = (
            f'[[objective]]\nid = "{id_}"\nstart = "created"\nstop = "restored"\nwithin = "{hours}h"\npause = \'hold\''
        )
        return running(living(changes), made(text + STEPS), later(minutes=now))

    breached, soon, late = one("breached", 1), one("soon", 2), one("late", 9)
    paused, met = one("paused", 2, changes=((5, "hold", True),)), one("met", 2, changes=((5, "phase", "closed"),))
    unknown = running(living([]), made(POINT), MORNING)
    missed = one("missed", 1, 200, ((100, "phase", "resolved"),))
    order = [breached, soon, late, paused, missed, unknown, met]
    for nth in range(len(order)):
        assert tightest(reversed(order[nth:])) is order[nth]


def test_a_clock_is_called_by_its_goal_or_its_own_name() -> None:
    named = made(
        RTO.replace('goal = "rto"', 'name = "Back again"\nstart = "created"\nstop = "restored"\nwithin = "1h"')
    )
    found = running(living([]), named, MORNING)
    assert (found.name, found.label, found.end) == ("Back again", "Back again 1h", "restored")
    assert running(living([]), own("created", "changed:reported"), MORNING).end == "reported"


def test_notes_tell_how_it_stands_and_why() -> None:
    one = living([(20, "eta", later(hours=9))])
    one = replace(one, history=(*one.history, changed(25, "rto", "6h")))
    found = made()
    assert running(one, found, later(minutes=30)).notes(found.defaults.timezone, later(minutes=30)) == (
        "RTO 6h: until 15:00, at risk",
        "it began 09:00",
        "Ann gave it this goal 09:25",
        "expected to be over 18:00, which is later",
    )
    point = running(living([]), made(POINT), MORNING).notes(found.defaults.timezone, MORNING)
    assert point == ("RPO 15m: unknown, no last recovery point is known",)


@pytest.mark.parametrize(
    ("id_", "within", "said"),
    [
        ("rto", "6h", "RTO is 6h now by Ann"),
        ("old", "6h", "RTO is 6h now by Ann"),
        ("rto", "default", "RTO is what its rule says again by Ann"),
        ("gone", "6h", "gone is 6h now by Ann"),
    ],
)
def test_another_goal_is_an_event_in_words(id_: str, within: str, said: str) -> None:
    found = made(RTO.replace("goal =", 'was = ["old"]\ngoal ='))
    one = replace(living([]), history=(changed(5, id_, within),))
    assert [event.text for event in events(one, found) if event.kind != "created"] == [said]


def test_a_rule_speaks_where_it_has_a_clock_since_that_began() -> None:
    found = made(RTO + RTO.replace('"rto"\ngoal', "\"off\"\nwhen = 'security'\ngoal") + POINT)
    one = living([], {"detected": later(minutes=-30), "service": "orders-db"})
    (decision,) = decide(("objective",), one, found, World(), later(minutes=5))
    assert (decision.rule.id, decision.since) == ("rto", later(minutes=-30))
    assert decision.clock is not None
    assert decision.clock.deadline == later(minutes=90)
