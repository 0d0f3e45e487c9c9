"""A ServiceNow instance that lives in memory: what people do to records, and what the instance makes of it.

A scenario acts as a person (`create`, `put`, `comment`, `transition`, `copy`, `delete`); `handle` is the REST API in
front of the same world. The traps of the real product are attributes, so a test sets them and goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.http import Answer, Asked
from sandbox.servicenow import history, hooks, query, rest, rules
from sandbox.servicenow.schema import Schema
from sandbox.servicenow.world import Record, begins, moment, stamp, sys_id, tables

JOURNAL: Final = ("comments", "work_notes")
LEDGER: Final = {
    "name": "incident", "element": "u_pointman", "column_label": "Pointman", "internal_type": "string",
    "max_length": "65000", "attributes": "no_audit=true",
}  # fmt: skip
"""The dictionary entry of the column that holds Pointman's ledger."""


@dataclass(slots=True)
class Traps:
    """What the real product does to the unwary, to be set by a test.

    `readable` are the tables that only administrators may read and that we may. `viewed`: somebody opens every task as
    soon as it was changed, so that its history set is up to date. `journal_hidden` answers no journal
    entries, with success. `hidden` are columns that we may not read, `locked` ones that we may not write (both as
    `incident.u_pointman`; a write is dropped with success), `unseen` sys_ids of records that we may not see.
    `cap` is how many rows one answer holds at the most. `assigns` is an assignment rule: user names by group.
    `policies`: resolving needs a code and notes; `hold_needs_reason`: holding needs a reason. `strict`: an unknown
    column in a query finds nothing. `asleep`: the instance hibernates. `exhausted`: lists end in an error after half
    of their rows, with success. `per_hour` is how many requests an hour has room for.
    """

    readable: set[str] = field(default_factory=set)
    viewed: bool = False
    journal_hidden: bool = False
    hidden: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    cap: int | None = None
    assigns: dict[str, str] = field(default_factory=dict)
    policies: bool = True
    hold_needs_reason: bool = False
    strict: bool = False
    asleep: bool = False
    exhausted: bool = False
    per_hour: int | None = None


