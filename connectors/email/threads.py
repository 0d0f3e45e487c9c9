"""Message-IDs: the same for the same thing, one root for each ticket, and the ticket can be read out of them.

    <t-gmydambq-8c1d…@example.org>            the root that all mails about a ticket refer to; never sent itself
    <4f2a….t-gmydambq-8c1d…@example.org>      a mail about it
    <4f2a….pointman@example.org>              a mail about no single ticket

A mail program answers with the ids of what it answers, so a reply tells its ticket. The ticket's id is signed there:
whoever has not seen one of our mails about a ticket cannot make a reply to it. Lower case only, as some servers
change the case; the digits of the ticket's id are base 32.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from hashlib import sha256

from connectors.signatures import hexdigest, same

_ID = re.compile(r"<[^<>\s]+>")
_OURS = re.compile(r"(?:[0-9a-f]{20}\.)?t-([a-z2-7]+)-([0-9a-f]{24})")
_NO_TICKET = re.compile(r"[0-9a-f]{20}\.pointman")


class Threads:
    """The ids under one domain, signed with one secret."""

    def __init__(self, secret: str, domain: str) -> None:
        self._secret, self._domain = secret, domain

    def root(self, ref: str) -> str:
        """The id that begins a ticket's thread."""
        return f"<{self._token(ref)}@{self._domain}>"

    def message(self, ref: str, *parts: str) -> str:
        """The id of a mail about a ticket (about none: empty), the same for the same parts."""
        digest = sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:20]
        return f"<{digest}.{self._token(ref) if ref else 'pointman'}@{self._domain}>"

    def ticket(self, ids: Iterable[str]) -> str:
        """The ref of the ticket that the first of these ids tells which we signed; empty where none is."""
        for each in ids:
            found = _OURS.fullmatch(self._local(each))
            ref = _decoded(found[1]) if found is not None else ""
            if found is not None and ref and same(found[2], self._mac(ref)):
                return ref
        return ""

    def ours(self, told: str) -> bool:
        """Whether this is the id of a mail that we sent."""
        local = self._local(told)
        return bool(_OURS.fullmatch(local) or _NO_TICKET.fullmatch(local))

    def _local(self, told: str) -> str:
        local, _, domain = told.strip().strip("<>").lower().rpartition("@")
        return local if domain == self._domain else ""

    def _token(self, ref: str) -> str:
        return f"t-{base64.b32encode(ref.encode()).decode().rstrip('=').lower()}-{self._mac(ref)}"

    def _mac(self, ref: str) -> str:
        return hexdigest(self._secret, b"thread:" + ref.encode())[:24]


def ids(header: str) -> tuple[str, ...]:
    """The ids in a header such as References, in order."""
    return tuple(_ID.findall(header))


def _decoded(token: str) -> str:
    try:
        return base64.b32decode(token.upper() + "=" * (-len(token) % 8)).decode()
    except ValueError:
        return ""
