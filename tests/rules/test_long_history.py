"""A ticket that changed thousands of times is thought about in time that grows with its changes, not their square."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from types import FrameType

import pytest

from connectors.model import Change, Earlier, Ticket
from rules.condition import Condition
from rules.facts import Facts
from rules.model import RuleSet
from rules.past import Past, holds
from tests.rules.example import ANN, MORNING, later, rules, ticket

LADDER = """
[[escalate]]
id = "down"
when = 'mentions(text, "down") and not acknowledged and not restored and not eta and affected_users < 3'
steps = [{ after = "5m", to = ["person:maria"] }]
"""


def _changed(times: int) -> Ticket:
    """A ticket whose number of users changed so often, while it was down all along."""
    made = ticket({"affected_users": times % 2}, summary="It is down")
    changes = tuple(
        Change(MORNING + timedelta(minutes=n), "affected_users", n % 2, (n + 1) % 2, ANN) for n in range(times)
    )
    return replace(made, history=changes)


def _calls(one: Ticket, set_: RuleSet, condition: Condition) -> int:
    """How many functions of ours were called to find out since when a condition is true."""
    count = 0

    def seen(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        Past(one, set_).since(lambda facts: holds(condition, facts))
    finally:
        sys.setprofile(None)
    return count


def test_twice_as_many_changes_take_twice_as_long() -> None:
    set_ = rules(LADDER)
    condition = set_.rules[0].when
    assert condition is not None
    assert Past(_changed(400), set_).since(lambda facts: holds(condition, facts)) == MORNING
    some, many = (_calls(_changed(times), set_, condition) for times in (200, 400))
    assert many < 2.2 * some


def test_each_moment_has_the_changes_until_then() -> None:
    one = _changed(4)
    lengths = [(len(state.history), len(tuple(state.history))) for _, state in one.states()]
    assert lengths == [(4, 4), (3, 3), (2, 2), (1, 1), (0, 0)]


def test_the_first_changes_of_a_history_read_like_a_history_of_their_own() -> None:
    changes = _changed(4).history
    first = Earlier(changes, 3)
    assert tuple(first) == tuple(changes[:3])
    assert tuple(reversed(first)) == tuple(reversed(changes[:3]))
    assert (first[0], first[-1], first[1:]) == (changes[0], changes[2], changes[1:3])
    with pytest.raises(IndexError):
        first[3]


def test_what_was_last_said_is_that_of_the_moment() -> None:
    told = ticket().having({"eta": later(hours=1)}, later(minutes=1)).having({"eta": later(hours=2)}, later(minutes=2))
    past = Past(told, rules(LADDER))
    at = [past.at(later(minutes=minute)) for minute in (0, 1, 2)]
    assert [facts["eta"] for facts in at if facts is not None] == [None, later(hours=1), later(hours=2)]
    assert Facts(told, rules(LADDER))["eta"] == later(hours=2)
