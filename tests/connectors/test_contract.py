"""One contract for every tracker and one for every messenger: the fakes keep it as the real connectors do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Messenger, Tracker
from connectors.errors import Missing, Refused
from connectors.model import Absent, Button, CannotTell, Comment, Edit, Found, Message
from connectors.teams.webhook import TeamsWebhook, WebhookSettings
from connectors.testing import MemoryMessenger, MemoryTracker
from sandbox.clock import Clock
from tests.connectors import instances, jiras, post_office, slack_workspace, teams_tenant

PAIRS = {"high": "1", "medium": "2", "low": "3"}
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Place:
    """A tracker with one ticket that a person made, and a way for that person to change its severity."""

    tracker: Tracker
    ref: str
    sets: Callable[[str], None]
    later: Callable[[], None]


@pytest.fixture(params=["memory", "jira cloud", "jira datacenter", "servicenow"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    clock = Clock(NOW, speed=0)
    if request.param == "memory":
        memory = MemoryTracker(clock.now)
        ref = memory.ticket("OPS-1", "Checkout is down")
        yield Place(memory, ref, lambda v: memory.person(ref, severity=v), lambda: clock.advance(timedelta(minutes=1)))
        return
    if request.param == "servicenow":
        with instances.world(clock) as box:
            sys_id = box.create(short_description="Checkout is down")
            put = lambda v: box.state.put(sys_id, {"impact": PAIRS[v], "urgency": PAIRS[v]})  # noqa: E731
            yield Place(box.snow, sys_id, put, lambda: clock.advance(timedelta(minutes=1)))
        return
    with jiras.world("cloud" if "cloud" in request.param else "datacenter", clock) as world:
        key = world.state.create({"summary": "Checkout is down"})
        ref = world.jira.get(key).ref
        sets = lambda value: world.state.put(key, {"customfield_10050": value.capitalize()})  # noqa: E731
        yield Place(world.jira, ref, sets, lambda: clock.advance(timedelta(minutes=1)))


def test_an_edit_and_the_ledger_are_written_together_and_read_back(place: Place) -> None:
    place.tracker.write(place.ref, Edit({"severity": "high"}, Comment("We are on it.")), '{"v":1}')
    ticket = place.tracker.get(place.ref)
    assert ticket.fields["severity"] == "high"
    assert ticket.ledger == '{"v":1}'
    (comment,) = ticket.comments
    assert (comment.text, comment.by, comment.public) == ("We are on it.", place.tracker.me(), comment.public)


def test_a_comment_is_edited_in_place_or_refused(place: Place) -> None:
    place.tracker.write(place.ref, Edit(comment=Comment("one")), None)
    (first,) = place.tracker.get(place.ref).comments
    if not place.tracker.edits_comments:
        with pytest.raises(Refused):
            place.tracker.write(place.ref, Edit(comment=Comment("two", id=first.id)), None)
        assert place.tracker.get(place.ref).comments == (first,)
        return
    place.tracker.write(place.ref, Edit(comment=Comment("two", id=first.id)), None)
    (second,) = place.tracker.get(place.ref).comments
    assert (second.id, second.text) == (first.id, "two")


def test_history_says_who_made_what_of_it_and_what_it_was_then(place: Place) -> None:
    place.later()
    place.tracker.write(place.ref, Edit({"severity": "high"}), None)
    place.later()
    place.sets("low")
    ticket = place.tracker.get(place.ref)
    told = [(c.before, c.after, c.by == place.tracker.me()) for c in ticket.history if c.field == "severity"]
    assert told == [(None, "high", True), ("high", "low", False)]
    assert ticket.at(NOW + timedelta(seconds=90)).fields["severity"] == "high"
    assert ticket.at(NOW).fields["severity"] is None
    assert ticket.complete_since is None or ticket.complete_since <= ticket.created


def test_a_version_changes_with_the_ticket_and_only_then(place: Place) -> None:
    before = place.tracker.get(place.ref).version
    assert place.tracker.get(place.ref).version == before
    place.later()
    place.sets("high")
    assert place.tracker.get(place.ref).version != before


def test_what_is_not_there_is_missing(place: Place) -> None:
    with pytest.raises(Missing):
        place.tracker.get("999999")


def test_a_ticket_is_found_by_the_key_it_was_created_with(place: Place) -> None:
    ref = place.tracker.create(Edit({"summary": "Disk full", "description": "90 %"}), "alert-1")
    assert place.tracker.find("alert-1") == ref
    assert place.tracker.find("alert-2") is None
    assert place.tracker.get(ref).summary == "Disk full"


def test_what_is_open_is_listed_with_its_ledger(place: Place) -> None:
    place.tracker.write(place.ref, None, '{"v":1}')
    place.later()
    listed = [ticket for page in place.tracker.open(NOW - timedelta(days=1)) for ticket in page]
    assert [ticket.ref for ticket in listed] == [place.ref]
    whole = listed[0].complete_since is None or listed[0].complete_since <= listed[0].created
    assert listed[0].ledger == '{"v":1}' or not whole, "a page that cannot tell the ledger says that it is not whole"


def test_a_field_is_emptied_with_none(place: Place) -> None:
    place.tracker.write(place.ref, Edit({"severity": "high"}), None)
    place.tracker.write(place.ref, Edit({"severity": None}), None)
    assert place.tracker.get(place.ref).fields["severity"] is None


@dataclass
class Room:
    """A messenger with a place, and a way to see what buttons the newest message there has.

    `keeps` are the buttons of a message that cannot be edited, once it was posted.
    """

    messenger: Messenger
    buttons: Callable[[], list[str]]
    later: Callable[[], None]
    place: str = "#ops"
    keeps: tuple[str, ...] = ()


@pytest.fixture(params=["memory", "slack", "teams bot", "teams webhook", "e-mail"])
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    if request.param == "memory":
        clock = Clock(NOW, speed=0)
        fake = MemoryMessenger(clock.now)
        seen = lambda: [button.label for button in fake.posts[-1].message.buttons]  # noqa: E731
        yield Room(fake, seen, lambda: clock.advance(timedelta(minutes=5)))
        return
    if request.param == "teams bot":
        with teams_tenant.tenant() as made:
            teams = made.again(channels={"#ops": made.ops.id})
            yield Room(teams, made.buttons, lambda: made.later(300))
            teams.close()
        return
    if request.param == "teams webhook":
        with teams_tenant.tenant() as made:
            url = made.state.webhook(made.state.flow(made.ops))
            hook = TeamsWebhook("msteams", WebhookSettings.model_validate({"channels": {"#ops": url}}))
            yield Room(hook, made.buttons, lambda: made.later(300))
            hook.close()
        return
    if request.param == "e-mail":
        with post_office.office() as office:
            links = lambda: [link.label for link in office.ann()[-1].links]  # noqa: E731
            later = lambda: office.later(minutes=5)  # noqa: E731
            yield Room(office.email, links, later, post_office.ANN, ("Take it",))
        return
    with slack_workspace.workspace() as box:
        shown = lambda: [b["text"]["text"] for b in box.ops.messages[-1].buttons]  # noqa: E731
        yield Room(box.slack, shown, lambda: box.later(300))


TAKE = Message("**OPS-1** is down", (Button("Take it", "take", "10001"),))


def test_what_was_put_is_found_under_each_of_its_keys(room: Room) -> None:
    ref = room.messenger.put(room.place, TAKE, None, "one two")
    room.later()
    since = NOW - timedelta(minutes=1)
    if not room.messenger.searchable:
        assert isinstance(room.messenger.find(room.place, "one", since), CannotTell)
        return
    assert room.messenger.find(room.place, "one", since) == Found(ref)
    assert room.messenger.find(room.place, "two", since) == Found(ref)
    assert room.messenger.find(room.place, "three", since) == Absent()


def assert_it_stays(room: Room, ref: str) -> None:
    """What cannot be edited is refused an edit, and is let be by retiring."""
    assert room.buttons() == list(room.keeps)
    with pytest.raises(Refused):
        room.messenger.put(room.place, Message("changed"), ref, "one")
    room.messenger.retire(room.place, ref)
    assert room.buttons() == list(room.keeps)


def test_what_was_put_is_brought_up_to_date_and_retired(room: Room) -> None:
    ref = room.messenger.put(room.place, TAKE, None, "one")
    if not room.messenger.editable:
        assert_it_stays(room, ref)
        return
    assert room.buttons() == ["Take it"]
    room.later()
    assert room.messenger.put(room.place, Message("changed", TAKE.buttons), ref, "one") == ref
    room.messenger.retire(room.place, ref)
    assert room.buttons() == []
    room.messenger.retire(room.place, ref)


def test_a_message_that_is_not_there_cannot_be_changed(room: Room) -> None:
    ref = room.messenger.put(room.place, TAKE, None, "one")
    if not room.messenger.editable:
        assert_it_stays(room, ref)
        return
    with pytest.raises(Missing):
        room.messenger.put(room.place, TAKE, ref[:-1] + ("1" if ref[-1] != "1" else "2"), "one")
