"""The kinds of value that name something: a team, a level, a recipient, a moment, a word of the ticket.

Every string of a rule file that names anything has one of these kinds, so that a slip of one letter is told when the
file is loaded and not when it is night.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.model import WORDS
from connectors.problems import nearest
from rules.model import Recipient
from rules.reading import Names, Reading
from rules.toml import Node
from rules.values import Kind, Record, Schema, Text

PRODUCTS = ("slack", "msteams", "email", "jira", "servicenow", "trello", "asana", "confluence", "google_docs")
"""The connectors that come with Pointman and can be told something; a place may name one that is not set up."""

ROSTERS = ("pagerduty", "jsm", "ical")
"""The connectors that come with Pointman and know who is on call, or away."""

MOMENTS = (
    "created",
    "detected",
    "assigned",
    "acknowledged",
    "hold",
    "reopened",
    "restored",
    "changed",
    "updated",
)
"""The moments that a ladder can be counted from; beside them `changed:<field>`."""

TICKET_WORDS: Mapping[str, str] = {
    **WORDS,
    "summary": "text",
    "description": "text",
    "text": "text",
    "labels": "text",
    "kind": "text",
    "key": "text",
    "url": "text",
    "reporter": "user",
    "project": "text",
    "status": "text",
    "phase": "choice",
    "created": "moment",
    "updated": "moment",
}
"""Every word of a ticket that is ours, with its type."""

SPOKEN = (
    "rule",
    "step",
    "since",
    "told",
    "changed",
    "blockers",
    "options",
    "rto_until",
    "last_update",
    "next_update",
    "unchanged",
)
"""What a text may say beside the ticket's words."""

ID = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""An id or a name that recipients mention: it stands in keys of the ledger, so no blanks, colons, dots or `>`."""


@dataclass(frozen=True, slots=True)
class Name(Kind):
    """The name of a team, a person, a calendar and so on."""

    sort: str

    def _read(self, node: Node, at: Reading) -> str | None:
        if not isinstance(node.value, str):
            at.unwanted(node, f"the name of a {self.sort}")
        elif node.value not in at.names.of(self.sort):
            at.unknown(node.said, self.sort, node.value, at.names.of(self.sort))
        else:
            return node.value
        return None

    def _schema(self) -> Schema:
        return {"type": "string", "description": f"the name of a {self.sort}", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Source(Kind):
    """Where something is kept outside of the rules, `connector:name`."""

    def _read(self, node: Node, at: Reading) -> tuple[str, str] | None:
        if not isinstance(node.value, str):
            at.unwanted(node, 'where it is kept, such as "pagerduty:PI7DH85"')
            return None
        connector, _, name = node.value.partition(":")
        known = {*ROSTERS, *(at.names.configured or ())}
        if connector not in known:
            at.unknown(node.inside(0, len(connector)), "connector", connector, sorted(known))
        elif not name:
            at.wrong(node.said, "it is not said which one", f"write {connector}:NAME")
        else:
            if at.names.configured is not None and connector not in at.names.configured:
                at.doubtful(node.said, f"no connector {connector} is configured, so it is looked up nowhere")
            return connector, name
        return None

    def _schema(self) -> Schema:
        return {
            "type": "string",
            "description": "a connector and a name there: pagerduty:PI7DH85",
            "pattern": "^[^:]+:.+$",
        }


@dataclass(frozen=True, slots=True)
class Level(Kind):
    """A level of a scale."""

    scale: str

    def _read(self, node: Node, at: Reading) -> str | None:
        return option(node, at, self.scale, at.names.scales[self.scale], "level")

    def _schema(self) -> Schema:
        return {"type": "string", "description": f"a level of the scale {self.scale}", "minLength": 1}


@dataclass(frozen=True, slots=True)
class TeamOf(Kind):
    """A team's name, or `service.team`."""

    def _read(self, node: Node, at: Reading) -> str | None:
        if node.value == "service.team":
            return "service.team"
        if isinstance(node.value, str) and node.value not in at.names.of("team"):
            at.unknown(node.said, "team", node.value, [*at.names.of("team"), "service.team"])
            return None
        found: str | None = Name("team").read(node, at)
        return found

    def _schema(self) -> Schema:
        return {"type": "string", "description": "the name of a team, or service.team", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Instant(Kind):
    """A moment of the ticket's life, or something that happened to it: `sort` says which of the two."""

    sort: str
    words: tuple[str, ...]

    def _read(self, node: Node, at: Reading) -> str | None:
        if not isinstance(node.value, str):
            at.unwanted(node, f"a {self.sort}")
            return None
        kind, colon, word = node.value.partition(":")
        if kind == "changed" and colon:
            known = [*changeable(at.names)]
            if word not in known:
                at.unknown(node.inside(len("changed:"), len(word)), "field", word, known)
                return None
        elif node.value not in self.words:
            at.unknown(node.said, self.sort, node.value, [*self.words, "changed:<field>"])
            return None
        return node.value

    def _schema(self) -> Schema:
        return {
            "anyOf": [{"enum": list(self.words)}, {"type": "string", "pattern": "^changed:.+$"}],
            "description": "one of the words, or changed:FIELD",
        }


@dataclass(frozen=True, slots=True)
class Changing(Kind):
    """A word of the ticket that can change."""

    def _read(self, node: Node, at: Reading) -> str | None:
        known = changeable(at.names)
        if not isinstance(node.value, str):
            at.unwanted(node, "a word of the ticket")
        elif node.value not in known:
            at.unknown(node.said, "word that changes", node.value, known)
        else:
            return node.value
        return None

    def _schema(self) -> Schema:
        return {"type": "string", "description": "a word of the ticket that can change", "minLength": 1}


_SHARE = Text('a share such as "50%"', r"[1-9][0-9]?%|100%")


@dataclass(frozen=True, slots=True)
class Share(Kind):
    """A share of a goal, in whole percents from 1 to 100."""

    def _read(self, node: Node, at: Reading) -> str | None:
        number = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?) ?(%?)", node.value) if isinstance(node.value, str) else None
        share = float(number[1]) if number is not None else 0.0
        if number is None or re.fullmatch(_SHARE.pattern, node.value):
            found: str | None = _SHARE.read(node, at)
            return found
        if share > 100:
            said, hint = "is past the end of the goal", 'write after = "10m" in its place, counted from that end'
        elif share < 1:
            said, hint = "is where the clock starts", 'write "1%" or more; a [[notify]] tells at the start'
        else:
            said, hint = "is no share in whole percents", f'write "{share:.0f}%"'
        at.wrong(node.said, f"{node.value} {said}", hint)
        return None

    def _schema(self) -> Schema:
        return _SHARE.schema()


