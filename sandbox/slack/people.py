"""What people do in the workspace, as Slack tells it to the app: signed over HTTP, or over Socket Mode."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import requests

from sandbox.slack.methods import shown
from sandbox.slack.socket import Sockets
from sandbox.slack.state import APP, TEAM, SlackState
from sandbox.slack.world import Channel, Json, Message, Note, Person, View

RESPONSE = timedelta(minutes=30)
TRIGGER = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Delivered:
    """How the app took it: an HTTP status (Socket Mode: 200 or, without acknowledgement, 0) and what it said."""

    status: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as Slack would send it."""

    headers: Mapping[str, str]
    body: bytes


class People:
    """Lets people act. `hook` is the app's address; Socket Mode is used where somebody listens to `sockets`."""

    def __init__(self, state: SlackState, hook: str = "", sockets: Sockets | None = None) -> None:
        self.state = state
        self.hook = hook
        self.sockets = sockets

    def click(self, by: Person, message: Message, label: str) -> Delivered:
        """Click the button with this label (or verb) under a message. Raises LookupError: there is none."""
        return self._interact(self.clicked(by, message, label))

    def command(self, by: Person, channel: Channel, text: str) -> Delivered:
        """Type `/pointman` and this text; what the app answers at once becomes a note."""
        payload = self.typed(by, channel, text)
        if self.sockets is not None and self.sockets.connected:
            ack = self.sockets.send("slash_commands", payload)
            told = Delivered(200 if ack else 0, json.dumps(ack["payload"]) if ack and ack.get("payload") else "")
        else:
            told = self._post(urlencode(payload).encode())
        if told.status == 200 and told.said:
            said = json.loads(told.said)
            self.state.notes.append(Note(channel.id, by.id, said.get("text", ""), [], self.state.now()))
        return told

    def submit(self, view: View, values: Mapping[str, str]) -> Delivered:
        """Fill in an open form and send it; it closes where the app takes it."""
        told = self._interact(self.submitted(view, values))
        if told.status == 200:
            self.state.views.pop(view.id, None)
        return told

    def shortcut(self, by: Person, message: Message, callback: str = "pointman_timeline") -> Delivered:
        """Use a shortcut of the app's on a message."""
        return self._interact(self.chosen(by, message, callback))

    def anywhere(self, by: Person, callback: str = "pointman_declare") -> Delivered:
        """Use a shortcut of the app's that belongs to no message."""
        return self._interact(self.chosen_anywhere(by, callback))

    # -- payloads

    def clicked(self, by: Person, message: Message, label: str) -> Json:
        """The payload of a click."""
        channel = self._channel_of(message)
        wanted = [b for b in message.buttons if label in {b["text"]["text"], b["action_id"]}]
        if not wanted:
            raise LookupError(f"there is no button {label} under {message.text!r}")
        button = wanted[0]
        place = {"message_ts": message.ts, "channel_id": channel.id, "is_ephemeral": False}
        return {
            **self._common("block_actions", by),
            "container": {"type": "message", **place},
            "channel": {"id": channel.id, "name": channel.name or "directmessage"},
            "message": shown(message, channel, metadata=False),
            "state": {"values": {}},
            "response_url": self._response_url(channel, by),
            "trigger_id": self._trigger(channel, by),
            "actions": [{**button, "block_id": "b", "action_ts": self.state.stamp()}],
        }

    def chosen(self, by: Person, message: Message, callback: str) -> Json:
        """The payload of a message shortcut: the whole message, and where it stands."""
        channel = self._channel_of(message)
        return {
            **self._common("message_action", by),
            "callback_id": callback,
            "action_ts": self.state.stamp(),
            "message_ts": message.ts,
            "message": shown(message, channel, metadata=False),
            "channel": {"id": channel.id, "name": channel.name or "directmessage"},
            "response_url": self._response_url(channel, by),
            "trigger_id": self._trigger(channel, by),
        }

    def chosen_anywhere(self, by: Person, callback: str) -> Json:
        """The payload of a global shortcut: of no channel, and so without a response URL."""
        trigger = self._trigger(self.state.direct(by.id), by)
        stamp = {"callback_id": callback, "action_ts": self.state.stamp(), "trigger_id": trigger}
        return {**self._common("shortcut", by), **stamp}

    def typed(self, by: Person, channel: Channel, text: str) -> dict[str, str]:
        """The fields of a slash command."""
        return {
            "token": "legacy",
            "team_id": TEAM,
            "team_domain": "sandbox",
            "channel_id": channel.id,
            "channel_name": channel.name or "directmessage",
            "user_id": by.id,
            "user_name": by.name,
            "command": "/pointman",
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._response_url(channel, by),
            "trigger_id": self._trigger(channel, by),
        }

    def submitted(self, view: View, values: Mapping[str, str]) -> Json:
        """The payload of a form that was sent."""
        told: Json = {}
        for block in view.view["blocks"]:
            element, name = block["element"], block["block_id"]
            told[name] = {element["action_id"]: _value(element, values.get(name))}
        shown_view = {"id": view.id, "team_id": TEAM, "app_id": APP, "hash": "1.a", **view.view}
        by = self.state.people[view.user]
        state = {"state": {"values": told}}
        return {**self._common("view_submission", by), "view": {**shown_view, **state}, "response_urls": []}

    def signed(self, body: bytes, kind: str = "application/x-www-form-urlencoded") -> Signed:
        """A request with Slack's signature over it, by the sandbox's time."""
        stamp = str(int(self.state.now().timestamp()))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self.state.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        proof = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
        return Signed({**proof, "Content-Type": kind}, body)

    def form(self, payload: Json) -> bytes:
        """An interaction's payload as the form Slack sends."""
        return urlencode({"payload": json.dumps(payload)}).encode()

    # -- delivery

    def _interact(self, payload: Json) -> Delivered:
        if self.sockets is not None and self.sockets.connected:
            ack = self.sockets.send("interactive", payload)
            return Delivered(200 if ack else 0)
        return self._post(self.form(payload))

    def _post(self, body: bytes) -> Delivered:
        request = self.signed(body)
        answer = requests.post(self.hook, data=request.body, headers=dict(request.headers), timeout=3)
        return Delivered(answer.status_code, answer.text)

    def _channel_of(self, message: Message) -> Channel:
        return next(c for c in self.state.channels.values() if message in c.messages)

    def _common(self, kind: str, by: Person) -> Json:
        user = {"id": by.id, "username": by.name, "name": by.name, "team_id": TEAM}
        team = {"id": TEAM, "domain": "sandbox"}
        return {"type": kind, "user": user, "team": team, "api_app_id": APP, "token": "legacy", "enterprise": None}

    def _response_url(self, channel: Channel, by: Person) -> str:
        return f"{self.state.url}/response/{self.state.hand_out(channel.id, by.id, RESPONSE, 5)}"

    def _trigger(self, channel: Channel, by: Person) -> str:
        holds = TRIGGER * max(1.0, self.state.clock.speed)  # three seconds of whoever is in a hurry: real ones
        return f"1.2.{self.state.hand_out(channel.id, by.id, holds, 1)}"


def _value(element: Json, given: str | None) -> Json:
    kind = element["type"]
    if kind == "users_select":
        return {"type": kind, "selected_user": given}
    if kind == "static_select":
        option = next((o for o in element["options"] if o["value"] == given), None)
        return {"type": kind, "selected_option": option}
    return {"type": kind, "value": given}
