"""`pointman oncall` and what `check` tells of people's hours, as they are called."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sandbox.http import Answer, Fault, Server
from sandbox.rosters import Duty, RosterState
from sync.cli import oncall
from sync.cli.app import app
from tests.sync.test_completion import bash

pytestmark = pytest.mark.uncounted
SETTINGS = """
[connectors.jira]
url = "https://jira.example.org"
user = "x"
token = "x"
webhook_secret = "x"
project = ["OPS"]
[connectors.slack]
token = "xoxb-x"
signing_secret = "x"
"""
RULES = """
[defaults]
timezone = "Europe/Berlin"
[people]
maria = { email = "m@x.org", name = "Maria Keller" }
ann = { email = "a@x.org", timezone = "America/New_York" }
[schedules]
rota = { rotation = ["maria", "ann"], handover = "Mon 09:00", first = 2026-11-23 }
alone = { rotation = ["ann"], handover = "09:00" }
[teams]
dba = { schedule = "rota" }
web = { schedule = "alone" }
none = { lead = "ann" }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "rules.toml").write_text(RULES)
    path = tmp_path / "config.toml"
    path.write_text(SETTINGS)
    return path


def call(*args: object) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, [str(arg) for arg in args])


def cells(done: Result) -> list[list[str]]:
    """The rows of the table, without its heading."""
    lines = [line for line in done.output.splitlines() if line.strip() and "─" not in line][1:]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_who_is_on_call_until_when_and_who_comes_next(config: Path) -> None:
    done = call("oncall", "--config", config, "--at", "2026-11-25T12:00Z")
    assert done.exit_code == 0
    assert cells(done) == [["dba", "Maria Keller", "Mon 30 Nov 09:00", "ann"], ["web", "ann", "no change in 60 days"]]


def test_a_person_elsewhere_is_told_their_own_time_as_well(config: Path) -> None:
    done = call("oncall", "dba", "--config", config, "--at", "2026-12-02 12:00")
    assert cells(done) == [["dba", "ann", "Mon 07 Dec 09:00 (03:00 America/New_York)", "Maria Keller"]]


def test_a_program_is_told_moments_with_their_zone(config: Path) -> None:
    done = call("oncall", "dba", "--config", config, "--at", "2026-12-02T12:00+01:00", "--format", "json")
    assert json.loads(done.output) == [
        {
            "team": "dba",
            "schedule": "rota",
            "at": "2026-12-02T11:00:00+00:00",
            "person": "ann",
            "name": "ann",
            "until": "2026-12-07T08:00:00+00:00",
            "until_local": "2026-12-07T03:00:00-05:00",
            "next": {"person": "maria", "name": "Maria Keller", "until": "2026-12-14T08:00:00+00:00"},
        }
    ]


def test_nobody_is_an_exit_code_of_its_own(config: Path) -> None:
    rules = config.parent / "rules.d" / "rules.toml"
    rules.write_text(RULES.replace("ann = {", 'ann = { away = ["2026-01-01/2027-12-31"],'))
    done = call("oncall", "web", "--config", config, "--at", "2026-12-02T12:00Z")
    assert (done.exit_code, cells(done)) == (1, [["web", "nobody", "no change in 60 days"]])
    told = json.loads(call("oncall", "web", "--config", config, "--format", "json").output)
    assert (told[0]["person"], told[0]["name"], told[0]["next"]) == (None, None, None)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("dbaa",), 2, "there is no team dbaa; did you mean dba?"),
        (("zzz",), 2, "there is no team zzz; there are dba, web, none"),
        (("none",), 1, "the team none has no schedule"),
        (("dba", "--at", "yesterday"), 2, "yesterday is no moment"),
    ],
)
def test_what_cannot_be_told_is_said(config: Path, args: tuple[str, ...], code: int, said: str) -> None:
    done = call("oncall", *args, "--config", config)
    assert (done.exit_code, said in done.output) == (code, True)


