"""What a Jira site holds, as plain data: people, projects, workflow, fields, and tickets with their past.

Values are kept in one form, whatever the flavour of the site (the faces turn them into its JSON): a person by their
`username`, a choice by its text, a status, priority or type by id, a moment as an aware datetime. Only rich text is
kept as the flavour writes it: an ADF document on Cloud, wiki text on Data Center.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

Flavour: TypeAlias = Literal["cloud", "datacenter"]
Kind: TypeAlias = Literal[
    "string", "text", "number", "datetime", "date", "option", "options", "user", "users", "labels",
    "components", "priority", "status", "issuetype", "project", "resolution",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. Cloud knows them by `account`, Data Center by `username`, its history by `key`."""

    username: str
    name: str
    email: str
    account: str = ""
    key: str = ""
    zone: str = "Etc/UTC"
    shows_email: bool = True
    active: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """A status; its category is `new`, `indeterminate` or `done`."""

    id: str
    name: str
    category: str


@dataclass(frozen=True, slots=True)
class Transition:
    """A step of the workflow to a status, from some statuses (None: from any); `needs` are fields of its screen."""

    id: str
    name: str
    to: str
    start: frozenset[str] | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the site. `editable`: it stands on the edit screen. `options` are the texts of a choice, by id."""

    id: str
    name: str
    kind: Kind
    options: Mapping[str, str] = field(default_factory=dict)
    editable: bool = True
    required: bool = False

    @property
    def custom(self) -> bool:
        """Whether somebody added it to the product."""
        return self.id.startswith("customfield_")


@dataclass(slots=True)
class Project:
    """A project, with its components by id and the types of ticket that it has."""

    id: str
    key: str
    name: str
    components: dict[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("10001", "10002")
    service_desk: bool = False
    count: int = 0


@dataclass(slots=True)
class Note:
    """A comment. `internal` is what the property `sd.public.comment` says."""

    id: str
    by: str
    body: Any
    created: datetime
    updated: datetime
    updated_by: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One field that changed, as the history keeps it: ids (`before`, `after`) and texts for people."""

    field: str
    name: str
    before: str | None
    before_text: str | None
    after: str | None
    after_text: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """One entry of the history."""

    id: str
    by: str
    at: datetime
    items: tuple[Item, ...]


@dataclass(slots=True)
class Issue:
    """A ticket: `values` by field id, everything else beside them."""

    id: str
    key: str
    project: str
    created: datetime
    updated: datetime
    creator: str
    values: dict[str, Any] = field(default_factory=dict)
    past: list[Past] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)


SYSTEM_FIELDS = (
    Field("summary", "Summary", "string", required=True),
    Field("description", "Description", "text"),
    Field("issuetype", "Issue Type", "issuetype", required=True),
    Field("project", "Project", "project", editable=False),
    Field("status", "Status", "status", editable=False),
    Field("priority", "Priority", "priority"),
    Field("assignee", "Assignee", "user"),
    Field("reporter", "Reporter", "user"),
    Field("labels", "Labels", "labels"),
    Field("components", "Component/s", "components"),
    Field("resolution", "Resolution", "resolution", editable=False),
    Field("duedate", "Due date", "date"),
)
"""What every ticket has, beside `created`, `updated`, `creator` and `comment`, which nobody sets."""


@dataclass(slots=True)
class Site:
    """How a Jira is set up. `standard()` is the one that the sandbox and the tests share."""

    title: str
    people: dict[str, Person]
    projects: dict[str, Project]
    statuses: dict[str, Status]
    transitions: tuple[Transition, ...]
    priorities: dict[str, str]
    kinds: dict[str, str]
    resolutions: dict[str, str]
    fields: dict[str, Field]
    initial: str = "10000"
    default_priority: str = "3"


def standard() -> Site:
    """A site with one project, OPS, and what an incident needs.

    People: pointman (whom we sign in as), ann, maria, tom, bob. Statuses: 10000 Open, 10001 In Progress, 10005
    Waiting, 10002 Resolved, 10003 Closed. Fields: customfield_10050 Severity (a choice), 10051 Service (a choice),
    10052 Team (a line), 10053 Affected users (a number), 10054 Detected, 10055 Restored, 10056 ETA (moments), 10057
    Status text (rich), 10058 Security (a flag, as a choice of Yes and No), 10059 Commander (a person), 10060 Regions
    (a choice of several), 10061 Hidden (on no edit screen), 10062 Recovery (a line).
    """
    people = (
        Person("pointman", "Pointman", "pointman@example.org", "712020:0aa1c7e0", "JIRAUSER10000"),
        Person("ann", "Ann Archer", "ann@example.org", "5b10ac8d82e05b22cc7d4ef5", "JIRAUSER10101", "Europe/Berlin"),
        Person("maria", "Maria Keller", "maria@example.org", "5b10a2844c20165700ede21g", "JIRAUSER10102"),
        Person("tom", "Tom Reyes", "tom@example.org", "5b109f2e9729b51b54dc274d", "JIRAUSER10103", "America/New_York"),
        Person("bob", "Bob Hidden", "bob@example.org", "5cedcb4355a88a0fc86388ba", "JIRAUSER10104", shows_email=False),
    )
    statuses = (
        Status("10000", "Open", "new"),
        Status("10001", "In Progress", "indeterminate"),
        Status("10005", "Waiting", "indeterminate"),
        Status("10002", "Resolved", "done"),
        Status("10003", "Closed", "done"),
    )
    working = frozenset({"10000", "10001", "10005"})
    finished = frozenset({"10002", "10003"})
    transitions = (
        Transition("11", "Start", "10001", frozenset({"10000", "10005"})),
        Transition("21", "Wait", "10005", frozenset({"10000", "10001"})),
        Transition("31", "Resolve", "10002", working, needs=("resolution",)),
        Transition("41", "Close", "10003", working | {"10002"}, needs=("resolution",)),
        Transition("51", "Reopen", "10000", finished),
    )
    services = {"10110": "Checkout (prod)", "10111": "Orders DB", "10112": "Intranet"}
    custom = (
        Field("customfield_10050", "Severity", "option", {"10100": "High", "10101": "Medium", "10102": "Low"}),
        Field(
            "customfield_10051",
            "Service",
            "option",
            services,
        ),
        Field("customfield_10052", "Team", "string"),
        Field("customfield_10053", "Affected users", "number"),
        Field("customfield_10054", "Detected", "datetime"),
        Field("customfield_10055", "Restored", "datetime"),
        Field("customfield_10056", "ETA", "datetime"),
        Field("customfield_10057", "Status text", "text"),
        Field("customfield_10058", "Security", "option", {"10120": "Yes", "10121": "No"}),
        Field("customfield_10059", "Commander", "user"),
        Field("customfield_10060", "Regions", "options", {"10130": "eu", "10131": "us", "10132": "asia"}),
        Field("customfield_10061", "Hidden", "string", editable=False),
        Field("customfield_10062", "Recovery", "string"),
    )
    return Site(
        title="Sandbox",
        people={p.username: p for p in people},
        projects={
            "OPS": Project(
                "10000", "OPS", "Operations", {"10200": "Checkout (prod)", "10201": "Orders DB", "10202": "Docs"}
            )
        },
        statuses={s.id: s for s in statuses},
        transitions=transitions,
        priorities={"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"},
        kinds={"10001": "Incident", "10002": "Task"},
        resolutions={"10000": "Done", "10001": "Won't Do"},
        fields={f.id: f for f in (*SYSTEM_FIELDS, *custom)},
    )
