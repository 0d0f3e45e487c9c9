"""How values of a ticket compare: equality, order and membership, each type in its own way.

Empty is known, and equals nothing but another empty word; nothing is smaller or greater than it. Levels compare by
their rank on one scale, people by any of their names, durations by length. What cannot compare is told when loaded.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from connectors.problems import nearest
from rules import duration
from rules.logic import UNKNOWN, Facts, Test, Truth
from rules.vocabulary import Type

Complain: TypeAlias = Callable[[ast.expr, str, str], None]


@dataclass(frozen=True, slots=True)
class Term:
    """One side of a comparison: a word with its type, or a literal (then `word` is empty) with its value."""

    node: ast.expr
    type: Type
    word: str = ""
    value: Any = None

    def __str__(self) -> str:
        return self.word or str(self.value)


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison that makes sense; `equality` is the word and the values of which it must have one."""

    test: Test
    words: tuple[str, ...]
    equality: tuple[str, frozenset[object]] | None = None


_CALLED: Mapping[str, str] = {
    "text": "a text",
    "number": "a number",
    "flag": "a flag",
    "moment": "a moment",
    "duration": "a duration",
    "user": "a person",
    "list": "a list",
    "entry": "a service",
}
_HINTS: Mapping[str, str] = {
    "moment": 'write {word} alone to ask whether it is set, or during({word}, "office")',
    "list": 'write "x" in {word}',
    "number": "write it without quotes: {word} > 100",
    "flag": "write {word}, or not {word}",
    **dict.fromkeys(("text", "choice", "user"), "texts stand in quotes"),
    "duration": 'write {word} > "4h"',
}
_ORDERS: Mapping[type[ast.cmpop], tuple[Callable[[Any, Any], bool], type[ast.cmpop]]] = {
    ast.Lt: (operator.lt, ast.Gt),
    ast.LtE: (operator.le, ast.GtE),
    ast.Gt: (operator.gt, ast.Lt),
    ast.GtE: (operator.ge, ast.LtE),
}
_WORDY = {"text", "choice"}
_ORDERED = frozenset({"number", "moment", "duration", "choice"})


def compare(first: Term, operator_: ast.cmpop, second: Term, wrong: Complain) -> Compared | None:
    """`first == second` (also for `!=`, which the caller negates), or an order. None where it makes no sense."""
    first, second = _entry_name(first), _entry_name(second)
    order = _ORDERS.get(type(operator_))
    if not first.word:
        if not second.word:
            wrong(first.node, "two fixed values are compared", "one side must be a field of the ticket")
            return None
        first, second = second, first
        order = None if order is None else _ORDERS[order[1]]
    if order is not None and not _has_order(first, wrong):
        return None
    if second.word:
        if not _alike(first, second, wrong):
            return None
        return _equal_words(first, second) if order is None else _ordered_words(first, second, order[0])
    literal = _literal(first, second, wrong)
    if literal is None:
        return None
    return _equal(first, literal[0]) if order is None else _ordered(first, literal[0], order[0])


def contained(first: Term, among: Sequence[Term] | Term, wrong: Complain) -> Compared | None:
    """`first in among`: a word among literals, or a text in a word that is a list. None where it makes no sense."""
    first = _entry_name(first)
    if isinstance(among, Term):
        return _in_word(first, among, wrong)
    if not first.word:
        wrong(first.node, "two fixed values are compared", "the left side must be a field of the ticket")
        return None
    if first.type.kind in {"list", "flag", "moment"}:
        hint = f'write "x" in {first.word}' if first.type.kind == "list" else ""
        wrong(first.node, f"{first.word} is {_called(first.type)}, which is in no list", hint)
        return None
    found = [_literal(first, term, wrong) for term in among]
    if None in found:
        return None
    return _among(first, frozenset(one[0] for one in found if one is not None))


