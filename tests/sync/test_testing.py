"""`pointman test`: which tests are run, what is told of them and how, and the exit code; no secret, no network."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from sync.cli import junit
from sync.cli.app import app
from tests.pages import ROOT
from tests.world import COMPANY, RULES

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
CONFIG = """
rules = ["rules.d"]
mode = "watch"
[connectors.jira]
url = "https://jira.example.org"
token = "env/NOBODY_HAS_SET_THIS"
[connectors.chat]
use = "slack"
token = "env/NOR_THIS"
"""
GOOD = """
[[test]]
name = "Checkout down rings"
ticket = { summary = "Checkout is down", service = "checkout" }
expect = { severity = "high", "after 4m" = [], "after 6m" = ["on-call:team"] }
"""
BAD = """
[[test]]
name = "Checkout slow rings"
ticket = { summary = "Checkout is slow", service = "checkout" }
expect = { severity = "high" }
"""
ALONE = COMPANY.replace("memory", "jira")
CONFIGURED = ALONE.replace("slack", "chat")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration whose secrets are not there, rules, and a test that passes."""
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    for name, text in {"00-company.toml": CONFIGURED, "10-rules.toml": RULES, "20-tests.toml": GOOD}.items():
        (tmp_path / "rules.d" / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("POINTMAN_CONFIG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def asked(*args: str) -> Result:
    return CliRunner().invoke(app, ["test", *args])


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


# ---- which


def test_the_tests_of_the_configured_rules_are_run_without_any_secret(folder: Path) -> None:
    found = asked("-v")
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert lines[:3] == ["ok      Checkout down rings", "no test touched: many-users, milestones", ""]
    assert lines[3].startswith("1 test passed in ")


def test_a_test_that_fails_is_shown_with_what_was_expected_what_came_and_why(folder: Path) -> None:
    write(folder, "rules.d/30-more.toml", BAD)
    found = asked()
    assert found.exit_code == 1
    lines = found.output.splitlines()
    assert lines[:5] == [
        "FAILED  Checkout slow rings",
        "        rules.d/30-more.toml:2",
        "",
        "    line 5: expected  severity = high",
        "            came      severity = empty",
    ]
    assert lines[5].startswith("        classify  critical-down  did not")
    assert lines[-1].startswith("1 of 2 tests failed in ")


def test_files_that_belong_to_the_configured_rules_only_choose_among_their_tests(folder: Path) -> None:
    write(folder, "rules.d/30-more.toml", BAD)
    assert asked("rules.d/20-tests.toml").exit_code == 0
    assert asked("rules.d/30-more.toml").exit_code == 1
    assert asked("./rules.d").output.splitlines()[-1].startswith("1 of 2 tests failed")


def test_files_beside_the_configured_rules_are_read_with_them(folder: Path) -> None:
    assert asked(write(folder, "more.toml", BAD)).output.splitlines()[-1].startswith("1 of 1 tests failed")
    (folder / "more").mkdir()
    write(folder, "more/tests.toml", GOOD)
    assert asked("more").exit_code == 0


def test_files_that_say_their_time_zone_stand_on_their_own(folder: Path) -> None:
    alone = write(folder, "alone.toml", ALONE + RULES + GOOD)
    assert asked(alone).exit_code == 0
    (folder / "config.toml").unlink()
    assert asked(alone).exit_code == 0


def test_without_a_configuration_a_file_is_read_with_its_folder(folder: Path) -> None:
    (folder / "config.toml").unlink()
    write(folder, "rules.d/00-company.toml", ALONE)
    write(folder, "rules.d/30-more.toml", BAD)
    assert asked("rules.d/20-tests.toml").exit_code == 0
    assert asked("rules.d").exit_code == 1


def test_tests_are_picked_by_name(folder: Path) -> None:
    write(folder, "rules.d/30-more.toml", BAD)
    found = asked("-k", "DOWN", "-v")
    assert (found.exit_code, "touched" in found.output, "slow" in found.output) == (0, False, False)
    found = asked("-k", "nothing like it")
    assert found.exit_code == 2
    assert "no test is called nothing like it; there are Checkout down rings; Checkout slow rings" in found.output


def test_who_is_reached_depends_on_what_is_configured(folder: Path) -> None:
    """Whoever has no address in a configured product is nobody, and the fallback is called."""
    write(folder, "rules.d/00-company.toml", CONFIGURED.replace('tom = { chat = "U-tom"', 'tom = { msteams = "tom"'))
    found = asked()
    assert found.exit_code == 1
    assert "called: place:incidents after 5m by unacknowledged" in found.output
    assert "on-call:team is nobody here" in found.output


def test_long_lines_are_folded_to_the_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    write(folder, "rules.d/30-more.toml", GOOD.replace('"after 6m"', '"after 7m"').replace("on-call:team", "lead:team"))
    lines = asked().output.splitlines()
    assert lines[4:6] == [
        "            came      called: on-call:team (tom) after 5m by",
        "                      unacknowledged",
    ]
    assert max(map(len, lines)) <= 60


# ---- exit codes


def test_a_rule_that_no_test_touched_is_a_problem_only_where_that_is_asked(folder: Path) -> None:
    assert (asked().exit_code, asked("--strict").exit_code, asked("--strict", "-k", "down").exit_code) == (0, 1, 0)


def test_where_there_is_no_test_that_is_said(folder: Path) -> None:
    write(folder, "rules.d/20-tests.toml", "")
    found = asked()
    assert found.exit_code == 1
    assert found.output == "no [[test]] in rules.d; docs/rules.md says how to write one\n"


def test_mistakes_in_the_rules_are_told_as_everywhere(folder: Path) -> None:
    write(folder, "rules.d/20-tests.toml", GOOD.replace("on-call:team", "on-call:taem"))
    found = asked()
    assert found.exit_code == 1
    assert "rules.d/20-tests.toml:5:71  test: no team taem; did you mean team?" in found.output


def test_files_that_are_not_there_and_configurations_that_are_none_are_told(folder: Path) -> None:
    found = asked("nowhere")
    assert (found.exit_code, found.output) == (1, "nowhere  there is no such file or folder\n")
    write(folder, "broken.toml", "[defaults")
    assert "broken.toml:1:" in asked("broken.toml").output
    write(folder, "config.toml", "[connectors")
    found = asked()
    assert found.exit_code == 1
    assert found.output.startswith("config.toml  cannot be read: ")


@pytest.mark.parametrize("text", ["rules = 5", "connectors = 3", f"a = {'[' * 3000}", "rules = ["])
def test_a_configuration_that_makes_no_sense_is_told_in_a_sentence(folder: Path, text: str) -> None:
    (folder / "odd.toml").write_text(text)
    done = asked("-c", "odd.toml")
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit), "no traceback"
    assert done.output.startswith("odd.toml")


def test_without_files_and_configuration_it_is_wrong_usage(folder: Path) -> None:
    (folder / "config.toml").unlink()
    assert (asked().exit_code, asked("rules.d", "-c", "other.toml").exit_code) == (2, 2)


def test_a_report_that_cannot_be_written_is_wrong_usage(folder: Path) -> None:
    found = asked("--format", "junit", "-o", "nowhere/report.xml")
    assert found.exit_code == 2
    assert "could not write nowhere/report.xml: No such file or directory" in found.output


# ---- for programs


def test_programs_are_told_everything(folder: Path) -> None:
    write(folder, "rules.d/30-more.toml", BAD)
    found = json.loads(asked("--format", "json").output)
    assert (found["ok"], found["untouched"]) == (False, ["many-users", "milestones"])
    good, bad = found["tests"]
    assert (good["name"], good["ok"], good["failures"]) == ("Checkout down rings", True, [])
    assert {"critical-down", "unacknowledged"} <= set(good["rules"])
    (failure,) = bad["failures"]
    assert (bad["file"], bad["line"], failure["line"]) == ("rules.d/30-more.toml", 2, 5)
    assert (failure["expected"], failure["came"]) == ("severity = high", "severity = empty")
    assert failure["why"][0].startswith("classify  critical-down  did not")
    assert json.loads(asked("--format", "json", "-k", "down").output)["untouched"] is None


def test_build_servers_get_junit_in_a_file_and_people_the_text(folder: Path) -> None:
    write(folder, "rules.d/30-more.toml", BAD)
    found = asked("--format", "junit", "--output", "report.xml")
    assert found.exit_code == 1
    assert found.output.startswith("FAILED  Checkout slow rings")
    root = ET.parse(folder / "report.xml").getroot()
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "2", "1", "0")
    assert [suite.get("name") for suite in root] == ["rules.d/20-tests.toml", "rules.d/30-more.toml"]
    good, bad = root.iter("testcase")
    assert (good.get("name"), list(good)) == ("Checkout down rings", [])
    failure = bad[0]
    assert (failure.tag, failure.get("type")) == ("failure", "expectation")
    assert failure.get("message") == "expected severity = high; came severity = empty"
    assert "rules.d/30-more.toml:5" in str(failure.text)
    assert "critical-down" in str(failure.text)


