"""E-mail: messages to people and lists, links to act by, replies that become comments and commands.

A mail cannot be edited or looked for, and the class says so. Its ref is its Message-ID, which follows from the key
that it is put under: what is sent again by mistake carries the same id, and mail programs show it once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import partial
from threading import Event, Lock
from typing import Any

from connectors.base import Messenger, Receipt, Request, Wanted
from connectors.email.acting import PAGE, Acting, Outcomes
from connectors.email.addresses import parse
from connectors.email.checks import problems
from connectors.email.compose import Composer, Offer
from connectors.email.graph import GraphMail
from connectors.email.imap import ImapMail
from connectors.email.links import PATH, Links
from connectors.email.listener import Box, Floods, Listener
from connectors.email.replies import Handle, Reader
from connectors.email.settings import EmailSettings, Imap
from connectors.email.smtp import Outbox
from connectors.email.threads import Threads
from connectors.errors import ConnectorError, Refused
from connectors.model import Command, Form, Message, Signal
from connectors.problems import Problem
from connectors.setup import Setup

ANSWERED = 1_000
"""So many mails are remembered as answered."""


def _now() -> datetime:
    return datetime.now(UTC)


class Email(Messenger):
    """One sender's address. `clock` dates mails and ends links."""

    Settings = EmailSettings
    product = "e-mail"
    editable = False
    searchable = False
    paths = (PATH,)

    settings: EmailSettings

    @classmethod
    def setup(cls, name: str, given: Mapping[str, Any]) -> Setup:
        """How it is set up."""
        from connectors.email.setup import EmailSetup

        return EmailSetup(name, given)

    def __init__(self, name: str, settings: EmailSettings, clock: Callable[[], datetime] = _now) -> None:
        super().__init__(name, settings)
        self.clock = clock
        own, secret = parse(parseaddr(settings.sender)[1]), settings.secret.get_secret_value()
        threads = Threads(secret, own.domain)
        links = Links(secret, settings.public_url, name)
        hold = timedelta(hours=settings.link_hours)
        offer = Offer(settings.subject, hold, settings.replies, bool(settings.trust))
        self._compose = Composer(settings.sender, threads, links if settings.public_url else None, offer)
        self._graph = GraphMail(settings.graph, settings.timeout) if settings.graph is not None else None
        self._smtp = Outbox(settings.smtp, settings.timeout) if settings.smtp is not None else None
        self._reader = Reader(name, str(own), threads, settings.trust, settings.languages)
        self._outcomes = Outcomes()
        self._acting = Acting(links, self._outcomes, name)
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """Send a mail to an address, a person's or a list's; its Message-ID. Raises connectors.errors.

        With a ref it is Refused: nothing can be changed in what was sent.
        """
        if ref:
            raise Refused(f"could not change a mail to {self.name}:{place}: what was sent stays as it is")
        try:
            to = parse(place)
        except Refused as refused:
            raise Refused(f"could not send by {self.name}: {refused}") from None
        tried = f"could not send to {self.name}:{to}"
        mail = self._compose.message(to, thing, key, self.clock())
        self._sender.send(mail, tried)
        return mail.id

    def retire(self, place: str, ref: str) -> None:
        """Nothing: a mail that was sent stays as it is, and its links end by themselves."""

    def answer(self, command: Command, text: str) -> None:
        """Tell the person who asked: on the page they asked by, else by a mail to them alone, once for each of theirs.

        Raises connectors.errors.
        """
        if command.reply == PAGE:
            self._outcomes.put(command.id, text)
            return
        tried = f"could not answer {command.by} in {self.name}"
        try:
            handle = Handle.parse(command.reply)
        except ValueError:
            raise Refused(f"{tried}: the command carries no address for an answer") from None
        if not self._first(command.id):
            return
        mail = self._compose.answer(parse(handle.to), text, command.id, handle.before, self.clock())
        self._sender.send(mail, tried)

    def ask(self, command: Command, form: Form) -> None:
        """Ask for what a command lacks on the page it came by. Raises Refused where it came by mail."""
        if command.reply != PAGE:
            raise Refused(f"{self.name} cannot ask back by mail; write it below the verb")
        self._outcomes.put(command.id, form)

    def receive(self, request: Request, now: datetime) -> Receipt:
        """Read what a browser asks for at a link: GET shows, POST does. Raises BadRequest; makes no call."""
        return self._acting.receive(request, now)

    def listen(self, emit: Callable[[Signal], Event | None], stop: Event) -> None:
        """Hear replies, where a mailbox is configured; else return at once. Raises connectors.errors."""
        box = self._box()
        if box is not None:
            floods = Floods(self.settings.most)
            Listener(box, self._reader, floods, self.clock, self._refuse, self.settings.every).run(emit, stop)

    def check(self, wanted: Wanted) -> Iterable[Problem]:
        """Connect, encrypt, sign in, open the folder; whether addresses look like some. Sends and changes nothing."""
        return problems(self.name, self.settings, self._tries(), wanted)

    def close(self) -> None:
        """Let go of connections."""
        for each in (self._smtp, self._graph):
            if each is not None:
                each.close()

    @property
    def _sender(self) -> Outbox | GraphMail:
        sender = self._smtp or self._graph
        assert sender is not None  # noqa: S101  (the settings hold that there is one)
        return sender

    def _box(self) -> Box | None:
        if self.settings.imap is not None:
            return ImapMail(self.settings.imap, self.settings.timeout)
        if self.settings.graph is not None and self.settings.replies:
            return GraphMail(self.settings.graph, self.settings.timeout)  # its own connections, as it closes them
        return None

    def _tries(self) -> Iterable[Callable[[], None]]:
        if self._graph is not None:
            yield self._graph.check
        if self._smtp is not None:
            yield partial(self._connects, self._smtp)
        if self.settings.imap is not None:
            yield partial(self._opens, self.settings.imap)

    def _connects(self, smtp: Outbox) -> None:
        smtp.connect(f"could not connect {self.name}").close()

    def _opens(self, imap: Imap) -> None:
        box = ImapMail(imap, self.settings.timeout)
        try:
            box.check()
        finally:
            box.close()

    def _refuse(self, command: Command, said: str) -> None:
        try:
            self.answer(command, said)
        except ConnectorError:  # it is best effort, and the mail is marked as read
            return

    def _first(self, ident: str) -> bool:
        """Whether this mail was not answered before."""
        with self._lock:
            if ident in self._answered:
                return False
            self._answered[ident] = None
            if len(self._answered) > ANSWERED:
                self._answered.popitem(last=False)
            return True


__all__ = ["Email", "EmailSettings"]
