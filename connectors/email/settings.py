"""What `[connectors.email]` may say. Mail goes out over `smtp`, else `graph`; it comes in over `imap`, else `graph`."""

from __future__ import annotations

from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.config import ConnectorSettings, Secret
from connectors.email.addresses import plausible

Security: TypeAlias = Literal["starttls", "tls", "none"]


def _from(said: str) -> str:
    if not plausible(parseaddr(said)[1]) or "\n" in said or "\r" in said:
        raise ValueError("must be an address, such as Pointman <pointman@example.org>")
    return said


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_USUAL: dict[int, Security] = {465: "tls", 587: "starttls", 993: "tls", 143: "starttls"}
"""How it is spoken on the ports that have a meaning of their own (RFC 8314)."""


class _Server(_Table):
    host: str = Field(description="The server's name.")
    security: Security = Field(
        default="starttls", description="starttls; tls: encrypted from the first byte; none: only to this machine."
    )
    plain: bool = Field(default=False, description="Allow security = none to another machine: all can be read.")
    ca: Path | None = Field(default=None, description="A file with the certificate authority, where it is your own.")

    @model_validator(mode="after")
    def _encrypted(self) -> _Server:
        if self.security == "none" and not self.plain and not _loopback(self.host):
            raise ValueError("security = none is for this machine; to another one it needs plain = true")
        port = getattr(self, "port", 0)
        usual = _USUAL.get(port)
        if usual is not None and self.security not in {usual, "none"} and not _loopback(self.host):
            raise ValueError(f"port {port} speaks {usual}, not {self.security}; set security to {usual}, or the port")
        return self


class Smtp(_Server):
    """`[connectors.email.smtp]`: the server that takes our mail."""

    port: int = Field(default=587, ge=1, le=65535, description="587 for starttls, 465 for tls, 25 for a relay.")
    user: str = Field(default="", description="Who signs in; empty where the server asks for nobody.")
    password: Secret | None = Field(default=None, description="Their password.")

    @model_validator(mode="after")
    def _both(self) -> Smtp:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password belong together")
        return self


class Imap(_Server):
    """`[connectors.email.imap]`: the mailbox that replies come back to."""

    security: Security = Field(default="tls", description="tls: encrypted from the first byte; starttls; none.")
    port: int = Field(default=993, ge=1, le=65535, description="993 for tls, 143 for starttls.")
    user: str = Field(description="Whose mailbox it is.")
    password: Secret = Field(description="Their password.")
    folder: str = Field(default="INBOX", min_length=1, description="The folder that is read.")
    done: str = Field(
        default="",
        description="A folder that mails move to once they were carried out, instead of only being marked as read.",
    )


class Graph(_Table):
    """`[connectors.email.graph]`: a mailbox of Microsoft 365, through an app of its own."""

    tenant: str = Field(description="The directory's id or domain.")
    client_id: str = Field(description="The app's id.")
    client_secret: Secret = Field(description="The app's secret.")
    mailbox: str = Field(description="The mailbox that sends, and is read where folder is set.")
    folder: str = Field(
        default="", description="The folder that replies are read from, as inbox; empty: none are read."
    )
    base_url: str = Field(
        default="https://graph.microsoft.com/v1.0", pattern=r"^https?://", description="Where Graph is; only for tests."
    )
    authority: str = Field(
        default="https://login.microsoftonline.com", description="Where tokens come from; only for tests."
    )


class EmailSettings(ConnectorSettings):
    """The settings of one sender's address."""

    sender: Annotated[str, AfterValidator(_from)] = Field(
        description="Whom mails are from, such as Pointman <pointman@example.org>. Replies go there."
    )
    secret: Secret = Field(description="At least 16 characters of your own: signs links and thread ids.")
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s?#]+)?$",
        description="Where people's browsers reach this Pointman; empty: mails have no links.",
    )
    link_hours: float = Field(default=48, gt=0, le=24 * 31, description="How long a link can be used.")
    smtp: Smtp | None = Field(default=None, description="The server that takes our mail.")
    imap: Imap | None = Field(default=None, description="The mailbox that replies come back to.")
    graph: Graph | None = Field(
        default=None,
        description="A mailbox of Microsoft 365: sends where there is no smtp, reads where there is no imap.",
    )
    trust: str = Field(
        default="",
        pattern=r"^[\w.:-]*$",
        description="Whose Authentication-Results are believed: an authserv-id, or microsoft for Exchange Online.",
    )
    every: float = Field(default=20, gt=0, le=3600, description="Seconds between two looks for replies.")
    most: int = Field(default=20, ge=1, description="Mails of one person in ten minutes that are read; more are not.")
    subject: str = Field(
        default="Incident update", description="The subject where the ticket may not be named: to outside audiences."
    )
    languages: tuple[str, ...] = Field(
        default=("en", "de", "fr", "es", "it", "nl"),
        description="In which languages people's mail programs introduce what they quote.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> EmailSettings:
        if self.smtp is None and self.graph is None:
            raise ValueError("needs a table smtp or a table graph")
        return self

    @property
    def replies(self) -> bool:
        """Whether replies are read."""
        return self.imap is not None or (self.graph is not None and bool(self.graph.folder))
