"""Puts files in their place: all of them or none, secrets for their owner alone, nothing over somebody else's work."""

from __future__ import annotations

import difflib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SECRET = 0o600
PLAIN = 0
"""Whatever the person's umask leaves of a file that everybody may read."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be: its text, and its mode where that is not everybody's to read. `ours` may always be written anew."""

    path: Path
    text: str
    mode: int = PLAIN
    ours: bool = False


def standing(files: Iterable[File]) -> tuple[File, ...]:
    """Those whose place is taken by something else than what they say."""
    return tuple(f for f in files if not f.ours and f.path.exists() and _read(f.path) != f.text)


def difference(file: File) -> str:
    """What would change in a file that is there; empty for secrets."""
    if file.mode == SECRET:
        return ""
    old = _read(file.path).splitlines(keepends=True)
    name = file.path.name
    return "".join(difflib.unified_diff(old, file.text.splitlines(keepends=True), name, f"{name} (new)"))


def try_folder(folder: Path) -> None:
    """Find out whether files can be written here, leaving nothing behind. Raises OSError."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    finally:
        for one in made:
            with suppress(OSError):
                one.rmdir()


def place(files: Iterable[File]) -> None:
    """Write all of them, or, where one fails, none. Raises OSError."""
    ready: list[tuple[Path, Path]] = []
    folders: list[Path] = []
    placed: list[tuple[Path, File | None]] = []
    try:
        for file in files:
            folders += _folders(file.path.parent)
            ready.append((_beside(file), file.path))
        for made, path in ready:
            placed.append((path, _kept(path)))
            made.replace(path)
    except BaseException:
        _undo(placed)
        for made, _ in ready:
            made.unlink(missing_ok=True)
        for folder in reversed(folders):
            with suppress(OSError):
                folder.rmdir()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _folders(folder: Path) -> list[Path]:
    """Make a folder; what had to be made, the outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _beside(file: File) -> Path:
    """The file, ready under another name in the same folder. It is nobody else's from the first moment."""
    number, name = tempfile.mkstemp(prefix=f".{file.path.name}.", suffix=".new", dir=file.path.parent)
    made = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8", errors="surrogateescape", newline="") as opened:
            opened.write(file.text)
            opened.flush()
            os.fsync(opened.fileno())
        made.chmod(file.mode or 0o666 & ~_umask())
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made


def _kept(path: Path) -> File | None:
    """What stands at this place, to bring it back."""
    if not path.is_file():
        return None
    return File(path, path.read_bytes().decode("utf-8", "surrogateescape"), path.stat().st_mode & 0o777)


def _undo(placed: Iterable[tuple[Path, File | None]]) -> None:
    for path, old in placed:
        if old is not None:
            _beside(old).replace(path)
        elif path.is_file():
            path.unlink()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


# ---- files that others write in, too


def with_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """The text of a `.env` in which these variables have these values; every other line stays."""
    lines = [line for line in text.splitlines() if _name(line) not in secrets]
    return "\n".join([*lines, *(f"{name}={_quoted(value)}" for name, value in secrets.items())]) + "\n"


def _name(line: str) -> str:
    found = re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", line)
    return found[1] if found else ""


def _quoted(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:=+@-]*", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def ignoring(folder: Path, name: str) -> File | None:
    """The `.gitignore` that keeps this file of the folder out of git; None outside of git, or where it is kept out."""
    if not any((one / ".git").exists() for one in (folder, *folder.parents)):
        return None
    if any(name in {line.strip().lstrip("/") for line in lines} for lines in _ignored(folder)):
        return None
    path = folder / ".gitignore"
    old = _read(path) if path.exists() else ""
    return File(path, f"{old}{'' if not old or old.endswith(chr(10)) else chr(10)}{name}\n", ours=True)


def _ignored(folder: Path) -> Iterator[list[str]]:
    """The lines of each `.gitignore` from the folder up to the top of the work tree."""
    for one in (folder, *folder.parents):
        if (one / ".gitignore").is_file():
            yield _read(one / ".gitignore").splitlines()
        if (one / ".git").exists():
            return
