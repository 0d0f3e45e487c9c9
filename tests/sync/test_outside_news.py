"""News for people outside: that something happened, and what their fields hold; never by whom, nor what was written."""

from __future__ import annotations

from tests.world import COMPANY, World

OUTSIDE = """
[audiences.customers]
external = true
fields = ["service", "eta", "changed"]
to = ["slack:#status"]
"""
NEWS = """
[[notify]]
id = "news"
to = ["audience:customers", "place:incidents"]
on = ["raised", "assigned", "commented", "hold", "resolved", "changed:eta", "changed:affected_users"]
text = "{{ service }}: {{ changed }}"
texts.customers = "{{ service }}: {{ changed }}"
"""
MUTE = """
[[mute]]
id = "merger"
name = "Secret merger"
mutes = ["notify"]
from = 2026-11-23T09:05:00
until = 2026-11-23T10:00:00
"""


def busy(world: World) -> World:
    ref = world.ticket(severity="low", affected_users=1)
    world.at("09:10").click("eta", ref, time="15:00")
    world.at("09:12").click("hold", ref, reason="the vendor sleeps")
    world.at("09:14").person(ref, severity="high", assignee="tom", affected_users=9)
    world.at("09:16").tracker.comment(ref, "The password is hunter2.", "ann")
    world.look(ref)
    return world.at("10:05")


def test_people_outside_hear_of_no_other_fields_comments_or_names() -> None:
    world = busy(World(NEWS, COMPANY + OUTSIDE))
    outside = " ".join(world.said("#status"))
    assert "checkout: eta is 15:00" in outside
    assert "put on hold" in outside
    assert not any(word in outside for word in ("ann", "Ann", "tom", "high", "hunter2", "affected", "commented"))
    assert all(word in " ".join(world.said("#incidents")) for word in ("by ann", "tom", "high", "hunter2", "affected"))


def test_what_a_mute_held_back_is_told_outside_without_its_name() -> None:
    world = busy(World(NEWS + MUTE, COMPANY + OUTSIDE))
    (said,) = world.said("#status")
    assert said.startswith("Until now this was held back:\n")
    assert "merger" not in said
    assert world.said("#incidents")[-1].startswith("While Secret merger was in force:")


def test_what_says_nothing_to_people_outside_is_not_told_to_them() -> None:
    world = busy(World(NEWS, COMPANY + OUTSIDE.replace('"eta", ', "")))
    assert world.said("#status") == ["checkout: put on hold"]


def test_a_text_that_tells_no_changes_is_told_whatever_happened() -> None:
    text = 'texts.customers = "{{ service }}: we are working on it."'
    world = busy(World(NEWS.partition("texts.customers")[0] + text, COMPANY + OUTSIDE))
    assert set(world.said("#status")) == {"checkout: we are working on it."}


def test_a_call_tells_people_outside_no_names_either() -> None:
    ladder = """
[[escalate]]
id = "vendor"
steps = [{ after = "30m", to = ["audience:customers"] }]
texts.customers = "{{ service }}: {{ changed }}"
"""
    world = busy(World(ladder, COMPANY + OUTSIDE))
    assert world.said("#status") == ["checkout: eta is 15:00"]
