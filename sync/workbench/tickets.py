"""The tickets that are looked at here: read from the tracker when asked for, kept for what a change would mean to them.

Nothing is ever written. What is kept is as old as its last reading, which is good enough to count by; the opened
ticket is read anew whenever the page says that something happened.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import islice
from threading import Lock
from typing import Final

import structlog

from connectors.errors import ConnectorError, Missing
from connectors.model import Ticket
from rules.model import RuleSet
from rules.restrict import restriction
from sync import home
from sync.acts import with_acts
from sync.ledger import Ledger, Unreadable
from sync.look import Engine
from sync.workbench.made_up import made_up
from sync.workbench.pasting import as_json, pasted
from sync.workbench.seeing import Subject

log = structlog.get_logger()

KEPT: Final = 100
"""Tickets that are kept, the opened ones and others."""
OVER: Final = frozenset({"resolved", "closed"})


class Tickets:
    """Reads tickets and keeps the last of them. `trouble` says why the open ones could not be listed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: OrderedDict[str, Subject] = OrderedDict()
        self._lock = Lock()
        self._made = 0
        self.trouble = ""

    def subject(self, key: str, *, fresh: bool = False) -> Subject:
        """A ticket by its key or id, as kept or, where it is not or `fresh` is asked for, as read now.

        Raises ConnectorError and Unreadable.
        """
        with self._lock:
            kept = next((one for one in self._kept.values() if key in {one.ticket.key, one.ticket.ref}), None)
        if kept is not None and (not fresh or kept.made):
            return kept
        if not key.strip():
            raise Missing("no ticket is named")
        subject = self._subject(self._engine.tracker.get(key.strip()))
        self._keep(subject)
        return subject

    def make_up(self, text: str, texts: Mapping[str, str]) -> str:
        """Keep a ticket of these words, under the rules of these texts, or of the tracker's JSON; its key.

        Raises Problems, Refused and Unreadable.
        """
        said = as_json(text)
        if said is not None:
            subject = pasted(said, self._engine)
            self._keep(subject)
            return subject.ticket.key
        with self._lock:
            self._made += 1
            number = self._made
        subject = made_up(text, texts, number, self._engine.clock())
        self._keep(subject)
        return subject.ticket.key

    def others(self, but: str) -> tuple[Subject, ...]:
        """The open tickets that are kept, without this one (by ref)."""
        with self._lock:
            kept = tuple(self._kept.values())
        return tuple(
            one for one in kept if one.ticket.ref != but and one.ticket.phase not in OVER and one.world.covered
        )

    def gather(self, rules: RuleSet) -> None:
        """Read what is open, as much as there is room for: to count for how many a change makes a difference."""
        engine = self._engine
        try:
            if engine.site.home:
                home.hear(engine)
            listed = (ticket for page in engine.tracker.open(engine.clock() - engine.site.grace) for ticket in page)
            for ticket in islice(listed, KEPT):
                engine.memory.seen(ticket, rules)
                self._consider(ticket)
        except (ConnectorError, Unreadable) as error:
            self.trouble = str(error)
        except Exception as error:
            log.exception("open tickets not read")  # what is only counted by ends no page
            self.trouble = f"a fault of Pointman: {type(error).__name__}"
        else:
            self.trouble = ""

    def _consider(self, ticket: Ticket) -> None:
        with self._lock:
            kept = self._kept.get(ticket.ref)
        if kept is not None and kept.ticket.version == ticket.version:
            return
        try:
            self._keep(self._subject(ticket), last=False)
        except Unreadable:
            return  # told when it is opened

    def _subject(self, ticket: Ticket) -> Subject:
        ledger = Ledger.loads(ticket.ledger, ticket.ref)
        return Subject(ticket, ledger, self._engine.world(ticket, ledger), self._engine.clock())

    def _keep(self, subject: Subject, *, last: bool = True) -> None:
        with self._lock:
            self._kept[subject.ticket.ref] = subject
            self._kept.move_to_end(subject.ticket.ref, last=last)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def closed(subject: Subject, rules: RuleSet) -> str | None:
    """Why a restricted ticket is not shown on a page, None where it is not restricted; a made-up one may be seen."""
    ticket = with_acts(subject.ticket, subject.ledger)
    if subject.made or restriction(ticket, rules, subject.now) is None:
        return None
    return f"{ticket.key} is restricted, so no page shows it; `pointman explain {ticket.key}` does in a terminal."
