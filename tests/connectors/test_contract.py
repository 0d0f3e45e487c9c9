"""One contract for every tracker and one for every messenger: the fakes keep it as the real connectors do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.teams.webhook import TeamsWebhook, WebhookSettings
from connectors.testing import MemoryMessenger, MemoryTracker
from connectors.testing.contract import MessengerContract, Told, Tracked, TrackerContract
from sandbox.clock import Clock
from tests.connectors import instances, jiras, post_office, slack_workspace, teams_tenant

PAIRS = {"high": "1", "medium": "2", "low": "3"}
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", "jira cloud", "jira datacenter", "servicenow", "servicenow by history lines"])
def tracked(request: pytest.FixtureRequest) -> Iterator[Tracked]:
    clock = Clock(NOW, speed=0)
    later = lambda: clock.advance(timedelta(minutes=1))  # noqa: E731
    if request.param == "memory":
        memory = MemoryTracker(clock.now)
        ref = memory.ticket("OPS-1", "Checkout is down")
        yield Tracked(memory, ref, lambda v: memory.person(ref, severity=v), later, NOW)
        return
    if request.param.startswith("servicenow"):
        with instances.world(clock) as box:
            if "lines" in request.param:
                box.by_lines()
            sys_id = box.create(short_description="Checkout is down")
            put = lambda v: box.state.put(sys_id, {"impact": PAIRS[v], "urgency": PAIRS[v]})  # noqa: E731
            yield Tracked(box.snow, sys_id, put, later, NOW)
        return
    with jiras.world("cloud" if "cloud" in request.param else "datacenter", clock) as world:
        key = world.state.create({"summary": "Checkout is down"})
        ref = world.jira.get(key).ref
        sets = lambda value: world.state.put(key, {"customfield_10050": value.capitalize()})  # noqa: E731
        yield Tracked(world.jira, ref, sets, later, NOW)


class TestTrackers(TrackerContract):
    """Every tracker of ours."""


@pytest.fixture(params=["memory", "slack", "teams bot", "teams webhook", "e-mail"])
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    if request.param == "memory":
        clock = Clock(NOW, speed=0)
        fake = MemoryMessenger(clock.now)
        seen = lambda: [button.label for button in fake.posts[-1].message.buttons]  # noqa: E731
        yield Told(fake, seen, lambda: clock.advance(timedelta(minutes=5)), NOW)
        return
    if request.param == "teams bot":
        with teams_tenant.tenant() as made:
            teams = made.again(channels={"#ops": made.ops.id})
            yield Told(teams, made.buttons, lambda: made.later(300), NOW)
            teams.close()
        return
    if request.param == "teams webhook":
        with teams_tenant.tenant() as made:
            url = made.state.webhook(made.state.flow(made.ops))
            hook = TeamsWebhook("msteams", WebhookSettings.model_validate({"channels": {"#ops": url}}))
            yield Told(hook, made.buttons, lambda: made.later(300), NOW)
            hook.close()
        return
    if request.param == "e-mail":
        with post_office.office() as office:
            links = lambda: [link.label for link in office.ann()[-1].links]  # noqa: E731
            later = lambda: office.later(minutes=5)  # noqa: E731
            yield Told(office.email, links, later, NOW, post_office.ANN, ("Take it",))
        return
    with slack_workspace.workspace() as box:
        shown = lambda: [b["text"]["text"] for b in box.ops.messages[-1].buttons]  # noqa: E731
        yield Told(box.slack, shown, lambda: box.later(300), NOW)


class TestMessengers(MessengerContract):
    """Every messenger of ours."""
