"""`pointman score`: how often each rule would have spoken over the tickets of some time, and what people did then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import Missing, Refused, Temporary
from connectors.model import Ticket, Value
from rules import duration
from rules.model import Assign, Escalate, RuleSet
from rules.text import shown
from sync.again import life, live
from sync.cli import console
from sync.ledger import Ledger, Unreadable
from sync.look import Engine
from sync.plan import with_acts
from sync.score import Judged, Life, Score, Span, scores

EXAMPLES = 5
"""So many disagreements of a rule are shown."""
FAILING = 5
"""So many tickets in a row that cannot be read mean that the product is down: no figure would be worth anything."""
PARTLY = 8
"""So many tickets are named that could be read in part only."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores over a span, and the tickets they come from; `unread` are keys that could not be read at all."""

    span: Span
    rules: RuleSet
    scores: tuple[Score, ...]
    lives: tuple[Life, ...]
    unread: tuple[str, ...]

    @property
    def partly(self) -> tuple[Life, ...]:
        """The tickets of whose history a part could not be read."""
        return tuple(life for life in self.lives if life.known is not None)


def reach(said: str) -> timedelta | datetime:
    """What `30d` or `2026-01-31T09:30Z` means: how long ago, or when. Raises ValueError with a sentence."""
    from sync.config import moment

    return moment(said) if "-" in said else duration.parse(said)


def scored(engine: Engine, back: timedelta | datetime, bar: Callable[[int, int], None]) -> Scored:
    """Read what is open or changed since then, and live through it again. Raises the tracker's errors."""
    engine.tracker.me()  # the clock is the tracker's, once it has answered
    now, rules = engine.clock(), live(engine.rules)
    since = now - back if isinstance(back, timedelta) else min(back, now)
    span = Span(since, now)
    listed = sorted(_listed(engine, since, bar), key=lambda ticket: (ticket.created, ticket.ref))
    lives, unread, failed = [], [], 0
    for done, candidate in enumerate(listed, 1):
        bar(done, len(listed))
        try:
            ticket = _whole(candidate, engine)
            ledger = Ledger.loads(ticket.ledger, ticket.ref)
        except (Missing, Refused, Temporary, Unreadable) as error:
            failed = failed + 1 if isinstance(error, Temporary) else 0
            if failed == FAILING:
                raise
            unread.append(candidate.key)
            continue
        failed = 0
        world = replace(engine.world(ticket, ledger), covered=True)
        lives.append(life(with_acts(ticket, ledger), rules, world, span))
    return Scored(span, rules, scores(lives, rules), tuple(lives), tuple(unread))


def _listed(engine: Engine, since: datetime, bar: Callable[[int, int], None]) -> Iterator[Ticket]:
    """What is in scope, once each: a ticket that changes meanwhile may stand on two pages."""
    seen: set[str] = set()
    for page in engine.tracker.open(since):
        for ticket in page:
            home = engine.site.home in {ticket.key, ticket.ref}
            if ticket.ref not in seen and engine.tracker.covers(ticket) and not home:
                seen.add(ticket.ref)
                yield ticket
        bar(0, len(seen))


def _whole(ticket: Ticket, engine: Engine) -> Ticket:
    """The ticket with all of its history: a page may tell less of it than a read by id."""
    known = ticket.complete_since
    return ticket if known is None or known <= ticket.created else engine.tracker.get(ticket.ref)


# ---- as text


def tell(told: Scored) -> None:
    """Print it: a table for each sort of rule, where people disagreed, and what could not be read."""
    zone = told.rules.defaults.timezone
    since, until = (shown(at, zone) for at in (told.span.since, told.span.until))
    console.say(f"{_count(len(told.lives), 'ticket')} lived through again, {since} to {until}")
    fields = [score for score in told.scores if score.rule.kind in {"classify", "assign"}]
    ladders = [score for score in told.scores if isinstance(score.rule, Escalate)]
    clocks = [score for score in told.scores if score.rule.kind == "objective"]
    others = [score for score in told.scores if score not in fields and score not in ladders and score not in clocks]
    if fields:
        console.say()
        columns = ("rule", "tickets", "fired", "same", "other", "nobody", "unknown", "agreed")
        console.table(columns, map(_field_row, fields), "What people made of the same field")
    if ladders:
        console.say()
        columns = ("rule", "tickets", "began", "calls", "in time", "later", "ended", "never")
        console.table(columns, map(_ladder_row, ladders), "Whether it was acknowledged before the first call")
    if clocks:
        console.say()
        heads = ("rule", "tickets", "met", "missed", "running", "unknown", "warnings")
        console.table(heads, map(_clock_row, clocks), "How the clocks stood in the end")
    if others:
        console.say()
        rows = ([score.rule.id, str(score.tickets), str(len(score.told))] for score in others)
        console.table(("rule", "tickets", "messages"), rows, "What would have been told")
    for line in (*_disagreements(fields, told), *_reservations(told)):
        console.say(line)


