"""The clock of an objective on one ticket: since when it runs, when it stood still, when it runs out, how it stands.

Nothing is counted down. A clock is read off the ticket's history each time: the stretches in which it ran, up to the
one that is still open. From these follows the moment at which it has run for any time, so everything that is told of
it is a moment: its end, half of its goal, ten minutes after the end. A recovery point is the same with both ends known:
from the last point to which data can be restored until the trouble was detected.

What the history does not say is not guessed: such a clock is unknown, says why, and nobody is warned by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from connectors.model import Change
from rules import duration
from rules.calendar import between, later
from rules.logic import UNKNOWN, Unknown
from rules.model import Calendar, ClockStep, Objective, RuleSet, Service
from rules.text import shown

if TYPE_CHECKING:
    from rules.past import Past

Band: TypeAlias = Literal["breached", "at risk", "on track", "paused", "unknown", "missed", "met"]
Stretch: TypeAlias = tuple[datetime, datetime | None]

GOAL: Final = "within:"
"""How the word of a change begins by which a person gave a clock another goal; the rule's id follows."""
OWN: Final = "default"
"""What is told in place of a goal where a person took theirs back."""
NO_POINT: Final = "no last recovery point is known"
NO_HISTORY: Final = "the history cannot be read back to its start"


@dataclass(frozen=True, slots=True)
class NoClock:
    """Why an objective has no clock on a ticket; `unknown`: what would say so cannot be read."""

    why: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """An objective's clock on one ticket as it stands at `now`.

    `running` are the stretches in which it ran, oldest first; the last is open where it still does. `known` is when
    its last fact became known. `changed` is the change by which a person gave it this goal. Where it is `unknown` that
    says why, and there are no stretches.
    """

    rule: Objective
    goal: timedelta
    begun: datetime
    now: datetime
    running: tuple[Stretch, ...] = ()
    stopped: datetime | None = None
    calendar: Calendar | None = None
    eta: datetime | None = None
    known: datetime | None = None
    changed: Change | None = None
    unknown: str = ""

    @property
    def name(self) -> str:
        """What people call it: `RTO`, or the rule's own name."""
        return self.rule.called

    @property
    def label(self) -> str:
        """Its name with its goal: `RTO 4h`."""
        return f"{self.name} {duration.show(self.goal)}"

    @property
    def end(self) -> str:
        """What it has come to when it stops: `restored`."""
        return _done(self.rule.stop)

    def reached(self, span: timedelta) -> datetime | None:
        """The moment at which it has run for so long, or will have; None where it stands still or stopped before."""
        left = max(span, timedelta(0))
        for begins, ends in self.running:
            at = later(self.calendar, begins, left)
            if ends is None or (at is not None and at <= ends):
                return at
            left -= between(self.calendar, begins, ends)
        return None

    @property
    def deadline(self) -> datetime | None:
        """When it runs out, or did; None where it stands still before, was stopped in time, or is unknown."""
        return self.reached(self.goal)

    @property
    def paused(self) -> datetime | None:
        """Since when it stands still; None where it does not."""
        last = self.running[-1][1] if self.running else self.begun
        return last if self.stopped is None and not self.unknown else None

    @property
    def late(self) -> bool:
        """Whether it is expected to be over only after the clock has run out."""
        return self.eta is not None and self.deadline is not None and self.eta > self.deadline

    @property
    def band(self) -> Band:
        """How it stands. At risk is a clock whose first warning is past, or that is expected to be over too late."""
        if self.unknown:
            return "unknown"
        deadline = self.deadline
        if self.stopped is not None:
            return "missed" if deadline is not None and deadline < self.stopped else "met"
        if deadline is not None and deadline <= self.now:
            return "breached"
        if self.paused is not None:
            return "paused"
        warned = self._first_warning()
        return "at risk" if self.late or (warned is not None and warned <= self.now) else "on track"

    def dues(self) -> Iterator[tuple[datetime, int, ClockStep]]:
        """When each step is due, with its number; those that it does not come to are left out.

        Once it has stopped nobody is warned any more. Of a recovery point all that holds is due when it became known,
        the worst first.
        """
        steps = list(enumerate(self.rule.steps, 1))
        if self.known is not None:
            steps.sort(key=lambda step: self._span(step[1]), reverse=True)
        elif self.stopped is not None:
            return
        for number, step in steps:
            at = self.reached(self._span(step))
            if at is not None:
                yield self.known or at, number, step

    def warned(self, until: datetime) -> int:
        """How many of its steps came, by a moment or until it stopped."""
        came = (self.reached(self._span(step)) for step in self.rule.steps)
        return sum(at is not None and at <= until for at in came)

    def turns(self) -> datetime | None:
        """When it stands otherwise by itself; None where that takes somebody, or something."""
        return min((at for at in self._turns() if at > self.now), default=None)

    def turned(self) -> tuple[datetime, ...]:
        """When it came to stand otherwise by itself."""
        return tuple(at for at in self._turns() if at <= self.now)

    def _turns(self) -> tuple[datetime, ...]:
        if self.stopped is not None or self.paused is not None:
            return ()
        return tuple(filter(None, (self._first_warning(), self.deadline)))

    def at(self, moment: datetime) -> Clock:
        """As it will stand then, if nothing happens before."""
        return replace(self, now=moment)

    def said(self, zone: tzinfo, today: datetime | None = None) -> str:
        """How it stands, in moments: `until 13:57, at risk`. With `today` moments of that day have no date."""
        band, told, deadline = self.band, today or self.begun, self.deadline
        until = shown(deadline, zone, told) if deadline is not None else ""
        if band == "unknown":
            return f"unknown, {self.unknown}"
        if self.rule.goal == "rpo":
            return f"{band}, last recovery point {shown(self.begun, zone, told)}"
        if self.stopped is not None:
            stopped = f"{self.end} {shown(self.stopped, zone, told)}"
            return f"missed {until}, {stopped}" if band == "missed" else f"met, {stopped}"
        if self.paused is not None and not until:
            return f"paused since {shown(self.paused, zone, told)}"
        return f"until {until}, {band}" if until else band

    def line(self, zone: tzinfo, today: datetime) -> str:
        """The clock in one line: `RTO 4h: until 13:57, on track`."""
        return f"{self.label}: {self.said(zone, today)}"

    def notes(self, zone: tzinfo, now: datetime) -> tuple[str, ...]:
        """How it stands and why, part by part: how it began, what was changed, what puts it at risk."""
        said = [self.line(zone, now)]
        if not self.unknown and self.rule.goal != "rpo":
            said.append(f"it began {shown(self.begun, zone, now)}")
        if self.changed is not None:
            said.append(f"{self.changed.by or 'somebody'} gave it this goal {shown(self.changed.at, zone, now)}")
        if self.late and self.eta is not None:
            said.append(f"expected to be over {shown(self.eta, zone, now)}, which is later")
        return tuple(said)

    def _first_warning(self) -> datetime | None:
        """When the first step before its end is due."""
        early = (step for step in self.rule.steps if step.after is None and self._span(step) < self.goal)
        return min(filter(None, (self.reached(self._span(step)) for step in early)), default=None)

    def _span(self, step: ClockStep) -> timedelta:
        """How long it has run when a step is due."""
        if step.at is not None:
            return self.goal * step.at
        return self.goal - step.before if step.before is not None else self.goal + (step.after or timedelta(0))


