"""How a drill went, as people read it in a terminal, and as data for whoever wants to pipe it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from rules import duration
from rules.calendar import between
from rules.clock import Clock
from rules.explain import render
from rules.model import RuleSet
from rules.text import shown
from sync.drill.story import HOW, Line, Told
from sync.drill.verdict import Missed, Outcome
from sync.show import one_line

COLOURS: Final[Mapping[str, str]] = {
    r"(?m)^[A-Z][A-Z ]+$": "bold",
    r"(?m)^\d\d:\d\d:\d\d  (people) ": "cyan",
    r"(?m)^\d\d:\d\d:\d\d  (called|warned|reminded) ": "bold yellow",
    r"(?m)^\d\d:\d\d:\d\d  (told|shown|changed|updated|opened) ": "green",
    r"(?m)^\d\d:\d\d:\d\d  (outage|clock) ": "magenta",
    r"(?m)^\d\d:\d\d:\d\d  (failed) .*(?:\n {10,}\S.*)*$": "bold red",
    r"(?m)^FAILED .*$": "bold red",
    r"(?m)^ +came .*(?:\n {16,}\S.*)*$": "red",
    r"(?m)^ +expected .*(?:\n {16,}\S.*)*$": "green",
    r"\bmissed\b.*": "bold red",
    r"\bmet\b": "bold green",
    r"(?m)^(\S+: (\d+) of \2 expectations held;(?s:.*))\Z": "bold green",
}
LONGEST: Final = 140
"""Characters of a message that stand in the timeline; addresses of pages do not."""
_TEXT = re.compile(r"[*`\\]|\[([^\]]*)\]\([^)]*\)|https?://\S+")
_LINES = re.compile(r"(?<=[^.!?:;,\s])\s*\n\s*")


def text(outcome: Outcome, head: Sequence[str], width: int | None, *, every: bool) -> Iterator[str]:
    """The timeline, who was told, how objectives stand, and what was not as expected."""
    zone, scenario = outcome.setting.rules.defaults.timezone, outcome.scenario
    end = scenario.start + scenario.lasts
    yield f"{scenario.title}"
    yield f"from {_day(scenario.start, zone)} to {_day(end, zone)} ({zone})"
    for line in head:
        yield from folded(line, width)
    yield from ("", "TIMELINE")
    yield from _timeline(outcome, width, every=every)
    yield from ("", "WHO WAS TOLD")
    yield from _told(outcome, width)
    yield from _objectives(outcome, width)
    yield from _failures(outcome, width)
    yield ""


# ---- the timeline


def _timeline(outcome: Outcome, width: int | None, *, every: bool) -> Iterator[str]:
    zone, day = outcome.setting.rules.defaults.timezone, None
    for at, who, said in rows(outcome, every=every):
        local = at.astimezone(zone)
        if day is not None and local.date() != day:
            yield f"-- {local:%A %d %B %Y}"
        day = local.date()
        yield from _folded(f"{local:%H:%M:%S}  {who:<8}  ", said, width)


def rows(outcome: Outcome, *, every: bool) -> list[tuple[datetime, str, str]]:
    """Every line of the timeline in its order: when, of what sort, and what."""
    lines: list[tuple[datetime, int, str, str]] = []
    for number, line in enumerate(outcome.story.lines):
        lines.append((line.at, number, line.who, one_line(line.said)))
    told = [one for one in outcome.story.told if every or one.fresh]
    rules, start = outcome.setting.rules, len(lines)
    lines += [(one.at, start + n, _sort(one), _said(one, rules)) for n, one in enumerate(told)]
    return [(at, who, said) for at, _, who, said in sorted(lines, key=lambda row: (row[0], row[1]))]


def _sort(told: Told) -> str:
    return HOW.get(told.kind, "told") if told.fresh else "changed"


def _said(told: Told, rules: RuleSet) -> str:
    return f"{to(told, rules)}  {told.ticket}, {told.rule}: {short(told.text)}"


def to(told: Told, rules: RuleSet) -> str:
    """Whom or where, for people."""
    if told.person:
        return f"{rules.people[told.person]} ({told.product})"
    return f"{told.product}:{told.address}"


def short(said: str) -> str:
    """The beginning of a message on one line, without its marks."""
    plain = _LINES.sub("; ", _TEXT.sub(lambda found: found[1] or "", said).strip())
    return textwrap.shorten(plain, LONGEST, placeholder=" …")


def _day(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%a %d %b %Y %H:%M}"


def folded(said: str, width: int | None) -> list[str]:
    """A sentence on lines of at most so many columns; on one where there is no width."""
    return _folded("", said, width)


def _folded(head: str, said: str, width: int | None) -> list[str]:
    if width is None:
        return [f"{head}{said}"]
    indent = " " * min(len(head), width // 2)
    return textwrap.wrap(f"{head}{said}", max(width, 30), subsequent_indent=indent, break_on_hyphens=False)


# ---- who was told


def _told(outcome: Outcome, width: int | None) -> Iterator[str]:
    """By person and place: how often they were told what, of which ticket, by which rule, and when."""
    rules, start = outcome.setting.rules, outcome.scenario.start
    whom: dict[str, dict[str, list[str]]] = {}
    for one in outcome.story.told:
        if one.fresh:
            at = shown(one.at, rules.defaults.timezone, start)
            whom.setdefault(to(one, rules), {}).setdefault(f"{_sort(one)} of {one.ticket} by {one.rule}", []).append(at)
    if not whom:
        yield "nobody"
    wide = min(36, max(map(len, whom), default=0))
    for name in sorted(whom):
        said = "; ".join(f"{what} {', '.join(times)}" for what, times in whom[name].items())
        yield from _folded(f"{name:<{wide}}  ", said, width)


# ---- objectives


def _objectives(outcome: Outcome, width: int | None) -> Iterator[str]:
    found = outcome.clocks
    if not found:
        return
    yield from ("", "OBJECTIVES")
    zone, wide = outcome.setting.rules.defaults.timezone, max(len(name) for name, _ in found)
    for name, clock in found:
        yield from _folded(f"{name:<{wide}}  ", f"{clock.label}: {clock.said(zone)}{_took(clock)}", width)


def _took(clock: Clock) -> str:
    """How long it ran, where it is over."""
    spent = took(clock)
    return f", after {duration.show(spent)}" if spent else ""


def took(clock: Clock) -> timedelta | None:
    """How long a clock has run that is over, in its calendar's time; None where it is not."""
    if clock.stopped is None:
        return None
    spans = (between(clock.calendar, begins, ends or clock.now) for begins, ends in clock.running)
    return sum(spans, timedelta())


