"""Statuses as phases: by id where the configuration says, else by the product's own category of the status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.jira import shapes
from connectors.jira.client import Client
from connectors.jira.settings import JiraSettings
from connectors.model import Phase

_BY_CATEGORY: Mapping[str, Phase] = {"new": "new", "indeterminate": "active", "done": "resolved"}


class Phases:
    """Which phase a status means. Categories are learnt from what is read; where that is not enough, it asks once.

    Unless it `asks`, a status that it has not learnt of counts as active.
    """

    def __init__(self, settings: JiraSettings, client: Client, *, asks: bool = True) -> None:
        self._client = client
        self._configured: dict[str, Phase] = {i: phase for phase, ids in settings.phases.items() for i in ids}
        self._ids: Mapping[Phase, tuple[str, ...]] = dict(settings.phases)
        self._learnt: dict[str, Phase] = {}
        self._asked = not asks

    def learn(self, status: Mapping[str, Any]) -> None:
        """A status with its category has come in."""
        category = (status.get("statusCategory") or {}).get("key", "")
        self._learnt[str(status.get("id"))] = _BY_CATEGORY.get(category, "active")

    def of(self, status: str) -> Phase:
        """The phase of the status with this id; one that is no longer there counts as active. May ask, once."""
        known = self.known(status)
        if known is None and not self._asked:
            tried = "could not list the statuses"
            for raw in self._client.library(lambda jira: [one.raw for one in jira.statuses()], tried, shapes.NAMED):
                self.learn(raw)
            self._asked = True
            known = self.known(status)
        return known or "active"

    def known(self, status: str) -> Phase | None:
        """The phase of a status as far as it is known without asking."""
        return self._configured.get(status) or self._learnt.get(status)

    def preferred(self, phase: Phase) -> tuple[str, ...]:
        """The statuses that the configuration names for a phase, best first."""
        return self._ids.get(phase, ())

    def open(self) -> tuple[str, ...]:
        """The statuses that the configuration counts as not finished, whatever their category."""
        return tuple(i for i, phase in self._configured.items() if phase in {"new", "active"})
