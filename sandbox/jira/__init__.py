"""Jira in a box, Cloud and Data Center: the state is `JiraState`, its REST API is `JiraState.handle`."""

from sandbox.jira.state import JiraState, Traps
from sandbox.jira.world import Field, Issue, Person, Project, Site, Status, Transition, standard

__all__ = ["Field", "Issue", "JiraState", "Person", "Project", "Site", "Status", "Transition", "Traps", "standard"]
