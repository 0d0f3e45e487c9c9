"""Looks up in PagerDuty who is on call in a schedule, for weeks ahead, overrides included.

`GET /oncalls` tells it for schedules that stand in an escalation policy, once for each policy and level; a schedule in
none is nobody there, which `check` says. A range may be of three months, and PagerDuty works out 90 days ahead.
https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import requests

from connectors.base import Roster, Wanted
from connectors.errors import ConnectorError, Missing, Temporary
from connectors.http import failure, no_answer, read, session
from connectors.model import Shift, User
from connectors.pagerduty import PagerDutySettings
from connectors.problems import Problem, Where

PAGE: Final = 100
"""The most that PagerDuty gives at once."""
MOST: Final = 50
"""So many pages are read; that is years of shifts."""
CONNECT: Final = 5.0


class PagerDuty(Roster):
    """PagerDuty's schedules, read only."""

    Settings = PagerDutySettings
    product = "PagerDuty"

    settings: PagerDutySettings

    def __init__(self, name: str, settings: PagerDutySettings) -> None:
        super().__init__(name, settings)
        self._session = session(4)
        self._session.headers.update(
            {
                "Authorization": f"Token token={settings.token.get_secret_value()}",
                "Accept": "application/vnd.pagerduty+json;version=2",
            }
        )
        self._timeout = (min(CONNECT, settings.timeout), settings.timeout)

    def shifts(self, schedule: str, start: datetime, until: datetime) -> tuple[Shift, ...]:
        """Who is on call in a schedule, by its id (`PI7DH85`). Raises connectors.errors."""
        tried = f"could not look up who is on call in {self.name}:{schedule}"
        query = {
            "schedule_ids[]": schedule,
            "since": start.isoformat(),
            "until": until.isoformat(),
            "include[]": "users",
            "limit": str(PAGE),
        }
        found: dict[tuple[str, datetime, datetime], tuple[int, Shift]] = {}
        for page in self._pages("/oncalls", query, tried):
            for said in page.get("oncalls") or ():
                level, shift = _shift(said, start, until)
                if shift.start < shift.until and (said.get("schedule") or {}).get("id") == schedule:
                    key = shift.user.id, shift.start, shift.until
                    known = found.get(key)
                    found[key] = (min(level, known[0]) if known else level, shift)
        return tuple(shift for _, shift in sorted(found.values(), key=lambda one: (one[1].start, one[0])))

    def check(self, wanted: Wanted) -> Iterator[Problem]:
        """Whether every schedule exists and stands in an escalation policy."""
        rule = f"connectors.{self.name}"
        for schedule in wanted.addresses:
            tried = f"could not read the schedule {self.name}:{schedule}"
            try:
                said = self._get(f"/schedules/{schedule}", {}, tried).get("schedule") or {}
            except Missing:
                yield Problem(Where(), f"PagerDuty has no schedule {schedule}", rule, "its id stands in its address")
            except ConnectorError as error:
                yield Problem(Where(), str(error), rule)
                return
            else:
                if not said.get("escalation_policies"):
                    message = f"the schedule {schedule} stands in no escalation policy, so nobody is on call there"
                    yield Problem(Where(), message, rule, "put it into one in PagerDuty")

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _pages(self, path: str, query: Mapping[str, str], tried: str) -> Iterator[dict[str, Any]]:
        for nth in range(MOST):
            page = read(partial(self._get, path, {**query, "offset": str(nth * PAGE)}, tried))
            yield page
            if not page.get("more"):
                return

    def _get(self, path: str, query: Mapping[str, str], tried: str) -> dict[str, Any]:
        try:
            answer = self._session.get(
                f"{self.settings.url.rstrip('/')}{path}", params=query, timeout=self._timeout, allow_redirects=False
            )
            said = answer.json() if answer.content else {}
        except requests.JSONDecodeError:
            said = {}
        except requests.RequestException as error:
            raise no_answer(error, tried) from None
        if answer.status_code >= 300:
            raise failure(answer.status_code, tried, _reason(said), _waits(answer.headers))
        if not isinstance(said, dict) or not said:
            raise Temporary(f"{tried}: it answered with something that is no JSON object")
        return said


def _shift(said: Mapping[str, Any], start: datetime, until: datetime) -> tuple[int, Shift]:
    """The level and the shift; one that has always been, or never ends, reaches as far as was asked."""
    user = said.get("user") or {}
    who = User(
        str(user.get("id") or ""), str(user.get("name") or user.get("summary") or ""), str(user.get("email") or "")
    )
    begins, ends = said.get("start"), said.get("end")
    return int(said.get("escalation_level") or 1), Shift(
        who,
        datetime.fromisoformat(begins) if begins else start,
        datetime.fromisoformat(ends) if ends else until,
    )


def _reason(said: object) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return str(error or "")[:200]
    return "; ".join([str(error.get("message") or ""), *map(str, error.get("errors") or ())])[:200]


def _waits(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Its own header says when the limit is lifted, in seconds: https://developer.pagerduty.com/docs/rest-api-rate-limits"""
    reset = headers.get("ratelimit-reset")
    return headers if reset is None else {**headers, "retry-after": headers.get("retry-after", reset)}
