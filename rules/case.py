"""The `[[test]]`s of the rule files as values: a made-up ticket, what happens to it, and what must follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.model import Value
from connectors.problems import Where
from rules.model import Recipient


@dataclass(frozen=True, slots=True)
class Expected:
    """One thing that must hold so long `after` what it follows: a word's value, or who was `called` or `told` by then.

    An empty word is None; of a moment it may be only whether it is there. A person is their key, or `email:…`.
    """

    word: str
    value: Value | tuple[Recipient, ...]
    where: Where
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Happening:
    """What happens to the ticket of a test so long `after` it was made, and what must follow from that.

    `by` is a person's key, empty for somebody. `set` are words and what they become (None empties).
    """

    after: timedelta
    by: str = ""
    set: Mapping[str, Value] = field(default_factory=dict)
    acknowledge: bool | None = None
    comment: str = ""
    update: str = ""
    expect: tuple[Expected, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One ticket of a `[[test]]` (a table has one for each row): its words, what must follow, what happens then."""

    name: str
    where: Where
    ticket: Mapping[str, Value] = field(default_factory=dict)
    expect: tuple[Expected, ...] = ()
    then: tuple[Happening, ...] = ()
