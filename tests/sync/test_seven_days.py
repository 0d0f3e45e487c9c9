"""A high incident of seven days, with thirty destinations and two hundred events: its ledger stays small."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from connectors.testing import MemoryMessenger
from sync.ledger import ROOM, Ledger
from tests.sync.week import PAUSABLE, Week
from tests.world import World

pytestmark = [pytest.mark.uncounted, pytest.mark.long(10), pytest.mark.usefixtures("silent")]
"""What is measured is measured by the small tests; counting lines would make these take more than twice as long."""

PLACES = [f"email:team-{number:02d}@example.org" for number in range(18)]
CHANNELS = [f"slack:#channel-{number:02d}" for number in range(12)]
LIMIT = 24_000


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


TIMERS = """
[[update]]
id = "hourly"
when = 'severity == "high"'
every = "1h"
to = ["audience:management"]
[[update]]
id = "sometimes"
when = 'severity >= "medium"'
every = "2h"
to = ["place:incidents", "email:board@example.org"]
[[objective]]
id = "rto"
goal = "rto"
pause = "hold"
steps = [{ at = "50%", to = ["lead:service.team"] },
         { before = "30m", to = ["audience:management"] },
         { after = "10m", to = ["audience:management"] }]
"""


def _world() -> World:
    return World(
        rules=_rules() + TIMERS,
        company=PAUSABLE,
        messengers=lambda clock: {
            "slack": MemoryMessenger(clock),
            "email": MemoryMessenger(clock, "email", searchable=False, editable=False),
        },
    )


def test_the_ledger_of_a_seven_day_incident_stays_under_24_kb() -> None:
    world, week = _world(), Week(random.Random(7))
    ref, largest = world.ticket(), 0
    for number in range(200):
        world.later(timedelta(minutes=50.4))
        week.happens(world, ref, number)
        largest = max(largest, len(world.tracker.tickets[ref].ledger or ""))
    assert world.now - world.tracker.tickets[ref].created >= timedelta(days=6, hours=23)
    assert len({post.place for post in world.posts}) >= 30
    assert len(world.posts) > 1_000, "it was a busy week"
    ledger = Ledger.loads(world.tracker.tickets[ref].ledger, ref)
    verbs = Counter(act.verb for act in ledger.acts)
    assert verbs.keys() >= {"set", "acknowledge", "update", "cadence", "skip", "pause", "snooze", "override", "comment"}
    assert len(ledger.acts) > 150
    assert ledger.dropped == (), "nothing had to make room"
    print(f"largest ledger: {largest} characters, with {len(ledger.acts)} acts")
    assert largest <= LIMIT < ROOM, f"the ledger took {largest} characters"
    week.asked_again(world, ref)
