"""Channels of a ticket's own: opened once, found again by the mark in their purpose, arranged as often as is wanted.

`conversations.create` takes no purpose, so a channel is marked by a second call. One that was created and not marked,
since we died between the two, is known by its name, its creator and its empty purpose.

An app cannot unarchive: Slack takes it out of a channel that is archived, and then answers `not_in_channel`
(https://github.com/slack-go/slack/issues/1066). So a person has to; then the app joins again, where it is public.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from connectors.errors import Denied, Missing, Refused, Temporary
from connectors.http import read
from connectors.markup import plain
from connectors.model import Channel, Link
from connectors.slack.client import Client, MissingScope, Reply
from connectors.slack.places import Places

LONGEST_NAME = 80
LONGEST_TOPIC = 250
NAMES = 9
"""So many names are tried where others have the first ones."""
PAGE = 999
OPENED = "Opened by Pointman ("
"""How the purpose of a channel begins that was opened for a ticket."""


class Rooms:
    """Opens and arranges channels; `name` is the connector's."""

    def __init__(self, name: str, client: Client, places: Places) -> None:
        self._name, self._client, self._places = name, client, places

    def open(self, channel: Channel, key: str) -> str:
        """Open the channel, or find the one with this mark; its id. Raises Refused, Denied, Temporary."""
        tried = f"could not open #{channel.name} in {self._name}"
        for name in _names(channel.name):
            try:
                made = self._ask(tried, _creating(name, private=channel.private))
            except Refused as error:
                if "name_taken" not in str(error):
                    raise
                found = self._ours(name, key, tried)
                if found:
                    return found
                continue
            id_ = str((made["channel"] or {}).get("id") or "")
            if not id_:
                raise Temporary(f"{tried}: the answer does not say which channel it is")
            self._mark(id_, key, tried)
            return id_
        raise Refused(f"{tried}: that name and {NAMES - 1} after it are taken")

    def arrange(self, ref: str, channel: Channel) -> None:
        """Bring a channel up to date, each part by itself. Raises Missing, Refused with all reasons, Temporary."""
        tried = f"could not arrange #{channel.name} in {self._name}"
        found = self._read(tried, lambda web: web.conversations_info(channel=ref))["channel"] or {}
        archived = bool(found.get("is_archived"))
        if channel.archived:
            if not archived:
                self._ask(tried, lambda web: web.conversations_archive(channel=ref))
            return
        if archived:
            self._unarchive(ref, channel, tried)
        wrong = [said for step in self._steps(ref, channel, found, tried) for said in _refused(step)]
        if wrong:
            raise Refused("; ".join(dict.fromkeys(wrong)))

    # -- opening

    def _mark(self, id_: str, key: str, tried: str) -> None:
        purpose = f"{OPENED}{key})."
        self._ask(tried, lambda web: web.conversations_setPurpose(channel=id_, purpose=purpose))

    def _ours(self, name: str, key: str, tried: str) -> str:
        """The id of our own channel of this name that carries the mark, or that we did not come to mark; else empty."""
        me = self._read(tried, lambda web: web.auth_test())["user_id"]
        for found in self._joined(tried):
            if found.get("name") != name or found.get("creator") != me:  # anybody can write a mark, and invite the app
                continue
            purpose = str((found.get("purpose") or {}).get("value") or "")
            if key in purpose:
                return str(found["id"])
            if not purpose:
                self._mark(str(found["id"]), key, tried)
                return str(found["id"])
        return ""

    def _joined(self, tried: str) -> Iterator[Mapping[str, Any]]:
        def ask(web: WebClient, cursor: str) -> SlackResponse:
            types = "public_channel,private_channel"
            return web.users_conversations(types=types, exclude_archived=True, limit=PAGE, cursor=cursor or None)

        for page in self._client.pages(tried, ask):
            yield from page["channels"] or ()

    # -- arranging

    def _unarchive(self, ref: str, channel: Channel, tried: str) -> None:
        if not channel.reopens:
            raise Missing(f"{tried}: is_archived; people archived it, and so it stays until they unarchive it")
        try:
            self._ask(tried, lambda web: web.conversations_unarchive(channel=ref))
        except Refused as error:
            if "not_in_channel" not in str(error):
                raise
            raise Missing(f"{tried}: is_archived; Slack lets no app unarchive a channel, a person has to") from None

    def _steps(
        self, ref: str, channel: Channel, found: Mapping[str, Any], tried: str
    ) -> Iterator[Callable[[], object]]:
        """What there is to do, each by itself."""
        if not found.get("is_member", True) and not found.get("is_private"):
            yield lambda: self._ask(tried, lambda web: web.conversations_join(channel=ref))
        topic = " ".join(plain(channel.topic).split())
        topic = topic if len(topic) <= LONGEST_TOPIC else f"{topic[: LONGEST_TOPIC - 1]}…"
        if topic and topic != _unescaped(str((found.get("topic") or {}).get("value") or "")):
            yield lambda: self._ask(tried, lambda web: web.conversations_setTopic(channel=ref, topic=topic))
        if channel.people:
            yield from (partial(self._invite, ref, who) for who in self._outside(ref, channel.people, tried))
        if channel.links:
            yield lambda: self._link(ref, channel, tried)
        for pinned in channel.pinned:
            yield partial(self._pin, ref, pinned)

    def _outside(self, ref: str, people: Iterable[str], tried: str) -> tuple[str, ...]:
        """Those who are not in the channel yet, as they were named."""

        def ask(web: WebClient, cursor: str) -> SlackResponse:
            return web.conversations_members(channel=ref, limit=PAGE, cursor=cursor or None)

        try:
            inside = {who for page in self._client.pages(tried, ask) for who in page["members"] or ()}
        except (Missing, Refused, Denied):
            return tuple(people)  # then each is told whether they are in it
        return tuple(who for who in people if self._id(who) not in inside)

    def _id(self, who: str) -> str:
        """Their id, or what they were named by: inviting them says why that is nobody."""
        try:
            return self._places.person(who, "")
        except (Missing, Refused):
            return who

    def _invite(self, ref: str, who: str) -> None:
        tried = f"could not invite {who} in {self._name}"
        person = self._places.person(who, tried)
        try:
            self._ask(tried, lambda web: web.conversations_invite(channel=ref, users=person))
        except Refused as error:
            if not any(fine in str(error) for fine in ("already_in_channel", "cant_invite_self")):
                raise

    def _link(self, ref: str, channel: Channel, tried: str) -> None:
        told = self._read(tried, lambda web: web.bookmarks_list(channel_id=ref))["bookmarks"] or ()
        there = {_unescaped(str(one.get("link") or "")) for one in told}
        for link in channel.links:
            if link.url not in there:
                self._ask(tried, _linking(ref, link))

    def _pin(self, ref: str, pinned: str) -> None:
        tried = f"could not pin a message in {self._name}:{ref}"
        channel, _, ts = pinned.partition(":")
        try:
            self._ask(tried, lambda web: web.pins_add(channel=channel, timestamp=ts))
        except Refused as error:
            if "already_pinned" not in str(error):
                raise

    # -- calls

    def _ask(self, tried: str, ask: Callable[[WebClient], SlackResponse]) -> Reply:
        """One call. A scope that is lacking concerns channels alone, and not all of Slack."""
        try:
            return self._client.call(tried, ask)
        except MissingScope as error:
            raise Refused(str(error)) from None

    def _read(self, tried: str, ask: Callable[[WebClient], SlackResponse]) -> Reply:
        return read(lambda: self._ask(tried, ask))


def _creating(name: str, *, private: bool) -> Callable[[WebClient], SlackResponse]:
    return lambda web: web.conversations_create(name=name, is_private=private)


def _linking(ref: str, link: Link) -> Callable[[WebClient], SlackResponse]:
    return lambda web: web.bookmarks_add(channel_id=ref, title=link.title, type="link", link=link.url)


def _names(name: str) -> Iterator[str]:
    yield name[:LONGEST_NAME]
    for number in range(2, NAMES + 1):
        yield f"{name[: LONGEST_NAME - 2]}-{number}"


def _refused(step: Callable[[], object]) -> Iterator[str]:
    """Take a step; why it was refused, if it was."""
    try:
        step()
    except (Refused, Missing) as error:
        yield str(error)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
