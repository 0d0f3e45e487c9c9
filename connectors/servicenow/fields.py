"""A record's columns as our words: which word is which column, what its values mean, and how a value is written.

Words are read from a whole record, never from one column: severity is impact and urgency, phase, status and hold all
follow from the state. So the record as it is and as it was at any moment of its history are read by the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectors.errors import Refused
from connectors.model import PHASES, WORDS, Phase, User, Value
from connectors.servicenow.client import EMPTY, Cell, Row
from connectors.servicenow.dictionary import Described, Dictionary
from connectors.servicenow.names import USERS, Names
from connectors.servicenow.plain import to_plain
from connectors.servicenow.settings import LEDGER, LEVELS, Kind, ServiceNowSettings

OWN: Final[Mapping[str, str]] = {"summary": "short_description", "description": "description"}
"""The words that every ticket has, by the columns they are."""
USUAL: Final[Mapping[str, str]] = {
    "assignee": "assigned_to",
    "team": "assignment_group",
    "service": "business_service",
    "detected": "opened_at",
    "restored": "resolved_at",
}
"""The columns of our words, where the configuration does not say others."""
SIZES: Final[Mapping[str, int]] = {"short_description": 160, "description": 4000}
"""What these columns keep; an instance cuts what is longer without a word."""
STAMP: Final = "%Y-%m-%d %H:%M:%S"
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,15})(\.\d+)?")
_REPORTERS: Final = ("caller_id", "opened_by")


def moment(text: str) -> datetime:
    """A moment as the database holds it: UTC, `2026-11-23 10:00:00`, or a day alone. Raises ValueError."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def written(at: datetime) -> str:
    """A moment as the database holds it."""
    return at.astimezone(UTC).strftime(STAMP)


