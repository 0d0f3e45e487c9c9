"""Every rule says why it spoke, or why not, in lines that an administrator reads."""

# ruff: noqa: E501  (an answer is read best on one line)
from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.model import Ticket
from rules.decide import World
from rules.explain import Explanation, Upshot, explain, reasons, render, upshot_line
from tests.rules.example import ANN, MORNING, TOM, later, rules, ticket
from tests.rules.test_decide import LADDER, STEPS, notify, rule, told

BERLIN = ZoneInfo("Europe/Berlin")


def lines(text: str, one: Ticket, **world: Any) -> list[str]:
    """What is told of these rules, as lines."""
    made = rules(text)
    return list(render(explain(one, made, World(**world), later(hours=3)), BERLIN, MORNING))


def only(text: str, one: Ticket) -> Explanation:
    (found,) = explain(one, rules(text), World(), later(hours=3))
    return found


def test_a_rule_that_fired_shows_what_it_wants_and_every_part_of_its_condition() -> None:
    when = '\'service.criticality == "critical" and mentions(text, "down") and not (hold or security)\''
    text = rule("classify", "critical-down", when=when, set='{ severity = "high" }')
    assert lines(text, ticket({"service": "checkout", "security": False}, description="Nobody can pay. " * 9)) == [
        "classify  critical-down  fired: severity = high by critical-down",
        '    service.criticality == "critical"  yes     service.criticality is critical',
        '    mentions(text, "down")             yes     text is Checkout is down Nobody can pay. Nobody can pay. Nobody can…',
        "    not (hold or security)             yes",
        "        hold or security               no",
        "            hold                       no      hold is no",
        "            security                   no      security is no",
    ]


def test_a_rule_that_did_not_shows_what_was_and_one_that_cannot_know_says_so() -> None:
    text = (
        rule("classify", "a", when="'reporter in lists.vip'", set='{ severity = "high" }')
        + rule("classify", "b", when="'region == \"asia\" and promised'", set='{ severity = "high" }')
        + rule("classify", "c", set='{ severity = "high" }', mode='"off"')
        + rule("classify", "d", when="'service.rto < \"1h\" or affected_users > 5'", set='{ severity = "high" }')
    )
    one = ticket({"promised": later(hours=30), "service": "checkout", "affected_users": 4.5}, reporter=ANN)
    assert lines(text, one) == [
        "classify  a  did not: reporter in lists.vip, but reporter is Ann",
        "    reporter in lists.vip  no      reporter is Ann",
        'classify  b  unknown: region == "asia", but region is unknown',
        '    region == "asia"  unknown region is unknown',
        "    promised          yes     promised is 19 Nov 16:00",
        "classify  c  off",
        'classify  d  did not: service.rto < "1h" or affected_users > 5, but service.rto is 4h, affected_users is 4.5',
        '    service.rto < "1h" or affected_users > 5  no',
        '        service.rto < "1h"                    no      service.rto is 4h',
        "        affected_users > 5                    no      affected_users is 4.5",
    ]


def test_a_rule_whose_field_is_decided_is_shadowed() -> None:
    text = (
        rule("classify", "watched", set='{ severity = "low" }', mode='"watch"')
        + rule("classify", "first", set='{ severity = "high" }')
        + rule("classify", "second", set='{ severity = "low" }')
        + rule("classify", "third", set='{ severity = "low", region = "asia" }')
        + rule("classify", "fourth", set='{ region = "europe" }', mode='"watch"')
    )
    assert lines(text, ticket()) == [
        "classify  watched  fired (watched): severity = low by watched",
        "classify  first  fired: severity = high by first",
        "classify  second  shadowed by first: severity = low, but first decides it",
        "classify  third  fired: severity = low, but first decides it; region = asia by third",
        "classify  fourth  shadowed by third: region = europe, but third decides it",
    ]


def test_raising_is_told_and_so_is_that_it_needed_none() -> None:
    text = (
        rule("classify", "users", thresholds="{ affected_users = { high = 1000 } }")
        + rule("classify", "a", at_least='{ severity = "medium" }')
        + rule("classify", "b", at_least='{ severity = "low" }')
    )
    assert lines(text, ticket({"affected_users": 3})) == [
        "classify  users  did not: affected_users is 3",
        "classify  a  fired: severity at least medium",
        "classify  b  fired: severity at least low: it is that already",
    ]


