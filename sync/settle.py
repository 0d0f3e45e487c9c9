"""Settles claims that were left open: a crash, a time-out or an answer that never came left it unknown what was done.

The product is asked. What is found is recorded, what is absent may be sent; where it cannot be told it waits, and what
cannot be looked for at all is sent again, marked as a possible repeat, or plainly where a double is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from connectors.base import Sink
from connectors.errors import ConnectorError, Missing, Refused
from connectors.model import Absent, Found, Message
from sync.ledger import Claim, Ledger, Outcome
from sync.perform import CHANNEL, STANDING, begun, hushed, token

log = structlog.get_logger()

FIND_PATIENCE: Final = timedelta(minutes=15)
"""How long a claim waits for a place that cannot tell; then it is as if it could not be searched at all."""


def settled(ledger: Ledger, sinks: Mapping[str, Sink[Message]], now: datetime) -> Ledger:
    """The ledger after every open claim that is old enough has been looked for."""
    for key, claim in ledger.open_claims().items():
        if now >= claim.due:
            ledger = _settle(ledger, key, claim, sinks, now)
    return ledger


def ended(before: Ledger, after: Ledger, sinks: Mapping[str, Sink[Message]], now: datetime) -> Ledger:
    """The ledger after claims were dropped that nobody wants any more, once what may ring because of them is ended.

    Where doubles are dropped a call is known by its key alone, so it can be ended though nobody knows that it came.
    What cannot be ended now keeps its claim, for as long as a claim waits for anything.
    """
    for key, claim in before.open_claims().items():
        product, _, address = claim.to.partition(":")
        sink = sinks.get(product)
        if sink is None or not sink.drops_doubles or key in after.open_claims():
            continue
        if not hushed(sink, address, token(before.ref, key, claim.moment)) and now - claim.first < FIND_PATIENCE:
            after = after.with_entry(key, before.entries[key])
    return after


def _settle(ledger: Ledger, key: str, claim: Claim, sinks: Mapping[str, Sink[Message]], now: datetime) -> Ledger:
    entry = ledger.entries[key]
    product, _, address = claim.to.partition(":")
    sink = sinks.get(product)
    edited = sink is not None and sink.editable and entry.ref and key.startswith(STANDING)
    safe = sink is not None and (edited or sink.drops_doubles)
    if sink is None or safe or key.startswith(CHANNEL):  # an edit may be made again; a channel is known by its mark
        return ledger.with_entry(key, replace(entry, claim=replace(claim, settled=True)))
    again = ledger.with_entry(key, replace(entry, claim=replace(claim, settled=True, repeat=True)))
    if not sink.searchable:
        return again
    unsure = again if now - claim.first >= FIND_PATIENCE else ledger
    try:
        answer = sink.find(address, token(ledger.ref, key, claim.moment), begun(key, claim.first))
    except (Missing, Refused):  # there is no such place to find it in; the next try will say why
        answer = Absent()
    except ConnectorError as error:
        log.warning("could not settle", key=key, said=str(error))
        return unsure
    if isinstance(answer, Found):
        return ledger.recorded(Outcome(key, ref=answer.ref, done=True), now)
    if isinstance(answer, Absent):
        return ledger.with_entry(key, replace(entry, claim=replace(claim, settled=True)))
    return unsure
