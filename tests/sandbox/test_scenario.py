"""A scenario file is read with all its mistakes, and what it expects is judged by what stands in Jira and Slack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.clock import Clock
from sandbox.player import Pace, Player
from sandbox.scenario import HERE, Expect, Scenario, Step, Wrong, clock, load, parse
from sandbox.seeing import seen
from sandbox.slack import Message
from sandbox.world import LEAP, World

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> Iterator[World]:
    with World(Clock(START, speed=0.0), ("#incidents",)) as made:
        yield made


def post(world: World, text: str, place: str = "#incidents", key: str = "", under: str = "", buttons: str = "") -> str:
    """The app posts something; its timestamp."""
    state = world.slack.state
    elements = [
        {"type": "button", "action_id": label.lower(), "text": {"type": "plain_text", "text": label}}
        for label in buttons.split()
    ]
    blocks = [{"type": "actions", "elements": elements}] if elements else []
    metadata = {"event_type": "pointman", "event_payload": {"keys": key}}
    message = Message(state.stamp(), state.bot.id, text, blocks, under, metadata, "B0POINTMAN")
    world.channel(place).messages.append(message)
    return message.ts


def expect(**said: Any) -> Expect:
    return Expect(timedelta(0), "something", **said)


# ---- the file


def test_the_shipped_scenario_is_in_order_and_has_everything_that_the_design_shows() -> None:
    scenario = load(HERE / "checkout-down.toml")
    assert [step.at for step in scenario.steps] == sorted(step.at for step in scenario.steps)
    assert {"create", "set", "click", "outage"} == {step.verb for step in scenario.steps}
    assert scenario.length == timedelta(minutes=35)
    assert len(scenario.expects) == 35


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"stepp": []}, "scenario: stepp is not known here"),
        ({"step": {}}, "scenario: step must be written as [[step]]"),
        ({"start": "now"}, "start must be a moment with a zone"),
        ({"step": [{"at": "00:00", "clck": "Take it"}]}, "step 1: says nothing; it must be one of create, set"),
        ({"step": [{"at": "00:00", "set": {}, "comment": "x"}]}, "step 1: says set, comment; it must be one of"),
        ({"step": [{"at": "5m", "say": "x", "by": "ann", "place": "#a"}]}, "step 1: at must be minutes"),
        ({"step": [{"say": "x", "by": "ann", "place": "#a"}]}, 'step 1: must say when, as at = "05:00"'),
        ({"step": [{"at": "00:00", "click": "Take it", "by": "ann"}]}, "step 1: click needs place"),
        ({"step": [{"at": "00:00", "outage": "slack"}]}, "step 1: outage needs until"),
        ({"step": [{"at": "00:00", "create": 3, "by": "ann"}]}, "step 1: create must be a text"),
        ({"step": [{"at": "00:00", "comment": "x", "by": "ann", "ticket": "y"}]}, "no step creates a ticket y"),
        ({"expect": [{"at": "00:00", "name": "x"}]}, "expect 1: must say one of ticket, place, quiet"),
        ({"expect": [{"at": "00:00", "place": "#a"}]}, "expect 1: missing 1 required positional argument: 'name'"),
        ({"expect": [{"at": "00:00", "name": "x", "place": "#a", "times": "2"}]}, "expect 1: times must be a number"),
        ({"expect": [{"at": "00:00", "name": "x", "place": "#a", "time": 2}]}, "expect 1: time is not known here"),
    ],
)
def test_a_mistake_is_told_with_its_place(table: dict[str, Any], told: str) -> None:
    with pytest.raises(Wrong) as caught:
        parse(table)
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Wrong) as caught:
        parse({"stepp": 1, "step": [{}, {"at": "x", "say": 3}]})
    assert len(str(caught.value).splitlines()) >= 4


def test_a_file_that_is_not_there_or_no_toml_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(Wrong, match=r"bad\.toml: Invalid value"):
        load(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Step(MINUTE, "click", "Take it", "ann", place="#incidents"), "Ann clicks “Take it” in #incidents"),
        (Step(MINUTE, "set", "", "bob", "t", {"Severity": "Low"}), "Bob sets Severity to Low"),
        (Step(MINUTE, "outage", "slack", until=2 * MINUTE), "Slack answers nothing but 503 until 02:00"),
        (Step(MINUTE, "status", "Closed", "tom", "t"), "Tom moves the ticket to Closed"),
    ],
)
def test_a_step_says_what_happens(step: Step, told: str) -> None:
    assert str(step) == told
    assert clock(step.at) == "01:00"


# ---- what is seen


def test_a_ticket_is_seen_as_people_see_it(world: World) -> None:
    key = world.create("ann", {"Summary": "Slow", "Severity": "Low", "assignee": "tom", "Affected users": 12})
    tickets = {"slow": key}
    words = {"Severity": "Low", "Assignee": "Tom Reyes", "Status": "Open", "Affected users": 12}
    assert seen(expect(ticket="slow", fields=words), world, tickets) == ""
    assert seen(expect(ticket="slow", fields={"Severity": "High"}), world, tickets) == "Severity is Low"
    assert seen(expect(ticket="slow", fields={"Team": "x"}), world, tickets) == "Team is empty"
    assert seen(expect(ticket="other"), world, tickets) == "there is no such ticket yet"
    assert seen(expect(ticket="slow", logs=1), world, tickets) == "there are 0 logs"
    assert seen(expect(ticket="slow", log="ann"), world, tickets) == "the log does not say so"
    world.jira.comment(key, "ann: acknowledge", "pointman")
    assert seen(expect(ticket="slow", logs=1, log="ann"), world, tickets) == ""


def test_messages_are_counted_by_place_text_and_thread(world: World) -> None:
    card = post(world, "OPS-1 card", buttons="Take Resolve")
    post(world, "OPS-1 news", under=card)
    post(world, "OPS-1 call", place="@tom")
    assert seen(expect(place="#incidents", text="OPS-1", times=2), world, {}) == ""
    assert seen(expect(place="#incidents", text="OPS-1", times=1, under=""), world, {}) == ""
    assert seen(expect(place="#incidents", text="news", under="card"), world, {}) == ""
    assert seen(expect(place="#incidents", text="card", under="card"), world, {}) == "no such message"
    assert seen(expect(place="*", text="OPS-1", times=3), world, {}) == ""
    assert seen(expect(place="@maria", text="", times=0), world, {}) == ""
    assert seen(expect(place="@tom", text="", times=0), world, {}) == "1 such messages"
    assert seen(expect(place="#incidents", text="card", buttons=("Resolve", "Take")), world, {}) == ""
    assert seen(expect(place="#incidents", text="card", buttons=()), world, {}) == "its buttons are Take, Resolve"
    assert seen(expect(place="@tom", text="call", buttons=("Take",)), world, {}) == "its buttons are none"


def test_a_message_under_one_key_twice_is_a_double_and_at_two_places_it_is_not(world: World) -> None:
    post(world, "call", key="k1")
    post(world, "call", place="@tom", key="k1")
    assert world.doubled() == ()
    post(world, "call again", key="k2 k1")
    assert [double.text for double in world.doubled()] == ["call again"]


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda w: w.create("ann", {"Colour": "red"}), "there is no field Colour"),
        (lambda w: w.create("ann", {"Severity": "Extreme"}), "Severity has no option Extreme"),
        (lambda w: w.create("ann", {"Assignee": "nobody"}), "there is nobody called nobody"),
        (lambda w: w.create("ann", {"Priority": "Urgent"}), "there is no Urgent"),
        (lambda w: w.move("ann", w.create("ann", {"Summary": "x"}), "Odd"), "no transition of OPS-1 leads to Odd"),
    ],
)
def test_what_the_products_do_not_have_is_told(world: World, act: Callable[[World], Any], told: str) -> None:
    with pytest.raises(LookupError, match=told):
        act(world)


# ---- playing


class Life:
    """A scenario played by hand, with nobody but us to make true what it expects."""

    def __init__(self, world: World, *expects: Expect, steps: tuple[Step, ...] = ()) -> None:
        ordered = tuple(sorted(expects, key=lambda e: e.at))
        scenario = Scenario("by-hand", "", START, steps, ordered)
        self.world = world
        self.player = Player(scenario, world, Pace(fast=0.0, waiting=0.0, patience=0.0))
        self.player.begin()

    def at(self, minutes: float) -> str:
        """Let time pass until then; how the first expectation stands."""
        self.world.clock.advance(timedelta(minutes=minutes) - self.player.elapsed)
        self.player.tick()
        return self.player.watched[0].outcome if self.player.watched else ""


def card(**said: Any) -> Expect:
    return replace(Expect(MINUTE, "a card", place="#incidents", text="card", times=1), **said)


def test_what_comes_in_time_holds(world: World) -> None:
    life = Life(world, card())
    assert life.at(0.5) == "waiting"
    assert life.at(1.5) == "waiting"
    post(world, "card")
    assert life.at(1.9) == "held"
    assert (life.player.done, life.player.held, life.player.lost, life.player.doubled) == (True, 1, 0, 0)


def test_what_does_not_come_in_time_is_lost(world: World) -> None:
    life = Life(world, card())
    assert life.at(1.9) == "waiting"
    assert life.at(2.1) == "failed"
    assert (life.player.held, life.player.lost, life.player.doubled) == (0, 1, 0)
    assert life.player.watched[0].said == "0 such messages"


def test_a_slow_machine_has_real_seconds_beside_those_of_the_sandbox(world: World) -> None:
    life = Life(world, card())
    life.player.pace = Pace(fast=0.0, patience=30.0)
    life.at(2.1)
    assert life.at(50) == "waiting"
    post(world, "card")
    assert life.at(51) == "held"


def test_who_was_started_again_has_time_to_settle_what_was_in_flight(world: World) -> None:
    life = Life(world, card())
    life.at(1.5)
    life.player.reborn()
    assert life.at(4.4) == "waiting"
    assert life.at(4.6) == "failed"


def test_a_second_message_at_the_end_is_a_double_though_the_first_held(world: World) -> None:
    later = Expect(3 * MINUTE, "later", place="@tom", text="call")
    life = Life(world, card(), later)
    post(world, "card")
    assert life.at(1) == "held"
    post(world, "card")
    post(world, "call", place="@tom")
    assert life.at(3) == "failed"
    assert (life.player.lost, life.player.doubled, life.player.watched[0].said) == (0, 1, "2 messages at the end")


def test_what_must_hold_all_the_time_fails_as_soon_as_it_does_not(world: World) -> None:
    life = Life(world, card(times=0, until=9 * MINUTE))
    assert life.at(1) == "waiting"
    assert life.at(8.9) == "waiting"
    post(world, "card")
    assert life.at(8.95) == "failed"


def test_quiet_means_that_nothing_changes_that_people_can_see(world: World) -> None:
    quiet = Expect(MINUTE, "nothing more", until=9 * MINUTE, quiet=True)
    key = world.create("ann", {"Summary": "x"})
    life, other = Life(world, quiet), Life(world, quiet)
    other.player.tickets["x"] = key
    assert life.at(1) == "waiting"
    assert other.at(2) == "waiting"
    world.comment("ann", key, "still?")
    assert other.at(8) == "failed"
    assert life.at(9) == "held", "what somebody does with a ticket of their own is no concern of the scenario's"


def test_a_step_waits_for_what_should_have_been_seen_before(world: World) -> None:
    step = Step(2 * MINUTE, "create", "t", "ann", "t", {"Summary": "x"})
    life = Life(world, card(within=timedelta(hours=1)), steps=(step,))
    life.at(1)
    life.at(5)
    assert life.player.tickets == {}
    post(world, "card")
    life.at(6)
    life.at(6.1)
    assert life.player.tickets == {"t": "OPS-1"}


def test_every_deed_of_a_person_reaches_the_product(world: World) -> None:
    world.channel("#incidents")
    steps = (
        Step(MINUTE, "create", "t", "ann", "t", {"Summary": "x"}),
        Step(MINUTE, "set", "", "bob", "t", {"Summary": "y"}),
        Step(MINUTE, "comment", "why?", "tom", "t"),
        Step(MINUTE, "status", "In Progress", "tom", "t"),
        Step(MINUTE, "say", "hello", "maria", place="#incidents"),
    )
    life = Life(world, steps=steps)
    life.at(1)
    view = world.jira.view("OPS-1")
    assert (view["fields"]["summary"], view["fields"]["status"]) == ("y", "In Progress")
    assert [(n["by"], n["text"]) for n in view["comments"]] == [("tom", "why?")]
    assert [m.text for m in world.channel("#incidents").messages] == ["hello"]


def test_a_product_in_an_outage_answers_503_until_it_is_over(world: World) -> None:
    world.outage("jira", START + MINUTE, START + 2 * MINUTE)
    info = f"{world.server.url}/rest/api/2/serverInfo"
    answers = []
    for _ in range(3):
        answers.append(requests.get(info, timeout=5).status_code)
        world.clock.advance(MINUTE)
    assert answers == [200, 503, 200]


def test_time_leaps_while_somebody_only_asks_what_changed_and_goes_slowly_while_somebody_works(world: World) -> None:
    def ask(path: str) -> timedelta:
        before = world.clock.now()
        requests.get(world.server.url + path, timeout=5)
        return world.clock.now() - before

    world.hurry(60_000.0, slow=0.0)
    assert ask("/rest/api/3/search/jql") == timedelta(0), "the world has just been made"
    world.worked -= 1.0
    assert ask("/rest/api/3/search/jql") == timedelta(seconds=LEAP), "never more than a look may last"
    assert ask("/rest/api/3/issue/1") == timedelta(0)
    assert ask("/rest/api/3/search/jql") == timedelta(0), "somebody has just worked"
    world.hurry(0.0)
    world.worked -= 1.0
    assert ask("/rest/api/3/search/jql") == timedelta(0), "time stands still"


def test_a_step_that_cannot_be_done_is_told_and_the_story_goes_on(world: World) -> None:
    steps = (
        Step(MINUTE, "click", "Take it", "ann", place="#incidents", text="card"),
        Step(MINUTE, "say", "hello", "maria", place="#incidents"),
    )
    life = Life(world, steps=steps)
    life.at(1)
    assert life.player.done
    assert life.player.undone == [
        "Ann clicks “Take it” in #incidents: no message at #incidents says “card” and has a button “Take it”"
    ]
    assert len(world.channel("#incidents").messages) == 1
