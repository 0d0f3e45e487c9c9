"""Calls to Slack's Web API: one kept-alive pool, no retries, and every answer sorted into our four errors.

`slack_sdk.WebClient` opens a connection per call (urllib, no keep-alive). It builds requests and reads answers well,
so only the one method that performs the HTTP request is replaced, by a `requests` session shared by all threads. The
method is the SDK's own, not its public face: should a later version no longer call it, calls still work, each on its
own connection, and `test_many_calls_share_one_connection` fails. Overriding the public `api_call` was turned down: it
would mean to build forms, JSON and paging once more.

The SDK logs what it then raises, in part with the answer's text; its logger is therefore one that says nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from urllib.request import Request

import requests
import urllib3
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.http import failure, no_answer, read, retry_after, session
from connectors.slack.shapes import unlike
from connectors.wire import Wire

Json: TypeAlias = dict[str, Any]

SILENT = logging.Logger("connectors.slack.sdk", logging.CRITICAL + 1)
CONNECT = 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What Slack answered: the JSON body, and Slack's own time where it told it."""

    body: Mapping[str, Any]
    at: datetime | None
    headers: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        """A field of the body; None where it is absent."""
        return self.body.get(name)

    @property
    def cursor(self) -> str:
        """Where the next page begins; empty on the last."""
        return str((self.body.get("response_metadata") or {}).get("next_cursor") or "")


