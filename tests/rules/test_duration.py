"""Durations are written in one way, and a slip is answered with that way."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("1w2d3h4m5s", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("90m", timedelta(minutes=90)),
        ("0h5m", timedelta(minutes=5)),
        ("520w", timedelta(weeks=520)),
    ],
)
def test_a_duration_is_read_in_descending_units(text: str, span: timedelta) -> None:
    assert duration.parse(text) == span


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("90", '90 is no duration; it needs a unit: "90m" or "90s"'),
        ("1.5h", '1.5h is no duration; write whole numbers: "1h30m", not "1.5h"'),
        ("5 min", '5 min is no duration; write "5m"'),
        ("2 hours", '2 hours is no duration; write "2h"'),
        ("1H 30M", '1H 30M is no duration; write "1h30m"'),
        ("30m1h", '30m1h is no duration; write each unit once, the largest first: "1h30m"'),
        ("1h1h", '1h1h is no duration; write each unit once, the largest first: "1h30m"'),
        ("soon", 'soon is no duration; write it like "1h30m", in the units w d h m s'),
        ("1h and a bit", '1h and a bit is no duration; write it like "1h30m", in the units w d h m s'),
        ("-5m", '-5m is no duration; write it like "1h30m", in the units w d h m s'),
        ("", 'an empty text is no duration; write it like "1h30m", in the units w d h m s'),
        ("５m", '５m is no duration; write it like "1h30m", in the units w d h m s'),
        ("0m", "0m is no time at all; a duration is above zero"),
        ("600w", "600w is longer than ten years"),
        ("9" * 5_000 + "s", "9" * 5_000 + "s is longer than ten years"),
    ],
)
def test_a_slip_is_answered_in_a_sentence(text: str, answer: str) -> None:
    with pytest.raises(ValueError, match=r"duration|ten years") as wrong:
        duration.parse(text)
    assert str(wrong.value) == answer


@given(st.text(max_size=30) | st.text("0123456789wdhms. ", max_size=12))
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert duration.parse(text) > timedelta(0)


@given(st.integers(min_value=1, max_value=3_650 * 86_400))
def test_what_is_shown_is_read_again(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert duration.parse(duration.show(span)) == span


@pytest.mark.parametrize(
    ("span", "shown"),
    [(timedelta(0), "0s"), (timedelta(minutes=-90), "-1h30m"), (timedelta(seconds=59.6), "1m"), (timedelta(8), "1w1d")],
)
def test_any_span_can_be_shown(span: timedelta, shown: str) -> None:
    assert duration.show(span) == shown


def test_days_and_weeks_are_told_apart_from_hours() -> None:
    assert duration.in_days("1d")
    assert duration.in_days("1w2h")
    assert not duration.in_days("36h5m1s")
