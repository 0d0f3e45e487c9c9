"""What was done before the process died, and what was said to whom, stands in the log all the same."""

from __future__ import annotations

import pytest

from tests.sync.fate import Died, Fate
from tests.sync.test_crash import Mortal

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs

LIFE = ("severity = high", "team = payments", "assignee", "show in #incidents", "call tom")


def life(fate: Fate) -> Mortal:
    """A ticket is made, its first call goes out, and ten minutes pass."""
    world = Mortal(fate)
    world.ticket()
    world.at("09:05:01")
    world.at("09:14")
    return world


def die() -> None:
    raise Died


def told(world: Mortal) -> str:
    (ref,) = world.tracker.tickets
    return world.log(ref)


CALLS = life(Fate()).fate.calls


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, CALLS + 1))
def test_the_log_tells_everything_wherever_the_process_dies(number: int, when: str) -> None:
    calm, log = told(life(Fate())), told(life(Fate({(number, when): die})))
    assert {line: log.count(line) for line in LIFE} == {line: calm.count(line) for line in LIFE}, log


def over(fate: Fate) -> Mortal:
    """The same life to its end: it is resolved, which two places are told."""
    world = life(fate)
    (ref,) = world.tracker.tickets
    world.person(ref, phase="resolved")
    world.at("09:25")
    return world


@pytest.mark.parametrize("number", range(CALLS + 1, over(Fate()).fate.calls + 1))
def test_news_stand_in_the_log_once_though_nobody_knows_of_what_they_were(number: int) -> None:
    for when in ("before", "after"):
        log = told(over(Fate({(number, when): die})))
        news = [line for line in log.splitlines() if line.endswith(("(milestones)", "(mail-news)"))]
        assert len(news) == 2, log


class Noting(Mortal):
    """The same where comments cannot be edited, so that the log is a row of notes."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(fate)
        self.tracker.edits_comments = False  # type: ignore[misc]  # a fact of the class, elsewhere


def noted(fate: Fate) -> str:
    """All notes of a ticket whose card is brought up to date in the look that tells two places that it is over."""
    world = Noting(fate)
    world.ticket()
    world.at("09:05:01")
    (ref,) = world.tracker.tickets
    world.person(ref, phase="resolved")
    world.at("09:25")
    return "\n".join(comment.text for comment in world.tracker.tickets[ref].comments)


NOTED = Fate()
noted(NOTED)


@pytest.mark.parametrize("number", range(1, NOTED.calls + 1))
def test_a_row_of_notes_loses_no_news_wherever_the_process_dies(number: int) -> None:
    for when in ("before", "after"):
        log = noted(Fate({(number, when): die}))
        news = [line for line in log.splitlines() if line.endswith(("(milestones)", "(mail-news)"))]
        assert len(news) == 2, log


def test_a_log_that_tells_everything_is_not_written_again() -> None:
    world = life(Fate())
    before = dict(world.tracker.tickets)
    world.restart()
    world.at("09:14:30")
    assert world.tracker.tickets == before
