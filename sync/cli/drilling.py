"""`pointman drill`: plays a disaster in virtual time against the administrator's rules, and tells how it went.

No connector is made, no secret is read, nothing leaves the process. Scenarios that come with Pointman bring a company
of their own, which is taken where the rules at hand do not know the names that a scenario uses.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from connectors.problems import Problem, Problems, Where
from rules import duration, load, toml
from rules.directory import REACH
from sync import logs, trial
from sync.cli import console, drilled, junit
from sync.cli.testing import Settings, settings_of
from sync.drill import language, shipped
from sync.drill.play import Setting
from sync.drill.scenario import Scenario
from sync.drill.verdict import Missed, Outcome, run
from sync.look import Site

Style = Literal["text", "json", "junit"]
USAGE = 2
_PLACED = re.compile(r"(?m)^rules = .*\n")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for: a scenario, rules to play it against, told in a style, into a file or not.

    `every` tells every change of what stands somewhere, too.
    """

    scenario: str
    rules: tuple[Path, ...] = ()
    style: Style = "text"
    output: Path | None = None
    every: bool = False


@dataclass(frozen=True, slots=True)
class Against:
    """What a scenario is played against: the setting, in words where the rules come from, and a word about that."""

    scenario: Scenario
    setting: Setting
    said: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """How a drill went, and how many seconds it took."""

    against: Against
    outcome: Outcome
    seconds: float


# ---- the whole of it


def main(asked: Asked, config: Path | None) -> int:
    """Play what was asked for and tell it; answers the exit code."""
    logs.configure((), "critical")  # the timeline tells what a log would
    began = perf_counter()
    try:
        against = gather(asked, config)
    except LookupError as error:
        console.complain(str(error))
        return USAGE
    except Problems as wrong:
        console.complain(str(wrong))
        return 1
    report = Report(against, run(against.scenario, against.setting), perf_counter() - began)
    if asked.output is not None:
        try:
            asked.output.write_text(written(report, asked) + "\n", encoding="utf-8")
        except OSError as error:
            console.complain(f"could not write {asked.output}: {error.strerror}")
            return USAGE
    if asked.output is not None or asked.style == "text":
        said = drilled.text(report.outcome, _head(report), console.width(), every=asked.every)
        last = drilled.folded(summary(report), console.width())
        console.coloured("\n".join((*said, *last)), drilled.COLOURS)
    else:
        console.say(written(report, asked))
    return 0 if report.outcome.fine else 1


def listed() -> tuple[tuple[str, str], ...]:
    """The scenarios that come with Pointman, each with its title."""
    told = []
    for name in shipped.names():
        root = toml.read(name, shipped.find(name).read_text(encoding="utf-8"))
        told.append((name, str(root.value["title"].value)))
    return tuple(told)


def show(said: str) -> int:
    """Print a scenario without what is of its own place only; answers the exit code."""
    try:
        text = shipped.find(said).read_text(encoding="utf-8")
    except LookupError as error:
        console.complain(str(error))
        return USAGE
    console.say(_PLACED.sub("", text).replace("../../../schema/", "./").rstrip())
    return 0


# ---- against what


def gather(asked: Asked, config: Path | None) -> Against:
    """The scenario, read for the rules it is played against. Raises Problems, and LookupError where there is none."""
    file = shipped.find(asked.scenario)
    try:
        text = toml.decode(str(file), file.read_bytes())
    except toml.Mistaken as wrong:
        raise Problems([wrong.problem]) from None
    own = tuple(file.parent / name for name in language.brings(text))
    if asked.rules:
        return _read(file, text, Settings(asked.rules), Site(), ", ".join(map(str, asked.rules)))
    if config is None and not own:
        said = "there are no rules to play it against"
        raise Problems([Problem(Where(str(file)), said, hint="say --config FILE or --rules FILE")])
    company = f"the company that comes with {asked.scenario}"
    if config is None:
        return _read(file, text, Settings(own), Site(), company)
    try:
        return _read(file, text, settings_of(config), site_of(config), str(config))
    except _Strange as strange:
        if not own:
            raise Problems(strange.problems) from None
        note = f"{config} does not know what the scenario speaks of ({_first(strange)}), so its own company plays it"
        made = _read(file, text, Settings(own), Site(), company)
        return Against(made.scenario, made.setting, made.said, note)


