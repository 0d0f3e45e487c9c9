"""What the sandbox's page shows of the tracker and Slack, as plain data for its templates: now, or at a past moment.

It is read from the emulators, never from Pointman.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape, unescape
from typing import Any, Final, TypeAlias
from zlib import crc32

from markupsafe import Markup

from sandbox.coming import coming, split
from sandbox.desk import Remark, Seen
from sandbox.sight import Sight
from sandbox.slack import Channel, Message
from sandbox.slack.render import blocks, mrkdwn
from sandbox.slack.world import View

Data: TypeAlias = dict[str, Any]

RANKS: Final = ("High", "Medium", "Low")
BOT: Final = "pointman"
CLOCK: Final = "Recovery"
"""The field that says how long there is until a ticket must be restored."""
BANDS: Final = {
    "on track": "status done",
    "met": "status done",
    "at risk": "severity medium",
    "breached": "severity high",
    "missed": "severity high",
}
"""As what a page shows it, by the word that the field holds."""
HUES: Final = 6
"""How many colours the style sheet has for people."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open before whoever looks at the page; empty or unknown: the first there is. `by` is who looks."""

    ticket: str = ""
    channel: str = ""
    teams: str = ""
    box: str = ""
    thread: str = ""
    by: str = ""


def shown(world: Sight, opened: Opened) -> Data:
    """The tracker and Slack. What is open is answered as well, since it may have been left to us."""
    tickets = queue(world)
    keys = [ticket["key"] for ticket in tickets]
    key = opened.ticket if opened.ticket in keys else next(iter(keys), "")
    with world.slack.state.lock:
        all_channels = list(world.slack.state.channels.values())
        channel = next((c for c in all_channels if c.id == opened.channel), next(iter(all_channels), None))
        slack: Data = {
            "channels": [_channel(world, each) for each in all_channels],
            "channel": _channel(world, channel) if channel else None,
            "messages": list(_messages(world, channel)) if channel else [],
            "forms": [_form(world, view) for view in world.slack.state.views.values()],
        }
    return {
        "tracker": world.desk.product,
        "queue": tickets,
        "ticket": ticket(world, key) if key else None,
        **slack,
        "people": [{"id": name, "name": member.real_name} for name, member in world.members.items()],
        "severities": options(world, "Severity"),
        "services": options(world, "Service"),
    }


def options(world: Sight, name: str) -> list[str]:
    """The choices of a field of the tracker."""
    return world.desk.options(name)


# ---- the tracker


def queue(world: Sight) -> list[Data]:
    """All tickets: open ones first, then by severity, then the newest."""
    rows = [_row(world, seen) for seen in world.desk.tickets()]
    return sorted(rows, key=lambda row: (row["done"], row["rank"], -row["age"]))


def _row(world: Sight, seen: Seen) -> Data:
    severity = seen.words.get(world.desk.word("Severity"))
    return {
        "key": seen.key,
        "summary": seen.summary,
        "severity": severity or "",
        "rank": RANKS.index(severity) if severity in RANKS else len(RANKS),
        "status": seen.status,
        "category": seen.category,
        "done": seen.category == "done",
        "assignee": world.desk.person(seen.assigned),
        "hue": _hue(seen.assigned),
        "age": seen.created.timestamp(),
    }


def ticket(world: Sight, key: str) -> Data:
    """One ticket with all that hangs on it."""
    seen, desk = world.desk.ticket(key), world.desk
    told = [(said, split(said.body) if said.by == BOT else ((), said.body)) for said in seen.remarks]
    lines = next((lines for said, (lines, _) in reversed(told) if said.by == BOT), ())
    comments = [_comment(world, said, body) for said, (_, body) in told]
    logs = [said for said in comments if said["by"] == BOT and not said["through"]]
    return {
        **_row(world, seen),
        "assigned": seen.assigned,
        "description": Markup(desk.rich(seen.body)),  # noqa: S704  (rich escapes)
        "recovery": _recovery(seen),
        "fields": list(_fields(seen)),
        "coming": coming(lines, world.clock.now()),
        "logs": logs if desk.rewords else logs[::-1],
        "rewords": desk.rewords,
        "comments": [said for said in comments if said["by"] != BOT or said["through"]],
        "history": [{**asdict(past), "name": desk.person(past.by)} for past in reversed(seen.history)],
        "moves": seen.moves,
        "created": seen.created,
        "memory": _memory(seen.memory),
    }


def _comment(world: Sight, said: Remark, body: Any) -> Data:
    return {
        "id": said.id,
        "by": said.by,
        "name": world.desk.person(said.by),
        "hue": _hue(said.by),
        "internal": said.internal,
        "through": said.through,
        "at": said.at,
        "html": Markup(world.desk.rich(body)),  # noqa: S704  (rich escapes)
    }


