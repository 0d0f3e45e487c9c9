"""Microsoft Entra in a box: client credentials for a token, and keys with which services sign what they send.

Used by the sandbox's Teams (Bot Framework and Graph) and by its mail (Graph). A token holds for an hour of real time,
as its holder counts it too, or until `revoke`. Two services sign: Entra its own tokens, the Bot Framework what it sends
to bots; each has its OpenID metadata at the path the real one has:
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.http import Answer, Asked

TENANT: Final = "5a0d1b0c-0000-4000-8000-00000000d0e5"
HOLDS: Final = 3599
ISSUER: Final = "https://api.botframework.com"
BOTS: Final = "https://api.botframework.com"
GRAPH: Final = "https://graph.microsoft.com"
BOT_METADATA: Final = "/v1/.well-known/openidconfiguration"
BOT_KEYS: Final = "/v1/.well-known/keys"
_TENANT_PATH: Final = re.compile(r"/([^/]+)(/v2\.0/\.well-known/openid-configuration|/oauth2/v2\.0/token)")


@dataclass(frozen=True, slots=True)
class Client:
    """An app registration: its id, its secret, and the services it may have tokens for."""

    id: str
    secret: str
    services: frozenset[str] = frozenset({BOTS, GRAPH})


@dataclass(frozen=True, slots=True)
class Key:
    """A key that signs. `id` is its `kid`."""

    id: str
    private: rsa.RSAPrivateKey

    def public(self) -> dict[str, Any]:
        """As it stands in a JWKS; the Bot Framework says in it which channels the key may speak for."""
        told: dict[str, Any] = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**told, "use": "sig", "kid": self.id, "x5t": self.id, "endorsements": ["msteams"]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT over these claims."""
        return jwt.encode(dict(claims), self.private, algorithm="RS256", headers={"kid": self.id, "x5t": self.id})


@cache
def key(name: str) -> Key:
    """The key of this name; made once in a process, as making one takes a tenth of a second."""
    return Key(name, rsa.generate_private_key(public_exponent=65537, key_size=2048))


@dataclass(slots=True)
class Entra:
    """A directory with app registrations. `asked` counts the tokens that were given out."""

    clients: dict[str, Client] = field(default_factory=dict)
    tenant: str = TENANT
    signs: str = "botframework-1"
    asked: int = 0
    _tokens: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def register(self, client: Client) -> Client:
        """From now on this app can sign in."""
        self.clients[client.id] = client
        return client

    def holder(self, authorization: str, service: str) -> Client | None:
        """Whose token this `Authorization` header carries, where it holds and is meant for this service."""
        kind, _, token = authorization.partition(" ")
        client, audience, until = self._tokens.get(token, ("", "", 0.0))
        if kind.lower() != "bearer" or audience != service or until < time.monotonic():
            return None
        return self.clients.get(client)

    def revoke(self) -> None:
        """No token given out so far holds any more."""
        self._tokens.clear()

    def handle(self, asked: Asked, url: str) -> Answer | None:
        """Answer a request that is for the directory or for its keys, on a server at `url`; None: it is not."""
        if asked.path == BOT_METADATA:
            return Answer(200, self._bot_metadata(url))
        if asked.path == BOT_KEYS:
            return Answer(200, {"keys": [key(self.signs).public()]})
        found = _TENANT_PATH.fullmatch(asked.path)
        if found is None:
            return None
        tenant, what = found.groups()
        if what.endswith("openid-configuration"):
            return Answer(200, self._metadata(f"{url}/{tenant}"))
        if asked.method != "POST":
            return Answer(405, {"error": "invalid_request", "error_description": "AADSTS900561: POST only."})
        return self._token(tenant, dict(parse_qsl(asked.body.decode("utf-8", "replace"), keep_blank_values=True)))

    def _metadata(self, url: str) -> dict[str, Any]:
        return {
            "token_endpoint": f"{url}/oauth2/v2.0/token",
            "authorization_endpoint": f"{url}/oauth2/v2.0/authorize",
            "issuer": f"{url}/v2.0",
            "jwks_uri": f"{url}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }

    def _bot_metadata(self, url: str) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{url}{BOT_KEYS}",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }

    def _token(self, tenant: str, given: Mapping[str, str]) -> Answer:
        client = self.clients.get(given.get("client_id", ""))
        service = given.get("scope", "").removesuffix("/.default")
        if given.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.")
        if tenant != self.tenant:
            return _refused(400, "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        if client is None:
            return _refused(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
        if given.get("client_secret") != client.secret:
            return _refused(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if service not in client.services:
            return _refused(400, "invalid_scope", f"AADSTS70011: The provided value for scope {service} is not valid.")
        with self._lock:
            self.asked += 1
            token = f"sandbox-access-token-{self.asked}-{client.id[-4:]}"
            self._tokens[token] = client.id, service, time.monotonic() + HOLDS
        return Answer(
            200, {"token_type": "Bearer", "expires_in": HOLDS, "ext_expires_in": HOLDS, "access_token": token}
        )


def _refused(status: int, error: str, said: str) -> Answer:
    codes: Iterable[int] = (int(said.partition(":")[0].removeprefix("AADSTS")),)
    return Answer(status, {"error": error, "error_description": said, "error_codes": list(codes)})
