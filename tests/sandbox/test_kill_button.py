"""The demonstration as a newcomer plays with it: Pointman is killed by the button, and nobody can tell by the end."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from sandbox.clock import Clock
from sandbox.elsewhere import MAIL, TEAMS
from sandbox.keeper import Keeper
from sandbox.page import Beside
from sandbox.page import Page as Served
from sandbox.player import Pace, Player
from sandbox.process import Pointman, Workbench
from sandbox.scenario import HERE, load
from sandbox.tally import PATIENCE
from sandbox.world import World
from tests.pages import assert_accessible
from tests.sandbox.stage import NARROW, WIDE, Stage

pytestmark = pytest.mark.long(50)
SCENARIO = load(HERE / "checkout-down.toml")
EXPECTED = [expect for expect in SCENARIO.expects if not expect.place.startswith((TEAMS, MAIL))]
"""Not what is expected in Teams and by mail, which this story is played without: see `test_kill_beside.py`."""
TIMED = re.compile("an update for management and customers is due|Next update by")
PACE = Pace(fast=300.0, waiting=300.0, patience=PATIENCE)


@dataclass
class Show:
    """A demonstration that plays: everything that `pointman demo` starts, in this process."""

    world: World
    player: Player
    keeper: Keeper
    workbench: Workbench
    page: Served
    url: str
    ended: tuple[object, ...] = ()

    def end(self) -> None:
        """Wait until the story is over."""
        until = time.monotonic() + 130
        while not self.player.done and time.monotonic() < until:
            time.sleep(0.05)
        assert self.player.done
        self.world.hurry(1.0)
        tally = self.page.tally
        self.ended = (tally.killed, tally.lost, tally.doubled, self.player.held, self.seen())

    def seen(self) -> list[object]:
        """What stands in Jira and Slack, without what depends on when it was done.

        Nor is what the clock alone sends, updates and the reminders of them. At this pace a minute lasts a fifth of a
        second, so how many go out, and whether one says that it is late, depends on how long a look takes. What the
        story expects of them is held against it by the player, and the tally counts them.
        """
        tickets = [
            (view["key"], {name: anytime(value) for name, value in view["fields"].items()}, len(view["comments"]))
            for view in self.world.jira.views()
        ]
        every = (post for post in self.world.posts() if not TIMED.search(post.text))
        posts = [(p.place, anytime(p.text), p.buttons, bool(p.message.thread_ts)) for p in every]
        return [*tickets, *sorted(posts)]


def anytime(said: object) -> str:
    """The same whether it was done a minute earlier or later, and in whichever world: each has a port of its own."""
    return re.sub(r"\b\d\d:\d\d\b|(?<=http://127.0.0.1:)\d+", "…", str(said))


@contextmanager
def playing(folder: Path) -> Iterator[Show]:
    world = World(Clock(SCENARIO.start), SCENARIO.channels)
    player, stop = Player(SCENARIO, world, PACE), threading.Event()
    with ExitStack() as stack:
        stack.enter_context(world)
        pointman = Pointman(world, folder)
        pointman.install()
        pointman.start()
        stack.callback(pointman.stop)
        keeper, workbench = Keeper(pointman, lambda _: player.reborn()), Workbench(pointman)
        workbench.start()
        stack.callback(workbench.stop)
        page = Served(world, Beside(player, keeper, workbench))
        url = page.start()
        stack.callback(page.stop)
        pointman.wait()
        workbench.wait()
        keeper.start()
        stack.callback(keeper.stop)
        plays = threading.Thread(target=player.play, args=(stop,), daemon=True)
        plays.start()
        stack.callback(plays.join)
        stack.callback(stop.set)
        yield Show(world, player, keeper, workbench, page, url)


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """How the story ends in which nobody was killed."""
    with playing(tmp_path_factory.mktemp("unharmed")) as show:
        show.end()
        return show.ended


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Show]:
    """The story in which somebody pressed the button ten times in a row; it stays on the stage when it is over."""
    with playing(tmp_path_factory.mktemp("killed")) as show:
        stage = Stage(show.world, show.url, browser)
        view = stage.open()
        button = view.get_by_role("button", name="kill -9 Pointman")
        moment(show, 4)  # a call is due in a minute
        for _ in range(3):
            button.click()
        moment(show, 15)  # Slack is away, and another call is due
        for _ in range(3):
            button.click()
        moment(show, 20)  # Ann has just clicked
        button.evaluate("button => { for (let n = 0; n < 4; n += 1) button.click(); }")
        show.end()
        view.context.close()
        assert stage.faults == []
        yield show


def moment(show: Show, minutes: int) -> None:
    while show.player.elapsed.total_seconds() < 60 * minutes:
        time.sleep(0.01)


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"])
def view(request: pytest.FixtureRequest, killed: Show, browser: Browser) -> Iterator[Page]:
    stage = Stage(killed.world, killed.url, browser)
    yield stage.open(request.param)
    for context in browser.contexts:
        context.close()
    assert stage.faults == []


def slide(view: Page, seconds: int) -> None:
    """Move the slider to so many seconds after the beginning."""
    view.get_by_role("slider", name="Show the world as it was at").evaluate(
        "(slider, by) => { slider.value = Number(slider.min) + by; slider.dispatchEvent(new Event('input')); }", seconds
    )


def test_ten_kills_lose_nothing_double_nothing_and_the_end_is_the_same(
    killed: Show, unharmed: tuple[object, ...]
) -> None:
    assert [one for one in killed.ended[4] if one not in unharmed[4]] == []
    assert killed.ended == (10, *unharmed[1:])
    assert unharmed[:4] == (0, 0, 0, len(EXPECTED))
    assert killed.keeper.pointman.started >= 11


def test_the_page_tells_it_and_breaks_no_rule_of_accessibility(killed: Show, view: Page) -> None:
    for name, count in (("killed", killed.keeper.killed), ("lost", 0), ("doubled", 0)):
        expect(view.locator(f"[data-key=counter-{name}] dd")).to_have_text(str(count))
    expect(view.get_by_text("Pointman is up")).to_be_visible(timeout=20_000)
    view.get_by_text("How this is counted").click()
    expect(view.get_by_text("Pointman itself is never asked.")).to_be_visible()
    expect(view.locator("[data-workbench] > *").first).to_be_visible()
    view.wait_for_timeout(300)  # what is fresh fades in
    assert view.evaluate("document.documentElement.scrollWidth") <= view.viewport_size["width"]
    assert_accessible(view)


def test_the_slider_shows_the_world_as_it_was_and_leads_back(view: Page) -> None:
    title = view.locator("#ticket h3")
    view.locator("#queue [data-key=row-OPS-1] a").click()
    expect(title).to_have_text("OPS-1 Checkout is down, carts too")
    slide(view, 7 * 60)
    expect(view.locator("#then")).to_contain_text("As it was at 09:07:00")
    expect(title).to_have_text("OPS-1 Checkout is down")
    expect(view.locator("#ticket .next")).to_contain_text("09:15")
    expect(view.locator("#ticket .next")).to_contain_text("in 8 min")
    expect(view.locator("#messages article.message")).to_have_count(1)
    assert all(button.is_disabled() for button in view.locator("#messages .actions button").all())
    expect(view.get_by_role("button", name="Comment")).to_have_count(0)
    expect(view.get_by_label("Write into the channel")).not_to_be_visible()
    assert_accessible(view)
    slide(view, 0)
    expect(view.locator("#queue")).to_contain_text("There were no tickets yet.")
    view.get_by_role("link", name="Back to now").click()
    expect(view.locator("#then")).to_be_empty()
    expect(title).to_have_text("OPS-1 Checkout is down, carts too")
    expect(view.get_by_role("button", name="Comment")).to_be_visible()
    expect(view.get_by_label("Write into the channel")).to_be_visible()


def test_the_slider_works_by_keyboard_too(view: Page) -> None:
    slider = view.get_by_role("slider", name="Show the world as it was at")
    slider.focus()
    slider.press("Home")
    expect(view.locator("#then")).to_contain_text("As it was at 09:00:0")
    slider.press("End")
    expect(view.locator("#then")).to_be_empty()


def test_the_workbench_explains_the_ticket_that_is_open(view: Page) -> None:
    bench = view.locator("[data-workbench]")
    view.locator("#queue [data-key=row-OPS-1] a").click()
    expect(bench).to_contain_text("critical-down")
    view.locator("#queue [data-key=row-OPS-2] a").click()
    expect(bench).to_contain_text("A typo on the start page")


def test_a_ticket_of_ones_own_is_counted_too_and_killing_on_changes_nothing(killed: Show, view: Page) -> None:
    before = killed.page.tally.killed
    view.get_by_text("Create a ticket").click()
    view.get_by_label("Summary").fill("Checkout is down again")
    view.get_by_label("Service").select_option("Checkout (prod)")
    view.get_by_role("button", name="Create", exact=True).click()
    button = view.get_by_role("button", name="kill -9 Pointman")
    button.click()
    expect(view.locator("[data-key=counter-killed] dd")).to_have_text(str(before + 1))
    expect(view.locator("#ticket .head .severity")).to_have_text("High", timeout=20_000)
    view.locator("#ticket").get_by_role("button", name="Resolve").click()
    key = view.locator("#ticket [data-ticket]").get_attribute("data-ticket")
    told = re.compile(rf"{key} Checkout is down again:.*resolved by")  # under its card, if that came before the end
    expect(view.locator("#messages")).to_contain_text(told, timeout=20_000)
    for name in ("lost", "doubled"):
        expect(view.locator(f"[data-key=counter-{name}] dd")).to_have_text("0")


def test_a_kill_from_a_terminal_is_seen_and_counted_too(killed: Show, view: Page) -> None:
    before, pointman = killed.keeper.killed, killed.keeper.pointman
    os.kill(pointman.pid, signal.SIGKILL)
    expect(view.locator("[data-key=counter-killed] dd")).to_have_text(str(before + 1))
    expect(view.locator("#proof")).to_contain_text(f"life {pointman.started}")
    expect(view.get_by_text("Pointman is up")).to_be_visible(timeout=20_000)


def test_rules_are_changed_on_the_page_and_what_they_promise_changes_with_them(killed: Show, view: Page) -> None:
    file = killed.keeper.pointman.folder / "rules.d" / "00-company.toml"
    editor = view.get_by_role("textbox", name="rules.d/00-company.toml")
    expect(editor).to_have_value(re.compile("What the company is"))
    wide = view.viewport_size["width"]
    before = file.read_text()
    editor.fill(f"{before}# at {wide}\n[escalations.nobody]\nx = 1\n")
    problem = view.get_by_role("list", name="Problems")
    expect(problem).to_contain_text("escalations")
    expect(view.get_by_role("button", name="Apply")).to_be_disabled()
    editor.fill(f"{before}# at {wide}\n")
    expect(view.get_by_text("No problems", exact=True)).to_be_visible()
    with view.expect_response("**/workbench/apply") as applied:
        view.get_by_role("button", name="Apply").click()
    assert applied.value.ok
    expect(view.locator("#proof")).to_contain_text("You changed the rules at")
    assert file.read_text() == f"{before}# at {wide}\n"


def test_the_workbench_outlives_pointman_and_answers_its_own_page_only(killed: Show) -> None:
    script = f"{killed.url}workbench/static/workbench.js"
    killed.keeper.kill()
    there = requests.get(script, timeout=10)
    assert (there.status_code, there.headers["content-type"].split(";")[0]) == (200, "text/javascript")
    assert "unsafe" not in there.headers["content-security-policy"]
    assert requests.get(script, headers={"Origin": "https://evil.example"}, timeout=10).status_code == 403
