"""Killed, lost and doubled: how often Pointman died, and what that changed, by what stands in the sandbox alone.

A ticket of the scenario is held against what the scenario expects. A ticket that somebody makes on the page, or takes a
hand in, is held against what the company promises (`sandbox.promised`). Nobody asks Pointman.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, TypeAlias

from sandbox.elsewhere import Repeats, repeats
from sandbox.keeper import Keeper
from sandbox.player import SETTLED, Player
from sandbox.promised import Judged, Owed, missing, spare
from sandbox.sight import Post
from sandbox.world import World

PATIENCE: Final = 25.0
"""Real seconds for which Pointman must have lived without making good what is missing, before that counts as lost."""
Noticed: TypeAlias = tuple[float, datetime]
"""When something was noticed first: in real time, and by the sandbox's clock."""


class Tally:
    """Counts. `rules` is the folder of the rule files: whoever changes them changes what is promised."""

    def __init__(self, world: World, player: Player | None = None, keeper: Keeper | None = None) -> None:
        self.world, self.player, self.keeper = world, player, keeper
        self.rules: Path | None = keeper.pointman.folder / "rules.d" if keeper is not None else None
        self.changed: datetime | None = None
        self._before: object = self._marks()
        self._touched: dict[str, datetime] = {}
        self._since: dict[Owed, Noticed] = {}
        self._lock = Lock()

    @property
    def killed(self) -> int:
        """How many lives of Pointman were ended by SIGKILL."""
        return self.keeper.killed if self.keeper is not None else 0

    @property
    def lost(self) -> int:
        """How many messages are missing."""
        return (self.player.lost if self.player is not None else 0) + len(self.missing())

    @property
    def doubled(self) -> int:
        """How many messages stand there that should not: again under the same key, or again by what was promised."""
        found = {(post.channel.id, post.message.ts) for post in (*self.world.doubled(), *self._spare())}
        slack = max(len(found), self.player.doubled if self.player is not None else 0)
        return slack + self.repeats.doubled

    @property
    def repeats(self) -> Repeats:
        """How often something was told twice in Teams and by mail: without a mark, and marked as a possible repeat."""
        return repeats(self.world)

    def touch(self, key: str) -> None:
        """Somebody at the page does something to a ticket."""
        with self._lock:
            self._touched.setdefault(key, self.world.clock.now())
        if self.player is not None:
            self.player.take(key)

    def missing(self) -> tuple[Owed, ...]:
        """What was promised for tickets outside the scenario, and is not there although there was time enough."""
        self.compare_rules()
        gone = [one for judged in self._judged() for one in missing(self.world, judged)]
        now = time.monotonic(), self.world.clock.now()
        lives = (self.keeper.began, self.keeper.began_at) if self.keeper is not None else (0.0, now[1] - 2 * SETTLED)
        with self._lock:
            self._since = {one: self._since.get(one, now) for one in gone}
            since = {one: (max(real, lives[0]), max(at, lives[1])) for one, (real, at) in self._since.items()}
        return tuple(one for one, (real, at) in since.items() if now[0] - real >= PATIENCE and now[1] - at >= SETTLED)

    def compare_rules(self) -> None:
        """Whether somebody changed the rules: what falls due after that nobody has promised here."""
        if self.changed is None and self._marks() != self._before:
            self.changed = self.world.clock.now()
            if self.player is not None:
                for key in self.player.tickets.values():
                    self.player.take(key)

    def _marks(self) -> object:
        files = sorted(self.rules.glob("*.toml")) if self.rules is not None else []
        return [(file.name, file.read_bytes()) for file in files]

    def _judged(self) -> Iterator[Judged]:
        scripted = set(self.player.tickets.values()) - self.player.taken if self.player is not None else set()
        now = self.world.clock.now()
        posts: dict[str, list[Post]] = {}
        for post in self.world.posts():
            for key in post.tickets:
                posts.setdefault(key, []).append(post)
        for seen in self.world.desk.tickets():
            key = seen.key
            if key in scripted:
                continue
            by_people = [past.at for past in seen.history if past.by != "pointman"]
            ends = [*by_people, self._touched.get(key, now), self.changed or now]
            yield Judged(key, self.changed or now, min([*ends, now]), tuple(posts.get(key, ())))

    def _spare(self) -> Iterator[Post]:
        for judged in self._judged():
            yield from spare(self.world, judged)
