"""Stories of mutes: what is held while one is in force, and what becomes of it when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import Temporary
from connectors.model import Message
from connectors.testing import MemoryMessenger
from sync import show
from sync.ledger import Ledger
from sync.look import Site
from tests.world import COMPANY, MORNING, RULES, World

MOVE = """
[[mute]]
id = "move"
mutes = ["escalate", "notify"]
from = 2026-11-23T09:04:00
until = 2026-11-23T12:00:00
"""
OFFICE = """
[calendars.office]
hours = { mon-fri = "08:00-18:00" }
"""


def held(world: World, ref: str) -> list[tuple[str, str]]:
    return [(item.effect.what, item.reason) for item in world.plan(ref).of("held")]


def clocks(world: World, place: str) -> list[str]:
    return [f"{post.at:%H:%M}" for post in world.posts if post.place == place]


# ---- calls


def test_a_muted_call_is_held_and_made_once_when_the_mute_ends() -> None:
    world = World(RULES + MOVE)
    ref = world.ticket()
    world.at("11:59")
    assert clocks(world, "U-tom") == []
    assert ("call tom", "muted by move until 23 Nov 2026 12:00") in held(world, ref)
    assert world.plan(ref).wake == MORNING.replace(hour=12)
    world.at("12:10")
    assert {place: clocks(world, place) for place in ("U-tom", "U-maria", "#management")} == {
        "U-tom": ["12:00"],
        "U-maria": ["12:00"],
        "#management": ["12:00"],
    }


def test_a_call_that_no_longer_holds_when_the_mute_ends_is_not_made() -> None:
    world = World(RULES + MOVE)
    ref = world.ticket()
    world.at("10:00").click("acknowledge", ref)
    world.at("13:00")
    assert clocks(world, "U-tom") == []


def test_a_call_that_comes_within_a_mute_that_is_still_to_begin_says_so() -> None:
    world = World(RULES + MOVE)
    ref = world.ticket()
    assert world.now < MORNING.replace(minute=4)
    first = next(item for item in world.plan(ref).items if item.effect.sort == "call")
    assert (first.status, first.at, first.effect.due) == ("held", MORNING.replace(hour=12), MORNING.replace(minute=5))


def test_later_steps_at_one_place_are_one_line_since_they_are_one_call() -> None:
    world = World(RULES + MOVE)
    ref = world.ticket()
    assert [what for what, _ in held(world, ref)].count("call #management") == 1


def test_what_was_called_before_the_mute_is_not_called_again_after_it() -> None:
    world = World(RULES + MOVE.replace("09:04", "09:10"))
    world.ticket()
    world.at("12:10")
    assert clocks(world, "U-tom") == ["09:05"]
    assert clocks(world, "U-maria") == ["12:00"]


def test_a_mute_holds_only_the_kinds_that_it_names() -> None:
    world = World(RULES + MOVE.replace('"escalate", "notify"', '"notify"'))
    ref = world.ticket()
    world.person(ref, summary="Checkout is down again")
    world.at("09:20").person(ref, summary="Checkout is down for good")
    assert clocks(world, "U-tom") == ["09:05"]
    assert [text for text in world.said("#incidents") if "for good" in text] == []
    world.at("12:00")
    assert any("for good" in text for text in world.said("#incidents"))


def test_fields_are_decided_all_the_same() -> None:
    world = World(RULES + MOVE.replace("09:04", "08:00"))
    ref = world.ticket()
    assert world.field(ref, "severity") == "high"
    assert world.posts == []


# ---- whom it mutes


def test_a_mute_holds_only_tickets_of_which_its_condition_is_true() -> None:
    world = World(RULES + MOVE.replace("[[mute]]", "[[mute]]\nwhen = 'mentions(summary, \"drill\")'"))
    world.ticket("OPS-1")
    drill = world.ticket("OPS-2", "Checkout is down in the drill")
    world.at("09:06")
    assert clocks(world, "U-tom") == ["09:05"]
    assert ("call tom", "muted by move until 23 Nov 2026 12:00") in held(world, drill)


@pytest.mark.parametrize(("mode", "note"), [("off", ""), ("watch", "would be muted by move until 23 Nov 2026 12:00")])
def test_a_mute_that_is_not_on_holds_nothing(mode: str, note: str) -> None:
    world = World(RULES + MOVE + f'mode = "{mode}"\n')
    ref = world.ticket()
    item = next(item for item in world.plan(ref).items if item.effect.what == "call tom")
    assert (item.status, item.note) == ("next", note)
    assert (note in show.text(world.plan(ref), world.engine.rules)) is True
    world.at("09:06")
    assert clocks(world, "U-tom") == ["09:05"]


def test_a_watched_mute_holds_what_is_only_watched() -> None:
    rules = RULES.replace('id = "unacknowledged"', 'id = "unacknowledged"\nmode = "watch"')
    world = World(rules + MOVE + 'mode = "watch"\n', site=Site(watch=("slack", "#watch")))
    ref = world.ticket()
    assert ("call tom", "muted by move until 23 Nov 2026 12:00") in held(world, ref)


def test_of_two_mutes_the_one_that_ends_last_is_told() -> None:
    world = World(RULES + MOVE + MOVE.replace('"move"', '"other"').replace("12:00", "13:00"))
    ref = world.ticket()
    assert ("call tom", "muted by other until 23 Nov 2026 13:00") in held(world, ref)
    world.at("12:30")
    assert clocks(world, "U-tom") == []
    world.at("13:00")
    assert clocks(world, "U-tom") == ["13:00"]


def test_a_mute_without_an_end_holds_until_it_is_taken_away() -> None:
    world = World(RULES + MOVE.replace("until = 2026-11-23T12:00:00\n", ""))
    ref = world.ticket()
    assert ("call tom", "muted by move") in held(world, ref)
    world.at("18:00")
    assert world.plan(ref).wake is None
    world.reload(RULES)
    assert clocks(world, "U-tom") == ["18:00"]


def test_a_mute_during_a_calendar_ends_when_it_closes() -> None:
    night = '[[mute]]\nid = "night"\nmutes = ["escalate"]\nduring = "office"\n'
    world = World(RULES + night, COMPANY + OFFICE)
    ref = world.ticket()
    assert ("call tom", "muted by night until 23 Nov 2026 18:00") in held(world, ref)
    world.at("19:00")
    assert clocks(world, "U-tom") == ["18:00"]


# ---- news and what stands


HOLDS = """
[[notify]]
id = "holds"
on = ["hold", "resumed", "acknowledged"]
to = ["place:incidents"]
text = "{{ changed }}."
"""


def news(world: World) -> list[tuple[str, str]]:
    """What was told in #incidents beside the card, and when."""
    told = (post for post in world.posts if post.place == "#incidents" and not post.message.buttons)
    return [(f"{post.at:%d %H:%M}", post.message.text) for post in told if "nobody yet" not in post.message.text]


