"""The story of time, in one morning: a ladder that stops where somebody clicks, a clock written on the ticket, updates
that go out by themselves, a mute and what it held back, and somebody who falls silent.

Where nobody can answer in a channel, no update is posted and no cadence asked for: there the rules' own goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.combination import Messenger
from tests.playing import Playing

TIME: Final = """
[fields]
recovery = { type = "text" }
[calendars.freeze]
hours = { mon = "09:20-09:35" }
[[escalate]]
id = "dark"
name = "Nobody has it"
when = 'mentions(summary, "warehouse") and not acknowledged'
steps = [{ after = "5m", to = ["person:tom"] }, { after = "10m", to = ["person:maria"] }]
repeat = { every = "5m", times = 3 }
[[escalate]]
id = "still-on-it"
name = "Still on it?"
when = 'mentions(summary, "warehouse") and acknowledged'
since = "changed"
steps = [{ after = "41m", to = ["acknowledger"] }, { after = "51m", then = "unacknowledge" }]
[[objective]]
id = "power"
name = "Power"
when = 'mentions(summary, "warehouse")'
start = "created"
stop = "restored"
within = "4h"
pause = 'hold'
field = "recovery"
steps = [{ at = "25%", to = ["place:incidents"] }]
[[update]]
id = "half-hourly"
when = 'mentions(summary, "warehouse")'
every = "30m"
to = ["place:management"]
[[mute]]
id = "quiet"
when = 'mentions(summary, "warehouse")'
during = "freeze"
mutes = ["notify", "update"]
"""


@dataclass(frozen=True)
class Shown:
    """What stood in the ticket's field and from when on, what was told when the mute ended, what the updates say."""

    written: list[tuple[str, str]]
    summary: str
    updates: list[str]


def dark(play: Playing) -> None:
    """Two are called; one has it, waits for somebody, tells how it goes, and falls silent; so another is called."""
    play.create("ann", summary="The warehouse is dark")
    play.at("09:12")
    play.press("maria", "Acknowledge", instead=lambda: None)
    play.change("maria", assignee="Maria Keller")
    play.move("maria", "In Progress")
    play.at("09:22")
    play.move("maria", "held")
    play.at("09:27:30")  # whatever takes a second, of the clock's minute it is the same
    play.move("maria", "In Progress")
    play.at("10:07")
    play.ask("maria", ("update", "Half of it has light."), instead=lambda: play.change("maria", affected_users=7))
    play.at("10:08")
    play.ask("maria", ("cadence", "2h"), instead=lambda: None)
    play.at("11:04")
    play.press("tom", "Acknowledge", instead=lambda: None)
    play.at("11:06")
    play.move("tom", "Resolved")


_END: Final[Mapping[str, object]] = {
    "severity": "low", "team": None, "phase": "resolved", "service": None, "hold": False, "reporter": "ann",
    "assignee": "maria", "commander": None,
}  # fmt: skip
_UPDATE: Final = ("update:half-hourly", "place:management", "half-hourly, every 30m")
_REMINDER: Final = ("remind:half-hourly", "assignee", "half-hourly, before the update")
_CALLED: Final = Counter({
    ("escalate:dark", "person:tom", "Nobody has it, step 1"): 2,
    ("escalate:dark", "person:maria", "Nobody has it, step 2"): 1,
    ("escalate:still-on-it", "acknowledger", "Still on it?, step 1"): 1,
    ("objective:power", "place:incidents", "Power, step 1"): 1,
    ("news:pauses", "place:incidents", "put on hold by maria; resumed by maria"): 1,
    _REMINDER: 1,
    _UPDATE: 3,
})  # fmt: skip
"""Nobody is called after a click, and again from the bottom after the silence; no update after the one with `2h`."""
_WRITTEN: Final = [
    ("09:00", "Power: until 13:00, on track"),
    ("09:22", "Power: paused since 09:22"),
    ("09:27", "Power: until 13:05, on track"),
    ("10:05", "Power: until 13:05, at risk"),
    ("11:06", "Power: met, restored 11:06"),
]
"""What stood in the field of the ticket: it is written where it stands otherwise, and never between."""
OWN: Final = (
    "severity is low by Pointman; ",  # on ServiceNow it is from the beginning
    " (Waiting)",
    " (Awaiting Vendor)",
)
"""What trackers have in words of their own."""
_FIRST: Final = [
    (
        "Since 09:00: assigned to Maria Keller by Maria Keller; acknowledged by Maria Keller; "
        "put on hold by Maria Keller; resumed by Maria Keller.\nThis update was due at 09:30.\nNext update by 10:05."
    ),
    "Nothing has changed since 09:27.\nNext update by 10:35.",
]
_POSTED: Final = [*_FIRST, "maria: Half of it has light.\nNext update by 10:37."]
_BY_ITSELF: Final = [
    *_FIRST,
    "Since 10:05: affected users is 7 by Maria Keller.\nNext update by 11:05.",
    "Since 10:35: nobody answered, so it counts as not acknowledged again.\nNext update by 11:35.",
]


