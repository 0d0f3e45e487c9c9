"""The sandbox's ServiceNow answers, drops and changes what the real one does, so that a connector must cope with it."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from sandbox.clock import Clock
from sandbox.http import Answer, Asked, Server
from sandbox.servicenow import Denied, ServiceNowState
from sandbox.servicenow.render import rich, spoken
from tests.connectors.contracts import SAMPLES, vendor

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Site:
    """An instance and the way to ask it, signed in."""

    def __init__(self) -> None:
        self.state = ServiceNowState(Clock(MORNING, speed=0))
        self.traps = self.state.traps
        self.sign_in = "Basic " + base64.b64encode(f"pointman:{self.state.password}".encode()).decode()

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.state.handle(Asked(method, f"/api/now/table/{path}", query, {"authorization": self.sign_in}, raw))

    def get(self, path: str, **query: str) -> Any:
        answer = self.ask("GET", path, **query)
        assert answer.status == 200, answer
        return answer.body["result"]

    def found(self, query: str, table: str = "incident") -> list[str]:
        """The titles, numbers or names of what a query finds, in its order."""
        told = self.get(table, sysparm_query=query, sysparm_fields="short_description,name")
        return [row.get("short_description") or row.get("name") for row in told]

    def make(self, **values: Any) -> str:
        """A new incident's sys_id."""
        answer = self.ask("POST", "incident", values)
        assert answer.status == 201, answer
        return str(answer.body["result"]["sys_id"])

    def change(self, ref: str, **values: Any) -> Answer:
        return self.ask("PATCH", f"incident/{ref}", values)

    def audit(self, ref: str) -> list[tuple[str, str, str, str]]:
        """What the history says, as column, before, after, by."""
        self.traps.readable.add("sys_audit")
        rows = self.get("sys_audit", sysparm_query=f"documentkey={ref}")
        return [(row["fieldname"], row["oldvalue"], row["newvalue"], row["user"]) for row in rows]

    def later(self, minutes: float) -> None:
        self.state.clock.advance(MINUTE * minutes)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def three(site: Site) -> Site:
    """Three incidents: Mail of payments and Ann, Disk of nobody, Net that is resolved."""
    state = site.state
    state.create({"short_description": "Mail", "impact": 1, "urgency": 1,
                  "assignment_group": state.group_id("payments"), "assigned_to": state.user_id("ann")})  # fmt: skip
    site.later(1)
    state.create({"short_description": "Disk", "impact": 2, "urgency": 2}, by="bob")
    site.later(1)
    state.create({"short_description": "Net"}, by="bob")
    state.transition("INC0010003", "Resolved")
    return site


# ---- encoded queries


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("short_description=mail", ["Mail"]),
        ("short_description!=Mail", ["Disk", "Net"]),
        ("assigned_to!=nobody", ["Mail", "Disk", "Net"]),
        ("active=true^priority=1", ["Mail"]),
        ("priority=1^ORpriority=3", ["Mail", "Disk"]),
        ("state=1^priority=1^ORpriority=3^short_description=Disk", ["Disk"]),
        ("priority=1^NQstate=6", ["Mail", "Net"]),
        ("priority>1", ["Disk", "Net"]),
        ("priority>=3^priority<5", ["Disk"]),
        ("stateIN1,6", ["Mail", "Disk", "Net"]),
        ("stateNOT IN6,7", ["Mail", "Disk"]),
        ("short_descriptionLIKEis", ["Disk"]),
        ("short_descriptionSTARTSWITHne", ["Net"]),
        ("assigned_toISEMPTY", ["Disk", "Net"]),
        ("assigned_toISNOTEMPTY", ["Mail"]),
        ("assigned_to=", ["Disk", "Net"]),
        ("assignment_group.name=payments", ["Mail"]),
        ("caller_id.user_name=bob", ["Disk", "Net"]),
        ("assigned_toLIKEarcher", ["Mail"]),
        ("sys_created_on>=2026-11-23 09:01:00", ["Disk", "Net"]),
        ("ORDERBYDESCpriority", ["Net", "Disk", "Mail"]),
        ("active=true^ORDERBYshort_description", ["Disk", "Mail", "Net"]),
        ("ORDERBYDESCstate^ORDERBYshort_description", ["Net", "Disk", "Mail"]),
        ("^EQ", ["Mail", "Disk", "Net"]),
    ],
)
def test_a_query_finds_what_it_says(three: Site, query: str, found: list[str]) -> None:
    assert three.found(query) == found


