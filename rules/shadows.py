"""Warns of rules that can never decide, because one before them always does where they would; of restrictions because
of which nobody hears of anything; and of clocks that never run.

It is known where the earlier rule has no condition, or where every part of its condition (between top-level `and`s)
is a part of the later one's. What conditions mean is not looked into.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from connectors.problems import Problem
from rules.duration import show
from rules.language import MODES
from rules.model import Assign, Classify, Objective, Rule, Service

Early = tuple[Rule, frozenset[str]]


def shadows(rules: Iterable[Rule]) -> Iterator[Problem]:
    """A warning for each field of a rule that an earlier rule decides whenever this one could."""
    earlier: dict[tuple[str, str], list[Early]] = {}
    for rule in rules:
        parts = _parts(rule)
        for word in _decides(rule):
            before = earlier.setdefault((rule.kind, word), [])
            hiding = next((first for first, needed in before if needed <= parts and _bolder(first, rule)), None)
            if hiding is not None:
                said = f"never decides {word}: {hiding.id} does, whenever this one could"
                yield Problem(rule.where, said, str(rule), f"put it before {hiding.id}", "warning")
            elif _always(rule, word):
                before.append((rule, parts))


def _decides(rule: Rule) -> Iterator[str]:
    if isinstance(rule, Classify):
        yield from rule.set
        if rule.thresholds and "severity" not in rule.set:
            yield "severity"
    elif isinstance(rule, Assign):
        if rule.team is not None:
            yield "team"
        if rule.person is not None or rule.pick is not None:
            yield "assignee"


def _always(rule: Rule, word: str) -> bool:
    """Whether the rule decides this word whenever its condition holds."""
    if isinstance(rule, Classify):
        return word in rule.set
    return isinstance(rule, Assign) and (rule.person is not None if word == "assignee" else rule.team != "service.team")


def _bolder(first: Rule, second: Rule) -> bool:
    """Whether the first feeds all that the second does: a watched decision feeds only watched rules."""
    return MODES.index(first.mode) >= MODES.index(second.mode) and first.mode != "off"


def _parts(rule: Rule) -> frozenset[str]:
    if rule.when is None:
        return frozenset()
    part = rule.when.part
    return frozenset(one.source for one in (part.parts if part.joint == "and" else (part,)))


def unheard(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """Warns of restrict rules where no rule that tells anybody sees a restricted ticket."""
    live = [rule for rule in rules if rule.mode != "off"]
    if any(rule.restricted and rule.kind not in {"classify", "assign"} for rule in live):
        return
    for rule in live:
        if rule.kind == "restrict":
            said = "no rule that tells anybody has restricted = true, so nobody hears of such a ticket"
            yield Problem(rule.where, said, str(rule), level="warning")


def stopped_clocks(rules: Iterable[Rule], services: Collection[Service]) -> Iterator[Problem]:
    """Warns of objectives that no service has a goal for, and of warnings that come when their clock starts."""
    for rule in rules:
        if not isinstance(rule, Objective) or rule.mode == "off":
            continue
        own = {service.rto if rule.goal == "rto" else service.rpo for service in services} - {None}
        goals = {rule.within} if rule.within is not None else own
        if not goals:
            said, hint = f"no service has an {rule.goal}, so this clock never runs", f"write {rule.goal} in [services]"
            yield Problem(rule.where, said, str(rule), hint, "warning")
            continue
        longest = max(filter(None, goals))
        for number, step in enumerate(rule.steps, 1):
            if step.before is not None and step.before >= longest:
                said = f"step {number} comes when the clock starts: {show(longest)} is all there is"
                yield Problem(rule.where, said, str(rule), "write a shorter before", "warning")
