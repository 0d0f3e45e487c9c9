"""What comes back from where a phone rang: believed where it is proved, and read as what a person did there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.base import BadRequest, Receipt, Request, Wanted
from connectors.errors import Missing, Temporary
from connectors.model import Command, Message, Topic, User
from connectors.webhook.incoming import LONGEST
from connectors.webhook.messenger import Webhook
from connectors.webhook.pressed import signature
from sandbox.gateway import Alert, GatewayState, People, Person
from sandbox.gateway.people import Delivery
from sandbox.http import Answer, Fault
from tests.connectors.gateways import ACCOUNT, NOW, NUMBER, OURS, ROUTING, SECRET, TOKEN, Gateway, gateway

MARIA = Person("PLH1HKV", "Maria Engineer", "maria@example.org")
MACHINE = Person("PINTEG1", "Events API V2", "", "events_api_v2_inbound_integration_reference")
CALL = "0123456789"
KEY = "the secret of the subscription"
PUBLIC = "https://pointman.example.org"
ABOUT = Message("OPS-1: Checkout is down", about=Topic("10001", "OPS-1", "Checkout is down"))


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with gateway() as made:
        yield made


@pytest.fixture
def at(running: Gateway) -> Gateway:
    """The receivers, where nothing has happened yet."""
    state = running.state
    for kept in (state.rings, state.events, state.alerts, state.spoken, running.box.server.seen):
        kept.clear()
    running.box.server.heal()
    running.box.people.secrets = (KEY,)
    state.creates_alerts, state.gathered = False, ""
    return running


def hook(at: Gateway, recipe: str, **settings: Any) -> Webhook:
    back = {"public_url": PUBLIC} if recipe.startswith("twilio") else {"webhook_secret": KEY}
    return at.hook(recipe, **{**(back if recipe != "json" else {}), **settings})


def request(one: Delivery) -> Request:
    parts = urlsplit(one.url)
    return Request(dict(one.headers), one.body, parts.path, dict(parse_qsl(parts.query)))


def read(made: Webhook, one: Delivery, now: datetime = NOW) -> Command:
    receipt = made.receive(request(one), now)
    (command,) = receipt.signals
    assert isinstance(command, Command)
    return command


def ignored(receipt: Receipt) -> str:
    assert receipt.status == 202
    assert receipt.signals == ()
    said: str = json.loads(receipt.body)["ignored"]
    return said


def refused(made: Webhook, one: Request, now: datetime = NOW) -> tuple[int, str]:
    with pytest.raises(BadRequest) as error:
        made.receive(one, now)
    return error.value.status, str(error.value)


def incident(people: People, by: Person | None = MARIA, kind: str = "acknowledged", key: str = CALL) -> Delivery:
    return people.signed(people.incident(by, kind, key))


def alert(people: People, by: Person = MARIA, action: str = "Acknowledge", alias: str = CALL) -> Delivery:
    return people.told(people.alert(by, action, alias))


# ---- PagerDuty


def test_an_incident_that_somebody_acknowledges_is_their_acknowledgement(at: Gateway) -> None:
    made = hook(at, "pagerduty")
    receipt = made.receive(request(incident(at.box.people)), NOW)
    assert receipt.again, "it is delivered again until it stands on the ticket"
    (command,) = receipt.signals
    assert isinstance(command, Command)
    assert (command.verb, command.by, command.reply, command.at) == ("acknowledge", User("PLH1HKV"), CALL, NOW)
    assert (command.source, command.ref, command.args, command.by.name) == (
        "phone",
        "",
        {"in": "PagerDuty"},
        MARIA.name,
    )


def test_a_delivery_that_comes_again_has_the_same_id_and_another_event_another(at: Gateway) -> None:
    made, people = hook(at, "pagerduty"), at.box.people
    first, other = incident(people), incident(people)
    assert read(made, first).id == read(made, first).id != read(made, other).id


def test_whoever_resolves_an_incident_acknowledges_the_ticket_and_resolves_nothing(at: Gateway) -> None:
    assert read(hook(at, "pagerduty"), incident(at.box.people, kind="resolved")).verb == "acknowledge"


@pytest.mark.parametrize(
    ("kind", "by", "said"),
    [
        ("unacknowledged", MARIA, "incident.unacknowledged acknowledges nothing"),
        ("triggered", None, "incident.triggered acknowledges nothing"),
        ("reassigned", MARIA, "incident.reassigned acknowledges nothing"),
        ("acknowledged", MACHINE, "no person did it"),
        ("resolved", MACHINE, "no person did it"),
        ("resolved", None, "no person did it"),
    ],
)
def test_what_no_person_did_and_what_is_no_acknowledgement_asks_for_nothing(
    at: Gateway, kind: str, by: Person | None, said: str
) -> None:
    assert ignored(hook(at, "pagerduty").receive(request(incident(at.box.people, by, kind)), NOW)) == said


def test_while_a_secret_is_changed_either_signature_is_right(at: Gateway) -> None:
    at.box.people.secrets = ("the former secret", KEY)
    assert read(hook(at, "pagerduty"), incident(at.box.people)).verb == "acknowledge"


def test_a_test_of_the_subscription_is_taken_well(at: Gateway) -> None:
    ping = {"event": {"id": "1", "event_type": "pagey.ping", "agent": None, "data": {"message": "Hello"}}}
    assert "pagey.ping" in ignored(hook(at, "pagerduty").receive(request(at.box.people.signed(ping)), NOW))


@pytest.mark.parametrize("key", ["d3640fbd41094207a1c11e58e46b1662", "0123456789 ", "012345678G", "to:+4915112345678"])
def test_what_is_about_no_call_of_ours_asks_for_nothing(at: Gateway, key: str) -> None:
    said = ignored(hook(at, "pagerduty").receive(request(incident(at.box.people, key=key)), NOW))
    assert said == "it is about no call of Pointman's"


@pytest.mark.parametrize(("age", "taken"), [(59, True), (61, False), (-6, True), (-59, True), (-61, False)])
def test_an_old_acknowledgement_and_one_ahead_of_its_time_ask_for_nothing(
    at: Gateway, age: int, *, taken: bool
) -> None:
    receipt = hook(at, "pagerduty").receive(request(incident(at.box.people)), NOW + timedelta(minutes=age))
    assert bool(receipt.signals) is taken
    assert receipt.status == 202, "a 4xx would make PagerDuty stop delivering after three"


# ---- Opsgenie, and Jira Service Management


@pytest.mark.parametrize("recipe", ["opsgenie", "jsm"])
@pytest.mark.parametrize("action", ["Acknowledge", "Close"])
def test_an_alert_that_somebody_takes_is_their_acknowledgement(at: Gateway, recipe: str, action: str) -> None:
    made = hook(at, recipe)
    command = read(made, alert(at.box.people, action=action))
    assert (command.verb, command.reply, command.by.email) == ("acknowledge", CALL, "maria@example.org")
    assert command.at is not None
    assert abs(command.at - NOW) < timedelta(seconds=1), "it is told in nanoseconds"
    assert command.args == {"in": made.recipe.product}


@pytest.mark.parametrize(
    ("action", "by"),
    [
        ("UnAcknowledge", MARIA),
        ("AddNote", MARIA),
        ("Create", MARIA),
        ("Close", replace(MACHINE, name="Alert API")),
        ("Acknowledge", replace(MACHINE, name="Pointman")),
        ("Close", Person("a1b2", "Pointman")),
    ],
)
def test_what_an_integration_does_ours_above_all_asks_for_nothing(at: Gateway, action: str, by: Person) -> None:
    receipt = hook(at, "opsgenie").receive(request(alert(at.box.people, by, action)), NOW)
    assert ignored(receipt) in {"no person did it", f"{action} acknowledges nothing"}


def test_what_we_end_ourselves_carries_the_name_by_which_it_is_known_when_it_comes_back(at: Gateway) -> None:
    made = hook(at, "opsgenie")
    made.retire("team:ops", made.put("team:ops", ABOUT, None, CALL))
    sent = json.loads(at.box.server.seen[-1][0].body)
    assert sent["user"] == made.settings.source


def test_somebody_without_an_address_is_known_by_their_id(at: Gateway) -> None:
    command = read(hook(at, "jsm"), alert(at.box.people, Person("5b109f2e", "maria")))
    assert command.by == User("5b109f2e")


# ---- a gateway of one's own


def own(by: str = NUMBER, at: datetime = NOW, secret: str = SECRET, kind: str = "pointman.acknowledged") -> Delivery:
    body = json.dumps({"type": kind, "timestamp": at.isoformat(), "data": {"id": CALL, "by": by}}).encode()
    stamp = str(int(at.timestamp()))
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), f"m1.{stamp}.".encode() + body, hashlib.sha256)
    signed = f"v1a,other v1,{base64.b64encode(digest.digest()).decode()}"
    return Delivery({"webhook-id": "m1", "webhook-timestamp": stamp, "webhook-signature": signed}, body)


def test_a_gateway_of_ones_own_answers_as_it_is_asked(at: Gateway) -> None:
    command = read(hook(at, "json"), own())
    assert (command.by, command.reply, command.args) == (User(NUMBER), CALL, {"in": "phone"})


def test_a_gateway_of_ones_own_signs_what_is_fresh(at: Gateway) -> None:
    made = hook(at, "json")
    assert refused(made, request(own(secret="whsec_" + "A" * 32)))[0] == 401
    assert refused(made, request(own()), NOW + timedelta(minutes=6))[0] == 401
    assert "no call" not in ignored(made.receive(request(own(kind="other")), NOW))
    assert refused(made, request(own(by=" ")))[0] == 400


# ---- Twilio


def form(url: str, token: str = TOKEN, **given: str) -> Delivery:
    return People(GatewayState()).form(url, given, token)


def test_the_signature_is_as_twilio_documents_it() -> None:
    """Their own example, from the page on validating requests."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+12349013030"),
        ("Digits", "1234"),
        ("From", "+12349013030"),
        ("To", "+18005551212"),
    ]
    assert signature("12345", url, reversed(fields)) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


