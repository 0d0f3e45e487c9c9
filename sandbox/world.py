"""The whole of the sandbox: a tracker and a Slack with the same people in them, on one clock.

People act here by name, in words that stand on the products' own pages (`Severity`, `In Progress`, `#incidents`); what
can be seen of it is in `sandbox.sight`.
"""

from __future__ import annotations

import html
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import requests

from sandbox.clock import Clock
from sandbox.desk import Desk
from sandbox.elsewhere import OURS, said
from sandbox.http import Answer, Asked, Fault, Server
from sandbox.jira import JiraState
from sandbox.jira.desk import JiraDesk
from sandbox.servicenow import ServiceNowState
from sandbox.servicenow.desk import ServiceNowDesk
from sandbox.sight import Post, Sight
from sandbox.slack import Delivered, SlackSandbox
from sandbox.teams import TeamsSandbox

if TYPE_CHECKING:  # who has no mail does not wait for what it needs to be served
    from sandbox.mail import MailSandbox

TRACKERS: Final = ("jira", "servicenow")
"""Where tickets may live."""
PRODUCTS: Final = ("teams", "email")
"""Where people may be told beside Slack."""
MAIL_PASSWORD: Final = "sandbox-mail-password"  # noqa: S105  (of the sandbox, known to everybody)
FOREVER: Final = 10**9
SLOW: Final = 10.0
"""How fast time goes at the most while somebody works."""
BUSY: Final = 0.3
"""How long after the last piece of work somebody still counts as working, in real seconds."""
LEAP: Final = 20.0
"""How many seconds time may leap at once: a look of Pointman's must not be half a minute old when it ends."""


class World(Sight):
    """A tracker and Slack on loopback. `worked` is when, by `time.monotonic`, somebody last did more there than look.

    Time goes fast as in a film: it leaps while Pointman only asks what changed, just before it is answered. So the
    answer tells the new moment, nobody works by an old one, and a slow machine plays the same story as a fast one.
    """

    desk: Desk
    teams: TeamsSandbox | None
    mail: MailSandbox | None

    def __init__(
        self,
        clock: Clock | None = None,
        channels: Iterable[str] = (),
        tracker: str = "jira",
        products: Collection[str] = (),
    ) -> None:
        self.clock = clock or Clock()
        if tracker == "servicenow":
            self.servicenow = ServiceNowState(self.clock)
            self.desk = ServiceNowDesk(self.servicenow)
        else:
            self.jira = JiraState(self.clock)
            self.desk = JiraDesk(self.jira)
        self.slack: SlackSandbox = SlackSandbox(self.clock)
        self.worked = self._polled = time.monotonic()
        self.speed = self.clock.speed
        self.server = Server(self.desk.handle, self.clock)
        self.server.noticed = self.slack.server.noticed = self._noticed
        self.members = {}
        for username, address, name in self.desk.people():
            self.members[username] = self.slack.state.person(username, address, name)
        for name in channels:
            self.slack.state.channel(name)
        self.teams = self._teams(channels) if "teams" in products else None
        self.mail = self._mail() if "email" in products else None

    def __enter__(self) -> World:
        self.server.start()
        self.slack.start()
        if self.teams is not None:
            self.teams.start()
        if self.mail is not None:
            self.mail.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.close()
        if self.teams is not None:
            self.teams.stop()
        if self.mail is not None:
            self.mail.stop()
        self.slack.stop()
        self.server.stop()

    def connect(self, url: str, secret: str) -> None:
        """From now on tell the app at this address what happens, as both products do."""
        self.desk.connect(url, secret)
        self.slack.people.hook = f"{url}/hooks/slack"
        if self.teams is not None:
            self.teams.people.hook = f"{url}/hooks/msteams"

    def fingerprint(self, but: Collection[str] = ()) -> tuple[object, ...]:
        """Everything that people can see, but for some tickets, as one value: it is equal when nothing changed."""
        beside = ((s.place, s.at, s.text, s.buttons) for s in said(self) if not s.tickets & set(but))
        return (*super().fingerprint(but), *beside)

    def hurry(self, speed: float, slow: float = SLOW) -> None:
        """From now on time goes so fast while nothing happens, and at most `slow` while something does."""
        self.speed = speed
        if self.clock.speed != min(speed, slow):
            self.clock.run(min(speed, slow))

    def _noticed(self, asked: Asked) -> None:
        """Asking what changed is no work: Pointman does it all day, and meanwhile time may leap."""
        now = time.monotonic()
        if not self.desk.asks_what_changed(asked):
            self.worked = self.worked if self.desk.belongs_to_that(asked) else now
            return
        passed, self._polled = now - self._polled, now
        if now - self.worked > BUSY and self.speed > self.clock.speed:
            self.clock.advance(timedelta(seconds=min(LEAP, (self.speed - self.clock.speed) * passed)))

    # ---- what people do

    def create(self, by: str, fields: Mapping[str, Any], kind: str = "Incident") -> str:
        """Somebody creates a ticket; its key. Raises LookupError where a field or an option is not there."""
        return self.desk.create(by, fields, kind)

    def change(self, by: str, key: str, fields: Mapping[str, Any]) -> None:
        """Somebody changes fields of a ticket. Raises LookupError."""
        self.desk.change(by, key, fields)

    def comment(self, by: str, key: str, text: str) -> None:
        """Somebody comments on a ticket."""
        self.desk.comment(by, key, text)

    def move(self, by: str, key: str, status: str) -> None:
        """Somebody brings a ticket to a status. Raises LookupError where no transition leads there."""
        self.desk.move(by, key, status)

    def click(self, by: str, post: Post, label: str) -> Delivered:
        """Somebody clicks a button; status 0 where the app cannot be reached. Raises LookupError: no such button."""
        try:
            return self.slack.people.click(self.members[by], post.message, html.escape(label, quote=False))
        except requests.RequestException:
            return Delivered(0, "no answer")

    def say(self, by: str, place: str, text: str) -> None:
        """Somebody writes into a channel."""
        self.slack.state.say(self.members[by], self.channel(place), text)

    def outage(self, product: str, begin: datetime, end: datetime) -> None:
        """From one moment to another every call to this product is answered 503."""
        teams = self.teams.server if self.teams is not None else self.server
        server = {"slack": self.slack.server, "teams": teams}.get(product, self.server)
        answer = Answer(503, {"ok": False, "error": "service_unavailable"})
        server.fail(Fault(lambda _: begin <= self.clock.now() < end, answer, times=FOREVER))

    def _teams(self, channels: Iterable[str]) -> TeamsSandbox:
        """A Teams with the same people and channels."""
        made = TeamsSandbox(self.clock)
        made.server.noticed = self._noticed
        for username, address, name in self.desk.people():
            made.state.person(username, address, name)
        for channel in channels:
            made.state.channel(channel.removeprefix("#").capitalize())
        return made

    def _mail(self) -> MailSandbox:
        """A mail server with a mailbox for everybody, for the channel's list and for Pointman."""
        from sandbox.mail import MailSandbox

        made = MailSandbox(self.clock)
        made.state.account(OURS, MAIL_PASSWORD)
        made.state.mailbox("incidents@example.org", "Incidents")
        made.state.mailbox("customers@example.org", "Customers")
        for _, address, name in self.desk.people():
            if address:
                made.state.mailbox(address, name)
        return made
