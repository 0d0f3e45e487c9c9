"""What each verb comes to: the words, acts and comment to write in that person's name, and the answer.

Nothing is written here, so what a verb would do can be asked of it at any time. A word that the tracker has no field
for is kept as an act, and answered the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from connectors.model import WORDS, Comment, User, Value
from connectors.problems import nearest
from rules.cadence import UPDATE
from rules.directory import user_of
from rules.events import acknowledged_at
from rules.facts import Who
from rules.text import inert
from sync import goals, overrides, rung
from sync.acts import THROUGH, kept_by_acts, value_of
from sync.asked import Asked, Sorry, Wish
from sync.ledger import Act
from sync.moments import moment
from sync.permits import may
from sync.persons import display, known, named, sentence
from sync.plan import make_plan, shown

LONGEST_UPDATE: Final = 4_000
LONGEST_COMMENT: Final = 20_000
LONGEST_REASON: Final = 200
OVER: Final = frozenset({"resolved", "closed"})
LIVE_ONLY: Final = frozenset(
    {
        "acknowledge",
        "unacknowledge",
        "confirm",
        "take",
        "escalate",
        "hold",
        "resume",
        "eta",
        "resolve",
        "claim",
        "handover",
        "cadence",
        "skip",
        "pause",
        "snooze",
    }
)
"""What makes sense only while a ticket is neither resolved nor closed."""


def wish(asked: Asked) -> Wish:
    """What to write for a command. Raises Sorry where it cannot be."""
    key, phase = asked.ticket.key, asked.ticket.phase
    if asked.command.verb in LIVE_ONLY and phase in OVER:
        reopen = "" if asked.command.verb == "resolve" else "; reopen it in the tracker first"
        raise Sorry(f"{key} is {phase} already{reopen}.")
    return _WISHES[asked.command.verb](asked)


# ---- who takes care of it


def _acknowledge(asked: Asked) -> Wish:
    key, since = asked.ticket.key, acknowledged_at(asked.told)
    if isinstance(since, datetime):
        raise Sorry(f"{key} is acknowledged already, since {shown(since, asked.rules, asked.now)}.")
    if rung.late(asked):
        raise Sorry(f"{key} was acknowledged, and that was taken back later; acknowledge it again.")
    return Wish(f"You acknowledged {key}.", acts=(asked.act("acknowledge", rung.where(asked.command)),))


def _unacknowledge(asked: Asked) -> Wish:
    key = asked.ticket.key
    if acknowledged_at(asked.told) is None:
        raise Sorry(f"{key} is not acknowledged.")
    return Wish(f"{key} counts as not acknowledged again.", acts=(asked.act("unacknowledge"),))


def _confirm(asked: Asked) -> Wish:
    """Somebody says that they are still on it; where it counts as not acknowledged by now they acknowledge it."""
    if acknowledged_at(asked.told) is None:
        return _acknowledge(asked)
    return Wish(f"Thank you: you are still on {asked.ticket.key}.", acts=(asked.act("confirm"),))


def _take(asked: Asked) -> Wish:
    key, seen = asked.ticket.key, isinstance(acknowledged_at(asked.told), datetime)
    quiet = seen or not may("acknowledge", asked.who, asked.facts, asked.now)
    if quiet and _holds(asked, "assignee", asked.who):
        raise Sorry(f"{key} is yours already.")
    taken = _set(asked, f"{key} is yours.", {"assignee": asked.who})
    return taken if quiet else replace(taken, acts=(*taken.acts, asked.act("acknowledge", number=2)))


def _assign(asked: Asked) -> Wish:
    person = named(asked.arg("person"), asked.command, asked.engine)
    if person == asked.who:
        return _take(asked)
    key, name = asked.ticket.key, display(person, asked.rules)
    if _holds(asked, "assignee", person):
        raise Sorry(f"{key} is assigned to {name} already.")
    return _set(asked, f"{key} is assigned to {name}.", {"assignee": person})


def _escalate(asked: Asked) -> Wish:
    """The next step of each running ladder is brought forward; what that calls is what the plan would then owe."""
    act, engine, key = asked.act("escalate"), asked.engine, asked.ticket.key
    world = engine.world(asked.ticket, asked.ledger)
    before = make_plan(asked.ticket, asked.ledger, asked.rules, world, asked.now)
    after = make_plan(asked.ticket, asked.ledger.with_act(act), asked.rules, world, asked.now)
    waiting = {(effect.key, effect.moment) for effect in before.owed}
    called = (e for e in after.owed if e.sort == "call" and not e.watched)
    calls = [effect for effect in called if (effect.key, effect.moment) not in waiting]
    quiet = [item for item in after.silenced if item.effect.sort == "call" and not item.effect.watched]
    if not calls and quiet:
        raise Sorry(f"Nobody is called for {key} now: {inert(quiet[0].reason)}.")
    if not calls:
        raise Sorry(f"Nothing is left to escalate for {key}: no rule calls anybody next.")
    told = ", ".join(dict.fromkeys(inert(effect.what) for effect in calls))
    return Wish(f"{key} is escalated: {told}.", acts=(act,))


# ---- how bad it is


def _severity(asked: Asked) -> Wish:
    level, key = _level(asked, asked.arg("level")), asked.ticket.key
    if asked.facts["severity"] == level:
        raise Sorry(f"{key} is {level} already.")
    return _set(asked, f"{key} is {level} now.", {"severity": level})


def _raise(asked: Asked) -> Wish:
    return _moved(asked, 1, "higher")


def _lower(asked: Asked) -> Wish:
    return _moved(asked, -1, "lower")


def _moved(asked: Asked, by: int, direction: str) -> Wish:
    """One level up or down, or to the level that was named, where that is in the same direction."""
    levels, key, now = asked.rules.scales.get("severity", ()), asked.ticket.key, asked.facts["severity"]
    if now not in levels:
        raise Sorry(f"{key} has no severity yet: set one of {', '.join(levels)}.")
    said = asked.given("level")
    to = levels.index(_level(asked, said)) if said else levels.index(now) + by
    if not 0 <= to < len(levels) or (to - levels.index(now)) * by <= 0:
        raise Sorry(f"{key} is {now}, and there is nothing {direction}." if not said else f"{key} is {now} already.")
    return _set(asked, f"{key} is {levels[to]} now.", {"severity": levels[to]})


def _level(asked: Asked, said: str) -> str:
    levels = asked.rules.scales.get("severity", ())
    found = next((level for level in levels if level.casefold() == said.casefold()), None)
    if found is None:
        hint = sentence(nearest(said, levels))
        raise Sorry(f"There is no severity {inert(said)}; there are {', '.join(levels)}.{' ' + hint if hint else ''}")
    return found


# ---- what people should know


def _update(asked: Asked) -> Wish:
    """An update. Of a ticket that is over people are told only where a rule says so; whoever posts it hears that."""
    key, phase = asked.ticket.key, asked.ticket.phase
    act = asked.act("update", {"text": asked.arg("text")[:LONGEST_UPDATE]})
    unheard = phase in OVER and not _tells(asked, act)
    nobody = f" Nobody is told of it by itself, since {key} is {phase}." if unheard else ""
    return Wish(f"Your update is on {key}.{nobody}", acts=(act,))


def _tells(asked: Asked, act: Act) -> bool:
    """Whether any rule would tell an update."""
    ledger = asked.ledger.with_act(act)
    plan = make_plan(asked.ticket, ledger, asked.rules, asked.engine.world(asked.ticket, ledger), asked.now)
    return any(item.effect.key.startswith(f"{UPDATE}:") for item in plan.of("owed", "next", "held"))


def _comment(asked: Asked) -> Wish:
    """A comment in that person's name; a message that somebody else wrote keeps its author and its address."""
    text, name = asked.arg("text")[:LONGEST_COMMENT], display(asked.who, asked.rules)
    said = "\n\n".join(inert(part.strip()) for part in text.split("\n\n") if part.strip())
    author, link = asked.given("author"), asked.given("link")
    source = inert(asked.command.source)
    if author or link:
        where = f"[a message]({link})" if link.startswith("https://") and not set(link) & set("()<> ") else "a message"
        wrote = f"{_author(asked, author)} wrote:\n\n" if author else ""
        said = f"**{name}** {THROUGH}, {where} in {source}:\n\n{wrote}{said}"
    else:
        said = f"**{name}** {THROUGH}, from {source}:\n\n{said}"
    return Wish(f"It is on {asked.ticket.key}.", acts=(asked.act("comment"),), comment=Comment(said))


