"""A ticket whose ledger cannot be written: its calls go out in time, and everything else is tried ever more rarely."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from connectors.errors import Denied, Missing, Temporary
from tests.world import RULES, World

READ_ONLY = Denied("could not edit OPS-1: HTTP 403")


def _reads(world: World, until: timedelta) -> list[datetime]:
    """When the ticket was read while time passed."""
    read: list[datetime] = []
    get = world.tracker.get

    def counted(ref: str) -> object:
        read.append(world.now)
        return get(ref)

    world.tracker.get = counted  # type: ignore[method-assign, assignment]
    world.later(until)
    world.tracker.get = get  # type: ignore[method-assign]
    return read


def test_what_cannot_be_written_is_tried_ever_more_rarely_up_to_an_hour() -> None:
    world = World()
    world.tracker.ledger_error = READ_ONLY
    world.ticket(severity="medium", summary="Checkout is slow")
    reads = _reads(world, timedelta(hours=6))
    gaps = [(later - sooner).total_seconds() // 60 for sooner, later in pairwise(reads)]
    assert gaps[:6] == [2, 4, 8, 16, 32, 60]
    assert len(reads) <= 13, "a handful of looks in six hours"
    assert world.said("#incidents") == []


def test_its_calls_go_out_in_time_all_the_same_and_once() -> None:
    world = World()
    world.tracker.ledger_error = READ_ONLY
    world.ticket(severity="high", team="payments", summary="Checkout is slow")
    world.at("11:00")
    assert [post.at.strftime("%H:%M") for post in world.posts if post.place == "U-tom"] == ["09:05"]
    assert [post.at.strftime("%H:%M") for post in world.posts if post.place == "#management"] == [
        "09:30", "10:00", "10:30",
    ]  # fmt: skip


def test_a_call_that_is_in_doubt_is_not_put_off_with_the_rest() -> None:
    world = World()
    world.tracker.ledger_error = READ_ONLY
    world.ticket(severity="high", team="payments", summary="Checkout is slow")
    slack = world.messengers["slack"]
    slack.error = Temporary("could not post: HTTP 503")
    world.at("09:06")
    slack.error = None
    world.at("09:12")
    assert len(world.said("U-tom")) == 1


def test_what_waited_is_done_when_the_ledger_can_be_written_and_the_next_time_begins_anew() -> None:
    world = World()
    world.tracker.ledger_error = READ_ONLY
    ref = world.ticket(severity="medium", summary="Checkout is slow")
    world.later(timedelta(hours=3))
    world.tracker.ledger_error = None
    world.later(timedelta(hours=1))
    assert len(world.said("#incidents")) == 1
    assert world.engine.notices == {}
    world.tracker.ledger_error = READ_ONLY
    world.person(ref, summary="Checkout is slower")
    assert len(_reads(world, timedelta(minutes=16))) == 4, "after 1, 2, 4 and 8 minutes"


def test_a_reload_tries_at_once_and_from_the_beginning() -> None:
    world = World()
    world.tracker.ledger_error = READ_ONLY
    world.ticket(severity="medium", summary="Checkout is slow")
    world.later(timedelta(hours=3))
    reads = len(_reads(world, timedelta(minutes=5)))
    world.reload(RULES + "\n# touched\n")
    assert len(_reads(world, timedelta(minutes=5))) > reads


def test_a_tracker_that_is_away_for_a_moment_puts_nothing_off_for_long() -> None:
    world = World()
    ref = world.ticket(severity="medium", summary="Checkout is slow")
    write = world.tracker.write
    refusals = iter((None, Temporary("could not edit: HTTP 503"), Temporary("could not edit: HTTP 503")))

    def shaky(ref: str, edit: object, ledger: str | None) -> None:
        error = next(refusals, None)
        if error is not None:
            raise error
        write(ref, edit, ledger)  # type: ignore[arg-type]

    world.tracker.write = shaky  # type: ignore[method-assign]
    world.person(ref, summary="Checkout is slower")
    assert "could not be written" in str(world.engine.notices)
    world.later(timedelta(minutes=3))
    assert world.engine.notices == {}


def test_a_ticket_that_is_gone_is_not_remembered() -> None:
    world = World()
    world.tracker.ledger_error = READ_ONLY
    ref = world.ticket(severity="medium", summary="Checkout is slow")
    assert world.engine.memory.unwritable
    world.tracker.get = _gone  # type: ignore[method-assign, assignment]
    world.look(ref)
    assert not world.engine.memory.unwritable


def _gone(ref: str) -> object:
    raise Missing("could not read it: HTTP 404")
