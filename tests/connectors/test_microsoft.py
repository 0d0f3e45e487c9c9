"""Tokens of Microsoft Entra: asked for once, by many threads; what goes wrong is one of our errors, never in doubt."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.errors import ConnectorError, Denied, Temporary
from connectors.microsoft import BOTS, GRAPH, App, Tokens
from sandbox.http import Answer, Fault, Server
from sandbox.teams.entra import TENANT, Client, Entra

SECRET = "s3cret-of-the-app"


@pytest.fixture
def entra():
    made = Entra()
    made.register(Client("app-1", SECRET))
    server = Server(lambda asked: made.handle(asked, server.url) or Answer(404, {}))
    with server:
        yield made, server


def tokens(server, **other):
    return Tokens(App(**{"tenant": TENANT, "client": "app-1", "secret": SECRET, "login": server.url, **other}), 1)


def test_ten_threads_that_need_the_first_token_ask_for_one(entra):
    made, server = entra
    one = tokens(server)
    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(lambda _: one.token(BOTS), range(10)))) == 1
    assert made.asked == 1
    assert one.bearer(BOTS) == {"Authorization": f"Bearer {one.token(BOTS)}"}


def test_each_service_has_its_own_token_and_a_forgotten_one_is_asked_for_again(entra):
    made, server = entra
    one = tokens(server)
    first = one.token(BOTS)
    assert one.token(GRAPH) != first
    one.forget()
    assert one.token(BOTS) != first
    assert made.asked == 3


def test_nothing_is_asked_before_a_token_is_needed(entra):
    _, server = entra
    tokens(server).forget()
    assert server.requests == 0


WRONG = [
    ({"secret": "another"}, "the client secret is wrong; it must be its value, not its id"),
    ({"client": "app-2"}, "no app with this client id is in the tenant"),
    ({"tenant": "example.org"}, "there is no such tenant"),
]


@pytest.mark.parametrize(("other", "hint"), WRONG, ids=lambda v: str(v)[:30])
def test_what_an_administrator_got_wrong_is_denied_with_what_to_do(entra, other, hint):
    with pytest.raises(Denied, match=hint):
        tokens(entra[1], **other).token(BOTS)


def test_an_entra_that_does_not_know_the_tenants_document_is_denied(entra):
    _, server = entra
    server.fail(Fault(lambda asked: True, Answer(400, {"error": "invalid_tenant"})))
    with pytest.raises(Denied, match="check the tenant"):
        tokens(server).token(BOTS)


FAULTS = [
    ("server error", Fault(..., Answer(500, "oops")), None),
    ("come back", Fault(..., Answer(503, "", {"retry-after": "5"})), 5),
    ("too many", Fault(..., Answer(429, {}, {"retry-after": "30"})), 30),
    ("a login page", Fault(..., Answer(200, "<html>")), None),
    ("half an answer", Fault(..., Answer(200, '{"token_endpoint": "ht')), None),
    ("JSON that is no object", Fault(..., Answer(200, "[1]")), None),
    ("reset", Fault(..., drop=True), None),
    ("trouble of its own", Fault(..., Answer(400, {"error": "temporarily_unavailable"})), None),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("why", "fault", "wait"), FAULTS, ids=lambda v: str(v)[:20])
def test_entra_on_a_bad_day_leaves_no_doubt_and_the_next_time_it_works(entra, method, why, fault, wait):
    _, server = entra
    one = tokens(server)
    if why == "trouble of its own" and method == "GET":
        return  # it is the token's endpoint that says so
    server.fail(Fault(lambda asked: asked.method == method, fault.answer, fault.done, fault.drop))
    with pytest.raises(Temporary, match="could not sign in to Microsoft Entra") as raised:
        one.token(BOTS)
    assert (raised.value.in_doubt, raised.value.retry_after) == (False, wait), why
    if method == "GET":
        one.token(BOTS)


def test_nobody_there_leaves_no_doubt():
    with pytest.raises(Temporary) as raised:
        tokens(type("Nowhere", (), {"url": "http://127.0.0.1:1"})).token(BOTS)
    assert raised.value.in_doubt is False


def test_no_error_repr_or_log_holds_the_secret_or_a_token(entra, caplog):
    caplog.set_level(logging.DEBUG)
    _, server = entra
    one = tokens(server)
    said = [repr(one), repr(vars(one)), str(one._app)]
    token = one.token(BOTS)
    for answer in (
        Answer(400, {"error": "invalid_client", "error_description": f"AADSTS1: {SECRET} is wrong.\r\nTrace ID: 1"}),
        Answer(400, SECRET),
        Answer(200, SECRET),
        Answer(200, {"access_token": None}),
    ):
        server.fail(Fault(lambda asked: asked.method == "POST", answer))
        one.forget()
        with pytest.raises(ConnectorError) as raised:
            one.token(BOTS)
        said += [str(raised.value), repr(raised.value)]
        server.heal()
    said.append(caplog.text)
    assert not [text for text in said if SECRET in text or token in text]


def test_an_entra_beyond_this_machine_is_spoken_to_over_https_only():
    one = tokens(type("Elsewhere", (), {"url": "http://login.example.org"}))
    assert one._web._plain == ""
