"""A Slack workspace with our app in it, and the Web API over it: a pure handler with its world open to be looked at.

What goes wrong on demand: `refuse` (any code at all, with HTTP 200 as Slack does it), `paced` (429 above one message
a second and channel), `lag` (a message is listed later than it was posted), `late` (a post takes effect later, after
its caller gave up), `scopes` taken away, channels left, archived and renamed, people without an address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any
from urllib.parse import parse_qsl

from sandbox.clock import Clock
from sandbox.http import Answer, Asked
from sandbox.slack.world import Channel, Handle, Json, Message, Note, Person, View

TEAM = "T0SANDBOX"
APP = "A0POINTMAN"
BOT = "B0POINTMAN"
SCOPES = (
    "chat:write,channels:history,groups:history,im:history,channels:read,groups:read,im:write,users:read,"
    "users:read.email,commands,channels:manage,channels:join,groups:write,pins:write,bookmarks:read,bookmarks:write"
)
TICK = timedelta(milliseconds=50)
"""How far the timestamps of one moment may run ahead of a clock that stands still."""


class Refusal(Exception):
    """An answer with `ok: false`."""

    def __init__(self, error: str, **more: object) -> None:
        super().__init__(error)
        self.body: Json = {"ok": False, "error": error, **more}


class TooFast(Refusal):
    """More than one message a second in one channel."""

    def __init__(self) -> None:
        super().__init__("ratelimited")


@dataclass(slots=True)
class _Wish:
    """A refusal asked for: of a method, for some calls, in a channel (empty: in any)."""

    method: str
    error: str
    left: int
    channel: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """A call's arguments, whatever way they came: JSON, a form, or the query."""

    given: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Asked) -> Arguments:
        """Read them. Raises Refusal."""
        kind = asked.headers.get("content-type", "")
        if "application/json" in kind:
            try:
                given = asked.json() or {}
            except ValueError:
                raise Refusal("invalid_json") from None
            if not isinstance(given, dict):
                raise Refusal("json_not_object")
            return cls(given)
        return cls({**asked.query, **dict(parse_qsl(asked.body.decode("utf-8", "replace"), keep_blank_values=True))})

    def text(self, name: str) -> str:
        """An argument as text; empty where it is absent."""
        value = self.given.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """An argument as yes or no."""
        return str(self.given.get(name, "")).lower() in {"1", "true"}

    def data(self, name: str) -> Any:
        """An argument that is JSON, given as such or as text. Raises Refusal."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise Refusal(f"invalid_{name}_format") from None


class SlackState:
    """The workspace. `handle` is the Web API; everything else is for tests, scenarios and the page."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.lock = RLock()
        self.token = "xoxb-sandbox-0000"  # noqa: S105  (the sandbox's own)
        self.app_token = "xapp-sandbox-0000"  # noqa: S105
        self.signing_secret = "sandbox-signing-secret"  # noqa: S105
        self.url = "http://127.0.0.1:1"
        self.socket_url = ""
        self.scopes = set(SCOPES.split(","))
        self.lag = timedelta(0)
        self.late: list[timedelta] = []
        self.paced = False
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.notes: list[Note] = []
        self.views: dict[str, View] = {}
        self.handles: dict[str, Handle] = {}
        self.calls: dict[str, int] = {}
        self._wishes: list[_Wish] = []
        self._stamps: set[int] = set()
        self._counter = 0
        self.bot = self.person("pointman", real_name="Pointman", is_bot=True)

    # -- setting the scene

    def person(self, name: str, email: str = "", real_name: str = "", *, is_bot: bool = False) -> Person:
        """Somebody new."""
        with self.lock:
            made = Person(self.new_id("U"), name, real_name or name.capitalize(), email, is_bot)
            self.people[made.id] = made
            return made

    def channel(self, name: str, *, private: bool = False, member: bool = True) -> Channel:
        """The channel of this name (with or without `#`), made where there is none, with the app in it."""
        bare = name.removeprefix("#")
        with self.lock:
            found = self.named(bare)
            if found is None:
                found = Channel(self.new_id("C"), bare, {self.bot.id} if member else set(), is_private=private)
                self.channels[found.id] = found
            return found

    def rename(self, channel: Channel, name: str) -> None:
        """Give a channel another name; the old one no longer works."""
        with self.lock:
            channel.previous_names.append(channel.name)
            channel.name = name.removeprefix("#")

    def refuse(self, method: str, error: str, times: int = 1, channel: str = "") -> None:
        """Let the next calls of a method be answered `ok: false` with this code, and not be carried out."""
        with self.lock:
            self._wishes.append(_Wish(method, error, times, channel))

    def say(self, by: Person, channel: Channel, text: str, thread_ts: str = "") -> Message:
        """A person writes something."""
        with self.lock:
            message = Message(self.stamp(), by.id, text, thread_ts=thread_ts)
            channel.messages.append(message)
            return message

    # -- what everybody needs

    def now(self) -> datetime:
        """The sandbox's time."""
        return self.clock.now()

    def new_id(self, kind: str) -> str:
        """An id as Slack makes them: a letter for the kind, then capitals and digits."""
        self._counter += 1
        return f"{kind}0SBX{self._counter:05d}"

    def stamp(self, after: timedelta = timedelta(0)) -> str:
        """A timestamp that no other message has: seconds and microseconds."""
        moment = round((self.now() + after).timestamp() * 1_000_000)
        while moment in self._stamps:
            moment += 1
        self._stamps.add(moment)
        return f"{moment // 1_000_000}.{moment % 1_000_000:06d}"

    def named(self, name: str) -> Channel | None:
        """The channel that has this name now."""
        return next((c for c in self.channels.values() if c.name == name and not c.is_im), None)

    def direct(self, person: str) -> Channel:
        """The app's direct message with a person, opened where it is not."""
        with self.lock:
            found = next((c for c in self.channels.values() if c.user == person), None)
            if found is None:
                found = Channel(self.new_id("D"), "", {self.bot.id, person}, user=person)
                self.channels[found.id] = found
            return found

    def visible(self, channel: Channel) -> list[Message]:
        """What somebody in the channel sees now: everything that took effect, oldest first."""
        with self.lock:
            now = self.now() + TICK
            return sorted((m for m in channel.messages if m.at <= now), key=lambda m: m.ts)

    def listed(self, channel: Channel) -> list[Message]:
        """What the API lists now: everything that took effect longer ago than `lag`, oldest first."""
        limit = self.now() - self.lag + TICK
        return [message for message in self.visible(channel) if message.at <= limit]

    def hand_out(self, channel: str, user: str, holds: timedelta, times: int) -> str:
        """A ticket for one person at one place, for a response URL or a trigger."""
        with self.lock:
            name = self.new_id("")
            self.handles[name] = Handle(channel, user, self.now() + holds, times)
            return name

    def redeem(self, name: str) -> Handle | None:
        """Use a ticket once; None where it does not hold (any more)."""
        with self.lock:
            handle = self.handles.get(name)
            if handle is None or handle.left < 1 or handle.until < self.now():
                return None
            handle.left -= 1
            return handle

    # -- the Web API

    def handle(self, asked: Asked) -> Answer:
        """Answer a request to the Web API, or to a response URL."""
        from sandbox.slack.methods import METHODS, unknown

        with self.lock:
            if asked.path.startswith("/response/"):
                return self._respond(asked)
            name = asked.path.removeprefix("/api/")
            self.calls[name] = self.calls.get(name, 0) + 1
            method = METHODS.get(name, unknown)
            try:
                arguments = Arguments.of(asked)
                self._admit(name, asked)
                self._refuse_as_asked(name, arguments)
                answer = method(self, arguments)
            except TooFast as refusal:
                return Answer(429, refusal.body, {"retry-after": "1"})
            except Refusal as refusal:
                answer = refusal.body
        return Answer(200, answer, {"x-oauth-scopes": ",".join(sorted(self.scopes))})

    def _admit(self, name: str, asked: Asked) -> None:
        right = self.app_token if name == "apps.connections.open" else self.token
        given = asked.headers.get("authorization", "")
        if not given:
            raise Refusal("not_authed")
        if given != f"Bearer {right}":
            raise Refusal("invalid_auth")

    def _refuse_as_asked(self, name: str, arguments: Arguments) -> None:
        for wish in self._wishes:
            if wish.method == name and wish.left > 0 and wish.channel in {"", arguments.text("channel")}:
                wish.left -= 1
                raise Refusal(wish.error)

    def _respond(self, asked: Asked) -> Answer:
        handle = self.redeem(asked.path.removeprefix("/response/"))
        if handle is None:
            return Answer(404, {"ok": False, "error": "used_url"})
        body = asked.json() or {}
        self.notes.append(Note(handle.channel, handle.user, body.get("text", ""), body.get("blocks", []), self.now()))
        return Answer(200, {"ok": True})
