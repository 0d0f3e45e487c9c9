"""Durations as administrators write them: "1h30m", in the units w d h m s, largest first, each at most once.

Written by hand in thirty lines: ISO 8601 (`PT1H30M`) is unreadable in a rule, and bare numbers hide their unit.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?")
_PART = re.compile(r"([0-9]+)([wdhms])")
_NUMBER = re.compile(r"[0-9]+")
_FRACTION = re.compile(r"[0-9]*[.,][0-9]+\s*([a-z]*)", re.IGNORECASE)
_SPELT = re.compile(r"([0-9]+)\s*(w|d|h|m|s)[a-z]*\.?", re.IGNORECASE)
_LONGEST = 3_650 * _UNITS["d"]  # ten years: what is longer is a slip, and far from what a timedelta can hold


def parse(text: str) -> timedelta:
    """The duration that a text says; ValueError, as a sentence with a hint, where it says none."""
    if not _WHOLE.fullmatch(text) or not text:
        raise ValueError(f"{text or 'an empty text'} is no duration; {_hint(text)}")
    if any(len(number) > 12 for number, _ in _PART.findall(text)):
        raise ValueError(f"{text} is longer than ten years")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds == 0:
        raise ValueError(f"{text} is no time at all; a duration is above zero")
    if seconds > _LONGEST:
        raise ValueError(f"{text} is longer than ten years")
    return timedelta(seconds=seconds)


@lru_cache(1_000)  # the same few goals and paces are told at every look
def show(span: timedelta) -> str:
    """A duration as it would be written, to the second: "1h30m"; "0s" for none, with a minus where it is negative."""
    seconds = round(span.total_seconds())
    rest, parts = abs(seconds), ["-"] if seconds < 0 else []
    for unit, size in _UNITS.items():
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) if seconds else "0s"


def in_days(text: str) -> bool:
    """Whether a duration is written in days or weeks, which mean nothing under a calendar of hours."""
    return any(unit in "wd" for _, unit in _PART.findall(text))


def _hint(text: str) -> str:
    bare = text.strip()
    if _NUMBER.fullmatch(bare):
        return f'it needs a unit: "{bare}m" or "{bare}s"'
    if _FRACTION.fullmatch(bare):
        return 'write whole numbers: "1h30m", not "1.5h"'
    found = _SPELT.findall(bare)
    if not found or _SPELT.sub("", bare).strip(" ,"):
        return 'write it like "1h30m", in the units w d h m s'
    wanted = "".join(f"{number}{unit.lower()}" for number, unit in found)
    if _WHOLE.fullmatch(wanted):
        return f'write "{wanted}"'
    return 'write each unit once, the largest first: "1h30m"'
