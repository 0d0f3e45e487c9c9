"""Looks in what was posted: for a message by the key in its metadata, and for one message by its ref."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from connectors.errors import Missing, Temporary
from connectors.http import read
from connectors.model import Absent, Answer, CannotTell, Found
from connectors.slack.client import Client, MissingScope, Reply
from connectors.slack.places import Spot

Json: TypeAlias = dict[str, Any]
Ask: TypeAlias = Callable[[WebClient, str], SlackResponse]

EVENT = "pointman"
PAGE = 200
SKEW = timedelta(minutes=5)
"""How far the tracker's clock, which `since` is told by, may be ahead of Slack's, which messages are stamped by."""


@dataclass(frozen=True, slots=True)
class Me:
    """Who the app posts as."""

    user: str
    bot: str


def marked(keys: str, ticket: str = "") -> Json:
    """The metadata of a message put under these keys, which a space parts: one text, as lists of texts are no
    documented value there (`MessageMetadata` of Slack's own `@slack/types`). `ticket` is the ref of what it is about.
    """
    return {"event_type": EVENT, "event_payload": {"keys": keys, **({"ticket": ticket} if ticket else {})}}


class Finder:
    """Reads channels and threads. `lag` is how long a message may take to be listed."""

    def __init__(self, client: Client, lag: timedelta) -> None:
        self._client = client
        self._lag = lag
        self._me: Me | None = None

    def find(self, spot: Spot, key: str, since: datetime, tried: str) -> Answer:
        """Whether we posted a message with this key at the spot since then: in its thread, else in the channel and
        in the threads under our own messages of that time. Absent only when Slack's own clock has left the lag behind.
        """
        try:
            me = self._who_we_are(tried)
            at, found = self._search(spot, key, since - SKEW, me, tried)
        except (Temporary, MissingScope) as error:
            return CannotTell(str(error))
        if found:
            return Found(f"{spot.channel}:{min(found)}")
        if at is None or at < since + self._lag:
            return CannotTell(f"{tried}: what was posted lately may not be listed yet")
        return Absent()

    def message(self, channel: str, ts: str, tried: str) -> Json:
        """The message at this timestamp, with its metadata; a reply is looked for in its thread. Raises Missing."""

        def top(web: WebClient, _: str) -> SlackResponse:
            return web.conversations_history(
                channel=channel, latest=ts, oldest=ts, inclusive=True, limit=1, include_all_metadata=True
            )

        for ask in (top, _replies(channel, ts, ts)):
            for page in self._pages(tried, ask):
                for message in page["messages"] or ():
                    if message.get("ts") == ts:
                        return dict(message)
        raise Missing(f"{tried}: the message is gone")

    def ticket(self, channel: str, ts: str, tried: str) -> str:
        """The ref of the ticket that the message at this timestamp is about, where it is one of ours; else empty."""
        return _about(self.message(channel, ts, tried), self._who_we_are(tried))

    def _search(self, spot: Spot, key: str, oldest: datetime, me: Me, tried: str) -> tuple[datetime | None, list[str]]:
        """Slack's time at the first page, and the timestamps of the messages that carry the key."""
        at: datetime | None = None
        found: list[str] = []
        threads: list[str] = []
        stamp = f"{oldest.timestamp():.6f}"
        ask = _replies(spot.channel, spot.thread, stamp) if spot.thread else _listed(spot.channel, stamp)
        for page in self._pages(tried, ask):
            at = at or page.at
            for message in page["messages"] or ():
                found += _hit(message, key, me)
                if message.get("reply_count") and not spot.thread and _ours(message, me):
                    threads.append(message["ts"])
        for parent in threads if not found else ():
            for page in self._pages(tried, _replies(spot.channel, parent, stamp)):
                for message in page["messages"] or ():
                    found += _hit(message, key, me)
        return at, found

    def _pages(self, tried: str, ask: Ask) -> Iterator[Reply]:
        return self._client.pages(tried, ask)

    def _who_we_are(self, tried: str) -> Me:
        if self._me is None:
            said = read(lambda: self._client.call(tried, lambda web: web.auth_test()))
            self._me = Me(str(said["user_id"] or ""), str(said["bot_id"] or ""))
        return self._me


def _listed(channel: str, oldest: str) -> Ask:
    def ask(web: WebClient, cursor: str) -> SlackResponse:
        return web.conversations_history(
            channel=channel, oldest=oldest, limit=PAGE, include_all_metadata=True, cursor=cursor or None
        )

    return ask


def _replies(channel: str, ts: str, oldest: str) -> Ask:
    def ask(web: WebClient, cursor: str) -> SlackResponse:
        return web.conversations_replies(
            channel=channel,
            ts=ts,
            oldest=oldest,
            inclusive=True,
            limit=PAGE,
            include_all_metadata=True,
            cursor=cursor or None,
        )

    return ask


def _ours(message: Json, me: Me) -> bool:
    """Posted by the app itself: another app could copy our metadata."""
    return (bool(me.bot) and message.get("bot_id") == me.bot) or message.get("user") == me.user


def _about(message: Json, me: Me) -> str:
    """The ref of the ticket that a message of ours is about; of any other, empty."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT or not _ours(message, me):
        return ""
    return str((metadata.get("event_payload") or {}).get("ticket") or "")


def _hit(message: Json, key: str, me: Me) -> list[str]:
    metadata = message.get("metadata") or {}
    keys = str((metadata.get("event_payload") or {}).get("keys") or "").split()
    hit = metadata.get("event_type") == EVENT and key in keys and _ours(message, me)
    return [str(message["ts"])] if hit else []
