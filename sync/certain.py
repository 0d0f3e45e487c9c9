"""Commands whose sender delivers them again until it is told that all is well.

It is well when a command stands on its ticket, and when it never will. What could not be done now is forgotten, so that
the next delivery tries again; one that comes meanwhile waits for the same.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from connectors.model import Command
from sync.recent import Recent


class Certain:
    """Takes each delivery once. `carry_out` answers whether all is well, on a thread of `people`."""

    def __init__(self, deliveries: Recent, people: ThreadPoolExecutor, carry_out: Callable[[Command], bool]) -> None:
        self._deliveries, self._people, self._carry_out = deliveries, people, carry_out
        self._under_way: dict[tuple[str, str], Future[bool]] = {}
        self._lock = Lock()

    def take(self, command: Command) -> tuple[Future[bool], bool]:
        """Whether all is well, when that is known; and whether the delivery is a new one."""
        key = command.source, command.id
        with self._lock:
            under_way = self._under_way.get(key)
            if under_way is not None or not self._deliveries.add("command", *key):
                return under_way or _known(well=True), False
            try:
                asked = self._under_way[key] = self._people.submit(self._settled, command)
            except RuntimeError:  # we take nothing more: the next process will
                self._deliveries.drop("command", *key)
                return _known(well=False), True
        return asked, True

    def _settled(self, command: Command) -> bool:
        well = True
        try:
            well = self._carry_out(command)
        finally:
            with self._lock:
                self._under_way.pop((command.source, command.id), None)
                if not well:
                    self._deliveries.drop("command", command.source, command.id)
        return well


def _known(*, well: bool) -> Future[bool]:
    known: Future[bool] = Future()
    known.set_result(well)
    return known
