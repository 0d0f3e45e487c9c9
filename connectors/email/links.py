"""Signed links: who may ask for what on which ticket, and until when, in one address that nobody can change.

    https://pointman.example.org/act?via=email&t=<what it says, as base64 JSON>.<its HMAC-SHA256>

A link is good for whoever holds it, as a key is: a mail that is forwarded hands it on. So it says one verb of one
ticket in one person's name, and only for some hours.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlencode

from connectors.email.verbs import known
from connectors.signatures import hexdigest, same

PATH = "/act"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says. `mark` is of the mail it stood in; `key` is what people call the ticket, where they may know.

    `id` is the same for the same link, so what it asks for is done once.
    """

    verb: str
    ref: str
    address: str
    until: datetime
    mark: str = ""
    key: str = ""

    @property
    def id(self) -> str:
        """What tells this link from every other."""
        told = (self.verb, self.ref, self.address, str(int(self.until.timestamp())), self.mark)
        return f"link.{sha256(chr(31).join(told).encode()).hexdigest()[:24]}"


class Wrong(Exception):
    """A link that is not followed: `status` is 400, 401 or 410; `str()` is a sentence for whoever followed it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class Links:
    """Makes links and reads them. `base` is the public address, `name` that of the connector they come back to."""

    def __init__(self, secret: str, base: str, name: str) -> None:
        self._secret, self._base, self._name = secret, base.rstrip("/"), name

    def url(self, link: Link) -> str:
        """The address."""
        told = [link.verb, link.ref, link.address, int(link.until.timestamp()), link.mark, link.key]
        payload = base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")
        return f"{self._base}{PATH}?{self.query(f'{payload}.{self._mac(payload)}')}"

    def query(self, token: str, **more: str) -> str:
        """What follows the question mark, for a link's token."""
        return urlencode({"via": self._name, "t": token, **more})

    def read(self, token: str, now: datetime) -> Link:
        """What a token says. Raises Wrong where it is not ours, where it is too old, or where we know no such verb."""
        payload, _, mac = token.partition(".")
        if not payload or not mac:
            raise Wrong(400, "This link is not whole. Copy all of it out of the mail, or reply to the mail instead.")
        if not same(mac, self._mac(payload)):
            raise Wrong(401, "This link was not made here, or was changed on its way. Use the one in the mail itself.")
        link = _read(payload)
        if now >= link.until:
            raise Wrong(410, "This link is too old. Use the one in a newer mail, or reply to the mail instead.")
        if known(link.verb) is None:
            raise Wrong(400, "This link asks for something that Pointman no longer does. Reply to the mail instead.")
        return link

    def _mac(self, payload: str) -> str:
        return hexdigest(self._secret, b"link:" + payload.encode("utf-8", "replace"))[:40]


def _read(payload: str) -> Link:
    try:
        told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        verb, ref, address, until, mark, key = told
        return Link(str(verb), str(ref), str(address), datetime.fromtimestamp(until, UTC), str(mark), str(key))
    except (binascii.Error, ValueError, TypeError, OverflowError, OSError):
        raise Wrong(400, "This link is of another time and cannot be read. Reply to the mail instead.") from None
