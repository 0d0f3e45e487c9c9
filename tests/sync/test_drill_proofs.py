"""What holds of time itself: after a day of downtime, when clocks leap, and however often it is looked.

The metamorphic test: a ticket under rules of every kind, looked at every second, and the same ticket looked at when its
plan asks for it and at random moments between. Both must do the same things at the same moments: so no wake is
missing, and a look that has nothing to do does nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from connectors.model import User
from rules.load import parse
from rules.model import RuleSet
from sync import trial
from sync.drill import language
from sync.drill.play import Player, Setting
from sync.drill.scenario import Scenario
from sync.drill.story import Told
from sync.drill.verdict import Outcome, run
from sync.trial import Trial

pytestmark = [pytest.mark.uncounted, pytest.mark.usefixtures("silent")]

COMPANY = """
[defaults]
timezone = "Europe/Berlin"
fallback = ["place:incidents"]
[fields]
security = { type = "flag" }
clock_text = { type = "text" }
[places.incidents]
slack = "#incidents"
[calendars]
desk = { hours = { mon-fri = "08:00-09:04,09:06-18:00" } }
[people]
ann = { email = "ann@example.org" }
tom = { email = "tom@example.org" }
maria = { email = "maria@example.org" }
[schedules]
rota = { rotation = ["tom", "maria"], handover = "09:05" }
[teams]
payments = { lead = "maria", members = ["ann", "tom"], schedule = "rota" }
[services.checkout]
team = "payments"
criticality = "critical"
rto = "10m"
rpo = "15m"
departments = ["sales"]
[departments]
sales = { to = ["email:sales@example.org"] }
[audiences.customers]
external = true
fields = ["service", "next_update"]
to = ["email:status@customers.example"]
"""
RULES = """
[[restrict]]
id = "closed"
when = 'security'
to = ["members:payments"]
[[classify]]
id = "down"
when = 'service.criticality == "critical" and mentions(text, "down")'
set = { severity = "high" }
[[assign]]
id = "team"
when = 'service'
team = "service.team"
pick = "on-call"
[[channel]]
id = "room"
when = 'severity == "high"'
channel = "inc-{{ key }}"
archive_after = "1m"
[[escalate]]
id = "ladder"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "1m", to = ["on-call:team"] }, { after = "2m", to = ["lead:team", "place:incidents"] }]
repeat = { every = "90s", times = 3 }
[[escalate]]
id = "quiet"
when = 'acknowledged and not hold'
since = "changed"
steps = [{ after = "2m", to = ["assignee"] }]
[[escalate]]
id = "desk"
when = 'severity == "high"'
calendar = "desk"
steps = [{ after = "5m", to = ["lead:team"] }]
[[objective]]
id = "restored"
goal = "rto"
pause = 'hold'
field = "clock_text"
steps = [{ at = "50%", to = ["lead:team"] }, { before = "2m", to = ["on-call:team"] }]
[[objective]]
id = "data"
goal = "rpo"
steps = [{ at = "100%", to = ["slack:#m"] }]
[[notify]]
id = "card"
when = 'severity == "high"'
to = ["place:incidents"]
text = "{{ key }} {{ severity }} {{ phase }} {{ assignee or 'nobody' }}"
buttons = ["acknowledge"]
[[notify]]
id = "news"
on = ["acknowledged", "hold", "resumed", "resolved", "reopened"]
to = ["place:incidents", "email:sales@example.org"]
[[update]]
id = "often"
when = 'severity == "high"'
every = "3m"
to = ["departments:service", "audience:customers"]
texts.customers = "We are working on {{ service }}. Next update by {{ next_update }}."
[[mute]]
id = "window"
from = 2026-11-23T09:07:00
until = 2026-11-23T09:09:30
mutes = ["update", "notify"]
"""
MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""Nine o'clock in Berlin, a Monday."""
LENGTH = timedelta(minutes=13)
LADDER = {"on-call:team", "lead:team", "place:incidents@slack"}


@cache
def rules() -> RuleSet:
    return trial.rehearsal(parse({"00.toml": COMPANY, "10.toml": RULES}, connectors=("slack", "email")))


def acts(one: Trial) -> dict[int, Callable[[], None]]:
    """What happens to the ticket, by the second."""
    tom = User("tom", "tom", "tom@example.org")
    return {
        130: lambda: one.comment("Looking at it", tom),
        200: lambda: one.act("acknowledge", "tom"),
        330: lambda: one.change({"hold": True}, tom),
        400: lambda: one.change({"hold": False, "last_recovery_point": MORNING - timedelta(hours=1)}, tom),
        430: lambda: one.act("update", "tom", {"text": "Failing over."}),
        470: lambda: one.act("unacknowledge", "tom"),
        620: lambda: one.change({"phase": "resolved"}, tom),
        660: lambda: one.change({"phase": "active"}, tom),
        690: lambda: one.change({"phase": "resolved"}, tom),
    }


