"""Records of one table, read into tickets: the record, its history and its journal, for one or for a page of them.

However many records there are, their history is one question and their journal another. What the account may not read
of them is known by the answer (403), or by an audit that is empty altogether: then history lines are asked, and what
they do not reach is unknown, never "no".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from connectors.errors import Denied
from connectors.model import Comment, Ticket
from connectors.servicenow.client import EMPTY, Client, Row
from connectors.servicenow.edits import CLOSING
from connectors.servicenow.fields import Fields, moment
from connectors.servicenow.history import AUDITED, Entry, History, entry
from connectors.servicenow.lines import Lines, Recorded
from connectors.servicenow.names import Names
from connectors.servicenow.settings import LEDGER, ServiceNowSettings

JOURNALS: Final = ("comments", "work_notes")
ALWAYS: Final = ("number", "sys_class_name", "sys_created_on", "sys_updated_on", "sys_mod_count", *CLOSING)
ENTRIES: Final = 1000
"""Entries of a history or a journal that are asked for at once."""
AGAIN: Final = 3600.0
"""After so many seconds it is tried again whether what could not be read can be."""
_JOURNALED: Final = ("element", "element_id", "value", "sys_created_on", "sys_created_by")


class Readable:
    """Whether a table may be read, as far as that is known: what was refused is not asked for again for an hour."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = float("-inf")
        self.proven = False

    def __bool__(self) -> bool:
        return self._monotonic() >= self._until

    def refused(self) -> None:
        """It may not be read."""
        self._until, self.proven = self._monotonic() + AGAIN, False


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of a record's past: its entries, whole from `since` on (None: not known)."""

    since: datetime | None
    entries: list[Entry]