def test_a_call_asks_for_a_key_and_whoever_presses_it_acknowledges(at: Gateway) -> None:
    made = hook(at, "twilio", press="Taste 1 & Ruhe.")
    made.put(NUMBER, ABOUT, None, CALL)
    (call,) = at.state.spoken
    assert call.action == f"{PUBLIC}/hooks/phone?ref=10001&call={CALL}"
    assert call.text.endswith("Taste 1 & Ruhe.")
    one = form(call.action, CallSid=call.sid, Digits="1", To=NUMBER, From=OURS, AccountSid=ACCOUNT)
    command = read(made, one)
    assert (command.ref, command.verb, command.by, command.args) == (
        "10001",
        "acknowledge",
        User(NUMBER),
        {"by": "telephone"},
    )


def test_what_was_done_is_said_to_whoever_is_on_the_phone(at: Gateway) -> None:
    made = hook(at, "twilio")
    url = f"{PUBLIC}/hooks/phone?ref=10001&call={CALL}"
    receipt = made.receive(request(form(url, CallSid="CA1", Digits="1", To=NUMBER, From=OURS)), NOW)
    (command,) = receipt.signals
    assert isinstance(command, Command)
    assert receipt.later is not None
    made.answer(command, "You acknowledged OPS-1 & **more**.")
    said = receipt.later()
    assert '<Say language="en-US">You acknowledged OPS-1 &amp; more.</Say>' in said
    assert receipt.content_type == "text/xml"


