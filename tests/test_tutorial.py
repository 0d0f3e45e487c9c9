"""The tutorial is followed from its first line to its last, against the sandbox: what it shows is what comes.

So is the plan that the README shows.

Its TOML blocks are written into the files that they name, a diff holds for the commands up to the next block of text
that puts it right, and what stands under a command is compared letter by letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.clock import Clock
from sandbox.world import World
from sync.cli.app import app
from tests.pages import ROOT, Block, blocks

TUTORIAL = ROOT / "docs" / "tutorial.md"
README = ROOT / "README.md"
HOME = datetime(2026, 11, 23, 7, 59, tzinfo=UTC)
DOWN = datetime(2026, 11, 23, 9, 0, 20, tzinfo=UTC)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The products as the reader has set them up: a home ticket, two channels, and the secrets."""
    with World(Clock(HOME), channels=["#incidents", "#pointman"]) as made:
        assert made.create("ann", {"Summary": "Pointman"}, kind="Task") == "OPS-1"
        made.jira.site.projects["OPS"].count = 41
        secrets: Mapping[str, str] = {
            "JIRA_TOKEN": made.jira.token,
            "SLACK_BOT_TOKEN": made.slack.state.token,
            "SLACK_APP_TOKEN": made.slack.state.app_token,
            "POINTMAN_CONNECTORS__JIRA__URL": made.server.url,
            "POINTMAN_CONNECTORS__SLACK__BASE_URL": made.slack.api,
        }
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
        yield made


class Reader:
    """Somebody who does what the tutorial says, in an empty folder."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder, self.world = folder, world
        self.slip: tuple[Path, str] | None = None
        self.told: list[str] = []

    def follow(self, block: Block) -> None:
        """Do what one block says, and compare what it shows."""
        if block.language == "toml":
            self.write(block)
        elif block.language == "diff":
            self.change(block.text)
        elif block.language == "console":
            for said in block.text.split("$ pointman ")[1:]:
                command, _, shown = said.partition("\n")
                self.call(command, shown)
            self.put_right()
        elif block.language == "sh" and "pointman run" in block.text:
            self.run("sweep --once")
        elif block.language == "text":
            posts = [post.text for post in self.world.posts("#pointman")]
            assert "\n".join(posts) + "\n" == block.text

    def write(self, block: Block) -> None:
        file = self.folder / block.file
        file.parent.mkdir(exist_ok=True)
        with file.open("a", encoding="utf-8") as opened:
            opened.write(block.text)

    def change(self, diff: str) -> None:
        old, new = (line[1:] for line in diff.splitlines())
        holding = [file for file in self.folder.rglob("*.toml") if f"\n{old}\n" in file.read_text(encoding="utf-8")]
        assert len(holding) == 1, f"this line is to be changed: {old}"
        text = holding[0].read_text(encoding="utf-8")
        self.slip = holding[0], text
        holding[0].write_text(text.replace(old, new), encoding="utf-8")

    def put_right(self) -> None:
        if self.slip is not None:
            file, text = self.slip
            file.write_text(text, encoding="utf-8")
            self.slip = None

    def call(self, command: str, shown: str) -> None:
        if "OPS-42" in command and self.world.clock.now() < DOWN:
            self.world.clock.advance(DOWN - self.world.clock.now())
            fields = {"Summary": "Checkout is down", "Service": "Checkout (prod)"}
            assert self.world.create("ann", fields) == "OPS-42"
            self.world.clock.advance(timedelta(minutes=2))
        assert self.run(command) == shown, command

    def run(self, command: str) -> str:
        done = CliRunner().invoke(app, command.split())
        assert done.exit_code in {0, 1}, done.output
        return done.output


def test_the_tutorial_comes_out_as_it_says(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path, world)
    for block in blocks(TUTORIAL):
        reader.follow(block)


README_SAYS = """
[audiences]
management = { to = ["slack:#management"] }
[people]
ann = { email = "ann@example.org" }
"""


def test_the_plan_in_the_readme_is_what_comes(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rule, within the tutorial's company, and a ticket that was assigned and that Ann then took for herself."""
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path, world)
    world.slack.state.channel("#management")
    for block in blocks(TUTORIAL, "toml"):
        reader.write(block)
    rules, config = tmp_path / "rules.d" / "10-rules.toml", tmp_path / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('"watch"', '"on"'), encoding="utf-8")
    before, _, after = rules.read_text(encoding="utf-8").partition("[[escalate]]")
    readme = next(block.text for block in blocks(README, "toml") if "[[escalate]]" in block.text)
    card = after[after.index("[[notify]]") :]
    rules.write_text(before + readme + card + README_SAYS, encoding="utf-8")
    shown = next(block.text for block in blocks(README) if "$ pointman plan" in block.text)
    world.clock.advance(DOWN + timedelta(minutes=2) - world.clock.now())
    key = world.create("ann", {"Summary": "Checkout is down", "Service": "Checkout (prod)"})
    reader.run("sweep --once")
    world.clock.advance(timedelta(minutes=2))
    world.change("ann", key, {"Assignee": "ann"})
    reader.run("sweep --once")
    world.clock.advance(timedelta(minutes=1))
    assert f"$ pointman plan {key}\n{reader.run(f'plan {key}')}" == shown
