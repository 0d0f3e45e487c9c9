"""Brings what pydantic says about settings back to where a person wrote it: a line of the file, or a variable's name.

pydantic knows the path of a value (`("server", "port")`) and no more. Here the path becomes a place: the variable,
where the environment says it, else the line and column in the file. What was written is never repeated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from connectors.problems import Problem, Problems, Where, nearest
from rules import toml

Path_ = tuple[str | int, ...]
_OWN = {"CONFIG"}  # read by the command line, before there is a file
_KUBERNETES = re.compile(r"SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP)(_\w+)?")
"""What Kubernetes sets in every pod beside a service called `pointman`; nobody wrote these."""


_WORDS = {
    "string_type": "must be text, in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "time_delta_type": "must be a length of time, such as 10s or 1h30m",
    "datetime_type": "must be a moment, such as 2026-01-31T09:30:00Z",
    "datetime_parsing": "must be a moment, such as 2026-01-31T09:30:00Z",
    "datetime_from_date_parsing": "must be a moment, such as 2026-01-31T09:30:00Z",
}
"""What pydantic calls each mistake, as an administrator would say it."""


_REFERENCE = re.compile(r"""["'](env/|file:)""")
"""A secret that is not written out."""


class Mistakes:
    """Gathers the problems of one configuration file and the environment over it."""

    def __init__(self, path: Path, prefix: str, model: type[BaseModel]) -> None:
        self._path = path
        self._prefix = prefix
        self._model = model
        self._problems: list[Problem] = []
        self._variables = {tuple(name[len(prefix) :].lower().split("__")): name for name in _ours(prefix)}
        self._root: toml.Node | None = None
        self._open = {name.rpartition("__")[2].lower() for name in _names(model)} - {"connectors", *_secret(model)}

    def __bool__(self) -> bool:
        return bool(self._problems)

    def told(self) -> Problems:
        """All of them, to be raised."""
        return Problems(self._problems)

    def unreadable(self) -> Problems:
        """The file is not UTF-8, or no TOML: that one reason, with its place."""
        try:
            self._file()
        except toml.Mistaken as error:
            return Problems([replace(error.problem, where=self._shown(error.problem.where))])
        return Problems([Problem(Where(str(self._path)), "this file cannot be read")])  # pragma: no cover

    def note(self, path: Path_, message: str, *, hint: str = "", key: bool = False) -> None:
        """One mistake of our own finding at a path; with `key` the name is underlined, else the value."""
        self._problems.append(self._placed(path, message, hint, key))

    def add(self, error: ValidationError, under: Path_ = (), model: type[BaseModel] | None = None) -> None:
        """What pydantic found in the table at `under`, which `model` read."""
        for found in error.errors(include_url=False, include_input=False):
            path = (*under, *found["loc"])
            known = list(_siblings(model or self._model, found["loc"]))
            message, hint, key = _worded(found["type"], found["msg"], found.get("ctx", {}), path, known)
            if found["type"] == "string_pattern_mismatch":
                message, hint = "is not written as it must be", _described(model or self._model, found["loc"])
            if found["type"] == "missing":
                path = path[:-1]
            self._problems.append(self._placed(path, message, hint, key))

    def environment(self) -> None:
        """Variables with our prefix that name no setting."""
        known = [self._prefix + name for name in _names(self._model)]
        for path, name in self._variables.items():
            if path[0] not in self._model.model_fields:
                same = [one for one in known if one.endswith("__" + name.upper().removeprefix(self._prefix))]
                hint = f"did you mean {same[0]}?" if len(same) == 1 else nearest(name, known)
                self._problems.append(Problem(Where(name), "no such setting", hint=hint))

    def undecoded(self, field: str) -> None:
        """A variable that should hold a whole table or list, and holds no JSON."""
        name = self._variables.get((field,), self._prefix + field.upper())
        hint = f"or set its values one by one, as {name}__NAME"
        self._problems.append(Problem(Where(name), "must be JSON", hint=hint))

    def _placed(self, path: Path_, message: str, hint: str, key: bool) -> Problem:
        variable = self._variable(path)
        if variable:
            near = re.fullmatch(r"did you mean (\w+)\?", hint)
            if message.startswith("no setting") and near:
                hint = f"did you mean {variable.rpartition('__')[0]}__{near[1].upper()}?"
            if message.startswith("no setting"):
                message = "no such setting"
            return Problem(Where(variable), message, hint=hint)
        return Problem(self._where(path, key), message, hint=hint)

    def _variable(self, path: Path_) -> str:
        """The variable that says this value, or something inside of it where the file does not; if one does."""
        spelt = tuple(str(part).lower() for part in path)
        above = (name for said, name in self._variables.items() if said == spelt[: len(said)])
        inside = (name for said, name in self._variables.items() if spelt and said[: len(spelt)] == spelt)
        return next(above, "") or ("" if self._in_file(path) else next(inside, ""))

    def _in_file(self, path: Path_) -> bool:
        node: Any = self._file()
        for part in path:
            if not (isinstance(node.value, dict) and part in node.value):
                return False
            node = node.value[part]
        return True

    def _where(self, path: Path_, key: bool) -> Where:
        node: toml.Node = self._file()
        place = Where(str(self._path))
        for part in path:
            inner = node.value
            if isinstance(inner, dict) and part in inner:
                node = inner[str(part)]
            elif isinstance(inner, list) and isinstance(part, int) and part < len(inner):
                node = inner[part]
            else:
                break
            place = node.key if key else node.where
        return self._shown(place)

    def _shown(self, place: Where) -> Where:
        """The place with its line as far as it can be shown: what may be a secret is left out of it."""
        line = place.source
        key = re.match(r"\s*([\w-]+)\s*=\s*", line)
        if line.lstrip().startswith(("[", "#")) or (
            key and (key[1] in self._open or _REFERENCE.match(line, key.end()))
        ):
            return place
        if not key:
            return replace(place, source="")
        length = 1 if place.column > key.end() else place.length
        return replace(place, source=f"{line[: key.end()]}…", length=length)

    def _file(self) -> toml.Node:
        if self._root is None:
            name = str(self._path)
            self._root = toml.read(name, toml.decode(name, self._path.read_bytes()))
        return self._root


