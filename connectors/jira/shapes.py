"""What Jira's answers look like, as far as they are read; see `connectors.shapes`."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.shapes import NUMBER, OBJECT, TEXT, Shape

ENTRY: Shape = {"id!": TEXT, "created!": TEXT, "author": OBJECT, "items": [OBJECT]}
"""An entry of a ticket's history."""
COMMENT: Shape = {"id!": TEXT, "created!": TEXT, "author": OBJECT}
_COMMENTS: Mapping[str, Shape] = {"comments": [COMMENT], "total": NUMBER}
_HISTORY: Mapping[str, Shape] = {"histories": [ENTRY], "total": NUMBER}
_FIELDS: Mapping[str, Shape] = {
    "summary": TEXT,
    "status": OBJECT,
    "issuetype": OBJECT,
    "project": OBJECT,
    "labels": [TEXT],
    "reporter": OBJECT,
    "assignee": OBJECT,
    "comment": _COMMENTS,
    "components": [OBJECT],
}
TICKET: Shape = {
    "id!": TEXT,
    "key!": TEXT,
    "fields!": {**_FIELDS, "created!": TEXT, "updated!": TEXT},
    "changelog": _HISTORY,
    "properties": OBJECT,
}
"""A ticket read by itself."""
PART: Shape = {"id!": TEXT, "key!": TEXT, "fields": _FIELDS}
"""A ticket of which only some fields were asked for."""
PAGE: Shape = {"issues": [TICKET], "nextPageToken": TEXT, "total": NUMBER}
"""A page of tickets."""
FOUND: Shape = {"issues": [{"id!": TEXT}]}
"""Tickets of which only the id was asked for."""
PAST: Shape = {"values": [ENTRY], **_COMMENTS}
"""A further page of a ticket's history, or of its comments."""
LATEST: Shape = {"issues": [PART]}
USERS: Shape = [OBJECT]
NAMED: Shape = [{"id!": TEXT, "name!": TEXT}]
"""Statuses, priorities."""
FIELDS: Shape = [{"id!": TEXT, "name": TEXT, "schema": OBJECT}]
STATUSES: Shape = [{"statuses": [{"id!": TEXT, "name!": TEXT, "statusCategory": OBJECT}]}]
PROJECT: Shape = {"key!": TEXT, "components": [{"name!": TEXT}]}
PROJECTS: Shape = [{"key!": TEXT}]
SEEN: Shape = {"values": PROJECTS}
_KIND: Shape = {"id!": TEXT, "name!": TEXT}
KINDS: Shape = {"issueTypes": [_KIND], "values": [_KIND]}
LISTED: Shape = {"issueTypes": [OBJECT], "fields": [OBJECT], "values": [OBJECT], "total": NUMBER}
"""A list that comes page by page, under whichever name."""
EDIT_SCREEN: Shape = {"fields": OBJECT}
MOVES: Shape = [{"id!": TEXT, "to": OBJECT, "fields": OBJECT}]
RIGHTS: Shape = {"permissions": OBJECT}
