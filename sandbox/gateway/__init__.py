"""Phones in a box: PagerDuty's Events API, Opsgenie's and JSM's alerts, Twilio's calls, and a gateway that verifies."""

from sandbox.gateway.people import People, Person
from sandbox.gateway.serve import GatewaySandbox
from sandbox.gateway.state import Alert, GatewayState, Ring, Spoken

__all__ = ["Alert", "GatewaySandbox", "GatewayState", "People", "Person", "Ring", "Spoken"]
