"""From a signed webhook to the Slack call, beyond the sandbox's own answer times: p50 of 5 ms, p99 of 20 ms.

`pointman run` is a process of its own, as it is in production; Jira and Slack, on loopback, are in this one. A person
creates a ticket; Jira's webhook, made and signed beforehand, is sent on a kept-alive connection, and then the clock
starts. Pointman reads the ticket, decides (a severity, a card and a ladder of calls), writes the severity with its
claim, and posts: the clock stops when the first line of `chat.postMessage` comes in. The time for which the sandbox
had the two requests between in hand is taken off. One ticket at a time: the next begins when the look before has
written what it did.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from testbed import SECRET, Table, environment, install, quantile, timed, until

from connectors.signatures import hexdigest
from sandbox.world import World

SAMPLES, WARMING = 500, 60
CHANNELS = 150
"""As many as it takes for none to hear twice within the second that Slack wants between two messages."""
PAUSE = 0.01
P50, P99 = 5.0, 20.0
RULES = """
[defaults]
timezone = "UTC"
[fields]
affected_users = { type = "number" }
[[classify]]
id = "down"
when = 'mentions(summary, "down")'
set = { severity = "high" }
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
since = "created"
steps = [{ after = "5m", to = ["slack:#c0"], text = "{{ key }}: nobody has acknowledged" }]
"""
CARD = """
[[notify]]
id = "card-{n}"
when = 'severity == "high" and affected_users == {n}'
to = ["slack:#c{n}"]
text = "**{{{{ key }}}}** {{{{ summary }}}}: {{{{ severity }}}}"
buttons = ["acknowledge"]
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One webhook, in ms: until it was accepted, the legs of ours on the way, and the sandbox's answers between."""

    accepted: float
    legs: tuple[float, ...]
    answers: tuple[float, ...]

    @property
    def ours(self) -> float:
        """Beyond the sandbox's own answer times."""
        return sum(self.legs)


class Captured:
    """Stands where Jira's webhooks leave it, and keeps them instead."""

    def __init__(self) -> None:
        self.hooks: list[Any] = [None]
        self.told: list[bytes] = []

    def emit(self, event: Mapping[str, Any]) -> None:
        """Keep it."""
        self.told.append(json.dumps(event, separators=(",", ":")).encode())

    def close(self) -> None:
        """Nothing is running."""


class Bench:
    """The sandbox here, Pointman there, and a connection to it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hooks = Captured()
        world.jira.hooks = self.hooks  # type: ignore[assignment]
        self.jira, self.slack = timed(world.server), timed(world.slack.server)

    def connect(self, port: int) -> None:
        """The connection that Jira keeps to us."""
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def sample(self, number: int) -> Sample | None:
        """Create a ticket, tell of it, and see when Slack hears; None where the sweep found it before the webhook."""
        self.jira.clear()
        self.slack.clear()
        self.hooks.told.clear()
        key = self.world.jira.create(
            {"summary": "Checkout is down", "customfield_10053": float(number % CHANNELS)}, "ann"
        )
        request = webhook(number, self.hooks.told[0])
        time.sleep(PAUSE)
        sent = time.perf_counter()
        self.connection.sendall(request)
        answer = self.connection.recv(65536)
        accepted = time.perf_counter()
        assert answer.startswith(b"HTTP/1.1 202"), answer
        ref = f"/issue/{self.world.jira.issue(key).id}"
        until(lambda: self.recorded(ref), pause=2e-3)
        post = self.slack[0]
        assert post.name == "chat.postMessage", post
        between = [call for call in self.jira if ref in call.path and call.began < post.began]
        self.world.jira.delete(key)
        if between[0].began < sent:
            return None
        if number >= WARMING:  # the first write of a process is read back
            assert [call.name for call in between] == ["GET issue", "PUT issue"], between
        moments = [sent, *(moment for call in between for moment in (call.began, call.ended)), post.began]
        spans = [ms(after - before) for before, after in pairwise(moments)]
        return Sample(ms(accepted - sent), tuple(spans[::2]), tuple(spans[1::2]))

    def recorded(self, ref: str) -> bool:
        """Whether the message was posted, and that was written down."""
        return bool(self.slack) and any(ref in c.path and c.began > self.slack[0].began for c in self.jira)


def ms(seconds: float) -> float:
    """Milliseconds."""
    return seconds * 1e3


def webhook(number: int, body: bytes) -> bytes:
    """The request that tells of it, signed."""
    return (
        b"POST /hooks/jira HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=UTF-8\r\n"
        + f"X-Atlassian-Webhook-Identifier: bench-{number}\r\n".encode()
        + f"X-Hub-Signature: sha256={hexdigest(SECRET, body)}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def start(config: Path, log: IO[str]) -> tuple[subprocess.Popen[str], int]:
    """`pointman run`, and its port as its log tells it."""
    command = "import sys; from sync.cli import main; sys.exit(main())"
    run = subprocess.Popen(
        [sys.executable, "-c", command, "run", "--config", str(config)], stderr=log, env=environment(), text=True
    )
    told = Path(log.name)
    until(lambda: '"port"' in told.read_text() or run.poll() is not None)
    line = next(line for line in told.read_text().splitlines() if '"port"' in line)
    return run, int(json.loads(line)["port"])


def measure(samples: int) -> list[Sample]:
    """Start everything, warm it, measure."""
    with tempfile.TemporaryDirectory() as name, World() as world:
        folder = Path(name)
        for number in range(CHANNELS):
            world.channel(f"#c{number}")
        config = install(folder, world, RULES + "".join(CARD.format(n=n) for n in range(CHANNELS)))
        bench = Bench(world)
        with (folder / "log").open("w") as log:
            run, port = start(config, log)
            try:
                until(lambda: world.server.requests > 3)
                time.sleep(1.0)
                bench.connect(port)
                for number in range(WARMING):
                    bench.sample(number)
                told = [bench.sample(WARMING + number) for number in range(samples)]
                return [sample for sample in told if sample is not None]
            finally:
                run.terminate()
                run.wait(30)


def middle(times: Iterable[float]) -> str:
    """Their median."""
    return f"{quantile(times, 0.5):.1f} ms"


def main() -> int:
    """Print the table."""
    samples = measure(SAMPLES)
    ours = [sample.ours for sample in samples]
    p50, p99 = quantile(ours, 0.5), quantile(ours, 0.99)
    table = Table(f"signed webhook to Slack call, {len(samples)} tickets one at a time")
    table.row("beyond the sandbox's own answer times, p50", f"{p50:.1f} ms", f"≤ {P50:g} ms", held=p50 <= P50)
    table.row("beyond the sandbox's own answer times, p99", f"{p99:.1f} ms", f"≤ {P99:g} ms", held=p99 <= P99)
    table.row("  the least, the most", f"{min(ours):.1f}, {max(ours):.1f} ms")
    table.row("  the webhook is accepted within, p50", middle(s.accepted for s in samples))
    for place, leg in enumerate(("webhook to read", "read to claim", "claim to post")):
        table.row(f"  of it {leg}, p50", middle(s.legs[place] for s in samples))
    for place, call in enumerate(("the read", "the claim")):
        table.row(f"  taken off, the sandbox answers {call}, p50", middle(s.answers[place] for s in samples))
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
