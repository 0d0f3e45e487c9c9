"""`pointman check` on 1,000 rules as a cold process: at most 0.3 s of wall beyond loading the rules.

The rules are those of `bench/load.py`, in ten files, with a Jira and a Slack configured. Loading is what
`rules.load.load` takes in a process that has everything imported, as `bench/load.py` measures it, so that importing the
language, its parser and its patterns counts as the command's. Both are the best of several, taken in turn. Python's
bytecode is compiled once before, as an installation has it, into a folder of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from load import RULES, files
from testbed import Table, environment

REPEATS = 9
MOST = 0.3
CONFIG = """
rules = ["rules.d"]
[connectors.jira]
url = "https://jira.example.org"
user = "pointman@example.org"
token = "x"
webhook_secret = "y"
project = ["OPS"]
[connectors.jira.fields]
severity = "customfield_10050"
[connectors.slack]
token = "xoxb-x"
signing_secret = "z"
"""
LOADING = """
import gc, sys, time
from pathlib import Path
from rules import load
gc.disable()
paths = [Path(sys.argv[1])]
load.load(paths, "on", ("jira", "slack"))
began = time.perf_counter()
load.load(paths, "on", ("jira", "slack"))
print(time.perf_counter() - began)
"""
"""As the command does it, with the collector off; once to import, once to measure."""
COMMAND = str(Path(sys.executable).parent / "pointman")


def write(folder: Path) -> Path:
    """The configuration and its rules; the configuration file."""
    (folder / "rules.d").mkdir()
    for name, text in files().items():
        (folder / "rules.d" / name).write_text(text, encoding="utf-8")
    path = folder / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def wall(*command: str) -> float:
    """How long a command takes. Raises CalledProcessError."""
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return seconds


def loading(rules: Path) -> float:
    """How long loading takes in a process that has everything imported."""
    command = [sys.executable, "-c", LOADING, str(rules)]
    return float(subprocess.run(command, capture_output=True, text=True, env=environment(), check=True).stdout)


def main() -> int:
    """Measure in turn, and print the table."""
    with tempfile.TemporaryDirectory() as name:
        config = write(Path(name))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(name, "bytecode"))
        wall(COMMAND, "check", "--config", str(config))
        rounds = [
            (wall(COMMAND, "check", "--config", str(config)), loading(config.parent / "rules.d"), bare())
            for _ in range(REPEATS)
        ]
    whole, load, python = (min(times) for times in zip(*rounds, strict=True))
    beyond = whole - load
    table = Table(f"pointman check, {RULES:,} rules, cold, best of {REPEATS}")
    table.row("beyond loading the rules", f"{beyond:.2f} s", f"≤ {MOST} s", held=beyond <= MOST)
    table.row("  all of it", f"{whole:.2f} s")
    table.row("  loading the rules", f"{load:.2f} s")
    table.row("  a Python that does nothing", f"{python:.2f} s")
    return table.end()


def bare() -> float:
    """How long a Python takes that does nothing."""
    return wall(sys.executable, "-c", "pass")


if __name__ == "__main__":
    sys.exit(main())
