"""The engine over Teams: cards, calls, clicks and forms, through the real server and the tenant in a box."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from connectors.errors import Temporary
from connectors.model import Command, User
from connectors.teams import Teams
from connectors.testing import MemoryTracker
from rules import load
from rules.model import RuleSet
from sandbox.http import Fault
from sandbox.teams import Conversation, Delivered, Person
from sandbox.teams.world import ADAPTIVE, Message
from sync.commands import carry_out
from sync.gate import Gate
from sync.health import Health, Swept
from sync.intake import Intake
from sync.ledger import Act, Ledger
from sync.logs import Redaction
from sync.look import Engine, Site
from sync.plan import Plan
from sync.queue import MemoryQueue
from sync.server import Hooks, Server, app
from tests.connectors.teams_tenant import Tenant, check_card, tenant
from tests.sync.test_products import PEOPLE, RULES

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
INCIDENTS = "Operations/Incidents"


@dataclass
class Both:
    """A tracker in memory, a Teams tenant, and the whole of Pointman between them."""

    at: Tenant
    tracker: MemoryTracker
    rules: RuleSet
    teams: Teams
    engine: Engine = field(init=False)
    queue: MemoryQueue = field(init=False)
    intake: Intake = field(init=False)
    server: Server = field(init=False)

    @property
    def ann(self) -> Person:
        return self.at.ann

    @property
    def bobs(self) -> Conversation:
        return self.at.state.personal(self.at.state.found("bob@example.org").id)

    def settle(self, ref: str, looks: int = 6) -> None:
        """Look until nothing is owed by then."""
        for _ in range(looks):
            wake = self.engine.look(ref)
            if wake is None or wake - self.engine.clock() > timedelta(seconds=5):
                return
            self.at.state.clock.advance(max(wake - self.engine.clock(), timedelta(seconds=1)))
        raise AssertionError("it never came to rest")

    def click(self, label: str, by: Person, on: Message | None = None, **given: str) -> Delivered:
        told = self.at.box.people.click(by, on or self.at.ops.messages[0], label, given)
        assert self.queue.drain(timedelta(seconds=5))
        return told

    def restart(self) -> None:
        """The process ends, and another begins: the same configuration, and no memory."""
        self.stop()
        self.teams = self.at.again()
        self.start()

    def start(self) -> None:
        clock, sinks = self.at.state.clock.now, {"msteams": self.teams}
        self.engine = Engine(self.tracker, sinks, self.rules, Site(), clock)
        self.queue = MemoryQueue(self.engine.look, lambda ref: 0, clock, workers=1)
        self.intake = Intake(self.tracker, self.engine, self.queue, sinks, clock)
        health = Health(("msteams",), Gate(), Swept(), self.queue.depth, {}, lambda: (0, ""), Redaction(set()).clean)
        self.server = Server(app(Hooks(sinks, self.intake, clock), health), "127.0.0.1", 0)
        self.queue.start()
        self.at.box.people.hook = f"http://127.0.0.1:{self.server.start()}/hooks/msteams"

    def stop(self) -> None:
        self.server.stop()
        self.intake.close()
        self.queue.stop(timedelta(seconds=5))
        if self.teams is not self.at.teams:
            self.teams.close()

    def acts(self, ref: str) -> tuple[Act, ...]:
        return Ledger.loads(self.tracker.get(ref).ledger, ref).acts

    def notes(self) -> list[str]:
        return [note.text for note in self.at.state.notes]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an answer may take longer than people would wait."""
    monkeypatch.setattr("connectors.teams.waiting.LATE", 10.0)
    monkeypatch.setattr("sync.clicks.SHOWN_WITHIN", 9.0)


@contextmanager
def both(more: str = "") -> Iterator[Both]:
    with tenant() as at:
        at.state.person("bob", "bob@example.org", "Bob")
        rules = load.parse(
            {
                "a.toml": PEOPLE.replace('slack = "#incidents"', f'msteams = "{INCIDENTS}"') + more,
                "b.toml": RULES.replace('["acknowledge", "take", "resolve"]', '["acknowledge", "take", "update"]'),
            },
            connectors=("memory", "msteams"),
        )
        world = Both(at, MemoryTracker(at.state.clock.now), rules, at.teams)
        world.start()
        yield world
        world.stop()


def shown(told: Delivered) -> dict[str, Any]:
    """The card that a click was answered with."""
    answer = json.loads(told.said)
    assert (answer["statusCode"], answer["type"]) == (200, ADAPTIVE)
    check_card(answer["value"])
    card: dict[str, Any] = answer["value"]
    return card


def buttons(card: dict[str, Any]) -> list[str]:
    return [action["title"] for action in card.get("actions") or ()]


