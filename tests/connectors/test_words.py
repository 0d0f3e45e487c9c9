"""What our words mean in each tracker: every row of the table is written, read back, and told by the history.

The same edits are made on Jira Cloud, Jira Data Center and ServiceNow, and the same words come back from each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Tracker
from connectors.model import Comment, Edit, User, Value
from sandbox.clock import Clock
from tests.connectors import instances, jiras

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
TOM = "tom@example.org"


@dataclass
class Place:
    """A tracker with a ticket, what a person does to it, and time."""

    tracker: Tracker
    ref: str
    moves: Callable[[str], None]
    clock: Clock


@contextmanager
def at(name: str) -> Iterator[Place]:
    clock = Clock(NOW, speed=0)
    if name == "servicenow":
        with instances.world(clock) as snow:
            ref = snow.create(short_description="x")
            states = {"active": "In Progress", "resolved": "Resolved", "closed": "Closed"}
            yield Place(snow.snow, ref, lambda phase: snow.state.transition(ref, states[phase]), clock)
        return
    with jiras.world("cloud" if name == "jira cloud" else "datacenter", clock) as jira:
        key = jira.state.create({"summary": "x"})
        statuses = {"active": "In Progress", "resolved": "Resolved", "closed": "Closed"}
        move = lambda phase: jira.state.transition(key, statuses[phase])  # noqa: E731
        yield Place(jira.jira, jira.jira.get(key).ref, move, clock)


@pytest.fixture(params=["jira cloud", "jira datacenter", "servicenow"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with at(request.param) as made:
        yield made


WORDS: dict[str, tuple[Value, Value]] = {
    "severity": ("high", "low"),
    "team": ("payments", "dba"),
    "assignee": (User("", "", TOM), User("", "", "ann@example.org")),
    "service": ("checkout", "orders-db"),
    "eta": (LATER, LATER + timedelta(hours=1)),
    "commander": (User("", "", TOM), None),
    "affected_users": (1400.0, 3.0),
    "status_text": ("looking into it", "found it"),
    "security": (True, False),
}
"""Words that rules and people set, each with what it is set to first and then."""


def same(one: Value, other: Value) -> bool:
    if isinstance(one, tuple):
        one = one[0] if one else None
    return one == other


def test_every_word_is_read_as_it_was_written_and_the_history_tells_it(place: Place) -> None:
    me = place.tracker.me()
    for number in (0, 1):
        place.clock.advance(timedelta(minutes=1))
        place.tracker.write(place.ref, Edit({word: values[number] for word, values in WORDS.items()}), None)
        read = place.tracker.get(place.ref).fields
        for word, values in WORDS.items():
            assert same(read[word], values[number]), (word, read[word], values[number])
    ticket = place.tracker.get(place.ref)
    for word, values in WORDS.items():  # a history may name people by id alone
        last = place.tracker.user(values[1].email) if isinstance(values[1], User) else values[1]
        first = place.tracker.user(values[0].email) if isinstance(values[0], User) else values[0]
        told = [change for change in ticket.history if change.field == word]
        assert told, word
        assert same(told[-1].after, last), (word, told)
        assert all(change.by == me for change in told), word
        assert same(ticket.at(NOW + timedelta(seconds=90)).fields[word], first), word


def test_acknowledged_is_left_new_and_restored_is_entered_resolved(place: Place) -> None:
    assert place.tracker.get(place.ref).phase == "new"
    for phase in ("active", "resolved", "closed"):
        place.clock.advance(timedelta(minutes=1))
        place.moves(phase)
        assert place.tracker.get(place.ref).phase == phase
    ticket = place.tracker.get(place.ref)
    told = [(c.before, c.after) for c in ticket.history if c.field == "phase"]
    assert told == [("new", "active"), ("active", "resolved"), ("resolved", "closed")]
    moments = [c.at for c in ticket.history if c.field == "phase"]
    assert moments == [NOW + timedelta(minutes=n) for n in (1, 2, 3)]
    assert ticket.fields.get("restored", moments[1]) == moments[1]
    assert ticket.fields.get("detected", ticket.created) == ticket.created


def test_a_hold_comes_and_goes_with_its_reason(place: Place) -> None:
    place.moves("active")
    place.clock.advance(timedelta(minutes=1))
    place.tracker.write(place.ref, Edit({"hold": True}), None)
    held = place.tracker.get(place.ref)
    assert held.fields["hold"] is True
    assert held.fields["hold_reason"]
    assert held.phase == "active"
    place.clock.advance(timedelta(minutes=1))
    place.tracker.write(place.ref, Edit({"hold": False}), None)
    ticket = place.tracker.get(place.ref)
    assert (ticket.fields["hold"], ticket.fields["hold_reason"]) == (False, None)
    assert [(c.before, c.after) for c in ticket.history if c.field == "hold"] == [(False, True), (True, False)]


def test_a_phase_is_written_with_words_note_and_ledger(place: Place) -> None:
    place.moves("active")
    place.tracker.write(place.ref, Edit({"phase": "resolved", "severity": "low"}, Comment("done")), '{"v":1}')
    ticket = place.tracker.get(place.ref)
    assert (ticket.phase, ticket.fields["severity"], ticket.ledger) == ("resolved", "low", '{"v":1}')
    assert [comment.text for comment in ticket.comments] == ["done"]
