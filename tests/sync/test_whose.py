"""What Pointman writes for a person counts as that person's and is told as theirs; what others do then is not."""

from __future__ import annotations

import re
from datetime import timedelta

from connectors.model import User
from tests.world import COMPANY, RULES, World

INCIDENTS = "#incidents"


def test_what_somebody_clicked_is_told_as_theirs() -> None:
    world = World()
    ref = world.ticket()
    world.later(timedelta(minutes=2))
    world.click("resolve", ref, by="ann")
    assert "resolved by ann" in world.said(INCIDENTS)[-1]


def test_only_the_change_that_was_asked_for_is_in_their_name() -> None:
    news = "\n[[notify]]\nid = 'people'\non = ['changed:severity', 'assigned']\nto = ['place:incidents']\n"
    world = World(rules=RULES + news)
    ref = world.ticket()
    world.later(timedelta(minutes=2))
    world.click("severity", ref, by="ann", level="low")
    world.later(timedelta(seconds=5))
    world.person(ref, by="tom", severity="medium")
    world.later(timedelta(seconds=5))
    world.click("take", ref, by="ann")
    world.later(timedelta(seconds=5))
    world.person(ref, by="maria", assignee=User("tom"))
    told = "\n".join(world.said(INCIDENTS)).lower()
    found = re.findall(r"(?:severity is|assigned to) \w+ by \w+", told)
    assert found == [
        "severity is high by pointman",
        "severity is low by ann",
        "severity is medium by tom",
        "assigned to ann by ann",
        "assigned to tom by maria",
    ], told


def test_whoever_takes_a_part_that_the_tracker_keeps_was_named_by_nobody() -> None:
    company = COMPANY.replace("ann = {", 'ann = { name = "Ann Archer",') + '\n[roles]\nlead = { title = "Lead" }\n'
    world = World(RULES + "\n[[notify]]\nid = 'lead'\non = ['changed:lead']\nto = ['slack:#news']\n", company)
    ref = world.ticket(lead=None)
    world.later(timedelta(minutes=2))
    assert world.click("claim:lead", ref, by="ann") == "You are lead of OPS-1."
    world.later(timedelta(minutes=2))
    world.click("handover", ref, by="ann", role="lead", person="tom")
    assert [text.rpartition(": ")[2] for text in world.said("#news")] == [
        "Ann Archer is lead",
        "tom is lead, named by Ann Archer",
    ]


def test_a_change_long_after_is_not_in_the_name_of_whoever_asked_once() -> None:
    world = World()
    ref = world.ticket()
    world.click("resolve", ref, by="ann")
    world.later(timedelta(minutes=5))
    world.person(ref, by="tom", phase="active")
    world.later(timedelta(minutes=5))
    world.person(ref, by="tom", phase="resolved")
    assert "resolved by tom" in world.said(INCIDENTS)[-1].lower()
