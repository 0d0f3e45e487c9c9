"""What can be seen in the sandbox's tracker and Slack, in the words of their pages: now, or as it was at a past moment.

It is read from the emulators' state. Pointman is never asked: it is what is being watched.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sandbox.clock import Clock
from sandbox.desk import Shelf
from sandbox.slack import Channel, Message
from sandbox.slack import Person as Member
from sandbox.slack.state import SlackState
from sandbox.teams.state import TeamsState

if TYPE_CHECKING:  # who looks at no mail does not wait for what it needs to be served
    from sandbox.mail.state import MailState

DIRECT: Final = "@"
"""Begins the name of a direct message, as `@tom`."""

KEY: Final = re.compile(r"\b(?:[A-Z][A-Z0-9]+-\d+|[A-Z]{3,}\d{7,})\b")
"""What a ticket's key looks like: `OPS-1`, `INC0010001`."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message that the app posted, with where it stands: `#name` or `@person`."""

    place: str
    channel: Channel
    message: Message

    @property
    def text(self) -> str:
        """What it says, as plain text."""
        return html.unescape(self.message.text)

    @property
    def buttons(self) -> tuple[str, ...]:
        """The labels of its buttons."""
        return tuple(html.unescape(b["text"]["text"]) for b in self.message.buttons)

    @property
    def key(self) -> str:
        """Under which keys it was put; empty where it says none."""
        payload = (self.message.metadata or {}).get("event_payload", {})
        return str(payload.get("keys", ""))

    @property
    def tickets(self) -> frozenset[str]:
        """The keys of the tickets that it speaks of."""
        return frozenset(KEY.findall(self.text))


class Workspace(Protocol):
    """A Slack that can be looked at."""

    @property
    def state(self) -> SlackState:
        """What stands in it."""
        ...


class Tenant(Protocol):
    """A Teams that can be looked at."""

    @property
    def state(self) -> TeamsState:
        """What stands in it."""
        ...


class Mailboxes(Protocol):
    """A mail server that can be looked at."""

    @property
    def state(self) -> MailState:
        """What lies in it."""
        ...


class Sight:
    """A tracker and a Slack with the same people in them, to be looked at. `members` are the people by username.

    `teams` and `mail` are beside Slack where the company has them.
    `past`: it is as it was, and nobody can do anything in it.
    """

    clock: Clock
    desk: Shelf
    slack: Workspace
    members: dict[str, Member]
    teams: Tenant | None = None
    mail: Mailboxes | None = None
    past: bool = False

    def value(self, key: str, name: str) -> Any:
        """What a ticket's field shows to people: names, not ids. Raises KeyError where there is no such ticket."""
        return self.desk.ticket(key).words.get(self.desk.word(name))

    def channel(self, place: str) -> Channel:
        """The channel `#name`, or the app's direct message with a person, `@tom`."""
        if place.startswith(DIRECT):
            return self.slack.state.direct(self.members[place.removeprefix(DIRECT)].id)
        return self.slack.state.channel(place)

    def place(self, channel: Channel) -> str:
        """How a channel is called: `#name` or `@person`."""
        return f"{DIRECT}{self.slack.state.people[channel.user].name}" if channel.is_im else f"#{channel.name}"

    def posts(self, place: str = "") -> tuple[Post, ...]:
        """What the app has posted (at one place), oldest first."""
        with self.slack.state.lock:
            channels = list(self.slack.state.channels.values())
            found = [
                Post(self.place(channel), channel, message)
                for channel in channels
                for message in self.slack.state.visible(channel)
                if message.bot_id and place in {"", self.place(channel)}
            ]
        return tuple(sorted(found, key=lambda post: float(post.message.ts)))

    def doubled(self) -> tuple[Post, ...]:
        """Messages that stand at one place under a key that an earlier one there has already."""
        seen: Counter[tuple[str, str]] = Counter()
        spare = []
        for post in self.posts():
            for key in post.key.split():
                seen[post.channel.id, key] += 1
            if any(seen[post.channel.id, key] > 1 for key in post.key.split()):
                spare.append(post)
        return tuple(spare)

    def logs(self, key: str) -> tuple[str, ...]:
        """The logs that Pointman keeps on a ticket: comments, or where none is ever reworded all it wrote as one."""
        told = tuple(said.text for said in self.desk.ticket(key).remarks if said.by == "pointman" and not said.through)
        return told if self.desk.rewords or not told else ("\n".join(told),)

    def fingerprint(self, but: Collection[str] = ()) -> tuple[object, ...]:
        """Everything that people can see, but for some tickets, as one value: it is equal when nothing changed."""
        return tuple(self._everything(frozenset(but)))

    def _everything(self, but: frozenset[str]) -> Iterator[object]:
        for ticket in self.desk.tickets():
            if ticket.key not in but:
                yield (
                    ticket.key,
                    repr((ticket.words, ticket.fields)),
                    tuple((said.by, said.text) for said in ticket.remarks),
                )
        for post in self.posts():
            if not post.tickets & but:
                yield post.place, post.message.ts, post.message.text, post.buttons
