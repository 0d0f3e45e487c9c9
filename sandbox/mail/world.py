"""What a mail server holds, as plain data: mailboxes, in them threads, in them mails, in them parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from functools import cached_property
from html import unescape

_ID = re.compile(r"<[^<>\s]+>")
_HREF = re.compile(r'<a\b[^>]*\bhref="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a mail that can be read: `kind` is `text/plain`, `text/html` and so on."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link in the HTML part, as somebody sees it."""

    label: str
    url: str


@dataclass
class Mail:
    """A mail as it was delivered. `sender` and `to` are the envelope's; `uid` is its number in the mailbox."""

    uid: int
    at: datetime
    sender: str
    to: tuple[str, ...]
    raw: bytes
    seen: bool = False
    folder: str = "INBOX"

    @cached_property
    def message(self) -> EmailMessage:
        """The mail as the standard library reads it."""
        return message_from_bytes(self.raw, policy=default)

    def header(self, name: str) -> str:
        """A header, decoded; empty where it is absent."""
        return str(self.message.get(name, "")).strip()

    @property
    def id(self) -> str:
        """Its Message-ID, in angle brackets."""
        return self.header("Message-ID")

    @property
    def subject(self) -> str:
        """Its subject."""
        return self.header("Subject")

    @property
    def author(self) -> tuple[str, str]:
        """Name and address of whom it says it is from."""
        return parseaddr(self.header("From"))

    @property
    def references(self) -> tuple[str, ...]:
        """The ids of the mails it follows, the thread's first one first."""
        told = f"{self.header('References')} {self.header('In-Reply-To')}"
        return tuple(dict.fromkeys(_ID.findall(told)))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Everything in it that is text, in order."""
        leaves = [part for part in self.message.walk() if part.get_content_maintype() == "text"]
        return tuple(Part(part.get_content_type(), part.get_content()) for part in leaves)

    @property
    def text(self) -> str:
        """Its plain text; empty where it has none."""
        return next((part.text for part in self.parts if part.kind == "text/plain"), "").replace("\r\n", "\n")

    @property
    def html(self) -> str:
        """Its HTML; empty where it has none."""
        return next((part.text for part in self.parts if part.kind == "text/html"), "")

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links of the HTML part."""
        return tuple(Link(unescape(_TAG.sub("", label)), unescape(url)) for url, label in _HREF.findall(self.html))

    def link(self, label: str) -> str:
        """Where the link with this label leads. Raises StopIteration where there is none."""
        return next(link.url for link in self.links if link.label == label)


@dataclass(slots=True)
class Thread:
    """Mails that follow one another, oldest first. `root` is the id they all refer to."""

    root: str
    mails: list[Mail] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """What it is about: the subject of the first mail."""
        return self.mails[0].subject


@dataclass(slots=True)
class Mailbox:
    """Somebody's mails, oldest first; what they sent themselves is in the folder `Sent`."""

    address: str
    name: str = ""
    mails: list[Mail] = field(default_factory=list)

    def inbox(self) -> list[Mail]:
        """What came in, oldest first."""
        return self.folder("INBOX")

    def folder(self, name: str) -> list[Mail]:
        """The mails in a folder, oldest first."""
        return [mail for mail in self.mails if mail.folder.lower() == name.lower()]

    def threads(self) -> list[Thread]:
        """The mails as a client shows them: by the first mail each refers to, the thread with the newest mail last."""
        found: dict[str, Thread] = {}
        for mail in self.mails:
            root = next(iter(mail.references), mail.id)
            found.setdefault(root, Thread(root)).mails.append(mail)
        return sorted(found.values(), key=lambda thread: thread.mails[-1].at)

    def numbered(self) -> Iterator[tuple[int, Mail]]:
        """Every mail with its place in the mailbox, from 1."""
        return enumerate(self.mails, 1)
