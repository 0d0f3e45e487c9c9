"""Whatever can go wrong between us and ServiceNow: the right error, the right doubt, and nothing done twice."""

from __future__ import annotations

import logging
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import errors
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import Comment, Edit
from connectors.servicenow import ServiceNow
from sandbox.http import Answer, Asked, Fault
from tests.connectors.faults import UNHURRIED
from tests.connectors.instances import MORNING, SECRET, World, settings, world

TABLE = tomllib.loads((Path(__file__).parent / "wire" / "servicenow-faults.toml").read_text(encoding="utf-8"))["fault"]
EDIT = Edit({"affected_users": 7.0}, Comment("the log"))
OAUTH = {"password": None, "client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}

Act = Callable[[World], object]
READS: dict[str, Act] = {
    "get": lambda w: w.snow.get(ticket(w)),
    "find": lambda w: w.snow.find("k"),
    "open": lambda w: list(w.snow.open(MORNING)),
    "user": lambda w: w.snow.user("nobody.met@example.org"),
}
WRITES: dict[str, Act] = {
    "write": lambda w: w.snow.write(ticket(w), EDIT, '{"v":1}'),
    "ledger": lambda w: w.snow.write(ticket(w), None, '{"v":1}'),
    "resolve": lambda w: w.snow.write(ticket(w), Edit({"phase": "resolved"}), None),
    "create": lambda w: w.snow.create(EDIT, "k"),
}


def ticket(made: World) -> str:
    return next(iter(made.state.rows("incident"))).id


@pytest.fixture(scope="module")
def instance() -> Iterator[World]:
    with world() as made:
        ref = made.create(short_description="x")
        made.snow.write(ref, Edit({"phase": "active"}, Comment("now it knows the instance")), None)
        made.snow.get(ref)
        made.snow._client.pause = lambda seconds: None
        made.sent()
        yield made
        made.server.seen.clear()  # what faults answer is nobody's contract


@pytest.fixture
def snow(instance: World) -> World:
    instance.server.heal()
    instance.server.seen.clear()
    return instance


def answer_of(row: dict[str, Any]) -> Answer:
    headers = dict(row.get("headers", {}))
    if headers.get("Retry-After") == "HTTP-DATE+60":
        headers["Retry-After"] = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    return Answer(row["status"], row.get("body"), headers)


def writing(asked: Asked) -> bool:
    return asked.method in {"PATCH", "POST"}


def caught(act: Act, made: World) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        act(made)
    return raised.value


@pytest.mark.parametrize("row", TABLE, ids=[row["why"] for row in TABLE])
def test_a_read_that_fails_raises_the_right_class(snow: World, row: dict[str, Any]) -> None:
    for name, act in READS.items():
        snow.server.heal()
        snow.server.seen.clear()
        snow.server.fail(Fault(lambda asked: True, answer_of(row), times=3))
        error = caught(act, snow)
        assert type(error) is getattr(errors, row["class"]), (name, row["why"], error)
        assert row.get("says", "") in str(error)
        if isinstance(error, Temporary):
            waits = (error.retry_after, row.get("wait"))
            assert waits == (None, None) or abs(waits[0] - waits[1]) < 3  # type: ignore[operator]
            repeated = row.get("wait", 0) <= 3
            assert len(snow.server.seen) == (3 if repeated else 1), "a read is repeated, unless it would take too long"
        else:
            assert len(snow.server.seen) == 1


@pytest.mark.parametrize("row", TABLE, ids=[row["why"] for row in TABLE])
def test_a_write_that_fails_is_sent_once_and_leaves_the_right_doubt(snow: World, row: dict[str, Any]) -> None:
    for name, act in WRITES.items():
        snow.server.heal()
        snow.server.seen.clear()
        snow.server.fail(Fault(writing, answer_of(row), times=9))
        error = caught(act, snow)
        assert type(error) is getattr(errors, row["class"]), (name, row["why"], error)
        assert row.get("says", "") in str(error)
        assert len([asked for asked, _ in snow.server.seen if writing(asked)]) == 1
        if isinstance(error, Temporary):
            assert error.in_doubt is row["doubt"], row["why"]
        if isinstance(error, Refused) and name == "resolve":
            assert set(error.fields) == {"phase"}


def hurried(made: World, seconds: float = 0.4) -> None:
    """From now on a call may take so long: little only where something is late."""
    made.snow._client._limits = (seconds, seconds)


@pytest.mark.parametrize("done", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("how", ["time-out", "reset"])
def test_a_write_without_an_answer_is_in_doubt_and_not_repeated(how: str, done: bool) -> None:
    for name, act in WRITES.items():
        if how == "time-out" and name in {"ledger", "resolve"}:
            continue  # each costs real time, and is the same PATCH
        with world(timeout=UNHURRIED) as made:
            ref = made.create(short_description="x")
            made.snow.get(ref)
            drop, wait = how == "reset", 0.8 if how == "time-out" else 0.0
            if wait:
                hurried(made)
            made.server.fail(Fault(writing, None if done else Answer(504), done=done, drop=drop, wait=wait))
            came: list[Asked] = []
            made.server.noticed = came.append
            error = caught(act, made)
            assert isinstance(error, Temporary)
            assert error.in_doubt
            assert len([asked for asked in came if writing(asked)]) == 1
            if wait:
                time.sleep(wait)  # the instance is still at it
            count = len(list(made.state.rows("incident")))
            assert count == (2 if name == "create" and done else 1)
            if name in {"write", "ledger"}:
                assert bool(made.state.ticket(ref)["u_pointman"]) is done
            made.server.seen.clear()


@pytest.mark.parametrize("how", ["time-out", "reset"])
def test_a_read_without_an_answer_is_tried_again(how: str) -> None:
    with world(timeout=UNHURRIED) as made:
        made.create(short_description="x")
        made.snow._client.pause = lambda seconds: hurried(made, UNHURRIED)
        for act in READS.values():
            wait = 0.6 if how == "time-out" else 0.0
            if wait:
                hurried(made)
            made.server.fail(Fault(lambda asked: True, None, drop=how == "reset", wait=wait))
            act(made)
        made.server.seen.clear()


def test_nobody_there_is_no_doubt(snow: World) -> None:
    nowhere = ServiceNow("servicenow", settings(snow.state, "http://127.0.0.1:9"))
    nowhere._client.pause = lambda seconds: None
    for act in (lambda: nowhere.get("INC0010001"), lambda: nowhere.create(EDIT, "k")):
        with pytest.raises(Temporary, match="no connection") as raised:
            act()
        assert not raised.value.in_doubt


def test_a_read_waits_as_long_as_it_is_asked_to() -> None:
    with world() as made:
        ref, waits = made.create(), []
        made.snow._client.pause = waits.append
        made.server.fail(Fault(lambda asked: True, Answer(429, None, {"Retry-After": "2"}), times=2))
        made.snow.get(ref)
        assert waits == [2.0, 2.0]
        made.server.seen.clear()


def test_wrong_credentials_are_denied(snow: World) -> None:
    for changes in ({"password": "wrong"}, {**OAUTH, "client_secret": "wrong"}):
        other = ServiceNow("servicenow", settings(snow.state, snow.server.url, **changes))
        with pytest.raises(Denied, match="check the credentials"):
            other.get("INC0010001")
        other.close()


def test_a_record_that_we_may_not_see_is_missing() -> None:
    with world() as made:
        ref = made.create()
        made.state.traps.unseen.add(ref)
        with pytest.raises(Missing):
            made.snow.get(ref)
        with pytest.raises(Missing):
            made.snow.write(ref, EDIT, None)


# ---- the OAuth token


def test_a_token_is_asked_for_once_by_however_many_threads() -> None:
    with world(**OAUTH) as made:
        refs = [made.create(short_description=str(number)) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            tickets = list(pool.map(made.snow.get, refs * 3))
        assert [each.ref for each in tickets] == refs * 3
        assert len([asked for asked, _ in made.server.seen if asked.path == "/oauth_token.do"]) == 1


def test_a_token_that_is_no_longer_accepted_is_renewed_once_for_a_read_and_never_for_a_write() -> None:
    with world(**OAUTH) as made:
        ref = made.create()
        made.snow.get(ref)
        made.state.tokens.clear()
        made.snow.get(ref)
        made.state.tokens.clear()
        with pytest.raises(Denied):
            made.snow.write(ref, EDIT, None)
        assert made.state.ticket(ref)["u_affected_users"] == ""
        made.snow.write(ref, EDIT, None)
        assert made.state.ticket(ref)["u_affected_users"] == "7"
        made.server.fail(Fault(lambda asked: asked.path.startswith("/api"), Answer(401), times=9))
        with pytest.raises(Denied):
            made.snow.get(ref)
        made.server.seen.clear()


@pytest.mark.parametrize(
    ("answer", "class_"),
    [
        (Answer(401, {"error": "server_error", "error_description": "access_denied"}), Denied),
        (Answer(400, {"error": "unsupported_grant_type"}), Denied),
        (Answer(429, None, {"Retry-After": "30"}), Temporary),
        (Answer(503), Temporary),
        (Answer(200, "<html>asleep</html>", {"content-type": "text/html"}), Temporary),
        (Answer(200, {"token_type": "Bearer"}), Temporary),
        (Answer(302, None, {"Location": "https://sso.example/x"}), Denied),
    ],
)
def test_without_a_token_nothing_was_done(answer: Answer, class_: type[ConnectorError]) -> None:
    with world(**OAUTH) as made:
        ref = made.create()
        made.snow._client.pause = lambda seconds: None
        made.server.fail(Fault(lambda asked: asked.path == "/oauth_token.do", answer, times=9))
        error = caught(lambda w: w.snow.write(ref, EDIT, None), made)
        assert type(error) is class_
        assert not getattr(error, "in_doubt", False)


# ---- secrets, threads


def test_no_error_and_no_log_leaks_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for changes in ({}, OAUTH):
        with world(**changes) as made:
            made.snow.get(made.create(short_description="x"))
            made.snow._client.pause = lambda seconds: None
            secrets = [made.state.secret if changes else made.state.password, SECRET, *made.state.tokens]
            said = [repr(made.snow.settings), str(made.snow.settings), repr(made.snow.__dict__)]
            for status in (400, 401, 403, 404, 429, 500):
                body = {"error": {"message": f"your {' and '.join(secrets)}", "detail": secrets[0]}}
                for act in (*READS.values(), *WRITES.values()):
                    made.server.fail(Fault(lambda a: True, Answer(status, body, {"Set-Cookie": secrets[0]}), times=9))
                    error = caught(act, made)
                    said += [str(error), repr(error), str(getattr(error, "fields", ""))]
                    made.server.heal()
            made.server.seen.clear()
        told = "\n".join((*said, caplog.text))
        for secret in secrets:
            assert secret not in told


def test_threads_share_a_connector_and_get_their_own_rows() -> None:
    with world() as made:
        refs = [made.create(short_description=str(number)) for number in range(20)]
        with ThreadPoolExecutor(12) as pool:
            tickets = list(pool.map(made.snow.get, refs * 2))
        assert [(each.ref, each.summary) for each in tickets] == [(ref, str(n)) for n, ref in enumerate(refs)] * 2
        made.server.seen.clear()
