"""A record's history from `sys_history_line`, where `sys_audit` may not be read.

An instance writes these lines out of its audit when a record is made, and again when somebody opens the record's form
or its history: a set (`sys_history_set`) for each language and zone of whoever looks, with a line for each column of
each update. A set that nobody has asked for again lacks what happened since; sets go after 30 days, lines after 28
(sources: ServiceNow's pages "Knowing about history sets" and "Differences between audit and history sets", KB0744473).
So a set is believed as far as it says itself: up to its last update, and from the oldest line that is whole. How
`last_update_recorded` counts is documented nowhere: a moment and a number are both understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.errors import Denied
from connectors.servicenow.client import EMPTY, Client, Row
from connectors.servicenow.fields import moment
from connectors.servicenow.history import Entry

SETS: Final = ("id", "table", "last_update_recorded", "sys_updated_on")
LINES: Final = ("set", "field", "old", "old_value", "new", "new_value", "user_id", "update", "update_time")
AT_ONCE: Final = 1000
"""Lines that are asked for at once."""
UNNUMBERED: Final = -(2**31)
"""The number of an update whose line tells none: the column may not be read, or holds something else."""
_MOMENT: Final = timedelta(milliseconds=1)
_WRITTEN: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one set says of one record. `until` is its last update: a moment, or a number of updates."""

    lines: tuple[Entry, ...]
    until: str

    def since(self, row: Row) -> datetime | None:
        """From when on it tells everything up to the record as it was read; None where it does not reach there."""
        if not self.lines or not self._reaches(row):
            return None
        if any(one.count == UNNUMBERED for one in self.lines):  # nobody knows what of it is there
            return None
        if self._first <= 0:
            return moment(row["sys_created_on"].value)
        return max(one.at for one in self.lines if one.count == self._first) + _MOMENT

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its changes. What a record was made with is none; the oldest update of a set that is cut off may be half."""
        return tuple(one for one in self.lines if one.count > max(0, self._first))

    @property
    def _first(self) -> int:
        return min(one.count for one in self.lines)

    def _reaches(self, row: Row) -> bool:
        updates, updated = row.get("sys_mod_count", EMPTY).value, row["sys_updated_on"].value
        if not updates.isdecimal():
            return False
        if self.until.isdecimal():
            known = int(self.until) >= int(updates)
        else:  # moments are compared as they are written, so only where both are written alike
            known = _WRITTEN.fullmatch(self.until) is not None and self.until >= updated
        return known or max(one.count for one in self.lines) >= int(updates)


class Lines:
    """Reads the history lines of the records of one table."""

    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, ids: Sequence[str], tried: str) -> dict[str, Recorded]:
        """What the newest set of each record says; none for a record without one. Raises ConnectorError."""
        newest: dict[str, Row] = {}
        query = f"table={self._table}^idIN{','.join(ids)}"
        for page in self._client.every("sys_history_set", query, SETS, f"{tried}: its history", AT_ONCE):
            for row in page:
                id_ = row.get("id", EMPTY).value
                if id_ not in newest or _age(row) > _age(newest[id_]):
                    newest[id_] = row
        found: dict[str, list[Entry]] = {row["sys_id"].value: [] for row in newest.values()}
        query = f"setIN{','.join(found)}"
        for page in (
            self._client.every("sys_history_line", query, LINES, f"{tried}: its history", AT_ONCE) if found else ()
        ):
            for row in page:
                found.setdefault(row.get("set", EMPTY).value, []).append(_entry(row))
        return {
            id_: Recorded(tuple(found[row["sys_id"].value]), row.get("last_update_recorded", EMPTY).value)
            for id_, row in newest.items()
        }

    def readable(self) -> bool:
        """Whether any set of the table, and any line, can be seen. Raises ConnectorError."""
        tried = "could not read the history lines"
        try:
            seen = self._client.first("sys_history_set", f"table={self._table}", ["id"], tried)
            return (
                seen is not None and self._client.first("sys_history_line", "ORDERBYsys_id", ["set"], tried) is not None
            )
        except Denied:
            return False


def _age(row: Row) -> tuple[str, str]:
    return row.get("sys_updated_on", EMPTY).value, row["sys_id"].value


def _entry(row: Row) -> Entry:
    """A line as an entry. Raises ValueError where it tells no moment.

    `old` and `new` are as people see them; the values beside them are as the database has them.
    """
    said = {name: row.get(name, EMPTY).value for name in LINES}
    count = said["update"]
    before, after = said["old_value"] or said["old"], said["new_value"] or said["new"]
    number = int(count) if count.removeprefix("-").isdecimal() else UNNUMBERED
    return Entry(
        moment(said["update_time"]), number, said["field"], before, after, said["user_id"], row["sys_id"].value
    )
