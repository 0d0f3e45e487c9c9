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
    """Counts outside calls, and says what happens at which: `strikes` are (number, when, what)."""

    strikes: dict[tuple[int, str], Callable[[], None]] = field(default_factory=dict)
    calls: int = 0
    asleep: bool = False
    names: list[str] = field(default_factory=list)

    def reached(self, when: str, name: str) -> None:
        if when == "before" and not self.asleep:
            self.calls += 1
            self.names.append(name)
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
