"""The little of Microsoft Graph that a bot needs beside its own API: who somebody is, and channels of a team."""

from __future__ import annotations

import re
from typing import Any

from sandbox.http import Answer, Asked
from sandbox.teams.entra import GRAPH
from sandbox.teams.state import TeamsState
from sandbox.teams.world import Conversation, Json, Person, Team


def answer(state: TeamsState, asked: Asked) -> Answer:
    """Answer a call to Graph."""
    if state.entra.holder(asked.headers.get("authorization", ""), GRAPH) is None:
        return failed(401, "InvalidAuthenticationToken", "Access token is empty or not valid.")
    path = asked.path.removeprefix("/graph/v1.0")
    if found := re.fullmatch(r"/users/([^/]+)", path):
        person = state.found(found[1])
        if asked.method != "GET" or person is None:
            return failed(404, "Request_ResourceNotFound", f"Resource '{found[1]}' does not exist.")
        return Answer(200, _user(person))
    if found := re.fullmatch(r"/teams/([^/]+)/channels/([^/]+)/(archive|unarchive)", path):
        return _archived(state, asked, *found.groups())
    if found := re.fullmatch(r"/teams/([^/]+)/channels(?:/([^/]+))?", path):
        return _channels(state, asked, found[1], found[2])
    return failed(404, "ResourceNotFound", f"Resource not found for the segment '{path}'.")


def failed(status: int, code: str, message: str) -> Answer:
    """An error as Graph tells it."""
    return Answer(status, {"error": {"code": code, "message": message, "innerError": {"request-id": "sandbox"}}})


def _channels(state: TeamsState, asked: Asked, group: str, id_: str | None) -> Answer:
    team = next((team for team in state.teams.values() if team.group == group), None)
    if team is None:
        return failed(404, "NotFound", f"No team found with Group Id {group}.")
    if id_ is None:
        return _all(state, asked, team)
    channel = state.conversations.get(id_)
    if channel is None or channel.team != team.id or channel.deleted:
        return failed(404, "NotFound", "Channel not found.")
    if asked.method == "DELETE":
        channel.deleted = True
        return Answer(204)
    if asked.method == "PATCH":
        given = asked.json() or {}
        channel.name = given.get("displayName", channel.name)
        channel.description = given.get("description", channel.description)
        return Answer(204)
    return Answer(200, _channel(channel))


def _archived(state: TeamsState, asked: Asked, group: str, id_: str, what: str) -> Answer:
    """A channel is closed, or goes on: https://learn.microsoft.com/graph/api/channel-archive"""
    channel = state.conversations.get(id_)
    team = state.teams.get(channel.team) if channel else None
    if asked.method != "POST" or channel is None or team is None or team.group != group or channel.deleted:
        return failed(404, "NotFound", "Channel not found.")
    if channel.archived == (what == "archive"):
        return failed(400, "BadRequest", f"Channel is {'already' if channel.archived else 'not'} archived.")
    channel.archived = what == "archive"
    return Answer(202)


def _all(state: TeamsState, asked: Asked, team: Team) -> Answer:
    listed = [c for c in state.conversations.values() if c.team == team.id and not c.deleted]
    if asked.method == "GET":
        wanted = re.fullmatch(r"displayName eq '(.*)'", asked.query.get("$filter", ""))
        found = [c for c in listed if wanted is None or c.name == wanted[1].replace("''", "'")]
        return Answer(200, {"value": [_channel(c) for c in found]})
    given: Any = asked.json() or {}
    name = given.get("displayName", "")
    if not name or len(name) > 50 or set(name) & set("~#%&*{}+/\\:<>?|'\"") or name[0] in "_." or name[-1] == ".":
        return failed(400, "BadRequest", "Channel name is missing, too long or has a character that is not allowed.")
    if any(c.name.casefold() == name.casefold() for c in listed):
        return failed(409, "Conflict", "Channel name already existed, please use other name.")
    made = state.channel(name, team.name)
    made.description = given.get("description", "")
    return Answer(201, _channel(made))


def _user(person: Person) -> Json:
    return {"id": person.aad_id, "displayName": person.real_name, "mail": person.email, "userPrincipalName": person.upn}


def _channel(channel: Conversation) -> Json:
    told = {"id": channel.id, "displayName": channel.name, "description": channel.description}
    return {**told, "membershipType": "standard", "isArchived": channel.archived}
