"""Which ticket is meant where a command names none: that of the channel it was typed in, where it is a ticket's own.

Whose own a channel is stands in the ticket's ledger and nowhere else. Names, topics, purposes and messages are
people's to change, so they tell nothing here (docs/decisions/0080-a-channel-is-its-tickets-by-the-ledger.md). The
process remembers what sweeps and searches told; what it remembers is read again before anything is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.errors import ConnectorError, Missing
from connectors.model import Command, Ticket
from rules.language import PLACELESS
from rules.restrict import restriction
from rules.text import inert
from sync import answers
from sync.acts import with_acts
from sync.asked import Sorry
from sync.ledger import Ledger, Unreadable
from sync.persons import asker
from sync.rooms import Spot, owned

if TYPE_CHECKING:
    from sync.look import Engine

WHICH: Final = "Which ticket?"


def ticket_of(command: Command, channel: str, engine: Engine) -> str:
    """The ref of the ticket whose own the channel is that a command was typed in; empty where it is nobody's.

    Raises connectors.errors of the tracker.
    """
    spot, known = (command.source, channel), engine.memory.rooms
    if not engine.memory.whole and spot not in engine.memory.searched:  # the first sweep has not come by all of them
        known[spot] = _searched(spot, engine)
        engine.memory.searched.add(spot)
    own = [one for ref in known.get(spot, ()) if (one := _owner(spot, ref, engine)) is not None]
    return own[0].ref if len(own) == 1 and _sees(command, own[0], engine) else ""


def which(command: Command, engine: Engine) -> str:
    """The question which ticket is meant, with those that it may be: the worst that are open, as far as whoever asks
    may know of them.
    """
    try:
        found = answers.worst(asker(command, engine), engine)
    except Sorry as sorry:
        return str(sorry)
    except ConnectorError:
        found = ()
    example = next((ticket.key for ticket in found), "OPS-42")
    head = f"{WHICH} Name its key, as in `{command.verb} {inert(example)}`."
    return "\n".join((head, *(f"• {answers.linked(ticket)} {inert(ticket.summary)}" for ticket in found)))


def keys(command: Command, engine: Engine) -> tuple[str, ...]:
    """The keys of the tickets that `which` would name, where a command lacks its ticket; none where nobody can tell."""
    if command.ref or command.verb in PLACELESS:
        return ()
    try:
        return tuple(ticket.key for ticket in answers.worst(asker(command, engine), engine))
    except (Sorry, ConnectorError):
        return ()


def _searched(spot: Spot, engine: Engine) -> tuple[str, ...]:
    found = (t.ref for page in engine.tracker.open(engine.clock()) for t in page if spot[1] in (t.ledger or ""))
    return tuple(ref for ref in found if _owner(spot, ref, engine) is not None)


def _owner(spot: Spot, ref: str, engine: Engine) -> Ticket | None:
    """The ticket as it is now, where a channel is its own."""
    try:
        ticket = engine.tracker.get(ref)
    except Missing:
        return None
    return ticket if _is_own(spot, ticket, engine) else None


def _is_own(spot: Spot, ticket: Ticket, engine: Engine) -> bool:
    """Whether a channel is this ticket's own; of a restricted one, those are that were opened for it while it was."""
    if not engine.tracker.covers(ticket) or not engine.concerns(ticket):
        return False
    try:
        ledger = Ledger.loads(ticket.ledger, ticket.ref)
    except Unreadable:
        return False
    closed = restriction(with_acts(ticket, ledger), engine.rules, engine.clock()) is not None
    return any(place == spot and (private or not closed) for place, private in owned(ledger))


def _sees(command: Command, ticket: Ticket, engine: Engine) -> bool:
    """Whether whoever asks may know of the ticket. A stranger hears that they are one, of whatever ticket."""
    try:
        return answers.seen(asker(command, engine), ticket, engine)
    except Sorry:
        return True
