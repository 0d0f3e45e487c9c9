"""What people ask for through a messenger, as an edit or an act on the ticket in that person's name.

Each command reads the ticket, writes once, and answers with a sentence for the person alone. The ticket's places
change because the ticket did: the caller looks at it afterwards. A click that is delivered twice is one act.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.base import Messenger
from connectors.errors import ConnectorError, Missing, Refused
from connectors.model import Command, Edit, Form, Question, Ticket, User, Value
from rules.directory import people, person_of, user_of
from rules.events import acknowledged_at
from rules.facts import Facts
from rules.model import RuleSet
from rules.text import inert
from sync import log as ticket_log
from sync.config import moment
from sync.ledger import Act, Entry, Ledger, Unreadable
from sync.log import LOG_KEY
from sync.look import Engine
from sync.plan import shown, with_acts
from sync.why import explained, markdown

VERBS: Mapping[str, str] = {
    "acknowledge": "I have seen this and take care of it",
    "unacknowledge": "nobody is on it: call people again",
    "take": "assign it to me",
    "assign": "assign it to somebody",
    "severity": "set its severity",
    "resolve": "it is resolved",
    "update": "post an update",
    "status": "how it stands and what happens next",
    "why": "why each rule spoke or did not",
}
LONGEST_UPDATE = 4_000


class Sorry(Exception):  # an answer for the person, no fault of ours
    """Why a command was not carried out, as a sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command together with what it is about."""

    command: Command
    ticket: Ticket
    ledger: Ledger
    rules: RuleSet
    who: str
    now: datetime

    def arg(self, name: str) -> str:
        value = self.command.args.get(name, "").strip()
        if not value:
            raise Sorry(f"{self.command.verb} needs to know: {name}")
        return value


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to write for a command: words, acts, a public text, and the answer."""

    answer: str
    fields: Mapping[str, Value]
    acts: tuple[Act, ...] = ()


def carry_out(command: Command, engine: Engine) -> str:
    """Carry out a command and answer with a sentence for the person. Raises Temporary and Denied of the tracker."""
    try:
        return _carry_out(command, engine)
    except Sorry as sorry:
        return str(sorry)
    except Unreadable as error:
        return f"This ticket is left alone, since its ledger cannot be used: {error}"
    except Missing:
        return f"There is no ticket {command.ref}, or Pointman may not see it."
    except Refused as error:
        return f"The tracker refused: {error}"


def form(command: Command, rules: RuleSet) -> Form | None:
    """What to ask a person for who asked with a button, where their command needs to know more."""
    levels = rules.scales.get("severity", ())
    questions = {
        "update": Question("text", "What should everybody know?", "text"),
        "assign": Question("person", "Who should have it?", "person"),
        "severity": Question("level", "How severe is it?", "choice", levels),
    }
    question = questions.get(command.verb)
    if question is None or command.args.get(question.name, "").strip():
        return None
    return Form(VERBS[command.verb].capitalize(), (question,))


def _carry_out(command: Command, engine: Engine) -> str:
    if command.verb not in VERBS:
        raise Sorry(f"Pointman does not know {command.verb}; it knows {', '.join(VERBS)}.")
    ticket = engine.tracker.get(command.ref)
    if not engine.tracker.covers(ticket):  # our rights are not the person's
        raise Missing(f"{ticket.key} is out of scope")
    stored = Ledger.loads(ticket.ledger, ticket.ref)
    ledger = engine.memory.completed(stored)
    now = engine.clock()
    who = _person(command, engine)
    asked = _Asked(command, ticket, ledger, engine.rules, who, now)
    if command.verb == "status":
        return status(asked, engine)
    if command.verb == "why":
        return why(asked, engine)
    if command.id and any(act.id.partition("#")[0] == command.id for act in ledger.acts):
        return "That was done already."
    _allowed(asked)
    wish = _wish(asked, engine)
    _write(asked, wish, engine)
    return wish.answer


def _person(command: Command, engine: Engine) -> str:
    """The person's key in `[people]`. Raises Sorry for people we do not know, saying how they are added."""
    try:
        known = _known(command.by, command.source, engine)
    except ConnectorError as error:
        raise Sorry(f"Pointman could not find out who you are: {error}") from None
    if known is None:
        raise Sorry(
            f"Pointman does not know you. An administrator adds you to [people]: "
            f'{command.by.name or "you"} = {{ {command.source} = "{command.by.id}" }}'
        )
    return known


def _known(user: User, source: str, engine: Engine) -> str | None:
    """The key of a messenger's user, looked up there by address where the id alone does not tell."""
    known, sink = person_of(user, source, engine.rules), engine.sinks.get(source)
    if known is None and isinstance(sink, Messenger):
        known = person_of(sink.who(user), source, engine.rules)
    return known


def _named(said: str, asked: _Asked, engine: Engine) -> str:
    """Whom somebody names: by key, or by the id that a form of the messenger gives. Raises Sorry."""
    if said in asked.rules.people:
        return said
    try:
        known = _known(User(said), asked.command.source, engine)
    except ConnectorError:  # a name that somebody typed is no id there
        known = None
    if known is None:
        raise Sorry(f"There is nobody called {said} in [people].")
    return known


def _allowed(asked: _Asked) -> None:
    may = asked.rules.permissions.get(asked.command.verb)
    if may is None:
        return
    facts = Facts(with_acts(asked.ticket, asked.ledger), asked.rules, asked.now)
    if asked.who not in people(may, facts, asked.rules, asked.now):
        raise Sorry(f"Only {', '.join(map(str, may))} may {asked.command.verb} this ticket.")


