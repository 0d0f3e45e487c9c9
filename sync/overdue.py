"""What should have been done by now and was not: the judgement of `pointman watch`, of `/healthz` and of the heartbeat.

From the tracker alone: an effect is overdue if it was owed a while ago already, for the ticket as it was then, is still
owed, and the ledger knows of no deed since. So what somebody changed a moment ago is nobody's delay, and an effect
needs no due of its own to be late (a field, a card). Deciding is pure and nothing is written, so whoever can read the
tickets can tell that Pointman is dead. A process tells it of itself by what it saw at its looks (`Register`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from connectors.errors import ConnectorError, Missing, Temporary
from connectors.model import Ticket
from rules.model import RuleSet
from sync.effects import World
from sync.hush import FLOOD
from sync.items import Item, Plan
from sync.ledger import SETTLE_AFTER, Ledger, Unreadable
from sync.plan import LOST, make_plan

if TYPE_CHECKING:
    from connectors.base import Tracker
    from sync.look import Engine

TOLERANCE: Final = timedelta(minutes=5)
"""How late an effect may be: longer than a restart, a look and the pause of a product that asked for one."""
SHOWN: Final = 20
"""How many `/healthz` names."""
_STEPS: Final = 12
RELEASED: Final = frozenset({FLOOD, LOST})
"""Why something is held until a person has looked at it, and so is late."""
Kind: TypeAlias = Literal["owed", "refused", "in doubt", "unreadable"]


@dataclass(frozen=True, slots=True)
class Overdue:
    """One effect that is late: of which ticket, what, since when, and why it is not done, as far as that is known.

    `owed`: nobody did it. `refused`: the product said why not. `in doubt`: it was announced, and what became of it was
    never settled. `unreadable`: the whole ticket is left alone, since its ledger cannot be used.
    """

    ticket: str
    ref: str
    key: str
    what: str
    since: datetime
    kind: Kind = "owed"
    said: str = ""

    def late(self, now: datetime) -> timedelta:
        """How late it is."""
        return max(timedelta(0), now - self.since)


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges tickets at one moment. `settled` is since when the rules are what they are, and outside audiences may be
    told: what only that made owed is not late before the tolerance has passed from then.
    """

    rules: RuleSet
    now: datetime
    tolerance: timedelta = TOLERANCE
    settled: datetime | None = None

    @property
    def then(self) -> datetime:
        """Since when something must have been owed to be late."""
        return self.now - self.tolerance

    def of(self, ticket: Ticket, world: Callable[[Ticket, Ledger], World]) -> tuple[Overdue, ...]:
        """Everything of a ticket that is late; `world` is what is known beside it. Pure but for that."""
        try:
            ledger = Ledger.loads(ticket.ledger, ticket.ref)
        except Unreadable as error:
            said = f"its ledger cannot be used: {error}"
            late = Overdue(ticket.key, ticket.ref, "", "everything", ticket.updated, "unreadable", said)
            return (late,) if ticket.updated <= self.then else ()
        known = world(ticket, ledger)
        doubtful = (one for one in in_doubt(ticket, ledger) if one.since <= self.then)
        return oldest((*self._owed(ticket, ledger, known), *doubtful))

    def _owed(self, ticket: Ticket, ledger: Ledger, world: World) -> Iterator[Overdue]:
        untold = not _told(ticket, self.then) and ticket.updated > self.then  # what it was then, nobody can say
        if untold or ticket.created > self.then or (self.settled is not None and self.settled > self.then):
            return
        items = wanting(make_plan(ticket, ledger, self.rules, world, self.now))
        if not items:
            return
        before = self._wanted(ticket, ledger, world, self.then)
        for key, item in items.items():
            entry = ledger.get(key, item.effect.was)
            done = entry is not None and entry.at is not None and entry.at > self.then
            if key in before and not done:
                since = _due(item) or self._since(key, ticket, ledger, world)
                yield _late(ticket, item, min(since, self.then))

    def _wanted(self, ticket: Ticket, ledger: Ledger, world: World, moment: datetime) -> frozenset[str]:
        """What was owed at a moment, as the ticket was then, by what the ledger knows today."""
        then = ticket.at(moment) if _told(ticket, moment) else ticket
        acts = tuple(act for act in ledger.acts if act.at <= moment)
        plan = make_plan(then, replace(ledger, acts=acts), self.rules, replace(world, explained=True), moment)
        return frozenset(wanting(plan))

    def _since(self, key: str, ticket: Ticket, ledger: Ledger, world: World) -> datetime:
        """Since when something without a due of its own is owed: at what happened then, else about then."""
        early, late = min(self.then, max(ticket.created, ticket.complete_since or ticket.created)), self.then
        for _ in range(_STEPS):
            middle = early + (late - early) / 2
            if key in self._wanted(ticket, ledger, world, middle):
                late = middle
            else:
                early = middle
        happened = [ticket.created, *(change.at for change in ticket.history), *(act.at for act in ledger.acts)]
        return min((at for at in happened if early <= at <= late), default=late.replace(microsecond=0))


def _told(ticket: Ticket, moment: datetime) -> bool:
    """Whether its history reaches back to a moment."""
    return ticket.complete_since is None or ticket.complete_since <= moment


def wanting(plan: Plan) -> Mapping[str, Item]:
    """What waits to be done, by key: what is owed, what was refused and is tried again, and what a person
    has to release. A flood, and that rules were lost, only the process knows that holds it: to all others it is owed.
    """
    waits = (i for i in plan.items if i.status == "held" and (i.failure or i.reason in RELEASED))
    return {i.effect.key: i for i in (*plan.of("owed"), *waits)}


