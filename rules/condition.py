"""Conditions: from text to a closure over a ticket's facts, with every mistake found when loaded.

The grammar is the safe part of Python's expressions, read by `ast` and never evaluated. A condition has three answers:
true, false, and None for *unknown*, joined as Kleene does. Ready-made engines were measured and turned down: the
quickest is seven times slower, none tells a misspelt field or option when loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rules.compiler import Compiler
from rules.grammar import Mistake, Mistakes, parse
from rules.logic import UNKNOWN, Facts, Joint, Part, Truth, Unknown
from rules.patterns import Pattern
from rules.vocabulary import Vocabulary

__all__ = ["UNKNOWN", "Condition", "Facts", "Mistake", "Mistakes", "Trace", "Truth", "Unknown", "Vocabulary", "compile"]

Equality = tuple[str, frozenset[object]]
"""A word (or `service.team`) and the values of which it must have one."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of one part of a condition: its source on one line, its answer, its words' values, its own parts."""

    source: str
    value: Truth
    joint: Joint
    words: tuple[tuple[str, object], ...]
    parts: tuple[Trace, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition, ready to be asked. Called with facts it answers True, False or None (unknown).

    `names` are the words it uses, without attributes. `equalities` and `patterns` must each hold for it to be true.
    """

    source: str
    names: frozenset[str]
    equalities: tuple[Equality, ...]
    patterns: tuple[Pattern, ...]
    part: Part

    def __call__(self, facts: Facts) -> Truth:
        """What it says of a ticket."""
        return self.part.test(facts)

    @property
    def equality(self) -> Equality | None:
        """The equality that fewest tickets are likely to meet; None where it asks for none."""
        return min(self.equalities, key=lambda one: len(one[1]), default=None)

    def trace(self, facts: Facts) -> Trace:
        """The same answer with every part of it, also the parts that were not needed for it."""
        return _trace(self.part, facts)

    def every_pattern(self) -> Iterator[Pattern]:
        """All patterns in it, wherever they stand."""
        return _patterns(self.part)

    def __str__(self) -> str:
        return self.source


def compile(source: str, vocabulary: Vocabulary) -> Condition:  # noqa: A001  (as in `re.compile`)
    """Read a condition. Raises Mistakes, with all that is wrong with it, and nothing else whatever the text."""
    tree, spans = parse(source)
    compiler = Compiler(vocabulary, spans)
    part = compiler.truth(tree, 0)
    if compiler.mistakes:
        raise Mistakes(tuple(compiler.mistakes))
    needed = part.parts if part.joint == "and" else (part,)
    return Condition(
        source,
        frozenset(word.partition(".")[0] for word in compiler.words),
        tuple(one.equality for one in needed if one.equality is not None),
        tuple(one.pattern for one in needed if one.pattern is not None),
        part,
    )


def _trace(part: Part, facts: Facts) -> Trace:
    words = tuple((word, facts[word]) for word in part.words)
    return Trace(part.source, part.test(facts), part.joint, words, tuple(_trace(one, facts) for one in part.parts))


def _patterns(part: Part) -> Iterator[Pattern]:
    if part.pattern is not None:
        yield part.pattern
    for one in part.parts:
        yield from _patterns(one)
