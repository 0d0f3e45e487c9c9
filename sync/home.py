"""The home ticket: what concerns no single ticket stands there, and what an administrator releases is heard from there.

Its notices are one comment, edited in place where the tracker can: the engine's notices say what it should say, and
what it says is read.
`pointman release` is an act on the ledger of the home ticket, so the running process hears of it at its next visit, and
a restarted one still knows it. The release is all that writes this ledger: a visit that wrote it too, as it was a
moment before, would take a release of that moment away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from html import unescape

import structlog

from connectors.base import Tracker
from connectors.errors import Refused
from connectors.model import Comment, Edit, Ticket
from rules.text import inert
from sync.effects import LONG_AGO
from sync.ledger import Act, Ledger, Unreadable
from sync.look import Engine

log = structlog.get_logger()

TITLE = "Pointman notices"
HOME = "Pointman: what its administrators should know"
PURPOSE = (
    "What concerns no single ticket is told here by Pointman: products it cannot reach, rules that are wrong, changes "
    "that are held. Leave this ticket open; it is known by its key in `config.toml`."
)
RELEASES = 3
"""How often a release is written until it is read back: what writes at the same moment may take it away."""
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
    standing = _standing(ticket, engine)
    if not notices if standing is None else _says(standing, text) or engine.told_home == text:
        return freed
    edited = standing.id if standing is not None and engine.tracker.edits_comments else ""
    engine.tracker.write(ticket.ref, Edit(comment=Comment(text, id=edited)), None)
    engine.told_home = text  # a tracker that gives it back in other words is not told again and again
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

    `rules` is the digest of the rules whose flood is let go. Raises Refused where the tracker does not keep it.
    """
    act = Act(f"release.{round(now.timestamp() * 1000)}", now, who, "release", {"rules": rules})
    for _ in range(RELEASES):
        ticket = tracker.get(home)
        ledger = Ledger.loads(ticket.ledger, ticket.ref)
        if any(known.id == act.id for known in ledger.acts):
            return ticket.key
        kept = Ledger(ledger.ref, ledger.entries, tuple(a for a in ledger.acts if a.verb != "release"))
        tracker.write(ticket.ref, None, kept.with_act(act).dumps())
    raise Refused(f"could not release: {ticket.key} answers success, and does not keep what is written in its ledger")


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


def _says(standing: Comment, text: str) -> bool:
    """Whether a comment says this, whatever the tracker's own mark-up made of it."""
    read, meant = (re.findall(r"[^\W_]+", unescape(one)) for one in (standing.text, text))
    return read == meant
