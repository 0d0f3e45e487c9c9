"""How rules would have done over past tickets, against figures that were worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.errors import Temporary
from connectors.model import Ticket, User, Value
from connectors.testing import BOT
from rules import load
from sandbox.world import World as Sandbox
from sync.again import life, live
from sync.cli import scoring
from sync.cli.app import app
from sync.effects import World as Known
from sync.ledger import Act
from sync.plan import with_acts
from sync.score import Life, Span, scores
from tests.sync.installation import install
from tests.world import COMPANY, MORNING, RULES, World

ANN, TOM, RITA = User("ann", "Ann"), User("tom", "Tom"), User("rita", "Rita")
END = MORNING + timedelta(days=2)
SPAN = Span(MORNING - timedelta(days=1), END)
EMPTY: dict[str, Value] = dict.fromkeys(("severity", "team", "assignee", "service", "affected_users"))


def minutes(count: float) -> datetime:
    return MORNING + timedelta(minutes=count)


def ticket(*changes: tuple[float, str, Value, User | None], key: str = "OPS-1", **made: Any) -> Ticket:
    """A ticket of the morning; each change is (minutes, word, value, who)."""
    own = {name: made.pop(name) for name in ("summary", "reporter", "complete_since") if name in made}
    begun = Ticket(
        key, key, "Checkout is down", MORNING, MORNING, source="memory", reporter=RITA, fields={**EMPTY, **made}
    )
    done = replace(begun, **own)
    for after, word, value, by in changes:
        done = done.having({word: value}, minutes(after), by)
    return done


def rules(text: str = RULES) -> load.RuleSet:
    return live(load.parse({"a.toml": COMPANY, "b.toml": text}, connectors=("memory", "slack")))


def lived(one: Ticket, text: str = RULES, span: Span = SPAN) -> Life:
    return life(one, rules(text), Known(me=BOT), span)


def judged(one: Ticket, rule: str = "critical-down", text: str = RULES) -> list[tuple[str, Value, Value]]:
    """What was made of a rule's decisions: the truth, what was wanted, what it became."""
    return [(j.truth, j.wanted, j.became) for j in lived(one, text).judged if j.rule == rule]


# ---- fields


@pytest.mark.parametrize(
    ("changes", "truth", "became", "why"),
    [
        ([], "nobody", None, "nobody ever said"),
        ([(5, "severity", "high", BOT)], "nobody", None, "what we wrote is no person's word"),
        ([(5, "severity", "high", ANN)], "same", "high", "a person did the same"),
        ([(5, "severity", "low", ANN)], "other", "low", "a person said something else"),
        ([(1, "severity", "high", BOT), (9, "severity", "low", TOM)], "other", "low", "we were corrected"),
        ([(5, "severity", "high", ANN), (9, "severity", "low", TOM)], "other", "low", "the last word counts"),
        ([(5, "severity", "low", ANN), (9, "severity", "high", TOM)], "same", "high", "they came to see it so"),
        ([(5, "severity", "medium", None)], "other", "medium", "whom the product does not name is somebody"),
    ],
)
def test_a_decision_is_judged_by_a_persons_last_word(
    changes: list[tuple[float, str, Value, User | None]], truth: str, became: Value, why: str
) -> None:
    assert judged(ticket(*changes, service="checkout")) == [(truth, "high", became)], why


def test_a_person_who_said_it_first_counts() -> None:
    first = ticket((2, "severity", "low", ANN), (10, "service", "checkout", TOM))
    assert judged(first) == [("other", "high", "low")]
    (one,) = (j for j in lived(first).judged if j.rule == "critical-down")
    assert (one.at, one.by, one.then) == (minutes(10), "Ann", minutes(2))


def test_what_the_reporter_said_when_making_it_counts_and_a_default_does_not() -> None:
    made = ticket(service="checkout", severity="medium")
    assert judged(made) == [("other", "high", "medium")]
    default = life(made, rules(), Known(me=BOT, defaults={"severity": "medium"}), SPAN)
    assert [(j.truth, j.became) for j in default.judged if j.rule == "critical-down"] == [("nobody", None)]
    assert judged(replace(made, reporter=BOT)) == [("nobody", "high", None)]


