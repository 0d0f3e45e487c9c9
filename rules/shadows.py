"""Warns of rules that can never decide, because one before them always does where they would; of restrictions because
of which nobody hears of anything; of clocks that never run, or follow each other; of mutes that never end; and of steps
of ladders that are never reached.

It is known where the earlier rule has no condition, or where every part of its condition (between top-level `and`s)
is a part of the later one's. What conditions mean is not looked into.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from connectors.problems import Problem
from rules.condition import Condition
from rules.duration import show
from rules.language import MODES
from rules.model import Assign, Classify, Escalate, Mute, Objective, Rule, Service
from rules.timing import reads

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
    return _conjuncts(rule.when) if rule.when is not None else frozenset()


def _conjuncts(when: Condition) -> frozenset[str]:
    part = when.part
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
    """Warns of objectives that no service has a goal for, of warnings that come when their clock starts, and of clocks
    that are written where another rule writes.
    """
    live = [rule for rule in rules if rule.mode != "off"]
    sets = {word: rule for rule in live if isinstance(rule, Classify) for word in rule.set}
    for rule in live:
        if not isinstance(rule, Objective):
            continue
        if rule.field in sets:
            said = f"{sets[rule.field].id} sets {rule.field}, so no clock is written there"
            yield Problem(rule.where, said, str(rule), "give it a field of its own", "warning")
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


def entangled_clocks(rules: Iterable[Rule]) -> Iterator[Problem]:
    """Warns of objectives that ask for a field into which the clock of another is written, and of those that stand
    still whenever they would run.
    """
    live = [rule for rule in rules if isinstance(rule, Objective) and rule.mode != "off"]
    for rule in live:
        asked = (("start", rule.start), ("stop", rule.stop), ("when", rule.when), ("pause", rule.pause))
        for other in live:
            words = [word for word, value in asked if other.field is not None and reads(value, other.field)]
            if words and other is not rule:
                said = f"reads {other.field} in {words[0]}, where the clock of {other.id} is written"
                hint = f"ask for what {other.id} asks: each time its clock is written, this one may start or stop"
                yield Problem(rule.where, said, str(rule), hint, "warning")
        if rule.pause is not None and _conjuncts(rule.pause) <= _parts(rule):
            said = "this clock never runs: it stands still whenever its condition is true"
            yield Problem(rule.where, said, str(rule), "leave pause out, or ask for more in it", "warning")


def endless_mutes(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """Warns of mutes that hold all tickets and never end, and of those whose kinds no rule is of."""
    kinds = {rule.kind for rule in rules if rule.mode != "off"}
    for rule in rules:
        if not isinstance(rule, Mute) or rule.mode == "off":
            continue
        if rule.when is None and rule.during is None and rule.until is None:
            said = f"nothing ends this mute, so no {' or '.join(rule.mutes)} rule ever tells anybody anything again"
            yield Problem(rule.where, said, str(rule), "write until, or a condition", "warning")
        elif not kinds & set(rule.mutes):
            said = f"this mutes nothing: there is no {' or '.join(rule.mutes)} rule"
            yield Problem(rule.where, said, str(rule), f"there are {', '.join(sorted(kinds - {'mute'}))}", "warning")


def unreached_steps(rules: Iterable[Rule]) -> Iterator[Problem]:
    """Warns of ladders that never begin, and of steps that contradict their rule or come after what ends it."""
    for rule in rules:
        if not isinstance(rule, Escalate) or rule.mode == "off":
            continue
        needed, excluded = _demands(rule.when)
        if rule.since == "acknowledged" and "acknowledged" in excluded:
            said = "never begins: it counts from the acknowledgement, and holds only while nobody has acknowledged"
            yield Problem(rule.where, said, str(rule), level="warning")
            continue
        for said in _never_reached(rule, "acknowledged" in needed, "acknowledged" in excluded):
            yield Problem(rule.where, said, str(rule), level="warning")


def _never_reached(rule: Escalate, taken: bool, free: bool) -> Iterator[str]:
    """What is wrong with steps: the rule holds only while somebody has `taken` the ticket, or while it is `free`."""
    ended = 0
    for number, step in enumerate(rule.steps, 1):
        if ended:
            yield f"step {number} is never reached: step {ended} ends the ladder"
        elif step.when is not None and _contradict(step.when, rule.when):
            yield f"step {number} is never reached: it asks for what the rule excludes"
        elif step.then is not None and free:
            yield f"step {number} does nothing, ever: the rule holds only while nobody has acknowledged"
        ended = number if step.then is not None and taken and not ended else ended
    if ended and rule.repeat is not None:
        yield f"nothing is ever repeated: step {ended} ends the ladder"


def _demands(when: Condition | None) -> tuple[frozenset[str], frozenset[str]]:
    """The parts of a condition that must be true, and those that must not, as they are written."""
    if when is None:
        return frozenset(), frozenset()
    parts = when.part.parts if when.part.joint == "and" else (when.part,)
    needed = frozenset(one.source for one in parts if one.joint != "not")
    return needed, frozenset(one.parts[0].source for one in parts if one.joint == "not")


def _contradict(one: Condition, other: Condition | None) -> bool:
    """Whether two conditions are never true together, as far as their parts show it."""
    (needed, excluded), (theirs, not_theirs) = _demands(one), _demands(other)
    if needed & not_theirs or excluded & theirs:
        return True
    known = dict(other.equalities) if other is not None else {}
    return any(not values & known[word] for word, values in one.equalities if word in known and word != "labels")