def in_doubt(ticket: Ticket, ledger: Ledger) -> Iterator[Overdue]:
    """Claims that are open, each since it should have been settled; one that was renewed counts from its first time."""
    for key, claim in ledger.open_claims().items():
        said = "announced; what became of it was never settled"
        yield Overdue(ticket.key, ticket.ref, key, f"settle {claim.to}", claim.first + SETTLE_AFTER, "in doubt", said)


def _due(item: Item) -> datetime | None:
    """When it was due, where it has a due of its own; what waited for a silence to end has no other."""
    return item.effect.due if item.effect.sort in {"call", "news", "act"} and not item.lifted else None


def _late(ticket: Ticket, item: Item, since: datetime) -> Overdue:
    kind: Kind = "refused" if item.failure else "owed"
    return Overdue(ticket.key, ticket.ref, item.effect.key, item.effect.what, since, kind, item.reason)


class Register:
    """What each ticket waited for at its last look, and since when; a process tells by it what is late. Thread-safe.

    The next thing that is to come counts as well: if nobody looks again when it is due, it is late.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Overdue, ...]] = {}
        self._lock = Lock()

    def note(self, ticket: Ticket, plan: Plan) -> None:
        """Keep what a plan of this ticket says, in place of what was known of it."""
        now, wanted = plan.now, wanting(plan)
        coming = min(plan.of("next"), key=lambda item: item.effect.due, default=None)
        soonest = () if coming is None else (_late(ticket, coming, coming.effect.due),)
        with self._lock:
            before = {one.key: one.since for one in self._kept.pop(ticket.ref, ())}
            waiting = [_late(ticket, item, _due(item) or before.get(key, now)) for key, item in wanted.items()]
            kept = (*waiting, *soonest, *in_doubt(ticket, plan.ledger))
            if kept:
                self._kept[ticket.ref] = kept

    def unlooked(self, ticket: Ticket, now: datetime, said: str) -> None:
        """A ticket could not be thought about, so everything of it waits: since then, or since it was so before."""
        with self._lock:
            before = {one.key: one.since for one in self._kept.get(ticket.ref, ())}
            late = Overdue(ticket.key, ticket.ref, "", "everything", before.get("", now), "unreadable", said)
            self._kept[ticket.ref] = (late,)

    def forget(self, ref: str) -> None:
        """The ticket is gone, or over."""
        with self._lock:
            self._kept.pop(ref, None)

    def late(self, now: datetime, tolerance: timedelta = TOLERANCE) -> tuple[Overdue, ...]:
        """Everything that is late by more than the tolerance, the oldest first."""
        with self._lock:
            every = [one for several in self._kept.values() for one in several]
        return oldest(one for one in every if one.late(now) > tolerance)


def oldest(several: Iterable[Overdue]) -> tuple[Overdue, ...]:
    """The oldest first."""
    return tuple(sorted(several, key=lambda one: (one.since, one.ticket, one.key)))


@dataclass(frozen=True, slots=True)
class Survey:
    """What all tickets came to: how many were looked at, what is late, and of which tickets nothing can be said."""

    at: datetime
    looked: int = 0
    late: tuple[Overdue, ...] = ()
    unsaid: tuple[tuple[str, str], ...] = ()


def unlisted(home: Ticket, refs: Collection[str], tracker: Tracker, now: datetime) -> str:
    """Why a list of all that is open is not to be believed, as a sentence: the home ticket is open, and not on it.

    An account that has lost its rights is told of no error: it is shown an empty list. Empty where nothing is wrong,
    and while the home ticket was changed so lately that a search may not know it yet.
    """
    if (
        home.ref in refs
        or home.updated > now - TOLERANCE
        or home.phase not in {"new", "active"}
        or not tracker.covers(home)
    ):
        return ""
    return (
        f"the list of open tickets lacks the home ticket {home.key}, and so may lack others; may the account see all "
        "tickets of its projects?"
    )


def survey(engine: Engine, tolerance: timedelta = TOLERANCE, age: timedelta | None = None) -> Survey:
    """Judge every ticket that is open or changed within the grace, from the tracker alone. Writes nothing.

    `age` is how long the rules have been what they are.
    Pages give candidates, as search lags: what looks late is read by id, and so is what a page does not tell whole.
    Raises the tracker's errors where nothing can be listed, and where the home ticket is gone or not on the list.
    """
    now = engine.clock()
    refs, looked, late, unsaid = set[str](), 0, list[Overdue](), list[tuple[str, str]]()
    for page in engine.tracker.open(engine.reaching(now - engine.site.grace)):
        for listed in page:
            refs.add(listed.ref)
            if not engine.concerns(listed):  # a drill's, which another process rehearses
                continue
            looked += 1
            engine.memory.seen(listed, engine.rules)
            now = engine.clock()
            known = (engine.released, now - age if age is not None else None)
            judge = Judge(engine.rules, now, tolerance, max(filter(None, known), default=None))
            if _told(listed, listed.created) and not judge.of(listed, engine.world):
                continue
            try:
                late += judge.of(engine.tracker.get(listed.ref), engine.world)
            except Missing:
                continue
            except ConnectorError as error:
                unsaid.append((listed.key, str(error)))
    if engine.site.home and (doubt := unlisted(engine.tracker.get(engine.site.home), refs, engine.tracker, now)):
        raise Temporary(doubt, in_doubt=False)
    return Survey(now, looked, oldest(late), tuple(unsaid))
