"""Pointman as a process of its own, as `pointman run` starts it, so that it can also be killed.

A configuration is written for it into a folder, with the addresses of this sandbox; what it logs is read line by line.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from threading import Thread
from typing import Any, Final, TypeAlias

import requests

from sandbox.world import MAIL_PASSWORD, World

COMPANY: Final = Path(__file__).parent / "company"
CONFIGURATIONS: Final = {"jira": "config.toml", "servicenow": "config-servicenow.toml"}
"""The configuration for each tracker; the rules are the same files."""
BESIDE: Final = {"teams": "beside-teams.toml", "email": "beside-email.toml"}
"""What a configuration says beside that, for each further product where people are told."""
WEBHOOK_SECRET: Final = "sandbox-webhook-secret"  # noqa: S105  (of the sandbox, known to everybody)
EMAIL_SECRET: Final = "sandbox-email-secret-of-its-own"  # noqa: S105
COMMAND: Final = (sys.executable, "-c", "import sys; from sync.cli import main; sys.exit(main())")
"""The entry point of the command `pointman`, with this interpreter."""

Line: TypeAlias = Mapping[str, Any]


class NotRunning(Exception):
    """Pointman ended, or did not get ready; what it said last."""


class Pointman:
    """The process. `heard` is told every line that it logs; `started` and `killed` count."""

    def __init__(self, world: World, folder: Path, heard: Callable[[Line], None] = lambda line: None) -> None:
        self.world, self.folder, self.heard = world, folder, heard
        self.port = _free_port()
        self.started = 0
        self.killed = 0
        self.last: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None

    @property
    def url(self) -> str:
        """Where its webhooks come in."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.folder / "config.toml"

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's number; 0 where there is none yet."""
        return self._process.pid if self._process is not None else 0

    @property
    def ended(self) -> int | None:
        """With what it ended: its exit code, or a signal's number below zero; None while it runs."""
        return self._process.poll() if self._process is not None else None

    def install(self, every: str = "0.05") -> None:
        """Write its configuration and rules into the folder, and have the products tell it what happens."""
        shutil.copytree(COMPANY, self.folder, dirs_exist_ok=True)
        told: dict[str, object] = {
            "start": self.world.clock.now().isoformat(timespec="seconds"),
            "port": self.port,
            "every": every,
            "tracker": self.world.server.url,
            "slack": self.world.slack.api,
        }
        written = [CONFIGURATIONS[self.world.desk.name]]
        if (teams := self.world.teams) is not None:
            written.append(BESIDE["teams"])
            told |= {"teams": teams.server.url, "tenant": teams.state.entra.tenant, "app": teams.state.app.id}
            told["incidents"] = teams.state.channel("Incidents").id
        if (mail := self.world.mail) is not None:
            written.append(BESIDE["email"])
            told |= {"smtp": mail.smtp_port, "imap": mail.imap_port}
        text = "".join((COMPANY / name).read_text() for name in written)
        self.config.write_text(Template(text).substitute(told))
        self.world.connect(self.url, WEBHOOK_SECRET)

    @property
    def command(self) -> tuple[str, ...]:
        """What is run."""
        return (*COMMAND, "run", "--config", str(self.config))

    @property
    def ready(self) -> bool:
        """Whether it answers that it is ready."""
        try:
            return requests.get(f"{self.url}/readyz", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def start(self) -> None:
        """Start the process; it takes a moment until it is ready."""
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            self.command,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # a Ctrl-C is for us; we pass it on when we are done
        )
        self.started += 1
        self._reader = Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def wait(self, patience: float = 30.0) -> None:
        """Wait until it is ready. Raises NotRunning."""
        until = time.monotonic() + patience
        while time.monotonic() < until and self.alive:
            if self.ready:
                return
            time.sleep(0.02)
        self.stop()
        raise NotRunning("Pointman did not start:\n" + "\n".join(self.last[-20:]))

    def kill(self) -> None:
        """Kill it as `kill -9` does: it can do nothing about it."""
        if self._process is not None and self.alive:
            self._process.kill()
            self._process.wait(10)
            self.killed += 1

    def stop(self) -> None:
        """Ask it to stop, and wait; kill it if it does not."""
        if self._process is not None and self.alive:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        if self._reader is not None:
            self._reader.join(5)

    def environment(self) -> dict[str, str]:
        """What the process has in its environment: ours, and the secrets of its configuration."""
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("POINTMAN_")}
        return {
            **kept,
            **self.world.desk.secrets(),
            "WEBHOOK_SECRET": WEBHOOK_SECRET,
            "SLACK_BOT_TOKEN": self.world.slack.state.token,
            "SLACK_SIGNING_SECRET": self.world.slack.state.signing_secret,
            "TEAMS_SECRET": self.world.teams.state.app.secret if self.world.teams is not None else "",
            "EMAIL_PASSWORD": MAIL_PASSWORD,
            "EMAIL_SECRET": EMAIL_SECRET,
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
        }

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None  # noqa: S101  (it was asked for)
        with process.stderr as lines:
            for line in lines:
                text = line.rstrip("\n")
                if text == line:  # cut short by its end
                    continue
                self.last = [*self.last[-199:], text]
                try:
                    told = json.loads(text)
                except ValueError:
                    told = {"event": text, "level": "error"}
                self.heard(told if isinstance(told, dict) else {"event": text})


class Workbench(Pointman):
    """The workbench beside a Pointman: the explanation of its tickets, and its rule files to be edited.

    It is a process of its own, with the same configuration, so it is there while Pointman is not.
    """

    def __init__(self, pointman: Pointman) -> None:
        super().__init__(pointman.world, pointman.folder)

    @property
    def command(self) -> tuple[str, ...]:
        """What is run."""
        told = ("--embedded", "--apply", "--config", str(self.config), "--port", str(self.port))
        return (*COMMAND, "playground", *told)

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return requests.get(f"{self.url}/workbench/static/workbench.js", timeout=1).status_code == 200
        except requests.RequestException:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
