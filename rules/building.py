"""Makes rules of what was read, and checks what must hold between the keys of one rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, cast

from connectors.problems import Where
from rules import timing
from rules.calendar import meant
from rules.language import KINDS, MODES, NOT_YET
from rules.model import (
    Assign,
    Classify,
    ClockStep,
    Escalate,
    Mode,
    Mute,
    Notify,
    Objective,
    Recipient,
    Repeat,
    Restrict,
    Room,
    Rule,
    Step,
    Update,
)
from rules.reading import Reading
from rules.sayings import says_only
from rules.toml import Node

Values = Mapping[str, Any]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as read: its kind and id, its values (the kind's defaults among them), and the table they stand in."""

    kind: str
    id: str
    values: Values
    node: Node

    def key(self, word: str) -> Where:
        """Where a key stands, or the rule where it comes from the defaults."""
        found = self.node.value.get(word)
        return found.key if found is not None else self.node.where

    def holder(self, *path: str | int) -> Values:
        """The table of values that the last key of a path belongs to."""
        found: Any = self.values
        for part in path[:-1]:
            found = found[part]
        return cast(Values, found)

    def value(self, *path: str | int) -> Any:
        """The value at a path of keys and positions; None where it is wrong or not there."""
        return self.holder(*path).get(str(path[-1]))

    def find(self, *path: str | int) -> Node:
        """The node at a path of keys and positions, as far as it stands in the rule itself."""
        node = self.node
        for part in path:
            value = node.value
            known = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
            if part not in known:
                break
            node = value[part]
        return node


_INSTEAD: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "assign": {"person": ("pick", "skills"), "pick": ("person",)},
    "notify": {"on": ("buttons", "worth_telling")},
    "objective": {"goal": ("start", "stop", "within"), "within": ("goal",)},
    "mute": {"during": ("from", "until"), "from": ("during",), "until": ("during",)},
}
"""By kind: what a rule says itself, and which keys of the defaults it says it instead of."""


def given(kind: str, defaults: Values, node: Node) -> dict[str, Any]:
    """What the defaults of a kind give to a rule; `mode` is not among it, as the most cautious one holds."""
    left_out = {"mode"}
    for word, instead in _INSTEAD.get(kind, {}).items():
        if word in node.value:
            left_out.update(instead)
    return {word: value for word, value in defaults.items() if word not in left_out}


def check(written: Written, at: Reading) -> None:
    """Tell what does not hold between the keys of a rule."""
    checker = _CHECKS.get(written.kind)
    if checker is not None:
        checker(written, at)
    _outsiders(written, at)
    if "calendar" in written.values:
        timing.in_hours(written, at)


def build(written: Written, modes: Iterable[Mode], zone: tzinfo) -> Rule:
    """The rule; `modes` are those of the whole, of the kind, and its own: the most cautious holds.

    `zone` is that of moments which name none.
    """
    values = {"timezone": zone, **written.values}
    every: dict[str, Any] = {
        "id": written.id,
        "kind": written.kind,
        "where": written.node.where,
        "name": values.get("name", ""),
        "was": values.get("was", ()),
        "when": values.get("when"),
        "mode": min(modes, key=MODES.index),
        "during": values.get("during"),
        "text": values.get("text"),
        "texts": values.get("texts", {}),
        "restricted": values.get("restricted", False),
    }
    return _BUILDERS[written.kind](every, values)


def _some(values: Values, *words: str) -> dict[str, Any]:
    return {word: values[word] for word in words if word in values}


def _step(values: Values) -> Step:
    given = _some(values, "to", "text", "when", "options", "then")
    return Step(values["after"], **given)


def _escalate(every: dict[str, Any], values: Values) -> Escalate:
    repeat = Repeat(values["repeat"]["every"], values["repeat"]["times"]) if "repeat" in values else None
    if any("then" in step for step in values["steps"]):  # it asks whether somebody is still on it
        values = {"buttons": ("confirm", "assign"), **values}
    return Escalate(
        **every,
        **_some(values, "since", "buttons", "calendar", "options"),
        steps=tuple(map(_step, values["steps"])),
        repeat=repeat,
    )


def _clock_step(values: Values) -> ClockStep:
    share = float(values["at"].rstrip("%")) / 100 if "at" in values else None
    return ClockStep(values["to"], share, values.get("before"), values.get("after"), values.get("text"))


def _timing(every: dict[str, Any], values: Values) -> Objective:
    written = _some(values, "goal", "start", "stop", "within", "pause", "calendar", "field", "buttons")
    if written.get("goal") == "rpo":  # a fact, which no button makes better
        written.setdefault("buttons", ())
    return Objective(**every, **written, steps=tuple(map(_clock_step, values["steps"])))


def _muting(every: dict[str, Any], values: Values) -> Mute:
    begin, until = (_moment(values.get(word), values["timezone"]) for word in ("from", "until"))
    return Mute(**every, mutes=values["mutes"], begin=begin, until=until)


def _moment(written: datetime | None, zone: tzinfo) -> datetime | None:
    return None if written is None else meant(written, zone)


_BUILDERS: Mapping[str, Callable[[dict[str, Any], Values], Rule]] = {
    "classify": lambda every, values: Classify(**every, **_some(values, "set", "thresholds", "at_least", "force")),
    "assign": lambda every, values: Assign(**every, **_some(values, "team", "pick", "person", "skills", "force")),
    "escalate": _escalate,
    "objective": _timing,
    "notify": lambda every, values: Notify(**every, **_some(values, "to", "on", "buttons", "worth_telling")),
    "update": lambda every, values: Update(**every, **_some(values, "to", "every", "remind")),
    "mute": _muting,
    "channel": lambda every, values: Room(
        **every,
        **_some(
            values, "channel", "topic", "invite", "links", "buttons", "per", "products", "private", "archive_after"
        ),
    ),
    "restrict": lambda every, values: Restrict(**every, **_some(values, "to")),
}


