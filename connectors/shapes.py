"""What JSON has to look like before it is read: an answer of another shape is the product's error, and none of ours.

A proxy, a half-migrated server or a later version answers with success and something else: a list where an object
was, a text, null. A connector says once, where answers come in, what each call's answer looks like as far as it is
read, so that nobody who reads one has to ask. Models of whole answers were turned down: products add to them freely.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Shape: TypeAlias = "type | Mapping[str, Shape] | list[Shape] | None"
"""None: anything. A type: a value of it. A mapping: an object, in which a name with `!` must be there, and one without
may be missing or null. A list of one shape: a list of such. What is not named may be there."""

TEXT = str
NUMBER = int
OBJECT: Mapping[str, Shape] = {}
_CALLED = {dict: "an object", list: "a list", str: "a text", bool: "a flag", int: "a number", float: "a number"}


def misshapen(told: Any, shape: Shape, where: str = "it") -> str:
    """How something differs from its shape, as a clause: `issues is a text, and no list`; empty where it does not."""
    if shape is None:
        return ""
    wanted: Any = shape if isinstance(shape, type) else list if isinstance(shape, list) else dict
    if not isinstance(told, wanted) or (isinstance(told, bool) and wanted is not bool):
        return f"{where} is {_CALLED.get(type(told), 'null')}, and not {_CALLED[wanted]}"
    if isinstance(shape, list):
        return next(filter(None, (misshapen(one, shape[0], f"{where}[{n}]") for n, one in enumerate(told))), "")
    return "" if isinstance(shape, type) else next(filter(None, _within(told, shape, where)), "")


def _within(told: Any, shape: Mapping[str, Shape], where: str) -> list[str]:
    before = "" if where == "it" else f"{where}."
    found = []
    for said, inner in shape.items():
        name, must = said.removesuffix("!"), said.endswith("!")
        if name in told and (must or told[name] is not None):
            found.append(misshapen(told[name], inner, f"{before}{name}"))
        elif must:
            found.append(f"{before}{name} is missing")
    return found
