"""From what the rules decided to what should be true outside: effects, each with a key, a place, a thing and a moment.

An effect says nothing about whether it is owed; that is the plan's comparison with the ledger. What rules make of
these nouns is `sync.telling`'s, `sync.calls`' and `sync.rooms`'.

| sort     | key                        | what it is                                                    |
|----------|----------------------------|---------------------------------------------------------------|
| field    | `field:<word>`             | a word of the ticket                                          |
| standing | `notify:<rule>><place>`    | one message kept up to date                                   |
| news     | `news:<rule>><place>`      | a message for events; has a kind of its own, so that a ledger |
|          |                            | entry tells what it is when its rule is gone                  |
|          | `unmuted:<rule>><place>`   | the same, of what no mute holds                               |
| call     | `escalate:<rule>><place>`  | a step of a ladder; per place only the latest moment counts   |
| act      | `escalate:<rule>><verb>`   | what a step does in our own name; no message, but an act      |
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Literal, TypeAlias

from connectors.model import Channel, Message, User, Value
from rules.clock import Clock
from rules.decide import Decision
from rules.decision import World as Known
from rules.directory import Address, addresses, roles
from rules.facts import Facts
from rules.model import Recipient, Rule, RuleSet
from rules.restrict import Restriction
from rules.text import Template
from sync.ledger import Ledger
from sync.words import WORDS, recommended, words, zone_of

Sort: TypeAlias = Literal["field", "standing", "news", "call", "retire", "act"]

LONG_AGO = datetime.min.replace(tzinfo=UTC)
STANDING_TEXT = (
    "**{{ key }}** {{ summary }}\n{{ severity or 'not classified' }} · {{ phase }} · {{ assignee or 'nobody yet' }}"
)


@dataclass(frozen=True, slots=True)
class World:
    """What a look knows beside the ticket, the ledger and the rules; all of it is plain data.

    `products` are the configured sinks; of those, `editable` and `searchable` ones, and those that open `channels`.
    `loads` counts open tickets by person. `start`: nothing due before it is owed. `explained`: something about this
    ticket accounts for a change of what we want (a person, an event), so it does not count as a flood; `holding`: what
    is unexplained is held.
    `external`: outside audiences may be told. `retiring`: what is no longer wanted may be retired. `late`: stale news
    may be sent. `covered`: the ticket is in scope. `home`: it is the home ticket. `defaults` are the values that new
    tickets have by themselves.
    """

    products: tuple[str, ...] = ()
    editable: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    searchable: frozenset[str] = frozenset()
    loads: Mapping[str, int] = field(default_factory=dict)
    me: User | None = None
    start: datetime | None = None
    grace: timedelta = timedelta(days=1)
    watch: tuple[str, str] | None = None
    defaults: Mapping[str, Value] = field(default_factory=dict)
    reloaded: datetime | None = None
    explained: bool = True
    holding: bool = False
    external: bool = True
    retiring: bool = True
    late: bool = False
    covered: bool = True
    home: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that should be true.

    `place` is the recipient as written; `product` and `address` are where it goes now. `due` is when it becomes owed,
    `moment` its own due (the same at every look), `begun` when its ladder began, `mark` the moment it covers when it
    is made now, `digest` what tells a changed thing from the same one. `under` is the key of the effect it stands
    under. A call or news that is still to come has no `thing` yet. What is `restricted` joins no list, and is no
    matter of floods. What is `left` out is only told in the plan, with this reason. News under one
    `heading` is one message. Outside its `hours`, a calendar, it is held.
    """

    key: str
    sort: Sort
    rule: str
    what: str
    due: datetime
    mark: datetime
    place: str = ""
    product: str = ""
    address: str = ""
    thing: Message | None = None
    value: Value = None
    digest: str = ""
    why: tuple[str, ...] = ()
    was: tuple[str, ...] = ()
    under: str = ""
    ref: str = ""
    external: bool = False
    watched: bool = False
    stale: int = 0
    stale_until: datetime | None = None
    unless: str = ""
    moment: datetime = LONG_AGO
    begun: datetime = LONG_AGO
    restricted: bool = False
    room: Channel | None = None
    left: str = ""
    heading: str = ""
    hours: str = ""

    @property
    def to(self) -> str:
        """Product and address, as the ledger keeps them."""
        return f"{self.product}:{self.address}"


def digest(*parts: object) -> str:
    """Ten hexadecimal digits that change whenever one of the parts does."""
    return hashlib.sha256("\x1f".join(map(_canonical, parts)).encode()).hexdigest()[:10]


