"""What must hold between the times of one rule: of its steps, its goal, its repetitions.

A slip here is quiet: the rule loads, and at night nobody is called, or everybody each second. So whatever cannot have
been meant is refused where it stands, and what is hardly meant is warned of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from rules.condition import Condition
from rules.duration import in_days, show
from rules.reading import Reading

if TYPE_CHECKING:
    from rules.building import Written

Values = Mapping[str, Any]
LEAST: Final = timedelta(minutes=1)
"""Nobody can answer sooner: nothing is repeated faster, and steps that are nearer to each other are doubtful."""
_SPANS: Final = ("after", "before")
_BEFORE_RESTORED: Final = ("assigned", "acknowledged", "hold")


def climbs(written: Written, at: Reading) -> None:
    """Tell of a ladder whose steps are not in their order, that asks nobody, or repeats without a pause."""
    last = None
    for index, step in enumerate(written.values.get("steps", ())):
        _does(written, index, step, at)
        after = step.get("after")
        if last is not None and after is not None:
            _follows(written, index, after - last, at)
        last = after or last
    every = (written.values.get("repeat") or {}).get("every")
    if every is not None and every < LEAST:
        at.wrong(written.find("repeat", "every").where, "nobody can answer so many calls", "write 1m or more")


def _follows(written: Written, index: int, gap: timedelta, at: Reading) -> None:
    """A step comes after the one before it, and leaves time to answer that."""
    where = written.find("steps", index, "after").where
    if gap <= timedelta(0):
        at.wrong(where, f"step {index + 1} is not after step {index}", "write the steps in their order")
    elif gap < LEAST:
        said = f"step {index + 1} comes {show(gap)} after step {index}, before anybody can have answered that"
        at.doubtful(where, said, "leave a minute between them, or write both recipients in one step")


def _does(written: Written, index: int, step: Values, at: Reading) -> None:
    """A step calls somebody, or something comes of it that nobody answered."""
    where, told = written.find("steps", index), [word for word in ("to", "text", "options") if word in step]
    if "then" not in step and "to" not in step and isinstance(where.value, dict):
        at.wrong(where.where, f"step {index + 1} calls nobody", "it needs to, or then")
    elif "then" in step and told:
        said = f"step {index + 1} calls nobody, so {told[0]} says nothing"
        at.wrong(written.find("steps", index, told[0]).where, said, "write a step of its own before it")
    elif "then" in step and index == 0:
        said = "step 1 takes the acknowledgement back, and nobody was asked before whether they are still on it"
        hint = 'write a step before it: { after = "1h", to = ["acknowledger"] }'
        at.doubtful(written.find("steps", index, "then").where, said, hint)


def measures(written: Written, at: Reading) -> None:
    """Tell of a clock that measures nothing, that starts or stops itself, or warns before it runs."""
    values = written.values
    own = [word for word in ("start", "stop", "within") if word in values]
    if "goal" in values and own:
        at.wrong(written.key("goal"), f"a goal and {own[0]} exclude each other", "leave one of them out")
    if "goal" not in values and len(own) < 3:
        at.wrong(written.node.where, "this clock measures nothing", "it needs goal, or start, stop and within")
    for word in ("pause", "calendar") if values.get("goal") == "rpo" else ():
        if word in written.node.value:
            said = f"a recovery point lies where it lies: {word} says nothing of it"
            at.wrong(written.key(word), said, f"leave {word} out")
    _ends(written, at)
    field = at.names.fields.get(values.get("field", ""))
    if field is not None and field.type != "text":
        at.wrong(written.find("field").where, f"{field.name} is a {field.type}, and a text is written into it")
    for word in ("start", "stop", "when", "pause"):
        if field is not None and reads(values.get(word), field.name):
            said = f"this clock writes into {field.name}, and reads that in {word}"
            at.wrong(written.key(word), said, "what it writes would start or stop it; take another field")
    for index, step in enumerate(values.get("steps", ())):
        _warns(written, index, step, at)


def _ends(written: Written, at: Reading) -> None:
    """A clock ends after it began."""
    start, stop = written.values.get("start"), written.values.get("stop")
    if start is None or stop is None:
        return
    where = written.find("stop").where
    if start == stop:
        at.wrong(where, f"this clock starts and stops with the same moment, {stop}", "let it stop with a later one")
    elif stop == "created" and start != "detected":
        at.wrong(where, f"{stop} comes before {start}, so this clock measures nothing", "exchange start and stop")
    elif stop == "detected" or (start == "restored" and stop in _BEFORE_RESTORED):
        said = f"{stop} comes before {start} as a rule, so this clock stops where it starts"
        at.doubtful(where, said, "exchange start and stop")


def _warns(written: Written, index: int, step: Values, at: Reading) -> None:
    """A step of a clock has one moment, after the clock started, at which nobody is told twice."""
    where = written.find("steps", index).where
    if len(_moment(step)) != 1 and isinstance(written.find("steps", index).value, dict):
        several = " and ".join(_moment(step))
        hint = f"it says {several}; leave one of them out" if several else ""
        at.wrong(where, f"step {index + 1} needs one of at, before and after", hint)
    before, within = step.get("before"), written.values.get("within")
    if before is not None and within is not None and before > within:
        said = f"{show(before)} before its end this clock has not started: {show(within)} is all there is"
        at.wrong(written.find("steps", index, "before").where, said, f"write less than {show(within)}")
    for other, to in _at_once(written, index, step):
        at.doubtful(where, f"step {index + 1} tells {to} at the moment of step {other + 1}", "leave one of them out")


def _moment(step: Values) -> Values:
    return {word: step[word] for word in ("at", "before", "after") if word in step}


def _at_once(written: Written, index: int, step: Values) -> Iterator[tuple[int, object]]:
    """Who is told by an earlier step at the same moment, with that step's index."""
    moment = _moment(step)
    for other, earlier in enumerate(written.values["steps"][:index] if None not in moment.values() else ()):
        if _moment(earlier) == moment:
            yield from ((other, to) for to in step.get("to", ()) if to is not None and to in earlier.get("to", ()))


def reads(value: Condition | str | None, field: str) -> bool:
    """Whether a condition, or a moment of `start` and `stop`, asks for a field."""
    return value == f"changed:{field}" if isinstance(value, str) else value is not None and field in value.names


def paces(written: Written, at: Reading) -> None:
    """Tell of updates that nobody could read, and of reminders that come before the last one."""
    every, remind = written.values.get("every"), written.values.get("remind")
    if every is not None and every < LEAST:
        at.wrong(written.find("every").where, "nobody reads so many updates", "write 1m or more")
    if every is not None and remind is not None and remind >= every:
        said = "this reminds of an update before the one that comes before it is out"
        at.wrong(written.key("remind"), said, f"write less than {show(every)}")


def in_hours(written: Written, at: Reading) -> None:
    """Tell of days and weeks, which mean nothing where only the hours of a calendar count."""
    steps = range(len(written.values.get("steps", ())))
    paths = [("within",), ("repeat", "every"), *(("steps", nth, key) for nth in steps for key in _SPANS)]
    for path in paths:
        node = written.find(*path)
        if isinstance(node.value, str) and in_days(node.value):
            at.wrong(node.where, f"{node.value} means nothing in the hours of a calendar", "write it in hours")
