"""What Pointman would have done, as it is told in the one private place of watch mode.

Of each ticket one message stands there: the fields it would have set and what it would have shown, edited as that
changes. What it would have called or told at a moment are replies under it; a later step at the same place edits the
reply. No button acts, nobody whom it would have called is reached, and what a ticket says is no markup.

The standing effects of one ticket all carry the same text, so they change together and are one message in the end
(`perform.together`), recorded under each key; the plan still has a line for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from connectors.model import Message, Ticket
from rules.model import RuleSet
from rules.text import inert
from rules.text import shown as moment_shown
from sync.effects import Effect, digest

DONE = {
    "show": "shown",
    "call": "called",
    "count": "counted",
    "tell": "told",
    "open": "opened",
    "warn": "warned",
    "update": "updated",
    "remind": "reminded",
}
"""Of what an effect is called, the verb as it is said of what was not done."""


def told(watched: Iterable[Effect], ticket: Ticket, rules: RuleSet) -> tuple[Effect, ...]:
    """The watched effects of a ticket with what is said of them; `ticket` is as it would be."""
    every = tuple(watched)
    standing = tuple(effect for effect in every if effect.sort == "standing")
    one = Message("\n\n".join(_standing(standing, ticket)))
    root = standing[0].key if standing else ""
    return tuple(_said(effect, one, root, rules) for effect in every)


def _said(effect: Effect, one: Message, root: str, rules: RuleSet) -> Effect:
    if effect.sort == "standing":
        return replace(effect, thing=one, digest=digest(one.text))
    if effect.thing is None:  # still to come
        return effect
    at = f" at {moment_shown(effect.moment, rules.defaults.timezone, effect.mark)}" if effect.sort == "call" else ""
    return replace(
        effect, thing=Message(f"I would have {_did(effect)}{at}{_why(effect)}:\n\n{_quoted(effect)}"), under=root
    )


def _standing(effects: tuple[Effect, ...], ticket: Ticket) -> Iterator[str]:
    yield f"**{inert(ticket.key)}** {inert(' '.join(ticket.summary.split()))}"
    fields = [effect for effect in effects if effect.key.startswith("watch.field:")]
    if fields:
        yield "I would have set"
        yield "\n".join(f"- {inert(effect.what)}{_why(effect)}" for effect in fields)
    for effect in effects:
        if effect not in fields:
            yield f"I would have {_did(effect)}{_why(effect)}:"
            yield _quoted(effect)


def _did(effect: Effect) -> str:
    """`called tom`, `shown in #incidents`; of news only where, as their text says what."""
    verb, _, rest = effect.what.partition(" ")
    where = rest.partition(":")[0] if effect.sort == "news" else rest
    return inert(f"{DONE[verb]} {where}")


def _why(effect: Effect) -> str:
    return f" ({inert('; '.join(effect.why))})" if effect.why else ""


def _quoted(effect: Effect) -> str:
    text = effect.thing.text if effect.thing is not None else ""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
