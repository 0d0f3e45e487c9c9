"""Teams on a bad day: every answer has one meaning, what may have been done is in doubt, and nothing is done twice."""

import logging
import traceback
from datetime import timedelta
from email.utils import format_datetime

import pytest

from connectors.base import Wanted
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import Button, Command, Form, Message, Question, User
from connectors.setup import Order
from sandbox.http import Answer, Fault
from sandbox.teams import Refusal
from tests.connectors.faults import ROWS, doubtful, patience_of, plain
from tests.connectors.teams_tenant import NOW, tenant

DOWN = Message("down", (Button("Take it", "take", "10001"), Button("Close", "resolve", "10001")))
PLACE = "Operations/Incidents"
DATE = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
PATIENCE = 0.6
"""Seconds that a call may take where something is late."""


@pytest.fixture
def at(request):
    with tenant() as made:
        made.teams.close()
        made.teams = made.again(timeout=patience_of(request, PATIENCE))
        yield made


def teams_says(status, code, **headers):
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": {"code": code, "message": "So it is."}}, told)


# why, fault, error, in doubt, retry after, how many messages stand afterwards
FAULTS = [
    *plain(),
    *doubtful(PATIENCE),
    ("bad request", Fault(..., teams_says(400, "BadArgument")), Refused, None, None, 0),
    ("unauthorised, twice", Fault(..., teams_says(401, "Unauthorized"), times=2), Denied, None, None, 0),
    ("forbidden", Fault(..., teams_says(403, "BotDisabledByAdmin")), Denied, None, None, 0),
    ("forbidden there", Fault(..., teams_says(403, "BotNotInConversationRoster")), Refused, None, None, 0),
    ("not found", Fault(..., teams_says(404, "ConversationNotFound")), Missing, None, None, 0),
    ("two at once", Fault(..., teams_says(412, "PreconditionFailed")), Temporary, False, None, 0),
    ("too large", Fault(..., teams_says(413, "MessageSizeTooBig")), Refused, None, None, 0),
    ("too many, in seconds", Fault(..., teams_says(429, "Throttled", retry_after="30")), Temporary, False, 30, 0),
    ("too many, until a date", Fault(..., teams_says(429, "Throttled", retry_after=DATE)), Temporary, False, 90, 0),
    ("a login page with 200", Fault(..., Answer(200, "<html>sign in</html>"), done=True), Temporary, True, None, 1),
    ("half an answer", Fault(..., Answer(201, '{"id": "19:'), done=True), Temporary, True, None, 1),
    ("JSON that is no object", Fault(..., Answer(200, "[1]"), done=True), Temporary, True, None, 1),
    ("an object that is not Teams'", Fault(..., Answer(200, {}), done=True), Temporary, True, None, 1),
]


def aimed(fault, method, part):
    def when(asked):
        return asked.method == method and part in asked.path

    return Fault(when, fault.answer, fault.done, fault.drop, fault.wait, fault.times)


def watched(made):
    """Every request that comes in from now on, whatever becomes of it."""
    seen = []
    made.box.server.noticed = lambda asked: seen.append((asked.method, asked.path))
    return seen


@pytest.mark.parametrize(ROWS, FAULTS, ids=lambda v: str(v)[:40])
def test_a_post_on_a_bad_day(at, why, fault, error, in_doubt, retry_after, stand):
    seen = watched(at)
    at.box.server.fail(aimed(fault, "POST", "/v3/"))
    with pytest.raises(ConnectorError, match=f"could not post to msteams:{PLACE}: ") as raised:
        at.teams.put(PLACE, DOWN, None, "k")
    assert type(raised.value) is error, why
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    assert getattr(raised.value, "retry_after", None) == retry_after, why
    assert "<html" not in str(raised.value), why
    assert len(at.ops.messages) == stand, why
    assert len([path for _, path in seen if "/v3/" in path]) == fault.times, "a post is repeated only after a 401"


@pytest.mark.parametrize(ROWS, FAULTS, ids=lambda v: str(v)[:40])
def test_an_edit_on_a_bad_day(at, why, fault, error, in_doubt, retry_after, stand):
    if why == "an object that is not Teams'":
        return  # what an edit answers need not say anything
    ref = at.teams.put(PLACE, DOWN, None, "k")
    before = at.ops.messages[0].card
    seen = watched(at)
    at.box.server.fail(aimed(fault, "PUT", "/v3/"))
    with pytest.raises(error, match=f"could not edit a message in msteams:{PLACE}: ") as raised:
        at.teams.put(PLACE, Message("up"), ref, "k")
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    assert (at.ops.messages[0].card == before) is not bool(stand), why
    assert len(seen) == fault.times + (1 if fault.times == 2 else 0), "a token was asked for between the two"


READS = [row for row in FAULTS if row[2] is Temporary and (row[4] or 0) <= 3]


@pytest.mark.parametrize(("why", "fault"), [row[:2] for row in READS], ids=lambda v: str(v)[:40])
def test_a_look_up_that_fails_once_is_made_again(at, why, fault):
    if why == "an object that is not Teams'":
        return  # a member without an id is told as nobody, below
    at.box.server.fail(aimed(fault, "GET", "/members/"))
    assert at.teams.who(User(at.ann.aad_id)).email == "ann@example.org", why


def test_a_failed_look_up_leaves_no_doubt_as_nothing_was_posted(at):
    for method, part in (("GET", "/members/"), ("POST", "/v3/conversations")):
        at.box.server.fail(aimed(Fault(..., Answer(502, ""), times=3), method, part))
        with pytest.raises(Temporary) as raised:
            at.again().put("ann@example.org", DOWN, None, "k")
        assert raised.value.in_doubt is False, part
        at.box.server.heal()
    assert not [asked for asked, _ in at.box.server.seen if asked.path.endswith("/activities")]


