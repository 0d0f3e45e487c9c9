"""Tries ServiceNow for real, for `pointman check --live`: sign in, table, columns, choices, rights. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from connectors.base import Wanted
from connectors.errors import ConnectorError, Denied, Refused
from connectors.model import User
from connectors.problems import Problem, Where, nearest
from connectors.servicenow.client import EMPTY, Client, Row, literal
from connectors.servicenow.fields import Fields
from connectors.servicenow.installing import RULE
from connectors.servicenow.lines import Lines
from connectors.servicenow.names import GROUPS, USERS, Names
from connectors.servicenow.settings import LEDGER, ServiceNowSettings

SETUP: Final = "run pointman setup servicenow, or do by hand what it prints"
FITTING: Final[Mapping[str, frozenset[str]]] = {
    "number": frozenset({"number"}),
    "moment": frozenset({"moment"}),
    "flag": frozenset({"flag"}),
    "user": frozenset({"user"}),
}
"""The kinds of column that can hold a type; any kind holds texts and choices."""
_FOLLOWS = frozenset({"acknowledged", "eta", "last_recovery_point", "hold", "hold_reason", "severity"})


class Check:
    """One try of one instance. A part that cannot be asked becomes a problem of its own; the rest goes on."""

    def __init__(self, name: str, settings: ServiceNowSettings, client: Client, fields: Fields, names: Names) -> None:
        self._name = name
        self._settings = settings
        self._client = client
        self._fields = fields
        self._names = names

    def run(self, wanted: Wanted) -> Iterator[Problem]:
        """Everything that is wrong, in the order in which it is best repaired."""
        try:
            known = self._names.id(USERS, self._settings.user)
        except ConnectorError as error:
            yield self._problem(str(error))
            return
        if not known:
            hint = "it is the user name (User ID), not the name or the address"
            yield self._problem(f"user: nobody in ServiceNow is {self._settings.user}, or it may not be seen", hint)
        if self._settings.webhook_secret is None:
            yield self._problem("no webhook is believed, so changes are polled", "set webhook_secret", warning=True)
        parts: tuple[Callable[[], Iterator[Problem]], ...] = (
            self._ourselves,
            lambda: self._table(wanted),
            self._audit,
            self._journal,
            self._rule,
            self._states,
            lambda: self._values(wanted),
            self._groups,
            lambda: self._home(wanted.home),
            lambda: self._people(wanted.people),
        )
        for part in parts:
            try:
                yield from part()
            except ConnectorError as error:
                yield self._problem(str(error))

    # ---- who we are, and what we may

    def _ourselves(self) -> Iterator[Problem]:
        """An OAuth client acts as somebody: if that is not `user`, our own edits look like somebody else's."""
        if not self._settings.client_id:
            return
        try:
            query = "user_name=javascript:gs.getUserName()"
            row = self._client.first(USERS, query, ["user_name"], "could not ask who we are")
        except Refused:
            return  # an instance may forbid scripts in queries; then it cannot be told
        name = row["user_name"].value if row is not None and "user_name" in row else ""
        if name and name != self._settings.user:
            yield self._problem(
                f"user is {self._settings.user}, but the OAuth client acts as {name}", f"set it to {name}"
            )

    def _audit(self) -> Iterator[Problem]:
        if not self._seen("sys_audit", f"tablename={self._settings.table}"):
            said = (
                "sys_audit cannot be read, or holds nothing yet: who changed what is unknown, "
                "so fields that were changed are left alone"
            )
            if Lines(self._client, self._settings.table).readable():
                said = (
                    "sys_audit cannot be read, sys_history_line can: who changed what is known of a ticket only while "
                    "nothing was changed since somebody opened it"
                )
            hint = "let the account read sys_audit where tablename is the table (an ACL with a role of its own)"
            yield self._problem(said, hint, warning=True)

    def _journal(self) -> Iterator[Problem]:
        if not self._seen("sys_journal_field", f"nameIN{self._settings.table},task"):
            said = "sys_journal_field cannot be read, or holds nothing yet: comments are unknown"
            yield self._problem(said, "let the account read sys_journal_field", warning=True)

    def _seen(self, table: str, query: str) -> bool:
        try:
            return self._client.first(table, query, [], f"could not read {table}") is not None
        except Denied:
            return False

    def _rule(self) -> Iterator[Problem]:
        """The business rule that calls us; most accounts may not see it, and then nothing is said."""
        if self._settings.webhook_secret is None:
            return
        query = f"collection={self._settings.table}^name={RULE}"
        try:
            row = self._client.first("sys_script", query, ["active"], "could not read the business rules")
        except Denied:
            return
        if row is None:
            yield self._problem(f"there is no business rule {RULE}: changes are polled", SETUP, warning=True)
        elif "active" in row and row["active"].value != "true":
            yield self._problem(f"the business rule {RULE} is not active", "activate it", warning=True)

    # ---- the table and its columns

    def _table(self, wanted: Wanted) -> Iterator[Problem]:
        table = self._settings.table
        query = "^".join(filter(None, (self._settings.query, "ORDERBYDESCsys_updated_on")))
        row = self._client.first(table, query, None, f"could not read the table {table}")
        if row is None:
            said = f"{table}: no record is in scope, or none may be seen, so its columns cannot be tried"
            yield self._problem(said, "let the account read the table, and check query", warning=True)
            return
        self._fields.ready()
        if LEDGER not in row:
            yield self._problem(f"{table} has no column {LEDGER}, or it may not be read: nothing is remembered", SETUP)
        if "correlation_id" not in row:
            yield self._problem("correlation_id cannot be read: alerts make tickets again and again", "allow it")
        yield from self._columns(row, wanted)
        yield from self._zone(row)

    def _zone(self, row: Row) -> Iterator[Problem]:
        """Moments in a query are read as UTC; what is said of that differs, so one that is known is tried."""
        known, updated = row["sys_id"].value, row.get("sys_updated_on", EMPTY).value
        for operator in (">=", "<=") if updated else ():
            query = f"sys_id={known}^sys_updated_on{operator}{updated}"
            if self._client.first(self._settings.table, query, [], "could not ask for what changed") is None:
                said = "ServiceNow reads moments in queries in the account's time zone, so changes are missed"
                yield self._problem(said, f"set the time zone of the user {self._settings.user} to GMT")

    def _columns(self, row: Row, wanted: Wanted) -> Iterator[Problem]:
        """Each word that is used has a column, which is there and can hold it."""
        for word, type_ in wanted.words.items():
            if word not in self._fields.columns and word not in _FOLLOWS and type_ != "user":
                said = f"{word} is used by the rules, but no column is mapped to it"
                yield self._problem(said, f'map it in [connectors.{self._name}.fields], as {word} = "u_{word}"')
        for word, column in self._fields.columns.items():
            if column not in row:
                level = word not in wanted.words and word not in self._settings.fields
                hint = nearest(column, row) or "name another in fields, or let the account read it"
                said = f"fields.{word}: there is no column {column}, or it may not be read"
                yield self._problem(said, hint, warning=level)
                continue
            kind, type_ = self._fields.kind(word, column, row[column]), wanted.words.get(word, "text")
            if row[column].value and kind not in FITTING.get(type_, {kind}):
                said = f"fields.{word}: {column} holds a {kind}, but {word} is a {type_}"
                yield self._problem(said, "map another column, or declare another type")

    # ---- choices

    def _states(self) -> Iterator[Problem]:
        """States, the reasons of a hold and the resolution's code are values of their lists."""
        wanted = {f"phases.{phase}": ("state", values) for phase, values in self._settings.phases.items()}
        hold, resolve = self._settings.hold, self._settings.resolve
        if "hold" in self._settings.model_fields_set:
            wanted["hold.states"] = ("state", hold.states)
            if hold.reason:
                wanted["hold.otherwise"] = (hold.reason, (hold.otherwise,))
        if resolve.code:
            wanted["resolve.code"] = ("close_code", (resolve.code,))
        for where, (column, values) in wanted.items():
            yield from self._in_list(where, column, values)

    def _values(self, wanted: Wanted) -> Iterator[Problem]:
        """Each value of a map is in its column's list, and each that the rules use is in the map or the list."""
        for word, told in self._fields.theirs.items():
            theirs = [their for several in told.values() for their in several]
            if word == "severity" and self._fields.paired:
                pairs = [pair.partition("/") for pair in theirs]
                yield from self._in_list("values.severity", "impact", [pair[0] for pair in pairs])
                yield from self._in_list("values.severity", "urgency", [pair[2] for pair in pairs])
            elif word in self._fields.columns:
                yield from self._in_list(f"values.{word}", self._fields.columns[word], theirs)
        for word, used in wanted.options.items():
            yield from self._used(word, used)

    def _used(self, word: str, used: Iterable[str]) -> Iterator[Problem]:
        mapped = self._fields.theirs.get(word)
        choices = self._names.choices(self._fields.columns.get(word, ""))
        known = {*choices, *choices.values()}
        for our in used:
            if mapped is not None and our not in mapped:
                yield self._problem(f"values.{word} says nothing of {our}, which the rules use", "map it")
            elif mapped is None and known and our not in known:
                yield self._problem(f"{word}: its list has no value {our}", nearest(our, known))

    def _in_list(self, where: str, column: str, values: Iterable[str]) -> Iterator[Problem]:
        choices = self._names.choices(column)
        known = {one.casefold() for one in (*choices, *choices.values())}
        for value in dict.fromkeys(values):
            if choices and value.casefold() not in known:
                by_name = ", ".join(f"{their} ({label})" for their, label in list(choices.items())[:12])
                yield self._problem(f"{where}: {column} has no value {value}", f"there are: {by_name}")

    # ---- tickets, groups and people

    def _groups(self) -> Iterator[Problem]:
        for word, table in (("team", GROUPS), ("service", self._names.leads_to(self._fields.columns["service"]))):
            for several in self._settings.values.get(word, {}).values():
                for name in several:
                    if table and not self._names.id(table, name):
                        yield self._problem(f"values.{word}: ServiceNow knows no {name} in {table}")
        for name in self._settings.group:
            if not self._names.id(GROUPS, name):
                yield self._problem(f"group: ServiceNow knows no assignment group {name}")

    def _home(self, home: str) -> Iterator[Problem]:
        if not home:
            return
        by = "sys_id" if len(home) == 32 else "number"
        if self._client.first(self._settings.table, f"{by}={literal(home)}", [], f"could not read {home}") is None:
            yield self._problem(f"there is no home ticket {home}", "create a ticket for it, or name another in `home`")

    def _people(self, people: Iterable[str]) -> Iterator[Problem]:
        for person in people:
            user = User("", "", person) if "@" in person else User(person)
            if not self._names.person_id(user):
                yield self._problem(f"nobody in ServiceNow is {person}", "it takes an e-mail address or a user name")

    def _problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return Problem(Where(), message, f"connectors.{self._name}", hint, "warning" if warning else "error")
