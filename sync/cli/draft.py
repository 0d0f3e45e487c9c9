"""The files that `pointman init` writes, as text: `config.toml` and a few rules, out of what was found. Pure functions.

They are written for people, who go on from here: few lines, each with its reason. TOML is put together by hand, since
no writer of it keeps comments where they belong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.setup import Found

TEAM = "responders"
"""The team of those who were named, where the tracker has no list of teams."""
DECLARED: Mapping[str, str] = {"affected_users": "number", "status_text": "text"}
"""Words that rules must declare; the others belong to every tracker."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who takes incidents: a name for rules, a name for people, an address, and ids by connector.

    `reach` is where alone they are told; empty: wherever they can be.
    """

    key: str
    name: str = ""
    email: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    reach: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything the files say. `tracker` and `messengers` are the names of their tables; `found` is by name.

    Administrators read what is only watched in the first messenger. Without `home` there is no home ticket yet.
    """

    tracker: str
    messengers: Sequence[str]
    found: Mapping[str, Found]
    home: str
    start: datetime
    timezone: str
    people: Sequence[Colleague]

    @property
    def tickets(self) -> Found:
        """What the tracker told."""
        return self.found[self.tracker]

    @property
    def teams(self) -> tuple[str, ...]:
        """The teams that rules know."""
        return tuple(self.tickets.teams) or (TEAM,)


# ---- config.toml


def config(made: Installation) -> str:
    """The text of `config.toml`."""
    watch = made.found[made.messengers[0]].watch
    home = (f"home  = {_said(made.home)}", "a ticket where Pointman tells its administrators what they should know")
    whole = (
        ('rules = ["rules.d"]', ""),
        *((home,) if made.home else ()),
        (f"start = {_said(made.start)}", "what was due before is left alone: old tickets stay silent"),
        ('mode  = "watch"', 'only says what it would have done; "on" when you agree with it'),
        (f"watch = {_said(f'{made.messengers[0]}:{watch}')}", "... here"),
    )
    server = (('host = "127.0.0.1"', "nobody needs to reach it: what has changed is asked for"), ("port = 8480", ""))
    lines = [
        "#:schema ./schema/config.schema.json",
        "# Written by `pointman init`. Secrets come from the environment, or from .env beside this file.",
        "",
        *_beside(whole),
        "",
        *_standing(made.tickets.standing),
        "[server]",
        *_beside(server),
        "",
    ]
    for name, found in made.found.items():
        lines += [*_table(f"connectors.{name}", found.table, found.remarks), ""]
    return "\n".join(lines).rstrip() + "\n"


def _standing(standing: Mapping[str, str]) -> Iterator[str]:
    if not standing:
        return
    yield "[defaults]   # what the tracker itself writes into a new ticket counts as nobody's choice"
    yield from (f"{word} = {_said(value)}" for word, value in standing.items())
    yield ""


def _table(
    name: str, table: Mapping[str, Any], remarks: Mapping[tuple[str, ...], str], path: tuple[str, ...] = ()
) -> Iterator[str]:
    """A table with its values first and its tables below, without those that are empty."""
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping) and value}
    if plain:
        yield f"[{name}]"
    lines = {key: f"{_key(key)} = {_said(value)}" for key, value in plain.items()}
    yield from _beside((line, remarks.get((*path, key), "")) for key, line in lines.items())
    for number, (key, value) in enumerate(inner.items()):
        if plain or number:
            yield ""
        if (*path, key) in remarks:
            yield f"# {_comment(remarks[(*path, key)])}"
        yield from _table(f"{name}.{_key(key)}", value, remarks, (*path, key))


# ---- rules


