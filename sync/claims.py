"""Announces effects in the ledger, as many as there is room for: what a claim comes to must fit as well.

Nothing goes out whose outcome could not be recorded. What does not fit yet stays owed, and has its room as soon as
the outcomes of the others are written, which take less than their claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from sync.effects import Effect
from sync.ledger import Claim, Ledger

Group: TypeAlias = tuple[Effect, ...]


def claims(ready: Sequence[Group], ledger: Ledger, now: datetime) -> tuple[tuple[Group, ...], Ledger]:
    """The groups that can be claimed, and the ledger with their claims: all of them, or the first for which there is
    room. Where there is none for a single one, all of them and a ledger that does not fit.
    """
    everything = ledger
    for group in ready:
        everything = _claimed(group, everything, now)
    if everything.fits() or not ready:
        return tuple(ready), everything
    fitting, number = ledger, 0
    while (longer := _claimed(ready[number], fitting, now)).fits():
        fitting, number = longer, number + 1
    return (tuple(ready), everything) if fitting is ledger else (tuple(ready[:number]), fitting)


def _claimed(group: Group, ledger: Ledger, now: datetime) -> Ledger:
    for effect in group:
        if effect.sort != "retire":  # taking buttons off twice changes nothing
            claim = Claim(now, effect.moment, effect.digest, _place(effect, ledger), effect.mark)
            ledger = ledger.claimed(effect.key, claim, effect.was)
    return ledger


def _place(effect: Effect, ledger: Ledger) -> str:
    """Where it will be looked for: a reply under what it stands under, which may be long ago by then."""
    card = ledger.entries.get(effect.under) if effect.under else None
    return f"{effect.product}:{card.ref}" if card is not None and card.ref else effect.to