def answered(play: Playing) -> None:
    """It is dark once more, and one who has it answers whatever is asked of him: later, not this one, still on it."""
    play.at("11:10")
    play.create("ann", summary="The warehouse is dark again")
    play.at("11:16")
    play.press("tom", "Take it", instead=_never)
    play.at("11:37:10")
    play.press("tom", "Remind me later", instead=_never)
    play.at("11:39")
    play.press("tom", "Skip this one", instead=_never)
    play.at("12:21")
    play.press("tom", "Still on it", instead=_never)
    play.at("12:22")
    play.ask("tom", ("pause", "1h"), instead=_never)
    play.at("13:23")
    play.move("tom", "Resolved")


def _never() -> None:
    raise AssertionError("it is played where people can answer")


ANSWERED: Final = Counter({
    ("escalate:dark", "person:tom", "Nobody has it, step 1"): 1,
    ("escalate:still-on-it", "acknowledger", "Still on it?, step 1"): 2,
    ("objective:power", "place:incidents", "Power, step 1"): 1,
    _REMINDER: 3,
    _UPDATE: 2,
})  # fmt: skip
"""The reminder comes again, and then of the update after the one that is skipped; what a pause holds comes after it."""
ANSWERED_END: Final[Mapping[str, object]] = {**_END, "assignee": "tom", "acknowledged": True}
AFTERWARDS: Final = [
    "Since 11:10: assigned to Tom Reyes by Tom Reyes; acknowledged by tom.\nNext update by 12:40.",
    "Nothing has changed since 11:16.\nThis update was due at 12:40.\nNext update by 13:52.",
]


def end(messenger: Messenger) -> Mapping[str, object]:
    """How the ticket stands when it is over."""
    return {**_END, "acknowledged": messenger != "webhook"}


def told(messenger: Messenger) -> Counter[tuple[str, ...]]:
    """What is told of events, and to whoever is called."""
    return _CALLED + Counter({_REMINDER: 2, _UPDATE: 1}) if messenger == "webhook" else _CALLED


def shown(messenger: Messenger) -> Shown:
    """What must be there when it is over."""
    rest = _BY_ITSELF if messenger == "webhook" else _POSTED
    return Shown(_WRITTEN, "While quiet was in force: put on hold by Maria Keller; resumed by Maria Keller.", rest)


def seen(play: Playing) -> Shown:
    """What is there."""
    course = play.made.desk.ticket(play.key).courses["recovery"]
    summary = play.read("incidents")[0].replace(f"\n{play.key}:", "")
    return Shown([(f"{at:%H:%M}", said) for at, said in course if said], summary, updates(play))


def updates(play: Playing) -> list[str]:
    """What the updates say of what happened, each tracker's own words left out."""
    found = [text.partition("\n")[2] for text in play.read("management")]
    for own in OWN:
        found[0] = found[0].replace(own, "")
    return found