# ---- between the keys


def _classify(written: Written, at: Reading) -> None:
    decides = {"set", "thresholds", "at_least"} & written.values.keys()
    if not decides:
        at.wrong(written.node.where, "this decides nothing", "it needs set, thresholds or at_least")
    for word in sorted(decides):
        if written.find(word).value == {}:
            at.wrong(written.key(word), f"{word} is empty")


def _assign(written: Written, at: Reading) -> None:
    values = written.values
    if not {"team", "pick", "person"} & values.keys():
        at.wrong(written.node.where, "this assigns nobody", "it needs team, pick or person")
    if "pick" in values and "person" in values:
        at.wrong(written.key("person"), "a person and a pick exclude each other", "leave one of them out")
    if "skills" in values and "pick" not in values:
        at.wrong(written.key("skills"), "skills narrow a pick, and there is none", 'write pick = "least-loaded"')


def _tasks(written: Written, at: Reading) -> None:
    earlier: list[str] = []
    for index, step in enumerate(written.values.get("steps", ())):
        for number, name in enumerate(step.get("follows", ())):
            if name is not None and name not in earlier:
                at.unknown(written.find("steps", index, "follows", number).where, "earlier step", name, earlier)
        if step.get("id") in earlier:
            at.wrong(written.find("steps", index, "id").where, f"the step {step['id']} is there twice")
        if step.get("id") is not None:
            earlier.append(step["id"])


def _notify(written: Written, at: Reading) -> None:
    if "on" in written.values and "buttons" in written.values:
        at.wrong(written.key("buttons"), "news has no buttons", "put them under the message that has no `on`")
    if "on" in written.values and "worth_telling" in written.values:
        hint = "worth_telling is for the message that has no `on`"
        at.wrong(written.key("worth_telling"), "news is of events, and told once each", hint)


def _mute(written: Written, at: Reading) -> None:
    times = [word for word in ("from", "until") if word in written.values]
    if "during" in written.values and times:
        at.wrong(written.key("during"), f"during and {times[0]} exclude each other", "leave one of them out")
    if "during" not in written.values and not times:
        at.wrong(written.node.where, "this mutes at no time", "it needs during, or from and until")
    begin, until = written.values.get("from"), written.values.get("until")
    if begin is not None and until is not None:
        if (begin.tzinfo is None) != (until.tzinfo is None):
            at.wrong(written.key("until"), "from and until must both have an offset, or neither")
        elif until <= begin:
            at.wrong(written.key("until"), "this mute ends before it begins")


def _restrict(written: Written, at: Reading) -> None:
    if "when" not in written.values:
        at.doubtful(written.node.where, "without a condition every ticket is restricted")


def _channel(written: Written, at: Reading) -> None:
    name = written.values.get("channel")
    if name is not None and written.values.get("per") == "team" and "team" not in name.names:
        at.wrong(written.key("channel"), "channels of several teams cannot have one name", "write {{ team }} in it")


_CHECKS: Mapping[str, Callable[[Written, Reading], None]] = {
    "classify": _classify,
    "assign": _assign,
    "escalate": timing.climbs,
    "objective": timing.measures,
    "task": _tasks,
    "notify": _notify,
    "update": timing.paces,
    "mute": _mute,
    "restrict": _restrict,
    "channel": _channel,
}


# ---- what an external audience may be told


def _outsiders(written: Written, at: Reading) -> None:
    """A text that reaches an external audience may use its words only, also where it is not for that audience alone."""
    if "text" not in KINDS[written.kind].keys:
        return
    _reach(written, at, written.values.get("to", ()), ("to",), ("text",))
    for index, step in enumerate(written.values.get("steps", ())):
        text = ("steps", index, "text") if "text" in step else ("text",)
        _reach(written, at, step.get("to", ()), ("steps", index, "to"), text)
        offered = ("steps", index, "options") if "options" in step else ("options",)
        _offered(written, at, step.get("to", ()), offered)


def _reach(written: Written, at: Reading, to: Collection[Recipient | None], told: Path, text: Path) -> None:
    for index, recipient in enumerate(to):
        words = at.names.outside(recipient) if recipient is not None else None
        if recipient is None or words is None or recipient.name in written.values.get("texts", {}):
            continue
        name = recipient.name
        said = written.value(*text)
        if said is None and text[-1] in written.holder(*text):
            continue  # it is wrong, and that is told
        if said is None:
            where = written.find(*told, index).said
            at.wrong(where, f"{name} is external and has no text of its own", f"write texts.{name}")
        elif not says_only(said, words):
            message = f"{name} is external, and this text says more than its fields"
            at.wrong(written.find(*text).where, message, f"write texts.{name}")


def _offered(written: Written, at: Reading, to: Collection[Recipient | None], path: Path) -> None:
    """Options are part of a text: those that an external audience is offered may use its words only."""
    for recipient in to:
        words = at.names.outside(recipient) if recipient is not None else None
        for index, option in enumerate(written.value(*path) or ()):
            if recipient is None or words is None or option is None or "options" not in words:
                continue
            if not says_only(option, words):
                message = f"{recipient.name} is external, and this option says more than its fields"
                at.wrong(written.find(*path, index).where, message)


def not_yet(written: Written, at: Reading) -> None:
    """Refuse what is right, and comes with a later version."""
    if written.kind in NOT_YET:
        at.wrong(written.node.where, f"not yet: [[{written.kind}]] rules come with a later version")
