"""Slack in a box: a workspace as plain data, its Web API and Socket Mode on loopback, and people who act in it."""

from sandbox.slack.people import Delivered, People
from sandbox.slack.serve import SlackSandbox
from sandbox.slack.state import SlackState
from sandbox.slack.world import Channel, Message, Person

__all__ = ["Channel", "Delivered", "Message", "People", "Person", "SlackSandbox", "SlackState"]
