"""Opsgenie's Alert API (https://docs.opsgenie.com/docs/alert-api), which Jira Service Management took over.

An alert for an alias that is open counts up and rings nobody; after it was closed, the next is a new one. It answers
202 before it processes: whether what was to be closed is there, the answer does not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.gateway.state import Alert, standing
from sandbox.http import Answer, Asked

if TYPE_CHECKING:
    from sandbox.gateway.state import GatewayState

LONGEST: Final = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100, "note": 25_000}
PRIORITIES: Final = ("P1", "P2", "P3", "P4", "P5")
RESPONDERS: Final = {"team": "name", "user": "username", "schedule": "name", "escalation": "name"}


def take(state: GatewayState, asked: Asked) -> Answer:
    """Create an alert, or acknowledge or close the one of an alias."""
    scheme, _, key = asked.headers.get("authorization", "").partition(" ")
    if scheme != "GenieKey" or not key:
        return _failed(401, "Could not authenticate")
    if key not in state.api_keys:
        return _failed(403, "You are not authorized to access this resource")
    try:
        given: Any = asked.json() or {}
    except ValueError:
        return _failed(422, "Request body is not processable. Please check the errors.")
    if asked.method != "POST" or not isinstance(given, dict):
        return _failed(422, "Request body is not processable. Please check the errors.")
    rest = asked.path.partition("/v2/alerts")[2].strip("/").split("/")
    if rest != [""]:
        return _acted(state, key, rest, asked)
    wrong = _wrong(given)
    if wrong:
        return Answer(422, {"message": "Request body is not processable. Please check the errors.", "errors": wrong})
    alias = given.get("alias") or f"alert-{len(state.alerts)}"
    there = standing(state.alerts, key, alias)
    if there is not None:
        there.count += 1
    else:
        state.alerts.append(Alert(alias, key, "triggered", given))
        for one in given.get("responders") or [{"name": "the integration's"}]:
            state.ring("alerts", one.get("username") or one["name"], given["message"])
    return _accepted(state)


def _acted(state: GatewayState, key: str, rest: list[str], asked: Asked) -> Answer:
    if len(rest) != 2 or rest[1] not in {"close", "acknowledge"}:
        return _failed(404, "Resource not found")
    if asked.query.get("identifierType") != "alias":
        return _failed(422, "Identifier is not valid")
    there = standing(state.alerts, key, rest[0])
    if there is not None:
        there.state = "resolved" if rest[1] == "close" else "acknowledged"
    return _accepted(state)


def _wrong(given: dict[str, Any]) -> dict[str, str]:
    wrong = {name: "too long" for name, most in LONGEST.items() if len(str(given.get(name) or "")) > most}
    if not given.get("message"):
        wrong["message"] = "Message can not be empty."
    if given.get("priority", "P3") not in PRIORITIES:
        wrong["priority"] = "should be one of [ P1, P2, P3, P4, P5 ]"
    for one in given.get("responders") or ():
        if one.get("type") not in RESPONDERS or not one.get(RESPONDERS[one["type"]]):
            wrong["responders"] = "not valid"
    return wrong


def _accepted(state: GatewayState) -> Answer:
    return Answer(202, {"result": "Request will be processed", "took": 0.1, "requestId": f"r-{len(state.alerts)}"})


def _failed(status: int, said: str) -> Answer:
    return Answer(status, {"message": said, "took": 0.0, "requestId": "r-0"})
