"""Finds people and places: who is meant by a recipient, and at which address they are reached.

Groups, audiences and places are expanded first, so an address belongs to one recipient as written. People are found
when something is sent, not when a rule is loaded: whoever is on call then. Nobody is an empty answer, never an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.model import User
from rules.model import Person, Recipient, RuleSet, Service
from rules.schedule import on_call

if TYPE_CHECKING:
    from rules.facts import Facts

REACH = ("slack", "msteams", "email")
"""How a person is told who does not say how: the first of these that is configured and knows them."""

BY_EMAIL = frozenset({"slack", "msteams", "email"})
"""These find a person by their e-mail address."""
_OF_THE_TICKET = frozenset({"assignee", "acknowledger", "reporter", "role"})
_GROUPS = frozenset({"members", "audience", "departments", "vendor"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where one recipient is reached.

    `place` is the recipient as written, with `@` and the connector where it is a named place, which may have several.
    `product` is the connector's name, `address` what it calls the place. `person` is whom it reaches, where that is
    known; `audience` the one it stands in; `external`: outside of the company.
    """

    place: str
    product: str
    address: str
    person: str = ""
    audience: str = ""
    external: bool = False


@dataclass(frozen=True, slots=True)
class _One:
    """A recipient that is one person or one place, and how it came in."""

    recipient: Recipient
    audience: str = ""
    external: bool = False


def addresses(
    recipients: Iterable[Recipient], facts: Facts, rules: RuleSet, products: Collection[str], now: datetime
) -> tuple[Address, ...]:
    """Where these are reached now, each address once; empty where that is nobody.

    `products` are the connectors that can be told something.
    """
    found: dict[tuple[str, str], Address] = {}
    for address in roles(recipients, facts, rules, products, now):
        found.setdefault((address.product, address.address.lower()), address)
    return tuple(found.values())


def roles(
    recipients: Iterable[Recipient], facts: Facts, rules: RuleSet, products: Collection[str], now: datetime
) -> tuple[Address, ...]:
    """Where each of these is reached now: a person whom two of them mean is there twice, once for each."""
    found: dict[tuple[str, str], Address] = {}
    for recipient in recipients:
        for one in _expand(_One(recipient), facts, rules):
            for address in _reached(one, facts, rules, products, now):
                found.setdefault((address.place, address.product), address)
    return tuple(found.values())


def people(recipients: Iterable[Recipient], facts: Facts, rules: RuleSet, now: datetime) -> frozenset[str]:
    """The keys of the people who are meant, whether or not they can be told anything; for permissions."""
    ones = (one for recipient in recipients for one in _expand(_One(recipient), facts, rules))
    found = (_who(one.recipient, facts, rules, now) for one in ones)
    return frozenset(who for who in found if isinstance(who, str))


def invited(
    recipients: Iterable[Recipient], facts: Facts, rules: RuleSet, product: str, now: datetime
) -> tuple[Address, ...]:
    """The people among these by whom `product` knows them, however else they are told; others are left out."""
    found: dict[str, Address] = {}
    for recipient in recipients:
        for one in _expand(_One(recipient), facts, rules):
            who = _who(one.recipient, facts, rules, now)
            if isinstance(who, str):
                known = rules.people[who]
                address = known.ids.get(product) or (known.email if product in BY_EMAIL else "")
            else:
                address = who.email if who is not None and product in BY_EMAIL else ""
            if address:
                person = who if isinstance(who, str) else ""
                found.setdefault(address, Address(str(one.recipient), product, address, person, "", one.external))
    return tuple(found.values())


def person_of(user: User | None, source: str, rules: RuleSet) -> str | None:
    """The key of the person whom the connector `source` knows as this user; by id, else by e-mail address."""
    if user is None:
        return None
    return rules.person_by_id.get((source, user.id)) or rules.person_by_email.get(user.email.lower())


def user_of(person: str, source: str, rules: RuleSet) -> User:
    """A person as the connector `source` knows them: without an id there it looks them up by address."""
    known = rules.people[person]
    return User(known.ids.get(source, ""), str(known), known.email)


