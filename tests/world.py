"""A little world for stories: a tracker, messengers, people and a clock that is moved by hand.

The engine is the real one; the products are the fakes of `connectors.testing`. A restart throws the engine away and
makes a new one from nothing but the tickets, as a new process would.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

from connectors.base import Sink
from connectors.errors import ConnectorError
from connectors.model import Command, Message, User, Value
from connectors.testing import MemoryMessenger, MemoryTracker, Post
from rules import load
from sync.commands import carry_out
from sync.look import Engine, Site
from sync.plan import Plan

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

COMPANY = """
[defaults]
timezone = "UTC"
fallback = ["place:incidents"]
[scales]
severity = ["low", "medium", "high"]
criticality = ["low", "medium", "high", "critical"]
[fields]
affected_users = { type = "number" }
[places.incidents]
slack = "#incidents"
[people]
ann = { slack = "U-ann", memory = "ann" }
tom = { slack = "U-tom", memory = "tom" }
maria = { slack = "U-maria", memory = "maria" }
[teams]
payments = { lead = "maria", members = ["tom", "maria"], schedule = "rota" }
[schedules]
rota = { rotation = ["tom"], handover = "Mon 00:00" }
[services.checkout]
team = "payments"
criticality = "critical"
[audiences]
management = { to = ["slack:#management"] }
"""

RULES = """
[[classify]]
id = "critical-down"
when = 'service.criticality == "critical" and mentions(text, "down")'
set = { severity = "high" }
[[classify]]
id = "many-users"
thresholds.affected_users = { high = 1000, medium = 100 }
[[assign]]
id = "service-team"
when = 'service'
team = "service.team"
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
since = "created"
steps = [{ after = "5m", to = ["on-call:team"] },
         { after = "15m", to = ["lead:team", "place:incidents"] },
         { after = "30m", to = ["audience:management"] }]
repeat = { every = "30m", times = 2 }
[[notify]]
id = "card"
when = 'severity >= "medium"'
to = ["place:incidents"]
text = "**{{ key }}** {{ summary }}: {{ severity }}, {{ assignee or 'nobody yet' }}, {{ phase }}"
buttons = ["acknowledge", "take", "resolve"]
[[notify]]
id = "milestones"
on = ["resolved", "reopened"]
to = ["place:incidents"]
"""


@cache
def _read(company: str, rules: str, connectors: tuple[str, ...]) -> load.RuleSet:
    """Rules are frozen values: a thousand crashes may share one reading of the same text."""
    return load.parse({"00-company.toml": company, "10-rules.toml": rules}, connectors=connectors)


class World:
    """The world of one story. `at` lets time pass; `posts` are all messages, oldest first."""

    def __init__(
        self,
        rules: str = RULES,
        company: str = COMPANY,
        *,
        site: Site | None = None,
        messengers: Callable[[Callable[[], datetime]], dict[str, MemoryMessenger]] | None = None,
    ) -> None:
        self.now = MORNING
        self.company, self.rules_text = company, rules
        self.site = site or Site()
        self.tracker = MemoryTracker(self.clock)
        self.messengers = messengers(self.clock) if messengers else {"slack": MemoryMessenger(self.clock)}
        self.down = False
        self.wakes: dict[str, datetime] = {}
        self._clicks = 0
        self.engine = self._engine()

    def clock(self) -> datetime:
        return self.now

    def _rules(self) -> load.RuleSet:
        return _read(self.company, self.rules_text, ("memory", *self.messengers))

    def _engine(self) -> Engine:
        sinks: dict[str, Sink[Message]] = dict(self.messengers)
        return Engine(self.tracker, sinks, self._rules(), self.site, self.clock)

    # -- what happens to us

    def restart(self) -> None:
        """A new process, which knows nothing but its configuration, sweeps."""
        self.engine = self._engine()
        self.wakes.clear()
        self.down = False
        self.sweep()

    def reload(self, rules: str) -> None:
        """The administrator saves other rules."""
        self.rules_text = rules
        self.engine.replace(self._rules())
        self.sweep()

    def sweep(self) -> None:
        """What the sweep does: consider every ticket of every page, and look where it is needed."""
        self.engine.begin_sweep()
        for page in self.tracker.open(self.engine.reaching(self.now - self.site.grace)):
            for ticket in page:
                answer = self.engine.consider(ticket)
                if answer is True:
                    self.look(ticket.ref)
                elif isinstance(answer, datetime):
                    self.wakes[ticket.ref] = answer

    def look(self, ref: str) -> None:
        """Look now, and remember the wake; a tracker in trouble is asked again in a minute."""
        if self.down:
            return
        try:
            wake = self.engine.look(ref)
        except ConnectorError:
            wake = self.now + timedelta(minutes=1)
        if wake is None:
            self.wakes.pop(ref, None)
        else:
            self.wakes[ref] = max(wake, self.now + timedelta(seconds=1))

    def at(self, moment: str) -> World:
        """Let time pass until `HH:MM` (or `HH:MM:SS`), with every wake on the way."""
        parts = [int(p) for p in moment.split(":")]
        return self.until(MORNING.replace(hour=parts[0], minute=parts[1], second=parts[2] if len(parts) > 2 else 0))

    def later(self, by: timedelta) -> World:
        """Let time pass, with every wake on the way."""
        return self.until(self.now + by)

    def until(self, target: datetime) -> World:
        for _ in range(10_000):
            due = min(((wake, ref) for ref, wake in self.wakes.items() if wake <= target), default=None)
            if due is None or self.down:
                self.now = max(self.now, target)
                return self
            self.now = max(self.now, due[0])
            del self.wakes[due[1]]
            self.look(due[1])
        raise AssertionError("the engine never came to rest")

    # -- what people do

    def ticket(self, key: str = "OPS-1", summary: str = "Checkout is down", **fields: Value) -> str:
        fields.setdefault("service", "checkout")
        ref = self.tracker.ticket(key, summary, **fields)
        self.look(ref)
        return ref

    def person(self, ref: str, by: str = "ann", **changes: Value) -> None:
        self.tracker.person(ref, by, **changes)
        self.look(ref)

    def click(self, verb: str, ref: str, by: str = "ann", **args: str) -> str:
        self._clicks += 1
        asked = Command(ref, verb, User(f"U-{by}", by), "slack", args, at=self.now, id=f"click-{self._clicks}")
        answer = carry_out(asked, self.engine)
        self.look(ref)
        return answer

    # -- what can be seen

    @property
    def posts(self) -> list[Post]:
        return sorted((p for m in self.messengers.values() for p in m.posts), key=lambda p: p.at)

    def said(self, place: str) -> list[str]:
        """The texts that stand at a place, oldest first."""
        return [post.message.text for post in self.posts if post.place == place]

    def field(self, ref: str, word: str) -> Value:
        return self.tracker.tickets[ref].get(word)

    def plan(self, ref: str) -> Plan:
        return self.engine.plan(ref)

    def log(self, ref: str) -> str:
        """The text of our rolling comment, empty where there is none."""
        texts = [c.text for c in self.tracker.tickets[ref].comments if "Pointman log" in c.text]
        return texts[-1] if texts else ""
