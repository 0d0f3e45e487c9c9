"""The language of scenarios, once: read with the rules' own machinery, told to editors as JSON Schema.

    title = "Checkout is down, and nobody takes it at first"
    start = 2026-11-23T09:00:00             # in the rules' time zone, unless it names one
    [people]
    tom = { answers = "7m", click = "take" }
    [[step]]
    by = "ann"
    create = "checkout"
    words = { summary = "Checkout is down", service = "checkout" }
    expect = { severity = "high", "after 6m" = ["on-call:team"] }
    [[step]]
    at = "14m"
    outage = "slack"
    until = "16m"
    [[expect]]
    at = "8h"
    ticket = "checkout"
    holds = { assignee = "tom", called = ["on-call:team"] }
    objectives = { rto = "met" }

Steps and their verbs are those of the demonstration's scenarios, words and expectations those of `[[test]]`. Every
mistake is told at once, each with its line, its column and a hint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast, get_args

from connectors.problems import Problems
from rules import duration, toml
from rules.clock import Band
from rules.expectations import Expectation, TicketWords
from rules.language import VERBS as CLICKS
from rules.model import RuleSet
from rules.reading import Names, Reading
from rules.references import PRODUCTS, Clickable, Name
from rules.toml import Node
from rules.values import (
    Choice,
    Duration,
    Key,
    Kind,
    ListOf,
    Moment,
    Number,
    Record,
    Schema,
    TableOf,
    Text,
)
from sync.drill.scenario import POINTMAN, TRACKER, Answering, Expect, Scenario, Step, Verb

VERBS: Final[tuple[Verb, ...]] = ("create", "set", "comment", "click", "say", "outage", "clock")
NO_CLOCK: Final = "none"
OUTCOMES: Final = (*get_args(Band), NO_CLOCK)
"""How an objective may stand at a moment: as its clock says, or that it has none on this ticket."""
START: Final = datetime(2026, 11, 23, 9)  # noqa: DTZ001  (of the rules' own time zone)
"""When a scenario begins that does not say: a Monday, at nine in the morning."""
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "create": ("words",),
    "set": ("ticket",),
    "comment": ("ticket",),
    "click": ("ticket", "by"),
    "say": ("ticket", "by"),
    "outage": ("until",),
    "clock": (),
}
_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "create": ("by", "words", "count", "every", "expect"),
    "set": ("by", "ticket", "expect"),
    "comment": ("by", "ticket", "expect"),
    "click": ("by", "ticket", "args", "expect"),
    "say": ("by", "ticket", "expect"),
    "outage": ("until", "kind"),
    "clock": (),
}
_AT = Key(Duration(), "how long after the beginning; without it, at the beginning")
_TICKET = Key(Text("what the scenario calls a ticket", r"[A-Za-z0-9][A-Za-z0-9_-]*"), "which ticket, as created")


@dataclass(frozen=True, slots=True)
class Outaged(Kind):
    """What may fail: a messenger by its connector's name, the tracker, or Pointman itself."""

    def _read(self, node: Node, at: Reading) -> str | None:
        known = (*sorted(at.names.configured or at.names.connectors), TRACKER, POINTMAN)
        if not isinstance(node.value, str):
            at.unwanted(node, 'a product such as "slack", "tracker" or "pointman"')
        elif node.value not in known:
            at.unknown(node.said, "product", node.value, known, ours=True)
        else:
            return node.value
        return None

    def _schema(self) -> Schema:
        return {"type": "string", "description": "a connector's name, tracker, or pointman"}


