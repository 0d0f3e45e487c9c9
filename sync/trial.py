"""A ticket in virtual time: what would be decided, and done, if everything that is owed went well.

It is the real planning over a ledger that is recorded as if each effect had been made at once; time leaps from wake to
wake. Nothing is read, sent or waited for, so an hour of a ticket costs a few milliseconds. What the engine adds to
planning is left out on purpose: claims, outages, floods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.model import WORDS, Comment, Edit, Ticket, User, Value
from rules.directory import REACH, user_of
from rules.facts import Facts
from rules.model import RuleSet
from rules.schedule import away, on_call, present
from sync import deeds
from sync.effects import Effect, World
from sync.ledger import Act, Claim, Entry, Ledger, Outcome
from sync.plan import Plan, make_plan

ME = User("pointman", "Pointman")
"""The account that a trial writes with."""
SOURCE = "trial"
"""The tracker of a trial's tickets; it knows everybody of `[people]` by their key."""
_EMPTY: Mapping[str, Value] = {
    "labels": (),
    **dict.fromkeys(("summary", "description", "kind", "status", "project"), ""),
}
ROUNDS = 20
"""How often a moment is planned again because of what was done in it; every rule comes to rest long before."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that went out: when, and the ticket's words as they were then.

    `fresh`: it is a message of its own, and no change of one that stands there.
    """

    at: datetime
    effect: Effect
    facts: Facts
    fresh: bool = True


@dataclass(slots=True)
class Trial:
    """One ticket, its ledger and its clock. `sent` is what went out, oldest first; `spoke` the ids of rules that
    wanted something. `seen` is the plan as things stood when they were last looked at, before anything was done.
    """

    ticket: Ticket
    rules: RuleSet
    world: World
    now: datetime = field(init=False)
    ledger: Ledger = field(init=False)
    sent: list[Sent] = field(default_factory=list)
    spoke: set[str] = field(default_factory=set)
    seen: Plan = field(init=False)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.ticket.created
        self.ledger = Ledger.loads(self.ticket.ledger, self.ticket.ref)
        self.look()

    # -- time

    def look(self) -> None:
        """Decide and do, until nothing is owed."""
        self.seen = self.plan = self._planned()
        for _ in range(ROUNDS):
            if not self.plan.owed:
                return
            self._carry_out(self.plan)
            self.plan = self._planned()

    def until(self, moment: datetime) -> None:
        """Let time pass up to a moment, with every wake on the way, and look then."""
        while (wake := self.plan.wake) is not None and wake < moment:
            self.now = max(wake, self.now)
            self.look()
        if moment > self.now:
            self.now = moment
            self.look()

    def wait(self, moment: datetime) -> None:
        """The same, but look at the end only where time alone can have changed something: who is on duty."""
        while (wake := self.plan.wake) is not None and wake <= moment:
            self.now = max(wake, self.now)
            self.look()
        if self._duty(moment) == self._duty(self.plan.now):
            self.now = max(moment, self.now)
        else:
            self.until(moment)

    def _duty(self, now: datetime) -> tuple[object, ...]:
        """Who is on call for each team, and who is away: all that the rules read the clock for."""
        rules = self.rules
        calls = tuple(on_call(name, rules, now) for name, team in rules.teams.items() if team.schedule)
        people = rules.people.items()
        there = (present(key, rules, now) for key, person in people if person.hours)
        return (*calls, *(away(key, rules, now) for key, person in people if person.away), *there)

    # -- what people do

    def change(self, words: Mapping[str, Value], by: User | None = None) -> None:
        """Somebody changes words of the ticket."""
        self.ticket = replace(self.ticket.having(words, self.now, by), updated=self.now)

    def comment(self, text: str, by: User | None = None) -> None:
        """Somebody comments."""
        comment = Comment(text, id=str(len(self.ticket.comments)), at=self.now, by=by)
        self.ticket = replace(self.ticket, comments=(*self.ticket.comments, comment), updated=self.now)

    def act(self, verb: str, by: str, args: Mapping[str, str] | None = None) -> None:
        """Somebody (their key, or their name) asks something of us."""
        ident = f"{len(self.ledger.acts)}.{by}.{verb}"
        self.ledger = self.ledger.with_act(Act(ident, self.now, by, verb, args or {}))

    # -- what we do

    def _planned(self) -> Plan:
        plan = make_plan(self.ticket, self.ledger, self.rules, self.world, self.now)
        self.spoke.update(item.effect.rule for item in plan.items)
        self.spoke.update(item.silence.mute for item in plan.silenced if item.silence is not None)
        return plan

    def _carry_out(self, plan: Plan) -> None:
        self.ledger = plan.ledger
        facts = plan.facts or Facts(plan.ticket, self.rules, self.now)
        for batch in plan.batches():
            if batch.edit is not None:
                self._write(batch.edit, batch.fields)
            for effect in batch.effects:
                self._send(effect, facts)
        self.ledger = deeds.done(plan.owed, self.ledger, self.now)

    def _write(self, edit: Edit, fields: tuple[Effect, ...]) -> None:
        for effect in fields:
            self.ledger = self.ledger.with_entry(effect.key, Entry(self.now, self.now, effect.digest))
        self.change(edit.fields, self.world.me)

    def _send(self, effect: Effect, facts: Facts) -> None:
        if effect.sort == "retire":
            self.ledger = self.ledger.with_entry(effect.key, replace(self.ledger.entries[effect.key], retired=True))
            return
        entry = self.ledger.get(effect.key, effect.was)
        standing = effect.sort == "standing" and entry is not None and entry.at is not None
        claim = Claim(self.now, effect.moment, effect.digest, effect.to, effect.mark)
        ref = entry.ref if standing and entry is not None else str(len(self.sent) + 1)
        done = Outcome(effect.key, ref=ref, done=True)
        self.ledger = self.ledger.claimed(effect.key, claim, effect.was).recorded(done, self.now)
        self.sent.append(Sent(self.now, effect, facts, fresh=not standing))


