"""Teams in a box: a tenant as plain data, its APIs on loopback, workflows' webhooks, and people who act in it."""

from sandbox.teams.people import Delivered, People
from sandbox.teams.serve import TeamsSandbox
from sandbox.teams.state import Refusal, TeamsState
from sandbox.teams.world import Conversation, Dialog, Flow, Message, Person

__all__ = [
    "Conversation",
    "Delivered",
    "Dialog",
    "Flow",
    "Message",
    "People",
    "Person",
    "Refusal",
    "TeamsSandbox",
    "TeamsState",
]