def lived(moments: set[int]) -> Trial:
    """The ticket's life, looked at in these seconds, when its plan asks for it, and when something happens."""
    words = {"summary": "Checkout is down", "service": "checkout"}
    one = Trial(trial.ticket(words, rules(), MORNING), rules(), trial.world(("slack", "email")))
    happening = acts(one)
    for second in sorted(moments | happening.keys()):
        one.until(MORNING + timedelta(seconds=second))
        if second in happening:
            happening[second]()
            one.look()
    one.until(MORNING + LENGTH)
    return one


def effects(one: Trial) -> list[tuple[str, ...]]:
    """Everything that went out: when, under which key, where, in which words."""
    told = [
        (f"{s.at - MORNING}", s.effect.key, s.effect.to, s.effect.thing.text if s.effect.thing is not None else "")
        for s in one.sent
    ]
    fields = [(f"{c.at - MORNING}", c.field, str(c.after)) for c in one.ticket.history if c.by == trial.ME]
    return sorted([*told, *fields])


def test_looking_every_second_does_the_same_as_looking_at_random_moments_and_when_the_plan_asks() -> None:
    every = effects(lived(set(range(int(LENGTH.total_seconds())))))
    kinds = {key.partition(":")[0] for _, key, *_ in every}
    assert kinds >= {"escalate", "objective", "update", "notify", "news", "channel", "severity", "clock_text"}
    assert len(every) > 40, "much happens"
    dice = random.Random(11)
    for _ in range(3):
        moments = {dice.randrange(int(LENGTH.total_seconds())) for _ in range(dice.randrange(60))}
        assert effects(lived(moments)) == every


SCENARIO = """
title = "Four tickets, and a Pointman that is down"
start = 2026-11-23T09:00:00
lasts = "{lasts}"
{more}
[[step]]
create = "one"
words = {{ summary = "Checkout is down", service = "checkout" }}
[[step]]
create = "many"
words = {{ summary = "Checkout is down", service = "checkout" }}
count = 3
every = "20s"
"""


def made(more: str = "", lasts: str = "30m") -> Scenario:
    return language.read(Path("made.toml"), SCENARIO.format(more=more, lasts=lasts), rules(), ("slack", "email"))


def setting() -> Setting:
    return Setting(rules(), {"slack": "slack", "email": "email"})


def calls(outcome: Outcome) -> Counter[tuple[str, str, str]]:
    """How often each place was called, by ticket and rule."""
    told = [one for one in outcome.story.told if one.kind in {"escalate", "objective"} and one.fresh]
    return Counter((one.ticket, one.rule, one.place) for one in told)


def after(outcome: Outcome, moment: timedelta) -> list[Told]:
    return [one for one in outcome.story.told if one.at >= outcome.scenario.start + moment]


def test_after_a_day_of_downtime_everybody_who_is_due_is_called_once_and_nobody_twice() -> None:
    outcome = run(made('[[step]]\nat = "50s"\noutage = "pointman"\nuntil = "24h50s"', "24h10m"), setting())
    back = after(outcome, timedelta(hours=24))
    assert back == list(outcome.story.told[-len(back) :]), "nothing is told while it is down"
    once = calls(outcome)
    assert {place for _, rule, place in once if rule == "ladder"} == LADDER
    assert {ticket for ticket, *_ in once} == {"one", "many-1", "many-2", "many-3"}
    assert set(once.values()) == {1}
    updates = Counter((one.ticket, one.address) for one in back if one.kind == "update" and one.at <= back[0].at)
    assert set(updates.values()) == {1}, "a tick that was missed is told once, late, and not six times"
    assert outcome.doubled == 0


@pytest.mark.parametrize(
    ("leaps", "lasts", "why"),
    [
        ([("70s", "+3h")], "12m", "forward, over every step"),
        ([("70s", "-3h")], "3h12m", "back, before the ticket was made: the steps come when their moments do"),
        ([("70s", "+3h"), ("3m", "-3h")], "12m", "forward and back again"),
        ([("2m", "-1m"), ("4m", "-1m"), ("6m", "+1m")], "12m", "to and fro, by little"),
    ],
)
def test_nobody_is_called_twice_for_one_step_however_the_clock_leaps(
    leaps: list[tuple[str, str]], lasts: str, why: str
) -> None:
    outcome = run(made("".join(f'[[step]]\nat = "{at}"\nclock = "{by}"\n' for at, by in leaps), lasts), setting())
    assert outcome.doubled == 0, why
    once = calls(outcome)
    assert {place for _, rule, place in once if rule == "ladder"} == {
        "on-call:team",
        "lead:team",
        "place:incidents@slack",
    }
    assert once["one", "ladder", "on-call:team"] == 1, why
    assert once["one", "ladder", "lead:team"] <= 4, "a step and its three repeats"


def test_looks_at_random_moments_change_nothing_of_a_drill() -> None:
    plain = Player(made(lasts="9m"), setting()).play().told
    dice = random.Random(3)
    player = Player(made(lasts="9m"), setting())
    for _ in range(25):
        moment = timedelta(seconds=dice.randrange(1, 540))
        player.at(moment, lambda: [player.look(ref) for ref in player.refs.values()])  # type: ignore[arg-type]
    again = player.play().told
    assert [(one.at, one.ticket, one.rule, one.place, one.text) for one in again] == [
        (one.at, one.ticket, one.rule, one.place, one.text) for one in plain
    ]
