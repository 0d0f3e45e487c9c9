"""An edit as the body of one request to ServiceNow, and whether the instance took it.

An instance drops what the account may not write, cuts what is too long, and answers success. So the answer is compared
with what was sent: a column that still holds what it held before was dropped, and its word is refused. One that holds a
third value was changed by a business rule of the instance; that is history, and the history tells it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from connectors.errors import Refused
from connectors.model import Comment, Edit
from connectors.servicenow.client import EMPTY, Cell, Row
from connectors.servicenow.fields import Fields
from connectors.servicenow.names import Names
from connectors.servicenow.plain import to_plain
from connectors.servicenow.settings import LEDGER, ServiceNowSettings

CLOSING: Final = ("close_code", "close_notes")
_JOURNALS = frozenset({"comments", "work_notes"})
_ELSEWHERE = frozenset({"labels", "kind", "reporter"})


class Edits:
    """Writes edits for one table. Nothing is sent from here, save to look up people, groups and choices."""

    def __init__(self, settings: ServiceNowSettings, fields: Fields, names: Names) -> None:
        self._settings = settings
        self._fields = fields
        self._names = names

    def body(self, tried: str, edit: Edit, before: Row | None) -> dict[str, str]:
        """The columns that make this edit; `before` is the record as it was last read. Raises Refused with words."""
        body = self._columns(tried, edit)
        if edit.fields.get("phase") in {"resolved", "closed"}:
            body |= self._closing(before)
        if edit.comment is not None:
            body |= _said(tried, edit.comment)
        return body

    def _columns(self, tried: str, edit: Edit) -> dict[str, str]:
        try:
            return self._fields.write(edit.fields)
        except Refused as refused:
            raise Refused(f"{tried}: {refused}", fields=refused.fields) from None

    def _closing(self, before: Row | None) -> dict[str, str]:
        """What many instances want to be told with a resolution, as far as nobody has told it."""
        row = before if before is not None else dict.fromkeys(CLOSING, EMPTY)
        resolve = self._settings.resolve
        body: dict[str, str] = {}
        if "close_code" in row and not row["close_code"].value:
            code = resolve.code or next(iter(self._names.choices("close_code")), "")
            body |= {"close_code": code} if code else {}
        if "close_notes" in row and not row["close_notes"].value and resolve.notes:
            body["close_notes"] = resolve.notes
        return body

    def with_ledger(self, body: Mapping[str, str], ledger: str | None) -> dict[str, str]:
        """The same body with the ledger."""
        return dict(body) if ledger is None else {**body, LEDGER: ledger}

    def new(self, tried: str, edit: Edit, key: str) -> dict[str, str]:
        """The columns of a new record with this key. Raises Refused."""
        words = {word: value for word, value in edit.fields.items() if word not in _ELSEWHERE}
        words["summary"] = words.get("summary") or "Untitled"
        if words.get("phase") == "new":
            del words["phase"]
        made = self.body(tried, Edit(words, edit.comment), None)
        return {**self._settings.new, **made, "correlation_id": key, "correlation_display": "Pointman"}

    # ---- whether it was taken

    def taken(self, tried: str, edit: Edit, sent: Mapping[str, str], rows: tuple[Row | None, Row]) -> None:
        """Compare what was sent with the record before and in the answer. Raises Refused with what was dropped."""
        before, after = rows
        dropped: dict[str, str] = {}
        for column, value in sent.items():
            if column in _JOURNALS or column in CLOSING or column == LEDGER:
                continue
            reason = _why_not(value, before.get(column) if before is not None else None, after.get(column))
            if reason:
                words = [word for word in self._fields.words_of(column) if word in edit.fields]
                dropped |= dict.fromkeys(words, f"{column} {reason}")
        if dropped:
            said = "; ".join(f"{word}: {reason}" for word, reason in dropped.items())
            raise Refused(f"{tried}: ServiceNow answered success, but {said}", fields=dropped)
        if LEDGER in sent:
            self._ledger(tried, sent[LEDGER], after.get(LEDGER))

    def _ledger(self, tried: str, ledger: str, kept: Cell | None) -> None:
        if kept is not None and (kept.value == ledger or _same(kept.value, ledger)):
            return
        how = "is not there, or may not be read" if kept is None else "was dropped"
        if kept is not None and kept.value and ledger.startswith(kept.value):
            how = f"keeps only {len(kept.value)} characters"
        raise Refused(
            f"{tried}: the column {LEDGER} {how}; run pointman setup servicenow, and let the account write it"
        )


def _said(tried: str, comment: Comment) -> dict[str, str]:
    """A comment as an entry of a journal, which is never edited."""
    if comment.id:
        raise Refused(f"{tried}: a journal of ServiceNow cannot be edited")
    return {"comments" if comment.public else "work_notes": to_plain(comment.text)}


def _why_not(sent: str, before: Cell | None, after: Cell | None) -> str:
    """Why a column does not hold what was sent; empty where it does, or where the instance made something of it."""
    if after is None:
        return "is not there, or may not be read"
    if after.value.strip() == sent.strip() or _number(after.value) == _number(sent) is not None:
        return ""
    if before is not None and after.value != before.value:
        return ""
    return f"still holds {after.display or after.value or 'nothing'}; may the account write it?"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _same(kept: str, ledger: str) -> bool:
    """Whether two ledgers say the same, however they are written."""
    try:
        read: Any = json.loads(kept)
    except ValueError:
        return False
    return bool(read == json.loads(ledger))
