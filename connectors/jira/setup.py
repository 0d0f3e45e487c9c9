"""How Jira is set up: four questions, and a look at how the site is made. It reads only.

Fields are mapped by id where their names are well known (`connectors.jira.wellknown`) and they stand on a screen; the
priority serves as severity where no field of that name is there. A word of ours without a home stays without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from connectors.errors import ConnectorError, Denied, Missing, Refused
from connectors.jira import shapes, wellknown
from connectors.jira.client import Client
from connectors.jira.fields import kind_of
from connectors.jira.people import People
from connectors.jira.settings import JiraSettings
from connectors.model import User
from connectors.setup import Answers, Found, Question, Setup, listed
from connectors.shapes import OBJECT

MOST = 30
"""So many services or teams of a list are taken over; longer lists are somebody's own work."""
FEW = 20
"""So many projects are named to whoever has to choose."""
_FILLED = frozenset({"summary", "project", "issuetype", "reporter", "labels", "description"})


class JiraSetup(Setup):
    """Sets up one Jira site, Cloud or Data Center."""

    questions = (
        Question("url", "Where is your Jira?", "JIRA_URL", "such as https://your-site.atlassian.net"),
        Question("user", "Which account? Its e-mail address", "JIRA_USER", late=True),
        Question(
            "token",
            "Its API token (Cloud) or personal access token (Data Center)",
            "JIRA_TOKEN",
            secret=True,
            again=("user", "token"),
        ),
        Question("project", "Which projects? Their keys", "JIRA_PROJECT", "such as OPS", several=True, late=True),
    )

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        super().__init__(name, given)
        self._clients: dict[tuple[str, str, str], Client] = {}
        self._cloud = True
        self._me: User | None = None
        self._people: People | None = None

    # ---- the questions

    def asks(self, question: Question, answers: Answers) -> bool:
        """Data Center's tokens need no name beside them."""
        return question.name != "user" or self._cloud

    def offer(self, question: Question, answers: Answers) -> str:
        """The project, where the account sees only one."""
        if question.name != "project":
            return ""
        seen = self._projects(answers)
        return seen[0] if len(seen) == 1 else ""

    def hint(self, question: Question, answers: Answers) -> str:
        """The projects that there are, where they are few."""
        seen = self._projects(answers) if question.name == "project" else ()
        return f"there are {', '.join(seen)}" if 1 < len(seen) <= FEW else question.hint

    def accept(self, question: Question, answers: Answers) -> str:
        """Try it: reach the site, sign in, find the projects."""
        if question.name == "url":
            return self._reached(answers)
        if question.name == "token":
            return self._signed_in(answers)
        return self._found(answers) if question.name == "project" else ""

    def _reached(self, answers: Answers) -> str:
        settings = _settings(self.given, {**answers, "user": "nobody", "token": "none"})
        host = urlsplit(settings.url).hostname or ""
        nobody = settings.model_copy(update={"user": "", "token": SecretStr("")})
        client = Client(nobody, self.name)
        try:
            self._cloud = client.cloud
        except Denied as error:
            if "sent us to" in str(error):
                raise
            self._cloud = host.endswith(".atlassian.net")  # it says nothing to strangers
        except ConnectorError as error:
            said = str(error).partition(": ")[2] or str(error)
            raise type(error)(f"there is no Jira at {settings.url}: {said}") from None
        finally:
            client.close()
        return f"this is Jira {'Cloud' if self._cloud else 'Data Center'}"

    def _signed_in(self, answers: Answers) -> str:
        client = self._client(answers)
        self._people = People(client)
        client.library(lambda jira: jira.myself(), "could not sign in to Jira", OBJECT)
        self._me = self._people.me()
        return f"signed in to Jira as {_named(self._me)}"

    def _found(self, answers: Answers) -> str:
        projects = listed(answers["project"])
        if not projects:
            raise Refused("at least one project is needed")
        told = []
        for key in projects:
            try:
                project = self._project(answers, key)
            except Missing:
                seen = self._projects(answers)
                hint = f"; there are: {', '.join(seen[:FEW])}" if seen else ""
                raise Missing(f"there is no project {key}, or the account may not see it{hint}") from None
            told.append(f"{project['key']} ({project.get('name')})")
        return f"found {', '.join(told)}"

    # ---- how the site is made

    def discover(self, answers: Answers) -> Found:
        """Read types of ticket, screens, fields, priorities and statuses."""
        client = self._client(answers)
        projects = tuple(dict.fromkeys(str(self._project(answers, k)["key"]) for k in listed(answers["project"])))
        kinds = self._kinds(client, projects[0])
        kind = wellknown.kind_of(kinds)
        example, screen = self._latest(client, projects)
        forms = {name: self._screen(client, projects[0], kinds[name]) for name in {kind, self._plain(kinds, kind)}}
        fields = {**screen, **forms[kind]}
        found = _Mapping(client, fields, self._components(answers, projects))
        statuses = dict(self._statuses(client, projects))
        hold = wellknown.holding(statuses)
        remarks = {("kind",): "the type of new tickets", **found.remarks}
        table: dict[str, Any] = {"url": self._client(answers).settings.url}
        if self._cloud:
            table["user"] = answers["user"]
        table |= {"token": "env/JIRA_TOKEN", "project": list(projects), "kind": kind, "fields": found.fields}
        table |= {"values": found.values, "phases": {p: list(i) for p, i in wellknown.phases(statuses).items()}}
        table["hold"] = {"statuses": list(hold)} if hold else {}
        for phase, ids in table["phases"].items():
            remarks["phases", phase] = ", ".join(statuses[id_][0] for id_ in ids)
        remarks["hold", "statuses"] = ", ".join(statuses[id_][0] for id_ in hold)
        return Found(
            table=table,
            remarks=remarks,
            words=found.words,
            services=found.services,
            teams=found.teams,
            levels=tuple(found.values.get("severity", ())),
            standing=found.standing,
            me=self._me,
            kind=self._fillable(kinds, kind, forms),
            home=projects[0],
            example=example,
            learnt=_learnt(found, remarks),
            notes=tuple(found.notes),
        )

    def person(self, address: str) -> User | None:
        """Jira's user with this address."""
        return self._people.at(address) if self._people else None

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, answers: Answers) -> Client:
        user = answers.get("user", "") if self._cloud else ""
        key = (answers["url"], user, answers["token"])
        if key not in self._clients:
            given = {"deployment": "cloud" if self._cloud else "datacenter", **self.given}
            self._clients[key] = Client(_settings(given, {**answers, "user": user}), self.name)
        return self._clients[key]

    def _projects(self, answers: Answers) -> tuple[str, ...]:
        """The keys of the projects that the account sees: the first fifty."""
        client = self._client(answers)
        path = "project/search" if client.cloud else "project"
        query: dict[str, str | int] = {"maxResults": 50} if client.cloud else {}
        try:
            told = client.read(
                path, "could not list the projects", query, shapes.SEEN if client.cloud else shapes.PROJECTS
            )
        except ConnectorError:  # only a help for whoever answers
            return ()
        every = told.get("values") or () if client.cloud else told
        return tuple(str(project["key"]) for project in every)

    def _project(self, answers: Answers, key: str) -> Mapping[str, Any]:
        if not key.replace("_", "").isalnum():
            raise Missing(f"{key} is no project's key")
        tried = f"could not find the project {key}"
        told = self._client(answers).read(f"project/{key.upper()}", tried, shape=shapes.PROJECT)
        project: Mapping[str, Any] = told
        return project

    def _components(self, answers: Answers, projects: tuple[str, ...]) -> tuple[str, ...]:
        told = (self._project(answers, key).get("components") or () for key in projects)
        return tuple(dict.fromkeys(str(part["name"]) for parts in told for part in parts))

    def _kinds(self, client: Client, project: str) -> dict[str, str]:
        """The ids of the types of ticket by their names, without sub-tasks."""
        path = f"issue/createmeta/{project}/issuetypes"
        told = client.read(path, f"could not read the types of ticket of {project}", {"maxResults": 200}, shapes.KINDS)
        every = told.get("issueTypes") or told.get("values") or ()
        kinds = {str(one["name"]): str(one["id"]) for one in every if not one.get("subtask")}
        if not kinds:
            raise Refused(f"the account may create no ticket in {project}; give it the permission Create Issues")
        return kinds

    def _screen(self, client: Client, project: str, kind: str) -> dict[str, Mapping[str, Any]]:
        """The fields of the screen on which a ticket of this type is created, by id."""
        path = f"issue/createmeta/{project}/issuetypes/{kind}"
        told = client.read(path, f"could not read the screen of {project}", {"maxResults": 200}, shapes.LISTED)
        every = told.get("fields") or told.get("values") or ()
        return {str(one.get("fieldId") or one.get("key")): one for one in every}

    def _latest(self, client: Client, projects: tuple[str, ...]) -> tuple[str, dict[str, Mapping[str, Any]]]:
        """The ticket that was changed last, and the fields of its edit screen; empty where there is none."""
        within = ", ".join(f'"{key}"' for key in projects)
        query: dict[str, str | int] = {"jql": f"project in ({within}) ORDER BY updated DESC", "maxResults": 10}
        query["fields"] = "key,labels"
        path = "search/jql" if client.cloud else "search"
        told = client.read(path, "could not look for a ticket", query, shapes.LATEST)
        ours = "pointman-home-"
        keys = [
            str(one["key"])
            for one in told.get("issues") or ()
            if not any(name.startswith(ours) for name in (one.get("fields") or {}).get("labels") or ())
        ]
        if not keys:
            return "", {}
        key = keys[0]
        tried = f"could not read the edit screen of {key}"
        meta = client.library(partial(_edit_meta, key=key), tried, shapes.EDIT_SCREEN)
        return key, dict(meta.get("fields") or {})

    def _statuses(self, client: Client, projects: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, str]]]:
        """Every status of the projects: its id, and its name and category."""
        for project in projects:
            tried = f"could not read the statuses of {project}"
            for kind in client.read(f"project/{project}/statuses", tried, shape=shapes.STATUSES):
                for status in kind.get("statuses") or ():
                    category = (status.get("statusCategory") or {}).get("key", "")
                    yield str(status["id"]), (str(status["name"]), str(category))

    def _plain(self, kinds: Mapping[str, str], kind: str) -> str:
        """A type for a ticket that is no incident."""
        return next((name for name in kinds if wellknown.plain(name) == "task"), kind)

    def _fillable(self, kinds: Mapping[str, str], kind: str, forms: Mapping[str, Mapping[str, Any]]) -> str:
        """The plain type, unless its screen requires what we cannot fill in."""
        name = self._plain(kinds, kind)
        required = [
            id_
            for id_, field in forms[name].items()
            if field.get("required") and not field.get("hasDefaultValue") and id_ not in _FILLED
        ]
        return kind if required else name


