"""Channels in Slack: opened once whatever happens, arranged as often as is wanted, and people's once they are open."""

import pytest

from connectors.errors import Denied, Missing, Refused, Temporary
from connectors.model import Channel, Link, Message
from sandbox.http import Answer, Fault
from tests.connectors.faults import patience_of
from tests.connectors.slack_workspace import connector, workspace
from tests.connectors.test_slack_faults import FAULTS, aimed

ROOM = Channel(
    "inc-ops-1", "**OPS-1** Checkout is down", links=(Link("OPS-1", "https://tracker.example.org/a?b=1&c=2"),)
)
KEY = "ac2029858f"
PATIENCE = 0.25
SOME = FAULTS[::3]
"""Every third of them: each call goes through the one client."""


@pytest.fixture
def at(request):
    with workspace() as made:
        made.slack = connector(made.box, timeout=patience_of(request, PATIENCE))
        yield made


def method(name):
    return lambda asked: asked.path == f"/api/{name}"


def opened(at, room=ROOM, key=KEY):
    ref = at.slack.open(room, key)
    return ref, at.state.channels[ref]


def test_a_channel_is_opened_and_marked_and_can_be_posted_to(at):
    ref, channel = opened(at)
    assert (channel.name, channel.is_private) == ("inc-ops-1", False)
    assert KEY in channel.purpose
    at.slack.put(ref, Message("hello"), None, "k")
    assert [message.text for message in channel.messages] == ["hello"]


def test_a_private_one_is_seen_by_whoever_is_invited(at):
    assert opened(at, Channel("inc-ops-2", private=True))[1].is_private


def test_opening_it_again_finds_it_by_its_mark(at):
    ref, channel = opened(at)
    assert at.again().open(ROOM, KEY) == ref
    assert at.again().open(ROOM, "another") != ref
    assert {c.name for c in at.state.channels.values()} == {"ops", "inc-ops-1", "inc-ops-1-2"}
    assert at.again().open(ROOM, "another") == next(c.id for c in at.state.channels.values() if c.name == "inc-ops-1-2")
    assert channel.purpose.count(KEY) == 1


def test_one_that_was_created_and_not_marked_is_ours(at):
    at.state.refuse("conversations.setPurpose", "internal_error")
    with pytest.raises(Temporary):
        at.slack.open(ROOM, KEY)
    ref = at.again().open(ROOM, KEY)
    assert KEY in at.state.channels[ref].purpose
    assert [c.name for c in at.state.channels.values()] == ["ops", "inc-ops-1"]


def test_a_time_out_after_the_effect_opens_no_second_one(at):
    at.slack = connector(at.box, timeout=PATIENCE)
    at.box.server.fail(Fault(method("conversations.create"), done=True, wait=2 * PATIENCE))
    with pytest.raises(Temporary) as error:
        at.slack.open(ROOM, KEY)
    assert error.value.in_doubt
    at.slack.open(ROOM, KEY)
    assert [c.name for c in at.state.channels.values()] == ["ops", "inc-ops-1"]


def test_somebody_elses_channel_of_that_name_is_left_alone(at):
    theirs = at.state.channel("#inc-ops-1")
    theirs.creator = at.ann.id
    ref, channel = opened(at)
    assert (channel.name, theirs.purpose) == ("inc-ops-1-2", "")
    assert ref != theirs.id


def test_a_channel_that_somebody_prepared_with_our_mark_is_not_taken_for_ours(at):
    trap = at.state.channel("#inc-ops-1")
    trap.creator, trap.purpose = at.ann.id, f"Opened by Pointman ({KEY})."
    ref, channel = opened(at)
    assert (channel.name, ref != trap.id) == ("inc-ops-1-2", True)


def test_where_every_name_is_taken_that_is_told(at):
    for number in range(1, 12):
        at.state.channel(f"#inc-ops-1-{number}" if number > 1 else "#inc-ops-1", member=False)
    with pytest.raises(Refused, match="8 after it are taken"):
        at.slack.open(ROOM, KEY)


def test_a_name_of_eighty_letters_has_room_for_a_number(at):
    long = Channel("x" * 80)
    first, second = at.slack.open(long, "one"), at.slack.open(long, "two")
    assert (len(at.state.channels[first].name), at.state.channels[second].name[-2:]) == (80, "-2")


def test_it_is_arranged_and_doing_so_twice_changes_nothing(at):
    ref, channel = opened(at)
    card = at.slack.put(ref, Message("card"), None, "card")
    tom = at.state.person("tom", "tom@example.org")
    room = Channel("inc-ops-1", ROOM.topic, (at.ann.id, "tom@example.org"), ROOM.links, (card,))
    at.slack.arrange(ref, room)
    assert channel.topic == "OPS-1 Checkout is down"
    assert {at.ann.id, tom.id} < channel.members
    assert [(one["title"], one["link"]) for one in channel.bookmarks] == [
        ("OPS-1", "https://tracker.example.org/a?b=1&c=2")
    ]
    assert channel.pins == [card.partition(":")[2]]
    before = dict(at.state.calls)
    at.slack.arrange(ref, room)
    more = {name for name, count in at.state.calls.items() if count > before.get(name, 0)}
    assert more == {"conversations.info", "conversations.members", "bookmarks.list", "pins.add"}
    assert (len(channel.bookmarks), len(channel.pins)) == (1, 1)


def test_nobody_is_put_out_and_what_people_added_stays(at):
    ref, channel = opened(at)
    at.slack.arrange(ref, Channel("inc-ops-1", people=(at.ann.id,)))
    channel.bookmarks.append({"id": "Bk1", "title": "theirs", "link": "https://example.org", "type": "link"})
    at.state.rename(channel, "#checkout-fire")
    at.slack.arrange(ref, ROOM)
    assert at.ann.id in channel.members
    assert (len(channel.bookmarks), channel.name) == (2, "checkout-fire")


