"""What a line of a plan says became of what its rule wants, as an explanation tells it."""

from __future__ import annotations

from collections.abc import Mapping

from rules.explain import State, Upshot
from sync.fields import LEFT_ALONE
from sync.items import Item

STATES: Mapping[str, State] = {"done": "done", "owed": "now", "next": "next", "held": "held", "not": "not done"}


def upshot(item: Item) -> Upshot:
    """One line of a plan as what became of a wish."""
    what, silence = item.effect.what, item.silence
    if silence is not None and silence.mute:
        return Upshot("muted", what, f"by {silence.mute}", item.at, silence.mute)
    if silence is not None:
        return Upshot("held", what, silence.what, item.at)
    if item.status == "not" and item.reason.startswith(LEFT_ALONE):
        return Upshot("left alone", what, item.reason.removeprefix(LEFT_ALONE), item.at)
    unless = f"unless {item.effect.unless}" if item.status == "next" and item.effect.unless else ""
    return Upshot(STATES[item.status], what, "; ".join(filter(None, (item.reason or unless, item.note))), item.at)
