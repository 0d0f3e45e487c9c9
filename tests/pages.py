"""The pages that administrators read: those of the docs, cut into blocks and sections, for the tests that hold them
against the code; and those of a browser, held against the rules of accessibility.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
AXE = ROOT / ".venv/share/axe/package/axe.min.js"

_FENCE = re.compile(r"(?ms)^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```\s*$")
_SKIPPED = re.compile(r"<!-- not loaded: (.+?) -->\s*$")
_FILE = re.compile(r"# ([\w./-]+\.toml)\b")
_HEADING = re.compile(r"(?m)^(#+) (.+)$")
_SPAN = re.compile(r"`([^`\n]+)`")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it begins, in which language, what it says, and why it is not to be loaded, if so."""

    page: Path
    line: int
    language: str
    text: str
    skipped: str = ""
    section: str = ""

    @property
    def file(self) -> str:
        """The file that the first line names; empty where it names none."""
        found = _FILE.match(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: the code in its first cell, and the other cells as written."""

    names: tuple[str, ...]
    cells: tuple[str, ...]


def blocks(page: Path, language: str = "") -> Iterator[Block]:
    """The fenced blocks of a page (in one language), in order."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        before = text[: found.start()]
        skipped = _SKIPPED.search(before)
        headings = [one for one in _HEADING.findall(_without_blocks(before)) if len(one[0]) == 2]
        if language in {"", found["language"]}:
            yield Block(
                page,
                before.count("\n") + 1,
                found["language"],
                textwrap.dedent(found["text"]),
                skipped[1] if skipped else "",
                headings[-1][1] if headings else "",
            )


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next heading of any level, without blocks. Raises LookupError."""
    text = _without_blocks(page.read_text(encoding="utf-8"))
    for found in _HEADING.finditer(text):
        if found[2] == heading:
            following = _HEADING.search(text, found.end())
            return text[found.end() : following.start() if following else len(text)]
    raise LookupError(f"{page.name} has no heading {heading}")


def headings(page: Path) -> tuple[tuple[int, str], ...]:
    """Every heading with its level."""
    return tuple((len(found[1]), found[2]) for found in _HEADING.finditer(_without_blocks(page.read_text("utf-8"))))


def rows(text: str) -> tuple[Row, ...]:
    """The rows of all tables in a text, without their heads."""
    lines = text.splitlines()
    found = []
    for above, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|") and not _is_rule(line) and not _is_head(lines, line) and above.startswith("|"):
            first, *others = (cell.strip() for cell in _CELLS.split(line.strip().strip("|")))
            found.append(Row(tuple(_SPAN.findall(first)), tuple(others)))
    return tuple(found)


def spans(text: str) -> tuple[str, ...]:
    """All code within lines."""
    return tuple(_SPAN.findall(_without_blocks(text)))


def assert_accessible(view: Page, within: str = "") -> None:
    """Run axe-core on what a browser shows (within a selector) and fail on any violation, each told with its place.

    Every rule of WCAG 2.2 A and AA that can be judged by a machine, and axe's best practices. Where axe-core is not
    installed it is skipped; with CONTRACTS=required, as in .ci/run, that is a failure.
    """
    if not AXE.exists():
        reason = f"axe-core is not at {AXE.relative_to(ROOT)} (.ci/run puts it there)"
        if os.environ.get("CONTRACTS") == "required":
            pytest.fail(f"CONTRACTS=required, but {reason}")
        pytest.skip(reason)
    if not view.evaluate("typeof axe !== 'undefined'"):
        view.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = view.evaluate("within => axe.run(within || document)", within)
    assert found["passes"], "axe looked at nothing"
    said = [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:160]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
    assert not said, "\n".join(said)


def _is_rule(line: str) -> bool:
    return not line.strip("|-: ")


def _is_head(lines: list[str], line: str) -> bool:
    following = lines[lines.index(line) + 1 :][:1]
    return bool(following) and following[0].startswith("|") and _is_rule(following[0])


def _without_blocks(text: str) -> str:
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
