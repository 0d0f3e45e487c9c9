"""Texts: Markdown with {{ variables }}, checked when loaded and harmless when rendered.

Jinja2 reads them, in its sandbox and only in part: no arithmetic, no calls, no macros, no loop within a loop. So nothing
that a rule says can grow without bound (`{{ 'x' * 100000000 }}` fills 100 MB in a plain sandbox), and nothing that a
ticket says is markup. Rendering never raises: a call with half a text is better than no call.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain

import jinja2
from jinja2 import nodes

from rules import duration
from rules.grammar import Mistake as One
from rules.grammar import Mistakes
from rules.logic import UNKNOWN
from rules.prose import FILTERS, READ_AS, Checked, environment
from rules.vocabulary import SERVICE_ATTRIBUTES

LONGEST_SOURCE = 10_000
LONGEST_TEXT = 16_000
LONGEST_VALUE = 8_192

SERVICE_WORDS = tuple(f"service.{attribute}" for attribute in SERVICE_ATTRIBUTES)
"""What a text may say of the service; like any variable they must be among the names of a template."""

_INLINE = re.compile(r"[\\`*_\[\]<>&~|]")
_LINE_START = re.compile(r"(?:\d+(?=[.)])|(?=[!-/:-@^{}]))")
_MENTION = re.compile(r"(?<![^\W_])@(?=\w)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


class Mistake(Mistakes):
    """What is wrong with a text; `mistakes` are all of them, the attributes speak of the first."""

    @property
    def offset(self) -> int:
        """Where it stands, in characters."""
        return self.mistakes[0].offset

    @property
    def length(self) -> int:
        """How much is wrong, in characters."""
        return self.mistakes[0].length

    @property
    def message(self) -> str:
        """What is wrong."""
        return self.mistakes[0].message

    @property
    def hint(self) -> str:
        """What to do about it."""
        return self.mistakes[0].hint


class Markdown(str):
    """A text that we made and that is inert already, so a template takes it as it is."""

    __slots__ = ()
