"""The methods of the Web API that the sandbox knows, each a function of the workspace and the call's arguments.

Answers follow Slack's own OpenAPI document of 2021 and, for what is newer (metadata, `users.conversations`,
`apps.connections.open`), the reference pages at https://docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeAlias, TypeVar

from sandbox.slack import rooms
from sandbox.slack.limits import refusal
from sandbox.slack.state import APP, BOT, TEAM, Arguments, Refusal, SlackState, TooFast
from sandbox.slack.world import Channel, Json, Message, Note, Person, View

Method: TypeAlias = Callable[[SlackState, Arguments], Json]

T = TypeVar("T")
SECOND = timedelta(seconds=1)


def unknown(state: SlackState, given: Arguments) -> Json:
    """Any other method."""
    raise Refusal("unknown_method")


def auth_test(state: SlackState, given: Arguments) -> Json:
    """auth.test: who the token belongs to."""
    who = {"user": state.bot.name, "user_id": state.bot.id, "bot_id": BOT}
    return {"ok": True, "url": "https://sandbox.slack.example/", "team": "Sandbox", "team_id": TEAM, **who}


# ---- messages


def post_message(state: SlackState, given: Arguments) -> Json:
    """chat.postMessage: to an id or a name, to a person, or into a thread."""
    _need(state, "chat:write")
    channel = _addressed(state, given.text("channel"))
    text, blocks = _checked(given)
    _pace(state, channel)
    late = state.late.pop(0) if state.late else timedelta(0)
    thread = _thread(channel, given.text("thread_ts"))
    metadata = _metadata(given)
    message = Message(state.stamp(late), state.bot.id, text, blocks, thread, metadata, BOT)
    channel.messages.append(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "message": shown(message, channel, metadata=True)}


def permalink(state: SlackState, given: Arguments) -> Json:
    """chat.getPermalink: where a message stands; a reply's names its thread. It needs no scope."""
    channel = state.channels.get(given.text("channel"))
    if channel is None:
        raise Refusal("channel_not_found")
    message = channel.message(given.text("message_ts"))
    if message is None:
        raise Refusal("message_not_found")
    reply = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
    where = f"https://sandbox.slack.example/archives/{channel.id}/p{message.ts.replace('.', '')}{reply}"
    return {"ok": True, "channel": channel.id, "permalink": where}


def update(state: SlackState, given: Arguments) -> Json:
    """chat.update: a message of our own. Text without blocks takes the blocks away; metadata stays unless given."""
    _need(state, "chat:write")
    channel = state.channels.get(given.text("channel"))
    if channel is None:
        raise Refusal("channel_not_found")
    message = channel.message(given.text("ts"))
    if message is None or message not in state.visible(channel):
        raise Refusal("message_not_found")
    if message.bot_id != BOT:
        raise Refusal("cant_update_message")
    if channel.is_archived:
        raise Refusal("is_archived")
    text, blocks = _checked(given)
    message.text, message.blocks, message.edited = text, blocks, state.stamp()
    if given.given.get("metadata") is not None:
        message.metadata = _metadata(given)
    told = {"text": text, **({"blocks": blocks} if blocks else {})}
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": text, "message": told}


def post_ephemeral(state: SlackState, given: Arguments) -> Json:
    """chat.postEphemeral: a note for one person."""
    _need(state, "chat:write")
    channel = _addressed(state, given.text("channel"))
    if given.text("user") not in state.people:
        raise Refusal("user_not_in_channel")
    text, blocks = _checked(given)
    state.notes.append(Note(channel.id, given.text("user"), text, blocks, state.now()))
    return {"ok": True, "message_ts": state.stamp()}


def _addressed(state: SlackState, place: str) -> Channel:
    """The channel to post to. A name counts only where the channel has it now, and the app can see it."""
    if place in state.people:
        return state.direct(place)
    channel = state.channels.get(place) or state.named(place.removeprefix("#"))
    if channel is None or (channel.is_private and state.bot.id not in channel.members):
        raise Refusal("channel_not_found")
    if channel.is_archived:
        raise Refusal("is_archived")
    if state.bot.id not in channel.members and "chat:write.public" not in state.scopes:
        raise Refusal("not_in_channel")
    return channel


def _checked(given: Arguments) -> tuple[str, list[Json]]:
    text = given.text("text")
    blocks = given.data("blocks") or []
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format")
    code, details = refusal(text, blocks)
    if code:
        raise Refusal(code, **({"errors": details, "response_metadata": {"messages": details}} if details else {}))
    return text, blocks


