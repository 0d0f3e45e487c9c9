"""Why each rule spoke for a ticket, or why not: every part of its condition with its answer and its words' values.

Also for a past moment: `explain(ticket.at(moment), …)`. Here it is what the rules want; what became of it (done, held,
left alone because a person set it) is the plan's to say, and is told beside it as upshots.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import zip_longest
from typing import Literal, TypeAlias

from connectors.model import Ticket, Value
from rules import duration
from rules.cadence import every, paced
from rules.clock import NoClock, clock
from rules.condition import Trace
from rules.decide import climbing, counted
from rules.decision import World
from rules.events import about_to_have
from rules.facts import Facts
from rules.fields import Deciding, Wish, decided, wishes
from rules.logic import UNKNOWN
from rules.model import Assign, Classify, Escalate, Mute, Notify, Objective, Restrict, Rule, RuleSet, Update
from rules.past import Past, holds
from rules.quiet import in_force
from rules.restrict import restricting
from rules.text import shown

Verdict: TypeAlias = Literal["fired", "did not", "unknown", "shadowed", "muted", "closed", "off"]

KINDS = ("classify", "restrict", "assign", "channel", "escalate", "objective", "notify", "update")
"""The order in which kinds decide."""

State: TypeAlias = Literal["done", "now", "next", "held", "muted", "left alone", "stale", "not done", "unknown"]

LONGEST_VALUE = 60
NARROWEST = 40
"""Columns below which nothing is folded any more."""


@dataclass(frozen=True, slots=True)
class Upshot:
    """What became of one thing that a rule wants, as the plan says it.

    `what` is the thing in words, `why` the reason why it stands so; `at` is when it was done, when it comes, or until
    when it is held. `by` is the mute that holds it.
    """

    state: State
    what: str
    why: str = ""
    at: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one rule said of a ticket. `by` is the rule that shadows or mutes it, `until` when it is muted no more;
    `notes` say what it wants or why it does not.

    `trace` is its condition with all parts; for a rule with `on` as it was at `at`, the last event that it tells.
    `upshots` are what became of what it wants, where a plan was asked.
    """

    rule: Rule
    verdict: Verdict
    by: str = ""
    notes: tuple[str, ...] = ()
    trace: Trace | None = None
    at: datetime | None = None
    upshots: tuple[Upshot, ...] = ()
    until: datetime | None = None

    def with_upshots(self, upshots: Iterable[Upshot]) -> Explanation:
        """With what became of what it wants; it is muted where nothing else is left to do of it."""
        told = tuple(upshots)
        muted = [upshot for upshot in told if upshot.by]
        if self.verdict != "fired" or not muted or any(upshot.state in {"now", "next"} for upshot in told):
            return replace(self, upshots=told)
        return replace(self, upshots=told, verdict="muted", by=muted[0].by, until=muted[0].at)

    @property
    def hindered(self) -> State | None:
        """What keeps it from being carried out: `left alone`, `held`, `stale`…; None where nothing does, or not all."""
        states = {upshot.state for upshot in self.upshots}
        return next(iter(states)) if len(states) == 1 and states.isdisjoint({"done", "now", "next"}) else None

    @property
    def said(self) -> str:
        """The verdict in words: `fired`, `fired, held`, `did not`, `unknown`, `shadowed by many-users`, `muted by
        year-end`, `closed: restricted by security`, `off`.
        """
        if self.verdict == "closed":
            return f"closed: restricted by {self.by}"
        if self.by:
            return f"{self.verdict} by {self.by}"
        if self.verdict != "fired":
            return self.verdict
        hindered = f", {self.hindered}" if self.hindered is not None else ""
        return f"fired{' (watched)' if self.rule.mode == 'watch' else ''}{hindered}"

    @property
    def blamed(self) -> tuple[Trace, ...]:
        """The parts of its condition because of which it did not fire, or cannot know."""
        return () if self.trace is None or self.trace.value else tuple(_blamed(self.trace))


def explain(
    ticket: Ticket, rules: RuleSet, world: World, now: datetime, about: Ticket | None = None
) -> tuple[Explanation, ...]:
    """One explanation for every rule, kind by kind in deciding order; kinds that decide nothing yet come last.

    `about` is the ticket as it is about to be, which is what every kind after classify and assign sees; assign sees of
    it what classify decides.
    """
    past = Past(ticket, rules, world, now)
    later = past if about is None else Past(about, rules, world, now)
    kinds = dict.fromkeys((*KINDS, *(rule.kind for rule in rules.rules)))
    seen = {**dict.fromkeys(kinds, later), "classify": past, "assign": _classified(past, later, world, now)}
    seen["restrict"] = later if restricting(later.facts, rules) else seen["assign"]
    closing = {rule.id: rule for kind in ("assign", "restrict") for rule in restricting(seen[kind].facts, rules)}
    world = replace(world, restricted=bool(closing))
    by = ", ".join(closing)
    return tuple(one for kind in kinds for one in _Kind(kind, seen[kind], world, now).explained(by))


