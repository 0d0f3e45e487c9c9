"""The webhook of a Teams workflow: it takes a message with a card, answers before it posts, and never says an id.

Limits, and that a throttled message is answered as if it had been taken, are told in
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
and in the issues 400, 1810 and 7425 of MicrosoftDocs/msteams-docs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sandbox.http import Answer, Asked
from sandbox.teams.cards import SIZE, attached, wrong
from sandbox.teams.state import TeamsState
from sandbox.teams.world import Flow, Message

LIMITS: Final = ((4, timedelta(seconds=1)), (60, timedelta(seconds=30)), (100, timedelta(hours=1)))


def take(state: TeamsState, asked: Asked) -> Answer:
    """Take what was sent to a workflow's webhook."""
    flow = state.flows.get(asked.path.split("/")[2])
    if flow is None:
        return _failed(404, "WorkflowNotFound", "The workflow was not found.")
    if asked.query.get("sig") != flow.sig:
        said = "The authentication credentials are not valid or the request authorization failed."
        return _failed(401, "DirectApiAuthorizationRequired", said)
    if flow.gone:
        return _failed(flow.gone, "WorkflowTriggerIsNotEnabled", "The workflow is deleted or turned off.")
    if asked.method != "POST":
        return _failed(405, "MethodNotAllowed", "The webhook takes POST only.")
    if len(asked.body) > SIZE:
        return _failed(413, "RequestEntityTooLarge", "The message is larger than 28 KB.")
    problem = _problem(asked)
    if problem:
        return _failed(400, "TriggerInputSchemaMismatch", problem)
    if not _within(state, flow):
        said = "Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0,server=sandbox,cv=0.0.."
        return Answer(200, f"Webhook message delivery failed with error: {said}")
    given = asked.json()
    state.post(state.conversations[flow.conversation], Message(state.stamp(), flow.name, "", attached(given)))
    return Answer(202, None, {"x-ms-workflow-run-id": f"run-{len(flow.taken)}"})


def _problem(asked: Asked) -> str:
    try:
        given: Any = asked.json()
    except ValueError:
        return "The body is no JSON."
    if not isinstance(given, dict) or given.get("type") != "message":
        return "The body has no type 'message'."
    if len(given.get("attachments") or []) != 1 or attached(given) is None:
        return "The message has to carry one Adaptive Card."
    return "; ".join(wrong(attached(given)))


def _within(state: TeamsState, flow: Flow) -> bool:
    """Whether the limits leave room for one more; where they do, it is counted."""
    now = state.clock.now()
    flow.taken = [at for at in flow.taken if now - at < LIMITS[-1][1]]
    if any(sum(now - at < within for at in flow.taken) >= most for most, within in LIMITS):
        return False
    flow.taken.append(now)
    return True


def _failed(status: int, code: str, said: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": said}})
