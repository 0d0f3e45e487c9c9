"""Text of the sandbox's ServiceNow as HTML for the sandbox's page: plain, with markup between `[code]` and `[/code]`.

A journal shows what stands between those marks as HTML, and everything else as it is. Here only harmless markup is let
through; web and mail addresses are the only links.
"""

from __future__ import annotations

import re
from html import escape, unescape
from html.parser import HTMLParser
from typing import Final

CODE: Final = re.compile(r"\[code\](.*?)\[/code\]", re.DOTALL | re.IGNORECASE)
PLAIN: Final = frozenset(
    ("p", "ul", "ol", "li", "strong", "b", "em", "i", "code", "pre", "blockquote", "s", "table", "tr", "td", "th")
)
LINKS: Final = ("http://", "https://", "mailto:")
_HEADING: Final = re.compile(r"h[1-6]")


def rich(body: str) -> str:
    """A journal entry or a description as HTML; empty where there is none."""
    told, end = [], 0
    for found in CODE.finditer(body):
        told += [_plain(body[end : found.start()]), _markup(found[1])]
        end = found.end()
    return "".join((*told, _plain(body[end:])))


def spoken(body: str) -> str:
    """The same as plain text, a line for each block."""
    said = CODE.sub(lambda found: _spoken(found[1]), body)
    return re.sub(r"\n{2,}", "\n", said).strip("\n")


def _plain(text: str) -> str:
    text = text.strip("\n")
    return f'<p class="wiki">{escape(text)}</p>' if text.strip() else ""


def _markup(text: str) -> str:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return "".join(reader.told)


def _spoken(text: str) -> str:
    broken = re.sub(r"<(?:br|/?(?:p|li|ul|ol|h[1-6]|tr|div|pre|blockquote))\b[^>]*>", "\n", text, flags=re.IGNORECASE)
    return unescape(re.sub(r"<[^>]+>", "", broken))


class _Reader(HTMLParser):
    """Lets harmless markup through, and everything else as text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.told: list[str] = []
        self._links: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in PLAIN:
            self.told.append(f"<{tag}>")
        elif tag == "br":
            self.told.append("<br>")
        elif _HEADING.fullmatch(tag):
            self.told.append('<p class="heading">')
        elif tag == "a":
            address = dict(attrs).get("href") or ""
            self._links.append(address.startswith(LINKS))
            if self._links[-1]:
                self.told.append(f'<a href="{escape(address)}" rel="noopener">')

    def handle_endtag(self, tag: str) -> None:
        if tag in PLAIN:
            self.told.append(f"</{tag}>")
        elif _HEADING.fullmatch(tag):
            self.told.append("</p>")
        elif tag == "a" and self._links and self._links.pop():
            self.told.append("</a>")

    def handle_data(self, data: str) -> None:
        self.told.append(escape(data))
