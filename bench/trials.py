"""`pointman test` on 1,000 tests as a cold process: at most 3 s for words, and 6 s with who was called at two moments.

The rules are the demonstration's, which are the pack `incident`. It is the processor's time (it waits for nothing),
best of several, so that a busy machine is no fault of ours.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from testbed import Table, environment

REPEATS = 3
COUNT = 1_000
COMPANY = Path(__file__).parents[1] / "sandbox" / "company" / "rules.d" / "00-company.toml"
COMMAND = str(Path(sys.executable).parent / "pointman")
ONE = """
[[test]]
name = "Checkout is down {number}"
ticket = {{ summary = "Checkout is down, {number}", service = "checkout" }}
expect = {{ severity = "high", team = "payments", assignee = "tom"{more} }}
"""
CALLS = ', "after 4m" = [], "after 6m" = ["on-call:team"]'


def processor(folder: Path, more: str) -> float:
    """How many seconds of a processor the tests take. Raises AssertionError where one fails."""
    text = "".join(ONE.format(number=number, more=more) for number in range(COUNT))
    (folder / "90-tests.toml").write_text(text, encoding="utf-8")
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [COMMAND, "test", str(folder)], capture_output=True, text=True, env=environment(), check=False
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return ended.ru_utime - began.ru_utime + ended.ru_stime - began.ru_stime


def main() -> int:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / COMPANY.name).write_text(COMPANY.read_text(encoding="utf-8"), encoding="utf-8")
        words = min(processor(folder, "") for _ in range(REPEATS))
        calls = min(processor(folder, CALLS) for _ in range(REPEATS))
    table = Table(f"pointman test, {COUNT:,} tests, cold, processor's time, best of {REPEATS}")
    table.row("what words become", f"{words:.2f} s", "≤ 3 s", held=words <= 3)
    table.row("  and who was called by two moments", f"{calls:.2f} s", "≤ 6 s", held=calls <= 6)
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
