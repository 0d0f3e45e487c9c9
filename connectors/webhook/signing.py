"""Signs a request in the manner of Standard Webhooks 1.0: HMAC-SHA256 over id, moment and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
The id is the same each time that something is sent, so that a receiver can drop a double; the moment is that of this
attempt. While secrets are changed both sign, and a receiver takes either signature.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

PREFIX = "whsec_"


def signed(id_: str, at: datetime, body: bytes, secrets: Iterable[str]) -> Mapping[str, str]:
    """The three headers. `id_` and the moment hold no full stop, which would let one request pass for another."""
    stamp = str(int(at.timestamp()))
    content = f"{id_}.{stamp}.".encode() + body
    digests = (hmac.digest(key_of(secret), content, "sha256") for secret in secrets)
    signature = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signature}


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: base64 after `whsec_`, else the text's own bytes."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
