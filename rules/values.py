"""What may stand behind a key of a rule file: texts, numbers, durations, lists, tables.

Each kind of value reads itself from a node and describes itself to editors as JSON Schema, so what is checked and
what an editor suggests come from one place. Kinds that name something live in `rules.references`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from connectors.problems import nearest
from rules import duration
from rules.reading import Reading
from rules.toml import Node

Schema = dict[str, Any]


class Kind(ABC):
    """One kind of value."""

    def read(self, node: Node, at: Reading) -> Any:
        """The value; where it is wrong that is told to `at`, and what is answered is not to be used."""
        return self._read(node, at)

    def schema(self) -> Schema:
        """The same, told to editors."""
        return self._schema()

    @abstractmethod
    def _read(self, node: Node, at: Reading) -> Any: ...

    @abstractmethod
    def _schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """Words that mean nothing to us, or that must look like `pattern` (which `wanted` puts in words)."""

    wanted: str = "a text"
    pattern: str = ""

    def _read(self, node: Node, at: Reading) -> str | None:
        if not isinstance(node.value, str):
            at.unwanted(node, self.wanted)
        elif not node.value.strip():
            at.wrong(node.where, f"{self.wanted} is wanted here, and this is empty")
        elif self.pattern and not re.fullmatch(self.pattern, node.value):
            meant = next(filter(re.compile(self.pattern).fullmatch, _cases(node.value)), "")
            at.wrong(node.said, f"{node.value} is not {self.wanted}", meant and f'write "{meant}"')
        else:
            return node.value
        return None

    def _schema(self) -> Schema:
        pattern = {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {"minLength": 1}
        return {"type": "string", "description": self.wanted, **pattern}


def _cases(said: str) -> tuple[str, ...]:
    """A text in other cases, where its own is one of these throughout: `mon` for `Mon`, and `DE-BE` for `de-be`."""
    cases = (said.lower(), said.upper(), said.capitalize(), said.title())
    return cases if said in cases else ()


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """True or false."""

    def _read(self, node: Node, at: Reading) -> bool | None:
        if isinstance(node.value, bool):
            return node.value
        at.unwanted(node, "true or false")
        return None

    def _schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """A number, whole where `whole` says so, from `least` to `most`."""

    least: float | None = None
    most: float | None = None
    whole: bool = False

    def _read(self, node: Node, at: Reading) -> float | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            at.unwanted(node, "a whole number" if self.whole else "a number")
        elif self.whole and not isinstance(value, int):
            at.wrong(node.where, f"{value} is no whole number")
        elif value != value or value in (float("inf"), float("-inf")):
            at.wrong(node.where, "a finite number is wanted here")
        elif self.least is not None and value < self.least:
            at.wrong(node.where, f"{value} is below {self.least:g}")
        elif self.most is not None and value > self.most:
            at.wrong(node.where, f"{value} is above {self.most:g}")
        else:
            return value
        return None

    def _schema(self) -> Schema:
        limits = {"minimum": self.least, "maximum": self.most}
        found = {word: limit for word, limit in limits.items() if limit is not None}
        return {"type": "integer" if self.whole else "number", **found}


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of the language's own words; `sort` is what such a word is called."""

    sort: str
    options: tuple[str, ...]

    def _read(self, node: Node, at: Reading) -> str | None:
        if not isinstance(node.value, str):
            at.unwanted(node, f"a {self.sort}")
        elif node.value not in self.options:
            at.unknown(node.said, self.sort, node.value, self.options, ours=True)
        else:
            return node.value
        return None

    def _schema(self) -> Schema:
        return {"enum": list(self.options)}


@dataclass(frozen=True, slots=True)
class Duration(Kind):
    """A time span such as `1h30m`."""

    def _read(self, node: Node, at: Reading) -> timedelta | None:
        if not isinstance(node.value, str):
            at.unwanted(node, 'a duration such as "1h30m"')
            return None
        try:
            return duration.parse(node.value)
        except ValueError as error:
            at.wrong(node.said, str(error))
            return None

    def _schema(self) -> Schema:
        return {
            "type": "string",
            "description": "a duration in descending units, such as 1h30m",
            "pattern": "^(?=.)(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?$",
        }