def test_a_click_acknowledges_and_everybody_sees_it_and_nobody_is_called() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        (card,) = world.at.ops.messages
        assert world.at.buttons() == ["Acknowledge", "Take it", "Post an update"]

        world.at.later(60)
        told = world.click("Acknowledge", world.ann)
        assert (told.status, told.failed, world.notes()) == (200, False, [])
        assert buttons(shown(told)) == ["Take it", "Post an update"], "the answer is the card as it is now"
        assert [(act.verb, act.by) for act in world.acts(ref)] == [("acknowledge", "ann")]
        assert world.at.ops.messages[0].edited, "the card changed because the ticket did"
        assert world.at.ops.messages[0].id == card.id
        assert shown(told) == card.card, "nobody sees another card than the one who clicked"

        world.at.later(600)
        world.settle(ref)
        assert world.bobs.messages == [], "nobody is called any more"


def test_a_call_that_is_acknowledged_loses_its_buttons_in_the_answer_already() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        world.at.later(301)
        world.settle(ref)
        (call,) = world.bobs.messages
        before = call.card
        world.at.later(10)
        told = world.click("Acknowledge", world.at.state.found("bob@example.org"), call)
        assert shown(told) == {name: value for name, value in before.items() if name != "actions"}
        assert shown(told) == call.card, "and then for everybody"


def test_what_changes_nothing_of_the_card_is_answered_in_a_sentence() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        for _ in range(2):
            world.at.later(10)
            world.click("Take it", world.ann)
        assert world.notes() == ["OPS-1 is yours already."]


def test_whoever_may_not_do_it_gets_their_sentence_alone_also_at_a_card_that_is_out_of_date() -> None:
    with both('[permissions]\nacknowledge = ["person:bob"]\n') as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        world.tracker.person(ref, severity="medium")
        world.at.later(10)
        before = world.at.ops.messages[0].card
        told = world.click("Acknowledge", world.ann)
        assert world.notes() == ["Only person:bob (bob) may acknowledge OPS-1."]
        assert "adaptive" not in told.said
        assert world.at.ops.messages[0].card != before, "the look that follows brings it up to date for everybody"


def test_for_whom_a_ticket_is_closed_there_is_none_at_its_card_either() -> None:
    closed = """
[[restrict]]
id = "closed"
when = 'severity == "medium"'
to = ["person:ann"]
"""
    with both(closed) as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        world.at.later(10)
        world.tracker.person(ref, severity="medium")
        told = world.click("Take it", world.at.state.found("bob@example.org"))
        assert world.notes() == [f"There is no ticket {ref}, or Pointman may not see it."]
        assert "adaptive" not in told.said
        assert buttons(world.at.ops.messages[0].card or {}) == [], "and then it is blank for everybody"


def test_where_the_card_is_not_known_in_time_the_sentence_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.clicks.SHOWN_WITHIN", 0.02)
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        world.at.later(10)
        slow, plan = Event(), world.engine.plan

        def later(ref: str) -> Plan:
            slow.wait(10)
            return plan(ref)

        monkeypatch.setattr(world.engine, "plan", later)
        at = world.at
        told = at.box.people.click(world.ann, at.ops.messages[0], "Acknowledge")
        slow.set()
        assert (told.failed, world.notes()) == (False, ["You acknowledged OPS-1."])
        assert world.queue.drain(timedelta(seconds=5))
        assert at.buttons() == ["Take it", "Post an update"], "and the card changes all the same"


def test_a_tracker_that_cannot_be_read_again_costs_the_card_and_not_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)

        def down(ref: str) -> Plan:
            raise Temporary("the tracker is away")

        monkeypatch.setattr(world.engine, "plan", down)
        world.click("Acknowledge", world.ann)
        assert world.notes() == ["You acknowledged OPS-1."]


def test_a_click_on_a_card_from_before_a_restart_heals_it() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        world.at.later(10)
        carry_out(Command(ref, "acknowledge", User("bob", "", "bob@example.org"), "msteams", id="1"), world.engine)
        world.restart()
        assert world.at.buttons()[0] == "Acknowledge", "the card is out of date"
        told = world.click("Acknowledge", world.ann)
        assert buttons(shown(told)) == ["Take it", "Post an update"]
        assert shown(told) == world.at.ops.messages[0].card
        assert [act.by for act in Ledger.loads(world.tracker.get(ref).ledger, ref).acts] == ["bob"], (
            "it did nothing else"
        )


@pytest.mark.parametrize(
    ("why", "change", "shown"),
    [
        ("it is out of date", {}, True),
        ("a question changes nothing, and its answer is a sentence", {"verb": "next"}, False),
        ("what was entered in a form may be what is wrong", {"verb": "severity", "args": {"level": "x"}}, False),
        ("a stranger", {"by": User("eve", "", "eve@example.org")}, False),
        ("another message", {"clicked": "19:b@thread.tacv2/1"}, False),
        ("a message of another product", {"source": "memory"}, False),
    ],
)
def test_who_is_shown_what_becomes_of_a_message(why: str, change: dict[str, Any], shown: bool) -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        (entry,) = (e for key, e in Ledger.loads(world.tracker.get(ref).ledger, ref).entries.items() if "card" in key)
        world.tracker.person(ref, severity="medium")
        click = Command(ref, "take", User("bob", "", "bob@example.org"), "msteams", id="1", clicked=entry.ref)
        becomes = world.engine.becomes(replace(click, **change))
        assert (becomes is not None and becomes.thing is not None and "medium" in becomes.thing.text) is shown, why


