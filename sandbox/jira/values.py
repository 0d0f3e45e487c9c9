"""A field's value three ways: as a request writes it, as an answer shows it, and as the history tells it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sandbox.jira.world import Field, Flavour, Person, Project, Site


class Invalid(Exception):
    """A value that Jira would refuse; `str()` is its message for the field."""


def moment(at: datetime) -> str:
    """A moment as Jira writes it: `2026-11-23T10:00:00.000+0000` (milliseconds, no colon in the offset)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def paragraphs(text: str) -> dict[str, Any]:
    """An ADF document that says this text, a paragraph for each line."""
    lines = [line for line in text.split("\n") if line.strip()]
    content = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines]
    return {"type": "doc", "version": 1, "content": content}


def spoken(node: Any) -> str:
    """The text of an ADF document, or of wiki text as it is: for pages, histories and webhooks."""
    if node is None or isinstance(node, str):
        return node or ""
    if node.get("type") in {"text", "emoji", "mention"}:
        return str(node.get("text") or node.get("attrs", {}).get("text", ""))
    if node.get("type") == "hardBreak":
        return "\n"
    if node.get("type") == "inlineCard":
        return str(node["attrs"].get("url", ""))
    between = "\n" if node.get("type") in _BLOCKS else ""
    return between.join(spoken(child) for child in node.get("content", ()))


