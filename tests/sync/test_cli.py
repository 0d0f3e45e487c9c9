"""The command line: what it says, for whom, and with which exit code."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import requests
import structlog
from typer.testing import CliRunner, Result

from connectors.problems import Problem, Where
from sandbox.world import World
from sync.cli import console
from sync.cli.app import app
from tests.sync.installation import RULES, SECRET, install

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
POINTMAN = Path(sys.executable).parent / "pointman"
WRONG = RULES.replace('severity == "high"\'\nto', 'sevrity == "high"\'\nto')


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """A command sends this process's log to the stream it was called with; give it back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, world: World) -> Path:
    return install(tmp_path, world)


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


# ---- check


def test_what_is_fine_is_said_in_one_line(config: Path) -> None:
    done = call("check", "--config", config)
    assert (done.exit_code, done.output) == (0, "3 rules in 1 files are fine\n")


def test_a_mistake_in_a_rule_is_told_with_its_place_and_is_one_problem(config: Path) -> None:
    (config.parent / "rules.d" / "rules.toml").write_text(WRONG)
    done = call("check", "--config", config)
    assert done.exit_code == 1
    assert done.output.replace(str(config.parent) + "/", "") == (
        "rules.d/rules.toml:21:9  notify card: no field sevrity; did you mean severity?\n"
        "    when = 'sevrity == \"high\"'\n"
        "            ^^^^^^^\n"
        "1 problem\n"
    )


def test_a_mistake_is_told_to_programs(config: Path) -> None:
    (config.parent / "rules.d" / "rules.toml").write_text(WRONG)
    done = call("check", "--config", config, "--format", "json")
    said = json.loads(done.output)
    assert (done.exit_code, said["ok"]) == (1, False)
    assert said["problems"] == [
        {
            "level": "error",
            "file": str(config.parent / "rules.d" / "rules.toml"),
            "line": 21,
            "column": 9,
            "length": 7,
            "rule": "notify card",
            "message": "no field sevrity",
            "hint": "did you mean severity?",
        }
    ]


def test_a_mistake_is_told_to_github_at_its_line(config: Path) -> None:
    (config.parent / "rules.d" / "rules.toml").write_text(WRONG)
    done = call("check", "--config", config, "--format", "github")
    file = config.parent / "rules.d" / "rules.toml"
    said = "notify card: no field sevrity; did you mean severity?"
    assert (done.exit_code, done.output) == (1, f"::error file={file},line=21,col=9,endColumn=16::{said}\n")


def test_mistakes_in_the_configuration_and_in_the_rules_are_told_together(config: Path) -> None:
    config.write_text(config.read_text().replace("port = 0", "prot = 0"))
    (config.parent / "rules.d" / "rules.toml").write_text(WRONG)
    done = call("check", "--config", config)
    assert done.exit_code == 1
    assert "no setting prot; did you mean port?" in done.output
    assert "no field sevrity; did you mean severity?" in done.output
    assert done.output.endswith("2 problems\n")


def test_github_hears_of_a_percent_sign_and_of_what_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    problem = Problem(Where("POINTMAN_HOEM"), "no such setting: 100%\nof it", level="warning")
    assert console.told([problem], "github", "", Path("config.toml")) == 0
    assert capsys.readouterr().out == "::warning ::POINTMAN_HOEM: no such setting: 100%25%0Aof it\n"


def test_warnings_are_told_and_are_no_failure(config: Path) -> None:
    more = '\n[audiences]\nboard = { to = ["email:board@example.org"] }\n'
    (config.parent / "rules.d" / "rules.toml").write_text(RULES.replace("[[classify]]", more + "[[classify]]", 1))
    done = call("check", "--config", config)
    assert done.exit_code == 0
    assert "warning: " in done.output
    assert done.output.endswith("1 warning\n")


@pytest.mark.parametrize("rules", ["rules.d", "elsewhere.d"])
def test_settings_that_are_read_beside_decide_which_rules_are_checked(config: Path, rules: str) -> None:
    (config.parent / "elsewhere.d").mkdir()
    (config.parent / "elsewhere.d" / "rules.toml").write_text(WRONG)
    done = subprocess.run(
        [POINTMAN, "check", "--config", config], capture_output=True, text=True, check=False, timeout=60,
        env={**environment(), "POINTMAN_RULES": rules},
    )  # fmt: skip
    expected = {"rules.d": (0, "3 rules in 1 files are fine"), "elsewhere.d": (1, "1 problem")}
    assert (done.returncode, done.stdout.splitlines()[-1]) == expected[rules]


