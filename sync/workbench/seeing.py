"""A ticket at a moment: its plan and why, and the moments of its life between which nothing changes.

For a past moment the ticket is as it was, and the ledger as far as it can tell: what was made again since counts as
not made yet. For a moment to come the ticket is as it is now, as if nobody did anything until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from connectors.model import Change, Ticket, User, Value
from rules.decision import World as Known
from rules.explain import Explanation, explain
from rules.model import RuleSet
from sync.effects import World
from sync.ledger import Ledger
from sync.plan import Plan, make_plan, with_acts

MOST_MOMENTS: Final = 240
AHEAD: Final = timedelta(days=366)
"""How far ahead a plan is asked for, at the most."""
LONGEST_SAID: Final = 80


@dataclass(frozen=True, slots=True)
class Subject:
    """A ticket as read, with its ledger, what is known beside it, and when that was."""

    ticket: Ticket
    ledger: Ledger
    world: World
    now: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which something changes for a ticket, and what."""

    at: datetime
    what: str
    kind: Literal["past", "now", "coming"]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that is shown of a ticket at one moment. `at` is None for now."""

    subject: Subject
    at: datetime | None
    plan: Plan
    explanations: tuple[Explanation, ...]
    moments: tuple[Moment, ...]

    @property
    def when(self) -> Literal["past", "now", "coming"]:
        """Where the moment lies."""
        if self.at is None:
            return "now"
        return "past" if self.at < self.subject.now else "coming"


def plan_at(subject: Subject, rules: RuleSet, at: datetime | None = None) -> Plan:
    """The plan of a ticket under some rules, now or as of a moment. Pure."""
    if at is None or at >= subject.now:
        return make_plan(subject.ticket, subject.ledger, rules, subject.world, at or subject.now)
    then = subject.ticket.at(at)
    return make_plan(then, _ledger_at(subject.ledger, at), rules, subject.world, at)


def within(subject: Subject, at: datetime | None) -> datetime | None:
    """A moment of the ticket's life: neither before it was made nor more than a year ahead."""
    return None if at is None else min(max(at, subject.ticket.created), subject.now + AHEAD)


def seen(subject: Subject, rules: RuleSet, at: datetime | None = None) -> Seen:
    """The plan and the explanations as of a moment, and all moments there are. Pure."""
    plan = plan_at(subject, rules, at)
    today = plan if at is None else plan_at(subject, rules)
    return Seen(subject, at, plan, explanations(plan, rules, subject.world), moments(subject, today))


def explanations(plan: Plan, rules: RuleSet, world: World) -> tuple[Explanation, ...]:
    """Why each rule spoke or not, of the ticket that a plan is for; watched rules see what those would do."""
    known = Known(world.loads, world.me)
    about = plan.facts.ticket if plan.facts is not None else None
    live = explain(plan.ticket, rules, known, plan.now, about)
    if plan.watched is None or plan.watched is about:
        return live
    watched = explain(plan.ticket, rules, known, plan.now, plan.watched)
    return tuple(w if one.rule.mode == "watch" else one for one, w in zip(live, watched, strict=True))


def _ledger_at(ledger: Ledger, at: datetime) -> Ledger:
    """The ledger as far as it can tell what it was."""
    entries = {key: entry for key, entry in ledger.entries.items() if entry.at is None or entry.at <= at}
    calm = {key: replace(entry, claim=None) for key, entry in entries.items()}
    return replace(ledger, entries=calm, acts=tuple(act for act in ledger.acts if act.at <= at))


# ---- moments


def moments(subject: Subject, today: Plan) -> tuple[Moment, ...]:
    """When something changed, now, and when something comes; oldest first, one for each second."""
    told = with_acts(subject.ticket, subject.ledger)
    past = [Moment(change.at, _changed(change), "past") for change in told.history if change.at <= subject.now]
    done = ((item.at, item.effect.what) for item in today.of("done"))
    past += [Moment(at, what, "past") for at, what in done if at is not None and at <= subject.now]
    past.append(Moment(subject.ticket.created, "created", "past"))
    coming = [
        Moment(item.at, item.effect.what, "coming")
        for item in today.of("next")
        if item.at is not None and subject.now < item.at <= subject.now + AHEAD
    ]
    gathered = (*_gathered(past), Moment(subject.now, "now", "now"), *_gathered(coming))
    return gathered if len(gathered) <= MOST_MOMENTS else (gathered[0], *gathered[1 - MOST_MOMENTS :])


def _gathered(several: Iterable[Moment]) -> Iterator[Moment]:
    """In order; what happens within one second is one moment, at its end."""
    by_second: dict[datetime, list[Moment]] = {}
    for moment in sorted(several, key=lambda one: one.at):
        by_second.setdefault(moment.at.replace(microsecond=0), []).append(moment)
    for group in by_second.values():
        said = "; ".join(dict.fromkeys(moment.what for moment in group if moment.what))
        yield Moment(group[-1].at, said, group[0].kind)


def _changed(change: Change) -> str:
    by = f"{change.by}: " if isinstance(change.by, User) and str(change.by) else ""
    return _short(f"{by}{change.field} = {_value(change.after)}")


def _value(value: Value) -> str:
    if value in (None, "", ()):
        return "empty"
    said = ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
    return " ".join(said.split())


def _short(said: str) -> str:
    return said if len(said) <= LONGEST_SAID else f"{said[: LONGEST_SAID - 1]}…"
