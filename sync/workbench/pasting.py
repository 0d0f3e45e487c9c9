"""A ticket as the tracker's own JSON tells it, pasted into the page: read offline, by the configured tracker's reader.

It is the same ticket, and yet nobody's: nothing can be done to it, and it is not read again. So what depends on where
it really stands (whether it is in scope, whether it is older than our beginning) is left aside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.errors import ConnectorError
from connectors.model import Ticket
from sync import trial
from sync.effects import World
from sync.ledger import Ledger
from sync.look import Engine
from sync.workbench.seeing import Subject


def as_json(text: str) -> Mapping[str, Any] | None:
    """The JSON object that a text is; None where it is something else, such as the words of a `[[test]]`."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def pasted(said: Mapping[str, Any], engine: Engine) -> Subject:
    """The ticket of this JSON. Raises Refused where it is none, and Unreadable."""
    ticket = engine.tracker.pasted(said)
    ledger = Ledger.loads(ticket.ledger, ticket.ref)
    named = replace(ticket, ref=f"pasted-{ticket.ref}", key=f"{ticket.key} (pasted)")
    return Subject(named, ledger, _world(engine, ledger, named), max(engine.clock(), ticket.updated), made=True)


def _world(engine: Engine, ledger: Ledger, ticket: Ticket) -> World:
    try:
        known = engine.world(ticket, ledger)
    except ConnectorError:  # it does not say who we are there, so everybody counts as a person
        return trial.world(tuple(engine.sinks))
    return replace(known, covered=True, home=False, start=None)
