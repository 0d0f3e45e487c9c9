"""Compares what should be true with what the ledger says is done: the plan, which prints itself.

Deciding is a pure function of (ticket, ledger, rules, world, now). That is why a dry run, an explanation of a past
moment, a test and the real thing are the same code: `look` does nothing but carry out what stands here as owed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.model import Message, Ticket
from rules import decide as deciding
from rules.clock import Clock
from rules.decide import Decision
from rules.events import about_to_have, had_since
from rules.facts import Facts
from rules.handover import by_time, handover
from rules.model import Escalate, Restrict, RuleSet
from rules.past import Past
from rules.quiet import Quiet
from rules.restrict import Restriction, restricting
from rules.text import inert
from sync import clocks, closed, rooms, watching, worth
from sync.acts import with_acts
from sync.beats import REMIND, set_back
from sync.effects import Effect, Scene, World
from sync.fields import Fields
from sync.hush import FLOOD, Hushed
from sync.items import ASK_AGAIN, Batch, Item, Plan, Status, by_us, same, shown
from sync.ledger import RETRY_ERRORS_AFTER, Entry, Ledger, Stretch
from sync.retiring import retired
from sync.telling import effects

TOO_OLD = "older than the grace: not told"
LOST = "rules were lost: waits for `pointman release`"


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


def _adopted(ticket: Ticket, world: World) -> bool:
    """Whether the ticket is older than our beginning here and no person has changed it since."""
    start = world.start
    if start is None or ticket.created >= start:
        return False
    changed = any(change.at >= start and not by_us(change.by, world) for change in ticket.history)
    commented = any(c.at is not None and c.at >= start and not by_us(c.by, world) for c in ticket.comments)
    return not changed and not commented


class _Planner:
    """One planning: collects items while the ticket becomes what it is about to be."""

    def __init__(self, ticket: Ticket, ledger: Ledger, rules: RuleSet, world: World, now: datetime) -> None:
        self.ticket, self.before = ticket, ticket
        self.watched_ticket = ticket
        self.ledger, self.rules, self.world, self.now = set_back(ledger, now), rules, world, now
        self.known = deciding.World(world.loads, world.me, defaults=world.defaults)
        self.fields = Fields(ticket, self.ledger, rules, world, now)
        self.items: list[Item] = []
        self.wishes: list[Effect] = []
        self.wished = ticket.created
        self.past = Past(ticket, rules, self.known, now)
        self.views: tuple[Past, ...] = (self.past,)
        self.earlier: dict[tuple[str, int], tuple[Decision, ...]] = {}
        self.facts: Facts | None = None
        self.clocks: tuple[Clock, ...] = ()
        self.closing: tuple[Restrict, ...] = ()
        self.restriction: Restriction | None = None
        self.unreached = False
        self.turned = False

    def plan(self, silent: str = "") -> Plan:
        """The finished plan."""
        wanted = {item.effect.key for item in self.items if not item.effect.left}
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
            self.restriction,
            self.clocks,
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
        found |= clocks.blind(self.clocks, self.ticket.key)
        if self.restriction is not None:
            return closed.notices(self.ticket, self.restriction, told=bool(found), unreached=self.unreached)
        return found

    # -- fields

    def decide_fields(self) -> None:
        """Classify, then assign; each sees the ticket as the ones before are about to make it."""
        for kind in ("classify", "assign"):
            if kind == "assign":
                self._restrict()
            for decision in self._decisions((kind,)):
                self._word(decision)
        self._restrict()
        self._hand_over()
        self.ledger = self.fields.ledger

    def _word(self, decision: Decision, earlier: Collection[str] = ()) -> Item:
        """A word that a rule decides; time alone accounts for it where we wrote one of the digests `earlier`."""
        watched = decision.rule.mode == "watch"
        item = self.fields.item(decision, self.watched_ticket if watched else self.ticket)
        if item.status == "owed":
            self.turned = self.turned or self._by_time(decision)
            known = self.ledger.entries.get(item.effect.key, Entry()).sum in earlier
            item = self._flooded(replace(item, lifted=known))
        wish = {decision.field: item.effect.value}
        if item.status == "owed":
            since = self._wanted_since(decision) if watched else self.now
            self.watched_ticket = had_since(self.watched_ticket, wish, since, self.world.me)
            if not watched:
                self.ticket = about_to_have(self.ticket, wish, self.now, self.world.me)
        if watched and item.status == "owed":
            self.wishes.append(self._watch_field(item))
        else:
            self.items.append(item)
        return item

    def _by_time(self, decision: Decision) -> bool:
        """Whether it is the end of a shift, which accounts for a change as a person's deed does."""
        ours = decision.field == "assignee" and decision.rule.mode == "on"
        entry = self.ledger.get("field:assignee") if ours else None
        at = entry.at if entry is not None else None
        return at is not None and by_time(self.ticket, self.rules, self.known, at)

    def _hand_over(self) -> None:
        """Whose ticket it will be when a shift ends, if nobody has acknowledged it by then."""
        decision = handover(self.ticket, self.rules, self.known, self.now) if self.rules.of("assign") else None
        item = self.fields.coming(decision) if decision is not None else None
        if item is not None:
            self.items.append(item)

    def _restrict(self) -> None:
        """Whether the ticket is restricted as it is about to be, or as watched rules would make it."""
        if not self.rules.of("restrict"):
            return
        views = (self.ticket,) if self.watched_ticket is self.ticket else (self.ticket, self.watched_ticket)
        found = (rule for one in views for rule in restricting(self._past(one).facts, self.rules))
        self.closing = tuple({rule.id: rule for rule in (*self.closing, *found)}.values())
        if self.closing and not self.known.restricted:
            self.known = replace(self.known, restricted=True)

    def _decisions(self, kinds: tuple[str, ...]) -> Iterator[Decision]:
        """What the rules say; watched rules see what watched rules would have done, the others do not."""
        live = deciding.decisions(kinds, self._past(self.ticket), self.known, self.now)
        if self.watched_ticket is self.ticket:
            yield from live
            return
        yield from (d for d in live if d.rule.mode != "watch")
        watched = deciding.decisions(kinds, self._past(self.watched_ticket), self.known, self.now)
        yield from (d for d in watched if d.rule.mode == "watch")

    def _past(self, ticket: Ticket) -> Past:
        """The past of the ticket as it is about to be; read once, as long as nothing more is decided."""
        found = next((past for past in self.views if past.ticket is ticket), None)
        if found is None:
            found = Past(ticket, self.rules, self.known, self.now)
            self.views = (*self.views[-1:], found)
        return found

    def _wanted_since(self, decision: Decision) -> datetime:
        """Since when a watched rule has wanted this: about then it would have been written, were it on.

        What it wants because of another wish, it wants since then.
        """

        def wanted(facts: Facts) -> bool:
            made = self._then(decision.rule.kind, facts)
            return any((d.rule, d.field, d.value) == (decision.rule, decision.field, decision.value) for d in made)

        since = self.past.since(wanted) or self.wished
        changed = [change.at for change in self.before.history if change.field == decision.field]
        self.wished = max(since, *changed) if changed else since
        return self.wished

    def _then(self, kind: str, facts: Facts) -> tuple[Decision, ...]:
        """What the rules of a kind said of the ticket at an earlier moment; several wishes ask for the same."""
        known = kind, id(facts)
        if known not in self.earlier:
            self.earlier[known] = deciding.decide((kind,), facts.ticket, self.rules, self.known, self.now)
        return self.earlier[known]

    def _watch_field(self, item: Item) -> Effect:
        """A wish of a watched rule: told in a private place, in place of being written."""
        product, place = self.world.watch or ("", "")
        return replace(item.effect, sort="standing", product=product, address=place, thing=Message(item.effect.what))

    # -- effects

    def decide_effects(self) -> None:
        """Everything outside of the ticket, as wanted by the ticket as it is about to be."""
        timed = self._clocks()
        self.facts = self._past(self.ticket).facts
        decisions = (*timed, *self._decisions(("channel", "escalate", "notify", "update")))
        decisions = (*rooms.kept(decisions, self.ledger, self.rules, self.known, self.ticket), *decisions)
        if self.closing:
            self.restriction = Restriction.of(self.closing, self.facts, self.world.products, self.now)
        open_ones = rooms.opened(self.rules, self.ledger, self.world, restricted=self.restriction is not None)
        scene = Scene(
            self.facts, self.ledger, self.rules, self.world, self.now, self.restriction, open_ones, self.clocks
        )
        # What is watched is told as it would be: to whoever would have the ticket, with what it would say.
        unwatched = self.watched_ticket is self.ticket
        watched = scene if unwatched else replace(scene, facts=self._past(self.watched_ticket).facts)
        live, shadow = (tuple(d for d in decisions if (d.rule.mode == "watch") is one) for one in (False, True))
        would = (*self.wishes, *rooms.rooms(shadow, watched), *effects(shadow, watched))
        if self.restriction is not None and not self.restriction.allows_place(*(self.world.watch or ("", ""))):
            would = ()
        wanted = (
            *rooms.rooms(live, scene),
            *effects(live, scene),
            *watching.told(would, self.watched_ticket, self.rules),
        )
        hushed = Hushed(self.before, Quiet(scene.facts, self.known), Quiet(watched.facts, self.known), scene)
        self.items.extend(hushed.held(self._compared(effect) for effect in wanted))
        self._close(decisions, wanted)
        self.retirements(frozenset(item.effect.key for item in self.items if not self._outdated(item)))

    def _outdated(self, item: Item) -> bool:
        """Whether what stands there is over (an update is out, somebody answered), and the line is of the next one."""
        effect, rule = item.effect, self.rules.by_id.get(item.effect.rule)
        ends = effect.key.startswith(f"{REMIND}:") or (isinstance(rule, Escalate) and rule.asks)
        entry = self.ledger.get(effect.key, effect.was) if ends and effect.thing is None else None
        return entry is not None and entry.at is not None and entry.at < effect.begun

    def _clocks(self) -> tuple[Decision, ...]:
        """Every objective with a clock here, and the fields that say how it stands; later kinds see them so."""
        timed = tuple(self._decisions(("objective",))) if self.rules.of("objective") else ()
        found = tuple(decision.clock for decision in timed if decision.clock is not None)
        self.clocks = tuple(one for one in found if one.rule.mode != "watch")
        decided = {item.effect.key for item in self.items}  # what a rule sets is no clock's
        for line in clocks.told(found, self.ticket, self.ledger, self.rules, decided):
            item = self._word(line.decision, line.earlier)
            if line.turns is not None and item.status in {"done", "owed"}:
                self.items.append(line.next(item))
        self.ledger = self.fields.ledger
        return timed

    def _close(self, decisions: tuple[Decision, ...], wanted: tuple[Effect, ...]) -> None:
        """Blank the cards of a restricted ticket; nobody may be left whom its ladders call, which is told."""
        if self.restriction is None:
            return
        keys = frozenset(effect.key for effect in wanted)
        blank = closed.blanked(self.before, self.ledger, self.restriction, self.world, keys)
        self.items.extend([self._compared(effect) for effect in blank])
        called = {effect.rule for effect in wanted if effect.sort == "call"}
        self.unreached = any(d.rule.kind == "escalate" and d.rule.id not in called for d in decisions)

    def _compared(self, effect: Effect) -> Item:
        """How one effect stands against the ledger."""
        entry = self.ledger.get(effect.key, effect.was) or Entry()
        self._count_stale(effect, entry)
        if effect.left:
            return Item("not", effect, None, effect.left)
        if effect.watched and not effect.product:
            return Item("not", effect, None, "watched, and no place to tell it")
        if entry.claim is not None and not entry.claim.settled:
            return Item("held", effect, max(entry.claim.due, self.now + ASK_AGAIN), "in flight; settled then")
        if effect.sort == "act":
            return Item("owed" if effect.due <= self.now else "next", effect, effect.due)
        if effect.thing is None:
            return self._coming(effect, entry)
        done = self._done(effect, entry)
        if done is not None and (entry.claim is None or done.status == "not"):
            return done
        held = self._held(effect, entry)
        return held if held is not None else self._flooded(Item("owed", effect, effect.due))

    def _coming(self, effect: Effect, entry: Entry) -> Item:
        if effect.sort == "news":
            return Item("not", effect, None, TOO_OLD)
        if _covers(entry, effect.mark, effect):
            return Item("done", effect, entry.at)
        return Item("next", effect, effect.due)

    def _done(self, effect: Effect, entry: Entry) -> Item | None:
        """The item of an effect that is true already, or that is too old to matter; None where it is owed."""
        start = self.world.start
        if effect.sort == "standing":
            return self._standing(effect, entry)
        if effect.sort == "news":  # is of what was not told yet, and of nothing before the start
            return None
        if _covers(entry, effect.moment, effect):
            return Item("done", effect, entry.at)
        if start is not None and effect.due < start:
            return Item("not", effect, None, "due before the start")
        return None

    def _standing(self, effect: Effect, entry: Entry) -> Item | None:
        """The item of a standing thing that is as it should be, or that cannot be changed any more."""
        product = entry.to.partition(":")[0]
        if entry.at is None:
            return None
        if product in self.world.editable:
            return Item("done", effect, entry.at) if entry.sum == effect.digest and not entry.retired else None
        if effect.watched:
            return Item("done", effect, entry.at, "said once: this place cannot be edited")
        if product == effect.product and (told := worth.adopted(effect, entry)) is not None:
            entry = told
            self.ledger = self.ledger.with_entry(effect.key, entry, effect.was)
        if entry.sum == effect.digest:
            return Item("done", effect, entry.at, "nothing worth telling again: this place cannot be edited")
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
        if item.effect.sort in {"call", "news"}:
            return item
        item = replace(item, lifted=True) if self.turned else item  # the end of a shift accounts for all that follows
        gentle = item.effect.restricted or item.lifted or self._begun(item.effect)
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
        for effect in retired(self.ledger, wanted, self.rules, self.now):
            claim = self.ledger.entries[effect.key].claim
            if not self.world.retiring:
                self.items.append(Item("held", effect, None, LOST))
            elif claim is None and effect.product in self.world.products:
                self.items.append(self._flooded(Item("owed", effect, self.now)))


def _covers(entry: Entry, moment: datetime, effect: Effect) -> bool:
    """Whether a moment was covered. What was made before this ladder began covers nothing of it, also where a step of
    the one before was brought forward and its own due is still to come.
    """
    earlier = entry.at is not None and entry.at < effect.begun
    return entry.mark is not None and entry.mark >= moment and not earlier


__all__ = ["Batch", "Item", "Plan", "Status", "make_plan", "same", "shown", "with_acts"]
