"""The sandbox as it was: every ticket and every message in all its versions, so that any past moment can be shown.

Looking ten times a second is enough, since a thing says itself when it changed. Only what differs is kept, so an
incident of an hour takes some kilobytes. A change without a moment of its own is dated by when it was seen.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from sandbox.clock import Clock
from sandbox.desk import Kept, Seen
from sandbox.sight import Sight
from sandbox.slack import Channel, Message, SlackState
from sandbox.slack.world import Note
from sandbox.teams import Conversation, TeamsState
from sandbox.teams.world import Message as Posted
from sandbox.teams.world import Note as Told
from sandbox.teams.world import moment as moment_of

if TYPE_CHECKING:  # who has no mail does not wait for what it needs to be served
    from sandbox.mail.state import MailState

K = TypeVar("K")
T = TypeVar("T")
Version: TypeAlias = tuple[K, datetime, T]

EVERY: Final = 0.1
"""How often the world is looked at, in real seconds."""


@dataclass(frozen=True, slots=True)
class _Slack:
    """A workspace that only lies there to be looked at."""

    state: SlackState


@dataclass(frozen=True, slots=True)
class _Teams:
    """A tenant that only lies there."""

    state: TeamsState


@dataclass(frozen=True, slots=True)
class _Mail:
    """Mailboxes that only lie there."""

    state: MailState


class Then(Sight):
    """The tracker, and where people are told, as they were at a moment."""

    past = True

    def __init__(self, now: Sight, at: datetime, tickets: Iterable[Seen]) -> None:
        self.clock = Clock(at, speed=0.0)
        self.desk = Kept(now.desk, tickets)
        self.slack = _Slack(SlackState(self.clock))
        self.members = now.members
        state = now.slack.state
        self.slack.state.people, self.slack.state.bot = state.people, state.bot
        if now.teams is not None:
            self.teams = _Teams(TeamsState(self.clock))
            self.teams.state.people, self.teams.state.teams = now.teams.state.people, now.teams.state.teams
        if now.mail is not None:
            self.mail = _Mail(now.mail.state.until(at))


@dataclass(slots=True)
class _Versions(Generic[K, T]):
    """Things by their keys, each in all its versions, the oldest first; None where it was gone."""

    things: dict[K, tuple[list[datetime], list[T | None]]] = field(default_factory=dict)

    def see(self, seen: Iterable[Version[K, T]], now: datetime) -> None:
        """What is there now; whatever is not among it is gone."""
        there = set()
        for key, at, thing in seen:
            there.add(key)
            self._keep(key, at, thing)
        for key in self.things.keys() - there:
            self._keep(key, now, None)

    def last(self, key: K) -> T | None:
        """The newest version of a thing."""
        return self.things[key][1][-1] if key in self.things else None

    def at(self, moment: datetime) -> Mapping[K, T]:
        """What was there at a moment."""
        found: dict[K, T] = {}
        for key, (moments, versions) in self.things.items():
            number = bisect_right(moments, moment)
            version = versions[number - 1] if number else None
            if version is not None:
                found[key] = version
        return found

    def _keep(self, key: K, at: datetime, thing: T | None) -> None:
        moments, versions = self.things.setdefault(key, ([], []))
        if versions and versions[-1] == thing:
            return
        moments.append(max(at, moments[-1]) if moments else at)
        versions.append(thing)


class Recording:
    """Records a world from `start` to `stop`; it begins at the moment `begin`."""

    def __init__(self, world: Sight) -> None:
        self.world = world
        self.begin = world.clock.now()
        self._tickets: _Versions[str, Seen] = _Versions()
        self._channels: _Versions[str, Channel] = _Versions()
        self._messages: _Versions[tuple[str, str], Message] = _Versions()
        self._notes: _Versions[int, Note] = _Versions()
        self._places: _Versions[str, Conversation] = _Versions()
        self._posted: _Versions[tuple[str, str], Posted] = _Versions()
        self._told: _Versions[int, Told] = _Versions()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()

    def stop(self) -> None:
        """Record no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        took = 0.0
        while not self._stop.wait(max(EVERY, 10 * took)):  # never more than a tenth of the machine
            began = time.monotonic()
            self.take()
            took = time.monotonic() - began

    def take(self) -> None:
        """Look at the world now, and keep what is another than before."""
        slack = self.world.slack.state
        with self._lock:
            now = self.world.clock.now()
            self._tickets.see([self._ticket(ticket, now) for ticket in self.world.desk.tickets()], now)
            with slack.lock:
                channels = list(slack.channels.values())
                bare = [(c.id, min((m.at for m in c.messages), default=self.begin), _bare(c)) for c in channels]
                self._channels.see(bare, now)
                self._messages.see([self._message(c, m, now) for c in channels for m in c.messages], now)
                self._notes.see([(n, note.at, replace(note)) for n, note in enumerate(slack.notes)], now)
            if self.world.teams is not None:
                self._take_teams(self.world.teams.state, now)

    def at(self, moment: datetime) -> Then:
        """The world as it was."""
        self.take()
        with self._lock:
            then = Then(self.world, moment, self._tickets.at(moment).values())
            state = then.slack.state
            state.channels = {id_: replace(bare, messages=[]) for id_, bare in self._channels.at(moment).items()}
            messages, notes = self._messages.at(moment), self._notes.at(moment)
        for (channel, _), message in sorted(messages.items(), key=lambda pair: pair[0][1]):
            if channel in state.channels:
                state.channels[channel].messages.append(message)
        state.notes = [notes[number] for number in sorted(notes)]
        if then.teams is not None:
            self._put_teams(then.teams.state, moment)
        return then

    def _take_teams(self, teams: TeamsState, now: datetime) -> None:
        with teams.lock:
            places = list(teams.conversations.values())
            bare = [
                (c.id, min((m.at for m in c.messages), default=self.begin), replace(c, messages=[])) for c in places
            ]
            self._places.see(bare, now)
            self._posted.see([self._post(c, m, now) for c in places for m in c.messages], now)
            self._told.see([(n, note.at, replace(note)) for n, note in enumerate(teams.notes)], now)

    def _put_teams(self, teams: TeamsState, moment: datetime) -> None:
        with self._lock:
            teams.conversations = {id_: replace(c, messages=[]) for id_, c in self._places.at(moment).items()}
            posted, told = self._posted.at(moment), self._told.at(moment)
        for (place, _), message in sorted(posted.items(), key=lambda pair: pair[0][1]):
            if place in teams.conversations:
                teams.conversations[place].messages.append(message)
        teams.notes = [told[number] for number in sorted(told)]

    def _ticket(self, ticket: Seen, now: datetime) -> Version[str, Seen]:
        """A ticket says when it changed, but for what Pointman keeps there."""
        last = self._tickets.last(ticket.id)
        at = ticket.created if last is None else ticket.updated if ticket.updated > last.updated else now
        return ticket.id, at, ticket

    def _message(self, channel: Channel, message: Message, now: datetime) -> Version[tuple[str, str], Message]:
        """A message says when it was posted, and when it was edited last."""
        key = channel.id, message.ts
        last = self._messages.last(key)
        edited = Message(message.edited, "", "").at if message.edited else now
        return key, message.at if last is None else edited, replace(message)

    def _post(self, place: Conversation, message: Posted, now: datetime) -> Version[tuple[str, str], Posted]:
        """A post in Teams says when it was posted and when it was edited; what one person sees instead says nothing."""
        key = place.id, message.id
        last = self._posted.last(key)
        edited = message.edited and (last is None or last.edited != message.edited)
        at = message.at if last is None else moment_of(message.edited) if edited else now
        return key, at, replace(message, views=dict(message.views))


def _bare(channel: Channel) -> Channel:
    return replace(channel, members=set(channel.members), messages=[], previous_names=list(channel.previous_names))
