"""How rules would have done over tickets that are past: how often each would have spoken, and what people did then.

The history is the ground truth. Each ticket is lived through again in virtual time (`sync.again`). What a person made
of the same field, before the decision was replaced by another, says whether they agree.

| what | is |
|---|---|
| fired | a rule decided a field to be something, for the first time or anew |
| same, other, nobody | the field's last word by a person until then: that value, another one, or none at all |
| climbed | a ladder began, as its condition became true |
| in time | it was acknowledged before the first step was due; else so many steps came, and then it was, or was not |
| timed | a clock began; it was met, missed, breached or is still running in the end |
| muted | a step comes when its mute ends, if the ladder still climbs, and so does news; resolved is never muted |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, TypeAlias

from connectors.model import Value
from rules.clock import Band
from rules.model import Mute, Rule, RuleSet

Truth: TypeAlias = Literal["same", "other", "nobody", "unknown"]
Ending: TypeAlias = Literal["acknowledged", "otherwise", "never"]


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when decisions count."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision of a field, and what people made of it: `became` is their value, `by` and `then` who and when."""

    rule: str
    key: str
    at: datetime
    field: str
    wanted: Value
    truth: Truth
    became: Value = None
    by: str = ""
    then: datetime | None = None


@dataclass(frozen=True, slots=True)
class Climb:
    """One ladder that began at `since`: how many steps came due, and how it ended."""

    rule: str
    key: str
    since: datetime
    steps: int
    ending: Ending


@dataclass(frozen=True, slots=True)
class Timed:
    """One clock that began at `since`: how it stood in the end, and how many warnings came of it."""

    rule: str
    key: str
    since: datetime
    band: Band
    warnings: int


@dataclass(frozen=True, slots=True)
class Told:
    """A message that would have been shown, or an event that would have been told."""

    rule: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """What came of one ticket. `known` is how far back its history could be read, None where it is whole."""

    key: str
    judged: tuple[Judged, ...] = ()
    climbs: tuple[Climb, ...] = ()
    told: tuple[Told, ...] = ()
    known: datetime | None = None
    timed: tuple[Timed, ...] = ()


@dataclass(frozen=True)
class Score:
    """One rule over all tickets."""

    rule: Rule
    judged: tuple[Judged, ...] = ()
    climbs: tuple[Climb, ...] = ()
    told: tuple[Told, ...] = ()
    timed: tuple[Timed, ...] = ()

    @cached_property
    def tickets(self) -> int:
        """Of how many tickets it would have spoken."""
        keys = {one.key for several in (self.judged, self.climbs, self.timed) for one in several}
        return len(keys | {message.key for message in self.told})

    def count(self, truth: Truth) -> int:
        """How many of its decisions people judged so."""
        return sum(one.truth == truth for one in self.judged)

    def stood(self, *bands: Band) -> int:
        """How many of its clocks stood so in the end."""
        return sum(one.band in bands for one in self.timed)

    @property
    def agreed(self) -> float | None:
        """Of the decisions that people made too, the part that was the same; None where there are none."""
        same_, other = self.count("same"), self.count("other")
        return same_ / (same_ + other) if same_ + other else None

    @property
    def calls(self) -> int:
        """How many steps came due."""
        return sum(climb.steps for climb in self.climbs)

    def acknowledged(self, steps: int) -> int:
        """How many ladders were acknowledged when exactly so many steps had come."""
        return sum(climb.ending == "acknowledged" and climb.steps == steps for climb in self.climbs)

    @property
    def disagreements(self) -> tuple[Judged, ...]:
        """The decisions that people corrected, latest first."""
        wrong = (one for one in self.judged if one.truth == "other")
        return tuple(sorted(wrong, key=lambda one: (one.at, one.key), reverse=True))


def scores(lives: Iterable[Life], rules: RuleSet) -> tuple[Score, ...]:
    """One score for each rule that is not off, in deciding order; mutes only shape what the others do."""
    judged: dict[str, list[Judged]] = {}
    climbs: dict[str, list[Climb]] = {}
    told: dict[str, list[Told]] = {}
    timed: dict[str, list[Timed]] = {}
    for life in lives:
        for decision in life.judged:
            judged.setdefault(decision.rule, []).append(decision)
        for climb in life.climbs:
            climbs.setdefault(climb.rule, []).append(climb)
        for message in life.told:
            told.setdefault(message.rule, []).append(message)
        for one in life.timed:
            timed.setdefault(one.rule, []).append(one)
    return tuple(
        Score(
            rule,
            tuple(judged.get(rule.id, ())),
            tuple(climbs.get(rule.id, ())),
            tuple(told.get(rule.id, ())),
            tuple(timed.get(rule.id, ())),
        )
        for rule in rules
        if rule.mode != "off" and not isinstance(rule, Mute)
    )
