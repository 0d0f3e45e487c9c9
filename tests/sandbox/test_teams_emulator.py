"""The Teams tenant in a box behaves as Teams does where it matters: the refusals, the limits, and what people do."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import jwt
import pytest
import requests

from sandbox.clock import Clock
from sandbox.http import Answer, Asked, Server
from sandbox.teams import Refusal, TeamsSandbox, TeamsState
from sandbox.teams.cards import wrong
from sandbox.teams.entra import BOTS, GRAPH, ISSUER
from sandbox.teams.people import WRONG
from sandbox.teams.state import BOT, SECRET
from tests.connectors.contracts import CONTRACTS, SAMPLES, vendor

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ADAPTIVE = "application/vnd.microsoft.card.adaptive"
TEXT = {"type": "TextBlock", "text": "Checkout is down"}
ACK = {"type": "Action.Execute", "title": "Acknowledge", "verb": "acknowledge", "data": {"ticket": "10001"}}
NEWER = ("/members/29:", "/v3/teams/")
"""What Teams has beyond Microsoft's document of the Connector."""


def card(*body, version="1.5", **more):
    return {"type": "AdaptiveCard", "version": version, "body": list(body) or [TEXT], **more}


def message(content=None, **more):
    return {"type": "message", "attachments": [{"contentType": ADAPTIVE, "content": content or card()}], **more}


def held(seen):
    """Hold what the Bot Framework was asked and answered against Microsoft's document; how many were held."""
    contract = vendor("microsoft/botframework-connector.json")
    known = [(a, b) for a, b in seen if "/v3/" in a.path and not any(part in a.path for part in NEWER)]
    for asked, answer in known:
        bare = Asked(asked.method, asked.path.removeprefix("/emea"), asked.query, asked.headers, asked.body)
        if answer.status < 300:
            contract.check(bare, answer if answer.body is not None else None)
    return len(known)


class Caller:
    """Calls the state directly as a bot that has signed in, keeps every exchange."""

    def __init__(self):
        self.state = TeamsState(Clock(NOW, speed=0))
        self.ann = self.state.person("ann", "ann@example.org", "Ann Archer")
        self.room = self.state.channel("#incidents")
        self.seen = []
        self._tokens = {}

    def sign_in(self, service=BOTS, **other):
        form = {"grant_type": "client_credentials", "client_id": self.state.app.id, "client_secret": SECRET}
        body = urlencode({**form, "scope": f"{service}/.default", **other}).encode()
        tenant = other.get("tenant", self.state.entra.tenant)
        return self.state.handle(Asked("POST", f"/{tenant}/oauth2/v2.0/token", {}, {}, body))

    def token(self, service=BOTS):
        if service not in self._tokens:
            self._tokens[service] = self.sign_in(service).body["access_token"]
        return self._tokens[service]

    def ask(self, method, path, body=None, token=None, query=None):
        headers = {"authorization": f"Bearer {token or self.token()}", "content-type": "application/json"}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        asked = Asked(method, f"/emea/v3{path}", query or {}, headers, raw)
        answer = self.state.handle(asked)
        self.seen.append((asked, answer))
        return answer

    def graph(self, method, path, body=None):
        raw = json.dumps(body).encode() if body is not None else b""
        headers = {"authorization": f"Bearer {self.token(GRAPH)}"}
        path, _, query = path.partition("?$filter=")
        told = {"$filter": query} if query else {}
        return self.state.handle(Asked(method, f"/graph/v1.0{path}", told, headers, raw))

    def post(self, content=None, **more):
        return self.ask("POST", f"/conversations/{self.room.id}/activities", message(content, **more))

    def hook(self, flow, body, sig=None, method="POST"):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.state.handle(Asked(method, f"/workflows/{flow.id}", {"sig": sig or flow.sig}, {}, raw))

    def code(self, answer):
        return answer.status, answer.body["error"]["code"]


