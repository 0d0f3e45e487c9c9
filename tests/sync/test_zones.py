"""Each recipient reads moments on their own clock: an audience's, a place's, a person's, else the default."""

from datetime import UTC, datetime

import pytest

from connectors.model import Ticket, User
from rules import load
from sync.effects import World
from sync.ledger import Ledger
from sync.plan import make_plan

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RULES = """
[defaults]
timezone = "Europe/Berlin"
[places.berlin]
slack = "#berlin"
[places.tokyo]
slack = "#tokyo"
timezone = "Asia/Tokyo"
[people]
sue = { slack = "U1", timezone = "America/New_York" }
[schedules]
rota = { rotation = ["sue"], handover = "09:00" }
[teams]
web = { schedule = "rota", lead = "sue" }
[audiences]
london = { to = ["slack:#london", "person:sue"], timezone = "Europe/London" }
[[notify]]
id = "card"
to = ["%s"]
text = "{{ created }}"
"""


@pytest.mark.parametrize(
    ("recipient", "clock", "why"),
    [
        ("place:berlin", "10:00", "a place without a zone reads the default's"),
        ("slack:#berlin", "10:00", "so does a product's own address"),
        ("place:tokyo", "18:00", "a place has its own"),
        ("person:sue", "04:00", "a person has their own"),
        ("lead:web", "04:00", "and is the same person whatever they were called for"),
        ("audience:london", "09:00", "an audience is told on one clock, whoever is in it"),
    ],
)
def test_moments_are_told_on_the_clock_of_who_reads_them(recipient: str, clock: str, why: str) -> None:
    rules = load.parse({"rules.toml": RULES % recipient})
    ticket = Ticket("1", "OPS-1", "Down", NOW, NOW, reporter=User("", "", "ann@example.org"))
    plan = make_plan(ticket, Ledger("1"), rules, World(products=("slack",)), NOW)
    said = {item.effect.thing.text for item in plan.items if item.effect.thing is not None}
    assert said == {clock}, why
