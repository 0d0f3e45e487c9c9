"""The language of rule files as JSON Schema, for editors: the first line `#:schema ./rules.schema.json` finds it.

It is made of the same description that files are read by, so it cannot say anything else. It knows shapes and our own
words; the names that a company gives are checked by `pointman check`, which knows all files.
"""

from __future__ import annotations

from rules.language import DEFAULTS, KINDS, TABLES, TEST
from rules.values import Schema


def schema() -> Schema:
    """JSON Schema (draft 7) of one rule file."""
    defaults = {**DEFAULTS.schema()}
    defaults.pop("required", None)  # another file may give it
    properties: Schema = {"defaults": defaults}
    properties |= {table: kind.schema() for table, kind in TABLES.items()}
    properties |= {kind: _many(record.schema()) for kind, record in KINDS.items()}
    properties["change"] = {
        "type": "object",
        "description": 'what is different in a rule of a pack: [change."incident.card"]',
        "additionalProperties": {"type": "object", "additionalProperties": True},
    }
    properties["test"] = _many(TEST.schema())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules of Pointman",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}
