"""A message as a mail: headers that make threads and stop loops, a plain text and an HTML part, links for buttons.

Nothing from outside reaches a header but through `_line`, which leaves no line ends and no control characters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape

from connectors.email import render
from connectors.email.addresses import Address, parse
from connectors.email.links import Link, Links
from connectors.email.threads import Threads
from connectors.markup import plain
from connectors.model import Button, Message, Topic

SUBJECT = 180
"""Characters of a subject; what is longer is cut."""
_MARK = re.compile(r"[^0-9a-f]")
_CALM, _HOT = (0x2D, 0xA4, 0x4E), (0xCF, 0x22, 0x2E)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to be sent: the envelope's addresses, its Message-ID, and how it reads on the wire."""

    sender: Address
    to: Address
    id: str
    raw: bytes

    @property
    def utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it."""
        return self.to.utf8 or self.sender.utf8


@dataclass(frozen=True, slots=True)
class Before:
    """What a mail follows: the ids that its thread begins with, and the subject of what it answers, if it does."""

    ids: tuple[str, ...] = ()
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a mail offers: how long its links hold, whether replies are read, and whether they may hold a verb.

    `subject` is that of a mail in which the ticket may not be named.
    """

    subject: str = "Incident update"
    hold: timedelta = timedelta(hours=48)
    replies: bool = False
    trusted: bool = False


class Composer:
    """Writes mails in one sender's name. `links` is None where there is no public address."""

    def __init__(self, sender: str, threads: Threads, links: Links | None, offer: Offer) -> None:
        name, address = parseaddr(sender)
        self.sender, self._name = parse(address), _line(name)
        self._threads, self._links, self._offer = threads, links, offer

    def message(self, to: Address, thing: Message, key: str, now: datetime) -> Mail:
        """What a rule says, to one address. `key` is what it was put under: the same key, the same Message-ID."""
        topic = thing.about or Topic(next((button.ref for button in thing.buttons), ""))
        ident = self._threads.message(topic.ref, key, str(to).lower())
        root = (self._threads.root(topic.ref),) if topic.ref else ()
        under = (thing.under,) if self._threads.ours(thing.under) else ()
        subject = self._about(thing, topic)
        links = self._linked(thing.buttons, to, topic, ident, now)
        note = self._note(thing.buttons, topic)
        made = self._headed(to, ident, subject, now, Before((*root, *under)))
        made["Auto-Submitted"] = "auto-generated"
        _filled(made, _text(thing, links, note), _html(thing, links, note))
        return self._mail(to, ident, made)

    def answer(self, to: Address, text: str, key: str, before: Before, now: datetime) -> Mail:
        """What is said to one person about their own mail."""
        ident = self._threads.message(self._threads.ticket(reversed(before.ids)), "answer", key)
        told = _line(before.subject) or self._offer.subject
        subject = told if told.lower().startswith("re:") else f"Re: {told}"
        made = self._headed(to, ident, subject, now, before)
        made["Auto-Submitted"] = "auto-replied"
        said = Message(text)
        _filled(made, _text(said, (), ""), _html(said, (), ""))
        return self._mail(to, ident, made)

    def _headed(self, to: Address, ident: str, subject: str, now: datetime, before: Before) -> EmailMessage:
        made = EmailMessage(policy.SMTPUTF8 if to.utf8 or self.sender.utf8 else policy.SMTP)
        made["From"] = self.sender.shown(self._name)
        made["To"] = to.shown()
        made["Subject"] = _cut(_line(subject))
        made["Date"] = format_datetime(now)
        made["Message-ID"] = ident
        if before.ids:
            made["In-Reply-To"] = before.ids[-1]
            made["References"] = " ".join(dict.fromkeys(before.ids))
        made["List-Id"] = f"<pointman.{self.sender.domain}>"
        made["X-Auto-Response-Suppress"] = "All"
        return made

    def _mail(self, to: Address, ident: str, made: EmailMessage) -> Mail:
        return Mail(self.sender, to, ident, made.as_bytes())

    def _about(self, thing: Message, topic: Topic) -> str:
        """The subject: of a ticket always the same, so that it stays one thread."""
        if topic.key:
            return f"[{topic.key}] {topic.summary}"
        if topic.ref:
            return self._offer.subject
        return thing.title or next(iter(plain(thing.text).split("\n")), "") or self._offer.subject

    def _linked(
        self, buttons: tuple[Button, ...], to: Address, topic: Topic, ident: str, now: datetime
    ) -> tuple[tuple[Button, str], ...]:
        if self._links is None:
            return ()
        mark = _MARK.sub("", ident.partition(".")[0])
        made = ((b, Link(b.verb, b.ref, str(to), now + self._offer.hold, mark, topic.key)) for b in buttons)
        return tuple((button, self._links.url(link)) for button, link in made)

    def _note(self, buttons: tuple[Button, ...], topic: Topic) -> str:
        """What a reply to the mail would do."""
        if not self._offer.replies or not topic.ref:
            return ""
        ticket = topic.key or "the incident"
        told = f"Reply to this message: your words become a comment on {ticket}."
        if self._links is None and self._offer.trusted and buttons:
            verbs = ", ".join(button.verb for button in buttons)
            told += f" A first line that is one of these words asks for it: {verbs}."
        return told


