"""A browser for the tests that look at a page, and the page of a world that Pointman runs in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from sandbox.clock import Clock
from sandbox.page import Page
from sandbox.process import Pointman
from sandbox.world import World
from tests.sandbox.stage import Stage

expect.set_options(timeout=20_000)  # a busy machine is no failure
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        if os.environ.get("CONTRACTS") == "required":
            pytest.fail("CONTRACTS=required, but there is no chromium to look at the page with")
        pytest.skip("there is no chromium to look at the page with (apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """The world, with the `PRODUCTS` of the module, and the address of its page; Pointman runs in it."""
    products = getattr(request.module, "PRODUCTS", ())
    with World(Clock(), ("#incidents", "#management"), products=products) as world:
        pointman = Pointman(world, tmp_path_factory.mktemp("pointman"))
        page = Page(world)
        url = page.start()
        try:
            pointman.install()
            pointman.start()
            pointman.wait()
            yield world, url
        finally:
            page.stop()
            pointman.stop()


@pytest.fixture
def stage(served: tuple[World, str], browser: Browser) -> Iterator[Stage]:
    """The page before a browser that must not complain."""
    made = Stage(*served, browser)
    yield made
    for context in browser.contexts:
        context.close()
    assert made.faults == []
