"""What people do in Teams, as the Bot Framework tells it to the bot: activities under a token that it signed.

A click on `Action.Execute` is an invoke: the app answers within the request, and what it answers decides what the
person sees. https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import requests

from sandbox.teams.cards import actions, filled, wrong
from sandbox.teams.entra import ISSUER, key
from sandbox.teams.state import BOT, TeamsState, account, iso
from sandbox.teams.world import ADAPTIVE, Conversation, Dialog, Json, Message, Person

HOLDS: Final = timedelta(hours=1)
SKEW: Final = timedelta(minutes=5)
PATIENCE: Final = 10.0
"""So many real seconds the bot has to answer an invoke."""
WRONG: Final = "Something went wrong. Please try again."
SAID: Final = "application/vnd.microsoft.activity.message"
FAILED: Final = "application/vnd.microsoft.error"


@dataclass(frozen=True, slots=True)
class Delivered:
    """How the app took it: an HTTP status and its body; `failed` where the person sees that it did not work."""

    status: int
    said: str = ""
    failed: bool = False


class People:
    """Lets people act. `hook` is the app's messaging endpoint."""

    def __init__(self, state: TeamsState, hook: str = "") -> None:
        self.state = state
        self.hook = hook
        self.patience = PATIENCE

    # -- what people do

    def click(self, by: Person, message: Message, label: str, given: Mapping[str, str] | None = None) -> Delivered:
        """Click a button of the card that this person sees, its fields filled in. Raises LookupError, ValueError."""
        where = self.state.home(message)
        card, action = self._button(message.seen_by(by.id), label)
        told = self.pressed(by, where, message, action, filled(card, given or {}))
        if action["type"] == "Action.OpenUrl":
            return Delivered(200, action["url"])
        if action["type"] == "Action.Submit":
            return self._submit(by, where, message, told)
        return self._invoke(by, where, message, told)

    def refresh(self, by: Person, message: Message) -> Delivered | None:
        """Somebody comes to see a message whose card refreshes itself for them; None where it does not."""
        refresh = (message.card or {}).get("refresh") or {}
        if by.id not in (refresh.get("userIds") or [by.id]) or not refresh.get("action"):
            return None
        told = self.pressed(by, self.state.home(message), message, refresh["action"], {}, trigger="automatic")
        return self._invoke(by, self.state.home(message), message, told)

    def mention(self, by: Person, where: Conversation, text: str, root: str = "") -> Delivered:
        """Somebody writes to the bot: in a channel with `@Pointman`, in their chat without."""
        name = self.state.bot_name
        shown = text if where.is_personal else f"@{name} {text}"
        message = self.state.say(by, where, html.escape(shown, quote=False), root)
        return self.deliver(self.written(by, where, message, text))

    def fill_in(self, dialog: Dialog, given: Mapping[str, str], label: str = "") -> Delivered:
        """Somebody fills in a dialog and sends it. Raises LookupError, ValueError."""
        by, where = self.state.people[dialog.person], self.state.conversations[dialog.conversation]
        card, action = self._button(dialog.card, label)
        data = {**_data(action), **filled(card, given)}
        told = self._told(by, where, dialog.message, "invoke")
        answered = self.deliver(
            {**told, "name": "task/submit", "value": {"data": data, "context": {"theme": "default"}}}
        )
        self._after_dialog(by, where, dialog, answered)
        return answered

    def join(self, where: Conversation | None = None) -> Delivered:
        """The app is installed in the team of a channel: the bot is told that it joined."""
        team = self.state.teams[where.team] if where else next(iter(self.state.teams.values()))
        team.installed = True
        told = self._event(team.id)
        added: Json = {
            "membersAdded": [{"id": BOT}],
            "channelData": {**told["channelData"], "eventType": "teamMemberAdded"},
        }
        self.deliver({**told, "type": "installationUpdate", "action": "add"})
        return self.deliver({**told, "type": "conversationUpdate", **added})

    def remove(self, where: Conversation) -> Delivered:
        """The app is taken out of the team of a channel."""
        team = self.state.teams[where.team]
        team.installed = False
        return self.deliver({**self._event(team.id), "type": "installationUpdate", "action": "remove"})

    # -- what is sent

    def pressed(
        self, by: Person, where: Conversation, message: Message, action: Json, given: Mapping[str, str],
        trigger: str = "manual",
    ) -> Json:  # fmt: skip
        """The activity of a click on a button: an invoke, or for `Action.Submit` a message with a value."""
        told = self._told(by, where, message.root or message.id, "invoke")
        data = {**_data(action), **given}
        if action["type"] == "Action.Submit":
            return {**told, "type": "message", "value": data, "replyToId": message.id}
        kept = {name: action[name] for name in ("type", "id", "title", "verb") if name in action}
        value: Json = {"action": {**kept, "data": data}, "trigger": trigger}
        return {**told, "name": "adaptiveCard/action", "value": value, "replyToId": message.id}

    def written(self, by: Person, where: Conversation, message: Message, text: str) -> Json:
        """The activity of a message to the bot."""
        told = self._told(by, where, message.root or message.id, "message")
        said = html.escape(text, quote=False)
        if where.is_personal:
            return {**told, "id": message.id, "text": said, "textFormat": "plain"}
        at = f"<at>{self.state.bot_name}</at>"
        mention = {"type": "mention", "text": at, "mentioned": {"id": BOT, "name": self.state.bot_name}}
        return {**told, "id": message.id, "text": f"{at} {said}\n", "textFormat": "plain", "entities": [mention]}

    def token(self, **other: Any) -> str:
        """A token of the Bot Framework for our bot; `other` claims take the place of the right ones."""
        now = self.state.clock.now()
        claims = {
            "iss": ISSUER,
            "aud": self.state.app.id,
            "serviceurl": self.state.service_url,
            "nbf": int((now - SKEW).timestamp()),
            "exp": int((now + HOLDS).timestamp()),
        }
        return key(self.state.entra.signs).sign({**claims, **other})

    def deliver(self, activity: Json, token: str | None = None) -> Delivered:
        """Send an activity to the app; status 0 where it cannot be reached or takes too long."""
        headers = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        try:
            answered = requests.post(self.hook, json=activity, headers=headers, timeout=self.patience)
        except requests.RequestException as problem:
            return Delivered(0, type(problem).__name__, failed=True)
        return Delivered(answered.status_code, answered.text, failed=answered.status_code >= 300)

    # -- what comes of it

    def _invoke(self, by: Person, where: Conversation, message: Message, told: Json) -> Delivered:
        answered = self.deliver(told)
        said, failed = self._seen(by, message, answered)
        if said:
            self.state.note(message, where, by.id, said, failed=failed)
        return Delivered(answered.status, answered.said, failed)

    def _seen(self, by: Person, message: Message, answered: Delivered) -> tuple[str, bool]:
        """What the person is shown beside the card, and whether it is that something went wrong."""
        given = _json(answered.said) if answered.status == 200 else None
        if not isinstance(given, dict) or not isinstance(given.get("statusCode"), int):
            return WRONG, True
        value: Any = given.get("value")
        kind = given.get("type")
        if given["statusCode"] == 200 and kind == ADAPTIVE and not list(wrong(value)):
            with self.state.lock:
                message.views[by.id] = value
            return "", False
        if given["statusCode"] == 200 and kind == SAID and isinstance(value, str) and value:
            return value, False
        if given["statusCode"] >= 400 and kind == FAILED and isinstance(value, dict) and value.get("message"):
            return str(value["message"]), True
        return WRONG, True

    def _submit(self, by: Person, where: Conversation, message: Message, told: Json) -> Delivered:
        data: Json = told["value"]
        if (data.get("msteams") or {}).get("type") != "task/fetch":
            return self.deliver(told)
        fetch = {**told, "type": "invoke", "name": "task/fetch"}
        answered = self.deliver({**fetch, "value": {"data": data, "context": {"theme": "default"}}})
        opened = Dialog(self.state.stamp(), where.id, message.id, by.id, "", {})
        self._after_dialog(by, where, opened, answered)
        return answered

    def _after_dialog(self, by: Person, where: Conversation, dialog: Dialog, answered: Delivered) -> None:
        """The app says how a dialog goes on: with another card, with a sentence, or not at all."""
        given = _json(answered.said) if answered.status == 200 and answered.said else {}
        message = where.message(dialog.message)
        task = given.get("task") or {} if isinstance(given, dict) else {}
        self.state.dialogs.pop(dialog.id, None)
        if answered.status != 200:
            self.state.note(message, where, by.id, WRONG, failed=True)
        elif task.get("type") == "message":
            self.state.note(message, where, by.id, str(task.get("value")))
        elif task.get("type") == "continue":
            window = task["value"]
            dialog.title, dialog.card = window.get("title", ""), window["card"]["content"]
            if problems := list(wrong(dialog.card)):
                self.state.note(message, where, by.id, f"{WRONG} ({'; '.join(problems)})", failed=True)
            else:
                self.state.dialogs[dialog.id] = dialog

    def _button(self, card: Json | None, label: str) -> tuple[Json, Json]:
        for inside, action in actions(card):
            if action["type"] != "Action.ShowCard" and label in {action.get("title"), action.get("id"), ""}:
                return inside, action
        raise LookupError(f"there is no button {label}")

    def _told(self, by: Person, where: Conversation, root: str, kind: str) -> Json:
        tenant = {"id": self.state.entra.tenant}
        place: Json = {"id": where.id, "conversationType": "personal", "tenantId": tenant["id"]}
        data: Json = {"tenant": tenant}
        if not where.is_personal:
            root = re.sub(r"\D", "", root)
            place = {**place, "id": f"{where.id};messageid={root}", "conversationType": "channel", "isGroup": True}
            data = {**data, "team": {"id": where.team}, "channel": {"id": where.id}, "teamsTeamId": where.team}
        return {
            "type": kind,
            "id": f"f:{self.state.stamp()}",
            "timestamp": iso(self.state),
            "channelId": "msteams",
            "serviceUrl": self.state.service_url,
            "from": account(by),
            "recipient": {"id": BOT, "name": self.state.bot_name},
            "conversation": place,
            "channelData": data,
        }

    def _event(self, team: str) -> Json:
        by = next(iter(self.state.people.values()))
        told = self._told(by, Conversation(team, "", team), "", "conversationUpdate")
        return {**told, "conversation": {**told["conversation"], "id": team}}


def _data(action: Json) -> Json:
    data = action.get("data")
    return dict(data) if isinstance(data, dict) else {}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
