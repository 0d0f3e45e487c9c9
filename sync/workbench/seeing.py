"""A ticket at a moment: its plan and why, and the moments of its life between which nothing changes.

For a past moment the ticket is as it was, and the ledger as far as it can tell: what was made again since counts as
not made yet. For a moment to come the ticket is led there as in a test, as if nobody did anything until then and all
that is owed went well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from connectors.model import Change, Ticket, User, Value
from rules.decision import World as Known
from rules.explain import Explanation, Upshot, explain
from rules.model import RuleSet
from sync import trial
from sync.effects import World
from sync.ledger import Entry, Ledger
from sync.plan import Item, Plan, make_plan, with_acts
from sync.upshots import upshot
from sync.why import as_of

MOST_MOMENTS: Final = 240
AHEAD: Final = timedelta(days=366)
"""How far ahead a plan is asked for, at the most."""
MOST_WAKES: Final = 200
"""How often a ticket is looked at on its way to a moment."""
DONE_LATER: Final = "it was done later; whether by then, too, is not kept"
LONGEST_SAID: Final = 80


@dataclass(frozen=True, slots=True)
class Subject:
    """A ticket as read, with its ledger, what is known beside it, and when that was.

    `made`: it is of this page only, made up or pasted, and cannot be read again.
    """

    ticket: Ticket
    ledger: Ledger
    world: World
    now: datetime
    made: bool = False


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
    def known_since(self) -> datetime | None:
        """From when on the history can be read, where that is not from the beginning."""
        since = self.subject.ticket.complete_since
        return since if since is not None and since > self.subject.ticket.created else None

    @property
    def when(self) -> Literal["past", "now", "coming"]:
        """Where the moment lies."""
        if self.at is None:
            return "now"
        return "past" if self.at < self.subject.now else "coming"


def plan_at(subject: Subject, rules: RuleSet, at: datetime | None = None) -> Plan:
    """The plan of a ticket under some rules, now or as of a moment. Pure."""
    rules = _known(subject, rules)
    if at is None or at == subject.now:
        return make_plan(subject.ticket, subject.ledger, rules, subject.world, subject.now)
    if at > subject.now:
        return _Onwards(subject.ticket, rules, subject.world, begin=subject.now).at(at)
    calm = replace(subject.world, explained=True, holding=False, reloaded=None)
    plan = make_plan(subject.ticket.at(at), as_of(subject.ledger, at), rules, calm, at)
    later = {key for key, entry in subject.ledger.entries.items() if entry.at is not None and entry.at > at}
    return replace(plan, items=tuple(_unsure(item) if item.effect.key in later else item for item in plan.items))


def _unsure(item: Item) -> Item:
    """A line of the past whose doing is known for later only; of fields the history tells."""
    return replace(item, reason=DONE_LATER) if item.status == "owed" and item.effect.sort != "field" else item


def within(subject: Subject, at: datetime | None) -> datetime | None:
    """A moment of the ticket's life: neither before it was made nor more than a year ahead."""
    return None if at is None else min(max(at, subject.ticket.created), subject.now + AHEAD)


def seen(subject: Subject, rules: RuleSet, at: datetime | None = None) -> Seen:
    """The plan and the explanations as of a moment, and all moments there are. Pure."""
    plan = plan_at(subject, rules, at)
    today = plan if at is None else plan_at(subject, rules)
    return Seen(subject, at, plan, explanations(subject, plan, rules), moments(subject, today))


@dataclass(slots=True)
class _Onwards(trial.Trial):
    """A ticket from now on, in virtual time."""

    begin: datetime = field(kw_only=True)

    def __post_init__(self) -> None:
        self.now = self.begin
        known = Ledger.loads(self.ticket.ledger, self.ticket.ref)
        entries = {key: replace(entry, claim=None) for key, entry in known.entries.items()}
        self.ledger = replace(known, entries={key: entry for key, entry in entries.items() if entry != Entry()})
        self.look()

    def at(self, moment: datetime) -> Plan:
        """The plan at a moment, before anything that is due then is done."""
        for _ in range(MOST_WAKES):  # what is held is asked again every half a minute, for ever
            wake = self.plan.wake
            if wake is None or wake >= moment:
                break
            self.now = max(wake, self.now)
            self.look()
        self.now = moment
        return self._planned()


def explanations(subject: Subject, plan: Plan, rules: RuleSet) -> tuple[Explanation, ...]:
    """Why each rule spoke or not, of the ticket that a plan is for; watched rules see what those would do."""
    rules, known = _known(subject, rules), Known(subject.world.loads, subject.world.me, defaults=subject.world.defaults)
    about = plan.facts.ticket if plan.facts is not None else None
    live = watched = explain(plan.ticket, rules, known, plan.now, about)
    if plan.watched is not None and plan.watched is not about:
        watched = explain(plan.ticket, rules, known, plan.now, plan.watched)
    verdicts = (w if one.rule.mode == "watch" else one for one, w in zip(live, watched, strict=True))
    upshots: dict[str, list[Upshot]] = {}
    for item in plan.items:
        upshots.setdefault(item.effect.rule, []).append(upshot(item))
    return tuple(one.with_upshots(upshots.get(one.rule.id, ())) for one in verdicts)


def _known(subject: Subject, rules: RuleSet) -> RuleSet:
    """The rules for this ticket: a made-up one is of no tracker, and knows people by their key."""
    if subject.ticket.source != trial.SOURCE:
        return rules
    return replace(rules, people=trial.rehearsal(rules).people)


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
        for item in (*today.of("next"), *today.silenced)
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
