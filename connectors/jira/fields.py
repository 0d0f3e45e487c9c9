"""Jira's fields as our words: which word is which field, what its values mean, and how a value is written.

What kind of field it is comes from the product's own list of fields, which is asked for once, and only where a custom
field is mapped: the system's fields are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any

from connectors.errors import Refused
from connectors.jira import shapes
from connectors.jira.adf import from_adf, to_adf
from connectors.jira.client import Client
from connectors.jira.people import People
from connectors.jira.settings import JiraSettings
from connectors.jira.wiki import from_wiki, to_wiki
from connectors.model import User, Value

OWN = {
    "summary": "summary",
    "description": "description",
    "labels": "labels",
    "kind": "issuetype",
    "reporter": "reporter",
}
"""The words that every ticket has, by the fields they are."""
SYSTEM: Mapping[str, str] = {
    "summary": "string",
    "description": "text",
    "environment": "text",
    "issuetype": "named",
    "status": "named",
    "priority": "named",
    "resolution": "named",
    "project": "named",
    "security": "named",
    "assignee": "user",
    "reporter": "user",
    "creator": "user",
    "labels": "labels",
    "components": "names",
    "versions": "names",
    "fixVersions": "names",
    "duedate": "date",
    "created": "datetime",
    "updated": "datetime",
    "resolutiondate": "datetime",
}
"""What the system's own fields hold."""


def moment(text: str) -> datetime:
    """A moment as Jira writes it: `2026-11-23T10:00:00.000+0000`. Raises ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


def written(at: datetime) -> str:
    """A moment as Jira reads it, which wants milliseconds and an offset without a colon."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


