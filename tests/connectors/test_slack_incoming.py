"""What Slack sends: believed only when signed just now, read as commands, and never a reason to fall over."""

import json
from datetime import UTC, datetime, timedelta
from time import thread_time
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Button, Command, Form, Message, Question, Topic, User
from connectors.signatures import hexdigest
from connectors.slack.incoming import DECLARE, TIMELINE, interpret, receive
from tests.connectors.contracts import SAMPLES
from tests.connectors.slack_workspace import NOW, workspace

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("mark", ["<@", "<@U1|", "<#C|", "<https:", "<https:a|", "<!"])
def test_a_message_of_marks_without_an_end_takes_no_time(mark):
    said = {"command": "/pointman", "user_id": "U1", "text": mark * 15_000, "trigger_id": "1.2"}
    before = thread_time()
    assert interpret(said, "slash_commands", "slack").verb == "words"
    assert thread_time() - before < 0.5, "nothing else happens meanwhile"


@pytest.fixture
def at():
    with workspace() as made:
        yield made


def samples():
    if not SAMPLES.exists():
        return []
    folder = SAMPLES / "slack"
    return [p for p in sorted(folder.glob("*")) + sorted(folder.glob("shapes/*")) if p.is_file()]


def sample(name):
    path = SAMPLES / "slack" / name
    if not path.exists():
        pytest.skip(f"shared contracts not found: samples/slack/{name}")
    return path.read_text(encoding="utf-8")


def signed(body: bytes, now=NOW, secret=SECRET):
    stamp = str(int(now.timestamp()))
    digest = hexdigest(secret, b"v0:" + stamp.encode() + b":" + body)
    return Request({"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}, body)


def form(payload):
    return urlencode({"payload": json.dumps(payload)}).encode()


def outcome(call):
    """Status, sentence and signals of a receipt or of a refusal; any other exception is a failure of the test."""
    try:
        receipt = call()
    except BadRequest as refused:
        return refused.status, str(refused), ()
    return receipt.status, receipt.body, receipt.signals


# ---- the signature


def vector():
    given = json.loads(sample("signature-vector.json"))
    headers = {name.lower(): value for name, value in given["headers"].items()}
    moment = datetime.fromtimestamp(int(headers["x-slack-request-timestamp"]), UTC)
    return Request(headers, given["body"].encode()), moment, given["signing_secret"]


def test_slacks_own_example_of_a_signature_holds():
    request, moment, secret = vector()
    receipt = receive(request, moment, secret, "slack")
    (command,) = receipt.signals
    assert (receipt.status, receipt.body, command.verb, command.args) == (200, "", "words", {"text": ""})


@pytest.mark.parametrize("minutes", [-5.02, 5.02, 60, -60 * 24 * 365])
def test_a_request_of_another_time_is_refused(minutes):
    request, moment, secret = vector()
    with pytest.raises(BadRequest, match="more than five minutes old") as refused:
        receive(request, moment + timedelta(minutes=minutes), secret, "slack")
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "not signed by Slack"),
        ({"x-slack-request-timestamp": "1531420618"}, "not signed by Slack"),
        ({"x-slack-signature": "v0=00"}, "not signed by Slack"),
        ({"x-slack-request-timestamp": "abc", "x-slack-signature": "v0=00"}, "no number"),
        ({"x-slack-request-timestamp": "-1", "x-slack-signature": "v0=00"}, "no number"),
        ({"x-slack-request-timestamp": "٣", "x-slack-signature": "v0=00"}, "no number"),
        ({"x-slack-request-timestamp": "9" * 40, "x-slack-signature": "v0=00"}, "no number"),
        ({"x-slack-request-timestamp": "1531420618", "x-slack-signature": "v0=00"}, "signature is wrong"),
        ({"x-slack-request-timestamp": "1531420618", "x-slack-signature": "é\udcff"}, "signature is wrong"),
    ],
)
def test_an_unsigned_request_is_refused_in_a_sentence(headers, why):
    with pytest.raises(BadRequest, match=why) as refused:
        receive(Request(headers, b"{}"), NOW, SECRET, "slack")
    assert refused.value.status == 401


