"""PagerDuty: who is on call in its schedules; see `connectors.pagerduty.roster`.

The connector itself is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from connectors.config import ConnectorSettings, Secret

if TYPE_CHECKING:
    from connectors.pagerduty.roster import PagerDuty

Site = Annotated[str, StringConstraints(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])\S*$")]


class PagerDutySettings(ConnectorSettings):
    """PagerDuty, to look up who is on call. Nothing is written there."""

    token: Secret = Field(description="A read-only REST API key.")
    url: Site = Field(
        default="https://api.pagerduty.com",
        description="Where its API is; in the service region EU https://api.eu.pagerduty.com.",
    )


Settings = PagerDutySettings

__all__ = ["PagerDuty", "PagerDutySettings", "Settings"]


def __getattr__(name: str) -> object:
    if name == "PagerDuty":
        from connectors.pagerduty.roster import PagerDuty

        return PagerDuty
    raise AttributeError(name)
