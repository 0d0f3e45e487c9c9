"""Acts are folded where a ledger has no room for them: what is decided stays what it was, then and ever after."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

import sync.ledger
from connectors.model import Command, Ticket, User
from sync.commands import carry_out, done
from sync.folding import FOLDED_AFTER, TOLD, folded, short, spare
from sync.ledger import REMEMBERED, WARN_AT, Act, Entry, Ledger
from sync.plan import make_plan
from sync.rows import known_as
from tests.sync.week import PAUSABLE, Week
from tests.world import RULES, World

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TIMED = f"""{RULES}
[[update]]
id = "inside"
when = 'severity >= "medium"'
every = "3h"
to = ["audience:management"]
[[objective]]
id = "rto"
goal = "rto"
pause = 'hold'
steps = [{{ at = "50%", to = ["lead:service.team"] }}, {{ after = "10m", to = ["audience:management"] }}]
[[objective]]
id = "first-word"
start = "created"
stop = "updated"
within = "8h"
steps = [{{ at = "50%", to = ["lead:service.team"] }}]
[[objective]]
id = "handed-over"
start = "created"
stop = "changed:poc"
within = "9h"
steps = [{{ at = "50%", to = ["lead:service.team"] }}]
[[escalate]]
id = "quiet"
when = 'acknowledged'
steps = [{{ after = "26h", to = ["acknowledger"] }}]
[[notify]]
id = "people"
on = ["commented", "assigned", "changed:poc"]
to = ["slack:#people"]
"""
LATER = (timedelta(0), timedelta(hours=5))
"""When a moment is planned: as it is left by a look, and when much is owed since nobody looked again."""
Fold = Callable[[Sequence[Act], datetime], tuple[Act, ...]]


@dataclass(frozen=True)
class Moment:
    """A ticket as it was found at some moment of its week, with all the acts of its ledger."""

    ticket: Ticket
    ledger: Ledger
    world: World
    now: datetime

    def decided(self, acts: tuple[Act, ...], later: timedelta) -> object:
        """What a plan comes to: what is done, owed, next, held, not, and why; the clocks; and when to look again."""
        engine, ledger = self.world.engine, replace(self.ledger, acts=acts)
        plan = make_plan(self.ticket, ledger, engine.rules, engine.world(self.ticket, ledger), self.now + later)
        clocks = [(replace(clock, changed=None), repr(clock.changed)) for clock in plan.clocks]  # names equal none
        return plan.items, plan.wake, clocks, plan.notices, plan.ledger.entries


@cache
def _week(seed: int) -> tuple[Moment, ...]:
    """The moments of a week, as dice have it: after each thing that was asked, and some while later."""
    world, dice = World(TIMED, PAUSABLE), random.Random(seed)
    week, ref, found = Week(dice), world.ticket(), list[Moment]()
    for number in range(40):
        world.later(timedelta(minutes=dice.randrange(20, 420)))
        if dice.random() < 0.5:
            week.happens(world, ref, number)
        ticket = world.tracker.get(ref)
        found.append(Moment(ticket, Ledger.loads(ticket.ledger, ref), world, world.now))
        week.happens(world, ref, number)
    return tuple(found)


def _differs(week: Sequence[Moment], fold: Fold, dice: random.Random) -> bool:
    """Whether anything is decided otherwise, at the moment of folding or later, once acts were folded."""
    at = dice.randrange(len(week) // 2, len(week))
    before = tuple(fold(week[at].ledger.acts, week[at].now - FOLDED_AFTER))
    known = {act.id for act in week[at].ledger.acts}
    for moment in week[at:]:
        since = tuple(act for act in moment.ledger.acts if act.id not in known)
        if any(moment.decided((*before, *since), by) != moment.decided(moment.ledger.acts, by) for by in LATER):
            return True
    return False


def _all_that_is_old(acts: Sequence[Act], before: datetime) -> tuple[Act, ...]:
    return tuple(act for act in acts if act.at >= before)


def _firsts_too(acts: Sequence[Act], before: datetime) -> tuple[Act, ...]:
    verbs = [act.verb for act in acts]
    return tuple(
        a for n, a in enumerate(acts) if a.at >= before or a.verb != "update" or "update" not in verbs[n + 1 :]
    )


def _lasts_too(acts: Sequence[Act], before: datetime) -> tuple[Act, ...]:
    return tuple(act for act in acts if act.at >= before or act.verb not in {"override", "cadence", "update"})


def _roles_and_holds(acts: Sequence[Act], before: datetime) -> tuple[Act, ...]:
    return tuple(act for act in acts if act.at >= before or not {"poc", "hold"} & act.args.keys())


SEEDS = range(3)


@pytest.mark.uncounted
@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_people_asked_nothing_is_decided_otherwise_once_it_was_folded(seed: int) -> None:
    week, dice = _week(seed), random.Random(seed)
    assert any(len(folded(m.ledger.acts, m.now - FOLDED_AFTER)) < len(m.ledger.acts) for m in week), "something goes"
    assert not any(_differs(week, folded, dice) for _ in range(2))


@pytest.mark.uncounted
@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("careless", [_all_that_is_old, _firsts_too, _lasts_too, _roles_and_holds])
def test_who_folds_more_than_that_is_found_out(careless: Fold) -> None:
    assert any(_differs(_week(seed), careless, random.Random(n)) for n in range(3) for seed in SEEDS)


# ---- what goes, and what stays


def _act(number: int, verb: str, hours: float = 0, **args: str) -> Act:
    return Act(f"{verb}-{number}", NOW + timedelta(hours=hours or number), "ann", verb, args)


def test_of_what_follows_one_another_the_first_and_the_last_stay_and_what_is_young() -> None:
    cadences = [_act(number, "cadence", every="1h") for number in range(1, 6)]
    assert spare(cadences, NOW + timedelta(hours=4)) == tuple(cadences[1:3])
    assert folded(cadences, NOW + timedelta(hours=4)) == (cadences[0], *cadences[3:])


def test_goals_of_several_clocks_are_told_apart_and_a_step_that_was_left_out_stays_so() -> None:
    goals = [_act(n, "override", objective=("rto", "rpo")[n % 2], within=f"{n}h") for n in range(1, 7)]
    steps = [_act(n, "skip", what="step") for n in range(7, 10)]
    assert spare([*goals, *steps], NOW + timedelta(days=9)) == (goals[2], goals[3])
    updates = [_act(n, "skip", what="update", until="2026-11-24T10:00:00+00:00") for n in range(10, 13)]
    assert spare([*steps, *updates], NOW + timedelta(days=9)) == (updates[1],)


def test_what_a_state_is_read_off_is_never_spared() -> None:
    acts = [_act(n, verb) for n, verb in enumerate(("acknowledge", "unacknowledge", "escalate") * 3, 1)]
    acts += [_act(n, "set", hold=("true", "false")[n % 2]) for n in range(10, 20)]
    assert folded(acts, NOW + timedelta(days=9)) == tuple(acts)


def test_of_old_updates_all_but_the_last_lose_their_words_and_goals_their_reasons() -> None:
    said = [_act(n, "update", text="x" * 200) for n in (1, 2)]
    goal = _act(3, "override", objective="rto", within="6h", reason="the vendor is slow")
    empty = _act(0, "update", 0.5)
    kept = folded([empty, *said, goal], NOW + timedelta(days=9))
    assert [act.args.get("text") for act in kept] == ["", "x" * 80, None]
    assert kept[-1].args == {"objective": "rto", "within": "6h"}
    assert [act.args["text"] for act in folded(said, NOW + timedelta(days=9))] == [TOLD, "x" * 80]
    assert folded(said, NOW) == tuple(short(act) for act in said)
    assert short(goal) == short(short(goal))
    assert folded(kept, NOW + timedelta(days=9)) == kept, "what was folded is not folded again"


# ---- in the ledger


def _full(acts: tuple[Act, ...], room: int) -> Ledger:
    """A ledger with these acts that is over what it may take by so many characters."""
    ledger = Ledger("1", {"pad": Entry(NOW, ref="x")}, acts)
    return ledger.with_entry("pad", Entry(NOW, ref="x" * (1 + WARN_AT - ledger.size() + room)))


def test_a_ledger_with_room_keeps_every_act_as_it_is() -> None:
    acts = tuple(_act(n, "update", text="x" * 80) for n in range(1, 60))
    assert _full(acts, 0).trimmed(()).acts == acts
    assert _full(acts[:3], 500).trimmed(()).acts == acts[:3], "so few are not worth it"
    assert _full((), 500).trimmed(()).acts == ()


def test_old_words_go_first_then_old_acts_and_the_young_only_as_far_as_they_must() -> None:
    acts = tuple(_act(n, "update", text="x" * 80) for n in range(1, 100))
    gently = _full(acts, 100).trimmed(())
    old = [act for act in acts if act.at < acts[-1].at - FOLDED_AFTER]
    assert gently.dropped == tuple(act.id for act in old[1:])
    assert gently.acts[0].args == {"text": TOLD}
    assert gently.acts[1:] == acts[len(old) :]
    hardly = _full(acts, 6_500).trimmed(())
    assert hardly.size() <= WARN_AT
    assert len(old) < len(hardly.dropped) < len(acts) - 10, "no more than it must be"
    assert hardly.acts[-1] == acts[-1]


def test_what_was_dropped_is_known_when_it_comes_again_and_the_latest_of_it_is_remembered() -> None:
    acts = tuple(_act(n, "comment") for n in range(1, 400))
    ledger = _full(acts, 8_000).trimmed(())
    assert len(ledger.dropped) == REMEMBERED
    assert Ledger.loads(ledger.dumps(), "1") == ledger
    gone = next(act for act in acts if act.id == ledger.dropped[-1])
    assert ledger.with_act(gone) == ledger
    assert not Ledger("1").knows(gone.id)


@pytest.mark.usefixtures("silent")
def test_the_same_click_days_later_changes_nothing_once_its_act_was_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    ref = world.ticket()
    asked = []
    for number in range(30):
        world.later(timedelta(hours=3))
        args = {"text": f"We are at step {number}."}
        asked.append(Command(ref, "comment", User("U-ann"), "slack", args, at=world.now, id=f"view.V{number}"))
        carry_out(asked[-1], world.engine)
        world.look(ref)
    monkeypatch.setattr(sync.ledger, "WARN_AT", 0)
    world.look(ref)
    ledger = Ledger.loads(world.tracker.tickets[ref].ledger, ref)
    assert len(ledger.dropped) > 20
    before, posts = world.tracker.tickets[ref], len(world.posts)
    world.restart()
    for command in asked:
        assert carry_out(command, world.engine) == "That was done already."
        world.look(ref)
    assert (world.tracker.tickets[ref], len(world.posts)) == (before, posts)


def test_a_command_is_known_by_what_the_first_format_kept_and_by_what_we_keep() -> None:
    command = Command("1", "take", User("U-ann"), "slack", id="1796012172.8271627162712.2938475610")
    assert done(command, Ledger("1", {}, (Act(f"{command.id}#2", NOW, "ann", "take"),)))
    assert done(command, Ledger("1", {}, (Act(f"{known_as(command.id)}#2", NOW, "ann", "take"),)))
    assert done(command, Ledger("1", dropped=(known_as(command.id),)))
    assert not done(replace(command, id="another"), Ledger("1", dropped=(known_as(command.id),)))
    assert not done(replace(command, id=""), Ledger("1", dropped=("", known_as(""))))
    assert len(known_as(command.id)) == 8
