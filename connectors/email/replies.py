"""A reply as a command: whose ticket it is about, what its writer's own words are, and what they ask for.

Pure: a mail goes in, a command or a reason comes out. The ticket is told by the ids that the reply refers to, which
only our own mails have; the key in the subject counts only where our mail server vouches for the sender. A first
line that is a verb and nothing else asks for it; else the words are a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from hashlib import sha256

from mailparser_reply.parser import EmailMessage as Parsed

from connectors.email import senders
from connectors.email.compose import Before
from connectors.email.plaintext import from_html
from connectors.email.senders import Verdict
from connectors.email.threads import Threads, ids
from connectors.email.verbs import ALIASES, HARMLESS, VERBS
from connectors.model import Command, User

LONGEST = 20_000
"""Characters of a text that are read."""
LONGEST_HEAD = 64_000
"""Bytes of the headers that are read: the standard library takes a second for a hundred thousand."""
LONGEST_FIELD = 2_000
"""Bytes of a field that says what a part of a mail is: a hundred times as many take the standard library hours."""
MOST_PARTS = 1_000
"""Parts of a mail that are read: a hundred thousand fit into one, and take seconds."""
LONGEST_MARK = 300
"""Characters of the longest line by which a mail program introduces what it quotes."""
_HEAD = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(
    rb"(?:^|[\r\n])content-[a-z-]{2,30}[ \t]*:(?:[^\r\n]|[\r\n]{1,2}[ \t]){%d}" % LONGEST_FIELD, re.IGNORECASE
)
_PART = re.compile(rb"[\r\n]--")
_GAP = re.compile(r"\n{3,}")
_STAND_IN = "\ue000{}\ue000"
_STOOD_IN = re.compile("\ue000(\\d+)\ue000")
_KEY = re.compile(r"\[([A-Za-z][\w-]{0,60}\d)\]")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail means: a command, or why it means nothing. `refusal` is told to the sender, where there is one."""

    command: Command | None = None
    why: str = ""
    refusal: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Handle:
    """How a reply is answered: to whom, and in which thread. As text: JSON."""

    to: str
    before: Before

    def __str__(self) -> str:
        return json.dumps([self.to, list(self.before.ids), self.before.subject])

    @classmethod
    def parse(cls, reply: str) -> Handle:
        """The handle in a command's `reply`. Raises ValueError."""
        to, told, subject = json.loads(reply)
        return cls(str(to), Before(tuple(map(str, told)), str(subject)))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads replies to one sender's mails. `server` is the authserv-id that is believed; empty for none."""

    source: str
    own: str
    threads: Threads
    server: str = ""
    languages: tuple[str, ...] = ("en",)

    def read(self, raw: bytes) -> Reading:
        """What a mail means. Never raises: what cannot be read means nothing."""
        if len(_HEAD.split(raw, maxsplit=1)[0]) > LONGEST_HEAD:
            return Reading(why="its head is too long")
        if _FIELD.search(raw) or len(_PART.findall(raw)) > MOST_PARTS:
            return Reading(why="it has too many parts, or one that says too much of what it is")
        try:
            message = message_from_bytes(raw, policy=policy.default)
            return self._read(message, raw)
        except Exception as error:  # noqa: BLE001  (anybody can send anything; the parser raises what it likes)
            return Reading(why=f"it cannot be read ({type(error).__name__})")

    def _read(self, message: EmailMessage, raw: bytes) -> Reading:
        sender = senders.address(message)
        if why := senders.automatic(message, self.threads, self.own):
            return Reading(why=why, sender=sender)
        verdict = senders.verified(message, self.server)
        if verdict == "fail":
            return Reading(why=f"{self.server} says that it is not from whom it says", sender=sender)
        ref = self._ticket(message, verdict)
        if not ref:
            return Reading(why="it is about no ticket that we told its sender of", sender=sender)
        words = own_words(message, self.languages)
        if not words:
            return Reading(why="it says nothing of its own", sender=sender)
        verb, args = asked(words)
        command = _command(message, raw, self.source, (ref, verb, args))
        if verdict != "pass" and verb not in HARMLESS:
            said = (
                f"Nothing was done: {verb} cannot be asked for by e-mail here, since nobody has verified that this "
                "mail is from you. Use a link in the mail, or the ticket itself."
            )
            return Reading(command, "its sender is not verified", said, sender)
        return Reading(command, sender=sender)

    def _ticket(self, message: EmailMessage, verdict: Verdict) -> str:
        before = (*ids(str(message.get("References", ""))), *ids(str(message.get("In-Reply-To", ""))))
        ref = self.threads.ticket(reversed(before))
        if ref or verdict != "pass":
            return ref
        found = _KEY.search(str(message.get("Subject", "")))
        return found[1] if found is not None else ""


