"""The sandbox's ServiceNow as people meet it: what the scenarios' words are on an incident's form.

`Severity` is impact and urgency together, `Team` is the assignment group, `Service` the service, `Open` is `New`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Final

from sandbox.desk import Change, Course, Desk, Remark, Seen
from sandbox.http import Answer, Asked
from sandbox.servicenow.render import rich, spoken
from sandbox.servicenow.state import ServiceNowState
from sandbox.servicenow.world import PEOPLE, Record, moment

COLUMNS: Final[Mapping[str, str]] = {
    "summary": "short_description",
    "description": "description",
    "status": "state",
    "severity": "priority",
    "assignee": "assigned_to",
    "team": "assignment_group",
    "service": "business_service",
    "affected users": "u_affected_users",
    "reporter": "caller_id",
    "eta": "u_eta",
    "detected": "u_detected",
    "commander": "u_commander",
    "recovery": "u_recovery",
}
"""The column that a word of the scenarios stands for; a column's own label is a word too."""
SEVERITIES: Final[Mapping[str, str]] = {"High": "1", "Medium": "2", "Low": "3"}
"""The impact and the urgency that a severity is set by."""
BY_PRIORITY: Final[Mapping[str, str]] = {"1": "High", "2": "High", "3": "Medium", "4": "Low", "5": "Low"}
STATUSES: Final[Mapping[str, str]] = {"Open": "New"}
"""The states that are called otherwise in the scenarios."""
SHOWN: Final = (
    "caller_id", "business_service", "assignment_group", "assigned_to", "priority", "impact", "urgency",
    "u_affected_users", "hold_reason", "u_recovery", "u_eta", "u_commander", "close_code", "close_notes", "resolved_at",
)  # fmt: skip
"""The columns that the page shows, beside those with a place of their own."""
MOVES: Final = (
    ("Start", "In Progress"), ("Hold", "On Hold"), ("Resolve", "Resolved"), ("Close", "Closed"), ("Reopen", "New"),
)  # fmt: skip
CATEGORIES: Final[Mapping[str, str]] = {"1": "new", "2": "indeterminate", "3": "indeterminate"}
LEDGER: Final = "u_pointman"
ONE: Final = ("sys_id=", "number=", "correlation_id=")
"""How a condition begins that means one incident."""