def test_another_key_acknowledges_nothing_and_says_so(at: Gateway) -> None:
    url = f"{PUBLIC}/hooks/phone?ref=10001&call={CALL}"
    receipt = hook(at, "twilio").receive(request(form(url, CallSid="CA1", Digits="2", To=NUMBER)), NOW)
    assert receipt.signals == ()
    assert "Nothing was acknowledged." in receipt.body


def test_without_a_public_address_a_call_asks_for_nothing_and_nothing_is_believed(at: Gateway) -> None:
    made = hook(at, "twilio", public_url="")
    made.put(NUMBER, ABOUT, None, CALL)
    assert (at.state.spoken[0].action, at.state.spoken[0].text) == ("", "OPS-1: Checkout is down")
    assert refused(made, request(form("/hooks/phone", CallSid="CA1", Digits="1", To=NUMBER)))[0] == 401


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("ack", f"to:{NUMBER}"),
        (" Ack. ", f"to:{NUMBER}"),
        ("1", f"to:{NUMBER}"),
        ("ACK ops-42", f"to:{NUMBER} OPS-42"),
        ("acknowledge INC0010001!", f"to:{NUMBER} INC0010001"),
    ],
)
def test_a_short_message_is_answered_for_the_latest_ticket_or_for_that_which_it_names(
    at: Gateway, text: str, call: str
) -> None:
    one = form(f"{PUBLIC}/hooks/phone", MessageSid="SM1", Body=text, From=NUMBER, To=OURS)
    command = read(hook(at, "twilio_sms"), one)
    assert (command.reply, command.by, command.id) == (call, User(NUMBER), "SM1")


