"""What Slack sends: believed only when signed just now, read as commands, and never a reason to fall over."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Button, Command, Message, User
from connectors.signatures import hexdigest
from connectors.slack.incoming import interpret, receive
from tests.connectors.contracts import SAMPLES
from tests.connectors.slack_workspace import NOW, workspace

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"


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
    assert receipt.status == 200
    assert "Write `/pointman VERB TICKET`" in json.loads(receipt.body)["text"]


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
        assert signals == ()  # none of these apps' buttons and commands are ours


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


@given(st.sampled_from(["block_actions", "view_submission"]), json_like, json_like, json_like)
def test_no_payload_raises_anything_but_a_bad_request(kind, inner, other, user):
    payload = {"type": kind, "actions": [inner, other], "view": inner, "user": user, "container": other}
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
    first, second = (interpret(payload, "interactive", "slack").command for payload in payloads)
    assert first.id != second.id


@pytest.mark.parametrize("action", [{"action_id": "link", "value": None}, {"action_id": "take", "value": "click_me"}])
def test_a_button_that_is_not_ours_means_nothing(action):
    payload = {"type": "block_actions", "user": {"id": "U1"}, "actions": [{**action, "action_ts": "1.0"}]}
    assert receive(signed(form(payload)), NOW, SECRET, "slack") == Receipt(status=200)


@pytest.mark.parametrize(
    ("typed", "verb", "args"),
    [
        ("acknowledge OPS-1", "acknowledge", {}),
        ("ACK OPS-1", "acknowledge", {}),
        ("  take   OPS-1  ", "take", {}),
        ("assign OPS-1 maria", "assign", {"person": "maria"}),
        ("assign OPS-1 <@U024BE7LH|maria>", "assign", {"person": "U024BE7LH"}),
        ("severity OPS-1 high", "severity", {"level": "high"}),
        ("resolve OPS-1", "resolve", {}),
        ("update OPS-1 failover   done &amp; &lt;checked&gt;", "update", {"text": "failover   done & <checked>"}),
        ("update OPS-1", "update", {}),
        ("status OPS-1", "status", {}),
        ("why OPS-1", "why", {}),
        ("why OPS-1 2026-11-23T10:15Z", "why", {"at": "2026-11-23T10:15Z"}),
        ("unack OPS-1 please", "unacknowledge", {}),
    ],
)
def test_what_is_typed_after_pointman_is_a_command(at, typed, verb, args):
    fields = at.box.people.typed(at.ann, at.ops, typed)
    receipt = at.slack.receive(at.request(urlencode(fields).encode()), at.state.now())
    (command,) = receipt.signals
    assert command == Command(
        "OPS-1", verb, User(at.ann.id), "slack", args, command.reply, NOW, f"command.{fields['trigger_id']}"
    )
    assert (receipt.status, receipt.body) == (200, "")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write `/pointman VERB TICKET`"),
        ("help", "Write `/pointman VERB TICKET`"),
        ("acknowlege OPS-1", "Did you mean acknowledge? Write"),
        ("take", "Which ticket? Write"),
        ("<!channel> OPS-1", "Write `/pointman VERB TICKET`"),
    ],
)
def test_what_is_not_understood_is_answered_at_once_and_alone(at, typed, said):
    fields = at.box.people.typed(at.ann, at.ops, typed)
    receipt = at.slack.receive(at.request(urlencode(fields).encode()), at.state.now())
    answer = json.loads(receipt.body)
    assert receipt.signals == ()
    assert answer["response_type"] == "ephemeral"
    assert answer["text"].startswith(said)
    assert "<!" not in answer["text"]