@pytest.mark.parametrize(
    "query", ["nonsense=1", "nonsense.name=1", "short_description.name=1", "priority~1", "PRIORITY=1"]
)
def test_a_condition_on_what_is_not_there_is_left_out_so_more_is_found_not_less(three: Site, query: str) -> None:
    assert three.found(query) == ["Mail", "Disk", "Net"]
    assert three.found(f"priority=1^{query}") == ["Mail"]


def test_an_instance_may_be_told_to_find_nothing_by_such_a_query(three: Site) -> None:
    three.traps.strict = True
    assert three.found("priority=1^nonsense=1") == []
    assert three.found("priority=1^ORDERBYnonsense") == ["Mail"]


def test_a_script_in_a_query_is_refused(site: Site) -> None:
    assert site.ask("GET", "incident", sysparm_query="caller_id=javascript:gs.getUserID()").status == 400


def test_a_caret_in_a_value_begins_another_condition(three: Site) -> None:
    assert three.found("short_description=x^ORactive=true") == ["Mail", "Disk", "Net"]


# ---- windows and caps


def test_a_window_says_how_many_there_are_and_where_the_others_stand(three: Site) -> None:
    answer = three.ask("GET", "incident", sysparm_limit="1", sysparm_offset="1", sysparm_query="ORDERBYnumber")
    assert [row["short_description"] for row in answer.body["result"]] == ["Disk"]
    assert answer.headers["X-Total-Count"] == "3"
    links = dict(reversed(part.split(";rel=")) for part in answer.headers["Link"].split(","))
    offsets = {name: parse_qs(urlsplit(link.strip("<>")).query)["sysparm_offset"] for name, link in links.items()}
    assert offsets == {'"first"': ["0"], '"prev"': ["0"], '"next"': ["2"], '"last"': ["2"]}
    assert "Link" not in three.ask("GET", "incident").headers
    assert three.get("incident", sysparm_offset="9") == []


def test_a_cap_gives_fewer_rows_than_were_asked_for_and_the_total_stays_true(three: Site) -> None:
    three.traps.cap = 2
    answer = three.ask("GET", "incident", sysparm_limit="100")
    assert (len(answer.body["result"]), answer.headers["X-Total-Count"]) == (2, "3")


def test_rows_that_may_not_be_seen_are_missing_in_their_window_and_counted_all_the_same(three: Site) -> None:
    hidden = three.state.ticket("INC0010002").id
    three.traps.unseen.add(hidden)
    answer = three.ask("GET", "incident", sysparm_limit="2", sysparm_query="ORDERBYnumber")
    assert ([r["short_description"] for r in answer.body["result"]], answer.headers["X-Total-Count"]) == (["Mail"], "3")
    assert three.ask("GET", f"incident/{hidden}").status == 404


def test_ten_thousand_rows_are_the_most_for_whoever_does_not_say(site: Site) -> None:
    for number in range(10_001):
        site.state._load("sys_user_group", {"sys_id": f"{number:032}", "name": f"g{number}"})
    assert len(site.get("sys_user_group", sysparm_fields="sys_id")) == 10_000


def test_a_list_that_took_too_long_ends_in_an_error_and_is_answered_200(three: Site) -> None:
    three.traps.exhausted = True
    answer = three.ask("GET", "incident")
    assert (answer.status, len(answer.body["result"])) == (200, 1)
    assert answer.body["error"]["message"] == "Transaction cancelled: maximum execution time exceeded"


