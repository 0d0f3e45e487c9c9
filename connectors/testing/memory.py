"""Fakes that keep their world in memory and pass the same contract as the real connectors, for fast engine tests.

They are public: a third party's connector is tested with the same contract, and its rules with the same fakes. What
a vendor can do wrong on a bad day is a flag here: search that lags, ledgers refused or dropped, posts that arrive
after their time-out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connectors.base import Messenger, Tracker
from connectors.config import ConnectorSettings
from connectors.errors import ConnectorError, Missing, Refused
from connectors.model import (
    Absent,
    Answer,
    CannotTell,
    Channel,
    Command,
    Comment,
    Edit,
    Found,
    Message,
    Ticket,
    User,
    Value,
)

BOT = User("bot", "Pointman", "pointman@example.org")


class MemoryTracker(Tracker):
    """A tracker in memory. `tickets` is its world; `person` changes it as somebody else.

    `ledger_error` is raised on every write of a ledger; `drops_ledger` answers success and keeps the old one;
    `refused` maps words to the reason why they are refused; `size` is the room for a ledger. Without `edits_comments`
    its comments stay as they are, as a journal's do.
    """

    product = "Memory"

    def __init__(self, clock: Callable[[], datetime], name: str = "memory", *, edits_comments: bool = True) -> None:
        super().__init__(name, ConnectorSettings())
        self.clock = clock
        self.edits_comments = edits_comments  # type: ignore[misc]  # a fact of the class, elsewhere
        self.tickets: dict[str, Ticket] = {}
        self.ledger_error: ConnectorError | None = None
        self.drops_ledger = False
        self.refused: dict[str, str] = {}
        self.size = 32_768
        self.projects: set[str] | None = None
        self.calls = 0
        self._labels: dict[str, str] = {}
        self._numbers = iter(range(10_000, 10_000_000))

    def now(self) -> datetime | None:
        """The clock's time."""
        return self.clock()

    def me(self) -> User:
        """The account `BOT`."""
        return BOT

    def covers(self, ticket: Ticket) -> bool:
        """Whether the ticket's project is one of `projects`; all are where none are named."""
        return self.projects is None or ticket.project in self.projects

    def get(self, ref: str) -> Ticket:
        """A ticket by ref or key. Raises Missing."""
        self.calls += 1
        found = self.tickets.get(ref) or next((t for t in self.tickets.values() if t.key == ref), None)
        if found is None:
            raise Missing(f"could not read {ref}: there is no such ticket")
        return found

    def write(self, ref: str, edit: Edit | None, ledger: str | None) -> None:
        """All of it, or nothing. Raises Refused with the words refused."""
        self.calls += 1
        ticket = self._there(ref)
        wrong = {w: self.refused[w] for w in (edit.fields if edit else ()) if w in self.refused}
        if wrong:
            raise Refused(f"could not edit {ticket.key}: {'; '.join(wrong.values())}", fields=wrong)
        if ledger is not None and self.ledger_error is not None:
            raise self.ledger_error
        if ledger is not None and len(ledger) > self.size:
            raise Refused(f"could not edit {ticket.key}: the property is longer than {self.size} characters")
        if edit is not None and edit.comment is not None and edit.comment.id and not self.edits_comments:
            raise Refused(f"could not edit {ticket.key}: its comments cannot be edited")
        if edit is not None:
            ticket = self._edited(ticket, edit, BOT)
        if ledger is not None and not self.drops_ledger:
            ticket = replace(ticket, ledger=ledger)
        self._keep(ticket)

    def create(self, edit: Edit, key: str) -> str:
        """A new ticket that `find(key)` finds."""
        self.calls += 1
        number = next(self._numbers)
        at = self.clock()
        own = {w: v for w, v in edit.fields.items() if w in {"summary", "description", "labels", "kind"}}
        others = {w: v for w, v in edit.fields.items() if w not in own}
        made = Ticket(
            str(number),
            f"OPS-{number}",
            str(own.get("summary", "")),
            at,
            at,
            source=self.name,
            reporter=BOT,
            description=str(own.get("description", "")),
            project="OPS",
            fields=_empty() | others,
            version="1",
        )
        self.tickets[made.ref] = made
        self._labels[key] = made.ref
        return made.ref

    def find(self, key: str) -> str | None:
        """By the key it was created with, or by what people call it."""
        self.calls += 1
        named = next((t.ref for t in self.tickets.values() if t.key == key), None)
        return self._labels.get(key) or named

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """What is open or changed since, 100 a page."""
        listed = [t for t in self.tickets.values() if t.phase in {"new", "active"} or t.updated >= since]
        for start in range(0, max(1, len(listed)), 100):
            self.calls += 1
            yield tuple(listed[start : start + 100])

    def user(self, address: str) -> User | None:
        """Everybody has an account."""
        return User(address.partition("@")[0], address.partition("@")[0], address)

    # -- the world, as people change it

    def ticket(self, key: str, summary: str = "", by: User | None = None, **fields: Value) -> str:
        """Somebody makes a ticket; answers its ref."""
        number, at = str(next(self._numbers)), self.clock()
        self.tickets[number] = Ticket(
            number,
            key,
            summary,
            at,
            at,
            source=self.name,
            reporter=by or User("rita", "Rita", "rita@example.org"),
            project=key.partition("-")[0],
            url=f"https://tracker.example.org/{key}",
            fields=_empty() | fields,
            version="1",
        )
        return number

    def person(self, ref: str, by: str = "ann", **changes: Value) -> None:
        """Somebody changes words of a ticket."""
        user = User(by, by.capitalize(), f"{by}@example.org")
        self._keep(self._edited(self.tickets[ref], Edit(changes), user))

    def comment(self, ref: str, text: str, by: str = "ann") -> None:
        """Somebody comments."""
        user = User(by, by.capitalize(), f"{by}@example.org")
        self._keep(self._edited(self.tickets[ref], Edit(comment=Comment(text)), user))

    def _there(self, ref: str) -> Ticket:
        if ref not in self.tickets:
            raise Missing(f"could not edit {ref}: there is no such ticket")
        return self.tickets[ref]

    def _edited(self, ticket: Ticket, edit: Edit, by: User) -> Ticket:
        at = self.clock()
        told = {word: value for word, value in edit.fields.items() if ticket.get(word) != value}
        edited = ticket.having(told, at, by)
        if edit.comment is None:
            return edited
        new = replace(edit.comment, id=edit.comment.id or str(next(self._numbers)), at=at, by=by)
        others = tuple(c for c in edited.comments if c.id != new.id)
        standing = next((c for c in edited.comments if c.id == new.id), None)
        new = replace(new, at=standing.at) if standing is not None else new
        return replace(edited, comments=(*others, new))

    def _keep(self, ticket: Ticket) -> None:
        version = str(int(ticket.version or "0") + 1)
        self.tickets[ticket.ref] = replace(ticket, updated=self.clock(), version=version)