def _field_row(score: Score) -> list[str]:
    counts = [str(score.count(truth)) for truth in ("same", "other", "nobody", "unknown")]
    agreed = "" if score.agreed is None else f"{score.agreed:.0%}"
    return [score.rule.id, str(score.tickets), str(len(score.judged)), *counts, agreed]


def _clock_row(score: Score) -> list[str]:
    ended = (score.stood("met"), score.stood("missed", "breached"))
    going = score.stood("on track", "at risk", "paused"), score.stood("unknown")
    warnings = sum(one.warnings for one in score.timed)
    return [score.rule.id, str(score.tickets), *map(str, (*ended, *going, warnings))]


def _ladder_row(score: Score) -> list[str]:
    taken = sum(climb.ending == "acknowledged" for climb in score.climbs)
    in_time = score.acknowledged(0)
    ended, never = (sum(climb.ending == ending for climb in score.climbs) for ending in ("otherwise", "never"))
    numbers = (score.tickets, len(score.climbs), score.calls, in_time, taken - in_time, ended, never)
    return [score.rule.id, *map(str, numbers)]


def _disagreements(fields: list[Score], told: Scored) -> Iterator[str]:
    zone = told.rules.defaults.timezone
    for score in fields:
        wrong = score.disagreements
        if wrong:
            yield f"\n{score.rule.id}: people said something else {_count(len(wrong), 'time')}"
        for one in wrong[:EXAMPLES]:
            at = f" {shown(one.then, zone, told.span.until)}" if one.then is not None else ""
            yield f"    {one.key}  {one.field}: {_said(one.wanted)}, but {one.by} made it {_said(one.became)}{at}"
        if len(wrong) > EXAMPLES:
            yield f"    and {len(wrong) - EXAMPLES} more: --format json tells them all"


def _reservations(told: Scored) -> Iterator[str]:
    """What the figures do not know."""
    if told.partly:
        names = ", ".join(life.key for life in told.partly[:PARTLY])
        more = f" and {len(told.partly) - PARTLY} more" if len(told.partly) > PARTLY else ""
        count = _count(len(told.partly), "ticket")
        yield f"\nnot readable to the beginning: {count} ({names}{more}); what began there before is not counted"
    if told.unread:
        yield f"\nnot readable at all: {', '.join(told.unread[:PARTLY])} ({len(told.unread)})"
    guessed = [r.id for r in told.rules if isinstance(r, Assign) and r.pick == "least-loaded" and r.mode != "off"]
    if guessed:
        yield f"\n{', '.join(guessed)}: who had how many tickets then is not known; all count as equally busy"


def _said(value: Value) -> str:
    return "nobody" if value is None else str(value)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# ---- as data


def data(told: Scored) -> dict[str, Any]:
    """For programs; moments in ISO 8601."""
    return {
        "since": told.span.since.isoformat(),
        "until": told.span.until.isoformat(),
        "tickets": len(told.lives),
        "partly_readable": [{"key": one.key, "known_since": _iso(one.known)} for one in told.partly],
        "unreadable": list(told.unread),
        "rules": [_score(score) for score in told.scores],
    }


def _score(score: Score) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": score.rule.kind, "id": score.rule.id, "tickets": score.tickets}
    if score.rule.kind in {"classify", "assign"}:
        counts = {truth: score.count(truth) for truth in ("same", "other", "nobody", "unknown")}
        decisions = [_judged(one) for one in score.judged]
        return {**said, "fired": len(score.judged), **counts, "agreed": score.agreed, "decisions": decisions}
    if isinstance(score.rule, Escalate):
        ladders = [
            {"key": c.key, "since": c.since.isoformat(), "steps": c.steps, "ending": c.ending} for c in score.climbs
        ]
        steps = max((c.steps for c in score.climbs), default=0)
        taken = {str(n): score.acknowledged(n) for n in range(steps + 1)}
        return {**said, "began": len(ladders), "calls": score.calls, "acknowledged_after": taken, "ladders": ladders}
    if score.rule.kind == "objective":
        clocks = [
            {"key": one.key, "since": one.since.isoformat(), "state": one.band, "warnings": one.warnings}
            for one in score.timed
        ]
        return {**said, "clocks": clocks}
    return {**said, "messages": [{"key": one.key, "at": one.at.isoformat()} for one in score.told]}


def _judged(one: Judged) -> dict[str, Any]:
    return {
        "key": one.key,
        "at": one.at.isoformat(),
        "field": one.field,
        "wanted": None if one.wanted is None else str(one.wanted),
        "truth": one.truth,
        "became": None if one.became is None else str(one.became),
        "by": one.by or None,
        "then": _iso(one.then),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
