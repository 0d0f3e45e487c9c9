"""What the sandbox's page shows of Teams and of the mailboxes, as plain data for its templates: now, or as it was.

It is read from the emulators, never from Pointman. A card is shown as the person who looks sees it: whoever clicked may
see another one than everybody else, until the message is edited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Final
from zlib import crc32

import nh3
from markupsafe import Markup

from sandbox.elsewhere import OURS
from sandbox.shown import HUES, Data, Opened
from sandbox.sight import Sight
from sandbox.teams.render import At, card, markdown
from sandbox.teams.state import BOT, TeamsState
from sandbox.teams.world import Conversation, Dialog, Message

TAGS: Final = {
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "pre", "s",
    "small", "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul", "div", "span",
}  # fmt: skip
"""What is left of a mail's HTML. Its styles are not: the page allows none that stand in the text."""

_ACT: Final = re.compile(r'<a href=("[^"]*/act\?)')
"""A link behind which something is done: mails show it as a button, by the styles that are left out here."""


def panes(world: Sight, opened: Opened) -> Data:
    """Teams and the mailboxes, where the world has them."""
    return {
        "teams": _teams(world, opened) if world.teams is not None else None,
        "mail": _mail(world, opened) if world.mail is not None else None,
    }


def open_now(data: Data) -> dict[str, str]:
    """What is open, as it was found: for the script, which asks for it again."""
    ticket, channel, teams, mail = data["ticket"], data["channel"], data["teams"] or {}, data["mail"] or {}
    return {
        "ticket": ticket["key"] if ticket else "",
        "channel": channel["id"] if channel else "",
        "teams": teams["channel"]["id"] if teams.get("channel") else "",
        "box": mail["box"]["address"] if mail.get("box") else "",
        "thread": mail["thread"]["root"] if mail.get("thread") else "",
    }


def _hue(name: str) -> int:
    return crc32(name.encode()) % HUES


# ---- Teams


def _teams(world: Sight, opened: Opened) -> Data:
    assert world.teams is not None  # noqa: S101  (whoever asks has looked)
    state = world.teams.state
    with state.lock:
        places = [c for c in state.conversations.values() if not c.deleted]
        here = next((c for c in places if c.id == opened.teams), next(iter(places), None))
        looking = _viewer(state, here, opened.by)
        return {
            "channels": [_channel(state, each) for each in places],
            "channel": _channel(state, here) if here else None,
            "messages": [_message(world, here, top, looking) for top in here.top()] if here else [],
            "dialogs": [_dialog(state, dialog) for dialog in state.dialogs.values()],
        }


def _viewer(state: TeamsState, here: Conversation | None, name: str) -> str:
    """The id of who looks: in a chat it is the one whose chat it is."""
    if here is not None and here.person:
        return here.person
    return next((person.id for person in state.people.values() if person.name == name), "")


def _channel(state: TeamsState, place: Conversation) -> Data:
    name = state.people[place.person].real_name if place.person else place.name
    team = state.teams[place.team].name if place.team else ""
    hue = _hue(state.people[place.person].name if place.person else place.name)
    return {"id": place.id, "name": name, "team": team, "direct": bool(place.person), "hue": hue} | {
        "count": len(place.messages)
    }


def _message(world: Sight, place: Conversation, message: Message, looking: str) -> Data:
    assert world.teams is not None  # noqa: S101  (whoever asks has looked)
    state = world.teams.state
    person = state.people.get(message.by)
    shown = {
        "id": message.id,
        "name": person.real_name if person else state.bot_name if message.by == BOT else message.by,
        "hue": _hue(person.name if person else message.by),
        "app": person is None,
        "time": f"{message.at:%H:%M}",
        "edited": bool(message.edited),
        "deleted": message.deleted,
        "html": _body(world, place, message, looking),
        "notes": list(_notes(state, message)),
    }
    replies = (
        [_message(world, place, reply, looking) for reply in place.replies(message.id)] if not message.root else []
    )
    return {**shown, "replies": replies}


def _body(world: Sight, place: Conversation, message: Message, looking: str) -> Markup:
    """Text, and the card as a form that says which message it is of."""
    text = markdown(message.text) if message.by == BOT else f"<p>{message.text}</p>"
    told = text if message.text else ""
    seen = message.seen_by(looking)
    if seen is not None:
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in (("conversation", place.id), ("message", message.id))
        )
        told += card(seen, At(f"card-{message.id}", still=world.past), hidden)
    return Markup(told)  # noqa: S704  (people's text was escaped as it was written, the rest escapes)


def _notes(state: TeamsState, message: Message) -> Iterator[Data]:
    """The last thing that each person was told beside a message."""
    last = {note.person: note for note in state.notes if note.message == message.id}
    for note in last.values():
        yield {"name": state.people[note.person].real_name, "text": note.text, "failed": note.failed}


def _dialog(state: TeamsState, dialog: Dialog) -> Data:
    hidden = f'<input type="hidden" name="dialog" value="{escape(dialog.id)}">'
    html = card(dialog.card, At(f"dialog-{dialog.id}"), hidden)
    name = state.people[dialog.person].real_name
    return {"id": dialog.id, "title": dialog.title or "Pointman", "name": name, "html": Markup(html)}  # noqa: S704


# ---- mail


def _mail(world: Sight, opened: Opened) -> Data:
    assert world.mail is not None  # noqa: S101  (whoever asks has looked)
    state = world.mail.state
    with state.lock:
        boxes = [box for box in state.mailboxes.values() if box.address != OURS]
        threads = {box.address: list(reversed(box.threads())) for box in boxes}
        here = next((box for box in boxes if box.address == opened.box), next(iter(boxes), None))
        found = threads[here.address] if here else []
        thread = next((one for one in found if one.root == opened.thread), next(iter(found), None))
        return {
            "boxes": [
                {"address": box.address, "name": box.name or box.address, "count": len(box.inbox())} for box in boxes
            ],
            "box": {"address": here.address, "name": here.name or here.address} if here else None,
            "threads": [
                {
                    "root": one.root,
                    "subject": one.subject,
                    "from": ", ".join(dict.fromkeys(_from(mail.author) for mail in one.mails)),
                    "count": len(one.mails),
                    "time": f"{one.mails[-1].at:%H:%M}",
                    "begins": " ".join(one.mails[-1].text.split())[:90],
                }
                for one in found
            ],
            "thread": {
                "root": thread.root,
                "subject": thread.subject,
                "last": thread.mails[-1].uid,
                "mails": [
                    {
                        "uid": mail.uid,
                        "name": _from(mail.author),
                        "hue": _hue(mail.author[1].partition("@")[0]),
                        "app": mail.author[1] == OURS,
                        "address": mail.author[1],
                        "to": ", ".join(mail.to),
                        "time": f"{mail.at:%H:%M}",
                        "subject": mail.subject,
                        "html": _letter(mail.html, mail.text),
                    }
                    for mail in reversed(thread.mails)
                ],
            }
            if thread
            else None,
        }


def _from(author: tuple[str, str]) -> str:
    return author[0] or author[1]


def _letter(html: str, text: str) -> Markup:
    """A mail's inside; HTML without anything that runs, loads or is styled."""
    if not html:
        return Markup(f'<div class="plain">{escape(text.strip())}</div>')  # noqa: S704
    inside = re.sub(r"(?is)<(head|style|title)\b.*?</\1>", "", html)
    cleaned = nh3.clean(
        inside, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"}, link_rel="noopener",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )  # fmt: skip
    return Markup(_ACT.sub(r'<a class="act" href=\1', cleaned))  # noqa: S704  (nh3 has cleaned it)
