"""What we send to Jira, and what the sandbox answers, is as Atlassian documents it: one tour through everything.

The other tests hold their exchanges against the documents too, where they are at hand; this one insists on them.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from connectors.base import Wanted
from connectors.model import Comment, Edit, User
from sandbox.http import Answer, Asked
from sandbox.jira.world import Flavour
from tests.connectors.contracts import vendor
from tests.connectors.jiras import MORNING, world

EVERYTHING = {
    "GET field",
    "GET issue/*",
    "GET issue/*/changelog",
    "GET issue/*/comment",
    "GET issue/*/editmeta",
    "GET issue/*/transitions",
    "GET issue/createmeta/*/issuetypes",
    "GET issue/createmeta/*/issuetypes/*",
    "GET mypermissions",
    "GET myself",
    "GET search",
    "GET search/jql",
    "GET serverInfo",
    "GET status",
    "GET user",
    "GET user/search",
    "POST issue",
    "POST issue/*/transitions",
    "POST search/jql",
    "PUT issue/*",
    "PUT issue/*/properties/pointman",
}
"""Every operation that the connector ever asks for."""
ONLY = {
    "cloud": {"GET search/jql", "POST search/jql", "GET issue/*/changelog", "GET issue/*/comment"},
    "datacenter": {"GET search"},
}
"""What only one of the two knows, or needs."""


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_a_tour_through_every_operation_is_as_documented(flavour: Flavour) -> None:
    with world(flavour) as w:
        state, jira = w.state, w.jira
        state.site.projects["OPS"].service_desk = True
        key = state.create({"summary": "x", "description": "a\nb", "customfield_10050": "High", "labels": ("a",)})
        state.put(
            key, {"components": ("Docs",), "assignee": "tom", "customfield_10060": ("eu",), "duedate": "2026-12-01"}
        )
        state.comment(key, "hello")
        ref = jira.get(key).ref
        edit = Edit(
            {
                "severity": "low",
                "assignee": User("", "", "maria@example.org"),
                "service": ("checkout", "orders-db"),
                "affected_users": 12.5,
                "eta": datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
                "status_text": "# Hi\n\n- **a** `b`\n\n| a |\n|---|\n| 1 |",
                "hold": True,
                "phase": "active",
            },
            Comment("**log**", public=True),
        )
        jira.write(ref, edit, '{"v":1}')
        comment = jira.get(ref).comments[-1]
        jira.write(ref, Edit(comment=Comment("again", id=comment.id)), '{"v":2}')
        jira.write(ref, None, '{"v":3}')
        made = jira.create(Edit({"summary": "y", "severity": "high"}, Comment("new")), "key")
        assert jira.find("key") == made
        assert len([t for page in jira.open(MORNING) for t in page]) == 2
        assert (
            list(
                jira.check(
                    Wanted(
                        {"team": "text"},
                        {"severity": ("high",)},
                        (),
                        ("tom@example.org", state.values.id_of("maria")),
                        key,
                    )
                )
            )
            == []
        )
        state.traps.changelog_page = state.traps.comment_page = 1
        jira.get(ref)
        told = {f"{a.method} {re.sub('/(10[0-9]+|OPS-1|OPS)(?=/|$)', '/*', a.path)}" for a, _ in w.server.seen}
        asked_for = {re.sub(r"/rest/api/./", "", one) for one in told}
        assert asked_for == EVERYTHING - ONLY[{"cloud": "datacenter", "datacenter": "cloud"}[flavour]]
        third = [(a, b) for a, b in w.server.seen if a.path.startswith("/rest/api/3/")]
        second = [(a, b) for a, b in w.server.seen if a.path.startswith("/rest/api/2/")]
        if flavour == "cloud":
            assert vendor("jira/jira-cloud-v3.json").check_all(third) == len(third) > 25
        undocumented = flavour == "datacenter"  # Data Center names the pages of its screens otherwise
        asked = [(a, None if undocumented and "createmeta" in a.path else b) for a, b in second]
        assert sum(1 for a, b in asked if vendor("jira/jira-cloud-v2.json").check(a, b) is None) == len(second) > 0


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (Asked("PUT", "/rest/api/3/issue/1", body=json.dumps({"filds": {}}).encode()), None),
        (Asked("GET", "/rest/api/3/search/jql", {"maxResults": "many"}), None),
        (Asked("GET", "/rest/api/3/issues/1"), None),
        (Asked("GET", "/rest/api/3/issue/1"), Answer(200, {"id": 1})),
        (Asked("GET", "/rest/api/3/issue/1"), Answer(200, {"id": "1", "shoe": "size"})),
        (Asked("GET", "/rest/api/3/issue/1/comment"), Answer(200, {"comments": [{"created": "yesterday"}]})),
    ],
)
def test_what_is_not_documented_is_caught(asked: Asked, answer: Answer | None) -> None:
    with pytest.raises(AssertionError):
        vendor("jira/jira-cloud-v3.json").check(asked, answer)
