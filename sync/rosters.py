"""Keeps what is looked up elsewhere: who is on call by PagerDuty and others, who is away by a calendar.

It is looked up outside of any look, once a minute, for weeks ahead, and comes in with the rules: so deciding stays a
function of plain data, and a product that is down changes nothing for as long as what it said last reaches. What was
found is kept in memory only; after a start without an answer a schedule's own rotation is what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event, Lock

import structlog

from connectors.base import Connector, Roster
from connectors.errors import ConnectorError
from connectors.model import Shift
from rules.model import RuleSet
from rules.schedule import sources, staffed
from sync.items import shown
from sync.look import Engine
from sync.sweep import trouble

log = structlog.get_logger()

EVERY = timedelta(minutes=1)
"""How often each schedule is looked up."""
MOST = 1_000
"""Shifts of one schedule: to find who is next among many more would keep a look busy for minutes."""
BACK, AHEAD = timedelta(days=1), timedelta(days=36)
TOPIC = "on call"
Source = tuple[str, str]


class Rosters:
    """What was looked up, by connector and name; it gives the engine its rules with that in them.

    `changed` is called when somebody else has a shift than was known: every ticket is to be considered again.
    """

    def __init__(self, engine: Engine, connectors: Mapping[str, Connector], changed: Callable[[], None]) -> None:
        self._engine, self._connectors, self._changed = engine, connectors, changed
        self._written = engine.rules
        self._known: dict[Source, tuple[Shift, ...]] = {}
        self._at: dict[Source, datetime] = {}
        self._strangers: tuple[str, ...] = ()
        self._failing: dict[Source, str] = {}
        self._lock = Lock()
        self.asked = Event()

    def staffed(self, rules: RuleSet) -> RuleSet:
        """Other rules, as the administrator wrote them, with what is known already."""
        with self._lock:
            self._written = rules
            return self._staffed()

    def run(self, stop: Event) -> None:
        """Look everything up once a minute, until `stop`; `asked` is set when it was done for the first time."""
        while not stop.is_set():
            try:
                self.refresh()
            except Exception:
                log.exception("who is on call could not be looked up")
            self.asked.set()
            stop.wait(EVERY.total_seconds())

    def refresh(self) -> None:
        """Look up every schedule and feed that the rules speak of. What cannot be had stays as it was, and is told."""
        wanted = sources(self._written)
        found: dict[Source, tuple[Shift, ...]] = {}
        for source in wanted:
            shifts = self._shifts(source)
            if shifts is not None:
                found[source] = shifts
        with self._lock:
            known = {source: shifts for source, shifts in {**self._known, **found}.items() if source in wanted}
            other = known != self._known
            self._known = known
            if other:
                self._engine.rules = self._staffed()
        self._tell(wanted)
        if other:
            self._changed()

    def unknown(self) -> str:
        """What was never answered, as a sentence; empty where everything is known."""
        return "; ".join(self._failing[source] for source in self._failing if source not in self._at)

    def _staffed(self) -> RuleSet:
        if not sources(self._written):
            return self._written
        made, self._strangers = staffed(self._written, self._known)
        return made

    def _shifts(self, source: Source) -> tuple[Shift, ...] | None:
        """What a product says; None where it does not."""
        (name, schedule), engine = source, self._engine
        connector, gate, now = self._connectors.get(name), engine.manners.gate, engine.clock()
        if not isinstance(connector, Roster):
            self._failing[source] = (
                f"{name} is no connector that knows who is on call" if connector else f"there is no connector {name}"
            )
            return None
        if gate.opens(name, "", now) > now:
            return None
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # the same all the day long
        try:
            found = connector.shifts(schedule, day - BACK, day + AHEAD)
        except ConnectorError as error:
            trouble(gate, name, now, error)
            if source not in self._failing:
                log.warning("who is on call is not known", source=":".join(source), error=str(error))
            self._failing[source] = str(error)
            return None
        except Exception as fault:  # an answer that nobody foresaw hinders no other schedule
            if source not in self._failing:
                log.exception("who is on call could not be read", source=":".join(source))
            self._failing[source] = f"what {name} says of {schedule} cannot be read ({type(fault).__name__})"
            return None
        gate.used(name, "", now, timedelta(0))
        if len(found) > MOST and source not in self._written.defaults.absences:
            self._failing[source] = (
                f"{name}:{schedule} has {len(found):,} shifts in the weeks to come, and so is no rota"
            )
            return None
        self._failing.pop(source, None)
        self._at[source] = now
        return found

    def _tell(self, wanted: tuple[Source, ...]) -> None:
        notices = {f"{TOPIC} {':'.join(source)}": self._said(source) for source in wanted if source in self._failing}
        if wanted and self._strangers:
            notices["strangers"] = "; ".join(self._strangers)
        self._engine.tell(TOPIC, notices)

    def _said(self, source: Source) -> str:
        at, rules = self._at.get(source), self._written
        if at is None:
            return f"{self._failing[source]}; so far nobody is on call by it"
        return f"{self._failing[source]}; what it said at {shown(at, rules, at)} is used"
