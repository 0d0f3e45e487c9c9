"""Markdown as one tree, read once for all dialects: each connector renders this tree in its own product's way.

What came from a ticket is written into Markdown through `inert`, so a title can be neither markup, nor a link, nor a
mention, whatever the product makes of its own syntax. Ready-made converters were turned down: every one that was
tried lets `<!channel>` through. HTML is off: a tag is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from connectors.model import Topic

_INLINE = re.compile(r"[\\`*_\[\]<>&~|]")
_SHORT = 3_000
_PARAGRAPH = re.compile(r"(?:\*\*)?[A-Za-z][^\r\n]*")
_ITEM = re.compile(r"- (?!\d+[.)])[^\W_][^\r\n]*")
"""Lines that are whole blocks, whatever they say: they begin no other kind of block, and no definition of a link."""
_LINE_START = re.compile(r"^(?:[!-/:-@\[-`{-~]|\d+(?=[.)]))")


_WEB = ("http://", "https://")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_LIKE_LIST = SyntaxTreeNode(_MARKDOWN.parse("- a")).children[0]
_LIKE_ITEM = _LIKE_LIST.children[0]
_LIKE_PARAGRAPH = _LIKE_ITEM.children[0]


def parse(text: str) -> SyntaxTreeNode:
    """The tree of a Markdown text: CommonMark with tables and strikethrough, without HTML. Never raises.

    Blocks: paragraph, heading (tag h1 to h6), bullet_list, ordered_list (attribute start), list_item, blockquote,
    fence and code_block (content), hr, table. Inline, under an `inline` node: text, softbreak, hardbreak, strong, em,
    s, code_inline, link (attribute href), image (attributes src, alt). A tree is only read: whoever asks for the same
    short text soon again (a message's blocks and its plain text, the same message at thirty places) is given the same.
    """
    blocks = _by_line(text.rstrip("\n").split("\n\n"))
    if blocks is not None:
        tree = SyntaxTreeNode()
        tree.children = blocks
        return tree
    return _kept(text) if len(text) <= _SHORT else SyntaxTreeNode(_MARKDOWN.parse(text))


def linked(text: str, about: Topic | None) -> SyntaxTreeNode:
    """The same tree, in which the bare address of the ticket that a text is about is a link that reads as its key.

    No other address becomes a link by itself: what came from a ticket may be anybody's. Code stays as it is.
    """
    if about is None or not about.key or not about.url.startswith(_WEB) or about.url not in plain(text):
        return parse(text)
    return _with_link(text, about.url, about.key)


@lru_cache(32)
def _with_link(text: str, url: str, key: str) -> SyntaxTreeNode:
    tokens = _MARKDOWN.parse(text)
    bare = re.compile(rf"(?<![^\s(]){re.escape(url)}(?=[.,:;!?)]*(?:\s|$))")
    for token in tokens:
        if token.type == "inline":
            token.children = list(_relinked(token.children or [], bare, url, key))
    return SyntaxTreeNode(tokens)


def _relinked(children: list[Token], bare: re.Pattern[str], url: str, key: str) -> Iterator[Token]:
    within = 0
    for child in children:
        within += child.nesting if child.type in {"link_open", "link_close"} else 0
        parts = bare.split(child.content) if child.type == "text" and not within else [child.content]
        if len(parts) == 1:
            yield child
            continue
        for number, part in enumerate(parts):
            if number:
                yield Token("link_open", "a", 1, attrs={"href": url})
                yield Token("text", "", 0, content=key)
                yield Token("link_close", "a", -1)
            yield Token("text", "", 0, content=part)


def _by_line(parts: list[str]) -> list[SyntaxTreeNode] | None:
    """The blocks of a text in which each line stands for itself: one-line paragraphs, and lists of one-line items.

    That is what a ticket's log is; most of its lines were there the last time it was written. None for another text.
    """
    blocks: list[SyntaxTreeNode] = []
    for part in parts:
        lines = part.split("\n")
        if len(lines) == 1 and _PARAGRAPH.fullmatch(part):
            blocks.append(_around(_LIKE_PARAGRAPH, [_line(part)]))
        elif all(map(_ITEM.fullmatch, lines)) and not (blocks and blocks[-1].type == "bullet_list"):
            said = (_around(_LIKE_PARAGRAPH, [_line(line[2:])]) for line in lines)
            blocks.append(_around(_LIKE_LIST, [_around(_LIKE_ITEM, [paragraph]) for paragraph in said]))
        else:
            return None
    return blocks


def _around(like: SyntaxTreeNode, children: list[SyntaxTreeNode]) -> SyntaxTreeNode:
    """A block of the same kind with these children."""
    made = SyntaxTreeNode()
    made.nester_tokens, made.children = like.nester_tokens, children
    return made


@lru_cache(1_000)
def _line(content: str) -> SyntaxTreeNode:
    return SyntaxTreeNode(_MARKDOWN.parseInline(content.strip()), create_root=False)


@lru_cache(32)
def _kept(text: str) -> SyntaxTreeNode:
    return SyntaxTreeNode(_MARKDOWN.parse(text))


def inert(text: str) -> str:
    """Markdown that reads as exactly this text: no markup, no link, no block. Line starts lose their indentation.

    Backticks become entities, since a backslash does not count inside code and the code must not end here.
    """
    lines = re.split(r"\r\n?|\n", text)
    return "\n".join(_inert_line(line.strip(" \t") if number else line) for number, line in enumerate(lines))


def _inert_line(line: str) -> str:
    indent = " " if line[:1] in {" ", "\t"} else ""
    bare = line.lstrip(" \t")
    start = _LINE_START.match(bare)
    escaped = _INLINE.sub(_escaped, bare)
    if start is None or _INLINE.match(bare):
        return indent + escaped
    if start[0][0].isdigit():
        return f"{indent}{start[0]}\\{escaped[len(start[0]) :]}"
    return f"{indent}\\{escaped}"


def _escaped(found: re.Match[str]) -> str:
    return "&#96;" if found[0] == "`" else f"\\{found[0]}"


def plain(text: str) -> str:
    """A Markdown text without its markup, for where a product shows plain text only: notifications, subjects."""
    return "\n".join(lines(parse(text))).strip()


def words(node: SyntaxTreeNode, *, links: bool = False) -> str:
    """The text of an inline node (or of all below a node), without markup; with `links` where they lead, too."""
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type in {"text", "code_inline", "fence", "code_block"}:
        return node.content
    if node.type == "image":
        return node.content or str(node.attrs.get("src", ""))
    said = "".join(words(child, links=links) for child in node.children)
    href = str(node.attrs.get("href", "")) if links and node.type == "link" else ""
    return f"{said} ({href})" if href and href != said else said


def lines(node: SyntaxTreeNode, bullet: str = "•", *, links: bool = False) -> Iterator[str]:
    """A block, or all blocks below a node, as lines of plain text: lists with bullets, quotes with `>`."""
    below = (line for child in node.children for line in lines(child, bullet, links=links))
    if node.type in {"paragraph", "heading"}:
        yield from words(node, links=links).split("\n")
    elif node.type in {"fence", "code_block"}:
        yield from node.content.rstrip("\n").split("\n")
    elif node.type in {"bullet_list", "ordered_list"}:
        first = int(node.attrs.get("start", 1))
        for number, item in enumerate(node.children, first):
            mark = f"{number}. " if node.type == "ordered_list" else f"{bullet} "
            for index, line in enumerate(lines(item, bullet, links=links)):
                yield (" " * len(mark) if index else mark) + line
    elif node.type == "blockquote":
        yield from (f"> {line}" for line in below)
    elif node.type == "hr":
        yield "---"
    elif node.type == "tr":
        yield " | ".join(words(cell, links=links) for cell in node.children)
    else:
        yield from below
