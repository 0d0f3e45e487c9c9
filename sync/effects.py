"""From what the rules decided to what should be true outside: effects, each with a key, a place, a thing and a moment.

An effect says nothing about whether it is owed; that is the plan's comparison with the ledger. The ledger is read here
for two things only: which events a piece of news still has to cover, and which steps nobody could be reached by.

| sort     | key                        | what it is                                                    |
|----------|----------------------------|---------------------------------------------------------------|
| field    | `field:<word>`             | a word of the ticket                                          |
| standing | `notify:<rule>><place>`    | one message kept up to date                                   |
| news     | `news:<rule>><place>`      | a message for events; has a kind of its own, so that a ledger |
|          |                            | entry tells what it is when its rule is gone                  |
| call     | `escalate:<rule>><place>`  | a step of a ladder; per place only the latest moment counts   |
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal, TypeAlias

from connectors.model import Channel, Message, User, Value
from rules.decide import Decision
from rules.directory import Address, addresses, roles
from rules.facts import Facts
from rules.model import Escalate, Notify, Recipient, Rule, RuleSet
from rules.quiet import gathered_since
from rules.restrict import Restriction
from rules.text import Template
from sync import worth
from sync.buttons import buttons
from sync.ladder import Moment, asked_forward, moments
from sync.ledger import Entry, Ledger

Sort: TypeAlias = Literal["field", "standing", "news", "call", "retire"]

LONG_AGO = datetime.min.replace(tzinfo=UTC)
STANDING_TEXT = (
    "**{{ key }}** {{ summary }}\n{{ severity or 'not classified' }} · {{ phase }} · {{ assignee or 'nobody yet' }}"
)
NEWS_TEXT = "**{{ key }}** {{ summary }}: {{ changed }}"
CALL_TEXT = "**{{ key }}** {{ summary }}: {{ severity or 'not classified' }}, {{ rule }} since {{ since }}. {{ url }}"


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
    matter of floods.
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

    @property
    def to(self) -> str:
        """Product and address, as the ledger keeps them."""
        return f"{self.product}:{self.address}"


def digest(*parts: object) -> str:
    """Ten hexadecimal digits that change whenever one of the parts does."""
    return hashlib.sha256("\x1f".join(map(_canonical, parts)).encode()).hexdigest()[:10]


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

    A `restriction` leaves out everybody whom it does not let in. `rooms` are the channels that are open, by rule.
    """

    facts: Facts
    ledger: Ledger
    rules: RuleSet
    world: World
    now: datetime
    restriction: Restriction | None = None
    rooms: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)

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


def effects(decisions: Iterable[Decision], scene: Scene) -> tuple[Effect, ...]:
    """Everything that these decisions want outside of the ticket, also what is still to come, in deciding order."""
    made: list[Effect] = []
    for decision in decisions:
        rule = decision.rule
        if isinstance(rule, Escalate):
            made.extend(_ladder(decision, rule, scene))
        elif isinstance(rule, Notify):  # channels are `sync.rooms`'
            made.extend(_news(decision, rule, scene) if rule.on else _standing(decision, rule, scene))
    if scene.restriction is not None:
        made = [replace(effect, restricted=True) for effect in made]
    return _threaded(tuple(as_watched(effect, scene) for effect in made))


def key_of(kind: str, rule: Rule, address: Address) -> tuple[str, tuple[str, ...]]:
    """The key of an effect, and those it had before; what is watched has keys of its own."""
    kind = f"watch.{kind}" if rule.mode == "watch" else kind
    return f"{kind}:{rule.id}>{address.place}", tuple(f"{kind}:{old}>{address.place}" for old in rule.was)


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
            f"show in {_spoken(address)}",
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


def colour_of(scene: Scene) -> float | None:
    """The rank of the severity as a colour, from 0 to 1."""
    levels, severity = scene.rules.scales.get("severity", ()), scene.facts["severity"]
    return levels.index(severity) / max(1, len(levels) - 1) if severity in levels else None


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
            f"tell {_spoken(address)}: {changed}"
            if fresh and scene.restriction is None
            else f"tell {_spoken(address)}",
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


# ---- calls


