"""Teams: a bot that posts cards, hears clicks and commands, and asks back; see `connectors.teams.messenger`.

Without a bot, `connectors.teams.webhook` posts to Workflows webhooks, one way. The connector itself is imported when
it is first asked for: whoever only reads its settings does not wait for what builds cards and speaks to Entra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.teams.settings import TeamsSettings

if TYPE_CHECKING:
    from connectors.teams.messenger import Teams

Settings = TeamsSettings

__all__ = ["Settings", "Teams", "TeamsSettings"]


def __getattr__(name: str) -> object:
    if name == "Teams":
        from connectors.teams.messenger import Teams

        return Teams
    raise AttributeError(name)
