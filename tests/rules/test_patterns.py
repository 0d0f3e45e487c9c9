"""Whole words and patterns in any language, and the index that asks few rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.problems import Where
from rules.condition import Condition
from rules.facts import Facts
from rules.index import RuleIndex
from rules.model import Notify, RuleSet
from rules.patterns import LONGEST_TEXT, Match, Mention, Searched, fold
from tests.rules.example import EMPTY, compiled, ticket


@pytest.mark.parametrize(
    ("phrase", "text", "found", "why"),
    [
        ("down", "Checkout is DOWN.", True, "case does not matter"),
        ("down", "shutdown downtime", False, "only whole words"),
        ("down", "shutdown, then down", True, "a later one counts"),
        ("down", "down", True, "all of the text"),
        ("not responding", "is not\n  responding", True, "white space is white space"),
        ("not  responding", "not responding", True, "on both sides"),
        ("ausf", "ausfälle", False, "letters are letters in any script"),
        ("ausfall", "Ausfall-Meldung", True, "a hyphen ends a word"),
        ("straße", "STRAßE 5", True, "sharp s"),
        ("οδος", "ΟΔΟΣ", False, "a final sigma is not unfolded in words"),
        ("όσος", "όσος", True, "but is itself"),
        ("café", "Cafe\u0301", True, "however an accent is written"),
        ("नम", "नमस्ते", False, "a vowel sign belongs to its word"),
        ("c++", "in C++ code", True, "a word may end in signs"),
        ("c++", "c++17", True, "which end it"),
        ("#42", "see#42", True, "or begin with them"),
        ("a_b", "a_b_c", False, "the underscore belongs to a word"),
        ("x", "", False, "nothing in nothing"),
        ("down", "half a \ud800 letter: down", True, "what is broken does not hide the rest"),
    ],
)
def test_a_word_is_mentioned_as_a_whole(phrase: str, text: str, found: bool, why: str) -> None:
    assert Mention("text", [phrase]).found(Searched(text)) is found, why


def test_one_of_several_words_is_enough() -> None:
    assert Mention("text", ["outage", "down"]).found(Searched("it is down"))


def test_an_empty_word_would_be_found_everywhere() -> None:
    with pytest.raises(ValueError, match="found everywhere"):
        Mention("text", ["down", " \n"])


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        (r"error \d+", "ERROR 500", True),
        (r"\bdown\b", "shutdown", False),
        ("größe", "GRÖSSE GRÖßE", True),
        ("İstanbul", "İSTANBUL", True),
        ("a.c", "a\nc", False),
        ("^b", "a\nb", False),
        ("(a+)+$", "a" * 5_000 + "b", False),
    ],
)
def test_a_pattern_is_res_and_has_no_case(source: str, text: str, found: bool) -> None:
    assert Match("text", source).found(Searched(text)) is found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("(", "the pattern cannot be read: missing ): ("),
        ("\ud800", "the pattern holds half a character"),
        ("(?-i)A", "patterns never regard case"),
        ("(?s-i:A)", "patterns never regard case"),
        ("x" * 1_001, "a pattern has at most 1,000 characters"),
    ],
)
def test_a_pattern_that_is_none_is_told(source: str, said: str) -> None:
    with pytest.raises(ValueError, match=said[:20].replace("(", r"\(")) as wrong:
        Match("text", source)
    assert said in str(wrong.value)


def test_a_text_is_read_to_8_kilobytes() -> None:
    text = "x " * (LONGEST_TEXT // 2) + "down"
    assert not Mention("text", ["down"]).found(Searched(text))


def test_folding_changes_no_length() -> None:
    assert [len(fold(letter)) for letter in "İΣẞKÄ"] == [1] * 5


# ---- the index


def ruleset(*conditions: str | None) -> RuleSet:
    made = [None if c is None else compiled(c) for c in conditions]
    rules = (Notify(id=f"r{n}", kind="notify", where=Where(), when=when) for n, when in enumerate(made))
    return replace(EMPTY, rules=tuple(rules))


def asked(rules: RuleSet, **attributes: object) -> list[str]:
    """The rules that are asked at all."""
    facts = Facts(replace(ticket(), **attributes), rules)  # type: ignore[arg-type]
    return [rule.id for rule in rules.index.candidates("notify", facts)]


def test_rules_are_filed_under_the_rarest_value_that_they_demand() -> None:
    rules = ruleset(*(f'phase == "new" and key == "OPS-{n}" and hold' for n in range(50)))
    assert asked(rules, key="OPS-7") == ["r7"]


def test_a_rule_without_a_demand_is_always_asked() -> None:
    assert asked(ruleset('key == "OPS-1"', None, 'not (key == "OPS-1")', "hold")) == ["r1", "r2", "r3"]


def test_a_rule_is_asked_once_however_often_it_is_filed() -> None:
    assert asked(ruleset('"a" in labels and "b" in labels', 'kind in ["x", "y"]'), labels=("a", "b")) == ["r0"]


def test_a_rule_with_a_pattern_is_asked_where_it_may_be_found() -> None:
    rules = ruleset(*(f'matches(summary, "number {n}$") and phase == "new"' for n in range(20)))
    assert asked(rules, summary="Number 7") == ["r7"]
    assert asked(rules, summary="Number 77") == ["r7"]  # the filter does not look at the end
    assert asked(rules, summary="none") == []


def test_a_rule_whose_word_is_unknown_is_not_asked() -> None:
    rules = ruleset('region == "asia"', 'mentions(status_text, "down")')
    assert asked(rules) == []


def test_a_pattern_that_the_filter_cannot_judge_is_always_looked_for() -> None:
    rules = ruleset('matches(summary, "İ") and hold', r'matches(summary, "\\x41")')
    facts = Facts(ticket(summary="a"), rules)
    assert [rule.id for rule in rules.index.candidates("notify", facts)] == ["r0", "r1"]
    assert rules.rules[1].when is not None
    assert rules.rules[1].when(facts) is True


def test_a_kind_without_rules_has_no_candidates() -> None:
    index = RuleIndex(EMPTY)
    assert list(index.candidates("notify", Facts(ticket(), EMPTY))) == []
    assert index.hits("summary", Searched("x")) == frozenset()


def test_a_condition_of_no_rule_set_is_answered_all_the_same() -> None:
    condition: Condition = compiled('mentions(summary, "down")')
    assert condition(Facts(ticket(), EMPTY)) is True
