"""Teams as a bot sees it: cards in channels, threads and chats, by the places that an administrator writes."""

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from connectors.base import Wanted
from connectors.errors import Missing, Refused
from connectors.model import Button, CannotTell, Command, Message, Topic, User
from connectors.teams import Teams, TeamsSettings
from connectors.teams.messenger import REMEMBERED
from tests.connectors.contracts import CONTRACTS, vendor
from tests.connectors.teams_tenant import DOCUMENT, NOW, held, tenant

DOWN = Message("**OPS-1** is down", (Button("Take it", "take", "10001", "primary"),), title="OPS-1", colour=1.0)
PLACE = "Operations/Incidents"


@pytest.fixture
def at():
    with tenant() as made:
        yield made


def told(card):
    """All text of a card, in order."""
    if isinstance(card, dict):
        own = [card["text"]] if "text" in card else []
        return own + [text for name, value in card.items() if name != "actions" for text in told(value)]
    return [text for each in card for text in told(each)] if isinstance(card, list) else []


def test_a_message_becomes_a_card_with_a_title_and_buttons_that_come_back(at):
    at.teams.put(PLACE, DOWN, None, "k")
    (message,) = at.ops.messages
    assert told(message.card) == ["🔴 OPS-1", "OPS-1", " is down"]
    (button,) = message.card["actions"]
    assert button["data"].pop("card"), "and bring the card along"
    assert button == {
        "type": "Action.Execute",
        "title": "Take it",
        "verb": "take",
        "data": {"verb": "take", "ref": "10001"},
        "style": "positive",
    }
    assert message.text == "", "a text beside the card would be shown above it"


def test_notifications_and_old_clients_read_a_line_of_plain_text(at):
    at.teams.put(PLACE, DOWN, None, "k")
    asked = json.loads(at.box.server.seen[-1][0].body)
    assert asked["activity"]["summary"] == "OPS-1 OPS-1 is down"
    assert at.ops.messages[0].card["fallbackText"] == "OPS-1 OPS-1 is down"


def test_an_edit_changes_the_card_in_place(at):
    ref = at.teams.put(PLACE, DOWN, None, "k")
    assert at.teams.put(PLACE, Message("up"), ref, "k") == ref
    assert [told(message.card) for message in at.ops.messages] == [["up"]]
    assert at.buttons() == []


def test_a_reply_stands_in_the_thread_and_a_reply_to_a_reply_too(at):
    ref = at.teams.put(PLACE, DOWN, None, "k1")
    reply = at.teams.put(PLACE, Message("one", under=ref), None, "k2")
    again = at.teams.put(PLACE, Message("two", under=reply), None, "k3")
    root = at.ops.messages[0].id
    assert [message.root for message in at.ops.messages] == ["", root, root]
    at.teams.put(PLACE, Message("three"), again, "k3")
    assert told(at.ops.messages[2].card) == ["three"]


def test_a_reply_goes_to_the_thread_only_where_the_thread_is(at):
    other = at.state.channel("Others", "Operations")
    ref = at.teams.put(PLACE, DOWN, None, "k")
    at.teams.put(other.id, Message("elsewhere", under=ref), None, "k2")
    assert [message.root for message in other.messages] == [""]


def test_a_thread_can_be_a_place(at):
    ref = at.teams.put(PLACE, DOWN, None, "k")
    at.teams.put(ref, Message("below"), None, "k2")
    assert at.ops.messages[1].root == at.ops.messages[0].id


def test_a_ref_has_room_in_a_ledger(at):
    ref = at.teams.put(PLACE, DOWN, None, "k")
    assert ref == f"{at.ops.id}/{at.ops.messages[0].id}"
    assert len(ref) < 80


@pytest.mark.parametrize("place", ["ann@example.org", "Ann@Example.org", "aad", "29:"])
def test_a_person_is_reached_in_their_chat_by_address_or_by_id(at, place):
    place = {"aad": at.ann.aad_id, "29:": at.ann.id}.get(place, place)
    ref = at.teams.put(place, DOWN, None, "k")
    chat = at.state.personal(at.ann.id)
    assert ref == f"{chat.id}/{chat.messages[0].id}"
    at.teams.put(place, Message("up"), ref, "k")
    assert [told(message.card) for message in chat.messages] == [["up"]]


def test_a_chat_is_asked_for_once(at):
    for number in range(3):
        at.teams.put("ann@example.org", Message(str(number)), None, str(number))
    made = [asked for asked, _ in at.box.server.seen if asked.path.endswith("/v3/conversations")]
    assert len(made) == 1
    assert len(at.state.personal(at.ann.id).messages) == 3


