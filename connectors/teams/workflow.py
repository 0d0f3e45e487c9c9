"""Posts to Workflows webhooks, one for each channel.

What is posted so has no id, so it is never edited and cannot be found; nobody can click on it, so where a message has
buttons stands a link to its ticket. Whoever knows a webhook's URL can post: it is a secret, and stands in no sentence.
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from microsoft_teams.cards.core import Action

from connectors.base import Messenger, Wanted
from connectors.errors import ConnectorError, Missing, Refused, Temporary
from connectors.http import failure, no_answer, session
from connectors.model import Message
from connectors.problems import Problem, Where, nearest
from connectors.setup import Setup
from connectors.teams.cards import ADAPTIVE, Json, card, link
from connectors.teams.client import by_their_clock
from connectors.teams.settings import WebhookSettings
from connectors.wire import Reply, Wire

CONNECT: Final = 5.0
_ADDRESS: Final = re.compile(r"\w+://\S+")
_INSIDE: Final = re.compile(r"returned HTTP error (\d{3})")


class TeamsWebhook(Messenger):
    """Channels of Teams, each by the URL of its workflow."""

    Settings = WebhookSettings
    product = "Teams"
    editable = False
    searchable = False
    pace = timedelta(seconds=0.5)
    """Documented for each URL: 4 in a second, 60 in 30 s, 100 in an hour; the last is met by waiting when told to."""

    settings: WebhookSettings

    @classmethod
    def setup(cls, name: str, given: Mapping[str, Any]) -> Setup:
        """How it is set up."""
        from connectors.teams.setup import WebhookSetup

        return WebhookSetup(name, given)

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        super().__init__(name, settings)
        self._session = session()
        self._timeout = (min(CONNECT, settings.timeout), settings.timeout)
        self._wires: dict[str, Wire] = {}
        self._urls = {_name(place): url for place, url in settings.channels.items()}

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        """Post a card; answers a ref that says no more than where. Raises Refused for an edit: there is none."""
        tried = f"could not post to {self.name}:{place}"
        if ref:
            raise Refused(f"{tried}: what a webhook has posted cannot be changed")
        url = self._urls.get(_name(place))
        if url is None:
            raise Missing(f"{tried}: no webhook is configured for it; {self._hint(place)}")
        made = card(thing, self._links(thing))
        body = {"type": "message", "attachments": [{"contentType": ADAPTIVE, "content": made}]}
        self._post(url.get_secret_value(), body, tried)
        return f"{_name(place)}/{key.split(maxsplit=1)[0] if key.split() else ''}"

    def retire(self, place: str, ref: str) -> None:
        """Nothing: there are no buttons to take off."""

    def check(self, wanted: Wanted) -> Iterator[Problem]:
        """Whether every address has its webhook. None is tried, as trying would post."""
        for address in dict.fromkeys((*wanted.addresses, *([wanted.home] if wanted.home else ()))):
            if _name(address) not in self._urls:
                said = f"no webhook is configured for {self.name}:{address}"
                yield Problem(Where(), said, f"connectors.{self.name}", self._hint(address))
        for person in wanted.people:
            hint = 'reach people by e-mail, or set up the bot (use = "teams")'
            yield Problem(
                Where(), f"{self.name} reaches nobody alone, so not {person}", f"connectors.{self.name}", hint
            )

    def close(self) -> None:
        """Let go of connections."""
        for wire in self._wires.values():
            wire.close()
        self._session.close()

    def _hint(self, place: str) -> str:
        return nearest(_name(place), self._urls) or "make a workflow in the channel, and add its URL to channels"

    def _links(self, thing: Message) -> list[Action]:
        """A link to each ticket that has buttons, where the settings say what it looks like."""
        pattern, about = self.settings.ticket_url, thing.about
        refs = dict.fromkeys(button.ref for button in thing.buttons)
        made: list[Action] = []
        for ref in refs if pattern else ():
            key = about.key if about is not None and about.ref == ref else ""
            if key or "{key}" not in pattern:
                title = f"Open {key}" if key else "Open the ticket"
                made.append(link(title, pattern.replace("{ref}", ref).replace("{key}", key)))
        return made

    def _post(self, url: str, body: Json, tried: str) -> None:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            answer = self._wire(url).send("POST", url, content, {"Content-Type": "application/json"})
        except (urllib3.exceptions.HTTPError, requests.RequestException) as error:
            raise no_answer(error, tried) from None
        if answer.status_code >= 300:
            raise _failure(tried, answer)
        _read(tried, answer)

    def _wire(self, url: str) -> Wire:
        """The way to a URL's site. A session would log the URL, with all that is secret in it."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._wires:
            self._wires[site] = Wire(self._session, site, self._timeout)
        return self._wires[site]


def _failure(tried: str, answer: Reply) -> ConnectorError:
    """What a status means. Rights are of one URL, so a wrong one stops that channel, not the product."""
    try:
        error = answer.json()["error"]
        said = f"{error['code']}: {error['message']}"
    except (ValueError, LookupError, TypeError):
        said = ""
    said = _ADDRESS.sub("…", " ".join(said.split()))[:200]
    if answer.status_code in {401, 403}:
        return Refused(
            f"{tried}: {said or 'no reason given'} (HTTP {answer.status_code}); copy the workflow's URL again"
        )
    return by_their_clock(failure(answer.status_code, tried, said, answer.headers), answer.headers)


def _read(tried: str, answer: Reply) -> None:
    """A webhook may answer 200 and say in the text that it failed, or be somebody else's page."""
    text = answer.content[:2_000].decode("utf-8", "replace")
    inside = _INSIDE.search(text)
    if inside is not None:
        status = int(inside[1])
        raise failure(status, tried, "Teams did not take it from the workflow")
    if text.lstrip().startswith("<"):
        raise Temporary(f"{tried}: the answer is not the workflow's")


def _name(place: str) -> str:
    return "/".join(part.strip() for part in place.strip().lower().split("/"))
