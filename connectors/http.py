"""One HTTP answer, one verdict: the table that turns a product's status codes into our four errors.

The session it offers has time-outs, a connection pool and no retries of its own: nothing that may have been done is
done again. Reads, which cannot have had an effect, are repeated a few times by `read`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import requests
import urllib3
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exception

from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary

T = TypeVar("T")
PATIENCE = 3.0
"""The longest, in seconds, that `read` waits between two tries; what asks for longer is left to the caller."""
PAUSE = 0.2
"""How long, in seconds, it waits where the product asks for nothing."""


def session(pool: int = 32) -> requests.Session:
    """A kept-alive session for many threads, without retries and without the environment's proxies for loopback."""
    made = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=pool, max_retries=0, pool_block=False)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """`Retry-After` in seconds, from whole or broken seconds or an HTTP date (RFC 9110 §10.2.3); None if unreadable."""
    said = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    if not said:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def failure(status: int, tried: str, said: str = "", headers: Mapping[str, str] | None = None) -> ConnectorError:
    """The error for a status of 400 and above. `tried` begins the sentence ("could not edit OPS-1")."""
    reason = f"{tried}: {said or 'no reason given'} (HTTP {status})"
    if status == 401:
        return Denied(f"{reason}; check the credentials")
    if status == 403:
        return Denied(f"{reason}; check the permissions of the account")
    if status in {404, 410}:
        return Missing(f"{reason}; it is gone, or hidden from this account")
    if status == 429:
        return Temporary(f"{reason}; asked to wait", retry_after=retry_after(headers or {}), in_doubt=False)
    if status >= 500:
        return Temporary(reason, retry_after=retry_after(headers or {}))
    return Refused(reason)


def no_answer(error: Exception, tried: str) -> Temporary:
    """The error for a call without an answer: in doubt unless the connection was never made."""
    never_sent = isinstance(error, requests.ConnectTimeout) or _never_connected(error)
    what = "no connection" if never_sent else "no answer in time"
    if not never_sent and not isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        what = "the connection was lost"
    return Temporary(f"{tried}: {what}", in_doubt=not never_sent)


def _never_connected(error: BaseException | None) -> bool:
    while error is not None:
        if type(error).__name__ in {"NewConnectionError", "ConnectTimeoutError", "NameResolutionError"}:
            return True
        if isinstance(error, (ConnectionRefusedError,)):
            return True
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else inner
    return False


def read(call: Callable[[], T], sleep: Callable[[float], None] | None = None) -> T:
    """Repeat a call that only reads, up to three times, as long as the product asks for no more than `PATIENCE`."""
    try:
        return call()
    except ConnectorError as error:
        if not _worth_another_try(error):
            raise
        failed: list[ConnectorError] = [error]

    def once() -> T:
        if failed:
            raise failed.pop()  # the first try has been made
        return call()

    waits = Retrying(
        stop=stop_after_attempt(3),
        retry=retry_if_exception(_worth_another_try),
        wait=wait_exception(lambda error: min(PATIENCE, getattr(error, "retry_after", None) or PAUSE)),
        sleep=sleep or time.sleep,
        reraise=True,
    )
    return waits(once)


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Temporary) and (error.retry_after or 0.0) <= PATIENCE
