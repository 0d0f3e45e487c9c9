"""What every messenger that opens channels keeps to; one that cannot says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Messenger
from connectors.errors import Refused
from connectors.testing import MemoryMessenger
from connectors.testing.contract import CHANNEL, ChannelContract, Opened
from sandbox.clock import Clock
from tests.connectors import slack_workspace, teams_tenant
from tests.connectors.slack_workspace import NOW


@pytest.fixture(params=["memory", "slack", "teams"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    if request.param == "memory":
        fake = MemoryMessenger(Clock(NOW, speed=0).now)
        by_ref = lambda ref: next(room for room in fake.rooms if room.ref == ref)  # noqa: E731
        seen = lambda ref: (by_ref(ref).channel.name, by_ref(ref).archived, set(by_ref(ref).people))  # noqa: E731
        yield Opened(fake, "ann@example.org", seen, lambda ref: setattr(by_ref(ref), "archived", True))
        return
    if request.param == "teams":
        with teams_tenant.tenant() as at:
            teams = at.again(teams={"Operations": at.ops.team}, channels_in="operations")
            rooms = at.state.conversations
            seen = lambda ref: (rooms[ref].name, rooms[ref].archived, at.state.teams[rooms[ref].team].members)  # noqa: E731
            yield Opened(teams, at.ann.aad_id, seen, lambda ref: setattr(rooms[ref], "archived", True))
            teams.close()
        return
    with slack_workspace.workspace() as box:
        channels = box.state.channels
        seen = lambda ref: (channels[ref].name, channels[ref].is_archived, channels[ref].members - {box.state.bot.id})  # noqa: E731
        yield Opened(box.slack, box.ann.id, seen, lambda ref: setattr(channels[ref], "is_archived", True))


class TestChannels(ChannelContract):
    """Every messenger of ours that opens channels."""


def test_who_has_no_channels_says_so() -> None:
    plain = type("Plain", (MemoryMessenger,), {"open": Messenger.open, "arrange": Messenger.arrange})
    messenger = plain(Clock(NOW, speed=0).now, channels=False)
    assert not Messenger.channels
    with pytest.raises(Refused, match="has no channels of its own"):
        messenger.open(CHANNEL, "one")
    with pytest.raises(Refused, match="has no channels of its own"):
        messenger.arrange("R1", CHANNEL)
