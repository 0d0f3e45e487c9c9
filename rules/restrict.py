"""Restricted tickets: which they are, and who alone hears of them.

A ticket is restricted when a restrict rule holds of it as classify leaves it, or as assign does. A condition that
cannot be known restricts as well: the field that says so may be hidden from us just because of it. So does a rule that
is only watched (docs/decisions/0032-restrict-fails-closed.md). Of several rules that hold each lets in whom it names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from connectors.model import Ticket, User
from rules.decision import World
from rules.directory import REACH, Address, people, roles
from rules.facts import Facts
from rules.fields import decided
from rules.logic import UNKNOWN
from rules.model import Restrict, RuleSet
from rules.past import Past, holds


def restriction(ticket: Ticket, rules: RuleSet, now: datetime, me: User | None = None) -> Restriction | None:
    """Why a ticket is restricted and whom that lets in, None where it is not; without the ledger, so for lists.

    What classify is about to fill in counts already.
    """
    if not rules.of("restrict"):
        return None
    past = Past(ticket, rules, World(me=me), now)
    live = (rule for rule in rules.index.candidates("classify", past.facts) if holds(rule.when, past.facts))
    said = {one.field: one.value for one in decided(live, past.facts, World(me=me), now)}
    empty = {word: value for word, value in said.items() if past.facts[word] in (None, UNKNOWN)}
    views = (past.facts, Facts(ticket.having(empty, now, me), rules, now)) if empty else (past.facts,)
    closing = {rule.id: rule for facts in views for rule in restricting(facts, rules)}
    return Restriction.of(closing.values(), views[-1], _products(rules), now) if closing else None


def restricting(facts: Facts, rules: RuleSet) -> tuple[Restrict, ...]:
    """The rules because of which a ticket is restricted, in deciding order; empty where it is not."""
    return tuple(
        rule
        for rule in rules.of("restrict")
        if isinstance(rule, Restrict) and rule.mode != "off" and (rule.when is None or rule.when(facts) is not False)
    )


@dataclass(frozen=True, slots=True)
class Restriction:
    """Why a ticket is restricted, and whom its rules let in.

    `by` are the rules' ids, `unsure` those of them whose condition cannot be known. `people` are keys of `[people]`,
    `places` are products with addresses in small letters. A place in `to` is told; who reads there is not known.
    """

    by: tuple[str, ...]
    unsure: tuple[str, ...] = ()
    people: frozenset[str] = frozenset()
    places: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, rules: Iterable[Restrict], facts: Facts, products: Collection[str], now: datetime) -> Restriction:
        """Whom these rules let in now; `products` are the connectors that can be told something."""
        several, known = tuple(rules), facts.rules
        to = tuple(dict.fromkeys(recipient for rule in several for recipient in rule.to))
        reached = roles(to, facts, known, products, now)
        named = {known.person_by_id.get((one.product, one.address)) for one in reached}
        named |= {known.person_by_email.get(one.address.lower()) for one in reached}
        named |= {one.person for one in reached if one.person} | people(to, facts, known, now)
        return cls(
            tuple(rule.id for rule in several),
            tuple(rule.id for rule in several if rule.when is not None and rule.when(facts) is None),
            frozenset(key for key in named if key is not None),
            frozenset((one.product, one.address.lower()) for one in reached),
        )

    def allows(self, address: Address) -> bool:
        """Whether what is told there is told to whom a rule lets in."""
        return address.person in self.people or self.allows_place(address.product, address.address)

    def allows_place(self, product: str, address: str) -> bool:
        """Whether this place is one that a rule lets in."""
        return (product, address.lower()) in self.places

    def sees(self, person: str) -> bool:
        """Whether a person, by key, may see the ticket and act on it."""
        return person in self.people

    def __str__(self) -> str:
        return f"restricted by {', '.join(self.by)}"


def _products(rules: RuleSet) -> frozenset[str]:
    """Every product that somebody could be reached by: whom an address means is asked, and not whether it works."""
    named = {product for person in rules.people.values() for product in person.ids}
    to = {recipient.kind for rule in rules.of("restrict") if isinstance(rule, Restrict) for recipient in rule.to}
    return frozenset({*REACH, *named, *to})
