"""Calls to the Bot Framework's Connector, and to Graph: signed with Entra's token, sorted into our four errors.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference
The Bot Framework's SDKs were not taken: Microsoft has deprecated them, and their successors are asynchronous
frameworks that want to own the web server. What a messenger needs of the API are seven requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import requests

from connectors.errors import ConnectorError, Denied, Refused, Temporary
from connectors.http import failure, no_answer, read, retry_after, session
from connectors.microsoft import Tokens

Json: TypeAlias = dict[str, Any]

CONNECT: Final = 5.0
PAGE: Final = 200
OURS: Final[Mapping[str, str]] = {
    "BotNotInConversationRoster": "install the app in the team",
    "ConversationBlockedByUser": "the person has blocked the bot",
    "ForbiddenOperationException": "the channel is archived, or the app is not installed for this person",
    "NotEnoughPermissions": "the bot may not do that there",
}
"""Refusals with 403 that concern one conversation, not the bot: each with what to do. Documented at
https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability"""
HINTS: Final[Mapping[str, str]] = {
    "BotDisabledByAdmin": "an administrator of Teams has to allow the app",
    "BotNotRegistered": "register the bot in Azure, with the channel Microsoft Teams",
    "ConversationNotFound": "is the channel there, and the app installed in its team?",
    "MessageSizeTooBig": "the message is too long",
}


class Client:
    """One of Microsoft's APIs, at `base`, with tokens for `scope`; for many threads. `repr` shows no token.

    Nothing that may have been done is repeated.
    """

    def __init__(self, base: str, tokens: Tokens, scope: str, timeout: float) -> None:
        self._base, self._tokens, self._scope = base.rstrip("/"), tokens, scope
        self._session = session()
        self._timeout = (min(CONNECT, timeout), timeout)

    def post(self, tried: str, path: str, body: Json) -> Json:
        """Make something; what came back. Raises connectors.errors only; `tried` begins their sentence."""
        return self._call(tried, "POST", path, body)

    def put(self, tried: str, path: str, body: Json) -> Json:
        """Change something. Raises connectors.errors only."""
        return self._call(tried, "PUT", path, body)

    def patch(self, tried: str, path: str, body: Json) -> Json:
        """Change a part of something. Raises connectors.errors only."""
        return self._call(tried, "PATCH", path, body)

    def get(self, tried: str, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Read something, again where that fails for a moment. Raises connectors.errors only; never in doubt."""
        try:
            return read(lambda: self._call(tried, "GET", path, None, query))
        except Temporary as error:
            raise Temporary(str(error), retry_after=error.retry_after, in_doubt=False) from None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _call(
        self, tried: str, method: str, path: str, body: Json | None, query: Mapping[str, str] | None = None
    ) -> Json:
        answer = self._send(tried, method, path, body, query)
        if answer.status_code == 401:  # nothing was done, and our token may have been called back
            self._tokens.forget()
            answer = self._send(tried, method, path, body, query)
        if answer.status_code >= 300:
            raise _failure(tried, answer)
        try:
            told = answer.json() if answer.content else {}
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise Temporary(f"{tried}: the answer is not Teams'")
        return told

    def _send(
        self, tried: str, method: str, path: str, body: Json | None, query: Mapping[str, str] | None
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                f"{self._base}/{path}",
                params=query,
                data=None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
                headers={
                    **self._tokens.bearer(self._scope),
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                },
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise no_answer(error, tried) from None


def conversation(id_: str, *more: str) -> str:
    """A path in a conversation: `conversations/<id>/activities/<id>`, every second part an id."""
    parts = [quote(part, safe="") if number % 2 else part for number, part in enumerate(more)]
    return "/".join(("conversations", quote(id_, safe=""), *parts))


def _failure(tried: str, answer: requests.Response) -> ConnectorError:
    code, said = _said(answer)
    reason = f"{code}: {said}" if code and said else code or said
    hint = OURS.get(code) or HINTS.get(code)
    if answer.status_code == 403 and code in OURS:
        return Refused(f"{tried}: {reason}; {hint}")
    if answer.status_code == 412:  # two changes of one conversation at once; documented as worth another try
        return Temporary(f"{tried}: {reason or 'no reason given'} (HTTP 412)", in_doubt=False)
    made = by_their_clock(failure(answer.status_code, tried, reason, answer.headers), answer.headers)
    return type(made)(f"{made}; {hint}") if hint and isinstance(made, Denied | Refused) else made


def by_their_clock(error: ConnectorError, headers: Mapping[str, str]) -> ConnectorError:
    """The error with the seconds to wait, where a date was told, counted from the answer's own `Date`."""
    try:
        sent = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return error
    if isinstance(error, Temporary) and sent.tzinfo is not None:
        error.retry_after = retry_after(headers, sent)
    return error


def _said(answer: requests.Response) -> tuple[str, str]:
    """The code and the message of an error; empty where the answer is none of the Bot Framework's."""
    try:
        told = answer.json()
        error = told.get("error") or told
        return str(error.get("code") or "")[:80], " ".join(str(error.get("message") or "").split())[:200]
    except (ValueError, AttributeError):
        return "", ""
