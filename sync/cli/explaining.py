"""`pointman explain`: what each rule said of a ticket and why, now or at a past moment, and what became of it."""

from __future__ import annotations

from itertools import chain
from typing import Any

from rules.condition import Trace
from rules.explain import Explanation, Upshot, render, upshot_line
from sync import show
from sync.cli import console
from sync.why import Explained, explained

__all__ = ["Explained", "data", "explained", "text"]

COLOURS = {
    r"(?m)^(?:\w+ +\S+  )(fired\b[^:\n]*)": "green",
    r"(?m)^(?:\w+ +\S+  )((?:did not|off)\b)": "dim",
    r"(?m)^(?:\w+ +\S+  )((?:unknown|(?:shadowed|muted) by [^\s:]+))": "yellow",
    r"(?m)^ {4}→ (held|muted|left alone|stale|not done|unknown)(?: |$)": "magenta",
    r"(?m)^ {4}→ (now|next)(?: |$)": "cyan",
    r"(?m)^ {4}→ (done)(?: |$)": "green",
}
"""The first group of each pattern in its colour."""


def text(told: Explained, width: int | None = None) -> str:
    """For people: every rule with its verdict, what became of it, and the parts of its condition.

    Lines are folded to `width` columns, where one is given.
    """
    zone = told.rules.defaults.timezone
    then = f"  as it was {told.at.astimezone(zone):%Y-%m-%d %H:%M}" if told.past else ""
    notes = (console.folded(note, " " * 6, width).split("\n") for note in told.notes)
    lines = [show.one_line(f"{told.ticket.key}  {told.ticket.summary}") + then, *chain.from_iterable(notes)]
    lines += render(told.explanations, zone, told.at, width)
    lines += [f"other     {upshot_line(upshot, zone, told.at)}" for upshot in told.others]
    return "\n".join(show.one_line(line) for line in lines)


def data(told: Explained) -> dict[str, Any]:
    """For programs; moments in ISO 8601."""
    return {
        "key": told.ticket.key,
        "ref": told.ticket.ref,
        "at": told.at.isoformat(),
        "past": told.past,
        "notes": list(told.notes),
        "rules": [_rule(one) for one in told.explanations],
        "others": [_upshot(upshot) for upshot in told.others],
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
        "said": one.said,
        "by": one.by or None,
        "until": one.until.isoformat() if one.until else None,
        "notes": list(one.notes),
        "blamed": [part.source for part in one.blamed],
        "upshots": [_upshot(upshot) for upshot in one.upshots],
        "at": one.at.isoformat() if one.at else None,
        "condition": _part(one.trace) if one.trace else None,
    }


def _upshot(upshot: Upshot) -> dict[str, Any]:
    return {
        "state": upshot.state,
        "what": upshot.what,
        "why": upshot.why or None,
        "at": upshot.at.isoformat() if upshot.at else None,
    }


def _part(trace: Trace) -> dict[str, Any]:
    return {
        "source": trace.source,
        "value": trace.value,
        "joint": trace.joint or None,
        "words": {word: None if value is None else str(value) for word, value in trace.words},
        "parts": [_part(part) for part in trace.parts],
    }
