"""What people are asked for, where their command lacks something, and what of it they said already."""

import pytest

from connectors.model import Command, User
from rules.load import parse
from rules.model import RuleSet
from sync.forms import form

ALONE = '[defaults]\ntimezone = "UTC"\n[roles]\npoc = { title = "Point of contact" }\n'
RULES = parse({"rules.toml": f"{ALONE}commander = {{}}\n[services]\ncheckout = {{}}\n"})
ONE_ROLE = parse({"rules.toml": ALONE})


def asked(verb: str, rules: RuleSet = RULES, ref: str = "10001", **args: str) -> list[str]:
    found = form(Command(ref, verb, User("U1"), "slack", args), rules)
    return [question.name for question in found.questions] if found is not None else []


@pytest.mark.parametrize(
    ("verb", "args", "names"),
    [
        ("acknowledge", {}, []),
        ("update", {}, ["text"]),
        ("update", {"text": "done"}, []),
        ("comment", {}, ["text"]),
        ("assign", {}, ["person"]),
        ("severity", {}, ["level"]),
        ("hold", {}, ["reason"]),
        ("eta", {}, ["time"]),
        ("cadence", {}, ["every"]),
        ("pause", {}, ["time"]),
        ("pause", {"time": "30m"}, []),
        ("skip", {}, []),
        ("snooze", {}, []),
        ("claim", {}, ["role"]),
        ("claim", {"role": "poc"}, []),
        ("handover", {}, ["role", "person"]),
        ("handover", {"role": "poc"}, ["person"]),
        ("declare", {}, ["summary", "severity", "service"]),
        ("declare", {"severity": "high"}, ["summary", "severity", "service"]),
        ("declare", {"summary": "Checkout is down"}, []),
        ("mine", {}, []),
    ],
)
def test_what_is_missing_is_asked_for_and_nothing_else(verb: str, args: dict[str, str], names: list[str]) -> None:
    assert asked(verb, ref="" if verb in {"declare", "mine"} else "10001", **args) == names


def test_where_there_is_one_role_nobody_is_asked_which() -> None:
    assert asked("claim", ONE_ROLE) == []
    assert asked("handover", ONE_ROLE) == ["person"]
    assert asked("declare", ONE_ROLE, ref="") == ["summary", "severity"]


def test_a_command_that_names_no_ticket_asks_for_it_and_shows_the_text_that_is_there() -> None:
    assert asked("status", ref="") == ["ticket"]
    command = Command("", "comment", User("U1"), "slack", {"text": "the log is full", "link": "https://x.example"})
    found = form(command, RULES)
    assert found is not None
    assert [(question.name, question.value) for question in found.questions] == [
        ("ticket", ""), ("text", "the log is full"),
    ]  # fmt: skip


def test_roles_are_asked_for_by_what_people_call_them() -> None:
    found = form(Command("1", "claim", User("U1"), "slack"), RULES)
    assert found is not None
    assert found.questions[0].options == ("Point of contact", "commander")
