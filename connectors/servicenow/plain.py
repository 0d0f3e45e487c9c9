"""Markdown as the plain text that a journal and a description of ServiceNow are: lists with dashes, links in brackets.

A journal shows as HTML what stands between `[code]` and `[/code]` (source: ServiceNow's page "Journal fields"), so
what came from a ticket can have no such sign: it is broken up.
"""

from __future__ import annotations

import re

from connectors.markup import lines, parse

_CODE = re.compile(r"\[(?=/?code\])", re.IGNORECASE)


def to_plain(text: str) -> str:
    """The plain text of a Markdown text. Never raises."""
    blocks = ("\n".join(lines(node, "-", links=True)) for node in parse(text).children)
    return _CODE.sub("[ ", "\n\n".join(block for block in blocks if block))
