"""The look: observe a ticket, settle what was left open, decide, claim, do, record. Everything else leads here.

A webhook, a timer, an alert and a click are four ways of saying "look at this ticket again", and a restart is not an
event: a look that finds nothing to do does nothing. What can be observed is observed; only the rest is remembered,
and it is remembered on the ticket. The engine's own memory (what could not be written, who is busy, which products
have trouble) makes it faster or more polite, and may be lost at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock

import structlog

from connectors.base import Messenger, Sink, Tracker
from connectors.errors import ConnectorError, Missing
from connectors.model import Changed, Command, Comment, Form, Message, Ticket, Value
from rules import quiet
from rules.model import RuleSet
from sync import alarm, clocks, rooms
from sync import log as ticket_log
from sync.asked import Shown
from sync.crowd import Crowd
from sync.drill.mark import run_of
from sync.effects import World
from sync.gate import Gate
from sync.ledger import Ledger, Unreadable, nearly_full
from sync.log import LOG_KEY
from sync.looking import Look
from sync.memory import Memory
from sync.perform import Manners
from sync.plan import Plan, make_plan

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Site:
    """What the configuration says about this installation; see `config.example.toml`.

    `rehearsal` is the run whose tickets it looks at, and at no others; empty: at all but those of drills.
    """

    home: str = ""
    start: datetime | None = None
    grace: timedelta = timedelta(days=1)
    edits: int = 50
    calls: int = 10
    watch: tuple[str, str] | None = None
    emergency: tuple[str, str] | None = None
    defaults: Mapping[str, Value] = field(default_factory=dict)
    rehearsal: str = ""


ALARM_AGAIN = timedelta(minutes=1)
"""When somebody is told again of a ticket that is left alone, whom that could not be told."""


class Engine:
    """Looks at tickets. One look at a ticket at a time (the queue sees to it); many tickets at once."""

    def __init__(
        self,
        tracker: Tracker,
        sinks: Mapping[str, Sink[Message]],
        rules: RuleSet,
        site: Site,
        clock: Callable[[], datetime],
    ) -> None:
        self.tracker, self.sinks, self.rules, self.site = tracker, sinks, rules, site
        self._clock = clock
        self.manners = Manners(Gate(), Crowd(site.calls))
        self.memory = Memory()
        self.notices: dict[str, str] = {}
        self._told: dict[str, set[str]] = {}
        self._telling = Lock()
        self._confirmed = rules
        self.reloaded: datetime | None = None
        self.holding = False
        self.retiring = True
        self.external = not site.home  # until it is heard there that they were released
        self.released: datetime | None = None
        self.told_home = ""
        self.unexplained: set[tuple[str, str]] = set()
        self.freed = False
        self.late = False

    def clock(self) -> datetime:
        """The tracker's time in whole milliseconds: the ledger keeps no finer, and is compared when read back."""
        now = self._clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    # -- the whole of it

    def look(self, ref: str) -> datetime | None:
        """Look at a ticket and do what is owed; answers when to look again by itself.

        Raises Temporary and Denied of the tracker. A ticket that is gone, and one whose ledger cannot be read, are
        left alone (the latter is told on the home ticket).
        """
        started, known = self.clock(), self.memory.known.get(ref)
        try:
            ticket = self.tracker.get(ref)
        except Missing:
            self.forget(ref)
            return None
        self.memory.read(ticket, self.clock())
        if known not in {None, ticket.key}:  # it moved
            self.tell(str(known), {})
        if not self.concerns(ticket):
            return None
        looking = Look(self, ticket, started)
        try:
            return looking.run()
        except ConnectorError:
            raise
        except Unreadable as error:
            said = f"{ticket.key} is left alone, since its ledger cannot be used: {error}."
            self.tell(ticket.key, {"ledger": said})
            log.warning("ledger unreadable", key=ticket.key, said=str(error))
            self.memory.waiting.unlooked(ticket, ticket.updated, f"its ledger cannot be used: {error}")
            return None if alarm.unreadable(ticket, said, self) else self.clock() + ALARM_AGAIN
        except Exception as fault:  # whoever hears nothing of this ticket must not hear that all is well
            self.memory.waiting.unlooked(ticket, self.clock(), f"Pointman made a mistake: {type(fault).__name__}")
            raise

    def forget(self, ref: str) -> None:
        """The ticket is gone."""
        key = self.memory.known.get(ref)
        if key is not None:
            self.tell(key, {})
        self.memory.forget(ref)

    def consider(self, ticket: Ticket) -> datetime | bool | None:
        """Whether a ticket as a page shows it needs a look: True, or its wake (None: none) where nothing is owed.

        Nothing is done by what a page says, since search lags behind: a candidate is read by id. False: the page is
        older than what was read already, and says nothing.
        """
        if self.outdated(ticket):
            return False
        if not self.concerns(ticket):
            return None
        self.memory.seen(ticket, self.rules)
        whole = ticket.complete_since is None or ticket.complete_since <= ticket.created
        try:
            ledger = Ledger.loads(ticket.ledger, ticket.ref)
        except Unreadable:
            return True
        self.memory.owns(ticket.ref, (spot for spot, _ in rooms.owned(ledger)))
        if not whole or not self.memory.confirmed(ledger):
            return True
        now = self.clock()
        plan = make_plan(ticket, ledger, self.rules, self.world(ticket, ledger), now)
        self.memory.closing(ticket.ref, restricted=plan.restriction is not None)
        self.memory.waiting.note(ticket, plan)
        self.tell(ticket.key, {**plan.notices, **nearly_full(ticket.key, len(ticket.ledger or ""))})
        settled = all(claim.due > now for claim in ledger.open_claims().values())
        logged = self.log_owed(plan, ledger, ())
        return plan.wake if settled and not plan.owed and plan.ledger == ledger and not logged else True

    def concerns(self, ticket: Ticket) -> bool:
        """Whether the ticket is ours to look at: one that was made for a drill is that drill's alone."""
        return run_of(ticket) == self.site.rehearsal

    def outdated(self, ticket: Ticket) -> bool:
        """Whether a page shows a ticket as it was before it was last read by id."""
        return self.memory.outdated(ticket, self.clock)

    def plan(self, ref: str, now: datetime | None = None) -> Plan:
        """The plan of a ticket as a dry run: reads, and does nothing."""
        ticket = self.tracker.get(ref)
        ledger = Ledger.loads(ticket.ledger, ticket.ref)
        return make_plan(ticket, ledger, self.rules, self.world(ticket, ledger), now or self.clock())

    def command(self, command: Command) -> str:
        """Carry out what a person asked for, in the ticket's turn; answers with a sentence for them."""
        from sync.commands import carry_out  # it is made of looks, and so imports this

        return carry_out(command, self)

    def becomes(self, command: Command) -> Shown | None:
        """What becomes of the message that was clicked, after its command; None where nothing does. Reads only."""
        from sync.commands import becomes

        return becomes(command, self)

    def tell(self, key: str, notices: Mapping[str, str]) -> None:
        """What an administrator should know of one ticket, by topic, in place of what was said of it before."""
        with self._telling:
            for topic in self._told.pop(key, set()) - notices.keys():
                self.notices.pop(f"{key}: {topic}", None)
            if notices:
                self._told[key] = set(notices)
                self.notices.update({f"{key}: {topic}": said for topic, said in notices.items()})

    def begin_sweep(self) -> None:
        """A whole sweep begins: what only the rules account for is counted anew."""
        self.unexplained = set()

    def end_sweep(self) -> None:
        """A whole sweep is through: everything that is open was considered."""
        self.memory.whole = True

    def read(self, command: Command) -> Command | str:
        """The command with its parts in their places, where it came in words; or why it is none, for the person."""
        from sync.commands import Sorry, understood

        try:
            return understood(command, self.rules)
        except Sorry as sorry:
            return str(sorry)

    def placeless(self, command: Command) -> tuple[str, str]:
        """Carry out a command that is about no ticket: the answer, and the ref of a ticket that it made, if any."""
        from sync.commands import placeless

        return placeless(command, self)

    def form(self, command: Command) -> Form | None:
        """What to ask a person for before their command can be carried out; None where nothing is missing."""
        from sync import here
        from sync.commands import form

        return form(command, self.rules, here.keys(command, self))

    def here(self, command: Command, channel: str) -> str:
        """The ref of the ticket whose own the channel is that a command was typed in; empty where it is nobody's.

        Raises connectors.errors of the tracker.
        """
        from sync import here

        return here.ticket_of(command, channel, self)

    def which(self, command: Command) -> str:
        """The question which ticket a command means, with those that it may be."""
        from sync import here

        return here.which(command, self)

    def knows(self, ref: str) -> bool:
        """Whether this is the immutable id of a ticket that was seen."""
        return ref in self.memory.known

    def emergency(self) -> bool:
        """Tell the emergency place which calls were planned while the tracker is away; whether that is done."""
        return alarm.emergency(self)

    def replace(self, rules: RuleSet) -> None:
        """Use these rules from now on; what was refused before is tried again.

        A reload that loses a file or more than a tenth of the rules waits for confirmation before it retires anything.
        """
        known = self._confirmed
        before = {rule.id for rule in known} | set(known.renamed)
        lost = {rule.id for rule in known} - {rule.id for rule in rules} - set(rules.renamed)
        files = set(known.files) - set(rules.files)
        self.retiring = not files and len(lost) * 10 <= max(1, len(before))
        self.notices.pop("lost rules", None)
        if self.retiring:
            self._confirmed = rules
        else:
            what = f"{len(lost)} of {len(before)} rules" + (f" and {', '.join(sorted(files))}" if files else "")
            self.notices["lost rules"] = f"{what} were lost; nothing is retired until `pointman release`"
        if rules.digest != self.rules.digest:
            self.unexplained, self.freed, self.holding = set(), False, False
            self.notices.pop("flood", None)
        self.rules, self.reloaded = rules, self.clock()
        self.memory.unwritable.clear()
        self.manners.gate.open_all()

    def release(self) -> None:
        """Let go of everything that was held: floods (until the next reload), lost rules, outside audiences."""
        self.freed, self._confirmed = True, self.rules
        self.holding, self.retiring, self.external, self.unexplained = False, True, True, set()
        for topic in ("lost rules", "flood", "external"):
            self.notices.pop(topic, None)

    def reaching(self, since: datetime) -> datetime:
        """How far back tickets have to be listed so that nothing is forgotten: what a mute held since then, channels
        that are still to be archived, and clocks that run on.
        """
        now = self.clock()
        held, archived = quiet.reaching(self.rules, since, now), rooms.reaching(self.rules, since, now)
        return min(held, archived, clocks.reaching(self.rules, since, now))

    # -- what a look knows

    def world(self, ticket: Ticket, ledger: Ledger) -> World:
        """What is known beside the ticket, as plain data."""
        return World(
            products=tuple(self.sinks),
            editable=frozenset(name for name, sink in self.sinks.items() if sink.editable),
            channels=frozenset(name for name, sink in self._messengers.items() if sink.channels),
            searchable=frozenset(name for name, sink in self.sinks.items() if sink.searchable),
            loads=self.memory.loads,
            me=self.tracker.me(),
            start=self.site.start,
            grace=self.site.grace,
            watch=self.site.watch,
            defaults=self.site.defaults,
            reloaded=self.reloaded,
            explained=self.explained(ticket, ledger),
            holding=self.holding,
            external=self.external,
            retiring=self.retiring,
            late=self.late,
            covered=self.tracker.covers(ticket),
            home=self.site.home in {ticket.key, ticket.ref},
        )

    @cached_property
    def _messengers(self) -> Mapping[str, Messenger]:
        """Those of the sinks that are one, which is asked once: to look whether it is takes long."""
        return {name: sink for name, sink in self.sinks.items() if isinstance(sink, Messenger)}

    def explained(self, ticket: Ticket, ledger: Ledger) -> bool:
        """Whether something accounts for a new wish: the ticket was made, changed or commented since we wrote."""
        if self.memory.versions.get(ticket.ref) == ticket.version:
            return False
        made = [entry.at for entry in ledger.entries.values() if entry.at is not None]
        return self.touched(ticket, ledger) >= max(made, default=self.clock() - self.site.grace)

    def touched(self, ticket: Ticket, ledger: Ledger) -> datetime:
        """When somebody else last did something with the ticket, or asked something of us."""
        me = self.tracker.me()
        moments = [ticket.created, *(act.at for act in ledger.acts), *(c.at for c in ticket.history if c.by != me)]
        return max(moments + [c.at for c in ticket.comments if c.at is not None and c.by != me])

    def is_echo(self, changed: Changed) -> bool:
        """Whether every change that a webhook tells of is one that we just made."""
        if not changed.changes:
            return False
        me = self.tracker.me()
        return all(
            c.by == me and (c.field in {"comment", "ledger"} or self.memory.wrote_this(changed.ref, c.field, c.after))
            for c in changed.changes
        )

    def urgency(self, ref: str) -> int:
        """The rank of the severity that the ticket had when last seen, for the queue: higher goes first."""
        return self.memory.ranks.get(ref, 0)

    def log_owed(self, plan: Plan, ledger: Ledger, lines: Iterable[str]) -> bool:
        """Whether the log on the ticket has to be written: there is more to tell, or something else happens next."""
        entry = ledger.entries.get(LOG_KEY)
        if tuple(lines) or ticket_log.untold(ledger):
            return True
        if entry is None:
            return bool(ticket_log.next_lines(plan, self.rules))
        return self.tracker.edits_comments and entry.sum != ticket_log.next_sum(plan)  # else a note for every change

    def logged(self, ticket: Ticket, lines: Iterable[str], coming: Iterable[str] | None) -> Comment:
        """The log on the ticket with these lines added; `coming` is what happens next, None: as it says now."""
        if not self.tracker.edits_comments:
            return ticket_log.note(lines, coming or ())
        standing = ticket_log.find(ticket, self.tracker.me())
        return ticket_log.write(standing, lines, ticket_log.carried(standing) if coming is None else coming)
