"""What `[connectors.slack]` may say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from connectors.config import ConnectorSettings, Secret

ChannelId = Annotated[str, StringConstraints(pattern=r"^[CGD][A-Z0-9]+$")]


class SlackSettings(ConnectorSettings):
    """The settings of a Slack app installed in one workspace."""

    token: Secret = Field(description="The bot token, xoxb-….")
    signing_secret: Secret | None = Field(
        default=None, description="The app's signing secret. Needed for clicks and commands that come in over HTTP."
    )
    app_token: Secret | None = Field(
        default=None, description="An app-level token, xapp-…, with connections:write: Socket Mode, no public address."
    )
    base_url: str = Field(
        default="https://slack.com/api/", pattern=r"^https?://", description="Where the Web API is; only for tests."
    )
    channels: dict[str, ChannelId] = Field(
        default_factory=dict,
        description='Ids of channels by name, as "#ops" = "C024BE7LH". A channel named here may be renamed in Slack.',
    )