def called(world: Both) -> tuple[str, Message]:
    """A ticket that nobody has acknowledged, and the call to Bob about it."""
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    world.settle(ref)
    world.at.later(301)
    world.settle(ref)
    (call,) = world.bobs.messages
    world.at.later(10)
    return ref, call


def test_a_call_from_before_a_restart_loses_its_buttons_by_a_click_on_it() -> None:
    with both() as world:
        _, call = called(world)
        before = call.card or {}
        world.restart()
        told = world.click("Acknowledge", world.at.state.found("bob@example.org"), call)
        assert shown(told) == {name: value for name, value in before.items() if name != "actions"}
        assert shown(told) == call.card, "and then for everybody"


CLOSED = """
[fields]
security = { type = "flag" }
[[restrict]]
id = "security"
when = 'security'
to = ["person:ann"]
"""


def test_what_was_blanked_is_not_put_back_by_a_late_click_on_what_somebody_still_sees() -> None:
    with both(CLOSED) as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout", security=False)
        world.settle(ref)
        card = world.at.ops.messages[0]
        before = card.card or {}
        world.at.later(60)
        world.tracker.person(ref, security=True)
        world.settle(ref)
        blank = card.card or {}
        assert "Checkout" not in str(blank)
        world.restart()
        world.at.later(60)
        card.views[world.ann.id] = before
        world.tracker.person(ref, security=False, severity="low")  # so nobody wants the card any more
        told = world.click("Acknowledge", world.ann, card)
        world.settle(ref)
        assert "acknowledge" in {act.verb for act in world.acts(ref)}
        assert card.card == blank
        assert "Checkout" not in told.said


def test_a_call_that_kept_its_buttons_over_a_restart_is_shown_without_to_whoever_clicks_them() -> None:
    with both() as world:
        ref, call = called(world)
        world.restart()
        world.click("Acknowledge", world.ann)
        world.at.later(10)
        world.settle(ref)
        assert buttons(call.card or {}), "a bot cannot read what it posted"
        told = world.click("Take it", world.at.state.found("bob@example.org"), call)
        assert buttons(shown(told)) == []
        assert shown(told)["body"] == (call.card or {})["body"], "what it told is not changed"


def test_whoever_is_due_is_called_in_their_chat_and_the_call_loses_its_buttons() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        world.at.later(301)
        world.settle(ref)
        (call,) = world.bobs.messages
        assert call.card["actions"]
        world.click("Acknowledge", world.ann)
        world.settle(ref)
        assert "actions" not in world.bobs.messages[0].card


def test_a_form_is_filled_in_where_the_card_stood_and_the_card_comes_back() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        assert not world.click("Post an update", world.ann).failed
        seen = world.at.ops.messages[0].seen_by(world.ann.id)
        assert [action["title"] for action in seen["actions"]] == ["Send", "Cancel"]
        assert not world.click("Send", world.ann, **{"arg.text": "Failover runs."}).failed
        assert "Failover runs." in str(world.tracker.get(ref).ledger), "the update stands on the ticket"
        seen = world.at.ops.messages[0].seen_by(world.ann.id)
        assert [action["title"] for action in seen["actions"]] == ["Acknowledge", "Take it", "Post an update"]


def test_a_stranger_is_told_at_the_card_and_nothing_changes() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        eve = world.at.state.person("eve", "eve@example.org", "Eve")
        world.click("Acknowledge", eve)
        (note,) = world.notes()
        assert "does not know you" in note
        assert world.acts(ref) == ()


@pytest.mark.parametrize("text", ["status OPS-1", "status", "ack OPS-1"])
def test_what_is_typed_in_the_thread_is_answered_in_the_persons_chat(text: str) -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        told = world.at.box.people.mention(world.ann, world.at.ops, text, world.at.ops.messages[0].id)
        assert told.status == 200
        assert world.intake.close(), "everybody is answered"
        (answer,) = world.at.state.personal(world.ann.id).messages
        assert "OPS-1" in str(answer.card)
        assert len(world.at.ops.messages) == 2, "the card, and what Ann wrote"


def test_a_post_in_doubt_is_sent_again_with_a_remark_as_nobody_can_look() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.at.box.server.fail(Fault(lambda asked: asked.path.endswith("/v3/conversations"), done=True, drop=True))
        world.engine.look(ref)
        world.engine.look(ref)
        assert len(world.at.ops.messages) == 1, "its claim stays open for two minutes"
        world.at.later(121)
        world.settle(ref)
        assert len(world.at.ops.messages) == 2
        assert "You may have received this before." in str(world.at.ops.messages[1].card)


def test_a_restart_posts_nothing_again_and_edits_what_stands() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        again = world.at.again()
        engine = Engine(world.tracker, {"msteams": again}, world.engine.rules, Site(), world.engine.clock)
        engine.look(ref)
        world.tracker.person(ref, severity="medium")
        engine.look(ref)
        assert len(world.at.ops.messages) == 1
        assert "medium" in str(world.at.ops.messages[0].card)
        again.close()
