"""What texts may say beside the ticket's words: who was told, when the next update comes, by when it must be restored.

Each is worked out only for a text that uses it. All are moments, names and sentences, never amounts of time that are
left: those would change a standing message at every look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from rules.decide import Decision

if TYPE_CHECKING:
    from sync.effects import Scene

Word: TypeAlias = "Callable[[Decision, Scene], object]"

WORDS: Mapping[str, Word] = {}
"""By variable, what makes it; None where there is nothing to say."""


def words(names: Iterable[str], decision: Decision, scene: Scene) -> dict[str, object]:
    """These of the words, for a text of this decision; what is none of them is left out."""
    return {name: WORDS[name](decision, scene) for name in names if name in WORDS}
