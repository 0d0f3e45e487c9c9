"""A mistake as a terminal shows it: folded to its width, and of a long line the part in which something is wrong.

Left to the terminal, a long line would run over, and the caret below would point at nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from connectors.problems import Problem

INDENT = 4
COLOURS: Mapping[str, str] = {
    r"(?m)^(\S+?:\d+:\d+)  ": "bold",
    r"(?m)^(?:\S+  )?(warning): ": "yellow",
    r"(?m)^ +(\^+)$": "bold red",
    r"(did you mean [^?\n]+\?)": "cyan",
}


def text(problem: Problem, width: int | None) -> str:
    """The mistake in lines of at most so many columns; as `str` has it where there is no width, or it fits."""
    said = str(problem)
    if width is None or all(len(line) <= width for line in said.splitlines()):
        return said
    head, *shown = said.splitlines()
    hint = f" {problem.hint}" if problem.hint and len(head) > width else ""
    lines = [*_folded(head.removesuffix(hint), width, ""), *_folded(hint.strip(), width, " " * INDENT)]
    if len(shown) == 2:
        lines += _cut(shown[0][INDENT:], shown[1].index("^") - INDENT, shown[1].count("^"), max(width - INDENT, 1))
    return "\n".join(lines)


def _folded(said: str, width: int, indent: str) -> list[str]:
    after = " " * INDENT
    return textwrap.wrap(
        said, width, initial_indent=indent, subsequent_indent=after, break_long_words=False, break_on_hyphens=False
    )


def _cut(line: str, at: int, length: int, room: int) -> tuple[str, str]:
    """So much of the line as there is room for, with what is underlined in it; and the carets."""
    start = max(0, min(at - max((room - length) // 2, 1), len(line) - room))
    cut = line[start : start + room]
    if start:
        cut = f"…{cut[1:]}"
    if start + room < len(line):
        cut = f"{cut[:-1]}…"
    carets = "^" * min(length, room - (at - start))
    return f"{' ' * INDENT}{cut}", f"{' ' * (INDENT + at - start)}{carets}"