_ORDER: Final[Mapping[Band, int]] = {
    "breached": 0, "at risk": 1, "on track": 1, "paused": 2, "missed": 3, "unknown": 4, "met": 5,
}  # fmt: skip


def tightest(clocks: Iterable[Clock]) -> Clock:
    """The one to watch, of one or more: what ran out, then what runs out next, then what stands still or is over."""
    return min(clocks, key=lambda clock: (_ORDER[clock.band], clock.deadline or clock.begun))


def written(rules: RuleSet) -> frozenset[str]:
    """The fields into which clocks are written: what we write there is nothing that happened to the ticket."""
    fields = (rule.field for rule in rules.of("objective") if isinstance(rule, Objective))
    return frozenset(field for field in fields if field is not None)


def clock(rule: Objective, past: Past, now: datetime) -> Clock | NoClock:
    """The clock of an objective on a ticket, or why there is none. `past` is the ticket, now and at every moment."""
    changed = _changed(rule, past)
    goal = _goal(rule, past) if changed is None else duration.parse(str(changed.after))
    if isinstance(goal, NoClock):
        return goal
    if rule.goal == "rpo":
        return _recovery_point(Clock(rule, goal, past.ticket.created, now, changed=changed), past)
    return _timed(rule, goal, changed, past, now)


def _changed(rule: Objective, past: Past) -> Change | None:
    """The last change of its goal by a person; None where there is none, or it was taken back."""
    words = {f"{GOAL}{name}" for name in (rule.id, *rule.was)}
    last = next((change for change in reversed(past.ticket.history) if change.field in words), None)
    return last if last is not None and _is_span(last.after) else None


def _is_span(said: object) -> bool:
    try:
        return bool(duration.parse(str(said or "")))
    except ValueError:  # it was taken back
        return False


def _goal(rule: Objective, past: Past) -> timedelta | NoClock:
    if rule.within is not None:
        return rule.within
    service = past.facts["service"]
    if service is UNKNOWN:
        return NoClock("its service is not known", unknown=True)
    if not isinstance(service, Service):
        return NoClock("it has no service")
    goal = service.rto if rule.goal == "rto" else service.rpo
    return goal if goal is not None else NoClock(f"{service} has no {rule.goal}")


