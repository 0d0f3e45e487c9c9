"""A Jira that lives in memory: what people do to tickets, what the product makes of it, and what it tells others.

A scenario acts as a person (`create`, `put`, `comment`, `transition`, `move`, `delete`); `handle` is the REST API in
front of the same world. The traps of the real product are attributes, so a test sets them and goes on.
"""

from __future__ import annotations

import copy
import itertools
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any
from uuid import uuid4

from sandbox.clock import Clock
from sandbox.http import Answer, Asked
from sandbox.jira import jql, rest
from sandbox.jira.asking import No
from sandbox.jira.hooks import Hook, Hooks
from sandbox.jira.shapes import Shapes
from sandbox.jira.values import Values, paragraphs, spoken
from sandbox.jira.world import Field, Flavour, Issue, Item, Note, Past, Site, Transition, standard


@dataclass(slots=True)
class Traps:
    """What the real product does to the unwary, to be set by a test.

    `lag` is how far search is behind. `comment_page` and `changelog_page` are how much one answer holds (Data Center
    has no such limit). `drop_properties` answers success and keeps nothing. `repeat_token` gives the same page again.
    `denied` are permissions that we lack, `hidden` ids of tickets that we may not see.
    """

    lag: timedelta = timedelta(0)
    comment_page: int = 100
    changelog_page: int = 100
    drop_properties: bool = False
    repeat_token: bool = False
    denied: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)


