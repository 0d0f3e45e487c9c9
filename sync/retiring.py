"""What stands somewhere and is wanted no more: its buttons are taken off, once, and nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rules.model import RuleSet
from sync import closed, rooms
from sync.effects import Effect
from sync.ledger import Ledger

KINDS: Final = ("notify:", "watch.notify:", "watch.channel:", "escalate:", "objective:", "remind:")
"""The kinds of keys of what has buttons."""


def retired(ledger: Ledger, wanted: frozenset[str], rules: RuleSet, now: datetime) -> Iterator[Effect]:
    """What was made and is not among the keys that are wanted."""
    current = {*wanted, *(_today(key, rules) for key in wanted)}
    gone = rooms.archived(ledger)
    # calls of one look to one address are one message: another rule may still want it
    shared = {e.ref for key, e in ledger.entries.items() if _today(key, rules) in current and not e.retired}
    for key, entry in ledger.entries.items():
        if not key.startswith(KINDS) or not entry.ref or entry.retired or _today(key, rules) in current:
            continue
        if entry.sum.startswith(closed.BLANK):  # to send it again could only bring back what it said before
            continue
        product, _, address = entry.to.partition(":")
        if entry.ref in shared or address in gone:  # nothing in an archived channel can be clicked any more
            continue
        what = f"retire what stands in {address}"
        yield Effect(key, "retire", key, what, now, now, "", product, address, ref=entry.ref, digest=entry.sum)


def _today(key: str, rules: RuleSet) -> str:
    """The key under which a renamed rule's effect is known today."""
    if not rules.renamed:
        return key
    kind, _, rest = key.partition(":")
    rule, arrow, place = rest.partition(">")
    return f"{kind}:{rules.renamed.get(rule, rule)}{arrow}{place}"
