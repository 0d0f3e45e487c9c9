"""One contract for each role: what every tracker, every messenger and every messenger with channels keeps to.

A connector is held to it by a class of its own in its tests, which says how a world to try it in is made:

    class TestJira(TrackerContract):
        @pytest.fixture
        def tracked(self) -> Iterator[Tracked]:
            with a_jira_in_a_box() as box:
                yield Tracked(box.jira, box.ticket, box.sets_severity, box.a_minute_later, box.now)

It needs pytest, which nothing that runs in production does. For failures that show their values a `conftest.py` says
`pytest.register_assert_rewrite("connectors.testing.contract")` before it is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from connectors.base import Messenger, Roster, Tracker
from connectors.errors import Missing, Refused
from connectors.model import Absent, Button, CannotTell, Channel, Comment, Edit, Found, Link, Message, Shift

TAKE = Message("**OPS-1** is down", (Button("Take it", "take", "10001"),))
CHANNEL = Channel(
    "inc-ops-1", "**OPS-1** Checkout is down", links=(Link("OPS-1", "https://tracker.example.org/OPS-1"),)
)


@dataclass
class Tracked:
    """A tracker with one ticket `ref` that a person made when it `began`, its severity empty.

    That person `sets` its severity; `later` lets a minute pass.
    """

    tracker: Tracker
    ref: str
    sets: Callable[[str], None]
    later: Callable[[], None]
    began: datetime


class TrackerContract:
    """What every tracker keeps to; a subclass has the fixture `tracked`."""

    def test_an_edit_and_the_ledger_are_written_together_and_read_back(self, tracked: Tracked) -> None:
        tracked.tracker.write(tracked.ref, Edit({"severity": "high"}, Comment("We are on it.")), '{"v":1}')
        ticket = tracked.tracker.get(tracked.ref)
        assert ticket.fields["severity"] == "high"
        assert ticket.ledger == '{"v":1}'
        (comment,) = ticket.comments
        assert (comment.text, comment.by, comment.public) == ("We are on it.", tracked.tracker.me(), comment.public)

    def test_a_comment_is_edited_in_place_or_refused(self, tracked: Tracked) -> None:
        tracked.tracker.write(tracked.ref, Edit(comment=Comment("one")), None)
        (first,) = tracked.tracker.get(tracked.ref).comments
        if not tracked.tracker.edits_comments:
            with pytest.raises(Refused):
                tracked.tracker.write(tracked.ref, Edit(comment=Comment("two", id=first.id)), None)
            assert tracked.tracker.get(tracked.ref).comments == (first,)
            return
        tracked.tracker.write(tracked.ref, Edit(comment=Comment("two", id=first.id)), None)
        (second,) = tracked.tracker.get(tracked.ref).comments
        assert (second.id, second.text) == (first.id, "two")

    def test_history_says_who_made_what_of_it_and_what_it_was_then(self, tracked: Tracked) -> None:
        tracked.later()
        tracked.tracker.write(tracked.ref, Edit({"severity": "high"}), None)
        tracked.later()
        tracked.sets("low")
        ticket = tracked.tracker.get(tracked.ref)
        told = [(c.before, c.after, c.by == tracked.tracker.me()) for c in ticket.history if c.field == "severity"]
        assert told == [(None, "high", True), ("high", "low", False)]
        assert ticket.at(tracked.began + timedelta(seconds=90)).fields["severity"] == "high"
        assert ticket.at(tracked.began).fields["severity"] is None
        assert ticket.complete_since is None or ticket.complete_since <= ticket.created

    def test_a_version_changes_with_the_ticket_and_only_then(self, tracked: Tracked) -> None:
        before = tracked.tracker.get(tracked.ref).version
        assert tracked.tracker.get(tracked.ref).version == before
        tracked.later()
        tracked.sets("high")
        assert tracked.tracker.get(tracked.ref).version != before

    def test_what_is_not_there_is_missing(self, tracked: Tracked) -> None:
        with pytest.raises(Missing):
            tracked.tracker.get("999999")

    def test_a_ticket_is_found_by_the_key_it_was_created_with(self, tracked: Tracked) -> None:
        ref = tracked.tracker.create(Edit({"summary": "Disk full", "description": "90 %"}), "alert-1")
        assert tracked.tracker.find("alert-1") == ref
        assert tracked.tracker.find("alert-2") is None
        assert tracked.tracker.get(ref).summary == "Disk full"

    def test_what_is_open_is_listed_with_its_ledger(self, tracked: Tracked) -> None:
        tracked.tracker.write(tracked.ref, None, '{"v":1}')
        tracked.later()
        listed = [ticket for page in tracked.tracker.open(tracked.began - timedelta(days=1)) for ticket in page]
        assert [ticket.ref for ticket in listed] == [tracked.ref]
        whole = listed[0].complete_since is None or listed[0].complete_since <= listed[0].created
        assert listed[0].ledger == '{"v":1}' or not whole, (
            "a page that cannot tell the ledger says that it is not whole"
        )

    def test_a_field_is_emptied_with_none(self, tracked: Tracked) -> None:
        tracked.tracker.write(tracked.ref, Edit({"severity": "high"}), None)
        tracked.tracker.write(tracked.ref, Edit({"severity": None}), None)
        assert tracked.tracker.get(tracked.ref).fields["severity"] is None


@dataclass
class Told:
    """A messenger with a place, and a way to see what buttons the newest message there has.

    `later` lets five minutes pass since it `began`. `keeps` are the buttons of a message that cannot be edited, once it
    was posted.
    """

    messenger: Messenger
    buttons: Callable[[], list[str]]
    later: Callable[[], None]
    began: datetime
    place: str = "#ops"
    keeps: tuple[str, ...] = ()


class MessengerContract:
    """What every messenger keeps to; a subclass has the fixture `told`."""

    def test_what_was_put_is_found_under_each_of_its_keys(self, told: Told) -> None:
        ref = told.messenger.put(told.place, TAKE, None, "one two")
        told.later()
        since = told.began - timedelta(minutes=1)
        if not told.messenger.searchable:
            assert isinstance(told.messenger.find(told.place, "one", since), CannotTell)
            return
        assert told.messenger.find(told.place, "one", since) == Found(ref)
        assert told.messenger.find(told.place, "two", since) == Found(ref)
        assert told.messenger.find(told.place, "three", since) == Absent()

    def test_what_was_put_is_brought_up_to_date_and_retired(self, told: Told) -> None:
        ref = told.messenger.put(told.place, TAKE, None, "one")
        if not told.messenger.editable:
            self._stays(told, ref)
            return
        assert told.buttons() == ["Take it"]
        told.later()
        assert told.messenger.put(told.place, Message("changed", TAKE.buttons), ref, "one") == ref
        told.messenger.retire(told.place, ref)
        assert told.buttons() == []
        told.messenger.retire(told.place, ref)

    def test_a_message_that_is_not_there_cannot_be_changed(self, told: Told) -> None:
        ref = told.messenger.put(told.place, TAKE, None, "one")
        if not told.messenger.editable:
            self._stays(told, ref)
            return
        with pytest.raises(Missing):
            told.messenger.put(told.place, TAKE, ref[:-1] + ("1" if ref[-1] != "1" else "2"), "one")

    def _stays(self, told: Told, ref: str) -> None:
        """What cannot be edited is refused an edit, and is let be by retiring."""
        assert told.buttons() == list(told.keeps)
        with pytest.raises(Refused):
            told.messenger.put(told.place, Message("changed"), ref, "one")
        told.messenger.retire(told.place, ref)
        assert told.buttons() == list(told.keeps)


@dataclass
class Opened:
    """A messenger that opens channels, somebody in it, and what a channel is like: name, archived, who is in it.

    People `archive` a channel.
    """

    messenger: Messenger
    ann: str
    seen: Callable[[str], tuple[str, bool, set[str]]]
    archive: Callable[[str], None]


class ChannelContract:
    """What every messenger that opens channels keeps to; a subclass has the fixture `opened`."""

    def test_one_key_is_one_channel_and_its_ref_is_a_place(self, opened: Opened) -> None:
        assert opened.messenger.channels
        ref = opened.messenger.open(CHANNEL, "one")
        assert opened.messenger.open(CHANNEL, "one") == ref
        other = opened.messenger.open(CHANNEL, "two")
        assert other != ref
        assert opened.seen(ref)[0] == "inc-ops-1"
        assert opened.seen(other)[0].startswith("inc-ops-1-")
        assert opened.messenger.put(ref, Message("hello"), None, "k")

    def test_it_is_arranged_as_often_as_is_wanted_and_nobody_is_put_out(self, opened: Opened) -> None:
        ref = opened.messenger.open(CHANNEL, "one")
        card = opened.messenger.put(ref, Message("card"), None, "k")
        for people in ((opened.ann,), (opened.ann,), ()):
            opened.messenger.arrange(ref, replace(CHANNEL, people=people, pinned=(card,)))
        name, archived, inside = opened.seen(ref)
        assert (name, archived, len(inside)) == ("inc-ops-1", False, 1)

    def test_it_is_archived_and_that_is_once(self, opened: Opened) -> None:
        ref = opened.messenger.open(CHANNEL, "one")
        opened.messenger.arrange(ref, replace(CHANNEL, archived=True))
        opened.messenger.arrange(ref, replace(CHANNEL, archived=True))
        assert opened.seen(ref)[1]

    def test_what_is_gone_or_was_archived_by_people_is_missing(self, opened: Opened) -> None:
        ref = opened.messenger.open(CHANNEL, "one")
        opened.archive(ref)
        with pytest.raises(Missing):
            opened.messenger.arrange(ref, CHANNEL)
        with pytest.raises(Missing):
            opened.messenger.arrange("C404", CHANNEL)


@dataclass
class Rostered:
    """A roster with a `schedule` in which two people take turns, the second from `handover` on, and a week each."""

    roster: Roster
    schedule: str
    handover: datetime


class RosterContract:
    """What every roster keeps to; a subclass has the fixture `rostered`."""

    def test_shifts_are_told_in_their_order_for_weeks_ahead(self, rostered: Rostered) -> None:
        first, second = self._shifts(rostered, timedelta(days=2), timedelta(days=30))
        assert (first.until, second.start, second.until) == (
            rostered.handover,
            rostered.handover,
            rostered.handover + timedelta(weeks=1),
        )
        assert first.user != second.user
        assert all(shift.start < shift.until and shift.start.tzinfo is not None for shift in (first, second))

    def test_a_shift_that_only_reaches_into_the_time_asked_for_is_among_them(self, rostered: Rostered) -> None:
        (first,) = self._shifts(rostered, timedelta(hours=2), timedelta(hours=-1))
        assert first.until == rostered.handover
        (second,) = self._shifts(rostered, timedelta(hours=-1), timedelta(hours=2))
        assert second.start <= rostered.handover + timedelta(hours=1) < second.until

    def test_everybody_has_what_they_can_be_known_by(self, rostered: Rostered) -> None:
        shifts = self._shifts(rostered, timedelta(days=2), timedelta(days=30))
        assert all(shift.user.id or shift.user.email or shift.user.name for shift in shifts)

    def test_a_schedule_that_is_not_there_is_missing_or_nobody(self, rostered: Rostered) -> None:
        try:
            found = rostered.roster.shifts("no-such-schedule", rostered.handover, rostered.handover + timedelta(days=1))
        except Missing:
            return
        assert found == ()

    def _shifts(self, rostered: Rostered, before: timedelta, after: timedelta) -> tuple[Shift, ...]:
        return rostered.roster.shifts(rostered.schedule, rostered.handover - before, rostered.handover + after)
