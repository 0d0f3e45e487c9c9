"""The way to Jira: one kept-alive session with time-outs, one verdict on every answer, and Jira's own time.

The `jira` package signs in and knows the lists of a site. It never repeats a call here (its own retry has created
tickets twice), and tickets themselves are read and written by requests of ours, since its helpers read a ticket again
after each write and follow the addresses that an answer names. Every address is built from the configuration.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from connectors.clock import Clock
from connectors.errors import ConnectorError, Denied, Refused, Temporary
from connectors.http import failure, no_answer, read
from connectors.jira.settings import JiraSettings
from connectors.shapes import OBJECT, Shape, misshapen
from connectors.wire import LOOPBACK, Reply, Wire

if TYPE_CHECKING:
    from jira import JIRA

T = TypeVar("T")
Deployment: TypeAlias = Literal["cloud", "datacenter"]
LONGEST_REASON = 400
_CONNECT = 5.0
_MOVED = frozenset({301, 302, 303, 307, 308})


@lru_cache(64)
def _encoded(query: tuple[tuple[str, str | int], ...]) -> str:
    """A query as an address carries it: every read of a ticket asks for the same."""
    return urlencode(query)


class Client:
    """One Jira site, for many threads. Nothing is asked before it is used.

    `pause` is how it waits before a read is tried again.
    """

    def __init__(self, settings: JiraSettings, name: str) -> None:
        self.settings = settings
        self.name = name
        self.clock = Clock()
        self.pause: Callable[[float], None] = time.sleep
        self._lock = RLock()
        self._made: JIRA | None = None
        self._limits = (min(_CONNECT, settings.timeout), settings.timeout)
        self._deployment: Deployment | None = None if settings.deployment == "auto" else settings.deployment

    # ---- which Jira this is

    @property
    def deployment(self) -> Deployment:
        """What the server says it is (asked once), unless the configuration says."""
        if self._deployment is None:
            with self._lock:
                if self._deployment is None:
                    told = self._get(
                        f"{self.settings.url}/rest/api/2/serverInfo", {}, "could not ask which Jira it is", OBJECT
                    )
                    cloud = told.get("deploymentType") == "Cloud"
                    self._deployment = "cloud" if cloud else "datacenter"
        return self._deployment

    @property
    def cloud(self) -> bool:
        """Whether it is Cloud."""
        return self.deployment == "cloud"

    # ---- calls

    def read(self, path: str, tried: str, query: Mapping[str, str | int] | None = None, shape: Shape = OBJECT) -> Any:
        """The JSON at this path of the API; repeated a few times where that may help. Raises ConnectorError."""
        return self._get(self._url(path), query or {}, tried, shape)

    def ask(self, path: str, body: Any, tried: str, shape: Shape = OBJECT) -> Any:
        """As `read`, for what Jira wants to be asked by POST."""
        return read(lambda: _shaped(self._ask("POST", self._url(path), {}, body, tried), shape, tried), self.pause)

    def send(self, method: str, path: str, body: Any, tried: str) -> Any:
        """Have something done, once; answers the JSON, None where there is none. Raises ConnectorError."""
        return self._ask(method, self._url(path), {}, body, tried)

    def library(self, call: Callable[[JIRA], T], tried: str, shape: Shape = None) -> T:
        """What the `jira` package reads by this call, with its errors turned into ours. Only for calls that read."""
        from jira.exceptions import JIRAError

        cloud, package = self.cloud, self._package()
        package.deploymentType = "Cloud" if cloud else "Server"
        package._options["rest_api_version"] = "3" if cloud else "2"

        def once() -> T:
            try:
                return _shaped(call(package), shape, tried)
            except JIRAError as error:
                if error.response is None:
                    raise Temporary(f"{tried}: no answer", in_doubt=False) from None
                raise self._verdict(error.response, tried) from None
            except requests.TooManyRedirects as error:
                raise _elsewhere(error.response, tried) from None
            except (
                ValueError,
                TypeError,
                KeyError,
                AttributeError,
            ):  # what the package makes of HTML, or of JSON it did not expect
                raise Temporary(f"{tried}: Jira answered something unexpected", in_doubt=False) from None
            except requests.RequestException as error:
                raise no_answer(error, tried) from None

        return read(once, self.pause)

    def close(self) -> None:
        """Close the connections."""
        if "_wire" in self.__dict__:
            self._wire.close()
        if self._made is not None:
            self._made._session.close()

    # ---- one request

    def _url(self, path: str) -> str:
        return f"{self.settings.url}/rest/api/{'3' if self.cloud else '2'}/{path}"

    def _get(self, url: str, query: Mapping[str, str | int], tried: str, shape: Shape) -> Any:
        return read(lambda: _shaped(self._ask("GET", url, query, None, tried), shape, tried), self.pause)

    def _ask(self, method: str, url: str, query: Mapping[str, str | int], body: Any, tried: str) -> Any:
        try:
            told = None if body is None else json.dumps(body, allow_nan=False).encode()
            began = time.monotonic()
            answer = self._wire.send(method, f"{url}?{_encoded(tuple(query.items()))}" if query else url, told, {})
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise no_answer(error, tried) from None
        self.clock.heard(answer.headers.get("date", ""), time.monotonic() - began)
        if answer.status_code in _MOVED and "location" in answer.headers:
            raise _elsewhere(answer, tried)
        if not answer.ok:
            raise self._verdict(answer, tried)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            kind = answer.headers.get("content-type", "no content type").partition(";")[0]
            what = "broken JSON" if kind == "application/json" else f"{kind} instead of JSON"
            raise Temporary(f"{tried}: Jira answered {what}", in_doubt=method != "GET") from None

    def _verdict(self, answer: requests.Response | Reply, tried: str) -> ConnectorError:
        messages, told = _reasons(answer)
        errors = {self._without_secrets(name): self._without_secrets(why) for name, why in told.items()}
        if "AUTHENTICATED_FAILED" in answer.headers.get("x-seraph-loginreason", ""):
            return Denied(f"{tried}: Jira does not accept the credentials (HTTP {answer.status_code}); check them")
        denied = answer.headers.get("x-authentication-denied-reason")
        messages = [f"sign-in was denied ({denied})", *messages] if denied else messages
        said = "; ".join([*messages, *(f"{name}: {reason}" for name, reason in errors.items())])
        verdict = failure(answer.status_code, tried, self._without_secrets(said), answer.headers)
        if isinstance(verdict, Refused):
            return Refused(str(verdict), fields=errors)
        return verdict

    def _without_secrets(self, said: str) -> str:
        for secret in (self.settings.token, self.settings.webhook_secret):
            if secret is not None and secret.get_secret_value():
                said = said.replace(secret.get_secret_value(), "***")
        said = " ".join(said.split())
        return said if len(said) <= LONGEST_REASON else f"{said[:LONGEST_REASON]}…"

    # ---- the package

    @cached_property
    def _wire(self) -> Wire:
        """The package's session, without what it does for each request."""
        site = urlsplit(self.settings.url)
        return Wire(self._package()._session, f"{site.scheme}://{site.netloc}", self._limits)

    def _package(self) -> JIRA:
        """The package's client, made at first use; it makes no call by itself."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _heard(self, answer: requests.Response, **_: object) -> None:
        self.clock.heard(answer.headers.get("date", ""), answer.elapsed.total_seconds())

    def _make(self) -> JIRA:
        from jira import JIRA

        token = self.settings.token.get_secret_value()
        basic = (self.settings.user, token) if self.settings.user else None
        made = JIRA(
            self.settings.url,
            basic_auth=basic,
            token_auth=None if basic else token,
            get_server_info=False,
            max_retries=0,
            timeout=self._limits,
            logging=False,
        )
        session = made._session
        session.proxies = dict(_proxies(self.settings.url))
        session.verify = session.merge_environment_settings(self.settings.url, {}, None, None, None)["verify"]
        session.max_redirects = 0  # an address that an answer names is not followed
        session.trust_env = False  # read once, here, instead of at each request
        session.hooks["response"].append(self._heard)
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=32, max_retries=0))
        return made


def _proxies(url: str) -> Mapping[str, str]:
    """The environment's proxies for this address; none for loopback."""
    if urlsplit(url).hostname in LOOPBACK:
        return {}
    return requests.utils.get_environ_proxies(url)