# ---- what a record looks like


def test_a_record_has_the_shape_of_the_samples(three: Site) -> None:
    path = SAMPLES / "servicenow" / "table-incident-list.display_value-false.json"
    if not path.exists():
        pytest.skip("the samples are not beside the project")
    sample = json.loads(path.read_text())["result"][0]
    record = three.get("incident")[0]
    for name in set(sample) & set(record):
        assert type(sample[name]) is type(record[name]) or "" in (sample[name], record[name]), name
    assert set(record["assigned_to"]) == set(sample["assigned_to"]) == {"link", "value"}
    assert urlsplit(record["assigned_to"]["link"]).path == f"/api/now/table/sys_user/{record['assigned_to']['value']}"
    assert record["sys_created_on"] == "2026-11-23 09:00:00"
    assert record["work_notes"] == record["comments"] == ""


def test_every_exchange_is_one_of_the_contract(site: Site) -> None:
    contract = vendor("servicenow/servicenow-table.json")
    ref = site.make(short_description="x")
    for method, path, body in (
        ("GET", "incident", None), ("GET", f"incident/{ref}", None), ("POST", "incident", {"urgency": "1"}),
        ("PATCH", f"incident/{ref}", {"urgency": "1"}), ("GET", "incident/nothing", None),
        ("DELETE", f"incident/{ref}", None),
    ):  # fmt: skip
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": site.sign_in, "content-type": "application/json"}
        asked = Asked(method, f"/api/now/table/{path}", {}, headers, raw)
        contract.check(asked, site.state.handle(asked))


def test_values_are_shown_raw_or_as_people_see_them_or_both(three: Site) -> None:
    fields = "state,priority,assigned_to,assignment_group.name,active,nonsense"
    one = {"sysparm_query": "short_description=Mail", "sysparm_fields": fields}
    ann = three.state.user_id("ann")
    link = f"https://sandbox.service-now.com/api/now/table/sys_user/{ann}"
    raw = {"state": "1", "priority": "1", "assignment_group.name": "payments", "active": "true"}
    assert three.get("incident", **one) == [raw | {"assigned_to": {"link": link, "value": ann}}]
    assert three.get("incident", **one, sysparm_exclude_reference_link="true") == [raw | {"assigned_to": ann}]
    seen = three.get("incident", **one, sysparm_display_value="true")[0]
    assert (seen["state"], seen["priority"]) == ("New", "1 - Critical")
    assert seen["assigned_to"] == {"display_value": "Ann Archer", "link": link}
    both = three.get("incident", **one, sysparm_display_value="all")[0]
    assert both["state"] == {"display_value": "New", "value": "1"}
    assert both["assigned_to"] == {"display_value": "Ann Archer", "link": link, "value": ann}


def test_times_are_shown_in_the_zone_of_whoever_asks_and_stored_in_utc(three: Site) -> None:
    user = three.state.find("sys_user", three.state.user_id("pointman"))
    assert user is not None
    user.values["time_zone"] = "Europe/Berlin"
    one = {"sysparm_query": "short_description=Mail", "sysparm_fields": "opened_at"}
    told = three.get("incident", **one, sysparm_display_value="all")[0]["opened_at"]
    assert told == {"display_value": "2026-11-23 10:00:00", "value": "2026-11-23 09:00:00"}


def test_input_is_raw_unless_it_is_said_to_be_what_people_see(site: Site) -> None:
    user = site.state.find("sys_user", site.state.user_id("pointman"))
    assert user is not None
    user.values["time_zone"] = "Europe/Berlin"
    values = {"u_eta": "2026-11-23 12:00:00", "state": "In Progress", "assigned_to": "Tom Reyes"}
    kept = {}
    for said in ("false", "true"):
        made = site.ask("POST", "incident", values, sysparm_input_display_value=said).body["result"]
        kept[said] = (made["u_eta"], made["state"], made["assigned_to"]["value"])
    tom = site.state.user_id("tom")
    assert kept == {
        "false": ("2026-11-23 12:00:00", "In Progress", tom), "true": ("2026-11-23 11:00:00", "2", tom),
    }  # fmt: skip


