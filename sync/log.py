"""The rolling comment on the ticket: what happened, why, what was said to whom, and what happens next.

It is for people; nothing is decided by what stands in it. Its own earlier lines are carried over as text, since a
comment that is edited in place has to be written whole. When it grows too long a new one is begun. Where comments
cannot be edited the log is a row of notes: each holds only what is new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from connectors.model import Comment, Ticket, User
from rules.model import RuleSet
from rules.text import inert
from sync.acts import value_of
from sync.effects import Effect, digest
from sync.ledger import Act, Ledger, Outcome
from sync.news import UNMUTED
from sync.plan import Plan, shown

LOG_KEY = "log"
"""The ledger's key of the log: when it was written, and the digest of what happens next."""
TITLE = "Pointman log"
NEXT = "What happens next"
HAPPENED = "What happened"
LONGEST = 28_000
"""Characters, below the 32,767 that Jira takes for a comment, with room for its own mark-up."""


def next_lines(plan: Plan, rules: RuleSet) -> tuple[str, ...]:
    """What happens by itself, soonest first: `10:17 call maria, unless acknowledged`."""
    coming, waiting = _coming(plan), _waiting(plan)
    lines = (f"{shown(due, rules, plan.now)} {inert(_one_line(said))}" for due, said in coming)
    return (*dict.fromkeys(lines), *dict.fromkeys(f"held: {inert(_one_line(said))}" for said in waiting))


def next_sum(plan: Plan) -> str:
    """The digest of what happens next, the same on whichever day it is read."""
    return digest(tuple(f"{due.isoformat()} {said}" for due, said in _coming(plan)), _waiting(plan))


def _coming(plan: Plan) -> tuple[tuple[datetime, str], ...]:
    coming = (item.effect for item in plan.of("next") if not item.effect.watched)
    effects = sorted(coming, key=lambda effect: (effect.due, effect.key))
    said = [(e.due, f"{e.what}, unless {e.unless}" if e.unless else e.what) for e in effects]
    ends = ((c, c.deadline) for c in plan.clocks if c.band in {"on track", "at risk"})
    said += [(at, f"{clock.label} runs out, unless {clock.end}") for clock, at in ends if at is not None]
    return tuple(sorted(said, key=lambda one: one[0])[:12])


def _waiting(plan: Plan) -> tuple[str, ...]:
    return tuple(
        f"{item.effect.what}: {item.reason}" for item in plan.of("held") if item.reason and not item.effect.watched
    )[:6]


def untold(ledger: Ledger) -> tuple[str, ...]:
    """The keys of what was done after the log was last written: a process that died had no time to tell it."""
    entry = ledger.entries.get(LOG_KEY)
    last = entry.at if entry is not None else None
    kept = ((key, said.at) for key, said in ledger.entries.items() if ":" in key and not key.startswith("watch."))
    done = ((key, at) for key, at in kept if at is not None)
    return tuple(key for key, at in done if last is None or at > last)


def told_late(plan: Plan, keys: Collection[str], rules: RuleSet) -> tuple[str, ...]:
    """The lines of what was done earlier and never told. News are over once they were told: which, nobody knows now.

    Nothing is told of what had to make room in the ledger.
    """
    effects = {item.effect.key: item.effect for item in reversed(plan.items) if item.status != "next"}
    entries = plan.ledger.entries
    names = {f"{kind}:{rule.id}": rule.name or rule.id for rule in rules for kind in ("news", UNMUTED)}
    done = [(effects[key], entries[key].at) for key in keys if key in effects and key in entries]
    over = [(key.partition(">"), entries[key].at) for key in keys if key not in effects and key in entries]
    return (
        *(effect_line(effect, Outcome(effect.key, done=True), rules, at) for effect, at in done if at is not None),
        *(
            f"{shown(at, rules, plan.now)} tell {inert(to)} ({inert(names[of])})"
            for (of, _, to), at in over
            if at and of in names
        ),
    )


def field_line(effect: Effect, rules: RuleSet, now: datetime) -> str:
    """The line of a word that we wrote."""
    return f"{shown(now, rules, now)} {inert(effect.what)} ({inert('; '.join(effect.why))})"


