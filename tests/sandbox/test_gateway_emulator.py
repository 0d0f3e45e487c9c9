"""The receivers in a box say no where the real ones do, and ring once for what is one call."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox.clock import Clock
from sandbox.gateway import GatewaySandbox, Person
from sandbox.http import Answer, Fault

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
KEY = "k" * 32
EVENT: dict[str, Any] = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "one",
    "payload": {"summary": "down", "source": "test", "severity": "critical"},
}


@pytest.fixture
def box() -> Iterator[GatewaySandbox]:
    with GatewaySandbox(Clock(NOW, speed=0)) as made:
        made.state.keys, made.state.api_keys, made.state.accounts = {KEY}, {KEY}, {"AC1": "token"}
        made.state.numbers, made.state.secrets = {"+4930123456"}, ("a secret",)
        yield made


def post(url: str, said: Any = None, form: dict[str, str] | None = None, **headers: str) -> requests.Response:
    return requests.post(url, json=said, data=form, headers=headers, timeout=10)


# ---- PagerDuty


@pytest.mark.parametrize(
    ("why", "change", "said"),
    [
        ("a REST key", {"routing_key": "short"}, "should be 32 characters"),
        ("nobody's key", {"routing_key": "x" * 32}, "Invalid routing key"),
        ("no such action", {"event_action": "wake"}, "'event_action' is missing or invalid"),
        ("an end of what", {"event_action": "resolve", "dedup_key": ""}, "'dedup_key' is missing or blank"),
        ("no summary", {"payload": {"source": "x", "severity": "info"}}, "'payload.summary' is missing"),
        ("a severity of our own", {"payload": {"summary": "x", "source": "x", "severity": "high"}}, "severity"),
        ("a link to nowhere", {"links": [{"text": "OPS-1"}]}, "'links.href' is missing"),
        ("too much", {"payload": {"summary": "x" * 1025, "source": "x", "severity": "info"}}, "too long"),
    ],
)
def test_an_event_that_is_wrong_is_refused(box: GatewaySandbox, why: str, change: dict[str, Any], said: str) -> None:
    answer = post(box.pagerduty, {**EVENT, **change})
    assert answer.status_code == 400, why
    assert answer.json()["status"] == "invalid event"
    assert said in "; ".join(answer.json()["errors"]), why
    assert box.state.rings == []


def test_an_event_joins_what_is_open_under_its_key_and_opens_anew_what_was_resolved(box: GatewaySandbox) -> None:
    for action in ("trigger", "trigger", "acknowledge", "trigger"):
        assert post(box.pagerduty, {**EVENT, "event_action": action}).json()["dedup_key"] == "one"
    assert (len(box.state.rings), box.state.events[0].count, box.state.events[0].state) == (1, 3, "acknowledged")
    post(box.pagerduty, {**EVENT, "event_action": "resolve"})
    assert post(box.pagerduty, {**EVENT, "event_action": "resolve"}).status_code == 202
    post(box.pagerduty, EVENT)
    assert [event.state for event in box.state.events] == ["resolved", "triggered"]
    assert len(box.state.rings) == 2


# ---- Opsgenie


@pytest.mark.parametrize(
    ("why", "said", "key", "status"),
    [
        ("no key", {"message": "down"}, "", 401),
        ("a wrong key", {"message": "down"}, "wrong", 403),
        ("no message", {}, KEY, 422),
        ("a long message", {"message": "x" * 131}, KEY, 422),
        ("a priority of our own", {"message": "x", "priority": "high"}, KEY, 422),
        ("a responder of no kind", {"message": "x", "responders": [{"type": "team"}]}, KEY, 422),
    ],
)
def test_an_alert_that_is_wrong_is_refused(
    box: GatewaySandbox, why: str, said: dict[str, Any], key: str, status: int
) -> None:
    answer = post(box.opsgenie, said, authorization=f"GenieKey {key}".strip())
    assert answer.status_code == status, why
    assert answer.json()["message"]
    assert box.state.rings == []


def test_an_alert_is_known_by_its_alias_until_it_is_closed(box: GatewaySandbox) -> None:
    key = {"authorization": f"GenieKey {KEY}"}
    alert = {"message": "down", "alias": "one", "responders": [{"type": "team", "name": "ops"}]}
    for _ in range(2):
        assert post(box.jsm, alert, **key).status_code == 202
    assert [(ring.to, ring.text) for ring in box.state.rings] == [("ops", "down")]
    assert post(f"{box.opsgenie}/one/close", {}, **key).status_code == 422, "an alias has to be called one"
    assert post(f"{box.opsgenie}/one/close?identifierType=alias", {}, **key).status_code == 202
    assert post(f"{box.opsgenie}/never/close?identifierType=alias", {}, **key).status_code == 202
    assert post(f"{box.opsgenie}/one/dance?identifierType=alias", {}, **key).status_code == 404
    post(box.jsm, alert, **key)
    assert len(box.state.rings) == 2


# ---- Twilio

CALL = {"To": "+4915112345678", "From": "+4930123456", "Twiml": "<Response><Say>down</Say></Response>"}


@pytest.mark.parametrize(
    ("why", "change", "code"),
    [
        ("no number", {"To": "0151 1234"}, 21211),
        ("somebody else's number", {"From": "+4930000000"}, 21212),
        ("no XML", {"Twiml": "<Response>"}, 12100),
        ("other XML", {"Twiml": "<Say/>"}, 21203),
    ],
)
def test_a_call_that_is_wrong_is_refused(box: GatewaySandbox, why: str, change: dict[str, str], code: int) -> None:
    answer = post(box.twilio().replace("{user}", "AC1"), form={**CALL, **change}, authorization=basic())
    assert (answer.status_code, answer.json()["code"]) == (400, code), why
    assert box.state.rings == []


def basic(token: str = "token") -> str:
    return f"Basic {base64.b64encode(f'AC1:{token}'.encode()).decode()}"


def test_each_call_rings_and_only_one_that_rings_can_be_cancelled(box: GatewaySandbox) -> None:
    url = box.twilio().replace("{user}", "AC1")
    assert post(url, form=CALL, authorization=basic("wrong")).status_code == 401
    first, second = (post(url, form=CALL, authorization=basic()).json()["sid"] for _ in range(2))
    assert len(box.state.rings) == 2, "Twilio knows no doubles"
    box.state.answered(1)
    ends = [f"{url.removesuffix('.json')}/{sid}.json" for sid in (first, second, "CA9")]
    assert [post(e, form={"Status": "canceled"}, authorization=basic()).status_code for e in ends] == [200, 200, 404]
    assert [one.status for one in box.state.spoken] == ["canceled", "in-progress"]
    assert post(ends[0], form={"Status": "canceled"}, authorization=basic()).json()["code"] == 21220
    assert requests.get(f"{url.rpartition('/')[0]}.json", headers={"authorization": basic()}, timeout=10).ok


# ---- a gateway of one's own


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "1", "webhook-timestamp": "soon"}, {"webhook-id": "1"}])
def test_what_is_not_signed_rings_nobody(box: GatewaySandbox, headers: dict[str, str]) -> None:
    assert post(box.hook, {"data": {"to": "a"}}, **headers).status_code == 401
    assert box.state.rings == []


def test_a_signature_is_believed_for_five_minutes_and_over_this_body(box: GatewaySandbox) -> None:
    stamp, body = str(int(NOW.timestamp())), b'{"data":{"to":"a","text":"down"}}'
    mac = base64.b64encode(hmac.new(b"a secret", f"one.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "one", "webhook-timestamp": stamp, "webhook-signature": f"v2,no v1,{mac}"}
    send = lambda data: requests.post(box.hook, data=data, headers=headers, timeout=10).status_code  # noqa: E731
    assert [send(body), send(body), send(body + b" ")] == [204, 200, 401]
    assert len(box.state.rings) == 1
    box.state.clock.advance(timedelta(minutes=6))
    assert send(body) == 401


# ---- people who act


def test_somebody_acts_from_outside_and_hears_how_it_was_taken(box: GatewaySandbox) -> None:
    act = f"{box.server.url}/sandbox"
    maria = {"id": "PLH1HKV", "name": "Maria"}
    assert post(f"{act}/acknowledge", maria).status_code == 409, "nothing rings yet"
    post(box.pagerduty, EVENT)
    box.people.hook = f"{box.server.url}/hook"  # which takes nothing that is not signed as it asks
    assert post(f"{act}/acknowledge", maria).json() == {"statuses": [401]}
    assert box.state.events[0].state == "acknowledged"
    post(box.twilio().format(user="AC1"), form=CALL, authorization=basic())
    assert post(f"{act}/press", {"said": "1"}).status_code == 409, "the call asks for no key"
    assert post(f"{act}/fly", {}).status_code == 404


def test_what_is_answered_with_a_fault_is_delivered_five_times_and_a_refusal_once(box: GatewaySandbox) -> None:
    post(box.pagerduty, EVENT)
    box.people.hook = f"{box.server.url}/hook"
    box.server.fail(Fault(lambda asked: asked.path == "/hook", Answer(503, "later"), times=4))
    assert box.people.acknowledge(Person("P1", "Maria")).statuses == [503, 503, 503, 503, 401]


def test_a_user_of_pagerduty_is_told_for_a_key_only(box: GatewaySandbox) -> None:
    box.state.rest_keys, box.state.users = {"rest"}, {"P1": "maria@example.org"}

    def asked(ident: str, key: str) -> requests.Response:
        return requests.get(f"{box.rest}/users/{ident}", headers={"authorization": f"Token token={key}"}, timeout=10)

    assert [asked("P1", "rest").status_code, asked("P2", "rest").status_code, asked("P1", "no").status_code] == [
        200,
        404,
        401,
    ]
    assert asked("P1", "rest").json()["user"]["email"] == "maria@example.org"
