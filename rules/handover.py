"""When a ticket goes to somebody else by itself: the shift ends, or whoever has it is away or has no hours any more.

Nothing of it is stored. It falls out of the same decision that assigns, asked of the moments at which people come and
go; so what a plan says is next is what the look at that moment decides.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connectors.model import Ticket
from rules.decide import Decision, World, decide, holds
from rules.events import OPEN
from rules.facts import Facts
from rules.fields import holder, moments
from rules.model import Assign, RuleSet
from rules.schedule import AHEAD

MOST = 50
"""So many comings and goings are looked at before it is given up."""


def handover(ticket: Ticket, rules: RuleSet, world: World, now: datetime) -> Decision | None:
    """The decision that is next to assign somebody else if nobody acknowledges, `since` the moment of it.

    The ticket is as it is about to be: who has it is who was decided now.
    """
    facts = Facts(ticket, rules, now)
    if ticket.phase not in OPEN or facts["acknowledged"]:
        return None
    candidates = rules.index.candidates("assign", facts)
    live = [r for r in candidates if isinstance(r, Assign) and r.mode == "on" and (r.pick or r.person)]
    speaking = [rule for rule in live if world.shows(rule) and holds(rule.when, facts)]
    at, before = now, holder(facts)
    for _ in range(MOST if speaking else 0):
        edge = min((moment for rule in speaking for moment in moments(rule, facts, at)), default=None)
        if edge is None or edge > now + AHEAD:
            return None
        at, after = edge, _assigned(ticket, rules, world, edge)
        if after is not None and after.value != before:
            return replace(after, since=edge)
    return None


def by_time(ticket: Ticket, rules: RuleSet, world: World, then: datetime) -> bool:
    """Whether the same rules gave the ticket at an earlier moment to whoever has it: then time alone moves it on."""
    who, made = holder(Facts(ticket, rules, then)), _assigned(ticket, rules, world, then)
    return who is not None and made is not None and made.value == who


def _assigned(ticket: Ticket, rules: RuleSet, world: World, now: datetime) -> Decision | None:
    made = decide(("assign",), ticket, rules, world, now)
    return next((d for d in made if d.field == "assignee" and d.rule.mode == "on"), None)
