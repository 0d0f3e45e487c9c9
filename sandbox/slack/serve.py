"""The workspace on loopback: its Web API, its Socket Mode, and people who act in it, started and stopped together."""

from __future__ import annotations

from datetime import timedelta

from sandbox.clock import Clock
from sandbox.http import Server
from sandbox.slack.people import People
from sandbox.slack.socket import Sockets
from sandbox.slack.state import SlackState


class SlackSandbox:
    """A running workspace: `state` is the world, `server` takes faults, `people` act, `api` is the base URL."""

    def __init__(self, clock: Clock | None = None, port: int = 0, latency: timedelta = timedelta(0)) -> None:
        self.state = SlackState(clock)
        self.server = Server(self.state.handle, self.state.clock, port, latency)
        self.sockets = Sockets()
        self.people = People(self.state, sockets=self.sockets)
        self.state.url = self.server.url
        self.state.socket_url = self.sockets.url

    @property
    def api(self) -> str:
        """The base URL of the Web API, for a connector's `base_url`."""
        return f"{self.server.url}/api/"

    def start(self) -> SlackSandbox:
        """Begin to answer."""
        self.server.start()
        self.sockets.start()
        return self

    def stop(self) -> None:
        """Stop answering; open connections are closed."""
        self.sockets.stop()
        self.server.stop()

    def __enter__(self) -> SlackSandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
