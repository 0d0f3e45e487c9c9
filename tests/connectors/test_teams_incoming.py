"""What Teams sends: believed only under the Bot Framework's signature, and read as commands."""

import base64
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from connectors.base import BadRequest, Request
from connectors.model import Button, Command, Form, Message, Question, User
from connectors.teams.incoming import interpret
from connectors.teams.trust import AGAIN, KEPT
from sandbox.http import Answer, Fault
from sandbox.teams.entra import BOT_METADATA, ISSUER, key
from sandbox.teams.people import SKEW
from tests.connectors.contracts import SAMPLES
from tests.connectors.teams_tenant import ADAPTIVE, NOW, check_card, tenant

DOWN = Message("**OPS-1** is down", (Button("Take it", "take", "10001"), Button("Update", "update", "10001")))
PLACE = "Operations/Incidents"
SAID = "application/vnd.microsoft.activity.message"
FORM = Form(
    "Post an update",
    (
        Question("text", "What should everybody know?", "text", value="so far"),
        Question("level", "How bad?", "choice", ("low", "high"), "high"),
        Question("person", "Who?", "person", required=False),
    ),
)


@pytest.fixture
def at():
    with tenant() as made:
        made.ref = made.teams.put(PLACE, DOWN, None, "k")
        yield made


def body(receipt):
    told = json.loads(receipt.later() if receipt.later else receipt.body)
    if told["type"] == ADAPTIVE:
        check_card(told["value"])
    return told


def texts(card):
    return json.dumps(card, ensure_ascii=False)


# ---- clicks


def test_a_click_is_a_command_on_the_buttons_ticket(at):
    receipt = at.receive(at.pressed("Take it"))
    root = at.ops.messages[0].id
    (command,) = receipt.signals
    assert command == Command(
        "10001",
        "take",
        User(at.ann.aad_id, "Ann Example"),
        "msteams",
        {},
        f"{at.ops.id};messageid={root}",
        NOW,
        command.id,
    )
    assert command.id.startswith("f:")


def test_what_came_of_a_click_is_told_in_the_answer_to_it_and_to_nobody_else(at):
    receipt = at.receive(at.pressed("Take it"))
    at.teams.answer(receipt.signals[0], "OPS-1 is yours.")
    assert body(receipt) == {"statusCode": 200, "type": SAID, "value": "OPS-1 is yours."}
    assert len(at.ops.messages) == 1
    assert at.state.personal(at.ann.id).messages == []


def test_a_click_that_takes_longer_is_answered_in_time_and_told_in_the_persons_chat(at, monkeypatch):
    monkeypatch.setattr("connectors.teams.waiting.LATE", 0.01)
    receipt = at.receive(at.pressed("Take it"))
    assert body(receipt)["value"] == "Pointman is on it."
    at.teams.answer(receipt.signals[0], "OPS-1 is yours.")
    (message,) = at.state.personal(at.ann.id).messages
    assert "OPS-1 is yours." in texts(message.card)


def test_a_click_that_is_delivered_twice_is_one_act_with_one_answer(at):
    pressed = at.pressed("Take it")
    first, second = at.receive(pressed), at.receive(pressed)
    assert first.signals[0].id == second.signals[0].id, "so the second is known for what it is"
    at.teams.answer(first.signals[0], "Done.")
    assert body(first) == body(second)


def test_two_clicks_are_two_acts(at):
    first, second = (at.receive(at.pressed("Take it")).signals[0] for _ in range(2))
    assert first.id != second.id


def test_a_button_that_is_not_ours_is_told_so_and_means_nothing(at):
    pressed = at.pressed("Take it")
    for data in ({}, {"incident": "INC-1"}, {"verb": 7, "ref": []}, {"verb": "take"}):
        pressed["value"]["action"]["data"] = data
        receipt = at.receive(pressed)
        assert receipt.signals == ()
        assert (body(receipt)["statusCode"], receipt.status) == (400, 200), "a bare 200 shows that something went wrong"


def test_clicks_that_nobody_answers_do_not_pile_up(at):
    for number in range(1_100):
        at.teams._waiting.open(str(number), lambda text: {"value": text})
    assert len(at.teams._waiting._slots) == 1_000


# ---- forms


def test_a_form_takes_the_place_of_the_card_for_the_person_who_clicked(at):
    receipt = at.receive(at.pressed("Update"))
    at.teams.ask(receipt.signals[0], FORM)
    told = body(receipt)
    assert (told["statusCode"], told["type"]) == (200, ADAPTIVE)
    text, level, person = (e for e in told["value"]["body"] if e["type"].startswith("Input."))
    assert (text["id"], text["isMultiline"], text["isRequired"], text["value"]) == ("arg.text", True, True, "so far")
    assert [c["value"] for c in level["choices"]] == ["low", "high"]
    assert person["choices.data"] == {"type": "Data.Query", "dataset": "graph.microsoft.com/users"}
    assert at.buttons() == ["Take it", "Update"], "others see the card"


def shown_form(at, command=None):
    """Ann clicked, and sees the form in the card's place."""
    receipt = at.receive(at.pressed("Update"))
    at.teams.ask(receipt.signals[0], FORM)
    at.ops.messages[0].views[at.ann.id] = body(receipt)["value"]


