"""Somebody who took care of a ticket and went quiet is asked; without an answer it counts as not acknowledged again."""

from __future__ import annotations

from sync.ledger import Ledger
from tests.world import RULES, World

INCIDENTS, ANN, TOM, MARIA = "#incidents", "U-ann", "U-tom", "U-maria"

STILL = """
[[escalate]]
id = "still-on-it"
when = 'severity == "high" and acknowledged'
since = "changed"
steps = [{ after = "30m", to = ["acknowledger"] }, { after = "45m", then = "unacknowledge" }]
"""
ONCE = STILL.replace('"changed"', '"acknowledged"')


def quiet(rules: str = STILL) -> tuple[World, str]:
    """A world in which Ann acknowledged a ticket at 09:02."""
    world = World(RULES + rules)
    ref = world.ticket()
    world.at("09:02").click("acknowledge", ref, "ann")
    return world, ref


def acts(world: World, ref: str) -> list[tuple[str, str]]:
    ledger = Ledger.loads(world.tracker.tickets[ref].ledger, ref)
    return [(act.by, act.verb) for act in ledger.acts]


def test_whoever_goes_quiet_is_asked_and_without_an_answer_the_ladder_begins_again_from_the_bottom() -> None:
    world, ref = quiet()
    world.at("09:31:59")
    assert world.said(ANN) == []
    world.at("09:32:01")
    assert len(world.said(ANN)) == 1
    assert [b.verb for b in world.posts[-1].message.buttons] == ["confirm", "assign"]
    world.at("09:46:59")
    assert world.plan(ref).ticket.history[-1].field == "acknowledged"
    assert acts(world, ref) == [("ann", "acknowledge")]
    world.at("09:47:01")
    assert acts(world, ref) == [("ann", "acknowledge"), ("", "unacknowledge")]
    assert "nobody answered since 09:32" in world.log(ref)
    assert world.said(TOM) == []
    world.at("09:52:01")
    assert len(world.said(TOM)) == 1, "five minutes after it counts as not acknowledged"
