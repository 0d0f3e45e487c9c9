"""What holds of every condition, whatever its text and whatever the ticket."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import Ticket, Value
from connectors.problems import Where
from rules.condition import Mistakes, Truth
from rules.facts import Facts
from rules.logic import UNKNOWN
from rules.model import Notify
from rules.patterns import Match, Mention, Pattern, Searched
from tests.rules.example import EMPTY, compiled, ticket

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs

# ---- any text

PIECES = (
    "severity", "assignee", "text", "labels", "service.rto", "service", "lists.vip", "created", "hold", "poc", "now",
    '"high"', '"tom"', "'4h'", '""', 'r"\\d"', '"\\b"', "3", "-1", "1e9", "True", "None", "== ", "!=", "<", ">=", "=",
    " in ", " not in ", " and ", " or ", " not ", " is ", " if ", " else ", "(", ")", "[", "]", ",", ".", ":", "\n",
    "mentions(", "matches(", "during(", "#", "\\", "&&", "!", "*", "\x00", "\b", "“", "\u200b", "lambda", "é", "\r",
)  # fmt: skip


@given(st.text() | st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(string.printable))
@settings(max_examples=1_000)
def test_no_text_makes_the_parser_raise_anything_but_its_own_error(text: str) -> None:
    try:
        condition = compiled(text)
    except Mistakes as wrong:
        for one in wrong.mistakes:  # each can be underlined, or stands at the end of the text
            assert 0 <= one.offset <= len(text)
            assert one.offset + one.length <= max(1, len(text) + 1)
            assert "\n" not in one.message
    else:
        assert condition(Facts(ticket(), EMPTY)) in {True, False, None}


@given(st.text(min_size=1))
def test_any_text_in_quotes_is_that_text(text: str) -> None:
    with suppress(Mistakes):
        said = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        condition = compiled(f"status_text == {said}")
        assert condition(Facts(ticket({"status_text": text}), EMPTY)) is True


@given(st.text())
def test_no_pattern_raises_anything_but_a_value_error(source: str) -> None:
    with suppress(ValueError):
        Match("text", source).found(Searched("some text"))


# ---- any condition: its answer is that of a second reading, written another way


@dataclass(frozen=True)
class Case:
    """A condition, and what it must say of words that are a value, None, or absent."""

    source: str
    answer: Callable[[dict[str, Any]], Truth]


LEVELS = ("low", "medium", "high")


def leaf(source: str, word: str, test: Callable[[Any], bool]) -> Case:
    return Case(source, lambda words: None if words[word] is UNKNOWN else test(words[word]))


def leaves() -> st.SearchStrategy[Case]:
    level, number = st.sampled_from(LEVELS), st.integers(-2, 2)
    some = st.lists(level, min_size=1, max_size=3)
    return st.one_of(
        level.map(lambda one: leaf(f'severity == "{one}"', "severity", lambda held: held == one)),
        level.map(lambda one: leaf(f'severity != "{one}"', "severity", lambda held: held != one)),
        level.map(lambda one: leaf(f'severity > "{one}"', "severity",
                                   lambda held: held is not None and LEVELS.index(held) > LEVELS.index(one))),
        level.map(lambda one: leaf(f'"{one}" >= severity', "severity",
                                   lambda held: held is not None and LEVELS.index(held) <= LEVELS.index(one))),
        some.map(lambda ones: leaf(f"severity in {list(ones)}", "severity", lambda held: held in ones)),
        some.map(lambda ones: leaf(f"severity not in {list(ones)}", "severity", lambda held: held not in ones)),
        number.map(lambda one: leaf(f"affected_users < {one}", "affected_users",
                                    lambda held: held is not None and held < one)),
        number.map(lambda one: leaf(f"affected_users != {one}", "affected_users", lambda held: held != one)),
        st.just(leaf("security", "security", bool)),
        st.just(leaf("not status_text", "status_text", lambda held: not held)),
        st.just(leaf('mentions(status_text, "down", "not well")', "status_text",
                     lambda held: held is not None and re.search(r"(?i)\b(down|not\s+well)\b", held) is not None)),
        st.just(leaf('matches(status_text, "d.wn|x{2}")', "status_text",
                     lambda held: held is not None and re.search("(?i)d.wn|x{2}", held) is not None)),
    )  # fmt: skip


def joined(parts: list[Case], joint: str) -> Case:
    def answer(words: dict[str, Any]) -> Truth:
        said = [part.answer(words) for part in parts]
        strong = joint == "or"
        return strong if strong in said else None if None in said else not strong

    return Case(f" {joint} ".join(f"({part.source})" for part in parts), answer)


def negated(part: Case) -> Case:
    def answer(words: dict[str, Any]) -> Truth:
        said = part.answer(words)
        return None if said is None else not said

    return Case(f"not ({part.source})", answer)


CASES = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(joined, st.lists(inner, min_size=2, max_size=4), st.sampled_from(["and", "or"])),
        inner.map(negated),
    ),
    max_leaves=8,
)
STATUS = st.sampled_from([None, "it is Down", "all is not\n well", "DAWN", "shutdown", "xx"])
WORDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "severity": st.sampled_from([*LEVELS, None, UNKNOWN]),
        "affected_users": st.sampled_from([-2, -1, 0, 1, 2, None, UNKNOWN]),
        "security": st.sampled_from([True, False, None, UNKNOWN]),
        "status_text": STATUS | st.just(UNKNOWN),
    }
)


def with_words(words: dict[str, Any]) -> Ticket:
    known: dict[str, Value] = {word: value for word, value in words.items() if value is not UNKNOWN}
    return replace(ticket(), fields=known)


@given(CASES, WORDS)
@settings(max_examples=400)
def test_a_condition_says_what_its_parts_say(case: Case, words: dict[str, Any]) -> None:
    condition, facts = compiled(case.source), Facts(with_words(words), EMPTY)
    assert condition(facts) is case.answer(words)
    assert condition.trace(facts).value is case.answer(words)


@given(CASES, WORDS)
def test_what_must_hold_does_hold_where_a_condition_is_true(case: Case, words: dict[str, Any]) -> None:
    condition, facts = compiled(case.source), Facts(with_words(words), EMPTY)
    if condition(facts):
        assert all(facts[word] in values for word, values in condition.equalities)
        assert all(facts.found(pattern) for pattern in condition.patterns)


@given(st.lists(CASES, max_size=12), st.lists(WORDS, min_size=1, max_size=4))
def test_the_index_misses_no_rule_that_holds(cases: list[Case], tickets: list[dict[str, Any]]) -> None:
    rules = [Notify(id=f"r{n}", kind="notify", where=Where(), when=compiled(c.source)) for n, c in enumerate(cases)]
    always = Notify(id="always", kind="notify", where=Where())
    off = Notify(id="off", kind="notify", where=Where(), mode="off")
    indexed = replace(EMPTY, rules=(*rules, always, off))
    for words in tickets:
        facts = Facts(with_words(words), indexed)
        found = [rule.id for rule in indexed.index.candidates("notify", facts) if rule.when is None or rule.when(facts)]
        assert found == [*(f"r{n}" for n, case in enumerate(cases) if case.answer(words) is True), "always"]


# ---- any text to look into

LETTERS = st.text("aAkKsSſKßẞiIİıσςΣ éÉe\u0301_-1 \n", max_size=12)


@given(st.lists(LETTERS, min_size=1, max_size=8), st.lists(LETTERS, min_size=1, max_size=8), LETTERS)
@settings(max_examples=400)
def test_the_filter_misses_no_pattern_that_is_found(words: list[str], sources: list[str], text: str) -> None:
    patterns: list[Pattern] = []
    for word in words:
        with suppress(ValueError):
            patterns.append(Mention("summary", [word, f"{word}x"]))
    patterns.extend(Match("summary", re.escape(source)) for source in sources)
    rules = replace(EMPTY, rules=(_looking_for(patterns),))
    searched = Searched(f"{text} {words[0]} {sources[0]}")
    found = {pattern for pattern in patterns if pattern.found(searched)}
    assert found <= rules.index.hits("summary", searched)
    assert Match("summary", re.escape(sources[0])) is not patterns[-1]


def _looking_for(patterns: list[Pattern]) -> Notify:
    when = compiled("hold")
    parts = tuple(replace(when.part, pattern=pattern) for pattern in patterns)
    whole = replace(when, part=replace(when.part, joint="or", parts=parts))
    return Notify(id="one", kind="notify", where=Where(), when=whole)
