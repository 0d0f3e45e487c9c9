"""Describes settings to people and to editors: every connector's table, `config.toml`, and rule files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from connectors import registry
from connectors.base import Connector
from sync.config import Config

Schema = dict[str, Any]


def rows(kind: type[Connector]) -> Iterator[tuple[str, str, str, str]]:
    """A connector's settings: name, type, whether it must be said or else its default, what it is."""
    yield from _rows(schema(kind), schema(kind), "")


def schema(kind: type[Connector]) -> Schema:
    """The JSON Schema of a connector's table."""
    return _schema(kind.Settings)


def of_config() -> Schema:
    """The JSON Schema of `config.toml`, with the table of every installed connector under its own name."""
    made = _schema(Config)
    tables = {name: schema(registry.load(name)) for name in sorted(registry.available())}
    made["$defs"] = {
        **made.get("$defs", {}),
        **{key: one for t in tables.values() for key, one in t.pop("$defs", {}).items()},
    }
    for one in tables.values():
        one.pop("required", None)  # the environment may say it
    made["properties"]["connectors"] = {
        "description": "One table for each connector. Another name than the kind's says which it is with `use`.",
        "type": "object",
        "properties": tables,
        "additionalProperties": {"type": "object", "required": ["use"]},
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Pointman's config.toml"}


def of_rules() -> Schema:
    """The JSON Schema of rule files."""
    from rules.schema import schema as of_files

    return dict(of_files())


def of_packs() -> Schema:
    """The JSON Schema of packs of rules."""
    from rules.schema import of_packs as of_files

    return dict(of_files())


def of_drills() -> Schema:
    """JSON Schema of a scenario of `pointman drill`."""
    from sync.drill.language import schema as of_files

    return of_files()


PRINTED: Mapping[str, Callable[[], Schema]] = {
    "rules": of_rules,
    "config": of_config,
    "pack": of_packs,
    "drill": of_drills,
}
"""What `pointman schema` prints, by what it is asked for."""


def _schema(model: type[BaseModel]) -> Schema:
    """Pydantic's, with lengths of time as they are written, and one text where a list of texts may stand."""
    made = model.model_json_schema()
    for one in list(_every(made)):
        if one.get("format") == "duration":
            del one["format"], one["type"]
            one["anyOf"] = [{"type": "string", "pattern": "^[0-9wdhms]+$"}, {"type": "number", "exclusiveMinimum": 0}]
            one.pop("default", None)
        elif one.get("type") == "array" and one.get("items") == {"type": "string"}:
            one["anyOf"] = [{"type": "string"}, {"type": one.pop("type"), "items": one.pop("items")}]
    return made


def _every(value: Any) -> Iterator[Schema]:
    if isinstance(value, dict):
        yield value
        for each in list(value.values()):
            yield from _every(each)
    elif isinstance(value, list):
        for each in value:
            yield from _every(each)


def _rows(whole: Schema, table: Schema, before: str) -> Iterator[tuple[str, str, str, str]]:
    required = table.get("required", ())
    for name, one in table.get("properties", {}).items():
        inner = _resolved(whole, one)
        if inner.get("type") == "object" and "properties" in inner:
            yield f"{before}{name}.", "table", "", one.get("description", inner.get("description", ""))
            yield from _rows(whole, inner, f"{before}{name}.")
            continue
        default = "required" if name in required else _default(one.get("default"))
        yield before + name, _type(whole, one), default, one.get("description", "")


def _resolved(whole: Schema, one: Schema) -> Schema:
    reference = one.get("$ref", "")
    found: Schema = whole["$defs"][reference.rpartition("/")[2]] if reference else one
    return found


def _type(whole: Schema, one: Schema) -> str:
    one = _resolved(whole, one)
    if "enum" in one:
        return " or ".join(map(str, one["enum"]))
    if "anyOf" in one:
        return " or ".join(dict.fromkeys(_type(whole, each) for each in one["anyOf"] if each.get("type") != "null"))
    if one.get("format") == "password":
        return "secret"
    plain = {"string": "text", "integer": "number", "boolean": "true or false", "array": "list", "object": "table"}
    said = str(one.get("type", "anything"))
    return plain.get(said, said)


def _default(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
