"""How e-mail is set up: a sender, and a way for mails out: a server that takes them (SMTP), or Microsoft Graph.

It connects and signs in, and sends nothing. Replies are read once an administrator adds a mailbox for them.
"""

from __future__ import annotations

import secrets
from email.utils import parseaddr
from functools import partial
from typing import Any

from pydantic import ValidationError

from connectors.email.addresses import plausible
from connectors.email.graph import GraphMail
from connectors.email.settings import EmailSettings
from connectors.email.smtp import Outbox
from connectors.errors import Refused
from connectors.model import User
from connectors.setup import Answers, Found, Question, Setup

SMTP, GRAPH, NOBODY = "smtp", "graph", "none"
OURS = ("tenant", "client_id", "client_secret", "mailbox")
"""The answers that stand in the table `graph`."""


class EmailSetup(Setup):
    """Sets up one sender's address."""

    questions = (
        Question("sender", "From which address are mails?", "EMAIL_SENDER", "such as Pointman <pointman@example.org>"),
        Question("way", "How do they leave? smtp, or graph (Microsoft 365)", "EMAIL_WAY"),
        Question(
            "server", "Which server takes mails?", "EMAIL_SERVER", "such as smtp.example.org or its name:465", late=True
        ),
        Question("user", f"Who signs in there? ({NOBODY}: nobody)", "EMAIL_USER", late=True),
        Question(
            "password",
            "Their password",
            "EMAIL_PASSWORD",
            secret=True,
            late=True,
            again=("server", "user", "password"),
        ),
        Question("tenant", "The directory (tenant) id of your Microsoft 365", "EMAIL_TENANT", late=True),
        Question(
            "client_id", "The application (client) id of the app that may send mail", "EMAIL_CLIENT_ID", late=True
        ),
        Question("mailbox", "Whose mailbox sends?", "EMAIL_MAILBOX", late=True),
        Question(
            "client_secret",
            "Its client secret: the value",
            "EMAIL_CLIENT_SECRET",
            secret=True,
            late=True,
            again=("tenant", "client_id", "client_secret"),
        ),
        Question("to", "Which address hears of incidents? A list's, or a person's", "EMAIL_TO"),
        Question("watch", "Which address reads what Pointman would have done?", "EMAIL_WATCH", watch=True),
        Question("secret", "A secret of our own, for links and threads", "EMAIL_SECRET", secret=True, made=True),
    )

    def asks(self, question: Question, answers: Answers) -> bool:
        """Each way has its own questions; a server that asks for nobody takes no password."""
        way = answers.get("way", SMTP)
        if question.name in OURS:
            return way == GRAPH
        if question.name == "password":
            return way == SMTP and answers.get("user") != NOBODY
        return question.name not in {"server", "user"} or way == SMTP

    def offer(self, question: Question, answers: Answers) -> str:
        """SMTP, the sender's own address, and a secret that is made up."""
        if question.name == "secret":
            return secrets.token_hex(32)
        own = parseaddr(answers.get("sender", ""))[1]
        return {"way": SMTP, "user": own, "mailbox": own}.get(question.name, "")

    def accept(self, question: Question, answers: Answers) -> str:
        """Try it: connect, encrypt, sign in."""
        said = answers[question.name]
        if question.name == "way" and said not in {SMTP, GRAPH}:
            raise Refused(f"{said} is no way for mails; say {SMTP} or {GRAPH}")
        if question.name in {"to", "watch"} and not plausible(said):
            raise Refused(f"{said} is no e-mail address")
        if question.name == "watch" and said.casefold() == answers["to"].casefold():
            raise Refused(f"{said} hears of incidents already; what is only watched belongs somewhere else")
        if question.name == "sender" and not plausible(parseaddr(said)[1]):
            raise Refused(f"{said} is no address to send from; write it as Pointman <pointman@example.org>")
        if question.name == "password" or (question.name == "user" and said == NOBODY):
            return self._connected(answers)
        return self._graph(answers) if question.name == "client_secret" else ""

    def discover(self, answers: Answers) -> Found:
        """The table: nothing is there to be read."""
        self._settings(answers)
        table = {"sender": answers["sender"], "secret": "env/EMAIL_SECRET", **self._way(answers, shown=True)}
        return Found(table=table, place=answers["to"], watch=answers.get("watch", ""))

    def person(self, address: str) -> User | None:
        """Whoever has an address can be reached by it."""
        return User(address, "", address) if plausible(address) else None

    def _connected(self, answers: Answers) -> str:
        known = self._settings(answers)
        assert known.smtp is not None  # noqa: S101  (that is the way that was said)
        box = Outbox(known.smtp, known.timeout)
        talk = box.connect("could not sign in to the mail server")
        talk.close()
        box.close()
        secured = {"starttls": "encrypted (STARTTLS)", "tls": "encrypted (TLS)", "none": "not encrypted"}
        return f"{known.smtp.host}:{known.smtp.port} takes our mails, {secured[known.smtp.security]}"

    def _graph(self, answers: Answers) -> str:
        known = self._settings(answers)
        assert known.graph is not None  # noqa: S101  (that is the way that was said)
        box = GraphMail(known.graph, known.timeout)
        try:
            box.check()
        finally:
            box.close()
        return "signed in to Microsoft Graph"

    def _settings(self, answers: Answers) -> EmailSettings:
        """Our answers as settings. Raises Refused."""
        more = {name: self.given[name] for name in ("timeout",) if name in self.given}
        said = {"sender": answers["sender"], "secret": "not signed with yet", **more, **self._way(answers, shown=False)}
        try:
            return EmailSettings.model_validate(said)
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]
            said_ = told["msg"].removeprefix("Value error, ")
            raise Refused(f"{'.'.join(map(str, told['loc']))}: {said_}") from None

    def _way(self, answers: Answers, *, shown: bool) -> dict[str, Any]:
        """The table of the way that mails leave; `shown`: as it is written, secrets by their variables."""
        held = partial(_secret, self.questions, answers, shown)
        if answers["way"] == GRAPH:
            given = self.given.get(GRAPH) or {}
            more = {} if shown else {name: given[name] for name in ("base_url", "authority") if name in given}
            told = {name: held(name) if name == "client_secret" else answers[name] for name in OURS}
            return {GRAPH: {**told, **more}}
        host, port = _server(answers["server"])
        given = self.given.get(SMTP) or {}
        more = {} if shown else {name: given[name] for name in ("security", "plain", "ca") if name in given}
        table: dict[str, Any] = {"host": host, "port": port, "security": _security(host, port), **more}
        if answers["user"] != NOBODY:
            table |= {"user": answers["user"], "password": held("password")}
        return {SMTP: table}


def _secret(questions: tuple[Question, ...], answers: Answers, shown: bool, name: str) -> str:
    env = next(q.env for q in questions if q.name == name)
    return f"env/{env}" if shown else answers[name]


def _server(said: str) -> tuple[str, int]:
    """A server's name and port; without one, where mail is handed in. Raises Refused."""
    host, _, port = said.strip().partition(":")
    if not host or (port and not port.isdigit()):
        raise Refused(f"{said} is no server; write it as smtp.example.org, or smtp.example.org:465")
    return host, int(port or 587)


def _security(host: str, port: int) -> str:
    if port == 465:
        return "tls"
    return "none" if host in {"127.0.0.1", "localhost"} and port not in {25, 587} else "starttls"