def test_a_filled_form_comes_back_as_the_same_command_with_arguments(at):
    shown_form(at)
    pressed = at.pressed("Send", **{"arg.text": " We are on it. ", "arg.level": "high", "arg.person": ""})
    receipt = at.receive(pressed)
    (command,) = receipt.signals
    assert (command.verb, command.ref) == ("update", "10001")
    assert command.args == {"text": "We are on it.", "level": "high"}
    at.teams.answer(command, "Your update is posted.")
    card = body(receipt)["value"]
    assert "OPS-1" in texts(card), "the card is back"
    assert "Your update is posted." in texts(card), "with the answer below"
    assert [action["title"] for action in card["actions"]] == ["Take it", "Update"]


def test_what_is_entered_cannot_take_the_place_of_what_we_wrote(at):
    shown_form(at)
    (command,) = at.receive(at.pressed("Send", **{"arg.verb": "resolve", "arg.ref": "666"})).signals
    assert (command.verb, command.ref, command.args) == ("update", "10001", {"verb": "resolve", "ref": "666"})


def test_a_form_that_is_given_up_gives_the_card_back(at):
    shown_form(at)
    receipt = at.receive(at.pressed("Cancel"))
    assert receipt.signals == ()
    card = body(receipt)["value"]
    assert "OPS-1" in texts(card)
    assert "Nothing was changed." in texts(card)


def test_a_form_outlives_a_restart(at):
    shown_form(at)
    pressed = at.pressed("Send", **{"arg.text": "x"})
    later = at.again()
    receipt = later.receive(at.request(pressed), NOW)
    later.answer(receipt.signals[0], "Posted.")
    card = body(receipt)["value"]
    assert "Posted." in texts(card), "the card that was there is not known, so the answer stands alone"


def test_who_typed_is_asked_in_their_chat_and_the_form_there_becomes_the_answer(at):
    asked = Command("10001", "update", User(at.ann.aad_id), "msteams", {}, f"{at.ops.id};messageid=1", NOW, "m1")
    at.teams.ask(asked, FORM)
    chat = at.state.personal(at.ann.id)
    (message,) = chat.messages
    check_card(message.card)
    action = message.card["actions"][0]
    receipt = at.receive(at.box.people.pressed(at.ann, chat, message, action, {"arg.text": "x"}))
    at.teams.answer(receipt.signals[0], "Posted.")
    card = body(receipt)["value"]
    assert "Posted." in texts(card)
    assert "Input." not in texts(card)


# ---- what is typed


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("status OPS-42", "status OPS-42"),
        ("  update OPS-1  a < b & c  ", "update OPS-1  a < b & c"),
        ("", "help"),
    ],
)
def test_what_is_typed_comes_as_it_is_without_the_bots_name(at, typed, text):
    for where in (at.ops, at.state.personal(at.ann.id)):
        message = at.state.say(at.ann, where, typed)
        receipt = at.receive(at.box.people.written(at.ann, where, message, typed))
        (command,) = receipt.signals
        assert (command.verb, command.args, command.id) == ("words", {"text": text}, message.id)
        assert (receipt.status, receipt.later) == (200, None)


def test_a_person_who_is_mentioned_becomes_their_id(at):
    bob = at.state.person("bob", "bob@example.org", "Bob B")
    message = at.state.say(at.ann, at.ops, "x")
    told = at.box.people.written(at.ann, at.ops, message, "x")
    told["text"] = "<at>Pointman</at>&nbsp;assign OPS-1 <at>Bob B</at>\n"
    told["entities"].append({"type": "mention", "text": "<at>Bob B</at>", "mentioned": {"id": bob.id, "name": "Bob B"}})
    (command,) = at.receive(told).signals
    assert command.args["text"].split() == ["assign", "OPS-1", bob.id]
    assert at.teams.who(User(bob.id)) == User(bob.aad_id)


def test_what_is_typed_in_a_thread_knows_its_thread(at):
    root = at.ops.messages[0].id
    message = at.state.say(at.ann, at.ops, "status", root)
    (command,) = at.receive(at.box.people.written(at.ann, at.ops, message, "status")).signals
    assert at.teams.about(command) == "10001"


# ---- Microsoft's own samples


def sample(name):
    path = SAMPLES / "teams" / name
    if not path.exists():
        pytest.skip(f"shared contracts not found: {path.name}")
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_sample_of_a_mention_is_read():
    command = interpret(sample("message-mention.json"), "msteams").command
    assert command.args == {"text": "help"}
    assert command.by.id == "a6de2a64-9501-4e16-9e50-74df223570a3"
    assert f"{command.at:%Y-%m-%d %H:%M:%S}" == "2020-07-13 19:54:30", "seven digits of a second"


def test_the_sample_of_a_team_that_installed_the_app_is_read():
    reading = interpret(sample("conversationUpdate-team-member-added.json"), "msteams")
    assert reading.team == ("testsentry", "19:8d46058cda57449380517cc374727f2a@thread.tacv2")
    assert reading.command is None


def test_the_samples_of_other_apps_buttons_mean_nothing():
    for name in ("invoke-card-action.json", "CONSTRUCTED-invoke-adaptiveCard-action.json"):
        reading = interpret(sample(name), "msteams")
        assert (reading.invoke, reading.command) == (True, None)


def test_the_sample_of_a_click_with_our_data_is_a_command():
    told = sample("CONSTRUCTED-invoke-adaptiveCard-action.json")
    told["value"]["action"]["data"] = {"verb": "acknowledge", "ref": "10001"}
    reading = interpret(told, "msteams")
    assert (reading.command.verb, reading.command.id) == ("acknowledge", told["id"])
    assert reading.message == "19:8d46058cda57449380517cc374727f2a@thread.tacv2/1598889368164"


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
    from threading import Event

    stop = Event()
    stop.set()
    at.teams.listen(lambda signal: None, stop)
    assert asked_for_keys(at) == 1
