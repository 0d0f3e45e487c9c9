"""Our Markdown as HTML and as plain text for a mail, over `connectors.markup`'s tree.

HTML is built from the tree and from nothing else, so what came from a ticket can be no element; `nh3` cleans the
outcome all the same. Pictures are links: a mail that fetches something tells somebody that it was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import nh3
from markdown_it.tree import SyntaxTreeNode

from connectors.markup import linked, parse, plain, words
from connectors.model import Topic

_TAGS = {
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_SCHEMES = {"http", "https", "mailto"}
_SAME = {"strong", "em", "s", "blockquote", "table", "thead", "tbody", "tr", "th", "td"}
_CELLS = {"th", "td"}


def html(text: str, about: Topic | None = None) -> str:
    """A Markdown text as HTML: paragraphs, headings, lists, quotes, code, tables, links to the web and to addresses.

    The bare address of the ticket that it is `about` is shown as its key.
    """
    made = "".join(_html(node) for node in linked(text, about).children)
    return nh3.clean(
        made,
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )


def text(markdown: str) -> str:
    """A Markdown text as plain text, with the addresses of its links below."""
    told = plain(markdown)
    links = (f"{label}: {href}" for label, href in _links(parse(markdown)) if href not in told)
    return "\n".join((told, *(f"\n{line}" if not index else line for index, line in enumerate(dict.fromkeys(links)))))


def _links(node: SyntaxTreeNode) -> Iterator[tuple[str, str]]:
    if node.type in {"link", "image"}:
        href = str(node.attrs.get("href") or node.attrs.get("src") or "")
        if href.partition(":")[0].lower() in _SCHEMES:
            yield " ".join(words(node).split()) or "link", href
    for child in node.children:
        yield from _links(child)


def _html(node: SyntaxTreeNode) -> str:
    kind = node.type
    if kind in {"text", "softbreak"}:
        return escape(node.content) if kind == "text" else "<br>\n"
    if kind in {"hardbreak", "hr"}:
        return "<br>\n" if kind == "hardbreak" else "<hr>\n"
    if kind == "code_inline":
        return f"<code>{escape(node.content)}</code>"
    if kind in {"fence", "code_block"}:
        return f"<pre><code>{escape(node.content)}</code></pre>\n"
    if kind in {"link", "image"}:
        return _link(node)
    inner = "".join(_html(child) for child in node.children)
    tag = _tag(node)
    if kind == "ordered_list" and node.attrs.get("start"):
        return f'<ol start="{int(node.attrs["start"])}">{inner}</ol>\n'
    return f"<{tag}>{inner}</{tag}>" + ("" if tag in {"strong", "em", "s", *_CELLS} else "\n") if tag else inner


def _tag(node: SyntaxTreeNode) -> str:
    """The element of a node that has one; empty for what only holds others."""
    if node.type in _SAME:
        return node.type
    names = {"paragraph": "p", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li"}
    return node.tag if node.type == "heading" else names.get(node.type, "")


def _link(node: SyntaxTreeNode) -> str:
    href = str(node.attrs.get("href") or node.attrs.get("src") or "")
    said = escape(words(node) or href) if node.type == "image" else "".join(_html(child) for child in node.children)
    if href.partition(":")[0].lower() not in _SCHEMES:
        return said
    return f'<a href="{escape(href)}">{said}</a>'
