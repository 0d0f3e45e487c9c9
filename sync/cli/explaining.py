"""`pointman explain`: what each rule said of a ticket and why, now or at a past moment, and what is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.model import Ticket
from rules.condition import Trace
from rules.decision import World
from rules.explain import Explanation, explain, render
from rules.model import RuleSet
from sync import show
from sync.ledger import Ledger
from sync.look import Engine
from sync.plan import Item, make_plan, with_acts


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that is told: `left` are the wishes that the plan does not carry out, today only."""

    ticket: Ticket
    at: datetime
    past: bool
    rules: RuleSet
    explanations: tuple[Explanation, ...]
    left: tuple[Item, ...] = ()


def explained(engine: Engine, key: str, at: datetime | None) -> Explained:
    """Read a ticket and explain it. Raises the tracker's errors, and Unreadable."""
    ticket = engine.tracker.get(key)
    ledger = Ledger.loads(ticket.ledger, ticket.ref)
    now = at or engine.clock()
    told = with_acts(ticket, ledger)
    seen = told.at(at) if at is not None else told
    me = engine.tracker.me()
    left: tuple[Item, ...] = ()
    about: Ticket | None = None
    watched: Ticket | None = None
    if at is None:
        plan = make_plan(ticket, ledger, engine.rules, engine.world(ticket, ledger), now)
        left, about = plan.of("not", "held"), plan.facts.ticket if plan.facts is not None else None
        watched = plan.watched
    known = World(engine.memory.loads, me)
    live = explain(seen, engine.rules, known, now, about)
    shadow = explain(seen, engine.rules, known, now, watched)  # watched rules see what watched rules would have done
    explanations = tuple(w if one.rule.mode == "watch" else one for one, w in zip(live, shadow, strict=True))
    return Explained(seen, now, at is not None, engine.rules, explanations, left)


def text(told: Explained) -> str:
    """For people: every rule with its verdict and the parts of its condition."""
    zone = told.rules.defaults.timezone
    then = f"  as it was {told.at.astimezone(zone):%Y-%m-%d %H:%M}" if told.past else ""
    lines = [f"{told.ticket.key}  {told.ticket.summary}{then}", *render(told.explanations, zone, told.at)]
    lines += [f"left alone: {item.effect.what}: {show.reason(item)}" for item in told.left]
    return "\n".join(line.rstrip() for line in lines)


def data(told: Explained) -> dict[str, Any]:
    """For programs; moments in ISO 8601."""
    return {
        "key": told.ticket.key,
        "ref": told.ticket.ref,
        "at": told.at.isoformat(),
        "rules": [_rule(one) for one in told.explanations],
        "left_alone": [
            {"what": item.effect.what, "rule": item.effect.rule, "reason": show.reason(item)} for item in told.left
        ],
    }


def _rule(one: Explanation) -> dict[str, Any]:
    return {
        "kind": one.rule.kind,
        "id": one.rule.id,
        "where": str(one.rule.where),
        "mode": one.rule.mode,
        "verdict": one.verdict,
        "by": one.by or None,
        "notes": list(one.notes),
        "at": one.at.isoformat() if one.at else None,
        "condition": _part(one.trace) if one.trace else None,
    }


def _part(trace: Trace) -> dict[str, Any]:
    return {
        "source": trace.source,
        "value": trace.value,
        "joint": trace.joint or None,
        "words": {word: None if value is None else str(value) for word, value in trace.words},
        "parts": [_part(part) for part in trace.parts],
    }
