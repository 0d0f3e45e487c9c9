"""What people ask of a ticket's timers: another cadence, to leave something out, to pause, to be reminded later.

Each is an act that ends by itself: a cadence when the ticket is resolved, a pause and a snooze at their moment, what
is left out when it would have come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from rules import duration
from rules.cadence import NORMAL, STEP, UPDATE, paced
from rules.quiet import paused
from rules.text import inert
from sync.asked import Asked, Sorry, Wish
from sync.items import Item, Plan
from sync.ledger import Act
from sync.moments import moment, span
from sync.permits import may, who_may
from sync.persons import sentence
from sync.plan import make_plan, shown

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=7)
LONGEST_PAUSE: Final = timedelta(hours=24)
LIKELY_PAUSE: Final = timedelta(hours=12)
"""Who names a time of day that is farther off has more likely mistaken the time than meant tomorrow's."""
CLOCK: Final = re.compile(r"(?:(?:until|till|at) +)?(\d{1,2}(?:[:.h]\d{2})?(?: ?(?:am|pm))?)", re.IGNORECASE)
LATER: Final = timedelta(minutes=5)
"""When somebody is reminded again who does not say when; sooner where the update is."""
_STEPS: Final = frozenset({"step", "call", "ladder", "escalation", "the step", "next step", "the next step"})


def cadence(asked: Asked) -> Wish:
    """How often updates go out, until the ticket is resolved; or as their rules say again."""
    key, said = asked.ticket.key, asked.arg("every")
    standing = paced(asked.told.history, asked.now)
    if said.casefold() in {NORMAL, "default", "off", "none"}:
        if standing is None:
            raise Sorry(f"Updates of {key} go out as their rules say already.")
        return Wish(f"Updates of {key} go out as their rules say.", acts=(asked.act("cadence", {"every": NORMAL}),))
    every = span(said)
    if every is None or not SHORTEST <= every <= LONGEST:
        raise Sorry(f"{inert(said)} is no cadence; write it as 15m, as 1h30m, or as {NORMAL}.")
    wanted = duration.show(every)
    if standing is not None and standing.after == wanted:
        raise Sorry(f"Updates of {key} go out every {wanted} already.")
    act = asked.act("cadence", {"every": wanted})
    following = _first(_planned(asked, act), UPDATE)
    if following is None:
        raise Sorry(f"No rule sends updates of {key}.")
    then = f", the next {_by(asked, following.at)}" if following.at is not None else ""
    return Wish(f"Updates of {key} go out every {wanted} until it is resolved{then}.", acts=(act,))


def _by(asked: Asked, at: datetime) -> str:
    return f"by {shown(at, asked.rules, asked.now)}" if at > asked.now else "now"


def skip(asked: Asked) -> Wish:
    """The next update is left out, or the next step of the ladder."""
    what = STEP if asked.given("what").casefold() in _STEPS else UPDATE
    kind = "escalate" if what == STEP else UPDATE
    if (
        what == STEP
        and "skip" not in asked.rules.permissions
        and not may("acknowledge", asked.who, asked.facts, asked.now)
    ):
        raise Sorry(f"Only {who_may('acknowledge', asked.facts, asked.now)} may skip a step of {asked.ticket.key}.")
    before = _planned(asked)
    gone = _first(before, kind)
    if gone is None:
        other = f"; `skip step {asked.ticket.key}` leaves out the next call" if what == UPDATE else ""
        raise Sorry(f"Nothing is to come of {asked.ticket.key} that could be skipped{other}.")
    until = {} if what == STEP else {"until": (gone.at or gone.effect.due).isoformat()}
    act = asked.act("skip", {"what": what, **until})
    following = _first(_planned(asked, act), kind)
    several = _with(before, gone, kind) if what == UPDATE else (gone.effect.what,)
    left = f"{inert(', '.join(several))}{_at(asked, gone)} {'are' if len(several) > 1 else 'is'} skipped"
    then = (
        f"next: {inert(following.effect.what)}{_at(asked, following)}" if following is not None else "nothing follows"
    )
    return Wish(f"{asked.ticket.key}: {left}; {then}.", acts=(act,))


