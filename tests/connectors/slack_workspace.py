"""A running Slack workspace with our connector in it; every exchange is held against Slack's own document."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.base import Request
from connectors.slack import Slack, SlackSettings
from sandbox.clock import Clock
from sandbox.http import Answer, Asked
from sandbox.slack import Channel, Person, SlackSandbox, SlackState
from tests.connectors.contracts import CONTRACTS, vendor

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DOCUMENT = "slack/slack-web.json"
NEWER = {"users.conversations", "apps.connections.open", "bookmarks.add", "bookmarks.list"}
"""Methods that the document of 2021 does not have."""


@dataclass
class Workspace:
    box: SlackSandbox
    slack: Slack
    ops: Channel
    ann: Person

    @property
    def state(self) -> SlackState:
        return self.box.state

    def later(self, seconds: float) -> None:
        self.state.clock.advance(timedelta(seconds=seconds))

    def again(self, **settings: object) -> Slack:
        """The connector as a new process would have it: the same configuration, and no memory."""
        return connector(self.box, **settings)

    def request(self, body: bytes, kind: str = "application/x-www-form-urlencoded") -> Request:
        signed = self.box.people.signed(body, kind)
        return Request({name.lower(): value for name, value in signed.headers.items()}, signed.body)


def connector(box: SlackSandbox, **settings: object) -> Slack:
    given = {"token": box.state.token, "signing_secret": box.state.signing_secret, "base_url": box.api, **settings}
    return Slack("slack", SlackSettings.model_validate(given))


@contextmanager
def workspace(latency: timedelta = timedelta(0)) -> Iterator[Workspace]:
    with SlackSandbox(Clock(NOW, speed=0), latency=latency) as box:
        box.server.remember = True
        slack = connector(box)
        ann = box.state.person("ann", "ann@example.org", "Ann Example")
        yield Workspace(box, slack, box.state.channel("#ops"), ann)
        slack.close()
        if CONTRACTS.exists():
            held(box.server.seen)


def held(seen: Iterable[tuple[Asked, Answer]]) -> int:
    """Hold every exchange against the document; how many were held.

    Of refusals only the request is held: the document lists the codes of 2021, and Slack answers newer ones.
    """
    contract = vendor(DOCUMENT)
    known = [(asked, answer) for asked, answer in seen if asked.path.startswith("/api/") and not _newer(asked)]
    for asked, answer in known:
        contract.check(asked)
        body = answer.body
        if answer.status == 200 and isinstance(body, dict) and body.get("ok") is True:
            contract.check(asked, Answer(200, as_of_2021(asked.path.rpartition("/")[2], body), answer.headers))
    return len(known)


def _newer(asked: Asked) -> bool:
    return asked.path.rpartition("/")[2] in NEWER


def as_of_2021(method: str, body: dict) -> dict:
    """An answer without what the document, frozen in 2021, does not know, and which today's Slack answers.

    A message's metadata, app_id and edited; the cursors of conversations.history and replies; an empty history; the
    blocks of an updated message, which the document takes for one object.
    """
    body = copy.deepcopy(body)
    for message in [*body.get("messages", []), body.get("message", {})]:
        for name in ("metadata", "app_id", "edited"):
            message.pop(name, None)
    if method in {"conversations.history", "conversations.replies"}:
        body.pop("response_metadata", None)
        body["messages"] = body["messages"] or [{"type": "message", "text": "", "ts": "1700000000.000000"}]
    if method == "chat.update":
        body["message"].pop("blocks", None)
    return body
