"""How problems are told to a forge that shows them at their lines: GitHub's workflow commands, and SARIF 2.1.0.

Both name files relative to the root of the repository, wherever the command was called. What has no place in a file
(an environment variable, a product) is told at the configuration file: GitHub drops a result without a place.

Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/, and GitHub's "SARIF support for code scanning" and "Workflow
commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from connectors.problems import Problem

Data = dict[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
_IN_TEXT = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_IN_PROPERTY = (*_IN_TEXT, (":", "%3A"), (",", "%2C"))


def annotation(problem: Problem) -> str:
    """A workflow command that GitHub shows as an annotation at the line."""
    where = problem.where
    said = _said(problem)
    if not where.line:
        return f"::{problem.level} ::{_escaped(f'{where.file}: {said}' if where.file else said, _IN_TEXT)}"
    file = Path(where.file).resolve()
    name = str(_inside(file) or file)
    place = [("file", name), ("line", str(where.line)), ("col", str(where.column or 1))]
    if where.column:
        place += [("endColumn", str(where.column + where.length))]
    at = ",".join(f"{key}={_escaped(value, _IN_PROPERTY)}" for key, value in place)
    return f"::{problem.level} {at}::{_escaped(said, _IN_TEXT)}"


def sarif(problems: Sequence[Problem], config: Path) -> Data:
    """One run of SARIF 2.1.0; its rules are the tables and kinds of rule in which there are mistakes."""
    ids = list(dict.fromkeys(_id(problem) for problem in problems))
    driver: Data = {"name": "pointman", "version": version("pointman"), "rules": [_rule(one) for one in ids]}
    run: Data = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "results": [_result(problem, ids, config) for problem in problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _said(problem: Problem) -> str:
    said = f"{problem.rule}: {problem.message}" if problem.rule else problem.message
    return f"{said}; {problem.hint}" if problem.hint else said


def _escaped(text: str, codes: Sequence[tuple[str, str]]) -> str:
    for character, code in codes:
        text = text.replace(character, code)
    return text


def _id(problem: Problem) -> str:
    """The table or kind of rule that a mistake stands in; `file` where it stands in none."""
    return problem.rule.partition(" ")[0] or "file"


def _rule(one: str) -> Data:
    about = f"A mistake in {one}" if one != "file" else "A mistake in a file, or in a setting of the whole"
    return {
        "id": one,
        "shortDescription": {"text": f"{about}."},
        "defaultConfiguration": {"level": "error"},
        "help": {"text": "Pointman would not do what is meant. `pointman check` shows the line and a hint."},
    }


def _result(problem: Problem, ids: Sequence[str], config: Path) -> Data:
    where, said, one = problem.where, _said(problem), _id(problem)
    file = Path(where.file)
    if not where.file or not (where.line or file.exists()):
        said = f"{where.file}: {said}" if where.file else said
        file = config
    place: Data = {"artifactLocation": _artifact(file)}
    if where.line:
        place["region"] = _region(problem)
    location: Data = {"physicalLocation": place}
    if problem.rule:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.rule}]
    return {
        "ruleId": one,
        "ruleIndex": ids.index(one),
        "level": problem.level,
        "message": {"text": said},
        "locations": [location],
    }


def _region(problem: Problem) -> Data:
    """Lines and columns count from 1; the end column is the one after the last character."""
    where = problem.where
    region: Data = {"startLine": where.line, "endLine": where.line}
    if where.column:
        region |= {"startColumn": where.column, "endColumn": where.column + where.length}
    return region


def _artifact(file: Path) -> Data:
    path = file.resolve()
    inside = _inside(path)
    return {"uri": path.as_uri()} if inside is None else {"uri": quote(inside.as_posix()), "uriBaseId": ROOT}


def _inside(file: Path) -> Path | None:
    """The file as seen from the root of its repository, else from the current folder; None where it is outside."""
    root = next((folder for folder in file.parents if (folder / ".git").exists()), Path.cwd())
    return file.relative_to(root) if file.is_relative_to(root) else None
