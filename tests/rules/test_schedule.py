"""Who is on call and who is away, until when, and when it is nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.model import Shift, User
from rules import load
from rules.model import Override, RuleSet
from rules.schedule import away, comings, gaps, on_call, present, sources, staffed, turn, turns

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")


def at(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def company(schedules: str, people: str = "", rest: str = "") -> RuleSet:
    text = f"""
[defaults]
timezone = "Europe/Berlin"
{rest}
[calendars]
office = {{ hours = {{ mon-fri = "09:00-17:00" }} }}
[people]
maria = {{ name = "Maria Keller", email = "maria@example.org", pagerduty = "PM" {people} }}
tom = {{ name = "Tom Reyes", jira = "5b10", slack = "SAME" }}
ann = {{ msteams = "SAME", away = ["2026-12-07/2026-12-13"], timezone = "America/New_York" }}
[teams]
dba = {{ schedule = "dba" }}
nobody = {{ lead = "tom" }}
[schedules]
{schedules}
"""
    return load.parse({"company.toml": text}, connectors=["jira", "pagerduty", "ical"])


WEEKLY = 'dba = { rotation = ["maria", "tom", "ann"], handover = "Mon 09:00", first = 2026-11-23 }'


# ---- whose turn, and until when


def test_a_turn_lasts_until_somebody_else_takes_over() -> None:
    found = turn("dba", company(WEEKLY), at("2026-11-25 12:00"))
    assert (found.person, found.until) == ("maria", at("2026-11-30 08:00"))


def test_who_comes_next_is_whose_turn_it_is_then() -> None:
    rules = company(WEEKLY)
    people = [(t.person, t.until) for t in turns("dba", rules, at("2026-11-25 12:00"), at("2026-12-20 00:00"))]
    assert people == [
        ("maria", at("2026-11-30 08:00")),
        ("tom", at("2026-12-07 08:00")),
        ("maria", at("2026-12-14 05:00")),  # for ann, who is away until midnight in New York
        ("ann", at("2026-12-14 08:00")),
        ("maria", at("2026-12-21 08:00")),
    ]


def test_a_turn_is_the_same_however_it_is_asked_for() -> None:
    rules = company(WEEKLY)
    moments = [at("2026-11-25 12:00"), at("2026-12-02 12:00"), at("2026-11-26 12:00"), at("2026-11-30 08:00")]
    known = [on_call("dba", rules, moment) for moment in moments]
    assert known == [on_call("dba", company(WEEKLY), moment) for moment in moments] == ["maria", "tom", "maria", "tom"]


def test_somebody_alone_is_on_call_without_an_end() -> None:
    found = turn("dba", company('dba = { rotation = ["maria"], handover = "09:00" }'), at("2026-11-25 12:00"))
    assert (found.person, found.until, found.known_until) == ("maria", None, at("2027-01-24 12:00"))


def test_a_change_that_is_far_off_is_not_looked_for() -> None:
    rules = company(
        'dba = { rotation = ["maria"], handover = "09:00", overrides = '
        '[{ person = "tom", from = 2027-06-01T00:00:00, until = 2027-06-02T00:00:00 }] }'
    )
    assert turn("dba", rules, at("2026-11-25 12:00")).until is None
    assert [t.person for t in turns("dba", rules, at("2026-11-25"), at("2027-07-01"))].count("tom") == 1


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(["", "Sun ", "Sat ", "Fri "]),
    st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15)),
    st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 11, 1), date(2026, 4, 5),
                     date(2026, 10, 4), date(2011, 12, 30)]),
    st.integers(0, 4 * 1440),
)  # fmt: skip
def test_people_take_turns_as_the_clock_on_the_wall_says(
    zone: str, weekday: str, clock: time, day: date, minute: int
) -> None:
    """Minute by minute: each day on which the wall first shows the hand-over, or leaps over it, the next takes over."""
    first = day - timedelta(days=21)
    rules = company(
        f'dba = {{ rotation = ["maria", "tom"], handover = "{weekday}{clock:%H:%M}", first = {first}, '
        f'timezone = "{zone}" }}'
    )
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    now = start + minute * MINUTE
    shown = max((now - n * MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for n in range(0, 181, 15))
    shown = max(shown, now.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
    days = [first + timedelta(days=n) for n in range(-8, 40)]
    if weekday:
        days = [each for each in days if f"{each:%a} " == weekday]
        days = days[max(n for n, each in enumerate(days) if each <= first) :]
    else:
        days = [each for each in days if each >= first]
    passed = sum(datetime.combine(each, clock) <= shown for each in days)
    assert on_call("dba", rules, now) == ("maria", "tom")[(passed - 1) % 2]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 30 * 1440), st.sampled_from(["09:00", "Mon 02:30"]))
def test_a_turn_ends_at_the_first_minute_of_another(zone: str, minute: int, handover: str) -> None:
    rules = company(
        f'dba = {{ rotation = ["maria", "tom", "ann"], handover = "{handover}", timezone = "{zone}", layers = ["late"],'
        'during = "office", '
        'overrides = [{ person = "tom", from = 2026-12-02T10:07:00, until = 2026-12-03T11:00:00 }] }\n'
        'late = { rotation = ["tom", "maria"], handover = "06:00" }'
    )
    now = at("2026-11-23") + minute * MINUTE
    found = turn("dba", rules, now)
    assert found.until is not None
    fresh = company_without_memory(rules)
    for moment in (now, now + (found.until - now) / 2, found.until - MINUTE):
        assert on_call("dba", fresh, moment) == found.person
    assert on_call("dba", fresh, found.until) != found.person


def company_without_memory(rules: RuleSet) -> RuleSet:
    rules.turns.clear()
    return rules


# ---- hours, layers


LAYERED = """
dba = { layers = ["by-day", "by-night"] }
by-night = { rotation = ["tom"], handover = "09:00" }
[schedules.by-day]
rotation = ["maria"]
handover = "09:00"
during = "office"
overrides = [{ person = "ann", from = 2026-11-28T12:00:00Z, until = 2026-11-28T13:00:00Z }]
"""


@pytest.mark.parametrize(
    ("moment", "who", "why"),
    [
        ("2026-11-25 12:00", "maria", "within the hours of the first"),
        ("2026-11-25 18:00", "tom", "outside of them the second decides"),
        ("2026-11-28 12:30", "ann", "an override holds outside of the hours, too"),
        ("2026-11-28 13:00", "tom", "and then it is nobody of the first again"),
    ],
)
def test_of_several_layers_the_first_that_has_somebody_decides(moment: str, who: str, why: str) -> None:
    assert on_call("dba", company(LAYERED), at(moment)) == who, why


def test_the_end_of_a_layer_is_a_hand_over() -> None:
    assert turn("dba", company(LAYERED), at("2026-11-25 12:00")).until == at("2026-11-25 16:00")
    assert turn("dba", company(LAYERED), at("2026-11-25 18:00")).until == at("2026-11-26 08:00")


# ---- gaps


def test_a_stretch_in_which_nobody_is_on_call_is_a_gap() -> None:
    rules = company('dba = { rotation = ["ann"], handover = "09:00" }')
    assert gaps("dba", rules, at("2026-11-25"), at("2026-12-25")) == ((at("2026-12-07 05:00"), at("2026-12-14 05:00")),)
    assert gaps("dba", company(WEEKLY), at("2026-11-25"), at("2026-12-25")) == ()


def test_a_gap_that_goes_on_is_told_as_far_as_was_asked() -> None:
    rules = company('dba = { from = "pagerduty:P1" }')
    start = at("2026-11-25")
    assert gaps("dba", rules, start, start + timedelta(days=100)) == ((start, start + timedelta(days=100)),)


# ---- away, and a person's own hours


def test_whoever_is_absent_by_a_feed_is_away_for_these_hours() -> None:
    rules, _ = staffed(
        company(WEEKLY, rest='absences = ["ical:all"]'),
        {("ical", "all"): (Shift(User("", "Maria Keller: dentist"), at("2026-11-25 12:00"), at("2026-11-25 14:00")),)},
    )
    assert [away("maria", rules, at(f"2026-11-25 {hour}:00")) for hour in (11, 12, 13, 14)] == [
        False,
        True,
        True,
        False,
    ]
    assert turn("dba", rules, at("2026-11-25 12:00")) == turn("dba", rules, at("2026-11-25 12:00"))
    assert turn("dba", rules, at("2026-11-25 12:00")).person == "tom"
    assert turn("dba", rules, at("2026-11-25 12:00")).until == at("2026-11-25 14:00")
    assert list(comings(["maria"], rules, at("2026-11-25 12:30"))) == [at("2026-11-25 14:00")]


def test_a_person_is_there_within_their_hours() -> None:
    rules = company(WEEKLY, ', hours = "office"')
    assert [present("maria", rules, at(f"2026-11-25 {hour}")) for hour in ("07:59", "08:00", "16:00")] == [
        False,
        True,
        False,
    ]
    assert present("tom", rules, at("2026-11-28"))
    assert list(comings(["maria", "tom"], rules, at("2026-11-25 12:00"))) == [at("2026-11-25 16:00")]


# ---- what was looked up


def shift(user: User, start: str, until: str) -> Shift:
    return Shift(user, at(start), at(until))


KEPT = 'dba = { from = "pagerduty:P1", rotation = ["tom"], handover = "09:00" }'


def test_what_was_looked_up_comes_before_the_rotation() -> None:
    rules = company(KEPT)
    assert sources(rules) == (("pagerduty", "P1"),)
    assert on_call("dba", rules, at("2026-11-25 12:00")) == "tom"
    made, strangers = staffed(rules, {("pagerduty", "P1"): (shift(User("PM"), "2026-11-25", "2026-11-26"),)})
    assert strangers == ()
    assert [on_call("dba", made, at(day)) for day in ("2026-11-24", "2026-11-25", "2026-11-26")] == [
        "tom",
        "maria",
        "tom",
    ]
    assert turn("dba", made, at("2026-11-25")).until == at("2026-11-26")
    assert made.digest == rules.digest
    assert made.index is rules.index
    assert on_call("dba", rules, at("2026-11-25 12:00")) == "tom", "the rules as written are as they were"


def test_an_override_comes_before_what_was_looked_up() -> None:
    rules = company(
        KEPT.replace(
            "}", ', overrides = [{ person = "ann", from = 2026-11-25T00:00:00Z, until = 2026-11-26T00:00:00Z }] }'
        )
    )
    made, _ = staffed(rules, {("pagerduty", "P1"): (shift(User("PM"), "2026-11-25", "2026-11-26"),)})
    assert on_call("dba", made, at("2026-11-25 12:00")) == "ann"


@pytest.mark.parametrize(
    ("user", "who", "why"),
    [
        (User("PM", "Somebody"), "maria", "by their id there"),
        (User("PX", "M. Keller", "MARIA@example.org"), "maria", "by address"),
        (User("5b10", ""), "tom", "by an id that is his alone, in another product"),
        (User("SAME", ""), None, "and not by one that two have"),
        (User("PX", "Tom Reyes", "t@example.org"), "tom", "by the whole name, where the product knows people"),
        (User("PX", "Tom Reyes Junior"), None, "and not by a part of it"),
        (User("", "On call: tom (first)"), "tom", "by the key in a text, where it does not"),
        (User("", "Database / maria keller"), "maria", "by the name in it"),
        (User("", "Tomorrow: Annex"), None, "by whole words only"),
        (User("", ""), None, "nobody at all"),
    ],
)
def test_people_are_known_by_id_address_or_name(user: User, who: str | None, why: str) -> None:
    made, strangers = staffed(company(KEPT), {("pagerduty", "P1"): (Shift(user, at("2026-11-25"), at("2026-11-26")),)})
    shifts = made.schedules["dba"].shifts
    assert shifts == ((Override(who, at("2026-11-25"), at("2026-11-26")),) if who else ()), why
    assert len(strangers) == (not who)


def test_whom_nobody_knows_is_told_once_and_of_absences_not_at_all() -> None:
    rules = company(KEPT, rest='absences = ["ical:all"]')
    stranger = shift(User("P9", "Sue Doe", "sue@example.org"), "2026-11-25", "2026-11-26")
    _, strangers = staffed(rules, {("pagerduty", "P1"): (stranger, stranger), ("ical", "all"): (stranger,)})
    assert strangers == ("pagerduty:P1: nobody in [people] is Sue Doe <sue@example.org>",)
    assert sources(rules) == (("pagerduty", "P1"), ("ical", "all"))


def test_a_source_that_is_not_set_up_is_a_warning() -> None:
    (warning,) = company('dba = { from = "jsm:S1" }').warnings
    assert warning.message == "no connector jsm is configured, so it is looked up nowhere"
