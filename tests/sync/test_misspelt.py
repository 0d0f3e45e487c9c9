"""What a configuration says of words and levels that the rules do not know is said of nothing, and so is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import load as rules
from sync.cli.live import misspelt
from sync.config import load

TABLE = """
[connectors.servicenow]
url = "https://example.service-now.com"
user = "pointman"
password = "x"
"""
SET = rules.parse({"a.toml": '[defaults]\ntimezone = "UTC"\n[fields]\nregion = { type = "text" }\n'})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            'defaults = { severity = "low", region = "asia" }',
            '[connectors.servicenow.values.severity]\nlow = "3/3"',
            [],
        ),
        ('defaults = { severity = "lwo" }', "", ["defaults: lwo is no level of severity; did you mean low?"]),
        ('defaults = { sverity = "low" }', "", ["defaults: the rules know no word sverity; did you mean severity?"]),
        (
            "",
            '[connectors.servicenow.values.severity]\nhihg = "1/1"',
            ["connectors.servicenow.values: hihg is no level of severity; did you mean high?"],
        ),
        (
            "",
            '[connectors.servicenow.values.severity]\nP1 = "1/1"',
            ["connectors.servicenow.values: P1 is no level of severity; there are low, medium, high"],
        ),
        ("", '[connectors.servicenow.values.service]\nhihg = "1/1"', []),
    ],
)
def test_a_word_or_level_that_the_rules_do_not_know_is_told(
    tmp_path: Path, before: str, after: str, told: list[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{before}\n{TABLE}{after}\n")
    assert [str(problem).split("  ", 1)[1] for problem in misspelt(load(path), SET)] == told
