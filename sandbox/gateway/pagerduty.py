"""PagerDuty's Events API v2: https://github.com/PagerDuty/api-schema/blob/main/reference/events-v2/openapiv3.json.

An event for a `dedup_key` that is open joins it and rings nobody; one that acknowledges or resolves what is not there
is taken and dropped. A key that is nobody's is answered 400, `Invalid routing key` (robusta-dev/robusta#571).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.gateway.state import Alert, standing
from sandbox.http import Answer, Asked

if TYPE_CHECKING:
    from sandbox.gateway.state import GatewayState

ACTIONS: Final = ("trigger", "acknowledge", "resolve")
SEVERITIES: Final = ("critical", "error", "warning", "info")
KEY_LENGTH: Final = 32
LONGEST_SUMMARY: Final = 1_024
LONGEST_DEDUP: Final = 255


def take(state: GatewayState, asked: Asked) -> Answer:
    """Take an event."""
    try:
        event: Any = asked.json()
    except ValueError:
        return _invalid("JSON parse error")
    if asked.method != "POST":
        return Answer(405, {"message": "Method not allowed"})
    errors = _wrong(event)
    if errors:
        return _invalid(*errors)
    key, action, routing = event.get("dedup_key") or "made-up", event["event_action"], event["routing_key"]
    if routing not in state.keys:
        return _invalid("Invalid routing key")
    open_one = standing(state.events, routing, key)
    if action == "trigger" and open_one is not None:
        open_one.count += 1
    elif action == "trigger":
        state.events.append(Alert(key, routing, "triggered", event))
        state.ring("pagerduty", routing, event["payload"]["summary"])
    elif open_one is not None:
        open_one.state = "resolved" if action == "resolve" else "acknowledged"
    return Answer(202, {"status": "success", "message": "Event processed", "dedup_key": key})


def user(state: GatewayState, asked: Asked) -> Answer:
    """Tell of a user of the account, to whoever has a key of the REST API."""
    ident = asked.path.rpartition("/")[2]
    if asked.headers.get("authorization", "").removeprefix("Token token=") not in state.rest_keys:
        return Answer(401, {"error": {"message": "Authentication failed", "code": 2006}})
    if ident == "users":
        return Answer(200, {"users": [{"id": one} for one in state.users], "limit": 1, "offset": 0, "more": False})
    if ident not in state.users:
        return Answer(404, {"error": {"message": "Not Found", "code": 2100}})
    return Answer(200, {"user": {"id": ident, "type": "user", "name": "Somebody", "email": state.users[ident]}})


def alerts(state: GatewayState, asked: Asked) -> Answer:
    """Tell of the alerts of an incident, each by the key of its event."""
    if asked.headers.get("authorization", "").removeprefix("Token token=") not in state.rest_keys:
        return Answer(401, {"error": {"message": "Authentication failed", "code": 2006}})
    ident = asked.path.removeprefix("/rest/incidents/").removesuffix("/alerts")
    found = [one for one in state.events if ident == state.gathered or incident_of(one.key) == ident]
    if not found:
        return Answer(404, {"error": {"message": "Not Found", "code": 2100}})
    told = [{"id": f"A{one.key}", "type": "alert", "alert_key": one.key, "status": one.state} for one in found]
    return Answer(200, {"alerts": told, "limit": 100, "offset": 0, "more": False})


def incident_of(key: str) -> str:
    """The id of the incident of an event."""
    return f"Q{key.upper()}"


def _wrong(event: Any) -> list[str]:
    if not isinstance(event, dict):
        return ["Event object format is unrecognized"]
    wrong = []
    if len(str(event.get("routing_key", ""))) != KEY_LENGTH:
        wrong.append(f"Length of 'routing_key' is incorrect (should be {KEY_LENGTH} characters)")
    action, payload = event.get("event_action"), event.get("payload")
    if action not in ACTIONS:
        wrong.append("'event_action' is missing or invalid")
    if action != "trigger" and not event.get("dedup_key"):
        wrong.append("'dedup_key' is missing or blank")
    if len(event.get("dedup_key") or "") > LONGEST_DEDUP:
        wrong.append("'dedup_key' is too long")
    if action == "trigger":
        given = payload if isinstance(payload, dict) else {}
        wrong += [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not given.get(name)]
        if given.get("severity") not in SEVERITIES:
            wrong.append("'payload.severity' is invalid (must be one of: 'critical', 'warning', 'error' or 'info')")
        if len(given.get("summary") or "") > LONGEST_SUMMARY:
            wrong.append("'payload.summary' is too long")
        wrong += ["'links.href' is missing or blank" for link in event.get("links") or () if not link.get("href")]
    return wrong


def _invalid(*errors: str) -> Answer:
    return Answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)})
