"""The playground in a browser: what is typed is checked, what it would make is shown, and nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from sandbox.world import World
from sync import config as settings
from sync.cli.playing import Playground, Wanted
from tests.pages import assert_accessible
from tests.sandbox.conftest import browser
from tests.sync.installation import RULES, install
from tests.sync.test_workbench import issue

pytestmark = [pytest.mark.uncounted, pytest.mark.long(25)]  # smaller tests count the lines that it runs
__all__ = ["browser"]  # a fixture

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@dataclass
class Stage:
    """A playground, its world, and a browser before it; whatever the console complains of is a fault."""

    world: World
    folder: Path
    url: str
    key: str
    browser: Browser
    faults: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "rules.d" / "rules.toml"

    def open(self, size: ViewportSize = WIDE, scheme: Literal["light", "dark"] = "light", key: str = "") -> Page:
        view = self.browser.new_page(viewport=size, color_scheme=scheme, accept_downloads=True)
        view.set_default_timeout(20_000)
        view.on("console", lambda told: self.faults.append(told.text) if told.type in {"error", "warning"} else None)
        view.on("pageerror", lambda error: self.faults.append(str(error)))
        view.on("dialog", lambda dialog: (self.faults.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        view.goto(f"{self.url}?key={key or self.key}")
        expect(view.locator(".wb-said")).not_to_be_empty()
        return view


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path, dict[bool, str], str]]:
    """A world with a ticket, and two playgrounds: one that may write, one that may not."""
    with World() as world:
        folder = tmp_path_factory.mktemp("playground")
        config = install(folder, world)
        key = world.create("ann", {"Summary": "Checkout is well"})
        world.clock.advance(timedelta(minutes=7))
        world.change("bob", key, {"Summary": "Checkout is down"})
        world.create("ann", {"Summary": "Search is down"})
        both = {may: Playground(settings.load(config), Wanted(may_apply=may)) for may in (False, True)}
        urls = {may: f"http://127.0.0.1:{one.start()}/workbench/" for may, one in both.items()}
        both[False].desk.gather()
        yield world, folder, urls, key
        for one in both.values():
            one.stop()


def staged(served: tuple[World, Path, dict[bool, str], str], browser: Browser, *, may_apply: bool) -> Iterator[Stage]:
    world, folder, urls, key = served
    made = Stage(world, folder, urls[may_apply], key, browser)
    made.file.write_text(RULES)
    yield made
    for context in browser.contexts:
        context.close()
    assert made.faults == []


@pytest.fixture
def stage(served, browser):
    yield from staged(served, browser, may_apply=False)


@pytest.fixture
def writing(served, browser):
    yield from staged(served, browser, may_apply=True)


def editor(view: Page) -> Locator:
    return view.get_by_label("rules.d/rules.toml")


def test_the_page_shows_the_ticket_with_what_happens_next_and_why(stage):
    view = stage.open()
    expect(view.get_by_role("heading", name=f"{stage.key} Checkout is down")).to_be_visible()
    expect(view.get_by_role("region", name="What happens next")).to_contain_text("severity = high")
    rule = view.get_by_role("region", name="Why").locator("details.wb-rule", has_text="unacknowledged")
    rule.locator("summary").first.click()
    expect(rule).to_contain_text("not acknowledged")


def test_a_mistake_is_underlined_while_it_is_typed_and_one_jumps_to_it(stage):
    view = stage.open()
    text = RULES.replace("mentions(summary", "mentions(sumary")
    editor(view).fill(text)
    mark = view.locator(".wb-mark")
    expect(mark).to_have_text("sumary")
    problem = view.get_by_label("Problems").get_by_role("listitem")
    expect(problem).to_contain_text("did you mean summary?")
    expect(view.locator(".wb-said")).to_have_text("1 problem")
    view.get_by_role("button", name="go there").click()
    expect(editor(view)).to_be_focused()
    assert view.evaluate("String(getSelection())") == "sumary"
    editor(view).fill(RULES)
    expect(mark).to_have_count(0)
    expect(view.locator(".wb-said")).to_have_text("No problems")


def test_a_mark_lies_exactly_under_the_letters_that_are_wrong(stage):
    view = stage.open()
    editor(view).fill(RULES.replace("'mentions(summary", '\'"🔥é" == summary or mentions(sumary'))
    mark = view.locator(".wb-mark")
    expect(mark).to_have_text("sumary")
    same = "([a, b]) => { const [x, y] = [a, b].map(e => e.getBoundingClientRect()); return [x.x - y.x, x.y - y.y]; }"
    layers = [view.locator(name).element_handle() for name in (".wb-code", ".wb-input")]
    assert view.evaluate(same, layers) == [0, 0]
    code, marks = view.locator(".wb-code").inner_text(), view.locator(".wb-marks").inner_text()
    assert code == marks == f"{editor(view).input_value()}\n"


def test_what_a_change_would_make_is_shown_within_a_moment(stage):
    view = stage.open()
    watch = """() => new Promise(done => {
        const seen = new MutationObserver(() => {
            if (document.querySelector('.wb-change .wb-is-changed')) done(performance.now() - window.typed);
        });
        seen.observe(document.querySelector('.wb-change'), { childList: true, subtree: true });
        const input = document.querySelector('.wb-input');
        input.value = input.value.replace('after = "5m"', 'after = "9m"');
        window.typed = performance.now();
        input.dispatchEvent(new Event('input', { bubbles: true }));
    })"""
    took = view.evaluate(watch)
    change = view.get_by_role("region", name="What this change would do")
    expect(change).to_contain_text("changed")
    expect(change).to_contain_text(re.compile(r"\d of \d other open ticket"))
    assert took < 2000, "a busy machine is given time"
    print(f"shown {took:.0f} ms after the last key")


def test_time_can_be_led_through_the_life_of_the_ticket(stage):
    view = stage.open()
    slider = view.get_by_role("slider", name="Moment of the ticket's life")
    plan = view.locator(".wb-plan")
    expect(plan).to_contain_text("severity = high")
    view.get_by_role("button", name="The moment before").click()
    slider.press("Home")
    expect(view.get_by_role("heading", name="Checkout is well")).to_be_visible()
    expect(plan).not_to_contain_text("severity = high")
    slider.press("End")
    expect(view.locator(".wb-then")).to_contain_text("if nobody does anything")
    expect(plan.locator(".wb-status-owed")).to_contain_text("call #incidents")
    view.get_by_role("button", name="Now", exact=True).click()
    expect(view.get_by_role("heading", name="Checkout is down")).to_be_visible()
    expect(view.locator(".wb-then")).to_have_count(0)


def test_a_rule_in_the_plan_leads_to_where_it_is_written(stage):
    view = stage.open()
    view.locator(".wb-plan").get_by_role("button", name="unacknowledged").first.click()
    expect(editor(view)).to_be_focused()
    assert view.evaluate("String(getSelection())") == "[[escalate]]"


def test_a_rule_of_a_pack_is_changed_where_it_may_be(stage):
    stage.file.write_text(RULES.replace('timezone = "UTC"', 'timezone = "UTC"\npacks = ["incident"]'))
    view = stage.open()
    rule = view.locator("details.wb-rule", has_text="incident.critical-down").first
    rule.locator("summary").first.click()
    rule.get_by_role("button", name="Change it").click()
    assert view.evaluate("String(getSelection())") == '[change."incident.critical-down"]'
    added = editor(view).input_value().split('[change."incident.critical-down"]\n')[1]
    assert 'set = { severity = "high" }' in added
    assert "id =" not in added
    expect(view.locator(".wb-change")).to_contain_text("makes no difference")
    rule.get_by_role("button", name="Change it").click()
    assert editor(view).input_value().count("[change.") == 1
    view.keyboard.press("Control+z")
    assert "[change." not in editor(view).input_value()


def test_nothing_is_written_and_the_text_can_be_taken_along(stage):
    view = stage.open()
    expect(view.get_by_role("button", name="Apply")).to_have_count(0)
    editor(view).fill(RULES + "# mine\n")
    with view.expect_download() as found:
        view.get_by_role("button", name="Download").click()
    assert Path(found.value.path()).read_text() == RULES + "# mine\n"
    assert found.value.suggested_filename == "rules.toml"
    assert stage.file.read_text() == RULES
    view.reload()
    expect(editor(view)).to_have_value(RULES + "# mine\n")
    view.get_by_role("button", name="Discard").click()
    expect(editor(view)).to_have_value(RULES)


def test_a_change_is_applied_where_that_is_allowed_and_not_with_problems(writing):
    view = writing.open()
    button = view.get_by_role("button", name="Apply")
    expect(button).to_be_disabled()
    editor(view).fill(RULES.replace('"high" }', '"hihg" }'))
    expect(view.locator(".wb-said")).to_have_text("1 problem")
    expect(button).to_be_disabled()
    changed = RULES.replace('after = "5m"', 'after = "9m"')
    editor(view).fill(changed)
    expect(button).to_be_enabled()
    editor(view).press("Control+s")
    expect(view.locator(".wb-said")).to_have_text("rules.d/rules.toml is written.")
    assert writing.file.read_text() == changed
    expect(button).to_be_disabled()


def test_what_somebody_else_saves_is_shown_and_half_written_text_stays(stage):
    view = stage.open()
    stage.file.write_text(RULES + "# by somebody else\n")
    view.evaluate("document.dispatchEvent(new CustomEvent('workbench:changed'))")
    expect(editor(view)).to_have_value(RULES + "# by somebody else\n")
    editor(view).fill(RULES + "# by me\n")
    stage.file.write_text(RULES)
    view.evaluate("document.dispatchEvent(new CustomEvent('workbench:changed'))")
    view.wait_for_timeout(900)
    expect(editor(view)).to_have_value(RULES + "# by me\n")


def test_another_ticket_is_opened_and_one_is_made_up(stage):
    other = stage.world.create("ann", {"Summary": ATTACK})
    view = stage.open()
    view.get_by_label("Ticket", exact=True).fill(other)
    view.get_by_role("button", name="Read", exact=True).click()
    expect(view.get_by_role("heading", name=f"{other} {ATTACK}")).to_be_visible()
    assert view.locator("main script, main img").count() == 0
    view.get_by_text("make up a ticket").click()
    words = view.get_by_label("Its words, as in the ticket of a [[test]]", exact=False)
    words.fill('summary = "Search is down"\nsevrity = "low"')
    stage.faults.clear()
    view.get_by_role("button", name="Look at it").click()
    expect(view.locator("#wb-paste-said")).to_contain_text("line 2: no field sevrity, did you mean severity?")
    stage.faults.clear()  # the console tells of the 400 that this is
    words.fill('summary = "Search is down"')
    view.get_by_role("button", name="Look at it").click()
    expect(view.get_by_role("heading", name="TEST-2 Search is down")).to_be_visible()
    expect(view.get_by_role("region", name="What happens next")).to_contain_text("severity = high")


def test_a_ticket_of_jiras_json_is_pasted_and_everybody_can_do_so(stage):
    view = stage.open()
    view.get_by_text("paste one").click()
    words = view.get_by_label("or the JSON that Jira answers for it", exact=False)
    words.fill(json.dumps(issue(summary=f"Search is down {ATTACK}")))
    assert_accessible(view)
    view.get_by_role("button", name="Look at it").click()
    expect(view.get_by_role("heading", name=f"OPS-42 (pasted) Search is down {ATTACK}")).to_be_visible()
    expect(view.get_by_role("region", name="What happens next")).to_contain_text("severity = high")
    assert view.locator("main script, main img").count() == 0
    assert_accessible(view)


def test_the_keyboard_is_enough_and_is_not_trapped(stage):
    view = stage.open()
    editor(view).focus()
    view.keyboard.press("Tab")
    assert view.evaluate("document.activeElement.tagName") == "BUTTON"
    view.keyboard.press("Shift+Tab")
    expect(editor(view)).to_be_focused()
    editor(view).fill(RULES.replace('"high" }', '"hihg" }') + "x")
    expect(view.locator(".wb-problem").first).to_be_visible()
    view.keyboard.press("F8")
    assert view.evaluate("getSelection().toString().length") > 0


def test_what_is_opened_stays_open_when_the_ticket_changes(stage):
    view = stage.open()
    rule = view.locator("details.wb-rule", has_text="down").first
    rule.locator("summary").first.click()
    stage.world.change("bob", stage.key, {"Summary": "Checkout is down, and renamed"})
    try:
        view.evaluate("document.dispatchEvent(new CustomEvent('workbench:changed'))")
        expect(view.get_by_role("heading", name="Checkout is down, and renamed")).to_be_visible()
        assert rule.evaluate("rule => rule.open")
    finally:
        stage.world.change("bob", stage.key, {"Summary": "Checkout is down"})


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_the_page_fits_and_everybody_can_use_it(stage, size, scheme):
    view = stage.open(size, scheme)
    editor(view).fill(RULES.replace('after = "5m"', 'after = "9m"'))
    expect(view.locator(".wb-change .wb-is-changed")).to_have_count(1)
    for summary in view.locator("details.wb-rule > summary:visible").all():
        summary.click()
    assert_accessible(view)
    editor(view).fill(RULES.replace('"high" }', '"hihg" }'))
    expect(view.locator(".wb-problem")).to_have_count(1)
    view.get_by_text("make up a ticket").click()
    view.get_by_role("button", name="The moment before").click()
    expect(view.locator(".wb-then")).to_be_visible()
    assert_accessible(view)
    assert view.evaluate("document.documentElement.scrollWidth") <= size["width"]
