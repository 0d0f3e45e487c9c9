"""The thin HTTP face of an emulator: a pure handler is served on loopback, with latency and faults at will.

An emulator is a function from `Asked` to `Answer`. What goes wrong on the way (a product having a bad day) is not the
emulator's business: a `Fault` says what happens to which request, before or after the emulator carried it out.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.clock import Clock


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as an emulator sees it: header names in lower case, `path` without the query, percent-decoded."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON; None where it is empty. Raises ValueError."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An emulator's answer: `body` is sent as JSON, unless it is already text or bytes."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Asked], Answer]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the requests that `when` picks, `times` times.

    `answer` is sent instead of the emulator's. `done` says whether the emulator carries the request out first.
    `drop` closes the connection without an answer; `wait` is how long, in real seconds, the answer takes.
    """

    when: Callable[[Asked], bool]
    answer: Answer | None = None
    done: bool = False
    drop: bool = False
    wait: float = 0.0
    times: int = 1


class Server:
    """A handler on loopback, on its own threads, until `stop`. `requests` counts what came in, `noticed` is told."""

    def __init__(self, handler: Handler, clock: Clock | None = None, port: int = 0, latency: timedelta = timedelta(0)):
        self.handler = handler
        self.clock = clock or Clock()
        self.latency = latency
        self.requests = 0
        self.seen: list[tuple[Asked, Answer]] = []
        self.remember = False
        self.noticed: Callable[[Asked], None] | None = None
        self._faults: list[list[Any]] = []
        self._lock = Lock()
        self._server = _Threads(("127.0.0.1", port), _face(self))
        self._thread = Thread(target=self._server.serve, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:41234`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Server:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering; open connections are closed."""
        self._server.end()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fail(self, fault: Fault) -> None:
        """Let this happen to the next requests it picks, after the faults asked for earlier."""
        with self._lock:
            self._faults.append([fault, fault.times])

    def heal(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def fault_for(self, asked: Asked) -> Fault | None:
        """The fault that hits this request, used up by one."""
        with self._lock:
            self.requests += 1
            for entry in self._faults:
                if entry[1] > 0 and entry[0].when(asked):
                    entry[1] -= 1
                    found: Fault = entry[0]
                    return found
        return None

    def handle(self, asked: Asked) -> Answer | Literal["drop"]:
        """The answer to a request after latency and faults."""
        if self.noticed is not None:
            self.noticed(asked)
        if self.latency:
            time.sleep(self.latency.total_seconds())
        fault = self.fault_for(asked)
        answer = self.handler(asked) if fault is None or fault.done or not (fault.answer or fault.drop) else Answer()
        if fault is not None:
            if fault.wait:
                time.sleep(fault.wait)
            if fault.drop:
                return "drop"
            answer = fault.answer or answer
        if self.remember:
            self.seen.append((asked, answer))
        return answer


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, address: tuple[str, int], face: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, face)
        self._ends, self._ended = socket.socketpair()

    def serve(self) -> None:
        """Serve until `end`, which is heard at once: `serve_forever` looks for it now and then."""
        with selectors.DefaultSelector() as ready:
            ready.register(self.socket, selectors.EVENT_READ)
            ready.register(self._ended, selectors.EVENT_READ)
            while self._ended not in {key.fileobj for key, _ in ready.select()}:
                self._handle_request_noblock()  # type: ignore[attr-defined]  # of the base class, not in its types

    def end(self) -> None:
        """Serve no more."""
        self._ends.send(b"!")

    def server_close(self) -> None:
        """Let go of the address."""
        super().server_close()
        self._ends.close()
        self._ended.close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is what a fault test does all day."""


def _face(server: Server) -> type[BaseHTTPRequestHandler]:
    class Face(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 * 1024

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
            """Keep quiet."""

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else b""
            split = urlsplit(self.path)
            asked = Asked(
                self.command,
                unquote(split.path),
                dict(parse_qsl(split.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                body,
            )
            answer = server.handle(asked)
            if answer == "drop":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._answer(answer)

        def _answer(self, answer: Answer) -> None:
            content, kind = _encoded(answer.body)
            self.send_response_only(answer.status)
            self.send_header("Date", format_datetime(server.clock.now(), usegmt=True))
            headers = {name.lower(): value for name, value in answer.headers.items()}
            headers.setdefault("content-type", kind)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815  (the base class's names)

    return Face


def _encoded(body: Any) -> tuple[bytes, str]:
    if body is None:
        return b"", "application/json"
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, separators=(",", ":")).encode(), "application/json;charset=UTF-8"
