"""Dies before and after every outside call, once and twice, starts again, and compares the worlds.

A run without faults says what people should have been told. Every faulty run must tell all of that (lost: 0) and may
double at most the one message in flight per crash, where the product cannot be searched, and none where it can.
"""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from connectors.errors import ConnectorError, Denied, Refused, Temporary
from connectors.model import Message, User
from connectors.testing import MemoryMessenger
from sync.crowd import TITLE
from sync.ledger import Ledger
from sync.look import Site
from tests.sync.fate import Died, Fate, die, watched
from tests.world import COMPANY, RULES, World

pytestmark = [pytest.mark.uncounted, pytest.mark.long(45), pytest.mark.usefixtures("silent")]
"""What is measured is measured by the small tests; counting lines would make these take more than twice as long."""

ELSEWHERE = """
[[notify]]
id = "mail"
when = 'severity >= "medium"'
to = ["email:team@example.org"]
text = "{{ key }} {{ severity }}, {{ summary }}"
worth_telling = ["severity"]
[[notify]]
id = "mail-news"
on = ["resolved", "reopened", "raised"]
to = ["email:boss@example.org"]
[[escalate]]
id = "mail-ladder"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["email:boss@example.org", "email:team@example.org"] }]
"""
LAG = timedelta(seconds=30)


class Mortal(World):
    """A world in which the process dies and is started again ten seconds later."""

    def __init__(self, fate: Fate, site: Site | None = None) -> None:
        self.fate, self.crashes, self.tries = fate, 0, 0
        super().__init__(rules=RULES + ELSEWHERE, company=COMPANY, site=site, messengers=_messengers)
        watched(self.tracker, ("get", "write"), fate)
        for messenger in self.messengers.values():
            watched(messenger, ("put", "find", "retire"), fate)

    def look(self, ref: str) -> None:
        self.tries += 1
        try:
            super().look(ref)
        except Died:
            self._reborn()
        self.tries += 1

    def click(self, verb: str, ref: str, by: str = "ann", **args: str) -> str:
        for _ in range(5):
            self.tries += 1
            try:
                answer = super().click(verb, ref, by, **args)
                if not answer.startswith("The tracker refused"):
                    return answer
                self.later(timedelta(seconds=20))
            except Died:  # the person clicks again: the button said that it did not work
                self._reborn()
            except ConnectorError:
                self.later(timedelta(seconds=20))
        raise AssertionError("a click never went through")

    def left(self) -> bytes:
        """What would be there if the process died now: the world, the time, and what was being tried, which goes on."""
        things = [vars(thing) for thing in (self.tracker, *self.messengers.values())]
        state = [{k: v for k, v in one.items() if k != "calls" and not callable(v)} for one in things]
        return pickle.dumps((self.tries, self.now, state))

    def _reborn(self) -> None:
        self.crashes += 1
        self.now += timedelta(seconds=10)
        try:
            self.restart()
        except Died:
            self._reborn()


def _messengers(clock: Callable[[], Any]) -> dict[str, MemoryMessenger]:
    return {
        "slack": MemoryMessenger(clock, "slack", lag=LAG),
        "email": MemoryMessenger(clock, "email", searchable=False, editable=False),
    }


def play(world: World) -> World:
    """The life of one ticket in three hours, with 15 messages."""
    ref = world.ticket()
    world.at("09:06")
    world.person(ref, description="Nobody can pay")
    world.at("09:26")
    world.click("acknowledge", ref)
    world.at("09:40")
    world.person(ref, phase="resolved")
    world.at("10:00")
    world.person(ref, phase="new")
    world.at("10:26")
    world.click("take", ref)
    world.at("10:40")
    world.person(ref, severity="medium")
    world.at("11:00")
    world.person(ref, phase="resolved")
    world.at("12:00")
    return world


Told = Counter[tuple[str, str, str]]


def told(world: World) -> Told:
    """Every message as it stands: product, place and text, without the note that marks a possible repeat."""
    return Counter(
        (name, post.place, _plain(post.message.text))
        for name, messenger in world.messengers.items()
        for post in messenger.posts
    )


def _plain(text: str) -> str:
    """A text without the note of a possible repeat, and without its moments: a fault may shift them by a minute. What
    it tells of earlier calls shifts with them.
    """
    text = re.sub(r"\s(?:Changed|Called): .*?\.(?=\s|$)", "", text)
    return re.sub(r"since \d\d:\d\d", "since then", text.removesuffix("\n\n(You may have received this before.)"))


@cache
def _unharmed() -> Mortal:
    """The world in which nobody died."""
    world = Mortal(Fate())
    world.fate.left = world.left
    play(world)
    return world


@cache
def _baseline() -> tuple[Told, int, tuple[Any, ...]]:
    world = _unharmed()
    return told(world), world.fate.calls, ended(world)


def ended(world: World) -> tuple[Any, ...]:
    """Where the ticket ended."""
    (ticket,) = world.tracker.tickets.values()
    return tuple(str(ticket.get(word)) for word in ("severity", "team", "assignee", "phase"))


