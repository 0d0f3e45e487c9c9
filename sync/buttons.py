"""The buttons under a message: what its rule offers, as far as it makes sense for the ticket as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from connectors.model import Button
from rules.facts import Facts, Who
from rules.quiet import paused

LABELS: Mapping[str, str] = {
    "acknowledge": "Acknowledge",
    "confirm": "Still on it",
    "take": "Take it",
    "assign": "Assign…",
    "escalate": "Escalate now",
    "raise": "Raise severity",
    "lower": "Lower severity",
    "severity": "Severity…",
    "update": "Post an update",
    "comment": "Comment…",
    "hold": "Hold…",
    "eta": "ETA…",
    "cadence": "Cadence…",
    "skip": "Skip this one",
    "pause": "Pause…",
    "snooze": "Remind me later",
    "claim": "Take a role…",
    "handover": "Hand over a role…",
    "resolve": "Resolve",
    "override": "Another goal…",
    "next": "What next?",
    "why": "Why?",
}
_STYLES: Mapping[str, Literal["primary"]] = {"acknowledge": "primary"}
_POINTLESS: Mapping[str, Callable[[Facts], bool]] = {
    "acknowledge": lambda facts: bool(facts["acknowledged"]),
    "hold": lambda facts: facts["hold"] is True,
    "resume": lambda facts: facts["hold"] is not True and not _is_paused(facts),
}
"""Verbs that would change nothing, and when."""


def _is_paused(facts: Facts) -> bool:
    silence = paused(facts.ticket.history, facts.now) if facts.now is not None else None
    return silence is not None and facts.now is not None and silence.covers(facts.now)


def buttons(verbs: Iterable[str], facts: Facts) -> tuple[Button, ...]:
    """Those of a rule that make sense now; none when the ticket is over."""
    ticket = facts.ticket
    if ticket.phase in {"resolved", "closed"}:
        return ()
    offered = (verb for verb in verbs if not _pointless(verb, facts))
    return tuple(Button(_label(verb, facts), verb, ticket.ref, _STYLES.get(verb, "")) for verb in offered)


def _pointless(verb: str, facts: Facts) -> bool:
    """Whether it would change nothing: a role that somebody has is handed over, and one that nobody has is claimed."""
    name, _, role = verb.partition(":")
    if role:
        return isinstance(facts[role], Who) is (name == "claim")
    return verb in _POINTLESS and _POINTLESS[verb](facts)


def _label(verb: str, facts: Facts) -> str:
    name, _, role = verb.partition(":")
    if role:
        return f"Be {facts.rules.roles[role]}" if name == "claim" else f"Hand over {facts.rules.roles[role]}…"
    return LABELS.get(verb, verb.capitalize())
