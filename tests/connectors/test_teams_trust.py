"""What Teams sends is believed only under the Bot Framework's signature; everything else does nothing."""

import base64
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from connectors.base import BadRequest, Request
from connectors.model import Button, Message
from connectors.teams.trust import AGAIN, KEPT
from sandbox.http import Answer, Fault
from sandbox.teams.entra import BOT_METADATA, ISSUER, key
from sandbox.teams.people import SKEW
from tests.connectors.teams_tenant import NOW, tenant

PLACE = "Operations/Incidents"


@pytest.fixture
def at():
    with tenant() as made:
        made.teams.put(PLACE, Message("down", (Button("Take it", "take", "10001"),)), None, "k")
        yield made


# ---- what is not believed


def b64(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(at, **other):
    now = at.state.clock.now()
    right = {
        "iss": ISSUER,
        "aud": at.state.app.id,
        "serviceurl": at.state.service_url,
        "nbf": int((now - SKEW).timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
    }
    return {name: value for name, value in {**right, **other}.items() if value is not None}


def unsigned(at):
    head = {"alg": "none", "kid": at.state.entra.signs, "typ": "JWT"}
    return f"{b64(head)}.{b64(claims(at))}."


def with_the_public_key_as_a_secret(at):
    public = key(at.state.entra.signs).private.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{b64({'alg': 'HS256', 'kid': at.state.entra.signs})}.{b64(claims(at))}"
    return f"{signed}.{b64(hmac.digest(pem, signed.encode(), 'sha256'))}"


def by_another_key_of_the_same_name(at):
    return jwt.encode(
        claims(at), key("somebody else").private, algorithm="RS256", headers={"kid": at.state.entra.signs}
    )


def changed_afterwards(at):
    head, _, signature = at.box.people.token().split(".")
    return f"{head}.{b64(claims(at, exp=9_999_999_999))}.{signature}"


def with_its_own_key(at):
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key("somebody else").private.public_key()))
    headers = {"kid": at.state.entra.signs, "jwk": jwk, "jku": "https://evil.example/keys"}
    return jwt.encode(claims(at), key("somebody else").private, algorithm="RS256", headers=headers)


def signed(**other):
    return lambda at: key(at.state.entra.signs).sign(claims(at, **other))


ATTACKS = [
    ("no token", lambda at: "", "carries no token"),
    ("garbage", lambda at: "abc", "cannot be read"),
    ("garbage in three parts", lambda at: "a.b.c", "cannot be read"),
    ("not signed at all", unsigned, "not signed as the Bot Framework signs"),
    ("the public key taken for a secret", with_the_public_key_as_a_secret, "not signed as the Bot Framework signs"),
    ("another key under the right name", by_another_key_of_the_same_name, "signature is wrong"),
    ("a key that it brings along", with_its_own_key, "signature is wrong"),
    ("claims that were changed", changed_afterwards, "signature is wrong"),
    ("an unknown key", lambda at: key("unknown").sign(claims(at)), "none of the Bot Framework's"),
    ("for another app", signed(aud="11111111-2222-3333-4444-555555555555"), "for another app"),
    ("from another issuer", signed(iss="https://sts.windows.net/x/"), "not from the Bot Framework"),
    ("expired", signed(exp=int((NOW - timedelta(minutes=6)).timestamp())), "expired"),
    ("of tomorrow", signed(nbf=int((NOW + timedelta(days=1)).timestamp())), "does not hold yet"),
    ("without an end", signed(exp=None), "lacks what it must say"),
    ("with an end that is no number", signed(exp="soon"), "signature is wrong|no number"),
    ("with an end beyond time", signed(exp=1e300), "no number"),
    ("for no service", signed(serviceurl=None), "for another service URL"),
    ("for another service", signed(serviceurl="https://evil.example/"), "for another service URL"),
    ("of 9,000 characters", lambda at: "a" * 9_000, "longer than 8192"),
    ("deeply nested", lambda at: f"{b64(b'[' * 5_000)}.e30.x", "cannot be read"),
]


