"""Webhooks from Jira: whose they are, and which ticket to look at.

Nothing of a payload is believed but the ticket's id and, to recognise the echo of our own edit, what changed. A server
of old leaves out who did it or which field it was, and leaves the ticket out of a comment's webhook; it is then found
in the comment's address. Source: Atlassian's page "Webhooks" and recorded bodies of Cloud and Data Center.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.base import BadRequest, Receipt, Request
from connectors.jira.fields import written
from connectors.jira.history import History
from connectors.jira.issues import PROPERTY
from connectors.jira.settings import JiraSettings
from connectors.model import Change, Changed
from connectors.signatures import same, signed

LONGEST = 1 << 20
_TICKET = re.compile(r"/issue/(\d+)(?:/|$)")
_COMMENTS = frozenset({"comment_created", "comment_updated", "comment_deleted"})
_TICKETS = ("jira:issue_", "comment_", "issue_property_", "worklog_", "attachment_", "issuelink_", "jira:worklog_")


class Webhooks:
    """Reads the webhooks of one site, without a call."""

    def __init__(self, settings: JiraSettings, history: History) -> None:
        self._settings = settings
        self._secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
        self._fields, self._phases, self._people = history.fields, history.phases, history.people
        self._history = history

    def read(self, name: str, request: Request) -> Receipt:
        """What a webhook means. Raises BadRequest."""
        self._believed(name, request)
        if len(request.body) > LONGEST:
            raise BadRequest(413, f"a webhook for {name} may have 1 MiB")
        try:
            payload = json.loads(request.body)
        except (ValueError, RecursionError):
            raise BadRequest(400, f"the webhook for {name} is no JSON") from None
        if not isinstance(payload, dict):
            raise BadRequest(400, f"the webhook for {name} is no JSON object")
        try:
            said = self._signal(payload, request.headers.get("x-atlassian-webhook-identifier", ""))
        except (AttributeError, LookupError, TypeError, ValueError, OverflowError, OSError):
            raise BadRequest(400, f"the webhook for {name} is not as Jira sends it") from None
        if isinstance(said, str):
            return Receipt(body=json.dumps({"ignored": said}))
        return Receipt((said,))

    def _believed(self, name: str, request: Request) -> None:
        """Signed, or (Data Center before 10, which cannot sign) sent to an address that holds the secret."""
        if not self._secret:
            raise BadRequest(401, f"{name} has no webhook_secret, so no webhook is believed")
        given = request.headers.get("x-hub-signature")
        if given is not None:
            if not signed(given, self._secret, request.body):
                raise BadRequest(401, f"the signature of the webhook for {name} is wrong")
        elif not same(request.query.get("secret", ""), self._secret):
            raise BadRequest(401, f"the webhook for {name} is not signed")

    # ---- what it means

    def _signal(self, payload: Mapping[str, Any], delivery: str) -> Changed | str:
        """The ticket to look at, or why there is none."""
        event = str(payload.get("webhookEvent", ""))
        if not event.startswith(_TICKETS):
            return f"{event or 'no event'} is about no ticket"
        issue = payload.get("issue") or {}
        ref = str(issue.get("id") or "") or _addressed(payload)
        if not ref:
            return f"{event} does not say which ticket"
        if not ref.isdigit():
            raise ValueError(ref)
        items = (payload.get("changelog") or {}).get("items") or ()
        fields = issue.get("fields") or {}
        if fields.get("status"):
            self._phases.learn(fields["status"])
        project = str(issue.get("key") or "").rpartition("-")[0]
        if project and self._outside(project) and not any(item.get("field") == "Key" for item in items):
            return f"project {project} is not in scope"
        if event.startswith("issue_property_"):
            return self._property(payload, ref, delivery)
        return Changed(ref, self._changes(event, payload, items), delivery)

    def _outside(self, project: str) -> bool:
        return bool(self._settings.project) and project not in self._settings.project

    def _property(self, payload: Mapping[str, Any], ref: str, delivery: str) -> Changed | str:
        """An entity property was set. The body is not documented; our own property is the echo of our own write."""
        held = payload.get("property") or {}
        key = str(held.get("key") or payload.get("propertyKey") or "") if isinstance(held, dict) else ""
        by = self._people.read(payload.get("user"))
        if key != PROPERTY:
            return Changed(ref, None, delivery)
        if by is None:
            return "our own ledger was written"
        return Changed(ref, (Change(_at(payload), "ledger", None, key, by),), delivery)

    def _changes(self, event: str, payload: Mapping[str, Any], items: Any) -> tuple[Change, ...] | None:
        """All that changed, in our words; None where the webhook does not say, or we cannot tell without asking."""
        at = _at(payload)
        comment = payload.get("comment")
        told: tuple[Change, ...] = ()
        if isinstance(comment, dict):
            gone = event == "comment_deleted"
            by = self._people.read(payload.get("user") or comment.get("updateAuthor") or comment.get("author"))
            id_ = str(comment.get("id", ""))
            told = (Change(at, "comment", id_ if gone else None, None if gone else id_, by),)
        if event in _COMMENTS:
            return told or None
        if event != "jira:issue_updated" or not (items or told):
            return None
        if not items:
            return told
        if not self._readable(items):
            return None
        entry = {"id": "", "created": written(at), "author": payload.get("user"), "items": items}
        fields = (payload.get("issue") or {}).get("fields") or {}
        return (*self._history.read([entry], fields, all_fields=True)[0], *told)

    def _readable(self, items: Any) -> bool:
        """Whether these items can be told in our words without asking Jira anything."""
        statuses = [str(item.get(end)) for item in items if item.get("field") == "status" for end in ("from", "to")]
        return self._fields.ready() and all(self._phases.known(status) for status in statuses)


def _addressed(payload: Mapping[str, Any]) -> str:
    """The ticket's id in an address of what the webhook is about."""
    for what in ("comment", "worklog", "attachment"):
        held = payload.get(what)
        if isinstance(held, dict):
            if held.get("issueId"):
                return str(held["issueId"])
            found = _TICKET.search(str(held.get("self", "")))
            if found:
                return found[1]
    link = payload.get("issueLink")
    return str(link.get("sourceIssueId") or "") if isinstance(link, dict) else ""


def _at(payload: Mapping[str, Any]) -> datetime:
    """When it happened; `timestamp` is in milliseconds."""
    return datetime.fromtimestamp(int(payload.get("timestamp") or 0) / 1000, UTC)
