"""The kinds of value of a `[[test]]`: the words of a made-up ticket, what happens to it, and what must follow.

Each name in them is checked as it is in a rule. What was turned down: a language of its own for tests, as the words
of the ticket and the recipients of the rules say it all; and texts to compare, since a test should outlive a comma.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.model import PHASES, Value
from connectors.problems import Where
from rules import duration
from rules.case import Expected
from rules.model import Field
from rules.outcomes import settable, value_of
from rules.reading import Names, Reading
from rules.references import EMAIL, TICKET_WORDS, To, changeable
from rules.toml import Node
from rules.values import Flag, Kind, ListOf, Schema, Text

AFTER = "after "
EXPECT = "expect "
CALLED: Mapping[str, str] = {
    "called": "everybody whom an escalation has called by then, [] for nobody",
    "told": "everybody who was sent a message by then, [] for nobody",
}
"""What may be expected beside words."""
STATES: Mapping[str, Kind] = {"restricted": Flag(), "channel": ListOf(Text("a channel's name"), 0)}
"""Beside those: whether the ticket is restricted, and which channels were opened by then, [] for none.

A field of that name comes first.
"""

_VALUE: Schema = {"type": ["string", "number", "boolean", "array"]}
_TOS = ListOf(To(rooms=True), 0)
_NOT_MADE: Mapping[str, str] = {
    "acknowledged": 'somebody does that: then = [{ after = "5m", by = "maria", acknowledge = true }]',
    "updated": "the clock of the test does that",
    "text": "it is summary and description",
}
_NEVER_EMPTY = ("phase", "key", "created")


@dataclass(frozen=True, slots=True)
class TicketWords(Kind):
    """What a made-up ticket holds, or with `later` what becomes of it."""

    later: bool = False

    def _read(self, node: Node, at: Reading) -> dict[str, Value]:
        if not isinstance(node.value, dict):
            at.unwanted(node, 'a table such as { summary = "Checkout is down" }')
            return {}
        known = self.known(at.names)
        said = {word: item for word, item in node.value.items() if self.knows(word, item.key, at, known)}
        return {word: _read_word(word, item, at) for word, item in said.items()}

    def known(self, names: Names) -> tuple[str, ...]:
        """The words that it may hold."""
        allowed = changeable(names) if self.later else _words(names)
        return tuple(word for word in allowed if word not in _NOT_MADE)

    def knows(self, word: str, where: Where, at: Reading, known: Sequence[str]) -> bool:
        """Whether a word is one of these; tells where it is not."""
        if word in _NOT_MADE:
            at.wrong(where, f"{word} is not set by hand", _NOT_MADE[word])
        elif self.later and word in TICKET_WORDS and word not in known:
            at.wrong(where, f"{word} does not change")
        elif word not in known:
            at.unknown(where, "field", word, known)
        return word in known

    def _schema(self) -> Schema:
        return {"type": "object", "additionalProperties": _VALUE}


@dataclass(frozen=True, slots=True)
class Expectation(Kind):
    """What must follow: words of the ticket, whom it calls and tells, and the same by `after 6m`."""

    def _read(self, node: Node, at: Reading) -> tuple[Expected, ...]:
        if not isinstance(node.value, dict):
            at.unwanted(node, 'a table such as { severity = "high", "after 6m" = ["on-call:team"] }')
            return ()
        return tuple(one for word, item in node.value.items() for one in self.read_one(word, item, item.key, at))

    def read_one(self, word: str, item: Node, where: Where, at: Reading) -> Iterator[Expected]:
        """What one key expects; `where` it stands."""
        if not word.startswith(AFTER):
            yield from _expected(word, item, where, timedelta(0), at)
            return
        after = _after(word, where, at)
        if isinstance(item.value, dict):
            for inner, value in item.value.items():
                yield from _expected(inner, value, value.key, after, at)
        else:
            yield Expected("called", _TOS.read(item, at), where, after)

    def _schema(self) -> Schema:
        said = {word: {**_TOS.schema(), "description": about} for word, about in CALLED.items()}
        then = {"type": "object", "properties": said, "additionalProperties": _VALUE}
        return {
            "type": "object",
            "properties": said,
            "patternProperties": {f"^{AFTER}": {"anyOf": [_TOS.schema(), then]}},
            "additionalProperties": _VALUE,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its words, what they lead to, and how it differs from the other rows, in words."""

    ticket: Mapping[str, Value]
    expect: tuple[Expected, ...]
    label: str
    where: Where


