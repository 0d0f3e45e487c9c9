"""How ServiceNow is set up: an account, and a look at how the table is made. It reads only.

States are known by the labels of their list, and other columns by their names, where those hardly mean anything else.
What an account may not read (`sys_dictionary` as a rule) is done without. A word of ours without a home stays without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from connectors.errors import Denied, Missing, Refused
from connectors.model import Phase, User
from connectors.servicenow.client import EMPTY, Client, Row
from connectors.servicenow.dictionary import Described, Dictionary
from connectors.servicenow.names import GROUPS, KNOWN, Names
from connectors.servicenow.settings import LEDGER, LEVELS, ServiceNowSettings
from connectors.setup import Answers, Found, Question, Setup

MOST: Final = 30
"""So many services or groups of a list are taken over; longer lists are somebody's own work."""
BASIC, OAUTH = "basic", "oauth"
OWN: Final[Mapping[str, tuple[str, str]]] = {
    "affected_users": ("number", "number"),
    "eta": ("moment", "moment"),
    "status_text": ("text", "text"),
    "commander": ("user", "user"),
}
"""Words that a company's own column of that name (`u_eta`) may hold: their type, and the kind of column."""
LABELS: Final[Mapping[str, Phase]] = {
    "new": "new",
    "open": "new",
    "in progress": "active",
    "work in progress": "active",
    "on hold": "active",
    "pending": "active",
    "resolved": "resolved",
    "closed": "closed",
    "closed complete": "closed",
    "closed incomplete": "closed",
    "closed skipped": "closed",
    "canceled": "closed",
    "cancelled": "closed",
}
"""What states are called, and the phases that they are."""
HOLDING: Final = ("on hold", "pending")


