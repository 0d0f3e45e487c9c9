"""One request to Jira's API on its way through an operation, and how the product says no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.http import Asked
from sandbox.jira.world import Issue, Person, Project

if TYPE_CHECKING:
    from sandbox.jira.state import JiraState


class No(Exception):
    """What Jira answers instead of yes: messages for people, and one for each field that is wrong."""

    def __init__(self, status: int, *messages: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(messages)
        self.status = status
        self.body = {"errorMessages": list(messages), "errors": dict(errors or {})}


class Call:
    """A request that has been let in: who asks, in which version of the API; `where` are the parts of its path."""

    def __init__(self, state: JiraState, asked: Asked, version: str, person: Person) -> None:
        self.state = state
        self.site = state.site
        self.values = state.values
        self.shapes = state.shapes
        self.asked = asked
        self.version = version
        self.person = person
        self.where: tuple[str, ...] = ()
        self.query: Mapping[str, str] = asked.query

    def number(self, name: str, default: int) -> int:
        """A number of the query. Raises No."""
        try:
            return int(self.query.get(name, default))
        except ValueError:
            raise No(400, f"{name} must be a number") from None

    def names(self, name: str) -> list[str]:
        """A comma-separated list of the query."""
        return [part.strip() for part in self.query.get(name, "").split(",") if part.strip()]

    def body(self) -> dict[str, Any]:
        """The body, which is an object. Raises No."""
        try:
            read = self.asked.json()
        except ValueError:
            raise No(400, "There was an error parsing JSON. Check that your request body is valid.") from None
        if not isinstance(read, dict):
            raise No(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        return read

    def issue(self) -> Issue:
        """The ticket that the path names. Raises No."""
        traps = self.state.traps
        try:
            issue = self.state.issue(self.where[0])
        except KeyError:
            issue = None
        if issue is None or issue.id in traps.hidden or "BROWSE_PROJECTS" in traps.denied:
            raise No(404, "Issue does not exist or you do not have permission to see it.")
        return issue

    def project(self, ref: str) -> Project:
        """The project with this id or key. Raises No."""
        for project in self.site.projects.values():
            if ref in {project.id, project.key} and "BROWSE_PROJECTS" not in self.state.traps.denied:
                return project
        raise No(404, f"No project could be found with key '{ref}'.")

    def may(self, permission: str, what: str) -> None:
        """Go on only with this permission. Raises No."""
        if permission in self.state.traps.denied:
            raise No(403, f"You do not have permission to {what}.")
