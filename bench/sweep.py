"""10,000 open tickets: those that changed while we were away are caught up with, and then nothing happens for little.

The catch-up: each ticket costs 2 calls (it is read, and what happens next is written on it), each answer takes 50 ms,
and 32 tickets are looked at side by side; so the ideal is 10,000 x 2 x 50 ms / 32 = 31.25 s, listing the tickets not
counted. At least 90 % of that speed. Then a new process, which knows nothing, sweeps the same tickets: at most 110
requests, and nothing is looked at.

The sandbox is a process of its own, so that what it computes is not taken for ours; its 50 ms contain it, as far as it
is quicker than that. What its answers really took is shown, since on a machine with few cores it may not keep up.
`--tickets N` measures fewer.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from testbed import Table, environment, install, slow, timed

from sandbox.clock import Clock
from sandbox.world import World
from sync import config, logs
from sync.run import Parts, assemble, read_rules

TICKETS, CALLS, ANSWER, CONCURRENCY = 10_000, 2, 0.05, 32
MOST_REQUESTS, LEAST = 110, 0.9
APART = timedelta(seconds=61)
"""Between two tickets: a week in all, and no two tell the same moment as the next."""
RULES = """
[defaults]
timezone = "UTC"
[fields]
affected_users = { type = "number" }
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
since = "created"
steps = [{ after = "8d", to = ["slack:#calls"], text = "{{ key }}: nobody has acknowledged" },
         { after = "9d", to = ["slack:#calls"], text = "{{ key }}: still nobody has acknowledged" }]
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the sandbox has answered since it was last asked: how many requests, how long half of them took, its CPU."""

    requests: int
    median: float
    cpu: float


class Sandbox:
    """The sandbox in its own process."""

    def __init__(self, folder: Path, tickets: int) -> None:
        command = [sys.executable, str(Path(__file__)), "serve", str(folder), str(tickets)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True
        )
        self.config = Path(json.loads(self._line()))

    def heard(self) -> Heard:
        """What it has answered since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Heard(*json.loads(self._line()))

    def stop(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def serve(folder: Path, tickets: int) -> None:
    """Be the sandbox until the standard input ends: first tell the configuration, then at each line what was heard."""
    with World(Clock(datetime.now(UTC) - tickets * APART)) as world:
        world.channel("#calls")
        for number in range(tickets):
            world.jira.create({"summary": f"Checkout is down ({number})", "customfield_10050": "High"}, "ann")
            world.clock.advance(APART)
        gc.freeze()
        slow(world.server, ANSWER)
        seen = timed(world.server)
        wanted = f'every = "1h"\nfull = "1h"\nconcurrency = {CONCURRENCY}'
        print(json.dumps(str(install(folder, world, RULES, wanted))), flush=True)
        cpu = time.process_time()
        for _ in sys.stdin:
            times = sorted(call.ended - call.began for call in seen)
            used = time.process_time() - cpu
            print(json.dumps((len(times), times[len(times) // 2] if times else 0.0, used)), flush=True)
            seen.clear()
            cpu = time.process_time()


def parts(sandbox: Sandbox) -> Parts:
    """A new Pointman, which knows nothing."""
    read = config.load(sandbox.config)
    return assemble(read, read_rules(read))


def caught_up(sandbox: Sandbox, tickets: int) -> tuple[float, float, int]:
    """Sweep and look at everything: seconds, seconds of our CPU, and how many tickets were looked at."""
    made = parts(sandbox)
    made.engine.tracker.me()
    sandbox.heard()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)  # as `pointman run` has it
    made.queue.start()
    began, cpu = time.perf_counter(), time.process_time()
    queued = made.sweep.whole().queued
    assert made.queue.drain(timedelta(seconds=600))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    assert made.queue.depth().wakes == tickets, made.queue.depth()
    made.close()
    return seconds, used, queued


def unchanged(sandbox: Sandbox) -> tuple[float, int]:
    """Sweep as a new process: seconds, and how many tickets had to be looked at."""
    made = parts(sandbox)
    began = time.perf_counter()
    made.queue.start()
    queued = made.sweep.whole().queued
    made.queue.drain(timedelta(seconds=600))
    seconds = time.perf_counter() - began
    made.close()
    return seconds, queued


def measure(tickets: int, folder: Path) -> int:
    """Both, one after the other."""
    sandbox = Sandbox(folder, tickets)
    try:
        seconds, cpu, queued = caught_up(sandbox, tickets)
        assert queued == tickets, queued
        busy = sandbox.heard()
        swept, queued = unchanged(sandbox)
        idle = sandbox.heard()
    finally:
        sandbox.stop()
    ideal = tickets * CALLS * ANSWER / CONCURRENCY
    fewer = "" if tickets == TICKETS else f" (fewer than {TICKETS:,}, to be quicker)"
    most = MOST_REQUESTS * tickets // TICKETS + (0 if tickets == TICKETS else 10)
    table = Table(f"{tickets:,} tickets, 50 ms an answer, {CONCURRENCY} at a time{fewer}")
    said = f"sweep of unchanged tickets: {queued} looked at, {swept:.1f} s"
    table.row(said, f"{idle.requests} requests", f"≤ {most}", held=idle.requests <= most and queued == 0)
    part = ideal / seconds
    said = f"catch-up: ideal {ideal:.1f} s, took {seconds:.1f} s"
    table.row(said, f"{part:.0%}", f"≥ {LEAST:.0%}", held=part >= LEAST)
    table.row("  requests of it", f"{busy.requests:,}")
    table.row("  half of the answers took no longer than", f"{busy.median * 1e3:.1f} ms")
    table.row("  of one core, Pointman", f"{cpu / seconds:.0%}")
    table.row("  of one core, the sandbox", f"{busy.cpu / seconds:.0%}")
    return table.end()


def main() -> int:
    """Measure."""
    given = argparse.ArgumentParser()
    given.add_argument("--tickets", type=int, default=TICKETS)
    tickets = given.parse_known_args()[0].tickets
    logs.configure(level="error")
    with tempfile.TemporaryDirectory() as folder:
        return measure(tickets, Path(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        arguments: list[Any] = sys.argv[2:]
        serve(Path(arguments[0]), int(arguments[1]))
    else:
        sys.exit(main())
