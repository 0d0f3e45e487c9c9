"""Receivers that ring, with a connector of each recipe in front of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.webhook import WebhookSettings
from connectors.webhook.messenger import Webhook
from sandbox.clock import Clock
from sandbox.gateway import GatewaySandbox

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ROUTING, API_KEY, ACCOUNT, TOKEN = "r" * 31 + "1", "g" * 36, "AC" + "0" * 32, "t" * 32
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
OURS = "+4930123456"
PLACES = {"json": "oncall", "pagerduty": "oncall", "opsgenie": "team:ops", "jsm": "team:ops"}
NUMBER = "+4915112345678"
OVER = {"type": "pointman.over", "id": "{ref}"}


@dataclass
class Gateway:
    """The receivers, and connectors made so far."""

    box: GatewaySandbox
    made: list[Webhook] = field(default_factory=list)

    @property
    def state(self):
        return self.box.state

    @property
    def rings(self) -> int:
        return len(self.state.rings)

    def later(self, seconds: float) -> None:
        self.state.clock.advance(timedelta(seconds=seconds))

    def hook(self, recipe: str = "json", name: str = "phone", **settings: Any) -> Webhook:
        made = Webhook(name, WebhookSettings.model_validate(self.table(recipe, **settings)), self.state.clock.now)
        self.made.append(made)
        return made

    def table(self, recipe: str = "json", **settings: Any) -> dict[str, Any]:
        """What the table of such a connector says."""
        box = self.box
        own: dict[str, dict[str, Any]] = {
            "json": {"url": box.hook, "secret": SECRET},
            "pagerduty": {"url": box.pagerduty, "token": ROUTING},
            "opsgenie": {"url": box.opsgenie, "token": API_KEY},
            "jsm": {"url": box.jsm, "token": API_KEY},
            "twilio": {"url": box.twilio(), "token": TOKEN, "user": ACCOUNT, "sender": OURS},
            "twilio_sms": {"url": box.twilio("Messages"), "token": TOKEN, "user": ACCOUNT, "sender": OURS},
        }
        return {"use": "webhook", "recipe": recipe, **own[recipe], **settings}


def place(recipe: str) -> str:
    return PLACES.get(recipe, NUMBER)


@contextmanager
def gateway(clock: Clock | None = None) -> Iterator[Gateway]:
    with GatewaySandbox(clock or Clock(NOW, speed=0)) as box:
        box.server.remember = True
        state = box.state
        state.keys, state.api_keys, state.accounts = {ROUTING}, {API_KEY}, {ACCOUNT: TOKEN}
        state.numbers, state.secrets = {OURS}, (SECRET,)
        at = Gateway(box)
        yield at
        for made in at.made:
            made.close()
