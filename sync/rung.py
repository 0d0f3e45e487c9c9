"""Who answers where a phone rang: which ticket the call was for, who they are, and whether it still counts.

A service tells of a call by the id that we gave it. The process that made it remembers its ticket; after a restart the
tickets themselves tell, by their ledgers. Nothing is kept for it. See docs/decisions/0081-who-is-rung-answers-there.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from connectors.base import Messenger, Tracker
from connectors.model import Command, Ticket
from rules.events import acknowledged_after_each
from rules.model import RuleSet
from rules.text import inert
from sync.items import shown
from sync.ledger import Entry, Ledger, Unreadable
from sync.perform import token
from sync.rows import known_as

if TYPE_CHECKING:
    from sync.asked import Asked
    from sync.look import Engine

TO: Final = "to:"
"""What a call is known by of which only the address is known that was called, the latest that is not over.

A ticket's key may follow.
"""
WHERE: Final = ("in", "by")
"""What an act says of where it was done: in a product, or by which means."""
LONGEST_NAME: Final = 60
_Made: TypeAlias = tuple[bool, datetime]
"""Whether a call was made for certain, and when."""


def ticket_of(command: Command, tracker: Tracker, since: datetime) -> str | None:
    """The ref of the ticket for which a call was made, by the ledgers of what is open or changed since; else None.

    A message that came before is about the ticket that has its act, whatever was called since; and a call in doubt is
    meant only where there is no other: they may never have heard of it. Raises connectors.errors of the tracker.
    """
    call, _, key = command.reply.partition(" ")
    latest: tuple[_Made, str] | None = None
    for page in tracker.open(since):
        for ticket in page:
            if call.startswith(TO) and _acted(command.id, ticket):
                return ticket.ref
            made = None if key and key != ticket.key.upper() else _made(call, command.source, ticket)
            if made is not None and (latest is None or made > latest[0]):
                latest = made, ticket.ref
    return latest[1] if latest is not None else None


def where(command: Command) -> Mapping[str, str]:
    """Where somebody acted, as their act says it."""
    return {word: command.args[word] for word in WHERE if word in command.args}


def stranger(command: Command, engine: Engine) -> str | None:
    """Who acts in the name of the product that called them, since the rules do not know them; None where nobody may.

    Such a name is no key in `[people]`, so it has no rights but those that everybody has.
    """
    sink = engine.sinks.get(command.source)
    if not (isinstance(sink, Messenger) and sink.rings) or not where(command):
        return None
    said = "".join(letter if letter.isprintable() else " " for letter in str(command.by))
    return f"{' '.join(said.split())[:LONGEST_NAME]} ({command.args.get('in', command.source)})"


def known_elsewhere(command: Command, engine: Engine) -> str | None:
    """The key of a person whom the rules know by the ids of another connector of the same service."""
    sink, rules = engine.sinks.get(command.source), engine.rules
    return _by_id(sink.people, command.by.id, rules) if isinstance(sink, Messenger) and sink.people else None


def unheard(asked: Asked, said: str) -> str | None:
    """What the ticket's log says of somebody who may not do what they did where a phone rang; None for all others.

    A service shows them no answer, and who reads the ticket should know why the ladder goes on.
    """
    place = " ".join(f"{word} {name}" for word, name in where(asked.command).items())
    if not place:
        return None
    at = shown(asked.now, asked.rules, asked.now)
    return f"{at} {inert(f'{asked.who}: {asked.command.verb} {place}')}, which does not count: {inert(said)}"


def late(asked: Asked) -> bool:
    """Whether it stopped counting as acknowledged after they acted: what they said then was said of before."""
    at = asked.command.at
    if at is None or not where(asked.command):
        return False
    states = acknowledged_after_each(asked.told)
    ended = zip(asked.told.history, states, states[1:], strict=False)
    return any(change.at > at for change, before, after in ended if before is not None and after is None)


def _by_id(connector: str, ident: str, rules: RuleSet) -> str | None:
    return rules.person_by_id.get((connector, ident))


def _acted(ident: str, ticket: Ticket) -> bool:
    known = known_as(ident)
    ledger = _read(ticket) if ident and ticket.ledger and known in ticket.ledger else None
    return ledger is not None and ledger.knows(known)


def _made(call: str, source: str, ticket: Ticket) -> _Made | None:
    """When this call was made, or claimed, for the ticket; None where it was not."""
    if not ticket.ledger or not _may_hold(call, source, ticket.ledger):
        return None
    ledger = _read(ticket)
    if ledger is None:
        return None
    found = (_moment(call, source, ledger, key, entry) for key, entry in ledger.entries.items())
    return max((made for made in found if made is not None), default=None)


def _read(ticket: Ticket) -> Ledger | None:
    try:
        return Ledger.loads(ticket.ledger, ticket.ref)
    except Unreadable:
        return None


def _may_hold(call: str, source: str, text: str) -> bool:
    """Whether a ledger is worth to be read, by its text: of many tickets few are."""
    return '"c":[' in text or (f"{source}" in text if call.startswith(TO) else f'"{call}"' in text)


def _moment(call: str, source: str, ledger: Ledger, key: str, entry: Entry) -> _Made | None:
    claim = entry.claim
    if call.startswith(TO):
        to = f"{source}:{call.removeprefix(TO)}"
        if entry.at is not None and entry.to == to and not entry.retired:
            return True, entry.at
        return (False, claim.first) if claim is not None and claim.to == to else None
    if entry.at is not None and entry.ref == call and entry.to.startswith(f"{source}:"):
        return True, entry.at
    if claim is None or not claim.to.startswith(f"{source}:") or token(ledger.ref, key, claim.moment) != call:
        return None
    return False, claim.first
