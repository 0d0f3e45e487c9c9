"""Webhooks from Jira: real bodies of Cloud and Data Center, signatures, echoes, and everything that is not believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import BadRequest, Receipt, Request
from connectors.jira import Jira, JiraSettings
from connectors.model import Changed, Comment, Edit
from connectors.signatures import hexdigest
from sandbox.http import Answer, Asked, Server
from sandbox.jira.world import Flavour, Project
from tests.connectors.contracts import SAMPLES
from tests.connectors.jiras import MORNING, SECRET, World, world

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def connector(**changes: Any) -> Jira:
    """A connector that has never spoken to Jira, and never will: reading a webhook makes no call."""
    table: dict[str, Any] = {
        "url": "http://127.0.0.1:9",
        "token": "t",
        "webhook_secret": SECRET,
        "fields": {"severity": "priority", "service": "components"},
        "values": {"severity": {"high": "High", "medium": "Medium", "low": "Low"}},
    }
    return Jira("jira", JiraSettings(**{**table, **changes}))


def request(body: bytes, **changes: Any) -> Request:
    headers = {"x-hub-signature": f"sha256={hexdigest(SECRET, body)}", "x-atlassian-webhook-identifier": "d-1"}
    return Request({**headers, **changes.pop("headers", {})}, body, **changes)


def received(payload: dict[str, Any], jira: Jira | None = None) -> Receipt:
    return (jira or connector()).receive(request(json.dumps(payload).encode()), NOW)


def sample(name: str) -> bytes:
    path = SAMPLES / "jira" / name
    if not path.exists():
        pytest.skip(f"the samples beside the shared contracts were not found: {name}")
    return path.read_bytes()


def read(name: str) -> Changed:
    (signal,) = connector().receive(request(sample(name)), NOW).signals
    assert isinstance(signal, Changed)
    return signal


# ---- real bodies

REFS = {
    "webhook-cloud-comment-created.json": "10040",
    "webhook-cloud-comment-updated.json": "10040",
    "webhook-cloud-issue-updated-custom-field.json": "10368",
    "webhook-issue-comment-created-indentation.json": "10101",
    "webhook-issue-created-no-description.json": "10040",
    "webhook-issue-created-with-security-level.json": "10040",
    "webhook-issue-deleted.json": "10303",
    "webhook-issue-updated-assigned-on-server.json": "10226",
    "webhook-issue-updated-attachments.json": "10040",
    "webhook-issue-updated-edited.json": "10040",
    "webhook-issue-updated-issue-type.json": "10040",
    "webhook-issue-updated-lowered-priority.json": "10040",
    "webhook-issue-updated-multiple-values.json": "10040",
    "webhook-issue-updated-rank.json": "10040",
    "webhook-issue-updated-reopened-one-changelog.json": "10040",
    "webhook-issue-updated-resolved-one-changelog.json": "10040",
    "webhook-issue-updated-sprint.json": "10040",
    "webhook-server-comment-created.json": "10013",
    "webhook-server-comment-updated.json": "10013",
    "webhook-server-issue-updated-comment-deleted.json": "10013",
    "webhook-server-issue-updated-commented-1.json": "10013",
    "webhook-server-issue-updated-commented-3.json": "10231",
    "webhook-server-issue-updated-in-progress.json": "10300",
    "webhook-server-issue-updated-reopened.json": "10300",
    "webhook-server-old-issue-updated-no-event-type-assigned.json": "10040",
    "webhook-server-old-issue-updated-no-event-type-comment-edited.json": "10013",
    "webhook-server-old-issue-updated-no-event-type-edited.json": "10040",
}


def test_every_sample_is_in_the_table() -> None:
    folder = SAMPLES / "jira"
    if not folder.exists():
        pytest.skip("the samples beside the shared contracts were not found")
    assert {path.name for path in folder.glob("webhook-*.json")} == set(REFS)


@pytest.mark.parametrize("name", REFS)
def test_a_real_body_says_which_ticket_to_look_at(name: str) -> None:
    changed = read(name)
    assert (changed.ref, changed.delivery) == (REFS[name], "d-1")


def told(name: str) -> list[tuple[str, object, object, str]]:
    changes = read(name).changes
    assert changes is not None
    return [(c.field, c.before, c.after, str(c.by)) for c in changes]


def test_a_changed_field_is_told_in_our_words() -> None:
    name = "webhook-issue-updated-lowered-priority.json"
    assert told(name) == [("severity", "high", "low", "Test User")]


def test_a_field_of_no_word_comes_under_jiras_own_name() -> None:
    name = "webhook-cloud-issue-updated-custom-field.json"
    assert told(name) == [("customfield_10072", "1", "12", "Sample User")]


def test_several_changes_are_all_told() -> None:
    name = "webhook-issue-updated-multiple-values.json"
    assert [field for field, *_ in told(name)] == ["fixVersions", "assignee", "customfield_10072"]


def test_a_comment_is_told_by_its_id_and_author() -> None:
    assert told("webhook-cloud-comment-created.json") == [("comment", None, "10019", "Test User")]
    assert told("webhook-server-comment-created.json") == [("comment", None, "10082", "Lev Brouk")]


def test_a_status_whose_phase_nobody_knows_yet_is_no_echo() -> None:
    assert read("webhook-server-issue-updated-in-progress.json").changes is None


@pytest.mark.parametrize("name", ["webhook-issue-deleted.json", "webhook-issue-created-no-description.json"])
def test_a_ticket_that_came_or_went_is_no_echo(name: str) -> None:
    assert read(name).changes is None


def test_nothing_of_the_recorded_answer_of_a_removed_search_is_a_webhook() -> None:
    body = sample("error-410-search-removed.json")
    receipt = connector().receive(request(body), NOW)
    assert receipt.signals == ()
    assert "about no ticket" in receipt.body


# ---- what is about no ticket of ours


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"webhookEvent": "sprint_started", "sprint": {"id": 1}}, "sprint_started is about no ticket"),
        ({"webhookEvent": "user_created"}, "user_created is about no ticket"),
        ({}, "no event is about no ticket"),
        (
            {"webhookEvent": "comment_created", "comment": {"id": "1", "self": "https://x/comment/1"}},
            "does not say which",
        ),
        ({"webhookEvent": "jira:issue_updated"}, "does not say which ticket"),
        ({"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "DEV-1"}}, "project DEV is not in scope"),
        (
            {"webhookEvent": "issue_property_set", "issue": {"id": "1"}, "property": {"key": "pointman"}},
            "our own ledger was written",
        ),
    ],
)
def test_what_concerns_no_ticket_is_taken_with_a_reason(payload: dict[str, Any], reason: str) -> None:
    receipt = received(payload, connector(project="OPS"))
    assert (receipt.status, receipt.signals) == (202, ())
    assert reason in json.loads(receipt.body)["ignored"]


def test_a_ticket_that_moves_out_of_scope_is_still_looked_at() -> None:
    items = [{"field": "Key", "fieldId": "issuekey", "fromString": "OPS-1", "toString": "DEV-1"}]
    payload = {
        "webhookEvent": "jira:issue_updated",
        "issue": {"id": "1", "key": "DEV-1"},
        "changelog": {"items": items},
    }
    (signal,) = received(payload, connector(project="OPS")).signals
    assert isinstance(signal, Changed)
    assert [(c.field, c.after) for c in signal.changes or ()] == [("key", "DEV-1"), ("project", "DEV")]


@pytest.mark.parametrize(
    ("payload", "ref"),
    [
        ({"webhookEvent": "worklog_created", "worklog": {"issueId": "77"}}, "77"),
        ({"webhookEvent": "issuelink_created", "issueLink": {"sourceIssueId": 88, "destinationIssueId": 99}}, "88"),
        ({"webhookEvent": "issue_property_set", "issue": {"id": "5"}, "property": {"key": "other"}}, "5"),
        ({"webhookEvent": "issue_property_deleted", "issue": {"id": "6"}}, "6"),
    ],
)
def test_what_else_happens_to_a_ticket_is_a_reason_to_look(payload: dict[str, Any], ref: str) -> None:
    (signal,) = received(payload).signals
    assert signal == Changed(ref, None, "d-1")


# ---- what is not believed


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-hub-signature": "sha256=" + "0" * 64}, {}),
        ({"x-hub-signature": ""}, {}),
        ({"x-hub-signature": "sha1=abc"}, {}),
        ({"x-hub-signature": "sha256=ä\udcff"}, {}),
        ({"x-hub-signature": "sha256=" + "0" * 64}, {"secret": SECRET}),
    ],
)
def test_a_wrong_signature_is_refused(headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="signature of the webhook for jira is wrong") as caught:
        connector().receive(request(b"{}", headers=headers, query=query), NOW)
    assert caught.value.status == 401


def test_an_unsigned_body_is_refused_unless_the_address_holds_the_secret() -> None:
    body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "OPS-1"}}).encode()
    for query in ({}, {"secret": "guess"}, {"secret": "ä"}):
        with pytest.raises(BadRequest, match="is not signed") as caught:
            connector().receive(Request({}, body, query=query), NOW)
        assert caught.value.status == 401
    assert connector().receive(Request({}, body, query={"secret": SECRET}), NOW).signals == (Changed("1", None, ""),)


def test_without_a_secret_no_webhook_is_believed() -> None:
    with pytest.raises(BadRequest, match="has no webhook_secret") as caught:
        connector(webhook_secret=None).receive(request(b"{}"), NOW)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b'{"webhookEvent": "jira:issue_upd', 400),
        (b"\xff\xfe\x00", 400),
        (b'{"webhookEvent": "\xe4"}', 400),
        (b"[]", 400),
        (b"null", 400),
        (b"1", 400),
        (b"[" * 100_000, 400),
        (b'{"webhookEvent": "jira:issue_updated", "issue": "10001"}', 400),
        (b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "../1"}}', 400),
        (b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1"}, "changelog": {"items": [1]}}', 400),
        (b'{"webhookEvent": "comment_created", "issue": {"id": "1"}, "comment": {"id": 1}, "timestamp": "x"}', 400),
        (b'{"webhookEvent": "comment_created", "issue": {"id": "1"}, "comment": {}, "timestamp": 1e99}', 400),
        (b" " * (1 << 20) + b"{}", 413),
    ],
)
def test_a_body_that_is_not_jiras_is_refused_in_a_sentence(body: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        connector().receive(request(body), NOW)
    assert caught.value.status == status
    assert str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EVENTS = ["jira:issue_updated", "comment_created", "comment_deleted", "issue_property_set", "worklog_updated", "x"]
PARTS = ("issue", "comment", "changelog", "user", "timestamp", "property", "worklog", "issueLink")


@given(st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(PARTS), JSON))
def test_no_body_makes_it_raise_anything_but_bad_request(event: str, parts: dict[str, Any]) -> None:
    body = json.dumps({"webhookEvent": event, **parts}).encode()
    with suppress(BadRequest):
        connector().receive(request(body), NOW)


# ---- from the sandbox, over the wire


@pytest.fixture
def heard() -> Iterator[tuple[list[Asked], Server]]:
    taken: list[Asked] = []

    def hear(asked: Asked) -> Answer:
        taken.append(asked)
        return Answer(202)

    with Server(hear) as server:
        yield taken, server


def signals(world: World, heard: tuple[list[Asked], Server]) -> list[Changed]:
    assert world.state.hooks.settle()
    taken, _ = heard
    told = [world.jira.receive(Request(asked.headers, asked.body, asked.path, asked.query), MORNING) for asked in taken]
    taken.clear()
    return [signal for receipt in told for signal in receipt.signals if isinstance(signal, Changed)]


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_what_people_do_is_heard_and_our_own_echo_is_known_as_ours(
    flavour: Flavour, heard: tuple[list[Asked], Server]
) -> None:
    with world(flavour) as jira:
        key = jira.state.create({"summary": "x"})
        ref = jira.jira.get(key).ref
        jira.state.webhook(heard[1].url, SECRET)
        jira.state.put(key, {"customfield_10050": "High"}, by="ann")
        (changed,) = signals(jira, heard)
        assert [(c.field, c.before, c.after, str(c.by)) for c in changed.changes or ()] == [
            ("severity", None, "high", "Ann Archer")
        ]
        edit = Edit({"severity": "low", "assignee": jira.jira.user("tom@example.org")}, Comment("log"))
        jira.jira.write(ref, edit, '{"v":1}')
        echoes = signals(jira, heard)
        assert {c.ref for c in echoes} == {ref}
        assert all(c.by == jira.jira.me() for e in echoes for c in e.changes or (None,) if c)
        words = {c.field: c.after for e in echoes for c in e.changes or ()}
        assert words | edit.fields == words
        assert set(words) == {"severity", "assignee", "comment", "ledger"}
        jira.state.transition(key, "In Progress", by="maria")
        (changed,) = signals(jira, heard)
        assert [c.after for c in changed.changes or () if c.field == "phase"] in ([], ["active"])
        jira.state.comment(key, "hello", by="maria")
        assert {c.field for s in signals(jira, heard) for c in s.changes or ()} == {"comment"}
        jira.state.delete(key)
        assert [(s.ref, s.changes) for s in signals(jira, heard)] == [(ref, None)]


def test_a_move_between_projects_is_heard(heard: tuple[list[Asked], Server]) -> None:
    with world("cloud") as jira:
        jira.state.site.projects["DEV"] = Project("10001", "DEV", "Development")
        key = jira.state.create({"summary": "x"})
        jira.jira.get(key)
        jira.state.webhook(heard[1].url, SECRET)
        jira.state.move(key, "DEV")
        (changed,) = signals(jira, heard)
        assert [(c.field, c.after) for c in changed.changes or ()] == [("key", "DEV-1"), ("project", "DEV")]