def test_a_decision_that_another_replaces_is_judged_up_to_then() -> None:
    grown = ticket(
        (0.5, "affected_users", 200.0, ANN), (10, "affected_users", 2000.0, ANN), (20, "severity", "high", TOM)
    )
    assert judged(grown, "many-users") == [("nobody", "medium", None), ("same", "high", "high")]


def test_a_rule_that_falls_silent_by_what_it_did_is_judged_by_what_came_after() -> None:
    text = '[[classify]]\nid = "otherwise"\nwhen = "not severity"\nset = { severity = "low" }\n'
    assert judged(ticket((30, "severity", "high", ANN)), "otherwise", text) == [("other", "low", "high")]
    assert judged(ticket(), "otherwise", text) == [("nobody", "low", None)]


def test_people_are_the_same_by_who_they_are() -> None:
    text = RULES.replace('team = "service.team"', 'team = "service.team"\npick = "on-call"')
    taken = ticket((5, "assignee", User("tom", "Tom"), TOM), service="checkout")
    given = ticket((5, "assignee", User("maria", "Maria"), TOM), service="checkout")
    sides = [[j.truth for j in lived(one, text).judged if j.field == "assignee"] for one in (taken, given)]
    assert sides == [["same"], ["other"]]


def test_a_click_is_the_word_of_whoever_clicked() -> None:
    from sync.ledger import Ledger

    act = Act("1", minutes(5), "ann", "set", {"severity": "low"})
    wrote = ticket((1, "severity", "high", BOT), (5, "severity", "low", BOT), service="checkout")
    assert judged(with_acts(wrote, Ledger("1", acts=(act,)))) == [("other", "high", "low")]


def test_a_field_that_is_not_there_is_unknown() -> None:
    bare = ticket(service="checkout")
    bare = replace(bare, fields={word: value for word, value in bare.fields.items() if word != "severity"})
    assert judged(bare) == [("unknown", "high", None)]


def test_only_what_began_within_the_span_counts() -> None:
    one = ticket((60, "service", "checkout", ANN))
    for since, count in ((MORNING, 1), (minutes(60), 1), (minutes(61), 0)):
        found = lived(one, span=Span(since, END)).judged
        assert len([j for j in found if j.rule == "critical-down"]) == count


def test_what_began_before_the_history_is_not_counted_and_what_came_after_is() -> None:
    known = minutes(10)
    early = replace(ticket(service="checkout"), complete_since=known)
    assert (lived(early).judged, lived(early).known) == ((), known)
    late = replace(ticket((20, "service", "checkout", ANN)), complete_since=known)
    assert judged(late) == [("unknown", "high", None)]
    late = replace(ticket((20, "service", "checkout", ANN), (30, "severity", "low", ANN)), complete_since=known)
    assert judged(late) == [("other", "high", "low")]


def test_watched_rules_are_scored_as_if_they_were_on_and_rules_that_are_off_are_not() -> None:
    watched = RULES.replace("[[classify]]", "[[classify]]\nmode = 'watch'")
    one = ticket((5, "severity", "low", ANN), service="checkout")
    assert lived(one, watched) == lived(one)
    off = RULES.replace("[[classify]]", "[[classify]]\nmode = 'off'")
    found = scores([lived(one, off)], rules(off))
    assert [score.rule.id for score in found] == ["service-team", "unacknowledged", "card", "milestones"]


def test_a_decision_does_not_look_into_the_future() -> None:
    whole = ticket(
        (3, "summary", "All is well", ANN), (5, "affected_users", 150.0, TOM), (8, "severity", "low", ANN),
        (12, "summary", "Checkout is down again", ANN), (15, "service", "checkout", TOM), (30, "phase", "active", ANN),
    )  # fmt: skip
    every = lived(whole)
    for moment in range(40):
        then = minutes(moment)
        early = lived(whole.at(then), span=Span(SPAN.since, then))
        known = [(j.rule, j.at, j.field, j.wanted) for j in every.judged if j.at <= then]
        assert sorted((j.rule, j.at, j.field, str(j.wanted)) for j in early.judged) == sorted(
            (rule, at, field, str(wanted)) for rule, at, field, wanted in known
        )
        assert {(c.rule, c.since) for c in early.climbs} == {(c.rule, c.since) for c in every.climbs if c.since <= then}


