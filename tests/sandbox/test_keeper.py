"""Whoever is kept is killed once for each press, lives again each time, and is not started all the time for nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.clock import Clock
from sandbox.keeper import ALONE, Keeper
from sandbox.process import Pointman
from sandbox.world import World


class _Other(Pointman):
    """A process that does something else, and is up at once."""

    code = ""

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-c", self.code)

    @property
    def ready(self) -> bool:
        return self.alive


@pytest.fixture
def world() -> Iterator[World]:
    with World(Clock()) as made:
        yield made


@pytest.fixture
def kept(world: World, tmp_path: Path) -> Iterator[Callable[[str], Keeper]]:
    made: list[Keeper] = []

    def keep(code: str) -> Keeper:
        pointman = _Other(world, tmp_path)
        pointman.code = code
        pointman.start()
        made.append(Keeper(pointman, lambda killed: lives.append(killed)))
        made[0].start()
        return made[0]

    lives: list[bool] = []
    yield keep
    for keeper in made:
        keeper.stop()
        keeper.pointman.stop()
        assert len(lives) == keeper.pointman.started - 1
        assert sum(lives) == keeper.killed
        assert not keeper.pointman.alive


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_thirty_presses_at_once_are_thirty_deaths_and_one_life_is_left(kept: Callable[[str], Keeper]) -> None:
    keeper = kept("import time; time.sleep(60)")
    with ThreadPoolExecutor(10) as presses:
        assert all(presses.map(lambda _: keeper.kill(), range(30)))
    assert (keeper.killed, keeper.pointman.started, keeper.pointman.alive) == (30, 31, True)
    until(lambda: keeper.up)


def test_a_kill_from_outside_is_counted_and_it_lives_again(kept: Callable[[str], Keeper]) -> None:
    keeper = kept("import time; time.sleep(60)")
    os.kill(keeper.pointman.pid, signal.SIGKILL)
    until(lambda: keeper.killed == 1 and keeper.pointman.alive)


def test_who_does_not_want_to_live_is_not_started_all_the_time(kept: Callable[[str], Keeper]) -> None:
    begun = time.monotonic()
    keeper = kept("")
    until(lambda: keeper.pointman.started >= 3)
    assert time.monotonic() - begun >= 2 * ALONE
    assert keeper.killed == 0


def test_after_the_end_nobody_is_killed_or_started(kept: Callable[[str], Keeper]) -> None:
    keeper = kept("import time; time.sleep(60)")
    keeper.stop()
    assert not keeper.kill()
    assert (keeper.killed, keeper.pointman.started) == (0, 1)
