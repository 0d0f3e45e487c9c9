"""The sandbox's ServiceNow in the scenarios' words: what people do there, and what is seen of it and shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import Clock
from sandbox.http import Asked
from sandbox.promised import Judged, owed
from sandbox.recording import Recording
from sandbox.shown import Opened, options, shown
from sandbox.world import World

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> Iterator[World]:
    with World(Clock(START, speed=0.0), ("#incidents",), "servicenow") as made:
        yield made


def test_a_scenarios_words_are_columns_there_and_come_back_as_they_were_said(world: World) -> None:
    said = {"Summary": "Checkout is down", "Service": "Checkout (prod)", "Affected users": 1400, "Severity": "Medium",
            "Team": "payments", "Assignee": "Ann Archer", "Description": "It is slow"}  # fmt: skip
    key = world.create("bob", said)
    assert key == "INC0010001"
    assert {name: world.value(key, name) for name in said} == said
    assert (world.value(key, "Status"), world.value(key, "Reporter")) == ("Open", "Bob Hidden")
    record = world.servicenow.ticket(key)
    assert [record[name] for name in ("impact", "urgency", "priority", "state")] == ["2", "2", "3", "1"]
    world.change("maria", key, {"Assignee": "", "Impact": "1 - High"})
    assert (world.value(key, "Assignee"), record["impact"], record["priority"]) == (None, "1", "2")


@pytest.mark.parametrize("status", ["In Progress", "On Hold", "Resolved", "Open"])
def test_a_ticket_can_be_brought_to_every_status(world: World, status: str) -> None:
    key = world.create("ann", {"Summary": "x"})
    world.move("tom", key, "In Progress")
    world.move("tom", key, status)
    assert world.value(key, "Status") == status
    assert status in {"Open", *(to for _, to in world.desk.ticket(key).moves), world.desk.ticket(key).status}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"Colour": "red"}, "no field Colour"),
        ({"Service": "Nowhere"}, "Service has no option Nowhere"),
        ({"Assignee": "nobody known"}, "Assigned to has no option"),
        ({"On hold reason": "Awaiting Godot"}, "On hold reason has no option"),
    ],
)
def test_what_is_not_there_is_told(world: World, fields: dict[str, str], told: str) -> None:
    with pytest.raises(LookupError, match=told):
        world.create("ann", fields)
    assert not world.desk.keys()


def test_a_log_is_all_that_pointman_wrote_since_a_journal_is_never_reworded(world: World) -> None:
    key = world.create("ann", {"Summary": "x"})
    world.comment("ann", key, "hello")
    assert world.logs(key) == ()
    for text in ("one", "two"):
        world.servicenow.comment(key, text, by="pointman", internal=True)
    assert world.logs(key) == ("one\ntwo",)


def test_the_page_shows_the_form_as_people_know_it(world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down", "Severity": "High", "Assignee": "tom"})
    world.create("bob", {"Summary": "A typo"})
    world.move("ann", key, "In Progress")
    world.servicenow.put(key, {"u_pointman": '{"v":1}', "work_notes": "[code]<b>x</b><script>[/code]"}, "pointman")
    data = shown(world, Opened(key))
    assert (data["tracker"], [row["key"] for row in data["queue"]]) == ("ServiceNow", [key, "INC0010002"])
    ticket = data["ticket"]
    assert (ticket["severity"], ticket["status"], ticket["assignee"]) == ("High", "In Progress", "Tom Reyes")
    fields = {field["name"]: field["value"] for field in ticket["fields"]}
    assert (fields["Priority"], fields["Assigned to"], fields["Caller"]) == ("1 - Critical", "Tom Reyes", "Ann Archer")
    assert [log["html"] for log in ticket["logs"]] == ["<b>x</b>"]
    assert ticket["memory"]["text"] == '{\n  "v": 1\n}'
    told = [(past["name"], past["field"], past["before"], past["after"]) for past in ticket["history"]]
    assert told == [("Ann Archer", "State", "New", "In Progress")]
    assert options(world, "Severity") == ["High", "Medium", "Low"]
    assert "Orders DB" in options(world, "Service")


def test_an_incident_is_shown_as_it_was(world: World) -> None:
    recording = Recording(world)
    key = world.create("ann", {"Summary": "Slow"})
    recording.take()
    world.clock.advance(5 * MINUTE)
    world.change("bob", key, {"Summary": "Down", "Severity": "High"})
    recording.take()
    before, now = recording.at(START + 4 * MINUTE), recording.at(START + 6 * MINUTE)
    assert (before.value(key, "Summary"), before.value(key, "Severity")) == ("Slow", "Low")
    assert (now.value(key, "Summary"), now.value(key, "Severity")) == ("Down", "High")
    assert (before.desk.product, now.fingerprint() == world.fingerprint()) == ("ServiceNow", True)


def test_what_the_company_promises_is_read_from_its_history_too(world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    world.change("pointman", key, {"Severity": "High", "Team": "payments"})
    world.clock.advance(20 * MINUTE)
    world.move("ann", key, "Resolved")
    world.clock.advance(2 * MINUTE)
    told = {(one.place, one.what) for one in owed(world, Judged(key, world.clock.now(), START + 20 * MINUTE))}
    assert told == {("#incidents", "the card"), ("@tom", "a call"), ("@maria", "a call"), ("#incidents", "a call"),
                    ("#incidents", "the news of its end"), ("#management", "an update")}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "query", "kind"),
    [
        ("GET", "incident", "sys_updated_on>=2026-11-23 09:00:00^sys_id>0", "asks what changed"),
        ("GET", "incident", "active=true^ORDERBYsys_id", "asks what changed"),
        ("GET", "incident", "sys_id=0123", "works"),
        ("PATCH", "incident/0123", "", "works"),
        ("GET", "sys_audit", "documentkeyIN0123", "either"),
    ],
)
def test_time_may_leap_only_while_nothing_is_done(world: World, method: str, path: str, query: str, kind: str) -> None:
    asked = Asked(method, f"/api/now/table/{path}", {"sysparm_query": query})
    either = "either" if world.desk.belongs_to_that(asked) else "works"
    assert ("asks what changed" if world.desk.asks_what_changed(asked) else either) == kind
