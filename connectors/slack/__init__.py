"""Slack: messages, clicks and commands; see `connectors.slack.messenger`.

The connector itself is imported when it is first asked for: whoever only reads its settings does not wait for what it
needs to speak HTTP and web sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.slack.settings import SlackSettings

if TYPE_CHECKING:
    from connectors.slack.messenger import Slack

Settings = SlackSettings

__all__ = ["Settings", "Slack", "SlackSettings"]


def __getattr__(name: str) -> object:
    if name == "Slack":
        from connectors.slack.messenger import Slack

        return Slack
    raise AttributeError(name)
