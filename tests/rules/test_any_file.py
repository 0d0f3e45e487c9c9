"""Whatever a file holds, it is loaded or its problems are told; nothing else is ever raised."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.problems import Problems
from rules import load
from rules.language import TABLES

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
HERE = Path(__file__).parent
COMPANY = (HERE / "company.toml").read_text(encoding="utf-8")
RULES = """
[permissions]
resolve = ["role:poc", "members:team"]
[schedules.night]
rotation = ["maria"]
handover = "21:30"
overrides = [{ person = "tom", from = 2026-12-24T00:00:00, until = 2026-12-25T00:00:00 }]
[change."incident.card"]
mode = "watch"
[[classify]]
id = "users"
was = ["people"]
when = 'security and severity == "low"'
set = { region = "asia", affected_users = 3, promised = 2026-12-24T18:00:00Z }
thresholds = { affected_users = { medium = 100, high = 1000 } }
at_least = { severity = "medium" }
[[assign]]
id = "service"
team = "service.team"
pick = "least-loaded"
skills = ["postgres"]
[[escalate]]
id = "ladder"
since = "changed:severity"
steps = [{ after = "5m", to = ["on-call:team"] }, { after = "1h", to = ["audience:customers"], text = "{{ service }}" }]
repeat = { every = "30m", times = 3 }
[[notify]]
id = "card"
to = ["place:incidents", "audience:customers"]
texts.customers = "{{ service }}"
buttons = ["take"]
[[objective]]
id = "rto"
goal = "rto"
steps = [{ at = "50%", to = ["lead:service.team"] }]
[[task]]
id = "restore"
to = ["place:incidents"]
steps = [{ id = "a", title = "A", due = "25% of rto" }, { id = "b", title = "B", team = "dba", follows = ["a"] }]
[[mute]]
id = "year-end"
from = 2026-12-24T18:00:00
until = 2027-01-02T08:00:00
mutes = ["update"]
[[restrict]]
id = "security"
when = 'security and reporter in lists.vip and during(created, "office")'
to = ["members:dba", "on-call:dba", "lead:dba", "departments:sales", "vendor:acme-cloud", "assignee", "reporter"]
[[update]]
id = "half-hourly"
during = "office"
every = "30m"
to = ["departments:service", "vendor:service", "person:maria", "role:poc", "audience:management", "lead:team"]
[[channel]]
id = "war-room"
when = 'phase in ["new", "active"] and matches(text, "down.*")'
channel = "inc-{{ key }}"
invite = ["members:team", "members:service.team", "on-call:service.team"]
[[publish]]
id = "documents"
to = ["place:incidents"]
pages = ["timeline", "post-incident-review"]
[[objective]]
id = "answer"
start = "created"
stop = "acknowledged"
within = "1h"
pause = "hold"
calendar = "office"
steps = [{ before = "30m", to = ["lead:service.team"] }, { after = "10m", to = ["assignee"] }]
[[notify]]
id = "news"
restricted = true
to = ["place:incidents"]
on = ["raised", "changed:region"]
[[test]]
name = "x"
ticket = { summary = "Checkout is down", labels = ["a"] }
expect = { severity = "high", "after 6m" = ["on-call:team"], "after 1h" = { told = ["place:incidents"] } }
then = [{ after = "1h", by = "tom", set = { severity = "low" }, expect = { called = [] } },
        { after = "2h", comment = "x" }]
[[test]]
name = "y"
table = [["reporter", "expect severity", "expect after 6m"], ["tom", "low", []]]
"""

words = st.sampled_from(
    [
        "",
        "team",
        "person:maria",
        "on-call:",
        "changed:",
        "severity == ",
        "{{",
        "{{ key }}",
        "mon-fri",
        "1h",
        "2026-01-01/",
    ]
)
scalars = words | st.booleans() | st.integers(-5, 5) | st.just(1e400) | st.just(date(2026, 1, 1)) | st.just(time(1))
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["id", "to", "text", "x"]), scalars)


def written(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*path, key), *places(item, (*path, key))]]


def replaced(value: Any, path: tuple[str | int, ...], by: Any) -> Any:
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], by)
    return copy


def answer(texts: dict[str, str]) -> str:
    """What is told; empty where the files are good."""
    try:
        load.parse(texts, later="ignore")
    except Problems as problems:
        return str(problems)
    return ""


def in_one_file(data: dict[str, Any]) -> dict[str, str]:
    return {"rules.toml": "\n".join(f"{json.dumps(key)} = {written(item)}" for key, item in data.items())}


GOOD = tomllib.loads(COMPANY + RULES)
GOOD["defaults"] = {**GOOD["defaults"], "packs": ["incident"], "notify": {"mode": "watch"}}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(places(GOOD)), values)
def test_a_value_of_any_type_anywhere_is_loaded_or_told(path: tuple[str | int, ...], value: Any) -> None:
    changed = replaced(GOOD, path, value)
    answer(in_one_file(changed))


FREE = {
    *("name", "title", "slack", "msteams", "jira", "summary", "labels", "text", "customers", "options", "was", "id"),
    "comment",
}
"""Keys whose words mean nothing to us, or give a name of which nothing else speaks."""


def misspelt(path: tuple[str | int, ...]) -> Any:
    """The same files with one letter more in the text at this path; None where it is no name."""
    value: Any = GOOD
    for part in path:
        value = value[part]
    if not isinstance(value, str) or "@" in value or "{{" in value or path[0] == "scales" or FREE & set(map(str, path)):
        return None
    return replaced(GOOD, path, f"{value}q")


@pytest.mark.parametrize(
    "path", [path for path in places(GOOD) if misspelt(path)], ids=lambda path: ".".join(map(str, path))
)
def test_every_name_with_one_letter_too_many_is_told(path: tuple[str | int, ...]) -> None:
    assert answer(in_one_file(misspelt(path)))


def misspelt_key(path: tuple[str | int, ...]) -> Any:
    """The same files with one letter more in the key at this path; None where the key gives a name."""
    *above, key = path
    if not isinstance(key, str) or (path[0] in TABLES and len(path) == 2):
        return None
    table: Any = GOOD
    for part in above:
        table = table[part]
    return replaced(GOOD, tuple(above), {f"{k}q" if k == key else k: item for k, item in table.items()})


@pytest.mark.parametrize("path", [p for p in places(GOOD) if misspelt_key(p)], ids=lambda p: ".".join(map(str, p)))
def test_every_key_with_one_letter_too_many_is_told(path: tuple[str | int, ...]) -> None:
    assert answer(in_one_file(misspelt_key(path)))


def test_the_file_that_is_changed_is_good_to_begin_with() -> None:
    assert load.parse(in_one_file(GOOD), later="ignore").warnings == ()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.integers(0, len(RULES)).map(lambda end: RULES[:end]))
def test_any_text_is_loaded_or_told(text: str) -> None:
    answer({"company.toml": COMPANY, "rules.toml": text})
    answer({"company.toml": "[broken", "rules.toml": text})


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, len(RULES) - 2),
    st.sampled_from(['"', "'", "[", "]", "{", "}", "=", "\n", ",", "x", "ä", "\\", "\r\n", "\t"]),
)
def test_a_slip_of_one_letter_is_loaded_or_told(place: int, letter: str) -> None:
    text = RULES[:place] + letter + RULES[place + 1 :]
    answer({"company.toml": COMPANY, "rules.toml": text})
    answer({"company.toml": "[broken", "rules.toml": text})
