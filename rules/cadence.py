"""How often an audience is told how things are: when it heard last, and when it hears next.

Nothing is remembered but what stands on the ticket: the updates that people posted, what people asked of us (another
cadence, to leave one out), and when a place was told by us, which the ledger knows. So a tick that was missed is not
made up for: the next is counted from the one that came late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from connectors.model import Change
from rules import duration
from rules.calendar import is_open, stretch
from rules.events import OPEN
from rules.model import Calendar, Update
from rules.quiet import paused
from rules.text import shown

POSTED: Final = "update"
"""The word of the change that is a person's update; it holds what they wrote."""
PACED: Final = "cadence"
"""The word of the change that sets another cadence for one ticket; it holds a duration, or nothing."""
SKIPPED: Final = "skipped"
"""The word of the change that leaves something out: updates up to the moment that it holds, or the next `STEP`."""
NORMAL: Final = "normal"
"""What people write for the cadence of the rules."""
UPDATE: Final = "update"
STEP: Final = "step"
SNOOZED: Final = "snoozed"
"""The word of the change that puts a reminder off; it holds the moment at which it comes again."""

_TICK: Final = timedelta(milliseconds=1)
LEAST_NOTICE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Told:
    """When a place was told something, and when that had been due."""

    at: datetime
    due: datetime

    def counted(self, every: timedelta) -> datetime:
        """From when the next one is counted: its due, unless it came late, by more than a tenth of the cadence."""
        return self.due if self.at - self.due <= every / 10 else self.at


def paced(history: Iterable[Change], now: datetime) -> Change | None:
    """The cadence that somebody asked for, while it holds: until they take it back, or the ticket is resolved."""
    found = None
    for change in history:
        if change.at <= now and change.field == PACED:
            found = change if change.after is not None else None
        elif change.at <= now and change.field == "phase" and change.after not in OPEN:
            found = None
    return found


def every(rule: Update, pace: Change | None) -> timedelta:
    """How often a rule tells its audiences, with what somebody asked for on the ticket."""
    return rule.every if pace is None else duration.parse(str(pace.after))


def first(rule: Update, base: datetime, pace: timedelta, history: Iterable[Change], now: datetime) -> datetime:
    """When the first update after `base` is due: at a shorter cadence not before somebody asked for that one, unless
    it was due by then anyway.
    """
    changes = tuple(history)
    asked = max((one.at for one in changes if one.field == PACED and base < one.at <= now), default=None)
    if asked is None or base + pace >= asked:
        return base + pace
    return max(base + pace, min(asked, base + every(rule, paced(changes, asked - _TICK))))


def posted(history: Iterable[Change], since: datetime, now: datetime) -> tuple[Change, ...]:
    """What people posted since then, oldest first."""
    return tuple(change for change in history if change.field == POSTED and since <= change.at <= now)


def skips(history: Iterable[Change], since: datetime, now: datetime) -> tuple[Change, ...]:
    """How often people asked since then to leave out the next step of a ladder, oldest first."""
    return tuple(c for c in history if c.field == SKIPPED and c.after == STEP and since <= c.at <= now)


def without_skipped(
    due: datetime, pace: timedelta, history: Iterable[Change], since: datetime, now: datetime
) -> tuple[datetime, tuple[Change, ...]]:
    """The first update that is due then or a whole number of cadences later, and that nobody asked since then to leave
    out; and the changes by which the others are.
    """
    found = []
    several = (one for one in history if one.field == SKIPPED and since <= one.at <= now)
    for change, until in ((one, one.after) for one in several if isinstance(one.after, datetime)):
        if due <= until:
            due += pace * ((until - due) // pace + 1)
            found.append(change)
    return due, tuple(found)


def snoozed(history: Iterable[Change], since: datetime, now: datetime) -> datetime | None:
    """When a reminder comes that somebody put off since then; None where nobody did."""
    last = next((c for c in reversed(tuple(history)) if c.field == SNOOZED and since <= c.at <= now), None)
    return last.after if last is not None and isinstance(last.after, datetime) else None


def notice(rule: Update, pace: timedelta) -> timedelta:
    """How long before an update its reminder comes: a tenth of the cadence, unless the rule says; at most half."""
    return min(rule.remind or max(pace / 10, LEAST_NOTICE), pace / 2)


def asked(history: Iterable[Change], now: datetime, zone: tzinfo) -> Iterator[str]:
    """What people asked of the timers of a ticket that still holds, in words."""
    changes = tuple(history)
    pace, pause = paced(changes, now), paused(changes, now)
    if pace is not None:
        yield f"updates every {pace.after}, as {pace.by} asked {shown(pace.at, zone, now)}, until it is resolved"
    if pause is not None and pause.until is not None and pause.covers(now):
        yield f"paused by {pause.by} until {shown(pause.until, zone, now)}"


def opens(calendar: Calendar | None, moment: datetime) -> datetime | None:
    """The first moment from then on at which the calendar is open; None: not within two years."""
    return moment if calendar is None or is_open(calendar, moment) else stretch(calendar, moment)[1]
