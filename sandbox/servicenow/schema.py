"""What the tables of an instance are, and a record's values as people see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast, get_args
from zoneinfo import ZoneInfo

from sandbox.servicenow.world import STAMP, Column, Kind, Record, Table, moment

if TYPE_CHECKING:
    from sandbox.servicenow.state import ServiceNowState

KINDS: Final = frozenset(get_args(Kind))
SHORT: Final = 40
"""How many characters a column keeps for which nobody has said how many."""


class Schema:
    """The tables by name, and what hangs on them; people may add columns."""

    def __init__(self, state: ServiceNowState, tables: dict[str, Table]) -> None:
        self.state = state
        self.tables = tables

    def line(self, table: str) -> Iterator[Table]:
        """A table and those that it extends. Raises KeyError."""
        while table:
            found = self.tables[table]
            yield found
            table = found.extends

    def columns(self, table: str) -> dict[str, Column]:
        """All columns of a table, its own and those that it inherits."""
        found: dict[str, Column] = {}
        for one in self.line(table):
            found = {**one.columns, **found}
        return found

    def column(self, table: str, name: str) -> Column | None:
        """One column of a table."""
        return next((one.columns[name] for one in self.line(table) if name in one.columns), None)

    def extending(self, table: str) -> frozenset[str]:
        """The names of a table and of all that extend it."""
        return frozenset(name for name in self.tables if any(one.name == table for one in self.line(name)))

    def define(self, entry: Record) -> None:
        """A dictionary entry makes a column, or changes it: this is how an administrator adds one."""
        table = self.tables.get(entry["name"])
        if table is None or not entry["element"]:
            return
        kind = entry["internal_type"] if entry["internal_type"] in KINDS else "string"
        size = int(entry["max_length"]) if entry["max_length"].isdigit() else SHORT
        audited = "no_audit" not in entry["attributes"]
        label = entry["column_label"] or entry["element"]
        table.columns[entry["element"]] = Column(
            entry["element"], label, cast(Kind, kind), entry["reference"], size, audited, entry["default_value"],
            entry["read_only"] == "true", entry["mandatory"] == "true",
        )  # fmt: skip

    def forget(self, entry: Record) -> None:
        """The column of a dictionary entry is no more."""
        if table := self.tables.get(entry["name"]):
            table.columns.pop(entry["element"], None)

    def entries(self) -> Iterator[dict[str, str]]:
        """The dictionary that the instance begins with: an entry for each table and for each column it has itself."""
        for table in self.tables.values():
            yield {"name": table.name, "internal_type": "collection", "audit": _flag(table.audited), "active": "true"}
            for column in table.columns.values():
                yield {
                    "name": table.name, "element": column.name, "column_label": column.label,
                    "internal_type": column.kind if column.kind != "choice" else "integer", "reference": column.to,
                    "max_length": str(column.size), "default_value": column.default, "active": "true",
                    "attributes": "" if column.audited else "no_audit=true", "audit": "false",
                    "read_only": _flag(column.read_only), "mandatory": _flag(column.mandatory),
                }  # fmt: skip

    # ---- how people see values

    def choices(self, table: str, column: str) -> Mapping[str, str]:
        """The labels of a choice list by value: the table's own list, else that of the table it extends."""
        for one in self.line(table):
            found = {
                choice["value"]: choice["label"]
                for choice in self.state.records["sys_choice"].values()
                if (choice["name"], choice["element"]) == (one.name, column) and choice["inactive"] != "true"
            }
            if found:
                return found
        return {}

    def name(self, table: str, sys_id: str) -> str:
        """What stands for a record where another refers to it; empty where there is none."""
        record = self.state.find(table, sys_id)
        return record[next(self.line(record.table)).display if record.table else "name"] if record else ""

    def shown(self, record: Record, column: Column, zone: ZoneInfo) -> str:
        """A value as people see it whose clock is in this zone."""
        value = record[column.name]
        if column.kind == "journal":
            return self._journal(record, column, zone)
        if not value:
            return ""
        if column.kind == "reference":
            return self.name(column.to, value)
        if column.kind == "list":
            return ", ".join(self.name(column.to, one) or one for one in value.split(","))
        if column.kind == "choice":
            return self.choices(record.table, column.name).get(value, value)
        if column.kind == "glide_date_time":
            return self.local(moment(value), zone)
        return f"{int(value):,}" if column.kind == "integer" and column.name != "sys_mod_count" else value

    def local(self, at: datetime, zone: ZoneInfo) -> str:
        """A moment on somebody's clock."""
        return at.astimezone(zone).strftime(STAMP)

    def _journal(self, record: Record, column: Column, zone: ZoneInfo) -> str:
        """All entries, the newest first, as the form shows them."""
        wanted = ("comments", "work_notes") if column.name == "comments_and_work_notes" else (column.name,)
        labels = {name: column_.label for name in wanted if (column_ := self.column(record.table, name))}
        told = [
            f"{self.local(moment(one['sys_created_on']), zone)} - {self.state.called(one['sys_created_by'])} "
            f"({labels[one['element']]})\n{one['value']}\n\n"
            for one in reversed(self.state.notes(record.id))
            if one["element"] in labels
        ]
        return "".join(told)


def _flag(value: bool) -> str:
    return "true" if value else "false"