@pytest.mark.parametrize(("why", "token", "said"), ATTACKS, ids=[row[0] for row in ATTACKS])
def test_what_is_not_signed_by_the_bot_framework_is_refused_and_does_nothing(at, why, token, said):
    pressed = at.pressed("Take it")
    with pytest.raises(BadRequest, match=said) as raised:
        at.receive(pressed, token(at))
    assert raised.value.status == 401, why
    assert at.teams._waiting._slots == {}, why
    assert len(str(raised.value)) < 200, why


def test_another_scheme_than_bearer_is_refused(at):
    request = at.request(at.pressed("Take it"))
    for given in (
        request.headers["authorization"].replace("Bearer", "Basic"),
        request.headers["authorization"].removeprefix("Bearer "),
        "\udcff",
    ):
        with pytest.raises(BadRequest) as raised:
            at.teams.receive(Request({"authorization": given}, request.body), NOW)
        assert raised.value.status == 401


def test_a_service_url_that_is_none_of_microsofts_is_refused_though_the_token_names_it(at):
    for url in (
        "https://evil.example/",
        "https://smba.trafficmanager.net.evil.example/",
        "http://smba.trafficmanager.net/",
        "https://[",
        7,
    ):
        pressed = {**at.pressed("Take it"), "serviceUrl": url}
        with pytest.raises(BadRequest) as raised:
            at.receive(pressed, key(at.state.entra.signs).sign(claims(at, serviceurl=url)))
        assert raised.value.status == 401, url


def test_microsofts_hosts_are_believed_and_further_ones_by_the_settings(at):
    for url, settings in (
        ("https://smba.trafficmanager.net/emea/", {}),
        ("https://smba.infra.gov.teams.microsoft.us/teams", {}),
        ("https://teams.own.example/", {"hosts": ("teams.own.example",)}),
    ):
        pressed = {**at.pressed("Take it"), "serviceUrl": url}
        token = key(at.state.entra.signs).sign(claims(at, serviceurl=url))
        assert at.again(**settings).receive(at.request(pressed, token), NOW).signals


def test_a_channel_that_the_key_does_not_speak_for_is_refused(at):
    with pytest.raises(BadRequest, match="does not speak for Teams") as raised:
        at.receive({**at.pressed("Take it"), "channelId": "webchat"})
    assert raised.value.status == 401