class ServiceNowDesk(Desk):
    """A ServiceNow at work, prepared as its administrator does for Pointman."""

    product = "ServiceNow"
    rewords = False
    name: ClassVar[str] = "servicenow"

    def __init__(self, state: ServiceNowState) -> None:
        self.state = state
        state.prepare()

    # ---- what can be seen

    def keys(self) -> Collection[str]:
        """The numbers of all incidents."""
        with self.state.lock:
            return frozenset(record["number"] for record in self.state.records["incident"].values())

    def ticket(self, key: str) -> Seen:
        """One incident. Raises KeyError."""
        with self.state.lock:
            return self._seen(self.state.ticket(key))

    def tickets(self) -> tuple[Seen, ...]:
        """All incidents, the oldest first."""
        with self.state.lock:
            return tuple(self._seen(record) for record in self.state.records["incident"].values())

    def word(self, name: str) -> str:
        """A scenario's word, or a column by its label or name, as a scenario's word where there is one."""
        column = self._column(name)
        return next((word for word, known in COLUMNS.items() if known == column), column)

    def options(self, name: str) -> list[str]:
        """The choices of a field."""
        if self.word(name) == "severity":
            return list(SEVERITIES)
        column = self.state.schema.column("incident", self._column(name))
        if column is not None and column.kind == "reference":
            return [self.state.schema.name(column.to, record.id) for record in self.state.rows(column.to)]
        return list(self.state.schema.choices("incident", self._column(name)).values())

    def person(self, username: str) -> str:
        """Somebody's name; empty for nobody."""
        return self.state.called(username) if username else ""

    def rich(self, body: Any) -> str:
        """Text as HTML."""
        return rich(str(body or ""))

    def _column(self, name: str) -> str:
        said = name.casefold()
        columns = self.state.schema.columns("incident")
        found = COLUMNS.get(said) or next(
            (c.name for c in columns.values() if said in {c.name, c.label.casefold()}), ""
        )
        if not found:
            raise LookupError(f"there is no field {name}")
        return found

    def _seen(self, record: Record) -> Seen:
        state = self.state
        audits = [one for one in state.records["sys_audit"].values() if one["documentkey"] == record.id]
        labels = {column.name: column.label for column in state.schema.columns("incident").values()}
        user = state.find("sys_user", record["assigned_to"])
        now = record["state"]
        return Seen(
            id=record.id,
            key=record["number"],
            created=moment(record["sys_created_on"]),
            updated=moment(record["sys_updated_on"]),
            summary=record["short_description"],
            status=self._shown(record, "state"),
            category=CATEGORIES.get(now, "done"),
            assigned=user["user_name"] if user else "",
            body=record["description"],
            words={word: self._word(column, record[column]) for word, column in COLUMNS.items()},
            fields=tuple((labels[name], self._shown(record, name) or None) for name in SHOWN),
            courses={word: self._course(record, column, audits) for word, column in COLUMNS.items()},
            remarks=tuple(
                Remark(n.id, n["sys_created_by"], n["value"], spoken(n["value"]), n["element"] == "work_notes",
                       moment(n["sys_created_on"]))
                for n in state.notes(record.id)
            ),
            history=tuple(
                Change(moment(one["sys_created_on"]), one["user"], labels[one["fieldname"]],
                       self._told(one["fieldname"], one["oldvalue"]), self._told(one["fieldname"], one["newvalue"]))
                for one in audits if one["fieldname"] not in {"work_notes", "comments", "incident_state"}
            ),
            moves=tuple((name, to) for name, to in MOVES if to != self._shown(record, "state")),
            memory=_memory(record[LEDGER]),
        )  # fmt: skip

    def _shown(self, record: Record, column: str) -> str:
        return self._told(column, record[column])

    def _told(self, name: str, value: str) -> str:
        """A value as the form shows it; the sandbox's people all look at UTC here, as on its page."""
        column = self.state.schema.column("incident", name)
        return self.state.schema.shown(Record("incident", {name: value}), column, self.state.utc) if column else value

    def _word(self, column: str, value: str) -> Any:
        """A value as the scenarios call it; None where it is empty."""
        if column == "priority":
            return BY_PRIORITY.get(value)
        if column == "u_affected_users":
            return int(value) if value else None
        told = self._told(column, value)
        return next((word for word, label in STATUSES.items() if column == "state" and label == told), told) or None

    def _course(self, record: Record, column: str, audits: Iterable[Record]) -> Course:
        past = [one for one in audits if one["fieldname"] == column]
        begins = past[0]["oldvalue"] if past else record[column]
        turns: list[tuple[datetime, str]] = [(moment(record["sys_created_on"]), begins)]
        turns += [(moment(one["sys_created_on"]), one["newvalue"]) for one in past]
        return tuple((at, str(self._word(column, value) or "")) for at, value in turns)

    # ---- the API before it

    @property
    def handle(self) -> Callable[[Asked], Answer]:
        """The Table API."""
        return self.state.handle

    def people(self) -> Iterable[tuple[str, str, str]]:
        """Everybody but Pointman."""
        return [(person.username, person.email, person.name) for person in PEOPLE if person.username != "pointman"]

    def connect(self, url: str, secret: str) -> None:
        """From now on call this address about every incident."""
        self.state.webhook(f"{url}/hooks/servicenow", secret)

    def secrets(self) -> Mapping[str, str]:
        """The password of Pointman's user."""
        return {"SERVICENOW_PASSWORD": self.state.password}

    def close(self) -> None:
        """Call nobody any more."""
        self.state.close()

    def asks_what_changed(self, asked: Asked) -> bool:
        """Whether it lists incidents, and does not mean one."""
        query = asked.query.get("sysparm_query", "")
        means_one = any(part.startswith(ONE) for part in query.split("^"))
        return asked.method == "GET" and asked.path.endswith("/table/incident") and not means_one

    def belongs_to_that(self, asked: Asked) -> bool:
        """What is read beside records, whether it is one or a page of them."""
        path = asked.path
        return asked.method == "GET" and path.startswith("/api/now/table/") and not path.endswith("/incident")

    # ---- what people do

    def create(self, by: str, fields: Mapping[str, Any], kind: str) -> str:
        """Somebody opens an incident; its number. Raises LookupError."""
        return self.state.create(self._values(fields), by)

    def change(self, by: str, key: str, fields: Mapping[str, Any]) -> None:
        """Somebody changes fields. Raises LookupError."""
        self.state.put(key, self._values(fields), by)

    def comment(self, by: str, key: str, text: str) -> None:
        """Somebody writes a comment that the caller sees."""
        self.state.comment(key, text, by)

    def move(self, by: str, key: str, status: str) -> None:
        """Somebody brings an incident to a state. Raises LookupError."""
        self.state.transition(key, STATUSES.get(status, status), by)

    def _values(self, fields: Mapping[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, said in fields.items():
            column = self._column(name)
            if column == "priority":
                level = SEVERITIES.get(str(said), "3")
                found |= {"impact": level, "urgency": level}
            else:
                found[column] = self._value(column, "" if said is None else str(said))
        return found

    def _value(self, name: str, said: str) -> str:
        column = self.state.schema.column("incident", name)
        if column is None or not said or column.kind not in {"reference", "choice"}:
            return said
        if column.kind == "choice":
            found = next((v for v, label in self.state.schema.choices("incident", name).items() if label == said), "")
        else:
            found = self._named(column.to, said)
        if not found:
            raise LookupError(f"{column.label} has no option {said}")
        return found

    def _named(self, table: str, said: str) -> str:
        for record in self.state.rows(table):
            if said.casefold() in {record["name"].casefold(), record["user_name"]}:
                return record.id
        return ""


def _memory(kept: str) -> Any:
    with suppress(ValueError):
        return json.loads(kept) if kept else None
    return kept
