"""The Bot Framework's Connector API as Teams serves it: what a bot can ask, each a function of the tenant.

Paths and shapes follow Microsoft's OpenAPI document of the Connector; codes follow
https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability (status codes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeAlias

from sandbox.http import Answer, Asked
from sandbox.teams.cards import SIZE, attached, wrong
from sandbox.teams.state import BOT, REGION, Refusal, TeamsState
from sandbox.teams.world import ADAPTIVE, Conversation, Json, Message, Person, Team

Parts: TypeAlias = tuple[str, ...]
Call: TypeAlias = Callable[[TeamsState, Asked, Parts], Answer]

PACE: Final = (7, timedelta(seconds=1))
"""So many messages in one conversation within so long; documented as the limit of one thread."""
PAGE: Final = 200


def answer(state: TeamsState, asked: Asked) -> Answer:
    """Answer a call of a bot that has signed in. Raises Refusal."""
    path = asked.path.removeprefix(REGION)
    for method, pattern, call in _CALLS:
        found = re.fullmatch(pattern, path)
        if found and method == asked.method:
            return call(state, asked, found.groups())
    raise Refusal(404, "NotFound", "No HTTP resource was found that matches the request URI.")


# ---- conversations


def create(state: TeamsState, asked: Asked, _: Parts) -> Answer:
    """A new thread in a channel, or the chat with one person."""
    given = _body(asked)
    channel = ((given.get("channelData") or {}).get("channel") or {}).get("id")
    if channel:
        if not given.get("activity"):
            raise Refusal(400, "BadSyntax", "Incorrect conversation creation parameters")
        where = _conversation(state, channel)[0]
        posted = _post(state, where, given["activity"], "")
        told = {"id": f"{where.id};messageid={posted.id}", "activityId": posted.id, "serviceUrl": state.service_url}
        return Answer(201, told)
    members = given.get("members") or []
    tenant = given.get("tenantId") or ((given.get("channelData") or {}).get("tenant") or {}).get("id")
    if len(members) != 1 or tenant != state.entra.tenant:
        raise Refusal(400, "BadSyntax", "Incorrect conversation creation parameters")
    person = state.found(str(members[0].get("id")))
    if person is None:
        raise Refusal(403, "ForbiddenOperationException", "Bot is not installed in user's personal scope")
    where = state.personal(person.id)
    told = {"id": where.id, "serviceUrl": state.service_url}
    if given.get("activity"):
        told["activityId"] = _post(state, _conversation(state, where.id)[0], given["activity"], "").id
    return Answer(201, told)


def send(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """A message into a conversation; where its id names a thread, into that."""
    where, root = _conversation(state, parts[0])
    return Answer(201, {"id": _post(state, where, _body(asked), root).id})


def reply(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """A message under another one."""
    where, _ = _conversation(state, parts[0])
    above = where.message(parts[1])
    if above is None:
        raise Refusal(404, "ActivityNotFoundInConversation", "The message ID provided couldn't be found.")
    return Answer(201, {"id": _post(state, where, _body(asked), above.root or above.id).id})


def update(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """A message of the bot's own becomes another. What single people saw instead of it is over."""
    message = _own(state, parts)
    text, card = _content(asked, _body(asked))
    message.text, message.card, message.edited = text, card, state.stamp()
    message.views.clear()
    return Answer(200, {"id": message.id})


