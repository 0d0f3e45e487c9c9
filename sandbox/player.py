"""Plays a scenario in the sandbox's world and watches whether what is expected comes true.

Time goes slowly while something is being done or still expected, and else as fast as it may. What comes later in the
scenario waits for what should have been seen before, so the story is the same on a slow machine. An expectation fails
when its time by the sandbox's clock and some real seconds have both passed without it.

Whoever looks on may take a hand in it. From then on the story is theirs: what the scenario still expects of that ticket
is withdrawn, and is neither held nor failed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from sandbox.elsewhere import there
from sandbox.scenario import Expect, Scenario, Step
from sandbox.seeing import counted, others, seen
from sandbox.sight import Post
from sandbox.world import SLOW, World

Outcome: TypeAlias = Literal["waiting", "held", "failed", "withdrawn"]

TICK: Final = 0.02
"""How often the world is looked at, in real seconds."""
AGAIN: Final = timedelta(seconds=40)
"""When a person clicks again to whom nothing was answered: by the sandbox's clock, and in real seconds at least."""
AGAIN_REAL: Final = 0.4
SETTLED: Final = timedelta(minutes=3)
"""How long, by the sandbox's clock, Pointman has after a start: what was in flight is settled after two minutes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the sandbox's time goes: when nothing happens, and while something is expected.

    `patience` is how many real seconds an expectation has at the least.
    """

    fast: float = 60.0
    waiting: float = SLOW
    patience: float = 6.0


@dataclass(slots=True)
class Watched:
    """An expectation and how it stands; `said` is what was seen instead. `counted`: it is looked at again later."""

    expect: Expect
    outcome: Outcome = "waiting"
    said: str = ""
    since: float = 0.0
    before: object = None
    counted: bool = True


@dataclass(slots=True)
class Asked:
    """A click that a person waits to have answered."""

    step: Step
    notes: int
    at: datetime
    real: float


Happened: TypeAlias = Callable[[timedelta, Step], None]
Settled: TypeAlias = Callable[[timedelta, Watched], None]


@dataclass(slots=True)
class Heard:
    """Who is told while a scenario plays."""

    happened: Happened = field(default=lambda _at, _step: None)
    settled: Settled = field(default=lambda _at, _watched: None)


