"""A rehearsal with real people on real channels: tickets marked as a drill, in the tracker, by the clock on the wall.

The engine looks at these tickets and at no others, by rules that tell nobody outside of the company. Of a scenario its
tickets are made, changed and commented at their moments; what people do is left to people, since that is what is
measured: how long it takes until somebody acknowledges. What was told is read from the tickets' ledgers, as always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from connectors.errors import ConnectorError, Refused
from connectors.model import WORDS, Comment, Edit, Ticket, Value
from rules.clock import Clock
from rules.directory import user_of
from rules.events import acknowledged_at
from rules.model import RuleSet
from sync.acts import with_acts
from sync.drill.inside import Marked
from sync.drill.mark import WORD, label, summary
from sync.drill.scenario import Scenario, Step
from sync.drill.story import Line, Story, Told, Writing, sent
from sync.ledger import Ledger
from sync.look import Engine
from sync.plan import make_plan

log = structlog.get_logger()

HAPPEN: Final = ("create", "set", "comment")
"""The verbs that a rehearsal carries out itself; clicks and words are people's, outages nobody's to make."""
OVER: Final = frozenset({"resolved", "closed"})


class Waiting(Protocol):
    """What a rehearsal knows of the queue."""

    def put(self, ref: str) -> None:
        """Have a ticket looked at soon."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody took care of a ticket: who, as far as it is known, and when."""

    ticket: str
    at: datetime
    by: str


@dataclass(slots=True)
class Played:
    """One ticket of a rehearsal, as it was last read."""

    name: str
    ref: str
    ticket: Ticket
    ledger: Ledger
    clocks: tuple[Clock, ...] = ()


