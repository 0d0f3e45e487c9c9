"""100,000 open tickets with two timers each: how much memory a process takes for them, at most 150 MB.

A whole sweep of the real engine: every ticket is listed once, a ladder of two steps lies ahead of it, and nothing is
owed (one ticket was looked at for real; the others carry the same ledger). What stays afterwards is what the sweep, the
engine and the queue remember. The pages are made as they are asked for and thrown away, as a tracker's are.
"""

import gc
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.model import Ticket
from connectors.testing import MemoryMessenger, MemoryTracker
from rules.load import parse
from sync.look import Engine, Site
from sync.queue import MemoryQueue
from sync.sweep import Sweep, Times

TICKETS = 100_000
PAGE = 100
MOST_MB = 150
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = """
[defaults]
timezone = "UTC"
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "12h", to = ["slack:#ops"] }, { after = "18h", to = ["slack:#management"] }]
"""


class Crowded(MemoryTracker):
    """A tracker with very many open tickets, made page by page after the likeness of one."""

    pattern: Ticket | None = None

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """All of them."""
        for start in range(0, TICKETS, PAGE):
            yield tuple(self._made(number) for number in range(start, start + PAGE))

    def _made(self, number: int) -> Ticket:
        assert self.pattern is not None
        assert self.pattern.ledger is not None
        ref = str(10_000_000 + number)
        ledger = self.pattern.ledger.replace(f'"{self.pattern.ref}"', f'"{ref}"')
        version = f"2026-03-01T11:{number % 60:02}:00.{number:06}+0000"
        return replace(self.pattern, ref=ref, key=f"OPS-{number}", ledger=ledger, version=version)


def resident() -> float:
    """Megabytes that the process holds now (on Linux; elsewhere, the most it ever held)."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1024 / 1024


def main() -> int:
    """Sweep, measure, and say whether it held."""
    tracker = Crowded(lambda: NOW)
    rules = parse({"rules.toml": RULES}, "on", ("slack",))
    site = Site(start=NOW - timedelta(days=1))
    engine = Engine(tracker, {"slack": MemoryMessenger(lambda: NOW)}, rules, site, lambda: NOW)
    queue = MemoryQueue(engine.look, engine.urgency, lambda: NOW)
    sweep = Sweep(tracker, engine, queue, Times(), lambda: NOW)
    one = tracker.ticket("OPS-1", "Checkout is down for some of our customers", severity="high")
    engine.look(one)
    tracker.pattern = tracker.get(one)
    before, started = resident(), time.perf_counter()
    listed = sweep.whole()
    took, grown = time.perf_counter() - started, resident() - before
    depth = queue.depth()
    held = grown <= MOST_MB and listed.listed == depth.wakes == TICKETS
    bound = f"≤ {MOST_MB} MB"
    print(f"{'open tickets, two timers each':<40} {'measured':>12} {'must reach':>12}")
    print(f"{f'{TICKETS:,} tickets in memory':<40} {f'{grown:.0f} MB':>12} {bound:>12}  {'ok' if held else 'MISSED'}")
    print(f"{'waiting for their wake':<40} {depth.wakes:>12,}")
    print(f"{'waiting for a look':<40} {depth.waiting:>12,}")
    print(f"{'thought about in one sweep':<40} {f'{took:.1f} s':>12}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
