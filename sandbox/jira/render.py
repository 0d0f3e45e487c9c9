"""Rich text of the sandbox's Jira as HTML for the sandbox's page: ADF (Cloud), or wiki text as it is (Data Center).

Everything that is text is escaped; only web and mail addresses become links.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

LINKS: Final = ("http://", "https://", "mailto:")
_BLOCKS: Final = {
    "paragraph": "p", "bulletList": "ul", "listItem": "li", "blockquote": "blockquote", "table": "table",
    "tableRow": "tr", "tableHeader": "th", "tableCell": "td", "panel": "aside",
}  # fmt: skip
_MARKS: Final = {"strong": "strong", "em": "em", "strike": "s", "code": "code", "underline": "u"}


def rich(body: Any) -> str:
    """A rich field's value as HTML; empty where there is none."""
    if not body:
        return ""
    return f'<p class="wiki">{escape(body)}</p>' if isinstance(body, str) else _node(body)


def _node(node: Mapping[str, Any]) -> str:
    kind = str(node.get("type"))
    if kind in _SPECIAL:
        return _SPECIAL[kind](node)
    tag = _BLOCKS.get(kind)
    return f"<{tag}>{_inside(node)}</{tag}>" if tag else _inside(node)


def _inside(node: Mapping[str, Any]) -> str:
    return "".join(_node(child) for child in node.get("content", ()))


def _attributes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = node.get("attrs") or {}
    return found


def _text(node: Mapping[str, Any]) -> str:
    shown = escape(str(node.get("text", "")))
    for mark in node.get("marks", ()):
        if tag := _MARKS.get(mark["type"]):
            shown = f"<{tag}>{shown}</{tag}>"
        elif mark["type"] == "link":
            shown = _link(str(_attributes(mark).get("href", "")), shown)
    return shown


def _link(url: str, label: str) -> str:
    return f'<a href="{escape(url)}" rel="noopener">{label}</a>' if url.startswith(LINKS) else label


def _heading(node: Mapping[str, Any]) -> str:
    """Below the page's own headings, whatever its level is."""
    return f'<p class="heading">{_inside(node)}</p>'


def _ordered(node: Mapping[str, Any]) -> str:
    return f'<ol start="{int(_attributes(node).get("order", 1))}">{_inside(node)}</ol>'


def _card(node: Mapping[str, Any]) -> str:
    url = str(_attributes(node).get("url", ""))
    return _link(url, escape(url))


def _named(node: Mapping[str, Any]) -> str:
    return escape(str(_attributes(node).get("text") or ""))


_SPECIAL: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "text": _text,
    "hardBreak": lambda _: "<br>",
    "rule": lambda _: "<hr>",
    "heading": _heading,
    "orderedList": _ordered,
    "codeBlock": lambda node: f"<pre>{_inside(node)}</pre>",
    "inlineCard": _card,
    "mention": _named,
    "emoji": _named,
}
