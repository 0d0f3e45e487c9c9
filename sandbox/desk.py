"""A tracker as people meet it: tickets as its page shows them, and what somebody does to them, in the scenarios' words.

Scenarios speak one language (`Severity`, `Open`, `Checkout (prod)`); each product's desk says what that is on its own
pages. So one scenario plays on every tracker.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from sandbox.http import Answer, Asked

Course: TypeAlias = tuple[tuple[datetime, str], ...]
"""What a field held, in the scenarios' words, and since when."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment; `body` is rich text in the product's own form. `by` is a username."""

    id: str
    by: str
    body: Any
    text: str
    internal: bool
    at: datetime

    @property
    def through(self) -> bool:
        """Whether Pointman wrote it in somebody's name: it says so in its first line."""
        return "through Pointman" in self.text.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the history, in the words of the product's page."""

    at: datetime
    by: str
    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket, at a moment.

    `words` are its fields in the scenarios' words, by lower-case name; `fields` the same as the product's page shows
    them. `status` is on the page and `category` one of new, indeterminate, done; `assigned` is a username, `body` the
    description, `memory` what Pointman keeps there. `moves` are the steps that may be made now, each with the status
    that it leads to.
    """

    id: str
    key: str
    created: datetime
    updated: datetime
    summary: str
    status: str
    category: str
    assigned: str = ""
    body: Any = None
    words: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[tuple[str, Any], ...] = ()
    courses: Mapping[str, Course] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    history: tuple[Change, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()
    memory: Any = None


class Shelf(ABC):
    """Tickets to be looked at. `product` is the tracker's name for people.

    `rewords`: a comment may be given another text later, so a log is one comment; else it is all that was written.
    """

    product: str
    rewords: bool = True

    @abstractmethod
    def keys(self) -> Collection[str]:
        """The keys of all tickets, also those that a ticket had before."""

    @abstractmethod
    def ticket(self, key: str) -> Seen:
        """One ticket. Raises KeyError."""

    @abstractmethod
    def tickets(self) -> tuple[Seen, ...]:
        """All tickets, the oldest first."""

    @abstractmethod
    def word(self, name: str) -> str:
        """The name under which `Seen.words` has a field that somebody names. Raises LookupError."""

    @abstractmethod
    def options(self, name: str) -> list[str]:
        """The choices of a field. Raises LookupError."""

    @abstractmethod
    def person(self, username: str) -> str:
        """Somebody's name; empty for nobody."""

    @abstractmethod
    def rich(self, body: Any) -> str:
        """Rich text as HTML, all that is text escaped."""


class Desk(Shelf):
    """A tracker in which people work, and the API before it. `name` is what a configuration calls it."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def handle(self) -> Callable[[Asked], Answer]:
        """Its API."""

    @abstractmethod
    def people(self) -> Iterable[tuple[str, str, str]]:
        """Username, address and name of everybody but Pointman."""

    @abstractmethod
    def connect(self, url: str, secret: str) -> None:
        """From now on tell this address what happens."""

    @abstractmethod
    def secrets(self) -> Mapping[str, str]:
        """What Pointman must be told to sign in, by the name of the environment's variable."""

    @abstractmethod
    def close(self) -> None:
        """Stop telling."""

    @abstractmethod
    def asks_what_changed(self, asked: Asked) -> bool:
        """Whether a request only asks what changed, as Pointman does all day."""

    def belongs_to_that(self, asked: Asked) -> bool:
        """Whether a request may be part of asking what changed as well as of work: it is counted as neither."""
        return False

    @abstractmethod
    def create(self, by: str, fields: Mapping[str, Any], kind: str) -> str:
        """Somebody creates a ticket; its key. Raises LookupError where a field or an option is not there."""

    @abstractmethod
    def change(self, by: str, key: str, fields: Mapping[str, Any]) -> None:
        """Somebody changes fields. Raises LookupError."""

    @abstractmethod
    def comment(self, by: str, key: str, text: str) -> None:
        """Somebody comments."""

    @abstractmethod
    def move(self, by: str, key: str, status: str) -> None:
        """Somebody brings a ticket to a status. Raises LookupError where nothing leads there."""


class Kept(Shelf):
    """Tickets as they were, on the shelf of the desk that they come from."""

    def __init__(self, desk: Shelf, tickets: Iterable[Seen]) -> None:
        self.desk = desk
        self.product, self.rewords = desk.product, desk.rewords
        self._tickets = {ticket.key: ticket for ticket in tickets}

    def keys(self) -> Collection[str]:
        """The keys of what was there."""
        return frozenset(self._tickets)

    def ticket(self, key: str) -> Seen:
        """One ticket as it was. Raises KeyError."""
        return self._tickets[key]

    def tickets(self) -> tuple[Seen, ...]:
        """All that were there."""
        return tuple(self._tickets.values())

    def word(self, name: str) -> str:
        """As the desk says now."""
        return self.desk.word(name)

    def options(self, name: str) -> list[str]:
        """As the desk says now."""
        return self.desk.options(name)

    def person(self, username: str) -> str:
        """As the desk says now."""
        return self.desk.person(username)

    def rich(self, body: Any) -> str:
        """As the desk shows it."""
        return self.desk.rich(body)
