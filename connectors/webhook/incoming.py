"""What comes back from where a phone rang: who acknowledged there. Proved, then read as a command; makes no call.

Of a delivery is believed who did what, when, and the id of the call, which is ours: the ticket is found by it. Whoever
acknowledges a call, or ends it there, acknowledges the ticket. That a call is over by itself (ended by us, timed out,
taken back by a clock) is nobody's doing, so only what a person did counts.

PagerDuty: https://developer.pagerduty.com/docs/webhooks-overview; Opsgenie and Jira Service Management, which do not
sign: https://support.atlassian.com/jira-service-management-cloud/docs/alert-action-data-for-jira-edge-connector
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from connectors.base import BadRequest, Receipt, Request
from connectors.model import Command, User
from connectors.signatures import hexdigest, same
from connectors.webhook import pressed
from connectors.webhook.settings import WebhookSettings
from connectors.webhook.signing import key_of

Json: TypeAlias = Mapping[str, Any]

LONGEST: Final = 256 * 1024
"""Bytes; PagerDuty sends no more."""
WINDOW: Final = timedelta(hours=1)
"""How old an acknowledgement may be: what is not taken is delivered again, by PagerDuty for twenty minutes."""
AHEAD: Final = timedelta(hours=1)
"""How far a service's clock may be ahead of ours, which is the tracker's: where that is slow, nothing must be lost."""
SIGNED_WITHIN: Final = timedelta(minutes=5)
"""How old a signature of Standard Webhooks may be."""
SIGNATURES: Final = 10
"""So many signatures of one delivery are looked at; while a secret is changed there are two."""
LONGEST_ID: Final = 200
OURS: Final = re.compile(r"[0-9a-f]{10}")
"""What a call of ours is known by."""
INCIDENT: Final = "incident:"
"""What PagerDuty's incidents are known by that do not tell their calls; ours may be among their alerts."""
_INCIDENT: Final = re.compile(r"[A-Z0-9]{3,30}")


class Nothing(Exception):  # an answer for the sender, no fault of theirs
    """Why a delivery that is believed asks for nothing, as the sender is told."""


def receive(name: str, settings: WebhookSettings, request: Request, now: datetime, answers: pressed.Answers) -> Receipt:
    """What a delivery means; `answers` are kept for those that wait for one. Raises BadRequest."""
    if len(request.body) > LONGEST:
        raise BadRequest(413, f"a webhook for {name} may have 256 KiB")
    if settings.recipe in {"twilio", "twilio_sms"}:
        return pressed.receive(name, settings, request, now, answers)
    believed, read = _READERS[settings.recipe]
    believed(name, settings, request, now)
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadRequest(400, f"the webhook for {name} is no JSON") from None
    try:
        command = read(told, name, settings)
        _recent(command, now)
    except Nothing as nothing:
        return Receipt(body=json.dumps({"ignored": str(nothing)}))
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, OSError):
        raise BadRequest(400, f"the webhook for {name} is not as {settings.made.product} sends it") from None
    return Receipt((command,), again=True)


def _recent(command: Command, now: datetime) -> None:
    at = command.at or now
    if not OURS.fullmatch(command.reply) and not command.reply.startswith(INCIDENT):
        raise Nothing("it is about no call of Pointman's")
    if now - at > WINDOW or at - now > AHEAD:
        raise Nothing(f"it happened at {at.isoformat()}, which is too long ago, or ahead of its time")


# ---- whose it is


def _by_pagerduty(name: str, settings: WebhookSettings, request: Request, now: datetime) -> None:
    secret = _secret(name, settings)
    right = f"v1={hexdigest(secret, request.body)}"
    given = request.headers.get("x-pagerduty-signature", "").split(",")[:SIGNATURES]
    if not any(same(one.strip(), right) for one in given):
        raise BadRequest(401, f"the signature of the webhook for {name} is wrong")


def _by_bearer(name: str, settings: WebhookSettings, request: Request, now: datetime) -> None:
    secret = _secret(name, settings)
    if not same(request.headers.get("authorization", "").strip(), f"Bearer {secret}"):
        raise BadRequest(401, f"the webhook for {name} lacks the header Authorization: Bearer, or it is wrong")