# ---- who is meant


def _expand(one: _One, facts: Facts, rules: RuleSet) -> Iterator[_One]:
    """The members of a group, each as written there; what is no group is itself."""
    recipient = one.recipient
    if recipient.kind not in _GROUPS:
        yield one
        return
    for member in _members(recipient, facts, rules):
        if recipient.kind == "audience":
            external = one.external or rules.audiences[recipient.name].external
            yield from _expand(_One(member, recipient.name, external), facts, rules)
        else:  # a vendor is outside of the company
            yield from _expand(_One(member, one.audience, one.external or recipient.kind == "vendor"), facts, rules)


def _members(recipient: Recipient, facts: Facts, rules: RuleSet) -> Iterator[Recipient]:
    kind, name = recipient.kind, recipient.name
    if kind == "members":
        team = rules.teams.get(_team(name, facts) or "")
        for person in team.members if team is not None else ():
            yield Recipient("person", person)
    elif kind == "audience":
        yield from rules.audiences[name].to
    elif kind == "departments":
        service = _service(facts)
        names = (service.departments if service is not None else ()) if name == "service" else (name,)
        for department in names:
            yield from rules.departments[department].to
    else:
        service = _service(facts)
        vendor = (service.vendor if service is not None else None) if name == "service" else name
        if vendor is not None:
            yield from rules.vendors[vendor].to


def _service(facts: Facts) -> Service | None:
    found: object = facts["service"]
    return found if isinstance(found, Service) else None


def _team(name: str, facts: Facts) -> str | None:
    """The team that `team`, `service.team` or a name means."""
    if name == "service.team":
        service = _service(facts)
        return service.team if service is not None else None
    if name == "team":
        found: object = facts["team"]
        return found if isinstance(found, str) else None
    return name


def _who(recipient: Recipient, facts: Facts, rules: RuleSet, now: datetime) -> str | User | None:
    """The person a recipient means: by key where they are known to the rules, else as the tracker knows them."""
    kind, name = recipient.kind, recipient.name
    if kind == "person":
        return name
    if kind == "email":
        return rules.person_by_email.get(name.lower()) or User("", name, name)
    if kind in {"on-call", "lead"}:
        team = _team(name, facts)
        if team is None or team not in rules.teams:
            return None
        return on_call(team, rules, now) if kind == "on-call" else rules.teams[team].lead
    return _known(facts[name if kind == "role" else kind], rules) if kind in _OF_THE_TICKET else None


def _known(value: object, rules: RuleSet) -> str | User | None:
    """A person among a ticket's words: the key where the rules know them, else the tracker's user."""
    from rules.facts import Who  # facts find people here

    if isinstance(value, Who):
        return value.key or value.user
    return value if isinstance(value, str) and value in rules.people else None


# ---- where they are reached


def _reached(one: _One, facts: Facts, rules: RuleSet, products: Collection[str], now: datetime) -> Iterator[Address]:
    recipient = one.recipient
    if recipient.kind == "place":
        for product, address in rules.places[recipient.name].items():
            if product in products:
                yield Address(f"{recipient}@{product}", product, address, "", one.audience, one.external)
        return
    who = _who(recipient, facts, rules, now)
    person = who if isinstance(who, str) else ""
    if recipient.kind in products:
        yield Address(str(recipient), recipient.kind, recipient.name, person, one.audience, one.external)
    elif who is not None:
        reached = _best(who, facts, rules, products)
        if reached is not None:
            yield Address(str(recipient), *reached, person, one.audience, one.external)


def _best(who: str | User, facts: Facts, rules: RuleSet, products: Collection[str]) -> tuple[str, str] | None:
    """The connector and the address by which a person is told first."""
    if isinstance(who, User):
        source = facts.ticket.source
        known = Person("", who.name, who.email, {source: who.id} if who.id else {})
    else:
        known = rules.people[who]
    reach = known.reach or (*REACH, *known.ids)
    for product in reach:
        if product in products:
            address = known.ids.get(product) or (known.email if product in BY_EMAIL else "")
            if address:
                return product, address
    return None