def _classified(past: Past, later: Past, world: World, now: datetime) -> Past:
    """The ticket as assign sees it: with what classify is about to change, and nothing of what assign is."""
    live = (rule for rule in past.rules.of("classify") if rule.mode != "off" and holds(rule.when, past.facts))
    said = {one.field: one.value for one in decided(live, past.facts, world, now)}
    about = {word: value for word, value in said.items() if past.facts[word] != value == later.facts[word]}
    return Past(about_to_have(past.ticket, about, now, world.me), past.rules, world, now) if about else past


class _Kind:
    """All rules of one kind, with what those that speak decide together."""

    def __init__(self, kind: str, past: Past, world: World, now: datetime) -> None:
        self.rules, self.past, self.world, self.now = past.rules.of(kind), past, world, now
        self.zone = past.rules.defaults.timezone
        self._first: dict[tuple[bool, str], Rule] = {}
        live = [r for r in self.rules if r.mode != "off" and world.shows(r) and holds(r.when, past.facts)]
        self._decisions = tuple(decided(live, past.facts, world, now)) if kind in {"classify", "assign"} else ()

    def explained(self, closing: str) -> Iterator[Explanation]:
        """Each rule; `closing` are the ids of those that restrict the ticket."""
        for rule in self.rules:
            if rule.mode == "off":
                yield Explanation(rule, "off")
            elif not self.world.shows(rule) and rule.kind != "mute":
                yield Explanation(rule, "closed", closing)
            elif isinstance(rule, Notify) and rule.on:
                yield self._news(rule)
            else:
                yield self._standing(rule)

    def _standing(self, rule: Rule) -> Explanation:
        facts = self.past.facts
        trace = None if rule.when is None else rule.when.trace(facts)
        if isinstance(rule, Restrict) and (trace is None or trace.value is not False):
            return _restricts(rule, trace)
        if trace is not None and not trace.value:
            return Explanation(rule, "unknown" if trace.value is None else "did not", trace=trace)
        if isinstance(rule, Escalate):
            return self._ladder(rule, trace)
        if isinstance(rule, Objective):
            return self._timed(rule, trace)
        if isinstance(rule, Update):
            return self._update(rule, trace)
        if isinstance(rule, Mute):
            return self._mute(rule, trace)
        if isinstance(rule, (Classify, Assign)):
            return self._fields(rule, facts, trace)
        return Explanation(rule, "fired", trace=trace)

    # -- fields

    def _fields(self, rule: Deciding, facts: Facts, trace: Trace | None) -> Explanation:
        team = self._first.get((rule.mode == "watch", "team"))
        chosen = next((str(d.value) for d in self._decisions if d.field == "team" and d.rule is team), None)
        wanted = tuple(wishes(rule, facts, self.world, self.now, chosen))
        hidden = {wish.field: first for wish in wanted if (first := self._before(rule, wish)) is not None}
        notes = (*(_wished(wish, hidden.get(wish.field)) for wish in wanted), *self._raises(rule))
        if wanted and len(hidden) == len(wanted) and not getattr(rule, "at_least", None):
            return Explanation(rule, "shadowed", next(iter(hidden.values())).id, notes, trace)
        if not notes:
            return Explanation(rule, "did not", notes=(_idle(rule, facts),), trace=trace)
        return Explanation(rule, "fired", notes=notes, trace=trace)

    def _before(self, rule: Deciding, wish: Wish) -> Rule | None:
        """The rule that decides this field already, as this rule sees it; the first time it is this rule."""
        views = (True, False) if rule.mode == "on" else (True,)
        first = self._first.get((rule.mode == "watch", wish.field))
        for watched in views:
            self._first.setdefault((watched, wish.field), rule)
        return first

    def _raises(self, rule: Deciding) -> Iterator[str]:
        for word, level in rule.at_least.items() if isinstance(rule, Classify) else ():
            mine = any(d.rule is rule and d.field == word for d in self._decisions)
            yield f"{word} at least {level}" if mine else f"{word} at least {level}: it is that already"

    # -- effects

    def _ladder(self, rule: Escalate, trace: Trace | None) -> Explanation:
        decision = climbing(rule, self.past)
        if decision is not None:
            notes = (f"since {self._clock(decision.since)}", *self._conditions(rule))
            return Explanation(rule, "fired", notes=notes, trace=trace)
        if self.past.moment(rule.since) is None:
            return Explanation(rule, "did not", notes=(f"its moment, {rule.since}, has not come",), trace=trace)
        phase = self.past.ticket.phase
        return Explanation(rule, "did not", notes=(f"the ticket is {phase}: nobody is called",), trace=trace)

    def _conditions(self, rule: Escalate) -> Iterator[str]:
        """How the conditions of its steps stand."""
        for number, step in enumerate(rule.steps, 1):
            if step.when is not None:
                said = {True: "so", False: "not so", None: "unknown"}[step.when(self.past.facts)]
                yield f"step {number} only if {' '.join(step.when.source.split())}, which is {said}"

    def _timed(self, rule: Objective, trace: Trace | None) -> Explanation:
        made = clock(rule, self.past, self.now)
        if isinstance(made, NoClock):
            return Explanation(rule, "unknown" if made.unknown else "did not", notes=(made.why,), trace=trace)
        verdict: Verdict = "unknown" if made.unknown else "fired"
        return Explanation(rule, verdict, notes=made.notes(self.zone, self.now), trace=trace)

    def _update(self, rule: Update, trace: Trace | None) -> Explanation:
        since, phase = counted(rule, self.past), self.past.ticket.phase
        if since is None:
            return Explanation(rule, "did not", notes=(f"the ticket is {phase}: nobody is updated",), trace=trace)
        pace = paced(self.past.ticket.history, self.now)
        asked = f", as {pace.by} asked" if pace is not None else ""
        note = f"every {duration.show(every(rule, pace))}{asked}, since {self._clock(since)}"
        return Explanation(rule, "fired", notes=(note,), trace=trace)

    def _news(self, rule: Notify) -> Explanation:
        happened = [event for event in self.past.events if event.kind in rule.on]
        states = [(event, facts) for event in happened if (facts := self.past.at(event.at)) is not None]
        told = [(event, facts) for event, facts in states if holds(rule.when, facts)]
        if not states:
            said = "before the history that can be read" if happened else "yet"
            return Explanation(rule, "did not", notes=(f"nothing of {', '.join(rule.on)} happened {said}",))
        event, facts = (told or states)[-1]
        trace = None if rule.when is None else rule.when.trace(facts)
        notes = (f"{event.text}, {self._clock(event.at)}",)
        if told:
            return Explanation(rule, "fired", notes=notes, trace=trace, at=event.at)
        unknown = trace is not None and trace.value is None
        return Explanation(rule, "unknown" if unknown else "did not", notes=notes, trace=trace, at=event.at)

    def _mute(self, rule: Mute, trace: Trace | None) -> Explanation:
        silence = in_force(rule, self.past.rules, self.now)
        if silence is not None:
            until = f" until {self._clock(silence.until)}" if silence.until is not None else ""
            return Explanation(rule, "fired", notes=(f"mutes {', '.join(rule.mutes)}{until}",), trace=trace)
        if rule.during is not None:
            said = f"it is not {rule.during}"
        elif rule.begin is not None and rule.begin > self.now:
            said = f"it begins {self._clock(rule.begin)}"
        else:
            said = "it is over"
        return Explanation(rule, "did not", notes=(said,), trace=trace)

    def _clock(self, moment: datetime) -> str:
        return shown(moment, self.zone, self.now)


