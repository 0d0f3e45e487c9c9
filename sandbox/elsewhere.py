"""What Pointman has told people in Teams and by mail, as it was told; and how often it was told twice.

Neither can be searched, so a message that was in flight when Pointman died goes out again, marked as a possible repeat:
one for each kill at the most. Such repeats are counted apart. Whatever stands there twice and is not marked is doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sandbox.sight import KEY, Sight
from sandbox.teams.cards import actions, words
from sandbox.teams.state import BOT
from sandbox.teams.world import Conversation, Message

TEAMS: Final = "teams:"
MAIL: Final = "mail:"
"""Begin the names of places: `teams:#Incidents`, `mail:incidents@example.org`."""
OURS: Final = "pointman@example.org"
"""Pointman's own mailbox."""
MARK: Final = "You may have received this before."
_LINK: Final = re.compile(r"https?://\S+")
APART: Final = timedelta(minutes=8)
"""The same words at one place again within so long are no further step of a ladder: those are ten minutes apart."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message: what it says now, its buttons, what it stands under (empty: nothing), and how it was first told."""

    place: str
    at: datetime
    text: str
    first: str
    id: str = ""
    buttons: tuple[str, ...] = ()
    under: str = ""

    @property
    def tickets(self) -> frozenset[str]:
        """The keys of the tickets that it speaks of."""
        return frozenset(KEY.findall(self.text))

    @property
    def words(self) -> str:
        """What was first told, without the mark and without links, which end at another moment in a repeat."""
        return " ".join(_LINK.sub("", self.first.replace(f"({MARK})", "")).split())

    @property
    def marked(self) -> bool:
        """Whether it says that it may be a repeat."""
        return MARK in self.first


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many messages are there twice without saying so, and how many say that they may be."""

    doubled: int = 0
    marked: int = 0


def said(world: Sight, place: str = "") -> tuple[Said, ...]:
    """What Pointman has told in Teams and by mail (at one place), oldest first."""
    told = (one for one in (*_in_teams(world), *_by_mail(world)) if place in {"", one.place})
    return tuple(sorted(told, key=lambda one: one.at))


def once(told: Iterable[Said]) -> list[Said]:
    """The same without the repeats that say so: of those whose first did not go out the marked one is all there is."""
    known, kept = set(), []
    for one in told:
        if not (one.marked and (one.place, one.words) in known):
            kept.append(one)
        known.add((one.place, one.words))
    return kept


def there(world: Sight, place: str) -> bool:
    """Whether this world has the product that a place is in."""
    return not ((place.startswith(TEAMS) and world.teams is None) or (place.startswith(MAIL) and world.mail is None))


def repeats(world: Sight) -> Repeats:
    """How often something was told twice in Teams and by mail."""
    told = said(world)
    return Repeats(sum(_twice(told)), sum(one.marked for one in told))


def _twice(told: Iterable[Said]) -> Iterator[bool]:
    """Of each message whether it is one too many, and does not say that it may be."""
    words_at: dict[tuple[str, str, str], datetime] = {}
    ids: set[tuple[str, str]] = set()
    for one in told:
        key = one.place, one.under, one.words
        last = words_at.get(key)
        again = (last is not None and one.at - last < APART) or (one.place, one.id) in ids
        yield again and not one.marked
        words_at[key] = one.at
        if one.id:
            ids.add((one.place, one.id))


def _in_teams(world: Sight) -> Iterator[Said]:
    if world.teams is None:
        return
    state = world.teams.state
    with state.lock:
        for place in list(state.conversations.values()):
            name = f"@{state.people[place.person].name}" if place.person else f"#{place.name}"
            for message in place.messages:
                if message.by == BOT and not message.deleted:
                    yield _posted(f"{TEAMS}{name}", place, message)


def _posted(name: str, place: Conversation, message: Message) -> Said:
    titles = tuple(str(action.get("title")) for _, action in actions(message.card))
    above = place.message(message.root) if message.root else None
    text = words(message.card) if message.card is not None else message.text
    under = (words(above.card) if above.card is not None else above.text) if above is not None else ""
    return Said(name, message.at, text, message.first, "", titles, under)


def _by_mail(world: Sight) -> Iterator[Said]:
    if world.mail is None:
        return
    state = world.mail.state
    with state.lock:
        for box in list(state.mailboxes.values()):
            for mail in box.inbox():
                if mail.author[1] == OURS:
                    labels = tuple(link.label for link in mail.links if "/act?" in link.url)
                    under = mail.references[0] if mail.references else ""
                    yield Said(f"{MAIL}{box.address}", mail.at, mail.text, mail.text, mail.id, labels, under)
