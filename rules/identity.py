"""Checks that every rule can be told from every other, now and under the ids it had before."""

from __future__ import annotations

from collections.abc import Iterable

from rules.building import Written
from rules.reading import Reading


def check_ids(written: Iterable[Written], at: Reading) -> None:
    """Tell ids that are there twice, and former ids that are or were another rule's."""
    rules = [rule for rule in written if rule.id]
    taken: dict[str, Written] = {}
    for rule in rules:
        at.label = f"{rule.kind} {rule.id}"
        first = taken.setdefault(rule.id, rule)
        if first is not rule:
            place = first.find("id").where
            where = rule.find("id").said
            at.wrong(where, f"the id {rule.id} is taken already, at {place.file}:{place.line}", "ids are unique")
    once: dict[str, str] = {}
    for rule in rules:
        at.label = f"{rule.kind} {rule.id}"
        for index, old in enumerate(rule.values.get("was", ())):
            where = rule.find("was", index).said
            if old in taken:
                at.wrong(where, f"{old} is the id of a rule today", "was names ids that are gone")
            elif once.setdefault(old, rule.id) != rule.id:
                at.wrong(where, f"{once[old]} was called {old}, too")