@dataclass(frozen=True, slots=True)
class Due(Kind):
    """A duration, or a share of the service's goal: `25% of rto`."""

    def _read(self, node: Node, at: Reading) -> timedelta | str | None:
        if isinstance(node.value, str) and "%" in node.value:
            return Text('a share such as "25% of rto"', _SHARE)._read(node, at)
        return Duration()._read(node, at)

    def _schema(self) -> Schema:
        return {
            "description": 'a duration, or a share such as "25% of rto"',
            "anyOf": [Duration().schema(), {"type": "string", "pattern": f"^{_SHARE}$"}],
        }


_SHARE = "[1-9][0-9]?% of (?:rto|rpo)"


@dataclass(frozen=True, slots=True)
class Zone(Kind):
    """A time zone of the IANA database."""

    def _read(self, node: Node, at: Reading) -> ZoneInfo | None:
        if not isinstance(node.value, str):
            at.unwanted(node, 'a time zone such as "Europe/Berlin"')
            return None
        try:
            return ZoneInfo(node.value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            hint = nearest(node.value, available_timezones()) or 'zones are named like "Europe/Berlin"'
            at.wrong(node.said, f"no time zone {node.value or '(empty)'}", hint)
            return None

    def _schema(self) -> Schema:
        return {"type": "string", "description": "a time zone such as Europe/Berlin"}


@dataclass(frozen=True, slots=True)
class Dates(Kind):
    """A range of days, both ends counted: `2026-12-19/2027-01-03`, or one day."""

    def _read(self, node: Node, at: Reading) -> tuple[date, date] | None:
        if isinstance(node.value, date) and not isinstance(node.value, datetime):
            return node.value, node.value
        if not isinstance(node.value, str):
            at.unwanted(node, 'a range of days such as "2026-12-19/2027-01-03"')
            return None
        first, _, last = node.value.partition("/")
        try:
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError:
            at.wrong(node.said, f"{node.value} is no range of days", 'write "2026-12-19/2027-01-03"')
            return None
        if end < start:
            at.wrong(node.said, f"{node.value} ends before it begins")
        return start, end

    def _schema(self) -> Schema:
        day = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
        return {
            "type": "string",
            "description": "a range of days, both ends counted",
            "pattern": f"^{day}(?:/{day})?$",
        }


@dataclass(frozen=True, slots=True)
class Day(Kind):
    """One day, written as a date without quotes."""

    def _read(self, node: Node, at: Reading) -> date | None:
        if isinstance(node.value, date) and not isinstance(node.value, datetime):
            return node.value
        at.unwanted(node, "a date such as 2026-11-23 (without quotes)")
        return None

    def _schema(self) -> Schema:
        return {"type": "string", "format": "date", "description": "a date such as 2026-11-23, without quotes"}


@dataclass(frozen=True, slots=True)
class Moment(Kind):
    """A date with a time, written without quotes; without an offset it is in the table's or the default time zone."""

    def _read(self, node: Node, at: Reading) -> datetime | None:
        if isinstance(node.value, datetime):
            return node.value
        if isinstance(node.value, date):
            at.wrong(node.where, f"{node.value} is a day without a time", f"write {node.value}T00:00:00")
        else:
            at.unwanted(node, "a date and time such as 2026-12-24T18:00:00 (without quotes)", _moment_meant(node.value))
        return None

    def _schema(self) -> Schema:
        return {"type": "string", "description": "a date and time such as 2026-12-24T18:00:00, without quotes"}


def _moment_meant(said: object) -> str:
    """How a moment that was written as a text, or that is a time of day, is to be written."""
    with suppress(ValueError):
        if isinstance(said, time) or (isinstance(said, str) and time.fromisoformat(said)):
            return "hours of every day stand in a calendar, which is named with during"
    with suppress(ValueError):
        return f"write {datetime.fromisoformat(said).isoformat()}" if isinstance(said, str) else ""
    return ""


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """A list of values of one kind, at least `least` of them, none twice where it can be told."""

    item: Kind
    least: int = 1

    def _read(self, node: Node, at: Reading) -> tuple[Any, ...]:
        if not isinstance(node.value, list):
            at.unwanted(node, "a list", f'write ["{node.value}"]' if isinstance(node.value, str) else "")
            return ()
        if len(node.value) < self.least:
            wanted = "an entry is" if self.least == 1 else "two entries are"
            at.wrong(node.where, f"{wanted} wanted in this list")
        seen: set[Any] = set()
        for item in node.value:
            if isinstance(item.value, str):
                if item.value in seen:
                    at.wrong(item.said, f"{item.value} is there twice")
                seen.add(item.value)
        return tuple(self.item.read(item, at) for item in node.value)

    def _schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), "minItems": self.least}


