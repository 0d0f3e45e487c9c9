"""Somebody who took care of a ticket and went quiet is asked; without an answer it counts as not acknowledged again."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from sync.deeds import done
from sync.ledger import Ledger
from sync.look import Site
from sync.plan import make_plan
from tests.sync.fate import Died, Fate, die, watched
from tests.world import RULES, World

INCIDENTS, ANN, TOM, MARIA = "#incidents", "U-ann", "U-tom", "U-maria"

STILL = """
[[escalate]]
id = "still-on-it"
when = 'severity == "high" and acknowledged'
since = "changed"
steps = [{ after = "30m", to = ["acknowledger"] }, { after = "45m", then = "unacknowledge" }]
"""
ONCE = STILL.replace('"changed"', '"acknowledged"')


def quiet(rules: str = STILL) -> tuple[World, str]:
    """A world in which Ann acknowledged a ticket at 09:02."""
    world = World(RULES + rules)
    ref = world.ticket()
    world.at("09:02").click("acknowledge", ref, "ann")
    return world, ref


def acts(world: World, ref: str) -> list[tuple[str, str]]:
    ledger = Ledger.loads(world.tracker.tickets[ref].ledger, ref)
    return [(act.by, act.verb) for act in ledger.acts]


def test_whoever_goes_quiet_is_asked_and_without_an_answer_the_ladder_begins_again_from_the_bottom() -> None:
    world, ref = quiet()
    world.at("09:31:59")
    assert world.said(ANN) == []
    world.at("09:32:01")
    assert len(world.said(ANN)) == 1
    assert [b.verb for b in world.posts[-1].message.buttons] == ["confirm", "assign"]
    world.at("09:46:59")
    assert world.plan(ref).ticket.history[-1].field == "acknowledged"
    assert acts(world, ref) == [("ann", "acknowledge")]
    world.at("09:47:01")
    assert acts(world, ref) == [("ann", "acknowledge"), ("", "unacknowledge")]
    assert "nobody answered since 09:32" in world.log(ref)
    assert world.said(TOM) == []
    world.at("09:52:01")
    assert len(world.said(TOM)) == 1, "five minutes after it counts as not acknowledged"


UPDATE = """
[[update]]
id = "half-hourly"
when = 'severity == "high"'
every = "30m"
to = ["audience:management"]
"""


def test_the_next_update_says_that_nobody_answered_and_not_that_it_was_taken_back() -> None:
    world, _ = quiet(STILL + UPDATE)
    world.at("10:01")
    assert "nobody answered, so it counts as not acknowledged again" in world.said("#management")[-1]
    assert "takes care of it any more" not in "".join(world.said("#management"))


# ---- a sign of life


@pytest.mark.parametrize(
    ("verb", "args", "why"),
    [
        ("confirm", {}, "they say so"),
        ("update", {"text": "Failover runs."}, "they post an update"),
        ("comment", {"text": "The log is attached."}, "they comment, through us"),
        ("assign", {"person": "tom"}, "they hand it over"),
        ("eta", {"time": "15:30"}, "they say when it will be done"),
    ],
)
def test_a_click_begins_the_silence_anew(verb: str, args: dict[str, str], why: str) -> None:
    world, ref = quiet()
    world.at("09:40").click(verb, ref, "ann", **args)
    world.at("10:09:59")
    assert ("", "unacknowledge") not in acts(world, ref), why
    asked = len(world.said(ANN)) + len(world.said(TOM))
    world.at("10:10:01")
    assert len(world.said(ANN)) + len(world.said(TOM)) > asked, "half an hour later they are asked again"


def test_a_change_and_a_comment_in_the_tracker_are_signs_of_life_and_what_we_do_is_none() -> None:
    world, ref = quiet()
    world.at("09:20").tracker.comment(ref, "I see it.", "ann")
    world.look(ref)
    world.at("09:45").person(ref, "ann", summary="Checkout is down in Berlin")
    world.at("10:14:59")
    assert world.said(ANN) == []
    world.at("10:15:01")
    assert len(world.said(ANN)) == 1
    world.at("10:30:01")
    assert acts(world, ref)[-1] == ("", "unacknowledge"), "our own notes on the ticket are no answer"


def test_what_was_answered_asks_no_more_and_what_comes_next_asks_anew() -> None:
    world, ref = quiet()
    world.at("09:33").click("confirm", ref, "ann")
    (asked,) = (post for post in world.posts if post.place == ANN)
    assert asked.message.buttons == ()
    world.at("10:04")
    first, second = ([b.verb for b in post.message.buttons] for post in world.posts if post.place == ANN)
    assert (first, second) == ([], ["confirm", "assign"])


def test_who_answers_late_acknowledges_it_again() -> None:
    world, ref = quiet()
    world.at("09:48")
    assert world.click("confirm", ref, "ann") == "You acknowledged OPS-1."
    assert acts(world, ref)[-1] == ("ann", "acknowledge")
    world.at("09:59")
    assert world.said(TOM) == [], "the ladder of tickets that nobody has acknowledged ended"


def test_who_is_asked_is_whoever_takes_care_of_it_now() -> None:
    world, ref = quiet()
    world.at("09:10").click("assign", ref, "ann", person="maria")
    world.at("09:41")
    assert (len(world.said(ANN)), len(world.said(MARIA))) == (0, 1), "it was handed over"
    world.click("confirm", ref, "tom")
    world.at("10:12")
    assert len(world.said(TOM)) == 1, "and Tom said that he is on it"


def test_a_ticket_taken_up_in_the_tracker_asks_whoever_moved_it() -> None:
    world = World(RULES + STILL)
    ref = world.ticket()
    world.at("09:02").person(ref, "maria", phase="active")
    world.at("09:33")
    assert len(world.said(MARIA)) == 1
    world.at("09:48")
    assert acts(world, ref) == [("", "unacknowledge")]


# ---- counted from the acknowledgement


def test_counted_from_the_acknowledgement_they_are_asked_once_and_an_answer_counts() -> None:
    world, ref = quiet(ONCE)
    world.at("09:20").click("update", ref, "ann", text="Looking.")
    world.at("09:33")
    assert len(world.said(ANN)) == 1, "the question comes at its time"
    world.at("09:40").click("confirm", ref, "ann")
    assert [i.reason for i in world.plan(ref).of("not") if i.effect.sort == "act"] == ["somebody answered"]
    world.at("12:00")
    assert acts(world, ref)[-1] == ("ann", "confirm")
    assert len(world.said(ANN)) == 1


def test_counted_from_the_acknowledgement_silence_after_the_question_is_what_counts() -> None:
    world, ref = quiet(ONCE)
    world.at("09:20").click("update", ref, "ann", text="Looking.")
    world.at("09:47:01")
    assert acts(world, ref)[-1] == ("", "unacknowledge")


def test_without_a_question_silence_counts_from_the_beginning() -> None:
    bare = STILL.replace('{ after = "30m", to = ["acknowledger"] }, ', "")
    world, ref = quiet(bare)
    world.at("09:47:01")
    assert acts(world, ref)[-1] == ("", "unacknowledge")


# ---- nobody was asked


def test_after_downtime_they_are_asked_first_and_have_as_long_to_answer() -> None:
    world, ref = quiet()
    world.at("09:20").down = True
    world.at("11:00").restart()
    assert len(world.said(ANN)) == 1
    assert acts(world, ref) == [("ann", "acknowledge")]
    assert any("by 11:15" in text for text in world.said(ANN))
    world.at("11:14:59")
    assert acts(world, ref) == [("ann", "acknowledge")]
    world.at("11:15:01")
    assert acts(world, ref)[-1] == ("", "unacknowledge")


def test_what_was_never_asked_is_not_unanswered() -> None:
    muted = '[calendars]\nmorning = { hours = { mon-sun = "09:00-11:00" } }\n'
    world = World(f'{RULES}{STILL}{muted}[[mute]]\nid = "hush"\nduring = "morning"\nmutes = ["escalate"]\n')
    ref = world.ticket()
    world.at("09:02").click("acknowledge", ref, "ann")
    world.at("10:59")
    assert (world.said(ANN), acts(world, ref)) == ([], [("ann", "acknowledge")])
    world.at("11:01")
    assert len(world.said(ANN)) == 1, "asked when the mute ends"
    world.at("11:16")
    assert acts(world, ref)[-1] == ("", "unacknowledge")


def test_where_the_question_goes_nowhere_the_step_comes_at_its_own_due() -> None:
    world, ref = quiet(STILL.replace('"acknowledger"', '"role:poc"').replace("[[esc", "[roles]\npoc = {}\n[[esc"))
    world.at("09:46:59")
    assert acts(world, ref) == [("ann", "acknowledge")]
    world.at("09:47:01")
    assert acts(world, ref)[-1] == ("", "unacknowledge")


def test_a_question_that_was_due_before_we_began_here_is_none() -> None:
    world, ref = quiet(ONCE)
    world.down = True
    world.site = Site(start=world.now.replace(hour=9, minute=40))
    world.at("09:41").restart()
    world.person(ref, "tom", summary="Checkout is down again")  # so that it is adopted no longer
    reasons = [i.reason for i in world.plan(ref).items if i.effect.sort == "act"]
    assert reasons == ["nobody was asked: that was due before the start"]
    world.at("12:00")
    assert (world.said(ANN), acts(world, ref)) == ([], [("ann", "acknowledge")])


def test_silence_is_counted_in_the_hours_of_the_calendar_and_never_where_that_does_not_open_again() -> None:
    today = '[calendars]\ntoday = { dates = ["2026-11-23"] }\n'
    world, ref = quiet(today + STILL.replace("since =", 'calendar = "today"\nsince ='))
    world.at("09:20").down = True
    world.at("23:50").restart()
    assert len(world.said(ANN)) == 1
    reasons = [i.reason for i in world.plan(ref).items if i.effect.sort == "act"]
    assert reasons == ["its calendar does not open for so long"]


# ---- an act is in the ledger or it is not


def test_a_death_at_any_moment_leaves_one_act() -> None:
    world, ref = quiet()
    for minute in ("09:32", "09:47", "09:47:10", "09:48"):
        world.at(minute).restart()
        world.restart()
    assert acts(world, ref) == [("ann", "acknowledge"), ("", "unacknowledge")]
    assert len(world.said(ANN)) == 1


class Mortal(World):
    """A world in which the process dies at one of its outside calls, and starts again ten seconds later."""

    def __init__(self, fate: Fate) -> None:
        self.fate = fate
        super().__init__(RULES + STILL)
        watched(self.tracker, ("get", "write"), fate)
        watched(self.messengers["slack"], ("put", "find", "retire"), fate)

    def look(self, ref: str) -> None:
        try:
            super().look(ref)
        except Died:
            self.now += timedelta(seconds=10)
            self.restart()


def night(fate: Fate) -> Mortal:
    """From the acknowledgement until the ladder calls again; people's own clicks are not what dies."""
    world = Mortal(fate)
    fate.asleep = True
    ref = world.ticket()
    world.at("09:02").click("acknowledge", ref, "ann")
    fate.asleep = False
    return cast("Mortal", world.at("09:54"))


