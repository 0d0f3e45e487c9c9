"""The way of what goes to one site all day: reading and writing tickets, posting and editing messages.

A session of `requests` works out headers, credentials, proxies, certificates and hooks anew for each request, and
urllib3 builds each one header by header and sends it in two parts: together three quarters of what a request costs us,
and each part sent is one more occasion for 32 threads to wait for each other. Here it is worked out once. The pool,
time-outs, TLS, proxies and what can go wrong are urllib3's; we come in by a door of its own, a pool's `ConnectionCls`.
Answers are read by httptools, as the server reads requests: http.client reads their headers as it reads e-mail, which
took a fifth of a look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, IncompleteRead, RemoteDisconnected
from io import BytesIO
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httptools
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from urllib3.connection import HTTPConnection, HTTPSConnection

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MOST: Final = 256
"""Connections that are kept: as many as `[sweep] concurrency` may have threads."""
_PIECE: Final = 65536
_LONGEST, _LONGEST_HEAD = 256 * 2**20, 2**18
"""What is taken of an answer before it is given up, in bytes: a site that has lost its mind does not take ours."""
SLOW: Final = 3
"""So many time-outs long an answer may take that comes piece by piece: each piece has the time-out for itself."""
SLOWEST: Final = 90.0
"""Seconds of that at the most, where the time-out allows less: a claim is settled after two minutes."""
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
        adapter.cert_verify(pool, site, verify, cert)  # type: ignore[no-untyped-call]  # requests has no types for it
        self._pool = cast(urllib3.HTTPConnectionPool, pool)
        ours = _Secure if self._pool.scheme == "https" else _Plain
        self._pool.ConnectionCls = ours  # type: ignore[assignment]  # urllib3 promises less of it than it asks
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
            extract_cookies_to_jar(self._cookies, self._like, answer)  # type: ignore[no-untyped-call]  # requests has no types for it
        return Reply(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def _cookie(self) -> dict[str, str]:
        if not len(self._cookies):
            return {}
        said = get_cookie_header(self._cookies, self._like)  # type: ignore[no-untyped-call]  # as above
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
    _original_response: SimpleNamespace | None
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
        sock, reading = self.sock, _Reading()
        sock.settimeout(self.timeout)
        until = monotonic() + max(self.timeout or 0.0, min(SLOW * (self.timeout or SLOWEST), SLOWEST))
        parser = httptools.HttpResponseParser(reading)
        reading.parser = parser
        try:
            while not reading.whole:
                if monotonic() > until:
                    raise TimeoutError("the answer does not come to its end")
                if not (data := sock.recv(_PIECE)):
                    reading.ended()
                    break
                reading.taken(len(data))
                parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not reading.whole:  # else something follows the answer, and belongs to nobody
                raise HTTPException(f"no HTTP: {error}") from None
            reading.follows = True
        finally:
            del reading.parser  # which leads back here
        if reading.follows or not reading.kept:
            self.close()
        content = b"".join(reading.parts)
        if "content-encoding" in reading.headers:
            content = urllib3.HTTPResponse(BytesIO(content), reading.headers).data
        return _Whole(reading.status, reading.headers, content, reading.cookies())


class _Reading:
    """An answer as httptools tells of it, piece by piece; `on_…` are its names."""

    __slots__ = ("_set", "_size", "follows", "headers", "kept", "parser", "parts", "status", "whole")
    parser: httptools.HttpResponseParser

    def __init__(self) -> None:
        self.status, self.headers, self.parts = 0, dict[str, str](), list[bytes]()
        self.whole = self.follows = self.kept = False
        self._size, self._set = 0, list[str]()

    def on_message_begin(self) -> None:
        self.follows = self.whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one line; of several with one name the last, but for cookies."""
        if not self.whole:
            known, told = name.decode("latin-1").lower(), value.decode("latin-1")
            self.headers[known] = told
            if known == "set-cookie":
                self._set.append(told)

    def on_headers_complete(self) -> None:
        if not self.whole:
            self.status = self.parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        if not self.whole:
            self.parts.append(data)

    def on_message_complete(self) -> None:
        if not self.whole and 100 <= self.status < 200:  # "go on", "hints": the answer is yet to come
            self.status, self.headers, self._set = 0, {}, []
        elif not self.whole:
            self.whole, self.kept = True, self.parser.should_keep_alive()

    def taken(self, size: int) -> None:
        """Count what was received. Raises HTTPException for an answer without an end, or a beginning without one."""
        self._size += size
        if self._size > (_LONGEST if self.status else _LONGEST_HEAD):
            raise HTTPException(f"an answer of more than {self._size:,} bytes")

    def ended(self) -> None:
        """The connection was closed. Raises HTTPException where that is not how an answer may end."""
        if not self._size:
            raise RemoteDisconnected("closed without an answer")
        if not self.status or "content-length" in self.headers or "transfer-encoding" in self.headers:
            raise IncompleteRead(b"".join(self.parts))

    def cookies(self) -> SimpleNamespace | None:
        """What was to be kept, as requests wants to see it."""
        if not self._set:
            return None
        message = HTTPMessage()
        for told in self._set:
            message.add_header("Set-Cookie", told)
        return SimpleNamespace(msg=message)


class _Secure(_Plain, HTTPSConnection):
    """The same over TLS."""
