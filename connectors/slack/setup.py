"""How Slack is set up: two tokens and two channels. It reads only, and lists no channel that the app is not in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from connectors.errors import Missing, Refused
from connectors.http import read
from connectors.model import User
from connectors.setup import Answers, Found, Question, Setup
from connectors.slack.client import Client
from connectors.slack.places import CHANNEL, Places
from connectors.slack.settings import SlackSettings


class SlackSetup(Setup):
    """Sets up one app in one workspace, over Socket Mode."""

    questions = (
        Question("token", "The app's Bot User OAuth Token (xoxb-…)", "SLACK_BOT_TOKEN", secret=True),
        Question("app_token", "Its App-Level Token for Socket Mode (xapp-…)", "SLACK_APP_TOKEN", secret=True),
        Question("channel", "Which channel hears of incidents?", "SLACK_CHANNEL", "such as #incidents"),
        Question(
            "watch",
            "Which private channel reads what Pointman would have done?",
            "SLACK_WATCH",
            "such as #pointman",
            watch=True,
            again=("watch",),
        ),
    )

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        super().__init__(name, given)
        self._made: tuple[str, Client, Places] | None = None

    def offer(self, question: Question, answers: Answers) -> str:
        """The names that the documentation uses."""
        return {"channel": "#incidents", "watch": "#pointman"}.get(question.name, "")

    def accept(self, question: Question, answers: Answers) -> str:
        """Try it: sign in, open a socket, look for the channel."""
        if question.name == "token":
            return self._signed_in(answers)
        if question.name == "app_token":
            return self._listens(answers)
        found = self._channel(answers[question.name], answers)
        said = _shown(answers[question.name], found)
        if question.name == "watch" and found.get("id") == self._channel(answers["channel"], answers).get("id"):
            raise Refused(f"{said} hears of incidents already; what is only watched belongs somewhere else")
        return f"the app is in {said}"

    def discover(self, answers: Answers) -> Found:
        """The ids of both channels, so that they may be renamed."""
        ids: dict[str, str] = {}
        for name in (name for name in ("channel", "watch") if name in answers):
            found = self._channel(answers[name], answers)
            if not CHANNEL.fullmatch(answers[name]):
                ids[_shown(answers[name], found)] = str(found["id"])
        watched = self._channel(answers["watch"], answers) if "watch" in answers else {}
        said = _shown(answers["watch"], watched) if watched else ""
        notes = []
        if watched and not watched.get("is_private"):
            notes.append(f"{said} is a public channel: everybody in the workspace reads what is only watched")
        table = {"token": "env/SLACK_BOT_TOKEN", "app_token": "env/SLACK_APP_TOKEN", "channels": ids}
        return Found(
            table=table,
            remarks={("channels",): "so that they may be renamed"},
            place=_shown(answers["channel"], self._channel(answers["channel"], answers)),
            watch=said,
            notes=tuple(notes),
        )

    def person(self, address: str) -> User | None:
        """Slack's user with this address."""
        if self._made is None:
            return None
        _, _, places = self._made
        try:
            return User(places.person(address, f"could not look up {address} in Slack"), "", address)
        except Missing:
            return None

    def close(self) -> None:
        """Let go of connections."""
        if self._made is not None:
            self._made[1].close()

    def _signed_in(self, answers: Answers) -> str:
        if not answers["token"].startswith("xoxb-"):
            raise Refused("that is no bot token; it begins with xoxb- and stands under OAuth & Permissions")
        client, _ = self._workspace(answers)
        me = read(lambda: client.call("could not sign in to Slack", lambda web: web.auth_test()))
        return f"signed in to Slack as {me['user']} in the workspace {me['team']}"

    def _listens(self, answers: Answers) -> str:
        token = answers["app_token"]
        if not token.startswith("xapp-"):
            raise Refused("that is no app-level token; it begins with xapp- and stands under Basic Information")
        client, _ = self._workspace(answers)
        client.call("could not listen to Slack", lambda web: web.apps_connections_open(app_token=token))
        return "Socket Mode works: clicks and commands need no public address"

    def _channel(self, place: str, answers: Answers) -> Mapping[str, Any]:
        """What Slack tells of a channel that the app is in. Raises Missing, Refused."""
        client, places = self._workspace(answers)
        tried = f"could not find {place}"
        if "@" in place:
            raise Refused(f"{place} is no channel; write it as #incidents")
        id_ = place if CHANNEL.fullmatch(place) else places.channel(place, tried)
        told = read(lambda: client.call(tried, lambda web: web.conversations_info(channel=id_)))
        found: Mapping[str, Any] = told["channel"] or {}
        if found.get("is_archived"):
            raise Refused(f"{_shown(place, found)} is archived")
        if not found.get("is_member"):
            raise Refused(f"the app is no member of {_shown(place, found)}; invite it with /invite")
        return found

    def _workspace(self, answers: Answers) -> tuple[Client, Places]:
        token = answers["token"]
        if self._made is None or self._made[0] != token:
            more = {name: value for name, value in self.given.items() if name in {"base_url", "timeout"}}
            try:
                settings = SlackSettings(token=token, **more)
            except ValidationError as error:
                told = error.errors(include_url=False, include_input=False)[0]
                raise Refused(f"{'.'.join(map(str, told['loc']))}: {told['msg']}") from None
            self.close()
            client = Client(token, settings.base_url, settings.timeout)
            self._made = token, client, Places(client, {})
        return self._made[1], self._made[2]


def _shown(place: str, found: Mapping[str, Any]) -> str:
    """A channel as rules name it: by its name, with one hash."""
    return f"#{found.get('name') or place.removeprefix('#')}"
