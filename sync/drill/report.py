"""The report of a rehearsal, for people and for programs: who was told when, who answered after how long, what was met.

It says nothing that does not stand elsewhere: each line names the ticket, the message or the rule that proves it, and
the Markdown names the digest of the data beside it, so that a change of either is seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rules import duration
from rules.text import inert
from sync.drill.live import Rehearsal, answered
from sync.drill.story import HOW, Told


@dataclass(frozen=True, slots=True)
class About:
    """What surrounds a rehearsal: who ran it, versions by name, whom it could not tell, what was said about that."""

    by: str
    versions: Mapping[str, str]
    turned: tuple[str, ...]
    instead: str


def data(rehearsal: Rehearsal, about: About) -> dict[str, Any]:
    """Everything, JSON-ready; moments in ISO 8601, UTC, durations in whole seconds."""
    began, ended = rehearsal.began, rehearsal.ended
    calls = [one for one in rehearsal.story.told if one.kind == "escalate" and one.fresh]
    return {
        "drill": rehearsal.scenario.name,
        "title": rehearsal.scenario.title,
        "run": rehearsal.run,
        "by": about.by,
        "began": _moment(began),
        "ended": _moment(ended),
        "versions": dict(about.versions),
        "rules": {"digest": rehearsal.rules.digest, "files": list(rehearsal.rules.files)},
        "outside": {"turned_away": list(about.turned), "told_instead": about.instead or None},
        "tickets": [_ticket(rehearsal, name) for name in rehearsal.tickets],
        "told": [_told(one, rehearsal) for one in rehearsal.story.told],
        "acknowledgements": [_call(one, rehearsal) for one in calls],
        "unrecorded": _unrecorded(rehearsal),
        "left_to_people": [str(step) for step in rehearsal.left],
        "troubles": list(rehearsal.troubles),
        "timeline": [
            {"at": _moment(line.at), "who": line.who, "said": line.said}
            for line in sorted(rehearsal.story.lines, key=lambda line: line.at)
        ],
        "met": met(rehearsal),
    }


def met(rehearsal: Rehearsal) -> bool:
    """Whether every ticket that somebody was called for was taken care of, and no objective was missed."""
    calls = [one for one in rehearsal.story.told if one.kind == "escalate"]
    heard = all(any(a.ticket == one.ticket for a in rehearsal.acknowledged) for one in calls)
    bands = {clock.band for played in rehearsal.tickets.values() for clock in played.clocks}
    return heard and not bands & {"missed", "breached"} and not rehearsal.troubles


def written(told: Mapping[str, Any]) -> str:
    """The data as the file beside the report holds it."""
    return json.dumps(told, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def markdown(told: Mapping[str, Any]) -> str:
    """The report for people, made of the data alone."""
    return "\n".join(_lines(told)) + "\n"


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    digest = hashlib.sha256(written(told).encode()).hexdigest()
    yield f"# Drill: {inert(told['title'])}"
    yield ""
    yield f"- Scenario **{told['drill']}**, run {told['run']}, by {inert(told['by'])}"
    yield f"- From {told['began']} to {told['ended']}"
    yield f"- Rules: digest `{told['rules']['digest']}`, {len(told['rules']['files'])} files"
    yield f"- Versions: {', '.join(f'{name} {version}' for name, version in told['versions'].items())}"
    yield f"- Data: the JSON file beside this one, SHA-256 `{digest}`"
    yield f"- Outcome: **{'met' if told['met'] else 'not met'}**"
    yield from _table("Tickets and their objectives", ("Ticket", "Objective", "Outcome"), _tickets(told))
    yield from _table("Who was called, and who answered", _CALLS, _calls(told))
    yield from _table("Who was told what", _TELLS, _tells(told))
    yield from _listed(
        "Went out, and stands on no ticket",
        [f"{one['product']}:{one['address']} {one['text']}" for one in told["unrecorded"]],
    )
    outside = told["outside"]
    where = f"told at {outside['told_instead']} instead" if outside["told_instead"] else "not told"
    yield from _listed(f"Outside of the company, and so {where}", outside["turned_away"])
    yield from _listed("Left to people, or not rehearsed", told["left_to_people"])
    yield from _listed("Troubles", told["troubles"])
    yield from _table("Timeline", ("When", "Who", "What"), ((t["at"], t["who"], t["said"]) for t in told["timeline"]))


_CALLS = ("Called", "Whom", "Ticket", "Acknowledged", "By", "After")
_TELLS = ("When", "Whom", "How", "Ticket", "By the rule", "Message", "Evidence")


def _calls(told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in told["acknowledgements"]:
        answer = (one["acknowledged"] or "never", one["by"] or "", one["after"] or "")
        yield (one["at"], one["whom"], one["key"], *answer)


def _tells(told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in told["told"]:
        yield one["at"], one["whom"], one["how"], one["key"], one["rule"], one["text"], _evidence(one)


def _evidence(one: Mapping[str, Any]) -> str:
    """What proves it: the product's own id of the message, and a link to it where there is one."""
    named, link = f"{one['product']} {one['ref']}", str(one["link"] or "")
    plain = link.startswith("https://") and not set(link) & set("()<>|\\ ")
    return f"[{named}]({link})" if plain else named


