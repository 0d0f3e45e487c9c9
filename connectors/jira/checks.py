"""Whether Jira is as the configuration and the rules expect it, tried for real."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.base import Wanted
from connectors.jira.client import Client
from connectors.jira.fields import Fields
from connectors.jira.settings import JiraSettings
from connectors.problems import Problem


def check(name: str, settings: JiraSettings, client: Client, fields: Fields, wanted: Wanted) -> Iterator[Problem]:
    """Everything that is wrong, in the order in which it is best repaired."""
    return iter(())
