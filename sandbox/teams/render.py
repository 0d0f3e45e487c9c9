"""Adaptive Cards and texts as Teams would show them, as HTML for the page of the sandbox. All that is text is escaped.

    card(content, at, label) -> a card as a form: fields to fill in, and buttons that are sent with them
    markdown(text)           -> the little Markdown that Teams knows: bold, italic, strike, links, lists, lines

A button's value is its number among `cards.actions`, which is what a click needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from sandbox.teams.cards import actions
from sandbox.teams.world import Json

_LINK: Final = re.compile(r"\[([^\]\n]+)\]\(([^()\s]+)\)")
_ESCAPED: Final = re.compile(r"\\([\\`*_{}\[\]()#+\-.!~<>|])")
_STYLES: Final = ((r"\*\*(?=\S)(.+?)(?<=\S)\*\*", "strong"), (r"~~(?=\S)(.+?)(?<=\S)~~", "s"))
_SLANTED: Final = re.compile(r"(?<![\w*_])([*_])(?=\S)([^*_\n]+?)(?<=\S)\1(?![\w*_])")
_ITEM: Final = re.compile(r"(?:[-*]|(\d+)\.)\s+(.*)")
_SAFE: Final = ("http://", "https://", "mailto:")
_SIZES: Final = {"small", "medium", "large", "extralarge"}
_TONES: Final = {"good", "warning", "attention", "accent", "emphasis"}
_BUTTONS: Final = {"positive": "primary", "destructive": "danger"}


@dataclass(frozen=True, slots=True)
class At:
    """Where a card stands: `id` is unlike that of any other card on the page, `still`: nobody can click there."""

    id: str
    still: bool = False


def card(content: Json, at: At, hidden: str = "") -> str:
    """A card; `hidden` is HTML that its form carries along. A card with nothing to click is no form."""
    known = [action for _, action in actions(content)]
    inside = _whole(content, at, known)
    if at.still or not known:
        return f'<div class="card">{inside}</div>'
    return f'<form class="card" method="post" action="/do/press" data-form="press">{hidden}{inside}</form>'


def markdown(text: str) -> str:
    """A text of a bot."""
    told: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        item = _ITEM.fullmatch(line.strip())
        if item is None:
            told.append(inline(line))
        else:
            told.append(f'<span class="item">{f"{item[1]}." if item[1] else "•"} {inline(item[2])}</span>')
    return f"<p>{'<br>'.join(told)}</p>".replace("</span><br>", "</span>")


def inline(text: str) -> str:
    """One line of it."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(escape(found[1]))
        return f"\x00{len(kept) - 1}\x00"

    text = _ESCAPED.sub(keep, text.replace("\x00", ""))
    parts = _LINK.split(text)
    shown = ""
    for number in range(0, len(parts), 3):
        shown += _styled(escape(parts[number], quote=False))
        if number + 2 < len(parts):
            shown += _link(parts[number + 2], _styled(escape(parts[number + 1], quote=False)))
    return re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], shown)


def _styled(shown: str) -> str:
    for pattern, tag in _STYLES:
        shown = re.sub(pattern, rf"<{tag}>\1</{tag}>", shown)
    return _SLANTED.sub(r"<em>\2</em>", shown)


def _link(url: str, label: str) -> str:
    return f'<a href="{escape(url)}" rel="noopener">{label}</a>' if url.startswith(_SAFE) else label


# ---- elements


def _whole(content: Json, at: At, known: list[Json]) -> str:
    body = "".join(_element(element, at, known) for element in content.get("body") or ())
    return body + _actions(content.get("actions") or (), at, known)


def _element(element: Json, at: At, known: list[Json]) -> str:
    kind = str(element.get("type"))
    if element.get("isVisible") is False:
        return ""
    if kind == "TextBlock":
        return _text(element)
    if kind == "RichTextBlock":
        tight = " tight" if element.get("spacing") == "None" else ""
        return f'<div class="text{tight}">{"".join(_run(run) for run in element["inlines"])}</div>'
    if kind == "FactSet":
        return f'<dl class="facts">{"".join(_facts(element))}</dl>'
    if kind == "ActionSet":
        return _actions(element.get("actions") or (), at, known)
    if kind == "Image":
        return f'<div class="text subtle">{escape(str(element.get("altText") or "a picture"))}</div>'
    if kind == "Table":
        rows = "".join(f"<tr>{''.join(_cell(c, at, known) for c in row['cells'])}</tr>" for row in element["rows"])
        return f"<table>{rows}</table>"
    if kind.startswith("Input."):
        return _input(element, at)
    return _group(element, kind, at, known)


