"""`pointman watch`: proves from the tracker alone that nothing is overdue, wherever it runs. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from connectors.errors import ConnectorError, Temporary
from connectors.problems import Problems
from rules import duration
from sync.cli import console
from sync.overdue import Overdue, Survey, survey

if TYPE_CHECKING:
    from sync.config import Config

FINE, LATE, UNSAID = 0, 1, 2


def main(config: Path, tolerance: str, style: Literal["text", "json"]) -> int:
    """Judge every ticket and tell it; 0: nothing is overdue, 1: something is, 2: it cannot be said."""
    from sync import config as settings
    from sync import logs

    try:
        read = settings.load(config)
        allowed = duration.parse(tolerance) if tolerance else read.tolerance
        logs.configure(read.secrets(), "error")
        found = _surveyed(read, allowed)
    except (Problems, ConnectorError, ValueError) as wrong:
        return _cannot(str(wrong), style)
    if style == "json":
        console.dump(data(found))
    else:
        tell(found, allowed)
    return LATE if found.late else UNSAID if found.unsaid else FINE


def _surveyed(config: Config, tolerance: timedelta) -> Survey:
    from sync import why
    from sync.run import assemble, read_rules

    parts = assemble(config, read_rules(config))
    try:
        parts.rosters.refresh()
        if unknown := parts.rosters.unknown():  # whom a call is for decides whether it was made
            raise Temporary(unknown)
        why.hear(parts.engine)
        return survey(parts.engine, tolerance, age(config))
    finally:
        parts.close()


def age(config: Config) -> timedelta | None:
    """How long settings and rules have been as they are: what was written a moment ago is nobody's delay."""
    named = [config.path, *config.rule_paths]
    files = [file for path in named for file in (path.rglob("*.toml") if path.is_dir() else (path,)) if file.is_file()]
    written = max((datetime.fromtimestamp(file.stat().st_mtime, UTC) for file in files), default=None)
    return datetime.now(UTC) - written if written is not None else None


def tell(found: Survey, tolerance: timedelta) -> None:
    """For people: one line where all is well, else a table."""
    tickets = f"{found.looked} ticket{'s' * (found.looked != 1)}"
    if found.late:
        console.table(("ticket", "late", "what", "rule", "why"), rows(found))
        console.say(f"{len(found.late)} overdue by more than {duration.show(tolerance)}, of {tickets}")
    elif not found.unsaid:
        console.say(f"nothing is overdue by more than {duration.show(tolerance)}: {tickets}")
    for key, said in found.unsaid:
        console.complain(f"{key}: nothing can be said: {said}")


def rows(found: Survey) -> Iterator[tuple[str, ...]]:
    """What is overdue, a line each; by which rule it is shorter than the key of its effect, which programs are told."""
    for one in found.late:
        late = timedelta(seconds=round(one.late(found.at).total_seconds()))
        yield one.ticket, duration.show(late), one.what, one.key.partition(">")[0].replace(":", " ", 1), _why(one)


def data(found: Survey) -> dict[str, Any]:
    """For programs; moments in ISO 8601, `late` in seconds."""
    return {
        "ok": not found.late and not found.unsaid,
        "at": found.at.isoformat(),
        "tickets": found.looked,
        "overdue": [
            {
                "ticket": one.ticket,
                "ref": one.ref,
                "effect": one.key or None,
                "what": one.what,
                "since": one.since.isoformat(),
                "late": round(one.late(found.at).total_seconds()),
                "kind": one.kind,
                "said": one.said or None,
            }
            for one in found.late
        ],
        "unsaid": [{"ticket": key, "said": said} for key, said in found.unsaid],
    }


def _why(one: Overdue) -> str:
    return f"{one.kind}: {one.said}" if one.said else one.kind


def _cannot(said: str, style: str) -> int:
    if style == "json":
        console.dump({"ok": None, "said": said})
    console.complain(f"it cannot be said whether anything is overdue: {said}")
    return UNSAID
