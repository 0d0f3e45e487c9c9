"""Ladders: the moments that they count from, steps with conditions of their own, and how calls follow from a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import Change, Ticket, User
from connectors.testing import BOT
from rules import load
from rules.calendar import between, is_open
from rules.model import Escalate
from sync.again import life, live
from sync.cli.live import wanted
from sync.config import Config
from sync.judge import judge
from sync.ladder import dues
from sync.score import Span
from sync.trial import rehearsal
from sync.trial import world as virtual
from tests.world import COMPANY, MORNING, RULES, World

INCIDENTS, ANN, TOM, MARIA = "#incidents", "U-ann", "U-tom", "U-maria"

STILL = """
[[escalate]]
id = "still-on-it"
when = 'severity == "high" and acknowledged'
since = "changed"
steps = [{ after = "30m", to = ["lead:payments"] }, { after = "45m", then = "unacknowledge" }]
"""
LADDER = """
[[escalate]]
id = "ladder"
when = 'severity'
since = "{}"
steps = [{{ after = "10m", to = ["person:maria"] }}]
"""


def rung(world: World) -> list[str]:
    """When Maria was called."""
    return [f"{post.at:%H:%M}" for post in world.posts if post.place == MARIA]


# ---- since: every moment that a ticket remembers


def assigned(world: World, ref: str) -> None:
    world.person(ref, "ann", assignee=world.engine.tracker.me())


def hold(world: World, ref: str) -> None:
    world.click("hold", ref, "ann", reason="waiting")


def acknowledged_by_act(world: World, ref: str) -> None:
    world.click("acknowledge", ref, "ann")


def acknowledged_by_phase(world: World, ref: str) -> None:
    world.person(ref, "ann", phase="active")


def reopened(world: World, ref: str) -> None:
    world.person(ref, "ann", phase="resolved")
    world.person(ref, "ann", phase="active")


def changed(world: World, ref: str) -> None:
    world.person(ref, "ann", summary="Checkout is down in Berlin")


def commented(world: World, ref: str) -> None:
    world.tracker.comment(ref, "I look.", "ann")
    world.look(ref)


def posted(world: World, ref: str) -> None:
    world.click("update", ref, "ann", text="Failover runs.")


def raised(world: World, ref: str) -> None:
    world.person(ref, "ann", severity="medium")


def nothing(world: World, ref: str) -> None:
    world.look(ref)


Happens = Callable[[World, str], None]


@pytest.mark.parametrize(
    ("since", "happens", "called"),
    [
        ("created", nothing, ["09:10"]),
        ("detected", nothing, ["09:10"]),
        ("assigned", nothing, []),
        ("assigned", assigned, ["09:15"]),
        ("acknowledged", nothing, []),
        ("acknowledged", acknowledged_by_act, ["09:15"]),
        ("acknowledged", acknowledged_by_phase, ["09:15"]),
        ("hold", nothing, []),
        ("hold", hold, ["09:15"]),
        ("reopened", nothing, []),
        ("reopened", reopened, ["09:15"]),
        ("restored", nothing, []),
        ("changed", nothing, ["09:10"]),
        ("changed", changed, ["09:15"]),
        ("changed", commented, ["09:15"]),
        ("changed", posted, ["09:15"]),
        ("updated", nothing, ["09:10"]),
        ("updated", changed, ["09:10"]),
        ("updated", posted, ["09:15"]),
        ("changed:severity", nothing, ["09:10"]),
        ("changed:severity", raised, ["09:15"]),
        ("changed:severity", changed, ["09:10"]),
    ],
)
def test_steps_are_counted_from_the_moment_that_is_named(since: str, happens: Happens, called: list[str]) -> None:
    world = World(LADDER.format(since))
    ref = world.ticket(severity="high")
    happens(world.at("09:05"), ref)
    world.at("09:40")
    assert rung(world) == called


def test_steps_are_counted_from_the_moment_at_which_it_was_detected_or_restored_where_a_field_says_so() -> None:
    for word in ("detected", "restored"):
        world = World(LADDER.format(word))
        world.ticket(severity="high", **{word: MORNING + timedelta(minutes=7)})
        world.at("09:40")
        assert rung(world) == ["09:17"], word


def test_what_we_changed_by_ourselves_is_no_change_by_a_person() -> None:
    set_it = '[[classify]]\nid = "set"\nwhen = \'mentions(text, "Berlin")\'\nset = { severity = "high" }\n'
    world = World(set_it + LADDER.format("changed"))
    ref = world.ticket(severity="low", summary="Checkout is down in Berlin")
    assert [c.field for c in world.tracker.tickets[ref].history if c.by == BOT] == []
    world.at("09:04").tracker.tickets[ref] = world.tracker.tickets[ref].having({"severity": "high"}, world.now, BOT)
    world.at("09:11")
    assert rung(world) == ["09:10"]


def test_it_never_counts_from_before_its_condition_became_true() -> None:
    world = World(LADDER.format("created").replace("'severity'", "'severity == \"high\"'"))
    ref = world.ticket(severity="low")
    world.at("10:00").person(ref, "ann", severity="high")
    world.at("10:09:59")
    assert rung(world) == []
    world.at("10:10:01")
    assert rung(world) == ["10:10"]


# ---- the hours of a calendar

HOURS = """
[defaults]
timezone = "Europe/Berlin"
[calendars]
office = { hours = { mon-thu = "08:00-18:00", fri = "08:00-12:00, 13:00-16:00" } }
[people]
tom = { slack = "U-tom" }
"""
OFFICE = '[calendars]\noffice = { hours = { mon-sun = "08:00-09:20, 13:00-18:00" } }\n'


def test_with_a_calendar_only_its_hours_count_and_with_during_all_count_and_calls_wait() -> None:
    steps = '{ after = "30m", to = ["person:maria"] }'
    for key, when in (("calendar", "13:10"), ("during", "13:00")):
        rules = f'{OFFICE}[[escalate]]\nid = "ladder"\n{key} = "office"\nsteps = [{steps}]\n'
        world = World(rules)
        world.ticket()
        world.at("15:00")
        assert rung(world) == [when], key


def test_a_step_for_which_the_calendar_never_opens_long_enough_does_not_come() -> None:
    today = '[calendars]\ntoday = { dates = ["2026-11-23"] }\n'
    steps = '{ after = "30m", to = ["person:maria"] }, { after = "20h", to = ["person:tom"] }'
    world = World(f'{today}[[escalate]]\nid = "ladder"\ncalendar = "today"\nsteps = [{steps}]\n')
    ref = world.ticket()
    assert [what for _, what, _ in lines(world, ref)] == ["call maria"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7 * 24 * 60), st.lists(st.integers(1, 40 * 60), min_size=1, max_size=3, unique=True))
def test_with_a_calendar_every_step_is_due_in_open_time_after_so_much_of_it(begun: int, minutes: list[int]) -> None:
    afters = sorted(minutes)
    steps = ", ".join(f'{{ after = "{after}m", to = ["person:tom"] }}' for after in afters)
    text = f'{HOURS}[[escalate]]\nid = "ladder"\ncalendar = "office"\nsteps = [{steps}]\n'
    rules = load.parse({"10.toml": text}, connectors=("slack",))
    rule, since = rules.by_id["ladder"], MORNING + timedelta(minutes=begun)
    assert isinstance(rule, Escalate)
    office = rules.calendars["office"]
    found = [moment.due for moment in dues(rule, since, rules)]
    assert len(found) == len(afters)
    for due, after in zip(found, afters, strict=True):
        assert is_open(office, due - timedelta(microseconds=1)), "the last of it passed while it was open"
        assert between(office, since, due) == timedelta(minutes=after)


# ---- conditions true at each step

STEPS = """
[fields]
x = { type = "number" }
[[escalate]]
id = "ladder"
steps = [{ after = "10m", to = ["person:ann"] },
         { after = "20m", to = ["person:maria"], when = 'not hold' },
         { after = "30m", to = ["person:tom"] }]
