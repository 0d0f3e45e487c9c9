"""Moments that meet, and moments that have not come: a tracker that dates by the second, and a clock that was ahead.

What happens twice in one moment is told twice, and what was written while the clock was wrong keeps nobody waiting
until it is right.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sync.ledger import Ledger
from tests.world import COMPANY, World

NEWS = """
[[notify]]
id = "heard"
on = ["commented", "hold", "resumed", "changed:severity", "resolved"]
to = ["slack:#news"]
[[mute]]
id = "freeze"
when = 'mentions(text, "frozen")'
from = 2026-11-23T00:00:00
until = 2026-11-23T12:00:00
mutes = ["notify"]
"""
UPDATES = """
[[update]]
id = "half-hourly"
every = "30m"
to = ["slack:#management"]
"""
AHEAD = timedelta(hours=5)


def told(world: World, place: str = "#news") -> list[str]:
    return [text.partition(": ")[2] for text in world.said(place)]


def clocks(world: World, place: str = "#management") -> list[str]:
    return [f"{post.at:%H:%M}" for post in world.posts if post.place == place]


def looks(world: World, ref: str) -> None:
    """Looks at the same moment, and a new process, find nothing more to tell."""
    for _ in range(3):
        world.look(ref)
    world.restart()
    world.at("11:00")


# ---- events of one moment


def test_two_changes_of_one_moment_with_a_look_between_are_both_told_once() -> None:
    world = World(NEWS, COMPANY)
    ref = world.ticket()
    world.at("10:00")
    world.person(ref, hold=True)
    world.person(ref, by="tom", severity="low")
    world.person(ref, hold=False)
    looks(world, ref)
    assert told(world) == ["put on hold by Ann", "severity is low by Tom", "resumed by Ann"]


def test_what_is_known_late_of_a_moment_is_told_also_after_a_restart() -> None:
    world = World(NEWS, COMPANY)
    ref = world.ticket()
    world.at("10:00")
    world.person(ref, hold=True)
    world.restart()
    world.person(ref, severity="low")
    looks(world, ref)
    assert told(world) == ["put on hold by Ann", "severity is low by Ann"]


def test_a_comment_that_is_written_anew_is_told_once() -> None:
    world = World(NEWS, COMPANY)
    ref = world.ticket()
    world.at("10:00")
    world.tracker.comment(ref, "Looking at it")
    world.look(ref)
    ticket = world.tracker.tickets[ref]
    mine = [c if c.by is None or c.by.name != "Ann" else replace(c, text="Found it") for c in ticket.comments]
    world.tracker.tickets[ref] = replace(ticket, comments=tuple(mine))
    looks(world, ref)
    assert told(world) == ["Ann commented: Looking at it"]


def test_of_a_ledger_that_does_not_say_which_events_were_told_all_were() -> None:
    world = World(NEWS, COMPANY)
    ref = world.ticket()
    world.at("10:00")
    world.person(ref, hold=True)
    ticket = world.tracker.tickets[ref]
    ledger = Ledger.loads(ticket.ledger, ref)
    key = "news:heard>slack:#news"
    world.tracker.tickets[ref] = replace(
        ticket, ledger=ledger.with_entry(key, replace(ledger.entries[key], sum="0123456789")).dumps()
    )
    looks(world, ref)
    assert told(world) == ["put on hold by Ann"]


def test_news_that_no_mute_holds_are_told_once_of_one_moment_too() -> None:
    world = World(NEWS, COMPANY)
    ref = world.ticket(summary="Checkout is frozen")
    world.at("10:00")
    world.person(ref, phase="resolved")
    world.person(ref, severity="low")
    looks(world, ref)
    assert told(world) == ["resolved by Ann"]
    world.at("12:30")
    assert len(told(world)) == 2
    assert "severity is low" in told(world)[1]


def test_an_update_tells_what_a_tracker_dates_a_second_too_early() -> None:
    world = World(UPDATES, COMPANY)
    ref = world.ticket()
    world.at("10:00")
    world.later(timedelta(milliseconds=400))
    assert clocks(world) == ["09:30", "10:00"]
    right = world.tracker.clock
    world.tracker.clock = lambda: right().replace(microsecond=0)
    world.person(ref, severity="low")
    world.tracker.clock = right
    world.at("10:31")
    assert "severity is low by Ann" in world.said("#management")[-1]
    assert "Nothing has changed" not in world.said("#management")[-1]
    world.at("11:01")
    assert "Nothing has changed since 10:00" in world.said("#management")[-1]


# ---- a clock that was ahead


def leap(world: World, ref: str, by: timedelta) -> None:
    world.now += by
    world.look(ref)


@pytest.mark.parametrize("restart", [False, True])
def test_a_place_that_was_told_while_the_clock_was_ahead_hears_again_within_its_cadence(*, restart: bool) -> None:
    world = World(UPDATES, COMPANY)
    ref = world.ticket()
    world.at("09:40")
    leap(world, ref, AHEAD)
    assert clocks(world) == ["09:30", "14:40"]
    leap(world, ref, -AHEAD)
    if restart:
        world.restart()
    world.wakes[ref] = world.now
    world.at("11:45")
    assert clocks(world) == ["09:30", "10:10", "10:40", "11:10", "11:40", "14:40"]


def test_it_is_told_no_second_time_of_the_moments_that_were_ahead() -> None:
    world = World(UPDATES, COMPANY)
    ref = world.ticket()
    world.at("09:40")
    leap(world, ref, AHEAD)
    leap(world, ref, -AHEAD)
    for _ in range(20):
        world.look(ref)
    world.at("09:59")
    assert clocks(world) == ["09:30", "14:40"]


def test_another_process_whose_clock_is_a_little_ahead_moves_nothing() -> None:
    world = World(UPDATES, COMPANY)
    ref = world.ticket()
    world.at("09:40")
    key = "update:half-hourly>slack:#management"
    ledger = Ledger.loads(world.tracker.tickets[ref].ledger, ref)
    soon = world.now + timedelta(seconds=20)
    ahead = replace(ledger.entries[key], at=soon, mark=soon)
    assert world.engine.plan(ref).ledger == ledger
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger=ledger.with_entry(key, ahead).dumps())
    assert world.engine.plan(ref).ledger.entries[key] == ahead


def test_a_reminder_from_a_time_ahead_holds_none_back() -> None:
    world = World(UPDATES, COMPANY)
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("09:40")
    leap(world, ref, AHEAD)
    leap(world, ref, timedelta(minutes=28))
    assert clocks(world, "U-tom") == ["09:27", "15:08"]
    leap(world, ref, -AHEAD - timedelta(minutes=28))
    world.at("11:00")
    assert clocks(world) == ["09:30", "10:10", "10:40", "14:40"]
    assert clocks(world, "U-tom") == ["09:27", "10:07", "10:37", "15:08"]
