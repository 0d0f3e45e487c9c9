"""What a rule that spoke wants, and what is known beyond the ticket when it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.model import User, Value
from rules.clock import Clock
from rules.events import Event
from rules.model import Rule


@dataclass(frozen=True, slots=True)
class World:
    """What is known beside the ticket: open tickets by person (for `least-loaded`), and our own account.

    `restricted`: the ticket is, so only classify and rules that say so see it. `defaults`: what the tracker itself
    writes into a new ticket, by word.
    """

    loads: Mapping[str, int] = field(default_factory=dict)
    me: User | None = None
    restricted: bool = False
    defaults: Mapping[str, Value] = field(default_factory=dict)

    def shows(self, rule: Rule) -> bool:
        """Whether a rule sees the ticket. Classify comes before it is known whether it is restricted."""
        return rule.restricted or not self.restricted or rule.kind in {"classify", "restrict"}


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule that spoke: what it wants, since when, and why in short steps.

    For classify and assign, `field` should hold `value` (a team's name, a person's key); `force` writes over people,
    `floor` is the level that a forced `at_least` asks for over a person. For a rule with `on`, `events` are those that
    it tells, oldest first, and `since` is the latest. A ladder counts from `since`; a `clock` began then.
    """

    rule: Rule
    since: datetime
    why: tuple[str, ...] = ()
    field: str = ""
    value: Value = None
    force: bool = False
    floor: str | None = None
    events: tuple[Event, ...] = ()
    clock: Clock | None = None
