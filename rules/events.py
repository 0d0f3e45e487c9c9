"""What happened to a ticket, read from its history: the events that a rule with `on` tells, and the acknowledgement.

An event is nothing that is received; it is found again at each look, so none can be missed. One change may be several
events: a severity that went up is `raised` and `changed:severity`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from connectors.model import Change, Ticket, User, Value
from rules.clock import GOAL, OWN
from rules.logic import UNKNOWN, Unknown
from rules.model import Objective, RuleSet
from rules.text import shown

OPEN = frozenset({"new", "active"})
KINDS = (
    "created", "commented", "raised", "lowered", "acknowledged", "assigned", "hold", "resumed", "resolved", "reopened",
    "closed",
)  # fmt: skip
LONGEST_QUOTE = 300
HELD: Final = "put on hold"
CONFIRMED: Final = "confirmed"
"""The word of the change by which somebody says that they are still on it."""
OURSELVES: Final = User("(ourselves)", "Pointman")
"""Whoever makes a change that nobody asked us for and that only the ledger knows: we, because nobody answered."""
PLANNED: Final = "planned"
"""The id of a change that is about to be made, and stands in no history yet."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment; `text` says it in a few words."""

    kind: str
    at: datetime
    by: User | None = None
    field: str = ""
    before: Value = None
    after: Value = None
    text: str = ""


def about_to_have(ticket: Ticket, wish: Mapping[str, Value], now: datetime, me: User | None) -> Ticket:
    """The ticket as it is about to be. What is about to happen is in its history, and is no event yet."""
    made = ticket.having(wish, now, me)
    planned = (replace(change, id=PLANNED) for change in made.history[len(ticket.history) :])
    return replace(made, history=(*ticket.history, *planned))


def had_since(ticket: Ticket, wish: Mapping[str, Value], since: datetime, me: User | None) -> Ticket:
    """The ticket as if this had been written then; no later change is of the same word."""
    made = ticket.having(wish, since, me)
    return replace(made, history=tuple(sorted(made.history, key=lambda change: change.at)))


def events(
    ticket: Ticket, rules: RuleSet, me: User | None = None, defaults: Mapping[str, Value] = MappingProxyType({})
) -> tuple[Event, ...]:
    """Everything that happened, oldest first. Comments by `me`, our own account, are no events.

    Nor is what is only planned: the tracker dates it when it is written, so told before it would be told again. What
    the tracker itself wrote into a new ticket (`defaults`) is nobody's choice: who chooses first raises nothing.
    """
    chosen: set[str] = set()
    found = [Event("created", ticket.created, ticket.reporter, text=f"created{_by(ticket.reporter)}")]
    acknowledged = acknowledged_after_each(ticket)
    for made, before, after in zip(ticket.history, acknowledged, acknowledged[1:], strict=False):
        by = _named(made.by, rules)
        change = made if by is made.by else replace(made, by=by)
        if after is not None and before is None:
            found.append(Event("acknowledged", change.at, change.by, text=f"acknowledged{_by(change.by)}"))
        found.extend(_of(_first(change, chosen, defaults), rules) if change.id != PLANNED else ())
        chosen.add(change.field)
    for comment in ticket.comments:
        if comment.at is not None and (me is None or comment.by != me):
            by = _named(comment.by, rules)
            said = f"{by or 'somebody'} commented: {comment.text[:LONGEST_QUOTE]}"
            found.append(Event("commented", comment.at, by, text=said))
    return tuple(sorted(found, key=lambda event: event.at))


def with_reasons(told: Iterable[Event]) -> Iterator[Event]:
    """The same, each hold with its reason as one event: `put on hold (Waiting) by Maria`. For people inside."""
    several = tuple(told)
    held = {event.at for event in several if event.kind == "hold"}
    reasons = {event.at: event.after for event in several if event.field == "hold_reason" and event.at in held}
    for event in several:
        if event.kind == "hold" and reasons.get(event.at):
            yield replace(event, text=f"{HELD} ({reasons[event.at]}){event.text.removeprefix(HELD)}")
        elif event.field != "hold_reason" or event.at not in held:
            yield event


def acknowledged_at(ticket: Ticket) -> datetime | Unknown | None:
    """Since when somebody takes care of it: the latest of act, leaving `new` and reopening decides.

    None: nobody does. UNKNOWN: it had left `new` before the history begins that we can read.
    """
    return acknowledged_after_each(ticket)[-1]


def acknowledged_after_each(ticket: Ticket) -> list[datetime | Unknown | None]:
    """The same before the first change that is known, and after each."""
    found = [_acknowledged_before(ticket)]
    for change in ticket.history:
        found.append(_acknowledged_after(change, found[-1]))
    return found