# ---- ladders and messages


@pytest.mark.parametrize(
    ("changes", "steps", "ending", "why"),
    [
        ([(3, "phase", "active", ANN)], 0, "acknowledged", "before the first step"),
        ([(7, "phase", "active", ANN)], 1, "acknowledged", "between the first and the second"),
        ([(16, "acknowledged", True, ANN)], 2, "acknowledged", "a click counts as well"),
        ([(20, "severity", "low", ANN)], 2, "otherwise", "it was lowered"),
        ([], 5, "never", "three steps, and twice the last again"),
    ],
)
def test_a_ladder_counts_the_steps_that_came_before_it_ended(
    changes: list[tuple[float, str, Value, User | None]], steps: int, ending: str, why: str
) -> None:
    (climb,) = lived(ticket(*changes, service="checkout")).climbs
    assert (climb.since, climb.steps, climb.ending) == (MORNING, steps, ending), why


def test_a_ladder_that_begins_again_is_another_one() -> None:
    again = ticket((3, "phase", "active", ANN), (60, "acknowledged", None, ANN), service="checkout")
    assert [(c.since, c.steps, c.ending) for c in lived(again).climbs] == [
        (MORNING, 0, "acknowledged"),
        (minutes(60), 5, "never"),
    ]


def test_messages_are_counted_when_they_would_first_stand_and_news_by_event() -> None:
    one = ticket((3, "phase", "resolved", ANN), (9, "phase", "active", ANN), (12, "phase", "resolved", ANN),
                 service="checkout")  # fmt: skip
    said = lived(one).told
    assert [(t.rule, t.at) for t in said if t.rule == "card"] == [("card", MORNING)]
    assert [t.at for t in said if t.rule == "milestones"] == [minutes(3), minutes(9), minutes(12)]


def test_an_update_rule_is_counted_once_for_each_time_that_it_begins_to_speak() -> None:
    often = '[[update]]\nid = "often"\nwhen = \'severity == "high"\'\nevery = "5m"\nto = ["place:incidents"]\n'
    one = ticket((0, "severity", "high", ANN), (20, "severity", "low", ANN), (40, "severity", "high", ANN))
    assert [m.at for m in lived(one, RULES + often).told if m.rule == "often"] == [minutes(0), minutes(40)]


def test_a_score_is_the_sum_of_its_tickets() -> None:
    tickets = [
        ticket((5, "severity", "high", ANN), key="OPS-1", service="checkout"),
        ticket((1, "severity", "high", BOT), (5, "severity", "low", ANN), key="OPS-2", service="checkout"),
        ticket((2, "severity", "medium", TOM), (9, "service", "checkout", TOM), key="OPS-3"),
        ticket(key="OPS-4", service="checkout"),
        ticket(key="OPS-5", summary="All is well"),
    ]
    found = {score.rule.id: score for score in scores([lived(one) for one in tickets], rules())}
    down = found["critical-down"]
    assert (down.tickets, len(down.judged)) == (4, 4)
    assert [down.count(truth) for truth in ("same", "other", "nobody", "unknown")] == [1, 2, 1, 0]
    assert down.agreed == pytest.approx(1 / 3)
    assert [one.key for one in down.disagreements] == ["OPS-3", "OPS-2"]
    assert found["many-users"].agreed is None
    ladder = found["unacknowledged"]
    # OPS-1 and OPS-4 climb to the end; OPS-2 is lowered at 5 minutes, as its first step comes; OPS-3 is never high
    assert (ladder.tickets, ladder.calls, ladder.acknowledged(0)) == (3, 11, 0)
    assert [lived(one) for one in tickets] == [lived(one) for one in tickets], "the same tickets, the same figures"


@pytest.mark.uncounted
def test_a_ticket_of_endless_moments_counts_as_read_in_part() -> None:
    from sync import again

    busy = ticket(*((n / 10, "summary", f"Checkout is down {n}", ANN) for n in range(1, again.MOMENTS + 2)))
    assert lived(busy).known == MORNING


# ---- the command


