"""Puts claimed effects where they belong, and says for each how it went. It decides nothing and writes no ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from connectors.base import Messenger, Sink
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import Channel, Found, Message, Topic
from sync.crowd import WITHIN, Crowd
from sync.effects import LONG_AGO, Effect, digest
from sync.gate import Gate
from sync.items import gathered
from sync.ledger import CALLS, Entry, Ledger, Outcome

log = structlog.get_logger()

Sinks = Mapping[str, Sink[Message]]


@dataclass(frozen=True, slots=True)
class Manners:
    """How to behave towards products: whom to leave alone, and when calls become a list."""

    gate: Gate
    crowd: Crowd


STANDING = ("notify:", "channel:", "watch.notify:", "watch.field:", "watch.channel:")
"""The kinds of keys whose thing is one and the same for ever: it is changed in place, and found by its key alone.

Where it cannot be changed it is made again when there is something worth telling; then its moment, which is that of
the one before, tells them apart.
"""

CHANNEL = "channel:"
"""The kind of keys whose thing is a channel: it is opened once, however often that is asked."""

UPDATES = ("update:", "watch.update:")
"""The kinds of keys of calls that never have buttons."""


def begun(key: str, since: datetime) -> datetime:
    """From when on a thing is looked for that was made since then: a list it joined may be ten minutes older."""
    return since - WITHIN if key.startswith(CALLS) else since


def token(ref: str, key: str, moment: datetime) -> str:
    """What a thing is found by: of the ticket and the key, and for calls and news of the moment they are about."""
    once = key.startswith(STANDING) and moment == LONG_AGO
    return digest(ref, key, "" if once else round(moment.timestamp() * 1000))


class Performer:
    """Performs the effects of one look. `expired` says that the look has grown too old to send anything more.

    `about` is the ticket that is looked at; whoever is outside learns no more of it than the text says.
    """

    def __init__(
        self,
        sinks: Sinks,
        manners: Manners,
        clock: Callable[[], datetime],
        expired: Callable[[], bool],
        about: Topic | None = None,
    ) -> None:
        self.sinks, self.clock, self.expired, self.about = sinks, clock, expired, about
        self.gate, self.crowd = manners.gate, manners.crowd

    def perform(self, effects: Iterable[Effect], ledger: Ledger) -> Iterator[Outcome]:
        """Do these effects, whose claims stand in `ledger`; one outcome for each key. Raises nothing of a product's."""
        refs: dict[str, str] = {}
        for group in together(effects):
            if self.expired():
                yield from (Outcome(effect.key, open=True) for effect in group)
                continue
            now = self.clock()
            if self.gate.opens(group[0].product, group[0].address, now) > now:  # shut by the one before
                yield from (Outcome(effect.key) for effect in group)
                continue
            for outcome in self._put(group, ledger, refs):
                if outcome.done:
                    refs[outcome.key] = outcome.ref
                yield outcome

    def _put(self, group: tuple[Effect, ...], ledger: Ledger, refs: Mapping[str, str]) -> Iterator[Outcome]:
        first = group[0]
        sink = self.sinks[first.product]
        opened: list[str] = []
        try:
            if first.room is not None:
                ref = self._room(sink, first.room, first, ledger, opened)
            else:
                ref = self._one(sink, group, ledger, refs)
        except Temporary as error:
            if error.alone:
                self.gate.shut_alone(first.product, first.address, self.clock(), str(error), error.retry_after)
            else:
                self.gate.shut(first.product, self.clock(), str(error), retry_after=error.retry_after)
            log.warning("put failed for now", key=first.key, what=first.what, said=str(error), in_doubt=error.in_doubt)
            doubt = error.in_doubt and not opened
            yield from (Outcome(effect.key, "".join(opened), open=doubt) for effect in group)
        except Denied as error:
            self.gate.shut(first.product, self.clock(), str(error), retry_after=60, denied=True)
            log.warning("put denied", key=first.key, said=str(error))
            yield from (Outcome(effect.key, "".join(opened)) for effect in group)
        except (Missing, Refused) as error:
            log.warning("put refused", key=first.key, said=str(error))
            gone = isinstance(error, Missing) and not opened
            yield from (Outcome(effect.key, "".join(opened), failure=str(error), gone=gone) for effect in group)
        else:
            for effect in group:
                why = "; ".join(effect.why)
                log.info("effect done", key=effect.key, sort=effect.sort, what=effect.what, why=why, ref=ref)
                yield Outcome(effect.key, ref=ref, done=True)

    def _room(self, sink: Sink[Message], room: Channel, effect: Effect, ledger: Ledger, opened: list[str]) -> str:
        """Open a channel where it is not, and bring it up to date; its ref. `opened` holds that as soon as it is known:
        what of it cannot be arranged is told, and does not take it away.
        """
        if not isinstance(sink, Messenger):
            raise Refused(f"could not {effect.what}: {sink.name} has no channels")
        entry = ledger.entries[effect.key]
        opened.append(entry.ref or sink.open(room, token(ledger.ref, effect.key, _moment(effect, ledger))))
        sink.arrange(opened[0], room)
        self.gate.used(effect.product, effect.address, self.clock(), sink.pace * 0)
        return opened[0]

    def _one(self, sink: Sink[Message], group: tuple[Effect, ...], ledger: Ledger, refs: Mapping[str, str]) -> str:
        first, entry = group[0], ledger.entries[group[0].key]
        if first.sort == "retire":
            sink.retire(first.address, first.ref)
            return first.ref
        keys = " ".join(token(ledger.ref, effect.key, _moment(effect, ledger)) for effect in group)
        thing = self._thing(group, ledger, refs)
        ref = self._standing(sink, group, ledger) if first.sort == "standing" else ""
        if first.sort == "call" and first.watched:
            ref = entry.ref if sink.editable and not entry.retired else ""
        if first.sort == "call" and not first.watched and not first.restricted:
            made = self.crowd.call(sink, first.address, thing, keys, self.clock())
        else:
            made = sink.put(first.address, thing, ref or None, keys)
        self.gate.used(first.product, first.address, self.clock(), sink.pace * 0 if ref else sink.pace)
        if first.sort == "call":
            for earlier in _followed({effect.key for effect in group}, ledger) - {"", made}:
                self._outdate(sink, first.address, earlier)
        return made

    def _standing(self, sink: Sink[Message], group: tuple[Effect, ...], ledger: Ledger) -> str:
        """The ref of what is to be changed, empty to make it. What went missing is looked for before it is made again:
        the place may have been away, and not what stands there.
        """
        if not sink.editable:
            return ""
        entries = [(effect, entry) for effect in group if _same_product(entry := ledger.entries[effect.key], effect)]
        ref = next((entry.ref for _, entry in entries if entry.ref), "")
        made = next((effect for effect, entry in entries if entry.at is not None), None)
        if ref or made is None or not sink.searchable:
            return ref
        answer = sink.find(made.address, token(ledger.ref, made.key, _moment(made, ledger)), made.due)
        return answer.ref if isinstance(answer, Found) else ""

    def _outdate(self, sink: Sink[Message], address: str, ref: str) -> None:
        """Take the buttons off the call that this one follows; the call itself is done, whatever comes of this."""
        try:
            sink.retire(address, ref)
        except ConnectorError as error:
            log.info("an earlier call keeps its buttons", ref=ref, said=str(error))

    def _thing(self, group: tuple[Effect, ...], ledger: Ledger, refs: Mapping[str, str]) -> Message:
        first = group[0]
        if first.thing is None:
            raise AssertionError(f"{first.key} has nothing to put")
        texts = dict.fromkeys((first.heading,) if first.heading else ())
        texts |= dict.fromkeys(effect.thing.text for effect in group if effect.thing is not None)
        about = self.about
        if about is not None and (first.external or first.restricted):
            about = Topic(about.ref) if first.external else replace(about, summary="")
        offered = (button for effect in group if effect.thing is not None for button in effect.thing.buttons)
        thing = replace(first.thing, text="\n\n".join(texts), about=about, buttons=tuple(dict.fromkeys(offered)))
        claim = ledger.entries[first.key].claim
        if claim is not None and claim.repeat:
            thing = replace(thing, text=f"{thing.text}\n\n(You may have received this before.)")
        card = ledger.entries.get(first.under) if first.under else None
        under = refs.get(first.under) or (card.ref if card is not None else "")
        if first.sort == "standing" and not self.sinks[first.product].editable:  # told again, after what it told before
            before = ledger.entries[first.key]
            under = before.ref if _same_product(before, first) else ""
        return replace(thing, under=under) if under else thing


