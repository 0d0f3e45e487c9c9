"""What Slack sends us: proved by its signature, then read as commands. Makes no call and remembers nothing.

`slack_bolt` was tried for this and not taken (docs/decisions/0010-slack-without-bolt.md): it calls `auth.test` on the
first event and answers garbage with a traceback, while reading the payloads that concern us is this one file.
A payload that is signed but none of ours (an emoji, another shortcut) is taken and means nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Command, User
from connectors.signatures import hexdigest, same
from connectors.slack.forms import CALLBACK, Handle, answers

Json: TypeAlias = Mapping[str, Any]

WINDOW = timedelta(minutes=5)
"""How old a request may be (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""
WORDS = "words"
"""The verb of what was typed after `/pointman`, handed on as it is in the argument `text`."""
TIMELINE = "pointman_timeline"
"""The callback of the message shortcut that adds a message to an incident's timeline."""
DECLARE = "pointman_declare"
"""The callback of the global shortcut that declares an incident."""
LONGEST = 20_000
"""Characters taken of a message."""
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")  # no two marks overlap, so it takes no time
_NAMED = re.compile(r"<[@#!][^|<>]*\|([^<>]+)>")
_LINK = re.compile(r"<((?:https?|mailto):[^|<>]+)(?:\|[^<>]*)?>")


def receive(request: Request, now: datetime, secret: str, source: str) -> Receipt:
    """Read a webhook. Raises BadRequest: 401 where the signature does not hold, 400 where the body cannot be read."""
    at = _signed_at(request, now, secret)
    payload, kind = _payload(request.body)
    if payload.get("type") == "url_verification":
        return Receipt(status=200, body=str(payload.get("challenge", "")), content_type="text/plain")
    command = _read(payload, kind, source, at)
    return Receipt((command,) if command is not None else (), 200)


def interpret(payload: Json, kind: str, source: str, at: datetime | None = None) -> Command | None:
    """What a payload means, None where it is nothing of ours.

    `kind` is `interactive`, `slash_commands` or `events_api`, as Socket Mode calls them. `at` is when it was sent,
    where the payload itself does not say. Raises BadRequest where it cannot be read.
    """
    return _read(payload, kind, source, at)


def _signed_at(request: Request, now: datetime, secret: str) -> datetime:
    stamp = request.headers.get("x-slack-request-timestamp", "")
    given = request.headers.get("x-slack-signature", "")
    if not secret:
        raise BadRequest(401, "no signing_secret is configured, so nothing from Slack can be believed")
    if not stamp or not given:
        raise BadRequest(401, "the request is not signed by Slack")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 10):
        raise BadRequest(401, "the timestamp of the signature is no number")
    if not same(given, "v0=" + hexdigest(secret, b"v0:" + stamp.encode() + b":" + request.body)):
        raise BadRequest(401, "the signature is wrong; is it this app's signing secret?")
    at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(now - at) > WINDOW:
        raise BadRequest(401, "the request is more than five minutes old, or the clock is wrong")
    return at


def _payload(body: bytes) -> tuple[Json, str]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(400, "the body is not UTF-8") from None
    if text.lstrip().startswith("{"):
        return _object(text), "events_api"
    fields = dict(parse_qsl(text, keep_blank_values=True))
    if "payload" in fields:
        return _object(fields["payload"]), "interactive"
    if "command" in fields:
        return fields, "slash_commands"
    raise BadRequest(400, "the body is neither an event, nor an interaction, nor a command of Slack's")


def _object(text: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest(400, "the body is not a JSON object")
    return value


def _read(payload: Json, kind: str, source: str, at: datetime | None) -> Command | None:
    try:
        if kind == "slash_commands":
            return _typed(payload, source, at)
        if kind == "interactive" and payload.get("type") == "block_actions":
            return _clicked(payload, source)
        if kind == "interactive" and payload.get("type") == "view_submission":
            return _submitted(payload, source, at)
        if kind == "interactive" and payload.get("type") == "message_action":
            return _message(payload, source)
        if kind == "interactive" and payload.get("type") == "shortcut":
            return _shortcut(payload, source)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, OSError):
        raise BadRequest(400, f"a {payload.get('type') or kind} that is not as Slack documents it") from None
    return None


