"""A card travels in its own buttons: a click on one from before the last start brings it along."""

import json

import pytest

from connectors.errors import Refused
from connectors.model import Button, Message
from connectors.teams.cards import ROOM, SPARE, card, size
from connectors.teams.carried import CARD, carried, carrying
from tests.connectors.teams_tenant import NOW, check_card, tenant
from tests.connectors.test_teams_incoming import ADAPTIVE, SAID, body

BUTTONS = (Button("Take it", "take", "10001"), Button("Update", "update", "10001"))
DOWN = Message("**OPS-1** is down, naïve – ✓", BUTTONS, title="OPS-1", colour=1.0)
PLACE, HERE, SECRET = "Operations/Incidents", "19:a@thread.tacv2", "app-secret"


@pytest.fixture
def at():
    with tenant() as made:
        made.ref = made.teams.put(PLACE, DOWN, None, "k")
        yield made


@pytest.fixture
def later(at):
    """The connector after a restart."""
    made = at.again()
    yield made
    made.close()


def bare(made):
    return {name: value for name, value in made.items() if name != "actions"}


def test_a_card_comes_back_as_it_was_put():
    made = carrying(card(DOWN), HERE, SECRET)
    check_card(made)
    (sealed,) = {action["data"][CARD] for action in made["actions"]}
    assert carried(sealed, HERE, SECRET) == made
    assert carrying(card(DOWN), HERE, SECRET) == made, "always the same, so an edit and an answer are one card"


@pytest.mark.parametrize(
    ("why", "change", "where", "secret"),
    [
        ("another card", lambda sealed: sealed[:32] + "eJx" + sealed[35:], HERE, SECRET),
        ("no signature", lambda sealed: sealed[32:], HERE, SECRET),
        ("nothing", lambda _: "", HERE, SECRET),
        ("anything", lambda _: "é\ud800" * 40, HERE, SECRET),
        ("another conversation", str, "19:b@thread.tacv2", SECRET),
        ("another secret", str, HERE, "other"),
    ],
)
def test_what_we_have_not_signed_there_is_no_card(why, change, where, secret):
    sealed = carrying(card(DOWN), HERE, SECRET)["actions"][0]["data"][CARD]
    assert carried(change(sealed), where, secret) is None, why


def test_a_card_without_buttons_carries_nothing():
    assert carrying(card(Message("up")), HERE, SECRET) == card(Message("up"))


def test_a_card_that_has_no_room_for_itself_goes_alone():
    letters = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(7_000))  # which hardly can be compressed
    made = card(Message(letters, BUTTONS))
    assert carrying(made, HERE, SECRET) == made
    assert size(made) <= ROOM - SPARE


def test_after_a_restart_a_click_brings_the_card_along_and_it_is_retired_for_everybody(at, later):
    with pytest.raises(Refused, match="before our last start"):
        later.retire(PLACE, at.ref)
    before = at.ops.messages[0].card
    receipt = later.receive(at.request(at.pressed("Take it")), NOW)
    later.show(receipt.signals[0], None, "OPS-1 is yours.")
    told = body(receipt)
    assert (told["type"], told["value"]) == (ADAPTIVE, bare(before))
    later.retire(PLACE, at.ref)
    assert at.ops.messages[0].card == bare(before)
    assert at.ops.messages[0].text == ""


def test_after_a_restart_a_form_that_is_given_up_gives_the_card_back(at, later):
    from tests.connectors.test_teams_incoming import FORM

    receipt = later.receive(at.request(at.pressed("Update")), NOW)
    later.ask(receipt.signals[0], FORM)
    at.ops.messages[0].views[at.ann.id] = body(receipt)["value"]
    card_again = body(later.receive(at.request(at.pressed("Cancel")), NOW))["value"]
    assert "OPS-1" in json.dumps(card_again)
    assert [action["title"] for action in card_again["actions"]] == ["Take it", "Update"]


def test_after_a_restart_a_click_that_is_refused_teaches_us_nothing(at, later):
    receipt = later.receive(at.request(at.pressed("Take it")), NOW)
    later.answer(receipt.signals[0], "Only tom may take OPS-1.")
    assert body(receipt)["value"] == "Only tom may take OPS-1."
    with pytest.raises(Refused, match="before our last start"):
        later.retire(PLACE, at.ref)


def test_clicks_that_nobody_answers_do_not_pile_up(at, later):
    pressed = at.pressed("Take it")
    for number in range(1_100):
        later.receive(at.request({**pressed, "id": f"f:{number}", "replyToId": str(1795428000000 + number)}), NOW)
    assert len(later._brought._kept) == 1_000


def test_what_stands_there_now_is_not_forgotten_for_what_a_late_click_brings(at):
    pressed = at.pressed("Take it")
    at.teams.put(PLACE, Message("**OPS-1** is up", BUTTONS), at.ref, "k")
    receipt = at.teams.receive(at.request(pressed), NOW)
    at.teams.show(receipt.signals[0], None, "Done.")
    assert "is up" in json.dumps(body(receipt)["value"])


def test_a_forged_card_is_not_shown_and_changes_nothing(at, later):
    pressed = at.pressed("Take it")
    data = pressed["value"]["action"]["data"]
    data["card"] = (
        data["card"][:32]
        + carrying(card(Message("Send money", BUTTONS)), at.ops.id, "mine")["actions"][0]["data"]["card"][32:]
    )
    receipt = later.receive(at.request(pressed), NOW)
    later.show(receipt.signals[0], None, "OPS-1 is yours.")
    assert body(receipt) == {"statusCode": 200, "type": SAID, "value": "OPS-1 is yours."}
    with pytest.raises(Refused):
        later.retire(PLACE, at.ref)


def test_a_card_of_another_ticket_is_not_put_in_the_place_of_this_one(at, later):
    pressed = at.pressed("Take it")
    other = Message("**OPS-2** somebody copied the customers", (Button("Take it", "take", "10002"),))
    at.teams.put(PLACE, other, None, "k")
    pressed["value"]["action"]["data"]["card"] = at.ops.messages[-1].card["actions"][0]["data"]["card"]
    receipt = later.receive(at.request(pressed), NOW)
    later.show(receipt.signals[0], None, "OPS-1 is yours.")
    assert body(receipt)["value"] == "OPS-1 is yours."
    with pytest.raises(Refused):
        later.retire(PLACE, at.ref)