def test_that_a_ticket_is_resolved_or_taken_care_of_is_never_muted() -> None:
    world = World(RULES + HOLDS + MOVE)
    ref = world.ticket()
    world.at("10:00").click("acknowledge", ref)
    world.at("10:30").click("resolve", ref)
    world.at("12:10")
    assert news(world) == [
        ("23 10:00", "acknowledged by ann."),
        ("23 10:30", "**OPS-1** Checkout is down: resolved by ann"),
    ]


def test_what_a_mute_held_back_is_one_message_of_each_place_when_it_ends() -> None:
    world = World(RULES + HOLDS.replace(', "acknowledged"', "") + MOVE)
    ref = world.ticket()
    world.at("09:30").click("hold", ref, reason="the vendor")
    world.at("09:40").click("resume", ref)
    world.at("10:00").click("resolve", ref)
    world.at("10:30").person(ref, phase="active")
    assert [text for _, text in news(world)] == ["**OPS-1** Checkout is down: resolved by ann"]
    world.at("11:59").restart()
    world.at("12:00").restart()
    summary = (
        "While move was in force:\n\nput on hold by ann; resumed by ann.\n\n**OPS-1** Checkout is down: reopened by Ann"
    )
    assert news(world)[1:] == [("23 12:00", summary)]
    world.at("13:00").restart()
    assert len(news(world)) == 2, "and once"


def test_a_summary_that_comes_late_says_that_it_has_later_news_too() -> None:
    world = World(RULES + HOLDS + MOVE.replace('"move"', '"move"\nname = "the move"'))
    ref = world.ticket()
    world.at("09:30").click("hold", ref, reason="the vendor")
    world.down = True
    world.at("12:30")
    world.tracker.person(ref, "ann", hold=False)
    world.at("12:40").restart()
    assert [text for _, text in news(world)] == [
        "While the move was in force, and since then:\n\nput on hold by ann; resumed by Ann."
    ]


def test_news_that_a_mute_of_days_held_is_as_old_as_its_end() -> None:
    world = World(RULES + HOLDS + MOVE.replace("11-23T12:00", "11-26T12:00"))
    ref = world.ticket()
    world.at("10:00").click("hold", ref, reason="the vendor")
    world.until(MORNING + timedelta(days=4))
    assert news(world) == [("26 12:00", "While move was in force:\n\nput on hold by ann.")]


