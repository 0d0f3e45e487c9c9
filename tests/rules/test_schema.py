"""The JSON Schema that editors read says the same as the loader."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from rules.schema import schema

HERE = Path(__file__).parent
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"


def plain(value: Any) -> Any:
    """As an editor sees a TOML file in terms of JSON: dates are texts."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def mistakes(text: str) -> list[str]:
    return [error.message for error in Draft7Validator(schema()).iter_errors(plain(tomllib.loads(text)))]


def objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for item in part.values():
            yield from objects(item)
    elif isinstance(part, list):
        for item in part:
            yield from objects(item)


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(schema())


def test_every_table_says_whether_it_may_hold_other_keys() -> None:
    assert all("additionalProperties" in found for found in objects(schema()))


def test_the_company_of_the_tests_agrees_with_it() -> None:
    assert mistakes((HERE / "company.toml").read_text(encoding="utf-8")) == []


def test_the_sample_of_the_design_agrees_with_it() -> None:
    path = SHARED / "rules-sample.toml"
    if not path.exists():
        pytest.skip(f"{path.name} not found: the shared contracts are not beside this folder")
    assert mistakes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "name",
    [
        "misspelt-table",
        "misspelt-kind-of-rule",
        "rule-in-single-brackets",
        "table-in-double-brackets",
        "misspelt-default-key",
        "misspelt-mode",
        "misspelt-pack",
        "misspelt-day",
        "misspelt-handover",
        "misspelt-type",
        "misspelt-unit-of-a-duration",
        "email-that-is-none",
        "misspelt-verb-in-permissions",
        "id-is-missing",
        "id-with-a-blank",
        "misspelt-key",
        "flag-as-a-text",
        "during-on-classify",
        "condition-is-a-flag",
        "misspelt-pick",
        "misspelt-moment-in-since",
        "steps-are-none",
        "step-without-recipient",
        "repeat-never",
        "misspelt-event",
        "misspelt-button",
        "mutes-misspelt",
        "misspelt-goal",
        "misspelt-page",
        "update-never",
        "step-at-no-share",
        "hours-of-no-clock",
        "dates-are-a-number",
        "scale-of-one-level",
        "set-is-empty",
        "due-of-no-goal",
    ],
)
def test_a_mistake_of_shape_is_underlined_while_it_is_written(name: str) -> None:
    assert mistakes((HERE / "mistakes" / f"{name}.toml").read_text(encoding="utf-8")) != []


def test_a_change_of_a_packs_rule_may_hold_any_key_of_a_rule() -> None:
    assert mistakes('[change."incident.card"]\nto = ["place:ops"]\nmode = "watch"\n') == []
