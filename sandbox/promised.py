"""What must stand in Slack because of a ticket that no scenario knows: made by somebody who looks at the page.

It is worked out from the ticket's own history and from what the sandbox's company promises (the pack `incident`, and
how it stands every twelve minutes), by hand and apart from Pointman's code: two readings of one promise that have to
agree. What a person does to a ticket changes what is owed from then on; only what fell due before that is judged, and
what is plain after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sandbox.desk import Course
from sandbox.sight import Post, Sight

WITHIN: Final = timedelta(minutes=1)
"""How long, by the sandbox's clock, something owed may take."""
ROOM: Final = "#incidents"
LADDER: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (5, ("on-call",)),
    (15, ("lead", ROOM)),
    (30, ("lead", "on-call", "members", ROOM, "#management")),
    (60, ("lead", "on-call", "members", ROOM)),
    (90, ("lead", "on-call", "members", ROOM)),
    (120, ("lead", "on-call", "members", ROOM)),
)
"""Who is called after how many minutes while a ticket is high and nobody has acknowledged it."""
CALL: Final = "nobody has acknowledged"
UPDATE: Final = "Next update by"
"""What every call says, and every update."""
TOLD_SO: Final = "#management"
EVERY: Final = timedelta(minutes=12)
"""Who hears how it stands, and how often, while a ticket is high and open."""
TEAMS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "payments": {"on-call": ("@tom",), "lead": ("@maria",), "members": ("@ann",)},
    "platform": {"on-call": ("@bob",), "lead": ("@maria",), "members": ()},
}
TOLD: Final = frozenset({"Medium", "High"})
"""The severities with a card and news."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A message about a ticket that must stand at a place; of a call: posted from `since` on, it counts once only."""

    ticket: str
    place: str
    what: str
    since: datetime

    def __str__(self) -> str:
        return f"{self.what} in {self.place} about {self.ticket}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A ticket to be judged, with the messages about it.

    `until` is when somebody first took a hand in it (or now): what is due later is open.
    """

    key: str
    now: datetime
    until: datetime
    posts: tuple[Post, ...] = ()


def owed(world: Sight, judged: Judged) -> tuple[Owed, ...]:
    """The messages that must be there by now."""
    seen = world.desk.ticket(judged.key)
    severity, team, status = (seen.courses[world.desk.word(name)] for name in ("Severity", "Team", "Status"))
    calls = _calls(judged, seen.created, severity, [name for _, name in team])
    return (*_card(judged, severity), *calls, *_updates(judged, severity), *_ended(judged, status, severity))


def missing(world: Sight, judged: Judged) -> tuple[Owed, ...]:
    """What is owed and not there."""
    return tuple(one for one in owed(world, judged) if not any(_is(one, post) for post in judged.posts))


def spare(world: Sight, judged: Judged) -> tuple[Post, ...]:
    """Messages that stand there once too often: a second card, a second call of one step at one place, or an update
    in the same words.
    """
    cards = [post for post in judged.posts if _is_card(post)]
    calls: dict[tuple[str, int | str], list[Post]] = {}
    created = world.desk.ticket(judged.key).created
    for post in judged.posts:
        if UPDATE in post.text:
            calls.setdefault((post.place, post.text), []).append(post)
        elif _is_call(post) and post.message.at < judged.until:
            passed = post.message.at - created
            step = sum(passed >= timedelta(minutes=minutes) for minutes, _ in LADDER)
            calls.setdefault((post.place, step), []).append(post)
    return (*cards[1:], *(post for found in calls.values() for post in found[1:]))


def _card(judged: Judged, severity: Course) -> Iterator[Owed]:
    first = next((at for at, level in severity if level in TOLD), None)
    if first is not None and first + WITHIN <= judged.until:
        yield Owed(judged.key, ROOM, "the card", first)


def _calls(judged: Judged, created: datetime, severity: Course, teams: list[str]) -> Iterator[Owed]:
    """Of each place the latest call only: whoever was away meanwhile is called once."""
    team = next((TEAMS[name] for name in reversed(teams) if name in TEAMS), None)
    high = next((at for at, level in severity if level == "High"), None)
    if team is None or high is None or high >= judged.until:
        return
    latest: dict[str, int] = {}
    for minutes, to in LADDER:
        if high + timedelta(minutes=minutes) + WITHIN <= judged.until:
            latest |= {place: minutes for name in to for place in team.get(name, (name,)) if place[0] in "@#"}
    for place, minutes in latest.items():
        yield Owed(judged.key, place, "a call", created + timedelta(minutes=minutes))


def _updates(judged: Judged, severity: Course) -> Iterator[Owed]:
    """The first of them; when the next ones come depends on when that one did."""
    high = next((at for at, level in severity if level == "High"), None)
    if high is not None and high + EVERY + WITHIN <= judged.until:
        yield Owed(judged.key, TOLD_SO, "an update", high + EVERY)


def _ended(judged: Judged, course: Course, severity: Course) -> Iterator[Owed]:
    """That somebody resolved a ticket is told under its card."""
    for (at, status), after in zip(course, [*course[1:], None], strict=True):
        level = next((level for since, level in reversed(severity) if since <= at), "")
        stands = (after[0] if after else judged.now) >= at + WITHIN
        if status == "Resolved" and level in TOLD and stands:
            yield Owed(judged.key, ROOM, "the news of its end", at)


def _is(one: Owed, post: Post) -> bool:
    if post.place != one.place:
        return False
    if one.what == "the card":
        return _is_card(post)
    if one.what == "a call":
        last = max(float(post.message.ts), float(post.message.edited or 0))
        return _is_call(post) and last >= one.since.timestamp()
    if one.what == "an update":
        return UPDATE in post.text and post.message.at >= one.since
    return bool(post.message.thread_ts) and "resolved" in post.text and post.message.at >= one.since


def _is_call(post: Post) -> bool:
    return not post.message.thread_ts and CALL in post.text


def _is_card(post: Post) -> bool:
    return not post.message.thread_ts and "\nSeverity" in post.text
