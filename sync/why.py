"""Why things are as they are for one ticket: every rule with its verdict, and what became of what it wants.

The verdict is the rules' (`rules.explain`), what became of it the plan's; each line of the plan stands under the rule
that it comes from. For a past moment both are worked out from the ticket as it was and from what the ledger still
tells of that time: an entry keeps its latest moment only, so where something was done again later, whether it had
been done by then is not known, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from connectors.errors import ConnectorError
from connectors.model import Ticket
from rules.decision import World
from rules.explain import Explanation, Upshot, explain, reasons, upshot_line
from rules.model import RuleSet
from rules.text import inert
from rules.text import shown as moment_shown
from sync import home
from sync.ledger import Entry, Ledger, Unreadable
from sync.look import Engine
from sync.plan import TOO_OLD, Item, Plan, make_plan, with_acts
from sync.upshots import upshot

log = structlog.get_logger()

ROOM = 10_000
"""Characters of an answer in a messenger, each line counted with what its markup takes there."""
MARKUP = 120
AHEAD = "that moment has not come: this is how it stands now, and `pointman plan` says what comes next"


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that is told of a ticket at a moment. `left` are the wishes that the plan does not carry out.

    `notes` concern the whole of it; `others` are lines of the plan that come from no rule of today's.
    """

    ticket: Ticket
    at: datetime
    past: bool
    rules: RuleSet
    explanations: tuple[Explanation, ...]
    left: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[Upshot, ...] = ()


def explained(engine: Engine, key: str, at: datetime | None) -> Explained:
    """Read a ticket and explain it, now or at a past moment. Raises the tracker's errors, and Unreadable."""
    ticket = engine.tracker.get(key)
    ledger = engine.memory.completed(Ledger.loads(ticket.ledger, ticket.ref))
    hear(engine)
    now = engine.clock()
    if at is None or at >= now:
        told = _told(ticket, ledger, engine, now, past=False)
        return told if at is None or at == now else replace(told, notes=(AHEAD, *told.notes))
    return _told(ticket, ledger, engine, at, past=True)


def planned(engine: Engine, key: str) -> Plan:
    """The plan of a ticket as a running process would have it. Raises the tracker's errors, and Unreadable."""
    hear(engine)
    return engine.plan(key)


def hear(engine: Engine) -> None:
    """Hear what was released, in a process that has not visited its home ticket yet; what cannot be read is logged."""
    if not engine.site.home or engine.released is not None:
        return
    try:
        home.hear(engine)
    except (ConnectorError, Unreadable) as error:
        log.warning("what was released is not known", said=str(error))


def _told(ticket: Ticket, ledger: Ledger, engine: Engine, now: datetime, *, past: bool) -> Explained:
    world, rules = engine.world(ticket, ledger), engine.rules
    unsure = _Unsure(ticket, ledger, now if past else None)
    if past:
        ticket, ledger = ticket.at(now), as_of(ledger, now)
        world = replace(world, explained=True, holding=False, reloaded=None)
    plan = make_plan(ticket, ledger, rules, world, now)
    told = with_acts(ticket, ledger)
    known = World(engine.memory.loads, world.me, defaults=world.defaults)
    about = plan.facts.ticket if plan.facts is not None else None
    live = explain(told, rules, known, now, about)
    shadow = explain(told, rules, known, now, plan.watched)  # watched rules see what watched rules would have done
    verdicts = (w if one.rule.mode == "watch" else one for one, w in zip(live, shadow, strict=True))
    upshots = _upshots(plan, engine, unsure)
    explanations = tuple(one.with_upshots(upshots.pop(one.rule.id, ())) for one in verdicts)
    others = tuple(upshot for left in upshots.values() for upshot in left)
    notes = tuple(_notes(ticket, plan, rules, past=past))
    return Explained(told, now, past, rules, explanations, plan.of("not", "held"), notes, others)


def _notes(ticket: Ticket, plan: Plan, rules: RuleSet, *, past: bool) -> Iterator[str]:
    if past and plan.now < ticket.created:
        yield "it did not exist yet"
    if plan.silent:
        yield f"nothing is done: {plan.silent}"
    if past:
        yield "rules, people and schedules are today's; what was held or out of reach then is not known"
    known = ticket.complete_since
    if known is not None and known > ticket.created:
        since = moment_shown(known, rules.defaults.timezone, plan.now)
        yield f"its history can be read back to {since} only: what was before is unknown"


# ---- what became of it


def _upshots(plan: Plan, engine: Engine, unsure: _Unsure) -> dict[str, list[Upshot]]:
    """By rule, what became of what it wants: each line of the plan, and news that had become too old."""
    found: dict[str, list[Upshot]] = {}
    for item in plan.items:
        rule = _rule_of(item.effect.key) if item.effect.sort == "retire" else item.effect.rule
        found.setdefault(engine.rules.renamed.get(rule, rule), []).append(unsure.checked(item, _upshot(item, engine)))
    for key, entry in plan.ledger.entries.items():
        if entry.stale:
            told = Upshot("stale", _stale(entry), "`pointman sweep --late` tells them", entry.stale[-1].until)
            rule = _rule_of(key)
            found.setdefault(engine.rules.renamed.get(rule, rule), []).append(told)
    return found


