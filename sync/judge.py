"""Runs the `[[test]]`s of the rule files: each a trial in virtual time, compared with what it expects.

Who was `called` and `told` is compared whole: a test that names one recipient fails where another was called too, so
"nobody" is an empty list and needs no word of its own. Recipients are compared by the addresses they mean at that
moment: `person:tom` is `on-call:payments` while tom is on call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, cast

from connectors.model import User, Value
from rules import duration
from rules.case import Case, Expected, Happening
from rules.decision import World as Known
from rules.directory import addresses
from rules.expectations import STATES
from rules.explain import Explanation, explain, render
from rules.facts import Facts, Who
from rules.model import (
    Assign,
    Classify,
    Escalate,
    Notify,
    Objective,
    Recipient,
    Rule,
    RuleSet,
    Service,
    Update,
)
from sync.beats import REMIND
from sync.effects import World
from sync.plan import Plan
from sync.trial import Sent, Trial, account, accounts, ticket
from sync.upshots import upshot

MADE: Final = datetime(2026, 1, 5, 10, 0)  # noqa: DTZ001  (of the rules' own time zone)
"""When a ticket of a test is made that does not say `created`: a Monday, at ten in the morning."""
LISTED: Final = 6
"""How many rules are explained under one expectation, at the most."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that was not as expected: what was wanted, what came, and why, at which moment of the trial.

    `why` explains the rules that could have made it so, `notes` say what else there is to know.
    """

    expected: Expected
    wanted: str
    came: str
    at: datetime
    why: tuple[Explanation, ...]
    notes: tuple[str, ...] = ()

    def lines(self, rules: RuleSet, width: int | None = None) -> tuple[str, ...]:
        """The notes and the explain tree."""
        return (*self.notes, *render(self.why, rules.defaults.timezone, self.at, width))


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went, and the ids of the rules that spoke in it."""

    case: Case
    failures: tuple[Failure, ...]
    spoke: frozenset[str]


def judge(case: Case, rules: RuleSet, world: World) -> Result:
    """Run one case; `rules` are those of a rehearsal."""
    made = datetime.combine(MADE.date(), MADE.time(), rules.defaults.timezone).astimezone(UTC)
    trial = Trial(ticket(case.ticket, rules, made), rules, world)
    failures = tuple(_Hearing(trial).heard(case))
    return Result(case, failures, frozenset(trial.spoke & rules.by_id.keys()))


def untouched(rules: RuleSet, results: Iterable[Result]) -> tuple[Rule, ...]:
    """The rules that spoke in no case, in deciding order; those that are off are not among them."""
    spoke = {name for result in results for name in result.spoke}
    return tuple(rule for rule in rules if rule.mode != "off" and rule.id not in spoke)


class Tried(Protocol):
    """What a court knows of a ticket in virtual time: its own trial, or its part of a drill."""

    @property
    def rules(self) -> RuleSet:
        """Those that were played."""

    @property
    def world(self) -> World:
        """What was known beside the ticket."""

    @property
    def now(self) -> datetime:
        """The moment that it has come to."""

    @property
    def sent(self) -> Sequence[Sent]:
        """What went out, oldest first."""

    @property
    def seen(self) -> Plan:
        """The plan before anything was done at this moment."""

    @property
    def plan(self) -> Plan:
        """The plan as it is now."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is expected at a moment, and how many things had gone out before what it follows from."""

    at: datetime
    expected: Expected
    before: int


class _Hearing:
    """One trial, with what is still to be checked."""

    def __init__(self, trial: Trial) -> None:
        self.trial, self.rules, self.made = trial, trial.rules, trial.now
        self.court = Court(trial, trial.now)
        self.due: list[Check] = []

    def heard(self, case: Case) -> Iterator[Failure]:
        """Everything that was not as expected, in its order in time."""
        yield from self._expect(case.expect, 0)
        for step in case.then:
            yield from self._until(self.made + step.after)
            before = len(self.trial.sent)
            self._happens(step)
            yield from self._expect(step.expect, before)
        yield from self._until(max((check.at for check in self.due), default=self.made))

    def _until(self, moment: datetime) -> Iterator[Failure]:
        """Let time pass, and check what is due on the way."""
        self.due.sort(key=lambda check: check.at)
        while self.due and self.due[0].at <= moment:
            check = self.due.pop(0)
            self.trial.wait(check.at)
            yield from self.court.checked(check)
        self.trial.until(moment)

    def _happens(self, step: Happening) -> None:
        trial = self.trial
        by = account(step.by, self.rules) or User("somebody", "somebody")
        if step.set:
            trial.change(accounts(step.set, self.rules), by)
        if step.comment:
            trial.comment(step.comment, by)
        who = step.by or "somebody"
        if step.acknowledge is not None:
            trial.act("acknowledge" if step.acknowledge else "unacknowledge", who)
        if step.update:
            trial.act("update", who, {"text": step.update})
        trial.look()

    def _expect(self, expect: Iterable[Expected], before: int) -> Iterator[Failure]:
        """Check what holds at once, and keep for later what holds later."""
        for expected in expect:
            check = Check(self.trial.now + expected.after, expected, before)
            if expected.after:
                self.due.append(check)
            else:
                yield from self.court.checked(check)


