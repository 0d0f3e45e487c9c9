"""One past ticket lived through again in virtual time, by rules as if all of them were on.

People's changes come when they came, ours are left out, and the rules decide at each moment from nothing but what was
there by then. What that says of the rules is `sync.score`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.model import Change, Ticket, User, Value
from rules.clock import Clock, clock
from rules.decide import climbing, decide, news
from rules.decision import World as Known
from rules.directory import person_of
from rules.events import OURSELVES, Event, acknowledged_at
from rules.model import Escalate, Notify, Objective, Rule, RuleSet
from rules.past import Past
from rules.quiet import Quiet
from sync.acts import with_acts
from sync.effects import World
from sync.items import Plan, by_us, same
from sync.ladder import dues, holds_at
from sync.news import NEVER_MUTED
from sync.score import Climb, Ending, Judged, Life, Span, Timed, Told, Truth
from sync.trial import Trial

MOMENTS = 500
"""Of a ticket with more moments than these, the first are lived through, and it counts as read in part."""


def live(rules: RuleSet) -> RuleSet:
    """The rules as if what is watched were on."""
    return replace(rules, rules=tuple(replace(r, mode="on") if r.mode == "watch" else r for r in rules))


def life(ticket: Ticket, rules: RuleSet, world: World, span: Span) -> Life:
    """Live through a ticket again, with rules that are `live`. `ticket` has the acts in its history (`with_acts`)."""
    again = _Again(ticket, rules, world, span)
    again.run()
    lived = Life(ticket.key, tuple(again.judged()), tuple(again.climbs()), tuple(again.told()), again.known)
    return replace(lived, timed=tuple(again.timed()))


@dataclass(slots=True)
class _Decision:
    """A decision that stands for a field, from `at` on."""

    rule: str
    value: Value
    at: datetime
    until: datetime | None = None


class _Again:
    """One ticket in virtual time."""

    def __init__(self, ticket: Ticket, rules: RuleSet, world: World, span: Span) -> None:
        self.ticket, self.rules, self.span = ticket, rules, span
        self.world = replace(world, products=(), start=None, watch=None, loads={}, explained=True, holding=False)
        self._known = Known(me=world.me, defaults=world.defaults)
        whole = ticket.complete_since is None or ticket.complete_since <= ticket.created
        self.begin = ticket.created if whole or ticket.complete_since is None else ticket.complete_since
        self.known = None if whole else self.begin
        self.decisions: dict[str, list[_Decision]] = {}
        self._climbs: dict[str, list[tuple[datetime, datetime | None, Ending]]] = {}
        self._shown: dict[str, list[datetime]] = {}
        self._timed: dict[str, Objective] = {}
        self._showing: frozenset[str] = frozenset()
        self._last = ticket

    def run(self) -> None:
        """Let everything happen that happened, moment by moment."""
        changes: dict[datetime, list[Change]] = {}
        born = self._born()
        for change in self.ticket.history[len(born.history) :]:
            if change.at <= self.span.until:
                changes.setdefault(change.at, []).append(change)
        trial = Trial(replace(born, ledger=None), self.rules, self.world)
        trial.until(self.begin)
        self._note(trial)
        for moment in sorted(changes)[:MOMENTS]:
            self._silence(trial, moment)
            trial.now = moment  # no other wakes on the way: nothing goes out
            for change in changes[moment]:
                self._happen(change, trial)
            trial.look()
            self._note(trial)
        self._silence(trial, self.span.until)
        if len(changes) > MOMENTS:
            self.known = self.known or self.begin
        trial.ticket = replace(trial.ticket, comments=self.ticket.at(self.span.until).comments)
        self._last = trial.ticket

    def _born(self) -> Ticket:
        """The ticket as it was made, before anything changed; or as it was when its history begins."""
        if self.known is not None:
            return self.ticket.at(self.begin)
        before = replace(self.ticket, complete_since=None).at(self.begin - timedelta.resolution)
        return replace(before, complete_since=self.ticket.complete_since)

    def _silence(self, trial: Trial, until: datetime) -> None:
        """What comes of it that nobody does anything until then."""
        for _ in range(MOMENTS):
            coming = (item.effect.due for item in trial.plan.of("next") if item.effect.sort == "act")
            due = min(coming, default=until)
            if due >= until:
                return
            trial.now = due
            trial.look()
            self._note(trial)

    def _happen(self, change: Change, trial: Trial) -> None:
        """What a person changed, once more. What we changed is left out: the rules decide it anew."""
        if by_us(change.by, self.world) or change.by == OURSELVES:
            return
        if change.field in self.decisions and same(trial.ticket.fields.get(change.field), change.after):
            return  # the rules had made it so already
        trial.change({change.field: change.after}, change.by)

    def _note(self, trial: Trial) -> None:
        for plan in (trial.seen, trial.plan):
            self._note_fields(plan)
        past = Past(with_acts(trial.ticket, trial.ledger), self.rules, self._known, trial.now)
        self._note_climbs(past, trial)
        holding = decide(("notify", "objective", "update"), trial.ticket, self.rules, self._known, trial.now)
        self._timed |= {d.rule.id: d.rule for d in holding if isinstance(d.rule, Objective)}
        showing = frozenset(d.rule.id for d in holding if d.clock is None and not d.events)
        for rule in sorted(showing - self._showing):
            self._shown.setdefault(rule, []).append(trial.now)
        self._showing = showing

    def _note_fields(self, plan: Plan) -> None:
        for item in plan.items:
            if item.effect.sort != "field" or isinstance(self.rules.by_id[item.effect.rule], Objective):
                continue  # how a clock stands is nothing that people decide
            standing = self.decisions.setdefault(item.effect.key.removeprefix("field:"), [])
            last = standing[-1] if standing else None
            if last is not None and last.rule == item.effect.rule and same(last.value, item.effect.value):
                continue
            if last is not None:
                last.until = plan.now
            standing.append(_Decision(item.effect.rule, item.effect.value, plan.now))

    def _note_climbs(self, past: Past, trial: Trial) -> None:
        for rule in self.rules.of("escalate"):
            if not isinstance(rule, Escalate) or rule.mode == "off":
                continue
            decision = climbing(rule, past)
            since = decision.since if decision is not None else None
            begun = self._climbs.setdefault(rule.id, [])
            if begun and begun[-1][1] is None and begun[-1][0] != since:
                taken = isinstance(acknowledged_at(past.ticket), datetime)
                begun[-1] = (begun[-1][0], trial.now, "acknowledged" if taken else "otherwise")
            if since is not None and (not begun or begun[-1][0] != since):
                begun.append((since, None, "never"))

    # -- what came of it

    def judged(self) -> Iterator[Judged]:
        """Every decision that began within the span, with what people made of it."""
        for field, decisions in self.decisions.items():
            for decision in decisions:
                if self._counts(decision.at):
                    yield self._judge(field, decision)

    def _counts(self, at: datetime) -> bool:
        """Whether it began within the span; what held already when the history begins, began nobody knows when."""
        return self.span.since <= at <= self.span.until and (self.known is None or at > self.begin)

    def _judge(self, field: str, decision: _Decision) -> Judged:
        key, until = self.ticket.key, decision.until or self.span.until
        told = Judged(decision.rule, key, decision.at, field, decision.value, "nobody")
        theirs = [
            change
            for change in self.ticket.history
            if change.field == field and change.at <= until and not by_us(change.by, self.world)
            if decision.until is None or change.at < until
        ]
        if theirs:
            last = theirs[-1]
            agreed = self._alike(decision.value, last.after)
            truth: Truth = "same" if agreed else "other"
            return replace(told, truth=truth, became=last.after, by=str(last.by or "somebody"), then=last.at)
        if field not in self.ticket.fields:
            return replace(told, truth="unknown")
        return self._as_made(told, field)

    def _as_made(self, told: Judged, field: str) -> Judged:
        """What the reporter said when making the ticket, where that is known and no default."""
        if self.known is not None:
            return replace(told, truth="unknown")
        made = self._born().fields.get(field)
        default = self.world.defaults.get(field)
        if same(made, None) or same(made, default) or by_us(self.ticket.reporter, self.world):
            return told
        truth: Truth = "same" if self._alike(told.wanted, made) else "other"
        by = str(self.ticket.reporter or "somebody")
        return replace(told, truth=truth, became=made, by=by, then=self.ticket.created)

    def _alike(self, wanted: Value, became: Value) -> bool:
        """Whether a person's value is the one that was wanted; people count by who they are in `[people]`."""
        if isinstance(wanted, User) and isinstance(became, User):
            one, other = (person_of(user, self.ticket.source, self.rules) for user in (wanted, became))
            return wanted == became or (one is not None and one == other)
        return same(wanted, became)

    def climbs(self) -> Iterator[Climb]:
        """Every ladder that began within the span, with the steps that came due before it ended."""
        ladders: Mapping[str, Rule] = self.rules.by_id
        for name, begun in self._climbs.items():
            rule = ladders[name]
            for since, end, ending in begun:
                if isinstance(rule, Escalate) and self._counts(since):
                    went = (self._out(rule, due, since) for due in self._dues(rule, since))
                    steps = sum(at is not None and at <= (end or self.span.until) for at in went)
                    yield Climb(name, self.ticket.key, since, steps, ending)

    def _dues(self, rule: Escalate, since: datetime) -> Iterator[datetime]:
        """When the calls of a ladder come: those whose own condition is true then."""
        past = Past(self.ticket, self.rules, self._known, self.span.until)
        for step in dues(rule, since, self.rules):
            when = rule.steps[step.number - 1].when
            if step.then is None and (when is None or holds_at(when, past, step.due)):
                yield step.due

    def timed(self) -> Iterator[Timed]:
        """Every clock that began within the span, as it stood in the end, of rules that spoke at any time."""
        past = Past(self._last, self.rules, self._known, self.span.until)
        for name, rule in self._timed.items():
            made = clock(rule, past, self.span.until)
            if isinstance(made, Clock) and self._counts(max(made.begun, self.ticket.created)):
                yield Timed(name, self.ticket.key, made.begun, made.band, made.warned(self.span.until))

    def told(self) -> Iterator[Told]:
        """Every message that would have been shown, and every event that would have been told, within the span."""
        for name, moments in self._shown.items():
            shown = (self._out(self.rules.by_id[name], at, at) for at in moments)
            yield from (Told(name, self.ticket.key, at) for at in shown if at is not None and self._counts(at))
        for rule, events in news(Past(self._last, self.rules, self._known, self.span.until)):
            if isinstance(rule, Notify) and rule.mode != "off":
                heard = (self._heard(rule, event) for event in events)
                yield from (Told(rule.id, self.ticket.key, at) for at in heard if at is not None and self._counts(at))

    def _heard(self, rule: Notify, event: Event) -> datetime | None:
        """When an event would have been told; None where it was too old when nothing held it any more."""
        quiet, muted = self._quiet(rule, event.at), event.kind not in NEVER_MUTED
        return event.at if quiet is None else quiet.told(rule, event.at, self.world.grace, muted=muted)

    def _out(self, rule: Rule, due: datetime, then: datetime) -> datetime | None:
        """When something due at a moment would have gone out, past the mutes of the ticket as it was `then`."""
        quiet = self._quiet(rule, then)
        return due if quiet is None else quiet.out(rule, due)

    def _quiet(self, rule: Rule, then: datetime) -> Quiet | None:
        free = rule.during is None and not self.rules.of("mute")
        return None if free else Quiet(Past(self._last.at(then), self.rules, self._known, then).facts, Known())
