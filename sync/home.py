"""The home ticket: what concerns no single ticket stands there, and what an administrator releases is heard from there.

Its notices are one comment, edited in place and reconciled like everything else: the engine's notices say what it
should say, the ledger of the home ticket says what it says. `pointman release` is an act on that ledger, so the
running process hears of it at its next visit, and a restarted one still knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog
from rules.text import inert

from connectors.base import Tracker
from connectors.model import Comment, Edit, Ticket
from sync.effects import digest
from sync.ledger import Act, Entry, Ledger, Unreadable
from sync.look import Engine

log = structlog.get_logger()

TITLE = "Pointman notices"
KEY = "home"
MOST = 40
"""So many notices are listed; how many more there are is said."""


def visit(engine: Engine) -> None:
    """Bring the notices up to date and hear what was released. Raises the tracker's errors; without a home, nothing."""
    if not engine.site.home:
        return
    ticket = engine.tracker.get(engine.site.home)
    try:
        ledger = Ledger.loads(ticket.ledger, ticket.ref)
    except Unreadable as error:
        log.warning("the home ticket's ledger cannot be used", key=ticket.key, said=str(error))
        return
    _hear(engine, ledger)
    text = said(engine.notices)
    entry = ledger.entries.get(KEY)
    if (entry is None and not engine.notices) or (entry is not None and entry.sum == digest(text)):
        return
    standing = _standing(ticket, engine)
    ledger = ledger.with_entry(KEY, Entry(engine.clock(), None, digest(text)))
    engine.tracker.write(ticket.ref, Edit(comment=Comment(text, id=standing.id if standing else "")), ledger.dumps())
    log.info("home ticket told", key=ticket.key, notices=len(engine.notices))


def said(notices: Mapping[str, str]) -> str:
    """The comment: every notice once, by topic."""
    lines = [f"- {inert(notices[topic])}" for topic in sorted(notices)]
    shown, more = lines[:MOST], len(lines) - MOST
    if more > 0:
        shown.append(f"- and {more} more, see `/healthz`")
    return "\n".join((f"**{TITLE}**", "", *(shown or ["Nothing needs an administrator."])))


def release(tracker: Tracker, home: str, who: str, now: datetime) -> str:
    """Write the release on the home ticket, for the running process to hear; answers the home ticket's key."""
    ticket = tracker.get(home)
    ledger = Ledger.loads(ticket.ledger, ticket.ref)
    act = Act(f"release.{round(now.timestamp() * 1000)}", now, who, "release")
    kept = Ledger(ledger.ref, ledger.entries, tuple(a for a in ledger.acts if a.verb != "release"))
    tracker.write(ticket.ref, None, kept.with_act(act).dumps())
    return ticket.key


def _hear(engine: Engine, ledger: Ledger) -> None:
    released = max((act.at for act in ledger.acts if act.verb == "release"), default=None)
    if released is None:
        engine.external = False
    elif engine.released is None or released > engine.released:
        engine.released = released
        engine.release()
        log.info("released", at=released.isoformat())


def _standing(ticket: Ticket, engine: Engine) -> Comment | None:
    me = engine.tracker.me()
    return next((c for c in reversed(ticket.comments) if TITLE in c.text[:40] and c.by == me), None)
