"""A page of the sandbox before a browser: whatever the console complains of is a fault, and so is a dialog."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, ViewportSize, expect

from sandbox.world import World

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}


@dataclass
class Stage:
    """A world with Pointman in it, its page, and a browser before it."""

    world: World
    url: str
    browser: Browser
    faults: list[str] = field(default_factory=list)

    def open(self, size: ViewportSize = WIDE) -> Page:
        view = self.browser.new_page(viewport=size)
        view.set_default_timeout(20_000)
        view.on("console", lambda told: self.faults.append(told.text) if told.type in {"error", "warning"} else None)
        view.on("pageerror", lambda error: self.faults.append(str(error)))
        view.on("dialog", lambda dialog: (self.faults.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        view.goto(self.url)
        return view


def created(view: Page, title: str) -> str:
    """A critical ticket, created by the form on the page; its key."""
    view.get_by_text("Create a ticket").click()
    view.get_by_label("Summary").fill(title)
    view.get_by_label("Service").select_option("Checkout (prod)")
    view.get_by_label("Affected users").fill("1400")
    view.get_by_role("button", name="Create", exact=True).click()
    expect(view.locator("#ticket").get_by_role("heading", name=title)).to_be_visible()
    return str(view.locator("#ticket [data-ticket]").get_attribute("data-ticket"))
