"""The nouns of a command: what a person asked for and about which ticket, what to write for it, and a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from connectors.model import Command, Comment, Message, Ticket, Value
from rules.facts import Facts
from rules.model import RuleSet
from sync.acts import with_acts
from sync.ledger import Act, Ledger
from sync.rows import known_as

if TYPE_CHECKING:
    from sync.look import Engine


class Sorry(Exception):  # an answer for the person, no fault of ours
    """Why a command was not carried out, as a sentence for the person who asked."""


@dataclass(frozen=True)
class Asked:
    """A command together with what it is about. `who` is the key in `[people]` of the person who asked."""

    command: Command
    ticket: Ticket
    ledger: Ledger
    engine: Engine
    who: str
    now: datetime

    @property
    def rules(self) -> RuleSet:
        """Today's rules."""
        return self.engine.rules

    @cached_property
    def told(self) -> Ticket:
        """The ticket with what people asked of us before in its history."""
        return with_acts(self.ticket, self.ledger)

    @cached_property
    def facts(self) -> Facts:
        """The ticket's words, as rules see them."""
        return Facts(self.told, self.rules, self.now)

    def given(self, name: str) -> str:
        """What the command says of this; empty where it says nothing."""
        return self.command.args.get(name, "").strip()

    def arg(self, name: str) -> str:
        """What the command says of this. Raises Sorry where it says nothing."""
        value = self.given(name)
        if not value:
            raise Sorry(f"{self.command.verb} needs to know: {name}")
        return value

    def act(self, verb: str, args: Mapping[str, str] | None = None, number: int = 1) -> Act:
        """An act of this person's; the `number`-th that comes of this command."""
        ident = self.command.id or f"{round(self.now.timestamp() * 1000)}.{self.who}.{self.command.verb}"
        known = known_as(ident)
        return Act(known if number == 1 else f"{known}#{number}", self.now, self.who, verb, args or {})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person is shown of the message that they clicked: what becomes of it. `thing` is None: it is retired."""

    thing: Message | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What to write for a command: words, acts, a comment of the person's own; and the answer."""

    answer: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    comment: Comment | None = None
