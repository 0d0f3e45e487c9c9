"""Slack as a messenger: what is put is seen, found, edited and retired, in channels, threads and direct messages."""

import threading
from datetime import timedelta

import pytest

from connectors.base import Wanted
from connectors.errors import ConnectorError, Missing, Refused, Temporary
from connectors.model import Absent, Button, CannotTell, Command, Form, Found, Message, Question, User
from sandbox.http import Fault
from sandbox.slack import rooms
from sandbox.slack.methods import METHODS
from tests.connectors.contracts import vendor
from tests.connectors.slack_workspace import DOCUMENT, NEWER, NOW, held, workspace

DOWN = Message("**OPS-1** is down", (Button("Take it", "take", "10001", "primary"),), title="Checkout")


@pytest.fixture
def at():
    with workspace() as made:
        yield made


# ---- putting


def test_a_message_is_seen_with_its_title_text_and_button(at):
    ref = at.slack.put("#ops", DOWN, None, "k1")
    (message,) = at.state.visible(at.ops)
    assert ref == f"{at.ops.id}:{message.ts}"
    assert message.text == "Checkout\nOPS-1 is down"
    assert [block["type"] for block in message.blocks] == ["header", "rich_text", "actions"]
    assert [(b["text"]["text"], b["action_id"], b["value"], b["style"]) for b in message.buttons] == [
        ("Take it", "take", '{"ref": "10001"}', "primary")
    ]


def test_an_edit_changes_the_message_in_place(at):
    ref = at.slack.put("#ops", DOWN, None, "k1")
    assert at.slack.put("#ops", Message("All is well"), ref, "k1") == ref
    (message,) = at.state.visible(at.ops)
    assert (message.text, message.buttons, bool(message.edited)) == ("All is well", [], True)


def test_an_edit_of_a_deleted_message_says_that_it_is_missing(at):
    ref = at.slack.put("#ops", DOWN, None, "k1")
    at.ops.messages.clear()
    with pytest.raises(Missing, match=r"could not edit a message in slack:#ops: message_not_found; it was deleted"):
        at.slack.put("#ops", DOWN, ref, "k1")


def test_a_reply_stands_in_its_thread(at):
    card = at.slack.put("#ops", DOWN, None, "card")
    at.slack.put("#ops", Message("news", under=card), None, "news")
    assert [m.text for m in at.ops.replies(card.partition(":")[2])] == ["news"]


def test_a_reply_meant_for_a_person_never_goes_to_the_channel_of_its_card(at):
    card = at.slack.put("#ops", DOWN, None, "card")
    at.slack.put(at.ann.id, Message("only for you", under=card), None, "k")
    assert [m.text for m in at.state.visible(at.ops)] == ["Checkout\nOPS-1 is down"]
    assert [m.text for m in at.state.visible(at.state.direct(at.ann.id))] == ["only for you"]


@pytest.mark.parametrize("place", ["ann@example.org", "Ann@Example.org", None])
def test_a_person_is_reached_by_address_or_id_and_looked_up_once(at, place):
    for number in range(3):
        at.slack.put(place or at.ann.id, Message(f"hello {number}"), None, f"k{number}")
    assert [m.text for m in at.state.visible(at.state.direct(at.ann.id))] == ["hello 0", "hello 1", "hello 2"]
    assert at.state.calls["conversations.open"] == 1
    assert at.state.calls.get("users.lookupByEmail", 0) == (1 if place else 0)


def test_an_address_nobody_has_is_missing(at):
    with pytest.raises(Missing, match=r"could not post to slack:bob@example\.org: users_not_found; is this the addr"):
        at.slack.put("bob@example.org", DOWN, None, "k")


def test_a_handle_is_refused_with_what_to_write_instead(at):
    with pytest.raises(Refused, match="write the person's id"):
        at.slack.put("@ann", DOWN, None, "k")


def test_channels_are_never_listed_to_post(at):
    for number in range(3):
        at.slack.put("#ops", DOWN, None, f"k{number}")
    assert at.state.calls == {"chat.postMessage": 3}


def test_a_configured_channel_may_be_renamed(at):
    at.state.rename(at.ops, "operations")
    slack = at.again(channels={"#ops": at.ops.id})
    slack.put("#ops", DOWN, None, "k")
    assert slack.find("#ops", "k", NOW) == Found(f"{at.ops.id}:{at.ops.messages[0].ts}")


