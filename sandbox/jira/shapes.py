"""What Jira's answers and webhooks look like: a ticket, a comment, an entry of the history, and the site's lists."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from sandbox.jira.values import Values, moment
from sandbox.jira.world import Field, Issue, Item, Note, Past, Project

if TYPE_CHECKING:
    from sandbox.jira.state import JiraState

COMMENT = Field("comment", "Comment", "text")
"""The body of a comment is rich text like that of a field."""


class Shapes:
    """Turns the state's values into the JSON of the site's flavour; `version` is that of the API."""

    def __init__(self, state: JiraState) -> None:
        self.state = state
        self.site = state.site
        self.values: Values = state.values

    def issue(self, issue: Issue, fields: Collection[str] | None, version: str) -> dict[str, Any]:
        """A ticket as answers show it; `fields` are the ids asked for (None: all)."""
        shown = {
            word: self.values.show(self.site.fields[word], value, version)
            for word, value in issue.values.items()
            if fields is None or word in fields
        }
        extra: dict[str, Callable[[], Any]] = {
            "created": lambda: moment(issue.created),
            "updated": lambda: moment(issue.updated),
            "creator": lambda: self.values.show_person(issue.creator),
            "project": lambda: self.project(self.site.projects[issue.project]),
            "comment": lambda: self.comments(issue, version),
        }
        shown.update({word: show() for word, show in extra.items() if fields is None or word in fields})
        for word in self.site.fields:
            if word not in shown and (fields is None or word in fields):
                shown[word] = None
        return {"id": issue.id, "key": issue.key, "self": self.url(issue, version), "fields": shown}

    def url(self, issue: Issue, version: str) -> str:
        """Where the product says that a ticket is; never where we reach it."""
        return f"https://sandbox.test/rest/api/{version}/issue/{issue.id}"

    def project(self, project: Project) -> dict[str, Any]:
        """A project as a ticket shows it."""
        kind = "service_desk" if project.service_desk else "software"
        return {"id": project.id, "key": project.key, "name": project.name, "projectTypeKey": kind}

    def comments(self, issue: Issue, version: str) -> dict[str, Any]:
        """The comments within a ticket: all on Data Center, the first page on Cloud."""
        page = self.state.traps.comment_page if self.state.flavour == "cloud" else len(issue.notes)
        shown = [self.comment(issue, note, version) for note in issue.notes[:page]]
        return {"comments": shown, "maxResults": page, "total": len(issue.notes), "startAt": 0}

    def comment(self, issue: Issue, note: Note, version: str) -> dict[str, Any]:
        """A comment; only a service desk tells whether it is public."""
        body = self.values.show(COMMENT, note.body, version)
        shown: dict[str, Any] = {
            "id": note.id,
            "self": f"{self.url(issue, version)}/comment/{note.id}",
            "author": self.values.show_person(note.by),
            "updateAuthor": self.values.show_person(note.updated_by),
            "body": "" if body is None else body,
            "created": moment(note.created),
            "updated": moment(note.updated),
        }
        if self.site.projects[issue.project].service_desk:
            shown["jsdPublic"] = not note.internal
        return shown

    def past(self, past: Past) -> dict[str, Any]:
        """An entry of the history."""
        items = [self.item(item) for item in past.items]
        return {"id": past.id, "author": self.values.show_person(past.by), "created": moment(past.at), "items": items}

    def item(self, item: Item) -> dict[str, Any]:
        """One change; only Cloud tells the field's id."""
        fieldtype = "custom" if item.field.startswith("customfield_") else "jira"
        shown = {"field": item.name, "fieldtype": fieldtype, "from": item.before, "fromString": item.before_text}
        shown |= {"to": item.after, "toString": item.after_text}
        if self.state.flavour == "cloud":
            shown["fieldId"] = item.field
        return shown

    def history(self, issue: Issue) -> dict[str, Any]:
        """The history within a ticket: the latest page, newest first, on Cloud; all, oldest first, on Data Center."""
        if self.state.flavour == "datacenter":
            told = [self.past(past) for past in issue.past]
            return {"startAt": 0, "maxResults": len(told), "total": len(told), "histories": told}
        page = self.state.traps.changelog_page
        told = [self.past(past) for past in reversed(issue.past[-page:])]
        return {"startAt": 0, "maxResults": page, "total": len(issue.past), "histories": told}

    def field(self, field: Field) -> dict[str, Any]:
        """A field as the list of fields shows it."""
        schema = self.schema(field)
        shown: dict[str, Any] = {"id": field.id, "name": field.name, "custom": field.custom, "orderable": True}
        shown |= {"navigable": True, "searchable": True, "clauseNames": [field.name.lower()], "schema": schema}
        return shown | ({"key": field.id} if self.state.flavour == "cloud" else {})

    def schema(self, field: Field) -> dict[str, Any]:
        """The data type of a field."""
        kind, items, custom = _SCHEMA[field.kind]
        schema: dict[str, Any] = {"type": kind} | ({"items": items} if items else {})
        if not field.custom:
            return schema | {"system": field.id}
        place = "com.atlassian.jira.plugin.system.customfieldtypes:"
        return schema | {"custom": place + custom, "customId": int(field.id.rpartition("_")[2])}

    def meta(self, field: Field, project: Project) -> dict[str, Any]:
        """A field as the screens show it: what may be done to it, and its options."""
        many = field.kind in {"options", "users", "labels", "components"}
        shown: dict[str, Any] = {"required": field.required, "schema": self.schema(field), "name": field.name}
        shown |= {"key": field.id, "operations": ["add", "set", "remove"] if many else ["set"]}
        allowed = self._allowed(field, project)
        return shown | ({"allowedValues": allowed} if allowed else {})

    def _allowed(self, field: Field, project: Project) -> list[dict[str, Any]]:
        if field.options:
            return [{"id": i, "value": text} for i, text in field.options.items()]
        named = {
            "priority": self.site.priorities,
            "components": project.components,
            "resolution": self.site.resolutions,
            "issuetype": {i: self.site.kinds[i] for i in project.kinds},
        }
        return [{"id": i, "name": text} for i, text in named.get(field.kind, {}).items()]


_SCHEMA = {
    "string": ("string", "", "textfield"),
    "text": ("string", "", "textarea"),
    "number": ("number", "", "float"),
    "datetime": ("datetime", "", "datetime"),
    "date": ("date", "", "datepicker"),
    "option": ("option", "", "select"),
    "options": ("array", "option", "multiselect"),
    "user": ("user", "", "userpicker"),
    "users": ("array", "user", "multiuserpicker"),
    "labels": ("array", "string", "labels"),
    "components": ("array", "component", ""),
    "priority": ("priority", "", ""),
    "status": ("status", "", ""),
    "issuetype": ("issuetype", "", ""),
    "project": ("project", "", ""),
    "resolution": ("resolution", "", ""),
}
