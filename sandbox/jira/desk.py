"""The sandbox's Jira as people meet it: its own words are the scenarios'."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Final

from sandbox.desk import Change, Course, Desk, Remark, Seen
from sandbox.http import Answer, Asked
from sandbox.jira.render import rich
from sandbox.jira.state import JiraState
from sandbox.jira.world import Field, Issue

ONE_OF_MANY: Final = ("labels", "options", "users", "components")
"""Kinds of field that hold several values."""

APART: Final = ("summary", "description", "issuetype", "project", "resolution", "status", "priority")
"""Fields that have a place of their own on the page, or none."""


class JiraDesk(Desk):
    """A Jira at work."""

    product = "Jira"
    name: ClassVar[str] = "jira"

    def __init__(self, state: JiraState) -> None:
        self.state = state

    # ---- what can be seen

    def keys(self) -> Collection[str]:
        """All keys, also those from before a move."""
        return frozenset(self.state.keys)

    def ticket(self, key: str) -> Seen:
        """One ticket. Raises KeyError."""
        with self.state.lock:
            return self._seen(self.state.issue(key))

    def tickets(self) -> tuple[Seen, ...]:
        """All tickets, the oldest first."""
        with self.state.lock:
            return tuple(self._seen(issue) for issue in self.state.issues.values())

    def word(self, name: str) -> str:
        """A field's name, also where its id is said. Raises LookupError."""
        return self.field(name).name.casefold()

    def options(self, name: str) -> list[str]:
        """The choices of a field."""
        return list(self.field(name).options.values())

    def person(self, username: str) -> str:
        """Somebody's name; empty for nobody."""
        return self.state.site.people[username].name if username else ""

    def rich(self, body: Any) -> str:
        """ADF or wiki text as HTML."""
        return rich(body)

    def field(self, name: str) -> Field:
        """A field by the name that people see, or its id. Raises LookupError."""
        for field in self.state.site.fields.values():
            if name.casefold() in {field.name.casefold(), field.id.casefold()}:
                return field
        raise LookupError(f"there is no field {name}")

    def _seen(self, issue: Issue) -> Seen:
        site, view = self.state.site, self.state.view(issue.id)
        stands = site.statuses[issue.values["status"]]
        told = [(f, self._shown(f, view["fields"].get(f.id))) for f in site.fields.values()]
        bodies = {note.id: note.body for note in issue.notes}
        return Seen(
            id=issue.id,
            key=issue.key,
            created=issue.created,
            updated=issue.updated,
            summary=issue.values["summary"],
            status=stands.name,
            category=stands.category,
            assigned=issue.values.get("assignee") or "",
            body=issue.values.get("description"),
            words={field.name.casefold(): value for field, value in told},
            fields=tuple((field.name, value) for field, value in told if field.id not in APART),
            courses={field.name.casefold(): self._course(field, view) for field, _ in told},
            remarks=tuple(
                Remark(n["id"], n["by"], bodies[n["id"]], n["text"], n["internal"], n["at"]) for n in view["comments"]
            ),
            history=tuple(Change(**past) for past in view["history"]),
            moves=tuple((move.name, site.statuses[move.to].name) for move in self.state.moves(issue)),
            memory=view["properties"],
        )

    def _shown(self, field: Field, value: Any) -> Any:
        if field.kind == "user" and value is not None:
            return self.person(value)
        if field.kind == "number" and isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def _course(self, field: Field, view: Mapping[str, Any]) -> Course:
        past = [one for one in view["history"] if one["field"] in {field.name, field.id}]
        begins = past[0]["before"] if past else view["fields"].get(field.id)
        turns: list[tuple[datetime, str]] = [(view["created"], str(begins or ""))]
        return (*turns, *((one["at"], str(one["after"] or "")) for one in past))

    # ---- the API before it

    @property
    def handle(self) -> Callable[[Asked], Answer]:
        """Jira's REST API."""
        return self.state.handle

    def people(self) -> Iterable[tuple[str, str, str]]:
        """Everybody but Pointman."""
        everybody = self.state.site.people.values()
        return [(p.username, p.email, p.name) for p in everybody if p.username != "pointman"]

    def connect(self, url: str, secret: str) -> None:
        """From now on tell this address what happens."""
        self.state.webhook(f"{url}/hooks/jira", secret)

    def secrets(self) -> Mapping[str, str]:
        """The API token."""
        return {"JIRA_TOKEN": self.state.token}

    def close(self) -> None:
        """Stop telling."""
        self.state.close()

    def asks_what_changed(self, asked: Asked) -> bool:
        """Whether it is a search."""
        return asked.method == "GET" and asked.path.endswith(("/search/jql", "/search"))

    # ---- what people do

    def create(self, by: str, fields: Mapping[str, Any], kind: str) -> str:
        """Somebody creates a ticket; its key. Raises LookupError."""
        return self.state.create(self._values(fields), by, kind=kind)

    def change(self, by: str, key: str, fields: Mapping[str, Any]) -> None:
        """Somebody changes fields. Raises LookupError."""
        self.state.put(key, self._values(fields), by)

    def comment(self, by: str, key: str, text: str) -> None:
        """Somebody comments."""
        self.state.comment(key, text, by)

    def move(self, by: str, key: str, status: str) -> None:
        """Somebody brings a ticket to a status. Raises LookupError."""
        self.state.transition(key, status, by)

    def _values(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._value(name, said) for name, said in fields.items())

    def _value(self, name: str, said: Any) -> tuple[str, Any]:
        field = self.field(name)
        if field.kind in ONE_OF_MANY:
            return field.id, tuple(said) if isinstance(said, (list, tuple)) else (said,) if said else ()
        if said is None or said == "":
            return field.id, None
        if field.kind == "number":
            return field.id, float(said)
        if field.kind == "user":
            return field.id, self._username(str(said))
        if field.kind == "priority":
            return field.id, _key(self.state.site.priorities, str(said))
        if field.kind == "option" and said not in field.options.values():
            raise LookupError(f"{field.name} has no option {said}")
        return field.id, said

    def _username(self, said: str) -> str:
        for person in self.state.site.people.values():
            if said.casefold() in {person.username, person.name.casefold()}:
                return person.username
        raise LookupError(f"there is nobody called {said}")


def _key(names: Mapping[str, str], said: str) -> str:
    with suppress(StopIteration):
        return next(i for i, name in names.items() if said in {name, i})
    raise LookupError(f"there is no {said}")
