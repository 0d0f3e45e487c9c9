"""Slack: messages in channels, threads and direct messages; clicks, commands and answers over HTTP or Socket Mode.

Each message carries the keys it was put under in its metadata, so that `find` can tell after a crash whether it was
posted. A message's ref is `channel:timestamp`, such as `C024BE7LH:1700000000.000100`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

from connectors.base import Messenger, Receipt, Request, Wanted
from connectors.errors import Missing, Refused, Temporary
from connectors.http import read
from connectors.model import Answer, CannotTell, Channel, Command, Form, Message, Signal, User
from connectors.problems import Problem
from connectors.setup import Setup
from connectors.slack import incoming
from connectors.slack.blocks import blocks, fallback, rich_text, without_buttons
from connectors.slack.checks import problems
from connectors.slack.client import Client
from connectors.slack.forms import Handle, view
from connectors.slack.history import Finder, marked
from connectors.slack.places import REF, Places
from connectors.slack.rooms import Rooms
from connectors.slack.settings import SlackSettings
from connectors.slack.socket import Listener


class Slack(Messenger):
    """One app in one workspace."""

    Settings = SlackSettings
    product = "Slack"
    editable = True
    searchable = True
    lag = timedelta(seconds=30)
    pace = timedelta(seconds=1)
    channels = True

    settings: SlackSettings

    @classmethod
    def setup(cls, name: str, given: Mapping[str, Any]) -> Setup:
        """How it is set up."""
        from connectors.slack.setup import SlackSetup

        return SlackSetup(name, given)

    def __init__(self, name: str, settings: SlackSettings) -> None:
        super().__init__(name, settings)
        self._client = Client(settings.token.get_secret_value(), settings.base_url, settings.timeout)
        self._places = Places(self._client, settings.channels)
        self._finder = Finder(self._client, self.lag)
        self._rooms = Rooms(name, self._client, self._places)
        self._users: dict[str, User] = {}
        self._home: frozenset[str] = frozenset()

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """Post a message, or edit the one at `ref` in place; answers its ref.

        `place` is `#name`, a channel's id, a person's id or e-mail address, or a message's ref (its thread).
        """
        if ref:
            return self._edit(place, thing, ref, key)
        tried = f"could not post to {self.name}:{place}"
        spot = self._places.to_post(place, thing.under, tried)
        told = self._client.call(
            tried,
            lambda web: web.chat_postMessage(
                channel=spot.channel,
                thread_ts=spot.thread or None,
                text=fallback(thing),
                blocks=blocks(thing),
                metadata=marked(key, thing.about.ref if thing.about is not None else ""),
                unfurl_links=False,
                unfurl_media=False,
                parse="none",
            ),
        )
        channel, ts = told["channel"], told["ts"]
        if not channel or not ts:
            raise Temporary(f"{tried}: the answer does not say where the message is")
        self._places.learn(place, channel)
        return f"{channel}:{ts}"

    def open(self, channel: Channel, key: str) -> str:
        """Open a channel; its ref is its id. One that was opened under this key already is found by its name."""
        return self._rooms.open(channel, key)

    def arrange(self, ref: str, channel: Channel) -> None:
        """Topic, people, bookmarks, pins; archived where it is to be. Raises Missing where people archived it."""
        self._rooms.arrange(ref, channel)

    def find(self, place: str, key: str, since: datetime) -> Answer:
        """Whether a message with this key was posted at `place` since then.

        Where `place` is a message's ref, its thread is searched; else the channel, and the threads under our own
        messages of that time. Raises Missing where the app is a member of no such channel, Denied.
        """
        tried = f"could not look in {self.name}:{place}"
        try:
            spot = self._places.to_read(place, tried)
        except Temporary as error:
            return CannotTell(str(error))
        return self._finder.find(spot, key, since, tried)

    def retire(self, place: str, ref: str) -> None:
        """Take the buttons off; the rest of the message stays as it stands in Slack."""
        tried = f"could not take the buttons off a message in {self.name}:{place}"
        channel, ts = _parts(ref, tried)
        standing = self._finder.message(channel, ts, tried)
        made = standing.get("blocks") or []
        kept = without_buttons(made)
        if len(kept) == len(made):
            return
        self._client.call(
            tried,
            lambda web: web.chat_update(
                channel=channel,
                ts=ts,
                text=standing.get("text") or "",
                blocks=kept,
                metadata=standing.get("metadata"),
                parse="none",
            ),
        )

    def link(self, place: str, ref: str) -> str:
        """The permalink of a message. Raises connectors.errors."""
        found = REF.fullmatch(ref)
        if found is None:  # a channel of its own
            return ""
        tried = f"could not ask for the address of a message in {self.name}:{place}"
        channel, ts = found.groups()
        asked = partial(self._client.call, tried, lambda web: web.chat_getPermalink(channel=channel, message_ts=ts))
        return str(read(asked)["permalink"] or "")

    def answer(self, command: Command, text: str) -> None:
        """Tell the person who asked, and only them: where they asked, else directly. Raises connectors.errors."""
        url = Handle.parse(command.reply).url
        tried = f"could not answer {command.by} in {self.name}"
        said = Message(text)
        if not url and command.by.id:  # a shortcut from no channel
            self.put(command.by.id, said, None, f"answer-{command.id}")
            return
        if not url:
            raise Refused(f"{tried}: the command carries no address for an answer")
        body = {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": fallback(said),
            "blocks": rich_text(text),
        }
        self._client.post(tried, url, body)

    def ask(self, command: Command, form: Form) -> None:
        """Open a form for the person; it comes back as the same command with `args`. Within three seconds, once."""
        tried = f"could not ask {command.by} in {self.name}"
        trigger = Handle.parse(command.reply).trigger
        if not trigger:
            raise Refused(f"{tried}: the command opens no form")
        self._client.call(tried, lambda web: web.views_open(trigger_id=trigger, view=view(command, form)))

    def about(self, command: Command) -> str:
        """The ticket of the message that a shortcut was used on, or of the one its thread stands under."""
        channel, *stamps = Handle.parse(command.reply).spot.split(":")
        tried = f"could not look for the ticket of a message in {self.name}"
        for stamp in reversed(stamps):  # the thread's own message first
            if ref := self._finder.ticket(channel, stamp, tried):
                return ref
        return ""

    def room(self, command: Command) -> str:
        """The channel in which a command was typed, or the message stands that a shortcut was used on."""
        return Handle.parse(command.reply).spot.partition(":")[0]

    def receive(self, request: Request, now: datetime) -> Receipt:
        """Read a webhook: a click, a form, a slash command, Slack's handshake. Raises BadRequest; makes no call."""
        secret = self.settings.signing_secret
        return incoming.receive(request, now, secret.get_secret_value() if secret else "", self.name)

    def listen(self, emit: Callable[[Signal], Event | None], stop: Event) -> None:
        """Hear the same over Socket Mode, where an app token is set; else return at once. Raises Denied."""
        token = self.settings.app_token
        if token is not None:
            Listener(self.name, self._client, token.get_secret_value(), emit).run(stop)

    def who(self, user: User) -> User:
        """The user with the name and the e-mail address of their profile. Raises connectors.errors.

        Whoever is of another company (in a channel that is shared with it) has no address: what stands in their
        profile is that company's word, and would make them anybody in ours.
        """
        if user.id not in self._users:
            tried = f"could not look up {user} in {self.name}"
            told = read(lambda: self._client.call(tried, lambda web: web.users_info(user=user.id)))
            found = told["user"] or {}
            profile = found.get("profile") or {}
            name = profile.get("real_name") or found.get("real_name") or found.get("name") or user.name
            email = str(profile.get("email") or "")
            self._users[user.id] = User(user.id, str(name), email if email and self._ours(found, tried) else "")
        return self._users[user.id]

    def check(self, wanted: Wanted) -> Iterable[Problem]:
        """Sign in, scopes, whether each channel can be posted to and each person be found. Changes nothing."""
        return problems(self.name, self.settings, self._client, self._places, wanted)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _ours(self, found: Mapping[str, Any], tried: str) -> bool:
        """Whether a user is of our own workspace, or of another one of our organisation."""
        if not self._home:
            me = read(lambda: self._client.call(tried, lambda web: web.auth_test()))
            self._home = frozenset(str(me[name]) for name in ("team_id", "enterprise_id") if me[name])
        of = {found.get("team_id"), (found.get("enterprise_user") or {}).get("enterprise_id")}
        return not found.get("is_stranger") and not self._home.isdisjoint(of)

    def _edit(self, place: str, thing: Message, ref: str, key: str) -> str:
        tried = f"could not edit a message in {self.name}:{place}"
        channel, ts = _parts(ref, tried)
        self._client.call(
            tried,
            lambda web: web.chat_update(
                channel=channel,
                ts=ts,
                text=fallback(thing),
                blocks=blocks(thing),
                metadata=marked(key, thing.about.ref if thing.about is not None else ""),
                parse="none",
            ),
        )
        return ref


def _parts(ref: str, tried: str) -> tuple[str, str]:
    found = REF.fullmatch(ref)
    if found is None:
        raise Missing(f"{tried}: {ref} is no message of Slack's")
    return found[1], found[2]


__all__ = ["Slack", "SlackSettings"]
