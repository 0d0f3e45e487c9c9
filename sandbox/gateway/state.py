"""Everything that can ring here, as plain data: who may call, what was called, and how often a phone rang."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sandbox.clock import Clock
from sandbox.http import Answer, Asked

Receiver: TypeAlias = Literal["pagerduty", "alerts", "twilio", "hook"]


@dataclass(frozen=True, slots=True)
class Ring:
    """A phone that rang, or a short message that came: when, by which receiver, whose, and what it said."""

    at: datetime
    by: Receiver
    to: str
    text: str


@dataclass(slots=True)
class Alert:
    """What PagerDuty or Opsgenie know under one key; `count` is how often it was told of while it was open."""

    key: str
    of: str
    state: Literal["triggered", "acknowledged", "resolved"]
    body: Mapping[str, Any]
    count: int = 1


@dataclass(slots=True)
class Spoken:
    """A call or a short message of Twilio's; `status` is `queued`, `in-progress`, `completed`, `canceled` or `sent`.

    `action` is where a key goes that is pressed, `heard` what was answered to that, or to an answer.
    """

    sid: str
    to: str
    sender: str
    text: str
    status: str
    action: str = ""
    heard: str = ""


@dataclass
class GatewayState:
    """The receivers. `keys` are PagerDuty's routing keys, `api_keys` Opsgenie's and JSM's; `accounts` Twilio's tokens
    by SID, whose `numbers` may call; `secrets` are what the gateway of one's own verifies with, and `remembers` says
    whether it drops what comes twice. `users` are PagerDuty's with their addresses, told for one of `rest_keys`.
    `creates_alerts`: its service does so, as all new ones do; then an incident does not tell the key of its event.
    `gathered` is the incident that alert grouping put them all in.
    """

    clock: Clock = field(default_factory=Clock)
    keys: set[str] = field(default_factory=set)
    api_keys: set[str] = field(default_factory=set)
    accounts: dict[str, str] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    secrets: tuple[str, ...] = ()
    remembers: bool = True
    creates_alerts: bool = True
    gathered: str = ""
    rest_keys: set[str] = field(default_factory=set)
    users: dict[str, str] = field(default_factory=dict)
    rings: list[Ring] = field(default_factory=list)
    events: list[Alert] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    spoken: list[Spoken] = field(default_factory=list)
    heard: dict[str, Any] = field(default_factory=dict)

    def ring(self, by: Receiver, to: str, text: str) -> None:
        """A phone rings."""
        self.rings.append(Ring(self.clock.now(), by, to, text))

    def answered(self, number: int = -1, *, hung_up: bool = False) -> None:
        """Somebody picks up the phone that Twilio rings."""
        self.spoken[number].status = "completed" if hung_up else "in-progress"

    def handle(self, asked: Asked) -> Answer:
        """Answer one request, by the path of its product."""
        from sandbox.gateway import alerts, pagerduty, signed, twilio

        takers: Mapping[str, Callable[[GatewayState, Asked], Answer]] = {
            "/v2/enqueue": pagerduty.take,
            "/v2/alerts": alerts.take,
            "/jsm/ops/integration/v2/alerts": alerts.take,
            "/2010-04-01/Accounts": twilio.take,
            "/hook": signed.take,
            "/rest/users": pagerduty.user,
            "/rest/incidents": pagerduty.alerts,
        }
        for path, take in takers.items():
            if asked.path == path or asked.path.startswith(f"{path}/"):
                return take(self, asked)
        return Answer(404, {"message": "Not found"})


def standing(alerts: list[Alert], of: str, key: str) -> Alert | None:
    """What is open under a key."""
    return next((one for one in alerts if (one.of, one.key) == (of, key) and one.state != "resolved"), None)
