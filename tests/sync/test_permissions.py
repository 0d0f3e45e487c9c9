"""Who may do what: every verb, by whom it may be done and by whom not, and what it comes to on a bad day."""

from dataclasses import dataclass, field

import pytest

from connectors.errors import Refused
from connectors.model import Command, Ticket, User, Value
from rules.language import ASKING, PLACELESS, VERBS
from sync.commands import carry_out
from sync.verbs import LIVE_ONLY
from tests.world import COMPANY, RULES, World

ROLES = '\n[roles]\npoc = { title = "Point of contact" }\ncommander = { title = "Incident commander" }\n'


@dataclass(frozen=True)
class Row:
    """A verb, what it is given, what the ticket is before, what is answered, and when it is asked for once more."""

    verb: str
    answer: str
    again: str
    args: dict[str, str] = field(default_factory=dict)
    before: tuple[tuple[str, dict[str, str]], ...] = ()
    fields: dict[str, Value] = field(default_factory=dict)


TABLE = (
    Row("acknowledge", "You acknowledged OPS-1.", "acknowledged already"),
    Row("unacknowledge", "counts as not acknowledged", "is not acknowledged", before=(("acknowledge", {}),)),
    Row("confirm", "you are still on OPS-1.", "you are still on OPS-1.", before=(("acknowledge", {}),)),
    Row("take", "OPS-1 is yours.", "yours already"),
    Row("assign", "OPS-1 is assigned to tom.", "assigned to tom already", {"person": "tom"}),
    Row("escalate", "OPS-1 is escalated: call tom", "OPS-1 is escalated: call maria, call #incidents"),
    Row("raise", "OPS-1 is high now.", "nothing higher", fields={"severity": "medium"}),
    Row("lower", "OPS-1 is low now.", "nothing lower", fields={"severity": "medium"}),
    Row("severity", "OPS-1 is low now.", "low already", {"level": "LOW"}, fields={"severity": "medium"}),
    Row("update", "Your update is on OPS-1.", "Your update is on OPS-1.", {"text": "Failover is done."}),
    Row("comment", "It is on OPS-1.", "It is on OPS-1.", {"text": "Logs are attached."}),
    Row("hold", "OPS-1 is on hold: the vendor", "on hold already", {"reason": "the vendor"}),
    Row("resume", "OPS-1 goes on.", "not on hold", before=(("hold", {"reason": "the vendor"}),)),
    Row("eta", "expected to be done by 15:30", "expected to be done by 15:30", {"time": "15:30"}),
    Row(
        "cadence", "go out every 15m until it is resolved, the next by 09:15", "every 15m already", {"every": "15 min"}
    ),
    Row("skip", "update #incidents at 09:30 is skipped; next: ", "at 10:00 is skipped"),
    Row("pause", "until 09:30; then what still holds goes on", "until 09:30", {"time": "30m"}),
    Row("snooze", "reminded of OPS-1 again at 09:05", "reminded of OPS-1 again at 09:05"),
    Row(
        "override",
        "OPS-1 now: answer 2h: until 11:00, on track.",
        "that is the goal of OPS-1 already",
        {"within": "2h", "reason": "the vendor is slow"},
    ),
    Row("claim", "You are point of contact of OPS-1.", "point of contact of OPS-1 already", {"role": "poc"}),
    Row(
        "handover",
        "maria is incident commander of OPS-1 now.",
        "is incident commander of OPS-1 already",
        {"role": "Incident commander", "person": "Maria"},
    ),
    Row("resolve", "You resolved OPS-1.", "resolved already"),
)
every = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.verb)


def test_the_table_has_every_verb_that_changes_a_ticket() -> None:
    assert {row.verb for row in TABLE} == set(VERBS) - set(ASKING) - set(PLACELESS)


UPDATES = '[[update]]\nid = "half-hourly"\nevery = "30m"\nto = ["place:incidents"]\n'
CLOCK = """
[[objective]]
id = "answer"
start = "created"
stop = "changed:affected_users"
within = "1h"
steps = [{ at = "50%", to = ["place:incidents"] }]
"""


def world_of(row: Row, may: str = "person:ann") -> tuple[World, str]:
    world = World(
        RULES + UPDATES + (CLOCK if row.verb == "override" else ""),
        f'{COMPANY}{ROLES}[permissions]\n{row.verb} = ["{may}"]\n',
    )
    ref = world.ticket(**row.fields)
    for verb, args in row.before:
        world.click(verb, ref, "maria", **args)
    return world, ref


def ask(world: World, row: Row, ref: str, by: str = "ann", ident: str = "click") -> str:
    return carry_out(Command(ref, row.verb, User(f"U-{by}", by), "slack", row.args, id=ident), world.engine)


def state(world: World, ref: str) -> Ticket:
    return world.tracker.tickets[ref]


@every
def test_who_may_does_it(row: Row) -> None:
    world, ref = world_of(row)
    before = state(world, ref)
    assert row.answer in ask(world, row, ref)
    assert state(world, ref) != before
    assert '"ann"' in (state(world, ref).ledger or "")


@every
def test_who_may_not_is_told_who_may_and_nothing_changes(row: Row) -> None:
    world, ref = world_of(row)
    before = state(world, ref)
    assert ask(world, row, ref, by="tom") == f"Only person:ann (ann) may {row.verb} OPS-1."
    assert state(world, ref) == before


@every
def test_who_is_not_known_is_told_how_to_be_added_and_nothing_changes(row: Row) -> None:
    world, ref = world_of(row)
    before = state(world, ref)
    said = ask(world, row, ref, by="zoe")
    assert 'adds you to [people]: zoe = { slack = "U-zoe" }' in said
    assert ask(world, row, "OPS-99", by="zoe") == said, "a stranger learns of no ticket"
    assert state(world, ref) == before


