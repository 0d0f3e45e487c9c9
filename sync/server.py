"""The door for webhooks, and for whoever asks how we are: starlette under uvicorn, in a thread of its own.

    POST /hooks/<connector>     a product tells something; its signature is checked over the raw body
    GET, POST /act?via=…        a person follows a link of a connector's: GET shows, POST does
    GET  /healthz               how each product, the sweep and the queue are, as JSON
    GET  /readyz                200 once the tracker has been listed, and until we stop
    GET  /metrics               for Prometheus

The handler does as little as it can: read, verify, put into the queue, answer. Only what a person asked for is answered
when it stands on the ticket, so that a process which dies before has promised nothing; products that ask for an answer
within three seconds have it after two. What is malformed, unsigned, too large
or sent again is answered in a sentence and counted, and nothing else happens; a fault of ours while reading it is
told to the sender as a 400, since only its content can have caused it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Thread
from typing import Final

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors.base import BadRequest, Connector, Receipt, Request
from connectors.model import Alert, Changed, Command, Signal
from sync.health import Health
from sync.intake import Intake, Outcome
from sync.metrics import WEBHOOKS

log = structlog.get_logger()

LARGEST: Final = 1024 * 1024
"""Bytes of the largest webhook that is read."""
SLOWEST: Final = 20.0
"""Seconds that a body may take to come."""
ANSWERED_WITHIN: Final = 2.0
"""Seconds that a person's command may take to be written before it is answered; Slack waits for three."""
CERTAIN_WITHIN: Final = 4.0
"""The same where the sender delivers again what is not answered well; PagerDuty waits for five."""
READERS: Final = 4
"""So many webhooks are read at once, beside everything else: reading one may wait for the keys of whoever signed it."""
QUIET: Final = timedelta(minutes=1)
"""How long the log is silent about the next refused webhook of the same sort."""
_COUNTED: Final = {400: "malformed", 401: "unsigned", 404: "unknown", 413: "too_large"}
_STATES: Final = {"accepted", "replayed", "unavailable", *_COUNTED.values()}


class Hooks:
    """`POST /hooks/<connector>`."""

    def __init__(self, connectors: Mapping[str, Connector], intake: Intake, clock: Callable[[], datetime]) -> None:
        self._connectors, self._intake, self._clock = connectors, intake, clock
        self._counts = {(name, state): WEBHOOKS.labels(name, state) for name in connectors for state in _STATES}
        self._told: dict[tuple[str, int], datetime] = {}
        self._readers = ThreadPoolExecutor(READERS, "hooks")

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths where people come."""
        return tuple(dict.fromkeys(path for connector in self._connectors.values() for path in connector.paths))

    async def __call__(self, web: WebRequest) -> Response:
        """Read, verify, take, answer. A path of a connector's own, where people come, names it in its query."""
        path = web.scope["path"]
        name = str(web.path_params.get("connector") or web.query_params.get("via", ""))
        connector = self._connectors.get(name)
        if connector is None or ("connector" not in web.path_params and path not in connector.paths):
            return _sentence(404, f"no connector {name} is configured here")
        try:
            body = await body_of(web)
            headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in web.scope["headers"]}
            request = Request(headers, body, path, dict(web.query_params), web.method)
            receipt = await asyncio.get_running_loop().run_in_executor(self._readers, self._read, connector, request)
        except BadRequest as error:
            return self._refused(name, error)
        except (ClientDisconnect, TimeoutError):
            return self._refused(name, BadRequest(400, "the body did not come whole"))
        state = await (self._certain(receipt.signals) if receipt.again else self._take(receipt.signals))
        self._counts[name, state].inc()
        if state == "unavailable":
            return _sentence(503, "this stands on no ticket yet; send it again")
        said = receipt.body if receipt.later is None else await run_in_threadpool(receipt.later)
        return _answered(replace(receipt, body=said))

    def _refused(self, name: str, error: BadRequest) -> Response:
        """Count it and say why. The log hears of each sort once a minute: a wrong secret is seen, a flood is not."""
        self._counts[name, _COUNTED.get(error.status, "malformed")].inc()
        now = self._clock()
        if now - self._told.get((name, error.status), now - QUIET) >= QUIET:
            self._told[name, error.status] = now
            log.warning("webhook refused", connector=name, status=error.status, said=str(error))
        return _answered(error.page) if error.page is not None else _sentence(error.status, str(error))

    def _read(self, connector: Connector, request: Request) -> Receipt:
        try:
            return connector.receive(request, self._clock())
        except BadRequest:
            raise
        except Exception as error:
            log.exception("webhook not understood", connector=connector.name)
            raise BadRequest(400, "the content was not understood") from error

    async def _take(self, signals: tuple[Signal, ...]) -> str:
        """Take what the webhook means. Alerts wait for their tickets, commands for a while until they are written on
        theirs; everything else is put into the queue.
        """
        for signal in signals:
            if isinstance(signal, Alert):
                try:
                    await run_in_threadpool(self._intake.alerts.take, signal)
                except Exception as error:  # noqa: BLE001  (whatever it was, the monitor must try again)
                    log.warning("alert not taken", fingerprint=signal.fingerprint, error=str(error))
                    return "unavailable"
        outcomes = [self._intake.take(signal) for signal in signals if isinstance(signal, Changed)]
        outcomes += [await self._carried_out(signal) for signal in signals if isinstance(signal, Command)]
        return "replayed" if outcomes and all(outcome == "repeated" for outcome in outcomes) else "accepted"

    async def _certain(self, signals: tuple[Signal, ...]) -> str:
        """Take commands whose sender delivers them again: answered well only when nothing of them can be lost."""
        asked = [self._intake.certain(signal) for signal in signals if isinstance(signal, Command)]
        try:
            async with asyncio.timeout(CERTAIN_WITHIN):
                well = await asyncio.gather(*(asyncio.shield(asyncio.wrap_future(one)) for one in asked))
        except TimeoutError:
            return "unavailable"
        return "accepted" if all(well) else "unavailable"

    async def _carried_out(self, command: Command) -> Outcome:
        """Take a command, and wait for a while until it stands on its ticket."""
        loop, written = asyncio.get_running_loop(), asyncio.Event()

        def done() -> None:
            with suppress(RuntimeError):  # the server has stopped, and nobody waits any more
                loop.call_soon_threadsafe(written.set)

        outcome = self._intake.take(command, done)
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_WITHIN):
                await written.wait()
        return outcome


