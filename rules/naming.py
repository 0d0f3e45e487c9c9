"""Collects every name that the files give, before anything else is read, so that each may be used before its table.

It is lenient: what is wrong with a table is told when the table is read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from rules.model import Field, Type
from rules.reading import TABLES, Names
from rules.references import PRODUCTS
from rules.sayings import text_words
from rules.toml import Node
from rules.vocabulary import Vocabulary

SCALES: Mapping[str, tuple[str, ...]] = {
    "severity": ("low", "medium", "high"),
    "criticality": ("low", "medium", "high", "critical"),
}
"""The scales that are there without being written."""

Tables = Mapping[str, Mapping[str, Node]]


def names_of(tables: Tables, connectors: Collection[str], *, whole: bool) -> Names:
    """Every name. `connectors` are those set up, empty where that is not known; `whole`: every file could be read."""
    scales = {**SCALES, **_scales(tables)}
    fields = {name: _field(name, node, scales) for name, node in tables.get("fields", {}).items()}
    known: dict[str, Collection[str]] = {sort: tuple(tables.get(table, ())) for sort, table in TABLES.items()}
    known["scale"] = tuple(scales)
    known["connector"] = tuple(dict.fromkeys([*PRODUCTS, *connectors]))
    skills = (skill for node in tables.get("people", {}).values() for skill in _strings(_get(node, "skills")))
    known["skill"] = tuple(dict.fromkeys(skills))
    teams = tables.get("teams", {})
    names = Names(
        known=known,
        scales=scales,
        fields=fields,
        lists={name: _strings(node) for name, node in tables.get("lists", {}).items()},
        teams={name: frozenset(node.value if isinstance(node.value, dict) else ()) for name, node in teams.items()},
        audiences={name: _words(node) for name, node in tables.get("audiences", {}).items()},
        connectors=frozenset(known["connector"]),
        configured=frozenset(connectors) or None,
        whole=whole,
    )
    known["word of a text"] = tuple(sorted(text_words(names)))
    return names


def _get(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        if node is None or not isinstance(node.value, dict):
            return None
        node = node.value.get(key)
    return node


def _strings(node: Node | None) -> tuple[str, ...]:
    if node is None or not isinstance(node.value, list):
        return ()
    return tuple(item.value for item in node.value if isinstance(item.value, str))


def _scales(tables: Tables) -> dict[str, tuple[str, ...]]:
    return {name: _strings(node) for name, node in tables.get("scales", {}).items()}


def _field(name: str, node: Node, scales: Mapping[str, tuple[str, ...]]) -> Field:
    said, scale = _get(node, "type"), _get(node, "scale")
    type_: Type = said.value if said is not None and said.value in get_args(Type) else "text"
    if scale is not None and isinstance(scale.value, str) and scale.value in scales:
        return Field(name, "choice", scales[scale.value], scale.value)
    return Field(name, type_, _strings(_get(node, "options")))


def _words(node: Node) -> frozenset[str] | None:
    external = _get(node, "external")
    return frozenset(_strings(_get(node, "fields"))) if external is not None and external.value is True else None


def vocabulary(names: Names) -> Vocabulary:
    """What a condition may name."""
    return Vocabulary.standard(names.scales, names.fields, names.known, names.lists)