def test_assigning_is_explained_team_first() -> None:
    text = (
        rule("assign", "a", when="'service'", team='"service.team"')
        + rule("assign", "b", pick='"least-loaded"')
        + rule("assign", "c", person='"tom"')
    )
    assert lines(text, ticket({"service": "orders-db", "labels": None}), loads={"tom": 4}) == [
        "assign    a  fired: team = dba by a",
        "    service  yes     service is orders-db",
        "assign    b  fired: assignee = maria by b",
        "assign    c  shadowed by b: assignee = tom, but b decides it",
    ]
    taken = told((3, "assignee", TOM), (4, "phase", "active"))
    assert only(rule("assign", "c", person='"maria"'), taken).notes == ("nobody fits, or somebody has it already",)


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        (LADDER, [(5, "severity", "high")], "escalate  a  fired: since 10:05"),
        (rule("escalate", "a", since='"hold"', steps=STEPS), [], "escalate  a  did not: its moment, hold, has not come"),
        (rule("escalate", "a", steps=STEPS), [(5, "phase", "resolved")], "escalate  a  did not: the ticket is resolved: nobody is called"),
        (notify("a"), [], "notify    a  fired"),
        (notify("a", on='["raised", "closed"]'), [], "notify    a  did not: nothing of raised, closed happened yet"),
        (notify("a", on='["raised"]'), [(5, "severity", "high")], "notify    a  fired: raised from low to high by Ann, 10:05"),
    ],
)  # fmt: skip
def test_effects_say_since_when_or_why_not(text: str, changes: list[tuple[float, str, Any]], said: str) -> None:
    assert lines(text, told(*changes))[0] == said


def test_news_shows_its_condition_as_it_was_at_the_event() -> None:
    text = notify("a", 'region == "asia"', on='["raised"]')
    early = told((5, "region", "asia"), (6, "severity", "high"), (7, "region", "europe"))
    late = told((5, "region", None), (6, "severity", "high"), (7, "region", "asia"))
    unknown = told((6, "severity", "high"))
    assert (only(text, early).verdict, only(text, early).at) == ("fired", later(minutes=6))
    assert lines(text, late) == [
        'notify    a  did not: raised from low to high by Ann, 10:06; region == "asia", but region is empty',
        '    region == "asia"  no      region is empty',
    ]
    assert only(text, unknown).verdict == "unknown"


def test_news_before_the_history_begins_is_told_as_that() -> None:
    found = only(notify("a", on='["created"]'), ticket(complete_since=later(minutes=1)))
    assert found.notes == ("nothing of created happened before the history that can be read",)


def test_lists_are_shown_with_commas_and_a_rule_that_only_waits_says_nothing() -> None:
    text = notify("a", '"x" in labels and service')
    assert lines(text, ticket(labels=("x", "y")))[1] == '    "x" in labels  yes     labels is x, y'
    assert only(rule("classify", "x", thresholds="{ affected_users = { high = 1 } }"), ticket()).notes == (
        "affected_users is unknown",
    )


def test_the_same_lines_for_a_past_moment() -> None:
    one = told((5, "severity", "high"), (9, "acknowledged", True))
    assert only(LADDER, one).verdict == "did not"
    assert only(LADDER, one.at(later(minutes=6))).verdict == "fired"


def test_later_kinds_are_explained_by_the_ticket_as_it_is_about_to_be() -> None:
    from datetime import UTC, datetime

    from connectors.model import Ticket, User
    from rules import load
    from rules.decision import World
    from rules.explain import explain

    text = """
[defaults]
timezone = "UTC"
[[classify]]
id = "down"
set = { severity = "high" }
[people]
tom = { email = "tom@example.org" }
[[assign]]
id = "tom"
when = 'severity == "high" and not assignee'
person = "tom"
[[notify]]
id = "card"
when = 'severity == "high" and assignee'
to = ["slack:#x"]
"""
    now = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    rules = load.parse({"a.toml": text}, connectors=("slack",))
    ticket = Ticket("1", "OPS-1", "x", now, now, fields={"severity": None, "assignee": None})
    about = ticket.having({"severity": "high", "assignee": User("1", "Tom", "tom@example.org")}, now)
    verdicts = {one.rule.id: one.verdict for one in explain(ticket, rules, World(), now, about)}
    assert verdicts == {"down": "fired", "tom": "fired", "card": "fired"}
    alone = {one.rule.id: one.verdict for one in explain(ticket, rules, World(), now)}
    assert alone == {"down": "fired", "tom": "did not", "card": "did not"}


# ---- why not, in a few words


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("'service'", "service is empty"),
        ("'not (hold or security)'", "not (hold or security), but hold is no, security is yes"),
        ("'service and not security'", "service is empty; not security, but security is yes"),
        (
            "'severity == \"high\" and (hold or service)'",
            'severity == "high", but severity is empty; hold or service, but hold is no, service is empty',
        ),
        (
            '\'(severity == "low" and service) and phase == "new"\'',
            'severity == "low", but severity is empty; service is empty',
        ),
    ],
)
def test_the_failing_parts_are_told_with_their_values(when: str, said: str) -> None:
    one = only(rule("classify", "a", when=when, set='{ severity = "high" }'), ticket({"security": True}))
    assert one.verdict == "did not"
    assert "; ".join(reasons(one)) == said