def _filled(made: EmailMessage, text: str, html: str) -> None:
    made.set_content(_clean(text), cte="quoted-printable")
    made.add_alternative(_clean(html), subtype="html", cte="quoted-printable")


def _text(thing: Message, links: tuple[tuple[Button, str], ...], note: str) -> str:
    title = f"{plain(thing.title)}\n\n" if thing.title else ""
    told = "".join(f"\n{_line(button.label)}: {url}" for button, url in links)
    return f"{title}{render.text(thing.text)}\n" + (f"{told}\n" if told else "") + (f"\n-- \n{note}\n" if note else "")


def _html(thing: Message, links: tuple[tuple[Button, str], ...], note: str) -> str:
    colour = "" if thing.colour is None else f"border-left:4px solid {_colour(thing.colour)};padding-left:12px"
    title = f"<h1>{escape(plain(thing.title))}</h1>" if thing.title else ""
    buttons = "".join(
        f'<a href="{escape(url)}" style="display:inline-block;margin:0 8px 8px 0;padding:8px 16px;border-radius:4px;'
        f'background:{"#0b5cad" if button.style == "primary" else "#57606a"};color:#ffffff;text-decoration:none">'
        f"{escape(_line(button.label))}</a>"
        for button, url in links
    )
    return (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>'
        f'<body style="font-family:sans-serif;font-size:15px;line-height:1.45"><div style="{colour}">'
        f"{title}{render.html(thing.text, thing.about)}</div>"
        + (f"<p>{buttons}</p>" if buttons else "")
        + (f'<p style="font-size:13px;color:#57606a">{escape(note)}</p>' if note else "")
        + "</body></html>\n"
    )


def _colour(rank: float) -> str:
    """Between green and red; a hint, never the only one."""
    at = min(1.0, max(0.0, rank))
    return "#" + "".join(f"{round(calm + (hot - calm) * at):02x}" for calm, hot in zip(_CALM, _HOT, strict=True))


def _line(text: str) -> str:
    """A text as one line that a header can hold."""
    kept = ("".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp", "Cf"} else c for c in text)).split()
    return " ".join(kept)


def _cut(text: str) -> str:
    return text if len(text) <= SUBJECT else f"{text[: SUBJECT - 1].rstrip()}…"


def _clean(text: str) -> str:
    """A body without what no mail can carry: half characters, and control characters but for tabs and line ends."""
    return "".join(
        c
        for c in text.replace("\r\n", "\n").replace("\r", "\n")
        if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}
    )
