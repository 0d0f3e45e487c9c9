"""Calls that ring: what each receiver is sent, what a repeat comes to there, and how a call is ended."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from connectors.base import Wanted
from connectors.errors import Denied, Missing, Refused, Temporary
from connectors.model import Button, CannotTell, Message, Topic
from connectors.testing.contract import MessengerContract, Told
from connectors.webhook import WebhookSettings
from connectors.webhook.recipes import RECIPES
from connectors.webhook.saying import cut, priority, responders, severity, twiml
from connectors.webhook.signing import key_of, signed
from connectors.webhook.template import filled
from sandbox.http import Answer, Fault
from tests.connectors.gateways import API_KEY, NOW, NUMBER, OURS, OVER, ROUTING, SECRET, gateway, place

DOWN = Message(
    "**OPS-1** Checkout \\<b\\> is down: high. https://jira.example.org/browse/OPS-1",
    (Button("Take it", "take", "10001"),),
    about=Topic("10001", "OPS-1", "Checkout is down"),
    colour=1.0,
)
DROPPING = [name for name, recipe in RECIPES.items() if recipe.drops_doubles]
LINKS = "https://jira.example.org/browse/{key}"


@pytest.fixture
def at():
    with gateway() as made:
        yield made


@pytest.fixture(params=list(RECIPES))
def recipe(request):
    return request.param


class TestWebhook(MessengerContract):
    """Every recipe keeps the contract of messengers."""

    @pytest.fixture
    def told(self, at, recipe):
        return Told(at.hook(recipe), list, lambda: at.later(300), NOW, place(recipe))


def bodies(at, path=""):
    return [json.loads(asked.body) for asked, _ in at.box.server.seen if path in asked.path and asked.body]


# ---- what is sent


def test_pagerduty_is_sent_an_event_whose_dedup_key_is_the_effects(at):
    hook = at.hook("pagerduty", ticket_url=LINKS)
    assert hook.put("oncall", DOWN, None, "abc def") == "abc"
    assert bodies(at) == [
        {
            "routing_key": ROUTING,
            "event_action": "trigger",
            "dedup_key": "abc",
            "client": "Pointman",
            "client_url": "https://jira.example.org/browse/OPS-1",
            "links": [{"href": "https://jira.example.org/browse/OPS-1", "text": "OPS-1"}],
            "payload": {
                "summary": "OPS-1 Checkout <b> is down: high. https://jira.example.org/browse/OPS-1",
                "source": "Pointman",
                "severity": "critical",
                "custom_details": {
                    "text": "OPS-1 Checkout <b> is down: high. https://jira.example.org/browse/OPS-1",
                    "to": "oncall",
                    "ticket": "OPS-1",
                },
            },
        }
    ]


@pytest.mark.parametrize("recipe", ["opsgenie", "jsm"])
def test_opsgenie_and_jsm_are_sent_an_alert_of_at_most_130_letters(at, recipe):
    at.hook(recipe).put("schedule: Night watch", Message("x" * 500, colour=0.5), None, "abc")
    (body,) = bodies(at)
    assert len(body["message"]) == 130
    assert body["description"].strip() == "x" * 500
    assert (body["alias"], body["priority"]) == ("abc", "P3")
    assert body["responders"] == [{"type": "schedule", "name": "Night watch"}]
    assert "details" not in body
    assert at.box.server.seen[0][0].headers["authorization"] == f"GenieKey {API_KEY}"


def test_twilio_reads_the_text_aloud_twice_and_no_web_address(at):
    hook = at.hook("twilio", language="de-DE")
    sid = hook.put(NUMBER, Message("R&D <down> \x07, see https://x.example/y"), None, "abc")
    assert at.state.rings[-1].text.strip() == "R&D <down> , see"
    assert (at.state.spoken[-1].to, at.state.spoken[-1].sender, at.state.spoken[-1].sid) == (NUMBER, OURS, sid)
    assert twiml("a & b", "de-DE") == '<Response><Say language="de-DE" loop="2">a &amp; b</Say></Response>'


def test_twilio_sends_a_short_message_with_the_link(at):
    at.hook("twilio_sms", ticket_url=LINKS).put(NUMBER, DOWN, None, "abc")
    assert at.state.rings[-1].text.endswith("\nhttps://jira.example.org/browse/OPS-1")
    at.hook("twilio_sms").put(NUMBER, Message("é" * 5_000), None, "abc")
    assert len(at.state.rings[-1].text) <= 1_600


def test_a_gateway_of_ones_own_is_sent_json_that_it_can_verify(at):
    at.hook().put("oncall", DOWN, None, "abc")
    (body,) = bodies(at)
    assert body["type"] == "pointman.message"
    assert body["data"] == {
        "id": "abc",
        "to": "oncall",
        "text": "OPS-1 Checkout <b> is down: high. https://jira.example.org/browse/OPS-1",
        "severity": "critical",
        "ticket": "OPS-1",
        "ref": "10001",
    }
    assert at.rings == 1
    with pytest.raises(Denied):
        at.hook(secret="another secret of twenty-four letters").put("oncall", DOWN, None, "abd")


def test_the_signature_is_that_of_the_specifications_libraries():
    # the example of standard-webhooks/libraries/python/tests/test_webhooks.py
    secret, id_ = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    when = datetime.fromtimestamp(1614265330, UTC)
    made = signed(id_, when, b'{"test": 2432232314}', [secret])
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == "1614265330"


def test_while_secrets_are_changed_both_sign_and_either_is_taken(at):
    hook = at.hook(secret="whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3", old_secret=SECRET)
    hook.put("oncall", DOWN, None, "abc")
    assert at.rings == 1
    assert len(at.box.server.seen[0][0].headers["webhook-signature"].split()) == 2
    assert key_of("whsec_not base64!") == b"whsec_not base64!"


def test_each_attempt_carries_its_own_moment_and_the_same_id(at):
    hook = at.hook()
    hook.put("oncall", DOWN, None, "abc")
    at.later(3600)
    hook.put("oncall", DOWN, None, "abc")
    heads = [asked.headers for asked, _ in at.box.server.seen]
    assert [one["webhook-id"] for one in heads] == ["abc", "abc"]
    assert int(heads[1]["webhook-timestamp"]) - int(heads[0]["webhook-timestamp"]) == 3600
    assert at.rings == 1, "the receiver drops what it knows"


def test_a_body_of_ones_own_is_a_table_with_words_and_nothing_said_can_break_out_of_it(at):
    body = {
        "number": "{to}",
        "say": "Wake up: {summary}",
        "times": 3,
        "all": "{ids}",
        "none": "{title}",
        "l": ["{link}"],
    }
    at.hook(body=body, headers={"X-Tenant": "acme"}).put("oncall", Message('a", "number": "1'), None, "one two")
    assert bodies(at) == [{"number": "oncall", "say": 'Wake up: a", "number": "1', "times": 3, "all": ["one", "two"]}]
    assert at.box.server.seen[0][0].headers["x-tenant"] == "acme"
    assert filled({"a": ["{x}", 1, None]}, {"x": ""}) == {"a": [1]}


def test_places_and_people_may_have_urls_and_tokens_of_their_own(at):
    hook = at.hook(urls={"Front desk": f"{at.box.hook}/desk"})
    hook.put("front desk", DOWN, None, "abc")
    hook.put("anybody", DOWN, None, "abd")
    assert [asked.path for asked, _ in at.box.server.seen] == ["/hook/desk", "/hook"]
    other = "s" * 32
    at.state.keys.add(other)
    at.hook("pagerduty", token=None, tokens={"db": other}).put("DB", DOWN, None, "abc")
    assert at.state.events[-1].of == other
    with pytest.raises(Missing, match=r"has no token; did you mean db\?"):
        at.hook("pagerduty", token=None, tokens={"db": other}).put("dbs", DOWN, None, "abc")


@pytest.mark.parametrize(
    ("colour", "said"),
    [(None, ("critical", "P1")), (1.0, ("critical", "P1")), (0.5, ("error", "P3")), (0.0, ("info", "P5"))],
)
def test_a_severity_has_its_word_everywhere_and_what_is_unknown_is_urgent(colour, said):
    assert (severity(colour), priority(colour)) == said


def test_whom_opsgenie_calls_is_told_by_the_address():
    assert responders("ann@example.org") == [{"type": "user", "username": "ann@example.org"}]
    assert responders("user:ann@example.org") == [{"type": "user", "username": "ann@example.org"}]
    assert responders("Platform: Night") == [{"type": "team", "name": "Platform: Night"}]
    assert cut("abcdef", 3) == "ab…"


# ---- a repeat, and the end


@pytest.mark.parametrize("name", DROPPING)
def test_where_doubles_are_dropped_a_repeat_rings_nobody(at, name):
    hook = at.hook(name)
    assert hook.drops_doubles
    assert hook.put(place(name), DOWN, None, "abc") == hook.put(place(name), DOWN, None, "abc")
    assert at.rings == 1
    hook.put(place(name), DOWN, None, "later")
    assert at.rings == 2, "another moment is another call"


@pytest.mark.parametrize("name", ["json", "twilio", "twilio_sms"])
def test_elsewhere_that_is_not_claimed(at, name):
    hook = at.hook(name)
    assert (hook.drops_doubles, hook.editable, hook.searchable) == (False, False, False)
    assert isinstance(hook.find(place(name), "abc", NOW), CannotTell)
    assert at.hook(drops_doubles=True).drops_doubles


@pytest.mark.parametrize(("after", "state"), [("resolve", "resolved"), ("acknowledge", "acknowledged")])
@pytest.mark.parametrize("name", DROPPING)
def test_a_call_that_is_over_is_ended_there_and_twice_is_once(at, name, after, state):
    hook = at.hook(name, after=after)
    ref = hook.put(place(name), DOWN, None, "abc")
    hook.retire(place(name), ref)
    hook.retire(place(name), ref)
    (alert,) = [*at.state.events, *at.state.alerts]
    assert alert.state == state
    assert at.rings == 1


def test_a_phone_that_still_rings_stops_and_one_that_was_picked_up_is_let_be(at):
    hook = at.hook("twilio")
    ringing, talking = (hook.put(NUMBER, DOWN, None, key) for key in ("a", "b"))
    at.state.answered(1, hung_up=True)
    hook.retire(NUMBER, ringing)
    hook.retire(NUMBER, talking)
    assert [one.status for one in at.state.spoken] == ["canceled", "completed"]


def test_a_gateway_hears_of_the_end_only_where_it_asked_for_it(at):
    plain, asking = at.hook(), at.hook(done=OVER)
    plain.retire("oncall", plain.put("oncall", DOWN, None, "a"))
    assert len(at.box.server.seen) == 1
    asking.retire("oncall", asking.put("oncall", DOWN, None, "b"))
    assert at.state.heard["b-over"] == {"type": "pointman.over", "id": "b"}
    assert at.rings == 2, "an end rings nobody"
    silent = at.hook("pagerduty", after="nothing")
    silent.retire("oncall", silent.put("oncall", DOWN, None, "c"))
    assert at.state.events[-1].state == "triggered"


@pytest.mark.parametrize(
    "text", ["half a letter \ud83d", "&" * 900, "nothing \0 to \x0b see\u2028", "\U0001d54f" * 9_000]
)
def test_whatever_a_ticket_is_called_the_phone_rings(at, recipe, text):
    hook = at.hook(recipe)
    ref = hook.put(place(recipe), Message(text, title="OPS-1", about=Topic("10001", "OPS-1", text)), None, "k")
    hook.retire(place(recipe), ref)
    assert at.rings == 1


def test_what_a_receiver_calls_a_call_is_no_path(at):
    at.hook("opsgenie").retire("team:ops", "../k?x=#y")
    asked, _ = at.box.server.seen[-1]
    assert (asked.path[-16:], asked.query) == ("/../k?x=#y/close", {"identifierType": "alias"})


# ---- settings

LINE = {"token": "t", "user": "AC1", "sender": "+4930123456"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "json needs a url"),
        ({"url": "https://x.example/"}, "needs a secret, which signs"),
        ({"url": "http://x.example/", "secret": "s"}, "has to begin with https://"),
        ({"url": "https://[x", "secret": "s"}, "cannot be read"),
        ({"recipe": "pagerduty"}, "needs a token"),
        ({"recipe": "twilio", "token": "t"}, "needs user, the account's SID"),
        ({"recipe": "twilio", "token": "t", "user": "AC1"}, "needs sender, the number"),
        ({"recipe": "pager"}, "Input should be"),
        ({"recipe": "pagerduty", "token": "t", "body": {"a": ["{sumary}"]}}, "no word {sumary}; did you mean summary"),
        ({"recipe": "twilio", **LINE, "public_url": "https://p.org/hooks/phone"}, "public_url ends before /hooks"),
    ],
)
def test_what_is_missing_or_misspelt_is_told_and_no_secret_with_it(table, said):
    with pytest.raises(ValidationError, match=said) as raised:
        WebhookSettings.model_validate(table)
    assert "x.example" not in str(raised.value)


# ---- check --live


def test_a_check_rings_nobody_and_finds_nothing_wrong_where_all_is_right(at, recipe):
    wanted = Wanted(addresses=(place(recipe),), people=(NUMBER,) if "twilio" in recipe else ())
    assert list(at.hook(recipe).check(wanted)) == []
    assert at.rings == 0
    assert len(at.box.server.seen) == 1, "one way is tried once"
    assert not at.state.events
    assert not at.state.alerts


WRONG = {
    "pagerduty": ({"token": "r" * 32}, "Invalid routing key"),
    "opsgenie": ({"token": "other"}, "check the permissions of the account"),
    "jsm": ({"token": "other"}, "check the permissions of the account"),
    "twilio": ({"token": "other"}, "Authenticate"),
    "twilio_sms": ({"user": "AC1"}, "Authenticate"),
    "json": ({"url": "http://127.0.0.1:9/"}, "no connection"),
}


def test_a_check_tells_what_is_wrong_and_no_secret(at, recipe):
    settings, said = WRONG[recipe]
    (problem,) = at.hook(recipe, **settings).check(Wanted(addresses=(place(recipe),)))
    assert said in str(problem)
    assert at.rings == 0


def test_a_check_looks_at_addresses_and_secrets(at):
    found = at.hook("twilio").check(Wanted(people=("0151 123",)))
    assert [problem.hint for problem in found] == ["write it as +4915112345678: plus, country, number"]
    found = at.hook("pagerduty", token=None, tokens={"db": ROUTING}).check(Wanted(addresses=("bd",)))
    assert ["nothing is configured for phone:bd" in str(problem) for problem in found] == [True]
    assert [problem.level for problem in at.hook(secret="short").check(Wanted())] == ["warning", "warning"]
    assert "the webhook_secret is shorter" in str(next(iter(at.hook("jsm", webhook_secret="short").check(Wanted()))))


@pytest.mark.parametrize(
    ("recipe", "setting", "whose"),
    [
        ("twilio", "webhook_secret", "pagerduty and opsgenie and jsm"),
        ("jsm", "api_token", "pagerduty"),
        ("pagerduty", "public_url", "twilio and twilio_sms"),
        ("twilio_sms", "press", "twilio"),
    ],
)
def test_a_check_warns_of_a_way_back_that_is_another_recipes(at, recipe, setting, whose):
    told = [str(one) for one in at.hook(recipe, **{setting: "https://a.long.secret.example/"}).check(Wanted())]
    said = f"warning: connectors.phone: {setting} says nothing to the recipe {recipe}; it is for {whose}"
    assert [one for one in told if "says nothing" in one] == [said]


def test_a_page_that_is_somebody_elses_is_no_success(at):
    for name, answer in (("json", "<html>sign in"), ("twilio", {"status": "queued"}), ("pagerduty", [1])):
        at.box.server.fail(Fault(lambda asked: True, Answer(200, answer), times=3))
        with pytest.raises(Temporary, match="the answer is") as raised:
            at.hook(name).put(place(name), DOWN, None, "k")
        assert raised.value.in_doubt
        at.box.server.heal()


def test_what_was_sent_is_never_edited(at, recipe):
    with pytest.raises(Refused, match="cannot be changed"):
        at.hook(recipe).put(place(recipe), DOWN, "ref", "k")