_BLOCKS = {"doc", "bulletList", "orderedList", "listItem", "blockquote", "panel", "table", "tableRow", "tableCell"}


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one site. `version` is of the API that is spoken: 3 has ADF where 2 has text."""

    site: Site
    flavour: Flavour

    # ---- people

    def id_of(self, username: str) -> str:
        """What this flavour knows a person by."""
        person = self.site.people[username]
        return person.account if self.flavour == "cloud" else person.username

    def person(self, raw: Any) -> Person:
        """The person that a request means: an object with `accountId` or `id` (Cloud) or `name` (Data Center)."""
        known = raw if isinstance(raw, dict) else {}
        said = known.get("accountId") or known.get("id") if self.flavour == "cloud" else known.get("name")
        for person in self.site.people.values():
            if said and said == (person.account if self.flavour == "cloud" else person.username):
                return person
        if self.flavour == "cloud":
            raise Invalid("Specify a valid value for assignee" if said is None else f"User '{said}' does not exist.")
        raise Invalid("expected Object with a 'name'" if said is None else f"User '{said}' does not exist.")

    def show_person(self, username: str) -> dict[str, Any]:
        """A person as answers show them; Cloud leaves the address out where they keep it private."""
        person = self.site.people[username]
        shown: dict[str, Any] = {"displayName": person.name, "active": person.active, "timeZone": person.zone}
        if person.shows_email or self.flavour == "datacenter":
            shown["emailAddress"] = person.email
        if self.flavour == "cloud":
            return {"accountId": person.account, "accountType": "atlassian", **shown}
        return {"name": person.username, "key": person.key, **shown}

    # ---- a request's value

    def read(self, field: Field, raw: Any, project: Project, version: str) -> Any:
        """The value to keep. Raises Invalid."""
        if raw is None:
            if field.required:
                raise Invalid(f"{field.name} is required.")
            return () if field.kind in {"labels", "components", "options", "users"} else None
        if field.kind == "text":
            return self._text(raw, version)
        if field.kind == "components":
            return tuple(_named(part, project.components, "Component name") for part in _array(raw))
        return _READ[field.kind](self, field, raw)

    def _text(self, raw: Any, version: str) -> Any:
        if version == "3":
            if not (isinstance(raw, dict) and raw.get("type") == "doc" and raw.get("version") == 1):
                raise Invalid("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
            return raw
        if not isinstance(raw, str):
            raise Invalid("Operation value must be a string")
        return paragraphs(raw) if self.flavour == "cloud" else raw

    def _string(self, field: Field, raw: Any) -> str | None:
        if not isinstance(raw, str):
            raise Invalid("Operation value must be a string")
        if field.required and not raw.strip():
            raise Invalid("You must specify a summary of the issue.")
        if "\n" in raw:
            raise Invalid("The summary is invalid because it contains newline characters.")
        if len(raw) > 255:
            raise Invalid(f"{field.name} can't exceed 255 characters.")
        return raw or None

    def _number(self, field: Field, raw: Any) -> float:
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            raise Invalid("Operation value must be a number")
        return float(raw)

    def _datetime(self, field: Field, raw: Any) -> datetime:
        try:
            return datetime.strptime(str(raw), "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
        except ValueError:
            raise Invalid(f"Error parsing time: {raw}") from None

    def _date(self, field: Field, raw: Any) -> str:
        try:
            return date.fromisoformat(str(raw)).isoformat()
        except ValueError:
            raise Invalid(f"Error parsing date string: {raw}") from None

    def _option(self, field: Field, raw: Any) -> str:
        if not isinstance(raw, dict) or not ({"value", "id"} & set(raw)):
            raise Invalid("Specify a valid 'id' or 'name' for " + field.name)
        for option, text in field.options.items():
            if raw.get("id", option) == option and raw.get("value", text) == text:
                return text
        raise Invalid(f"Option value '{raw.get('value', raw.get('id'))}' is not valid")

    def _options(self, field: Field, raw: Any) -> tuple[str, ...]:
        return tuple(self._option(field, part) for part in _array(raw))

    def _user(self, field: Field, raw: Any) -> str:
        return self.person(raw).username

    def _users(self, field: Field, raw: Any) -> tuple[str, ...]:
        return tuple(self.person(part).username for part in _array(raw))

    def _labels(self, field: Field, raw: Any) -> tuple[str, ...]:
        for label in _array(raw):
            if not isinstance(label, str):
                raise Invalid("string expected at index 0")
            if re.search(r"\s", label):
                raise Invalid(f"The label '{label}' contains spaces which is invalid.")
            if len(label) > 255:
                raise Invalid(f"The label '{label}' exceeds the maximum length allowed for labels of 255 characters.")
        return tuple(dict.fromkeys(_array(raw)))

    def _priority(self, field: Field, raw: Any) -> str:
        try:
            return _id(raw, self.site.priorities)
        except KeyError:
            raise Invalid("The priority selected is invalid.") from None

    def _kind(self, field: Field, raw: Any) -> str:
        try:
            return _id(raw, self.site.kinds)
        except KeyError:
            raise Invalid("The issue type selected is invalid.") from None

    def _resolution(self, field: Field, raw: Any) -> str:
        try:
            return _id(raw, self.site.resolutions)
        except KeyError:
            raise Invalid("The resolution selected is invalid.") from None

    # ---- an answer's value

    def show(self, field: Field, value: Any, version: str) -> Any:
        """The value as an answer of this version of the API shows it."""
        if field.kind == "text":
            return value if version == "3" or self.flavour == "datacenter" else (spoken(value) or None)
        if field.kind in {"labels", "options", "users", "components"}:
            return [self._part(field, part) for part in value or ()]
        return None if value is None else self._part(field, value)

    def _part(self, field: Field, value: Any) -> Any:
        kind = field.kind
        if kind in {"user", "users"}:
            return self.show_person(value)
        if kind in {"option", "options"}:
            return {"value": value, "id": next(i for i, text in field.options.items() if text == value)}
        if kind == "status":
            return self.show_status(value)
        if kind in _NAMED:
            return {"id": value, "name": getattr(self.site, _NAMED[kind])[value]}
        if kind == "components":
            return {"id": self._component(value), "name": value}
        return moment(value) if kind == "datetime" else value

    def show_status(self, status: str) -> dict[str, Any]:
        """A status with its category (1 to 4 are the product's own numbers of them)."""
        known = self.site.statuses[status]
        number, name = {"new": (2, "To Do"), "indeterminate": (4, "In Progress"), "done": (3, "Done")}[known.category]
        category = {"id": number, "key": known.category, "name": name, "colorName": "blue-gray"}
        return {"id": known.id, "name": known.name, "description": "", "statusCategory": category}

    def _component(self, name: str) -> str:
        parts = (pair for project in self.site.projects.values() for pair in project.components.items())
        return next(i for i, text in parts if text == name)

    # ---- the history's value

    def told(self, field: Field, value: Any) -> tuple[str | None, str | None]:
        """A value as the history keeps it: its id (or None) and its text for people."""
        if value is None or value == ():
            return None, None
        if field.kind == "user":
            person = self.site.people[value]
            return (person.account if self.flavour == "cloud" else person.key), person.name
        if field.kind in _NAMED or field.kind == "status":
            names = {i: s.name for i, s in self.site.statuses.items()} if field.kind == "status" else {}
            return value, (names or getattr(self.site, _NAMED.get(field.kind, "kinds")))[value]
        if field.kind == "option":
            return next(i for i, text in field.options.items() if text == value), value
        return self._told_plain(field, value)

    def _told_plain(self, field: Field, value: Any) -> tuple[str | None, str | None]:
        if field.kind == "options":
            ids = [i for text in value for i, known in field.options.items() if known == text]
            return f"[{', '.join(ids)}]", ",".join(value)
        if field.kind == "users":
            return f"[{', '.join(map(self.id_of, value))}]", f"[{', '.join(map(self.id_of, value))}]"
        if field.kind == "datetime":
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"), value.strftime("%d/%b/%y %I:%M %p")
        if field.kind == "labels":
            return None, " ".join(value)
        if field.kind == "number":
            return None, f"{value:g}" if value < 1e6 else str(int(value))
        return (value if field.kind == "date" else None), spoken(value)


def _array(raw: Any) -> list[Any]:
    if not isinstance(raw, list):
        raise Invalid("data was not an array")
    return raw


def _id(raw: Any, names: Mapping[str, str]) -> str:
    """The id of what a request names by id or name. Raises KeyError."""
    if not isinstance(raw, dict):
        raise KeyError
    if "id" in raw:
        return str(raw["id"]) if str(raw["id"]) in names else names[""]
    return next((i for i, name in names.items() if name == raw.get("name")), None) or names[""]


def _named(raw: Any, names: Mapping[str, str], what: str) -> str:
    try:
        return names[_id(raw, names)]
    except KeyError:
        said = raw.get("name", raw.get("id")) if isinstance(raw, dict) else raw
        raise Invalid(f"{what} '{said}' is not valid") from None


_NAMED = {"priority": "priorities", "issuetype": "kinds", "resolution": "resolutions"}
_READ: Mapping[str, Callable[..., Any]] = {
    "string": Values._string,
    "number": Values._number,
    "datetime": Values._datetime,
    "date": Values._date,
    "option": Values._option,
    "options": Values._options,
    "user": Values._user,
    "users": Values._users,
    "labels": Values._labels,
    "priority": Values._priority,
    "issuetype": Values._kind,
    "resolution": Values._resolution,
}
