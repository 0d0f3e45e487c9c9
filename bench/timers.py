"""Memory of 100,000 open tickets with two timers each: how much the process grows by its queue and its sweep.

Each ticket is told a wake twice (a timer that moved), and the sweep remembers its version. Must stay under 150 MB.
"""

import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync.queue import MemoryQueue

TICKETS = 100_000
MOST_MB = 150
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def resident() -> float:
    """Megabytes that the process holds now (on Linux; elsewhere, the most it ever held)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1024 / 1024


def main() -> int:
    """Fill, measure, and say whether it held."""
    queue = MemoryQueue(lambda ref: None, lambda ref: 0, lambda: NOW)
    before, started = resident(), time.perf_counter()
    versions = {}
    for n in range(TICKETS):
        ref = str(10_000_000 + n)
        versions[ref] = f"2026-03-01T00:00:00.{n:06}+0000"
        queue.wake(ref, NOW + timedelta(seconds=n % 86_400))
        queue.wake(ref, NOW + timedelta(seconds=(n * 7) % 86_400))
    took, grown = time.perf_counter() - started, resident() - before
    assert queue.depth().wakes == TICKETS
    held = "ok" if grown <= MOST_MB else "MISSED"
    print(f"{'open tickets, two timers each':<40} {'measured':>12} {'must reach':>12}")
    print(f"{f'{TICKETS:,} tickets in memory':<40} {f'{grown:.0f} MB':>12} {f'≤ {MOST_MB} MB':>12}  {held}")
    print(f"{'200,000 wakes told':<40} {f'{took:.2f} s':>12}")
    return 0 if grown <= MOST_MB else 1


if __name__ == "__main__":
    sys.exit(main())