@every
def test_a_ticket_out_of_scope_does_not_exist(row: Row) -> None:
    world, ref = world_of(row)
    world.tracker.projects = {"NET"}
    before = state(world, ref)
    assert ask(world, row, ref) == f"There is no ticket {ref}, or Pointman may not see it."
    assert ask(world, row, "OPS-99") == "There is no ticket OPS-99, or Pointman may not see it."
    assert state(world, ref) == before


@every
def test_a_restricted_ticket_does_not_exist_for_whom_it_is_closed(row: Row) -> None:
    closed = '[[restrict]]\nid = "security"\nwhen = \'service == "checkout"\'\nto = ["person:maria"]\n'
    company = f"{COMPANY}{ROLES}"
    world = World(rules=RULES + closed.replace('service == "checkout"', 'service.name == "checkout"'), company=company)
    ref = world.ticket(**row.fields)
    before = state(world, ref)
    assert ask(world, row, ref) == f"There is no ticket {ref}, or Pointman may not see it."
    assert state(world, ref) == before
    for verb, args in row.before:
        world.click(verb, ref, "maria", **args)
    assert "There is no ticket" not in ask(world, row, ref, by="maria")


@every
def test_a_ticket_that_is_over_takes_only_what_still_makes_sense(row: Row) -> None:
    world, ref = world_of(row)
    world.person(ref, "maria", phase="resolved")
    before = state(world, ref)
    said = ask(world, row, ref)
    if row.verb in LIVE_ONLY:
        assert said.startswith("OPS-1 is resolved already")
        assert state(world, ref) == before
    else:
        assert row.answer in said


@every
def test_what_is_delivered_twice_is_done_once(row: Row) -> None:
    world, ref = world_of(row)
    ask(world, row, ref)
    after = state(world, ref)
    assert ask(world, row, ref) == "That was done already." or after.phase == "resolved"
    assert state(world, ref) == after


@every
def test_what_is_asked_for_once_more_is_answered_in_a_sentence(row: Row) -> None:
    world, ref = world_of(row)
    ask(world, row, ref)
    world.look(ref)
    assert row.again in ask(world, row, ref, ident="another")


@every
def test_where_the_ledger_cannot_be_written_nothing_is_changed_and_it_is_said(row: Row) -> None:
    world, ref = world_of(row)
    world.tracker.ledger_error = Refused("could not edit OPS-1: no permission")
    before = state(world, ref)
    assert ask(world, row, ref) == "The tracker refused: could not edit OPS-1: no permission"
    assert state(world, ref) == before
    world.tracker.ledger_error = None
    assert row.answer in ask(world, row, ref), "nothing was remembered of what was not done"


@pytest.mark.parametrize("verb", ["status", "next", "why", "help"])
def test_whoever_is_known_may_ask_and_nothing_changes(verb: str) -> None:
    world = World(company=COMPANY + ROLES)
    ref = world.ticket()
    before = state(world, ref)
    row = Row(verb, "", "")
    assert "OPS-1" in ask(world, row, ref, by="tom").replace("\\", "")
    assert "does not know you" in ask(world, row, ref, by="zoe")
    assert state(world, ref) == before


@pytest.mark.parametrize(
    ("verb", "of"),
    [("raise", "severity"), ("lower", "severity"), ("resume", "hold"), ("assign", "take"), ("handover", "claim")],
)
def test_no_verb_is_a_way_around_another(verb: str, of: str) -> None:
    row = next(row for row in TABLE if row.verb == verb)
    world = World(company=f'{COMPANY}{ROLES}[permissions]\n{of} = ["person:maria"]\n')
    ref = world.ticket(**row.fields)
    for before, args in row.before:
        world.click(before, ref, "maria", **args)
    assert ask(world, row, ref) == f"Only person:maria (maria) may {verb} OPS-1."


def test_who_takes_a_ticket_and_may_not_acknowledge_has_it_and_people_are_called_all_the_same() -> None:
    world = World(company=f'{COMPANY}[permissions]\nacknowledge = ["person:tom"]\n')
    ref = world.ticket()
    assert world.click("take", ref) == "OPS-1 is yours."
    assert world.click("take", ref) == "OPS-1 is yours already."
    world.at("09:06")
    assert [post.place for post in world.posts if post.place == "U-tom"], "tom is on call"


def test_who_may_depends_on_the_roles_of_the_ticket() -> None:
    world = World(company=f'{COMPANY}{ROLES}[permissions]\nresolve = ["role:poc"]\n')
    ref = world.ticket()
    assert world.click("resolve", ref) == "Only role:poc (nobody now) may resolve OPS-1."
    world.click("claim", ref, "tom", role="poc")
    assert world.click("resolve", ref) == "Only role:poc (tom) may resolve OPS-1."
    world.click("handover", ref, "tom", role="poc", person="ann")
    assert world.click("resolve", ref) == "You resolved OPS-1."


def test_help_says_what_one_may_do_to_a_ticket_and_who_may_at_all() -> None:
    world = World(company=f'{COMPANY}{ROLES}[permissions]\nresolve = ["role:poc"]\n')
    ref = world.ticket()
    row = Row("help", "", "")
    assert "`resolve" not in ask(world, row, ref)
    assert "`take OPS-1`: assign it to me" in ask(world, row, ref)
    assert "`resolve OPS-42`: it is resolved (only role:poc)" in ask(world, row, "")
    assert "`claim" not in carry_out(Command("", "help", User("U-ann"), "slack"), World().engine)
