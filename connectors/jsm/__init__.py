"""Jira Service Management: who is on call in its operations schedules; see `connectors.jsm.roster`.

The connector itself is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from connectors.config import ConnectorSettings, Secret

if TYPE_CHECKING:
    from connectors.jsm.roster import JSM

Site = Annotated[str, StringConstraints(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])\S*$")]


class JSMSettings(ConnectorSettings):
    """Jira Service Management on Atlassian's cloud, to look up who is on call. Nothing is written there."""

    cloud_id: str = Field(
        pattern=r"^[0-9A-Za-z-]+$", description="The id of the site: https://YOUR-SITE.atlassian.net/_edge/tenant_info."
    )
    user: str = Field(description="The e-mail address of the account.")
    token: Secret = Field(description="An API token of that account.")
    url: Site = Field(default="https://api.atlassian.com", description="Where Atlassian's API is.")


Settings = JSMSettings

__all__ = ["JSM", "JSMSettings", "Settings"]


def __getattr__(name: str) -> object:
    if name == "JSM":
        from connectors.jsm.roster import JSM

        return JSM
    raise AttributeError(name)