class Client:
    """The Web API for one token, for many threads. `repr` shows no token."""

    def __init__(self, token: str, base_url: str, timeout: float) -> None:
        self._session = session()
        self._timeout = (min(CONNECT, timeout), timeout)
        self._web = _Pooled(token, base_url, self._session, self._timeout)

    def call(self, tried: str, ask: Callable[[WebClient], SlackResponse]) -> Reply:
        """Make one call. `tried` begins the sentence of an error. Raises connectors.errors only."""
        try:
            response = ask(self._web)
        except SlackApiError as error:
            raise _failure(tried, error.response) from None
        except _NotJson as error:
            raise Temporary(f"{tried}: {error}") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise no_answer(error, tried) from None
        headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
        return Reply(response.data if isinstance(response.data, dict) else {}, _moment(headers), headers)

    def pages(self, tried: str, ask: Callable[[WebClient, str], SlackResponse]) -> Iterator[Reply]:
        """Read every page; `ask` is given the cursor, empty for the first. A page that fails is asked for again."""
        cursor = ""
        while True:
            page = read(partial(self._page, tried, ask, cursor))
            yield page
            if not page.cursor or page.cursor == cursor:
                return
            cursor = page.cursor

    def _page(self, tried: str, ask: Callable[[WebClient, str], SlackResponse], cursor: str) -> Reply:
        return self.call(tried, lambda web: ask(web, cursor))

    def post(self, tried: str, url: str, body: Json) -> None:
        """Post JSON to a response URL. Raises connectors.errors only."""
        try:
            answer = self._session.post(url, json=body, timeout=self._timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise no_answer(error, tried) from None
        if answer.status_code >= 300:
            raise failure(answer.status_code, tried, answer.text[:80].strip(), answer.headers) from None

    def close(self) -> None:
        """Close the connections."""
        self._web.close()
        self._session.close()


class MissingScope(Denied):
    """The app lacks a scope: what needs that one scope cannot be done, the rest can."""


class _NotJson(Exception):
    """An answer with success that is not Slack's: a proxy's page, or half of one."""


class _Pooled(WebClient):
    def __init__(self, token: str, base_url: str, pool: requests.Session, timeout: tuple[float, float]) -> None:
        super().__init__(token=token, base_url=base_url, logger=SILENT, retry_handlers=[])
        self._pool = pool
        self._patience = timeout

    @cached_property
    def _wire(self) -> Wire:
        """The pool's way to Slack."""
        site = urlsplit(self.base_url)
        return Wire(self._pool, f"{site.scheme}://{site.netloc}", self._patience)

    def close(self) -> None:
        """Close the connections to Slack."""
        if "_wire" in self.__dict__:
            self._wire.close()

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> Json:
        """Perform the request on the pool. An answer that is not a JSON object is replaced by one without words."""
        told = req.data if isinstance(req.data, bytes) else None
        answer = self._wire.send("POST", url, told, dict(req.header_items()))
        body = answer.content.decode("utf-8", "replace")
        if not _is_object(body):
            if answer.status_code < 300:
                raise _NotJson(f"the answer is not JSON (HTTP {answer.status_code})")
            body = "{}"
        wrong = unlike(urlsplit(url).path.rpartition("/")[2], json.loads(body)) if answer.status_code < 300 else ""
        if wrong:
            raise _NotJson(f"the answer is not Slack's: {wrong}")
        return {"status": answer.status_code, "headers": answer.headers, "body": body}


def _is_object(body: str) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _moment(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None


# ---- what a refusal means

_DENIED = {
    "invalid_auth": "check the token",
    "not_authed": "check the token",
    "token_revoked": "install the app again and put in its new token",
    "token_expired": "install the app again and put in its new token",
    "account_inactive": "the app was removed; install it again",
    "not_allowed_token_type": "a bot token is needed (xoxb-…), for Socket Mode an app token (xapp-…)",
    "no_permission": "check the rights of the app",
    "access_denied": "check the rights of the app",
    "ekm_access_denied": "administrators have suspended posting",
    "enterprise_is_restricted": "install the app in a workspace",
    "team_access_not_granted": "install the app in this workspace",
    "org_login_required": "the workspace is being moved",
}
_MISSING = {
    "channel_not_found": "is the app a member of the channel?",
    "is_archived": "the channel is archived",
    "message_not_found": "it was deleted",
    "thread_not_found": "it was deleted",
    "user_not_found": "is this their id in Slack?",
    "users_not_found": "is this the address in their Slack profile?",
    "user_not_visible": "the app may not see this person",
    "user_disabled": "the account is deactivated",
}
_UNSURE = {"internal_error", "fatal_error", "request_timeout", "service_unavailable"}
_LATER = {"ratelimited", "rate_limited", "accesslimited", "team_added_to_org"}
_HINTS = {
    "not_in_channel": "invite the app with /invite",
    "restricted_action": "the workspace allows it to some only",
    "msg_too_long": "the text is too long for Slack",
    "expired_trigger_id": "the person has to ask again",
    "trigger_expired": "the person has to ask again",
    "user_is_restricted": "guests may not do that",
    "cant_invite": "this person cannot be invited",
    "name_taken": "another channel has the name",
}


def _failure(tried: str, response: SlackResponse) -> ConnectorError:
    body = response.data if isinstance(response.data, dict) else {}
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    code = str(body.get("error") or "")
    if response.status_code == 429 or code in _LATER:
        wait = retry_after(headers, _moment(headers))
        return Temporary(f"{tried}: {code or 'too many requests'}; asked to wait", retry_after=wait, in_doubt=False)
    if response.status_code >= 300:
        return failure(response.status_code, tried, code, headers)
    if not code:
        return Temporary(f"{tried}: the answer is not Slack's (HTTP {response.status_code})")
    reason = f"{tried}: {code}{_details(body)}"
    if code == "missing_scope":
        return MissingScope(f"{reason}; add the scope to the app and install it again")
    if code in _DENIED:
        return Denied(f"{reason}; {_DENIED[code]}")
    if code in _MISSING:
        return Missing(f"{reason}; {_MISSING[code]}")
    if code in _UNSURE:
        return Temporary(reason)
    return Refused(f"{reason}; {_HINTS[code]}" if code in _HINTS else reason)


def _details(body: Mapping[str, Any]) -> str:
    """What Slack says beside the code: the scope that is needed, or what is wrong with a block."""
    if body.get("needed"):
        return f" (needs {body['needed']})"
    said = body.get("errors") or (body.get("response_metadata") or {}).get("messages") or ()
    return f" ({'; '.join(map(str, said))[:200]})" if said else ""
