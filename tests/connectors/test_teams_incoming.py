"""What Teams sends: believed only under the Bot Framework's signature, and read as commands."""

import json
from dataclasses import replace

import pytest

from connectors.model import Button, Command, Form, Message, Question, User
from connectors.teams.incoming import interpret
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
        at.ref,
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


def test_a_form_that_is_sent_twice_is_one_act(at):
    shown_form(at)
    first, second = (at.receive(at.pressed("Send", **{"arg.text": "x"})).signals[0] for _ in range(2))
    assert first.id == second.id
    at.ops.messages[0].views.clear()
    shown_form(at)
    assert at.receive(at.pressed("Send", **{"arg.text": "x"})).signals[0].id != first.id


def test_a_form_keeps_what_the_command_knew_already(at):
    receipt = at.receive(at.pressed("Update"))
    asked = replace(receipt.signals[0], verb="handover", args={"role": "commander"})
    at.teams.ask(asked, Form("To whom?", (Question("person", "Who?", "person"),)))
    at.ops.messages[0].views[at.ann.id] = body(receipt)["value"]
    (command,) = at.receive(at.pressed("Send", **{"arg.person": at.ann.aad_id})).signals
    assert (command.verb, command.args) == ("handover", {"role": "commander", "person": at.ann.aad_id})


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


@pytest.mark.parametrize("piece", ["<at>", "<at", "<at ", "<at>a</at"])
def test_a_text_of_marks_without_an_end_takes_no_time(at, piece):
    from time import thread_time

    said = {**at.box.people.written(at.ann, at.ops, at.ops.messages[-1], "x"), "text": piece * 25_000}
    before = thread_time()
    interpret(said, "msteams")
    assert thread_time() - before < 0.5, "everything that comes in waits meanwhile"


def test_nobody_can_send_anothers_form_before_them_and_make_theirs_count_as_done(at):
    shown_form(at)
    sent = at.pressed("Send", **{"arg.text": "x"})
    other = {**sent, "from": {**sent["from"], "aadObjectId": "somebody-else"}}
    (mine,), (theirs,) = at.receive(sent).signals, at.receive(other).signals
    assert mine.id != theirs.id
