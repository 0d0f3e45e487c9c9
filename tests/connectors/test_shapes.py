"""JSON of another shape than a product's own, with success: our error with a sentence, from every call there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from connectors.base import Wanted
from connectors.errors import ConnectorError
from connectors.jira import Jira
from connectors.model import Edit, Message, User
from connectors.shapes import NUMBER, OBJECT, TEXT, Shape, misshapen
from sandbox.http import Answer, Asked, Fault
from tests.connectors.jiras import MORNING, World, settings, world
from tests.connectors.slack_workspace import NOW, Workspace, connector, workspace
from tests.connectors.test_jira_setup import discovered

T = TypeVar("T")


@pytest.mark.parametrize(
    ("told", "shape", "said"),
    [
        ({"a": 1}, None, ""),
        ({"a": [], "b": None}, OBJECT, ""),
        ([], OBJECT, "it is a list, and not an object"),
        (None, OBJECT, "it is null, and not an object"),
        ("x", [OBJECT], "it is a text, and not a list"),
        ({}, {"a": TEXT}, ""),
        ({"a": None}, {"a": TEXT}, ""),
        ({"a": 5}, {"a": TEXT}, "a is a number, and not a text"),
        ({"a": True}, {"a": NUMBER}, "a is a flag, and not a number"),
        ({"a": True}, {"a": bool}, ""),
        ({}, {"a!": TEXT}, "a is missing"),
        ({"a": None}, {"a!": TEXT}, "a is null, and not a text"),
        ({"a": {"b": [{"c": 1}, {"c": []}]}}, {"a": {"b": [{"c": NUMBER}]}}, "a.b[1].c is a list, and not a number"),
    ],
)
def test_what_differs_from_its_shape_is_told_with_its_place(told: Any, shape: Shape, said: str) -> None:
    assert misshapen(told, shape) == said


EVERYWHERE = ("issues", "values", "messages", "channels", "channel", "user", "fields", "transitions", "permissions")
WRONG: dict[str, Any] = {
    "a list": [],
    "null": None,
    "a text": "down",
    "objects that are texts": dict.fromkeys(EVERYWHERE, "x"),
    "lists that are objects": {name: {} for name in EVERYWHERE},
    "lists of nothing much": {name: [{}] for name in EVERYWHERE},
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def tried(act: Callable[[T], object], at: T) -> str:
    """What an act says of a wrong answer, empty where it could do without. Any other error than ours is raised."""
    try:
        act(at)
    except ConnectorError as error:
        return str(error)
    return ""


# ---- Jira

JIRA: dict[str, Callable[[World], object]] = {
    "get": lambda w: w.jira.get("OPS-1"),
    "find": lambda w: w.jira.find("OPS-1"),
    "open": lambda w: list(w.jira.open(MORNING)),
    "fields": lambda w: w.jira.write("OPS-1", Edit({"team": "dba", "service": "checkout"}), None),
    "phase": lambda w: w.jira.write("OPS-1", Edit({"phase": "resolved"}), None),
    "create": lambda w: w.jira.create(Edit({"summary": "x"}), "k"),
    "init": discovered,
    "check": lambda w: list(w.jira.check(Wanted(home="OPS-1", people=("tom@example.org", "tom")))),
}
"""What a tracker is asked for; each from a connector that knows nothing yet."""


def again(jira: World) -> Jira:
    return Jira("jira", settings(jira.state, jira.server.url))


def reading(asked: Asked) -> bool:
    return asked.method == "GET" or "search" in asked.path


def paths(seen: list[tuple[Asked, Answer]]) -> list[str]:
    return list(dict.fromkeys(asked.path for asked, _ in seen if reading(asked)))


OTHERWISE = ("find", "open", "init")
"""What is asked of Data Center in another way."""


@pytest.fixture(scope="module")
def jira(request: pytest.FixtureRequest) -> Iterator[World]:
    with world(request.param) as made:
        made.state.create({"summary": "x", "customfield_10052": "dba"})
        yield made
        made.server.seen.clear()  # what faults answer is nobody's contract


@pytest.mark.parametrize(
    ("jira", "name"),
    [*(("cloud", name) for name in JIRA), *(("datacenter", name) for name in OTHERWISE)],
    indirect=["jira"],
)
def test_a_wrong_shape_from_jira_is_our_error_in_every_call(jira: World, name: str) -> None:
    act = JIRA[name]
    jira.server.seen.clear()
    act(World(jira.state, jira.server, again(jira)))
    said = []
    for path in paths(jira.server.seen):
        for wrong in WRONG.values():
            jira.server.fail(
                Fault(lambda asked, at=path: asked.path == at and reading(asked), Answer(200, wrong), times=9)
            )
            fresh = World(jira.state, jira.server, again(jira))
            said.append(tried(act, fresh))
            fresh.jira.close()
            jira.server.heal()
    jira.server.seen.clear()
    assert any("Jira answered something unexpected" in one for one in said) or name == "check"


# ---- Slack

SLACK: dict[str, Callable[[Workspace], object]] = {
    "post": lambda at: at.slack.put("#ops", Message("down"), None, "k"),
    "edit": lambda at: at.slack.put("#ops", Message("up"), at.slack.put("#ops", Message("down"), None, "k"), "k"),
    "post to a person": lambda at: at.slack.put("ann@example.org", Message("down"), None, "k"),
    "find": lambda at: at.slack.find("#ops", "k", NOW),
    "who": lambda at: at.slack.who(User(at.ann.id)),
    "check": lambda at: list(at.slack.check(Wanted(addresses=("#ops",), people=("ann@example.org",)))),
}


@pytest.fixture(scope="module")
def slack() -> Iterator[Workspace]:
    with workspace() as made:
        yield made
        made.box.server.seen.clear()


@pytest.mark.parametrize("act", SLACK.values(), ids=SLACK)
def test_a_wrong_shape_from_slack_is_our_error_in_every_call(
    slack: Workspace, act: Callable[[Workspace], object]
) -> None:
    server = slack.box.server
    server.seen.clear()
    act(Workspace(slack.box, connector(slack.box), slack.ops, slack.ann))
    said = []
    for path in dict.fromkeys(asked.path for asked, _ in server.seen):
        for wrong in WRONG.values():
            told = {"ok": True, **wrong} if isinstance(wrong, dict) else wrong
            server.fail(Fault(lambda asked, at=path: asked.path == at, Answer(200, told), times=9))
            fresh = Workspace(slack.box, connector(slack.box), slack.ops, slack.ann)
            said.append(tried(act, fresh))
            fresh.slack.close()
            server.heal()
    server.seen.clear()
    answers_all_the_same = {SLACK["find"], SLACK["check"]}  # "cannot tell", and a problem for each part
    assert any("the answer is not" in one for one in said) or act in answers_all_the_same
