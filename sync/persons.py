"""Who asks, and whom they name: a messenger's user, or a name as people write it, as a key of `[people]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.base import Messenger
from connectors.errors import ConnectorError
from connectors.model import Command, User
from connectors.problems import nearest
from rules.directory import person_of
from rules.model import RuleSet
from rules.text import inert
from sync.asked import Sorry
from sync.rung import known_elsewhere, stranger

if TYPE_CHECKING:
    from sync.look import Engine


def asker(command: Command, engine: Engine) -> str:
    """The key of the person who asks. Raises Sorry for people we do not know, saying how they are added."""
    unsure, known = "", known_elsewhere(command, engine)
    try:
        known = known or _known(command.by, command.source, engine)
    except ConnectorError as error:
        unsure = f"Pointman could not find out who you are: {error}"
    known = known or stranger(command, engine)
    if unsure and known is None:
        raise Sorry(unsure)
    if known is None:
        raise Sorry(
            f"Pointman does not know you. An administrator adds you to [people]: "
            f'{command.by.name or "you"} = {{ {command.source} = "{command.by.id or command.by.email}" }}'
        )
    return known


def named(said: str, command: Command, engine: Engine) -> str:
    """Whom somebody names: by key, name or address, or by the id that a form of the messenger gives. Raises Sorry."""
    rules, bare = engine.rules, said.strip().removeprefix("@").removeprefix("person:")
    if bare.casefold() in {"me", "myself"}:
        return asker(command, engine)
    called = by_name(bare, rules)
    if len(called) > 1:
        raise Sorry(f"Several people are called {inert(bare)}: {', '.join(map(inert, called))}. Write one of these.")
    found = called[0] if called else None
    if found is None:
        try:
            found = _known(User(bare), command.source, engine)
        except ConnectorError:  # a name that somebody typed is no id there
            found = None
    if found is None:
        hint = nearest(bare, {*rules.people, *(person.name for person in rules.people.values() if person.name)})
        raise Sorry(f"There is nobody called {inert(bare)} in [people].{' ' + sentence(hint) if hint else ''}")
    return found


def by_name(said: str, rules: RuleSet) -> tuple[str, ...]:
    """Everybody of this key, address or name, however it is written; where there is nobody, of this first name."""
    if said in rules.people:
        return (said,)
    wanted = said.casefold()
    for names in (_whole, _first):
        found = tuple(key for key, person in rules.people.items() if wanted in names(key, person.name, person.email))
        if found:
            return found
    return ()


def display(person: str, rules: RuleSet) -> str:
    """What people call a person, inert: the name in `[people]`, else the key."""
    return inert(rules.people[person]) if person in rules.people else inert(person)


def known(user: User, source: str, engine: Engine) -> str | None:
    """The key of a messenger's user; None where nobody in `[people]` is them, or the messenger cannot say."""
    try:
        return _known(user, source, engine)
    except ConnectorError:
        return None


def sentence(hint: str) -> str:
    """A hint as a sentence of its own."""
    return hint[:1].upper() + hint[1:]


def _whole(key: str, name: str, email: str) -> set[str]:
    return {key.casefold(), name.casefold(), email.casefold()} - {""}


def _first(_key: str, name: str, email: str) -> set[str]:
    return {*name.casefold().split()[:1], email.casefold().partition("@")[0]} - {""}


def _known(user: User, source: str, engine: Engine) -> str | None:
    """The key of a messenger's user, looked up there by address where the id alone does not tell."""
    found, sink = person_of(user, source, engine.rules), engine.sinks.get(source)
    if found is None and isinstance(sink, Messenger):
        found = person_of(sink.who(user), source, engine.rules)
    return found