ROLE_VERBS = ("claim", "handover")
"""What can be asked for a role by name, as `claim:poc`."""


@dataclass(frozen=True, slots=True)
class Clickable(Kind):
    """What a button asks for: a verb, or one for a role, as `claim:poc`."""

    verbs: tuple[str, ...]

    def _read(self, node: Node, at: Reading) -> str | None:
        if not isinstance(node.value, str):
            at.unwanted(node, "a button")
            return None
        verb, colon, role = node.value.partition(":")
        if verb in ROLE_VERBS and colon:
            if role not in at.names.of("role"):
                at.unknown(node.inside(len(verb) + 1, len(role)), "role", role, at.names.of("role"))
                return None
        elif node.value not in self.verbs:
            at.unknown(node.said, "button", node.value, self.verbs, ours=True)
            return None
        return node.value

    def _schema(self) -> Schema:
        return {"anyOf": [{"enum": list(self.verbs)}, {"type": "string", "pattern": "^(?:claim|handover):.+$"}]}


_PEOPLE = ("on-call", "lead", "members", "role", "person", "audience", "place", "departments", "vendor")
_TEAM_KEYS = {"on-call": "schedule", "lead": "lead", "members": "members"}
_BARE = ("assignee", "acknowledger", "reporter")


@dataclass(frozen=True, slots=True)
class To(Kind):
    """A recipient, `kind:name`. `places` says whether somewhere is meant as well as somebody, `rooms` whether that may
    be the channel of a rule.
    """

    places: bool = True
    rooms: bool = False

    def _read(self, node: Node, at: Reading) -> Recipient | None:
        if not isinstance(node.value, str):
            at.unwanted(node, 'a recipient such as "on-call:team"')
            return None
        if node.value in _BARE:
            return Recipient(node.value)
        kind, colon, name = node.value.partition(":")
        if not self._kind(node, at, kind, colon):
            return None
        where = node.inside(len(kind) + 1, len(name))
        if kind in at.names.connectors:
            if not _address(kind, name):
                at.wrong(where, f"{name or '(empty)'} is no address of {kind}")
            elif self.places and at.names.configured is not None and kind not in at.names.configured:
                at.doubtful(where, f"no connector {kind} is configured, so nobody is told there")
        else:
            sort, extra = _named_by(kind)
            known = [*extra, *at.names.of(sort)]
            if name not in known:
                at.unknown(where, sort, name, known)
            elif name in at.names.teams and kind in _TEAM_KEYS and _TEAM_KEYS[kind] not in at.names.teams[name]:
                at.doubtful(where, f"the team {name} has no {_TEAM_KEYS[kind]}, so this is nobody")
        return Recipient(kind, name)

    def _kind(self, node: Node, at: Reading, kind: str, colon: str) -> bool:
        products = sorted(at.names.connectors)
        kinds = [*_PEOPLE, *products] if self.places else [*(k for k in _PEOPLE if k != "place"), "email"]
        kinds += ["channel"] if self.rooms else []
        if not colon:
            name = node.value.removeprefix("@")
            hint = next((f"write {k}:{name}" for k in kinds if name in at.names.of(_named_by(k)[0])), "")
            if not hint and node.value.startswith("#") and "slack" in kinds:
                hint = f"write slack:{node.value}"
            if not hint and "@" in name and "email" in kinds:
                hint = f"write email:{node.value}"
            if hint:
                at.wrong(node.said, f"{node.value} is no recipient", hint)
            else:
                at.unknown(node.said, "recipient", kind, [*_BARE, *(f"{k}:…" for k in kinds)])
            return False
        meant = kind == "channel" or nearest(kind, kinds)
        if kind not in kinds and self.places and at.names.whole and not meant:
            hint = f"a connector of that name has to stand in config.toml; else there is {', '.join(_PEOPLE)}"
            at.wrong(node.inside(0, len(kind)), f"no kind of recipient {kind or '(empty)'}", hint)
            return False
        if kind not in kinds:
            at.unknown(node.inside(0, len(kind)), "kind of recipient", kind, kinds)
            return False
        return True

    def _schema(self) -> Schema:
        return {
            "type": "string",
            "description": "written on-call:team, lead:team, person:maria, place:x, audience:x, slack:#x, assignee, …",
            "pattern": f"^(?:{'|'.join(_BARE)}|[A-Za-z0-9_-]+:.+)$",
        }


