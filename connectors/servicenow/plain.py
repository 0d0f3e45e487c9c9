"""Markdown as the plain text that a journal and a description of ServiceNow are: lists with dashes, links in brackets.

A journal shows as HTML what stands between `[code]` and `[/code]` (source: ServiceNow's page "Journal fields"), so
what came from a ticket can have no such sign: it is broken up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.tree import SyntaxTreeNode

from connectors.markup import parse

_CODE = re.compile(r"\[(?=/?code\])", re.IGNORECASE)


def to_plain(text: str) -> str:
    """The plain text of a Markdown text. Never raises."""
    blocks = ("\n".join(_block(node)) for node in parse(text).children)
    return _CODE.sub("[ ", "\n\n".join(block for block in blocks if block))


def _block(node: SyntaxTreeNode) -> Iterator[str]:
    if node.type in {"paragraph", "heading"}:
        yield from _words(node).split("\n")
    elif node.type in {"fence", "code_block"}:
        yield from node.content.rstrip("\n").split("\n")
    elif node.type in {"bullet_list", "ordered_list"}:
        first = int(node.attrs.get("start", 1))
        for number, item in enumerate(node.children, first):
            mark = f"{number}. " if node.type == "ordered_list" else "- "
            for index, line in enumerate(line for child in item.children for line in _block(child)):
                yield (" " * len(mark) if index else mark) + line
    elif node.type == "blockquote":
        yield from (f"> {line}" for child in node.children for line in _block(child))
    elif node.type == "hr":
        yield "----"
    elif node.type == "tr":
        yield " | ".join(_words(cell) for cell in node.children)
    else:
        for child in node.children:
            yield from _block(child)


def _words(node: SyntaxTreeNode) -> str:
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type in {"text", "code_inline"}:
        return node.content
    if node.type == "image":
        return node.content or str(node.attrs.get("src", ""))
    said = "".join(_words(child) for child in node.children)
    href = str(node.attrs.get("href", "")) if node.type == "link" else ""
    return f"{said} ({href})" if href and href != said else said
