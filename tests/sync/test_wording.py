"""Commands in words: what people type in a hurry is understood, in any order they would try."""

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model import Command, User
from rules.load import parse
from sync.asked import Sorry
from sync.moments import moment
from sync.wording import PHRASES, understood

RULES = parse(
    {
        "rules.toml": """
[defaults]
timezone = "UTC"
[scales]
severity = ["low", "medium", "high"]
[people]
maria = { slack = "U1" }
[roles]
poc = { title = "Point of contact" }
commander = {}
"""
    }
)
ONE_ROLE = parse({"rules.toml": '[defaults]\ntimezone = "UTC"\n[roles]\npoc = {}\n'})


def typed(text: str) -> Command:
    return Command("", "words", User("U1"), "slack", {"text": text})


def read(text: str, rules=RULES) -> tuple[str, str, dict[str, str]]:
    found = understood(typed(text), rules)
    return found.verb, found.ref, dict(found.args)


@pytest.mark.parametrize(
    ("text", "verb", "ref", "args"),
    [
        ("acknowledge OPS-42", "acknowledge", "OPS-42", {}),
        ("ACK ops-42", "acknowledge", "OPS-42", {}),
        ("OPS-42 ack", "acknowledge", "OPS-42", {}),
        ("please ack OPS-42!", "acknowledge", "OPS-42", {}),
        ("ack INC0010023", "acknowledge", "INC0010023", {}),
        ("ack https://acme.atlassian.net/browse/OPS-42", "acknowledge", "OPS-42", {}),
        ("un-acknowledge OPS-42", "unacknowledge", "OPS-42", {}),
        ("unack OPS-42 please", "unacknowledge", "OPS-42", {}),
        ("take it OPS-42", "take", "OPS-42", {}),
        ("assign OPS-42 maria", "assign", "OPS-42", {"person": "maria"}),
        ("assign maria OPS-42", "assign", "OPS-42", {"person": "maria"}),
        ("assign maria to OPS-42", "assign", "OPS-42", {"person": "maria"}),
        ("assign OPS-42 to Maria Keller", "assign", "OPS-42", {"person": "Maria Keller"}),
        ("OPS-42 assign U024BE7LH", "assign", "OPS-42", {"person": "U024BE7LH"}),
        ("maria OPS-42 assign", "assign", "OPS-42", {"person": "maria"}),
        ("escalate OPS-42 now", "escalate", "OPS-42", {}),
        ("escalate now OPS-42", "escalate", "OPS-42", {}),
        ("raise OPS-42", "raise", "OPS-42", {}),
        ("raise OPS-42 to high", "raise", "OPS-42", {"level": "high"}),
        ("lower the OPS-42", "lower", "OPS-42", {"level": "the"}),
        ("sev OPS-42 high", "severity", "OPS-42", {"level": "high"}),
        ("severity high OPS-42", "severity", "OPS-42", {"level": "high"}),
        ("set severity of OPS-42 to high", "severity", "OPS-42", {"level": "high"}),
        ("update OPS-42 see OPS-1, it  is\nthe same", "update", "OPS-42", {"text": "see OPS-1, it  is\nthe same"}),
        ("OPS-42 update failover is done", "update", "OPS-42", {"text": "failover is done"}),
        ("update failover is done on OPS-42", "update", "OPS-42", {"text": "failover is done"}),
        ("post an update OPS-42 done", "update", "OPS-42", {"text": "done"}),
        ("update we moved OPS-1 to the spare", "update", "", {"text": "we moved OPS-1 to the spare"}),
        ("update", "update", "", {}),
        ("note OPS-42 logs are attached", "comment", "OPS-42", {"text": "logs are attached"}),
        ("hold OPS-42 because waiting for Acme", "hold", "OPS-42", {"reason": "waiting for Acme"}),
        ("put on hold OPS-42", "hold", "OPS-42", {}),
        ("resume OPS-42", "resume", "OPS-42", {}),
        ("eta OPS-42 15:30", "eta", "OPS-42", {"time": "15:30"}),
        ("eta in 2h OPS-42", "eta", "OPS-42", {"time": "in 2h"}),
        ("eta for OPS-42 is tomorrow 09:00", "eta", "OPS-42", {"time": "tomorrow 09:00"}),
        ("cadence OPS-42 15m", "cadence", "OPS-42", {"every": "15m"}),
        ("cadence OPS-42 every 15 minutes", "cadence", "OPS-42", {"every": "15 minutes"}),
        ("OPS-42 cadence normal", "cadence", "OPS-42", {"every": "normal"}),
        ("skip OPS-42", "skip", "OPS-42", {}),
        ("skip it OPS-42", "skip", "OPS-42", {}),
        ("skip step OPS-42", "skip", "OPS-42", {"what": "step"}),
        ("OPS-42 skip the next step", "skip", "OPS-42", {"what": "step"}),
        ("pause OPS-42 30m", "pause", "OPS-42", {"time": "30m"}),
        ("pause OPS-42 for 30m", "pause", "OPS-42", {"time": "30m"}),
        ("pause OPS-42 until 14:30", "pause", "OPS-42", {"time": "until 14:30"}),
        ("pause", "pause", "", {}),
        ("snooze OPS-42", "snooze", "OPS-42", {}),
        ("remind me later OPS-42", "snooze", "OPS-42", {}),
        ("snooze OPS-42 for 10m", "snooze", "OPS-42", {"time": "10m"}),
        ("claim poc OPS-42", "claim", "OPS-42", {"role": "poc"}),
        ("claim the role poc for OPS-42", "claim", "OPS-42", {"role": "poc"}),
        ("handover OPS-42 poc maria", "handover", "OPS-42", {"role": "poc", "person": "maria"}),
        ("hand over point of contact to maria for OPS-42", "handover", "OPS-42", {"role": "poc", "person": "maria"}),
        ("handover maria commander OPS-42", "handover", "OPS-42", {"role": "commander", "person": "maria"}),
        ("handover OPS-42 pox maria", "handover", "OPS-42", {"role": "pox", "person": "maria"}),
        ("handover OPS-42 poc", "handover", "OPS-42", {"role": "poc"}),
        ("handover OPS-42", "handover", "OPS-42", {}),
        ("resolved OPS-42", "resolve", "OPS-42", {}),
        ("new", "declare", "", {}),
        ("new Checkout is down", "declare", "", {"summary": "Checkout is down"}),
        (
            "declare an incident: Checkout is down sev=high service=checkout",
            "declare",
            "",
            {"summary": "Checkout is down", "severity": "high", "service": "checkout"},
        ),
        ("mine", "mine", "", {}),
        ("list mine", "mine", "", {}),
        ("OPS-42", "status", "OPS-42", {}),
        ("how is OPS-42", "status", "OPS-42", {}),
        ("what's next OPS-42?", "next", "OPS-42", {}),
        ("why OPS-42", "why", "OPS-42", {}),
        ("explain OPS-42 2026-11-23T10:15Z", "why", "OPS-42", {"at": "2026-11-23T10:15Z"}),
        ("", "help", "", {}),
        ("hi", "help", "", {}),
        ("?", "help", "", {}),
        ("help OPS-42", "help", "OPS-42", {}),
    ],
)
def test_what_people_type_is_understood(text: str, verb: str, ref: str, args: dict[str, str]) -> None:
    assert read(text) == (verb, ref, args)


