"""A ticket as Jira's answers show it, read into ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.jira.fields import OWN, moment
from connectors.jira.history import History, State
from connectors.model import Change, Comment, Ticket, Value

PROPERTY = "pointman"
"""The entity property that holds the ledger."""
_ALWAYS = ("summary", "description", "status", "issuetype", "project", "labels", "reporter", "created", "updated")


class Issues:
    """Reads the tickets of one site. `url` is where people find it."""

    def __init__(self, url: str, name: str, history: History) -> None:
        self._url = url
        self._name = name
        self._fields, self._phases, self._people = history.fields, history.phases, history.people
        self._history = history

    def fields(self) -> str:
        """The fields to ask for, as a request names them."""
        return ",".join(dict.fromkeys((*_ALWAYS, *self._fields.words.values(), "comment")))

    def read(
        self,
        raw: Mapping[str, Any],
        entries: Iterable[Mapping[str, Any]],
        comments: Iterable[Mapping[str, Any]],
        complete_since: datetime | None = None,
    ) -> Ticket:
        """The ticket, with these entries of its history and these comments. `complete_since` None: all of them."""
        told: Mapping[str, Any] = raw.get("fields") or {}
        status = told.get("status") or {}
        self._phases.learn(status)
        changes, state = self._history.read(entries, told)
        created = moment(told["created"])
        words = self._words(told, state)
        description = self._fields.markdown(told.get("description"), faithful=False)
        return Ticket(
            ref=str(raw["id"]),
            key=str(raw["key"]),
            summary=str(told.get("summary") or ""),
            created=created,
            updated=moment(told["updated"]),
            phase=self._phases.of(str(status.get("id"))),
            source=self._name,
            status=str(status.get("name") or ""),
            url=f"{self._url}/browse/{raw['key']}",
            kind=str((told.get("issuetype") or {}).get("name") or ""),
            description=description,
            project=str((told.get("project") or {}).get("key") or str(raw["key"]).rpartition("-")[0]),
            labels=tuple(told.get("labels") or ()),
            reporter=self._people.read(told.get("reporter")),
            fields=words,
            history=_ending(changes, {**words, "description": description}),
            comments=tuple(self._comment(comment) for comment in comments),
            complete_since=complete_since or created,
            ledger=ledger(raw.get("properties")),
            version=str(told["updated"]),
        )

    def _words(self, told: Mapping[str, Any], state: State) -> dict[str, Value]:
        """The mapped words that are known, and those that follow from others."""
        words: dict[str, Value] = {}
        for word, id_ in self._fields.words.items():
            if word in OWN or id_ not in told:
                continue
            known, value = self._fields.read(word, told[id_])
            if known:
                words[word] = value
        if self._history.holds:
            words["hold"], reason = self._history.held(state)
            words.setdefault("hold_reason", reason)  # a field for it knows more than a status or a label
        return words

    def _comment(self, raw: Mapping[str, Any]) -> Comment:
        return Comment(
            text=self._fields.markdown(raw.get("body")),
            public=bool(raw.get("jsdPublic", False)),
            id=str(raw["id"]),
            at=moment(raw["created"]),
            by=self._people.read(raw.get("author")),
        )


def _ending(changes: tuple[Change, ...], now: Mapping[str, Value]) -> tuple[Change, ...]:
    """The same history, whose last change of each word ends in what the word holds now.

    Jira writes values in its history for people: rich text without its markup, moments in somebody's language. What a
    value became last is what it is.
    """
    told = list(changes)
    seen: set[str] = set()
    for index in range(len(told) - 1, -1, -1):
        change = told[index]
        if change.field in now and change.field not in seen and change.after != now[change.field]:
            told[index] = replace(change, after=now[change.field])
        seen.add(change.field)
    return tuple(told)


def ledger(properties: Any) -> str | None:
    """The ledger among a ticket's properties, as the JSON text it is; None where there is none."""
    if not isinstance(properties, Mapping):
        return None
    inner = properties.get("properties")
    held = inner if PROPERTY not in properties and isinstance(inner, Mapping) else properties
    if PROPERTY not in held:
        return None
    return json.dumps(held[PROPERTY], ensure_ascii=False, separators=(",", ":"))


def kept(text: str) -> Any:
    """The value of the property for a ledger: the document itself, or the text where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text
