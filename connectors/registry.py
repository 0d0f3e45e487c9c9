"""Finds connectors by name. Built-in ones come in by the same door as a third party's: an entry point."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from connectors.base import Connector, Tracker
from connectors.config import ConnectorSettings, TrackerSettings
from connectors.problems import nearest

GROUP = "pointman.connectors"


@cache
def available() -> Mapping[str, EntryPoint]:
    """Every installed kind of connector by its name; nothing is loaded."""
    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def load(kind: str) -> type[Connector]:
    """The class of a kind of connector. Raises LookupError with the nearest right name."""
    loaded = _point(kind).load()
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise LookupError(f"the connector {kind} is not a connectors.base.Connector: {loaded!r}")
    if issubclass(loaded, Tracker) != issubclass(loaded.Settings, TrackerSettings):
        raise LookupError(f"the settings of the connector {kind} must say by their class whether it is a tracker")
    return loaded


@cache
def settings(kind: str) -> type[ConnectorSettings]:
    """The settings of a kind of connector. Raises LookupError with the nearest right name.

    Where the module of the entry point offers them as `Settings`, nothing else is loaded: products speak through
    libraries that take half a second to import.
    """
    found = getattr(import_module(_point(kind).module), "Settings", None)
    if isinstance(found, type) and issubclass(found, ConnectorSettings):
        return found
    return load(kind).Settings


def _point(kind: str) -> EntryPoint:
    point = available().get(kind)
    if point is None:
        hint = nearest(kind, available())
        raise LookupError(f"there is no connector {kind}" + (f"; {hint}" if hint else ""))
    return point
