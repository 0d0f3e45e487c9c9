"""Calls that ring a phone: signed requests to your own gateway, PagerDuty, Opsgenie, Jira Service Management, Twilio.

The connector itself is imported when it is first asked for, as in `connectors.teams`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.webhook.settings import WebhookSettings

if TYPE_CHECKING:
    from connectors.webhook.messenger import Webhook

Settings = WebhookSettings

__all__ = ["Settings", "Webhook", "WebhookSettings"]


def __getattr__(name: str) -> object:
    if name == "Webhook":
        from connectors.webhook.messenger import Webhook

        return Webhook
    raise AttributeError(name)
