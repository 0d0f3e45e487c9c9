"""Opening hours of a day, as administrators write them in a calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from rules.reading import Reading
from rules.toml import Node
from rules.values import Kind, Schema


@dataclass(frozen=True, slots=True)
class Hours(Kind):
    """Opening hours of a day: `08:00-18:00`, or several with a comma; `24:00` is the end of the day (midnight)."""

    def _read(self, node: Node, at: Reading) -> tuple[tuple[time, time], ...]:
        if not isinstance(node.value, str):
            several = 'write "09:00-12:00, 13:00-17:00"' if isinstance(node.value, list) else ""
            at.unwanted(node, 'a text such as "08:00-18:00"', several)
            return ()
        read: list[tuple[time, time]] = []
        for part in node.value.split(","):
            found = re.fullmatch(rf"({_TIME})-({_TIME}|24:00)", part.strip())
            if not found:
                at.wrong(node.said, f"{part.strip() or '(empty)'} are no opening hours", _meant(part))
                continue
            opens, closes = found[1], found[2]
            if opens >= closes or (read and time.fromisoformat(opens) < read[-1][1]):
                said = f"{part.strip()} ends before it begins, or begins before the hours it follows end"
                at.wrong(node.said, said, _over_midnight(opens, closes) if opens > closes else "")
                continue
            read.append((time.fromisoformat(opens), time(0) if closes == "24:00" else time.fromisoformat(closes)))
        return tuple(read)

    def _schema(self) -> Schema:
        span = f"{_TIME}-(?:{_TIME}|24:00)"
        return {"type": "string", "pattern": f"^{span}(?:, *{span})*$", "description": "opening hours: 08:00-18:00"}


def _over_midnight(opens: str, closes: str) -> str:
    return f'over midnight write "{opens}-24:00", and "00:00-{closes}" on the day after'


def _meant(said: str) -> str:
    """How hours such as `9-17:30` or `24/7` are to be written."""
    if said.strip().lower() in _WHOLE:
        return 'write "00:00-24:00"'
    if said.strip().lower() in _NONE:
        return "leave the day out: one that is not named is closed"
    found = re.fullmatch(r"\s*(\d{1,2})(?::(\d\d))?\s*[-–]\s*(\d{1,2})(?::(\d\d))?\s*", said)
    opens, closes = (f"{found[n]:0>2}:{found[n + 1] or '00'}" for n in (1, 3)) if found is not None else ("", "")
    if not re.fullmatch(rf"{_TIME}-(?:{_TIME}|24:00)", f"{opens}-{closes}"):
        return 'write "08:00-18:00"'
    return _over_midnight(opens, closes) if opens > closes else f'write "{opens}-{closes}"'


_WHOLE = {"24/7", "24h", "0-24", "all day", "whole day", "always", "open"}
_NONE = {"closed", "none", "never", "off", "-"}
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
