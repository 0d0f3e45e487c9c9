"""Channels of a ticket's own: which should be open and how they should be, and what stands in them.

A channel is a standing thing with the key `channel:<rule>><product>` (with `per`, one more part: `/<team>`). Once open
it is kept up to date until it is archived, also when its rule no longer holds: people are talking there. It is opened
while the ticket is open, archived some time after, and goes on when the ticket is opened again. What people do with it
stays: nobody is put out, a new name stays, and one that they archived or deleted is left so, tried hourly and told
(docs/decisions/0033-channels-are-peoples.md).

Its card is a standing message like any other, and so is what other rules tell `channel:<rule>`: what the ledger has
as open is a place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from connectors.model import Channel, Link, Message, Ticket
from rules.decide import Decision
from rules.decision import World as Known
from rules.directory import Address, invited
from rules.events import OPEN
from rules.facts import Facts
from rules.model import Room, RuleSet
from sync.buttons import buttons
from sync.effects import STANDING_TEXT, Effect, Scene, World, as_watched, colour_of, digest, said, standard
from sync.ledger import Entry, Ledger

Spot: TypeAlias = tuple[str, str]
"""A channel: the connector, and the ref by which it was opened."""
KIND: Final = "channel:"
CLOSED: Final = "!restricted"
"""Ends the place of a channel that was opened for a restricted ticket: whoever was in another one stays out of it."""
ARCHIVED: Final = "archived"
"""The digest of a channel that is archived, whatever it was like."""
KEPT: Final = ("it is open",)
"""Why a channel is kept whose rule no longer holds."""
LONGEST: Final = 80
TOPIC: Final = "{{ key }} {{ summary }} · {{ severity or 'not classified' }} · {{ assignee or 'nobody yet' }}"
LATE: Final = timedelta(days=7)
"""How long we may be down past the moment at which a channel is to be archived, and still archive it."""


def fitting(name: str) -> str:
    """A name as every product takes it: small letters, digits, `-` and `_`, at most 80."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower().replace("\\", "")
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:LONGEST].rstrip("-") or "incident"


def kept(spoken: Iterable[Decision], ledger: Ledger, rules: RuleSet, known: Known, ticket: Ticket) -> list[Decision]:
    """The rules that say nothing now and whose channel is open: it is theirs until it is archived."""
    named = {decision.rule.id for decision in spoken}
    mine = (rule for rule in rules.of("channel") if rule.mode == "on" and known.shows(rule) and rule.id not in named)
    return [Decision(r, ticket.created, KEPT) for r in mine if isinstance(r, Room) and any(_entries(r, ledger))]


def rooms(decisions: Iterable[Decision], scene: Scene) -> tuple[Effect, ...]:
    """The channels that these decisions want, each with its card; all but decisions for channels are passed over."""
    made = [one for d in decisions if isinstance(d.rule, Room) for one in _of(d, d.rule, scene)]
    return tuple(as_watched(replace(one, room=None), scene) if one.watched else one for one in made)


def opened(rules: RuleSet, ledger: Ledger, world: World, *, restricted: bool) -> dict[str, tuple[Address, ...]]:
    """By rule, where its channels are that are open; of a restricted ticket those of rules that see it."""
    found: dict[str, tuple[Address, ...]] = {}
    for rule in rules.of("channel"):
        if isinstance(rule, Room) and (rule.restricted or not restricted):
            standing = ((place, entry, entry.to.partition(":")[0]) for place, entry in _entries(rule, ledger))
            found[rule.id] = tuple(
                Address(f"channel:{rule.id}@{place}", product, entry.ref)
                for place, entry, product in standing
                if product in world.products and entry.sum != ARCHIVED and (place.endswith(CLOSED) or not restricted)
            )
    return found


def owned(ledger: Ledger) -> Iterator[tuple[Spot, bool]]:
    """The channels that are a ticket's own, and whether each was opened for it while it was restricted."""
    for key, entry in ledger.entries.items():
        if key.startswith(KIND) and entry.ref:
            yield (entry.to.partition(":")[0], entry.ref), key.endswith(CLOSED)