def listed(first: Term, name: str, entries: Collection[str], wrong: Complain) -> Compared | None:
    """`first in lists.name`: a person among people and addresses, as written in the file. None: it makes no sense."""
    if first.type.kind != "user":
        said = first.word or _shown(first.value)
        wrong(first.node, f"{said} is {_called(first.type)}, and a list names people", "write reporter in lists.vip")
        return None
    other = sorted(entry for entry in entries if entry.partition(":")[0] not in {"person", "email"})
    if other:
        hint = "name the people themselves"
        wrong(first.node, f"lists.{name} has {other[0]}, which changes and cannot be asked for", hint)
        return None
    return _among(first, frozenset(entries))


# ---- whether two sides compare


def _entry_name(term: Term) -> Term:
    """A service compares by its name."""
    if term.type.kind != "entry":
        return term
    return replace(term, word=f"{term.word}.name", type=term.type.attributes["name"])


def _called(type_: Type) -> str:
    if type_.kind != "choice":
        return _CALLED[type_.kind]
    return f"{'an' if type_.sort[:1] in 'aeiou' else 'a'} {type_.sort}"


def _has_order(term: Term, wrong: Complain) -> bool:
    ordered = term.type.kind in _ORDERED and (term.type.kind != "choice" or bool(term.type.scale))
    if not ordered:
        hint = _HINTS[term.type.kind] if term.type.kind in {"flag", "list"} else 'compare with == or in ["…"]'
        wrong(term.node, f"{term.word} is {_called(term.type)} and has no order", hint.format(word=term.word))
    return ordered


def _alike(first: Term, second: Term, wrong: Complain) -> bool:
    one, other = first.type, second.type
    if one.kind == other.kind == "choice":
        if one.scale and other.scale and one.scale != other.scale:
            wrong(second.node, f"{first} and {second} are on two different scales", "compare each with its own levels")
            return False
        if one.scale == other.scale and (
            one.scale or one.sort == other.sort != "option" or one.options == other.options
        ):
            return True
    elif one.kind == other.kind != "list" or (
        {one.kind, other.kind} == {"text", "choice"} and not (one.scale or other.scale)
    ):
        return True
    return _unlike(first, second, wrong)


def _unlike(first: Term, second: Term, wrong: Complain) -> bool:
    wrong(second.node, f"{first} is {_called(first.type)}, {second} is {_called(second.type)}: they do not compare", "")
    return False


def _literal(word: Term, literal: Term, wrong: Complain) -> tuple[Any] | None:
    """The literal as the word's type reads it, in a tuple; None where it is none of the type."""
    kind, value = word.type.kind, literal.value
    if literal.word:
        wrong(literal.node, f"{literal.word} cannot stand in a list", "write each comparison by itself")
        return None
    if kind in {"choice", "user", "duration"} and isinstance(value, str):
        return _named(word, literal, wrong)
    if kind == {str: "text", bool: "flag"}.get(type(value), "number"):
        return (value,)
    hint = _HINTS.get(kind, "").format(word=word.word)
    wrong(literal.node, f"{word} is {_called(word.type)} and does not compare with {_shown(value)}", hint)
    return None


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _named(word: Term, literal: Term, wrong: Complain) -> tuple[Any] | None:
    value = literal.value
    if word.type.kind == "duration":
        try:
            return (duration.parse(value),)
        except ValueError as error:
            wrong(literal.node, str(error), "")
            return None
    known: Collection[str] = word.type.options
    name = value
    if word.type.kind == "user":
        if value.startswith("email:") and "@" in value:
            return (value.lower(),)
        name = value.removeprefix("person:")
    if name in known:
        return (name,)
    hint = f"for an empty field write not {word.word}" if not value else nearest(name, known)
    if not hint and len(known) <= 8:
        hint = f"there is {', '.join(known)}" if known else f"no {word.type.sort} is declared"
    wrong(literal.node, f"no {word.type.sort} {name or '(empty)'}", hint)
    return None


# ---- the tests


