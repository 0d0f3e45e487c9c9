"""What fields, levels and statuses are usually called: from the lists of a site to our words. Pure functions.

Only names that hardly mean anything else are taken. What is not recognised is left to the administrator: a wrong
mapping would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from connectors.model import Phase

FIELDS: Mapping[str, tuple[str, frozenset[str], tuple[str, ...]]] = {
    "severity": ("choice", frozenset({"option"}), ("severity", "incident severity", "severity level")),
    "service": (
        "text",
        frozenset({"option", "options"}),
        ("service", "affected service", "affected services", "services", "business service"),
    ),
    "team": ("text", frozenset({"option", "string"}), ("team", "responsible team", "support team", "assigned team")),
    "affected_users": (
        "number",
        frozenset({"number"}),
        ("affected users", "users affected", "impacted users", "number of affected users", "affected customers"),
    ),
    "detected": ("moment", frozenset({"datetime"}), ("detected", "detected at", "time of detection", "detection time")),
    "restored": ("moment", frozenset({"datetime"}), ("restored", "restored at", "service restored", "time restored")),
    "eta": ("moment", frozenset({"datetime"}), ("eta", "estimated time of restoration", "expected resolution")),
    "status_text": ("text", frozenset({"string", "text"}), ("status text", "public status", "status message")),
    "commander": ("user", frozenset({"user"}), ("incident commander", "commander")),
}
"""Our words: the type of each, the kinds of field that can hold it, and what such a field is called, best first."""

HOLD = ("on hold", "waiting", "pending", "blocked", "paused", "stalled", "waiting for customer", "waiting for vendor",
        "waiting for third party", "awaiting customer", "awaiting vendor")  # fmt: skip
"""What a status is called in which nobody of ours works on the ticket."""
CLOSED = ("closed", "canceled", "cancelled", "declined", "rejected", "withdrawn")
RESOLVED = ("resolved", "fixed", "restored", "mitigated")
KINDS = ("incident", "[system] incident", "it incident", "bug", "task", "story")
"""The types of ticket for an incident, best first."""

_RANKS: Mapping[int, tuple[str, ...]] = {
    4: ("blocker", "highest", "critical", "urgent", "emergency", "disaster", "immediate", "showstopper"),
    3: ("high", "major", "severe", "important"),
    2: ("medium", "normal", "moderate", "standard", "default", "average"),
    1: ("low", "minor", "small"),
    0: ("lowest", "trivial", "none", "cosmetic", "negligible"),
}
_BY_WORD = {word: rank for rank, words in _RANKS.items() for word in words}
_NUMBER = re.compile(r"(?i)\b(?:p|s|sev|severity|prio|priority|level)?[\s_-]?([0-9])\b")


def plain(name: str) -> str:
    """A name as it is compared: small letters, single blanks, no punctuation but brackets."""
    return " ".join(re.sub(r"[^\w\[\]]+|_", " ", name.casefold()).split())


def matched(names: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
    """For each of our words that is recognised, the id of its field. `names` and `kinds` are by the field's id."""
    by_name: dict[str, list[str]] = {}
    for id_, name in names.items():
        by_name.setdefault(plain(name), []).append(id_)
    found: dict[str, str] = {}
    for word, (_, fitting, called) in FIELDS.items():
        ids = (id_ for name in called for id_ in by_name.get(name, ()) if kinds.get(id_) in fitting)
        first = next(ids, None)
        if first is not None:
            found[word] = first
    return found


def levels(names: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Every name as a level of low, medium and high; and those that had to be guessed by their position.

    `names` come with the most severe first, as Jira lists priorities. Of several the mildest stands first in `high`
    and the gravest in `low`: the first is the one that is written.
    """
    ranks, guessed = _ranked(names)
    order = sorted(range(len(names)), key=lambda i: (-ranks[i], i))
    high = [names[i] for i in reversed(order) if ranks[i] >= 3]
    medium = [names[i] for i in order if ranks[i] == 2]
    low = [names[i] for i in order if ranks[i] <= 1]
    if not high and order:  # something must be the worst
        high = [names[order[0]]]
        medium, low = [n for n in medium if n not in high], [n for n in low if n not in high]
    found = {"high": tuple(high), "medium": tuple(medium), "low": tuple(low)}
    return {level: several for level, several in found.items() if several}, guessed


def _ranked(names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """The rank of each name, 4 the worst; and the names whose rank is a guess."""
    words = [next((_BY_WORD[part] for part in plain(name).split() if part in _BY_WORD), None) for name in names]
    if all(rank is None for rank in words):
        numbers = [_NUMBER.search(name) for name in names]
        if names and all(numbers):
            said = [int(found[1]) for found in numbers if found]
            steps = sorted(set(said))
            return [_at(steps.index(number), len(steps)) for number in said], ()
    if 4 in words and 2 not in words:  # Blocker, Critical, Major, Minor, Trivial: Major is the usual one
        words = [2 if plain(name) == "major" else rank for name, rank in zip(names, words, strict=True)]
    guessed = tuple(name for name, rank in zip(names, words, strict=True) if rank is None)
    return [_at(i, len(names)) if rank is None else rank for i, rank in enumerate(words)], guessed


def _at(position: int, of: int) -> int:
    """The rank of a place in a list whose worst stands first: its third; of two it is bad, or it is not."""
    if of == 2:
        return (3, 1)[position]
    return (3, 2, 1)[min(2, position * 3 // max(1, of))]


def phases(statuses: Mapping[str, tuple[str, str]]) -> dict[Phase, tuple[str, ...]]:
    """The statuses whose category says the wrong phase; `statuses` are (name, category) by id.

    `closed` is told apart only where another status of that category remains for `resolved`.
    """
    done = [id_ for id_, (_, category) in statuses.items() if category == "done"]
    closed = tuple(id_ for id_ in done if plain(statuses[id_][0]) in CLOSED)
    early = tuple(id_ for id_, (name, group) in statuses.items() if group != "done" and plain(name) in RESOLVED)
    found: dict[Phase, tuple[str, ...]] = {}
    if closed and (early or len(closed) < len(done)):
        found["closed"] = closed
    if early:
        found["resolved"] = early
    return found


def holding(statuses: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """The statuses that mean on hold, by their names."""
    return tuple(id_ for id_, (name, group) in statuses.items() if group != "done" and plain(name) in HOLD)


def kind_of(names: Iterable[str]) -> str:
    """The type of ticket for an incident: the best known name, else the first; empty where there is none."""
    every = list(names)
    ranked = [name for known in KINDS for name in every if plain(name) == known]
    return next(iter([*ranked, *every]), "")


def keys(names: Iterable[str]) -> dict[str, str]:
    """Names of our own for the product's: `Checkout (prod)` is `checkout-prod`. Each is there once."""
    found: dict[str, str] = {}
    for name in names:
        made = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "unnamed"
        key, number = made, 2
        while key in found:
            key, number = f"{made}-{number}", number + 1
        found[key] = name
    return found
