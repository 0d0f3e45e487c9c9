"""The door of ServiceNow's REST API: which request is which operation, and who may come in.

Basic authentication as the user `pointman`, or a bearer token from `/oauth_token.do` by client credentials.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl
from uuid import uuid4

from sandbox.http import Answer, Asked
from sandbox.servicenow import operations
from sandbox.servicenow.asking import Call, No

if TYPE_CHECKING:
    from sandbox.servicenow.state import ServiceNowState

_PATH: Final = re.compile(r"^/api/now(?:/v[12])?/table/(?P<table>[A-Za-z0-9_]+)(?:/(?P<ref>[A-Za-z0-9]+))?$")
_HTML: Final = {"content-type": "text/html;charset=UTF-8"}
ASLEEP: Final = (
    "<html><head><title>Instance Hibernating page</title></head>"
    "<body><h1>Your instance is hibernating</h1><p>Sign in to the developer site to wake it.</p></body></html>"
)
RULE: Final = "2f1a7d9f0a0a0b5e00c4b1f2a9d3e871"
"""The sys_id of the rate limit rule."""
LIFE: Final = timedelta(seconds=1799)
"""How long a token is good for."""


def answer(state: ServiceNowState, asked: Asked) -> Answer:
    """The answer to a request, whatever it is. The caller holds the instance's lock."""
    if state.traps.asleep:
        return Answer(200, ASLEEP, _HTML)
    if asked.path == "/oauth_token.do" and asked.method == "POST":
        return _token(state, asked)
    try:
        _let_in(state, asked)
        headers = _room(state)
        told = _operation(asked)(_call(state, asked))
    except No as no:
        return Answer(no.status, no.body, no.headers)
    return Answer(told.status, told.body, {**headers, **told.headers})


def _call(state: ServiceNowState, asked: Asked) -> Call:
    found = _PATH.match(asked.path)
    return Call(state, asked, found["table"] if found else "", (found["ref"] if found else "") or "")


def _operation(asked: Asked) -> Callable[[Call], Answer]:
    """Raises No where there is none."""
    found = _PATH.match(asked.path)
    if found is None:
        raise No(400, "Requested URI does not represent any resource", None)
    run = _OPERATIONS.get((asked.method, bool(found["ref"])))
    if run is None:
        raise No(405, "Method not supported", None)
    return run


def _let_in(state: ServiceNowState, asked: Asked) -> None:
    """Raises No for whoever is not known."""
    kind, _, said = asked.headers.get("authorization", "").partition(" ")
    if kind == "Bearer":
        right = said in state.tokens and state.tokens[said] > state.clock.now()
    else:
        try:
            right = base64.b64decode(said, validate=True).decode() == f"pointman:{state.password}"
        except (binascii.Error, UnicodeDecodeError):
            right = False
    if not right:
        asks = {"WWW-Authenticate": 'BASIC realm="Service-now"'}
        raise No(401, "User Not Authenticated", "Required to provide Auth information", asks)


def _room(state: ServiceNowState) -> Mapping[str, str]:
    """Rate limits are counted by the hour; where no rule is set nothing is said of them. Raises No."""
    most = state.traps.per_hour
    if most is None:
        return {}
    now = state.clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    state.asked = [at for at in state.asked if at >= hour]
    again = hour + timedelta(hours=1)
    told = {
        "X-RateLimit-Limit": str(most), "X-RateLimit-Reset": str(int(again.timestamp())), "X-RateLimit-Rule": RULE,
    }  # fmt: skip
    if len(state.asked) >= most:
        wait = {"Retry-After": str(max(1, int((again - now).total_seconds())))}
        detail = f"Rate limit of {most} requests per hour for Table API exceeded"
        raise No(429, "Rate limit exceeded", detail, {**told, **wait})
    state.asked.append(now)
    return told


def _token(state: ServiceNowState, asked: Asked) -> Answer:
    """A token for a client that knows its secret."""
    form = dict(parse_qsl(asked.body.decode("utf-8", "replace")))
    if form.get("grant_type") != "client_credentials":
        return Answer(400, {"error": "unsupported_grant_type", "error_description": "unsupported grant type"})
    if (form.get("client_id"), form.get("client_secret")) != (state.client, state.secret):
        return Answer(401, {"error": "server_error", "error_description": "access_denied"})
    token = uuid4().hex
    state.tokens[token] = state.clock.now() + LIFE
    life = int(LIFE.total_seconds())
    return Answer(200, {"access_token": token, "scope": "useraccount", "token_type": "Bearer", "expires_in": life})


_OPERATIONS: Final[Mapping[tuple[str, bool], Callable[[Call], Answer]]] = {
    ("GET", False): operations.list_records,
    ("POST", False): operations.insert_record,
    ("GET", True): operations.get_record,
    ("PATCH", True): operations.change_record,
    ("PUT", True): operations.change_record,
    ("DELETE", True): operations.delete_record,
}