def delete(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """A message of the bot's own is taken back."""
    message = _own(state, parts)
    message.deleted, message.edited = True, state.stamp()
    return Answer(200)


def members(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """Everybody in a conversation."""
    return Answer(200, [_member(state, person) for person in _people(state, parts[0])])


def paged(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """Everybody in a conversation, a page at a time."""
    everybody = [_member(state, person) for person in _people(state, parts[0])]
    size = max(1, min(int(asked.query.get("pageSize") or PAGE), 500))
    begin = int(asked.query.get("continuationToken") or 0)
    more = {"continuationToken": str(begin + size)} if begin + size < len(everybody) else {}
    return Answer(200, {**more, "members": everybody[begin : begin + size]})


def member(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """One person of a conversation, by id, directory id, or the name they sign in with."""
    person = state.found(parts[1])
    if person is None or person not in _people(state, parts[0]):
        raise Refusal(404, "MemberNotFoundInConversation", "Member not found in conversation.")
    return Answer(200, _member(state, person))


def team(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """What a team is called."""
    found = _team(state, parts[0])
    return Answer(200, {"id": found.id, "name": found.name, "aadGroupId": found.group})


def channels(state: TeamsState, asked: Asked, parts: Parts) -> Answer:
    """The channels of a team; the first one has the team's own id, and no name."""
    found = _team(state, parts[0])
    listed = [c for c in state.conversations.values() if c.team == found.id and not c.deleted]
    return Answer(200, {"conversations": [{"id": found.id}, *({"id": c.id, "name": c.name} for c in listed)]})


_ID: Final = r"([^/]+)"
_CALLS: Final[tuple[tuple[str, str, Call], ...]] = (
    ("POST", "/v3/conversations/?", create),
    ("POST", f"/v3/conversations/{_ID}/activities/?", send),
    ("POST", f"/v3/conversations/{_ID}/activities/{_ID}", reply),
    ("PUT", f"/v3/conversations/{_ID}/activities/{_ID}", update),
    ("DELETE", f"/v3/conversations/{_ID}/activities/{_ID}", delete),
    ("GET", f"/v3/conversations/{_ID}/members/?", members),
    ("GET", f"/v3/conversations/{_ID}/pagedmembers", paged),
    ("GET", f"/v3/conversations/{_ID}/members/{_ID}", member),
    ("GET", f"/v3/teams/{_ID}", team),
    ("GET", f"/v3/teams/{_ID}/conversations", channels),
)


# ---- below


def _conversation(state: TeamsState, id_: str) -> tuple[Conversation, str]:
    where, root = state.conversation(id_)
    if where is None or where.deleted:
        raise Refusal(404, "ConversationNotFound", "Conversation not found.")
    if where.is_personal and where.person in state.blocked:
        raise Refusal(403, "ConversationBlockedByUser", "User blocked the conversation with the bot.")
    if where.team and not state.teams[where.team].installed:
        raise Refusal(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
    if root and where.message(root) is None:
        raise Refusal(404, "ConversationNotFound", "Conversation not found.")
    return where, root


def _team(state: TeamsState, id_: str) -> Team:
    found = state.teams.get(id_)
    if found is None:
        raise Refusal(404, "ConversationNotFound", "Conversation not found.")
    if not found.installed:
        raise Refusal(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
    return found


def _own(state: TeamsState, parts: Parts) -> Message:
    where, _ = _conversation(state, parts[0])
    message = where.message(parts[1])
    if message is None or message.deleted:
        raise Refusal(404, "ActivityNotFoundInConversation", "The message ID provided couldn't be found.")
    if message.by != BOT:
        raise Refusal(403, "NotEnoughPermissions", "Only the sender of a message can change it.")
    return message


def _people(state: TeamsState, id_: str) -> list[Person]:
    if id_ in state.teams:
        ids = _team(state, id_).members
    else:
        where, _ = _conversation(state, id_)
        ids = {where.person} if where.is_personal else state.teams[where.team].members
    return [person for person in state.people.values() if person.id in ids]


def _member(state: TeamsState, person: Person) -> Json:
    given, _, surname = person.real_name.partition(" ")
    told = {"id": person.id, "name": person.real_name, "givenName": given, "surname": surname, "userRole": "user"}
    ids = {"objectId": person.aad_id, "aadObjectId": person.aad_id, "tenantId": state.entra.tenant}
    return {**told, **ids, "userPrincipalName": person.upn, "email": person.email or None}


def _body(asked: Asked) -> Json:
    if len(asked.body) > SIZE * 4:
        raise _too_big()
    try:
        given = asked.json()
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refusal(400, "BadSyntax", "Could not parse the request as JSON")
    return given


def _content(asked: Asked, activity: Json) -> tuple[str, Json | None]:
    """An activity's text and card. Raises Refusal where Teams would not take it."""
    if len(json.dumps(activity, ensure_ascii=False).encode()) > SIZE:
        raise _too_big()
    if activity.get("type") != "message":
        raise Refusal(400, "BadArgument", "Unknown activity type")
    for one in activity.get("attachments") or []:
        if one.get("contentType") != ADAPTIVE:
            raise Refusal(400, "BadArgument", f"Unknown attachment type {one.get('contentType')}")
    if len(activity.get("attachments") or []) > 1:
        raise Refusal(400, "BadArgument", "Activity resulted into multiple skype activities")
    card, text = attached(activity), activity.get("text") or ""
    if card is None and not str(text).strip():
        raise Refusal(400, "BadSyntax", "Activity must include non empty 'text' field or at least 1 attachment")
    if card is not None and (problems := list(wrong(card))):
        raise Refusal(400, "BadArgument", f"Bad Adaptive Card: {'; '.join(problems)}")
    return text, card


def _post(state: TeamsState, where: Conversation, activity: Json, root: str) -> Message:
    text, card = _content(Asked("POST", ""), activity)
    if where.archived:
        raise Refusal(403, "ForbiddenOperationException", "The channel is archived.")
    _pace(state, where)
    return state.post(where, Message(state.stamp(), BOT, text, card, root))


def _pace(state: TeamsState, where: Conversation) -> None:
    most, within = PACE
    lately = [m for m in where.messages[-most:] if m.by == BOT and state.clock.now() - m.at < within]
    if state.paced and len(lately) >= most:
        more = {"retry_after": state.retry_after} if state.retry_after else {}
        raise Refusal(429, "Throttled", "Too many requests.", **more)


def _too_big() -> Refusal:
    return Refusal(413, "MessageSizeTooBig", "Message size too large.")
