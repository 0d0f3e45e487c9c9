"""A mistake as it is told to the person who can repair it: where, what, the line with a caret, and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file: line and column count from 1, columns in characters; `length` is how much is underlined."""

    file: str = ""
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = field(default="", compare=False)  # the line itself, for the caret

    def __str__(self) -> str:
        parts = [self.file or "-", *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file or in how a product is set up. `rule` is the rule or table it stands in, for people."""

    where: Where
    message: str
    rule: str = ""
    hint: str = ""
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """The mistake as `check` prints it: one line, then the source line and a caret where there is one."""
        said = f"{self.rule}: {self.message}" if self.rule else self.message
        if self.hint:
            said = f"{said}; {self.hint}"
        warning = "warning: " if self.level == "warning" else ""
        head = f"{self.where}  {warning}{said}" if self.where.file else f"{warning}{said}"
        if not (self.where.source and self.where.column):
            return head
        line = self.where.source.replace("\t", " ").rstrip()
        indent = len(line) - len(line.lstrip())
        caret = " " * (4 + self.where.column - 1 - indent) + "^" * max(1, self.where.length)
        return f"{head}\n    {line.lstrip()}\n{caret}"


class Problems(Exception):
    """Everything that is wrong, told at once; `str()` is all of them, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: `did you mean priority?`, or the empty string when nothing is near."""
    found = get_close_matches(word.lower(), {k.lower(): k for k in known}, n=1, cutoff=0.6)
    names = {k.lower(): k for k in known}
    return f"did you mean {names[found[0]]}?" if found else ""
