"""The mail server on loopback: SMTP, SMTP under TLS, IMAP, and Graph's face, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import timedelta
from threading import Thread
from weakref import WeakSet

from sandbox.clock import Clock
from sandbox.http import Server
from sandbox.mail.graph import GraphFace
from sandbox.mail.imap import Conversation
from sandbox.mail.people import Correspondents
from sandbox.mail.smtp import Talk
from sandbox.mail.state import MailState

LOOPBACK = "127.0.0.1"


class MailSandbox:
    """A running mail server: `state` is the world, `people` act, `server` is Graph's HTTP face and takes faults.

    `smtp_port` (with STARTTLS where there is a certificate), `smtps_port` (0 without one) and `imap_port` are where
    it listens; `imaps_port` likewise.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        port: int = 0,
        latency: timedelta = timedelta(0),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.state = MailState(clock)
        self.graph = GraphFace(self.state)
        self.server = Server(self.graph.handle, self.state.clock, port, latency)
        self.people = Correspondents(self.state)
        self.smtp_port = self.smtps_port = self.imap_port = self.imaps_port = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="mail", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._open: WeakSet[asyncio.BaseTransport] = WeakSet()
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)  # aiosmtpd tells every byte

    @property
    def api(self) -> str:
        """The base URL of Graph's face."""
        return f"{self.server.url}/v1.0"

    def start(self) -> MailSandbox:
        """Begin to answer."""
        self.server.start()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def stop(self) -> None:
        """Stop answering; open connections are closed."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.server.stop()

    def __enter__(self) -> MailSandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self.smtp_port = await self._smtp(self._tls, None)
        self.imap_port = await self._imap(self._tls, None)
        if self._tls is not None:
            self.smtps_port = await self._smtp(None, self._tls)
            self.imaps_port = await self._imap(None, self._tls)

    async def _smtp(self, starttls: ssl.SSLContext | None, tls: ssl.SSLContext | None) -> int:
        def talk() -> asyncio.Protocol:
            made = Talk(self.state, starttls, self._loop)
            made.opened = self._open
            return made

        return self._opened(await self._loop.create_server(talk, LOOPBACK, 0, ssl=tls))

    async def _imap(self, starttls: ssl.SSLContext | None, tls: ssl.SSLContext | None) -> int:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open.add(writer.transport)
            conversation = Conversation(self.state, reader, writer)
            conversation.tls = starttls
            await conversation.run()

        return self._opened(await asyncio.start_server(converse, LOOPBACK, 0, ssl=tls))

    def _opened(self, server: asyncio.Server) -> int:
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _hang_up(self) -> None:
        for server in self._servers:
            server.close()
        for transport in list(self._open):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        others = [task for task in asyncio.all_tasks(self._loop) if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # the connections learn that they are lost


__all__ = ["MailSandbox"]