def _author(asked: Asked, said: str) -> str:
    """Who wrote a message: by their name in `[people]`, else as the messenger's form gives it."""
    ident, _, name = said.partition(" ")
    found = known(User(ident, name), asked.command.source, asked.engine)
    return display(found, asked.rules) if found is not None else inert(name or ident)


# ---- hold, and when it will be over


def _hold(asked: Asked) -> Wish:
    key, reason = asked.ticket.key, " ".join(asked.given("reason").split())[:LONGEST_REASON]
    if asked.facts["hold"] is True and str(asked.facts["hold_reason"] or "") == reason:
        raise Sorry(f"{key} is on hold already.")
    because = f": {inert(reason)}" if reason else ""
    words = {"hold": "true", **({"hold_reason": reason} if reason else {})}
    return _set(asked, f"{key} is on hold{because}.", words)


def _resume(asked: Asked) -> Wish:
    key = asked.ticket.key
    if not asked.facts["hold"]:
        if overrides.is_paused(asked):
            return overrides.resumed(asked)
        raise Sorry(f"{key} is not on hold.")
    words = {"hold": "false"}
    if isinstance(asked.facts["hold_reason"], str) and kept_by_acts("hold_reason", asked.ticket):
        words["hold_reason"] = ""
    return _set(asked, f"{key} goes on.", words)