def asked(words: str) -> tuple[str, Mapping[str, str]]:
    """The verb and its arguments in a reply's own words. What follows the verb's line is what the verb lacks."""
    first, _, rest = words.partition("\n")
    verb = first.strip().rstrip(".!").lower()
    verb = ALIASES.get(verb, verb)
    if verb not in VERBS:
        return "comment", {"text": words}
    names, told = VERBS[verb].lacks, rest.strip()
    if len(names) < 2:
        return verb, ({names[0]: told} if names and told else {})
    lines = [line.strip() for line in told.split("\n", len(names) - 1)]
    return verb, {name: line for name, line in zip(names, lines, strict=False) if line}


def own_words(message: EmailMessage, languages: tuple[str, ...]) -> str:
    """What somebody wrote themselves: without what they quote, and without their signature."""
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    told = str(part.get_content())[:LONGEST]
    text = from_html(told) if part.get_content_type() == "text/html" else told
    lines = [line.rstrip() for line in text.replace("\xa0", " ").replace("\ue000", " ").splitlines()]
    # the library's patterns take minutes over long lines and long gaps, which no mark of a mail program has
    short = "\n".join(line if len(line) <= LONGEST_MARK else _STAND_IN.format(n) for n, line in enumerate(lines))
    reply = Parsed(_GAP.sub("\n\n", short), list(languages), keep_hyphen_lists=True).read().replies[0]
    words = _unsigned(reply.content, reply.signatures or "")
    kept = (line for line in words.split("\n") if not line.startswith(">"))
    return _STOOD_IN.sub(lambda found: lines[int(found[1])], "\n".join(kept)).strip()


def _unsigned(text: str, signature: str) -> str:
    """The text without its signature, unless what the library takes for one may well be somebody's words.

    `Thanks, it is up again` begins as a farewell does; a farewell is alone on its line, and little follows it.
    """
    first, _, rest = signature.partition("\n")
    mark = re.match(r"[-_]{2}|sent from|get outlook|gesendet von|envoy|enviado|inviato|verzonden", first, re.IGNORECASE)
    farewell = "," not in first.rstrip(",") and len(first.split()) <= 4 and rest.count("\n") < 8
    return text.removesuffix(signature).rstrip() if signature and (mark or farewell) else text


def _command(message: EmailMessage, raw: bytes, source: str, meant: tuple[str, str, Mapping[str, str]]) -> Command:
    by = senders.author(message) or User("")
    told = ids(str(message.get("Message-ID", "")))
    ident = told[0] if told else f"<{sha256(raw).hexdigest()[:32]}>"
    before = Before((*ids(str(message.get("References", "")))[-10:], ident), str(message.get("Subject", "")))
    ref, verb, args = meant
    mark = f"{ident} {by.email}".encode("utf-8", "replace")  # an id alone could be taken before its owner uses it
    short = f"mail.{sha256(mark).hexdigest()[:24]}"  # it is kept on the ticket
    return Command(ref, verb, by, source, args, str(Handle(by.email, before)), _sent(message), short)


def _sent(message: EmailMessage) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(message.get("Date", "")))
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None
