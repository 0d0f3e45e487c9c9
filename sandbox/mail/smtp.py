"""The SMTP face: aiosmtpd, with STARTTLS, AUTH and everything that can go wrong in a talk, scripted.

aiosmtpd's hooks let an answer be chosen for MAIL, RCPT and the end of the data; the greeting and the answer to DATA
itself have none, so two methods of its protocol are stepped in front of.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sandbox.mail.state import Hitch, MailState, Stage

HOST = "mail.sandbox.test"


class Talk(SMTP):
    """One connection."""

    def __init__(self, state: MailState, tls: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        self._state = state
        self._greeted = False
        self.opened: WeakSet[asyncio.BaseTransport] = WeakSet()
        super().__init__(
            _Hooks(state),
            hostname=HOST,
            ident="sandbox",
            enable_SMTPUTF8=True,
            tls_context=tls,
            auth_require_tls=False,
            authenticator=self._signs_in,
            loop=loop,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected."""
        self.opened.add(transport)
        super().connection_made(transport)

    async def push(self, status: Any) -> None:
        """Send an answer; the greeting may be another one."""
        if not self._greeted:
            self._greeted = True
            self._state.connections += 1
            hitch = self._state.hit("connect")
            if hitch is not None:
                status = await played(hitch, self) or status
        await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802  (the base class names it so)
        """The extensions, or what was asked for instead."""
        if (answer := await self._instead("ehlo", hostname)) is not None:
            await self.push(answer)
        else:
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """Signing in, or what was asked for instead."""
        if (answer := await self._instead("auth")) is not None:
            await self.push(answer)
        else:
            await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """The data, or what was asked for instead of taking them."""
        if (answer := await self._instead("data")) is not None:
            await self.push(answer)
        else:
            await super().smtp_DATA(arg)

    async def _instead(self, stage: Stage, *about: str) -> str | None:
        hitch = self._state.hit(stage, *about)
        return None if hitch is None else await played(hitch, self)

    def _signs_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = self._state.signs_in(data.login.decode("utf-8", "replace"), data.password.decode("utf-8", "replace"))
        return AuthResult(success=right, handled=False)


class _Hooks:
    """What aiosmtpd asks at each stage."""

    def __init__(self, state: MailState) -> None:
        self._state = state

    async def handle_MAIL(  # noqa: N802  (aiosmtpd names it so)
        self, server: Talk, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._state.talk.append(f"MAIL {address} {' '.join(options)}".strip())
        if self._state.auth_required and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if (answer := await server._instead("mail", address)) is not None:
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Talk, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._state.talk.append(f"RCPT {address}")
        if (answer := await server._instead("rcpt", address)) is not None:
            return answer
        if not self._state.takes(address):
            return "550 5.1.1 <" + address + "> no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Talk, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._state.talk.append("DATA")
        hitch = self._state.hit("end", *envelope.rcpt_tos)
        if hitch is None or hitch.done:
            content = envelope.original_content or b""
            self._state.deliver(envelope.mail_from or "", envelope.rcpt_tos, content)
        if hitch is not None and (answer := await played(hitch, server)) is not None:
            return answer
        return "250 2.0.0 taken"


async def played(hitch: Hitch, server: SMTP) -> str | None:
    """What a hitch does to a talk; the answer to give instead, or None for the usual one."""
    if hitch.wait:
        await asyncio.sleep(hitch.wait)
    if hitch.drop:
        if isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "421 4.3.0 gone"  # nobody hears it
    return hitch.answer or None
