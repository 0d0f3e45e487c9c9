"""The way to ServiceNow: the Table API, one verdict on every answer, and the instance's own time.

`pysnow` speaks to the Table API over a session of ours. It tells an error only when an answer is read, believes an
answer that holds a result beside an error, keeps the parameters of one call for the next and gives threads each other's
rows; so every call has a resource of its own, and nothing is believed before its status and its whole body were seen.
What it cannot do (OAuth client credentials) `requests` does. Nothing that may have been done is done again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock, RLock
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import pysnow
import requests
import urllib3

from connectors.clock import Clock
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.http import failure, no_answer, read, session
from connectors.servicenow.settings import ServiceNowSettings

PAGE: Final = 100
"""Records that are asked for at once."""
LONGEST_REASON: Final = 400
_CONNECT = 5.0
_EARLY = 60.0
"""So many seconds before its end a token is no longer used."""
_UNSAID = ("sysparm_view", "sysparm_suppress_pagination_header", "sysparm_exclude_reference_link")
"""What the package would say with every request, and never means."""
_ILL = re.compile(r"[\^\x00-\x1f\x7f]|^\s*javascript:", re.IGNORECASE)
_NOT_OURS = re.compile(r"Data Policy Exception|aborted by Business Rule", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a record holds in a column: as the database has it, as people see it, and whose id it is."""

    value: str = ""
    display: str = ""
    table: str = ""


Row: TypeAlias = Mapping[str, Cell]
Ask: TypeAlias = Callable[[Any], Any]
EMPTY: Final = Cell()


def literal(value: str) -> str:
    """A value as a part of an encoded query. Raises Refused for one that would be more: an operator, or a script."""
    if _ILL.search(value):
        raise Refused(f"{value[:60]!r} cannot be looked for in ServiceNow: it holds signs that mean something there")
    return value