@dataclass(frozen=True, slots=True)
class Rows(Kind):
    """A table of tickets: a row of headings (words, and `expect` with what is expected), then a row for each."""

    def _read(self, node: Node, at: Reading) -> tuple[Row, ...]:
        if not isinstance(node.value, list):
            at.unwanted(node, 'a list of rows such as [["summary", "expect severity"], ["It is down", "high"]]')
            return ()
        others = [row for row in node.value if not isinstance(row.value, list)]
        for row in others:
            at.unwanted(row, "a row in brackets")
        if len(node.value) < 2:
            at.wrong(node.where, "a row of headings and one more are wanted in this list")
        if others or len(node.value) < 2:
            return ()
        heads, *rows = node.value
        if not self._headed(heads.value, at):
            return ()
        if not any(head.value.startswith(EXPECT) for head in heads.value):
            at.wrong(heads.where, "no heading says what is expected", 'such as "expect severity"')
        return tuple(self._row(heads.value, row, at) for row in rows)

    def _headed(self, heads: Sequence[Node], at: Reading) -> bool:
        """Whether the headings can be read; each is told what is wrong with it."""
        before, known = at.errors, TicketWords().known(at.names)
        seen: set[str] = set()
        strange = False  # not an error by itself: where a pack is missing nobody can say what words there are
        for head in heads:
            word = head.value
            if not isinstance(word, str):
                at.unwanted(head, 'a heading such as "summary" or "expect severity"')
                continue
            if word in seen:
                at.wrong(head.said, f"{word} is there twice")
            elif not word.startswith(EXPECT):
                strange |= not TicketWords().knows(word, head.said, at, known)
            else:
                self._expecting(head, word.removeprefix(EXPECT), at)
            seen.add(word)
        return at.errors == before and not strange

    def _expecting(self, head: Node, word: str, at: Reading) -> None:
        where = head.inside(len(EXPECT), len(word))
        if word.startswith(AFTER):
            _after(word, where, at)
        else:
            _can_be_expected(word, where, at)

    def _row(self, heads: Sequence[Node], row: Node, at: Reading) -> Row:
        cells = row.value
        if len(cells) != len(heads):
            at.wrong(row.where, f"this row has {len(cells)} values under {len(heads)} headings")
            return Row({}, (), "", row.where)
        ticket: dict[str, Value] = {}
        expect: list[Expected] = []
        said: list[str] = []
        for head, cell in zip(heads, cells, strict=True):
            word = head.value.removeprefix(EXPECT)
            if word != head.value:
                expect.extend(Expectation().read_one(word, cell, cell.where, at))
            elif cell.value != "":  # nothing is said of it in this row
                ticket[word] = _read_word(word, cell, at)
                said.append(f"{word} {_said(cell.value)}")
        return Row(ticket, tuple(expect), ", ".join(said), row.where)

    def _schema(self) -> Schema:
        return {"type": "array", "items": {"type": "array", "items": _VALUE, "minItems": 1}, "minItems": 2}


def _said(value: Any) -> str:
    return ", ".join(str(item.value) for item in value) if isinstance(value, list) else str(value)


def _after(word: str, where: Where, at: Reading) -> timedelta:
    """How long after is meant by `after 6m`; nothing where it is wrong."""
    try:
        return duration.parse(word.removeprefix(AFTER))
    except ValueError as error:
        at.wrong(where, str(error))
        return timedelta(0)


def _expected(word: str, item: Node, where: Where, after: timedelta, at: Reading) -> Iterator[Expected]:
    if word in CALLED:
        yield Expected(word, _TOS.read(item, at), where, after)
        return
    if not _can_be_expected(word, where, at):
        return
    if word in STATES and word not in _words(at.names):
        yield Expected(word, STATES[word].read(item, at), where, after)
        return
    if _words(at.names)[word] == "moment" and not isinstance(item.value, datetime) and item.value != "":
        yield Expected(word, Flag().read(item, at), where, after)  # whether it is there
    else:
        yield Expected(word, _read_word(word, item, at), where, after)


def _can_be_expected(word: str, where: Where, at: Reading) -> bool:
    known = [known for known in (*_words(at.names), *CALLED, *STATES) if known != "text"]
    if word not in known:
        at.unknown(where, "field", word, [*known, f"{AFTER}6m"])
    return word in known


def _words(names: Names) -> Mapping[str, str]:
    """All words of a ticket, with their types."""
    return {**TICKET_WORDS, **changeable(names)}


def _read_word(word: str, node: Node, at: Reading) -> Any:
    """The value of a word that exists, checked by its type; an empty text is an empty word."""
    if node.value == "" and word not in _NEVER_EMPTY:
        return None
    types = _words(at.names)
    if word == "labels":
        return ListOf(Text("a label"), 0).read(node, at)
    if types[word] == "user":
        return _somebody(node, at)
    return value_of(_field(word, types[word], at.names), node, at)


def _somebody(node: Node, at: Reading) -> str | None:
    """A person of the ticket: by their name in `[people]`, or `email:ceo@example.org`."""
    if not isinstance(node.value, str):
        at.unwanted(node, 'a person such as "maria" or "email:ceo@example.org"')
        return None
    kind, colon, address = node.value.partition(":")
    if kind == "email" and colon:
        if re.fullmatch(EMAIL.pattern, address) is None:
            at.wrong(node.inside(len("email:"), len(address)), f"{address or '(empty)'} is no address of email")
        return node.value
    name = node.value.removeprefix("person:")
    if name not in at.names.of("person"):
        at.unknown(node.inside(len(node.value) - len(name), len(name)), "person", name, at.names.of("person"))
    return name


def _field(word: str, type_: str, names: Names) -> Field:
    if word in (known := settable(names)):
        return known[word]
    options = {"phase": PHASES, "team": tuple(names.of("team"))}
    if word in options:
        return Field(word, "choice", options[word])
    return Field(word, "text" if type_ == "choice" else type_)  # type: ignore[arg-type]  # the others are types of fields
