"""Jira as the place where tickets live; see `connectors.jira.tracker`.

The connector itself is imported when it is first asked for: whoever only reads its settings does not wait for what it
needs to speak HTTP and rich text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.jira.settings import JiraSettings

if TYPE_CHECKING:
    from connectors.jira.tracker import Jira

Settings = JiraSettings

__all__ = ["Jira", "JiraSettings", "Settings"]


def __getattr__(name: str) -> object:
    if name == "Jira":
        from connectors.jira.tracker import Jira

        return Jira
    raise AttributeError(name)
