"""Mistakes as a forge shows them: SARIF 2.1.0 for code scanning, and GitHub's annotations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from typer.testing import CliRunner

from connectors.problems import Problem, Where
from sync.cli import console, forges
from sync.cli.app import app

POINTMAN = Path(sys.executable).parent / "pointman"
COMPANY = '[defaults]\ntimezone = "UTC"\n'
RULE = '[[classify]]\nid = "größe"\nid2 = 1\n'
UMLAUTS = '[[notify]]\nid = "card"\nto = ["slack:#ä"]\ntext = "Über {{ summry }}"\nwhen = \'"ÄÖ😀" in summry\'\n'

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
NUMBER = {"type": "integer", "minimum": 1}
PLACE = {
    "type": "object",
    "required": ["artifactLocation"],
    "properties": {
        "artifactLocation": {
            "type": "object",
            "required": ["uri"],
            "properties": {"uri": {"type": "string", "format": "uri-reference", "pattern": "^[!-~]+$"}},
        },
        "region": {
            "type": "object",
            "required": ["startLine"],
            "additionalProperties": False,
            "properties": dict.fromkeys(("startLine", "endLine", "startColumn", "endColumn"), NUMBER),
        },
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": TEXT,
        "locations": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["physicalLocation"],
                "properties": {"physicalLocation": PLACE, "logicalLocations": {"type": "array"}},
            },
        },
    },
}
DRIVER = {
    "type": "object",
    "required": ["name", "version", "rules"],
    "properties": {
        "rules": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["id", "shortDescription", "defaultConfiguration", "help"],
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "shortDescription": TEXT,
                    "help": TEXT,
                    "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}},
                },
            },
        }
    },
}
RUN = {
    "type": "object",
    "required": ["tool", "results", "columnKind"],
    "additionalProperties": False,
    "properties": {
        "tool": {"type": "object", "required": ["driver"], "properties": {"driver": DRIVER}},
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "originalUriBaseIds": {"type": "object"},
        "results": {"type": "array", "items": RESULT},
    },
}
SARIF = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "pattern": "sarif-schema-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "maxItems": 1, "items": RUN},
    },
}
"""What SARIF 2.1.0 and GitHub's code scanning ask of a log, in the parts that we write."""


def valid(log: Any) -> dict[str, Any]:
    """The one run of a log that is valid."""
    jsonschema.Draft7Validator(SARIF, format_checker=jsonschema.FormatChecker()).validate(log)
    run: dict[str, Any] = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    return run


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an installation in a folder of it, as seen from another folder."""
    root = tmp_path / "a repository"
    (root / ".git").mkdir(parents=True)
    folder = root / "on call, 100%"
    (folder / "rules.d").mkdir(parents=True)
    (folder / "config.toml").write_text(
        '[connectors.jira]\nurl = "https://jira.example.org"\ntoken = "a"\n[connectors.slack]\ntoken = "b"\n'
    )
    (folder / "rules.d" / "0.toml").write_text(COMPANY)
    monkeypatch.chdir(folder)
    return root


def check(repository: Path, style: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", "--format", style])
    return done.exit_code, done.stdout


def test_where_all_is_fine_there_is_a_run_without_results(repository: Path) -> None:
    code, said = check(repository, "sarif")
    assert (code, valid(json.loads(said))["results"]) == (0, [])


def test_a_result_stands_at_the_characters_that_are_wrong(repository: Path) -> None:
    file = repository / "on call, 100%" / "rules.d" / "wörter #1.toml"
    file.write_text(UMLAUTS, encoding="utf-8")
    code, said = check(repository, "sarif")
    run = valid(json.loads(said))
    assert (code, run["columnKind"], len(run["results"])) == (1, "unicodeCodePoints", 2)
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        uri = place["artifactLocation"]["uri"]
        assert uri == "on%20call%2C%20100%25/rules.d/w%C3%B6rter%20%231.toml"
        line = (repository / unquote(uri)).read_text(encoding="utf-8").splitlines()[place["region"]["startLine"] - 1]
        region = place["region"]
        assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "summry"
        assert region["endLine"] == region["startLine"]
        assert (result["ruleId"], result["level"]) == ("notify", "error")
        assert result["message"]["text"].endswith(" summry; did you mean summary?")
        assert result["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "notify card"}]


def test_each_table_with_a_mistake_is_a_rule_once(repository: Path) -> None:
    file = repository / "on call, 100%" / "rules.d" / "1.toml"
    file.write_text(
        '[[classify]]\nid = "a"\nwhen = "x"\n[[classify]]\nid = "b"\nwhen = "y"\n[people]\nann = { age = 3 }\n'
    )
    run = valid(json.loads(check(repository, "sarif")[1]))
    assert sorted(rule["id"] for rule in run["tool"]["driver"]["rules"]) == ["classify", "people"]
    assert len(run["results"]) > 2


def test_what_stands_in_no_file_is_told_at_the_configuration(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTMAN_HOEM", "OPS-1")
    (result,) = valid(json.loads(check(repository, "sarif")[1]))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "on%20call%2C%20100%25/config.toml", "uriBaseId": "%SRCROOT%"}}
    assert result["message"]["text"].startswith("POINTMAN_HOEM: no such setting")
    assert result["ruleId"] == "file"


def test_a_warning_is_a_warning_and_a_product_is_told_at_the_configuration(tmp_path: Path) -> None:
    problem = Problem(Where(), "no webhook", "connectors.jira", level="warning")
    (result,) = valid(forges.sarif([problem], tmp_path / "config.toml"))["results"]
    assert (result["level"], result["ruleId"]) == ("warning", "connectors.jira")


def test_a_file_outside_the_repository_keeps_its_whole_path(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "a b.toml"
    file.touch()
    (repository / "sub").mkdir()
    problem = Problem(Where(str(file), 1, 1), "wrong")
    (result,) = valid(forges.sarif([problem], Path("config.toml")))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": file.as_uri()}
    assert "%20" in file.as_uri()


def test_the_program_prints_nothing_but_the_log(repository: Path) -> None:
    (repository / "on call, 100%" / "rules.d" / "1.toml").write_text(RULE)
    done = subprocess.run([POINTMAN, "check", "--format", "sarif"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert valid(json.loads(done.stdout))["results"]


# ---- GitHub's annotations


def unescaped(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_an_annotation_names_the_file_from_the_root_and_escapes_it(repository: Path) -> None:
    (repository / "on call, 100%" / "rules.d" / "a:b,c.toml").write_text(RULE.replace("größe", "size"))
    said = check(repository, "github")[1].splitlines()
    head, _, told = next(line for line in said if "id2" in line)[2:].partition("::")
    level, _, properties = head.partition(" ")
    at = dict(each.split("=", 1) for each in properties.split(","))
    assert at["file"] == "on call%2C 100%25/rules.d/a%3Ab%2Cc.toml"
    assert unescaped(at["file"]) == "on call, 100%/rules.d/a:b,c.toml"
    assert (level, at["line"], at["col"], at["endColumn"]) == ("error", "3", "1", "4")
    assert told.startswith("classify size: no key id2 here")


@pytest.mark.parametrize(
    "message",
    ["100% of it", "two\nlines", "two\r\nlines", "%0A is no line", "a::b, c=d"],
)
def test_any_message_comes_back_as_it_was_and_on_one_line(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert console.told([Problem(Where(), message)], "github", "", Path("config.toml")) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert unescaped(line.removeprefix("::error ::")) == message
