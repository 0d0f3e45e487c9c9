"""ServiceNow as people and its business rules leave it, read into our words; and our words, written into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from connectors.errors import Denied, Missing, Refused, Temporary
from connectors.model import Comment, Edit, Ticket, User
from connectors.servicenow import ServiceNow, ServiceNowSettings
from connectors.servicenow.client import literal
from connectors.servicenow.fields import moment
from connectors.servicenow.plain import to_plain
from connectors.servicenow.tracker import correlation
from sandbox.http import Answer, Fault
from sandbox.servicenow.state import LEDGER
from tests.connectors.contracts import SAMPLES
from tests.connectors.instances import MORNING, World, settings, world

MINUTE = timedelta(minutes=1)


@pytest.fixture
def snow() -> Iterator[World]:
    with world() as made:
        yield made


def history(ticket: Ticket, *words: str) -> list[tuple[str, Any, Any, str]]:
    return [(c.field, c.before, c.after, c.by.id if c.by else "") for c in ticket.history if c.field in words]


# ---- reading


def test_a_ticket_reads_as_people_wrote_it(snow: World) -> None:
    state = snow.state
    ref = snow.create(
        short_description="Checkout is down",
        description="since *nine*",
        impact="1",
        urgency="2",
        assigned_to=state.user_id("maria"),
        assignment_group=state.group_id("payments"),
        business_service=state.service_id("Checkout (prod)"),
        u_affected_users="1400",
        u_eta="2026-11-23 11:30:00",
        u_security="true",
        u_status_text="42",
        u_commander=state.user_id("tom"),
    )
    ticket = snow.snow.get(ref)
    assert (ticket.ref, ticket.key, ticket.source, ticket.project) == (ref, "INC0010001", "servicenow", "incident")
    assert (ticket.summary, ticket.description) == ("Checkout is down", "since *nine*")
    assert (ticket.phase, ticket.status, str(ticket.reporter)) == ("new", "New", "Ann Archer")
    assert ticket.fields == {
        "severity": "high",
        "assignee": User("maria"),
        "team": "payments",
        "service": "checkout",
        "affected_users": 1400.0,
        "eta": moment("2026-11-23 11:30:00"),
        "security": True,
        "status_text": "42",
        "commander": User("tom"),
        "detected": MORNING,
        "restored": None,
        "hold": False,
        "hold_reason": None,
    }
    assert ticket.history == ()
    assert ticket.complete_since == ticket.created
    assert ticket.url.endswith(f"incident.do%3Fsys_id%3D{ref}")
    assert snow.snow.get("INC0010001") == ticket


def test_the_zone_of_the_account_moves_no_moment() -> None:
    with world() as made:
        made.state.zone = ZoneInfo("America/Los_Angeles")
        ticket = made.snow.get(made.create(u_eta="2026-11-23 11:30:00"))
        assert (ticket.created, ticket.fields["eta"]) == (MORNING, moment("2026-11-23 11:30:00"))


def test_a_look_is_three_requests_once_everybody_is_known(snow: World) -> None:
    ref = snow.create(short_description="x")
    snow.state.put(ref, {"short_description": "y"})
    snow.snow.get(ref)
    snow.sent()
    snow.snow.get(ref)
    assert snow.sent() == ["GET incident", "GET sys_audit", "GET sys_journal_field"]


def test_two_columns_written_together_are_one_change_of_severity(snow: World) -> None:
    ref = snow.create(short_description="x")
    snow.clock.advance(MINUTE)
    snow.state.put(ref, {"impact": "1", "urgency": "1"})
    snow.clock.advance(MINUTE)
    snow.state.put(ref, {"impact": "3"}, by="tom")
    snow.state.put(ref, {"urgency": "3"}, by="maria")
    told = history(snow.snow.get(ref), "severity")
    assert told == [
        ("severity", None, "high", "ann"),
        ("severity", "high", "medium", "tom"),
        ("severity", "medium", "low", "maria"),
    ]


def test_a_state_tells_status_phase_and_hold(snow: World) -> None:
    ref = snow.create(short_description="x")
    for state in ("In Progress", "On Hold", "In Progress", "Resolved", "In Progress"):
        snow.clock.advance(MINUTE)
        snow.state.transition(ref, state)
    ticket = snow.snow.get(ref)
    assert [after for _, _, after, _ in history(ticket, "status")] == [
        "In Progress", "On Hold", "In Progress", "Resolved", "In Progress"
    ]  # fmt: skip
    assert [after for _, _, after, _ in history(ticket, "phase")] == ["active", "resolved", "active"]
    assert [after for _, _, after, _ in history(ticket, "hold")] == [True, False]
    assert [after for _, _, after, _ in history(ticket, "hold_reason")] == ["Awaiting Vendor", None]
    assert [bool(after) for _, _, after, _ in history(ticket, "restored")] == [True, False]
    assert ticket.at(MORNING + 2 * MINUTE).fields["hold"] is True


def test_people_and_groups_of_the_past_have_their_names(snow: World) -> None:
    state = snow.state
    ref = snow.create(assignment_group=state.group_id("dba"), assigned_to=state.user_id("tom"))
    state.put(ref, {"assignment_group": state.group_id("payments"), "assigned_to": state.user_id("maria")})
    ticket = snow.snow.get(ref)
    assert history(ticket, "team") == [("team", "dba", "payments", "ann")]
    (change,) = [c for c in ticket.history if c.field == "assignee"]
    assert (str(change.before), str(change.after), str(change.by)) == ("Tom Reyes", "Maria Keller", "Ann Archer")


def test_somebody_who_is_gone_stays_an_id(snow: World) -> None:
    tom = snow.state.user_id("tom")
    ref = snow.create(assigned_to=tom)
    snow.state.put(ref, {"assigned_to": ""})
    snow.state.remove(snow.state.find("sys_user", tom))  # type: ignore[arg-type]  # he is there
    assert history(snow.snow.get(ref), "assignee") == [("assignee", User(tom), None, "ann")]


@pytest.mark.parametrize("text", ["a^ORactive=true", "javascript:gs.print()", "a,b"])
def test_a_text_where_a_person_should_be_costs_no_ticket(text: str) -> None:
    with world(fields={"commander": "u_status_text"}, types={"commander": "user"}) as made:
        ref = made.create(u_status_text=text)
        assert made.snow.get(ref).fields["commander"] == User(text)


def test_comments_and_work_notes_are_kept_apart(snow: World) -> None:
    ref = snow.create()
    snow.state.comment(ref, "for the caller")
    snow.clock.advance(MINUTE)
    snow.state.comment(ref, "among us", by="tom", internal=True)
    told = [(c.text, c.public, str(c.by), c.at) for c in snow.snow.get(ref).comments]
    assert told == [
        ("for the caller", True, "Ann Archer", MORNING),
        ("among us", False, "Tom Reyes", MORNING + MINUTE),
    ]


def test_values_that_no_map_names_are_unknown_but_a_service_is_none(snow: World) -> None:
    ref = snow.create(business_service=snow.state.service_id("Intranet"))
    assert snow.snow.get(ref).fields["service"] is None
    with world(values={"severity": {"high": "1/1"}}) as made:
        fields = made.snow.get(made.create(impact="2", urgency="2")).fields
        assert "severity" not in fields


def test_a_severity_of_its_own_column_is_an_ordinary_word() -> None:
    fields, values = {"severity": "category"}, {"severity": {"high": "network", "low": "inquiry"}}
    with world(fields=fields, values=values) as made:
        ref = made.create(category="network")
        assert made.snow.get(ref).fields["severity"] == "high"
        made.snow.write(ref, Edit({"severity": "low"}), None)
        assert made.state.ticket(ref)["category"] == "inquiry"


def test_the_dictionary_says_what_a_column_holds_where_it_may_be_read() -> None:
    with world(types={}) as made:
        ref = made.create(u_status_text="42", u_affected_users="42")
        assert made.snow.get(ref).fields["status_text"] == 42.0, "by its shape"
    with world(types={}) as made:
        made.state.traps.readable.add("sys_dictionary")
        ref = made.create(u_status_text="42", u_affected_users="42", u_commander=made.state.user_id("tom"))
        fields = made.snow.get(ref).fields
        assert (fields["status_text"], fields["affected_users"], fields["commander"]) == ("42", 42.0, User("tom"))
        made.snow.write(ref, Edit({"commander": None}), None)
        made.snow.write(ref, Edit({"commander": User("ann")}), None)
        assert made.snow.get(ref).fields["commander"] == User("ann")


def test_a_column_that_may_not_be_read_is_unknown(snow: World) -> None:
    snow.state.traps.hidden.add("incident.u_affected_users")
    ticket = snow.snow.get(snow.create(u_affected_users="7"))
    assert "affected_users" not in ticket.fields


def test_what_is_not_there_is_missing(snow: World) -> None:
    for ref in ("INC9999999", "0" * 32, "../sys_user/1", "number=INC0010001", "javascript:gs.print()", ""):
        with pytest.raises(Missing):
            snow.snow.get(ref)
    with pytest.raises(Missing):
        snow.snow.write("0" * 32, Edit({"severity": "high"}), None)
    with pytest.raises(Missing):
        snow.snow.write("INC0010001", Edit({"severity": "high"}), None)


def test_another_record_than_the_one_asked_for_is_not_believed(snow: World) -> None:
    first, second = snow.create(short_description="one"), snow.create(short_description="two")
    answer = snow.state.handle
    asked: list[Any] = []

    def swapped(request: Any) -> Answer:
        asked.append(request)
        if first in request.query.get("sysparm_query", ""):
            query = {**request.query, "sysparm_query": f"sys_id={second}"}
            request = type(request)(request.method, request.path, query, request.headers, request.body)
        return answer(request)

    snow.server.handler = swapped
    with pytest.raises(Temporary, match="another record"):
        snow.snow.get(first)


# ---- history that is not whole


def test_without_the_audit_what_was_changed_has_an_unknown_past() -> None:
    with world() as made:
        made.state.traps.readable.clear()
        ref = made.create(short_description="x")
        untouched = made.snow.get(ref)
        assert untouched.complete_since == untouched.created, "nothing was changed, so nothing is unknown"
        made.state.put(ref, {"short_description": "y"})
        ticket = made.snow.get(ref)
        assert ticket.complete_since is not None
        assert ticket.complete_since > ticket.updated
        assert ticket.history == ()
        made.sent()
        made.snow.get(ref)
        assert made.sent() == ["GET incident", "GET sys_journal_field"], "it is not asked for again at once"


def test_an_audit_whose_rows_are_left_out_with_success_counts_as_unreadable(snow: World) -> None:
    ref = snow.create(short_description="x")
    snow.state.put(ref, {"short_description": "y"})
    snow.state.traps.unseen |= {row.id for row in snow.state.rows("sys_audit")}
    ticket = snow.snow.get(ref)
    assert ticket.complete_since is not None
    assert ticket.complete_since > ticket.updated


def test_a_journal_that_may_not_be_read_costs_the_comments_only(snow: World) -> None:
    ref = snow.create(short_description="x")
    snow.state.comment(ref, "hello")
    snow.state.traps.journal_hidden = True
    assert snow.snow.get(ref).comments == ()


# ---- writing


def test_words_note_and_ledger_are_one_request(snow: World) -> None:
    ref = snow.create(short_description="x")
    snow.snow.get(ref)
    snow.sent()
    words: dict[str, Any] = {
        "severity": "medium", "team": "dba", "assignee": User("", "", "tom@example.org"), "service": "orders-db",
        "affected_users": 12.0, "eta": MORNING + MINUTE, "security": True, "status_text": "Looking", "hold": True,
    }  # fmt: skip
    snow.snow.write(ref, Edit(words, Comment("**We** are [on it](https://x.example)")), '{"v":1,"ü":"😀"}')
    assert snow.sent("PATCH", "PUT", "POST") == ["PATCH incident"]
    ticket = snow.snow.get(ref)
    assert {word: ticket.fields[word] for word in words} == {**words, "assignee": User("tom")}
    assert (ticket.ledger, ticket.comments[0].text) == ('{"v":1,"ü":"😀"}', "We are on it (https://x.example)")
    record = snow.state.ticket(ref)
    assert (record["impact"], record["urgency"], record["priority"], record["state"]) == ("2", "2", "3", "3")


def test_none_empties(snow: World) -> None:
    ref = snow.create(
        impact="1", urgency="1", u_affected_users="3", u_eta="2026-11-23 11:30:00",
        assigned_to=snow.state.user_id("tom"), assignment_group=snow.state.group_id("dba"),
    )  # fmt: skip
    words = dict.fromkeys(("severity", "affected_users", "eta", "assignee", "team"))
    snow.snow.write(ref, Edit(words), None)
    assert {word: snow.snow.get(ref).fields[word] for word in words} == words


def test_nothing_to_write_sends_nothing(snow: World) -> None:
    snow.snow.write(snow.create(), None, None)
    assert snow.sent() == []


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        ("team", "nobody's", "ServiceNow knows no nobody's in sys_user_group"),
        ("team", "x^ORactive=true", "signs that mean something"),
        ("assignee", User("zoe"), "nobody in ServiceNow is zoe"),
        ("assignee", User("", "", "zoe@example.org"), "nobody in ServiceNow is zoe@example.org"),
        ("severity", "huge", "values.severity says nothing of huge"),
        ("phase", "sideways", "there is no phase sideways"),
        ("colour", "red", "no column of ServiceNow is mapped to it"),
    ],
)
def test_what_cannot_be_written_is_refused_by_our_words_before_anything_is_sent(
    snow: World, word: str, value: Any, said: str
) -> None:
    ref = snow.create()
    snow.sent()
    with pytest.raises(Refused) as refused:
        snow.snow.write(ref, Edit({word: value, "affected_users": 1.0}), '{"v":1}')
    assert list(refused.value.fields) == [word]
    assert said in refused.value.fields[word]
    assert snow.sent("PATCH") == []


def test_a_phase_goes_along_with_what_the_instance_wants_to_be_told(snow: World) -> None:
    ref = snow.create()
    snow.snow.write(ref, Edit({"phase": "active"}), None)
    assert snow.state.ticket(ref)["state"] == "2"
    snow.snow.get(ref)
    snow.snow.write(ref, Edit({"phase": "resolved", "team": "dba"}), None)
    record = snow.state.ticket(ref)
    assert (record["state"], record["close_code"], record["close_notes"]) == (
        "6", "Solution provided", "Resolved through Pointman."
    )  # fmt: skip
    snow.snow.write(ref, Edit({"phase": "closed"}), None)
    assert snow.snow.get(ref).phase == "closed"


def test_what_a_person_said_of_the_resolution_stays(snow: World) -> None:
    ref = snow.create(close_notes="It was the cable.")
    snow.snow.get(ref)
    snow.snow.write(ref, Edit({"phase": "resolved"}), None)
    assert snow.state.ticket(ref)["close_notes"] == "It was the cable."


def test_a_data_policy_refuses_the_phase_and_nothing_is_written() -> None:
    with world(resolve={"code": "", "notes": ""}) as made:
        ref = made.create()
        made.snow.get(ref)
        with pytest.raises(Refused) as refused:
            made.snow.write(ref, Edit({"phase": "resolved"}), '{"v":1}')
        assert set(refused.value.fields) == {"phase"}
        assert "Resolution notes" in refused.value.fields["phase"]
        assert made.state.ticket(ref)["u_pointman"] == ""


@pytest.mark.parametrize(
    ("reason", "value"),
    [("Awaiting Change", "5"), ("awaiting vendor", "4"), ("the vendor is asleep", "3"), (None, "3")],
)
def test_on_hold_has_a_reason_of_the_list(snow: World, reason: str | None, value: str) -> None:
    snow.state.traps.hold_needs_reason = True
    ref = snow.create()
    words: dict[str, Any] = {"hold": True, **({"hold_reason": reason} if reason else {})}
    snow.snow.write(ref, Edit(words), None)
    record = snow.state.ticket(ref)
    assert (record["state"], record["hold_reason"]) == ("3", value)
    snow.snow.write(ref, Edit({"hold": False, "hold_reason": None}), None)
    assert (snow.state.ticket(ref)["state"], snow.state.ticket(ref)["hold_reason"]) == ("2", "")


def test_a_word_that_is_dropped_with_success_is_refused(snow: World) -> None:
    snow.state.traps.locked.add("incident.u_affected_users")
    ref = snow.create()
    snow.snow.get(ref)
    with pytest.raises(Refused) as refused:
        snow.snow.write(ref, Edit({"affected_users": 7.0, "severity": "high"}), '{"v":1}')
    assert list(refused.value.fields) == ["affected_users"]
    assert snow.state.ticket(ref)["impact"] == "1"


def test_what_a_business_rule_made_of_a_word_is_no_refusal_but_history(snow: World) -> None:
    snow.state.traps.assigns["payments"] = "tom"
    ref = snow.create(assigned_to="")
    snow.snow.get(ref)
    snow.clock.advance(MINUTE)
    snow.snow.write(ref, Edit({"team": "payments"}), None)
    ticket = snow.snow.get(ref)
    assert ticket.fields["assignee"] == User("tom")
    assert history(ticket, "assignee") == [("assignee", None, User("tom"), "pointman")], "under our own account"


@pytest.mark.parametrize("missing", [True, False])
def test_a_ledger_that_is_not_kept_is_refused_with_what_to_do(*, missing: bool) -> None:
    with world(prepared=not missing) as made:
        if not missing:
            made.state.traps.locked.add("incident.u_pointman")
        with pytest.raises(Refused, match="run pointman setup servicenow"):
            made.snow.write(made.create(), None, '{"v":1}')


def test_a_ledger_that_may_not_be_seen_is_not_an_empty_one(snow: World) -> None:
    ref = snow.create()
    snow.snow.write(ref, None, '{"v":1}')
    snow.state.traps.hidden.add("incident.u_pointman")
    for read in (lambda: snow.snow.get(ref), lambda: list(snow.snow.open(MORNING))):
        with pytest.raises(Denied, match="u_pointman is not there, or may not be read; run pointman setup servicenow"):
            read()
    assert snow.state.ticket(ref)["u_pointman"] == '{"v":1}'


def test_a_ledger_that_is_cut_is_refused(snow: World) -> None:
    with pytest.raises(Refused, match="keeps only 65000 characters"):
        snow.snow.write(snow.create(), None, '{"v":"' + "x" * 65_000 + '"}')


def test_a_comment_is_public_where_it_says_so(snow: World) -> None:
    ref = snow.create()
    snow.snow.write(ref, Edit(comment=Comment("for the caller", public=True)), None)
    assert [(c.text, c.public) for c in snow.snow.get(ref).comments] == [("for the caller", True)]


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("**Pointman log**\n\n- 10:02 a *b*\n- c", "Pointman log\n\n- 10:02 a b\n- c"),
        ("[code]<script>[/CODE]", "[ code]<script>[ /CODE]"),
        ("1. one\n2. two\n\n> said\n\n---\n\n`x` ![p](https://p.example)", "1. one\n2. two\n\n> said\n\n---\n\nx p"),
        ("# Head\n\n```\ncode\n```", "Head\n\ncode"),
        ("| a | b |\n|---|---|\n| c | <d> |", "a | b\nc | <d>"),
    ],
)
def test_markdown_becomes_the_plain_text_of_a_journal(markdown: str, plain: str) -> None:
    assert to_plain(markdown) == plain


# ---- new ones


def test_a_created_ticket_is_found_by_its_key(snow: World) -> None:
    words = {"summary": "Disk full " + "x" * 200, "description": "90 %", "severity": "high", "labels": ("a",)}
    ref = snow.snow.create(Edit(words, Comment("from Prometheus")), "alert-1")
    record = snow.state.ticket(ref)
    assert (record["correlation_id"], record["correlation_display"]) == ("alert-1", "Pointman")
    assert (len(record["short_description"]), record["short_description"][-1]) == (160, "…")
    assert snow.snow.find("alert-1") == ref
    assert snow.snow.find("alert-2") is None
    assert snow.snow.find(record["number"]) == ref
    assert snow.snow.find("INC9999999") is None


def test_of_several_with_one_key_the_oldest_is_found(snow: World) -> None:
    first = snow.snow.create(Edit({"summary": "a"}), "k")
    snow.clock.advance(MINUTE)
    snow.snow.create(Edit({"summary": "b"}), "k")
    assert snow.snow.find("k") == first


@pytest.mark.parametrize("key", ["a^ORactive=true", "javascript:gs.print()", "ä" * 60, "x" * 101, "a,b"])
def test_a_key_that_a_query_would_take_for_more_is_a_digest(snow: World, key: str) -> None:
    assert len(correlation(key)) <= 100
    assert literal(correlation(key)) == correlation(key)
    assert snow.snow.find(key) is None
    assert snow.snow.find(key) == snow.snow.find(key)
    ref = snow.snow.create(Edit({"summary": "x"}), key)
    assert snow.snow.find(key) == ref


def test_a_new_ticket_has_the_columns_that_the_configuration_gives_it() -> None:
    with world(new={"category": "network", "contact_type": "monitoring"}) as made:
        record = made.state.ticket(made.snow.create(Edit({"summary": "x", "phase": "new"}), "k"))
        assert (record["category"], record["contact_type"], record["state"]) == ("network", "monitoring", "1")


def test_a_key_that_is_dropped_is_told(snow: World) -> None:
    snow.state.traps.locked.add("task.correlation_id")
    snow.state.traps.locked.add("incident.correlation_id")
    with pytest.raises(Refused, match="dropped its correlation_id"):
        snow.snow.create(Edit({"summary": "x"}), "k")


# ---- lists


def refs(pages: Iterator[tuple[Ticket, ...]]) -> list[str]:
    return [ticket.ref for page in pages for ticket in page]


def test_a_list_holds_what_is_open_or_changed_lately_each_once(snow: World) -> None:
    opened, old, lately = (snow.create(short_description=name) for name in "abc")
    for ref in (old, lately):
        snow.state.transition(ref, "Resolved")
    snow.clock.advance(timedelta(days=2))
    snow.state.comment(lately, "thanks")
    since = snow.clock.now() - timedelta(days=1)
    assert sorted(refs(snow.snow.open(since))) == sorted([opened, lately])
    assert refs(snow.snow.changed(since)) == [lately]


def test_a_listed_ticket_is_as_whole_as_one_read_alone(snow: World) -> None:
    for name in "ab":
        ref = snow.create(short_description=name)
        snow.state.put(ref, {"impact": "1", "urgency": "1"})
        snow.state.comment(ref, name)
        snow.snow.write(ref, None, '{"v":1}')
    listed = [ticket for page in snow.snow.open(MORNING) for ticket in page]
    assert listed == [snow.snow.get(ticket.ref) for ticket in listed]


def test_a_sweep_of_n_tickets_is_n_hundredths_of_three_requests(snow: World) -> None:
    for number in range(120):
        snow.state.put(snow.create(short_description=str(number)), {"description": "x"})
    snow.snow.get(next(iter(snow.state.rows("incident"))).id)
    snow.sent()
    assert len(refs(snow.snow.changed(MORNING))) == 120
    assert sorted(snow.sent()) == ["GET incident"] * 2 + ["GET sys_audit"] * 2 + ["GET sys_journal_field"] * 2


@pytest.mark.parametrize("count", [True, False])
def test_a_cap_of_the_servers_cuts_no_list(snow: World, *, count: bool) -> None:
    made = {snow.create(short_description=str(number)) for number in range(25)}
    snow.state.traps.cap = 10
    if not count:
        answer = snow.state.handle
        snow.server.handler = lambda asked: Answer((told := answer(asked)).status, told.body)
    found = refs(snow.snow.changed(MORNING))
    assert (len(found), set(found)) == (25, made)


def test_rows_that_we_may_not_see_end_no_list(snow: World) -> None:
    made = sorted(snow.create(short_description=str(number)) for number in range(130))
    snow.state.traps.unseen |= set(made[:110])
    assert refs(snow.snow.changed(MORNING)) == made[110:]


def test_rows_that_we_may_not_see_end_no_list_of_a_server_with_a_cap(snow: World) -> None:
    made = sorted(snow.create(short_description=str(number)) for number in range(30))
    snow.state.traps.unseen |= set(made[5:17])
    snow.state.traps.cap = 5
    assert refs(snow.snow.changed(MORNING)) == made[:5] + made[17:]


def test_a_count_that_is_wrong_cuts_no_list(snow: World) -> None:
    made = sorted(snow.create(short_description=str(number)) for number in range(130))
    answer = snow.state.handle
    for count in ("0", "1", "100", "129", "140"):
        snow.server.handler = lambda asked, count=count: replace(answer(asked), headers={"X-Total-Count": count})  # type: ignore[misc]  # each its own
        assert refs(snow.snow.changed(MORNING)) == made, count
        snow.sent()


def test_a_list_that_breaks_off_with_success_is_an_error(snow: World) -> None:
    for number in range(4):
        snow.create(short_description=str(number))
    snow.snow._client.pause = lambda seconds: None
    snow.state.traps.exhausted = True
    with pytest.raises(Temporary, match="maximum execution time exceeded"):
        refs(snow.snow.open(MORNING))


def test_the_same_page_again_and_again_does_not_go_on_for_ever(snow: World) -> None:
    snow.create()
    row = {"result": [{"sys_id": {"value": "a", "display_value": "a"}, "u_pointman": ""}]}
    snow.server.fail(
        Fault(lambda asked: asked.path.endswith("/incident"), Answer(200, row, {"X-Total-Count": "9"}), times=9)
    )
    with pytest.raises(Temporary):
        refs(snow.snow.changed(MORNING))
    snow.server.seen.clear()


@pytest.mark.parametrize("scope", [{"group": "payments"}, {"query": "category=network^ORcategory=software"}])
def test_only_what_is_in_scope_is_listed_and_covered(scope: dict[str, Any]) -> None:
    with world(**scope) as made:
        group = made.state.group_id("payments")
        inside = made.create(assignment_group=group, category="network")
        outside = made.create(category="inquiry")
        assert refs(made.snow.open(MORNING)) == [inside]
        assert made.snow.covers(made.snow.get(inside))
        assert not made.snow.covers(made.snow.get(outside))
        made.state.put(outside, {"assignment_group": group, "category": "network"})
        assert made.snow.covers(made.snow.get(outside))


def test_another_table_has_states_of_its_own() -> None:
    with world(table="problem", fields={}, types={}, prepared=False) as made:
        made.state.insert("sys_dictionary", {**LEDGER, "name": "problem"}, "admin")
        number = made.state.create({"short_description": "leak", "state": "2"}, table="problem")
        ticket = made.snow.get(number)
        assert (ticket.project, ticket.phase, ticket.key) == ("problem", "active", number)
        assert "restored" not in ticket.fields, "a column that is not there is unknown"


# ---- people, time, settings


def test_people_are_found_by_address_and_remembered(snow: World) -> None:
    assert snow.snow.user("Tom@Example.org") == User("tom")
    snow.sent()
    assert str(snow.snow.user("tom@example.org")) == "Tom Reyes"
    assert snow.sent() == []
    for address in ("zoe@example.org", "x^ORactive=true@", "a@b,c@d", "javascript:gs.sleep(9)//@x", "a@b\nc", ""):
        assert snow.snow.user(address) is None


def test_we_know_who_we_are_and_what_time_it_is(snow: World) -> None:
    assert snow.snow.now() is None
    assert snow.sent() == []
    assert (snow.snow.me().id, str(snow.snow.me())) == ("pointman", "Pointman")
    now = snow.snow.now()
    assert now is not None
    assert abs(now - MORNING) < timedelta(seconds=2)
    assert snow.sent() == ["GET sys_user"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "example.service-now.com"}, "is not an address"),
        ({"url": "https://a:b@example.service-now.com"}, "holds credentials"),
        ({"url": "http://example.service-now.com"}, "could be read on the way; write https://"),
        ({"password": None}, "password is missing"),
        ({"client_id": "x"}, "belong together"),
        ({"query": "active=true^NQactive=false"}, "holds conditions only"),
        ({"query": "active=true^ORDERBYnumber"}, "holds conditions only"),
        ({"fields": {"phase": "state"}}, "map values of the state under phases"),
        ({"fields": {"eta": "u_eta^ORDERBYx"}}, "should match pattern"),
        ({"values": {"severity": {"high": "1"}}}, "write it as 1/1"),
        ({"values": {"severity": {"high": "1/1", "low": "1/1"}}}, "two meanings"),
        ({"phases": {"new": "1", "active": ["2", "1"]}}, "two meanings"),
        ({"table": "incident?x=1"}, "should match pattern"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(snow: World, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        ServiceNowSettings(**{"url": snow.server.url, "user": "pointman", "password": snow.state.password, **changes})
    assert said in str(wrong.value)
    assert snow.state.password not in str(wrong.value)


def test_making_a_connector_asks_nothing(snow: World) -> None:
    other = ServiceNow("servicenow", settings(snow.state, snow.server.url))
    assert snow.sent() == []
    other.close()


def test_the_settings_are_read_without_what_speaks_to_products() -> None:
    assert ServiceNowSettings.model_fields.keys() >= {"url", "user", "table"}
    with pytest.raises(AttributeError):
        __import__("connectors.servicenow").servicenow.Nothing  # noqa: B018


def test_denied_is_not_refused(snow: World) -> None:
    ref = snow.create()
    snow.server.fail(
        Fault(lambda a: a.method == "PATCH", Answer(403, {"error": {"message": "Operation Failed", "detail": "ACL"}}))
    )
    with pytest.raises(Denied):
        snow.snow.write(ref, Edit({"severity": "high"}), None)
    snow.server.seen.clear()


# ---- what real instances answered


def sample(name: str) -> Any:
    path = SAMPLES / "servicenow" / name
    if not path.exists():
        pytest.skip(f"the samples beside the shared contracts were not found: {name}")
    return json.loads(path.read_text(encoding="utf-8"))


def recorded() -> list[dict[str, Any]]:
    names = ("table-GET_now_table_tableName_sys_id-1", "table-POST_now_table_tableName-1")
    listed = sample("table-incident-list.display_value-false.json")["result"]
    return [*(sample(f"{name}.json")["result"] for name in names), *listed]


def test_recorded_records_are_read(snow: World) -> None:
    for raw in recorded():
        snow.server.heal()
        snow.server.fail(
            Fault(lambda asked: asked.path.endswith("/incident"), Answer(200, {"result": [{**raw, "u_pointman": ""}]}))
        )
        ticket = snow.snow.get(raw["sys_id"])
        assert (ticket.ref, ticket.key, ticket.summary) == (raw["sys_id"], raw["number"], raw["short_description"])
        assert ticket.created == moment(raw["sys_created_on"])
        assert ticket.phase == {"1": "new", "2": "active", "3": "active", "6": "resolved"}.get(raw["state"], "closed")
        assigned = raw["assigned_to"]
        assert ticket.fields["assignee"] == (User(assigned["value"]) if assigned else None)
        assert ticket.ledger is None
    snow.server.seen.clear()


def test_a_recorded_rate_limit_is_told_as_it_was(snow: World) -> None:
    said = sample("error-429.json")
    headers = {**said["headers"], "Retry-After": "7", "X-RateLimit-Reset": "1795424400"}
    snow.server.fail(Fault(lambda asked: True, Answer(said["status"], said["body"], headers)))
    with pytest.raises(Temporary, match="Rate limit of 100 requests per hour for Table API exceeded") as limited:
        snow.snow.find("k")
    assert limited.value.retry_after == 7.0
    assert not limited.value.in_doubt
    snow.server.seen.clear()