@pytest.fixture
def teams():
    made = Caller()
    yield made
    if CONTRACTS.exists():
        held(made.seen)


class App:
    """A bot that answers every activity with `answer` and keeps what it heard."""

    def __init__(self):
        self.heard = []
        self.answer = Answer(200)

    def handle(self, asked):
        self.heard.append((asked.headers, asked.json()))
        return self.answer

    def invoked(self, kind, value, status=200):
        self.answer = Answer(200, {"statusCode": status, "type": kind, "value": value})


class Stage:
    """A tenant on loopback with an app beside it, a channel, and a card of the app's in it."""

    def __init__(self, box, app):
        self.box, self.app, self.state, self.people = box, app, box.state, box.people
        self.ann = self.state.person("ann", "ann@example.org", "Ann Archer")
        self.room = self.state.channel("#incidents")

    def post(self, content, where=None):
        told = {"grant_type": "client_credentials", "client_id": self.state.app.id, "client_secret": SECRET}
        at = f"{self.box.authority}/oauth2/v2.0/token"
        token = requests.post(at, data={**told, "scope": f"{BOTS}/.default"}, timeout=5).json()["access_token"]
        place = (where or self.room).id
        requests.post(
            f"{self.box.service_url}v3/conversations/{place}/activities",
            json=message(content),
            headers={"authorization": f"Bearer {token}"},
            timeout=5,
        ).raise_for_status()
        return (where or self.room).messages[-1]

    def notes(self):
        return [(note.person, note.text, note.failed) for note in self.state.notes]


@pytest.fixture
def stage():
    app = App()
    with TeamsSandbox(Clock(NOW, speed=0)) as box, Server(app.handle) as server:
        box.people.hook = f"{server.url}/hooks/msteams"
        yield Stage(box, app)


# ---- signing in


def test_credentials_give_a_token_for_one_service(teams):
    told = teams.sign_in().body
    assert told["token_type"] == "Bearer"
    assert told["expires_in"] == 3599
    assert teams.post().status == 201
    assert teams.ask("GET", f"/conversations/{teams.room.id}/members", token=teams.token(GRAPH)).status == 401


