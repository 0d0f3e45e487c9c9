"""The operations of the Table API: list, read, insert, change and delete records of any table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from sandbox.http import Answer
from sandbox.servicenow import query
from sandbox.servicenow.asking import Call, No
from sandbox.servicenow.rules import Denied
from sandbox.servicenow.world import STAMP, Column, Record, stamp

MOST: Final = 10_000
"""How many rows are answered to whoever does not say."""
ADMINISTRATORS: Final = frozenset(
    {"sys_audit", "sys_dictionary", "sys_history_line", "sys_history_set", "sys_properties", "sys_script"}
)
"""Tables that nobody but an administrator reads or writes, unless it is granted."""


def list_records(call: Call) -> Answer:
    """Records that an encoded query finds, a window of them."""
    _allowed(call)
    text = call.query.get("sysparm_query", "")
    if call.state.traps.hidden.intersection(query.columns(text, call.table, call.state)):
        said = "Field(s) present in the query do not have permission to be read"
        raise No(403, "Insufficient rights to query records", said)
    try:
        found = call.state.search(call.table, text)
    except query.BadQuery as bad:
        raise No(400, "Invalid query", str(bad)) from None
    if call.table == "sys_journal_field" and call.state.traps.journal_hidden:
        found = []
    limit, start = call.number("sysparm_limit", MOST), call.number("sysparm_offset", 0)
    size = min(limit, call.state.traps.cap or limit)
    window = [record for record in found[start : start + size] if record.id not in call.state.traps.unseen]
    headers = {"X-Total-Count": str(len(found))}
    if link := _links(call, len(found), limit, start):
        headers["Link"] = link
    rows = [shown(call, record) for record in window]
    if call.state.traps.exhausted:
        said = "Transaction cancelled: maximum execution time exceeded"
        detail = (
            f"{said} Check logs for error trace or enable glide.rest.debug property to verify REST request processing"
        )
        broken = {"error": {"message": said, "detail": detail}, "status": "failure"}
        return Answer(200, {"result": rows[: len(rows) // 2], **broken}, headers)
    return Answer(200, {"result": rows}, headers)


def get_record(call: Call) -> Answer:
    """One record."""
    _allowed(call)
    return Answer(200, {"result": shown(call, call.record())})


def insert_record(call: Call) -> Answer:
    """A new record; what has no column, or may not be written, is dropped without a word."""
    _allowed(call)
    values = _given(call, Record(call.table), call.body())
    try:
        record = call.state.insert(call.table, values, call.by)
    except Denied as denied:
        raise No(403, "Operation Failed", str(denied)) from None
    where = f"{call.state.url}/api/now/table/{call.table}/{record.id}"
    return Answer(201, {"result": shown(call, record)}, {"Location": where})


def change_record(call: Call) -> Answer:
    """Change a record; what has no column, or may not be written, is dropped without a word."""
    _allowed(call)
    record = call.record()
    try:
        call.state.update(record, _given(call, record, call.body()), call.by)
    except Denied as denied:
        raise No(403, "Operation Failed", str(denied)) from None
    return Answer(200, {"result": shown(call, record)})


def delete_record(call: Call) -> Answer:
    """Delete a record."""
    _allowed(call)
    call.state.remove(call.record())
    return Answer(204, None)


def _allowed(call: Call) -> None:
    """Raises No where there is no such table, or where it is not for us."""
    if call.table not in call.state.schema.tables:
        raise No(400, f"Invalid table {call.table}", f"Table {call.table} does not exist")
    if call.table in ADMINISTRATORS - call.state.traps.readable:
        if call.asked.method == "GET":
            raise No(403, "Insufficient rights to query records", None)
        raise No(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints")


def _links(call: Call, total: int, limit: int, start: int) -> str:
    """Where the other windows are; nothing where there are none."""
    if total <= limit or limit <= 0 or call.flag("sysparm_suppress_pagination_header"):
        return ""
    last = (total - 1) // limit * limit
    places = {"first": 0, "prev": start - limit, "next": start + limit, "last": last}
    told = []
    for name, offset in places.items():
        if 0 <= offset <= last:
            asked = {**call.query, "sysparm_limit": str(limit), "sysparm_offset": str(offset)}
            address = f"{call.state.url}/api/now/table/{call.table}?{urlencode(asked, quote_via=quote)}"
            told.append(f'<{address}>;rel="{name}"')
    return ",".join(told)


# ---- what comes in


def _given(call: Call, record: Record, body: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, said in body.items():
        column = call.state.schema.column(record.table, name)
        if column is not None and call.may_write(record, column):
            found[name] = _value(call, column, said)
    return found


def _value(call: Call, column: Column, said: Any) -> str:
    if isinstance(said, Mapping):
        said = said.get("value", "")
    if said is None:
        return ""
    text = ("true" if said else "false") if isinstance(said, bool) else str(said)
    if column.kind == "glide_date_time" and text and call.flag("sysparm_input_display_value"):
        return _utc(call, text)
    if column.kind == "reference" and text and call.state.find(column.to, text) is None:
        return _meant(call, column, text)
    if column.kind == "choice" and call.flag("sysparm_input_display_value"):
        choices = call.state.schema.choices(call.table, column.name)
        return next((value for value, label in choices.items() if label == text), text)
    return text


def _meant(call: Call, column: Column, text: str) -> str:
    """A reference is set by the other record's display value too; by anything else it is emptied."""
    rows = call.state.rows(column.to) if column.to in call.state.schema.tables else ()
    return next((row.id for row in rows if call.state.schema.name(column.to, row.id) == text), "")


def _utc(call: Call, text: str) -> str:
    """A moment on our own clock."""
    try:
        return stamp(datetime.strptime(text, STAMP).replace(tzinfo=call.zone))
    except ValueError:
        return text


# ---- what goes out


def shown(call: Call, record: Record) -> dict[str, Any]:
    """A record as asked for: `sysparm_fields`, `sysparm_display_value`, `sysparm_exclude_reference_link`."""
    names = [name.strip() for name in call.query.get("sysparm_fields", "").split(",") if name.strip()]
    columns = call.state.schema.columns(record.table)
    return dict(_shown(call, record, names or sorted(columns)))


def _shown(call: Call, record: Record, names: list[str]) -> Iterator[tuple[str, Any]]:
    for path in names:
        here: Record | None = record
        *before, last = path.split(".")
        table = record.table
        for name in before:
            step = call.state.schema.column(table, name)
            if step is None or step.kind != "reference":
                break
            table = step.to
            here = call.state.find(step.to, here[name]) if here else None
        else:
            column = call.state.schema.column(table, last)
            if column is not None and (here is None or call.may_read(here, column)):
                yield path, _value_shown(call, here or Record(table), column)


def _value_shown(call: Call, record: Record, column: Column) -> Any:
    how = call.query.get("sysparm_display_value", "false").casefold()
    value = "" if column.kind == "journal" else record[column.name]
    seen = call.state.schema.shown(record, column, call.zone) if how in {"true", "all"} else ""
    linked = column.kind == "reference" and value and not call.flag("sysparm_exclude_reference_link")
    link = {"link": f"{call.state.url}/api/now/table/{column.to}/{value}"} if linked else {}
    if how == "all":
        return {"display_value": seen, "value": value, **link}
    if how == "true":
        return {"display_value": seen, **link} if link else seen
    return {**link, "value": value} if link else value
