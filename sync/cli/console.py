"""How the command line speaks: problems for people, for programs and for forges; tables; progress.

Colours and boxes are rich's, which leaves them out where nobody sees them, and with NO_COLOR.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from connectors.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

Format = Literal["text", "json", "github", "sarif"]


_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys instead of showing it: control characters, escapes, what turns the direction of writing."""


def harmless(text: str) -> str:
    """A text as a terminal may be given it: what it would obey is shown as an escape, such as `\\u001b`.

    Everything that this module prints goes through here, so what a ticket says can neither colour, move nor rename
    anything. As the escapes are JSON's, data stays the same data.
    """
    return _HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str = "") -> None:
    """A line for whoever asked."""
    sys.stdout.write(harmless(text) + "\n")


def complain(text: str) -> None:
    """A line about what went wrong."""
    sys.stderr.write(harmless(text) + "\n")


def dump(value: Any) -> None:
    """Data, for whoever pipes it on."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def width() -> int | None:
    """The columns of the terminal, or of COLUMNS; None where the text goes into a file or another program."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return None
    return shutil.get_terminal_size().columns


def room() -> int | None:
    """The columns of a terminal that somebody looks at; None for a program, which looks for one line."""
    return width() if sys.stdout.isatty() else None


def coloured(text: str, colours: Mapping[str, str]) -> None:
    """A text with what these patterns find in its colour (their first group, if any); plain where no colour is wanted.

    That is where nobody sees it, and with NO_COLOR.
    """
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        say(text)
        return
    from rich.text import Text

    shown = Text(harmless(text))
    for pattern, style in colours.items():
        for found in re.finditer(pattern, shown.plain):
            shown.stylize(style, *found.span(1 if found.re.groups else 0))
    console().print(shown, soft_wrap=True)


def folded(said: str, before: str, width: int | None) -> str:
    """A sentence after `before`, on one line, or, where there is a width, on lines of at most so many columns."""
    line = f"{before}{' '.join(said.split())}"
    after = " " * (len(before) - len(before.lstrip()) + 2)
    if width is None:
        return line
    return "\n".join(
        textwrap.wrap(line, max(width, 20), subsequent_indent=after, break_long_words=False, break_on_hyphens=False)
    )


def console() -> Console:
    """Rich's console; made when first needed, since it costs a tenth of a second."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else width() or 120)


def told(problems: Sequence[Problem], style: Format, fine: str, config: Path) -> int:
    """Tell problems in this style; `fine` is said where there are none. The exit code: 1 if any is an error.

    `config` is the configuration file: SARIF places there what stands in no file.
    """
    from sync.cli import pointing

    wrong = any(problem.level == "error" for problem in problems)
    if style == "json":
        dump({"ok": not wrong, "problems": [data(problem) for problem in problems]})
    elif style in {"github", "sarif"}:
        _told_to_a_forge(problems, style, config)
    else:
        for problem in problems:
            coloured(pointing.text(problem, room()), pointing.COLOURS)
        errors = sum(problem.level == "error" for problem in problems)
        warnings = len(problems) - errors
        counts = [f"{n} {word}{'s' * (n != 1)}" for n, word in ((errors, "problem"), (warnings, "warning")) if n]
        say(", ".join(counts) if counts else fine)
    return 1 if wrong else 0


def _told_to_a_forge(problems: Sequence[Problem], style: Format, config: Path) -> None:
    from sync.cli import forges

    if style == "sarif":
        dump(forges.sarif(problems, config))
        return
    for problem in problems:
        say(forges.annotation(problem))


def data(problem: Problem) -> dict[str, Any]:
    """A problem as JSON-ready data."""
    where = problem.where
    return {
        "level": problem.level,
        "file": where.file or None,
        "line": where.line or None,
        "column": where.column or None,
        "length": where.length if where.column else None,
        "rule": problem.rule or None,
        "message": problem.message,
        "hint": problem.hint or None,
    }


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Rows under their columns."""
    from rich import box
    from rich.table import Column, Table
    from rich.text import Text

    made = Table(
        *(Column(name, overflow="fold") for name in columns),
        title=title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for row in rows:
        made.add_row(*(Text(harmless(cell)) for cell in row))  # what stands in a cell is never markup
    console().print(made)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, while something takes longer than a second: told how much is done, and of how much."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    shown = Console(stderr=True)
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total or None)
