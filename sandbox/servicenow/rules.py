"""What an instance makes of a task by itself: lookups, dates that follow the state, data policies, assignment rules.

All of it happens inside the write that somebody makes, so it counts as theirs: in the audit it stands under the name of
whoever sent the request, even where they sent something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.servicenow.world import Record, stamp

if TYPE_CHECKING:
    from sandbox.servicenow.state import ServiceNowState

PRIORITY: Final = {
    ("1", "1"): "1", ("1", "2"): "2", ("1", "3"): "3", ("2", "1"): "2", ("2", "2"): "3", ("2", "3"): "4",
    ("3", "1"): "3", ("3", "2"): "4", ("3", "3"): "5",
}  # fmt: skip
"""The priority by impact and urgency, as instances are delivered."""
HELD, RESOLVED, CLOSED, CANCELED = "3", "6", "7", "8"
OVER: Final = frozenset({CLOSED, CANCELED})
FINISHED: Final = frozenset({RESOLVED, CLOSED})


class Denied(Exception):
    """A write that the instance refuses; `str()` is the detail of its answer."""


def before(state: ServiceNowState, record: Record, changes: dict[str, str], by: str) -> dict[str, str]:
    """What is written where somebody wants these changes of a task (of a new one: all its values). Raises Denied."""
    table = record.table
    if "task" not in {one.name for one in state.schema.line(table)}:
        return changes
    wanted = dict(changes)
    wanted |= _states(state, record, wanted, by) if table == "incident" else {}
    wanted |= _assigned(state, record, wanted)
    impact, urgency = (wanted.get(name, record[name]) for name in ("impact", "urgency"))
    if (impact, urgency) in PRIORITY:  # the lookup has the last word: whoever writes a priority writes it in vain
        wanted["priority"] = PRIORITY[impact, urgency]
    if table == "incident":
        _policies(state, record, wanted)
    return wanted


def _states(state: ServiceNowState, record: Record, changes: dict[str, str], by: str) -> dict[str, str]:
    """`state` and `incident_state` are one; dates and people follow it, and what no longer holds is taken away."""
    moved = changes.get("state", changes.get("incident_state", record["state"]))
    if "incident_state" in changes and changes.get("state", record["state"]) == record["state"]:
        moved = changes["incident_state"]
    made = {"state": moved, "incident_state": moved}
    before_ = record["state"]
    if moved == before_:
        return made
    now, user = stamp(state.now()), state.user_id(by)
    if moved in FINISHED and not changes.get("resolved_at", record["resolved_at"]):
        made |= {"resolved_at": now, "resolved_by": user}
    if moved in OVER:
        made |= {"closed_at": now, "closed_by": user, "active": "false"}
    if before_ in FINISHED | OVER and moved not in FINISHED | OVER:
        made |= dict.fromkeys(("resolved_at", "resolved_by", "closed_at", "closed_by"), "")
        made |= {"active": "true", "reopen_count": str(int(record["reopen_count"] or 0) + 1)}
    if before_ == HELD:
        made["hold_reason"] = ""
    return made


def _assigned(state: ServiceNowState, record: Record, changes: dict[str, str]) -> dict[str, str]:
    """An assignment rule gives a ticket to somebody once it has a group and nobody to whom it belongs."""
    group = changes.get("assignment_group", record["assignment_group"])
    if "assignment_group" not in changes or changes.get("assigned_to", record["assigned_to"]):
        return {}
    to = state.traps.assigns.get(state.schema.name("sys_user_group", group))
    return {"assigned_to": state.user_id(to)} if to else {}


def _policies(state: ServiceNowState, record: Record, changes: dict[str, str]) -> None:
    """Raises Denied where a field is missing that must be there; a choice that is not in the list counts as missing."""
    labels = []
    if changes.get("state") in FINISHED:
        code = changes.get("close_code", record["close_code"])
        if code not in state.schema.choices(record.table, "close_code"):
            labels.append("Resolution code")
        if not changes.get("close_notes", record["close_notes"]).strip():
            labels.append("Resolution notes")
    held = changes.get("state") == HELD and state.traps.hold_needs_reason
    if held and not changes.get("hold_reason", record["hold_reason"]):
        labels.append("On hold reason")
    if labels and state.traps.policies:
        raise Denied(f"Data Policy Exception: \n\tThe following fields are mandatory: {', '.join(labels)}")