class Court:
    """Checks what is expected of one ticket; moments are told as so long after `made`."""

    def __init__(self, trial: Tried, made: datetime) -> None:
        self.trial, self.rules, self.made = trial, trial.rules, made

    def checked(self, check: Check) -> Iterator[Failure]:
        """What is not as expected of one thing, now."""
        expected = check.expected
        if expected.word == "called":
            yield from self._reached(
                check, [s for s in self._since(check) if s.effect.sort == "call" and not self._updates(s)]
            )
        elif expected.word == "told":
            told = [s for s in self._since(check) if s.fresh and (self._notified(s) or self._informed(s))]
            yield from self._reached(check, told)
        elif expected.word in STATES and expected.word not in self.rules.vocabulary.words:
            yield from self._state(check)
        else:
            yield from self._word(check)

    def _updates(self, one: Sent) -> bool:
        """Whether it is of an update rule: nobody is called by that."""
        return isinstance(self.rules.by_id.get(one.effect.rule), Update)

    def _informed(self, one: Sent) -> bool:
        """Whether it is an update, and no reminder of one."""
        return self._updates(one) and not one.effect.key.startswith(f"{REMIND}:")

    def _notified(self, one: Sent) -> bool:
        """Whether it is a message of a notify rule: what stands in a channel of its own is the channel's."""
        rule = self.rules.by_id.get(one.effect.rule)
        return one.effect.sort in {"news", "standing"} and isinstance(rule, Notify)

    def _since(self, check: Check) -> list[Sent]:
        return list(self.trial.sent[check.before :])

    def _word(self, check: Check) -> Iterator[Failure]:
        word, wanted = check.expected.word, check.expected.value
        came = Facts(self.trial.plan.ticket, self.rules, self.trial.now)[word]
        if not _is(came, wanted):
            yield self._failure(check, f"{word} = {_shown(wanted)}", f"{word} = {_shown(came)}")

    def _state(self, check: Check) -> Iterator[Failure]:
        """Whether it is restricted, or which channels were opened."""
        word, wanted = check.expected.word, check.expected.value
        opened = tuple(s.effect.room.name for s in self.trial.sent if s.effect.room is not None)
        came: Value = self.trial.plan.restriction is not None if word == "restricted" else tuple(dict.fromkeys(opened))
        if not _is(came, cast("Value", wanted)):
            yield self._failure(check, f"{word} = {_shown(wanted)}", f"{word} = {_shown(came)}")

    def _reached(self, check: Check, sent: list[Sent]) -> Iterator[Failure]:
        wanted = _recipients(check.expected)
        missing = frozenset(str(one) for one in wanted if not self._met(one, sent))
        extra = [one for one in sent if not any(one.effect.to in self._meant(to, one) for to in wanted)]
        if not missing and not extra:
            return
        word = check.expected.word
        came = [self._told(one) for one in sent] or ["nobody"]
        names = ", ".join(map(str, wanted)) or "nobody"
        yield self._failure(check, f"{word}: {names}", f"{word}: {'; '.join(came)}", missing)

    def _met(self, one: Recipient, sent: list[Sent]) -> bool:
        """Whether everybody whom a recipient meant at some moment was reached."""
        reached = {each.effect.to for each in sent}
        return any(meant and meant <= reached for meant in (self._meant(one, each) for each in sent))

    def _meant(self, one: Recipient, then: Sent) -> frozenset[str]:
        """The addresses that a recipient meant when something went out."""
        if one.kind == "channel":
            return frozenset(s.effect.to for s in self.trial.sent if s.effect.place.startswith(f"{one}@"))
        found = addresses((one,), then.facts, self.rules, self.trial.world.products, then.at)
        return frozenset(f"{address.product}:{address.address}" for address in found)

    def _told(self, one: Sent) -> str:
        """Something that went out, in words: `on-call:team (tom) after 5m by unacknowledged`."""
        place = one.effect.place.partition("@")[0]
        reached = one.effect.what.partition(" ")[2] if one.effect.sort == "call" else ""
        person = f" ({reached})" if reached in self.rules.people and not place.endswith(f":{reached}") else ""
        return f"{place}{person} after {duration.show(one.at - self.made)} by {one.effect.rule}"

    def _failure(self, check: Check, wanted: str, came: str, missing: frozenset[str] = frozenset()) -> Failure:
        trial = self.trial
        after = trial.now - self.made
        when = f" after {duration.show(after)}" if after else ""
        every = tuple(one for one in _explained(trial) if _concerned(one.rule, check.expected.word))
        first = sorted(every, key=lambda one: (not _names(one.rule, missing), one.verdict != "fired"))[:LISTED]
        why = tuple(_with_upshots(one, trial) for one in every if one in first)
        notes = [f"{name} is nobody here" for name in sorted(missing) if not self._anybody(name, check)]
        if len(every) > LISTED:
            notes.append(f"the {LISTED} rules of {len(every)} that matter most:")
        return Failure(check.expected, f"{wanted}{when}", came, trial.now, why, tuple(notes))

    def _anybody(self, name: str, check: Check) -> bool:
        """Whether a missing recipient means anybody now."""
        trial, to = self.trial, tuple(one for one in _recipients(check.expected) if str(one) == name)
        facts = Facts(trial.plan.ticket, self.rules, trial.now)
        return bool(addresses(to, facts, self.rules, trial.world.products, trial.now))


