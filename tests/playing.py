"""People in a combination of products: what they do, what Pointman told them, and how their ticket stands.

Each messenger has a hand of its own: a click in Slack, a signed invoke in Teams, a link and a reply in a mail. A
channel that is told by a webhook has none.
"""

from __future__ import annotations

import html
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, ClassVar, Final

import requests
from structlog.testing import capture_logs

from connectors.email import Email
from rules.facts import Facts
from sandbox.elsewhere import said
from sandbox.mail.people import Letter
from sandbox.teams.cards import words
from sandbox.teams.people import SAID
from sandbox.teams.world import ADAPTIVE
from sync import config
from sync.acts import with_acts
from sync.ledger import Ledger
from sync.run import Parts, assemble, read_rules
from sync.server import Hooks, Server, app
from tests.combination import PUBLIC, SOON, Messenger, Products, Tracker, install, products, until
from tests.connectors.post_office import OURS, PASSED

HELD: Final = {"jira": "Waiting", "servicenow": "On Hold"}
Words = tuple[str, str]
"""What is asked for in words: the verb, and what belongs to it."""
IN_WORDS: Final[Mapping[str, Words]] = {
    "Acknowledge": ("acknowledge", ""),
    "Take it": ("take", ""),
    "Resolve": ("resolve", ""),
    "Be incident commander": ("claim", "commander"),
}
"""What a button says, as a reply says it."""
ANSWERS: Final = frozenset({"Remind me later"})
"""Buttons that change nothing of what stands over them: in Teams they are answered with a sentence."""


class Hand(ABC):
    """How people answer in one messenger, and how many messages stand there."""

    answers: ClassVar[bool] = True

    def __init__(self, made: Products, parts: Parts, url: str) -> None:
        self.made, self.parts, self.url = made, parts, url

    @abstractmethod
    def press(self, by: str, key: str, label: str) -> None:
        """Press the button with this label under the newest message about the ticket that has it."""

    @abstractmethod
    def ask(self, by: str, key: str, words: Words) -> None:
        """Ask for something in words, and wait until it is answered."""

    @abstractmethod
    def messages(self) -> int:
        """How many messages Pointman has put there, without its answers to somebody alone."""

    @abstractmethod
    def told(self, place: str) -> list[str]:
        """What stands at a place of the rules, oldest first, as people read it."""


class InSlack(Hand):
    """A click on a button, a slash command; both are answered to the person alone."""

    def press(self, by: str, key: str, label: str) -> None:
        box = self._box
        offered = [m for c in box.state.channels.values() for m in c.messages if key in m.text and m.bot_id]
        label = html.escape(label, quote=False)
        there = [m for m in offered if label in {b["text"]["text"] for b in m.buttons}]
        notes = len(box.state.notes)
        assert box.people.click(self._person(by), max(there, key=lambda m: float(m.ts)), label).status == 200
        until(lambda: len(box.state.notes) > notes)

    def ask(self, by: str, key: str, words: Words) -> None:
        notes = len(self._box.state.notes)
        verb, rest = words
        channel = self._box.state.channel("#incidents")
        assert self._box.people.command(self._person(by), channel, f"{verb} {key} {rest}").status == 200
        until(lambda: len(self._box.state.notes) > notes)

    def messages(self) -> int:
        return sum(bool(m.bot_id) for c in self._box.state.channels.values() for m in c.messages)

    def told(self, place: str) -> list[str]:
        return [m.text for m in self._box.state.channel(f"#{place}").messages if m.bot_id]

    @property
    def _box(self) -> Any:
        assert self.made.slack is not None
        self.made.slack.people.hook = f"{self.url}/hooks/slack"
        return self.made.slack

    def _person(self, by: str) -> Any:
        return next(p for p in self._box.state.people.values() if p.name == by)


