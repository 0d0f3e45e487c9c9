"""Drills: a disaster in virtual time, played by the real engine, and what is expected of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.problems import Problems
from sync.cli import drilling
from sync.cli.app import app
from sync.drill import shipped
from sync.drill.verdict import Outcome, run

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("silent")]


def asked(*args: str) -> Result:
    return CliRunner().invoke(app, ["drill", *args])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("POINTMAN_CONFIG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def played(scenario: str | Path) -> Outcome:
    against = drilling.gather(drilling.Asked(str(scenario)), None)
    return run(against.scenario, against.setting)


@pytest.mark.parametrize("name", shipped.names())
def test_every_scenario_that_comes_with_pointman_goes_well_out_of_the_box(name: str) -> None:
    outcome = played(name)
    assert [(one.name, one.wanted, one.came) for one in outcome.missed] == []
    assert outcome.story.undone == []
    assert len(outcome.claims) >= 5, "it claims something"


def test_a_scenario_is_played_by_its_name_and_the_last_line_sums_it_up() -> None:
    done = asked("checkout-down")
    assert done.exit_code == 0, done.output
    last = done.output.strip().splitlines()[-1]
    assert last.startswith("checkout-down: 21 of 21 expectations held; 8h with 2 tickets")
    assert "09:05:00  called    Tom Reyes (slack)" in done.output


def test_there_is_no_such_scenario() -> None:
    done = asked("checkout-dwn")
    assert done.exit_code == 2
    assert "did you mean checkout-down?" in done.output


def test_a_wrong_name_is_told_with_its_place(tmp_path: Path) -> None:
    text = (shipped.HERE / "checkout-down.toml").read_text(encoding="utf-8")
    company = (shipped.HERE.parent / "company").as_posix()
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('"../company"', f'"{company}"').replace('by = "ann"', 'by = "anna"'), encoding="utf-8")
    with pytest.raises(Problems) as wrong:
        played(mine)
    (first, *_) = wrong.value.problems
    assert "no person anna" in str(first)
    assert "did you mean ann?" in first.hint
    assert first.where.line == 10
