"""A message as Slack's blocks: a header, rich text, buttons.

The text becomes `rich_text` blocks, not mrkdwn sections. In mrkdwn only `&`, `<` and `>` can be escaped: a title such
as `use *all* memory` would come out bold, and there is no documented way to stop it. The texts of `rich_text` are
plain and their styles stand beside them, so what came from a ticket cannot be markup, a link or a mention; Slack
itself recommends it over mrkdwn. Titles and labels are text objects, where `&`, `<` and `>` are escaped as documented.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from markdown_it.tree import SyntaxTreeNode

from connectors.markup import lines, linked, plain, words
from connectors.model import Button, Message, Topic

Json: TypeAlias = dict[str, Any]
Style: TypeAlias = tuple[str, ...]

HEADER = 150
LABEL = 75
FALLBACK = 3_000
ROOM = 11_000
"""Characters that all blocks of a message may take as JSON. Slack's limit on the sum is undocumented and was met
between 11,300 and 13,300 characters of text (slackapi/bolt-js issues 2509 and 2867)."""
BUTTONS = 25
CUT = "…"
MARKS = ("⚪", "🟡", "🟠", "🔴")
"""From calm to worst."""
LINKS = ("http://", "https://", "mailto:")


def blocks(message: Message) -> list[Json]:
    """The blocks of a message, cut to Slack's limits with a visible ellipsis."""
    made: list[Json] = []
    if title := plain(message.title).replace("\n", " "):
        title = cut(_mark(message.colour) + title, HEADER)
        made.append({"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}})
    actions = [{"type": "actions", "elements": _buttons(message.buttons)}] if message.buttons else []
    room = ROOM - _size(made) - _size(actions)
    return [*made, *rich_text(message.text, room, message.about), *actions]


def _mark(colour: float | None) -> str:
    """A coloured circle before a title: the only colour Slack shows outside its old attachments."""
    return "" if colour is None else f"{MARKS[min(int(colour * len(MARKS)), len(MARKS) - 1)]} "


def fallback(message: Message) -> str:
    """The message as plain text, for notifications and screen readers."""
    title = plain(message.title)
    text = plain(message.text)
    return cut("\n".join(part for part in (title, text) if part), FALLBACK) or CUT


def escape(text: str) -> str:
    """Text for a Slack text object: the three characters that begin Slack's own markup become entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """Text escaped for a text object and cut to a limit in characters, never within an entity."""
    escaped = escape(text)
    if len(escaped) <= limit:
        return escaped
    end, room = 0, limit - len(CUT)
    while end < len(text) and (room := room - len(escape(text[end]))) >= 0:
        end += 1
    return escape(text[:end].rstrip()) + CUT


def without_buttons(made: Sequence[Json]) -> list[Json]:
    """The blocks of a message without its buttons."""
    return [block for block in made if block.get("type") != "actions"]


def _buttons(buttons: Sequence[Button]) -> list[Json]:
    """An action id is the verb, numbered from the second on, as it has to be unique within its block."""
    made: list[Json] = []
    counts: dict[str, int] = {}
    for button in buttons[:BUTTONS]:
        counts[button.verb] = counts.get(button.verb, 0) + 1
        number = f"#{counts[button.verb]}" if counts[button.verb] > 1 else ""
        element: Json = {
            "type": "button",
            "action_id": f"{button.verb}{number}",
            "text": {"type": "plain_text", "text": cut(button.label, LABEL), "emoji": False},
            "value": json.dumps({"ref": button.ref}),
        }
        made.append({**element, "style": button.style} if button.style else element)
    return made


# ---- Markdown to rich text


def rich_text(text: str, room: int = ROOM, about: Topic | None = None) -> list[Json]:
    """A Markdown text as at most one `rich_text` block whose JSON takes no more than `room` characters.

    The bare address of the ticket that it is `about` is shown as its key.
    """
    elements = _fitting([e for e in _blocks(linked(text, about).children, 0) if e["elements"]], room - 40)
    return [{"type": "rich_text", "elements": elements}] if elements else []


def _blocks(nodes: Sequence[SyntaxTreeNode], indent: int) -> Iterator[Json]:
    for index, node in enumerate(nodes):
        if node.type in {"paragraph", "heading"}:
            yield _section(node, "" if index == len(nodes) - 1 else "\n")
        elif node.type in {"bullet_list", "ordered_list"}:
            yield from _list(node, indent)
        elif node.type == "blockquote":
            yield {"type": "rich_text_quote", "elements": _lines(node.children)}
        elif node.type in {"fence", "code_block"}:
            yield {"type": "rich_text_preformatted", "elements": [_text(node.content.rstrip("\n") or " ", ())]}
        elif node.type == "hr":
            yield {"type": "rich_text_section", "elements": [_text("———\n", ())]}
        elif node.type == "table":
            yield {"type": "rich_text_preformatted", "elements": [_text(_table(node), ())]}


def _section(node: SyntaxTreeNode, end: str = "") -> Json:
    style = ("bold",) if node.type == "heading" else ()
    return {"type": "rich_text_section", "elements": _joined([*_inline(node, style), _text(end, ())])}


def _list(node: SyntaxTreeNode, indent: int) -> Iterator[Json]:
    """A list, in parts around the lists within it: Slack nests by `indent`, and goes on counting by `offset`."""
    ordered = node.type == "ordered_list"
    first = int(node.attrs.get("start", 1))
    items: list[Json] = []
    done = first - 1

    def flush() -> Iterator[Json]:
        nonlocal done
        if items:
            offset = {"offset": done} if ordered and done else {}
            style = "ordered" if ordered else "bullet"
            yield {"type": "rich_text_list", "style": style, "indent": indent, **offset, "elements": list(items)}
            done += len(items)
            items.clear()

    for item in node.children:
        inner = [child for child in item.children if child.type in {"bullet_list", "ordered_list"}]
        own = [child for child in item.children if child not in inner]
        items.append({"type": "rich_text_section", "elements": _lines(own) or [_text(" ", ())]})
        if inner:
            yield from flush()
            for child in inner:
                yield from _list(child, min(indent + 1, 8))
    yield from flush()


def _lines(nodes: Sequence[SyntaxTreeNode]) -> list[Json]:
    """Blocks where Slack allows none: their text in one line after another."""
    made: list[Json] = []
    for node in nodes:
        if made:
            made.append(_text("\n", ()))
        if node.type in {"paragraph", "heading"}:
            made += _section(node)["elements"]
        elif node.type in {"fence", "code_block"}:
            made.append(_text(node.content.rstrip("\n"), ("code",)))
        else:
            made.append(_text("\n".join(lines(node)), ()))
    return _joined(made)


def _table(node: SyntaxTreeNode) -> str:
    rows = [[words(cell) for cell in row.children] for part in node.children for row in part.children]
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(widths[n]) for n, cell in enumerate(row)).rstrip() for row in rows)


_STYLES: Mapping[str, str] = {"strong": "bold", "em": "italic", "s": "strike"}


def _inline(node: SyntaxTreeNode, style: Style) -> Iterator[Json]:
    if node.type == "text":
        yield _text(node.content, style)
    elif node.type in {"softbreak", "hardbreak"}:
        yield _text("\n", style)
    elif node.type == "code_inline":
        yield _text(node.content, (*style, "code"))
    elif node.type in {"link", "image"}:
        yield from _link(node, style)
    else:
        within = (*style, _STYLES[node.type]) if node.type in _STYLES else style
        for child in node.children:
            yield from _inline(child, within)


def _link(node: SyntaxTreeNode, style: Style) -> Iterator[Json]:
    url = str(node.attrs.get("href") or node.attrs.get("src") or "")
    if not url.startswith(LINKS):
        yield _text(words(node), style)
        return
    yield {"type": "link", "url": url, "text": words(node) or url, **_styled(style)}


def _text(text: str, style: Style) -> Json:
    return {"type": "text", "text": text, **_styled(style)}


def _styled(style: Style) -> Json:
    return {"style": dict.fromkeys(style, True)} if style else {}


def _joined(elements: Sequence[Json]) -> list[Json]:
    """Neighbouring texts of one style as one, empty ones left out: Slack refuses an empty text."""
    made: list[Json] = []
    for element in elements:
        last = made[-1] if made else {}
        if element["type"] == "text" and not element["text"]:
            continue
        if element["type"] == last.get("type") == "text" and element.get("style") == last.get("style"):
            made[-1] = {**last, "text": last["text"] + element["text"]}
        else:
            made.append(element)
    return made


# ---- limits


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _fitting(elements: Sequence[Json], room: int) -> list[Json]:
    """The first elements whose JSON fits; the one that does not is cut within, and ends in an ellipsis."""
    kept: list[Json] = []
    for element in elements:
        size = _size(element) + 1
        if size > room:
            kept.append(_cut_element(element, room))
            return kept
        kept.append(element)
        room -= size
    return kept


def _cut_element(element: Json, room: int) -> Json:
    if "elements" not in element:
        overhead = _size({**element, "text": ""})
        text = str(element.get("text", ""))
        keep = max(0, room - overhead - len(CUT) - 2)
        while keep and _size(text[:keep]) > room - overhead:
            keep = keep * 9 // 10
        return {**element, "text": text[:keep].rstrip() + CUT}
    return {**element, "elements": _fitting(element["elements"], room - _size({**element, "elements": []}))}
