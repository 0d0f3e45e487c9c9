"""What people asked of us, as changes of the ticket: the rules see one ticket with one history, and no ledger.

A word that the tracker has a field for was changed there by our account; such a change counts as theirs. A word that
it has none for (a role, an eta, a hold) becomes a change of its own. A comment that we wrote for somebody is theirs.
See docs/decisions/0005-acts-are-changes.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Final

from connectors.model import WORDS, Change, Comment, Ticket, User, Value
from rules.cadence import NORMAL, PACED, SKIPPED, SNOOZED, STEP
from rules.clock import GOAL
from rules.events import CONFIRMED, OURSELVES
from rules.facts import SAID
from rules.quiet import PAUSED
from sync.ledger import Act, Ledger

WRITTEN_WITHIN: Final = timedelta(minutes=1)
"""How long after a person asked for it a change still counts as theirs."""
WHOLE_SECONDS: Final = timedelta(seconds=2)
"""How far before an act its change may be dated: a tracker's clock may know no less than a second."""
ESCALATED: Final = "escalated"
"""The word of the change that brings the next step of each ladder forward."""
UNTIL: Final = "until"
"""What an act that ends at a moment calls that moment."""
_UNTIL: Final = {"pause": PAUSED, "snooze": SNOOZED}
"""Verbs that hold until a moment, and the word of the change that each is."""
THROUGH: Final = "through Pointman"
"""What stands in the first line of a comment that we wrote for somebody."""
_ATTRIBUTES: Final = frozenset(each.name for each in fields(Ticket))


def with_acts(ticket: Ticket, ledger: Ledger) -> Ticket:
    """The ticket with what people asked of us in its history."""
    if not ledger.acts:
        return ticket
    history = (*_in_their_names(ticket.history, ledger.acts), *_changes(ticket, ledger.acts))
    comments = _their_comments(ticket.comments, ledger.acts)
    return replace(ticket, history=tuple(sorted(history, key=lambda change: change.at)), comments=comments)


def kept_by_acts(word: str, ticket: Ticket) -> bool:
    """Whether a word that people set is kept in the ledger, since the tracker has no field for it."""
    return word not in ticket.fields and word not in _ATTRIBUTES and (word in SAID or word not in WORDS)


def value_of(word: str, said: str) -> Value:
    """What an act says of a word, as a value: acts are texts, and an empty one empties the word."""
    kind = "moment" if word == UNTIL else WORDS.get(word, "text")
    if kind == "flag":
        return said == "true"
    if not said:
        return None
    return datetime.fromisoformat(said) if kind == "moment" else said


def _changes(ticket: Ticket, acts: Iterable[Act]) -> Iterator[Change]:
    """The changes that only the ledger knows, each with what the word was before."""
    last: dict[str, Value] = {}
    for act in sorted(acts, key=lambda act: act.at):
        by = User("", name=act.by) if act.by else OURSELVES
        if act.verb == "set":
            for word in (word for word in act.args if kept_by_acts(word, ticket)):
                before, after = last.get(word), value_of(word, act.args[word])
                if before != after:
                    yield Change(act.at, word, before, after, by, act.id)
                last[word] = after
        else:
            yield from _change(act, by)


def _change(act: Act, by: User) -> Iterator[Change]:
    if act.verb == "acknowledge":
        yield Change(act.at, "acknowledged", None, act.at, by, act.id)
    elif act.verb == "unacknowledge":
        yield Change(act.at, "acknowledged", act.at, None, by, act.id)
    elif act.verb == "confirm":
        yield Change(act.at, CONFIRMED, None, act.at, by, act.id)
    elif act.verb == "update":
        yield Change(act.at, "update", None, act.args.get("text", ""), by, act.id)
    elif act.verb == "escalate":
        yield Change(act.at, ESCALATED, None, act.at, by, act.id)
    elif act.verb == "skip":
        moment = value_of(UNTIL, act.args.get(UNTIL, ""))
        yield Change(act.at, SKIPPED, None, STEP if act.args.get("what") == STEP else moment, by, act.id)
    elif act.verb == "cadence":
        pace = act.args.get("every", NORMAL)
        yield Change(act.at, PACED, None, None if pace == NORMAL else pace, by, act.id)
    elif act.verb == "override":
        yield Change(act.at, f"{GOAL}{act.args.get('objective', '')}", None, act.args.get("within") or None, by, act.id)
    elif act.verb in _UNTIL:
        yield Change(act.at, _UNTIL[act.verb], None, value_of(UNTIL, act.args.get(UNTIL, "")), by, act.id)


def _in_their_names(history: Iterable[Change], acts: Iterable[Act]) -> list[Change]:
    """The changes that we made for people as theirs: for each word the first to what they asked for, soon after."""
    changes = list(history)
    moments = [change.at for change in changes]
    for act in (act for act in acts if act.verb == "set"):
        soon = slice(bisect_left(moments, act.at - WHOLE_SECONDS), bisect_right(moments, act.at + WRITTEN_WITHIN))
        for word, said in act.args.items():
            wanted = value_of(word, said)
            for n in range(*soon.indices(len(changes))):
                change = changes[n]
                # people and moments are told by the tracker in its own way, perhaps rounded
                if change.field == word and (change.after == wanted or isinstance(change.after, User | datetime)):
                    changes[n] = replace(change, by=_who(act, said, change))
                    break
    return changes


def _who(act: Act, said: str, change: Change) -> User:
    """Whoever asked for it; where they named themselves, as the tracker knows them."""
    return change.after if said == act.by and isinstance(change.after, User) else User("", name=act.by)


def _their_comments(comments: tuple[Comment, ...], acts: Iterable[Act]) -> tuple[Comment, ...]:
    """The comments that we wrote for people as theirs, without the line that says so."""
    told = list(comments)
    for act in (act for act in acts if act.verb == "comment"):
        for n, comment in enumerate(told):
            head, _, text = comment.text.partition("\n")
            if THROUGH in head and comment.at is not None and _soon_after(act, comment.at):
                told[n] = replace(comment, text=text.strip(), by=User("", name=act.by))
                break
    return tuple(told)


def _soon_after(act: Act, moment: datetime) -> bool:
    return act.at - WHOLE_SECONDS <= moment <= act.at + WRITTEN_WITHIN
