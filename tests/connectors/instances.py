"""A ServiceNow to test against: the sandbox over HTTP, a connector in front of it, and what went over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.servicenow import ServiceNow, ServiceNowSettings
from sandbox.clock import Clock
from sandbox.http import Asked, Server
from sandbox.servicenow import ServiceNowState
from tests.connectors.contracts import CONTRACTS, vendor

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = "hook-secret"
FIELDS = {
    "affected_users": "u_affected_users",
    "eta": "u_eta",
    "status_text": "u_status_text",
    "security": "u_security",
    "commander": "u_commander",
}
TYPES = {"status_text": "text", "commander": "user", "affected_users": "number", "security": "flag"}
VALUES = {"service": {"checkout": "Checkout (prod)", "orders-db": ["Orders DB"]}}


@dataclass
class World:
    """The state of an instance, its server, and a connector to it."""

    state: ServiceNowState
    server: Server
    snow: ServiceNow

    @property
    def clock(self) -> Clock:
        return self.server.clock

    def create(self, **values: Any) -> str:
        """Somebody makes a ticket without impact and urgency; its sys_id."""
        number = self.state.create({"impact": "", "urgency": "", **values})
        return self.state.ticket(number).id

    def sent(self, *methods: str) -> list[str]:
        """What was asked since the last time, as `PATCH incident`."""
        seen, self.server.seen = self.server.seen, []
        check(seen)
        told = [f"{a.method} {a.path.removeprefix('/api/now/table/').partition('/')[0]}" for a, _ in seen]
        return [one for one in told if not methods or one.split()[0] in methods]

    def last(self, method: str) -> Asked:
        """The last request of this method."""
        return next(asked for asked, _ in reversed(self.server.seen) if asked.method == method)


def check(seen: list[Any]) -> None:
    """Every request and every answer is as the Table API's document says, where it is at hand."""
    if (CONTRACTS / "servicenow").exists():
        contract = vendor("servicenow/servicenow-table.json")
        for asked, answer in seen:
            if asked.path.startswith("/api/now/"):
                contract.check(asked, answer if answer.status < 300 else None)


def settings(state: ServiceNowState, url: str, **changes: Any) -> ServiceNowSettings:
    table: dict[str, Any] = {
        "url": url,
        "user": "pointman",
        "password": state.password,
        "webhook_secret": SECRET,
        "fields": FIELDS,
        "types": TYPES,
        "values": VALUES,
        "timeout": 5,
    }
    return ServiceNowSettings(**{**table, **changes})


@contextmanager
def world(clock: Clock | None = None, *, prepared: bool = True, **changes: Any) -> Iterator[World]:
    """An instance with a connector in front of it; what went over the wire is checked at the end."""
    state = ServiceNowState(clock or Clock(MORNING, speed=0))
    if prepared:
        state.prepare()
    with Server(state.handle, state.clock) as server:
        server.remember = True
        snow = ServiceNow("servicenow", settings(state, server.url, **changes))
        made = World(state, server, snow)
        yield made
        made.sent()
        snow.close()
    state.close()
