"""What may be asked for by a link or by the first line of a reply: the verbs, what each lacks, and how it is told.

What a verb means is the engine's business; here stands only what a person reads before they press the button.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """`says` is what pressing the button means, `lacks` the arguments that a person must give, in order."""

    says: str
    lacks: tuple[str, ...] = ()


VERBS: Mapping[str, Verb] = {
    "acknowledge": Verb("you have seen it and take care of it"),
    "unacknowledge": Verb("nobody is on it: people are called again"),
    "confirm": Verb("you are still on it"),
    "take": Verb("it is assigned to you"),
    "assign": Verb("it is assigned to somebody", ("person",)),
    "escalate": Verb("the next people are called now"),
    "raise": Verb("its severity becomes one step higher"),
    "lower": Verb("its severity becomes one step lower"),
    "severity": Verb("its severity is set", ("level",)),
    "update": Verb("you post an update that everybody concerned reads", ("text",)),
    "comment": Verb("you comment on it", ("text",)),
    "hold": Verb("it is put on hold", ("reason",)),
    "resume": Verb("it is on hold no longer"),
    "eta": Verb("you say when it is expected to be over", ("time",)),
    "cadence": Verb("updates of it go out so often, until it is resolved", ("every",)),
    "skip": Verb("its next update is left out"),
    "pause": Verb("for a while nobody is called or updated by itself", ("time",)),
    "snooze": Verb("you are reminded later of its next update"),
    "override": Verb("you give a clock of it another goal, and say why", ("objective", "within", "reason")),
    "claim": Verb("you take a role in it", ("role",)),
    "handover": Verb("you hand your role over to somebody", ("role", "person")),
    "resolve": Verb("it is resolved"),
    "status": Verb("you are told how it stands"),
    "next": Verb("you are told what happens next"),
    "why": Verb("you are told why each rule spoke or did not"),
    "mine": Verb("you are told what is yours"),
    "help": Verb("you are told what can be asked for"),
}


def known(verb: str) -> Verb | None:
    """What a verb is; a button may name what it lacks behind a colon, as in `claim:poc`. None where there is none."""
    return VERBS.get(verb.partition(":")[0])


ALIASES: Mapping[str, str] = {"ack": "acknowledge", "unack": "unacknowledge", "post": "update"}
HARMLESS = frozenset({"comment"})
"""What a mail may ask for whose sender nobody has verified (docs/decisions/0050-unverified-mail-only-comments.md)."""
