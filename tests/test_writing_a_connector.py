"""The connector that docs/writing-a-connector.md shows is one: it is installed, configured, posts, and errs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import registry
from connectors.base import Messenger
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.model import CannotTell, Message
from rules import load
from rules.duration import parse
from sandbox.http import Answer, Fault, Server
from sync import config
from tests.pages import ROOT, blocks

PAGE = ROOT / "docs" / "writing-a-connector.md"
RULES = '[defaults]\ntimezone = "UTC"\n[[notify]]\nid = "card"\nto = ["chat:lobby"]\n'
CONFIG = """
[connectors.jira]
url = "https://jira.example.org"
token = "a secret"
[connectors.chat]
url = "{url}"
token = "a chatty secret"
timeout = 5
"""


@pytest.fixture
def server() -> Iterator[Server]:
    """A product that takes messages."""
    with Server(lambda asked: Answer(201, {"id": asked.json()["key"].upper()})) as made:
        made.remember = True
        yield made


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's connector as a package of its own, with its entry point."""
    (tmp_path / "pointman_chat.py").write_text(next(blocks(PAGE, "python")).text, encoding="utf-8")
    about = tmp_path / "pointman_chat-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pointman-chat\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pointman.connectors]\nchat = pointman_chat:Chat\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    caches = (registry.available, registry.load, registry.settings)
    for cache in caches:
        cache.cache_clear()
    importlib.invalidate_caches()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def chat(installed: None, server: Server, tmp_path: Path) -> Messenger:
    """The connector as a configuration makes it."""
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(url=server.url), encoding="utf-8")
    found = config.load(file)
    made = found.kind("chat")("chat", found.connectors["chat"])
    assert isinstance(made, Messenger)
    return made


def test_it_posts(chat: Messenger, server: Server) -> None:
    assert chat.put("lobby", Message("Checkout is down"), None, "card") == "CARD"
    ((asked, _),) = server.seen
    assert (asked.path, asked.headers["authorization"]) == ("/rooms/lobby/messages", "Bearer a chatty secret")
    assert asked.json() == {"text": "Checkout is down", "key": "card"}


def test_rules_may_name_its_rooms(chat: Messenger) -> None:
    assert load.parse({"rules.toml": RULES}, connectors=("jira", chat.name)).warnings == ()


def test_it_says_what_it_cannot_do(chat: Messenger, server: Server) -> None:
    assert not chat.editable
    assert isinstance(chat.find("lobby", "card", server.clock.now() - parse("1h")), CannotTell)
    chat.retire("lobby", "CARD")
    assert server.seen == []


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (401, Denied), (403, Denied), (404, Missing), (413, Refused), (429, Temporary), (503, Temporary)],
)
def test_it_errs_in_one_of_four_ways(status: int, error: type[ConnectorError], chat: Messenger, server: Server) -> None:
    server.fail(Fault(lambda _: True, Answer(status, "so it is")))
    with pytest.raises(error) as told:
        chat.put("lobby", Message("Checkout is down"), None, "card")
    assert "could not post to chat:lobby" in str(told.value)
    assert "chatty" not in f"{told.value}{chat.settings!r}"


def test_a_lost_connection_is_in_doubt(chat: Messenger, server: Server) -> None:
    server.fail(Fault(lambda _: True, drop=True, done=True))
    with pytest.raises(Temporary) as told:
        chat.put("lobby", Message("Checkout is down"), None, "card")
    assert told.value.in_doubt
