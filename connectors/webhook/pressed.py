"""What Twilio tells us: a key that was pressed during a call, and a short message that was answered.

Both are signed with the account's token over the address that was called and every field, so that address has to be
known: it is `public_url`, which also stands in what the call is told to do. That of a call names ticket and call, and
nobody but us and Twilio can have signed it. Of a short message only the sender's number tells whose it is, and a number
can be forged; so it can acknowledge, and nothing else.
https://www.twilio.com/docs/usage/security#validating-requests, /docs/voice/twiml/gather
"""

from __future__ import annotations

import base64
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Condition
from typing import Final
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Command, User
from connectors.signatures import same
from connectors.webhook.settings import WebhookSettings

TO: Final = "to:"
"""What a call is known by of which only the number is known that was called, the latest that is not over.

A ticket's key may follow.
"""
KEY: Final = "1"
"""Whoever is called presses it to acknowledge."""
FIELDS: Final = 200
ANSWERED: Final = 1.0
"""Seconds to wait for what became of it; it was waited for before."""
KEPT: Final = 1_000
_ACK: Final = re.compile(r"\s*(?:ack|acknowledge|ok|1)\b[\s:,.]*([A-Za-z][A-Za-z0-9_]*-?[0-9]+)?[\s.!]*", re.IGNORECASE)
_UNSURE: Final = "It is not known yet whether that was written down. Please look at the ticket."


class Answers:
    """What is to be said to people who wait for it, by the id of their command."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, str] = OrderedDict()
        self._came = Condition()

    def put(self, ident: str, text: str) -> None:
        """This is the answer."""
        with self._came:
            self._said[ident] = text
            while len(self._said) > KEPT:
                self._said.popitem(last=False)
            self._came.notify_all()

    def get(self, ident: str) -> str:
        """The answer, if it comes soon."""
        with self._came:
            self._came.wait_for(lambda: ident in self._said, ANSWERED)
            return self._said.get(ident, _UNSURE)


def receive(name: str, settings: WebhookSettings, request: Request, now: datetime, answers: Answers) -> Receipt:
    """What was pressed or written, with an answer that is said or sent. Raises BadRequest."""
    given = _believed(name, settings, request)
    command = _spoken(given, name, request, now) if "CallSid" in given else _written(given, name, now)
    spoken, language = "CallSid" in given, settings.language
    if command is None:
        said = "Nothing was acknowledged." if spoken else "Reply ack, or ack and the ticket's key."
        return Receipt((), 200, _twiml(said, language, spoken=spoken), "text/xml")
    ident = command.id
    return Receipt(
        (command,),
        200,
        content_type="text/xml",
        later=lambda: _twiml(answers.get(ident), language, spoken=spoken),
    )


def address(name: str, settings: WebhookSettings, query: Mapping[str, str]) -> str:
    """Where Twilio reaches us, with what it is to bring along."""
    asked = {word: query[word] for word in ("ref", "call") if query.get(word)}
    return f"{settings.public_url.rstrip('/')}/hooks/{name}" + (f"?{urlencode(asked)}" if asked else "")


def signature(token: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Twilio's signature of a form that is posted to an address: HMAC-SHA1, in base64."""
    content = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    return base64_of(hmac.digest(token.encode(), content.encode("utf-8", "replace"), "sha1"))


def base64_of(digest: bytes) -> str:
    """Bytes as base64 text."""
    return base64.b64encode(digest).decode()


def _believed(name: str, settings: WebhookSettings, request: Request) -> Mapping[str, str]:
    if not settings.public_url:
        raise BadRequest(401, f"{name} has no public_url, so nothing from Twilio can be believed")
    try:
        fields = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise BadRequest(400, f"the webhook for {name} is no form as Twilio sends it") from None
    url, given = address(name, settings, request.query), request.headers.get("x-twilio-signature", "")
    tokens = [one.get_secret_value() for one in (settings.token, *settings.tokens.values()) if one is not None]
    if not any(same(given, signature(token, url, fields)) for token in tokens):
        raise BadRequest(401, f"the signature of the webhook for {name} is wrong; is public_url what Twilio calls?")
    return dict(fields)


def _spoken(given: Mapping[str, str], name: str, request: Request, now: datetime) -> Command | None:
    """A key that was pressed; by whoever was called, or, where they called us, by them."""
    ref, call = request.query.get("ref", ""), request.query.get("call", "")
    number = given.get("From" if given.get("Direction") == "inbound" else "To", "")
    if given.get("Digits", "").strip() != KEY or not ref or not call or not number:
        return None
    ident = f"{given['CallSid']}.{call}"
    return Command(ref, "acknowledge", User(number, number), name, {"by": "telephone"}, call, now, ident)


def _written(given: Mapping[str, str], name: str, now: datetime) -> Command | None:
    """An answer by short message: to the ticket that it names, else to the latest for which that number was told."""
    read, number = _ACK.fullmatch(given.get("Body", "")), given.get("From", "")
    ident = given.get("MessageSid", "")
    if read is None or not ident or not number:
        return None
    call = f"{TO}{number} {(read[1] or '').upper()}".strip()
    return Command("", "acknowledge", User(number, number), name, {"by": "short message"}, call, now, ident)


def _twiml(said: str, language: str, *, spoken: bool) -> str:
    """What is said at the other end, or sent back."""
    text = escape(" ".join(said.split()))
    inner = f'<Say language="{language}">{text}</Say>' if spoken else f"<Message>{text}</Message>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'
