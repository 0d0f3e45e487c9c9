"""What a message comes to for a receiver: the words that a recipe's body may ask for."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from connectors.markup import plain
from connectors.model import Message
from connectors.webhook.settings import WebhookSettings

LONGEST = 8_000
"""Characters of a text; Opsgenie takes 15,000, and nobody reads them at night."""
SPOKEN = 900
"""Characters that are read aloud."""
WRITTEN = 3_200
"""Characters that they may come to as XML; Twilio takes 4,000 with all markup, addresses and what is asked."""
SHORT_MESSAGE = 1_500
"""Characters of a short message; Twilio takes 1,600."""
SEVERITIES = ("info", "warning", "error", "critical")
_ADDRESS = re.compile(r"\(?\bhttps?://\S+")
_UNSPEAKABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
_RESPONDERS = ("team", "schedule", "escalation")


def words(settings: WebhookSettings, place: str, thing: Message, ids: list[str], now: datetime) -> dict[str, Any]:
    """The words of one message, but for credentials and addresses."""
    text, recipe = plain(thing.text), settings.made
    about, link = thing.about, _link(settings.ticket_url, thing)
    said = f"{thing.title}: {text}" if thing.title else text
    sms = settings.recipe == "twilio_sms"
    return {
        "id": ids[0],
        "ids": ids,
        "to": place.strip(),
        "text": cut(text, SHORT_MESSAGE - len(link) if sms else LONGEST),
        "markdown": cut(thing.text, LONGEST),
        "summary": cut(" ".join(said.split()), recipe.longest),
        "title": thing.title,
        "ticket": about.key if about is not None else "",
        "ref": about.ref if about is not None else "",
        "link": link,
        "link_title": (about.key if about is not None and about.key else "The ticket") if link else "",
        "severity": severity(thing.colour),
        "priority": priority(thing.colour),
        "source": settings.source,
        "sender": settings.sender,
        "user": settings.user,
        "now": now.isoformat(timespec="seconds"),
        "responders": responders(place),
        "twiml": twiml(said, settings.language),
        "reply": _reply(about.key if about is not None else "") if settings.public_url else "",
    }


def severity(colour: float | None) -> str:
    """PagerDuty's word for a rank from 0 to 1; a call of unknown rank is critical, since somebody is called."""
    return SEVERITIES[-1] if colour is None else SEVERITIES[min(3, int(colour * 4))]


def priority(colour: float | None) -> str:
    """Opsgenie's, P1 to P5, likewise."""
    return "P1" if colour is None else f"P{5 - min(4, int(colour * 5))}"


def responders(place: str) -> list[dict[str, str]]:
    """Whom Opsgenie calls: `team:name`, `schedule:name`, `escalation:name`, an e-mail address, else a team."""
    kind, colon, name = (part.strip() for part in place.partition(":"))
    if colon and kind.lower() in _RESPONDERS:
        return [{"type": kind.lower(), "name": name}]
    if colon and kind.lower() == "user":
        return [{"type": "user", "username": name}]
    whole = place.strip()
    return [{"type": "user", "username": whole}] if "@" in whole else [{"type": "team", "name": whole}]


def twiml(text: str, language: str) -> str:
    """The text as a telephone voice reads it, twice; an address in the web is not read aloud."""
    text = " ".join(_UNSPEAKABLE.sub(" ", _ADDRESS.sub(" ", text)).split())
    longest = SPOKEN
    while len(said := escape(cut(text, longest))) > WRITTEN:  # five letters for each `&`
        longest -= 50
    return f'<Response><Say language="{language}" loop="2">{said}</Say></Response>'


def asking(said: str, url: str, press: str, language: str) -> str:
    """What a telephone voice reads, with a key to press meanwhile; the address is told which."""
    inner = said.removeprefix("<Response>").removesuffix("</Response>")
    question = f'<Say language="{language}">{escape(press)}</Say>'
    gather = f'<Gather input="dtmf" numDigits="1" timeout="10" method="POST" action={quoteattr(url)}>'
    return f"<Response>{gather}{inner}{question}</Gather></Response>"


def cut(text: str, longest: int) -> str:
    """The text, or as much of it as there is room for, with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _reply(key: str) -> str:
    """How a short message is answered."""
    return f"\nReply: ack {key}".rstrip()


def _link(pattern: str, thing: Message) -> str:
    """A link to the ticket, where whoever is called may know its key."""
    about = thing.about
    ref = about.ref if about is not None else next((button.ref for button in thing.buttons), "")
    key = about.key if about is not None else ""
    if not ref or ("{key}" in pattern and not key):
        return ""
    return pattern.replace("{ref}", ref).replace("{key}", key)
