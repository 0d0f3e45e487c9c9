"""The schemas that editors read: published as they are printed, found by the examples, and agreed to by them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import pytest
from jsonschema.validators import validator_for
from typer.testing import CliRunner

from sync.cli.app import app
from tests.pages import PAGES, ROOT, Block, blocks
from tests.test_docs import is_rules
from tests.test_example import parts, switched_on

PUBLISHED = {what: ROOT / "schema" / f"{what}.schema.json" for what in ("rules", "config", "pack", "drill")}
_DIRECTIVE = re.compile(r"#:schema (\S+)\n")
FILLED_IN = {
    "start": "2026-11-23T09:00:00Z",
    "port": "8480",
    "every": "1s",
    "tracker": "http://127.0.0.1:1",
    "slack": "http://127.0.0.1:2/api/",
    "smtp": "2525",
    "imap": "2143",
}
"""What the demonstration writes into its settings."""

OURS = (
    "config.example.toml",
    "rules/packs/*.toml",
    "rules/packs/tests/*.toml",
    "sandbox/company/config.toml",
    "sandbox/company/config-servicenow.toml",
    "sandbox/company/rules.d/*.toml",
    "sync/drill/company/*.toml",
    "sync/drill/scenarios/*.toml",
)
EXAMPLES = [file for pattern in OURS for file in sorted(ROOT.glob(pattern))]
PIECES = [block for page in PAGES for block in blocks(page, "toml") if not block.skipped]


@cache
def published(what: str) -> Any:
    return json.loads(PUBLISHED[what].read_text(encoding="utf-8"))


def plain(value: Any) -> Any:
    """As an editor sees a TOML file in terms of JSON: dates are texts."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def mistakes(what: str, text: str) -> list[str]:
    schema = published(what)
    found = validator_for(schema)(schema).iter_errors(plain(tomllib.loads(text)))
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("what", PUBLISHED)
def test_what_is_published_is_what_is_printed(what: str) -> None:
    command = f"schema {what}"
    printed = CliRunner().invoke(app, shlex.split(command)).stdout
    file = PUBLISHED[what]
    renew = f"{file.name} is old; renew it with: pointman {command} > {file.relative_to(ROOT)}"
    assert file.read_text(encoding="utf-8") == printed, renew


@pytest.mark.parametrize("what", PUBLISHED)
def test_they_are_schemas(what: str) -> None:
    schema = published(what)
    validator_for(schema).check_schema(schema)


def undescribed(part: Any, path: str = "") -> Iterator[str]:
    if isinstance(part, dict):
        named = part.get("properties")
        for name, one in named.items() if isinstance(named, dict) else ():
            if not one.get("description") and "$ref" not in one:
                yield f"{path}.{name}"
        for name, one in part.items():
            yield from undescribed(one, f"{path}.{name}")
    elif isinstance(part, list):
        for one in part:
            yield from undescribed(one, path)


@pytest.mark.parametrize("what", PUBLISHED)
def test_an_editor_can_tell_what_every_key_is(what: str) -> None:
    assert list(undescribed(published(what))) == []


def test_an_editor_tells_what_a_key_is_for_and_how_it_is_written() -> None:
    rules = published("rules")["properties"]
    assert rules["escalate"]["description"].startswith("Calls people")
    keys = rules["escalate"]["items"]["properties"]
    assert keys["when"]["description"].startswith("the condition; without it the rule always holds; ")
    assert 'severity == "high"' in keys["when"]["description"]
    steps = keys["steps"]["items"]["properties"]
    assert "1h30m" in steps["after"]["description"]
    assert "on-call:team" in steps["to"]["description"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_an_example_names_the_schema_that_it_agrees_with(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    named = _DIRECTIVE.match(text)
    assert named, f"the first line of {file.name} names no schema"
    found = (file.parent / named[1]).resolve()
    what = next((what for what, path in PUBLISHED.items() if path == found), "")
    assert what, f"{named[1]} leads nowhere"
    assert mistakes(what, Template(text).safe_substitute(FILLED_IN)) == []


@pytest.mark.parametrize("name", ["config.toml", "config-servicenow.toml"])
def test_what_the_demonstration_adds_to_its_configuration_agrees_with_the_schema(name: str) -> None:
    company = ROOT / "sandbox" / "company"
    pieces = sorted(company.glob("beside-*.toml"))
    text = "".join(file.read_text(encoding="utf-8") for file in (company / name, *pieces))
    assert pieces
    assert mistakes("config", Template(text).safe_substitute(FILLED_IN)) == []


def test_no_example_is_forgotten() -> None:
    listed = subprocess.run(["git", "ls-files", "*.toml"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git repository")
    others = ("pyproject.toml", "tests/", "sandbox/scenarios/", "sandbox/company/beside-")
    files = {ROOT / name for name in listed.stdout.split() if not name.startswith(others)}
    assert files == set(EXAMPLES)


def test_the_example_agrees_with_everything_switched_on() -> None:
    settings, rules = parts()
    assert mistakes("config", switched_on(settings)) == []
    assert mistakes("rules", rules) == []


@pytest.mark.parametrize("block", PIECES, ids=str)
def test_the_pages_agree(block: Block) -> None:
    assert mistakes("rules" if is_rules(block) else "config", block.text) == []


def test_a_misspelt_setting_and_a_misspelt_key_are_underlined() -> None:
    assert mistakes("config", "[server]\nprot = 1\n")
    assert mistakes("rules", '[[notify]]\nid = "card"\nto = ["slack:#x"]\ntxt = "a"\n')
