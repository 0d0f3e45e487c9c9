"""The ledger is a value: it round-trips, keeps first claims, refuses what it cannot read, and stays small."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.ledger import ROOM, Act, Claim, Entry, Failure, Ledger, Outcome, Stretch, Unreadable

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CLAIM = Claim(NOW, NOW, "d1", "slack:#ops", NOW)

moments = st.integers(0, 4_000_000_000_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
texts = st.text(max_size=12)
claims = st.builds(Claim, moments, moments, texts, texts, moments, st.none() | moments)
failures = st.builds(Failure, moments, texts, texts)
stretches = st.tuples(st.builds(Stretch, st.integers(1, 9), moments, moments))
entries = st.builds(
    Entry,
    at=st.none() | moments,
    mark=st.none() | moments,
    sum=texts,
    ref=texts,
    to=texts,
    claim=st.none() | claims,
    failure=st.none() | failures,
    retired=st.booleans(),
    stale=st.just(()) | stretches,
)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
untils = st.builds(lambda moment, zone: moment.astimezone(zone).isoformat(), moments, zones | st.just(UTC))
odd = st.sampled_from(["2026-11-24T10:32:00+00:00:30", "2026-11-24 10:32:00+00:00", "2026-11-24T10:32:00.000000000Z"])
said = st.dictionaries(texts, texts | untils | odd, max_size=2)
acts = st.builds(Act, texts, moments, texts, texts, said)
ledgers = st.builds(
    Ledger,
    st.just("10001"),
    st.dictionaries(texts, entries, max_size=4),
    st.lists(acts, max_size=4).map(tuple),
    st.just(()) | st.tuples(texts),
)


@pytest.mark.uncounted
@given(ledgers)
@settings(max_examples=200, deadline=None)
def test_a_ledger_comes_back_as_it_was(ledger: Ledger) -> None:
    assert Ledger.loads(ledger.dumps(), "10001") == ledger
    assert Ledger.loads(ledger.dumps(), "10001").dumps() == ledger.dumps()


@pytest.mark.parametrize(
    "said",
    [
        "2026-13-45T10:32:00+00:00",
        "2026-11-24T10:32:00+00:00:30",
        "2026-11-24T10:32:00",
        "2026-11-24T10:32:00+00:00",
        "2026-11-24T11:32:00+01:00",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
    ],
)
def test_a_moment_and_what_only_looks_like_one_come_back_letter_by_letter(said: str) -> None:
    act = Act("a", datetime(2026, 11, 24, 9, tzinfo=UTC), "ann", "eta", {"until": said})
    assert Ledger.loads(Ledger("1", {}, (act,)).dumps(), "1").acts == (act,)


@pytest.mark.uncounted
@given(
    st.text(max_size=60)
    | st.recursive(
        st.none() | st.integers() | texts,
        lambda x: (
            st.lists(x) | st.dictionaries(st.sampled_from(["v", "id", "e", "a", "w", "q", "d", "c", "x", "l"]), x)
        ),
    ).map(json.dumps)
)
@settings(max_examples=300, deadline=None)
def test_no_text_is_read_as_anything_but_a_ledger_or_an_error(text: str) -> None:
    try:
        read = Ledger.loads(text, "1")
    except Unreadable:
        return
    assert isinstance(read, Ledger)


junk = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | texts, lambda x: st.lists(x, max_size=3))
rows = st.lists(st.one_of(junk, st.integers(0, 2), st.sampled_from(["x", "ann"])), max_size=6)
parts = st.lists(st.sampled_from(["ann", ["take"], ["pause", "until"], [], None, 3]), max_size=3)


@pytest.mark.uncounted
@given(st.fixed_dictionaries({"a": st.lists(rows, max_size=3)}, optional={"w": parts, "q": parts, "d": junk}))
@settings(max_examples=300, deadline=None)
def test_no_rows_are_read_as_anything_but_acts_or_an_error(written: dict[str, object]) -> None:
    try:
        read = Ledger.loads(json.dumps({"v": 2, "id": "1", "e": {}, **written}), "1")
    except Unreadable:
        return
    assert Ledger.loads(read.dumps(), "1") == read


def test_no_ledger_and_another_tickets_ledger_are_empty() -> None:
    theirs = Ledger("10002").with_act(Act("x", NOW, "ann", "acknowledge"))
    assert Ledger.loads(None, "10001") == Ledger("10001")
    assert Ledger.loads(theirs.dumps(), "10001") == Ledger("10001")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"v":1,"id":"1"', "damaged"),
        ("[]", "damaged"),
        ('{"v":3,"id":"1","e":{},"a":[]}', "newer Pointman (format 3, we know 2)"),
        ('{"v":2,"id":"1","e":{},"w":["ann"],"q":[["take"]],"a":[["x",1,1,0]]}', "damaged"),
        ('{"v":2,"id":"1","e":{},"w":["ann"],"q":[["take"]],"a":[["x",1,0,0,"more"]]}', "damaged"),
        ('{"v":2,"id":"1","e":{},"w":["ann"],"q":[["pause","until"]],"a":[["x",1,0,0,true]]}', "damaged"),
        ('{"v":2,"id":"1","e":{},"w":["ann"],"q":[["pause","until"]],"a":[["x",1,0,0,[1,90000]]]}', "damaged"),
        ('{"v":1,"id":"1","e":{"k":{"a":true}},"a":[]}', "damaged"),
        ('{"v":1,"id":"1","e":{"k":{"c":[1]}},"a":[]}', "damaged"),
        ('{"v":1,"id":"1","e":{},"a":[["x"]]}', "damaged"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_a_beginning(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said.replace("(", r"\(").replace(")", r"\)")):
        Ledger.loads(text, "1")


def test_a_renewed_claim_keeps_its_first_values() -> None:
    later = Claim(NOW + timedelta(hours=1), NOW + timedelta(hours=1), "d2", "slack:#other", NOW + timedelta(hours=1))
    ledger = Ledger("1").claimed("k", CLAIM).claimed("k", later)
    assert ledger.open_claims() == {"k": replace(CLAIM, covers=later.covers, renewed=NOW + timedelta(hours=1))}
    assert ledger.open_claims()["k"].due == NOW + timedelta(hours=1, minutes=2), "its age counts from the renewal"


def test_an_outcome_in_doubt_leaves_the_claim_open() -> None:
    ledger = Ledger("1").claimed("k", CLAIM)
    assert ledger.recorded(Outcome("k", open=True), NOW) == ledger


def test_what_was_certainly_not_done_leaves_no_trace() -> None:
    assert Ledger("1").claimed("k", CLAIM).recorded(Outcome("k"), NOW) == Ledger("1")


def test_a_refusal_stands_for_its_digest_and_drops_the_claim() -> None:
    entry = Ledger("1").claimed("k", CLAIM).recorded(Outcome("k", failure="no such channel"), NOW).entries["k"]
    assert entry == Entry(failure=Failure(NOW, "d1", "no such channel"))


def test_what_was_done_is_recorded_with_its_mark_and_place() -> None:
    ledger = Ledger("1").claimed("k", CLAIM).recorded(Outcome("k", ref="C1:1", done=True), NOW + timedelta(seconds=1))
    assert ledger.entries["k"] == Entry(NOW + timedelta(seconds=1), NOW, "d1", "C1:1", "slack:#ops")
    assert ledger.recorded(Outcome("unknown", done=True), NOW) == ledger


def test_a_renamed_rules_entry_moves_to_its_new_key() -> None:
    ledger = Ledger("1", {"old": Entry(ref="C1:1")})
    assert ledger.get("new", ("old",)) == Entry(ref="C1:1")
    moved = ledger.claimed("new", CLAIM, ("old",))
    assert set(moved.entries) == {"new"}
    assert moved.entries["new"].ref == "C1:1"


def test_the_same_act_told_twice_is_one() -> None:
    act = Act("x", NOW, "ann", "acknowledge")
    ledger = Ledger("1").with_act(act)
    assert ledger.with_act(replace(act, at=NOW + timedelta(1))) == ledger


def test_what_was_done_later_wins_when_memory_and_ticket_differ() -> None:
    old, new = Entry(NOW, sum="old"), Entry(NOW + timedelta(1), sum="new")
    assert Ledger("1", {"k": old}).merged({"k": new}).entries["k"] == new
    assert Ledger("1", {"k": new}).merged({"k": old}).entries["k"] == new
    assert Ledger("1", {"k": Entry(claim=CLAIM)}).merged({"k": old}).entries["k"] == old
    assert Ledger("1", {"k": old}).merged({"k": Entry()}).entries["k"] == old
    act = Act("x", NOW, "ann", "take")
    assert Ledger("1").merged({}, (act,)).acts == (act,)


def test_only_settled_calls_that_nothing_wants_are_dropped_oldest_first() -> None:
    calls = {
        f"escalate:r{n}>person:maria": Entry(NOW + timedelta(minutes=n), NOW, "d" * 10, "C1:1700000000.000100")
        for n in range(400)
    }
    ledger = Ledger(
        "1", {"notify:card>place:x@slack": Entry(NOW, ref="C1:1"), "escalate:open>x": Entry(claim=CLAIM), **calls}
    )
    assert ledger.size() > ROOM
    trimmed = ledger.trimmed({"escalate:r0>person:maria"})
    assert trimmed.size() <= ROOM * 0.8
    assert {"notify:card>place:x@slack", "escalate:open>x", "escalate:r0>person:maria"} <= set(trimmed.entries)
    assert "escalate:r399>person:maria" in trimmed.entries
    assert "escalate:r1>person:maria" not in trimmed.entries
    assert Ledger("1").trimmed(()) == Ledger("1")


def test_the_latest_moment_is_known() -> None:
    assert Ledger("1").written_at is None
    assert Ledger("1", {"k": Entry(NOW)}).with_act(
        Act("x", NOW + timedelta(1), "ann", "take")
    ).written_at == NOW + timedelta(1)


def test_what_is_in_doubt_from_an_earlier_time_stays_so_where_it_was_not_sent_again() -> None:
    asked = Ledger("1", {"k": Entry(claim=replace(CLAIM, repeat=True))})
    assert asked.recorded(Outcome("k"), NOW) == asked
    assert asked.recorded(Outcome("k", failure="channel_not_found"), NOW).entries["k"].claim is None


def test_what_the_first_format_wrote_is_read_and_written_anew() -> None:
    at = round(NOW.timestamp() * 1000)
    act = f'["click-1",{at},"ann","pause",{{"until":"2026-11-23T10:00:00+01:00"}}]'
    first = f'{{"v":1,"id":"1","e":{{"k":{{"a":{at},"s":"d1"}}}},"a":[{act}]}}'
    ledger = Ledger.loads(first, "1")
    assert ledger.acts == (Act("click-1", NOW, "ann", "pause", {"until": "2026-11-23T10:00:00+01:00"}),)
    assert ledger.entries == {"k": Entry(NOW, NOW, "d1")}
    assert Ledger.loads(ledger.dumps(), "1") == ledger
    assert json.loads(ledger.dumps())["v"] == 2
