"""Drills: a disaster in virtual time, played by the real engine, and what is expected of it."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from connectors.problems import Problems
from sync.cli import drilling
from sync.cli.app import app
from sync.drill import language, shipped
from sync.drill.play import Setting
from sync.drill.verdict import Outcome, run
from tests.pages import ROOT, blocks
from tests.world import COMPANY, RULES

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("silent")]


def asked(*args: str) -> Result:
    return CliRunner().invoke(app, ["drill", *args])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("POINTMAN_CONFIG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@cache
def company() -> Setting:
    """The company that comes with the shipped scenarios; read once, since it takes longer than a drill."""
    return drilling.gather(drilling.Asked("checkout-down"), None).setting


def played(scenario: str | Path) -> Outcome:
    """A scenario, played by that company."""
    file, setting = shipped.find(str(scenario)), company()
    text = file.read_text(encoding="utf-8")
    return run(language.read(file, text, setting.rules, tuple(setting.products)), setting)


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
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('by = "ann"', 'by = "anna"'), encoding="utf-8")
    with pytest.raises(Problems) as wrong:
        played(mine)
    (first, *_) = wrong.value.problems
    assert "no person anna" in str(first)
    assert "did you mean ann?" in first.hint
    assert first.where.line == 10


# ---- against whose rules

CONFIG = """
rules = ["rules.d"]
{more}
[connectors.jira]
url = "https://jira.example.org"
token = "env/NOBODY_HAS_SET_THIS"
[connectors.slack]
token = "env/NOR_THIS"
"""
MINE = """
title = "Mine"
lasts = "1h"
[[step]]
create = "one"
words = {{ summary = "Checkout is down", service = "checkout" }}
expect = {{ {expect} }}
"""


def install(folder: Path, more: str = "") -> None:
    (folder / "rules.d").mkdir()
    (folder / "config.toml").write_text(CONFIG.format(more=more), encoding="utf-8")
    (folder / "rules.d" / "rules.toml").write_text(COMPANY.replace("memory", "jira") + RULES, encoding="utf-8")


def mine(folder: Path, expect: str) -> str:
    (folder / "mine.toml").write_text(MINE.format(expect=expect), encoding="utf-8")
    return str(folder / "mine.toml")


def test_a_scenario_of_ones_own_is_played_against_ones_own_rules_without_a_secret(tmp_path: Path) -> None:
    install(tmp_path)
    done = asked(mine(tmp_path, 'severity = "high", "after 6m" = ["person:tom"]'))
    assert done.exit_code == 0, done.output
    assert "played against config.toml: 6 rules" in done.output
    assert "1h with 1 ticket" in done.output


def test_what_was_not_as_expected_is_told_with_the_tree_of_why(tmp_path: Path) -> None:
    install(tmp_path)
    done = asked(mine(tmp_path, 'severity = "low", "after 6m" = ["person:maria"]'))
    assert done.exit_code == 1
    assert "mine.toml:7)" in done.output
    assert "expected  severity = low" in done.output
    assert "came      called: on-call:team (tom) after 5m by unacknowledged" in done.output
    assert "classify  critical-down  fired: severity = high" in done.output
    assert "mine: 0 of 2 expectations held" in done.output.splitlines()[-1]


def test_a_shipped_scenario_brings_its_company_where_the_rules_do_not_know_its_names(tmp_path: Path) -> None:
    install(tmp_path)
    done = asked("ransomware")
    assert done.exit_code == 0, done.output
    assert "config.toml does not know what the scenario speaks of (no " in done.output
    assert "so its own company plays it" in done.output


def test_rules_that_are_named_are_taken_and_their_mistakes_told(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "other.toml").write_text(COMPANY.replace("memory", "jira") + RULES.replace('"high"', '"hihg"', 1))
    done = asked(mine(tmp_path, 'severity = "high"'), "--rules", "other.toml")
    assert done.exit_code == 1
    assert "other.toml:" in done.output
    assert "did you mean high?" in done.output


def test_a_name_that_ones_own_rules_do_not_know_is_told_where_no_company_is_brought_along(tmp_path: Path) -> None:
    install(tmp_path)
    done = asked(mine(tmp_path, 'severty = "high"'))
    assert done.exit_code == 1
    assert "mine.toml:7:12  drill: no field severty; did you mean severity?" in done.output


def test_there_is_nothing_to_play_it_against(tmp_path: Path) -> None:
    done = asked(mine(tmp_path, 'severity = "high"'))
    assert done.exit_code == 1
    assert "there are no rules to play it against; say --config FILE or --rules FILE" in done.output


def test_the_settings_that_matter_in_a_drill_are_taken_from_the_configuration(tmp_path: Path) -> None:
    install(tmp_path, 'grace = "2h"\nemergency = "slack:#last"\n[floods]\ncalls = 3')
    against = drilling.gather(drilling.Asked(mine(tmp_path, 'severity = "high"')), tmp_path / "config.toml")
    site = against.setting.site
    assert (site.grace, site.calls, site.emergency) == (timedelta(hours=2), 3, ("slack", "#last"))
    assert dict(against.setting.products) == {"slack": "slack"}


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    install(tmp_path, 'grace = "soon"')
    done = asked(mine(tmp_path, 'severity = "high"'))
    assert done.exit_code == 1
    assert "config.toml  its grace or floods cannot be read" in done.output


# ---- how it is told


def test_programs_are_told_everything() -> None:
    done = asked("database-corruption", "--format", "json")
    told = json.loads(done.output)
    assert told["ok"] is True
    assert told["doubled"] == 0
    outcomes = {one["objective"]: one["outcome"] for one in told["objectives"]}
    assert outcomes == {"rto": "met", "rpo": "missed"}
    assert next(one for one in told["objectives"] if one["objective"] == "rto")["took"] == "1h35m"
    called = [(one["how"], one["person"]) for one in told["told"] if one["rule"] == "unacknowledged"]
    assert called == [("called", "bob")]
    assert all(one["ok"] for one in told["expectations"])


def test_build_servers_are_told_each_expectation(tmp_path: Path) -> None:
    install(tmp_path)
    wrong = mine(tmp_path, 'severity = "low", "after 4m" = []')
    done = asked(wrong, "--format", "junit", "--output", "report.xml")
    assert done.exit_code == 1
    suite = ET.parse(tmp_path / "report.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert "expected severity = low; came severity = high" in (suite.findtext("testcase/failure") or "")
    assert "TIMELINE" in done.output, "people are told on the screen"


def test_long_lines_are_folded_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    done = asked("database-corruption")
    assert all(len(line) <= 70 for line in done.output.splitlines() if line[:2].isdigit())


def test_what_stands_somewhere_is_told_at_each_change_only_where_that_is_asked_for() -> None:
    assert "  changed   " not in asked("checkout-down").output
    assert "  changed   slack:#incidents  checkout, card" in asked("checkout-down", "-v").output


def test_the_scenarios_are_listed() -> None:
    done = asked("--list")
    assert done.exit_code == 0
    for name in shipped.names():
        assert name in done.output
    assert len(shipped.names()) >= 6


def test_a_scenario_is_printed_to_begin_one_of_ones_own(tmp_path: Path) -> None:
    done = asked("taken-and-forgotten", "--print")
    assert done.exit_code == 0
    assert done.output.startswith("#:schema ./drill.schema.json\n")
    (tmp_path / "own.toml").write_text(done.output, encoding="utf-8")
    assert played(tmp_path / "own.toml").fine
    assert asked("nothing", "--print").exit_code == 2


def test_which_scenario_must_be_said() -> None:
    done = asked()
    assert done.exit_code == 2
    assert "pointman drill --list" in done.output


# ---- what happens in one


def played_text(text: str, folder: Path) -> Outcome:
    """A scenario of these steps."""
    (folder / "made.toml").write_text(f'title = "x"\n{text}', encoding="utf-8")
    return played(folder / "made.toml")


DOWN = """
[[step]]
create = "one"
words = { summary = "Checkout is down", service = "checkout" }
"""


def places(outcome: Outcome, kind: str = "escalate") -> list[tuple[str, str]]:
    start = outcome.scenario.start
    return [(str(one.at - start), one.to) for one in outcome.story.told if one.kind == kind and one.fresh]


def test_whoever_answers_calls_clicks_so_long_after_and_once(tmp_path: Path) -> None:
    outcome = played_text('lasts = "1h"\npeople.tom = { answers = "4m" }\n' + DOWN, tmp_path)
    assert places(outcome) == [("0:05:00", "tom")]
    clicks = [line.said for line in outcome.story.lines if "clicks" in line.said]
    assert clicks == ["Tom clicks acknowledge of one"]
    assert [at - outcome.scenario.start for at in outcome.story.acknowledged["one"]] == [timedelta(minutes=9)]


def test_whoever_is_asleep_answers_after_waking_up_or_not_at_all(tmp_path: Path) -> None:
    late = played_text('lasts = "1h"\npeople.tom = { answers = "4m", from = "20m" }\n' + DOWN, tmp_path)
    assert [at - late.scenario.start for at in late.story.acknowledged["one"]] == [timedelta(minutes=24)]
    gone = played_text('lasts = "1h"\npeople.tom = { answers = "4m", until = "8m" }\n' + DOWN, tmp_path)
    assert gone.story.acknowledged == {}


def test_a_click_that_pointman_does_not_hear_is_made_again(tmp_path: Path) -> None:
    down = '[[step]]\nat = "6m"\noutage = "pointman"\nuntil = "30m"\n'
    outcome = played_text('lasts = "1h"\npeople.tom = { answers = "4m" }\n' + DOWN + down, tmp_path)
    assert [at - outcome.scenario.start for at in outcome.story.acknowledged["one"]] == [timedelta(minutes=30)]
    assert outcome.story.undone == []


def test_what_cannot_be_done_is_told_and_makes_the_drill_fail(tmp_path: Path) -> None:
    more = '[[step]]\nat = "1m"\nby = "ann"\nticket = "one"\nclick = "unacknowledge"\n'
    away = '[[step]]\nat = "2m"\noutage = "tracker"\nuntil = "9m"\n'
    late = '[[step]]\nat = "3m"\nby = "ann"\nticket = "one"\nset = { severity = "low" }\n'
    outcome = played_text('lasts = "1h"\n' + DOWN + more + away + late, tmp_path)
    said = [line.said for line in outcome.story.undone]
    assert said == [
        "Ann clicks unacknowledge of one: no message about one has a button for that",
        "Ann sets severity to low of one: the tracker does not answer people either",
    ]
    assert not outcome.fine


def test_while_the_tracker_is_away_a_step_waits_and_is_made_when_it_is_back(tmp_path: Path) -> None:
    away = '[[step]]\nat = "4m"\noutage = "tracker"\nuntil = "9m"\n'
    outcome = played_text('lasts = "14m"\n' + DOWN + away, tmp_path)
    ((at, who),) = places(outcome)
    assert who == "tom"
    assert "0:09:00" <= at <= "0:14:00"
    assert outcome.doubled == 0


@pytest.mark.parametrize("kind", ["down", "slow", "denied"])
def test_a_messenger_that_fails_doubles_nothing_where_it_can_be_searched(kind: str, tmp_path: Path) -> None:
    away = f'[[step]]\nat = "4m"\noutage = "slack"\nuntil = "8m"\nkind = "{kind}"\n'
    outcome = played_text('lasts = "14m"\n' + DOWN + away, tmp_path)
    assert [who for _, who in places(outcome)] == ["tom"]
    assert outcome.doubled == 0


def test_of_two_outages_of_one_product_the_longer_counts(tmp_path: Path) -> None:
    away = "".join(
        f'[[step]]\nat = "{at}"\noutage = "slack"\nuntil = "{until}"\n' for at, until in (("4m", "12m"), ("5m", "7m"))
    )
    outcome = played_text('lasts = "20m"\n' + DOWN + away, tmp_path)
    ((at, _), *_) = places(outcome)
    assert at >= "0:12:00"


def test_nobody_is_told_anything_is_held_to_the_end(tmp_path: Path) -> None:
    quiet = '[[expect]]\nat = "1m"\nname = "silence"\nquiet = "6m"\n'
    outcome = played_text(DOWN + quiet, tmp_path)
    (missed,) = outcome.missed
    assert (missed.name, missed.came) == ("silence", "tom by unacknowledged")


def test_the_scenario_of_the_page_goes_well(tmp_path: Path) -> None:
    (block,) = [one for one in blocks(ROOT / "docs" / "drill.md", "toml") if one.skipped]
    (tmp_path / "page.toml").write_text(block.text, encoding="utf-8")
    outcome = played(tmp_path / "page.toml")
    assert outcome.fine, ([one.came for one in outcome.missed], outcome.story.undone)


def test_every_scenario_and_every_verb_is_on_the_page() -> None:
    told = (ROOT / "docs" / "drill.md").read_text(encoding="utf-8")
    wanted = {*shipped.names(), *language.VERBS, *language.OUTCOMES}
    assert {one for one in wanted if f"`{one}`" not in told} == set()
