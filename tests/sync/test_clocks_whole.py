"""A clock over real HTTP: its field in Jira, its warnings in Slack, and what the commands say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

from sandbox.world import World
from sync.cli.app import app
from tests.sync.installation import install

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
CLOCK = """
[fields]
recovery = { type = "text" }

[[objective]]
id = "answer"
start = "created"
stop = "restored"
within = "4h"
pause = 'hold'
field = "recovery"
steps = [{ at = "50%", to = ["slack:#incidents"] }, { after = "10m", to = ["slack:#incidents"] }]
"""


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_a_clock_stands_on_the_ticket_in_jira_and_warns_in_slack(tmp_path: Path) -> None:
    with World() as world:
        config = install(tmp_path, world)
        (tmp_path / "rules.d" / "clock.toml").write_text(CLOCK)
        config.write_text(config.read_text().replace("team =", 'recovery = "customfield_10057"\nteam ='))
        key = world.create("ann", {"Summary": "The shop is slow"})

        def stands() -> str:
            assert call("sweep", "--once", "--config", config).exit_code == 0
            return str(world.jira.view(key))

        until = f"{world.clock.now() + timedelta(hours=4):%H:%M}"
        assert f"answer: until {until}, on track" in stands()
        world.clock.advance(timedelta(hours=2, minutes=1))
        assert f"answer: until {until}, at risk" in stands()
        assert len(world.posts()) == 1
        assert until in world.posts()[0].text
        world.move("ann", key, "Resolved")
        world.clock.advance(timedelta(minutes=1))
        assert "answer: met, restored " in stands()
        assert "answer 4h: met, restored" in call("plan", key, "--config", config).stdout.splitlines()[0]
        said = json.loads(call("plan", key, "--config", config, "--format", "json").stdout)
        assert [one["state"] for one in said["objectives"]] == ["met"]
