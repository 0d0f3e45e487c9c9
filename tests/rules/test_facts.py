"""A ticket's words as rules see them: empty, unknown, and in their declared type."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.model import Change, User, Value
from rules.facts import Facts, Who
from rules.logic import UNKNOWN
from rules.patterns import Mention
from tests.rules.example import ANN, COMPANY, EMPTY, MARIA, MORNING, TOM, facts, later, rules, ticket


@pytest.mark.parametrize(
    ("word", "value", "read", "why"),
    [
        ("affected_users", "1400", 1400.0, "a number written as text"),
        ("affected_users", "many", UNKNOWN, "prose says nothing about numbers"),
        ("affected_users", ("1",), UNKNOWN, "nor does a list"),
        ("affected_users", True, UNKNOWN, "nor a flag"),
        ("affected_users", 3, 3, "a number"),
        ("security", "Yes", True, "a flag as a select field has it"),
        ("security", "no", False, "the other option"),
        ("security", "perhaps", UNKNOWN, "a third"),
        ("security", ("Yes",), True, "a box that is ticked"),
        ("security", ("Personal data",), True, "whatever its label"),
        ("security", ("no",), False, "unless it says no"),
        ("security", False, False, "a flag"),
        ("promised", "2026-11-18T10:00:00+01:00", MORNING, "a moment written as text"),
        ("promised", "2026-11-18", MORNING.replace(hour=0), "a day begins in UTC where nothing is said"),
        ("promised", "soon", UNKNOWN, "no moment"),
        ("promised", MORNING, MORNING, "a moment"),
        ("status_text", 3.0, "3", "a number as text"),
        ("status_text", 3.5, "3.5", "another"),
        ("status_text", ("a", "b"), "a, b", "several texts"),
        ("status_text", "", None, "an empty text is empty"),
        ("region", "asia", "asia", "an option"),
        ("region", (), None, "no option"),
        ("severity", None, None, "empty"),
        ("undeclared", "x", "x", "what no rule declares is as it is"),
    ],
)
def test_a_value_is_read_in_its_declared_type(word: str, value: Value, read: Any, why: str) -> None:
    assert facts({word: value})[word] == read, why


def test_a_word_the_tracker_does_not_tell_is_unknown() -> None:
    nothing = Facts(replace(ticket(), fields={}), EMPTY)
    assert [nothing[word] for word in ("severity", "team", "assignee", "service", "service.rto")] == [UNKNOWN] * 5
    assert (nothing["poc"], nothing["eta"], nothing["last_recovery_point"]) == (None, None, None)


def test_what_people_said_through_us_counts_where_no_field_is_mapped() -> None:
    told = ticket().having({"eta": later(hours=2), "poc": TOM}, later(minutes=5))
    told = replace(told, fields={})
    assert Facts(told, EMPTY)["eta"] == later(hours=2)
    assert str(Facts(told, EMPTY)["poc"]) == "tom"


def test_the_text_is_summary_and_description_cut() -> None:
    assert facts(summary="a", description="b")["text"] == "a\nb"
    assert len(facts(description="x" * 9_000)["text"]) == 8_192


def test_a_service_is_the_catalogues_and_of_several_the_most_critical() -> None:
    assert facts({"service": "checkout"})["service"] is EMPTY.services["checkout"]
    assert facts({"service": ("orders-db", "checkout", "x")})["service.name"] == "checkout"
    assert facts({"service": "x"})["service"] is None
    plain = rules(company=COMPANY.replace('criticality = "high", ', "").replace('criticality = "critical", ', ""))
    assert Facts(ticket({"service": ("orders-db", "checkout")}), plain)["service.name"] == "orders-db"


def test_people_are_known_by_account_or_address_and_go_by_many_names() -> None:
    tom = facts({"assignee": TOM})["assignee"]
    assert tom.names == {"tom", "person:tom", "tom@example.org", "email:tom@example.org"}
    assert facts({"assignee": MARIA})["assignee"] == "maria"
    stranger = facts(reporter=ANN)["reporter"]
    assert (str(tom), str(stranger), stranger.names) == ("tom", "Ann", {"a1"})
    assert stranger == Who("", ANN) != tom
    assert tom == Who("tom", User("t1"))
    assert tom != Who("", User("t1"))
    assert tom != 3
    assert len({tom, stranger}) == 2
    assert facts()["reporter"] is None


def test_people_print_their_name_and_may_be_told_by_key() -> None:
    named = rules(company=COMPANY.replace("maria = { jira", 'maria = { name = "Maria Keller", jira'))
    assert str(Facts(ticket({"assignee": MARIA}), named)["assignee"]) == "Maria Keller"
    assert str(facts({"assignee": MARIA})["assignee"]) == "maria"
    assert facts({"poc": "tom"})["poc"] == facts({"poc": TOM})["poc"]
    assert str(facts({"poc": "somebody"})["poc"]) == "somebody"
    assert facts({"poc": ""})["poc"] is None


@pytest.mark.parametrize(
    ("history", "phase", "acknowledged", "why"),
    [
        ([], "new", None, "nobody did anything"),
        ([], "active", 0, "it was made as begun"),
        ([("phase", "new", "active")], "active", 1, "it left new"),
        ([("acknowledged", None, True)], "new", 1, "somebody said so"),
        ([("acknowledged", None, True), ("phase", "new", "active")], "active", 1, "the first time counts"),
        ([("phase", "new", "active"), ("acknowledged", True, None)], "active", None, "and was taken back"),
        ([("phase", "new", "resolved")], "resolved", 1, "resolving is taking care"),
        ([("phase", "new", "resolved"), ("phase", "resolved", "active")], "active", None, "reopened"),
        ([("phase", "new", "active"), ("phase", "active", "new")], "new", 1, "going back to new takes nothing back"),
        ([("phase", "resolved", "active"), ("phase", "active", "closed")], "closed", None, "reopened, then closed"),
    ],
)
def test_the_latest_of_act_leaving_new_and_reopening_decides(
    history: list[tuple[str, Value, Value]], phase: str, acknowledged: int | None, why: str
) -> None:
    changes = tuple(Change(later(minutes=n), *change) for n, change in enumerate(history, 1))
    found = facts(history=changes, phase=phase)["acknowledged"]
    assert found == (None if acknowledged is None else later(minutes=acknowledged)), why


@pytest.mark.parametrize(
    ("history", "phase", "acknowledged", "why"),
    [
        ([], "active", UNKNOWN, "it had left new before we can read"),
        ([], "new", None, "it never left new"),
        ([("phase", "new", "active")], "active", later(minutes=1), "we saw it leave"),
        ([("phase", "resolved", "active")], "active", None, "we saw it reopened"),
    ],
)
def test_an_acknowledgement_before_the_history_begins_is_unknown(
    history: list[tuple[str, Value, Value]], phase: str, acknowledged: Any, why: str
) -> None:
    changes = tuple(Change(later(minutes=n), *change) for n, change in enumerate(history, 1))
    known = facts(history=changes, phase=phase, complete_since=later(seconds=1))
    assert known["acknowledged"] == acknowledged, why


def test_detected_is_the_field_else_when_it_was_made() -> None:
    assert facts()["detected"] == MORNING
    assert facts({"detected": None})["detected"] == MORNING
    assert facts({"detected": later(hours=-1)})["detected"] == later(hours=-1)


def test_restored_is_the_field_else_when_it_was_resolved() -> None:
    over = (
        Change(later(minutes=9), "phase", "active", "resolved"),
        Change(later(hours=1), "phase", "resolved", "closed"),
    )
    assert facts(phase="active", history=over[:0])["restored"] is None
    assert facts(phase="closed", history=over)["restored"] == later(minutes=9)
    assert facts({"restored": later(minutes=4)}, phase="active")["restored"] == later(minutes=4)
    assert facts(phase="closed")["restored"] == MORNING
    assert facts(phase="closed", complete_since=later(days=1))["restored"] is UNKNOWN


def test_texts_see_words_and_extras_and_nothing_unknown() -> None:
    words = facts({"region": None}).words({"step": 2, "summary": "ours"})
    assert words["step"] == 2
    assert words["summary"] == "ours"
    assert words["region"] is None
    assert words["promised"] is None
    assert "nonsense" not in words
    assert len(words) == len(set(words))
    assert {"step", "region", "key", "service"} <= set(words)


def test_a_word_is_read_once() -> None:
    known = facts({"service": "checkout"}, description="x" * 100)
    assert known["text"] is known["text"]
    assert known.hits("text") is known.hits("text")
    assert known["service.rto"] == timedelta(hours=4)
    assert known.found(Mention("region", ["x"])) is None
    pattern = Mention("text", ["x" * 100])
    assert known.found(pattern) is True


def test_calendars_are_asked() -> None:
    assert facts().during(MORNING, "office")
    assert not facts().during(later(hours=12), "office")