@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 400, "unauthorized_client"),
        ({"scope": "https://elsewhere.example/.default"}, 400, "invalid_scope"),
        ({"tenant": "wrong"}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_entra_says_what_is_wrong_with_credentials(teams, given, status, error):
    answer = teams.sign_in(**given)
    assert (answer.status, answer.body["error"]) == (status, error)


def test_a_token_that_was_revoked_holds_no_longer(teams):
    assert teams.post().status == 201
    teams.state.entra.revoke()
    assert teams.code(teams.post()) == (401, "Unauthorized")


def test_the_keys_verify_what_people_send(stage):
    metadata = requests.get(stage.box.metadata, timeout=5).json()
    keys = requests.get(metadata["jwks_uri"], timeout=5).json()
    (public,) = jwt.PyJWKSet.from_dict(keys).keys
    options = {"verify_exp": False, "verify_nbf": False}
    claims = jwt.decode(
        stage.people.token(), public, ["RS256"], audience=stage.state.app.id, issuer=metadata["issuer"], options=options
    )
    assert metadata["issuer"] == ISSUER
    assert claims["serviceurl"] == stage.box.service_url
    assert claims["exp"] == int((NOW + timedelta(hours=1)).timestamp())
    assert keys["keys"][0]["endorsements"] == ["msteams"]


# ---- the Bot Framework


def test_a_message_a_reply_an_edit_and_a_deletion(teams):
    first = teams.post().body["id"]
    under = teams.ask("POST", f"/conversations/{teams.room.id};messageid={first}/activities", message()).body["id"]
    again = teams.ask("POST", f"/conversations/{teams.room.id}/activities/{under}", message()).body["id"]
    assert [m.id for m in teams.room.top()] == [first]
    assert [m.id for m in teams.room.replies(first)] == [under, again]
    other = card({"type": "TextBlock", "text": "Over"})
    assert teams.ask("PUT", f"/conversations/{teams.room.id}/activities/{first}", message(other)).body == {"id": first}
    assert teams.room.message(first).card == other
    assert teams.room.message(first).edited
    assert teams.ask("DELETE", f"/conversations/{teams.room.id}/activities/{again}").status == 200
    gone = teams.ask("PUT", f"/conversations/{teams.room.id}/activities/{again}", message())
    assert teams.code(gone) == (404, "ActivityNotFoundInConversation")


def test_a_thread_and_a_chat_are_created(teams):
    thread = teams.ask(
        "POST",
        "/conversations",
        {"isGroup": True, "channelData": {"channel": {"id": teams.room.id}}, "activity": message()},
    ).body
    assert thread["id"] == f"{teams.room.id};messageid={thread['activityId']}"
    for who in (teams.ann.id, teams.ann.aad_id):
        asked = {"members": [{"id": who}], "tenantId": teams.state.entra.tenant, "isGroup": False}
        chat = teams.ask("POST", "/conversations", asked)
        assert (chat.status, chat.body["id"]) == (201, teams.state.personal(teams.ann.id).id)
    assert teams.ask("POST", f"/conversations/{chat.body['id']}/activities", message()).status == 201
    stranger = teams.ask("POST", "/conversations", {"members": [{"id": "29:x"}], "tenantId": teams.state.entra.tenant})
    assert teams.code(stranger) == (403, "ForbiddenOperationException")
    assert teams.code(teams.ask("POST", "/conversations", {"members": [{"id": teams.ann.id}]})) == (400, "BadSyntax")


def test_members_are_told_whole_by_pages_and_one_by_one(teams):
    for name in ("bob", "tom"):
        teams.state.person(name, f"{name}@example.org")
    listed = teams.ask("GET", f"/conversations/{teams.room.id}/members").body
    assert [one["email"] for one in listed] == ["ann@example.org", "bob@example.org", "tom@example.org"]
    page = teams.ask("GET", f"/conversations/{teams.room.id}/pagedmembers", query={"pageSize": "2"}).body
    rest = {"pageSize": "2", "continuationToken": page["continuationToken"]}
    last = teams.ask("GET", f"/conversations/{teams.room.id}/pagedmembers", query=rest).body
    assert [one["id"] for one in (*page["members"], *last["members"])] == [one["id"] for one in listed]
    assert "continuationToken" not in last
    one = teams.ask("GET", f"/conversations/{teams.room.id}/members/{teams.ann.id}").body
    assert (one["aadObjectId"], one["userPrincipalName"]) == (teams.ann.aad_id, "ann@example.org")
    gone = teams.ask("GET", f"/conversations/{teams.room.id}/members/29:nobody")
    assert teams.code(gone) == (404, "MemberNotFoundInConversation")


def test_a_team_tells_its_name_and_its_channels(teams):
    told = teams.ask("GET", f"/teams/{teams.room.team}").body
    assert told["name"] == "Operations"
    listed = teams.ask("GET", f"/teams/{teams.room.team}/conversations").body["conversations"]
    assert listed == [{"id": teams.room.team}, {"id": teams.room.id, "name": "incidents"}]


def blocked(teams):
    teams.room = teams.state.personal(teams.ann.id)
    teams.state.blocked.add(teams.ann.id)


def removed(teams):
    teams.state.teams[teams.room.team].installed = False


def deleted(teams):
    teams.room.deleted = True


def archived(teams):
    teams.room.archived = True


def throttled(teams):
    teams.state.refuse("POST", "/activities", Refusal(429, "Throttled", "Too many requests.", retry_after="7"))


@pytest.mark.parametrize(
    ("happens", "status", "code"),
    [
        (removed, 403, "BotNotInConversationRoster"),
        (blocked, 403, "ConversationBlockedByUser"),
        (deleted, 404, "ConversationNotFound"),
        (archived, 403, "ForbiddenOperationException"),
        (throttled, 429, "Throttled"),
    ],
)
def test_what_teams_refuses_changes_nothing(teams, happens, status, code):
    happens(teams)
    assert teams.code(teams.post()) == (status, code)
    assert teams.room.messages == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", (400, "BadSyntax")),
        ({"type": "message"}, (400, "BadSyntax")),
        ({"type": "strange", "text": "x"}, (400, "BadArgument")),
        ({"type": "message", "text": "x" * 29_000}, (413, "MessageSizeTooBig")),
        ({"type": "message", "attachments": [{"contentType": "x"}]}, (400, "BadArgument")),
        (message(card(version="1.6")), (400, "BadArgument")),
    ],
)
def test_a_message_that_teams_does_not_take(teams, body, code):
    assert teams.code(teams.ask("POST", f"/conversations/{teams.room.id}/activities", body)) == code
    assert teams.room.messages == []


