"""Jira's operations on the site as a whole: search, fields, statuses, people, permissions, screens."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sandbox.http import Answer
from sandbox.jira import jql
from sandbox.jira.asking import Call, No
from sandbox.jira.tickets import shown
from sandbox.jira.values import moment
from sandbox.jira.world import Field

PERMISSIONS = (
    "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ADD_COMMENTS", "EDIT_OWN_COMMENTS",
    "ASSIGN_ISSUES", "ASSIGNABLE_USER",
)  # fmt: skip
_GONE = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline "
    "is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


# ---- search


def search_removed(call: Call) -> Answer:
    """The search with `startAt`: gone from Cloud since 2025, alive on Data Center, where it knows no properties."""
    if call.state.flavour == "cloud":
        raise No(410, _GONE)
    query = _query(call)
    start, size = call.number("startAt", 0), min(call.number("maxResults", 50), 1000)
    ids = call.state.results(call.query.get("jql", ""), query)
    fields = set(call.names("fields"))
    page = [shown(call, call.state.issues[i], fields, []) for i in ids[start : start + size] if i in call.state.issues]
    return Answer(200, {"startAt": start, "maxResults": size, "total": len(ids), "issues": page})


def search(call: Call) -> Answer:
    """The search with page tokens (Cloud only): no total, ids alone unless fields are asked for."""
    if call.state.flavour == "datacenter":
        return Answer(404, None)
    fields, properties = set(call.names("fields")), call.names("properties")
    token = call.query.get("nextPageToken")
    if token is None:
        query = _query(call)
        if not query.bounded:
            raise No(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
        live = call.names("reconcileIssues")
        if len(live) > 50:
            raise No(400, "reconcileIssues takes at most 50 ids.")
        found, start = call.state.search(query, live), 0
    else:
        found, start = call.state.page(token)
    bare = not (fields - {"id", "key"}) and not properties
    size = max(1, min(call.number("maxResults", 50), 5000 if bare else 100))
    there = (issue for issue in found[start : start + size] if issue.id in call.state.issues)
    page = [shown(call, issue, fields or {"id"}, properties) for issue in there]
    if bare:
        page = [
            {"id": one["id"]} | ({"key": one["key"], "self": one["self"]} if "key" in fields else {}) for one in page
        ]
    last = start + size >= len(found)
    told: dict[str, Any] = {"isLast": last, "issues": page}
    if not last:
        again = call.state.traps.repeat_token and token is not None
        told["nextPageToken"] = token if again else call.state.remember(found, start + size)
    return Answer(200, told)


def search_posted(call: Call) -> Answer:
    """The same, asked for in a body: the only way to name several tickets that must be looked at as they are now."""
    said = call.body()
    call.query = {k: ",".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in said.items()}
    return search(call)


def _query(call: Call) -> jql.Query:
    try:
        return jql.read(call.query.get("jql", ""), jql.Asking(call.site, call.person, call.state.now()))
    except jql.BadJql as bad:
        raise No(400, str(bad)) from None


# ---- what the site is made of


def server_info(call: Call) -> Answer:
    """Which Jira this is."""
    cloud = call.state.flavour == "cloud"
    numbers = [1001, 0, 0] if cloud else [9, 12, 4]
    told: dict[str, Any] = {
        "baseUrl": "https://sandbox.test",
        "version": "1001.0.0-SNAPSHOT" if cloud else "9.12.4",
        "buildNumber": 9120004,
    }
    told |= {"versionNumbers": numbers, "deploymentType": "Cloud" if cloud else "Server"}
    return Answer(200, told | {"serverTime": moment(call.state.now()), "serverTitle": call.site.title})


def list_fields(call: Call) -> Answer:
    """Every field."""
    return Answer(200, [call.shapes.field(field) for field in call.site.fields.values()])


def list_statuses(call: Call) -> Answer:
    """Every status with its category."""
    return Answer(200, [call.values.show_status(status) for status in call.site.statuses])


def list_priorities(call: Call) -> Answer:
    """Every priority."""
    return Answer(200, [{"id": i, "name": name, "description": ""} for i, name in call.site.priorities.items()])


def myself(call: Call) -> Answer:
    """Who asks."""
    return Answer(200, call.values.show_person(call.person.username))


def my_permissions(call: Call) -> Answer:
    """Which of the permissions asked for we have."""
    wanted = call.names("permissions")
    unknown = [name for name in wanted if name not in PERMISSIONS]
    if unknown or (call.state.flavour == "cloud" and not wanted):
        raise No(
            400,
            "The 'permissions' query parameter is required" if not wanted else f"Unrecognized permissions: {unknown}",
        )
    if "projectKey" in call.query:
        call.project(call.query["projectKey"])
    denied = call.state.traps.denied
    told = {
        name: {"id": str(n), "key": name, "name": name.replace("_", " ").title(), "type": "PROJECT", "description": "",
               "havePermission": name not in denied}
        for n, name in enumerate(PERMISSIONS, 10) if name in (wanted or PERMISSIONS)
    }  # fmt: skip
    return Answer(200, {"permissions": told})


def search_users(call: Call) -> Answer:
    """People by a part of name or address; Cloud finds those too who do not show their address."""
    cloud = call.state.flavour == "cloud"
    text = call.query.get("query" if cloud else "username")
    if not text:
        raise No(400, "The query parameter is required" if cloud else "The username query parameter was not provided")
    people = (p for p in call.site.people.values() if p.active and _meant(text.lower(), (p.name, p.email, p.username)))
    start, size = call.number("startAt", 0), call.number("maxResults", 50)
    return Answer(200, [call.values.show_person(p.username) for p in islice(people, start, start + size)])


def _meant(text: str, names: tuple[str, ...]) -> bool:
    return any(name.lower().startswith(text) or f" {text}" in name.lower() for name in names)


def get_user(call: Call) -> Answer:
    """One person by account id (Cloud), by user name or by key (Data Center)."""
    query = call.query
    for person in call.site.people.values():
        if call.state.flavour == "cloud":
            found = query.get("accountId") == person.account
        else:
            found = query.get("username") == person.username or query.get("key") == person.key
        if found:
            return Answer(200, call.values.show_person(person.username))
    raise No(404, "The user does not exist.")


def list_projects(call: Call) -> Answer:
    """Every project that we may see, at once: Data Center's way, which Cloud keeps for old programs."""
    return Answer(200, _seen_projects(call))