# ---- what failed


def _failures(outcome: Outcome, width: int | None) -> Iterator[str]:
    rules = outcome.setting.rules
    for line in outcome.story.undone:
        yield from ("", *_folded("FAILED  ", f"could not be done: {one_line(line.said)}", width))
    for one in outcome.missed:
        yield from ("", *_folded("FAILED  ", f"{one.name}  ({outcome.scenario.file}:{one.line})", width))
        yield from _folded("    expected  ", one.wanted, width)
        yield from _folded("    came      ", one.came, width)
        yield from (f"        {line}".rstrip() for line in why(one, rules, None if width is None else width - 8))


def why(missed: Missed, rules: RuleSet, width: int | None = None) -> tuple[str, ...]:
    """The notes and the explain tree."""
    return (*missed.notes, *render(missed.why, rules.defaults.timezone, missed.at, width))


# ---- for programs


def data(outcome: Outcome) -> dict[str, Any]:
    """The whole story as JSON-ready data; moments in ISO 8601, UTC."""
    rules = outcome.setting.rules
    return {
        "timeline": [_line(line) for line in outcome.story.lines],
        "told": [_one(one) for one in outcome.story.told],
        "objectives": [_clock(name, clock, rules) for name, clock in outcome.clocks],
        "undone": [line.said for line in outcome.story.undone],
        "expectations": [
            {
                "name": claim.name,
                "line": claim.line,
                "ok": not claim.missed,
                "failures": [
                    {"expected": one.wanted, "came": one.came, "at": one.at.isoformat(), "why": list(why(one, rules))}
                    for one in claim.missed
                ],
            }
            for claim in outcome.claims
        ],
    }


def _clock(name: str, clock: Clock, rules: RuleSet) -> dict[str, Any]:
    deadline, spent = clock.deadline, took(clock)
    return {
        "ticket": name,
        "objective": clock.rule.id,
        "goal": clock.label,
        "outcome": clock.band,
        "said": clock.said(rules.defaults.timezone),
        "deadline": deadline.isoformat() if deadline is not None else None,
        "stopped": clock.stopped.isoformat() if clock.stopped is not None else None,
        "took": duration.show(spent) if spent else None,
    }


def _line(line: Line) -> dict[str, Any]:
    return {"at": line.at.isoformat(), "who": line.who, "ticket": line.ticket or None, "said": line.said}


def _one(one: Told) -> dict[str, Any]:
    return {
        "at": one.at.isoformat(),
        "ticket": one.ticket,
        "how": _sort(one),
        "rule": one.rule,
        "place": one.place,
        "product": one.product,
        "address": one.address,
        "person": one.person or None,
        "text": one.text,
    }
