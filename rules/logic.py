"""The three-valued logic of conditions: true, false, and unknown, joined as Kleene does.

Unknown is not empty. Empty is known: nobody is assigned. Unknown is what the tracker does not tell, or no longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from rules.patterns import Pattern

Truth: TypeAlias = bool | None
Joint: TypeAlias = Literal["", "and", "or", "not"]


class Unknown:
    """The type of UNKNOWN, the value of a word that cannot be known."""

    def __repr__(self) -> str:
        return "unknown"

    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = Unknown()


class Facts(Protocol):
    """What a condition is asked of: a ticket's words, each a value, None (empty) or UNKNOWN."""

    def __getitem__(self, word: str, /) -> Any:
        """The value of a word, or of an attribute such as `service.team`."""

    def found(self, pattern: Pattern, /) -> Truth:
        """Whether a pattern is found in its word."""

    def during(self, moment: datetime, calendar: str, /) -> bool:
        """Whether a calendar is open at a moment."""


Test: TypeAlias = Callable[[Facts], Truth]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition: its source on one line, its test, and what it is made of.

    `equality` and `pattern` must hold for the part to be true; the index finds rules by them.
    """

    source: str
    test: Test
    joint: Joint = ""
    parts: tuple[Part, ...] = ()
    words: tuple[str, ...] = ()
    equality: tuple[str, frozenset[object]] | None = None
    pattern: Pattern | None = None


def all_of(tests: tuple[Test, ...]) -> Test:
    """True if all are, false if one is, else unknown."""

    def test(facts: Facts) -> Truth:
        answer: Truth = True
        for one in tests:
            said = one(facts)
            if said is None:
                answer = None
            elif not said:
                return False
        return answer

    return test


def any_of(tests: tuple[Test, ...]) -> Test:
    """True if one is, false if all are, else unknown."""

    def test(facts: Facts) -> Truth:
        answer: Truth = False
        for one in tests:
            said = one(facts)
            if said is None:
                answer = None
            elif said:
                return True
        return answer

    return test


def negated(inner: Test) -> Test:
    """The contrary; unknown stays unknown."""

    def test(facts: Facts) -> Truth:
        said = inner(facts)
        return None if said is None else not said

    return test
