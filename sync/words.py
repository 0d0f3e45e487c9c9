"""What texts may say beside the ticket's words: who was told, when the next update comes, by when it must be restored.

Each is worked out only for a text that uses it. All are moments, names and sentences, never amounts of time that are
left: those would change a standing message at every look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from rules.clock import tightest
from rules.decide import Decision

if TYPE_CHECKING:
    from sync.effects import Scene

Word: TypeAlias = "Callable[[Decision, Scene], object]"


def _rto_until(decision: Decision, scene: Scene) -> datetime | None:
    """When a clock runs out: the decision's own, else the tightest of those that run until the ticket is restored."""
    several = [clock for clock in scene.clocks if clock.rule.stop == "restored" and clock.rule.goal != "rpo"]
    clock = decision.clock or (tightest(several) if several else None)
    return clock.deadline if clock is not None else None


WORDS: Mapping[str, Word] = {
    "rto_until": _rto_until,
    "last_update": lambda _, scene: _updates().last_update(scene),
    "next_update": lambda _, scene: _updates().next_update(scene),
    "unchanged": lambda _, scene: _updates().unchanged(scene),
}
"""By variable, what makes it; None where there is nothing to say."""


def _updates() -> ModuleType:
    from sync import updates  # it is made of effects, which have words

    return updates


def words(names: Iterable[str], decision: Decision, scene: Scene) -> dict[str, object]:
    """These of the words, for a text of this decision; what is none of them is left out."""
    return {name: WORDS[name](decision, scene) for name in names if name in WORDS}
