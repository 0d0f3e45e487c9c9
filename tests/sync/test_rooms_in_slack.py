"""A channel of its own in Slack, as far as the sandbox is Slack: engine, connector, and HTTP between them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.model import User
from sync.look import Site
from tests.connectors.slack_workspace import Workspace, workspace
from tests.world import COMPANY, MORNING, RULES, World

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
ROOM = """
[[channel]]
id = "war-room"
when = 'severity == "high"'
channel = "inc-{{ key }}"
invite = ["assignee", "lead:team"]
[[notify]]
id = "room-news"
on = ["acknowledged"]
to = ["channel:war-room"]
"""


class Room:
    """A story in a real workspace, whose clock is moved with the story's."""

    def __init__(self, made: Workspace, rules: str = ROOM) -> None:
        self.made = made
        tom, maria = made.state.person("tom"), made.state.person("maria")
        made.state.channel("#incidents")
        made.state.channel("#management")
        company = COMPANY.replace("U-tom", tom.id).replace("U-maria", maria.id).replace("U-ann", made.ann.id)
        company = company.replace("[places.incidents]", 'security = { type = "flag" }\n[places.incidents]')

        def messengers(_clock: object) -> Any:
            return {"slack": made.slack}

        self.world = World(RULES + rules, company, site=Site(home="OPS-9"), messengers=messengers)
        self.world.tracker.ticket("OPS-9")
        self.tom, self.maria = tom.id, maria.id
        self.pass_time(timedelta(0))

    def pass_time(self, by: timedelta) -> None:
        """Let time pass here and in Slack, with a look every little while."""
        until = self.world.now + by
        while True:
            self.made.state.clock.advance(self.world.now - self.made.state.now())
            for ref in list(self.world.wakes):
                if self.world.wakes[ref] <= self.world.now:
                    self.world.look(ref)
            if self.world.now >= until:
                return
            self.world.now = min(until, max(min(self.world.wakes.values(), default=until), self.world.now + STEP))

    @property
    def channel(self) -> Any:
        (found,) = [one for one in self.made.state.channels.values() if one.name.startswith("inc-")]
        return found


STEP = timedelta(seconds=2)


@pytest.fixture
def room() -> Iterator[Room]:
    with workspace() as made:
        made.state.clock.advance(MORNING - made.state.now())
        yield Room(made)


def test_it_is_opened_filled_followed_and_archived(room: Room) -> None:
    world = room.world
    ref = world.ticket()
    room.pass_time(timedelta(seconds=30))
    channel = room.channel
    assert (channel.name, channel.topic) == ("inc-ops-1", "OPS-1 Checkout is down · high · nobody yet")
    assert [one["title"] for one in channel.bookmarks] == ["OPS-1"]
    (card,) = [message for message in channel.messages if message.buttons]
    assert channel.pins == [card.ts]
    assert room.maria in channel.members
    world.person(ref, assignee=User("tom"))
    room.pass_time(timedelta(seconds=30))
    assert {room.tom, room.maria} < channel.members
    assert "tom" in channel.topic
    world.person(ref, phase="active")
    room.pass_time(timedelta(seconds=30))
    assert any("acknowledged" in message.text for message in channel.messages)
    world.person(ref, phase="resolved")
    room.pass_time(timedelta(days=3, minutes=1))
    assert channel.is_archived
    assert world.engine.notices == {}
    world.person(ref, phase="new")
    room.pass_time(timedelta(seconds=30))
    assert "Slack lets no app unarchive" in str(world.engine.notices)
    channel.is_archived = False  # a person does
    room.pass_time(timedelta(hours=1, minutes=1))
    assert "nobody" not in channel.topic
    assert world.engine.notices == {}


def test_where_the_app_may_not_open_channels_everything_else_goes_on(room: Room) -> None:
    room.made.state.scopes.discard("channels:manage")
    room.world.ticket()
    room.pass_time(timedelta(seconds=30))
    assert "needs channels:manage" in str(room.world.engine.notices)
    assert len(room.made.state.named("incidents").messages) == 1  # type: ignore[union-attr]


def test_one_that_people_archived_is_left_so_and_told(room: Room) -> None:
    ref = room.world.ticket()
    room.pass_time(timedelta(seconds=30))
    room.channel.is_archived = True
    room.world.person(ref, assignee=User("tom"))
    room.pass_time(timedelta(seconds=30))
    assert "is_archived" in str(room.world.engine.notices)
    assert "tom" in room.made.state.named("incidents").messages[0].text  # type: ignore[union-attr]
    assert room.channel.name == "inc-ops-1", "and no second one"