JENKINS = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        *(
            "name",
            "tests",
            "failures",
            "errors",
            "time",
            "disabled",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
        ),
    },
    "testcase": {"name", "assertions", "time", "classname", "status"},
    "failure": {"type", "message"},
}
"""The elements that we write, with every attribute that Jenkins' junit-10.xsd allows them."""


def test_junit_is_of_the_common_schema_and_shows_what_xml_cannot_hold() -> None:
    said = (("expected <a> & \x1b[31m", "why\x00\n]]> \ud800"),) * 2
    text = junit.document([junit.Suite("a\x07.toml", (junit.Test('"x"', 0.5, said), junit.Test("y", 0.25)))])
    root = ET.fromstring(text.encode())
    for element in root.iter():
        assert set(element.keys()) <= JENKINS[element.tag], element.tag
    suite, failure = root[0], root[0][0][0]
    assert (suite.get("name"), suite.get("time"), len(suite[0])) == ("a\\x07.toml", "0.750000", 1)
    assert failure.get("message") == "expected <a> & \\x1b[31m; expected <a> & \\x1b[31m"
    assert str(failure.text).startswith("expected <a> & \\x1b[31m\nwhy\\x00\n]]> \\xd800\n\nexpected")


# ---- what comes with Pointman


@pytest.mark.parametrize(
    "path", ["rules/packs/tests/incident.toml", "rules/packs/tests/roles.toml", "sandbox/company/rules.d"]
)
def test_the_tests_that_come_with_pointman_pass_and_touch_every_rule(path: str, folder: Path) -> None:
    (folder / "config.toml").unlink()
    found = asked("--strict", str(ROOT / path))
    assert found.exit_code == 0, found.output


def test_many_tests_are_run_in_one_go_and_show_how_far_they_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sync.cli import testing

    monkeypatch.setattr(testing, "PATIENCE", 0.0)  # bench/trials.py says how long they take
    rows = ", ".join(f'[{users}, "{"high" if users >= 1000 else "medium"}"]' for users in range(900, 1100))
    write(
        folder,
        "rules.d/20-tests.toml",
        f'[[test]]\nname = "x"\ntable = [["affected_users", "expect severity"], {rows}]',
    )
    found = asked()
    assert found.exit_code == 0, found.output
    assert found.output.splitlines()[-1].startswith("200 tests passed in ")