class ServiceNowSetup(Setup):
    """Sets up one table of one instance."""

    questions = (
        Question("url", "Where is your ServiceNow?", "SERVICENOW_URL", "such as https://example.service-now.com"),
        Question("user", "Which account? Its user name (User ID)", "SERVICENOW_USER"),
        Question("by", f"How does it sign in? {BASIC} (a password) or {OAUTH} (client credentials)", "SERVICENOW_BY"),
        Question("password", "Its password", "SERVICENOW_PASSWORD", secret=True, late=True, again=("user", "password")),
        Question("client_id", "The OAuth client's id", "SERVICENOW_CLIENT_ID", late=True),
        Question(
            "client_secret",
            "The OAuth client's secret",
            "SERVICENOW_CLIENT_SECRET",
            secret=True,
            late=True,
            again=("user", "client_id", "client_secret"),
        ),
        Question("table", "Which table holds the tickets?", "SERVICENOW_TABLE"),
    )

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        super().__init__(name, given)
        self._clients: dict[tuple[str, ...], Client] = {}
        self._names: Names | None = None

    # ---- the questions

    def asks(self, question: Question, answers: Answers) -> bool:
        """A password, or a client and its secret."""
        way = {"password": BASIC, "client_id": OAUTH, "client_secret": OAUTH}.get(question.name)
        return way is None or way == answers.get("by", BASIC)

    def offer(self, question: Question, answers: Answers) -> str:
        """A password, and incidents."""
        return {"by": BASIC, "table": "incident"}.get(question.name, "")

    def accept(self, question: Question, answers: Answers) -> str:
        """Try it: sign in, read the table."""
        if question.name == "url":
            self._settings({**answers, "user": "nobody", "password": "none"})
        if question.name == "by" and answers["by"] not in {BASIC, OAUTH}:
            raise Refused(f"{answers['by']} is no way to sign in; say {BASIC} or {OAUTH}")
        if question.name in {"password", "client_secret"}:
            return self._signed_in(answers)
        return self._table(answers) if question.name == "table" else ""

    def _signed_in(self, answers: Answers) -> str:
        client = self._client(answers)
        names = Names(client, "incident")
        names.meet((), [answers["user"]])
        me = names.user(answers["user"])
        if not names.person_id(me):
            hint = "it is the user name (User ID), not the name or the address"
            raise Missing(f"nobody in ServiceNow is {answers['user']}, or it may not be seen; {hint}")
        return f"signed in to ServiceNow as {me.name or me.id} ({me.email or me.id})"

    def _table(self, answers: Answers) -> str:
        settings = self._settings(answers)
        tried = f"could not read the table {settings.table}"
        row = self._client(answers).first(settings.table, "ORDERBYsys_id", ["number"], tried)
        return f"{settings.table} can be read{'' if row is not None else '; it has no record that may be seen'}"

    # ---- how the table is made

    def discover(self, answers: Answers) -> Found:
        """Read columns, choices, groups and services."""
        settings, client = self._settings(answers), self._client(answers)
        names = self._names = Names(client, settings.table)
        names.meet((), [settings.user])
        row = client.first(settings.table, "ORDERBYDESCsys_updated_on", None, f"could not read {settings.table}")
        columns = Dictionary(client, settings.table).columns((LEDGER, "number", *(f"u_{word}" for word in OWN)))
        mapped = dict(_own(row or {}, columns))
        states = _choices(names, "state")
        groups = dict(_keys(_listed(client, GROUPS)))
        services = dict(_keys(_listed(client, KNOWN["business_service"])))
        severity = _severity(names)
        values: dict[str, Any] = {"severity": severity} if severity else {}
        values |= {word: told for word, told in (("team", groups), ("service", services)) if told}
        phases, hold = _phases(states), [value for value, label in states.items() if _plain(label) in HOLDING]
        shown = {phase: ", ".join(states[value] for value in told) for phase, told in phases.items()}
        remarks = {("values", "severity"): "impact/urgency; the first is written, all are read"}
        remarks |= {("phases", phase): said for phase, said in shown.items()}
        table: dict[str, Any] = {**_account(answers), "table": settings.table, "fields": mapped, "values": values}
        table |= {"phases": phases, "hold": {"states": hold} if hold and hold != ["3"] else {}}
        if not phases:
            del table["phases"]
        words = {"assignee": "user", "severity": "choice", "team": "text", "service": "text"}
        words = {w: type_ for w, type_ in words.items() if w == "assignee" or w in values}
        lacks = LEDGER not in (row or columns) and LEDGER not in columns and bool(row or columns)
        return Found(
            table=table,
            remarks={tuple(path): said for path, said in remarks.items()},
            words={**words, **{word: OWN[word][0] for word in mapped}},
            services=services,
            teams=groups,
            levels=tuple(severity),
            standing={"severity": _level(severity, "3/3")} if _level(severity, "3/3") else {},
            me=names.user(settings.user),
            home=settings.table,
            example=self._example(client, settings.table),
            unready=f"{settings.table} has no column {LEDGER}, or it may not be read" if lacks else "",
            learnt=_learnt(mapped, severity, shown),
            notes=tuple(_notes(states, phases, severity)),
        )

    def person(self, address: str) -> User | None:
        """The active user with this address."""
        return self._names.at(address) if self._names else None

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _example(self, client: Client, table: str) -> str:
        """The ticket that was changed last and is no home of ours."""
        query = "correlation_idNOT LIKEhome-^ORcorrelation_idISEMPTY^ORDERBYDESCsys_updated_on"
        row = client.first(table, query, ["number", "correlation_id"], "could not look for a ticket") or {}
        ours = row.get("correlation_id", EMPTY).value.startswith("home-")
        return "" if ours else row.get("number", EMPTY).value

    def _client(self, answers: Answers) -> Client:
        key = tuple(answers.get(q.name, "") for q in self.questions if q.name != "table")
        if key not in self._clients:
            self._clients[key] = Client(self._settings(answers), self.name)
        return self._clients[key]

    def _settings(self, answers: Answers) -> ServiceNowSettings:
        said = {name: value for name, value in answers.items() if name != "by"}
        more = {name: value for name, value in self.given.items() if name not in {q.name for q in self.questions}}
        try:
            return ServiceNowSettings.model_validate({**more, **said})
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]
            raise Refused(f"{'.'.join(map(str, told['loc']))} {told['msg'].removeprefix('Value error, ')}") from None


