"""What makes, changes and closes channels in the sandbox's Web API, with the refusals that Slack has for it.

Two traps are Slack's own: a channel that is archived puts the app out, and an app cannot unarchive
(https://github.com/slack-go/slack/issues/1066). Bookmarks are newer than the OpenAPI document of 2021; they follow
https://docs.slack.dev/reference/methods/bookmarks.add.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from sandbox.slack.state import Arguments, Refusal, SlackState
from sandbox.slack.world import Channel, Json

Method: TypeAlias = Callable[[SlackState, Arguments], Json]
LONGEST = 80
LONGEST_TOPIC = 250
MOST_BOOKMARKS = 100


def create(state: SlackState, given: Arguments) -> Json:
    """conversations.create: small letters, digits, - and _, at most 80; a name once taken stays so when archived."""
    private, name = given.flag("is_private"), given.text("name")
    need(state, "groups:write" if private else "channels:manage")
    if not name:
        raise Refusal("invalid_name_required")
    if len(name) > LONGEST:
        raise Refusal("invalid_name_maxlength")
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise Refusal("invalid_name_specials")
    if state.named(name) is not None:
        raise Refusal("name_taken")
    made = Channel(state.new_id("C"), name, {state.bot.id}, is_private=private, creator=state.bot.id)
    state.channels[made.id] = made
    return _told(state, made)


def set_topic(state: SlackState, given: Arguments) -> Json:
    """conversations.setTopic."""
    channel = _own(state, given)
    if len(given.text("topic")) > LONGEST_TOPIC:
        raise Refusal("too_long")
    channel.topic = given.text("topic")
    return _told(state, channel)


def set_purpose(state: SlackState, given: Arguments) -> Json:
    """conversations.setPurpose."""
    channel = _own(state, given)
    if len(given.text("purpose")) > LONGEST_TOPIC:
        raise Refusal("too_long")
    channel.purpose = given.text("purpose")
    return _told(state, channel)


def invite(state: SlackState, given: Arguments) -> Json:
    """conversations.invite: all of them, or with one who cannot be invited none."""
    channel = _own(state, given)
    users = [one for one in given.text("users").split(",") if one]
    if not users:
        raise Refusal("no_user")
    errors = [{"user": one, "ok": False, "error": said} for one in users if (said := _hindered(state, channel, one))]
    if errors:
        raise Refusal(str(errors[0]["error"]), errors=errors)
    channel.members.update(users)
    return _told(state, channel)


def _hindered(state: SlackState, channel: Channel, user: str) -> str:
    person = state.people.get(user)
    if person is None:
        return "user_not_found"
    if user == state.bot.id:
        return "cant_invite_self"
    if person.deleted:
        return "cant_invite"
    return "already_in_channel" if user in channel.members else ""


def members(state: SlackState, given: Arguments) -> Json:
    """conversations.members."""
    channel = _seen(state, given)
    need(state, "groups:read" if channel.is_private else "channels:read")
    return {"ok": True, "members": sorted(channel.members), "response_metadata": {"next_cursor": ""}}


def join(state: SlackState, given: Arguments) -> Json:
    """conversations.join: a public channel that is open."""
    need(state, "channels:join")
    channel = _seen(state, given)
    if channel.is_private:
        raise Refusal("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise Refusal("is_archived")
    channel.members.add(state.bot.id)
    return _told(state, channel)


def archive(state: SlackState, given: Arguments) -> Json:
    """conversations.archive: it puts the app out."""
    channel = _seen(state, given)
    need(state, "groups:write" if channel.is_private else "channels:manage")
    if channel.is_archived:
        raise Refusal("already_archived")
    if state.bot.id not in channel.members:
        raise Refusal("not_in_channel")
    channel.is_archived = True
    channel.members.discard(state.bot.id)
    return {"ok": True}


def unarchive(state: SlackState, given: Arguments) -> Json:
    """conversations.unarchive: nothing that an app can do."""
    channel = _seen(state, given)
    need(state, "groups:write" if channel.is_private else "channels:manage")
    raise Refusal("not_in_channel" if channel.is_archived else "not_archived")


def pin(state: SlackState, given: Arguments) -> Json:
    """pins.add."""
    need(state, "pins:write")
    channel = _seen(state, given)
    if state.bot.id not in channel.members:
        raise Refusal("not_in_channel")
    stamp = given.text("timestamp")
    if not stamp:
        raise Refusal("no_item_specified")
    if channel.message(stamp) is None:
        raise Refusal("message_not_found")
    if stamp in channel.pins:
        raise Refusal("already_pinned")
    channel.pins.append(stamp)
    return {"ok": True}


def bookmarks(state: SlackState, given: Arguments) -> Json:
    """bookmarks.list."""
    need(state, "bookmarks:read")
    return {"ok": True, "bookmarks": [dict(one) for one in _bookmarked(state, given).bookmarks]}


def bookmark(state: SlackState, given: Arguments) -> Json:
    """bookmarks.add: a link with a title."""
    need(state, "bookmarks:write")
    channel = _bookmarked(state, given)
    title, link = given.text("title"), given.text("link")
    if given.text("type") != "link":
        raise Refusal("invalid_bookmark_type")
    if not title or not link.startswith(("http://", "https://")):
        raise Refusal("invalid_link" if title else "invalid_arguments")
    if len(channel.bookmarks) >= MOST_BOOKMARKS:
        raise Refusal("too_many_bookmarks")
    made = {"id": state.new_id("Bk"), "channel_id": channel.id, "title": title, "link": link, "type": "link"}
    channel.bookmarks.append(made)
    return {"ok": True, "bookmark": dict(made)}


def need(state: SlackState, scope: str) -> None:
    """Refuse where the app lacks a scope."""
    if scope not in state.scopes:
        raise Refusal("missing_scope", needed=scope, provided=",".join(sorted(state.scopes)))


def _bookmarked(state: SlackState, given: Arguments) -> Channel:
    channel = state.channels.get(given.text("channel_id"))
    if channel is None or state.bot.id not in channel.members:
        raise Refusal("channel_not_found" if channel is None else "not_in_channel")
    return channel


def _seen(state: SlackState, given: Arguments) -> Channel:
    channel = state.channels.get(given.text("channel"))
    if channel is None or (channel.is_private and state.bot.id not in channel.members):
        raise Refusal("channel_not_found")
    return channel


def _own(state: SlackState, given: Arguments) -> Channel:
    """A channel that the app may change: it is in it, and it is open."""
    channel = _seen(state, given)
    need(state, "groups:write" if channel.is_private else "channels:manage")
    if channel.is_archived:
        raise Refusal("is_archived")
    if state.bot.id not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def _told(state: SlackState, channel: Channel) -> Json:
    from sandbox.slack.methods import described  # which lists what stands here among its own

    return {"ok": True, "channel": described(state, channel)}


METHODS: Mapping[str, Method] = {
    "bookmarks.add": bookmark,
    "bookmarks.list": bookmarks,
    "conversations.archive": archive,
    "conversations.create": create,
    "conversations.invite": invite,
    "conversations.join": join,
    "conversations.members": members,
    "conversations.setPurpose": set_purpose,
    "conversations.setTopic": set_topic,
    "conversations.unarchive": unarchive,
    "pins.add": pin,
}