class Player:
    """One playing of a scenario.

    What is expected of a product that this world does not have is left out.

    `tickets` are the keys of its tickets by what the scenario calls them; `undone` are steps that could not be done.
    `story` is what has happened, `away` when a product was not there, `taken` are tickets that somebody took a hand in.
    `began` is when Pointman was started again last, in real time and in the scenario's: patience counts from then.
    """

    def __init__(self, scenario: Scenario, world: World, pace: Pace | None = None, heard: Heard | None = None) -> None:
        self.scenario, self.world, self.pace, self.heard = scenario, world, pace or Pace(), heard or Heard()
        self.watched = [Watched(expect) for expect in scenario.expects if there(world, expect.place)]
        self.tickets: dict[str, str] = {}
        self.paused = False
        self.done = False
        self.clicked: list[Asked] = []
        self.undone: list[str] = []
        self.story: list[tuple[datetime, str]] = []
        self.away: list[tuple[datetime, datetime]] = []
        self.taken: set[str] = set()
        self.began: tuple[float, timedelta] | None = None
        self._steps = list(scenario.steps)
        self._begin = world.clock.now()

    @property
    def elapsed(self) -> timedelta:
        """How much of the scenario has passed."""
        return self.world.clock.now() - self._begin

    @property
    def held(self) -> int:
        """How many expectations have held."""
        return sum(watched.outcome == "held" for watched in self.watched)

    @property
    def lost(self) -> int:
        """How many messages are missing that were expected, by what stands in Slack."""
        return sum(max(0, (w.expect.times or 1) - self._counted(w)) for w in self._messages() if w.outcome == "failed")

    @property
    def doubled(self) -> int:
        """How many messages stand in Slack more often than they should: under one key twice, or more than expected."""
        over = sum(max(0, self._counted(w) - w.expect.times) for w in self._messages() if w.expect.times and w.counted)
        return max(len(self.world.doubled()), over)

    @property
    def spare(self) -> timedelta:
        """How long nothing will be done or expected."""
        if self._open_before(self.elapsed):
            return timedelta(0)
        ahead = [step.at for step in self._steps] + [w.expect.at for w in self.watched if w.outcome == "waiting"]
        return min((at for at in ahead if at > self.elapsed), default=self.elapsed) - self.elapsed

    def reborn(self) -> None:
        """Pointman was started again: it has to settle what its last life left in doubt before it goes on."""
        self.began = time.monotonic(), self.elapsed

    def begin(self) -> None:
        """The scenario begins now."""
        self._begin = self.world.clock.now()

    def play(self, stop: threading.Event) -> bool:
        """Play to the end, or until `stop`; whether everything expected held."""
        self.begin()
        while not stop.is_set() and not self.done:
            self.tick()
            stop.wait(TICK)
        return not self.undone and all(watched.outcome in {"held", "withdrawn"} for watched in self.watched)

    def take(self, key: str) -> None:
        """Somebody from outside took a hand in a ticket: from now on nothing is expected of it here."""
        names = [name for name, made in self.tickets.items() if made == key]
        if not names or key in self.taken:
            return
        self.taken.add(key)
        for watched in self.watched:
            if watched.expect.ticket in {"", *names}:
                watched.counted = False
                if watched.outcome == "waiting":
                    watched.outcome = "withdrawn"

    def tick(self) -> None:
        """Do what is due, look at what is expected, and set the pace."""
        at = self.elapsed
        while self._steps and self._steps[0].at <= at and not self._open_before(self._steps[0].at):
            step = self._steps.pop(0)
            try:
                self._do(step)
            except LookupError as problem:
                if not self.taken:
                    self.undone.append(f"{step}: {problem}")
            else:
                self.story.append((self.world.clock.now(), self._told(step)))
            self.heard.happened(at, step)
        self._click_again()
        for watched in self.watched:
            if watched.outcome == "waiting" and watched.expect.at <= at and self._begun(watched.expect):
                self._look(watched, at)
        self.world.hurry(self._speed())
        if not self._steps and all(w.outcome != "waiting" for w in self.watched):
            self.done = True
            self._count_again()

    def _speed(self) -> float:
        """How fast time may go now."""
        if self.paused:
            return 0.0
        return min(self.pace.waiting, self.pace.fast) if self._open_before(self.elapsed) else self.pace.fast

    def _open_before(self, at: timedelta) -> bool:
        """Whether something is still expected that should have been seen by then; what comes after waits for it."""
        return any(w.outcome == "waiting" and w.expect.until is None and w.expect.at < at for w in self.watched)

    def _begun(self, expect: Expect) -> bool:
        """Whether everything has been done that comes before; what holds all the time waits for what comes true."""
        if self._steps and self._steps[0].at <= expect.at:
            return False
        return expect.until is None or not self._open_before(expect.at)

    # ---- what happens

    def _do(self, step: Step) -> None:
        world, key = self.world, self.tickets.get(step.ticket, "")
        if step.verb == "create":
            self.tickets[step.ticket] = world.create(step.by, step.fields)
        elif step.verb == "set":
            world.change(step.by, key, step.fields)
        elif step.verb == "comment":
            world.comment(step.by, key, step.said)
        elif step.verb == "status":
            world.move(step.by, key, step.said)
        elif step.verb == "say":
            world.say(step.by, step.place, step.said)
        elif step.verb == "outage" and step.until is not None:
            world.outage(step.said, self._begin + step.at, self._begin + step.until)
        elif step.verb == "click":
            self._click(step)

    def _told(self, step: Step) -> str:
        """A step for whoever looks at the world, whose clock is not the scenario's."""
        if step.until is None:
            return str(step)
        until = self._begin + step.until
        self.away.append((self._begin + step.at, until))
        return f"{step.said.capitalize()} is away until {until:%H:%M}: every call to it fails"

    def _click(self, step: Step) -> None:
        """Click the newest message that says it and has the button; a person to whom nothing happens tries again."""
        notes = len(self.world.slack.state.notes)
        post = self._button(step)
        if post is None:
            raise LookupError(f"no message at {step.place} says “{step.text}” and has a button “{step.said}”")
        self.world.click(step.by, post, step.said)
        self.clicked.append(Asked(step, notes, self.world.clock.now(), time.monotonic()))

    def _button(self, step: Step) -> Post | None:
        strange = others(self.world, self.tickets)
        posts = [post for post in self.world.posts(step.place) if not post.tickets & strange]
        return next((p for p in reversed(posts) if step.text in p.text and step.said in p.buttons), None)

    def _click_again(self) -> None:
        """Whoever was answered, or sees the button gone, is content."""
        for asked in list(self.clicked):
            now, real = self.world.clock.now(), time.monotonic()
            answered = len(self.world.slack.state.notes) > asked.notes
            post = self._button(asked.step)
            if answered or post is None:
                self.clicked.remove(asked)
            elif now - asked.at >= AGAIN and real - asked.real >= AGAIN_REAL:
                asked.at, asked.real = now, real
                self.world.click(asked.step.by, post, asked.step.said)

    # ---- what is seen

    def _look(self, watched: Watched, at: timedelta) -> None:
        expect = watched.expect
        watched.since = watched.since or time.monotonic()
        if expect.quiet and watched.before is None:
            watched.before = self.world.fingerprint(others(self.world, self.tickets))
        missing = seen(expect, self.world, self.tickets, watched.before)
        if expect.until is not None:
            late = at >= expect.until
            outcome: Outcome = "failed" if missing else "held" if late else "waiting"
        else:
            real, lived = self.began or (0.0, at - SETTLED)
            patient = time.monotonic() - max(watched.since, real) < self.pace.patience or at - lived < SETTLED
            late = at >= expect.at + expect.within and not patient
            outcome = "held" if not missing else "failed" if late else "waiting"
        watched.said = missing
        if outcome != "waiting":
            watched.outcome = outcome
            self.heard.settled(at, watched)

    def _messages(self) -> list[Watched]:
        return [watched for watched in self.watched if watched.expect.place and watched.expect.times != 0]

    def _counted(self, watched: Watched) -> int:
        return counted(watched.expect, self.world, self.tickets)

    def _count_again(self) -> None:
        """What stood there exactly so often must not stand there more often at the end."""
        for watched in self._messages():
            times = watched.expect.times
            if watched.outcome == "held" and watched.counted and times is not None and self._counted(watched) > times:
                watched.outcome, watched.said = "failed", f"{self._counted(watched)} messages at the end"
                self.heard.settled(self.elapsed, watched)
