"""What a product sends out by itself: in order, from one thread, which begins with the first delivery."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from queue import Queue
from threading import Thread
from typing import Generic, TypeVar

import requests

T = TypeVar("T")


class Courier(ABC, Generic[T]):
    """Delivers in the background. `sent` counts the tries, `failed` holds what nobody took; `twice`: all twice."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.twice = False
        self.sent = 0
        self.failed: list[T] = []
        self._queue: Queue[T | None] = Queue()
        self._thread: Thread | None = None

    @abstractmethod
    def deliver(self, session: requests.Session, one: T) -> bool:
        """Deliver it; whether somebody took it."""

    def put(self, one: T) -> None:
        """Have it delivered."""
        for _ in range(2 if self.twice else 1):
            self._queue.put(one)
        if self._thread is None:
            self._thread = Thread(target=self._run, daemon=True, name=self.name)
            self._thread.start()

    def settle(self, timeout: float = 5.0) -> bool:
        """Wait until everything has been delivered or given up; whether it has."""
        until = time.monotonic() + timeout
        while self._queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.002)
        return not self._queue.unfinished_tasks

    def close(self) -> None:
        """Deliver nothing more."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(timeout=2)
            self._thread = None

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (one := self._queue.get()) is not None:
                try:
                    if not self.deliver(session, one):
                        self.failed.append(one)
                finally:
                    self._queue.task_done()
            self._queue.task_done()
