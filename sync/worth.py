"""What is worth telling again where nothing can be edited: an e-mail, a one-way webhook.

A standing message stands there as it was told. It is told again, as a new message in its thread, when one of the words
that its rule names in `worth_telling` became something else, and never because its text reads differently. So the
ledger keeps of such a place the digest of those words, marked as such: one that stands there from the time when the
place could be edited says nothing about them, and is taken as told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rules.facts import Facts, Who
from rules.logic import UNKNOWN
from rules.model import Notify
from sync.ledger import Entry

if TYPE_CHECKING:
    from sync.effects import Effect

MARK = "w"
"""Begins the digest of what is worth telling; that of a text is hexadecimal digits only."""


def words(rule: Notify, facts: Facts) -> tuple[str, ...]:
    """What the words that are worth telling hold, each as one text; what is unknown counts as empty."""
    return tuple(_held(facts[word]) for word in rule.worth_telling)


def adopted(effect: Effect, entry: Entry) -> Entry | None:
    """The entry of what was told while its place could be edited, as it counts now; None where it needs no change."""
    if entry.at is None or entry.claim is not None or entry.sum.startswith(MARK):
        return None
    return replace(entry, sum=effect.digest)


def _held(value: object) -> str:
    if value is None or value is UNKNOWN:
        return ""
    return value.key or value.user.id or value.user.email if isinstance(value, Who) else str(value)
