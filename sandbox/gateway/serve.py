"""The receivers on loopback, all of them at one address, started and stopped together."""

from __future__ import annotations

from datetime import timedelta

from sandbox.clock import Clock
from sandbox.gateway.people import People, Person
from sandbox.gateway.state import GatewayState
from sandbox.http import Answer, Asked, Server


class GatewaySandbox:
    """Running receivers: `state` is the world, `server` takes faults, `people` act; the URLs are for a connector.

    `POST /sandbox/<what>` lets somebody act from outside: `acknowledge`, `resolve` (PagerDuty), `act` (Opsgenie, JSM)
    with `{"id", "name", "email"}` of the person, `press` and `reply` (Twilio) with `{"said"}`.
    """

    def __init__(self, clock: Clock | None = None, port: int = 0, latency: timedelta = timedelta(0)) -> None:
        self.state = GatewayState(clock or Clock())
        self.people = People(self.state)
        self.server = Server(self._handle, self.state.clock, port, latency)

    def _handle(self, asked: Asked) -> Answer:
        what = asked.path.removeprefix("/sandbox/")
        if what == asked.path:
            return self.state.handle(asked)
        given = asked.json() or {}
        try:
            if what in {"press", "reply"}:
                return Answer(200, {"heard": getattr(self.people, what)(str(given["said"]))})
            if what in {"acknowledge", "resolve", "act"}:
                by = Person(str(given["id"]), str(given["name"]), str(given.get("email", "")))
                return Answer(200, {"statuses": getattr(self.people, what)(by).statuses})
        except LookupError as error:
            return Answer(409, {"message": f"nothing rings there: {error}"})
        return Answer(404, {"message": "Not found"})

    @property
    def rest(self) -> str:
        """Instead of https://api.pagerduty.com."""
        return f"{self.server.url}/rest"

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
