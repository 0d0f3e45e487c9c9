"""The engine over the real connectors and the vendors in a box: what the fakes promise holds on Jira and on Slack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import requests

from connectors.base import Request
from connectors.errors import ConnectorError
from connectors.model import Changed
from rules import load
from sandbox.clock import Clock
from sandbox.jira.world import Flavour
from sandbox.slack import SlackSandbox
from sync.ledger import Ledger
from sync.look import Engine, Site
from tests.connectors import jiras, slack_workspace

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PEOPLE = """
[defaults]
timezone = "UTC"
[scales]
severity = ["low", "medium", "high"]
criticality = ["low", "high", "critical"]
[places.incidents]
slack = "#incidents"
[people]
ann = { email = "ann@example.org" }
bob = { email = "bob@example.org" }
[teams]
payments = { lead = "bob", members = ["bob"], schedule = "rota" }
[schedules]
rota = { rotation = ["bob"], handover = "Mon 00:00" }
[services.checkout]
team = "payments"
criticality = "critical"
"""
RULES = """
[[classify]]
id = "critical-down"
when = 'service.criticality == "critical" and mentions(text, "down")'
set = { severity = "high" }
[[assign]]
id = "service-team"
when = 'service'
pick = "on-call"
team = "service.team"
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["on-call:team"] }]
[[notify]]
id = "card"
when = 'severity >= "medium"'
to = ["place:incidents"]
buttons = ["acknowledge", "take", "resolve"]
[[notify]]
id = "milestones"
on = ["resolved"]
to = ["place:incidents"]
"""


@dataclass
class Both:
    """A Jira, a Slack, and the engine between them."""

    jira: jiras.World
    box: SlackSandbox
    engine: Engine
    hooks: list[Changed] = field(default_factory=list)

    def settle(self, ref: str, looks: int = 6) -> None:
        """Look until nothing is owed by then."""
        for _ in range(looks):
            wake = self.engine.look(ref)
            if wake is None or wake - self.engine.clock() > timedelta(seconds=5):
                return
            self.jira.clock.advance(max(wake - self.engine.clock(), timedelta(seconds=1)))
        raise AssertionError("it never came to rest")

    def said(self, channel: str) -> list[str]:
        return [message.text for message in self.box.state.channel(channel).messages]


@contextmanager
def both(flavour: Flavour) -> Iterator[Both]:
    clock = Clock(MORNING, speed=0)
    with jiras.world(flavour, clock) as jira, SlackSandbox(clock) as box:
        slack = slack_workspace.connector(box)
        box.state.channel("#incidents")
        for key in ("ann", "bob"):
            box.state.person(key, f"{key}@example.org", key.capitalize())
        rules = load.parse({"a.toml": PEOPLE, "b.toml": RULES}, connectors=("jira", "slack"))
        tracker = jira.jira
        made = Both(jira, box, Engine(tracker, {"slack": slack}, rules, Site(), clock.now))
        yield made
        slack.close()


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_a_tickets_life_on_the_real_products(flavour: Flavour) -> None:
    with both(flavour) as world:
        state = world.jira.state
        ref = state.create({"summary": "Checkout is down", "components": ["Checkout (prod)"]})
        world.settle(ref)
        ticket = world.jira.jira.get(ref)
        assert (ticket.fields["severity"], ticket.fields["team"]) == ("high", "payments")
        assert str(ticket.fields["assignee"]).startswith("Bob")
        assert len(world.said("#incidents")) == 1
        assert [c.by == world.jira.jira.me() for c in ticket.comments] == [True], "one log"
        log = ticket.comments[0].text
        assert "09:05 call bob, unless acknowledged" in log

        world.jira.clock.advance(timedelta(minutes=6))
        world.settle(ref)
        ticket = world.jira.jira.get(ref)
        assert len(ticket.comments) == 1, "the log is edited in place"
        assert "severity = high" in ticket.comments[0].text, "and keeps what it said"
        assert "call bob" in ticket.comments[0].text.partition("What happened")[2]

        state.put(ref, {"customfield_10050": "Low"})
        world.settle(ref)
        assert world.jira.jira.get(ref).fields["severity"] == "low"
        (line,) = [i for i in world.engine.plan(ref).of("not") if i.effect.key == "field:severity"]
        assert line.reason == "left alone: ann set it 09:06"

        calls = world.box.server.requests
        world.jira.sent()
        world.engine.look(ref)
        asked = world.jira.sent()
        assert (len(asked), world.box.server.requests - calls) == (1, 0), "idle: one read, nothing else"
        assert Ledger.loads(world.jira.jira.get(ref).ledger, ref).open_claims() == {}


def test_a_change_that_edits_a_field_and_posts_costs_four_requests_and_its_echo_none() -> None:
    with both("cloud") as world:
        first = world.jira.state.create({"summary": "Checkout is down", "components": ["Checkout (prod)"]})
        world.settle(first)  # reads fields, statuses and who we are, once
        world.jira.sent()
        ref = world.jira.state.create({"summary": "Checkout is down again", "components": ["Checkout (prod)"]})
        world.jira.clock.advance(timedelta(seconds=2))
        posts = world.box.server.requests
        world.engine.look(ref)
        asked = world.jira.sent()
        assert [one.split()[0] for one in asked] == ["GET", "PUT", "PUT"]
        assert world.box.server.requests - posts == 1


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_webhooks_of_our_own_edits_are_echoes_and_a_persons_are_not(flavour: Flavour) -> None:
    heard: list[Changed] = []
    with both(flavour) as world, _listening(world, heard) as url:
        world.jira.state.webhook(url, jiras.SECRET)
        ref = world.jira.state.create({"summary": "Checkout is down", "components": ["Checkout (prod)"]})
        world.jira.state.hooks.settle()
        heard.clear()
        world.settle(ref)
        world.jira.state.hooks.settle()
        assert heard, "our edits cause webhooks"
        assert [one for one in heard if not world.engine.is_echo(one)] == []
        heard.clear()
        world.jira.state.put(ref, {"summary": "Checkout is down in Asia"})
        world.jira.state.hooks.settle()
        assert heard
        assert not any(world.engine.is_echo(one) for one in heard)


@contextmanager
def _listening(world: Both, heard: list[Changed]) -> Iterator[str]:
    from sandbox.http import Answer, Asked, Server

    def hook(asked: Asked) -> Answer:
        receipt = world.jira.jira.receive(Request(asked.headers, asked.body), world.engine.clock())
        heard.extend(s for s in receipt.signals if isinstance(s, Changed))
        return Answer(202)

    with Server(hook) as server:
        yield server.url


def test_the_sandbox_is_up() -> None:
    with both("cloud") as world:
        assert requests.get(world.jira.server.url + "/rest/api/3/serverInfo", timeout=5).ok
        with pytest.raises(ConnectorError):
            world.jira.jira.get("404")
