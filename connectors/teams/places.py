"""From a place as an administrator wrote it to a conversation of Teams, without ever listing a tenant.

    "Operations/Incidents"            a channel: its id from the settings, else looked up in the team of that name
    "19:…@thread.tacv2"               a channel's id
    "ann@example.org", "a6de2a64-…"   a person, by address or by the directory's id: their chat with the bot
    "19:…@thread.tacv2/1700000000123" a message's ref: the thread it is in

A ref is the conversation's id, a slash and the message's id. A message that begins a thread is written without the
thread's id, as that is its own: the ledger has little room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from connectors.errors import Missing, Refused, Temporary
from connectors.model import User
from connectors.problems import nearest
from connectors.teams.client import PAGE, Client, Json, conversation
from connectors.teams.settings import TeamsSettings

CHANNEL: Final = re.compile(r"19:[^\s/;]+@thread\.(?:tacv2|skype)")
PERSON: Final = re.compile(r"29:\S+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
REF: Final = re.compile(r"((?:\d+|a):[^\s/;]+)(?:;messageid=([^\s/;]+))?/([^\s/]+)")
ROSTERS: Final = 20
"""Teams whose members are asked for a person, at most."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where to post: a conversation, and the message that its thread begins with, if any."""

    conversation: str
    root: str = ""

    @property
    def id(self) -> str:
        """The conversation's id as the Connector wants it."""
        return f"{self.conversation};messageid={self.root}" if self.root else self.conversation

    def ref(self, activity: str) -> str:
        """The ref of a message there."""
        return f"{self.conversation if activity == self.root else self.id}/{activity}"


def spot_of(ref: str, tried: str) -> tuple[Spot, str]:
    """Where a message is, and its id. Raises Missing where the ref is none of ours."""
    found = REF.fullmatch(ref)
    if found is None:
        raise Missing(f"{tried}: {ref} is no message of Teams'")
    where, root, activity = found[1], found[2] or "", found[3]
    if CHANNEL.fullmatch(where) and not root:
        root = activity
    return Spot(where, root), activity


def spot_from(conversation_id: str) -> Spot:
    """Where an activity's conversation is."""
    where, _, root = conversation_id.partition(";messageid=")
    return Spot(where, root)


