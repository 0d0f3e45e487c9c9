"""Phones at night: an unacknowledged ticket rings, an acknowledged one stops, and nobody is rung twice for one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.base import Sink
from connectors.model import Message
from rules import load
from sandbox.clock import Clock
from sandbox.gateway import GatewayState
from sandbox.http import Answer, Fault
from sync.cli.app import app
from sync.ledger import Ledger
from sync.look import Engine
from sync.settle import ended
from tests.connectors.gateways import NUMBER, Gateway, gateway
from tests.world import World

NIGHT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
COMPANY = f"""
[defaults]
timezone = "UTC"
fallback = ["person:ann"]
[scales]
severity = ["low", "medium", "high"]
[people]
ann = {{ slack = "U-ann" }}
maria = {{ slack = "U-maria", phone = "{NUMBER}", reach = ["phone", "slack"] }}
[places.oncall]
phone = "team:ops"
"""
LADDER = """
[[escalate]]
id = "wake"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["TO"] }, { after = "15m", to = ["TO"] }]
text = "{{ key }}: {{ summary }}"
"""


class Night(World):
    """A world at three in the morning, with phones."""

    def __init__(self, at: Gateway, recipe: str, to: str) -> None:
        self.at_gateway = at
        self.phone = at.hook(recipe)
        super().__init__(LADDER.replace("TO", to), COMPANY)
        self.now = NIGHT

    def _rules(self) -> load.RuleSet:
        return load.parse(
            {"00-company.toml": self.company, "10-rules.toml": self.rules_text},
            connectors=("memory", "slack", "phone"),
        )

    def _engine(self) -> Engine:
        sinks: dict[str, Sink[Message]] = {**self.messengers, "phone": self.phone}
        return Engine(self.tracker, sinks, self._rules(), self.site, self.clock)

    @property
    def state(self) -> GatewayState:
        return self.at_gateway.state


class Same(Clock):
    """A clock that shows what the world's shows."""

    world: World | None = None

    def now(self) -> datetime:
        """The world's moment."""
        return self.world.now if self.world is not None else NIGHT


@contextmanager
def night(recipe: str, to: str) -> Iterator[Night]:
    clock = Same(NIGHT, speed=0)
    with gateway(clock) as at:
        world = Night(at, recipe, to)
        clock.world = world
        yield world


def test_an_unacknowledged_ticket_rings_at_three_in_the_morning_and_stops_when_somebody_takes_it() -> None:
    with night("opsgenie", "place:oncall") as world:
        ref = world.ticket(severity="high")
        world.at("03:04")
        assert world.state.rings == []
        world.at("03:06")
        (ring,) = world.state.rings
        assert (ring.at, ring.to) == (NIGHT + timedelta(minutes=5), "ops")
        assert ring.text == "OPS-1: Checkout is down"
        world.at("03:16")
        assert len(world.state.rings) == 2, "the next step rings again"
        assert [alert.state for alert in world.state.alerts] == ["resolved", "triggered"], "one rings at a time"
        world.click("acknowledge", ref)
        assert [alert.state for alert in world.state.alerts] == ["resolved", "resolved"]
        world.at("08:00")
        assert len(world.state.rings) == 2
        world.click("unacknowledge", ref)
        world.at("08:06")
        assert len(world.state.rings) == 3, "un-acknowledged, it rings again"


def test_a_ticket_that_is_resolved_stops_the_phone() -> None:
    with night("pagerduty", "place:oncall") as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        assert [event.state for event in world.state.events] == ["triggered"]
        world.person(ref, phase="resolved")
        assert [event.state for event in world.state.events] == ["resolved"]
        assert len(world.state.rings) == 1


def test_a_person_is_called_by_telephone_first_where_they_say_so() -> None:
    with night("twilio", "person:maria") as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        assert [(one.to, one.status) for one in world.state.spoken] == [(NUMBER, "queued")]
        assert world.said("U-maria") == []
        world.click("acknowledge", ref)
        assert [one.status for one in world.state.spoken] == ["canceled"]


