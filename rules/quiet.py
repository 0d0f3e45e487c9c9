"""When what rules want is held: while a mute is in force, and outside the hours in which a rule tells something.

Nothing is remembered of it. Whether something is held is asked at each look, of the moment at which it would go out,
so a mute that begins, ends or is written anew needs no bookkeeping: what still holds when nothing holds it back any
more goes out then. What was turned down is to move the due of a call to the end: an explanation would then say that
it was never due before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from typing import Final

from connectors.model import Change
from rules.calendar import is_open, stretch
from rules.decision import World
from rules.facts import Facts
from rules.model import Mute, Rule, RuleSet
from rules.past import holds
from rules.text import shown

_TICK = timedelta(milliseconds=1)
PAUSED: Final = "paused"
"""The word of the change by which somebody pauses a ticket; it holds until when, or nothing: it goes on."""
MOST: Final = 100
"""So many silences are waited for, one after the other."""
TIMED: Final = frozenset({"escalate", "objective", "update"})
"""The kinds of rule that do something because time passes."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch of time in which effects are held: by a mute, by the rule's own `calendar`, or since `by` paused it.

    Without `since` it has been so for years, without `until` no end is known.
    """

    since: datetime | None
    until: datetime | None
    mute: str = ""
    calendar: str = ""
    by: str = ""

    def covers(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.since is None or self.since <= moment) and not _past(self.until, moment)

    def why(self, zone: tzinfo) -> str:
        """What holds, and until when; it reads the same on whichever day."""
        return f"{self.what} until {shown(self.until, zone)}" if self.until is not None else self.what

    @property
    def what(self) -> str:
        """What holds."""
        if self.by:
            return f"paused by {self.by}"
        return f"muted by {self.mute}" if self.mute else f"outside {self.calendar}"


def in_force(mute: Mute, rules: RuleSet, moment: datetime) -> Silence | None:
    """The time around a moment for which a mute is in force, whatever its condition; None where it is not."""
    if mute.during is not None:
        calendar = rules.calendars[mute.during]
        return Silence(*stretch(calendar, moment), mute.id) if is_open(calendar, moment) else None
    begun = mute.begin is None or mute.begin <= moment
    return Silence(mute.begin, mute.until, mute.id) if begun and not _past(mute.until, moment) else None


def _closed(rule: Rule, rules: RuleSet, moment: datetime) -> Silence | None:
    """The time around a moment in which a rule tells nothing, by its own `during`."""
    return _shut(rule.during or "", rules, moment)


def _shut(hours: str, rules: RuleSet, moment: datetime) -> Silence | None:
    """The time around a moment in which a calendar is closed; None where it is open, or there is none."""
    if not hours or is_open(rules.calendars[hours], moment):
        return None
    return Silence(*stretch(rules.calendars[hours], moment), calendar=hours)


def paused(history: Iterable[Change], now: datetime) -> Silence | None:
    """The time in which nothing that is timed happens, since somebody asked for that last; None where nobody did."""
    last = next((change for change in reversed(tuple(history)) if change.field == PAUSED and change.at <= now), None)
    if last is None or not isinstance(last.after, datetime):
        return None
    return Silence(last.at, last.after, by=str(last.by or "somebody"))


def _past(end: datetime | None, moment: datetime) -> bool:
    return end is not None and end <= moment


class Quiet:
    """What holds effects of one ticket back: the mutes whose condition is true of it, and each rule's own hours."""

    def __init__(self, facts: Facts, world: World) -> None:
        self._rules = facts.rules
        seeing = filter(world.shows, facts.rules.index.candidates("mute", facts))
        found = (rule for rule in seeing if holds(rule.when, facts))
        self._mutes = tuple(rule for rule in found if isinstance(rule, Mute))
        self._facts = facts

    def at(self, rule: Rule, moment: datetime, hours: str = "", *, muted: bool = True) -> Silence | None:
        """What holds an effect of this rule at a moment: of several the one that ends last. A watched mute holds what
        is watched only; what is not `muted` none holds. `hours` is the calendar of whoever is told.
        """
        mutes = self._of(rule) if muted else ()
        theirs = _shut(hours, self._rules, moment)
        pause = self._pause if rule.kind in TIMED else None
        pause = pause if pause is not None and pause.covers(moment) else None
        found = [*self._muted(rule, mutes, moment), *filter(None, [_closed(rule, self._rules, moment), theirs, pause])]
        return max(found, key=lambda one: (one.until is None, one.until), default=None)

    def watched(self, rule: Rule, moment: datetime) -> Silence | None:
        """What would hold an effect of this rule if no mute were watched."""
        mutes = (mute for mute in self._mutes if mute.mode == "watch")
        return next(self._muted(rule, mutes, moment), None) if rule.mode == "on" else None

    def out(self, rule: Rule, moment: datetime, hours: str = "", *, muted: bool = True) -> datetime | None:
        """When an effect of this rule goes out that is due at a moment; None where no end of its silence is known.

        Two calendars that are never open together are such a silence.
        """
        due: datetime | None = moment
        for _ in range(MOST):
            silence = self.at(rule, due, hours, muted=muted) if due is not None else None
            if silence is None:
                return due
            due = silence.until
        return None

    def told(self, rule: Rule, moment: datetime, grace: timedelta, *, muted: bool = True) -> datetime | None:
        """When news of a moment is told; None where it is too old when nothing holds it any more."""
        out = self.out(rule, moment, muted=muted)
        if out is None:
            return None
        oldest = gathered_since(rule, self._rules, out - grace, out)
        return out if moment >= self.muted_since(rule, oldest, out) else None

    def lifted(self, rule: Rule, now: datetime, within: timedelta) -> tuple[Silence, ...]:
        """What held effects of this rule and ended so lately."""
        ended = (_ended(one, self._rules, now) for one in (*self._of(rule), rule))
        return tuple(one for one in ended if one is not None and one.until is not None and one.until > now - within)

    @cached_property
    def _pause(self) -> Silence | None:
        now = self._facts.now
        return paused(self._facts.ticket.history, now) if now is not None else None

    def muted_since(self, rule: Rule, oldest: datetime, now: datetime) -> datetime:
        """From when on events are no old news to a rule: what a mute held is as old as its end."""
        found = [*self._muted(rule, self._of(rule), now), *self.lifted(rule, now, now - oldest)]
        return min((oldest, *(one.since for one in found if one.mute and one.since is not None)))

    def _of(self, rule: Rule) -> Iterable[Mute]:
        """The mutes that hold effects of this rule."""
        modes = {"on", rule.mode}
        return [mute for mute in self._mutes if mute.mode in modes and rule.kind in mute.mutes]

    def _muted(self, rule: Rule, mutes: Iterable[Mute], moment: datetime) -> Iterator[Silence]:
        asked = (mute for mute in mutes if rule.kind in mute.mutes)
        yield from filter(None, (in_force(mute, self._rules, moment) for mute in asked))


