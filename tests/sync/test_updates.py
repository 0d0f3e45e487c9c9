"""Stories of updates: who is told how things are, when, in which words, and what becomes of what was missed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from connectors.errors import Temporary
from connectors.model import Message
from connectors.testing import MemoryMessenger
from rules.explain import render
from sync import show
from sync.ledger import ROOM, Ledger
from sync.look import Site
from sync.why import explained
from tests.sync.fate import Died, Fate, die, watched
from tests.world import COMPANY, MORNING, World

UPDATES = """
[[classify]]
id = "down"
when = 'mentions(text, "down")'
set = { severity = "high" }
[[update]]
id = "half-hourly"
when = 'severity == "high"'
every = "30m"
to = ["audience:management"]
"""
CUSTOMERS = """
[audiences.customers]
external = true
fields = ["service", "eta", "next_update", "changed", "last_update", "unchanged"]
to = ["slack:#status"]
"""
OUTSIDE = """
[[update]]
id = "customers"
every = "1h"
to = ["audience:customers"]
texts.customers = "{{ service }}: we are working on it. Next update by {{ next_update }}."
"""
OFFICE = '\n[calendars.office]\nhours = { mon-sun = "10:00-18:00" }\n'
ROLES = '\n[roles]\npoc = { title = "Point of contact" }\n'


def told(world: World, place: str = "#management") -> list[tuple[str, str]]:
    """What was told at a place, and when: without the line that says which ticket it is about."""
    return [
        (f"{post.at:%H:%M}", post.message.text.partition("\n")[2] or post.message.text)
        for post in world.posts
        if post.place == place
    ]


def clocks(world: World, place: str = "#management") -> list[str]:
    return [clock for clock, _ in told(world, place)]


# ---- by itself


def test_an_update_says_what_changed_and_when_the_next_one_comes() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:10").person(ref, assignee="tom")
    world.at("09:20").click("eta", ref, time="15:30")
    world.at("09:30")
    (said,) = world.said("#management")
    assert said.splitlines() == [
        "**OPS-1** Checkout is down: high, new. tom has it. It is expected to be done by 15:30.",
        "Since 09:00: assigned to tom by Ann; eta is 15:30 by ann.",
        "Next update by 10:00.",
    ]


def test_when_it_should_have_been_done_and_is_not_nobody_is_told_to_expect_it() -> None:
    text = 'texts.customers = "We are working on it{% if eta %} and expect to be done by {{ eta|time }}{% endif %}."'
    world = World(UPDATES + OUTSIDE.partition("texts.customers")[0] + text, COMPANY + CUSTOMERS)
    ref = world.ticket()
    world.click("eta", ref, time="10:15")
    world.at("11:00")
    first = [said.splitlines()[0].partition(". ")[2] for said in world.said("#management")]
    assert first == [f"Nobody has it. It {what} expected to be done by 10:15." for what in ("is", "is", "was", "was")]
    assert world.said("#status") == [
        "We are working on it and expect to be done by 10:15.",
        "We are working on it.",
    ]


def test_where_nothing_changed_it_says_so_and_since_when() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:10").person(ref, assignee="tom")
    world.at("11:05")
    quiet = "Nothing has changed since 09:10.\nNext update by {}."
    assert told(world)[1:] == [
        (at, quiet.format(by)) for at, by in (("10:00", "10:30"), ("10:30", "11:00"), ("11:00", "11:30"))
    ]


def test_what_is_no_change_of_how_things_are_is_none() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:10").person(ref, comment="I had a look.") if False else world.at("09:10")
    world.click("comment", ref, text="I had a look.")
    world.person(ref, labels=("network",))
    world.at("09:30")
    assert told(world) == [("09:30", "Nothing has changed since 09:00.\nNext update by 10:00.")]


def test_a_ticket_nobody_has_that_is_on_hold_says_so() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.click("hold", ref, reason="the vendor")
    world.at("09:30")
    assert world.said("#management")[0].startswith("**OPS-1** Checkout is down: high, new, on hold. Nobody has it.\n")


def test_nobody_is_told_before_the_condition_was_true_for_so_long() -> None:
    world = World(UPDATES)
    ref = world.ticket(summary="Checkout is odd")
    world.at("10:10").person(ref, severity="high")
    world.at("11:00")
    assert clocks(world) == ["10:40"]


def test_a_ticket_that_is_over_is_told_no_more_and_one_that_is_opened_again_begins_anew() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:40").click("resolve", ref)
    world.at("10:50").person(ref, phase="active")
    world.at("11:30")
    assert clocks(world) == ["09:30", "11:20"]


def test_the_next_update_that_a_place_was_promised_comes_whatever_the_severity_was_meanwhile() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:40").person(ref, severity="low")
    world.at("09:50").person(ref, severity="high")
    world.at("10:40")
    assert clocks(world) == ["09:30", "10:00", "10:30"]


def test_of_many_changes_the_latest_are_told() -> None:
    world = World(UPDATES)
    ref = world.ticket(affected_users=0)
    for minute in range(1, 15):
        world.at(f"09:{minute:02}").person(ref, affected_users=minute)
    world.at("09:30")
    said = told(world)[0][1]
    assert said.startswith("Since 09:00: 4 more before: affected users is 5 by Ann; ")
    assert said.count("affected users is") == 10


def test_each_change_is_told_once_and_none_is_left_out() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:05").click("acknowledge", ref)
    world.at("09:06").click("unacknowledge", ref)
    world.at("09:07").person(ref, phase="active")
    world.at("09:08").person(ref, assignee="tom")
    world.at("09:09").person(ref, assignee=None)
    world.at("09:30")
    assert told(world)[0][1] == (
        "Since 09:00: acknowledged by ann; nobody takes care of it any more, says ann; acknowledged by Ann; "
        "assigned to tom by Ann; assignee is empty by Ann.\nNext update by 10:00."
    )


def test_another_goal_of_a_clock_is_a_change() -> None:
    clock = '[[objective]]\nid = "rto"\nstart = "created"\nstop = "restored"\nwithin = "4h"\n'
    world = World(UPDATES + clock + 'steps = [{ at = "90%", to = ["place:incidents"] }]\n')
    ref = world.ticket()
    world.at("09:07").click("override", ref, within="2h", reason="the board said so")
    world.at("09:30")
    assert told(world)[0][1].startswith("Since 09:00: rto is 2h now by ann.\n")


def test_that_work_began_on_what_was_taken_care_of_is_a_change() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.click("acknowledge", ref)
    world.at("09:07").person(ref, phase="active")
    world.at("09:30")
    assert told(world)[0][1].startswith("Since 09:00: phase is active by Ann.\n")


# ---- posted by a person


def test_what_a_person_posts_is_told_at_once_and_the_next_is_counted_from_it() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:20").click("update", ref, text="Failover is under way.\nTwo of three are done.")
    world.at("10:00")
    assert told(world) == [
        ("09:20", "ann: Failover is under way.\nTwo of three are done.\nNext update by 09:50."),
        ("09:50", "Nothing has changed since 09:20.\nNext update by 10:20."),
    ]


def test_a_long_update_is_told_whole() -> None:
    world = World(UPDATES)
    text = " ".join(f"Step {number} of the failover is done and was checked." for number in range(30))
    world.click("update", world.ticket(), text=text)
    assert f"ann: {text}" in world.said("#management")[0].replace("\\", "")


def test_of_an_update_that_is_long_told_the_ledger_keeps_the_beginning() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    for clock in ("09:10", "10:00", "10:20"):
        world.at(clock).click("update", ref, text=f"{clock} {'x' * 500}")
    acts = Ledger.loads(world.tracker.tickets[ref].ledger, ref).acts
    assert [len(act.args["text"]) for act in acts if act.verb == "update"] == [80, 506, 506]


def test_where_the_ledger_is_nearly_full_the_beginning_of_an_update_is_told() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    for minute in range(1, 9):
        world.at(f"09:{minute:02}").click("update", ref, text=f"{minute} {'x' * 3_900}")
    lengths = [len(text) for text in world.said("#management")]
    assert lengths[0] > 3_900
    assert min(lengths) < 300
    assert len(world.tracker.tickets[ref].ledger or "") < ROOM


def test_people_are_called_by_their_names() -> None:
    world = World(UPDATES, COMPANY.replace("ann = { slack", 'ann = { name = "Ann Meyer", slack'))
    world.click("update", world.ticket(), text="We look.")
    assert told(world)[0][1].startswith("Ann Meyer: We look.\n")


def test_several_updates_that_could_not_be_told_are_one_message() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    slack = world.messengers["slack"]
    slack.error = Temporary("HTTP 503", in_doubt=False)
    world.at("09:10").click("update", ref, text="First.")
    world.at("09:12").click("update", ref, text="Second.")
    world.at("09:15")
    slack.error = None
    world.at("09:41")
    first, *others = told(world)
    assert first[1].startswith("ann: First.\nann: Second.\n")
    assert others == []


# ---- two rules, one place


def test_two_rules_to_one_place_are_one_update_of_the_shorter_cadence() -> None:
    rules = UPDATES + '[[update]]\nid = "hourly"\nevery = "1h"\nto = ["slack:#management", "place:incidents"]\n'
    world = World(rules)
    ref = world.ticket()
    world.at("10:01")
    assert (clocks(world), clocks(world, "#incidents")) == (["09:30", "10:00"], ["10:00"])
    left = [(item.effect.what, item.reason) for item in world.plan(ref).of("not")]
    assert left == [("update #management", "half-hourly tells it, and no less often")]
    lines = render(explained(world.engine, ref, None).explanations)
    assert any("not done" in line and "half-hourly tells it, and no less often" in line for line in lines)


def test_a_shorter_one_that_begins_keeps_what_the_longer_one_had_promised() -> None:
    hourly = '[[update]]\nid = "hourly"\nevery = "1h"\nto = ["slack:#management"]\n'
    world = World(UPDATES + hourly)
    ref = world.ticket(summary="Checkout is slow")
    world.at("09:50").person(ref, severity="high")
    assert [f"{item.effect.due:%H:%M}" for item in world.plan(ref).of("next")] == ["10:00"]
    world.at("11:05")
    assert clocks(world) == ["10:00", "10:30", "11:00"]


def test_when_the_shorter_one_ends_the_longer_one_goes_on_from_the_last_update() -> None:
    world = World(UPDATES + '[[update]]\nid = "hourly"\nevery = "1h"\nto = ["slack:#management"]\n')
    ref = world.ticket()
    world.at("10:10").person(ref, severity="medium")
    world.at("12:10")
    assert clocks(world) == ["09:30", "10:00", "11:00", "12:00"]
    assert told(world)[2][1].startswith("Since 10:00: lowered from high to medium by Ann.")


# ---- late


def test_after_downtime_one_update_is_late_and_says_so() -> None:
    world = World(UPDATES)
    world.ticket()
    world.at("09:35").down = True
    world.at("12:45").restart()
    world.at("13:20").restart()
    assert told(world)[1:] == [
        ("12:45", "Nothing has changed since 09:00.\nThis update was due at 10:00.\nNext update by 13:15."),
        ("13:15", "Nothing has changed since 09:00.\nNext update by 13:45."),
    ]


def test_what_is_told_after_a_late_update_is_said_to_be_since_then() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:35").down = True
    world.at("12:45").restart()
    world.at("12:50").person(ref, hold=True)
    world.at("13:16")
    assert told(world)[-1][1].startswith("Since 12:45: put on hold by Ann.")


def test_what_an_update_that_was_a_little_late_told_is_not_told_again() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.at("09:29").down = True
    world.at("09:31").person(ref, hold=True)
    world.at("09:32").restart()
    world.at("10:01").person(ref, hold=False)
    world.at("10:31")
    assert [text.partition(".\n")[0] for _, text in told(world)] == [
        "Since 09:00: put on hold by Ann",
        "Nothing has changed since 09:31",
        "Since 10:00: resumed by Ann",
    ]


def test_why_it_was_put_on_hold_is_said_in_one_sentence_with_it_and_only_inside() -> None:
    outside = OUTSIDE.replace("we are working on it", "{{ changed }}").replace("1h", "30m")
    world = World(UPDATES + CUSTOMERS.replace("fields = [", 'fields = ["hold", ') + outside)
    ref = world.ticket()
    world.until(world.now + timedelta(minutes=3)).person(ref, hold=True, hold_reason="Waiting")
    world.until(world.now + timedelta(minutes=5)).person(ref, hold_reason="Vendor")
    world.at("09:31")
    assert "put on hold (Waiting) by Ann; hold reason is Vendor by Ann." in told(world)[0][1]
    assert [text for _, text in told(world, "#status")] == ["checkout: put on hold. Next update by 10:00."]


def test_a_restart_every_minute_doubles_nothing_and_loses_nothing() -> None:
    world = World(UPDATES)
    world.ticket()
    for minute in range(1, 121):
        world.until(MORNING + timedelta(minutes=minute)).restart()
    assert clocks(world) == ["09:30", "10:00", "10:30", "11:00"]


def test_looks_at_any_moment_give_the_same_updates() -> None:
    often, rarely = World(UPDATES), World(UPDATES)
    refs = often.ticket(), rarely.ticket()
    for step in range(1, 500):
        often.until(MORNING + timedelta(seconds=17 * step)).look(refs[0])
    rarely.until(often.now)
    assert clocks(often) == clocks(rarely) == ["09:30", "10:00", "10:30", "11:00"]


def test_an_update_in_doubt_is_looked_for_and_told_once() -> None:
    class Doubtful(MemoryMessenger):
        lost = True

        def put(self, place: str, thing: Message, ref: str | None, key: str) -> str:
            made = super().put(place, thing, ref, key)
            if self.lost and place == "#management":
                self.lost = False
                raise Temporary("the answer was lost", in_doubt=True)
            return made

    world = World(UPDATES, messengers=lambda clock: {"slack": Doubtful(clock)})
    world.ticket()
    world.at("10:05")
    assert clocks(world) == ["09:30", "10:00"]


# ---- the reminder


def test_whoever_is_to_post_one_is_reminded_shortly_before() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("09:29")
    reminder = world.posts[-1]
    assert (f"{reminder.at:%H:%M}", reminder.place) == ("09:27", "U-tom")
    assert reminder.message.text == (
        "**OPS-1** Checkout is down: an update for management is due at 09:30. Post one, or it goes out by itself "
        "and says that nothing has changed since 09:00. https://tracker.example.org/OPS-1"
    )
    assert [button.verb for button in reminder.message.buttons] == ["update", "skip", "snooze"]
    world.at("09:30")
    assert not reminder.message.buttons, "the update is out"
    world.at("09:57")
    assert clocks(world, "U-tom") == ["09:27", "09:57"]


def test_no_reminder_comes_where_somebody_posted_an_update() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("09:20").click("update", ref, text="We look.")
    world.at("09:46")
    assert clocks(world, "U-tom") == []
    world.at("09:48").click("update", ref, text="We have it.")
    assert [bool(post.message.buttons) for post in world.posts if post.place == "U-tom"] == [False]


def test_the_point_of_contact_is_reminded_before_the_assignee() -> None:
    world = World(UPDATES.replace('every = "30m"', 'every = "30m"\nremind = "10m"'), COMPANY + ROLES)
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("09:25").click("claim", ref, "maria", role="poc")
    world.at("10:00")
    assert (clocks(world, "U-tom"), clocks(world, "U-maria")) == (["09:20"], ["09:25", "09:50"])


def test_updates_that_are_due_together_have_one_reminder() -> None:
    rules = UPDATES + '[[update]]\nid = "hourly"\nevery = "1h"\nto = ["place:incidents"]\n'
    world = World(rules)
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("10:00")
    assert clocks(world, "U-tom") == ["09:27", "09:54"]
    assert "an update for management and #incidents is due at 10:00" in world.said("U-tom")[-1]


def test_of_places_that_are_told_at_different_times_the_next_one_is_reminded_of() -> None:
    rules = UPDATES.replace('"audience:management"', '"audience:management", "audience:customers"')
    world = World(rules + 'texts.customers = "{{ service }}"\n', COMPANY + CUSTOMERS)
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("09:10").click("update", ref, text="We look.")
    world.at("09:20").click("update", ref, text="We still look.")
    world.at("09:50")
    assert (clocks(world), clocks(world, "#status")) == (["09:10", "09:20", "09:50"], ["09:10", "09:40"])
    assert clocks(world, "U-tom") == ["09:37", "09:47"]
    assert "for customers is due at 09:40" in world.said("U-tom")[0]
    assert "for management is due at 09:50" in world.said("U-tom")[1]


def test_where_nobody_has_the_ticket_nobody_is_reminded() -> None:
    world = World(UPDATES)
    world.ticket()
    world.at("09:29")
    assert world.posts == []


# ---- hours, mutes, modes


def test_outside_its_hours_an_audience_is_told_when_they_begin_and_next_update_says_so() -> None:
    world = World(
        UPDATES, COMPANY.replace('["slack:#management"]', '["slack:#management"], calendar = "office"') + OFFICE
    )
    ref = world.ticket()
    world.at("09:15").click("update", ref, text="We look.")
    assert world.plan(ref).wake == MORNING.replace(hour=10)
    world.at("10:31")
    assert told(world) == [
        ("10:00", "ann: We look.\nNext update by 10:30."),
        ("10:30", "Nothing has changed since 09:15.\nNext update by 11:00."),
    ]


def test_the_last_update_of_the_day_says_when_the_next_one_comes() -> None:
    world = World(
        UPDATES, COMPANY.replace('["slack:#management"]', '["slack:#management"], calendar = "office"') + OFFICE
    )
    world.ticket()
    world.until(MORNING + timedelta(days=1, hours=1, minutes=1))
    assert told(world)[-2][1].endswith("Next update by 24 Nov 10:00.")
    assert [f"{post.at:%d %H:%M}" for post in world.posts][-2:] == ["23 17:30", "24 10:00"]


def test_what_a_mute_held_waits_for_the_hours_of_its_audience_too() -> None:
    company = COMPANY.replace('["slack:#management"]', '["slack:#management"], calendar = "office"') + OFFICE
    world = World(UPDATES + MUTE + "until = 2026-11-23T20:00:00\n", company)
    ref = world.ticket()
    world.until(MORNING.replace(day=24))
    assert world.posts == []
    assert world.plan(ref).wake == MORNING.replace(day=24, hour=10)
    world.until(MORNING.replace(day=24, hour=10, minute=1))
    assert [f"{post.at:%d %H:%M}" for post in world.posts] == ["24 10:00"]


def test_hours_of_rule_and_audience_that_never_meet_promise_nothing() -> None:
    night = '\n[calendars.night]\nhours = { mon-sun = "18:00-24:00" }\n'
    company = COMPANY.replace('["slack:#management"]', '["slack:#management"], calendar = "office"') + OFFICE + night
    card = '[[notify]]\nid = "card"\nto = ["place:incidents"]\ntext = "{{ next_update or \'never\' }}"\n'
    world = World(UPDATES.replace('every = "30m"', 'every = "30m"\nduring = "night"') + card, company)
    world.ticket()
    world.until(MORNING + timedelta(days=2))
    assert world.said("#incidents") == ["never"]
    assert clocks(world) == []


def test_an_audience_whose_hours_never_come_is_told_nothing() -> None:
    never = '\n[calendars.never]\ndates = ["2020-01-01"]\n'
    world = World(
        UPDATES, COMPANY.replace('["slack:#management"]', '["slack:#management"], calendar = "never"') + never
    )
    ref = world.ticket()
    world.click("update", ref, text="We look.")
    world.at("12:00")
    assert world.posts == []
    assert world.plan(ref).wake is None


MUTE = '[[mute]]\nid = "move"\nmutes = ["update"]\nfrom = 2026-11-23T09:20:00\n'


def test_a_muted_update_goes_out_once_when_the_mute_ends() -> None:
    world = World(UPDATES + MUTE + "until = 2026-11-23T11:00:00\n")
    ref = world.ticket()
    world.at("09:01").person(ref, assignee="tom")
    world.at("10:00")
    held = [(item.effect.what, item.reason) for item in world.plan(ref).of("held")]
    assert held == [("update management", "muted by move until 23 Nov 2026 11:00")]
    world.at("11:10")
    assert told(world) == [
        ("11:00", "Since 09:00: assigned to tom by Ann.\nThis update was due at 09:30.\nNext update by 11:30.")
    ]
    assert clocks(world, "U-tom") == [], "whoever posts would be heard only then"


def test_while_no_end_of_a_mute_is_known_no_next_update_is_promised() -> None:
    world = World(
        UPDATES
        + MUTE.replace("09:20", "09:40")
        + '[[notify]]\nid = "card"\nto = ["place:incidents"]\ntext = "{{ next_update }}!"\n'
    )
    world.ticket()
    world.at("09:35")
    assert told(world)[0][1] == "Nothing has changed since 09:00."
    assert world.said("#incidents") == ["!"]


def test_a_watched_rule_tells_only_the_private_place() -> None:
    world = World(
        UPDATES.replace('every = "30m"', 'every = "30m"\nmode = "watch"'), site=Site(watch=("slack", "#watch"))
    )
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("10:01")
    assert {post.place for post in world.posts} == {"#watch"}
    last = world.said("#watch")[-1]
    assert last.startswith("I would have updated management at 10:00 (half-hourly, every 30m):\n\n> **OPS-1**"), last


def test_a_restricted_ticket_is_told_only_to_whom_it_is_open() -> None:
    rules = UPDATES.replace(
        'to = ["audience:management"]', 'to = ["audience:management", "slack:#secret"]\nrestricted = true'
    )
    world = World(rules + '[[restrict]]\nid = "closed"\nwhen = \'"secret" in labels\'\nto = ["slack:#secret"]\n')
    ref = world.ticket()
    world.person(ref, labels=("secret",))
    world.at("09:31")
    assert (clocks(world), clocks(world, "#secret")) == ([], ["09:30"])


def test_nothing_is_due_before_the_start() -> None:
    world = World(UPDATES, site=Site(start=MORNING + timedelta(minutes=20)))
    ref = world.ticket(severity="high")
    world.at("09:25").person(ref, assignee="tom")
    world.at("10:21")
    assert clocks(world) == ["09:50", "10:20"]


def test_a_renamed_rule_goes_on_where_it_was() -> None:
    world = World(UPDATES)
    world.ticket()
    world.at("09:40").reload(UPDATES.replace('id = "half-hourly"', 'id = "often"\nwas = ["half-hourly"]'))
    world.at("10:10")
    assert clocks(world) == ["09:30", "10:00"]


# ---- outside


def test_people_outside_are_told_what_their_text_can_say_and_never_the_same_again() -> None:
    world = World(UPDATES + OUTSIDE, COMPANY + CUSTOMERS)
    ref = world.ticket()
    world.at("09:20").click("update", ref, text="The database of Acme is broken.")
    world.at("09:40").click("update", ref, text="Still.")
    world.at("10:21")
    assert told(world, "#status") == [
        ("09:20", "checkout: we are working on it. Next update by 10:20."),
        ("10:20", "checkout: we are working on it. Next update by 11:20."),
    ]
    assert not any("Acme" in text for text in world.said("#status"))


def test_changed_holds_for_people_outside_what_was_posted_and_their_fields() -> None:
    text = 'texts.customers = "{{ changed }}|{{ last_update }}|{{ unchanged }}|{{ next_update }}"'
    rules = UPDATES + OUTSIDE.partition("texts")[0] + text
    world = World(rules, COMPANY + CUSTOMERS)
    ref = world.ticket()
    world.at("09:10").person(ref, assignee="tom")
    world.click("eta", ref, time="15:30")
    world.at("10:10").click("update", ref, text="We found it.")
    world.at("11:10")
    assert [text for _, text in told(world, "#status")] == [
        "eta is 15:30|||11:00",
        "We found it.|10:00||11:10",
        "|10:10|10:10|12:10",
    ]


def test_people_outside_wait_for_a_release_and_are_told_once() -> None:
    world = World(UPDATES + OUTSIDE, COMPANY + CUSTOMERS, site=Site(home="HOME-1"))
    world.ticket()
    world.at("10:30")
    assert world.said("#status") == []
    world.engine.release()
    world.sweep()
    world.at("10:40")
    assert clocks(world, "#status") == ["10:30"]


# ---- in other texts


def test_any_text_may_say_when_its_reader_is_told_next() -> None:
    card = """
