"""The Slack workspace in a box behaves as Slack does where it matters: the traps, the lists, and what people do."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode

import pytest

from sandbox.clock import Clock
from sandbox.http import Asked
from sandbox.slack import Delivered, People, SlackState
from tests.connectors.contracts import CONTRACTS, SAMPLES
from tests.connectors.slack_workspace import held

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TEXT = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]}]
BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "1"}
ACTIONS = [*TEXT, {"type": "actions", "elements": [BUTTON]}]


class Caller:
    """Calls the state directly, keeps every exchange."""

    def __init__(self):
        self.state = SlackState(Clock(NOW, speed=0))
        self.seen = []

    def ask(self, method, token=None, **arguments):
        headers = {"content-type": "application/json;charset=utf-8"}
        if token != "":
            headers["authorization"] = f"Bearer {token or self.state.token}"
        asked = Asked("POST", f"/api/{method}", {}, headers, json.dumps(arguments).encode())
        answer = self.state.handle(asked)
        self.seen.append((asked, answer))
        return answer.body

    def form(self, method, **arguments):
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "authorization": f"Bearer {self.state.token}",
        }
        asked = Asked("POST", f"/api/{method}", {}, headers, urlencode(arguments).encode())
        answer = self.state.handle(asked)
        self.seen.append((asked, answer))
        return answer.body

    def later(self, seconds):
        self.state.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def slack():
    made = Caller()
    yield made
    if CONTRACTS.exists():
        held(made.seen)


# ---- traps


def test_every_answer_so_far_is_as_slacks_document_says(slack):
    ops, ann = slack.state.channel("#ops"), slack.state.person("ann", "ann@example.org")
    slack.state.scopes.add("im:read")
    ts = slack.ask("chat.postMessage", channel="#ops", text="x", blocks=ACTIONS)["ts"]
    slack.ask("chat.postMessage", channel=ops.id, text="reply", thread_ts=ts)
    slack.ask("chat.update", channel=ops.id, ts=ts, text="y")
    slack.ask("chat.postEphemeral", channel=ops.id, user=ann.id, text="psst")
    slack.form("conversations.history", channel=ops.id, limit=1)
    slack.form("conversations.replies", channel=ops.id, ts=ts)
    slack.form("conversations.info", channel=ops.id)
    slack.form("conversations.info", channel=slack.state.direct(ann.id).id)
    slack.ask("conversations.open", users=ann.id)
    slack.form("users.lookupByEmail", email=ann.email)
    slack.form("users.info", user=ann.id)
    slack.ask("auth.test")
    assert [answer.body for _, answer in slack.seen if not answer.body["ok"]] == []
    assert held(slack.seen) == len(slack.seen) == 12


def test_text_without_blocks_takes_the_blocks_away(slack):
    ops = slack.state.channel("#ops")
    ts = slack.ask("chat.postMessage", channel="#ops", text="x", blocks=ACTIONS)["ts"]
    slack.ask("chat.update", channel=ops.id, ts=ts, text="y")
    (message,) = slack.state.visible(ops)
    assert (message.text, message.blocks, message.edited != "") == ("y", [], True)


def test_metadata_is_told_only_when_asked_for_and_stays_through_an_edit(slack):
    ops = slack.state.channel("#ops")
    marked = {"event_type": "pointman", "event_payload": {"keys": "k"}}
    ts = slack.ask("chat.postMessage", channel="#ops", text="x", metadata=marked)["ts"]
    slack.ask("chat.update", channel=ops.id, ts=ts, text="y")
    told = [
        slack.form("conversations.history", channel=ops.id, **more)["messages"][0].get("metadata")
        for more in ({}, {"include_all_metadata": "1"})
    ]
    assert told == [None, marked]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "#none", "text": "x"}, "channel_not_found"),
        ({"channel": "#others", "text": "x"}, "not_in_channel"),
        ({"channel": "#secret", "text": "x"}, "channel_not_found"),
        ({"channel": "#old", "text": "x"}, "is_archived"),
        ({"channel": "#ops"}, "no_text"),
        ({"channel": "#ops", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#ops", "text": "x", "blocks": TEXT * 51}, "invalid_blocks"),
        (
            {"channel": "#ops", "text": "x", "blocks": [{"type": "section", "text": {"text": "x" * 3_001}}]},
            "invalid_blocks",
        ),
        (
            {"channel": "#ops", "text": "x", "blocks": [{"type": "header", "text": {"text": "x" * 151}}]},
            "invalid_blocks",
        ),
        ({"channel": "#ops", "text": "x", "blocks": [{"type": "actions", "elements": [BUTTON] * 2}]}, "invalid_blocks"),
        ({"channel": "#ops", "text": "x", "blocks": [{"type": "rich_text", "elements": []}]}, "invalid_blocks"),
        ({"channel": "#ops", "text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"channel": "#ops", "text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"channel": "#ops", "text": "x", "thread_ts": "1.0"}, "thread_not_found"),
    ],
)
def test_a_post_slack_would_refuse_is_refused_with_200_and_changes_nothing(slack, arguments, error):
    slack.state.channel("#ops")
    slack.state.channel("#others", member=False)
    slack.state.channel("#secret", private=True, member=False)
    slack.state.channel("#old").is_archived = True
    slack.seen.clear()
    told = slack.ask("chat.postMessage", **arguments)
    slack.seen.clear()  # some of these requests are wrong on purpose
    assert (told["ok"], told["error"]) == (False, error)
    assert not any(channel.messages for channel in slack.state.channels.values())


def test_blocks_that_are_too_long_together_are_refused(slack):
    slack.state.channel("#ops")
    long = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_900}}] * 5
    assert slack.ask("chat.postMessage", channel="#ops", text="x", blocks=long)["error"] == "msg_blocks_too_long"


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-wrong", "invalid_auth")])
def test_a_wrong_token_is_refused(slack, token, error):
    assert slack.ask("auth.test", token=token)["error"] == error


def test_only_an_app_token_opens_a_socket(slack):
    slack.state.socket_url = "ws://127.0.0.1:1"
    assert slack.ask("apps.connections.open")["error"] == "invalid_auth"
    assert slack.ask("apps.connections.open", token=slack.state.app_token)["url"].startswith("ws://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("scope", "method", "arguments"),
    [
        ("chat:write", "chat.postMessage", {"channel": "#ops", "text": "x"}),
        ("channels:history", "conversations.history", {"channel": "OPS"}),
        ("im:write", "conversations.open", {"users": "ANN"}),
        ("users:read.email", "users.lookupByEmail", {"email": "ann@example.org"}),
        ("users:read", "users.info", {"user": "ANN"}),
        ("channels:read", "conversations.info", {"channel": "OPS"}),
    ],
)
def test_a_missing_scope_is_named(slack, scope, method, arguments):
    ids = {"OPS": slack.state.channel("#ops").id, "ANN": slack.state.person("ann", "ann@example.org").id}
    given = {name: ids.get(value, value) for name, value in arguments.items()}
    assert slack.form(method, **given)["ok"] is True
    slack.state.scopes -= {scope}
    told = slack.form(method, **given)
    assert (told["error"], told["needed"]) == ("missing_scope", scope)


def test_on_demand_a_second_message_within_a_second_is_too_fast(slack):
    slack.state.channel("#ops")
    slack.state.channel("#other")
    slack.state.paced = True
    told = [slack.ask("chat.postMessage", channel=c, text="x")["ok"] for c in ("#ops", "#ops", "#other")]
    status, headers = slack.seen[1][1].status, slack.seen[1][1].headers
    slack.later(1)
    assert told == [True, False, True]
    assert (status, headers["retry-after"]) == (429, "1")
    assert slack.ask("chat.postMessage", channel="#ops", text="x")["ok"] is True


def test_a_refusal_asked_for_happens_as_often_as_asked_and_where_asked(slack):
    ops = slack.state.channel("#ops")
    slack.state.channel("#other")
    slack.state.refuse("chat.postMessage", "restricted_action", times=2, channel="#ops")
    told = [slack.ask("chat.postMessage", channel=c, text="x").get("error") for c in ("#other", "#ops", "#ops", "#ops")]
    assert told == [None, "restricted_action", "restricted_action", None]
    assert len(ops.messages) == 1


def test_a_renamed_channel_is_no_longer_found_by_its_old_name(slack):
    ops = slack.state.channel("#ops")
    slack.state.rename(ops, "#operations")
    assert slack.ask("chat.postMessage", channel="#ops", text="x")["error"] == "channel_not_found"
    assert slack.ask("chat.postMessage", channel="#operations", text="x")["channel"] == ops.id
    (told,) = slack.form("users.conversations")["channels"]
    assert (told["name"], told["previous_names"]) == ("operations", ["ops"])


def test_a_name_is_not_enough_to_read(slack):
    slack.state.channel("#ops")
    assert slack.form("conversations.history", channel="#ops")["error"] == "channel_not_found"


def test_only_our_own_messages_can_be_changed(slack):
    ops, ann = slack.state.channel("#ops"), slack.state.person("ann")
    theirs = slack.state.say(ann, ops, "hello")
    assert slack.ask("chat.update", channel=ops.id, ts=theirs.ts, text="x")["error"] == "cant_update_message"
    assert slack.ask("chat.update", channel=ops.id, ts="1700000000.000000", text="x")["error"] == "message_not_found"


def test_an_unknown_method_and_bad_json_are_refused(slack):
    assert slack.ask("rtm.start")["error"] == "unknown_method"
    asked = Asked("POST", "/api/auth.test", {}, {"content-type": "application/json"}, b"{")
    assert slack.state.handle(asked).body["error"] == "invalid_json"
    slack.seen.clear()  # no such method in the document


# ---- lists


def test_history_is_newest_first_by_page_and_without_replies(slack):
    ops = slack.state.channel("#ops")
    first = slack.ask("chat.postMessage", channel="#ops", text="0")["ts"]
    slack.ask("chat.postMessage", channel="#ops", text="reply", thread_ts=first)
    for number in range(1, 5):
        slack.ask("chat.postMessage", channel="#ops", text=str(number))
    texts, cursor = [], ""
    while True:
        page = slack.form("conversations.history", channel=ops.id, limit=2, **({"cursor": cursor} if cursor else {}))
        texts.append([message["text"] for message in page["messages"]])
        cursor = page.get("response_metadata", {}).get("next_cursor", "")
        assert page["has_more"] == bool(cursor)
        if not cursor:
            break
    assert texts == [["4", "3"], ["2", "1"], ["0"]]
    assert page["messages"][0]["reply_count"] == 1


def test_oldest_and_latest_are_bounds_that_count_only_when_inclusive(slack):
    ops = slack.state.channel("#ops")
    stamps = []
    for number in range(3):
        stamps.append(slack.ask("chat.postMessage", channel="#ops", text=str(number))["ts"])
        slack.later(1)
    given = {"channel": ops.id, "oldest": stamps[0], "latest": stamps[2]}
    told = [
        [m["text"] for m in slack.form("conversations.history", **given, **more)["messages"]]
        for more in ({}, {"inclusive": "true"})
    ]
    assert told == [["1"], ["2", "1", "0"]]


def test_what_was_posted_is_listed_only_after_the_lag_but_seen_at_once(slack):
    ops = slack.state.channel("#ops")
    slack.state.lag = timedelta(seconds=30)
    slack.ask("chat.postMessage", channel="#ops", text="x")
    counts = []
    for _ in range(2):
        counts.append(len(slack.form("conversations.history", channel=ops.id)["messages"]))
        assert len(slack.state.visible(ops)) == 1
        slack.later(31)
    assert counts == [0, 1]


def test_a_late_post_takes_effect_late(slack):
    ops = slack.state.channel("#ops")
    slack.state.late = [timedelta(seconds=20)]
    slack.ask("chat.postMessage", channel="#ops", text="late")
    slack.ask("chat.postMessage", channel="#ops", text="in time")
    assert [m.text for m in slack.state.visible(ops)] == ["in time"]
    slack.later(20)
    assert [m.text for m in slack.state.visible(ops)] == ["in time", "late"]


def test_people_without_an_address_are_not_found_by_one(slack):
    bob = slack.state.person("bob")
    gone = slack.state.person("gone", "gone@example.org")
    gone.deleted = True
    assert slack.form("users.lookupByEmail", email="")["error"] == "users_not_found"
    assert slack.form("users.lookupByEmail", email="gone@example.org")["error"] == "users_not_found"
    assert "email" not in slack.form("users.info", user=bob.id)["user"]["profile"]
    assert slack.ask("conversations.open", users=gone.id)["error"] == "user_disabled"


# ---- people act


def test_a_click_has_the_shape_of_a_real_one_and_its_signature_is_the_documented_one(slack):
    ops, ann = slack.state.channel("#ops"), slack.state.person("ann")
    slack.ask("chat.postMessage", channel="#ops", text="x", blocks=ACTIONS)
    people = People(slack.state)
    payload = people.clicked(ann, ops.messages[0], "Go")
    path = SAMPLES / "slack" / "block_actions--body.json"
    if not path.exists():
        pytest.skip("shared contracts not found: samples/slack")
    real = json.loads(path.read_text(encoding="utf-8"))
    assert set(real) - set(payload) == set()
    assert set(real["actions"][0]) - set(payload["actions"][0]) == set()
    vector = json.loads((SAMPLES / "slack" / "signature-vector.json").read_text(encoding="utf-8"))
    slack.state.signing_secret = vector["signing_secret"]
    moment = datetime.fromtimestamp(int(vector["headers"]["X-Slack-Request-Timestamp"]), UTC)
    slack.state.clock.advance(moment - NOW)
    assert people.signed(vector["body"].encode()).headers["X-Slack-Signature"] == vector["headers"]["X-Slack-Signature"]
    typed = people.typed(ann, ops, "take OPS-1")
    form = parse_qs(
        (SAMPLES / "slack" / "slash_command--slash_command_body.form.txt").read_text(encoding="utf-8").strip()
    )
    assert set(form) - {"enterprise_id", "enterprise_name"} <= set(typed)


def test_a_click_on_a_button_that_is_not_there_is_a_mistake_of_the_scenario(slack):
    slack.state.channel("#ops")
    slack.ask("chat.postMessage", channel="#ops", text="x", blocks=TEXT)
    ops = slack.state.channel("#ops")
    with pytest.raises(LookupError, match="no button Go"):
        People(slack.state).click(slack.state.person("ann"), ops.messages[0], "Go")


def test_what_people_do_is_posted_to_the_app_and_its_words_become_notes(slack):
    with hook(b'{"response_type": "ephemeral", "text": "which ticket?"}') as (url, taken):
        ops, ann = slack.state.channel("#ops"), slack.state.person("ann")
        slack.ask("chat.postMessage", channel="#ops", text="x", blocks=ACTIONS)
        people = People(slack.state, url)
        assert people.click(ann, ops.messages[0], "Go").status == 200
        assert people.command(ann, ops, "take") == Delivered(
            200, '{"response_type": "ephemeral", "text": "which ticket?"}'
        )
    assert [note.text for note in slack.state.notes] == ["which ticket?"]
    assert [sorted(body)[:1] for body in taken] == [["payload"], ["api_app_id"]]


def test_a_response_url_holds_five_times_and_half_an_hour(slack):
    def respond(name):
        asked = Asked("POST", f"/response/{name}", {}, {"content-type": "application/json"}, b'{"text": "x"}')
        return slack.state.handle(asked).status

    name = slack.state.hand_out("C1", "U1", timedelta(minutes=30), 5)
    assert [respond(name) for _ in range(6)] == [200] * 5 + [404]
    name = slack.state.hand_out("C1", "U1", timedelta(minutes=30), 5)
    slack.later(31 * 60)
    assert respond(name) == 404


class hook:  # noqa: N801  (a context manager)
    """A listener that takes forms and answers 200 with these bytes."""

    def __init__(self, answer):
        taken = self.taken = []

        class Face(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                taken.append(parse_qs(body.decode()))
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                """Keep quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Face)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}", self.taken

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