@dataclass(slots=True)
class Rehearsal:
    """One run. `tick` is to be called again and again with the time; nothing here waits, and nothing reads a clock.

    `messengers` keep what they said. `left` are the steps that were people's or nobody's, `troubles` what went wrong.
    `links` are the addresses of messages, by product and ref, where the product has some.
    """

    scenario: Scenario
    engine: Engine
    queue: Waiting
    messengers: Mapping[str, Marked]
    run: str
    every: timedelta = timedelta(seconds=10)
    story: Story = field(default_factory=Story)
    tickets: dict[str, Played] = field(default_factory=dict)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    left: list[Step] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    links: dict[tuple[str, str], str] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None
    _steps: list[Step] = field(default_factory=list)
    _read: datetime | None = None

    @property
    def rules(self) -> RuleSet:
        """Those that are played, which tell nobody outside."""
        return self.engine.rules

    def begin(self, now: datetime) -> None:
        """Let the time of the scenario begin."""
        self.began = now
        self._steps = [step for step in self.scenario.steps if step.verb in HAPPEN]
        self.left = [step for step in self.scenario.steps if step.verb not in HAPPEN]

    def tick(self, now: datetime) -> bool:
        """Do what is due, and read the tickets again where it is time; whether the rehearsal goes on."""
        assert self.began is not None  # noqa: S101  (begin comes first)
        while self._steps and self.began + self._steps[0].at <= now:
            self._happens(self._steps.pop(0), now)
        if self._read is None or not timedelta(0) <= now - self._read < self.every:
            self._read = now
            for played in self.tickets.values():
                self._observe(played, now)
        done = not self._steps and all(one.ticket.phase in OVER for one in self.tickets.values())
        return not done and now - self.began < self.scenario.lasts

    def end(self, now: datetime) -> None:
        """Close every ticket that is not over, and read them all a last time."""
        for played in self.tickets.values():
            self._observe(played, now)
        self.ended = now
        for played in self.tickets.values():
            if played.ticket.phase not in OVER:
                said = Comment(f"{WORD} {self.run} is over. Nothing of this was real.")
                self._write(played, Edit({"phase": "resolved"}, said))
                self.say(now, "pointman", f"{played.ticket.key} is resolved, since the drill is over", played.name)

    def settled(self, now: datetime) -> None:
        """After the last looks: read the tickets as they stay, and ask where the messages can be read."""
        for played in self.tickets.values():
            self._observe(played, now)
        for one in self.story.told:
            if (one.product, one.ref) not in self.links:
                self.links[one.product, one.ref] = self._link(one)

    def _link(self, told: Told) -> str:
        """The address of a message; a rehearsal is no worse without."""
        messenger = self.messengers.get(told.product)
        try:
            return messenger.link(told.address, told.ref) if messenger is not None else ""
        except ConnectorError as error:
            log.info("no address of a message", product=told.product, said=str(error))
            return ""

    # -- what happens

    def _happens(self, step: Step, now: datetime) -> None:
        try:
            if step.verb == "create":
                self._create(step, now)
                return
            played = self.tickets.get(step.ticket)
            if played is None:
                self.troubles.append(f"{step}: its ticket could not be made")
                return
            fields = self._fields(step.words)
            said = Comment(f"**{WORD}** {step.said}") if step.verb == "comment" else None
            self.say(now, "people", str(step), step.ticket)
            self._write(played, Edit(fields, said))
            self.queue.put(played.ref)
        except ConnectorError as error:
            self._trouble(f"{step}: {error}")

    def _create(self, step: Step, now: datetime) -> None:
        words = {word: value for word, value in step.words.items() if word not in {"created", "key", "url", "phase"}}
        fields = self._fields(words)
        fields["summary"] = summary(self.run, str(words.get("summary", step.ticket)))
        fields["labels"] = (*_labels(words), label(self.run))
        ref = self._created(fields, f"drill-{self.run}-{step.ticket}", step)
        ticket = self.engine.tracker.get(ref)
        self.tickets[step.ticket] = Played(step.ticket, ref, ticket, Ledger(ref))
        self.story.sent[step.ticket] = []
        self.say(now, "people", f"{ticket.key} is made: {ticket.summary}", step.ticket)
        self.queue.put(ref)

    def _created(self, fields: dict[str, Value], key: str, step: Step) -> str:
        """Create it; words that the tracker has no field for are left out, and that is noted."""
        found = self.engine.tracker.find(key)
        if found is not None:
            return found
        try:
            return self.engine.tracker.create(Edit(fields), key)
        except Refused as error:
            refused = [word for word in error.fields if word in fields and word not in {"summary", "labels"}]
            if not refused:
                raise
            self._trouble(f"{step.ticket} is made without {', '.join(refused)}: {error}")
            kept = {word: value for word, value in fields.items() if word not in refused}
            return self.engine.tracker.create(Edit(kept), key)

    def _fields(self, words: Mapping[str, Value]) -> dict[str, Value]:
        """Words as the tracker takes them: people as its users."""
        people = {word for word, type_ in WORDS.items() if type_ == "user"} | {"reporter", *self.rules.roles}
        made = dict(words)
        for word in people & made.keys():
            who = made[word]
            known = isinstance(who, str) and who in self.rules.people
            made[word] = user_of(str(who), self.engine.tracker.name, self.rules) if known else None
        return made

    def _write(self, played: Played, edit: Edit) -> None:
        try:
            self.engine.tracker.write(played.ref, edit, None)
        except ConnectorError as error:
            self._trouble(f"{played.ticket.key}: {error}")

    # -- what is seen

    def _observe(self, played: Played, now: datetime) -> None:
        """Read a ticket again; what went out since is told, and so is who took care of it."""
        try:
            ticket = self.engine.tracker.get(played.ref)
            ledger = Ledger.loads(ticket.ledger, ticket.ref)
        except ConnectorError as error:
            self._trouble(f"{played.ticket.key} could not be read: {error}")
            return
        if ticket.version != played.ticket.version:
            self.queue.put(played.ref)  # somebody else may have changed it: nobody tells us
        writing = Writing(ticket, played.ledger, ledger, now)
        for one, made in sent(writing, self.rules, self._stands):
            told = replace(made, ticket=played.name)
            self.story.sent[played.name].append(one)
            self.story.told.append(told)
        self._noticed(played.name, ticket, ledger)
        world = self.engine.world(ticket, ledger)
        plan = make_plan(ticket, ledger, self.rules, world, now)
        played.ticket, played.ledger, played.clocks = ticket, ledger, plan.clocks

    def _noticed(self, name: str, ticket: Ticket, ledger: Ledger) -> None:
        known = {(one.ticket, one.at) for one in self.acknowledged}
        before = {act.id for act in self.tickets[name].ledger.acts}
        for act in ledger.acts:
            if act.id not in before and not act.by:  # what came of a step that nobody answered
                self.say(act.at, "pointman", f"{act.verb}s {ticket.key}", name)
            if act.verb == "acknowledge" and (name, act.at) not in known:
                self.acknowledged.append(Acknowledged(name, act.at, act.by))
                self.say(act.at, "people", f"{act.by} acknowledges {ticket.key}", name)
        since = acknowledged_at(with_acts(ticket, ledger))
        if isinstance(since, datetime) and not any(one.ticket == name for one in self.acknowledged):
            change = next((one for one in ticket.history if one.at == since), None)
            by = str(change.by) if change is not None and change.by is not None else "somebody, in the tracker"
            self.acknowledged.append(Acknowledged(name, since, by))
            self.say(since, "people", f"{by} takes care of {ticket.key}", name)

    def _stands(self, product: str, ref: str) -> str:
        messenger = self.messengers.get(product)
        return messenger.said.get(ref, "") if messenger is not None else ""

    def say(self, at: datetime, who: str, said: str, ticket: str = "") -> None:
        """One more line of the timeline."""
        self.story.lines.append(Line(at, who, said, ticket))  # type: ignore[arg-type]  # one of the words there

    def _trouble(self, said: str) -> None:
        if said not in self.troubles:
            log.warning("drill in trouble", said=said)
            self.troubles.append(said)


def answered(told: Told, acknowledged: list[Acknowledged]) -> Acknowledged | None:
    """Who took care of the ticket first after somebody was called; None where nobody did."""
    later = [one for one in acknowledged if one.ticket == told.ticket and one.at >= told.at]
    return min(later, key=lambda one: one.at, default=None)


def _labels(words: Mapping[str, Value]) -> tuple[str, ...]:
    said = words.get("labels")
    return said if isinstance(said, tuple) else ()
