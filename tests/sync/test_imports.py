"""What may know what: the import contracts of pyproject.toml, and what an import cannot tell."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("connectors", "rules", "sync", "sandbox")


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def files(*packages: str, like: str = "") -> Iterator[tuple[str, ast.Module]]:
    """Every module of ours with its tree, by its dotted name; only those with something `like` that in their text."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not re.search(like, path.read_text(encoding="utf-8")):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, _tree(path)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def uses(tree: ast.Module) -> frozenset[str]:
    """Every dotted name that a module uses, as written: `datetime.now`, `self._tracker.write`."""
    return frozenset(ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))


CLOCKS = (
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.monotonic",
    "time.sleep",
)


def test_only_run_and_cli_read_the_clock() -> None:
    readers = {
        name: sorted(uses(tree) & {*CLOCKS})
        for name, tree in files("rules", "sync")
        if name != "sync.run" and not name.startswith("sync.cli")
    }
    assert {name: clocks for name, clocks in readers.items() if clocks} == {}


WRITES = (".write", ".create", ".put", ".retire", ".answer", ".ask")
OUTSIDE = ("tracker", "_tracker", "sink", "messenger", "messengers", "_messengers")


WRITERS = {
    "sync.perform",
    "sync.crowd",  # the one list that many calls become, for perform
    "sync.intake",
    "sync.commands",
    "sync.look",
    "sync.looking",
    "sync.home",
    "sync.alarm",  # while the tracker is away
    "sync.drill.live",  # the tickets of a rehearsal
}


def test_few_modules_write_to_the_outside() -> None:
    writers = {
        name
        for name, tree in files("rules", "sync")
        for use in uses(tree)
        if use.endswith(WRITES) and use.rpartition(".")[0].rpartition(".")[2] in OUTSIDE
    }
    assert writers <= WRITERS
    assert "sync.perform" in writers, "the search for writers found nobody, so it proves nothing"


def imported(tree: ast.Module, *, at_start: bool = False) -> Iterator[str]:
    """What a module imports; with `at_start` only what is imported when it is."""
    inside = at_start and {
        inner
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _only_for_types(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if inside and node in inside:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def test_imports_are_absolute_and_nobody_mocks() -> None:
    for name, tree in files(*PACKAGES, "tests", "bench", like=r"unittest|from[\s\\]*\."):
        assert not {module for module in imported(tree) if module.startswith("unittest.mock")}, name


def test_only_the_registry_knows_how_products_are_found() -> None:
    for name, tree in files(*PACKAGES, like="entry_points|distribution"):
        if name != "connectors.registry":
            taken = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
            named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            assert not {"entry_points", "distributions", "distribution"} & (taken | named), name


def test_the_command_line_imports_nothing_of_ours_before_it_knows_what_for() -> None:
    trees = dict(files("sync"))
    first = ("sync.cli", "sync.cli.app", "sync.cli.opening", "sync.cli.trials")
    started = {module for name in first for module in imported(trees[name], at_start=True)}
    ours = {module for module in started if module.partition(".")[0] in PACKAGES}
    assert {module for module in ours if not module.startswith(first[1:])} <= {"sync.cli"}


@pytest.mark.parametrize("package", PACKAGES)
def test_there_is_no_drawer_for_everything(package: str) -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "service"}
    assert not {path.stem for path in (ROOT / package).rglob("*.py")} & drawers


def test_every_line_that_the_gate_asks_about_is_measured() -> None:
    """What is asked about and not measured is in no report, and so is missed by nobody."""
    coverage = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]
    asked = {path.removesuffix("/*").removesuffix(".py").replace("/", ".") for path in coverage["report"]["include"]}
    assert asked == set(coverage["run"]["source_pkgs"])
