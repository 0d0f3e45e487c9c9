"""What happened in a drill, as it went: who was told what and when, what people did, what failed.

Who was told is read from the tickets' ledgers and from what stands in the messengers, as an auditor would read it: the
engine is not asked. So the same story can be told of a rehearsal with real products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from connectors.model import Channel, Ticket
from rules.facts import Facts
from rules.model import RuleSet
from sync.acts import with_acts
from sync.effects import Effect, Sort
from sync.ledger import Entry, Ledger
from sync.trial import Sent

Teller: TypeAlias = Literal["people", "pointman", "called", "told", "changed", "outage", "clock", "expected", "failed"]

SORTS: Mapping[str, Sort] = {
    "notify": "standing",
    "channel": "standing",
    "field": "field",
    "news": "news",
    "unmuted": "news",
}
"""Kinds of keys in a ledger, each with its sort of effect; everything else is a call."""


HOW: Mapping[str, str] = {
    "escalate": "called",
    "objective": "warned",
    "update": "updated",
    "remind": "reminded",
    "news": "told",
    "unmuted": "told",
    "notify": "shown",
    "channel": "opened",
}
"""How it is said of each kind of key that somebody was told."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline: when, of what sort, of which ticket (as the scenario calls it), and what."""

    at: datetime
    who: Teller
    said: str
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody was told something: `person` is their key where an address is a person's own.

    `fresh`: it is a message of its own, and no change of one that stands there. `rule` is the id of the rule by which,
    `place` the recipient as written there. `kind` is that of its key in the ledger.
    """

    at: datetime
    ticket: str
    sort: Sort
    rule: str
    place: str
    product: str
    address: str
    person: str
    text: str
    ref: str
    fresh: bool = True
    kind: str = ""

    @property
    def to(self) -> str:
        """Whom or where, for people: their key, else product and address."""
        return self.person or f"{self.product}:{self.address}"


@dataclass(slots=True)
class Story:
    """Everything that happened, oldest first. `sent` is by ticket, for what is expected of it."""

    lines: list[Line] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    sent: dict[str, list[Sent]] = field(default_factory=dict)
    undone: list[Line] = field(default_factory=list)
    acknowledged: dict[str, list[datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Writing:
    """A ledger that was just written on a ticket, and the one before."""

    ticket: Ticket
    before: Ledger
    after: Ledger
    now: datetime


def sent(writing: Writing, rules: RuleSet, text: Callable[[str, str], str]) -> Iterator[tuple[Sent, Told]]:
    """What went out since the ledger before, by the ledger's own record.

    `text` says what stands at a product's ref; of a channel, its name.
    """
    facts: Facts | None = None
    for key, entry in writing.after.entries.items():
        standing = writing.before.entries.get(key)
        if entry.at is None or not _went(key, entry, standing):
            continue
        facts = facts or Facts(with_acts(writing.ticket, writing.after), rules, writing.now)
        fresh = standing is None or standing.ref != entry.ref or not entry.ref
        stands = text(entry.to.partition(":")[0], entry.ref)
        effect = _effect(key, entry, stands, rules)
        yield (
            Sent(entry.at, effect, facts, fresh=fresh),
            Told(
                entry.at,
                "",
                effect.sort,
                effect.rule,
                effect.place,
                effect.product,
                effect.address,
                person_at(effect.product, effect.address, rules),
                stands,
                entry.ref,
                fresh,
                effect.key.removeprefix("watch.").partition(":")[0],
            ),
        )


def _went(key: str, entry: Entry, before: Entry | None) -> bool:
    """Whether it was made since; a field is none that goes out."""
    kind = key.removeprefix("watch.").partition(":")[0]
    if kind in {"field", "log"} or not entry.to:
        return False
    return before is None or before.at != entry.at


def _effect(key: str, entry: Entry, stands: str, rules: RuleSet) -> Effect:
    """An effect as its ledger entry tells it."""
    kind, _, rest = key.partition(":")
    rule, _, place = rest.partition(">")
    product, _, address = entry.to.partition(":")
    bare = kind.removeprefix("watch.")
    sort = SORTS.get(bare, "call")
    at = entry.at or entry.mark
    assert at is not None  # noqa: S101  (what went out has a moment)
    room = Channel(stands) if bare == "channel" else None
    what = f"call {person_at(product, address, rules) or address}" if sort == "call" else ""
    return Effect(
        key, sort, rules.renamed.get(rule, rule), what, at, entry.mark or at, place, product, address,
        digest=entry.sum, ref=entry.ref, watched=kind != bare, room=room,
    )  # fmt: skip


def person_at(product: str, address: str, rules: RuleSet) -> str:
    """The key of the person whose own address this is; empty where it is nobody's."""
    known = rules.person_by_id.get((product, address))
    return known or rules.person_by_email.get(address.lower(), "")


def since(line: Line | Told, start: datetime) -> timedelta:
    """How long after the beginning something was."""
    return line.at - start
