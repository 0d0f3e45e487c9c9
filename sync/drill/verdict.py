"""What was not as expected in a drill, and why: the same court as for a `[[test]]`, at moments of the whole story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from rules.clock import Clock
from rules.explain import Explanation
from rules.model import RuleSet
from sync.drill.language import NO_CLOCK
from sync.drill.play import Player, Setting
from sync.drill.scenario import Expect, Scenario, Step
from sync.drill.story import Line, Story
from sync.effects import World
from sync.judge import Check, Court
from sync.ledger import Ledger
from sync.plan import Plan, make_plan
from sync.trial import Sent


class Part:
    """One ticket of a drill, as the court wants it."""

    def __init__(self, player: Player, name: str) -> None:
        self._player, self._name = player, name
        self._plan: Plan | None = None

    @property
    def rules(self) -> RuleSet:
        """Those that were played."""
        return self._player.rules

    @property
    def now(self) -> datetime:
        """The moment that it has come to."""
        return self._player.now()

    @property
    def world(self) -> World:
        """What was known beside the ticket."""
        ticket = self._player.tracker.tickets[self._player.refs[self._name]]
        return self._player.engine.world(ticket, Ledger.loads(ticket.ledger, ticket.ref))

    @property
    def sent(self) -> Sequence[Sent]:
        """What went out, oldest first."""
        return self._player.story.sent[self._name]

    @property
    def plan(self) -> Plan:
        """The plan as it is now."""
        if self._plan is None or self._plan.now != self.now:
            ticket = self._player.tracker.tickets[self._player.refs[self._name]]
            ledger = Ledger.loads(ticket.ledger, ticket.ref)
            self._plan = make_plan(ticket, ledger, self.rules, self.world, self.now)
        return self._plan

    @property
    def seen(self) -> Plan:
        """The same: a drill looks back on what was done."""
        return self.plan


@dataclass(frozen=True, slots=True)
class Missed:
    """One thing that was not as expected: the claim, where it stands, what was wanted, what came, and why."""

    name: str
    line: int
    at: datetime
    wanted: str
    came: str
    why: tuple[Explanation, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that was expected, in line `line`, and what of it was not so."""

    name: str
    line: int
    missed: tuple[Missed, ...] = ()


@dataclass(slots=True)
class Outcome:
    """How a drill went: the story, and what became of each claim."""

    scenario: Scenario
    setting: Setting
    player: Player
    claims: list[Claim] = field(default_factory=list)

    @property
    def missed(self) -> tuple[Missed, ...]:
        """Everything that was not as expected, in its order in time."""
        return tuple(one for claim in self.claims for one in claim.missed)

    @property
    def story(self) -> Story:
        """What happened."""
        return self.player.story

    @property
    def doubled(self) -> int:
        """How many messages went out twice."""
        return sum(one.doubled() for one in self.player.messengers.values())

    @property
    def clocks(self) -> tuple[tuple[str, Clock], ...]:
        """How every objective of every ticket stands at the end, by what the scenario calls the ticket."""
        names = self.player.refs
        return tuple((name, clock) for name in names for clock in Part(self.player, name).plan.clocks)

    @property
    def fine(self) -> bool:
        """Whether everything could be done, and was as expected."""
        return not self.missed and not self.story.undone


def run(scenario: Scenario, setting: Setting) -> Outcome:
    """Play a scenario to its end, and hold what follows to what is expected."""
    player = Player(scenario, setting)
    outcome = Outcome(scenario, setting, player)
    court = _Hearing(outcome)
    for expect in scenario.expects:
        player.at(expect.at, partial(court.expect, expect), check=True)
    for step in scenario.steps:
        if step.expect:
            player.at(step.at, partial(court.follows, step))
    player.play()
    return outcome


class _Hearing:
    """Checks each expectation at its moment."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome, self.player = outcome, outcome.player
        self._parts: dict[str, Part] = {}

    def follows(self, step: Step) -> None:
        """What is expected of a step, from what went out of its ticket since that moment."""
        before = sum(one.at < self.player.now() for one in self.player.story.sent[step.ticket])
        for one in step.expect:
            check = Check(self.player.now() + one.after, one, before)
            self.player.at(self.player.elapsed + one.after, partial(self._check, step.ticket, check, ""), check=True)

    def expect(self, expect: Expect) -> None:
        """Check one expectation."""
        for one in expect.holds:
            self._check(expect.ticket, Check(self.player.now(), one, 0), expect.name)
        for name, wanted in expect.objectives.items():
            came = self._stands(expect.ticket, name)
            self._settle(expect, came == wanted, f"objective {name} = {wanted}", f"objective {name} = {came}")
        if expect.doubled is not None:
            doubled = self.outcome.doubled
            held = doubled == expect.doubled
            self._settle(expect, held, f"doubled = {expect.doubled}", f"doubled = {doubled}")
        if expect.quiet is not None:
            before = len(self.player.story.told)
            self.player.at(expect.quiet, partial(self._quiet, expect, before), check=True)

    def _stands(self, ticket: str, objective: str) -> str:
        clocks = self._parts.setdefault(ticket, Part(self.player, ticket)).plan.clocks
        return next((clock.band for clock in clocks if clock.rule.id == objective), NO_CLOCK)

    def _quiet(self, expect: Expect, before: int) -> None:
        came = [f"{one.to} by {one.rule}" for one in self.player.story.told[before:] if one.fresh]
        self._settle(expect, not came, "nobody is told anything", "; ".join(dict.fromkeys(came)))

    def _settle(self, expect: Expect, held: bool, wanted: str, came: str) -> None:
        name, line = expect.name or wanted, expect.where.line
        missed = () if held else (Missed(name, line, self.player.now(), wanted, came),)
        self._tell(Claim(name, line, missed))

    def _check(self, ticket: str, check: Check, name: str) -> None:
        made = self.player.tracker.tickets[self.player.refs[ticket]].created
        court = Court(self._parts.setdefault(ticket, Part(self.player, ticket)), made)
        name, line = name or f"{check.expected.word} of {ticket}", check.expected.where.line
        missed = tuple(
            Missed(name, line, one.at, one.wanted, one.came, one.why, one.notes) for one in court.checked(check)
        )
        self._tell(Claim(name, line, missed))

    def _tell(self, claim: Claim) -> None:
        self.outcome.claims.append(claim)
        for one in claim.missed:
            said = f"{one.name}: expected {one.wanted}; came {one.came}"
            self.player.say(Line(self.player.now(), "failed", said))
