"""Too many calls to one place become one list, and no call is lost from it, whoever makes it and however it fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from time import sleep

import pytest

from connectors.errors import Missing, Temporary
from connectors.model import Message
from connectors.testing import MemoryMessenger
from sync.crowd import LONGEST, TITLE, Crowd
from tests.world import MORNING, World

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Place:
    """A place in a fake messenger, with the crowd in front of it."""

    def __init__(self, most: int = 2) -> None:
        self.now = NOW
        self.slack = MemoryMessenger(lambda: self.now)
        self.crowd = Crowd(most)

    def call(self, text: str) -> str:
        return self.crowd.call(self.slack, "#ops", Message(text), f"key-{text}", self.now)

    @property
    def said(self) -> list[str]:
        return [post.message.text for post in self.slack.posts]


def test_a_few_calls_stand_alone_and_more_become_a_list() -> None:
    place = Place()
    refs = [place.call(text) for text in "abcd"]
    assert place.said == ["a", "b", f"{TITLE}\n\n- c\n- d"]
    assert refs[2] == refs[3]


def test_every_call_of_a_list_is_found_under_its_own_key() -> None:
    place = Place()
    for text in "abcd":
        place.call(text)
    assert {type(place.slack.find("#ops", f"key-{text}", NOW)).__name__ for text in "abcd"} == {"Found"}


def test_after_ten_minutes_calls_stand_alone_again() -> None:
    place = Place()
    for text in "abc":
        place.call(text)
    place.now += timedelta(minutes=11)
    place.call("d")
    assert place.said[-1] == "d"


def test_a_list_that_is_ten_minutes_old_or_full_is_left_and_another_begins() -> None:
    place = Place(most=0)
    for number in range(LONGEST + 1):
        place.call(f"call {number}")
    assert len(place.said) == 2
    place.now += timedelta(minutes=9)
    place.call("later")
    place.now += timedelta(minutes=2)
    place.call("later still")
    assert len(place.said) == 3


def test_a_list_that_somebody_deleted_begins_anew_with_the_next_call() -> None:
    place = Place(most=0)
    place.call("a")
    place.slack.posts.clear()
    place.call("b")
    assert place.said == [f"{TITLE}\n\n- b"]


def test_a_place_that_is_missing_is_missing_for_a_list_too() -> None:
    place = Place(most=0)
    place.slack.error = Missing("channel_not_found")
    with pytest.raises(Missing):
        place.call("a")


def test_a_call_in_doubt_is_not_edited_away_by_the_next() -> None:
    """The edit that added b may have come through; c begins another list, so that b still stands where it is found."""
    place = Place(most=0)
    place.call("a")
    put = place.slack.put

    def late(where: str, thing: Message, ref: str | None, key: str) -> str:
        put(where, thing, ref, key)
        raise Temporary("no answer in time")

    place.slack.put = late  # type: ignore[method-assign, assignment]
    with pytest.raises(Temporary):
        place.call("b")
    place.slack.put = put  # type: ignore[method-assign]
    place.call("c")
    assert place.said == [f"{TITLE}\n\n- a\n- b", f"{TITLE}\n\n- c"]


def test_calls_made_side_by_side_all_stand_on_the_list() -> None:
    place = Place(most=0)
    many = 16
    together = Barrier(many)
    put = place.slack.put

    def slow(where: str, thing: Message, ref: str | None, key: str) -> str:
        sleep(0.002)
        return put(where, thing, ref, key)

    place.slack.put = slow  # type: ignore[method-assign, assignment]

    def call(number: int) -> None:
        together.wait()
        place.call(f"call {number}")

    threads = [Thread(target=call, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (said,) = place.said
    assert set(said.splitlines()[2:]) == {f"- call {n}" for n in range(many)}


def test_what_is_counted_is_forgotten_when_its_time_is_over() -> None:
    place = Place()
    for number in range(3_000):
        place.crowd.call(place.slack, f"U{number}", Message("x"), f"k{number}", place.now)
        place.now += timedelta(seconds=10)
    assert place.crowd.size < 2_000


def test_a_flood_of_incidents_is_one_list_and_each_ticket_records_its_own_call() -> None:
    world = World()
    refs = [world.ticket(f"OPS-{number}", f"Checkout {number} is down") for number in range(25)]
    world.until(MORNING + timedelta(minutes=6))
    posts = [post for post in world.posts if post.place == "U-tom"]
    assert len(posts) == 11, "ten calls, and one list for the other fifteen"
    assert sum(f"Checkout {n} is down" in posts[-1].message.text for n in range(25)) == 15
    for ref in refs:
        key = "escalate:unacknowledged>on-call:team"
        assert any(i.effect.key == key and i.status == "done" for i in world.plan(ref).items)
    world.click("acknowledge", refs[-1])
    assert "Checkout 23 is down" in posts[-1].message.text, "what one ticket does leaves the list as it stands"
