"""What the workbench shows, as HTML: templates that escape everything, and the small values they are filled with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from jinja2 import Environment, PackageLoader, select_autoescape

from rules import duration
from rules.condition import Trace
from rules.explain import Explanation, Upshot, reasons
from rules.logic import UNKNOWN
from rules.model import RuleSet
from rules.pack import FOLDER_NAME
from rules.text import shown as clock
from sync import show
from sync.items import Item
from sync.plan import shown
from sync.workbench.difference import Difference, Line
from sync.workbench.seeing import Seen

LONGEST: Final = 60
ANSWERS: Final = {True: "yes", False: "no", None: "unknown"}
TONES: Final = {
    "fired": "yes",
    "did not": "no",
    "unknown": "maybe",
    "shadowed": "maybe",
    "muted": "maybe",
    "closed": "maybe",
}
"""How a verdict is coloured; every other one is quiet."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition: its source, its answer, the values of its words, its own parts."""

    source: str
    answer: str
    words: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a plan. `where` is `file:line` of its rule, `text` what is or would be said."""

    status: str
    head: str
    at: str
    iso: str
    what: str
    reason: str
    rule: str
    where: str
    text: str = ""


class Views:
    """Renders what was found out. `zone` of the rules is the zone of every moment."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("sync.workbench", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, key: str, may_apply: bool, config: str) -> str:
        """The whole page."""
        return self._templates.get_template("page.html").render(key=key, may_apply=may_apply, config=config)

    def fragment(self, found: Seen, rules: RuleSet, files: str) -> str:
        """The plan and the explanations of a ticket; `files` tells one state of the rule files from another."""
        plan, zone, now = found.plan, rules.defaults.timezone, found.subject.now
        severity = plan.facts["severity"] if plan.facts is not None else plan.ticket.fields.get("severity")
        context = {
            "ticket": plan.ticket,
            "severity": severity if isinstance(severity, str) else "",
            "rank": _rank(severity, rules),
            "when": found.when,
            "clocks": [{"state": c.band.replace(" ", "-"), "line": c.line(zone, plan.now)} for c in plan.clocks],
            "at": clock(plan.now, zone, now),
            "iso": found.at.isoformat() if found.at is not None else "",
            "files": files,
            "silent": plan.silent,
            "known_since": clock(found.known_since, zone, now) if found.known_since is not None else "",
            "rows": [_row(item, rules, now) for _, item in show.rows(plan)],
            "groups": _groups(found.explanations, zone, plan.now),
            "moments": [
                {"iso": m.at.isoformat(), "kind": m.kind, "at": clock(m.at, zone, now), "what": m.what}
                for m in found.moments
            ],
        }
        return self._templates.get_template("fragment.html").render(context)

    def difference(self, found: Difference, rules: RuleSet, now: datetime, others: Others) -> str:
        """What would change for the opened ticket, and for how many others."""
        context = {
            "same": len(found.of("same")),
            "lines": [_line(line, rules, now) for line in found.of("added", "changed", "gone")],
            "turned": found.turned,
            "any": bool(found),
            "others": others,
        }
        return self._templates.get_template("difference.html").render(context)

    def sentence(self, said: str, kind: str = "note") -> str:
        """A sentence in place of what cannot be shown."""
        return self._templates.get_template("sentence.html").render(said=said, kind=kind)


@dataclass(frozen=True, slots=True)
class Others:
    """The other open tickets: how many were asked, which a change makes a difference to (by key), how many lines."""

    asked: int
    changed: tuple[tuple[str, int], ...] = ()
    trouble: str = ""


# ---- plan


def _row(item: Item, rules: RuleSet, now: datetime) -> Row:
    effect = item.effect
    rule = rules.by_id.get(effect.rule)
    return Row(
        item.status,
        show.HEADS[item.status],
        shown(item.at, rules, now) if item.at is not None else "",
        item.at.isoformat() if item.at is not None else "",
        effect.what,
        show.reason(item),
        effect.rule if rule is not None else "",
        _where(rule.where.file, rule.where.line) if rule is not None else "",
        effect.thing.text if effect.thing is not None else "",
    )


def _where(file: str, line: int) -> str:
    return f"{file}:{line}" if line else ""


def _line(line: Line, rules: RuleSet, now: datetime) -> dict[str, Any]:
    return {
        "sort": line.sort,
        "before": _row(line.before, rules, now) if line.before is not None else None,
        "after": _row(line.after, rules, now) if line.after is not None else None,
        "retold": line.retold,
    }


def _rank(severity: object, rules: RuleSet) -> str:
    levels = rules.scales.get("severity", ())
    if severity not in levels:
        return "none"
    share = levels.index(str(severity)) / max(1, len(levels) - 1)
    return "high" if share > 0.67 else "medium" if share > 0.33 else "low"


# ---- why


def _groups(several: Sequence[Explanation], zone: tzinfo, now: datetime) -> list[dict[str, Any]]:
    """The explanations by kind, each with how many of its rules fired."""
    groups = []
    for kind in dict.fromkeys(one.rule.kind for one in several):
        rules = [_explained(one, zone, now) for one in several if one.rule.kind == kind]
        groups.append({"kind": kind, "rules": rules, "fired": sum(rule["verdict"] == "fired" for rule in rules)})
    return groups


def _explained(one: Explanation, zone: tzinfo, now: datetime) -> dict[str, Any]:
    parts = () if one.trace is None else _parts(one.trace, zone, now)
    return {
        "id": one.rule.id,
        "name": one.rule.name,
        "where": _where(one.rule.where.file, one.rule.where.line),
        "verdict": one.verdict,
        "tone": TONES.get(one.verdict, "quiet"),
        "said": one.said,
        "reasons": reasons(one, zone, now),
        "upshots": [_upshot(upshot, zone, now) for upshot in one.upshots],
        "parts": parts,
        "always": one.rule.when is None,
        "ready_made": one.rule.where.file.startswith(FOLDER_NAME),
    }


def _upshot(upshot: Upshot, zone: tzinfo, now: datetime) -> dict[str, str]:
    at = clock(upshot.at, zone, now) if upshot.at is not None else ""
    return {"state": upshot.state, "at": at, "what": upshot.what, "why": upshot.why}


def _parts(trace: Trace, zone: tzinfo, now: datetime) -> tuple[Part, ...]:
    """A condition as a tree; the parts of a topmost `and` stand side by side."""
    if trace.joint == "and":
        return tuple(_part(part, zone, now) for part in trace.parts)
    return (_part(trace, zone, now),)


def _part(trace: Trace, zone: tzinfo, now: datetime) -> Part:
    parts = tuple(_part(part, zone, now) for part in trace.parts)
    return Part(trace.source, ANSWERS[trace.value], _words(trace, zone, now), parts)


def _words(trace: Trace, zone: tzinfo, now: datetime) -> str:
    return ", ".join(f"{word} is {value_of(value, zone, now)}" for word, value in trace.words)


def value_of(value: object, zone: tzinfo = UTC, now: datetime | None = None) -> str:
    """A word's value for people, in few characters."""
    if value is UNKNOWN:
        return "unknown"
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return clock(value, zone, now)
    if isinstance(value, timedelta):
        return duration.show(value)
    if isinstance(value, (float, int)):
        return f"{value:g}"
    said = ", ".join(map(str, value)) if isinstance(value, tuple) else " ".join(str(value).split())
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