def _restricts(rule: Restrict, trace: Trace | None) -> Explanation:
    to = ", ".join(map(str, rule.to))
    if trace is not None and trace.value is None:
        return Explanation(rule, "unknown", notes=(f"so it counts as restricted: only {to} hears of it",), trace=trace)
    return Explanation(rule, "fired", notes=(f"only {to} hears of it",), trace=trace)


def _wished(wish: Wish, hidden: Rule | None) -> str:
    said = f"{wish.field} = {_value(wish.value, UTC, None)}"
    return f"{said}, but {hidden.id} decides it" if hidden is not None else f"{said} by {wish.why}"


def _idle(rule: Deciding, facts: Facts) -> str:
    if isinstance(rule, Classify):
        return ", ".join(f"{word} is {_value(facts[word], UTC, None)}" for word in rule.thresholds) or "it sets nothing"
    return "nobody fits, or somebody has it already"


def _blamed(trace: Trace) -> Iterator[Trace]:
    """Of parts joined by `and` those that did not hold; everything else as a whole."""
    if trace.joint != "and":
        yield trace
        return
    for part in trace.parts:
        if part.value is trace.value:
            yield from _blamed(part)


# ---- as text


def render(
    explanations: Iterable[Explanation], zone: tzinfo = UTC, now: datetime | None = None, width: int | None = None
) -> tuple[str, ...]:
    """The explanations as lines: each rule with its verdict and notes, what became of it, the parts of its condition.

    Lines are folded to `width` columns, where one is given.
    """
    lines: list[str] = []
    for one in explanations:
        told = reasons(one, zone, now)
        notes = f": {'; '.join(told)}" if told else ""
        lines += _folded(f"{one.rule.kind:<9} {one.rule.id}  {one.said}{notes}", 10, width)
        lines += _columns(tuple(_cells(upshot, zone, now) for upshot in one.upshots), width)
        if one.trace is not None:
            lines += _columns(tuple(_rows(one.trace, 1, zone, now)), width)
    return tuple(lines)


