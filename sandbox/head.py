"""What the head of the page shows: the time and its pace, the line of time, and what killing Pointman has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sandbox.elsewhere import said
from sandbox.keeper import Keeper
from sandbox.player import Player
from sandbox.recording import Recording
from sandbox.sight import Sight
from sandbox.tally import Tally
from sandbox.world import World

Data: TypeAlias = dict[str, Any]

SPEEDS: Final = (1.0, 10.0, 60.0, 600.0)
WIDE: Final = 1000
"""How wide the line of time is, in units of its own."""
MARK: Final = 3
"""How wide a mark is."""
MARKS: Final = 400
"""How many marks the line of time has at the most: the newest."""


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that the head tells of; `fast` is the speed that time has, or had before it was stopped."""

    world: World
    player: Player | None
    keeper: Keeper | None
    tally: Tally
    recording: Recording
    fast: float


def status(told: Told, then: datetime | None) -> Data:
    """The head's data; `then` is the past moment that is looked at."""
    world, player = told.world, told.player
    now = world.clock.now()
    playing = player is not None and not player.done
    fast = player.pace.fast if player is not None and playing else world.speed or told.fast
    paused = player.paused if player is not None and playing else world.speed == 0
    return {
        "day": f"{now:%a %d %b %Y}",
        "time": f"{now:%H:%M:%S}",
        "paused": paused,
        "fast": fast,
        "speeds": sorted({*SPEEDS, fast}),
        "title": player.scenario.title if player is not None else "",
        "counters": list(_counters(told)),
        "proof": _proof(told),
        "line": _line(told, now, then),
        "story": _latest(told, then or now),
    }


def _counters(told: Told) -> Iterator[Data]:
    state = told.world.slack.state
    yield {"name": "posted", "count": len(told.world.posts())}
    if found := beside(told.world):
        yield {"name": f"told in {found}", "count": len(said(told.world))}
    yield {"name": "edited in place", "count": state.calls.get("chat.update", 0)}
    yield {"name": "answered in private", "count": len(state.notes)}
    if told.player is not None:
        yield {"name": "expectations held", "count": f"{told.player.held} of {len(told.player.watched)}"}


def beside(world: Sight) -> str:
    """What people are told in beside Slack, in words; empty where there is nothing."""
    there = (("Teams", world.teams), ("mail", world.mail))
    return " and ".join(name for name, product in there if product is not None)


def _proof(told: Told) -> Data:
    tally, keeper = told.tally, told.keeper
    return {
        "killed": tally.killed,
        "lost": tally.lost,
        "doubled": tally.doubled,
        "beside": beside(told.world),
        "repeats": tally.repeats.marked,
        "keeper": keeper is not None,
        "up": keeper is not None and keeper.up,
        "pid": keeper.pointman.pid if keeper is not None else 0,
        "life": keeper.pointman.started if keeper is not None else 0,
        "changed": f"{tally.changed:%H:%M}" if tally.changed else "",
        "taken": bool(told.player and told.player.taken),
    }


def _line(told: Told, now: datetime, then: datetime | None) -> Data:
    """The line of time, from the beginning of the recording to now; each mark has its place and its kind."""
    begin = told.recording.begin
    player, keeper = told.player, told.keeper
    away = [(since, "away", min(until, now)) for since, until in player.away] if player is not None else []
    found = [(post.message.at, "post", None) for post in told.world.posts()]
    found += [(at, "act", None) for at, _ in player.story] if player is not None else []
    found += [(at, "kill", None) for at in keeper.kills] if keeper is not None else []
    long = max(1.0, (now - begin).total_seconds())

    def place(at: datetime) -> int:
        return max(0, min(WIDE - MARK, round(WIDE * (at - begin).total_seconds() / long)))

    marks = [
        {"x": place(at), "kind": kind, "wide": place(until) - place(at) if until else MARK}
        for at, kind, until in (*away, *sorted(found, key=lambda one: one[0])[-MARKS:])
    ]
    return {
        "begin": int(begin.timestamp()),
        "now": int(now.timestamp()),
        "at": int(then.timestamp()) if then else int(now.timestamp()),
        "from": f"{begin:%H:%M}",
        "until": f"{now:%H:%M}",
        "then": f"{then:%H:%M:%S}" if then else "",
        "wide": WIDE,
        "marks": marks,
        "away": bool(away),
    }


def _latest(told: Told, until: datetime) -> Data | None:
    """What happened last before a moment: by people, to a product, or to Pointman."""
    found = list(told.player.story) if told.player is not None else []
    if told.keeper is not None:
        found += [(at, "kill -9: Pointman died, and was started again") for at in told.keeper.kills]
    past = [one for one in found if one[0] <= until]
    if not past:
        return None
    at, said = max(past, key=lambda one: one[0])
    return {"time": f"{at:%H:%M}", "said": said}