class Fields:
    """The map between our words and the fields of one site; `listed` are those that it has, where that is known."""

    def __init__(
        self,
        settings: JiraSettings,
        client: Client,
        people: People,
        listed: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._client = client
        self._people = people
        self._lock = Lock()
        self._listed = listed
        self.words: dict[str, str] = {"assignee": "assignee"}
        if "severity" in settings.values and "severity" not in settings.fields:
            self.words["severity"] = "priority"
        self.words.update(settings.fields)
        self._theirs = {word: dict(values) for word, values in settings.values.items()}
        self._ours = {
            word: {their.casefold(): our for our, several in values.items() for their in several}
            for word, values in settings.values.items()
        }
        self.by_field: dict[str, tuple[str, ...]] = {}
        for word, id_ in (*OWN.items(), *self.words.items()):
            self.by_field[id_] = tuple(dict.fromkeys((*self.by_field.get(id_, ()), word)))

    # ---- what kind of field

    def listed(self) -> Mapping[str, Mapping[str, Any]]:
        """The product's own list of fields by id, asked for once. Raises ConnectorError."""
        if self._listed is None:
            with self._lock:
                if self._listed is None:
                    told = self._client.library(lambda jira: jira.fields(), "could not list the fields", shapes.FIELDS)
                    self._listed = {str(field["id"]): field for field in told}
        return self._listed

    def kind(self, id_: str) -> str:
        """What a field holds: text, string, number, date, datetime, user, users, option, options, named, names, labels.

        A field that is not there, or of a kind we do not know, is `other`: read by its shape, written as it comes.
        """
        if id_ in SYSTEM:
            return SYSTEM[id_]
        return kind_of((self.listed().get(id_) or {}).get("schema") or {})

    def ready(self) -> bool:
        """Whether every mapped field's kind is known without asking."""
        return self._listed is not None or all(id_ in SYSTEM for id_ in self.words.values())

    def named(self, name: str) -> str | None:
        """The id of the field that Data Center's history calls this; of several, the one that is mapped."""
        if name in _NAMES:
            return _NAMES[name]
        if not any(id_ not in SYSTEM for id_ in self.words.values()):
            return None
        ids = [id_ for id_, field in self.listed().items() if field.get("name") == name]
        return next((id_ for id_ in ids if id_ in self.by_field), ids[0] if ids else None)

    # ---- reading

    def read(self, word: str, raw: Any) -> tuple[bool, Value]:
        """What a mapped field holds, as (known, value).

        Not known is a value of Jira's that the value map does not name, but a service's, which is then empty.
        """
        value = self._plain(self.kind(self.words[word]), raw)
        ours = self._ours.get(word)
        if ours is None:
            return True, _one(word, value)
        if value is None:
            return True, None
        parts = value if isinstance(value, tuple) else (str(value),)
        meant = tuple(dict.fromkeys(ours[part.casefold()] for part in parts if part.casefold() in ours))
        if not meant:
            return word == "service" or isinstance(value, tuple), None
        return True, _one(word, tuple(meant)) if isinstance(value, tuple) else _boolean(meant[0])

    def _plain(self, kind: str, raw: Any) -> Value:
        """A value as Jira's answers show it, in our types, before the value map."""
        if raw is None or raw == [] or raw == "":
            return None
        reader = _READERS.get(kind)
        if reader is not None:
            return reader(raw)
        if kind == "user":
            return self._people.read(raw)
        if kind == "users":
            return tuple(user.id for user in map(self._people.read, raw) if user)
        if kind == "text":
            return self.markdown(raw, faithful=False)
        return self._shaped(raw)

    def _shaped(self, raw: Any) -> Value:
        """A value of an unknown kind, by its shape."""
        if isinstance(raw, list):
            return tuple(str(self._shaped(part)) for part in raw)
        if isinstance(raw, dict):
            if raw.get("type") == "doc":
                return self.markdown(raw, faithful=False)
            return self._people.read(raw) if "displayName" in raw else str(raw.get("value") or raw.get("name") or "")
        return float(raw) if isinstance(raw, (int, float)) and not isinstance(raw, bool) else raw

    def markdown(self, raw: Any, *, faithful: bool = True) -> str:
        """Rich text as Markdown (see `adf.from_adf`)."""
        if self._client.cloud or isinstance(raw, dict):
            return from_adf(raw, faithful=faithful)
        return from_wiki(str(raw or ""), faithful=faithful)

    # ---- what the history tells

    def told(self, word: str, id_: str | None, text: str | None) -> Value:
        """A value as the history tells it, by its id and its text for people. What cannot be read stays text."""
        if not id_ and not text:
            return None
        kind = self.kind(self.words.get(word, OWN.get(word, word)))
        if kind == "user":
            return self._people.told(id_, text)
        value = _TOLD[kind](id_, text or "") if kind in _TOLD else text
        ours = self._ours.get(word)
        if ours is None:
            return _one(word, value)
        if isinstance(value, tuple):
            return _one(word, tuple(ours.get(part.casefold(), part) for part in value))
        return _boolean(ours.get(str(value).casefold(), str(value)))

    # ---- writing

    def write(self, word: str, value: Value) -> tuple[str, Any]:
        """The field and the JSON that write this value. Raises Refused, naming the word, where it cannot be written."""
        id_ = self.words.get(word) or OWN.get(word)
        if id_ is None:
            raise Refused(f"{word} is not kept in Jira", fields={word: "no field of Jira is mapped to it"})
        if value is None or value == ():
            return id_, [] if self.kind(id_) in {"options", "users", "names", "labels"} else None
        kind = self.kind(id_)
        parts = tuple(self._their(word, part) for part in (value if isinstance(value, tuple) else (value,)))
        many = {"options": "option", "names": "named", "users": "user", "labels": "label"}.get(kind)
        if many:
            return id_, [self._json(word, many, part) for part in parts]
        if len(parts) > 1:
            raise Refused(f"{word} takes one value in Jira", fields={word: "the field takes one value"})
        return id_, self._json(word, kind, parts[0])

    def theirs(self, word: str) -> tuple[str, ...]:
        """Every value of Jira's that the value map of a word names."""
        return tuple(their for several in self._theirs.get(word, {}).values() for their in several)

    def _their(self, word: str, value: Any) -> Any:
        """Jira's value for ours: the first that the value map names."""
        key = str(value).lower() if isinstance(value, bool) else value
        several = self._theirs.get(word, {}).get(key) if isinstance(key, str) else None
        return several[0] if several else value

    def _json(self, word: str, kind: str, value: Any) -> Any:
        if kind == "user":
            return self._user(word, value)
        if kind == "text":
            return to_adf(str(value)) if self._client.cloud else to_wiki(str(value))
        if isinstance(value, User):
            raise Refused(f"{word} is no person in Jira", fields={word: "the field holds no person"})
        writer = _WRITERS.get(kind)
        try:
            return writer(value) if writer is not None else value
        except (AttributeError, TypeError, ValueError):
            raise Refused(f"{word} cannot be {value!r} in Jira", fields={word: f"the field holds a {kind}"}) from None

    def _user(self, word: str, value: Any) -> dict[str, str]:
        user = value if isinstance(value, User) else User("", "", value) if "@" in str(value) else User(str(value))
        known = self._people.written(user)
        if known is None:
            raise Refused(f"nobody in Jira is {user}", fields={word: f"nobody in Jira has the address {user.email}"})
        return known


def kind_of(schema: Mapping[str, Any]) -> str:
    """The kind of field by the product's schema of it (`type`, `items`, `custom`)."""
    kind, items, custom = schema.get("type"), schema.get("items"), str(schema.get("custom", ""))
    if kind == "array":
        return {"option": "options", "user": "users", "string": "labels"}.get(str(items), "names")
    if kind == "string" and custom.endswith(":textarea"):
        return "text"
    if kind in {"priority", "version", "resolution", "issuetype", "securitylevel", "group"}:
        return "named"
    if kind == "option-with-child":
        return "option"
    return str(kind) if kind in {"string", "number", "date", "datetime", "user", "option"} else "other"


def _day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text[:10]), datetime.min.time(), UTC)


