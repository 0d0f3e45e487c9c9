"""Objectives, told with a clock: who is warned when, what stands on the ticket, and what a person may change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from connectors.model import Command, Question, User, Value
from connectors.testing import BOT
from rules import load
from sync import show
from sync.cli.live import wanted
from sync.clocks import reaching
from sync.commands import form, understood
from sync.config import Config
from sync.ledger import Act, Ledger
from sync.look import Site
from tests.world import COMPANY, MORNING, RULES, World

MARIA, MANAGEMENT, INCIDENTS, TOM = "U-maria", "#management", "#incidents", "U-tom"
OURS = COMPANY.replace(
    "[fields]\n", '[fields]\nrecovery = { type = "text" }\nreported = { type = "moment" }\n'
).replace('criticality = "critical"', 'criticality = "critical"\nrto = "4h"\nrpo = "15m"')
RTO = """
[[objective]]
id = "rto"
goal = "rto"
pause = 'hold'
steps = [{ at = "50%", to = ["lead:service.team"] },
         { before = "30m", to = ["audience:management"] },
         { after = "10m", to = ["audience:management"] }]
"""
FIELD = RTO.replace("steps =", 'field = "recovery"\nsteps =')
RPO = """
[[objective]]
id = "rpo"
goal = "rpo"
steps = [{ at = "100%", to = ["audience:management"] }]
"""


OWN_GOAL = 'start = "created"\nstop = "restored"\nwithin = "9h"'


def world(rules: str = RTO, company: str = OURS, site: Site | None = None) -> World:
    return World(rules=rules, company=company, site=site)


def opened(made: World, **fields: Value) -> str:
    return made.ticket(
        **{"severity": "high", "hold": False, "recovery": None, "reported": None, "last_recovery_point": None, **fields}
    )


def told(made: World, place: str) -> list[tuple[str, str]]:
    """What stands at a place, each with the time at which it was posted."""
    return [(f"{post.at:%H:%M}", post.message.text) for post in made.posts if post.place == place]


def times(made: World, place: str) -> list[str]:
    return [at for at, _ in told(made, place)]


def log_of(made: World, ref: str) -> list[str]:
    return [line.removeprefix("- ").replace("\\", "") for line in made.log(ref).splitlines() if line.startswith("- ")]


# ---- warnings


def test_each_step_warns_its_own_people_at_its_moment() -> None:
    made = world()
    opened(made)
    made.at("13:30")
    assert told(made, MARIA) == [
        ("11:00", "**OPS-1** Checkout is down: RTO 4h runs out at 13:00. https://tracker.example.org/OPS-1")
    ]
    assert told(made, MANAGEMENT) == [
        ("12:30", "**OPS-1** Checkout is down: RTO 4h runs out at 13:00. https://tracker.example.org/OPS-1"),
        ("13:10", "**OPS-1** Checkout is down: RTO 4h ran out at 13:00. https://tracker.example.org/OPS-1"),
    ]


def test_a_warning_says_that_it_is_expected_too_late_and_has_buttons_that_help() -> None:
    made = world()
    ref = opened(made)
    made.click("eta", ref, time="15:00")
    made.at("11:01")
    post = next(post for post in made.posts if post.place == MARIA)
    assert "RTO 4h runs out at 13:00, and it is expected to last until 15:00." in post.message.text
    assert [button.verb for button in post.message.buttons] == ["acknowledge", "eta", "update"]


def test_a_step_may_say_something_of_its_own_with_the_moment() -> None:
    made = world(RTO.replace('to = ["lead:service.team"]', 'to = ["lead:service.team"], text = "by {{ rto_until }}"'))
    opened(made)
    made.at("11:01")
    assert told(made, MARIA) == [("11:00", "by 13:00")]


def test_after_downtime_everybody_who_is_due_is_warned_once_and_nobody_twice() -> None:
    made = world()
    opened(made)
    made.down = True
    made.at("14:00")
    made.restart()
    assert (times(made, MARIA), times(made, MANAGEMENT)) == (["14:00"], ["14:00"])
    assert "ran out at 13:00" in told(made, MARIA)[0][1]
    made.restart()
    made.at("20:00")
    assert (times(made, MARIA), times(made, MANAGEMENT)) == (["14:00"], ["14:00"])


def test_a_ticket_that_is_raised_late_has_its_time_behind_it() -> None:
    made = world(RTO.replace("goal =", "when = 'severity == \"high\"'\ngoal ="))
    ref = opened(made, severity="low")
    made.at("11:30")
    assert times(made, MARIA) == []
    made.person(ref, severity="high")
    assert times(made, MARIA) == ["11:30"]
    made.at("12:31")
    assert times(made, MANAGEMENT) == ["12:30"]


def test_while_it_is_held_nobody_is_warned_and_the_rest_moves() -> None:
    made = world()
    ref = opened(made)
    made.at("10:00")
    made.person(ref, hold=True)
    assert made.plan(ref).wake is None, "nothing comes by itself"
    made.at("15:00")
    assert made.posts == []
    made.person(ref, hold=False)
    made.at("16:01")
    assert times(made, MARIA) == ["16:00"]
    assert "runs out at 18:00" in told(made, MARIA)[0][1]


def test_what_was_due_before_it_was_held_is_made_however_late_and_says_that_it_stands_still() -> None:
    made = world()
    ref = opened(made)
    made.down = True
    made.at("11:30")
    made.tracker.person(ref, "ann", hold=True)
    made.at("12:00")
    made.restart()
    assert [text for _, text in told(made, MARIA)] == [
        "**OPS-1** Checkout is down: RTO 4h stands still since 11:30. https://tracker.example.org/OPS-1"
    ]


def test_once_restored_nobody_is_warned_and_the_buttons_are_gone() -> None:
    made = world()
    ref = opened(made)
    made.at("11:01")
    made.person(ref, phase="resolved")
    assert next(post for post in made.posts if post.place == MARIA).message.buttons == ()
    made.at("20:00")
    assert (times(made, MARIA), times(made, MANAGEMENT)) == (["11:00"], [])


def test_a_reopened_clock_goes_on_and_its_breach_is_not_told_twice() -> None:
    made = world()
    ref = opened(made)
    made.at("13:15")
    made.person(ref, phase="resolved")
    made.at("13:30")
    made.person(ref, phase="active")
    made.at("20:00")
    assert (times(made, MARIA), times(made, MANAGEMENT)) == (["11:00"], ["12:30", "13:10"])
    assert "RTO 4h: until 13:00, breached" in show.text(made.plan(ref), made.engine.rules)


def test_of_an_unknown_clock_nobody_is_warned_and_it_says_why() -> None:
    made = world()
    ref = made.ticket(summary="Checkout is down", severity="high", hold=False)
    made.tracker.tickets[ref] = replace(made.tracker.tickets[ref], complete_since=MORNING + timedelta(minutes=1))
    made.restart()
    made.at("20:00")
    assert made.posts == []
    why = "the history cannot be read back to its start"
    assert show.head(made.plan(ref)).endswith(f"RTO 4h: unknown, {why}")
    assert made.plan(ref).notices == {"clocks": f"OPS-1: nobody is warned by RTO 4h ({why})"}


def test_nobody_to_warn_is_told_to_the_fallback() -> None:
    made = world(RTO.replace('"lead:service.team"', '"assignee"'))
    opened(made)
    made.at("11:01")
    assert "(nobody found for assignee)" in told(made, INCIDENTS)[0][1]


def test_a_mute_of_objectives_holds_warnings_until_it_ends() -> None:
    mute = '[[mute]]\nid = "quiet"\nmutes = ["objective"]\nuntil = 2026-11-23T12:00:00Z\n'
    made = world(RTO + mute)
    opened(made)
    made.at("12:01")
    assert times(made, MARIA) == ["12:00"]


def test_what_is_watched_is_told_in_the_private_place_only() -> None:
    made = world(FIELD.replace("goal =", 'mode = "watch"\ngoal ='), site=Site(watch=("slack", "#watch")))
    ref = opened(made)
    made.at("11:01")
    assert (times(made, MARIA), made.field(ref, "recovery")) == ([], None)
    said = "\n".join(made.said("#watch"))
    assert "I would have warned maria" in said
    assert "RTO: until 13:00, at risk" in said
    assert made.plan(ref).clocks == ()


# ---- clocks of one's own


def test_a_clock_runs_on_when_its_ticket_is_over_also_after_the_grace_and_a_restart() -> None:
    text = """
