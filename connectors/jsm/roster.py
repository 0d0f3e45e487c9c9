"""Looks up in Jira Service Management who is on call in a schedule, for weeks ahead, overrides included.

The schedule's final timeline is asked for, which one call tells for weeks, rather than who is on call at a moment. It
begins with the week that the date lies in. Users are Atlassian accounts, whose id is the same in Jira; a responder that
is a team or an escalation comes with its people as `flattenedResponders`, and is nobody where it does not.
https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/api-group-schedule-timelines/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import requests

from connectors.base import Roster, Wanted
from connectors.errors import ConnectorError, Missing, Temporary
from connectors.http import failure, no_answer, read, session
from connectors.jsm import JSMSettings
from connectors.model import Shift, User
from connectors.problems import Problem, Where

CONNECT: Final = 5.0
_WEEK: Final = timedelta(weeks=1)


class JSM(Roster):
    """The operations schedules of a site, read only."""

    Settings = JSMSettings
    product = "Jira Service Management"

    settings: JSMSettings

    def __init__(self, name: str, settings: JSMSettings) -> None:
        super().__init__(name, settings)
        self._session = session(4)
        self._session.auth = (settings.user, settings.token.get_secret_value())
        self._session.headers["Accept"] = "application/json"
        self._timeout = (min(CONNECT, settings.timeout), settings.timeout)

    def shifts(self, schedule: str, start: datetime, until: datetime) -> tuple[Shift, ...]:
        """Who is on call in a schedule, by its id. Raises connectors.errors."""
        tried = f"could not look up who is on call in {self.name}:{schedule}"
        weeks = -(-(until - start) // _WEEK) + 1  # the first of them began up to six days before
        query = {"date": start.isoformat(), "interval": str(weeks), "intervalUnit": "weeks"}
        said = read(lambda: self._get(f"/schedules/{quote(schedule, safe='')}/timeline", query, tried))
        found = (shift for period in _periods(said) for shift in _shifts(period))
        return tuple(sorted((s for s in found if s.start < until and s.until > start), key=lambda s: s.start))

    def check(self, wanted: Wanted) -> Iterator[Problem]:
        """Whether every schedule exists and is enabled."""
        rule = f"connectors.{self.name}"
        for schedule in wanted.addresses:
            tried = f"could not read the schedule {self.name}:{schedule}"
            try:
                said = self._get(f"/schedules/{quote(schedule, safe='')}", {}, tried)
            except Missing:
                message = f"Jira Service Management has no schedule {schedule}, or this account does not see it"
                yield Problem(Where(), message, rule, "its id stands in its address")
            except ConnectorError as error:
                yield Problem(Where(), str(error), rule)
                return
            else:
                if said.get("enabled") is False:
                    yield Problem(Where(), f"the schedule {schedule} is disabled, so nobody is on call there", rule)

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _get(self, path: str, query: Mapping[str, str], tried: str) -> dict[str, Any]:
        url = f"{self.settings.url.rstrip('/')}/jsm/ops/api/{self.settings.cloud_id}/v1{path}"
        try:
            answer = self._session.get(url, params=query, timeout=self._timeout, allow_redirects=False)
            said = answer.json() if answer.content else {}
        except requests.JSONDecodeError:
            said = {}
        except requests.RequestException as error:
            raise no_answer(error, tried) from None
        if answer.status_code >= 300:
            raise failure(answer.status_code, tried, _reason(said), answer.headers)
        if not isinstance(said, dict) or not said:
            raise Temporary(f"{tried}: it answered with something that is no JSON object")
        return said


def _periods(said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The periods of every rotation that is still there, in the order of the rotations."""
    for rotation in (said.get("finalTimeline") or {}).get("rotations") or ():
        if not rotation.get("deleted"):
            yield from rotation.get("periods") or ()


def _shifts(period: Mapping[str, Any]) -> Iterator[Shift]:
    begins, ends = period.get("startDate"), period.get("endDate")
    responders = period.get("flattenedResponders") or [period.get("responder") or {}]
    if not begins or not ends:
        return
    for one in responders:
        if one.get("id") and one.get("type") != "noone":
            kind = str(one.get("type") or "user")
            name = "" if kind == "user" else f"the {kind} {one['id']}"
            yield Shift(User(str(one["id"]), name), datetime.fromisoformat(begins), datetime.fromisoformat(ends))


def _reason(said: object) -> str:
    if not isinstance(said, dict):
        return ""
    several = said.get("errors")
    told = (
        [error.get("title") or error.get("detail") for error in several if isinstance(error, dict)]
        if isinstance(several, list)
        else []
    )
    return "; ".join(str(one) for one in (said.get("message"), *told) if one)[:200]
