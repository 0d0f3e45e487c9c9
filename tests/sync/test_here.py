"""A command that names no ticket: in a ticket's own channel that one is meant, elsewhere it is asked which."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.errors import Temporary
from connectors.model import Command, User
from sync.intake import Intake
from sync.ledger import Ledger
from sync.look import Site
from sync.queue import MemoryQueue
from tests.connectors import slack_workspace
from tests.connectors.slack_workspace import Workspace, workspace
from tests.sync.test_rooms import ROOM, _secret, _world
from tests.sync.test_teams import Both, both
from tests.world import COMPANY, MORNING, RULES, World

CADENCE = '[[update]]\nid = "hourly"\nwhen = \'severity == "high"\'\nevery = "1h"\nto = ["place:incidents"]\n'


def asked(by: str = "ann", verb: str = "status") -> Command:
    return Command("", verb, User(f"U-{by}", by), "slack", {}, "https://x trigger R1", MORNING, "1")


def opened(world: World, **words: Any) -> str:
    ref = world.ticket(**words)
    world.at("09:01")
    return ref


# ---- whose own a channel is


def test_a_channel_is_its_tickets_own_before_a_sweep_and_after_it_and_after_a_restart() -> None:
    world = _world()
    ref = opened(world)
    assert world.engine.here(asked(), "R1") == ref
    assert world.engine.here(asked(), "R9") == ""
    world.engine = world._engine()
    assert world.engine.memory.rooms == {}
    assert world.engine.here(asked(), "R1") == ref, "the tickets themselves tell"
    world.restart()
    assert world.engine.memory.rooms == {("slack", "R1"): (ref,)}, "and so does the first sweep"
    assert world.engine.here(asked(), "R1") == ref


def test_a_channel_that_was_nobodys_is_known_once_it_is_a_tickets() -> None:
    world = _world()
    assert world.engine.here(asked(), "R1") == "", "there is no such channel yet"
    ref = opened(world)
    world.sweep()
    assert world.engine.here(asked(), "R1") == ref


def test_once_a_sweep_was_through_nothing_is_searched_for_a_channel_that_is_nobodys() -> None:
    world = _world()
    ref = opened(world)
    world.sweep()
    world.engine.end_sweep()
    world.tracker.open = None  # type: ignore[method-assign, assignment]  # nobody may ask
    assert world.engine.here(asked(), "R9") == ""
    assert world.engine.here(asked(), "R1") == ref


def test_the_same_id_in_another_product_is_another_channel() -> None:
    world = _world()
    opened(world)
    assert world.engine.here(replace(asked(), source="msteams"), "R1") == ""


def test_a_ticket_that_is_resolved_keeps_its_channel() -> None:
    world = _world()
    ref = opened(world)
    world.person(ref, phase="resolved")
    world.sweep()
    assert world.engine.here(asked(), "R1") == ref


def test_a_ticket_that_is_gone_or_whose_ledger_cannot_be_read_has_none() -> None:
    world = _world()
    ref = opened(world)
    world.sweep()
    kept = world.tracker.tickets[ref]
    world.tracker.tickets[ref] = replace(kept, ledger='{"R1": broken')
    assert world.engine.here(asked(), "R1") == ""
    world.engine = world._engine()
    assert world.engine.here(asked(), "R1") == ""
    del world.tracker.tickets[ref]
    world.engine.memory.rooms["slack", "R1"] = (ref,)
    assert world.engine.here(asked(), "R1") == ""


def test_where_two_ledgers_claim_a_channel_it_is_asked_which() -> None:
    world = _world()
    ref, other = opened(world), world.ticket(key="OPS-2", severity="high")
    ledger = Ledger.loads(world.tracker.tickets[other].ledger, other)
    mine = Ledger.loads(world.tracker.tickets[ref].ledger, ref).entries
    key = next(key for key in mine if key.startswith("channel:"))
    copied = ledger.with_entry(key, mine[key]).dumps()
    world.tracker.tickets[other] = replace(world.tracker.tickets[other], ledger=copied)
    world.engine = world._engine()
    assert world.engine.here(asked(), "R1") == ""
    world.engine = world._engine()
    world.engine.consider(world.tracker.tickets[other])
    assert world.engine.here(asked(), "R1") == "", "also when the first sweep has come by one of them alone"
    world.sweep()
    world.engine.end_sweep()
    assert world.engine.here(asked(), "R1") == "", "also when the sweep has come by, whichever it read last"
    world.tracker.tickets[other] = replace(world.tracker.tickets[other], ledger=ledger.dumps())
    assert world.engine.here(asked(), "R1") == ref, "and the other is put right"


def test_a_restricted_tickets_channel_means_it_to_whom_it_lets_in_alone() -> None:
    world = _secret("restricted = true\n")
    ref = opened(world, security=True)
    assert world.engine.here(asked("maria"), "R1") == ref
    assert world.engine.here(asked("tom"), "R1") == "", "for them there is no such ticket"
    assert world.engine.here(asked("eve"), "R1") == ref, "a stranger hears that they are one, and no more"


def test_the_open_channel_of_a_ticket_that_was_restricted_later_means_it_no_more() -> None:
    world = _secret("restricted = true\n")
    ref = opened(world, security=False)
    assert world.engine.here(asked("maria"), "R1") == ref
    world.person(ref, security=True)
    world.at("09:03")
    assert world.engine.here(asked("maria"), "R1") == "", "others read along there"
    assert world.engine.here(asked("maria"), "R2") == ref


# ---- the question


def test_the_question_names_the_worst_that_are_open_and_none_that_is_closed_to_whoever_asks() -> None:
    world = _secret("restricted = true\n")
    world.ticket(key="OPS-1", severity="medium", summary="Mail is slow", security=False)
    world.ticket(key="OPS-2", severity="high", security=True, summary="A leak")
    world.ticket(key="OPS-3", severity="high", summary="Search is down", security=False)
    lines = world.engine.which(asked("tom", "cadence")).split("\n")
    assert lines[0] == "Which ticket? Name its key, as in `cadence OPS-3`."
    assert [line.partition("](")[0] for line in lines[1:]] == ["• [OPS-3", "• [OPS-1"]
    assert "A leak" in world.engine.which(asked("maria"))
    form = world.engine.form(asked("tom", "cadence"))
    assert form is not None
    assert form.questions[0].label == "Which ticket? Its key, such as OPS-3, OPS-1"


def test_a_stranger_is_told_so_and_nothing_of_any_ticket() -> None:
    world = _world()
    world.ticket()
    said = world.engine.which(asked("eve"))
    assert said.startswith("Pointman does not know you.")
    assert "OPS" not in said


def test_while_the_tracker_is_away_the_question_names_nobody() -> None:
    world = _world()

    def away(_since: object) -> Iterator[Any]:
        raise Temporary("no answer in time")

    world.tracker.open = away  # type: ignore[method-assign]  # what a tracker is that is away
    assert world.engine.which(asked()) == "Which ticket? Name its key, as in `status OPS-42`."
    form = world.engine.form(asked())
    assert form is not None
    assert form.questions[0].label.endswith("such as OPS-42")


# ---- in Slack


@dataclass
class Office:
    """People in a workspace, whose commands go through the real intake."""

    made: Workspace
    world: World
    intake: Intake
    queue: MemoryQueue

    def types(self, text: str, channel: Any) -> str:
        """What somebody types there; the answer that they see, or what they are asked for."""
        box = self.made.box
        signed = box.people.signed(urlencode(box.people.typed(self.made.ann, channel, text)).encode())
        request = slack_workspace.Request({n.lower(): v for n, v in signed.headers.items()}, signed.body)
        self.made.state.notes.clear()
        self.made.state.views.clear()
        for command in self.made.slack.receive(request, self.made.state.now()).signals:
            assert self.intake.heard(command).wait(10)
        wait(list(self.intake._asked), 10)
        assert self.queue.drain(timedelta(seconds=10))
        views = [block["label"]["text"] for one in self.made.state.views.values() for block in one.view["blocks"]]
        return "\n".join([*views, *(note.text for note in self.made.state.notes)])

    def look(self, ref: str) -> None:
        for _ in range(6):
            self.world.engine.look(ref)
            self.world.now += timedelta(seconds=2)
            self.made.state.clock.advance(self.world.now - self.made.state.now())


@pytest.fixture
def office() -> Iterator[Office]:
    with workspace() as made:
        made.state.clock.advance(MORNING - made.state.now())
        made.state.channel("#incidents")
        made.state.channel("#management")
        company = COMPANY.replace("U-ann", made.ann.id)

        def messengers(_clock: object) -> Any:
            return {"slack": made.slack}

        world = World(RULES + ROOM + CADENCE, company, site=Site(), messengers=messengers)
        queue = MemoryQueue(world.engine.look, lambda ref: 0, world.clock, workers=1)
        intake = Intake(world.tracker, world.engine, queue, {"slack": made.slack}, world.clock)
        queue.start()
        yield Office(made, world, intake, queue)
        intake.close()
        queue.stop(timedelta(seconds=5))


@pytest.mark.uncounted  # smaller tests count the lines that it runs
def test_in_slack_a_tickets_channel_stands_for_its_key_whatever_people_make_of_it(office: Office) -> None:
    world, state = office.world, office.made.state
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    office.look(ref)
    other = world.tracker.ticket("OPS-2", "Mail is slow", severity="medium")
    office.look(other)
    (room,) = [one for one in state.channels.values() if one.name.startswith("inc-")]
    assert "OPS-1" in office.types("cadence 15m", room)
    assert [act.verb for act in Ledger.loads(world.tracker.get(ref).ledger, ref).acts] == ["cadence"]

    room.name, room.topic, room.purpose = "inc-ops-2", "OPS-2 Mail is slow", "Opened by Pointman (OPS-2)."
    state.say(office.made.ann, room, "this is about OPS-2 now, see https://tracker.example.org/browse/OPS-2")
    assert office.types("ack", room) == "You acknowledged OPS-1."
    assert office.types("status OPS-2", room).startswith("OPS-2 Mail is slow"), "a key that is named is meant"

    lobby = state.channel("#incidents")
    lobby.name, lobby.purpose, lobby.topic = "inc-ops-1", "Opened by Pointman (OPS-1).", "OPS-1"
    said = office.types("take", lobby)
    assert said == "Which ticket? Its key, such as OPS-1, OPS-2"
    assert [act.verb for act in Ledger.loads(world.tracker.get(other).ledger, other).acts] == []


# ---- in Teams


@contextmanager
def with_rooms() -> Iterator[Both]:
    with both(ROOM + CADENCE) as world:
        afresh(world)
        yield world


def afresh(world: Both) -> None:
    """Another process, without a memory, that opens channels."""
    world.stop()
    world.teams = world.at.again(teams={"Operations": world.at.ops.team}, channels_in="Operations")
    world.start()


@pytest.mark.uncounted
def test_in_teams_a_tickets_channel_stands_for_its_key_after_a_restart_and_under_another_name() -> None:
    with with_rooms() as world:
        ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
        world.settle(ref)
        (room,) = [one for one in world.at.state.conversations.values() if one.name.startswith("inc-")]
        room.name, room.description = "inc-ops-2", "OPS-2 Opened by Pointman (OPS-2)."
        afresh(world)
        assert world.at.box.people.mention(world.ann, room, "cadence 15m").status == 200
        assert world.intake.close()
        assert [act.verb for act in world.acts(ref)] == ["cadence"]
        world.start()
        assert world.at.box.people.mention(world.ann, world.at.ops, "ack").status == 200
        assert world.intake.close()
        assert [act.verb for act in world.acts(ref)] == ["cadence"], "in a channel of everybody's it is asked which"
        said = str([message.card for message in world.at.state.personal(world.ann.id).messages])
        assert "Which ticket?" in said
