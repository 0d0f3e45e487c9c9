"""Stories of what people ask of a ticket's timers (cadence, skip, pause, snooze): each ends by itself, and is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync import show
from tests.world import COMPANY, MORNING, RULES, World

UPDATES = """
[[update]]
id = "half-hourly"
when = 'severity == "high"'
every = "30m"
to = ["audience:management"]
"""
LADDER = RULES.partition("[[notify]]")[0]


def clocks(world: World, place: str = "#management") -> list[str]:
    return [f"{post.at:%H:%M}" for post in world.posts if post.place == place]


def plan(world: World, ref: str) -> list[str]:
    return [" ".join(line.split()) for line in show.text(world.plan(ref), world.engine.rules).splitlines()]


def quiet(world: World) -> str:
    """A ticket that somebody takes care of, so that only updates come."""
    ref = world.ticket()
    world.click("acknowledge", ref)
    return ref


# ---- cadence


def test_another_cadence_holds_for_the_ticket_until_it_is_taken_back() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    said = world.at("09:05").click("cadence", ref, every="15 minutes")
    assert said == "Updates of OPS-1 go out every 15m until it is resolved, the next by 09:15."
    world.at("09:31")
    assert plan(world, ref)[1] == "updates every 15m, as ann asked 09:05, until it is resolved"
    assert "09:05 ann: cadence every 15m" in world.log(ref)
    assert world.click("cadence", ref, every="normal") == "Updates of OPS-1 go out as their rules say."
    world.at("10:35")
    assert clocks(world) == ["09:15", "09:30", "10:00", "10:30"]
    assert not any("as ann asked" in line for line in plan(world, ref))


def test_another_cadence_ends_when_the_ticket_is_resolved() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.click("cadence", ref, every="15m")
    world.at("09:20").click("resolve", ref)
    world.at("09:30").person(ref, phase="active")
    world.at("09:50")
    assert clocks(world) == ["09:15", "09:45"]


def test_another_cadence_than_that_of_the_rules_survives_a_restart() -> None:
    world = World(LADDER + UPDATES)
    world.click("cadence", quiet(world), every="20m")
    world.at("09:19").restart()
    world.at("09:41").restart()
    assert clocks(world) == ["09:20", "09:40"]


@pytest.mark.parametrize(("first", "then", "at"), [("", "15m", "09:20"), ("2h", "normal", "09:40")])
def test_a_shorter_cadence_makes_nothing_late_that_was_not_due(first: str, then: str, at: str) -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    if first:
        world.click("cadence", ref, every=first)
    said = world.at(at).click("cadence", ref, every=then)
    assert "the next now" in said or then == "normal"
    (told,) = world.said("#management")
    assert clocks(world) == [at]
    assert "This update was due" not in told
    following = "09:35" if then == "15m" else "10:10"
    assert f"Next update by {following}." in told
    world.at(following)
    assert clocks(world) == [at, following]


def test_a_longer_cadence_leaves_due_what_a_pause_holds() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.click("cadence", ref, every="10m")
    world.click("pause", ref, time="25m")
    world.at("09:20").click("cadence", ref, every="15m")
    world.at("09:26")
    assert clocks(world) == ["09:25"]
    assert "This update was due at 09:15." in world.said("#management")[0]


def test_the_cadence_that_holds_already_is_no_other() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.click("cadence", ref, every="15m")
    assert world.click("cadence", ref, every="15 min") == "Updates of OPS-1 go out every 15m already."


@pytest.mark.parametrize(
    ("every", "answer"),
    [
        ("often", "often is no cadence; write it as 15m, as 1h30m, or as normal."),
        ("x" * 100, "is no cadence"),
        ("10s", "10s is no cadence"),
        ("8d", "8d is no cadence"),
        ("normal", "Updates of OPS-1 go out as their rules say already."),
    ],
)
def test_what_is_no_cadence_is_answered_and_changes_nothing(every: str, answer: str) -> None:
    world = World(LADDER + UPDATES)
    assert answer in world.click("cadence", quiet(world), every=every)
    world.at("10:05")
    assert clocks(world) == ["09:30", "10:00"]


def test_where_no_rule_sends_updates_there_is_no_cadence_and_nothing_to_skip_or_snooze() -> None:
    world = World(LADDER)
    ref = quiet(world)
    assert world.click("cadence", ref, every="15m") == "No rule sends updates of OPS-1."
    assert world.click("snooze", ref) == "No update of OPS-1 is to come by itself, so nobody is reminded."
    assert "`skip step OPS-1` leaves out the next call" in world.click("skip", ref)
    assert world.click("skip", ref, what="step") == "Nothing is to come of OPS-1 that could be skipped."


def test_a_cadence_while_no_update_can_go_out_names_no_moment() -> None:
    mute = '[[mute]]\nid = "move"\nmutes = ["update"]\nfrom = 2026-11-23T08:00:00\n'
    world = World(LADDER + UPDATES + mute)
    ref = quiet(world)
    world.at("09:40")
    assert world.click("cadence", ref, every="15m") == "Updates of OPS-1 go out every 15m until it is resolved."
    assert world.click("skip", ref) == "OPS-1: update management is skipped; next: update management."


# ---- skip


def test_a_skipped_update_is_left_out_and_the_one_after_it_comes() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    said = world.at("09:20").click("skip", ref)
    assert said == "OPS-1: update management at 09:30 is skipped; next: update management at 10:00."
    assert "NOT update management skipped by ann" in plan(world, ref)
    assert "09:20 ann: skip update, until 09:30" in world.log(ref)
    world.at("10:35")
    assert clocks(world) == ["10:00", "10:30"]
    assert "NOT update management skipped by ann" not in plan(world, ref), "it is over"


def test_a_skip_takes_the_buttons_off_the_reminder() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.person(ref, assignee="tom")
    world.at("09:28").click("skip", ref, "tom")
    assert [bool(post.message.buttons) for post in world.posts if post.place == "U-tom"] == [False]
    world.at("10:00")
    assert clocks(world, "U-tom") == ["09:27", "09:57"]


def test_a_skip_leaves_out_what_is_next_and_nothing_that_comes_later_elsewhere() -> None:
    world = World(LADDER + UPDATES + '[[update]]\nid = "hourly"\nevery = "1h"\nto = ["place:incidents"]\n')
    ref = quiet(world)
    world.at("09:20").click("skip", ref)
    world.at("10:01")
    assert (clocks(world), clocks(world, "#incidents")) == (["10:00"], ["10:00"])


def test_what_waits_for_the_end_of_a_pause_can_be_skipped() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.click("pause", ref, time="1h45m")
    said = world.at("10:00").click("skip", ref)
    assert said == "OPS-1: update management at 10:45 is skipped; next: update management at 11:00."
    world.at("11:01")
    assert clocks(world) == ["11:00"]


def test_all_that_a_skip_leaves_out_is_named() -> None:
    world = World(LADDER + UPDATES.replace('"audience:management"', '"audience:management", "place:incidents"'))
    ref = quiet(world)
    said = world.at("09:20").click("skip", ref)
    assert said.startswith("OPS-1: update management, update #incidents at 09:30 are skipped; next: ")


def test_two_clicks_leave_out_two() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.click("skip", ref)
    world.click("skip", ref)
    world.at("10:35")
    assert clocks(world) == ["10:30"]


def test_a_skipped_step_is_not_called_and_the_ladder_goes_on() -> None:
    world = World(LADDER)
    ref = world.ticket()
    said = world.at("09:04").click("skip", ref, what="the next step")
    assert said == "OPS-1: call tom at 09:05 is skipped; next: call maria at 09:15."
    assert "NOT call tom skipped by ann" in plan(world, ref)
    assert "09:04 ann: skip step" in world.log(ref)
    world.at("09:16")
    assert (clocks(world, "U-tom"), clocks(world, "U-maria")) == ([], ["09:15"])


def test_a_step_that_was_brought_forward_is_made_and_the_next_one_skipped() -> None:
    world = World(LADDER)
    ref = world.ticket()
    world.at("09:02").click("escalate", ref)
    world.at("09:03").click("skip", ref, what="step")
    world.at("09:20")
    assert (clocks(world, "U-tom"), clocks(world, "U-maria")) == (["09:02"], [])
    world.at("09:31")
    assert clocks(world) == ["09:30"]


def test_a_skipped_step_leaves_escalate_now_to_the_one_after_it() -> None:
    world = World(LADDER)
    ref = world.ticket()
    world.at("09:02").click("skip", ref, what="step")
    world.at("09:03").click("escalate", ref)
    assert (clocks(world, "U-tom"), clocks(world, "U-maria")) == ([], ["09:03"])


def test_a_skipped_repeat_is_left_out_alone() -> None:
    world = World(LADDER)
    ref = world.ticket()
    world.at("09:40").click("skip", ref, what="step")
    world.at("12:00")
    assert clocks(world) == ["09:30", "10:30"]


def test_who_may_not_acknowledge_may_not_skip_a_call_either() -> None:
    world = World(LADDER + UPDATES, COMPANY + '[permissions]\nacknowledge = ["person:tom"]\n')
    ref = world.ticket()
    assert world.click("skip", ref, what="step") == "Only person:tom (tom) may skip a step of OPS-1."
    assert world.click("skip", ref).startswith("OPS-1: update management at 09:30 is skipped")
    assert world.click("pause", ref, time="30m") == "Only person:tom (tom) may pause OPS-1."


# ---- pause


def test_while_a_ticket_is_paused_nobody_is_called_and_then_what_still_holds_goes_on() -> None:
    world = World(LADDER + UPDATES)
    ref = world.ticket()
    said = world.at("09:04").click("pause", ref, time="1h")
    assert said == "Nobody is called or updated by itself for OPS-1 until 10:04; then what still holds goes on."
    assert "paused by ann until 10:04" in plan(world, ref)[1]
    assert "• paused by ann until 10:04" in world.click("status", ref)
    assert "HELD 10:04 call tom paused by ann until 23 Nov 2026 10:04" in plan(world, ref)
    assert "09:04 ann: pause until 10:04" in world.log(ref)
    world.at("09:40").restart()
    world.at("10:03").restart()
    assert world.posts == []
    world.at("10:10")
    assert {place: clocks(world, place) for place in ("U-tom", "U-maria", "#management")} == {
        "U-tom": ["10:04"], "U-maria": ["10:04"], "#management": ["10:04"],
    }  # fmt: skip


def test_what_holds_no_more_when_a_pause_ends_is_not_made() -> None:
    world = World(LADDER)
    ref = world.ticket()
    world.click("pause", ref, time="until 10:00")
    world.at("09:30").click("acknowledge", ref)
    world.at("11:00")
    assert world.posts == []


def test_news_and_cards_are_no_timers_so_a_pause_does_not_hold_them() -> None:
    world = World(RULES)
    ref = world.ticket()
    world.click("pause", ref, time="1h")
    world.at("09:10").click("resolve", ref)
    assert [text for text in world.said("#incidents") if "resolved" in text]


@pytest.mark.parametrize(("verb", "args"), [("pause", {"time": "off"}), ("resume", {})])
def test_a_pause_is_taken_back(verb: str, args: dict[str, str]) -> None:
    world = World(LADDER)
    ref = world.ticket()
    world.click("pause", ref, time="1h")
    assert world.at("09:20").click(verb, ref, **args) == "OPS-1 goes on."
    assert clocks(world, "U-tom") == ["09:20"]
    assert world.click("pause", ref, time="off") == "OPS-1 is not paused."
    assert world.click("resume", ref) == "OPS-1 is not on hold."


def test_a_card_offers_to_resume_while_the_ticket_is_paused() -> None:
    world = World(RULES.replace('"acknowledge", "take", "resolve"', '"pause", "resume"'))
    ref = world.ticket()

    def offered() -> list[str]:
        return [button.verb for button in world.posts[0].message.buttons]

    assert offered() == ["pause"]
    world.click("pause", ref, time="10m")
    assert offered() == ["pause", "resume"]
    world.at("09:11")
    assert offered() == ["pause"]


def test_a_time_of_day_that_has_just_gone_by_pauses_nothing_until_tomorrow() -> None:
    world = World(LADDER)
    ref = world.ticket()
    world.at("09:05")
    answer = "8:50 is more than 12h off; if OPS-1 is to be paused for so long, write it as tomorrow 8:50."
    assert world.click("pause", ref, time="until 8:50") == answer
    assert "until Tue 24 Nov 08:50" in world.click("pause", ref, time="until tomorrow 8:50")


def test_a_pause_that_is_over_is_none() -> None:
    world = World(LADDER)
    ref = world.ticket()
    world.click("pause", ref, time="10m")
    world.at("09:30")
    assert world.click("pause", ref, time="off") == "OPS-1 is not paused."
    assert not any("paused" in line for line in plan(world, ref))


@pytest.mark.parametrize(
    ("time", "answer"),
    [
        ("a while", "a while is no moment"),
        ("25h", "A ticket is paused for at most 1d; a [[mute]] is for longer."),
        ("", "pause needs to know: time"),
    ],
)
def test_what_is_no_pause_is_answered(time: str, answer: str) -> None:
    world = World(LADDER)
    ref = world.ticket()
    assert answer in world.click("pause", ref, time=time).replace("A while", "a while")
    world.at("09:06")
    assert clocks(world, "U-tom") == ["09:05"]


# ---- snooze


def test_a_snoozed_reminder_comes_again_and_the_update_when_it_is_due() -> None:
    world = World(LADDER + UPDATES.replace('every = "30m"', 'every = "30m"\nremind = "12m"'))
    ref = quiet(world)
    world.person(ref, assignee="tom")
    assert world.at("09:19").click("snooze", ref, "tom") == "You are reminded of OPS-1 again at 09:24."
    assert "09:19 tom: snooze until 09:24" in world.log(ref)
    world.at("09:31")
    assert (clocks(world, "U-tom"), clocks(world)) == (["09:18", "09:24"], ["09:30"])


def test_a_snooze_may_say_when_but_not_after_the_update() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.person(ref, assignee="tom")
    world.at("09:27")
    assert world.click("snooze", ref, "tom", time="2m") == "You are reminded of OPS-1 again at 09:29."
    late = "The next update of OPS-1 goes out by itself at 09:30, which is before that."
    assert world.click("snooze", ref, "tom", time="5m") == late
    assert world.click("snooze", ref, "tom", time="never") == late
    world.at("09:29")
    assert clocks(world, "U-tom") == ["09:27", "09:29"]
    world.until(MORNING + timedelta(minutes=29, seconds=30))
    assert world.click("snooze", ref, "tom") == "You are reminded of OPS-1 again at 09:29."


def test_a_snooze_is_for_one_update_only() -> None:
    world = World(LADDER + UPDATES)
    ref = quiet(world)
    world.person(ref, assignee="tom")
    world.at("09:10").click("snooze", ref, "tom", time="19m")
    world.at("10:00")
    assert clocks(world, "U-tom") == ["09:29", "09:57"]


def test_whoever_posts_an_update_of_what_is_over_hears_whether_anybody_is_told() -> None:
    always = UPDATES + '[[update]]\nid = "ever"\nwhen = \'phase != "closed"\'\nevery = "2h"\nto = ["place:incidents"]\n'
    for rules, more in ((UPDATES, " Nobody is told of it by itself, since OPS-1 is resolved."), (always, "")):
        world = World(LADDER + rules)
        ref = quiet(world)
        world.click("resolve", ref)
        assert world.click("update", ref, text="It was the cache.") == f"Your update is on OPS-1.{more}"
        assert ("#incidents" in [post.place for post in world.posts]) is not bool(more)
