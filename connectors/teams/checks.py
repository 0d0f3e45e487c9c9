"""Tries Teams for real, for `pointman check --live`: sign in, the bot, channels, people. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from connectors.base import Wanted
from connectors.errors import ConnectorError
from connectors.microsoft import BOTS, Tokens
from connectors.problems import Problem, Where
from connectors.teams.client import Client, conversation
from connectors.teams.places import Places
from connectors.teams.settings import TeamsSettings

FEWEST: Final = "50"
"""The smallest page of members that may be asked for."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is needed to try a bot: its name here, and its ways to Entra and to Teams."""

    name: str
    tokens: Tokens
    client: Client
    places: Places

    def run(self, settings: TeamsSettings, wanted: Wanted) -> Iterator[Problem]:
        """Everything that is wrong with the connection, or that `wanted` does not find."""
        try:
            self.tokens.token(BOTS)
        except ConnectorError as error:
            yield self._problem(str(error))
            return
        if not settings.channels and not settings.teams:
            hint = "add a team or a channel by id; both stand in its link"
            yield self._problem(
                "neither channels nor teams are named: nothing can be found by name", hint, warning=True
            )
        for team, id_ in settings.teams.items():
            yield from self._tried(partial(self.places.team, id_), f"the team {team}")
        for channel in settings.channels:
            yield from self._address(channel)
        known = {name.lower() for name in settings.channels}
        asked = (*wanted.addresses, *wanted.people, *([wanted.home] if wanted.home else ()))
        for address in dict.fromkeys(asked):
            if address.lower() not in known:
                yield from self._address(address)

    def _address(self, address: str) -> Iterator[Problem]:
        if self.places.is_person(address):
            yield from self._tried(lambda tried: self._person(address, tried), f"{self.name}:{address}")
        else:
            yield from self._tried(lambda tried: self._channel(address, tried), f"{self.name}:{address}")

    def _tried(self, look: Callable[[str], object], what: str) -> Iterator[Problem]:
        try:
            look(f"could not find {what}")
        except ConnectorError as error:
            yield self._problem(str(error))

    def _channel(self, address: str, tried: str) -> None:
        """Whoever may read a channel's members may post there."""
        channel = self.places.channel(address, tried)
        self.client.get(tried, conversation(channel, "pagedmembers"), {"pageSize": FEWEST})

    def _person(self, address: str, tried: str) -> None:
        found = self.places.person(address, tried)
        if "@" not in address:
            self.places.who(found.id, tried)

    def _problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return Problem(Where(), message, f"connectors.{self.name}", hint, "warning" if warning else "error")