def _metadata(given: Arguments) -> Json | None:
    metadata = given.data("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise Refusal("invalid_metadata_format")
    if not all(isinstance(value, str | int | float | bool | dict) for value in metadata["event_payload"].values()):
        raise Refusal("invalid_metadata_schema")
    return metadata


def _thread(channel: Channel, ts: str) -> str:
    """The thread a reply goes to: under a reply it is the thread of that reply."""
    if not ts:
        return ""
    parent = channel.message(ts)
    if parent is None:
        raise Refusal("thread_not_found")
    return parent.thread_ts or ts


def _pace(state: SlackState, channel: Channel) -> None:
    if state.paced and any(m.bot_id and state.now() - m.at < SECOND for m in channel.messages[-5:]):
        raise TooFast


# ---- reading


def history(state: SlackState, given: Arguments) -> Json:
    """conversations.history: newest first, without replies."""
    channel = _readable(state, given)
    listed = [message for message in state.listed(channel) if not message.thread_ts]
    page, cursor = _page(list(reversed(_within(listed, given))), given)
    told = [_parent(state, message, channel, given) for message in page]
    more: Json = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
    counts = {"pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}
    return {"ok": True, "messages": told, "has_more": bool(cursor), **counts, **more}


def replies(state: SlackState, given: Arguments) -> Json:
    """conversations.replies: the parent, then what is under it, oldest first; given a reply, that reply alone."""
    channel = _readable(state, given)
    listed = state.listed(channel)
    first = next((message for message in listed if message.ts == given.text("ts")), None)
    if first is None:
        raise Refusal("thread_not_found")
    under = [m for m in listed if m.thread_ts == first.ts]
    page, cursor = _page([first, *(m for m in _within(under, given) if m is not first)], given)
    told = [_parent(state, message, channel, given) for message in page]
    more: Json = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
    return {"ok": True, "messages": told, "has_more": bool(cursor), **more}


def info(state: SlackState, given: Arguments) -> Json:
    """conversations.info."""
    channel = state.channels.get(given.text("channel"))
    if channel is None or (channel.is_private and state.bot.id not in channel.members):
        raise Refusal("channel_not_found")
    _need(state, f"{_sort(channel)}:read")
    return {"ok": True, "channel": described(state, channel)}


def open_direct(state: SlackState, given: Arguments) -> Json:
    """conversations.open: the direct message with one person."""
    _need(state, "im:write")
    person = state.people.get(given.text("users"))
    if person is None:
        raise Refusal("user_not_found")
    if person.deleted:
        raise Refusal("user_disabled")
    return {"ok": True, "channel": {"id": state.direct(person.id).id}}


def joined(state: SlackState, given: Arguments) -> Json:
    """users.conversations: the channels the app is a member of."""
    types = (given.text("types") or "public_channel").split(",")
    _need(state, "channels:read")
    if "private_channel" in types:
        _need(state, "groups:read")
    found = [
        channel
        for channel in state.channels.values()
        if state.bot.id in channel.members
        and not channel.is_im
        and ("private_channel" if channel.is_private else "public_channel") in types
        and not (channel.is_archived and given.flag("exclude_archived"))
    ]
    page, cursor = _page(found, given)
    told = [described(state, channel) for channel in page]
    return {"ok": True, "channels": told, "response_metadata": {"next_cursor": cursor}}


def _readable(state: SlackState, given: Arguments) -> Channel:
    """A channel by its id; a name is not enough to read."""
    channel = state.channels.get(given.text("channel"))
    if channel is None or (channel.is_private and state.bot.id not in channel.members):
        raise Refusal("channel_not_found")
    _need(state, f"{_sort(channel)}:history")
    if state.bot.id not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def _within(messages: Iterable[Message], given: Arguments) -> list[Message]:
    oldest, latest = given.text("oldest"), given.text("latest")
    equal = given.flag("inclusive")
    low, high = float(oldest or 0), float(latest or "inf")
    return [m for m in messages if low < float(m.ts) < high or (equal and float(m.ts) in {low, high})]


def _page(rows: list[T], given: Arguments) -> tuple[list[T], str]:
    """One page of rows and the cursor of the next."""
    limit = max(1, min(int(given.text("limit") or 100), 999))
    start = int(given.text("cursor").removeprefix("at:") or 0)
    end = start + limit
    return rows[start:end], f"at:{end}" if end < len(rows) else ""


def _need(state: SlackState, scope: str) -> None:
    if scope not in state.scopes:
        raise Refusal("missing_scope", needed=scope, provided=",".join(sorted(state.scopes)))


def _sort(channel: Channel) -> str:
    return "im" if channel.is_im else "groups" if channel.is_private else "channels"


# ---- people, forms, sockets


def lookup(state: SlackState, given: Arguments) -> Json:
    """users.lookupByEmail."""
    _need(state, "users:read.email")
    address = given.text("email").lower()
    found = next((p for p in state.people.values() if p.email and p.email.lower() == address and not p.deleted), None)
    if found is None:
        raise Refusal("users_not_found")
    return {"ok": True, "user": profiled(state, found)}


def user_info(state: SlackState, given: Arguments) -> Json:
    """users.info."""
    _need(state, "users:read")
    found = state.people.get(given.text("user"))
    if found is None:
        raise Refusal("user_not_found")
    return {"ok": True, "user": profiled(state, found)}


def open_view(state: SlackState, given: Arguments) -> Json:
    """views.open: a form before the person whose trigger it is."""
    handle = state.redeem(given.text("trigger_id").rpartition(".")[2])
    view = given.data("view")
    if handle is None:
        raise Refusal("expired_trigger_id")
    if not isinstance(view, dict) or not view.get("blocks") or len(view["title"]["text"]) > 24:
        raise Refusal("invalid_arguments")
    made = View(state.new_id("V"), handle.user, view)
    state.views[made.id] = made
    return {"ok": True, "view": {"id": made.id, "team_id": TEAM, "state": {"values": {}}, "app_id": APP, **view}}


def open_socket(state: SlackState, given: Arguments) -> Json:
    """apps.connections.open: the address of a WebSocket, with a ticket in it."""
    if not state.socket_url:
        raise Refusal("internal_error")
    return {"ok": True, "url": f"{state.socket_url}/link/?ticket={state.new_id('T')}&app_id={APP}"}


# ---- how things are told


def shown(message: Message, channel: Channel, *, metadata: bool) -> Json:
    """A message as the API tells it."""
    told: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts, "team": TEAM}
    if message.bot_id:
        told |= {"bot_id": message.bot_id, "app_id": APP}
    if message.blocks:
        told["blocks"] = [{"block_id": f"b{number}", **block} for number, block in enumerate(message.blocks)]
    if message.edited:
        told["edited"] = {"user": message.user, "ts": message.edited}
    if message.thread_ts:
        parent = channel.message(message.thread_ts)
        told |= {"thread_ts": message.thread_ts, "parent_user_id": parent.user if parent else message.user}
    if metadata and message.metadata is not None:
        told["metadata"] = message.metadata
    return told


def _parent(state: SlackState, message: Message, channel: Channel, given: Arguments) -> Json:
    told = shown(message, channel, metadata=given.flag("include_all_metadata"))
    under = [reply for reply in state.listed(channel) if reply.thread_ts == message.ts]
    if under:
        users = sorted({reply.user for reply in under})
        told |= {"thread_ts": message.ts, "reply_count": len(under), "latest_reply": under[-1].ts}
        told |= {"reply_users": users, "reply_users_count": len(users)}
    return told


def described(state: SlackState, channel: Channel) -> Json:
    """A channel as the API tells it."""
    if channel.is_im:
        said = {"is_im": True, "user": channel.user, "is_user_deleted": state.people[channel.user].deleted}
        return {"id": channel.id, "created": 1_700_000_000, "is_org_shared": False, "priority": 0, **said}
    topic, purpose = ({"value": said, "creator": "", "last_set": 0} for said in (channel.topic, channel.purpose))
    kinds = {"is_channel": not channel.is_private, "is_group": channel.is_private, "is_im": False, "is_mpim": False}
    marks = {"is_general": False, "is_shared": False, "is_org_shared": False, "is_archived": channel.is_archived}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "created": 1_700_000_000,
        "creator": channel.creator or "U0SOMEBODY",
        **kinds,
        **marks,
        "is_private": channel.is_private,
        "is_member": state.bot.id in channel.members,
        "previous_names": list(channel.previous_names),
        "topic": topic,
        "purpose": purpose,
    }