def test_only_its_own_messages_a_bot_can_change(teams):
    said = teams.state.say(teams.ann, teams.room, "hello")
    answer = teams.ask("PUT", f"/conversations/{teams.room.id}/activities/{said.id}", message())
    assert teams.code(answer) == (403, "NotEnoughPermissions")


@pytest.mark.parametrize("after", ["2", ""])
def test_an_eighth_message_within_a_second_is_too_fast(teams, after):
    teams.state.paced, teams.state.retry_after = True, after
    answers = [teams.post() for _ in range(8)]
    assert [answer.status for answer in answers] == [201] * 7 + [429]
    assert answers[-1].headers == ({"retry-after": after} if after else {})
    teams.state.clock.advance(timedelta(seconds=2))
    assert teams.post().status == 201


def test_every_answer_tells_the_sandbox_s_moment(stage):
    assert requests.get(stage.box.metadata, timeout=5).headers["date"] == "Mon, 23 Nov 2026 10:00:00 GMT"


# ---- cards


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"type": "AdaptiveCard", "body": []}, "no version"),
        (card(version="1.6"), "newer than 1.5"),
        (card({"type": "CodeBlock", "codeSnippet": "x"}), "unknown element CodeBlock"),
        (card({"type": "TextBlock"}), "TextBlock has no text"),
        (card({"type": "Container", "items": [{"type": "Badge"}]}), "unknown element Badge"),
        (card({"type": "ColumnSet", "columns": [{"type": "Column", "items": [{"type": "X"}]}]}), "unknown element X"),
        (card({"type": "FactSet", "facts": [{"title": "Severity", "value": 1}]}), "value are text"),
        (card({"type": "Input.Text"}), "Input.Text has no id"),
        (card({"type": "Input.Text", "id": "a"}, {"type": "Input.Text", "id": "a"}), "id a is there twice"),
        (card(actions=[{"type": "Action.Http"}]), "unknown action Action.Http"),
        (card(actions=[{**ACK, "style": "danger"}]), "unknown style danger"),
        (card(actions=[{"type": "Action.OpenUrl", "url": "javascript:x"}]), "begins with https"),
        (card(actions=[{"type": "Action.ShowCard", "card": card({"type": "X"})}]), "unknown element X"),
        (card(refresh={"action": ACK, "userIds": ["x"] * 61}), "more than 60 people"),
    ],
)
def test_a_card_that_teams_would_not_show_whole_is_told(content, said):
    assert any(said in problem for problem in wrong(content)), list(wrong(content))


