"""How a scenario is written: every mistake is told with its place and a hint, and nothing is played then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for

from connectors import registry
from connectors.base import Messenger
from connectors.problems import Problem, Problems
from rules.load import parse
from rules.model import RuleSet
from sync.drill import language
from sync.drill.products import TRAITS, Traits
from sync.drill.scenario import Scenario
from tests.world import COMPANY, RULES

pytestmark = pytest.mark.uncounted

HEAD = 'title = "Down"\n'
STEP = '[[step]]\ncreate = "one"\nwords = { summary = "Checkout is down", service = "checkout" }\n'
CLOCK = """
[[objective]]
id = "restored"
start = "detected"
stop = "restored"
within = "4h"
steps = [{ at = "50%", to = ["place:incidents"] }]
"""


@cache
def rules() -> RuleSet:
    company = COMPANY.replace('timezone = "UTC"', 'timezone = "Europe/Berlin"')
    return parse({"a.toml": company, "b.toml": RULES + CLOCK}, connectors=("slack", "memory"))


def read(text: str) -> Scenario:
    return language.read(Path("drills/mine.toml"), text, rules(), ("slack",))


def told(text: str) -> list[Problem]:
    with pytest.raises(Problems) as wrong:
        read(text)
    return list(wrong.value.problems)


def test_a_scenario_is_read_as_it_is_meant() -> None:
    made = read(
        'title = "Down"\nstart = 2026-12-25T03:00:00\nlasts = "2d"\nrules = ["mine"]\n'
        'people.tom = { answers = "7m", click = "take", from = "1h", until = "5h" }\n'
        + STEP
        + '[[step]]\nat = "2h"\nby = "ann"\nticket = "one"\nset = { severity = "low" }\n'
        '[[step]]\nat = "1h"\ncreate = "flood"\nwords = { summary = "x" }\ncount = 3\nevery = "10m"\n'
        '[[step]]\nat = "3h"\nclock = "-1h30m"\n'
    )
    assert made.start == datetime(2026, 12, 25, 2, 0, tzinfo=UTC), "in the rules' time zone"
    assert made.lasts == timedelta(days=2)
    assert made.tickets == ("one", "flood-1", "flood-2", "flood-3")
    assert [step.at for step in made.steps] == sorted(step.at for step in made.steps)
    assert made.steps[-1].jump == timedelta(hours=-1, minutes=-30)
    assert made.rules == (Path("drills/mine"),)
    assert made.people["tom"].until == timedelta(hours=5)


def test_a_scenario_lasts_until_the_last_thing_that_is_said() -> None:
    expect = '[[expect]]\nat = "1h"\nquiet = "3h"\n'
    later = STEP + 'expect = { severity = "high", "after 4h" = ["on-call:team"] }\n'
    assert read(HEAD + STEP + expect).lasts == timedelta(hours=3)
    assert read(HEAD + later + expect).lasts == timedelta(hours=4)


SHORT = 'lasts = "1h"\n'
TWO = 'at = "5m"\ncreate = "two"\nwords = { summary = "x" }'


def step(said: str) -> str:
    return f"{HEAD}{STEP}[[step]]\n{said}\n"


def expect(said: str) -> str:
    return f"{HEAD}{STEP}[[expect]]\n{said}\n"


MISTAKES = [
    (STEP, "title is missing", "", 1),
    (HEAD, "step is missing", "", 1),
    ('title = "x"\nstepp = 1\n', "no key stepp here", "did you mean step?", 2),
    (step('at = "5m"'), "a step says one thing, and this says nothing", "it is one of create, set", 5),
    (step('comment = "x"\nclick = "take"'), "this says comment and click", "it is one of", 5),
    (step('at = "five"\nticket = "one"\ncomment = "x"'), "five", "", 6),
    (step('ticket = "two"\ncomment = "x"'), "no ticket two", "there is one", 6),
    (step('ticket = "one"\nby = "anne"\ncomment = "x"'), "no person anne", "did you mean ann?", 7),
    (step('ticket = "one"\nclick = "take"'), "by is missing", "", 5),
    (step('ticket = "one"\nby = "ann"\nclick = "tak"'), "no button tak", "did you mean take?", 8),
    (step('ticket = "one"\nset = { severty = "low" }'), "no field severty", "did you mean severity?", 7),
    (step('ticket = "one"\nset = { severity = "lo" }'), "no level of severity lo", "did you mean low?", 7),
    (step('outage = "slak"\nuntil = "5m"'), "no product slak", "did you mean slack?", 6),
    (step('outage = "slack"'), "until is missing", "", 5),
    (step('at = "9m"\noutage = "slack"\nuntil = "5m"'), "this is over before it begins", "", 8),
    (step('outage = "slack"\nuntil = "5m"\nkind = "dead"'), "no kind of outage dead", "did you mean denied?", 8),
    (step('ticket = "one"\ncomment = "x"\nkind = "down"'), "kind does not belong to comment", "it may say by", 8),
    (step('clock = "2h"'), "2h is not a leap", "", 6),
    (step('clock = "+2x"'), "+2x is not a leap", "", 6),
    (step('clock = "+2m1h"'), "write each unit once", "", 6),
    (step('create = "one"\nwords = { summary = "x" }'), "one is made twice", "", 6),
    (step('create = "two"\nwords = { summary = "x" }\ncount = 4'), "count and every belong together", "", 5),
    (expect('at = "5m"'), "nothing is expected here", "it needs holds, objectives", 5),
    (expect('holds = { severity = "high" }'), "ticket is missing", "", 5),
    (expect('ticket = "one"\nholds = { called = ["person:to"] }'), "no person to", "did you mean tom?", 7),
    (expect('ticket = "one"\nholds = { "after 5m" = [] }'), "holds at the moment", "say when with at", 7),
    (expect('ticket = "one"\nobjectives = { restord = "met" }'), "no objective restord", "did you mean restored?", 7),
    (expect('ticket = "one"\nobjectives = { restored = "meet" }'), "no outcome meet", "did you mean met?", 7),
    (expect('ticket = "one"\nexpect = { severity = "high" }'), "no key expect here", "write holds = { … }", 7),
    (step(TWO) + '\n[[step]]\nat = "1m"\nticket = "two"\ncomment = "x"', "two is made only at 5m", "", 10),
    (expect('at = "1m"\nticket = "two"\nholds = { severity = "low" }') + f"\n[[step]]\n{TWO}", "is made only", "", 5),
    (SHORT + expect('at = "2h"\ndoubled = 0'), "this is at 2h, and the drill lasts 1h", "let it last longer", 6),
    (SHORT + expect('quiet = "61m"'), "this is at 1h1m, and the drill lasts 1h", "let it last longer", 6),
    (SHORT + HEAD + STEP + 'expect = { "after 2h" = [] }', "this is at 2h, and the drill", "", 6),
    (HEAD + STEP + "[people]\nbob = { answers = \"5m\" }\n", "no person bob", "there is ann, tom, maria", 6),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "hint", "line"), MISTAKES, ids=[case[1] + case[2] for case in MISTAKES])
def test_a_mistake_is_told_with_its_line_and_a_hint(text: str, message: str, hint: str, line: int) -> None:
    found = [one for one in told(text) if message in one.message and hint in one.hint]
    assert found, told(text)
    assert (found[0].where.file, found[0].where.line) == ("drills/mine.toml", line)
    assert found[0].where.column > 0


def test_all_mistakes_are_told_at_once() -> None:
    found = told(step('ticket = "one"\nby = "anne"\nset = { severty = "low" }') + '[[step]]\noutage = "slak"\n')
    assert len(found) == 4, found


def test_what_is_no_toml_is_told_with_its_place() -> None:
    (found,) = told('title = "x\n')
    assert found.where.line == 1


def test_what_editors_are_told_agrees_with_what_is_read() -> None:
    schema = language.schema()
    checker: Any = validator_for(schema)
    checker.check_schema(schema)
    valid = checker(schema)
    assert valid.is_valid({"title": "x", "step": [{"create": "one", "words": {"summary": "x"}}]})
    assert not valid.is_valid({"title": "x", "step": [{"creat": "one"}]})
    assert not valid.is_valid({"title": "x", "step": [], "expect": [{"at": "5 minutes"}]})


def test_the_messengers_of_a_drill_can_do_what_the_real_ones_can() -> None:
    kinds = {name: kind for name in registry.available() if issubclass(kind := registry.load(name), Messenger)}
    assert {"slack", "teams", "email"} <= kinds.keys()
    for name, kind in kinds.items():
        said = TRAITS.get(name, Traits())
        assert (said.searchable, said.editable, said.channels) == (kind.searchable, kind.editable, kind.channels), name
