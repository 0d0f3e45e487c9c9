"""The whole of the sandbox: a Jira and a Slack with the same people in them, on one clock, and what stands in both.

People act here by name, in words that stand on the products' own pages (`Severity`, `In Progress`, `#incidents`); what
can be seen is read from the emulators' state. Pointman is never asked: it is what is being watched.
"""

from __future__ import annotations

import html
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import requests

from sandbox.clock import Clock
from sandbox.http import Answer, Asked, Fault, Server
from sandbox.jira import Field, JiraState
from sandbox.slack import Channel, Delivered, Message, SlackSandbox
from sandbox.slack import Person as Member

ONE_OF_MANY: Final = ("labels", "options", "users", "components")
"""Kinds of field that hold several values."""
FOREVER: Final = 10**9
SLOW: Final = 10.0
"""How fast time goes at the most while somebody works."""
BUSY: Final = 0.3
"""How long after the last piece of work somebody still counts as working, in real seconds."""
LEAP: Final = 20.0
"""How many seconds time may leap at once: a look of Pointman's must not be half a minute old when it ends."""
DIRECT: Final = "@"
"""Begins the name of a direct message, as `@tom`."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message that the app posted, with where it stands: `#name` or `@person`."""

    place: str
    channel: Channel
    message: Message

    @property
    def text(self) -> str:
        """What it says, as plain text."""
        return html.unescape(self.message.text)

    @property
    def buttons(self) -> tuple[str, ...]:
        """The labels of its buttons."""
        return tuple(html.unescape(b["text"]["text"]) for b in self.message.buttons)

    @property
    def key(self) -> str:
        """Under which keys it was put; empty where it says none."""
        payload = (self.message.metadata or {}).get("event_payload", {})
        return " ".join(str(payload[name]) for name in sorted(payload))


