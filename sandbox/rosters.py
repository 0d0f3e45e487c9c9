"""Who is on call, as PagerDuty and Jira Service Management tell it, and as a calendar feed: three faces of one state.

PagerDuty tells an on-call once for each escalation policy that its schedule stands in, a page at a time, and works out
90 days ahead. Jira Service Management tells a timeline that begins with the week of the date asked for, cut off at its
edges, with slots that are no one's and rotations that were deleted.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sandbox.clock import Clock
from sandbox.http import Answer, Asked

MOST = timedelta(days=92)
AHEAD = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody is on call. Without a beginning they have always been, without an end they always will be."""

    id: str
    name: str
    email: str
    start: datetime | None = None
    until: datetime | None = None
    kind: str = "user"


@dataclass(slots=True)
class Rota:
    """A schedule, in so many escalation policies."""

    duties: list[Duty] = field(default_factory=list)
    policies: int = 1
    enabled: bool = True


class RosterState:
    """The schedules by id, and the calendar that `/feed.ics` answers with."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.token, self.user, self.cloud = "roster-token", "bot@example.org", "11111111-2222"
        self.rotas: dict[str, Rota] = {}
        self.feed = ""

    def put(self, schedule: str, *duties: Duty, policies: int = 1) -> None:
        """Have these people on call in a schedule."""
        self.rotas[schedule] = Rota(list(duties), policies)

    def handle(self, asked: Asked) -> Answer:
        """Answer as whichever of the three is spoken to."""
        if asked.path == "/feed.ics":
            return Answer(200, self.feed, {"content-type": "text/calendar; charset=utf-8"})
        if asked.path.startswith("/jsm/ops/api/"):
            return self._jsm(asked)
        return self._pagerduty(asked)

    # -- PagerDuty

    def _pagerduty(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Token token={self.token}":
            return _refused(401, 2006, "You are not authorized")
        if "version=2" not in asked.headers.get("accept", ""):
            return _refused(400, 2001, "Accept names no version")
        if asked.path.startswith("/schedules/"):
            name = asked.path.removeprefix("/schedules/")
            rota = self.rotas.get(name)
            if rota is None:
                return _refused(404, 2100, "Not Found")
            policies = [{"id": f"EP{n}", "type": "escalation_policy_reference"} for n in range(rota.policies)]
            return Answer(200, {"schedule": {"id": name, "type": "schedule", "escalation_policies": policies}})
        if asked.path != "/oncalls" or asked.method != "GET":
            return _refused(404, 2100, "Not Found")
        return self._oncalls(asked)

    def _oncalls(self, asked: Asked) -> Answer:
        now = self.clock.now()
        since = datetime.fromisoformat(asked.query.get("since", now.isoformat()))
        until = datetime.fromisoformat(asked.query.get("until", since.isoformat()))
        if until < since or until - since > MOST:
            return _refused(400, 2001, "Invalid Input Provided", "The search range cannot exceed 3 months")
        limit, offset = int(asked.query.get("limit", "25")), int(asked.query.get("offset", "0"))
        name = asked.query.get("schedule_ids[]", "")
        whole = "users" in asked.query.get("include[]", "")
        found = list(self._entries(name, since, min(until, now + AHEAD), whole=whole))
        page = {"oncalls": found[offset : offset + limit], "limit": limit, "offset": offset, "total": None}
        return Answer(200, {**page, "more": offset + limit < len(found)})

    def _entries(self, name: str, since: datetime, until: datetime, *, whole: bool) -> Iterator[dict[str, object]]:
        rota = self.rotas.get(name, Rota())
        for policy in range(rota.policies):
            for duty in rota.duties:
                if (duty.start is None or duty.start < until) and (duty.until is None or duty.until > since):
                    user = {"id": duty.id, "type": "user_reference", "summary": duty.name}
                    yield {
                        "user": {**user, "type": "user", "name": duty.name, "email": duty.email} if whole else user,
                        "schedule": {"id": name, "type": "schedule_reference", "summary": name},
                        "escalation_policy": {"id": f"EP{policy}", "type": "escalation_policy_reference"},
                        "escalation_level": 1 + policy,
                        "start": duty.start.isoformat() if duty.start else None,
                        "end": duty.until.isoformat() if duty.until else None,
                    }

    # -- Jira Service Management

    def _jsm(self, asked: Asked) -> Answer:
        wanted = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {wanted}":
            return Answer(401, {"errors": [{"title": "Unauthorized"}]})
        front, _, path = asked.path.partition("/v1/schedules/")
        name, _, what = path.partition("/")
        rota = self.rotas.get(name)
        if rota is None or front != f"/jsm/ops/api/{self.cloud}":
            return Answer(404, {"errors": [{"title": "Schedule not found", "code": "NOT_FOUND"}]})
        if not what:
            return Answer(200, {"id": name, "name": name, "timezone": "UTC", "enabled": rota.enabled})
        if what != "timeline" or asked.query.get("intervalUnit") != "weeks":
            return Answer(400, {"errors": [{"title": "not known here"}]})
        return Answer(200, self._timeline(rota, asked))

    def _timeline(self, rota: Rota, asked: Asked) -> dict[str, object]:
        date = datetime.fromisoformat(asked.query["date"]).astimezone(UTC)
        begin = date.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=date.weekday())
        end = begin + timedelta(weeks=int(asked.query.get("interval", "1")))
        periods = [_period(duty, begin, end) for duty in rota.duties]
        ghost = {"id": "old", "name": "old", "deleted": True, "periods": periods}
        rotation = {"id": "r1", "name": "weekly", "order": 1, "periods": [p for p in periods if p is not None]}
        edges = {"startDate": _told(begin), "endDate": _told(end)}
        return {**edges, "finalTimeline": {"rotations": [ghost, rotation]}}


def _period(duty: Duty, begin: datetime, end: datetime) -> dict[str, object] | None:
    start, until = max(duty.start or begin, begin), min(duty.until or end, end)
    if start >= until:
        return None
    period: dict[str, object] = {"startDate": _told(start), "endDate": _told(until), "type": "historical"}
    responder = {"id": duty.id, "type": duty.kind} if duty.kind != "noone" else {"type": "noone"}
    return {**period, "responder": responder}


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _refused(status: int, code: int, message: str, *errors: str) -> Answer:
    return Answer(status, {"error": {"message": message, "code": code, "errors": list(errors)}})
