"""Whose a field is, and whether we may write it: fields belong to people.

A word that holds what it became after our own last write is ours. Anything else was somebody's doing and stays,
unless the rule says `force`; five changes by us within an hour are a quarrel, and then it rests. A clock quarrels with
nobody: it writes only over what it wrote itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connectors.model import Ticket, Value
from rules.decide import Decision
from rules.directory import person_of, user_of
from rules.model import RuleSet
from sync.effects import Effect, World, digest, named
from sync.items import Item, by_us, same, shown
from sync.ledger import RETRY_ERRORS_AFTER, Entry, Failure, Ledger

LEFT_ALONE = "left alone: "
"""How the reason begins where a field is somebody's."""
PRODUCTS_OWN = timedelta(seconds=10)
"""How soon after our write a change counts as what the product made of it (a business rule, an automation)."""
QUARREL = 5
"""So many changes of one field by us within `QUARREL_WITHIN`, and it rests."""
QUARREL_WITHIN = timedelta(hours=1)


class Fields:
    """The fields of one planning. `ticket` is as it was read; `ledger` gains the fields that rest."""

    def __init__(self, ticket: Ticket, ledger: Ledger, rules: RuleSet, world: World, now: datetime) -> None:
        self.ticket, self.ledger, self.rules, self.world, self.now = ticket, ledger, rules, world, now

    def item(self, decision: Decision, ticket: Ticket) -> Item:
        """How the field that a decision is about stands; `ticket` is as it is about to be."""
        word = decision.field
        value = self._written(decision)
        watched = decision.rule.mode == "watch"
        effect = Effect(
            f"{'watch.' if watched else ''}field:{word}",
            "field",
            decision.rule.id,
            f"{word} = {value if value is not None else 'nobody' if word == 'assignee' else 'empty'}",
            self.now,
            self.now,
            value=value,
            digest=named(value) if isinstance(value, str) else digest(value),
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

    def coming(self, decision: Decision) -> Item | None:
        """A field that is somebody else's turn at `since`; None where it would stay a person's then."""
        word, entry = decision.field, self.ledger.get(f"field:{decision.field}")
        try:
            owner = self._owner(word, entry, self.ticket.get(word))
        except KeyError:
            return None
        if owner and not decision.force:
            return None
        due, value = decision.since, self._written(decision)
        what = f"{word} = {value if value is not None else 'nobody'}"
        key, unless = f"field:{word}", "acknowledged"
        effect = Effect(
            key,
            "field",
            decision.rule.id,
            what,
            due,
            due,
            value=value,
            digest=digest(value),
            why=decision.why,
            unless=unless,
        )
        return Item("next", effect, due)

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
        if decision.clock is None and self._quarrelling(word) and not effect.watched:
            return self._rest(effect, word, entry)
        return Item("owed", effect, self.now)

    def _owner(self, word: str, entry: Entry | None, current: Value) -> str:
        """Whose the field is if not ours, as a sentence; empty where we may write it."""
        changes = [c for c in self.ticket.history if c.field == word]
        if any(
            act.verb == "set" and word in act.args and (entry is None or entry.at is None or act.at >= entry.at)
            for act in self.ledger.acts
        ):
            return self._left_alone(word)
        if entry is None or entry.at is None:
            whole = self.ticket.complete_since is None or self.ticket.complete_since <= self.ticket.created
            if changes:
                return self._left_alone(word)
            empty = current is None or current in ("", ())
            if empty or same(current, self.world.defaults.get(word)):
                return "" if whole else "its history cannot be read back to its creation"
            return f"{LEFT_ALONE}it was {current} when the ticket was made"
        at = entry.at - timedelta(seconds=1)  # the tracker's `Date` has whole seconds
        since = [c for c in changes if c.at >= at]
        made = [c for c in since[:1] if c.at <= entry.at + PRODUCTS_OWN]  # what the product made of our write
        ours = next((c for c in since if digest(c.after) == entry.sum), made[0] if made else None)
        whole_since = self.ticket.complete_since
        if (
            ours is None and whole_since is not None and at < whole_since
        ):  # the history is silent: we know what we wrote
            return "" if digest(current) == entry.sum else self._left_alone(word)
        if ours is None:  # our write changed nothing, so the field is still what it was then
            became = self.ticket.at(at).get(word)
            return "" if same(became, current) else self._left_alone(word)
        return "" if same(ours.after, current) else self._left_alone(word)

    def _left_alone(self, word: str) -> str:
        act = next((a for a in reversed(self.ledger.acts) if a.verb == "set" and word in a.args), None)
        change = next((c for c in reversed(self.ticket.history) if c.field == word), None)
        if act is not None and (change is None or change.at <= act.at + PRODUCTS_OWN):
            return f"{LEFT_ALONE}{act.by} set it {self._clock(act.at)}"
        by, at = (change.by, f" {self._clock(change.at)}") if change is not None else (None, "")
        who = person_of(by, self.ticket.source, self.rules) or by or "somebody"
        return f"{LEFT_ALONE}{who} set it{at}"

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
        ours = [c for c in self.ticket.history if c.field == word and c.at > after and by_us(c.by, self.world)]
        return len(ours) >= QUARREL  # what we wrote for a person is in their name, so it is not among these

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
                for c in self.ticket.history
            )
            return None if changed else Item("held", blank, None, failure.said, f"{self.ticket.key}: {failure.said}")
        again = failure.at + RETRY_ERRORS_AFTER
        reloaded = self.world.reloaded is not None and self.world.reloaded > failure.at
        said = f"{self.ticket.key}: {word} was refused: {failure.said}"
        return None if self.now >= again or reloaded else Item("held", blank, again, failure.said, said)