@pytest.mark.parametrize(
    ("text", "verb", "args"),
    [
        ("update OPS-42 every 15m", "cadence", {"every": "15m"}),
        ("OPS-42 update every half an hour", "cadence", {"every": "half an hour"}),
        ("update OPS-42 every pod is restarted", "update", {"text": "every pod is restarted"}),
        ("update OPS-42 every 15m a pod dies", "update", {"text": "every 15m a pod dies"}),
    ],
)
def test_how_often_is_nothing_to_tell_everybody(text: str, verb: str, args: dict[str, str]) -> None:
    assert read(text) == (verb, "OPS-42", args)


def test_with_one_role_a_handover_needs_no_role() -> None:
    assert read("handover OPS-42 Maria Keller", ONE_ROLE) == ("handover", "OPS-42", {"person": "Maria Keller"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acknowlege OPS-42", "Did you mean acknowledge? Write a verb and a ticket"),
        ("OPS-42 resolv", "Did you mean resolve"),
        ("xyzzy", "That was not understood. Write a verb and a ticket"),
        ("a very long sentence that says to resolve nothing at all", "That was not understood."),
    ],
)
def test_what_is_not_understood_is_answered_with_the_nearest_verb(text: str, said: str) -> None:
    with pytest.raises(Sorry, match=said.replace("?", r"\?")):
        read(text)