# ---- the journal and the history


def test_notes_are_rows_of_their_own_and_stand_in_no_record(site: Site) -> None:
    ref = site.make(short_description="x", comments="seen by the caller")
    site.later(1)
    answer = site.change(ref, work_notes="for us")
    assert answer.body["result"]["work_notes"] == ""
    rows = site.get("sys_journal_field", sysparm_query=f"element_id={ref}^ORDERBYsys_created_on")
    told = [(r["element"], r["value"], r["sys_created_by"], r["sys_created_on"][11:], r["name"]) for r in rows]
    assert told == [
        ("comments", "seen by the caller", "pointman", "09:00:00", "incident"),
        ("work_notes", "for us", "pointman", "09:01:00", "incident"),
    ]
    seen = site.get(f"incident/{ref}", sysparm_display_value="true", sysparm_fields="work_notes")
    assert seen["work_notes"] == "2026-11-23 09:01:00 - Pointman (Work notes)\nfor us\n\n"


def test_a_journal_that_may_not_be_read_is_empty_with_success(site: Site) -> None:
    site.make(work_notes="x")
    site.traps.journal_hidden = True
    assert site.get("sys_journal_field") == []


def test_the_history_is_for_administrators_until_it_is_granted(site: Site) -> None:
    answer = site.ask("GET", "sys_audit")
    assert (answer.status, answer.body["error"]["message"]) == (403, "Insufficient rights to query records")
    site.traps.readable.add("sys_audit")
    assert site.get("sys_audit") == []


def test_changes_are_audited_and_what_a_record_is_made_with_is_not(site: Site) -> None:
    ref = site.make(short_description="x", impact="1")
    assert site.audit(ref) == []
    site.state.put(ref, {"short_description": "y"}, by="tom")
    site.change(ref, short_description="y")
    site.change(ref, work_notes="z")
    assert site.audit(ref) == [
        ("short_description", "x", "y", "tom"), ("work_notes", "JOURNAL FIELD ADDITION", "z", "pointman"),
    ]  # fmt: skip


def test_a_table_that_is_not_audited_and_a_column_that_is_not_have_no_history(site: Site) -> None:
    site.state.prepare()
    ref = site.make(short_description="x")
    site.change(ref, u_pointman="{}")
    assert site.get(f"incident/{ref}")["u_pointman"] == "{}"
    assert site.audit(ref) == []
    group = site.state.group_id("dba")
    site.ask("PATCH", f"sys_user_group/{group}", {"email": "dba@example.org"})
    assert site.audit(group) == []


# ---- what an instance does by itself


def test_every_write_counts_and_is_stamped_in_whole_seconds(site: Site) -> None:
    ref = site.make(short_description="x")
    site.state.clock.advance(timedelta(seconds=90.7))
    site.state.put(ref, {"short_description": "y"}, by="tom")
    record = site.get(f"incident/{ref}")
    told = [record[name] for name in ("sys_mod_count", "sys_updated_by", "sys_updated_on", "sys_created_by")]
    assert told == ["1", "tom", "2026-11-23 09:01:30", "pointman"]
    site.change(ref, short_description="y")
    assert site.get(f"incident/{ref}")["sys_mod_count"] == "1", "nothing differed"


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"), [(1, 1, "1"), (1, 3, "3"), (2, 1, "2"), (2, 2, "3"), (3, 3, "5")]
)
def test_priority_follows_impact_and_urgency(site: Site, impact: int, urgency: int, priority: str) -> None:
    ref = site.make(impact=impact, urgency=urgency)
    assert site.change(ref, priority="4").status == 200
    assert site.get(f"incident/{ref}")["priority"] == priority, "written directly it is put back"


