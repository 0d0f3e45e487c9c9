"""What the rules want for one ticket: one decision for each rule that speaks.

Pure: a function of the ticket (with its history), the rules, what is known beside it, and the moment. The moment is
read for two things only, who is on call and who is away; no condition can see it, so a decision changes when
something happens and not while nobody looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from connectors.model import Ticket
from rules.clock import Clock, clock
from rules.decision import Decision, World
from rules.events import OPEN, Event
from rules.facts import Facts
from rules.fields import decided
from rules.model import Escalate, Notify, Objective, Rule, RuleSet
from rules.past import LAPSE, Past, became_true, holds
from rules.restrict import restricting

__all__ = ["LAPSE", "Decision", "World", "became_true", "decide", "holds"]


def decide(kinds: tuple[str, ...], ticket: Ticket, rules: RuleSet, world: World, now: datetime) -> tuple[Decision, ...]:
    """The decisions of all rules of these kinds that speak, kind by kind in deciding order.

    A field has at most one decision of a rule that is on, and one of a watched rule before it; effects have one for
    each rule. Kinds that decide nothing yet are silent.
    """
    return decisions(kinds, Past(ticket, rules, world, now), world, now)


def decisions(kinds: tuple[str, ...], past: Past, world: World, now: datetime) -> tuple[Decision, ...]:
    """The same of a ticket whose past is known already: it is read once, however many kinds ask."""
    return tuple(decision for kind in kinds for decision in _of(kind, past, world, now))


def _of(kind: str, past: Past, world: World, now: datetime) -> Iterator[Decision]:
    if kind in {"classify", "assign"}:
        yield from decided(_speaking(kind, past, world), past.facts, world, now)
    elif kind == "escalate":
        ladders = (rule for rule in _speaking(kind, past, world) if isinstance(rule, Escalate))
        yield from (made for rule in ladders if (made := climbing(rule, past)) is not None)
    elif kind == "objective":
        yield from _timed(past, world, now)
    elif kind == "channel":
        yield from (Decision(rule, past.ticket.created) for rule in _speaking(kind, past, world))
    elif kind == "notify":
        yield from _told(past, world)
    elif kind == "update":
        ticking = ((rule, counted(rule, past)) for rule in _speaking(kind, past, world))
        yield from (Decision(rule, since) for rule, since in ticking if since is not None)


def _speaking(kind: str, past: Past, world: World) -> Iterator[Rule]:
    """The rules of a kind that are not off, see the ticket, and whose condition holds now, in order."""
    found = (rule for rule in past.rules.index.candidates(kind, past.facts) if holds(rule.when, past.facts))
    return filter(world.shows, found)


def climbing(rule: Escalate, past: Past) -> Decision | None:
    """The decision of a ladder whose condition holds; None where the moment it counts from is not there.

    It counts from that moment, but from no earlier than its condition became true and the ticket was open for it.
    """
    named = past.moment(rule.since)
    true = counted(rule, past)
    return None if named is None or true is None else Decision(rule, max(named, true))


def counted(rule: Rule, past: Past) -> datetime | None:
    """Since when a rule's condition is true and the ticket is in a phase that counts; None: it is not so now."""
    return past.since(lambda facts: holds(rule.when, facts) and _counts(rule, facts))


def _counts(rule: Rule, facts: Facts) -> bool:
    """Whether a rule counts in this phase: while the ticket is open, or where its condition speaks of the phase."""
    return facts.ticket.phase in OPEN or (rule.when is not None and "phase" in rule.when.names)


def _timed(past: Past, world: World, now: datetime) -> Iterator[Decision]:
    """The objectives that have a clock on this ticket, also where how it stands is unknown."""
    for rule in _speaking("objective", past, world):
        made = clock(rule, past, now) if isinstance(rule, Objective) else None
        if isinstance(made, Clock):
            yield Decision(rule, made.begun, clock=made)


def _told(past: Past, world: World) -> Iterator[Decision]:
    """Standing messages whose condition holds now, and news of every event at which a condition held."""
    made = [Decision(rule, past.ticket.created) for rule in _speaking("notify", past, world)]
    heard = ((rule, events) for rule, events in news(past) if world.shows(rule))
    made += [Decision(rule, events[-1].at, events=tuple(events)) for rule, events in heard]
    order = past.rules.index.order
    yield from sorted(made, key=lambda decision: order[decision.rule.id])


def news(past: Past) -> list[tuple[Rule, list[Event]]]:
    """By rule, the events that it tells; each event is asked of the few rules that can hold at its moment.

    What happened while the ticket was restricted is told by rules that see it then, also when it is over.
    """
    found: dict[str, tuple[Rule, list[Event]]] = {}
    index = past.rules.index
    for event in past.events if index.events else ():
        then = past.at(event.at) if event.kind in index.events else None
        closed = then is not None and bool(restricting(then, past.rules))
        for rule in index.candidates("news", then) if then is not None else ():
            heard = isinstance(rule, Notify) and event.kind in rule.on and (rule.restricted or not closed)
            if heard and then is not None and holds(rule.when, then):
                found.setdefault(rule.id, (rule, []))[1].append(event)
    return list(found.values())
