"""A command in words: `assign OPS-42 maria`, `OPS-42 ack`, `hand over poc to tom for OPS-42`.

People type in a hurry: the verb and the ticket may stand in either order, small words between them are passed over,
and whatever is left is what the verb needs. What is not understood is answered with the nearest thing that is.
Nothing is looked up here, so it takes no time; whether a person or a level exists is the verb's to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connectors.model import Command
from connectors.problems import nearest
from rules.language import PLACELESS, VERBS
from rules.model import RuleSet
from sync import goals
from sync.asked import Sorry
from sync.moments import span
from sync.persons import sentence

WORDS: Final = "words"
"""The verb of a command that a messenger passes on as it was typed, in the argument `text`."""
PHRASES: Final[Mapping[str, str]] = {
    "ack": "acknowledge", "acked": "acknowledge", "unack": "unacknowledge", "un-acknowledge": "unacknowledge",
    "un acknowledge": "unacknowledge", "still on it": "confirm", "still": "confirm",
    "on it": "confirm", "grab": "take", "take it": "take", "mine please": "take", "give": "assign",
    "reassign": "assign", "assign to": "assign", "escalate now": "escalate", "page": "escalate", "increase": "raise",
    "upgrade": "raise", "reduce": "lower", "downgrade": "lower", "sev": "severity", "set severity": "severity",
    "post": "update", "post update": "update", "post an update": "update", "note": "comment",
    "add comment": "comment", "add a comment": "comment", "put on hold": "hold", "on hold": "hold",
    "unhold": "resume", "unpause": "resume", "continue": "resume", "set eta": "eta", "update every": "cadence",
    "skip it": "skip", "remind me later": "snooze", "later": "snooze", "not now": "snooze", "expect": "eta",
    "change goal": "override", "change the goal": "override",
    "claim role": "claim", "hand over": "handover", "hand-over": "handover", "hand off": "handover",
    "handoff": "handover", "resolved": "resolve", "fixed": "resolve", "solve": "resolve", "new": "declare",
    "new incident": "declare", "declare incident": "declare", "declare an incident": "declare", "create": "declare",
    "open": "declare", "list": "mine", "list mine": "mine", "my": "mine", "show": "status", "show me": "status",
    "how is": "status", "what is next": "next", "what's next": "next", "what next": "next",
    "what happens next": "next", "explain": "why", "?": "help", "commands": "help", "verbs": "help", "hello": "help",
}  # fmt: skip
"""What people say for a verb."""
_KNOWN: Final = {**{verb: verb for verb in VERBS}, **PHRASES}
_LONGEST_PHRASE: Final = max(len(phrase.split()) for phrase in _KNOWN)
_KEY = re.compile(r"#?([A-Z][A-Z0-9_]+-\d+|[A-Z]{2,8}\d{7,})[.,:;!?]*", re.IGNORECASE)
_IN_URL = re.compile(
    r"https?://\S*?(?:/browse/|/issues/|number=|number%3D)([A-Z][A-Z0-9_]+-\d+|[A-Z]{2,8}\d{7,}).*", re.IGNORECASE
)
_POLITE: Final = frozenset({"please", "pls", "plz", "pointman", "@pointman", "hey", "hi"})
_TEXTS: Final = frozenset({"update", "comment", "hold", "declare", "override"})
"""Verbs whose text is a person's own: no word of it is taken for anything else."""
_BEFORE_A_KEY: Final = frozenset({"for", "on", "of", "in", "to", "from", "ticket", "incident", "is"})
_SMALL: Final[Mapping[str, frozenset[str]]] = {
    "assign": frozenset({"to", "it"}),
    "severity": frozenset({"to", "is", "as", "=", "level"}),
    "raise": frozenset({"to", "it", "severity"}),
    "lower": frozenset({"to", "it", "severity"}),
    "eta": frozenset({"is", "="}),
    "cadence": frozenset({"every", "to", "is", "="}),
    "skip": frozenset({"the", "next", "it", "this"}),
    "pause": frozenset({"it", "for"}),
    "snooze": frozenset({"it", "for", "reminder", "the"}),
    "claim": frozenset({"role", "the", "as"}),
    "handover": frozenset({"role", "the", "to"}),
    "hold": frozenset({"because", "reason", ":", "-"}),
}
ARGUMENT: Final[Mapping[str, str]] = {
    "assign": "person", "raise": "level", "lower": "level", "severity": "level", "update": "text", "comment": "text",
    "hold": "reason", "eta": "time", "cadence": "every", "skip": "what", "pause": "time", "snooze": "time",
    "claim": "role", "why": "at",
}  # fmt: skip
"""What the rest of the words is, by verb."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a text begins with: a verb, the ticket where it was said, and the words that are left."""

    verb: str
    key: str
    rest: tuple[str, ...]