def test_states_set_dates_and_people_and_take_them_back(site: Site) -> None:
    ref = site.make(short_description="x", state="3", hold_reason="4")
    site.later(5)
    site.change(ref, state="6", close_code="Solution provided", close_notes="Solved")
    resolved = site.get(f"incident/{ref}")
    assert [resolved[n] for n in ("resolved_at", "incident_state", "active", "hold_reason")] == [
        "2026-11-23 09:05:00", "6", "true", "",
    ]  # fmt: skip
    assert resolved["resolved_by"]["value"] == site.state.user_id("pointman")
    site.change(ref, state="7")
    closed = site.get(f"incident/{ref}")
    assert (closed["closed_at"], closed["active"]) == ("2026-11-23 09:05:00", "false")
    site.change(ref, state="2")
    opened = site.get(f"incident/{ref}")
    assert [opened[n] for n in ("resolved_at", "resolved_by", "closed_at", "active", "reopen_count")] == [
        "", "", "", "true", "1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, "Resolution code, Resolution notes"),
        ({"close_code": "Solution provided"}, "Resolution notes"),
        ({"close_code": "Solved (Permanently)", "close_notes": "x"}, "Resolution code"),
    ],
)
def test_resolving_needs_a_code_of_the_list_and_notes(site: Site, values: dict[str, str], missing: str) -> None:
    ref = site.make(short_description="x")
    answer = site.change(ref, state="6", **values)
    detail = f"Data Policy Exception: \n\tThe following fields are mandatory: {missing}"
    assert (answer.status, answer.body) == (
        403, {"error": {"message": "Operation Failed", "detail": detail}, "status": "failure"},
    )  # fmt: skip
    assert site.get(f"incident/{ref}")["state"] == "1"
    site.traps.policies = False
    assert site.change(ref, state="6", **values).status == 200


def test_an_instance_may_want_a_reason_for_holding(site: Site) -> None:
    ref = site.make(short_description="x")
    assert site.change(ref, state="3").status == 200
    site.change(ref, state="2")
    site.traps.hold_needs_reason = True
    assert "On hold reason" in site.change(ref, state="3").body["error"]["detail"]
    assert site.change(ref, state="3", hold_reason="1").status == 200


def test_an_assignment_rule_changes_more_than_we_wrote_in_our_name(site: Site) -> None:
    site.traps.assigns["payments"] = "tom"
    ref = site.make(short_description="x")
    group = site.state.group_id("payments")
    answer = site.change(ref, assignment_group=group)
    assert answer.body["result"]["assigned_to"]["value"] == site.state.user_id("tom")
    assert site.audit(ref) == [
        ("assignment_group", "", group, "pointman"), ("assigned_to", "", site.state.user_id("tom"), "pointman"),
    ]  # fmt: skip
    site.change(ref, assigned_to=site.state.user_id("ann"))
    site.change(ref, assignment_group=site.state.group_id("dba"))
    assert site.get(f"incident/{ref}")["assigned_to"]["value"] == site.state.user_id("ann")


# ---- what is dropped, hidden, cut, copied


def test_what_has_no_column_or_may_not_be_written_is_dropped_with_success(site: Site) -> None:
    site.traps.locked.add("incident.u_eta")
    ref = site.make(short_description="x")
    answer = site.change(ref, nonsense="1", u_eta="2026-11-23 10:00:00", sys_mod_count="77", short_description="y")
    record = answer.body["result"]
    assert (answer.status, record["short_description"], record["u_eta"]) == (200, "y", "")
    assert record["sys_mod_count"] == "1"
    assert "nonsense" not in record


def test_a_reference_to_nothing_is_emptied_with_success(site: Site) -> None:
    ref = site.make(assigned_to=site.state.user_id("ann"))
    assert site.change(ref, assigned_to="nobody at all").body["result"]["assigned_to"] == ""


def test_hidden_columns_are_not_in_the_answer_also_where_the_table_inherits_them(site: Site) -> None:
    site.traps.hidden |= {"task.description", "incident.close_notes"}
    ref = site.make(short_description="x", description="secret", close_notes="secret")
    assert not {"description", "close_notes"} & set(site.get(f"incident/{ref}"))


