"""What is only asked, and changes nothing: how a ticket stands, what happens next, why, what is mine, what I may do.

Also what becomes of a message whose button was clicked: what the plan owes it after the click.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

from connectors.model import Command, Ticket
from rules.cadence import asked as standing
from rules.facts import Facts, Who
from rules.model import RuleSet
from rules.text import inert
from sync import log as ticket_log
from sync.acts import with_acts
from sync.asked import Asked, Shown, Sorry
from sync.config import moment
from sync.ledger import Entry, Ledger, Unreadable
from sync.look import Engine
from sync.permits import may, permitted, sees
from sync.plan import Plan
from sync.why import explained, markdown

NAMED: Final = 5
"""So many tickets are named where it is asked which is meant."""
MOST: Final = 20
"""So many tickets are listed."""
HELP: Final = "Write one of these, with the ticket's key. What is missing is asked for."
VERBS: Final[Mapping[str, str]] = {
    "acknowledge": "I have seen this and take care of it",
    "unacknowledge": "nobody is on it: call people again",
    "confirm": "I am still on it",
    "take": "assign it to me",
    "assign": "assign it to somebody",
    "escalate": "call the next people now",
    "raise": "one level more severe",
    "lower": "one level less severe",
    "severity": "set its severity",
    "update": "post an update",
    "comment": "add to its timeline",
    "hold": "put it on hold",
    "resume": "it goes on",
    "eta": "say when it will be done",
    "cadence": "how often updates go out, until it is resolved",
    "skip": "leave out the next update, or with `step` the next call",
    "pause": "for a while nothing happens by itself",
    "snooze": "remind me later of the next update",
    "override": "give a clock another goal, and say why",
    "claim": "take a role",
    "handover": "hand a role to somebody",
    "resolve": "it is resolved",
    "declare": "declare a new incident",
    "mine": "list my open tickets",
    "status": "how it stands and what happens next",
    "next": "what happens next",
    "why": "why each rule spoke or did not",
    "help": "what I may do",
}
"""What can be asked for, and what each does."""


def status(asked: Asked) -> str:
    """How a ticket stands and what happens next, in a few lines."""
    plan = asked.engine.plan(asked.ticket.ref)
    facts = Facts(plan.ticket, asked.rules, asked.now)
    who: object = facts["assignee"] or "nobody yet"
    level = facts["severity"] or "not classified"
    held = ", on hold" if facts["hold"] is True else ""
    head = f"{asked.ticket.key} {inert(asked.ticket.summary)}: {level}, {asked.ticket.phase}{held}, {inert(who)}"
    roles = (
        f"{inert(asked.rules.roles[role])}: {inert(facts[role])}"
        for role in asked.rules.roles
        if isinstance(facts[role], Who)
    )
    wishes = map(inert, standing(plan.ticket.history, asked.now, asked.rules.defaults.timezone))
    clocks = (inert(clock.line(asked.rules.defaults.timezone, asked.now)) for clock in plan.clocks)
    coming = ticket_log.next_lines(plan, asked.rules)
    return "\n".join((head, *(f"• {line}" for line in (*clocks, *roles, *wishes, *coming))))


def coming(asked: Asked) -> str:
    """What happens next by itself, if nobody does anything."""
    plan = asked.engine.plan(asked.ticket.ref)
    lines = ticket_log.next_lines(plan, asked.rules)
    if not lines:
        return f"Nothing happens to {asked.ticket.key} by itself; a change of it is looked at when it happens."
    return "\n".join((f"What happens next to {asked.ticket.key}:", *(f"• {line}" for line in lines)))


def why(asked: Asked) -> str:
    """Why each rule spoke for a ticket or did not, now or at the moment that was named."""
    said = asked.given("at")
    try:
        at = moment(said) if said else None
    except ValueError as error:
        raise Sorry(f"{inert(error)}.") from None
    return markdown(explained(asked.engine, asked.ticket.ref, at))


def mine(who: str, engine: Engine) -> str:
    """The open tickets that somebody has or plays a part in, the worst first."""
    rules = engine.rules
    levels = rules.scales.get("severity", ())
    found: list[tuple[int, str]] = []
    for ticket, facts in _open(who, engine):
        parts = [inert(rules.roles[role]) for role in rules.roles if _is(facts[role], who)]
        parts = ["assigned to you", *parts] if _is(facts["assignee"], who) else parts
        if parts:
            level = facts["severity"] if facts["severity"] in levels else None
            head, how = f"{linked(ticket)} {inert(ticket.summary)}", f"{level or 'not classified'}, {ticket.phase}"
            line = f"• {head}: {how} ({', '.join(parts)})"
            found.append((-levels.index(level) if level else 1, line))
    if not found:
        return "No open ticket is yours."
    lines = [line for _, line in sorted(found)]
    more = [f"… and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return "\n".join((*lines[:MOST], *more))


def worst(who: str, engine: Engine) -> tuple[Ticket, ...]:
    """The most severe open tickets that somebody may see, the newest first; of the first page alone, to be quick."""
    levels = engine.rules.scales.get("severity", ())

    def rank(found: tuple[Ticket, Facts]) -> tuple[int, datetime]:
        level = found[1]["severity"]
        return levels.index(level) if level in levels else -1, found[0].created

    ranked = sorted(_open(who, engine, pages=1), key=rank, reverse=True)
    return tuple(ticket for ticket, _ in ranked[:NAMED])


def seen(who: str, ticket: Ticket, engine: Engine) -> bool:
    """Whether somebody may see a ticket, by what it says and what was asked of it."""
    try:
        told = with_acts(ticket, Ledger.loads(ticket.ledger, ticket.ref))
    except Unreadable:
        told = ticket
    return sees(who, told, engine.rules, engine.clock())


def linked(ticket: Ticket) -> str:
    """A ticket's key, which leads to it."""
    return f"[{inert(ticket.key)}]({ticket.url})" if ticket.url else inert(ticket.key)


