"""What a Teams tenant holds, as plain data: people, teams, channels, chats, messages, and what one person sees.

A channel and a personal chat are both a `Conversation`. A message in a channel begins a thread, or is a reply in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

ADAPTIVE = "application/vnd.microsoft.card.adaptive"


@dataclass(slots=True)
class Person:
    """Somebody of the tenant. `id` is theirs towards our bot (`29:…`), `aad_id` the directory's; not all have mail."""

    id: str
    aad_id: str
    name: str
    real_name: str
    email: str = ""

    @property
    def upn(self) -> str:
        """The name that they sign in with."""
        return self.email or f"{self.name}@sandbox.example"


@dataclass(slots=True)
class Message:
    """A message: text (of people in HTML, of bots in Markdown), and at most one card. `root` is the thread it is in.

    `by` is a person's id, the bot's, or a flow's name. `views` are cards that single people see instead of `card`;
    `first` is what it said when it was posted, as plain text.
    """

    id: str
    by: str
    text: str = ""
    card: Json | None = None
    root: str = ""
    edited: str = ""
    deleted: bool = False
    views: dict[str, Json] = field(default_factory=dict)
    first: str = ""

    @property
    def at(self) -> datetime:
        """When it was posted: its id tells it."""
        return moment(self.id)

    def seen_by(self, person: str) -> Json | None:
        """The card that somebody sees."""
        return self.views.get(person, self.card)


@dataclass(slots=True)
class Conversation:
    """A channel of a team, or the bot's personal chat with `person`. Messages are oldest first."""

    id: str
    name: str
    team: str = ""
    person: str = ""
    messages: list[Message] = field(default_factory=list)
    archived: bool = False
    deleted: bool = False
    description: str = ""

    @property
    def is_personal(self) -> bool:
        """Whether it is a chat with one person."""
        return bool(self.person)

    def message(self, id_: str) -> Message | None:
        """The message with this id, if there is one."""
        return next((message for message in self.messages if message.id == id_), None)

    def top(self) -> Iterator[Message]:
        """The messages that begin a thread, oldest first."""
        return (message for message in self.messages if not message.root)

    def replies(self, root: str) -> Iterator[Message]:
        """The replies of a thread, oldest first."""
        return (message for message in self.messages if message.root == root)


@dataclass(slots=True)
class Team:
    """A team: `id` is its thread's (that of its first channel), `group` its id in the directory."""

    id: str
    group: str
    name: str
    members: set[str] = field(default_factory=set)
    installed: bool = True


@dataclass(slots=True)
class Note:
    """What only `person` sees beside a message: what the app answered to a click, or that it did not answer."""

    conversation: str
    message: str
    person: str
    text: str
    at: datetime
    failed: bool = False


@dataclass(slots=True)
class Dialog:
    """A form that is open before `person`: a card in a window of its own, asked for with `task/fetch`."""

    id: str
    conversation: str
    message: str
    person: str
    title: str
    card: Json


@dataclass(slots=True)
class Flow:
    """A workflow that posts to a channel whatever its webhook is given. `gone`: it was deleted, or turned off."""

    id: str
    sig: str
    conversation: str
    name: str = "Workflows"
    gone: int = 0
    taken: list[datetime] = field(default_factory=list)


def moment(id_: str) -> datetime:
    """The moment that a message's id, or that of its edit, tells."""
    return datetime.fromtimestamp(int(id_) / 1000, UTC)
