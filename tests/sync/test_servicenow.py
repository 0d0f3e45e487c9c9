"""The engine over ServiceNow: the very rules that run on Jira, its notes, its business rules, its copied records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Denied
from rules import load
from sandbox.clock import Clock
from sandbox.slack import SlackSandbox
from sandbox.world import World
from sync import config
from sync.ledger import Ledger
from sync.look import Engine, Site
from sync.run import Running, assemble, read_rules
from tests.connectors import instances, slack_workspace
from tests.connectors.instances import MORNING
from tests.sync.installation import RULES as INSTALLED
from tests.sync.installation import SECRET
from tests.sync.test_products import PEOPLE, RULES
from tests.sync.test_run import until

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs


@dataclass
class Both:
    """A ServiceNow, a Slack, and the engine between them."""

    snow: instances.World
    box: SlackSandbox
    engine: Engine

    def ticket(self, summary: str = "Checkout is down") -> str:
        service = self.snow.state.service_id("Checkout (prod)")
        return self.snow.create(short_description=summary, business_service=service)

    def settle(self, ref: str, looks: int = 6) -> None:
        """Look until nothing is owed by then."""
        for _ in range(looks):
            wake = self.engine.look(ref)
            if wake is None or wake - self.engine.clock() > timedelta(seconds=5):
                return
            self.snow.clock.advance(max(wake - self.engine.clock(), timedelta(seconds=1)))
        raise AssertionError("it never came to rest")

    def said(self, channel: str) -> list[str]:
        return [message.text for message in self.box.state.channel(channel).messages]

    def notes(self, ref: str) -> list[str]:
        return [note["value"] for note in self.snow.state.notes(ref)]

    def restart(self) -> None:
        """A new process: nothing is known but what stands on the tickets."""
        old, tracker = self.engine, self.snow.snow
        self.engine = Engine(tracker, old.sinks, old.rules, old.site, self.snow.clock.now)


@contextmanager
def both(**changes: Any) -> Iterator[Both]:
    clock = Clock(MORNING, speed=0)
    with instances.world(clock, **changes) as snow, SlackSandbox(clock) as box:
        slack = slack_workspace.connector(box)
        box.state.channel("#incidents")
        for key in ("ann", "bob"):
            box.state.person(key, f"{key}@example.org", key.capitalize())
        rules = load.parse({"a.toml": PEOPLE, "b.toml": RULES}, connectors=("servicenow", "slack"))
        tracker = snow.snow
        engine = Engine(tracker, {"slack": slack}, rules, Site(), clock.now)
        yield Both(snow, box, engine)
        slack.close()


def test_a_tickets_life() -> None:
    with both() as world:
        ref = world.ticket()
        world.settle(ref)
        ticket = world.snow.snow.get(ref)
        assert (ticket.fields["severity"], ticket.fields["team"]) == ("high", "payments")
        assert str(ticket.fields["assignee"]).startswith("Bob")
        assert world.snow.state.ticket(ref)["priority"] == "1", "priority follows"
        assert len(world.said("#incidents")) == 1
        (note,) = world.notes(ref)
        assert "severity = high" in note
        assert "09:05 call bob, unless acknowledged" in note

        world.snow.clock.advance(timedelta(minutes=6))
        world.settle(ref)
        first, *others = world.notes(ref)
        assert first == note, "a journal is never edited"
        assert len([line for text in others for line in text.splitlines() if "call bob" in line]) == 1

        world.snow.state.put(ref, {"impact": "3", "urgency": "3"})
        world.settle(ref)
        assert world.snow.snow.get(ref).fields["severity"] == "low"
        (line,) = [i for i in world.engine.plan(ref).of("not") if i.effect.key == "field:severity"]
        assert line.reason == "left alone: ann set it 09:06"

        calls = world.box.server.requests
        world.snow.sent()
        world.engine.look(ref)
        assert world.snow.sent() == ["GET incident", "GET sys_audit", "GET sys_journal_field"], "idle: one look"
        assert world.box.server.requests == calls
        assert Ledger.loads(world.snow.snow.get(ref).ledger, ref).open_claims() == {}


def test_a_restart_and_a_second_look_change_nothing() -> None:
    with both() as world:
        ref = world.ticket()
        world.settle(ref)
        record = dict(world.snow.state.ticket(ref).values)
        for _ in range(2):
            world.restart()
            world.settle(ref)
        assert dict(world.snow.state.ticket(ref).values) == record
        assert len(world.said("#incidents")) == 1


def test_a_new_ticket_costs_a_look_and_two_writes() -> None:
    with both() as world:
        world.settle(world.ticket())  # reads choices, people and who we are, once
        ref = world.ticket("Checkout is down again")
        world.snow.clock.advance(timedelta(seconds=2))
        world.snow.sent()
        world.engine.look(ref)
        asked = world.snow.sent()
        assert asked == ["GET incident", "GET sys_journal_field", "PATCH incident", "PATCH incident"]


def test_a_copied_tickets_ledger_is_somebody_elses() -> None:
    with both() as world:
        world.settle(world.ticket())
        (original,) = world.snow.state.rows("incident")
        copy = world.snow.state.ticket(world.snow.state.copy(original["number"])).id
        assert json.loads(world.snow.state.ticket(copy)["u_pointman"])["id"] == original.id
        world.settle(copy)
        assert json.loads(world.snow.state.ticket(copy)["u_pointman"])["id"] == copy
        assert len(world.said("#incidents")) == 2


def test_what_a_business_rule_makes_of_our_write_is_not_fought() -> None:
    with both() as world:
        world.snow.state.traps.assigns["payments"] = "tom"
        ref = world.snow.create(short_description="Checkout is down")
        world.settle(ref)
        world.snow.state.put(ref, {"business_service": world.snow.state.service_id("Checkout (prod)")})
        world.settle(ref)
        first = dict(world.snow.state.ticket(ref).values)
        for _ in range(3):
            world.snow.clock.advance(timedelta(minutes=1))
            world.settle(ref)
        last = dict(world.snow.state.ticket(ref).values)
        assert (first["assigned_to"], first["assignment_group"]) == (last["assigned_to"], last["assignment_group"])


def test_a_word_that_the_account_may_not_write_is_told_and_all_else_is_done() -> None:
    with both() as world:
        world.snow.state.traps.locked |= {"incident.impact", "task.impact"}
        ref = world.ticket()
        world.settle(ref)
        record = world.snow.state.ticket(ref)
        assert record["assignment_group"] == world.snow.state.group_id("payments")
        failed = Ledger.loads(record["u_pointman"], ref).entries["field:severity"].failure
        assert failed is not None
        assert "impact still holds nothing" in failed.said


def test_a_ledger_that_is_dropped_is_noticed_and_calls_go_out_all_the_same() -> None:
    with both() as world:
        world.snow.state.traps.locked |= {"incident.u_pointman"}
        ref = world.ticket()
        world.engine.look(ref)
        assert any("pointman setup servicenow" in said for said in world.engine.notices.values()), world.engine.notices
        assert world.said("#incidents") == [], "nothing goes out unclaimed"


def test_a_ledger_that_can_no_longer_be_seen_is_kept_and_nobody_is_called_again() -> None:
    with both() as world:
        ref = world.ticket()
        world.settle(ref)
        kept, said = world.snow.state.ticket(ref)["u_pointman"], world.said("#incidents")
        world.snow.state.traps.hidden |= {"incident.u_pointman"}
        world.restart()
        world.snow.clock.advance(timedelta(minutes=10))
        for _ in range(2):
            with pytest.raises(Denied, match="u_pointman is not there, or may not be read"):
                world.engine.look(ref)
        assert (world.snow.state.ticket(ref)["u_pointman"], world.said("#incidents")) == (kept, said)
        world.snow.state.traps.hidden.clear()
        world.restart()
        world.settle(ref)
        assert (
            Ledger.loads(world.snow.state.ticket(ref)["u_pointman"], ref).entries.keys()
            > Ledger.loads(kept, ref).entries.keys()
        )


def test_without_the_audit_a_new_ticket_is_classified_and_a_persons_change_stays() -> None:
    with both() as world:
        world.snow.state.traps.readable.clear()
        ref = world.ticket()
        world.settle(ref)
        assert world.snow.snow.get(ref).fields["severity"] == "high"
        world.snow.clock.advance(timedelta(minutes=1))
        world.snow.state.put(ref, {"impact": "3", "urgency": "3"})
        world.settle(ref)
        assert world.snow.snow.get(ref).fields["severity"] == "low"
        (line,) = [i for i in world.engine.plan(ref).of("not") if i.effect.key == "field:severity"]
        assert line.reason == "left alone: somebody set it"


# ---- whoever dies


class Died(Exception):
    """The process is no more."""


WRITES = 4
"""The writes of the life below: words and claims, outcome and note; and once more for the call."""


def live(world: Both, fate: tuple[int, str]) -> tuple[int, list[str], list[str]]:
    """A ticket is made, nobody acknowledges, six minutes pass; the process dies at its n-th write, and another begins.

    Answers how often it wrote, what Slack heard, and the lines of all notes.
    """
    tracker, (number, when), count = world.snow.snow, fate, 0
    write = tracker.write

    def mortal(ref: str, edit: Any, ledger: str | None) -> None:
        nonlocal count
        count += 1
        if count == number and when == "before":
            raise Died
        write(ref, edit, ledger)
        if count == number:
            raise Died

    tracker.write = mortal  # type: ignore[method-assign]  # a process that dies there
    ref = world.ticket()
    for minutes in (0, 6, 3):
        world.snow.clock.advance(timedelta(minutes=minutes))
        for _ in range(2):
            try:
                world.settle(ref)
                break
            except Died:
                world.restart()
                world.snow.clock.advance(timedelta(minutes=2, seconds=1))  # its claim is old enough
    notes = [line for text in world.notes(ref) for line in text.split("What happens next")[0].splitlines()]
    channels = world.box.state.channels.values()
    plain = re.compile(rf"{re.escape(world.snow.server.url)}|\d\d:\d\d")  # a death may cost minutes, and nothing else
    said = [plain.sub("", m.text) for channel in channels for m in channel.messages]
    return count, sorted(said), sorted(line.partition(" ")[2].partition(" ")[2] for line in notes if line[:1] == "-")


@pytest.fixture(scope="module")
def calm() -> tuple[int, list[str], list[str]]:
    with both() as world:
        return live(world, (0, ""))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_wherever_the_process_dies_nothing_is_lost_or_doubled(
    calm: tuple[int, list[str], list[str]], number: int, when: str
) -> None:
    assert calm[0] == WRITES
    with both() as world:
        _, said, notes = live(world, (number, when))
    assert said == calm[1]
    assert [line for line in calm[2] if line not in notes] == [], "every line is told"
    assert len(notes) == len(set(notes)), "and none twice"


# ---- the whole, as it runs


def install(folder: Path, world: World) -> Path:
    """The rules of the Jira installation, to the letter, over another `[connectors.*]`."""
    world.channel("#incidents")
    (folder / "rules.d").mkdir()
    (folder / "rules.d" / "rules.toml").write_text(INSTALLED)
    path = folder / "config.toml"
    path.write_text(
        f"""
