"""A `[[test]]` is read into cases: its words, what happens later, and what is expected of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.problems import Problems
from rules import load
from rules.case import Case, Expected
from rules.model import Recipient
from tests.rules.example import rules

MINUTE = timedelta(minutes=1)


def cases(text: str) -> tuple[Case, ...]:
    return rules(text).cases


def expected(said: tuple[Expected, ...]) -> list[tuple[str, object, timedelta, int]]:
    return [(one.word, one.value, one.after, one.where.line) for one in said]


def test_a_ticket_and_what_follows() -> None:
    (case,) = cases("""
[[test]]
name = "Checkout down is high"
ticket = { summary = "Checkout is down", service = "checkout", affected_users = 5, labels = ["a"], security = true }
expect = { severity = "high", assignee = "", "after 6m" = ["on-call:team"], acknowledged = false }
""")
    assert (case.name, case.where.line) == ("Checkout down is high", 2)
    assert case.ticket == {
        "summary": "Checkout is down", "service": "checkout", "affected_users": 5.0, "labels": ("a",), "security": True,
    }  # fmt: skip
    assert expected(case.expect) == [
        ("severity", "high", timedelta(0), 5),
        ("assignee", None, timedelta(0), 5),
        ("called", (Recipient("on-call", "team"),), 6 * MINUTE, 5),
        ("acknowledged", False, timedelta(0), 5),
    ]


def test_what_is_expected_later_may_be_a_table_of_its_own() -> None:
    (case,) = cases("""
[[test]]
name = "x"
ticket = {}
[test.expect]
called = []
"after 6m" = { severity = "high", told = ["place:incidents"], restored = 2026-01-05T10:00:00Z }
""")
    assert expected(case.expect) == [
        ("called", (), timedelta(0), 6),
        ("severity", "high", 6 * MINUTE, 7),
        ("told", (Recipient("place", "incidents"),), 6 * MINUTE, 7),
        ("restored", datetime(2026, 1, 5, 10, tzinfo=UTC), 6 * MINUTE, 7),
    ]


def test_people_are_named_by_key_or_by_address() -> None:
    (case,) = cases("""
[[test]]
name = "x"
ticket = { reporter = "email:ceo@example.org", assignee = "person:maria", poc = "tom" }
expect = { team = "" }
""")
    assert case.ticket == {"reporter": "email:ceo@example.org", "assignee": "maria", "poc": "tom"}


def test_what_happens_later() -> None:
    (case,) = cases("""
[[test]]
name = "x"
ticket = {}
then = [{ after = "3m", by = "tom", acknowledge = true, comment = "I look", update = "We look" },
        { after = "4m", set = { severity = "", phase = "active", team = "dba" }, expect = { "after 1m" = [] } }]
[[test]]
name = "y"
ticket = {}
expect = { phase = "new" }
[[test.then]]
after = "1h"
acknowledge = false
""")[:1]
    first, second = case.then
    assert (first.after, first.by, first.acknowledge) == (3 * MINUTE, "tom", True)
    assert (first.comment, first.update, first.set, first.expect) == ("I look", "We look", {}, ())
    assert (second.by, second.acknowledge, second.comment, second.update) == ("", None, "", "")
    assert second.set == {"severity": None, "phase": "active", "team": "dba"}
    assert expected(second.expect) == [("called", (), MINUTE, 6)]


def test_a_table_is_a_case_for_each_row_over_what_all_share() -> None:
    found = cases("""
[[test]]
name = "Users"
ticket = { summary = "Odd", service = "checkout" }
expect = { phase = "new" }
then = [{ after = "1h", comment = "x" }]
table = [
    ["affected_users", "service", "labels", "expect severity", "expect after 6m"],
    [5,                "",        ["a"],    "low",             []],
    [1000,             "orders-db", [],     "",                ["lead:dba"]],
    ["",               "",        "",       "low",             []],
]
""")
    assert [case.name for case in found] == [
        "Users (affected_users 5, labels a)",
        "Users (affected_users 1000, service orders-db, labels )",
        "Users",
    ]
    assert [case.where.line for case in found] == [9, 10, 11]
    assert found[0].ticket == {"summary": "Odd", "service": "checkout", "affected_users": 5.0, "labels": ("a",)}
    assert found[1].ticket == {"summary": "Odd", "service": "orders-db", "affected_users": 1000.0, "labels": ()}
    assert expected(found[1].expect) == [
        ("phase", "new", timedelta(0), 5),
        ("severity", None, timedelta(0), 10),
        ("called", (Recipient("lead", "dba"),), 6 * MINUTE, 10),
    ]
    assert all(case.then == found[0].then for case in found)


def test_where_names_may_be_missing_a_test_is_no_mistake() -> None:
    """A file that cannot be read may give what is not known here."""
    text = '[[test]]\nname = "x"\nticket = { reporter = "ann" }\nexpect = { calld = [], "after 1h" = ["person:ann"] }\n'
    with pytest.raises(Problems) as caught:
        load.parse({"people.toml": "[people", "rules.toml": text})
    assert [problem.where.file for problem in caught.value.problems] == ["people.toml"]


def test_a_heading_that_nobody_can_know_yet_is_no_fault_of_ours() -> None:
    rules = '[[test]]\nname = "a"\ntable = [["of_a_field", "expect severity"], ["b", "low"]]\n'
    with pytest.raises(Problems) as told:
        load.parse({"company.toml": "[broken", "rules.toml": rules})
    assert [problem.where.file for problem in told.value.problems] == ["company.toml"]


def test_tests_change_no_rule() -> None:
    text = '[[test]]\nname = "x"\nticket = {}\nexpect = { phase = "new" }\n'
    assert (rules(text).rules, rules(text).warnings) == (rules().rules, ())
