"""The kinds of value by which a rule decides fields: what they are set to, from which numbers on, at least what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from connectors.model import Value
from rules.model import Field
from rules.reading import Names, Reading
from rules.references import option
from rules.toml import Node
from rules.values import Flag, Kind, Moment, Number, Schema, Text, key_of


def settable(names: Names) -> Mapping[str, Field]:
    """The words that a rule may set, as fields."""
    severity = Field("severity", "choice", names.scales["severity"], "severity")
    service = Field("service", "choice", tuple(names.of("service")))
    return {"severity": severity, "service": service, **names.fields}


@dataclass(frozen=True, slots=True)
class Setting(Kind):
    """What fields are set to: each value of its field's type, each option one of the field's."""

    def _read(self, node: Node, at: Reading) -> dict[str, Value]:
        if not isinstance(node.value, dict):
            at.unwanted(node, 'a table such as { severity = "high" }')
            return {}
        fields = settable(at.names)
        read: dict[str, Value] = {}
        for word, item in node.value.items():
            if word in fields:
                read[word] = value_of(fields[word], item, at)
            elif word in {"team", "assignee"}:
                at.wrong(item.key, f"{word} is not set by classify", "an [[assign]] rule does that")
            else:
                at.unknown(item.key, "field to set", word, fields)
        return read

    def _schema(self) -> Schema:
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        }


def value_of(field: Field, node: Node, at: Reading) -> Value:
    """A value for a field, checked by the field's type."""
    if field.type == "choice":
        return option(node, at, field.name, field.options, "level" if field.scale else "option")
    kinds: Mapping[str, Kind] = {"text": Text(), "number": Number(), "flag": Flag(), "moment": Moment()}
    value: Value = kinds[field.type].read(node, at)
    if isinstance(value, datetime) and value.tzinfo is None:
        at.wrong(node.where, "this moment has no time zone", "end it with Z or an offset such as +01:00")
    return float(value) if field.type == "number" and isinstance(value, int) else value


@dataclass(frozen=True, slots=True)
class Thresholds(Kind):
    """By field of type number: from which number on the severity is at which level."""

    def _read(self, node: Node, at: Reading) -> dict[str, tuple[tuple[float, str], ...]]:
        if not isinstance(node.value, dict):
            at.unwanted(node, "a table such as { affected_users = { high = 1000 } }")
            return {}
        return {word: self._field(word, item, at) for word, item in node.value.items()}

    def _field(self, word: str, node: Node, at: Reading) -> tuple[tuple[float, str], ...]:
        numbers = [name for name, field in at.names.fields.items() if field.type == "number"]
        if word in at.names.fields and word not in numbers:
            at.wrong(node.key, f"{word} is a {at.names.fields[word].type}", "thresholds are of numbers")
        elif word not in numbers:
            at.unknown(node.key, "field", word, numbers)
        if not isinstance(node.value, dict):
            at.unwanted(node, "a table such as { high = 1000, medium = 100 }")
            return ()
        levels = at.names.scales["severity"]
        reached: dict[str, float] = {}
        for level, item in node.value.items():
            option(key_of(level, item), at, "severity", levels, "level")
            number = Number().read(item, at)
            if number is not None:
                reached[level] = number
        highest = [(reached[level], level) for level in reversed(levels) if level in reached]
        for (number, level), (below, lower) in pairwise(highest):
            if number <= below:
                at.wrong(node.value[level].where, f"{level} is reached at {number:g}, before {lower} at {below:g}")
        return tuple(highest)

    def _schema(self) -> Schema:
        levels = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "number"}}
        return {"type": "object", "minProperties": 1, "additionalProperties": levels}


@dataclass(frozen=True, slots=True)
class Floors(Kind):
    """By word with a scale: the level that it is at least."""

    def _read(self, node: Node, at: Reading) -> dict[str, str | None]:
        if not isinstance(node.value, dict):
            at.unwanted(node, 'a table such as { severity = "medium" }')
            return {}
        scaled = {word: field for word, field in settable(at.names).items() if field.scale}
        read: dict[str, str | None] = {}
        for word, item in node.value.items():
            if word not in scaled:
                at.unknown(item.key, "field with a scale", word, scaled)
            else:
                read[word] = option(item, at, word, scaled[word].options, "level")
        return read

    def _schema(self) -> Schema:
        return {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