def _ended(rule: Rule, rules: RuleSet, now: datetime) -> Silence | None:
    """The last silence by a mute, or by the `during` of another rule, that is over; None where there was none."""
    mute = isinstance(rule, Mute)
    if isinstance(rule, Mute) and rule.during is None:
        return Silence(rule.begin, rule.until, rule.id) if _past(rule.until, now) else None
    if rule.during is None or is_open(rules.calendars[rule.during], now) is mute:
        return None
    calendar = rules.calendars[rule.during]
    end, _ = stretch(calendar, now)
    return None if end is None else Silence(stretch(calendar, end - _TICK)[0], end, rule.id if mute else "")


def gathered_since(rule: Rule, rules: RuleSet, oldest: datetime, now: datetime) -> datetime:
    """From when on events are no old news to a rule: those of its closed hours are as old as the opening after them."""
    if rule.during is None:
        return oldest
    closed = _closed(rule, rules, now) or _ended(rule, rules, now)
    if closed is None or closed.since is None or (closed.until is not None and closed.until < oldest):
        return oldest
    return min(oldest, closed.since)


LONGEST = timedelta(days=92)
"""A ticket that was over before this is not asked for again when a silence ends: no list reaches farther back."""


def reaching(rules: RuleSet, since: datetime, now: datetime) -> datetime:
    """How far back tickets must be listed of which a silence may still hold something, or held it since then."""
    found = [since]
    for rule in rules.rules if rules.calendars or rules.of("mute") else ():
        if rule.mode == "off":
            continue
        current = in_force(rule, rules, now) if isinstance(rule, Mute) else _closed(rule, rules, now)
        silences = filter(None, (current, _ended(rule, rules, now)))
        found += [max(one.since or now - LONGEST, now - LONGEST) for one in silences if not _past(one.until, since)]
    return min(found)
