"""Webhooks going out: signed, with an id that stays the same when a delivery is tried again.

Cloud tries again after 408, 409, 425, 429, 5xx or no answer; Data Center never does. Deliveries leave in order, from
one thread, which starts with the first of them.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import requests

from sandbox.courier import Courier
from sandbox.jira.world import Flavour

AGAIN = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Hook:
    """Where an administrator wants webhooks to go; with a secret they are signed. Empty `events`: all of them."""

    url: str
    secret: str = ""
    events: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook on its way."""

    id: str
    hook: Hook
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Hooks(Courier[Delivery]):
    """Delivers webhooks in the background. `sent` counts the tries, `failed` holds what was given up."""

    def __init__(self, flavour: Flavour, pauses: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 5.0)) -> None:
        super().__init__("jira-webhooks")
        self.flavour = flavour
        self.pauses = pauses
        self.hooks: list[Hook] = []

    def emit(self, event: Mapping[str, Any]) -> None:
        """Send this event to every hook that wants it."""
        body = b""
        for hook in self.hooks:
            if hook.events and event["webhookEvent"] not in hook.events:
                continue
            body = body or json.dumps(event, separators=(",", ":")).encode()
            self.put(Delivery(str(uuid4()), hook, body, self._headers(hook, body)))

    def _headers(self, hook: Hook, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=UTF-8", "User-Agent": "Atlassian Webhook HTTP Client"}
        if hook.secret:
            digest = hmac.digest(hook.secret.encode(), body, "sha256").hex()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        return headers

    def deliver(self, session: requests.Session, one: Delivery) -> bool:
        """As often as the product tries."""
        pauses = self.pauses if self.flavour == "cloud" else ()
        for again, pause in enumerate((0.0, *pauses)):
            time.sleep(pause)
            headers = {**one.headers, "X-Atlassian-Webhook-Identifier": one.id}
            if again:
                headers["X-Atlassian-Webhook-Retry"] = str(again)
            self.sent += 1
            try:
                status = session.post(one.hook.url, data=one.body, headers=headers, timeout=10).status_code
            except requests.RequestException:
                status = 599
            if status < 400:
                return True
            if status < 500 and status not in AGAIN:
                return False
        return False