class Records:
    """Reads the records of one table. `name` is the connector's."""

    def __init__(self, settings: ServiceNowSettings, name: str, client: Client, fields: Fields, names: Names) -> None:
        self._settings = settings
        self._name = name
        self._client = client
        self._fields = fields
        self._names = names
        self._history = History(fields, names)
        self._lock = Lock()
        self._lines = Lines(client, settings.table)
        self.audit = Readable()
        self.lines = Readable()
        self.journal = Readable()

    def asked(self) -> list[str]:
        """The columns to ask for."""
        return list(dict.fromkeys((*ALWAYS, *self._fields.asked(), LEDGER)))

    def read(self, rows: Sequence[Row], tried: str) -> tuple[Ticket, ...]:
        """These records as tickets, with history and journal.

        Raises ConnectorError: Denied where the ledger cannot be seen, since what was done is not known then, which is
        not that nothing was; and what is written in its place would be lost as well.
        """
        if any(LEDGER not in row for row in rows):
            said = f"the column {LEDGER} is not there, or may not be read"
            raise Denied(f"{tried}: {said}; run pointman setup servicenow, and let the account read it")
        self._fields.ready()
        ids = [row["sys_id"].value for row in rows]
        past = self._past(rows, ids, tried)
        notes = self._notes(ids, tried)
        told = {id_: self._history.about(past[id_].entries, row) for id_, row in zip(ids, rows, strict=True)}
        wanted = [pair for row in rows for pair in self._fields.ids(row)]
        wanted += [pair for several in told.values() for pair in self._history.ids(several)]
        people = {one.by for several in told.values() for one in several}
        people |= {note["sys_created_by"].value for several in notes.values() for note in several}
        self._names.meet(wanted, people)
        return tuple(
            self._ticket(row, _Past(past[id_].since, told[id_]), notes.get(id_, ()))
            for id_, row in zip(ids, rows, strict=True)
        )

    # ---- what lies beside a record

    def _past(self, rows: Sequence[Row], ids: Sequence[str], tried: str) -> dict[str, _Past]:
        """What is known of the past of each record: by the audit, else by history lines as far as they reach."""
        changed = {id_: row for id_, row in zip(ids, rows, strict=True) if _count(row)}
        entries = self._entries(list(changed), tried) if changed and self.audit else {}
        if not changed or self.audit:
            return {
                id_: _Past(moment(row["sys_created_on"].value), entries.get(id_, []))
                for id_, row in zip(ids, rows, strict=True)
            }
        past = {id_: _Past(moment(row["sys_created_on"].value), []) for id_, row in zip(ids, rows, strict=True)}
        recorded = self._recorded(list(changed), tried)
        for id_, row in changed.items():
            told = recorded.get(id_)
            since = told.since(row) if told is not None else None
            past[id_] = _Past(since, list(told.entries) if told is not None and since is not None else [])
        return past

    def _recorded(self, ids: Sequence[str], tried: str) -> dict[str, Recorded]:
        """What history lines say; nothing where they may not be read either."""
        if not self.lines:
            return {}
        try:
            return self._lines.read(ids, tried)
        except Denied:
            self.lines.refused()
            return {}

    def _entries(self, changed: Sequence[str], tried: str) -> dict[str, list[Entry]]:
        """The entries of the audit by record; none where it may not be read."""
        query = f"tablename={self._settings.table}^documentkeyIN{','.join(changed)}"
        query += f"^fieldnameIN{','.join(self._fields.asked())}"
        found: dict[str, list[Entry]] = {}
        try:
            for page in self._client.every("sys_audit", query, AUDITED, f"{tried}: its history", ENTRIES):
                for row in page:
                    found.setdefault(row.get("documentkey", EMPTY).value, []).append(entry(row))
            if not found and not self._proven(tried):
                self.audit.refused()
        except Denied:
            self.audit.refused()
        if found:
            self.audit.proven = True
        return found

    def _proven(self, tried: str) -> bool:
        """Whether any entry of this table's audit can be seen: rows that may not be read are left out with success."""
        if not self.audit.proven:
            query = f"tablename={self._settings.table}"
            row = self._client.first("sys_audit", query, ["fieldname"], f"{tried}: its history")
            self.audit.proven = row is not None
        return self.audit.proven

    def _notes(self, ids: Sequence[str], tried: str) -> dict[str, list[Row]]:
        """The entries of the journal by record, oldest first; none where it may not be read."""
        if not ids or not self.journal:
            return {}
        query = f"element_idIN{','.join(ids)}^elementIN{','.join(JOURNALS)}"
        found: dict[str, list[Row]] = {}
        try:
            for page in self._client.every("sys_journal_field", query, _JOURNALED, f"{tried}: its journal", ENTRIES):
                for row in page:
                    found.setdefault(row.get("element_id", EMPTY).value, []).append(row)
        except Denied:
            self.journal.refused()
        return {id_: sorted(several, key=lambda row: row["sys_created_on"].value) for id_, several in found.items()}

    # ---- the ticket

    def _ticket(self, row: Row, past: _Past, notes: Iterable[Row]) -> Ticket:
        words = self._fields.words(row)
        own = {word: words.pop(word, None) for word in ("summary", "description", "status", "reporter")}
        phase = self._fields.phase(row)
        words.pop("phase", None)
        created, updated = moment(row["sys_created_on"].value), moment(row["sys_updated_on"].value)
        reporter = own["reporter"]
        number = row.get("number", EMPTY).value or row["sys_id"].value
        return Ticket(
            ref=row["sys_id"].value,
            key=number,
            summary=str(own["summary"] or ""),
            created=created,
            updated=updated,
            phase=phase,
            source=self._name,
            status=str(own["status"] or ""),
            url=f"{self._settings.url}/nav_to.do?uri={self._settings.table}.do%3Fsys_id%3D{row['sys_id'].value}",
            kind=row.get("sys_class_name", EMPTY).display,
            description=str(own["description"] or ""),
            project=self._settings.table,
            reporter=reporter if not isinstance(reporter, str) else None,  # type: ignore[arg-type]  # a person, or nobody
            fields=words,
            history=self._history.read(past.entries, row),
            comments=tuple(self._comment(note) for note in notes),
            complete_since=past.since or updated + timedelta(milliseconds=1),
            ledger=row[LEDGER].value or None,
            version=f"{row['sys_updated_on'].value} {_count(row)}",
        )

    def _comment(self, row: Row) -> Comment:
        return Comment(
            text=row.get("value", EMPTY).value,
            public=row.get("element", EMPTY).value == "comments",
            id=row["sys_id"].value,
            at=moment(row["sys_created_on"].value),
            by=self._names.user(row.get("sys_created_by", EMPTY).value),
        )


def _count(row: Row) -> int:
    """How often a record was changed."""
    said = row.get("sys_mod_count", EMPTY).value
    return int(said) if said.isdigit() else -1
