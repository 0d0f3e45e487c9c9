"""The nouns that products and rules share: a ticket as just read, what a webhook can tell us, and what we make.

Everything here is a frozen value. Moments are aware datetimes in UTC, durations are timedeltas. The words a ticket
is described with (severity, team, phase and so on) are ours; each connector maps them by id from its configuration.
A connector that cannot know a word leaves it out of `Ticket.fields`: absent is *unknown*, `None` is *empty*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeAlias, get_args, overload

Phase: TypeAlias = Literal["new", "active", "resolved", "closed"]
PHASES: tuple[Phase, ...] = get_args(Phase)

WORDS: Mapping[str, str] = {
    "severity": "choice",
    "team": "text",
    "assignee": "user",
    "service": "text",
    "detected": "moment",
    "restored": "moment",
    "acknowledged": "moment",
    "hold": "flag",
    "hold_reason": "text",
    "eta": "moment",
    "last_recovery_point": "moment",
}
"""The words of every tracker beside the fixed attributes of `Ticket`, each with its type."""


@dataclass(frozen=True, slots=True)
class User:
    """A person as one product knows them: its own immutable id, a name for people, an address where it tells one.

    A user we only know by address has an empty id; the connector looks the id up when it writes.
    """

    id: str
    name: str = ""
    email: str = ""

    def __eq__(self, other: object) -> bool:
        """The same person: by id where both have one, else by address."""
        if not isinstance(other, User):
            return NotImplemented
        if self.id and other.id:
            return self.id == other.id
        return bool(self.email) and self.email.lower() == other.email.lower()

    def __hash__(self) -> int:  # users equal by id or by address cannot share a finer hash
        return 0

    def __str__(self) -> str:
        return self.name or self.email or self.id


Value: TypeAlias = str | float | bool | datetime | User | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Change:
    """One field that became something else. `field` is our word; `by` is None where the product does not say."""

    at: datetime
    field: str
    before: Value
    after: Value
    by: User | None = None
    id: str = ""


class Earlier(Sequence[Change]):
    """The first so many changes of a history, without a copy of them."""

    __slots__ = ("_count", "_whole")

    def __init__(self, whole: Sequence[Change], count: int) -> None:
        self._whole, self._count = whole, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Change]:
        return islice(self._whole, self._count)

    @overload
    def __getitem__(self, place: int) -> Change: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Change]: ...
    def __getitem__(self, place: int | slice) -> Change | Sequence[Change]:
        if isinstance(place, slice):
            return tuple(self)[place]
        return self._whole[range(self._count)[place]]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, read or to be written, in Markdown. Without an id it is a new one; with one it is edited in place."""

    text: str
    public: bool = False
    id: str = ""
    at: datetime | None = None
    by: User | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as just read from its tracker.

    `ref` is the tracker's immutable id, `key` what people call it. `history` is oldest first, in our words.
    `complete_since` says how far back the history is whole: anything earlier is unknown. `ledger` is the JSON text
    that we keep on the ticket, None where there is none; connectors do not look into it. `version` changes whenever
    anything of the ticket does. `source` is the name of the tracker's connector.
    """

    ref: str
    key: str
    summary: str
    created: datetime
    updated: datetime
    phase: Phase = "new"
    source: str = ""
    status: str = ""
    url: str = ""
    kind: str = ""
    description: str = ""
    project: str = ""
    labels: tuple[str, ...] = ()
    reporter: User | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    history: Sequence[Change] = ()
    comments: tuple[Comment, ...] = ()
    complete_since: datetime | None = None
    ledger: str | None = None
    version: str = ""

    def get(self, word: str) -> Value:
        """What a changeable word holds: an attribute (`phase`, `summary`, `labels`…) or a field. KeyError: unknown."""
        return getattr(self, word) if word in _CHANGEABLE else self.fields[word]

    def having(self, changes: Mapping[str, Value], at: datetime, by: User | None = None) -> Ticket:
        """The ticket as it would be after these words changed at `at`."""
        told = tuple(Change(at, word, self._known(word), value, by) for word, value in changes.items())
        later = self._with(changes)
        return replace(later, history=(*self.history, *told))

    def at(self, moment: datetime) -> Ticket:
        """The ticket as it was at `moment`: fields, history and comments; the ledger is today's.

        Words whose history is not whole that far back are absent, so they are unknown.
        """
        undone: dict[str, Value] = {}
        kept = len(self.history)
        while kept and self.history[kept - 1].at > moment:
            kept -= 1
            undone[self.history[kept].field] = self.history[kept].before
        then = replace(
            self._with(undone),
            history=self.history[:kept],
            comments=tuple(c for c in self.comments if c.at is None or c.at <= moment),
        )
        if self.complete_since is not None and moment < self.complete_since:
            return replace(then, fields={})
        return then

    def states(self) -> Iterator[tuple[datetime, Ticket]]:
        """The ticket after each moment at which it changed, newest first, ending with its creation.

        Stops at `complete_since`. The states carry fields and history; comments are today's.
        """
        history, index = self.history, len(self.history)
        own: dict[str, Any] = {each.name: getattr(self, each.name) for each in dataclass_fields(self)}
        fields = own["fields"] = dict(self.fields)
        while index:
            moment = history[index - 1].at
            if self.complete_since is not None and moment < self.complete_since:
                return
            yield moment, Ticket(**{**own, "fields": dict(fields), "history": Earlier(history, index)})
            while index and history[index - 1].at == moment:
                index -= 1
                change = history[index]
                (own if change.field in _CHANGEABLE else fields)[change.field] = change.before
        if self.complete_since is None or self.complete_since <= self.created:
            yield self.created, Ticket(**{**own, "history": ()})

    def _known(self, word: str) -> Value:
        try:
            return self.get(word)
        except KeyError:
            return None

    def _with(self, changes: Mapping[str, Value]) -> Ticket:
        own = {word: value for word, value in changes.items() if word in _CHANGEABLE}
        others = {word: value for word, value in changes.items() if word not in _CHANGEABLE}
        fields = {**self.fields, **others} if others else self.fields
        return replace(self, fields=fields, **own)  # type: ignore[arg-type]  # the keys are checked above


_CHANGEABLE = frozenset({"phase", "status", "summary", "description", "labels", "kind", "reporter", "key", "project"})


# ---- what a webhook can tell us


@dataclass(frozen=True, slots=True)
class Changed:
    """Look at this ticket again. `changes` are believed for one thing only: to recognise the echo of our own edit.

    None means that the product did not say all that changed, so it is no echo. `delivery` is the product's id of
    the delivery, the same when it is sent again.
    """

    ref: str
    changes: tuple[Change, ...] | None = None
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a monitor saw. `fingerprint` is the same for every notice of one trouble; `since` is when it began."""

    fingerprint: str
    since: datetime
    summary: str
    source: str
    firing: bool = True
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody is on call, or away, from one moment until another. A feed that knows no people has a text as name."""

    user: User
    start: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asked for through a messenger.

    `ref` is the ticket's immutable id (or its key, where a person typed it; empty where nothing names it). A text that
    a person typed may come as it is: its verb is then `words`, and it stands in the argument `text`. `by` is the person
    as the messenger knows them. `args` are by name. `reply` is the messenger's own handle for an answer that only they
    see. `at` is when they asked, by the messenger's clock. `id` is the same when the messenger delivers it again.
    `clicked` is the ref of the message whose button it was, where the person can be shown what becomes of it.
    """

    ref: str
    verb: str
    by: User
    source: str
    args: Mapping[str, str] = field(default_factory=dict)
    reply: str = ""
    at: datetime | None = None
    id: str = ""
    clicked: str = ""


