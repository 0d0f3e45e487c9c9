"""The real process is killed with SIGKILL again and again while a scenario plays, and nobody can tell by the end.

It dies at random moments: most often as a request of its own reaches a product, before or after the product carried it
out, sometimes at any time between. The same scenario is played without kills, and the two worlds are compared.

Each life is a process of its own that runs the command `pointman run`. It is forked from one that has imported the
program and done nothing else, since fifty cold starts would take a minute and a half.

It plays over Jira and Slack, and over ServiceNow with Teams and a mail server beside Slack. Those two cannot be
searched: what was in flight is told again there, at most once for each death, and says that it may be a repeat.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from subprocess import PIPE

import pytest

from sandbox.clock import Clock
from sandbox.elsewhere import Repeats, once, repeats, said
from sandbox.http import Asked, Fault
from sandbox.mail.state import Hitch, Stage
from sandbox.player import Pace, Player
from sandbox.process import Pointman
from sandbox.scenario import HERE, Expect, Scenario, Step, load
from sandbox.world import World

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
NURSERY = """
import os, signal, sys
import sync.cli, sync.run, connectors.slack, slack_sdk, re2, jinja2, markdown_it, {more}
import uvicorn.protocols.http.auto, uvicorn.loops.auto
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if pid := os.fork():
        print(pid, flush=True)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0), os.dup2(nothing, 1)
    sys.argv = ["pointman", "run", "--config", line.strip()]
    try:
        sync.cli.main()
    finally:
        os._exit(0)
"""
SEED = int(os.environ.get("KILL_SEED", "20261123"))
PACE = Pace(fast=300.0, waiting=300.0, patience=25.0)
TIME = "20-time.toml"
LADDER = """
[change."incident.unacknowledged"]
steps = [{ after = "5m", to = ["on-call:team"] }, { after = "15m", to = ["lead:team", "place:incidents"] }]
repeat = { every = "5d", times = 1 }
[change."incident.management"]
steps = [{ after = "5d", to = ["audience:management"] }]
"""
"""The later steps come later: with fifty deaths in it, the story takes more than half an hour.

For the same reason no clock runs and no update goes out (`TIME`): how many there are says how long the story took. That
each is told once whenever the process dies is claimed in `test_update_crashes.py` and `test_kill_button.py`.
"""
UNTIMED = {
    "the ticket says until when it must be restored",
    "Tom, who has it, is asked for an update first",
    "management hears how it stands, and when it hears again",
    "management hears nothing again, since it is not that bad any more",
    "customers hear what they may, and no more",
    "customers hear the same by mail",
    "the lead is warned while there is time",
    "it was restored in time",
}
"""What is expected of them."""


@dataclass(frozen=True)
class Company:
    """Where a company's tickets live, where it is told beside Slack, how often the process dies.

    `modules` are what it imports, `busy` the minutes at which a title changes, `writes` the ends of paths of writes.
    """

    tracker: str
    products: tuple[str, ...]
    kills: int
    modules: str
    busy: tuple[int, ...]
    writes: tuple[str, ...]


COMPANIES = {
    "jira": Company(
        "jira", (), 50, "connectors.jira, jira", (1, 3, 6, 8, 10, 12, 19, 21, 22, 24, 25, 26, 28),
        ("/transitions", "/properties/pointman", "/10001", "/10004", "/10007")
    ),
    "servicenow, teams and mail": Company(
        "servicenow", ("teams", "email"), 15,
        "connectors.servicenow.tracker, connectors.teams.messenger, connectors.email.messenger, pysnow, msal, jwt",
        (1, 6, 12, 21, 26),
        ("/v3/conversations",),
    ),
}  # fmt: skip
SLACK = ("chat.postMessage", "chat.update")
UNSEEN = {"Pointman"}
"""What changes in a ticket that nobody is shown: the ledger."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\d")
CARD = "\nSeverity"
MEANWHILE = 1.2
"""Real seconds after which a life ends that writes nothing."""
LONGEST = 130.0
"""Real seconds after which the scenario counts as stuck."""
RESTING = timedelta(minutes=12)
"""How long, by the sandbox's clock, a life lasts that has nothing to do but to settle what is open."""


