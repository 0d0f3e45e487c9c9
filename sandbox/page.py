"""The demonstration's web page: the Jira queue and the Slack channels of a sandbox, live, and people who act in them.

The page is HTML made here; its script asks `/state` twice a second and patches what changed. Whatever somebody does on
it (`/do/...`) is done in the emulators as that person: a click on a button travels to Pointman as Slack sends it,
signed. It listens on loopback, and answers only its own page: a page from elsewhere in the same browser gets 403.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import requests
from jinja2 import Environment, PackageLoader

from sandbox.http import Answer, Asked, Server
from sandbox.player import Player
from sandbox.shown import Data, Opened, plain, shown
from sandbox.sight import Post
from sandbox.slack import Channel
from sandbox.world import World

REGIONS: Final = ("clock", "counters", "queue", "ticket", "channels", "messages", "forms")
STATIC: Final = {"/static/page.css": "text/css", "/static/page.js": "text/javascript"}
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


class Page:
    """The page for a world, at a port of loopback (0: any). Where a player plays, the page drives its pace."""

    def __init__(self, world: World, player: Player | None = None, port: int = 0) -> None:
        self.world, self.player = world, player
        self._server = Server(self.handle, port=port)
        self._templates = Environment(
            loader=PackageLoader("sandbox", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._acts: Mapping[str, Callable[[Form], Done]] = {
            "click": self._click, "say": self._say, "submit": self._submit, "dismiss": self._dismiss,
            "create": self._create, "change": self._change, "comment": self._comment,
            "move": self._move, "speed": self._speed,
        }  # fmt: skip

    def start(self) -> str:
        """Begin to answer; the page's address."""
        self._server.start()
        return f"{self._server.url}/"

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop()

    def handle(self, asked: Asked) -> Answer:
        """Answer a browser."""
        if not self._ours(asked):
            return _answer(403, "This page answers nobody but itself.\n")
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
        opened = Opened(asked.query.get("ticket", ""), asked.query.get("channel", ""))
        data = shown(self.world, self.player, opened)
        if asked.path == "/":
            return _answer(200, self._templates.get_template("page.html").render(data), "text/html")
        made: Any = self._templates.get_template("regions.html").make_module()
        ticket, channel = data["ticket"], data["channel"]
        told = {
            "regions": {name: str(getattr(made, name)(data)) for name in REGIONS},
            "ticket": ticket["key"] if ticket else "",
            "channel": channel["id"] if channel else "",
            "answers": self._answers(),
        }
        return Answer(200, told, HEADERS)

    def _answers(self) -> list[Data]:
        """What the app has answered to people so far, as one line each."""
        state = self.world.slack.state
        with state.lock:
            return [{"name": state.people[note.user].real_name, "text": plain(note.text)} for note in state.notes]

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
        told = self.world.click(by, Post(self.world.place(channel), channel, message), form["action"])
        if told.status != 200:
            return Done(
                f"{self._name(by)} clicked {label}, but Pointman did not take it ({told.status or 'no answer'})."
            )
        return Done(f"{self._name(by)} clicked {label}.")

    def _say(self, form: Form) -> Done:
        by, channel, text = self._by(form), self._channel(form), form["text"].strip()
        slack = self.world.slack
        if not text:
            raise ValueError("there is nothing to say")
        if text.split()[0] == "/pointman":
            told = slack.people.command(self.world.members[by], channel, text.removeprefix("/pointman").strip())
            return Done(
                f"{self._name(by)} sent a command." if told.status == 200 else f"Pointman answered {told.status}."
            )
        with slack.state.lock:
            slack.state.say(self.world.members[by], channel, text.replace("&", "&amp;").replace("<", "&lt;"))
        return Done(f"{self._name(by)} wrote.")

    def _submit(self, form: Form) -> Done:
        slack = self.world.slack
        told = slack.people.submit(slack.state.views[form["view"]], form)
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
        self.world.change(self._by(form), form["ticket"], given)
        return Done(f"{form['ticket']} is changed.")

    def _comment(self, form: Form) -> Done:
        if not form["text"].strip():
            raise ValueError("the comment is empty")
        self.world.comment(self._by(form), form["ticket"], form["text"])
        return Done(f"A comment stands on {form['ticket']}.")

    def _move(self, form: Form) -> Done:
        self.world.move(self._by(form), form["ticket"], form["status"])
        return Done(f"{form['ticket']} is {form['status']} now.")

    def _speed(self, form: Form) -> Done:
        """While a scenario plays its player sets the clock, and is told how fast it may."""
        speed, player = float(form["speed"]), self.player
        if not 0 <= speed <= FASTEST:
            raise ValueError("so fast it cannot go")
        if player is not None and not player.done:
            player.paused = speed == 0
            if speed:
                player.pace = replace(player.pace, fast=speed)
        else:
            self.world.hurry(speed)
        return Done(f"Time goes {speed:g} times as fast." if speed else "Time stands still.")


def _answer(status: int, body: str, kind: str = "text/plain") -> Answer:
    return Answer(status, body, {**HEADERS, "content-type": f"{kind}; charset=utf-8"})
