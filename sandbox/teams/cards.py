"""What Teams refuses in an Adaptive Card, and what people fill in and click in one.

Teams renders up to version 1.5: https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
A card of a newer version it replaces by a note that it cannot be shown, an element that it does not know it drops
without a word; the sandbox answers 400 to both, so that nobody sends them unawares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.teams.world import ADAPTIVE, Json

SIZE: Final = 28 * 1024
"""A message may have so many bytes: https://learn.microsoft.com/microsoftteams/limits-specifications-teams"""
NEWEST: Final = (1, 5)
REFRESHED: Final = 60
"""So many people may have a card refreshed for them alone."""

_ELEMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "TextBlock": ("text",),
    "RichTextBlock": ("inlines",),
    "Image": ("url",),
    "ImageSet": ("images",),
    "Media": ("sources",),
    "Container": ("items",),
    "ColumnSet": (),
    "FactSet": ("facts",),
    "ActionSet": ("actions",),
    "Table": ("columns", "rows"),
    "Input.Text": ("id",),
    "Input.Number": ("id",),
    "Input.Date": ("id",),
    "Input.Time": ("id",),
    "Input.Toggle": ("id", "title"),
    "Input.ChoiceSet": ("id",),
}
_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Action.Execute": (),
    "Action.Submit": (),
    "Action.OpenUrl": ("url",),
    "Action.ShowCard": ("card",),
    "Action.ToggleVisibility": ("targetElements",),
}
_STYLES: Final = {None, "default", "positive", "destructive"}


def wrong(card: Any) -> Iterator[str]:
    """Everything that is wrong with a card, each in a sentence."""
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        yield "the content is no AdaptiveCard"
        return
    version = re.fullmatch(r"(\d+)\.(\d+)", str(card.get("version", "")))
    if version is None:
        yield "the card has no version"
    elif (int(version[1]), int(version[2])) > NEWEST:
        yield f"version {card['version']} is newer than 1.5"
    yield from _card(card)


def _card(card: Json) -> Iterator[str]:
    for element in _list(card.get("body")):
        yield from _element(element)
    for action in _list(card.get("actions")):
        yield from _action(action)
    ids = [element["id"] for element in elements(card) if element.get("id")]
    yield from (f"the id {id_} is there twice" for id_ in sorted({i for i in ids if ids.count(i) > 1}))
    refresh = card.get("refresh")
    if refresh is not None:
        yield from _action(refresh.get("action") or {})
        if len(refresh.get("userIds") or ()) > REFRESHED:
            yield f"more than {REFRESHED} people are to be refreshed"


def _element(element: Any) -> Iterator[str]:
    kind = str(element.get("type") if isinstance(element, dict) else element)
    if not isinstance(element, dict) or kind not in _ELEMENTS:
        yield f"unknown element {kind}"
        return
    yield from (f"{kind} has no {name}" for name in _ELEMENTS[kind] if element.get(name) in (None, "", []))
    for fact in _list(element.get("facts")):
        if not isinstance(fact.get("title"), str) or not isinstance(fact.get("value"), str):
            yield "a fact's title and value are text"
    if kind == "Input.ChoiceSet":
        for choice in _list(element.get("choices")):
            if not isinstance(choice.get("title"), str) or not isinstance(choice.get("value"), str):
                yield "a choice's title and value are text"
    if kind == "TextBlock" and not isinstance(element.get("text"), str):
        yield "a TextBlock's text is text"
    for part in _parts(element):
        yield from _element(part)
    for action in (*_list(element.get("actions")), *_list([element.get("selectAction")])):
        yield from _action(action)


def _action(action: Any) -> Iterator[str]:
    kind = str(action.get("type") if isinstance(action, dict) else action)
    if not isinstance(action, dict) or kind not in _ACTIONS:
        yield f"unknown action {kind}"
        return
    yield from (f"{kind} has no {name}" for name in _ACTIONS[kind] if not action.get(name))
    if action.get("style") not in _STYLES:
        yield f"unknown style {action['style']}"
    if kind == "Action.OpenUrl" and not re.match(r"(https?|mailto|msteams):", str(action.get("url"))):
        yield "an address to open begins with https:"
    if kind == "Action.ShowCard" and isinstance(action.get("card"), dict):
        yield from _card(action["card"])


def _parts(element: Json) -> Iterator[Any]:
    """The elements inside one."""
    yield from _list(element.get("items"))
    yield from _list(element.get("images"))
    for column in _list(element.get("columns")):
        yield from _list(column.get("items"))
    for row in _list(element.get("rows")):
        for cell in _list(row.get("cells")):
            yield from _list(cell.get("items"))


def _list(value: Any) -> list[Any]:
    return [one for one in value if one is not None] if isinstance(value, list) else []


def elements(card: Json) -> Iterator[Json]:
    """Every element of a card, those inside others too; a card that a button shows is one of its own."""
    waiting = _list(card.get("body"))
    while waiting:
        element = waiting.pop(0)
        if isinstance(element, dict):
            yield element
            waiting = [*_parts(element), *waiting]


def actions(card: Json | None) -> Iterator[tuple[Json, Json]]:
    """Every button of a card with the card it stands on: those of cards that buttons show are inside those."""
    if card is None:
        return
    inside = (action for element in elements(card) for action in _list(element.get("actions")))
    for action in (*inside, *_list(card.get("actions"))):
        yield card, action
        if action.get("type") == "Action.ShowCard":
            yield from actions(action.get("card"))


def words(card: Json) -> str:
    """What a card says, as plain text: a line for each of its texts and facts."""
    told = []
    for element in elements(card):
        runs = (run if isinstance(run, str) else str(run.get("text", "")) for run in _list(element.get("inlines")))
        if element.get("type") == "RichTextBlock":
            told.append("".join(runs))
        elif element.get("type") == "TextBlock":
            told.append(str(element.get("text", "")))
        told += [f"{fact.get('title')}: {fact.get('value')}" for fact in _list(element.get("facts"))]
    return "\n".join(told)


def inputs(card: Json) -> Iterator[Json]:
    """The fields to be filled in on a card."""
    return (element for element in elements(card) if str(element.get("type")).startswith("Input."))


def filled(card: Json, given: Mapping[str, str]) -> dict[str, str]:
    """What a button sends of a card's fields: given, or what stood there. Raises ValueError where Teams stops one."""
    told = {}
    known = {element["id"] for element in inputs(card)}
    if strange := set(given) - known:
        raise ValueError(f"there is no field {', '.join(sorted(strange))}")
    for element in inputs(card):
        value = given.get(element["id"], str(element.get("value") or ""))
        if not value and element.get("isRequired"):
            raise ValueError(element.get("errorMessage") or f"{element.get('label', element['id'])} is required")
        _held(element, value)
        if value:
            told[element["id"]] = value
    return told


def _held(element: Json, value: str) -> None:
    said = element.get("errorMessage") or f"{element.get('label', element['id'])} is not well"
    choices = {choice["value"] for choice in _list(element.get("choices"))}
    if value and choices and not set(value.split(",")) <= choices:
        raise ValueError(f"there is no choice {value}")
    if value and element.get("regex") and not re.search(element["regex"], value):
        raise ValueError(said)
    if len(value) > int(element.get("maxLength") or len(value)):
        raise ValueError(said)


def attached(activity: Json) -> Json | None:
    """The card that an activity or a webhook's message carries; None where there is none."""
    for one in _list(activity.get("attachments")):
        if isinstance(one, dict) and one.get("contentType") == ADAPTIVE:
            content = one.get("content")
            return content if isinstance(content, dict) else {}
    return None
