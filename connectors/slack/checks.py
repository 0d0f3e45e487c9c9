"""Tries Slack for real, for `pointman check --live`: sign in, scopes, channels, people. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from connectors.base import Wanted
from connectors.errors import ConnectorError
from connectors.http import read
from connectors.problems import Problem, Where
from connectors.slack.client import Client
from connectors.slack.places import CHANNEL, PERSON, Places
from connectors.slack.settings import SlackSettings

SCOPES = {
    "chat:write": "nothing can be posted",
    "channels:history": "after a crash, messages in public channels cannot be looked for",
    "groups:history": "after a crash, messages in private channels cannot be looked for",
    "im:history": "after a crash, direct messages cannot be looked for",
    "channels:read": "public channels cannot be found by their name",
    "groups:read": "private channels cannot be found by their name",
    "im:write": "nobody can be written to directly",
    "users:read": "who clicked cannot be looked up",
    "users:read.email": "nobody can be found by e-mail address",
}
"""What the app needs, each with what does not work without it."""
ROOMS = {
    "channels:manage": "no public channel can be opened",
    "channels:join": "a channel that people unarchived cannot be joined again",
    "pins:write": "no card can be pinned",
    "bookmarks:read": "nothing can be linked above a channel",
    "bookmarks:write": "nothing can be linked above a channel",
}
"""What it needs beside that where rules open channels."""
PRIVATE = {"groups:write": "no private channel can be opened"}


def problems(name: str, settings: SlackSettings, client: Client, places: Places, wanted: Wanted) -> Iterable[Problem]:
    """Everything that is wrong with the connection, or that `wanted` does not find."""
    return tuple(_Check(name, client, places).run(settings, wanted))


class _Check:
    def __init__(self, name: str, client: Client, places: Places) -> None:
        self._name = name
        self._client = client
        self._places = places

    def run(self, settings: SlackSettings, wanted: Wanted) -> Iterator[Problem]:
        if settings.signing_secret is None and settings.app_token is None:
            hint = "set signing_secret (HTTP) or app_token (Socket Mode)"
            yield self._problem("clicks and commands cannot come in", hint, warning=True)
        try:
            me = read(lambda: self._client.call(f"could not sign in to {self._name}", lambda web: web.auth_test()))
        except ConnectorError as error:
            yield self._problem(str(error))
            return
        needed = {**SCOPES, **(ROOMS if wanted.channels else {}), **(PRIVATE if wanted.private else {})}
        yield from self._scopes(me.headers.get("x-oauth-scopes", ""), needed)
        if settings.app_token is not None:
            yield from self._app_token(settings.app_token.get_secret_value())
        addresses = dict.fromkeys((*wanted.addresses, *wanted.people, *([wanted.home] if wanted.home else ())))
        for address in addresses:
            yield from self._address(address)

    def _scopes(self, told: str, needed: Mapping[str, str]) -> Iterator[Problem]:
        if not told:
            return
        granted = {scope.strip() for scope in told.split(",")}
        for scope, lost in needed.items():
            if scope not in granted:
                hint = "add it to the app and install the app again"
                yield self._problem(f"the app lacks the scope {scope}: {lost}", hint, warning=scope != "chat:write")
        if "chat:write.public" in granted:
            yield self._problem(
                "the app has the scope chat:write.public: it can post where it cannot look for what it posted",
                "remove the scope, and invite the app to its channels",
                warning=True,
            )

    def _app_token(self, token: str) -> Iterator[Problem]:
        try:
            self._client.call("could not listen to Slack", lambda web: web.apps_connections_open(app_token=token))
        except ConnectorError as error:
            yield self._problem(str(error), "an app-level token with connections:write is needed")

    def _address(self, address: str) -> Iterator[Problem]:
        tried = f"could not find {self._name}:{address}"
        try:
            if "@" in address or PERSON.fullmatch(address):
                self._person(address, tried)
            else:
                yield from self._channel(address, tried)
        except ConnectorError as error:
            yield self._problem(str(error))

    def _person(self, address: str, tried: str) -> None:
        person = self._places.person(address, tried)
        read(lambda: self._client.call(tried, lambda web: web.users_info(user=person)))

    def _channel(self, address: str, tried: str) -> Iterator[Problem]:
        channel = address if CHANNEL.fullmatch(address) else self._places.channel(address, tried)
        told = read(lambda: self._client.call(tried, lambda web: web.conversations_info(channel=channel)))
        found = told["channel"] or {}
        where = f"{self._name}:{address}"
        if found.get("is_archived"):
            yield self._problem(f"{where} is archived", "unarchive it, or name another channel")
        elif not found.get("is_im") and not found.get("is_member"):
            yield self._problem(f"the app is no member of {where}", "invite it with /invite")

    def _problem(self, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return Problem(Where(), message, f"connectors.{self._name}", hint, "warning" if warning else "error")
