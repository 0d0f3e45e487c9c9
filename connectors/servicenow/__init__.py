"""ServiceNow as the place where tickets live; see `connectors.servicenow.tracker`.

The connector itself is imported when it is first asked for: whoever only reads its settings does not wait for what it
needs to speak HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.servicenow.settings import ServiceNowSettings

if TYPE_CHECKING:
    from connectors.servicenow.tracker import ServiceNow

Settings = ServiceNowSettings

__all__ = ["ServiceNow", "ServiceNowSettings", "Settings"]


def __getattr__(name: str) -> object:
    if name == "ServiceNow":
        from connectors.servicenow.tracker import ServiceNow

        return ServiceNow
    raise AttributeError(name)
