"""The demonstration's web page: a sandbox's tickets and channels, live, and people who act in them.

The page is HTML made here; its script asks `/state` twice a second and patches what changed. Whatever somebody does on
it (`/do/...`) is done in the emulators as that person: a click on a button travels to Pointman as Slack sends it,
signed. With `at`, a moment in seconds since 1970, both show the world as it was then. The workbench, a server of its
own beside Pointman, is passed on under `/workbench/`. The page listens on loopback, and answers only itself: a page
from elsewhere in the same browser gets 403.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import requests
from jinja2 import Environment, PackageLoader

from sandbox.doing import Doing
from sandbox.head import Told, status
from sandbox.http import Answer, Asked, Server
from sandbox.keeper import Keeper
from sandbox.panes import open_now, panes
from sandbox.player import Player
from sandbox.process import Workbench
from sandbox.proxy import passed_on
from sandbox.recording import Recording
from sandbox.shown import Data, Opened, options, plain, shown
from sandbox.sight import KEY, Post, Sight
from sandbox.slack import Channel
from sandbox.tally import Tally
from sandbox.world import World

REGIONS: Final = (
    "clock", "proof", "counters", "marks", "then", "queue", "ticket", "channels", "messages", "forms",
)  # fmt: skip
PANES: Final = ("teams_places", "teams_messages", "teams_dialogs", "mail_boxes", "mail_list", "mail_thread")
"""Regions of the panes beside Slack; each is there where its product is."""
OPENED: Final = tuple(field.name for field in fields(Opened))
STATIC: Final = {
    "/static/page.css": "text/css", "/static/panes.css": "text/css", "/static/page.js": "text/javascript",
}  # fmt: skip
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
FASTEST: Final = 3600.0

Form: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Done:
    """What somebody's act came to, in a sentence; `ticket` is the key of one that it made."""

    said: str
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """Who runs beside the world, where somebody does: a player, the keeper of Pointman, and the workbench."""

    player: Player | None = None
    keeper: Keeper | None = None
    workbench: Workbench | None = None


