"""What was told in Teams and by mail is read from there, and told twice counts as such, unless it says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest

from sandbox.clock import Clock
from sandbox.elsewhere import OURS, Repeats, repeats, said
from sandbox.scenario import Expect
from sandbox.seeing import counted, seen
from sandbox.teams.state import BOT
from sandbox.teams.world import Message
from sandbox.world import PRODUCTS, World

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MARKED = "(You may have received this before.)"
PLACES = ("teams:#Incidents", "mail:incidents@example.org")


@pytest.fixture
def world() -> Iterator[World]:
    with World(Clock(NOW, speed=0), ("#incidents",), products=PRODUCTS) as made:
        yield made


def tell(world: World, place: str, text: str, root: str = "", id_: str = "") -> Message | None:
    """Pointman tells something at a place; `id_` is a mail's Message-ID."""
    if place.startswith("teams:"):
        assert world.teams is not None
        room = world.teams.state.channel("Incidents")
        lines = [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": t}]} for t in text.split("\n")]
        shown = {"type": "AdaptiveCard", "version": "1.5", "body": lines, "actions": [{"title": "Take it"}]}
        return world.teams.state.post(room, Message(world.teams.state.stamp(), BOT, "", shown, root))
    assert world.mail is not None
    mail = EmailMessage()
    mail["From"], mail["Subject"] = f"Pointman <{OURS}>", "x"
    mail["Message-ID"] = id_ or f"<{len(world.mail.state.inbox('incidents@example.org'))}@example.org>"
    if root:
        mail["References"] = root
    mail.set_content(text)
    mail.add_alternative(
        f'<p>{text}</p><a href="http://p/act?t=1">Take it</a> <a href="http://x">x</a>', subtype="html"
    )
    world.mail.state.deliver(OURS, ["incidents@example.org"], mail.as_bytes())
    return None


@pytest.mark.parametrize("place", PLACES)
def test_what_was_told_has_its_words_its_buttons_and_what_it_stands_under(world: World, place: str) -> None:
    first = tell(world, place, "OPS-1 Checkout is down\nSeverity high")
    tell(world, place, "OPS-1 resolved", first.id if first else "<0@example.org>")
    top, under = said(world)
    assert (top.place, top.text.strip(), top.buttons) == (place, "OPS-1 Checkout is down\nSeverity high", ("Take it",))
    assert (top.under, under.text.strip(), under.tickets) == ("", "OPS-1 resolved", frozenset({"OPS-1"}))
    assert under.under
    assert said(world, place) == (top, under)
    assert said(world, "teams:@ann") == ()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("second", "minutes", "expected", "why"),
    [
        ("OPS-1 down", 2, Repeats(1, 0), "the same words again, and nothing says that they are"),
        (f"OPS-1 down\n\n{MARKED}", 2, Repeats(0, 1), "it says so"),
        ("OPS-1 down", 10, Repeats(), "the ladder's next step has the same words"),
        ("OPS-2 down", 2, Repeats(), "another ticket"),
    ],
)
def test_told_twice_is_doubled_unless_it_says_so(
    world: World, place: str, second: str, minutes: int, expected: Repeats, why: str
) -> None:
    tell(world, place, "OPS-1 down")
    world.clock.advance(timedelta(minutes=minutes))
    tell(world, place, second)
    assert repeats(world) == expected, why


def test_two_mails_under_one_id_are_one_too_many(world: World) -> None:
    tell(world, PLACES[1], "OPS-1 down", id_="<1@example.org>")
    world.clock.advance(timedelta(hours=1))
    tell(world, PLACES[1], "OPS-1 still down", id_="<1@example.org>")
    assert repeats(world) == Repeats(1, 0)


def test_an_edit_makes_nothing_told_twice(world: World) -> None:
    first, second = tell(world, PLACES[0], "OPS-1 down"), tell(world, PLACES[0], "OPS-1 up")
    assert first is not None
    assert second is not None
    second.card = first.card
    assert repeats(world) == Repeats()


@pytest.mark.parametrize("place", PLACES)
def test_an_expectation_counts_no_repeat_that_says_so(world: World, place: str) -> None:
    expect = Expect(timedelta(0), "told once", place=place, text="OPS-1 down", times=1)
    world.create("ann", {"Summary": "x"})
    tickets = {"x": "OPS-1"}
    assert seen(expect, world, tickets) == "0 such messages"
    tell(world, place, f"OPS-1 down\n\n{MARKED}")
    assert seen(expect, world, tickets) == "", "the first did not go out"
    tell(world, place, "OPS-1 down\n")
    tell(world, place, f"OPS-1 down\n\n{MARKED}")
    assert counted(expect, world, tickets) == 2


def test_quiet_is_broken_by_a_word_in_teams_or_by_mail(world: World) -> None:
    for place in PLACES:
        before = world.fingerprint()
        tell(world, place, "OPS-1 down")
        assert world.fingerprint() != before
        assert world.fingerprint(["OPS-1"]) == world.fingerprint(["OPS-1", "OPS-2"])