def _group(element: Json, kind: str, at: At, known: list[Json]) -> str:
    """A container, or columns beside each other."""
    tone = str(element.get("style", "")).lower()
    marked = f" tone-{tone}" if tone in _TONES else ""
    if kind == "ColumnSet":
        columns = "".join(
            f'<div class="column{"" if c.get("width") == "auto" else " wide"}">{_all(c.get("items"), at, known)}</div>'
            for c in element.get("columns") or ()
        )
        return f'<div class="columns{marked}">{columns}</div>'
    return f'<div class="container{marked}">{_all(element.get("items"), at, known)}</div>'


def _all(items: Any, at: At, known: list[Json]) -> str:
    return "".join(_element(item, at, known) for item in items or ())


def _cell(cell: Json, at: At, known: list[Json]) -> str:
    return f"<td>{_all(cell.get('items'), at, known)}</td>"


def _text(element: Json) -> str:
    size, tone = str(element.get("size", "")).lower(), str(element.get("color", "")).lower()
    classes = ["text"]
    classes += [size] if size in _SIZES else []
    classes += [f"ink-{tone}"] if tone in _TONES else []
    classes += ["bolder"] if str(element.get("weight", "")).lower() == "bolder" else []
    classes += ["subtle"] if element.get("isSubtle") else []
    classes += ["spaced"] if element.get("separator") else []
    return f'<div class="{" ".join(classes)}">{markdown(str(element["text"]))}</div>'


def _run(run: Any) -> str:
    if isinstance(run, str):
        return escape(run)
    shown = escape(str(run.get("text", ""))).replace("\n", "<br>")
    size, bold = str(run.get("size", "")).lower(), str(run.get("weight", "")).lower() == "bolder"
    styles = (("code", run.get("fontType") == "Monospace"), ("em", run.get("italic")), ("s", run.get("strikethrough")))
    for tag, on in (*styles, ("strong", bold)):
        shown = f"<{tag}>{shown}</{tag}>" if on else shown
    action = run.get("selectAction") or {}
    shown = _link(str(action["url"]), shown) if action.get("type") == "Action.OpenUrl" else shown
    return f'<span class="{size}">{shown}</span>' if size in _SIZES else shown


def _facts(element: Json) -> Iterator[str]:
    for fact in element.get("facts") or ():
        yield f"<div><dt>{inline(fact['title'])}</dt><dd>{inline(fact['value'])}</dd></div>"


def _actions(given: Any, at: At, known: list[Json]) -> str:
    told = "".join(_action(action, at, known) for action in given)
    return f'<div class="actions">{told}</div>' if told else ""


def _action(action: Json, at: At, known: list[Json]) -> str:
    title = escape(str(action.get("title") or "Open"))
    if action["type"] == "Action.OpenUrl":
        return f'<a class="press" href="{escape(str(action["url"]))}" rel="noopener">{title}</a>'
    if action["type"] == "Action.ShowCard":
        return f"<details><summary>{title}</summary>{_whole(action['card'], at, known)}</details>"
    if action["type"] == "Action.ToggleVisibility":
        return ""
    number = next((n for n, one in enumerate(known) if one is action), -1)
    style = _BUTTONS.get(str(action.get("style")), "plain")
    still = " disabled" if at.still or action.get("isEnabled") is False else ""
    return f'<button class="{style}" name="button" value="{number}"{still}>{title}</button>'


# ---- fields


def _input(element: Json, at: At) -> str:
    kind, id_ = element["type"], f"{at.id}-{element['id']}"
    label = escape(str(element.get("label") or element.get("title") or element.get("placeholder") or element["id"]))
    must = ' <span aria-hidden="true">*</span>' if element.get("isRequired") else ""
    named = f'id="{escape(id_)}" name="field:{escape(element["id"])}"{" disabled" if at.still else ""}'
    value = escape(str(element.get("value") or ""))
    hint = f' placeholder="{escape(str(element["placeholder"]))}"' if element.get("placeholder") else ""
    if kind == "Input.ChoiceSet":
        field = f"<select {named}>{_choices(element)}</select>"
    elif kind == "Input.Toggle":
        on = escape(str(element.get("valueOn", "true")))
        ticked = " checked" if value == on else ""
        field = f'<input type="checkbox" {named} value="{on}"{ticked}>'
    elif kind == "Input.Text" and element.get("isMultiline"):
        field = f'<textarea {named} rows="3"{hint}>{value}</textarea>'
    else:
        sort = {"Input.Number": "number", "Input.Date": "date", "Input.Time": "time"}.get(kind, "text")
        field = f'<input type="{sort}" {named} value="{value}" autocomplete="off"{hint}>'
    return f'<div class="field"><label for="{escape(id_)}">{label}{must}</label>{field}</div>'


def _choices(element: Json) -> str:
    chosen = str(element.get("value") or "")
    first = "" if chosen else '<option value=""></option>'
    return first + "".join(_choice(choice, chosen) for choice in element.get("choices") or ())


def _choice(choice: Json, chosen: str) -> str:
    picked = " selected" if choice["value"] == chosen else ""
    return f'<option value="{escape(choice["value"])}"{picked}>{escape(choice["title"])}</option>'
