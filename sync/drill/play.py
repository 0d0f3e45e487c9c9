"""Plays a scenario: the real engine, products in memory, and a clock that leaps from one thing to the next.

Time goes in the order of what comes: a step, a ticket's wake, somebody's answer, an expectation. Nothing waits, so a
day costs what its looks cost. What the engine is told of changes is told at once, as by a webhook; what it does about
it is its own affair.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from connectors.base import Sink
from connectors.errors import ConnectorError, Temporary
from connectors.model import Button, Command, Message, User
from rules.events import acknowledged_at
from rules.model import RuleSet
from sync import trial
from sync.acts import with_acts
from sync.commands import carry_out
from sync.drill.products import DrillTracker, messengers
from sync.drill.scenario import POINTMAN, TRACKER, Scenario, Step
from sync.drill.story import Line, Story, Told, Writing, sent
from sync.ledger import Ledger
from sync.look import Engine, Site
from sync.sweep import EMERGENCY_AFTER, trouble
from sync.trial import SOURCE, accounts

SOON: Final = timedelta(seconds=1)
"""When a ticket is looked at again at the earliest, by itself."""
AGAIN: Final = timedelta(minutes=1)
"""When somebody clicks again whom nothing answered."""
_DEEDS: Final[Mapping[str, str]] = {"unacknowledge": "counts as not acknowledged any more:"}
"""How it is said what came of a step that nobody answered."""
_STEP, _WAKE, _CHECK = range(3)
"""What comes first of what comes at one moment."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a scenario is played with: rules (as a rehearsal has them), connectors with their kinds, the site."""

    rules: RuleSet
    products: Mapping[str, str]
    site: Site = field(default_factory=Site)