def _ours(prefix: str) -> Iterator[str]:
    for name, value in os.environ.items():
        if name.upper().startswith(prefix):
            rest = name[len(prefix) :].upper()
            by_kubernetes = _KUBERNETES.fullmatch(rest) or (rest == "PORT" and "://" in value)
            if rest not in _OWN and not by_kubernetes:
                yield name


def _names(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Every environment name that the model knows, without the prefix."""
    for name, info in model.model_fields.items():
        yield before + name.upper()
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _names(info.annotation, f"{before}{name.upper()}__")


def _secret(model: type[BaseModel]) -> Iterator[str]:
    """The names of settings that hold a secret."""
    for name, info in model.model_fields.items():
        if "SecretStr" in repr(info.annotation):
            yield name
        elif _is_model(info.annotation):
            yield from _secret(info.annotation)  # type: ignore[arg-type]  # it is one


def _siblings(model: type[BaseModel], path: Path_) -> Iterator[str]:
    """The settings there are in the table that holds the value at `path`."""
    inner: Any = model
    for part in path[:-1]:
        info = inner.model_fields.get(str(part)) if _is_model(inner) else None
        inner = info.annotation if info else None
    if _is_model(inner):
        yield from (info.alias or name for name, info in inner.model_fields.items())


def _described(model: type[BaseModel], path: Path_) -> str:
    """What a setting is, in its own words; of a value in a table, what the table is. Empty where nothing says."""
    inner: Any = model
    for part in path:
        info = inner.model_fields.get(str(part)) if _is_model(inner) else None
        if info is None:
            return ""
        if not _is_model(info.annotation):
            said = (info.description or "").partition(". ")[0].rstrip(".")
            return f"it is: {said[:1].lower()}{said[1:]}" if said else ""
        inner = info.annotation
    return ""


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _worded(kind: str, said: str, context: Mapping[str, Any], path: Path_, known: list[str]) -> tuple[str, str, bool]:
    """The message in our words, a hint, and whether it is the name that is wrong."""
    last = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return f"no setting {last}", nearest(last, known) or f"there are: {', '.join(known)}", True
    if kind == "missing":
        return f"the setting {last} is missing", "", False
    if kind == "timezone_aware":
        return "a moment needs its zone", "write it as 2026-01-31T09:30:00Z", False
    if kind == "value_error":
        message = str(context.get("error", said)).removeprefix("Value error, ")
        absent = re.fullmatch(r"the environment variable (\w+) is not set", message)
        return message, nearest(absent[1], os.environ) if absent else "", False
    if kind == "literal_error":
        return "must be " + str(context.get("expected", "another word")).replace("'", ""), "", False
    message = _WORDS.get(kind) or said.replace("Input should be", "must be").replace("Value should", "must")
    return message[:1].lower() + message[1:], "", False
