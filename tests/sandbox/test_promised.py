"""Lost and doubled are counted from Jira and Slack alone, also for tickets that no scenario knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import Clock
from sandbox.player import Pace, Player
from sandbox.promised import Judged, missing, owed, spare
from sandbox.scenario import Expect, Scenario
from sandbox.slack import Message
from sandbox.tally import PATIENCE, Tally
from sandbox.world import World

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> Iterator[World]:
    with World(Clock(START, speed=0.0), ("#incidents", "#management")) as made:
        yield made


def high(world: World) -> str:
    """A ticket as Pointman leaves it: high, and with a team."""
    key = world.create("ann", {"Summary": "Checkout is down"})
    world.change("pointman", key, {"Severity": "High", "Team": "payments"})
    return key


def post(world: World, place: str, text: str, under: str = "") -> str:
    state = world.slack.state
    message = Message(state.stamp(), state.bot.id, text, [], under, None, "B0POINTMAN")
    world.channel(place).messages.append(message)
    return message.ts


def after(world: World, minutes: float) -> None:
    world.clock.advance(START + timedelta(minutes=minutes) - world.clock.now())


def judged(world: World, key: str, until: float | None = None) -> Judged:
    now = world.clock.now()
    posts = tuple(post for post in world.posts() if key in post.tickets)
    return Judged(key, now, START + timedelta(minutes=until) if until is not None else now, posts)


@pytest.mark.parametrize(
    ("minutes", "told", "why"),
    [
        (0.5, [], "nothing is owed before a minute has passed"),
        (2, ["the card in #incidents"], "a card, once it is high"),
        (7, ["the card in #incidents", "a call in @tom"], "after five minutes whoever is on call"),
        (
            17,
            [
                "the card in #incidents",
                "a call in @tom",
                "a call in @maria",
                "a call in #incidents",
                "an update in #management",
            ],
            "the lead, and management how it stands",
        ),
    ],
)
def test_what_is_owed_grows_with_the_ladder(world: World, minutes: float, told: list[str], why: str) -> None:
    key = high(world)
    after(world, minutes)
    assert [str(one) for one in owed(world, judged(world, key))] == [f"{each} about {key}" for each in told], why


def test_after_half_an_hour_management_is_owed_a_call_too(world: World) -> None:
    key = high(world)
    after(world, 32)
    assert {one.place for one in owed(world, judged(world, key)) if one.what == "a call"} == {
        "@tom", "@maria", "@ann", "#incidents", "#management",
    }  # fmt: skip


def test_management_is_owed_an_update_which_is_no_call_and_no_second_one_in_the_same_words(world: World) -> None:
    key = high(world)
    after(world, 12)
    assert "an update" not in {one.what for one in owed(world, judged(world, key))}
    after(world, 14)
    (update,) = (one for one in missing(world, judged(world, key)) if one.what == "an update")
    assert str(update) == f"an update in #management about {key}"
    post(world, "#management", f"{key} Checkout is down: high, new. tom has it.\nNext update by 09:24.")
    assert [one.place for one in missing(world, judged(world, key)) if "call" not in one.what] == ["#incidents"]
    post(world, "#management", f"{key} Checkout is down: high, new. tom has it.\nNext update by 09:36.")
    assert spare(world, judged(world, key)) == ()
    post(world, "#management", f"{key} Checkout is down: high, new. tom has it.\nNext update by 09:36.")
    assert [one.place for one in spare(world, judged(world, key))] == ["#management"]


def test_whoever_was_away_is_called_once_and_that_is_enough(world: World) -> None:
    key = high(world)
    after(world, 31)
    post(world, "#incidents", f"{key} Checkout is down\nSeverity high")
    for place in ("@tom", "@maria", "@ann", "#incidents", "#management"):
        post(world, place, f"{key} Checkout is down: nobody has acknowledged")
    post(world, "#management", f"{key} Checkout is down: high, new. tom has it. Next update by 09:43.")
    after(world, 33)
    assert missing(world, judged(world, key)) == ()
    assert spare(world, judged(world, key)) == ()


def test_a_call_before_its_time_is_not_the_call_that_is_owed(world: World) -> None:
    key = high(world)
    after(world, 3)
    post(world, "@tom", f"{key} Checkout is down: nobody has acknowledged")
    after(world, 7)
    assert [one.place for one in missing(world, judged(world, key)) if one.what == "a call"] == ["@tom"]


def test_what_falls_due_after_a_person_has_acted_is_open(world: World) -> None:
    key = high(world)
    after(world, 17)
    assert {one.place for one in owed(world, judged(world, key, until=7)) if one.what == "a call"} == {"@tom"}


def test_a_low_ticket_owes_nothing(world: World) -> None:
    key = world.create("ann", {"Summary": "A typo"})
    world.change("pointman", key, {"Severity": "Low", "Team": "payments"})
    after(world, 90)
    assert owed(world, judged(world, key)) == ()


def test_the_news_of_an_end_must_stand_under_the_card(world: World) -> None:
    key = high(world)
    after(world, 1.5)
    card = post(world, "#incidents", f"{key} Checkout is down\nSeverity high")
    world.move("ann", key, "Resolved")
    after(world, 3)
    assert [one.what for one in missing(world, judged(world, key, until=1.5))] == ["the news of its end"]
    post(world, "#incidents", f"{key} Checkout is down: resolved by ann", under=card)
    assert missing(world, judged(world, key, until=1.5)) == ()


def test_a_second_card_and_a_second_call_of_a_step_are_doubles(world: World) -> None:
    key = high(world)
    post(world, "#incidents", f"{key} Checkout is down\nSeverity high")
    after(world, 5)
    post(world, "@tom", f"{key}: nobody has acknowledged")
    after(world, 6)
    assert spare(world, judged(world, key)) == ()
    post(world, "@tom", f"{key}: nobody has acknowledged")
    post(world, "#incidents", f"{key} Checkout is down\nSeverity high")
    after(world, 7)
    assert [found.place for found in spare(world, judged(world, key))] == ["#incidents", "@tom"]


class _Long(Tally):
    """A tally in a world in which Pointman has lived for long already."""

    def live(self, seconds: float) -> None:
        self._since = {one: (real - seconds, at) for one, (real, at) in self._since.items()}


def test_what_is_missing_counts_as_lost_when_pointman_had_time_for_it(world: World) -> None:
    high(world)
    tally = _Long(world)
    after(world, 7)
    assert tally.lost == 0
    tally.live(PATIENCE - 1)
    after(world, 11)
    assert tally.lost == 0, "it had no real time yet"
    tally.live(2)
    assert tally.lost == 2
    post(world, "@tom", "OPS-1: nobody has acknowledged")
    assert tally.lost == 1


def test_while_time_stands_still_nothing_is_lost(world: World) -> None:
    high(world)
    tally = _Long(world)
    after(world, 7)
    assert tally.lost == 0
    tally.live(10 * PATIENCE)
    assert tally.lost == 0
    after(world, 11)
    assert tally.lost == 2


def test_a_double_is_counted_once_however_it_is_found(world: World) -> None:
    key = high(world)
    tally = Tally(world)
    for _ in range(2):
        ts = post(world, "#incidents", f"{key} Checkout is down\nSeverity high")
        message = world.channel("#incidents").message(ts)
        assert message is not None
        message.metadata = {"event_type": "pointman", "event_payload": {"keys": f"{key}-card"}}
    assert tally.doubled == 1


def test_a_hand_taken_in_the_story_hands_the_ticket_over(world: World) -> None:
    call = Expect(5 * MINUTE, "Tom is called", place="@tom", text="Checkout", times=1)
    player = Player(Scenario("s", "", START, (), (call,)), world, Pace(0.0, 0.0, 0.0))
    player.begin()
    key = high(world)
    player.tickets["checkout"] = key
    tally = _Long(world, player)
    after(world, 2)
    tally.touch(key)
    after(world, 9)
    player.tick()
    assert [watched.outcome for watched in player.watched] == ["withdrawn"]
    assert (tally.lost, player.done, player.lost) == (0, True, 0)
    tally.live(PATIENCE + 1)
    after(world, 13)
    assert tally.lost == 1, "its card, which was due before"


def test_a_ticket_of_ones_own_does_not_disturb_the_story(world: World) -> None:
    card = Expect(MINUTE, "a card", place="#incidents", text="Checkout", times=1)
    player = Player(Scenario("s", "", START, (), (card,)), world, Pace(0.0, 0.0, 0.0))
    player.begin()
    player.tickets["checkout"] = high(world)
    mine = world.create("bob", {"Summary": "Checkout is slow"})
    post(world, "#incidents", f"{player.tickets['checkout']} Checkout is down\nSeverity high")
    post(world, "#incidents", f"{mine} Checkout is slow\nSeverity high")
    after(world, 2)
    player.tick()
    assert (player.held, player.lost, player.doubled) == (1, 0, 0)
