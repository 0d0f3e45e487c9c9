"""What docs/ci.md and the hooks say is done here, command by command, where all is well and where it is not."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pages import ROOT, blocks
from tests.sync.test_sarif import valid

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
PAGE = ROOT / "docs" / "ci.md"
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
CONFIG = """
[connectors.jira]
url = "https://your-site.atlassian.net"
user = "pointman@example.org"
token = "env/A_TOKEN_THAT_IS_NOT_SET"
[connectors.slack]
token = "env/ANOTHER_TOKEN_THAT_IS_NOT_SET"
"""
RULES = """
[defaults]
timezone = "UTC"

[[classify]]
id = "down"
when = 'mentions(summary, "down")'
set = { severity = "high" }

[[test]]
name = "down is high"
ticket = { summary = "Checkout is down" }
expect = { severity = "high" }
"""
MISTAKE = ("mentions(summary", "mentions(sumary")
FAILURE = ('expect = { severity = "high" }', 'expect = { severity = "low" }')


def page(name: str) -> Any:
    return yaml.safe_load(next(block.text for block in blocks(PAGE, "yaml") if name in block.text.partition("\n")[0]))


STEPS = [step for step in page("rules.yml")["jobs"]["rules"]["steps"] if step.get("run", "").startswith("pointman ")]
SHELL = [line for block in blocks(PAGE, "sh") for line in block.text.splitlines() if "schema" not in line]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which all is well."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "rules.d" / "rules.toml").write_text(RULES, encoding="utf-8")
    return tmp_path


def break_(repository: Path, mistake: tuple[str, str]) -> None:
    file = repository / "rules.d" / "rules.toml"
    text = file.read_text(encoding="utf-8")
    assert mistake[0] in text
    file.write_text(text.replace(*mistake), encoding="utf-8")


def call(repository: Path, command: str) -> subprocess.CompletedProcess[str]:
    """As a shell of a server would."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command], cwd=repository, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def mistake_of(command: str) -> tuple[str, str]:
    return FAILURE if command.startswith("pointman test") else MISTAKE


# ---- hooks


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_lets_what_is_right_through_and_stops_what_is_wrong(hook: dict[str, Any], repository: Path) -> None:
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    fine = call(repository, hook["entry"])
    assert fine.returncode == 0, fine
    break_(repository, mistake_of(hook["entry"]))
    wrong = call(repository, hook["entry"])
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (1, False)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_takes_a_configuration_in_another_folder(hook: dict[str, Any], repository: Path) -> None:
    (repository / "ops").mkdir()
    for name in ("config.toml", "rules.d"):
        (repository / name).rename(repository / "ops" / name)
    (said,) = [line for line in PAGE.read_text(encoding="utf-8").split("`") if line.startswith("args: ")]
    args = yaml.safe_load(said)["args"]
    done = call(repository, shlex.join([*shlex.split(hook["entry"]), *args]))
    assert done.returncode == 0, done


def test_the_page_names_the_hooks_that_there_are() -> None:
    (repo,) = page(".pre-commit-config.yaml")["repos"]
    assert [hook["id"] for hook in repo["hooks"]] == [hook["id"] for hook in HOOKS]


# ---- the workflow


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_a_step_is_green_where_all_is_well(step: dict[str, Any], repository: Path) -> None:
    done = call(repository, step["run"])
    assert done.returncode == 0, done


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_a_step_is_red_where_something_is_wrong(step: dict[str, Any], repository: Path) -> None:
    break_(repository, mistake_of(step["run"]))
    done = call(repository, step["run"])
    assert (done.returncode, done.stderr) == (1, ""), done


def test_the_steps_leave_what_the_next_ones_take(repository: Path) -> None:
    break_(repository, MISTAKE)
    steps = page("rules.yml")["jobs"]["rules"]["steps"]
    annotations = call(repository, STEPS[0]["run"]).stdout
    assert annotations.startswith("::error file=rules.d/rules.toml,line=7,col=18,")
    call(repository, STEPS[1]["run"])
    upload = next(step for step in steps if "upload-sarif" in step.get("uses", ""))
    log = (repository / upload["with"]["sarif_file"]).read_text(encoding="utf-8")
    (result,) = valid(json.loads(log))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "rules.d/rules.toml"


def test_the_report_of_the_tests_names_the_one_that_failed(repository: Path) -> None:
    break_(repository, FAILURE)
    steps = page("rules.yml")["jobs"]["rules"]["steps"]
    call(repository, STEPS[2]["run"])
    kept = next(step for step in steps if "upload-artifact" in step.get("uses", ""))
    report = ET.parse(repository / kept["with"]["path"])
    (case,) = [case for case in report.iter("testcase") if case.find("failure") is not None]
    assert "down is high" in case.attrib["name"]


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("pointman ") and "--install" not in line])
def test_any_other_server_can_do_the_same(line: str, repository: Path) -> None:
    done = call(repository, line)
    assert done.returncode == 0, done


# ---- secrets


def test_a_secret_that_is_not_set_is_a_mistake_unless_told_otherwise(repository: Path) -> None:
    done = call(repository, "pointman check")
    assert (done.returncode, done.stdout.count("is not set")) == (1, 2)
    assert call(repository, "pointman check --no-secrets").stdout == "1 rules in 1 files are fine\n"


def test_signing_in_without_secrets_is_wrong_usage(repository: Path) -> None:
    done = call(repository, "pointman check --live --no-secrets")
    assert (done.returncode, done.stdout) == (2, "")
