"""A Jira to test against: the sandbox over HTTP, a connector in front of it, and what went over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.jira import Jira, JiraSettings
from sandbox.clock import Clock
from sandbox.http import Asked, Server
from sandbox.jira import JiraState
from sandbox.jira.world import Flavour
from tests.connectors.contracts import CONTRACTS, vendor

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = "hook-secret"
FIELDS = {
    "severity": "customfield_10050",
    "service": "components",
    "team": "customfield_10052",
    "affected_users": "customfield_10053",
    "eta": "customfield_10056",
    "status_text": "customfield_10057",
    "security": "customfield_10058",
    "commander": "customfield_10059",
    "regions": "customfield_10060",
}
VALUES = {
    "severity": {"high": "High", "medium": "Medium", "low": "Low"},
    "service": {"checkout": "Checkout (prod)", "orders-db": ["Orders DB"]},
    "security": {"true": "Yes", "false": "No"},
}


@dataclass
class World:
    """The state of a Jira, its server, and a connector to it."""

    state: JiraState
    server: Server
    jira: Jira

    @property
    def clock(self) -> Clock:
        return self.server.clock

    def sent(self, *methods: str) -> list[str]:
        """What was asked since the last time, as `PUT issue/10001`."""
        seen, self.server.seen = self.server.seen, []
        self._check(seen)
        told = [f"{a.method} {a.path.split('/', 4)[4]}" for a, _ in seen]
        return [one for one in told if not methods or one.split()[0] in methods]

    def last(self, method: str) -> Asked:
        """The last request of this method."""
        return next(asked for asked, _ in reversed(self.server.seen) if asked.method == method)

    def _check(self, seen: list[Any]) -> None:
        """Every request and every answer is as Atlassian documents it, where the documents are at hand."""
        if (CONTRACTS / "jira").exists():
            flavour = self.state.flavour
            for asked, answer in seen:
                third = asked.path.startswith("/rest/api/3/")
                if flavour == "datacenter" and ("createmeta" in asked.path or asked.path.endswith("/project")):
                    continue  # the document of Data Center's form is not to be had
                contract = vendor("jira/jira-cloud-v3.json" if third else "jira/jira-cloud-v2.json")
                contract.check(asked, answer if answer.status < 500 else None)


def settings(state: JiraState, url: str, **changes: Any) -> JiraSettings:
    table: dict[str, Any] = {
        "url": url,
        "token": state.token,
        "project": "OPS",
        "kind": "Incident",
        "webhook_secret": SECRET,
        "fields": FIELDS,
        "values": VALUES,
        "phases": {"closed": "10003"},
        "hold": {"statuses": "10005", "labels": "on-hold"},
        "timeout": 5,
    }
    if state.flavour == "cloud":
        table["user"] = "pointman@example.org"
    return JiraSettings(**{**table, **changes})


@contextmanager
def world(flavour: Flavour = "cloud", clock: Clock | None = None, **changes: Any) -> Iterator[World]:
    """A Jira with a connector in front of it; what went over the wire is checked at the end."""
    state = JiraState(clock or Clock(MORNING, speed=0), flavour)
    with Server(state.handle, state.clock) as server:
        server.remember = True
        jira = Jira("jira", settings(state, server.url, **changes))
        made = World(state, server, jira)
        yield made
        made.sent()
        jira.close()
    state.close()