class Client:
    """One instance, for many threads. Nothing is asked before it is used.

    `pause` is how it waits before a read is tried again.
    """

    def __init__(self, settings: ServiceNowSettings, name: str) -> None:
        self.settings = settings
        self.name = name
        self.clock = Clock()
        self.pause: Callable[[float], None] = time.sleep
        self._limits = (min(_CONNECT, settings.timeout), settings.timeout)
        self._lock = RLock()
        self._made: pysnow.Client | None = None
        self._tokens = Tokens(self)

    # ---- calls

    def every(self, table: str, query: str, fields: Sequence[str], tried: str, size: int = PAGE) -> Iterator[list[Row]]:
        """All records that a query finds, page by page in the order of their ids, each asked for when it is wanted.

        An instance may answer fewer than asked for, and leaves out what we may not see; so the end is where it says
        that no more are left (`X-Total-Count`), or where a page is empty and it says nothing. A full page is never the
        last, whatever it says. For an empty page it may have looked at no more rows than it answers at the most.
        """
        last, passed, most = "", 0, 0
        while True:
            onwards = "^".join(part for part in (query, f"sys_id>{last}" if last else "", "ORDERBYsys_id") if part)
            rows, total = self._page(table, onwards, ["sys_id", *fields], tried, (size, passed))
            if rows:
                yield rows
                most = max(most, len(rows))
                if passed + len(rows) == total and len(rows) < size:
                    return
                if rows[-1]["sys_id"].value <= last:
                    raise Temporary(f"{tried}: ServiceNow gives the same page again and again", in_doubt=False)
                last, passed = rows[-1]["sys_id"].value, 0
                continue
            passed += min(size, most or size)
            if total is None or passed >= total:
                return

    def first(self, table: str, query: str, fields: Sequence[str] | None, tried: str) -> Row | None:
        """The first record that a query finds, or None; without `fields`, all of it. Raises ConnectorError."""
        rows, _ = self._page(table, query, None if fields is None else ["sys_id", *fields], tried, (1, 0))
        return rows[0] if rows else None

    def change(self, table: str, ref: str, body: Mapping[str, str], tried: str) -> Row:
        """Change a record, once; answers what the changed columns hold afterwards. Raises ConnectorError."""
        return self._send(table, f"/{ref}", body, tried)

    def insert(self, table: str, body: Mapping[str, str], tried: str) -> Row:
        """Make a record, once; answers it."""
        return self._send(table, "", body, tried)

    def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            self._made.close()

    # ---- one request

    def _page(
        self, table: str, query: str, fields: list[str] | None, tried: str, window: tuple[int, int]
    ) -> tuple[list[Row], int | None]:
        """The records in a window of what a query finds, and how many it finds in all, where that is said."""
        size, start = window

        def ask(resource: Any) -> Any:
            wanted = list(dict.fromkeys(fields or ()))
            if fields is None:
                resource.parameters.add_custom({"sysparm_fields": None})
            return resource.get(query=query, limit=size, offset=start, fields=wanted, display_value="all")

        try:
            result, headers = self._read(table, ask, tried)
        except Missing as missing:
            if "No Record found" in str(missing):  # older instances answer so where a list is empty
                return [], 0
            raise
        said = headers.get("X-Total-Count", "")
        return [_row(raw, tried) for raw in result], int(said) if said.isdigit() else None

    def _read(self, table: str, ask: Ask, tried: str) -> tuple[list[Any], Mapping[str, str]]:
        def once() -> tuple[list[Any], Mapping[str, str]]:
            answer = self._asked(table, ask, tried)
            if answer.status_code == 401 and self._tokens.renew(answer):
                answer = self._asked(table, ask, tried)
            result = self._result(answer, tried, reads=True)
            if not isinstance(result, list):
                raise Temporary(f"{tried}: ServiceNow answered no list", in_doubt=False)
            return result, answer.headers

        return read(once, self.pause)

    def _send(self, table: str, path: str, body: Mapping[str, str], tried: str) -> Row:
        def ask(resource: Any) -> Any:
            resource.parameters.add_custom({"sysparm_query": None, "sysparm_limit": None})
            resource.parameters.display_value = "all"
            resource.parameters.fields = list(dict.fromkeys(["sys_id", "sys_mod_count", *body]))
            if path:
                return resource.request("PATCH", path_append=path, data=json.dumps(body))
            return resource.create(dict(body))

        answer = self._asked(table, ask, tried)
        if answer.status_code == 401:
            self._tokens.renew(answer)  # nothing was done; the next call has another one
        result = self._result(answer, tried, reads=False)
        if not isinstance(result, dict):
            raise Temporary(f"{tried}: ServiceNow answered no record")
        return _row(result, tried)

    def _asked(self, table: str, ask: Ask, tried: str) -> requests.Response:
        """The answer to one call over a resource of its own, whatever it is."""
        resource = self._package().resource(api_path=f"/table/{table}", timeout=self._limits)
        try:
            answer: requests.Response = ask(resource)._response
        except requests.TooManyRedirects as error:
            raise elsewhere(error.response, tried) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise no_answer(error, tried) from None
        return answer

    def _result(self, answer: requests.Response, tried: str, *, reads: bool) -> Any:
        """What a good answer holds. Raises ConnectorError for every other."""
        if not answer.ok:
            raise self.verdict(answer, tried)
        told = self.body(answer, tried, reads=reads)
        if "error" in told or "result" not in told:
            said = self.without_secrets(_reason(told)) if "error" in told else "no result"
            raise Temporary(f"{tried}: ServiceNow answered success with {said}", in_doubt=not reads)
        return told["result"]

    def body(self, answer: requests.Response, tried: str, *, reads: bool) -> dict[str, Any]:
        """The JSON object that a good answer is. Raises Temporary for anything else, such as the page of a sleeper."""
        try:
            told = answer.json()
        except ValueError:
            kind = answer.headers.get("content-type", "no content type").partition(";")[0]
            what = "broken JSON" if kind == "application/json" else f"{kind} instead of JSON"
            asleep = "; the instance is hibernating" if "ibernating" in answer.text[:2000] else ""
            raise Temporary(f"{tried}: ServiceNow answered {what}{asleep}", in_doubt=not reads) from None
        if not isinstance(told, dict):
            raise Temporary(f"{tried}: ServiceNow answered something unexpected", in_doubt=not reads)
        return told

    def verdict(self, answer: requests.Response, tried: str) -> ConnectorError:
        """The error that an answer of 400 and above means. A data policy and a business rule refuse with 403."""
        try:
            told = answer.json()
        except ValueError:
            told = {}
        said = self.without_secrets(_reason(told))
        if answer.status_code == 403 and _NOT_OURS.search(said):
            return Refused(f"{tried}: {said}")
        return failure(answer.status_code, tried, said, answer.headers)

    def without_secrets(self, said: str) -> str:
        """A text of the instance's as an error may hold it."""
        known = self.settings
        for secret in (known.password, known.client_secret, known.webhook_secret):
            if secret is not None and secret.get_secret_value():
                said = said.replace(secret.get_secret_value(), "***")
        said = " ".join(self._tokens.taken_out(said).split())
        return said if len(said) <= LONGEST_REASON else f"{said[:LONGEST_REASON]}…"

    # ---- the package

    def _package(self) -> pysnow.Client:
        """The package's client over a session of ours, made at first use; it makes no call by itself."""
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
        return self._made

    def _make(self) -> pysnow.Client:
        known, parts = self.settings, urlsplit(self.settings.url)
        made = session()
        made.max_redirects = 0  # an address that an answer names is not followed
        made.hooks["response"].append(self._heard)
        if known.client_id or known.password is None:
            made.auth = self._tokens
        else:
            made.auth = (known.user, known.password.get_secret_value())
        host = f"{parts.netloc}{parts.path}"
        package = pysnow.Client(host=host, use_ssl=parts.scheme == "https", session=made)
        package.parameters.add_custom(dict.fromkeys(_UNSAID))
        return package

    def _heard(self, answer: requests.Response, **_: object) -> None:
        self.clock.heard(answer.headers.get("date", ""), answer.elapsed.total_seconds())


