"""What the rules want told: cards that are kept up to date, news of events, and calls.

A card is one message for as long as its rule wants it. News is `sync.news`', calls are `sync.calls`', updates
`sync.updates`', channels `sync.rooms`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from connectors.model import Message
from rules.decide import Decision
from rules.model import Escalate, Notify, Objective, Update
from sync import worth
from sync.buttons import buttons
from sync.calls import calls
from sync.clocks import warnings
from sync.deeds import deeds
from sync.effects import (
    LONG_AGO,
    STANDING_TEXT,
    Effect,
    Scene,
    as_watched,
    colour_of,
    digest,
    key_of,
    said,
    spoken,
    standard,
)
from sync.ladder import ladder
from sync.news import news
from sync.updates import updates


def effects(decisions: Iterable[Decision], scene: Scene) -> tuple[Effect, ...]:
    """Everything that these decisions want outside of the ticket, also what is still to come, in deciding order."""
    made: list[Effect] = []
    several = tuple(decisions)
    if not several:  # mostly nothing is watched
        return ()
    for decision in several:
        rule = decision.rule
        if isinstance(rule, Escalate):
            climbing = ladder(decision, rule, scene)
            made.extend((*calls(climbing, scene), *deeds(climbing, scene)))
        elif isinstance(rule, Objective) and decision.clock is not None:
            made.extend(calls(warnings(decision, rule, decision.clock, scene), scene))
        elif isinstance(rule, Notify):  # channels are `sync.rooms`'
            made.extend(news(decision, rule, scene) if rule.on else _standing(decision, rule, scene))
    made.extend(updates((one for one in several if isinstance(one.rule, Update)), scene))
    return _threaded(tuple(as_watched(effect, scene) for effect in made))


# ---- standing


def _standing(decision: Decision, rule: Notify, scene: Scene) -> Iterator[Effect]:
    # moments are dated from the beginning, or every standing message would change at midnight
    then = replace(scene, now=decision.since)
    for address in scene.addresses(decision, rule.to):
        text = said(decision, address, rule.text or standard(STANDING_TEXT), {}, then)
        thing = Message(text, buttons(rule.buttons, scene.facts), colour=colour_of(scene))
        key, was = key_of("notify", rule, address)
        editable = rule.mode == "watch" or address.product in scene.world.editable
        yield Effect(
            key,
            "standing",
            rule.id,
            f"show in {spoken(address)}",
            decision.since,
            decision.since,
            address.place,
            address.product,
            address.address,
            thing,
            digest=digest(thing) if editable else f"{worth.MARK}{digest(worth.words(rule, scene.facts))[1:]}",
            why=(rule.name or rule.id, *decision.why),
            was=was,
            external=address.external,
            watched=rule.mode == "watch",
            moment=_told_before(key, was, scene) if not editable else LONG_AGO,
            restricted=scene.restriction is not None,
        )


def _told_before(key: str, was: tuple[str, ...], scene: Scene) -> datetime:
    """When it was told last, which tells a message from the one before; the first of all has no such moment."""
    entry = scene.ledger.get(key, was)
    return entry.at if entry is not None and entry.at is not None else LONG_AGO


def _threaded(made: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """News stand under the ticket's standing message at the same address, so that a channel stays readable."""
    cards = {effect.to: effect.key for effect in made if effect.sort == "standing" and not effect.watched}
    return tuple(
        replace(e, under=cards[e.to]) if e.sort == "news" and not e.watched and e.to in cards else e for e in made
    )