def company(made: Installation) -> str:
    """The text of the first rule file: who there is, and where they are."""
    lines = [
        "#:schema ../schema/rules.schema.json",
        "# What your company is. The rules that use it are in 10-start.toml; docs/rules.md tells every key.",
        "",
        "[defaults]",
        f"timezone = {_said(made.timezone)}",
        'fallback = ["place:incidents"]   # told when somebody should be called and nobody is found',
        "",
    ]
    declared = {word: type_ for word, type_ in DECLARED.items() if word in made.tickets.words}
    if declared:
        lines += ["[fields]   # words of your own; [connectors.*.fields] in config.toml says where they are kept"]
        lines += [f"{word} = {{ type = {_said(type_)} }}" for word, type_ in declared.items()] + [""]
    if "commander" in made.tickets.words:
        lines += ["[roles]", 'commander = { title = "Incident commander" }', ""]
    lines += ["[places.incidents]"]
    lines += [f"{_key(name)} = {_said(made.found[name].place)}" for name in made.messengers] + [""]
    lines += ["[people]   # clicks and commands are taken from people who stand here: add your colleagues"]
    lines += [f"{_key(one.key)} = {_person(one)}" for one in made.people] + [""]
    lines += [*_teams(made), *_services(made)]
    return "\n".join(lines).rstrip() + "\n"


def _person(one: Colleague) -> str:
    said = {"name": one.name, "email": one.email, **one.ids, "reach": one.reach}
    return "{ " + ", ".join(f"{_key(word)} = {_said(value)}" for word, value in said.items() if value) + " }"


def _teams(made: Installation) -> Iterator[str]:
    names = [one.key for one in made.people]
    yield "[schedules]   # who is on call"
    yield f'first-line = {{ rotation = {_said(names)}, handover = "Mon 09:00" }}'
    yield ""
    yield "[teams]"
    for key in made.teams:
        title = made.tickets.teams.get(key, "")
        said = f"title = {_said(title)}, " if title else ""
        yield f'{_key(key)} = {{ {said}lead = {_said(names[0])}, members = {_said(names)}, schedule = "first-line" }}'
    yield ""


def _services(made: Installation) -> Iterator[str]:
    if not made.tickets.services:
        return
    yield "[services]   # say of each who looks after it and how critical it is: low, medium, high or critical"
    for key, title in made.tickets.services.items():
        yield f'{_key(key)} = {{ title = {_said(title)}, team = {_said(made.teams[0])}, criticality = "medium" }}'
    yield ""


LIMITS: Mapping[str, int] = {"high": 1000, "medium": 100}
DOWN = 'mentions(text, "down", "outage", "unreachable", "unavailable", "offline")'


def rules(made: Installation) -> str:
    """The text of the second rule file: few rules, and a test or two that show what they mean."""
    words = made.tickets.words
    lines = [
        "#:schema ../schema/rules.schema.json",
        "# Rules to begin with. `pointman plan KEY` says what they mean for a ticket, `pointman test` tries them.",
        "",
    ]
    if "severity" in words:
        lines += _classify(made)
    if "team" in words:
        lines += [
            "# ---- who has it",
            "",
            "[[assign]]",
            'id = "first-line"',
            f"when = '{_grave(words)}'",
            f"team = {_said(made.teams[0])}",
            'pick = "on-call"',
            "",
        ]
    return "\n".join([*lines, *_speaking(made), *_tests(made)]).rstrip() + "\n"


def _classify(made: Installation) -> Iterator[str]:
    yield from (
        "# ---- how bad it is: of the rules for one field, the first that matches decides",
        "",
        "[[classify]]",
        'id = "sounds-down"',
        f"when = '{DOWN}'",
        'set = { severity = "high" }',
        "",
    )
    if "affected_users" in made.tickets.words:
        limits = ", ".join(f"{level} = {least}" for level, least in _limits(made).items())
        yield from (
            "[[classify]]",
            'id = "many-users"',
            f"thresholds.affected_users = {{ {limits} }}   # at or above",
            "",
        )
    if "severity" not in made.tickets.standing and "low" in made.tickets.levels:
        yield from ("[[classify]]", 'id = "otherwise"', "when = 'not severity'", 'set = { severity = "low" }', "")


def _limits(made: Installation) -> dict[str, int]:
    """From how many affected users on it is how bad, of the levels that the tracker has."""
    return {level: least for level, least in LIMITS.items() if level in made.tickets.levels}


