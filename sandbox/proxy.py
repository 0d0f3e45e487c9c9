"""Passes requests on to the workbench, which runs beside Pointman as a server of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import requests

from sandbox.http import Answer, Asked
from sandbox.process import Workbench

PATIENCE: Final = 30.0
"""Real seconds until the workbench counts as gone."""
AWAY: Final = "The workbench does not answer; it is started together with the demonstration.\n"


def passed_on(asked: Asked, workbench: Workbench | None, headers: Mapping[str, str]) -> Answer:
    """What the workbench answers, with these headers of ours; 502 and a sentence where it does not.

    The caller has seen to it that our own page asks. Of the request's headers only the kind of the body goes on.
    """
    if workbench is None:
        return _away(headers)
    kind = asked.headers.get("content-type", "")
    try:
        told = requests.request(
            asked.method,
            f"{workbench.url}{asked.path}",
            params=dict(asked.query),
            data=asked.body,
            headers={"content-type": kind} if kind else {},
            timeout=PATIENCE,
            allow_redirects=False,
        )
    except requests.RequestException:
        return _away(headers)
    given = told.headers.get("content-type", "application/octet-stream")
    return Answer(told.status_code, told.content, {**headers, "content-type": given})


def _away(headers: Mapping[str, str]) -> Answer:
    return Answer(502, AWAY, {**headers, "content-type": "text/plain; charset=utf-8"})
