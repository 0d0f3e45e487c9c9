"""A scenario: what people and products do, and what must be seen of it, at moments counted from its beginning.

    name  = "checkout-down"
    start = 2026-11-23T09:00:00Z
    [[step]]
    at = "20:00"
    by = "ann"
    click = "Take it"
    place = "#incidents"
    text = "Checkout"
    [[expect]]
    at = "20:00"
    name = "Ann has it"
    ticket = "checkout"
    fields = { Assignee = "Ann Archer" }

Every key is checked when the file is read, and every mistake is told with its place. What an expectation says is looked
up in the sandbox's world; Pointman is never asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

T = TypeVar("T")
Verb: TypeAlias = Literal["create", "set", "comment", "status", "click", "say", "outage"]

HERE: Final = Path(__file__).parent / "scenarios"
WITHIN: Final = timedelta(minutes=1)
"""How long, by the sandbox's clock, something expected may take where the file says nothing."""


class Wrong(Exception):
    """A scenario that cannot be played; every mistake is one line."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something happens: `verb` says what, `said` is its value.

    create: `ticket` is what the scenario calls it, `fields` as people see them. set: `fields`. comment: the text.
    status: the status' name. click: the button's label, under the message at `place` that says `text`. say: the text.
    outage: the product, to `until`.
    """

    at: timedelta
    verb: Verb
    said: str
    by: str = ""
    ticket: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    text: str = ""
    until: timedelta | None = None

    def __str__(self) -> str:
        who = self.by.capitalize()
        if self.verb == "create":
            return f"{who} creates a ticket: {self.fields.get('Summary', '')}"
        if self.verb == "set":
            return f"{who} sets {', '.join(f'{name} to {value}' for name, value in self.fields.items())}"
        if self.verb == "comment":
            return f"{who} comments: {self.said}"
        if self.verb == "status":
            return f"{who} moves the ticket to {self.said}"
        if self.verb == "click":
            return f"{who} clicks “{self.said}” in {self.place}"
        if self.verb == "say":
            return f"{who} writes in {self.place}: {self.said}"
        until = f" until {clock(self.until)}" if self.until is not None else ""
        return f"{self.said.capitalize()} answers nothing but 503{until}"


@dataclass(frozen=True, slots=True)
class Expect:
    """Something must be seen, at the latest `within` after `at`; with `until`, all the time from `at` on.

    Of a ticket: `fields`, `logs` (how many log comments), `log` (what the log says). Of messages: those at `place` that
    say `text`, where given with exactly these `buttons`, and `under` another message or not; `times` of them exactly,
    else at least one. `quiet`: nothing that people can see changes.
    """

    at: timedelta
    name: str
    within: timedelta = WITHIN
    until: timedelta | None = None
    ticket: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    log: str = ""
    logs: int | None = None
    place: str = ""
    text: str = ""
    buttons: tuple[str, ...] | None = None
    under: str | None = None
    times: int | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps and expectations, both in the order of time. `start` is the sandbox's moment at the beginning."""

    name: str
    title: str
    start: datetime
    steps: tuple[Step, ...]
    expects: tuple[Expect, ...]
    channels: tuple[str, ...] = ()

    @property
    def length(self) -> timedelta:
        """How long it plays, by the sandbox's clock."""
        ends = [step.at for step in self.steps]
        ends += [e.until if e.until is not None else e.at for e in self.expects]
        return max(ends, default=timedelta(0))


