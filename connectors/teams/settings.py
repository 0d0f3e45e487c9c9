"""What a table of `use = "teams"` (a bot) or `use = "teams_webhook"` (a Workflows webhook) may say."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from connectors.config import ConnectorSettings, Secret

ThreadId = Annotated[str, StringConstraints(pattern=r"^19:[^\s/]+@thread\.(tacv2|skype)$")]
"""The id of a team or a channel. It stands in the channel's link, percent-encoded."""
Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
Site = Annotated[str, StringConstraints(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])")]

RETIRED = ("webhook.office.com", "outlook.office.com", "outlook.office365.com")


def _workflow(url: SecretStr) -> SecretStr:
    """The address of a Workflows webhook. Raises ValueError, and never quotes it: whoever has it can post."""
    said = url.get_secret_value()
    try:
        parts = urlsplit(said.strip())
        host, plain = parts.hostname or "", parts.scheme == "http"
    except ValueError:
        raise ValueError("the webhook's URL cannot be read; copy it again from Workflows") from None
    if any(host == old or host.endswith(f".{old}") for old in RETIRED) or "/webhookb2/" in parts.path:
        raise ValueError(
            "that is an Office 365 connector, which Microsoft has retired; make a workflow "
            "'Post to a channel when a webhook request is received' in the channel, and use its URL"
        )
    if parts.scheme != "https" and not (plain and host in {"127.0.0.1", "localhost"}):
        raise ValueError("the webhook's URL does not begin with https://; copy it again from Workflows")
    return url


WorkflowUrl = Annotated[Secret, AfterValidator(_workflow)]


class TeamsSettings(ConnectorSettings):
    """The settings of a bot that is registered in one tenant."""

    tenant: Uuid = Field(description="The directory (tenant) id.")
    app_id: Uuid = Field(description="The application (client) id of the app registration, which is the bot's id too.")
    secret: Secret = Field(description="A client secret of the app registration: its value, not its id.")
    channels: dict[str, ThreadId] = Field(
        default_factory=dict,
        description='Ids of channels by name, as "Operations/Incidents" = "19:…@thread.tacv2". They may be renamed.',
    )
    teams: dict[str, ThreadId] = Field(
        default_factory=dict,
        description="Ids of teams by name: channels of theirs are then found by name, and people by e-mail address.",
    )
    channels_in: str = Field(
        default="",
        description="The team, by its name in `teams` or its id, in which channels of tickets' own are opened.",
    )
    service_url: Site = Field(
        default="https://smba.trafficmanager.net/teams/",
        description="Where the Bot Framework's Connector is; another one in government clouds.",
    )
    login_url: Site = Field(
        default="https://login.microsoftonline.com",
        description="Where Microsoft Entra is; another one in those clouds.",
    )
    graph_url: Site = Field(default="https://graph.microsoft.com/v1.0", description="Where Microsoft Graph is.")
    openid_url: Site = Field(
        default="https://login.botframework.com/v1/.well-known/openidconfiguration",
        description="The OpenID metadata of whoever signs what Teams sends us.",
    )
    issuer: str = Field(default="https://api.botframework.com", description="Who signs what Teams sends us.")
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Further hosts that what Teams sends us may come from, beside Microsoft's own and service_url's.",
    )


class WebhookSettings(ConnectorSettings):
    """The settings of Workflows webhooks, one for each channel."""

    channels: dict[str, WorkflowUrl] = Field(
        description='URLs of Workflows webhooks by place, as "Operations/Incidents" = "env/TEAMS_INCIDENTS_URL".'
    )
    ticket_url: str = Field(
        default="",
        pattern=r"^(https?://\S*\{(key|ref)\}\S*)?$",
        description="A link to a ticket, with {key} or its id {ref} in it: it stands where a bot has buttons.",
    )
