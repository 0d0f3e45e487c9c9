"""Draws the pictures of the terminal: real commands, against the sandbox, in a terminal of 80 and of 120 columns.

    .venv/bin/python docs/pictures/terminal.py [NAME …]

writes terminal-NAME-WIDTH.png beside this file. What the terminal shows is read by rich and drawn by chromium.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from sandbox.clock import Clock
from sandbox.world import World

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
WIDTHS = (80, 120)
ROOM: ViewportSize = {"width": 1400, "height": 900}
TALL = 30
"""Of more lines each takes fewer pixels."""
SHADES = [
    (72, 79, 88),
    (240, 110, 105),
    (120, 200, 120),
    (224, 176, 80),
    (110, 160, 240),
    (200, 140, 230),
    (90, 190, 205),
]
THEME = TerminalTheme((27, 31, 36), (214, 219, 225), [*SHADES, (214, 219, 225)])
BEGUN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PAGE = """<!doctype html><meta charset="utf-8"><style>{stylesheet}
body {{ margin: 0; background: #1b1f24; }}
#all {{ display: inline-block; padding: 16px 20px 18px; }}
pre {{ margin: 0; width: COLUMNSch; color: #d6dbe1; font: 14px/1.42 "DejaVu Sans Mono", "Liberation Mono", monospace; }}
</style><div id="all"><pre><code style="font-family: inherit">{code}</code></pre></div>"""
COMPANY = "rules.d/00-company.toml"
RULES = "rules.d/10-start.toml"
MISTAKES = {
    "config.toml": [("port = 8480", "prot = 8480")],
    COMPANY: [('lead = "maria"', 'lead = "mary"')],
    RULES: [
        ('when = \'severity == "high" and not ack', 'when = \'severity == "hihg" and not ack'),
        ('to = ["place:incidents"]\ntext', 'to = ["place:incident"]\ntext'),
        ("{{ assignee or", "{{ assigned or"),
    ],
}
SLOWER = {RULES: [('after = "5m"', 'after = "10m"')]}
ROTA = "first-line = {"
BY_DAY = {COMPANY: [(ROTA, 'by-day = { rotation = ["tom"], handover = "09:00", during = "office" }\n' + ROTA),
                    ('schedule = "first-line" }', 'schedule = "by-day" }')]}  # fmt: skip
"""Somebody thinks that nobody is needed at night."""
BEGINS = {
    "config.toml": [('commander = "', 'recovery = "customfield_10062"\ncommander = "')],
    COMPANY: [
        ("status_text =", 'recovery = { type = "text" }\nstatus_text ='),
        ('criticality = "medium"', 'criticality = "high", rto = "4h"'),
        ("[places.incidents]", '[audiences]\nmanagement = { to = ["slack:#management"] }\n\n[places.incidents]'),
        (
            "[schedules]",
            '[calendars]\noffice = { hours = { mon-fri = "08:00-18:00" }, holidays = "DE-BE" }\n\n[schedules]',
        ),
        (
            "[teams]",
            'database = { rotation = ["ann", "tom"], handover = "09:00", timezone = "America/New_York" }\n\n[teams]',
        ),
        (
            'schedule = "first-line" }',
            'schedule = "first-line" }\ndba = { members = ["ann", "tom"], schedule = "database" }',
        ),
    ],
}
"""What the company says beside what `pointman init` has made: a goal, who wants to hear, who is there when."""
TIME = """
[[objective]]
id = "rto"
goal = "rto"
field = "recovery"
steps = [{ at = "50%", to = ["lead:responders"] }]

[[update]]
id = "half-hourly"
when = 'severity == "high" and phase in ["new", "active"]'
every = "30m"
to = ["audience:management"]
"""


NIGHT = (
    ("03:00:00  opened", "03:05:00"),
    ("03:15:00  called    slack", "05:00:00  warned"),
    ("05:40:00  told", "07:10:00"),
    ("07:30:00  pointman", "-- Monday"),
    ("WHO WAS", "OBJECTIVES"),
)
"""The hours of a drill that are left out of its picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A command that is shown, with these files changed, when so much time has passed in which nobody looked.

    Of each pair in `cuts` the lines are left out from the one that begins with the first to before the second.
    """

    command: str
    changes: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    later: timedelta = timedelta(0)
    cuts: tuple[tuple[str, str], ...] = ()

    def cut(self, shown: Text) -> Text:
        """What of it is drawn."""
        kept, until = [], ""
        for line in shown.split("\n"):
            if until and line.plain.startswith(until):
                until = ""
            ends = next((last for first, last in self.cuts if not until and line.plain.startswith(first)), "")
            if ends:
                kept.append(Text("⋮", "dim"))
                until = ends
            elif not until:
                kept.append(line)
        return Text("\n").join(kept)


class Desk:
    """An administrator's folder beside a Jira and a Slack, as `pointman init` has made it."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder, self.world = folder, world
        self.env: Mapping[str, str] = {
            **{name: os.environ[name] for name in ("LANG",) if name in os.environ},
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "JIRA_TOKEN": world.jira.token,
            "SLACK_BOT_TOKEN": world.slack.state.token,
            "SLACK_APP_TOKEN": world.slack.state.app_token,
            "POINTMAN_CONNECTORS__SLACK__BASE_URL": world.slack.api,
        }
        jira = ("--jira-url", world.server.url, "--jira-user", "pointman@example.org", "--jira-project", "OPS")
        people = ("--person", "maria@example.org,tom@example.org,ann@example.org")
        self.call("init", "--yes", *jira, *people, "--timezone", "Europe/Berlin")
        self.change({"config.toml": [('mode  = "watch"', 'mode  = "on"')]})
        self.change(BEGINS)
        (folder / "rules.d" / "20-time.toml").write_text(TIME, encoding="utf-8")
        self.age()

    def call(self, *words: str) -> None:
        """A command that is not shown. Raises CalledProcessError."""
        subprocess.run(  # noqa: S603  (our own commands)
            [BIN / "pointman", *words], cwd=self.folder, env=self.env, check=True, capture_output=True
        )

    def age(self) -> None:
        """What was written a moment ago is nobody's delay, says the watchdog: the files are of the day before."""
        for file in self.folder.rglob("*.toml"):
            os.utime(file, (BEGUN.timestamp() - 86400,) * 2)

    def change(self, changes: Mapping[str, list[tuple[str, str]]]) -> None:
        """Change the files. Raises LookupError where one holds nothing like that."""
        for name, pairs in changes.items():
            text = (self.folder / name).read_text(encoding="utf-8")
            for old, new in pairs:
                if old not in text:
                    raise LookupError(f"{name} holds nothing like {old}")
                text = text.replace(old, new, 1)
            (self.folder / name).write_text(text, encoding="utf-8")

    @contextmanager
    def changed(self, changes: Mapping[str, list[tuple[str, str]]]) -> Iterator[None]:
        """The files with these changes, for a while."""
        before = {name: (self.folder / name).read_text(encoding="utf-8") for name in changes}
        self.change(changes)
        yield
        for name, text in before.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.age()

    def shown(self, command: str, width: int) -> Text:
        """What a terminal of this width shows of a command, with its colours."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, width, 0, 0))
        process = subprocess.Popen(  # noqa: S603  (our own commands)
            command.split(), cwd=self.folder, env=self.env, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # Linux says so when the other side is closed
            pass
        os.close(ours)
        process.wait()
        text = Text.from_ansi(said.decode().replace("\r\n", "\n").rstrip())
        return Text.assemble(("$ ", "bold green"), (command, "bold"), "\n", text)


def ticket(desk: Desk) -> str:
    """A ticket in the middle of its life: looked at, shown, and taken by somebody else."""
    world = desk.world
    world.clock.advance(timedelta(minutes=57))
    key = world.create("bob", {"Summary": "Checkout is down", "Service": "Checkout (prod)", "Affected users": 140})
    world.clock.advance(timedelta(minutes=1))
    desk.call("sweep", "--once")
    world.clock.advance(timedelta(minutes=1))
    world.change("ann", key, {"Assignee": "ann"})
    desk.call("sweep", "--once")
    world.clock.advance(timedelta(minutes=1))
    return key


def draw(text: Text, width: int, file: Path, shoot: Callable[[str, Path], None]) -> None:
    """Draw it as wide as the terminal was."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  (the null device is no path of ours)
        console = Console(
            record=True, width=width, file=nowhere, force_terminal=True, color_system="truecolor", legacy_windows=False
        )
        console.print(text, soft_wrap=False, overflow="fold", no_wrap=False)
        shoot(
            console.export_html(theme=THEME, code_format=PAGE.replace("COLUMNS", str(width)), inline_styles=True), file
        )


def main(names: list[str]) -> int:
    """Draw the pictures of these names, or all."""
    channels = ["#incidents", "#management"]
    with tempfile.TemporaryDirectory() as made, World(Clock(BEGUN), channels=channels) as world:
        world.slack.state.channel("#pointman", private=True)
        world.jira.site.projects["OPS"].count = 40
        desk = Desk(Path(made), world)
        key = ticket(desk)
        pictures = {
            "plan": Picture(f"pointman plan {key}"),
            "explain": Picture(f"pointman explain {key}"),
            "check": Picture("pointman check", MISTAKES),
            "gap": Picture("pointman check", BY_DAY),
            "test": Picture("pointman test", SLOWER),
            "oncall": Picture("pointman oncall --at 2026-11-24T03:00"),
            "drill": Picture("pointman drill nobody-answers-at-3am-on-a-holiday", cuts=NIGHT),
            "watch": Picture("pointman watch"),
            "late": Picture("pointman watch", later=timedelta(minutes=35)),
        }
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            tall, usual = (browser.new_page(device_scale_factor=scale, viewport=ROOM) for scale in (1, 1.25))

            def shoot(html: str, file: Path) -> None:
                page = tall if html.count("\n") > TALL else usual
                page.set_content(html)
                page.locator("#all").screenshot(path=file)
                print(f"{file.name}: {file.stat().st_size // 1024} kB")

            for name in names or pictures:
                picture = pictures[name]
                world.clock.advance(picture.later)
                with desk.changed(picture.changes):
                    for width in WIDTHS:
                        shown = picture.cut(desk.shown(picture.command, width))
                        draw(shown, width, HERE / f"terminal-{name}-{width}.png", shoot)
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