def load(path: Path) -> Scenario:
    """Read a scenario. Raises Wrong: all mistakes at once, or that the file cannot be read."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Wrong(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Wrong(f"{path}: {error}") from None
    return parse(told, path.stem, str(path))


def parse(told: Mapping[str, Any], name: str = "scenario", file: str = "scenario") -> Scenario:
    """A scenario from a TOML document. Raises Wrong."""
    reading = _Reading(file)
    start = told.get("start", datetime(2026, 11, 23, 9, tzinfo=UTC))
    if not isinstance(start, datetime) or start.tzinfo is None:
        reading.mistakes.append(f"{file}: start must be a moment with a zone, as 2026-11-23T09:00:00Z")
    reading.unknown(file, told, ("name", "title", "start", "channels", "step", "expect"))
    steps = reading.each(told, "step", reading.step)
    expects = reading.each(told, "expect", reading.expect)
    reading.names(steps, expects)
    if reading.mistakes:
        raise Wrong("\n".join(reading.mistakes))
    title = str(told.get("title", ""))
    channels = tuple(map(str, told.get("channels", ())))
    ordered = tuple(sorted(steps, key=lambda s: s.at)), tuple(sorted(expects, key=lambda e: e.at))
    return Scenario(str(told.get("name", name)), title, start, *ordered, channels)


def clock(since: timedelta) -> str:
    """A moment of the scenario as its file writes it: minutes and seconds."""
    minutes, seconds = divmod(round(since.total_seconds()), 60)
    return f"{minutes:02d}:{seconds:02d}"


VERBS: Final[tuple[Verb, ...]] = ("create", "set", "comment", "status", "click", "say", "outage")
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "create": ("by", "fields"),
    "set": ("by", "ticket"),
    "comment": ("by", "ticket"),
    "status": ("by", "ticket"),
    "click": ("by", "place"),
    "say": ("by", "place"),
    "outage": ("until",),
}
_KINDS: Final[Mapping[str, tuple[type, str]]] = {
    "name": (str, "a text"),
    "by": (str, "a person's name"),
    "ticket": (str, "a ticket's name"),
    "place": (str, 'a channel such as "#incidents", "@tom", or "teams:#Incidents"'),
    "text": (str, "a text"),
    "under": (str, "a text"),
    "log": (str, "a text"),
    "fields": (dict, "a table"),
    "buttons": (list, "a list of labels"),
    "logs": (int, "a number"),
    "times": (int, "a number"),
    "quiet": (bool, "true or false"),
}
_MOMENTS: Final = ("at", "within", "until")


class _Reading:
    """Reads tables and collects what is wrong with them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[str] = []

    def each(self, told: Mapping[str, Any], kind: str, read: Callable[[str, Mapping[str, Any]], T | None]) -> list[T]:
        tables = told.get(kind, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.mistakes.append(f"{self.file}: {kind} must be written as [[{kind}]]")
            return []
        made = [read(f"{self.file}: {kind} {number}", table) for number, table in enumerate(tables, 1)]
        return [each for each in made if each is not None]

    def step(self, where: str, table: Mapping[str, Any]) -> Step | None:
        verbs = [verb for verb in VERBS if verb in table]
        if len(verbs) != 1:
            self.mistakes.append(f"{where}: says {', '.join(verbs) or 'nothing'}; it must be one of {', '.join(VERBS)}")
            return None
        verb = verbs[0]
        values = self._values(where, table, ("at", "by", "ticket", "fields", "place", "text", "until", verb))
        said = table[verb]
        if verb == "set":
            values["fields"], said = (said if isinstance(said, dict) else {}), ""
        elif verb == "create":
            values["ticket"] = said
        if not isinstance(said, str):
            self.mistakes.append(f"{where}: {verb} must be a text")
        self.mistakes += [f"{where}: {verb} needs {need}" for need in _NEEDS[verb] if not values.get(need)]
        return self._made(where, lambda: Step(verb=verb, said=said, **values))

    def expect(self, where: str, table: Mapping[str, Any]) -> Expect | None:
        known = (
            "at",
            "name",
            "within",
            "until",
            "ticket",
            "fields",
            "log",
            "logs",
            "place",
            "text",
            "buttons",
            "under",
        )
        values = self._values(where, table, (*known, "times", "quiet"))
        if "buttons" in values:
            values["buttons"] = tuple(values["buttons"])
        subjects = [s for s in ("ticket", "place", "quiet") if table.get(s)]
        if len(subjects) != 1:
            self.mistakes.append(f"{where}: must say one of ticket, place, quiet")
        return self._made(where, lambda: Expect(**values))

    def names(self, steps: list[Step], expects: list[Expect]) -> None:
        """Every ticket that is spoken of must have been created."""
        made = {step.ticket for step in steps if step.verb == "create"}
        spoken = {s.ticket for s in steps} | {e.ticket for e in expects}
        for name in sorted(spoken - made - {""}):
            self.mistakes.append(f"{self.file}: no step creates a ticket {name}; there are {', '.join(sorted(made))}")

    def unknown(self, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in sorted(set(table) - set(known)):
            self.mistakes.append(f"{where}: {key} is not known here; there are {', '.join(known)}")

    def _values(self, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
        self.unknown(where, table, known)
        return dict(self._checked(where, {k: v for k, v in table.items() if k in known and k not in VERBS}))

    def _checked(self, where: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        if "at" not in table:
            self.mistakes.append(f'{where}: must say when, as at = "05:00"')
        for key, value in table.items():
            if key in _MOMENTS:
                moment = _moment(value)
                if moment is None:
                    self.mistakes.append(f'{where}: {key} must be minutes and seconds, as "05:00"')
                else:
                    yield key, moment
            elif not isinstance(value, _KINDS[key][0]):
                self.mistakes.append(f"{where}: {key} must be {_KINDS[key][1]}")
            else:
                yield key, value

    def _made(self, where: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except TypeError as error:  # a key that must be there, and is not
            if not any(mistake.startswith(where) for mistake in self.mistakes):
                self.mistakes.append(f"{where}: {str(error).partition('() ')[2]}")
            return None


def _moment(value: Any) -> timedelta | None:
    if not isinstance(value, str):
        return None
    minutes, colon, seconds = value.partition(":")
    if not (colon and minutes.isdigit() and seconds.isdigit() and len(seconds) == 2 and int(seconds) < 60):
        return None
    return timedelta(minutes=int(minutes), seconds=int(seconds))
