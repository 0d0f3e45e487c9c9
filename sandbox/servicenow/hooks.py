"""Business rules that call out: what `pointman setup servicenow` installs, carried out without its script.

The emulator runs no JavaScript. Of an active rule after insert or update it reads the table, and from its script where
the call goes and which system property holds the secret. The call itself is as the two sides agreed: HMAC-SHA256 over
`timestamp + "." + body` in `X-Pointman-Signature`, in base64 as an instance makes it. A rule calls once: an instance
does not try again by itself.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import requests

from sandbox.courier import Courier
from sandbox.servicenow.world import Record

ADDRESS: Final = re.compile(r"""https?://[^'"\s]+/hooks/[\w.-]+""")
PROPERTY: Final = re.compile(r"""getProperty\(\s*['"]([\w.]+)['"]""")
SECRET: Final = re.compile(r"secret|key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a rule calls, with which secret, and for which table."""

    url: str
    secret: str
    table: str = "incident"


@dataclass(frozen=True, slots=True)
class Call:
    """One call on its way."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def installed(rule: Record, properties: Mapping[str, str]) -> Hook | None:
    """The call that a business rule makes, where it makes one."""
    wants = rule["action_insert"] == "true" or rule["action_update"] == "true"
    if rule["active"] != "true" or not wants or rule["when"] not in {"after", "async"}:
        return None
    script = rule["script"]
    names = PROPERTY.findall(script)
    url = next((m.group() for m in [ADDRESS.search(script)] if m), "")
    url = url or next((properties.get(n, "") for n in names if ADDRESS.match(properties.get(n, ""))), "")
    secret = next((properties.get(name, "") for name in names if SECRET.search(name)), "")
    return Hook(url, secret, rule["collection"]) if url else None


class Hooks(Courier[Call]):
    """Makes calls in the background, each once. `hooks` are those that are set up beside the installed rules."""

    def __init__(self) -> None:
        super().__init__("servicenow-rules")
        self.hooks: list[Hook] = []

    def emit(self, hook: Hook, record: Record, at: int) -> None:
        """Call out about a record; `at` is the instance's time in seconds since 1970."""
        told = {"sys_id": record.id, "table": record.table, "delivery": uuid4().hex}
        body = json.dumps(told, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "X-Pointman-Timestamp": str(at)}
        digest = hmac.digest(hook.secret.encode(), f"{at}.".encode() + body, "sha256")
        headers["X-Pointman-Signature"] = f"sha256={base64.b64encode(digest).decode()}"
        self.put(Call(hook.url, body, headers))

    def deliver(self, session: requests.Session, one: Call) -> bool:
        """One try."""
        self.sent += 1
        try:
            return session.post(one.url, data=one.body, headers=one.headers, timeout=10).status_code < 400
        except requests.RequestException:
            return False
