"""A phase, or a hold, as a transition: the product moves a ticket along its workflow, never straight to a status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.errors import Refused
from connectors.jira import shapes
from connectors.jira.client import Client
from connectors.jira.phases import Phases
from connectors.jira.settings import JiraSettings
from connectors.model import PHASES, Value


@dataclass(frozen=True, slots=True)
class Move:
    """A transition that leads to the phase asked for, or on hold, with the fields that its screen requires.

    `word` is what it was asked for by.
    """

    id: str
    phase: str
    fields: Mapping[str, Any]
    word: str = "phase"


class Transitions:
    """Finds and makes transitions of one site."""

    def __init__(self, settings: JiraSettings, client: Client, phases: Phases) -> None:
        self._settings = settings
        self._client = client
        self._phases = phases

    def to(self, ref: str, phase: Value) -> Move:
        """The transition to this phase that is legal now. Raises Refused, naming the phase, where there is none.

        A status that the configuration names for the phase goes before others of it, in the order they are named.
        """
        if phase not in PHASES:
            raise Refused(f"could not edit {ref}: there is no phase {phase}", fields={"phase": f"no phase {phase}"})
        found = self._legal(ref)
        wanted = self._phases.preferred(phase)  # type: ignore[arg-type]  # it is one of them
        ranked = sorted(
            (rank, n) for n, one in enumerate(found) if (rank := self._rank(one, str(phase), wanted)) is not None
        )
        if not ranked:
            reason = f"no transition leads from its present status to {phase}"
            raise Refused(f"could not edit {ref}: {reason}", fields={"phase": reason})
        best = found[ranked[0][1]]
        return Move(str(best["id"]), str(phase), self._required(best.get("fields") or {}))

    def hold(self, ref: str, hold: bool) -> Move:
        """The transition to a status that means on hold, or from there to the work that goes on: active before new.

        Raises Refused, naming the hold, where there is none.
        """
        statuses = self._settings.hold.statuses
        ways = [(one, str((one.get("to") or {}).get("id"))) for one in self._legal(ref)]
        if hold:
            ranked = [(statuses.index(status), n) for n, (_, status) in enumerate(ways) if status in statuses]
        else:
            going = {"active": 0, "new": 1}
            phases = ((n, self._phases.of(status)) for n, (_, status) in enumerate(ways) if status not in statuses)
            ranked = [(going[phase], n) for n, phase in phases if phase in going]
        if not ranked:
            reason = f"no transition leads from its present status {'to one that means' if hold else 'from'} on hold"
            raise Refused(f"could not edit {ref}: {reason}", fields={"hold": reason})
        best = ways[min(ranked)[1]][0]
        name = "on hold" if hold else "work again"
        return Move(str(best["id"]), name, self._required(best.get("fields") or {}), "hold")

    def _legal(self, ref: str) -> list[Any]:
        """The transitions that are legal now; the statuses they lead to are known from then on."""
        found = self._client.library(
            lambda jira: jira.transitions(ref, expand="transitions.fields"),
            f"could not read the transitions of {ref}",
            shapes.MOVES,
        )
        for one in found:
            self._phases.learn(one.get("to") or {})
        return list(found)

    def make(self, ref: str, move: Move) -> None:
        """Make a transition. Raises Refused, naming the word it was asked for by."""
        body = {"transition": {"id": move.id}, **({"fields": move.fields} if move.fields else {})}
        try:
            self._client.send("POST", f"issue/{ref}/transitions", body, f"could not bring {ref} to {move.phase}")
        except Refused as refused:
            raise Refused(str(refused), fields={move.word: str(refused)}) from None

    def _rank(self, one: Mapping[str, Any], phase: str, wanted: tuple[str, ...]) -> int | None:
        """How well a transition suits: 0 is best, None not at all."""
        status = str((one.get("to") or {}).get("id"))
        if status in wanted:
            return wanted.index(status)
        reached = self._phases.of(status)
        if reached == phase:
            return len(wanted)
        # Categories know no closed: where the configuration names no status for it, what is done will do.
        return len(wanted) + 1 if phase == "closed" and not wanted and reached == "resolved" else None

    def _required(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The resolution, where the transition's screen wants one; anything else a person has to fill in."""
        wanted = fields.get("resolution") or {}
        if not wanted.get("required") or wanted.get("hasDefaultValue"):
            return {}
        name = self._settings.resolution or _first(wanted.get("allowedValues") or ())
        return {"resolution": {"name": name}} if name else {}


def _first(values: Iterable[Mapping[str, Any]]) -> str:
    return next((str(value.get("name")) for value in values), "")
