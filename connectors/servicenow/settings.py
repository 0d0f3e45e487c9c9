"""What `[connectors.servicenow]` may say: which instance and table, who we are, what our words are called there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from connectors.config import Secret, TrackerSettings, told_apart
from connectors.model import Phase

LEDGER: Final = "u_pointman"
"""The column that holds the ledger."""
LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "high": ("1/1", "1/2", "2/1"),
    "medium": ("2/2", "1/3", "3/1"),
    "low": ("3/3", "2/3", "3/2"),
}
"""Impact and urgency of our levels where nothing else is said, by the priorities that instances are delivered with."""
PHASES: Final[Mapping[str, Mapping[Phase, tuple[str, ...]]]] = {
    "incident": {"new": ("1",), "active": ("2", "3"), "resolved": ("6",), "closed": ("7", "8")},
    "problem": {"new": ("101", "1"), "active": ("102", "103", "104", "2"), "resolved": ("106",), "closed": ("107",)},
    "": {"new": ("1", "-5"), "active": ("2",), "closed": ("3", "4", "7")},
}
"""The values of `state` as an instance is delivered, by table; the last is of any other task."""
Kind = Literal["text", "number", "moment", "flag", "user", "choice"]
_COLUMN = r"^[a-z][a-z0-9_]{0,79}$"
_PAIR = re.compile(r"-?\d+/-?\d+")


def _several(value: Any) -> Any:
    """One text counts as a list of one; numbers are told as they are typed."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return (str(value),)
    return tuple(str(one) for one in value) if isinstance(value, (list, tuple)) else value


Several = Annotated[tuple[str, ...], BeforeValidator(_several)]
Column = Annotated[str, StringConstraints(pattern=_COLUMN)]


class OnHold(BaseModel):
    """How a ticket on hold is known, and what is written where somebody puts it there."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    states: Several = Field(default=("3",), description="Values of the state that mean on hold; the first is written.")
    reason: Column | Literal[""] = Field(default="hold_reason", description="The column of the reason; empty: none.")
    otherwise: str = Field(
        default="3", description="The value of the reason, where what was said is none of the list's."
    )


class Resolution(BaseModel):
    """What many instances want to be told with a resolution."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    code: str = Field(default="", description="The value of close_code; empty: the first of its list.")
    notes: str = Field(default="Resolved through Pointman.", description="The text of close_notes.")


class ServiceNowSettings(TrackerSettings):
    """One ServiceNow instance, and the records of one table in it."""

    url: str = Field(description="Where the instance is, such as https://example.service-now.com.")
    user: str = Field(description="The user name of our account; with OAuth, of the user that the client acts as.")
    password: Secret | None = Field(default=None, description="The account's password, where it signs in by itself.")
    client_id: str = Field(default="", description="OAuth client credentials, used instead of a password: the id.")
    client_secret: Secret | None = Field(default=None, description="OAuth client credentials: its secret.")
    table: Column = Field(default="incident", description="The table of the tickets: incident, or another task.")
    query: str = Field(default="", description="An encoded query that a ticket in scope fulfils. Empty: all.")
    group: Several = Field(default=(), description="Assignment groups whose tickets are in scope. Empty: all.")
    webhook_secret: Secret | None = Field(
        default=None, description="What the business rule signs with; without it no webhook is believed."
    )
    fields: Mapping[str, Column] = Field(
        default_factory=dict, description="Our words and the names of columns, such as u_eta."
    )
    types: Mapping[str, Kind] = Field(
        default_factory=dict,
        description="What the columns of these words hold, where the account may not read sys_dictionary.",
    )
    values: Mapping[str, Mapping[str, Several]] = Field(
        default_factory=dict,
        description="For a word, our values and ServiceNow's (severity: impact/urgency, such as 1/1). "
        "Of several the first is written, all are read.",
    )
    phases: Mapping[Phase, Several] = Field(
        default_factory=dict, description="Values of the state of a phase; empty: as an instance is delivered."
    )
    hold: OnHold = Field(default_factory=OnHold, description="How a ticket on hold is known.")
    resolve: Resolution = Field(default_factory=Resolution, description="What is told with a resolution.")
    new: Mapping[Column, str] = Field(
        default_factory=dict, description="Columns and their values in every ticket that Pointman makes."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("is not an address; it begins with https://")
        if parts.username or parts.password:
            raise ValueError("holds credentials; they belong into user and password")
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("begins with http://, so the password could be read on the way; write https://")
        return url.rstrip("/")

    @field_validator("query")
    @classmethod
    def _one_query(cls, query: str) -> str:
        """It is joined to queries of ours, so it may neither begin another one nor say an order."""
        for part in query.split("^"):
            if part.startswith(("NQ", "ORDERBY", "GROUPBY")):
                raise ValueError(f"says {part[:7]}; it holds conditions only, joined by ^ and ^OR")
        return query.removesuffix("^EQ").strip("^")

    @field_validator("fields")
    @classmethod
    def _not_phase(cls, fields: Mapping[str, str]) -> Mapping[str, str]:
        for word, home in (("phase", "phases"), ("status", "phases"), ("acknowledged", "phases"), ("hold", "hold")):
            if word in fields:
                raise ValueError(f"{word} is no column: map values of the state under {home}")
        return fields

    @model_validator(mode="after")
    def _signs_in(self) -> ServiceNowSettings:
        """By a client and its secret, else by a password."""
        if bool(self.client_id) != (self.client_secret is not None):
            raise ValueError("client_id and client_secret belong together")
        if not self.client_id and self.password is None:
            raise ValueError("password is missing, and so is client_id: sign in by one of them")
        return self

    @model_validator(mode="after")
    def _told_apart(self) -> ServiceNowSettings:
        """A state or a value means one thing only; without a column of its own, severity is impact and urgency."""
        told_apart(self.phases.values(), self.values)
        if "severity" in self.values and "severity" not in self.fields:
            for several in self.values["severity"].values():
                wrong = next((one for one in several if not _PAIR.fullmatch(one)), None)
                if wrong is not None:
                    raise ValueError(f"values.severity: {wrong} is not impact and urgency; write it as 1/1")
        return self

    @property
    def states(self) -> Mapping[Phase, tuple[str, ...]]:
        """The values of the state by phase."""
        return self.phases or PHASES.get(self.table, PHASES[""])
