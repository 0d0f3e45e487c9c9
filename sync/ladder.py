"""When each step of a ladder is made: at its own due, or earlier, because the step before reached nobody or a person
asked for it. A step that is brought forward keeps its own due, so it is not made a second time when that comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from connectors.model import Change
from rules.cadence import STEP, skips
from rules.calendar import later
from rules.decide import Decision
from rules.model import Escalate, RuleSet
from sync.acts import ESCALATED
from sync.calls import Moment, Series, reached_nobody
from sync.effects import Scene, standard

TEXT = "**{{ key }}** {{ summary }}: {{ severity or 'not classified' }}, {{ rule }} since {{ since }}. {{ url }}"


def ladder(decision: Decision, rule: Escalate, scene: Scene) -> Series:
    """Every step, and the repeats of the last, with what ends the ladder."""
    moments = tuple(_moments(decision, rule, scene))
    return Series(decision, moments, standard(TEXT), rule.buttons, _unless(rule, scene.rules))


def dues(rule: Escalate, since: datetime, rules: RuleSet) -> Iterator[Moment]:
    """Each step of a ladder that counts from then, at its own due, and the repeats of the last.

    Steps that never come, since the rule's calendar does not open for so long, are left out.
    """
    calendar = rules.calendars[rule.calendar] if rule.calendar is not None else None
    spans = [(step.after, number, step) for number, step in enumerate(rule.steps, 1)]
    if rule.repeat is not None and spans:
        after, number, last = spans[-1]
        spans += [(after + nth * rule.repeat.every, number, last) for nth in range(1, rule.repeat.times + 1)]
    for after, number, step in spans:
        due = later(calendar, since, after)
        if due is not None:
            yield Moment(due, due, number, step.to, step.text)


def asked_forward(history: Iterable[Change], since: datetime, now: datetime) -> tuple[datetime, ...]:
    """When people asked for the next step of a ladder that was running since then, oldest first."""
    return tuple(change.at for change in history if change.field == ESCALATED and since <= change.at <= now)


def _moments(decision: Decision, rule: Escalate, scene: Scene) -> Iterator[Moment]:
    """Each step when it is made.

    Each time that somebody asked brings forward the first step that was not made by then. Where a step reached nobody
    the next one is made at once, and no repeat is.
    """
    history, since = scene.facts.ticket.history, decision.since
    waiting, forward = list(asked_forward(history, since, scene.now)), None
    skipping = list(skips(STEP, history, since, scene.now))
    for nth, step in enumerate(dues(rule, since, scene.rules), 1):
        effective = step.due if forward is None else min(step.due, forward)
        left = _skipped(min((effective, *waiting)), skipping)
        moment = replace(step, effective=effective if left else _forward(effective, waiting), left=left)
        yield moment
        unreached = nth < len(rule.steps) and not left and reached_nobody(decision, moment, scene)
        forward = moment.effective if unreached else None


def _forward(effective: datetime, waiting: list[datetime]) -> datetime:
    """When a step is made: at the first time that somebody asked before it, which then brings no other forward."""
    first = next((at for at in waiting if at < effective), None)
    if first is None:
        return effective
    waiting.remove(first)
    return first


def _skipped(effective: datetime, skipping: list[Change]) -> str:
    """Who asked to leave a step out before it was made, which then leaves out no other; empty where nobody did."""
    if not skipping or skipping[0].at >= effective:
        return ""
    return f"skipped by {skipping.pop(0).by}"


def _unless(rule: Escalate, rules: RuleSet) -> str:
    """What would end the ladder, where its condition speaks of it."""
    names = rule.when.names if rule.when is not None else frozenset()
    roles_ = (f"somebody is {rules.roles[role]}" for role in rules.roles if role in names)
    return " or ".join((*(["acknowledged"] if "acknowledged" in names else []), *roles_))