class InTeams(Hand):
    """A click that is an invoke, and a mention of the bot, which is answered in the person's own chat."""

    def __init__(self, made: Products, parts: Parts, url: str) -> None:
        super().__init__(made, parts, url)
        self.answered = 0

    def press(self, by: str, key: str, label: str) -> None:
        state, people = self._box.state, self._box.people
        there = [
            m for c in state.conversations.values() for m in c.messages if key in str(m.card) and _offers(m, label)
        ]
        clicked = max(there, key=lambda m: m.at)
        told = people.click(state.found(f"{by}@example.org"), clicked, label)
        assert (told.status, told.failed) == (200, False), told
        shown = json.loads(told.said)
        assert shown["type"] == (SAID if label in ANSWERS else ADAPTIVE), shown
        if label in ANSWERS:
            return
        until(lambda: clicked.card == shown["value"])  # what the person was shown is what everybody sees

    def ask(self, by: str, key: str, words: Words) -> None:
        state, people = self._box.state, self._box.people
        person = state.found(f"{by}@example.org")
        chat = state.personal(person.id)
        before, (verb, rest) = len(chat.messages), words
        assert people.mention(person, state.channel("Incidents"), f"{verb} {key} {rest}").status == 200
        until(lambda: len(chat.messages) > before)
        self.answered += 1

    def messages(self) -> int:
        return len(said(self.made, "")) - self.answered  # type: ignore[arg-type]  # no Slack is looked at

    def told(self, place: str) -> list[str]:
        return _said(self.made, f"teams:#{place.capitalize()}")

    @property
    def _box(self) -> Any:
        assert self.made.teams is not None
        self.made.teams.people.hook = f"{self.url}/hooks/msteams"
        return self.made.teams


class ByMail(Hand):
    """A link, whose page has a button; a reply, whose first line is what is asked for."""

    def press(self, by: str, key: str, label: str) -> None:
        mine = [m for m in self._box.state.inbox(f"{by}@example.org") if key in m.text and _links(m, label)]
        if not mine:  # the links in a list's mails are nobody's
            return self.ask(by, key, IN_WORDS[label])
        people = self._box.people
        page = people.press(people.follow(mine[-1].link(label).replace(PUBLIC, self.url)))
        until(lambda: "being carried out" not in requests.get(page.url, timeout=10).text)
        assert f"{by}@example.org" in page.text
        return None

    def ask(self, by: str, key: str, words: Words) -> None:
        address = f"{by}@example.org"
        mails = [m for box in (address, "incidents@example.org") for m in self._box.state.inbox(box) if key in m.text]
        before, stop = len(self._answers(address)), Event()
        email = self.parts.connectors["email"]
        assert isinstance(email, Email)
        hears = Thread(target=email.listen, args=(self.parts.intake.heard, stop))
        letter = Letter("\n".join(words).strip(), headers=PASSED)
        self._box.people.reply(mails[-1], f"{by} <{address}>", letter)
        hears.start()
        until(lambda: len(self._answers(address)) > before)
        stop.set()
        hears.join(10)

    def messages(self) -> int:
        everybody = self._box.state.mailboxes.values()
        mails = [m for box in everybody for m in box.inbox() if m.author[1] == OURS]
        return sum(m.header("Auto-Submitted") != "auto-replied" for m in mails)

    def told(self, place: str) -> list[str]:
        return _said(self.made, f"mail:{place}@example.org")

    def _answers(self, address: str) -> list[Any]:
        inbox = self._box.state.inbox(address)
        return [mail for mail in inbox if mail.header("Auto-Submitted") == "auto-replied"]

    @property
    def _box(self) -> Any:
        assert self.made.mail is not None
        return self.made.mail


class ByWebhook(Hand):
    """One way: nobody can answer a card that a workflow has posted, so nobody does."""

    answers = False

    def press(self, by: str, key: str, label: str) -> None:
        raise AssertionError("there is no button")

    def ask(self, by: str, key: str, words: Words) -> None:
        raise AssertionError("there is nobody to ask")

    def messages(self) -> int:
        assert self.made.teams is not None
        cards = sum(len(c.messages) for c in self.made.teams.state.conversations.values())
        return cards + ByMail(self.made, self.parts, self.url).messages()

    def told(self, place: str) -> list[str]:
        assert self.made.teams is not None
        posted = self.made.teams.state.channel(place.capitalize()).messages
        return [words(m.card) for m in posted if m.card is not None]


HANDS: Final[Mapping[Messenger, type[Hand]]] = {
    "slack": InSlack, "teams": InTeams, "webhook": ByWebhook, "email": ByMail,
}  # fmt: skip