def _elsewhere(answer: requests.Response | Reply | None, tried: str) -> Denied:
    """Where Jira sends us somewhere else, it is to sign in, or its address is another one."""
    there = "" if answer is None else answer.headers.get("location", "")
    return Denied(f"{tried}: Jira sent us to {urlsplit(there).netloc or 'another page'}; check url and credentials")


def _shaped(told: T, shape: Shape, tried: str) -> T:
    """What Jira answered, where it looks as it should. Raises Temporary: a proxy or half a start may be at fault."""
    said = misshapen(told, shape)
    if said:
        raise Temporary(f"{tried}: Jira answered something unexpected: {said}", in_doubt=False)
    return told


def _reasons(answer: requests.Response | Reply) -> tuple[list[str], dict[str, str]]:
    """Jira's own messages, and those by field (`errorMessages` and `errors`), whatever the answer really is."""
    try:
        told = answer.json()
    except ValueError:
        return [], {}
    if not isinstance(told, dict):
        return [], {}
    plain = told.get("errorMessages") or told.get("message") or told.get("errorMessage") or []
    messages = [plain] if isinstance(plain, str) else [str(one) for one in plain] if isinstance(plain, list) else []
    errors = told.get("errors")
    return messages, {str(k): str(v) for k, v in errors.items()} if isinstance(errors, dict) else {}
