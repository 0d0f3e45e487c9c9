"""`pointman setup`: has a connector make what its product must have for us, and writes the files it hands over.

It knows nothing of any product: what there is to do, and what only an administrator can do, is the connector's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.problems import Problems, nearest
from connectors.setup import Order, Step
from sync.cli import console
from sync.config import Config, load

HEADS: Final[Mapping[str, str]] = {
    "there": "there",
    "made": "made",
    "would": "would make",
    "refused": "refused",
    "todo": "for you",
}
"""What stands before a step, by its state."""
_USAGE = 2
_WIDEST = max(map(len, HEADS.values()))


def main(path: Path, name: str, order: Order, out: Path) -> int:
    """Set one connector up; the exit code: 0, 1 where something was refused, 2 for wrong usage."""
    if not path.is_file():
        return _wrong(f"there is no file {path}; say --config FILE, or begin with pointman init")
    if order.url and not _is_address(order.url):
        return _wrong(f"--url {order.url} is no address; it is like https://pointman.example.org")
    try:
        config = load(path)
    except Problems as wrong:
        console.complain(str(wrong))
        return 1
    table = _table(config, name)
    if table is None:
        hint = nearest(name, config.connectors) or f"there are: {', '.join(config.connectors)}"
        return _wrong(f"no connector {name} is configured in {path}; {hint}")
    connector = config.kind(table)(table, config.connectors[table])
    try:
        return _make(connector, order, out)
    finally:
        connector.close()


def _make(connector: Connector, order: Order, out: Path) -> int:
    steps: list[Step] = []
    try:
        for step in connector.install(order):
            steps.append(step)
            _tell(step)
            if step.file:
                _write(step, out, dry=order.dry)
    except (ConnectorError, OSError) as error:
        console.complain(str(error))
        return 1
    if not steps:
        console.say(f"{connector.product} needs nothing that Pointman could make")
    return 1 if any(step.state == "refused" for step in steps) else 0


def _tell(step: Step) -> None:
    first, *more = step.said.splitlines() or [""]
    console.say(f"{HEADS[step.state]:<{_WIDEST}}  {step.what}{': ' if first else ''}{first}")
    for line in more:
        console.say(f"{'':<{_WIDEST}}  {line}")


def _write(step: Step, out: Path, *, dry: bool) -> None:
    """The file of a step, under its own name only. Raises OSError."""
    target = out / Path(step.file).name
    if dry:
        console.say(f"{HEADS['would']:<{_WIDEST}}  the file {target}")
        return
    out.mkdir(parents=True, exist_ok=True)
    target.write_bytes(step.content)
    console.say(f"{'wrote':<{_WIDEST}}  {target}")


def _table(config: Config, name: str) -> str | None:
    """The table meant: the one of this name, else the only one of this kind."""
    if name in config.connectors:
        return name
    alike = [table for table, settings in config.connectors.items() if settings.use == name]
    return alike[0] if len(alike) == 1 else None


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _wrong(said: str) -> int:
    console.complain(said)
    return _USAGE
