"""A running Teams tenant with our bot in it; every exchange is held against Microsoft's own documents."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from connectors.base import Receipt, Request
from connectors.teams import Teams, TeamsSettings
from sandbox.clock import Clock
from sandbox.http import Answer, Asked
from sandbox.teams import Conversation, Person, TeamsSandbox, TeamsState
from sandbox.teams.entra import Client
from tests.connectors.contracts import CONTRACTS, vendor

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DOCUMENT = "microsoft/botframework-connector.json"
SCHEMA = "microsoft/adaptive-card-1.5.0.schema.json"
ADAPTIVE = "application/vnd.microsoft.card.adaptive"
NEWER = ("teams/", "/members/")
"""Paths of Teams' own, which the document of the Bot Framework for all channels does not have."""


@dataclass
class Tenant:
    box: TeamsSandbox
    teams: Teams
    ops: Conversation
    ann: Person

    @property
    def state(self) -> TeamsState:
        return self.box.state

    def later(self, seconds: float) -> None:
        self.state.clock.advance(timedelta(seconds=seconds))

    def again(self, **settings: object) -> Teams:
        """The connector as a new process would have it: the same configuration, and no memory."""
        return connector(self.box, **settings)

    def receive(self, activity: dict[str, Any], token: str | None = None) -> Receipt:
        """What the connector makes of an activity, under a token of the Bot Framework."""
        return self.teams.receive(self.request(activity, token), self.state.clock.now())

    def request(self, activity: dict[str, Any], token: str | None = None) -> Request:
        bearer = self.box.people.token() if token is None else token
        return Request({"authorization": f"Bearer {bearer}"}, json.dumps(activity).encode())

    def pressed(self, label: str, by: Person | None = None, **given: str) -> dict[str, Any]:
        """The activity of a click on a button of the newest message in the channel."""
        message = self.ops.messages[-1]
        who = by or self.ann
        actions = (message.seen_by(who.id) or {}).get("actions") or []
        action = next(action for action in actions if action["title"] == label)
        return self.box.people.pressed(who, self.ops, message, action, given)

    def buttons(self) -> list[str]:
        """What may be clicked on the newest message in the channel."""
        return [action["title"] for action in (self.ops.messages[-1].card or {}).get("actions") or ()]


def connector(box: TeamsSandbox, **settings: object) -> Teams:
    state = box.state
    channel = next(iter(state.conversations.values()))
    given = {
        "tenant": state.entra.tenant,
        "app_id": state.app.id,
        "secret": state.app.secret,
        "channels": {"Operations/Incidents": channel.id},
        "service_url": box.service_url,
        "login_url": box.server.url,
        "openid_url": box.metadata,
        "graph_url": box.graph,
        **settings,
    }
    return Teams("msteams", TeamsSettings.model_validate(given))


@contextmanager
def tenant(latency: timedelta = timedelta(0)) -> Iterator[Tenant]:
    with TeamsSandbox(Clock(NOW, speed=0), latency=latency) as box:
        box.server.remember = True
        ops = box.state.channel("Incidents", "Operations")
        ann = box.state.person("ann", "ann@example.org", "Ann Example")
        teams = connector(box)
        yield Tenant(box, teams, ops, ann)
        teams.close()
        if CONTRACTS.exists():
            held(box.server.seen)


def held(seen: Iterable[tuple[Asked, Answer]]) -> int:
    """Hold every exchange with the Connector against its document, and every card against its schema; how many."""
    contract, count = vendor(DOCUMENT), 0
    for asked, answer in seen:
        at = asked.path.find("/v3/")
        if at < 0 or any(part in asked.path for part in NEWER):
            continue
        bare = Asked(asked.method, asked.path[at:], asked.query, asked.headers, asked.body)
        contract.check(bare, answer if answer.status < 300 and isinstance(answer.body, dict | list) else None)
        told = asked.json() or {}
        for attachment in (told.get("activity") or told).get("attachments") or ():
            check_card(attachment["content"])
        count += 1
    return count


def check_card(card: dict[str, Any]) -> None:
    """A card is as the schema of version 1.5 says."""
    errors = sorted(validator().iter_errors(without_newer(card)), key=lambda error: len(error.json_path))
    assert not errors, f"{errors[0].json_path}: {errors[0].message[:300]}"


def without_newer(node: Any) -> Any:
    """A card without what Teams has beside the schema: the people picker's data set."""
    if isinstance(node, dict):
        return {name: without_newer(value) for name, value in node.items() if name != "choices.data"}
    return [without_newer(each) for each in node] if isinstance(node, list) else node


@cache
def validator() -> Any:
    import jsonschema

    if not (CONTRACTS / SCHEMA).exists():
        pytest.skip(f"shared contracts not found: {SCHEMA}")
    document = json.loads((CONTRACTS / SCHEMA).read_text(encoding="utf-8"))
    document = {**document, "$ref": "#/definitions/AdaptiveCard"} if "$ref" not in document else document
    return jsonschema.Draft6Validator(document)


__all__ = ["ADAPTIVE", "NOW", "Client", "Tenant", "check_card", "connector", "held", "tenant", "validator"]