class _Mapping:
    """Fields and values of a site as our words. `fields` are those of its screens, by id."""

    def __init__(self, client: Client, fields: Mapping[str, Mapping[str, Any]], components: tuple[str, ...]) -> None:
        self.fields: dict[str, str] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.words: dict[str, str] = {"assignee": "user"}
        self.remarks: dict[tuple[str, ...], str] = {}
        self.standing: dict[str, str] = {}
        self.notes: list[str] = []
        self._screen = fields
        names = {id_: str(field.get("name")) for id_, field in fields.items()}
        kinds = {id_: kind_of(field.get("schema") or {}) for id_, field in fields.items()}
        for word, id_ in wellknown.matched(names, kinds).items():
            self.fields[word] = id_
            self.words[word] = wellknown.FIELDS[word][0]
            self.remarks["fields", word] = names[id_]
        self._severity(client)
        self.services = self._several("service", self._options(self.fields.get("service", "")))
        if "service" not in self.fields and components:
            self.fields["service"], self.words["service"] = "components", "text"
            self.services = self._several("service", components)
        self.teams = self._several("team", self._options(self.fields.get("team", "")))

    def _options(self, id_: str) -> tuple[str, ...]:
        allowed = (self._screen.get(id_) or {}).get("allowedValues") or ()
        return tuple(str(one.get("value") or one.get("name")) for one in allowed if not one.get("disabled"))

    def _severity(self, client: Client) -> None:
        """The field of that name if its values are known, else the priority; every value of it as a level."""
        own = self.fields.pop("severity", "")
        self.words.pop("severity", None)
        id_ = own if self._options(own) else "priority"
        names = self._options(id_)
        if id_ == "priority" and not names:
            tried = "could not list the priorities"
            told = client.library(lambda jira: [one.raw for one in jira.priorities()], tried, shapes.NAMED)
            names = tuple(str(one["name"]) for one in told)
        if not names:
            return
        self.fields = {"severity": id_, **self.fields}
        self.words["severity"] = "choice"
        found, guessed = wellknown.levels(names)
        self.values["severity"] = {level: _one(several) for level, several in found.items()}
        if id_ == "priority":
            self.remarks["fields", "severity"] = "no field is called Severity, so the priority serves"
        if guessed:
            said = ", ".join(guessed)
            self.notes.append(f"how severe {said} is was guessed: see [connectors.*.values.severity]")
        default = (self._screen.get(id_) or {}).get("defaultValue")
        written = str(default.get("value") or default.get("name")) if isinstance(default, dict) else ""
        level = next((level for level, several in found.items() if written in several), "")
        if level:
            self.standing["severity"] = level

    def _several(self, word: str, names: tuple[str, ...]) -> dict[str, str]:
        """Our keys for a list of Jira's, which become the value map of the word."""
        if len(names) > MOST:
            self.notes.append(f"{word} has {len(names)} values in Jira; the first {MOST} were taken over")
        keys = wellknown.keys(names[:MOST])
        if keys:
            self.values[word] = dict(keys)
        return keys


