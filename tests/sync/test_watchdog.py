"""`pointman watch`, `/healthz`, the metrics and the heartbeat: a dead Pointman is found, and a well one is let be."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests
import structlog
from typer.testing import CliRunner, Result

from connectors.problems import Problems
from sandbox.clock import Clock
from sandbox.http import Answer, Asked, Fault, Server
from sandbox.world import World
from sync import config as settings
from sync.cli.app import app
from sync.gate import Gate
from sync.health import Health, Lateness, Swept
from sync.heartbeat import Heartbeat
from sync.overdue import Overdue, Register
from sync.queue import Depth
from tests.sync.installation import install
from tests.sync.test_cli import POINTMAN, start
from tests.sync.test_run import Installed, until

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def world() -> Iterator[World]:
    with World(Clock(datetime.now(UTC), speed=0)) as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, world: World) -> Path:
    path = install(tmp_path, world)
    for file in (path, *path.parent.rglob("*.toml")):
        os.utime(file, (0, 0))  # the rules have been what they are for long
    return path


COUNTED = r"^pointman_overdue_effects [1-9]"


def watch(config: Path, *args: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["watch", "--config", str(config), *args])


def later(world: World, **by: int) -> None:
    world.clock.advance(timedelta(**by))


def test_a_killed_process_is_found_and_after_a_restart_all_is_well(config: Path, world: World) -> None:
    running, url = start(config)
    try:
        until(lambda: requests.get(url + "/readyz", timeout=10).status_code == 200)
        key = world.create("ann", {"Summary": "Checkout is down"})
        until(world.posts)
        until(lambda: world.logs(key))
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=30)
    assert watch(config).output == "nothing is overdue by more than 5m: 1 ticket\n"
    later(world, minutes=13)  # the call was due after five
    seen, world.server.remember = world.server.seen, True
    before = world.fingerprint()
    done = watch(config)
    assert done.exit_code == 1
    assert re.search(rf"{key} +(7m5\ds|8m\d*s?) +call #incidents +escalate unacknowledged +owed", done.output)
    assert done.output.endswith("1 overdue by more than 5m, of 1 ticket\n")
    assert world.fingerprint() == before
    assert not [a for a, _ in seen if a.method != "GET" and not a.path.rpartition("/3/")[2].startswith("search")]
    assert watch(config, "--tolerance", "30m").exit_code == 0
    swept = CliRunner().invoke(app, ["sweep", "--once", "--config", str(config)])
    assert swept.exit_code == 0, swept.output
    assert [post.text for post in world.posts()][-1] == f"{key}: nobody has acknowledged"
    done = watch(config)
    assert (done.exit_code, done.output) == (0, "nothing is overdue by more than 5m: 1 ticket\n")


def test_programs_are_told_as_well(config: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    later(world, minutes=6)
    done = watch(config, "--format", "json")
    said = json.loads(done.output)
    assert (done.exit_code, said["ok"], said["tickets"]) == (1, False, 1)
    assert {one["effect"] for one in said["overdue"]} >= {"field:severity", "notify:card>slack:#incidents"}
    assert {(one["ticket"], one["kind"]) for one in said["overdue"]} == {(key, "owed")}
    assert all(300 <= one["late"] <= 420 for one in said["overdue"])


def test_rules_that_were_saved_a_moment_ago_are_given_the_time_to_be_carried_out(config: Path, world: World) -> None:
    world.create("ann", {"Summary": "Checkout is down"})
    later(world, minutes=6)
    assert watch(config).exit_code == 1
    (config.parent / "rules.d" / "rules.toml").touch()
    assert watch(config).exit_code == 0


@pytest.mark.parametrize("style", ["text", "json"])
def test_where_nothing_can_be_said_the_exit_code_is_two(config: Path, world: World, style: str) -> None:
    world.server.fail(Fault(lambda asked: True, Answer(503, "down"), times=99))
    done = watch(config, "--format", style)
    assert done.exit_code == 2
    assert "it cannot be said whether anything is overdue: " in done.output
    assert world.jira.token not in done.output
    if style == "json":
        assert json.loads(done.stdout)["ok"] is None
    world.server.heal()
    rules = config.parent / "rules.d" / "rules.toml"
    rules.write_text(rules.read_text().replace('severity == "high"', 'sevrity == "high"'))
    assert watch(config, "--format", style).exit_code == 2
    assert watch(config.parent / "none.toml", "--format", style).exit_code == 2
    assert watch(config, "--tolerance", "soon").exit_code == 2


def test_it_runs_from_cron_in_an_empty_environment(config: Path, world: World) -> None:
    done = subprocess.run(
        [POINTMAN, "watch", "-c", config], capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin"}, cwd="/",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing is overdue by more than 5m: 0 tickets\n", "")


# ---- a process of itself


def test_healthz_and_the_metrics_tell_what_is_overdue(tmp_path: Path, world: World) -> None:
    installed = Installed(tmp_path, world)
    try:
        until(installed.ready)
        assert installed.get("/healthz").json()["overdue"] == {"count": 0, "oldest_seconds": 0, "effects": []}
        key = world.create("ann", {"Summary": "Checkout is down"})
        until(lambda: world.logs(key))
        world.slack.server.fail(Fault(lambda asked: True, Answer(503, "down"), times=10**6))
        later(world, minutes=12)
        said: dict[str, Any] = {}  # while a call is in flight again it is not overdue, so each answer is read once
        until(lambda: said.update(installed.get("/healthz").json()) or said["overdue"]["count"])
        assert said["status"] == "degraded"
        assert said["overdue"]["effects"][0]["ticket"] == key
        assert 300 <= said["overdue"]["oldest_seconds"] <= 720
        told: list[str] = []
        until(lambda: told.append(installed.get("/metrics").text) or re.search(COUNTED, told[-1], re.MULTILINE))
        assert re.search(r"^pointman_oldest_overdue_seconds [3-7]\d\d", told[-1], re.MULTILINE)
    finally:
        installed.running.stop(timedelta(seconds=5))


# ---- the heartbeat


class Switch:
    """A dead man's switch: it counts what it hears."""

    def __init__(self) -> None:
        self.heard: list[Asked] = []
        self.answer = Answer(200, "OK")
        self.server = Server(self._take)

    def _take(self, asked: Asked) -> Answer:
        self.heard.append(asked)
        return self.answer