def test_a_token_that_was_called_back_is_asked_for_anew(at):
    at.teams.put(PLACE, DOWN, None, "k")
    at.state.entra.revoke()
    at.teams.put(PLACE, DOWN, None, "k2")
    assert (len(at.ops.messages), at.state.entra.asked) == (2, 2)


def test_no_token_leaves_no_doubt(at):
    at.box.server.fail(aimed(Fault(..., Answer(503, "", {"retry-after": "7"})), "POST", "/token"))
    with pytest.raises(Temporary) as raised:
        at.teams.put(PLACE, DOWN, None, "k")
    assert (raised.value.in_doubt, raised.value.retry_after) == (False, 7)
    with pytest.raises(Denied, match="the client secret is wrong"):
        at.again(secret="old").put(PLACE, DOWN, None, "k")
    assert at.ops.messages == []


def test_nobody_there_leaves_no_doubt(at):
    with pytest.raises(Temporary) as raised:
        at.again(service_url="http://127.0.0.1:1/").put(PLACE, DOWN, None, "k")
    assert raised.value.in_doubt is False


def test_what_concerns_one_conversation_stops_only_that(at):
    other = at.state.channel("Private", "Board")
    at.state.teams[other.team].installed = False
    at.state.blocked.add(at.ann.id)
    for place, hint in ((other.id, "install the app in the team"), (at.ann.aad_id, "has blocked the bot")):
        with pytest.raises(Refused, match=hint):
            at.teams.put(place, DOWN, None, "k")
    at.ops.archived = True
    with pytest.raises(Refused, match="the channel is archived"):
        at.teams.put(PLACE, DOWN, None, "k")
    at.state.refuse("POST", "/conversations", Refusal(403, "BotDisabledByAdmin", "Disabled."))
    with pytest.raises(Denied, match="an administrator of Teams has to allow the app"):
        at.teams.put(PLACE, DOWN, None, "k")


def test_more_than_teams_allows_is_told_to_wait(at):
    at.state.paced = True
    for number in range(7):
        at.teams.put(PLACE, DOWN, None, str(number))
    with pytest.raises(Temporary) as raised:
        at.teams.put(PLACE, DOWN, None, "k")
    assert (raised.value.retry_after, raised.value.in_doubt) == (2.0, False)
    at.later(2)
    at.teams.put(PLACE, DOWN, None, "k")


def test_a_retired_card_on_a_bad_day_keeps_its_buttons_and_is_retired_the_next_time(at):
    ref = at.teams.put(PLACE, DOWN, None, "k")
    at.box.server.fail(aimed(Fault(..., Answer(503, "")), "PUT", "/v3/"))
    with pytest.raises(Temporary):
        at.teams.retire(PLACE, ref)
    assert at.buttons() == ["Take it", "Close"]
    at.teams.retire(PLACE, ref)
    assert at.buttons() == []


# ---- secrets


def leaked(call):
    """Every way in which an error may be printed."""
    try:
        answer = call()
    except ConnectorError as error:
        return [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    return [repr(answer)]


def test_no_error_repr_or_log_of_the_bot_holds_a_secret(at, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    state = at.state
    ref = at.teams.put(PLACE, DOWN, None, "k")
    token = at.teams._tokens.token("https://api.botframework.com/.default")
    command = Command("1", "take", User(at.ann.aad_id), "msteams", {}, "", NOW, "1")
    said = [
        repr(at.teams),
        repr(at.teams.settings),
        str(at.teams.settings),
        repr(vars(at.teams)),
        repr(at.teams._tokens),
    ]
    said += [repr(at.teams._tokens._app), repr(vars(at.teams._client))]
    calls = {
        "/v3/conversations": lambda: at.teams.put(PLACE, DOWN, None, "k"),
        "/activities/": lambda: at.teams.put(PLACE, DOWN, ref, "k"),
        "/members/": lambda: at.again().who(User(at.ann.aad_id)),
        "/token": lambda: at.again().put(PLACE, DOWN, None, "k"),
        "/openid-configuration": lambda: at.again().put(PLACE, DOWN, None, "k"),
    }
    for part, call in calls.items():
        for fault in (
            Fault(..., drop=True, times=3),
            Fault(..., Answer(500, token), times=3),
            Fault(..., Answer(401, {"error": {"code": "Unauthorized", "message": "no"}}), times=3),
            Fault(..., Answer(400, {"error": "invalid_client", "error_description": f"wrong: {state.app.secret}"})),
            Fault(..., Answer(200, "<html>")),
        ):
            at.box.server.fail(
                Fault(lambda asked, part=part: part in asked.path, fault.answer, fault.done, fault.drop, 0, fault.times)
            )
            said += leaked(call)
            at.box.server.heal()
    said += leaked(lambda: at.teams.answer(command, "hello"))
    said += leaked(lambda: at.teams.ask(command, Form("Hello", (Question("text", "What?"),))))
    said += map(str, at.again(secret="wrong-secret").check(Wanted(addresses=("Operations/Nope",))))
    said += map(repr, at.teams.install(Order("https://pointman.example.org", dry=True)))
    said += [caplog.text, *capsys.readouterr()]
    assert len(said) > 40
    for secret in (state.app.secret, token, "wrong-secret"):
        assert not [text for text in said if secret in text]
