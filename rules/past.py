"""A ticket at every moment of its life, each read once, and since when a condition has been true.

Nothing is remembered between looks: what the tracker's history says is what was. The history may begin late; then the
ticket is taken to have been what it was at `complete_since` from there on, and nothing is said of what was before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.model import Change, Ticket, User
from rules.condition import Condition
from rules.decision import World
from rules.events import OURSELVES, Event
from rules.facts import Facts
from rules.life import Life
from rules.model import RuleSet

LAPSE = timedelta(minutes=5)
"""A condition that was not true for less than this counts as true all the while."""


def holds(condition: Condition | None, facts: Facts) -> bool:
    """Whether a condition is true; without one a rule always speaks, and *unknown* never fires."""
    return condition is None or condition(facts) is True


def became_true(condition: Condition | None, ticket: Ticket, rules: RuleSet) -> datetime | None:
    """The latest moment at which a condition became true, lapses under five minutes not counted; None: it is not."""
    return Past(ticket, rules).since(lambda facts: holds(condition, facts))


class Past:
    """One ticket under one rule set, now and at every earlier moment."""

    def __init__(self, ticket: Ticket, rules: RuleSet, known: World | None = None, now: datetime | None = None) -> None:
        self.ticket, self.rules, self.now = ticket, rules, now
        self._known = known or World()
        self._life = Life(ticket)
        self.facts = Facts(ticket, rules, now, self._life)
        self._states: tuple[tuple[datetime, ...], tuple[Facts, ...]] | None = None

    @property
    def whole(self) -> bool:
        """Whether the history goes back to the ticket's creation."""
        known = self.ticket.complete_since
        return known is None or known <= self.ticket.created

    def whole_since(self, moment: datetime) -> bool:
        """Whether the history goes back to a moment, or to the ticket's creation."""
        known = self.ticket.complete_since
        return self.whole or known is None or known <= moment

    def theirs(self, change: Change) -> bool:
        """Whether somebody else than we made a change."""
        return change.by != OURSELVES and self._others(change.by)

    def _others(self, by: User | None) -> bool:
        return self._known.me is None or by != self._known.me

    @property
    def states(self) -> Iterator[tuple[datetime, Facts]]:
        """What held from each moment of change on, oldest first, as far as the history goes back."""
        return zip(*self._timeline(), strict=True)

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that happened, oldest first."""
        return self._life.events(self.rules, self._known.me, self._known.defaults)

    def at(self, moment: datetime) -> Facts | None:
        """What held at a moment; None where the history does not go back so far."""
        moments, states = self._timeline()
        place = bisect_right(moments, moment)
        return states[place - 1] if place else None

    def since(self, test: Callable[[Facts], bool]) -> datetime | None:
        """The latest moment at which this became true, short lapses not counted; None where it is not true now."""
        if not test(self.facts):
            return None
        moments, states = self._timeline()
        begun = moments[-1]
        for moment, facts in zip(reversed(moments), reversed(states), strict=True):
            if test(facts):
                begun = moment
            elif begun - moment >= LAPSE:
                break
        return begun

    def moment(self, name: str) -> datetime | None:
        """The moment that a ladder's `since` names; None where it has not come.

        A ticket that nobody changed, or told of, was last changed when it was made.
        """
        created = self.ticket.created
        if name in {"created", "detected", "acknowledged", "restored"}:
            value = self.facts[name]
            return value if isinstance(value, datetime) else None
        if name in {"assigned", "hold"}:
            standing = bool(self.facts["assignee" if name == "assigned" else "hold"])
            return self._last_event(name) or (created if standing and self.whole else None)
        if name == "reopened":
            return self._last_event(name)
        if name == "changed":
            return max((self._last(self.theirs) or created, *self._wrote()))
        word = "update" if name == "updated" else name.removeprefix("changed:")
        return self._last(lambda change: change.field == word) or created

    def _last_event(self, kind: str) -> datetime | None:
        return max((event.at for event in self.events if event.kind == kind), default=None)

    def _last(self, wanted: Callable[[Change], bool]) -> datetime | None:
        return next((change.at for change in reversed(self.ticket.history) if wanted(change)), None)

    def _wrote(self) -> Iterator[datetime]:
        """When others than we wrote on it."""
        yield from (c.at for c in self.ticket.comments if c.at is not None and self._others(c.by))

    def _timeline(self) -> tuple[tuple[datetime, ...], tuple[Facts, ...]]:
        """The moments of change and what held from each on, oldest first; the last is as things are."""
        if self._states is None:
            found: list[tuple[datetime, Facts]] = []
            history, count = self.ticket.history, len(self.ticket.history)
            for moment, state in self.ticket.states():
                while count and history[count - 1].at > moment:
                    count -= 1
                as_it_was = state if len(state.history) == count else replace(state, history=history[:count])
                found.append((moment, self._facts(as_it_was)))
            known = self.ticket.complete_since
            if known is not None and not self.whole:
                found.append((known, self._facts(self.ticket.at(known))))
            if not found:  # the clock is a hair behind the ticket, and its only change is what we are about to do
                found.append((self.ticket.created, self.facts))
            found.reverse()
            self._states = tuple(at for at, _ in found), tuple(facts for _, facts in found)
        return self._states

    def _facts(self, ticket: Ticket) -> Facts:
        return Facts(ticket, self.rules, self.now, self._life)