def _names(raw: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(part.get("name") or part.get("value")) if isinstance(part, dict) else str(part) for part in raw)


def _told_moment(id_: str | None, text: str) -> Value:
    for said in (id_, text):
        try:
            return moment(said or "")
        except ValueError:
            continue
    return text


def _told_number(_: str | None, text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text


def _told_list(_: str | None, text: str) -> Value:
    return tuple(part.strip() for part in text.strip("[]").split(",") if part.strip())


_READERS: Mapping[str, Callable[[Any], Value]] = {
    "string": str,
    "number": float,
    "datetime": lambda raw: moment(str(raw)),
    "date": lambda raw: _day(str(raw)),
    "option": lambda raw: str(raw["value"]) if isinstance(raw, dict) else str(raw),
    "named": lambda raw: str(raw["name"]) if isinstance(raw, dict) else str(raw),
    "options": _names,
    "names": _names,
    "labels": _names,
}
_TOLD: Mapping[str, Callable[[str | None, str], Value]] = {
    "number": _told_number,
    "datetime": _told_moment,
    "date": lambda id_, text: _day(id_ or text) if (id_ or text)[:4].isdigit() else text,
    "options": _told_list,
    "users": _told_list,
    "labels": lambda _, text: tuple(text.split()),
}
_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "string": lambda value: " ".join(_text(value).split()),
    "number": lambda value: int(value) if float(value).is_integer() else float(value),
    "datetime": written,
    "date": lambda value: value.astimezone(UTC).date().isoformat(),
    "option": lambda value: {"value": _text(value)},
    "named": lambda value: {"name": _text(value)},
    "label": lambda value: "-".join(_text(value).split()),
}
_NAMES = {
    "Component": "components",
    "Fix Version": "fixVersions",
    "Version": "versions",
    "Key": "issuekey",
    **{name: name for name in SYSTEM},
}
"""What Data Center's history calls the system's fields."""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _boolean(ours: str) -> Value:
    return {"true": True, "false": False}.get(ours, ours)


def _one(word: str, value: Value) -> Value:
    """One service is a text; of several, rules take the most critical."""
    return value[0] if word == "service" and isinstance(value, tuple) and len(value) == 1 else value