def test_news_older_than_the_grace_when_nothing_holds_it_is_counted_and_not_told() -> None:
    world = World(RULES + HOLDS + MOVE)
    ref = world.ticket()
    world.at("10:00").click("hold", ref, reason="the vendor")
    world.down = True
    world.until(MORNING + timedelta(days=4))
    world.restart()
    assert news(world) == []
    ledger = Ledger.loads(world.tracker.tickets[ref].ledger, ref)
    assert [stretch.count for entry in ledger.entries.values() for stretch in entry.stale] == [1]


def test_many_events_of_a_mute_are_the_latest_of_them_and_a_number() -> None:
    world = World(RULES + HOLDS.replace('"hold", "resumed", "acknowledged"', '"changed:affected_users"') + MOVE)
    ref = world.ticket(affected_users=0)
    for users in range(1, 31):
        world.at(f"10:{users:02}").person(ref, affected_users=users)
    world.at("12:00")
    text = news(world)[0][1]
    assert text.count("affected users is") == 20
    assert "10 more before; affected users is 11 by" in text.replace("\\", "")


def test_what_stands_is_brought_up_to_date_when_the_mute_ends() -> None:
    world = World(RULES + MOVE)
    ref = world.ticket()
    card = world.posts[0]
    world.at("10:00").person(ref, by="ann", assignee="ann")
    assert "ann" not in world.posts[0].message.text
    world.at("12:00")
    assert world.posts[0].ref == card.ref
    assert "ann" in world.posts[0].message.text


def test_a_ticket_resolved_in_a_mute_of_weeks_is_shown_so_after_it_also_after_a_restart() -> None:
    world = World(RULES + MOVE.replace("11-23T12:00", "12-07T12:00"))
    ref = world.ticket()
    world.at("10:00").click("resolve", ref)
    world.until(MORNING + timedelta(days=6))
    assert "resolved" not in world.posts[0].message.text
    world.restart()
    world.until(MORNING + timedelta(days=15))
    assert "resolved" in world.posts[0].message.text
    assert [post.at for post in world.posts[1:]] == [MORNING.replace(hour=10)], "that it is resolved was told then"


def test_a_mute_that_ended_while_we_were_down_is_made_good() -> None:
    world = World(RULES + MOVE.replace("11-23T12:00", "11-27T12:00"))
    ref = world.ticket()
    world.at("10:00").click("resolve", ref)
    world.down = True
    world.until(MORNING.replace(day=27, hour=20))
    world.restart()
    assert "resolved" in world.posts[0].message.text


def test_buttons_nobody_needs_any_more_are_taken_off_all_the_same() -> None:
    world = World(RULES + MOVE.replace("09:04", "09:06"))
    ref = world.ticket()
    world.at("09:10")
    call = next(post for post in world.posts if post.place == "U-tom")
    assert call.message.buttons
    world.click("acknowledge", ref)
    assert not call.message.buttons


# ---- restarts and claims


def test_a_restart_in_a_mute_loses_and_doubles_nothing() -> None:
    world = World(RULES + MOVE)
    ref = world.ticket()
    card = len(world.posts)
    for clock in ("09:30", "10:30", "11:59"):
        world.at(clock).restart()
    assert len(world.posts) == card
    world.at("12:00").restart()
    world.at("12:20").restart()
    assert clocks(world, "U-tom") == ["12:00"]
    assert clocks(world, "U-maria") == ["12:00"]
    assert held(world, ref) == []


class Doubtful(MemoryMessenger):
    """A messenger that loses one answer, before or after it did what was asked."""

    loses: str = ""

    def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
        if self.loses == "before":
            self.loses = ""
            raise Temporary("no answer", in_doubt=True)
        made = super().put(place, thing, ref, key)
        if self.loses == "after":
            self.loses = ""
            raise Temporary("no answer", in_doubt=True)
        return made


@pytest.mark.parametrize("loses", ["before", "after"])
def test_a_mute_added_while_a_claim_is_in_flight_loses_and_doubles_nothing(loses: str) -> None:
    slack, arrives = Doubtful(lambda: world.now), loses == "after"
    world = World(messengers=lambda clock: {"slack": slack})
    ref = world.ticket()
    slack.loses = loses
    world.at("09:05")
    assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims()
    world.reload(RULES + MOVE)
    world.at("09:30")
    assert clocks(world, "U-tom") == (["09:05"] if arrives else [])
    looks = world.tracker.calls
    world.at("11:59")
    assert world.tracker.calls == looks, "what was in flight and is muted wakes nobody"
    world.at("12:30").restart()
    assert clocks(world, "U-tom") == (["09:05"] if arrives else ["12:00"])


