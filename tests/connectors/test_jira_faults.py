"""Whatever can go wrong between us and Jira: the right error, the right doubt, and nothing done twice."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3

from connectors import errors
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.jira import Jira
from connectors.model import Comment, Edit
from sandbox.http import Answer, Asked, Fault
from tests.connectors.faults import UNHURRIED
from tests.connectors.jiras import MORNING, SECRET, World, settings, world

TABLE = tomllib.loads((Path(__file__).parent / "wire" / "jira-faults.toml").read_text(encoding="utf-8"))["fault"]
EDIT = Edit({"team": "dba"}, Comment("the log"))

Act = Callable[[World], object]
READS: dict[str, Act] = {
    "get": lambda w: w.jira.get("OPS-1"),
    "find": lambda w: w.jira.find("k"),
    "open": lambda w: list(w.jira.open(MORNING)),
    "me": lambda w: w.jira.me(),
    "user": lambda w: w.jira.user("tom@example.org"),
}
WRITES: dict[str, Act] = {
    "write": lambda w: w.jira.write("OPS-1", EDIT, '{"v":1}'),
    "ledger": lambda w: w.jira.write("OPS-1", None, '{"v":1}'),
    "transition": lambda w: w.jira.write("OPS-1", Edit({"phase": "resolved"}), None),
    "create": lambda w: w.jira.create(EDIT, "k"),
}
EDITS = (WRITES["write"], WRITES["create"])


@pytest.fixture
def jira() -> Iterator[World]:
    with world("cloud", timeout=UNHURRIED) as made:
        made.state.create({"summary": "x"})
        made.jira.write("OPS-1", Edit({"team": None}), None)  # now it knows the site
        made.jira._client.pause = lambda seconds: None
        made.sent()
        yield made
        made.server.seen.clear()  # what faults answer is nobody's contract


def hurried(made: World, seconds: float = 0.4) -> None:
    """From now on a call may take so long: little only where something is late."""
    client = made.jira._client
    client._limits = (seconds, seconds)
    client._wire._timeout = urllib3.Timeout(seconds, seconds)
    client._package()._session.timeout = client._limits


def answer_of(row: dict[str, Any]) -> Answer:
    headers = dict(row.get("headers", {}))
    if headers.get("Retry-After") == "HTTP-DATE+60":
        from datetime import UTC, datetime

        headers["Retry-After"] = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    return Answer(row["status"], row.get("body"), headers)


def writing(asked: Asked) -> bool:
    return asked.method in {"PUT", "POST"} and "search" not in asked.path


def caught(act: Act, world: World) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        act(world)
    return raised.value


@pytest.mark.parametrize("act", READS.values(), ids=READS)
@pytest.mark.parametrize("row", TABLE, ids=[row["why"] for row in TABLE])
def test_a_read_that_fails_raises_the_right_class(jira: World, row: dict[str, Any], act: Act) -> None:
    jira.server.fail(Fault(lambda asked: True, answer_of(row), times=3))
    error = caught(act, jira)
    assert type(error) is getattr(errors, row["class"]), row["why"]
    if act is not READS["me"] or row["status"] >= 300:  # the package does not say what it could not read
        assert row.get("says", "") in str(error)
    if isinstance(error, Temporary):
        waits = (error.retry_after, row.get("wait"))
        assert waits == (None, None) or abs(waits[0] - waits[1]) < 3  # type: ignore[operator]
        repeated = row.get("wait", 0) <= 3
        assert len(jira.server.seen) == (3 if repeated else 1), "a read is repeated, unless it would take too long"
    else:
        assert len(jira.server.seen) == 1


@pytest.mark.parametrize("act", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("row", TABLE, ids=[row["why"] for row in TABLE])
def test_a_write_that_fails_is_sent_once_and_leaves_the_right_doubt(jira: World, row: dict[str, Any], act: Act) -> None:
    jira.server.fail(Fault(writing, answer_of(row), times=9))
    error = caught(act, jira)
    assert type(error) is getattr(errors, row["class"]), row["why"]
    assert row.get("says", "") in str(error)
    assert len([asked for asked, _ in jira.server.seen if writing(asked)]) == 1
    if isinstance(error, Temporary):
        assert error.in_doubt is row["doubt"], row["why"]
    if isinstance(error, Refused) and "customfield_10052" in row.get("body", "") and act in EDITS:
        assert set(error.fields) == {"team"}


@pytest.mark.parametrize("act", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("done", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("how", ["time-out", "reset"])
def test_a_write_without_an_answer_is_in_doubt_and_not_repeated(jira: World, how: str, done: bool, act: Act) -> None:
    fault = Fault(
        writing, None if done else Answer(504), done=done, drop=how == "reset", wait=0.8 if how == "time-out" else 0.0
    )
    jira.server.fail(fault)
    if fault.wait:
        hurried(jira)
    before = jira.server.requests
    error = caught(act, jira)
    assert isinstance(error, Temporary)
    assert error.in_doubt
    reads = sum(not writing(asked) for asked, _ in jira.server.seen)
    assert jira.server.requests - before - reads == 1
    view = jira.state.view("OPS-1")
    if act is WRITES["write"]:
        assert len(view["comments"]) == int(done)
        assert bool(view["properties"]) is done
    if act is WRITES["create"]:
        assert len(jira.state.issues) == 1 + int(done)


@pytest.mark.parametrize("act", READS.values(), ids=READS)
@pytest.mark.parametrize("how", ["time-out", "reset"])
def test_a_read_without_an_answer_is_tried_again(jira: World, how: str, act: Act) -> None:
    jira.server.fail(Fault(lambda asked: True, None, drop=how == "reset", wait=0.6 if how == "time-out" else 0.0))
    jira.jira._client.pause = lambda seconds: hurried(jira, UNHURRIED)
    if how == "time-out":
        hurried(jira)
    act(jira)


def test_nobody_there_is_no_doubt() -> None:
    with world("cloud") as jira:
        nowhere = Jira("jira", settings(jira.state, "http://127.0.0.1:9"))
        nowhere._client.pause = lambda seconds: None
        for act in (lambda: nowhere.get("OPS-1"), lambda: nowhere.create(EDIT, "k")):
            with pytest.raises(Temporary, match="no connection") as raised:
                act()
            assert not raised.value.in_doubt


def test_a_read_waits_as_long_as_jira_asks(jira: World) -> None:
    waits: list[float] = []
    jira.jira._client.pause = waits.append
    jira.server.fail(Fault(lambda asked: True, Answer(429, None, {"Retry-After": "2"}), times=2))
    jira.jira.get("OPS-1")
    assert waits == [2.0, 2.0]


def test_a_transition_that_fails_after_the_edit_says_so_of_the_phase_alone(jira: World) -> None:
    jira.server.fail(
        Fault(lambda a: a.path.endswith("transitions") and a.method == "POST", Answer(400, {"errorMessages": ["no"]}))
    )
    with pytest.raises(Refused) as raised:
        jira.jira.write("OPS-1", Edit({"phase": "resolved", "team": "dba"}), '{"v":1}')
    assert set(raised.value.fields) == {"phase"}
    assert jira.state.view("OPS-1")["properties"] == {"pointman": {"v": 1}}


def test_wrong_credentials_are_denied(jira: World) -> None:
    other = Jira("jira", settings(jira.state, jira.server.url, token="wrong-token-value"))
    with pytest.raises(Denied, match="check the credentials"):
        other.get("OPS-1")
    other.close()


def test_a_ticket_that_we_may_not_see_is_missing_and_one_that_we_may_not_edit_denied(jira: World) -> None:
    jira.state.traps.denied.add("EDIT_ISSUES")
    with pytest.raises(Denied, match="You do not have permission to edit issues"):
        jira.jira.write("OPS-1", EDIT, None)
    jira.state.traps.hidden.add(jira.state.issue("OPS-1").id)
    with pytest.raises(Missing):
        jira.jira.get("OPS-1")


def test_no_error_and_no_log_leaks_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with world("cloud") as jira:
        jira.state.create({"summary": "x"})
        jira.jira.get("OPS-1")
        jira.jira._client.pause = lambda seconds: None
        token = jira.state.token
        said = [repr(jira.jira.settings), str(jira.jira.settings), repr(jira.jira.__dict__)]
        for status in (400, 401, 403, 404, 429, 500):
            body = {"errorMessages": [f"your token {token} and {SECRET} are bad"], "errors": {f"x{token}": token}}
            for act in (*READS.values(), *WRITES.values()):
                jira.server.fail(Fault(lambda a: True, Answer(status, body, {"Set-Cookie": f"s={token}"}), times=3))
                error = caught(act, jira)
                said += [str(error), repr(error), str(getattr(error, "fields", ""))]
                jira.server.heal()
        jira.server.seen.clear()
    told = "\n".join((*said, caplog.text))
    assert token not in told
    assert SECRET not in told


def test_threads_share_a_connector(jira: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    keys = [jira.state.create({"summary": str(n)}) for n in range(40)]
    with ThreadPoolExecutor(20) as pool:
        tickets = list(pool.map(lambda key: jira.jira.get(key), keys * 3))
    assert [t.key for t in tickets] == keys * 3
