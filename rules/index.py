"""Finds, of a thousand rules, the few that can hold of a ticket: by the equality that each must satisfy.

A rule whose condition demands `word == value` at its top is filed under that value, so for one ticket only the rules
filed under what its words hold are asked, and those that could not be filed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.facts import Facts
from rules.logic import UNKNOWN

if TYPE_CHECKING:
    from rules.model import Rule, RuleSet


class _Kind:
    """The rules of one kind: filed by word and value, or always asked. Rules are kept by their position."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.always: list[int] = []
        self.filed: dict[str, dict[object, list[int]]] = {}
        for position, rule in enumerate(rules):
            if rule.mode == "off":
                continue
            equality = rule.when.equality if rule.when is not None else None
            if equality is None:
                self.always.append(position)
                continue
            word, values = equality
            for value in values:
                self.filed.setdefault(word, {}).setdefault(value, []).append(position)


class RuleIndex:
    """The rules of a rule set, filed once."""

    def __init__(self, rules: RuleSet) -> None:
        kinds = dict.fromkeys(rule.kind for rule in rules.rules)
        self._kinds = {kind: _Kind(rules.of(kind)) for kind in kinds}

    def candidates(self, kind: str, facts: Facts) -> Iterator[Rule]:
        """The rules of a kind that may hold, in deciding order; those that are off are not among them."""
        known = self._kinds.get(kind)
        if known is None:
            return iter(())
        positions = list(known.always)
        for word, values in known.filed.items():
            held = facts[word]
            if held is UNKNOWN:
                continue
            for value in held if isinstance(held, tuple) else (held,):
                positions.extend(values.get(value, ()))
        return (known.rules[position] for position in sorted(set(positions)))
