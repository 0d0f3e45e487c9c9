"""The way of what goes to one site all day: reading and writing tickets, posting and editing messages.

A session of `requests` works out headers, credentials, proxies, certificates and hooks anew for each request, and
urllib3 builds each one header by header and sends it in two parts: together three quarters of what a request costs us,
and each part sent is one more occasion for 32 threads to wait for each other. Here it is worked out once. The pool,
time-outs, TLS, proxies and what can go wrong are urllib3's; we come in by a door of its own, a pool's `ConnectionCls`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from io import BytesIO
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from urllib3.connection import HTTPConnection, HTTPSConnection

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MOST: Final = 256
"""Connections that are kept: as many as `[sweep] concurrency` may have threads."""
_NEVER = urllib3.Retry(False, redirect=False)
_BROKEN = re.compile(r"[\r\n]")
_PLAIN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over a `Wire`: the names of `headers` are in lower case, `content` is decompressed."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether it is no refusal."""
        return self.status_code < 400

    def json(self) -> Any:
        """The content as JSON. Raises ValueError."""
        return json.loads(self.content)


class Wire:
    """The way to one site, such as `https://example.org`, for many threads.

    A session's headers, credentials, proxies (none for loopback) and certificates are read once, here; its cookies
    are shared with it. Nothing is followed and nothing is repeated. Raises what requests raises where the session or
    the address cannot be used.
    """

    def __init__(self, made: requests.Session, site: str, timeout: tuple[float, float]) -> None:
        adapter = self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=MOST, max_retries=0)
        like = made.prepare_request(requests.Request("GET", site))
        settings = made.merge_environment_settings(site, {}, None, None, None)
        proxies = {} if urlsplit(site).hostname in LOOPBACK else settings["proxies"]
        verify, cert = settings["verify"], settings["cert"]
        pool = adapter.get_connection_with_tls_context(like, verify, proxies, cert)
        adapter.cert_verify(pool, site, verify, cert)  # type: ignore[no-untyped-call]
        self._pool = cast(urllib3.HTTPConnectionPool, pool)
        self._pool.ConnectionCls = _Secure if self._pool.scheme == "https" else _Plain  # type: ignore[assignment]
        direct = adapter.request_url(like, proxies).startswith("/")
        self._site = site
        self._front = "" if direct else requests.utils.urldefragauth(site).rstrip("/")  # a proxy wants all of it
        host = urlsplit(site).netloc.rpartition("@")[2]
        self._like, self._headers = like, {"Host": host, **{n.title(): value for n, value in like.headers.items()}}
        self._cookies = made.cookies
        self._timeout = urllib3.Timeout(*timeout)

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """Send one request to an address of this site. Raises urllib3's HTTPError; ValueError for another site."""
        if not url.startswith(f"{self._site}/"):
            raise ValueError(f"{url} is not on {self._site}")
        target = self._front + url[len(self._site) :]
        if not _PLAIN.fullmatch(target):
            target = requests.utils.requote_uri(target)
        own = {name.title(): value for name, value in headers.items()}
        answer = self._pool.urlopen(
            method,
            f"{self._front}/",  # urllib3 would look at every letter of the real one
            _Told(target, body),  # type: ignore[arg-type]  # our own connections take it
            {**self._headers, **self._cookie(), **own},
            retries=_NEVER,
            redirect=False,
            assert_same_host=False,
            timeout=self._timeout,
        )
        if "set-cookie" in answer.headers:
            extract_cookies_to_jar(self._cookies, self._like, answer)  # type: ignore[no-untyped-call]
        return Reply(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def _cookie(self) -> dict[str, str]:
        said = get_cookie_header(self._cookies, self._like) if len(self._cookies) else None  # type: ignore[no-untyped-call]
        return {"Cookie": said} if said else {}


@dataclass(frozen=True, slots=True)
class _Told:
    """What is sent: what the request line names, and the body."""

    target: str
    body: bytes | None


@dataclass(slots=True)
class _Whole:
    """An answer that was read to its end. What begins with an underscore is asked for by urllib3 and requests."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    _original_response: HTTPResponse
    version_string: str = ""
    length_remaining: int = 0
    retries: urllib3.Retry | None = None
    _connection: object = None
    _pool: object = None


class _Plain(HTTPConnection):
    """A connection that sends a request in one piece and reads its answer whole."""

    _method = ""

    def request(  # type: ignore[override]  # a body is more here
        self,
        method: str,
        url: str,
        body: _Told,
        headers: Mapping[str, str] | None = None,
        *,
        chunked: bool = False,
        preload_content: bool = True,
        decode_content: bool = True,
        enforce_content_length: bool = True,
    ) -> None:
        """Send it. Raises OSError; ValueError where a header would be two."""
        told, content = dict(headers or {}), body.body or b""
        if body.body is not None or method in {"POST", "PUT"}:
            told["Content-Length"] = str(len(content))
        if _BROKEN.search("".join(told.values())):
            raise ValueError("a header with a line break")
        lines = (f"{method} {body.target} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "\r\n")
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self.timeout)
        self._method = method
        self.sock.sendall("\r\n".join(lines).encode("latin-1") + content)

    def getresponse(self) -> _Whole:  # type: ignore[override]  # what urlopen and we want of urllib3's own
        """Read it. Raises OSError, http.client's HTTPException, and urllib3's DecodeError."""
        self.sock.settimeout(self.timeout)
        answer = HTTPResponse(self.sock, method=self._method)
        try:
            answer.begin()
            content = answer.read()
        except BaseException:
            answer.close()
            raise
        if answer.will_close:
            self.close()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if "content-encoding" in headers:
            content = urllib3.HTTPResponse(BytesIO(content), headers).data
        return _Whole(answer.status, headers, content, answer)


class _Secure(_Plain, HTTPSConnection):
    """The same over TLS."""
