"""The demonstration: a tracker and a Slack in a box, the real engine as a process of its own, and an incident at speed.

    $ make demo                         # stays, with a page to look at and to click in, and a button that kills it
    $ make demo ARGS="--headless"       # plays to the end; the last line says how it went, and so does the exit code
    $ make demo ARGS="--tracker servicenow"      # the same incident and the same rules, with the tickets in ServiceNow
    $ make demo ARGS="--with none"               # without Teams and the mailboxes beside Slack

What is printed comes from two sides that do not know each other: what people do and what is expected comes from the
scenario, what Pointman does from its own log. Whether it went well is said by the sandbox's world alone.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock
from types import FrameType
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from sandbox.clock import Clock
from sandbox.elsewhere import said
from sandbox.head import beside
from sandbox.keeper import Keeper
from sandbox.player import Heard, Pace, Player, Watched
from sandbox.process import Line, NotRunning, Pointman, Workbench
from sandbox.scenario import HERE, Scenario, Step, Wrong, load
from sandbox.tally import PATIENCE, Tally
from sandbox.world import PRODUCTS, TRACKERS, World

SPEED: Final = 60.0
HEADLESS_SPEED: Final = 300.0
WATCHED_SPEED: Final = 60.0
"""How fast time may go while something is expected, where somebody looks on and may kill Pointman meanwhile."""
QUIET: Final = frozenset(
    {
        "swept",
        "pointman runs",
        "pointman stops",
        "pointman has stopped",
        "home ticket told",
        "tracker answers again",
    }
)
"""What Pointman logs and nobody needs to read in a demonstration."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    headless: bool
    speed: float
    port: int
    scenario: Path
    tracker: str = "jira"
    products: tuple[str, ...] = ()


def main(arguments: Sequence[str] = ()) -> int:
    """Play a scenario; 0 where everything expected held, 1 where not, 2 for a wrong command line."""
    try:
        options = _options(arguments)
        scenario = load(options.scenario)
    except SystemExit as stop:
        return int(stop.code or 0)
    except (OSError, Wrong) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    console = Console(highlight=False, soft_wrap=True)
    try:
        return _Show(options, scenario, console).run()
    except NotRunning as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        return 1


def _options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="pointman demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--headless", action="store_true", help="play to the end without a page, and exit")
    parser.add_argument("--speed", type=float, help="sandbox seconds in a real second (default: 60, headless 300)")
    parser.add_argument("--port", type=int, default=8080, help="the page's port (default: 8080, or a free one)")
    parser.add_argument("--scenario", default="checkout-down", help="a shipped scenario's name, or a TOML file")
    parser.add_argument("--tracker", choices=TRACKERS, default="jira", help="where the tickets live (default: jira)")
    parser.add_argument(
        "--with",
        dest="products",
        metavar="PRODUCTS",
        help="where people are told beside Slack: teams, email, both with a comma, or none "
        "(default: teams,email with a page, none without)",
    )
    told = parser.parse_args(list(arguments))
    speed = told.speed if told.speed is not None else HEADLESS_SPEED if told.headless else SPEED
    if not 1 <= speed <= 600:
        parser.error("--speed is between 1 and 600")
    named = HERE / f"{told.scenario}.toml"
    products = () if told.headless else PRODUCTS
    if told.products is not None:
        products = tuple(part.strip() for part in told.products.split(",") if part.strip() not in {"", "none"})
    if wrong := sorted(set(products) - set(PRODUCTS)):
        parser.error(f"--with {', '.join(wrong)} is not known; there are {', '.join(PRODUCTS)}, none")
    scenario = named if named.exists() else Path(told.scenario)
    return Options(told.headless, speed, told.port, scenario, told.tracker, products)


