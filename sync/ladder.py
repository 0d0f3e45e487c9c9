"""When each step of a ladder is made: at its own due, or earlier, because the step before reached nobody or a person
asked for it. A step that is brought forward keeps its own due, so it is not made a second time when that comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from connectors.model import Change
from rules.model import Escalate, Step
from sync.acts import ESCALATED


@dataclass(frozen=True, slots=True)
class Moment:
    """A step of a ladder at its own due; `effective` is when it is made."""

    due: datetime
    effective: datetime
    number: int
    step: Step
    note: str = ""


def asked_forward(history: Iterable[Change], since: datetime, now: datetime) -> tuple[datetime, ...]:
    """When people asked for the next step of a ladder that was running since then, oldest first."""
    return tuple(change.at for change in history if change.field == ESCALATED and since <= change.at <= now)


def moments(
    since: datetime, rule: Escalate, asked: Iterable[datetime], unreached: Callable[[Moment], bool]
) -> Iterator[Moment]:
    """Every step, and the repeats of the last, in order.

    Each time that somebody asked brings forward the first step that was not made by then. `unreached` says of a step
    whether it was made and reached nobody; the next one is then made at once, and no repeat is.
    """
    waiting, forward = list(asked), None
    for nth, (due, number, step) in enumerate(_steps(since, rule), 1):
        effective = due if forward is None else min(due, forward)
        effective = _forward(effective, waiting)
        moment = Moment(due, effective, number, step)
        yield moment
        forward = effective if nth < len(rule.steps) and unreached(moment) else None


def _forward(effective: datetime, waiting: list[datetime]) -> datetime:
    """When a step is made: at the first time that somebody asked before it, which then brings no other forward."""
    first = next((at for at in waiting if at < effective), None)
    if first is None:
        return effective
    waiting.remove(first)
    return first


def _steps(since: datetime, rule: Escalate) -> Iterator[tuple[datetime, int, Step]]:
    """Each step with its own due and its number."""
    for number, step in enumerate(rule.steps, 1):
        yield since + step.after, number, step
    if rule.repeat is not None and rule.steps:
        last = rule.steps[-1]
        for nth in range(1, rule.repeat.times + 1):
            yield since + last.after + nth * rule.repeat.every, len(rule.steps), last
