"""Puts the parts together and lets them run: connectors, engine, queue, sweep, server, listeners, rule files.

Here, and in the command line, is the only clock that anything reads: the tracker's, by its last answer, and the
machine's until there is one. Everything else is told the time.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Thread
from types import FrameType

import structlog

from connectors.base import Connector, Messenger, Monitor, Sink, Tracker
from connectors.errors import ConnectorError, Missing
from connectors.model import Ticket
from rules import load as rule_files
from rules.model import RuleSet
from rules.schedule import sources
from sync import home, logs, metrics
from sync.config import Config
from sync.health import Health, Lateness, Swept
from sync.heartbeat import Heartbeat
from sync.intake import Intake
from sync.look import Engine
from sync.overdue import unlisted
from sync.queue import MemoryQueue
from sync.reload import Reload
from sync.rosters import Rosters
from sync.server import Hooks, Server, app
from sync.sweep import Listening, Progress, Round, Sweep, Times, trouble

log = structlog.get_logger()

PATIENCE = timedelta(seconds=25)
"""How long a stop may take: less than the 30 seconds that Kubernetes and systemd's users allow."""
SOON = timedelta(seconds=2)
"""When a look that failed is made again at the earliest."""
MOMENTS = timedelta(seconds=30)
"""How soon a ticket must wake for a single sweep to wait for it."""
LONGEST_SETTLING = timedelta(minutes=10)
ASKED_WITHIN = timedelta(seconds=10)
"""How long a start waits to hear who is on call where that is kept elsewhere."""
HOME_EVERY = timedelta(minutes=1)
"""How often the home ticket is visited while there is nothing new to tell there."""


def connect(config: Config) -> dict[str, Connector]:
    """Every configured connector, by name. Nothing is called yet."""
    return {name: config.kind(name)(name, settings) for name, settings in config.connectors.items()}


def read_rules(config: Config) -> RuleSet:
    """The rules of the configuration. Raises Problems."""
    return rule_files.load(config.rule_paths, config.mode, tuple(config.connectors))


def clock_of(tracker: Tracker) -> Callable[[], datetime]:
    """The tracker's time; the machine's before the tracker has said anything."""
    return lambda: tracker.now() or datetime.now(UTC)


def looks(engine: Engine) -> Callable[[str], datetime | None]:
    """The engine's look as the queue makes it: trouble with the tracker ends here, and becomes a later wake."""
    gate, tracker = engine.manners.gate, engine.tracker.name

    def look(ref: str) -> datetime | None:
        now = engine.clock()
        opens = gate.opens(tracker, "", now)
        if opens > now:
            metrics.LOOKS.labels("put_off").inc()
            return opens
        try:
            with metrics.LOOK_SECONDS.time():
                wake = engine.look(ref)
        except ConnectorError as error:
            metrics.LOOKS.labels(type(error).__name__.lower()).inc()
            log.warning("look put off", ref=ref, error=str(error))
            return max(trouble(gate, tracker, now, error), now + SOON)
        metrics.LOOKS.labels("done").inc()
        return wake

    return look


@dataclass
class Parts:
    """Everything that works together in one process, made from a configuration and rules; nothing runs yet."""

    config: Config
    connectors: Mapping[str, Connector]
    engine: Engine
    queue: MemoryQueue
    sweep: Sweep
    intake: Intake
    health: Health
    rosters: Rosters

    def settle(self, told: Callable[[int], None] = lambda left: None) -> None:
        """Wait until nothing is waiting, and for what wakes within moments: places that want a pause between two posts.

        `told` hears how many tickets are left. The queue must have been started.
        """
        limit = self.engine.clock() + LONGEST_SETTLING
        while self.engine.clock() < limit:
            if not self.queue.drain(timedelta(milliseconds=200)):
                depth = self.queue.depth()
                told(depth.waiting + depth.running)
                continue
            wake = self.queue.next_wake()
            if wake is None or wake - self.engine.clock() > MOMENTS:
                return
            time.sleep(0.05)

    def close(self) -> None:
        """Take nothing more in hand, and let go of every connection."""
        self.queue.stop()
        for connector in self.connectors.values():
            connector.close()


