"""Tokens of Microsoft Entra by client credentials, by which an app signs in in its own name.

msal asks for tokens and keeps them in memory until five minutes before they end; they are never stored. It is given
our own way to the network, so that time-outs and errors are those of every connector, and a lock, since ten threads
that need the first token would ask for ten. A token is asked for before the call that needs it, so no failure here is
in doubt. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from connectors.errors import ConnectorError, Denied, Temporary
from connectors.http import failure, no_answer, session
from connectors.wire import LOOPBACK

BOTS: Final = "https://api.botframework.com/.default"
"""The scope of the Bot Framework's Connector."""
GRAPH: Final = "https://graph.microsoft.com/.default"
"""The scope of Microsoft Graph: all that an administrator has granted to the app."""
LOGIN: Final = "https://login.microsoftonline.com"
_TRIED: Final = "could not sign in to Microsoft Entra"
_CONNECT: Final = 5.0
_HINTS: Final[Mapping[str, str]] = {
    "AADSTS7000215": "the client secret is wrong; it must be its value, not its id",
    "AADSTS7000222": "the client secret has expired; make a new one",
    "AADSTS700016": "no app with this client id is in the tenant",
    "AADSTS90002": "there is no such tenant",
    "AADSTS900023": "the tenant is neither an id nor a domain",
}
_PASSING: Final = {"temporarily_unavailable", "server_error", "timeout"}


@dataclass(frozen=True, slots=True)
class App:
    """An app registration in one tenant. `login` is where Entra is; http is for tests on loopback only."""

    tenant: str
    client: str
    secret: str
    login: str = LOGIN

    def __repr__(self) -> str:
        return f"App(tenant={self.tenant!r}, client={self.client!r})"


class Tokens:
    """The tokens of one app, for many threads. Makes no call until it is asked."""

    def __init__(self, app: App, timeout: float) -> None:
        self._app = app
        self._web = _Web(session(4), app.login, (min(_CONNECT, timeout), timeout))
        self._lock = Lock()
        self._made: Any = None

    def bearer(self, scope: str) -> dict[str, str]:
        """The header that carries a token for this scope. Raises Denied, Temporary; nothing was done yet."""
        return {"Authorization": f"Bearer {self.token(scope)}"}

    def token(self, scope: str) -> str:
        """A token for this scope, from memory or from Entra. Raises Denied, Temporary; never in doubt."""
        with self._lock:
            try:
                if self._made is None:
                    self._made = self._application()
                told = self._made.acquire_token_for_client([scope])
            except ConnectorError:
                raise
            except ValueError:  # from msal, whose texts may quote what was sent
                what = f"{self._app.login} does not answer for the tenant {self._app.tenant} as Entra does"
                raise Denied(f"{_TRIED}: {what}; check the tenant") from None
            except Exception as error:  # noqa: BLE001  (msal raises what it likes)
                raise Temporary(f"{_TRIED}: {type(error).__name__}", in_doubt=False) from None
        if isinstance(told, dict) and isinstance(told.get("access_token"), str):
            return str(told["access_token"])
        raise _refusal(told if isinstance(told, dict) else {}, self._app.secret)

    def forget(self) -> None:
        """Ask for new tokens from now on: one that we hold was not taken."""
        with self._lock:
            if self._made is not None:
                self._made.remove_tokens_for_client()

    def close(self) -> None:
        """Close the connections."""
        self._web.close()

    def _application(self) -> Any:
        import msal

        parts = urlsplit(self._app.login)
        return msal.ConfidentialClientApplication(
            self._app.client,
            client_credential=self._app.secret,
            authority=f"https://{parts.netloc}{parts.path.rstrip('/')}/{self._app.tenant}",
            instance_discovery=False,  # the administrator says where Entra is
            http_client=self._web,
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer as msal reads it."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Nothing: what msal would raise here has been raised already."""


class _Web:
    """The network as msal wants it: `get`, `post`, `close`. What may work later is raised here, past msal.

    msal takes no address that begins with http, so for an Entra on loopback it is told https, and we know better.
    """

    def __init__(self, made: requests.Session, login: str, timeout: tuple[float, float]) -> None:
        self._session, self._timeout = made, timeout
        parts = urlsplit(login)
        self._plain = f"://{parts.netloc}/" if parts.scheme == "http" and parts.hostname in LOOPBACK else ""

    def get(self, url: str, **asked: Any) -> _Told:
        """Read."""
        return self._send("GET", url, asked)

    def post(self, url: str, **asked: Any) -> _Told:
        """Ask for a token."""
        return self._send("POST", url, asked)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(self, method: str, url: str, asked: Mapping[str, Any]) -> _Told:
        try:
            answer = self._session.request(
                method,
                url.replace(f"https{self._plain}", f"http{self._plain}", 1) if self._plain else url,
                params=asked.get("params"),
                data=asked.get("data"),
                headers=asked.get("headers"),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise _sure(no_answer(error, _TRIED)) from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _sure(failure(answer.status_code, _TRIED, "", answer.headers))
        if not _is_object(answer.content):  # msal would log it
            if answer.status_code >= 400:
                raise failure(answer.status_code, _TRIED, "the answer is not Entra's")
            raise Temporary(f"{_TRIED}: the answer is not Entra's", in_doubt=False)
        text = answer.text.replace(f"http{self._plain}", f"https{self._plain}") if self._plain else answer.text
        return _Told(answer.status_code, text, answer.headers)


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


def _sure(error: ConnectorError) -> Temporary:
    """The same without doubt: what needed the token was not even begun."""
    return Temporary(str(error), retry_after=getattr(error, "retry_after", None), in_doubt=False)


def _refusal(told: Mapping[str, Any], secret: str) -> ConnectorError:
    """Why Entra gave no token, in its words up to the first line's end, which name no secret."""
    code, said = str(told.get("error") or "no token"), str(told.get("error_description") or "").strip()
    first = (said.splitlines() or [""])[0].partition(" Trace ID:")[0][:200].replace(secret, "***")
    hint = next((hint for known, hint in _HINTS.items() if f"{known}:" in f"{first}:"), "check the app registration")
    reason = f"{_TRIED}: {code}{f' ({first})' if first else ''}"
    if code in _PASSING:
        return Temporary(reason, in_doubt=False)
    return Denied(f"{reason}; {hint}")
