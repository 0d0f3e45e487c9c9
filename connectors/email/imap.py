"""Reads a mailbox over IMAP: what has not been read, and marks what was carried out. It remembers nothing of its own.

A mail is read with BODY.PEEK, so that reading it marks nothing; \\Seen is set (or the mail moved) only when the
engine has answered for it. What is not marked is read again after a restart.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from imaplib import IMAP4
from typing import NoReturn

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from connectors.email.settings import Imap
from connectors.errors import ConnectorError, Denied, Missing, Temporary

LARGEST = 1_000_000
"""Bytes of a mail that are read: what somebody wrote stands before what they attached."""
AT_ONCE = 50
"""Mails that are read in one look; the others wait for the next."""


class ImapMail:
    """One folder, for one thread. The connection is made when it is first needed, and again when it was lost."""

    def __init__(self, settings: Imap, timeout: float) -> None:
        self._settings, self._timeout = settings, timeout
        self._client: IMAPClient | None = None

    def unread(self) -> Iterator[tuple[str, bytes]]:
        """What has not been read, each with its UID, oldest first. Raises connectors.errors."""
        tried = f"could not read the folder {self._settings.folder} of {self._settings.user}"
        try:
            client = self._open()
            client.noop()  # a server may tell of new mail only when it is asked for anything
            for uid in sorted(client.search(["UNSEEN"]))[:AT_ONCE]:
                told = client.fetch([uid], [f"BODY.PEEK[]<0.{LARGEST}>"]).get(uid, {})
                raw = next((value for name, value in told.items() if name.upper().startswith(b"BODY[")), None)
                if isinstance(raw, bytes):
                    yield str(uid), raw
        except (OSError, IMAPClientError) as error:
            self._failed(error, tried)

    def done(self, ident: str) -> None:
        """Mark a mail as read, or move it to where what is done goes. Raises connectors.errors."""
        tried = f"could not mark a mail of {self._settings.user} as read"
        try:
            client = self._open()
            client.add_flags([int(ident)], [b"\\Seen"], silent=True)
            if self._settings.done:
                client.move([int(ident)], self._settings.done)
        except (OSError, IMAPClientError) as error:
            self._failed(error, tried)

    def check(self) -> None:
        """Sign in and open the folder for reading only; changes nothing. Raises connectors.errors."""
        tried = f"could not open the mailbox of {self._settings.user}"
        try:
            client = self._open(readonly=True)
            if self._settings.done and not client.folder_exists(self._settings.done):
                raise Missing(f"{tried}: there is no folder {self._settings.done}; make it, or leave out done")
            if self._settings.done and not client.has_capability("MOVE"):
                raise Missing(f"{tried}: the server cannot move mails; leave out done")
        except (OSError, IMAPClientError) as error:
            self._failed(error, tried)

    def close(self) -> None:
        """Hang up."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, IMAPClientError):
                client.logout()

    def _open(self, *, readonly: bool = False) -> IMAPClient:
        if self._client is not None:
            return self._client
        said = self._settings
        secure = said.security == "tls"
        context = ssl.create_default_context(cafile=said.ca) if said.security != "none" else None
        client = IMAPClient(
            said.host, said.port, ssl=secure, ssl_context=context if secure else None, timeout=self._timeout
        )
        try:
            if said.security == "starttls":
                client.starttls(context)
            client.login(said.user, said.password.get_secret_value())
            client.select_folder(said.folder, readonly=readonly)
        except BaseException:
            with suppress(OSError, IMAPClientError):
                client.shutdown()
            raise
        self._client = client
        return client

    def _failed(self, error: Exception, tried: str) -> NoReturn:
        """What it means; the connection is given up. The server's words are left out, as some repeat a password."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, IMAPClientError):
                client.shutdown()
        raise _meaning(error, tried, f"{self._settings.host}:{self._settings.port}") from None


def _meaning(error: Exception, tried: str, server: str) -> ConnectorError:
    if isinstance(error, LoginError) and not isinstance(error.__context__, IMAP4.abort):
        return Denied(f"{tried}: {server} does not let us sign in; check user and password")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Denied(f"{tried}: {server}: its certificate is not trusted; name your authority with ca")
    if isinstance(error, (TimeoutError, socket.timeout)):
        return Temporary(f"{tried}: {server}: no answer in time", in_doubt=False)
    if isinstance(error, IMAPClientError) and type(error) is IMAPClientError and "select" in str(error).lower():
        return Missing(f"{tried}: there is no such folder")
    if isinstance(error, OSError):
        return Temporary(f"{tried}: {server}: no connection", in_doubt=False)
    return Temporary(f"{tried}: {server}: an answer that is an error or no IMAP", in_doubt=False)
