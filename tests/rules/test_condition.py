"""What conditions say: each type in its own way, with empty and unknown kept apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.model import User, Value
from rules.condition import Trace, Truth
from rules.facts import Facts
from rules.logic import UNKNOWN
from rules.model import Field
from rules.vocabulary import Vocabulary
from tests.rules.example import ANN, CEO, EMPTY, MARIA, MORNING, TOM, compiled, facts, says, ticket

Fields = dict[str, Value]


@pytest.mark.parametrize(
    ("source", "fields", "answer", "why"),
    [
        ('severity == "high"', {"severity": "high"}, True, "a level is what it is"),
        ('"high" == severity', {"severity": "high"}, True, "either way round"),
        ('severity == "high"', {}, False, "empty is known"),
        ('severity != "high"', {}, True, "not equal is exactly not equal"),
        ('severity in ["low", "high"]', {"severity": "high"}, True, "one of a list"),
        ('severity in ("low", "medium")', {"severity": "high"}, False, "parentheses are a list as well"),
        ('severity not in ["low"]', {}, True, "not in is exactly not in"),
        ('severity >= "medium"', {"severity": "high"}, True, "levels compare by rank"),
        ('severity < "medium"', {"severity": "low"}, True, "below"),
        ('"medium" <= severity', {"severity": "high"}, True, "an order turns round with its sides"),
        ('severity < "high"', {}, False, "nothing is below on empty"),
        ('severity >= "low"', {}, False, "nor above"),
        ('severity >= "low"', {"severity": "weird"}, False, "a value off the scale has no rank"),
        ('"low" < severity < "high"', {"severity": "medium"}, True, "a chain"),
        ('"low" < severity < "high"', {"severity": "high"}, False, "a chain holds throughout"),
        ("impact > service.criticality", {"impact": "critical", "service": "orders-db"}, True, "one scale, two words"),
        ("impact > service.criticality", {"impact": None, "service": "orders-db"}, False, "an empty one has no rank"),
        ("impact == service.criticality", {"impact": "high", "service": "orders-db"}, True, "equal on one scale"),
        ("affected_users > 100", {"affected_users": 101.0}, True, "numbers"),
        ("100 < affected_users <= 200", {"affected_users": 200}, True, "a chain of numbers"),
        ("affected_users > -1", {"affected_users": 0}, True, "a number below zero"),
        ("affected_users > 1e1000", {"affected_users": 5}, False, "infinity is a number"),
        ("affected_users == 3", {"affected_users": 3.0}, True, "whole and not"),
        ("affected_users < 5", {"affected_users": None}, False, "empty is not small"),
        ("affected_users", {"affected_users": 0}, False, "none"),
        ("affected_users in [1, 2]", {"affected_users": 2}, True, "a list of numbers"),
        ("security", {"security": True}, True, "a flag by itself"),
        ("security", {"security": None}, False, "an empty flag"),
        ("not security", {"security": None}, True, "its contrary"),
        ("security == True", {"security": True}, True, "spelt out"),
        ("security == False", {"security": None}, True, "spelt out, empty"),
        ("hold == security", {"security": False}, True, "two flags"),
        ('status_text == ""', {"status_text": None}, True, "an empty text and an empty field are one"),
        ('status_text in ["", "x"]', {"status_text": None}, True, "in a list, too"),
        ('status_text == "x"', {"status_text": "x"}, True, "texts are equal to the letter"),
        ('status_text == "X"', {"status_text": "x"}, False, "and to its case"),
        ("summary == key", {}, False, "two texts"),
        ("status_text == region", {"status_text": "asia", "region": "asia"}, True, "a text and an option"),
        ("promised", {"promised": MORNING}, True, "a moment is true when set"),
        ("promised", {"promised": None}, False, "and false when not"),
        ("promised >= created", {"promised": MORNING}, True, "moments compare"),
        ("promised < eta", {"promised": MORNING, "eta": None}, False, "not with empty"),
        ('during(created, "office")', {}, True, "Wednesday at ten in Berlin"),
        ('during(promised, "office")', {"promised": None}, False, "empty is never during"),
        ('during(created, "freeze")', {}, False, "no freeze in November"),
        ('service == "checkout"', {"service": "checkout"}, True, "a service by its name"),
        ('service.name in ["checkout"]', {"service": "checkout"}, True, "spelt out"),
        ("service", {"service": "checkout"}, True, "set"),
        ("service", {"service": "unheard-of"}, False, "not in the catalogue is empty"),
        ('service.criticality == "critical"', {}, False, "an attribute of nothing is empty"),
        ('service.team == "payments"', {"service": "checkout"}, True, "a team"),
        ("team == service.team", {"service": "checkout", "team": "payments"}, True, "two teams"),
        ('service.rto <= "4h"', {"service": "checkout"}, True, "durations compare by length"),
        ('service.rto == "240m"', {"service": "checkout"}, True, "and are equal by it"),
        ("service.rpo", {"service": "checkout"}, False, "no duration"),
        ('"sales" in service.departments', {"service": "checkout"}, True, "a list of names"),
        ('"sales" in service.departments', {}, False, "of nothing"),
        ('"orders-db" not in service.depends_on', {"service": "checkout"}, False, "not in"),
        ('assignee == "tom"', {"assignee": TOM}, True, "a person by key, known by address"),
        ('assignee == "person:maria"', {"assignee": MARIA}, True, "known by account"),
        ('assignee != "tom"', {"assignee": ANN}, True, "a stranger is nobody we know"),
        ('assignee != "tom"', {}, True, "nobody is not Tom"),
        ('assignee in ["maria", "tom"]', {"assignee": TOM}, True, "one of several"),
        ('assignee == "email:Tom@Example.org"', {"assignee": TOM}, True, "addresses have no case"),
        ("poc == assignee", {"poc": TOM, "assignee": User("t9", "Tommy", "TOM@example.org")}, True, "the same person"),
        ("poc == assignee", {"poc": None}, True, "both nobody"),
        ("poc == assignee", {"poc": TOM}, False, "somebody and nobody"),
        ("assignee in lists.vip", {"assignee": MARIA}, True, "on a list by key"),
        ("assignee in lists.vip", {"assignee": CEO}, True, "on a list by address"),
        ("assignee not in lists.vip", {"assignee": ANN}, True, "not on it"),
        ("# said\n  security\n and not hold # twice", {"security": True}, True, "lines and remarks"),
        ("mentions(text, 'down')", {}, True, "a word of the text"),
        ('matches(key, r"^ops-\\d+$")', {}, True, "a pattern, case-blind"),
        ('phase == "new" or not (security and hold)', {}, True, "and, or, not"),
    ],
)
def test_a_condition_says(source: str, fields: Fields, answer: Truth, why: str) -> None:
    assert says(source, fields) is answer, why


@pytest.mark.parametrize(
    ("source", "answer", "why"),
    [
        ("region", None, "not told by the tracker"),
        ('region == "asia"', None, "so it may be"),
        ('region != "asia"', None, "or may not"),
        ('region in ["asia"]', None, "in a list"),
        ("region == status_text", None, "with another word"),
        ("affected_users > 3", None, "greater"),
        ("promised > created", None, "either side"),
        ("poc == assignee", False, "a role is an act where it is not mapped: nobody has it"),
        ("security == True", None, "a flag"),
        ('assignee == "tom"', None, "a person"),
        ("assignee in lists.vip", None, "a person on a list"),
        ('"sales" in service.departments', None, "an attribute of what is unknown"),
        ("status_text in labels", None, "in a word"),
        ('mentions(status_text, "x")', None, "no text to look into"),
        ('during(promised, "office")', None, "no moment"),
        ("region and phase == 'closed'", False, "false whatever it is"),
        ("region and phase == 'new'", None, "unknown as it is"),
        ("region or phase == 'new'", True, "true whatever it is"),
        ("region or phase == 'closed'", None, "unknown as it is"),
        ("not region", None, "the contrary of unknown"),
        ("1 < affected_users < 0", None, "both halves are unknown"),
    ],
)
def test_unknown_stays_unknown_unless_it_does_not_matter(source: str, answer: Truth, why: str) -> None:
    nothing_told = replace(ticket(), fields={"assignee": ANN} if source.startswith("poc") else {})
    assert compiled(source)(Facts(nothing_told, EMPTY)) is answer, why


def test_labels_hold_texts() -> None:
    assert says('"urgent" in labels', labels=("urgent", "x")) is True
    assert says('"urgent" not in labels', labels=()) is True
    assert says("summary in labels", labels=("Checkout is down",)) is True
    assert says("summary in labels") is False


@pytest.mark.parametrize(
    ("source", "names", "equalities", "patterns"),
    [
        ('severity == "high" and not acknowledged', {"severity", "acknowledged"}, {"severity": {"high"}}, []),
        ('hold and (security and severity >= "medium")', {"hold", "security", "severity"},
         {"severity": {"medium", "high"}}, []),
        ('severity != "high" or team == "dba"', {"severity", "team"}, {}, []),
        ('severity not in ["high"] and status_text in ["", "x"]', {"severity", "status_text"}, {}, []),
        ('not (team == "dba")', {"team"}, {}, []),
        ('service == "checkout" and "x" in labels', {"service", "labels"},
         {"service.name": {"checkout"}, "labels": {"x"}}, []),
        ('mentions(text, "a", "b") and hold', {"text", "hold"}, {}, ["a|b"]),
        ('mentions(text, "a") or hold', {"text", "hold"}, {}, []),
        ('assignee == "tom"', {"assignee"}, {}, []),
    ],
)  # fmt: skip
def test_what_must_hold_is_known_beforehand(
    source: str, names: set[str], equalities: dict[str, set[object]], patterns: list[str]
) -> None:
    condition = compiled(source)
    assert condition.names == names
    assert dict(condition.equalities) == equalities
    assert [pattern.source for pattern in condition.patterns] == patterns
    assert str(condition) == source


def test_the_equality_with_fewest_values_is_the_most_selective() -> None:
    assert compiled('severity >= "medium" and team == "dba"').equality == ("team", frozenset({"dba"}))
    assert compiled("hold").equality is None


def test_every_pattern_is_found_wherever_it_stands() -> None:
    condition = compiled('not (mentions(text, "a") or (hold and matches(summary, "b")))')
    assert [(one.word, one.source) for one in condition.every_pattern()] == [("text", "a"), ("summary", "b")]


def test_a_trace_tells_every_part_also_those_that_did_not_matter() -> None:
    traced = compiled('severity == "high" and\n not (hold  or security)').trace(facts({"severity": "low"}))
    assert traced == Trace(
        'severity == "high" and not (hold or security)', False, "and", (), (
            Trace('severity == "high"', False, "", (("severity", "low"),), ()),
            Trace("not (hold or security)", None, "not", (), (
                Trace("hold or security", None, "or", (), (
                    Trace("hold", False, "", (("hold", False),), ()),
                    Trace("security", None, "", (("security", UNKNOWN),), ()),
                )),
            )),
        ),
    )  # fmt: skip
    assert repr(UNKNOWN) == "unknown"
    assert not UNKNOWN


# ---- the vocabulary


def test_a_vocabulary_without_scales_has_three_severities() -> None:
    standard = Vocabulary.standard()
    severity = standard.type_of("severity")
    assert severity is not None
    assert severity.options == ("low", "medium", "high")
    assert standard.type_of("service.team") is not None
    assert standard.type_of("service.colour") is None
    assert standard.type_of("colour") is None


def test_a_vocabulary_has_the_fields_roles_and_lists_of_the_file() -> None:
    fields = {"region": Field("region", "choice", ("asia",)), "impact": Field("impact", "choice", ("a", "b"), "s")}
    made = Vocabulary.standard({"s": ("a", "b")}, fields, {"role": ["poc"], "person": ["ann"]}, {"vip": ["person:ann"]})
    assert made.words["poc"].kind == "user"
    assert made.words["region"].sort == "option"
    assert made.words["impact"].scale == "s"
    assert made.lists == {"vip": frozenset({"person:ann"})}
    assert made.sorts("a") == ("level",)
    assert made.sorts("nothing") == ()


def test_durations_of_services_are_spans() -> None:
    assert facts({"service": "checkout"})["service.rto"] == timedelta(hours=4)
