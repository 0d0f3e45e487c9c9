"""A gateway of one's own, as https://www.standardwebhooks.com asks: it verifies, then rings, once for each id.

It was written from the specification and knows nothing of how we sign.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sandbox.http import Answer, Asked

if TYPE_CHECKING:
    from sandbox.gateway.state import GatewayState

TOLERANCE: Final = timedelta(minutes=5)


def take(state: GatewayState, asked: Asked) -> Answer:
    """Take a webhook that is signed; `/hook/<name>` is as good an address as any."""
    if asked.method == "HEAD":
        return Answer(200)
    if not _verified(state, asked):
        return Answer(401, {"error": "the signature is wrong, or too old"})
    try:
        told: Any = asked.json()
    except ValueError:
        return Answer(400, {"error": "no JSON"})
    id_ = asked.headers["webhook-id"]
    if state.remembers and id_ in state.heard:
        return Answer(200, {"known": True})
    state.heard[id_] = told
    data = told.get("data", told) if isinstance(told, dict) else {}
    if not (isinstance(told, dict) and told.get("type") == "pointman.over"):
        state.ring("hook", str(data.get("to", "")), str(data.get("text", "")))
    return Answer(204)


def _verified(state: GatewayState, asked: Asked) -> bool:
    id_, stamp = asked.headers.get("webhook-id", ""), asked.headers.get("webhook-timestamp", "")
    if not id_ or not stamp.isdecimal():
        return False
    if abs(state.clock.now().timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        return False
    content = f"{id_}.{stamp}.".encode() + asked.body
    right = {_signature(secret, content) for secret in state.secrets}
    return bool(right & set(asked.headers.get("webhook-signature", "").split()))


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    return f"v1,{base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()}"