def _wish(asked: _Asked, engine: Engine) -> _Wish:
    verb, ticket, key = asked.command.verb, asked.ticket, asked.ticket.key
    done = _act(asked, verb)
    if verb in {"acknowledge", "unacknowledge"}:
        return _acknowledged(asked, done)
    if verb == "take":
        return _assigned(asked, asked.who, f"{key} is yours.")
    if verb == "assign":
        name = _named(asked.arg("person"), asked, engine)
        return _assigned(asked, name, f"{key} is assigned to {name}.")
    if verb == "severity":
        return _severity(asked)
    if verb == "resolve":
        if ticket.phase in {"resolved", "closed"}:
            raise Sorry(f"{key} is {ticket.phase} already.")
        return _Wish(f"You resolved {key}.", {"phase": "resolved"}, (_act(asked, "set", phase="resolved"),))
    text = asked.arg("text")[:LONGEST_UPDATE]
    return _Wish(f"Your update is on {key}.", {}, (_act(asked, "update", text=text),))


def _acknowledged(asked: _Asked, act: Act) -> _Wish:
    key, since = asked.ticket.key, acknowledged_at(with_acts(asked.ticket, asked.ledger))
    if act.verb == "acknowledge":
        if isinstance(since, datetime):
            raise Sorry(f"{key} is acknowledged already, since {shown(since, asked.rules, asked.now)}.")
        return _Wish(f"You acknowledged {key}.", {}, (act,))
    if since is None:
        raise Sorry(f"{key} is not acknowledged.")
    return _Wish(f"{key} counts as not acknowledged again.", {}, (act,))


def _assigned(asked: _Asked, person: str, answer: str) -> _Wish:
    user = user_of(person, asked.ticket.source, asked.rules)
    acts = (_act(asked, "set", assignee=person), _act(asked, "acknowledge", "#2"))
    return _Wish(answer, {"assignee": user}, acts if person == asked.who else acts[:1])


def _severity(asked: _Asked) -> _Wish:
    level, levels = asked.arg("level"), asked.rules.scales.get("severity", ())
    if level not in levels:
        raise Sorry(f"There is no severity {level}; there are {', '.join(levels)}.")
    return _Wish(f"{asked.ticket.key} is {level} now.", {"severity": level}, (_act(asked, "set", severity=level),))


def _act(asked: _Asked, verb: str, suffix: str = "", /, **args: str) -> Act:
    ident = asked.command.id or f"{round(asked.now.timestamp() * 1000)}.{asked.who}.{asked.command.verb}"
    return Act(ident + suffix, asked.now, asked.who, verb, args)


def _write(asked: _Asked, wish: _Wish, engine: Engine) -> None:
    """One write of words, acts and log; a transition cannot carry the ledger, so its act is written first."""
    ledger, ticket = asked.ledger, asked.ticket
    for act in wish.acts:
        kept = act if act.verb != "update" else Act(act.id, act.at, act.by, act.verb, {"text": act.args["text"][:80]})
        ledger = ledger.with_act(kept)
    lines = [ticket_log.act_line(act, asked.rules, asked.now) for act in wish.acts]
    entry = ledger.entries.get(LOG_KEY) or Entry()
    standing = ticket_log.find(ticket, engine.tracker.me())
    coming = ticket_log.carried(standing)
    comment = ticket_log.write(standing, lines, coming)
    ledger = ledger.with_entry(LOG_KEY, Entry(asked.now, None, entry.sum or "0", entry.ref))
    ledger = ledger.trimmed(ledger.entries)
    edit = Edit(wish.fields, comment)
    engine.memory.wrote(ticket.ref, edit)  # before, since its echo may overtake the answer
    try:
        engine.tracker.write(ticket.ref, edit, ledger.dumps())
    except Refused as error:
        if "phase" in error.fields:
            _take_back(asked, wish, str(error), engine)
        raise
    engine.memory.asked(ticket.ref, tuple(act for act in ledger.acts if act not in asked.ledger.acts))


def _take_back(asked: _Asked, wish: _Wish, said: str, engine: Engine) -> None:
    """Say on the ticket that a transition was refused, whose act may be written already."""
    ticket = engine.tracker.get(asked.ticket.ref)
    ledger = Ledger.loads(ticket.ledger, ticket.ref)
    left = tuple(act for act in ledger.acts if act.id not in {done.id for done in wish.acts})
    if left == ledger.acts:
        return
    standing = ticket_log.find(ticket, engine.tracker.me())
    line = f"{shown(asked.now, asked.rules, asked.now)} could not {asked.command.verb} it: {inert(said)}"
    comment = ticket_log.write(standing, [line], ticket_log.carried(standing))
    engine.tracker.write(ticket.ref, Edit(comment=comment), replace(ledger, acts=left).dumps())


def status(asked: _Asked, engine: Engine) -> str:
    """How a ticket stands and what happens next, in a few lines."""
    plan = engine.plan(asked.ticket.ref)
    facts = Facts(plan.ticket, asked.rules, asked.now)
    who: object = facts["assignee"] or "nobody yet"
    level = facts["severity"] or "not classified"
    head = f"{asked.ticket.key} {inert(asked.ticket.summary)}: {level}, {asked.ticket.phase}, {inert(who)}"
    return "\n".join((head, *(f"• {line}" for line in ticket_log.next_lines(plan, asked.rules))))


def why(asked: _Asked, engine: Engine) -> str:
    """Why each rule spoke for a ticket or did not, now or at the moment that was named. Nothing is changed."""
    said = asked.command.args.get("at", "").strip()
    try:
        at = moment(said) if said else None
    except ValueError as error:
        raise Sorry(f"{inert(error)}.") from None
    return markdown(explained(engine, asked.ticket.ref, at))
