"""Commands end to end: what people type, click and choose in a Slack in a box stands on a Jira in a box."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from connectors.slack import Slack
from rules import load
from sandbox.clock import Clock
from sandbox.slack import Channel, Person, SlackSandbox
from sandbox.slack.world import Json, Message, View
from sync.intake import Intake
from sync.look import Engine, Site
from sync.queue import MemoryQueue
from tests.connectors import jiras, slack_workspace

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RULES = """
[defaults]
timezone = "UTC"
[scales]
severity = ["low", "medium", "high"]
[people]
ann = { email = "ann@example.org" }
bob = { email = "bob@example.org" }
[services]
checkout = {}
[roles]
poc = { title = "Point of contact" }
commander = { title = "Incident commander" }
[permissions]
resolve = ["role:poc"]
[[notify]]
id = "card"
when = 'severity == "high"'
to = ["slack:#incidents"]
text = "{{ key }}: {{ summary }}, {{ poc or 'nobody' }}"
buttons = ["claim:poc", "hold", "resolve"]
"""


@dataclass
class Office:
    """People at a Slack, whose commands go through the real intake to a Jira."""

    jira: jiras.World
    box: SlackSandbox
    slack: Slack
    intake: Intake
    queue: MemoryQueue
    incidents: Channel
    ann: Person
    bob: Person

    def deliver(self, body: bytes) -> None:
        """What Slack sends; everything that follows is over when this answers."""
        signed = self.box.people.signed(body)
        request = slack_workspace.Request({n.lower(): v for n, v in signed.headers.items()}, signed.body)
        for command in self.slack.receive(request, self.box.state.now()).signals:
            assert self.intake.heard(command).wait(10)
        wait(list(self.intake._asked), 10)
        assert self.queue.drain(timedelta(seconds=10))
        self.jira.clock.advance(timedelta(seconds=2))

    def types(self, by: Person, text: str) -> None:
        self.deliver(urlencode(self.box.people.typed(by, self.incidents, text)).encode())

    def interacts(self, payload: Json) -> None:
        self.deliver(self.box.people.form(payload))

    def submits(self, **values: str) -> None:
        (view,) = self.box.state.views.values()
        self.box.state.views.clear()
        self.interacts(self.box.people.submitted(view, values))

    @property
    def view(self) -> View:
        (view,) = self.box.state.views.values()
        return view

    def asked(self) -> list[str]:
        return [block["block_id"] for block in self.view.view["blocks"]]

    def heard(self, by: Person) -> str:
        """What only this person was told last."""
        note = [note for note in self.box.state.notes if note.user == by.id][-1]
        self.box.state.notes.clear()
        return note.text

    def card(self) -> Message:
        return next(self.incidents.top())


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    clock = Clock(MORNING, speed=0)
    with jiras.world("cloud", clock) as jira, SlackSandbox(clock) as box:
        slack, incidents = slack_workspace.connector(box), box.state.channel("#incidents")
        ann, bob = (box.state.person(key, f"{key}@example.org", key.capitalize()) for key in ("ann", "bob"))
        rules = load.parse({"rules.toml": RULES}, connectors=("jira", "slack"))
        engine = Engine(jira.jira, {"slack": slack}, rules, Site(), lambda: jira.jira.now() or clock.now())
        queue = MemoryQueue(engine.look, engine.urgency, engine.clock, workers=2)
        intake = Intake(jira.jira, engine, queue, {"slack": slack}, engine.clock)
        queue.start()
        yield Office(jira, box, slack, intake, queue, incidents, ann, bob)
        intake.close()
        queue.stop(timedelta(seconds=5))
        slack.close()


def test_an_incident_lives_in_slack_from_its_declaration_on(office: Office) -> None:
    people = office.box.people

    office.types(office.ann, "new")
    assert office.asked() == ["summary", "severity", "service"]
    office.submits(summary="Checkout is down", severity="high", service="checkout")
    said = office.heard(office.ann)
    key = said.partition(" ")[0]
    ticket = office.jira.jira.get(key)
    assert said == f"{key} is declared: Checkout is down."
    assert (ticket.fields["severity"], ticket.fields["service"]) == ("high", "checkout")
    assert office.card().text == f"{key}: Checkout is down, nobody"

    office.interacts(people.clicked(office.ann, office.card(), "Be point of contact"))
    assert office.heard(office.ann) == f"You are point of contact of {key}."
    assert office.card().text == f"{key}: Checkout is down, ann"
    assert [button["text"]["text"] for button in office.card().buttons] == ["Hold…", "Resolve"]

    office.interacts(people.clicked(office.bob, office.card(), "Hold…"))
    assert office.asked() == ["reason"]
    office.submits(reason="the vendor")
    assert office.heard(office.bob) == f"{key} is on hold: the vendor."

    wrote = office.box.state.say(office.bob, office.incidents, "they &amp; we restart it", thread_ts=office.card().ts)
    office.interacts(people.chosen(office.ann, wrote, "pointman_timeline"))
    assert office.heard(office.ann) == f"It is on {key}."
    elsewhere = office.box.state.say(office.bob, office.box.state.channel("#random"), "the log is full")
    office.interacts(people.chosen(office.ann, elsewhere, "pointman_timeline"))
    assert office.asked() == ["ticket", "text"]
    office.submits(ticket=key.lower(), text="the log was full")
    assert office.heard(office.ann) == f"It is on {key}."
    comments = [c.text for c in office.jira.jira.get(key).comments if "through Pointman" in c.text]
    assert [text.partition("\n\n")[2].replace("\\", "") for text in comments] == [
        "bob wrote:\n\nthey & we restart it", "bob wrote:\n\nthe log was full",
    ]  # fmt: skip
    assert all("https://sandbox.slack.com/archives/" in text for text in comments)

    office.interacts(people.clicked(office.bob, office.card(), "Resolve"))
    assert office.heard(office.bob) == f"Only role:poc (ann) may resolve {key}."
    office.types(office.ann, f"handover poc to <@{office.bob.id}|bob> for {key}")
    assert office.heard(office.ann) == f"bob is point of contact of {key} now."
    office.types(office.bob, "mine")
    assert office.heard(office.bob) == f"• {key} Checkout is down: high, new (point of contact)"
    office.types(office.bob, f"resolve {key}")
    assert office.heard(office.bob) == f"You resolved {key}."
    assert office.jira.jira.get(key).phase == "resolved"
    log = next(c.text for c in office.jira.jira.get(key).comments if "Pointman log" in c.text)
    assert "bob is point of contact, named by ann" in log


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write one of these, with the ticket's key."),
        ("acknowlege OPS-1", "Did you mean acknowledge?"),
        ("status OPS-404", "There is no ticket OPS-404, or Pointman may not see it."),
    ],
)
def test_what_cannot_be_done_is_answered_to_the_person_alone(office: Office, typed: str, said: str) -> None:
    office.types(office.ann, typed)
    assert office.heard(office.ann).startswith(said)


def test_the_global_shortcut_is_answered_directly(office: Office) -> None:
    office.interacts(office.box.people.chosen_anywhere(office.bob, "pointman_declare"))
    office.submits(summary="Mail is slow")
    direct = [message.text for message in office.box.state.direct(office.bob.id).messages]
    assert [text.partition(" ")[2] for text in direct] == ["is declared: Mail is slow."]
