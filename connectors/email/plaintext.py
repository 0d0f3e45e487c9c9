"""What an HTML mail says, as plain text: for replies of mail programs that send no text part.

`nh3` first throws away what is no text (scripts, styles, pictures, forms), then the standard library's parser walks
what is left. What stands in a quotation is left out, as is all below the mark that Outlook and others set above it.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3

_BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "table", "hr"}
_QUOTED = {"gmail_quote", "yahoo_quoted", "protonmail_quote", "moz-cite-prefix", "gmail_attr", "zmail_extra"}
_BELOW = {"divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container", "isforwardcontent"}
_MANY = re.compile(r"\n{3,}")


def from_html(html: str) -> str:
    """The text of an HTML mail, without what it quotes."""
    tags = _BLOCKS | {"blockquote", "span", "b", "i", "strong", "em", "a", "td", "th", "tbody"}
    clean = nh3.clean(html, tags=tags, attributes={"*": {"class", "id"}}, link_rel=None)
    walker = _Walker()
    walker.feed(clean)
    walker.close()
    lines = (" ".join(line.split()) for line in "".join(walker.said).split("\n"))
    return _MANY.sub("\n\n", "\n".join(lines)).strip()


class _Walker(HTMLParser):
    """Collects the text; `depth` counts the elements that are open within a quotation."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._depth = 0
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._over = self._over or (told.get("id") or "").lower() in _BELOW
        quoted = tag == "blockquote" or bool(_QUOTED & set((told.get("class") or "").lower().split()))
        if tag not in {"br", "hr"} and (self._depth or quoted):
            self._depth += 1
        if tag in _BLOCKS:
            self._say("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._depth:
            self._depth -= 1
        elif tag in _BLOCKS - {"br", "hr", "td", "th"}:
            self._say("\n")

    def handle_data(self, data: str) -> None:
        self._say(re.sub(r"\s+", " ", data))

    def _say(self, text: str) -> None:
        if not self._depth and not self._over:
            self.said.append(text)