def test_who_cannot_be_invited_does_not_keep_the_others_out(at):
    ref, channel = opened(at)
    gone = at.state.person("gone")
    gone.deleted = True
    room = Channel(
        "inc-ops-1", "topic", ("U404", gone.id, "nobody@example.org", at.state.bot.id, at.ann.id), ROOM.links
    )
    with pytest.raises(Refused) as error:
        at.slack.arrange(ref, room)
    assert at.ann.id in channel.members
    assert (channel.topic, len(channel.bookmarks)) == ("topic", 1)
    said = str(error.value)
    assert all(
        word in said for word in ("U404", "user_not_found", "cant_invite", "nobody@example.org", "users_not_found")
    )
    assert "cant_invite_self" not in said


@pytest.mark.parametrize(
    ("scope", "lost"),
    [
        ("channels:manage", "topic"),
        ("pins:write", "pins"),
        ("bookmarks:read", "bookmarks"),
        ("bookmarks:write", "bookmarks"),
    ],
)
def test_a_scope_that_lacks_concerns_its_part_alone(at, scope, lost):
    ref, channel = opened(at)
    card = at.slack.put(ref, Message("card"), None, "card")
    at.state.scopes.discard(scope)
    with pytest.raises(Refused, match=rf"needs {scope}"):
        at.slack.arrange(ref, Channel("inc-ops-1", "topic", (), ROOM.links, (card,)))
    assert not getattr(channel, lost)
    kept = {"topic", "pins", "bookmarks"} - {lost}
    assert all(getattr(channel, name) for name in kept)


def test_without_the_scope_to_open_channels_all_else_goes_on(at):
    at.state.scopes.discard("channels:manage")
    with pytest.raises(Refused, match="needs channels:manage"):
        at.slack.open(ROOM, KEY)
    at.state.refuse("conversations.create", "restricted_action")
    with pytest.raises(Refused, match="allows it to some only"):
        at.slack.open(ROOM, KEY)
    assert at.slack.put("#ops", Message("x"), None, "k")


def test_it_is_archived_once(at):
    ref, channel = opened(at)
    ended = Channel("inc-ops-1", archived=True)
    at.slack.arrange(ref, ended)
    assert channel.is_archived
    at.slack.arrange(ref, ended)
    assert at.state.calls["conversations.archive"] == 1
    with pytest.raises(Missing):
        at.slack.put(ref, Message("too late"), None, "k")


def test_what_people_archived_stays_so_and_what_we_archived_only_people_can_open(at):
    ref, channel = opened(at)
    channel.is_archived = True
    with pytest.raises(Missing, match="people archived it"):
        at.slack.arrange(ref, ROOM)
    assert "conversations.unarchive" not in at.state.calls
    with pytest.raises(Missing, match="a person has to"):
        at.slack.arrange(ref, Channel("inc-ops-1", reopens=True))
    channel.is_archived = False
    channel.members.discard(at.state.bot.id)
    at.slack.arrange(ref, ROOM)
    assert at.state.bot.id in channel.members, "a public one is joined again"


def test_one_that_was_deleted_is_missing(at):
    with pytest.raises(Missing, match="channel_not_found"):
        at.slack.arrange("C404", ROOM)


def test_a_topic_is_cut_to_what_slack_takes_and_pings_nobody(at):
    ref, channel = opened(at)
    at.slack.arrange(ref, Channel("inc-ops-1", "Down \\<\\!channel\\> " + "x" * 400))
    assert len(channel.topic) == 250
    assert channel.topic.endswith("…")


def test_an_answer_without_a_channel_is_in_doubt(at):
    at.box.server.fail(Fault(method("conversations.create"), Answer(200, {"ok": True}), done=True))
    with pytest.raises(Temporary):
        at.slack.open(ROOM, KEY)
    at.box.server.seen.clear()


def test_trouble_of_slack_itself_ends_the_arranging(at):
    ref, _ = opened(at)
    for fault, wanted in (("ratelimited", Temporary), ("token_revoked", Denied)):
        at.state.refuse("conversations.setTopic", fault)
        with pytest.raises(wanted):
            at.slack.arrange(ref, ROOM)


@pytest.mark.parametrize(("why", "fault", "error", "doubt", "wait", "stands"), FAULTS, ids=[row[0] for row in FAULTS])
def test_every_answer_to_opening_one_has_one_meaning_and_the_next_try_opens_no_second(
    at, why, fault, error, doubt, wait, stands
):
    at.box.server.fail(aimed(fault, "conversations.create"))
    with pytest.raises(error) as told:
        at.slack.open(ROOM, KEY)
    if doubt is not None:
        assert told.value.in_doubt is doubt, why
    assert len(at.state.channels) == 1 + stands, "beside #ops"
    assert at.state.token not in str(told.value)
    at.again().open(ROOM, KEY)
    assert [one.name for one in at.state.channels.values()] == ["ops", "inc-ops-1"]


@pytest.mark.parametrize(("why", "fault", "error", "doubt", "wait", "stands"), SOME, ids=[row[0] for row in SOME])
def test_every_answer_while_arranging_has_one_meaning_and_the_next_try_makes_it_good(
    at, why, fault, error, doubt, wait, stands
):
    ref, channel = opened(at)
    at.box.server.fail(aimed(fault, "bookmarks.add"))
    with pytest.raises(Refused if error is Missing else error):
        at.slack.arrange(ref, ROOM)
    at.again().arrange(ref, ROOM)
    assert (channel.topic, len(channel.bookmarks)) == ("OPS-1 Checkout is down", 1)
