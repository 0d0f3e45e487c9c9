"""What goes out without a claim, since there is no ledger to write one in: a damaged ledger, and the emergency place.

It is told once per process; where a place can be searched it is looked for first, so that a restart does not repeat it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from connectors.errors import ConnectorError
from connectors.model import Found, Message, Ticket
from rules.directory import Address, addresses
from rules.facts import Facts
from rules.model import Recipient
from rules.restrict import restriction
from rules.text import inert
from sync.effects import digest
from sync.memory import emergency_lines

if TYPE_CHECKING:
    from sync.look import Engine

log = structlog.get_logger()


def unreadable(ticket: Ticket, said: str, engine: Engine) -> bool:
    """Tell whoever is on call for the ticket, or the fallback, that it is left alone; whether everybody was told."""
    now, rules = engine.clock(), engine.rules
    facts = Facts(ticket, rules, now)
    products = tuple(engine.sinks)
    on_call = addresses((Recipient("on-call", "team"),), facts, rules, products, now)
    reached = on_call or addresses(rules.defaults.fallback, facts, rules, products, now)
    text = f"{inert(said)} Nobody is called for it. {ticket.url}".strip()
    key = digest(ticket.ref, "unreadable", ticket.ledger)
    closed = restriction(ticket, rules, now, engine.tracker.me())
    reached = tuple(one for one in reached if not one.external and (closed is None or closed.allows(one)))
    told = [_told(address, Message(text), key, engine) for address in reached]
    return all(told)


def _told(address: Address, message: Message, key: str, engine: Engine) -> bool:
    now, sink, gate = engine.clock(), engine.sinks[address.product], engine.manners.gate
    done = (address.product, address.address, key)
    if done in engine.memory.alarms:
        return True
    if gate.opens(address.product, address.address, now) > now:
        return False
    try:
        if not (sink.searchable and isinstance(sink.find(address.address, key, now - engine.site.grace), Found)):
            sink.put(address.address, message, None, key)
    except ConnectorError as error:
        log.warning("alarm not told", place=address.address, said=str(error))
        return False
    engine.memory.alarms.add(done)
    return True


def emergency(engine: Engine) -> bool:
    """Tell the emergency place, unclaimed, which calls were planned while the tracker is away; whether it is done."""
    if engine.site.emergency is None:
        return True
    product, place = engine.site.emergency
    lines = emergency_lines(engine.memory.coming, engine.rules, engine.clock())
    said = "\n".join(("**The tracker does not answer.** These calls were planned when it last did:", "", *lines))
    sink = engine.sinks.get(product)
    if sink is None or not lines:
        return True
    key = f"emergency.{engine.clock().isoformat()}"  # another each time: e-mail drops what it has had already
    try:
        sink.put(place, Message(f"{said}\n\n(None of this is recorded on a ticket.)"), None, key)
    except ConnectorError as error:
        log.warning("emergency place not told", place=place, said=str(error))
        return False
    return True
