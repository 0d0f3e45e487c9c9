"""A week of one ticket: what people ask of it, one thing after another, by dice."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

from connectors.model import Command, User
from sync.commands import carry_out
from tests.world import COMPANY, World

PAUSABLE = (
    COMPANY.replace('criticality = "critical"', 'criticality = "critical"\nrto = "4h"')
    + """
[roles]
poc = { title = "Point of contact" }
commander = { title = "Commander" }
"""
)


class Week:
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