class Playing:
    """Stories in one combination. `key` is what the ticket of the present one is called; `heard` is what is logged."""

    def __init__(self, made: Products, parts: Parts, hand: Hand, heard: Sequence[MutableMapping[str, Any]]) -> None:
        self.made, self.parts, self.hand, self.heard = made, parts, hand, heard
        self.key = self.ref = ""

    # -- what happens

    def create(self, by: str, **fields: Any) -> None:
        """Somebody makes the ticket that the story is about."""
        people = {username: name for username, _, name in self.made.desk.people()}
        named = {"Reporter": people[by], **_named(fields)}
        self.key = self.made.desk.create(by, named, "Incident")
        self.ref = self.made.desk.ticket(self.key).id
        self.settle()

    def change(self, by: str, **fields: Any) -> None:
        """Somebody changes fields in the tracker."""
        self.made.desk.change(by, self.key, _named(fields))
        self.settle()

    def move(self, by: str, status: str) -> None:
        """Somebody brings the ticket to a status in the tracker; `held` is called otherwise in each."""
        self.made.desk.move(by, self.key, HELD[self.made.desk.name] if status == "held" else status)
        self.settle()

    def press(self, by: str, label: str, instead: Callable[[], None]) -> None:
        """Somebody presses a button where they were told of it; `instead` is what they do where there is none."""
        if not self.hand.answers:
            return instead()
        self.hand.press(by, self.key, label)
        return self.settle()

    def ask(self, by: str, words: Words, instead: Callable[[], None]) -> None:
        """Somebody asks for something in words."""
        if not self.hand.answers:
            return instead()
        self.hand.ask(by, self.key, words)
        return self.settle()

    def later(self, minutes: float) -> None:
        """Time passes, with every wake on the way."""
        self._until(self.made.clock.now() + timedelta(minutes=minutes))

    def at(self, moment: str) -> None:
        """Time passes until `HH:MM` (or `HH:MM:SS`) of that day, with every wake on the way."""
        now = self.made.clock.now()
        self._until(datetime.combine(now, time.fromisoformat(moment), now.tzinfo))

    def _until(self, target: datetime) -> None:
        while (wake := self.parts.queue.next_wake()) is not None and wake <= target:
            self._to(wake)
            self.settle()
        self._to(target)
        self.settle()

    def settle(self) -> None:
        """Look until nothing is owed by then."""
        queue = self.parts.queue
        for _ in range(20):
            queue.put(self.ref)
            assert queue.drain(timedelta(seconds=20))
            wake, now = queue.next_wake(), self.made.clock.now()
            if wake is None or wake - now > SOON:
                return
            self._to(max(wake, now + timedelta(seconds=1)))
        raise AssertionError("it never came to rest")

    def _to(self, moment: datetime) -> None:
        self.made.clock.advance(max(moment - self.made.clock.now(), timedelta(0)))

    # -- how it stands

    def read(self, place: str) -> list[str]:
        """What is told of the ticket at a place of the rules, oldest first, without what each mail ends with."""
        return [text.partition("\n\n-- \n")[0] for text in self.hand.told(place) if self.key in text]

    def end(self) -> Mapping[str, object]:
        """How the ticket stands in the rules' words; what people did through Pointman is part of it."""
        engine = self.parts.engine
        ticket = engine.tracker.get(self.ref)
        ledger = Ledger.loads(ticket.ledger, ticket.ref)
        assert ledger.open_claims() == {}
        assert {k: e.failure for k, e in ledger.entries.items() if e.failure} == {}
        facts = Facts(with_acts(ticket, ledger), engine.rules, engine.clock())
        people = {word: facts[word] for word in ("reporter", "assignee", "commander")}
        return {
            **{word: facts[word] for word in ("severity", "team", "phase")},
            **{word: who.key if who is not None else None for word, who in people.items()},
            "service": facts["service"].name if facts["service"] is not None else None,
            "acknowledged": facts["acknowledged"] is not None,
            "hold": bool(facts["hold"]),
        }


def _said(made: Products, place: str) -> list[str]:
    return [one.text for one in said(made, place)]  # type: ignore[arg-type]  # no Slack is looked at


def _named(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", " ").capitalize(): value for name, value in fields.items()}


def _offers(message: Any, label: str) -> bool:
    return any(action["title"] == label for action in (message.card or {}).get("actions") or ())


def _links(mail: Any, label: str) -> bool:
    return any(link.label == label for link in mail.links)


@contextmanager
def playing(tracker: Tracker, messenger: Messenger, folder: Path, rules: Path) -> Iterator[Playing]:
    """Everything but the sweep at work: the queue, the intake and the server, as `pointman run` has them."""
    with products(tracker, {messenger}) as made, capture_logs() as heard:
        read = config.load(install(folder, made, rules))
        parts = assemble(read, read_rules(read))
        served = Server(app(Hooks(parts.connectors, parts.intake, parts.engine.clock), parts.health), "127.0.0.1", 0)
        parts.queue.start()
        try:
            hand = HANDS[messenger](made, parts, f"http://127.0.0.1:{served.start()}")
            yield Playing(made, parts, hand, heard)
        finally:
            served.stop()
            parts.intake.close()
            parts.close()
