"""A `[[test]]` passes when everything is as expected, and tells what was not, and why."""

from __future__ import annotations

import pytest

from rules import load
from rules.model import RuleSet
from sync.judge import Failure, Result, judge, untouched
from sync.trial import rehearsal, world
from tests.test_docs import REFERENCE, together
from tests.world import COMPANY, RULES

DOWN = 'ticket = { summary = "Checkout is down", service = "checkout" }'


def rules(text: str, more: str = "") -> RuleSet:
    texts = {"company.toml": COMPANY, "rules.toml": RULES + more, "tests.toml": text}
    return rehearsal(load.parse(texts, connectors=("memory", "slack")))


def judged(body: str, more: str = "") -> Result:
    """How one test goes, at a ticket of a critical service that is down unless the body says otherwise."""
    said = body if "ticket" in body or "table" in body else f"{DOWN}\n{body}"
    found = rules(f'[[test]]\nname = "x"\n{said}\n', more)
    (case,) = found.cases
    return judge(case, found, world(("slack",)))


def failed(body: str, more: str = "") -> list[tuple[str, str]]:
    return [(failure.wanted, failure.came) for failure in judged(body, more).failures]


def only(body: str, more: str = "") -> Failure:
    (failure,) = judged(body, more).failures
    return failure


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('expect = { severity = "high", team = "payments", assignee = "", phase = "new" }', "words as they became"),
        ('ticket = { assignee = "tom" }\nexpect = { assignee = "tom" }', "a person by key"),
        (
            'ticket = { reporter = "email:CEO@example.org" }\nexpect = { reporter = "email:ceo@example.org" }',
            "or address",
        ),
        ('expect = { service = "checkout" }', "a service by name"),
        ("expect = { acknowledged = false, hold = false, eta = false }", "what is not there"),
        ('ticket = { phase = "active", hold = true }\nexpect = { acknowledged = true, hold = true }', "what is"),
        ("ticket = { eta = 2026-01-05T12:00:00Z }\nexpect = { eta = 2026-01-05T13:00:00+01:00 }", "a moment"),
        ('ticket = { labels = ["a", "b"] }\nexpect = { labels = ["b", "a"] }', "labels in any order"),
        ('ticket = { affected_users = 5 }\nexpect = { affected_users = 5, labels = "" }', "numbers, and empty lists"),
        ('expect = { called = [], "after 4m" = [], told = ["place:incidents"] }', "nobody is called at once"),
        ('expect = { "after 5m" = ["on-call:team"] }', "who is due at that moment is called"),
        ('expect = { "after 6m" = ["person:tom"] }', "whoever is on call by their name"),
        ('expect = { "after 6m" = ["slack:U-tom"] }', "or by their address"),
        (
            'expect = { "after 16m" = ["members:team", "place:incidents"] }',
            "a group whose members were called by other names",
        ),
        ('expect = { "after 6m" = { severity = "high", told = ["place:incidents"] } }', "a table of its own"),
        (
            'then = [{ after = "6m", by = "ann", acknowledge = true, expect = { called = [], "after 1d" = [] } }]',
            "after a step only what comes after it counts",
        ),
        (
            (
                'then = [{ after = "1m", acknowledge = true }, { after = "2m", acknowledge = false, '
                'expect = { acknowledged = false, "after 6m" = ["on-call:team"] } }]'
            ),
            "the ladder begins anew",
        ),
        (
            'then = [{ after = "1m", set = { phase = "resolved" }, expect = { told = ["place:incidents"] } }]',
            "news are told",
        ),
        (
            'then = [{ after = "1m", comment = "Hm.", update = "Soon.", expect = { told = [], called = [] } }]',
            "what nobody is told of",
        ),
        ('expect = { "after 6m" = ["on-call:team"] }\nthen = [{ after = "6m", acknowledge = true }]', "as due as said"),
        (
            (
                'expect = { "after 7m" = ["on-call:team"], "after 6m" = ["on-call:team"] }\n'
                'then = [{ after = "3m", set = { summary = "Checkout was down" } }]'
            ),
            "times in any order, and steps between them",
        ),
    ],
)
def test_what_is_as_expected_passes(body: str, why: str) -> None:
    assert failed(body) == [], why


