"""How a ticket is known that was made for a rehearsal: by a label, and by how its summary begins.

A ticket belongs to the process that rehearses; every other leaves it alone, so that a rehearsal beside a running
Pointman calls nobody whom it was not meant to call. Both marks name the run, since two may go on at once; some trackers
have no labels, and people change summaries.
"""

from __future__ import annotations

import re
from typing import Final

from connectors.model import Ticket

WORD: Final = "DRILL"
"""What every ticket and every text of a rehearsal begins with."""
LABEL: Final = "pointman-drill-"
_SUMMARY: Final = re.compile(rf"{WORD} ([0-9a-f]{{6}}): ")


def summary(run: str, said: str) -> str:
    """A summary, marked."""
    return f"{WORD} {run}: {said}"


def label(run: str) -> str:
    """The label of a run's tickets."""
    return f"{LABEL}{run}"


def run_of(ticket: Ticket) -> str:
    """The run that a ticket was made for; empty where it is no drill's."""
    for one in ticket.labels:
        if one.startswith(LABEL):
            return one.removeprefix(LABEL)
    found = _SUMMARY.match(ticket.summary)
    return found[1] if found is not None else ""