def assemble(config: Config, rules: RuleSet, since: datetime | None = None) -> Parts:
    """Make the parts. `since` lets the sweep reach further back than the grace."""
    connectors = connect(config)
    tracker = connectors[config.tracker]
    assert isinstance(tracker, Tracker)  # noqa: S101  (config.load has made sure)
    sinks = {name: each for name, each in connectors.items() if isinstance(each, Sink)}
    messengers = {name: each for name, each in connectors.items() if isinstance(each, Messenger)}
    clock = clock_of(tracker)
    engine = Engine(tracker, sinks, rules, config.site(), clock)
    queue = MemoryQueue(looks(engine), engine.urgency, clock, config.sweep.concurrency)
    sweep = Sweep(tracker, engine, queue, Times(config.sweep.every, config.sweep.full, config.grace, since), clock)
    intake = Intake(tracker, engine, queue, messengers, clock)
    health = Health(
        tuple(connectors),
        engine.manners.gate,
        sweep.swept,
        queue.depth,
        engine.notices,
        lambda: (len(engine.rules), engine.rules.digest),
        logs.Redaction(config.secrets()).clean,
        lateness=Lateness(engine.memory.waiting, engine.clock, config.tolerance),
    )
    rosters = Rosters(engine, connectors, sweep.forget)
    return Parts(config, connectors, engine, queue, sweep, intake, health, rosters)


class HomeVisits:
    """Keeps the home ticket true: at once when there is something new to tell, else once a minute. A chore.

    What is released there is carried out by `again`: every ticket is considered once more. What was swept is held
    against it: a list that lacks it is not to be believed.
    """

    def __init__(self, engine: Engine, queue: MemoryQueue, again: Callable[[], None], swept: Swept) -> None:
        self._engine, self._queue, self._again, self._swept = engine, queue, again, swept
        self._ref = ""
        self._told: dict[str, str] = {}
        self._next: datetime | None = None

    def __call__(self) -> None:
        """Visit it if it is time. Raises ConnectorError."""
        engine, now = self._engine, self._engine.clock()
        early = self._next is not None and timedelta(0) < self._next - now <= HOME_EVERY
        if not engine.site.home or (early and engine.notices == self._told):
            return
        self._ref = self._read().ref
        told = dict(engine.notices)
        self._queue.turn(self._ref, self._visit).result(60)
        self._told, self._next = told, now + HOME_EVERY

    def _read(self) -> Ticket:
        engine, swept = self._engine, self._swept
        try:
            ticket = engine.tracker.get(engine.site.home)
        except Missing as gone:
            swept.doubt = f"the home ticket is gone, or the account has lost its rights: {gone}"
            raise
        swept.doubt = unlisted(ticket, swept.refs, engine.tracker, engine.clock()) if swept.whole is not None else ""
        return ticket

    def _visit(self) -> str:
        if home.visit(self._engine):
            self._again()
        return ""


