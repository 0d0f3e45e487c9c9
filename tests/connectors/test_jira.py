"""Jira, Cloud and Data Center: what we read is what people did, what we write is what they see.

Each test speaks HTTP with the sandbox. Whatever goes over the wire is held against Atlassian's own documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.clock import Clock as JiraClock
from connectors.errors import Missing, Refused, Temporary
from connectors.jira import Jira
from connectors.jira.tracker import label
from connectors.model import Change, Comment, Edit, User
from sandbox.clock import Clock
from sandbox.jira.world import Flavour, Project
from tests.connectors.jiras import FIELDS, MORNING, VALUES, World, settings, world

FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")


@pytest.fixture(params=FLAVOURS)
def jira(request: pytest.FixtureRequest) -> Iterator[World]:
    with world(request.param) as made:
        yield made


@pytest.fixture
def cloud() -> Iterator[World]:
    with world("cloud") as made:
        yield made


@pytest.fixture
def datacenter() -> Iterator[World]:
    with world("datacenter") as made:
        yield made


def changes(world: World, key: str, word: str) -> list[tuple[object, object]]:
    return [(c.before, c.after) for c in world.jira.get(key).history if c.field == word]


# ---- reading


def test_a_ticket_reads_as_people_wrote_it(jira: World) -> None:
    key = jira.state.create(
        {
            "summary": "Checkout is down",
            "description": "Nobody can pay.",
            "customfield_10050": "High",
            "components": ("Checkout (prod)",),
            "customfield_10053": 1400.0,
            "customfield_10056": datetime(2026, 11, 23, 12, 30, tzinfo=UTC),
            "customfield_10058": "Yes",
            "customfield_10060": ("eu", "us"),
            "assignee": "maria",
            "labels": ("vip",),
        }
    )
    ticket = jira.jira.get(key)
    assert (ticket.key, ticket.summary, ticket.description) == (key, "Checkout is down", "Nobody can pay.")
    assert (ticket.phase, ticket.status, ticket.kind, ticket.project) == ("new", "Open", "Incident", "OPS")
    assert ticket.labels == ("vip",)
    assert str(ticket.reporter) == "Ann Archer"
    assert ticket.url == f"{jira.server.url}/browse/{key}"
    assert ticket.created == ticket.updated == ticket.complete_since == MORNING
    assert ticket.ledger is None
    assert ticket.fields == {
        "severity": "high",
        "service": "checkout",
        "team": None,
        "assignee": ticket.fields["assignee"],
        "affected_users": 1400.0,
        "eta": datetime(2026, 11, 23, 12, 30, tzinfo=UTC),
        "status_text": None,
        "security": True,
        "commander": None,
        "regions": ("eu", "us"),
        "hold": False,
        "hold_reason": None,
    }
    assert ticket.fields["assignee"] == jira.jira.user("maria@example.org")


def test_a_ticket_is_read_in_one_request(jira: World) -> None:
    key = jira.state.create({"summary": "x", "assignee": "tom"})
    jira.state.comment(key, "hello")
    jira.state.transition(key, "Resolved")
    jira.jira.get(key)  # the first look at a site also asks what it is made of
    jira.sent()
    jira.jira.get(key)
    assert jira.sent() == [f"GET issue/{key}"]


def test_history_is_told_in_our_words_oldest_first(jira: World) -> None:
    key = jira.state.create({"summary": "x", "customfield_10050": "Low"})
    jira.state.put(key, {"customfield_10050": "High", "assignee": "tom"}, by="ann")
    jira.state.put(key, {"assignee": None, "customfield_10053": 12.0}, by="maria")
    jira.state.put(key, {"labels": ("a", "b"), "summary": "y"}, by="tom")
    ticket = jira.jira.get(key)
    told = [(c.field, c.before, c.after, str(c.by)) for c in ticket.history]
    tom = jira.jira.user("tom@example.org")
    assert told == [
        ("severity", "low", "high", "Ann Archer"),
        ("assignee", None, tom, "Ann Archer"),
        ("assignee", tom, None, "Maria Keller"),
        ("affected_users", None, 12.0, "Maria Keller"),
        ("labels", (), ("a", "b"), "Tom Reyes"),
        ("summary", "x", "y", "Tom Reyes"),
    ]
    assert [c.at for c in ticket.history] == sorted(c.at for c in ticket.history)


def test_a_status_tells_its_phase(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    for status in ("In Progress", "Resolved", "Closed", "Open", "Resolved"):
        jira.clock.advance(timedelta(minutes=1))
        jira.state.transition(key, status)
    assert changes(jira, key, "phase") == [
        ("new", "active"),
        ("active", "resolved"),
        ("resolved", "closed"),
        ("closed", "new"),
        ("new", "resolved"),
    ]


def test_hold_follows_from_a_status_or_from_a_label(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.state.transition(key, "Waiting")
    jira.state.put(key, {"labels": ("on-hold",)})
    jira.state.transition(key, "In Progress")
    jira.state.put(key, {"labels": ()})
    assert changes(jira, key, "hold") == [(False, True), (True, False)]
    assert changes(jira, key, "hold_reason") == [(None, "Waiting"), ("Waiting", "on-hold"), ("on-hold", None)]


def test_components_that_come_and_go_one_by_one_are_told_as_wholes(jira: World) -> None:
    key = jira.state.create({"summary": "x", "components": ("Docs",)})
    jira.state.put(key, {"components": ("Docs", "Checkout (prod)")})
    jira.state.put(key, {"components": ("Checkout (prod)", "Orders DB")})
    assert changes(jira, key, "service") == [
        (None, "checkout"),  # what the catalogue does not know is nothing
        ("checkout", "checkout"),
        ("checkout", ("checkout", "orders-db")),
    ]


def test_the_last_change_of_a_word_ends_in_what_it_holds(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.jira.write(key, Edit({"status_text": "We are **working** on it."}), None)
    ticket = jira.jira.get(key)
    assert ticket.fields["status_text"] == "We are **working** on it."
    assert changes(jira, key, "status_text") == [(None, "We are **working** on it.")]


def test_a_value_that_the_map_does_not_name_is_unknown_but_an_unknown_service_is_none() -> None:
    with world("cloud", values={"severity": {"high": "High"}, "service": {"checkout": "Checkout (prod)"}}) as jira:
        key = jira.state.create({"summary": "x", "customfield_10050": "Low", "components": ("Docs",)})
        ticket = jira.jira.get(key)
        assert "severity" not in ticket.fields
        assert ticket.fields["service"] is None


def test_a_choice_of_yes_and_no_is_a_flag_where_the_value_map_says_so() -> None:
    for values, read in ((VALUES, True), ({}, "Yes")):
        with world("cloud", values=values) as jira:
            key = jira.state.create({"summary": "x", "customfield_10058": "No"})
            jira.jira.write(key, Edit({"security": True}), None)
            assert jira.state.view(key)["fields"]["customfield_10058"] == "Yes"
            assert jira.jira.get(key).fields["security"] == read
            assert [c.after for c in jira.jira.get(key).history] == [read]


def test_severity_is_the_priority_where_only_a_value_map_is_given() -> None:
    fields = {word: id_ for word, id_ in FIELDS.items() if word != "severity"}
    values = {"severity": {"high": ["Highest", "High"], "medium": "Medium", "low": ["Low", "Lowest"]}}
    with world("cloud", fields=fields, values=values) as jira:
        key = jira.state.create({"summary": "x", "priority": "2"})
        assert jira.jira.get(key).fields["severity"] == "high"
        jira.jira.write(key, Edit({"severity": "high"}), None)
        assert jira.state.view(key)["fields"]["priority"] == "Highest"
        assert [(c.before, c.after) for c in jira.jira.get(key).history] == [("high", "high")]


def test_a_moved_ticket_keeps_its_ref_and_tells_its_new_key(jira: World) -> None:
    jira.state.site.projects["DEV"] = Project("10001", "DEV", "Development")
    key = jira.state.create({"summary": "x"})
    ref = jira.jira.get(key).ref
    new = jira.state.move(key, "DEV")
    ticket = jira.jira.get(key)
    assert (ticket.ref, ticket.key, ticket.project) == (ref, new, "DEV")
    assert changes(jira, ref, "key") == [(key, new)]
    assert changes(jira, ref, "project") == [("OPS", "DEV")]
    assert not jira.jira.covers(ticket)


def test_what_is_not_there_is_missing(jira: World) -> None:
    with pytest.raises(Missing, match="could not read OPS-99: Issue does not exist"):
        jira.jira.get("OPS-99")
    key = jira.state.create({"summary": "x"})
    jira.state.delete(key)
    with pytest.raises(Missing):
        jira.jira.get(key)


@pytest.mark.parametrize("ref", ["../myself", "1/comment", "", "OPS-1?x=1", "a b", "ä"])
def test_a_ref_never_becomes_another_address(cloud: World, ref: str) -> None:
    with pytest.raises(Missing):
        cloud.jira.get(ref)
    with pytest.raises(Missing):
        cloud.jira.write(ref, Edit({"team": "x"}), None)
    assert not [one for one in cloud.sent() if "myself" in one or "comment" in one]


def test_comments_come_with_who_said_what_and_to_whom(jira: World) -> None:
    jira.state.site.projects["OPS"].service_desk = True
    key = jira.state.create({"summary": "x"})
    jira.state.comment(key, "for customers", by="ann")
    jira.state.comment(key, "among us", by="tom", internal=True)
    told = [(c.text, str(c.by), c.public) for c in jira.jira.get(key).comments]
    assert told == [("for customers", "Ann Archer", True), ("among us", "Tom Reyes", False)]


def test_a_past_longer_than_one_answer_is_read_to_its_beginning(cloud: World) -> None:
    cloud.state.traps.changelog_page = cloud.state.traps.comment_page = 3
    key = cloud.state.create({"summary": "0"})
    for number in range(1, 8):
        cloud.state.put(key, {"summary": str(number)})
        cloud.state.comment(key, f"comment {number}")
    ticket = cloud.jira.get(key)
    assert [c.after for c in ticket.history] == [str(n) for n in range(1, 8)]
    assert [c.text for c in ticket.comments] == [f"comment {n}" for n in range(1, 8)]
    assert ticket.complete_since == ticket.created
    assert [one for one in cloud.sent("GET") if "/" in one] == [
        f"GET issue/{key}",
        f"GET issue/{ticket.ref}/changelog",
        f"GET issue/{ticket.ref}/comment",
    ]


def test_a_past_too_long_to_read_says_how_far_back_it_is_whole(cloud: World) -> None:
    key = cloud.state.create({"summary": "0"})
    for number in range(1, 1_351):
        cloud.state.put(key, {"summary": str(number)})
    ticket = cloud.jira.get(key)
    assert [c.after for c in ticket.history] == [str(n) for n in range(251, 1_351)]
    assert ticket.complete_since == ticket.history[0].at > ticket.created
    assert len(cloud.sent("GET")) == 13  # what Jira it is, its fields, the ticket and ten further pages


def test_data_centers_history_is_read_by_key_and_by_name(datacenter: World) -> None:
    key = datacenter.state.create({"summary": "x"})
    datacenter.state.put(key, {"assignee": "bob", "customfield_10053": 7.0}, by="ann")
    datacenter.state.put(key, {"assignee": "tom"}, by="ann")
    ticket = datacenter.jira.get(key)
    bob = User("bob", "Bob Hidden", "bob@example.org")
    assert [c.after for c in ticket.history if c.field == "assignee"] == [bob, User("tom")]
    assert [c.after for c in ticket.history if c.field == "affected_users"] == [7.0]
    assert datacenter.sent().count("GET user") == 1  # bob, who is on the ticket no more; nobody is asked for twice
    datacenter.jira.get(key)
    assert "GET user" not in datacenter.sent()


# ---- writing


def test_fields_comment_and_ledger_are_one_request(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    ref = jira.jira.get(key).ref
    edit = Edit(
        {
            "severity": "high",
            "assignee": User("", "", "maria@example.org"),
            "commander": jira.jira.user("tom@example.org"),
            "affected_users": 1400.0,
            "eta": datetime(2026, 11, 23, 12, 30, tzinfo=UTC),
            "team": "dba",
            "security": True,
            "regions": ("eu", "asia"),
            "status_text": "on it",
        },
        Comment("**Pointman**\n\n- did it"),
    )
    jira.sent()
    jira.jira.write(ref, edit, '{"v":1,"id":"10001"}')
    assert jira.sent("PUT", "POST") == [f"PUT issue/{ref}"]
    seen = jira.state.view(key)
    assert seen["fields"] | {"x": 1} == seen["fields"] | {
        "x": 1,
        "customfield_10050": "High",
        "assignee": "maria",
        "customfield_10059": "tom",
        "customfield_10053": 1400.0,
        "customfield_10056": datetime(2026, 11, 23, 12, 30, tzinfo=UTC),
        "customfield_10052": "dba",
        "customfield_10058": "Yes",
        "customfield_10060": ("eu", "asia"),
        "customfield_10057": "on it",
    }
    assert seen["properties"] == {"pointman": {"v": 1, "id": "10001"}}
    assert [(c["by"], c["internal"]) for c in seen["comments"]] == [("pointman", True)]
    ticket = jira.jira.get(ref)
    assert ticket.ledger == '{"v":1,"id":"10001"}'
    assert ticket.fields | edit.fields == ticket.fields
    assert {c.by for c in ticket.history} == {jira.jira.me()}


def test_none_empties(jira: World) -> None:
    key = jira.state.create(
        {
            "summary": "x",
            "customfield_10050": "High",
            "assignee": "tom",
            "customfield_10053": 3.0,
            "components": ("Orders DB",),
            "customfield_10060": ("eu",),
        }
    )
    words = ("severity", "assignee", "affected_users", "service", "regions")
    jira.jira.write(key, Edit(dict.fromkeys(words)), None)
    ticket = jira.jira.get(key)
    assert {word: ticket.fields[word] for word in words} == dict.fromkeys(words)


def test_the_ledger_alone_is_a_property_and_no_edit(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    before = jira.jira.get(key)
    jira.sent()
    jira.jira.write(before.ref, None, '{"v":1}')
    jira.jira.write(before.ref, None, '{"v":1,"e":{"ä":"…"}}')
    assert jira.sent() == [f"PUT issue/{before.ref}/properties/pointman"] * 2
    after = jira.jira.get(key)
    assert after.ledger == '{"v":1,"e":{"ä":"…"}}'
    assert (after.version, after.updated) == (before.version, before.updated)


def test_nothing_to_write_sends_nothing(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.jira.write(key, None, None)
    jira.jira.write(key, None, None)
    assert jira.sent() == []


def test_a_ledger_that_is_no_json_comes_back_as_it_is(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.jira.write(key, None, "not json")
    assert jira.jira.get(key).ledger == '"not json"'


def test_a_ledger_that_is_too_long_is_refused_and_nothing_is_done(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    long = json.dumps({"v": "x" * 32_768})
    with pytest.raises(Refused, match="cannot be longer than 32768 characters"):
        jira.jira.write(key, Edit({"team": "dba"}), long)
    with pytest.raises(Refused):
        jira.jira.write(key, None, long)
    assert jira.state.view(key)["fields"].get("customfield_10052") is None
    assert jira.state.view(key)["properties"] == {}


def test_a_dropped_ledger_shows_when_it_is_read_back(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.state.traps.drop_properties = True
    jira.jira.write(key, Edit({"team": "dba"}), '{"v":1}')
    assert jira.jira.get(key).ledger is None


def test_what_is_refused_is_told_by_our_words(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    edit = Edit({"severity": "disastrous", "regions": ("mars",), "team": "dba"})
    with pytest.raises(Refused, match="could not edit") as caught:
        jira.jira.write(key, edit, '{"v":1}')
    assert caught.value.fields == {
        "severity": "Option value 'disastrous' is not valid",
        "regions": "Option value 'mars' is not valid",
    }
    assert "customfield_10050: Option value 'disastrous' is not valid" in str(caught.value)
    assert jira.state.view(key)["properties"] == {}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"colour": "red"}, {"colour": "no field of Jira is mapped to it"}),
        (
            {"assignee": User("", "", "nobody@example.org")},
            {"assignee": "nobody in Jira has the address nobody@example.org"},
        ),
        ({"severity": ("high", "low")}, {"severity": "the field takes one value"}),
        ({"affected_users": "many"}, {"affected_users": "the field holds a number"}),
        ({"eta": "soon"}, {"eta": "the field holds a datetime"}),
        ({"team": User("x")}, {"team": "the field holds no person"}),
        ({"phase": "dormant"}, {"phase": "no phase dormant"}),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_sent(
    cloud: World, words: dict[str, object], reason: dict[str, str]
) -> None:
    key = cloud.state.create({"summary": "x"})
    with pytest.raises(Refused) as caught:
        cloud.jira.write(key, Edit({**words, "status_text": "fine"}), '{"v":1}')  # type: ignore[dict-item]
    assert caught.value.fields == reason
    assert cloud.sent("PUT", "POST") == []


def test_a_phase_is_a_transition_by_target_status_after_the_rest(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.jira.write(key, Edit({"phase": "resolved", "team": "dba"}, Comment("done")), '{"v":1}')
    assert jira.sent("PUT", "POST") == [f"PUT issue/{key}", f"POST issue/{key}/transitions"]
    seen = jira.state.view(key)
    assert (seen["fields"]["status"], seen["fields"]["resolution"]) == ("Resolved", "Done")
    jira.jira.write(key, Edit({"phase": "closed"}), None)
    assert jira.jira.get(key).phase == "closed"
    jira.jira.write(key, Edit({"phase": "new"}), '{"v":2}')
    assert jira.jira.get(key).phase == "new"
    assert jira.state.view(key)["properties"] == {"pointman": {"v": 2}}


def test_a_status_that_the_configuration_names_goes_first() -> None:
    with world("cloud", phases={"active": ["10005", "10001"]}, resolution="Won't Do") as jira:
        key = jira.state.create({"summary": "x"})
        jira.jira.write(key, Edit({"phase": "active"}), None)
        assert jira.state.view(key)["fields"]["status"] == "Waiting"
        jira.jira.write(key, Edit({"phase": "resolved"}), None)
        assert jira.state.view(key)["fields"]["resolution"] == "Won't Do"


def test_closed_is_what_is_done_where_no_status_is_named_for_it() -> None:
    with world("cloud", phases={}) as jira:
        key = jira.state.create({"summary": "x"})
        jira.jira.write(key, Edit({"phase": "closed"}), None)
        assert jira.jira.get(key).phase == "resolved"


def test_an_illegal_transition_is_refused_before_anything_is_written(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.state.transition(key, "Closed")
    with pytest.raises(Refused) as caught:
        jira.jira.write(key, Edit({"phase": "active", "team": "dba"}), '{"v":1}')
    assert caught.value.fields == {"phase": "no transition leads from its present status to active"}
    assert jira.state.view(key)["properties"] == {}


def test_hold_is_a_label_that_comes_and_goes(jira: World) -> None:
    key = jira.state.create({"summary": "x", "labels": ("vip",)})
    jira.jira.write(key, Edit({"hold": True}), None)
    assert jira.state.view(key)["fields"]["labels"] == ("vip", "on-hold")
    jira.jira.write(key, Edit({"hold": False}), '{"v":1}')
    assert jira.state.view(key)["fields"]["labels"] == ("vip",)


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_hold_is_a_transition_where_only_statuses_tell_it(flavour: Flavour) -> None:
    with world(flavour, hold={"statuses": "10005"}) as jira:
        over = jira.state.create({"summary": "x"})
        jira.state.transition(over, "Resolved")
        with pytest.raises(Refused, match="to one that means on hold") as caught:
            jira.jira.write(over, Edit({"hold": True}), '{"v":1}')
        assert (set(caught.value.fields), jira.jira.get(over).ledger) == ({"hold"}, None)
        key = jira.state.create({"summary": "x"})
        jira.jira.write(key, Edit({"hold": True}, Comment("why")), '{"v":2}')
        held = jira.jira.get(key)
        assert (held.status, held.fields["hold"], held.ledger) == ("Waiting", True, '{"v":2}')
        jira.jira.write(key, Edit({"hold": False}), None)
        assert (jira.jira.get(key).status, jira.jira.get(key).fields["hold"]) == ("In Progress", False)


def test_a_field_for_the_reason_of_a_hold_knows_more_than_a_label() -> None:
    with world("cloud", fields={**FIELDS, "hold_reason": "customfield_10057"}) as jira:
        key = jira.state.create({"summary": "x"})
        jira.jira.write(key, Edit({"hold": True, "hold_reason": "waiting for the vendor"}), None)
        held = jira.jira.get(key)
        assert (held.fields["hold"], held.fields["hold_reason"]) == (True, "waiting for the vendor")
        assert [c.after for c in held.history if c.field == "hold_reason"] == ["waiting for the vendor"]


def test_where_nothing_means_on_hold_a_hold_is_refused() -> None:
    with world("cloud", hold={}) as jira:
        key = jira.state.create({"summary": "x"})
        with pytest.raises(Refused, match="no status, no label and no field"):
            jira.jira.write(key, Edit({"hold": True}), None)
        assert "hold" not in jira.jira.get(key).fields, "so that it is kept as an act"


def test_components_of_others_stay(jira: World) -> None:
    key = jira.state.create({"summary": "x", "components": ("Docs", "Orders DB")})
    jira.jira.write(key, Edit({"service": "checkout"}), None)
    assert jira.state.view(key)["fields"]["components"] == ("Docs", "Checkout (prod)")


def test_a_comment_is_edited_in_place(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.jira.write(key, Edit(comment=Comment("one")), '{"v":1}')
    (standing,) = jira.jira.get(key).comments
    jira.jira.write(key, Edit(comment=Comment("two", id=standing.id)), '{"v":2}')
    (now,) = jira.jira.get(key).comments
    assert (now.text, now.id, now.at) == ("two", standing.id, standing.at)
    with pytest.raises(Refused) as caught:
        jira.jira.write(key, Edit(comment=Comment("three", id="1")), '{"v":3}')
    assert set(caught.value.fields) == {"comment"}
    assert jira.jira.get(key).ledger == '{"v":2}'


def test_the_log_reads_back_as_it_was_written(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    coming = "- 10:17 call Maria\n- a\\_b \\*not bold\\*"
    text = f"**Pointman**\n\n**What happens next**\n\n{coming}\n\n**So far**\n\n- 10:02 `x_y`"
    jira.jira.write(key, Edit(comment=Comment(text)), None)
    (comment,) = jira.jira.get(key).comments
    assert comment.text == text


def test_public_and_internal_comments_differ_on_a_service_desk(jira: World) -> None:
    jira.state.site.projects["OPS"].service_desk = True
    key = jira.state.create({"summary": "x"})
    jira.jira.write(key, Edit(comment=Comment("to all", public=True)), None)
    jira.jira.write(key, Edit(comment=Comment("to us")), None)
    assert [c["internal"] for c in jira.state.view(key)["comments"]] == [False, True]


# ---- creating and finding


def test_a_created_ticket_is_found_by_its_key(jira: World) -> None:
    assert jira.jira.find("7f3a:eu/1") is None
    ref = jira.jira.create(
        Edit({"summary": "Disk\nfull", "description": "**sdb** is full", "severity": "high"}, Comment("from an alert")),
        "7f3a:eu/1",
    )
    assert jira.jira.find("7f3a:eu/1") == ref
    ticket = jira.jira.get(ref)
    assert (ticket.summary, ticket.description, ticket.fields["severity"]) == ("Disk full", "**sdb** is full", "high")
    assert ticket.labels == (label("7f3a:eu/1"),)
    assert (ticket.kind, ticket.reporter) == ("Incident", jira.jira.me())
    assert [c.text for c in ticket.comments] == ["from an alert"]
    assert jira.jira.find(ticket.key) == ref
    assert jira.jira.find("OPS-77") is None


def test_of_several_with_one_key_the_oldest_is_found(jira: World) -> None:
    first = jira.jira.create(Edit({"summary": "x"}), "k")
    jira.clock.advance(timedelta(seconds=2))
    jira.jira.create(Edit({"summary": "x"}), "k")
    assert jira.jira.find("k") == first


def test_what_we_created_is_found_at_once_though_search_lags(cloud: World) -> None:
    cloud.state.traps.lag = timedelta(seconds=30)
    cloud.jira.me()  # the first answer tells the time
    ref = cloud.jira.create(Edit({"summary": "x"}), "k")
    assert cloud.jira.find("k") == ref
    with_another = Jira("other", settings(cloud.state, cloud.server.url))
    assert with_another.find("k") is None
    cloud.clock.advance(timedelta(seconds=31))
    assert with_another.find("k") == ref
    with_another.close()


def test_a_new_ticket_may_begin_in_another_phase(jira: World) -> None:
    ref = jira.jira.create(Edit({"summary": "x", "phase": "active"}), "k")
    assert jira.jira.get(ref).phase == "active"


def test_a_title_that_is_too_long_is_cut(jira: World) -> None:
    ref = jira.jira.create(Edit({"summary": "x" * 300}), "k")
    assert jira.jira.get(ref).summary == "x" * 254 + "…"


def test_without_a_project_nothing_is_created() -> None:
    with world("cloud", project=()) as jira, pytest.raises(Refused, match="no project is configured"):
        jira.jira.create(Edit({"summary": "x"}), "k")


@pytest.mark.parametrize("key", ["a", "A-1:b.c_d"])
def test_a_label_is_the_key_where_it_can_be(key: str) -> None:
    assert label(key) == f"pointman-{key}"


@pytest.mark.parametrize("key", ['a"b', "a b", "ä", "x" * 300, ""])
def test_a_label_is_a_digest_where_the_key_cannot_be_one(key: str) -> None:
    assert label(key).startswith("pointman-")
    assert len(label(key)) == 49


# ---- listing


def test_a_list_holds_what_is_open_or_changed_lately(jira: World) -> None:
    state = jira.state
    old = state.create({"summary": "closed long ago"})
    state.transition(old, "Resolved")
    waiting = state.create({"summary": "open long ago"})
    jira.clock.advance(timedelta(days=3))
    lately = state.create({"summary": "closed lately"})
    state.transition(lately, "Resolved")
    state.site.projects["DEV"] = Project("10001", "DEV", "Development")
    state.create({"summary": "elsewhere"}, project="DEV")
    since = jira.clock.now() - timedelta(days=1)
    assert [t.key for page in jira.jira.open(since) for t in page] == [waiting, lately]
    assert [t.key for page in jira.jira.changed(since) for t in page] == [lately]


def test_the_account_s_time_zone_moves_no_list(cloud: World) -> None:
    us = cloud.state.site.people["pointman"]
    cloud.state.site.people["pointman"] = type(us)(us.username, us.name, us.email, us.account, us.key, "Asia/Tokyo")
    key = cloud.state.create({"summary": "x"})
    cloud.state.transition(key, "Resolved")
    cloud.clock.advance(timedelta(minutes=30))
    assert not [t for page in cloud.jira.changed(cloud.clock.now() - timedelta(minutes=5)) for t in page]
    assert [t.key for page in cloud.jira.changed(cloud.clock.now() - timedelta(minutes=40)) for t in page] == [key]


def test_a_listed_ticket_is_as_whole_as_one_read_alone(cloud: World) -> None:
    key = cloud.state.create({"summary": "x", "customfield_10050": "High"})
    cloud.state.put(key, {"assignee": "tom"})
    cloud.state.comment(key, "hello")
    cloud.jira.write(key, None, '{"v":1}')
    ((listed,),) = cloud.jira.open(MORNING)
    assert listed == cloud.jira.get(key)


def test_data_centers_lists_know_no_ledger_and_say_that_they_are_not_whole(datacenter: World) -> None:
    key = datacenter.state.create({"summary": "x"})
    datacenter.jira.write(key, None, '{"v":1}')
    ((listed,),) = datacenter.jira.open(MORNING)
    alone = datacenter.jira.get(key)
    assert (listed.ledger, alone.ledger) == (None, '{"v":1}')
    assert listed.complete_since is not None
    assert listed.complete_since > listed.created
    assert (listed.version, listed.fields["hold"]) == (alone.version, False)


def test_a_list_s_cut_comments_or_history_make_it_less_whole(cloud: World) -> None:
    cloud.state.traps.changelog_page = 2
    key = cloud.state.create({"summary": "0"})
    for number in range(1, 5):
        cloud.state.put(key, {"summary": str(number)})
    ((listed,),) = cloud.jira.open(MORNING)
    assert [c.after for c in listed.history] == ["3", "4"]
    assert listed.complete_since == listed.history[0].at
    cloud.state.traps.comment_page = 1
    cloud.state.comment(key, "a")
    cloud.state.comment(key, "b")
    ((listed,),) = cloud.jira.open(MORNING)
    assert listed.complete_since is not None
    assert listed.complete_since > listed.updated


def test_a_sweep_of_n_tickets_is_n_hundredths_requests(jira: World) -> None:
    for number in range(250):
        jira.state.create({"summary": str(number)})
    pages = list(jira.jira.open(MORNING))
    assert [len(page) for page in pages] == [100, 100, 50]
    assert len({t.ref for page in pages for t in page}) == 250
    assert sum(one.startswith("GET search") for one in jira.sent()) == 3


def test_the_same_page_again_and_again_does_not_go_on_for_ever(cloud: World) -> None:
    for number in range(350):
        cloud.state.create({"summary": str(number)})
    cloud.state.traps.repeat_token = True
    with pytest.raises(Temporary, match="the same page again") as caught:
        list(cloud.jira.open(MORNING))
    assert not caught.value.in_doubt


def test_a_status_that_counts_as_open_here_is_listed_whatever_its_category() -> None:
    with world("cloud", phases={"active": "10002"}) as jira:
        key = jira.state.create({"summary": "x"})
        jira.state.transition(key, "Resolved")
        jira.clock.advance(timedelta(days=3))
        assert [t.key for page in jira.jira.open(jira.clock.now()) for t in page] == [key]


# ---- people, time, deployment


def test_people_are_found_by_address_and_remembered(jira: World) -> None:
    maria = jira.jira.user("Maria@Example.org")
    assert maria is not None
    assert (maria.name, bool(maria.id)) == ("Maria Keller", True)
    assert jira.jira.user("maria@example.org") == maria
    assert jira.jira.user("nobody@example.org") is None
    assert jira.jira.user("") is None
    assert jira.sent().count("GET user/search") == 2


def test_somebody_who_hides_the_address_counts_where_they_alone_are_found(cloud: World) -> None:
    bob = cloud.jira.user("bob@example.org")
    assert bob is not None
    assert bob.id == "5cedcb4355a88a0fc86388ba"


def test_we_know_who_we_are(jira: World) -> None:
    assert jira.jira.me().name == "Pointman"
    jira.jira.me()
    assert jira.sent().count("GET myself") == 1


def test_time_is_jiras_own(jira: World) -> None:
    assert jira.jira.now() is None
    jira.jira.me()
    now = jira.jira.now()
    assert now is not None
    assert timedelta(0) <= now - MORNING < timedelta(seconds=2)
    jira.clock.advance(timedelta(hours=2))
    jira.jira.user("tom@example.org")
    later = jira.jira.now()
    assert later is not None
    assert timedelta(0) <= later - MORNING - timedelta(hours=2) < timedelta(seconds=2)


def test_time_stands_neither_still_nor_back_where_answers_overtake_each_other() -> None:
    moments = iter([100.0, 100.2, 100.3, 103.0, 103.0])
    clock = JiraClock(lambda: next(moments))
    clock.heard("Mon, 23 Nov 2026 09:00:30 GMT", 0.1)  # at 100.0
    clock.heard("Mon, 23 Nov 2026 09:00:10 GMT", 0.9)  # sent before, and answered first: no news
    assert clock.now() == MORNING + timedelta(seconds=30.3)
    clock.heard("Mon, 23 Nov 2026 09:00:20 GMT", 0.1)  # sent after: the clock was set back
    assert clock.now() == MORNING + timedelta(seconds=20)


@pytest.mark.parametrize("date", ["", "soon", "2026-11-23"])
def test_a_date_that_cannot_be_read_is_no_news(date: str) -> None:
    clock = JiraClock(lambda: 1.0)
    clock.heard(date, 0.0)
    assert clock.now() is None


def test_no_change_that_was_read_lies_in_the_future() -> None:
    with world("cloud", clock=Clock(MORNING + timedelta(milliseconds=900), speed=0)) as jira:
        key = jira.state.create({"summary": "x"})
        jira.state.put(key, {"summary": "y"})
        ticket = jira.jira.get(key)
        now = jira.jira.now()
        assert now is not None
        assert now >= ticket.history[-1].at


def test_the_configuration_overrides_what_the_server_says_it_is() -> None:
    with world("datacenter", deployment="datacenter") as jira:
        jira.jira.get(jira.state.create({"summary": "x"}))
        assert "GET serverInfo" not in jira.sent()


def test_making_a_connector_asks_nothing(jira: World) -> None:
    made = Jira("other", settings(jira.state, jira.server.url))
    made.close()
    assert jira.sent() == []


def test_an_echo_is_told_apart_by_who_changed_what(jira: World) -> None:
    key = jira.state.create({"summary": "x"})
    jira.jira.write(key, Edit({"severity": "high"}), None)
    (change,) = jira.jira.get(key).history
    assert isinstance(change, Change)
    assert change.by == jira.jira.me()