def rehearsal(rules: RuleSet) -> RuleSet:
    """The rules as a trial wants them: everybody has an account in its tracker, and what is watched is on."""
    people = {key: replace(person, ids={**person.ids, SOURCE: key}) for key, person in rules.people.items()}
    bold = tuple(replace(rule, mode="on") if rule.mode == "watch" else rule for rule in rules.rules)
    return replace(rules, people=people, rules=bold)


def world(products: tuple[str, ...] = ()) -> World:
    """What is known beside a trial's ticket; `products` are the messengers that there are, all where none is said."""
    every = products or REACH
    rooms = frozenset(every) - {"email"}
    return World(products=every, editable=frozenset(every), channels=rooms, searchable=frozenset(every), me=ME)


def ticket(words: Mapping[str, Value], rules: RuleSet, made: datetime) -> Ticket:
    """A made-up ticket of these words, made at that moment unless they say `created`; all its fields are mapped.

    People among the words are keys of `[people]`, or `email:…`.
    """
    created = words.get("created", made)
    if not isinstance(created, datetime):
        raise TypeError(f"created is a moment, not {created!r}")
    mapped = dict.fromkeys((*WORDS, *rules.fields, *rules.roles))
    blank = Ticket("1", "TEST-1", "", created, created, source=SOURCE, project="TEST", fields=mapped)
    own = {word: value for word, value in words.items() if word not in {"created", "url"}}
    first = blank.having(accounts(own, rules), created)
    return replace(first, history=(), url=str(words.get("url") or ""))


def accounts(words: Mapping[str, Value], rules: RuleSet) -> dict[str, Value]:
    """Words as the trial's tracker keeps them: people as accounts, and an empty text as such."""
    users = {"assignee", "reporter", *rules.roles}
    held = {word: account(value, rules) if word in users else value for word, value in words.items()}
    return {word: _EMPTY.get(word) if value is None else value for word, value in held.items()}


def account(who: Value, rules: RuleSet) -> User | None:
    """Somebody's account: of a key of `[people]`, or of `email:…`; None where it is nobody."""
    if not isinstance(who, str) or not who:
        return None
    if who in rules.people:
        return user_of(who, SOURCE, rules)
    address = who.removeprefix("email:")
    return User("", address if "@" in address else who, address if "@" in address else "")