def _grave(words: Mapping[str, str]) -> str:
    return 'severity == "high"' if "severity" in words else DOWN


def _speaking(made: Installation) -> Iterator[str]:
    grave, team = _grave(made.tickets.words), made.teams[0]
    yield from (
        "# ---- who is called when nobody answers, and who is told",
        "",
        "[[escalate]]",
        'id = "unacknowledged"',
        f"when = '{grave} and not acknowledged'",
        'since = "created"',
        f'steps = [{{ after = "5m", to = ["on-call:{team}"] }},',
        f'         {{ after = "15m", to = ["lead:{team}", "place:incidents"] }}]',
        "",
        "[[notify]]   # one message for each ticket, kept up to date",
        'id = "card"',
        f"when = '{grave}'",
        'to = ["place:incidents"]',
        _card(made.tickets.words),
        'buttons = ["acknowledge", "take", "resolve"]',
        "",
    )


def _card(words: Mapping[str, str]) -> str:
    severity = "{{ severity }}, " if "severity" in words else ""
    return (
        f"""text = "**{{{{ key }}}} {{{{ summary }}}}**: {severity}{{{{ assignee or 'nobody' }}}} has it." """.rstrip()
    )


def _tests(made: Installation) -> Iterator[str]:
    """What the rules mean, as `pointman test` tries it."""
    team, somebody = made.teams[0], made.people[0].key
    severity = 'severity = "high", ' if "severity" in made.tickets.words else ""
    yield from (
        "# ---- what they mean: made-up tickets, and what must follow",
        "",
        "[[test]]",
        'name = "What sounds down rings after five minutes"',
        'ticket = { summary = "The shop is down" }',
        f'expect = {{ {severity}"after 4m" = [], "after 6m" = ["on-call:{team}"] }}',
        "",
        "[[test]]",
        'name = "Nobody is called once somebody takes care of it"',
        'ticket = { summary = "The shop is down" }',
        f'then = [{{ after = "4m", by = {_said(somebody)}, acknowledge = true, expect = {{ "after 2h" = [] }} }}]',
        "",
    )
    if "severity" in made.tickets.words:
        yield from _quiet(made)


def _quiet(made: Installation) -> Iterator[str]:
    """A ticket that is no incident, and where the line is."""
    level = made.tickets.standing.get("severity", "")
    held = f', severity = "{level}"' if level else ""
    low = level or ("low" if "low" in made.tickets.levels else "")
    expected = f'severity = "{low}", ' if low else ""
    yield from (
        "[[test]]",
        'name = "A question calls nobody"',
        f'ticket = {{ summary = "How do I reset my password?"{held} }}',
        f'expect = {{ {expected}"after 1h" = [] }}',
        "",
    )
    if "affected_users" in made.tickets.words:
        yield from (
            "[[test]]",
            'name = "How many are affected says how bad it is"',
            'table = [["affected_users", "expect severity"],',
            *_rows(made),
            "",
        )


def _rows(made: Installation) -> list[str]:
    limits = sorted(_limits(made).items(), key=lambda limit: limit[1])
    rows = [f"""         [{f"{least},":<18} "{level}"]""" for level, least in limits]
    return [*(f"{row}," for row in rows[:-1]), f"{rows[-1]}]"]


# ---- TOML

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_LONE = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: JSON may hold one, a file cannot."""


def _said(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_said, value)) + "]"
    if isinstance(value, (int, float)):
        return str(value)
    return json.dumps(_LONE.sub("\ufffd", str(value)), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _said(name)


def _beside(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Lines with their comments, one under the other."""
    every = list(lines)
    wide = max((len(line) for line, remark in every if remark), default=0)
    for line, remark in every:
        yield f"{line:<{wide}}   # {_comment(remark)}" if remark else line


def _comment(text: str) -> str:
    """A text as a comment can hold it: on one line, and without control characters, which TOML takes nowhere."""
    return _LONE.sub("\ufffd", _CONTROL.sub("", " ".join(text.split())))
