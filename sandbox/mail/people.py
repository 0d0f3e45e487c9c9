"""People with a mailbox: they read, follow links, and write back, as their mail programs do.

A click on a link is two requests, as with a browser: a GET that shows what will happen, then the form's POST.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import urljoin

import requests

from sandbox.mail.state import MailState
from sandbox.mail.world import Mail

PATIENCE = 10.0
_FORM = re.compile(r'<form\b[^>]*\baction="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Letter:
    """What a person's program sends: the text, and headers beside those it always writes."""

    text: str
    html: str = ""
    subject: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Correspondents:
    """Acts as people do, in the mailboxes of `state`."""

    def __init__(self, state: MailState) -> None:
        self.state = state
        self._sent = 0

    def reply(self, mail: Mail, by: str, letter: Letter | str, to: str = "") -> Mail:
        """Somebody answers a mail, which is quoted below as most programs do; the answer as it was delivered."""
        said = Letter(letter) if isinstance(letter, str) else letter
        quoted = "\n".join(f"> {line}" for line in mail.text.rstrip("\n").split("\n"))
        name, address = mail.author
        text = f"{said.text}\n\nOn Mon, 23 Nov 2026 at 10:00, {name or address} <{address}> wrote:\n\n{quoted}\n"
        headers = {"In-Reply-To": mail.id, "References": " ".join((*mail.references, mail.id)), **said.headers}
        subject = said.subject or f"Re: {mail.subject.removeprefix('Re: ')}"
        return self.write(by, to or mail.header("Reply-To") or address, Letter(text, said.html, subject, headers))

    def write(self, by: str, to: str, letter: Letter) -> Mail:
        """Somebody writes a mail of their own; it as it was delivered. `by` may hold a name: `Ann <ann@x.org>`."""
        self._sent += 1
        message = EmailMessage(policy=SMTP)
        sender = by.rpartition("<")[2].rstrip(">")
        told = {
            "From": by,
            "To": to,
            "Subject": letter.subject,
            "Date": format_datetime(self.state.now()),
            "Message-ID": f"<{self._sent}.{sender.partition('@')[0]}@client.example.org>",
            **letter.headers,
        }
        for name, value in told.items():
            message[name] = value
        message.set_content(letter.text)
        if letter.html:
            message.add_alternative(letter.html, subtype="html")
        self.state.mailbox(sender)
        to = to.rpartition("<")[2].rstrip(">")
        self.state.deliver(sender, [to], message.as_bytes())
        return self.state.inbox(to)[-1]

    def follow(self, url: str) -> requests.Response:
        """Open a link, as people and scanners do."""
        return requests.get(url, timeout=PATIENCE)

    def click(self, mail: Mail, label: str, answers: Mapping[str, str] | None = None) -> requests.Response:
        """Follow the link with this label and press the button there; the page that comes then."""
        url = mail.link(label)
        page = self.follow(url)
        page.raise_for_status()
        return self.press(page, answers)

    def press(self, page: requests.Response, answers: Mapping[str, str] | None = None) -> requests.Response:
        """Send the form of a page. Raises LookupError where it has none."""
        form = _FORM.search(page.text)
        if form is None:
            raise LookupError(f"the page at {page.url} has no form")
        where = urljoin(page.url, html.unescape(form[1]) or page.url)
        return requests.post(where, data=dict(answers or {}), timeout=PATIENCE)
