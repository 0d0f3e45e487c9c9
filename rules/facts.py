"""A ticket's words as conditions and texts see them: resolved against the catalogue, each read when first asked for.

Empty is None; UNKNOWN is what the tracker does not tell, or told too long ago. A value that does not fit its declared
type is unknown as well: a number field that holds prose says nothing about numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.model import Change, Ticket, User, Value
from rules.calendar import is_open
from rules.directory import person_of, user_of
from rules.events import OPEN, Event, acknowledged_by
from rules.life import Life
from rules.logic import UNKNOWN, Truth
from rules.model import RuleSet, Service
from rules.patterns import LONGEST_TEXT, Pattern, Searched

_OWN = frozenset({"key", "url", "summary", "description", "kind", "phase", "created", "updated", "project", "status"})
SAID = frozenset({"eta", "last_recovery_point", "hold", "hold_reason"})
"""Words that are, where no field is mapped, what people last said through us; roles are so as well."""
_TRUE = frozenset({"yes", "true", "on", "1", "y", "ja"})
_FALSE = frozenset({"no", "false", "off", "0", "n", "nein"})


@dataclass(frozen=True, slots=True)
class Who:
    """A person of the ticket: by their key in `[people]` where they are known, and as the tracker knows them.

    `names` are all that a condition or a list may call them.
    """

    key: str
    user: User
    name: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Every name: `ann`, `person:ann`, `email:ann@example.org`, and bare address and account."""
        address, account = self.user.email.lower(), self.user.id
        found = {self.key, f"person:{self.key}"} if self.key else set()
        found |= {address, f"email:{address}"} if address else set()
        return frozenset(found | ({account} if account else set()))

    def __eq__(self, other: object) -> bool:
        """The same person; a key alone counts as them."""
        if isinstance(other, str):
            return other in self.names
        return isinstance(other, Who) and (self.user == other.user or (bool(self.key) and self.key == other.key))

    def __hash__(self) -> int:  # equal to several names, so there is no finer one
        return 0

    def __str__(self) -> str:
        return self.name or self.key or str(self.user)