class _Strange(Problems):
    """The scenario speaks of what these rules do not know."""


def _first(wrong: Problems) -> str:
    said = wrong.problems[0].message
    more = len(wrong.problems) - 1
    return f"{said}, and {more} more" if more else said


def _read(file: Path, text: str, settings: Settings, site: Site, said: str) -> Against:
    rules = trial.rehearsal(load.load(settings.paths, "on", tuple(settings.connectors)))
    kinds = {name: settings.connectors[name] for name in settings.products} or dict.fromkeys(REACH)
    products = {name: kind or name for name, kind in kinds.items()}
    try:
        scenario = language.read(file, text, rules, tuple(products))
    except Problems as wrong:
        raise _Strange(wrong.problems) from None
    return Against(scenario, Setting(rules, products, site), said)


def site_of(config: Path) -> Site:
    """What of a configuration matters in a drill: how old news may be, how many calls are a list, who is told last."""
    said: Mapping[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
    floods, emergency = said.get("floods", {}), str(said.get("emergency", "")).partition(":")
    site, grace = Site(), said.get("grace")
    calls = floods.get("calls", site.calls) if isinstance(floods, dict) else site.calls
    try:
        kept = duration.parse(grace) if isinstance(grace, str) else timedelta(seconds=float(grace or 0)) or site.grace
        return Site(grace=kept, calls=int(calls), emergency=(emergency[0], emergency[2]) if emergency[2] else None)
    except (ValueError, TypeError, OverflowError) as wrong:
        told = f"its grace or floods cannot be read: {wrong}"
        raise Problems([Problem(Where(str(config)), told, hint="pointman check tells more")]) from None


# ---- telling


def _head(report: Report) -> Sequence[str]:
    against, rules = report.against, report.outcome.setting.rules
    said = f"played against {against.said}: {len(rules)} rules, digest {rules.digest}"
    return (said, *((against.note,) if against.note else ()))


def summary(report: Report) -> str:
    """The last line."""
    outcome = report.outcome
    held = sum(not claim.missed for claim in outcome.claims)
    story, scenario = outcome.story, outcome.scenario
    fresh = sum(one.fresh for one in story.told)
    undone = f", {len(story.undone)} steps could not be done" if story.undone else ""
    return (
        f"{scenario.name}: {held} of {len(outcome.claims)} expectations held{undone}; "
        f"{duration.show(scenario.lasts)} with {_many(len(scenario.tickets), 'ticket')}, "
        f"{_many(fresh, 'message')}, doubled {outcome.doubled}, in {report.seconds:.2f} s"
    )


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def written(report: Report, asked: Asked) -> str:
    """The report in a style, without a line end."""
    if asked.style == "json":
        return json.dumps(data(report), indent=2, ensure_ascii=False)
    if asked.style == "junit":
        return junit.document(_suites(report), "pointman drill")
    return "\n".join((*drilled.text(report.outcome, _head(report), None, every=asked.every), summary(report)))


def data(report: Report) -> dict[str, Any]:
    """For programs."""
    outcome = report.outcome
    return {
        "ok": outcome.fine,
        "scenario": outcome.scenario.name,
        "title": outcome.scenario.title,
        "rules": {"from": report.against.said, "digest": outcome.setting.rules.digest, "note": report.against.note},
        "start": outcome.scenario.start.isoformat(),
        "lasts": duration.show(outcome.scenario.lasts),
        "seconds": round(report.seconds, 3),
        "looks": outcome.player.looks,
        "doubled": outcome.doubled,
        **drilled.data(outcome),
    }


def _suites(report: Report) -> tuple[junit.Suite, ...]:
    outcome, rules = report.outcome, report.outcome.setting.rules
    tests = [
        junit.Test(
            claim.name,
            0.0,
            tuple(
                (f"expected {one.wanted}; came {one.came}", "\n".join(drilled.why(one, rules))) for one in claim.missed
            ),
        )
        for claim in outcome.claims
    ]
    undone = [junit.Test(line.said, 0.0, ((line.said, ""),)) for line in outcome.story.undone]
    whole = junit.Test("the drill is played", report.seconds)
    return (junit.Suite(outcome.scenario.file, (whole, *tests, *undone)),)


def _wrong(one: Missed) -> str:
    return f"expected {one.wanted}; came {one.came}"