def test_another_tenant_is_refused(at):
    pressed = at.pressed("Take it")
    pressed["conversation"]["tenantId"] = "11111111-2222-3333-4444-555555555555"
    with pytest.raises(BadRequest, match="another tenant") as raised:
        at.receive(pressed)
    assert raised.value.status == 401


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1]", b"7", b"\xff", b"[" * 100_000, b'{"a":'])
def test_a_body_that_is_no_activity_is_refused(at, body):
    with pytest.raises(BadRequest) as raised:
        at.teams.receive(Request({"authorization": f"Bearer {at.box.people.token()}"}, body), NOW)
    assert raised.value.status == 400


def test_a_signed_activity_of_another_shape_is_refused_without_a_trace(at):
    pressed = at.pressed("Take it")
    for other in (
        {"value": 7},
        {"value": {}},
        {"value": {"action": [1]}},
        {"from": None},
        {"conversation": []},
        {"timestamp": "yesterday"},
        {"type": "message", "value": None, "entities": [1]},
    ):
        with pytest.raises(BadRequest) as raised:
            at.receive({**pressed, **other})
        assert raised.value.status == 400, other


def test_what_is_none_of_ours_is_taken_and_means_nothing(at):
    pressed = at.pressed("Take it")
    for other in (
        {"type": "messageReaction"},
        {"type": "typing"},
        {"type": None},
        {"type": "invoke", "name": "fileConsent/invoke"},
        {"type": "message", "value": {"x": 1}},
    ):
        assert at.receive({**pressed, **other}).signals == ()


# ---- keys


def asked_for_keys(at):
    return len([asked for asked, _ in at.box.server.seen if asked.path == BOT_METADATA])


def test_keys_are_read_once_a_day(at):
    for _ in range(3):
        at.receive(at.pressed("Take it"))
    assert asked_for_keys(at) == 1
    at.later((KEPT + timedelta(minutes=1)).total_seconds())
    at.receive(at.pressed("Take it"))
    assert asked_for_keys(at) == 2


def test_a_new_key_is_looked_for_at_once_and_a_flood_of_unknown_ones_does_not_make_us_ask_again(at):
    at.receive(at.pressed("Take it"))
    at.later(AGAIN.total_seconds())
    at.state.entra.signs = "botframework-2"
    assert at.receive(at.pressed("Take it")).signals
    assert asked_for_keys(at) == 2
    for number in range(50):
        token = jwt.encode(claims(at), key("unknown").private, algorithm="RS256", headers={"kid": f"k{number}"})
        with pytest.raises(BadRequest):
            at.receive(at.pressed("Take it"), token)
    assert asked_for_keys(at) == 2
    assert at.receive(at.pressed("Take it")).signals, "the right ones are believed all the while"


def test_while_keys_are_read_nobody_else_waits_for_them(at):
    at.receive(at.pressed("Take it"))
    at.later(AGAIN.total_seconds())
    reading, go = Event(), Event()

    def slow(asked):
        if asked.path == BOT_METADATA:
            reading.set()
            go.wait(5)
        return False

    at.box.server.fail(Fault(slow))
    token = jwt.encode(claims(at), key("unknown").private, algorithm="RS256", headers={"kid": "unknown"})
    with ThreadPoolExecutor(1) as stranger:
        refused = stranger.submit(at.receive, at.pressed("Take it"), token)
        assert reading.wait(5)
        assert at.receive(at.pressed("Take it")).signals, "a right click needs nothing of it"
        assert not refused.done()
        go.set()
        with pytest.raises(BadRequest):
            refused.result()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(..., Answer(500, "no")),
        Fault(..., Answer(200, "<html>")),
        Fault(..., Answer(200, {"jwks_uri": "http://evil.example/keys"})),
        Fault(..., Answer(200, {"jwks_uri": 7})),
        Fault(..., Answer(302, "", {"location": "https://evil.example"})),
        Fault(..., drop=True),
    ],
    ids=str,
)
def test_without_keys_nothing_is_believed_and_later_everything_is_well(at, fault):
    at.box.server.fail(Fault(lambda asked: asked.path == BOT_METADATA, fault.answer, fault.done, fault.drop))
    for _ in range(2):
        with pytest.raises(BadRequest, match="keys of the Bot Framework") as raised:
            at.receive(at.pressed("Take it"))
        assert raised.value.status == 503
    assert asked_for_keys(at) <= 1, "not more than once in five minutes"
    at.later(AGAIN.total_seconds())
    assert at.receive(at.pressed("Take it")).signals


def test_old_keys_serve_while_new_ones_are_not_to_be_had(at):
    at.receive(at.pressed("Take it"))
    at.later((KEPT + timedelta(minutes=1)).total_seconds())
    at.box.server.fail(Fault(lambda asked: asked.path == BOT_METADATA, Answer(503, "")))
    assert at.receive(at.pressed("Take it")).signals


def test_keys_are_fetched_before_the_first_click(at):
    stop = Event()
    stop.set()
    at.teams.listen(lambda signal: None, stop)
    assert asked_for_keys(at) == 1


def test_without_a_token_the_body_is_not_even_read(at):
    for body in (b"nonsense", b"[" * 100_000):
        with pytest.raises(BadRequest) as raised:
            at.teams.receive(Request({}, body), NOW)
        assert raised.value.status == 401
