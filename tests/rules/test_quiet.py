"""What holds effects back at a moment, and how far back a silence reaches."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.decision import World
from rules.facts import Facts
from rules.quiet import Quiet, gathered_since, reaching
from tests.rules.example import rules, ticket
from tests.rules.test_decide import notify, rule

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=BERLIN)
"""A Monday."""
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=BERLIN)


def mute(**keys: str) -> str:
    return rule("mute", "m", mutes='["notify"]', **keys)


@pytest.mark.parametrize(
    ("keys", "until", "why"),
    [
        ({"from": "2026-11-23T12:00:00"}, None, "its first moment counts"),
        ({"from": "2026-11-23T12:00:01"}, False, "it has not begun"),
        ({"until": "2026-11-23T12:00:01"}, "11-23 12:00:01", "it ends in a second"),
        ({"until": "2026-11-23T12:00:00"}, False, "its last moment does not count"),
        ({"until": "2026-11-23T12:00:00Z"}, "11-23 13:00", "a moment in a zone of its own"),
        ({"until": "2026-11-23T12:00:00", "timezone": '"UTC"'}, "11-23 13:00", "the mute's zone"),
        ({"during": '"office"'}, "11-23 18:00", "until the calendar closes"),
        ({"during": '"freeze"'}, False, "no freeze in November"),
        ({"during": '"office"', "when": "'security'"}, False, "its condition is not true"),
        ({"during": '"office"', "mode": '"off"'}, False, "it is off"),
        ({"during": '"office"', "mode": '"watch"'}, False, "it is only watched"),
    ],
)
def test_a_mute_holds_while_it_is_in_force(keys: dict[str, str], until: str | bool | None, why: str) -> None:
    found = rules(notify("n") + mute(**keys))
    one = Quiet(Facts(ticket({"security": False}), found), World()).at(found.of("notify")[0], NOON)
    if until is False:
        assert one is None, why
    else:
        assert one is not None, why
        assert one.until == (at(until) if isinstance(until, str) else until), why


@pytest.mark.parametrize(("says", "held"), [("false", False), ("true", True)])
def test_a_restricted_ticket_is_muted_by_mutes_that_see_it(says: str, held: bool) -> None:
    found = rules(notify("n") + mute(during='"office"', restricted=says))
    quiet = Quiet(Facts(ticket(), found), World(restricted=True))
    assert (quiet.at(found.of("notify")[0], NOON) is not None) is held


@pytest.mark.parametrize(
    ("keys", "moment", "oldest", "why"),
    [
        ({}, "11-23 12:00", "11-22 12:00", "without hours of its own"),
        ({"during": '"office"'}, "11-23 07:00", "11-20 16:00", "closed since Friday at four"),
        ({"during": '"office"'}, "11-23 12:00", "11-20 16:00", "what was gathered at the weekend, told a little late"),
        ({"during": '"office"'}, "11-24 12:00", "11-23 12:00", "the weekend is over since yesterday"),
        ({"during": '"freeze"'}, "11-23 12:00", "11-22 12:00", "it was never open before"),
    ],
)
def test_news_of_closed_hours_is_as_old_as_the_opening(
    keys: dict[str, str], moment: str, oldest: str, why: str
) -> None:
    found = rules(notify("n", on='["resolved"]', **keys))
    now = at(moment)
    assert gathered_since(found.of("notify")[0], found, now - DAY, now) == at(oldest), why


@pytest.mark.parametrize(
    ("text", "back", "why"),
    [
        (mute(**{"from": "2026-11-10T12:00:00"}), "11-10 12:00", "a mute that is in force, from its beginning"),
        (mute(**{"from": "2026-11-10T12:00:00", "until": "2026-11-23T11:00:00"}), "11-10 12:00", "it ended lately"),
        (mute(**{"from": "2026-11-10T12:00:00", "until": "2026-11-21T11:00:00"}), "11-22 12:00", "it ended long ago"),
        (mute(**{"from": "2026-11-24T12:00:00"}), "11-22 12:00", "it is still to come"),
        (mute(**{"from": "2026-11-10T12:00:00", "mode": '"off"'}), "11-22 12:00", "it is off"),
        (mute(until="2026-11-24T12:00:00"), "08-23 12:00", "of one without a beginning three months"),
        (
            notify("n", during='"office"'),
            "11-20 16:00",
            "a rule that was closed over the weekend, and opened this morning",
        ),
        (notify("n"), "11-22 12:00", "nothing is silent"),
    ],
)
def test_tickets_are_listed_as_far_back_as_a_silence_held_something(text: str, back: str, why: str) -> None:
    assert reaching(rules(text), NOON - DAY, NOON) == at(back), why
