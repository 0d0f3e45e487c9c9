"""Who is on call by PagerDuty, Jira Service Management and calendar feeds, against the sandbox over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Roster, Wanted
from connectors.errors import ConnectorError, Denied, Missing, Refused, Temporary
from connectors.ical import ICal, ICalSettings
from connectors.ical.often import endless
from connectors.jsm import JSM, JSMSettings
from connectors.model import Shift, User
from connectors.pagerduty import PagerDuty, PagerDutySettings
from connectors.testing.contract import RosterContract, Rostered
from sandbox.clock import Clock
from sandbox.http import Answer, Fault, Server
from sandbox.rosters import Duty, RosterState
from tests.connectors.faults import plain

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)  # a Wednesday
START, UNTIL = NOW - timedelta(days=1), NOW + timedelta(days=35)
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
WEEK = timedelta(weeks=1)
SECRET = "very-secret-token"
MINUTES = ",".join(map(str, range(60)))


@dataclass
class Box:
    """A product in the sandbox with a connector to it."""

    state: RosterState
    server: Server
    roster: Roster

    def shifts(self, schedule: str = "PI7DH85") -> list[tuple[str, datetime, datetime]]:
        found = self.roster.shifts(schedule, START, UNTIL)
        return [(each.user.id or each.user.email or each.user.name, each.start, each.until) for each in found]


def feed(*events: str) -> str:
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n"
    body = "".join(f"BEGIN:VEVENT\r\nUID:{n}@x\r\n{e}\r\nEND:VEVENT\r\n" for n, e in enumerate(events))
    return f"{head}{body}END:VCALENDAR\r\n"


def made(kind: str, url: str, state: RosterState, timeout: float = 10) -> Roster:
    if kind == "pagerduty":
        settings = PagerDutySettings.model_validate({"token": state.token, "url": url, "timeout": timeout})
        return PagerDuty("pagerduty", settings)
    if kind == "jsm":
        told = {"token": state.token, "user": state.user, "cloud_id": state.cloud, "url": url, "timeout": timeout}
        return JSM("jsm", JSMSettings.model_validate(told))
    feeds = {"PI7DH85": f"{url}/feed.ics?token={SECRET}"}
    return ICal("ical", ICalSettings.model_validate({"feeds": feeds, "timezone": "Europe/Berlin", "timeout": timeout}))


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    state = RosterState(Clock(NOW, speed=0))
    state.token = SECRET
    state.feed = feed("DTSTART:20261123T080000Z\r\nDTEND:20261130T080000Z\r\nSUMMARY:maria")
    state.put("PI7DH85", Duty("PM", "Maria Keller", "maria@example.org", MONDAY, MONDAY + WEEK))
    with Server(state.handle, state.clock) as server:
        server.remember = True
        late = "late" in request.node.name
        roster = made(request.param, server.url, state, 0.5 if late else 10)
        yield Box(state, server, roster)
        roster.close()


every = pytest.mark.parametrize("box", ["pagerduty", "jsm", "ical"], indirect=True)
pagerduty = pytest.mark.parametrize("box", ["pagerduty"], indirect=True)
jsm = pytest.mark.parametrize("box", ["jsm"], indirect=True)
ical = pytest.mark.parametrize("box", ["ical"], indirect=True)


@every
def test_shifts_are_told_for_weeks_ahead(box: Box) -> None:
    ((who, start, until),) = box.shifts()
    assert who in {"PM", "maria"}
    assert start <= START
    assert until == MONDAY + WEEK


@pytest.fixture(params=["pagerduty", "jsm", "ical"])
def rostered(request: pytest.FixtureRequest) -> Iterator[Rostered]:
    state = RosterState(Clock(NOW, speed=0))
    two = ("PM", "Maria Keller", "maria@example.org"), ("PT", "Tom Reyes", "tom@example.org")
    handover = MONDAY + WEEK
    state.put("PI7DH85", Duty(*two[0], MONDAY, handover), Duty(*two[1], handover, handover + WEEK))
    times = ("20261123T080000Z", "20261130T080000Z", "20261207T080000Z")
    state.feed = feed(
        *(f"DTSTART:{a}\r\nDTEND:{b}\r\nSUMMARY:{n}" for a, b, n in zip(times, times[1:], "AB", strict=False))
    )
    with Server(state.handle, state.clock) as server:
        roster = made(request.param, server.url, state)
        yield Rostered(roster, "PI7DH85", handover)
        roster.close()


class TestRosters(RosterContract):
    """Every roster of ours."""


# ---- a bad day

FAULTS: list[tuple[str, Fault, type[ConnectorError]]] = [
    *((row[0], row[1], row[2]) for row in plain()),
    ("not signed in", Fault(..., Answer(401, "no")), Denied),
    ("not allowed", Fault(..., Answer(403, "no")), Denied),
    ("no such thing", Fault(..., Answer(404, "no")), Missing),
    ("server error", Fault(..., Answer(500, "<html>oops"), times=9), Temporary),
    ("unavailable", Fault(..., Answer(503, ""), times=9), Temporary),
    ("reset", Fault(..., drop=True, times=9), Temporary),
    ("no calendar and no JSON", Fault(..., Answer(200, "<html>hello")), Temporary),
    ("empty", Fault(..., Answer(200, "")), Temporary),
    ("too late", Fault(..., drop=True, wait=1, times=9), Temporary),
]


@every
@pytest.mark.parametrize(("why", "fault", "error"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_bad_day_is_one_of_four_errors_and_tells_no_secret(
    box: Box, why: str, fault: Fault, error: type[ConnectorError]
) -> None:
    if why == "moved" and isinstance(box.roster, ICal):  # a feed may move, here to where nobody is let in
        fault, error = Fault(..., Answer(302, "", {"location": f"{box.server.url}/elsewhere"})), Denied
    box.server.fail(Fault(lambda asked: True, fault.answer, fault.done, fault.drop, fault.wait, max(fault.times, 3)))
    with pytest.raises(error) as caught:
        box.roster.shifts("PI7DH85", START, UNTIL)
    assert SECRET not in str(caught.value)
    assert "PI7DH85" in str(caught.value)


@every
def test_what_fails_once_is_asked_again(box: Box) -> None:
    box.server.fail(Fault(lambda asked: True, Answer(502, "")))
    assert len(box.shifts()) == 1


@every
def test_no_secret_is_printed(box: Box) -> None:
    assert SECRET not in repr(box.roster.settings) + str(box.roster.settings) + repr(vars(box.roster.settings))
    box.server.fail(Fault(lambda asked: True, Answer(401, f"token {SECRET}"), times=9))
    told = [str(problem) for problem in box.roster.check(Wanted(addresses=("PI7DH85",)))]
    assert len(told) == 1
    assert SECRET not in told[0]


@every
def test_check_is_content_with_what_is_there(box: Box) -> None:
    assert list(box.roster.check(Wanted(addresses=("PI7DH85",)))) == []
    (problem,) = box.roster.check(Wanted(addresses=("PNONE",)))
    assert "PNONE" in str(problem)


# ---- PagerDuty


@pagerduty
def test_an_on_call_of_several_policies_is_one_shift_and_pages_are_read_to_the_end(box: Box) -> None:
    people = [
        Duty(f"P{n}", f"N {n}", f"n{n}@x.org", NOW + n * timedelta(hours=1), NOW + (n + 1) * timedelta(hours=1))
        for n in range(120)
    ]
    box.state.put("PI7DH85", *people, policies=2)
    assert [who for who, _, _ in box.shifts()] == [f"P{n}" for n in range(120)]
    assert len([1 for asked, _ in box.server.seen if asked.path == "/oncalls"]) == 3


@pagerduty
def test_who_is_always_on_call_is_so_for_as_long_as_was_asked(box: Box) -> None:
    box.state.put("PI7DH85", Duty("PM", "Maria", "maria@example.org"))
    (shift,) = box.roster.shifts("PI7DH85", START, UNTIL)
    assert shift == Shift(User("PM", "Maria", "maria@example.org"), START, UNTIL)


@pagerduty
def test_a_schedule_in_no_escalation_policy_is_told(box: Box) -> None:
    box.state.put("PI7DH85", Duty("PM", "Maria", "maria@example.org"), policies=0)
    (problem,) = box.roster.check(Wanted(addresses=("PI7DH85",)))
    assert "stands in no escalation policy" in str(problem)
    assert box.shifts() == []


@pagerduty
def test_its_own_header_says_how_long_to_wait(box: Box) -> None:
    box.server.fail(Fault(lambda asked: True, Answer(429, "", {"ratelimit-reset": "17"}), times=9))
    with pytest.raises(Temporary) as caught:
        box.shifts()
    assert caught.value.retry_after == 17
    box.server.heal()
    bad = Answer(400, {"error": {"message": "Invalid Input Provided", "errors": ["Until is before since"]}})
    box.server.fail(Fault(lambda asked: True, bad))
    with pytest.raises(Refused, match="Invalid Input Provided; Until is before since"):
        box.shifts()


# ---- Jira Service Management


@jsm
def test_nobodys_slots_and_deleted_rotations_are_left_out_and_teams_are_named(box: Box) -> None:
    box.state.put(
        "S1",
        Duty("5b10", "", "", MONDAY - WEEK, MONDAY),
        Duty("", "", "", MONDAY, MONDAY + timedelta(days=1), "noone"),
        Duty("5b20", "", "", MONDAY + timedelta(days=1), MONDAY + WEEK),
        Duty("t-1", "", "", MONDAY + WEEK, MONDAY + 2 * WEEK, "team"),
        Duty("5b10", "", "", MONDAY + 8 * WEEK, MONDAY + 9 * WEEK),
    )
    found = box.roster.shifts("S1", START, UNTIL)
    assert [(s.user.id, s.user.name, s.start, s.until) for s in found] == [
        ("5b20", "", MONDAY + timedelta(days=1), MONDAY + WEEK),
        ("t-1", "the team t-1", MONDAY + WEEK, MONDAY + 2 * WEEK),
    ]


@jsm
def test_the_people_of_a_team_are_told_in_their_order(box: Box) -> None:
    people = [{"id": "5b1", "type": "user"}, {"id": "5b2", "type": "user"}]
    edges = {"startDate": "2026-11-23T08:00:00Z", "endDate": "2026-11-30T08:00:00Z"}
    open_ended = {"startDate": "2026-11-23T08:00:00Z", "responder": people[0]}
    period = {**edges, "responder": {"id": "t-1", "type": "team"}, "flattenedResponders": people}
    timeline = {"finalTimeline": {"rotations": [{"id": "r", "periods": [period, open_ended]}]}}
    box.server.fail(Fault(lambda asked: True, Answer(200, timeline)))
    assert [who for who, _, _ in box.shifts()] == ["5b1", "5b2"]


@jsm
def test_a_disabled_schedule_is_told(box: Box) -> None:
    box.state.rotas["PI7DH85"].enabled = False
    assert "disabled" in str(*box.roster.check(Wanted(addresses=("PI7DH85",))))


@jsm
def test_the_last_week_asked_for_is_whole(box: Box) -> None:
    for day in range(7):
        start = MONDAY + timedelta(days=day)
        box.state.put("S1", Duty("5b1", "", "", start, start + timedelta(days=50)))
        (shift,) = box.roster.shifts("S1", start, start + timedelta(days=36))
        assert shift.until >= start + timedelta(days=36)


# ---- iCalendar


@ical
@pytest.mark.parametrize(
    ("event", "shifts", "why"),
    [
        ("DTSTART;VALUE=DATE:20261126\r\nSUMMARY:Tom", [("Tom", "2026-11-25 23:00", "2026-11-26 23:00")],
         "a day of the zone that the settings name"),
        ("DTSTART:20261126T090000\r\nDTEND:20261126T100000\r\nSUMMARY:Tom",
         [("Tom", "2026-11-26 08:00", "2026-11-26 09:00")], "a time without a zone"),
        ("DTSTART;TZID=America/New_York:20261126T090000\r\nDTEND;TZID=America/New_York:20261126T100000\r\nSUMMARY:Tom",
         [("Tom", "2026-11-26 14:00", "2026-11-26 15:00")], "a zone of its own"),
        (("DTSTART:20261102T080000Z\r\nDURATION:P7D\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4\r\n"
         "EXDATE:20261130T080000Z\r\nSUMMARY:Database\r\n  on call"),
         [("Database on call", "2026-12-14 08:00", "2026-12-21 08:00")], "every other week, but one"),
        ("DTSTART:20261126T090000Z\r\nDTEND:20261126T100000Z\r\nSTATUS:CANCELLED\r\nSUMMARY:Tom", [], "cancelled"),
        ("DTSTART:20261126T090000Z\r\nDTEND:20261126T090000Z\r\nSUMMARY:Tom", [], "no time at all"),
        (("DTSTART:20261126T090000Z\r\nDTEND:20261126T100000Z\r\nATTENDEE:mailto:ann@x.org\r\n"
         "ATTENDEE;CN=Tom:MAILTO:tom@x.org\r\nATTENDEE:urn:room\r\nSUMMARY:Both"),
         [("ann@x.org", "2026-11-26 09:00", "2026-11-26 10:00"), ("tom@x.org", "2026-11-26 09:00", "2026-11-26 10:00")],
         "everybody whom it invites"),
        ("DTSTART:20261126T090000Z\r\nDTEND:20261126T100000Z\r\nATTENDEE:mailto:ann@x.org\r\nSUMMARY:One",
         [("ann@x.org", "2026-11-26 09:00", "2026-11-26 10:00")], "one alone"),
    ],
)  # fmt: skip
def test_an_event_is_a_shift(box: Box, event: str, shifts: list[tuple[str, str, str]], why: str) -> None:
    box.state.feed = feed(event)

    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert box.shifts() == [(who, at(start), at(until)) for who, start, until in shifts], why


@ical
@pytest.mark.parametrize(
    ("event", "shifts", "why"),
    [
        ("DTSTART;TZID=Europe/Berlin:20261019T090000\r\nDTEND;TZID=Europe/Berlin:20261026T090000\r\nRRULE:FREQ=WEEKLY",
         [("2026-10-19 07:00", "2026-10-26 08:00"), ("2026-10-26 08:00", "2026-11-02 08:00")],
         "a week of an hour more; the next begins at nine as well"),
        ("DTSTART:20261019T090000\r\nDTEND:20261026T090000\r\nRRULE:FREQ=WEEKLY;COUNT=2",
         [("2026-10-19 07:00", "2026-10-26 08:00"), ("2026-10-26 08:00", "2026-11-02 08:00")], "so in no zone"),
        ("DTSTART;VALUE=DATE:20261024\r\nDTEND;VALUE=DATE:20261026",
         [("2026-10-23 22:00", "2026-10-25 23:00")], "two days, of which one has 25 hours"),
        ("DTSTART;TZID=Europe/Berlin:20260329T013000\r\nDTEND;TZID=Europe/Berlin:20260329T033000",
         [("2026-03-29 00:30", "2026-03-29 01:30")], "an hour that the clock leaps over"),
        ("DTSTART;TZID=Europe/Berlin:20261025T023000\r\nDTEND;TZID=Europe/Berlin:20261025T033000",
         [("2026-10-25 00:30", "2026-10-25 02:30")], "of two times the first"),
        ("DTSTART;TZID=W. Europe Standard Time:20261025T013000\r\nDTEND;TZID=W. Europe Standard Time:20261025T033000",
         [("2026-10-24 23:30", "2026-10-25 02:30")], "a zone as Outlook calls it"),
        ("DTSTART;TZID=Australia/Lord_Howe:20261004T013000\r\nDTEND;TZID=Australia/Lord_Howe:20261004T030000",
         [("2026-10-03 15:00", "2026-10-03 16:00")], "a clock that leaps over half an hour"),
        ("DTSTART;TZID=Asia/Kathmandu:20260701T090000\r\nDTEND;TZID=Asia/Kathmandu:20260701T170000",
         [("2026-07-01 03:15", "2026-07-01 11:15")], "a quarter of an hour beside everybody else"),
    ],
)  # fmt: skip
def test_a_shift_over_a_change_of_the_clock_is_as_the_clock_on_the_wall_shows_it(
    box: Box, event: str, shifts: list[tuple[str, str]], why: str
) -> None:
    box.state.feed = feed(event)
    wanted = [tuple(datetime.fromisoformat(edge).replace(tzinfo=UTC) for edge in shift) for shift in shifts]
    days = timedelta(days=2)
    found = box.roster.shifts("PI7DH85", wanted[0][0] - days, wanted[-1][1] - timedelta(minutes=1))
    assert [(shift.start, shift.until) for shift in found] == wanted, why


@ical
def test_a_feed_is_read_again_when_it_is_another(box: Box) -> None:
    assert [who for who, _, _ in box.shifts()] == ["maria"]
    assert [who for who, _, _ in box.shifts()] == ["maria"]
    box.state.feed = feed("DTSTART:20261126T090000Z\r\nDTEND:20261126T100000Z\r\nSUMMARY:tom")
    assert [who for who, _, _ in box.shifts()] == ["tom"]
    box.state.feed = feed("DTSTART:20261126T090000Z\r\nRRULE:FREQ=WEEKLY;UNTIL=never\r\nSUMMARY:tom")
    with pytest.raises(Temporary):
        box.shifts()


@ical
def test_a_feed_may_be_a_file(box: Box, tmp_path: Path) -> None:
    path = tmp_path / "rota.ics"
    path.write_text(feed("DTSTART:20261126T090000Z\r\nDTEND:20261126T100000Z\r\nSUMMARY:Tom"), encoding="utf-8")
    roster = ICal("ical", ICalSettings.model_validate({"feeds": {"dba": str(path), "gone": str(tmp_path / "no.ics")}}))
    assert [shift.user.name for shift in roster.shifts("dba", START, UNTIL)] == ["Tom"]
    with pytest.raises(Missing, match="No such file"):
        roster.shifts("gone", START, UNTIL)
    with pytest.raises(Missing, match="did you mean dba"):
        roster.shifts("dbaa", START, UNTIL)


@ical
def test_a_feed_that_moved_is_followed(box: Box) -> None:
    there = {"location": f"{box.server.url}/feed.ics"}
    box.server.fail(Fault(lambda asked: True, Answer(302, "", there)))
    assert len(box.shifts()) == 1


@ical
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (feed("DTSTART:20261126T090000Z\r\nRRULE:FREQ=SECONDLY\r\nSUMMARY:Tom"), "comes every hour or oftener"),
        ("X" * (10 * 2**20 + 1), "longer than 10 MB"),
        (feed("DTSTART:20261126T090000Z\r\nRRULE:FREQ=SECO\r\n NDLY\r\nSUMMARY:Tom"), "comes every hour or oftener"),
        (feed(f"DTSTART:20261126T090000Z\r\nRRULE:FREQ=DAILY;BYMINUTE={MINUTES}"), "comes every hour or oftener"),
        (feed("DTSTART:20261126T090000Z\r\nRRULE:FREQ=DAILY;INTERVAL=0"), "in steps of nothing"),
        (feed(*["DTSTART:00010101T090000Z\r\nRRULE:FREQ=DAILY"] * 3), "recur too often since they began"),
        (feed(*["DTSTART:20261101T090000Z\r\nRRULE:FREQ=DAILY;BYHOUR=8,9"] * 700), "more than 20,000 events"),
    ],
    ids=["a flood", "too long", "folded", "by the minute", "no step", "since the year 1", "thousands"],
)
def test_a_feed_that_would_take_for_ever_is_refused(box: Box, content: str, said: str) -> None:
    box.state.feed = content
    with pytest.raises(Refused, match=said):
        box.shifts()


@ical
def test_a_company_whose_calendar_is_old_and_full_is_no_flood(box: Box) -> None:
    weekly = "DTSTART:20150105T090000Z\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20160101T000000Z\r\nSUMMARY:Tom"
    box.state.feed = feed(*[weekly] * 400, *["DTSTART:20261126T090000Z\r\nSUMMARY:Tom"] * 3)
    assert endless(box.state.feed.encode(), START, UNTIL) == ""


@ical
@pytest.mark.parametrize("there", ["http://169.254.169.254/latest", "file:///etc/passwd", "//example.org/feed"])
def test_a_feed_that_moved_somewhere_unencrypted_is_not_followed(box: Box, there: str) -> None:
    box.server.fail(Fault(lambda asked: True, Answer(302, "", {"location": there})))
    with pytest.raises(Refused, match="does not begin with https://"):
        box.shifts()


@ical
def test_a_feed_that_moves_for_ever_is_given_up(box: Box) -> None:
    there = {"location": f"{box.server.url}/feed.ics"}
    box.server.fail(Fault(lambda asked: True, Answer(302, "", there), times=99))
    with pytest.raises(Refused, match="more than 5 times"):
        box.shifts()
    assert box.server.requests == 5


@ical
def test_a_feed_that_comes_letter_by_letter_is_given_up(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.ical.roster.SLOW", -1)
    with pytest.raises(Temporary, match="too slowly"):
        box.shifts()


@ical
def test_without_the_extra_it_is_said_what_to_install(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real: Callable[..., Any] = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "icalendar":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Refused, match=r'pip install "pointman\[calendar\]"'):
        box.shifts()


# ---- settings


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (PagerDutySettings, {"token": "x", "url": "http://api.pagerduty.com"}),
        (JSMSettings, {"token": "x", "user": "a@b.c", "cloud_id": "../x"}),
        (ICalSettings, {"feeds": {"dba": "x"}, "timezone": "Europe/Berlinn"}),
        (ICalSettings, {"feeds": {"dba": "http://calendar.example.org/secret.ics"}}),
    ],
)
def test_settings_that_cannot_be_are_refused(model: Any, told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        model.model_validate(told)
