"""Tries Jira for real, for `pointman check --live`: sign in, rights, fields, values, people. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from connectors.base import Wanted
from connectors.errors import ConnectorError, Missing
from connectors.jira import shapes
from connectors.jira.client import Client
from connectors.jira.fields import Fields
from connectors.jira.issues import PROPERTY
from connectors.jira.people import People
from connectors.jira.settings import JiraSettings
from connectors.problems import Problem, Where, nearest
from connectors.shapes import OBJECT

RIGHTS = {
    "BROWSE_PROJECTS": "tickets cannot be read",
    "EDIT_ISSUES": "neither fields nor the ledger can be written",
    "ADD_COMMENTS": "the log cannot be written",
    "EDIT_OWN_COMMENTS": "the log cannot be kept up to date",
    "TRANSITION_ISSUES": "tickets cannot be resolved",
    "ASSIGN_ISSUES": "nobody can be assigned",
    "CREATE_ISSUES": "alerts cannot become tickets",
}
"""The permissions we need in a project, each with what does not work without it."""
FITTING: Mapping[str, frozenset[str]] = {
    "number": frozenset({"number"}),
    "moment": frozenset({"datetime", "date"}),
    "flag": frozenset({"option", "options"}),
    "user": frozenset({"user", "users"}),
}
"""The kinds of field that can hold a type; any kind holds texts and choices."""
_FOLLOWS = frozenset({"acknowledged", "detected", "restored", "eta", "last_recovery_point", "hold", "hold_reason"})
_FILLED = frozenset({"summary", "project", "issuetype", "reporter", "labels", "description"})


class Check:
    """One try of one site. A part that cannot be asked becomes a problem of its own; the rest goes on."""

    def __init__(self, name: str, settings: JiraSettings, client: Client, fields: Fields, people: People) -> None:
        self._name = name
        self._settings = settings
        self._client = client
        self._fields = fields
        self._people = people
        self._missing: set[str] = set()

    def run(self, wanted: Wanted) -> Iterator[Problem]:
        """Everything that is wrong, in the order in which it is best repaired."""
        try:
            told = self._client.read("serverInfo", f"could not reach {self._name}")
            real = "cloud" if told.get("deploymentType") == "Cloud" else "datacenter"
            if real != self._client.deployment:
                yield self._problem(
                    f"deployment is {self._client.deployment}, but the server is {real}", "leave it out"
                )
                return
            self._client.library(lambda jira: jira.myself(), f"could not sign in to {self._name}", OBJECT)
        except ConnectorError as error:
            yield self._problem(str(error))
            return
        if self._settings.webhook_secret is None:
            yield self._problem("no webhook is believed, so changes are polled", "set webhook_secret", warning=True)
        parts: list[Callable[[], Iterator[Problem]]] = [
            self._projects,
            self._kind,
            lambda: self._mapped(wanted),
            self._statuses,
            lambda: self._values(wanted),
            lambda: self._home(wanted.home),
            lambda: self._found(wanted.people),
        ]
        for part in parts:
            try:
                yield from part()
            except ConnectorError as error:
                yield self._problem(str(error))

    # ---- the site

    def _projects(self) -> Iterator[Problem]:
        from jira import JIRA

        if not self._settings.project:
            yield self._problem("every project is in scope", 'name some: project = ["OPS"]', warning=True)
        for project in self._settings.project:
            asked = partial(JIRA.my_permissions, projectKey=project, permissions=",".join(RIGHTS))
            try:
                told = self._client.library(asked, f"could not find the project {project}", shapes.RIGHTS)
            except Missing:
                self._missing.add(project)
                yield self._problem(f"there is no project {project}, or the account may not see it")
                continue
            rights = told.get("permissions") or {}
            for right, lost in RIGHTS.items():
                if not (rights.get(right) or {}).get("havePermission"):
                    name = right.replace("_", " ").title()
                    hint = f"give the account the permission {name}"
                    yield self._problem(f"in {project} {lost}", hint, warning=right == "CREATE_ISSUES")

    def _kind(self) -> Iterator[Problem]:
        """The type of new tickets exists, and we can fill in what its screen requires."""
        if not self._settings.project or self._settings.project[0] in self._missing:
            return
        project, kind = self._settings.project[0], self._settings.kind
        path = f"issue/createmeta/{project}/issuetypes"
        kinds = self._every(path, "issueTypes")
        found = next((k for k in kinds if kind in {str(k.get("id")), str(k.get("name"))}), None)
        if found is None:
            hint = nearest(kind, [str(k.get("name")) for k in kinds])
            yield self._problem(f"kind: {project} has no issue type {kind}", hint)
            return
        for field in self._every(f"{path}/{found['id']}", "fields"):
            id_ = str(field.get("fieldId") or field.get("key"))
            if field.get("required") and not field.get("hasDefaultValue") and id_ not in _FILLED:
                said = f"alerts cannot become tickets: {kind} requires {field.get('name')} ({id_})"
                yield self._problem(said, "give the field a default, or choose another kind", warning=True)

    def _every(self, path: str, name: str) -> list[dict[str, Any]]:
        """A list that comes page by page, under its name on Cloud and under `values` on Data Center."""
        found: list[dict[str, Any]] = []
        while True:
            query = {"startAt": len(found), "maxResults": 200}
            told = self._client.read(path, f"could not read {path}", query, shapes.LISTED)
            page = told.get(name) or told.get("values") or []
            found += page
            if not page or len(found) >= int(told.get("total") or 0):
                return found

    def _statuses(self) -> Iterator[Problem]:
        """Statuses are named by id; a name is told its id."""
        wanted = {f"phases.{phase}": ids for phase, ids in self._settings.phases.items()}
        wanted["hold.statuses"] = self._settings.hold.statuses
        if not any(wanted.values()):
            return
        listed = self._client.library(
            lambda jira: [one.raw for one in jira.statuses()], "could not list the statuses", shapes.NAMED
        )
        names = {str(one["id"]): str(one["name"]) for one in listed}
        for where, ids in wanted.items():
            for id_ in ids:
                if id_ not in names:
                    yield self._problem(f"{where}: there is no status {id_}", _by_name(id_, names, "the status"))

    # ---- fields and their values

    def _mapped(self, wanted: Wanted) -> Iterator[Problem]:
        """Each word that is used is mapped, to a field that is there and can hold it."""
        listed = {id_: str(field.get("name")) for id_, field in self._fields.listed().items()}
        for word, type_ in wanted.words.items():
            if word not in self._fields.words and not self._follows(word, type_):
                hint = _by_name(word, listed, "perhaps it is") or "map it in [connectors.*.fields]"
                yield self._problem(f"{word} is used by the rules, but no field of Jira is mapped to it", hint)
        for word, id_ in self._fields.words.items():
            if id_ not in listed:
                yield self._problem(f"fields.{word}: there is no field {id_}", _by_name(id_, listed, "its id is", word))
                continue
            kind, type_ = self._fields.kind(id_), wanted.words.get(word, "text")
            if kind not in FITTING.get(type_, {kind}):
                said = f"fields.{word}: {id_} ({listed[id_]}) holds a {kind}, but {word} is a {type_}"
                yield self._problem(said, "map another field, or declare another type")
            doubles = [other for other, name in listed.items() if name == listed[id_]]
            if len(doubles) > 1 and not self._client.cloud:
                said = f"fields.{word}: {' and '.join(doubles)} are both called {listed[id_]}"
                hint = "rename one: Data Center's history tells fields by name"
                yield self._problem(said, hint, warning=True)

    def _follows(self, word: str, type_: str) -> bool:
        """Whether a word needs no field: it follows from others, or people tell it through us."""
        return word in _FOLLOWS or type_ == "user"

    def _values(self, wanted: Wanted) -> Iterator[Problem]:
        """Each mapped field is on the edit screen, and has every value that is set, compared or mapped."""
        screen = self._screen(wanted.home)
        if screen is None:
            return
        for word, id_ in self._fields.words.items():
            meta = screen.get(id_)
            if meta is None:
                if id_ in self._fields.listed():
                    said = f"{word} cannot be written: {self._told(id_)} is not on the edit screen"
                    yield self._problem(said, "add it to the screen, or let no rule set it", warning=True)
                continue
            yield from self._options(word, meta, wanted.options.get(word, ()))

    def _screen(self, home: str) -> Mapping[str, Any] | None:
        """The edit screen of the ticket that was changed last (else of the home ticket); None where there is none."""
        projects = ", ".join(f'"{key}"' for key in self._settings.project if key not in self._missing)
        jql = f"project in ({projects}) ORDER BY updated DESC" if projects else "updated >= -90d ORDER BY updated DESC"
        path = "search/jql" if self._client.cloud else "search"
        query: dict[str, str | int] = {"jql": jql, "maxResults": 1, "fields": "id"}
        found = self._client.read(path, "could not look for a ticket", query, shapes.FOUND).get("issues") or []
        ref = str(found[0]["id"]) if found else home
        if not ref:
            return None
        tried = f"could not read the edit screen of {ref}"
        told = self._client.library(lambda jira: jira.editmeta(ref), tried, shapes.EDIT_SCREEN)
        fields: Mapping[str, Any] | None = told.get("fields")
        return fields

    def _options(self, word: str, meta: Mapping[str, Any], used: Iterable[str]) -> Iterator[Problem]:
        allowed = [str(one.get("value") or one.get("name")) for one in meta.get("allowedValues") or ()]
        mapped = self._settings.values.get(word)
        if not allowed:
            return
        known = {name.casefold() for name in allowed}
        for their in self._fields.theirs(word):
            if their.casefold() not in known:
                yield self._problem(f"values.{word}: {meta.get('name')} has no value {their}", nearest(their, allowed))
        for our in used:
            if mapped is not None and our not in mapped:
                yield self._problem(f"values.{word} says nothing of {our}, which the rules use", "map it")
            elif mapped is None and our.casefold() not in known:
                yield self._problem(f"{word}: {meta.get('name')} has no value {our}", nearest(our, allowed))

    def _told(self, id_: str) -> str:
        return f"{id_} ({(self._fields.listed().get(id_) or {}).get('name')})"

    # ---- tickets and people

    def _home(self, home: str) -> Iterator[Problem]:
        """The home ticket is there, and its ledger can be read."""
        if not home:
            return
        try:
            self._client.read(f"issue/{home}", f"could not read {home}", {"fields": "summary", "properties": PROPERTY})
        except Missing:
            yield self._problem(f"there is no home ticket {home}", "create a ticket for it, or name another in `home`")

    def _found(self, people: Iterable[str]) -> Iterator[Problem]:
        for person in people:
            if "@" in person:
                found = self._people.at(person) is not None
            else:
                query: dict[str, str | int] = {"accountId" if self._client.cloud else "username": person}
                try:
                    found = bool(self._client.read("user", f"could not look up {person}", query))
                except Missing:
                    found = False
            if not found:
                what = "an account id" if self._client.cloud else "a user name"
                yield self._problem(f"nobody in Jira is {person}", f"it takes an e-mail address or {what}")

    def _problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return Problem(Where(), message, f"connectors.{self._name}", hint, "warning" if warning else "error")


def _by_name(said: str, names: Mapping[str, str], lead: str, word: str = "") -> str:
    """A hint for somebody who wrote a name, or something like it, where an id is wanted."""
    for wish in filter(None, (said, word)):
        for id_, name in names.items():
            if name.casefold() == wish.casefold().replace("_", " "):
                return f"{lead} {id_} ({name})" if lead != "the status" else f"{name} has the id {id_}"
    near = nearest(said, [*names, *names.values()])
    found = near.removeprefix("did you mean ").removesuffix("?")
    id_ = next((i for i, name in names.items() if found and found in {i, name}), "")
    return f"did you mean {id_} ({names[id_]})?" if id_ else ""
