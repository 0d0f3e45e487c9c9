"""JQL, as much of it as a connector needs: clauses, and/or/not, brackets, order; read once, run over the index.

`!=` and `not in` leave out what is empty, moments without a zone are in the asking person's zone, and relative ones
(`-90m`) count from now: as in the product.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sandbox.jira.world import Issue, Person, Site

Test: TypeAlias = Callable[[Issue], bool]


class BadJql(Exception):
    """A query that Jira would refuse; `str()` is its message."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, when, and of which site: what a query may depend on beside the ticket."""

    site: Site
    person: Person
    now: datetime


@dataclass(frozen=True, slots=True)
class Query:
    """A query that has been read. `exact` are labels or keys of which a ticket must have one; None: any ticket."""

    test: Test
    order: tuple[tuple[str, bool], ...]
    bounded: bool
    exact: tuple[str, tuple[str, ...]] | None


_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<op>!=|>=|<=|!~|[=<>~(),])|(?P<word>[^\s"'=<>!~(),]+))"""
)
_RELATIVE = re.compile(r"^([+-]?)(\d+)([wdhm]?)$")
_UNITS = {"w": 10080, "d": 1440, "h": 60, "m": 1, "": 1}


def read(text: str, asking: Asking) -> Query:
    """The query in this text. Raises BadJql."""
    reader = _Reader(text, asking)
    test = reader.either() if reader.word() not in {"", "order"} else None
    order = reader.order()
    if reader.peek():
        raise BadJql(f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{reader.peek()}'.")
    return Query(test or (lambda _: True), order, test is not None, reader.exact if reader.narrow else None)


class _Reader:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str, asking: Asking) -> None:
        self.asking = asking
        self.tokens = list(_tokens(text))
        self.at = 0
        self.narrow = True
        self.exact: tuple[str, tuple[str, ...]] | None = None

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def word(self) -> str:
        return self.peek().lower()

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise BadJql("Error in the JQL Query: the query ends too early.")
        self.at += 1
        return token

    def accept(self, word: str) -> bool:
        if self.word() != word:
            return False
        self.at += 1
        return True

    def either(self) -> Test:
        tests = [self.both()]
        while self.accept("or"):
            self.narrow = False
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda issue: any(test(issue) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.accept("and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda issue: all(test(issue) for test in tests)

    def one(self) -> Test:
        if self.accept("not"):
            self.narrow = False
            test = self.one()
            return lambda issue: not test(issue)
        if self.accept("("):
            test = self.either()
            if not self.accept(")"):
                raise BadJql("Error in the JQL Query: Expecting ')'.")
            return test
        return self.clause()

    def clause(self) -> Test:
        name, op = _bare(self.take()).lower(), self.take().lower()
        if op == "is":
            op = "!=" if self.accept("not") else "="
        if op == "not" and self.accept("in"):
            op = "not in"
        values = self.list() if op in {"in", "not in"} else [self.value()]
        empty = any(value.lower() == "empty" for value in values)
        if not empty and name in {"labels", "key", "issuekey", "id", "issue"} and op in {"=", "in"}:
            self.exact = ("labels" if name == "labels" else "key", tuple(values))
        return _clause(name, op, values, self.asking)

    def list(self) -> list[str]:
        if not self.accept("("):
            raise BadJql("Error in the JQL Query: Expecting '('.")
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        if not self.accept(")"):
            raise BadJql("Error in the JQL Query: Expecting ')'.")
        return values

    def value(self) -> str:
        """A value, or a function without arguments."""
        value = _bare(self.take())
        if self.accept("("):
            if not self.accept(")"):
                raise BadJql("Error in the JQL Query: Expecting ')'.")
            return f"{value}()"
        return value

    def order(self) -> tuple[tuple[str, bool], ...]:
        if not self.accept("order"):
            return ()
        if not self.accept("by"):
            raise BadJql("Error in the JQL Query: Expecting 'BY'.")
        keys: list[tuple[str, bool]] = []
        while True:
            name = self.take().lower()
            if name not in _ORDER:
                raise BadJql(f"Field '{name}' does not exist or you do not have permission to view it.")
            keys.append((name, self.accept("desc") if not self.accept("asc") else False))
            if not self.accept(","):
                return tuple(keys)


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadJql(
                f"Error in the JQL Query: The character '{text[at:].strip()[:1]}' is a reserved JQL character."
            )
        yield found[0].strip()
        at = found.end()


def _bare(token: str) -> str:
    if token[:1] in {'"', "'"}:
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def sort_key(order: tuple[tuple[str, bool], ...]) -> list[tuple[Callable[[Issue], Any], bool]]:
    """The sort keys of an order, last first, each with whether it is descending (for stable sorts in turn)."""
    return [(_ORDER[name], down) for name, down in reversed(order)]


_ORDER: dict[str, Callable[[Issue], Any]] = {
    "id": lambda issue: int(issue.id),
    "key": lambda issue: (issue.project, int(issue.key.rpartition("-")[2])),
    "issuekey": lambda issue: (issue.project, int(issue.key.rpartition("-")[2])),
    "created": lambda issue: issue.created,
    "updated": lambda issue: issue.updated,
    "priority": lambda issue: issue.values.get("priority") or "",
}


def _clause(name: str, op: str, values: list[str], asking: Asking) -> Test:
    if name in {"updated", "created", "updateddate", "createddate"}:
        return _moments(name[:7], op, values[0], asking)
    held = _HELD.get(name)
    if held is None:
        raise BadJql(f"Field '{name}' does not exist or you do not have permission to view it.")
    if op not in {"=", "in", "!=", "not in"} and not (op == "~" and name in {"summary", "text"}):
        raise BadJql(f"The operator '{op}' is not supported by the '{name}' field.")
    wanted = {_known(name, value, asking).lower() for value in values if value.lower() != "empty"}
    empty = any(value.lower() == "empty" for value in values)
    if op in {"=", "in"}:
        return lambda issue: _any(held(issue, asking.site), wanted, empty)
    if op in {"!=", "not in"}:
        return lambda issue: _none(held(issue, asking.site), wanted, empty)
    return lambda issue: any(value in part for value in wanted for part in held(issue, asking.site))


def _any(held: set[str], wanted: set[str], empty: bool) -> bool:
    return not wanted.isdisjoint(held) or (empty and not held)


def _none(held: set[str], wanted: set[str], empty: bool) -> bool:
    return bool(held) and wanted.isdisjoint(held) if not empty else bool(held)


def _known(name: str, value: str, asking: Asking) -> str:
    """What a value means; unknown projects, statuses and categories are refused, as in the product."""
    if value == "currentUser()":
        return asking.person.username
    site = asking.site
    names_of: dict[str, list[tuple[str, ...]]] = {
        "project": [(p.key, p.name, p.id) for p in site.projects.values()],
        "status": [(s.id, s.name) for s in site.statuses.values()],
        "statuscategory": [("new", "to do"), ("indeterminate", "in progress"), ("done", "done")],
    }
    known = names_of.get(name)
    if known is None or value.lower() == "empty":
        return value
    for names in known:
        if value.lower() in {n.lower() for n in names}:
            return names[0]
    raise BadJql(f"The value '{value}' does not exist for the field '{name}'.")


_HELD: dict[str, Callable[[Issue, Site], set[str]]] = {
    "project": lambda issue, site: {issue.project.lower()},
    "status": lambda issue, site: {issue.values["status"]},
    "statuscategory": lambda issue, site: {site.statuses[issue.values["status"]].category},
    "labels": lambda issue, site: {label.lower() for label in issue.values.get("labels") or ()},
    "key": lambda issue, site: {issue.key.lower(), issue.id},
    "issuekey": lambda issue, site: {issue.key.lower(), issue.id},
    "issue": lambda issue, site: {issue.key.lower(), issue.id},
    "id": lambda issue, site: {issue.key.lower(), issue.id},
    "priority": lambda issue, site: {issue.values["priority"], site.priorities[issue.values["priority"]].lower()},
    "assignee": lambda issue, site: {issue.values["assignee"]} if issue.values.get("assignee") else set(),
    "issuetype": lambda issue, site: {issue.values["issuetype"], site.kinds[issue.values["issuetype"]].lower()},
    "summary": lambda issue, site: {str(issue.values["summary"]).lower()},
    "text": lambda issue, site: {str(issue.values["summary"]).lower()},
}


def _moments(name: str, op: str, text: str, asking: Asking) -> Test:
    at = _moment(text, asking)
    tests: dict[str, Callable[[datetime], bool]] = {
        ">=": lambda moment: moment >= at,
        ">": lambda moment: moment > at,
        "<=": lambda moment: moment <= at,
        "<": lambda moment: moment < at,
    }
    if op not in tests:
        raise BadJql(f"The operator '{op}' is not supported by the '{name}' field.")
    test = tests[op]
    return (lambda issue: test(issue.updated)) if name == "updated" else (lambda issue: test(issue.created))


def _moment(text: str, asking: Asking) -> datetime:
    relative = _RELATIVE.match(text)
    if relative and (relative[1] or relative[3]):
        minutes = int(relative[2]) * _UNITS[relative[3]]
        return asking.now + timedelta(minutes=-minutes if relative[1] == "-" else minutes)
    for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=ZoneInfo(asking.person.zone)).astimezone(UTC)
        except ValueError:
            continue
    raise BadJql(
        f"Date value '{text}' for field 'updated' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )
