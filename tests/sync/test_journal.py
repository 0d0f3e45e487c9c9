"""Where a tracker's comments cannot be edited the log is a row of notes, each with what is new."""

from __future__ import annotations

import pytest

from connectors.testing import MemoryTracker
from sync.look import Site
from tests.sync.test_home import Housed
from tests.world import World


def notes(world: World, ref: str) -> list[str]:
    return [comment.text for comment in world.tracker.tickets[ref].comments]


def journal(world: World) -> World:
    world.tracker.edits_comments = False  # type: ignore[misc]  # a fact of the class, elsewhere
    return world


@pytest.fixture
def world() -> World:
    return journal(World())


def test_each_note_tells_what_is_new_and_no_line_is_told_twice(world: World) -> None:
    ref = world.ticket()
    world.at("09:06")
    first, *others = notes(world, ref)
    assert "severity = high" in first
    assert "What happens next" in first
    assert others
    told = [
        line for text in notes(world, ref) for line in text.split("**What happens next**")[0].splitlines()[1:] if line
    ]
    assert len(told) == len(set(told)), told
    assert any("call tom" in line for line in told)


def test_what_happens_next_alone_is_no_reason_for_a_note(world: World) -> None:
    ref = world.ticket()
    before = len(notes(world, ref))
    world.person(ref, phase="active")
    assert not any(item.effect.sort == "call" for item in world.plan(ref).of("next"))
    after = notes(world, ref)[before:]
    assert all(len(text.split("**What happens next**")[0].split("- ")) > 1 for text in after), after


def test_a_click_is_noted_and_nothing_else_is_said_again(world: World) -> None:
    ref = world.ticket()
    before = len(notes(world, ref))
    world.click("acknowledge", ref)
    text = notes(world, ref)[before]
    assert "ann: acknowledge" in text
    assert "severity = high" not in text
    assert "What happens next" not in text


def test_a_card_that_is_brought_up_to_date_is_no_note(world: World) -> None:
    ref = world.ticket()
    before = notes(world, ref)
    edits = world.posts[0].edits
    world.person(ref, severity="medium")
    world.at("09:01")
    world.restart()
    world.look(ref)
    assert world.posts[0].edits > edits, "the card says it"
    assert notes(world, ref) == before


def test_a_second_look_notes_nothing(world: World) -> None:
    ref = world.ticket()
    before = notes(world, ref)
    world.look(ref)
    world.restart()
    world.look(ref)
    assert notes(world, ref) == before


def test_notices_on_the_home_ticket_are_new_notes() -> None:
    housed = Housed()
    journal(housed)
    housed.engine.notices["x"] = "the first"
    housed.visit()
    housed.engine.notices["x"] = "the second"
    housed.visit()
    housed.visit()
    assert ["first" in text for text in notes(housed, housed.home)] == [True, False]


def test_the_same_log_is_one_comment_where_comments_can_be_edited() -> None:
    world = World(site=Site())
    ref = world.ticket()
    world.at("09:06")
    assert len(notes(world, ref)) == 1
    assert MemoryTracker.edits_comments
