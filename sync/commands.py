"""What people ask for through a messenger, as an edit or an act on the ticket in that person's name.

Each command reads the ticket, writes once, and answers with a sentence for the person alone. The ticket's places
change because the ticket did: the caller looks at it afterwards. A click that is delivered twice is one act.

    sync.wording   a text in words becomes a command         sync.verbs     what each verb comes to
    sync.forms     what is asked for where it lacks something    sync.answers   what is only asked, and changes nothing
    sync.persons   who asks, and whom they name              sync.permits   who may do what
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.errors import Missing, Refused
from connectors.model import Command, Edit, Value
from connectors.problems import nearest
from rules.facts import Facts
from rules.language import ASKING
from rules.text import inert
from sync import answers, rung
from sync import log as ticket_log
from sync.answers import VERBS
from sync.asked import Asked, Shown, Sorry, Wish
from sync.folding import short
from sync.forms import form
from sync.ledger import WARN_AT, Act, Entry, Ledger, Unreadable
from sync.log import LOG_KEY
from sync.look import Engine
from sync.permits import may, sees, who_may
from sync.persons import asker, display, sentence
from sync.plan import shown
from sync.rows import known_as
from sync.verbs import wish
from sync.wording import understood

LONGEST_SUMMARY = 250
KEPT_WHOLE = timedelta(hours=1)
"""So long an act is kept whole when another one follows; only for as long as its ticket's ledger is not nearly full."""
_READ_ONLY: Mapping[str, Callable[[Asked], str]] = {
    "status": answers.status,
    "next": answers.coming,
    "why": answers.why,
}


def carry_out(command: Command, engine: Engine) -> str:
    """Carry out a command and answer with a sentence for the person. Raises Temporary and Denied of the tracker."""
    try:
        command = understood(command, engine.rules)
        if command.verb in {"declare", "mine"} or (command.verb == "help" and not command.ref):
            return placeless(command, engine)[0]
        return _carry_out(command, engine)
    except Sorry as sorry:
        return str(sorry)
    except Unreadable as error:
        return f"This ticket is left alone, since its ledger cannot be used: {error}"
    except Missing:
        return no_ticket(command.ref)
    except Refused as error:
        return f"The tracker refused: {error}"


def becomes(command: Command, engine: Engine) -> Shown | None:
    """What becomes of the message that was clicked, after its command: what the look that follows will make of it.

    None where that is nothing, and for whoever may not do what they clicked. A command that did nothing, as it was done
    already, still shows how things are: its message was out of date. Raises connectors.errors.
    """
    if command.verb in ASKING:
        return None
    try:
        who, plan = asker(command, engine), engine.plan(command.ref)
    except (Sorry, Unreadable):
        return None
    if not done(command, plan.ledger):
        facts = Facts(plan.ticket, engine.rules, plan.now)
        seen = engine.tracker.covers(plan.ticket) and sees(who, plan.ticket, engine.rules, plan.now)
        if command.args or not seen or not may(command.verb, who, facts, plan.now):
            return None
    return answers.becomes(command, plan)


def done(command: Command, ledger: Ledger) -> bool:
    """Whether a command was carried out, by what the ledger says; one that has no id is never known again."""
    names = {command.id, known_as(command.id)}  # the first format kept the messenger's own
    known = (*(act.id for act in ledger.acts), *ledger.dropped)
    return bool(command.id) and any(ident.partition("#")[0] in names for ident in known)


def placeless(command: Command, engine: Engine) -> tuple[str, str]:
    """Carry out a command that is about no ticket: the answer, and the ref of a ticket that it made, if any.

    Raises Temporary and Denied of the tracker.
    """
    try:
        who = asker(command, engine)
        if command.verb == "mine":
            return answers.mine(who, engine), ""
        if command.verb == "help":
            return answers.help_of(who, None, engine), ""
        return _declare(command, who, engine)
    except Sorry as sorry:
        return str(sorry), ""
    except Refused as error:
        return f"The tracker refused: {error}", ""


def no_ticket(said: str) -> str:
    """The answer where there is no such ticket, or none that may be known."""
    return f"There is no ticket {inert(said)}, or Pointman may not see it." if said else "Which ticket? Name its key."


def _carry_out(command: Command, engine: Engine) -> str:
    who = asker(command, engine)  # first, so that a stranger learns of no ticket whether it is there
    ticket = engine.tracker.get(command.ref) if command.ref else None
    if ticket is None or not engine.tracker.covers(ticket):  # our rights are not the person's
        raise Missing(f"{command.ref} is out of scope")
    try:
        ledger = engine.memory.completed(Ledger.loads(ticket.ledger, ticket.ref))
    except Unreadable:
        if not sees(who, ticket, engine.rules, engine.clock()):
            raise Missing(f"{ticket.key} is closed to {who}") from None
        raise
    asked = Asked(command, ticket, ledger, engine, who, engine.clock())
    if not sees(who, asked.told, engine.rules, asked.now):
        raise Missing(f"{ticket.key} is closed to {who}")
    if command.verb == "help":
        return answers.help_of(who, asked.facts, engine)
    if command.verb in _READ_ONLY:
        return _READ_ONLY[command.verb](asked)
    if done(command, ledger):
        return "That was done already."
    if not may(command.verb, who, asked.facts, asked.now):
        said = f"Only {who_may(command.verb, asked.facts, asked.now)} may {command.verb} {ticket.key}."
        if (line := rung.unheard(asked, said)) is not None:
            _write(asked, Wish("", comment=engine.logged(ticket, [line], None)), engine)
        raise Sorry(said)
    wanted = wish(asked)
    _write(asked, wanted, engine)
    return wanted.answer


