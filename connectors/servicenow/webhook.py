"""What the business rule sends that `pointman setup servicenow` installs: that a record was made or changed.

    X-Pointman-Timestamp: 1795424400
    X-Pointman-Signature: sha256=<HMAC-SHA256 over timestamp, a dot and the body; in base64 or in hexadecimal digits>
    {"table": "incident", "sys_id": "…", "delivery": "…"}

Of the body nothing is believed but which record to look at. An instance makes signatures in base64.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from datetime import datetime
from typing import Final

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Changed
from connectors.servicenow.settings import ServiceNowSettings
from connectors.signatures import same

WINDOW: Final = 300
"""Seconds that a webhook may be old, or ahead of us."""
LONGEST: Final = 1 << 16
SYS_ID: Final = re.compile(r"[0-9a-f]{32}")


def read(name: str, settings: ServiceNowSettings, request: Request, now: datetime) -> Receipt:
    """What a webhook means. Raises BadRequest."""
    _believed(name, settings, request, now)
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadRequest(400, f"the webhook for {name} is no JSON") from None
    if not isinstance(told, dict):
        raise BadRequest(400, f"the webhook for {name} is no JSON object")
    ref, table, delivery = (told.get(word) for word in ("sys_id", "table", "delivery"))
    if not isinstance(ref, str) or not SYS_ID.fullmatch(ref):
        raise BadRequest(400, f"the webhook for {name} does not say which record")
    if table != settings.table:
        return Receipt(body=json.dumps({"ignored": f"{str(table)[:80]} is not in scope"}))
    return Receipt((Changed(ref, None, delivery if isinstance(delivery, str) else ""),))


def signature(secret: str, stamp: str, body: bytes) -> bytes:
    """The HMAC-SHA256 of a webhook with this timestamp."""
    return hmac.digest(secret.encode(), stamp.encode("utf-8", "replace") + b"." + body, "sha256")


def _believed(name: str, settings: ServiceNowSettings, request: Request, now: datetime) -> None:
    if settings.webhook_secret is None or not settings.webhook_secret.get_secret_value():
        raise BadRequest(401, f"{name} has no webhook_secret, so no webhook is believed")
    if len(request.body) > LONGEST:
        raise BadRequest(413, f"a webhook for {name} may have 64 KiB")
    stamp = request.headers.get("x-pointman-timestamp", "")
    given = request.headers.get("x-pointman-signature", "").strip()
    right = signature(settings.webhook_secret.get_secret_value(), stamp, request.body)
    forms = (f"sha256={right.hex()}", f"sha256={base64.b64encode(right).decode()}")
    if not any(same(given, form) for form in forms):
        raise BadRequest(401, f"the signature of the webhook for {name} is wrong")
    if not re.fullmatch(r"\d{1,12}", stamp) or abs(now.timestamp() - int(stamp)) > WINDOW:
        raise BadRequest(401, f"the webhook for {name} is older than five minutes, or ahead of its time")