def archived(ledger: Ledger) -> frozenset[str]:
    """The refs of channels that are archived, with all that stands in them."""
    return frozenset(e.ref for key, e in ledger.entries.items() if key.startswith(KIND) and e.sum == ARCHIVED)


def reaching(rules: RuleSet, since: datetime, now: datetime) -> datetime:
    """How far back tickets have to be listed so that every channel is archived in the end."""
    after = [rule.archive_after for rule in rules.of("channel") if isinstance(rule, Room) and rule.mode == "on"]
    return min([since, *(now - one - LATE for one in after)])


def _entries(rule: Room, ledger: Ledger) -> Iterator[tuple[str, Entry]]:
    """The channels of a rule that were opened: what follows the arrow of the key, and the entry."""
    heads = tuple(f"{KIND}{name}>" for name in (rule.id, *rule.was))
    for key, entry in ledger.entries.items():
        if key.startswith(heads) and entry.ref:
            yield key.partition(">")[2], entry


# ---- one rule


@dataclass(frozen=True, slots=True)
class _Room:
    """One channel of a rule: the product, the rest of its key, the ticket's words as they are in it, its entry."""

    product: str
    place: str
    facts: Facts
    entry: Entry


def _of(decision: Decision, rule: Room, scene: Scene) -> Iterator[Effect]:
    over = _over(scene.facts.ticket)
    for spot in _spots(rule, scene):
        if not spot.entry.ref and (over is not None or decision.why == KEPT):
            continue
        due = over + rule.archive_after if over is not None else None
        yield _channel(decision, rule, spot, due, scene)
        if due is not None and due > scene.now:
            yield _archiving(decision, rule, spot, due, scene)
        if spot.entry.ref and spot.entry.sum != ARCHIVED:
            yield _card(decision, rule, spot, scene)


def _spots(rule: Room, scene: Scene) -> Iterator[_Room]:
    """Where the rule has channels. A restricted ticket has others, which are followed also when that is over."""
    products = [one for one in scene.world.products if one in scene.world.channels]
    for product in (one for one in products if not rule.products or one in rule.products):
        for team in _teams(scene.facts) if rule.per == "team" else ("",):
            place = f"{product}/{team}" if team else product
            facts = _as_of(team, scene.facts) if team else scene.facts
            private = _spot(rule, product, f"{place}{CLOSED}", facts, scene)
            if scene.restriction is None:
                yield _spot(rule, product, place, facts, scene)
            if scene.restriction is not None or private.entry.ref:
                yield private


def _spot(rule: Room, product: str, place: str, facts: Facts, scene: Scene) -> _Room:
    key, was = _key(rule, place)
    entry = scene.ledger.get(key, was) if rule.mode == "on" else None  # of a watched one it is a message's
    return _Room(product, place, facts, entry or Entry())


def _teams(facts: Facts) -> tuple[str, ...]:
    """The teams that have to do with it: its own, the service's, and those of what the service depends on."""
    service, services = facts["service"], facts.rules.services
    found = [facts["team"], service.team if service else None]
    found += [services[name].team for name in (service.depends_on if service else ())]
    return tuple(dict.fromkeys(team for team in found if isinstance(team, str) and team in facts.rules.teams))


def _as_of(team: str, facts: Facts) -> Facts:
    """The ticket's words in the channel of one team: `team` is that one."""
    ticket = replace(facts.ticket, fields={**facts.ticket.fields, "team": team})
    return Facts(ticket, facts.rules, facts.now)


def _key(rule: Room, place: str) -> tuple[str, tuple[str, ...]]:
    kind = f"watch.{KIND}" if rule.mode == "watch" else KIND
    return f"{kind}{rule.id}>{place}", tuple(f"{kind}{old}>{place}" for old in rule.was)


def _over(ticket: Ticket) -> datetime | None:
    """Since when the ticket is resolved; None while it is open."""
    if ticket.phase in OPEN:
        return None
    left = [c.at for c in ticket.history if c.field == "phase" and c.before in OPEN and c.after not in OPEN]
    return max(left, default=ticket.complete_since or ticket.created)


