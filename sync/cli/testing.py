"""`pointman test`: runs the `[[test]]`s of rule files, and tells what was not as expected, and why.

No connector is made and no secret is read: of `config.toml` only the rules' places and the connectors' names are
taken. Files that give `[defaults] timezone` stand on their own; others are read with the configured rules, or with the
folder that they are in.
"""

from __future__ import annotations

import json
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from connectors.problems import Problem, Problems, Where
from rules.case import Case
from rules.directory import REACH
from rules.load import load
from rules.model import Rule, RuleSet
from rules.references import PRODUCTS
from sync import trial
from sync.cli import console, junit
from sync.judge import Failure, Result, judge, untouched

if TYPE_CHECKING:
    from sync.effects import World

Style = Literal["text", "json", "junit"]
USAGE = 2
COLOURS: Mapping[str, str] = {
    r"(?m)^ok .*$": "green",
    r"(?m)^FAILED .*$": "bold red",
    r"(?m)^ +line [0-9]+: expected .*$": "green",
    r"(?m)^ +came .*(?:\n {16,}\S.*)*$": "red",
    r"(?m)^[0-9]+ of [0-9]+ tests failed.*$": "bold red",
    r"(?m)^[0-9]+ tests? passed.*$": "bold green",
}
PATIENCE = 1.0
"""Seconds after which progress is shown."""
_MONITORS = ("prometheus", "datadog", "newrelic")
_ROSTERS = ("pagerduty", "jsm", "ical")
_NO_MESSENGERS = frozenset({*PRODUCTS, *_MONITORS, *_ROSTERS}) - frozenset(REACH)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for: tests of these files with `pick` in their name, told in a style, into a file or not.

    `every` names those that passed, too; `strict` makes a problem of rules that no test touched.
    """

    files: tuple[Path, ...] = ()
    pick: str = ""
    style: Style = "text"
    output: Path | None = None
    every: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What a configuration says that tests want to know: where rules are, and the connectors with their kinds."""

    paths: tuple[Path, ...]
    connectors: Mapping[str, str] = field(default_factory=dict)

    @property
    def products(self) -> tuple[str, ...]:
        """The connectors that can be told something."""
        return tuple(name for name, kind in self.connectors.items() if kind not in _NO_MESSENGERS)


@dataclass(frozen=True, slots=True)
class Tests:
    """The rules as they are tried, and the cases that were asked for; `files` are those that they stand in."""

    rules: RuleSet
    cases: tuple[Case, ...]
    world: World
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """How every case went, how long each took (in seconds), and the rules that spoke in none.

    `untouched` is None where only some of the tests were asked for.
    """

    rules: RuleSet
    results: tuple[Result, ...]
    seconds: tuple[float, ...]
    untouched: tuple[Rule, ...] | None = None

    @property
    def failed(self) -> tuple[Result, ...]:
        """The cases that were not as expected."""
        return tuple(result for result in self.results if result.failures)


# ---- the whole of it


def main(asked: Asked, config: Path | None) -> int:
    """Run what was asked for and tell it; answers the exit code."""
    try:
        tests = gather(asked.files, config)
    except Problems as wrong:
        console.complain(str(wrong))
        return 1
    if not tests.cases:
        console.complain(f"no [[test]] in {', '.join(tests.files)}; docs/rules.md says how to write one")
        return 1
    report = run(tests, asked.pick)
    if not report.results:
        console.complain(f"no test is called {asked.pick}; there are {_some(tests.cases)}")
        return USAGE
    if asked.output is not None:
        try:
            asked.output.write_text(written(report, asked.style) + "\n", encoding="utf-8")
        except OSError as error:
            console.complain(f"could not write {asked.output}: {error.strerror}")
            return USAGE
    if asked.output is not None or asked.style == "text":
        console.coloured("\n".join(text(report, console.width(), every=asked.every)), COLOURS)
    else:
        console.say(written(report, asked.style))
    return 1 if report.failed or (asked.strict and report.untouched) else 0


def _some(cases: Sequence[Case]) -> str:
    names = [_line(case.name) for case in cases]
    return "; ".join(names if len(names) <= 5 else [*names[:5], "…"])


# ---- which tests


def gather(files: Sequence[Path], config: Path | None) -> Tests:
    """The tests of these files and folders, or all of the configuration's. Raises Problems."""
    settings = settings_of(config) if config is not None else Settings(())
    wanted = frozenset(file.resolve() for path in files for file in _files(path))
    settings = _with(settings, files, wanted) if files else settings
    rules = trial.rehearsal(load(settings.paths, "on", tuple(settings.connectors)))
    cases = tuple(case for case in rules.cases if not files or Path(case.where.file).resolve() in wanted)
    return Tests(rules, cases, trial.world(settings.products), tuple(map(str, files or settings.paths)))


def settings_of(config: Path) -> Settings:
    """What the file itself says; the environment and the connectors are not asked."""
    try:
        said: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Problems([Problem(Where(str(config)), f"cannot be read: {error}")]) from None
    except RecursionError:
        raise Problems([Problem(Where(str(config), 1, 1), "not TOML that can be read: nested too deeply")]) from None
    names, tables = said.get("rules", "rules.d"), said.get("connectors", {})
    if not isinstance(names, (str, list)) or not isinstance(tables, dict):
        raise Problems([Problem(Where(str(config)), "rules is a list of paths, and connectors a table")])
    paths = tuple(config.parent / str(name) for name in ([names] if isinstance(names, str) else names))
    kinds = {name: str(table.get("use") or name) for name, table in tables.items() if isinstance(table, dict)}
    return Settings(paths, kinds)


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.toml")) if path.is_dir() else [path]


