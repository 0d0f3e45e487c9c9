"""Finds connectors by name. Built-in ones come in by the same door as a third party's: an entry point."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from connectors.base import Connector
from connectors.problems import nearest

GROUP = "pointman.connectors"


@cache
def available() -> Mapping[str, EntryPoint]:
    """Every installed kind of connector by its name; nothing is loaded."""
    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def load(kind: str) -> type[Connector]:
    """The class of a kind of connector. Raises LookupError with the nearest right name."""
    point = available().get(kind)
    if point is None:
        hint = nearest(kind, available())
        raise LookupError(f"there is no connector {kind}" + (f"; {hint}" if hint else ""))
    loaded = point.load()
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise LookupError(f"the connector {kind} is not a connectors.base.Connector: {loaded!r}")
    return loaded
