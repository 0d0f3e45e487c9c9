"""The real process is killed with SIGKILL fifty times while a scenario plays, and nobody can tell by the end.

It dies at random moments: most often as a request of its own reaches a product, before or after the product carried it
out, sometimes at any time between. The same scenario is played without kills, and the two worlds are compared.

Each life is a process of its own that runs the command `pointman run`. It is forked from one that has imported the
program and done nothing else, since fifty cold starts would take a minute and a half.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from subprocess import PIPE
from threading import Event

import pytest

from sandbox.clock import Clock
from sandbox.http import Asked, Fault
from sandbox.player import Pace, Player
from sandbox.process import Pointman
from sandbox.scenario import HERE, Expect, Scenario, load
from sandbox.world import World

KILLS = 50
NURSERY = """
import os, signal, sys
import sync.cli, sync.run, connectors.jira, connectors.slack, jira, slack_sdk, re2, jinja2, markdown_it
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
WRITES = ("chat.postMessage", "chat.update", "/transitions", "/properties/pointman", "/10001", "/10002")
LONGEST = 100.0
"""Real seconds after which the scenario counts as stuck."""


def patient(scenario: Scenario) -> Scenario:
    """The same story for a process that is dead half of the time: late is well, lost or doubled is not."""

    def waiting(expect: Expect) -> Expect:
        if expect.quiet and expect.until is not None:  # a claim left open is settled after two minutes
            return replace(expect, at=expect.at + timedelta(minutes=5), until=expect.until + timedelta(minutes=5))
        return replace(expect, within=timedelta(hours=2))

    return replace(scenario, expects=tuple(waiting(expect) for expect in scenario.expects))


class Lives(Pointman):
    """The process, life after life, each forked from a nursery; what it logs stands in a file."""

    def nursery(self) -> subprocess.Popen[str]:
        """The process that the lives come from; kill it in the end."""
        with (self.folder / "pointman.log").open("w") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, "-c", NURSERY], stdin=PIPE, stdout=PIPE, stderr=log, text=True, env=self.environment()
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

    def __init__(self, pointman: Pointman, player: Player, world: World, random: Random) -> None:
        self.pointman, self.player, self.world, self.random = pointman, player, world, random
        self.left = self.armed = 0
        self.at: float | None = None
        self.deaths: Counter[str] = Counter()
        for server in (world.server, world.slack.server):
            server.fail(Fault(lambda asked: self.fatal(asked, done=False), drop=True, times=10**9))
            server.fail(Fault(lambda asked: self.fatal(asked, done=True), done=True, drop=True, times=10**9))

    def arm(self) -> None:
        """Choose the next moment: at one of the coming writes, or of all requests, or after some time."""
        self.armed, self.at, self.done = 0, None, self.random.random() < 0.6
        if self.pointman.killed >= KILLS:
            return
        how = self.random.random()
        self.writes = how < 0.6
        if how < 0.8:
            self.armed = self.random.randint(1, 4 if self.writes else 15)
        else:
            self.at = time.monotonic() + self.random.uniform(0.0, 0.8)

    def fatal(self, asked: Asked, *, done: bool) -> bool:
        """Whether this request is the last one of a life."""
        if self.armed < 1 or done != self.done or (self.writes and not asked.path.endswith(WRITES)):
            return False
        if asked.path.endswith("/search/jql") or (self.writes and asked.method == "GET"):
            return False
        self.armed -= 1
        if self.armed:
            return False
        self.deaths[f"{asked.method} {asked.path.rpartition('/')[2]}"] += 1
        self.pointman.kill()
        return True

    def tick(self) -> None:
        """Kill when the time has come, and start again what is dead."""
        if self.at is not None and time.monotonic() >= self.at and self.pointman.alive:
            self.at = None
            self.deaths["in between"] += 1
            self.pointman.kill()
        if not self.pointman.alive:
            away = timedelta(seconds=self.random.choice((0, 0, 20, 130)))
            if self.player.spare > away:
                self.world.clock.advance(away)
            self.arm()
            self.pointman.start()


def played(scenario: Scenario, folder: Path, random: Random | None) -> tuple[World, Player, Reaper]:
    """The world at the end of the scenario. Without `random` nobody is killed."""
    world = World(Clock(scenario.start, 0.0), scenario.channels)
    with world:
        pointman = Lives(world, folder)
        pointman.install()
        nursery = pointman.nursery()
        pointman.start()
        pointman.wait()
        player = Player(scenario, world, Pace(240.0, 30.0, patience=25.0))
        reaper = Reaper(pointman, player, world, random or Random(0))
        until = time.monotonic() + LONGEST
        try:
            player.begin()
            if random is not None:
                reaper.arm()
            while not player.done and time.monotonic() < until:
                player.tick()
                reaper.tick()
                Event().wait(0.01)
        finally:
            pointman.stop()
            nursery.kill()
            nursery.communicate()
    return world, player, reaper


def state(world: World) -> dict[str, object]:
    """What people can see at the end, without moments."""
    tickets = {}
    for view in world.jira.views():
        words = {name: value for name, value in view["fields"].items() if value is not None}
        changes = Counter((c["by"], c["field"], c["before"], c["after"]) for c in view["history"])
        tickets[view["key"]] = (words, changes, len(world.logs(view["key"])))
    posts = Counter((p.place, p.text, p.buttons, bool(p.message.thread_ts)) for p in world.posts())
    return {"tickets": tickets, "posts": posts}


@pytest.mark.timeout(240)
def test_fifty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    scenario = patient(load(HERE / "checkout-down.toml"))
    print(f"KILL_SEED={SEED}")
    undisturbed, calm, _ = played(scenario, tmp_path / "calm", None)
    assert [(w.expect.name, w.said) for w in calm.watched if w.outcome != "held"] == []
    world, player, reaper = played(scenario, tmp_path / "killed", Random(SEED))
    print(f"{reaper.pointman.killed} kills, {reaper.pointman.started} starts: {dict(reaper.deaths)}")
    assert [(w.expect.name, w.outcome, w.said) for w in player.watched if w.outcome != "held"] == []
    assert reaper.pointman.killed == KILLS
    assert (player.lost, player.doubled) == (0, 0)
    assert state(world) == state(undisturbed)
