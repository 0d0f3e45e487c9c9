"""What texts may say beside the ticket's words: who was told, when the next update comes, by when it must be restored.

Each is worked out only for a text that uses it. All are moments, names and sentences, never amounts of time that are
left: those would change a standing message at every look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeAlias

from connectors.model import User
from rules.cadence import POSTED
from rules.clock import tightest, written
from rules.decide import Decision
from rules.directory import Address, person_of
from rules.events import CONFIRMED, Event
from rules.model import RuleSet
from rules.text import Markdown, shown

if TYPE_CHECKING:
    from sync.effects import Scene

Word: TypeAlias = "Callable[[Decision, Scene], object]"


def _rto_until(decision: Decision, scene: Scene) -> datetime | None:
    """When a clock runs out: the decision's own, else the tightest of those that run until the ticket is restored."""
    several = [clock for clock in scene.clocks if clock.rule.stop == "restored" and clock.rule.goal != "rpo"]
    clock = decision.clock or (tightest(several) if several else None)
    return clock.deadline if clock is not None else None


CALLED: Final = ("escalate:", "objective:")
"""The kinds of keys of the ledger that say whom we called."""
MOST: Final = 5
"""So many changes are told in a text, and so many people: the latest."""


def _told(_: Decision, scene: Scene) -> str:
    """Who was called since the ticket was made, or opened again, each for the last time: `Tom at 10:07`."""
    begun = max((e.at for e in _events(scene) if e.kind == "reopened"), default=scene.facts.ticket.created)
    last: dict[str, datetime] = {}
    for key, entry in scene.ledger.entries.items():
        if key.startswith(CALLED) and entry.at is not None and entry.at >= begun:
            name = _called(key, entry.to, scene.rules)
            last[name] = max(entry.at, last.get(name, entry.at))
    zone = zone_of(scene.reader, scene.rules)
    latest = sorted(last.items(), key=lambda one: one[1])[-MOST:]
    return ", ".join(f"{name} at {shown(at, zone, scene.now)}" for name, at in latest)


def _called(key: str, to: str, rules: RuleSet) -> str:
    """Who was called, by the key and the address in the ledger: a person's name where it is known, else the place's."""
    product, _, address = to.partition(":")
    person = person_of(User(address, email=address), product, rules)
    if person is not None:
        return str(rules.people[person])
    kind, _, name = key.partition(">")[2].partition(":")
    if kind == "place":
        return name.rpartition("@")[0]
    return name if kind == product else f"{kind}:{name}"


def _changed(decision: Decision, scene: Scene) -> str:
    """What happened since the rule last called somebody, or since it began to count; people outside hear of their
    fields only.
    """
    entries, rule = scene.ledger.entries.items(), decision.rule
    calls = (entry.at for key, entry in entries if key.startswith(f"{rule.kind}:{rule.id}>") and entry.at is not None)
    last, begun = max((at for at in calls if at >= decision.since), default=None), decision.since
    found = [e for e in _events(scene) if e.at <= scene.now and _is_change(e) and _may_hear(e, scene)]
    if last is not None:
        happened = [event for event in found if event.at > last]
    else:  # what a person did just then is why it began
        happened = [e for e in found if e.at > begun or (e.at == begun and e.by != scene.world.me)]
    outside = scene.reader is not None and scene.reader.external
    short = (_in_short(event).removesuffix(f" by {event.by}" if outside else "") for event in happened[-MOST:])
    return "; ".join(dict.fromkeys(short))


def _events(scene: Scene) -> tuple[Event, ...]:
    world, ours = scene.world, written(scene.rules)
    found = scene.facts.happened(world.me, world.defaults)
    return tuple(event for event in found if event.field not in ours or event.by != world.me)


def _is_change(event: Event) -> bool:
    """Whether an event is told: not that it was made, nor what another event tells under a name of its own."""
    if not event.kind.startswith("changed:") or event.field in {POSTED, CONFIRMED}:
        return event.kind != "created"
    taken_back = event.field == "acknowledged" and event.after is None
    return taken_back or (event.field != "hold_reason" and event.field not in _updates().NO_CHANGE)


def _may_hear(event: Event, scene: Scene) -> bool:
    if scene.reader is None or not scene.reader.external:
        return True
    audience = scene.rules.audiences.get(scene.reader.audience)
    return audience is not None and event.field in audience.fields


def _in_short(event: Event) -> str:
    """An event in a few words: what people write at length stands on the ticket."""
    if event.kind == "commented":
        return f"{event.by or 'somebody'} commented"
    return f"{event.by or 'somebody'} posted an update" if event.field == POSTED else event.text


def _blockers(_: Decision, scene: Scene) -> str:
    """What stands in the way, as far as the ticket tells."""
    return ", ".join(_standing_in_the_way(scene))


def _standing_in_the_way(scene: Scene) -> Iterator[str]:
    facts = scene.facts
    if facts["hold"] is True:
        reason = facts["hold_reason"]
        yield f"it is on hold ({reason})" if isinstance(reason, str) and reason else "it is on hold"
    if facts["assignee"] is None:
        yield "nobody has it"
    if facts["acknowledged"] is None:
        yield "nobody has acknowledged it"


def recommended(options: Iterable[str]) -> Markdown:
    """What can be done, as sentences; the first is recommended."""
    first, *others = options
    otherwise = f" Otherwise: {'; or '.join(others)}." if others else ""
    return Markdown(f"Recommended: {first}.{otherwise}")


def zone_of(address: Address | None, rules: RuleSet) -> tzinfo:
    """The time zone in which whoever is reached at an address reads moments."""
    if address is None:
        return rules.defaults.timezone
    return rules.zone(f"audience:{address.audience}", address.place.partition("@")[0], f"person:{address.person}")


WORDS: Mapping[str, Word] = {
    "told": _told,
    "changed": _changed,
    "blockers": _blockers,
    "rto_until": _rto_until,
    "last_update": lambda _, scene: _updates().last_update(scene),
    "next_update": lambda _, scene: _updates().next_update(scene),
    "unchanged": lambda _, scene: _updates().unchanged(scene),
}
"""By variable, what makes it; None where there is nothing to say."""


def _updates() -> ModuleType:
    from sync import updates  # it is made of effects, which have words

    return updates


def words(names: Iterable[str], decision: Decision, scene: Scene) -> dict[str, object]:
    """These of the words, for a text of this decision."""
    return {name: WORDS[name](decision, scene) for name in names}
