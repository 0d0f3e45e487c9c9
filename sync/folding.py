"""What acts come to in the end, where a ledger has no more room for how they came to it.

An act is small as it is written, and its id has to be known for as long as its command may come again; so most are
kept as they are: a clock, a ladder or an explanation may be read off any of them. What goes is what nothing is read
off any more: words that stand in the log, and acts between the first and the last of those that follow one another.
See docs/decisions/0079-acts-are-written-small-and-folded-last.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from rules.cadence import STEP
from sync.rows import Act

FOLDED_AFTER: Final = timedelta(days=2)
"""The age from which on acts are folded where there is no room: longer than news are told late, by default."""
FOLLOWED: Final = frozenset({"update", "cadence", "pause", "snooze", "confirm", "comment"})
"""Verbs of which the latest act says what holds; the first stays, since a clock may have stopped at it."""
SHORT: Final = 80
"""Characters of an update that are kept in the end."""
TOLD: Final = "…"
"""What is kept of the words of an update that was followed by another long ago: they stand in the log."""


def short(act: Act) -> Act:
    """An act without the words that only the log needs: why a goal was changed, and most of a long update."""
    args = dict(act.args)
    if act.verb == "override":
        args.pop("reason", None)
    elif act.verb == "update":
        args["text"] = args.get("text", "")[:SHORT]
    return act if args == act.args else replace(act, args=args)


def spare(acts: Iterable[Act], before: datetime | None = None) -> tuple[Act, ...]:
    """The acts (before a moment, where one is given) between the first and the last of their kind, oldest first."""
    kinds: dict[Hashable, list[Act]] = {}
    for act in acts:
        kind = _kind(act)
        if kind is not None:
            kinds.setdefault(kind, []).append(act)
    between = (act for several in kinds.values() for act in several[1:-1] if before is None or act.at < before)
    return tuple(sorted(between, key=lambda act: act.at))


def folded(acts: Sequence[Act], before: datetime) -> tuple[Act, ...]:
    """The acts without those that are spare, and without the words of updates that were followed by another."""
    gone = {act.id for act in spare(acts, before)}
    last = next((act for act in reversed(acts) if act.verb == "update"), None)
    kept = (act for act in acts if act.id not in gone)
    return tuple(_wordless(act) if act.at < before and act is not last else short(act) for act in kept)


def _wordless(act: Act) -> Act:
    said = act.verb == "update" and len(act.args.get("text", "")) > len(TOLD)
    return replace(act, args={**act.args, "text": TOLD}) if said else short(act)


def _kind(act: Act) -> Hashable | None:
    """What an act has in common with those that follow it; None: it stands for itself."""
    if act.verb == "override":
        return act.verb, act.args.get("objective", "")
    if act.verb == "skip":
        return act.verb if act.args.get("what") != STEP else None
    return act.verb if act.verb in FOLLOWED else None
