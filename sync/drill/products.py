"""The products of a drill: the fakes of `connectors.testing`, with bad days, and quick where there are many posts.

What a real product can do (be searched, change what was put, open channels) is as its connector says of itself; it is
written down here once more, because loading the connectors takes longer than a drill. A test holds both together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connectors.errors import ConnectorError, Denied, Missing, Temporary
from connectors.model import Answer, CannotTell, Channel, Comment, Edit, Message, Ticket, User, Value
from connectors.testing import MemoryMessenger, MemoryTracker, Post
from sync.drill.scenario import Outage


@dataclass(frozen=True, slots=True)
class Traits:
    """What a messenger can do."""

    searchable: bool = False
    editable: bool = False
    channels: bool = False


TRAITS: Final[Mapping[str, Traits]] = {
    "slack": Traits(searchable=True, editable=True, channels=True),
    "msteams": Traits(editable=True),
    "teams": Traits(editable=True),
    "email": Traits(),
}
"""By kind of connector; one that is not known here can do nothing of it."""
TOLD_US: Final = "the drill says so"


def failure(product: str, kind: Outage) -> ConnectorError:
    """What a product on a bad day answers."""
    if kind == "denied":
        return Denied(f"could not sign in to {product}: 401 ({TOLD_US})")
    if kind == "slow":
        return Temporary(f"{product} did not answer in time ({TOLD_US})")
    return Temporary(f"{product} answers nothing but 503 ({TOLD_US})")


class DrillTracker(MemoryTracker):
    """A tracker that may fail, and that says when a ledger was written: ref, the one before, the new one."""

    def __init__(self, clock: Callable[[], datetime], name: str, heard: Callable[[str, str | None, str], None]) -> None:
        super().__init__(clock, name)
        self.trouble: tuple[str, Outage] | None = None
        self._heard = heard

    def get(self, ref: str) -> Ticket:
        """A ticket, unless it is a bad day."""
        self._try()
        return super().get(ref)

    def find(self, key: str) -> str | None:
        """The ref of a ticket, unless it is a bad day."""
        self._try()
        return super().find(key)

    def create(self, edit: Edit, key: str) -> str:
        """A new ticket, unless it is a bad day."""
        self._try()
        return super().create(edit, key)

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """The open tickets, unless it is a bad day."""
        self._try()
        return super().open(since)

    def write(self, ref: str, edit: Edit | None, ledger: str | None) -> None:
        """Write, unless it is a bad day; a slow tracker writes, and says too late that it did."""
        if self.trouble is not None and self.trouble[1] != "slow":
            self._try()
        before = self.tickets[ref].ledger if ref in self.tickets else None
        super().write(ref, edit, ledger)
        if ledger is not None:
            self._heard(ref, before, ledger)
        self._try()

    def change(self, ref: str, words: Mapping[str, Value], by: User) -> None:
        """Somebody changes words of a ticket."""
        self._keep(self._edited(self.tickets[ref], Edit(words), by))

    def write_comment(self, ref: str, text: str, by: User) -> None:
        """Somebody comments."""
        self._keep(self._edited(self.tickets[ref], Edit(comment=Comment(text)), by))

    def _try(self) -> None:
        if self.trouble is not None:
            raise failure(*self.trouble)


class DrillMessenger(MemoryMessenger):
    """A messenger that may fail. `told` hears every new post."""

    def __init__(self, clock: Callable[[], datetime], name: str, traits: Traits) -> None:
        super().__init__(clock, name, searchable=traits.searchable, editable=traits.editable, channels=traits.channels)
        self.trouble: Outage | None = None
        self._refs: dict[str, Post] = {}
        self._keys: dict[str, list[Post]] = {}

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """Put it, unless it is a bad day; a slow messenger puts it, and says too late that it did."""
        self._try()
        made = super().put(place, thing, ref, key)
        post = self.posts[-1] if ref is None else self._at(ref)
        self._refs[made] = post
        for one in key.split():
            known = self._keys.setdefault(one, [])
            if post not in known:
                known.append(post)
        self._late()
        return made

    def find(self, place: str, key: str, since: datetime) -> Answer:
        """By key, as the fake does, among the few posts that carry it."""
        if self.trouble is not None:
            return CannotTell(str(failure(self.name, self.trouble)))
        every, self.posts = self.posts, self._keys.get(key, [])
        try:
            return super().find(place, key, since)
        finally:
            self.posts = every

    def open(self, channel: Channel, key: str) -> str:
        """Open a channel, unless it is a bad day."""
        self._try()
        made = super().open(channel, key)
        self._late()
        return made

    def arrange(self, ref: str, channel: Channel) -> None:
        """Bring a channel up to date, unless it is a bad day."""
        self._try()
        super().arrange(ref, channel)
        self._late()

    def retire(self, place: str, ref: str) -> None:
        """Take the buttons off, unless it is a bad day."""
        self._try()
        super().retire(place, ref)
        self._late()

    def said(self, ref: str) -> Post | None:
        """What stands under a ref."""
        return self._refs.get(ref)

    def doubled(self) -> int:
        """How many messages stand there once more than they should: under one key twice."""
        fresh = [len(posts) - 1 for posts in self._keys.values() if len(posts) > 1]
        return sum(fresh)

    def _try(self) -> None:
        if self.trouble is not None and self.trouble != "slow":
            raise failure(self.name, self.trouble)

    def _late(self) -> None:
        if self.trouble == "slow":
            raise failure(self.name, self.trouble)

    def _at(self, ref: str) -> Post:
        found = self._refs.get(ref)
        if found is None:
            raise Missing(f"could not edit the message {ref}: message_not_found")
        return found


def messengers(
    clock: Callable[[], datetime], kinds: Mapping[str, str], rooms: Collection[str] = ()
) -> dict[str, DrillMessenger]:
    """A messenger for each connector, by its name; `kinds` says of which kind each is.

    `rooms` are those that open channels though their kind does not say so, since their settings allow it.
    """
    made = {}
    for name, kind in kinds.items():
        traits = TRAITS.get(kind, Traits())
        made[name] = DrillMessenger(
            clock, name, Traits(traits.searchable, traits.editable, traits.channels or name in rooms)
        )
    return made
