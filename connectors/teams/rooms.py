"""Channels of a ticket's own: opened in one team, found again by the mark in their description, kept up to date.

The Bot Framework opens no channels, so this is Microsoft Graph's, with permissions that an administrator of the team
grants with the app (resource-specific consent). A standard channel is everybody's in the team, so there is nobody to
invite; who is not in the team has to be added to it by a person. Links stand in the description, as Graph offers no
tab without an app of its own; nothing can be pinned in a channel.
https://learn.microsoft.com/graph/api/channel-post
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final
from urllib.parse import quote

from connectors.errors import Denied, Missing, Refused
from connectors.markup import plain
from connectors.model import Channel
from connectors.teams.client import Client, Json
from connectors.teams.places import Places

LONGEST_NAME: Final = 50
LONGEST: Final = 1024
"""Characters of a description."""
NAMES: Final = 9
"""So many names are tried where others have the first ones."""
_MARK: Final = re.compile(r"Opened by Pointman \(([^)]*)\)\.")


class Rooms:
    """Opens and arranges channels of one team; `name` is the connector's, `team` the team's name or id."""

    def __init__(self, name: str, graph: Client, places: Places, team: str) -> None:
        self._name, self._graph, self._places, self._team = name, graph, places, team
        self._known = ""

    def open(self, channel: Channel, key: str) -> str:
        """Open the channel, or find the one with this mark; its id. Raises Refused, Temporary."""
        tried = f"could not open {channel.name} in {self._name}"
        if channel.private:
            raise Refused(f"{tried}: Teams lets no bot write in a private channel")
        path = f"teams/{self._group(tried)}/channels"
        asked: Json = {"description": _described(channel, f"Opened by Pointman ({key})."), "membershipType": "standard"}
        for name in _names(channel.name):
            there = self._called(name, path, tried)
            ours = next((one for one in there if key in _MARK.findall(str(one.get("description") or ""))), None)
            if ours is not None:
                return str(ours["id"])
            if not there:
                made = self._own(partial(self._graph.post, tried, path, {**asked, "displayName": name}))
                if isinstance(made.get("id"), str):
                    return str(made["id"])
                raise Refused(f"{tried}: the answer does not say which channel it is")
        raise Refused(f"{tried}: that name and {NAMES - 1} after it are taken")

    def arrange(self, ref: str, channel: Channel) -> None:
        """Description, archived or not; who cannot be in it is told. Raises Missing, Refused, Temporary."""
        tried = f"could not arrange {channel.name} in {self._name}"
        path = f"teams/{self._group(tried)}/channels/{quote(ref, safe='')}"
        found = self._own(lambda: self._graph.get(tried, path))
        archived = bool(found.get("isArchived"))
        if channel.archived:
            if not archived:
                self._own(lambda: self._graph.post(tried, f"{path}/archive", {}))
            return
        if archived and not channel.reopens:
            raise Missing(f"{tried}: people archived it, and so it stays until they restore it")
        if archived:
            self._own(lambda: self._graph.post(tried, f"{path}/unarchive", {}))
        before = str(found.get("description") or "")
        mark = _MARK.search(before)
        described = _described(channel, mark[0] if mark else "")
        if described != before:
            self._own(lambda: self._graph.patch(tried, path, {"description": described}))
        outside = list(self._outside(channel.people))
        if outside:
            raise Refused(f"{tried}: not in the team {self._team}, so not in its channels: {', '.join(outside)}")

    def _group(self, tried: str) -> str:
        """The team's id for Graph, which the Bot Framework tells."""
        if not self._known:
            told = self._own(lambda: self._places.team(self._places.team_id(self._team, tried), tried))
            self._known = str(told.get("aadGroupId") or "")
            if not self._known:
                raise Refused(f"{tried}: Teams does not say which group the team {self._team} is")
        return self._known

    def _called(self, name: str, path: str, tried: str) -> list[Json]:
        query = {"$filter": f"displayName eq '{name}'"}  # a channel's name holds no quotes
        told = self._own(lambda: self._graph.get(tried, path, query))
        return [one for one in told.get("value") or () if isinstance(one, dict)]

    def _outside(self, people: tuple[str, ...]) -> Iterator[str]:
        for who in people:
            try:
                self._places.member(self._team, who, f"could not find {self._name}:{who}")
            except (Missing, Refused):
                yield who

    def _own(self, call: Callable[[], Json]) -> Json:
        """One call. A permission that is lacking concerns channels alone, and not all of Teams."""
        try:
            return call()
        except Denied as error:
            raise Refused(f"{error}; the app needs Channel.Create.Group and ChannelSettings.ReadWrite.Group") from None


def _described(channel: Channel, mark: str) -> str:
    """What stands above a channel: topic, links, and the mark by which it is found again, which is never cut off."""
    said = " ".join(plain(channel.topic).split())
    links = [f"{link.title}: {link.url}" for link in channel.links]
    text = " · ".join(part for part in (said, *links) if part)
    room = LONGEST - len(mark) - 1
    text = text if len(text) <= room else f"{text[: room - 1]}…"
    return f"{text} {mark}".strip()


def _names(name: str) -> Iterator[str]:
    yield name[:LONGEST_NAME]
    for number in range(2, NAMES + 1):
        yield f"{name[: LONGEST_NAME - 2]}-{number}"