def reasons(one: Explanation, zone: tzinfo = UTC, now: datetime | None = None) -> tuple[str, ...]:
    """What a rule wants, or why it does not: its notes, and each part of its condition that did not hold."""
    until = () if one.until is None else (f"until {shown(one.until, zone, now)}",)
    return (*until, *one.notes, *(_because(part, zone, now) for part in one.blamed))


def upshot_line(upshot: Upshot, zone: tzinfo = UTC, now: datetime | None = None) -> str:
    """What became of one wish, on one line: `held until 11:02, call tom: channel_not_found`."""
    head, rest = _cells(upshot, zone, now)
    return f"{head.lstrip(' →')}, {rest}"


def _because(part: Trace, zone: tzinfo, now: datetime | None) -> str:
    """A part that did not hold, with the values that are to blame: `severity == "high", but severity is low`."""
    words = ", ".join(dict.fromkeys(_words(part, zone, now)))
    source = " ".join(part.source.split())
    source = source if len(source) <= LONGEST_VALUE else f"{source[: LONGEST_VALUE - 1]}…"
    return words if part.source in dict(part.words) or not words else f"{source}, but {words}"


def _words(trace: Trace, zone: tzinfo, now: datetime | None) -> Iterator[str]:
    yield from (f"{word} is {_value(value, zone, now)}" for word, value in trace.words)
    for part in trace.parts:
        yield from _words(part, zone, now)


def _cells(upshot: Upshot, zone: tzinfo, now: datetime | None) -> tuple[str, str]:
    clock = shown(upshot.at, zone, now) if upshot.at is not None else ""
    until = "until " if clock and upshot.state in {"held", "muted"} else ""
    head = " ".join(part for part in (upshot.state, f"{until}{clock}") if part)
    return f"    → {head}", f"{upshot.what}: {upshot.why}" if upshot.why else upshot.what


def _rows(trace: Trace, depth: int, zone: tzinfo, now: datetime | None) -> Iterator[tuple[str, str]]:
    answer = {True: "yes", False: "no", None: "unknown"}[trace.value]
    words = ", ".join(f"{word} is {_value(value, zone, now)}" for word, value in trace.words)
    if not (trace.joint == "and" and depth == 1):
        yield f"{'    ' * depth}{trace.source}", f"{answer:<8}{words}".rstrip()
        depth += 1
    for part in trace.parts:
        yield from _rows(part, depth, zone, now)


def _columns(rows: tuple[tuple[str, str], ...], width: int | None) -> Iterator[str]:
    """Rows of two columns; the first is as wide as it needs, but no wider than leaves room for the second."""
    room = None if width is None else max(NARROWEST, width) * 3 // 5
    lefts = [_folded(left, len(left) - len(left.lstrip()) + 2, room) for left, _ in rows]
    wide = max((len(line) for lines in lefts for line in lines), default=0)
    for folded, (_, right) in zip(lefts, rows, strict=True):
        hang = 8 if right[:8].rstrip() in _ANSWERS else 0
        rights = _folded(right, hang, None if width is None else width - wide - 2)
        yield from (f"{one:<{wide}}  {other}".rstrip() for one, other in zip_longest(folded, rights, fillvalue=""))


_ANSWERS = frozenset({"yes", "no", "unknown"})


def _folded(line: str, indent: int, width: int | None) -> list[str]:
    """A line as several of at most `width` columns, where it can be broken; further ones are indented."""
    if width is None or len(line) <= width:
        return [line]
    margin = len(line) - len(line.lstrip())
    rest = " " * min(indent, width // 2)
    first = " " * margin
    return textwrap.wrap(
        line.lstrip(), max(width, 16), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


def _value(value: object | Value, zone: tzinfo, now: datetime | None) -> str:
    if value is None or value == "":
        return "empty"
    if value is UNKNOWN:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return shown(value, zone, now)
    if isinstance(value, timedelta):
        return duration.show(value)
    if isinstance(value, (float, int)):
        return f"{value:g}"
    said = ", ".join(map(str, value)) if isinstance(value, tuple) else " ".join(str(value).split()) or "empty"
    return said if len(said) <= LONGEST_VALUE else f"{said[: LONGEST_VALUE - 1]}…"
