"""The way back from phones on a bad day of whoever delivers: nothing is lost, and nothing done twice."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import pytest

from connectors.errors import Temporary
from connectors.model import Command, User
from sandbox.http import Answer, Fault
from sync.ledger import Ledger
from tests.sync.test_rung import MARIA, answering

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs


def test_a_short_message_that_is_sent_again_after_a_restart_acknowledges_no_other_ticket() -> None:
    with answering("twilio_sms", "person:maria") as world:
        refs = [world.ticket(f"OPS-{n}", severity="high") for n in range(1, 3)]
        world.at("03:06")
        world.over(world.people.reply("ack"))
        acts = [len(world.acts(ref)) for ref in refs]
        assert sorted(acts) == [0, 1]
        world.die()
        world.again(world.people.sent[-1])
        assert [len(world.acts(ref)) for ref in refs] == acts


def test_a_short_message_whose_call_is_in_doubt_is_about_that_call() -> None:
    with answering("twilio_sms", "person:maria") as world:
        ref = world.ticket(severity="high")
        world.at_gateway.box.server.fail(Fault(lambda asked: asked.method == "POST", drop=True, done=True, times=3))
        world.at("03:05:30")
        assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims(), "nobody knows that it came"
        assert world.over(world.people.reply("ack")) == "You acknowledged OPS-1."
        assert world.who(ref) == ["maria: acknowledge"]


def test_whoever_answers_while_the_tracker_is_away_is_not_told_that_nobody_was_called() -> None:
    with answering("twilio_sms", "person:maria") as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        listed = world.tracker.open

        def away(*_: object) -> object:
            raise Temporary("could not list tickets: HTTP 503")

        world.tracker.open = away  # type: ignore[method-assign, assignment]  # what a tracker is that is away
        said = world.over(world.people.reply("ack"))
        world.tracker.open = listed  # type: ignore[method-assign]  # it is back
        assert said == "That could not be done now: could not list tickets: HTTP 503"
        assert world.over(world.people.reply("ack")) == "You acknowledged OPS-1."
        assert world.who(ref) == ["maria: acknowledge"]


def test_a_call_that_is_known_is_acknowledged_while_pagerdutys_own_api_is_away() -> None:
    with answering() as world:
        world.state.creates_alerts = False
        ref = world.ticket(severity="high")
        world.at("03:06")
        world.at_gateway.box.server.fail(Fault(lambda asked: "/alerts" in asked.path, Answer(503, "down"), times=99))
        assert world.acknowledges().statuses == [202]
        assert len(world.acts(ref)) == 1


def test_while_pagerdutys_api_hangs_a_click_in_slack_is_answered() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        hangs, waiting = Event(), Event()
        called = world.phone.called

        def hanging(command: Command) -> tuple[str, ...]:
            hangs.wait(20)
            return called(command)

        world.phone.called = hanging  # type: ignore[method-assign]  # what an API is that takes its time
        one = Command("", "acknowledge", User(MARIA.id), "phone", {"in": "PagerDuty"}, "incident:Q1", world.now)
        many = [world.intake.certain(replace(one, id=str(n))) for n in range(20)]
        world.intake.take(Command(ref, "acknowledge", User("U-ann"), "slack", id="click"), waiting.set)
        answered = waiting.wait(3)
        hangs.set()
        for asked in many:
            asked.result(10)
        assert answered
        assert world.who(ref) == ["ann: acknowledge"]


def test_while_its_ticket_is_busy_for_long_nobody_is_told_that_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.clicks.PATIENCE", 0.1)
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        free_again = Event()
        held = world.queue.turn(ref, lambda: str(free_again.wait(10)))
        one = world.people.acknowledge(MARIA)
        assert (set(one.statuses), world.acts(ref)) == ({503}, ()), "it stands on no ticket yet"
        free_again.set()
        held.result(5)
        world.over(one)
        assert world.again(one) == 202
        assert len(world.acts(ref)) == 1