def _account(answers: Answers) -> dict[str, Any]:
    """Where it is, and who we are, as it is written."""
    table = {"url": answers["url"].rstrip("/"), "user": answers["user"]}
    if answers["by"] == OAUTH:
        return {**table, "client_id": answers["client_id"], "client_secret": "env/SERVICENOW_CLIENT_SECRET"}
    return {**table, "password": "env/SERVICENOW_PASSWORD"}


def _own(row: Row, columns: Mapping[str, Described]) -> Iterator[tuple[str, str]]:
    """Words whose column a company has added, and whose kind is known to fit, or is not known at all."""
    for word, (_, kind) in OWN.items():
        column = f"u_{word}"
        described = columns.get(column)
        told = described.kind if described is not None else None
        if (column in row or described is not None) and told in {kind, None}:
            yield word, column


def _listed(client: Client, table: str) -> tuple[str, ...]:
    """The names in a table, if they are few enough; none where it may not be read."""
    found: list[str] = []
    try:
        for page in client.every(table, "", ["name"], f"could not read {table}", MOST + 1):
            found += [row["name"].value for row in page if "name" in row]
            if len(found) > MOST:
                return ()
    except (Denied, Refused):
        return ()
    return tuple(name for name in found if name)


def _keys(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """A name for rules for each name; of two that would be called the same, the first."""
    taken: set[str] = set()
    for name in sorted(names, key=str.casefold):
        key = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
        if key and key not in taken:
            taken.add(key)
            yield key, name


def _choices(names: Names, column: str) -> Mapping[str, str]:
    """The labels of a column's choices by value; none where the lists may not be read."""
    try:
        return names.choices(column)
    except (Denied, Refused):
        return {}


def _severity(names: Names) -> dict[str, list[str]]:
    """Our levels as impact and urgency, of those pairs that both lists have; all where the lists cannot be read."""
    impact, urgency = _choices(names, "impact"), _choices(names, "urgency")
    if not impact and not urgency:
        return {level: list(pairs) for level, pairs in LEVELS.items()}  # as instances are delivered
    found: dict[str, list[str]] = {}
    for level, pairs in LEVELS.items():
        split = [(pair, *pair.split("/")) for pair in pairs]
        fitting = [pair for pair, one, other in split if one in impact and other in urgency]
        if fitting:
            found[level] = fitting
    return found


def _level(severity: Mapping[str, Iterable[str]], pair: str) -> str:
    """What a pair of impact and urgency is called here."""
    return next((level for level, pairs in severity.items() if pair in pairs), "")


def _phases(states: Mapping[str, str]) -> dict[str, list[str]]:
    """The states by phase, where every one of them is recognised by its label."""
    found: dict[str, list[str]] = {}
    for value, label in states.items():
        phase = LABELS.get(_plain(label))
        if phase is None:
            return {}
        found.setdefault(phase, []).append(value)
    return found


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("-", " ").split())


def _learnt(mapped: Mapping[str, str], severity: Mapping[str, object], shown: Mapping[str, str]) -> str:
    told = ["severity is impact and urgency"] if severity else []
    told += [f"{word.replace('_', ' ')} is {column}" for word, column in mapped.items()]
    told += [f"{phase} is {states}" for phase, states in shown.items()]
    return "; ".join(told)


def _notes(states: Mapping[str, str], phases: Mapping[str, object], severity: Mapping[str, object]) -> Iterator[str]:
    if not phases:
        odd = [label for label in states.values() if _plain(label) not in LABELS]
        said = f"the states {', '.join(odd[:6])} were not recognised" if odd else "the list of states cannot be read"
        yield f"{said}: phases are as an instance is delivered; say yours in [connectors.servicenow.phases]"
    if not severity:
        yield "the lists of impact and urgency say nothing of 1, 2 and 3: map severity in values"