[[objective]]
id = "regulator"
start = "detected"
stop = "changed:reported"
within = "72h"
steps = [{ before = "12h", to = ["audience:management"] }, { at = "10%", to = ["lead:service.team"] }]
"""
    made = world(text)
    ref = opened(made)
    made.person(ref, phase="resolved")
    made.later(timedelta(hours=50))
    assert made.engine.reaching(made.now) <= made.now - timedelta(hours=72)
    made.wakes.clear()
    made.restart()
    made.later(timedelta(hours=11))
    assert [f"{post.at:%d %H:%M}" for post in made.posts if post.place == MANAGEMENT] == ["25 21:00"]
    made.person(ref, reported=made.now)
    assert show.head(made.plan(ref)).endswith("regulator 3d: met, reported 22:00")


@pytest.mark.parametrize(
    ("keys", "hours", "why"),
    [
        ('start = "created"\nstop = "updated"\nwithin = "5h"', 6, "the goal and the last step after it"),
        ('start = "created"\nstop = "updated"\nwithin = "5000h"', 24 * 92, "no list reaches back for ever"),
        ('start = "created"\nstop = "updated"\nwithin = "5h"\npause = "hold"', 24 * 92, "it may stand still for long"),
        ('start = "created"\nstop = "updated"\nwithin = "5h"\nmode = "off"', 2, "it is off"),
        ('start = "created"\nstop = "acknowledged"\nwithin = "5h"', 2, "it ends with the ticket"),
    ],
)
def test_tickets_are_listed_as_far_back_as_a_clock_may_run(keys: str, hours: int, why: str) -> None:
    text = f'[[objective]]\nid = "own"\n{keys}\nsteps = [{{ after = "1h", to = ["audience:management"] }}]\n'
    found = load.parse({"company.toml": OURS, "rules.toml": text}, connectors=("memory", "slack"))
    assert reaching(found, MORNING - timedelta(hours=2), MORNING) == MORNING - timedelta(hours=hours), why


# ---- the recovery point


def test_a_recovery_point_that_was_missed_is_told_once_and_again_only_when_it_changes() -> None:
    made = world(RPO)
    ref = opened(made)
    made.at("09:30")
    assert made.posts == []
    assert show.head(made.plan(ref)).endswith("RPO 15m: unknown, no last recovery point is known")
    made.person(ref, last_recovery_point=MORNING - timedelta(hours=1))
    made.at("12:00")
    made.restart()
    lost = "RPO 15m is missed: the last recovery point is 08:00, the trouble was detected 09:00"
    assert told(made, MANAGEMENT) == [
        ("09:30", f"**OPS-1** Checkout is down: {lost}. https://tracker.example.org/OPS-1")
    ]
    made.person(ref, last_recovery_point=MORNING - timedelta(hours=3))
    made.person(ref, phase="resolved")
    assert [text.partition("point is ")[2][:5] for _, text in told(made, MANAGEMENT)] == ["08:00", "06:00"]


def test_a_recovery_point_that_was_met_is_told_to_nobody() -> None:
    made = world(RPO)
    ref = opened(made)
    made.person(ref, last_recovery_point=MORNING - timedelta(minutes=10))
    made.at("12:00")
    assert made.posts == []
    assert "RPO 15m: met, last recovery point 08:50" in show.head(made.plan(ref))


# ---- on the ticket


def test_how_it_stands_is_written_on_the_ticket_and_only_when_that_changes() -> None:
    made = world(FIELD)
    ref = opened(made)
    for moment in ("09:10", "10:00", "10:59", "11:00", "11:10", "12:59", "13:00", "14:00"):
        made.at(moment)
        made.look(ref)
    made.person(ref, phase="resolved")
    made.later(timedelta(days=2))
    changes = [c for c in made.tracker.tickets[ref].history if c.field == "recovery"]
    assert [(f"{change.at:%H:%M}", change.after) for change in changes] == [
        ("09:00", "RTO: until 13:00, on track"),
        ("11:00", "RTO: until 13:00, at risk"),
        ("13:00", "RTO: until 13:00, breached"),
        ("14:00", "RTO: missed 13:00, restored 14:00"),
    ]
    assert {change.by for change in changes} == {BOT}


def test_midnight_changes_nothing_of_it() -> None:
    made = world(FIELD.replace('goal = "rto"', 'start = "created"\nstop = "restored"\nwithin = "40h"'))
    ref = opened(made)
    assert made.field(ref, "recovery") == "rto: until 25 Nov 01:00, on track"
    made.at("23:59")
    made.later(timedelta(minutes=2))
    changes = [c.after for c in made.tracker.tickets[ref].history if c.field == "recovery"]
    assert changes == ["rto: until 25 Nov 01:00, on track"]


def test_it_is_looked_at_when_it_turns_though_nobody_can_be_warned() -> None:
    company = OURS.replace('fallback = ["place:incidents"]', "fallback = []")
    made = world(
        FIELD.replace('"lead:service.team"', '"assignee"').replace('"audience:management"', '"assignee"'), company
    )
    ref = opened(made)
    made.at("11:01")
    assert made.field(ref, "recovery") == "RTO: until 13:00, at risk"
    made.at("13:01")
    assert made.field(ref, "recovery") == "RTO: until 13:00, breached"


def test_what_a_person_wrote_there_stays() -> None:
    made = world(FIELD)
    ref = opened(made)
    made.person(ref, recovery="Back by lunch, says Tom")
    made.at("13:30")
    assert made.field(ref, "recovery") == "Back by lunch, says Tom"
    plan = show.text(made.plan(ref), made.engine.rules)
    assert "left alone: ann set it 09:00" in plan
    assert "NEXT" not in plan, "nothing is promised of a field that is somebody's"


def test_of_several_clocks_the_tightest_is_written() -> None:
    other = FIELD.replace('id = "rto"', 'id = "answer"\nname = "Answer"').replace(
        'goal = "rto"', 'start = "created"\nstop = "acknowledged"\nwithin = "1h"'
    )
    made = world(FIELD + other)
    ref = opened(made)
    assert made.field(ref, "recovery") == "Answer: until 10:00, on track"
    made.at("10:01")
    assert made.field(ref, "recovery") == "Answer: until 10:00, breached"
    made.person(ref, phase="active")
    assert made.field(ref, "recovery") == "RTO: until 13:00, on track"
    assert [clock.rule.id for clock in made.plan(ref).clocks] == ["rto", "answer"]


def test_what_comes_after_sees_the_ticket_as_the_clock_writes_it() -> None:
    card = '[[notify]]\nid = "card"\nto = ["place:incidents"]\ntext = "{{ key }}: {{ recovery }}, {{ rto_until }}"\n'
    made = world(FIELD + card)
    ref = opened(made)
    assert made.said(INCIDENTS) == ["OPS-1: RTO: until 13:00, on track, 13:00"]
    made.at("11:01")
    assert made.said(INCIDENTS) == ["OPS-1: RTO: until 13:00, at risk, 13:00"]
    made.person(ref, hold=True)
    assert made.said(INCIDENTS) == ["OPS-1: RTO: paused since 11:01, "], "no moment stands while the clock does"


def test_an_escalation_says_by_when_it_must_be_restored() -> None:
    ladder = (
        '[[escalate]]\nid = "a"\nsteps = [{ after = "5m", to = ["place:incidents"], text = "by {{ rto_until }}" }]\n'
    )
    answer = RTO.replace('id = "rto"', 'id = "answer"').replace(
        'goal = "rto"', 'start = "created"\nstop = "acknowledged"\nwithin = "1h"'
    )
    made = world(RTO + answer + RPO + ladder)
    opened(made)
    made.at("09:06")
    assert made.said(INCIDENTS) == ["by 13:00"], "the clock until it is restored, not the tighter one"
    made = world(answer + ladder)
    opened(made)
    made.at("09:06")
    assert made.said(INCIDENTS) == ["by"]


# ---- plan, log, status, explain


def test_the_plan_begins_with_the_tightest_clock_and_tells_all_of_them_as_data() -> None:
    made = world(RTO + RPO)
    ref = opened(made)
    assert show.text(made.plan(ref), made.engine.rules).splitlines() == [
        "OPS-1  Checkout is down  high  new  RTO 4h: until 13:00, on track",
        "NEXT  11:00  warn maria        unless restored",
        "      12:30  warn #management  unless restored",
        "      13:10  warn #management  unless restored",
    ]
    first, second = show.data(made.plan(ref))["objectives"]
    assert first == {
        "rule": "rto",
        "goal": "4h",
        "state": "on track",
        "since": "2026-11-23T09:00:00+00:00",
        "until": "2026-11-23T13:00:00+00:00",
        "stopped": None,
        "paused": None,
        "unknown": None,
    }
    assert (second["state"], second["until"], second["unknown"]) == ("unknown", None, "no last recovery point is known")


def test_the_log_says_when_it_runs_out() -> None:
    made = world(FIELD + RULES.partition("[[assign]]")[0])
    ref = opened(made, severity=None)
    assert log_of(made, ref)[:5] == [
        "11:00 recovery = RTO: until 13:00, at risk",
        "11:00 warn maria, unless restored",
        "12:30 warn #management, unless restored",
        "13:00 RTO 4h runs out, unless restored",
        "13:10 warn #management, unless restored",
    ]
    made.person(ref, hold=True)
    assert log_of(made, ref)[0].startswith("nothing by itself"), "nothing comes while it stands still"


def test_status_tells_every_clock() -> None:
    made = world(RTO + RPO)
    ref = opened(made)
    answer = made.click("status", ref)
    assert answer.splitlines()[1:4] == [
        "• RTO 4h: until 13:00, on track",
        "• RPO 15m: unknown, no last recovery point is known",
        "• 11:00 warn maria, unless restored",
    ]


def test_why_says_how_a_clock_stands() -> None:
    idle = RTO.replace('"rto"\ngoal', '"idle"\ngoal').replace(
        'goal = "rto"', 'start = "hold"\nstop = "updated"\nwithin = "1h"'
    )
    made = world(RTO + RPO + idle)
    ref = opened(made)
    assert [line for line in made.click("why", ref).splitlines() if line.startswith("- ")] == [
        "- **rto** (objective) fired: RTO 4h: until 13:00, on track; it began 09:00",
        "- **rpo** (objective) unknown: RPO 15m: unknown, no last recovery point is known",
        "- **idle** (objective) did not: its start, hold, has not come",
    ]


# ---- another goal


def test_a_person_gives_a_clock_another_goal_with_a_reason_and_what_is_to_come_moves() -> None:
    made = world(FIELD)
    ref = opened(made)
    made.at("11:01")
    assert times(made, MARIA) == ["11:00"]
    answer = made.click("override", ref, objective="rto", within="6h", reason="the vendor   sends a part")
    assert answer == "OPS-1 now: RTO 6h: until 15:00, on track."
    assert made.field(ref, "recovery") == "RTO: until 15:00, on track"
    assert "11:01 ann: override objective rto, within 6h, reason the vendor sends a part" in log_of(made, ref)
    made.at("14:31")
    assert times(made, MARIA) == ["11:00", "12:00"], "half of six hours is later than what was told"
    assert times(made, MANAGEMENT) == ["14:30"]


def test_what_was_told_is_not_told_again_for_an_earlier_moment() -> None:
    made = world()
    ref = opened(made)
    made.at("11:30")
    made.click("override", ref, objective="rto", within="3h", reason="the board wants it")
    made.at("11:31")
    assert (times(made, MARIA), times(made, MANAGEMENT)) == (["11:00"], ["11:30"])


def test_a_goal_is_taken_back() -> None:
    made = world()
    ref = opened(made)
    made.click("override", ref, objective="rto", within="6h", reason="a")
    assert made.click("override", ref, objective="rto", within="normal", reason="b").startswith("OPS-1 now: RTO 4h")
    assert made.plan(ref).clocks[0].changed is None


def test_a_ticket_without_a_goal_may_be_given_one_and_lose_it_again() -> None:
    made = world()
    ref = opened(made, service=None)
    assert made.plan(ref).clocks == ()
    assert made.click("override", ref, within="2h", reason="a") == "OPS-1 now: RTO 2h: until 11:00, on track."
    assert made.click("override", ref, within="default", reason="b") == "OPS-1 now: rto has no goal."


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("6h because x", "override needs to know: objective; there is rto, rpo."),
        ("rtp 6h because x", "OPS-1 has no clock rtp; there is rto, rpo. Did you mean rto?"),
        ("rto 6h", "override needs to know: reason"),
        ("rto", "override needs to know: within"),
        ("RTO 4h because x", "RTO 4h: until 13:00, on track: that is the goal of OPS-1 already."),
    ],
)
def test_what_is_no_override_is_answered_and_changes_nothing(said: str, answer: str) -> None:
    made = world(RTO + RPO)
    ref = opened(made)
    assert made.click("words", ref, text=f"override OPS-1 {said}") == answer
    assert Ledger.loads(made.tracker.tickets[ref].ledger, ref).acts == ()


@pytest.mark.parametrize("goal", ["soon", "999999999999d", "0m"])
def test_what_is_no_goal_is_answered(goal: str) -> None:
    made = world()
    answer = made.click("override", opened(made), objective="rto", within=goal, reason="x")
    assert answer == f"{goal} is no goal; write it as 6h, as 1h30m, or as default."


def test_a_clock_that_is_over_has_the_goal_that_it_had() -> None:
    made = world()
    ref = opened(made)
    made.at("13:05")
    made.person(ref, phase="resolved")
    answer = made.click("override", ref, objective="rto", within="6h", reason="it looks better")
    assert answer == "RTO 4h: missed 13:00, restored 13:05: that clock of OPS-1 is over."


def test_without_a_clock_there_is_nothing_to_override() -> None:
    made = world(RULES)
    assert made.click("override", opened(made), within="6h", reason="x") == "No clock runs for OPS-1."


def test_only_who_may_overrides() -> None:
    made = world(company=OURS + '[permissions]\noverride = ["lead:team"]\n')
    ref = opened(made, team="payments")
    asked = {"objective": "rto", "within": "6h", "reason": "x"}
    assert made.click("override", ref, **asked) == "Only lead:team (maria) may override OPS-1."
    assert made.click("override", ref, "maria", **asked).startswith("OPS-1 now: RTO 6h")


@pytest.mark.parametrize(
    ("said", "objective", "within", "reason"),
    [
        ("override OPS-1 rto 6h because the vendor is slow", "rto", "6h", "the vendor is slow"),
        ("OPS-1 override the rto to 6 hours: no part", "rto", "6 hours", "no part"),
        ("override OPS-1 6h, because of 2 parts", None, "6h", "of 2 parts"),
        ("override OPS-1 first-answer default as it is night", "first-answer", "default", "it is night"),
        ("change goal OPS-1 rto 1 hour and 30 minutes - why not", "rto", "1 hour and 30 minutes", "why not"),
        ("override OPS-1 rto", "rto", None, None),
        ("override OPS-1", None, None, None),
    ],
)
def test_an_override_may_be_said_in_words(
    said: str, objective: str | None, within: str | None, reason: str | None
) -> None:
    rules = world().engine.rules
    found = understood(Command("", "words", User("U-ann"), "slack", {"text": said}), rules)
    assert (found.verb, found.ref) == ("override", "OPS-1")
    assert [found.args.get(name) for name in ("objective", "within", "reason")] == [objective, within, reason]


def test_what_an_override_lacks_is_asked_for() -> None:
    def asked(rules: str, **args: str) -> list[Question]:
        found = form(Command("1", "override", User("U-ann"), "slack", args), world(rules).engine.rules)
        return list(found.questions) if found is not None else []

    assert [q.name for q in asked(RTO)] == ["within", "reason"]
    first = asked(RTO + RPO)[0]
    assert (first.name, first.options) == ("objective", ("rto", "rpo"))
    assert asked(RTO, within="6h", reason="x") == []


def test_a_ledger_whose_override_was_damaged_stops_nothing() -> None:
    made = world()
    ref = opened(made)
    act = Act("x", made.now, "ann", "override", {"objective": "rto", "within": "ever"})
    made.tracker.write(ref, None, Ledger(ref).with_act(act).dumps())
    made.look(ref)
    assert show.head(made.plan(ref)).endswith("RTO 4h: until 13:00, on track")


def test_time_alone_is_no_flood_and_a_rule_that_changes_is() -> None:
    made = world(FIELD, site=Site(edits=2))
    refs = [opened(made, key=f"OPS-{number}") for number in range(1, 7)]
    made.at("13:01")
    assert {made.field(ref, "recovery") for ref in refs} == {"RTO: until 13:00, breached"}
    assert "flood" not in made.engine.notices
    made.reload(FIELD.replace("steps =", 'name = "x"\nsteps =').replace('goal = "rto"', OWN_GOAL))
    assert "flood" in made.engine.notices


def test_a_ticket_that_is_held_again_and_again_is_no_quarrel() -> None:
    made = world(FIELD)
    ref = opened(made)
    for minute in range(10, 50, 10):
        made.at(f"09:{minute}")
        made.person(ref, hold=True)
        made.at(f"09:{minute + 5}")
        made.person(ref, hold=False)
    assert made.field(ref, "recovery") == "RTO: until 13:20, on track"
    assert made.plan(ref).notices == {}


def test_check_asks_the_tracker_for_the_words_that_clocks_read_and_write_and_for_whom_they_warn() -> None:
    regulator = FIELD.replace("'hold'", "'hold_reason'").replace(
        'id = "rto"\ngoal = "rto"', 'id = "own"\nstart = "detected"\nstop = "changed:reported"\nwithin = "72h"'
    )
    found = world(regulator + RPO.replace("audience:management", "slack:#board"))
    words = wanted(Config(), found.engine.rules, found.tracker).words
    assert dict(words) == {
        "hold_reason": "text", "recovery": "text", "reported": "moment", "last_recovery_point": "moment"
    }  # fmt: skip
    assert "#board" in wanted(Config(), found.engine.rules, found.messengers["slack"]).addresses


def test_what_changed_tells_the_goal_in_words_and_nothing_of_what_the_clock_writes() -> None:
    ladder = '[[escalate]]\nid = "l"\nsteps = [{ after = "30m", to = ["place:incidents"], text = "{{ changed }}" }]\n'
    ladder += ladder.replace('"l"', '"m"').replace("30m", "50m")
    update = '[[update]]\nid = "u"\nevery = "20m"\nto = ["slack:#all"]\n'
    made = world(FIELD.replace("50%", "5%") + ladder + update)
    ref = opened(made)
    made.at("09:25")
    assert "Nothing has changed" in made.said("#all")[0]
    made.click("override", ref, within="6h", reason="x")
    made.at("09:45")
    assert made.said(INCIDENTS) == ["RTO is 6h now by ann"]
    assert "RTO is 6h now by ann" in made.said("#all")[1]
    made.click("override", ref, within="default", reason="x")
    made.at("09:55")
    assert made.said(INCIDENTS)[1] == "RTO is 6h now by ann; RTO is what its rule says again by ann"


def test_a_field_whose_clock_is_none_any_more_is_emptied_where_it_still_says_what_the_clock_said() -> None:
    made = world(FIELD.replace("goal =", "when = 'severity == \"high\"'\ngoal ="))
    first, second = opened(made), opened(made, key="OPS-2")
    made.person(second, recovery="mine")
    for ref in (first, second):
        made.person(ref, severity="low")
    assert [made.field(ref, "recovery") for ref in (first, second)] == [None, "mine"]
    assert [item.effect.what for item in made.plan(first).items] == []
    made.person(first, severity="high")
    assert made.field(first, "recovery") == "RTO: until 13:00, on track"


def test_what_a_rule_sets_is_no_clocks_to_write_or_to_empty() -> None:
    sets = '[[classify]]\nid = "c"\nset = { recovery = "by hand" }\n'
    made = world(sets + FIELD + FIELD.replace('"rto"\ngoal', '"off"\nmode = "off"\ngoal'))
    ref, other = opened(made), opened(made, key="OPS-2", service=None)
    made.at("13:30")
    assert [made.field(one, "recovery") for one in (ref, other)] == ["by hand", "by hand"]
    assert made.plan(ref).notices == {}


@pytest.mark.parametrize("steps", [(31,), (3_600,), (1, 30, 600, 45)])
def test_however_often_it_is_looked_at_the_same_is_said(steps: tuple[int, ...]) -> None:
    made = world(FIELD + RPO)
    ref, chosen = opened(made), Random(sum(steps))
    happened: list[tuple[int, dict[str, Value]]] = [
        (50, {"hold": True}),
        (80, {"hold": False}),
        (160, {"last_recovery_point": MORNING - timedelta(hours=2)}),
        (310, {"phase": "resolved"}),
    ]
    for minutes, change in happened:
        until = MORNING + timedelta(minutes=minutes)
        while made.now < until:
            made.until(min(until, made.now + timedelta(seconds=chosen.choice(steps))))
            made.look(ref)
        made.person(ref, **change)
    assert [c.after for c in made.tracker.tickets[ref].history if c.field == "recovery"] == [
        "RTO: until 13:00, on track",
        "RTO: paused since 09:50",
        "RTO: until 13:30, on track",
        "RTO: until 13:30, at risk",
        "RTO: until 13:30, breached",
        "RTO: missed 13:30, restored 14:10",
    ]
    assert (times(made, MARIA), times(made, MANAGEMENT)) == (["11:30"], ["11:40", "13:00", "13:40"])