def test_what_is_well_here_is_well_by_the_schema_of_adaptive_cards():
    jsonschema = pytest.importorskip("jsonschema")
    path = CONTRACTS / "microsoft" / "adaptive-card-1.5.0.schema.json"
    if not path.exists():
        pytest.skip("shared contracts not found: the schema of Adaptive Cards")
    choice = {"type": "Input.ChoiceSet", "id": "c", "choices": [{"title": "A", "value": "a"}]}
    columns = {"type": "ColumnSet", "columns": [{"type": "Column", "items": [TEXT]}]}
    facts = {"type": "FactSet", "facts": [{"title": "Severity", "value": "high"}]}
    whole = card(TEXT, choice, columns, facts, {"type": "Container", "items": [TEXT]}, actions=[ACK])
    assert list(wrong(whole)) == []
    jsonschema.Draft6Validator(json.loads(path.read_text(encoding="utf-8"))).validate(whole)


# ---- what people do


def test_a_click_is_a_signed_invoke_whose_answer_replaces_the_card_for_who_clicked(stage):
    shown = stage.post(card(actions=[ACK]))
    after = card({"type": "TextBlock", "text": "Ann has it"})
    stage.app.invoked(ADAPTIVE, after)
    assert not stage.people.click(stage.ann, shown, "Acknowledge").failed
    headers, told = stage.app.heard[-1]
    assert headers["authorization"].startswith("Bearer ey")
    assert (told["name"], told["from"]["aadObjectId"]) == ("adaptiveCard/action", stage.ann.aad_id)
    assert told["value"]["action"]["data"] == {"ticket": "10001"}
    assert told["conversation"]["id"] == f"{stage.room.id};messageid={shown.id}"
    assert shown.seen_by(stage.ann.id) == after
    assert shown.card == card(actions=[ACK])
    assert stage.notes() == []


def test_an_edit_of_the_message_is_what_everybody_sees_again(stage):
    shown = stage.post(card(actions=[ACK]))
    stage.app.invoked(ADAPTIVE, card())
    stage.people.click(stage.ann, shown, "Acknowledge")
    caller = Caller()
    caller.state, caller.room = stage.state, stage.room
    caller.ask("PUT", f"/conversations/{stage.room.id}/activities/{shown.id}", message(card(TEXT, TEXT)))
    assert shown.seen_by(stage.ann.id) == card(TEXT, TEXT)


def test_what_the_sample_of_an_invoke_has_ours_has_too(stage):
    path = SAMPLES / "teams" / "CONSTRUCTED-invoke-adaptiveCard-action.json"
    if not path.exists():
        pytest.skip("shared samples not found: teams")
    sample = json.loads(path.read_text(encoding="utf-8"))
    shown = stage.post(card(actions=[{**ACK, "id": "ack"}]))
    stage.people.click(stage.ann, shown, "Acknowledge")
    told = stage.app.heard[-1][1]
    assert sample.keys() <= told.keys()
    for part in ("from", "recipient", "conversation", "channelData", "value"):
        assert sample[part].keys() <= told[part].keys()
    assert sample["value"]["action"].keys() == told["value"]["action"].keys()


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (Answer(200), WRONG),
        (Answer(202, {"statusCode": 200, "type": ADAPTIVE, "value": card()}), WRONG),
        (Answer(401, {"error": "no"}), WRONG),
        (Answer(200, "<html>"), WRONG),
        (Answer(200, {"statusCode": 200, "type": ADAPTIVE, "value": card(version="1.6")}), WRONG),
        (Answer(200, {"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": ""}), WRONG),
        (
            Answer(200, {"statusCode": 400, "type": "application/vnd.microsoft.error", "value": {"message": "No."}}),
            "No.",
        ),
    ],
)
def test_whoever_clicked_sees_that_it_did_not_work(stage, answer, seen):
    shown = stage.post(card(actions=[ACK]))
    stage.app.answer = answer
    assert stage.people.click(stage.ann, shown, "Acknowledge").failed
    assert stage.notes() == [(stage.ann.id, seen, True)]
    assert shown.views == {}


def test_a_bot_that_does_not_answer_is_something_that_went_wrong(stage):
    shown = stage.post(card(actions=[ACK]))
    stage.people.hook = "http://127.0.0.1:9/"
    assert stage.people.click(stage.ann, shown, "Acknowledge").status == 0
    assert stage.notes() == [(stage.ann.id, WRONG, True)]