def search_projects(call: Call) -> Answer:
    """A page of the projects that we may see (Cloud only)."""
    if call.state.flavour == "datacenter":
        raise No(404, "No project could be found with key 'search'.")
    every, start = _seen_projects(call), call.number("startAt", 0)
    size = min(call.number("maxResults", 50), 100)
    page = {"startAt": start, "maxResults": size, "total": len(every), "isLast": start + size >= len(every)}
    return Answer(200, page | {"values": every[start : start + size]})


def _seen_projects(call: Call) -> list[dict[str, Any]]:
    if "BROWSE_PROJECTS" in call.state.traps.denied:
        return []
    return [call.shapes.project(project) for project in sorted(call.site.projects.values(), key=lambda p: p.key)]


def get_project(call: Call) -> Answer:
    """One project with its components."""
    project = call.project(call.where[0])
    parts = [{"id": i, "name": name} for i, name in project.components.items()]
    return Answer(200, call.shapes.project(project) | {"components": parts})


def project_statuses(call: Call) -> Answer:
    """The statuses of each type of ticket."""
    project = call.project(call.where[0])
    statuses = [call.values.show_status(status) for status in call.site.statuses]
    return Answer(200, [_kind(call, i) | {"statuses": statuses} for i in project.kinds])


def create_kinds(call: Call) -> Answer:
    """The types of ticket that may be created."""
    project = call.project(call.where[0])
    kinds = [_kind(call, i) for i in project.kinds]
    return Answer(200, _page(call, "issueTypes", kinds))


def _kind(call: Call, id_: str) -> dict[str, Any]:
    self_ = f"https://sandbox.test/rest/api/{call.version}/issuetype/{id_}"
    return {"self": self_, "id": id_, "name": call.site.kinds[id_], "subtask": False}


def create_fields(call: Call) -> Answer:
    """The fields of the screen on which a ticket of this type is created."""
    project = call.project(call.where[0])
    screen = [f for f in call.site.fields.values() if f.editable or f.id == "project"]
    metas = [call.shapes.meta(field, project) | _prefilled(call, field) | {"fieldId": field.id} for field in screen]
    return Answer(200, _page(call, "fields", metas))


def _prefilled(call: Call, field: Field) -> dict[str, Any]:
    """What a new ticket holds in this field where nobody says otherwise."""
    if field.id != "priority":
        return {"hasDefaultValue": False}
    default = call.site.default_priority
    return {"hasDefaultValue": True, "defaultValue": {"id": default, "name": call.site.priorities[default]}}


def _page(call: Call, name: str, every: list[Any]) -> dict[str, Any]:
    """A page under its name on Cloud, under `values` on Data Center."""
    start, size = call.number("startAt", 0), min(call.number("maxResults", 50), 200)
    name = name if call.state.flavour == "cloud" else "values"
    return {"startAt": start, "maxResults": size, "total": len(every), name: every[start : start + size]}


def edit_meta(call: Call) -> Answer:
    """The fields of the edit screen of a ticket, and its comments."""
    issue = call.issue()
    if "EDIT_ISSUES" in call.state.traps.denied:
        return Answer(200, {"fields": {}})
    project = call.site.projects[issue.project]
    screen = {f.id: call.shapes.meta(f, project) for f in call.site.fields.values() if f.editable}
    comment = {"required": False, "schema": {"type": "comments-page", "system": "comment"}, "name": "Comment"}
    return Answer(
        200, {"fields": screen | {"comment": comment | {"key": "comment", "operations": ["add", "edit", "remove"]}}}
    )