# ---- why


def _explained(trial: Tried) -> tuple[Explanation, ...]:
    """Every rule, of the ticket as it was before anything was done at this moment."""
    about = trial.seen.facts.ticket if trial.seen.facts is not None else None
    return explain(
        trial.seen.ticket, trial.rules, Known(me=trial.world.me, defaults=trial.world.defaults), trial.now, about
    )


def _concerned(rule: Rule, word: str) -> bool:
    """Whether a rule could have decided a word, or called or told somebody."""
    if isinstance(rule, Classify):
        return word in rule.set or word in rule.at_least or (word == "severity" and bool(rule.thresholds))
    if isinstance(rule, Objective) and rule.field == word:
        return True
    kinds = {"called": (Escalate, Objective), "told": (Notify, Update), "team": (Assign,), "assignee": (Assign,)}
    return isinstance(rule, kinds.get(word, ()))


def _names(rule: Rule, missing: frozenset[str]) -> bool:
    steps = rule.steps if isinstance(rule, Escalate | Objective) else ()
    told = [*(rule.to if isinstance(rule, Notify | Update) else ()), *(to for step in steps for to in step.to)]
    return any(str(to) in missing for to in told)


def _with_upshots(one: Explanation, trial: Tried) -> Explanation:
    """An explanation with what became of what its rule wants."""
    items = [item for item in trial.plan.items if item.effect.rule == one.rule.id]
    return one.with_upshots(map(upshot, items))


# ---- values


def _recipients(expected: Expected) -> tuple[Recipient, ...]:
    said = expected.value if isinstance(expected.value, tuple) else ()
    return tuple(one for one in said if isinstance(one, Recipient))


def _is(came: object, wanted: Value | tuple[Recipient, ...]) -> bool:
    """Whether a word holds what is expected; an empty flag is no, and an empty moment is not there."""
    if wanted is None:
        return came in (None, "", ())
    if isinstance(wanted, bool):
        return bool(came) is wanted
    if isinstance(wanted, tuple):
        return isinstance(came, tuple) and set(came) == set(wanted)
    if isinstance(came, Service):
        return came.name == wanted
    address = isinstance(wanted, str) and wanted.startswith("email:")
    return came == (str(wanted).lower() if address else wanted)


def _shown(value: object) -> str:
    if value is None or value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Service):
        return value.name
    if isinstance(value, Who):
        return value.key or str(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
