"""How a webhook proves who sent it: HMAC-SHA256 over the raw body, compared in constant time.

A header may hold anything at all, so nothing here raises: what cannot be right does not match.
"""

from __future__ import annotations

import hmac


def hexdigest(secret: str, body: bytes) -> str:
    """The HMAC-SHA256 of the body in lower-case hexadecimal (RFC 2104)."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def same(given: str, right: str) -> bool:
    """Whether two signatures are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def signed(given: str, secret: str, body: bytes, prefix: str = "sha256=") -> bool:
    """Whether `given` (`sha256=` and hexadecimal digits, WebSub's form of it) is the body's signature."""
    return same(given, prefix + hexdigest(secret, body))
