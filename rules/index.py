"""Finds, of a thousand rules, the few that can hold of a ticket.

A rule whose condition demands `word == value` somewhere at its top is filed under that value: the rarest such value
of its condition, counted over all rules. Failing that it is filed under a pattern that it demands. For one ticket only
the rules filed under what its words hold are asked, and those that could not be filed. All patterns of a word go
through one `re2.Filter`, which tells in microseconds which may match; a `re2.Set` costs 186 ms where many do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import re2

from rules.logic import UNKNOWN
from rules.model import Notify, Rule, RuleSet
from rules.patterns import Pattern, Searched, options

if TYPE_CHECKING:
    from rules.condition import Equality
    from rules.facts import Facts

COMMON = 0.1
"""An equality that holds of more than this share of the rules is worth less than a pattern."""


class RuleIndex:
    """The rules of a rule set that are not off, filed once.

    `order` is the place of each by id, `patterns` are all that they look for anywhere, `events` the kinds of event that
    they tell.
    """

    def __init__(self, rules: RuleSet) -> None:
        live = [rule for rule in rules.rules if rule.mode != "off"]
        patterns = [pattern for rule in live if rule.when is not None for pattern in rule.when.every_pattern()]
        self.patterns = frozenset(patterns)
        self._sieves = {word: _Sieve(p for p in patterns if p.word == word) for word in {p.word for p in patterns}}
        self.order = {rule.id: place for place, rule in enumerate(live)}
        sorts: dict[str, list[Rule]] = {}
        for rule in live:
            sorts.setdefault("news" if isinstance(rule, Notify) and rule.on else rule.kind, []).append(rule)
        self._shelves = {sort: _Shelf(rules) for sort, rules in sorts.items()}
        self.events = frozenset(kind for rule in live if isinstance(rule, Notify) for kind in rule.on)

    def candidates(self, sort: str, facts: Facts) -> Iterator[Rule]:
        """The rules of a kind that may hold, in deciding order; those that are off are not among them.

        Those with `on` are a sort by themselves, `news`.
        """
        shelf = self._shelves.get(sort)
        return iter(()) if shelf is None else shelf.candidates(facts)

    def hits(self, word: str, text: Searched) -> frozenset[Pattern]:
        """The patterns of a word that may be found in its text: none that would be is missing."""
        sieve = self._sieves.get(word)
        return frozenset() if sieve is None else sieve.hits(text)


class _Shelf:
    """The rules of one kind, by position: filed by word and value, by pattern, or always asked."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules
        self._always: list[int] = []
        self._values: dict[str, dict[object, list[int]]] = {}
        self._patterns: dict[str, dict[Pattern, list[int]]] = {}
        counts = _counts(rules)
        for position, rule in enumerate(rules):
            self._file(position, rule, counts)
        self._asked = tuple(rules[position] for position in self._always)

    def _file(self, position: int, rule: Rule, counts: Counter[tuple[str, object]]) -> None:
        equalities = rule.when.equalities if rule.when is not None else ()
        patterns = rule.when.patterns if rule.when is not None else ()
        rarest = min(equalities, key=lambda one: _size(one, counts), default=None)
        if rarest is not None and (not patterns or _size(rarest, counts) <= COMMON * len(self._rules)):
            word, values = rarest
            for value in values:
                self._values.setdefault(word, {}).setdefault(value, []).append(position)
        elif patterns:
            self._patterns.setdefault(patterns[0].word, {}).setdefault(patterns[0], []).append(position)
        else:
            self._always.append(position)

    def candidates(self, facts: Facts) -> Iterator[Rule]:
        found = list(self._always)
        for word, values in self._values.items():
            held = facts[word]
            if held is not UNKNOWN:
                for value in held if isinstance(held, tuple) else (held,):
                    found.extend(values.get(value, ()))
        for word, patterns in self._patterns.items():
            for pattern in facts.hits(word) or ():
                found.extend(patterns.get(pattern, ()))
        if len(found) == len(self._always):
            return iter(self._asked)
        return (self._rules[position] for position in sorted(set(found)))


class _Sieve:
    """One `re2.Filter` over all patterns of one word."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._always: list[Pattern] = []
        self._filter: Any = None
        self._by_atom: list[list[Pattern]] = []
        places: dict[str, int] = {}
        chosen = options()
        for pattern in patterns:
            if pattern.atoms is None:
                self._always.append(pattern)
            for atom in pattern.atoms or ():
                if atom not in places:
                    self._filter = self._filter or re2.Filter()
                    places[atom] = self._filter.Add(atom, chosen)
                    self._by_atom.append([])
                self._by_atom[places[atom]].append(pattern)
        if self._filter is not None:
            self._filter.Compile()

    def hits(self, text: Searched) -> frozenset[Pattern]:
        found = set(self._always)
        if self._filter is not None:
            for place in self._filter.Match(text.folded, potential=True) or ():
                found.update(self._by_atom[place])
        return frozenset(found)


def _counts(rules: list[Rule]) -> Counter[tuple[str, object]]:
    conditions = (rule.when for rule in rules if rule.when is not None)
    return Counter((word, value) for when in conditions for word, values in when.equalities for value in values)


def _size(equality: Equality, counts: Counter[tuple[str, object]]) -> int:
    word, values = equality
    return sum(counts[word, value] for value in values)