def test_a_death_before_or_after_any_outside_call_asks_once_and_acts_once() -> None:
    whole = Fate()
    quiet_night = night(whole)
    said = sorted((post.place, post.message.text) for post in quiet_night.posts)
    assert acts(quiet_night, "10000")[1:] == [("", "unacknowledge")]
    assert whole.calls > 5
    for call in range(1, whole.calls + 1):
        for when in ("before", "after"):
            world = night(Fate({(call, when): die}))
            assert acts(world, "10000") == [("ann", "acknowledge"), ("", "unacknowledge")], (call, when)
            told = sorted((post.place, post.message.text) for post in world.posts)
            assert [place for place, _ in told] == [place for place, _ in said], (call, when)


def test_an_act_that_cannot_be_written_is_owed_until_it_is() -> None:
    world, ref = quiet()
    world.at("09:46")
    room, world.tracker.size = world.tracker.size, 10
    world.at("09:50")
    assert acts(world, ref) == [("ann", "acknowledge")]
    world.tracker.size = room
    world.at("10:20")
    assert acts(world, ref)[-1] == ("", "unacknowledge")


def test_two_looks_at_one_moment_write_one_act() -> None:
    world, ref = quiet()
    world.at("09:46:59")
    ticket = world.tracker.tickets[ref]
    world.at("09:48")
    late = Ledger.loads(world.tracker.tickets[ref].ledger, ref).acts[-1]
    plan = make_plan(
        ticket, Ledger.loads(ticket.ledger, ref), world.engine.rules, world.engine.world(ticket, Ledger(ref)), world.now
    )
    again = done(plan.owed, Ledger.loads(world.tracker.tickets[ref].ledger, ref), world.now)
    assert again.acts[-1] == late, "the other process decided the same act"


