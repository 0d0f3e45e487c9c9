"""A ticket goes to whoever comes next when a shift ends, unless somebody has acknowledged it or a person decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.model import User
from sync import show
from sync.ledger import Ledger
from sync.look import Site
from sync.plan import make_plan
from sync.why import explained
from tests.world import COMPANY, MORNING, RULES, World

PICKED = RULES.replace('team = "service.team"', 'team = "service.team"\npick = "on-call"')
ROTA = COMPANY.replace(
    'rotation = ["tom"], handover = "Mon 00:00"', 'rotation = ["maria", "tom"], handover = "10:10", first = 2026-11-22'
)  # so maria hands over to tom at 10:10
LEAST = RULES.replace('team = "service.team"', 'team = "service.team"\npick = "least-loaded"')


def holders(world: World, ref: str, *moments: str) -> list[object]:
    found = []
    for moment in moments:
        world.at(moment)
        found.append(getattr(world.field(ref, "assignee"), "id", None))
    return found


def day(company: str = ROTA) -> tuple[World, str]:
    world = World(PICKED, company)
    return world, world.ticket()


def coming(world: World, ref: str) -> list[str]:
    """What the plan says of the assignee of later."""
    return [item.effect.what for item in world.plan(ref).of("next") if item.effect.key == "field:assignee"]


def ann(world: World) -> User | None:
    return world.tracker.user("ann@example.org")


def test_when_a_shift_ends_unacknowledged_the_next_on_call_has_the_ticket() -> None:
    world, ref = day()
    assert holders(world, ref, "10:09", "10:11") == ["maria", "tom"]


def test_the_plan_says_who_has_it_next_and_wakes_for_it() -> None:
    world, ref = day()
    plan = world.engine.plan(ref)
    line = next(line for line in show.text(plan, world.engine.rules).splitlines() if "assignee = tom" in line)
    assert line.split() == ["10:10", "assignee", "=", "tom", "unless", "acknowledged"]
    world.at("10:09")
    assert world.wakes[ref] <= MORNING.replace(hour=10, minute=10)


def test_explain_says_whose_shift_it_was_and_what_comes() -> None:
    world, ref = day()
    told = explained(world.engine, ref, None)
    rule = next(one for one in told.explanations if one.rule.id == "service-team")
    assert [(u.state, u.what, u.why) for u in rule.upshots if u.state == "next"] == [
        ("next", "assignee = tom", "unless acknowledged")
    ]
    world.at("10:11")
    assert "assignee = tom (service-team; maria's shift ended)" in world.log(ref)


def test_whoever_acknowledged_it_keeps_it() -> None:
    world, ref = day()
    world.at("10:00")
    world.click("acknowledge", ref, by="ann")
    assert coming(world, ref) == []
    assert holders(world, ref, "10:30") == ["maria"]


def test_whom_a_person_chose_keeps_it() -> None:
    world, ref = day()
    world.tracker.person(ref, "ann", assignee=ann(world))
    world.look(ref)
    assert coming(world, ref) == []
    assert holders(world, ref, "10:30") == ["ann"]


def test_after_a_restart_over_the_hand_over_it_is_made_once() -> None:
    world, ref = day()
    world.down = True
    world.later(timedelta(hours=3))
    world.restart()
    assert holders(world, ref, "12:10") == ["tom"]
    writes = len(world.tracker.tickets[ref].history)
    world.restart()
    assert len(world.tracker.tickets[ref].history) == writes


def test_who_is_away_tomorrow_has_it_until_midnight() -> None:
    company = ROTA.replace('"10:10"', '"Mon 08:00"').replace("tom = {", 'tom = { away = ["2026-11-24"],')
    company = company.replace('["maria", "tom"]', '["tom", "maria"]').replace("2026-11-22", "2026-11-23")
    world, ref = day(company)
    assert holders(world, ref, "23:59") == ["tom"]
    world.until(MORNING.replace(day=24, hour=0, second=1))
    assert world.field(ref, "assignee") == world.tracker.user("maria@x")
    assert "tom is away" in world.log(ref)


def test_where_nobody_is_on_call_the_ticket_waits_for_the_first_who_is() -> None:
    company = ROTA.replace("first = 2026-11-22", 'first = 2026-11-22, during = "late"')
    world, ref = day('[calendars]\nlate = { hours = { mon-sun = "10:00-20:00" } }\n' + company)
    assert coming(world, ref) == ["assignee = maria"]
    assert holders(world, ref, "09:59", "10:01", "10:11", "21:00") == [None, "maria", "tom", "tom"]


# ---- who has fewest tickets, and hours


OFFICE = (
    '[calendars]\nearly = { hours = { mon-sun = "06:00-10:00" } }\nlate = { hours = { mon-sun = "10:00-20:00" } }\n'
)
HOURS = OFFICE + COMPANY.replace('tom = { slack = "U-tom"', 'tom = { hours = "early", slack = "U-tom"').replace(
    'maria = { slack = "U-maria"', 'maria = { hours = "late", slack = "U-maria"'
)


@pytest.mark.parametrize("pick", ["least-loaded", "rotate"])
def test_who_is_within_their_hours_is_picked_and_hands_over_when_they_end(pick: str) -> None:
    world = World(LEAST.replace("least-loaded", pick), HOURS)
    refs = [world.ticket(f"OPS-{nth}") for nth in range(1, 5)]
    assert [holders(world, ref, "09:30") for ref in refs] == [["tom"]] * 4
    assert [holders(world, ref, "10:01") for ref in refs] == [["maria"]] * 4
    assert "tom's hours ended" in world.log(refs[0])
    assert [holders(world, ref, "21:00") for ref in refs] == [["maria"]] * 4, "nobody has hours now: it stays"


def test_when_nobody_has_hours_somebody_is_picked_all_the_same() -> None:
    world = World(LEAST, HOURS.replace('"06:00-10:00"', '"06:00-08:00"'))
    assert getattr(world.field(world.ticket(), "assignee"), "id", None) in {"tom", "maria"}


def test_open_tickets_are_counted_from_the_trackers_own_list() -> None:
    world = World(LEAST)
    busy = [world.tracker.ticket(f"OPS-{nth}", "Printer", assignee=world.tracker.user("tom@x")) for nth in range(2, 6)]
    world.restart()
    ref = world.ticket("OPS-9")
    assert getattr(world.field(ref, "assignee"), "id", None) == "maria"
    for each in busy:
        world.tracker.person(each, "ann", phase="resolved")
    other = [
        world.tracker.ticket(f"OPS-{nth}", "Printer", assignee=world.tracker.user("maria@x")) for nth in range(12, 14)
    ]
    assert other
    world.restart()
    assert getattr(world.field(world.ticket("OPS-10"), "assignee"), "id", None) == "tom"


def test_before_anything_was_counted_somebody_is_picked_all_the_same() -> None:
    world = World(LEAST)
    assert not world.engine.memory.loads
    assert getattr(world.field(world.ticket(), "assignee"), "id", None) in {"tom", "maria"}


def test_a_tracker_that_maps_no_assignee_hands_nothing_over() -> None:
    world, ref = day()
    ticket = world.tracker.get(ref)
    unmapped = replace(ticket, fields={word: value for word, value in ticket.fields.items() if word != "assignee"})
    plan = make_plan(unmapped, Ledger(ref), world.engine.rules, world.engine.world(ticket, Ledger(ref)), world.now)
    assert [item.status for item in plan.items if item.effect.key == "field:assignee"] == ["not"]


def test_a_shift_that_hands_over_many_tickets_is_no_flood() -> None:
    world = World(PICKED, ROTA, site=Site(edits=2))
    refs = [world.ticket(f"OPS-{nth}") for nth in range(1, 6)]
    assert {tuple(holders(world, ref, "10:11")) for ref in refs} == {("tom",)}
    assert not world.engine.holding


def test_other_rules_that_move_many_tickets_are_one() -> None:
    world = World(PICKED, ROTA, site=Site(edits=2))
    refs = [world.ticket(f"OPS-{nth}") for nth in range(1, 6)]
    world.at("10:11")
    world.reload(PICKED.replace('pick = "on-call"', 'person = "ann"'))
    assert world.engine.holding
    assert [holders(world, ref, "10:15") for ref in refs].count(["tom"]) >= 2