@pytest.mark.parametrize("text", ["", "acknowledged?", "no", "resolve OPS-1", "ack OPS-1 resolve", "11", "a" * 100_000])
def test_a_short_message_can_do_nothing_but_acknowledge(at: Gateway, text: str) -> None:
    one = form(f"{PUBLIC}/hooks/phone", MessageSid="SM1", Body=text, From=NUMBER, To=OURS)
    receipt = hook(at, "twilio_sms").receive(request(one), NOW)
    assert (receipt.signals, "<Message>Reply ack" in receipt.body) == ((), True)


def test_a_short_message_says_how_it_is_answered(at: Gateway) -> None:
    hook(at, "twilio_sms").put(NUMBER, ABOUT, None, CALL)
    assert at.state.spoken[0].text.endswith("\nReply: ack OPS-1")
    hook(at, "twilio_sms").put(NUMBER, Message("down", about=Topic("10001")), None, CALL)
    assert at.state.spoken[1].text.endswith("\nReply: ack"), "a restricted ticket is not named"


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("another ticket", lambda url: url.replace("10001", "10002")),
        ("another call", lambda url: url.replace(CALL, "9876543210")),
        ("no call", lambda url: url.partition("?")[0]),
    ],
)
def test_an_address_that_was_changed_is_not_believed(at: Gateway, why: str, change: Callable[[str], str]) -> None:
    url = f"{PUBLIC}/hooks/phone?ref=10001&call={CALL}"
    one = form(url, CallSid="CA1", Digits="1", To=NUMBER)
    one.url = change(url)
    assert refused(hook(at, "twilio"), request(one))[0] == 401, why


# ---- what is not believed


def deliveries(people: People) -> Mapping[str, Delivery]:
    return {
        "pagerduty": incident(people),
        "opsgenie": alert(people),
        "jsm": alert(people),
        "json": own(),
        "twilio": form(f"{PUBLIC}/hooks/phone?ref=10001&call={CALL}", CallSid="CA1", Digits="1", To=NUMBER),
        "twilio_sms": form(f"{PUBLIC}/hooks/phone", MessageSid="SM1", Body="ack", From=NUMBER),
    }


