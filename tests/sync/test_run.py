"""The parts together: the real engine and the real connectors against a Jira and a Slack in a box."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from sandbox.world import World
from sync import config
from sync.run import Running, assemble, read_rules, sweep_once
from tests.sync.installation import RULES, SECRET, install

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs


def until(true: Callable[[], object], seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true"
        time.sleep(0.02)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


class Installed:
    """A running Pointman in a folder of its own."""

    def __init__(self, folder: Path, world: World, more: str = "") -> None:
        self.folder, self.world = folder, world
        read = config.load(install(folder, world, more))
        self.parts = assemble(read, read_rules(read))
        self.running = Running(self.parts)
        self.url = f"http://127.0.0.1:{self.running.start()}"
        world.connect(self.url, SECRET)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=10)

    def ready(self) -> bool:
        return self.get("/readyz").status_code == 200


@pytest.fixture
def installed(tmp_path: Path, world: World) -> Iterator[Installed]:
    made = Installed(tmp_path, world)
    yield made
    made.running.stop(timedelta(seconds=5))


def test_a_ticket_changes_the_rules_decide_slack_hears_and_the_ticket_remembers(installed: Installed) -> None:
    world = installed.world
    until(installed.ready)
    key = world.create("ann", {"Summary": "Checkout is down"})
    until(world.posts)
    until(lambda: world.logs(key))
    assert [post.text for post in world.posts("#incidents")] == [f"{key}: Checkout is down"]
    assert world.value(key, "Severity") == "High"
    assert "severity = high" in world.logs(key)[0]
    world.click("tom", world.posts()[0], "Acknowledge")
    until(lambda: not world.posts()[0].buttons)
    assert "tom: acknowledge" in world.logs(key)[0]
    assert world.doubled() == ()


def test_what_happened_without_a_webhook_is_noticed_by_the_sweep(installed: Installed) -> None:
    installed.world.jira.hooks.hooks.clear()
    installed.world.create("ann", {"Summary": "Checkout is down"})
    until(installed.world.posts)


def test_the_echo_of_our_own_edit_costs_no_request(installed: Installed) -> None:
    until(installed.ready)
    key = installed.world.create("ann", {"Summary": "Checkout is down"})
    until(lambda: installed.world.logs(key))
    said = installed.get("/metrics").text
    assert 'pointman_signals_total{kind="changed",outcome="echo"}' in said


def test_changed_rules_are_taken_up_and_bad_ones_are_told(installed: Installed) -> None:
    world, rules = installed.world, installed.folder / "rules.d" / "rules.toml"
    until(installed.ready)
    world.create("ann", {"Summary": "Printer is jammed"})
    rules.write_text(RULES.replace("mentions(summary, ", "mentions(sumary, "))
    until(lambda: "rules" in installed.get("/healthz").json()["notices"])
    rules.write_text(RULES.replace('summary, "down"', 'summary, "down", "jammed"'))
    until(world.posts)
    assert installed.get("/healthz").json()["notices"] == {}


def test_a_tracker_that_is_away_makes_it_unready_not_dead_and_its_return_is_noticed(
    tmp_path: Path, world: World
) -> None:
    world.outage("jira", world.clock.now(), world.clock.now() + timedelta(seconds=2))
    installed = Installed(tmp_path, world)
    try:
        until(lambda: installed.get("/healthz").json()["sweep"].get("failing_since"))
        assert not installed.ready()
        assert installed.get("/healthz").json()["products"]["jira"]["state"] == "temporary"
        until(installed.ready, 20)
        world.create("ann", {"Summary": "Checkout is down"})
        until(world.posts, 20)
    finally:
        assert installed.running.stop(timedelta(seconds=5))


def test_a_sweep_from_cron_does_all_that_is_owed_and_ends(tmp_path: Path, world: World) -> None:
    path = install(tmp_path, world)
    for number in range(3):
        world.create("ann", {"Summary": f"Checkout is down ({number})"})
    read = config.load(path)
    parts = assemble(read, read_rules(read))
    done = sweep_once(parts)
    parts.close()
    assert (done.listed, done.queued) == (3, 3)
    assert len(world.posts("#incidents")) == 3, "one a second is Slack's pace, and the sweep has waited for it"
    again = assemble(read, read_rules(read))
    sweep_once(again)
    again.close()
    assert len(world.posts("#incidents")) == 3
    assert world.doubled() == ()
