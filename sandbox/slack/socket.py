"""The other end of Socket Mode: a WebSocket on loopback that sends envelopes and waits for their acknowledgement."""

from __future__ import annotations

import json
from threading import Condition, Thread
from typing import Any, TypeAlias

from websockets.exceptions import WebSocketException
from websockets.sync.server import ServerConnection, serve

from sandbox.slack.state import APP

Json: TypeAlias = dict[str, Any]

PATIENCE = 3.0
"""Seconds after which Slack gives an envelope up."""


class Sockets:
    """Listens on loopback until `stop`. What is sent goes to the newest connection."""

    def __init__(self) -> None:
        self._server = serve(self._serve, "127.0.0.1", 0, ping_interval=None)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._open: list[ServerConnection] = []
        self._acks: dict[str, Json] = {}
        self._changed = Condition()
        self._count = 0
        self.connections = 0

    @property
    def url(self) -> str:
        """Where it listens, such as `ws://127.0.0.1:41234`."""
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    @property
    def connected(self) -> bool:
        """Whether anybody listens."""
        return bool(self._open)

    def start(self) -> Sockets:
        """Begin to listen."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all connections and stop listening."""
        self._server.shutdown()
        for connection in tuple(self._open):
            connection.close()

    def send(self, kind: str, payload: Json) -> Json | None:
        """Send an envelope and wait for its acknowledgement; None where none came in time."""
        with self._changed:
            self._count += 1
            ident = f"envelope-{self._count}"
            target = self._open[-1] if self._open else None
        if target is None:
            return None
        envelope = {"envelope_id": ident, "type": kind, "accepts_response_payload": True, "payload": payload}
        try:
            target.send(json.dumps(envelope))
        except WebSocketException:
            return None
        with self._changed:
            self._changed.wait_for(lambda: ident in self._acks, PATIENCE)
            return self._acks.pop(ident, None)

    def ask_to_reconnect(self) -> None:
        """Announce that the newest connection will be closed, as Slack does every few hours."""
        self._open[-1].send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))

    def drop(self) -> None:
        """Break all connections without a word."""
        for connection in tuple(self._open):
            connection.socket.close()

    def wait(self, connections: int = 1, seconds: float = 20.0) -> bool:
        """Wait until so many connections have been made in all; says whether they were."""
        with self._changed:
            return self._changed.wait_for(lambda: self.connections >= connections and self.connected, seconds)

    def _serve(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}}))
        with self._changed:
            self._open.append(connection)
            self.connections += 1
            self._changed.notify_all()
        try:
            for frame in connection:
                self._take(json.loads(frame))
        except (WebSocketException, OSError):
            pass
        finally:
            with self._changed:
                self._open.remove(connection)

    def _take(self, said: Json) -> None:
        with self._changed:
            self._acks[str(said.get("envelope_id"))] = said
            self._changed.notify_all()