def test_one_changed_byte_is_refused():
    request = signed(form({"type": "block_actions"}))
    with pytest.raises(BadRequest, match="signature is wrong"):
        receive(Request(request.headers, request.body + b" "), NOW, SECRET, "slack")


def test_without_a_secret_nothing_is_believed():
    with pytest.raises(BadRequest, match="no signing_secret is configured"):
        receive(signed(b"{}", secret=""), NOW, "", "slack")


# ---- what is read


@pytest.mark.parametrize("path", samples() or [None], ids=lambda path: path.name if path else "none")
def test_every_sample_is_taken_or_refused_for_a_stated_reason(path):
    if path is None:
        pytest.skip("shared contracts not found: samples/slack")
    text = path.read_text(encoding="utf-8")
    bodies = [text.strip().encode()]
    if path.suffix == ".json":
        bodies.append(form(json.loads(text)))
    for body in bodies:
        status, said, signals = outcome(lambda body=body: receive(signed(body), NOW, SECRET, "slack"))
        assert (status, len(said) > 20) in {(200, False), (200, True), (400, True)}
        assert [s.verb for s in signals] in ([], ["words"])  # none of these apps' buttons and shortcuts are ours


def test_slacks_handshake_is_answered_with_its_challenge():
    body = sample("url_verification.json").encode()
    assert receive(signed(body), NOW, SECRET, "slack") == Receipt(
        status=200, body="3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", content_type="text/plain"
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "neither an event, nor an interaction, nor a command"),
        (b"a=b", "neither an event, nor an interaction, nor a command"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not JSON"),
        (b"payload=", "not JSON"),
        (b"payload=[]", "not a JSON object"),
        (b"{" * 100_000, "not JSON"),
        (form({"type": "block_actions"}), "a block_actions that is not as Slack documents it"),
        (form({"type": "block_actions", "actions": []}), "a block_actions that is not as Slack documents it"),
        (form({"type": "view_submission", "view": {"callback_id": "pointman"}}), "a view_submission that is not"),
        (form({"type": "message_action", "callback_id": "pointman_timeline"}), "a message_action that is not"),
        (form({"type": "shortcut", "callback_id": "pointman_declare"}), "a shortcut that is not"),
        (b"command=%2Fpointman&text=take+OPS-1", "a slash_commands that is not as Slack documents it"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(body, why):
    with pytest.raises(BadRequest, match=why) as refused:
        receive(signed(body), NOW, SECRET, "slack")
    assert refused.value.status == 400


json_like = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.binary(max_size=200))
def test_no_signed_bytes_raise_anything_but_a_bad_request(body):
    assert outcome(lambda: receive(signed(body), NOW, SECRET, "slack"))[0] in {200, 400}


@given(
    st.sampled_from(["block_actions", "view_submission", "message_action", "shortcut"]), json_like, json_like, json_like
)
def test_no_payload_raises_anything_but_a_bad_request(kind, inner, other, user):
    payload = {"type": kind, "actions": [inner, other], "view": inner, "user": user, "container": other}
    payload |= {"callback_id": {"message_action": TIMELINE}.get(kind, DECLARE), "message": inner, "channel": other}
    payload |= {"team": other, "action_ts": user}
    if isinstance(inner, dict):
        payload["view"] = {"callback_id": "pointman", "private_metadata": "{}", "state": other, **inner}
        payload["actions"] = [{"action_id": "take", "value": '{"ref": "1"}', "action_ts": other, **inner}]
    assert outcome(lambda: receive(signed(form(payload)), NOW, SECRET, "slack"))[0] in {200, 400}


def test_a_click_is_a_command_of_the_person_who_clicked(at):
    at.slack.put(
        "#ops", Message("x", (Button("Ack", "acknowledge", "1"), Button("Ack too", "acknowledge", "2"))), None, "k"
    )
    payload = at.box.people.clicked(at.ann, at.ops.messages[0], "Ack too")
    request = at.request(at.box.people.form(payload))
    receipt = at.slack.receive(request, at.state.now())
    (command,) = receipt.signals
    assert (command.ref, command.verb, command.by, command.source) == ("2", "acknowledge", User(at.ann.id), "slack")
    assert command.by.name == "ann"
    assert abs(command.at - NOW) < timedelta(seconds=1)
    assert (receipt.status, receipt.body) == (200, "")
    assert at.slack.receive(request, at.state.now()).signals == (command,)  # delivered again: the same id


def test_two_clicks_on_one_button_are_two_commands(at):
    at.slack.put("#ops", Message("x", (Button("Ack", "acknowledge", "1"),)), None, "k")
    payloads = [at.box.people.clicked(at.ann, at.ops.messages[0], "Ack") for _ in range(2)]
    first, second = (interpret(payload, "interactive", "slack") for payload in payloads)
    assert first.id != second.id


@pytest.mark.parametrize("action", [{"action_id": "link", "value": None}, {"action_id": "take", "value": "click_me"}])
def test_a_button_that_is_not_ours_means_nothing(action):
    payload = {"type": "block_actions", "user": {"id": "U1"}, "actions": [{**action, "action_ts": "1.0"}]}
    assert receive(signed(form(payload)), NOW, SECRET, "slack") == Receipt(status=200)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("", ""),
        ("acknowledge OPS-1", "acknowledge OPS-1"),
        ("assign OPS-1 <@U024BE7LH|maria>", "assign OPS-1 U024BE7LH"),
        ("update OPS-1 failover   done &amp; &lt;checked&gt;", "update OPS-1 failover   done & <checked>"),
        ("status <https://acme.atlassian.net/browse/OPS-1|OPS-1>", "status https://acme.atlassian.net/browse/OPS-1"),
        ("update OPS-1 see <#C024BE7LH|ops> <!here|here>", "update OPS-1 see ops here"),
    ],
)
def test_what_is_typed_after_pointman_is_handed_on_in_words(at, typed, text):
    fields = at.box.people.typed(at.ann, at.ops, typed)
    receipt = at.slack.receive(at.request(urlencode(fields).encode()), at.state.now())
    (command,) = receipt.signals
    ident = f"command.{fields['trigger_id']}"
    assert command == Command("", "words", User(at.ann.id), "slack", {"text": text}, command.reply, NOW, ident)
    assert (receipt.status, receipt.body) == (200, "")