def understood(command: Command, rules: RuleSet) -> Command:
    """The command that a text in words means; any other with its parts in their places. Raises Sorry."""
    if command.verb == WORDS:
        return _spoken(command, rules)
    verb, colon, role = command.verb.partition(":")
    args = {name: value for name, value in command.args.items() if name != "ticket"}
    if colon:
        args = {**args, "role": role}  # a signed link says the role as well, and nobody fills in another
    said = command.args.get("ticket", "").strip()
    ref = command.ref or (key_in(said) or said)
    if verb not in VERBS:
        raise Sorry(f"Pointman does not know {verb}; it knows {', '.join(VERBS)}.")
    return replace(command, verb=verb, ref=ref, args=args)


def key_in(word: str) -> str:
    """The key of a ticket that a word is, in capitals, or that an address leads to; empty where it is none."""
    found = _KEY.fullmatch(word) or _IN_URL.fullmatch(word)
    return found[1].upper() if found is not None else ""


def _spoken(command: Command, rules: RuleSet) -> Command:
    text = command.args.get("text", "").strip()
    words = text.split()
    while words and words[0].lower().strip(",") in _POLITE:
        words = words[1:]
    if not words:
        return replace(command, verb="help", args={})
    found = _found(words)
    if found.verb in PLACELESS:
        rest = (found.key, *found.rest) if found.key else found.rest
        args = _declared(rest) if found.verb == "declare" else {}
        ref = next(filter(None, map(key_in, rest)), "") if found.verb == "help" else ""
        return replace(command, verb=found.verb, ref=ref, args=args)
    key, rest = (found.key, found.rest) if found.key else _key_of(found.verb, found.rest)
    said = _own(text, rest)
    verb = "cadence" if found.verb == "update" and _how_often(said) else found.verb
    return replace(command, verb=verb, ref=key or command.ref, args=_arguments(verb, said, rules))


def _how_often(said: str) -> bool:
    """Whether what follows `update` says no more than how often: that is nothing to tell everybody."""
    first, _, rest = said.strip().partition(" ")
    return first.lower() == "every" and span(rest) is not None


def _found(words: Sequence[str]) -> _Found:
    """The verb, which stands first, or after the ticket; in a few words anywhere. A ticket alone asks how it stands."""
    key = key_in(words[0])
    after = words[1:] if key else words
    if not after:
        return _Found("status", key, ())
    begun = _phrase(after)
    if begun is not None:
        return _Found(begun[0], key, tuple(after[begun[1] :]))
    if len(words) <= 5:
        for place in range(1, len(after)):
            within = _phrase(after[place:])
            if within is not None and within[0] not in _TEXTS:
                return _Found(within[0], key, (*after[:place], *after[place + within[1] :]))
    hint = nearest(after[0].strip(".,:;!?"), _KNOWN)
    raise Sorry(f"{sentence(hint)} {USAGE}" if hint else f"That was not understood. {USAGE}")


USAGE: Final = (
    "Write a verb and a ticket, as `acknowledge OPS-42`. The verbs: " + ", ".join(f"`{verb}`" for verb in VERBS) + "."
)


