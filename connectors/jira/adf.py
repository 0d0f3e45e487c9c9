"""Markdown as an Atlassian Document, and back: the form of rich text on Jira Cloud.

Source of the rules: Atlassian's JSON schema of documents (`@atlaskit/adf-schema`, full.json). Its strictest: a quote
holds no heading, a list item no table or quote, a text is never empty, and code bears no other mark than a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from markdown_it.tree import SyntaxTreeNode

from connectors.markup import inert, parse, words

Node: TypeAlias = dict[str, Any]
_ORDER = ("strong", "em", "strike", "code", "link")
_MARKS = {"strong": "strong", "em": "em", "s": "strike"}
_LINK = re.compile(r"^(?:https?|mailto|ftp):|^[#/]", re.IGNORECASE)


def to_adf(text: str) -> Node:
    """The document of a Markdown text. Never raises; an empty text is a document without content."""
    return {"type": "doc", "version": 1, "content": list(_blocks(parse(text).children))}


# ---- Markdown -> ADF


def _blocks(nodes: Iterable[SyntaxTreeNode], *, inside: str = "") -> Iterator[Node]:
    """Blocks that may stand in a document, or inside a `quote` or an `item`, which take fewer kinds."""
    for node in nodes:
        if node.type in {"bullet_list", "ordered_list"}:
            yield _list(node)
        elif node.type in {"fence", "code_block"}:
            yield _code(node)
        elif node.type == "blockquote" and inside:
            yield from _blocks(node.children, inside=inside)
        elif node.type == "blockquote":
            yield {"type": "blockquote", "content": list(_blocks(node.children, inside="quote")) or [_paragraph([])]}
        elif node.type == "heading" and not inside:
            yield {"type": "heading", "attrs": {"level": int(node.tag[1])}, "content": _inline(node)}
        elif node.type == "heading":
            yield _paragraph(_inline(node, [{"type": "strong"}]))
        elif node.type == "hr":
            yield from () if inside else ({"type": "rule"},)
        elif node.type == "table":
            yield from [_table(node)] if not inside else _rows_as_paragraphs(node)
        else:
            yield _paragraph(_inline(node))


def _paragraph(content: list[Node]) -> Node:
    return {"type": "paragraph", "content": content}


def _list(node: SyntaxTreeNode) -> Node:
    items = [{"type": "listItem", "content": _item(item)} for item in node.children]
    if node.type == "bullet_list":
        return {"type": "bulletList", "content": items}
    order = int(node.attrs.get("start", 1))
    return {"type": "orderedList", "attrs": {"order": order}, "content": items}


def _item(item: SyntaxTreeNode) -> list[Node]:
    """A list item begins with a paragraph or with code; a list of its own may follow."""
    content = list(_blocks(item.children, inside="item"))
    if not content or content[0]["type"] not in {"paragraph", "codeBlock"}:
        content.insert(0, _paragraph([]))
    return content


def _code(node: SyntaxTreeNode) -> Node:
    code = node.content.rstrip("\n")
    block: Node = {"type": "codeBlock", "content": [{"type": "text", "text": code}] if code else []}
    language = (node.info or "").split()
    return block | ({"attrs": {"language": language[0]}} if language else {})


def _table(node: SyntaxTreeNode) -> Node:
    rows = [
        {
            "type": "tableRow",
            "content": [
                {"type": "tableHeader" if cell.type == "th" else "tableCell", "content": [_paragraph(_inline(cell))]}
                for cell in row.children
            ],
        }
        for row in _rows(node)
    ]
    return {"type": "table", "content": rows}


def _rows(node: SyntaxTreeNode) -> Iterator[SyntaxTreeNode]:
    return (row for part in node.children for row in part.children)


def _rows_as_paragraphs(node: SyntaxTreeNode) -> Iterator[Node]:
    for row in _rows(node):
        said = " | ".join(words(cell) for cell in row.children).strip()
        yield _paragraph([{"type": "text", "text": said}] if said else [])


def _inline(node: SyntaxTreeNode, marks: list[Node] | None = None) -> list[Node]:
    """The runs of an inline node; neighbours with the same marks are one text."""
    parts: list[Node] = []
    for part in (part for child in node.children for part in _run(child, marks or [])):
        if parts and part["type"] == parts[-1]["type"] == "text" and part.get("marks") == parts[-1].get("marks"):
            parts[-1] = {**part, "text": parts[-1]["text"] + part["text"]}
        else:
            parts.append(part)
    return parts


def _run(node: SyntaxTreeNode, marks: list[Node]) -> Iterator[Node]:
    """The texts of an inline node, each with the marks of what it stands in."""
    kind = node.type
    if kind == "code_inline":
        links = [mark for mark in marks if mark["type"] == "link"]
        yield from _text(node.content, [{"type": "code"}, *links])
    elif kind == "text":
        yield from _text(node.content, marks)
    elif kind == "hardbreak":
        yield {"type": "hardBreak"}
    elif kind == "softbreak":
        yield {"type": "hardBreak"}  # in Jira's editor, too, a new line is a new line
    elif kind == "image":
        yield from _text(words(node), _linked(str(node.attrs.get("src", "")), marks))
    else:
        if kind == "link":
            marks = _linked(str(node.attrs.get("href", "")), marks)
        elif kind in _MARKS and all(mark["type"] != _MARKS[kind] for mark in marks):
            marks = [*marks, {"type": _MARKS[kind]}]
        for child in node.children:
            yield from _run(child, marks)


def _text(text: str, marks: list[Node]) -> Iterator[Node]:
    if text:
        ordered = sorted(marks, key=lambda mark: _ORDER.index(mark["type"]))
        yield {"type": "text", "text": text} | ({"marks": ordered} if marks else {})


def _linked(href: str, marks: list[Node]) -> list[Node]:
    if not _LINK.match(href) or any(mark["type"] == "link" for mark in marks):
        return marks
    return [*marks, {"type": "link", "attrs": {"href": href}}]


# ---- ADF -> Markdown


def from_adf(document: Any, *, faithful: bool = True) -> str:
    """A document as Markdown; what has no Markdown is told in words. Never raises.

    `faithful` Markdown is escaped and reads as the same document again (comments); otherwise text stays as it was
    typed (descriptions, which rules search for words).
    """
    if isinstance(document, str):  # version 2 of the API, and fields that are no rich text after all
        return document
    if not isinstance(document, Mapping):
        return ""
    return "\n\n".join(_Reader(faithful).blocks(document)).strip()


class _Reader:
    """One walk through a document."""

    def __init__(self, faithful: bool) -> None:
        self._faithful = faithful

    def blocks(self, node: Mapping[str, Any]) -> Iterator[str]:
        """The blocks below a node, each as Markdown of one or several lines."""
        run: list[Mapping[str, Any]] = []
        for child in _children(node):
            if str(child.get("type")) in _INLINE:
                run.append(child)
                continue
            if run:
                yield self._runs(run)
                run = []
            yield from self._block(child)
        if run:
            yield self._runs(run)

    def _block(self, node: Mapping[str, Any]) -> Iterator[str]:
        kind, attrs = str(node.get("type")), _object(node.get("attrs"))
        if kind == "paragraph":
            yield self._runs(_children(node))
        elif kind == "heading":
            yield f"{'#' * min(6, max(1, _int(attrs.get('level'))))} {self._runs(_children(node))}"
        elif kind in {"bulletList", "orderedList", "taskList", "decisionList"}:
            yield self._items(node)
        elif kind == "codeBlock":
            yield _fenced("".join(str(c.get("text", "")) for c in _children(node)), str(attrs.get("language") or ""))
        elif kind in {"blockquote", "panel"}:
            quoted = "\n\n".join(self.blocks(node))
            yield "\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))
        elif kind == "rule":
            yield "---"
        elif kind == "table":
            yield self._table(node)
        elif kind in {"blockCard", "embedCard"} and attrs.get("url"):
            yield f"<{attrs['url']}>"
        else:  # mediaSingle, expand, layout… and whatever is added later: what is within
            yield from self.blocks(node)

    def _items(self, node: Mapping[str, Any]) -> str:
        lines: list[str] = []
        first = _int(_object(node.get("attrs")).get("order", 1))
        for number, item in enumerate(_children(node), first):
            mark = f"{number}. " if node.get("type") == "orderedList" else "- "
            inner = self._item(item).split("\n")
            lines += [(" " * len(mark) if index else mark) + line for index, line in enumerate(inner)]
        return "\n".join(lines)

    def _item(self, item: Mapping[str, Any]) -> str:
        """The blocks of an item; a list of its own follows without an empty line, so that the list stays tight."""
        if any(str(child.get("type")) in _INLINE for child in _children(item)):
            return self._runs(_children(item))
        said = ""
        for child in _children(item):
            between = "\n" if str(child.get("type")).endswith("List") else "\n\n"
            said += (between if said else "") + "\n\n".join(self._block(child))
        return said

    def _table(self, node: Mapping[str, Any]) -> str:
        rows = [[" ".join(self.blocks(cell)).replace("\n", " ") for cell in _children(row)] for row in _children(node)]
        if not rows:
            return ""
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, f"|{'---|' * len(rows[0])}")
        return "\n".join(lines)

    def _runs(self, nodes: Iterable[Mapping[str, Any]]) -> str:
        said = "".join(self._said(node) for node in nodes)
        return re.sub(r"(?:\\?\n)+$", "", said)

    def _said(self, node: Mapping[str, Any]) -> str:
        kind, attrs = str(node.get("type")), _object(node.get("attrs"))
        if kind == "text":
            return self._marked(str(node.get("text", "")), _several(node.get("marks")))
        if kind == "hardBreak":
            return "\\\n" if self._faithful else "\n"
        if kind == "inlineCard":
            return f"<{attrs['url']}>" if attrs.get("url") else ""
        if kind == "date":
            return self._typed(_day(attrs.get("timestamp")))
        return self._typed(str(attrs.get("text") or attrs.get("shortName") or ""))  # mention, emoji, status

    def _typed(self, text: str) -> str:
        return inert(text) if self._faithful else text

    def _marked(self, text: str, marks: Iterable[Mapping[str, Any]]) -> str:
        kinds = {str(mark.get("type")): mark for mark in marks}
        if "code" in kinds:
            said = _ticked(text)
        else:
            said = self._typed(text)
            for kind, sign in (("em", "*"), ("strong", "**"), ("strike", "~~")):
                said = _wrapped(said, sign) if kind in kinds else said
        href = _object(kinds.get("link", {}).get("attrs")).get("href")
        if not href:
            return said
        if href in {text, f"mailto:{text}"} and kinds.keys() == {"link"} and not re.search(r"[\s<>]", text):
            return f"<{text}>" if self._faithful else text
        return f"[{said}](<{href}>)" if re.search(r"[\s()<>]", str(href)) else f"[{said}]({href})"


_INLINE = {"text", "hardBreak", "inlineCard", "mention", "emoji", "date", "status", "mediaInline"}


def _children(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _several(node.get("content"))


def _several(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 1


def _day(stamp: Any) -> str:
    """The day of a `date` node, whose timestamp is in milliseconds."""
    try:
        return datetime.fromtimestamp(int(stamp) / 1000, UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


def _fenced(code: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"


def _ticked(code: str) -> str:
    ticks = "`" * (1 + max((len(run) for run in re.findall(r"`+", code)), default=0))
    pad = " " if code.startswith("`") or code.endswith("`") or (code.strip() and code[0] == code[-1] == " ") else ""
    return f"{ticks}{pad}{code}{pad}{ticks}"


def _wrapped(text: str, sign: str) -> str:
    """Markdown's marks do not bind to white space, so it stays outside."""
    bare = text.strip()
    if not bare:
        return text
    before = text[: len(text) - len(text.lstrip())]
    return f"{before}{sign}{bare}{sign}{text[len(before) + len(bare) :]}"