def test_a_sentence_is_seen_by_who_clicked_alone(stage):
    shown = stage.post(card(actions=[ACK]))
    stage.app.invoked("application/vnd.microsoft.activity.message", "You are not on call.")
    stage.people.click(stage.ann, shown, "Acknowledge")
    assert stage.notes() == [(stage.ann.id, "You are not on call.", False)]


def test_people_fill_in_what_the_card_asks(stage):
    fields = [
        {"type": "Input.Text", "id": "text", "label": "Update", "isRequired": True, "maxLength": 10},
        {"type": "Input.ChoiceSet", "id": "level", "value": "high", "choices": [{"title": "High", "value": "high"}]},
    ]
    send = {**ACK, "title": "Post"}
    shown = stage.post(
        card(actions=[{"type": "Action.ShowCard", "title": "Update", "card": card(*fields, actions=[send])}])
    )
    stage.app.invoked(ADAPTIVE, card())
    for given, said in (({}, "Update is required"), ({"text": "x" * 11}, "is not well"), ({"no": "x"}, "no field no")):
        with pytest.raises(ValueError, match=said):
            stage.people.click(stage.ann, shown, "Post", given)
    assert stage.app.heard == []
    stage.people.click(stage.ann, shown, "Post", {"text": "half back"})
    sent = stage.app.heard[-1][1]["value"]["action"]["data"]
    assert sent == {"ticket": "10001", "text": "half back", "level": "high"}


def test_a_button_that_is_not_there_cannot_be_clicked(stage):
    with pytest.raises(LookupError, match="no button Resolve"):
        stage.people.click(stage.ann, stage.post(card(actions=[ACK])), "Resolve")


def test_a_card_refreshes_itself_for_the_people_it_names(stage):
    shown = stage.post(card(refresh={"action": ACK, "userIds": [stage.ann.id]}))
    stage.app.invoked(ADAPTIVE, card(TEXT, TEXT))
    assert stage.people.refresh(stage.state.person("bob"), shown) is None
    stage.people.refresh(stage.ann, shown)
    assert stage.app.heard[-1][1]["value"]["trigger"] == "automatic"
    assert list(shown.views) == [stage.ann.id]


def test_a_dialog_opens_is_filled_in_and_closes(stage):
    fetch = {"type": "Action.Submit", "title": "Assign", "data": {"msteams": {"type": "task/fetch"}, "ticket": "1"}}
    form = card({"type": "Input.Text", "id": "who"}, actions=[{"type": "Action.Submit", "title": "Send"}])
    inside = {"title": "Assign to", "card": {"contentType": ADAPTIVE, "content": form}}
    stage.app.answer = Answer(200, {"task": {"type": "continue", "value": inside}})
    stage.people.click(stage.ann, stage.post(card(actions=[fetch])), "Assign")
    (dialog,) = stage.state.dialogs.values()
    assert dialog.title == "Assign to"
    stage.app.answer = Answer(200, {"task": {"type": "message", "value": "Assigned."}})
    stage.people.fill_in(dialog, {"who": "bob"}, "Send")
    assert stage.app.heard[-1][1]["value"]["data"] == {"who": "bob"}
    assert stage.state.dialogs == {}
    assert stage.notes() == [(stage.ann.id, "Assigned.", False)]


def test_a_mention_in_a_channel_and_a_line_in_a_chat(stage):
    stage.people.mention(stage.ann, stage.room, "status <OPS-1>")
    told = stage.app.heard[-1][1]
    assert told["text"] == "<at>Pointman</at> status &lt;OPS-1&gt;\n"
    assert told["entities"][0]["mentioned"]["id"] == BOT
    stage.people.mention(stage.ann, stage.state.personal(stage.ann.id), "help")
    told = stage.app.heard[-1][1]
    assert (told["text"], told["conversation"]["conversationType"]) == ("help", "personal")
    assert "entities" not in told