def _rule_of(key: str) -> str:
    """The id of the rule in a ledger's key: `notify:card>place:incidents@slack`."""
    return key.partition(":")[2].partition(">")[0]


def _stale(entry: Entry) -> str:
    count = sum(stretch.count for stretch in entry.stale)
    return f"{count} too old to be told"


def _upshot(item: Item, engine: Engine) -> Upshot:
    what, why = item.effect.what, item.reason
    if item.status == "not" and why == TOO_OLD:
        return Upshot("stale", what, why)
    if item.status == "owed":
        return _owed(item, engine)
    return upshot(item)


def _owed(item: Item, engine: Engine) -> Upshot:
    """What is owed goes out now, unless its product is left alone for a while."""
    effect, now = item.effect, engine.clock()
    trouble = engine.manners.gate.trouble(effect.product, effect.address)
    opens = engine.manners.gate.opens(effect.product, effect.address, now)
    if trouble is not None and opens > now:
        return Upshot("held", effect.what, f"{effect.product} has trouble: {trouble.said}", opens)
    return Upshot("now", effect.what, item.note)


# ---- as it was


def as_of(ledger: Ledger, at: datetime) -> Ledger:
    """What a ledger tells of an earlier moment: acts, and entries whose latest moment is not after it."""
    acts = tuple(act for act in ledger.acts if act.at <= at)
    entries = {key: entry for key, known in ledger.entries.items() if (entry := _entry_at(known, at)) is not None}
    return Ledger(ledger.ref, entries, acts)


def _entry_at(entry: Entry, at: datetime) -> Entry | None:
    claim = entry.claim if entry.claim is not None and entry.claim.first <= at else None
    failure = entry.failure if entry.failure is not None and entry.failure.at <= at else None
    stale = tuple(stretch for stretch in entry.stale if stretch.until <= at)
    if entry.at is not None and entry.at <= at:
        return replace(entry, claim=claim, failure=failure, stale=stale)
    kept = Entry(claim=claim, failure=failure, stale=stale)
    return None if kept == Entry() else kept


class _Unsure:
    """What is not known of a past moment (None: nothing is past), since an entry keeps its latest moment only."""

    def __init__(self, ticket: Ticket, ledger: Ledger, at: datetime | None) -> None:
        self._at = at
        known = ticket.complete_since
        self._dark = at is not None and known is not None and at < known
        self._later = {k: e.at for k, e in ledger.entries.items() if at is not None and e.at is not None and e.at > at}
        changed = {change.field for change in ticket.history if at is not None and change.at <= at}
        self._untouched = {f"field:{word}" for word in ticket.fields if word not in changed}

    def checked(self, item: Item, upshot: Upshot) -> Upshot:
        """The upshot, or that it is unknown."""
        if self._dark:
            return Upshot("unknown", upshot.what, "the history cannot be read so far back")
        again = self._later.get(item.effect.key)
        if again is None or item.status not in {"owed", "not"} or item.effect.key in self._untouched:
            return upshot  # what nobody had changed, we had not written either
        return Upshot("unknown", upshot.what, "it was done later; whether by then, too, is not kept", again)


# ---- for a messenger


def markdown(told: Explained) -> str:
    """The explanation for a person in a messenger: a line for each rule, its upshots below, cut to what fits there."""
    zone, ticket = told.rules.defaults.timezone, told.ticket
    then = f" at {moment_shown(told.at, zone)}" if told.past else ""
    head = [f"**{inert(ticket.key)}** {inert(_line(ticket.summary))}{then}: {ticket.phase}", ""]
    head += [f"{inert(note.capitalize())}." for note in told.notes]
    lines, room, left = [*head, ""], ROOM - sum(len(line) + MARKUP for line in head), 0
    for one in sorted(told.explanations, key=_interest):
        block = _block(one, told)
        cost = sum(len(line) + MARKUP for line in block)
        if cost > room:
            left += 1
            continue
        lines += block
        room -= cost
    if left:
        lines += ["", f"{left} more: `pointman explain {inert(ticket.key)}` tells them all."]
    return "\n".join(lines)


def _interest(one: Explanation) -> int:
    """Those that spoke first, then what was hidden or unknown, then the others."""
    return {"fired": 0, "muted": 0, "shadowed": 1, "unknown": 1, "closed": 1, "did not": 2}.get(one.verdict, 3)


def _block(one: Explanation, told: Explained) -> list[str]:
    zone, now = told.rules.defaults.timezone, told.at
    notes = reasons(one, zone, now)
    said = f"- **{inert(one.rule.id)}** ({one.rule.kind}) {inert(one.said)}"
    first = f"{said}: {inert('; '.join(notes))}" if notes else said
    return [first, *(f"  - {inert(upshot_line(upshot, zone, now))}" for upshot in one.upshots)]


def _line(text: str) -> str:
    return " ".join(text.split())
