"""What Slack refuses in a message: the documented limits of blocks and texts, and the measured one of their sum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

TEXT = 40_000
BLOCKS = 50
ALL_BLOCKS = 13_200
_LENGTHS = {"header": 150, "section": 3_000}
_RICH = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}


def refusal(text: str, blocks: list[Json]) -> tuple[str, list[str]]:
    """The code Slack would answer with, and its details; empty where the message is well."""
    if not text and not blocks:
        return "no_text", []
    if len(text) > TEXT:
        return "msg_too_long", []
    details = list(_wrong(blocks))
    if details:
        return "invalid_blocks", details
    if blocks and len(json.dumps(blocks, ensure_ascii=False)) > ALL_BLOCKS:
        return "msg_blocks_too_long", []
    return "", []


def _wrong(blocks: list[Json]) -> Iterator[str]:
    if len(blocks) > BLOCKS:
        yield f"no more than {BLOCKS} items allowed [json-pointer:/blocks]"
    for number, block in enumerate(blocks):
        at = f"[json-pointer:/blocks/{number}]"
        kind = block.get("type")
        if kind in _LENGTHS:
            yield from (f"{said} {at}" for said in _text(block.get("text"), _LENGTHS[kind]))
        elif kind == "rich_text":
            yield from (f"{said} {at}" for said in _rich(block))
        elif kind == "actions":
            yield from (f"{said} {at}" for said in _actions(block))
        elif kind not in {"divider", "context"}:
            yield f"unsupported type: {kind} {at}"


def _text(text: Any, limit: int) -> Iterator[str]:
    said = text.get("text") if isinstance(text, dict) else None
    if not isinstance(said, str) or not said:
        yield "must be more than 0 characters"
    elif len(said) > limit:
        yield f"must be less than {limit + 1} characters"


def _rich(block: Json) -> Iterator[str]:
    if not block.get("elements"):
        yield "missing required field: elements"
    for element in block.get("elements") or ():
        if element.get("type") not in _RICH:
            yield f"unsupported type: {element.get('type')}"
        for inner in element.get("elements") or [{}]:
            if element.get("type") == "rich_text_list":
                yield from _rich({"elements": [inner]})
            elif inner.get("type") not in {"text", "link"} or not inner.get("text"):
                yield "must be more than 0 characters"


def _actions(block: Json) -> Iterator[str]:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 25:
        yield "between 1 and 25 elements are allowed"
    if len({element.get("action_id") for element in elements}) < len(elements):
        yield "action_id must be unique"
    for element in elements:
        yield from _text(element.get("text"), 75)
        if len(element.get("value") or "") > 2_000 or len(element.get("action_id") or "") > 255:
            yield "value or action_id too long"
        if element.get("style") not in {None, "primary", "danger"}:
            yield f"invalid style: {element.get('style')}"