def _clicked(payload: Json, source: str) -> Command | None:
    """A click on a button. A button that is not ours (a link, another app's) means nothing."""
    action = payload["actions"][0]
    verb = str(action["action_id"]).partition("#")[0]
    ref = _ref(action.get("value"))
    if not ref:
        return None
    handle = _handle(payload)
    moment = str(action["action_ts"])
    at = datetime.fromtimestamp(float(moment), UTC)
    return Command(ref, verb, _user(payload["user"]), source, {}, str(handle), at, f"{moment}.{handle.trigger}")


def _ref(value: object) -> str:
    try:
        kept = json.loads(str(value))
    except ValueError:
        return ""
    return str(kept.get("ref") or "") if isinstance(kept, dict) else ""


def _submitted(payload: Json, source: str, at: datetime | None) -> Command | None:
    """A form that was sent: the command that asked for it, now with its arguments."""
    shown = payload["view"]
    if shown.get("callback_id") != CALLBACK:
        return None
    kept = json.loads(shown["private_metadata"])
    known = {str(name): str(value) for name, value in (kept.get("args") or {}).items()}
    args = {**known, **answers(shown["state"]["values"])}
    handle = Handle(str(kept.get("url") or ""), str(payload.get("trigger_id") or ""))
    by, ident = _user(payload["user"]), f"view.{shown['id']}"
    return Command(str(kept["ref"]), str(kept["verb"]), by, source, args, str(handle), at, ident)


def _typed(payload: Json, source: str, at: datetime | None) -> Command:
    """What was typed after `/pointman`, without Slack's marks: a mention is the person's id, a link its address."""
    handle = replace(_handle(payload), spot=str(payload.get("channel_id") or ""))
    by = User(str(payload["user_id"]), str(payload.get("user_name") or ""))
    text = _MENTION.sub(lambda mention: mention[1], str(payload.get("text") or ""))
    ident = f"command.{handle.trigger}" if handle.trigger else ""
    return Command("", WORDS, by, source, {"text": _unmarked(text)}, str(handle), at, ident)


def _message(payload: Json, source: str) -> Command | None:
    """The shortcut of a message: its text, who wrote it and where it stands, to be added to a timeline.

    https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
    """
    if payload.get("callback_id") != TIMELINE:
        return None
    message, channel = payload["message"], str(payload["channel"]["id"])
    stamp, thread = str(message["ts"]), str(message.get("thread_ts") or "")
    spot = f"{channel}:{stamp}:{thread}" if thread and thread != stamp else f"{channel}:{stamp}"
    wrote = message.get("user") or message.get("bot_id") or ""
    named = (message.get("bot_profile") or {}).get("name") or message.get("username") or ""
    args = {
        "text": _unmarked(str(message.get("text") or ""))[:LONGEST] or "(a message without text)",
        "author": f"{wrote} {named}".strip(),
        "link": _permalink(payload.get("team") or {}, channel, stamp, thread),
    }
    moment = str(payload["action_ts"])
    at, by = datetime.fromtimestamp(float(moment), UTC), _user(payload["user"])
    handle = replace(_handle(payload), spot=spot)
    return Command("", "comment", by, source, args, str(handle), at, f"{moment}.{handle.trigger}")


def _permalink(team: Json, channel: str, stamp: str, thread: str) -> str:
    """Where a message is read, as Slack makes such addresses (`chat.getPermalink`); empty without the team's name."""
    domain = str(team.get("domain") or "")
    if not re.fullmatch(r"[A-Za-z0-9-]+", domain):
        return ""
    reply = f"?thread_ts={thread}&cid={channel}" if thread and thread != stamp else ""
    return f"https://{domain}.slack.com/archives/{channel}/p{stamp.replace('.', '')}{reply}"


def _shortcut(payload: Json, source: str) -> Command | None:
    """The global shortcut: a new incident. It comes from no channel, so it is answered in none."""
    if payload.get("callback_id") != DECLARE:
        return None
    moment, handle = str(payload["action_ts"]), _handle(payload)
    at = datetime.fromtimestamp(float(moment), UTC)
    return Command("", "declare", _user(payload["user"]), source, {}, str(handle), at, f"{moment}.{handle.trigger}")


def _handle(payload: Json) -> Handle:
    return Handle(str(payload.get("response_url") or ""), str(payload.get("trigger_id") or ""))


def _unmarked(text: str) -> str:
    """Slack's marks as what people read: a name, an address, and the three characters that it escapes."""
    plain = _LINK.sub(lambda link: link[1], _NAMED.sub(lambda named: named[1], text))
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _user(told: Json) -> User:
    return User(str(told["id"]), str(told.get("name") or told.get("username") or ""))