RECIPES = ["pagerduty", "opsgenie", "jsm", "json", "twilio", "twilio_sms"]
PROOFS = {"x-pagerduty-signature", "authorization", "webhook-signature", "x-twilio-signature"}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("proof", [None, "", "v1=", "Bearer ", "Bearer", "ÿ", "v1=" + "0" * 64, "," * 50_000])
def test_without_its_proof_nothing_is_believed(at: Gateway, recipe: str, proof: str | None) -> None:
    right = request(deliveries(at.box.people)[recipe])
    others = {name: value for name, value in right.headers.items() if name not in PROOFS}
    given = {name: proof for name in PROOFS & right.headers.keys() if proof is not None}
    status, said = refused(hook(at, recipe), replace(right, headers={**others, **given}))
    assert status == 401
    assert KEY not in said
    assert TOKEN not in said
    assert SECRET not in said


@pytest.mark.parametrize("recipe", ["pagerduty", "json", "twilio", "twilio_sms"])
def test_a_body_that_was_changed_is_not_believed(at: Gateway, recipe: str) -> None:
    right = request(deliveries(at.box.people)[recipe])
    assert refused(hook(at, recipe), replace(right, body=right.body + b"&Digits=2"))[0] == 401


@pytest.mark.parametrize("recipe", ["pagerduty", "opsgenie", "jsm"])
def test_without_a_secret_nothing_is_believed(at: Gateway, recipe: str) -> None:
    right = request(deliveries(at.box.people)[recipe])
    for secret in (None, ""):
        status, said = refused(hook(at, recipe, webhook_secret=secret), right)
        assert (status, said) == (401, "phone has no webhook_secret, so no webhook is believed")


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_too_large_is_not_read(at: Gateway, recipe: str) -> None:
    right = request(deliveries(at.box.people)[recipe])
    assert refused(hook(at, recipe), replace(right, body=b" " * (LONGEST + 1)))[0] == 413


ACKNOWLEDGED = (
    b'{"event": {"id": "1", "event_type": "incident.acknowledged", "agent": {"type": "user_reference", "id": "P1"}, '
    b'"data": {"incident_key": "0123456789"}, "occurred_at": %s}}'
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"event"',
        b"\xff",
        b"[" * 100_000,
        b'{"event": null}',
        b'{"event": {"event_type": "incident.acknowledged", "agent": {"type": "user_reference"}}}',
        ACKNOWLEDGED % b'"2026-11-23T03:00:00"',
        ACKNOWLEDGED % b"1e99",
        ACKNOWLEDGED % b"null",
        b'{"event": {"id": "1", "event_type": "incident.acknowledged", "agent": []}}',
        b'{"action": "Acknowledge", "alert": []}',
        b'{"action": "Acknowledge", "alert": {"username": "a@b", "alertId": "1", "updatedAt": "soon"}}',
        b'{"action": "Acknowledge", "alert": {"username": "a@b", "alertId": "1", "updatedAt": -99999999999999}}',
        b'{"action": "Acknowledge", "alert": {"username": "a@b", "alertId": "1"}}',
    ],
)
@pytest.mark.parametrize("recipe", ["pagerduty", "opsgenie"])
def test_what_is_proved_and_cannot_be_read_is_malformed_or_asks_for_nothing(
    at: Gateway, recipe: str, body: bytes
) -> None:
    made = hook(at, recipe)
    signed = f"v1={hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()}"
    headers = {"x-pagerduty-signature": signed, "authorization": f"Bearer {KEY}"}
    try:
        signals: object = made.receive(Request(headers, body), NOW).signals
    except BadRequest as error:
        signals = error.status
    assert signals in ((), 400)


def test_a_form_of_too_many_fields_is_not_read(at: Gateway) -> None:
    one = Request({"x-twilio-signature": "x"}, b"a=1&" * 1_000, "/hooks/phone")
    assert refused(hook(at, "twilio"), one)[0] == 400


# ---- who they are, and what for


