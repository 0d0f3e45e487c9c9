"""Products on a bad day, clocks that jump, ledgers that are damaged: what is told, what waits, and what is not lost."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.errors import Denied, Missing, Refused, Temporary
from connectors.model import CannotTell, Change, Comment, Message, User
from connectors.testing import BOT, MemoryMessenger
from sync.gate import Gate
from sync.ledger import Claim, Entry, Ledger, Unreadable
from sync.look import Site
from sync.plan import make_plan
from tests.world import MORNING, RULES, World

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
INCIDENTS, TOM, MARIA = "#incidents", "U-tom", "U-maria"
CARD = "notify:card>place:incidents@slack"


def ledger(world: World, ref: str) -> Ledger:
    return Ledger.loads(world.tracker.tickets[ref].ledger, ref)


# ---- ledgers that cannot be read


def test_an_unreadable_ledger_is_told_to_whoever_is_on_call_once_and_forgotten_when_it_is_repaired() -> None:
    world = World()
    ref = world.ticket()
    good = world.tracker.tickets[ref].ledger
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger="{")
    for _ in range(3):
        world.look(ref)
    (said,) = world.said(TOM)
    assert "OPS-1" in said
    assert "ledger" in said
    world.restart()
    assert len(world.said(TOM)) == 1, "it is looked for before it is said again"
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger=good)
    world.look(ref)
    assert world.engine.notices == {}


def test_where_nobody_is_on_call_an_unreadable_ledger_is_told_to_the_fallback() -> None:
    world = World()
    ref = world.tracker.ticket("OPS-1", "Checkout is down")
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger="{")
    world.messengers["slack"].error = Temporary("HTTP 503")
    world.look(ref)
    assert world.posts == []
    world.messengers["slack"].error = None
    world.later(timedelta(minutes=5))
    world.look(ref)
    world.look(ref)
    assert len(world.said(INCIDENTS)) == 1


def test_a_moment_beyond_all_years_is_a_damaged_ledger() -> None:
    for moment in (10**17, 10**18, -(10**18), 10**30):
        with pytest.raises(Unreadable):
            Ledger.loads(f'{{"v":1,"id":"1","e":{{"x>y":{{"a":{moment}}}}},"a":[]}}', "1")


# ---- news


def test_stale_news_are_told_late_also_when_fresher_ones_were_told_since() -> None:
    world = World()
    ref = world.ticket()
    world.click("acknowledge", ref)
    world.down = True
    world.person(ref, phase="resolved")
    world.later(timedelta(days=3))
    world.down = False
    world.look(ref)
    world.person(ref, phase="active")
    told = [p.message.text for p in world.posts if p.message.under]
    assert len(told) == 1
    assert "reopened" in told[0]
    world.engine.late = True
    world.look(ref)
    told = [p.message.text for p in world.posts if p.message.under]
    assert len(told) == 2
    assert "resolved" in told[1]
    world.engine.late = False
    world.later(timedelta(hours=1))
    world.look(ref)
    assert len([p for p in world.posts if p.message.under]) == 2, "and what was told before is not told again"
    assert not any("too old" in notice for notice in world.engine.notices.values())


# ---- claims


def test_a_watched_call_in_doubt_is_told_once() -> None:
    rules = RULES.replace("[[escalate]]", "[[escalate]]\nmode = 'watch'")
    world = World(rules=rules, site=Site(watch=("slack", "#private")))
    world.ticket()
    slack, put = world.messengers["slack"], world.messengers["slack"].put
    world.at("09:59")
    before = len(world.said("#private"))

    def late(place: str, thing: Message, ref: str | None, key: str) -> str:
        put(place, thing, ref, key)
        raise Temporary("no answer in time")

    slack.put = late  # type: ignore[method-assign]
    world.at("10:00:01")
    slack.put = put  # type: ignore[method-assign]
    world.at("10:20")
    assert len(world.said("#private")) == before
    assert [text for text in world.said("#private") if "called tom" in text] == [world.said("#private")[0]]
    assert sum("at 10:00" in text for text in world.said("#private")) == 1


def test_a_call_whose_place_can_never_tell_is_made_at_last_and_marked() -> None:
    """The right to read the channel is missing: waiting for an answer for ever would lose the call."""
    world = World()
    world.ticket()
    slack, put = world.messengers["slack"], world.messengers["slack"].put
    slack.find = lambda place, key, since: CannotTell("missing_scope")  # type: ignore[method-assign]

    def lost(place: str, thing: Message, ref: str | None, key: str) -> str:
        raise Temporary("no answer in time")

    world.at("09:04")
    slack.put = lost  # type: ignore[method-assign]
    world.at("09:05:01")
    slack.put = put  # type: ignore[method-assign]
    world.at("09:10")
    assert world.said(TOM) == []
    world.at("09:40")
    (said,) = world.said(TOM)
    assert said.endswith("(You may have received this before.)")


def test_a_find_that_fails_in_every_way_loses_nothing() -> None:
    for error in (Denied("no"), Temporary("503"), Temporary("429", in_doubt=False), Refused("?"), Missing("gone")):
        world = World()
        world.ticket()
        slack, put, find = world.messengers["slack"], world.messengers["slack"].put, world.messengers["slack"].find

        def lost(place: str, thing: Message, ref: str | None, key: str) -> str:
            raise Temporary("no answer in time")

        def fails(place: str, key: str, since: object, error: Exception = error) -> CannotTell:
            raise error

        world.at("09:04")
        slack.put, slack.find = lost, fails  # type: ignore[method-assign]
        world.at("09:05:01")
        slack.put = put  # type: ignore[method-assign]
        world.at("09:09")
        slack.find = find  # type: ignore[method-assign]
        world.at("09:14")
        assert len(world.said(TOM)) == 1, error


def test_a_claim_whose_write_was_in_doubt_doubles_nothing() -> None:
    for arrived in (True, False):
        world = World()
        write, calls = world.tracker.write, iter(range(100))

        def doubtful(
            ref: str,
            edit: object,
            ledger: str | None,
            write: object = write,
            calls: object = calls,
            arrived: bool = arrived,
        ) -> None:
            if next(calls) != 0:  # type: ignore[call-overload]
                write(ref, edit, ledger)  # type: ignore[operator]
                return
            if arrived:
                write(ref, edit, ledger)  # type: ignore[operator]
            raise Temporary("no answer in time")

        world.tracker.write = doubtful  # type: ignore[method-assign]
        ref = world.ticket()
        world.at("09:04")
        assert len(world.said(INCIDENTS)) == 1, arrived
        severity = [c for c in world.tracker.tickets[ref].history if c.field == "severity"]
        assert len(severity) == 1, arrived
        assert ledger_of(world, ref).open_claims() == {}


def ledger_of(world: World, ref: str) -> Ledger:
    return Ledger.loads(world.tracker.tickets[ref].ledger, ref)


def test_a_record_whose_write_fails_doubles_nothing() -> None:
    for error in (Temporary("no answer"), Denied("403"), Missing("404")):
        world = World()
        write, calls = world.tracker.write, iter(range(100))

        def fails(
            ref: str,
            edit: object,
            ledger: str | None,
            write: object = write,
            calls: object = calls,
            error: Exception = error,
        ) -> None:
            if next(calls) == 1:  # type: ignore[call-overload]
                raise error
            write(ref, edit, ledger)  # type: ignore[operator]

        world.tracker.write = fails  # type: ignore[method-assign]
        ref = world.ticket()
        world.at("09:04")
        assert len(world.said(INCIDENTS)) == 1, error
        assert ledger_of(world, ref).open_claims() == {}, error
        assert world.engine.notices == {}, error


def test_an_adopted_ticket_with_an_open_claim_comes_to_rest() -> None:
    world = World(site=Site(start=MORNING + timedelta(hours=1)))
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    claim = Claim(MORNING, MORNING, "d", "slack:#incidents", MORNING)
    world.tracker.write(ref, None, Ledger(ref, {CARD: Entry(claim=claim)}).dumps())
    world.at("11:00")
    world.look(ref)
    calls = world.tracker.calls
    world.at("12:00")
    assert world.tracker.calls == calls
    assert world.posts == []


# ---- products


def test_what_a_product_refuses_for_now_is_not_asked_of_it_again_in_the_same_look() -> None:
    many = RULES + "".join(f'\n[[notify]]\nid = "n{n}"\nto = ["slack:#n{n}"]\n' for n in range(20))
    for error in (Temporary("429", retry_after=30, in_doubt=False), Denied("invalid_auth")):
        world = World(rules=many)
        slack = world.messengers["slack"]
        slack.error = error
        ref = world.ticket()
        assert slack.calls == 1, error
        assert ledger(world, ref).open_claims() == {}
        slack.error = None
        world.at("09:04")
        assert len(world.posts) == 21, error


def test_two_things_at_one_place_leave_the_pause_that_its_product_wants() -> None:
    two = RULES + '\n[[notify]]\nid = "second"\nto = ["place:incidents"]\n'
    world = World(rules=two)
    slack = world.messengers["slack"]
    slack.pace = timedelta(seconds=1)  # type: ignore[misc]
    world.ticket()
    assert len(world.said(INCIDENTS)) == 1
    world.at("09:00:02")
    assert len(world.said(INCIDENTS)) == 2
    first, second = (p.at for p in world.posts)
    assert second - first >= timedelta(seconds=1)


def test_a_possible_repeat_stays_marked_when_it_cannot_be_sent_at_once() -> None:
    rules = RULES + '\n[[notify]]\nid = "mail"\nto = ["email:team@example.org"]\ntext = "{{ key }}"\n'
    world = World(
        rules=rules,
        messengers=lambda clock: {
            "slack": MemoryMessenger(clock),
            "email": MemoryMessenger(clock, "email", searchable=False, editable=False),
        },
    )
    email = world.messengers["email"]
    email.error = Temporary("no answer in time")
    world.ticket()
    email.error = Temporary("try later", retry_after=30, in_doubt=False)
    world.at("09:04")
    email.error = None
    world.at("09:20")
    (said,) = world.said("team@example.org")
    assert said.endswith("(You may have received this before.)")


def test_what_cannot_be_retired_for_a_while_is_tried_less_and_less_often() -> None:
    world = World()
    ref = world.ticket()
    slack, retire = world.messengers["slack"], world.messengers["slack"].retire
    tried: list[object] = []

    def fails(place: str, made: str) -> None:
        tried.append(world.now)
        raise Temporary("HTTP 500")

    slack.retire = fails  # type: ignore[method-assign, assignment]
    world.person(ref, severity="low")
    world.at("12:00")
    assert 20 < len(tried) < 60, "at most every five minutes"
    slack.retire = retire  # type: ignore[method-assign]
    world.at("12:10")
    assert world.posts[0].message.buttons == ()
    calls = world.tracker.calls
    world.at("18:00")
    assert world.tracker.calls == calls


def test_a_message_that_somebody_deleted_is_made_again_once_and_its_news_stand_on_their_own() -> None:
    world = World(rules=RULES.replace("[[escalate]]", "[[escalate]]\nmode = 'off'"))
    ref = world.ticket()
    world.messengers["slack"].posts.clear()
    world.person(ref, severity="medium")
    world.later(timedelta(hours=3))
    (card,) = world.posts
    assert "medium" in card.message.text
    world.person(ref, assignee=User("ann"))
    assert len(world.posts) == 1
    assert card.edits == 1
    assert world.engine.notices == {}


def test_a_channel_that_was_away_for_a_while_keeps_its_one_card() -> None:
    world = World(rules=RULES.replace("[[escalate]]", "[[escalate]]\nmode = 'off'"))
    ref = world.ticket()
    slack = world.messengers["slack"]
    slack.error, slack.broken = Missing("channel_not_found"), {INCIDENTS}
    world.person(ref, severity="medium")
    world.later(timedelta(hours=3))
    slack.error = None
    world.later(timedelta(hours=2))
    (card,) = world.posts
    assert "medium" in card.message.text
    world.person(ref, phase="resolved")
    assert card.message.buttons == ()


def test_two_fields_that_are_refused_one_by_one_are_two_errors_and_the_rest_is_done() -> None:
    world = World()
    write = world.tracker.write

    def picky(ref: str, edit: object, ledger: str | None) -> None:
        words = list(getattr(edit, "fields", ()))
        if words and words[0] in {"severity", "team"}:
            raise Refused(f"cannot set {words[0]}", fields={words[0]: f"{words[0]} is not on the screen"})
        write(ref, edit, ledger)  # type: ignore[arg-type]

    world.tracker.write = picky  # type: ignore[method-assign]
    ref = world.ticket()
    assert world.field(ref, "severity") is None
    said = sorted(world.engine.notices.values())
    assert [s.endswith("is not on the screen") for s in said] == [True, True]
    assert world.posts == [], "what was decided for a ticket that is high is not told of one that could not be made so"
    world.at("09:01")
    calls = world.tracker.calls
    world.at("09:59")
    assert world.tracker.calls == calls, "an hour is waited"


def test_the_log_that_is_refused_is_told_and_hinders_nothing() -> None:
    world = World()
    write = world.tracker.write

    def mute(ref: str, edit: object, ledger: str | None) -> None:
        if getattr(edit, "comment", None) is not None:
            raise Refused("could not edit OPS-1: you may not comment")
        write(ref, edit, ledger)  # type: ignore[arg-type]

    world.tracker.write = mute  # type: ignore[method-assign]
    world.ticket()
    world.at("09:06")
    assert len(world.said(TOM)) == 1
    assert any("may not comment" in notice for notice in world.engine.notices.values())


# ---- the emergency place


def test_the_emergency_place_is_told_when_it_answers_again() -> None:
    world = World(site=Site(emergency=("slack", "#emergency")))
    world.ticket()
    slack = world.messengers["slack"]
    slack.error = Temporary("HTTP 503")
    assert not world.engine.emergency()
    slack.error = None
    assert world.engine.emergency()
    assert len(world.said("#emergency")) == 1


# ---- clocks


def test_a_gate_that_was_shut_by_a_clock_in_the_future_opens_when_the_clock_is_right_again() -> None:
    gate = Gate()
    gate.shut("slack", MORNING + timedelta(days=3), "429", retry_after=30)
    gate.used("email", "x", MORNING + timedelta(days=3), timedelta(seconds=1))
    assert gate.opens("slack", "x", MORNING) <= MORNING + timedelta(seconds=30)
    assert gate.opens("email", "x", MORNING) <= MORNING + timedelta(seconds=1)


def test_a_product_that_asks_for_years_of_patience_gets_an_hour() -> None:
    gate = Gate()
    gate.shut("slack", MORNING, "429", retry_after=1e12)
    assert gate.opens("slack", "x", MORNING) == MORNING + timedelta(hours=1)


def test_a_clock_that_is_set_back_by_minutes_doubles_nothing_and_loses_nothing() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    world.now -= timedelta(minutes=4)
    world.look(ref)
    world.at("09:31")
    assert [len(world.said(place)) for place in (TOM, MARIA, "#management")] == [1, 1, 1]


def test_a_look_that_is_always_too_old_says_so_and_is_not_made_without_pause() -> None:
    world = World()
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    get = world.tracker.get

    def slow(asked: str) -> object:
        found = get(asked)
        world.now += timedelta(seconds=40)
        return found

    world.tracker.get = slow  # type: ignore[method-assign, assignment]
    assert world.engine.look(ref) is not None, "once, it may be the clock that jumped"
    wake = world.engine.look(ref)
    assert wake is not None
    assert wake >= world.now + timedelta(seconds=30)
    assert any("30 seconds" in notice for notice in world.engine.notices.values())
    assert world.posts == []
    world.tracker.get = get  # type: ignore[method-assign]
    world.look(ref)
    assert world.engine.notices == {}


# ---- sizes


def test_a_ticket_with_thousands_of_changes_and_comments_is_planned_in_good_time() -> None:
    world = World(rules=RULES.replace("resolved", "commented"))
    ann, begun, count = User("ann"), MORNING - timedelta(days=30), 2_000
    levels = ("high", "low")
    history = tuple(
        Change(begun + timedelta(minutes=8 * n + 1), "severity", levels[n % 2 - 1], levels[n % 2], ann)
        for n in range(count)
    )
    comments = tuple(Comment(f"hello {n}", at=begun + timedelta(minutes=20 * n + 2), by=ann) for n in range(1_000))
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout", severity=levels[(count - 1) % 2])
    ticket = replace(world.tracker.tickets[ref], created=begun, history=history, comments=comments)
    ledger = Ledger(ref)
    began = time.process_time()
    make_plan(ticket, ledger, world.engine.rules, world.engine.world(ticket, ledger), MORNING)
    assert time.process_time() - began < 5, "it took a quarter of a second; time that grows too fast would show"


def test_what_is_over_and_has_left_the_list_is_forgotten() -> None:
    world = World()
    slack = world.messengers["slack"]
    slack.error, slack.broken = Missing("channel_not_found"), {INCIDENTS}
    for number in range(30):
        ref = world.ticket(f"OPS-{number}")
        world.person(ref, phase="closed")
    world.later(timedelta(days=2))
    for ref in (*world.tracker.tickets, *world.tracker.tickets):
        world.look(ref)
    memory = world.engine.memory
    kept = (memory.known, memory.versions, memory.ranks, memory.coming, memory.unwritten, memory.acts)
    assert [len(each) for each in kept] == [0] * 6
    assert world.engine.notices == {}


def test_a_ticket_that_is_deleted_or_moved_leaves_no_notice_behind() -> None:
    world = World()
    slack = world.messengers["slack"]
    slack.error, slack.broken = Missing("channel_not_found"), {INCIDENTS}
    ref = world.ticket()
    assert any(topic.startswith("OPS-1") for topic in world.engine.notices)
    world.person(ref, key="PAY-7", project="PAY")
    assert not any(topic.startswith("OPS-1") for topic in world.engine.notices)
    del world.tracker.tickets[ref]
    world.look(ref)
    assert world.engine.notices == {}
    assert BOT