def _empty() -> dict[str, Value]:
    words = ("severity", "team", "assignee", "service", "detected", "restored", "hold", "hold_reason", "eta")
    return dict.fromkeys(words)


@dataclass
class Post:
    """A message as it stands in a fake messenger."""

    place: str
    ref: str
    message: Message
    keys: tuple[str, ...]
    at: datetime
    edits: int = 0
    visible_from: datetime | None = None
    history: list[Message] = field(default_factory=list)


@dataclass
class Room:
    """A channel as it stands in a fake messenger; `people` are all who were ever invited."""

    ref: str
    key: str
    channel: Channel
    people: list[str] = field(default_factory=list)
    archived: bool = False
    arranged: int = 0


class MemoryMessenger(Messenger):
    """A messenger in memory. `posts` is its world, oldest first; `rooms` are the channels that were opened in it.

    `room_error` is raised in place of arranging one; who is in `unknown` cannot be invited.

    `error` is raised instead of putting, for the places in `broken` (all where empty); `lag_real` is how long a post
    takes to be found.
    """

    product = "Memory"

    def __init__(
        self,
        clock: Callable[[], datetime],
        name: str = "slack",
        *,
        searchable: bool = True,
        editable: bool = True,
        lag: timedelta = timedelta(0),
        channels: bool = True,
    ) -> None:
        super().__init__(name, ConnectorSettings())
        self.clock = clock
        self.searchable, self.editable, self.lag = searchable, editable, lag  # type: ignore[misc]  # facts of a class
        self.channels = channels  # type: ignore[misc]  # a fact of the class, elsewhere
        self.posts: list[Post] = []
        self.rooms: list[Room] = []
        self.room_error: ConnectorError | None = None
        self.unknown: set[str] = set()
        self.answers: list[tuple[Command, str]] = []
        self.addresses: dict[str, str] = {}
        self.error: ConnectorError | None = None
        self.broken: set[str] = set()
        self.calls = 0

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """A new post, or the one at `ref` changed. Raises Missing when that is not there."""
        self.calls += 1
        if self.error is not None and (not self.broken or place in self.broken):
            raise self.error
        if ref is not None:
            post = self._at(ref)
            post.history.append(post.message)
            post.message, post.edits = replace(thing, under=post.message.under), post.edits + 1
            post.keys = tuple(dict.fromkeys((*post.keys, *key.split())))
            return ref
        made = f"{place}/{len(self.posts) + 1}"
        now = self.clock()
        self.posts.append(Post(place, made, thing, tuple(key.split()), now, visible_from=now + self.lag))
        return made

    def open(self, channel: Channel, key: str) -> str:
        """The room with this key, or a new one; a name that is taken gets a number."""
        self.calls += 1
        if self.error is not None:
            raise self.error
        if not self.channels:
            raise Refused(f"could not open {channel.name}: this messenger has no channels")
        known = next((room for room in self.rooms if room.key == key), None)
        if known is None:
            taken = {room.channel.name for room in self.rooms}
            names = (channel.name, *(f"{channel.name}-{number}" for number in range(2, 100)))
            name = next(name for name in names if name not in taken)
            known = Room(f"R{len(self.rooms) + 1}", key, Channel(name, private=channel.private))
            self.rooms.append(known)
        return known.ref

    def arrange(self, ref: str, channel: Channel) -> None:
        """The room as it should be, but for whom it does not know."""
        self.calls += 1
        if self.error is not None:
            raise self.error
        if self.room_error is not None:
            raise self.room_error
        room = next((room for room in self.rooms if room.ref == ref), None)
        if room is None or (room.archived and not channel.archived and not channel.reopens):
            raise Missing(f"could not arrange {channel.name}: {'is_archived' if room else 'channel_not_found'}")
        room.archived, room.arranged = channel.archived, room.arranged + 1
        room.people += [who for who in channel.people if who not in room.people and who not in self.unknown]
        room.channel = replace(channel, name=room.channel.name)
        strangers = ", ".join(who for who in channel.people if who in self.unknown)
        if strangers:
            raise Refused(f"could not invite {strangers}: user_not_found")

    def find(self, place: str, key: str, since: datetime) -> Answer:
        """By key, at a place or under a post; absent is certain only when the lag has passed."""
        self.calls += 1
        if not self.searchable:
            return CannotTell("this messenger cannot be searched")
        now = self.clock()
        for post in self.posts:
            visible = post.visible_from is None or post.visible_from <= now
            there = place in {post.place, post.message.under}
            if visible and there and key in post.keys and post.at >= since - timedelta(seconds=1):
                return Found(post.ref)
        return Absent() if now >= since + self.lag else CannotTell("search lags")

    def retire(self, place: str, ref: str) -> None:
        """Take the buttons off."""
        self.calls += 1
        if self.error is not None and (not self.broken or place in self.broken):
            raise self.error
        post = self._at(ref)
        post.message = replace(post.message, buttons=())

    def who(self, user: User) -> User:
        """The user with the address that `addresses` knows for their id."""
        return User(user.id, user.name, self.addresses.get(user.id, user.email))

    def answer(self, command: Command, text: str) -> None:
        """Keep the answer."""
        self.answers.append((command, text))

    def _at(self, ref: str) -> Post:
        found = next((post for post in self.posts if post.ref == ref), None)
        if found is None:
            raise Missing(f"could not edit the message {ref}: message_not_found")
        return found