# ---- shortcuts


def chosen(at, message, by=None):
    request = at.request(at.box.people.form(at.box.people.chosen(by or at.ann, message, TIMELINE)))
    (command,) = at.slack.receive(request, at.state.now()).signals
    return command


def test_a_message_is_added_to_a_timeline_with_its_author_and_where_it_stands(at):
    bob = at.state.person("bob")
    message = at.state.say(bob, at.ops, "the &lt;primary&gt; is back, see <https://x.example/1|this>")
    command = chosen(at, message)
    assert (command.ref, command.verb, command.by) == ("", "comment", User(at.ann.id))
    assert command.args == {
        "text": "the <primary> is back, see https://x.example/1",
        "author": bob.id,
        "link": f"https://sandbox.slack.com/archives/{at.ops.id}/p{message.ts.replace('.', '')}",
    }


def test_a_reply_is_linked_within_its_thread(at):
    parent = at.state.say(at.ann, at.ops, "what is up?")
    reply = at.state.say(at.ann, at.ops, "all of it", thread_ts=parent.ts)
    assert chosen(at, reply).args["link"].endswith(f"?thread_ts={parent.ts}&cid={at.ops.id}")


def test_a_thread_under_a_card_tells_its_ticket_and_so_does_the_card_itself(at):
    at.slack.put("#ops", Message("a card", about=Topic("10001")), None, "k")
    card = at.ops.messages[0]
    reply = at.state.say(at.ann, at.ops, "restarting it", thread_ts=card.ts)
    assert at.slack.about(chosen(at, reply)) == "10001"
    assert at.slack.about(chosen(at, card)) == "10001"


