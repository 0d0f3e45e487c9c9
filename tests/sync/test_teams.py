"""The engine over Teams: cards, calls, clicks and forms, through the real server and the tenant in a box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from connectors.testing import MemoryTracker
from rules import load
from sandbox.http import Fault
from sandbox.teams import Conversation, Delivered, Person
from sync.gate import Gate
from sync.health import Health, Swept
from sync.intake import Intake
from sync.ledger import Ledger
from sync.logs import Redaction
from sync.look import Engine, Site
from sync.queue import MemoryQueue
from sync.server import Hooks, Server, app
from tests.connectors.teams_tenant import Tenant, tenant
from tests.sync.test_products import PEOPLE, RULES

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
INCIDENTS = "Operations/Incidents"


@dataclass
class Both:
    """A tracker in memory, a Teams tenant, and the whole of Pointman between them."""

    at: Tenant
    tracker: MemoryTracker
    engine: Engine
    queue: MemoryQueue
    intake: Intake

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

    def click(self, label: str, by: Person, **given: str) -> Delivered:
        told = self.at.box.people.click(by, self.at.ops.messages[0], label, given)
        assert self.queue.drain(timedelta(seconds=5))
        return told

    def notes(self) -> list[str]:
        return [note.text for note in self.at.state.notes]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an answer may take longer than people would wait."""
    monkeypatch.setattr("connectors.teams.waiting.LATE", 10.0)


@contextmanager
def both() -> Iterator[Both]:
    with tenant() as at:
        at.state.person("bob", "bob@example.org", "Bob")
        rules = load.parse(
            {
                "a.toml": PEOPLE.replace('slack = "#incidents"', f'msteams = "{INCIDENTS}"'),
                "b.toml": RULES.replace('["acknowledge", "take", "resolve"]', '["acknowledge", "take", "update"]'),
            },
            connectors=("memory", "msteams"),
        )
        clock = at.state.clock.now
        tracker = MemoryTracker(clock)
        engine = Engine(tracker, {"msteams": at.teams}, rules, Site(), clock)
        queue = MemoryQueue(engine.look, lambda ref: 0, clock, workers=1)
        intake = Intake(tracker, engine, queue, {"msteams": at.teams}, clock)
        health = Health(("msteams",), Gate(), Swept(), queue.depth, {}, lambda: (0, ""), Redaction(set()).clean)
        server = Server(app(Hooks({"msteams": at.teams}, intake, clock), health), "127.0.0.1", 0)
        queue.start()
        at.box.people.hook = f"http://127.0.0.1:{server.start()}/hooks/msteams"
        yield Both(at, tracker, engine, queue, intake)
        server.stop()
        intake.close()
        queue.stop(timedelta(seconds=5))


def test_a_click_acknowledges_and_everybody_sees_it_and_nobody_is_called() -> None:
    with both() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        (card,) = world.at.ops.messages
        assert world.at.buttons() == ["Acknowledge", "Take it", "Post an update"]

        world.at.later(60)
        told = world.click("Acknowledge", world.ann)
        assert (told.status, told.failed) == (200, False)
        assert world.notes() == ["You acknowledged OPS-1."]
        acts = Ledger.loads(world.tracker.get(ref).ledger, ref).acts
        assert [(act.verb, act.by) for act in acts] == [("acknowledge", "ann")]
        assert world.at.ops.messages[0].edited, "the card changed because the ticket did"
        assert world.at.ops.messages[0].id == card.id

        world.at.later(600)
        world.settle(ref)
        assert world.bobs.messages == [], "nobody is called any more"


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
        assert Ledger.loads(world.tracker.get(ref).ledger, ref).acts == ()


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