def test_the_command_reads_what_is_whole_and_names_what_is_not() -> None:
    world = World()
    refs = [world.ticket(key=f"OPS-{n}") for n in (1, 2, 3)]
    world.at("09:10")
    world.person(refs[1], severity="low")
    tickets = world.tracker.tickets
    tickets[refs[2]] = replace(tickets[refs[2]], complete_since=MORNING + timedelta(minutes=1), ledger="{")
    told = scoring.scored(world.engine, timedelta(days=30), lambda done, total: None)
    assert (len(told.lives), told.unread, told.partly) == (2, ("OPS-3",), ())
    down = next(score for score in told.scores if score.rule.id == "critical-down")
    assert [down.count(truth) for truth in ("same", "other", "nobody")] == [0, 1, 1]


@pytest.mark.parametrize(("failing", "count"), [(1, 3), (4, 0), (5, None)])
def test_one_ticket_that_cannot_be_read_costs_no_other_and_an_outage_ends_it(
    monkeypatch: pytest.MonkeyPatch, failing: int, count: int | None
) -> None:
    world = World()
    refs = [world.ticket(key=f"OPS-{n}") for n in range(max(failing, 4))]
    tickets, get = world.tracker.tickets, world.tracker.get
    for ref in refs[:failing]:
        tickets[ref] = replace(tickets[ref], complete_since=MORNING + timedelta(minutes=1))

    def unsteady(ref: str) -> Ticket:
        if ref in refs[:failing]:
            raise Temporary("could not read it: HTTP 500")
        return get(ref)

    monkeypatch.setattr(world.tracker, "get", unsteady)
    if count is None:
        with pytest.raises(Temporary):
            scoring.scored(world.engine, timedelta(days=30), lambda done, total: None)
        return
    told = scoring.scored(world.engine, timedelta(days=30), lambda done, total: None)
    assert (len(told.lives), len(told.unread)) == (count, failing)


def test_how_far_back_is_a_span_or_a_moment() -> None:
    assert scoring.reach("2w") == timedelta(days=14)
    assert scoring.reach("2026-11-01T00:00Z") == datetime.fromisoformat("2026-11-01T00:00+00:00")
    with pytest.raises(ValueError, match="is no duration"):
        scoring.reach("long")


def test_it_is_told_as_tables_with_examples(tmp_path: Path) -> None:
    with Sandbox() as box:
        config = install(tmp_path, box)
        keys = [box.create("ann", {"Summary": "Checkout is down"}) for _ in range(3)]
        box.clock.advance(timedelta(minutes=2))
        box.change("ann", keys[0], {"Severity": "High"})
        box.change("ann", keys[1], {"Severity": "Low"})
        box.clock.advance(timedelta(hours=2))
        done = CliRunner().invoke(app, ["score", "--config", str(config), "--since", "1d"])
        assert done.exit_code == 0, done.output
        assert "3 tickets lived through again" in done.output
        rows = {line.split()[0]: line.split()[1:] for line in done.output.splitlines() if line.strip()}
        assert rows["down"][:5] == ["3", "3", "1", "1", "1"]
        assert f"{keys[1]}  severity: high, but Ann" in done.output
        said = json.loads(CliRunner().invoke(app, ["score", "--config", str(config), "--format", "json"]).output)
        assert said["tickets"] == 3
        (down,) = [one for one in said["rules"] if one["id"] == "down"]
        assert (down["fired"], down["same"], down["other"], down["nobody"]) == (3, 1, 1, 1)
        wrong = CliRunner().invoke(app, ["score", "--config", str(config), "--since", "soon"])
        assert (wrong.exit_code, "is no duration" in wrong.output) == (2, True)


# ---- mutes

MUTE = """
[[mute]]
id = "move"
mutes = ["escalate", "notify"]
from = 2026-11-23T08:00:00
until = 2026-11-23T10:00:00
"""


