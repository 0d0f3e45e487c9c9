"""Texts: Markdown with {{ variables }}, checked when loaded and harmless when rendered.

Jinja2 reads them, in its sandbox and only in part: no arithmetic, no calls, no macros, no loop within a loop. So
nothing that a rule says can grow without bound (`{{ 'x' * 100000000 }}` fills 100 MB in a plain sandbox), and nothing
that a ticket says is markup. Rendering never raises: a call with half a text is better than no call.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import Template as Compiled
from jinja2 import TemplateError

from rules import duration
from rules.grammar import Mistake as One
from rules.grammar import Mistakes
from rules.logic import UNKNOWN
from rules.template import Check, environment
from rules.vocabulary import SERVICE_ATTRIBUTES

LONGEST_SOURCE = 10_000
LONGEST_TEXT = 16_000
LONGEST_VALUE = 8_192

SERVICE_WORDS = tuple(f"service.{attribute}" for attribute in SERVICE_ATTRIBUTES)
"""What a text may say of the service; like any variable they must be among the names of a template."""

_INLINE = re.compile(r"[\\`*_\[\]<>&~|]")
_LINE_END = re.compile(r"\r\n?|[\u2028\u2029]")
_NUMBERED = re.compile(r"^([0-9]+)([.)])")
_LINE_START = frozenset("!\"#$%'()+,-./:;=?@^{}")
_MENTION = re.compile(r"(?<![^\W_])@(?=\w)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


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


class Template:
    """A text with {{ variables }}. Mistake: everything that is wrong with it.

    `names` are the variables that it may use, attributes dotted (`service.rto`); None: any.
    """

    __slots__ = ("__dict__", "names", "source")

    def __init__(self, source: str, names: Iterable[str] | None = None) -> None:
        self.source = source
        if len(source) > LONGEST_SOURCE:
            raise Mistake((One(LONGEST_SOURCE, 1, f"a text has at most {LONGEST_SOURCE:,} characters"),))
        check = Check(source, None if names is None else frozenset(names))
        if check.mistakes:
            raise Mistake(tuple(check.mistakes))
        self.names = frozenset(check.names)

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    @cached_property
    def _compiled(self) -> Compiled:
        return _ENVIRONMENT.from_string(self.source)

    def render(self, words: Mapping[str, object], zone: tzinfo = UTC, now: datetime | None = None) -> str:
        """The text with its variables, each inert, at most 16,000 characters. Never raises.

        Moments are shown in `zone`, with a date unless it is that of `now`. What is empty or unknown prints nothing.
        """
        known = {name: _wrapped(words.get(name), zone, now) for name in self.names}
        parts: list[str] = []
        room = LONGEST_TEXT
        try:
            for part in self._compiled.generate(known):
                parts.append(part[:room])
                room -= len(part)
                if room < 0:
                    return "".join(parts).rstrip("\\") + "…"
        except (TemplateError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
            said = "".join(parts).rstrip()
            return f"{said} (the rest of this text {inert(f'could not be made: {error}')})".lstrip()
        return "".join(parts)


class _Nothing:
    """An empty or unknown value: false, without entries, and so are its attributes."""

    def __str__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[object]:
        return iter(())

    def __contains__(self, _: object) -> bool:
        return False

    def __getattr__(self, _: str) -> _Nothing:
        return self


_NOTHING = _Nothing()


class _Moment:
    """A moment that knows in which zone it is shown, for `{{ eta }}`, `{{ eta|time }}` and `{{ eta|date }}`."""

    def __init__(self, at: datetime, zone: tzinfo, now: datetime | None) -> None:
        self._at, self._zone, self._now = at, zone, now

    @property
    def time(self) -> str:
        local = _local(self._at, self._zone)
        return f"{local:%H:%M}"

    @property
    def date(self) -> str:
        local = _local(self._at, self._zone)
        return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"

    def __str__(self) -> str:
        return shown(self._at, self._zone, self._now)


class _Entry:  # noqa: PLW1641  (equal to several names, and asked for in lists only)
    """A service or a person: prints its name, equals any of its names, and has its attributes ready to print."""

    def __init__(self, value: object, zone: tzinfo, now: datetime | None) -> None:
        self._value, self._zone, self._now = value, zone, now

    def __str__(self) -> str:
        return str(self._value)

    def __eq__(self, other: object) -> bool:
        names = getattr(self._value, "names", None) or (getattr(self._value, "name", None),)
        return other in names or other == str(self)

    def __getattr__(self, name: str) -> object:
        return _wrapped(getattr(self._value, name, None), self._zone, self._now)


def _wrapped(value: object, zone: tzinfo, now: datetime | None) -> Any:
    """A value such that nothing a text may do with it raises."""
    if value is None or value is UNKNOWN:
        return _NOTHING
    if isinstance(value, str):
        return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, datetime):
        return _Moment(value, zone, now)
    if isinstance(value, timedelta):
        return duration.show(value)
    if isinstance(value, (tuple, list, frozenset)):
        return tuple(_wrapped(one, zone, now) for one in value)
    return _Entry(value, zone, now)


def _printed(value: Any) -> str:
    if isinstance(value, Markdown):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value) if isinstance(value, int) else f"{value:.10g}"
    if isinstance(value, tuple):
        return ", ".join(map(_printed, value))
    return inert(value)


_ENVIRONMENT = environment(_printed)


def inert(value: object) -> str:
    """Markdown that reads as exactly this value: no markup, no link, no HTML, no block, no mention.

    A backslash stands before what could be markup, a word joiner behind the @ of a mention; a web address stays
    readable. Indentation is kept by no-break spaces; what is invisible or turns the direction of writing is left out.
    """
    text = str(value)
    if text.isprintable():  # then it is one line
        return _inert_line(text)
    return "\n".join(map(_inert_line, _LINE_END.sub("\n", text).split("\n")))


def shown(moment: datetime, zone: tzinfo, now: datetime | None = None) -> str:
    """A moment for people: "14:30", or "18 Nov 14:30" unless it is on the day of `now`; the year where it differs."""
    local, today = _local(moment, zone), now.astimezone(zone) if now is not None else None
    clock = f"{local:%H:%M}"
    if today is not None and local.date() == today.date():
        return clock
    day = f"{local.day} {_MONTHS[local.month - 1]}"
    return f"{day} {clock}" if today is not None and today.year == local.year else f"{day} {local.year} {clock}"


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """A moment in a zone; as it is where the zone's calendar does not go as far: anybody can type 9999-12-31."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


@lru_cache(500)  # the same few lines are said at every look
def _inert_line(line: str) -> str:
    if not line.isprintable():
        line = "".join(letter for letter in line if letter == "\t" or _visible(letter))
    line = line.rstrip()
    bare = line.lstrip()
    indent = "".join("\u00a0" * 4 if letter == "\t" else "\u00a0" for letter in line[: len(line) - len(bare)])
    escaped = _INLINE.sub(_escaped, _MENTION.sub("@\u2060", bare))
    if bare[:1] in _LINE_START:
        return f"{indent}\\{escaped}"
    return indent + _NUMBERED.sub(r"\1\\\2", escaped)


def _escaped(found: re.Match[str]) -> str:
    # Inside code a backslash would stay visible and a backtick would end the code, so it becomes an entity.
    return "&#96;" if found[0] == "`" else f"\\{found[0]}"


def _visible(letter: str) -> bool:
    return unicodedata.category(letter) not in {"Cc", "Cs"} and letter not in _BIDIRECTIONAL