Signal: TypeAlias = Changed | Alert | Command


# ---- what we make


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change on a ticket in one request: words with their new values (None empties), and one comment.

    `phase` among the words asks for a transition to that phase, which some trackers make as a request of its own.
    For a new ticket `summary`, `description`, `labels` and `kind` count as words too.
    """

    fields: Mapping[str, Value] = field(default_factory=dict)
    comment: Comment | None = None

    def __bool__(self) -> bool:
        return bool(self.fields) or self.comment is not None


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: `verb` is what a click asks for, on the ticket `ref`."""

    label: str
    verb: str
    ref: str
    style: Literal["", "primary", "danger"] = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """The ticket that a message is about. All but `ref` is empty where whoever reads it may not be told."""

    ref: str
    key: str = ""
    summary: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in Markdown.

    What came from a ticket is already inert in `text` (see `connectors.markup.inert`). `under` is the ref of the
    message it replies to. `colour` is a hint for products that can show one: a severity's rank from 0 (calm) to 1.
    `about` is for products that keep what belongs together in threads with a subject; it is no part of what is said.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    title: str = ""
    under: str = ""
    colour: float | None = None
    about: Topic | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask a person: `name` is the argument of the command that the answer becomes.

    `kind` is a line, a longer text, one of `options`, or a person of the messenger (answered by their id there).
    """

    name: str
    label: str
    kind: Literal["line", "text", "choice", "person"] = "line"
    options: tuple[str, ...] = ()
    value: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """What to ask a person before their command can be carried out."""

    title: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A task on a board."""

    title: str
    text: str = ""
    due: datetime | None = None
    done: bool = False
    assignee: User | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A document, in Markdown."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link that stands above a channel: what it is called, and where it leads."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of its own for one ticket, as it should be.

    `name` is of small letters, digits, `-` and `_`, at most 80 characters; it counts when the channel is opened, and
    people may rename it. `topic` is Markdown. `people` are to be in it, each by the product's own id or by e-mail
    address; others are left in it. `pinned` are refs of messages that stand in it. `archived`: it is closed, with all
    that stands in it; `reopens`: it was archived by us and goes on, so that it may be unarchived.
    """

    name: str
    topic: str = ""
    people: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    pinned: tuple[str, ...] = ()
    private: bool = False
    archived: bool = False
    reopens: bool = False


Thing: TypeAlias = Edit | Comment | Message | Card | Page | Channel


# ---- what `find` can answer


@dataclass(frozen=True, slots=True)
class Found:
    """It is there, under this ref."""

    ref: str


@dataclass(frozen=True, slots=True)
class Absent:
    """It is certainly not there."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The product could not answer surely (search is down, or lags behind)."""

    why: str = ""


Answer: TypeAlias = Found | Absent | CannotTell
