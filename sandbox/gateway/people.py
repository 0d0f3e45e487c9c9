"""What people do who are rung, as the services tell it: each in its own shape, proved in its own way.

PagerDuty: a version 3 webhook, tried five times (https://developer.pagerduty.com/docs/webhooks-behavior). Opsgenie and
Jira Service Management: alert action data, with a header. Twilio: a form, signed over the address that it stands under;
what is answered is read to whoever is on the phone. It was written from their pages and knows nothing of how we read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import requests

from sandbox.gateway.pagerduty import incident_of
from sandbox.gateway.state import Alert, Spoken

if TYPE_CHECKING:
    from sandbox.gateway.state import GatewayState

TRIES: Final = 5
"""So often PagerDuty delivers what is answered with a 5xx; a 4xx is not tried again."""
WAITS: Final = 5.0
"""Seconds that it waits for an answer."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as the services know them; whoever has no address is a program."""

    id: str
    name: str
    email: str = ""
    kind: str = "user_reference"


@dataclass(slots=True)
class Delivery:
    """A request as a service sends it, and how each try was answered: a status, 0 for nothing."""

    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    said: str = ""


class People:
    """Lets people act. `hook` is Pointman's address; `secrets` sign PagerDuty's webhooks, the first is the Bearer.

    `sent` are all deliveries, so that one can be sent again.
    """

    def __init__(self, state: GatewayState, hook: str = "", secrets: tuple[str, ...] = ("a secret",)) -> None:
        self.state, self.hook, self.secrets = state, hook, secrets
        self.sent: list[Delivery] = []
        self._number = 0

    # ---- PagerDuty

    def acknowledge(self, by: Person, number: int = -1) -> Delivery:
        """Acknowledge an incident of PagerDuty's, in the app or by the key 4."""
        return self._incident(by, "acknowledged", self.state.events[number])

    def resolve(self, by: Person, number: int = -1) -> Delivery:
        """Resolve it there."""
        return self._incident(by, "resolved", self.state.events[number])

    def incident(self, by: Person | None, kind: str, key: str) -> Any:
        """A version 3 event about the incident of this key."""
        self._number += 1
        now = self.state.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "event": {
                "id": f"01CH{self._number:022d}",
                "event_type": f"incident.{kind}",
                "resource_type": "incident",
                "occurred_at": now,
                "agent": _reference(by.id, by.name, by.kind) if by is not None else None,
                "client": None,
                "data": {
                    **_reference(self.state.gathered or incident_of(key), "", "incident"),
                    "number": 2,
                    "status": "acknowledged" if kind == "acknowledged" else "triggered",
                    "incident_key": None if self.state.creates_alerts else key,
                    "created_at": now,
                    "title": "Checkout is down",
                    "service": _reference("PF9KMXH", "API Service", "service_reference"),
                    "assignees": [],
                    "urgency": "high",
                    "resolve_reason": None,
                },
            }
        }

    def signed(self, event: Any) -> Delivery:
        """The event as PagerDuty sends it: a signature by each secret, while secrets are changed."""
        body = json.dumps(event).encode()
        made = (hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in self.secrets)
        headers = {
            "content-type": "application/json",
            "user-agent": "PagerDuty-Webhook/V3.0",
            "x-webhook-id": event["event"]["id"],
            "x-pagerduty-signature": ",".join(f"v1={one}" for one in made),
        }
        return Delivery(headers, body, self.hook)

    def _incident(self, by: Person, kind: str, incident: Alert) -> Delivery:
        if by.kind == "user_reference":
            incident.state = "resolved" if kind == "resolved" else "acknowledged"
        return self.deliver(self.signed(self.incident(by, kind, incident.key)), TRIES)

    # ---- Opsgenie and Jira Service Management

    def act(self, by: Person, action: str = "Acknowledge", number: int = -1) -> Delivery:
        """Acknowledge an alert, or close it."""
        alert = self.state.alerts[number]
        alert.state = "resolved" if action == "Close" else "acknowledged"
        return self.deliver(self.told(self.alert(by, action, alert.key)), TRIES)

    def alert(self, by: Person, action: str, alias: str) -> Any:
        """What is sent of an action on the alert of this alias."""
        self._number += 1
        now = int(self.state.clock.now().timestamp() * 1_000)
        return {
            "source": {"name": "", "type": "web" if by.kind == "user_reference" else "API"},
            "alert": {
                "updatedAt": now * 1_000_000 + self._number,
                "tags": [],
                "message": "Checkout is down",
                "username": by.email or by.name,
                "alertId": "052652ac-5d1c-464a-812a-7dd18bbfba8c",
                "source": by.email or by.name,
                "alias": alias,
                "tinyId": "23",
                "createdAt": now - 60_000,
                "userId": by.id if by.kind == "user_reference" else "",
                "entity": "",
            },
            "action": action,
            "integrationId": "37c8f316-17c6-49d7-899b-9c7e540c048d",
            "integrationName": "Pointman",
        }

    def told(self, action: Any) -> Delivery:
        """The action as it is sent, with the header that the integration was given."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.secrets[0]}"}
        return Delivery(headers, json.dumps(action).encode(), self.hook)

    # ---- Twilio

    def press(self, key: str = "1", number: int = -1) -> str:
        """Press a key during a call; what is said then. Raises LookupError where the call does not ask for one."""
        call = self.state.spoken[number]
        if not call.action:
            raise LookupError("it asks for no key")
        call.status = "completed"
        form = {"CallSid": call.sid, "Direction": "outbound-api", "Digits": key, "To": call.to, "From": call.sender}
        return self._posted(call.action, call, form)

    def reply(self, text: str, number: int = -1, sender: str = "") -> str:
        """Answer a short message; what is sent back."""
        message = self.state.spoken[number]
        self._number += 1
        form = {"MessageSid": f"SM{self._number:032x}", "Body": text, "From": sender or message.to}
        return self._posted(self.hook, message, {**form, "To": message.sender, "NumMedia": "0"})

    def form(self, url: str, form: Mapping[str, str], token: str) -> Delivery:
        """A form as Twilio sends it to an address."""
        content = url + "".join(f"{name}{form[name]}" for name in sorted(form))
        made = base64.b64encode(hmac.new(token.encode(), content.encode(), hashlib.sha1).digest()).decode()
        headers = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8", "x-twilio-signature": made}
        return Delivery(headers, urlencode(form).encode(), url)

    def _posted(self, url: str, about: Spoken, form: Mapping[str, str]) -> str:
        account, token = next(iter(self.state.accounts.items()))
        told = self.deliver(self.form(url, {**form, "AccountSid": account, "ApiVersion": "2010-04-01"}, token))
        try:
            about.heard = " ".join("".join(part.itertext()) for part in ET.fromstring(told.said))  # noqa: S314  # our own
        except ET.ParseError:
            about.heard = "We are sorry, an application error has occurred. Goodbye."
        return about.heard

    # ---- sending

    def deliver(self, one: Delivery, tries: int = 1) -> Delivery:
        """Send it, again where nothing came of it; where Pointman is."""
        self.sent.append(one)
        for _ in range(tries):
            try:
                answer = requests.post(one.url, data=one.body, headers=dict(one.headers), timeout=WAITS)
                one.said, status = answer.text, answer.status_code
            except requests.RequestException:
                status = 0
            one.statuses.append(status)
            if status and status != 429 and status < 500:
                break
        return one


def _reference(ident: str, name: str, kind: str) -> dict[str, str]:
    site = "https://acme.pagerduty.com/users/"
    return {"html_url": site + ident, "id": ident, "self": site + ident, "summary": name, "type": kind}
