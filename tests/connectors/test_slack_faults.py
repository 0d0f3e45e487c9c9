"""Slack on a bad day: every answer has one meaning, what may have been done is in doubt, and nothing is done twice."""

import logging
import traceback
from datetime import timedelta
from email.utils import format_datetime

import pytest

from connectors.base import Wanted
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import Absent, Button, CannotTell, Command, Form, Found, Message, Question, User
from sandbox.http import Answer, Fault
from tests.connectors.faults import doubtful, patience_of, plain
from tests.connectors.slack_workspace import NOW, connector, workspace

DOWN = Message("down", (Button("Take it", "take", "1"),))
DATE = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
PATIENCE = 0.25
"""Seconds that a call may take where something is late."""


@pytest.fixture
def at(request):
    with workspace() as made:
        made.slack = connector(made.box, timeout=patience_of(request, PATIENCE))
        yield made


def method(name):
    return lambda asked: asked.path == f"/api/{name}"


def slack_says(error, status=200, **headers):
    return Answer(status, {"ok": False, "error": error}, {k.replace("_", "-"): v for k, v in headers.items()})


# why, fault, error, in doubt, retry after, how many messages stand afterwards
FAULTS = [
    *plain(),
    *doubtful(PATIENCE),
    ("bad request", Fault(..., Answer(400, "no")), Refused, None, None, 0),
    ("unauthorised", Fault(..., Answer(401, "no")), Denied, None, None, 0),
    ("forbidden", Fault(..., Answer(403, "no")), Denied, None, None, 0),
    ("not found", Fault(..., Answer(404, "no")), Missing, None, None, 0),
    ("too large", Fault(..., Answer(413, "no")), Refused, None, None, 0),
    ("too many, in seconds", Fault(..., slack_says("ratelimited", 429, retry_after="30")), Temporary, False, 30, 0),
    ("too many, until a date", Fault(..., slack_says("ratelimited", 429, retry_after=DATE)), Temporary, False, 90, 0),
    ("too many, told with 200", Fault(..., slack_says("ratelimited", retry_after="7")), Temporary, False, 7, 0),
    ("a login page with 200", Fault(..., Answer(200, "<html>sign in</html>"), done=True), Temporary, True, None, 1),
    ("half an answer", Fault(..., Answer(200, '{"ok": true, "chan'), done=True), Temporary, True, None, 1),
    ("JSON that is no object", Fault(..., Answer(200, "[1]"), done=True), Temporary, True, None, 1),
    ("an object that is not Slack's", Fault(..., Answer(200, {}), done=True), Temporary, True, None, 1),
    ("Slack's own trouble", Fault(..., slack_says("internal_error"), done=True), Temporary, True, None, 1),
    ("half done, Slack says", Fault(..., slack_says("fatal_error"), done=True), Temporary, True, None, 1),
]


def aimed(fault, name):
    return Fault(method(name), fault.answer, fault.done, fault.drop, fault.wait)


@pytest.mark.parametrize(
    ("why", "fault", "error", "in_doubt", "retry_after", "stand"), FAULTS, ids=lambda v: str(v)[:40]
)
def test_a_post_on_a_bad_day(at, why, fault, error, in_doubt, retry_after, stand):
    at.box.server.fail(aimed(fault, "chat.postMessage"))
    with pytest.raises(ConnectorError, match="could not post to slack:#ops: ") as raised:
        at.slack.put("#ops", DOWN, None, "k")
    assert type(raised.value) is error, why
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    assert getattr(raised.value, "retry_after", None) == retry_after, why
    assert "<html" not in str(raised.value), why
    at.later(60)
    assert at.box.server.requests == 1, "a post is never repeated"
    assert len(at.state.visible(at.ops)) == stand, why
    found = at.slack.find("#ops", "k", NOW)
    assert isinstance(found, Found if stand else Absent), why


@pytest.mark.parametrize(
    ("why", "fault", "error", "in_doubt", "retry_after", "stand"), FAULTS, ids=lambda v: str(v)[:40]
)
def test_an_edit_on_a_bad_day(at, why, fault, error, in_doubt, retry_after, stand):
    ref = at.slack.put("#ops", DOWN, None, "k")
    at.box.server.fail(aimed(fault, "chat.update"))
    with pytest.raises(error, match="could not edit a message in slack:#ops: ") as raised:
        at.slack.put("#ops", Message("up"), ref, "k")
    assert getattr(raised.value, "in_doubt", None) is in_doubt, why
    assert at.box.server.requests == 2, "an edit is never repeated"
    assert [m.text for m in at.ops.messages] == (["up"] if stand else ["down"]), why


READS = [row for row in FAULTS if row[2] is Temporary and (row[4] or 0) <= 3]


@pytest.mark.parametrize(("why", "fault"), [row[:2] for row in READS], ids=lambda v: str(v)[:40])
def test_a_search_that_fails_once_is_made_again_and_one_that_goes_on_failing_cannot_tell(at, why, fault):
    ref = at.slack.put("#ops", DOWN, None, "k")
    at.box.server.fail(aimed(fault, "conversations.history"))
    assert at.slack.find("#ops", "k", NOW) == Found(ref), why
    for _ in range(3):
        at.box.server.fail(aimed(fault, "conversations.history"))
    assert isinstance(at.slack.find("#ops", "k", NOW), CannotTell), why


def test_a_search_cannot_tell_while_the_id_behind_a_name_is_not_to_be_had(at):
    for _ in range(3):
        at.box.server.fail(Fault(method("users.conversations"), Answer(503, "")))
    assert isinstance(at.slack.find("#ops", "k", NOW), CannotTell)