def test_a_message_elsewhere_tells_no_ticket(at):
    at.slack.put("#ops", Message("an administrator's notice"), None, "k")
    forged = at.state.say(at.ann, at.ops, "not ours")
    forged.metadata = {"event_type": "pointman", "event_payload": {"keys": "k", "ticket": "10001"}}
    under = at.state.say(at.ann, at.ops, "a reply", thread_ts=forged.ts)
    lone = at.state.say(at.ann, at.ops, "hello")
    assert [at.slack.about(chosen(at, m)) for m in (at.ops.messages[0], forged, under, lone)] == ["", "", "", ""]
    assert at.slack.about(Command("", "comment", User("U1"), "slack", reply="https://x trigger")) == ""


def test_a_command_says_in_which_channel_it_was_typed_and_nothing_there_tells_its_ticket(at):
    room = at.state.channel("#inc-ops-1")
    room.purpose = "Opened by Pointman (k)."
    at.slack.put(room.id, Message("a card", about=Topic("10001")), None, "k")
    typed = interpret(at.box.people.typed(at.ann, room, "status"), "slash_commands", "slack")
    lone = chosen(at, at.state.say(at.ann, room, "hello"))
    assert [at.slack.room(command) for command in (typed, lone)] == [room.id, room.id]
    assert [at.slack.about(command) for command in (typed, lone)] == ["", ""], "whose own it is says the ledger"
    assert at.slack.room(Command("", "comment", User("U1"), "slack", reply="https://x trigger")) == ""


def test_a_card_that_is_edited_and_retired_still_tells_its_ticket(at):
    button = (Button("Take it", "take", "10001"),)
    ref = at.slack.put("#ops", Message("a card", button, about=Topic("10001")), None, "k")
    at.slack.put("#ops", Message("a card, changed", button, about=Topic("10001")), ref, "k")
    at.slack.retire("#ops", ref)
    assert at.slack.about(chosen(at, at.ops.messages[0])) == "10001"


def test_where_the_team_does_not_say_its_name_there_is_no_link(at):
    payload = at.box.people.chosen(at.ann, at.state.say(at.ann, at.ops, ""), TIMELINE)
    for team in (None, {"id": "T1"}, {"domain": "evil.example/x?"}):
        command = interpret({**payload, "team": team}, "interactive", "slack")
        assert (command.args["link"], command.args["text"]) == ("", "(a message without text)")


def test_the_global_shortcut_declares_an_incident_and_others_mean_nothing(at):
    payload = at.box.people.chosen_anywhere(at.ann, DECLARE)
    command = interpret(payload, "interactive", "slack")
    assert (command.ref, command.verb, command.by, command.args) == ("", "declare", User(at.ann.id), {})
    assert interpret({**payload, "callback_id": "another"}, "interactive", "slack") is None
    message = at.box.people.chosen(at.ann, at.state.say(at.ann, at.ops, "x"), "another")
    assert interpret(message, "interactive", "slack") is None


def test_a_form_with_several_questions_brings_back_what_was_known_before(at):
    asked = chosen(at, at.state.say(at.ann, at.ops, "the log is full"))
    questions = (Question("ticket", "Which?"), Question("text", "What?", "text", value=asked.args["text"]))
    at.slack.ask(asked, Form("Add", questions))
    (view,) = at.state.views.values()
    payload = at.box.people.submitted(view, {"ticket": "OPS-7", "text": "the log was full"})
    command = interpret(payload, "interactive", "slack")
    assert (command.ref, command.verb) == ("", "comment")
    assert command.args == {**asked.args, "ticket": "OPS-7", "text": "the log was full"}
