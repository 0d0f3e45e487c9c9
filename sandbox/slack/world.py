"""What a Slack workspace holds, as plain data: people, channels, messages, notes only one person sees, open forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Person:
    """Somebody with an account; `email` is empty where the profile shows none, `team` where it is the sandbox's."""

    id: str
    name: str
    real_name: str
    email: str = ""
    is_bot: bool = False
    deleted: bool = False
    team: str = ""


@dataclass(slots=True)
class Message:
    """A message. `ts` is its id within the channel; `thread_ts` is its parent's, where it is a reply."""

    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str = ""
    metadata: Json | None = None
    bot_id: str = ""
    edited: str = ""

    @property
    def at(self) -> datetime:
        """When it was posted."""
        return datetime.fromtimestamp(float(self.ts), UTC)

    @property
    def buttons(self) -> list[Json]:
        """The buttons under it, as Slack's button elements."""
        found = (element for block in self.blocks if block["type"] == "actions" for element in block["elements"])
        return [element for element in found if element["type"] == "button"]


@dataclass(slots=True)
class Channel:
    """A channel, or a direct message with `user`. `members` are ids; messages are oldest first."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    user: str = ""
    is_private: bool = False
    is_archived: bool = False
    previous_names: list[str] = field(default_factory=list)
    creator: str = ""
    topic: str = ""
    purpose: str = ""
    pins: list[str] = field(default_factory=list)
    bookmarks: list[Json] = field(default_factory=list)

    @property
    def is_im(self) -> bool:
        """Whether it is a direct message."""
        return bool(self.user)

    def message(self, ts: str) -> Message | None:
        """The message with this timestamp, if there is one."""
        return next((message for message in self.messages if message.ts == ts), None)

    def top(self) -> Iterator[Message]:
        """The messages that are no replies, oldest first."""
        return (message for message in self.messages if not message.thread_ts)

    def replies(self, ts: str) -> Iterator[Message]:
        """The replies under a message, oldest first."""
        return (message for message in self.messages if message.thread_ts == ts)


@dataclass(slots=True)
class Note:
    """A message that only `user` sees."""

    channel: str
    user: str
    text: str
    blocks: list[Json]
    at: datetime


@dataclass(slots=True)
class View:
    """A form that is open before `user`."""

    id: str
    user: str
    view: Json


@dataclass(slots=True)
class Handle:
    """A response URL or a trigger that was handed out: for whom, where, how long and how often it holds."""

    channel: str
    user: str
    until: datetime
    left: int
