"""`pointman oncall`: who is on call, until when, and who comes next; what it prints and what a shell completes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rules.schedule import Turn, turn

if TYPE_CHECKING:
    from rules.model import RuleSet


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call for a team at a moment, and whose turn is next."""

    team: str
    schedule: str
    now: Turn
    next: Turn | None


def duties(rules: RuleSet, teams: Iterable[str], at: datetime) -> Iterator[Duty]:
    """Whose turn it is for each of these teams that has a schedule."""
    for team in teams:
        schedule = rules.teams[team].schedule
        if schedule is not None:
            now = turn(schedule, rules, at)
            yield Duty(team, schedule, now, turn(schedule, rules, now.until) if now.until is not None else None)


def rows(found: Iterable[Duty], rules: RuleSet, at: datetime) -> Iterator[tuple[str, ...]]:
    """A row for people: team, who, until when (in the default zone, and where the person lives), who then."""
    for duty in found:
        yield duty.team, _who(duty.now.person, rules), _until(duty, rules, at), _next(duty, rules)


def data(found: Iterable[Duty], rules: RuleSet, at: datetime) -> list[dict[str, Any]]:
    """The same as JSON-ready data; moments in ISO 8601, those of a person also by their own clock."""
    return [
        {
            "team": duty.team,
            "schedule": duty.schedule,
            "at": at.astimezone(UTC).isoformat(),
            "person": duty.now.person,
            "name": _named(duty.now.person, rules),
            "until": _iso(duty.now.until, UTC),
            "until_local": _iso(duty.now.until, _zone(duty.now.person, rules)),
            "next": None
            if duty.next is None
            else {
                "person": duty.next.person,
                "name": _named(duty.next.person, rules),
                "until": _iso(duty.next.until, UTC),
            },
        }
        for duty in found
    ]


def names(config: Path) -> list[str]:
    """The teams of a configuration as its files say, for completion; none where they cannot be read."""
    try:
        said = tomllib.loads(config.read_text(encoding="utf-8")).get("rules", "rules.d")
        found: list[str] = []
        for each in [said] if isinstance(said, str) else said:
            path = config.parent / str(each)
            for file in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
                found += tomllib.loads(file.read_text(encoding="utf-8")).get("teams", {})
    except (OSError, ValueError, TypeError, RecursionError):
        return []
    return found


def _who(person: str | None, rules: RuleSet) -> str:
    return "nobody" if person is None else str(rules.people[person])


def _named(person: str | None, rules: RuleSet) -> str | None:
    return None if person is None else str(rules.people[person])


def _zone(person: str | None, rules: RuleSet) -> tzinfo:
    own = rules.people[person].timezone if person is not None else None
    return own or rules.defaults.timezone


def _until(duty: Duty, rules: RuleSet, at: datetime) -> str:
    if duty.now.until is None:
        return "no change in 60 days"
    zone, own = rules.defaults.timezone, _zone(duty.now.person, rules)
    said = _clock(duty.now.until, zone, at)
    here, local = duty.now.until.astimezone(zone), duty.now.until.astimezone(own)
    there = f"{local:%H:%M}" if here.date() == local.date() else f"{local:%a %d %b %H:%M}"
    return said if here.replace(tzinfo=None) == local.replace(tzinfo=None) else f"{said} ({there} {own})"


def _next(duty: Duty, rules: RuleSet) -> str:
    return "" if duty.next is None else _who(duty.next.person, rules)


def _clock(moment: datetime, zone: tzinfo, at: datetime) -> str:
    local, today = moment.astimezone(zone), at.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%a %d %b %H:%M}"


def _iso(moment: datetime | None, zone: tzinfo) -> str | None:
    return None if moment is None else moment.astimezone(zone).isoformat()