def test_moments_may_be_said_as_people_do(config: Path) -> None:
    assert call("oncall", "--config", config, "--at", "in 2h").exit_code == 0
    assert call("oncall", "--config", config).exit_code == 0


def test_without_any_schedule_that_is_said(config: Path) -> None:
    (config.parent / "rules.d" / "rules.toml").write_text('[defaults]\ntimezone = "UTC"\n')
    assert call("oncall", "--config", config).output == "no team has a schedule\n"


def test_teams_are_completed(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert oncall.names(config) == ["dba", "web", "none"]
    monkeypatch.chdir(config.parent)
    assert bash("pointman oncall d") == {"dba"}
    (config.parent / "rules.d" / "rules.toml").write_text("=")
    assert oncall.names(config) == []
    config.write_text('rules = "rules.d/rules.toml"')
    (config.parent / "rules.d" / "rules.toml").write_text("[teams]\nx = {}")
    assert oncall.names(config) == ["x"]


# ---- where it is kept elsewhere

NOW = datetime.now(UTC)
ELSEWHERE = (
    RULES.replace('rota = { rotation = ["maria", "ann"], handover = "Mon 09:00", first = 2026-11-23 }',
                  'rota = { from = "pagerduty:P1" }')
    + '[[escalate]]\nid = "ladder"\nsteps = [{ after = "5m", to = ["on-call:dba"] }]\n'
)  # fmt: skip


def elsewhere(config: Path, url: str, token: str) -> None:
    config.write_text(f'{SETTINGS}[connectors.pagerduty]\nurl = "{url}"\ntoken = "{token}"\n')
    (config.parent / "rules.d" / "rules.toml").write_text(ELSEWHERE)


def test_it_is_looked_up_where_it_is_kept_and_check_tells_gaps_and_strangers(config: Path) -> None:
    state = RosterState()
    state.put(
        "P1",
        Duty("P1", "Maria Keller", "m@x.org", NOW - timedelta(days=1), NOW + timedelta(days=3)),
        Duty("P2", "Sue Doe", "sue@x.org", NOW + timedelta(days=3), None),
    )
    with Server(state.handle, state.clock) as server:
        elsewhere(config, server.url, state.token)
        done = call("oncall", "dba", "--config", config)
        assert cells(done)[0][:2] == ["dba", "Maria Keller"]
        assert "nobody in [people] is Sue Doe <sue@x.org>" in done.output
        server.fail(Fault(lambda asked: True, Answer(401, "no"), times=9))
        done = call("oncall", "dba", "--config", config)
        assert (done.exit_code, "check the credentials" in done.output) == (1, True)
        assert "nobody is on call" not in call("check", "--config", config).output
        server.heal()
        checked = call("check", "--live", "--config", config).output
        assert "nobody is on call for dba from" in checked
        assert "nobody in [people] is Sue Doe" in checked


def test_what_is_no_such_connector_is_told(config: Path) -> None:
    (config.parent / "rules.d" / "rules.toml").write_text(ELSEWHERE)
    assert (
        "no connector pagerduty is configured, so it is looked up nowhere" in call("check", "--config", config).output
    )
    done = call("oncall", "dba", "--config", config)
    assert (done.exit_code, "no such connector is configured" in done.output) == (1, True)
    assert "pagerduty is no connector of the configuration" in call("check", "--live", "--config", config).output


def test_check_tells_when_nobody_is_on_call(config: Path) -> None:
    rules = config.parent / "rules.d" / "rules.toml"
    ladder = '[[escalate]]\nid = "ladder"\nsteps = [{ after = "5m", to = ["on-call:dba"] }]\n'
    rules.write_text(RULES + ladder)
    assert "warning" not in call("check", "--config", config).output
    rules.write_text(RULES.replace("{ email", '{ away = ["2020-01-01/2999-12-31"], email') + ladder)
    done = call("check", "--config", config)
    assert done.exit_code == 0
    assert "warning: escalate ladder: nobody is on call for dba at any time in the next 30 days" in done.output