_STEP = Record(
    {
        "at": _AT,
        "by": Key(Name("person"), "who does it; somebody, where it does not say"),
        "ticket": _TICKET,
        "create": Key(_TICKET.kind, "a ticket is made, which the scenario calls so from then on"),
        "words": Key(TicketWords(), "the new ticket's words"),
        "count": Key(Number(2, 1000, whole=True), "so many of them: name-1, name-2, …"),
        "every": Key(Duration(), "how long after one the next is made"),
        "set": Key(TicketWords(later=True), "words of a ticket that somebody changes"),
        "comment": Key(Text(), "what somebody writes on a ticket"),
        "click": Key(Clickable(CLICKS), "a button that somebody clicks under a message about the ticket"),
        "args": Key(
            TableOf(Text(), Text("an argument's name")), "what a click is asked for beside: time, text, person"
        ),
        "say": Key(Text(), "what somebody types after /pointman, such as eta 14:30"),
        "outage": Key(Outaged(), "what fails: a connector, tracker, or pointman"),
        "until": Key(Duration(), "how long after the beginning it is back"),
        "kind": Key(Choice("kind of outage", ("down", "slow", "denied")), "how it fails: down, unless it says more"),
        "clock": Key(Text('a leap such as "+2h" or "-30m"', r"[+-][0-9wdhms]+"), "by how much the clock leaps"),
        "expect": Key(Expectation(), "what follows from that, as in a [[test]]"),
    },
    hints={"after": "a step says at, counted from the beginning", "fields": "words, by the names of the rules"},
)
_EXPECT = Record(
    {
        "at": _AT,
        "name": Key(Text(), "what is claimed"),
        "ticket": _TICKET,
        "holds": Key(Expectation(), "the ticket's words, and who was called and told until then"),
        "objectives": Key(
            TableOf(Choice("outcome", OUTCOMES), Text("the id of an objective")), "how the ticket's objectives stand"
        ),
        "doubled": Key(Number(0, 1000, whole=True), "how many messages went out twice until then"),
        "quiet": Key(Duration(), "nobody is told anything until so long after the beginning"),
    },
    hints={"expect": "write holds = { … }", "until": "quiet says until when nobody is told anything"},
)
_ANSWERING = Record(
    {
        "answers": Key(Duration(), "how long after a call they click", required=True),
        "click": Key(Clickable(CLICKS), "what they click: acknowledge, unless it says otherwise"),
        "from": Key(Duration(), "before that they do not answer"),
        "until": Key(Duration(), "from then on they do not answer"),
    }
)
SCENARIO = Record(
    {
        "title": Key(Text(), "what it is about", required=True),
        "start": Key(Moment(), "the moment of the beginning; in the rules' time zone, where it names none"),
        "lasts": Key(Duration(), "how long it is played; until the last thing that is said, where it does not say"),
        "rules": Key(ListOf(Text("a file or folder")), "rules that come with it, beside this file"),
        "people": Key(TableOf(_ANSWERING, Name("person")), "who answers a call; whoever is not named is silent"),
        "step": Key(ListOf(_STEP), "what happens", required=True),
        "expect": Key(ListOf(_EXPECT, 0), "what must hold"),
    }
)


