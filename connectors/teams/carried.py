"""A card that travels in its own buttons, so that a click on one from before our last start brings it along.

A bot cannot read what it posted, and what it posted is forgotten with the process. What a button carries comes back
with each click, so there the card is kept, compressed, and signed with the app's secret: whoever can send a click of
their own making must not choose what we then put. The signature holds in one conversation.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Final, TypeAlias

from connectors.signatures import hexdigest, same
from connectors.teams.cards import ROOM, SPARE, size

Json: TypeAlias = dict[str, Any]

CARD: Final = "card"
"""What it is called in a button's data."""
DIGITS: Final = 32
"""Hexadecimal digits of the signature."""


def carrying(made: Json, conversation: str, secret: str) -> Json:
    """A card with itself in each of its buttons; as it is where it has none, or where that would take too much room."""
    if not made.get("actions"):
        return made
    packed = base64.urlsafe_b64encode(zlib.compress(json.dumps(made, separators=(",", ":")).encode(), 9)).decode()
    full = _with(made, _signature(packed, conversation, secret) + packed)
    return full if size(full) <= ROOM - SPARE else made


def carried(sealed: str, conversation: str, secret: str) -> Json | None:
    """The card that a click has brought along, as it was put in this conversation; None where it is none of ours."""
    given, packed = sealed[:DIGITS], sealed[DIGITS:]
    if not same(given, _signature(packed, conversation, secret)):
        return None
    try:
        made: Json = json.loads(zlib.decompress(base64.urlsafe_b64decode(packed)))
    except (ValueError, zlib.error):  # signed by another version of us
        return None
    return _with(made, sealed)


def brought(made: Json | None) -> str:
    """What the buttons of a card bring along; empty where that is nothing."""
    actions = made.get("actions") or () if made is not None else ()
    found = (action["data"].get(CARD) for action in actions if isinstance(action.get("data"), dict))
    return str(next(found, None) or "")


def abouts(made: Json) -> frozenset[str]:
    """The refs of the tickets that a card's buttons are about."""
    datas = (action.get("data") for action in made.get("actions") or ())
    return frozenset(str(data["ref"]) for data in datas if isinstance(data, dict) and "ref" in data)


def _with(made: Json, sealed: str) -> Json:
    """Only `Action.Execute` has data of ours; a link carries nothing."""
    actions = [
        {**action, "data": {**action["data"], CARD: sealed}} if isinstance(action.get("data"), dict) else action
        for action in made["actions"]
    ]
    return {**made, "actions": actions}


def _signature(packed: str, conversation: str, secret: str) -> str:
    return hexdigest(secret, f"card\n{conversation}\n{packed}".encode("utf-8", "replace"))[:DIGITS]