async def body_of(web: WebRequest) -> bytes:
    """The raw body. Raises BadRequest as soon as it is seen to be too large, whatever its length was said to be."""
    said = web.headers.get("content-length", "")
    if said.isdigit() and (len(said) > 19 or int(said) > LARGEST):
        raise BadRequest(413, f"the body is larger than {LARGEST} bytes")
    chunks: list[bytes] = []
    size = 0
    async with asyncio.timeout(SLOWEST):
        async for chunk in web.stream():
            size += len(chunk)
            if size > LARGEST:
                raise BadRequest(413, f"the body is larger than {LARGEST} bytes")
            chunks.append(chunk)
    return b"".join(chunks)


def _answered(receipt: Receipt) -> Response:
    return Response(receipt.body, receipt.status, dict(receipt.headers), receipt.content_type)


def _sentence(status: int, said: str) -> Response:
    return PlainTextResponse(said + "\n", status)


def app(hooks: Hooks, health: Health) -> Starlette:
    """The whole of what is served."""

    async def healthz(_web: WebRequest) -> Response:
        return JSONResponse(health.told())

    async def readyz(_web: WebRequest) -> Response:
        why_not = health.ready()
        return _sentence(503, why_not) if why_not else _sentence(200, "ready")

    async def measured(_web: WebRequest) -> Response:
        health.measure()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def hook(web: WebRequest) -> Response:
        return await hooks(web)

    return Starlette(
        routes=[
            Route("/hooks/{connector}", hook, methods=["POST"]),
            *(Route(path, hook, methods=["GET", "HEAD", "POST"]) for path in hooks.paths),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", measured),
        ]
    )


class Server:
    """The app on a port, in a thread of its own. Signals of the operating system are `sync.run`'s."""

    def __init__(self, served: Starlette, host: str, port: int) -> None:
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                served,
                host,
                port,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=5,
                timeout_keep_alive=30,
            )
        )
        self._thread: Thread | None = None

    def start(self) -> int:
        """Begin to listen; the port. Raises OSError where it cannot be had."""
        config = self._uvicorn.config
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listening = socket.create_server((config.host, config.port), family=family, backlog=config.backlog)
        self._thread = Thread(target=self._uvicorn.run, args=([listening],), name="server", daemon=True)
        self._thread.start()
        port: int = listening.getsockname()[1]
        return port

    def stop(self) -> None:
        """Listen no more, and answer what was being answered."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join(10)
