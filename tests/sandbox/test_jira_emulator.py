"""The sandbox's Jira refuses and delays what the real one does, so that a connector cannot get away with less."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.http import Answer, Asked, Server
from sandbox.jira import JiraState, Person
from sandbox.jira.values import moment
from sandbox.jira.world import Flavour, Project

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")


class Site:
    """A Jira and the way to ask it, signed in."""

    def __init__(self, flavour: Flavour) -> None:
        self.state = JiraState(Clock(MORNING, speed=0), flavour)
        self.version = "3" if flavour == "cloud" else "2"
        basic = base64.b64encode(f"pointman@example.org:{self.state.token}".encode()).decode()
        self.sign_in = f"Basic {basic}" if flavour == "cloud" else f"Bearer {self.state.token}"

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"authorization": self.sign_in}
        return self.state.handle(Asked(method, f"/rest/api/{self.version}/{path}", query, headers, raw))

    def get(self, path: str, **query: str) -> Any:
        answer = self.ask("GET", path, **query)
        assert answer.status == 200, answer
        return answer.body

    def edit(self, key: str, **body: Any) -> Answer:
        return self.ask("PUT", f"issue/{key}", body)


@pytest.fixture(params=FLAVOURS)
def site(request: pytest.FixtureRequest) -> Site:
    return Site(request.param)


@pytest.fixture
def cloud() -> Site:
    return Site("cloud")


@pytest.fixture
def datacenter() -> Site:
    return Site("datacenter")


# ---- who may come in


def test_nobody_comes_in_without_the_right_credentials(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    for wrong in ("", "Basic !!!", "Bearer guess", f"Basic {base64.b64encode(b'a:b').decode()}"):
        site.sign_in = wrong
        assert site.ask("GET", f"issue/{key}").status == 401


def test_anybody_may_ask_what_it_is_but_not_with_a_wrong_token(site: Site) -> None:
    site.sign_in = ""
    assert site.get("serverInfo")["deploymentType"] == {"3": "Cloud", "2": "Server"}[site.version]
    site.sign_in = "Bearer guess"
    assert site.ask("GET", "serverInfo").status == 401


def test_data_center_has_no_version_3_and_no_token_pages(datacenter: Site) -> None:
    assert datacenter.ask("GET", "search/jql").status == 404
    assert datacenter.ask("GET", "issue/1/changelog").status == 404
    datacenter.version = "3"
    answer = datacenter.ask("GET", "myself")
    assert (answer.status, dict(answer.headers)["content-type"]) == (404, "text/html;charset=UTF-8")


def test_clouds_old_search_is_gone(cloud: Site) -> None:
    answer = cloud.ask("GET", "search", jql="project = OPS")
    assert answer.status == 410
    assert "has been removed" in answer.body["errorMessages"][0]


def test_what_is_no_operation_is_not_found_and_a_wrong_verb_not_allowed(site: Site) -> None:
    assert site.ask("GET", "nonsense").status == 404
    assert site.ask("DELETE", "myself").status == 405


# ---- edits


def test_an_edit_is_all_or_nothing_with_a_reason_for_each_field(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    answer = site.edit(
        key,
        fields={
            "summary": "y",
            "nonsense": 1,
            "customfield_10061": "x",
            "priority": {"name": "Huge"},
            "labels": ["a b"],
        },
        properties=[{"key": "pointman", "value": 1}],
    )
    assert answer.status == 400
    assert set(answer.body["errors"]) == {"nonsense", "customfield_10061", "priority", "labels"}
    assert "not on the appropriate screen" in answer.body["errors"]["customfield_10061"]
    seen = site.state.view(key)
    assert (seen["fields"]["summary"], seen["properties"], seen["history"]) == ("x", {}, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("summary", ""),
        ("summary", None),
        ("summary", "two\nlines"),
        ("summary", "x" * 256),
        ("customfield_10050", "High"),
        ("customfield_10050", {"value": "Huge"}),
        ("customfield_10053", "12"),
        ("customfield_10053", True),
        ("customfield_10054", "2026-11-23T10:00:00Z"),
        ("customfield_10054", "yesterday"),
        ("customfield_10060", {"value": "eu"}),
        ("components", [{"name": "Nothing"}]),
        ("assignee", {"name": "nobody", "accountId": "nobody"}),
        ("assignee", "ann"),
        ("duedate", "23.11.2026"),
        ("status", {"id": "10002"}),
        ("labels", "a"),
    ],
)
def test_a_wrong_value_is_refused_by_field(site: Site, field: str, value: Any) -> None:
    key = site.state.create({"summary": "x"})
    answer = site.edit(key, fields={field: value})
    assert answer.status == 400
    assert set(answer.body["errors"]) == {field}


def test_cloud_wants_documents_and_data_center_text(cloud: Site, datacenter: Site) -> None:
    for site, wrong in ((cloud, "text"), (datacenter, {"type": "doc", "version": 1, "content": []})):
        key = site.state.create({"summary": "x"})
        assert set(site.edit(key, fields={"description": wrong}).body["errors"]) == {"description"}
        assert set(site.edit(key, update={"comment": [{"add": {"body": wrong}}]}).body["errors"]) == {"comment"}


def test_an_edit_without_fields_and_update_is_refused(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    assert site.edit(key, properties=[{"key": "a", "value": 1}]).status == 400
    assert site.ask("PUT", f"issue/{key}").status == 400


def test_an_edit_ignores_a_transition(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    assert site.edit(key, fields={}, transition={"id": "31"}).status == 204
    assert site.state.view(key)["fields"]["status"] == "Open"


def test_what_did_not_change_leaves_no_history(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    before = site.state.view(key)
    assert site.edit(key, fields={"summary": "x", "labels": []}).status == 204
    assert site.state.view(key) == before


def test_a_property_may_have_32768_characters_and_not_one_more(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    for length, status in ((32_766, 204), (32_767, 400)):
        assert site.edit(key, fields={}, properties=[{"key": "p", "value": "x" * length}]).status == status
    assert site.ask("PUT", f"issue/{key}/properties/p", "y" * 32_767).status == 400
    assert site.ask("PUT", f"issue/{key}/properties/{'k' * 256}", 1).status == 400
    assert site.get(f"issue/{key}/properties/p")["value"] == "x" * 32_766


def test_a_property_is_no_edit_of_the_ticket(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    assert site.ask("PUT", f"issue/{key}/properties/p", {"a": 1}).status == 201
    assert site.ask("PUT", f"issue/{key}/properties/p", {"a": 2}).status == 200
    assert site.state.view(key)["updated"] == site.state.view(key)["created"]
    assert site.ask("GET", f"issue/{key}/properties/q").status == 404


def test_a_property_can_be_dropped_with_success(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    site.state.traps.drop_properties = True
    assert site.ask("PUT", f"issue/{key}/properties/p", 1).status == 201
    assert site.state.view(key)["properties"] == {}


def test_time_goes_on_with_every_change_even_where_the_clock_stands(site: Site) -> None:
    key = site.state.create({"summary": "0"})
    for number in range(1, 4):
        site.state.put(key, {"summary": str(number)})
    moments = [entry["at"] for entry in site.state.view(key)["history"]]
    assert moments == [MORNING + timedelta(milliseconds=n) for n in range(1, 4)]


# ---- transitions


def test_only_legal_transitions_are_listed_and_made(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    names = [move["name"] for move in site.get(f"issue/{key}/transitions")["transitions"]]
    assert names == ["Start", "Wait", "Resolve", "Close"]
    assert site.ask("POST", f"issue/{key}/transitions", {"transition": {"id": "51"}}).status == 400
    assert site.ask("POST", f"issue/{key}/transitions", {"transition": {"id": 11}}).status == 400
    assert site.ask("POST", f"issue/{key}/transitions", {"transition": {"id": "11"}}).status == 204
    assert site.state.view(key)["fields"]["status"] == "In Progress"


def test_a_transition_wants_the_fields_of_its_screen(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    without = site.ask("POST", f"issue/{key}/transitions", {"transition": {"id": "31"}})
    assert set(without.body["errors"]) == {"resolution"}
    body = {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Done"}}}
    assert site.ask("POST", f"issue/{key}/transitions", {**body, "fields": {"summary": "y"}}).status == 400
    assert site.ask("POST", f"issue/{key}/transitions", body).status == 204
    site.state.transition(key, "Open")
    assert site.state.view(key)["fields"]["resolution"] is None


def test_a_person_finds_no_way_where_there_is_none(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    site.state.transition(key, "Resolved")
    with pytest.raises(LookupError, match="no transition of OPS-1 leads to Waiting"):
        site.state.transition(key, "Waiting")


# ---- reading


def test_clouds_answers_hold_a_page_of_comments_and_the_latest_of_the_history(cloud: Site) -> None:
    cloud.state.traps.comment_page = cloud.state.traps.changelog_page = 2
    key = cloud.state.create({"summary": "0"})
    for number in range(1, 4):
        cloud.state.put(key, {"summary": str(number)})
        cloud.state.comment(key, str(number))
    issue = cloud.get(f"issue/{key}", expand="changelog")
    comments, log = issue["fields"]["comment"], issue["changelog"]
    assert (len(comments["comments"]), comments["total"]) == (2, 3)
    assert [h["items"][0]["toString"] for h in log["histories"]] == ["3", "2"]
    assert log["total"] == 3
    page = cloud.get(f"issue/{key}/changelog", startAt="0", maxResults="1")
    assert [h["items"][0]["toString"] for h in page["values"]] == ["1"]
    assert not page["isLast"]
    assert len(cloud.get(f"issue/{key}/comment", startAt="2")["comments"]) == 1


def test_data_center_tells_all_its_history_oldest_first_without_ids_of_fields(datacenter: Site) -> None:
    key = datacenter.state.create({"summary": "0"})
    for number in range(1, 130):
        datacenter.state.put(key, {"summary": str(number)})
    log = datacenter.get(f"issue/{key}", expand="changelog")["changelog"]
    assert [h["items"][0]["toString"] for h in log["histories"]] == [str(n) for n in range(1, 130)]
    assert "fieldId" not in log["histories"][0]["items"][0]


def test_a_moved_ticket_is_still_found_under_its_old_key(site: Site) -> None:
    site.state.site.projects["DEV"] = Project("10001", "DEV", "Development")
    key = site.state.create({"summary": "x"})
    new = site.state.move(key, "DEV")
    assert site.get(f"issue/{key}")["key"] == site.get(f"issue/{new}")["key"] == "DEV-1"


def test_people_are_account_ids_on_cloud_and_names_on_data_center(cloud: Site, datacenter: Site) -> None:
    for site, there, gone in ((cloud, "accountId", "name"), (datacenter, "name", "accountId")):
        key = site.state.create({"summary": "x", "assignee": "ann"})
        assignee = site.get(f"issue/{key}")["fields"]["assignee"]
        assert there in assignee
        assert gone not in assignee
    assert "emailAddress" not in cloud.get("user/search", query="bob")[0]
    assert cloud.ask("GET", "user/search", username="bob").status == 400


# ---- search


def found(site: Site, jql: str) -> list[str]:
    path = "search/jql" if site.version == "3" else "search"
    answer = site.ask("GET", path, jql=jql, fields="summary")
    if answer.status != 200:
        return [answer.body["errorMessages"][0]]
    return [issue["fields"]["summary"] for issue in answer.body["issues"]]


@pytest.fixture(params=FLAVOURS)
def full(request: pytest.FixtureRequest) -> Site:
    site = Site(request.param)
    site.state.site.projects["DEV"] = Project("10001", "DEV", "Development")
    site.state.create({"summary": "a", "labels": ("red", "x"), "assignee": "ann", "priority": "1"})
    site.state.clock.advance(timedelta(hours=1))
    site.state.create({"summary": "b", "labels": ("blue",)})
    site.state.create({"summary": "c"}, project="DEV", kind="Task")
    site.state.transition("DEV-1", "Resolved")
    return site


NO_DATE = (
    "Date value 'now' for field 'updated' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', "
    "'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
)


@pytest.mark.parametrize(
    ("jql", "summaries"),
    [
        ("project = OPS ORDER BY id", ["a", "b"]),
        ("project in (OPS, DEV) ORDER BY id DESC", ["c", "b", "a"]),
        ('project = "Development"', ["c"]),
        ("labels = red", ["a"]),
        ("labels = RED", ["a"]),
        ('labels in ("red", blue) order by created asc', ["a", "b"]),
        ("labels != red ORDER BY id", ["b"]),
        ("labels is EMPTY", ["c"]),
        ("labels is not EMPTY ORDER BY id", ["a", "b"]),
        ("assignee = currentUser()", []),
        ("assignee is EMPTY and project = OPS", ["b"]),
        ("statusCategory != Done ORDER BY id", ["a", "b"]),
        ("statusCategory = Done", ["c"]),
        ("status = Resolved", ["c"]),
        ("status not in (Resolved) ORDER BY id", ["a", "b"]),
        ("NOT status = Resolved AND priority = Highest", ["a"]),
        ("(labels = red OR labels = blue) AND project = OPS ORDER BY key", ["a", "b"]),
        ("labels = red OR project = DEV ORDER BY id", ["a", "c"]),
        ("key = OPS-2", ["b"]),
        ("id in (10001, 10002) ORDER BY id", ["a", "b"]),
        ('updated >= "-30m" ORDER BY id', ["b", "c"]),
        ("updated >= -2h AND updated < -30m", ["a"]),
        ('created >= "2026-11-23 09:30" ORDER BY id', ["b", "c"]),
        ("summary ~ b", ["b"]),
        ("issuetype = Task", ["c"]),
        ("colour = red", ["Field 'colour' does not exist or you do not have permission to view it."]),
        ("project = NOPE", ["The value 'NOPE' does not exist for the field 'project'."]),
        ("status = Nope", ["The value 'Nope' does not exist for the field 'status'."]),
        ("status > 3", ["The operator '>' is not supported by the 'status' field."]),
        ("updated >= now", [NO_DATE]),
        ("updated = -1d", ["The operator '=' is not supported by the 'updated' field."]),
        ("project = OPS nonsense", ["Error in the JQL Query: Expecting either 'OR' or 'AND' but got 'nonsense'."]),
        ("project =", ["Error in the JQL Query: the query ends too early."]),
        ("(project = OPS", ["Error in the JQL Query: Expecting ')'."]),
        ("project in OPS", ["Error in the JQL Query: Expecting '('."]),
        ("project = OPS ORDER id", ["Error in the JQL Query: Expecting 'BY'."]),
        ("project = OPS ORDER BY colour", ["Field 'colour' does not exist or you do not have permission to view it."]),
        ('project = "OPS', ["Error in the JQL Query: The character '\"' is a reserved JQL character."]),
    ],
)  # fmt: skip
def test_a_query_finds_what_it_says(full: Site, jql: str, summaries: list[str]) -> None:
    assert found(full, jql) == summaries


def test_a_moment_in_a_query_is_in_the_zone_of_who_asks(full: Site) -> None:
    us = full.state.site.people["pointman"]
    full.state.site.people["pointman"] = Person("pointman", us.name, us.email, us.account, us.key, zone="Asia/Tokyo")
    assert found(full, 'created >= "2026-11-23 18:30" ORDER BY id') == ["b", "c"]


def test_clouds_search_wants_a_restriction_and_gives_ids_alone(cloud: Site) -> None:
    cloud.state.create({"summary": "x"})
    assert cloud.ask("GET", "search/jql", jql="ORDER BY id").status == 400
    assert cloud.get("search/jql", jql="project = OPS") == {"isLast": True, "issues": [{"id": "10001"}]}


def test_clouds_pages_come_by_token_without_a_total(cloud: Site) -> None:
    for number in range(250):
        cloud.state.create({"summary": str(number)})
    query = {"jql": "project = OPS ORDER BY id", "fields": "summary", "maxResults": "5000"}
    sizes, token = [], None
    while True:
        page = cloud.get("search/jql", **query, **({"nextPageToken": token} if token else {}))
        assert "total" not in page
        sizes.append(len(page["issues"]))
        token = page.get("nextPageToken")
        if token is None:
            break
    assert sizes == [100, 100, 50]
    assert cloud.ask("GET", "search/jql", nextPageToken="made up").status == 400


def test_data_centers_pages_come_by_number_without_properties(datacenter: Site) -> None:
    key = datacenter.state.create({"summary": "x"})
    datacenter.state.create({"summary": "y"})
    datacenter.ask("PUT", f"issue/{key}/properties/p", 1)
    page = datacenter.get("search", jql="project = OPS ORDER BY id", startAt="0", maxResults="1", properties="p")
    assert (page["total"], len(page["issues"]), "properties" in page["issues"][0]) == (2, 1, False)


def test_search_lags_behind_but_for_what_it_is_told_to_look_at(cloud: Site) -> None:
    cloud.state.create({"summary": "old"})
    cloud.state.traps.lag = timedelta(seconds=30)
    assert found(cloud, "project = OPS") == ["old"]
    cloud.state.put("OPS-1", {"summary": "new"})
    cloud.state.create({"summary": "fresh"})
    assert found(cloud, "project = OPS ORDER BY id") == ["old"]
    body = {
        "jql": "project = OPS ORDER BY id",
        "fields": ["summary"],
        "reconcileIssues": [*map(int, cloud.state.issues)],
    }
    live = cloud.ask("POST", "search/jql", body).body["issues"]
    assert [issue["fields"]["summary"] for issue in live] == ["new", "fresh"]
    cloud.state.clock.advance(timedelta(seconds=31))
    assert found(cloud, "project = OPS ORDER BY id") == ["new", "fresh"]
    cloud.state.delete("OPS-1")
    assert found(cloud, "project = OPS") == ["fresh"]


def test_what_is_hidden_is_neither_read_nor_found(site: Site) -> None:
    key = site.state.create({"summary": "x"})
    site.state.traps.hidden.add(site.state.issue(key).id)
    assert site.ask("GET", f"issue/{key}").status == 404
    assert found(site, "project = OPS") == []


def test_ten_thousand_tickets_page_quickly(site: Site) -> None:
    for number in range(10_000):
        site.state.create({"summary": str(number)})
    query = {"jql": 'project = OPS AND (statusCategory != Done OR updated >= "-60m") ORDER BY id ASC'}
    query |= {"fields": "summary,status,assignee,labels,updated", "maxResults": "100", "expand": "changelog"}
    began, count = time.perf_counter(), 0
    if site.version == "3":
        page = site.get("search/jql", **query)
        while True:
            count += len(page["issues"])
            if page["isLast"]:
                break
            page = site.get("search/jql", **query, nextPageToken=page["nextPageToken"])
    else:
        for start in range(0, 10_000, 100):
            count += len(site.get("search", **query, startAt=str(start))["issues"])
    assert count == 10_000
    assert time.perf_counter() - began < 5.0  # measured: 0.2 s


# ---- webhooks


class Hearer:
    """Somewhere webhooks go: answers with these statuses in turn, then with 200."""

    def __init__(self) -> None:
        self.heard: list[Asked] = []
        self.statuses: list[int] = []
        self.server = Server(self._hear)

    def _hear(self, asked: Asked) -> Answer:
        self.heard.append(asked)
        return Answer(self.statuses.pop(0) if self.statuses else 200)

    @property
    def events(self) -> list[str]:
        return [asked.json()["webhookEvent"] for asked in self.heard]


@pytest.fixture
def hearer() -> Iterator[Hearer]:
    made = Hearer()
    with made.server:
        yield made


def test_what_happens_is_told_signed_over_the_raw_body(site: Site, hearer: Hearer) -> None:
    site.state.webhook(hearer.server.url, "secret")
    key = site.state.create({"summary": "x"})
    site.state.put(key, {"summary": "y"})
    site.edit(key, fields={}, properties=[{"key": "p", "value": 1}])
    assert site.state.hooks.settle()
    assert hearer.events == ["jira:issue_created", "jira:issue_updated", "issue_property_set"]
    for asked in hearer.heard:
        digest = hmac.new(b"secret", asked.body, "sha256").hexdigest()
        assert asked.headers["x-hub-signature"] == f"sha256={digest}"
    updated = hearer.heard[1].json()
    assert updated["changelog"]["items"][0]["toString"] == "y"
    assert updated["issue"]["key"] == key
    assert isinstance(updated["timestamp"], int)
    site.state.close()


def test_our_own_edit_is_told_too(site: Site, hearer: Hearer) -> None:
    key = site.state.create({"summary": "x"})
    site.state.webhook(hearer.server.url)
    site.edit(key, fields={"summary": "y"})
    assert site.state.hooks.settle()
    assert hearer.heard[0].json()["user"]["displayName"] == "Pointman"
    assert "x-hub-signature" not in hearer.heard[0].headers
    site.state.close()


def test_data_center_leaves_the_ticket_out_of_a_comment_and_tells_it_again(
    cloud: Site, datacenter: Site, hearer: Hearer
) -> None:
    for site, events in ((cloud, ["comment_created"]), (datacenter, ["comment_created", "jira:issue_updated"])):
        key = site.state.create({"summary": "x"})
        site.state.webhook(hearer.server.url)
        site.state.comment(key, "hello")
        assert site.state.hooks.settle()
        assert hearer.events == events
        assert ("issue" in hearer.heard[0].json()) is (site is cloud)
        hearer.heard.clear()
        site.state.close()


def test_cloud_tries_again_under_the_same_id_and_data_center_never(
    cloud: Site, datacenter: Site, hearer: Hearer
) -> None:
    for site, tries in ((cloud, 3), (datacenter, 1)):
        site.state.hooks.pauses = (0.0, 0.0, 0.0)
        key = site.state.create({"summary": "x"})
        site.state.webhook(hearer.server.url)
        hearer.statuses = [503, 429]
        site.state.put(key, {"summary": "y"})
        assert site.state.hooks.settle()
        ids = {asked.headers["x-atlassian-webhook-identifier"] for asked in hearer.heard}
        assert (len(hearer.heard), len(ids)) == (tries, 1)
        assert len(site.state.hooks.failed) == (0 if site is cloud else 1)
        hearer.heard.clear()
        site.state.close()


def test_a_refusal_is_not_tried_again(cloud: Site, hearer: Hearer) -> None:
    cloud.state.webhook(hearer.server.url)
    hearer.statuses = [401]
    cloud.state.create({"summary": "x"})
    assert cloud.state.hooks.settle()
    assert len(hearer.heard) == 1
    cloud.state.close()


def test_a_delivery_can_come_twice_and_events_can_be_chosen(cloud: Site, hearer: Hearer) -> None:
    cloud.state.webhook(hearer.server.url, events=["comment_created"])
    cloud.state.hooks.twice = True
    key = cloud.state.create({"summary": "x"})
    cloud.state.comment(key, "hello")
    assert cloud.state.hooks.settle()
    assert hearer.events == ["comment_created", "comment_created"]
    assert len({asked.headers["x-atlassian-webhook-identifier"] for asked in hearer.heard}) == 1
    cloud.state.close()


def test_moments_are_written_as_jira_does() -> None:
    assert moment(datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)) == "2026-11-23T09:00:00.123+0000"
