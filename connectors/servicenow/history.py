"""A record's history as changes of our words, oldest first.

`sys_audit` tells column by column what was and what became. The record as it was before is counted back from how it is
now, and then led forward update by update; what our words were is read from the whole each time. So a severity that is
two columns changes once where both were written together, and a state tells status, phase and hold.

Where the audit may not be read, `connectors.servicenow.lines` gives the same entries, as far as they reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Final

from connectors.model import Change, Value
from connectors.servicenow.client import EMPTY, Cell, Row
from connectors.servicenow.fields import Fields, differing, moment
from connectors.servicenow.names import Names

AUDITED: Final = ("documentkey", "fieldname", "oldvalue", "newvalue", "user", "sys_created_on", "record_checkpoint")
"""The columns of an entry of the audit."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One column that became something else, in an update (`count`, the record's number of it)."""

    at: datetime
    count: int
    column: str
    before: str
    after: str
    by: str
    id: str


def entry(row: Row) -> Entry:
    """An entry of the audit. Raises ValueError where it tells no moment."""
    said = {name: row.get(name, EMPTY).value for name in AUDITED}
    count = said["record_checkpoint"]
    return Entry(
        moment(said["sys_created_on"]),
        int(count) if count.isdigit() else -1,
        said["fieldname"],
        said["oldvalue"],
        said["newvalue"],
        said["user"],
        row["sys_id"].value,
    )


class History:
    """Reads the history of the records of one table."""

    def __init__(self, fields: Fields, names: Names) -> None:
        self._fields = fields
        self._names = names

    def about(self, entries: Iterable[Entry], row: Row) -> list[Entry]:
        """The entries that say something of our words and are not later than the record as it was read.

        What a record was made with is no change: an instance may audit that as well, as the record's update 0. An
        entry may be written after its record, in another second; so it is the number of its update that counts.
        """
        asked, until = set(self._fields.asked()), moment(row["sys_updated_on"].value)
        updates = row.get("sys_mod_count", EMPTY).value
        newest = int(updates) if updates.isdigit() else None
        kept = (one for one in entries if one.column in asked and one.column in row and one.count != 0)
        told = [one for one in kept if _told_by(one, newest, until)]
        return sorted(_together(told), key=lambda one: (one.at, one.count))

    def ids(self, entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
        """The ids in these entries whose names the words need, each with its table."""
        for one in entries:
            table = self._names.leads_to(one.column)
            if table:
                yield from ((table, id_) for id_ in (one.before, one.after) if id_)

    def read(self, entries: Sequence[Entry], row: Row) -> tuple[Change, ...]:
        """The changes of these entries, which led to the record as it is."""
        state = dict(row)
        for one in reversed(entries):
            state[one.column] = Cell(one.before)
        words = self._fields.words(state, told=True)
        changes: list[Change] = []
        for (at, _, by), several in groupby(entries, key=lambda one: (one.at, one.count, one.by)):
            id_ = ""
            for one in several:
                state[one.column], id_ = Cell(one.after), one.id
            became = self._fields.words(state, told=True)
            user = self._names.user(by) if by else None
            for word in differing(words, became):
                changes += (Change(at, word, words.get(word), became.get(word), user, id_),)
            words = became
        return _ending(changes, self._fields.words(row, told=True))


def _told_by(one: Entry, newest: int | None, until: datetime) -> bool:
    """Whether a record that was updated so often, and then last, is as it was after this entry."""
    return one.at <= until if newest is None or one.count < 0 else one.count <= newest


def _together(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The same entries, those of one update at the moment of its first: an update is one moment, and a late row no
    later one, since what was told of the update would be told again.
    """
    first: dict[int, datetime] = {}
    for one in entries:
        first[one.count] = min(one.at, first.get(one.count, one.at))
    yield from (one if one.count < 0 else replace(one, at=first[one.count]) for one in entries)


def _ending(changes: list[Change], now: Mapping[str, Value]) -> tuple[Change, ...]:
    """The same history, whose last change of each word ends in what the word holds now.

    An update of the same second as the record's reading, or one that was not audited, may lie in between.
    """
    seen: set[str] = set()
    for index in range(len(changes) - 1, -1, -1):
        change = changes[index]
        if change.field in now and change.field not in seen and change.after != now[change.field]:
            changes[index] = replace(change, after=now[change.field])
        seen.add(change.field)
    return tuple(changes)
