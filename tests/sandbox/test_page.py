"""The sandbox's page in a browser, with the real Pointman behind it: what is clicked happens, and nothing else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import requests
from playwright.sync_api import expect

from sandbox.page import Beside
from sandbox.page import Page as Served
from sandbox.process import Pointman, Workbench
from tests.sandbox.stage import NARROW, WIDE, created

pytestmark = pytest.mark.long(20)
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_a_click_in_slack_changes_the_ticket_and_the_message(stage):
    view = stage.open()
    key = created(view, "Checkout is down for a click")
    view.get_by_role("link", name="incidents").click()
    card = view.locator("#messages article.message", has_text=f"{key} Checkout is down for a click").first
    expect(card).to_contain_text("tom has it")
    view.get_by_label("You are").select_option("Maria Keller")
    card.get_by_role("button", name="Take it").click()
    expect(card).to_contain_text("maria has it")
    expect(card).to_contain_text("(edited)")
    expect(card.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(view.get_by_role("status")).to_contain_text(f"Pointman to Maria Keller: {key} is yours.")
    expect(view.locator(f"#queue [data-key=row-{key}]")).to_contain_text("Maria Keller")
    expect(view.locator("#ticket [data-key=field-Assignee] dd")).to_have_text("Maria Keller")
    expect(view.locator("#ticket .log")).to_contain_text("maria: acknowledge")
    assert stage.world.value(key, "Assignee") == "Maria Keller"


def test_the_ticket_can_be_worked_on(stage):
    view = stage.open()
    key = created(view, "Checkout is down for work")
    severity = view.locator("#ticket .head .severity")
    expect(severity).to_have_text("High")
    view.get_by_label("Severity").select_option("Medium")
    view.get_by_role("button", name="Change").click()
    expect(severity).to_have_text("Medium")
    view.get_by_label("Your comment").fill("The bank says *tomorrow*.")
    view.get_by_role("button", name="Comment").click()
    expect(view.locator("#ticket .comment")).to_contain_text("The bank says *tomorrow*.")
    expect(view.get_by_label("Your comment")).to_have_value("")
    view.locator("#ticket").get_by_role("button", name="Resolve").click()
    expect(view.locator(f"#queue [data-key=row-{key}]")).to_contain_text("Resolved")
    assert stage.world.value(key, "Severity") == "Medium"
    assert stage.world.value(key, "Status") == "Resolved"


def test_a_form_that_pointman_opens_can_be_filled_in_and_sent(stage):
    view = stage.open()
    key = created(view, "Checkout is down for a form")
    view.get_by_label("Write into the channel").fill(f"/pointman severity {key}")
    view.get_by_role("button", name="Send", exact=True).click()
    form = view.locator("#forms form")
    form.get_by_role("combobox").select_option("medium")
    form.get_by_role("button", name="Send").click()
    expect(form).to_have_count(0)
    expect(view.locator("#ticket .head .severity")).to_have_text("Medium")
    assert stage.world.value(key, "Severity") == "Medium"


def test_in_a_direct_message_it_is_its_reader_who_clicks(stage):
    view = stage.open()
    key = created(view, "Checkout is down and nobody moves")
    expect(view.locator("#ticket .next")).to_contain_text("call tom unless acknowledged")
    expect(view.locator("#ticket .next")).to_contain_text(re.compile("in [45] min"))
    stage.world.clock.advance(timedelta(minutes=6))
    view.locator("#channels").get_by_role("link", name="Tom Reyes").click()
    expect(view.locator("#messages .about")).to_contain_text("Only Tom Reyes sees this")
    call = view.locator("#messages article.message", has_text=key)
    call.get_by_role("button", name="Acknowledge").click()
    expect(view.locator("#ticket .log")).to_contain_text("tom: acknowledge")
    expect(call.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_page_fits_and_answers_at_both_widths(stage, size):
    for name in stage.world.members:
        stage.world.say(name, f"@{name}", "A note to myself")  # more channels than fit beside each other
    view = stage.open(size)
    expect(view.locator("#channels .unread")).not_to_have_count(0)
    created(view, f"Checkout is down at {size['width']}")
    view.get_by_label("Write into the channel").fill("Looking at it")
    view.get_by_role("button", name="Send").click()
    expect(view.locator("#messages")).to_contain_text("Looking at it")
    assert view.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_nothing_that_is_typed_is_markup_of_the_page(stage):
    view = stage.open()
    key = created(view, ATTACK)
    view.get_by_label("Your comment").fill(ATTACK)
    view.get_by_role("button", name="Comment").click()
    expect(view.locator("#ticket .comment")).to_contain_text(ATTACK)
    view.get_by_label("Write into the channel").fill(ATTACK)
    view.get_by_role("button", name="Send").click()
    card = view.locator("#messages article.message", has_text=f"{key} {ATTACK}").first
    expect(card).to_be_visible()
    view.reload()
    expect(card).to_be_visible()
    assert view.locator("main script, main img").count() == 0


def test_half_written_text_and_the_focus_stay_when_the_ticket_changes(stage):
    view = stage.open()
    key = created(view, "Checkout is down while I write")
    box = view.get_by_label("Your comment")
    box.press_sequentially("I am still wri")
    box.evaluate("box => { box.mark = 1 }")
    stage.world.change("bob", key, {"Summary": "Checkout is down, and renamed"})
    expect(view.get_by_role("heading", name="Checkout is down, and renamed")).to_be_visible()
    expect(box).to_have_value("I am still wri")
    expect(box).to_be_focused()
    assert box.evaluate("box => box.mark") == 1


def test_what_was_said_elsewhere_is_marked_as_new_until_it_is_read(stage):
    view = stage.open()
    view.get_by_role("link", name="incidents").click()
    stage.world.say("bob", "#management", "Who knows about this?")
    there = view.get_by_role("link", name="management")
    expect(there).to_contain_text("1 new")
    there.click()
    expect(view.locator("#messages")).to_contain_text("Who knows about this?")
    expect(there).not_to_contain_text("new")


def test_time_can_be_stopped_and_hurried(stage):
    view = stage.open()
    try:
        view.get_by_role("button", name="Pause").click()
        expect(view.get_by_role("button", name="Play")).to_be_visible()
        stood = stage.world.clock.now()
        view.wait_for_timeout(50)
        assert stage.world.clock.now() == stood
        view.get_by_role("button", name="×10", exact=True).click()
        expect(view.get_by_role("button", name="×10", exact=True)).to_have_attribute("aria-pressed", "true")
        assert stage.world.clock.speed == 10
        view.get_by_role("button", name="Pause").click()
        view.get_by_role("button", name="Play").click()
        expect(view.get_by_role("button", name="×10", exact=True)).to_have_attribute("aria-pressed", "true")
        view.get_by_role("button", name="×600", exact=True).click()
        expect(view.get_by_role("button", name="×600", exact=True)).to_have_attribute("aria-pressed", "true")
        assert stage.world.speed == 600
    finally:
        stage.world.hurry(1)


def test_a_page_from_elsewhere_can_do_nothing(served):
    world, url = served
    before = len(world.jira.issues)
    form = {"by": "ann", "summary": "not ours"}
    foreign = requests.post(f"{url}do/create", data=form, headers={"Origin": "https://evil.example"}, timeout=20)
    rebound = requests.post(f"{url}do/create", data=form, headers={"Host": "evil.example"}, timeout=20)
    assert (foreign.status_code, rebound.status_code) == (403, 403)
    assert len(world.jira.issues) == before


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("do/create", {"by": "nobody", "summary": "x"}, 400),
        ("do/create", {"by": "ann"}, 400),
        ("do/create", {"by": "ann", "summary": "x", "Affected users": "many"}, 400),
        ("do/click", {"by": "ann", "channel": "C0", "ts": "1", "action": "take"}, 400),
        ("do/move", {"by": "ann", "ticket": "OPS-0", "status": "Resolved"}, 400),
        ("do/speed", {"by": "ann", "speed": "nan"}, 400),
        ("do/kill", {"by": "ann"}, 400),
        ("do/nothing", {}, 404),
        ("elsewhere", {}, 405),
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence(served, path, form, status):
    answer = requests.post(f"{served[1]}{path}", data=form, timeout=20)
    assert answer.status_code == status
    said = answer.json()["said"] if status == 400 else answer.text
    assert said.strip().endswith(".")


def test_without_a_workbench_the_page_asks_for_none(served):
    assert "workbench" not in requests.get(served[1], timeout=20).text
    assert requests.get(f"{served[1]}workbench/static/workbench.js", timeout=20).status_code == 502


def test_a_workbench_that_is_gone_is_told_in_a_sentence(served, tmp_path):
    world, _ = served
    page = Served(world, Beside(workbench=Workbench(Pointman(world, tmp_path))))
    try:
        gone = requests.get(f"{page.start()}workbench/static/workbench.js", timeout=10)
    finally:
        page.stop()
    said = "The workbench does not answer; it is started together with the demonstration.\n"
    assert (gone.status_code, gone.text) == (502, said)


@pytest.mark.parametrize("at", ["", "x", "-1", "0.5", "99999999999", "9" * 40, "1e3"])
def test_a_moment_that_is_none_is_now(served, at):
    answer = requests.get(f"{served[1]}state", params={"at": at}, timeout=20)
    assert (answer.status_code, answer.json()["past"]) == (200, False)


def test_what_was_before_the_beginning_is_the_beginning(served):
    state = requests.get(f"{served[1]}state", params={"at": "1"}, timeout=20).json()
    assert state["past"]
    assert state["regions"]["queue"].strip() == '<p class="empty">There were no tickets yet.</p>'


def test_the_page_allows_no_script_but_its_own(served):
    answer = requests.get(served[1], timeout=20)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert requests.get(f"{served[1]}static/../page.py", timeout=20).status_code == 404
