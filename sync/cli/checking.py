"""What `pointman check` finds without a network: every mistake of the settings and of the rules, together."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.problems import Problem, Problems
from sync.cli.beside import Beside

if TYPE_CHECKING:
    from rules.model import Mode, RuleSet


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say of the rules: where they are, the mode of the whole, and which connectors there are."""

    paths: tuple[Path, ...]
    mode: Mode
    connectors: tuple[str, ...]


SILENT = frozenset({"jira", "servicenow", "pagerduty", "jsm", "ical"})
"""Connectors by which nobody can be told anything."""
LENT = "https://not-set.example/"
"""Stands for a secret that need not be there: a secret may be an address, or have to be long enough."""
Settings = tuple[tuple[Problem, ...], Wanted | None]


def check(path: Path, secrets: bool = True) -> tuple[Sequence[Problem], str]:
    """Everything that is wrong, or warned of; and what was read, in words: empty where it could not be.

    Without `secrets` it is no mistake that the environment does not hold them, as in continuous integration.

    The rules are loaded by what the file seems to say while the settings are read beside; once more if that was wrong.
    """
    if not secrets:
        _lend(path)
    beside = Beside(lambda: _settings(path))
    guessed = _guessed(path)
    found = _rules(guessed) if guessed is not None else None
    problems, wanted = beside.answer()
    if wanted is None:
        wrong = found if isinstance(found, Problems) else Problems(())
        return (*problems, *wrong.problems), ""
    if found is None or wanted != guessed:
        found = _rules(wanted)
    if isinstance(found, Problems):
        return (*problems, *found.problems), ""
    people = _of_people(found, wanted)
    return (*problems, *found.warnings, *people), f"{len(found)} rules in {len(found.files)} files are fine"


def _of_people(rules: RuleSet, wanted: Wanted) -> tuple[Problem, ...]:
    """When nobody is on call in the days to come, and whom no step will ever reach."""
    from rules import coverage

    return tuple(coverage.problems(rules, tuple(set(wanted.connectors) - SILENT), datetime.now(UTC)))


def _lend(path: Path) -> None:
    """Set every variable that the file takes a secret from and that is not set, for this process."""
    for name in re.findall(r"""["']env/(\w+)["']""", path.read_text(encoding="utf-8", errors="replace")):
        os.environ.setdefault(name, LENT)


def _settings(path: Path) -> Settings:
    from sync import config

    try:
        read = config.load(path)
    except Problems as wrong:
        return wrong.problems, None
    return read.warnings, Wanted(read.rule_paths, read.mode, tuple(read.connectors))


def _rules(wanted: Wanted) -> RuleSet | Problems:
    from rules.load import load  # not before there is a process beside this one, which has no use for it

    try:
        return load(wanted.paths, wanted.mode, wanted.connectors)
    except Problems as wrong:
        return wrong


def _guessed(path: Path) -> Wanted | None:
    """What the file itself says, before the environment and without a check; None where that cannot be told."""
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        names = said.get("rules", "rules.d")
        paths = tuple(path.parent / name for name in ([names] if isinstance(names, str) else names))
        mode = said.get("mode", "on")
        return Wanted(paths, mode if mode in {"off", "watch", "on"} else "on", tuple(said.get("connectors", {})))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
