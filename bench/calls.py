"""Requests that a change costs: one that edits a field and posts one message at most 4, its echo none.

The 4 are: read, edit with claim, post, record. Counted by name where they come in, at the sandbox, through the real
connectors and the whole of Pointman. First Jira's webhooks of our own edits are held back, so that what they cost can
be told from what the change cost, and delivered when all is quiet; then everything happens at once, as it does in
production. What a process asks once (which Jira this is, its fields, the channel) was asked before, and is shown. The
sweep's own requests are another benchmark's.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from testbed import SECRET, Handled, Table, install, timed

from sandbox.world import World
from sync import config, logs
from sync.run import Running, assemble, read_rules

MOST = 4
QUIET = 0.7
"""Seconds without a request after which nothing more comes."""
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
steps = [{ after = "5m", to = ["slack:#calls"], text = "{{ key }}: nobody has acknowledged" }]
[[notify]]
id = "card"
when = 'severity == "high"'
to = ["slack:#cards"]
text = "**{{ key }}** {{ summary }}: {{ severity }}"
buttons = ["acknowledge"]
"""


class Bench:
    """Pointman and the sandbox, and what was asked since the last count."""

    def __init__(self, world: World, running: Running) -> None:
        self.world, self.running = world, running
        self.jira, self.slack = timed(world.server), timed(world.slack.server)
        self.hooks: Any = world.jira.hooks

    def start(self) -> None:
        """Have Jira tell Pointman what happens."""
        self.world.connect(f"http://127.0.0.1:{self.running.start()}", SECRET)
        self.settle()

    def settle(self) -> list[Handled]:
        """Wait until nothing is asked any more; what was asked since the last time, in order."""
        while True:
            before = len(self.jira) + len(self.slack)
            time.sleep(QUIET)
            depth = self.running.parts.queue.depth()
            if len(self.jira) + len(self.slack) == before and depth.waiting + depth.running == 0:
                break
        asked = sorted((*self.jira, *self.slack), key=lambda call: call.began)
        self.jira.clear()
        self.slack.clear()
        return asked

    def hold(self) -> list[tuple[Any, ...]]:
        """Keep Jira's webhooks from now on instead of sending them."""
        held: list[tuple[Any, ...]] = []
        self.hooks._queue.put = lambda *told: held.append(told)
        return held

    def send(self, held: list[tuple[Any, ...]]) -> int:
        """Send what was kept, and all that follows; how many."""
        del self.hooks._queue.put
        for told in held:
            self.hooks._queue.put(*told)
        return len(held)


def spoken(asked: list[Handled]) -> str:
    """What was asked, in order."""
    return ", ".join(call.name for call in asked) or "nothing"


def measure(world: World, running: Running) -> int:
    """Change tickets, count, print."""
    bench = Bench(world, running)
    bench.start()
    once = Counter(call.name for call in bench.settle())
    world.create("ann", {"Summary": "Checkout is down"})
    once += Counter(call.name for call in bench.settle())
    key = world.create("ann", {"Summary": "Printer is jammed"})
    bench.settle()

    held = bench.hold()
    world.change("ann", key, {"Summary": "Checkout is down"})
    bench.send(held[:])  # the person's own webhook
    held = bench.hold()
    change = bench.settle()
    echoes = bench.send(held)
    echo = bench.settle()
    assert world.value(key, "Severity") == "High"
    assert len(world.posts("#cards")) == 2

    other = world.create("ann", {"Summary": "Printer is jammed"})
    bench.settle()
    world.change("ann", other, {"Summary": "Checkout is down"})
    together = bench.settle()
    assert len(world.posts("#cards")) == 3

    table = Table("a change that edits a field and posts one message")
    table.row("requests for the change", str(len(change)), f"≤ {MOST}", held=len(change) <= MOST)
    print(f"  {spoken(change)}")
    table.row(f"requests for its echo, {echoes} webhooks", str(len(echo)), "0", held=not echo)
    if echo:
        print(f"  {spoken(echo)}")
    said = "requests for both, as they come in each other's way"
    table.row(said, str(len(together)), f"≤ {MOST}", held=len(together) <= MOST)
    print(f"  {spoken(together)}")
    print(f"asked before, for the first tickets: {', '.join(f'{name} {n}' for name, n in once.items())}")
    return table.end()


def main() -> int:
    """Start everything, and measure."""
    logs.configure(level="error")
    with tempfile.TemporaryDirectory() as name, World() as world:
        for channel in ("#calls", "#cards"):
            world.channel(channel)
        read = config.load(install(Path(name), world, RULES, 'every = "1h"\nfull = "1h"'))
        running = Running(assemble(read, read_rules(read)))
        try:
            return measure(world, running)
        finally:
            running.stop(timedelta(seconds=5))


if __name__ == "__main__":
    sys.exit(main())
