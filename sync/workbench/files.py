"""The rule files as they lie there, as an editor would change them, and how a changed one is written back.

A file is known by its name beside the configuration, and only names that were listed are taken: no path that a
browser sends is ever opened.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from connectors.problems import Problem, Problems, Where
from rules import load, pack, toml
from rules.model import RuleSet
from sync.config import Config
from sync.reload import Marks, marks

log = structlog.get_logger()

KEPT: Final = 8
"""How many readings are remembered: the same text is asked for problems, for its difference, and to be written."""


class NotWritten(Exception):
    """Why a file was not written, in a sentence."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One rule file: its name for people, where it lies, what it says. `sum` changes with the text."""

    name: str
    path: Path
    text: str
    editable: bool = True

    @property
    def sum(self) -> str:
        """Tells one state of the file from another."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the rules came to: rules, or the problems because of which there are none; warnings either way."""

    problems: tuple[Problem, ...]
    rules: RuleSet | None = None


class RuleFiles:
    """The rule files of a configuration. Whatever lies on the disk now counts; nothing has to be told of a change."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._folder = config.path.parent
        self._marks: Marks | None = None
        self._listed: tuple[RuleFile, ...] = ()
        self._kept: OrderedDict[tuple[str, ...], Reading] = OrderedDict()
        self._lock = Lock()

    def listed(self) -> tuple[RuleFile, ...]:
        """Every rule file as it is now, in deciding order."""
        found = marks(self._config.rule_paths)
        with self._lock:
            if found != self._marks:
                ordered = sorted(map(Path, found), key=lambda path: (path.name, str(path)))
                self._listed = tuple(self._read(path) for path in ordered)
                self._marks = found
            return self._listed

    def file(self, name: str) -> RuleFile | None:
        """The file of that name; None where there is none."""
        return next((file for file in self.listed() if file.name == name), None)

    def packs(self) -> tuple[RuleFile, ...]:
        """The ready-made rules in use, to be read beside the files that change them."""
        rules = self.reading().rules
        names = rules.defaults.packs if rules is not None else ()
        return tuple(
            RuleFile(f"{pack.FOLDER_NAME}{name}.toml", Path(), pack.text_of(name), editable=False) for name in names
        )

    def reading(self, drafts: Mapping[str, str] | None = None) -> Reading:
        """The rules, with these texts in place of the files of those names."""
        listed = self.listed()
        known = {file.name: (drafts or {}).get(file.name, file.text) for file in listed}
        broken = [file for file in listed if not file.editable and file.name not in (drafts or {})]
        key = tuple(part for pair in known.items() for part in pair)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._parsed(known, broken)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def write(self, name: str, text: str, known: str = "") -> None:
        """Write a file in one step, with its rights and its line ends. Raises NotWritten.

        `known` is the `sum` of what was edited; where the file has become another since, it is not written.
        """
        file = self.file(name)
        if file is None or not file.editable:
            raise NotWritten(f"there is no rule file {name} that could be written")
        if known and known != file.sum:
            raise NotWritten(f"{name} has been changed on the disk meanwhile; copy your text, and load the page anew")
        if any(problem.level == "error" for problem in self.reading({name: text}).problems):
            raise NotWritten(f"{name} is not written: it has problems")
        try:
            _replace(file.path.resolve(), _as_before(file.path, text))
        except OSError as error:
            raise NotWritten(f"{name} could not be written: {error.strerror or error}") from error
        with self._lock:
            self._marks = None

    def _read(self, path: Path) -> RuleFile:
        name = path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else str(path)
        try:
            raw = path.read_bytes()
        except OSError:
            return RuleFile(name, path, "", editable=False)
        try:
            return RuleFile(name, path, toml.decode(name, raw).removeprefix("\ufeff").replace("\r\n", "\n"))
        except toml.Mistaken:
            return RuleFile(name, path, raw.decode("utf-8", "replace"), editable=False)

    def _parsed(self, texts: Mapping[str, str], broken: list[RuleFile]) -> Reading:
        if not texts:
            said = "there are no rule files"
            return Reading((Problem(Where(str(self._folder)), said, hint="give some with rules in the configuration"),))
        if broken:
            return Reading(tuple(Problem(Where(file.name), "this file cannot be read as text") for file in broken))
        try:
            rules = load.parse(texts, self._config.mode, tuple(self._config.connectors))
        except Problems as wrong:
            return Reading(wrong.problems)
        except Exception as error:
            log.exception("rules not read")
            said = f"could not be read, which is a fault of Pointman: {type(error).__name__}: {error}"
            return Reading((Problem(Where(next(iter(texts))), said, hint="the terminal says more"),))
        return Reading(rules.warnings, rules)


def _as_before(path: Path, text: str) -> bytes:
    """The text with the line ends that the file has, and its byte order mark where it has one."""
    raw = path.read_bytes()
    plain = text.replace("\r\n", "\n")
    ended = plain.replace("\n", "\r\n") if b"\r\n" in raw else plain
    mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
    return mark + ended.removeprefix("\ufeff").encode()


def _replace(path: Path, data: bytes) -> None:
    """Write beside, then rename: whoever reads finds the old file or the new one. Raises OSError."""
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as writing:
            writing.write(data)
            writing.flush()
            os.fsync(writing.fileno())
        Path(beside).chmod(stat.S_IMODE(path.stat().st_mode))
        Path(beside).replace(path)
    except OSError:
        with suppress(OSError):
            Path(beside).unlink()
        raise