def test_a_text_only_message_has_no_empty_blocks(at):
    at.slack.put("#ops", Message("  "), None, "k")
    assert at.state.visible(at.ops)[0].blocks == []


def test_threads_share_one_connector_and_few_connections(at):
    accepted = _counted(at)
    threads = [
        threading.Thread(target=lambda n=n: [at.slack.put("#ops", Message(f"{n}.{i}"), None, "k") for i in range(5)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(m.text for m in at.ops.messages) == sorted(f"{n}.{i}" for n in range(4) for i in range(5))
    assert len(accepted) <= 4


def test_many_calls_share_one_connection(at):
    accepted = _counted(at)
    for number in range(10):
        at.slack.put("#ops", Message(str(number)), None, "k")
    assert len(accepted) == 1


def _counted(at):
    accepted = []
    accept = at.box.server._server.get_request
    at.box.server._server.get_request = lambda: (accepted.append(1), accept())[1]
    return accepted


def test_every_request_is_as_slacks_own_document_says(at):
    vendor(DOCUMENT)
    ref = at.slack.put("#ops", DOWN, None, "k1 k2")
    at.slack.put("#ops", Message("reply", under=ref), None, "k3")
    at.slack.put("ann@example.org", DOWN, None, "k4")
    at.slack.put("#ops", DOWN, ref, "k1 k2")
    at.slack.retire("#ops", ref)
    at.slack.find("#ops", "k9", NOW)
    at.slack.link("#ops", ref)
    at.slack.who(User(at.ann.id))
    at.slack.ask(_click(at, "Take it", at.state.direct(at.ann.id)), FORM)
    assert list(at.slack.check(Wanted(addresses=("#ops", at.ops.id), people=("ann@example.org",)))) == []
    asked = {exchange[0].path.removeprefix("/api/") for exchange in at.box.server.seen}
    assert asked == set(METHODS) - NEWER - {"chat.postEphemeral"} - set(rooms.METHODS), (
        "those are held with their tests"
    )
    assert held(at.box.server.seen) == len(at.box.server.seen)


def test_a_message_has_an_address_and_a_channel_of_its_own_none(at):
    ref = at.slack.put("#ops", DOWN, None, "k1")
    stamp = ref.partition(":")[2].replace(".", "")
    assert at.slack.link("#ops", ref) == f"https://sandbox.slack.example/archives/{at.ops.id}/p{stamp}"
    assert at.slack.link("#ops", at.ops.id) == ""
    with pytest.raises(ConnectorError, match="could not ask for the address of a message in slack:#ops"):
        at.slack.link("#ops", f"{at.ops.id}:1.000001")


# ---- finding


def test_a_message_is_found_by_each_of_its_keys_from_a_fresh_process(at):
    ref = at.slack.put("#ops", DOWN, None, "k1 k2")
    fresh = at.again()
    assert fresh.find("#ops", "k1", NOW) == fresh.find("#ops", "k2", NOW) == Found(ref)


@pytest.mark.parametrize("place", ["#ops", "ops", "id", "person", "address"])
def test_whatever_the_place_is_called_a_fresh_process_finds_what_was_put_there(at, place):
    where = {"id": at.ops.id, "person": at.ann.id, "address": at.ann.email}.get(place, place)
    ref = at.slack.put(where, DOWN, None, "k")
    assert at.again().find(where, "k", NOW) == Found(ref)


def test_a_private_channel_is_found_too(at):
    at.state.channel("#secret", private=True)
    ref = at.slack.put("#secret", DOWN, None, "k")
    assert at.again().find("#secret", "k", NOW) == Found(ref)


def test_the_id_behind_a_name_is_asked_for_once(at):
    fresh = at.again()
    for _ in range(3):
        fresh.find("#ops", "k", NOW)
    assert at.state.calls["users.conversations"] == 1


def test_a_channel_is_found_by_the_name_it_had_unless_another_has_it_now(at):
    ref = at.slack.put("#ops", DOWN, None, "k")
    at.state.rename(at.ops, "operations")
    assert at.again().find("#ops", "k", NOW) == Found(ref)
    taken = at.state.channel("#ops")
    newer = at.slack.put("#ops", DOWN, None, "k")
    assert at.again().find("#ops", "k", NOW) == Found(newer)
    assert newer.startswith(taken.id)


def test_it_is_absent_only_when_slacks_clock_has_left_the_lag_behind(at):
    assert isinstance(at.slack.find("#ops", "k", NOW), CannotTell)
    at.later(29)
    assert isinstance(at.slack.find("#ops", "k", NOW), CannotTell)
    at.later(1)
    assert at.slack.find("#ops", "k", NOW) == Absent()


def test_a_message_that_is_listed_late_is_never_called_absent(at):
    at.state.lag = timedelta(seconds=30)
    ref = at.slack.put("#ops", DOWN, None, "k")
    seen = []
    for _ in range(4):
        seen.append(at.slack.find("#ops", "k", NOW))
        at.later(10)
    assert [type(answer) for answer in seen] == [CannotTell, CannotTell, CannotTell, Found]
    assert seen[-1] == Found(ref)


def test_a_post_that_takes_effect_long_after_its_caller_gave_up_is_found_then(at):
    at.state.late = [timedelta(seconds=20)]
    at.box.server.fail(Fault(lambda asked: asked.path.endswith("chat.postMessage"), done=True, drop=True))
    with pytest.raises(Temporary) as raised:
        at.slack.put("#ops", DOWN, None, "k")
    assert raised.value.in_doubt
    assert isinstance(at.again().find("#ops", "k", NOW), CannotTell)
    at.later(30)
    assert isinstance(at.again().find("#ops", "k", NOW), Found)


def test_a_thread_is_searched_by_the_ref_of_its_parent(at):
    at.later(-3600)
    card = at.slack.put("#ops", DOWN, None, "card")
    at.later(3600)
    news = at.slack.put("#ops", Message("news", under=card), None, "news")
    at.later(60)
    assert at.again().find(card, "news", NOW) == Found(news)
    assert at.again().find(card, "other", NOW) == Absent()


def test_a_reply_under_a_card_of_the_same_look_is_found_by_the_channel(at):
    card = at.slack.put("#ops", DOWN, None, "card")
    news = at.slack.put("#ops", Message("news", under=card), None, "news")
    assert at.again().find("#ops", "news", NOW) == Found(news)


def test_the_search_reads_every_page(at):
    ref = at.slack.put("#ops", DOWN, None, "k")
    for number in range(450):
        at.state.say(at.ann, at.ops, f"chatter {number}")
    assert at.slack.find("#ops", "k", NOW) == Found(ref)


def test_what_was_put_before_does_not_count(at):
    at.slack.put("#ops", DOWN, None, "k")
    at.later(3600)
    since = at.state.now()
    at.later(60)
    assert at.slack.find("#ops", "k", since) == Absent()


def test_a_copy_by_somebody_else_does_not_count(at):
    at.slack.put("#ops", DOWN, None, "k")
    at.ops.messages[0].user, at.ops.messages[0].bot_id = at.ann.id, "B0OTHER"
    at.later(60)
    assert at.slack.find("#ops", "k", NOW) == Absent()


def test_a_channel_the_app_is_no_member_of_is_missing(at):
    at.state.channel("#elsewhere", member=False)
    with pytest.raises(Missing, match="the app is a member of no channel #elsewhere; invite it"):
        at.slack.find("#elsewhere", "k", NOW)


def test_without_the_scope_to_read_nothing_is_called_absent(at):
    at.state.scopes -= {"channels:history"}
    at.later(60)
    answer = at.slack.find("#ops", "k", NOW)
    assert isinstance(answer, CannotTell)
    assert "missing_scope (needs channels:history)" in answer.why


# ---- retiring


@pytest.mark.parametrize("reply", [False, True])
def test_retiring_takes_the_buttons_off_and_changes_nothing_else(at, reply):
    card = at.slack.put("#ops", Message("card"), None, "card")
    thing = Message(DOWN.text, DOWN.buttons, DOWN.title, under=card if reply else "")
    ref = at.slack.put("#ops", thing, None, "k1 k2")
    at.slack.put("#ops", Message("news", under=ref), None, "news")
    before = at.ops.message(ref.partition(":")[2])
    text, metadata, count = before.text, before.metadata, len(at.ops.messages)
    at.slack.retire("#ops", ref)
    after = at.ops.message(ref.partition(":")[2])
    assert (after.text, after.metadata, after.buttons) == (text, metadata, [])
    assert [block["type"] for block in after.blocks] == ["header", "rich_text"]
    assert len(at.ops.messages) == count


def test_retiring_twice_edits_once(at):
    ref = at.slack.put("#ops", DOWN, None, "k")
    at.slack.retire("#ops", ref)
    at.slack.retire("#ops", ref)
    assert at.state.calls["chat.update"] == 1


@pytest.mark.parametrize("ref", ["C0SBX00003:1700000000.000000", "nonsense"])
def test_retiring_what_is_gone_says_so(at, ref):
    with pytest.raises(Missing, match="could not take the buttons off a message in slack:#ops"):
        at.slack.retire("#ops", ref)


# ---- people


def test_the_person_who_clicked_is_answered_alone(at):
    at.slack.put("#ops", DOWN, None, "k")
    command = _click(at, "Take it")
    at.slack.answer(command, "OPS-1 is **yours**")
    (note,) = at.state.notes
    assert (note.user, note.channel, note.text) == (at.ann.id, at.ops.id, "OPS-1 is yours")
    assert len(at.state.visible(at.ops)) == 1


def test_an_answer_too_late_is_an_error_and_no_message(at):
    at.slack.put("#ops", DOWN, None, "k")
    command = _click(at, "Take it")
    at.later(31 * 60)
    with pytest.raises(Missing, match="could not answer ann in slack"):
        at.slack.answer(command, "too late")
    assert not at.state.notes


def test_a_command_without_a_way_back_cannot_be_answered(at):
    with pytest.raises(Refused, match="carries no address"):
        at.slack.answer(Command("10001", "take", User("", "ann"), "slack"), "hello")


def test_a_command_from_no_channel_is_answered_directly(at):
    at.slack.answer(Command("", "declare", User(at.ann.id, "ann"), "slack", id="1"), "**OPS-1** is declared")
    assert [message.text for message in at.state.direct(at.ann.id).messages] == ["OPS-1 is declared"]


FORM = Form(
    "Change OPS-1",
    (
        Question("level", "Severity", "choice", ("low", "high"), value="low"),
        Question("text", "What is new?", "text", value="so far"),
        Question("person", "Who?", "person", required=False),
        Question("line", "In a word", required=False),
    ),
)


def test_a_form_comes_back_as_the_command_with_its_answers(at):
    at.slack.put("#ops", DOWN, None, "k")
    asked = _click(at, "Take it")
    at.slack.ask(asked, FORM)
    (view,) = at.state.views.values()
    values = {"level": "high", "text": "it <burns>", "person": at.ann.id}
    body = at.box.people.form(at.box.people.submitted(view, values))
    receipt = at.slack.receive(at.request(body), at.state.now())
    (command,) = receipt.signals
    assert (command.ref, command.verb, command.by) == ("10001", "take", User(at.ann.id))
    assert command.args == values
    at.slack.answer(command, "done")
    assert [note.text for note in at.state.notes] == ["done"]


def test_a_form_asked_for_too_late_is_refused(at):
    at.slack.put("#ops", DOWN, None, "k")
    command = _click(at, "Take it")
    at.later(4)
    with pytest.raises(Refused, match="expired_trigger_id; the person has to ask again"):
        at.slack.ask(command, FORM)


def test_who_somebody_is_is_looked_up_once(at):
    known = at.slack.who(User(at.ann.id))
    assert (known.name, known.email) == ("Ann Example", "ann@example.org")
    assert at.slack.who(User(at.ann.id)) is known
    assert at.state.calls["users.info"] == 1


def test_whoever_is_of_another_company_is_nobody_by_the_address_in_their_profile(at):
    mallory = at.state.person("mallory", "ann@example.org")
    mallory.team = "T0ELSEWHERE"
    assert at.slack.who(User(mallory.id)).email == "", "their own administrators write there what they like"


def test_an_unknown_person_is_missing(at):
    with pytest.raises(Missing, match="could not look up U0NOBODY in slack: user_not_found"):
        at.slack.who(User("U0NOBODY"))


def _click(at, label, channel=None):
    payload = at.box.people.clicked(at.ann, (channel or at.ops).messages[0], label)
    (command,) = at.slack.receive(at.request(at.box.people.form(payload)), at.state.now()).signals
    return command