@pytest.mark.parametrize(
    ("body", "wanted", "came"),
    [
        ('expect = { severity = "low" }', "severity = low", "severity = high"),
        ('expect = { assignee = "tom" }', "assignee = tom", "assignee = empty"),
        ('ticket = { assignee = "tom" }\nexpect = { assignee = "" }', "assignee = empty", "assignee = tom"),
        ('expect = { service = "" }', "service = empty", "service = checkout"),
        ("expect = { acknowledged = true }", "acknowledged = yes", "acknowledged = empty"),
        ('ticket = { labels = ["a"] }\nexpect = { labels = ["b"] }', "labels = b", "labels = a"),
        ("ticket = { hold = true }\nexpect = { hold = false }", "hold = no", "hold = yes"),
        (
            "ticket = { affected_users = 5 }\nexpect = { affected_users = 6 }",
            "affected_users = 6",
            "affected_users = 5",
        ),
        (
            "ticket = { eta = 2026-01-05T12:00:00Z }\nexpect = { eta = false }",
            "eta = no",
            "eta = 2026-01-05T12:00:00+00:00",
        ),
        (
            'expect = { "after 6m" = [] }',
            "called: nobody after 6m",
            "called: on-call:team (tom) after 5m by unacknowledged",
        ),
        ('expect = { "after 4m" = ["on-call:team"] }', "called: on-call:team after 4m", "called: nobody"),
        (
            'expect = { "after 6m" = ["person:tom", "person:ann"] }',
            "called: person:tom, person:ann after 6m",
            "called: on-call:team (tom) after 5m by unacknowledged",
        ),
        (
            'then = [{ after = "6m", acknowledge = true, expect = { "after 1h" = ["lead:team"] } }]',
            "called: lead:team after 1h6m",
            "called: nobody",
        ),
        ("expect = { told = [] }", "told: nobody", "told: place:incidents after 0s by card"),
    ],
)
def test_what_is_not_as_expected_is_told(body: str, wanted: str, came: str) -> None:
    assert failed(body) == [(wanted, came)]


def test_a_call_too_many_is_found() -> None:
    more = '[[escalate]]\nid = "early"\nwhen = "service"\nsteps = [{ after = "1m", to = ["person:ann"] }]\n'
    assert failed('expect = { "after 6m" = ["on-call:team"] }', more) == [
        (
            "called: on-call:team after 6m",
            "called: person:ann after 1m by early; on-call:team (tom) after 5m by unacknowledged",
        )
    ]


def test_a_failure_says_where_it_was_expected_and_explains_the_rules_that_could_have_made_it_so() -> None:
    failure = only('ticket = { summary = "Checkout is slow", service = "checkout" }\nexpect = { severity = "high" }')
    assert (failure.expected.where.file, failure.expected.where.line) == ("tests.toml", 4)
    assert [(one.rule.id, one.verdict) for one in failure.why] == [
        ("critical-down", "did not"),
        ("many-users", "did not"),
    ]
    lines = failure.lines(rules(""))
    assert any('mentions(text, "down")' in line and "no" in line for line in lines), lines


def test_of_a_call_that_did_not_come_the_ladders_are_explained_with_what_comes_next() -> None:
    lines = only('expect = { "after 4m" = ["lead:team"] }').lines(rules(""))
    assert lines[0].startswith("escalate  unacknowledged  fired")
    assert any("next 10:15" in line and "call maria" in line for line in lines), lines


def test_a_field_that_was_left_to_a_person_says_so() -> None:
    step = 'then = [{ after = "1m", by = "ann", set = { severity = "low" }, expect = { severity = "high" } }]'
    assert any("left alone" in line and "ann set it 10:01" in line for line in only(step).lines(rules("")))


def test_a_recipient_who_is_nobody_is_named_as_such() -> None:
    failure = only('ticket = { summary = "Odd" }\nexpect = { "after 6m" = ["on-call:team"] }')
    assert failure.notes == ("on-call:team is nobody here",)
    assert only('expect = { "after 6m" = ["on-call:team", "person:ann"] }').notes == ()


def test_of_many_rules_those_are_explained_that_spoke_or_should_have() -> None:
    one = '[[escalate]]\nid = "e{}"\nwhen = "eta"\nsteps = [{{ after = "1m", to = ["person:ann"] }}]\n'
    last = '[[escalate]]\nid = "last"\nwhen = "eta"\nsteps = [{ after = "1m", to = ["person:maria"] }]\n'
    failure = only(
        'expect = { "after 6m" = ["on-call:team", "person:maria"] }', "".join(map(one.format, range(9))) + last
    )
    assert failure.notes == ("the 6 rules of 11 that matter most:",)
    assert [each.rule.id for each in failure.why] == ["unacknowledged", "e0", "e1", "e2", "e3", "last"]