class World:
    """Jira and Slack on loopback. `worked` is when, by `time.monotonic`, somebody last did more there than look.

    Time goes fast as in a film: it leaps while Pointman only asks what changed, just before it is answered. So the
    answer tells the new moment, nobody works by an old one, and a slow machine plays the same story as a fast one.
    """

    def __init__(self, clock: Clock | None = None, channels: Iterable[str] = ()) -> None:
        self.clock = clock or Clock()
        self.jira = JiraState(self.clock)
        self.slack = SlackSandbox(self.clock)
        self.worked = self._polled = time.monotonic()
        self.speed = self.clock.speed
        self.server = Server(self.jira.handle, self.clock)
        self.server.noticed = self.slack.server.noticed = self._noticed
        self.members: dict[str, Member] = {}
        for person in self.jira.site.people.values():
            if person.username != "pointman":
                self.members[person.username] = self.slack.state.person(person.username, person.email, person.name)
        for name in channels:
            self.slack.state.channel(name)

    def __enter__(self) -> World:
        self.server.start()
        self.slack.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.jira.close()
        self.slack.stop()
        self.server.stop()

    def connect(self, url: str, secret: str) -> None:
        """From now on tell the app at this address what happens, as both products do."""
        self.jira.webhook(f"{url}/hooks/jira", secret)
        self.slack.people.hook = f"{url}/hooks/slack"

    def hurry(self, speed: float, slow: float = SLOW) -> None:
        """From now on time goes so fast while nothing happens, and at most `slow` while something does."""
        self.speed = speed
        if self.clock.speed != min(speed, slow):
            self.clock.run(min(speed, slow))

    def _noticed(self, asked: Asked) -> None:
        """Asking what changed is no work: Pointman does it all day, and meanwhile time may leap."""
        now = time.monotonic()
        if not (asked.method == "GET" and asked.path.endswith(("/search/jql", "/search"))):
            self.worked = now
            return
        passed, self._polled = now - self._polled, now
        if now - self.worked > BUSY and self.speed > self.clock.speed:
            self.clock.advance(timedelta(seconds=min(LEAP, (self.speed - self.clock.speed) * passed)))

    # ---- what people do

    def create(self, by: str, fields: Mapping[str, Any], kind: str = "Incident") -> str:
        """Somebody creates a ticket; its key. Raises LookupError where a field or an option is not there."""
        return self.jira.create(self._values(fields), by, kind=kind)

    def change(self, by: str, key: str, fields: Mapping[str, Any]) -> None:
        """Somebody changes fields of a ticket. Raises LookupError."""
        self.jira.put(key, self._values(fields), by)

    def comment(self, by: str, key: str, text: str) -> None:
        """Somebody comments on a ticket."""
        self.jira.comment(key, text, by)

    def move(self, by: str, key: str, status: str) -> None:
        """Somebody brings a ticket to a status. Raises LookupError where no transition leads there."""
        self.jira.transition(key, status, by)

    def click(self, by: str, post: Post, label: str) -> Delivered:
        """Somebody clicks a button; status 0 where the app cannot be reached. Raises LookupError: no such button."""
        try:
            return self.slack.people.click(self.members[by], post.message, html.escape(label, quote=False))
        except requests.RequestException:
            return Delivered(0, "no answer")

    def say(self, by: str, place: str, text: str) -> None:
        """Somebody writes into a channel."""
        self.slack.state.say(self.members[by], self.channel(place), text)

    def outage(self, product: str, begin: datetime, end: datetime) -> None:
        """From one moment to another every call to this product is answered 503."""
        server = self.server if product == "jira" else self.slack.server
        answer = Answer(503, {"ok": False, "error": "service_unavailable"})
        server.fail(Fault(lambda _: begin <= self.clock.now() < end, answer, times=FOREVER))

    def _values(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._value(name, said) for name, said in fields.items())

    def _value(self, name: str, said: Any) -> tuple[str, Any]:
        field = self.field(name)
        if field.kind in ONE_OF_MANY:
            return field.id, tuple(said) if isinstance(said, (list, tuple)) else (said,) if said else ()
        if said is None or said == "":
            return field.id, None
        if field.kind == "number":
            return field.id, float(said)
        if field.kind == "user":
            return field.id, self._username(str(said))
        if field.kind == "priority":
            return field.id, _key(self.jira.site.priorities, str(said))
        if field.kind == "option" and said not in field.options.values():
            raise LookupError(f"{field.name} has no option {said}")
        return field.id, said

    def field(self, name: str) -> Field:
        """A field by the name that people see, or its id. Raises LookupError."""
        for field in self.jira.site.fields.values():
            if name.casefold() in {field.name.casefold(), field.id.casefold()}:
                return field
        raise LookupError(f"there is no field {name}")

    def _username(self, said: str) -> str:
        for person in self.jira.site.people.values():
            if said.casefold() in {person.username, person.name.casefold()}:
                return person.username
        raise LookupError(f"there is nobody called {said}")

    # ---- what can be seen

    def value(self, key: str, name: str) -> Any:
        """What a ticket's field shows to people: names, not ids. Raises KeyError where there is no such ticket."""
        field = self.field(name)
        return self.shown(field, self.jira.view(key)["fields"].get(field.id))

    def shown(self, field: Field, value: Any) -> Any:
        """A value of `view` as people see it."""
        if field.kind == "user" and value is not None:
            return self.jira.site.people[value].name
        if field.kind == "number" and isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def channel(self, place: str) -> Channel:
        """The channel `#name`, or the app's direct message with a person, `@tom`."""
        if place.startswith(DIRECT):
            return self.slack.state.direct(self.members[place.removeprefix(DIRECT)].id)
        return self.slack.state.channel(place)

    def place(self, channel: Channel) -> str:
        """How a channel is called: `#name` or `@person`."""
        return f"{DIRECT}{self.slack.state.people[channel.user].name}" if channel.is_im else f"#{channel.name}"

    def posts(self, place: str = "") -> tuple[Post, ...]:
        """What the app has posted (at one place), oldest first."""
        with self.slack.state.lock:
            channels = list(self.slack.state.channels.values())
            found = [
                Post(self.place(channel), channel, message)
                for channel in channels
                for message in self.slack.state.visible(channel)
                if message.bot_id and place in {"", self.place(channel)}
            ]
        return tuple(sorted(found, key=lambda post: float(post.message.ts)))

    def doubled(self) -> tuple[Post, ...]:
        """Messages that stand at one place under a key that an earlier one there has already."""
        seen: Counter[tuple[str, str]] = Counter()
        spare = []
        for post in self.posts():
            for key in post.key.split():
                seen[post.channel.id, key] += 1
            if any(seen[post.channel.id, key] > 1 for key in post.key.split()):
                spare.append(post)
        return tuple(spare)

    def logs(self, key: str) -> tuple[str, ...]:
        """The comments that Pointman wrote on a ticket."""
        return tuple(note["text"] for note in self.jira.view(key)["comments"] if note["by"] == "pointman")

    def fingerprint(self) -> tuple[object, ...]:
        """Everything that people can see, as one value: it is equal when nothing changed."""
        return tuple(self._everything())

    def _everything(self) -> Iterator[object]:
        for view in self.jira.views():
            yield view["key"], repr(view["fields"]), tuple((n["by"], n["text"]) for n in view["comments"])
        for post in self.posts():
            yield post.place, post.message.ts, post.message.text, post.buttons


def _key(names: Mapping[str, str], said: str) -> str:
    with suppress(StopIteration):
        return next(i for i, name in names.items() if said in {name, i})
    raise LookupError(f"there is no {said}")
