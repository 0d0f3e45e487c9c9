"""What all moments of one ticket's life share, worked out once: a ticket of 5,000 changes has 5,000 of them.

Each moment is known by how many changes it comes after. What those came to is looked up here, where reading them again
for every moment would take the square of their number.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import datetime

from connectors.model import Change, Ticket, User, Value
from rules.events import Event, acknowledged_after_each, events
from rules.logic import Unknown
from rules.model import RuleSet
from rules.patterns import Pattern, Searched


class Life:
    """The life of one ticket. `texts` are those that were searched already, by word and text, with the patterns hit."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self._events: tuple[User | None, tuple[Event, ...]] | None = None
        self._acknowledged: list[datetime | Unknown | None] | None = None
        self._places: dict[str, list[int]] | None = None
        self.texts: dict[tuple[str, str], tuple[Searched, frozenset[Pattern]]] = {}

    def acknowledged(self, count: int) -> datetime | Unknown | None:
        """Since when somebody took care of it after so many changes; see `acknowledged_at`."""
        if self._acknowledged is None:
            self._acknowledged = acknowledged_after_each(self.ticket)
        return self._acknowledged[count]

    def events(self, rules: RuleSet, me: User | None, defaults: Mapping[str, Value]) -> tuple[Event, ...]:
        """Everything that happened, oldest first; `me` is our own account. All who ask have the same rules."""
        if self._events is None or self._events[0] != me:
            self._events = me, events(self.ticket, rules, me, defaults)
        return self._events[1]

    def newest(self, word: str, count: int) -> Iterator[Change]:
        """The changes of a word among the first so many of all, newest first."""
        if self._places is None:
            self._places = {}
            for place, change in enumerate(self.ticket.history):
                self._places.setdefault(change.field, []).append(place)
        places = self._places.get(word, [])
        for nth in range(bisect_left(places, count) - 1, -1, -1):
            yield self.ticket.history[places[nth]]