[[notify]]
id = "card"
to = ["place:incidents", "audience:customers", "slack:#management"]
text = "{{ last_update or 'never' }}|{{ next_update }}|{{ unchanged or 'changed' }}"
texts.customers = "{{ last_update or 'never' }}|{{ next_update }}|{{ unchanged or 'changed' }}"
"""
    world = World(UPDATES.replace("audience:management", "slack:#management") + OUTSIDE + card, COMPANY + CUSTOMERS)
    ref = world.ticket()
    world.at("09:31")
    world.look(ref)
    cards = {post.place: post.message.text for post in world.posts if "|" in post.message.text}
    assert cards == {
        "#incidents": "09:30|10:00|09:00",
        "#management": "09:30|10:00|09:00",
        "#status": "never|10:00|changed",
    }


# ---- the plan


def test_the_plan_says_what_was_told_and_what_comes() -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.person(ref, assignee="tom")
    world.at("09:31")
    assert show.text(world.plan(ref), world.engine.rules).splitlines()[2:] == [
        "      09:30  update management  half-hourly, every 30m",
        "NEXT  09:57  remind tom         unless somebody posts an update",
        "      10:00  update management  unless somebody posts one first",
    ]
    assert "09:30 update management (half-hourly, every 30m)" in world.log(ref)


@pytest.mark.parametrize(
    ("phase", "said"),
    [("active", "fired: every 30m, since 09:00"), ("resolved", "did not: the ticket is resolved: nobody is updated")],
)
def test_an_explanation_says_how_often_and_since_when(phase: str, said: str) -> None:
    world = World(UPDATES)
    ref = world.ticket()
    world.person(ref, phase=phase)
    lines = render(explained(world.engine, ref, None).explanations, now=world.now)
    assert f"update    half-hourly  {said}" in lines


def test_a_place_of_several_in_an_audience_is_named() -> None:
    world = World(UPDATES, COMPANY.replace('["slack:#management"]', '["slack:#management", "person:maria"]'))
    ref = world.ticket()
    coming = {item.effect.what for item in world.plan(ref).of("next")}
    assert coming == {"update management (#management)", "update management (maria)"}


# ---- crashes


class Mortal(World):
    """A world in which the process dies at one outside call and is started again ten seconds later."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        super().__init__(UPDATES)
        watched(self.tracker, ("get", "write"), fate)
        watched(self.messengers["slack"], ("put", "find", "retire"), fate)

    def look(self, ref: str) -> None:
        try:
            super().look(ref)
        except Died:
            self.now += timedelta(seconds=10)
            self.fate.asleep = True
            self.restart()
            self.fate.asleep = False

    def click(self, verb: str, ref: str, by: str = "ann", **args: str) -> str:
        try:
            return super().click(verb, ref, by, **args)
        except Died:
            self.restart()
            return super().click(verb, ref, by, **args)


def lived(fate: Fate) -> World:
    """The same hour and a half: updates by themselves, one that is posted, and reminders."""
    world = Mortal(fate)
    ref = world.ticket()
    world.tracker.person(ref, "ann", assignee="tom")
    world.look(ref)
    world.at("09:40").click("update", ref, text="We look.")
    world.at("10:25")
    return world


@pytest.mark.uncounted
@pytest.mark.usefixtures("silent")
def test_whenever_the_process_dies_each_update_and_reminder_is_told_once() -> None:
    whole = Fate()
    calm = lived(whole)
    wanted = Counter(post.place for post in calm.posts)
    assert wanted == {"#management": 3, "U-tom": 2}
    for call in range(1, whole.calls + 1):
        for when in ("before", "after"):
            world = lived(Fate({(call, when): die}))
            assert Counter(post.place for post in world.posts) == wanted, (call, when)
