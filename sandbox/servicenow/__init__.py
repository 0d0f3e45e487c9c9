"""ServiceNow in a box: the state is `ServiceNowState`, its REST API is `ServiceNowState.handle`."""

from sandbox.servicenow.hooks import Hook
from sandbox.servicenow.rules import Denied
from sandbox.servicenow.state import ServiceNowState, Traps
from sandbox.servicenow.world import Record

__all__ = ["Denied", "Hook", "Record", "ServiceNowState", "Traps"]
