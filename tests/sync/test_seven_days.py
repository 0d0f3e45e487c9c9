"""A high incident of seven days, with thirty destinations and two hundred events: its ledger stays small."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from connectors.model import User
from sync.ledger import ROOM
from tests.world import COMPANY, World

pytestmark = [pytest.mark.uncounted, pytest.mark.long, pytest.mark.usefixtures("silent")]
"""What is measured is measured by the small tests; counting lines would make these take more than twice as long."""

PLACES = [f"email:team-{number:02d}@example.org" for number in range(18)]
CHANNELS = [f"slack:#channel-{number:02d}" for number in range(12)]
LIMIT = 24 * 1024


def _rules() -> str:
    everywhere = ", ".join(f'"{place}"' for place in (*PLACES, *CHANNELS))
    return f"""
[[classify]]
id = "critical-down"
when = 'service.criticality == "critical" and mentions(text, "down")'
set = {{ severity = "high" }}
[[assign]]
id = "service-team"
when = 'service'
team = "service.team"
pick = "on-call"
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
steps = [{{ after = "5m", to = ["on-call:team"] }},
         {{ after = "15m", to = ["lead:team", "place:incidents"] }},
         {{ after = "30m", to = ["audience:management"] }}]
repeat = {{ every = "30m", times = 5 }}
[[escalate]]
id = "nobody-works-on-it"
when = 'severity == "high" and phase == "new"'
steps = [{{ after = "1h", to = [{everywhere}] }}]
[[notify]]
id = "card"
when = 'severity >= "medium"'
to = ["place:incidents", {everywhere}]
buttons = ["acknowledge", "take", "resolve"]
[[notify]]
id = "milestones"
on = ["raised", "lowered", "acknowledged", "assigned", "resolved", "reopened", "commented"]
to = ["place:incidents", {everywhere}]
"""


def test_the_ledger_of_a_seven_day_incident_stays_under_24_kb() -> None:
    from connectors.testing import MemoryMessenger

    world = World(
        rules=_rules(),
        company=COMPANY,
        messengers=lambda clock: {
            "slack": MemoryMessenger(clock),
            "email": MemoryMessenger(clock, "email", searchable=False, editable=False),
        },
    )
    dice = random.Random(7)
    ref, largest, destinations, events = world.ticket(), 0, set(), 0
    people = ("ann", "tom", "maria")
    while events < 200:
        world.later(timedelta(minutes=50.4))
        _happens(world, ref, dice, people[events % 3])
        events += 1
        text = world.tracker.tickets[ref].ledger or ""
        largest = max(largest, len(text))
        destinations |= {post.place for post in world.posts}
    assert world.now - world.tracker.tickets[ref].created >= timedelta(days=6, hours=23)
    assert len(destinations) >= 30
    assert len(world.posts) > 1_000, "it was a busy week"
    assert LIMIT < ROOM
    print(f"largest ledger: {largest} characters")
    assert largest <= LIMIT, f"the ledger took {largest} characters"


def _happens(world: World, ref: str, dice: random.Random, who: str) -> None:
    what = dice.choice(("comment", "acknowledge", "unacknowledge", "take", "severity", "reopen", "update", "assign"))
    if what == "comment":
        world.tracker.comment(ref, "Looking at it", who)
        world.look(ref)
    elif what == "severity":
        world.click("severity", ref, who, level=dice.choice(("medium", "high")))
    elif what == "reopen":
        world.person(ref, who, phase="resolved")
        world.later(timedelta(minutes=1))
        world.person(ref, who, phase="new")
    elif what == "update":
        world.click("update", ref, who, text="We have found the cause and are working on a repair that takes an hour.")
    elif what == "assign":
        world.person(ref, who, assignee=User(dice.choice(("tom", "maria"))))
    else:
        world.click(what, ref, who)
