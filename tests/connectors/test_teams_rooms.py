"""Channels of a ticket's own in Teams: opened once whatever happens, and kept as they should be."""

from dataclasses import replace

import pytest

from connectors.errors import Missing, Refused, Temporary
from connectors.model import Channel, Link
from sandbox.http import Answer, Fault
from tests.connectors.contracts import CONTRACTS, vendor
from tests.connectors.teams_tenant import tenant

ROOM = Channel("inc-ops-1", "**OPS-1** Checkout is down", links=(Link("OPS-1", "https://tracker.example.org/OPS-1"),))


@pytest.fixture
def at():
    with tenant() as made:
        made.teams.close()
        made.teams = made.again(teams={"Operations": made.ops.team}, channels_in="Operations")
        yield made
        made.teams.close()
        if CONTRACTS.exists():
            contract = vendor("microsoft/graph-v1.json")
            for asked, _ in made.box.server.seen:
                path = asked.path.removeprefix("/graph/v1.0")
                if path != asked.path and "archive" not in path:
                    contract.check(replace(asked, path=f"{contract.base}{path}"))


def rooms(at):
    return [one for one in at.state.conversations.values() if one.name.startswith("inc-")]


def test_its_description_says_what_it_is_about_and_by_whom_it_was_opened(at):
    ref = at.teams.open(ROOM, "key-1")
    (room,) = rooms(at)
    assert (room.id, room.name) == (ref, "inc-ops-1")
    said = "OPS-1 Checkout is down · OPS-1: https://tracker.example.org/OPS-1 Opened by Pointman (key-1)."
    assert room.description == said
    at.teams.arrange(ref, replace(ROOM, topic="it is **up**", links=()))
    assert room.description == "it is up Opened by Pointman (key-1)."
    at.teams.arrange(ref, replace(ROOM, topic="x" * 2_000))
    assert len(room.description) == 1_024
    assert room.description.endswith("… Opened by Pointman (key-1).")


def test_one_that_is_as_it_should_be_is_only_read(at):
    ref = at.teams.open(ROOM, "key-1")
    at.box.server.seen.clear()
    at.teams.arrange(ref, ROOM)
    assert {asked.method for asked, _ in at.box.server.seen} == {"GET"}


@pytest.mark.parametrize("fault", [Fault(..., done=True, drop=True), Fault(..., Answer(503, ""), done=True)])
def test_one_that_was_opened_in_doubt_is_found_again(at, fault):
    at.box.server.fail(
        Fault(lambda asked: asked.method == "POST" and asked.path.endswith("/channels"), fault.answer, True, fault.drop)
    )
    with pytest.raises(Temporary) as raised:
        at.teams.open(ROOM, "key-1")
    assert raised.value.in_doubt is True
    (room,) = rooms(at)
    assert at.again(teams={"Operations": at.ops.team}, channels_in="Operations").open(ROOM, "key-1") == room.id
    assert len(rooms(at)) == 1


def test_what_cannot_be_is_refused_with_what_to_do(at):
    with pytest.raises(Refused, match="lets no bot write in a private channel"):
        at.teams.open(replace(ROOM, private=True), "k")
    with pytest.raises(Missing, match="did you mean operations"):
        at.again(teams={"Operations": at.ops.team}, channels_in="Opertions").open(ROOM, "k")
    at.box.server.fail(
        Fault(lambda asked: asked.path.startswith("/graph/"), Answer(403, {"error": {"code": "Forbidden"}}))
    )
    with pytest.raises(Refused, match=r"the app needs Channel\.Create\.Group"):
        at.teams.open(ROOM, "k")
    with pytest.raises(Refused, match="has no channels of its own"):
        at.again().open(ROOM, "k")
    assert not at.again().channels


def test_who_is_not_in_the_team_is_told_and_all_else_is_done(at):
    eve = at.state.person("eve", "eve@example.org")
    at.state.teams[at.ops.team].members.discard(eve.id)
    ref = at.teams.open(ROOM, "k")
    people = ("ann@example.org", "nobody@example.org", eve.aad_id)
    with pytest.raises(Refused, match=r"not in the team Operations, so not in its channels: nobody@example.org, "):
        at.teams.arrange(ref, replace(ROOM, topic="new", people=people))
    assert rooms(at)[0].description.startswith("new")


def test_when_the_ticket_is_opened_again_its_channel_goes_on(at):
    ref = at.teams.open(ROOM, "k")
    at.teams.arrange(ref, replace(ROOM, archived=True))
    at.teams.arrange(ref, replace(ROOM, reopens=True))
    assert not rooms(at)[0].archived


def test_ten_names_that_are_taken_are_enough(at):
    for number in range(9):
        at.teams.open(ROOM, f"key-{number}")
    with pytest.raises(Refused, match="that name and 8 after it are taken"):
        at.teams.open(ROOM, "another")