def _named_by(kind: str) -> tuple[str, tuple[str, ...]]:
    """What sort of name a kind of recipient takes, and which words beside names."""
    if kind in {"on-call", "lead", "members"}:
        return "team", ("team", "service.team")
    if kind in {"departments", "vendor"}:
        return kind.removesuffix("s"), ("service",)
    return kind, ()


def _address(kind: str, address: str) -> bool:
    if kind == "email":
        return re.fullmatch(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>.]+", address) is not None
    return bool(address.strip())


ADDRESS = Text("an address or an id")
EMAIL = Text("an e-mail address", r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>.]+")


@dataclass(frozen=True)
class Addressed(Record):
    """A record that may also give an address for every connector, under the connector's name."""

    def unknown(self, key: str, item: Node, at: Reading) -> None:
        """Tell a key that is no connector's name either."""
        if key in at.names.connectors or key in ROSTERS:
            return
        known = [*self.keys, *at.names.connectors]
        at.unknown(item.key, "key or connector", key, known)

    def read_over(self, given: Mapping[str, Any], node: Node, at: Reading) -> dict[str, Any]:
        """Read the table, and the addresses among its keys as `addresses`."""
        read = Record.read_over(self, given, node, at)
        if isinstance(node.value, dict):
            known = at.names.connectors | set(ROSTERS)
            ids = {key: item for key, item in node.value.items() if key in known and key not in self.keys}
            read["addresses"] = {key: ADDRESS.read(item, at) for key, item in ids.items()}
        return read

    def _schema(self) -> Schema:
        return {**Record._schema(self), "additionalProperties": ADDRESS.schema()}


def changeable(names: Names) -> Mapping[str, str]:
    """The words that can change on a ticket, with their types."""
    fixed = {"created", "key", "url", "text", "updated"}
    ours = {word: type_ for word, type_ in TICKET_WORDS.items() if word not in fixed}
    roles = dict.fromkeys(names.of("role"), "user")
    return {**ours, **roles, **{name: field.type for name, field in names.fields.items()}}


def option(node: Node, at: Reading, word: str, options: tuple[str, ...], sort: str) -> str | None:
    """One of a word's options, whatever `sort` of them they are."""
    if not isinstance(node.value, str):
        at.unwanted(node, f"{'an' if sort == 'option' else 'a'} {sort} of {word}")
    elif node.value not in options:
        sort = "service" if word == "service" else f"{sort} of {word}"
        at.unknown(node.said, sort, node.value, options)
    else:
        return node.value
    return None
