"""How often the events of a feed recur, before anything is worked out: whoever may write in a calendar must not be
able to keep a process busy for hours.

It is an estimate from above, read off the rules' own lines. What recurs by the hour, or in steps of nothing, has no
business among people's shifts; and days of steps from the year 1 on, or thousands of events every day, take minutes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from math import prod
from typing import Final

STEPS: Final = 1_000_000
"""So many steps from the first of an event to the last that is asked for, in a whole feed."""
EVENTS: Final = 20_000
"""So many of the events that recur lie in the time that is asked for."""
_FOLD: Final = re.compile(rb"\r?\n[ \t]")
_EVENT: Final = re.compile(rb"^BEGIN:VEVENT\s*$", re.IGNORECASE | re.MULTILINE)
_RULE: Final = re.compile(rb"^(?:RRULE|EXRULE)\b[^:\r\n]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_BEGIN: Final = re.compile(rb"^DTSTART\b[^:\r\n]*:(\d{4})", re.IGNORECASE | re.MULTILINE)
_DAYS: Final = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
_NAMED: Final = {"BYDAY": 7, "BYMONTHDAY": 28, "BYYEARDAY": 365, "BYWEEKNO": 52}
"""How many days lie between two that one name stands for."""
_WITHIN: Final = ("BYHOUR", "BYMINUTE", "BYSECOND")
_MANY: Final = 24
"""So often an event may come in a day."""


def endless(content: bytes, start: datetime, until: datetime) -> str:
    """Why a feed would take too long to work out, as a clause; empty where it would not."""
    steps = events = 0.0
    for event in _EVENT.split(_FOLD.sub(b"", content))[1:]:
        begun = _BEGIN.search(event)
        years = until.year + 1 - (int(begun[1]) if begun else 1)
        for said in _RULE.findall(event):
            rule = _parts(said.decode("ascii", "replace").upper())
            if why := _odd(rule):
                return why
            a_day = _a_day(rule)
            steps += max(0, years) * 365 * a_day
            events += (until - start).days * a_day
    if steps > STEPS:
        return "the events in it recur too often since they began"
    return f"it has more than {EVENTS:,} events" if events > EVENTS else ""


def _parts(said: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in said.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _odd(rule: Mapping[str, str]) -> str:
    if rule.get("FREQ") not in _DAYS or prod(len(rule.get(name, "").split(",")) for name in _WITHIN) > _MANY:
        return "an event in it comes every hour or oftener"
    interval = rule.get("INTERVAL", "1")
    return "" if interval.isdigit() and int(interval) else "an event in it recurs in steps of nothing"


def _a_day(rule: Mapping[str, str]) -> float:
    """How often it comes in a day at the most: by its period, or by the days that it names."""
    period = _DAYS[rule["FREQ"]] * min(int(rule.get("INTERVAL", "1")), 100)
    named = sum(len(rule[name].split(",")) / days for name, days in _NAMED.items() if name in rule)
    return min(1, max(1 / period, named)) * prod(len(rule.get(name, "").split(",")) for name in _WITHIN)