def _tickets(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for one in told["tickets"]:
        name = f"[{inert(one['key'])}]({one['url']})" if one["url"] else inert(one["key"])
        head = f"{name} {inert(one['summary'])}"
        for clock in one["objectives"] or [{"goal": "", "said": "no objective"}]:
            yield head, clock["goal"], clock["said"]


def _table(title: str, heads: tuple[str, ...], rows: Any) -> Iterator[str]:
    made = [tuple(str(cell) for cell in row) for row in rows]
    yield from ("", f"## {title}", "")
    if not made:
        yield "None."
        return
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in made:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _listed(title: str, items: list[str]) -> Iterator[str]:
    if items:
        yield from ("", f"## {title}", "", *(f"- {inert(item)}" for item in items))


# ---- the parts of the data


def _ticket(rehearsal: Rehearsal, name: str) -> dict[str, Any]:
    played = rehearsal.tickets[name]
    zone = rehearsal.rules.defaults.timezone
    return {
        "name": name,
        "key": played.ticket.key,
        "ref": played.ref,
        "url": played.ticket.url,
        "summary": played.ticket.summary,
        "phase": played.ticket.phase,
        "objectives": [
            {"objective": clock.rule.id, "goal": clock.label, "outcome": clock.band, "said": clock.said(zone)}
            for clock in played.clocks
        ],
    }


def _unrecorded(rehearsal: Rehearsal) -> list[dict[str, str]]:
    """Messages that went out and that no ticket tells of: there should be none."""
    known = {(one.product, one.ref) for one in rehearsal.story.told}
    made = ((name, ref, place) for name, one in rehearsal.messengers.items() for ref, place in one.made)
    return [
        {"product": name, "ref": ref, "address": place, "text": rehearsal.messengers[name].said[ref]}
        for name, ref, place in made
        if (name, ref) not in known
    ]


def _told(one: Told, rehearsal: Rehearsal) -> dict[str, Any]:
    return {
        "at": _moment(one.at),
        "whom": one.to,
        "how": HOW.get(one.kind, "told") if one.fresh else "changed",
        "ticket": one.ticket,
        "key": rehearsal.tickets[one.ticket].ticket.key,
        "rule": one.rule,
        "place": one.place,
        "product": one.product,
        "address": one.address,
        "ref": one.ref,
        "link": rehearsal.links.get((one.product, one.ref)) or None,
        "text": one.text,
    }


def _call(one: Told, rehearsal: Rehearsal) -> dict[str, Any]:
    answer = answered(one, rehearsal.acknowledged)
    after = answer.at - one.at if answer is not None else None
    return {
        "at": _moment(one.at),
        "whom": one.to,
        "key": rehearsal.tickets[one.ticket].ticket.key,
        "rule": one.rule,
        "acknowledged": _moment(answer.at) if answer is not None else None,
        "by": answer.by if answer is not None else None,
        "after": _span(after) if after is not None else None,
        "after_seconds": round(after.total_seconds()) if after is not None else None,
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None


def _span(span: timedelta) -> str:
    return duration.show(timedelta(seconds=max(1, round(span.total_seconds()))))
