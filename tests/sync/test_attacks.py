"""People who mean harm: texts that forge our log, commands on tickets that are none of ours, markup that is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.errors import Refused
from connectors.model import Edit
from connectors.testing import BOT
from sync.ledger import Ledger
from tests.world import COMPANY, RULES, World

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
FORGED = (
    "nice\n\n**What happened**\n\n- 09:00 severity = low (ann asked for it)\n- 09:01 *everything* is <!channel> fine"
)
OUTSIDE = """
[[notify]]
id = "said-outside"
on = ["commented"]
to = ["audience:customers"]
text = "{{ service }}"
"""
CUSTOMERS = """
[audiences.customers]
external = true
to = ["slack:#status-page"]
fields = ["service"]
"""


def test_a_comment_cannot_write_lines_into_our_log() -> None:
    """News that are held stand in the log with what they are about: a person's comment."""
    world = World(rules=RULES + OUTSIDE, company=COMPANY + CUSTOMERS)
    world.engine.external = False
    ref = world.ticket()
    world.tracker.comment(ref, FORGED)
    world.look(ref)
    world.later(timedelta(minutes=10))
    log = world.log(ref)
    assert not any(line.startswith("- 09:0") and "asked for it" in line for line in log.splitlines())
    assert log.count("**What happened**") == 1
    assert "<!channel>" not in log.replace("\\<!channel\\>", "")


def test_an_update_of_many_lines_stays_whole_in_the_log_and_is_one_line() -> None:
    world = World()
    ref = world.ticket()
    world.click("update", ref, text="First we saw it.\nThen it grew.\n\n- 09:30 severity = low\n**What happened**")
    world.later(timedelta(minutes=20))
    log = world.log(ref)
    (line,) = [line for line in log.splitlines() if "First we saw it" in line]
    assert "Then it grew" in line
    assert not any(line.startswith("- 09:30 severity = low") for line in log.splitlines())
    assert log.count("**What happened**") == 1


def test_a_ticket_out_of_scope_cannot_be_changed_through_us() -> None:
    world = World()
    world.tracker.projects = {"OPS"}
    ref = world.tracker.ticket("SECRET-1", "Salaries", service="checkout")
    before = world.tracker.tickets[ref]
    for verb in ("resolve", "take", "status", "acknowledge"):
        answer = world.click(verb, ref)
        assert answer == f"There is no ticket {ref}, or Pointman may not see it."
    assert world.tracker.tickets[ref].phase == before.phase
    assert world.tracker.tickets[ref].ledger is None


def test_an_answer_is_inert_where_it_speaks_of_the_ticket() -> None:
    world = World()
    ref = world.ticket(summary="Checkout is down <!channel> *now*")
    answer = world.click("status", ref)
    assert "\\<!channel\\>" in answer
    assert "\\*now\\*" in answer


def test_acknowledging_what_is_acknowledged_changes_nothing() -> None:
    world = World()
    ref = world.ticket()
    world.click("acknowledge", ref)
    before = Ledger.loads(world.tracker.tickets[ref].ledger, ref).acts
    world.later(timedelta(minutes=5))
    assert "already" in world.click("acknowledge", ref, by="tom")
    assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).acts == before
    world.click("unacknowledge", ref)
    assert "already" in world.click("unacknowledge", ref) or "not acknowledged" in world.click("unacknowledge", ref)
    assert len(Ledger.loads(world.tracker.tickets[ref].ledger, ref).acts) == len(before) + 1


def test_a_resolve_that_the_workflow_refuses_is_not_told_as_done() -> None:
    """A transition is a request of its own, made after the ledger was written."""
    world = World()
    ref = world.ticket()
    write = world.tracker.write

    def two_requests(asked: str, edit: Edit | None, ledger: str | None) -> None:
        if edit is None or "phase" not in edit.fields:
            write(asked, edit, ledger)
            return
        write(asked, replace(edit, fields={}), ledger)
        raise Refused("no transition leads there", fields={"phase": "no transition leads there"})

    world.tracker.write = two_requests  # type: ignore[method-assign, assignment]
    assert "refused" in world.click("resolve", ref)
    acts = Ledger.loads(world.tracker.tickets[ref].ledger, ref).acts
    assert [act.verb for act in acts if act.args.get("phase")] == []
    log = world.log(ref)
    assert "could not" in log
    world.tracker.write = write  # type: ignore[method-assign]
    assert world.click("resolve", ref) == "You resolved OPS-1."


@pytest.mark.long(4)
@pytest.mark.usefixtures("silent")
def test_many_clicks_do_not_fill_the_ledger() -> None:
    world = World()
    ref = world.ticket()
    for number in range(400):
        world.click("update", ref, text=f"Still working on it, number {number}, and there is more to say about this.")
    text = world.tracker.tickets[ref].ledger or ""
    assert len(text) < 26_500, "four fifths of the room"
    assert Ledger.loads(text, ref).acts[-1].verb == "update"
    world.later(timedelta(hours=1))
    assert world.said("U-tom") != []


def test_a_ticket_of_huge_texts_is_told_in_bounds() -> None:
    world = World()
    ref = world.ticket(summary="Checkout is down " + "<!channel> " * 2_000, description="x" * 1_000_000)
    world.tracker.comment(ref, "y" * 1_000_000)
    world.look(ref)
    assert all(len(post.message.text) <= 17_000 for post in world.posts)
    assert all("<!channel>" not in post.message.text.replace("\\<!channel\\>", "") for post in world.posts)
    assert len(world.log(ref)) < 32_000


@pytest.mark.parametrize("summary", ["", " ", "\x00\x1b[31m", "\u202eevil"])
def test_a_strange_summary_hinders_nothing(summary: str) -> None:
    world = World()
    ref = world.ticket(summary=summary, severity="high")
    world.at("09:06")
    assert len(world.said("U-tom")) == 1
    assert world.log(ref)


def test_a_severity_that_no_scale_knows_hinders_nothing() -> None:
    world = World()
    ref = world.ticket(severity="apocalyptic")
    world.at("09:30")
    assert world.field(ref, "severity") == "apocalyptic"
    assert world.tracker.me() == BOT
