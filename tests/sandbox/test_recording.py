"""Any past moment of the sandbox can be shown: tickets and messages as they were, and nothing that came later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import Clock
from sandbox.coming import Coming, coming, split
from sandbox.jira.values import paragraphs
from sandbox.recording import Recording, Then
from sandbox.shown import Opened, shown
from sandbox.slack import Message
from sandbox.world import World

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def world() -> Iterator[World]:
    with World(Clock(START, speed=0.0), ("#incidents",)) as made:
        yield made


def pass_minutes(world: World, minutes: float) -> None:
    world.clock.advance(timedelta(minutes=minutes))


def at(recording: Recording, minutes: float) -> Then:
    return recording.at(START + timedelta(minutes=minutes))


def test_a_ticket_is_shown_as_it_was(world: World) -> None:
    recording = Recording(world)
    pass_minutes(world, 1)
    key = world.create("ann", {"Summary": "Slow"})
    recording.take()
    pass_minutes(world, 4)
    world.change("bob", key, {"Summary": "Down", "Severity": "High"})
    world.comment("bob", key, "It is worse")
    recording.take()
    pass_minutes(world, 5)
    world.jira.set_property(key and world.jira.issue(key), "pointman", {"v": 1}, "pointman")
    assert at(recording, 0.5).desk.tickets() == ()
    before, then, now = at(recording, 4.9), at(recording, 5.1), at(recording, 10)
    assert (before.value(key, "Summary"), before.value(key, "Severity")) == ("Slow", None)
    assert (then.value(key, "Summary"), then.value(key, "Severity")) == ("Down", "High")
    assert [len(each.desk.ticket(key).remarks) for each in (before, then)] == [0, 1]
    assert [bool(each.desk.ticket(key).memory) for each in (then, now)] == [False, True]
    assert now.fingerprint() == world.fingerprint()


def test_a_message_is_shown_as_it_was(world: World) -> None:
    recording = Recording(world)
    state, channel = world.slack.state, world.channel("#incidents")
    pass_minutes(world, 1)
    message = Message(state.stamp(), state.bot.id, "OPS-1 is high", bot_id="B0POINTMAN")
    channel.messages.append(message)
    recording.take()
    pass_minutes(world, 4)
    message.text, message.edited = "OPS-1 is resolved", state.stamp()
    assert at(recording, 0.5).posts() == ()
    assert [post.text for post in at(recording, 4.9).posts()] == ["OPS-1 is high"]
    assert [post.text for post in at(recording, 5.1).posts()] == ["OPS-1 is resolved"]


def test_what_is_deleted_is_there_before_and_not_after(world: World) -> None:
    recording = Recording(world)
    key = world.create("ann", {"Summary": "x"})
    recording.take()
    pass_minutes(world, 2)
    world.jira.delete(key)
    recording.take()
    assert [ticket.key for ticket in at(recording, 1).desk.tickets()] == [key]
    assert at(recording, 3).desk.tickets() == ()


def test_the_past_is_another_world_and_cannot_be_clicked_in(world: World) -> None:
    state = world.slack.state
    button = {"type": "button", "action_id": "take", "text": {"type": "plain_text", "text": "Take it"}}
    blocks = [{"type": "actions", "elements": [button]}]
    world.channel("#incidents").messages.append(Message(state.stamp(), state.bot.id, "x", blocks, bot_id="B"))
    recording = Recording(world)
    then = recording.at(START + timedelta(seconds=1))
    then.slack.state.channels.clear()
    assert world.posts()
    past = shown(recording.at(START + timedelta(seconds=1)), Opened())
    assert "<button disabled" in past["messages"][0]["html"]
    assert "disabled" not in shown(world, Opened())["messages"][0]["html"]


def test_an_idle_world_takes_no_room(world: World) -> None:
    recording = Recording(world)
    world.create("ann", {"Summary": "x"})
    for _ in range(50):
        pass_minutes(world, 1)
        recording.take()
    assert sum(len(versions) for _, versions in recording._tickets.things.values()) == 1


def test_it_records_by_itself_until_it_is_stopped(world: World) -> None:
    recording = Recording(world)
    recording.start()
    recording.stop()
    recording.stop()
    assert not recording._thread.is_alive()


# ---- what happens next


def log(*coming: str) -> object:
    def paragraph(text: str) -> dict[str, object]:
        return {"type": "paragraph", "content": [{"type": "text", "text": text, "marks": [{"type": "strong"}]}]}

    items = [{"type": "listItem", "content": [paragraph(line)]} for line in coming]
    content = [paragraph("Pointman log"), paragraph("What happens next"), {"type": "bulletList", "content": items}]
    return {"type": "doc", "version": 1, "content": [*content, paragraph("What happened"), paragraph("09:00 x")]}


def test_a_log_of_plain_text_says_what_happens_next_at_its_end() -> None:
    lines, rest = split(
        "Pointman log\n\n- 09:00 x\n\nWhat happens next\n\n- 09:05 call tom, unless acknowledged\n- later"
    )
    assert (lines, rest) == (("09:05 call tom, unless acknowledged", "later"), "Pointman log\n\n- 09:00 x")
    assert split("It is worse") == ((), "It is worse")


def test_what_happens_next_is_read_from_the_log_and_the_rest_is_left() -> None:
    lines, rest = split(log("09:05 call tom, unless acknowledged", "09:15 call maria"))
    assert lines == ("09:05 call tom, unless acknowledged", "09:15 call maria")
    assert [node["content"][0]["text"] for node in rest["content"]] == ["What happened", "09:00 x"]


@pytest.mark.parametrize("body", [paragraphs("Nothing of ours"), "wiki text", None])
def test_any_other_comment_stays_whole(body: object) -> None:
    assert split(body) == ((), body)


def test_calls_of_one_moment_are_one_line() -> None:
    lines = ("09:30 call tom, unless acknowledged", "09:30 call #incidents, unless acknowledged", "10:30 tell ann")
    assert coming(lines, START + timedelta(minutes=18)) == (
        Coming("09:30", "in 12 min", "call tom, #incidents", "acknowledged"),
        Coming("10:30", "in 1 h 12", "tell ann"),
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nothing by itself", Coming("", "", "nothing by itself")),
        ("held: x, unless y", Coming("", "", "held: x, unless y")),
        ("09:00 call tom", Coming("09:00", "now", "call tom")),
        ("08:59 call tom", Coming("08:59", "now", "call tom")),
        ("24 Nov 09:30 call tom", Coming("24 Nov 09:30", "", "call tom")),
        ("2026-11-24 09:30 call tom", Coming("2026-11-24 09:30", "", "call tom")),
    ],
)
def test_a_line_is_read_with_its_moment_or_left_as_it_is(line: str, told: Coming) -> None:
    assert coming((line,), START) == (told,)
