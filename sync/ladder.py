"""When each step of a ladder is made: at its own due, or earlier, because the step before reached nobody or a person
asked for it. A step that is brought forward keeps its own due, so it is not made a second time when that comes.

A step whose own condition is not true at its moment is passed over. One that calls nobody is what comes of silence: it
waits until somebody was really asked, and for as long after that as the rule says, however late that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Final

from connectors.model import Change
from rules.cadence import skips
from rules.calendar import later
from rules.condition import Condition
from rules.decide import Decision
from rules.model import Calendar, Escalate, RuleSet
from rules.past import Past
from sync.acts import ESCALATED
from sync.calls import Moment, Series, covering, reached_nobody
from sync.effects import Scene, standard

TEXT: Final = (
    "**{{ key }}** {{ summary }}: {{ rule }} since {{ since }}, "
    "{% if severity %}severity {{ severity }}{% else %}not classified{% endif %}. {{ url }}"
    "{% if changed %}\n\nChanged: {{ changed }}.{% endif %}"
    "{% if told %}\n\nCalled: {{ told }}.{% endif %}"
    "{% if blockers %}\n\nIn the way: {{ blockers }}.{% endif %}"
    "{% if rto_until %}\n\nIt must be restored by {{ rto_until }}.{% endif %}"
    "{% if options %}\n\n{{ options }}{% endif %}"
)
QUESTION: Final = (
    "**{{ key }}** {{ summary }}: {{ severity or 'not classified' }}. Are you still on it? Nobody has changed it or "
    "written on it since {{ quiet }}. Without an answer by {{ ends }} it counts as not acknowledged again. {{ url }}"
    "{% if blockers %}\n\nIn the way: {{ blockers }}.{% endif %}"
    "{% if rto_until %}\n\nIt must be restored by {{ rto_until }}.{% endif %}"
    "{% if options %}\n\n{{ options }}{% endif %}"
)
UNLESS: Final = "somebody answers"
ANSWERED: Final = "somebody answered"


def ladder(decision: Decision, rule: Escalate, scene: Scene) -> Series:
    """Every step, and the repeats of the last, with what ends the ladder."""
    moments = tuple(_Ladder(decision, rule, scene).moments())
    return Series(decision, moments, standard(TEXT), rule.buttons, _unless(rule, scene.rules))


def dues(rule: Escalate, since: datetime, rules: RuleSet) -> Iterator[Moment]:
    """Each step of a ladder that counts from then, at its own due, and the repeats of the last.

    Steps that never come, since the rule's calendar does not open for so long, are left out.
    """
    spans = [(step.after, number, step) for number, step in enumerate(rule.steps, 1)]
    if rule.repeat is not None and spans:
        after, number, last = spans[-1]
        spans += [(after + nth * rule.repeat.every, number, last) for nth in range(1, rule.repeat.times + 1)]
    for after, number, step in spans:
        due = later(_calendar(rule, rules), since, after)
        if due is not None:
            yield Moment(due, due, number, step.to, step.text, then=step.then)


def asked_forward(history: Iterable[Change], since: datetime, now: datetime) -> tuple[datetime, ...]:
    """When people asked for the next step of a ladder that was running since then, oldest first."""
    return tuple(change.at for change in history if change.field == ESCALATED and since <= change.at <= now)


def holds_at(when: Condition, past: Past, moment: datetime) -> bool | None:
    """What a condition says of a ticket as it was; None: unknown, also where the history does not go back so far."""
    facts = past.at(moment)
    return when(facts) if facts is not None else None


def _calendar(rule: Escalate, rules: RuleSet) -> Calendar | None:
    return rules.calendars[rule.calendar] if rule.calendar is not None else None


class _Ladder:
    """One climbing of a ladder, step after step; each depends on what became of those before.

    Each time that somebody asked brings forward the first step that was not made by then, and each that somebody asked
    to leave one out leaves out the first. Where a step reached nobody the next one is made at once, and no repeat is.
    """

    def __init__(self, decision: Decision, rule: Escalate, scene: Scene) -> None:
        self.decision, self.rule, self.scene = decision, rule, scene
        history, since = scene.facts.ticket.history, decision.since
        self.waiting = list(asked_forward(history, since, scene.now))
        self.skipping = list(skips(history, since, scene.now))
        self.forward: datetime | None = None
        self.asked: Moment | None = None

    def moments(self) -> Iterator[Moment]:
        """Each step when it is made, or why it is left out."""
        for nth, step in enumerate(dues(self.rule, self.decision.since, self.scene.rules), 1):
            if step.then is not None:
                yield self._silence(step)
                self.forward = None
                continue
            moment = self._call(step)
            yield moment
            if moment.passed:
                continue
            unreached = nth < len(self.rule.steps) and not moment.left
            unreached = unreached and reached_nobody(self.decision, moment, self.scene)
            self.forward = moment.effective if unreached else None
            self.asked = moment if not moment.left else self.asked

    # -- calls

    def _call(self, step: Moment) -> Moment:
        effective = step.due if self.forward is None else min(step.due, self.forward)
        soonest = min((effective, *self.waiting))
        if soonest < effective and self._passed(step, soonest):  # it is not the one that they asked for
            soonest = effective
        passed = self._passed(step, soonest)
        if passed:
            return replace(step, effective=effective, left=passed, passed=True)
        left = _skipped(soonest, self.skipping)
        if left:
            return replace(step, effective=effective, left=left)
        if soonest < effective:
            self.waiting.remove(soonest)
        return self._worded(step if soonest == step.effective else replace(step, effective=soonest))

    def _passed(self, step: Moment, moment: datetime) -> str:
        """Why a step is passed over at a moment: its condition is not true then, or no longer; empty where it is."""
        when = self.rule.steps[step.number - 1].when
        if when is None:
            return ""
        now = self.scene.now
        if moment < now:
            then = holds_at(when, self._past, moment)
            if then is not True or covering(self.decision, step, self.scene):
                return _only(when, then, "it was not so then")
        return _only(when, when(self.scene.facts), "it is not so")

    @cached_property
    def _past(self) -> Past:
        return Past(self.scene.facts.ticket, self.scene.rules, self.scene.known, self.scene.now)

    def _worded(self, moment: Moment) -> Moment:
        """A call that asks whether somebody is still on it says so, and until when it waits for an answer."""
        if moment.effective > self.scene.now:  # nothing is said yet
            return moment
        step = self.rule.steps[moment.number - 1]
        options = step.options or self.rule.options
        words: dict[str, object] = {"offered": options} if options else {}
        following = self.rule.steps[moment.number : moment.number + 1]
        if following and following[0].then is not None:
            due = later(self._calendar, self.decision.since, following[0].after)
            waits = later(self._calendar, self.scene.now, following[0].after - step.after)
            ends = max((at for at in (due, waits) if at is not None), default=None)
            words.update(quiet=self._quiet, ends=ends)
            text = moment.text if moment.text or self.rule.text else standard(QUESTION)
            moment = replace(moment, text=text)
        return replace(moment, words=words) if words else moment

    @property
    def _calendar(self) -> Calendar | None:
        return _calendar(self.rule, self.scene.rules)

    @cached_property
    def _quiet(self) -> datetime:
        """When a person did something with the ticket, for the last time."""
        return self._past.moment("changed") or self.decision.since

    # -- what comes of silence

    def _silence(self, step: Moment) -> Moment:
        """When nobody has answered the call before it for as long as the rule says."""
        asked, now = self.asked, self.scene.now
        if asked is None:
            return self._unanswered(step, self.decision.since)
        made, start = covering(self.decision, asked, self.scene), self.scene.world.start
        if not made and start is not None and asked.due < start:
            return replace(step, left="nobody was asked: that was due before the start")
        if asked.effective > now or (not made and reached_nobody(self.decision, asked, self.scene)):
            return self._unanswered(step, asked.effective)
        steps = self.rule.steps
        span = steps[step.number - 1].after - steps[asked.number - 1].after
        waits = later(self._calendar, max(made, default=now), span)
        if waits is None:
            return replace(step, left="its calendar does not open for so long")
        return self._unanswered(replace(step, effective=max(step.due, waits)), max(made, default=now))

    def _unanswered(self, step: Moment, since: datetime) -> Moment:
        if not isinstance(self.scene.facts["acknowledged"], datetime):
            return replace(step, left="nobody has acknowledged it")
        if self._quiet > since:
            return replace(step, left=ANSWERED)
        return replace(step, words={"since": since})


def _only(when: Condition, truth: bool | None, otherwise: str) -> str:
    """Why a step is passed over, by what its condition says; empty where it is true."""
    if truth is True:
        return ""
    return f"only if {' '.join(when.source.split())}, and {'that is unknown' if truth is None else otherwise}"


def _skipped(effective: datetime, skipping: list[Change]) -> str:
    """Who asked to leave a step out before it was made, which then leaves out no other; empty where nobody did."""
    if not skipping or skipping[0].at >= effective:
        return ""
    return f"skipped by {skipping.pop(0).by}"


def _unless(rule: Escalate, rules: RuleSet) -> str:
    """What would end the ladder, where its condition speaks of it."""
    if rule.asks:
        return UNLESS
    names = rule.when.names if rule.when is not None else frozenset()
    roles_ = (f"somebody is {rules.roles[role]}" for role in rules.roles if role in names)
    return " or ".join((*(["acknowledged"] if "acknowledged" in names else []), *roles_))
