"""An edit as the body of a request to Jira: fields, comment and ledger together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.errors import Refused
from connectors.jira import shapes
from connectors.jira.adf import to_adf
from connectors.jira.client import Client
from connectors.jira.fields import Fields
from connectors.jira.issues import PROPERTY, kept
from connectors.jira.settings import JiraSettings
from connectors.jira.wiki import to_wiki
from connectors.model import Comment, Edit, Value

LONGEST_SUMMARY = 255
_ELSEWHERE = frozenset({"phase", "hold", "hold_reason"})


class Edits:
    """Writes edits for one site. Nothing is sent from here, save to look up people and what a list holds."""

    def __init__(self, settings: JiraSettings, client: Client, fields: Fields) -> None:
        self._settings = settings
        self._client = client
        self._fields = fields

    def body(self, ref: str, edit: Edit, ledger: str | None) -> dict[str, Any]:
        """The body of the request that makes this edit. Raises Refused with every word that cannot be written."""
        fields, refused = self._written(edit.fields)
        update: dict[str, list[dict[str, Any]]] = {}
        if "hold" in edit.fields and "hold" not in self._fields.words:
            if self._settings.hold.labels:
                update["labels"] = self._held(bool(edit.fields["hold"]))
            elif not self._settings.hold.statuses:  # a status is reached by a transition, of its own
                refused["hold"] = "no status, no label and no field of Jira means on hold"
        if edit.comment is not None:
            update["comment"] = [self._said(edit.comment)]
        if refused:
            raise Refused(f"could not edit {ref}: {_told(refused)}", fields=refused)
        for word in edit.fields:
            if self._fields.words.get(word) == "components":
                fields["components"] = self._kept_others(ref, word, fields["components"])
        body: dict[str, Any] = {"fields": fields}
        if update:
            body["update"] = update
        if ledger is not None:
            body["properties"] = [{"key": PROPERTY, "value": kept(ledger)}]
        return body

    def new(self, edit: Edit, label: str) -> dict[str, Any]:
        """The body of the request that creates a ticket with this label. Raises Refused."""
        if not self._settings.project:
            raise Refused("could not create a ticket: no project is configured")
        words = dict(edit.fields)
        kind = str(words.pop("kind", None) or self._settings.kind)
        labels = words.pop("labels", None)
        fields, refused = self._written(words)
        if refused:
            raise Refused(f"could not create a ticket: {_told(refused)}", fields=refused)
        summary = str(fields.get("summary") or "Untitled")
        fields["summary"] = summary if len(summary) <= LONGEST_SUMMARY else f"{summary[: LONGEST_SUMMARY - 1]}…"
        fields["project"] = {"key": self._settings.project[0]}
        fields["issuetype"] = {"id": kind} if kind.isdigit() else {"name": kind}
        fields["labels"] = [*(str(one) for one in (labels if isinstance(labels, tuple) else ())), label]
        update = {"comment": [self._said(edit.comment)]} if edit.comment is not None else {}
        return {"fields": fields, **({"update": update} if update else {})}

    def words(self, refused: Refused) -> Refused:
        """The same refusal, with our words instead of Jira's fields as its reasons."""
        told: dict[str, str] = {}
        for id_, reason in refused.fields.items():
            for word in self._fields.by_field.get(id_, (id_,)):
                told[word] = reason
        return Refused(str(refused), fields=told)

    def _written(self, words: Mapping[str, Value]) -> tuple[dict[str, Any], dict[str, str]]:
        """Fields with their JSON, and the words that cannot be written with the reason why."""
        fields: dict[str, Any] = {}
        refused: dict[str, str] = {}
        for word, value in words.items():
            if word in _ELSEWHERE and word not in self._fields.words:
                continue
            try:
                id_, json = self._fields.write(word, value)
                fields[id_] = json
            except Refused as error:
                refused.update(error.fields)
        return fields, refused

    def _said(self, comment: Comment) -> dict[str, Any]:
        """The operation on comments. Only service desks know the property; elsewhere it does no harm."""
        body: dict[str, Any] = {"body": to_adf(comment.text) if self._client.cloud else to_wiki(comment.text)}
        if not comment.public:
            body["properties"] = [{"key": "sd.public.comment", "value": {"internal": True}}]
        return {"edit": {"id": comment.id, **body}} if comment.id else {"add": body}

    def _held(self, hold: bool) -> list[dict[str, Any]]:
        first, *others = self._settings.hold.labels
        return [{"add": first}] if hold else [{"remove": label} for label in (first, *others)]

    def _kept_others(self, ref: str, word: str, wanted: list[Any]) -> list[Any]:
        """Components that mean nothing to this word stay on the ticket: they are somebody else's."""
        told = self._client.read(f"issue/{ref}", f"could not read {ref}", {"fields": "components"}, shapes.PART)
        ours = {their.casefold() for their in self._fields.theirs(word)} or None
        names = [str(part.get("name")) for part in (told.get("fields") or {}).get("components") or ()]
        kept_ = [{"name": name} for name in names if ours is not None and name.casefold() not in ours]
        return [*kept_, *wanted]


def _told(refused: Mapping[str, str]) -> str:
    return "; ".join(f"{word}: {reason}" for word, reason in refused.items())
