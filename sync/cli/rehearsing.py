"""`pointman drill --live`: rehearses with real people on real channels, and writes a report of it.

It is a process of its own beside the running Pointman, which leaves a drill's tickets alone. Clicks are heard by
whichever of the two the products tell: both write them on the ticket. The first Ctrl-C ends the rehearsal in order,
tickets closed and the report written; a second one at once.
"""

from __future__ import annotations

import getpass
import platform
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from importlib import metadata
from pathlib import Path
from threading import Event, Thread
from typing import Final

import structlog

from connectors.base import Messenger
from connectors.errors import ConnectorError
from connectors.problems import Problems
from rules import duration, toml
from rules.model import RuleSet
from sync import logs
from sync.cli import console
from sync.config import Config
from sync.drill import language, report, shipped
from sync.drill.inside import Border, Kept, Marked, kept_inside
from sync.drill.live import HAPPEN, Rehearsal
from sync.drill.scenario import Scenario
from sync.drill.story import HOW
from sync.run import Parts, assemble
from sync.server import Hooks, Server, app

log = structlog.get_logger()

USAGE: Final = 2
TICK: Final = timedelta(milliseconds=200)
"""How often it is seen whether something is due, in real time."""
OFTEN: Final = timedelta(seconds=5)
"""How often the tickets are read at the least: what happened between two readings is told only as it came out."""
PATIENCE: Final = timedelta(seconds=20)
"""How long the last looks may take."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for: a scenario, where the report goes, no question before it begins."""

    scenario: str
    folder: Path = Path()
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rehearsal that has not begun: nothing was called yet."""

    scenario: Scenario
    config: Config
    kept: Kept
    border: Border


# ---- the whole of it


def main(wanted: Wanted, config: Config, rules: RuleSet, stop: Event) -> int:
    """Rehearse until it is over or `stop` is set; answers the exit code."""
    try:
        prepared = prepare(wanted.scenario, config, rules)
    except LookupError as error:
        console.complain(str(error))
        return USAGE
    except Problems as wrong:
        console.complain(str(wrong))
        return 1
    for line in warning(prepared):
        console.say(line)
    if not wanted.sure and not _agreed(prepared.scenario.name):
        console.say("nothing was done")
        return USAGE
    logs.configure(config.secrets(), "warning")
    told = rehearse(prepared, stop)
    files = _written(told, wanted.folder)
    console.say(f"the report is in {' and '.join(map(str, files))}")
    console.say(summary(told))
    return 0 if told["met"] else 1


def prepare(said: str, config: Config, rules: RuleSet) -> Prepared:
    """What will be rehearsed, by which rules. Raises Problems, and LookupError where there is no such scenario."""
    file = shipped.find(said)
    try:
        text = toml.decode(str(file), file.read_bytes())
    except toml.Mistaken as wrong:
        raise Problems([wrong.problem]) from None
    scenario = language.read(file, text, rules, tuple(config.connectors))
    place = config.drill.place
    if place and place.partition(":")[0] not in config.connectors:
        raise LookupError(f"the drill's place {place} is of no connector; there are {', '.join(config.connectors)}")
    border = Border.of(rules, config.drill.inside, place)
    return Prepared(scenario, config, kept_inside(rules, border), border)


def warning(prepared: Prepared) -> list[str]:
    """What is about to happen, for whoever starts it."""
    scenario, place = prepared.scenario, prepared.border.place
    made = len(scenario.tickets)
    turned = len(prepared.kept.turned)
    where = f"told at {place} instead" if place is not None else "not told at all"
    left = sum(step.verb not in HAPPEN for step in scenario.steps)
    what = f"{made} ticket{'s' * (made != 1)}"
    return [
        f"{scenario.title}: {what} will be made in {prepared.config.tracker}, marked as a drill,",
        f"and real people will be called by your rules, for up to {duration.show(scenario.lasts)}.",
        f"{turned} address{'es' * (turned != 1)} outside of the company {'is' if turned == 1 else 'are'} {where}.",
        *([f"{left} steps are left to people, or are not rehearsed."] if left else []),
    ]


def _agreed(name: str) -> bool:
    """Whether somebody at the terminal types the scenario's name; nobody there has not agreed."""
    if not sys.stdin.isatty():
        console.complain("nobody is there to agree; say --yes")
        return False
    sys.stdout.write(f"Type {name} to begin: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() == name


# ---- the run


def rehearse(prepared: Prepared, stop: Event) -> dict[str, object]:
    """Rehearse, and answer the data of the report."""
    run = secrets.token_hex(3)
    parts = assemble(prepared.config, prepared.kept.rules)
    engine, marked = parts.engine, {}
    for name, sink in list(engine.sinks.items()):
        if isinstance(sink, Messenger):
            marked[name] = Marked(sink, prepared.border)
    engine.sinks = dict(marked)
    engine.site = replace(prepared.config.site(), home="", start=None, watch=None, emergency=None, rehearsal=run)
    engine.external = True  # nothing goes outside: there is nobody left to hold it from
    rehearsal = Rehearsal(prepared.scenario, engine, parts.queue, marked, run, min(prepared.config.sweep.every, OFTEN))
    hearing = Event()
    server = _begin(parts, hearing)
    parts.rosters.refresh()  # who is on call where that is kept elsewhere
    Thread(target=parts.rosters.run, args=(hearing,), name="rosters", daemon=True).start()
    try:
        _play(rehearsal, parts, stop)
    finally:
        hearing.set()
        if server is not None:
            server.stop()
        parts.intake.close(timedelta(seconds=5))
        parts.close()
    about = report.About(getpass.getuser(), versions(), prepared.kept.turned, str(prepared.border.place or ""))
    return report.data(rehearsal, about)


def _play(rehearsal: Rehearsal, parts: Parts, stop: Event) -> None:
    """Let it happen; whatever ends it, its tickets are closed and read a last time."""
    engine = parts.engine
    engine.tracker.me()  # the tracker's time is known from its first answer
    rehearsal.begin(engine.clock())
    tell = _Teller(rehearsal)
    while rehearsal.tick(engine.clock()) and not stop.is_set():
        tell()
        stop.wait(TICK.total_seconds())
    parts.queue.drain(PATIENCE)
    rehearsal.end(engine.clock())
    for played in rehearsal.tickets.values():
        parts.queue.put(played.ref)
    parts.queue.drain(PATIENCE)
    rehearsal.settled(engine.clock())
    tell()


class _Teller:
    """Says what happens, as it becomes known."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal, self._lines, self._told = rehearsal, 0, 0

    def __call__(self) -> None:
        """Say what is new."""
        story, zone = self._rehearsal.story, self._rehearsal.rules.defaults.timezone
        rows: list[tuple[datetime, str, str]] = [(line.at, line.who, line.said) for line in story.lines[self._lines :]]
        rows += [
            (one.at, HOW.get(one.kind, "told") if one.fresh else "changed", f"{one.to}  {one.ticket}, {one.rule}")
            for one in story.told[self._told :]
        ]
        self._lines, self._told = len(story.lines), len(story.told)
        for at, who, said in sorted(rows):
            console.say(f"{at.astimezone(zone):%H:%M:%S}  {who:<8}  {said}")


def _begin(parts: Parts, stop: Event) -> Server | None:
    """Let clicks come in: by webhooks where the port is free, and by what connectors hear themselves."""
    config, hears = parts.config, {n: c for n, c in parts.connectors.items() if isinstance(c, Messenger)}
    parts.queue.start()
    hears[config.tracker] = parts.connectors[config.tracker]  # type: ignore[assignment]  # a connector like the others
    hooks = Hooks(hears, parts.intake, parts.engine.clock)
    server: Server | None = Server(app(hooks, parts.health), config.server.host, config.server.port)
    try:
        if server is not None:
            server.start()
    except OSError:
        console.say(f"port {config.server.port} is taken: clicks come in by the Pointman that runs there")
        server = None
    for connector in hears.values():
        Thread(target=partial(_listen, connector, parts, stop), name=f"hears-{connector.name}", daemon=True).start()
    return server


def _listen(connector: Messenger, parts: Parts, stop: Event) -> None:
    while not stop.is_set():
        try:
            connector.listen(parts.intake.heard, stop)
        except ConnectorError as error:
            log.warning("connector does not hear", connector=connector.name, error=str(error))
        else:
            return
        stop.wait(5)


# ---- the report


def versions() -> dict[str, str]:
    """What was at work."""
    try:
        ours = metadata.version("pointman")
    except metadata.PackageNotFoundError:
        ours = "unknown"
    return {"Pointman": ours, "Python": platform.python_version()}


def _written(told: Mapping[str, object], folder: Path) -> tuple[Path, Path]:
    began = datetime.fromisoformat(str(told["began"]))
    stem = f"drill-{told['drill']}-{began:%Y%m%d-%H%M}-{told['run']}"
    people, programs = folder / f"{stem}.md", folder / f"{stem}.json"
    folder.mkdir(parents=True, exist_ok=True)
    programs.write_text(report.written(told), encoding="utf-8")
    people.write_text(report.markdown(told), encoding="utf-8")
    return people, programs


def summary(told: Mapping[str, object]) -> str:
    """The last line."""
    calls = told["acknowledgements"]
    assert isinstance(calls, list)  # noqa: S101  (made so above)
    answered = [one for one in calls if one["after_seconds"] is not None]
    slowest = max((one["after_seconds"] for one in answered), default=0)
    span = f", the slowest after {duration.show(timedelta(seconds=slowest))}" if slowest else ""
    return (
        f"{told['drill']}: {'met' if told['met'] else 'not met'}; "
        f"{len(answered)} of {len(calls)} calls were answered{span}"
    )
