"""A click that waits for its answer: Teams wants it in the body of the very request that brought the click.

What a click comes to is known a moment later, on another thread. A slot is open from `receive` until the server asks
for the body; what is answered afterwards goes to the person's chat instead. Nothing here outlives the request.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]
Shape: TypeAlias = Callable[[str], Json]

MOST: Final = 1_000
LATE: Final = 1.0
"""Seconds that the body waits for the answer once the command stands on its ticket. Slower ones go to the chat."""
SAID: Final = "application/vnd.microsoft.activity.message"
CARD: Final = "application/vnd.microsoft.card.adaptive"
FAILED: Final = "application/vnd.microsoft.error"
TAKEN: Final = "Pointman is on it."
LONGEST: Final = 2_000


@dataclass(slots=True)
class _Slot:
    shape: Shape
    filled: Event = field(default_factory=Event)
    answer: Json | None = None


class Waiting:
    """The clicks that wait, by the id of their activity."""

    def __init__(self) -> None:
        self._slots: dict[str, _Slot] = {}
        self._lock = Lock()

    def open(self, id_: str, shape: Shape) -> Callable[[], str]:
        """A click waits from now on; what to call for the body. A click that came twice has one answer."""
        with self._lock:
            slot = self._slots.setdefault(id_, _Slot(shape))
            while len(self._slots) > MOST:
                del self._slots[next(iter(self._slots))]
        return lambda: self._close(id_, slot)

    def say(self, id_: str, text: str) -> bool:
        """Answer with a text, in the shape that the click asked for; whether it still waited."""
        with self._lock:
            slot = self._slots.get(id_)
            return slot is not None and self._fill(slot, slot.shape(text))

    def show(self, id_: str, card: Json) -> bool:
        """Answer with a card, which this person then sees in place of the other; whether the click still waited."""
        with self._lock:
            slot = self._slots.get(id_)
            return slot is not None and self._fill(slot, shown(card))

    def _fill(self, slot: _Slot, answer: Json) -> bool:
        if slot.filled.is_set():
            return False
        slot.answer = answer
        slot.filled.set()
        return True

    def _close(self, id_: str, slot: _Slot) -> str:
        slot.filled.wait(LATE)
        with self._lock:
            if self._slots.get(id_) is slot:
                del self._slots[id_]
            if slot.answer is None:
                slot.answer = slot.shape(TAKEN)
                slot.filled.set()
            return json.dumps(slot.answer, ensure_ascii=False)


def said(text: str) -> Json:
    """An answer that is a text, which only the person who clicked sees."""
    return {"statusCode": 200, "type": SAID, "value": text[:LONGEST]}


def shown(card: Json) -> Json:
    """An answer that is a card."""
    return {"statusCode": 200, "type": CARD, "value": card}


def failed(text: str) -> Json:
    """An answer that something was wrong with the click."""
    return {"statusCode": 400, "type": FAILED, "value": {"code": "BadRequest", "message": text}}
