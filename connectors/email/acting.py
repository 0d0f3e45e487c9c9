"""What happens when somebody follows a link: GET shows what will happen and changes nothing, POST asks for it.

Scanners of mail follow every link, some by HEAD; none sends a form. A POST becomes a command with the link's own id,
so a second one is no second act, and is answered with "see other": then the page shows the engine's answer, or asks
for what the command lacks. Answers are kept for that page in memory only; where they are lost, the ticket has them.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import TypeAlias
from urllib.parse import parse_qsl

from connectors.base import BadRequest, Receipt, Request
from connectors.email import pages
from connectors.email.links import Link, Links, Wrong
from connectors.model import Command, Form, User

Outcome: TypeAlias = str | Form
"""What came of a command: the engine's answer, or what it asks back."""
PAGE = "page"
"""The `reply` of a command that came by a page: its answer is shown there."""
MOST = 1_000
LONGEST = 10_000
"""Characters of one answer in a form that are read."""


class Outcomes:
    """What came of the last commands, by their ids; the oldest is forgotten first. Safe for many threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Outcome] = OrderedDict()
        self._lock = Lock()

    def put(self, ident: str, outcome: Outcome) -> None:
        """Keep it."""
        with self._lock:
            self._kept[ident] = outcome
            self._kept.move_to_end(ident)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def get(self, ident: str) -> Outcome | None:
        """What came of it; None where it is not known (yet, or any more)."""
        with self._lock:
            return self._kept.get(ident)


class Acting:
    """Reads what browsers ask for at `/act`. `source` is the connector's name."""

    def __init__(self, links: Links, outcomes: Outcomes, source: str) -> None:
        self._links, self._outcomes, self._source = links, outcomes, source

    def receive(self, request: Request, now: datetime) -> Receipt:
        """The page, or the command. Raises BadRequest with a page that helps; makes no call."""
        token = request.query.get("t", "")
        try:
            link = self._links.read(token, now)
        except Wrong as wrong:
            raise BadRequest(wrong.status, str(wrong), pages.wrong(wrong.status, str(wrong))) from None
        if request.method == "POST":
            return self._asked(link, token, request, now)
        return self._shown(link, token, request.query.get("done", ""))

    def _shown(self, link: Link, token: str, done: str) -> Receipt:
        action = f"?{self._links.query(token)}"
        if done != link.id and not done.startswith(f"{link.id}."):
            return pages.confirm(link, action)
        outcome = self._outcomes.get(done)
        if isinstance(outcome, Form):
            return pages.ask(link, outcome, action)
        return pages.said(link, outcome) if outcome is not None else pages.waiting(link)

    def _asked(self, link: Link, token: str, request: Request, now: datetime) -> Receipt:
        args = _args(request)
        digest = sha256(repr(sorted(args.items())).encode()).hexdigest()[:12]
        ident = f"{link.id}.{digest}" if args else link.id
        by = User(link.address, "", link.address)
        command = Command(link.ref, link.verb, by, self._source, args, PAGE, now, ident)
        headers = {**pages.HEADERS, "location": f"?{self._links.query(token, done=ident)}"}
        return Receipt((command,), 303, "", "text/plain", headers=headers)


def _args(request: Request) -> dict[str, str]:
    """What was filled in, by the name of the question; what was left empty is absent."""
    if "application/x-www-form-urlencoded" not in request.headers.get(
        "content-type", "application/x-www-form-urlencoded"
    ):
        said = "This form was not sent by a browser."
        raise BadRequest(400, said, pages.wrong(400, said))
    try:
        told = parse_qsl(request.body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        said = "This form has more fields than were asked for."
        raise BadRequest(400, said, pages.wrong(400, said)) from None
    filled = {name[:50]: value.replace("\r\n", "\n").strip()[:LONGEST] for name, value in told}
    return {name: value for name, value in filled.items() if name.isidentifier() and value}