def test_rules_that_spoke_in_no_test_are_named_but_not_those_that_are_off() -> None:
    more = '[[classify]]\nid = "never"\nwhen = "eta"\nset.severity = "low"\n'
    more += '[[classify]]\nid = "gone"\nmode = "off"\nset.severity = "low"\n'
    found = rules(f'[[test]]\nname = "x"\n{DOWN}\nexpect = {{ severity = "high" }}\n', more)
    results = [judge(case, found, world(("slack",))) for case in found.cases]
    assert [rule.id for rule in untouched(found, results)] == ["many-users", "never", "milestones"]
    assert "never" in [rule.id for rule in untouched(found, ())]


def test_the_tests_of_the_reference_pass() -> None:
    found = rehearsal(load.parse(together(REFERENCE), connectors=("jira", "slack"), later="ignore"))
    results = [judge(case, found, world(("slack",))) for case in found.cases]
    assert len(results) == 5
    assert [failure.came for result in results for failure in result.failures] == []


MUTE = """
[[mute]]
id = "move"
mutes = ["escalate"]
from = 2026-01-05T09:00:00
until = 2026-01-05T11:00:00
"""


def test_a_muted_call_is_not_made_in_a_test_before_the_mute_ends() -> None:
    everybody = '["on-call:team", "place:incidents", "lead:team", "audience:management"]'
    body = f'expect = {{ "after 59m" = [], "after 1h" = {everybody} }}'
    assert failed(body, MUTE) == []
    assert judged(body, MUTE).spoke >= {"move"}


def test_a_call_that_is_muted_is_explained_so() -> None:
    failure = only('expect = { "after 6m" = ["on-call:team"] }', MUTE)
    assert "escalate  unacknowledged  muted by move: until 11:00; since 10:00" in failure.lines(rules("", MUTE))
    assert "    → muted until 11:00  call tom: by move" in "\n".join(failure.lines(rules("", MUTE)))


CLOCK = """
[[objective]]
id = "answer"
start = "created"
stop = "acknowledged"
within = "10m"
steps = [{ at = "50%", to = ["lead:payments"], text = "soon" }, { after = "5m", to = ["audience:management"] }]
"""


def test_what_a_clock_writes_is_expected_like_any_word() -> None:
    text = CLOCK.replace("steps", 'field = "recovery"\nsteps', 1) + '[fields]\nrecovery = { type = "text" }\n'
    body = 'ticket = { summary = "x", severity = "low", recovery = "" }\n'
    (failure,) = judged(body + 'expect = { "after 6m" = { recovery = "x" } }', text).failures
    assert failure.came.startswith("recovery = answer: until ")
    assert failure.came.endswith("at risk")
    assert [one.rule.id for one in failure.why] == ["answer"]


def test_a_warning_counts_as_a_call() -> None:
    body = 'ticket = { summary = "x", severity = "low" }\n'
    assert failed(body + 'expect = { "after 4m" = [], "after 6m" = ["person:maria"] }', CLOCK) == []
    (failure,) = judged(body + 'expect = { "after 6m" = ["person:tom"] }', CLOCK).failures
    assert (failure.wanted, failure.came) == (
        "called: person:tom after 6m",
        "called: lead:payments (maria) after 5m by answer",
    )
    assert {one.rule.id for one in failure.why} == {"unacknowledged", "answer"}


# ---- updates

EVERY = '[[update]]\nid = "half-hourly"\nevery = "30m"\nto = ["audience:management"]\n'


def test_updates_are_told_and_nobody_is_called_by_them_nor_by_their_reminders() -> None:
    taken = 'ticket = { summary = "Checkout is slow", assignee = "tom" }\n'
    posted = (
        'then = [{ after = "40m", by = "tom", update = "We look.", expect = { told = ["audience:management"] } }]\n'
    )
    by_then = '"after 31m" = { told = ["slack:#management"], called = [] }'
    expect = f'expect = {{ told = [], "after 29m" = {{ told = [] }}, {by_then} }}\n'
    assert failed(taken + posted + expect, EVERY) == []


def test_where_an_update_did_not_come_its_rule_says_why() -> None:
    failure = only('ticket = { summary = "x" }\nexpect = { "after 10m" = { told = ["audience:management"] } }', EVERY)
    assert failure.came == "told: nobody"
    assert failure.lines(rules(""))[-2:] == (
        "update    half-hourly  fired: every 30m, since 10:00",
        "    → next 10:30  update management: unless somebody posts one first",
    )
