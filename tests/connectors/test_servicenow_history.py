"""A history whose rows come odd: late, out of order, at other seconds, in part, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.model import Change
from sandbox.servicenow.world import Record, stamp
from tests.connectors.instances import MORNING, World, world

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def snow() -> Iterator[World]:
    with world() as made:
        yield made


def raised(made: World) -> str:
    """A ticket whose impact and urgency were written together, a minute after it was made; its sys_id."""
    ref = made.create(impact="3", urgency="3")
    made.clock.advance(MINUTE)
    made.state.put(ref, {"impact": "1", "urgency": "1"})
    return ref


def rows(made: World, column: str) -> list[Record]:
    return [row for row in made.state.records["sys_audit"].values() if row["fieldname"] == column]


def severity(made: World, ref: str) -> list[tuple[Any, Any, Any]]:
    return [(c.at, c.before, c.after) for c in made.snow.get(ref).history if c.field == "severity"]


@pytest.mark.parametrize("late", ["impact", "urgency"])
def test_the_columns_of_one_update_are_one_change_also_where_a_second_lies_between_their_rows(
    snow: World, late: str
) -> None:
    ref = raised(snow)
    for row in rows(snow, late):
        row.values["sys_created_on"] = stamp(MORNING + MINUTE + SECOND)
    snow.clock.advance(MINUTE)
    snow.state.put(ref, {"short_description": "x"})
    assert severity(snow, ref) == [(MORNING + MINUTE, "low", "high")]


def test_a_row_that_was_written_a_second_after_its_record_is_not_waited_for(snow: World) -> None:
    ref = raised(snow)
    for row in snow.state.records["sys_audit"].values():
        row.values["sys_created_on"] = stamp(MORNING + MINUTE + SECOND)
    at_once = severity(snow, ref)
    assert at_once == [(MORNING + MINUTE + SECOND, "low", "high")]
    snow.clock.advance(MINUTE)
    snow.state.put(ref, {"short_description": "x"})
    assert severity(snow, ref) == at_once


def test_a_change_keeps_its_moment_when_the_second_row_of_its_update_arrives(snow: World) -> None:
    ref = raised(snow)
    (late,) = rows(snow, "urgency")
    late.values["sys_created_on"] = stamp(MORNING + MINUTE + SECOND)
    kept = snow.state.records["sys_audit"].pop(late.id)
    ((at, _, after),) = severity(snow, ref)
    snow.state.records["sys_audit"][kept.id] = kept
    assert severity(snow, ref) == [(at, "low", after)]


def test_the_order_of_rows_says_nothing(snow: World) -> None:
    ref = raised(snow)
    for state in ("In Progress", "On Hold", "In Progress"):
        snow.state.transition(ref, state)
    told = snow.snow.get(ref).history
    audit = snow.state.records["sys_audit"]
    for number, row in enumerate(reversed(list(audit.values()))):
        del audit[row.id]
        row.values["sys_id"] = f"{number:032x}"
        audit[row.id] = row

    def plain(history: tuple[Change, ...]) -> list[tuple[Any, ...]]:
        return sorted((c.at, c.field, str(c.before), str(c.after)) for c in history)

    again = snow.snow.get(ref).history
    assert plain(again) == plain(told)
    assert [c.after for c in again if c.field == "hold"] == [True, False]
    assert [c.after for c in again if c.field == "status"] == ["In Progress", "On Hold", "In Progress"]
