"""An act, and how the ledger writes many of them in little room: nothing of any is lost.

Each act is a row: its id, milliseconds since the act before, who asked, what for, and the arguments in the order in
which `q` names them. Who and what stand in lists of their own, once. A moment among the arguments is written as
milliseconds after its act, with minutes east of UTC beside it where it was told in another zone.

    "w":["ann","tom"], "q":[["acknowledge"],["pause","until"]],
    "a":[["kP3x_0aQ",1795424400000,0,0],["9vXb2LmA",60000,1,1,3600000]]
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any, Final, TypeAlias

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(milliseconds=1)
_MINUTE: Final = timedelta(minutes=1)
_SHORTEST_MOMENT: Final = len("2026-11-24T10:32:00+00:00")
_ID_BYTES: Final = 6

Shape: TypeAlias = tuple[str, ...]
"""A verb, and the names of its arguments."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a person asked for through us. `by` is their key in `[people]`, or their name; `args` are by name.

    Where `by` is empty it is our own: what came of it that nobody answered.
    """

    id: str
    at: datetime
    by: str
    verb: str
    args: Mapping[str, str] = field(default_factory=dict)


def known_as(ident: str) -> str:
    """What a command is known by on the ticket, however long the messenger's own id of it is: eight characters."""
    return urlsafe_b64encode(blake2b(ident.encode(), digest_size=_ID_BYTES).digest()).decode()


def ms(moment: datetime) -> int:
    """A moment as whole milliseconds since 1970 (UTC)."""
    return round(moment.timestamp() * 1000)


def moment_of(said: Any) -> datetime:
    """The moment of so many milliseconds since 1970 (UTC). Raises TypeError where it is no whole number."""
    if isinstance(said, bool) or not isinstance(said, int):
        raise TypeError(f"a moment is a whole number, not {said!r}")
    return _EPOCH + timedelta(milliseconds=said)


def packed(acts: Iterable[Act]) -> Mapping[str, Any]:
    """Acts as parts of the ledger's document, in their order."""
    people: dict[str, int] = {}
    shapes: dict[Shape, int] = {}
    rows, before = [], 0
    for act in acts:
        at, shape = ms(act.at), (act.verb, *act.args)
        who, what = people.setdefault(act.by, len(people)), shapes.setdefault(shape, len(shapes))
        rows.append([act.id, at - before, who, what, *(_written(said, at) for said in act.args.values())])
        before = at
    lists = {"w": list(people), "q": [list(shape) for shape in shapes]} if rows else {}
    return {**lists, "a": rows}


def unpacked(document: Mapping[str, Any]) -> Iterator[Act]:
    """The acts of a ledger's document. Raises TypeError, ValueError, LookupError where it is damaged."""
    people, shapes = document.get("w", ()), document.get("q", ())
    before = 0
    for ident, since, who, what, *said in document["a"]:
        at, (verb, *names) = moment_of(before + since), shapes[what]
        before += since
        args = {str(name): _read(value, at) for name, value in zip(names, said, strict=True)} if names or said else {}
        yield Act(str(ident), at, str(people[who]), str(verb), args)


def _written(said: str, at: int) -> str | int | list[int]:
    """An argument; a moment as one, where it can be read back letter by letter."""
    if len(said) < _SHORTEST_MOMENT or said[10] != "T":
        return said
    try:
        read = datetime.fromisoformat(said)
        east = read.utcoffset()
        if east is None or east % _MINUTE:
            return said
        number = (read - _EPOCH) // _TICK - at
        made = [number, east // _MINUTE] if east else number
        return made if _read(made, _EPOCH + timedelta(milliseconds=at)) == said else said
    except (ValueError, OverflowError):  # also where it is no moment in UTC, in the first year or the last
        return said


def _read(said: Any, at: datetime) -> str:
    if isinstance(said, str):
        return said
    number, east = said if isinstance(said, list) else (said, 0)
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"an argument is a text or a moment, not {said!r}")
    when = at + timedelta(milliseconds=number)
    return (when.astimezone(timezone(timedelta(minutes=east))) if east else when).isoformat()