class Running:
    """The parts at work, until `stop`."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._stop = Event()
        self._threads: list[Thread] = []
        engine, config = parts.engine, parts.config
        hooks = Hooks(parts.connectors, parts.intake, engine.clock)
        self._server = Server(app(hooks, parts.health), config.server.host, config.server.port)
        self._reload = Reload(config.rule_paths, lambda: read_rules(config), self._use, engine.notices)

    def start(self) -> int:
        """Begin; the port. Raises OSError where that cannot be had."""
        parts, engine = self.parts, self.parts.engine
        port = self._server.start()
        self._begin("rosters", lambda: parts.rosters.run(self._stop))
        if sources(engine.rules):
            parts.rosters.asked.wait(ASKED_WITHIN.total_seconds())
        parts.queue.start()
        chores = _chores(parts)
        self._begin("sweep", lambda: parts.sweep.run(self._stop, engine.manners.gate, chores))
        self._begin("rules", lambda: self._reload.run(self._stop))
        heartbeat = Heartbeat.of(parts.config, parts.health)
        if heartbeat is not None:
            self._begin("heartbeat", lambda: heartbeat.run(self._stop))
        for connector in parts.connectors.values():
            self._begin(f"hears-{connector.name}", partial(self._listen, connector))
        log.info(
            "pointman runs",
            tracker=parts.config.tracker,
            connectors=sorted(parts.connectors),
            rules=len(engine.rules),
            mode=parts.config.mode,
            host=parts.config.server.host,
            port=port,
        )
        return port

    def stop(self, patience: timedelta = PATIENCE) -> bool:
        """Take nothing more, finish what is in hand; whether that was done in time."""
        parts, until = self.parts, datetime.now(UTC) + patience
        log.info("pointman stops", **_depth(parts))
        parts.health.stopping = True
        self._stop.set()
        self._server.stop()
        parts.intake.close(_left(until))
        finished = parts.queue.stop(_left(until))
        for thread in self._threads:
            thread.join(min(1.0, _left(until).total_seconds()))
        parts.close()
        log.info("pointman has stopped", finished=finished)
        return finished

    def _begin(self, name: str, work: Callable[[], None]) -> None:
        thread = Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _use(self, rules: RuleSet) -> None:
        self.parts.engine.replace(self.parts.rosters.staffed(rules))
        self.parts.rosters.refresh()
        self.parts.sweep.forget()

    def _listen(self, connector: Connector) -> None:
        """Let a connector hear; one that breaks off is begun again, less and less often."""
        pause = 1.0
        while not self._stop.is_set():
            try:
                connector.listen(self.parts.intake.heard, self._stop)
            except ConnectorError as error:
                log.warning("connector does not hear", connector=connector.name, error=str(error))
            except Exception:
                log.exception("connector does not hear", connector=connector.name)
            else:
                return  # it has nothing to listen to, or was asked to stop
            self._stop.wait(pause)
            pause = min(60.0, pause * 2)


def run(config: Config, rules: RuleSet, level: str = "info") -> bool:
    """Run until SIGTERM or SIGINT, then stop gracefully; whether everything in hand was finished. Raises OSError."""
    logs.configure(config.secrets(), level)
    for problem in config.warnings:
        log.warning("settings", where=str(problem.where), problem=problem.message, hint=problem.hint)
    for problem in rules.warnings:
        log.warning("rules", where=str(problem.where), problem=problem.message, hint=problem.hint)
    asked = _asked()
    running = Running(assemble(config, rules))
    running.start()
    asked.wait()
    return running.stop()


def sweep_once(parts: Parts, bar: Progress = lambda done, total: None) -> Round:
    """One whole sweep with all that is owed, the monitors, and the home ticket. Raises the tracker's errors."""
    parts.queue.start()
    at_home, *others = _chores(parts)
    at_home()  # what was released is heard before anything is decided
    done = parts.sweep.whole(lambda listed, queued: bar(0, queued))
    for chore in (*others, at_home):
        chore()
    parts.settle(lambda left: bar(max(0, done.queued - left), done.queued))
    return done


def sweep_on(parts: Parts) -> None:
    """Sweep until SIGTERM or SIGINT, without a server."""
    asked = _asked()
    heartbeat = Heartbeat.of(parts.config, parts.health)
    if heartbeat is not None:
        Thread(target=heartbeat.run, args=(asked,), name="heartbeat", daemon=True).start()
    Thread(target=parts.rosters.run, args=(asked,), name="rosters", daemon=True).start()
    parts.queue.start()
    parts.sweep.run(asked, parts.engine.manners.gate, _chores(parts))
    parts.close()


def _chores(parts: Parts) -> tuple[Callable[[], None], ...]:
    engine = parts.engine
    monitors = [each for each in parts.connectors.values() if isinstance(each, Monitor)]
    listening = Listening(monitors, parts.intake.alerts, engine.manners.gate, engine.clock)
    return HomeVisits(engine, parts.queue, parts.sweep.forget, parts.sweep.swept), listening


def _asked() -> Event:
    """Set when the operating system asks us to stop; the second time it stops us at once."""
    asked = Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return asked


def _left(until: datetime) -> timedelta:
    return max(timedelta(0), until - datetime.now(UTC))


def _depth(parts: Parts) -> dict[str, int]:
    depth = parts.queue.depth()
    return {"waiting": depth.waiting, "running": depth.running}
