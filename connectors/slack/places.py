"""From a place as an administrator wrote it to the id Slack wants, without ever listing a workspace's channels.

    "#ops"                     posting takes the name as it is; reading needs the id, see below
    "C024BE7LH"                a channel's id
    "U024BE7LH", "ann@x.org"   a person: their direct message with the app
    "C024BE7LH:1700000000.1"   a message's ref: the thread under it

Only posting takes a channel's name. The id behind a name, which `find` needs, comes from the configuration, else from
an answer to a post in this process, else from `users.conversations`: the channels the app itself is a member of, a
page of 999 at a time, asked for only when a claim is settled for a channel this process has not posted to. In a
channel the app is no member of nothing can be searched, so it need not be looked for any wider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from connectors.errors import Missing, Refused, Temporary
from connectors.http import read
from connectors.slack.client import Client, MissingScope, Reply

T = TypeVar("T")

CHANNEL = re.compile(r"[CGD][A-Z0-9]+")
PERSON = re.compile(r"[UW][A-Z0-9]+")
REF = re.compile(r"([CGD][A-Z0-9]+):(\d+\.\d+)")
PAGE = 999


@dataclass(frozen=True, slots=True)
class Spot:
    """Where to post or to read: a channel (its id, or its name for posting) and the thread's parent, if any."""

    channel: str
    thread: str = ""


class Places:
    """The ids behind places, remembered for as long as the process lives."""

    def __init__(self, client: Client, configured: Mapping[str, str]) -> None:
        self._client = client
        self._configured = {_name(name): channel for name, channel in configured.items()}
        self._learnt: dict[str, str] = {}
        self._people: dict[str, str] = {}
        self._direct: dict[str, str] = {}

    def to_post(self, place: str, under: str, tried: str) -> Spot:
        """Where a message for `place` goes; `under` is the ref of the message it replies to.

        A reply stays in its thread only where the thread is in that very place. Raises connectors.errors; what is
        Temporary is not in doubt, as nothing was posted yet.
        """
        thread = REF.fullmatch(under)
        if ref := REF.fullmatch(place):
            return Spot(ref[1], ref[2])
        if CHANNEL.fullmatch(place):
            channel = place
        elif self._is_person(place):
            channel = self._direct_message(place, tried)
        else:
            channel = self._configured.get(_name(place), "")
            if not channel:
                return Spot(thread[1], thread[2]) if thread else Spot(f"#{_name(place)}")
        return Spot(channel, thread[2] if thread and thread[1] == channel else "")

    def to_read(self, place: str, tried: str) -> Spot:
        """Where to look for what was posted at `place`. Raises Missing where the app is a member of no such channel."""
        if ref := REF.fullmatch(place):
            return Spot(ref[1], ref[2])
        if CHANNEL.fullmatch(place):
            return Spot(place)
        if self._is_person(place):
            return Spot(self._direct_message(place, tried))
        return Spot(self.channel(place, tried))

    def channel(self, name: str, tried: str) -> str:
        """The id of a channel the app is a member of. Raises Missing."""
        bare = _name(name)
        known = self._configured.get(bare) or self._learnt.get(bare)
        if known:
            return known
        joined = [channel for page in self._joined(tried) for channel in page["channels"] or ()]
        for channel in joined:
            self._learnt.setdefault(str(channel.get("name")), str(channel["id"]))
        for channel in joined:  # a name given up counts only where no channel has it now
            for former in channel.get("previous_names") or ():
                self._learnt.setdefault(str(former), str(channel["id"]))
        if bare in self._learnt:
            return self._learnt[bare]
        raise Missing(f"{tried}: the app is a member of no channel #{bare}; invite it with /invite")

    def learn(self, place: str, channel: str) -> None:
        """Remember which channel a post to this place went to."""
        if not CHANNEL.fullmatch(place) and not self._is_person(place) and not REF.fullmatch(place):
            self._learnt[_name(place)] = channel

    def person(self, place: str, tried: str) -> str:
        """The user id of a person given by id or e-mail address. Raises Missing where nobody has the address."""
        if "@" not in place:
            return place
        address = place.strip().lower()
        if address not in self._people:
            found = self._ask(tried, lambda web: web.users_lookupByEmail(email=address))
            self._people[address] = str((found["user"] or {}).get("id") or "")
        return self._people[address]

    def _is_person(self, place: str) -> bool:
        if place.startswith("@"):
            raise Refused(f"{place} is no address; write the person's id (U…) or e-mail address")
        return "@" in place or PERSON.fullmatch(place) is not None

    def _direct_message(self, place: str, tried: str) -> str:
        person = self.person(place, tried)
        if person not in self._direct:
            opened = self._ask(tried, lambda web: web.conversations_open(users=person))
            self._direct[person] = str((opened["channel"] or {}).get("id") or "")
        return self._direct[person]

    def _joined(self, tried: str) -> list[Reply]:
        def ask(web: WebClient, cursor: str) -> SlackResponse:
            types = "public_channel,private_channel"
            return web.users_conversations(types=types, exclude_archived=True, limit=PAGE, cursor=cursor or None)

        return _sure(lambda: list(self._client.pages(tried, ask)))

    def _ask(self, tried: str, ask: Callable[[WebClient], SlackResponse]) -> Reply:
        return _sure(lambda: read(lambda: self._client.call(tried, ask)))


def _name(place: str) -> str:
    return place.strip().removeprefix("#").lower()


def _sure(call: Callable[[], T]) -> T:
    """Make calls that only read. A scope they lack concerns this one address; a failure is never in doubt."""
    try:
        return call()
    except MissingScope as error:
        raise Refused(str(error)) from None
    except Temporary as error:
        raise Temporary(str(error), retry_after=error.retry_after, in_doubt=False) from None