def _ladder(decision: Decision, rule: Escalate, scene: Scene) -> Iterator[Effect]:
    places: dict[str, list[tuple[Moment, Address]]] = {}
    for moment in _moments(decision, rule, scene):
        found = scene.roles(moment.step.to)
        if not found:
            missing = ", ".join(map(str, moment.step.to))
            moment = replace(moment, note=f"(nobody found for {missing})")  # noqa: PLW2901  (the same moment, annotated)
            found = scene.addresses(decision, scene.rules.defaults.fallback)
        for address in found:
            places.setdefault(address.place, []).append((moment, address))
    for of_place in places.values():
        past = [m for m in of_place if m[0].effective <= scene.now]
        if past:
            latest, address = max(past, key=lambda m: m[0].due)
            notes = " ".join(dict.fromkeys(m[0].note for m in past if m[0].note))
            yield _call(decision, rule, replace(latest, note=notes), address, scene)
        coming = [m for m in of_place if m[0].effective > scene.now]
        for number in sorted({m[0].number for m in coming}):
            yield _call(decision, rule, *next(m for m in coming if m[0].number == number), scene)


def _moments(decision: Decision, rule: Escalate, scene: Scene) -> Iterator[Moment]:
    asked = asked_forward(scene.facts.ticket.history, decision.since, scene.now)
    return moments(decision.since, rule, asked, lambda moment: _reached_nobody(decision, rule, moment, scene))


def _reached_nobody(decision: Decision, rule: Escalate, moment: Moment, scene: Scene) -> bool:
    """Whether no place of a step that was due can be reached: it is nobody, or each refused what it is to say."""
    if moment.effective > scene.now:
        return False
    for address in scene.addresses(decision, moment.step.to):
        key, was = key_of("escalate", rule, address)
        entry = scene.ledger.get(key, was)
        if entry is None or entry.failure is None or (entry.mark is not None and entry.mark >= moment.due):
            return False
    return True


def _call(decision: Decision, rule: Escalate, moment: Moment, address: Address, scene: Scene) -> Effect:
    key, was = key_of("escalate", rule, address)
    thing = None
    if moment.effective <= scene.now:
        extras = {"step": moment.number, "rule": rule.name or rule.id}
        template = moment.step.text or rule.text or standard(CALL_TEXT)
        text = said(decision, address, template, extras, scene)
        thing = Message(f"{text} {moment.note}".strip(), buttons(rule.buttons, scene.facts), colour=colour_of(scene))
    return Effect(
        key,
        "call",
        rule.id,
        f"call {_spoken(address)}",
        moment.effective,
        max(moment.due, scene.now) if thing is not None else moment.due,
        address.place,
        address.product,
        address.address,
        thing,
        digest=digest(rule.id, address.place, moment.number),
        why=(f"{rule.name or rule.id}, step {moment.number}", *decision.why),
        was=was,
        external=address.external,
        watched=rule.mode == "watch",
        moment=moment.due,
        begun=decision.since,
        unless=_unless(rule, scene.rules),
    )


def _unless(rule: Escalate, rules: RuleSet) -> str:
    """What would end the ladder, where its condition speaks of it."""
    names = rule.when.names if rule.when is not None else frozenset()
    roles_ = (f"somebody is {rules.roles[role]}" for role in rules.roles if role in names)
    return " or ".join((*(["acknowledged"] if "acknowledged" in names else []), *roles_))


# ---- what all share


def said(decision: Decision, address: Address, template: Template, extras: Mapping[str, object], scene: Scene) -> str:
    """What is said at an address: the rule's text for its audience, else this one."""
    rule = decision.rule
    told = {"rule": rule.name or rule.id, "since": decision.since, **_EMPTY, **extras}
    zone = scene.rules.zone(f"audience:{address.audience}", address.place.partition("@")[0], f"person:{address.person}")
    return rule.texts.get(address.audience, template).render(scene.facts.words(told), zone, scene.now)


_EMPTY: Mapping[str, object] = dict.fromkeys(
    ("step", "told", "changed", "blockers", "options", "rto_until", "last_update", "next_update", "unchanged")
)


@cache
def standard(source: str) -> Template:
    """One of the texts for rules that have none of their own."""
    return Template(source)


def _spoken(address: Address) -> str:
    room = address.place.startswith("channel:")  # its address is the product's own id
    return address.person or (address.place.partition("@")[0] if room else address.address)


def as_watched(effect: Effect, scene: Scene) -> Effect:
    """A watched effect goes to a private place only, without buttons; `watching` says there what it would have been."""
    if not effect.watched:
        return effect
    product, place = scene.world.watch or ("", "")
    thing = Message(effect.thing.text) if effect.thing is not None else None
    return replace(effect, product=product, address=place, thing=thing, external=False)


def _threaded(made: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """News stand under the ticket's standing message at the same address, so that a channel stays readable."""
    cards = {effect.to: effect.key for effect in made if effect.sort == "standing" and not effect.watched}
    return tuple(
        replace(e, under=cards[e.to]) if e.sort == "news" and not e.watched and e.to in cards else e for e in made
    )
