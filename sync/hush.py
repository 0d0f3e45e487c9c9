"""Holds what mutes, and the hours of the rules themselves, keep quiet; and lets go of it when they end.

What was held is owed again by itself when nothing holds it any more. That many tickets have something owed at once is
then no flood: for each of them something happened while it was held, and that accounts for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from connectors.model import Ticket
from rules.quiet import Quiet, Silence
from sync.effects import Effect, Scene
from sync.items import Item, by_us
from sync.news import UNMUTED

LOUD = (f"{UNMUTED}:", f"watch.{UNMUTED}:")
"""The kinds of keys of what no mute holds."""
FLOOD = "a flood: waits for `pointman release`"


class Hushed:
    """The lines of one plan, as silences leave them; watched rules have their own view of which mutes there are."""

    def __init__(self, ticket: Ticket, quiet: Quiet, watched: Quiet, scene: Scene) -> None:
        self._ticket, self._quiet, self._watched, self._scene = ticket, quiet, watched, scene

    def held(self, items: Iterable[Item]) -> Iterator[Item]:
        """The lines, each as it stands or held. Of the steps that one silence holds at one place the first is told:
        after it the latest alone is made.
        """
        seen: set[tuple[str, Silence]] = set()
        for each in items:
            item = self._held(self._accounted(each))
            if item.silence is None:
                yield item
            elif (item.effect.key, item.silence) not in seen:
                seen.add((item.effect.key, item.silence))
                yield item

    def _held(self, item: Item) -> Item:
        """A line as it stands, or held, where something keeps it quiet at the moment at which it would go out."""
        if item.status not in {"owed", "next"}:
            return item
        effect, rules = item.effect, self._scene.rules
        rule, moment, zone = rules.by_id[effect.rule], max(self._scene.now, effect.due), rules.defaults.timezone
        silence = self._of(effect).at(rule, moment, effect.hours, muted=not effect.key.startswith(LOUD))
        if silence is not None:
            return Item("held", effect, silence.until, silence.why(zone), silence=silence)
        would = self._of(effect).watched(rule, moment)
        return item if would is None else replace(item, note=f"would be {would.why(zone)}")

    def _accounted(self, item: Item) -> Item:
        """What a flood would hold, or be counted as, and is owed since a silence ended."""
        world, effect = self._scene.world, item.effect
        if world.explained or effect.sort != "standing" or (item.status != "owed" and item.reason != FLOOD):
            return item
        rule = self._scene.rules.by_id[effect.rule]
        if not self._touched(self._of(effect).lifted(rule, self._scene.now, world.grace)):
            return item
        return replace(item, status="owed", at=effect.due, reason="", lifted=True)

    def _touched(self, silences: tuple[Silence, ...]) -> bool:
        """Whether the ticket was made, changed or commented by somebody in one of these times."""
        world, ticket = self._scene.world, self._ticket
        made = [change.at for change in ticket.history if not by_us(change.by, world)]
        made += [c.at for c in ticket.comments if c.at is not None and not by_us(c.by, world)]
        return any(silence.covers(at) for silence in silences for at in (ticket.created, *made))

    def _of(self, effect: Effect) -> Quiet:
        return self._watched if effect.watched else self._quiet
