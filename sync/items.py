"""The nouns of a plan: its lines, what goes out under one claim, and the plan itself, with its wake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from connectors.model import Edit, Ticket, User, Value
from rules.clock import Clock
from rules.facts import Facts
from rules.model import RuleSet
from rules.quiet import Silence
from rules.restrict import Restriction
from sync.effects import Effect, World
from sync.ledger import Ledger

Status: TypeAlias = Literal["done", "owed", "next", "held", "not"]

ASK_AGAIN = timedelta(seconds=30)
"""How long to wait with a claim whose place could not tell whether the thing is there."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a plan: an effect, how it stands, and why. `at` is when it was done, is due, or is tried again;
    `failure` is what an administrator should know of it.

    `silence` is what holds it, where a mute does or its rule's own hours; `note` is said beside the reason. `lifted`:
    it is owed since a silence ended or time went by, which accounts for it.
    """

    status: Status
    effect: Effect
    at: datetime | None
    reason: str = ""
    failure: str = ""
    silence: Silence | None = None
    note: str = ""
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes out under one claim: at most one edit, and effects."""

    edit: Edit | None
    fields: tuple[Effect, ...] = ()
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done, owed, next, held and not done for one ticket at one moment.

    `ticket` has the acts in its history. `ledger` is what it was, with the bookkeeping that needs no call (claims
    nobody wants any more, counted stale news, a field that rests). `wake` is when to look again by itself. `facts` are
    those of the ticket as it is about to be, `watched` is the ticket as watched rules would make it. A `restriction`
    says why it is closed, and whom it lets in. `clocks` are those of its objectives.
    """

    ticket: Ticket
    ledger: Ledger
    now: datetime
    items: tuple[Item, ...] = ()
    facts: Facts | None = None
    silent: str = ""
    notices: Mapping[str, str] = field(default_factory=dict)
    searchable: frozenset[str] = frozenset()
    watched: Ticket | None = None
    restriction: Restriction | None = None
    clocks: tuple[Clock, ...] = ()

    def of(self, *statuses: Status) -> tuple[Item, ...]:
        """The lines of some statuses, in order."""
        return tuple(item for item in self.items if item.status in statuses)

    @property
    def owed(self) -> tuple[Effect, ...]:
        """What has to be done now."""
        return tuple(item.effect for item in self.items if item.status == "owed")

    @property
    def silenced(self) -> tuple[Item, ...]:
        """What a mute holds, or its rule's own hours."""
        return tuple(item for item in self.items if item.silence is not None)

    @property
    def wake(self) -> datetime | None:
        """The next moment at which this ticket has to be looked at, if nothing happens before."""
        waits = [item.at for item in self.of("next", "held") if item.at is not None]
        quiet = {item.effect.key for item in self.silenced}  # what was in flight is not sent before then
        waits += [claim.due for key, claim in self.ledger.open_claims().items() if key not in quiet]
        return max(min(waits), self.now + ASK_AGAIN) if waits and min(waits) <= self.now else min(waits, default=None)

    @property
    def wanted(self) -> frozenset[str]:
        """The keys of everything that is wanted, now or later."""
        return frozenset(item.effect.key for item in self.items)

    def batches(self) -> Iterator[Batch]:
        """What is owed, in the order of claims.

        The edit and everything whose place can be searched go under one claim, everything else one by one; a card
        goes before what stands under it. What we do in our own name (`sync.deeds`) goes out nowhere.
        """
        fields = tuple(e for e in self.owed if e.sort == "field")
        others = tuple(e for e in self.owed if e.sort not in {"field", "act"})
        searchable = tuple(e for e in others if e.product in self.searchable or e.sort == "retire")
        alone = tuple(e for e in others if e not in searchable)
        edit = Edit({e.key.removeprefix("field:"): e.value for e in fields}) if fields else None
        if edit is not None or searchable:
            yield Batch(edit, fields, tuple(sorted(searchable, key=_order)))
        for group in _by_address(sorted(alone, key=_order)):
            yield Batch(None, (), group)


def _order(effect: Effect) -> tuple[int, datetime]:
    return {"standing": 0, "retire": 1}.get(effect.sort, 2), effect.due


def _by_address(several: Iterable[Effect]) -> Iterator[tuple[Effect, ...]]:
    """What is one message in the end (`gathered`) together, everything else alone; calls last."""
    groups: dict[object, list[Effect]] = {}
    for effect in several:
        groups.setdefault(gathered(effect), []).append(effect)
    yield from (tuple(group) for group in sorted(groups.values(), key=lambda group: group[0].sort == "call"))


def gathered(effect: Effect) -> object:
    """What effects share that are one message: calls of one look to one address, all that stands watched, and
    the news that a mute held.
    """
    if effect.watched:
        return ("watched", effect.to) if effect.sort == "standing" else effect.key
    if effect.heading:
        return ("held", effect.heading, effect.to, effect.external)
    return ("call", effect.to) if effect.sort == "call" else effect.key


def by_us(user: User | None, world: World) -> bool:
    """Whether this is the account that we write with."""
    return user is not None and world.me is not None and bool(user.id) and user.id == world.me.id


def same(one: Value, other: Value) -> bool:
    """Whether two values of a field mean the same: people by id or address, empty text as empty, numbers by value."""
    if one in (None, "", ()) or other in (None, "", ()):
        return one in (None, "", ()) and other in (None, "", ())
    return one == other


def shown(moment: datetime, rules: RuleSet, now: datetime) -> str:
    """A moment for people, in the default time zone: `10:02`, or with its day where that is not today."""
    local, today = moment.astimezone(rules.defaults.timezone), now.astimezone(rules.defaults.timezone)
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%a %d %b %H:%M}"