class Player:
    """One playing of a scenario. `story` is what has happened, `refs` the tickets by what the scenario calls them."""

    def __init__(self, scenario: Scenario, setting: Setting) -> None:
        self.scenario, self.setting, self.rules = scenario, setting, setting.rules
        self.elapsed, self.leap = timedelta(), timedelta()
        self.story = Story()
        self.refs: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.tracker = DrillTracker(self.now, SOURCE, self._wrote)
        self.messengers = messengers(self.now, setting.products)
        self.down = False
        self.looks = 0
        self._wakes: dict[str, datetime] = {}
        self._timers: list[tuple[datetime, str]] = []  # may hold what is out of date
        self._coming: list[tuple[timedelta, int, int, Callable[[], None]]] = []
        self._number = 0
        self._clicks = 0
        self._ends: dict[str, timedelta] = {}
        self._places: dict[tuple[str, str], str] = {}
        self._waited: set[tuple[str, str]] = set()
        self.engine = self._engine()
        for step in scenario.steps:
            self.at(step.at, partial(self._happens, step))

    def now(self) -> datetime:
        """The tracker's clock."""
        return self.scenario.start + self.elapsed + self.leap

    def at(self, moment: timedelta, do: Callable[[], None], *, check: bool = False) -> None:
        """Let something happen so long after the beginning; a check, after everything else of that moment."""
        self._number += 1
        heapq.heappush(self._coming, (moment, _CHECK if check else _STEP, self._number, do))

    def play(self, until: timedelta | None = None) -> Story:
        """Play it, to the end or until then."""
        end = self.scenario.lasts if until is None else until
        while True:
            wake = self._next_wake()
            step = self._coming[0] if self._coming else None
            if wake is not None and (step is None or (wake[0], _WAKE) < step[:2]) and wake[0] <= end:
                self.elapsed = max(self.elapsed, wake[0])
                del self._wakes[wake[1]]
                self.look(wake[1])
            elif step is not None and step[0] <= end:
                heapq.heappop(self._coming)
                self.elapsed = max(self.elapsed, step[0])
                step[3]()
            else:
                self.elapsed = max(self.elapsed, end)
                return self.story

    def _next_wake(self) -> tuple[timedelta, str] | None:
        while self._timers and self._wakes.get(self._timers[0][1]) != self._timers[0][0]:
            heapq.heappop(self._timers)  # it wakes at another moment by now
        if self.down or not self._timers:
            return None
        moment, ref = self._timers[0]
        return moment - self.scenario.start - self.leap, ref

    def _wake(self, ref: str, moment: datetime) -> None:
        self._wakes[ref] = moment
        heapq.heappush(self._timers, (moment, ref))

    # -- the engine

    def _engine(self) -> Engine:
        """A new process, which knows nothing."""
        sinks: dict[str, Sink[Message]] = dict(self.messengers)
        return Engine(self.tracker, sinks, self.rules, self.setting.site, self.now)

    def look(self, ref: str) -> None:
        """Look, as the queue does; trouble with the tracker becomes a later wake."""
        if self.down:
            return
        gate, now = self.engine.manners.gate, self.now()
        opens = gate.opens(self.tracker.name, "", now)
        if opens > now:
            self._wake(ref, opens)
            return
        self.looks += 1
        try:
            wake = self.engine.look(ref)
            gate.used(self.tracker.name, "", now, timedelta())
        except ConnectorError as error:
            wake = trouble(gate, self.tracker.name, now, error)
        if wake is None:
            self._wakes.pop(ref, None)
        else:
            self._wake(ref, max(wake, self.now() + SOON))

    def sweep(self) -> None:
        """What the sweep does after a start, or after a time without webhooks."""
        self.engine.begin_sweep()
        try:
            pages = list(self.tracker.open(self.engine.reaching(self.now() - self.setting.site.grace)))
        except ConnectorError:
            return
        for ticket in (ticket for page in pages for ticket in page):
            answer = self.engine.consider(ticket)
            if answer is True:
                self.look(ticket.ref)
            elif isinstance(answer, datetime):
                self._wake(ticket.ref, answer)

    # -- what happens

    def say(self, line: Line) -> None:
        """One more line of the timeline."""
        self.story.lines.append(line)

    def _happens(self, step: Step) -> None:
        teller = {"outage": "outage", "clock": "clock"}.get(step.verb, "people")
        self.say(Line(self.now(), teller, str(step), step.ticket))  # type: ignore[arg-type]  # two of the words above
        try:
            getattr(self, f"_{step.verb}")(step)
        except ConnectorError as error:
            self._undone(step, str(error))

    def _undone(self, step: Step, why: str) -> None:
        line = Line(self.now(), "failed", f"{step}: {why}", step.ticket)
        self.say(line)
        self.story.undone.append(line)

    def _create(self, step: Step) -> None:
        words = dict(step.words)
        made = trial.ticket({"created": self.now(), **words}, self.rules, self.now())
        number = len(self.refs) + 1
        ref, key = str(10_000 + number), str(words.get("key") or f"DRILL-{number}")
        reporter = made.reporter or (trial.account(step.by, self.rules) if step.by else None)
        url = made.url or f"https://tracker.example.org/{key}"
        ticket = replace(made, ref=ref, key=key, project="DRILL", reporter=reporter, url=url, version="1")
        self.tracker.tickets[ref] = ticket
        self.refs[step.ticket], self.names[ref] = ref, step.ticket
        self.story.sent.setdefault(step.ticket, [])
        self.look(ref)

    def _set(self, step: Step) -> None:
        ref, by = self.refs[step.ticket], trial.account(step.by, self.rules) or User("somebody", "somebody")
        if self.tracker.trouble is not None:
            raise Temporary("the tracker does not answer people either")
        self.tracker.change(ref, accounts(step.words, self.rules), by)
        self._noticed(step.ticket)
        self.look(ref)

    def _comment(self, step: Step) -> None:
        ref, by = self.refs[step.ticket], trial.account(step.by, self.rules) or User("somebody", "somebody")
        if self.tracker.trouble is not None:
            raise Temporary("the tracker does not answer people either")
        self.tracker.write_comment(ref, step.said, by)
        self.look(ref)

    def _click(self, step: Step) -> None:
        found = self._button(self.refs[step.ticket], step.said)
        if found is None:
            self._undone(step, f"no message about {step.ticket} has a button for that")
            return
        product, button = found
        verb, _, role = button.verb.partition(":")
        args = {**({"role": role} if role else {}), **step.args}
        self._command(step, Command(button.ref, verb, User(""), product, args))

    def _say(self, step: Step) -> None:
        product = next(iter(self.messengers), SOURCE)
        self._command(step, Command(self.refs[step.ticket], "words", User(""), product, {"text": step.said}))

    def _command(self, step: Step, command: Command) -> None:
        """What a person asks for through a messenger, and what they are answered."""
        if self.down:
            self._undone(step, "Pointman does not answer")
            return
        self._clicks += 1
        person = self.rules.people[step.by]
        who = User(person.ids.get(command.source, ""), str(person), person.email)
        asked = replace(command, by=who, at=self.now(), id=f"drill-{self._clicks}")
        answer = carry_out(asked, self.engine)
        self.say(Line(self.now(), "pointman", f"answers {step.by}: {answer}", step.ticket))
        self._noticed(step.ticket)
        self.look(asked.ref)

    def _button(self, ref: str, verb: str) -> tuple[str, Button] | None:
        """The latest button for a verb on a ticket, and the product where it is."""
        posts = [(post.at, name, post) for name, one in self.messengers.items() for post in one.posts]
        for _, name, post in sorted(posts, key=lambda one: one[0], reverse=True):
            for button in post.message.buttons:
                if button.ref == ref and button.verb == verb:
                    return name, button
        return None

    def _clock(self, step: Step) -> None:
        self.leap += step.jump
        for ref in self.refs.values():
            self.look(ref)

    def _outage(self, step: Step) -> None:
        assert step.until is not None  # noqa: S101  (the language asks for it)
        self.at(step.until, partial(self._back, step))
        self._ends[step.said] = max(step.until, self._ends.get(step.said, step.until))
        if step.said == POINTMAN:
            self.down = True
        elif step.said == TRACKER:
            self.tracker.trouble = (self.tracker.name, step.kind)
            self.at(step.at + EMERGENCY_AFTER, self._emergency)
        else:
            self.messengers[step.said].trouble = step.kind

    def _back(self, step: Step) -> None:
        if self._ends[step.said] > self.elapsed:  # another outage of it lasts longer
            return
        self.say(Line(self.now(), "outage", f"{step.said} is back"))
        if step.said == POINTMAN:
            self.down = False
            self._wakes.clear()
            self.engine = self._engine()
            self.sweep()
        elif step.said == TRACKER:
            self.tracker.trouble = None
        else:
            self.messengers[step.said].trouble = None

    def _emergency(self) -> None:
        if self.tracker.trouble is not None and not self.down:
            self.engine.emergency()

    # -- what follows

    def _wrote(self, ref: str, before: str | None, after: str) -> None:
        """A ledger was written: what went out since the one before is told."""
        name = self.names.get(ref)
        if name is None:
            return
        old, new = Ledger.loads(before, ref), Ledger.loads(after, ref)
        self._decided(name, old, new)
        writing = Writing(self.tracker.tickets[ref], old, new, self.now())
        for one, made in sent(writing, self.rules, self._stands):
            where = self._places.get((made.product, made.address), made.address)  # a reply is told where its card is
            self._places[made.product, made.ref] = where
            told = replace(made, ticket=name, address=where)
            self.story.sent[name].append(one)
            self.story.told.append(told)
            self._answers(told)

    def _decided(self, name: str, old: Ledger, new: Ledger) -> None:
        """What was written on the ticket itself, and what came of a step that nobody answered."""
        ticket, made = self.tracker.tickets[self.refs[name]], []
        for key, entry in new.entries.items():
            kind, _, word = key.partition(":")
            before = old.entries.get(key)
            if kind == "field" and entry.at is not None and (before is None or before.at != entry.at):
                made.append(f"{word} = {ticket.get(word)}")
        if made:
            self.say(Line(self.now(), "pointman", f"decides {', '.join(made)} of {name}", name))
        known = {act.id for act in old.acts}
        for act in new.acts:
            if act.id not in known and act.by not in self.rules.people:
                self.say(Line(self.now(), "pointman", f"{_DEEDS.get(act.verb, act.verb)} {name}", name))

    def _stands(self, product: str, ref: str) -> str:
        messenger = self.messengers.get(product)
        post = messenger.said(ref) if messenger is not None else None
        if post is not None:
            return post.message.text
        rooms = messenger.rooms if messenger is not None else []
        return next((room.channel.name for room in rooms if room.ref == ref), "")

    def _answers(self, told: Told) -> None:
        """Whoever is called, and answers calls, clicks after a while: once for each ticket."""
        answering = self.scenario.people.get(told.person)
        if answering is None or told.kind != "escalate" or (told.person, told.ticket) in self._waited:
            return
        when = max(self.elapsed, answering.begin) + answering.after
        if answering.until is not None and when >= answering.until:
            return
        self._waited.add((told.person, told.ticket))
        step = Step(when, "click", answering.click, self.scenario.steps[0].where, told.person, told.ticket)
        self.at(when, partial(self._answer, step))

    def _answer(self, step: Step) -> None:
        if self._button(self.refs[step.ticket], step.said) is not None:
            if self.down:  # nothing answers the click, so it is made again
                self.at(self.elapsed + AGAIN, partial(self._answer, step))
                return
            self._happens(step)
        self._waited.discard((step.by, step.ticket))

    def _noticed(self, name: str) -> None:
        """Note since when the ticket is acknowledged, and again when that was taken back."""
        ticket = self.tracker.tickets[self.refs[name]]
        since = acknowledged_at(with_acts(ticket, Ledger.loads(ticket.ledger, ticket.ref)))
        known = self.story.acknowledged.setdefault(name, [])
        if isinstance(since, datetime) and since not in known:
            known.append(since)
