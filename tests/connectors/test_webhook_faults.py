"""Receivers on a bad day: every answer has one meaning, nobody is rung twice, and no secret is told."""

import logging

import pytest

from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import Message
from connectors.webhook.recipes import RECIPES
from sandbox.http import Answer, Fault
from tests.connectors.faults import ROWS, doubtful, patience_of, plain
from tests.connectors.gateways import API_KEY, NUMBER, ROUTING, SECRET, TOKEN, gateway, place
from tests.connectors.test_teams_faults import leaked

DOWN = Message("**OPS-1** is down")
PATIENCE = 0.6
"""Seconds that a call may take where something is late."""
TRIES = 3


@pytest.fixture
def at():
    with gateway() as made:
        yield made


FAULTS = [
    *plain(),
    *doubtful(PATIENCE),
    ("bad request", Fault(..., Answer(400, {"message": "no", "errors": ["too long"]})), Refused, None, None, 0),
    ("unauthorised", Fault(..., Answer(401, {"message": "who?"})), Denied, None, None, 0),
    ("forbidden", Fault(..., Answer(403, {"error": "no"})), Denied, None, None, 0),
    ("not found", Fault(..., Answer(404, "no")), Missing, None, None, 0),
    ("too large", Fault(..., Answer(413, "no")), Refused, None, None, 0),
    ("too many, in seconds", Fault(..., Answer(429, "", {"retry-after": "30"})), Temporary, False, 30, 0),
    ("a login page with 200", Fault(..., Answer(200, "<html>sign in"), done=True), Temporary, True, None, 1),
]


def lasting(fault):
    """The fault for as long as anybody tries."""
    return Fault(lambda asked: True, fault.answer, fault.done, fault.drop, fault.wait, TRIES)


def hurried(at, request, name):
    """A connector each of whose tries may take a short while."""
    patience = patience_of(request, PATIENCE)
    return at.hook(name, timeout=patience * (TRIES if RECIPES[name].drops_doubles else 1))


@pytest.mark.parametrize("name", ["json", "pagerduty", "twilio"])
@pytest.mark.parametrize(ROWS, FAULTS, ids=lambda v: str(v)[:40])
def test_a_call_on_a_bad_day(at, request, name, why, fault, error, in_doubt, retry_after, stand):
    hook = hurried(at, request, name)
    seen = []
    at.box.server.noticed = seen.append
    at.box.server.fail(lasting(fault))
    with pytest.raises(ConnectorError, match=f"could not call phone:{place(name).replace('+', '.')}: ") as raised:
        hook.put(place(name), DOWN, None, "k")
    assert type(raised.value) is error, why
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    assert getattr(raised.value, "retry_after", None) == retry_after, why
    assert at.rings == stand, "a phone rings once, however often it is tried"
    assert "<html" not in str(raised.value), why
    again = hook.drops_doubles and error is Temporary and (retry_after or 0) <= 3 and "login" not in why
    assert len(seen) == (TRIES if again else 1), "only what drops doubles is told twice"


LATE = [row[:2] for row in FAULTS if row[2] is Temporary and not row[4] and "login" not in row[0]]


@pytest.mark.parametrize(("why", "fault"), LATE, ids=lambda v: str(v)[:40])
def test_where_doubles_are_dropped_a_moments_trouble_delays_no_call(at, request, why, fault):
    hook = hurried(at, request, "pagerduty")
    at.box.server.fail(Fault(lambda asked: True, fault.answer, fault.done, fault.drop, fault.wait))
    assert hook.put("oncall", DOWN, None, "k") == "k", why
    assert at.rings == 1, why


def test_wrong_credentials_of_one_address_stop_that_address_alone(at):
    for settings in ({"tokens": {"oncall": "x" * 36}}, {"urls": {"oncall": at.box.opsgenie}, "token": "x" * 36}):
        with pytest.raises(Refused):
            at.hook("opsgenie", **settings).put("oncall", DOWN, None, "k")
    with pytest.raises(Denied):
        at.hook("opsgenie", token="x" * 36).put("oncall", DOWN, None, "k")


def test_an_end_that_fails_says_so_and_one_that_comes_too_late_is_well(at):
    hook = at.hook("pagerduty")
    at.box.server.fail(Fault(lambda asked: True, Answer(400, {"message": "no"})))
    with pytest.raises(Refused, match="could not end a call to phone:oncall: no"):
        hook.retire("oncall", "k")
    at.hook("opsgenie").retire("ops", "never")
    at.hook("twilio").retire(NUMBER, "CA" + "9" * 32)


def test_a_header_of_two_lines_is_refused_before_anything_is_sent(at):
    with pytest.raises(Refused, match="line break"):
        at.hook(headers={"X-A": "a\r\nX-B: b"}).put("oncall", DOWN, None, "k")
    assert at.box.server.requests == 0


@pytest.mark.parametrize("name", ["json", "pagerduty", "opsgenie", "twilio"])
def test_no_error_repr_or_log_holds_a_secret(at, name, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    url = f"{at.table(name)['url']}?sig=abc"
    hook = at.hook(name, url=url, headers={"X-Key": "h3ader"}, old_secret=SECRET)
    said = [repr(hook), repr(hook.settings), str(hook.settings), repr(vars(hook))]
    own = {"json": SECRET, "pagerduty": ROUTING, "opsgenie": API_KEY, "twilio": TOKEN}[name]
    quoting = f"{own} h3ader {url} sig=abc https://x.example/?sig=abc"
    for fault in (
        Fault(..., drop=True),
        Fault(..., Answer(400, {"message": f"cannot take {quoting}", "errors": [quoting]})),
        Fault(..., Answer(401, {"error": quoting})),
        Fault(..., Answer(500, quoting)),
        Fault(..., Answer(302, "", {"location": "https://x.example/?sig=abc"})),
    ):
        at.box.server.fail(lasting(fault))
        said += leaked(lambda: hook.put(place(name), DOWN, None, "k"))
        said += leaked(lambda: hook.retire(place(name), "k"))
        at.box.server.heal()
    gone = at.hook(name, url="http://127.0.0.1:1/?sig=abc")
    said += leaked(lambda: gone.put(place(name), DOWN, None, "k"))
    said += [caplog.text, *capsys.readouterr()]
    assert not [text for text in said if own in text or "sig=abc" in text or "h3ader" in text]
    assert any("could not call" in text for text in said)


def test_a_refusal_that_quotes_the_path_of_an_address_tells_it_to_nobody(at):
    hook = at.hook(url=f"{at.box.hook}/T0000/s3cret")
    at.box.server.fail(Fault(lambda asked: True, Answer(404, {"message": "no route for POST /hook/T0000/s3cret"})))
    with pytest.raises(Missing) as raised:
        hook.put("oncall", DOWN, None, "k")
    assert "s3cret" not in str(raised.value)
