"""Teams without a bot: posts to Workflows webhooks, one way; see `connectors.teams.workflow`.

The connector itself is imported when it is first asked for, as in `connectors.teams`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.teams.settings import WebhookSettings

if TYPE_CHECKING:
    from connectors.teams.workflow import TeamsWebhook

Settings = WebhookSettings

__all__ = ["Settings", "TeamsWebhook", "WebhookSettings"]


def __getattr__(name: str) -> object:
    if name == "TeamsWebhook":
        from connectors.teams.workflow import TeamsWebhook

        return TeamsWebhook
    raise AttributeError(name)
