"""Makes effects of the moments at which somebody is called, whatever kind of rule they are of.

A kind says when something is due, to whom and in which words: steps of a ladder (`sync.ladder`), warnings of a clock,
updates. What becomes of that is the same for all: people are found when it is sent; per place only the latest moment
that is past is made, so nobody is called six times after an hour of downtime; each that is to come is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.model import Message
from rules.decide import Decision
from rules.directory import Address
from rules.model import Deed, Recipient
from rules.text import Template
from sync.buttons import buttons
from sync.effects import Effect, Scene, colour_of, key_of, named, said, spoken


@dataclass(frozen=True, slots=True)
class Moment:
    """A step at its own due, the same at every look; `effective` is when it is made.

    `text` is what it says, if not its rule's. `note` is added to that, and `words` are its own beside the series'. It
    is for whoever `to` means, or for the one address `at`. What is `left` out is told so, with this reason; it was
    `passed` over where that is because of its own condition. With `then` it calls nobody, and that is done instead.
    """

    due: datetime
    effective: datetime
    number: int
    to: tuple[Recipient, ...]
    text: Template | None = None
    note: str = ""
    words: Mapping[str, object] = field(default_factory=dict)
    at: Address | None = None
    left: str = ""
    passed: bool = False
    then: Deed | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The moments of one decision, in order, and what they have in common.

    `text` is said where neither step nor rule has one of its own. `kind` is that of their keys, the rule's where it is
    empty; `verb`, or `what` in whole, says in a plan what is done, and `why` why, where that is not the step. `unless`
    is what would end it. They `begun` with their decision, or then. All may be `left` out, with this reason, and be
    held outside of `hours`, a calendar. `exact`: what is made late covers its own due, and not all until then.
    """

    decision: Decision
    moments: tuple[Moment, ...]
    text: Template
    buttons: tuple[str, ...] = ()
    unless: str = ""
    words: Mapping[str, object] = field(default_factory=dict)
    kind: str = ""
    verb: str = "call"
    what: str = ""
    why: tuple[str, ...] = ()
    begun: datetime | None = None
    left: str = ""
    hours: str = ""
    exact: bool = False

    @property
    def since(self) -> datetime:
        """From when on they count."""
        return self.begun or self.decision.since

    @property
    def key(self) -> str:
        """The kind of their keys."""
        return self.kind or self.decision.rule.kind


def calls(series: Series, scene: Scene) -> Iterator[Effect]:
    """The calls of a series: per place the latest that is past, and each that is to come."""
    places: dict[str, list[tuple[Moment, Address]]] = {}
    for moment, address in _addressed(series, scene):
        places.setdefault(address.place, []).append((moment, address))
    for of_place in places.values():
        past: list[tuple[Moment, Address]] = []
        coming: dict[tuple[int, str], tuple[Moment, Address]] = {}
        over: dict[int, tuple[Moment, Address]] = {}
        for each in of_place:
            moment = each[0]
            if moment.effective > scene.now:
                coming.setdefault((moment.number, moment.left), each)
            elif not moment.left:
                past.append(each)
            elif moment.passed:
                over[moment.number] = each
        if past:
            latest, address = max(past, key=lambda one: one[0].due) if len(past) > 1 else past[0]
            notes = " ".join(dict.fromkeys(moment.note for moment, _ in past if moment.note))
            yield _call(series, latest if latest.note == notes else replace(latest, note=notes), address, scene)
        for which in sorted(coming):
            yield _call(series, *coming[which], scene)
        yield from (_call(series, *each, scene) for each in over.values())


def covering(decision: Decision, moment: Moment, scene: Scene) -> tuple[datetime, ...]:
    """When a moment was made, at each place where it was since the decision began."""
    found = scene.addresses(decision, moment.to)
    entries = (scene.ledger.get(*key_of(decision.rule.kind, decision.rule, address)) for address in found)
    return tuple(
        entry.at
        for entry in entries
        if entry is not None and entry.at is not None and entry.mark is not None
        if entry.mark >= moment.due and entry.at >= decision.since
    )


def reached_nobody(decision: Decision, moment: Moment, scene: Scene) -> bool:
    """Whether no place of a moment that is past can be reached: it is nobody, or each refused what it is to say."""
    if moment.effective > scene.now:
        return False
    for address in scene.addresses(decision, moment.to):
        key, was = key_of(decision.rule.kind, decision.rule, address)
        entry = scene.ledger.get(key, was)
        if entry is None or entry.failure is None or (entry.mark is not None and entry.mark >= moment.due):
            return False
    return True


def _addressed(series: Series, scene: Scene) -> Iterator[tuple[Moment, Address]]:
    """Each moment with everybody whom it calls; where that is nobody, the fallback is told so."""
    met: dict[tuple[Recipient, ...], tuple[Address, ...]] = {}  # a repeat is for the same as its step
    for moment in series.moments:
        if moment.then is not None:
            continue
        found = (moment.at,) if moment.at is not None else met.get(moment.to)
        if found is None:
            found = met[moment.to] = scene.roles(moment.to)
        made = moment
        if not found:
            made = replace(moment, note=f"(nobody found for {', '.join(map(str, moment.to))})")
            found = scene.addresses(series.decision, scene.rules.defaults.fallback)
        yield from ((made, address) for address in found)


def _made(key: str, was: tuple[str, ...], moment: Moment, series: Series, scene: Scene) -> bool:
    """Whether a call was made and nothing of it is open: then nobody needs to know what it would say now."""
    entry = scene.ledger.get(key, was)
    if entry is None or entry.claim is not None or entry.at is None or entry.mark is None:
        return False
    return entry.mark >= moment.due and entry.at >= series.since


def _call(series: Series, moment: Moment, address: Address, scene: Scene) -> Effect:
    decision, rule = series.decision, series.decision.rule
    key, was = key_of(series.key, rule, address)
    thing = None
    if moment.effective <= scene.now and not moment.left and not _made(key, was, moment, series, scene):
        words = {"step": moment.number, "rule": rule.name or rule.id, **series.words, **moment.words}
        text = said(decision, address, moment.text or rule.text or series.text, words, scene)
        thing = Message(f"{text} {moment.note}".strip(), buttons(series.buttons, scene.facts), colour=colour_of(scene))
    return Effect(
        key,
        "call",
        rule.id,
        series.what or f"{series.verb} {spoken(address)}",
        moment.effective,
        moment.due if thing is None or series.exact else max(moment.due, scene.now),
        address.place,
        address.product,
        address.address,
        thing,
        digest=named(rule.id, address.place, moment.number),
        why=series.why or (f"{rule.name or rule.id}, step {moment.number}", *decision.why),
        was=was,
        external=address.external,
        watched=rule.mode == "watch",
        moment=moment.due,
        begun=series.since,
        unless=series.unless,
        left=moment.left or series.left,
        restricted=scene.restriction is not None,
        hours=series.hours,
    )
