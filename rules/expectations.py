"""The kinds of value of a `[[test]]`: the words of a made-up ticket, and what must follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.model import PHASES
from rules import duration
from rules.model import Field
from rules.outcomes import settable, value_of
from rules.reading import Names, Reading
from rules.references import TICKET_WORDS, To
from rules.toml import Node
from rules.values import Kind, ListOf, Schema, Text


def _fields(names: Names) -> Mapping[str, Field]:
    words: dict[str, Field] = {}
    for word, type_ in TICKET_WORDS.items():
        if word != "text":
            words[word] = Field(word, "text") if type_ in {"user", "choice"} else Field(word, type_)  # type: ignore[arg-type]  # the others are types of fields
    team = Field("team", "choice", tuple(names.of("team")))
    return {**words, **settable(names), "phase": Field("phase", "choice", PHASES), "team": team}


def _word(word: str, node: Node, at: Reading) -> Any:
    fields = _fields(at.names)
    if word == "labels":
        return ListOf(Text("a label"), 0).read(node, at)
    if word in fields:
        return value_of(fields[word], node, at)
    at.unknown(node.key, "field", word, fields)
    return None


@dataclass(frozen=True, slots=True)
class TicketWords(Kind):
    """What a made-up ticket holds."""

    def _read(self, node: Node, at: Reading) -> dict[str, Any]:
        if not isinstance(node.value, dict):
            at.unwanted(node, 'a table such as { summary = "Checkout is down" }')
            return {}
        return {word: _word(word, item, at) for word, item in node.value.items()}

    def _schema(self) -> Schema:
        return {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "array"]}}


@dataclass(frozen=True, slots=True)
class Expectation(Kind):
    """What must follow: words of the ticket, and by `after 6m` the recipients called by then."""

    def _read(self, node: Node, at: Reading) -> dict[str, Any]:
        if not isinstance(node.value, dict):
            at.unwanted(node, 'a table such as { severity = "high", "after 6m" = ["on-call:team"] }')
            return {}
        read: dict[str, Any] = {}
        for word, item in node.value.items():
            if word.startswith("after "):
                try:
                    duration.parse(word.removeprefix("after "))
                except ValueError as error:
                    at.wrong(item.key, str(error))
                read[word] = ListOf(To(), 0).read(item, at)
            else:
                read[word] = _word(word, item, at)
        return read

    def _schema(self) -> Schema:
        return {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "array"]}}
