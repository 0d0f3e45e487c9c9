"""Takes up changed rule files while it runs. A bad file never replaces good rules: it is told, and they stay.

Any change is only a hint to look: editors write beside and rename, a mounted config map swaps a symbolic link, network
drives say nothing at all. So the files themselves are compared, after every hint and every now and then without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from threading import Event

import structlog
from watchfiles import watch

from connectors.problems import Problem, Problems
from rules.model import RuleSet
from sync import metrics

log = structlog.get_logger()

TOPIC = "rules"
"""The notice that says why changed rules were not taken up."""
QUIET_MS = 400
"""Milliseconds without a further change before the files are read: a save is often several changes."""
UNASKED_MS = 15_000
"""How long until the files are compared without any hint."""

Marks = Mapping[str, tuple[str, int, int]]


class Reload:
    """Watches the rule files and folders. `load` reads and checks them all; `use` takes up what was read."""

    def __init__(
        self,
        paths: Iterable[Path],
        load: Callable[[], RuleSet],
        use: Callable[[RuleSet], None],
        notices: MutableMapping[str, str],
    ) -> None:
        self._paths, self._load, self._use, self._notices = tuple(paths), load, use, notices
        self._marks = marks(self._paths)

    def run(self, stop: Event) -> None:
        """Watch until `stop`."""
        while not stop.is_set():
            folders = {str(path if path.is_dir() else path.parent) for path in self._paths}
            there = [folder for folder in sorted(folders) if Path(folder).is_dir()]
            try:
                self._watch(there, stop)
            except (OSError, RuntimeError) as error:  # a folder went away, or no watches are left
                log.warning("rule files cannot be watched; comparing them now and then", error=str(error))
                stop.wait(UNASKED_MS / 1000)
                self.compare()

    def compare(self) -> bool:
        """Take up the rules if a file is another than when they were last read; whether that was so."""
        now = marks(self._paths)
        if now == self._marks:
            return False
        self._marks = now
        try:
            rules = self._load()
        except Problems as told:
            self._refused(told.problems)
            return True
        self._notices.pop(TOPIC, None)
        self._use(rules)
        metrics.RELOADS.labels("replaced").inc()
        log.info("rules replaced", rules=len(rules), digest=rules.digest)
        return True

    def _watch(self, folders: list[str], stop: Event) -> None:
        hints = watch(
            *folders,
            watch_filter=None,
            debounce=QUIET_MS,
            step=min(QUIET_MS, 100),
            stop_event=stop,
            rust_timeout=UNASKED_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        )
        for _ in hints:
            self.compare()

    def _refused(self, problems: Sequence[Problem]) -> None:
        metrics.RELOADS.labels("refused").inc()
        first = next((problem for problem in problems if problem.where.file), problems[0])
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        self._notices[TOPIC] = (
            f"changed rules were not taken up; the earlier ones stay: {first.where} {first.message}{more}"
        )
        for problem in problems:
            log.error("rules not taken up", where=str(problem.where), problem=problem.message, hint=problem.hint)


def marks(paths: Iterable[Path]) -> Marks:
    """What tells one state of the files from another: where each really is, when it was written, its size."""
    found: dict[str, tuple[str, int, int]] = {}
    for path in paths:
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
            try:
                real = file.resolve()
                known = real.stat()
            except OSError:
                continue
            found[str(file)] = (str(real), known.st_mtime_ns, known.st_size)
    return found