class ServiceNowState:
    """One instance. `password` is that of the user `pointman`; `client` and `secret` are an OAuth client's.

    `zone` is that of everybody who has none of their own.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.traps = Traps()
        self.hooks = hooks.Hooks()
        self.password = "sandbox-password"  # noqa: S105  (of the sandbox, known to everybody)
        self.client, self.secret = "sandbox-client", "sandbox-client-secret"
        self.zone = self.utc = ZoneInfo("UTC")
        self.url = "https://sandbox.service-now.com"
        self.tokens: dict[str, datetime] = {}
        self.asked: list[datetime] = []
        self.lock = RLock()
        self.schema = Schema(self, tables())
        self.records: dict[str, dict[str, Record]] = {name: {} for name in self.schema.tables}
        self._ids = itertools.count(1)
        self._numbers = itertools.count(10001)
        self._notes: dict[str, list[Record]] = {}
        self._begin()

    def handle(self, asked: Asked) -> Answer:
        """Answer a request as ServiceNow does."""
        with self.lock:
            return rest.answer(self, asked)

    def prepare(self) -> None:
        """What an administrator does for us by hand: a column for the ledger, and the history may be read."""
        with self.lock:
            self.traps.readable.add("sys_audit")
            self.insert("sys_dictionary", LEDGER, "admin")

    def webhook(self, url: str, secret: str = "", table: str = "incident") -> None:
        """From now on call this address about every record of a table that is made or changed."""
        self.hooks.hooks.append(hooks.Hook(url, secret, table))

    # ---- what people do

    def create(self, values: Mapping[str, Any], by: str = "ann", table: str = "incident") -> str:
        """Create a record, as this person; answers its number. Values are raw, references sys_ids. Raises Denied."""
        with self.lock:
            return self.insert(table, {"caller_id": self.user_id(by), **_texts(values)}, by)["number"]

    def put(self, ref: str, values: Mapping[str, Any], by: str = "ann") -> None:
        """Change columns of a ticket, as this person. Raises Denied."""
        with self.lock:
            self.update(self.ticket(ref), _texts(values), by)

    def comment(self, ref: str, text: str, by: str = "ann", internal: bool = False) -> None:
        """Write a comment that the caller sees, or a work note (`internal`)."""
        self.put(ref, {"work_notes" if internal else "comments": text}, by)

    def transition(self, ref: str, to: str, by: str = "ann") -> None:
        """Bring an incident to the state with this label; who resolves fills in what must be. Raises LookupError."""
        with self.lock:
            ticket = self.ticket(ref)
            labels = self.schema.choices(ticket.table, "state")
            value = next((value for value, label in labels.items() if label == to), None)
            if value is None:
                raise LookupError(f"{ticket['number']} knows no state {to}")
            changes = {"state": value}
            if value in rules.FINISHED and not ticket["close_code"]:
                changes |= {"close_code": "Solution provided", "close_notes": "Solved."}
            if value == rules.HELD and not ticket["hold_reason"]:
                changes["hold_reason"] = "4"
            self.update(ticket, changes, by)

    def copy(self, ref: str, by: str = "ann") -> str:
        """Insert a ticket again (`Insert and Stay`): all that it carries comes along, ours as well; its number."""
        with self.lock:
            ticket = self.ticket(ref)
            own = {"sys_id", "number", "opened_at", "opened_by"}
            values = {name: value for name, value in ticket.values.items() if name not in own and name[:4] != "sys_"}
            return self.insert(ticket.table, values, by)["number"]

    def delete(self, ref: str, by: str = "ann") -> None:
        """Delete a ticket for good."""
        with self.lock:
            self.remove(self.ticket(ref))

    def view(self, ref: str, by: str = "ann") -> None:
        """Open a ticket's form: its history set is written anew for this person's language and zone."""
        with self.lock:
            history.recorded(self, self.ticket(ref), by)

    def close(self) -> None:
        """Call nobody any more."""
        self.hooks.close()

    # ---- what can be seen

    def now(self) -> datetime:
        """The instance's moment, in whole seconds: it knows none smaller."""
        return self.clock.now().replace(microsecond=0)

    def ticket(self, ref: str) -> Record:
        """The task with this sys_id or number. Raises KeyError."""
        for table in self.schema.extending("task"):
            for record in self.records[table].values():
                if ref in {record.id, record["number"]}:
                    return record
        raise KeyError(ref)

    def find(self, table: str, id_: str) -> Record | None:
        """The record with this sys_id in a table or in one that extends it."""
        if not id_ or table not in self.schema.tables:
            return None
        for name in self.schema.extending(table):
            if id_ in self.records[name]:
                return self.records[name][id_]
        return None

    def rows(self, table: str) -> Iterator[Record]:
        """All records of a table and of those that extend it."""
        for name in sorted(self.schema.extending(table)):
            yield from self.records[name].values()

    def search(self, table: str, text: str) -> list[Record]:
        """What an encoded query finds. Raises BadQuery."""
        asked = query.read(text, table, self)
        return query.ordered((r for r in self.rows(table) if asked.test(r)), asked, table, self)

    def notes(self, ref: str) -> list[Record]:
        """The journal entries of a record, the oldest first."""
        return self._notes.get(ref, [])

    def user_id(self, username: str) -> str:
        """The sys_id of a user by user name; empty where there is none."""
        found = (r.id for r in self.records["sys_user"].values() if username and r["user_name"] == username)
        return next(found, "")

    def group_id(self, name: str) -> str:
        """The sys_id of a group by its name; empty where there is none."""
        return next((r.id for r in self.records["sys_user_group"].values() if r["name"] == name), "")

    def service_id(self, name: str) -> str:
        """The sys_id of a service by its name; empty where there is none."""
        return next((r.id for r in self.records["cmdb_ci_service"].values() if r["name"] == name), "")

    def called(self, username: str) -> str:
        """A user's name; the user name where there is no such user."""
        return self.schema.name("sys_user", self.user_id(username)) or username

    # ---- what the instance makes of it (the lock is held)

    def insert(self, table: str, values: Mapping[str, str], by: str) -> Record:
        """A new record. Raises Denied."""
        record = Record(table, {"sys_id": sys_id(f"record {next(self._ids)}")})
        now = stamp(self.now())
        columns = self.schema.columns(table)
        given = {name: column.default for name, column in columns.items() if column.default}
        if "number" in columns:
            given |= {"opened_at": now, "opened_by": self.user_id(by), "sys_class_name": table}
            given["number"] = f"{'INC' if table == 'incident' else table[:3].upper()}{next(self._numbers):07}"
        given |= self._fitting(table, values)
        notes = {name: given.pop(name) for name in JOURNAL if name in given}
        record.values |= {name: value for name, value in rules.before(self, record, given, by).items() if value}
        record.values |= {
            "sys_created_on": now, "sys_created_by": by, "sys_updated_on": now, "sys_updated_by": by,
            "sys_mod_count": "0",
        }  # fmt: skip
        self.records[table][record.id] = record
        for element, text in notes.items():
            self._note(record, element, text, by)
        self._happened(record, "insert")
        return record

    def update(self, record: Record, values: Mapping[str, str], by: str) -> None:
        """Change a record; what differs is audited, what does not counts as no change. Raises Denied."""
        given = self._fitting(record.table, values)
        notes = {name: text for name in JOURNAL if (text := given.pop(name, ""))}
        wanted = rules.before(self, record, given, by)
        changes = {name: value for name, value in wanted.items() if value != record[name]}
        if not changes and not notes:
            return
        count = int(record["sys_mod_count"] or 0) + 1
        before = {name: record[name] for name in changes}
        stamps = {"sys_updated_on": stamp(self.now()), "sys_updated_by": by, "sys_mod_count": str(count)}
        record.values |= changes | stamps
        for name, value in changes.items():
            self._audit(record, name, (before[name], value), by)
        for element, text in notes.items():
            self._note(record, element, text, by)
        self._happened(record, "update")

    def remove(self, record: Record) -> None:
        """A record is no more."""
        del self.records[record.table][record.id]
        if record.table == "sys_dictionary":
            self.schema.forget(record)

    def _fitting(self, table: str, values: Mapping[str, str]) -> dict[str, str]:
        """Values cut to what their columns hold; what has no column falls by the wayside."""
        columns = self.schema.columns(table)
        return {name: value[: columns[name].size] for name, value in values.items() if name in columns}

    def _note(self, record: Record, element: str, text: str, by: str) -> None:
        if not text.strip():
            return
        values = {"name": record.table, "element": element, "element_id": record.id, "value": text}
        self._notes.setdefault(record.id, []).append(self._derived("sys_journal_field", values, by))
        self._audit(record, element, ("JOURNAL FIELD ADDITION", text), by)

    def _audit(self, record: Record, column: str, values: tuple[str, str], by: str) -> None:
        known = self.schema.column(record.table, column)
        if known is None or not known.audited or not self.schema.tables[record.table].audited:
            return  # auditing is not inherited: each table is audited or not
        told = {
            "tablename": record.table, "documentkey": record.id, "fieldname": column, "oldvalue": values[0],
            "newvalue": values[1], "user": by, "record_checkpoint": record["sys_mod_count"],
        }  # fmt: skip
        self._derived("sys_audit", told, by)

    def _derived(self, table: str, values: Mapping[str, str], by: str) -> Record:
        own = {"sys_id": sys_id(f"record {next(self._ids)}"), "sys_created_on": stamp(self.now()), "sys_created_by": by}
        record = self.records[table][own["sys_id"]] = Record(table, {**values, **own})
        return record

    def _happened(self, record: Record, how: str) -> None:
        """What follows from a write: a column is made, rules call out, somebody looks."""
        if self.traps.viewed and record.table in self.schema.extending("task"):
            history.recorded(self, record, "ann")
        if record.table == "sys_dictionary":
            self.schema.define(record)
        line = {one.name for one in self.schema.line(record.table)}
        properties = {r["name"]: r["value"] for r in self.records["sys_properties"].values()}
        for rule in self.records["sys_script"].values():
            hook = hooks.installed(rule, properties) if rule["collection"] in line else None
            if hook and rule[f"action_{how}"] == "true":
                self.hooks.emit(hook, record, int(self.clock.now().timestamp()))
        for hook in self.hooks.hooks:
            if hook.table in line:
                self.hooks.emit(hook, record, int(self.clock.now().timestamp()))

    def _begin(self) -> None:
        for table, values in begins():
            self._load(table, values)
        for values in self.schema.entries():
            self._load("sys_dictionary", {"sys_id": sys_id(f"entry {values}"), **values})
        for one in self.schema.tables.values():
            above = sys_id(one.extends) if one.extends else ""
            named = {"sys_id": sys_id(one.name), "name": one.name, "label": one.label, "super_class": above}
            self._load("sys_db_object", named)

    def _load(self, table: str, values: Mapping[str, str]) -> None:
        at = stamp(moment("2026-01-05 08:00:00"))
        own = {"sys_created_on": at, "sys_created_by": "system", "sys_updated_on": at, "sys_updated_by": "system"}
        found = {name: value for name, value in values.items() if value}
        self.records[table][found["sys_id"]] = Record(table, {**found, **own, "sys_mod_count": "0"})


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in values.items()}