def test_what_fails_beside_is_done_here() -> None:
    script = """
import os
from sync.cli.beside import Beside
here = os.getpid()
def ask():
    if os.getpid() != here:
        raise RuntimeError("not in this process")
    return "done here"
print(Beside(ask).answer(), Beside(lambda: os.getpid() != here).answer())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "done here True\n"


def test_check_live_tries_every_product(config: Path) -> None:
    done = call("check", "--live", "--config", config)
    assert done.exit_code == 0, done.output


def test_check_live_tells_what_is_not_there(config: Path, world: World) -> None:
    rules = RULES.replace("slack:#incidents", "slack:#incidnets")
    (config.parent / "rules.d" / "rules.toml").write_text(rules)
    config.write_text(config.read_text().replace("customfield_10050", "customfield_99999"))
    done = call("check", "--live", "--config", config)
    assert done.exit_code == 1
    assert "#incidnets" in done.output
    assert "customfield_99999" in done.output
    assert world.jira.token not in done.output
    assert world.slack.state.token not in done.output


# ---- usage


def test_a_missing_configuration_is_wrong_usage(tmp_path: Path) -> None:
    done = call("check", "--config", tmp_path / "config.toml")
    assert done.exit_code == 2
    assert "begin with pointman init" in done.output


@pytest.mark.parametrize(
    "args", [("chekc",), ("plan",), ("check", "--format", "xml"), ("sweep", "--since", "yesterday"), ("run", "--prot")]
)
def test_wrong_usage_ends_with_two(args: tuple[str, ...], config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTMAN_CONFIG", str(config))
    assert call(*args).exit_code == 2


def test_the_configuration_may_be_named_by_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTMAN_CONFIG", str(config))
    assert call("check").exit_code == 0


@pytest.mark.parametrize("command", ["run", "check", "plan", "explain", "apply", "release", "sweep"])
def test_every_command_takes_the_configuration(command: str) -> None:
    done = call(command, "--help")
    assert done.exit_code == 0
    assert "--config" in re.sub(r"\x1b\[[0-9;]*m", "", done.output)


# ---- one ticket


def test_a_plan_says_what_would_be_done_and_does_nothing(config: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    before = world.fingerprint()
    done = call("plan", key, "--config", config)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith(f"{key}  Checkout is down")
    assert re.match(r"NOW .*severity = high", lines[1])
    assert any(re.match(r"NEXT .*#incidents", line) for line in lines)
    assert world.fingerprint() == before


def test_a_plan_is_data_for_programs(config: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    said = json.loads(call("plan", key, "--config", config, "--format", "json").output)
    assert said["key"] == key
    assert {item["status"] for item in said["items"]} >= {"owed", "next"}


def test_a_ticket_that_is_not_there_is_told_in_a_sentence(config: Path) -> None:
    done = call("plan", "OPS-404", "--config", config)
    assert done.exit_code == 1
    assert "OPS-404" in done.output
    assert "Traceback" not in done.output


def test_apply_does_what_is_owed_and_a_second_time_nothing(config: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    done = call("apply", key, "--config", config)
    assert done.exit_code == 0, done.output
    assert [post.text for post in world.posts()] == [f"{key}: Checkout is down"]
    before = world.fingerprint()
    assert call("apply", key, "--config", config).exit_code == 0
    assert world.fingerprint() == before


def test_explain_says_why_and_why_not_with_the_values(config: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    quiet = world.create("ann", {"Summary": "All is well"})
    call("apply", key, "--config", config)
    done = call("explain", key, "--config", config)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == f"{key}  Checkout is down"
    assert re.search(r"(?m)^classify +down +fired", done.output)
    assert re.search(r'mentions\(summary, "down"\) +yes', done.output)
    done = call("explain", quiet, "--config", config)
    assert re.search(r"(?m)^classify +down +did not", done.output)
    assert re.search(r"severity is empty", done.output)


def test_explain_tells_of_a_person_whose_word_stands(config: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    call("apply", key, "--config", config)
    world.change("ann", key, {"Severity": "Low"})
    done = call("explain", key, "--config", config)
    assert re.search(r"(?m)^classify +down +fired, left alone: severity = high by down$", done.output), done.output
    assert re.search(r"(?m)^ +→ left alone +severity = high: Ann\b.* set it \d\d:\d\d$", done.output), done.output


def test_explain_knows_the_ticket_as_it_was(config: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is slow"})
    before = world.clock.now()
    world.clock.advance(timedelta(minutes=10))
    world.change("ann", key, {"Summary": "Checkout is down"})
    then = f"{before:%Y-%m-%dT%H:%M:%SZ}"
    now = json.loads(call("explain", key, "--config", config, "--format", "json").stdout)
    was = json.loads(call("explain", key, "--config", config, "--format", "json", "--at", then).stdout)
    verdicts = [{one["id"]: one["verdict"] for one in said["rules"]}["down"] for said in (now, was)]
    assert verdicts == ["fired", "did not"]


def test_a_sweep_from_cron_says_what_it_did(config: Path, world: World) -> None:
    world.create("ann", {"Summary": "Checkout is down"})
    world.create("ann", {"Summary": "All is well"})
    done = call("sweep", "--once", "--config", config, "--format", "json")
    assert done.stderr == ""
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"listed": 2, "looked_at": 1, "troubles": {}})
    assert len(world.posts()) == 1


def test_a_sweep_whose_product_has_trouble_fails(config: Path, world: World) -> None:
    config.write_text(config.read_text().replace(world.slack.state.token, "xoxb-wrong"))
    world.create("ann", {"Summary": "Checkout is down"})
    done = call("sweep", "--once", "--config", config)
    assert done.exit_code == 1
    assert "slack: " in done.output
    assert "xoxb-wrong" not in done.output


def test_a_release_is_written_on_the_home_ticket(tmp_path: Path, world: World) -> None:
    key = world.create("ann", {"Summary": "Home of Pointman"})
    config = install(tmp_path, world, f'home = "{key}"')
    done = call("release", "--config", config, "--by", "ann")
    assert (done.exit_code, key in done.output) == (0, True)


def test_without_a_home_ticket_there_is_nowhere_to_release(config: Path) -> None:
    done = call("release", "--config", config)
    assert done.exit_code == 1
    assert "home" in done.output


# ---- what there is


def test_every_connector_is_listed_with_its_settings() -> None:
    done = call("connectors")
    assert done.exit_code == 0
    for word in ("jira: Jira", "slack: Slack", "signing_secret", "webhook_secret", "required"):
        assert word in done.output


def test_the_settings_of_connectors_are_data_for_programs() -> None:
    said = json.loads(call("connectors", "--format", "json").output)
    assert "url" in said["jira"]["required"]


def test_the_schema_of_the_configuration_takes_a_right_one_and_refuses_a_wrong_one(config: Path) -> None:
    import tomllib

    schema = json.loads(call("schema", "config").output)
    jsonschema.Draft202012Validator.check_schema(schema)
    right = tomllib.loads(config.read_text())
    del right["start"]  # a moment is a TOML value that JSON does not have
    jsonschema.validate(right, schema)
    for wrong in ({"hoem": "x"}, {"sweep": {"every": "often"}}, {"connectors": {"jira": {"url": 5, "token": "x"}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**right, **wrong}, schema)


def test_the_schema_of_rules_is_a_schema() -> None:
    schema = json.loads(call("schema").output)
    jsonschema.validators.validator_for(schema).check_schema(schema)
    assert "classify" in schema["properties"]


# ---- the real process


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1"}


def start(config: Path) -> tuple[subprocess.Popen[str], str]:
    """A running Pointman and its address, as its log says it."""
    running = subprocess.Popen(
        [POINTMAN, "run", "--config", config], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:
        said = json.loads(line)
        if said["event"] == "pointman runs":
            return running, f"http://127.0.0.1:{said['port']}"
    raise AssertionError("it did not run")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_asked_to_stop_and_stops_gracefully(config: Path, world: World, number: int) -> None:
    running, url = start(config)
    try:
        world.connect(url, SECRET)
        world.create("ann", {"Summary": "Checkout is down"})
        limit = time.monotonic() + 20
        while not world.posts() and time.monotonic() < limit:
            time.sleep(0.05)
        assert requests.get(url + "/healthz", timeout=10).json()["status"] == "ok"
        assert world.posts()
        running.send_signal(number)
        _, told = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 0
    assert json.loads(told.splitlines()[-1])["event"] == "pointman has stopped"
    assert world.jira.token not in told
    assert world.slack.state.token not in told


def test_a_port_that_is_taken_is_told_in_a_sentence(config: Path, world: World) -> None:
    taken = world.server.url.rpartition(":")[2]
    config.write_text(config.read_text().replace("port = 0", f"port = {taken}"))
    done = subprocess.run(
        [POINTMAN, "run", "--config", config], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert f"could not listen on 127.0.0.1:{taken}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_coloured_for_who_wants_no_colour(config: Path) -> None:
    done = subprocess.run(
        [POINTMAN, "check", "--config", config],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        timeout=30,
    )
    assert "\x1b" not in done.stdout


def test_completion_can_be_installed() -> None:
    done = subprocess.run(
        [POINTMAN], capture_output=True, text=True, check=False, timeout=30,
        env={**environment(), "_POINTMAN_COMPLETE": "complete_bash", "COMP_WORDS": "pointman ch", "COMP_CWORD": "1"},
    )  # fmt: skip
    assert "check" in done.stdout
