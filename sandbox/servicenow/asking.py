"""One request to the Table API on its way through an operation, and how ServiceNow says no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sandbox.http import Asked
from sandbox.servicenow.world import Column, Record

if TYPE_CHECKING:
    from sandbox.servicenow.state import ServiceNowState


class No(Exception):
    """What ServiceNow answers instead of yes."""

    def __init__(self, status: int, message: str, detail: str | None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "detail": detail}, "status": "failure"}
        self.headers = headers or {}


class Call:
    """A request that has been let in: on which table (and record), by whom."""

    def __init__(self, state: ServiceNowState, asked: Asked, table: str, ref: str = "") -> None:
        self.state = state
        self.asked = asked
        self.table = table
        self.ref = ref
        self.query: Mapping[str, str] = asked.query
        self.by = "pointman"
        user = state.find("sys_user", state.user_id(self.by))
        self.zone = ZoneInfo(user["time_zone"]) if user and user["time_zone"] else state.zone

    def number(self, name: str, default: int) -> int:
        """A number of the query; anything else counts as not said."""
        said = self.query.get(name, "")
        return int(said) if said.isdigit() else default

    def flag(self, name: str) -> bool:
        """A flag of the query."""
        return self.query.get(name, "").casefold() == "true"

    def body(self) -> dict[str, Any]:
        """The body, which is an object. Raises No."""
        try:
            read = self.asked.json()
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise No(400, "Exception while reading request", "The payload is not valid JSON.")
        return read

    def record(self) -> Record:
        """The record that the path names. Raises No."""
        record = self.state.find(self.table, self.ref)
        if record is None or record.id in self.state.traps.unseen:
            raise No(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        return record

    def may_read(self, record: Record, column: Column) -> bool:
        """Whether the rules of access let us read a value."""
        return not self._named(record, column) & self.state.traps.hidden

    def may_write(self, record: Record, column: Column) -> bool:
        """Whether they let us write it."""
        return not column.read_only and not self._named(record, column) & self.state.traps.locked

    def _named(self, record: Record, column: Column) -> set[str]:
        return {f"{one.name}.{column.name}" for one in self.state.schema.line(record.table)}
