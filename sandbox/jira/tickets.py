"""Jira's operations on one ticket: read, create, edit, comment, transition, properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.http import Answer
from sandbox.jira.asking import Call, No
from sandbox.jira.shapes import COMMENT
from sandbox.jira.values import Invalid
from sandbox.jira.world import Field, Issue, Note, Project

ROOM = 32_768
"""The longest value of an entity property, in characters of its JSON."""
_NO_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


def get_issue(call: Call) -> Answer:
    """One ticket, with history and properties where they are asked for."""
    return Answer(200, shown(call, call.issue(), set(call.names("fields")), call.names("properties")))


def shown(call: Call, issue: Issue, fields: set[str], properties: list[str]) -> dict[str, Any]:
    """A ticket as this request asks for it."""
    wanted = None if not fields or fields & {"*all", "*navigable"} else fields
    told = call.shapes.issue(issue, wanted, call.version)
    if "changelog" in call.names("expand"):
        told["changelog"] = call.shapes.history(issue)
    if properties:
        kept = {k: v for k, v in issue.properties.items() if "*all" in properties or k in properties}
        told["properties"] = kept
    return told


def create_issue(call: Call) -> Answer:
    """A new ticket, with properties and comments."""
    call.may("CREATE_ISSUES", "create issues in this project")
    body = call.body()
    said = dict(body.get("fields") or {})
    named = said.pop("project", None) or {}
    try:
        project = call.project(str(named.get("key") or named.get("id")))
    except No:
        raise No(400, errors={"project": "valid project is required"}) from None
    values = _values(call, project, said)
    missing = [f for f in call.site.fields.values() if f.required and not values.get(f.id)]
    if missing:
        raise No(400, errors={f.id: f"{f.name} is required." for f in missing})
    notes, properties = _notes(call, None, body), _properties(body)
    issue = call.state.make({"reporter": call.person.username, **values}, call.person.username, project.key)
    _finish(call, issue, notes, properties)
    return Answer(201, {"id": issue.id, "key": issue.key, "self": call.shapes.url(issue, call.version)})


def edit_issue(call: Call) -> Answer:
    """Fields, comments and properties in one request: all of it or nothing. A transition is ignored."""
    issue, body = call.issue(), call.body()
    call.may("EDIT_ISSUES", "edit issues in this project")
    if "fields" not in body and "update" not in body:
        raise No(400, "one of 'fields' or 'update' required")
    values = _values(call, call.site.projects[issue.project], body.get("fields") or {})
    values |= _updated(call, issue, {w: o for w, o in (body.get("update") or {}).items() if w != "comment"})
    notes, properties = _notes(call, issue, body), _properties(body)
    call.state.edit(issue, values, call.person.username)
    _finish(call, issue, notes, properties)
    return Answer(204)


@dataclass(frozen=True, slots=True)
class _Said:
    """A comment that a request makes (`note` is None) or rewords."""

    note: Note | None
    body: Any
    internal: bool


def _finish(call: Call, issue: Issue, notes: list[_Said], properties: Mapping[str, Any]) -> None:
    by = call.person.username
    for said in notes:
        if said.note is None:
            call.state.note(issue, said.body, by, said.internal)
        else:
            said.note.internal = said.internal
            call.state.reword(issue, said.note, said.body, by)
    for key, value in properties.items():
        call.state.set_property(issue, key, value, by)


def _values(call: Call, project: Project, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the site's form. Raises No with a message for each field that is wrong."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for word, raw in fields.items():
        try:
            values[word] = call.values.read(_on_screen(call, word), raw, project, call.version)
        except Invalid as invalid:
            errors[word] = str(invalid)
    if errors:
        raise No(400, errors=errors)
    return values


def _on_screen(call: Call, word: str) -> Field:
    field = call.site.fields.get(word)
    if field is None or not field.editable:
        raise Invalid(_NO_SCREEN.format(word))
    return field


def _updated(call: Call, issue: Issue, update: Mapping[str, Any]) -> dict[str, Any]:
    """What `add`, `remove` and `set` make of fields with several values."""
    values: dict[str, Any] = {}
    project = call.site.projects[issue.project]
    for word, operations in update.items():
        held = tuple(issue.values.get(word) or ())
        for operation in operations:
            ((verb, raw),) = operation.items()
            try:
                part = call.values.read(_on_screen(call, word), raw if verb == "set" else [raw], project, call.version)
            except Invalid as invalid:
                raise No(400, errors={word: str(invalid)}) from None
            kept = tuple(v for v in held if v not in part)
            held = {"set": part, "add": (*kept, *part), "remove": kept}[verb]
        values[word] = held
    return values


def _notes(call: Call, issue: Issue | None, body: Mapping[str, Any]) -> list[_Said]:
    """The comments of an edit: `add` makes one, `edit` rewords one."""
    said: list[_Said] = []
    for operation in (body.get("update") or {}).get("comment", ()):
        ((verb, raw),) = operation.items()
        call.may("ADD_COMMENTS", "comment on this issue")
        note = None
        if verb == "edit":
            note = next((n for n in issue.notes if n.id == str(raw.get("id"))), None) if issue else None
            if note is None:
                raise No(400, errors={"comment": f"Can not find a comment for the id: {raw.get('id')}."})
        said.append(_Said(note, _text(call, raw), _internal(raw)))
    return said


def _text(call: Call, raw: Mapping[str, Any]) -> Any:
    try:
        body = call.values.read(COMMENT, raw.get("body"), next(iter(call.site.projects.values())), call.version)
    except Invalid:
        raise No(400, errors={"comment": "Comment body is not valid!"}) from None
    if not body:
        raise No(400, errors={"comment": "Comment body can not be empty!"})
    return body


def _internal(raw: Mapping[str, Any]) -> bool:
    """What the property of service desks says: `{"key": "sd.public.comment", "value": {"internal": true}}`."""
    properties = raw.get("properties") or ()
    return any(p["key"] == "sd.public.comment" and p["value"].get("internal") for p in properties)


def _properties(body: Mapping[str, Any]) -> dict[str, Any]:
    return {str(said["key"]): _fits(said["key"], said["value"]) for said in body.get("properties") or ()}


def _fits(key: str, value: Any) -> Any:
    if len(key) > 255:
        raise No(400, "The property key cannot be longer than 255 characters.")
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) > ROOM:
        raise No(400, f"The value cannot be longer than {ROOM} characters.")
    return value


# ---- comments and history, page by page


def list_comments(call: Call) -> Answer:
    """A page of comments, oldest first."""
    issue, start, size = call.issue(), call.number("startAt", 0), call.number("maxResults", 100)
    told = [call.shapes.comment(issue, note, call.version) for note in issue.notes[start : start + min(size, 100)]]
    return Answer(200, {"startAt": start, "maxResults": size, "total": len(issue.notes), "comments": told})


def list_changes(call: Call) -> Answer:
    """A page of the history, oldest first (Cloud only)."""
    if call.state.flavour == "datacenter":
        return Answer(404, None)
    issue, start, size = call.issue(), call.number("startAt", 0), min(call.number("maxResults", 100), 100)
    told = [call.shapes.past(past) for past in issue.past[start : start + size]]
    total = len(issue.past)
    page = {"startAt": start, "maxResults": size, "total": total, "isLast": start + size >= total, "values": told}
    return Answer(200, {"self": f"{call.shapes.url(issue, call.version)}/changelog", **page})


# ---- transitions


def list_transitions(call: Call) -> Answer:
    """The transitions that are legal now, with the fields of their screens where they are asked for."""
    issue = call.issue()
    project = call.site.projects[issue.project]
    told = []
    for move in () if "TRANSITION_ISSUES" in call.state.traps.denied else call.state.moves(issue):
        one = {"id": move.id, "name": move.name, "to": call.values.show_status(move.to), "hasScreen": bool(move.needs)}
        if "transitions.fields" in call.names("expand"):
            meta = {w: call.shapes.meta(call.site.fields[w], project) | {"required": True} for w in move.needs}
            one["fields"] = meta
        told.append(one)
    return Answer(200, {"expand": "transitions", "transitions": told})


def make_transition(call: Call) -> Answer:
    """Make a transition, if it is legal now and the fields of its screen are there."""
    issue, body = call.issue(), call.body()
    wanted = (body.get("transition") or {}).get("id")
    if not isinstance(wanted, str):
        raise No(
            400, "Missing 'transition' identifier" if wanted is None else "'transition' identifier must be a string"
        )
    call.may("TRANSITION_ISSUES", "transition this issue")
    move = next((m for m in call.state.moves(issue) if m.id == wanted), None)
    if move is None:
        raise No(400, f"It seems that you have tried to perform a workflow operation ({wanted}) that is not valid for "
                 f"the current state of this issue {issue.key}.")  # fmt: skip
    values: dict[str, Any] = {}
    fields = body.get("fields") or {}
    for word in move.needs:
        if word not in fields:
            raise No(400, errors={word: f"{call.site.fields[word].name} is required."})
    for word, raw in fields.items():
        if word not in move.needs:
            raise No(400, errors={word: _NO_SCREEN.format(word)})
        try:
            values[word] = call.values.read(call.site.fields[word], raw, call.project(issue.project), call.version)
        except Invalid as invalid:
            raise No(400, errors={word: str(invalid)}) from None
    call.state.go(issue, move, values, call.person.username)
    return Answer(204)


# ---- properties


def get_property(call: Call) -> Answer:
    """One entity property."""
    issue, key = call.issue(), call.where[1]
    if key not in issue.properties:
        raise No(404, f"The property {key} does not exist.")
    return Answer(200, {"key": key, "value": issue.properties[key]})


def put_property(call: Call) -> Answer:
    """Keep one entity property: 201 for a new one."""
    issue, key = call.issue(), call.where[1]
    call.may("EDIT_ISSUES", "edit issues in this project")
    try:
        value = json.loads(call.asked.body)
    except ValueError:
        raise No(400, "The property value is not valid JSON.") from None
    fresh = key not in issue.properties
    call.state.set_property(issue, key, _fits(key, value), call.person.username)
    return Answer(201 if fresh else 200)
