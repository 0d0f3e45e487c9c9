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
_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"\b(dmarc|spf|dkim)\s*=\s*([a-z]+)([^;]*)", re.IGNORECASE)
_PROPERTY = re.compile(r"\b(header\.from|header\.d|header\.i|smtp\.mailfrom)\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
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
    words = _COMMENT.sub(" ", said).partition(";")[0].split()
    named = bool(words) and "=" not in words[0]
    return words[0].lower() if named else MICROSOFT


def _verdict(said: str, domain: str) -> Verdict:
    methods = [(m[1].lower(), m[2].lower(), m[3]) for m in _METHOD.finditer(_COMMENT.sub(" ", said))]
    dmarc = [result for method, result, _ in methods if method == "dmarc"]
    aligned = [result for _, result, told in methods if _aligned(told, domain)]
    if "fail" in dmarc:
        return "fail"
    if "pass" in aligned:
        return "pass"
    bad = {result for method, result, _ in methods if method in {"spf", "dkim"}}
    return "fail" if bad & {"fail", "softfail", "permerror"} and "pass" not in dmarc else "none"


def _aligned(told: str, domain: str) -> bool:
    """Whether what was checked is the domain of whom the mail says it is from, or one above it."""
    checked = (value.rpartition("@")[2].lower() for _, value in _PROPERTY.findall(told))
    return any(domain == each or domain.endswith(f".{each}") for each in checked if "." in each)


def _told(message: EmailMessage, name: str) -> str:
    return str(message.get(name, "")).strip()


__all__ = ["Verdict", "address", "author", "automatic", "verified"]
