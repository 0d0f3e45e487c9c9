"""When each place is told next how things are: by which rule, counted from when, and what somebody asked of that.

A beat is one place of one rule. What it is told then is `sync.updates`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from connectors.model import Change
from rules import cadence
from rules.cadence import UPDATE, Told
from rules.decide import Decision
from rules.directory import Address
from rules.model import Update
from rules.quiet import Quiet
from sync.effects import Scene, key_of, spoken
from sync.ledger import Entry, Ledger

REMIND: Final = "remind"
"""The kind of a reminder's key: whoever is to post an update is told so, shortly before it goes out by itself."""
_PACED: Final = tuple(f"{watched}{kind}:" for watched in ("", "watch.") for kind in (UPDATE, REMIND))
"""The kinds of keys of what goes out so and so often."""
_AHEAD: Final = timedelta(minutes=1)
"""What is dated farther ahead was written while the clock was wrong, not by another process whose clock is ahead."""
_READ_WITHIN: Final = timedelta(seconds=30)
"""How much older the ticket may have been that was read when a place was told: what came meanwhile is told again."""
_ASKED: Final = frozenset({cadence.POSTED, cadence.PACED, cadence.SKIPPED, cadence.SNOOZED, "phase"})
"""Words whose changes say how often updates go out."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One place that one rule tells, `every` so often: when it was `told`, by this rule its `own`, and what was
    `fresh`ly posted since.

    It is told again at `due`, and that goes out at `out` (None: no such moment is known). `base` is from when that is
    counted. `by` is the rule of a shorter cadence that tells the place instead. It may be `alone` in its audience,
    and have `hours`, a calendar.
    """

    decision: Decision
    rule: Update
    address: Address
    every: timedelta
    base: datetime
    due: datetime
    out: datetime | None
    told: Told | None = None
    own: Told | None = None
    fresh: tuple[Change, ...] = ()
    skipped: tuple[Change, ...] = ()
    by: Update | None = None
    alone: bool = True
    hours: str = ""

    @property
    def heard(self) -> datetime:
        """When the place was told last, or else from when on it is."""
        return self.decision.since if self.told is None else self.told.counted(self.every)

    @property
    def since(self) -> datetime:
        """From when on what happened is new to the place."""
        return self.heard if self.told is None else max(self.told.due, self.told.at - _READ_WITHIN)

    @property
    def name(self) -> str:
        """Who is told, for people."""
        who, audience = spoken(self.address), self.address.audience
        return f"{audience} ({who})" if audience and not self.alone else audience or who


def set_back(ledger: Ledger, now: datetime) -> Ledger:
    """The ledger as the clock is now: what is dated at a moment that has not come was written while it was ahead.

    Places that were told then, at a moment that nobody knows, were told just now: else they would hear nothing until
    that moment comes, or at once what they know. Calls are left alone, since nobody is called twice for one step.
    """
    told = ((key, entry) for key, entry in ledger.entries.items() if key.startswith(_PACED))
    ahead = [(key, entry) for key, entry in told if entry.at is not None and entry.at > now + _AHEAD]
    for key, entry in ahead:
        mark = min(entry.mark, now) if entry.mark is not None else None
        ledger = ledger.with_entry(key, replace(entry, at=now, mark=mark))
    return ledger


