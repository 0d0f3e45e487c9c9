"""The door of Jira's REST API: which request is which operation, and who may come in.

Cloud speaks versions 2 and 3 and signs people in by address and API token, Data Center speaks version 2 and takes
personal access tokens.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.http import Answer, Asked
from sandbox.jira import lists, tickets
from sandbox.jira.asking import Call, No
from sandbox.jira.world import Person

if TYPE_CHECKING:
    from sandbox.jira.state import JiraState

_PATH = re.compile(r"^/rest/api/(2|3|latest)/(.*)$")
_HTML = {"content-type": "text/html;charset=UTF-8"}


def answer(state: JiraState, asked: Asked) -> Answer:
    """The answer to a request, whatever it is. The caller holds the site's lock."""
    found = _PATH.match(asked.path)
    version = "" if found is None else "2" if found[1] == "latest" else found[1]
    if found is None or version not in ({"2", "3"} if state.flavour == "cloud" else {"2"}):
        return Answer(404, "<html><body>Oops, you've found a dead link.</body></html>", _HTML)
    matches = [(method, pattern.fullmatch(found[2]), run) for method, pattern, run in _ROUTES]
    for method, matched, run in matches:
        if matched and method == asked.method:
            try:
                call = Call(state, asked, version, _person(state, asked, anonymous=run is lists.server_info))
                call.where = matched.groups()
                return run(call)
            except No as no:
                return Answer(no.status, no.body)
    return Answer(405 if any(matched for _, matched, _ in matches) else 404, None)


def _person(state: JiraState, asked: Asked, *, anonymous: bool) -> Person:
    """Who signs in. Raises No."""
    kind, _, said = asked.headers.get("authorization", "").partition(" ")
    us = state.site.people["pointman"]
    if kind == "Basic" and state.flavour == "cloud":
        try:
            name, _, secret = base64.b64decode(said).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name = secret = ""
        right = secret == state.token and name == us.email
    else:
        right = kind == "Bearer" and said == state.token and state.flavour == "datacenter"
    if not right and not (anonymous and not said):
        raise No(401, "Client must be authenticated to access this resource.")
    return us


_ROUTES: tuple[tuple[str, re.Pattern[str], Callable[[Call], Answer]], ...] = tuple(
    (method, re.compile(pattern), run)
    for method, pattern, run in (
        ("GET", r"issue/([^/]+)", tickets.get_issue),
        ("PUT", r"issue/([^/]+)", tickets.edit_issue),
        ("POST", r"issue", tickets.create_issue),
        ("GET", r"issue/([^/]+)/comment", tickets.list_comments),
        ("GET", r"issue/([^/]+)/changelog", tickets.list_changes),
        ("GET", r"issue/([^/]+)/transitions", tickets.list_transitions),
        ("POST", r"issue/([^/]+)/transitions", tickets.make_transition),
        ("GET", r"issue/([^/]+)/properties/([^/]+)", tickets.get_property),
        ("PUT", r"issue/([^/]+)/properties/([^/]+)", tickets.put_property),
        ("GET", r"issue/([^/]+)/editmeta", lists.edit_meta),
        ("GET", r"issue/createmeta/([^/]+)/issuetypes", lists.create_kinds),
        ("GET", r"issue/createmeta/([^/]+)/issuetypes/([^/]+)", lists.create_fields),
        ("GET", r"search/jql", lists.search),
        ("POST", r"search/jql", lists.search_posted),
        ("GET", r"search", lists.search_removed),
        ("POST", r"search", lists.search_removed),
        ("GET", r"serverInfo", lists.server_info),
        ("GET", r"field", lists.list_fields),
        ("GET", r"status", lists.list_statuses),
        ("GET", r"priority", lists.list_priorities),
        ("GET", r"myself", lists.myself),
        ("GET", r"mypermissions", lists.my_permissions),
        ("GET", r"user/search", lists.search_users),
        ("GET", r"user", lists.get_user),
        ("GET", r"project", lists.list_projects),
        ("GET", r"project/search", lists.search_projects),
        ("GET", r"project/([^/]+)", lists.get_project),
        ("GET", r"project/([^/]+)/statuses", lists.project_statuses),
    )
)