start = 2020-01-01T00:00:00Z
defaults = {{ severity = "low" }}
[server]
port = 0
[sweep]
every = 0.2
concurrency = 4
[connectors.servicenow]
url = "{world.server.url}"
user = "pointman"
password = "{world.servicenow.password}"
webhook_secret = "{SECRET}"
[connectors.servicenow.fields]
affected_users = "u_affected_users"
[connectors.slack]
token = "{world.slack.state.token}"
signing_secret = "{world.slack.state.signing_secret}"
base_url = "{world.slack.api}"
"""
    )
    return path


@pytest.fixture
def world() -> Iterator[World]:
    with World(tracker="servicenow") as made:
        yield made


@pytest.fixture
def running(tmp_path: Path, world: World) -> Iterator[Running]:
    read = config.load(install(tmp_path, world))
    made = Running(assemble(read, read_rules(read)))
    world.connect(f"http://127.0.0.1:{made.start()}", SECRET)
    yield made
    made.stop(timedelta(seconds=5))


@pytest.mark.usefixtures("running")
def test_a_ticket_changes_the_rules_decide_slack_hears_and_the_ticket_remembers(world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    until(world.posts)
    until(lambda: world.logs(key))
    assert [post.text for post in world.posts("#incidents")] == [f"{key}: Checkout is down"]
    assert world.value(key, "Severity") == "High"
    world.click("tom", world.posts()[0], "Acknowledge")
    until(lambda: not world.posts()[0].buttons)
    until(lambda: any("tom: acknowledge" in text for text in world.logs(key)))
    assert world.doubled() == ()


@pytest.mark.usefixtures("running")
def test_what_happened_without_a_webhook_is_noticed_by_the_sweep(world: World) -> None:
    world.servicenow.hooks.hooks.clear()
    world.create("ann", {"Summary": "Checkout is down"})
    until(world.posts)


@pytest.mark.usefixtures("running")
def test_nobody_acknowledges_so_the_next_is_called(world: World) -> None:
    key = world.create("ann", {"Summary": "Checkout is down"})
    until(world.posts)
    until(lambda: world.logs(key))
    world.clock.advance(timedelta(minutes=6))
    until(lambda: any("nobody has acknowledged" in post.text for post in world.posts("#incidents")))
    until(lambda: world.logs(key)[0].count("Pointman log") == 2)  # one note for each, all told as one log
    assert world.doubled() == ()
