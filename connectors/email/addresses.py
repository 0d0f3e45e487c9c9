"""Addresses of e-mail: what looks like one, and how it is written on the wire where it holds more than ASCII."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address as HeaderAddress

from connectors.errors import Refused

_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}")
_LABEL = re.compile(r"(?!-)[^\W_](?:[\w-]{0,61}[^\W_])?|[^\W_]")


@dataclass(frozen=True, slots=True)
class Address:
    """An address: `local` as written, `domain` in ASCII (IDNA) and lower case."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can carry it."""
        return not self.local.isascii()

    def shown(self, name: str = "") -> HeaderAddress:
        """It as a header tells it."""
        return HeaderAddress(name, self.local, self.domain)


def parse(said: str) -> Address:
    """The address in a text that is nothing else. Raises Refused."""
    local, at, domain = said.strip().rpartition("@")
    labels = domain.removesuffix(".").split(".")
    well = (
        at and _LOCAL.fullmatch(local) and not local.startswith(".") and not local.endswith(".") and ".." not in local
    )
    if not well or not all(_LABEL.fullmatch(label) for label in labels):
        raise Refused(f"{said.strip()[:100]!r} is no e-mail address")
    try:
        return Address(local, ".".join(labels).encode("idna").decode("ascii").lower())
    except UnicodeError:
        raise Refused(f"{said.strip()[:100]!r} has no domain that can be written in a mail") from None


def plausible(said: str) -> bool:
    """Whether it looks like an address."""
    try:
        parse(said)
    except Refused:
        return False
    return True
