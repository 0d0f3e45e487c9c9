"""Random faults, people and clocks; then all is healed, and the queue must come to rest with the worlds in agreement.

Nothing here knows how the engine works: it only lets the fakes fail in every way they can, at random, and asks for
what any administrator would ask for: afterwards every ticket's ledger has no open claim, the standing message says
what the ticket is, nobody who is due was left out, and a look at each ticket changes nothing any more.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import User
from connectors.testing import MemoryMessenger
from sync.ledger import Ledger
from tests.world import COMPANY, RULES, World

pytestmark = [pytest.mark.uncounted, pytest.mark.long(4), pytest.mark.usefixtures("silent")]
"""What is measured is measured by the small tests; counting lines would make these take more than twice as long."""

MAIL = """
[[notify]]
id = "mail"
when = 'severity >= "medium"'
to = ["email:team@example.org"]
text = "{{ key }} {{ severity }}"
[[notify]]
id = "comments"
on = ["commented", "raised"]
to = ["place:incidents", "email:boss@example.org"]
"""
FAULTS: tuple[Callable[[], ConnectorError], ...] = (
    lambda: Temporary("no answer in time"),
    lambda: Temporary("429", retry_after=0, in_doubt=False),
    lambda: Temporary("429", retry_after=3, in_doubt=False),
    lambda: Denied("403"),
    lambda: Missing("404"),
    lambda: Refused("409"),
)


class Weather:
    """Makes calls fail: before they are made or after, while it is bad."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.bad = 0.0

    def over(self, thing: Any, *names: str) -> None:
        for name in names:
            setattr(thing, name, self._faulty(getattr(thing, name), name))

    def _faulty(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if self.random.random() < self.bad:
                error = self.random.choice(FAULTS)()
                if name == "get" and isinstance(error, (Missing, Refused)):
                    error = Temporary("503")
                if isinstance(error, Temporary) and error.in_doubt and self.random.random() < 0.5:
                    original(*args)
                raise error
            return original(*args)

        return call


def _messengers(clock: Callable[[], Any]) -> dict[str, MemoryMessenger]:
    return {
        "slack": MemoryMessenger(clock, "slack", lag=timedelta(seconds=30)),
        "email": MemoryMessenger(clock, "email", searchable=False, editable=False),
    }


class Stormy(World):
    """A world whose looks and clicks may fail; what must not happen is a look without progress, again and again."""

    def __init__(self, seed: int) -> None:
        self.weather = Weather(seed)
        self.looks = 0
        self.deleted = False
        super().__init__(rules=RULES + MAIL, company=COMPANY, messengers=_messengers)
        self.weather.over(self.tracker, "get", "write")
        for messenger in self.messengers.values():
            self.weather.over(messenger, "put", "find", "retire")

    def look(self, ref: str) -> None:
        self.looks += 1
        super().look(ref)

    def ticket_made(self, key: str, **fields: Any) -> str:
        ref = self.tracker.ticket(key, "Checkout is down", service="checkout", **fields)
        self.look(ref)
        return ref


def _act(world: Stormy, ref: str) -> None:
    """Something happens to a ticket, to the process, to the clock, or to the rules; then time passes."""
    rnd = world.weather.random
    happens: list[Callable[[], None]] = [
        lambda: world.person(ref, severity=rnd.choice(["low", "medium", "high"])),
        lambda: world.person(ref, phase=rnd.choice(["new", "active", "resolved"])),
        lambda: world.person(ref, assignee=rnd.choice([User("ann"), User("tom"), None])),
        lambda: _comments(world, ref),
        lambda: _clicks(world, ref),
        world.restart,
        lambda: _deletes(world),
        lambda: _sets_back(world),
        lambda: _reloads(world),
    ]
    rnd.choice(happens)()
    world.later(timedelta(seconds=rnd.choice([1, 20, 130, 400, 1900])))


def _comments(world: Stormy, ref: str) -> None:
    world.tracker.comment(ref, "hm")
    world.look(ref)


def _clicks(world: Stormy, ref: str) -> None:
    verb = world.weather.random.choice(["acknowledge", "unacknowledge", "take", "resolve", "update"])
    try:
        world.click(verb, ref, text="so")
    except ConnectorError:
        world.look(ref)


def _deletes(world: Stormy) -> None:
    posts, rnd = world.messengers["slack"].posts, world.weather.random
    if posts and rnd.random() < 0.3:
        posts.remove(rnd.choice(posts))
        world.deleted = True


def _sets_back(world: Stormy) -> None:
    world.now -= timedelta(seconds=world.weather.random.randrange(90))


def _reloads(world: Stormy) -> None:
    renamed = world.rules_text.replace('id = "card"', 'id = "card2"\nwas = ["card"]')
    world.reload(world.weather.random.choice([world.rules_text, world.rules_text + "\n", renamed]))


def _healed(world: Stormy) -> None:
    world.weather.bad = 0.0
    world.reload(world.rules_text)
    world.later(timedelta(hours=2))
    for ref in world.tracker.tickets:
        world.look(ref)
    world.later(timedelta(hours=2))


@pytest.mark.parametrize("start", [0.1, 0.5])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_whatever_fails_all_comes_to_rest_when_it_is_healed(start: float, seed: int) -> None:
    world = Stormy(seed)
    world.weather.bad = start
    refs = [world.ticket_made(f"OPS-{n}") for n in range(2)]
    for _ in range(10):
        before, began = world.looks, world.now
        _act(world, world.weather.random.choice(refs))
        minutes = max(1.0, (world.now - began) / timedelta(minutes=1))
        assert world.looks - before <= 60 + 40 * minutes, "a hot loop"
    _healed(world)
    calls = (world.tracker.calls, *(m.calls for m in world.messengers.values()))
    tickets = dict(world.tracker.tickets)
    looks = world.looks
    for ref in refs:
        world.look(ref)
    assert world.tracker.tickets == tickets
    assert (world.tracker.calls - calls[0], *(m.calls for m in world.messengers.values())) == (2, *calls[1:])
    world.later(timedelta(hours=6))
    assert world.looks - looks <= 2 + len(refs)
    for ref in refs:
        ticket = world.tracker.tickets[ref]
        ledger = Ledger.loads(ticket.ledger, ref)
        assert ledger.open_claims() == {}
        plan = world.plan(ref)
        assert plan.of("owed") == ()
        assert plan.of("held") == ()
        shown = [
            p.message.text
            for p in world.messengers["slack"].posts
            if p.place == "#incidents"
            and f"{ticket.key}** " in p.message.text
            and p.message.text.removesuffix("\n\n(You may have received this before.)").endswith(ticket.phase)
        ]
        if ticket.fields["severity"] in {"medium", "high"} and not world.deleted:
            assert any(str(ticket.fields["severity"]) in said for said in shown)
    assert world.engine.notices == {}