def _by_standard(name: str, settings: WebhookSettings, request: Request, now: datetime) -> None:
    """Signed by the secrets that sign what goes out: https://www.standardwebhooks.com."""
    id_, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    content = f"{id_}.{stamp}.".encode("utf-8", "replace") + request.body
    given = request.headers.get("webhook-signature", "").split()[:SIGNATURES]
    secrets = [one.get_secret_value() for one in (settings.secret, settings.old_secret) if one is not None]
    right = [f"v1,{pressed.base64_of(hmac.digest(key_of(secret), content, 'sha256'))}" for secret in secrets]
    if not id_ or not any(same(one, each) for one in given for each in right):
        raise BadRequest(401, f"the signature of the webhook for {name} is wrong")
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now.timestamp() - int(stamp)) > SIGNED_WITHIN.total_seconds():
        raise BadRequest(401, f"the webhook for {name} is older than five minutes, or ahead of its time")


def _secret(name: str, settings: WebhookSettings) -> str:
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret is not None else ""
    if not secret:
        raise BadRequest(401, f"{name} has no webhook_secret, so no webhook is believed")
    return secret


# ---- what it means


def _pagerduty(told: Json, name: str, settings: WebhookSettings) -> Command:
    event = told["event"]
    kind, agent = str(event["event_type"]), event.get("agent") or {}
    if kind not in {"incident.acknowledged", "incident.resolved"}:
        raise Nothing(f"{_short(kind)} acknowledges nothing")
    if agent.get("type") != "user_reference":  # we ended it ourselves, or it ended by time
        raise Nothing("no person did it")
    by = User(str(agent["id"]), str(agent.get("summary") or ""))
    at, data = _at(str(event["occurred_at"])), event["data"]
    call = str(data.get("incident_key") or "")
    if settings.api_token is not None and _INCIDENT.fullmatch(str(data["id"])):
        call = f"{INCIDENT}{data['id']} {call}".strip()
    elif not call:
        raise Nothing("its service creates alerts, so it does not say which call it was; an api_token could find out")
    return _acknowledged(by, name, settings, call, at, str(event["id"]))


def _alert(told: Json, name: str, settings: WebhookSettings) -> Command:
    """Opsgenie's and Jira Service Management's. An API's client has no address, or the name that we give ourselves."""
    action, alert = str(told["action"]), told["alert"]
    if action not in {"Acknowledge", "Close"}:
        raise Nothing(f"{_short(action)} acknowledges nothing")
    who, ident = str(alert.get("username") or ""), str(alert.get("userId") or "")
    if "@" not in who and (not ident or who == settings.source or _kind(told) == "api"):
        raise Nothing("no person did it")
    by = User(ident or who, who, who if "@" in who else "")
    at = _moment(int(alert["updatedAt"]))
    id_ = f"{alert['alertId']}.{action}.{alert['updatedAt']}"
    return _acknowledged(by, name, settings, str(alert.get("alias") or ""), at, id_)


def _own(told: Json, name: str, settings: WebhookSettings) -> Command:
    """A gateway of one's own: `{"type": "pointman.acknowledged", "timestamp": …, "data": {"id": …, "by": …}}`."""
    if told["type"] != "pointman.acknowledged":
        raise Nothing(f"{_short(str(told['type']))} acknowledges nothing")
    data, at = told["data"], _at(str(told["timestamp"]))
    who = str(data["by"]).strip()
    if not who:
        raise ValueError(who)
    by = User(who, str(data.get("name") or who), who if "@" in who else "")
    return _acknowledged(by, name, settings, str(data["id"]), at, f"{data['id']}.{who}.{told['timestamp']}")


def _acknowledged(by: User, name: str, settings: WebhookSettings, call: str, at: datetime, id_: str) -> Command:
    if not 0 < len(id_) <= LONGEST_ID:
        raise ValueError(id_)
    where = {"in": settings.made.product if settings.recipe != "json" else name}
    return Command("", "acknowledge", by, name, where, call, at, id_)


def _kind(told: Json) -> str:
    source = told.get("source")
    return str(source.get("type") or "").lower() if isinstance(source, dict) else ""


def _at(said: str) -> datetime:
    at = datetime.fromisoformat(said)
    if at.tzinfo is None:
        raise ValueError(said)
    return at.astimezone(UTC)


def _moment(count: int) -> datetime:
    """A moment in milliseconds, as Opsgenie tells when an alert was made, or in nanoseconds, as when it was changed."""
    while count > 10**14:
        count //= 1000
    return datetime.fromtimestamp(count / 1000, UTC)


def _short(said: str) -> str:
    return said[:80]


_Believed: TypeAlias = Callable[[str, WebhookSettings, Request, datetime], None]
_Reader: TypeAlias = Callable[[Json, str, WebhookSettings], Command]
_READERS: Final[Mapping[str, tuple[_Believed, _Reader]]] = {
    "json": (_by_standard, _own),
    "pagerduty": (_by_pagerduty, _pagerduty),
    "opsgenie": (_by_bearer, _alert),
    "jsm": (_by_bearer, _alert),
}