def compare(world: Mortal) -> tuple[int, int, int]:
    """Messages lost, doubled where searchable, doubled elsewhere, against the run without faults."""
    expected, _, end = _baseline()
    found = told(world)
    lost = sum((expected - found).values())
    extra = found - expected
    doubled = Counter({"slack": 0, "email": 0})
    for (name, *_), count in extra.items():
        doubled[name] += count
    assert ended(world) == end
    (ticket,) = world.tracker.tickets.values()
    if world.tracker.ledger_error is None and not world.tracker.drops_ledger:
        assert Ledger.loads(ticket.ledger, ticket.ref).open_claims() == {}
    return lost, doubled["slack"], doubled["email"]


def _moments() -> list[tuple[int, str]]:
    """Every death that differs: before and after every call, but once where nothing happened between two of them."""
    return _unharmed().fate.deaths


def test_the_life_that_is_told_is_long_enough_to_break() -> None:
    expected, calls, end = _baseline()
    assert sum(expected.values()) >= 15
    assert calls >= 54
    assert len(_moments()) >= calls - _unharmed().fate.names.count("get"), "whatever is done makes a difference"
    assert end == ("medium", "payments", "ann", "resolved")
    assert max(expected.values()) <= 2


def test_dying_once_anywhere_loses_nothing_and_doubles_at_most_what_was_in_flight() -> None:
    worst = 0
    for moment in _moments():
        world = Mortal(Fate({moment: die}))
        play(world)
        lost, searchable, elsewhere = compare(world)
        assert world.crashes == 1, moment
        assert (lost, searchable) == (0, 0), moment
        assert elsewhere <= 1, moment
        worst = max(worst, elsewhere)
    assert worst == 1, "if nothing is ever doubled the test does not reach the hard moment"


@pytest.mark.parametrize("offset", [1, 3])
def test_dying_twice_loses_nothing_and_doubles_at_most_one_per_crash(offset: int) -> None:
    for first in _moments():
        for gap in range(offset, offset + 8, 4):
            second = (first[0] + gap, "before" if gap % 2 else "after")
            world = Mortal(Fate({first: die, second: die}))
            play(world)
            lost, searchable, elsewhere = compare(world)
            assert (lost, searchable) == (0, 0), (first, second)
            assert elsewhere <= world.crashes, (first, second)


def _times_out_and_arrives(world: Mortal, number: int, delay: timedelta) -> None:
    """The call `number`, if it is a put, answers nothing in time, and arrives `delay` later all the same."""
    for messenger in world.messengers.values():
        inner = messenger.put

        def put(place: str, thing: Message, ref: str | None, key: str, inner: Any = inner, to: Any = messenger) -> str:
            if world.fate.calls + 1 != number or ref is not None:
                return str(inner(place, thing, ref, key))
            made = inner(place, thing, ref, key)
            post = next(p for p in to.posts if p.ref == made)
            post.at = world.now + delay
            post.visible_from = post.at + to.lag
            raise Temporary("could not post: no answer in time")

        messenger.put = put  # type: ignore[method-assign]


@pytest.mark.parametrize(("seconds", "most_searchable", "most_elsewhere"), [(20, 0, 1), (100, 1, 1)])
def test_a_post_that_arrives_after_its_time_out(seconds: int, most_searchable: int, most_elsewhere: int) -> None:
    """At 20 s nothing searchable is doubled; at 100 s it arrives after it was looked for, and may be."""
    for number in (number for number, name in enumerate(_unharmed().fate.names, 1) if name == "put"):
        world = Mortal(Fate())
        _times_out_and_arrives(world, number, timedelta(seconds=seconds))
        play(world)
        lost, searchable, elsewhere = compare(world)
        assert lost == 0, number
        assert searchable <= most_searchable, number
        assert elsewhere <= most_elsewhere, number


LEDGER_FAULTS = {
    "403": Denied("could not edit: HTTP 403"),
    "409": Refused("could not edit: HTTP 409"),
    "413": Refused("could not edit: HTTP 413"),
    "dropped": None,
}


@pytest.mark.parametrize("fault", LEDGER_FAULTS)
def test_a_ledger_that_cannot_be_written_loses_no_call(fault: str) -> None:
    """From some write on, for ten minutes, the ledger is refused, or dropped with success."""
    for number in range(1, _baseline()[1] + 1, 2):
        fate = Fate()
        world = Mortal(fate)

        def strike(world: Mortal = world) -> None:
            world.tracker.drops_ledger = fault == "dropped"
            world.tracker.ledger_error = LEDGER_FAULTS[fault]

        def heal(world: Mortal = world) -> None:
            world.tracker.drops_ledger, world.tracker.ledger_error = False, None

        fate.strikes = {(number, "before"): strike, (number + 4, "before"): heal}
        play(world)
        heal()
        world.sweep()
        world.later(timedelta(minutes=30))
        lost, searchable, elsewhere = compare(world)
        assert (lost, searchable) == (0, 0), (fault, number)
        assert elsewhere <= 1, (fault, number)


