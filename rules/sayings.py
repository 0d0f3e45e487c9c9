"""The kinds of value with a grammar of their own: conditions and texts.

Their mistakes carry an offset inside the string; here it becomes a line and a column of the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rules import condition, text
from rules.condition import Condition
from rules.reading import Names, Reading
from rules.references import SPOKEN, TICKET_WORDS
from rules.text import SERVICE_WORDS, Template
from rules.toml import Node
from rules.values import Kind, Schema


def text_words(names: Names) -> frozenset[str]:
    """Every variable that a text may use."""
    return frozenset({*TICKET_WORDS, *SPOKEN, *SERVICE_WORDS, *names.fields, *names.of("role")})


@dataclass(frozen=True, slots=True)
class When(Kind):
    """A condition over the ticket's words."""

    def _read(self, node: Node, at: Reading) -> Condition | None:
        if not isinstance(node.value, str):
            at.unwanted(node, "a condition (a text)")
            return None
        if at.vocabulary is None:
            return None
        try:
            return condition.compile(node.value, at.vocabulary)
        except condition.Mistakes as wrong:
            for mistake in wrong.mistakes:
                at.wrong(node.inside(mistake.offset, mistake.length), mistake.message, mistake.hint)
            return None

    def _schema(self) -> Schema:
        return {
            "type": "string",
            "minLength": 1,
            "description": 'a condition over the ticket\'s words, such as: severity == "high" and not assignee',
        }


@dataclass(frozen=True, slots=True)
class Prose(Kind):
    """A text in Markdown with {{ variables }}."""

    def _read(self, node: Node, at: Reading) -> Template | None:
        return prose(node, at, text_words(at.names))

    def _schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "description": "a text in Markdown with {{ variables }}"}


def prose(node: Node, at: Reading, words: Iterable[str]) -> Template | None:
    """A text that may use these variables."""
    if not isinstance(node.value, str):
        at.unwanted(node, "a text")
        return None
    if not node.value.strip():
        at.wrong(node.where, "a text is wanted here, and this is empty")
        return None
    try:
        return Template(node.value, words)
    except text.Mistake as wrong:
        for mistake in wrong.mistakes:
            at.wrong(node.inside(mistake.offset, mistake.length), mistake.message, mistake.hint)
        return None


def says_only(template: Template, words: Iterable[str]) -> bool:
    """Whether a text uses no variables but these."""
    try:
        Template(template.source, words)
    except text.Mistake:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Texts(Kind):
    """By audience: the text that is said to it instead."""

    def _read(self, node: Node, at: Reading) -> dict[str, Template | None]:
        if not isinstance(node.value, dict):
            at.unwanted(node, 'a table such as { customers = "…" }')
            return {}
        read: dict[str, Template | None] = {}
        for audience, item in node.value.items():
            if audience not in at.names.audiences:
                at.unknown(item.key, "audience", audience, at.names.audiences)
                continue
            read[audience] = self._text(audience, item, at)
        return read

    def _text(self, audience: str, node: Node, at: Reading) -> Template | None:
        template, allowed = prose(node, at, text_words(at.names)), at.names.audiences[audience]
        if template is None or allowed is None:
            return template
        try:
            return Template(template.source, allowed)
        except text.Mistake as wrong:
            for mistake in wrong.mistakes:
                word = template.source[mistake.offset : mistake.offset + mistake.length]
                said = f"{audience} is external and may not be told {word}"
                hint = f"its fields are {', '.join(sorted(allowed))}"
                at.wrong(node.inside(mistake.offset, mistake.length), said, hint)
            return None

    def _schema(self) -> Schema:
        return {"type": "object", "additionalProperties": Prose().schema()}
