"""The receivers on loopback, all of them at one address, started and stopped together."""

from __future__ import annotations

from datetime import timedelta

from sandbox.clock import Clock
from sandbox.gateway.state import GatewayState
from sandbox.http import Server


class GatewaySandbox:
    """Running receivers: `state` is the world, `server` takes faults. The URLs are what a connector is told."""

    def __init__(self, clock: Clock | None = None, port: int = 0, latency: timedelta = timedelta(0)) -> None:
        self.state = GatewayState(clock or Clock())
        self.server = Server(self.state.handle, self.state.clock, port, latency)

    @property
    def pagerduty(self) -> str:
        """Instead of https://events.pagerduty.com/v2/enqueue."""
        return f"{self.server.url}/v2/enqueue"

    @property
    def opsgenie(self) -> str:
        """Instead of https://api.opsgenie.com/v2/alerts."""
        return f"{self.server.url}/v2/alerts"

    @property
    def jsm(self) -> str:
        """Instead of https://api.atlassian.com/jsm/ops/integration/v2/alerts."""
        return f"{self.server.url}/jsm/ops/integration/v2/alerts"

    def twilio(self, what: str = "Calls") -> str:
        """Instead of Twilio's, for `Calls` or `Messages`."""
        return f"{self.server.url}/2010-04-01/Accounts/{{user}}/{what}.json"

    @property
    def hook(self) -> str:
        """A gateway of one's own."""
        return f"{self.server.url}/hook"

    def __enter__(self) -> GatewaySandbox:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
