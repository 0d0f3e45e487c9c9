"""Who is meant by a recipient, and where they are reached."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.model import Change, Ticket, User, Value
from rules import load
from rules.directory import Address, addresses, people, person_of, user_of
from rules.facts import Facts
from rules.model import Recipient, RuleSet
from rules.schedule import away, on_call

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
ALL = ("slack", "msteams", "email")
COMPANY = """
[defaults]
timezone = "Europe/Berlin"
[places.incidents]
slack = "#incidents"
msteams = "Operations/Incidents"
trello = "Recovery"
[schedules]
dba-rota = { rotation = ["maria", "tom", "ann"], handover = "Mon 09:00", first = 2026-11-23 }
daily = { rotation = ["maria", "tom"], handover = "02:30", timezone = "Europe/Berlin", first = 2026-03-28 }
empty = { rotation = ["away"], handover = "Mon 09:00" }
[schedules.covered]
rotation = ["maria"]
handover = "Mon 09:00"
overrides = [
    { person = "tom", from = 2026-11-23T00:00:00, until = 2026-11-24T00:00:00 },
    { person = "ann", from = 2026-11-23T12:00:00Z, until = 2026-11-23T18:00:00Z },
    { person = "away", from = 2026-11-23T13:00:00Z, until = 2026-11-23T14:00:00Z },
]
[people]
maria = { name = "Maria Keller", jira = "5b10", slack = "U024", email = "Maria@example.org", skills = ["postgres"] }
tom = { email = "tom@example.org", reach = ["email", "slack"] }
ann = { msteams = "ann-id", away = ["2026-12-01/2026-12-05"], timezone = "America/New_York" }
away = { email = "away@example.org", away = ["2026-01-01/2027-12-31"] }
phone = { pager = "123" }
[teams]
dba = { lead = "tom", members = ["maria", "tom", "ann"], schedule = "dba-rota" }
payments = { lead = "maria" }
daily = { schedule = "daily" }
covered = { schedule = "covered" }
empty = { schedule = "empty" }
[services]
checkout = { team = "payments", departments = ["sales", "legal"], vendor = "acme" }
mail = {}
[departments]
sales = { to = ["email:sales@example.org", "person:tom"] }
legal = { to = ["audience:management"] }
[vendors]
acme = { to = ["email:support@acme.example"] }
[roles]
poc = {}
[audiences]
management = { to = ["person:maria", "place:incidents"] }
customers = { external = true, fields = ["service"], to = ["email:status@example.org", "vendor:service"] }
"""


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load.parse({"company.toml": COMPANY}, connectors=["jira", "slack", "msteams", "email", "pager"])


def ticket(history: tuple[Change, ...] = (), reporter: User | None = None, **fields: Value) -> Ticket:
    return Ticket("1", "OPS-1", "Checkout", NOW, NOW, source="jira", reporter=reporter, fields=fields, history=history)


def found(rules: RuleSet, *to: str, products: tuple[str, ...] = ALL, on: Ticket | None = None) -> tuple[Address, ...]:
    recipients = [Recipient(*text.split(":", 1)) for text in to]
    return addresses(recipients, Facts(on or ticket(team="dba", service="checkout"), rules, NOW), rules, products, NOW)


def short(addresses: tuple[Address, ...]) -> list[str]:
    return [f"{a.place} = {a.product}:{a.address}" for a in addresses]


@pytest.mark.parametrize(
    ("to", "where", "why"),
    [
        ("place:incidents", ["place:incidents@slack = slack:#incidents",
                             "place:incidents@msteams = msteams:Operations/Incidents"], "each product it has"),
        ("person:maria", ["person:maria = slack:U024"], "Slack first"),
        ("person:tom", ["person:tom = email:tom@example.org"], "as he wants to be reached"),
        ("person:ann", ["person:ann = msteams:ann-id"], "where she is known"),
        ("person:phone", [], "nowhere that can be told"),
        ("on-call:team", ["on-call:team = slack:U024"], "who is on call now"),
        ("on-call:service.team", [], "a team without a schedule"),
        ("on-call:dba", ["on-call:dba = slack:U024"], "a team by name"),
        ("lead:team", ["lead:team = email:tom@example.org"], ""),
        ("lead:service.team", ["lead:service.team = slack:U024"], ""),
        ("lead:daily", [], "a team without a lead"),
        ("members:team", ["person:maria = slack:U024", "person:tom = email:tom@example.org",
                          "person:ann = msteams:ann-id"], "each as a person"),
        ("members:payments", [], "nobody"),
        ("departments:service", ["email:sales@example.org = email:sales@example.org",
                                 "person:tom = email:tom@example.org", "person:maria = slack:U024",
                                 "place:incidents@slack = slack:#incidents",
                                 "place:incidents@msteams = msteams:Operations/Incidents"], "all of them"),
        ("departments:sales", ["email:sales@example.org = email:sales@example.org",
                               "person:tom = email:tom@example.org"], "one by name"),
        ("vendor:service", ["email:support@acme.example = email:support@acme.example"], ""),
        ("vendor:acme", ["email:support@acme.example = email:support@acme.example"], ""),
        ("slack:#db", ["slack:#db = slack:#db"], "a product's own address"),
        ("trello:Board", [], "a product that is not there"),
        ("assignee", [], "nobody has it"),
        ("reporter", [], "nobody known reported it"),
        ("role:poc", [], "nobody has the role"),
    ],
)  # fmt: skip
def test_a_recipient_is_reached(rules: RuleSet, to: str, where: list[str], why: str) -> None:
    assert short(found(rules, to)) == where, why


def test_an_address_is_told_once_in_whatever_way_it_was_found(rules: RuleSet) -> None:
    assert short(found(rules, "lead:dba", "person:tom", "email:TOM@example.org", "members:dba")) == [
        "lead:dba = email:tom@example.org",
        "person:maria = slack:U024",
        "person:ann = msteams:ann-id",
    ]


def test_an_audience_is_told_as_itself_and_a_vendor_is_outside(rules: RuleSet) -> None:
    outside, vendor = found(rules, "audience:customers")
    assert outside == Address(
        "email:status@example.org", "email", "status@example.org", audience="customers", external=True
    )
    assert (vendor.audience, vendor.external) == ("customers", True)
    inside, *_ = found(rules, "audience:management")
    assert inside == Address("person:maria", "slack", "U024", person="maria", audience="management")
    assert found(rules, "vendor:acme")[0].external


def test_who_has_no_id_is_reached_by_address(rules: RuleSet) -> None:
    assert short(found(rules, "person:tom", products=("slack",))) == ["person:tom = slack:tom@example.org"]
    assert short(found(rules, "person:maria", products=("msteams",))) == ["person:maria = msteams:Maria@example.org"]
    assert found(rules, "person:ann", products=("slack",)) == ()


def test_a_reach_of_another_product_comes_last(rules: RuleSet) -> None:
    assert short(found(rules, "person:phone", products=("pager",))) == ["person:phone = pager:123"]


def test_without_team_or_service_there_is_nobody(rules: RuleSet) -> None:
    nowhere = ("on-call:team", "lead:service.team", "members:service.team", "departments:service", "vendor:service")
    assert found(rules, *nowhere, on=ticket()) == ()
    assert found(rules, *nowhere, on=ticket(team=None, service=None)) == ()
    assert found(rules, *nowhere, on=ticket(team="unheard-of", service="mail")) == ()


def test_the_people_of_a_ticket_are_found_by_id_and_else_by_address(rules: RuleSet) -> None:
    stranger = User("7", "Sue", "sue@example.org")
    on = ticket(reporter=stranger, assignee=User("5b10", "M. Keller"))
    assert short(found(rules, "assignee", "reporter", on=on)) == [
        "assignee = slack:U024",
        "reporter = slack:sue@example.org",
    ]
    assert found(rules, "assignee", on=on)[0].person == "maria"
    assert found(rules, "reporter", on=ticket(reporter=User("8", "Bob"))) == ()


@pytest.mark.parametrize(
    "on",
    [
        ticket(poc=User("5b10", "Maria")),
        ticket((Change(NOW, "poc", None, "tom"), Change(NOW, "poc", "tom", User("5b10")))),
        ticket((Change(NOW, "poc", None, "maria"),)),
    ],
    ids=["by the tracker's field", "by the history, as a user", "by the history, as a person"],
)
def test_a_role_is_whoever_has_it(rules: RuleSet, on: Ticket) -> None:
    assert short(found(rules, "role:poc", on=on)) == ["role:poc = slack:U024"]


def test_people_are_meant_whether_or_not_they_can_be_told_anything(rules: RuleSet) -> None:
    to = [Recipient("members", "dba"), Recipient("person", "phone"), Recipient("email", "away@example.org")]
    to += [Recipient("place", "incidents"), Recipient("reporter")]
    facts = Facts(ticket(reporter=User("7", "Sue")), rules, NOW)
    assert people(to, facts, rules, NOW) == {"maria", "tom", "ann", "phone", "away"}


@pytest.mark.parametrize(
    ("user", "source", "key"),
    [
        (User("5b10"), "jira", "maria"),
        (User("U024"), "slack", "maria"),
        (User("5b10"), "slack", None),
        (User("", "", "maria@EXAMPLE.org"), "slack", "maria"),
        (User("9", "", "tom@example.org"), "jira", "tom"),
        (User(""), "jira", None),
        (None, "jira", None),
    ],
)
def test_a_user_is_known_by_id_or_by_address(rules: RuleSet, user: User | None, source: str, key: str | None) -> None:
    assert person_of(user, source, rules) == key


def test_a_person_is_written_as_the_product_knows_them(rules: RuleSet) -> None:
    known = user_of("maria", "jira", rules)
    assert (known.id, known.name, known.email) == ("5b10", "Maria Keller", "Maria@example.org")
    unknown = user_of("tom", "jira", rules)
    assert (unknown.id, unknown.name, unknown.email) == ("", "tom", "tom@example.org")


# ---- on call


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("team", "now", "who", "why"),
    [
        ("dba", "2026-11-23T07:59:00+00:00", "ann", "the last minute before the first handover, at nine in Berlin"),
        ("dba", "2026-11-23T08:00:00+00:00", "maria", "the first week"),
        ("dba", "2026-11-30T07:59:59+00:00", "maria", "until the second after the last"),
        ("dba", "2026-11-30T08:00:00+00:00", "tom", "the second week"),
        ("dba", "2026-12-14T12:00:00+00:00", "maria", "and round again"),
        ("dba", "2027-03-29T06:59:00+00:00", "ann", "in summer nine o'clock comes an hour earlier"),
        ("dba", "2027-03-29T07:00:00+00:00", "maria", "in summer nine o'clock comes an hour earlier"),
        ("daily", "2026-03-28T12:00:00+00:00", "maria", "each day"),
        ("daily", "2026-03-29T00:59:00+00:00", "maria", "half past two is left out on this day"),
        ("daily", "2026-03-29T01:30:00+00:00", "tom", "so the handover is at half past three"),
        ("daily", "2026-10-25T00:29:00+00:00", "maria", "before half past two"),
        ("daily", "2026-10-25T00:30:00+00:00", "tom", "half past two comes twice: the first counts"),
        ("daily", "2026-10-25T01:30:00+00:00", "tom", "and only the first"),
        ("covered", "2026-11-23T11:00:00+00:00", "tom", "an override, in the schedule's zone"),
        ("covered", "2026-11-23T12:30:00+00:00", "ann", "the later of two overrides"),
        ("covered", "2026-11-23T13:30:00+00:00", "ann", "somebody away covers nobody"),
        ("covered", "2026-11-24T12:00:00+00:00", "maria", "after them"),
        ("empty", "2026-11-23T12:00:00+00:00", None, "everybody is away"),
        ("payments", "2026-11-23T12:00:00+00:00", None, "no schedule"),
        ("unheard-of", "2026-11-23T12:00:00+00:00", None, "no team"),
    ],
)
def test_one_person_is_on_call(rules: RuleSet, team: str, now: str, who: str | None, why: str) -> None:
    assert on_call(team, rules, moment(now)) == who, why


def test_who_is_away_is_passed_over_by_the_next(rules: RuleSet) -> None:
    assert on_call("dba", rules, moment("2026-12-07T12:00:00+00:00")) == "ann"
    early = load.parse({"company.toml": COMPANY.replace("2026-12-01/2026-12-05", "2026-12-07")}, connectors=["pager"])
    assert on_call("dba", early, moment("2026-12-07T12:00:00+00:00")) == "maria"


def test_a_day_away_is_a_day_where_the_person_lives(rules: RuleSet) -> None:
    assert not away("ann", rules, moment("2026-12-01T04:59:00+00:00"))
    assert away("ann", rules, moment("2026-12-01T05:00:00+00:00"))
    assert away("ann", rules, moment("2026-12-06T04:59:00+00:00"))
    assert not away("maria", rules, moment("2026-12-06T04:59:00+00:00"))
