"""What Slack sends us: proved by its signature, then read as commands. Makes no call and remembers nothing.

`slack_bolt` was tried for this and not taken (docs/decisions/0010-slack-without-bolt.md): it calls `auth.test` on the
first event and answers garbage with a traceback, while reading the four payloads that concern us is this one file.
A payload that is signed but none of ours (an emoji, a shortcut of another time) is taken and means nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Command, User
from connectors.problems import nearest
from connectors.signatures import hexdigest, same
from connectors.slack.forms import CALLBACK, Handle, answers

Json: TypeAlias = Mapping[str, Any]

WINDOW = timedelta(minutes=5)
"""How old a request may be (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""
VERBS: Mapping[str, str] = {
    "acknowledge": "",
    "unacknowledge": "",
    "take": "",
    "assign": "person",
    "severity": "level",
    "resolve": "",
    "update": "text",
    "status": "",
    "why": "at",
}
"""What may be typed after /pointman, each with the argument that the rest of the line becomes."""
ALIASES = {"ack": "acknowledge", "unack": "unacknowledge", "post": "update"}
USAGE = "Write `/pointman VERB TICKET`, for example `/pointman acknowledge OPS-42`. The verbs: "
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a payload means: at most one command, or a text that only the person sees."""

    command: Command | None = None
    said: str = ""


def receive(request: Request, now: datetime, secret: str, source: str) -> Receipt:
    """Read a webhook. Raises BadRequest: 401 where the signature does not hold, 400 where the body cannot be read."""
    at = _signed_at(request, now, secret)
    payload, kind = _payload(request.body)
    if payload.get("type") == "url_verification":
        return Receipt(status=200, body=str(payload.get("challenge", "")), content_type="text/plain")
    reading = _read(payload, kind, source, at)
    body = json.dumps({"response_type": "ephemeral", "text": reading.said}) if reading.said else ""
    return Receipt((reading.command,) if reading.command else (), 200, body)


def interpret(payload: Json, kind: str, source: str, at: datetime | None = None) -> Reading:
    """What a payload means. `kind` is `interactive`, `slash_commands` or `events_api`, as Socket Mode calls them.

    Raises BadRequest where it cannot be read. `at` is when it was sent, where the payload itself does not say.
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


def _read(payload: Json, kind: str, source: str, at: datetime | None) -> Reading:
    try:
        if kind == "slash_commands":
            return _typed(payload, source, at)
        if kind == "interactive" and payload.get("type") == "block_actions":
            return _clicked(payload, source)
        if kind == "interactive" and payload.get("type") == "view_submission":
            return _submitted(payload, source, at)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, OSError):
        raise BadRequest(400, f"a {payload.get('type') or kind} that is not as Slack documents it") from None
    return Reading()


def _clicked(payload: Json, source: str) -> Reading:
    """A click on a button. A button that is not ours (a link, another time's) means nothing."""
    action = payload["actions"][0]
    verb = str(action["action_id"]).partition("#")[0]
    ref = _ref(action.get("value"))
    if verb not in VERBS or not ref:
        return Reading()
    handle = Handle(str(payload.get("response_url") or ""), str(payload.get("trigger_id") or ""))
    moment = str(action["action_ts"])
    at = datetime.fromtimestamp(float(moment), UTC)
    ident = f"{moment}.{handle.trigger}"
    return Reading(Command(ref, verb, _user(payload["user"]), source, {}, str(handle), at, ident))


def _ref(value: object) -> str:
    try:
        kept = json.loads(str(value))
    except ValueError:
        return ""
    return str(kept.get("ref") or "") if isinstance(kept, dict) else ""


def _submitted(payload: Json, source: str, at: datetime | None) -> Reading:
    """A form that was sent: the command that asked for it, now with its arguments."""
    shown = payload["view"]
    if shown.get("callback_id") != CALLBACK:
        return Reading()
    kept = json.loads(shown["private_metadata"])
    args = answers(shown["state"]["values"])
    handle = Handle(str(kept.get("url") or ""), str(payload.get("trigger_id") or ""))
    ident = f"view.{shown['id']}"
    return Reading(
        Command(str(kept["ref"]), str(kept["verb"]), _user(payload["user"]), source, args, str(handle), at, ident)
    )


def _typed(payload: Json, source: str, at: datetime | None) -> Reading:
    """`/pointman VERB TICKET rest of the line`. What is not understood is answered at once, for the person alone."""
    words = str(payload.get("text") or "").split(maxsplit=2)
    verb = ALIASES.get(words[0].lower(), words[0].lower()) if words else ""
    if verb not in VERBS:
        hint = nearest(verb, (*VERBS, *ALIASES)) if verb not in {"", "help"} else ""
        return Reading(said=f"{hint.capitalize()} {USAGE}{', '.join(VERBS)}.".strip())
    if len(words) < 2:
        return Reading(said=f"Which ticket? {USAGE}{', '.join(VERBS)}.")
    name = VERBS[verb]
    rest = _MENTION.sub(lambda mention: mention[1], words[2]) if len(words) > 2 else ""
    args = {name: _unescaped(rest)} if name and rest else {}
    handle = Handle(str(payload.get("response_url") or ""), str(payload.get("trigger_id") or ""))
    by = User(str(payload["user_id"]), str(payload.get("user_name") or ""))
    ident = f"command.{handle.trigger}" if handle.trigger else ""
    return Reading(Command(words[1], verb, by, source, args, str(handle), at, ident))


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _user(told: Json) -> User:
    return User(str(told["id"]), str(told.get("name") or told.get("username") or ""))
