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
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

_INLINE = re.compile(r"[\\`*_\[\]<>&~|]")
_SHORT, _LINE = 3_000, 500
_LINE_START = re.compile(r"^(?:[!-/:-@\[-`{-~]|\d+(?=[.)]))")


def _made() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _lines(state: StateCore) -> None:
    """What stands in the lines of a text: most lines of a ticket's log were there the last time it was written.

    Nothing outside of them matters, unless the text defines what links refer to.
    """
    for token in state.tokens:
        if token.type == "inline" and (state.env.get("references") or len(token.content) > _LINE):
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        elif token.type == "inline":
            token.children = _line(token.content)


@lru_cache(1_000)
def _line(content: str) -> list[Token] | None:
    return _BARE.parseInline(content)[0].children


_BARE, _MARKDOWN = _made(), _made()
_MARKDOWN.core.ruler.at("inline", _lines)


def parse(text: str) -> SyntaxTreeNode:
    """The tree of a Markdown text: CommonMark with tables and strikethrough, without HTML. Never raises.

    Blocks: paragraph, heading (tag h1 to h6), bullet_list, ordered_list (attribute start), list_item, blockquote,
    fence and code_block (content), hr, table. Inline, under an `inline` node: text, softbreak, hardbreak, strong, em,
    s, code_inline, link (attribute href), image (attributes src, alt). A tree is only read: whoever asks for the same
    short text soon again (a message's blocks and its plain text, the same message at thirty places) is given the same.
    """
    return _kept(text) if len(text) <= _SHORT else SyntaxTreeNode(_MARKDOWN.parse(text))


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


def words(node: SyntaxTreeNode) -> str:
    """The text of an inline node (or of all below a node), without markup."""
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type in {"text", "code_inline", "fence", "code_block"}:
        return node.content
    if node.type == "image":
        return node.content or str(node.attrs.get("src", ""))
    return "".join(words(child) for child in node.children)


def lines(node: SyntaxTreeNode) -> Iterator[str]:
    """A block, or all blocks below a node, as lines of plain text: lists with bullets, quotes with `>`."""
    if node.type in {"paragraph", "heading"}:
        yield from words(node).split("\n")
    elif node.type in {"fence", "code_block"}:
        yield from node.content.rstrip("\n").split("\n")
    elif node.type in {"bullet_list", "ordered_list"}:
        first = int(node.attrs.get("start", 1))
        for number, item in enumerate(node.children, first):
            mark = f"{number}. " if node.type == "ordered_list" else "• "
            for index, line in enumerate(line for child in item.children for line in lines(child)):
                yield (" " * len(mark) if index else mark) + line
    elif node.type == "blockquote":
        yield from (f"> {line}" for child in node.children for line in lines(child))
    elif node.type == "hr":
        yield "---"
    elif node.type == "tr":
        yield " | ".join(words(cell) for cell in node.children)
    else:
        for child in node.children:
            yield from lines(child)
