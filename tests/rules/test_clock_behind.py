"""A tracker tells its time in whole seconds, so our clock may be a hair behind a ticket that was just made."""

from datetime import UTC, datetime, timedelta

from connectors.model import Ticket
from rules.load import parse
from rules.past import became_true

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = """
[defaults]
timezone = "UTC"
[[notify]]
id = "card"
when = 'severity == "high"'
to = ["assignee"]
"""


def test_what_is_about_to_be_decided_holds_since_the_ticket_was_made() -> None:
    rules = parse({"rules.toml": RULES})
    fresh = Ticket("1", "OPS-1", "Down", NOON, NOON, fields={"severity": None}, complete_since=NOON)
    decided = fresh.having({"severity": "high"}, NOON - timedelta(milliseconds=900))
    assert became_true(rules.by_id["card"].when, decided, rules) == NOON