@pytest.mark.parametrize("query", ["close_notes=x", "active=true^ORclose_notesLIKEx", "ORDERBYclose_notes",
                                   "parent_incident.close_notes=x"])  # fmt: skip
def test_whoever_asks_by_a_hidden_column_is_refused(site: Site, query: str) -> None:
    site.traps.hidden.add("incident.close_notes")
    answer = site.ask("GET", "incident", sysparm_query=query)
    detail = "Field(s) present in the query do not have permission to be read"
    assert (answer.status, answer.body["error"]["detail"]) == (403, detail)
    assert site.get("incident", sysparm_query="active=true^ORDERBYnumber") == []


def test_a_text_is_cut_to_what_its_column_keeps(site: Site) -> None:
    ref = site.make(short_description="x" * 200)
    assert len(site.get(f"incident/{ref}")["short_description"]) == 160


def test_a_copied_record_carries_our_column_along(site: Site) -> None:
    site.state.prepare()
    ref = site.make(short_description="x", u_pointman="ours")
    copy = site.state.ticket(site.state.copy(ref))
    assert (copy["u_pointman"], copy["number"], copy.id == ref) == ("ours", "INC0010002", False)


# ---- columns, rules and properties that a setup makes


def test_a_dictionary_entry_makes_a_column_and_its_attributes_say_whether_it_is_audited(site: Site) -> None:
    entry = {"name": "incident", "element": "u_note", "internal_type": "string", "max_length": "50"}
    assert site.ask("POST", "sys_dictionary", entry).status == 403
    site.traps.readable.add("sys_dictionary")
    assert site.found("name=incident^element=u_note", "sys_dictionary") == []
    assert site.ask("POST", "sys_dictionary", entry).status == 201
    ref = site.make(u_note="y" * 70)
    assert site.get(f"incident/{ref}")["u_note"] == "y" * 50
    site.change(ref, u_note="z")
    assert [line[0] for line in site.audit(ref)] == ["u_note"]
    made = site.get("sys_dictionary", sysparm_query="name=incident^element=u_note")[0]["sys_id"]
    site.ask("PATCH", f"sys_dictionary/{made}", {"attributes": "no_audit=true"})
    site.change(ref, u_note="a")
    assert len(site.audit(ref)) == 1
    assert site.ask("DELETE", f"sys_dictionary/{made}").status == 204
    assert "u_note" not in site.get(f"incident/{ref}")


def test_inherited_columns_stand_in_the_dictionary_under_the_table_that_has_them(site: Site) -> None:
    site.traps.readable.add("sys_dictionary")
    query = "nameINincident,task^elementINshort_description,close_code"
    rows = site.get("sys_dictionary", sysparm_query=query, sysparm_fields="name,element")
    assert rows == [
        {"name": "task", "element": "short_description"}, {"name": "incident", "element": "close_code"},
    ]  # fmt: skip


def test_choice_lists_can_be_read(site: Site) -> None:
    query = "name=incident^element=state^inactive=false^ORDERBYsequence"
    rows = site.get("sys_choice", sysparm_query=query, sysparm_fields="value,label")
    assert [(row["value"], row["label"]) for row in rows] == [
        ("1", "New"), ("2", "In Progress"), ("3", "On Hold"), ("6", "Resolved"), ("7", "Closed"), ("8", "Canceled"),
    ]  # fmt: skip


# ---- who may come in, and how much


def raw(site: Site, path: str = "/api/now/table/incident", **headers: str) -> Answer:
    return site.state.handle(Asked("GET", path, {}, headers))


@pytest.mark.parametrize("said", ["", "Basic cG9pbnRtYW46eA==", "Basic ***", "Bearer nonsense"])
def test_whoever_is_not_known_is_told_so(site: Site, said: str) -> None:
    answer = raw(site, authorization=said)
    assert (answer.status, answer.body) == (
        401,
        {"error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"},
         "status": "failure"},
    )  # fmt: skip