class Facts:
    """The words of one ticket under one rule set; `now` is the moment that texts are written at.

    `life` is what the ticket shares with other moments of the same one: those have the first so many of its changes.
    """

    __slots__ = ("_hits", "_life", "_searched", "_values", "now", "rules", "ticket")

    def __init__(self, ticket: Ticket, rules: RuleSet, now: datetime | None = None, life: Life | None = None) -> None:
        self.ticket, self.rules, self.now = ticket, rules, now
        self._life = Life(ticket) if life is None else life
        self._values: dict[str, Any] = {}
        self._searched: dict[str, Searched] = {}
        self._hits: dict[str, frozenset[Pattern] | None] = {}

    def __getitem__(self, word: str) -> Any:
        """The value of a word, or of a service's attribute; None is empty, UNKNOWN cannot be known."""
        if word in self._values:
            return self._values[word]
        value = self._values[word] = self._read(word)
        return value

    def found(self, pattern: Pattern) -> Truth:
        """Whether a pattern is found in its word; an empty word holds nothing."""
        hits = self.hits(pattern.word)
        if hits is None:
            return None
        if pattern not in hits and pattern in self.rules.index.patterns:
            return False
        return pattern.found(self._searched[pattern.word])

    def hits(self, word: str) -> frozenset[Pattern] | None:
        """The rule set's patterns that may be found in a word, by one pass over its text; None where it is unknown."""
        try:
            return self._hits[word]
        except KeyError:
            value = self[word]
            if value is UNKNOWN:
                self._hits[word] = None
            else:
                self._searched[word], self._hits[word] = self._search(word, str(value or ""))
            return self._hits[word]

    def _search(self, word: str, said: str) -> tuple[Searched, frozenset[Pattern]]:
        known = self._life.texts
        if (word, said) not in known:
            text = Searched(said)
            known[word, said] = text, self.rules.index.hits(word, text)
        return known[word, said]

    def during(self, moment: datetime, calendar: str) -> bool:
        """Whether a calendar is open at a moment."""
        return is_open(self.rules.calendars[calendar], moment)

    def happened(self, me: User | None, defaults: Mapping[str, Value]) -> tuple[Event, ...]:
        """Everything that happened to the ticket, read once however many texts ask; `me` is our own account."""
        now = self._life if self._life.ticket is self.ticket else Life(self.ticket)
        return now.events(self.rules, me, defaults)

    def words(self, extras: Mapping[str, object]) -> Mapping[str, object]:
        """Every word for a text, with these beside them; what is unknown is empty there."""
        return _Words(self, extras)

    def _read(self, word: str) -> Any:
        name, _, attribute = word.partition(".")
        if attribute:
            owner = self[name]
            return owner if owner is UNKNOWN or owner is None else getattr(owner, attribute)
        if word in _OWN:
            return getattr(self.ticket, word)
        special = _SPECIAL.get(word)
        if special is not None:
            return special(self)
        if word not in self.ticket.fields:
            return self._by_history(word) if word in self.rules.roles or word in SAID else UNKNOWN
        return self._declared(word, self.ticket.fields[word])

    def _by_history(self, word: str) -> Any:
        """A word the tracker has no field for, as people last said it."""
        last = next(self._newest(word), None)
        return self._declared(word, last.after if last is not None else None)

    def _newest(self, word: str) -> Iterator[Change]:
        return self._life.newest(word, len(self.ticket.history))

    def _declared(self, word: str, value: Any) -> Any:
        """A value as its declared type reads it."""
        type_ = self.rules.vocabulary.words.get(word)
        if isinstance(value, User) or (value and type_ is not None and type_.kind == "user"):
            return self._person(value)
        if value is None or value == "" or value == ():
            return None
        return value if type_ is None else _coerced(value, type_.kind)

    def _person(self, value: Any) -> Who:
        """Somebody of the ticket; where people are named through us, it is by their key."""
        if isinstance(value, User):
            key = person_of(value, self.ticket.source, self.rules) or ""
            return Who(key, value, str(self.rules.people[key]) if key else "")
        if value in self.rules.people:
            return Who(value, user_of(value, self.ticket.source, self.rules), str(self.rules.people[value]))
        return Who("", User("", str(value)))

    def _service(self) -> Service | Any | None:
        if "service" not in self.ticket.fields:
            return UNKNOWN
        value = self.ticket.fields["service"]
        names = value if isinstance(value, tuple) else (value,)
        known = [self.rules.services[name] for name in names if isinstance(name, str) and name in self.rules.services]
        levels = self.rules.scales.get("criticality", ())
        return max(known, key=lambda s: levels.index(s.criticality) if s.criticality in levels else -1, default=None)

    def _text(self) -> str:
        return f"{self.ticket.summary}\n{self.ticket.description}"[:LONGEST_TEXT]

    def _acknowledger(self) -> Any:
        """Who takes care of it; whoever did so through us is named by their key."""
        found = acknowledged_by(self.ticket)
        named = isinstance(found, User) and not found.id and not found.email
        return self._declared("assignee", found.name if isinstance(found, User) and named else found)

    def _detected(self) -> datetime:
        value = self._declared("detected", self.ticket.fields.get("detected"))
        return value if isinstance(value, datetime) else self.ticket.created

    def _restored(self) -> Any:
        value = self._declared("restored", self.ticket.fields.get("restored"))
        if isinstance(value, datetime) or self.ticket.phase in OPEN:
            return value if isinstance(value, datetime) else None
        over = (c.at for c in self._newest("phase") if c.before in OPEN)
        known = self.ticket.complete_since
        return next(over, self.ticket.created if known is None or known <= self.ticket.created else UNKNOWN)


_SPECIAL: Mapping[str, Callable[[Facts], Any]] = {
    "service": Facts._service,
    "text": Facts._text,
    "acknowledged": lambda facts: facts._life.acknowledged(len(facts.ticket.history)),
    "acknowledger": Facts._acknowledger,
    "detected": Facts._detected,
    "restored": Facts._restored,
    "labels": lambda facts: facts.ticket.labels or None,
    "reporter": lambda facts: facts._declared("reporter", facts.ticket.reporter),
}


class _Words(Mapping[str, object]):
    """Facts as the variables of a text."""

    def __init__(self, facts: Facts, extras: Mapping[str, object]) -> None:
        self._facts, self._extras = facts, extras

    def __getitem__(self, word: str) -> object:
        if word in self._extras:
            return self._extras[word]
        if word not in self._facts.rules.vocabulary.words and word not in _OWN:
            raise KeyError(word)
        value = self._facts[word]
        return None if value is UNKNOWN else value

    def __iter__(self) -> Iterator[str]:
        yield from self._extras
        yield from (word for word in (*self._facts.rules.vocabulary.words, *_OWN) if word not in self._extras)

    def __len__(self) -> int:
        return len(set(self))


def _coerced(value: Any, kind: str) -> Any:
    """A tracker's value as this kind of word, or UNKNOWN where it is none."""
    if kind == "number":
        return _number(value)
    if kind == "flag":
        return _flag(value)
    if kind == "moment":
        return _moment(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return UNKNOWN
    if isinstance(value, (int, float)):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return UNKNOWN


def _flag(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple):
        return any(_flag(one) is True for one in value) or not all(str(one).lower() in _FALSE for one in value)
    said = str(value).strip().lower()
    return True if said in _TRUE else False if said in _FALSE else UNKNOWN


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return UNKNOWN
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