def hushed(sink: Sink[Message], address: str, ref: str) -> bool:
    """End a call of which nobody knows whether it came; False where that is worth another try."""
    try:
        sink.retire(address, ref)
    except ConnectorError as error:
        log.warning("what may ring could not be ended", ref=ref, said=str(error))
        return isinstance(error, (Missing, Refused))
    return True


def together(effects: Iterable[Effect]) -> Iterator[tuple[Effect, ...]]:
    """What is one message as one group, at the place of the first; everything else alone, in order."""
    groups: dict[object, list[Effect]] = {}
    for effect in effects:
        groups.setdefault(gathered(effect), []).append(effect)
    return (tuple(group) for group in groups.values())


def _followed(keys: set[str], ledger: Ledger) -> set[str]:
    """The refs of the calls that these keys made last, but for those that still stand for other keys as well."""
    standing = {key: entry.ref for key, entry in ledger.entries.items() if not entry.retired}
    buttoned = {key for key in keys if not key.startswith(UPDATES)}
    return {ref for key, ref in standing.items() if key in buttoned} - {
        ref for key, ref in standing.items() if key not in keys
    }


def _same_product(entry: Entry, effect: Effect) -> bool:
    """Whether what stands there can be changed or replied to where the effect goes now."""
    return not entry.at or entry.to.partition(":")[0] == effect.product


def _moment(effect: Effect, ledger: Ledger) -> datetime:
    claim = ledger.entries[effect.key].claim
    return claim.moment if claim is not None else effect.moment
