"""The home ticket: what concerns no single ticket stands there, and what an administrator releases is heard from there.

Its notices are one comment, edited in place and reconciled like everything else: the engine's notices say what it
should say, the ledger of the home ticket says what it says. `pointman release` is an act on that ledger, so the
running process hears of it at its next visit, and a restarted one still knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog

from connectors.base import Tracker
from connectors.model import Comment, Edit, Ticket
from rules.text import inert
from sync.effects import LONG_AGO, digest
from sync.ledger import Act, Entry, Ledger, Unreadable
from sync.look import Engine

log = structlog.get_logger()

TITLE = "Pointman notices"
KEY = "home"
HOME = "Pointman: what its administrators should know"
PURPOSE = (
    "What concerns no single ticket is told here by Pointman: products it cannot reach, rules that are wrong, changes "
    "that are held. Leave this ticket open; it is known by its key in `config.toml`."
)
MOST = 40
"""So many notices are listed; how many more there are is said."""


def begin(tracker: Tracker, name: str, kind: str) -> tuple[str, bool]:
    """The key of the home ticket called `name`, made with this type where there is none; and whether it was made.

    It is found again by that name, so there is one however often it is begun. Raises the tracker's errors.
    """
    ref = tracker.find(f"home-{name}")
    if ref is not None:
        return tracker.get(ref).key, False
    edit = Edit({"summary": HOME, "description": PURPOSE, **({"kind": kind} if kind else {})})
    return tracker.get(tracker.create(edit, f"home-{name}")).key, True


def visit(engine: Engine) -> bool:
    """Hear what was released and bring the notices up to date; whether something was let go, so that tickets have to
    be considered again. Raises the tracker's errors; without a home, nothing.
    """
    if not engine.site.home:
        return False
    ticket = engine.tracker.get(engine.site.home)
    try:
        ledger = Ledger.loads(ticket.ledger, ticket.ref)
    except Unreadable as error:
        engine.notices["home"] = f"the home ticket {ticket.key} is left alone, since its ledger cannot be used: {error}"
        log.warning("the home ticket's ledger cannot be used", key=ticket.key, said=str(error))
        return False
    engine.notices.pop("home", None)
    freed = _hear(engine, ledger)
    notices = dict(engine.notices)
    text = said(notices)
    entry = ledger.entries.get(KEY)
    if (entry is None and not notices) or (entry is not None and entry.sum == digest(text)):
        return freed
    standing = _standing(ticket, engine)
    ledger = ledger.with_entry(KEY, Entry(engine.clock(), None, digest(text)))
    engine.tracker.write(ticket.ref, Edit(comment=Comment(text, id=standing.id if standing else "")), ledger.dumps())
    log.info("home ticket told", key=ticket.key, notices=len(notices))
    return freed


def hear(engine: Engine) -> None:
    """Hear what was released, and write nothing. Raises the tracker's errors, and Unreadable."""
    ticket = engine.tracker.get(engine.site.home)
    _hear(engine, Ledger.loads(ticket.ledger, ticket.ref))


def said(notices: Mapping[str, str]) -> str:
    """The comment: every notice once, what concerns everything before what concerns one ticket."""
    topics = sorted(notices, key=lambda topic: (": " in topic, topic))
    lines = [f"- {inert(' '.join(notices[topic].split()))}" for topic in topics]
    shown, more = lines[:MOST], len(lines) - MOST
    if more > 0:
        shown.append(f"- and {more} more, see `/healthz`")
    return "\n".join((f"**{TITLE}**", "", *(shown or ["Nothing needs an administrator."])))


def release(tracker: Tracker, home: str, who: str, now: datetime, rules: str) -> str:
    """Write the release on the home ticket, for the running process to hear; answers the home ticket's key.

    `rules` is the digest of the rules whose flood is let go.
    """
    ticket = tracker.get(home)
    ledger = Ledger.loads(ticket.ledger, ticket.ref)
    act = Act(f"release.{round(now.timestamp() * 1000)}", now, who, "release", {"rules": rules})
    kept = Ledger(ledger.ref, ledger.entries, tuple(a for a in ledger.acts if a.verb != "release"))
    tracker.write(ticket.ref, None, kept.with_act(act).dumps())
    return ticket.key


def _hear(engine: Engine, ledger: Ledger) -> bool:
    """Whether there is a release that was not heard yet.

    One that was there before this process frees outside audiences, and floods of these very rules: what other rules
    would touch was not known when it was written.
    """
    act = max((act for act in ledger.acts if act.verb == "release"), key=lambda act: act.at, default=None)
    known, engine.released = engine.released, act.at if act is not None else LONG_AGO
    if act is None or (known is not None and act.at <= known):
        return False
    if known is None and act.args.get("rules") != engine.rules.digest:
        engine.external = True
    else:
        engine.release()
    log.info("released", at=act.at.isoformat())
    return True


def _standing(ticket: Ticket, engine: Engine) -> Comment | None:
    me = engine.tracker.me()
    return next((c for c in reversed(ticket.comments) if TITLE in c.text[:40] and c.by == me), None)
