"""Keeps Pointman alive: whenever the process ends it is started again at once, as a service manager does.

It is also the one who kills it, with SIGKILL, so that whoever watches can see what that changes. One press kills one
life: the next has begun before the next press is heard, however fast they come. `kill -9` from a terminal counts, too.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sandbox.process import Pointman

EVERY: Final = 0.05
"""How often it is looked after, in real seconds."""
ALONE: Final = 1.0
"""How long is waited after an end that nobody asked for, in real seconds."""


class Keeper:
    """Looks after a process. `kills` are the sandbox's moments at which it was killed.

    `began` is when its present life began, by `time.monotonic`, `began_at` the same by the sandbox's clock, and `up`
    whether it is ready by now. `born` is told of every further life, and whether the one before was killed.
    """

    def __init__(self, pointman: Pointman, born: Callable[[bool], None] = lambda killed: None) -> None:
        self.pointman, self.born = pointman, born
        self.kills: list[datetime] = []
        self.began, self.began_at = time.monotonic(), pointman.world.clock.now()
        self.up = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def killed(self) -> int:
        """How many lives were ended by SIGKILL."""
        return len(self.kills)

    def start(self) -> None:
        """Begin to look after it; it has been started."""
        self._thread.start()

    def stop(self) -> None:
        """Let it be."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def kill(self) -> bool:
        """Kill it as `kill -9` does, and start it again; False where it had just ended by itself."""
        with self._lock:
            if self._stop.is_set():
                return False
            before = self.pointman.killed
            self.pointman.kill()
            killed = self.pointman.killed > before or self.pointman.ended == -signal.SIGKILL
            if killed:
                self.kills.append(self.pointman.world.clock.now())
            self._live(killed)
            return killed

    def _live(self, killed: bool) -> None:
        self.up, self.began, self.began_at = False, time.monotonic(), self.pointman.world.clock.now()
        self.pointman.start()
        self.born(killed)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            began, ended = self.began, self.pointman.ended
            if ended is None:
                if not self.up and self.pointman.ready:
                    with self._lock:
                        self.up = self.began == began
            elif ended == -signal.SIGKILL or time.monotonic() - began > ALONE:
                self._again()

    def _again(self) -> None:
        """It ended, and not by our hand: it is started again, but not all the time if it does not want to live."""
        with self._lock:
            ended = self.pointman.ended
            if ended is None or self._stop.is_set():
                return
            killed = ended == -signal.SIGKILL
            if killed:
                self.kills.append(self.pointman.world.clock.now())
            self._live(killed)
