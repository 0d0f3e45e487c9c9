"""Killed ten times over ServiceNow, Slack, Teams and mail: nothing is lost, and what may be a repeat says so.

Nobody can look in Teams or in a mailbox whether a message arrived. The story is the demonstration's, killed three times
at the worst moments there are: the product has taken the message, and its answer meets nobody. The other seven come as
a newcomer presses the button: several in a row, when a call is due, while Slack is away, just after a click.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.clock import Clock
from sandbox.elsewhere import said
from sandbox.http import Answer, Asked
from sandbox.keeper import Keeper
from sandbox.player import Pace, Player
from sandbox.process import Pointman
from sandbox.scenario import HERE, load
from sandbox.tally import PATIENCE, Tally
from sandbox.world import PRODUCTS, World

pytestmark = pytest.mark.long(20)
SCENARIO = load(HERE / "checkout-down.toml")
PRESSES = [timedelta(minutes=minute) for minute in (4, 4, 15, 15, 20, 20, 20)]


def deadly(world: World, kill: Callable[[], object], texts: Iterable[str]) -> None:
    """Kill Pointman as soon as Teams has taken its first post with each of these texts, and on its first mail."""
    assert world.teams is not None
    assert world.mail is not None
    teams, deliver = world.teams.state.handle, world.mail.state.deliver
    left, mails = list(texts), [1]

    def answer(asked: Asked) -> Answer:
        told = teams(asked)
        if asked.method == "POST" and told.status == 201:
            for text in [text for text in left if text in asked.body.decode("utf-8")]:
                left.remove(text)
                kill()
        return told

    def take(sender: str, to: Iterable[str], raw: bytes) -> None:
        deliver(sender, to, raw)
        if mails and mails.pop():
            kill()

    world.teams.server.handler = answer
    world.mail.state.deliver = take  # type: ignore[method-assign]  # the server as it is, and then the kill


@pytest.mark.timeout(240)
def test_ten_kills_lose_nothing_and_only_what_was_in_flight_is_told_again_and_says_so(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = stack.enter_context(World(Clock(SCENARIO.start), SCENARIO.channels, "servicenow", PRODUCTS))
        player, stop = Player(SCENARIO, world, Pace(fast=300.0, waiting=300.0, patience=PATIENCE)), threading.Event()
        pointman = Pointman(world, tmp_path)
        pointman.install()
        pointman.start()
        stack.callback(pointman.stop)
        pointman.wait()
        keeper = Keeper(pointman, lambda _: player.reborn())
        keeper.start()
        stack.callback(keeper.stop)
        deadly(world, keeper.kill, ("Severity", "nobody has acknowledged"))
        plays = threading.Thread(target=player.play, args=(stop,), daemon=True)
        plays.start()
        stack.callback(plays.join)
        stack.callback(stop.set)
        until, presses = time.monotonic() + 200, deque(PRESSES)
        while not player.done and time.monotonic() < until:
            while presses and player.elapsed >= presses[0]:
                presses.popleft()
                keeper.kill()
            time.sleep(0.02)
        tally = Tally(world, player, keeper)
        failed = [(watched.expect.name, watched.said) for watched in player.watched if watched.outcome != "held"]
        assert (failed, player.held) == ([], len(SCENARIO.expects))
        print(f"{tally.repeats}, {pointman.started} lives")
        assert (tally.killed, tally.lost, tally.doubled) == (10, 0, 0)
        assert (tally.repeats.doubled, 3 <= tally.repeats.marked <= tally.killed) == (0, True), tally.repeats
        assert {one.place.partition(":")[0] for one in said(world) if one.marked} == {"teams", "mail"}