def _open(who: str, engine: Engine, pages: int | None = None) -> Iterator[tuple[Ticket, Facts]]:
    """The open tickets in scope that this person may see, each with its words; of so many pages of the tracker's."""
    now = engine.clock()
    for page in islice(engine.tracker.open(now), pages):
        for ticket in page:
            if ticket.phase not in {"new", "active"} or not engine.tracker.covers(ticket):
                continue
            try:
                told = with_acts(ticket, Ledger.loads(ticket.ledger, ticket.ref))
            except Unreadable:
                told = ticket
            if sees(who, told, engine.rules, now):
                yield told, Facts(told, engine.rules, now)


def _is(value: object, who: str) -> bool:
    return isinstance(value, Who) and value == who


def help_of(who: str, facts: Facts | None, engine: Engine) -> str:
    """What somebody may do, to the ticket of these words where they asked about one, each verb with an example."""
    rules, now = engine.rules, engine.clock()
    known = facts or Facts(any_ticket(now), rules, now)
    lines = []
    for verb, does in VERBS.items():
        if verb in {"claim", "handover"} and not rules.roles:
            continue
        allowed = may(verb, who, known, now)
        if allowed or facts is None:  # who may often depends on the ticket
            only = "" if allowed else f" (only {', '.join(map(str, permitted(verb, rules) or ()))})"
            lines.append(f"• `{example(verb, known.ticket.key, rules)}`: {does}{only}")
    return "\n".join((HELP, *lines))


def becomes(command: Command, plan: Plan) -> Shown | None:
    """What a plan is about to make of the message that was clicked: an edit of it, or it is retired. None: neither.

    One that is retired already should have no buttons, so it is shown without.
    """
    ledger = plan.ledger
    for effect in plan.owed:
        entry = ledger.get(effect.key, effect.was)
        if entry is None or entry.claim is not None or not _clicked(command, entry):
            continue
        if effect.sort == "retire" or (effect.sort == "standing" and effect.product == command.source):
            return Shown(effect.thing)
    there = [entry for entry in ledger.entries.values() if _clicked(command, entry)]
    return Shown() if there and all(entry.retired for entry in there) else None


def _clicked(command: Command, entry: Entry) -> bool:
    return entry.ref == command.clicked and entry.to.partition(":")[0] == command.source


def example(verb: str, key: str, rules: RuleSet) -> str:
    """How a verb is written."""
    role = next(iter(rules.roles), "poc")
    level = next(iter(reversed(rules.scales.get("severity", ()))), "high")
    more = {
        "assign": "maria", "severity": level, "update": "Failover is done.", "comment": "Logs are attached.",
        "hold": "waiting for the vendor", "eta": "15:30", "cadence": "15m", "pause": "30m",
        "override": "rto 6h because the vendor is slow", "claim": role, "handover": f"{role} maria",
    }  # fmt: skip
    if verb in {"mine", "help"}:
        return verb
    return "declare Checkout is down" if verb == "declare" else f"{verb} {key} {more.get(verb, '')}".strip()


def any_ticket(now: datetime) -> Ticket:
    """No ticket in particular."""
    return Ticket("", "OPS-42", "", now, now)
