"""A small company, and tickets of it, for the tests of what thinks about one ticket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.model import Ticket, User, Value
from rules import condition, load
from rules.condition import Condition, Truth
from rules.facts import Facts
from rules.model import RuleSet

COMPANY = (Path(__file__).parent / "company.toml").read_text(encoding="utf-8")
MORNING = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
TOM = User("", "Tom", "tom@example.org")
MARIA = User("5b10a2844c20165700ede21g", "Maria Keller")
CEO = User("c1", "Chris", "CEO@example.org")
ANN = User("a1", "Ann")


def rules(text: str = "", company: str = COMPANY) -> RuleSet:
    """These rules of the company."""
    return load.parse({"company.toml": company, "rules.toml": text}, connectors=("jira", "slack", "msteams", "email"))


EMPTY = rules()
VOCABULARY = EMPTY.vocabulary


def ticket(fields: dict[str, Value] | None = None, **attributes: Any) -> Ticket:
    """A ticket made in the morning, of a tracker called jira, that is empty but known."""
    known: dict[str, Value] = {"severity": None, "team": None, "assignee": None, "service": None, "hold": False}
    made: dict[str, Any] = {
        "ref": "10042", "key": "OPS-42", "summary": "Checkout is down", "created": MORNING, "updated": MORNING,
        "source": "jira", "fields": {**known, **(fields or {})},
    }  # fmt: skip
    return Ticket(**{**made, **attributes})


def later(**span: float) -> datetime:
    """So long after the morning."""
    return MORNING + timedelta(**span)


def facts(fields: dict[str, Value] | None = None, **attributes: Any) -> Facts:
    """What conditions see of such a ticket."""
    return Facts(ticket(fields, **attributes), EMPTY, MORNING)


def compiled(source: str) -> Condition:
    """A condition in the company's words."""
    return condition.compile(source, VOCABULARY)


def says(source: str, fields: dict[str, Value] | None = None, **attributes: Any) -> Truth:
    """What a condition says of such a ticket."""
    return compiled(source)(facts(fields, **attributes))