def _channel(decision: Decision, rule: Room, spot: _Room, due: datetime | None, scene: Scene) -> Effect:
    words, ended = _words(spot.facts, rule, decision), due is not None and due <= scene.now
    address = Address(spot.place, spot.product, "")
    name = fitting(rule.channel.render(words))
    then = replace(scene, now=decision.since, facts=spot.facts)
    topic = said(decision, address, rule.topic or standard(TOPIC), {}, then)
    card = scene.ledger.entries.get(_card_key(rule, spot))
    room = Channel(
        name,
        topic,
        _people(rule, spot, scene),
        _links(rule, spot.facts, words),
        (card.ref,) if card is not None and card.ref and not card.retired else (),
        rule.private or spot.place.endswith(CLOSED),
        ended,
        not ended and spot.entry.sum == ARCHIVED,
    )
    verb = "archive" if ended else "keep" if spot.entry.ref else "open"
    key, was = _key(rule, spot.place)
    return Effect(
        key,
        "standing",
        rule.id,
        f"{verb} #{name}" + (" up to date" if verb == "keep" else ""),
        decision.since,
        decision.since,
        spot.place,
        spot.product,
        name,
        Message(topic),
        digest=ARCHIVED if ended else digest(topic, tuple(sorted(room.people)), room.links, room.pinned),
        why=(rule.name or rule.id, *decision.why),
        was=was,
        watched=rule.mode == "watch",
        room=room,
        restricted=scene.restriction is not None,
    )


def _archiving(decision: Decision, rule: Room, spot: _Room, due: datetime, scene: Scene) -> Effect:
    """That it will be archived."""
    name = fitting(rule.channel.render(_words(spot.facts, rule, decision)))
    key, was = _key(rule, spot.place)
    what, why = f"archive #{name}", (rule.name or rule.id,)
    return Effect(
        key, "standing", rule.id, what, due, due, spot.place, spot.product, name, why=why, was=was,
        watched=rule.mode == "watch", unless="it is opened again", restricted=scene.restriction is not None,
    )  # fmt: skip


def _card_key(rule: Room, spot: _Room) -> str:
    return f"notify:{rule.id}>channel:{rule.id}@{spot.place}"


def _card(decision: Decision, rule: Room, spot: _Room, scene: Scene) -> Effect:
    """What stands in it, pinned: how the ticket stands."""
    address = Address(f"channel:{rule.id}@{spot.place}", spot.product, spot.entry.ref)
    then = replace(scene, now=decision.since, facts=spot.facts)
    thing = Message(
        said(decision, address, rule.text or standard(STANDING_TEXT), {}, then),
        buttons(rule.buttons, spot.facts),
        colour=colour_of(scene),
    )
    key, why = _card_key(rule, spot), (rule.name or rule.id,)
    return Effect(
        key,
        "standing",
        rule.id,
        "show in its channel",
        decision.since,
        decision.since,
        address.place,
        spot.product,
        spot.entry.ref,
        thing,
        digest=digest(thing),
        why=why,
        restricted=scene.restriction is not None,
    )


def _words(facts: Facts, rule: Room, decision: Decision) -> Mapping[str, object]:
    return facts.words({"rule": rule.name or rule.id, "since": decision.since})


def _people(rule: Room, spot: _Room, scene: Scene) -> tuple[str, ...]:
    found = invited(rule.invite, spot.facts, scene.rules, spot.product, scene.now)
    closed = scene.restriction
    return tuple(
        dict.fromkeys(one.address for one in found if not one.external and (closed is None or closed.allows(one)))
    )


def _links(rule: Room, facts: Facts, words: Mapping[str, object]) -> tuple[Link, ...]:
    """The ticket, and what the rule names; an address that came to nothing is left out."""
    named = ((title, _address(text.render(words))) for title, text in rule.links.items())
    ticket = ((facts.ticket.key, facts.ticket.url),)
    return tuple(Link(title, url) for title, url in (*ticket, *named) if url.startswith(("https://", "http://")))


def _address(text: str) -> str:
    """An address as it was before its words were made harmless as Markdown."""
    return re.sub(r"\\(\W|_)", r"\1", text).replace("&#96;", "`").strip()
