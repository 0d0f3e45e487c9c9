"""Jira as the place where tickets live: Cloud and Data Center, told apart by the server's own answer.

One request reads a ticket with fields, history, comments and ledger; one writes fields, comment and ledger. The ledger
is the entity property `pointman`. A ticket that we created carries a label with its key, by which it is found again.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Receipt, Request, Tracker, Wanted
from connectors.errors import Missing, Refused, Temporary
from connectors.jira import shapes
from connectors.jira.checks import Check
from connectors.jira.client import Client
from connectors.jira.edits import Edits
from connectors.jira.fields import Fields, moment
from connectors.jira.history import History
from connectors.jira.issues import PROPERTY, Issues, kept
from connectors.jira.people import People
from connectors.jira.phases import Phases
from connectors.jira.settings import JiraSettings
from connectors.jira.transitions import Move, Transitions
from connectors.jira.webhook import Webhooks
from connectors.model import Edit, Ticket, User, Value
from connectors.problems import Problem
from connectors.setup import Setup

PAGE = 100
"""Tickets, comments or entries of the history that one answer holds."""
FURTHER = 10
"""The most further pages that are read for one ticket; what is older is unknown."""
_KEY = re.compile(r"^[A-Za-z][A-Za-z0-9_]+-\d+$")
_FRESH = timedelta(minutes=10)


class Jira(Tracker):
    """One Jira site, and the projects in it that are in scope."""

    Settings = JiraSettings
    product = "Jira"

    settings: JiraSettings

    @classmethod
    def setup(cls, name: str, given: Mapping[str, Any]) -> Setup:
        """How it is set up."""
        from connectors.jira.setup import JiraSetup

        return JiraSetup(name, given)

    def __init__(self, name: str, settings: JiraSettings) -> None:
        super().__init__(name, settings)
        self._client = Client(settings, name)
        self._people = People(self._client)
        self._phases = Phases(settings, self._client)
        self._fields = Fields(settings, self._client, self._people)
        self._history = History(settings, self._fields, self._phases, self._people)
        self._issues = Issues(settings.url, name, self._history)
        self._edits = Edits(settings, self._client, self._fields)
        self._transitions = Transitions(settings, self._client, self._phases)
        self._webhooks = Webhooks(settings, self._history)
        self._created: deque[tuple[str, datetime]] = deque(maxlen=50)

    # ---- who and when

    def now(self) -> datetime | None:
        """Jira's time."""
        return self._client.clock.now()

    def me(self) -> User:
        """The account we sign in with."""
        return self._people.me()

    def pasted(self, said: Mapping[str, Any]) -> Ticket:
        """The ticket of Jira's JSON. Makes no call. Raises Refused."""
        from connectors.jira.pasted import pasted

        return pasted(said, self.settings, self.name)

    def user(self, address: str) -> User | None:
        """The user with this e-mail address."""
        return self._people.at(address)

    def covers(self, ticket: Ticket) -> bool:
        """Whether the ticket's project is in scope."""
        return not self.settings.project or ticket.project in self.settings.project

    # ---- one ticket

    def get(self, ref: str) -> Ticket:
        """Read a ticket by id or key: one request, and further ones only where its past is longer than one answer."""
        query = {"fields": self._issues.fields(), "expand": "changelog", "properties": PROPERTY}
        raw = self._client.read(f"issue/{_safe(ref)}", f"could not read {ref}", query, shapes.TICKET)
        entries, since = self._entries(raw)
        if not self._client.cloud:
            self._history.meet(entries, raw["fields"])
        ticket = self._issues.read(raw, entries, self._comments(raw), since)
        self._client.clock.reached(ticket.updated)
        return ticket

    def _entries(self, raw: Mapping[str, Any]) -> tuple[list[Any], datetime | None]:
        """The history, with further pages where the answer holds only the latest; and since when it is whole."""
        told = raw.get("changelog") or {}
        entries = list(told.get("histories") or ())
        missing = int(told.get("total") or 0) - len(entries)
        if missing <= 0 or not self._client.cloud:
            return entries, None
        start = max(0, missing - FURTHER * PAGE)
        older = self._pages(f"issue/{raw['id']}/changelog", "values", start, missing, str(raw["key"]))
        known = {entry["id"] for entry in entries}
        every = [*(entry for entry in older if entry["id"] not in known), *entries]
        return every, min((moment(entry["created"]) for entry in every), default=None) if start else None

    def _comments(self, raw: Mapping[str, Any]) -> list[Any]:
        """The comments, with further pages where the answer holds only the first of them."""
        told = (raw.get("fields") or {}).get("comment") or {}
        comments, total = list(told.get("comments") or ()), int(told.get("total") or 0)
        if len(comments) >= total:
            return comments
        start = max(len(comments), total - FURTHER * PAGE)
        return comments + self._pages(f"issue/{raw['id']}/comment", "comments", start, total, str(raw["key"]))

    def _pages(self, path: str, name: str, start: int, end: int, key: str) -> list[Any]:
        found: list[Any] = []
        while start < end:
            query = {"startAt": start, "maxResults": min(PAGE, end - start)}
            page = self._client.read(path, f"could not read {key} to the end", query, shapes.PAST).get(name) or []
            found += page
            start += len(page)
            if not page:
                break
        return found

    def write(self, ref: str, edit: Edit | None, ledger: str | None) -> None:
        """Fields, comment and ledger in one request, then the transition. Raises Refused with the words refused."""
        tried = f"could not edit {ref}"
        move = self._move(ref, edit.fields) if edit is not None else None
        rest = edit is not None and (edit.comment is not None or bool(edit.fields.keys() - {"phase"}))
        if edit is not None and rest:
            body = self._edits.body(ref, edit, ledger)
            try:
                self._client.send("PUT", f"issue/{_safe(ref)}", body, tried)
            except Refused as refused:
                raise self._edits.words(refused) from None
        elif ledger is not None:
            self._client.send("PUT", f"issue/{_safe(ref)}/properties/{PROPERTY}", kept(ledger), tried)
        if move is not None:
            self._transitions.make(ref, move)

    def _move(self, ref: str, words: Mapping[str, Value]) -> Move | None:
        """The transition that words ask for: to a phase, or on hold where only statuses tell that. Raises Refused."""
        if words.get("phase") is not None:
            return self._transitions.to(ref, words["phase"])
        hold = self.settings.hold
        if "hold" in words and "hold" not in self._fields.words and hold.statuses and not hold.labels:
            return self._transitions.hold(ref, bool(words["hold"]))
        return None

    def create(self, edit: Edit, key: str) -> str:
        """Create a ticket that carries the key as a label; answers its id."""
        tried = "could not create a ticket"
        try:
            made = self._client.send("POST", "issue", self._edits.new(edit, label(key)), tried)
        except Refused as refused:
            raise self._edits.words(refused) from None
        if not isinstance(made, Mapping) or "id" not in made:
            raise Temporary(f"{tried}: Jira did not say which")
        ref = str(made["id"])
        now = self.now()
        if now is not None:
            self._created.append((ref, now))
        phase = edit.fields.get("phase")
        if phase not in {None, "new"}:
            self._transitions.make(ref, self._transitions.to(ref, phase))
        return ref

    def find(self, key: str) -> str | None:
        """The ticket created with this key, the oldest where there are several; or the one that people call so."""
        jql = f'labels = "{label(key)}" ORDER BY created ASC, id ASC'
        tried = f"could not look for {key}"
        if self._client.cloud:
            now = self.now()
            fresh = [int(ref) for ref, at in self._created if now is not None and now - at < _FRESH]
            body = {"jql": jql, "fields": ["id"], "maxResults": 1}
            body |= {"reconcileIssues": fresh} if fresh else {}  # search does not show them at once
            told = self._client.ask("search/jql", body, tried, shapes.FOUND)
        else:
            told = self._client.read("search", tried, {"jql": jql, "fields": "id", "maxResults": 1}, shapes.FOUND)
        found = told.get("issues") or []
        if found:
            return str(found[0]["id"])
        if not _KEY.match(key):
            return None
        try:
            return str(self._client.read(f"issue/{key}", tried, {"fields": "summary"}, shapes.PART)["id"])
        except Missing:
            return None

    # ---- many tickets

    def open(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """What is open or changed since then, 100 a page. Data Center's search tells no ledgers: read those by id."""
        statuses = self._phases.open()
        also = f" OR status in ({', '.join(statuses)})" if statuses else ""
        return self._listed(f"(statusCategory != Done{also} OR {self._since(since)})")

    def changed(self, since: datetime) -> Iterator[tuple[Ticket, ...]]:
        """Only what changed since then."""
        return self._listed(self._since(since))

    def _since(self, since: datetime) -> str:
        """Moments in a query are in the account's own time zone, so the query says how long ago instead."""
        now = self.now()
        if now is None:
            self._client.read("serverInfo", "could not ask what time it is in Jira")
            now = self.now() or since
        return f'updated >= "-{max(1, int((now - since).total_seconds() // 60) + 1)}m"'

    def _listed(self, what: str) -> Iterator[tuple[Ticket, ...]]:
        projects = ", ".join(f'"{key}"' for key in self.settings.project)
        scope = f"project in ({projects}) AND " if projects else ""
        jql = f"{scope}{what} ORDER BY id ASC"
        return self._by_token(jql) if self._client.cloud else self._by_number(jql)

    def _by_token(self, jql: str) -> Iterator[tuple[Ticket, ...]]:
        query: dict[str, str | int] = {"jql": jql, "maxResults": PAGE, "fields": self._issues.fields()}
        query |= {"expand": "changelog", "properties": PROPERTY}
        tokens: set[str] = set()
        while True:
            told = self._client.read("search/jql", "could not list tickets", query, shapes.PAGE)
            yield tuple(self._brief(raw) for raw in told.get("issues") or ())
            token = told.get("nextPageToken")
            if not token or told.get("isLast"):
                return
            if token in tokens:  # it would go on for ever
                raise Temporary("could not list tickets: Jira gives the same page again and again", in_doubt=False)
            tokens.add(token)
            query["nextPageToken"] = token

    def _by_number(self, jql: str) -> Iterator[tuple[Ticket, ...]]:
        fields = ",".join(name for name in self._issues.fields().split(",") if name != "comment")
        start = 0
        while True:
            query: dict[str, str | int] = {"jql": jql, "startAt": start, "maxResults": PAGE, "fields": fields}
            told = self._client.read("search", "could not list tickets", query, shapes.PAGE)
            page = told.get("issues") or []
            yield tuple(self._brief(raw, ledgers=False) for raw in page)
            start += len(page)
            if not page or start >= int(told.get("total") or 0):
                return

    def _brief(self, raw: Mapping[str, Any], *, ledgers: bool = True) -> Ticket:
        """A ticket of a page: as whole as the page tells it."""
        told = raw.get("fields") or {}
        log, comment = raw.get("changelog") or {}, told.get("comment") or {}
        entries, comments = log.get("histories") or (), comment.get("comments") or ()
        cut = len(entries) < int(log.get("total") or 0)
        less = not ledgers or len(comments) < int(comment.get("total") or 0)
        since = moment(told["updated"]) + timedelta(milliseconds=1) if less else None
        if cut and not less:
            since = min((moment(entry["created"]) for entry in entries), default=moment(told["updated"]))
        return self._issues.read(raw, entries, comments, since)

    # ---- webhooks, and whether all is well

    def receive(self, request: Request, now: datetime) -> Receipt:
        """Read a webhook. Raises BadRequest."""
        return self._webhooks.read(self.name, request)

    def check(self, wanted: Wanted) -> Iterable[Problem]:
        """Try it for real; changes nothing."""
        return Check(self.name, self.settings, self._client, self._fields, self._people).run(wanted)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def label(key: str) -> str:
    """The label that stands for a key: the key itself where a label can hold it, else its digest."""
    if re.fullmatch(r"[A-Za-z0-9_.:-]{1,200}", key):
        return f"pointman-{key}"
    return f"pointman-{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def _safe(ref: str) -> str:
    """A ref as a part of a path: ids and keys only, so that nobody's text becomes another address. Raises Missing."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", ref):
        raise Missing(f"could not read {ref[:80]!r}: that is no ticket's id or key")
    return ref


__all__ = ["Jira", "JiraSettings", "label"]
