"""History sets and their lines: what an instance makes out of its audit when somebody opens a record.

A set belongs to one record and to a language and a zone; it stays as it is until somebody of these looks again. Its
lines tell every update by its number, the record's beginning as update 0, values as people see them and as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.servicenow.world import Record, sys_id

if TYPE_CHECKING:
    from sandbox.servicenow.state import ServiceNowState


def recorded(state: ServiceNowState, record: Record, by: str) -> None:
    """Write the set of this record anew, for whoever has the zone of this person."""
    user = state.find("sys_user", state.user_id(by))
    zone = user["time_zone"] if user else ""
    set_ = sys_id(f"set {record.id} {zone}")
    lines = state.records["sys_history_line"]
    for id_ in [one.id for one in lines.values() if one["set"] == set_]:
        del lines[id_]
    state.records["sys_history_set"][set_] = Record(
        "sys_history_set",
        {
            "sys_id": set_, "id": record.id, "table": record.table, "language": "en", "timezone": zone,
            "line_table": "sys_history0000", "last_update_recorded": record["sys_updated_on"],
            "updates": record["sys_mod_count"], "sys_updated_on": record["sys_updated_on"],
        },
    )  # fmt: skip
    audit = [one for one in state.records["sys_audit"].values() if one["documentkey"] == record.id]
    for name, value in _beginning(record, audit).items():
        made = {"sys_created_on": record["sys_created_on"], "user": record["sys_created_by"], "record_checkpoint": "0"}
        _line(state, record, set_, {**made, "fieldname": name, "newvalue": value})
    for one in audit:
        _line(state, record, set_, one.values)


def _beginning(record: Record, audit: list[Record]) -> Mapping[str, str]:
    """The values of a record when it was made: as they are, with every change taken back."""
    values = {name: value for name, value in record.values.items() if not name.startswith("sys_")}
    for one in reversed(audit):
        if one["oldvalue"] != "JOURNAL FIELD ADDITION":
            values[one["fieldname"]] = one["oldvalue"]
    return {name: value for name, value in values.items() if value}


def _line(state: ServiceNowState, record: Record, set_: str, told: Mapping[str, str]) -> None:
    name, by = told["fieldname"], told["user"]
    column = state.schema.column(record.table, name)
    old, new = told.get("oldvalue", ""), told.get("newvalue", "")

    def shown(value: str) -> str:
        there = Record(record.table, {**record.values, name: value})
        journal = column is None or column.kind == "journal"
        return value if journal or column is None else state.schema.shown(there, column, state.zone)

    id_ = sys_id(f"line {set_} {told['record_checkpoint']} {name} {len(state.records['sys_history_line'])}")
    state.records["sys_history_line"][id_] = Record(
        "sys_history_line",
        {
            "sys_id": id_, "set": set_, "field": name, "label": column.label if column else name, "type": "audit",
            "old": shown(old), "old_value": old, "new": shown(new), "new_value": new, "user": state.user_id(by),
            "update": told["record_checkpoint"], "update_time": told["sys_created_on"], "user_id": by,
            "user_name": state.called(by),
        },
    )  # fmt: skip
