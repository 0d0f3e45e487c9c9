"""iCalendar feeds: who is on call, or away, by calendars that any product offers; see `connectors.ical.roster`.

The connector itself is imported when it is first asked for. What it reads calendars with is an extra:
`pip install "pointman[calendar]"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator

from connectors.config import ConnectorSettings, Secret

if TYPE_CHECKING:
    from connectors.ical.roster import ICal


class ICalSettings(ConnectorSettings):
    """iCalendar feeds (RFC 5545), each by a name: files, and addresses that are read again and again."""

    feeds: Mapping[str, Secret] = Field(
        description="The path or the https address of each feed, by the name that rules call it; addresses are secrets."
    )
    timezone: str = Field(default="UTC", description="Of days and times for which a feed names none.")

    @field_validator("feeds")
    @classmethod
    def _safe(cls, feeds: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        """Whoever hears the address can read the calendar, so it goes encrypted. Raises ValueError, and quotes none."""
        for name, kept in feeds.items():
            parts = urlsplit(kept.get_secret_value())
            if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost"}:
                raise ValueError(f"the address of {name} does not begin with https://")
        return feeds

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {name}") from None
        return name


Settings = ICalSettings

__all__ = ["ICal", "ICalSettings", "Settings"]


def __getattr__(name: str) -> object:
    if name == "ICal":
        from connectors.ical.roster import ICal

        return ICal
    raise AttributeError(name)