def busier(scenario: Scenario, minutes: Iterable[int]) -> Scenario:
    """The story with more to do in it: a second incident whose title changes all the time, and so does its card.

    It is told for a process that is dead half of the time: late is well, lost or doubled is not.
    """

    def waiting(expect: Expect) -> Expect:
        until = expect.until
        if until is not None and expect.times == 0:  # ten seconds of a call that falls due pass within 33 ms
            until = max(expect.at, until - timedelta(minutes=1))
        return replace(expect, within=timedelta(hours=2), until=until)

    assert {expect.name for expect in scenario.expects} > UNTIMED
    lasting = (expect for expect in scenario.expects if not expect.quiet and expect.name not in UNTIMED)
    steps, expects = list(scenario.steps), [waiting(expect) for expect in lasting]
    for minute in minutes:
        at, title = timedelta(minutes=minute, seconds=30), f"Orders are slow, {minute} errors"
        words = {"Summary": title}
        made = minute == 1
        fields = {**words, "Service": "Orders DB"} if made else words
        steps.append(Step(at, "create" if made else "set", "orders" if made else "", "bob", "orders", fields))
        card = Expect(at, f"the card says {minute} errors", place="#incidents", text=f"{title}\nSeverity", times=None)
        expects.append(waiting(card))
    by_time = sorted(steps, key=lambda s: s.at), sorted(expects, key=lambda e: e.at)
    return replace(scenario, steps=tuple(by_time[0]), expects=tuple(by_time[1]))


class Lives(Pointman):
    """The process, life after life, each forked from a nursery; what it logs stands in a file."""

    def nursery(self, more: str) -> subprocess.Popen[str]:
        """The process that the lives come from, which has imported these as well; kill it in the end."""
        with (self.folder / "pointman.log").open("w") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, "-c", NURSERY.replace("{more}", more)],
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                text=True,
                env=self.environment(),
            )
        self._pid = 0
        return self._nursery

    @property
    def alive(self) -> bool:
        return bool(self._pid) and Path(f"/proc/{self._pid}").exists()

    def start(self) -> None:
        asks, tells = self._nursery.stdin, self._nursery.stdout
        assert asks is not None
        assert tells is not None
        asks.write(f"{self.config}\n")
        asks.flush()
        self._pid = int(tells.readline())
        self.started += 1

    def kill(self) -> None:
        self.killed += self._send(signal.SIGKILL)

    def stop(self) -> None:
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> bool:
        if not self.alive:
            return False
        os.kill(self._pid, number)
        until = time.monotonic() + 10
        while self.alive and time.monotonic() < until:
            time.sleep(0.001)
        return True


class Reaper:
    """Kills the process, again and again, and starts it again; time may have passed meanwhile."""

    def __init__(self, pointman: Pointman, player: Player, company: Company, random: Random) -> None:
        self.pointman, self.player, self.company, self.random = pointman, player, company, random
        self.world = world = pointman.world
        self.armed = 0
        self.at: float | None = None
        self.writes = self.elsewhere = self.done = False
        self.deaths: Counter[str] = Counter()
        servers = [world.server, world.slack.server, *([world.teams.server] if world.teams is not None else [])]
        if world.mail is not None:
            self._hit = world.mail.state.hit
            world.mail.state.hit = self.hit  # type: ignore[method-assign]  # a mail that is taken is an effect too
        for server in servers:
            server.fail(Fault(lambda asked: self.fatal(asked, done=False), drop=True, times=10**9))
            server.fail(Fault(lambda asked: self.fatal(asked, done=True), done=True, drop=True, times=10**9))

    def arm(self) -> None:
        """Choose the next moment: at one of the coming writes, or of all requests, or after some time."""
        self.armed, self.at, self.done = 0, None, self.random.random() < 0.6
        if self.pointman.killed >= self.company.kills:
            return
        how = self.random.random()
        self.writes = how < 0.6
        self.elsewhere = bool(self.company.products) and how < 0.4
        if how < 0.8:
            self.armed = self.random.randint(1, (2 if self.elsewhere else 3) if self.writes else 15)
        self.at = time.monotonic() + (MEANWHILE if self.armed else self.random.uniform(0.0, 0.6))

    def fatal(self, asked: Asked, *, done: bool) -> bool:
        """Whether this request is the last one of a life."""
        if self.armed < 1 or done != self.done or (self.writes and not self._writes(asked)):
            return False
        if self.world.desk.asks_what_changed(asked):
            return False
        return self._struck(f"{asked.method} {asked.path.rpartition('/')[2]}")

    def hit(self, stage: Stage, *about: str) -> Hitch | None:
        """Whether a mail that has just come in is the last thing that this life does."""
        if stage == "end" and self.armed >= 1 and self._struck("a mail"):
            return Hitch("end", done=self.done, drop=True)
        return self._hit(stage, *about)

    def _writes(self, asked: Asked) -> bool:
        """Whether a request changes what people see, or what the ticket remembers."""
        if asked.method == "PATCH":
            return not self.elsewhere
        if self.elsewhere:
            return asked.method != "GET" and "/v3/conversations" in asked.path
        return asked.method != "GET" and asked.path.endswith((*SLACK, *self.company.writes))

    def _struck(self, by: str) -> bool:
        """Count one more; whether it was the last one."""
        self.armed -= 1
        if self.armed:
            return False
        self.deaths[by] += 1
        self.pointman.kill()
        return True

    def tick(self) -> None:
        """Kill when the time has come, and start again what is dead."""
        if self.at is not None and time.monotonic() >= self.at and self.pointman.alive:
            self.at, self.armed = None, 0
            self.deaths["in between"] += 1
            self.pointman.kill()
        if not self.pointman.alive:
            away = timedelta(seconds=self.random.choice((0, 0, 20, 130)))
            if self.player.spare > away:
                self.world.clock.advance(away)
            self.arm()
            self.pointman.start()