class Fields:
    """The map between our words and the columns of one table."""

    def __init__(self, settings: ServiceNowSettings, names: Names, dictionary: Dictionary) -> None:
        self._settings = settings
        self._names = names
        self._dictionary = dictionary
        self._described: Mapping[str, Described] = {}
        self.columns: dict[str, str] = {**USUAL, **settings.fields}
        self.paired = "severity" not in settings.fields
        values = {word: dict(told) for word, told in settings.values.items()}
        if self.paired:
            values.setdefault("severity", dict(LEVELS))
        self.theirs: Mapping[str, Mapping[str, tuple[str, ...]]] = values
        self._ours = {
            word: {their.casefold(): our for our, several in told.items() for their in several}
            for word, told in values.items()
        }
        self._phases: dict[str, Phase] = {v: phase for phase, told in settings.states.items() for v in told}

    def asked(self) -> tuple[str, ...]:
        """Every column that our words are read from."""
        own = (*OWN.values(), "state", "active", *self.columns.values(), *_REPORTERS)
        hold = (self._settings.hold.reason,) if self._settings.hold.reason else ()
        return tuple(dict.fromkeys((*own, *(("impact", "urgency") if self.paired else ()), *hold)))

    def words_of(self, column: str) -> tuple[str, ...]:
        """The words that a column says something of."""
        told = [word for word, mapped in (*OWN.items(), *self.columns.items()) if mapped == column]
        if self.paired and column in {"impact", "urgency"}:
            told.append("severity")
        if column == "state":
            told += ["phase", "hold"]
        if column == self._settings.hold.reason:
            told.append("hold_reason")
        return tuple(dict.fromkeys(told)) or (column,)

    def ready(self) -> None:
        """Find out what the columns hold, once. Raises Temporary."""
        if not self._described:
            self._described = self._dictionary.columns((*self.asked(), LEDGER))
            for column, told in self._described.items():
                if told.to:
                    self._names.refers(column, told.to)

    # ---- whom a record means

    def ids(self, row: Row) -> Iterator[tuple[str, str]]:
        """The ids in a record whose names the words need, each with its table."""
        for column in self.asked():
            cell = row.get(column, EMPTY)
            self._names.learn(column, cell)
            table = cell.table or self._table(column)
            if table and cell.value:
                yield table, cell.value

    def _table(self, column: str) -> str:
        if any(self._settings.types.get(word) == "user" for word, c in self.columns.items() if c == column):
            return USERS
        return self._names.leads_to(column)

    # ---- reading

    def words(self, row: Row, *, told: bool = False) -> dict[str, Value]:
        """Every word that a record tells. A value that no map names is left out, or (`told`) said as it is."""
        words: dict[str, Value] = {}
        for word, column in (*OWN.items(), *self.columns.items()):
            if column in row:
                known, value = self._read(word, column, row[column])
                if known or told:
                    words[word] = value
        if self.paired and {"impact", "urgency"} & row.keys():
            known, value = self._level(row)
            if known or told:
                words["severity"] = value
        if "state" in row:
            words |= self._state(row)
        reporter = next((row[column] for column in _REPORTERS if row.get(column, EMPTY).value), None)
        words["reporter"] = self._names.person(reporter.value) if reporter else None
        return words

    def _level(self, row: Row) -> tuple[bool, Value]:
        impact, urgency = (row.get(column, EMPTY).value for column in ("impact", "urgency"))
        if not impact and not urgency:
            return True, None
        pair = f"{impact}/{urgency}"
        ours = self._ours["severity"].get(pair)
        return ours is not None, ours or pair

    def _state(self, row: Row) -> Iterator[tuple[str, Value]]:
        cell, hold = row["state"], self._settings.hold
        yield "status", cell.display or self._names.label("state", cell.value)
        yield "phase", self.phase(row)
        held = cell.value in hold.states
        yield "hold", held
        if hold.reason in row:
            reason = row[hold.reason]
            shown = reason.display or self._names.label(hold.reason, reason.value)
            yield (
                "hold_reason",
                (self._ours.get("hold_reason", {}).get(shown.casefold(), shown) or None) if held else None,
            )

    def phase(self, row: Row) -> Phase:
        """The phase by the state's value; of a state that nobody has named, by whether the record is active."""
        known = self._phases.get(row.get("state", EMPTY).value)
        return known or ("closed" if row.get("active", EMPTY).value == "false" else "active")

    def _read(self, word: str, column: str, cell: Cell) -> tuple[bool, Value]:
        """What a column says of a word, as (known, value)."""
        if not cell.value:
            return True, None
        ours = self._ours.get(word)
        if ours is None:
            return True, self._plain(word, column, cell)
        shown = self._shown(column, cell)
        meant = next((ours[one.casefold()] for one in (cell.value, shown) if one.casefold() in ours), None)
        if meant is None:
            return word == "service", None if word == "service" else shown
        return True, {"true": True, "false": False}.get(meant, meant)

    def _plain(self, word: str, column: str, cell: Cell) -> Value:
        """A value in our types: by what the column is known to hold, else by its shape."""
        kind = self.kind(word, column, cell)
        if kind == "user":
            return self._names.person(cell.value)
        try:
            if kind == "moment":
                return moment(cell.value)
            if kind == "number":
                return float(cell.value)
        except ValueError:
            return cell.value
        return cell.value == "true" if kind == "flag" else self._shown(column, cell)

    def _shown(self, column: str, cell: Cell) -> str:
        table = cell.table or self._table(column)
        if table:
            return cell.display or self._names.name(table, cell.value)
        return cell.display or self._names.label(column, cell.value)

    def kind(self, word: str, column: str, cell: Cell = EMPTY) -> Kind:
        """What a word's column holds."""
        described = self._described.get(column)
        said = self._settings.types.get(word) or (described.kind if described is not None else None)
        if said is not None:
            return said
        if (cell.table or self._table(column)) == USERS or WORDS.get(word) == "user":
            return "user"
        if cell.table or self._table(column):
            return "text"
        if word in WORDS:
            return "moment" if WORDS[word] == "moment" else "text"
        if word in OWN:
            return "text"
        return _shape(cell.value)

    # ---- writing

    def write(self, words: Mapping[str, Value]) -> dict[str, str]:
        """The columns that make these words hold. Raises Refused with every word that cannot be written."""
        body: dict[str, str] = {}
        refused: dict[str, str] = {}
        for word, value in words.items():
            try:
                body |= self._written(word, value, words)
            except Refused as error:
                refused[word] = str(error)
        if refused:
            said = "; ".join(f"{word}: {reason}" for word, reason in refused.items())
            raise Refused(said, fields=refused)
        return body

    def _written(self, word: str, value: Value, words: Mapping[str, Value]) -> Mapping[str, str]:
        if word == "phase":
            return self._to_phase(value, on_hold=words.get("hold") is True)
        if word in {"hold", "hold_reason"} and word not in self.columns:
            return self._held(word, value, words)
        if word == "severity" and self.paired:
            return self._paired(value)
        column = self.columns.get(word) or OWN.get(word)
        if column is None:
            raise Refused("no column of ServiceNow is mapped to it")
        return {column: self._text(word, column, value)}

    def _to_phase(self, value: Value, *, on_hold: bool) -> Mapping[str, str]:
        if value not in PHASES:
            raise Refused(f"there is no phase {value}")
        states = self._settings.states.get(value, ())  # type: ignore[arg-type]  # it is one of them
        if not states:
            raise Refused(f"no state of {self._settings.table} is mapped to {value}")
        return {} if on_hold else {"state": states[0]}

    def _held(self, word: str, value: Value, words: Mapping[str, Value]) -> Mapping[str, str]:
        hold = self._settings.hold
        if word == "hold_reason":
            return {hold.reason: self._reason(value)} if hold.reason and words.get("hold") is not False else {}
        if not hold.states:
            raise Refused("no state of ServiceNow means on hold")
        if value:
            reason = {hold.reason: hold.otherwise} if hold.reason and "hold_reason" not in words else {}
            return {"state": hold.states[0], **reason}
        going_on = next((s for s in self._settings.states.get("active", ()) if s not in hold.states), "")
        if not going_on:
            raise Refused("no state of ServiceNow is mapped to active")
        gone = {hold.reason: ""} if hold.reason else {}
        return gone if "phase" in words else {"state": going_on, **gone}

    def _reason(self, value: Value) -> str:
        """The value of the list that is meant; a sentence that is none of it becomes the one for all else."""
        if value is None:
            return ""
        hold, said = self._settings.hold, str(value).strip().casefold()
        mapped = self.theirs.get("hold_reason", {}).get(str(value))
        wanted = mapped[0].casefold() if mapped else said
        for their, label in self._names.choices(hold.reason).items():
            if wanted in {their.casefold(), label.casefold()}:
                return their
        return hold.otherwise

    def _paired(self, value: Value) -> Mapping[str, str]:
        if value is None:
            return {"impact": "", "urgency": ""}
        pairs = self.theirs["severity"].get(str(value))
        if not pairs:
            raise Refused(f"values.severity says nothing of {value}")
        impact, _, urgency = pairs[0].partition("/")
        return {"impact": impact, "urgency": urgency}

    def _text(self, word: str, column: str, value: Value) -> str:
        if value is None or value == ():
            return ""
        kind = self.kind(word, column)
        if isinstance(value, User) or kind == "user":
            return self._user(value)
        if isinstance(value, datetime):
            return written(value)
        if isinstance(value, bool):
            mapped = self.theirs.get(word, {}).get(str(value).lower())
            return mapped[0] if mapped else str(value).lower()
        if isinstance(value, float | int):
            return f"{value:.15g}"
        if isinstance(value, tuple):
            return ",".join(self._one(word, column, part) for part in value)
        return self._one(word, column, value)

    def _one(self, word: str, column: str, value: str) -> str:
        several = self.theirs.get(word, {}).get(value)
        their = several[0] if several else value
        table = self._table(column)
        if table:
            found = self._names.id(table, their)
            if not found:
                raise Refused(f"ServiceNow knows no {their} in {table}")
            return found
        if word in OWN:
            return cut(to_plain(their) if word == "description" else " ".join(their.split()), self._size(column))
        for choice, label in self._names.choices(column).items():
            if their in {choice, label}:
                return choice
        return their

    def _size(self, column: str) -> int:
        described = self._described.get(column)
        return described.size if described is not None and described.size else SIZES[column]

    def _user(self, value: Any) -> str:
        user = value if isinstance(value, User) else User("", "", value) if "@" in str(value) else User(str(value))
        found = self._names.person_id(user)
        if not found:
            raise Refused(f"nobody in ServiceNow is {user.email or user.id}")
        return found


def cut(text: str, size: int) -> str:
    """A text as a column of this size keeps it, with a sign that it was longer."""
    return text if len(text) <= size else f"{text[: size - 1]}…"


def differing(before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterable[str]:
    """The words that are not the same in two readings."""
    return [word for word in (*before, *(w for w in after if w not in before)) if before.get(word) != after.get(word)]


def _shape(text: str) -> Kind:
    if _STAMPED.fullmatch(text):
        return "moment"
    if text in {"true", "false"}:
        return "flag"
    return "number" if _NUMBER.fullmatch(text) else "text"
