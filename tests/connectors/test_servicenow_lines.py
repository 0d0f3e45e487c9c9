"""History lines in the place of an audit that may not be read: believed as far as they reach, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.base import Wanted
from connectors.errors import ConnectorError
from connectors.model import Edit, Ticket
from sandbox.servicenow.world import Record
from tests.connectors.instances import MORNING, World, world

MINUTE = timedelta(minutes=1)


@pytest.fixture
def snow() -> Iterator[World]:
    with world() as made:
        yield made


def changed(made: World) -> str:
    """A ticket that was given to somebody, put on hold and resumed, a minute apart; its sys_id."""
    ref = made.create(impact="3", urgency="3")
    for values in (
        {"assigned_to": made.state.user_id("maria"), "state": "2"},
        {"impact": "1", "urgency": "1", "u_eta": "2026-11-23 12:00:00"},
        {"state": "3", "hold_reason": "4"},
    ):
        made.clock.advance(MINUTE)
        made.state.put(ref, values, "tom")
    return ref


def lines(made: World) -> list[Record]:
    return list(made.state.records["sys_history_line"].values())


def test_a_set_that_is_up_to_date_tells_what_the_audit_tells(snow: World) -> None:
    ref = changed(snow)
    audited = snow.snow.get(ref)
    snow.by_lines()
    snow.state.view(ref)
    told = snow.snow.get(ref)
    assert told.complete_since == told.created

    def plain(ticket: Ticket) -> set[tuple[object, ...]]:
        return {(c.at, c.field, str(c.before), str(c.after), str(c.by)) for c in ticket.history}

    assert plain(told) == plain(audited)
    assert {"severity", "assignee", "hold", "eta"} <= {c.field for c in told.history}


def test_without_a_set_and_with_an_older_one_the_past_is_unknown(snow: World) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    for _ in range(2):
        ticket = snow.snow.get(ref)
        assert ticket.history == ()
        assert ticket.complete_since is not None
        assert ticket.complete_since > ticket.updated
        snow.state.view(ref)
        assert snow.snow.get(ref).history
        snow.clock.advance(MINUTE)
        snow.state.put(ref, {"impact": "2"})


def test_what_we_write_makes_a_set_old_until_somebody_looks(snow: World) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    snow.state.view(ref)
    snow.clock.advance(MINUTE)
    snow.snow.write(ref, Edit({"severity": "medium"}), "{}")
    assert snow.snow.get(ref).history == ()
    snow.state.view(ref)
    assert [c.after for c in snow.snow.get(ref).history if c.field == "severity"] == ["high", "medium"]


def test_a_set_whose_oldest_lines_are_gone_tells_from_then_on(snow: World) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    snow.state.view(ref)
    for row in lines(snow):
        if int(row["update"]) < 2:
            del snow.state.records["sys_history_line"][row.id]
    ticket = snow.snow.get(ref)
    assert ticket.complete_since is not None
    assert MORNING + 2 * MINUTE < ticket.complete_since < MORNING + 3 * MINUTE
    assert {c.at for c in ticket.history} == {MORNING + 3 * MINUTE}, "the oldest update may be half there"
    assert ticket.at(MORNING + 2.5 * MINUTE).fields["severity"] == "high"


def test_of_several_zones_the_newest_set_is_read_once(snow: World) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    snow.state.view(ref, "ann")
    snow.clock.advance(MINUTE)
    snow.state.put(ref, {"impact": "2", "urgency": "2"})
    snow.state.view(ref, "tom")
    history = [c for c in snow.snow.get(ref).history if c.field == "severity"]
    assert [c.after for c in history] == ["high", "medium"]


def test_a_last_update_that_is_a_number_is_understood(snow: World) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    snow.state.view(ref)
    (kept,) = snow.state.records["sys_history_set"].values()
    for said in ("3", "2", ""):
        kept.values["last_update_recorded"] = said
        assert snow.snow.get(ref).history, "its lines reach update 3, whatever it says"
    snow.clock.advance(MINUTE)
    snow.snow.write(ref, None, "{}")
    assert not snow.snow.get(ref).history
    kept.values["last_update_recorded"] = "4"
    assert snow.snow.get(ref).history, "the fourth update was the ledger's alone, which is not audited"


def test_lines_without_the_number_of_their_update_are_no_whole_past(snow: World) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    snow.state.view(ref)
    for row in lines(snow):
        row.values["update"] = ""
    ticket = snow.snow.get(ref)
    assert (ticket.history, ticket.complete_since is not None and ticket.complete_since > ticket.updated) == ((), True)


@pytest.mark.parametrize("said", ["23.11.2026 09:03:00", "yesterday", "2026-11-23T09:00:00Z"])
def test_a_last_update_that_is_written_otherwise_proves_nothing(snow: World, said: str) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    snow.state.view(ref)
    snow.clock.advance(MINUTE)
    snow.state.put(ref, {"impact": "2", "urgency": "2"})
    (kept,) = snow.state.records["sys_history_set"].values()
    kept.values["last_update_recorded"] = said
    assert snow.snow.get(ref).history == (), "the set is older than the ticket"


def test_a_line_without_a_moment_is_the_products_error(snow: World) -> None:
    ref = changed(snow)
    snow.by_lines(viewed=False)
    snow.state.view(ref)
    lines(snow)[0].values["update_time"] = ""
    with pytest.raises(ConnectorError):
        snow.snow.get(ref)


def test_a_page_of_tickets_costs_two_requests_for_their_lines(snow: World) -> None:
    refs = [changed(snow) for _ in range(3)]
    snow.by_lines()
    for ref in refs:
        snow.state.view(ref)
    snow.snow.get(refs[0])
    snow.sent()
    listed = [t for page in snow.snow.open(MORNING) for t in page]
    assert all(t.complete_since == t.created for t in listed)
    asked = snow.sent()
    assert [one for one in asked if "history" in one] == ["GET sys_history_set", "GET sys_history_line"]
    assert "GET sys_audit" not in asked, "what was refused is not asked for again"


def test_the_live_check_says_where_the_past_comes_from(snow: World) -> None:
    ref = changed(snow)

    def said() -> list[str]:
        return [p.message for p in snow.snow.check(Wanted()) if "sys_audit" in p.message]

    assert said() == []
    snow.by_lines(viewed=False)
    snow.state.view(ref)
    (by_lines,) = said()
    assert "sys_history_line can: who changed what is known of a ticket only while" in by_lines
    snow.state.traps.readable -= {"sys_history_line"}
    (nothing,) = said()
    assert "who changed what is unknown" in nothing
