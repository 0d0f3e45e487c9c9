"""Who and what a record's ids mean: people by user name, groups and services by name, choices by their label.

A record names others by id alone, and its history names nobody else. What is not known yet is asked for in one request
for each table, and remembered: whoever has an id keeps it. We know people by their user name: the journal and the
history say nothing else of who did something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from connectors.errors import ConnectorError
from connectors.model import User
from connectors.servicenow.client import EMPTY, Cell, Client, literal

USERS: Final = "sys_user"
GROUPS: Final = "sys_user_group"
KNOWN: Final[Mapping[str, str]] = {
    "assigned_to": USERS,
    "caller_id": USERS,
    "opened_by": USERS,
    "resolved_by": USERS,
    "closed_by": USERS,
    "assignment_group": GROUPS,
    "business_service": "cmdb_ci_service",
    "cmdb_ci": "cmdb_ci",
}
"""The tables that the references of a delivered instance lead to."""
_AT_ONCE = 100
_PLAIN = re.compile(r"(?!javascript:)[^,^\x00-\x1f\x7f]{1,100}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    user: User | None = None


class Names:
    """The names of one instance's records, as far as they were needed."""

    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self._table = table
        self._lock = Lock()
        self._tables = dict(KNOWN)
        self._named: dict[tuple[str, str], _Named] = {}
        self._users: dict[str, User] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._addresses: dict[str, User] = {}
        self._choices: dict[str, dict[str, str]] | None = None

    # ---- what ids mean

    def leads_to(self, column: str) -> str:
        """The table that a reference leads to, as far as it is known; empty for what is no reference."""
        return self._tables.get(column, "")

    def refers(self, column: str, table: str) -> None:
        """The dictionary says that a column leads to this table."""
        self._tables[column] = table

    def learn(self, column: str, cell: Cell) -> None:
        """A record has shown whose id a column holds."""
        if cell.table:
            self._tables[column] = cell.table
            if cell.value and cell.table != USERS and cell.display:
                self._named[cell.table, cell.value] = _Named(cell.display)

    def meet(self, ids: Iterable[tuple[str, str]], users: Iterable[str] = ()) -> None:
        """Find out what these ids (each with its table) and user names mean, where that is not known. May raise."""
        wanted: dict[str, set[str]] = {}
        for table, id_ in ids:
            if table and id_ and (table, id_) not in self._named:
                wanted.setdefault(table, set()).add(id_)
        for table, several in wanted.items():
            self._ask(table, "sys_id", several)
            for id_ in several:
                self._named.setdefault((table, id_), _Named(""))  # it is gone, or hidden: the id is all there is
        strangers = {name for name in users if name and name not in self._users}
        if strangers:
            self._ask(USERS, "user_name", strangers)
            for name in strangers:
                self._users.setdefault(name, User(name))  # `system`, `guest`, or gone since

    def _ask(self, table: str, by: str, values: set[str]) -> None:
        fields = ["name", "user_name", "email"] if table == USERS else ["name"]
        ordered = sorted(value for value in values if _PLAIN.fullmatch(value))  # else it is no id and no user name
        for start in range(0, len(ordered), _AT_ONCE):
            query = f"{by}IN{','.join(ordered[start : start + _AT_ONCE])}"
            tried = "could not find out who or what is meant"
            for page in self._client.every(table, query, fields, tried, _AT_ONCE):
                for row in page:
                    self._keep(table, {name: cell.value for name, cell in row.items()})

    def _keep(self, table: str, row: Mapping[str, str]) -> None:
        name, user_name = row.get("name", ""), row.get("user_name", "")
        user = User(user_name or row["sys_id"], name, row.get("email", "")) if table == USERS else None
        self._named[table, row["sys_id"]] = _Named(name, user)
        if user is not None:
            self._users[user.id] = user
            self._ids[USERS, user.id] = row["sys_id"]

    def name(self, table: str, id_: str) -> str:
        """The name of the record with this id; the id where it has none."""
        return self._named.get((table, id_), _Named("")).name or id_

    def person(self, id_: str) -> User:
        """The user with this sys_id; one whom nobody has met stays the id."""
        return self._named.get((USERS, id_), _Named("")).user or User(id_)

    def user(self, name: str) -> User:
        """The user with this user name."""
        return self._users.get(name) or User(name)

    # ---- the ids of names, to write them

    def at(self, address: str) -> User | None:
        """The active user with this e-mail address. Raises ConnectorError."""
        wanted = address.strip().lower()
        if "@" not in wanted or not _PLAIN.fullmatch(wanted):
            return None
        if wanted not in self._addresses:
            found = self._one(USERS, f"active=true^email={wanted}^ORDERBYsys_id", f"could not look up {wanted}")
            if not found:
                return None
            self._addresses[wanted] = self.person(found)
        return self._addresses[wanted]

    def person_id(self, user: User) -> str:
        """The sys_id of a user by user name, else by address; empty where there is none. Raises ConnectorError."""
        known = user if user.id else self.at(user.email)
        if known is None or not known.id:
            return ""
        return self.id(USERS, known.id)

    def id(self, table: str, name: str) -> str:
        """The sys_id of the record with this name; empty where there is none. Raises ConnectorError."""
        key = (table, name)
        if key not in self._ids:
            by = "user_name" if table == USERS else "name"
            found = self._one(table, f"{by}={literal(name)}^ORDERBYsys_id", f"could not look up {name}")
            if not found:
                return ""
            self._ids[key] = found
        return self._ids[key]

    def forget(self, table: str, name: str) -> None:
        """The id of this name was of no use: it may be another one by now."""
        self._ids.pop((table, name), None)

    def _one(self, table: str, query: str, tried: str) -> str:
        fields = ["name", "user_name", "email"] if table == USERS else ["name"]
        row = self._client.first(table, query, fields, tried)
        if row is None:
            return ""
        self._keep(table, {column: cell.value for column, cell in row.items()})
        return row["sys_id"].value

    # ---- choices

    def choices(self, column: str) -> Mapping[str, str]:
        """The labels of a column's choices by value, in their order; none for what is no choice. May ask, once."""
        if self._choices is None:
            with self._lock:
                if self._choices is None:
                    self._choices = self._listed()
        return self._choices.get(column, {})

    def label(self, column: str, value: str) -> str:
        """A choice as people see it; the value itself where that cannot be known."""
        try:
            return self.choices(column).get(value, value)
        except ConnectorError:
            return value  # a list that may not be read just now is no reason to read no ticket

    def _listed(self) -> dict[str, dict[str, str]]:
        """Every choice of the table, and of `task` for the columns that the table has no list of its own for."""
        query = f"nameIN{self._table},task^inactive=false^language=en"
        fields = ["name", "element", "value", "label", "sequence"]
        tried = f"could not read the choices of {self._table}"
        found: dict[tuple[str, str], list[tuple[float, str, str]]] = {}
        for page in self._client.every("sys_choice", query, fields, tried, 1000):
            for row in page:
                said = {name: cell.value for name, cell in row.items()}
                place = (said.get("name", ""), said.get("element", ""))
                told = (_number(said.get("sequence", "")), said.get("value", ""), row.get("label", EMPTY).value)
                found.setdefault(place, []).append(told)
        columns = {element for _, element in found}
        best = {c: found.get((self._table, c)) or found.get(("task", c)) or [] for c in columns}
        return {column: {value: label for _, value, label in sorted(told)} for column, told in best.items()}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
