"""What a connector is: the contracts of trackers, sinks and monitors. They know nothing of rules or of the application.

A connector is made from its settings and a name, makes no call until it is used, may be used by many threads, gives
every call a time-out, and raises nothing but `connectors.errors`. It repeats only what cannot have had an effect.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any, ClassVar, Generic, TypeVar

from connectors.config import ConnectorSettings
from connectors.errors import ConnectorError, Refused
from connectors.model import (
    Alert,
    Answer,
    CannotTell,
    Card,
    Channel,
    Command,
    Edit,
    Form,
    Message,
    Page,
    Shift,
    Signal,
    Ticket,
    User,
)
from connectors.problems import Problem
from connectors.setup import Order, Setup, Step

ThingT = TypeVar("ThingT", Message, Card, Page)


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook as it came in: header names in lower case, the body as raw bytes (signatures are over those)."""

    headers: Mapping[str, str]
    body: bytes
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a webhook meant, and how to answer it. `body` is JSON text, or another text with its `content_type`.

    `later` gives the body instead, where it is known only when the signals were taken: it is called then, once, on a
    thread of its own, and may wait a second for it. `again`: the sender delivers it again until it is told that all is
    well, so a command is answered so only when it stands on its ticket, or never will.
    """

    signals: tuple[Signal, ...] = ()
    status: int = 202
    body: str = ""
    content_type: str = "application/json"
    later: Callable[[], str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    again: bool = False


class BadRequest(Exception):
    """A webhook that is not believed: `status` is 400, 401, 410 or 413; `str()` is a sentence for the sender.

    `page` is how a person's browser is answered instead, where one asks.
    """

    def __init__(self, status: int, message: str, page: Receipt | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.page = page


class Connector(ABC):
    """Something that speaks to one product, under the name its configuration gives it."""

    Settings: ClassVar[type[ConnectorSettings]] = ConnectorSettings
    product: ClassVar[str]
    """The product's name for people, such as `Slack`."""
    paths: ClassVar[tuple[str, ...]] = ()
    """Where people's browsers reach `receive` beside `/hooks/<name>`, as `/act`, with the connector's name as `via`."""

    def __init__(self, name: str, settings: Any) -> None:
        self.name = name
        self.settings = settings

    @classmethod
    def setup(cls, name: str, given: Mapping[str, Any]) -> Setup | None:
        """How such a connector is set up by `pointman init`, before it has settings; None where it offers nothing.

        `given` is what its table says already, without the answers.
        """
        return None

    def receive(self, request: Request, now: datetime) -> Receipt:
        """Read a webhook: verify its signature, then say what it means. Raises BadRequest; makes no call."""
        raise BadRequest(404, f"{self.name} takes no webhooks")

    def listen(self, emit: Callable[[Signal], Event | None], stop: Event) -> None:
        """Hear signals without a public address (Socket Mode, IMAP) until `stop` is set, or return at once.

        What `emit` answers is set when the signal cannot be lost any more: a command stands on its ticket.
        """

    def check(self, wanted: Wanted) -> Iterable[Problem]:
        """Try the connection for real: sign in, permissions, whether everything in `wanted` exists. Changes nothing."""
        return ()

    def install(self, order: Order) -> Iterator[Step]:
        """Make what the product must have for us, one step after the other; what is there already stays as it is.

        Asked by `pointman setup`, and by nothing else. Raises ConnectorError where it cannot even begin.
        """
        return iter(())

    def close(self) -> None:
        """Let go of connections. The connector is not used afterwards."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rules and the configuration expect to exist in a product, for `Connector.check`.

    `words` maps each word the rules use to its declared type, `options` a word to the values that are set or
    compared. `addresses` and `people` are the product's own. `channels`: channels are to be opened there, with
    `private` also such that only their members see.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    home: str = ""
    channels: bool = False
    private: bool = False


class Tracker(Connector):
    """Where tickets live. One look observes a ticket; one request writes an edit together with the ledger.

    `edits_comments`: a comment can be changed later; where not, one with an id is refused.
    """

    edits_comments: ClassVar[bool] = True

    @abstractmethod
    def now(self) -> datetime | None:
        """The tracker's time: its last `Date` header plus monotonic time since; None before the first answer."""

    @abstractmethod
    def get(self, ref: str) -> Ticket:
        """Read a ticket with history, comments and ledger. `ref` may also be the key. Raises Missing."""

    @abstractmethod
    def write(self, ref: str, edit: Edit | None, ledger: str | None) -> None:
        """Write an edit and the ledger in one request (None: leave it alone). Raises Refused with the words refused.

        A `phase` among the edit's words is a transition, made after the rest.
        """

    @abstractmethod
    def create(self, edit: Edit, key: str) -> str:
        """Create a ticket that `find(key)` will find, and answer its ref. Look with `find` first."""

    @abstractmethod
    def find(self, key: str) -> str | None:
        """The ref of the ticket created with this key (oldest first, where there are several), or None."""

    @abstractmethod
    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """List what is open or changed since then, a page at a time, with ledgers: candidates, as search lags.

        A ticket of a page may be less whole than `get` reads it: then `complete_since` is later than `created`.
        """

    def changed(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """List only what changed since then, as `open` does: asked every few seconds, between two whole lists."""
        return self.open(since)

    @abstractmethod
    def me(self) -> User:
        """The account we write with."""

    def covers(self, ticket: Ticket) -> bool:
        """Whether the ticket is in scope: of a project or table that the configuration names. Makes no call."""
        return True

    def pasted(self, said: Mapping[str, Any]) -> Ticket:
        """The ticket of the product's own JSON, as somebody copied it, for trying rules out. Makes no call.

        Raises Refused where it is none, and where tickets of the product cannot be read so.
        """
        raise Refused(f"a ticket of {self.product} cannot be pasted; write its words instead")

    def user(self, address: str) -> User | None:
        """The tracker's user with this e-mail address, or None. Used to write people known only by address."""
        return None


class Sink(Connector, Generic[ThingT]):
    """Somewhere a thing can be put.

    `editable`: what was put can be changed. `searchable`: `find` can answer; `lag` is how long a thing may take to
    be found. `pace` is how long to leave between two things at one place. `drops_doubles`: what is put again under the
    same key is dropped there, so that a repeat is no double; some know that only by their settings. Such a sink
    knows what it was given by its (first) key, too: `retire` takes that for a ref.
    """

    editable: ClassVar[bool] = True
    searchable: ClassVar[bool] = False
    drops_doubles: bool = False
    lag: ClassVar[timedelta] = timedelta(0)
    pace: ClassVar[timedelta] = timedelta(0)

    @abstractmethod
    def put(self, place: str, thing: ThingT, ref: str | None, key: str) -> str:
        """Make the thing at `place`, marked with `key`, or bring the one at `ref` up to date; answers its ref.

        `place` is the product's own address as the administrator wrote it, or a person's e-mail address.
        Several keys may be joined by a space: the thing is then found under each.
        """

    def find(self, place: str, key: str, since: datetime) -> Answer:
        """Whether a thing marked with `key` was made at `place` since then."""
        return CannotTell(f"{self.name} cannot be searched")

    def retire(self, place: str, ref: str) -> None:
        """Take the buttons off, or mark done; changes nothing else, never posts."""


class Messenger(Sink[Message]):
    """Where people are told things, and from where they answer.

    `channels`: it can open channels. The ref of one is an address that `put` takes as a place. `rings`: it calls
    people, and who answers there was called by us: whom the rules do not know acts in the product's name. Of their
    commands `reply` is what the call is known by. `people` is another connector by whose ids the rules know them, too.
    """

    channels: ClassVar[bool] = False
    rings: ClassVar[bool] = False
    people: str = ""

    def open(self, channel: Channel, key: str) -> str:
        """Open a channel marked with `key` and answer its ref; one that has the mark already is that channel.

        Only what cannot be changed later counts here: its name and whether it is private. Where somebody else's has
        the name, another is found. Raises Refused, Denied, Temporary.
        """
        raise Refused(f"could not open {channel.name}: {self.name} has no channels of its own")

    def arrange(self, ref: str, channel: Channel) -> None:
        """Bring a channel up to date: topic, links, pins, who is in it, whether it is archived. Twice is once.

        Nobody is put out, and what people pinned or linked stays. Where something of it is refused the rest is done
        all the same, and then it raises Refused with all reasons. Missing: it is gone, or people archived it.
        """
        raise Refused(f"could not arrange {channel.name}: {self.name} has no channels of its own")

    def answer(self, command: Command, text: str) -> None:
        """Tell the person who asked, and only them, by the command's reply handle. Best effort: it is not recorded."""

    def show(self, command: Command, thing: Message | None, text: str) -> None:
        """Show the person what is about to become of the message they clicked, in place of telling them `text`.

        `thing` is what `put` will be given for it, None: it will be retired. Asked only for commands with `clicked`.
        Where it cannot be shown (any more), the text is the answer. Best effort, as `answer`.
        """
        self.answer(command, text)

    def ask(self, command: Command, form: Form) -> None:
        """Ask the person for what their command lacks; it comes back as the same command with `args`.

        To be called at once: a product may take an answer for a few seconds only. Raises Refused where it cannot ask.
        """
        raise Refused(f"{self.name} cannot ask back; write it in one command")

    def about(self, command: Command) -> str:
        """The ref of the ticket that the place tells where the command came from (a thread under a card); else empty.

        To be called at once, as it is asked before `ask`. Raises connectors.errors.
        """
        return ""

    def room(self, command: Command) -> str:
        """The channel where a command was typed, as `open` answers its ref; else empty. Makes no call."""
        return ""

    def called(self, command: Command) -> tuple[str, ...]:
        """What the calls are known by that somebody answered, where it rings. Raises connectors.errors."""
        return (command.reply,)

    def link(self, place: str, ref: str) -> str:
        """Where a message is read by whoever may see it, as an address; empty where the product has none.

        Raises connectors.errors.
        """
        return ""

    def who(self, user: User) -> User:
        """The user with address and name filled in, where the product tells them."""
        return user


class Board(Sink[Card]):
    """Where tasks live."""


class Wiki(Sink[Page]):
    """Where documents live."""


class Roster(Connector):
    """Where it is kept who is on call, or who is away."""

    @abstractmethod
    def shifts(self, schedule: str, start: datetime, until: datetime) -> tuple[Shift, ...]:
        """Whose shift it is in a schedule between two moments, as the product works it out; in order of time.

        Where several have a shift at once, whoever is to be called first comes first. A user whom the product tells
        no id of is named by a text. Raises connectors.errors: Missing where there is no such schedule.
        """


class Monitor(Connector):
    """Where alerts come from."""

    @abstractmethod
    def alerts(self) -> Iterator[Alert]:
        """Everything that is firing now, as the monitor lists it."""


__all__ = [
    "BadRequest",
    "Board",
    "Connector",
    "ConnectorError",
    "Messenger",
    "Monitor",
    "Receipt",
    "Request",
    "Roster",
    "Sink",
    "Tracker",
    "Wanted",
    "Wiki",
]
