"""Sends mail and reads a mailbox through Microsoft Graph, in an app's own name.

A mail is sent as MIME, so that our Message-ID and References are in it; Exchange takes some other headers out, among
them `Auto-Submitted` (https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/2209). 202 says that Exchange has
taken the mail, not that it was delivered. https://learn.microsoft.com/graph/api/user-sendmail
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import requests

from connectors.email.compose import Mail
from connectors.email.settings import Graph
from connectors.errors import Refused, Temporary
from connectors.http import failure, no_answer, read, session
from connectors.microsoft import GRAPH, App, Tokens

CONNECT = 5.0
PAGE = 10
LARGEST = 1_000_000
"""Bytes of a mail that are read: what somebody wrote stands before what they attached."""


class GraphMail:
    """One mailbox, for many threads. `repr` shows no secret."""

    def __init__(self, settings: Graph, timeout: float) -> None:
        self._settings, self._timeout = settings, (min(CONNECT, timeout), timeout)
        secret = settings.client_secret.get_secret_value()
        self._tokens = Tokens(App(settings.tenant, settings.client_id, secret, settings.authority), timeout)
        self._session = session()
        self._base = f"{settings.base_url.rstrip('/')}/users/{quote(settings.mailbox, safe='')}"

    def send(self, mail: Mail, tried: str) -> None:
        """Send a mail. `tried` begins the sentence of an error. Raises connectors.errors only."""
        if mail.utf8:
            raise Refused(f"{tried}: Exchange takes no addresses beyond ASCII")
        body, kind = base64.b64encode(mail.raw), {"content-type": "text/plain"}
        answer = self._call("POST", f"{self._base}/sendMail", tried, body, kind)
        if answer.status_code != 202:  # a proxy's page with 200: it may have come before Graph, or after
            raise Temporary(f"{tried}: the answer is not Graph's (HTTP {answer.status_code})")

    def unread(self) -> Iterator[tuple[str, bytes]]:
        """What has not been read, each with its id, a page at a time. Raises connectors.errors."""
        tried = f"could not read the mailbox {self._settings.mailbox}"
        query = f"$filter=isRead%20eq%20false&$select=id&$top={PAGE}"
        where = f"{self._base}/mailFolders/{quote(self._settings.folder, safe='')}/messages?{query}"
        seen: set[str] = set()
        while where and where not in seen:
            seen.add(where)
            page = self._json(where, tried)
            listed = page.get("value")
            for each in listed if isinstance(listed, list) else []:
                ident = str(each.get("id") or "")
                value = f"{self._base}/messages/{quote(ident, safe='')}/$value"
                yield ident, read(partial(self._call, "GET", value, tried)).content[:LARGEST]
            where = self._next(str(page.get("@odata.nextLink") or ""))

    def done(self, ident: str) -> None:
        """Mark a mail as read. Raises connectors.errors."""
        tried = f"could not mark a mail in {self._settings.mailbox} as read"
        self._call("PATCH", f"{self._base}/messages/{quote(ident, safe='')}", tried, b'{"isRead":true}', _JSON)

    def check(self) -> None:
        """Sign in, and open the folder where one is read; changes nothing. Raises connectors.errors."""
        self._tokens.bearer(GRAPH)
        if self._settings.folder:
            tried = f"could not open the folder {self._settings.folder} of {self._settings.mailbox}"
            self._json(f"{self._base}/mailFolders/{quote(self._settings.folder, safe='')}", tried)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._tokens.close()

    def _next(self, link: str) -> str:
        """Where the next page is, on the same server: the token goes nowhere else."""
        path = link.partition("/users/")[2]
        return f"{self._settings.base_url.rstrip('/')}/users/{path}" if path else ""

    def _json(self, url: str, tried: str) -> Mapping[str, Any]:
        def once() -> Mapping[str, Any]:
            answer = self._call("GET", url, tried)
            try:
                told = answer.json()
            except requests.JSONDecodeError:
                raise Temporary(f"{tried}: the answer is not Graph's") from None
            return told if isinstance(told, dict) else {}

        return read(once)

    def _call(
        self, method: str, url: str, tried: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        told = {**self._tokens.bearer(GRAPH), **(headers or {})}
        try:
            answer = self._session.request(
                method, url, data=body, headers=told, timeout=self._timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            raise no_answer(error, tried) from None
        if answer.status_code == 401:
            self._tokens.forget()
        if answer.status_code >= 300:
            raise failure(answer.status_code, tried, _reason(answer), answer.headers)
        return answer


_JSON = {"content-type": "application/json"}


def _reason(answer: requests.Response) -> str:
    """Graph's own code and sentence (`error.code`, `error.message`); nothing of any other page."""
    try:
        told = answer.json()
        error = told["error"]
        return f"{error['code']}: {error['message']}"[:200]
    except (ValueError, LookupError, TypeError):
        return ""