def test_a_client_gets_a_token_that_ends(site: Site) -> None:
    form = f"grant_type=client_credentials&client_id={site.state.client}&client_secret="
    refused = site.state.handle(Asked("POST", "/oauth_token.do", {}, {}, (form + "wrong").encode()))
    assert (refused.status, refused.body["error"]) == (401, "server_error")
    other = site.state.handle(Asked("POST", "/oauth_token.do", {}, {}, b"grant_type=password"))
    assert other.status == 400
    told = site.state.handle(Asked("POST", "/oauth_token.do", {}, {}, (form + quote(site.state.secret)).encode())).body
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 1799)
    assert raw(site, authorization=f"Bearer {told['access_token']}").status == 200
    site.later(30)
    assert raw(site, authorization=f"Bearer {told['access_token']}").status == 401


def test_an_hour_has_room_for_so_many_requests(site: Site) -> None:
    site.traps.per_hour = 2
    site.later(10)
    assert site.ask("GET", "incident").headers["X-RateLimit-Limit"] == "2"
    site.ask("GET", "incident")
    answer = site.ask("GET", "incident")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3000")
    assert answer.headers["X-RateLimit-Reset"] == str(int(MORNING.timestamp()) + 3600)
    path = SAMPLES / "servicenow" / "error-429.json"
    if path.exists():
        sample = json.loads(path.read_text())
        assert set(sample["headers"]) <= set(answer.headers)
        assert (answer.body["error"].keys(), answer.body["status"]) == (sample["body"]["error"].keys(), "failure")
    site.later(50)
    assert site.ask("GET", "incident").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/api/now/table/nowhere", 400, "Invalid table nowhere"),
        ("GET", "/api/now/table/incident/0123", 404, "No Record found"),
        ("PATCH", "/api/now/table/incident/0123", 404, "No Record found"),
        ("GET", "/api/now/nonsense", 400, "Requested URI does not represent any resource"),
        ("PUT", "/api/now/table/incident", 405, "Method not supported"),
        ("POST", "/api/now/table/incident", 400, "Exception while reading request"),
    ],
)
def test_what_is_wrong_is_told_in_the_instances_own_form(
    site: Site, method: str, path: str, status: int, message: str
) -> None:
    answer = site.state.handle(Asked(method, path, {}, {"authorization": site.sign_in}, b"["))
    assert (answer.status, answer.body["error"]["message"], answer.body["status"]) == (status, message, "failure")


def test_an_instance_that_sleeps_answers_a_page_with_success(site: Site) -> None:
    site.traps.asleep = True
    answer = site.ask("GET", "incident")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html;charset=UTF-8")
    assert "Your instance is hibernating" in answer.body


def test_the_clock_is_in_every_answer(site: Site) -> None:
    with Server(site.state.handle, site.state.clock) as server:
        answer = requests.get(
            f"{server.url}/api/now/table/incident", headers={"Authorization": site.sign_in}, timeout=5
        )
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 09:00:00 GMT"


# ---- business rules that call out


@pytest.fixture
def heard(site: Site) -> Iterator[list[Asked]]:
    """What an installed rule calls; its secret is `s`."""
    told: list[Asked] = []

    def hear(asked: Asked) -> Answer:
        told.append(asked)
        return Answer(202)

    with Server(hear) as server:
        site.traps.readable |= {"sys_script", "sys_properties"}
        site.ask("POST", "sys_properties", {"name": "pointman.webhook.secret", "value": "s", "type": "password2"})
        script = (
            f"var r = new sn_ws.RESTMessageV2(); r.setEndpoint('{server.url}/hooks/servicenow');"
            "sign(gs.getProperty('pointman.webhook.secret'));"
        )
        rule = {"name": "Pointman", "collection": "incident", "when": "async", "action_insert": "true",
                "action_update": "true", "active": "true", "advanced": "true", "script": script}  # fmt: skip
        assert site.ask("POST", "sys_script", rule).status == 201
        yield told
        site.state.close()


