"""A ServiceNow to test against: the sandbox over HTTP, a connector in front of it, and what went over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.servicenow import ServiceNow, ServiceNowSettings
from sandbox.clock import Clock
from sandbox.http import Answer, Asked, Server
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

    def by_lines(self, *, viewed: bool = True) -> None:
        """From now on history lines may be read, and the audit may not; `viewed`: somebody always looks."""
        self.state.traps.readable -= {"sys_audit"}
        self.state.traps.readable |= {"sys_history_set", "sys_history_line"}
        self.state.traps.viewed = viewed

    def sent(self, *methods: str) -> list[str]:
        """What was asked since the last time, as `PATCH incident`."""
        seen, self.server.seen = self.server.seen, []
        check(seen)
        told = [f"{a.method} {a.path.removeprefix('/api/now/table/').partition('/')[0]}" for a, _ in seen]
        return [one for one in told if not methods or one.split()[0] in methods]

    def last(self, method: str) -> Asked:
        """The last request of this method."""
        return next(asked for asked, _ in reversed(self.server.seen) if asked.method == method)


_CHECKED: set[object] = set()
"""The forms of exchanges that were checked: a form is judged once, since judging costs more than serving."""


def check(seen: list[tuple[Asked, Answer]]) -> None:
    """Every form of request and answer is as the Table API's document says, where it is at hand."""
    if not (CONTRACTS / "servicenow").exists():
        return
    for asked, answer in seen:
        if asked.path.startswith("/api/now/") and (form := _form(asked, answer)) not in _CHECKED:
            vendor("servicenow/servicenow-table.json").check(asked, answer if answer.status < 300 else None)
            _CHECKED.add(form)


def _form(asked: Asked, answer: Answer) -> object:
    """What the document can judge: everything but the texts of queries and of lists of columns."""
    free = {"sysparm_query", "sysparm_fields"}
    query = tuple(sorted((name, bool(value) if name in free else value) for name, value in asked.query.items()))
    body = tuple(sorted((name, type(value)) for name, value in (asked.json() or {}).items()))
    result = answer.body.get("result") if isinstance(answer.body, dict) else answer.body
    return asked.method, asked.path.count("/"), query, body, answer.status, type(result)


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
