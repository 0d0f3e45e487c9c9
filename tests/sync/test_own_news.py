"""What we write ourselves is news like any other, once: at the moment that the tracker gives it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.model import Edit
from connectors.testing import MemoryMessenger
from sync.look import Site
from tests.world import COMPANY, World

RULES = """
[[classify]]
id = "down"
when = 'mentions(text, "down")'
set = { severity = "high" }
[[notify]]
id = "raised"
on = ["raised", "changed:severity"]
to = ["email:boss@example.org"]
"""


class SlowWorld(World):
    """A world whose tracker dates an edit some time after the moment at which the look began."""

    takes = timedelta(milliseconds=300)

    def __init__(self) -> None:
        mail = lambda clock: {"email": MemoryMessenger(clock, "email", searchable=False, editable=False)}  # noqa: E731
        super().__init__(RULES, COMPANY, site=Site(defaults={"severity": "low"}), messengers=mail)
        write = self.tracker.write

        def later(ref: str, edit: Edit | None, ledger: str | None) -> None:
            self.now += self.takes
            write(ref, edit, ledger)

        self.tracker.write = later  # type: ignore[method-assign]  # the same write, in a product that takes its time


@pytest.mark.parametrize("severity", ["low", None])
def test_news_of_our_own_edit_are_told_once_where_the_tracker_dates_it_later(severity: str | None) -> None:
    world = SlowWorld()
    world.ticket(severity=severity)
    world.later(timedelta(minutes=10))
    texts = [post.message.text for post in world.messengers["email"].posts]
    assert len(texts) == 1, texts
    assert "high" in texts[0]


def test_news_of_our_own_edit_are_told_within_a_second() -> None:
    world = SlowWorld()
    world.ticket(severity="low")
    world.later(timedelta(seconds=2))
    assert len(world.messengers["email"].posts) == 1


def test_a_restart_tells_it_no_second_time() -> None:
    world = SlowWorld()
    world.ticket(severity="low")
    world.restart()
    world.later(timedelta(minutes=10))
    assert len(world.messengers["email"].posts) == 1
