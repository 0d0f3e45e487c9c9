"""What commands begin with: the configuration and the rules they read, the engine, and how they end.

What any of it needs is imported when it is asked for: a command must start fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rules.model import RuleSet
    from sync.config import Config
    from sync.run import Parts

T = TypeVar("T")

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", envvar="POINTMAN_CONFIG", help="The configuration file.")
]
Style = Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for programs.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The ticket, such as OPS-42.")]
DEFAULT = Path("config.toml")
USAGE = 2


def configuration(path: Path) -> Config:
    """The configuration in a file; where there is none, the command ends with 2."""
    from sync.config import load

    if not path.is_file():
        no_file(path)
    return load(path)


def no_file(path: Path) -> NoReturn:
    """End the command, since there is no such configuration file."""
    stop(f"there is no file {path}; say --config FILE, or begin with pointman init", USAGE)


def _rules(read: Config) -> RuleSet:
    from rules.load import load

    return load(read.rule_paths, read.mode, tuple(read.connectors))


def opened(path: Path) -> tuple[Config, RuleSet]:
    """The configuration and the rules; their problems end the command."""
    from connectors.problems import Problems

    try:
        read = configuration(path)
        return read, _rules(read)
    except Problems as wrong:
        stop(str(wrong))


def parts_of(path: Path, since: datetime | None = None) -> Parts:
    """The engine and all that belongs to it, by a configuration file; problems end the command."""
    read, rules = opened(path)
    from sync import logs
    from sync.run import assemble

    logs.configure(read.secrets(), "warning")
    parts = assemble(read, rules, since)
    parts.rosters.refresh()
    return parts


def asking(parts: Parts, ask: Callable[[], T]) -> T:
    """What `ask` answers; a product's error, or a ledger that cannot be used, ends the command with its sentence."""
    from connectors.errors import ConnectorError
    from sync.ledger import Unreadable

    try:
        return ask()
    except (ConnectorError, Unreadable) as error:
        stop(str(error))
    finally:
        parts.close()


def moment(text: str) -> datetime | None:
    """A moment as the configuration's files write it, or so long ago; None where nothing is said."""
    from sync.config import moment

    try:
        return moment(text) if text else None
    except ValueError as error:
        stop(str(error), USAGE)


def when(text: str, rules: RuleSet) -> datetime:
    """A moment as people write it, in the default time zone where it names none; now where nothing is said."""
    from datetime import UTC, datetime

    from sync import moments

    now = datetime.now(UTC)
    try:
        said = datetime.fromisoformat(text)
        return said if said.tzinfo is not None else said.replace(tzinfo=rules.defaults.timezone)
    except ValueError:
        pass
    try:
        found = moments.moment(text, rules.defaults.timezone, now) if text else None
    except ValueError as error:
        stop(str(error), USAGE)
    return found or now


def stop(said: str, code: int = 1) -> NoReturn:
    """End the command with a sentence."""
    from sync.cli import console

    console.complain(said)
    raise typer.Exit(code)