def test_a_refused_edit_in_the_batch_is_left_out_and_the_rest_is_done_once() -> None:
    world = Mortal(Fate())
    world.tracker.refused = {"team": "not on the screen"}
    ref = world.ticket()
    world.at("09:06")
    assert world.field(ref, "severity") == "high"
    assert max(told(world).values()) == 1
    assert world.field(ref, "team") is None


def test_a_person_who_changes_the_ticket_in_the_middle_of_a_look_is_kept() -> None:
    for number in range(1, 12):
        for when in ("before", "after"):
            fate = Fate()
            world = Mortal(fate)

            def meddle(world: Mortal = world, fate: Fate = fate) -> None:
                fate.asleep = True
                (ref,) = world.tracker.tickets
                world.tracker.person(ref, "ann", severity="medium")
                fate.asleep = False

            fate.strikes = {(number, when): meddle}
            ref = world.ticket()
            world.look(ref)
            world.at("09:20")
            history = [c for c in world.tracker.tickets[ref].history if c.field == "severity"]
            theirs = next(n for n, c in enumerate(history) if c.by == User("ann"))
            assert len([c for c in history[theirs + 1 :] if c.by != User("ann")]) <= 1, (number, when)
            slack = Counter((p.place, p.message.text) for p in world.messengers["slack"].posts)
            assert max(slack.values()) == 1, (number, when)


def test_a_paused_process_that_wakes_late_sends_nothing_more() -> None:
    """At some call the process stands still for three minutes, while another one does the work.

    Nothing is lost or doubled, but where it stood still inside a write: that write arrives late and takes what the
    other process wrote with it. It may double what was done in those minutes: here at most four messages.
    """
    late = 0
    for number in range(1, 40):
        fate = Fate()
        world = Mortal(fate)

        def pause(world: Mortal = world, fate: Fate = fate) -> None:
            fate.asleep = True
            sleeper = world.engine
            world.now += timedelta(seconds=1)
            world.restart()
            world.later(timedelta(minutes=3))
            world.engine = sleeper
            fate.asleep = False

        fate.strikes = {(number, "before"): pause}
        play(world)
        lost, searchable, elsewhere = compare(world)
        assert lost == 0, number
        if fate.names[number - 1] == "write":
            assert searchable + elsewhere <= 4, number
            late += searchable + elsewhere
        elif fate.names[number - 1] != "put":
            assert (searchable, elsewhere) == (0, 0), number
        else:
            assert searchable + elsewhere <= 1, number
    assert late > 0, "if no late write ever doubles anything the test does not reach the hard moment"


def test_two_live_processes_lose_nothing() -> None:
    """Two processes in one look may double what is in flight; they never lose it."""
    for number in range(1, 30, 3):
        fate = Fate()
        world = Mortal(fate)

        def rival(world: Mortal = world, fate: Fate = fate) -> None:
            fate.asleep = True
            first = world.engine
            world.restart()
            world.engine = first
            fate.asleep = False

        fate.strikes = {(number, "before"): rival}
        play(world)
        assert compare(world)[0] == 0, number


# ---- many calls to one place become one list


def rush(world: Mortal) -> Mortal:
    """Three incidents within minutes, where the second call to a place within ten minutes begins a list."""
    refs = []
    for number in (1, 2, 3):
        refs.append(world.ticket(f"OPS-{number}", f"Checkout {number} is down"))
        world.later(timedelta(minutes=2))
    world.at("09:25")
    for ref in refs:
        world.click("acknowledge", ref)
    world.at("10:30")
    return world


def listed(world: World) -> Told:
    """Every message as it stands, each line of a list as a message of its own."""
    found: Told = Counter()
    for name, messenger in world.messengers.items():
        for post in messenger.posts:
            text = _plain(post.message.text)
            calls = text.splitlines()[2:] if text.startswith(TITLE) else [f"- {' '.join(text.split())}"]
            found.update((name, post.place, call) for call in calls)
    return found


@cache
def _rush() -> Mortal:
    world = Mortal(Fate(), Site(calls=1))
    world.fate.left = world.left
    return rush(world)


def test_dying_while_calls_are_gathered_loses_none_and_doubles_none_that_can_be_searched() -> None:
    expected = listed(_rush())
    lists = [post for post in _rush().posts if post.message.text.startswith(TITLE)]
    assert sum(post.edits for post in lists) >= 3, "lists that grew"
    for moment in _rush().fate.deaths:
        world = rush(Mortal(Fate({moment: die}), Site(calls=1)))
        found = listed(world)
        assert world.crashes == 1, moment
        assert expected - found == Counter(), moment
        doubled = Counter(name for name, *_ in (found - expected).elements())
        assert doubled["slack"] == 0, moment
        assert doubled["email"] <= 1, moment
        for ticket in world.tracker.tickets.values():
            assert Ledger.loads(ticket.ledger, ticket.ref).open_claims() == {}, moment
