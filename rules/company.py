"""What the company is: reads its tables (teams, people, services and so on), checks them, makes values of them."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from datetime import datetime, time, tzinfo
from typing import Any, TypeVar

from rules.calendar import known_holidays, meant
from rules.language import TABLES
from rules.model import Audience, Calendar, Override, Party, Person, Role, Schedule, Service, Team
from rules.naming import Tables
from rules.reading import Reading
from rules.references import SPOKEN, TICKET_WORDS
from rules.toml import Node
from rules.values import key_of
from rules.vocabulary import RESERVED

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Values = Mapping[str, Any]
Read = Mapping[str, Mapping[str, Any]]
Made = TypeVar("Made")


def read(tables: Tables, at: Reading) -> Read:
    """Every table by entry as plain values. What is wrong is told; then the values are not to be used."""
    found: dict[str, dict[str, Any]] = {}
    for table, kind in TABLES.items():
        entries = found[table] = {}
        for name, node in tables.get(table, {}).items():
            at.label = f"{table} {name}"
            kind.name.read(key_of(name, node), at)
            entries[name] = kind.value.read(node, at)
            if table in _CHECKS and isinstance(node.value, dict):
                _CHECKS[table](name, entries[name], node, at)
    _circles("services", "depends_on", found["services"], tables, at)
    _circles("schedules", "layers", found["schedules"], tables, at)
    _twins(found["people"], tables, at)
    return found


def make(read: Read, zone: tzinfo, at: Reading) -> dict[str, Any]:
    """What `RuleSet` has of the company, by attribute; `zone` is that of everything that names none."""

    def each(table: str, making: Callable[[str, Any], Made]) -> dict[str, Made]:
        return {name: making(name, values) for name, values in read[table].items()}

    people = each("people", _person)
    return {
        "scales": at.names.scales,
        "fields": at.names.fields,
        "places": each("places", lambda _, values: values["addresses"]),
        "services": each("services", lambda name, values: Service(name, **values)),
        "teams": each("teams", lambda name, values: Team(name, **values)),
        "people": people,
        "schedules": each("schedules", lambda name, values: _schedule(name, values, zone)),
        "calendars": each("calendars", lambda name, values: _calendar(name, values, zone)),
        "audiences": each("audiences", lambda name, values: Audience(name, **values)),
        "lists": read["lists"],
        "permissions": read["permissions"],
        "roles": each("roles", lambda name, values: Role(name, **values)),
        "vendors": each("vendors", lambda name, values: Party(name, **values)),
        "departments": each("departments", lambda name, values: Party(name, **values)),
        "zones": _zones(read),
    }


def _person(key: str, values: Values) -> Person:
    known = {word: value for word, value in values.items() if word != "addresses"}
    return Person(key, **known, ids=values["addresses"])


def _schedule(name: str, values: Values, default: tzinfo) -> Schedule:
    zone = values.get("timezone", default)
    day, _, clock = values.get("handover", "00:00").rpartition(" ")
    overrides = tuple(
        Override(item["person"], meant(item["from"], zone), meant(item["until"], zone))
        for item in values.get("overrides", ())
    )
    weekday = DAYS.index(day.lower()) if day else None
    given = {key: values[key] for key in ("rotation", "first", "during", "layers") if key in values}
    at = time.fromisoformat(clock)
    return Schedule(name, zone, at=at, weekday=weekday, overrides=overrides, source=values.get("from"), **given)


def _calendar(name: str, values: Values, default: tzinfo) -> Calendar:
    hours = {day: spans for days, spans in values.get("hours", {}).items() for day in _days(days)}
    return Calendar(
        name,
        values.get("timezone", default),
        hours,
        values.get("dates", ()),
        values.get("holidays", ""),
        values.get("closed", ()),
    )


def _days(said: str) -> range:
    """The weekdays of `mon` or `mon-thu`."""
    first, _, last = said.partition("-")
    return range(DAYS.index(first), DAYS.index(last or first) + 1)


def _zones(read: Read) -> dict[str, tzinfo]:
    kinds = {"places": "place", "audiences": "audience", "people": "person"}
    return {
        f"{kind}:{name}": values["timezone"]
        for table, kind in kinds.items()
        for name, values in read[table].items()
        if "timezone" in values
    }


# ---- between the keys of one entry


def _field(name: str, values: Values, node: Node, at: Reading) -> None:
    if _taken(name):
        at.wrong(node.key, f"{name} is one of Pointman's own words", "choose another name")
    given = [word for word in ("options", "scale") if word in values]
    if values.get("type") == "choice" and len(given) != 1:
        at.wrong(node.where, "a choice needs either options or a scale")
    if values.get("type") not in {"choice", None} and given:
        at.wrong(node.value[given[0]].key, f"{given[0]} are of a choice, and this is a {values['type']}")


def _role(name: str, _values: Values, node: Node, at: Reading) -> None:
    if name in at.names.fields:
        at.wrong(node.key, f"{name} is a field already", "a role is a word of conditions, too: choose another name")
    elif _taken(name):
        at.wrong(node.key, f"{name} is one of Pointman's own words", "choose another name")


def _taken(name: str) -> bool:
    return name in TICKET_WORDS or name in SPOKEN or name in RESERVED or keyword.iskeyword(name)


def _place(_name: str, values: Values, node: Node, at: Reading) -> None:
    configured, told = at.names.configured, tuple(values["addresses"])
    if not node.value.keys() - {"timezone"}:
        at.wrong(node.where, "this place has no address", 'give one for a connector, such as slack = "#incidents"')
    elif told and configured is not None and not configured.intersection(told):
        said = f"no connector {' or '.join(told)} is configured, so nobody is told there"
        at.doubtful(node.where, said, f"there are {', '.join(sorted(configured))}")


def _calendar_keys(_name: str, values: Values, node: Node, at: Reading) -> None:
    if "hours" not in values and "dates" not in values:
        at.wrong(node.where, "this calendar is never open", "it needs hours or dates")
    if values.get("holidays"):
        unknown = known_holidays(values["holidays"])
        if unknown:
            at.wrong(node.value["holidays"].said, unknown)
    taken: set[int] = set()
    hours = node.value.get("hours")
    for said, item in hours.value.items() if hours is not None and isinstance(hours.value, dict) else ():
        first, _, last = said.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            continue
        days = set(_days(said))
        if not days:
            at.wrong(
                item.key,
                f"{said} runs over the end of the week",
                f"write {first}-sun and {'mon' if last == 'mon' else f'mon-{last}'}",
            )
        elif days & taken:
            at.wrong(item.key, f"{DAYS[min(days & taken)]} is there twice")
        taken |= days


def _rota(_name: str, values: Values, node: Node, at: Reading) -> None:
    if not {"rotation", "from", "layers"} & values.keys():
        at.wrong(node.where, "this schedule is nobody", "it needs a rotation, from, or layers")
    if "rotation" in values and "handover" not in values:
        at.wrong(node.where, "handover is missing (when the next takes over)")
    if "handover" in values and "rotation" not in values:
        at.wrong(node.where, "rotation is missing (people in turn)")
    overrides = node.value.get("overrides")
    for item in overrides.value if overrides is not None and isinstance(overrides.value, list) else ():
        spoken = item.value if isinstance(item.value, dict) else {}
        start, until = (spoken[word].value if word in spoken else None for word in ("from", "until"))
        if isinstance(start, datetime) and isinstance(until, datetime):
            mixed = (start.tzinfo is None) != (until.tzinfo is None)
            if mixed:
                at.wrong(spoken["until"].where, "from and until must both have an offset, or neither")
            elif until <= start:
                at.wrong(spoken["until"].where, "this override ends before it begins")
    for index, one in enumerate(values.get("overrides", ())):
        covering = next((late for late in values["overrides"][index + 1 :] if _covers(late, one)), None)
        if covering is not None and overrides is not None:
            said = f"a later override covers all of its time, so it counts only while {covering['person']} is away"
            at.doubtful(overrides.value[index].where, said, "leave one of them out")


def _covers(late: Values, one: Values) -> bool:
    """Whether an override holds all the time that another does; those with and without an offset are not compared."""
    spans = [moments.get(word) for moments in (late, one) for word in ("from", "until")]
    known = [each for each in spans if isinstance(each, datetime)]
    if len(known) < 4 or len({each.tzinfo is None for each in known}) > 1:
        return False
    return known[0] <= known[2] and known[3] <= known[1]


def _reach(_name: str, values: Values, node: Node, at: Reading) -> None:
    reachable = {*values["addresses"], *(["email"] if "email" in values else ())}
    if "email" in reachable:
        reachable |= {"slack", "msteams"}  # both find a person by their address
    for index, connector in enumerate(values.get("reach", ())):
        if connector is not None and connector not in reachable:
            where = node.value["reach"].value[index].said
            at.wrong(where, f"there is no {connector} address of this person", f"give {connector} or an email")


def _audience(name: str, values: Values, node: Node, at: Reading) -> None:
    for index, recipient in enumerate(values.get("to", ())):
        if recipient is not None and recipient.kind == "audience":
            at.wrong(node.value["to"].value[index].said, "an audience cannot hold another", "name its recipients")
    if values.get("external") and "fields" not in values:
        at.wrong(node.where, "an external audience needs fields", "they are all that a text may tell it")
    if "fields" in values and not values.get("external"):
        at.doubtful(node.value["fields"].key, f"fields limit external audiences, and {name} is not external")


def _party(_name: str, values: Values, node: Node, at: Reading) -> None:
    for index, recipient in enumerate(values.get("to", ())):
        if recipient is not None and recipient.kind in {"departments", "vendor"}:
            at.wrong(node.value["to"].value[index].said, "this leads in a circle", "name its recipients")


_CHECKS: Mapping[str, Callable[[str, Values, Node, Reading], None]] = {
    "fields": _field,
    "roles": _role,
    "places": _place,
    "calendars": _calendar_keys,
    "schedules": _rota,
    "people": _reach,
    "audiences": _audience,
    "departments": _party,
    "vendors": _party,
}


def _twins(people: Mapping[str, Any], tables: Tables, at: Reading) -> None:
    """Tell people whom a product could not tell apart."""
    first: dict[tuple[str, str], str] = {}
    for name, values in people.items():
        ids = dict(values.get("addresses", {}))
        if values.get("email"):
            ids["email"] = values["email"].lower()
        for connector, id_ in ids.items():
            known = first.setdefault((connector, id_), name)
            if id_ is not None and known != name:
                at.label = f"people {name}"
                at.wrong(tables["people"][name].value[connector].said, f"{known} has the same {connector} already")


def _circles(table: str, key: str, entries: Mapping[str, Any], tables: Tables, at: Reading) -> None:
    """Tell entries that need themselves by a key of theirs, each circle once."""
    done: set[str] = set()

    def follow(name: str, path: list[str]) -> None:
        if name in path:
            circle = [*path[path.index(name) :], name]
            at.label = f"{table} {name}"
            at.wrong(tables[table][name].value[key].where, f"{name} needs itself: {' -> '.join(circle)}")
        elif name not in done:
            for needed in (entries.get(name) or {}).get(key, ()):
                if needed is not None:
                    follow(needed, [*path, name])
            done.add(name)

    for start in entries:
        follow(start, [])
