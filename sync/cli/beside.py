"""Does one thing in a process beside this one: `check` reads the settings on one core and the rules on another.

Reading settings costs a third of a second, nearly all of it for importing pydantic; so does loading a thousand rules.
Threads would take turns. Where a process cannot be forked, or the other one fails, it is simply done here.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Beside(Generic[T]):
    """Begins `ask` in another process, unless there are threads here; its answer must be plain values."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._reading = self._child = -1
        if hasattr(os, "fork") and threading.active_count() == 1:
            with suppress(OSError):
                self._begin()

    def answer(self) -> T:
        """The answer, when it has come."""
        if self._child < 0:
            return self._ask()
        with os.fdopen(self._reading, "rb") as pipe:
            told = pipe.read()
        os.waitpid(self._child, 0)
        if not told:
            return self._ask()
        found: T = pickle.loads(told)  # noqa: S301  (our own child wrote it)
        return found

    def _begin(self) -> None:
        self._reading, writing = os.pipe()
        self._child = os.fork()
        if self._child:
            os.close(writing)
            return
        told = b""
        with suppress(BaseException):  # whatever it was, it happens again where it can be told
            told = pickle.dumps(self._ask())
        with suppress(BaseException), os.fdopen(writing, "wb") as pipe:
            pipe.write(told)
        os._exit(0)
