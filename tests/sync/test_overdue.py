"""What is overdue, judged from the tickets alone, and by a process of itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connectors.errors import Missing, Temporary
from connectors.model import Ticket
from connectors.testing import MemoryTracker
from sync.look import Engine, Site
from sync.overdue import Judge, Overdue, survey
from sync.queue import MemoryQueue
from sync.run import HomeVisits
from sync.sweep import Sweep, Times
from tests.world import MORNING, RULES, World

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
FIVE = timedelta(minutes=5)
CARD = "notify:card>place:incidents@slack"
CALL = "escalate:unacknowledged>on-call:team"


def fresh(world: World) -> Engine:
    """A process that knows nothing but its configuration."""
    return Engine(world.tracker, dict(world.messengers), world._rules(), world.site, world.clock)


def late(world: World, tolerance: timedelta = FIVE, age: timedelta | None = None) -> tuple[Overdue, ...]:
    before = dict(world.tracker.tickets)
    posted = len(world.posts)
    found = survey(fresh(world), tolerance, age)
    assert world.tracker.tickets == before, "it writes nothing"
    assert len(world.posts) == posted
    assert not found.unsaid
    return found.late


def test_a_dead_process_is_found_by_the_call_that_it_owes_and_a_restart_makes_it_well() -> None:
    world = World()
    ref = world.ticket()
    world.down = True
    assert late(world.at("09:04")) == ()
    assert late(world.at("09:09:59")) == (), "within the tolerance it may still come"
    (one,) = late(world.at("09:12"))
    assert (one.ticket, one.ref, one.key, one.what, one.kind) == ("OPS-1", ref, CALL, "call tom", "owed")
    assert one.since == MORNING + timedelta(minutes=5)
    assert one.late(world.now) == timedelta(minutes=7)
    world.restart()
    assert late(world) == ()
    world.at("09:14:59")
    assert late(world) == ()


def test_what_was_changed_a_moment_ago_is_nobodys_delay() -> None:
    world = World()
    ref = world.ticket()
    world.at("12:00")
    world.down = True
    world.tracker.person(ref, "ann", summary="Checkout is very much down")
    assert world.plan(ref).owed, "the card is to be brought up to date"
    assert late(world.at("12:04")) == ()
    (card,) = late(world.at("12:06"))
    assert card.key == CARD
    assert card.since == MORNING.replace(hour=12), "without a due of its own it is late since it was owed"
    world.restart()
    assert late(world) == ()


def test_a_card_that_changes_again_and_again_is_not_late_while_somebody_keeps_it() -> None:
    world = World()
    ref = world.ticket()
    for minute in range(1, 8):
        world.at(f"09:0{minute}")
        world.person(ref, "ann", summary=f"Checkout is down, {minute}")
    world.tracker.person(ref, "ann", summary="Checkout is down, once more")
    assert world.plan(ref).owed
    assert late(world, timedelta(minutes=2)) == ()


def test_a_field_that_nobody_set_is_late_since_it_was_owed() -> None:
    world = World()
    world.down = True
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    world.at("09:30")
    found = {one.key: one.since for one in late(world)}
    assert {"field:severity", "field:team"} <= found.keys()
    assert timedelta(0) <= found["field:severity"] - MORNING < timedelta(seconds=2)
    assert world.tracker.get(ref).ledger is None


def test_acknowledged_in_time_nothing_is_owed_however_dead_the_process() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:03")
    world.click("acknowledge", ref)
    world.down = True
    assert late(world.at("11:00")) == ()


def test_an_unacknowledgement_a_moment_ago_is_no_delay_yet() -> None:
    world = World()
    ref = world.ticket()
    world.click("acknowledge", ref)
    world.at("10:00")
    world.click("unacknowledge", ref)
    world.down = True
    assert late(world.at("10:04")) == ()
    assert [one.late(world.now) for one in late(world.at("10:12"))] == [timedelta(minutes=7)]


def test_what_a_product_refuses_is_told_with_its_reason() -> None:
    world = World()
    world.messengers["slack"].error = Missing("could not post: channel_not_found")
    world.messengers["slack"].broken = {"U-tom"}
    world.ticket()
    found = late(world.at("09:12"))
    assert [(one.key, one.kind, one.said) for one in found] == [
        (CALL, "refused", "could not post: channel_not_found"),
    ]


def test_a_claim_that_nobody_settles_is_in_doubt_and_not_before_it_is_old() -> None:
    world = World()
    world.ticket()
    world.messengers["slack"].error = Temporary("could not post: no answer in time")
    world.at("09:05:01")
    world.down = True
    assert late(world.at("09:11")) == ()
    (one,) = late(world.at("09:12:30"))
    assert (one.key, one.kind, one.since) == (CALL, "in doubt", MORNING + timedelta(minutes=7))


def test_a_claim_that_is_renewed_for_ever_counts_from_its_first_time() -> None:
    world = World()
    world.ticket()
    slack = world.messengers["slack"]
    slack.searchable = False  # type: ignore[misc]  # it can be asked nothing
    slack.error = Temporary("could not post: no answer in time")
    world.at("09:40")
    assert CALL in {one.key for one in late(world) if one.kind == "in doubt"}


def test_a_ledger_that_cannot_be_read_is_told() -> None:
    world = World()
    ref = world.ticket()
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger="{not json")
    assert late(world.at("09:04")) == ()
    (one,) = late(world.at("09:06"))
    assert (one.kind, one.ticket) == ("unreadable", "OPS-1")
    assert "damaged" in one.said


def test_news_of_a_ticket_that_was_resolved_while_the_process_was_dead_are_late() -> None:
    world = World()
    ref = world.ticket()
    world.click("acknowledge", ref)
    world.down = True
    world.at("10:00")
    world.tracker.person(ref, "ann", phase="resolved")
    assert [one.what for one in late(world.at("10:06")) if one.key.startswith("news:")] == [
        "tell #incidents: resolved by Ann"
    ]


def test_rules_that_were_written_a_moment_ago_make_nothing_late() -> None:
    world = World()
    world.ticket()
    world.down = True
    world.at("09:12")
    assert late(world, age=timedelta(minutes=1)) == ()
    assert len(late(world, age=timedelta(minutes=6))) == 1


def test_old_tickets_and_those_of_nobody_are_silent() -> None:
    world = World(site=Site(start=MORNING + timedelta(hours=1)))
    world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    world.tracker.ticket("OPS-2", "The printer is slow")
    world.down = True
    assert late(world.at("12:00")) == ()


def test_where_no_history_can_be_read_a_ticket_is_judged_once_it_has_been_still_for_long_enough() -> None:
    world = World()
    ref = world.ticket()
    world.down = True
    world.at("09:30")
    world.tracker.person(ref, "ann", summary="Checkout is very much down")
    blind = replace(
        world.tracker.tickets[ref], complete_since=world.now + timedelta(milliseconds=1), history=(), updated=world.now
    )
    engine = fresh(world)
    judged = lambda: Judge(engine.rules, world.now).of(blind, engine.world)  # noqa: E731
    assert judged() == ()
    world.at("09:36")
    assert [(one.key, one.since) for one in judged()] == [(CARD, MORNING + timedelta(minutes=30))]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_people_do_nobody_who_works_is_accused_and_nobody_who_is_dead_goes_free(seed: int) -> None:
    chance = random.Random(seed)
    world = World()
    refs = [world.ticket(f"OPS-{number}") for number in (1, 2)]
    for _ in range(25):
        ref = chance.choice(refs)
        world.later(timedelta(seconds=chance.choice([1, 20, 59, 61, 300, 1800])))
        todo = chance.choice(["words", "severity", "phase", "acknowledge", "unacknowledge", "nothing"])
        if todo == "words":
            world.person(ref, "ann", summary=f"Checkout is down {chance.random()}")
        elif todo == "severity":
            world.person(ref, "ann", severity=chance.choice(["low", "medium", "high"]))
        elif todo == "phase":
            world.person(ref, "ann", phase=chance.choice(["new", "active", "resolved"]))
        elif todo != "nothing":
            world.click(todo, ref)
        assert late(world, timedelta(minutes=1)) == (), todo
        assert known(world) == []
    world.down = True
    world.tracker.person(refs[0], "ann", phase="new", severity="low", summary="Something else")
    world.later(timedelta(seconds=30))
    world.tracker.person(refs[0], "ann", severity="high")
    world.later(timedelta(hours=3))
    owed = {effect.key for ref in refs for effect in world.plan(ref).owed}
    assert owed
    world.later(timedelta(minutes=1, seconds=1))
    assert owed <= {one.key for one in late(world, timedelta(minutes=1))}


class Lagging(MemoryTracker):
    """A tracker whose pages show a ticket as it was before, and which answers for one of them no more."""

    stale: Ticket | None = None
    broken = ""

    def open(self, since):
        yield tuple(self.stale if self.stale and t.ref == self.stale.ref else t for t in self.tickets.values())

    def get(self, ref):
        if self.broken == "missing":
            raise Missing("could not read it: gone")
        if self.broken:
            raise Temporary("could not read it: no answer in time")
        return super().get(ref)


def lagging() -> tuple[World, Lagging]:
    world = World()
    tracker = Lagging(world.clock)
    world.tracker = tracker
    world.engine = world._engine()
    return world, tracker


def test_a_page_that_lags_accuses_nobody() -> None:
    world, tracker = lagging()
    ref = world.ticket()
    tracker.stale = tracker.tickets[ref]
    world.at("09:12")
    engine = fresh(world)
    assert Judge(engine.rules, world.now).of(tracker.stale, engine.world), "the page alone would"
    assert survey(engine).late == ()


@pytest.mark.parametrize(("broken", "unsaid"), [("yes", ["OPS-1"]), ("missing", [])])
def test_of_a_ticket_that_cannot_be_read_nothing_is_said(broken: str, unsaid: list[str]) -> None:
    world, tracker = lagging()
    world.ticket()
    world.down = True
    world.at("09:12")
    tracker.broken = broken
    found = survey(fresh(world))
    assert (found.looked, found.late, [key for key, _ in found.unsaid]) == (1, (), unsaid)


# ---- a process of itself


def known(world: World) -> list[tuple[str, datetime]]:
    return [(one.key, one.since) for one in world.engine.memory.waiting.late(world.now)]


def test_a_process_knows_what_it_owes_and_forgets_what_is_done() -> None:
    world = World()
    world.ticket()
    world.messengers["slack"].error = Temporary("slack is away", in_doubt=False)
    world.at("09:09")
    assert known(world) == []
    world.at("09:11")
    assert known(world) == [(CALL, MORNING + timedelta(minutes=5))]
    world.messengers["slack"].error = None
    world.at("09:30")
    assert known(world) == []


def test_a_process_that_no_longer_looks_tells_by_what_was_to_come() -> None:
    world = World()
    ref = world.ticket()
    world.down = True
    assert known(world.at("09:09")) == []
    assert known(world.at("09:11")) == [(CALL, MORNING + timedelta(minutes=5))]
    world.engine.forget(ref)
    assert known(world) == []


def test_a_field_that_is_refused_is_late_since_it_was_first_wanted() -> None:
    world = World()
    world.tracker.refused = {"severity": "severity is not on the screen"}
    world.ticket()
    world.at("09:07")
    assert [one.kind for one in world.engine.memory.waiting.late(world.now) if one.key == "field:severity"] == [
        "refused"
    ]


def test_what_is_held_until_it_is_released_is_late_to_the_process_that_holds_it_as_to_everybody_else() -> None:
    world = World(site=Site(edits=2))
    for number in range(6):
        world.ticket(f"OPS-{number}", "Fine", service=None)
    world.at("10:00")
    world.reload(RULES + '\n[[classify]]\nid = "oops"\nset = { severity = "high" }\n')
    assert known(world) == []
    world.at("10:06")
    held = {one.ticket for one in world.engine.memory.waiting.late(world.now)}
    assert len(held) == 4
    assert {one.ticket for one in late(world) if one.key == "field:severity"} == held
    world.engine.release()
    world.sweep()
    assert known(world) == [] == list(late(world))


def test_a_ticket_that_cannot_be_thought_about_is_late_and_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    with monkeypatch.context() as broken:
        broken.setattr("sync.looking.make_plan", lambda *_: 1 // 0)
        broken.setattr("sync.look.make_plan", lambda *_: 1 // 0)
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        for moment in ("09:00", "09:06"):
            world.at(moment)
            with pytest.raises(ZeroDivisionError):
                world.engine.look(ref)
        (one,) = world.engine.memory.waiting.late(world.now)
        assert (one.ticket, one.kind, one.since) == ("OPS-1", "unreadable", MORNING)
        assert "ZeroDivisionError" in one.said
    world.look(ref)
    assert known(world) == []


def test_a_ledger_that_cannot_be_read_is_late_to_the_process_as_well() -> None:
    world = World()
    ref = world.ticket()
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger="{")
    world.at("09:12")
    world.look(ref)
    assert [one.kind for one in world.engine.memory.waiting.late(world.now)] == ["unreadable"]


# ---- an account that sees nothing


class Blind(MemoryTracker):
    """An account that has lost its rights: lists are empty, and no error is told."""

    blind = gone = False

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        yield from [()] if self.blind or self.gone else super().open(since)

    def get(self, ref: str) -> Ticket:
        if self.gone:
            raise Missing(f"could not read {ref}: it is gone, or hidden from this account")
        return super().get(ref)


def blinded() -> tuple[World, Blind]:
    world = World(site=Site(home="HOME-1"))
    tracker = Blind(world.clock)
    world.tracker = tracker
    world.engine = world._engine()
    tracker.ticket("HOME-1", "Pointman")
    world.ticket()
    world.down = True
    world.at("09:12")
    return world, tracker


def test_an_empty_list_is_not_believed_where_the_home_ticket_should_be_on_it() -> None:
    world, tracker = blinded()
    assert survey(fresh(world)).late
    tracker.blind = True
    with pytest.raises(Temporary, match="lacks the home ticket HOME-1"):
        survey(fresh(world))
    tracker.gone = True
    with pytest.raises(Missing):
        survey(fresh(world))


def test_a_home_that_was_changed_a_moment_ago_may_not_be_on_the_list_yet() -> None:
    world, tracker = blinded()
    tracker.blind = True
    tracker.comment(tracker.get("HOME-1").ref, "Made a moment ago")
    assert survey(fresh(world)).looked == 0
    world.at("09:18")
    with pytest.raises(Temporary, match="lacks the home ticket"):
        survey(fresh(world))


def test_a_home_that_was_reopened_is_on_the_list_of_what_changed() -> None:
    world, tracker = blinded()
    home = tracker.get("HOME-1").ref
    tracker.person(home, phase="closed")
    world.now += timedelta(days=2)
    sweep = Sweep(
        tracker, world.engine, MemoryQueue(lambda ref: None, lambda ref: 0, world.clock), Times(), world.clock
    )
    sweep.whole()
    assert home not in sweep.swept.refs
    tracker.person(home, phase="active")
    sweep.changed()
    assert home in sweep.swept.refs


def test_a_home_that_is_closed_or_elsewhere_is_on_no_list_and_that_is_well() -> None:
    world, tracker = blinded()
    tracker.blind = True
    tracker.projects = frozenset({"ELSE"})
    assert survey(fresh(world)).looked == 0
    tracker.projects = None
    tracker.person(tracker.get("HOME-1").ref, phase="closed")
    assert survey(fresh(world)).looked == 0


def test_a_process_whose_lists_are_empty_does_not_say_that_it_is_well() -> None:
    world, tracker = blinded()
    queue = MemoryQueue(lambda ref: None, lambda ref: 0, world.clock, workers=1)
    queue.start()
    sweep = Sweep(tracker, world.engine, queue, Times(), world.clock)
    visits = HomeVisits(world.engine, queue, sweep.forget, sweep.swept)
    visits()
    for state, said in (("", ""), ("blind", "lacks the home ticket"), ("gone", "has lost its rights"), ("", "")):
        tracker.blind, tracker.gone = state == "blind", state == "gone"
        world.now += timedelta(minutes=2)
        sweep.whole()
        with nullcontext() if state != "gone" else pytest.raises(Missing):
            visits()
        assert said in sweep.swept.doubt
        assert bool(sweep.swept.doubt) is bool(said)
    queue.stop()