def test_a_failed_look_up_leaves_no_doubt_as_nothing_was_posted(at):
    for _ in range(3):
        at.box.server.fail(Fault(method("users.lookupByEmail"), Answer(502, "")))
    with pytest.raises(Temporary) as raised:
        at.slack.put("ann@example.org", DOWN, None, "k")
    assert raised.value.in_doubt is False
    assert "chat.postMessage" not in at.state.calls


def test_a_scope_that_only_addresses_need_stops_only_addresses(at):
    at.state.scopes -= {"users:read.email"}
    with pytest.raises(Refused, match=r"missing_scope \(needs users:read.email\); add the scope"):
        at.slack.put("ann@example.org", DOWN, None, "k")
    at.slack.put("#ops", DOWN, None, "k")


def test_nobody_there_leaves_no_doubt():
    with workspace() as at:
        slack = connector(at.box, base_url="http://127.0.0.1:9/api/")
    with pytest.raises(Temporary, match="could not post to slack:#ops: no connection") as raised:
        slack.put("#ops", DOWN, None, "k")
    assert raised.value.in_doubt is False


CODES = [
    ("invalid_auth", Denied, "check the token"),
    ("token_revoked", Denied, "install the app again"),
    ("account_inactive", Denied, "install it again"),
    ("missing_scope", Denied, "add the scope"),
    ("channel_not_found", Missing, "is the app a member of the channel?"),
    ("is_archived", Missing, "the channel is archived"),
    ("not_in_channel", Refused, "invite the app with /invite"),
    ("restricted_action", Refused, "the workspace allows it to some only"),
    ("msg_too_long", Refused, "the text is too long for Slack"),
    ("something_new", Refused, "could not post to slack:#ops: something_new"),
    ("service_unavailable", Temporary, "service_unavailable"),
    ("team_added_to_org", Temporary, "asked to wait"),
]


@pytest.mark.parametrize(("code", "error", "hint"), CODES)
def test_each_of_slacks_codes_says_what_to_do(at, code, error, hint):
    at.state.refuse("chat.postMessage", code)
    with pytest.raises(error) as raised:
        at.slack.put("#ops", DOWN, None, "k")
    assert isinstance(raised.value, error)
    assert str(raised.value).startswith(f"could not post to slack:#ops: {code}")
    assert hint in str(raised.value)
    at.slack.put("#ops", DOWN, None, "k")
    assert len(at.ops.messages) == 1


def test_channels_that_cannot_be_posted_to_say_why(at):
    at.state.channel("#others", member=False)
    at.state.channel("#secret", private=True, member=False)
    at.state.channel("#old").is_archived = True
    told = {}
    for place in ("#others", "#secret", "#old", "#none", "C0SBX99999"):
        with pytest.raises((Missing, Refused)) as raised:
            at.slack.put(place, DOWN, None, "k")
        told[place] = str(raised.value).partition(": ")[2]
    assert told == {
        "#others": "not_in_channel; invite the app with /invite",
        "#secret": "channel_not_found; is the app a member of the channel?",
        "#old": "is_archived; the channel is archived",
        "#none": "channel_not_found; is the app a member of the channel?",
        "C0SBX99999": "channel_not_found; is the app a member of the channel?",
    }


def test_more_than_a_message_a_second_is_told_to_wait(at):
    at.state.paced = True
    at.slack.put("#ops", DOWN, None, "k1")
    with pytest.raises(Temporary) as raised:
        at.slack.put("#ops", DOWN, None, "k2")
    assert (raised.value.retry_after, raised.value.in_doubt) == (1.0, False)
    at.state.channel("#other")
    at.slack.put("#other", DOWN, None, "k2")
    at.later(1)
    at.slack.put("#ops", DOWN, None, "k2")
    assert len(at.ops.messages) == 2


def test_the_reason_a_block_is_refused_for_is_passed_on(at):
    with pytest.raises(Refused, match=r"invalid_blocks \(must be more than 0 characters \[json-pointer:/blocks/0\]\)"):
        at.slack.put("#ops", Message("", (Button("", "take", "1"),)), None, "k")


# ---- secrets


def test_no_error_repr_or_log_holds_a_secret(at, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    state = at.state
    secrets = (state.token, state.signing_secret, state.app_token)
    slack = at.again(app_token=state.app_token)
    command = Command("1", "take", User("U1"), "slack", {}, f"{state.url}/response/none none")
    said = [repr(slack), repr(slack.settings), str(slack.settings), repr(vars(slack))]
    calls = {
        "chat.postMessage": lambda: slack.put("#ops", DOWN, None, "k"),
        "chat.update": lambda: slack.put("#ops", DOWN, "C1:1.0", "k"),
        "conversations.history": lambda: slack.retire("#ops", "C1:1.0"),
        "users.info": lambda: slack.who(User("U1")),
        "views.open": lambda: slack.ask(command, Form("Hello", (Question("text", "What?"),))),
        "auth.test": lambda: slack.find("#ops", "k", NOW),
    }
    for name, call in calls.items():
        for fault in (
            Fault(..., drop=True),
            Fault(..., Answer(500, state.token)),
            Fault(..., slack_says("invalid_auth")),
        ):
            for _ in range(3):
                at.box.server.fail(aimed(fault, name))
            said += leaked(call)
            at.box.server.heal()
    said += leaked(lambda: slack.answer(command, "hello"))
    said += map(str, slack.check(Wanted(addresses=("#nope",), people=("nobody@example.org",))))
    said += [caplog.text, *capsys.readouterr()]
    assert len(said) > 40
    for secret in secrets:
        assert not [text for text in said if secret in text]


def leaked(call):
    """Every way in which an error may be printed."""
    try:
        answer = call()
    except ConnectorError as error:
        return [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    return [repr(answer)]