def test_an_installed_rule_calls_and_signs_as_agreed(site: Site, heard: list[Asked]) -> None:
    ref = site.make(short_description="x")
    site.change(ref, short_description="y")
    site.ask("PATCH", f"sys_user_group/{site.state.group_id('dba')}", {"email": "x@example.org"})
    assert site.state.hooks.settle()
    assert [asked.path for asked in heard] == ["/hooks/servicenow"] * 2
    first = heard[0]
    told = first.json()
    assert (told["sys_id"], told["table"], told["delivery"] != heard[1].json()["delivery"]) == (ref, "incident", True)
    stamp = first.headers["x-pointman-timestamp"]
    assert stamp == str(int(MORNING.timestamp()))
    digest = hmac.digest(b"s", stamp.encode() + b"." + first.body, "sha256")
    assert first.headers["x-pointman-signature"] == f"sha256={base64.b64encode(digest).decode()}"


def test_a_rule_that_is_switched_off_calls_nobody(site: Site, heard: list[Asked]) -> None:
    rule = site.get("sys_script")[0]["sys_id"]
    site.ask("PATCH", f"sys_script/{rule}", {"active": "false"})
    site.make(short_description="x")
    assert site.state.hooks.settle()
    assert heard == []


def test_a_call_that_nobody_takes_is_not_made_again(site: Site) -> None:
    site.state.webhook("http://127.0.0.1:9/hooks/servicenow", "s")
    site.make(short_description="x")
    assert site.state.hooks.settle()
    assert (site.state.hooks.sent, len(site.state.hooks.failed)) == (1, 1)
    site.state.close()


# ---- people, and what the page shows


def test_people_work_as_people_do(site: Site) -> None:
    state = site.state
    key = state.create({"short_description": "x"}, by="ann")
    state.comment(key, "hello", by="bob")
    state.comment(key, "between us", by="tom", internal=True)
    state.transition(key, "On Hold", by="tom")
    state.transition(key, "Resolved", by="tom")
    ticket = state.ticket(key)
    told = [(note["element"], note["sys_created_by"], note["value"]) for note in state.notes(ticket.id)]
    assert told == [("comments", "bob", "hello"), ("work_notes", "tom", "between us")]
    assert (ticket["state"], ticket["sys_updated_by"], ticket["close_code"]) == ("6", "tom", "Solution provided")
    with pytest.raises(LookupError, match="knows no state"):
        state.transition(key, "Dreaming")
    with pytest.raises(Denied):
        state.put(state.create({"short_description": "y"}), {"state": "6"})
    state.delete(key)
    with pytest.raises(KeyError):
        state.ticket(key)


@pytest.mark.parametrize(
    ("body", "html", "text"),
    [
        ("a < b\nc", '<p class="wiki">a &lt; b\nc</p>', "a < b\nc"),
        ("[code]<b>x</b><br>&amp;[/code]", "<b>x</b><br>&amp;", "x\n&"),
        ("[code]<script>alert(1)</script>[/code]", "alert(1)", "alert(1)"),
        ("[code]<img src=x onerror=alert(1)>[/code]", "", ""),
        ("[code]<p onclick='x'>y</p>[/code]", "<p>y</p>", "y"),
        ('[code]<a href="javascript:x">y</a>[/code]', "y", "y"),
        ('[code]<a href="https://e.example/">y</a>[/code]', '<a href="https://e.example/" rel="noopener">y</a>', "y"),
        (
            "[code]<h2>T</h2><ul><li>i</li></ul>[/code] and <i>",
            '<p class="heading">T</p><ul><li>i</li></ul><p class="wiki"> and &lt;i&gt;</p>',
            "T\ni\n and <i>",
        ),
        ("", "", ""),
    ],
)
def test_a_journal_shows_markup_between_its_marks_and_nothing_harmful(body: str, html: str, text: str) -> None:
    assert (rich(body), spoken(body)) == (html, text)
