"""What comes of it that nobody answered: an act of our own, which the plan decides and the ledger carries.

It is no message, so nothing can be lost or doubled on the way and no claim is needed: the act is in the ledger or it is
not. Its id is that of its moment, so two processes that decide it write one act. See
docs/decisions/0070-silence-is-an-act-of-ours.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from connectors.model import Message
from rules.directory import Address
from sync.calls import Moment, Series
from sync.effects import Effect, Scene, digest, key_of, named
from sync.items import shown
from sync.ladder import UNLESS
from sync.ledger import Act, Ledger

DEEDS: Final[Mapping[str, str]] = {"unacknowledge": "count it as not acknowledged"}
"""What a step can do by itself, in words."""


def deeds(series: Series, scene: Scene) -> Iterator[Effect]:
    """What steps of a ladder do by themselves: the latest that is past, and each that is to come."""
    several = [moment for moment in series.moments if moment.then is not None]
    past = [moment for moment in several if moment.effective <= scene.now]
    for moment in (*past[-1:], *(moment for moment in several if moment.effective > scene.now)):
        yield _deed(series, moment, str(moment.then), scene)


def acts(owed: Iterable[Effect], now: datetime) -> tuple[Act, ...]:
    """Those of the effects that are an act of our own, as the ledger keeps it: in nobody's name."""
    ours = (effect for effect in owed if effect.sort == "act")
    return tuple(Act(digest(effect.key, effect.moment, effect.begun), now, "", effect.place) for effect in ours)


def done(owed: Iterable[Effect], ledger: Ledger, now: datetime) -> Ledger:
    """The ledger with every act of our own that is owed."""
    for act in acts(owed, now):
        ledger = ledger.with_act(act)
    return ledger


def _deed(series: Series, moment: Moment, verb: str, scene: Scene) -> Effect:
    decision, rule = series.decision, series.decision.rule
    key, was = key_of(series.key, rule, Address(verb, "", ""))
    past, watched = moment.effective <= scene.now, rule.mode == "watch"
    name, since = rule.name or rule.id, moment.words.get("since")
    why: tuple[str, ...] = (f"{name}, step {moment.number}", *decision.why)
    if past and isinstance(since, datetime):
        why = (f"nobody answered since {shown(since, scene.rules, scene.now)}", name)
    return Effect(
        key,
        "call" if watched else "act",
        rule.id,
        DEEDS[verb],
        moment.effective,
        max(moment.due, scene.now) if past else moment.due,
        verb,
        thing=Message(f"Then it would count so, and calls would begin again: {why[0]}.") if watched and past else None,
        digest=named(rule.id, verb, moment.number),
        why=why,
        was=was,
        watched=watched,
        unless=UNLESS,
        moment=moment.due,
        begun=decision.since,
        left=moment.left,
        restricted=scene.restriction is not None,
    )