def test_the_bot_is_told_that_it_was_added_and_removed(stage):
    stage.people.join(stage.room)
    assert [told["type"] for _, told in stage.app.heard] == ["installationUpdate", "conversationUpdate"]
    assert stage.app.heard[-1][1]["membersAdded"] == [{"id": BOT}]
    stage.people.remove(stage.room)
    assert stage.app.heard[-1][1]["action"] == "remove"
    assert not stage.state.teams[stage.room.team].installed


def test_a_forged_token_is_ours_to_send(stage):
    stage.people.deliver({"type": "message"}, stage.people.token(aud="somebody-else"))
    token = stage.app.heard[-1][0]["authorization"].removeprefix("Bearer ")
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == "somebody-else"


# ---- workflows


def test_a_workflow_takes_a_card_and_tells_no_id(teams):
    flow = teams.state.flow(teams.room)
    answer = teams.hook(flow, message())
    assert (answer.status, answer.body) == (202, None)
    (posted,) = teams.room.messages
    assert (posted.by, posted.card) == ("Workflows", card())
    assert teams.state.webhook(flow).partition("?")[2].endswith(f"sig={flow.sig}")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "an old connector's message"}, 400),
        (b"{", 400),
        ({"type": "message", "attachments": []}, 400),
        (message(card(version="1.6")), 400),
        (message(card({"type": "TextBlock", "text": "x" * 29_000})), 413),
    ],
)
def test_a_workflow_refuses_what_is_no_card(teams, body, status):
    assert teams.hook(teams.state.flow(teams.room), body).status == status
    assert teams.room.messages == []


def test_a_workflow_without_its_signature_or_that_is_gone(teams):
    flow = teams.state.flow(teams.room)
    assert teams.hook(flow, message(), sig="wrong").status == 401
    flow.gone = 410
    assert teams.hook(flow, message()).status == 410
    assert teams.state.handle(Asked("POST", "/workflows/none")).status == 404


@pytest.mark.parametrize(("many", "apart"), [(4, 0.0), (60, 0.3)])
def test_a_throttle_looks_like_success(teams, many, apart):
    flow = teams.state.flow(teams.room)
    for _ in range(many):
        assert teams.hook(flow, message()).status == 202
        teams.state.clock.advance(timedelta(seconds=apart))
    answer = teams.hook(flow, message())
    assert answer.status == 200
    assert "returned HTTP error 429" in answer.body
    assert len(teams.room.messages) == many
    teams.state.clock.advance(timedelta(seconds=31))
    assert teams.hook(flow, message()).status == 202


# ---- Graph


def test_graph_tells_who_somebody_is(teams):
    assert teams.graph("GET", "/users/ann@example.org").body["id"] == teams.ann.aad_id
    assert teams.graph("GET", "/users/nobody@example.org").status == 404


def test_graph_makes_finds_renames_and_deletes_a_channel(teams):
    group = teams.state.teams[teams.room.team].group
    made = teams.graph("POST", f"/teams/{group}/channels", {"displayName": "inc-ops-1", "description": "x"}).body
    assert teams.graph("POST", f"/teams/{group}/channels", {"displayName": "INC-ops-1"}).status == 409
    assert teams.graph("POST", f"/teams/{group}/channels", {"displayName": "a#b"}).status == 400
    found = teams.graph("GET", f"/teams/{group}/channels?$filter=displayName eq 'inc-ops-1'").body["value"]
    assert [one["id"] for one in found] == [made["id"]]
    assert teams.graph("PATCH", f"/teams/{group}/channels/{made['id']}", {"displayName": "over"}).status == 204
    assert teams.graph("GET", f"/teams/{group}/channels/{made['id']}").body["displayName"] == "over"
    assert teams.graph("DELETE", f"/teams/{group}/channels/{made['id']}").status == 204
    assert teams.graph("GET", f"/teams/{group}/channels/{made['id']}").status == 404
