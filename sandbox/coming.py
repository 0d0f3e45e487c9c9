"""What happens next, as Pointman's log on the ticket says it: read from the comment, as any person would read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

NEXT: Final = "What happens next"
HAPPENED: Final = "What happened"
_LINE: Final = re.compile(r"(?P<at>(?:[\w-]+ )*?\d\d:\d\d) (?P<what>.+?)(?:, unless (?P<unless>.+))?")


@dataclass(frozen=True, slots=True)
class Coming:
    """One thing that happens by itself: when (empty where no time stands there), in how long, what, and unless what."""

    at: str
    ahead: str
    what: str
    unless: str = ""


def split(body: Any) -> tuple[tuple[str, ...], Any]:
    """A log in two: the lines of what happens next, and the rest as rich text. Other text has no such lines."""
    if isinstance(body, str):
        return _parted(body)
    if not isinstance(body, Mapping):
        return (), body
    nodes = list(body.get("content", ()))
    heads = [_text(node) for node in nodes]
    if NEXT not in heads or HAPPENED not in heads[heads.index(NEXT) :]:
        return (), body
    begin, end = heads.index(NEXT), heads.index(HAPPENED, heads.index(NEXT))
    lines = tuple(_text(item) for node in nodes[begin + 1 : end] for item in node.get("content", ()))
    return lines, {**body, "content": nodes[end:]}


def _parted(body: str) -> tuple[tuple[str, ...], str]:
    """The same where a log is plain text: what happens next ends it, as a list."""
    lines = body.split("\n")
    if NEXT not in lines:
        return (), body
    begin = lines.index(NEXT)
    listed = tuple(line.removeprefix("- ") for line in lines[begin + 1 :] if line.strip())
    return listed, "\n".join(lines[:begin]).rstrip()


def coming(lines: Iterable[str], now: datetime) -> tuple[Coming, ...]:
    """The lines, with those of one moment and one verb gathered: five calls at 09:30 are one line."""
    found: list[Coming] = []
    for line in lines:
        one = _read(line, now)
        last = found[-1] if found else None
        verb, _, whom = one.what.partition(" ")
        if last and one.at and (last.at, last.unless, last.what.partition(" ")[0]) == (one.at, one.unless, verb):
            found[-1] = replace(last, what=f"{last.what}, {whom}")
        else:
            found.append(one)
    return tuple(found)


def _read(line: str, now: datetime) -> Coming:
    told = _LINE.fullmatch(line)
    if told is None:
        return Coming("", "", line)
    return Coming(told["at"], _ahead(told["at"], now), told["what"], told["unless"] or "")


def _ahead(at: str, now: datetime) -> str:
    """How long it is until then, where the line names a time of today."""
    if not re.fullmatch(r"\d\d:\d\d", at):
        return ""
    hours, minutes = map(int, at.split(":"))
    left = (hours * 60 + minutes - now.hour * 60 - now.minute) % (24 * 60)
    if left > 12 * 60:
        return "now"
    return "now" if left == 0 else f"in {left} min" if left < 60 else f"in {left // 60} h {left % 60:02d}"


def _text(node: Mapping[str, Any]) -> str:
    own = str(node.get("text", ""))
    return own + "".join(_text(child) for child in node.get("content", ()))