@pytest.mark.parametrize(
    ("recipe", "rings", "marked"),
    [("pagerduty", 1, False), ("opsgenie", 1, False), ("twilio", 2, True)],
)
def test_a_call_in_doubt_is_made_again_and_rings_twice_only_where_doubles_count(
    recipe: str, rings: int, *, marked: bool
) -> None:
    to = "person:maria" if recipe == "twilio" else "place:oncall"
    with night(recipe, to) as world:
        ref = world.ticket(severity="high")
        lost = Fault(lambda asked: asked.method == "POST", drop=True, done=True, times=3)
        world.at_gateway.box.server.fail(lost)
        world.at("03:06")
        assert len(world.state.rings) == 1
        assert world.plan(ref).ledger.open_claims(), "it is in doubt"
        world.at_gateway.box.server.heal()
        world.restart()
        world.at("03:09")
        assert len(world.state.rings) == rings
        assert not world.plan(ref).ledger.open_claims()
        assert any("received this before" in ring.text for ring in world.state.rings) is marked


def stands(world: Night) -> list[str]:
    return [one.state for one in (*world.state.events, *world.state.alerts)]


@pytest.mark.parametrize("recipe", ["pagerduty", "opsgenie"])
def test_a_call_in_doubt_that_nobody_needs_any_more_is_ended(recipe: str) -> None:
    with night(recipe, "place:oncall") as world:
        ref = world.ticket(severity="high")
        server = world.at_gateway.box.server
        server.fail(Fault(lambda asked: asked.method == "POST", drop=True, done=True, times=3))
        world.at("03:05:30")
        assert stands(world) == ["triggered"], "it came, and nobody knows"
        world.click("acknowledge", ref)
        server.heal()
        server.fail(Fault(lambda asked: True, Answer(503, "down"), times=99))
        world.at("03:08")
        assert stands(world) == ["triggered"]
        assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims(), "it is not forgotten"
        server.heal()
        world.at("03:12")
        assert stands(world) == ["resolved"]
        assert not Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims()
        assert len(world.state.rings) == 1


def test_what_can_never_be_ended_is_given_up() -> None:
    with night("pagerduty", "place:oncall") as world:
        ref = world.ticket(severity="high")
        world.at_gateway.box.server.fail(Fault(lambda asked: True, drop=True, times=99))
        world.at("03:05:30")
        before = Ledger.loads(world.tracker.tickets[ref].ledger, ref)
        none, sinks = Ledger(ref), {"phone": world.phone}
        assert ended(before, none, sinks, NIGHT + timedelta(minutes=19)).open_claims() == before.open_claims()
        assert ended(before, none, sinks, NIGHT + timedelta(minutes=21)) is none


def test_two_processes_in_one_night_ring_a_phone_once_where_doubles_are_dropped() -> None:
    with night("pagerduty", "place:oncall") as world:
        ref = world.ticket(severity="high")
        before = world.tracker.tickets[ref]
        world.at("03:06")
        world.tracker.tickets[ref] = replace(
            world.tracker.tickets[ref], ledger=before.ledger
        )  # what the other one read
        world.restart()
        world.at("03:08")
        assert len(world.state.rings) == 1
        assert world.state.events[0].count == 2, "it was told of twice"


def test_a_product_that_is_away_leaves_the_call_owed_until_it_is_back() -> None:
    with night("pagerduty", "place:oncall") as world:
        ref = world.ticket(severity="high")
        world.at_gateway.box.server.fail(Fault(lambda asked: True, Answer(429, "", {"retry-after": "60"})))
        world.at("03:05:30")
        assert world.state.rings == []
        assert [effect.key for effect in world.plan(ref).owed] == ["escalate:wake>place:oncall@phone"]
        world.at("03:07")
        assert len(world.state.rings) == 1


def test_a_check_without_secrets_takes_an_address_for_granted_that_is_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        """
[connectors.jira]
url = "https://your-site.atlassian.net"
user = "pointman@example.org"
token = "env/NOBODY_SET_JIRA_TOKEN"
[connectors.phone]
use = "webhook"
url = "env/NOBODY_SET_GATEWAY_URL"
secret = "env/NOBODY_SET_GATEWAY_SECRET"
"""
    )
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "rules.toml").write_text(COMPANY + LADDER.replace("TO", "place:oncall"))
    done = CliRunner().invoke(app, ["check", "--no-secrets", "--config", str(path)])
    assert (done.exit_code, done.output) == (0, "1 rules in 1 files are fine\n")