def _eta(asked: Asked) -> Wish:
    key, zone = asked.ticket.key, asked.rules.zone(f"person:{asked.who}")
    try:
        when = moment(asked.arg("time"), zone, asked.now)
    except ValueError as error:
        raise Sorry(f"{sentence(inert(error))}.") from None
    if when is None:
        return _set(asked, f"When {key} is done is not known any more.", {"eta": ""})
    said = shown(when, asked.rules, asked.now)
    return _set(asked, f"{key} is expected to be done by {said}.", {"eta": when.isoformat()})


# ---- roles


def _claim(asked: Asked) -> Wish:
    role = _role(asked)
    title, key = inert(asked.rules.roles[role]), asked.ticket.key
    holder = asked.facts[role]
    if isinstance(holder, Who):
        if holder == asked.who:
            raise Sorry(f"You are {title} of {key} already.")
        raise Sorry(f"{inert(holder)} is {title} of {key}; that can be handed over.")
    return _set(asked, f"You are {title} of {key}.", {role: asked.who})


def _handover(asked: Asked) -> Wish:
    role, person = _role(asked), named(asked.arg("person"), asked.command, asked.engine)
    title, key, name = inert(asked.rules.roles[role]), asked.ticket.key, display(person, asked.rules)
    if _holds(asked, role, person):
        raise Sorry(f"{name} is {title} of {key} already.")
    return _set(asked, f"{name} is {title} of {key} now.", {role: person})


def _role(asked: Asked) -> str:
    roles, said = asked.rules.roles, asked.given("role").casefold()
    if not roles:
        raise Sorry("There are no roles; an administrator declares them in [roles].")
    if not said and len(roles) == 1:
        return next(iter(roles))
    found = next((name for name, role in roles.items() if said in {name.casefold(), role.title.casefold()}), None)
    if found is None:
        what = f"There is no role {inert(said)}" if said else f"{asked.command.verb} needs to know: role"
        hint = sentence(nearest(said, roles)) if said else ""
        raise Sorry(f"{what}; there are {', '.join(roles)}.{' ' + hint if hint else ''}")
    return found


def _resolve(asked: Asked) -> Wish:
    key = asked.ticket.key
    return Wish(f"You resolved {key}.", {"phase": "resolved"}, (asked.act("set", {"phase": "resolved"}),))


# ---- what several share


def _holds(asked: Asked, word: str, person: str) -> bool:
    """Whether somebody is what the word names."""
    value = asked.facts[word]
    return isinstance(value, Who) and value == person


def _set(asked: Asked, answer: str, words: Mapping[str, str]) -> Wish:
    """Set words, people by key: on the ticket those that it has a field for, and all of them as one act."""
    fields = {word: _field(asked, word, said) for word, said in words.items() if not kept_by_acts(word, asked.ticket)}
    return Wish(answer, fields, (asked.act("set", words),))


def _field(asked: Asked, word: str, said: str) -> Value:
    is_person = word in asked.rules.roles or WORDS.get(word) == "user"
    return user_of(said, asked.ticket.source, asked.rules) if is_person else value_of(word, said)


_WISHES: Mapping[str, Callable[[Asked], Wish]] = {
    "acknowledge": _acknowledge,
    "unacknowledge": _unacknowledge,
    "confirm": _confirm,
    "take": _take,
    "assign": _assign,
    "escalate": _escalate,
    "raise": _raise,
    "lower": _lower,
    "severity": _severity,
    "update": _update,
    "comment": _comment,
    "hold": _hold,
    "resume": _resume,
    "eta": _eta,
    "cadence": overrides.cadence,
    "skip": overrides.skip,
    "pause": overrides.pause,
    "snooze": overrides.snooze,
    "override": goals.override,
    "claim": _claim,
    "handover": _handover,
    "resolve": _resolve,
}
