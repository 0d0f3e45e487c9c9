"""E-mail: messages over SMTP or Graph, signed links, replies that come back; see `connectors.email.messenger`.

The connector itself is imported when it is first asked for: whoever only reads its settings does not wait for what it
needs to speak SMTP, IMAP and HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.email.settings import EmailSettings

if TYPE_CHECKING:
    from connectors.email.messenger import Email

Settings = EmailSettings

__all__ = ["Email", "EmailSettings", "Settings"]


def __getattr__(name: str) -> object:
    if name == "Email":
        from connectors.email.messenger import Email

        return Email
    raise AttributeError(name)
