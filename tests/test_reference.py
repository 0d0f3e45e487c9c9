"""docs/rules.md is complete: every table, key, word, function and moment of the language stands in it, and no other.

Each list of the page is compared with the one that the code reads files by, so a new key without a line there fails.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest

from connectors.model import PHASES
from rules import compiler, duration, pack, references
from rules.events import KINDS as EVENTS
from rules.expectations import AFTER, CALLED, STATES
from rules.language import ASKING, DEFAULTS, KINDS, LATER_VERBS, MODES, NOT_YET, TABLES, TEST, VERBS
from rules.references import MOMENTS, PRODUCTS, SPOKEN, TICKET_WORDS
from rules.template import FILTERS
from rules.values import Choice, Key, Kind, ListOf, Record
from rules.vocabulary import SERVICE_ATTRIBUTES, Type, Vocabulary
from tests.pages import ROOT, Row, blocks, headings, rows, section, spans

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
PAGE = ROOT / "docs" / "rules.md"
EVERY = frozenset.intersection(*(frozenset(record.keys) for record in KINDS.values())) | {
    "text",
    "texts",
    "during",
    "restricted",
}
"""The keys that the page tells once for all kinds of rule."""
RECORDS: Mapping[str, Record] = {name: table.value for name, table in TABLES.items() if isinstance(table.value, Record)}
HEADINGS = {"vendors": "`[vendors]` and `[departments]`", "departments": "`[vendors]` and `[departments]`"}


def told(heading: str) -> str:
    return section(PAGE, heading)


def listed(heading: str) -> list[str]:
    """The names in the first column of the tables under a heading."""
    return [name for row in rows(told(heading)) for name in row.names]


def keys(record: Record, before: str = "") -> Iterator[tuple[str, Key]]:
    """Every key of a table and of the tables in it, as `steps.after`."""
    for name, key in record.keys.items():
        yield f"{before}{name}", key
        inner = key.kind.item if isinstance(key.kind, ListOf) else key.kind
        if isinstance(inner, Record) and record is not DEFAULTS:
            yield from keys(inner, f"{before}{name}.")


def options(kind: Kind) -> tuple[str, ...]:
    inner = kind.item if isinstance(kind, ListOf) else kind
    return inner.options if isinstance(inner, Choice) else ()


def agree(heading: str, wanted: Mapping[str, Key]) -> None:
    """The section lists these keys and no others, says which are required, and every word that a value may be."""
    assert sorted(listed(heading)) == sorted(wanted)
    for row in rows(told(heading)):
        for name in row.names:
            assert row.cells[0].startswith("required") is wanted[name].required, name
    for name, key in wanted.items():
        assert set(options(key.kind)) <= {said.strip('"') for said in spans(told(heading))}, name


# ---- tables and kinds


@pytest.mark.parametrize("table", RECORDS)
def test_every_key_of_a_table_is_told(table: str) -> None:
    agree(HEADINGS.get(table, f"`[{table}]`"), dict(keys(RECORDS[table])))


def test_every_table_has_a_section_and_there_is_no_other() -> None:
    found = [name for level, heading in headings(PAGE) if level == 3 for name in re.findall(r"`\[(\w+)\]`", heading)]
    assert sorted(found) == sorted([*TABLES, "defaults"])


def test_every_key_of_the_defaults_is_told() -> None:
    agree("`[defaults]`", dict(keys(DEFAULTS)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_of_rule_is_told(kind: str) -> None:
    own = {name: key for name, key in keys(KINDS[kind]) if name not in EVERY}
    agree(f"`[[{kind}]]`", own)


def test_every_key_of_every_rule_is_told() -> None:
    known = {name: key for record in KINDS.values() for name, key in record.keys.items()}
    agree("On every rule", {name: known[name] for name in EVERY})


def test_every_kind_is_told_and_what_comes_later_is_told_as_such() -> None:
    titles = [heading for level, heading in headings(PAGE) if level in {2, 3}]
    kinds = [heading.strip("`[]") for heading in titles if heading.startswith("`[[")]
    now, later = titles.index("Rules"), titles.index("Not yet")
    assert sorted(kinds) == sorted(KINDS)
    assert {kind for kind in KINDS if titles.index(f"`[[{kind}]]`") > later} == set(NOT_YET)
    assert all(titles.index(f"`[[{kind}]]`") > now for kind in KINDS)


def test_what_else_comes_later_is_told_as_such() -> None:
    deferred = rows(told("Not yet"))
    assert [name for row in deferred for name in row.names if "[" not in name] == ["approve"]


def test_every_key_of_a_test_is_told() -> None:
    agree("Tests", dict(keys(TEST)))


def test_everything_that_can_be_expected_is_told() -> None:
    assert [name for name in listed("What is expected") if name != "a word"] == [*CALLED, *STATES, f'"{AFTER}6m"']


def test_every_verb_of_permissions_is_told() -> None:
    assert sorted(listed("`[permissions]`")) == sorted([*(verb for verb in VERBS if verb not in ASKING), *LATER_VERBS])


# ---- moments, events, recipients


def test_every_moment_of_since_is_told() -> None:
    assert listed("Moments of `since`") == [*MOMENTS, "changed:<field>"]


def test_every_event_of_on_is_told() -> None:
    assert sorted(listed("Events of `on`")) == sorted([*EVENTS, "changed:<field>"])


def test_every_kind_of_recipient_is_told() -> None:
    known = [*(f"{kind}:" for kind in (*references._PEOPLE, "channel", *PRODUCTS)), *references._BARE]
    assert sorted(listed("Recipients")) == sorted(known)


def test_every_unit_of_a_duration_is_told() -> None:
    assert listed("Durations") == list(duration._UNITS)


# ---- conditions


def called(type_: Type) -> str:
    """A type as the page says it."""
    if type_.kind == "choice":
        return type_.sort
    return {"user": "person", "entry": "service"}.get(type_.kind, type_.kind)


def types(found: tuple[Row, ...]) -> dict[str, str]:
    """Each word of a table with its type: one for all of a row, or one for each."""
    said = {}
    for row in found:
        each = row.cells[0].split(", ")
        for place, name in enumerate(row.names):
            said[name] = each[place] if len(each) == len(row.names) else each[0]
    return said


def test_every_word_of_a_ticket_is_told_with_its_type() -> None:
    words = Vocabulary.standard().words
    found = types(tuple(row for row in rows(told("Words")) if not row.names[0].startswith(("service.", "["))))
    assert found == {word: called(type_) for word, type_ in words.items()}
    assert found.keys() == TICKET_WORDS.keys()
    assert set(PHASES) <= set(spans(told("Words")))


def test_every_attribute_of_a_service_is_told_with_its_type() -> None:
    service = Vocabulary.standard().words["service"].attributes
    found = types(tuple(row for row in rows(told("Words")) if row.names[0].startswith("service.")))
    assert found == {f"service.{name}": called(service[name]) for name in SERVICE_ATTRIBUTES}


def test_every_function_and_operator_is_told() -> None:
    names = listed("What compares")
    assert [name.partition("(")[0] for name in names if "(" in name] == list(compiler._FUNCTIONS)
    assert [name for name in names if "(" not in name] == ["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


# ---- texts


def test_every_variable_is_told() -> None:
    variables = [name for row in rows(told("Texts")) for name in row.names if name in SPOKEN]
    assert sorted(variables) == sorted(SPOKEN)


def test_every_filter_is_told_and_those_that_take_a_value_show_one() -> None:
    found = [row for row in rows(told("Texts")) if set(row.names) & FILTERS.keys()]
    assert sorted(name for row in found for name in row.names) == sorted(FILTERS)
    for row in found:
        for name in row.names:
            assert (f"`{name}(" in row.cells[0]) is bool(FILTERS[name][1]), name


# ---- modes and packs


def test_every_mode_is_told() -> None:
    assert listed("Modes") == list(MODES)


def test_every_rule_of_every_pack_is_told_with_what_it_needs() -> None:
    wanted: dict[str, tuple[str, ...]] = {}
    for name in pack.PACKS:
        for rules in tomllib.loads(pack.text_of(name)).values():
            wanted |= {f"{name}.{rule['id']}": tuple(rule.get("needs", ())) for rule in rules}
    found = {row.names[0]: tuple(re.findall(r"`([^`]+)`", row.cells[0])) for row in rows(told("Packs"))}
    assert found == wanted


def test_each_table_and_each_kind_of_rule_has_an_example() -> None:
    shown = {name for block in blocks(PAGE, "toml") for name in tomllib.loads(block.text)}
    assert shown == {*TABLES, *KINDS, "defaults", "change", "test"}
