"""A high incident of seven days, with thirty destinations and two hundred events: its ledger stays small."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from connectors.model import Command, User
from connectors.testing import MemoryMessenger
from sync.commands import carry_out
from sync.ledger import ROOM, Ledger
from tests.world import COMPANY, World

pytestmark = [pytest.mark.uncounted, pytest.mark.long, pytest.mark.usefixtures("silent")]
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
PAUSABLE = (
    COMPANY.replace('criticality = "critical"', 'criticality = "critical"\nrto = "4h"')
    + """
[roles]
poc = { title = "Point of contact" }
commander = { title = "Commander" }
"""
)


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
    world, week = _world(), _Week(random.Random(7))
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


class _Week:
    """What people ask of one ticket in a week, each by a command with an id as long as a messenger's own."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.asked, self.turns = dice, list[Command](), Counter[str]()

    def happens(self, world: World, ref: str, number: int) -> None:
        who, what = ("ann", "tom", "maria")[number % 3], self.dice.choice(WISHES)
        if what == "reopen":
            world.person(ref, who, phase="resolved")
            world.later(timedelta(minutes=1))
            world.person(ref, who, phase="new")
        elif not self._asks(world, ref, who, self._turn(what)):
            self._asks(
                world, ref, who, {"verb": "comment", "text": "Nothing of the kind is to come, so I only say so."}
            )

    def asked_again(self, world: World, ref: str) -> None:
        """Every command comes once more, days late: nothing is done, and nothing is forgotten."""
        before, posts = world.tracker.tickets[ref], len(world.posts)
        for command in self.asked:
            assert carry_out(command, world.engine) == "That was done already."
        assert (world.tracker.tickets[ref], len(world.posts)) == (before, posts)

    def _turn(self, what: str) -> dict[str, str]:
        """The next of what can be asked of this kind, each in its turn."""
        self.turns[what] += 1
        several = ASKED[what]
        return several[self.turns[what] % len(several)]

    def _asks(self, world: World, ref: str, who: str, said: dict[str, str]) -> bool:
        ident = (
            f"{world.now.timestamp():.6f}.{len(self.asked)}.8271627162712.2938475610.5d1bf2a10e9c4b7d8a6f3c2e1b0d9f87"
        )
        args = {name: value for name, value in said.items() if name != "verb"}
        command = Command(ref, said["verb"], User(f"U-{who}"), "slack", args, at=world.now, id=ident)
        before = world.tracker.tickets[ref].ledger
        carry_out(command, world.engine)
        if world.tracker.tickets[ref].ledger == before:
            return False
        self.asked.append(command)
        world.look(ref)
        return True


ASKED = {
    "care": [{"verb": "acknowledge"}, {"verb": "unacknowledge"}],
    "take": [{"verb": "take"}],
    "severity": [{"verb": "severity", "level": "medium"}, {"verb": "severity", "level": "high"}],
    "update": [{"verb": "update", "text": "We have found the cause and are working on a repair that takes an hour."}],
    "comment": [{"verb": "comment", "text": "The database is slow again."}],
    "cadence": [{"verb": "cadence", "every": every} for every in ("90m", "3h", "normal")],
    "skip": [{"verb": "skip"}],
    "snooze": [{"verb": "snooze", "time": "3m"}],
    "pause": [{"verb": "pause", "time": "20m"}],
    "override": [
        {"verb": "override", "objective": "rto", "within": within, "reason": "the vendor is slow to answer, as always"}
        for within in ("60h", "90h", "default")
    ],
    "hold": [{"verb": "hold", "reason": "waiting for the vendor"}, {"verb": "resume"}],
    "eta": [{"verb": "eta", "time": "3h"}],
    "confirm": [{"verb": "confirm"}],
    "handover": [{"verb": "handover", "role": "poc", "person": who} for who in ("ann", "tom", "maria")],
}
WISHES = (*ASKED, "update", "care", "severity", "reopen")