def schema() -> Schema:
    """JSON Schema (draft 7) of a scenario."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A scenario of pointman drill",
        **SCENARIO.schema(),
    }


def brings(text: str) -> tuple[str, ...]:
    """The rules that a scenario says it brings along; none where it cannot be read, which `read` will tell."""
    try:
        root = toml.read("", text)
    except toml.Mistaken:
        return ()
    said = root.value.get("rules")
    items = said.value if said is not None and isinstance(said.value, list) else ()
    return tuple(item.value for item in items if isinstance(item.value, str))


def read(file: Path, text: str, rules: RuleSet, products: Collection[str]) -> Scenario:
    """The scenario of this text, to be played against these rules and products. Raises Problems with every mistake."""
    try:
        root = toml.read(str(file), text)
    except toml.Mistaken as wrong:
        raise Problems([wrong.problem]) from None
    at = Reading(names(rules, products))
    at.label = "drill"
    values = SCENARIO.read(root, at)
    steps = tuple(_steps(values, root, at))
    expects = tuple(_expects(values, root, at))
    _spoken({step.ticket for step in steps if step.verb == "create"}, root, at)
    if not at.errors:
        _in_time(steps, expects, values.get("lasts"), at)
    if at.errors:
        raise Problems(dict.fromkeys(at.problems))
    start = values.get("start", START)
    start = start if start.tzinfo is not None else start.replace(tzinfo=rules.defaults.timezone)
    made = Scenario(
        file.stem,
        values["title"],
        start.astimezone(UTC),
        timedelta(),
        tuple(sorted(steps, key=lambda step: step.at)),
        tuple(sorted(expects, key=lambda expect: expect.at)),
        {name: _answering(said) for name, said in values.get("people", {}).items()},
        tuple(file.parent / name for name in values.get("rules", ())),
        str(file),
    )
    return replace(made, lasts=values.get("lasts") or _length(made))


def names(rules: RuleSet, products: Collection[str] = ()) -> Names:
    """The names that rules give, for reading what speaks of them."""
    tables: Mapping[str, Collection[str]] = {
        "scale": rules.scales,
        "field": rules.fields,
        "place": rules.places,
        "calendar": rules.calendars,
        "schedule": rules.schedules,
        "person": rules.people,
        "team": rules.teams,
        "service": rules.services,
        "vendor": rules.vendors,
        "department": rules.departments,
        "role": rules.roles,
        "list": rules.lists,
        "audience": rules.audiences,
        "channel": [rule.id for rule in rules.of("channel")],
        "objective": [rule.id for rule in rules.of("objective")],
    }
    known = {sort: tuple(names) for sort, names in tables.items()}
    severity = rules.vocabulary.words["severity"].options
    given = {n: frozenset(w for w in ("lead", "members", "schedule") if getattr(t, w)) for n, t in rules.teams.items()}
    return Names(
        known=known,
        scales={"severity": severity, **rules.scales},
        fields=rules.fields,
        teams=given,
        connectors=frozenset((*PRODUCTS, *products)),
        configured=frozenset(products) or None,
    )


def _answering(said: Mapping[str, Any]) -> Answering:
    return Answering(
        said["answers"], said.get("click", "acknowledge"), said.get("from", timedelta()), said.get("until")
    )


# ---- steps


def _steps(values: Mapping[str, Any], root: Node, at: Reading) -> Iterator[Step]:
    for index, said in enumerate(values.get("step", ())):
        node = root.value["step"].value[index]
        at.label = f"step {index + 1}"
        if not isinstance(node.value, dict):
            continue
        verbs = [verb for verb in VERBS if verb in node.value]
        if len(verbs) != 1:
            found = " and ".join(verbs) or "nothing"
            at.wrong(node.where, f"a step says one thing, and this says {found}", f"it is one of {', '.join(VERBS)}")
            continue
        _fits(verbs[0], node, at)
        if not at.errors:
            yield from _made(verbs[0], said, node, at)


def _fits(verb: Verb, node: Node, at: Reading) -> None:
    """Tell what a step of this verb lacks, and what does not belong to it."""
    for key in _NEEDS[verb]:
        if key not in node.value:
            at.wrong(node.where, f"{key} is missing ({_STEP.keys[key].about})")
    for key, item in node.value.items():
        if key in _STEP.keys and key not in {"at", verb, *_ALLOWED[verb]}:
            at.wrong(item.key, f"{key} does not belong to {verb}", f"it may say {', '.join(_ALLOWED[verb]) or 'at'}")
    if ("count" in node.value) != ("every" in node.value):
        at.wrong(node.where, "count and every belong together")


def _made(verb: Verb, said: Mapping[str, Any], node: Node, at: Reading) -> Iterator[Step]:
    begin, until = said.get("at", timedelta()), said.get("until")
    if until is not None and until <= begin:
        at.wrong(node.value["until"].where, "this is over before it begins")
        return
    words = said["set"] if verb == "set" else said.get("words", {})
    jump = _jump(said["clock"], node.value["clock"], at) if verb == "clock" else timedelta()
    text = "" if verb == "set" else str(said[verb])
    name = said["create"] if verb == "create" else said.get("ticket", "")
    one = Step(
        begin, verb, text, node.where, said.get("by", ""), name, words, said.get("args", {}), until,
        said.get("kind", "down"), jump, said.get("expect", ()),
    )  # fmt: skip
    if "count" not in said:
        yield one
        return
    for number in range(int(said["count"])):
        yield replace(one, at=begin + number * said["every"], ticket=f"{name}-{number + 1}")


def _jump(said: str, node: Node, at: Reading) -> timedelta:
    try:
        by = duration.parse(said[1:])
    except ValueError as error:
        at.wrong(node.said, str(error))
        return timedelta()
    return -by if said.startswith("-") else by


# ---- what is expected


def _expects(values: Mapping[str, Any], root: Node, at: Reading) -> Iterator[Expect]:
    for index, said in enumerate(values.get("expect", ())):
        node = root.value["expect"].value[index]
        at.label = f"expect {index + 1}"
        if not isinstance(node.value, dict):
            continue
        what = {"holds", "objectives", "doubled", "quiet"} & node.value.keys()
        if not what:
            at.wrong(node.where, "nothing is expected here", "it needs holds, objectives, doubled or quiet")
        if {"holds", "objectives"} & what and "ticket" not in node.value:
            at.wrong(node.where, "ticket is missing (which ticket, as created)")
        _objectives(node, at)
        holds = said.get("holds", ())
        later = [one for one in holds if one.after]
        if later:
            at.wrong(later[0].where, "what is expected here holds at the moment", "say when with at")
        if not at.errors:
            yield Expect(
                said.get("at", timedelta()), node.where, said.get("name", ""), said.get("ticket", ""), holds,
                said.get("objectives", {}), cast("int | None", said.get("doubled")), said.get("quiet"),
            )  # fmt: skip


def _objectives(node: Node, at: Reading) -> None:
    table = node.value.get("objectives")
    for key, item in table.value.items() if table is not None and isinstance(table.value, dict) else ():
        if key not in at.names.of("objective"):
            at.unknown(item.key, "objective", key, at.names.of("objective"))


def _spoken(made: set[str], root: Node, at: Reading) -> None:
    """Every ticket that is spoken of is made by a step, and no two are called the same."""
    first: set[str] = set()
    for kind in ("step", "expect"):
        listed = root.value.get(kind)
        for index, node in enumerate(listed.value if listed is not None and isinstance(listed.value, list) else ()):
            at.label = f"{kind} {index + 1}"
            table = node.value if isinstance(node.value, dict) else {}
            said, new = table.get("ticket"), table.get("create")
            if said is not None and isinstance(said.value, str) and said.value not in made and not at.errors:
                at.unknown(said.said, "ticket", said.value, sorted(made), ours=True)
            if new is not None and isinstance(new.value, str):
                if new.value in first:
                    at.wrong(new.said, f"{new.value} is made twice")
                first.add(new.value)


def _in_time(steps: Sequence[Step], expects: Sequence[Expect], lasts: timedelta | None, at: Reading) -> None:
    """Tell what would never come: after the end, or of a ticket that is not made by then."""
    made = {step.ticket: step.at for step in steps if step.verb == "create"}
    spoken = [(step.ticket, step.at, step.where) for step in steps] + [(e.ticket, e.at, e.where) for e in expects]
    for ticket, moment, where in spoken:
        if ticket and moment < made[ticket]:
            at.wrong(where, f"{ticket} is made only at {duration.show(made[ticket])}")
    ends = [(moment, where) for _, moment, where in spoken]
    ends += [(expect.quiet, expect.where) for expect in expects if expect.quiet is not None]
    ends += [(step.at + one.after, one.where) for step in steps for one in step.expect]
    for moment, where in ends:
        if lasts is not None and moment > lasts:
            said = f"this is at {duration.show(moment)}, and the drill lasts {duration.show(lasts)}"
            at.wrong(where, said, "let it last longer")


def _length(scenario: Scenario) -> timedelta:
    """Until the last thing that is said of it."""
    ends = [max(expect.at, expect.quiet or expect.at) for expect in scenario.expects]
    for step in scenario.steps:
        ends += [step.at, *([step.until] if step.until else ()), *(step.at + one.after for one in step.expect)]
    return max(ends)
