"""config.example.toml holds every setting and every kind of rule, with every key, and loads by the real loaders.

A `#` right before a setting switches it off there; `# ` with a blank explains. The second part is rules, which live in
files of their own: it is switched on here, and read as such a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from connectors import registry
from connectors.problems import Problems
from rules import load
from rules.language import DEFAULTS, KINDS, NOT_YET, TABLES, TEST
from rules.values import Kind, ListOf, Record, TableOf
from sync import config
from sync.config import Config

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
RULES = "# ======== rules ========"
LATER = "# ---- not yet"
PRODUCTS = ("jira", "slack", "pagerduty", "ical")
SHARED = {"id", "name", "was", "when", "mode", "during", "restricted", "text", "texts"}
"""Keys that rules of most kinds have, so that one rule shows each of them."""


def switched_on(text: str) -> str:
    """The text with all that is switched off in it; as many lines."""
    return re.sub(r"(?m)^#(?=[^ :\n])", "", text)


def parts() -> tuple[str, str]:
    """The settings, and the rules as a file of their own."""
    settings, heading, rules = EXAMPLE.read_text(encoding="utf-8").partition(RULES)
    assert heading
    return settings, switched_on(rules)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r'"env/(\w+)"', EXAMPLE.read_text(encoding="utf-8")):
        monkeypatch.setenv(name, "https://a.secret.example/" if name.endswith("_URL") else "a secret")


def loaded(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


# ---- settings


@pytest.mark.usefixtures("secrets")
def test_a_copy_of_the_file_is_a_configuration(tmp_path: Path) -> None:
    found = loaded(tmp_path, EXAMPLE.read_text(encoding="utf-8"))
    assert (found.mode, found.tracker, sorted(found.connectors)) == ("watch", "jira", ["jira", "slack"])
    assert found.rule_paths == (tmp_path / "rules.d",)


@pytest.mark.usefixtures("secrets")
def test_it_is_one_as_well_with_everything_switched_on(tmp_path: Path) -> None:
    found = loaded(tmp_path, switched_on(parts()[0]))
    assert found.connectors["jira"].hold.statuses == ("10005",)
    assert found.connectors["slack"].channels == {"#ops": "C024BE7LH"}


def settings(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every setting; a table of settings is as good as its settings."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from settings(info.annotation, (*before, name))
        elif (*before, name) != ("connectors",):
            yield (*before, name)


def every_setting() -> list[tuple[str, ...]]:
    ours = list(settings(Config))
    for name in registry.available():
        ours += settings(registry.settings(name), ("connectors", name))
    return ours


def said(table: Mapping[str, Any], path: Sequence[str]) -> bool:
    value: Any = table
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True


@pytest.mark.parametrize("path", every_setting(), ids=".".join)
def test_every_setting_of_every_connector_is_there(path: tuple[str, ...]) -> None:
    assert said(tomllib.loads(switched_on(parts()[0])), path)  # TOML itself refuses one that is there twice


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("table", ["sweep", "floods", "drill"])
def test_what_is_switched_off_there_is_the_default(table: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, switched_on(parts()[0]))
    assert getattr(found, table) == getattr(Config(), table)


# ---- rules


def test_its_rules_are_read_without_a_mistake_or_a_warning() -> None:
    now, _, _ = parts()[1].partition(LATER)
    found = load.parse({"rules.toml": now}, connectors=PRODUCTS)
    assert found.warnings == ()
    assert {rule.kind for rule in found} == KINDS.keys() - set(NOT_YET)


def test_rules_of_later_versions_are_right_but_for_being_early() -> None:
    text = parts()[1]
    load.parse({"rules.toml": text}, connectors=PRODUCTS, later="ignore")
    with pytest.raises(Problems) as refused:
        load.parse({"rules.toml": text}, connectors=PRODUCTS)
    first = text[: text.index(LATER)].count("\n")
    for problem in refused.value.problems:
        assert problem.message.startswith("not yet")
        assert problem.where.line > first


def test_every_kind_of_rule_is_there() -> None:
    found = tomllib.loads(parts()[1])
    assert found.keys() == {*TABLES, *KINDS, "defaults", "change", "test"}


def absent(kind: Kind, values: Sequence[Any], path: str) -> Iterator[str]:
    """The keys that none of these values of one kind shows."""
    if isinstance(kind, Record):
        for name, key in kind.keys.items():
            inner = [value[name] for value in values if name in value]
            if inner:
                yield from absent(key.kind, inner, f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(kind, TableOf):
        yield from absent(kind.value, [item for value in values for item in value.values()], path)
    elif isinstance(kind, ListOf):
        yield from absent(kind.item, [item for value in values for item in value], path)


@pytest.mark.parametrize("table", TABLES)
def test_every_key_of_every_table_is_there(table: str) -> None:
    found = tomllib.loads(parts()[1])
    assert list(absent(TABLES[table], [found[table]], table)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_every_kind_of_rule_is_there(kind: str) -> None:
    found = tomllib.loads(parts()[1])
    missing = [path for path in absent(KINDS[kind], found[kind], kind) if path.partition(".")[2] not in SHARED]
    assert missing == []


def test_the_keys_that_rules_share_are_there_once_at_least() -> None:
    found = tomllib.loads(parts()[1])
    assert {key for kind in KINDS for rule in found[kind] for key in rule} >= SHARED


def test_every_key_of_the_defaults_and_of_a_test_is_there() -> None:
    found = tomllib.loads(parts()[1])
    assert found["defaults"].keys() >= DEFAULTS.keys.keys() - KINDS.keys()
    assert found["defaults"].keys() & KINDS.keys()  # any key of any kind: one shows how
    assert list(absent(TEST, found["test"], "test")) == []