class Page:
    """The page for a world, at a port of loopback (0: any). Where a player plays, the page drives its pace."""

    def __init__(self, world: World, beside: Beside | None = None, port: int = 0) -> None:
        self.world, self.beside = world, beside or Beside()
        self.player = self.beside.player
        self.tally = Tally(world, self.player, self.beside.keeper)
        self.recording = Recording(world)
        self._fast = self.player.pace.fast if self.player is not None else world.speed or 1.0
        self._server = Server(self.handle, port=port)
        self._templates = Environment(
            loader=PackageLoader("sandbox", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._acts: Mapping[str, Callable[[Form], Done]] = {
            "click": self._click, "say": self._say, "submit": self._submit, "dismiss": self._dismiss,
            "create": self._create, "change": self._change, "comment": self._comment,
            "move": self._move, "speed": self._speed, "kill": self._kill,
            **{name: self._there(act) for name, act in Doing(world, self._touch).acts.items()},
        }  # fmt: skip

    def start(self) -> str:
        """Begin to answer, and to record; the page's address."""
        self.recording.start()
        self._server.start()
        return f"{self._server.url}/"

    def stop(self) -> None:
        """Stop answering."""
        self.recording.stop()
        self._server.stop()

    def handle(self, asked: Asked) -> Answer:
        """Answer a browser."""
        if not self._ours(asked):
            return _answer(403, "This page answers nobody but itself.\n")
        if asked.path.startswith("/workbench/"):
            return passed_on(asked, self.beside.workbench, HEADERS)
        if asked.method == "POST" and asked.path.startswith("/do/"):
            return self._act(asked)
        if asked.method not in {"GET", "HEAD"}:
            return _answer(405, "It can only be read.\n")
        if asked.path in {"/", "/state"}:
            return self._shown(asked)
        if kind := STATIC.get(asked.path):
            return _answer(200, files("sandbox").joinpath(asked.path[1:]).read_text("utf-8"), kind)
        return _answer(404, "There is no such page.\n")

    def _ours(self, asked: Asked) -> bool:
        """Whether it was sent to our own name, and by a page of ours if by any."""
        port = self._server.url.rpartition(":")[2]
        names = {f"127.0.0.1:{port}", f"localhost:{port}"}
        origin = asked.headers.get("origin", "")
        return asked.headers.get("host") in names and (not origin or origin.removeprefix("http://") in names)

    # ---- what is seen

    def _shown(self, asked: Asked) -> Answer:
        opened = Opened(**{name: asked.query.get(name, "") for name in OPENED})
        then = self._then(asked.query.get("at", ""))
        world: Sight = self.recording.at(then) if then is not None else self.world
        told = Told(self.world, self.player, self.beside.keeper, self.tally, self.recording, self._fast)
        data: Data = {
            **shown(world, opened),
            **panes(world, opened),
            "status": status(told, then),
            "people": [{"id": name, "name": member.real_name} for name, member in self.world.members.items()],
            "severities": options(self.world, "Severity"),
            "services": options(self.world, "Service"),
            "workbench": self.beside.workbench is not None,
            "past": world.past,
        }
        if asked.path == "/":
            return _answer(200, self._templates.get_template("page.html").render(data, data=data), "text/html")
        return Answer(200, self._state(data), HEADERS)

    def _state(self, data: Data) -> Data:
        """What the script patches the page with."""
        made: Any = self._templates.get_template("regions.html").make_module()
        line = data["status"]["line"]
        beside: Any = self._templates.get_template("panes.html").make_module()
        there = [name for name in PANES if data[name.partition("_")[0]]]
        return {
            "regions": {name: str(getattr(made, name)(data)) for name in REGIONS}
            | {name: str(getattr(beside, name)(data)) for name in there},
            **open_now(data),
            "begin": line["begin"],
            "now": line["now"],
            "past": data["past"],
            "answers": self._answers(),
        }

    def _then(self, at: str) -> datetime | None:
        """The past moment that is asked for; None where it is now, or none."""
        if not re.fullmatch(r"\d{1,11}", at):
            return None
        moment = datetime.fromtimestamp(int(at), UTC)
        return max(moment, self.recording.begin) if moment < self.world.clock.now() else None

    def _answers(self) -> list[Data]:
        """What the app has answered to people so far, as one line each."""
        state = self.world.slack.state
        with state.lock:
            told = [(note.at, state.people[note.user].real_name, plain(note.text)) for note in state.notes]
        if self.world.teams is not None:
            teams = self.world.teams.state
            with teams.lock:
                told += [(note.at, teams.people[note.person].real_name, note.text) for note in teams.notes]
        return [{"name": name, "text": text} for _, name, text in sorted(told, key=lambda one: one[0])]

    # ---- what is done

    def _act(self, asked: Asked) -> Answer:
        act = self._acts.get(asked.path.removeprefix("/do/"))
        if act is None:
            return _answer(404, "Nobody can do that.\n")
        try:
            status, done = 200, act(dict(parse_qsl(asked.body.decode("utf-8"), keep_blank_values=True)))
        except (LookupError, ValueError) as problem:
            status, done = 400, Done(f"That did not work: {problem}.")
        except requests.RequestException:
            status, done = 502, Done("Pointman cannot be reached.")
        if status == 200 and "text/html" in asked.headers.get("accept", ""):
            return Answer(303, None, {**HEADERS, "location": "/"})
        return Answer(status, {"said": done.said, "ticket": done.ticket}, HEADERS)

    def _touch(self, *texts: str) -> None:
        """Whoever sits before the page does something to the tickets that are named here."""
        for key in {key for text in texts for key in KEY.findall(text)} & set(self.world.desk.keys()):
            self.tally.touch(key)

    def _by(self, form: Form) -> str:
        if form["by"] not in self.world.members:
            raise LookupError("there is no such person")
        return form["by"]

    def _name(self, by: str) -> str:
        return self.world.members[by].real_name

    def _channel(self, form: Form) -> Channel:
        return self.world.slack.state.channels[form["channel"]]

    def _click(self, form: Form) -> Done:
        """A direct message is seen by one person only, so it is that person who clicks there."""
        channel = self._channel(form)
        message = channel.message(form["ts"])
        if message is None:
            raise LookupError("the message is gone")
        by = self.world.slack.state.people[channel.user].name if channel.is_im else self._by(form)
        label = next((b["text"]["text"] for b in message.buttons if b["action_id"] == form["action"]), "")
        self._touch(message.text)
        told = self.world.click(by, Post(self.world.place(channel), channel, message), form["action"])
        if told.status != 200:
            return Done(
                f"{self._name(by)} clicked {label}, but Pointman did not take it ({told.status or 'no answer'})."
            )
        return Done(f"{self._name(by)} clicked {label}.")

    def _there(self, act: Callable[[Form], str]) -> Callable[[Form], Done]:
        """An act in a pane beside Slack."""
        return lambda form: Done(act(form))

    def _say(self, form: Form) -> Done:
        by, channel, text = self._by(form), self._channel(form), form["text"].strip()
        slack = self.world.slack
        if not text:
            raise ValueError("there is nothing to say")
        if text.split()[0] == "/pointman":
            self._touch(text)
            told = slack.people.command(self.world.members[by], channel, text.removeprefix("/pointman").strip())
            return Done(
                f"{self._name(by)} sent a command." if told.status == 200 else f"Pointman answered {told.status}."
            )
        with slack.state.lock:
            slack.state.say(self.world.members[by], channel, text.replace("&", "&amp;").replace("<", "&lt;"))
        return Done(f"{self._name(by)} wrote.")

    def _submit(self, form: Form) -> Done:
        slack = self.world.slack
        view = slack.state.views[form["view"]]
        self._touch(json.dumps(view.view))
        told = slack.people.submit(view, form)
        return Done("Sent." if told.status == 200 else f"Pointman answered {told.status}.")

    def _dismiss(self, form: Form) -> Done:
        self.world.slack.state.views.pop(form["view"], None)
        return Done("The form is closed.")

    def _create(self, form: Form) -> Done:
        fields: dict[str, Any] = {"Summary": form["summary"].strip() or "No title"}
        for name in ("Service", "Severity", "Affected users", "Description"):
            if given := form.get(name, "").strip():
                fields[name] = given
        key = self.world.create(self._by(form), fields)
        return Done(f"{key} is created.", key)

    def _change(self, form: Form) -> Done:
        given = {name: form[name] for name in ("Severity", "Assignee") if name in form}
        self._touch(form["ticket"])
        self.world.change(self._by(form), form["ticket"], given)
        return Done(f"{form['ticket']} is changed.")

    def _comment(self, form: Form) -> Done:
        if not form["text"].strip():
            raise ValueError("the comment is empty")
        self._touch(form["ticket"])
        self.world.comment(self._by(form), form["ticket"], form["text"])
        return Done(f"A comment stands on {form['ticket']}.")

    def _move(self, form: Form) -> Done:
        self._touch(form["ticket"])
        self.world.move(self._by(form), form["ticket"], form["status"])
        return Done(f"{form['ticket']} is {form['status']} now.")

    def _speed(self, form: Form) -> Done:
        """While a scenario plays its player sets the clock, and is told how fast it may."""
        speed, player = float(form["speed"]), self.player
        if not 0 <= speed <= FASTEST:
            raise ValueError("so fast it cannot go")
        self._fast = speed or self._fast
        if player is not None and not player.done:
            player.paused = speed == 0
            if speed:
                player.pace = replace(player.pace, fast=speed)
        else:
            self.world.hurry(speed)
        return Done(f"Time goes {speed:g} times as fast." if speed else "Time stands still.")

    def _kill(self, _form: Form) -> Done:
        """SIGKILL; the keeper starts it again."""
        keeper = self.beside.keeper
        if keeper is None:
            raise LookupError("nobody here starts it again")
        if not keeper.kill():
            return Done("Pointman had just ended by itself, and is started again.")
        return Done(f"Killed with SIGKILL. Life {keeper.pointman.started} has begun.")


def _answer(status: int, body: str, kind: str = "text/plain") -> Answer:
    return Answer(status, body, {**HEADERS, "content-type": f"{kind}; charset=utf-8"})