class Places:
    """The conversations behind places, remembered for as long as the process lives."""

    def __init__(self, client: Client, settings: TeamsSettings) -> None:
        self._client, self._tenant, self._bot = client, settings.tenant, f"28:{settings.app_id}"
        self._channels: dict[str, str] = {_name(name): id_ for name, id_ in settings.channels.items()}
        self._teams: dict[str, str] = {_name(name): id_ for name, id_ in settings.teams.items()}
        self._personal: dict[str, str] = {}
        self._people: dict[str, User] = {}

    def to_post(self, place: str, under: str, tried: str) -> Spot:
        """Where a message for `place` goes; `under` is the ref of the message it replies to.

        A reply stays in its thread only where the thread is in that very place. Raises connectors.errors; what is
        Temporary is not in doubt, as nothing was posted yet.
        """
        if REF.fullmatch(place):
            return spot_of(place, tried)[0]
        thread = spot_of(under, tried)[0] if REF.fullmatch(under) else None
        if self.is_person(place):
            return Spot(self.chat(place, tried))
        channel = self.channel(place, tried)
        return Spot(channel, thread.root if thread is not None and thread.conversation == channel else "")

    def channel(self, place: str, tried: str) -> str:
        """The id of a channel. Raises Missing, Refused."""
        if CHANNEL.fullmatch(place):
            return place
        name = _name(place)
        if name not in self._channels:
            self._channels[name] = self._looked_up(place, tried)
        return self._channels[name]

    def chat(self, place: str, tried: str) -> str:
        """The id of a person's chat with the bot, made where there is none. Raises connectors.errors."""
        person = self.person(place, tried).id
        if person not in self._personal:
            asked: Json = {
                "isGroup": False,
                "bot": {"id": self._bot},
                "members": [{"id": person}],
                "tenantId": self._tenant,
                "channelData": {"tenant": {"id": self._tenant}},
            }
            try:
                told = self._client.post(tried, "conversations", asked)
            except Temporary as error:  # a chat that is there is given again, and nobody sees an empty one
                raise Temporary(str(error), retry_after=error.retry_after, in_doubt=False) from None
            if not isinstance(told.get("id"), str) or not told["id"]:
                raise Temporary(f"{tried}: the answer does not say which chat it is", in_doubt=False)
            self._personal[person] = told["id"]
        return self._personal[person]

    def person(self, place: str, tried: str) -> User:
        """A person given by id or address. Raises Missing where nobody in our teams has the address."""
        if "@" not in place:
            return User(place)
        address = place.strip().lower()
        if address not in self._people:
            self._people[address] = self._by_address(address, tried)
        return self._people[address]

    def who(self, id_: str, tried: str) -> User:
        """A person with name and address. Raises connectors.errors."""
        if not PERSON.fullmatch(id_):
            raise Missing(f"{tried}: that is nobody's id")
        for roster in self.rosters():
            try:
                return _user(self._client.get(tried, conversation(roster, "members", id_)))
            except (Missing, Refused):
                continue
        chat = self.chat(id_, tried)  # whoever may write to the bot is a member of their chat with it
        return _user(self._client.get(tried, conversation(chat, "members", id_)))

    def team(self, id_: str, tried: str) -> Json:
        """What Teams tells of a team. Raises connectors.errors."""
        return self._client.get(tried, f"teams/{id_.replace(':', '%3A').replace('@', '%40')}")

    def team_id(self, team: str, tried: str) -> str:
        """The id of a team by its name. Raises Missing."""
        known = team if CHANNEL.fullmatch(team) else self._teams.get(_name(team))
        if known is None:
            raise Missing(
                f"{tried}: no team {team} is in the settings; {nearest(team, self._teams) or 'add its id to teams'}"
            )
        return known

    def member(self, team: str, who: str, tried: str) -> User:
        """A person by id or address, if they are in this team. Raises Missing."""
        roster = self.team_id(team, tried)
        return _user(self._client.get(tried, conversation(roster, "members", self.person(who, tried).id)))

    def learn_team(self, name: str, id_: str) -> None:
        """Remember a team that has told us of itself; what the settings say stays."""
        if name and CHANNEL.fullmatch(id_):
            self._teams.setdefault(_name(name), id_)

    def rosters(self) -> tuple[str, ...]:
        """The conversations whose members may be asked for."""
        return tuple(dict.fromkeys((*self._teams.values(), *self._channels.values())))[:ROSTERS]

    def is_person(self, place: str) -> bool:
        """Whether a place is somebody, and no channel."""
        return not CHANNEL.fullmatch(place) and ("@" in place or PERSON.fullmatch(place) is not None)

    def _looked_up(self, place: str, tried: str) -> str:
        team, _, channel = place.partition("/")
        if not channel:
            raise Refused(f"{tried}: {place} is no channel; write Team/Channel, or a channel's id")
        if _name(team) not in self._teams:
            hint = nearest(_name(place), self._channels) or f'add its id to channels: "{place}" = "19:…@thread.tacv2"'
            raise Missing(f"{tried}: no channel {place} is in the settings; {hint}")
        id_ = self._teams[_name(team)]
        told = self._client.get(tried, f"teams/{id_.replace(':', '%3A').replace('@', '%40')}/conversations")
        known = {
            _name(str(each.get("name") or "General")): str(each.get("id")) for each in told.get("conversations") or ()
        }
        if _name(channel) not in known:
            hint = nearest(channel, known) or "is it a private one, without the app?"
            raise Missing(f"{tried}: the team {team} has no channel {channel}; {hint}")
        return known[_name(channel)]

    def _by_address(self, address: str, tried: str) -> User:
        rosters = self.rosters()
        if not rosters:
            raise Refused(f"{tried}: nobody can be found by address before a team or a channel is in the settings")
        for roster in rosters:
            try:
                return _user(self._client.get(tried, conversation(roster, "members", address)))
            except (Missing, Refused):
                continue
        for member in self._members(rosters, tried):  # whose sign-in name is not their address
            if str(member.get("email") or "").lower() == address:
                return _user(member)
        raise Missing(f"{tried}: nobody in the teams with the app has the address {address}")

    def _members(self, rosters: tuple[str, ...], tried: str) -> Iterator[Json]:
        for roster in rosters:
            more = ""
            while True:
                query = {"pageSize": str(PAGE), **({"continuationToken": more} if more else {})}
                page = self._client.get(tried, conversation(roster, "pagedmembers"), query)
                yield from page.get("members") or ()
                before, more = more, str(page.get("continuationToken") or "")
                if not more or more == before:
                    break


def _user(told: Json) -> User:
    id_ = str(told.get("aadObjectId") or told.get("objectId") or told.get("id") or "")
    return User(id_, str(told.get("name") or ""), str(told.get("email") or told.get("userPrincipalName") or ""))


def _name(place: str) -> str:
    return "/".join(part.strip() for part in place.strip().lower().split("/"))
