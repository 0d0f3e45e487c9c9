"""Who may do what to a ticket, and who may see it: `[permissions]` and restricted tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from connectors.model import Ticket
from rules.directory import people
from rules.facts import Facts
from rules.model import Recipient, RuleSet
from rules.restrict import restriction

FOLLOWS: Final = {
    "raise": "severity",
    "lower": "severity",
    "resume": "hold",
    "assign": "take",
    "handover": "claim",
    "cadence": "update",
    "skip": "update",
    "snooze": "update",
    "pause": "acknowledge",
    "confirm": "acknowledge",
}
"""Whose permission holds for a verb that has none of its own: else it would be a way around it."""


def permitted(verb: str, rules: RuleSet) -> tuple[Recipient, ...] | None:
    """Who may do this, as written; None: everybody who is known."""
    return rules.permissions.get(verb, rules.permissions.get(FOLLOWS.get(verb, "")))


def may(verb: str, who: str, facts: Facts, now: datetime) -> bool:
    """Whether somebody may do this to the ticket of these words."""
    allowed = permitted(verb, facts.rules)
    return allowed is None or who in people(allowed, facts, facts.rules, now)


def who_may(verb: str, facts: Facts, now: datetime) -> str:
    """Who may do this, as written, and who that is now."""
    allowed = permitted(verb, facts.rules) or ()
    names = sorted(people(allowed, facts, facts.rules, now))
    said = ", ".join(map(str, allowed))
    return f"{said} ({', '.join(names)})" if names else f"{said} (nobody now)"


def sees(who: str, ticket: Ticket, rules: RuleSet, now: datetime) -> bool:
    """Whether somebody may see a ticket at all: for whom it is closed, it does not exist."""
    closed = restriction(ticket, rules, now)
    return closed is None or closed.sees(who)