def effect_line(effect: Effect, outcome: Outcome, rules: RuleSet, now: datetime) -> str:
    """The line of something that went out, or was refused; what an outside audience was told stands in full."""
    why = f" ({inert('; '.join(effect.why))})" if effect.why else ""
    if outcome.failure:
        return f"{shown(now, rules, now)} could not {inert(effect.what)}: {inert(outcome.failure)}"
    said = f": “{_one_line(effect.thing.text)}”" if effect.external and effect.thing is not None else ""
    return f"{shown(now, rules, now)} {inert(effect.what)}{why}{said}"


def act_line(act: Act, rules: RuleSet, now: datetime) -> str:
    """The line of what a person asked for; who plays a part now is said in words."""
    at = shown(act.at, rules, now)
    role = next((rules.roles[word] for word in act.args if word in rules.roles), None)
    if act.verb == "set" and role is not None:
        named = "" if act.args[role.name] == act.by else f", named by {inert(act.by)}"
        return f"{at} {inert(act.args[role.name])} is {inert(role)}{named}"
    told = ((name, _said(name, value, rules, now)) for name, value in act.args.items())
    args = ", ".join(value if name == "what" else f"{name} {value}" for name, value in told)
    return f"{at} {inert(act.by)}: {inert(act.verb)}{' ' + inert(args) if args else ''}"


def _said(word: str, value: str, rules: RuleSet, now: datetime) -> str:
    """What an act says of a word, for people: a moment as they read it, and nothing as such."""
    moment = value_of(word, value)
    return shown(moment, rules, now) if isinstance(moment, datetime) else value or "(empty)"


def find(ticket: Ticket, me: User | None) -> Comment | None:
    """Our log among the ticket's comments: the newest of our own that carries its title."""
    ours = (c for c in reversed(ticket.comments) if TITLE in c.text[:40] and me is not None and c.by == me)
    return next(ours, None)


def carried(standing: Comment | None) -> tuple[str, ...]:
    """What happens next as the log says it now; the look that follows a command brings it up to date."""
    if standing is None:
        return ()
    lines = standing.text.splitlines()
    end = next((n for n, line in enumerate(lines) if _is_head(line)), 0)
    return tuple(line[2:].strip() for line in lines[:end] if line.startswith(("- ", "* ")))


def write(standing: Comment | None, lines: Iterable[str], coming: Iterable[str]) -> Comment:
    """The comment with these lines added and with what happens next; without an id where a new one is begun."""
    kept = _lines_of(standing.text) if standing is not None else []
    added = [_one_line(line) for line in lines if line]  # what has no line of its own is not carried over
    ahead = [f"- {_one_line(line)}" for line in coming] or [
        "- nothing by itself; a change of this ticket is looked at when it happens"
    ]
    fresh = standing is None or sum(map(len, kept)) + sum(map(len, added)) > LONGEST
    body = added if fresh else [*kept, *added]
    text = "\n".join(
        (f"**{TITLE}**", "", f"**{NEXT}**", "", *ahead, "", f"**{HAPPENED}**", "", *(f"- {line}" for line in body))
    )
    return Comment(text, public=False, id="" if fresh or standing is None else standing.id)


def note(lines: Iterable[str], coming: Iterable[str]) -> Comment:
    """A comment of its own with these lines, and with what happens next, where that is to be said."""
    told = [f"- {_one_line(line)}" for line in lines if line]
    ahead = [f"- {_one_line(line)}" for line in coming]
    happened = ["", *told] if told else []
    return Comment("\n".join((f"**{TITLE}**", *happened, *(("", f"**{NEXT}**", "", *ahead) if ahead else ()))))


def _lines_of(text: str) -> list[str]:
    lines = text.splitlines()
    begin = next((n for n, line in enumerate(lines) if _is_head(line)), len(lines))
    return [line[2:].strip() for line in lines[begin + 1 :] if line.startswith(("- ", "* "))]


def _is_head(line: str) -> bool:
    """Whether it is our heading: a line of what happened, or of what is to come, begins with a dash."""
    return line.strip(" *") == HAPPENED


def _one_line(text: str) -> str:
    return " ".join(text.split())