def test_whose_sign_in_name_is_not_their_address_is_found_in_the_list_of_members(at):
    made = at.state.person("bob", "bob@example.org", "Bob Builder")
    found = at.state.found
    at.state.found = lambda who: None if who == "bob@example.org" else found(who)  # by sign-in name and id only
    at.teams.put("bob@example.org", DOWN, None, "k")
    assert len(at.state.personal(made.id).messages) == 1


def test_a_channel_is_found_by_name_in_a_team_that_is_configured(at):
    other = at.state.channel("Drills", "Operations")
    teams = at.again(channels={}, teams={"Operations": other.team})
    teams.put("operations/drills", DOWN, None, "k")
    assert len(other.messages) == 1
    teams.put("Operations/Drills", DOWN, None, "k")
    assert len([asked for asked, _ in at.box.server.seen if asked.path.endswith("/conversations")]) == 3, (
        "looked up once"
    )
    with pytest.raises(Missing, match=r"the team Operations has no channel Dirlls; did you mean drills?"):
        teams.put("Operations/Dirlls", DOWN, None, "k")


def test_a_team_that_the_app_joins_is_known_by_its_name(at):
    teams = at.again(channels={})
    with pytest.raises(Missing, match="no channel Operations/Incidents is in the settings"):
        teams.put(PLACE, DOWN, None, "k")
    event = at.box.people._event(at.ops.team)
    event["channelData"]["team"]["name"] = "Operations"
    event |= {"type": "conversationUpdate", "membersAdded": [{"id": "28:x"}]}
    receipt = teams.receive(at.request(event), NOW)
    assert (receipt.signals, receipt.status) == ((), 200)
    teams.put(PLACE, DOWN, None, "k")
    assert len(at.ops.messages) == 1


def test_a_place_that_is_none_says_what_one_looks_like(at):
    with pytest.raises(Refused, match="write Team/Channel, or a channel's id"):
        at.teams.put("#incidents", DOWN, None, "k")
    with pytest.raises(Missing, match=r"did you mean operations/incidents?"):
        at.teams.put("Operations/Incidens", DOWN, None, "k")
    with pytest.raises(Missing, match=r"nobody in the teams with the app has the address nobody@example.org"):
        at.teams.put("nobody@example.org", DOWN, None, "k")
    with pytest.raises(Refused, match="nobody can be found by address before a team or a channel is in the settings"):
        at.again(channels={}).put("ann@example.org", DOWN, None, "k")
    with pytest.raises(Missing, match="is no message of Teams'"):
        at.teams.put(PLACE, DOWN, "nonsense", "k")


def test_the_bot_cannot_search_and_says_so(at):
    at.teams.put(PLACE, DOWN, None, "k")
    assert isinstance(at.teams.find(PLACE, "k", NOW - timedelta(hours=1)), CannotTell)
    assert (Teams.editable, Teams.searchable) == (True, False)


# ---- taking the buttons off


def test_retiring_takes_the_buttons_off_and_changes_nothing_else(at):
    ref = at.teams.put(PLACE, DOWN, None, "k")
    before = at.ops.messages[0].card
    at.teams.retire(PLACE, ref)
    assert at.ops.messages[0].card == {name: value for name, value in before.items() if name != "actions"}
    requests = at.box.server.requests
    at.teams.retire(PLACE, ref)
    assert at.box.server.requests == requests, "a card without buttons is left alone"


def test_after_a_restart_a_card_that_cannot_be_read_keeps_its_buttons_and_its_text(at):
    ref = at.teams.put(PLACE, DOWN, None, "k")
    before = at.ops.messages[0].card
    with pytest.raises(Refused, match="posted before our last start, and a bot cannot read what stands in Teams"):
        at.again().retire(PLACE, ref)
    assert at.ops.messages[0].card == before


def test_after_a_restart_a_card_that_is_brought_up_to_date_can_be_retired(at):
    ref = at.teams.put(PLACE, DOWN, None, "k")
    later = at.again()
    later.put(PLACE, DOWN, ref, "k")
    later.retire(PLACE, ref)
    assert at.buttons() == []


def test_only_so_many_cards_are_remembered(at):
    at.teams._cards._kept.clear()
    for number in range(REMEMBERED + 10):
        at.teams._keep(f"a:1/{number}", {}, Message("x"))
    assert len(at.teams._cards._kept) == REMEMBERED
    assert at.teams._cards.get("a:1/9") is None


# ---- people


