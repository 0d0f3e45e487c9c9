"""What the benchmarks measure against: an installation in a folder, and a sandbox that keeps its own time.

Nothing here is measured. It says how a Pointman is set up for a benchmark, when each request came to the sandbox and
when it was answered, and how a figure is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.http import Answer, Asked, Server
from sandbox.world import World

SECRET = "benchmark"
QUIET = {"NO_PROXY": "127.0.0.1,localhost"}
"""What a process of ours needs in its environment here."""


@dataclass(frozen=True, slots=True)
class Handled:
    """One request that the sandbox had in hand: from its first line until its answer was written, by perf_counter.

    The end is taken before the answer leaves: what the sandbox does afterwards happens beside us, and is not taken off.
    """

    method: str
    path: str
    began: float
    ended: float

    @property
    def name(self) -> str:
        """What was asked, without ids: `GET issue`, `chat.postMessage`."""
        product, _, rest = self.path.partition("?")[0].removeprefix("/rest/").rpartition("/")
        if self.path.startswith("/api/"):
            return rest.removeprefix("/api/")
        what = [part for part in (*product.split("/"), rest) if part and not part.isdigit() and part != "api"]
        return f"{self.method} {'/'.join(what)}"


def timed(server: Server) -> list[Handled]:
    """The requests that this server has in hand from now on, each as soon as it is answered."""
    seen: list[Handled] = []
    face: Any = server._server.RequestHandlerClass

    class Timed(face):  # type: ignore[misc]
        def parse_request(self) -> bool:
            self.began = time.perf_counter()
            return bool(super().parse_request())

        def end_headers(self) -> None:
            seen.append(Handled(self.command, self.path, self.began, time.perf_counter()))
            super().end_headers()

    server._server.RequestHandlerClass = Timed
    return seen


def slow(server: Server, seconds: float) -> None:
    """Have each answer take so long, all that the sandbox does for it included, as far as it is quicker than that."""
    handler = server.handler

    def wait(asked: Asked) -> Answer:
        began = time.perf_counter()
        answer = handler(asked)
        body = answer.body
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body, separators=(",", ":")).encode()
        time.sleep(max(0.0, began + seconds - time.perf_counter()))
        return Answer(answer.status, body, {"content-type": "application/json;charset=UTF-8", **answer.headers})

    server.handler = wait


def install(folder: Path, world: World, rules: str, sweep: str = "") -> Path:
    """Write a configuration and rules for this sandbox; the configuration file. `sweep` is what `[sweep]` says."""
    (folder / "rules.d").mkdir(exist_ok=True)
    (folder / "rules.d" / "rules.toml").write_text(rules)
    path = folder / "config.toml"
    path.write_text(
        f"""
start = 2020-01-01T00:00:00Z
[server]
port = 0
[sweep]
{sweep}
[connectors.jira]
url = "{world.server.url}"
user = "pointman@example.org"
token = "{world.jira.token}"
webhook_secret = "{SECRET}"
project = ["OPS"]
kind = "Incident"
[connectors.jira.fields]
severity = "customfield_10050"
service = "customfield_10051"
team = "customfield_10052"
affected_users = "customfield_10053"
[connectors.jira.values.severity]
high = "High"
medium = "Medium"
low = "Low"
[connectors.slack]
token = "{world.slack.state.token}"
signing_secret = "{world.slack.state.signing_secret}"
base_url = "{world.slack.api}"
"""
    )
    return path


def until(true: Callable[[], object], seconds: float = 30, pause: float = 0.001) -> None:
    """Wait until it is true. Raises TimeoutError."""
    limit = time.monotonic() + seconds
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError("it did not come true")
        time.sleep(pause)


def quantile(values: Iterable[float], part: float) -> float:
    """The smallest value that so large a part of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered) + 0.5) - 1))]


class Table:
    """`what | measured | must reach`, a row at a time. `missed` are the rows that did not reach it."""

    def __init__(self, title: str, width: int = 64) -> None:
        self.width = width
        self.missed: list[str] = []
        print(f"{title:<{width}} {'measured':>14} {'must reach':>14}")

    def row(self, what: str, measured: str, limit: str = "", *, held: bool = True) -> None:
        """Print one row; one without a limit is told beside the others and cannot be missed."""
        verdict = "" if not limit else "  ok" if held else "  MISSED"
        print(f"{what:<{self.width}} {measured:>14} {limit:>14}{verdict}", flush=True)
        if not held:
            self.missed.append(what)

    def end(self) -> int:
        """The exit code: 0, or with `--check` 1 where something was missed."""
        return int(bool(self.missed) and options().check)


def options() -> argparse.Namespace:
    """`--check`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="exit with 1 where a figure is missed")
    return parser.parse_known_args()[0]


def environment() -> dict[str, str]:
    """The environment for a process of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("POINTMAN_")}
    return {**kept, **QUIET}