def profiled(state: SlackState, person: Person) -> Json:
    """A person as the API tells them; the address only where the app may see it."""
    profile: Json = {
        "avatar_hash": "g0",
        "display_name": person.name,
        "display_name_normalized": person.name,
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "fields": {},
        "phone": "",
        "skype": "",
        "title": "",
        "team": TEAM,
    }
    if person.email and "users:read.email" in state.scopes:
        profile["email"] = person.email
    flags = {"is_bot": person.is_bot, "is_app_user": False, "deleted": person.deleted}
    told = {
        "id": person.id,
        "team_id": person.team or TEAM,
        "name": person.name,
        "real_name": person.real_name,
        "updated": 0,
    }
    return {**told, **flags, "profile": profile}


METHODS: Mapping[str, Method] = {
    **rooms.METHODS,
    "apps.connections.open": open_socket,
    "auth.test": auth_test,
    "chat.getPermalink": permalink,
    "chat.postEphemeral": post_ephemeral,
    "chat.postMessage": post_message,
    "chat.update": update,
    "conversations.history": history,
    "conversations.info": info,
    "conversations.open": open_direct,
    "conversations.replies": replies,
    "users.conversations": joined,
    "users.info": user_info,
    "users.lookupByEmail": lookup,
    "views.open": open_view,
}
