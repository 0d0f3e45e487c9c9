"""Makes cases of the `[[test]]` tables as read, and checks what must hold between the keys of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rules.case import Case, Happening
from rules.reading import Reading
from rules.toml import Node

_HAPPENS = ("set", "acknowledge", "comment", "update", "expect")


def check(values: Mapping[str, Any], node: Node, at: Reading) -> None:
    """Tell what does not hold between the keys of a test."""
    if not {"ticket", "table"} & node.value.keys():
        at.wrong(node.where, "ticket is missing (the ticket's words)")
    steps = values.get("then", ())
    said = [*values.get("expect", ()), *values.get("table", ()), *(one for s in steps for one in s.get("expect", ()))]
    if not said and not at.errors:
        at.wrong(node.where, "this test expects nothing", 'write expect = { severity = "high" }')
    last = None
    for index, step in enumerate(steps):
        written = node.value["then"].value[index]
        after = step.get("after")
        if last is not None and after is not None and after <= last:
            where = written.value["after"].where
            at.wrong(where, f"step {index + 1} is not after step {index}", "write the steps in their order")
        if step and not set(_HAPPENS) & step.keys():
            at.wrong(written.where, "nothing happens in this step", f"it needs {', '.join(_HAPPENS[:-1])} or expect")
        last = after or last


def cases(values: Mapping[str, Any], node: Node) -> Iterator[Case]:
    """The cases of one test: one, or one for each row of its table."""
    ticket, expect = values.get("ticket", {}), values.get("expect", ())
    then = tuple(_happening(step) for step in values.get("then", ()))
    if "table" not in values:
        yield Case(values["name"], node.where, ticket, expect, then)
    for row in values.get("table", ()):
        name = f"{values['name']} ({row.label})" if row.label else values["name"]
        yield Case(name, row.where, {**ticket, **row.ticket}, (*expect, *row.expect), then)


def _happening(step: Mapping[str, Any]) -> Happening:
    return Happening(
        step["after"],
        step.get("by", ""),
        step.get("set", {}),
        step.get("acknowledge"),
        step.get("comment", ""),
        step.get("update", ""),
        step.get("expect", ()),
    )
