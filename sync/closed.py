"""What a restricted ticket looks like to those whom it is closed to: nothing, or a neutral text where a card stood.

Nothing is ever deleted, and what was said by a call or by news was heard. But a card stands there to be read, so where
it can be edited it says from now on that the ticket is restricted, and nothing else. It is the same card: when the
ticket is no longer restricted it shows again what it would. A card in a place that the restriction lets in, and that a
rule with `restricted` wants there, stays as that rule has it. Of a channel that stands open to all the topic goes, and
its card; nobody is put out of it, and nobody more is invited.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connectors.model import Channel, Message, Ticket
from rules.restrict import Restriction
from rules.text import inert
from sync.effects import Effect, World, digest
from sync.ledger import Ledger
from sync.rooms import ARCHIVED, KIND

SHOWN = ("notify:", "channel:", "watch.notify:", "watch.field:", "watch.channel:")
"""The kinds of keys whose thing stands there to be read."""
BLANK: Final = "blank."
"""How the digest of a card begins that was blanked: it has no buttons, so there is nothing to take off."""


def blanked(
    ticket: Ticket, ledger: Ledger, restriction: Restriction, world: World, wanted: frozenset[str]
) -> Iterator[Effect]:
    """The cards of a restricted ticket that nobody may see any more, as they are to be: without a word of it."""
    thing = Message(f"**{inert(ticket.key)}** is restricted.")
    for key, entry in ledger.entries.items():
        product, _, address = entry.to.partition(":")
        stands = entry.ref and product in world.products and product in world.editable
        if not key.startswith(SHOWN) or key in wanted or not stands or entry.sum == ARCHIVED:
            continue
        room = Channel(address, thing.text) if key.startswith(KIND) else None
        rule, _, place = key.partition(":")[2].partition(">")
        at = entry.at or ticket.created
        yield Effect(
            key,
            "standing",
            rule,
            f"blank what stands {'above' if room is not None else 'in'} {address}",
            at,
            at,
            place,
            product,
            address,
            thing,
            digest=BLANK + digest(thing),
            why=(str(restriction),),
            watched=key.startswith("watch."),
            restricted=True,
            room=room,
        )


def notices(ticket: Ticket, restriction: Restriction, *, told: bool, unreached: bool) -> dict[str, str]:
    """What the home ticket may say of a restricted ticket: that there is something to know, and not what."""
    key, found = ticket.key, dict[str, str]()
    if told:
        found["restricted"] = f"{key} is restricted, and needs an administrator: `pointman plan {key}` says why"
    if unreached:
        found["unreached"] = f"{key} is restricted, and {' and '.join(restriction.by)} lets in nobody whom it calls"
    if restriction.unsure:
        unsure = ", ".join(restriction.unsure)
        found["unsure"] = f"{key} counts as restricted, since the condition of {unsure} cannot be known"
    return found