@pytest.mark.parametrize(
    ("until", "steps", "why"),
    [
        ("10:00", 1, "of what came in the mute, what was taken before its end was never called"),
        ("09:07", 2, "a step comes when the mute ends"),
        ("09:00", 2, "a mute that is over mutes nothing"),
    ],
)
def test_a_step_comes_when_its_mute_ends(until: str, steps: int, why: str) -> None:
    taken = ticket((20, "phase", "active", ANN), severity="high", service="checkout", team="payments")
    mute = MUTE.replace("10:00", until).replace("08:00", "08:30" if until != "10:00" else "09:06")
    (climb,) = (climb for climb in lived(taken, RULES + mute).climbs if climb.rule == "unacknowledged")
    assert climb.steps == steps, why


def test_a_message_is_counted_when_its_mute_ends_and_that_a_ticket_is_resolved_at_once() -> None:
    changes = ((30, "phase", "resolved", ANN), (40, "phase", "new", ANN))
    done = ticket(*changes, severity="high", service="checkout", team="payments")
    assert [(m.rule, m.at) for m in lived(done, RULES + MUTE).told] == [
        ("card", minutes(60)),
        ("milestones", minutes(30)),
        ("milestones", minutes(60)),
    ]
    long = lived(done, RULES + MUTE.replace("23T10:00", "24T08:00")).told
    assert [(m.rule, m.at) for m in long] == [
        ("card", minutes(23 * 60)), ("milestones", minutes(30)), ("milestones", minutes(23 * 60)),
    ], "what a mute held is as old as its end"  # fmt: skip
    without_end = lived(done, RULES + MUTE.replace("until = 2026-11-23T10:00:00\n", "")).told
    assert [(m.rule, m.at) for m in without_end] == [("milestones", minutes(30))]


def test_news_of_closed_hours_that_is_too_old_when_they_end_is_not_counted() -> None:
    never = '\n[calendars.never]\ndates = ["2020-01-01"]\n'
    done = ticket((30, "phase", "resolved", ANN), severity="high", service="checkout", team="payments")
    text = RULES.replace('id = "milestones"', 'id = "milestones"\nduring = "never"')
    assert [m.rule for m in lived(done, text + never).told] == ["card"]


def test_a_mute_has_no_score_of_its_own() -> None:
    assert "move" not in {score.rule.id for score in scores([], rules(RULES + MUTE))}


# ---- clocks

CLOCK = """
[[objective]]
id = "answer"
when = 'severity == "high"'
start = "created"
stop = "acknowledged"
within = "1h"
steps = [{ at = "50%", to = ["lead:team"] }, { after = "1h", to = ["lead:team"] }]
"""


@pytest.mark.parametrize(
    ("changes", "band", "warnings", "why"),
    [
        ([(0, "severity", "high", ANN), (20, "phase", "active", TOM)], "met", 0, "in time, before any warning"),
        ([(0, "severity", "high", ANN), (45, "phase", "active", TOM)], "met", 1, "in time, after one"),
        ([(0, "severity", "high", ANN), (150, "phase", "active", TOM)], "missed", 2, "too late, after both"),
        ([(0, "severity", "high", ANN)], "breached", 2, "never"),
        ([(5, "severity", "high", ANN), (9, "severity", "low", ANN)], "breached", 2, "the rule spoke of it once"),
    ],
)
def test_a_clock_is_scored_by_how_it_stood_in_the_end(changes: list[Any], band: str, warnings: int, why: str) -> None:
    (timed,) = lived(ticket(*changes), CLOCK).timed
    assert (timed.band, timed.warnings) == (band, warnings), why
    (score,) = scores([lived(ticket(*changes), CLOCK)], rules(CLOCK))
    assert (score.tickets, score.stood("met"), score.stood("missed", "breached")) == (1, band == "met", band != "met")


def test_a_clock_of_which_no_rule_ever_spoke_is_not_scored() -> None:
    assert lived(ticket((5, "severity", "low", ANN)), CLOCK).timed == ()


def test_what_a_clock_writes_is_no_decision_that_people_judge() -> None:
    text = CLOCK.replace("steps", 'field = "affected"\nsteps', 1)
    company = COMPANY.replace("[fields]\n", '[fields]\naffected = { type = "text" }\n')
    found = live(load.parse({"a.toml": company, "b.toml": text}, connectors=("memory", "slack")))
    one = ticket((0, "severity", "high", ANN), (200, "affected", "mine", ANN), affected=None)
    assert life(one, found, Known(me=BOT), SPAN).judged == ()