def _recovery_point(made: Clock, past: Past) -> Clock:
    point, detected = past.facts["last_recovery_point"], past.facts["detected"]
    if not isinstance(point, datetime):
        return replace(made, unknown=NO_POINT)
    words = {"last_recovery_point", "detected", made.changed.field if made.changed is not None else ""}
    told = (change.at for change in past.ticket.history if change.field in words)
    known = max((past.ticket.created, *told))
    running = ((min(point, detected), detected),)
    return replace(made, begun=point, running=running, stopped=detected, known=known)


def _timed(rule: Objective, goal: timedelta, changed: Change | None, past: Past, now: datetime) -> Clock | NoClock:
    """A clock between two moments of the ticket."""
    begun = _started(rule.start, past)
    if begun is None:
        return NoClock(f"its start, {rule.start}, has not come")
    stopped = _stopped(rule.stop, begun, past) if not isinstance(begun, Unknown) else UNKNOWN
    if isinstance(begun, Unknown) or isinstance(stopped, Unknown):
        return Clock(rule, goal, past.ticket.created, now, changed=changed, unknown=NO_HISTORY)
    running = _running(rule, begun, stopped, past)
    if isinstance(running, str):
        return Clock(rule, goal, begun, now, changed=changed, unknown=running)
    eta = past.facts["eta"]
    calendar = past.rules.calendars[rule.calendar] if rule.calendar is not None else None
    expected = eta if isinstance(eta, datetime) and rule.stop == "restored" else None
    return Clock(rule, goal, begun, now, running, stopped, calendar, expected, changed=changed)


# ---- from when until when


def _started(word: str, past: Past) -> datetime | Unknown | None:
    """When a clock starts; None where that has not come. A field that was filled when the ticket was made, then."""
    facts, created, field = past.facts, past.ticket.created, word.removeprefix("changed:")
    if word in {"acknowledged", "restored"}:
        value: datetime | Unknown | None = facts[word]
        return value
    if field == word:
        found = past.moment(word)
        return UNKNOWN if found is None and word in _STANDING and facts[_STANDING[word]] else found
    changed = max((change.at for change in past.ticket.history if change.field == field), default=None)
    if changed is not None or not facts[field]:
        return changed
    return created if past.whole else UNKNOWN


def _stopped(word: str, begun: datetime, past: Past) -> datetime | Unknown | None:
    """When a clock that started then came to its stop; None where it has not.

    What is so no more stops nothing: a ticket that was reopened, an acknowledgement or an assignment that was taken
    back, a field that was emptied. Of what happens again and again the first time after the start counts.
    """
    facts, field = past.facts, word.removeprefix("changed:")
    if word in {"created", "detected", "acknowledged", "restored"}:
        value: datetime | Unknown | None = facts[word]
        return max(value, begun) if isinstance(value, datetime) else value
    standing = _STANDING.get(word, "" if field == word else field)
    if standing and not facts[standing]:
        return None
    first = next((at for at in _times(word, past) if at > begun), None)
    if first is None and word in _STANDING:
        first = begun  # it was so when the clock started
    return UNKNOWN if not past.whole_since(begun) else first


_STANDING: Final[Mapping[str, str]] = {"assigned": "assignee", "hold": "hold"}
"""What is a state as much as an event, and the word that holds it."""


def _times(word: str, past: Past) -> Iterator[datetime]:
    """When something happened, oldest first."""
    if word in {"assigned", "hold", "reopened"}:
        return (event.at for event in past.events if event.kind == word)
    if word == "changed":
        return (change.at for change in past.ticket.history if past.theirs(change))
    field = "update" if word == "updated" else word.removeprefix("changed:")
    return (change.at for change in past.ticket.history if change.field == field and change.after)


def _running(rule: Objective, begun: datetime, stopped: datetime | None, past: Past) -> tuple[Stretch, ...] | str:
    """The stretches in which a clock ran, or why that is not known."""
    if rule.pause is None:
        return ((begun, stopped),)
    if not past.whole_since(begun):
        return NO_HISTORY
    made: list[Stretch] = []
    runs: datetime | None = begun
    for moment, facts in past.states:
        at, stands = max(begun, moment), rule.pause(facts)
        if stopped is not None and at >= stopped:
            break
        if stands is None:
            return "whether it stands still cannot be read"
        if stands and runs is not None:
            made += [(runs, at)] if at > runs else []
            runs = None
        elif not stands and runs is None:
            runs = at
    return tuple(made) if runs is None else (*made, (runs, stopped))


def _done(word: str) -> str:
    """What a stop is called once it has come."""
    field = word.removeprefix("changed:")
    return field.replace("_", " ") if field != word else word