def _equal(word: Term, value: Any) -> Compared:
    name = word.word
    if word.type.kind == "user":
        return Compared(_user_among(name, frozenset({value})), (name,))
    if value == "" or word.type.kind == "flag":
        wanted = bool(value)

        def same_truth(facts: Facts) -> Truth:
            held = facts[name]
            return None if held is UNKNOWN else bool(held) is wanted

        return Compared(same_truth, (name,))

    def same(facts: Facts) -> Truth:
        held = facts[name]
        return None if held is UNKNOWN else held == value

    return Compared(same, (name,), (name, frozenset({value})))


def _among(word: Term, values: frozenset[Any]) -> Compared:
    name = word.word
    if "" in values:
        values |= {None}  # an empty text and an empty field are one
    if word.type.kind == "user":
        lowered = frozenset(value.lower() if "@" in value else value for value in values)
        return Compared(_user_among(name, lowered), (name,))

    def among(facts: Facts) -> Truth:
        held = facts[name]
        return None if held is UNKNOWN else held in values

    return Compared(among, (name,), None if "" in values else (name, values))


def _user_among(name: str, values: frozenset[str]) -> Test:
    def test(facts: Facts) -> Truth:
        held = facts[name]
        if held is UNKNOWN:
            return None
        return held is not None and not values.isdisjoint(held.names)

    return test


def _in_word(first: Term, second: Term, wrong: Complain) -> Compared | None:
    if not second.word or second.type.kind != "list":
        hint = f'write mentions({second.word}, "…")' if second.word and second.type.kind == "text" else ""
        wrong(second.node, f"{second} is no list", hint or 'write severity in ["medium", "high"]')
        return None
    name = second.word
    if first.word:
        if first.type.kind not in {"text", "choice"}:
            _unlike(first, second, wrong)
            return None
        return Compared(_word_in(first.word, name), (first.word, name))
    value = first.value
    if not isinstance(value, str):
        wrong(first.node, f"{name} holds texts, and {value} is none", "texts stand in quotes")
        return None
    if second.type.sort and value not in second.type.options:
        wrong(first.node, f"no {second.type.sort} {value or '(empty)'}", nearest(value, second.type.options))
        return None

    def holds(facts: Facts) -> Truth:
        held = facts[name]
        return None if held is UNKNOWN else held is not None and value in held

    return Compared(holds, (name,), (name, frozenset({value})))


def _word_in(one: str, many: str) -> Test:
    def test(facts: Facts) -> Truth:
        held, among = facts[one], facts[many]
        if held is UNKNOWN or among is UNKNOWN:
            return None
        return among is not None and held in among

    return test


def _equal_words(first: Term, second: Term) -> Compared:
    one, other = first.word, second.word

    def same(facts: Facts) -> Truth:
        held, wanted = facts[one], facts[other]
        return None if held is UNKNOWN or wanted is UNKNOWN else held == wanted

    return Compared(same, (one, other))


def _ordered(word: Term, value: Any, order: Callable[[Any, Any], bool]) -> Compared:
    name = word.word
    if word.type.kind != "choice":

        def beyond(facts: Facts) -> Truth:
            held = facts[name]
            if held is UNKNOWN:
                return None
            return held is not None and order(held, value)

        return Compared(beyond, (name,))
    # A level beyond another is one of those levels: so it is found by the index as well.
    options = word.type.options
    return _among(word, frozenset(one for rank, one in enumerate(options) if order(rank, options.index(value))))


def _ordered_words(first: Term, second: Term, order: Callable[[Any, Any], bool]) -> Compared:
    one, other = first.word, second.word
    ranks = {level: rank for rank, level in enumerate(first.type.options)} if first.type.kind == "choice" else None

    def test(facts: Facts) -> Truth:
        held, wanted = facts[one], facts[other]
        if held is UNKNOWN or wanted is UNKNOWN:
            return None
        if ranks is not None:
            held, wanted = ranks.get(held), ranks.get(wanted)
        return held is not None and wanted is not None and order(held, wanted)

    return Compared(test, (one, other))