@pytest.fixture
def switch() -> Iterator[Switch]:
    made = Switch()
    with made.server:
        yield made


def health(swept: Swept, register: Register, now: datetime = NOW) -> Health:
    depth = Depth(0, 0, 0)
    late = Lateness(register, lambda: now)
    return Health(("jira",), Gate(), swept, lambda: depth, {}, lambda: (1, "x"), lateness=late)


class Late(Register):
    """Somebody was not called."""

    def late(self, now: datetime, tolerance: timedelta = MINUTE) -> tuple[Overdue, ...]:
        return (Overdue("OPS-1", "1", "escalate:x>y", "call tom", now - MINUTE),)


UNWELL = [
    ("all is well", Swept(last=NOW), Register(), ""),
    ("never swept", Swept(), Register(), "the tracker has not been listed yet"),
    ("the tracker is away", Swept(last=NOW, failing=NOW, said="503"), Register(), "the last sweep failed: 503"),
    ("the sweep hangs", Swept(last=NOW - 10 * MINUTE), Register(), "no sweep has ended since"),
    ("the list lacks tickets", Swept(last=NOW, doubt="the list lacks HOME-1"), Register(), "the list lacks HOME-1"),
    ("something is overdue", Swept(last=NOW), Late(), "1 effects are overdue"),
]


@pytest.mark.parametrize(("why", "swept", "register", "said"), UNWELL, ids=lambda v: str(v)[:24])
def test_the_heart_beats_only_while_all_is_well(
    switch: Switch, why: str, swept: Swept, register: Register, said: str
) -> None:
    judged = health(swept, register)
    assert said in judged.unwell(MINUTE), why
    assert bool(judged.unwell(MINUTE)) is bool(said), why
    heart = Heartbeat(f"{switch.server.url}/ping/uuid", MINUTE, lambda: judged.unwell(MINUTE))
    assert [heart.beat(), heart.beat()] == [not said] * 2
    assert [(asked.method, asked.path) for asked in switch.heard] == ([] if said else [("GET", "/ping/uuid")] * 2)
    judged.stopping = True
    assert not heart.beat()


@pytest.mark.parametrize("trouble", ["gone", "refused", "hung up", "broken inside"])
def test_a_switch_that_does_not_hear_disturbs_nobody_and_is_told_once(
    switch: Switch, trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "http://127.0.0.1:9/secret" if trouble == "gone" else f"{switch.server.url}/secret"
    switch.answer = Answer(404 if trouble == "refused" else 200)

    def unwell() -> str:
        if trouble == "broken inside":
            raise RuntimeError("secret")
        return ""

    heart = Heartbeat(url, MINUTE, unwell)
    switch.server.fail(Fault(lambda asked: trouble == "hung up", drop=True, times=9))
    assert [heart.beat(), heart.beat()] == [False, False]
    told = capsys.readouterr().out
    assert told.count("no heartbeat") == 1
    assert "secret" not in told


def test_a_heart_that_is_asked_to_stop_beats_no_more(switch: Switch) -> None:
    stop = Event()

    def unwell() -> str:
        if len(switch.heard) == 2:
            stop.set()
        return ""

    Heartbeat(switch.server.url + "/", timedelta(milliseconds=1), unwell).run(stop)
    assert len(switch.heard) == 3


def test_a_running_pointman_beats_by_its_configuration(tmp_path: Path, world: World, switch: Switch) -> None:
    more = f"""[heartbeat]\nurl = "{switch.server.url}/ping/a-secret-uuid"\nevery = "0.1"\n"""
    installed = Installed(tmp_path, world, more)
    try:
        until(lambda: switch.heard)
        assert installed.parts.config.secrets() >= {f"{switch.server.url}/ping/a-secret-uuid"}
        assert "a-secret-uuid" not in repr(installed.parts.config)
        world.server.fail(Fault(lambda asked: True, Answer(503, "down"), times=10**6))
        until(lambda: installed.parts.health.swept.failing)
        count = len(switch.heard)
        until(lambda: installed.parts.health.unwell(MINUTE))
        assert len(switch.heard) <= count + 1
    finally:
        installed.running.stop(timedelta(seconds=5))


def test_a_sweep_without_a_server_beats_as_well(config: Path, world: World, switch: Switch) -> None:
    config.write_text(f'heartbeat = {{ url = "{switch.server.url}/ping", every = "0.1" }}\n' + config.read_text())
    sweeping = subprocess.Popen([POINTMAN, "sweep", "-c", config], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: switch.heard, 20)
        sweeping.send_signal(signal.SIGTERM)
        sweeping.communicate(timeout=30)
    finally:
        sweeping.kill()
    assert sweeping.returncode == 0


def test_a_heartbeat_that_is_misspelt_is_told(config: Path) -> None:
    config.write_text('[heartbeat]\nurls = "x"\n' + config.read_text())
    with pytest.raises(Problems, match=r"no setting urls; did you mean url\?"):
        settings.load(config)
    config.write_text(config.read_text().replace('urls = "x"', 'url = "hc-ping.com/uuid"'))
    with pytest.raises(Problems, match="must begin with https://") as told:
        settings.load(config)
    assert "uuid" not in str(told.value)
