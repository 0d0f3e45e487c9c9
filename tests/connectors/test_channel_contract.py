"""What every messenger that opens channels keeps to; one that cannot says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from connectors.base import Messenger
from connectors.errors import Missing, Refused
from connectors.model import Channel, Link, Message
from connectors.testing import MemoryMessenger
from sandbox.clock import Clock
from tests.connectors import slack_workspace, teams_tenant
from tests.connectors.slack_workspace import NOW

ROOM = Channel("inc-ops-1", "**OPS-1** Checkout is down", links=(Link("OPS-1", "https://tracker.example.org/OPS-1"),))


@dataclass
class Place:
    """A messenger, somebody in it, and what a channel is like: name, archived, who is in it."""

    messenger: Messenger
    ann: str
    seen: Callable[[str], tuple[str, bool, set[str]]]
    archive: Callable[[str], None]


@pytest.fixture(params=["memory", "slack", "teams"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "memory":
        fake = MemoryMessenger(Clock(NOW, speed=0).now)
        by_ref = lambda ref: next(room for room in fake.rooms if room.ref == ref)  # noqa: E731
        seen = lambda ref: (by_ref(ref).channel.name, by_ref(ref).archived, set(by_ref(ref).people))  # noqa: E731
        yield Place(fake, "ann@example.org", seen, lambda ref: setattr(by_ref(ref), "archived", True))
        return
    if request.param == "teams":
        with teams_tenant.tenant() as at:
            teams = at.again(teams={"Operations": at.ops.team}, channels_in="operations")
            rooms = at.state.conversations
            seen = lambda ref: (rooms[ref].name, rooms[ref].archived, at.state.teams[rooms[ref].team].members)  # noqa: E731
            yield Place(teams, at.ann.aad_id, seen, lambda ref: setattr(rooms[ref], "archived", True))
            teams.close()
        return
    with slack_workspace.workspace() as box:
        channels = box.state.channels
        seen = lambda ref: (channels[ref].name, channels[ref].is_archived, channels[ref].members - {box.state.bot.id})  # noqa: E731
        yield Place(box.slack, box.ann.id, seen, lambda ref: setattr(channels[ref], "is_archived", True))


def test_one_key_is_one_channel_and_its_ref_is_a_place(place: Place) -> None:
    assert place.messenger.channels
    ref = place.messenger.open(ROOM, "one")
    assert place.messenger.open(ROOM, "one") == ref
    other = place.messenger.open(ROOM, "two")
    assert other != ref
    assert place.seen(ref)[0] == "inc-ops-1"
    assert place.seen(other)[0].startswith("inc-ops-1-")
    assert place.messenger.put(ref, Message("hello"), None, "k")


def test_it_is_arranged_as_often_as_is_wanted_and_nobody_is_put_out(place: Place) -> None:
    ref = place.messenger.open(ROOM, "one")
    card = place.messenger.put(ref, Message("card"), None, "k")
    for people in ((place.ann,), (place.ann,), ()):
        place.messenger.arrange(ref, replace(ROOM, people=people, pinned=(card,)))
    name, archived, inside = place.seen(ref)
    assert (name, archived, len(inside)) == ("inc-ops-1", False, 1)


def test_it_is_archived_and_that_is_once(place: Place) -> None:
    ref = place.messenger.open(ROOM, "one")
    place.messenger.arrange(ref, replace(ROOM, archived=True))
    place.messenger.arrange(ref, replace(ROOM, archived=True))
    assert place.seen(ref)[1]


def test_what_is_gone_or_was_archived_by_people_is_missing(place: Place) -> None:
    ref = place.messenger.open(ROOM, "one")
    place.archive(ref)
    with pytest.raises(Missing):
        place.messenger.arrange(ref, ROOM)
    with pytest.raises(Missing):
        place.messenger.arrange("C404", ROOM)


def test_who_has_no_channels_says_so() -> None:
    plain = type("Plain", (MemoryMessenger,), {"open": Messenger.open, "arrange": Messenger.arrange})
    messenger = plain(Clock(NOW, speed=0).now, channels=False)
    assert not Messenger.channels
    with pytest.raises(Refused, match="has no channels of its own"):
        messenger.open(ROOM, "one")
    with pytest.raises(Refused, match="has no channels of its own"):
        messenger.arrange("R1", ROOM)
