"""Encoded queries: `active=true^stateIN1,2^ORpriority=1^ORDERBYDESCsys_updated_on`.

`^OR` joins a condition to the one before it, `^NQ` begins another query whose finds are added. A condition on a column
that is not there is left out without a word, as instances do unless told otherwise: then more is found, not less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sandbox.servicenow.world import Column, Record

if TYPE_CHECKING:
    from sandbox.servicenow.state import ServiceNowState

Test: TypeAlias = Callable[[Record], bool]
OPERATORS: Final = (
    "ISNOTEMPTY", "ISEMPTY", "STARTSWITH", "ENDSWITH", "NOT LIKE", "NOTLIKE", "LIKE", "CONTAINS", "NOT IN", "NOTIN",
    "IN", "ANYTHING", "!=", ">=", "<=", "=", ">", "<",
)  # fmt: skip
_TERM: Final = re.compile(
    r"(?P<field>[a-z][a-z0-9_.]*)(?P<operator>" + "|".join(map(re.escape, OPERATORS)) + r")(?P<value>.*)", re.DOTALL
)


class BadQuery(Exception):
    """A query that is refused."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: any of several lists of conditions, each condition with its alternatives; and the order."""

    any_of: tuple[tuple[tuple[Test, ...], ...], ...]
    order: tuple[tuple[str, bool], ...] = ()

    def test(self, record: Record) -> bool:
        """Whether a record is meant."""
        return any(all(any(test(record) for test in tests) for tests in every) for every in self.any_of)


def read(text: str, table: str, state: ServiceNowState) -> Query:
    """Read an encoded query on a table. Raises BadQuery."""
    if "javascript:" in text.casefold():
        raise BadQuery("scripts are not evaluated here")
    order: list[tuple[str, bool]] = []
    queries: list[list[list[Test]]] = [[]]
    for part in text.split("^"):
        how, said = _joined(part)
        if how == "NQ":
            queries.append([])
        if said.startswith("ORDERBY"):
            order.append(_ordered(said))
            continue
        test = _test(said, table, state)
        if test is None:
            continue
        if how == "OR" and queries[-1]:
            queries[-1][-1].append(test)
        else:
            queries[-1].append([test])
    known = tuple(one for one in order if walk(one[0], table, state))
    return Query(tuple(tuple(tuple(tests) for tests in every) for every in queries), known)


def columns(text: str, table: str, state: ServiceNowState) -> Iterator[str]:
    """The columns that a query speaks of, as `incident.number`, each under every table that has it."""
    for part in text.split("^"):
        _, said = _joined(part)
        found = _TERM.fullmatch(said)
        path = found["field"] if found else _ordered(said)[0] if said.startswith("ORDERBY") else ""
        here = table
        for name in path.split(".") if path else ():
            column = state.schema.column(here, name)
            if column is not None:
                yield from (f"{one.name}.{name}" for one in state.schema.line(here))
                here = column.to or here


def _joined(part: str) -> tuple[str, str]:
    """How a part hangs together with what stands before it, and what it says."""
    if part.startswith("NQ"):
        return "NQ", part[2:]
    if part.startswith("OR") and not part.startswith("ORDERBY"):
        return "OR", part[2:]
    return "", part


def _ordered(part: str) -> tuple[str, bool]:
    down = part.startswith("ORDERBYDESC")
    return part.removeprefix("ORDERBYDESC" if down else "ORDERBY"), down


def _test(part: str, table: str, state: ServiceNowState) -> Test | None:
    """One condition; None where it is to be left out."""
    found = _TERM.fullmatch(part)
    walked = walk(found["field"], table, state) if found else None
    if found is None or walked is None:
        return _never if part and part != "EQ" and state.traps.strict else None
    column, read_value = walked
    compare = _COMPARE[found["operator"]]
    wanted = found["value"]
    by_name = found["operator"] in _BY_NAME and column.kind == "reference"

    def test(record: Record) -> bool:
        value = read_value(record)
        return compare(state.schema.name(column.to, value) if by_name else value, wanted)

    return test


def _never(_record: Record) -> bool:
    return False


def walk(path: str, table: str, state: ServiceNowState) -> tuple[Column, Callable[[Record], str]] | None:
    """The column at the end of a path such as `assignment_group.name`, and how to read it; None: there is none."""
    steps: list[Column] = []
    for name in path.split("."):
        column = state.schema.column(table, name)
        if column is None or (steps and steps[-1].kind != "reference"):
            return None
        steps.append(column)
        table = column.to or table

    def read_value(record: Record) -> str:
        here: Record | None = record
        for step in steps[:-1]:
            here = state.find(step.to, here[step.name]) if here else None
        return here[steps[-1].name] if here else ""

    return steps[-1], read_value


def ordered(records: Iterable[Record], query: Query, table: str, state: ServiceNowState) -> list[Record]:
    """Records in the order that a query asks for; where it asks for none, as they lie there."""
    found = list(records)
    for path, down in reversed(query.order):
        if walked := walk(path, table, state):
            column, read_value = walked
            found.sort(key=lambda r, read=read_value, c=column: _key(read(r), c, state), reverse=down)  # type: ignore[misc]  # a default argument has no type of its own
    return found


def _key(value: str, column: Column, state: ServiceNowState) -> tuple[int, int, str]:
    if column.kind == "reference":
        value = state.schema.name(column.to, value)
    number = _number(value)
    return (0, number, "") if number is not None else (1, 0, value.casefold())


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else None


def _less(value: str, wanted: str) -> int | None:
    """-1, 0 or 1; None where one of them is empty, and nothing can be said."""
    if not value or not wanted:
        return None
    left, right = _number(value), _number(wanted)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    one, other = value.casefold(), wanted.casefold()
    return (one > other) - (one < other)


def _same(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


def _among(value: str, wanted: str) -> bool:
    return value.casefold() in wanted.casefold().split(",")


def _says(value: str, wanted: str) -> bool:
    return wanted.casefold() in value.casefold()


_BY_NAME: Final = frozenset({"LIKE", "NOT LIKE", "NOTLIKE", "CONTAINS", "STARTSWITH", "ENDSWITH"})
_COMPARE: Final[dict[str, Callable[[str, str], bool]]] = {
    "=": _same,
    "!=": lambda value, wanted: not _same(value, wanted),
    ">": lambda value, wanted: _less(value, wanted) == 1,
    ">=": lambda value, wanted: _less(value, wanted) in {0, 1},
    "<": lambda value, wanted: _less(value, wanted) == -1,
    "<=": lambda value, wanted: _less(value, wanted) in {0, -1},
    "IN": _among,
    "NOT IN": lambda value, wanted: not _among(value, wanted),
    "NOTIN": lambda value, wanted: not _among(value, wanted),
    "LIKE": _says,
    "CONTAINS": _says,
    "NOT LIKE": lambda value, wanted: not _says(value, wanted),
    "NOTLIKE": lambda value, wanted: not _says(value, wanted),
    "STARTSWITH": lambda value, wanted: value.casefold().startswith(wanted.casefold()),
    "ENDSWITH": lambda value, wanted: value.casefold().endswith(wanted.casefold()),
    "ISEMPTY": lambda value, _: not value,
    "ISNOTEMPTY": lambda value, _: bool(value),
    "ANYTHING": lambda _value, _wanted: True,
}