def played(scenario: Scenario, company: Company, folder: Path, random: Random | None) -> tuple[World, Player, Reaper]:
    """The world at the end of the scenario. Without `random` nobody is killed."""
    world = World(Clock(scenario.start, 0.0), scenario.channels, company.tracker, company.products)
    with world:
        pointman = Lives(world, folder)
        pointman.install()
        (folder / "rules.d" / "90-ladder.toml").write_text(LADDER)
        (folder / "rules.d" / TIME).unlink()
        nursery = pointman.nursery(company.modules)
        pointman.start()
        pointman.wait()
        player = Player(scenario, world, PACE)
        reaper = Reaper(pointman, player, company, random or Random(0))
        until = time.monotonic() + LONGEST
        try:
            player.begin()
            if random is not None:
                reaper.arm()
            while time.monotonic() < until and not (
                player.done and (random is None or pointman.killed >= company.kills)
            ):
                player.tick()
                reaper.tick()
                time.sleep(0.01)
            if random is not None:
                rest(world, pointman)
        finally:
            pointman.stop()
            nursery.kill()
            nursery.communicate()
    return world, player, reaper


def rest(world: World, pointman: Lives) -> None:
    """Let claims that were left open be settled; then one more death changes nothing that anybody can see."""
    killed, before = pointman.killed, None
    for _ in range(2):
        pointman.kill()
        pointman.start()
        world.hurry(300.0)
        until = world.clock.now() + RESTING
        while world.clock.now() < until:
            time.sleep(0.02)
        assert before in {None, world.fingerprint()}
        before = world.fingerprint()
    pointman.killed = killed  # these are not of those


def state(world: World) -> Counter[tuple[object, ...]]:
    """What people can see at the end, without moments: a fact for each value, change, log and message."""
    facts: Counter[tuple[object, ...]] = Counter()
    for seen in world.desk.tickets():
        key = seen.key
        facts.update((key, name, str(value)) for name, value in seen.words.items() if value)
        changes = ((key, c.by, c.field, c.before, c.after) for c in seen.history if c.field not in UNSEEN)
        facts.update(change for change in changes if not any(MOMENT.match(str(value)) for value in change))
        facts[key, "logs"] = len(world.logs(key))
    for post in world.posts():
        text = post.text.replace(", carts too", "")  # a late call may say the older title
        facts[post.place, text, post.buttons, bool(post.message.thread_ts)] += 1
    for one in once(said(world)):
        if CARD not in one.text:  # what it says last is expected by the scenario
            facts[one.place, one.words.replace(", carts too", ""), bool(one.under)] += 1
    return facts


@pytest.mark.long(70)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", COMPANIES)
def test_kills_lose_nothing_and_double_nothing(tmp_path: Path, name: str) -> None:
    company, scenario = COMPANIES[name], busier(load(HERE / "checkout-down.toml"), COMPANIES[name].busy)
    print(f"KILL_SEED={SEED}")
    undisturbed, calm, _ = played(scenario, company, tmp_path / "calm", None)
    assert [(w.expect.name, w.said) for w in calm.watched if w.outcome != "held"] == []
    world, player, reaper = played(scenario, company, tmp_path / "killed", Random(SEED))
    print(f"{reaper.pointman.killed} kills, {reaper.pointman.started} starts: {dict(reaper.deaths)}")
    assert [(w.expect.name, w.outcome, w.said) for w in player.watched if w.outcome != "held"] == []
    assert reaper.pointman.killed >= company.kills
    assert (player.lost, player.doubled) == (0, 0)
    found, wanted = state(world), state(undisturbed)
    assert (found - wanted, wanted - found) == (Counter(), Counter())
    told = repeats(world)
    print(f"{told.marked} repeats that say so")
    assert told.doubled == 0
    assert told.marked <= company.kills
    assert repeats(undisturbed) == Repeats()
