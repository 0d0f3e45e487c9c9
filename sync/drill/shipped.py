"""The scenarios that come with Pointman, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from connectors.problems import nearest

HERE: Final = Path(__file__).parent / "scenarios"


def names() -> tuple[str, ...]:
    """What they are called."""
    return tuple(sorted(file.stem for file in HERE.glob("*.toml")))


def find(said: str) -> Path:
    """The file of a scenario: a shipped one's name, or a path. Raises LookupError with a sentence."""
    if said in names():
        return HERE / f"{said}.toml"
    path = Path(said)
    if path.is_file():
        return path
    hint = nearest(said, names()) or f"there are {', '.join(names())}, and files of your own"
    raise LookupError(f"there is no scenario {said}; {hint}")
