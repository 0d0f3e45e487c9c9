"""Whether Teams has really sent what came in: a JSON Web Token of the Bot Framework, checked against its public keys.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication asks for all of it:
RS256 by one of the keys at the OpenID metadata, issuer, audience, times with five minutes' leeway, a key endorsed for
the channel, and the same service URL in the token as in the activity. The keys are kept for a day. A key that is not
among them makes us look again, but not more than once in five minutes: anybody can name a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import jwt
import requests

from connectors.base import BadRequest
from connectors.errors import ConnectorError, Temporary
from connectors.http import failure, no_answer, session
from connectors.wire import LOOPBACK

Json: TypeAlias = dict[str, Any]

KEPT: Final = timedelta(hours=24)
AGAIN: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(minutes=5)
LONGEST: Final = 8192
"""Characters of a token; the Bot Framework's have about 1,000."""
CHANNEL: Final = "msteams"
HOSTS: Final = (
    "smba.trafficmanager.net",
    "smba.infra.gcc.teams.microsoft.com",
    "smba.infra.gov.teams.microsoft.us",
    "smba.infra.dod.teams.microsoft.us",
)
"""Where Teams' service URLs are; told in the documentation of proactive messages."""
PATIENCE: Final = (1.0, 2.0)
"""Seconds to connect and to answer: a person waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say: who signed it, for which app, and from which hosts it may come."""

    issuer: str
    app_id: str
    hosts: frozenset[str]


class Keys:
    """The public keys of whoever signs, for many threads."""

    def __init__(self, metadata: str) -> None:
        self._metadata = metadata
        self._session = session(2)
        self._lock = Lock()
        self._keys: Mapping[str, tuple[jwt.PyJWK, frozenset[str]]] = {}
        self._read: datetime | None = None
        self._tried: datetime | None = None

    def get(self, name: str, now: datetime) -> tuple[jwt.PyJWK, frozenset[str]] | None:
        """A key and the channels it is endorsed for; None: there is no such key. Raises ConnectorError.

        One caller looks for new keys; meanwhile the others have those that are known, as anybody can name a key.
        """
        if self._lock.acquire(blocking=not self._keys):
            try:
                self._renew(name, now)
            finally:
                self._lock.release()
        elif name not in self._keys:
            raise Temporary("the keys of the Bot Framework are being read", in_doubt=False)
        if not self._keys:
            raise Temporary("the keys of the Bot Framework are not to be had", in_doubt=False)
        return self._keys.get(name)

    def refresh(self) -> None:
        """Read the keys now; they count as new when the next one is asked for. Raises ConnectorError."""
        with self._lock:
            self._refresh()
            self._read = None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _renew(self, name: str, now: datetime) -> None:
        self._read = self._read or (now if self._keys else None)
        old = self._read is None or now - self._read > KEPT
        if not (old or name not in self._keys) or (self._tried is not None and now - self._tried < AGAIN):
            return
        self._tried = now
        try:
            self._refresh()
        except ConnectorError:
            if name not in self._keys:
                raise
        else:
            self._read = now

    def _refresh(self) -> None:
        url = self._get(self._metadata).get("jwks_uri")
        if not isinstance(url, str) or not _is_safe(url):
            raise Temporary(f"{_TRIED}: the metadata names no address of keys", in_doubt=False)
        keys: dict[str, tuple[jwt.PyJWK, frozenset[str]]] = {}
        for told in self._get(url).get("keys") or ():
            if not isinstance(told, dict) or told.get("kty") != "RSA" or not isinstance(told.get("kid"), str):
                continue
            try:
                key = jwt.PyJWK(told, algorithm="RS256")
            except jwt.PyJWTError:
                continue
            keys[told["kid"]] = key, frozenset(map(str, told.get("endorsements") or ()))
        if not keys:
            raise Temporary(f"{_TRIED}: there are none", in_doubt=False)
        self._keys = keys

    def _get(self, url: str) -> Json:
        try:
            answer = self._session.get(url, timeout=PATIENCE, allow_redirects=False)
        except requests.RequestException as error:
            raise no_answer(error, _TRIED) from None
        if answer.status_code != 200:
            raise failure(max(400, answer.status_code), _TRIED, "", answer.headers)
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise Temporary(f"{_TRIED}: the answer is not the Bot Framework's", in_doubt=False)
        return told


_TRIED: Final = "could not read the keys of the Bot Framework"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that holds: its claims, and the channels that its key may speak for."""

    claims: Json
    endorsed: frozenset[str]

    def vouches_for(self, activity: Json, expected: Expected) -> None:
        """Believe an activity that came with it. Raises BadRequest where it is another's."""
        if activity.get("channelId") != CHANNEL or CHANNEL not in self.endorsed:
            raise BadRequest(401, "the token's key does not speak for Teams")
        said = self.claims.get("serviceurl") or self.claims.get("serviceUrl")
        if not isinstance(said, str) or said != activity.get("serviceUrl"):
            raise BadRequest(401, "the token is for another service URL")
        if not _is_safe(said) or urlsplit(said).hostname not in expected.hosts:
            raise BadRequest(401, "the service URL is none of Teams'; see hosts in the settings")


def verified(authorization: str, expected: Expected, keys: Keys, now: datetime) -> Token:
    """The token of a request. Raises BadRequest: 401 where it does not hold, 503 where that cannot be told now."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise BadRequest(401, "the request carries no token of the Bot Framework")
    if len(token) > LONGEST:
        raise BadRequest(401, f"the token is longer than {LONGEST} characters")
    try:
        head = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadRequest(401, "the token cannot be read") from None
    if head.get("alg") != "RS256" or not isinstance(head.get("kid"), str):
        raise BadRequest(401, "the token is not signed as the Bot Framework signs")
    try:
        found = keys.get(head["kid"], now)
    except ConnectorError as error:
        raise BadRequest(503, f"{error}; so nothing that comes in can be believed now") from None
    if found is None:
        raise BadRequest(401, "the token is signed with a key that is none of the Bot Framework's")
    claims = _signed(token, found[0], expected)
    _in_time(claims, now)
    return Token(claims, found[1])


def _signed(token: str, key: jwt.PyJWK, expected: Expected) -> Json:
    """The claims of a token whose signature holds; times are looked at by our own clock."""
    only: Any = {"require": ["exp", "iss", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    wanted: Any = {"audience": expected.app_id, "issuer": expected.issuer}
    try:
        told: Json = jwt.decode(token, key, algorithms=["RS256"], options=only, **wanted)
    except jwt.InvalidAudienceError:
        raise BadRequest(401, "the token is for another app; is app_id right?") from None
    except jwt.InvalidIssuerError:
        raise BadRequest(401, "the token is not from the Bot Framework") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise BadRequest(401, "the token's signature is wrong, or it lacks what it must say") from None
    else:
        return told


def _in_time(claims: Json, now: datetime) -> None:
    if now > _moment(claims.get("exp")) + LEEWAY:
        raise BadRequest(401, "the token has expired, or the clock is wrong")
    if "nbf" in claims and now < _moment(claims["nbf"]) - LEEWAY:
        raise BadRequest(401, "the token does not hold yet, or the clock is wrong")


def _moment(value: object) -> datetime:
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        raise BadRequest(401, "a moment of the token is no number") from None


def _is_safe(url: str) -> bool:
    """Whether an address is one of https, or of this machine, as in tests. Never raises."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
