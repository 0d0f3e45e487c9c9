"""The tenant on loopback: its APIs, and people who act in it, started and stopped together."""

from __future__ import annotations

from datetime import timedelta

from sandbox.clock import Clock
from sandbox.http import Server
from sandbox.teams.entra import BOT_METADATA
from sandbox.teams.people import People
from sandbox.teams.state import TeamsState


class TeamsSandbox:
    """A running tenant: `state` is the world, `server` takes faults, `people` act.

    `authority`, `metadata`, `service_url` and `graph` are what a connector is told instead of Microsoft's addresses.
    """

    def __init__(self, clock: Clock | None = None, port: int = 0, latency: timedelta = timedelta(0)) -> None:
        self.state = TeamsState(clock)
        self.server = Server(self.state.handle, self.state.clock, port, latency)
        self.people = People(self.state)
        self.state.url = self.server.url

    @property
    def authority(self) -> str:
        """Where tokens are had, with the tenant."""
        return f"{self.server.url}/{self.state.entra.tenant}"

    @property
    def metadata(self) -> str:
        """The OpenID metadata of whoever signs what people do."""
        return f"{self.server.url}{BOT_METADATA}"

    @property
    def service_url(self) -> str:
        """Where the bot speaks to Teams."""
        return self.state.service_url

    @property
    def graph(self) -> str:
        """Microsoft Graph."""
        return f"{self.server.url}/graph/v1.0"

    def start(self) -> TeamsSandbox:
        """Begin to answer."""
        self.server.start()
        return self

    def stop(self) -> None:
        """Stop answering; open connections are closed."""
        self.server.stop()

    def __enter__(self) -> TeamsSandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
