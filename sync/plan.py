"""Compares what should be true with what the ledger says is done: the plan, which prints itself.

Deciding is a pure function of (ticket, ledger, rules, world, now). That is why a dry run, an explanation of a past
moment, a test and the real thing are the same code: `look` does nothing but carry out what stands here as owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from connectors.model import Change, Edit, Message, Ticket, User, Value
from rules import decide as deciding
from rules.decide import Decision
from rules.directory import person_of, user_of
from rules.facts import Facts
from rules.model import RuleSet
from rules.text import inert
from sync.effects import Effect, Scene, World, digest, effects
from sync.ledger import RETRY_ERRORS_AFTER, Act, Entry, Failure, Ledger, Stretch

Status: TypeAlias = Literal["done", "owed", "next", "held", "not"]

ASK_AGAIN = timedelta(seconds=30)
"""How long to wait with a claim whose place could not tell whether the thing is there."""
PRODUCTS_OWN = timedelta(seconds=10)
"""How soon after our write a change counts as what the product made of it (a business rule, an automation)."""
QUARREL = 5
"""So many changes of one field by us within `QUARREL_WITHIN`, and it rests."""
QUARREL_WITHIN = timedelta(hours=1)
FLOOD = "a flood: waits for `pointman release`"
STANDING_KINDS = ("notify:", "watch.notify:", "escalate:")
"""What has buttons, and so is retired when nothing wants it any more."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a plan: an effect, how it stands, and why. `at` is when it was done, is due, or is tried again;
    `failure` is what an administrator should know of it.
    """

    status: Status
    effect: Effect
    at: datetime | None
    reason: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes out under one claim: at most one edit, and effects."""

    edit: Edit | None
    fields: tuple[Effect, ...] = ()
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done, owed, next, held and not done for one ticket at one moment.

    `ticket` has the acts in its history. `ledger` is what it was, with the bookkeeping that needs no call (claims
    nobody wants any more, counted stale news, a field that rests). `wake` is when to look again by itself. `facts` are
    those of the ticket as it is about to be, `watched` is the ticket as watched rules would make it.
    """

    ticket: Ticket
    ledger: Ledger
    now: datetime
    items: tuple[Item, ...] = ()
    facts: Facts | None = None
    silent: str = ""
    notices: Mapping[str, str] = field(default_factory=dict)
    searchable: frozenset[str] = frozenset()
    watched: Ticket | None = None

    def of(self, *statuses: Status) -> tuple[Item, ...]:
        """The lines of some statuses, in order."""
        return tuple(item for item in self.items if item.status in statuses)

    @property
    def owed(self) -> tuple[Effect, ...]:
        """What has to be done now."""
        return tuple(item.effect for item in self.items if item.status == "owed")

    @property
    def wake(self) -> datetime | None:
        """The next moment at which this ticket has to be looked at, if nothing happens before."""
        waits = [item.at for item in self.of("next", "held") if item.at is not None]
        waits += [claim.due for claim in self.ledger.open_claims().values()]
        return max(min(waits), self.now + ASK_AGAIN) if waits and min(waits) <= self.now else min(waits, default=None)

    @property
    def wanted(self) -> frozenset[str]:
        """The keys of everything that is wanted, now or later."""
        return frozenset(item.effect.key for item in self.items)

    def batches(self) -> Iterator[Batch]:
        """What is owed, in the order of claims.

        The edit and everything whose place can be searched go under one claim, everything else one by one; a card
        goes before what stands under it.
        """
        fields = tuple(e for e in self.owed if e.sort == "field")
        others = tuple(e for e in self.owed if e.sort != "field")
        searchable = tuple(e for e in others if e.product in self.searchable or e.sort == "retire")
        alone = tuple(e for e in others if e not in searchable)
        edit = Edit({e.key.removeprefix("field:"): e.value for e in fields}) if fields else None
        if edit is not None or searchable:
            yield Batch(edit, fields, tuple(sorted(searchable, key=_order)))
        for group in _by_address(sorted(alone, key=_order)):
            yield Batch(None, (), group)


def _order(effect: Effect) -> tuple[int, datetime]:
    return {"standing": 0, "retire": 1}.get(effect.sort, 2), effect.due


def _by_address(several: Iterable[Effect]) -> Iterator[tuple[Effect, ...]]:
    """Calls of one look to one address are one message; everything else stands alone."""
    calls: dict[str, list[Effect]] = {}
    for effect in several:
        if effect.sort != "call":
            yield (effect,)
        else:
            calls.setdefault(effect.to, []).append(effect)
    for group in calls.values():
        yield tuple(group)


def make_plan(ticket: Ticket, ledger: Ledger, rules: RuleSet, world: World, now: datetime) -> Plan:
    """What should be done for this ticket now, and what comes next. Pure: same arguments, same plan."""
    told = with_acts(ticket, ledger)
    if not world.covered:
        planner = _Planner(told, ledger, rules, world, now)
        planner.retirements(frozenset())
        return planner.plan("out of scope")
    if world.home:
        return _Planner(told, ledger, rules, world, now).plan("the home ticket: no rule applies to it")
    if _adopted(told, world):
        return _Planner(told, ledger, rules, world, now).plan("adopted: nothing is owed until a person changes it")
    planner = _Planner(told, ledger, rules, world, now)
    planner.decide_fields()
    planner.decide_effects()
    return planner.plan()


def with_acts(ticket: Ticket, ledger: Ledger) -> Ticket:
    """The ticket with what people asked of us in its history, as changes of words that the tracker has no field for."""
    told = tuple(change for act in ledger.acts for change in _change_of(act))
    if not told:
        return ticket
    history = tuple(sorted((*ticket.history, *told), key=lambda change: change.at))
    return replace(ticket, history=history)


def _change_of(act: Act) -> Iterator[Change]:
    by = User("", name=act.by)
    if act.verb == "acknowledge":
        yield Change(act.at, "acknowledged", None, act.at, by, act.id)
    elif act.verb == "unacknowledge":
        yield Change(act.at, "acknowledged", act.at, None, by, act.id)
    elif act.verb == "update":
        yield Change(act.at, "update", None, act.args.get("text", ""), by, act.id)


def _adopted(ticket: Ticket, world: World) -> bool:
    """Whether the ticket is older than our beginning here and no person has changed it since."""
    start = world.start
    if start is None or ticket.created >= start:
        return False
    changed = any(change.at >= start and not _ours(change.by, world) for change in ticket.history)
    commented = any(c.at is not None and c.at >= start and not _ours(c.by, world) for c in ticket.comments)
    return not changed and not commented


def _ours(user: User | None, world: World) -> bool:
    return user is not None and world.me is not None and bool(user.id) and user.id == world.me.id


class _Planner:
    """One planning: collects items while the ticket becomes what it is about to be."""

    def __init__(self, ticket: Ticket, ledger: Ledger, rules: RuleSet, world: World, now: datetime) -> None:
        self.ticket, self.before = ticket, ticket
        self.watched_ticket = ticket
        self.ledger, self.rules, self.world, self.now = ledger, rules, world, now
        self.known = deciding.World(world.loads, world.me)
        self.items: list[Item] = []
        self.facts: Facts | None = None

    def plan(self, silent: str = "") -> Plan:
        """The finished plan."""
        wanted = {item.effect.key for item in self.items}
        ledger = self.ledger
        for key, claim in ledger.open_claims().items():
            if claim.settled and key not in wanted:  # no longer wanted: settled without sending
                entry = replace(ledger.entries[key], claim=None)
                ledger = ledger.with_entry(key, None if entry == Entry() else entry)
        return Plan(
            self.before,
            ledger.trimmed(wanted),
            self.now,
            tuple(self.items),
            self.facts,
            silent,
            self._notices(),
            self.world.searchable,
            self.watched_ticket,
        )

    def _notices(self) -> dict[str, str]:
        """What an administrator should know of this ticket, by topic."""
        found = {item.effect.key: item.failure for item in self.items if item.failure}
        stale = sum(stretch.count for entry in self.ledger.entries.values() for stretch in entry.stale)
        if stale:
            said = "news were too old and were not told; `pointman sweep --late` tells them"
            found["stale"] = f"{self.ticket.key}: {stale} {said}"
        flood = [inert(item.effect.what) for item in self.items if item.reason == FLOOD]
        if flood:
            found["held"] = f"{self.ticket.key}: held: {', '.join(flood)}"
        if any(item.status == "held" and item.effect.external for item in self.items) and not self.world.external:
            found["external"] = f"{self.ticket.key}: an outside audience waits for `pointman release`"
        return found

    # -- fields

    def decide_fields(self) -> None:
        """Classify, then assign; each sees the ticket as the ones before are about to make it."""
        for kind in ("classify", "assign"):
            for decision in self._decisions((kind,)):
                watched = decision.rule.mode == "watch"
                item = self._field(decision, self.watched_ticket if watched else self.ticket)
                wish = {decision.field: item.effect.value}
                if item.status == "owed":
                    self.watched_ticket = self.watched_ticket.having(wish, self.now, self.world.me)
                    if not watched:
                        self.ticket = self.ticket.having(wish, self.now, self.world.me)
                self.items.append(self._watch_field(item, decision) if watched and item.status == "owed" else item)

    def _decisions(self, kinds: tuple[str, ...]) -> Iterator[Decision]:
        """What the rules say; watched rules see what watched rules would have done, the others do not."""
        live = deciding.decide(kinds, self.ticket, self.rules, self.known, self.now)
        if self.watched_ticket is self.ticket:
            yield from live
            return
        yield from (d for d in live if d.rule.mode != "watch")
        watched = deciding.decide(kinds, self.watched_ticket, self.rules, self.known, self.now)
        yield from (d for d in watched if d.rule.mode == "watch")

    def _field(self, decision: Decision, ticket: Ticket) -> Item:
        word = decision.field
        value = self._written(decision)
        watched = decision.rule.mode == "watch"
        effect = Effect(
            f"{'watch.' if watched else ''}field:{word}",
            "field",
            decision.rule.id,
            f"{word} = {value if value is not None else 'nobody'}",
            self.now,
            self.now,
            value=value,
            digest=digest(value),
            why=decision.why,
            watched=watched,
        )
        try:
            current = ticket.get(word)
        except KeyError:
            return Item("not", effect, None, f"{word} is not mapped, or may not be read")
        if same(current, value):
            entry = self.ledger.get(effect.key)
            return Item("done", effect, entry.at if entry else None)
        return self._differing(effect, decision, current)

    def _watch_field(self, item: Item, decision: Decision) -> Item:
        """A wish of a watched rule: told in a private place, in place of being written."""
        product, place = self.world.watch or ("", "")
        told = (
            f"I would have set {inert(item.effect.what)} on {inert(self.ticket.key)} ({inert('; '.join(decision.why))})"
        )
        effect = replace(item.effect, sort="standing", product=product, address=place, thing=Message(told))
        return self._compared(effect)

    def _written(self, decision: Decision) -> Value:
        """The value as the tracker writes it: people by their account there."""
        if decision.field == "assignee" and isinstance(decision.value, str):
            return user_of(decision.value, self.ticket.source, self.rules)
        return decision.value

    def _differing(self, effect: Effect, decision: Decision, current: Value) -> Item:
        word, entry = decision.field, self.ledger.get(f"field:{decision.field}")
        failure = entry.failure if entry else None
        if failure is not None and failure.sum == effect.digest:
            waiting = self._resting(failure, word)
            if waiting is not None:
                return replace(waiting, effect=effect)
        owner = self._owner(word, entry, current)
        floor = self._floor(decision, current)
        if owner and not decision.force and floor is None:
            return Item("not", effect, None, owner)
        if floor is not None and owner and not decision.force:
            effect = replace(effect, value=floor, digest=digest(floor), what=f"{word} = {floor}")
        if not owner and entry is not None and entry.sum == effect.digest:
            return Item("done", effect, entry.at, f"the product made it {current}")
        if self._quarrelling(word) and not effect.watched:
            return self._rest(effect, word, entry)
        return self._flooded(Item("owed", effect, self.now))

    def _owner(self, word: str, entry: Entry | None, current: Value) -> str:
        """Whose the field is if not ours, as a sentence; empty where we may write it."""
        changes = [c for c in self.before.history if c.field == word]
        if any(
            act.verb == "set" and word in act.args and (entry is None or entry.at is None or act.at >= entry.at)
            for act in self.ledger.acts
        ):
            return self._left_alone(word)
        if entry is None or entry.at is None:
            whole = self.before.complete_since is None or self.before.complete_since <= self.before.created
            if changes:
                return self._left_alone(word)
            empty = current is None or current in ("", ())
            if empty or same(current, self.world.defaults.get(word)):
                return "" if whole else "its history cannot be read back to its creation"
            return f"left alone: it was {current} when the ticket was made"
        at = entry.at - timedelta(seconds=1)  # the tracker's `Date` has whole seconds
        since = [c for c in changes if c.at >= at]
        made = [c for c in since[:1] if c.at <= entry.at + PRODUCTS_OWN]  # what the product made of our write
        ours = next((c for c in since if digest(c.after) == entry.sum), made[0] if made else None)
        if ours is None:  # our write changed nothing, so the field is still what it was then
            became = self.before.at(at).get(word)
            return "" if same(became, current) else self._left_alone(word)
        return "" if same(ours.after, current) else self._left_alone(word)

    def _left_alone(self, word: str) -> str:
        act = next((a for a in reversed(self.ledger.acts) if a.verb == "set" and word in a.args), None)
        change = next((c for c in reversed(self.before.history) if c.field == word), None)
        if act is not None and (change is None or change.at <= act.at + PRODUCTS_OWN):
            return f"left alone: {act.by} set it {self._clock(act.at)}"
        by, at = (change.by, f" {self._clock(change.at)}") if change is not None else (None, "")
        who = person_of(by, self.ticket.source, self.rules) or by or "somebody"
        return f"left alone: {who} set it{at}"

    def _clock(self, moment: datetime) -> str:
        return shown(moment, self.rules, self.now)

    def _floor(self, decision: Decision, current: Value) -> str | None:
        """The level that a forced `at_least` asks for, where the field stands below it."""
        levels = self.rules.scales.get(decision.field, ())
        if decision.floor not in levels:
            return None
        below = current not in levels or levels.index(str(current)) < levels.index(str(decision.floor))
        return decision.floor if below else None

    def _quarrelling(self, word: str) -> bool:
        after = self.now - QUARREL_WITHIN
        ours = [c for c in self.before.history if c.field == word and c.at > after and _ours(c.by, self.world)]
        people = [act for act in self.ledger.acts if act.verb == "set" and word in act.args and act.at > after]
        return len(ours) - len(people) >= QUARREL

    def _rest(self, effect: Effect, word: str, entry: Entry | None) -> Item:
        said = f"quarrel: {word} was changed {QUARREL} times in an hour; it rests until the rule or a person changes it"
        failure = Failure(self.now, effect.digest, said)
        self.ledger = self.ledger.with_entry(effect.key, replace(entry or Entry(), failure=failure))
        return Item("held", effect, None, said, f"{self.ticket.key}: {said}")

    def _resting(self, failure: Failure, word: str) -> Item | None:
        """The item of a field whose write was refused, or that rests after a quarrel; None when it may be tried."""
        blank = Effect("", "field", "", "", self.now, self.now)
        if failure.said.startswith("quarrel"):
            changed = any(
                c.field == word and c.at > failure.at and person_of(c.by, self.ticket.source, self.rules)
                for c in self.before.history
            )
            return None if changed else Item("held", blank, None, failure.said, f"{self.ticket.key}: {failure.said}")
        again = failure.at + RETRY_ERRORS_AFTER
        reloaded = self.world.reloaded is not None and self.world.reloaded > failure.at
        said = f"{self.ticket.key}: {word} was refused: {failure.said}"
        return None if self.now >= again or reloaded else Item("held", blank, again, failure.said, said)

    # -- effects

    def decide_effects(self) -> None:
        """Everything outside of the ticket, as wanted by the ticket as it is about to be."""
        self.facts = Facts(self.ticket, self.rules, self.now)
        decisions = tuple(self._decisions(("escalate", "notify")))
        scene = Scene(self.facts, self.ledger, self.rules, self.world, self.now)
        # What is watched is told as it would be: to whoever would have the ticket, with what it would say.
        watched = replace(scene, facts=Facts(self.watched_ticket, self.rules, self.now))
        wanted = (
            *effects((d for d in decisions if d.rule.mode != "watch"), scene),
            *effects((d for d in decisions if d.rule.mode == "watch"), watched),
        )
        self.items.extend(self._compared(effect) for effect in wanted)
        self.retirements(frozenset(effect.key for effect in wanted))

    def _compared(self, effect: Effect) -> Item:
        """How one effect stands against the ledger."""
        entry = self.ledger.get(effect.key, effect.was) or Entry()
        self._count_stale(effect, entry)
        if effect.watched and not effect.product:
            return Item("not", effect, None, "watched, and no place to tell it")
        if entry.claim is not None and not entry.claim.settled:
            return Item("held", effect, max(entry.claim.due, self.now + ASK_AGAIN), "in flight; settled then")
        if effect.thing is None:
            return self._coming(effect, entry)
        done = self._done(effect, entry)
        if done is not None and (entry.claim is None or done.status == "not"):
            return done
        held = self._held(effect, entry)
        return held if held is not None else self._flooded(Item("owed", effect, effect.due))

    def _coming(self, effect: Effect, entry: Entry) -> Item:
        if effect.sort == "news":
            return Item("not", effect, None, "older than the grace: not told")
        if entry.mark is not None and entry.mark >= effect.mark:
            return Item("done", effect, entry.at)
        return Item("next", effect, effect.due)

    def _done(self, effect: Effect, entry: Entry) -> Item | None:
        """The item of an effect that is true already, or that is too old to matter; None where it is owed."""
        start = self.world.start
        if effect.sort == "standing":
            if entry.at is None:
                return None
            if entry.sum == effect.digest and not entry.retired:
                return Item("done", effect, entry.at)
            if entry.to.partition(":")[0] not in self.world.editable:
                return Item("done", effect, entry.at, "said once: this place cannot be edited")
            return None
        if effect.sort == "news":  # is of what was not told yet, and of nothing before the start
            return None
        if entry.mark is not None and entry.mark >= effect.moment:
            return Item("done", effect, entry.at)
        if start is not None and effect.due < start:
            return Item("not", effect, None, "due before the start")
        return None

    def _held(self, effect: Effect, entry: Entry) -> Item | None:
        if effect.external and not self.world.external:
            return Item("held", effect, None, "an outside audience is told only after `pointman release`")
        failure = entry.failure
        if failure is None or failure.sum != effect.digest:
            return None
        again = failure.at + RETRY_ERRORS_AFTER
        if self.now >= again or (self.world.reloaded is not None and self.world.reloaded > failure.at):
            return None
        said = f"{self.ticket.key}: could not {effect.what}: {failure.said}"
        return Item("held", effect, again, failure.said, said)

    def _flooded(self, item: Item) -> Item:
        """Hold what nothing about this ticket accounts for, while a flood is held; calls and news never are."""
        gentle = item.effect.sort in {"call", "news"} or self._begun(item.effect)
        if gentle or self.world.explained or not self.world.holding:
            return item
        return replace(item, status="held", at=None, reason=FLOOD)

    def _begun(self, effect: Effect) -> bool:
        """Whether it was claimed before: to try again what was begun is no flood."""
        entry = self.ledger.get(effect.key, effect.was)
        return entry is not None and entry.claim is not None

    def _count_stale(self, effect: Effect, entry: Entry) -> None:
        if not effect.stale or effect.stale_until is None:
            return
        after = max((s.until for s in entry.stale), default=entry.mark or self.ticket.created - timedelta(seconds=1))
        stretch = Stretch(effect.stale, after, effect.stale_until)
        counted = replace(entry, stale=(*entry.stale, stretch))
        self.ledger = self.ledger.with_entry(effect.key, counted, effect.was)

    def retirements(self, wanted: frozenset[str]) -> None:
        """What was made and is no longer wanted is retired, once."""
        current = {*wanted, *(self._today(key) for key in wanted)}
        for key, entry in self.ledger.entries.items():
            if not key.startswith(STANDING_KINDS) or not entry.ref or entry.retired or self._today(key) in current:
                continue
            product, _, address = entry.to.partition(":")
            what = f"retire what stands in {address}"
            effect = Effect(
                key, "retire", key, what, self.now, self.now, "", product, address, ref=entry.ref, digest=entry.sum
            )
            if not self.world.retiring:
                self.items.append(Item("held", effect, None, "rules were lost: waits for `pointman release`"))
            elif entry.claim is None and product in self.world.products:
                self.items.append(self._flooded(Item("owed", effect, self.now)))

    def _today(self, key: str) -> str:
        """The key under which a renamed rule's effect is known today."""
        kind, _, rest = key.partition(":")
        rule, arrow, place = rest.partition(">")
        return f"{kind}:{self.rules.renamed.get(rule, rule)}{arrow}{place}"


def same(one: Value, other: Value) -> bool:
    """Whether two values of a field mean the same: people by id or address, empty text as empty, numbers by value."""
    if one in (None, "", ()) or other in (None, "", ()):
        return one in (None, "", ()) and other in (None, "", ())
    return one == other


def shown(moment: datetime, rules: RuleSet, now: datetime) -> str:
    """A moment for people, in the default time zone: `10:02`, or with its day where that is not today."""
    local, today = moment.astimezone(rules.defaults.timezone), now.astimezone(rules.defaults.timezone)
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%a %d %b %H:%M}"


__all__ = ["Batch", "Item", "Plan", "Status", "make_plan", "same", "shown", "with_acts"]
