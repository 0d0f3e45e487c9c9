"""What `[connectors.jira]` may say: where Jira is, who we are there, and what our words are called there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from connectors.config import Secret, TrackerSettings, told_apart
from connectors.model import Phase


def _several(value: Any) -> Any:
    """One text counts as a list of one."""
    return (value,) if isinstance(value, str) else value


Several = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Hold(BaseModel):
    """How a ticket on hold is known: by status (ids), or by label."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    statuses: Several = Field(default=(), description="Ids of the statuses that mean on hold.")
    labels: Several = Field(default=(), description="Labels that mean on hold; the first is the one we set.")


class JiraSettings(TrackerSettings):
    """Jira, Cloud or Data Center."""

    url: str = Field(description="Where Jira is, such as https://example.atlassian.net.")
    user: str = Field(default="", description="Cloud: the e-mail address of the account. Data Center: leave it out.")
    token: Secret = Field(description="Cloud: an API token. Data Center: a personal access token.")
    deployment: Literal["auto", "cloud", "datacenter"] = Field(
        default="auto", description="Which Jira it is; auto asks the server."
    )
    project: Several = Field(
        default=(), description="Keys of the projects in scope. New tickets are made in the first. Empty: all."
    )
    kind: str = Field(default="Task", description="Name or id of the issue type of new tickets.")
    webhook_secret: Secret | None = Field(
        default=None, description="The secret that the webhook was saved with; without it no webhook is believed."
    )
    resolution: str = Field(
        default="", description="The resolution we set where a transition asks for one; else the first offered."
    )
    fields: Mapping[str, str] = Field(
        default_factory=dict, description="Our words and the ids of Jira's fields, such as customfield_10050."
    )
    values: Mapping[str, Mapping[str, Several]] = Field(
        default_factory=dict,
        description="For a word, our values and Jira's. Of several the first is written, all are read.",
    )
    phases: Mapping[Phase, Several] = Field(
        default_factory=dict, description="Ids of the statuses of a phase; others go by their status category."
    )
    hold: Hold = Field(default_factory=Hold, description="How a ticket on hold is known.")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("is not an address; it begins with https://")
        if parts.username or parts.password:
            raise ValueError("holds credentials; they belong into user and token")
        return url.rstrip("/")

    @field_validator("fields")
    @classmethod
    def _not_phase(cls, fields: Mapping[str, str]) -> Mapping[str, str]:
        for word, home in (("phase", "phases"), ("status", "phases"), ("acknowledged", "phases")):
            if word in fields:
                raise ValueError(f"{word} is no field: map statuses under {home}")
        return fields

    @model_validator(mode="after")
    def _signs_in(self) -> JiraSettings:
        """Cloud's own addresses are known, so what it takes to sign in there can be said at once."""
        host = urlsplit(self.url).hostname or ""
        if host.endswith((".atlassian.net", ".atlassian.com")) and not self.user:
            raise ValueError("user is missing: Jira Cloud wants an e-mail address beside the API token")
        return self

    @model_validator(mode="after")
    def _told_apart(self) -> JiraSettings:
        """A status or a value of Jira's means one thing only."""
        told_apart(self.phases.values(), self.values)
        return self
