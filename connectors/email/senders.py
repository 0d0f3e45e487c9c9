"""Which mail is not from a person, and whether it is from whom it says: read from headers, decided without any call.

Automatic mail is never answered and never carried out, or two machines write to each other for ever (RFC 3834).
"""

from __future__ import annotations

import re
from email.errors import InvalidHeaderDefect
from email.message import EmailMessage
from typing import Literal, TypeAlias

from connectors.email.threads import Threads
from connectors.model import User

Verdict: TypeAlias = Literal["pass", "fail", "none"]

MICROSOFT = "microsoft"
"""What to trust where the mailbox is in Exchange Online."""
_ROBOT = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+=.-].*)?", re.IGNORECASE)
_SAID = re.compile(r'\((?:[^()\\]|\\.)*\)|"(?:[^"\\]|\\.)*"')
"""A comment, or a text in quotes: whoever sends a mail can have any words in them (`"a; dkim=pass"@evil.example`)."""
_BARE = re.compile(r'"([\w.@+-]*)"')
_ODD = frozenset('()"\\')
_METHOD = re.compile(r"\s*(dmarc|spf|dkim)\s*=\s*([a-z]+)(?![\w=])(.*)", re.IGNORECASE | re.DOTALL)
_PROPERTY = {
    "dmarc": re.compile(r"\bheader\.from\s*=\s*(\S+)", re.IGNORECASE),
    "dkim": re.compile(r"\bheader\.[di]\s*=\s*(\S+)", re.IGNORECASE),
    "spf": re.compile(r"\bsmtp\.mailfrom\s*=\s*(\S+)", re.IGNORECASE),
}
"""What each method has checked; only the first of it counts."""
_BULK = {"bulk", "junk", "list", "auto_reply"}


def author(message: EmailMessage) -> User | None:
    """Whom a mail says it is from, the address in lower case; None where it says nobody, several, or both at once.

    A header that programs read differently (`ann@example.org <eve@evil.example>`) is from nobody.
    """
    if sum(name.lower() == "from" for name in message.keys()) != 1:  # noqa: SIM118  (no mapping: names repeat)
        return None
    header = message["From"]
    broken = any(isinstance(defect, InvalidHeaderDefect) for defect in header.defects)
    if broken or len(header.addresses) != 1 or not header.addresses[0].domain:
        return None
    told = header.addresses[0]
    said = f"{told.username}@{told.domain}".lower()
    return User(said, " ".join(told.display_name.split()), said)


def address(message: EmailMessage) -> str:
    """The address that a mail says it is from; empty where it says none, or several."""
    found = author(message)
    return found.email if found is not None else ""


def automatic(message: EmailMessage, threads: Threads, own: str) -> str:
    """Why a mail is not from a person; empty where it seems to be. `own` is our own address."""
    sender = address(message)
    submitted = _told(message, "Auto-Submitted").partition(";")[0].strip().lower()
    return_path = message.get("Return-Path")
    if not sender:
        return "it is from nobody, or from several"
    if sender == own.lower() or threads.ours(_told(message, "Message-ID")):
        return "it is our own"
    if _ROBOT.fullmatch(sender.partition("@")[0]):
        return "its sender is a machine"
    if submitted not in {"", "no"}:
        return "it was sent automatically"
    if return_path is not None and str(return_path).strip() in {"", "<>"}:
        return "it was returned, or wants no answer"
    if message.get_content_type() in {"multipart/report", "message/delivery-status"}:
        return "it reports on another mail"
    if _told(message, "Precedence").lower() in _BULK or message.get("List-Unsubscribe") or message.get("List-Id"):
        return "it went to a list"
    if message.get("X-Autoreply") or message.get("X-Autorespond") or _told(message, "X-Auto-Response-Suppress"):
        return "it was sent automatically"
    return ""


def verified(message: EmailMessage, server: str) -> Verdict:
    """What our own mail server found out about the sender (RFC 8601): only its own words count.

    A pass counts in its topmost header alone, as what a sender wrote there stands below; a fail counts anywhere.
    A pass is one of the sender's own domain. Exchange Online names no server there: its headers are those of
    `MICROSOFT` (https://learn.microsoft.com/defender-office-365/message-headers-eop-mdo).
    """
    if not server:
        return "none"
    domain = address(message).rpartition("@")[2]
    told = [str(header) for header in message.get_all("Authentication-Results", [])]
    ours = [said for said in told if _authserv(said) == server.lower()]
    verdicts = [_verdict(said, domain) for said in ours]
    return "fail" if "fail" in verdicts else next(iter(verdicts), "none")


def _authserv(said: str) -> str:
    words = _plain(said).partition(";")[0].split()
    named = bool(words) and "=" not in words[0]
    return words[0].lower() if named else MICROSOFT


def _verdict(said: str, domain: str) -> Verdict:
    parts = [part for part in _plain(said).split(";") if not _ODD & set(part)]
    methods = [(m[1].lower(), m[2].lower(), m[3]) for m in map(_METHOD.fullmatch, parts) if m is not None]
    dmarc = [result for method, result, _ in methods if method == "dmarc"]
    aligned = [result for method, result, told in methods if _aligned(_PROPERTY[method].search(told), domain)]
    if "fail" in dmarc:
        return "fail"
    if "pass" in aligned:
        return "pass"
    bad = {result for method, result, _ in methods if method in {"spf", "dkim"}}
    return "fail" if bad & {"fail", "softfail", "permerror"} and "pass" not in dmarc else "none"


def _plain(said: str) -> str:
    """A header without comments, and with nothing in quotes but what may stand there without them."""

    def instead(found: re.Match[str]) -> str:
        bare = _BARE.fullmatch(found[0])
        return bare[1] if bare is not None else " " if found[0].startswith("(") else "_"

    return _SAID.sub(instead, said)


def _aligned(checked: re.Match[str] | None, domain: str) -> bool:
    """Whether what was checked is the domain of whom the mail says it is from, or one above it."""
    value = checked[1].rpartition("@")[2].lower() if checked is not None else ""
    return "." in value and f".{domain}".endswith(f".{value}")


def _told(message: EmailMessage, name: str) -> str:
    return str(message.get(name, "")).strip()


__all__ = ["Verdict", "address", "author", "automatic", "verified"]