def _settings(given: Mapping[str, Any], answers: Mapping[str, str]) -> JiraSettings:
    """The settings that the answers so far make. Raises Refused with the reason."""
    url = answers["url"].strip()
    url = url if "://" in url else f"https://{url}"
    parts = urlsplit(url)
    if (parts.hostname or "").endswith(".atlassian.net"):
        url = f"https://{parts.netloc}"  # whatever page of it was open in the browser
    said = {name: answers[name] for name in ("user", "token") if answers.get(name)}
    more = {name: value for name, value in given.items() if name in {"timeout", "deployment"} and value}
    try:
        return JiraSettings(url=url, **said, **more)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in told["loc"]) or "Jira"
        raise Refused(f"{name} {told['msg'].removeprefix('Value error, ')}") from None


def _edit_meta(jira: Any, *, key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = jira.editmeta(key)
    return found


def _learnt(found: _Mapping, remarks: Mapping[tuple[str, ...], str]) -> str:
    """What our words are in this Jira, in a sentence."""
    names = {word: remarks.get(("fields", word), "") for word in found.fields}
    said = [f"{word.replace('_', ' ')} is {names[word] or id_}" for word, id_ in found.fields.items()]
    if found.fields.get("severity") == "priority":
        said = ["severity is the priority", *said[1:]]
    if remarks.get(("hold", "statuses")):
        said.append(f"on hold is {remarks['hold', 'statuses']}")
    return "; ".join(said)


def _one(several: tuple[str, ...]) -> Any:
    return several[0] if len(several) == 1 else list(several)


def _named(user: User) -> str:
    return f"{user.name} ({user.email})" if user.name and user.email else user.name or user.email or user.id