def _write(asked: Asked, wanted: Wish, engine: Engine) -> None:
    """One write of words, acts and log; a transition cannot carry the ledger, so its act is written first.

    A comment of the person's own takes the place of the log: one write carries one comment, and it says enough.
    """
    ledger, ticket = asked.ledger, asked.ticket
    for act in wanted.acts:
        ledger = _with(ledger, act)
    comment = wanted.comment
    if comment is None:
        lines = [ticket_log.act_line(act, asked.rules, asked.now) for act in wanted.acts]
        entry = ledger.entries.get(LOG_KEY) or Entry()
        comment = engine.logged(ticket, lines, None)
        ledger = ledger.with_entry(LOG_KEY, Entry(asked.now, None, entry.sum or "0", entry.ref))
    ledger = ledger.trimmed(ledger.entries)
    edit = Edit(wanted.fields, comment)
    engine.memory.wrote(ticket.ref, edit)  # before, since its echo may overtake the answer
    try:
        engine.tracker.write(ticket.ref, edit, ledger.dumps())
    except Refused as error:
        if {"phase", "hold"} & error.fields.keys():  # each may be a transition, made after the act was written
            _take_back(asked, wanted, str(error), engine)
        raise
    engine.memory.asked(ticket.ref, tuple(act for act in ledger.acts if act not in asked.ledger.acts))


def _with(ledger: Ledger, act: Act) -> Ledger:
    """The ledger with one more act. What only the log needs of an act is kept until it must have been told, where
    there is room for it.
    """
    kept = replace(ledger, acts=tuple(short(one) if one.at < act.at - KEPT_WHOLE else one for one in ledger.acts))
    whole = kept.with_act(act)
    return whole if whole.size() <= WARN_AT else kept.with_act(short(act))


def _take_back(asked: Asked, wanted: Wish, said: str, engine: Engine) -> None:
    """Say on the ticket that a transition was refused, whose act may be written already."""
    ticket = engine.tracker.get(asked.ticket.ref)
    ledger = Ledger.loads(ticket.ledger, ticket.ref)
    left = tuple(act for act in ledger.acts if act.id not in {done.id for done in wanted.acts})
    if left == ledger.acts:
        return
    line = f"{shown(asked.now, asked.rules, asked.now)} could not {asked.command.verb} it: {inert(said)}"
    comment = engine.logged(ticket, [line], None)
    engine.tracker.write(ticket.ref, Edit(comment=comment), replace(ledger, acts=left).dumps())


# ---- a new incident


def _declare(command: Command, who: str, engine: Engine) -> tuple[str, str]:
    """Make a ticket, once however often the command is delivered, and say on it who declared it."""
    now, rules = engine.clock(), engine.rules
    facts = Facts(answers.any_ticket(now), rules, now)
    if not may("declare", who, facts, now):
        raise Sorry(f"Only {who_may('declare', facts, now)} may declare an incident.")
    words = _words(command, who, engine)
    key = f"declared-{_ident(command, who, engine)}"
    ref = engine.tracker.find(key)
    again = ref is not None
    if ref is None:
        ref = engine.tracker.create(Edit(words), key)
    ticket = engine.tracker.get(ref)
    link = f"[{inert(ticket.key)}]({ticket.url})" if ticket.url else inert(ticket.key)
    if again:
        return f"That is declared already: {link}.", ref
    return f"{link} is declared: {inert(ticket.summary)}.", ref


def _ident(command: Command, who: str, engine: Engine) -> str:
    """What this wish is known by when it comes again; a label of some trackers, so of few characters."""
    said = command.id or f"{round(engine.clock().timestamp() * 1000)}-{who}"
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in said)[:80]


def _words(command: Command, who: str, engine: Engine) -> dict[str, Value]:
    """What the new ticket says. Raises Sorry where it lacks something, or names what does not exist."""
    rules = engine.rules
    given = {name: value.strip() for name, value in command.args.items() if value.strip()}
    summary = " ".join(given.get("summary", "").split())[:LONGEST_SUMMARY]
    if not summary:
        raise Sorry("declare needs to know: summary")
    by = display(who, rules)
    words: dict[str, Value] = {
        "summary": summary,
        "description": f"Declared by {by} through Pointman, from {inert(command.source)}.",
    }
    known = {"severity": rules.scales.get("severity", ()), "service": tuple(rules.services)}
    for word, options in known.items():
        said = given.get(word, "")
        found = next((option for option in options if option.casefold() == said.casefold()), None)
        if said and found is None:
            hint = sentence(nearest(said, options)) or f"There are {', '.join(options) or 'none'}."
            raise Sorry(f"There is no {word} {inert(said)}. {hint}")
        if found is not None:
            words[word] = found
    return words


__all__ = ["VERBS", "Sorry", "becomes", "carry_out", "form", "no_ticket", "placeless", "understood"]
