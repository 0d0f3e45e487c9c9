"""How Teams is set up: a bot by its app registration, or Workflows webhooks by their URLs. Nothing is posted.

A channel is said by its link (*Get link to channel*), which holds its id and its name: a tenant is never listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from connectors.errors import Missing, Refused
from connectors.microsoft import BOTS, App, Tokens
from connectors.model import User
from connectors.setup import Answers, Found, Question, Setup
from connectors.teams.checks import FEWEST
from connectors.teams.client import Client, conversation
from connectors.teams.places import CHANNEL, Places
from connectors.teams.settings import TeamsSettings, WebhookSettings

NAMES: Mapping[str, str] = {"channel": "Incidents", "watch": "Pointman"}
"""What a channel is called here whose name nobody said."""


class TeamsSetup(Setup):
    """Sets up a bot in one tenant. Its table is `msteams`: by that name rules know that people have addresses there."""

    questions = (
        Question("tenant", "The directory (tenant) id of your Microsoft 365", "TEAMS_TENANT"),
        Question("app_id", "The application (client) id of the bot's app registration", "TEAMS_APP_ID"),
        Question(
            "secret",
            "Its client secret: the value",
            "TEAMS_SECRET",
            secret=True,
            again=("tenant", "app_id", "secret"),
        ),
        Question("channel", "Which channel hears of incidents? Its link or id", "TEAMS_CHANNEL", "19:…"),
        Question(
            "watch",
            "Which private channel reads what Pointman would have done? Its link or id",
            "TEAMS_WATCH",
            "19:…",
            watch=True,
        ),
    )

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        super().__init__("msteams" if name == "teams" else name, given)
        self._bot: tuple[tuple[str, ...], Client, Tokens] | None = None
        self._places: Places | None = None

    def accept(self, question: Question, answers: Answers) -> str:
        """Try it: sign in as the app, look for the channel."""
        if question.name == "secret":
            _, tokens = self._signed(answers)
            tokens.token(BOTS)
            return "signed in to Microsoft Entra as the bot's app"
        if question.name not in NAMES:
            return ""
        name, id_ = _channel(question.name, answers[question.name])
        if question.name == "watch" and id_ == _channel("channel", answers["channel"])[1]:
            raise Refused(f"{name} hears of incidents already; what is only watched belongs somewhere else")
        client, _ = self._signed(answers)
        client.get(f"could not find the channel {name}", conversation(id_, "pagedmembers"), {"pageSize": FEWEST})
        return f"the bot is in {name}"

    def discover(self, answers: Answers) -> Found:
        """Both channels by name and id."""
        named = {asked: _named(asked, answers) for asked in NAMES if asked in answers}
        channels = {name: _channel(asked, answers[asked])[1] for asked, name in named.items()}
        client, _ = self._signed(answers)
        self._places = Places(client, self._settings(answers, channels))
        table = {"use": "teams", "tenant": answers["tenant"], "app_id": answers["app_id"], "secret": "env/TEAMS_SECRET"}
        return Found(
            table={**table, "channels": channels},
            remarks={("channels",): "so that they may be renamed"},
            place=named["channel"],
            watch=named.get("watch", ""),
            notes=("Teams tells of clicks only through a public address: docs/connectors/teams.md",),
        )

    def person(self, address: str) -> User | None:
        """Who has this address among the members of the channels' teams."""
        if self._places is None:
            return None
        try:
            return self._places.person(address, f"could not look up {address} in Teams")
        except Missing:
            return None

    def close(self) -> None:
        """Let go of connections."""
        if self._bot is not None:
            self._bot[1].close()

    def _settings(self, answers: Answers, channels: Mapping[str, str]) -> TeamsSettings:
        said = {name: answers[name] for name in ("tenant", "app_id", "secret")}
        more = {name: value for name, value in self.given.items() if name not in {"use", "channel", "watch"}}
        try:
            return TeamsSettings.model_validate({**more, **said, "channels": channels})
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]
            what = "is no id as 11111111-2222-3333-4444-555555555555" if "pattern" in told["type"] else told["msg"]
            raise Refused(f"{'.'.join(map(str, told['loc']))} {what}") from None

    def _signed(self, answers: Answers) -> tuple[Client, Tokens]:
        key = tuple(answers[name] for name in ("tenant", "app_id", "secret"))
        if self._bot is None or self._bot[0] != key:
            known = self._settings(answers, {})
            tokens = Tokens(App(known.tenant, known.app_id, answers["secret"], known.login_url), known.timeout)
            self.close()
            client = Client(f"{known.service_url.rstrip('/')}/v3", tokens, BOTS, known.timeout)
            self._bot = key, client, tokens
        return self._bot[1], self._bot[2]


class WebhookSetup(Setup):
    """Sets up Workflows webhooks: URLs, which nothing can try without posting."""

    questions = (
        Question("channel", "The URL of the workflow of the channel that hears of incidents", "TEAMS_URL", secret=True),
        Question(
            "watch",
            "The URL of the workflow of the private channel that reads what Pointman would have done",
            "TEAMS_WATCH_URL",
            secret=True,
            watch=True,
        ),
    )
    knows_people = False

    def accept(self, question: Question, answers: Answers) -> str:
        """Look whether it can be the URL of a workflow; trying it would post."""
        try:
            WebhookSettings.model_validate({"channels": {question.name: answers[question.name]}})
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]
            raise Refused(told["msg"].removeprefix("Value error, ")) from None
        if question.name == "watch" and answers["watch"].strip() == answers["channel"].strip():
            raise Refused("that channel hears of incidents already; what is only watched belongs somewhere else")
        return ""

    def discover(self, answers: Answers) -> Found:
        """A place for each URL."""
        urls = {NAMES[q.name]: f"env/{q.env}" for q in self.questions if q.name in answers}
        said = "Teams' webhooks post to channels only: people are called where they can be reached, in Slack or by mail"
        return Found(
            table={"channels": urls},
            place=NAMES["channel"],
            watch=NAMES["watch"] if "watch" in answers else "",
            notes=(said,),
        )


def _channel(asked: str, said: str) -> tuple[str, str]:
    """The name and the id of a channel, by its link or by its id. Raises Refused."""
    text = said.strip()
    parts = urlsplit(text).path.split("/") if text.startswith("https://") else []
    here = next((number for number, part in enumerate(parts) if CHANNEL.fullmatch(unquote(part))), None)
    if here is not None:
        name = unquote(parts[here + 1]) if here + 1 < len(parts) else ""
        return name or NAMES[asked], unquote(parts[here])
    if CHANNEL.fullmatch(unquote(text)):
        return NAMES[asked], unquote(text)
    raise Refused("that is no channel: open its menu in Teams, Get link to channel, and copy what is there")


def _named(asked: str, answers: Answers) -> str:
    """What a channel is called here; the two are never called the same."""
    name = _channel(asked, answers[asked])[0]
    taken = asked == "watch" and name == _channel("channel", answers["channel"])[0]
    return f"{name} ({NAMES[asked]})" if taken else name
