"""A scenario as a value: what people and products do, and what must follow, at moments counted from its beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

from connectors.model import Value
from connectors.problems import Where
from rules.case import Expected

Verb: TypeAlias = Literal["create", "set", "comment", "click", "say", "outage", "clock"]
Outage: TypeAlias = Literal["down", "slow", "denied"]

POINTMAN = "pointman"
TRACKER = "tracker"
"""What an outage may be of beside the messengers."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something happens `at` so long after the beginning: `verb` says what, `said` is its value.

    create: `ticket` is what the scenario calls it, `words` as the rules know them; `count` of them, one `every` so
    often. set: `words`. comment: the text. click: the verb of a button. say: what is typed after `/pointman`. outage:
    the product, to `until`, of a `kind`. clock: by how much it jumps. `expect` follows from it.
    """

    at: timedelta
    verb: Verb
    said: str
    where: Where
    by: str = ""
    ticket: str = ""
    words: Mapping[str, Value] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    until: timedelta | None = None
    kind: Outage = "down"
    jump: timedelta = timedelta(0)
    expect: tuple[Expected, ...] = ()

    def __str__(self) -> str:
        who = self.by.capitalize() if self.by else "Somebody"
        of = f" of {self.ticket}" if self.ticket else ""
        told = {
            "create": f"{who} makes the ticket {self.ticket}: {self.words.get('summary', '')}",
            "set": f"{who} sets {_words(self.words)}{of}",
            "comment": f"{who} comments on {self.ticket}: {self.said}",
            "click": f"{who} clicks {self.said}{of}",
            "say": f"{who} says {self.said}{of}",
            "outage": f"{self.said} {_FAILS[self.kind]}",
            "clock": f"the clock leaps by {self.said}",
        }
        return told[self.verb]


_FAILS: Mapping[str, str] = {
    "down": "is away",
    "slow": "answers too late, and does what it was asked all the same",
    "denied": "does not let us in any more",
}


def _words(words: Mapping[str, Value]) -> str:
    return ", ".join(
        f"{word} to {value if value not in (None, '', ()) else 'nothing'}" for word, value in words.items()
    )


@dataclass(frozen=True, slots=True)
class Answering:
    """Somebody who answers a call `after` so long with a click, if awake: from `begin` to `until` of the drill."""

    after: timedelta
    click: str = "acknowledge"
    begin: timedelta = timedelta(0)
    until: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """What must hold at a moment: of a `ticket` its words and who was called and told, and how its objectives stand.

    `quiet`: nobody is told anything from then `until` then. `doubled`: so many messages went out twice until then.
    """

    at: timedelta
    where: Where
    name: str = ""
    ticket: str = ""
    holds: tuple[Expected, ...] = ()
    objectives: Mapping[str, str] = field(default_factory=dict)
    doubled: int | None = None
    quiet: timedelta | None = None

    def __str__(self) -> str:
        return self.name or f"what is expected in line {self.where.line}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that happens and is expected, each in the order of time.

    `start` is the moment of the beginning, `lasts` how long it is played. Whoever is not among `people` is silent.
    `rules` are the files that it brings along.
    """

    name: str
    title: str
    start: datetime
    lasts: timedelta
    steps: tuple[Step, ...] = ()
    expects: tuple[Expect, ...] = ()
    people: Mapping[str, Answering] = field(default_factory=dict)
    rules: tuple[Path, ...] = ()
    file: str = ""

    @property
    def tickets(self) -> tuple[str, ...]:
        """What it calls its tickets, in the order in which they are made."""
        return tuple(step.ticket for step in self.steps if step.verb == "create")


Data: TypeAlias = Mapping[str, Any]
