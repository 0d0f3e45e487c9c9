"""Sends mail over SMTP: a few kept-alive connections, one mail at a time on each, every answer one of our four errors.

    421, 4xx anywhere, no connection       Temporary, nothing was sent; but for
    4xx to a recipient                     the same, and it concerns nobody else (grey lists), but for
    4.2.1, 4.2.2: that mailbox is full     Refused: it may take days
    4.3.x: the server's own trouble        Temporary for everybody
    530, 534, 535, 538, a sender refused   Denied
    5xx to a recipient                     Missing where it says "no such mailbox", else Refused
    5xx to the content                     Refused
    no answer after the final dot          Temporary, in doubt: it may have been taken

The commands are given one by one, since `smtplib.sendmail` does not tell what was lost before the data from what was
lost after them. A kept connection that turns out to be closed before the data is replaced once: nothing was sent on it.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import NoReturn, TypeVar

from connectors.email.compose import Mail
from connectors.email.settings import Smtp
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary

T = TypeVar("T")
KEPT = 4
"""Connections that are kept open."""
IDLE = 25.0
"""Seconds after which a kept connection is no longer used: servers close theirs after some time."""
_DENIED = {530, 534, 535, 538}
_NOBODY = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")
_SERVERS = re.compile(r"\b4\.3\.\d")
_FULL = re.compile(r"\b4\.2\.[12]\b")
_ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
_CONTROL = re.compile(r"[^\x20-\x7e]+")


class Outbox:
    """Sends mail through one server, for many threads. `repr` shows no password."""

    def __init__(self, settings: Smtp, timeout: float) -> None:
        self._settings, self._timeout = settings, timeout
        self._idle: list[tuple[smtplib.SMTP, float]] = []
        self._lock = Lock()

    def send(self, mail: Mail, tried: str) -> None:
        """Send a mail. `tried` begins the sentence of an error. Raises connectors.errors only."""
        kept = self._kept()
        if kept is not None:
            try:
                self._begin(kept, mail, tried)
            except Temporary:  # it was closed meanwhile, and nothing was sent on it
                _hang_up(kept)
                kept = None
            except ConnectorError:
                self._give_back(kept)
                raise
        talk = kept or self.connect(tried)
        try:
            if kept is None:
                self._begin(talk, mail, tried)
            self._data(talk, mail, tried)
        except Temporary:
            _hang_up(talk)
            raise
        except ConnectorError:
            self._give_back(talk)
            raise
        self._give_back(talk)

    def connect(self, tried: str) -> smtplib.SMTP:
        """A new connection, encrypted and signed in as the settings say. Raises connectors.errors."""
        said, server = self._settings, f"{self._settings.host}:{self._settings.port}"
        talk: smtplib.SMTP | None = None
        try:
            context = ssl.create_default_context(cafile=said.ca) if said.security != "none" else None
            if said.security == "tls":
                talk = smtplib.SMTP_SSL(said.host, said.port, timeout=self._timeout, context=context)
            else:
                talk = smtplib.SMTP(said.host, said.port, timeout=self._timeout)
            _greeted(talk, tried)
            if said.security == "starttls":
                if not talk.has_extn("starttls"):
                    raise Denied(
                        f"{tried}: {server} offers no STARTTLS; set security to tls, or to none on this machine"
                    )
                talk.starttls(context=context)
                _greeted(talk, tried)
            self._sign_in(talk, tried)
        except ConnectorError:
            _hang_up(talk)
            raise
        except (OSError, smtplib.SMTPException) as error:
            _hang_up(talk)
            _unreached(error, tried, server)
        return talk

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            kept, self._idle = self._idle, []
        for talk, _ in kept:
            _hang_up(talk)

    def _sign_in(self, talk: smtplib.SMTP, tried: str) -> None:
        said = self._settings
        if said.password is None:
            return
        try:
            talk.login(said.user, said.password.get_secret_value())
        except smtplib.SMTPNotSupportedError:
            raise Denied(f"{tried}: {said.host} lets nobody sign in; leave out user and password") from None
        except smtplib.SMTPResponseException as error:
            if 400 <= error.smtp_code < 500:
                raise Temporary(f"{tried}: could not sign in: {_told(error.smtp_code)}", in_doubt=False) from None
            # what the server said may repeat what it was sent
            raise Denied(f"{tried}: {said.host} does not let {said.user} sign in ({error.smtp_code})") from None

    def _begin(self, talk: smtplib.SMTP, mail: Mail, tried: str) -> None:
        """The envelope. Whatever fails here, nothing was sent."""
        if mail.utf8 and not talk.has_extn("smtputf8"):
            raise Refused(f"{tried}: {self._settings.host} takes no addresses beyond ASCII (SMTPUTF8)")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if mail.utf8 else []
        talk.command_encoding = "utf-8" if mail.utf8 else "ascii"
        code, said = self._asked(lambda: talk.mail(str(mail.sender), options), tried)
        if code >= 500:
            _reset(talk)
            raise Denied(f"{tried}: the sender {mail.sender} is refused: {_told(code, said)}")
        _no_trouble(code, said, tried)
        code, said = self._asked(lambda: talk.rcpt(str(mail.to)), tried)
        if code >= 500 or (code >= 400 and _FULL.search(_text(said))):
            _reset(talk)
            raise _recipient(code, _text(said), tried)
        _no_trouble(code, said, tried, alone=code != 421 and not _SERVERS.search(_text(said)))

    def _data(self, talk: smtplib.SMTP, mail: Mail, tried: str) -> None:
        code, said = self._asked(lambda: talk.docmd("DATA"), tried)
        if code != 354:
            _no_trouble(code, said, tried)
            _reset(talk)
            raise Refused(f"{tried}: {_told(code, said)}")
        body = re.sub(rb"(?m)^\.", b"..", mail.raw)
        try:
            talk.send((body if body.endswith(b"\r\n") else body + b"\r\n") + b".\r\n")  # one write, no waiting
            code, said = talk.getreply()
        except (OSError, smtplib.SMTPException) as error:
            what = "no answer in time" if _late(error) else "the connection was lost"
            raise Temporary(f"{tried}: {what} after the mail was sent; it may have been taken") from None
        said = self._without_secret(said)
        if code < 200 or 300 <= code < 400:  # no answer to a mail: whatever it is, it may have been taken
            raise Temporary(f"{tried}: {_told(-1)} after the mail was sent; it may have been taken")
        _no_trouble(code, said, tried)
        if code >= 300:
            raise Refused(f"{tried}: {_told(code, said)}")

    def _asked(self, call: Callable[[], tuple[int, bytes]], tried: str) -> tuple[int, bytes]:
        """One command before the data; a lost connection leaves no doubt."""
        try:
            code, said = call()
        except (OSError, smtplib.SMTPException) as error:
            what = "no answer in time" if _late(error) else "the connection was lost"
            raise Temporary(f"{tried}: {what}, before anything was sent", in_doubt=False) from None
        except UnicodeError:
            raise Refused(f"{tried}: the address cannot be written in ASCII") from None
        return code, self._without_secret(said)

    def _without_secret(self, said: bytes) -> bytes:
        """What a server says, without our password: some repeat what they were told."""
        password = self._settings.password
        secret = password.get_secret_value().encode() if password is not None else b""
        return said.replace(secret, b"***") if secret else said

    def _kept(self) -> smtplib.SMTP | None:
        with self._lock:
            while self._idle:
                talk, since = self._idle.pop()
                if time.monotonic() - since < IDLE:
                    return talk
                _hang_up(talk)
        return None

    def _give_back(self, talk: smtplib.SMTP) -> None:
        with self._lock:
            if len(self._idle) < KEPT:
                self._idle.append((talk, time.monotonic()))
                return
        _hang_up(talk)


def _greeted(talk: smtplib.SMTP, tried: str) -> None:
    code, said = talk.ehlo()
    if not 200 <= code < 300:
        _no_trouble(code, said, tried)
        code, said = talk.helo()
    if not 200 <= code < 300:
        _no_trouble(code, said, tried)
        raise Denied(f"{tried}: the server does not talk to us: {_told(code, said)}")


def _late(error: Exception) -> bool:
    """Whether it is a time-out; smtplib tells of one as of a lost connection."""
    return isinstance(error, TimeoutError) or "timed out" in str(error)


def _no_trouble(code: int, said: bytes, tried: str, *, alone: bool = False) -> None:
    """Raises Temporary for an answer that may be another one later, and for one that is none (-1)."""
    if code < 200 or 400 <= code < 500:
        raise Temporary(f"{tried}: {_told(code, said)}", in_doubt=False, alone=alone and code > 0)


def _recipient(code: int, said: str, tried: str) -> ConnectorError:
    nobody = _NOBODY.search(said) or (code in {550, 551, 553} and not _ENHANCED.search(said))
    if nobody:
        return Missing(f"{tried}: {_told(code, said.encode())}; there is no such mailbox")
    return Refused(f"{tried}: {_told(code, said.encode())}")


def _unreached(error: Exception, tried: str, server: str) -> NoReturn:
    """What it means that no connection came about."""
    if isinstance(error, smtplib.SMTPResponseException):
        if error.smtp_code >= 500:
            raise Denied(f"{tried}: {server} does not talk to us: {_told(error.smtp_code, error.smtp_error)}") from None
        raise Temporary(f"{tried}: {server} says {_told(error.smtp_code, error.smtp_error)}", in_doubt=False) from None
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted ({error.verify_message}); name your authority with ca"
        raise Denied(f"{tried}: {server}: {why}") from None
    if _late(error):
        said = "no answer in time"
    elif isinstance(error, ssl.SSLError):
        said = "no encryption came about; is security right for this port?"
    else:
        said = "the connection was lost" if isinstance(error, smtplib.SMTPServerDisconnected) else "no connection"
    raise Temporary(f"{tried}: {server}: {said}", in_doubt=False) from None


def _reset(talk: smtplib.SMTP) -> None:
    with suppress(OSError, smtplib.SMTPException):
        talk.rset()


def _hang_up(talk: smtplib.SMTP | None) -> None:
    if talk is not None:
        with suppress(OSError, smtplib.SMTPException):
            talk.close()


def _told(code: int, said: bytes | str = b"") -> str:
    """A server's answer in one line."""
    words = _CONTROL.sub(" ", _text(said)).strip()[:200]
    return f"{code} {words}".strip() if code > 0 else "no answer that can be read"


def _text(said: bytes | str) -> str:
    return said if isinstance(said, str) else said.decode("utf-8", "replace")
