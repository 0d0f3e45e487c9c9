"""A ledger has only so much room: what is claimed keeps room for its outcome, and who is near the end is told of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

import sync.ledger
from sync.claims import claims
from sync.effects import Effect
from sync.gate import Gate
from sync.health import Health, Swept
from sync.ledger import PEOPLES_ROOM, ROOM, Act, Entry, Ledger, Outcome, nearly_full
from sync.log import told_late
from sync.queue import Depth
from tests.world import RULES, World

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CHANNELS = ", ".join(f'"slack:#channel-{n}"' for n in range(30))
EVERYWHERE = f"""{RULES}
[[notify]]
id = "everywhere"
when = 'severity == "high"'
to = [{CHANNELS}]
"""


def _padded(world: World, ref: str, room: int) -> None:
    """Fill the ticket's ledger with what is never dropped, but for so many characters."""
    ticket = world.tracker.tickets[ref]
    ledger = Ledger.loads(ticket.ledger, ref)
    padding = ROOM - room - len(ledger.with_entry("pad", Entry(NOW, ref="x")).dumps()) + 1
    full = ledger.with_entry("pad", Entry(NOW, ref="x" * padding)).dumps()
    world.tracker.tickets[ref] = replace(ticket, ledger=full)


def _measured(world: World) -> float | None:
    Health((), Gate(), Swept(), lambda: Depth(0, 0, 0), world.engine.notices, lambda: (0, "")).measure()
    return REGISTRY.get_sample_value("pointman_ledgers_nearly_full")


def test_a_ticket_whose_ledger_takes_eighty_percent_is_counted_and_named() -> None:
    world = World()
    ref = world.ticket()
    assert _measured(world) == 0
    _padded(world, ref, ROOM // 10)
    world.sweep()
    assert "OPS-1: its ledger takes" in world.engine.notices["OPS-1: room"]
    assert _measured(world) == 1
    world.look(ref)
    assert "OPS-1: room" in world.engine.notices, "a look says so as well"
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger=Ledger(ref).dumps())
    world.restart()
    assert _measured(world) == 0


def test_where_no_outcome_would_fit_calls_go_out_once_and_everything_else_waits() -> None:
    world = World()
    ref = world.ticket(summary="Checkout is slow")
    _padded(world, ref, 900)
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], summary="Checkout is down")
    world.person(ref, severity="high")
    world.at("09:40")
    assert world.said("#management") != []
    assert len(world.said("#management")) == 1
    assert not any("high, nobody yet" in said for said in world.said("#incidents")), "the card waits"
    assert "its ledger is full" in world.engine.notices["OPS-1: ledger"]
    assert len(world.tracker.tickets[ref].ledger or "") <= ROOM


def test_a_ticket_whose_ledger_is_full_can_still_be_acknowledged() -> None:
    world = World(EVERYWHERE)
    ref = world.ticket(summary="Checkout is slow")
    _padded(world, ref, 4_000)
    world.person(ref, severity="high")
    world.at("09:06")
    assert len(world.said("U-tom")) == 1
    assert any(world.said(f"#channel-{n}") for n in range(30)), "some of them had room"
    assert len(world.tracker.tickets[ref].ledger or "") <= ROOM - 2_000
    assert world.click("acknowledge", ref, by="tom") == "You acknowledged OPS-1."
    world.at("10:30")
    assert world.said("U-maria") == [], "and nobody is called any more"


def test_what_does_not_fit_beside_the_others_is_claimed_when_they_are_recorded() -> None:
    world = World(EVERYWHERE)
    ref = world.ticket(summary="Checkout is slow")
    _padded(world, ref, 8_000)
    largest = 0
    write = world.tracker.write

    def watched(ref: str, edit: object, ledger: str | None) -> None:
        nonlocal largest
        largest = max(largest, len(ledger or ""))
        write(ref, edit, ledger)  # type: ignore[arg-type]

    world.tracker.write = watched  # type: ignore[method-assign]
    world.person(ref, severity="high")
    world.later(timedelta(minutes=1))
    assert [len(world.said(f"#channel-{n}")) for n in range(30)] == [1] * 30
    assert largest <= ROOM
    assert not any("ledger is full" in said for said in world.engine.notices.values())


def _nearly_full(room: int) -> Ledger:
    """A ledger that has so many characters left, beside what is kept for the log and for people."""
    ledger = Ledger("1", {"pad": Entry(NOW, ref="x")})
    return Ledger("1", {"pad": Entry(NOW, ref="x" * (1 + ROOM - ledger.size() - PEOPLES_ROOM - room))})


