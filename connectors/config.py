"""The part of a connector's settings that all share, and a secret that does not print itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr


def _from_environment(value: Any) -> Any:
    """Read `env/NAME` from the environment and `file:/path` from a file; other text is the secret itself."""
    if isinstance(value, str) and value.startswith("env/"):
        name = value.removeprefix("env/")
        if name not in os.environ:
            raise ValueError(f"the environment variable {name} is not set")
        return os.environ[name]
    if isinstance(value, str) and value.startswith("file:"):
        path = Path(value.removeprefix("file:"))
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"the secret file {path} cannot be read: {error.strerror}") from None
    return value


Secret = Annotated[SecretStr, BeforeValidator(_from_environment)]
"""A token or password. Written as `env/NAME`, `file:/path`, or the text itself; `repr` shows asterisks."""


def told_apart(phases: Iterable[Sequence[str]], values: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Whatever a product calls a phase or a value means one thing only, in small letters. Raises ValueError."""
    every = {"phases": [*phases], **{f"values.{word}": [*m.values()] for word, m in values.items()}}
    for what, meanings in every.items():
        theirs = [one.casefold() for several in meanings for one in several]
        double = next((one for one in theirs if theirs.count(one) > 1), None)
        if double is not None:
            raise ValueError(f"{what} gives {double} two meanings")


class ConnectorSettings(BaseModel):
    """What every `[connectors.<name>]` table may say. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    use: str = Field(default="", description="The kind of connector; the table's own name where it is not said.")
    timeout: float = Field(default=20.0, gt=0, le=60, description="Seconds that one call may take.")


class TrackerSettings(ConnectorSettings):
    """The settings of a tracker: by them a configuration knows where its tickets live before anything is loaded."""
