"""Webhooks from ServiceNow: the business rule's signature, its age, and everything that is not believed."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Changed
from connectors.servicenow import ServiceNow, ServiceNowSettings
from connectors.servicenow.webhook import signature
from connectors.setup import Order
from sandbox.http import Answer, Asked, Server
from tests.connectors.instances import SECRET, world

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
REF = "9d385017c611228701d22104cc95c371"
BODY = {"table": "incident", "sys_id": REF, "delivery": "d-1"}


def connector(**changes: Any) -> ServiceNow:
    """A connector that has never spoken to ServiceNow, and never will: reading a webhook makes no call."""
    table = {"url": "http://127.0.0.1:9", "user": "pointman", "password": "p", "webhook_secret": SECRET}
    return ServiceNow("servicenow", ServiceNowSettings(**{**table, **changes}))


def received(body: bytes, stamp: str = STAMP, given_: str = "", **changes: Any) -> Receipt:
    right = f"sha256={base64.b64encode(signature(SECRET, stamp, body)).decode()}"
    headers = {"x-pointman-timestamp": stamp, "x-pointman-signature": given_ or right}
    return connector(**changes).receive(Request(headers, body), NOW)


def test_a_signed_webhook_says_which_record_to_look_at() -> None:
    receipt = received(json.dumps({**BODY, "state": "6", "u_pointman": "{}"}).encode())
    assert (receipt.signals, receipt.status) == ((Changed(REF, None, "d-1"),), 202)


def test_a_signature_in_hexadecimal_is_as_good() -> None:
    body = json.dumps(BODY).encode()
    assert received(body, given_=f"sha256={signature(SECRET, STAMP, body).hex()}").signals


@pytest.mark.parametrize("age", [-301, 301, 86_400])
def test_a_webhook_that_is_too_old_or_ahead_is_not_believed(age: int) -> None:
    with pytest.raises(BadRequest) as refused:
        received(json.dumps(BODY).encode(), str(int((NOW - timedelta(seconds=age)).timestamp())))
    assert refused.value.status == 401


@pytest.mark.parametrize("age", [-299, 0, 299])
def test_five_minutes_are_the_window(age: int) -> None:
    assert received(json.dumps(BODY).encode(), str(int((NOW - timedelta(seconds=age)).timestamp()))).signals


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b"[" * 50_000, 400),
        (b"{}", 400),
        (json.dumps({**BODY, "sys_id": "INC0010001"}).encode(), 400),
        (json.dumps({**BODY, "sys_id": f"{REF}^ORactive=true"}).encode(), 400),
        (json.dumps({**BODY, "sys_id": [REF]}).encode(), 400),
        (b"x" * 70_000, 413),
    ],
)
def test_what_is_no_webhook_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        received(body)
    assert refused.value.status == status


def test_another_table_is_ignored() -> None:
    receipt = received(json.dumps({**BODY, "table": "problem"}).encode())
    assert receipt.signals == ()
    assert "problem is not in scope" in receipt.body


@pytest.mark.parametrize("given_", ["sha256=", "sha256=ü", "x", "sha1=abc", "sha256=" + "0" * 64])
def test_a_wrong_signature_is_not_believed(given_: str) -> None:
    with pytest.raises(BadRequest) as refused:
        received(json.dumps(BODY).encode(), given_=given_)
    assert refused.value.status == 401
    assert SECRET not in str(refused.value)


def test_a_timestamp_of_its_own_makes_no_old_webhook_young() -> None:
    body = json.dumps(BODY).encode()
    old = signature(SECRET, str(int(STAMP) - 900), body).hex()
    with pytest.raises(BadRequest):
        received(body, given_=f"sha256={old}")


def test_without_a_secret_no_webhook_is_believed() -> None:
    with pytest.raises(BadRequest, match="no webhook is believed"):
        received(json.dumps(BODY).encode(), webhook_secret=None)


@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=80))
def test_nothing_that_anybody_sends_raises_anything_else(body: bytes, stamp: str, given_: str) -> None:
    headers = {"x-pointman-timestamp": stamp, "x-pointman-signature": given_}
    with pytest.raises(BadRequest):
        connector().receive(Request(headers, body), NOW)


def test_the_business_rule_that_setup_installs_is_believed() -> None:
    heard: list[Changed] = []
    with world(prepared=False) as made:
        made.state.traps.readable |= {"sys_dictionary", "sys_script", "sys_properties"}

        def hook(asked: Asked) -> Answer:
            receipt = made.snow.receive(Request(asked.headers, asked.body), made.clock.now())
            heard.extend(signal for signal in receipt.signals if isinstance(signal, Changed))
            return Answer(receipt.status)

        with Server(hook) as server:
            assert {s.state for s in made.snow.install(Order(server.url)) if s.state != "todo"} == {"made"}
            ref = made.create(short_description="x")
            made.state.put(ref, {"short_description": "y"})
            assert made.state.hooks.settle()
    assert [signal.ref for signal in heard] == [ref, ref]
    assert len({signal.delivery for signal in heard}) == 2
