"""A plan as a person reads it in a terminal, and as data for whoever wants to pipe it.

OPS-42  Checkout down   high   active   RTO 4h: until 13:57, on track
DONE  10:02  severity = high      critical-down: mentions(text, "down")
NOW   10:07  call tom             unacknowledged, step 1
NEXT  10:17  call maria           unless acknowledged
NOT          assignee = tom       left alone: ann set it 10:04
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from rules import duration
from rules.cadence import asked
from rules.clock import Clock, tightest
from rules.model import RuleSet
from sync.plan import Item, Plan, shown

HEADS = {"done": "DONE", "owed": "NOW", "next": "NEXT", "held": "HELD", "not": "NOT"}
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
COLOURS = {"done": "green", "owed": "bold yellow", "next": "cyan", "held": "magenta", "not": "dim"}


def rows(plan: Plan) -> tuple[tuple[str, Item], ...]:
    """The lines of a plan in reading order, each with its head; a head is said once for a run of lines."""
    ordered = [item for status in HEADS for item in _sorted(plan, status)]
    said, made = "", []
    for item in ordered:
        head = HEADS[item.status]
        made.append(("" if head == said else head, item))
        said = head
    return tuple(made)


def _sorted(plan: Plan, status: str) -> list[Item]:
    items = [item for item in plan.items if item.status == status]
    return sorted(items, key=lambda item: (item.at is None, item.at)) if status in {"done", "next"} else items


def head(plan: Plan) -> str:
    """The ticket in one line: key, summary, severity, phase, and the tightest of its clocks."""
    severity = plan.ticket.fields.get("severity") or "not classified"
    if plan.facts is not None and plan.facts["severity"]:
        severity = plan.facts["severity"]
    said = (plan.ticket.key, one_line(plan.ticket.summary), str(severity), plan.ticket.phase)
    if plan.facts is None or not plan.clocks:
        return "  ".join(said)
    return "  ".join((*said, tightest(plan.clocks).line(plan.facts.rules.defaults.timezone, plan.now)))


def one_line(text: str) -> str:
    """A text that can begin no line of its own: what a ticket says stands where we put it."""
    return _BREAKS.sub(" ", text).rstrip()


def reason(item: Item) -> str:
    """Why a line stands as it does, and whether it is only watched."""
    said = "; ".join(part for part in (item.reason or _reason(item), item.note) if part)
    return f"{said} (watched)".lstrip() if item.effect.watched and item.status != "not" else said


def _reason(item: Item) -> str:
    if item.status == "next" and item.effect.unless:
        return f"unless {item.effect.unless}"
    return "; ".join(item.effect.why)


def text(plan: Plan, rules: RuleSet, width: int | None = None) -> str:
    """The whole plan as plain text, one line an effect; where there is a width, of at most so many columns."""
    return "\n".join((head(plan), *_lines(plan, rules, width)))


def _lines(plan: Plan, rules: RuleSet, width: int | None) -> Iterator[str]:
    yield from (f"      {one_line(said)}" for said in asked(plan.ticket.history, plan.now, rules.defaults.timezone))
    if plan.silent:
        yield f"      {plan.silent}"
    listed = rows(plan)
    if not listed and not plan.silent:
        yield "      nothing to do, and nothing comes by itself"
    clocks = [shown(item.at, rules, plan.now) if item.at is not None else "" for _, item in listed]
    when = max(map(len, clocks), default=5)
    wide = min(48, max((len(item.effect.what) for _, item in listed), default=0))
    for (status, item), clock in zip(listed, clocks, strict=True):
        before = f"{status:<5} {clock:<{when}}  {one_line(item.effect.what):<{wide}}  "
        yield _folded(one_line(f"{before}{reason(item)}"), len(before), width)


def _folded(line: str, before: int, width: int | None) -> str:
    """A line whose reason, so many characters in, goes on below itself where the width ends."""
    if width is None or len(line) <= width:
        return line
    below = " " * min(before, 2 * width // 3)
    return "\n".join(textwrap.wrap(line, max(width, 30), subsequent_indent=below, break_on_hyphens=False))


def _objective(clock: Clock) -> dict[str, Any]:
    """A clock as data; `until` is empty where it stands still, was stopped in time, or is unknown."""
    moments = {"since": clock.begun, "until": clock.deadline, "stopped": clock.stopped, "paused": clock.paused}
    return {
        "rule": clock.rule.id,
        "goal": duration.show(clock.goal),
        "state": clock.band,
        **{name: moment.isoformat() if moment is not None else None for name, moment in moments.items()},
        "unknown": clock.unknown or None,
    }


def data(plan: Plan) -> dict[str, Any]:
    """The plan as JSON-ready data; moments in ISO 8601, UTC."""
    return {
        "key": plan.ticket.key,
        "ref": plan.ticket.ref,
        "summary": plan.ticket.summary,
        "phase": plan.ticket.phase,
        "silent": plan.silent or None,
        "wake": plan.wake.isoformat() if plan.wake else None,
        "objectives": [_objective(clock) for clock in plan.clocks],
        "items": [
            {
                "status": item.status,
                "at": item.at.isoformat() if item.at else None,
                "what": item.effect.what,
                "key": item.effect.key,
                "rule": item.effect.rule,
                "to": item.effect.to if item.effect.product else None,
                "why": list(item.effect.why),
                "reason": reason(item),
            }
            for item in plan.items
        ],
    }
