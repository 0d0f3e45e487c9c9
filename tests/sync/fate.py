"""A process that dies at an outside call: calls are counted, and something happens before or after one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any


class Died(BaseException):
    """The process is gone; nothing catches it."""


def die() -> None:
    """The process is no more."""
    raise Died


@dataclass
class Fate:
    """Counts outside calls, and says what happens at which: `strikes` are (number, when, what).

    `left` tells what would be left of the world if the process died now, and what would go on: if it is the same at two
    moments, dying at either is one and the same death. `deaths` has the first moment of each.
    """

    strikes: dict[tuple[int, str], Callable[[], None]] = field(default_factory=dict)
    left: Callable[[], object] | None = None
    calls: int = 0
    asleep: bool = False
    names: list[str] = field(default_factory=list)
    deaths: list[tuple[int, str]] = field(default_factory=list)
    _left: object = None

    def reached(self, when: str, name: str) -> None:
        if when == "before" and not self.asleep:
            self.calls += 1
            self.names.append(name)
        if self.left is not None and (now := self.left()) != self._left:
            self.deaths.append((self.calls, when))
            self._left = now
        strike = None if self.asleep else self.strikes.pop((self.calls, when), None)
        if strike is not None:
            strike()


def watched(thing: Any, names: tuple[str, ...], fate: Fate) -> None:
    """From now on these methods are outside calls."""
    for name in names:
        setattr(thing, name, partial(_call, getattr(thing, name), fate, name))


def _call(original: Callable[..., Any], fate: Fate, name: str, *args: Any) -> Any:
    fate.reached("before", name)
    answer = original(*args)
    fate.reached("after", name)
    return answer
