"""Teams and the mailboxes on the sandbox's page, with the real Pointman behind it: what is clicked there happens."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from playwright.sync_api import expect

from sandbox.page import Page as Served
from sandbox.world import World
from tests.pages import assert_accessible
from tests.sandbox.stage import NARROW, WIDE, created

pytestmark = pytest.mark.long(20)
PRODUCTS = ("teams", "email")
"""What stands beside Slack in the world of these tests."""
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)> **x** [y](javascript:alert(3))"


def test_a_click_in_teams_changes_the_ticket_and_the_card_everywhere(stage):
    view = stage.open()
    key = created(view, "Checkout is down for Teams")
    card = view.locator("#teams_messages .posted", has_text=f"{key} Checkout is down for Teams").first
    expect(card).to_contain_text("tom has it")
    view.get_by_label("You are").select_option("Maria Keller")
    card.get_by_role("button", name="Take it").click()
    expect(card).to_contain_text("maria has it")
    expect(card.locator("header").first).to_contain_text("Edited")
    expect(card.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(view.get_by_role("status")).to_contain_text("Maria Keller clicked Take it.")
    slack = view.locator("#messages article.message", has_text=f"{key} Checkout is down for Teams").first
    expect(slack).to_contain_text("maria has it")
    expect(view.locator("#ticket .log")).to_contain_text("maria: acknowledge")
    assert stage.world.value(key, "Assignee") == "Maria Keller"


def test_a_reply_to_a_mail_stands_on_the_ticket_in_that_person_s_name(stage):
    view = stage.open()
    key = created(view, "Checkout is down by mail")
    thread = view.locator("#mail_list a", has_text=key)
    expect(thread).to_contain_text("Checkout is down by mail")
    thread.click()
    expect(view.locator("#mail_thread .title")).to_contain_text(key)
    letter = view.locator("#mail_thread .letter").first
    expect(letter).to_contain_text("tom has it")
    link = letter.get_by_role("link", name="Acknowledge")
    assert link.get_attribute("href").startswith("http://127.0.0.1:")
    assert link.get_attribute("target") == "_blank"
    view.get_by_label("You are").select_option("Maria Keller")
    view.get_by_label("Your reply").fill("The bank is on the phone.")
    view.get_by_role("button", name="Reply").click()
    comments = view.locator("#ticket .comments")
    expect(comments).to_contain_text("maria through Pointman")
    expect(comments).to_contain_text("The bank is on the phone.")
    expect(comments).not_to_contain_text("tom has it")  # what was quoted


def test_what_is_written_to_the_bot_is_answered(stage):
    view = stage.open()
    created(view, "Checkout is down for a question")
    view.get_by_label("Write in Teams").fill("Has anybody looked?")
    view.get_by_role("button", name="Post").click()
    expect(view.locator("#teams_messages")).to_contain_text("Has anybody looked?")
    view.get_by_label("Write in Teams").fill("@Pointman help")
    view.get_by_role("button", name="Post").click()
    expect(view.get_by_role("status")).to_contain_text("wrote to Pointman.")
    chat = view.locator("#teams_places a", has_text="Ann Archer")
    chat.click()
    expect(view.locator("#teams_messages .about")).to_contain_text("Only Ann Archer sees this")
    expect(view.locator("#teams_messages .posted").last).to_contain_text("acknowledge")


def test_nothing_that_came_from_a_ticket_is_markup_in_teams_or_in_a_mail(stage):
    view = stage.open()
    key = created(view, ATTACK)
    card = view.locator("#teams_messages .posted", has_text=key).first
    expect(card).to_contain_text(ATTACK)
    view.locator("#mail_list a", has_text=key).click()
    expect(view.locator("#mail_thread .letter").first).to_contain_text(ATTACK)
    assert view.locator(".beside script, .beside img, .beside a[href^=javascript]").count() == 0


def test_a_past_moment_shows_teams_and_the_mailboxes_as_they_were(served, stage):
    view = stage.open()
    key = created(view, "Checkout is down in the past")
    card = view.locator("#teams_messages .posted", has_text=key).first
    expect(card).to_contain_text("tom has it")
    expect(view.locator("#mail_list a", has_text=key)).to_be_visible()
    told = len(stage.world.mail.state.inbox("incidents@example.org"))

    def at(moment: int) -> dict[str, str]:
        return requests.get(f"{served[1]}state", params={"at": str(moment)}, timeout=20).json()["regions"]

    for _ in range(100):  # the world is recorded ten times a second, on a busy machine later
        if "Checkout is down in the past" in at(int(stage.world.clock.now().timestamp()))["teams_messages"]:
            break
    before = int(stage.world.clock.now().timestamp()) + 2
    stage.world.clock.advance(timedelta(seconds=4))
    stage.world.change("bob", key, {"Summary": "Checkout is up in the present"})
    expect(card).to_contain_text("Checkout is up in the present")
    then = at(before)
    assert "Checkout is down in the past" in then["teams_messages"]
    assert "Checkout is up in the present" not in then["teams_messages"]
    assert "<form" not in then["teams_messages"]
    assert f"{told}<span" in then["mail_boxes"]
    assert "Reply</button>" not in then["mail_thread"]


def test_the_panes_fit_and_break_no_rule_of_accessibility_at_both_widths(stage):
    view = stage.open()
    key = created(view, "Checkout is down at every width")
    expect(view.locator("#teams_messages .posted", has_text=key)).to_be_visible()
    view.locator("#mail_list a", has_text=key).click()
    expect(view.locator("#mail_thread .title")).to_contain_text(key)
    for size in (WIDE, NARROW):
        view.set_viewport_size(size)
        assert view.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert_accessible(view)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("press", {"by": "ann", "conversation": "19:none", "message": "1", "button": "0"}),
        ("press", {"by": "ann", "dialog": "none", "button": "0"}),
        ("write", {"by": "nobody", "conversation": "", "text": "x"}),
        ("reply", {"by": "ann", "box": "incidents@example.org", "uid": "0", "text": "x"}),
        ("reply", {"by": "ann", "box": "incidents@example.org", "uid": "0", "text": " "}),
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence(served, path, form):
    answer = requests.post(f"{served[1]}do/{path}", data=form, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["said"].startswith("That did not work: ")


def test_a_world_without_them_has_no_such_panes(tmp_path):
    with World() as world:
        page = Served(world)
        url = page.start()
        try:
            text = requests.get(url, timeout=20).text
            refused = requests.post(f"{url}do/write", data={"by": "ann", "text": "x", "conversation": "x"}, timeout=20)
        finally:
            page.stop()
    assert 'id="teams"' not in text
    assert 'id="mail"' not in text
    assert refused.json()["said"] == "That did not work: there is no Teams here."
