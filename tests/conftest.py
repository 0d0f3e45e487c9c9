"""What holds for every test: the network is off but loopback (see pyproject.toml), warnings are errors.

A test that reads the vendors' documents is skipped where they are missing. With CONTRACTS=required in the
environment, as in .ci/run, such a skip is a failure: there nobody would read why nothing was checked.
"""

import gc
import importlib
import logging
import os
import pkgutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

import coverage
import hypothesis
import pytest
import structlog

gc.disable()  # while tests are collected next to nothing becomes garbage; see `pytest_collection_finish`
pytest.register_assert_rewrite("connectors.testing.contract")
hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one is no failure
hypothesis.settings.load_profile("any machine")


COUNTING = pytest.StashKey[tuple[object, object]]()
"""What counts lines in this thread, and in those that are begun."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """What is measured is imported while lines are counted; after that they are not, until a test runs."""
    if session.config.pluginmanager.has_plugin("dsession"):  # the workers do
        return (yield)
    if (measured := coverage.Coverage.current()) is not None:
        _import_all(measured.get_option("run:source_pkgs"))
    session.config.stash[COUNTING] = sys.gettrace(), threading.gettrace()
    _count(None, None)
    _read_ahead(session)
    return (yield)


def _import_all(packages: list[str]) -> None:
    for name in packages:
        module = importlib.import_module(name)
        for each in pkgutil.walk_packages(getattr(module, "__path__", []), f"{name}."):
            importlib.import_module(each.name)


def _read_ahead(session: pytest.Session) -> None:
    """Each worker begins to read at another file: what one has compiled, with its assertions, the others find."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if worker is None:
        return
    root = Path(__file__).parents[1]
    asked = {(session.config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in session.config.args}
    files = (file for file in sorted(Path(__file__).parent.rglob("test_*.py")) if asked & {file, *file.parents})
    for file in islice(files, int(worker.removeprefix("gw")), None, workers):
        try:
            _ = pytest.Module.from_parent(session, path=file).obj
        except (Exception, pytest.skip.Exception):  # it is told when its turn comes, if it is not half there
            sys.modules.pop(".".join(file.relative_to(root).with_suffix("").parts), None)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """A quarter of a million objects that stay are not looked through again at each collection of garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(trylast=True)  # after the order was shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones begin first, shared out evenly among the workers, so that no core waits for one at the end.

    Lines of `rules` and `sync` are not counted while connectors and the sandbox are tested.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    others = iter([item for item in items if item.get_closest_marker("long") is None])
    share = -(-len(items) // workers)  # each is given as many in a row
    begun = [[*first, *islice(others, share - len(first))] for first in _long(items, workers)]
    items[:] = [*chain.from_iterable(begun), *others]
    for item in items:
        if item.path.parent.name in {"connectors", "sandbox"}:
            item.add_marker("uncounted")


def _long(items: list[pytest.Item], workers: int) -> list[list[pytest.Item]]:
    """The long ones that each worker begins with, the longest first. A file that is marked as a whole stays whole."""
    groups: dict[object, list[pytest.Item]] = {}
    seconds: Counter[object] = Counter()
    for item in items:
        if (mark := item.get_closest_marker("long")) is not None:
            group = item if mark in item.own_markers else item.path
            groups.setdefault(group, []).append(item)
            seconds[group] = mark.args[0] if mark.args else 10
    begun: list[list[pytest.Item]] = [[] for _ in range(workers)]
    load = [0] * workers
    for group, takes in seconds.most_common():
        least = load.index(min(load))
        load[least] += takes
        begun[least] += groups[group]
    return begun


def _count(here: object, in_threads: object) -> None:
    sys.settrace(here)  # type: ignore[arg-type]  # what sys.gettrace() answered
    threading.settrace(in_threads)  # type: ignore[arg-type]  # likewise


@contextmanager
def _counted(item: pytest.Item) -> Iterator[None]:
    """Lines are counted meanwhile, unless the test is marked: it then may take a quarter of the time.

    The mark of pytest-cov does not do it in a worker of pytest-xdist: two measurements are started there, and
    pausing the upper one continues the lower one.
    """
    counting = item.config.stash[COUNTING]
    if counting[0] is None or item.get_closest_marker("uncounted") is not None:
        yield
        return
    before = sys.gettrace(), threading.gettrace()
    _count(*counting)
    try:
        yield
    finally:
        _count(*before)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[object]:
    """Lines are counted while a test itself runs, and not while pytest gets it ready: that is three times as fast."""
    with _counted(pyfuncitem):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Iterator[object]:
    """And while its world is made."""
    with _counted(request._pyfuncitem):
        return (yield)


@pytest.fixture
def silent() -> None:
    """Nobody reads what a thousand deaths log, and writing it takes a tenth of their time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


REQUIRED = os.environ.get("CONTRACTS") == "required"


def _blame(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRED and report.outcome == "skipped" and "shared contracts" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"CONTRACTS=required, but it was skipped: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _blame(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _blame(report)
    return report


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of whoever runs it."""
    for name in list(os.environ):
        if name.upper().startswith("POINTMAN_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """No test logs where, or as little as, the command line of an earlier one did: its stream may be closed."""
    yield
    structlog.reset_defaults()
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if type(handler) is not logging.StreamHandler]
    root.setLevel(logging.WARNING)
