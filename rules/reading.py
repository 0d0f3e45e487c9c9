"""What a value of a rule file is read with: the names that exist, and the list that mistakes are put on.

Nothing is raised at the first mistake. A wrong value is told, read as None, and the reading goes on, so that an
administrator hears of everything at once. What was read is used only if nothing was wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from connectors.problems import Problem, Where, nearest

if TYPE_CHECKING:
    from rules.model import Field, Recipient
    from rules.toml import Node
    from rules.vocabulary import Vocabulary

TABLES: Mapping[str, str] = {
    "scale": "scales",
    "field": "fields",
    "place": "places",
    "calendar": "calendars",
    "schedule": "schedules",
    "person": "people",
    "team": "teams",
    "service": "services",
    "vendor": "vendors",
    "department": "departments",
    "role": "roles",
    "list": "lists",
    "audience": "audiences",
}
"""Each sort of name, and the table in which such names are given."""


@dataclass(slots=True)
class Names:
    """Every name that the administrator gave, by its sort, and what scales, fields and so on say of theirs.

    `connectors` are the kinds of address that exist; `configured` those that are set up, None where that is not
    known. `teams` holds which keys each gives, `audiences` the words that a text for an external one may use (None:
    any). Where a file could not be read the names are not `whole`, and an unknown one is no mistake.
    """

    known: Mapping[str, Collection[str]] = field(default_factory=dict)
    scales: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)
    audiences: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    connectors: frozenset[str] = frozenset()
    configured: frozenset[str] | None = None
    whole: bool = True

    def of(self, sort: str) -> Collection[str]:
        """All names of one sort."""
        return self.known.get(sort, ())

    def outside(self, recipient: Recipient) -> frozenset[str] | None:
        """The words that may be used towards a recipient that is an external audience; None where it is none."""
        return self.audiences.get(recipient.name) if recipient.kind == "audience" else None


@dataclass(slots=True)
class Reading:
    """Reads one table or rule after another; `label` is the one being read, for people."""

    names: Names
    problems: list[Problem] = field(default_factory=list)
    label: str = ""
    vocabulary: Vocabulary | None = None

    def wrong(self, where: Where, message: str, hint: str = "") -> None:
        """Tell a mistake."""
        self.problems.append(Problem(where, message, self.label, hint))

    def doubtful(self, where: Where, message: str, hint: str = "") -> None:
        """Warn of what is allowed but hardly meant."""
        self.problems.append(Problem(where, message, self.label, hint, "warning"))

    def unwanted(self, node: Node, wanted: str, hint: str = "") -> None:
        """Tell that a value is of the wrong type."""
        self.wrong(node.where, f"{wanted} is wanted here, not {_CALLED[type(node.value)]}", hint)

    def unknown(self, where: Where, sort: str, name: str, known: Collection[str], *, ours: bool = False) -> None:
        """Tell that there is no such name, with the nearest that there is. `ours`: a word of the language itself."""
        if not (ours or self.names.whole):
            return
        hint = nearest(name, known)
        if not hint and known:
            hint = f"there is {_listed(known)}"
        elif not hint and sort in TABLES:
            hint = f"names are given in [{TABLES[sort]}]"
        self.wrong(where, f"no {sort} {name or '(empty)'}", hint)

    @property
    def errors(self) -> int:
        """How many mistakes were told so far, warnings not counted."""
        return sum(problem.level == "error" for problem in self.problems)


_CALLED: Mapping[type, str] = {
    str: "a text",
    bool: "a flag",
    int: "a number",
    float: "a number",
    dict: "a table",
    list: "a list",
    datetime: "a date with a time",
    date: "a date",
    time: "a time of day",
}


def _listed(names: Collection[str]) -> str:
    some = list(names)
    if len(some) > 12:
        some = [*some[:12], "…"]
    return ", ".join(some)