def test_a_long_condition_is_told_in_its_beginning() -> None:
    when = "'" + " or ".join(f'region == "{region}"' for region in ("asia", "europe", "america", "asia")) + "'"
    (said,) = reasons(only(rule("classify", "a", when=when, set='{ severity = "high" }'), ticket({"region": None})))
    assert said == 'region == "asia" or region == "europe" or region == "americ…, but region is empty'


def test_what_fired_blames_nothing() -> None:
    assert only(rule("classify", "a", when="'not hold'", set='{ severity = "high" }'), ticket()).blamed == ()
    assert only(rule("classify", "a", set='{ severity = "high" }'), ticket()).blamed == ()


# ---- what became of it


HELD = Upshot("held", "call tom", "no such channel", later(hours=2))


@pytest.mark.parametrize(
    ("upshots", "said"),
    [
        ((), "fired"),
        ((Upshot("now", "x"),), "fired"),
        ((HELD,), "fired, held"),
        ((HELD, Upshot("done", "y")), "fired"),
        ((Upshot("left alone", "x"), Upshot("left alone", "y")), "fired, left alone"),
        ((Upshot("stale", "x"), HELD), "fired"),
    ],
)
def test_a_verdict_says_what_hinders_all_that_a_rule_wants(upshots: tuple[Upshot, ...], said: str) -> None:
    from dataclasses import replace

    one = only(rule("classify", "a", set='{ severity = "high" }'), ticket())
    assert replace(one, upshots=upshots).said == said


def test_upshots_stand_under_their_rule_and_above_its_condition() -> None:
    from dataclasses import replace

    one = only(rule("classify", "a", when="'not hold'", set='{ severity = "high" }', mode='"watch"'), ticket())
    made = replace(one, upshots=(Upshot("done", "severity = high", at=later(minutes=1)), HELD))
    assert list(render([made], BERLIN, MORNING)) == [
        "classify  a  fired (watched): severity = high by a",
        "    → done 10:01        severity = high",
        "    → held until 12:00  call tom: no such channel",
        "    not hold  yes",
        "        hold  no      hold is no",
    ]
    assert upshot_line(HELD, BERLIN, MORNING) == "held until 12:00, call tom: no such channel"


@pytest.mark.parametrize("width", [10, 40, 60, 80, 120])
def test_lines_are_folded_to_the_width_and_lose_no_word(width: int) -> None:
    from dataclasses import replace

    when = '\'mentions(text, "down", "outage", "unreachable", "critical-down") and service.criticality == "critical"\''
    one = only(
        rule("classify", "a", when=when, set='{ severity = "high" }'), ticket(description="Nobody can pay. " * 9)
    )
    one = replace(one, upshots=(replace(HELD, why="the channel is archived, and nobody has told us of another one"),))
    wide, narrow = (render([one], BERLIN, MORNING, columns) for columns in (None, width))
    assert sorted(" ".join(wide).replace(" ", "")) == sorted("".join(narrow).replace(" ", ""))
    assert max(map(len, narrow)) <= max(width, 60)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"from": "2026-11-01T08:00:00"}, "fired: mutes notify"),
        ({"until": "2026-11-30T08:00:00"}, "fired: mutes notify until 30 Nov 08:00"),
        ({"from": "2027-01-01T08:00:00"}, "did not: it begins 1 Jan 2027 08:00"),
        ({"until": "2026-11-01T08:00:00"}, "did not: it is over"),
        ({"during": '"freeze"'}, "did not: it is not freeze"),
        ({"when": "'security'", "during": '"office"'}, "did not: security is no"),
    ],
)
def test_a_mute_says_whether_it_is_in_force_and_until_when(keys: dict[str, str], line: str) -> None:
    text = rule("mute", "m", mutes='["notify"]', **keys)
    (said, *_) = lines(text, ticket({"security": False}))
    assert said == f"mute      m  {line}"


CLOCK = '\n[[objective]]\nid = "clock"\ngoal = "rto"\npause = \'hold\'\nsteps = [{ at = "50%", to = ["lead:dba"] }]\n'


@pytest.mark.parametrize(
    ("fields", "more", "said"),
    [
        ({"service": "checkout"}, {}, "fired: RTO 4h: until 14:00, at risk; it began 10:00"),
        ({}, {}, "did not: it has no service"),
        ({"service": "checkout"}, {"complete_since": later(hours=1)}, "unknown: RTO 4h: unknown, the history cannot be read back to its start"),
    ],
)  # fmt: skip
def test_a_clock_says_how_it_stands_or_why_there_is_none(
    fields: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    assert lines(CLOCK, ticket(fields, **more)) == [f"objective clock  {said}"]


def test_a_clock_of_an_unknown_service_is_unknown() -> None:
    assert lines(CLOCK, replace(ticket(), fields={})) == ["objective clock  unknown: its service is not known"]