class Tokens(requests.auth.AuthBase):
    """The token of an OAuth client, kept in memory until shortly before its end; one thread asks, others wait."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._token = self._last = ""
        self._until = 0.0

    def __call__(self, asked: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request. Raises ConnectorError where there is no token to be had."""
        asked.headers["Authorization"] = f"Bearer {self._current()}"
        return asked

    def renew(self, answer: requests.Response) -> bool:
        """Forget the token that this answer refuses, unless it was renewed already; whether there was any."""
        used = str(answer.request.headers.get("Authorization", "")).partition("Bearer ")[2]
        with self._lock:
            if used and used == self._token:
                self._last, self._token = used, ""
        return bool(used)

    def taken_out(self, said: str) -> str:
        """A text without the token, and without the one before: an answer to it may still come in."""
        for token in {self._token, self._last} - {""}:
            said = said.replace(token, "***")
        return said

    def _current(self) -> str:
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._last, self._token = self._token or self._last, ""
                self._token, life = self._ask()
                self._until = time.monotonic() + max(0.0, life - _EARLY)
            return self._token

    def _ask(self) -> tuple[str, float]:
        """A new token, and how many seconds it is good for. Raises ConnectorError."""
        known, tried = self._client.settings, f"could not sign in to {self._client.name}"
        secret = known.client_secret.get_secret_value() if known.client_secret else ""
        form = {"grant_type": "client_credentials", "client_id": known.client_id, "client_secret": secret}
        limits = (min(_CONNECT, known.timeout), known.timeout)
        try:
            with session(1) as made:
                made.max_redirects = 0
                answer = made.post(f"{known.url}/oauth_token.do", data=form, timeout=limits, auth=_unsigned)
        except requests.TooManyRedirects as error:
            raise elsewhere(error.response, tried) from None
        except requests.RequestException as error:
            raise Temporary(
                str(no_answer(error, tried)), in_doubt=False
            ) from None  # whatever wanted to be signed was not sent
        if not answer.ok:
            raise _not_in_doubt(self._client.verdict(answer, tried))
        told = self._client.body(answer, tried, reads=True)
        token, life = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not token:
            raise Temporary(f"{tried}: ServiceNow answered no token", in_doubt=False)
        return token, float(life) if isinstance(life, (int, float)) else 2 * _EARLY


def elsewhere(answer: requests.Response | None, tried: str) -> Denied:
    """Where ServiceNow sends us somewhere else, it is to sign in, or its address is another one."""
    there = "" if answer is None else answer.headers.get("location", "")
    return Denied(f"{tried}: ServiceNow sent us to {urlsplit(there).netloc or 'another page'}; check url and user")


def _unsigned(asked: requests.PreparedRequest) -> requests.PreparedRequest:
    return asked


def _not_in_doubt(error: ConnectorError) -> ConnectorError:
    if isinstance(error, Temporary):
        return Temporary(str(error), retry_after=error.retry_after, in_doubt=False)
    if isinstance(error, (Refused, Missing)):  # there is no client like that
        return Denied(f"{error}; check client_id and client_secret")
    return error


def _reason(told: Any) -> str:
    """The instance's own words: `error` is an object with message and detail, of the token's endpoint a text."""
    if not isinstance(told, dict):
        return ""
    error = told.get("error")
    if isinstance(error, dict):
        return ": ".join(str(error[name]) for name in ("message", "detail") if error.get(name))
    return ": ".join(str(part) for part in (error, told.get("error_description")) if part)


def _row(raw: Any, tried: str) -> Row:
    """A record with `sysparm_display_value=all`; a column that came as a plain text is its own display."""
    if not isinstance(raw, dict):
        raise Temporary(f"{tried}: ServiceNow answered something unexpected", in_doubt=False)
    row = {str(name): _cell(said) for name, said in raw.items()}
    if "sys_id" not in row:
        raise Temporary(f"{tried}: ServiceNow answered a record without its id", in_doubt=False)
    return row


def _cell(said: Any) -> Cell:
    if isinstance(said, dict):
        link = str(said.get("link") or "").rpartition("/table/")[2]
        value, display = said.get("value"), said.get("display_value")
        shown = "" if display is None else str(display)
        return Cell(shown if value is None else str(value), shown, link.partition("/")[0] if "/" in link else "")
    text = "" if said is None else str(said)
    return Cell(text, text)