@lru_cache(5_000, typed=True)
def named(*names: str | int) -> str:
    """The digest of what is known by names and numbers alone, which comes back at every look."""
    return digest(*names)


def _canonical(part: object) -> str:
    if isinstance(part, User):
        return part.id or part.email.lower()
    if isinstance(part, datetime):
        return part.isoformat()
    if isinstance(part, float) and part.is_integer():
        return str(int(part))
    return "\x1e".join(part) if isinstance(part, tuple) and all(isinstance(p, str) for p in part) else repr(part)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all effects of one look are made from.

    A `restriction` leaves out everybody whom it does not let in. `rooms` are the channels that are open, by rule;
    `clocks` those of the objectives that are on.
    `reader` is who reads the text that is being made.
    """

    facts: Facts
    ledger: Ledger
    rules: RuleSet
    world: World
    now: datetime
    restriction: Restriction | None = None
    rooms: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    clocks: tuple[Clock, ...] = ()
    reader: Address | None = None

    @property
    def known(self) -> Known:
        """What the rules know beside the ticket."""
        world = self.world
        return Known(world.loads, world.me, restricted=self.restriction is not None, defaults=world.defaults)

    def addresses(self, decision: Decision, to: Iterable[Recipient]) -> tuple[Address, ...]:
        """Where these recipients are reached now."""
        several = tuple(to)
        return self._let_in(addresses(several, self.facts, self.rules, self.world.products, self.now), several)

    def roles(self, to: Iterable[Recipient]) -> tuple[Address, ...]:
        """Where each of these recipients is reached now; two that are one person are called with one message."""
        several = tuple(to)
        return self._let_in(roles(several, self.facts, self.rules, self.world.products, self.now), several)

    def _let_in(self, found: tuple[Address, ...], to: tuple[Recipient, ...]) -> tuple[Address, ...]:
        told = found if self.restriction is None else tuple(filter(self.restriction.allows, found))
        return (*told, *(room for one in to if one.kind == "channel" for room in self.rooms.get(one.name, ())))


def key_of(kind: str, rule: Rule, address: Address) -> tuple[str, tuple[str, ...]]:
    """The key of an effect, and those it had before; what is watched has keys of its own."""
    kind = f"watch.{kind}" if rule.mode == "watch" else kind
    return f"{kind}:{rule.id}>{address.place}", tuple(f"{kind}:{old}>{address.place}" for old in rule.was)


def said(decision: Decision, address: Address, template: Template, extras: Mapping[str, object], scene: Scene) -> str:
    """What is said at an address: the rule's text for its audience, else this one.

    `extras` are variables of this text alone; `offered` are texts of what can be done, the first is recommended.
    """
    rule = decision.rule
    chosen = rule.texts.get(address.audience, template)
    offered = extras.get("offered", ()) if "options" in chosen.names else ()
    options = offered if isinstance(offered, tuple) else ()
    names = chosen.names.union(*(option.names for option in options))
    asked = WORDS.keys() & names - extras.keys()
    known = words(asked, decision, replace(scene, reader=address)) if asked else {}
    told = {"rule": rule.name or rule.id, "since": decision.since, **_EMPTY, **known, **extras}
    zone = zone_of(address, scene.rules)
    if options:
        every = (option.render(scene.facts.words(told), zone, scene.now) for option in options)
        told["options"] = recommended(every)
    return chosen.render(scene.facts.words(told), zone, scene.now)


_EMPTY: Mapping[str, object] = dict.fromkeys(
    ("step", "told", "changed", "blockers", "options", "rto_until", "last_update", "next_update", "unchanged")
)


@cache
def standard(source: str) -> Template:
    """One of the texts for rules that have none of their own."""
    return Template(source)


def spoken(address: Address) -> str:
    """Who or what is reached at an address, for people."""
    room = address.place.startswith("channel:")  # its address is the product's own id
    return address.person or (address.place.partition("@")[0] if room else address.address)


def as_watched(effect: Effect, scene: Scene) -> Effect:
    """A watched effect goes to a private place only, without buttons; `watching` says there what it would have been."""
    if not effect.watched:
        return effect
    product, place = scene.world.watch or ("", "")
    thing = Message(effect.thing.text) if effect.thing is not None else None
    return replace(effect, product=product, address=place, thing=thing, external=False)


def colour_of(scene: Scene) -> float | None:
    """The rank of the severity as a colour, from 0 to 1."""
    levels, severity = scene.rules.scales.get("severity", ()), scene.facts["severity"]
    return levels.index(severity) / max(1, len(levels) - 1) if severity in levels else None