def _calls(count: int) -> list[tuple[Effect, ...]]:
    return [
        (Effect(f"escalate:r{n}>person:maria", "call", "r", "call", NOW, NOW, "", "slack", "U1", digest="d" * 10),)
        for n in range(count)
    ]


awkward = st.text(max_size=400) | st.sampled_from(['"' * 300, "\x00" * 300, "\\" * 300, "\u2028" * 300])


@given(st.lists(st.tuples(awkward, st.booleans()), min_size=1, max_size=12), st.integers(0, 4_000))
@settings(max_examples=100, deadline=None)
def test_whatever_becomes_of_what_was_claimed_can_be_recorded(said: list[tuple[str, bool]], room: int) -> None:
    ready, ledger = claims(_calls(len(said)), _nearly_full(room), NOW)
    if not ledger.fits():
        return
    for (effect,), (text, done) in zip(ready, said, strict=False):
        outcome = Outcome(effect.key, ref="C1:" + "1" * 60, done=True) if done else Outcome(effect.key, failure=text)
        ledger = ledger.recorded(outcome, NOW)
    ledger = ledger.with_entry("log", Entry(NOW, None, "d" * 10, "1" * 12))
    assert len(ledger.dumps()) <= ROOM


def test_as_many_are_claimed_as_there_is_room_for() -> None:
    some, ledger = claims(_calls(30), _nearly_full(2_000), NOW)
    assert 0 < len(some) < 30
    assert set(ledger.open_claims()) == {effect.key for (effect,) in some}
    assert ledger.fits()
    assert claims(_calls(3), _nearly_full(2_000), NOW)[1].fits()
    everything, full = claims(_calls(3), _nearly_full(20), NOW)
    assert (len(everything), full.fits()) == (3, False)
    assert claims([], _nearly_full(-1), NOW) == ((), _nearly_full(-1))


def test_an_administrator_is_told_from_eighty_percent_on() -> None:
    assert nearly_full("OPS-1", ROOM * 79 // 100) == {}
    assert "26,214 of 32,768" in nearly_full("OPS-1", ROOM * 80 // 100)["room"]


def test_each_entry_is_worked_out_as_text_once_for_a_ledger_and_those_made_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger("1", {f"escalate:r{n}>x": Entry(NOW, ref="x" * 300) for n in range(200)})
    written: list[str] = []
    entry_to = sync.ledger.entry_to

    def counted(key: str, entry: Entry) -> dict[str, object]:
        written.append(key)
        return entry_to(key, entry)

    monkeypatch.setattr(sync.ledger, "entry_to", counted)
    trimmed = ledger.trimmed(())
    changed = trimmed.with_entry("escalate:r199>x", Entry(NOW, ref="y"))
    assert trimmed.fits()
    assert json.loads(changed.dumps())["e"]["escalate:r199>x"]["r"] == "y"
    assert sorted(written) == sorted([*ledger.entries, "escalate:r199>x"])


def test_where_dropping_calls_is_not_enough_the_oldest_updates_go_and_the_latest_stays() -> None:
    acts = tuple(Act(f"u{n}", NOW + timedelta(minutes=n), "ann", "update", {"text": "x" * 80}) for n in range(300))
    taken = Act("t", NOW, "ann", "take")
    trimmed = Ledger("1", {"escalate:r>x": Entry(NOW)}, (taken, *acts)).trimmed(())
    assert trimmed.entries == {}
    assert trimmed.acts[0] == taken
    assert trimmed.acts[-1] == acts[-1]
    assert ROOM * 0.79 < trimmed.size() <= ROOM * 0.8
    assert Ledger("1", {}, acts[-1:]).trimmed(()).acts == acts[-1:]


def test_of_what_was_asked_of_the_timers_again_and_again_the_latest_stays() -> None:
    verbs = ("cadence", "pause", "snooze", "confirm")
    acts = tuple(Act(f"{verb}-{n}", NOW + timedelta(minutes=n), "ann", verb) for n in range(300) for verb in verbs)
    skipped = Act("s", NOW, "ann", "skip", {"what": "step"})
    trimmed = Ledger("1", {}, (skipped, *acts)).trimmed(())
    assert trimmed.size() <= ROOM * 0.8
    assert trimmed.acts[0] == skipped, "a step that was left out stays left out"
    assert trimmed.acts[-4:] == acts[-4:]


def test_a_call_that_had_to_make_room_before_the_log_told_it_stops_no_look() -> None:
    world = World()
    ref = world.ticket()
    plan = world.at("09:06").plan(ref)
    keys = ("escalate:unacknowledged>on-call:team", "update:dropped>slack:#status")
    assert ["call tom" in line for line in told_late(plan, keys, world.engine.rules)] == [True]
