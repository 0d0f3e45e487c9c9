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
from queue import Queue
from threading import Thread
from typing import Any
from uuid import uuid4

import requests

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


class Hooks:
    """Delivers webhooks in the background. `sent` counts the tries, `failed` holds what was given up."""

    def __init__(self, flavour: Flavour, pauses: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 5.0)) -> None:
        self.flavour = flavour
        self.pauses = pauses
        self.hooks: list[Hook] = []
        self.twice = False
        self.sent = 0
        self.failed: list[Delivery] = []
        self._queue: Queue[Delivery | None] = Queue()
        self._thread: Thread | None = None

    def emit(self, event: Mapping[str, Any]) -> None:
        """Send this event to every hook that wants it."""
        body = b""
        for hook in self.hooks:
            if hook.events and event["webhookEvent"] not in hook.events:
                continue
            body = body or json.dumps(event, separators=(",", ":")).encode()
            delivery = Delivery(str(uuid4()), hook, body, self._headers(hook, body))
            for _ in range(2 if self.twice else 1):
                self._queue.put(delivery)
            self._start()

    def settle(self, timeout: float = 5.0) -> bool:
        """Wait until everything has been delivered or given up; whether it has."""
        until = time.monotonic() + timeout
        while self._queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.002)
        return not self._queue.unfinished_tasks

    def close(self) -> None:
        """Deliver nothing more."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(timeout=2)
            self._thread = None

    def _headers(self, hook: Hook, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=UTF-8", "User-Agent": "Atlassian Webhook HTTP Client"}
        if hook.secret:
            digest = hmac.digest(hook.secret.encode(), body, "sha256").hex()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        return headers

    def _start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True, name="jira-webhooks")
            self._thread.start()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (delivery := self._queue.get()) is not None:
                try:
                    if not self._deliver(session, delivery):
                        self.failed.append(delivery)
                finally:
                    self._queue.task_done()
            self._queue.task_done()

    def _deliver(self, session: requests.Session, delivery: Delivery) -> bool:
        pauses = self.pauses if self.flavour == "cloud" else ()
        for again, pause in enumerate((0.0, *pauses)):
            time.sleep(pause)
            headers = {**delivery.headers, "X-Atlassian-Webhook-Identifier": delivery.id}
            if again:
                headers["X-Atlassian-Webhook-Retry"] = str(again)
            self.sent += 1
            try:
                status = session.post(delivery.hook.url, data=delivery.body, headers=headers, timeout=10).status_code
            except requests.RequestException:
                status = 599
            if status < 400:
                return True
            if status < 500 and status not in AGAIN:
                return False
        return False
