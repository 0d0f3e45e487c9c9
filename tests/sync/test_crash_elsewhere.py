"""Dies before and after every outside call over a real ServiceNow, a Teams bot and a mail server, and starts again.

Neither Teams nor a mail server can be searched: what was in flight may be told again, once for each death, and says so;
a mail that is sent again has the Message-ID that it had. The ticket's own log is never told twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from connectors.base import Connector, Sink, Tracker
from connectors.errors import ConnectorError
from connectors.model import Command, Message, User
from rules.model import RuleSet
from sandbox.elsewhere import MARK, Said, said
from sandbox.mail import Hitch
from sandbox.servicenow.desk import ServiceNowDesk
from sync import config
from sync.ledger import Ledger
from sync.look import Engine
from sync.run import connect, read_rules
from tests.combination import Products, install, products
from tests.sync.fate import Died, Fate, die, watched

pytestmark = [pytest.mark.uncounted, pytest.mark.long(18), pytest.mark.usefixtures("silent")]

RULES = """
[defaults]
timezone = "UTC"
[people]
tom = { email = "tom@example.org" }
[teams]
payments = { lead = "tom", members = ["tom"] }
[services]
checkout = { team = "payments", criticality = "critical" }
[[classify]]
id = "down"
when = 'mentions(summary, "down")'
set = { severity = "high" }
[[assign]]
id = "team"
when = 'service'
team = "service.team"
[[notify]]
id = "card"
when = 'severity == "high"'
to = ["place:incidents"]
text = "**{{ key }}** {{ summary }}: {{ severity }}, {{ phase }}"
buttons = ["acknowledge", "take"]
worth_telling = ["severity"]
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
text = "{{ key }}: nobody has acknowledged."
steps = [{ after = "5m", to = ["lead:team", "email:boss@example.org"] }]
[[notify]]
id = "news"
on = ["acknowledged", "resolved"]
to = ["place:incidents"]
text = "{{ key }} {{ changed }}"
"""
BOSS = "mail:boss@example.org"


@dataclass(frozen=True)
class Installed:
    """The products, the configuration that names them, and the rules."""

    made: Products
    config: config.Config
    rules: RuleSet


class Mortal:
    """One life after another over the same products, where one ticket is all there is."""

    def __init__(self, there: Installed, fate: Fate | None = None) -> None:
        self.made, self.config, self.rules = there.made, there.config, there.rules
        self.fate, self.crashes = fate or Fate(), 0
        self.wake: datetime | None = None
        self.clicks = self.tries = 0
        self._clear()
        desk = self.made.desk
        self.key = desk.create("ann", {"Summary": "Checkout is down", "Service": "Checkout (prod)"}, "Incident")
        self.ref = desk.ticket(self.key).id
        self.connectors: Mapping[str, Connector] = {}
        self._born()

    def _clear(self) -> None:
        """Nothing is left of what another one saw."""
        assert isinstance(self.made.desk, ServiceNowDesk)
        assert self.made.teams is not None
        assert self.made.mail is not None
        for key in frozenset(self.made.desk.keys()):
            self.made.desk.state.delete(key)
        for place in self.made.teams.state.conversations.values():
            place.messages.clear()
        for box in self.made.mail.state.mailboxes.values():
            box.mails.clear()
        self.made.mail.state.heal()

    def _born(self) -> None:
        """A new process, which knows nothing but its configuration."""
        self.close()
        self.connectors = connect(self.config)
        tracker = self.connectors[self.config.tracker]
        assert isinstance(tracker, Tracker)
        sinks: dict[str, Sink[Message]] = {n: each for n, each in self.connectors.items() if isinstance(each, Sink)}
        watched(tracker, ("get", "write"), self.fate)
        for sink in sinks.values():
            watched(sink, ("put", "find", "retire"), self.fate)
        self.engine = Engine(tracker, sinks, self.rules, self.config.site(), self._ticking)

    def _ticking(self) -> datetime:
        """A clock that nobody reads twice without time passing."""
        self.made.clock.advance(timedelta(milliseconds=1))
        return self.made.clock.now()

    def _reborn(self) -> None:
        """It dies, and ten seconds later another one sweeps."""
        self.crashes += 1
        self.made.clock.advance(timedelta(seconds=10))
        self._born()
        self.wake = None
        try:
            self.engine.begin_sweep()
            for page in self.engine.tracker.open(self.engine.reaching(self.made.clock.now() - self.config.grace)):
                for ticket in page:
                    answer = self.engine.consider(ticket)
                    if answer is True:
                        self._look()
                    elif isinstance(answer, datetime):
                        self.wake = answer
        except Died:
            self._reborn()

    def close(self) -> None:
        for connector in self.connectors.values():
            connector.close()

    def look(self) -> None:
        self.tries += 1
        try:
            self._look()
        except Died:
            self._reborn()
        self.tries += 1

    def _look(self) -> None:
        try:
            self.wake = self.engine.look(self.ref)
        except ConnectorError:
            self.wake = self.made.clock.now() + timedelta(minutes=1)

    def click(self, verb: str) -> None:
        """Tom clicks, and again where he was told nothing: it is another click then."""
        for _ in range(5):
            self.clicks, self.tries = self.clicks + 1, self.tries + 1
            by = User("", "tom", "tom@example.org")
            asked = Command(self.ref, verb, by, "email", at=self.made.clock.now(), id=f"{self.key}-{self.clicks}")
            try:
                said = self.engine.command(asked)
            except Died:
                self._reborn()
            else:
                assert said.startswith(("You ", f"{self.key} is acknowledged already")), said
                return self.look()
        raise AssertionError("a click never went through")

    def later(self, minutes: float) -> None:
        """Time passes, with every wake on the way."""
        target = self.made.clock.now() + timedelta(minutes=minutes)
        while self.wake is not None and self.wake <= target:
            self._to(max(self.wake, self.made.clock.now() + timedelta(seconds=1)))
            self.look()
        self._to(target)

    def _to(self, moment: datetime) -> None:
        self.made.clock.advance(max(moment - self.made.clock.now(), timedelta(0)))

    # -- what can be seen

    def left(self) -> object:
        """What would be there if the process died now, and what was being tried, which goes on; milliseconds aside."""
        assert isinstance(self.made.desk, ServiceNowDesk)
        return self.tries, repr(self.made.desk.state.records), self.told()

    def told(self) -> tuple[Said, ...]:
        return said(self.made, "")  # type: ignore[arg-type]  # Slack is not looked at

    def lines(self) -> list[str]:
        """What its log says happened, without moments and what comes next."""
        past = (note.text.partition("What happens next")[0] for note in self.made.desk.ticket(self.key).remarks)
        lines = [line[8:] for text in past for line in text.splitlines() if line.startswith("- ")]
        return sorted(re.sub(r"^tell .*(?= \(news\))", "tell", line) for line in lines)  # of what, a death forgets

    def counted(self) -> Counter[tuple[str, ...]]:
        """Every message by its place, as it was first told, without the mark."""
        return Counter((one.place, one.words.replace(self.key, "KEY")) for one in self.told())

    def standing(self) -> set[tuple[object, ...]]:
        """Every message as it says now. Buttons are no part of it: they stay on a call of an earlier life in Teams."""
        plain = (one.text.replace(f"({MARK})", "").replace(self.key, "KEY") for one in self.told())
        texts = [" ".join(re.sub(r"https?://\S+", "", text).split()) for text in plain]
        return {(one.place, text) for one, text in zip(self.told(), texts, strict=True)}

    def end(self) -> tuple[object, ...]:
        """Where the ticket ended: what people see of it, and whether anything is still claimed."""
        ticket = self.made.desk.ticket(self.key)
        read = self.engine.tracker.get(self.ref)
        words = tuple(ticket.words[name] for name in ("severity", "team", "assignee", "status"))
        return (*words, Ledger.loads(read.ledger, read.ref).open_claims() == {})


def live(mortal: Mortal) -> Mortal:
    """A ticket is made, nobody acknowledges for five minutes, then Tom does; later it is resolved."""
    mortal.look()
    mortal.later(9)
    mortal.click("acknowledge")
    mortal.later(5)
    mortal.made.desk.move("tom", mortal.key, "Resolved")
    mortal.look()
    mortal.later(10)
    return mortal


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "rules.toml").write_text(RULES)
    with products("servicenow", {"teams", "email"}) as made:
        read = config.load(install(folder / "installed", made, folder / "rules.toml"))
        yield Installed(made, read, read_rules(read))


@dataclass(frozen=True)
class Calm:
    """A life without faults."""

    calls: int
    effects: int
    deaths: tuple[tuple[int, str], ...]
    counted: Counter[tuple[str, ...]]
    standing: set[tuple[object, ...]]
    lines: list[str]
    end: tuple[object, ...]


@pytest.fixture(scope="module")
def calm(there: Installed) -> Calm:
    mortal = Mortal(there)
    mortal.fate.left = mortal.left
    live(mortal).close()
    fate = mortal.fate
    effects = fate.calls - fate.names.count("get")
    return Calm(
        fate.calls, effects, tuple(fate.deaths), mortal.counted(), mortal.standing(), mortal.lines(), mortal.end()
    )


def extra(mortal: Mortal, calm: Calm) -> int:
    """Nothing is lost; how many messages are there beside those of a life without faults. All of those say so."""
    found = mortal.counted()
    assert calm.counted - found == Counter(), "lost"
    more = (found - calm.counted).total()
    told = mortal.told()
    assert sum(one.marked for one in told) >= more, "whatever may be a repeat says so"
    ids = Counter((one.place, one.id) for one in told if one.id)
    again = {(one.place, one.id) for one in told if one.marked and one.id}
    assert {key for key, times in ids.items() if times > 1} <= again
    assert len(ids) == sum(1 for place, _ in calm.counted.elements() if place.startswith("mail:")), "the same ids"
    assert calm.standing <= mortal.standing()
    assert calm.end == mortal.end()
    assert calm.lines == mortal.lines(), "the log says everything, and nothing twice"
    return more


def test_the_life_that_is_told_is_long_enough_to_break(calm: Calm) -> None:
    print(calm)
    assert calm.counted.total() == 8
    assert calm.calls >= 25
    assert len(calm.deaths) >= calm.effects >= 20, "whatever is done makes a difference"


def test_dying_once_anywhere_loses_nothing_and_doubles_at_most_what_was_in_flight(there: Installed, calm: Calm) -> None:
    worst = 0
    for death in calm.deaths:
        mortal = live(Mortal(there, Fate({death: die})))
        mortal.close()
        assert mortal.crashes == 1, death
        more = extra(mortal, calm)
        assert more <= 1, death
        worst = max(worst, more)
    assert worst == 1, "if nothing is ever doubled the test does not reach the hard moment"


HITCHES = {
    "busy at the greeting": Hitch("connect", "421 4.3.2 come back later", times=2),
    "451 for the sender": Hitch("mail", "451 4.7.1 try again later", times=2),
    "451 for the recipient": Hitch("rcpt", "451 4.7.1 greylisted", times=2),
    "451 after the mail": Hitch("end", "451 4.3.0 try again later", times=2),
}


@pytest.mark.parametrize("why", HITCHES)
def test_a_mail_server_that_says_later_gets_every_mail_once(there: Installed, calm: Calm, why: str) -> None:
    mortal = Mortal(there)
    assert there.made.mail is not None
    there.made.mail.state.hitch(HITCHES[why])
    assert extra(live(mortal), calm) == 0
    mortal.close()


def test_a_mail_that_was_taken_without_an_answer_comes_again_with_its_own_id(there: Installed, calm: Calm) -> None:
    mortal = Mortal(there)
    assert there.made.mail is not None
    there.made.mail.state.hitch(Hitch("end", done=True, drop=True))
    assert extra(live(mortal), calm) == 1
    first, again = [one for one in mortal.told() if one.place == "mail:incidents@example.org"][:2]
    assert (first.id, first.marked, again.marked) == (again.id, False, True)
    mortal.close()


def test_a_refused_recipient_costs_nobody_else_a_mail_and_is_told_on_the_ticket(there: Installed, calm: Calm) -> None:
    mortal = Mortal(there)
    assert there.made.mail is not None
    there.made.mail.state.hitch(Hitch("rcpt", "550 5.1.1 no such user", times=10**6, to="boss@example.org"))
    live(mortal)
    missing = calm.counted - mortal.counted()
    assert [place for place, _ in missing.elements()] == [BOSS]
    assert mortal.counted() - calm.counted == Counter()
    assert any("could not call boss@example.org" in line and "550" in line for line in mortal.lines())
    mortal.close()
