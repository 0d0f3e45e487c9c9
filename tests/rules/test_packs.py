"""Ready-made packs work unchanged, leave out what a company does not have, and are changed key by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.model import Change, Ticket, User, Value
from connectors.problems import Problems
from rules import load
from rules.decide import World, decide
from rules.model import Classify, Escalate, Notify, RuleSet
from rules.pack import PACKS

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
COMPANY = """
[defaults]
timezone = "UTC"
packs = ["incident"]
[fields]
affected_users = { type = "number" }
[places.incidents]
slack = "#incidents"
[lists]
vip = ["email:ceo@example.org"]
[audiences]
management = { to = ["slack:#management"] }
[people]
tom = { jira = "1" }
[schedules]
rota = { rotation = ["tom"], handover = "Mon 08:00" }
[teams]
payments = { lead = "tom", schedule = "rota" }
[services]
checkout = { team = "payments", criticality = "critical" }
mail = { team = "payments", criticality = "high" }
intranet = { criticality = "low" }
"""
BARE = '[defaults]\ntimezone = "UTC"\npacks = ["incident"]\n'


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load.parse({"company.toml": COMPANY})


def ids(found: RuleSet) -> list[str]:
    return [rule.id.removeprefix("incident.") for rule in found]


def ticket(
    summary: str, reporter: str = "ann@example.org", history: tuple[Change, ...] = (), **fields: Value
) -> Ticket:
    known: dict[str, Value] = {"severity": None, "team": None, "assignee": None, "service": None, **fields}
    return Ticket("1", "OPS-1", summary, NOW, NOW, reporter=User("", "", reporter), fields=known, history=history)


def decided(rules: RuleSet, on: Ticket) -> dict[str, Any]:
    made = decide(("classify", "assign"), on, rules, World(), NOW)
    return {decision.field: decision.value for decision in made}


@pytest.mark.parametrize("pack", PACKS)
def test_every_pack_is_read_without_a_warning(pack: str) -> None:
    found = load.parse({"company.toml": COMPANY.replace('["incident"]', f'["{pack}"]')})
    assert found.warnings == ()
    assert all(rule.id.startswith(f"{pack}.") and rule.name for rule in found)
    assert found.defaults.packs == (pack,)


def test_rules_whose_tables_are_not_there_are_left_out(rules: RuleSet) -> None:
    assert ids(rules) == [
        *("critical-down", "many-users", "important-degraded", "otherwise", "vip"),
        *("service-team", "unacknowledged", "management", "still-on-it", "card", "news"),
    ]
    assert ids(load.parse({"a.toml": BARE})) == ["critical-down", "important-degraded", "otherwise", "service-team"]


@pytest.mark.parametrize(
    ("on", "severity", "why"),
    [
        (ticket("Checkout is down", service="checkout"), "high", "a critical service is down"),
        (ticket("Checkout looks odd", service="checkout"), "low", "nothing says that it is bad"),
        (ticket("Checkout is slow", service="checkout"), "medium", "a critical service is in trouble"),
        (ticket("Mail is down", service="mail"), "medium", "an important service is down"),
        (ticket("Intranet is down", service="intranet"), "low", "nobody needs it at night"),
        (ticket("Odd", service="checkout", affected_users=1000), "high", "at a thousand users"),
        (ticket("Odd", service="checkout", affected_users=999), "medium", "at a hundred users"),
        (ticket("Odd", service="checkout", affected_users=99), "low", "few users"),
        (ticket("Odd", "ceo@example.org"), "medium", "an important person reported it"),
        (ticket("Checkout is down", "ceo@example.org", service="checkout"), "high", "which lowers nothing"),
    ],
)
def test_the_incident_pack_decides_how_bad_it_is(rules: RuleSet, on: Ticket, severity: str, why: str) -> None:
    assert decided(rules, on)["severity"] == severity, why


def test_a_person_who_said_how_bad_it_is_is_not_told_otherwise_by_the_last_rule(rules: RuleSet) -> None:
    assert "severity" not in decided(rules, ticket("Odd", severity="medium"))


def test_the_incident_pack_gives_the_ticket_to_the_services_team(rules: RuleSet) -> None:
    found = decided(rules, ticket("Checkout is down", service="checkout"))
    assert (found["team"], found["assignee"]) == ("payments", "tom")
    assert decided(rules, ticket("Something is down")).keys() == {"severity"}


def test_the_incident_pack_calls_until_somebody_acknowledges(rules: RuleSet) -> None:
    ladder = rules.by_id["incident.unacknowledged"]
    assert isinstance(ladder, Escalate)
    assert [(step.after, [str(to) for to in step.to]) for step in ladder.steps] == [
        (timedelta(minutes=5), ["on-call:team"]),
        (timedelta(minutes=15), ["lead:team", "place:incidents"]),
        (timedelta(minutes=30), ["lead:team", "members:team", "place:incidents"]),
    ]
    assert ladder.repeat is not None
    high = ticket("Down", severity="high")
    quiet = ticket("Down", history=(Change(NOW, "acknowledged", None, NOW),), severity="high")
    called = [[d.rule.id for d in decide(("escalate",), on, rules, World(), NOW)] for on in (high, quiet)]
    assert called == [["incident.unacknowledged", "incident.management"], []]


def test_the_incident_pack_shows_a_card_and_tells_news(rules: RuleSet) -> None:
    card, news = rules.of("notify")
    assert isinstance(card, Notify)
    assert isinstance(news, Notify)
    assert card.buttons == ("acknowledge", "take", "resolve")
    assert news.on == ("raised", "acknowledged", "resolved", "reopened")
    for severity, told in (("low", 0), ("medium", 1), ("high", 1)):
        made = decide(("notify",), ticket("Down", severity=severity), rules, World(), NOW)
        assert sum(decision.rule is card for decision in made) == told, severity


def test_a_change_replaces_keys_and_leaves_the_others() -> None:
    found = load.parse(
        {
            "company.toml": COMPANY,
            "own.toml": '[change."incident.many-users"]\nthresholds.affected_users = { high = 50 }\nmode = "watch"\n',
        }
    )
    rule = found.by_id["incident.many-users"]
    assert isinstance(rule, Classify)
    assert rule.thresholds == {"affected_users": ((50.0, "high"),)}
    assert (rule.mode, rule.name) == ("watch", "Many people are affected")
    assert rule.where.file == "packs/incident.toml"


def test_a_pack_comes_before_the_administrators_own_rules() -> None:
    own = '[[classify]]\nid = "own"\nwhen = "hold"\nset.severity = "high"\n'
    assert ids(load.parse({"00.toml": own, "company.toml": COMPANY}))[:6][-1] == "own"


def test_an_own_rule_may_not_have_a_packs_id() -> None:
    with pytest.raises(Problems, match=r"many\.users is not an id"):
        load.parse({"a.toml": BARE + "[[classify]]\nid = 'many.users'\nset.severity = 'high'\n"})