# ---- how it is told


def test_the_plan_and_the_log_say_what_comes_of_silence() -> None:
    world, ref = quiet()
    assert [(f"{i.at:%H:%M}", i.effect.what, i.effect.unless) for i in world.plan(ref).of("next") if i.at] == [
        ("09:32", "call ann", "somebody answers"),
        ("09:47", "count it as not acknowledged", "somebody answers"),
    ]
    assert "09:47 count it as not acknowledged, unless somebody answers" in world.log(ref)


def test_watched_it_is_only_said_what_would_come_of_it() -> None:
    world = World(RULES + STILL.replace("id =", 'mode = "watch"\nid ='), site=Site(watch=("slack", "#private")))
    ref = world.ticket()
    world.at("09:02").click("acknowledge", ref, "ann")
    world.at("09:48")
    said = [post.message.text for post in world.posts if post.place == "#private"]
    assert any("I would have called ann at 09:32" in text for text in said)
    assert any("I would have counted it as not acknowledged at 09:47" in text for text in said)
    assert acts(world, ref) == [("ann", "acknowledge")]
    world.at("12:00")
    assert sum("counted it" in p.message.text for p in world.posts) == 1


def test_silence_is_told_to_the_end_of_a_ticket_that_nobody_acknowledged() -> None:
    anyway = STILL.replace(" and acknowledged", "")
    world = World(RULES + anyway)
    ref = world.ticket()
    world.at("10:00")
    assert [i.reason for i in world.plan(ref).items if i.effect.sort == "act"] == ["nobody has acknowledged it"]
    assert acts(world, ref) == []