"""


def places(world: World) -> list[tuple[str, str]]:
    return [(f"{post.at:%H:%M}", post.place) for post in world.posts]


def lines(world: World, ref: str) -> list[tuple[str, str, str]]:
    return [(i.status, i.effect.what, i.reason) for i in world.plan(ref).items if i.effect.sort == "call"]


def world_of_steps(rules: str = STEPS) -> tuple[World, str]:
    world = World(rules.replace('[fields]\nx = { type = "number" }\n', ""))
    return world, world.ticket(severity="high")


def test_a_step_whose_condition_is_not_true_at_its_moment_is_passed_over_and_the_plan_says_why() -> None:
    world, ref = world_of_steps()
    world.at("09:15").click("hold", ref, "ann", reason="the vendor")
    assert ("not", "call maria", "only if not hold, and it is not so") in lines(world, ref)
    world.at("09:25").click("resume", ref, "ann")
    assert ("not", "call maria", "only if not hold, and it was not so then") in lines(world, ref)
    world.at("10:00")
    assert places(world) == [("09:10", ANN), ("09:30", TOM)], "it is over, also when it is so again"


def test_a_step_whose_condition_is_true_is_made_and_stays_made_whatever_comes_later() -> None:
    world, ref = world_of_steps()
    world.at("09:25").click("hold", ref, "ann", reason="the vendor")
    assert ("done", "call maria", "") in lines(world, ref)
    world.at("10:00")
    assert places(world) == [("09:10", ANN), ("09:20", MARIA), ("09:30", TOM)]


def test_a_late_call_is_made_only_if_its_condition_was_true_then_and_still_is() -> None:
    world, ref = world_of_steps()
    world.at("09:15").down = True
    world.at("09:25").tracker.person(ref, "ann", hold=True)
    world.at("09:35").restart()
    assert [place for _, place in places(world)] == [ANN, TOM]
    assert ("not", "call maria", "only if not hold, and it is not so") in lines(world, ref)


def test_a_condition_that_cannot_be_known_passes_a_step_over() -> None:
    world = World(STEPS.replace("not hold", "affected_users > 100").replace('[fields]\nx = { type = "number" }\n', ""))
    ref = world.ticket(severity="high")
    world.at("09:21")
    assert ("not", "call maria", "only if affected_users > 100, and that is unknown") in lines(world, ref)
    assert "step 2 only if affected_users > 100, which is unknown" in world.click("why", ref, "ann").replace("\\", "")


def test_somebody_who_escalates_brings_forward_the_first_step_whose_condition_is_true() -> None:
    world, ref = world_of_steps()
    world.at("09:11").click("hold", ref, "ann", reason="the vendor")
    assert world.click("escalate", ref, "ann") == "OPS-1 is escalated: call tom."
    world.at("09:15").click("resume", ref, "ann")
    world.at("10:00")
    assert places(world) == [("09:10", ANN), ("09:11", TOM), ("09:20", MARIA)]


def test_skip_leaves_out_the_next_step_whose_condition_is_true() -> None:
    world, ref = world_of_steps(
        STEPS.replace(
            '{ after = "30m", to = ["person:tom"] }',
            '{ after = "30m", to = ["person:tom"] }, { after = "40m", to = ["lead:payments"] }',
        )
    )
    world.at("09:11").click("hold", ref, "ann", reason="the vendor")
    world.at("09:12").click("skip", ref, "ann", what="step")
    world.at("10:00")
    assert places(world) == [("09:10", ANN), ("09:40", MARIA)]


def test_where_a_step_reached_nobody_the_next_whose_condition_is_true_is_made_at_once() -> None:
    world, ref = world_of_steps(
        STEPS.replace("person:ann", "role:poc").replace("[fields]", "[roles]\npoc = {}\n[fields]")
    )
    world.at("09:05").click("hold", ref, "ann", reason="the vendor")
    world.at("09:11")
    assert places(world) == [("09:10", INCIDENTS), ("09:10", TOM)], "the fallback, and the step after the one passed"


# ---- explain, score, tests


def test_explain_says_how_the_conditions_of_steps_stand() -> None:
    world, ref = world_of_steps()
    assert "step 2 only if not hold, which is so" in world.click("why", ref, "ann").replace("\\", "")
    world.click("hold", ref, "ann", reason="the vendor")
    assert "step 2 only if not hold, which is not so" in world.click("why", ref, "ann").replace("\\", "")


def test_a_test_expects_what_each_step_does_by_its_own_condition() -> None:
    tests = """
