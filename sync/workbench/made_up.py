"""A ticket that nobody made: its words as the administrator types them, read and checked as those of a `[[test]]`.

It lives here only, so a page can be tried out before there is a tracker, or on a ticket that one hopes never to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from connectors.problems import Problem, Problems, Where
from rules import load
from sync import trial
from sync.ledger import Ledger
from sync.workbench.seeing import Subject

FILE: Final = "the words"
LINES: Final = '[[test]]\nname = "made up"\nexpect = { phase = "new" }\n[test.ticket]\n'
TABLE: Final = '[[test]]\nname = "made up"\nexpect = { phase = "new" }\n'
INLINE: Final = "ticket = "
"""Before a table as it stands in a test; its columns are those of the words and so many more."""


def made_up(text: str, texts: Mapping[str, str], number: int, now: datetime) -> Subject:
    """The ticket of these words, in lines or as the table `{ … }`, under the rules of these texts. Raises Problems."""
    written = text.strip().removeprefix("ticket").lstrip(" =") if _is_table(text) else text
    head = TABLE + INLINE if _is_table(text) else LINES
    try:
        rules = load.parse({**texts, FILE: head + written + "\n"})
    except Problems as wrong:
        raise Problems(_placed(wrong.problems, head)) from None
    except RecursionError:
        raise Problems([Problem(Where(FILE, 1, 1), "nested too deeply to be read")]) from None
    case = next(case for case in rules.cases if case.where.file == FILE)
    ticket = trial.ticket(case.ticket, trial.rehearsal(rules), now)
    named = replace(ticket, ref=f"made-up-{number}", key=str(case.ticket.get("key") or f"TEST-{number}"))
    return Subject(named, Ledger(named.ref), trial.world(), max(now, named.created), made=True)


def _is_table(text: str) -> bool:
    return text.lstrip().removeprefix("ticket").lstrip(" =").startswith("{")


def _placed(problems: Sequence[Problem], head: str) -> list[Problem]:
    """The problems of the words alone, at their own lines and columns."""
    above, before = head.count("\n"), len(head.rpartition("\n")[2])
    own = [problem for problem in problems if problem.where.file == FILE]
    return [
        replace(
            one,
            where=replace(one.where, line=one.where.line - above, column=max(1, one.where.column - before)),
            rule="",
        )
        for one in own
    ]
