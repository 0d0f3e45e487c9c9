"""What Slack's answers look like by method, as far as they are read; see `connectors.shapes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.shapes import OBJECT, TEXT, Shape, misshapen

_MESSAGES: Shape = {
    "messages!": [{"ts!": TEXT, "metadata": {"event_type": TEXT, "event_payload": OBJECT}, "reply_count": int}]
}
_POSTED: Shape = {"channel!": TEXT, "ts!": TEXT}
METHODS: Mapping[str, Shape] = {
    "auth.test": {"user_id": TEXT, "bot_id": TEXT, "team": TEXT, "user": TEXT, "url": TEXT},
    "apps.connections.open": {"url!": TEXT},
    "chat.postMessage": _POSTED,
    "chat.update": _POSTED,
    "conversations.history": _MESSAGES,
    "conversations.replies": _MESSAGES,
    "conversations.info": {"channel!": {"id": TEXT, "name": TEXT}},
    "conversations.open": {"channel!": {"id!": TEXT}},
    "users.conversations": {"channels!": [{"id!": TEXT, "name": TEXT, "previous_names": [TEXT]}]},
    "users.info": {"user!": {"profile": {"email": TEXT, "real_name": TEXT}, "name": TEXT, "real_name": TEXT}},
    "users.lookupByEmail": {"user!": {"id!": TEXT}},
}
_EVERY: Shape = {
    "ok": bool,
    "error": TEXT,
    "errors": list,
    "response_metadata": {"next_cursor": TEXT, "messages": list},
}


def unlike(method: str, body: Mapping[str, Any]) -> str:
    """How an answer differs from what this method answers; one that is no success has its reason only."""
    return misshapen(body, _EVERY) or (misshapen(body, METHODS.get(method)) if body.get("ok") is True else "")
