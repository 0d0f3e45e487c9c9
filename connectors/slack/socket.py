"""Socket Mode: Slack is heard over a WebSocket that we open, so no public address is needed.

What comes over it is read by the same functions as a webhook. An envelope is acknowledged when what it asks for stands
on its ticket, or after two of Slack's three seconds, as over HTTP; others are heard meanwhile. A click that could not
be handed on is shown to the person as failed, as is one that a dying process took with it. When Slack announces that it
will close (every few hours), the next connection is opened before the old one is let go.

One reader over `websockets`, which uvicorn brings along, instead of `slack_sdk`'s client: that one keeps four threads
and a pool polling, swallows a refused token into its own log, and takes seconds to close.
https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from connectors.base import BadRequest
from connectors.errors import Temporary
from connectors.model import Signal
from connectors.slack.client import SILENT, Client
from connectors.slack.incoming import interpret

PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds to wait between two tries to connect; the last one again and again."""
POLL = 0.5
"""Seconds after which `stop` is looked at."""
SOON = 0.02
"""Seconds after which it is looked whether a command stands on its ticket by now, while there is one that may not."""
ACKNOWLEDGED_WITHIN = 2.0
"""Seconds after which an envelope is acknowledged, although its command may wait for its ticket still."""

log = logging.getLogger("connectors.slack")


@dataclass(frozen=True, slots=True)
class _Line:
    """An open connection, and what closes it."""

    connection: ClientConnection
    stack: ExitStack

    def hear(self, timeout: float) -> Mapping[str, Any]:
        """The next envelope. Raises TimeoutError, and what websockets raises where the connection is lost."""
        return _read(self.connection.recv(timeout=timeout))

    def close(self) -> None:
        """Say goodbye, where the other end still listens."""
        try:
            self.stack.close()
        except (WebSocketException, OSError) as error:
            log.debug("a connection to Slack was closed by itself: %s", type(error).__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An envelope that is not acknowledged yet: until its command is `carried_out`, or the time has come."""

    ident: str
    carried_out: Event | None
    until: float

    @property
    def over(self) -> bool:
        """Whether it is to be acknowledged now."""
        return self.carried_out is None or self.carried_out.is_set() or time.monotonic() >= self.until


class Listener:
    """Hears what comes over Socket Mode and hands it on."""

    def __init__(self, name: str, client: Client, app_token: str, emit: Callable[[Signal], Event | None]) -> None:
        self._name = name
        self._client = client
        self._token = app_token
        self._emit = emit

    def run(self, stop: Event) -> None:
        """Listen until `stop` is set, connecting again as often as needed. Raises Denied: the token is refused."""
        tries = 0
        while not stop.is_set():
            try:
                line = self._open()
                tries = 0
                while not stop.is_set():
                    line = self._hear(line, stop)
                line.close()
            except Temporary as error:
                pause = max(PAUSES[min(tries, len(PAUSES) - 1)], error.retry_after or 0.0)
                log.warning("%s: %s; trying again in %.0f s", self._name, error, pause)
                tries += 1
                stop.wait(pause)

    def _open(self) -> _Line:
        tried = "could not listen to Slack"
        told = self._client.call(tried, lambda web: web.apps_connections_open(app_token=self._token))
        stack = ExitStack()
        try:
            address = str(told["url"])
            connection = stack.enter_context(
                connect(address, logger=SILENT, close_timeout=1, open_timeout=10, max_size=2**20)
            )
        except (WebSocketException, OSError, ValueError):
            # Without the cause: it may hold the address, and with it the ticket that opens the connection.
            raise Temporary(f"{tried}: no connection", in_doubt=False) from None
        return _Line(connection, stack)

    def _hear(self, line: _Line, stop: Event) -> _Line:
        """Take what comes until Slack asks for a new connection; answers that one. Raises Temporary when it is lost."""
        waiting: list[_Waiting] = []
        try:
            while not stop.is_set():
                waiting = self._acknowledge(line.connection, waiting)
                try:
                    envelope = line.hear(SOON if waiting else POLL)
                except TimeoutError:
                    continue
                if envelope.get("type") == "disconnect":
                    return self._move(line, waiting)
                waiting += self._take(envelope)
            self._rest(line.connection, waiting)
        except (WebSocketException, OSError):
            line.close()
            raise Temporary("the connection to Slack was lost", in_doubt=False) from None
        return line

    def _move(self, old: _Line, waiting: list[_Waiting]) -> _Line:
        """A new connection in place of the old one, after what the old one still brought."""
        try:
            new = self._open()
            while True:
                try:
                    waiting += self._take(old.hear(0))
                except (TimeoutError, WebSocketException, OSError):
                    break
            try:
                self._rest(old.connection, waiting)
            except (WebSocketException, OSError) as error:
                log.debug("a connection was closed before all was acknowledged: %s", type(error).__name__)
            return new
        finally:
            old.close()

    def _take(self, envelope: Mapping[str, Any]) -> list[_Waiting]:
        """Hand on what an envelope asks for; what is to be acknowledged, and when."""
        ident, payload = envelope.get("envelope_id"), envelope.get("payload")
        if not ident or not isinstance(payload, dict):
            return []
        until = time.monotonic() + ACKNOWLEDGED_WITHIN
        try:
            command = interpret(payload, str(envelope.get("type")), self._name)
        except BadRequest as error:
            log.warning("%s: not understood: %s", self._name, error)
            command = None
        if command is None:
            return [_Waiting(str(ident), None, until)]
        try:
            return [_Waiting(str(ident), self._emit(command), until)]
        except Exception:  # whatever went wrong there, the next click has to be heard
            log.exception("%s: a command could not be handed on", self._name)
            return []

    def _acknowledge(self, connection: ClientConnection, waiting: list[_Waiting]) -> list[_Waiting]:
        """Acknowledge what stands on its ticket by now, and what has waited long enough; answers the others."""
        left: list[_Waiting] = []
        for one in waiting:
            if one.over:
                connection.send(json.dumps({"envelope_id": one.ident}))
            else:
                left.append(one)
        return left

    def _rest(self, connection: ClientConnection, waiting: list[_Waiting]) -> None:
        """Acknowledge everything, each when it is time."""
        while waiting := self._acknowledge(connection, waiting):
            time.sleep(SOON)


def _read(frame: str | bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(frame)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
