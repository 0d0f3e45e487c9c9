"""What the rules want told: cards that are kept up to date, news of events, and calls.

A card is one message for as long as its rule wants it. News is a message for each stretch of events that was not told
yet, which is the one thing for which the ledger is read here. Calls are `sync.calls`', channels `sync.rooms`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from connectors.model import Message
from rules.decide import Decision
from rules.model import Escalate, Notify, Objective, Update
from rules.quiet import gathered_since
from sync import worth
from sync.buttons import buttons
from sync.calls import calls
from sync.clocks import warnings
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
from sync.ledger import Entry
from sync.updates import updates

NEWS_TEXT = "**{{ key }}** {{ summary }}: {{ changed }}"


def effects(decisions: Iterable[Decision], scene: Scene) -> tuple[Effect, ...]:
    """Everything that these decisions want outside of the ticket, also what is still to come, in deciding order."""
    made: list[Effect] = []
    several = tuple(decisions)
    for decision in several:
        rule = decision.rule
        if isinstance(rule, Escalate):
            made.extend(calls(ladder(decision, rule, scene), scene))
        elif isinstance(rule, Objective) and decision.clock is not None:
            made.extend(calls(warnings(decision, rule, decision.clock, scene), scene))
        elif isinstance(rule, Notify):  # channels are `sync.rooms`'
            made.extend(_news(decision, rule, scene) if rule.on else _standing(decision, rule, scene))
    made.extend(updates((one for one in several if isinstance(one.rule, Update)), scene))
    if scene.restriction is not None:
        made = [replace(effect, restricted=True) for effect in made]
    return _threaded(tuple(as_watched(effect, scene) for effect in made))


# ---- standing


def _standing(decision: Decision, rule: Notify, scene: Scene) -> Iterator[Effect]:
    for address in scene.addresses(decision, rule.to):
        # moments are dated from the beginning, or every standing message would change at midnight
        then = replace(scene, now=decision.since)
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
        )


def _told_before(key: str, was: tuple[str, ...], scene: Scene) -> datetime:
    """When it was told last, which tells a message from the one before; the first of all has no such moment."""
    entry = scene.ledger.get(key, was)
    return entry.at if entry is not None and entry.at is not None else LONG_AGO


# ---- news


def _news(decision: Decision, rule: Notify, scene: Scene) -> Iterator[Effect]:
    for address in scene.addresses(decision, rule.to):
        key, was = key_of("news", rule, address)
        entry = scene.ledger.get(key, was) or Entry()
        after = max((m for m in (entry.mark, scene.world.start) if m is not None), default=None)
        events = [event for event in decision.events if after is None or event.at > after]
        known = max((stretch.until for stretch in entry.stale), default=None)
        oldest = gathered_since(rule, scene.rules, scene.now - scene.world.grace, scene.now)
        stale = [e for e in events if e.at < oldest and (known is None or e.at > known)]
        fresh = events if scene.world.late else [e for e in events if e.at >= oldest]
        if scene.world.late:
            again = [e for e in decision.events if any(s.after < e.at <= s.until for s in entry.stale)]
            fresh = sorted({*again, *events}, key=lambda e: e.at)
            stale = []
        if not fresh and not stale:
            continue
        last = (fresh or stale)[-1]
        changed = "; ".join(dict.fromkeys(event.text for event in fresh))
        template = rule.text or standard(NEWS_TEXT)
        text = said(decision, address, template, {"changed": changed}, scene) if fresh else ""
        yield Effect(
            key,
            "news",
            rule.id,
            f"tell {spoken(address)}: {changed}" if fresh and scene.restriction is None else f"tell {spoken(address)}",
            last.at,
            max(last.at, entry.mark or last.at),
            address.place,
            address.product,
            address.address,
            Message(text, colour=colour_of(scene)) if fresh else None,
            digest=digest(text),
            why=(rule.name or rule.id, *decision.why),
            was=was,
            external=address.external,
            watched=rule.mode == "watch",
            stale=len(stale),
            stale_until=stale[-1].at if stale else None,
            moment=last.at,
        )


def _threaded(made: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """News stand under the ticket's standing message at the same address, so that a channel stays readable."""
    cards = {effect.to: effect.key for effect in made if effect.sort == "standing" and not effect.watched}
    return tuple(
        replace(e, under=cards[e.to]) if e.sort == "news" and not e.watched and e.to in cards else e for e in made
    )
