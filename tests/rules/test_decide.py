"""What the rules want: per field the first that speaks, ladders from the right moment, news of what happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from connectors.model import Change, Comment, Ticket, User, Value
from rules.decide import Decision, World, became_true, decide
from rules.model import RuleSet
from tests.rules.example import ANN, COMPANY, EMPTY, MARIA, MORNING, TOM, compiled, later, rules, ticket

ME = User("bot")


def rule(kind: str, id_: str, **keys: str) -> str:
    """A rule; each value is written as in TOML."""
    return "\n".join((f"[[{kind}]]", f'id = "{id_}"', *(f"{key} = {value}" for key, value in keys.items()), ""))


def fields(made: RuleSet, one: Ticket, world: World | None = None, now: datetime = MORNING) -> dict[str, Value]:
    """What the rules that are on want of the fields."""
    found = decide(("classify", "assign"), one, made, world or World(), now)
    return {d.field: d.value for d in found if d.rule.mode == "on"}


def spoken(made: RuleSet, one: Ticket, kind: str = "escalate", now: datetime = MORNING) -> dict[str, datetime]:
    """Which rules speak, each since when."""
    return {d.rule.id: d.since for d in decide((kind,), one, made, World(me=ME), now)}


# ---- classify


def test_per_field_the_first_rule_that_speaks_decides() -> None:
    made = rules(
        rule("classify", "no", when="'hold'", set='{ severity = "low" }')
        + rule("classify", "a", set='{ severity = "medium", region = "asia" }')
        + rule("classify", "b", set='{ severity = "high", security = true }')
        + rule("classify", "off", set="{ affected_users = 3 }", mode='"off"')
    )
    assert fields(made, ticket()) == {"severity": "medium", "region": "asia", "security": True}


@pytest.mark.parametrize(
    ("users", "promised", "level", "why"),
    [
        (1_000, None, "high", "at or above"),
        (999.5, None, "medium", "below the highest"),
        (1, None, None, "below all"),
        (None, None, None, "empty"),
        (100, 7, "high", "the highest of several fields"),
    ],
)
def test_thresholds_reach_the_highest_level(users: float | None, promised: Value, level: str | None, why: str) -> None:
    company = COMPANY.replace('promised = { type = "moment" }', 'promised = { type = "number" }')
    made = rules(
        rule(
            "classify",
            "users",
            thresholds="{ affected_users = { high = 1000, medium = 100 }, promised = { high = 7 } }",
        ),
        company,
    )
    found = decide(("classify",), ticket({"affected_users": users, "promised": promised}), made, World(), MORNING)
    assert [d.value for d in found] == ([level] if level else []), why


def test_a_threshold_says_why() -> None:
    made = rules(rule("classify", "users", name='"Many users"', thresholds="{ affected_users = { high = 1000 } }"))
    (one,) = decide(("classify",), ticket({"affected_users": 1400}), made, World(), MORNING)
    assert one == Decision(made.rules[0], MORNING, ("Many users (affected_users 1400 >= 1000)",), "severity", "high")


def test_what_a_rule_sets_goes_before_its_thresholds() -> None:
    made = rules(rule("classify", "a", set='{ severity = "low" }', thresholds="{ affected_users = { high = 1 } }"))
    assert fields(made, ticket({"affected_users": 5})) == {"severity": "low"}


@pytest.mark.parametrize(
    ("set_", "least", "held", "wanted", "why"),
    [
        ("low", "medium", None, "medium", "raised above what was decided"),
        ("high", "medium", None, "high", "never lowered"),
        (None, "medium", "low", "medium", "raised above what it is"),
        (None, "medium", None, "medium", "raised above nothing"),
        (None, "medium", "high", None, "it is more already, so nothing is wanted"),
        (None, "medium", "medium", None, "it is that already"),
    ],
)
def test_at_least_only_raises(set_: str | None, least: str, held: str | None, wanted: str | None, why: str) -> None:
    text = rule("classify", "least", at_least=f'{{ severity = "{least}" }}')
    if set_ is not None:
        text += rule("classify", "set", set=f'{{ severity = "{set_}" }}')
    assert fields(rules(text), ticket({"severity": held})).get("severity") == wanted, why


def test_at_least_tells_its_steps_and_keeps_the_force_of_what_it_raises() -> None:
    made = rules(
        rule("classify", "a", set='{ severity = "low" }', force="true")
        + rule("classify", "b", at_least='{ severity = "medium" }', force="true")
        + rule("classify", "c", at_least='{ severity = "high" }')
        + rule("classify", "d", at_least='{ severity = "low" }', force="true")
    )
    (one,) = decide(("classify",), ticket(), made, World(), MORNING)
    assert (one.value, one.force, one.floor) == ("high", True, "medium")
    assert one.why == ("a", "b: at least medium", "c: at least high")


def test_a_forced_floor_is_told_even_where_nothing_has_to_be_raised() -> None:
    made = rules(
        rule("classify", "a", set='{ severity = "high" }')
        + rule("classify", "b", at_least='{ severity = "medium" }', force="true")
    )
    (one,) = decide(("classify",), ticket({"severity": "low"}), made, World(), MORNING)
    assert (one.rule.id, one.value, one.floor, one.force) == ("a", "high", "medium", False)


def test_watched_rules_decide_beside_the_others_and_never_for_them() -> None:
    made = rules(
        rule("classify", "watched", set='{ severity = "high", region = "asia" }', mode='"watch"')
        + rule("classify", "live", set='{ severity = "low" }')
        + rule("classify", "same", set='{ region = "europe" }')
        + rule("classify", "also", at_least='{ severity = "medium" }', mode='"watch"')
        + rule("classify", "agrees", set="{ security = true }", mode='"watch"')
        + rule("classify", "live-too", set="{ security = true }")
    )
    found = decide(("classify",), ticket(), made, World(), MORNING)
    assert [(d.rule.id, d.field, d.value) for d in found] == [
        ("watched", "severity", "high"),
        ("watched", "region", "asia"),
        ("live", "severity", "low"),
        ("same", "region", "europe"),
        ("live-too", "security", True),
    ]


# ---- assign


ON_CALL = rule("assign", "a", when="'service'", team='"service.team"', pick='"on-call"')


def test_the_team_of_the_service_and_whoever_is_on_call() -> None:
    assert fields(rules(ON_CALL), ticket({"service": "orders-db"})) == {"team": "dba", "assignee": "tom"}
    next_week = later(days=7)
    assert fields(rules(ON_CALL), ticket({"service": "orders-db"}), now=next_week)["assignee"] == "maria"


def test_a_service_without_a_team_assigns_nobody() -> None:
    company = COMPANY.replace('orders-db = { team = "dba", ', "orders-db = { ")
    assert fields(rules(ON_CALL, company), ticket({"service": "orders-db"})) == {}
    assert fields(rules(rule("assign", "a", team='"service.team"', pick='"on-call"')), ticket()) == {}


@pytest.mark.parametrize(
    ("changes", "holder", "wanted", "why"),
    [
        ([], None, "tom", "nobody has it"),
        ([], MARIA, "tom", "her shift ended, and nobody acknowledged"),
        ([("phase", "new", "active")], MARIA, None, "she has taken it"),
        ([("acknowledged", None, True)], ANN, None, "a stranger has it"),
        ([("phase", "new", "active")], None, "tom", "begun, but nobody has it"),
        ([("phase", "new", "resolved")], None, None, "it is over"),
    ],
)
def test_whoever_has_an_acknowledged_ticket_keeps_it(
    changes: list[tuple[str, Value, Value]], holder: User | None, wanted: str | None, why: str
) -> None:
    history = tuple(Change(later(minutes=1), *change) for change in changes)
    phase = next((str(change[2]) for change in changes if change[0] == "phase"), "new")
    one = ticket({"service": "orders-db", "assignee": holder}, history=history, phase=phase)
    assert fields(rules(ON_CALL), one).get("assignee") == wanted, why


def test_least_loaded_takes_whoever_has_the_fewest_and_stays_with_them() -> None:
    made = rules(rule("assign", "a", team='"dba"', pick='"least-loaded"'))
    busy = World({"maria": 3, "tom": 1})
    assert fields(made, ticket(), busy)["assignee"] == "tom"
    assert fields(made, ticket({"assignee": MARIA}), busy)["assignee"] == "maria"
    assert fields(made, ticket({"assignee": ANN}), busy)["assignee"] == "tom"


def test_rotate_gives_each_ticket_its_own_rank_of_people() -> None:
    made = rules(rule("assign", "a", team='"dba"', pick='"rotate"'))
    chosen = {fields(made, ticket(ref=str(n)), World({"tom": 99}))["assignee"] for n in range(20)}
    assert chosen == {"maria", "tom"}
    assert len({str(fields(made, ticket(ref="7"))) for _ in range(5)}) == 1


def test_whoever_is_away_or_lacks_a_skill_is_never_picked() -> None:
    away = COMPANY.replace("tom = { email", 'tom = { away = ["2026-11-18"], email')
    assert fields(rules(ON_CALL, away), ticket({"service": "orders-db"}))["assignee"] == "maria"
    person = rule("assign", "a", person='"tom"')
    assert fields(rules(person), ticket())["assignee"] == "tom"
    assert "assignee" not in fields(rules(person, away), ticket())
    skilled = rule("assign", "a", team='"dba"', pick='"rotate"', skills='["postgres"]')
    assert {fields(rules(skilled), ticket(ref=str(n)))["assignee"] for n in range(9)} == {"maria"}
    able = rule("assign", "a", team='"dba"', pick='"on-call"', skills='["postgres"]')
    assert "assignee" not in fields(rules(able), ticket())  # Tom is on call


def test_a_team_without_members_is_its_lead() -> None:
    made = rules(rule("assign", "a", team='"payments"', pick='"least-loaded"'))
    assert fields(made, ticket())["assignee"] == "tom"


def test_a_pick_without_a_team_is_of_the_team_decided_or_the_tickets() -> None:
    pick = rule("assign", "b", pick='"least-loaded"')
    assert fields(rules(rule("assign", "a", team='"payments"') + pick), ticket({"team": "dba"}), World({"tom": 9})) == {
        "team": "payments",
        "assignee": "tom",
    }
    assert fields(rules(pick), ticket({"team": "dba"}), World({"tom": 9})) == {"assignee": "maria"}
    assert fields(rules(pick), ticket({"team": "unheard-of"})) == {}
    assert fields(rules(pick), ticket()) == {}


# ---- escalate


STEPS = '[{ after = "5m", to = ["on-call:team"] }]'
LADDER = rule("escalate", "a", when="'severity == \"high\" and not acknowledged'", steps=STEPS)


def told(*changes: tuple[float, str, Value], **attributes: Any) -> Ticket:
    """A ticket to which these things happened, so many minutes after the morning."""
    one = ticket({"severity": "low"}, **attributes)
    for minutes, word, value in changes:
        one = one.having({word: value}, later(minutes=minutes), ANN)
    return one


@pytest.mark.parametrize(
    ("changes", "since", "why"),
    [
        ([(0, "severity", "high")], 0, "from the beginning"),
        ([(180, "severity", "high")], 180, "raised late, it climbs from the bottom"),
        ([(10, "severity", "high"), (20, "severity", "low"), (24, "severity", "high")], 10, "a lapse does not count"),
        ([(10, "severity", "high"), (20, "severity", "low"), (25, "severity", "high")], 25, "five minutes are none"),
        ([(10, "severity", "high"), (20, "severity", "low"), (22, "severity", "medium"), (25, "severity", "high")], 25,
         "in two steps as well"),
        ([(10, "severity", "high"), (12, "summary", "x"), (90, "labels", ("y",))], 10, "other changes do not matter"),
        ([(1, "severity", "high"), (9, "acknowledged", True), (60, "acknowledged", None)], 60, "un-acknowledged"),
        ([(1, "severity", "high"), (9, "acknowledged", True)], None, "acknowledged"),
        ([(1, "severity", "high"), (9, "phase", "resolved"), (60, "phase", "active")], 60, "reopened"),
        ([(1, "severity", "high"), (9, "phase", "resolved")], None, "over"),
    ],
)  # fmt: skip
def test_a_ladder_begins_when_its_condition_last_became_true(
    changes: list[tuple[float, str, Value]], since: float | None, why: str
) -> None:
    assert spoken(rules(LADDER), told(*changes)) == ({} if since is None else {"a": later(minutes=since)}), why


def test_a_ladder_that_asks_nothing_begins_again_when_reopened() -> None:
    made = rules(rule("escalate", "a", steps=STEPS))
    assert spoken(made, told((9, "phase", "resolved"), (60, "phase", "active"))) == {"a": later(minutes=60)}
    assert spoken(made, told((9, "phase", "resolved"), (11, "phase", "active"))) == {"a": MORNING}
    assert spoken(made, told((9, "phase", "resolved"))) == {}


def test_a_ladder_that_speaks_of_the_phase_climbs_in_that_phase() -> None:
    made = rules(rule("escalate", "a", when="'phase == \"resolved\"'", steps=STEPS))
    assert spoken(made, told((9, "phase", "resolved"))) == {"a": later(minutes=9)}


@pytest.mark.parametrize(
    ("since", "changes", "moment", "why"),
    [
        ("created", [], 0, "made"),
        ("detected", [(1, "detected", later(minutes=-30))], 0, "never before the condition became true"),
        ("detected", [], 0, "else when it was made"),
        ("assigned", [], None, "nobody has it"),
        ("assigned", [(3, "assignee", TOM), (8, "assignee", MARIA)], 8, "the last time"),
        ("acknowledged", [], None, "nobody did"),
        ("acknowledged", [(3, "phase", "active")], 3, "left new"),
        ("hold", [], None, "not on hold"),
        ("hold", [(3, "hold", True)], 3, "put on hold"),
        ("reopened", [], None, "never"),
        ("reopened", [(3, "phase", "closed"), (30, "phase", "new")], 30, "open again"),
        ("restored", [], None, "not yet"),
        ("changed", [], 0, "made"),
        ("changed", [(3, "summary", "x")], 3, "by a person"),
        ("updated", [(2, "update", "we are on it"), (3, "summary", "x")], 2, "an update was posted"),
        ("updated", [], 0, "none was since it was made"),
        ("changed:region", [(2, "region", "asia"), (3, "summary", "x")], 2, "this field"),
        ("changed:region", [(3, "summary", "x")], 0, "never since it was made"),
    ],
)
def test_a_ladder_counts_from_the_moment_it_names(
    since: str, changes: list[tuple[float, str, Value]], moment: float | None, why: str
) -> None:
    made = rules(rule("escalate", "a", since=f'"{since}"', steps=STEPS))
    expected = {} if moment is None else {"a": later(minutes=moment)}
    assert spoken(made, told(*changes)) == expected, why


def test_what_stood_when_the_ticket_was_made_began_then() -> None:
    made = rules("".join(rule("escalate", name, since=f'"{name}"', steps=STEPS) for name in ("assigned", "hold")))
    assert spoken(made, ticket({"assignee": TOM, "hold": True})) == {"assigned": MORNING, "hold": MORNING}
    cut = ticket({"assignee": TOM}, complete_since=later(minutes=5))
    assert spoken(made, cut) == {}


def test_our_own_changes_are_no_persons() -> None:
    made = rules(rule("escalate", "a", since='"changed"', steps=STEPS))
    one = told((3, "summary", "x")).having({"severity": "high"}, later(minutes=9), ME)
    assert spoken(made, one) == {"a": later(minutes=3)}
    assert {d.since for d in decide(("escalate",), one, made, World(), MORNING)} == {later(minutes=9)}


def test_a_history_that_begins_late_is_taken_as_it_was_then() -> None:
    changes = (Change(later(minutes=30), "summary", "a", "b"),)
    one = ticket({"severity": "high"}, history=changes, complete_since=later(minutes=10))
    assert spoken(rules(LADDER), one) == {"a": later(minutes=10)}
    assert became_true(compiled('severity == "high"'), one, EMPTY) == later(minutes=10)
    assert became_true(compiled('severity == "low"'), one, EMPTY) is None


def test_a_change_that_is_planned_a_hair_before_the_ticket_was_made_begins_with_it() -> None:
    one = ticket({"severity": "low"}, complete_since=MORNING).having({"severity": "high"}, later(seconds=-1))
    assert spoken(rules(LADDER), one) == {"a": MORNING}


# ---- notify


def news(made: RuleSet, one: Ticket) -> dict[str, list[str]]:
    return {d.rule.id: [e.kind for e in d.events] for d in decide(("notify",), one, made, World(me=ME), MORNING)}


def notify(id_: str, when: str = "", on: str = "", **keys: str) -> str:
    some = {
        **({"when": f"'{when}'"} if when else {}),
        **({"on": on} if on else {}),
        "to": '["place:incidents"]',
        **keys,
    }
    return rule("notify", id_, **some)


def test_standing_messages_and_news_speak_in_deciding_order() -> None:
    made = rules(
        notify("news", on='["created"]') + notify("card", 'severity >= "low"') + notify("no", "hold")
        + notify("off", mode='"off"') + notify("more", on='["created"]')
        + notify("off-news", on='["created"]', mode='"off"')
    )  # fmt: skip
    found = decide(("notify",), told(), made, World(), MORNING)
    assert [(d.rule.id, d.since, len(d.events)) for d in found] == [
        ("news", MORNING, 1),
        ("card", MORNING, 0),
        ("more", MORNING, 1),
    ]


def test_news_is_judged_at_the_event() -> None:
    made = rules(notify("a", 'severity == "high"', on='["raised", "lowered", "commented", "changed:region"]'))
    one = told((10, "severity", "high"), (20, "region", "asia"), (30, "severity", "low"), (40, "region", "europe"))
    comments = (
        Comment("x", at=later(minutes=15), by=ANN),
        Comment("y", at=later(minutes=35), by=ANN),
        Comment("z", at=later(minutes=25), by=ME),
    )
    (decision,) = decide(("notify",), replace(one, comments=comments), made, World(me=ME), MORNING)
    assert [(e.kind, e.at) for e in decision.events] == [
        ("raised", later(minutes=10)),
        ("commented", later(minutes=15)),
        ("changed:region", later(minutes=20)),
    ]
    assert decision.since == later(minutes=20)


def test_an_event_before_the_history_begins_tells_nothing() -> None:
    made = rules(notify("a", on='["created"]'))
    assert news(made, ticket(complete_since=later(minutes=1))) == {}


def test_of_two_changes_at_once_news_sees_both() -> None:
    made = rules(notify("a", 'severity == "high" and region == "asia"', on='["raised"]'))
    one = told().having({"severity": "high", "region": "asia"}, later(minutes=3))
    assert news(made, one) == {"a": ["raised"]}


# ---- all


def test_kinds_without_rules_are_silent() -> None:
    assert decide(("classify", "assign", "escalate", "notify", "task"), ticket(), EMPTY, World(), MORNING) == ()


def test_an_unknown_condition_never_speaks() -> None:
    made = rules(
        rule("classify", "a", when="'region == \"asia\"'", set='{ severity = "high" }')
        + rule("escalate", "b", when="'not promised'", steps=STEPS)
        + notify("c", 'mentions(status_text, "x")')
        + notify("d", 'region != "asia"', on='["created"]')
    )
    assert decide(("classify", "escalate", "notify"), ticket(), made, World(), MORNING) == ()