def test_a_pagerduty_user_is_looked_up_once_where_there_is_a_key(at: Gateway) -> None:
    at.state.rest_keys, at.state.users = {"rest"}, {"PLH1HKV": "maria@example.org"}
    made = hook(at, "pagerduty", api_token="rest", api_url=at.box.rest)
    asked = [made.who(User("PLH1HKV", "Maria")) for _ in range(3)]
    assert {(user.id, user.name, user.email) for user in asked} == {("PLH1HKV", "Maria", "maria@example.org")}
    assert len(at.box.server.seen) == 1


@pytest.mark.parametrize("ident", ["../incidents", "PLH1HKV?x", "", "maria"])
def test_what_is_no_users_id_is_not_asked_for(at: Gateway, ident: str) -> None:
    made = hook(at, "pagerduty", api_token="rest", api_url=at.box.rest)
    assert made.who(User(ident, "Maria")).email == ""
    assert at.box.server.seen == []


def test_a_user_who_cannot_be_looked_up_now_is_trouble_that_names_no_secret(at: Gateway) -> None:
    made = hook(at, "pagerduty", api_token="rest-key", api_url=at.box.rest)
    at.box.server.fail(Fault(lambda asked: True, Answer(503, "down"), times=9))
    with pytest.raises(Temporary, match="could not look up who Maria is") as error:
        made.who(User("PLH1HKV", "Maria"))
    assert "rest-key" not in str(error.value)


def test_a_service_that_creates_alerts_does_not_tell_the_call_and_its_alerts_do(at: Gateway) -> None:
    at.state.creates_alerts, at.state.keys, at.state.rest_keys = True, {ROUTING}, {"rest"}
    at.state.events.append(Alert(CALL, ROUTING, "triggered", {}))
    blind, made = hook(at, "pagerduty"), hook(at, "pagerduty", api_token="rest", api_url=at.box.rest)
    assert "an api_token could find out" in ignored(blind.receive(request(incident(at.box.people)), NOW))
    assert made.called(read(made, incident(at.box.people))) == (CALL,)
    at.state.events.append(Alert("somebody else's", ROUTING, "triggered", {}))
    at.state.gathered = "QGATHERED"
    assert made.called(read(made, incident(at.box.people))) == (CALL,)
    with pytest.raises(Missing):
        made.called(replace(read(made, incident(at.box.people)), reply="incident:QNOBODY"))
    told = replace(read(made, incident(at.box.people)), reply=f"incident:QNOBODY {CALL}")
    assert made.called(told) == (CALL,), "it tells the call itself"


@pytest.mark.parametrize("ident", ["", "../users", "Q1?x=1", "q1", 7, None])
def test_what_is_no_incidents_id_is_never_asked_for(at: Gateway, ident: object) -> None:
    made = hook(at, "pagerduty", api_token="rest", api_url=at.box.rest)
    event = at.box.people.incident(MARIA, "acknowledged", CALL)
    event["event"]["data"]["id"] = ident
    assert "incident:" not in read(made, at.box.people.signed(event)).reply


@pytest.mark.parametrize(("key", "said"), [("rest", []), ("other", ["could not look up users of phone"])])
def test_a_check_tries_the_key_by_which_people_are_known(at: Gateway, key: str, said: list[str]) -> None:
    at.state.rest_keys, at.state.keys = {"rest"}, {ROUTING}
    made = hook(at, "pagerduty", api_token=key, api_url=at.box.rest, webhook_secret="s" * 40)
    found = [str(problem) for problem in made.check(Wanted(addresses=("oncall",)))]
    assert [any(text in each for each in found) for text in said] == [True] * len(found)


def test_a_call_is_remembered_with_its_ticket(at: Gateway) -> None:
    made = hook(at, "twilio_sms")
    made.put(NUMBER, ABOUT, None, CALL)
    made.put(NUMBER, Message("x", about=Topic("10002", "OPS-2")), None, "9876543210")
    wanted = {CALL: "10001", "9876543210": "10002", f"to:{NUMBER}": "", "0000000000": ""}
    got = {call: made.about(Command("", "acknowledge", User("x"), "phone", reply=call)) for call in wanted}
    assert got == wanted
    assert NOW.tzinfo is UTC