def _phrase(words: Sequence[str]) -> tuple[str, int] | None:
    """The verb that these words begin with, and how many of them it takes: the longest phrase there is."""
    for count in range(min(_LONGEST_PHRASE, len(words)), 0, -1):
        said = " ".join(words[:count]).lower().strip(",:;!.")
        if said in _KNOWN:
            return _KNOWN[said], count
    return None


def _key_of(verb: str, rest: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The ticket among the words: at their beginning or end, and for verbs without a text of their own anywhere."""
    for skipped in range(min(2, len(rest))):
        if key_in(rest[skipped]) and all(word.lower() in _BEFORE_A_KEY for word in rest[:skipped]):
            return key_in(rest[skipped]), tuple(rest[skipped + 1 :])
    if not rest:
        return "", ()
    if key_in(rest[-1]):
        left = list(rest[:-1])
        while left and left[-1].lower() in _BEFORE_A_KEY:
            left.pop()
        return key_in(rest[-1]), tuple(left)
    places = [] if verb in _TEXTS else [place for place, word in enumerate(rest) if key_in(word)]
    if not places:
        return "", tuple(rest)
    at = places[0]
    before = rest[: at - 1] if at and rest[at - 1].lower() in _BEFORE_A_KEY - {"to", "is"} else rest[:at]
    return key_in(rest[at]), (*before, *rest[at + 1 :])


def _own(text: str, rest: Sequence[str]) -> str:
    """The words as they were typed, with their own spaces and lines, where they stand together in the text."""
    if not rest:
        return ""
    pattern = r"\s+".join(map(re.escape, rest))
    found = re.search(rf"(?<!\S){pattern}(?!\S)", text) if len(rest) < 1_000 else None
    return found[0] if found is not None else " ".join(rest)


def _arguments(verb: str, said: str, rules: RuleSet) -> dict[str, str]:
    """What is left over as what the verb needs."""
    if verb == "handover":
        return _handed(said, rules)
    if verb == "override":
        return goals.spoken(said)
    name = ARGUMENT.get(verb)
    if name is None:
        return {}
    small = _SMALL.get(verb, frozenset())
    if verb in _TEXTS:
        first, _, later = said.partition(" ")
        bare = later.strip() if first.lower() in small else said
    else:
        bare = " ".join(word for word in said.split() if word.lower() not in small)
    return {name: bare} if bare else {}


def _handed(said: str, rules: RuleSet) -> dict[str, str]:
    """A role and a person in either order; the role by its name or title."""
    spoken = f" {' '.join(said.split())} "
    names = sorted(((n, r) for r, role in rules.roles.items() for n in (role.title, r) if n), key=lambda n: -len(n[0]))
    for name, role in names:
        place = spoken.casefold().find(f" {name.casefold()} ")
        if place >= 0:
            person = _without_small(spoken[:place] + " " + spoken[place + len(name) + 1 :])
            return {"role": role, **({"person": person} if person else {})}
    words = _without_small(spoken).split()
    if len(words) > 1 and len(rules.roles) > 1:
        return {"role": words[0], "person": " ".join(words[1:])}
    return {"person": " ".join(words)} if words else {}


def _without_small(said: str) -> str:
    return " ".join(word for word in said.split() if word.lower() not in _SMALL["handover"])


def _declared(rest: Sequence[str]) -> dict[str, str]:
    """The summary of a new incident; `severity=high` and `service=checkout` may stand in it."""
    args: dict[str, str] = {}
    summary: list[str] = []
    for word in rest:
        name, sign, value = word.partition("=")
        name = {"sev": "severity"}.get(name.lower(), name.lower())
        if sign and value and name in {"severity", "service"}:
            args[name] = value
        else:
            summary.append(word)
    text = " ".join(summary).strip(" :\"'“”")
    return {**args, **({"summary": text} if text else {})}