def test_who_somebody_is_comes_from_the_members_of_our_teams(at):
    assert (at.teams.who(User(at.ann.aad_id)).email, at.teams.who(User(at.ann.aad_id)).name) == (
        "ann@example.org",
        "Ann Example",
    )
    assert at.teams.who(User(at.ann.id)).id == at.ann.aad_id, "by the id of a mention too"
    requests = at.box.server.requests
    at.teams.who(User(at.ann.aad_id))
    assert at.box.server.requests == requests


def test_who_wrote_to_the_bot_without_being_in_a_team_is_known_from_their_chat(at):
    bob = at.state.person("bob", "bob@example.org", "Bob")
    at.state.teams[at.ops.team].members.discard(bob.id)
    assert at.teams.who(User(bob.aad_id)).email == "bob@example.org"


def test_a_name_is_nobodys_id_and_costs_no_call(at):
    requests = at.box.server.requests
    with pytest.raises(Missing):
        at.teams.who(User("Maria"))
    assert at.box.server.requests == requests


def test_an_answer_without_a_click_that_waits_goes_to_the_persons_chat(at):
    for reply in (f"{at.ops.id};messageid=1", "", at.state.personal(at.ann.id).id):
        at.teams.answer(Command("1", "take", User(at.ann.aad_id), "msteams", {}, reply), "It is **yours**.")
    assert [told(m.card) for m in at.state.personal(at.ann.id).messages] == [["It is ", "yours", "."]] * 3
    assert at.ops.messages == []


def test_a_thread_tells_the_ticket_of_its_card(at):
    ref = at.teams.put(PLACE, Message("down", about=Topic("10007", "OPS-7")), None, "k")
    root = ref.rpartition("/")[2]
    asked = Command("", "words", User("x"), "msteams", {}, f"{at.ops.id};messageid={root}")
    assert at.teams.about(asked) == "10007"
    assert at.again().about(asked) == ""
    assert at.teams.about(Command("", "words", User("x"), "msteams", {}, "a:1")) == ""


# ---- settings and check


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"app_id": "pointman"}, "app_id"),
        ({"tenant": "example.onmicrosoft.com"}, "tenant"),
        ({"channels": {"a/b": "general"}}, "channels"),
        ({"service_url": "http://smba.trafficmanager.net/teams/"}, "service_url"),
        ({"login_url": "http://login.microsoftonline.com"}, "login_url"),
        ({"chanels": {}}, "chanels"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(wrong, said):
    given = {
        "tenant": "5a0d1b0c-1111-4222-8333-944444444444",
        "app_id": "5710acff-f313-453f-8b75-44fff54bab14",
        "secret": "s",
        **wrong,
    }
    with pytest.raises(ValidationError, match=said):
        TeamsSettings.model_validate(given)


def test_a_check_of_what_is_there_finds_nothing(at):
    wanted = Wanted(addresses=(PLACE, at.ops.id), people=("ann@example.org", at.ann.aad_id), home=PLACE)
    teams = at.again(teams={"Operations": at.ops.team})
    assert list(teams.check(wanted)) == []
    assert not [asked for asked, _ in at.box.server.seen if "activities" in asked.path], "nothing is posted"


def test_a_check_tells_everything_that_is_not_there(at):
    at.state.channel("Other", "Elsewhere")
    elsewhere = next(team for team in at.state.teams.values() if team.name == "Elsewhere")
    elsewhere.installed = False
    teams = at.again(teams={"Elsewhere": elsewhere.id})
    wanted = Wanted(addresses=("Operations/Nope",), people=("nobody@example.org",))
    said = [str(problem) for problem in teams.check(wanted)]
    assert len(said) == 3
    assert said[0].startswith("connectors.msteams: could not find the team Elsewhere: BotNotInConversationRoster")
    assert "install the app in the team" in said[0]
    assert "could not find msteams:Operations/Nope" in said[1]
    assert "nobody@example.org" in said[2]


def test_a_check_without_a_way_in_says_only_that(at):
    (problem,) = at.again(secret="wrong").check(Wanted(addresses=(PLACE,)))
    assert "the client secret is wrong" in str(problem)
    (warning,) = at.again(channels={}).check(Wanted())
    assert (warning.level, "neither channels nor teams are named" in str(warning)) == ("warning", True)


def test_every_exchange_was_held_against_microsofts_document(at):
    if not CONTRACTS.exists():
        vendor(DOCUMENT)  # skips
    ref = at.teams.put(PLACE, DOWN, None, "k")
    at.teams.put(PLACE, Message("up"), ref, "k")
    at.teams.put(PLACE, Message("reply", under=ref), None, "k2")
    at.teams.put("ann@example.org", DOWN, None, "k3")
    assert held(at.box.server.seen) == 5
