"""A running mail server with our connector before it; its clock stands still."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

from connectors.base import BadRequest, Receipt, Request
from connectors.email import Email, EmailSettings
from connectors.model import Button, Command, Message, Signal, Topic
from sandbox.clock import Clock
from sandbox.mail import Correspondents, Mail, MailSandbox, MailState

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OURS = "pointman@example.org"
ANN = "ann@example.org"
PASSWORD = "mailbox-password-0000"
SECRET = "link-secret-of-at-least-16"
MX = "mx.example.org"
PASSED = {"Authentication-Results": f"{MX}; dmarc=pass header.from=example.org; spf=pass smtp.mailfrom=example.org"}
"""What our own mail server writes into a mail whose sender it has verified."""

DOWN = Message(
    "**OPS-1** Checkout is down",
    (Button("Acknowledge", "acknowledge", "10001", "primary"), Button("Take it", "take", "10001")),
    about=Topic("10001", "OPS-1", "Checkout is down"),
)


@dataclass
class Office:
    box: MailSandbox
    email: Email
    given: dict[str, Any]
    others: list[Email] = field(default_factory=list)

    @property
    def state(self) -> MailState:
        return self.box.state

    @property
    def people(self) -> Correspondents:
        return self.box.people

    def ann(self) -> list[Mail]:
        """What Ann has received."""
        return self.state.inbox(ANN)

    def later(self, **span: float) -> None:
        self.state.clock.advance(timedelta(**span))

    def again(self, **settings: Any) -> Email:
        """The connector as a new process would have it: the same configuration, and no memory."""
        self.others.append(connector(self.box, {**self.given, **settings}))
        return self.others[-1]

    def ask(self, url: str, method: str = "GET", body: str = "", **query: str) -> Receipt:
        """What a browser is answered at a link; also where the link is refused."""
        from urllib.parse import parse_qsl, urlsplit

        split = urlsplit(url)
        asked = {**dict(parse_qsl(split.query)), **query}
        headers = {"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        try:
            return self.email.receive(Request(headers, body.encode(), "/act", asked, method), self.state.now())
        except BadRequest as wrong:
            return wrong.page or Receipt(status=wrong.status, body=str(wrong))

    def hear(self, email: Email | None = None, *, done: bool = True) -> list[Command]:
        """Everything that one look into the mailbox hands on. `done`: each is carried out at once."""
        got: list[Command] = []
        stop, first = Event(), Event()

        def emit(signal: Signal) -> Event | None:
            assert isinstance(signal, Command)
            got.append(signal)
            return None if done else Event()

        def run() -> None:
            first.set()
            (email or self.email).listen(emit, stop)

        thread = Thread(target=run)
        looks = self.looks
        thread.start()
        for _ in range(2_000):
            if self.looks > looks + 1 or not thread.is_alive():  # a second look has begun, so the first is over
                break
            stop.wait(0.002)
        stop.set()
        thread.join(10)
        return got

    @property
    def looks(self) -> int:
        """How often the mailbox was looked into; through Graph, how often anything was asked."""
        if "imap" not in self.given:
            return self.box.server.requests
        return sum(told.startswith("IMAP UID SEARCH") for told in self.state.talk)


def connector(box: MailSandbox, given: dict[str, Any]) -> Email:
    return Email("email", EmailSettings.model_validate(given), box.state.now)


def smtp(box: MailSandbox, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": box.smtp_port, "security": "none", **more}


def imap(box: MailSandbox, **more: Any) -> dict[str, Any]:
    told = {"host": "127.0.0.1", "port": box.imap_port, "security": "none", "user": OURS, "password": PASSWORD}
    return {**told, **more}


def graph(box: MailSandbox, **more: Any) -> dict[str, Any]:
    return {
        "tenant": "11111111-2222-3333-4444-555555555555",
        "client_id": box.graph.client_id,
        "client_secret": box.graph.secret,
        "mailbox": OURS,
        "folder": "inbox",
        "base_url": box.api,
        "authority": box.server.url,
        **more,
    }


@contextmanager
def office(tls: ssl.SSLContext | None = None, **settings: Any) -> Iterator[Office]:
    """The mail server and the connector; `settings` that are functions are given the server."""
    with MailSandbox(Clock(NOW, speed=0), tls=tls) as box:
        box.state.account(OURS, PASSWORD)
        box.state.mailbox(ANN, "Ann")
        given = {
            "sender": f"Pointman <{OURS}>",
            "secret": SECRET,
            "public_url": "https://pointman.example.org/",
            "every": 0.01,
            "timeout": 5,
            "smtp": smtp(box),
            "imap": imap(box),
            **{name: value(box) if callable(value) else value for name, value in settings.items()},
        }
        given = {name: value for name, value in given.items() if value is not None}
        made = Office(box, connector(box, given), given)
        yield made
        for email in (made.email, *made.others):
            email.close()


@dataclass(frozen=True)
class Trust:
    """A certificate authority of our own: its file, and what a server under it is set up with."""

    file: Path
    server: ssl.SSLContext


def authority(folder: Path) -> Trust:
    import trustme

    ours = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.issue_cert("127.0.0.1").configure_cert(server)
    ours.cert_pem.write_to_path(str(folder / "ca.pem"))
    return Trust(folder / "ca.pem", server)