class Rhythm:
    """What says when the places of one ticket are told: what people asked, what is held, and when each was told."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @cached_property
    def history(self) -> tuple[Change, ...]:
        """What people asked of updates, and posted, oldest first."""
        return tuple(change for change in self.scene.facts.ticket.history if change.field in _ASKED)

    @cached_property
    def quiet(self) -> Quiet:
        """What holds something back."""
        return Quiet(self.scene.facts, self.scene.known)

    @cached_property
    def places(self) -> Mapping[str, Told]:
        """When each place was told last, by whichever rule that is on."""
        found: dict[str, Told] = {}
        for key, entry in self.scene.ledger.entries.items():
            told = _of(entry) if key.startswith(f"{UPDATE}:") else None
            if told is not None and (entry.to not in found or told.at > found[entry.to].at):
                found[entry.to] = told
        return found

    def told(self, rule: Update, address: Address) -> tuple[Told | None, Told | None]:
        """When we told a place last, by whichever rule, and by this one. What is watched all stands in one place."""
        own = _of(self.scene.ledger.get(*key_of(UPDATE, rule, address)))
        last = self.places.get(f"{address.product}:{address.address}") if rule.mode != "watch" else None
        return max((one for one in (own, last) if one is not None), key=lambda told: told.at, default=None), own


def beats(decisions: Iterable[Decision], rhythm: Rhythm, repeats: Callable[[Beat], bool]) -> tuple[Beat, ...]:
    """Each place of each rule, in deciding order, with the rule that tells it instead.

    `repeats` says of a beat whether what was freshly posted is nothing new to the place.
    """
    found: list[Beat] = []
    for decision, rule in ((one, one.rule) for one in decisions if isinstance(one.rule, Update)):
        found += [
            _beat(decision, rule, address, rhythm, repeats) for address in rhythm.scene.addresses(decision, rule.to)
        ]
    places: dict[tuple[str, str, str], list[Beat]] = {}
    for beat in found:
        places.setdefault(_place(beat), []).append(beat)
    if len(places) == len(found):
        return tuple(found)
    return tuple(_instead(beat, places[_place(beat)], rhythm.quiet) for beat in found)


def _instead(beat: Beat, several: list[Beat], quiet: Quiet) -> Beat:
    """The beat of the shortest cadence of a place, no later than any of them had promised; the others tell nothing."""
    best = min(several, key=lambda one: one.every)
    if beat is not best:
        return replace(beat, by=best.rule)
    due = min(one.due for one in several)
    return beat if due == beat.due else replace(beat, due=due, out=quiet.out(beat.rule, due, beat.hours))


def _place(beat: Beat) -> tuple[str, str, str]:
    return beat.rule.mode, beat.address.product, beat.address.address.lower()


def together(found: Iterable[Beat], now: datetime) -> Iterable[tuple[Beat, ...]]:
    """The next update of each rule; those that go out at one moment together, so that somebody is reminded once."""
    first: dict[str, datetime] = {}
    coming = [(beat, beat.out) for beat in found if beat.by is None and beat.out is not None and beat.out > now]
    for beat, out in coming:
        first[beat.rule.id] = min(out, first.get(beat.rule.id, out))
    groups: dict[tuple[str, datetime], list[Beat]] = {}
    for beat, out in coming:
        if out == first[beat.rule.id]:
            groups.setdefault((beat.rule.mode, out), []).append(beat)
    return tuple(map(tuple, groups.values()))


def _beat(decision: Decision, rule: Update, address: Address, rhythm: Rhythm, repeats: Callable[[Beat], bool]) -> Beat:
    scene, history, quiet, now = rhythm.scene, rhythm.history, rhythm.quiet, rhythm.scene.now
    every = cadence.every(rule, cadence.paced(history, now))
    told, own = rhythm.told(rule, address)
    begun = max(decision.since, scene.world.start or decision.since)
    counted = told.counted(every) if told is not None else begun
    base = counted if begun <= counted + every else begun  # what a place was promised is kept, whatever came between
    fresh = tuple(c for c in cadence.posted(history, begun, now) if told is None or c.at > told.due)
    audience = scene.rules.audiences.get(address.audience)
    alone = audience is None or len(audience.to) == 1
    if fresh:
        beat = Beat(decision, rule, address, every, base, base, None, told, own, fresh, alone=alone)
        fresh = () if repeats(beat) else fresh
        base = max((base, *(change.at for change in fresh[-1:])))
    first = cadence.first(rule, base, every, history, now)
    due, skipped = cadence.without_skipped(first, every, history, base, now)
    hours = _hours(address, scene)
    out = quiet.out(rule, due, hours)
    return Beat(decision, rule, address, every, base, due, out, told, own, fresh, skipped, alone=alone, hours=hours)


def _of(entry: Entry | None) -> Told | None:
    if entry is None or entry.at is None or entry.mark is None:
        return None
    return Told(entry.at, entry.mark)


def _hours(address: Address, scene: Scene) -> str:
    """The calendar of the audience that an address stands in; empty where it has none."""
    audience = scene.rules.audiences.get(address.audience)
    return (audience.calendar or "") if audience is not None else ""