@dataclass(frozen=True, slots=True)
class TableOf(Kind):
    """A table whose keys are names: each value is of one kind. `name` says what a new name looks like."""

    value: Kind
    name: Kind
    least: int = 0

    def _read(self, node: Node, at: Reading) -> dict[str, Any]:
        if not isinstance(node.value, dict):
            at.unwanted(node, "a table")
            return {}
        if len(node.value) < self.least:
            at.wrong(node.where, "an entry is wanted in this table")
        for key, item in node.value.items():
            self.name.read(key_of(key, item), at)
        return {key: self.value.read(item, at) for key, item in node.value.items()}

    def _schema(self) -> Schema:
        return {
            "type": "object",
            "additionalProperties": self.value.schema(),
            "propertyNames": self.name.schema(),
        }


def key_of(key: str, node: Node) -> Node:
    """A key as a value of its own, to be read by the kind of name that it is."""
    made = Node(key, node.document)
    made.start, made.end = (node.key_start, node.key_end) if node.key_start >= 0 else (node.start, node.end)
    return made


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table: the kind of its value, whether it must be there, and what it is for."""

    kind: Kind
    about: str = ""
    required: bool = False


@dataclass(frozen=True)
class Record(Kind):
    """A table with these keys and no others; `hints` say what to write instead of some that are often looked for."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)

    wanted: ClassVar[str] = "a table"

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The keys that must be there."""
        return tuple(name for name, key in self.keys.items() if key.required)

    def _read(self, node: Node, at: Reading) -> dict[str, Any]:
        return self.read_over({}, node, at)

    def read_over(self, given: Mapping[str, Any], node: Node, at: Reading) -> dict[str, Any]:
        """Read the table where `given` holds values for keys that it does not have itself."""
        if not isinstance(node.value, dict):
            at.unwanted(node, self.wanted)
            return {}
        for key in self.required:
            if key not in node.value and key not in given:
                about = f" ({self.keys[key].about})" if self.keys[key].about else ""
                at.wrong(node.where, f"{key} is missing{about}")
        read = dict(given)
        for key, item in node.value.items():
            if key in self.keys:
                read[key] = self.keys[key].kind.read(item, at)
            else:
                self.unknown(key, item, at)
        return read

    def unknown(self, key: str, item: Node, at: Reading) -> None:
        """Tell that the table has no such key."""
        hint = self.hints.get(key) or nearest(key, self.keys) or f"it may say {', '.join(self.keys)}"
        at.wrong(item.key, f"no key {key} here", hint)

    def _schema(self) -> Schema:
        properties = {}
        for name, key in self.keys.items():
            properties[name] = _described(key.about, key.kind.schema())
        must = {"required": list(self.required)} if self.required else {}
        return {"type": "object", "properties": properties, "additionalProperties": False, **must}


def _described(about: str, schema: Schema) -> Schema:
    """What a key is for, and then how its value is written: both are shown when an editor points at it."""
    one = schema if isinstance(schema.get("items"), list) else schema.get("items", schema)  # a list: one for each place
    written = one.get("description", "")
    parts = (part for part in (about, "" if written in _PLAIN else written) if part)
    return {**schema, "description": "; ".join(parts)}


_PLAIN = frozenset({"a text", "a skill", "an option"})
