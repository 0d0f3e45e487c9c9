"""News: a message for each stretch of events that was not told yet, which is the one thing the ledger is read for.

A mark is a moment, and of one moment there may be several events, as where a tracker dates by the second: so an entry
keeps beside it which of that moment were told, and what comes to be known of it later is told as well.

While a mute is in force news waits for its end, and is then told once, as one summary of each place. That a ticket is
resolved or taken care of is told all the same, under a key of its own, so that the rest can still be told later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from connectors.model import Message
from rules.decide import Decision
from rules.directory import Address
from rules.events import Event
from rules.model import Notify
from rules.quiet import Quiet, gathered_since
from rules.text import inert
from sync.effects import Effect, Scene, colour_of, digest, key_of, said, spoken, standard
from sync.ledger import Entry

NEWS_TEXT: Final = "**{{ key }}** {{ summary }}: {{ changed }}"
UNMUTED: Final = "unmuted"
"""The kind of the keys of news that no mute holds."""
NEVER_MUTED: Final = frozenset({"acknowledged", "resolved"})
SAYS_NO_VALUE: Final = frozenset({"created", "acknowledged", "hold", "resumed", "resolved", "reopened", "closed"})
"""Events that are told in words which hold nothing of the ticket."""
HELD_BACK: Final = "Until now this was held back:"
"""What stands above it for people outside, who are told no names of rules."""
MOST: Final = 20
"""So many events are told in one message, the latest."""


@dataclass(frozen=True, slots=True)
class _Untold:
    """What one place was not told yet: `fresh` events, and `stale` ones, which are only counted. The `entry` is that
    of its key, of that `kind`; the `heading` stands above it.
    """

    fresh: tuple[Event, ...]
    stale: tuple[Event, ...]
    entry: Entry
    kind: str = "news"
    heading: str = ""


def news(decision: Decision, rule: Notify, scene: Scene) -> Iterator[Effect]:
    """The news of one rule, to each place what it was not told yet."""
    quiet = Quiet(scene.facts, scene.known)
    silence = quiet.at(rule, scene.now)
    muted = silence is not None and bool(silence.mute)
    for address in scene.addresses(decision, rule.to):
        untold = _untold(decision, rule, address, scene, quiet)
        if address.external and "changed" in rule.texts.get(address.audience, rule.text or standard(NEWS_TEXT)).names:
            untold = replace(untold, fresh=for_outside(untold.fresh, address, scene))
        entry = scene.ledger.get(*key_of(UNMUTED, rule, address)) or Entry()
        urgent = tuple(e for e in untold.fresh if e.kind in NEVER_MUTED and _is_new(e, entry))
        if muted and urgent:
            yield _effect(decision, address, _Untold(urgent, (), entry, UNMUTED), scene)
        due = () if muted else urgent
        fresh = tuple(event for event in untold.fresh if event.kind not in NEVER_MUTED or event in due)
        if fresh or untold.stale:
            rest = replace(untold, fresh=fresh)
            heading = _heading(rest, rule, scene, quiet)
            told = HELD_BACK if heading and address.external else heading
            yield _effect(decision, address, replace(rest, heading=told), scene)


def _untold(decision: Decision, rule: Notify, address: Address, scene: Scene, quiet: Quiet) -> _Untold:
    entry = scene.ledger.get(*key_of("news", rule, address)) or Entry()
    start = scene.world.start
    events = [e for e in decision.events if (start is None or e.at > start) and _is_new(e, entry)]
    known = max((stretch.until for stretch in entry.stale), default=None)
    oldest = gathered_since(rule, scene.rules, scene.now - scene.world.grace, scene.now)
    oldest = quiet.muted_since(rule, oldest, scene.now)
    stale = [e for e in events if e.at < oldest and (known is None or e.at > known)]
    fresh = events if scene.world.late else [e for e in events if e.at >= oldest]
    if scene.world.late:
        again = [e for e in decision.events if any(s.after < e.at <= s.until for s in entry.stale)]
        fresh = sorted({*again, *events}, key=lambda e: e.at)
        stale = []
    return _Untold(tuple(fresh), tuple(stale), entry)


def _is_new(event: Event, entry: Entry) -> bool:
    """Whether an event was not told under an entry."""
    if entry.mark is None or event.at != entry.mark:
        return entry.mark is None or event.at > entry.mark
    moment, *told = entry.sum.split(".")
    return moment == _named(entry.mark) and _known_as(event) not in told


def _named(moment: datetime) -> str:
    """What stands in a digest before the events that were told of a moment; of any other all were."""
    return f"={round(moment.timestamp() * 1000) % 16**6:x}"


def _known_as(event: Event) -> str:
    """What tells an event from others of its moment, whatever it is called today; a comment may be written anew."""
    after = None if event.kind == "commented" else event.after
    return digest(event.kind, event.field, after, event.by)[:6]


def _sum(told: tuple[Event, ...], entry: Entry) -> str:
    """The digest of news: which events of its latest moment were told when it is out."""
    last = max(told[-1].at, entry.mark or told[-1].at)
    moment, *before = entry.sum.split(".")
    known = before if moment == _named(last) else []
    return ".".join(dict.fromkeys([_named(last), *known, *(_known_as(event) for event in told if event.at == last)]))


def _heading(untold: _Untold, rule: Notify, scene: Scene, quiet: Quiet) -> str:
    """What is said above news that a mute held until now: all of a place stands under it, as one message."""
    ended = (one for one in quiet.lifted(rule, scene.now, scene.world.grace) if one.mute)
    held = [one for one in ended if any(one.covers(event.at) for event in untold.fresh)]
    if not held:
        return ""
    names = (scene.rules.by_id[one.mute] for one in held)
    meanwhile = all(any(one.covers(event.at) for one in held) for event in untold.fresh)
    muted = " and ".join(dict.fromkeys(rule.name or rule.id for rule in names))
    return f"While {inert(muted)} was in force{'' if meanwhile else ', and since then'}:"


def _effect(decision: Decision, address: Address, untold: _Untold, scene: Scene) -> Effect:
    rule, fresh, entry = decision.rule, untold.fresh, untold.entry
    key, was = key_of(untold.kind, rule, address)
    last = (fresh or untold.stale)[-1]
    changed = _listed(fresh)
    text = said(decision, address, rule.text or standard(NEWS_TEXT), {"changed": changed}, scene) if fresh else ""
    open_ = fresh and scene.restriction is None
    return Effect(
        key,
        "news",
        rule.id,
        f"tell {spoken(address)}: {changed}" if open_ else f"tell {spoken(address)}",
        last.at,
        max(last.at, entry.mark or last.at),
        address.place,
        address.product,
        address.address,
        Message(text, colour=colour_of(scene)) if fresh else None,
        digest=_sum(fresh, entry) if fresh else "",
        why=(rule.name or rule.id, *decision.why),
        was=was,
        external=address.external,
        watched=rule.mode == "watch",
        stale=len(untold.stale),
        stale_until=untold.stale[-1].at if untold.stale else None,
        moment=last.at,
        heading=untold.heading,
        restricted=scene.restriction is not None,
    )


def for_outside(events: tuple[Event, ...], address: Address, scene: Scene) -> tuple[Event, ...]:
    """What people outside may hear: that something happened, and what a field of theirs holds; never by whom."""
    audience = scene.rules.audiences.get(address.audience)
    fields = audience.fields if audience is not None else ()
    told = (event for event in events if event.kind in SAYS_NO_VALUE or event.field in fields)
    return tuple(replace(event, text=event.text.removesuffix(f" by {event.by}")) for event in told)


def _listed(events: tuple[Event, ...]) -> str:
    """What happened, in a row; of very much the latest."""
    told = tuple(dict.fromkeys(event.text for event in events))
    more = (f"{len(told) - MOST} more before",) if len(told) > MOST else ()
    return "; ".join((*more, *told[-MOST:]))