def test_a_button_for_a_role_carries_it_and_a_form_may_name_the_ticket() -> None:
    clicked = understood(Command("10001", "claim:poc", User("U1"), "slack"), RULES)
    assert (clicked.verb, clicked.ref, clicked.args) == ("claim", "10001", {"role": "poc"})
    sent = understood(Command("", "comment", User("U1"), "slack", {"ticket": " ops-7 ", "text": "x"}), RULES)
    assert (sent.verb, sent.ref, sent.args) == ("comment", "OPS-7", {"text": "x"})
    with pytest.raises(Sorry, match="does not know dance"):
        understood(Command("10001", "dance", User("U1"), "slack"), RULES)


@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*PHRASES, "OPS-42", "maria", "to", "poc", "15:30"])).map(" ".join)
)
def test_nothing_that_is_typed_raises_anything_but_a_sentence(text: str) -> None:
    with suppress(Sorry):
        assert understood(typed(text), RULES).verb != "words"


# ---- moments

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday, eleven o'clock in Berlin


@pytest.mark.parametrize(
    ("said", "local"),
    [
        ("15:30", "2026-11-23 15:30"),
        ("15.30", "2026-11-23 15:30"),
        ("at 3pm", "2026-11-23 15:00"),
        ("12am", "2026-11-24 00:00"),
        ("09:00", "2026-11-24 09:00"),
        ("tomorrow 9:15", "2026-11-24 09:15"),
        ("09:15 tomorrow", "2026-11-24 09:15"),
        ("today at 18:00", "2026-11-23 18:00"),
        ("Mon 09:00", "2026-11-30 09:00"),
        ("Monday 12:00", "2026-11-23 12:00"),
        ("friday 8am", "2026-11-27 08:00"),
        ("in 2h", "2026-11-23 13:00"),
        ("90m", "2026-11-23 12:30"),
        ("1 hour and 30 minutes", "2026-11-23 12:30"),
        ("1.5 hours", "2026-11-23 12:30"),
        ("in half an hour", "2026-11-23 11:30"),
        ("an hour", "2026-11-23 12:00"),
        ("in one hour and 5 minutes", "2026-11-23 12:05"),
        ("2026-11-23T15:30Z", "2026-11-23 16:30"),
        ("2026-11-23 15:30", "2026-11-23 15:30"),
    ],
)
def test_a_moment_is_read_as_people_write_it(said: str, local: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    found = moment(said, berlin, NOW)
    assert found is not None
    assert f"{found.astimezone(berlin):%Y-%m-%d %H:%M}" == local


def test_what_nobody_knows_is_no_moment() -> None:
    assert [moment(said, UTC, NOW) for said in ("none", "Unknown", "?")] == [None] * 3


@pytest.mark.parametrize(
    "said",
    [
        "soon",
        "",
        "15",
        "25:00",
        "13pm",
        "0pm",
        "15:61",
        "0m",
        "2026-13-01",
        "9999999999999h",
        "2020-01-01",
        "today 09:00",
    ],
)
def test_what_is_no_moment_to_come_is_answered_with_how_to_write_one(said: str) -> None:
    with pytest.raises(ValueError, match="write it as 15:30"):
        moment(said, UTC, NOW)