def pause(asked: Asked) -> Wish:
    """Nothing that is timed happens until then."""
    key = asked.ticket.key
    until = _moment(asked, asked.arg("time"))
    if until is None:
        return resumed(asked)
    clock = CLOCK.fullmatch(asked.arg("time").strip())
    if clock is not None and until - asked.now > LIKELY_PAUSE:
        far = f"{clock[1]} is more than {duration.show(LIKELY_PAUSE)} off"
        raise Sorry(f"{far}; if {key} is to be paused for so long, write it as tomorrow {clock[1]}.")
    if until - asked.now > LONGEST_PAUSE:
        raise Sorry(f"A ticket is paused for at most {duration.show(LONGEST_PAUSE)}; a [[mute]] is for longer.")
    act = asked.act("pause", {"until": until.isoformat()})
    quiet = f"Nobody is called or updated by itself for {key} until {shown(until, asked.rules, asked.now)}"
    return Wish(f"{quiet}; then what still holds goes on.", acts=(act,))


def resumed(asked: Asked) -> Wish:
    """What was paused goes on."""
    if not is_paused(asked):
        raise Sorry(f"{asked.ticket.key} is not paused.")
    return Wish(f"{asked.ticket.key} goes on.", acts=(asked.act("pause", {"until": ""}),))


def is_paused(asked: Asked) -> bool:
    """Whether somebody paused the ticket, and it still is."""
    standing = paused(asked.told.history, asked.now)
    return standing is not None and standing.covers(asked.now)


def snooze(asked: Asked) -> Wish:
    """The reminder of the next update comes again later."""
    key, following = asked.ticket.key, _first(_planned(asked), UPDATE)
    if following is None or following.at is None or following.at <= asked.now:
        raise Sorry(f"No update of {key} is to come by itself, so nobody is reminded.")
    left = following.at - asked.now
    said = asked.given("time")
    again = _moment(asked, said) if said else asked.now + min(LATER, left / 2)
    if again is None or again >= following.at:
        raise Sorry(f"The next update of {key} goes out by itself at {_clock(asked, following)}, which is before that.")
    act = asked.act("snooze", {"until": again.isoformat()})
    return Wish(f"You are reminded of {key} again at {shown(again, asked.rules, asked.now)}.", acts=(act,))


# ---- what several share


def _moment(asked: Asked, said: str) -> datetime | None:
    try:
        return moment(said, asked.rules.zone(f"person:{asked.who}"), asked.now)
    except ValueError as error:
        raise Sorry(f"{sentence(inert(error))}.") from None


def _planned(asked: Asked, *acts: Act) -> Plan:
    """The plan as it is, or as it would be with these acts."""
    ledger = asked.ledger
    for act in acts:
        ledger = ledger.with_act(act)
    return make_plan(asked.ticket, ledger, asked.rules, asked.engine.world(asked.ticket, ledger), asked.now)


def _first(plan: Plan, kind: str) -> Item | None:
    """What comes first of these calls, or is held."""
    return min(_coming(plan, kind), key=lambda item: item.effect.due, default=None)


def _coming(plan: Plan, kind: str) -> Iterator[Item]:
    return (item for item in plan.of("owed", "next", "held") if item.effect.key.startswith(f"{kind}:"))


def _with(plan: Plan, first: Item, kind: str) -> tuple[str, ...]:
    """What comes at the same moment as the first of these calls."""
    same = (item for item in _coming(plan, kind) if item.at == first.at)
    return tuple(dict.fromkeys((first.effect.what, *(item.effect.what for item in same))))


def _at(asked: Asked, item: Item) -> str:
    return f" at {_clock(asked, item)}" if item.at is not None else ""


def _clock(asked: Asked, item: Item) -> str:
    return shown(item.at, asked.rules, asked.now) if item.at is not None else ""