def acknowledged_by(ticket: Ticket) -> Value:
    """Who takes care of it: whoever acknowledged it, said later that they are still on it, or was assigned after that.

    Where that is not known it is whoever has it. None: nobody takes care of it.
    """
    acknowledged, who = acknowledged_after_each(ticket), None
    for change, before, after in zip(ticket.history, acknowledged, acknowledged[1:], strict=False):
        if after is None:
            who = None
        elif change.field == "assignee" and before is not None:
            who = change.after
        elif before is None or change.field in {"acknowledged", CONFIRMED}:
            who = change.by
    return (who or ticket.fields.get("assignee")) if acknowledged[-1] is not None else None


def _acknowledged_before(ticket: Ticket) -> datetime | Unknown | None:
    """The same before the first change that is known."""
    first = next((change.before for change in ticket.history if change.field == "phase"), ticket.phase)
    if first == "new":
        return None
    whole = ticket.complete_since is None or ticket.complete_since <= ticket.created
    return ticket.created if whole else UNKNOWN


def _acknowledged_after(change: Change, before: datetime | Unknown | None) -> datetime | Unknown | None:
    """Since when it is acknowledged after this change, if it was since `before`."""
    if change.field == "acknowledged":
        return change.at if change.after is not None else None
    if change.field != "phase":
        return before
    if change.before not in OPEN and change.after in OPEN:
        return None
    if change.before == "new" and change.after != "new":
        return before or change.at
    return before


def _first(change: Change, chosen: Collection[str], defaults: Mapping[str, Value]) -> Change:
    """The same change; the first of a word that held what the tracker wrote into it comes from nothing."""
    unchosen = change.field not in chosen and change.field in defaults and change.before == defaults[change.field]
    return replace(change, before=None) if unchosen else change


def _named(by: User | None, rules: RuleSet) -> User | None:
    """Whoever asked something of us as people call them, and not by their key."""
    if by is None or by.id or by.email or by.name not in rules.people:
        return by
    return replace(by, name=str(rules.people[by.name]))


def _of(change: Change, rules: RuleSet) -> Iterator[Event]:
    """The events of one change."""
    for kind, text in _said(change, rules):
        yield Event(kind, change.at, change.by, change.field, change.before, change.after, text + _by(change.by))
    text = f"{change.field.replace('_', ' ')} is {_spoken(change.after, rules, change.at)}{_by(change.by)}"
    if change.field == CONFIRMED:
        text = f"{change.by} is still on it"
    if change.field == "acknowledged" and change.after is None:
        text = f"counts as not acknowledged again{_by(change.by)}"
        text = "nobody answered, so it counts as not acknowledged again" if change.by == OURSELVES else text
    if change.field.startswith(GOAL):
        text = _goal(change, rules)
    if change.field in rules.roles:
        text = _played(change, rules)
    yield Event(f"changed:{change.field}", change.at, change.by, change.field, change.before, change.after, text)


def _said(change: Change, rules: RuleSet) -> Iterator[tuple[str, str]]:
    before, after = change.before, change.after
    if change.field == "severity":
        levels = rules.scales.get("severity", ())
        if before in levels and after in levels and before != after:
            up = levels.index(str(after)) > levels.index(str(before))
            yield ("raised" if up else "lowered"), f"{'raised' if up else 'lowered'} from {before} to {after}"
    elif change.field == "assignee" and after is not None:
        yield "assigned", f"assigned to {after}"
    elif change.field == "hold":
        yield ("hold", HELD) if after else ("resumed", "resumed")
    elif change.field == "phase":
        if before in OPEN and after not in OPEN:
            yield "resolved", "resolved"
        if before not in OPEN and after in OPEN:
            yield "reopened", "reopened"
        if after == "closed":
            yield "closed", "closed"


def _by(user: User | None) -> str:
    return f" by {user}" if user is not None and str(user) else ""


def _goal(change: Change, rules: RuleSet) -> str:
    """What a person made of a clock's goal."""
    name = change.field.removeprefix(GOAL)
    rule = rules.by_id.get(rules.renamed.get(name, name))
    called = rule.called if isinstance(rule, Objective) else name
    own = change.after in (None, OWN)
    return f"{called} is {'what its rule says again' if own else f'{change.after} now'}{_by(change.by)}"


def _played(change: Change, rules: RuleSet) -> str:
    """Who plays a part from now on; by whom, where that is somebody else."""
    role = str(rules.roles[change.field])
    if change.after is None:
        return f"nobody is {role}{_by(change.by)}"
    who = str(rules.people.get(str(change.after), change.after))
    named = _by(change.by) if change.by is not None and str(change.by) != who else ""
    return f"{who} is {role}{', named' if named else ''}{named}"


def _spoken(value: Value, rules: RuleSet, now: datetime) -> str:
    if value is None or value == "":
        return "empty"
    if isinstance(value, datetime):
        return shown(value, rules.defaults.timezone, now)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