class _Show:
    """One demonstration."""

    def __init__(self, options: Options, scenario: Scenario, console: Console) -> None:
        self.options, self.scenario, self.console = options, scenario, console
        clock = Clock(scenario.start, speed=1.0)
        self.world = World(clock, scenario.channels, options.tracker, options.products)
        pace = Pace(options.speed) if options.headless else Pace(options.speed, WATCHED_SPEED, PATIENCE)
        self.player = Player(scenario, self.world, pace, Heard(self._happened, self._settled))
        self.tally = Tally(self.world, self.player)
        self._lock = Lock()
        self._began = time.monotonic()

    def run(self) -> int:
        """Play it; answers the exit code."""
        where = f"a {self.world.desk.product} and a Slack in a box, ×{self.options.speed:g}"
        self._say("", f"[bold]{escape(self.scenario.title)}[/]  ({where})")
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pointman-demo-")))
            stack.enter_context(self.world)
            stop = stack.enter_context(_stoppable())
            pointman = Pointman(self.world, folder, self._heard)
            pointman.install()
            stack.callback(pointman.stop)
            pointman.start()
            if not self.options.headless:
                self._open_page(stack, pointman)
            pointman.wait()
            fine = self.player.play(stop)
            self._stay(stop)
        finished = self.player.done
        self._sum_up()
        return 0 if fine and finished else 1

    def _open_page(self, stack: ExitStack, pointman: Pointman) -> None:
        from sandbox.page import Beside, Page

        keeper, workbench = Keeper(pointman, self._born), Workbench(pointman)
        workbench.start()
        stack.callback(workbench.stop)
        beside = Beside(self.player, keeper, workbench)
        try:
            page = Page(self.world, beside, self.options.port)
        except OSError:  # somebody else has the port
            page = Page(self.world, beside)
        self.tally = page.tally
        address = page.start()
        stack.callback(page.stop)
        pointman.wait()
        keeper.start()
        stack.callback(keeper.stop)
        self._say("", f"[bold]Look at [link={address}]{address}[/link][/], and click; Ctrl-C ends it")

    def _stay(self, stop: Event) -> None:
        """With a page there is more to do when the scenario is over: time runs on as it does outside."""
        if self.options.headless or stop.is_set():
            return
        self.world.hurry(1.0)
        self._say("", "The scenario is over; the page stays. Make a ticket of your own. Ctrl-C ends it.")
        stop.wait()

    def _sum_up(self) -> None:
        player, seconds = self.player, time.monotonic() - self._began
        for problem in player.undone:
            self.console.print(f"[bold red]not done[/]  {escape(problem)}")
        for watched in player.watched:
            if watched.outcome not in {"held", "withdrawn"}:
                said = watched.said or "its moment did not come"
                self.console.print(f"[bold red]not held[/]  {escape(watched.expect.name)}: {escape(said)}")
        if self.tally.killed:
            self.console.print(f"Pointman was killed {self.tally.killed} times")
        withdrawn = sum(watched.outcome == "withdrawn" for watched in player.watched)
        if withdrawn:
            self.console.print(f"{withdrawn} expectations are withdrawn: somebody took a hand in the story")
        self.console.print(
            f"{self.scenario.name}: {player.held} of {len(player.watched)} expectations held, "
            f"{len(self.world.posts())} messages{self._beside()}, "
            f"lost {self.tally.lost}, doubled {self.tally.doubled}, {seconds:.1f} s"
        )

    def _beside(self) -> str:
        """What was told beside Slack, and how much of it says that it may be a repeat."""
        told = said(self.world)
        marked = sum(one.marked for one in told)
        repeats = f" ({marked} marked as a possible repeat)" if marked else ""
        return f" and {len(told)} in {beside(self.world)}{repeats}" if beside(self.world) else ""

    # ---- what is printed

    def _happened(self, _at: timedelta, step: Step) -> None:
        self._say("[bold cyan]people  [/]", escape(str(step)))

    def _settled(self, _at: timedelta, watched: Watched) -> None:
        fine = watched.outcome == "held"
        mark = "[green]expected[/]" if fine else "[bold red]MISSING [/]"
        said = "" if fine or not watched.said else f": {watched.said}"
        self._say(mark, escape(f"{watched.expect.name}{said}"))

    def _born(self, killed: bool) -> None:
        """Pointman has another life; what is expected of it has time from now on."""
        self.player.reborn()
        self._say("[bold red]kill -9 [/]" if killed else "[bold red]ended   [/]", "Pointman is started again")

    def _heard(self, line: Line) -> None:
        event, level = str(line.get("event", "")), str(line.get("level", "info"))
        if event in QUIET or level == "debug":
            return
        colour = {"warning": "yellow", "error": "red", "critical": "red"}.get(level, "magenta")
        self._say(f"[{colour}]pointman[/]", _pointman(line))

    def _say(self, who: str, said: str) -> None:
        with self._lock:
            moment = f"{self.world.clock.now():%H:%M:%S}"
            self.console.print(f"[dim]{moment}[/]  {who}  {said}" if who else said)


def _pointman(line: Line) -> str:
    """One line of Pointman's log in words: on which ticket, what, why."""
    event, ticket, why = (escape(str(line.get(name) or "")) for name in ("event", "ticket", "why"))
    what, said = escape(str(line.get("what") or line.get("key") or "")), escape(str(line.get("said") or ""))
    if event == "effect done":
        what = what.replace("retire what stands in", "take the buttons off in")
        return f"{ticket}  {what}" + (f"  [dim]({why})[/]" if why else "")
    if event == "command":
        by, verb, answer = (escape(str(line.get(name, ""))) for name in ("by", "verb", "answer"))
        return f"hears {by}: {verb}  [dim](answers: {answer})[/]"
    if event == "put failed for now":
        return f"{ticket}  {what}: [yellow]not now[/]  [dim]({said})[/]"
    details = {k: v for k, v in line.items() if k not in {"event", "level", "timestamp", "logger"}}
    return " ".join((event, *(escape(f"{name}={value}") for name, value in details.items())))


@contextmanager
def _stoppable() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set, so that everything is taken down in order."""
    stop = Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before: dict[int, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, ask)
        yield stop
    except ValueError:  # not in the main thread: whoever started us stops us
        yield stop
    finally:
        for asked, handler in before.items():
            signal.signal(asked, handler)