def _with(settings: Settings, files: Sequence[Path], wanted: frozenset[Path]) -> Settings:
    """What has to be read so that these files make sense, and the connectors to read it with."""
    known = {file.resolve() for path in settings.paths for file in _files(path)}
    if wanted <= known:
        return settings
    if any(_whole(file) for file in wanted):
        return Settings(tuple(files))
    if settings.paths:
        more = (file for path in files for file in _files(path) if file.resolve() not in known)
        return replace(settings, paths=(*settings.paths, *more))
    return Settings(tuple(dict.fromkeys(path if path.is_dir() else path.parent for path in files)))


def _whole(file: Path) -> bool:
    """Whether a file says the one thing that must be said, so that it needs no other."""
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return True  # that it cannot be read is all there is to tell
    defaults = said.get("defaults")
    return isinstance(defaults, dict) and "timezone" in defaults


# ---- running


def run(tests: Tests, pick: str = "") -> Report:
    """Run the cases whose name holds `pick`; shows how far it is on a terminal, when it takes longer than a second."""
    cases = [case for case in tests.cases if pick.lower() in case.name.lower()]
    results, seconds = [], []
    begun = perf_counter()
    with ExitStack() as stack:
        bar: Callable[[int, int], None] | None = None
        for number, case in enumerate(cases):
            start = perf_counter()
            if bar is None and start - begun > PATIENCE:
                bar = stack.enter_context(console.progress("tests"))
            if bar is not None:
                bar(number, len(cases))
            results.append(judge(case, tests.rules, tests.world))
            seconds.append(perf_counter() - start)
    left = untouched(tests.rules, results) if not pick else None
    return Report(tests.rules, tuple(results), tuple(seconds), left)


# ---- telling


def written(report: Report, style: Style) -> str:
    """The report in a style, without a line end; a text names every test."""
    if style == "text":
        return "\n".join(text(report, None, every=True))
    return (
        junit.document(_suites(report)) if style == "junit" else json.dumps(data(report), indent=2, ensure_ascii=False)
    )


def text(report: Report, width: int | None, *, every: bool) -> Iterable[str]:
    """For people: what failed with its reasons, which rules no test touched, and how many of each there are."""
    for result in report.results:
        name = _line(result.case.name)
        if not result.failures:
            if every:
                yield f"ok      {name}"
            continue
        yield f"FAILED  {name}"
        yield f"        {_place(result.case.where)}"
        for failure in result.failures:
            yield from _failed(failure, report.rules, width)
        yield ""
    if report.untouched:
        names = ", ".join(rule.id for rule in report.untouched)
        yield from (*_folded("no test touched: ", names, width), "")
    failed, count = len(report.failed), len(report.results)
    counted = f"{failed} of {count} tests failed" if failed else f"{count} test{'s' * (count != 1)} passed"
    yield f"{counted} in {sum(report.seconds):.2f} s"


def _failed(failure: Failure, rules: RuleSet, width: int | None) -> Iterable[str]:
    yield ""
    place = f"    line {failure.expected.where.line}: "
    yield from _folded(f"{place}expected  ", failure.wanted, width)
    yield from _folded(f"{' ' * len(place)}came      ", failure.came, width)
    yield from (f"        {line}".rstrip() for line in failure.lines(rules, None if width is None else width - 8))


def _folded(head: str, said: str, width: int | None) -> list[str]:
    """A line as several of at most `width` columns; what follows the first stands under what is said."""
    if width is None:
        return [f"{head}{said}"]
    indent = " " * min(len(head), width // 2)
    return textwrap.wrap(f"{head}{said}", width, subsequent_indent=indent, break_on_hyphens=False)


def data(report: Report) -> dict[str, Any]:
    """For programs."""
    return {
        "ok": not report.failed,
        "tests": [
            {
                "name": result.case.name,
                "file": result.case.where.file,
                "line": result.case.where.line,
                "ok": not result.failures,
                "seconds": round(seconds, 6),
                "rules": sorted(result.spoke),
                "failures": [
                    {
                        "line": failure.expected.where.line,
                        "expected": failure.wanted,
                        "came": failure.came,
                        "at": failure.at.isoformat(),
                        "why": list(failure.lines(report.rules)),
                    }
                    for failure in result.failures
                ],
            }
            for result, seconds in zip(report.results, report.seconds, strict=True)
        ],
        "untouched": None if report.untouched is None else [rule.id for rule in report.untouched],
    }


def _suites(report: Report) -> tuple[junit.Suite, ...]:
    """A suite for each file."""
    suites: dict[str, list[junit.Test]] = {}
    for result, seconds in zip(report.results, report.seconds, strict=True):
        failures = tuple(
            (
                f"expected {failure.wanted}; came {failure.came}",
                "\n".join((_place(failure.expected.where), *failure.lines(report.rules))),
            )
            for failure in result.failures
        )
        test = junit.Test(_line(result.case.name), seconds, failures)
        suites.setdefault(result.case.where.file, []).append(test)
    return tuple(junit.Suite(file, tuple(tests)) for file, tests in suites.items())


def _place(where: Where) -> str:
    return f"{where.file}:{where.line}"


def _line(name: str) -> str:
    return " ".join(name.split())