class JiraState:
    """One Jira site. `token` is the API token (Cloud, with the address of `pointman`) or the personal access token."""

    def __init__(self, clock: Clock | None = None, flavour: Flavour = "cloud", site: Site | None = None) -> None:
        self.clock = clock or Clock()
        self.flavour: Flavour = flavour
        self.site = site or standard()
        self.values = Values(self.site, flavour)
        self.traps = Traps()
        self.hooks = Hooks(flavour)
        self.shapes = Shapes(self)
        self.token = "sandbox-token"  # noqa: S105  (of the sandbox, known to everybody)
        self.issues: dict[str, Issue] = {}
        self.keys: dict[str, str] = {}
        self.lock = RLock()
        self._labels: dict[str, set[str]] = {}
        self._numbers = itertools.count(10001)
        self._indexed: dict[str, Issue] = {}
        self._waiting: deque[tuple[datetime, Issue]] = deque()
        self._pages: OrderedDict[str, tuple[list[Issue], int]] = OrderedDict()
        self._results: tuple[Any, list[str]] = (None, [])
        self._version = 0

    # ---- the REST API

    def handle(self, asked: Asked) -> Answer:
        """Answer a request as Jira does."""
        with self.lock:
            return rest.answer(self, asked)

    # ---- what people do

    def create(self, values: Mapping[str, Any], by: str = "ann", project: str = "OPS", kind: str = "Incident") -> str:
        """Create a ticket, as this person; answers its key. Values are in the site's own form, rich text as text."""
        kind_id = next(i for i, name in self.site.kinds.items() if name == kind)
        with self.lock:
            said = {"issuetype": kind_id, "reporter": by, **{w: self._rich(w, v) for w, v in values.items()}}
            return self.make(said, by, project).key

    def put(self, ref: str, values: Mapping[str, Any], by: str = "ann") -> None:
        """Change fields of a ticket, as this person."""
        with self.lock:
            self.edit(self.issue(ref), {word: self._rich(word, value) for word, value in values.items()}, by)

    def comment(self, ref: str, text: str, by: str = "ann", internal: bool = False) -> str:
        """Comment on a ticket, as this person; answers the comment's id."""
        with self.lock:
            return self.note(self.issue(ref), self._rich("description", text), by, internal).id

    def transition(self, ref: str, to: str, by: str = "ann") -> None:
        """Bring a ticket to the status of this name, by whatever transition leads there. Raises LookupError."""
        with self.lock:
            issue = self.issue(ref)
            for move in self.moves(issue):
                if self.site.statuses[move.to].name == to:
                    resolution = {"resolution": "10000"} if "resolution" in move.needs else {}
                    return self.go(issue, move, resolution, by)
            raise LookupError(f"no transition of {issue.key} leads to {to}")

    def move(self, ref: str, project: str, by: str = "ann") -> str:
        """Move a ticket to another project; answers its new key. The old one still leads to it."""
        with self.lock:
            issue = self.issue(ref)
            before, was = issue.key, self.site.projects[issue.project]
            target = self.site.projects[project]
            issue.project, issue.key = project, self._next_key(project)
            self.keys[issue.key] = issue.id
            items = (
                Item("project", "project", was.id, was.name, target.id, target.name),
                Item("issuekey", "Key", None, before, None, issue.key),
            )
            self._passed(issue, items, by)
            return issue.key

    def delete(self, ref: str, by: str = "ann") -> None:
        """Delete a ticket for good."""
        with self.lock:
            issue = self.issue(ref)
            self._tell("jira:issue_deleted", issue, by)
            self._unlabel(issue)
            self.keys = {key: i for key, i in self.keys.items() if i != issue.id}
            del self.issues[issue.id]
            self._indexed.pop(issue.id, None)

    def webhook(self, url: str, secret: str = "", events: Iterable[str] = ()) -> None:
        """From now on tell this address what happens."""
        self.hooks.hooks.append(Hook(url, secret, frozenset(events)))

    def close(self) -> None:
        """Stop telling."""
        self.hooks.close()

    # ---- what can be seen

    def issue(self, ref: str) -> Issue:
        """The ticket with this id or key, or one that it had before. Raises KeyError."""
        return self.issues[self.keys.get(ref, self.keys.get(ref.upper(), ref))]

    def view(self, ref: str) -> dict[str, Any]:
        """A ticket as plain data, for tests and for the page: names instead of ids, rich text as text."""
        with self.lock:
            issue = self.issue(ref)
            return {
                "id": issue.id,
                "key": issue.key,
                "created": issue.created,
                "updated": issue.updated,
                "fields": {w: self._seen(self.site.fields[w], v) for w, v in issue.values.items()},
                "comments": [
                    {"id": n.id, "by": n.by, "text": spoken(n.body), "internal": n.internal, "at": n.created}
                    for n in issue.notes
                ],
                "history": [
                    {"at": past.at, "by": past.by, "field": i.name, "before": i.before_text, "after": i.after_text}
                    for past in issue.past
                    for i in past.items
                ],
                "properties": copy.deepcopy(issue.properties),
            }

    def views(self) -> list[dict[str, Any]]:
        """All tickets, as `view` shows them, oldest first."""
        with self.lock:
            return [self.view(ref) for ref in self.issues]

    def _seen(self, field_: Field, value: Any) -> Any:
        if value is None or value == ():
            return None
        if field_.kind in {"status", "priority", "issuetype", "resolution"}:
            return self.values.told(field_, value)[1]
        return spoken(value) if field_.kind == "text" else value

    # ---- what the product makes of it (the lock is held)

    def now(self) -> datetime:
        """The site's moment, in whole milliseconds."""
        at = self.clock.now()
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def make(self, values: Mapping[str, Any], by: str, project: str) -> Issue:
        """A new ticket; values are in the site's form."""
        at, id_ = self.now(), str(next(self._numbers))
        issue = Issue(id_, self._next_key(project), project, at, at, by)
        issue.values = {
            "summary": "", "description": None, "issuetype": "10001", "status": self.site.initial,
            "priority": self.site.default_priority, "assignee": None, "reporter": by, "labels": (), "components": (),
            "resolution": None, **values,
        }  # fmt: skip
        self.issues[id_] = issue
        self.keys[issue.key] = id_
        self._label(issue)
        self._index(issue)
        self._tell("jira:issue_created", issue, by)
        return issue

    def edit(self, issue: Issue, values: Mapping[str, Any], by: str, note: Note | None = None) -> None:
        """Change fields; only what differs enters the history. `note` was written in the same request."""
        items = [item for word, value in values.items() for item in self._items(issue, word, value)]
        if "labels" in values:
            self._unlabel(issue)
        issue.values.update(values)
        self._label(issue)
        if items:
            self._passed(issue, tuple(items), by, note)

    def note(self, issue: Issue, body: Any, by: str, internal: bool = False) -> Note:
        """A new comment."""
        self._touch(issue)
        note = Note(str(next(self._numbers)), by, body, issue.updated, issue.updated, by, internal)
        issue.notes.append(note)
        self._tell_note("comment_created", issue, note)
        return note

    def reword(self, issue: Issue, note: Note, body: Any, by: str) -> None:
        """A comment gets another text."""
        self._touch(issue)
        note.body, note.updated, note.updated_by = body, issue.updated, by
        self._tell_note("comment_updated", issue, note)

    def set_property(self, issue: Issue, key: str, value: Any, by: str) -> None:
        """Keep an entity property. It is no edit: the ticket counts as unchanged."""
        if self.traps.drop_properties:
            return
        issue.properties[key] = value
        self._index(issue)
        body = {
            "issue": {"id": issue.id, "key": issue.key},
            "property": {"key": key},
            "user": self.values.show_person(by),
        }
        self.hooks.emit({"timestamp": _stamp(self.now()), "webhookEvent": "issue_property_set", **body})

    def moves(self, issue: Issue) -> Iterator[Transition]:
        """The transitions that are legal now."""
        status = issue.values["status"]
        return (m for m in self.site.transitions if m.to != status and (m.start is None or status in m.start))

    def go(self, issue: Issue, move: Transition, values: Mapping[str, Any], by: str) -> None:
        """Make a transition, with fields of its screen. Leaving a finished status takes the resolution away."""
        done = self.site.statuses[move.to].category == "done"
        resolution = {} if done else {"resolution": None}
        self.edit(issue, {**resolution, **values, "status": move.to}, by)

    def _items(self, issue: Issue, word: str, value: Any) -> Iterator[Item]:
        field_, before = self.site.fields[word], issue.values.get(word)
        if (before or None) == (value or None):
            return
        name = field_.name if field_.custom else {"components": "Component"}.get(word, word)
        if field_.kind == "components":  # one item for each that went or came, as the product does
            parts = {text: i for p in self.site.projects.values() for i, text in p.components.items()}
            for gone in (p for p in before or () if p not in (value or ())):
                yield Item(word, name, parts[gone], gone, None, None)
            for come in (p for p in value or () if p not in (before or ())):
                yield Item(word, name, None, None, parts[come], come)
            return
        yield Item(word, name, *self.values.told(field_, before), *self.values.told(field_, value))

    def _passed(self, issue: Issue, items: tuple[Item, ...], by: str, note: Note | None = None) -> None:
        self._touch(issue)
        past = Past(str(next(self._numbers)), by, issue.updated, items)
        issue.past.append(past)
        self._tell("jira:issue_updated", issue, by, past, note)

    def _touch(self, issue: Issue) -> None:
        """Time goes on with each change, even where the clock stands still."""
        issue.updated = max(self.now(), issue.updated + timedelta(milliseconds=1))
        self._index(issue)

    def _rich(self, word: str, value: Any) -> Any:
        rich = self.site.fields[word].kind == "text" and isinstance(value, str) and self.flavour == "cloud"
        return paragraphs(value) if rich else value

    def _next_key(self, project: str) -> str:
        self.site.projects[project].count += 1
        return f"{project}-{self.site.projects[project].count}"

    # ---- search

    def search(self, query: jql.Query, live: Iterable[str] = ()) -> list[Issue]:
        """What a query finds in the index, which lags; `live` are ids that are looked at as they are now."""
        self._refresh()
        index = self.issues if not self.traps.lag else self._indexed
        found = {i.id: i for i in self._candidates(query, index) if query.test(i)}
        for id_ in live:
            found.pop(id_, None)
            if id_ in self.issues and query.test(self.issues[id_]):
                found[id_] = self.issues[id_]
        ordered = [i for i in found.values() if i.id in self.issues and i.id not in self.traps.hidden]
        for key, down in jql.sort_key(query.order or (("created", True),)):
            ordered.sort(key=key, reverse=down)
        return ordered

    def results(self, text: str, query: jql.Query) -> list[str]:
        """The ids that a query finds; asked again for another page before anything changed, it is not run again."""
        as_of = (text, self._version, self.now().replace(microsecond=0))
        if self._results[0] != as_of:
            self._results = (as_of, [issue.id for issue in self.search(query)])
        return self._results[1]

    def remember(self, found: list[Issue], start: int) -> str:
        """A token for the page of these tickets that begins here."""
        token = uuid4().hex
        self._pages[token] = (found, start)
        if len(self._pages) > 1000:
            self._pages.popitem(last=False)
        return token

    def page(self, token: str) -> tuple[list[Issue], int]:
        """The tickets and the place that a token stands for. Raises No."""
        if token not in self._pages:
            raise No(400, "The provided next page token is invalid or expired.")
        return self._pages[token]

    def _candidates(self, query: jql.Query, index: Mapping[str, Issue]) -> Iterable[Issue]:
        if query.exact is None:
            return index.values()
        what, names = query.exact
        if what == "key":
            ids = {self.keys.get(name.upper(), name) for name in names}
        elif self.traps.lag:
            return index.values()
        else:
            ids = {id_ for name in names for id_ in self._labels.get(name.lower(), ())}
        return [index[id_] for id_ in ids if id_ in index]

    def _index(self, issue: Issue) -> None:
        self._version += 1
        if self.traps.lag:
            self._waiting.append((self.now() + self.traps.lag, copy.deepcopy(issue)))

    def _refresh(self) -> None:
        """Let the index catch up with what is old enough, or with everything that was there before it lagged."""
        if self.traps.lag and not self._indexed and not self._waiting:
            self._indexed = copy.deepcopy(self.issues)
        while self._waiting and self._waiting[0][0] <= self.now():
            _, issue = self._waiting.popleft()
            self._indexed[issue.id] = issue

    def _label(self, issue: Issue) -> None:
        for label in issue.values.get("labels") or ():
            self._labels.setdefault(label.lower(), set()).add(issue.id)

    def _unlabel(self, issue: Issue) -> None:
        for label in issue.values.get("labels") or ():
            self._labels[label.lower()].discard(issue.id)

    # ---- what others hear of it

    def _tell(self, event: str, issue: Issue, by: str, past: Past | None = None, note: Note | None = None) -> None:
        if not self.hooks.hooks:
            return
        body: dict[str, Any] = {"timestamp": _stamp(issue.updated), "webhookEvent": event}
        if event != "jira:issue_deleted":
            body["issue_event_type_name"] = "issue_created" if past is None else "issue_updated"
        body["user"] = self.values.show_person(by)
        body["issue"] = self.shapes.issue(issue, None, "2")
        if past is not None:
            body["changelog"] = {"id": past.id, "items": [self.shapes.item(item) for item in past.items]}
        if note is not None and self.flavour == "datacenter":
            body["comment"] = self.shapes.comment(issue, note, "2")
        self.hooks.emit(body)

    def _tell_note(self, event: str, issue: Issue, note: Note) -> None:
        """Cloud names the ticket in a comment's webhook; Data Center leaves it out and tells it a second time."""
        if not self.hooks.hooks:
            return
        said = {"timestamp": _stamp(note.updated), "comment": self.shapes.comment(issue, note, "2")}
        if self.flavour == "cloud":
            self.hooks.emit({**said, "webhookEvent": event, "issue": self.shapes.issue(issue, _BRIEF, "2")})
            return
        self.hooks.emit({**said, "webhookEvent": event})
        kind = "issue_commented" if event == "comment_created" else "issue_comment_edited"
        more = {"user": self.values.show_person(note.updated_by), "issue": self.shapes.issue(issue, None, "2")}
        self.hooks.emit({**said, "webhookEvent": "jira:issue_updated", "issue_event_type_name": kind, **more})


_BRIEF = frozenset({"summary", "issuetype", "project", "assignee", "priority", "status"})


def _stamp(at: datetime) -> int:
    return int(at.timestamp() * 1000)
