"""A missed clock: looks may come late, seldom, and at a time that jumps back; the calls are those of a dense run.

The oracle below says in a few lines what a ladder promises: per place the latest moment that is past is made, if its
condition was true then and still is, and what was called covers all that was due by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.model import Change, Ticket, User
from rules import load
from rules.model import Escalate, Repeat, RuleSet
from sync import deeds
from sync.effects import World
from sync.ledger import Act, Claim, Ledger, Outcome
from sync.plan import make_plan
from sync.trial import ME
from tests.world import MORNING

RULES = """
[defaults]
timezone = "UTC"
[scales]
severity = ["low", "high"]
[[escalate]]
id = "ladder"
when = 'not acknowledged'
steps = [{ after = "10s", to = ["slack:#a"] },
         { after = "25s", to = ["slack:#b"], when = 'not hold' },
         { after = "40s", to = ["slack:#a", "slack:#b"] },
         { after = "55s", to = ["slack:#b"], when = 'not hold' },
         { after = "70s", to = ["slack:#a"] }]
"""
AGAIN = Repeat(timedelta(seconds=15), 3)
"""What no file may say, being faster than anybody answers: here seconds stand for minutes."""
DUES = {"#a": (10, 40, 70, 85, 100, 115), "#b": (25, 40, 55)}
HELD, FREED, TAKEN = 20, 50, 105
"""Seconds: from when until when it is on hold, and when somebody acknowledges it."""
END = 130

STILL = """
[defaults]
timezone = "UTC"
[scales]
severity = ["low", "high"]
[[escalate]]
id = "still"
when = 'acknowledged'
since = "acknowledged"
steps = [{ after = "30s", to = ["slack:#a"] }, { after = "50s", then = "unacknowledge" }]
"""


@cache
def rules(text: str) -> RuleSet:
    made = load.parse({"10.toml": text}, connectors=("slack",))
    (rule,) = made.of("escalate")
    assert isinstance(rule, Escalate)
    return replace(made, rules=(rule if rule.id == "still" else replace(rule, repeat=AGAIN),))


def second(count: int) -> datetime:
    return MORNING + timedelta(seconds=count)


def ticket(seen: int) -> Ticket:
    """The ticket as it is read when the tracker has come to that second."""
    ann = User("1", "ann")
    changes = (
        Change(second(HELD), "hold", None, True, ann),
        Change(second(FREED), "hold", True, None, ann),
        Change(second(TAKEN), "acknowledged", None, second(TAKEN), ann),
    )
    history = tuple(change for change in changes if change.at <= second(seen))
    fields = {"severity": "high", "hold": HELD <= seen < FREED or None}
    return Ticket("1", "OPS-1", "Down", MORNING, MORNING, fields=fields, history=history, source="test")


@dataclass
class Process:
    """Looks at a ticket now and then. `calls` are second, place and the moment that it is about; `acts` are seconds."""

    text: str
    ledger: Ledger = field(default_factory=lambda: Ledger("1"))
    calls: list[tuple[int, str, int]] = field(default_factory=list)
    acts: list[int] = field(default_factory=list)

    def look(self, read: Ticket, at: int) -> None:
        now = second(at)
        world = World(products=("slack",), editable=frozenset({"slack"}), searchable=frozenset({"slack"}), me=ME)
        plan = make_plan(read, self.ledger, rules(self.text), world, now)
        self.ledger = plan.ledger
        for effect in plan.owed:
            if effect.sort == "act":
                self.acts.append(at)
            elif effect.sort == "call":
                claim = Claim(now, effect.moment, effect.digest, effect.to, effect.mark)
                made = Outcome(effect.key, ref=str(len(self.calls)), done=True)
                self.ledger = self.ledger.claimed(effect.key, claim).recorded(made, now)
                due = round((effect.moment - MORNING).total_seconds())
                self.calls.append((at, effect.address, due))
        self.ledger = deeds.done(plan.owed, self.ledger, now)


def promised(looks: list[int]) -> list[tuple[int, str, int]]:
    """What is called at which look, by the promise alone."""
    made, seen = [], 0
    covered = dict.fromkeys(DUES, 0)
    for at in looks:
        seen = max(seen, at)
        if seen >= TAKEN:
            continue
        held = HELD <= seen < FREED
        for place, dues in DUES.items():
            conditional = {25, 55} if place == "#b" else set()
            due = [
                one
                for one in dues
                if covered[place] < one <= at and not (one in conditional and (held or HELD <= one < FREED))
            ]
            if due:
                made.append((at, place, max(due)))
                covered[place] = at
    return made


def run(looks: list[int]) -> list[tuple[int, str, int]]:
    process, seen = Process(RULES), 0
    for at in looks:
        seen = max(seen, at)
        process.look(ticket(seen), at)
    return process.calls


@cache
def dense() -> frozenset[tuple[str, int]]:
    return frozenset((place, due) for _, place, due in run(list(range(1, END))))


moments = st.lists(st.integers(1, END), max_size=12)


def test_a_dense_run_calls_everybody_at_their_moment() -> None:
    calls = run(list(range(1, END)))
    assert calls == promised(list(range(1, END)))
    assert calls == [
        (10, "#a", 10),
        (40, "#a", 40),
        (40, "#b", 40),
        (55, "#b", 55),
        (70, "#a", 70),
        (85, "#a", 85),
        (100, "#a", 100),
    ]


@settings(max_examples=60, deadline=None)
@given(moments.map(sorted))
@example([100])
@example([45, 46, 104])
def test_looks_at_any_moments_make_the_calls_of_the_dense_run_the_latest_of_each_place(looks: list[int]) -> None:
    calls = run(looks)
    assert calls == promised(looks)
    assert {(place, due) for _, place, due in calls} <= dense()
    assert len({(place, due) for _, place, due in calls}) == len(calls), "nobody twice for one moment"


@settings(max_examples=60, deadline=None)
@given(moments)
@example([100, 10, 40, 70, 100])
def test_a_clock_that_jumps_back_calls_nobody_twice(looks: list[int]) -> None:
    calls = run(looks)
    assert calls == promised(looks)
    assert len({(place, due) for _, place, due in calls}) == len(calls)


@settings(max_examples=60, deadline=None)
@given(moments.map(sorted))
@example([120])
@example([29, 31, 50, 51, 60])
def test_silence_is_counted_from_the_question_whenever_that_was_and_has_one_consequence(looks: list[int]) -> None:
    process = Process(STILL, Ledger("1", acts=(Act("a", MORNING, "ann", "acknowledge"),)))
    for at in looks:
        process.look(Ticket("1", "OPS-1", "Down", MORNING, MORNING, fields={}, source="test"), at)
    asked = next((at for at in looks if at >= 30), None)
    acted = next((at for at in looks if asked is not None and at >= max(50, asked + 20)), None)
    assert [at for at, _, _ in process.calls] == ([asked] if asked is not None else [])
    assert process.acts == ([acted] if acted is not None else [])
