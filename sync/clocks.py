"""What comes of a clock: people warned when its steps are due, and a field of the ticket that says how it stands.

Warnings are calls like any other (`sync.calls`): a clock gives their moments, and nothing else is remembered of it. So
a goal that is changed moves what is to come, and what was told already is told again only where its new moment is
later. The field is a field like any other (`sync.fields`): it belongs to whoever wrote into it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final

from connectors.model import Ticket
from rules.clock import Clock, tightest
from rules.decide import Decision
from rules.model import Objective, RuleSet
from rules.quiet import LONGEST
from sync.calls import Moment, Series
from sync.effects import Scene, digest, standard
from sync.items import Item
from sync.ledger import Ledger

AHEAD: Final = (
    "**{{ key }}** {{ summary }}: {{ clock }} runs out at {{ rto_until }}"
    "{% if late %}, and it is expected to last until {{ eta }}{% endif %}. {{ url }}"
)
OVER: Final = "**{{ key }}** {{ summary }}: {{ clock }} ran out at {{ rto_until }}. {{ url }}"
STILL: Final = "**{{ key }}** {{ summary }}: {{ clock }} stands still since {{ paused }}. {{ url }}"
POINT: Final = (
    "**{{ key }}** {{ summary }}: {{ clock }} is {{ band }}: the last recovery point is {{ since }}, "
    "the trouble was detected {{ detected }}. {{ url }}"
)

_TICK = timedelta(milliseconds=1)
ENDS_WITH_IT: Final = frozenset({"restored", "acknowledged"})
"""What has come when a ticket is resolved."""


def warnings(decision: Decision, rule: Objective, clock: Clock, scene: Scene) -> Series:
    """Every step that the clock has come to or will come to as things are."""
    moments = tuple(Moment(due, due, number, step.to, step.text) for due, number, step in clock.dues())
    words = {"clock": clock.label, "band": clock.band, "late": clock.late, "paused": clock.paused}
    point = rule.goal == "rpo"
    unless = "" if point else clock.end
    text = standard(POINT if point else _text(clock))
    return Series(decision, moments, text, rule.buttons, unless, words, verb="tell" if point else "warn")


def _text(clock: Clock) -> str:
    if clock.band == "breached":
        return OVER
    return AHEAD if clock.paused is None else STILL


def blind(clocks: Iterable[Clock], key: str) -> dict[str, str]:
    """What an administrator should know of a ticket, by topic: a clock that cannot be read warns nobody."""
    unread = [f"{one.label} ({one.unknown})" for one in clocks if one.unknown and one.rule.goal != "rpo"]
    return {"clocks": f"{key}: nobody is warned by {', '.join(unread)}"} if unread else {}


def reaching(rules: RuleSet, since: datetime, now: datetime) -> datetime:
    """How far back tickets have to be listed so that no clock is forgotten that runs on when its ticket is over."""
    live = (rule for rule in rules.of("objective") if isinstance(rule, Objective) and rule.mode != "off")
    return min([since, *(now - _longest(rule) for rule in live if rule.stop not in ENDS_WITH_IT)])


def _longest(rule: Objective) -> timedelta:
    """How long after its start a clock may still have something to say, as far as any list reaches back."""
    if rule.pause is not None or rule.calendar is not None or rule.within is None:
        return LONGEST
    return min(LONGEST, rule.within + max((step.after or timedelta(0) for step in rule.steps), default=timedelta(0)))


# ---- how it stands, on the ticket


@dataclass(frozen=True, slots=True)
class Line:
    """What a field says of the clocks that are written into it, as a decision; and what it says next, from `turns` on.

    Without `turns` only an event will change it. `earlier` are the digests of what it said until it came to say this by
    itself: who finds one of these finds nothing that no event accounts for.
    """

    decision: Decision
    turns: datetime | None = None
    then: str = ""
    earlier: frozenset[str] = frozenset()

    def next(self, item: Item) -> Item:
        """The line of a plan for what the field says next; `item` is the one for what it says now."""
        due = self.turns or item.effect.due
        what = f"{self.decision.field} = {self.then}"
        effect = replace(item.effect, what=what, value=self.then, digest=digest(self.then), due=due, mark=due)
        return Item("next", effect, due)


def told(
    clocks: Iterable[Clock], ticket: Ticket, ledger: Ledger, rules: RuleSet, decided: Collection[str]
) -> tuple[Line, ...]:
    """Every field that says how clocks stand, or has nothing to say any more; what a rule `decided` is its own."""
    found = tuple(clocks)
    said = (*_lines(found, rules.defaults.timezone), *_left(found, ticket, ledger, rules))
    return tuple(line for line in said if f"field:{line.decision.field}" not in decided)


def _lines(clocks: Iterable[Clock], zone: tzinfo) -> tuple[Line, ...]:
    """Each field that clocks are written into, with the tightest of them; what is watched is by itself."""
    fields: dict[tuple[bool, str], list[Clock]] = {}
    for clock in clocks:
        if clock.rule.field is not None:
            fields.setdefault((clock.rule.mode == "watch", clock.rule.field), []).append(clock)
    return tuple(_line(several, field, zone) for (_, field), several in fields.items())


def _left(clocks: Iterable[Clock], ticket: Ticket, ledger: Ledger, rules: RuleSet) -> Iterator[Line]:
    """Each field that says of a clock how it stands, and has none any more: it is emptied."""
    said = {clock.rule.field for clock in clocks}
    for rule in rules.of("objective"):
        if not isinstance(rule, Objective) or rule.field is None or rule.field in said or rule.mode != "on":
            continue
        said.add(rule.field)
        standing, entry = ticket.fields.get(rule.field), ledger.entries.get(f"field:{rule.field}")
        if standing and entry is not None and entry.sum == digest(standing):
            yield Line(Decision(rule, ticket.created, ("it has no clock now",), rule.field))


def _line(several: list[Clock], field: str, zone: tzinfo) -> Line:
    first = tightest(several)
    why = (first.rule.name or first.rule.id,)
    decision = Decision(first.rule, first.begun, why, field, _said(several, zone), clock=first)
    turned = {at - _TICK for clock in several for at in clock.turned()}
    earlier = frozenset(digest(_said([clock.at(moment) for clock in several], zone)) for moment in turned)
    turns = min(filter(None, (clock.turns() for clock in several)), default=None)
    then = _said([clock.at(turns) for clock in several], zone) if turns is not None else ""
    return Line(decision, turns, then, earlier)


def _said(several: Sequence[Clock], zone: tzinfo) -> str:
    """How the tightest stands, for a field; dated from its beginning, so that midnight changes nothing."""
    clock = tightest(several)
    return f"{clock.name}: {clock.said(zone)}"