[[test]]
name = "On hold the second step is passed over"
ticket = { severity = "high" }
then = [
    { after = "5m", by = "ann", set = { hold = true }, expect = { "after 20m" = ["person:ann"] } },
    { after = "26m", by = "ann", set = { hold = false }, expect = { "after 5m" = ["person:tom"] } },
]
"""
    text = STEPS.replace('[fields]\nx = { type = "number" }\n', "")
    found = load.parse({"00.toml": COMPANY, "10.toml": text + tests}, connectors=("memory", "slack"))
    results = [judge(case, rehearsal(found), virtual()) for case in found.cases]
    assert [failure.came for result in results for failure in result.failures] == []


def test_score_counts_the_steps_whose_condition_was_true_and_the_ladder_that_silence_began_again() -> None:
    text = RULES + STEPS.replace('[fields]\nx = { type = "number" }\n', "") + STILL
    found = live(load.parse({"00.toml": COMPANY, "10.toml": text}, connectors=("memory", "slack")))
    ann = User("U-ann", "ann")
    history = (
        Change(MORNING + timedelta(minutes=1), "severity", None, "high", ann),
        Change(MORNING + timedelta(minutes=2), "phase", "new", "active", ann),
        Change(MORNING + timedelta(minutes=15), "hold", None, True, ann),
    )
    fields = {"severity": "high", "hold": True}
    one = Ticket(
        "1", "OPS-1", "Odd", MORNING, MORNING + timedelta(minutes=15), phase="active", fields=fields, history=history
    )
    span = Span(MORNING, MORNING + timedelta(hours=2))
    found_climbs = life(one, found, virtual(("slack",)), span).climbs
    climbs = {(climb.rule, f"{climb.since:%H:%M}", climb.steps) for climb in found_climbs}
    assert ("ladder", "09:00", 2) in climbs, "the second step was passed over, since it was on hold"
    assert ("unacknowledged", "10:00", 4) in climbs, f"asked at 09:45; nobody answered until 10:00: {climbs}"
    assert ("still-on-it", "09:15", 1) in climbs, "a question is a call, what comes of silence is none"


def test_check_live_asks_for_the_words_that_steps_and_since_read() -> None:
    world = World(
        STEPS.replace('[fields]\nx = { type = "number" }\n', "").replace("not hold", "affected_users > 5")
        + LADDER.format("changed:service").replace('"ladder"', '"other"')
    )
    asked = wanted(Config(), world.engine.rules, world.tracker).words
    assert dict(asked).keys() == {"affected_users", "service", "severity"}