# ---- a rule's own hours


def test_a_call_outside_its_rules_hours_waits_until_they_open() -> None:
    world = World(RULES.replace('since = "created"', 'since = "created"\nduring = "office"'), COMPANY + OFFICE)
    world.until(MORNING.replace(hour=18))
    ref = world.ticket()
    assert ("call tom", "outside office until 24 Nov 2026 08:00") in held(world, ref)
    world.until(MORNING.replace(day=24, hour=7, minute=59))
    assert clocks(world, "U-tom") == []
    world.until(MORNING.replace(day=24, hour=10))
    assert clocks(world, "U-tom") == ["08:00"]
    assert clocks(world, "#management") == ["08:00"]


def test_news_of_a_weekend_is_gathered_however_old_and_told_on_monday() -> None:
    world = World(RULES.replace('on = ["resolved"', 'during = "office"\non = ["resolved"'), COMPANY + OFFICE)
    world.until(MORNING.replace(day=27, hour=20))  # a Friday
    ref = world.ticket()
    world.click("resolve", ref)
    world.later(timedelta(hours=1)).person(ref, phase="active")
    world.restart()
    world.until(MORNING.replace(day=30, hour=7))
    assert [text for text in world.said("#incidents") if "reopened" in text] == []
    world.restart()
    world.until(MORNING.replace(day=30, hour=9))
    (news,) = [post for post in world.posts if "resolved by ann; reopened by Ann" in post.message.text]
    assert f"{news.at:%a %H:%M}" == "Mon 08:00"


def test_a_ticket_resolved_outside_the_hours_is_shown_so_when_they_open_also_after_a_restart() -> None:
    world = World(RULES.replace('id = "card"', 'id = "card"\nduring = "office"'), COMPANY + OFFICE)
    ref = world.ticket()
    world.until(MORNING.replace(day=27, hour=20))
    world.click("resolve", ref)
    world.until(MORNING.replace(day=29, hour=12))
    world.restart()
    assert "resolved" not in world.posts[0].message.text
    world.until(MORNING.replace(day=30, hour=8))
    assert "resolved" in world.posts[0].message.text


# ---- floods


@pytest.mark.parametrize(
    ("changed", "shown", "why"),
    [(True, 6, "what people did in the mute accounts for it"), (False, 3, "a rule written in the mute is a flood")],
)
def test_the_end_of_a_mute_is_no_flood_but_what_only_the_rules_account_for_is(
    changed: bool, shown: int, why: str
) -> None:
    mute = MOVE.replace('"escalate", "notify"', '"notify"').replace("09:04", "09:01")
    rules = RULES[: RULES.index("[[escalate]]")] + RULES[RULES.index("[[notify]]") :]
    world = World(rules + mute, site=Site(edits=2))
    refs = [world.ticket(f"OPS-{n}") for n in range(6)]
    world.at("10:00")
    for ref in refs if changed else ():
        world.tracker.person(ref, by="ann", assignee="ann")
        world.now += timedelta(seconds=5)
        world.look(ref)
    world.at("10:30").restart()
    if not changed:
        world.reload(rules.replace("**{{ key }}**", "New: {{ key }}") + mute)
    world.at("12:00")
    world.sweep()
    texts = [text for text in world.said("#incidents") if ("ann" in text) is changed and (changed or "New:" in text)]
    assert len(texts) == shown, why
    assert ("flood" in world.engine.notices) is not changed


# ---- with what else there is

ROOM = """
[[channel]]
id = "war-room"
when = 'severity == "high"'
channel = "inc-{{ key }}"
"""


def test_a_channel_is_opened_when_its_mute_ends() -> None:
    world = World(RULES + ROOM + MOVE.replace('"escalate", "notify"', '"channel"').replace("09:04", "08:00"))
    ref = world.ticket()
    world.at("11:59")
    assert world.messengers["slack"].rooms == []
    assert ("open #inc-ops-1", "muted by move until 23 Nov 2026 12:00") in held(world, ref)
    world.at("12:01")
    assert [room.channel.name for room in world.messengers["slack"].rooms] == ["inc-ops-1"]


def test_whoever_escalates_in_a_mute_is_told_why_nobody_is_called() -> None:
    world = World(RULES + MOVE)
    ref = world.ticket()
    world.at("09:10")
    assert world.click("escalate", ref) == ("Nobody is called for OPS-1 now: muted by move until 23 Nov 2026 12:00.")
    assert clocks(world, "U-tom") == []