def _memory(kept: Any) -> Data | None:
    """What Pointman keeps at the ticket, as it stands there."""
    if not kept:
        return None
    size = len(json.dumps(kept, separators=(",", ":")))
    return {"size": size, "text": json.dumps(kept, indent=2, ensure_ascii=False)}


def _fields(seen: Seen) -> Iterator[Data]:
    for name, value in seen.fields:
        if name != CLOCK and (value is not None or name.casefold().startswith("assigne")):
            yield {"name": name, "value": _value(value)}


def _recovery(seen: Seen) -> Data | None:
    """How the ticket's clock stands, as a field of it says: `RTO: until 10:00, on track`."""
    said = str(next((value for name, value in seen.fields if name == CLOCK and value), ""))
    look = next((look for word, look in BANDS.items() if re.search(rf"\b{word}\b", said)), "status new")
    return {"said": said, "look": look} if said else None


def _value(value: Any) -> str:
    if value is None:
        return "nobody"
    if isinstance(value, datetime):
        return f"{value:%d %b %H:%M}"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _hue(name: str) -> int:
    return crc32(name.encode()) % HUES


# ---- Slack


def _channel(world: Sight, channel: Channel) -> Data:
    state = world.slack.state
    name = state.people[channel.user].real_name if channel.is_im else channel.name
    count = len(state.visible(channel))
    return {"id": channel.id, "name": name, "direct": channel.is_im, "count": count, "hue": _hue(_who(world, channel))}


def _who(world: Sight, channel: Channel) -> str:
    return world.slack.state.people[channel.user].name if channel.is_im else ""


def _messages(world: Sight, channel: Channel) -> Iterator[Data]:
    """What stands in a channel, by time; what only one person sees stands among it."""
    state = world.slack.state
    seen = state.visible(channel)
    told = [(message.at, _message(world, channel, message)) for message in seen if not message.thread_ts]
    for _, top in told:
        top["replies"] = [_message(world, channel, reply) for reply in seen if reply.thread_ts == top["ts"]]
    for number, note in enumerate(state.notes):
        if note.channel == channel.id:
            said = _html(world, note.text, note.blocks)
            private = {"ts": f"note-{number}", "only": state.people[note.user].real_name, "html": said, "replies": []}
            told.append((note.at, {**private, **_author(world, state.bot.id), "app": True, "time": _clock(note.at)}))
    return (message for _, message in sorted(told, key=lambda pair: pair[0]))


def _message(world: Sight, channel: Channel, message: Message) -> Data:
    return {
        **_author(world, message.user),
        "ts": message.ts,
        "time": _clock(message.at),
        "app": bool(message.bot_id),
        "edited": bool(message.edited),
        "html": _html(world, message.text, message.blocks, (channel.id, message.ts)),
    }


def _author(world: Sight, user: str) -> Data:
    person = world.slack.state.people.get(user)
    name = person.real_name if person else user
    return {"name": name, "hue": _hue(person.name if person else user)}


def _html(world: Sight, text: str, made: list[Data], where: tuple[str, str] = ("", "")) -> Markup:
    """A message's inside; people that are mentioned have their names."""
    told = blocks(made, *where) if made else f"<p>{mrkdwn(text)}</p>"
    people = world.slack.state.people

    def named(found: re.Match[str]) -> str:
        person = people.get(found[1])
        return f">@{escape(person.real_name)}<" if person else found[0]

    if world.past:  # nobody clicks in the past
        told = told.replace("<button ", "<button disabled ")
    return Markup(re.sub(r">@(U\w+)<", named, told))  # noqa: S704  (blocks and mrkdwn escape)


def plain(text: str) -> str:
    """Slack's markup as it is said aloud: without its marks."""
    return unescape(re.sub(r"[`*]", "", text))


def _clock(at: datetime) -> str:
    return f"{at:%H:%M}"


def _form(world: Sight, view: View) -> Data:
    """A form that Pointman opened before somebody."""
    made = view.view
    return {
        "id": view.id,
        "title": made["title"]["text"],
        "submit": made.get("submit", {}).get("text", "Send"),
        "inputs": [_input(world, block) for block in made.get("blocks", ()) if block.get("type") == "input"],
        "name": world.slack.state.people[view.user].real_name,
    }


def _input(world: Sight, block: Data) -> Data:
    element = block["element"]
    people = [(p.id, p.real_name) for p in world.slack.state.people.values() if not p.is_bot]
    given = [(option["value"], option["text"]["text"]) for option in element.get("options", ())]
    choices = people if element["type"] == "users_select" else given
    begins = element.get("initial_value") or element.get("initial_user") or ""
    return {
        "id": block["block_id"],
        "label": block["label"]["text"],
        "kind": "choice" if choices else "lines" if element.get("multiline") else "line",
        "choices": choices,
        "begins": element.get("initial_option", {}).get("value", begins),
        "optional": bool(block.get("optional")),
    }
