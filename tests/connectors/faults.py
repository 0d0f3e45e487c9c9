"""What any product may answer on a bad day, and what each of it means; every messenger's table begins with these."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import Missing, Refused, Temporary
from sandbox.http import Answer, Fault

ELSEWHERE = {"location": "https://elsewhere.example"}
ROWS = ("why", "fault", "error", "in_doubt", "retry_after", "stand")
"""Why, the fault, the error, whether it is in doubt, when to come back, how many messages stand afterwards."""

UNHURRIED = 10.0
"""Seconds that a call may take where nothing is late: a busy machine is no fault."""


def patience_of(request: pytest.FixtureRequest, hurried: float) -> float:
    """Seconds that a call may take in a test: few only where its `fault` keeps it waiting."""
    case = getattr(request.node, "callspec", None)
    fault = case.params.get("fault") if case is not None else None
    return hurried if fault is not None and fault.wait else UNHURRIED


def plain() -> list[tuple[Any, ...]]:
    """Refusals that mean the same in every product."""
    return [
        ("conflict", Fault(..., Answer(409, "no")), Refused, None, None, 0),
        ("gone", Fault(..., Answer(410, "no")), Missing, None, None, 0),
        ("unprocessable", Fault(..., Answer(422, "no")), Refused, None, None, 0),
        ("too many, no word of when", Fault(..., Answer(429, "slow down")), Temporary, False, None, 0),
        ("moved", Fault(..., Answer(302, "", ELSEWHERE)), Refused, None, None, 0),
    ]


def doubtful(patience: float) -> list[tuple[Any, ...]]:
    """What leaves in doubt whether it was done; `patience` are the seconds that a call may take."""
    return [
        ("server error", Fault(..., Answer(500, "<html>oops")), Temporary, True, None, 0),
        ("server error after the effect", Fault(..., Answer(500, "oops"), done=True), Temporary, True, None, 1),
        ("bad gateway", Fault(..., Answer(502, "<html>")), Temporary, True, None, 0),
        ("unavailable, come back", Fault(..., Answer(503, "", {"retry-after": "5"})), Temporary, True, 5, 0),
        ("gateway time-out after the effect", Fault(..., Answer(504, ""), done=True), Temporary, True, None, 1),
        ("time-out before the effect", Fault(..., drop=True, wait=2 * patience), Temporary, True, None, 0),
        ("time-out after the effect", Fault(..., done=True, wait=2 * patience), Temporary, True, None, 1),
        ("reset before the effect", Fault(..., drop=True), Temporary, True, None, 0),
        ("reset after the effect", Fault(..., drop=True, done=True), Temporary, True, None, 1),
    ]
