"""When a ticket goes to somebody else by itself: the same decision that assigns, asked of the moments to come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.model import Ticket, User, Value
from rules import load
from rules.decide import World
from rules.handover import handover
from rules.model import RuleSet

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
COMPANY = """
[defaults]
timezone = "UTC"
[calendars]
early = { hours = { mon-sun = "06:00-10:00" } }
late = { hours = { mon-sun = "12:00-20:00" } }
[people]
maria = { jira = "m", hours = "early", skills = ["postgres"] }
tom = { jira = "t", hours = "late" }
ann = { jira = "a", away = ["2026-11-24"] }
[schedules]
rota = { rotation = ["maria", "tom"], handover = "10:00", first = 2026-11-22 }
alone = { rotation = ["ann"], handover = "10:00" }
[teams]
dba = { members = ["maria", "tom"], schedule = "rota" }
web = { lead = "ann", schedule = "alone" }
bare = { members = ["maria"] }
[services]
db = { team = "dba" }
mail = {}
"""


def rules(*assign: str, more: str = "") -> RuleSet:
    text = "".join(f'[[assign]]\nid = "a{nth}"\n{keys}\n' for nth, keys in enumerate(assign))
    return load.parse({"10.toml": COMPANY + text + more})


def ticket(phase: str = "new", **fields: Value) -> Ticket:
    return Ticket("1", "OPS-1", "Down", NOW, NOW, source="jira", phase=phase, fields=fields)  # type: ignore[arg-type]


def coming(made: RuleSet, on: Ticket, world: World | None = None) -> tuple[Value, str] | None:
    found = handover(on, made, world or World(), NOW)
    return None if found is None else (found.value, f"{found.since:%d %H:%M}")


ON_CALL = 'team = "dba"\npick = "on-call"'
MARIA, TOM, ANN = User("m"), User("t"), User("a")


@pytest.mark.parametrize(
    ("assign", "on", "wanted", "why"),
    [
        (ON_CALL, ticket(assignee=MARIA), ("tom", "23 10:00"), "the shift ends"),
        (ON_CALL, ticket(), ("tom", "23 10:00"), "nobody has it, so whoever comes next"),
        (ON_CALL, ticket("active", assignee=MARIA), None, "somebody acknowledged it"),
        (ON_CALL, ticket("resolved", assignee=MARIA), None, "it is over"),
        ('team = "service.team"\npick = "on-call"', ticket(service="db"), ("tom", "23 10:00"), "the service's team"),
        ('team = "service.team"\npick = "on-call"', ticket(service="mail"), None, "a service without one"),
        ('pick = "on-call"', ticket(team="dba"), ("tom", "23 10:00"), "the ticket's team"),
        ('pick = "on-call"', ticket(team="bare"), None, "a team without a schedule"),
        ('pick = "on-call"', ticket(), None, "no team at all"),
        (
            'team = "web"\npick = "on-call"',
            ticket(assignee=ANN),
            None,
            "who is alone hands over to nobody",
        ),
        ('team = "dba"\npick = "rotate"', ticket(assignee=MARIA), ("tom", "23 12:00"), "her hours end, his begin"),
        ('team = "dba"\npick = "least-loaded"', ticket(assignee=MARIA), ("tom", "23 12:00"), "the same"),
        ('team = "bare"\npick = "rotate"', ticket(assignee=MARIA), None, "there is nobody else"),
        ('team = "dba"\npick = "rotate"\nskills = ["postgres"]', ticket(assignee=MARIA), None, "nobody else is able"),
        ('person = "ann"', ticket(assignee=ANN), None, "one person, whoever is away"),
        ('person = "ann"', ticket(team="dba", assignee=ANN), None, "whatever the ticket's team is"),
        ('team = "dba"', ticket(), None, "a rule that names a team only"),
        ("when = 'summary == \"Up\"'\n" + ON_CALL, ticket(), None, "a rule that does not speak"),
        ('mode = "watch"\n' + ON_CALL, ticket(), None, "a watched rule writes nothing"),
    ],
)
def test_somebody_else_has_it_from_a_moment_on(
    assign: str, on: Ticket, wanted: tuple[Value, str] | None, why: str
) -> None:
    assert coming(rules(assign), on) == wanted, why


def test_an_earlier_rule_that_finds_somebody_later_takes_over() -> None:
    first = 'team = "dba"\npick = "on-call"\nskills = ["postgres"]'
    later = NOW.replace(hour=11)  # tom, who lacks the skill, is on call until tomorrow
    made = rules(first, 'person = "tom"')
    found = handover(ticket(assignee=TOM), made, World(), later)
    assert found is not None
    assert (found.value, found.rule.id, f"{found.since:%d %H:%M}") == ("maria", "a0", "24 10:00")


def test_a_restricted_ticket_is_handed_over_by_rules_that_see_it() -> None:
    assert coming(rules(ON_CALL), ticket(), World(restricted=True)) is None
    seeing = rules(ON_CALL + "\nrestricted = true")
    assert coming(seeing, ticket(), World(restricted=True)) == ("tom", "23 10:00")


def test_what_never_changes_is_given_up() -> None:
    same = COMPANY.replace('["maria", "tom"], handover = "10:00", first = 2026-11-22', '["maria"], handover = "10:00"')
    made = load.parse({"10.toml": f'{same}\n[[assign]]\nid = "a"\nteam = "bare"\npick = "rotate"\n'})
    assert handover(ticket(assignee=MARIA), made, World(), NOW) is None
