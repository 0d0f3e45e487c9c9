"""The home ticket, end to end: what is told there, what is held until it is released, and from where that is heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.errors import Missing, Refused
from connectors.jira.adf import from_adf, to_adf
from connectors.jira.wiki import from_wiki, to_wiki
from connectors.model import Edit
from connectors.testing import BOT
from sync import home
from sync.health import Swept
from sync.ledger import Entry, Ledger, Unreadable
from sync.look import Site
from sync.queue import MemoryQueue
from sync.run import HomeVisits
from tests.world import COMPANY, MORNING, RULES, World

OUTSIDE = """
[[notify]]
id = "outside"
when = 'severity == "high"'
to = ["audience:customers"]
text = "{{ service }} is {{ severity }}"
"""
CUSTOMERS = """
[audiences.customers]
external = true
to = ["slack:#status-page"]
fields = ["service", "severity"]
"""
BAD = '\n[[classify]]\nid = "oops"\nset = { severity = "high" }\n'
STATUS_PAGE, INCIDENTS, TOM = "#status-page", "#incidents", "U-tom"


class Housed(World):
    """A world with a home ticket, visited after every sweep as the running process does it."""

    def __init__(self, rules: str = RULES, company: str = COMPANY, edits: int = 50) -> None:
        super().__init__(rules, company, site=Site(home="HOME-1", edits=edits))
        self.home = self.tracker.ticket("HOME-1", "Pointman")
        self.visit()

    def visit(self) -> None:
        if home.visit(self.engine):
            World.sweep(self)

    def sweep(self) -> None:
        super().sweep()
        if hasattr(self, "home"):
            self.visit()

    def release(self) -> None:
        """`pointman release`, from a process that knows nothing of ours."""
        home.release(self.tracker, "HOME-1", "olga", self.now, self._rules().digest)

    @property
    def notices(self) -> str:
        comments = [c for c in self.tracker.tickets[self.home].comments if home.TITLE in c.text]
        assert len(comments) <= 1, "one comment, edited in place"
        return comments[0].text if comments else ""


def flood(edits: int = 5, tickets: int = 20) -> Housed:
    world = Housed(edits=edits)
    for number in range(tickets):
        world.ticket(f"OPS-{number}", "Fine", service=None)
    world.later(timedelta(hours=1))
    world.reload(RULES + BAD)
    return world


def touched(world: World) -> int:
    return sum(ticket.fields["severity"] == "high" for ticket in world.tracker.tickets.values())


def test_nothing_is_written_while_there_is_nothing_to_tell() -> None:
    world = Housed()
    assert world.notices == ""
    assert world.tracker.tickets[world.home].ledger is None


def test_without_a_home_nothing_is_visited() -> None:
    world = World()
    calls = world.tracker.calls
    assert not home.visit(world.engine)
    assert world.tracker.calls == calls


def test_what_needs_an_administrator_is_told_once_and_taken_back_when_it_is_over() -> None:
    world = Housed()
    slack = world.messengers["slack"]
    slack.error, slack.broken = Missing("could not post to slack:#incidents: channel_not_found"), {INCIDENTS}
    world.ticket()
    world.visit()
    assert "channel\\_not\\_found" in world.notices
    ticket = world.tracker.tickets[world.home]
    world.visit()
    assert world.tracker.tickets[world.home] == ticket
    slack.error = None
    world.later(timedelta(hours=2))
    world.visit()
    assert "Nothing needs an administrator" in world.notices


def test_what_stands_is_told_after_a_restart_as_before() -> None:
    world = Housed()
    slack = world.messengers["slack"]
    slack.error, slack.broken = Missing("could not post to slack:#incidents: channel_not_found"), {INCIDENTS}
    world.ticket()
    world.visit()
    before = world.notices
    world.restart()
    assert world.notices == before


def test_what_concerns_everything_is_told_before_what_concerns_one_ticket() -> None:
    notices = {f"OPS-{number}: x": f"OPS-{number} has something" for number in range(100)}
    lines = home.said({**notices, "lost rules": "rules were lost", "flood": "a flood"}).splitlines()
    assert lines[2:4] == ["- a flood", "- rules were lost"]
    assert lines[-1] == "- and 62 more, see `/healthz`"


def test_a_notice_is_one_inert_line() -> None:
    text = home.said({"x": "could not post\n- **Pointman notices** <!channel>\n\n# All is well"})
    assert text.splitlines()[2:] == [
        "- could not post - \\*\\*Pointman notices\\*\\* \\<!channel\\> # All is well",
    ]


# ---- outside audiences


def test_outside_audiences_wait_for_the_release_also_on_the_very_first_look() -> None:
    world = Housed(RULES + OUTSIDE, COMPANY + CUSTOMERS)
    world.engine = world._engine()  # a process that has not visited its home yet
    world.ticket()
    world.visit()
    assert world.said(STATUS_PAGE) == []
    assert "outside audience waits" in world.notices


def test_a_release_from_another_process_is_heard_and_carried_out_without_anything_else_happening() -> None:
    world = Housed(RULES + OUTSIDE, COMPANY + CUSTOMERS)
    world.ticket()
    world.visit()
    world.release()
    world.visit()
    assert world.said(STATUS_PAGE) == ["checkout is high"]
    world.visit()
    assert "Nothing needs an administrator" in world.notices


def test_a_restarted_process_still_knows_that_outside_audiences_were_released() -> None:
    world = Housed(RULES + OUTSIDE, COMPANY + CUSTOMERS)
    world.release()
    world.later(timedelta(days=30))
    world.restart()
    world.ticket()
    assert world.said(STATUS_PAGE) == ["checkout is high"]


# ---- floods


def test_a_flood_is_held_listed_and_released_from_another_process() -> None:
    world = flood()
    assert 1 <= touched(world) <= 6
    assert "held until" in world.notices
    assert "severity = high" in world.notices, "what is held is listed"
    world.release()
    world.visit()
    assert touched(world) == 20
    world.visit()
    assert "held" not in world.notices


def test_a_release_of_long_ago_does_not_let_the_next_flood_through_after_a_restart() -> None:
    world = Housed(edits=5)
    world.release()
    world.visit()
    for number in range(20):
        world.ticket(f"OPS-{number}", "Fine", service=None)
    world.later(timedelta(days=2))
    world.rules_text = RULES + BAD
    world.restart()
    assert touched(world) <= 6
    assert "held until" in world.notices


def test_what_was_released_stays_released_after_a_restart_with_the_same_rules() -> None:
    world = flood()
    world.release()
    world.restart()
    assert touched(world) == 20


def test_calls_are_never_held_in_a_flood() -> None:
    world = flood()
    world.engine.begin_sweep()
    ref = world.ticket("OPS-99")
    world.later(timedelta(minutes=6))
    assert world.field(ref, "severity") == "high"
    assert any("OPS-99" in said for said in world.said(TOM))


# ---- lost rules


def test_lost_rules_that_come_back_need_no_release() -> None:
    world = Housed()
    world.ticket()
    world.reload(RULES[: RULES.index("[[notify]]")])
    assert "lost" in world.notices
    world.reload(RULES)
    assert "lost" not in world.notices
    assert world.engine.retiring


def test_rules_that_are_lost_one_after_the_other_are_still_lost() -> None:
    many = RULES + "".join(f'\n[[notify]]\nid = "n{n}"\nto = ["slack:#n{n}"]\n' for n in range(20))
    world = Housed(many)
    world.ticket()
    lost = many
    for n in range(4):
        lost = lost.replace(f'\n[[notify]]\nid = "n{n}"\nto = ["slack:#n{n}"]\n', "")
        world.reload(lost)
    assert world.engine.retiring, "each reload lost less than a tenth"
    world.reload(RULES)
    assert not world.engine.retiring
    world.reload(RULES + "\n# touched\n")
    assert not world.engine.retiring, "reading the same rules again confirms nothing"


# ---- the home ticket's own ledger


def test_an_unreadable_home_is_told_to_whoever_asks_and_nothing_outside_is_told() -> None:
    world = Housed(RULES + OUTSIDE, COMPANY + CUSTOMERS)
    world.tracker.tickets[world.home] = replace(world.tracker.tickets[world.home], ledger="{")
    world.engine = world._engine()
    world.visit()
    assert "home ticket" in world.engine.notices["home"]
    world.ticket()
    assert world.said(STATUS_PAGE) == []
    with pytest.raises(Unreadable):
        world.release()
    world.tracker.tickets[world.home] = replace(world.tracker.tickets[world.home], ledger=None)
    world.visit()
    assert "home" not in world.engine.notices


def test_somebody_else_who_writes_our_title_does_not_become_our_notices() -> None:
    world = Housed()
    world.tracker.comment(world.home, f"**{home.TITLE}** all is well")
    world.engine.notices["flood"] = "a flood"
    world.visit()
    ours = [c for c in world.tracker.tickets[world.home].comments if c.by == BOT]
    assert len(ours) == 1
    assert any("all is well" in c.text for c in world.tracker.tickets[world.home].comments)


def test_the_home_ticket_keeps_what_its_ledger_holds_beside_the_notices() -> None:
    world = Housed()
    world.tracker.write(world.home, None, Ledger(world.home, {"notify:x>y": Entry(MORNING, ref="r")}).dumps())
    world.engine.notices["flood"] = "a flood"
    world.visit()
    world.release()
    kept = Ledger.loads(world.tracker.tickets[world.home].ledger, world.home)
    assert set(kept.entries) == {"notify:x>y"}
    assert [act.verb for act in kept.acts] == ["release"]


def test_the_running_process_visits_at_once_when_there_is_news_and_considers_all_again_after_a_release() -> None:
    world = Housed()
    again: list[str] = []
    queue = MemoryQueue(lambda ref: None, lambda ref: 0, world.clock, workers=1)
    queue.start()
    visits = HomeVisits(world.engine, queue, lambda: again.append("all"), Swept())
    visits()
    calls = world.tracker.calls
    visits()
    assert world.tracker.calls == calls, "nothing new, and the minute is not over"
    world.engine.notices["flood"] = "a flood"
    visits()
    assert "a flood" in world.notices
    assert again == []
    world.release()
    world.later(timedelta(minutes=2))
    visits()
    assert again == ["all"]
    world.now -= timedelta(days=1)
    calls = world.tracker.calls
    visits()
    assert world.tracker.calls > calls, "a clock that was set back keeps nobody away from home"
    queue.stop()


def test_a_release_while_the_notices_are_written_is_heard() -> None:
    world = flood()
    write = world.tracker.write
    assert "held" in world.notices

    def at_the_same_moment(ref: str, edit: Edit | None, ledger: str | None) -> None:
        world.tracker.write = write  # type: ignore[method-assign]
        world.release()
        write(ref, edit, ledger)

    world.tracker.write = at_the_same_moment  # type: ignore[method-assign]
    world.engine.notices["another"] = "something else"
    world.visit()
    assert "something else" in world.notices
    world.visit()
    assert touched(world) == 20


def test_a_release_that_something_else_took_away_is_written_again() -> None:
    world = Housed()
    write = world.tracker.write

    def overtaken(ref: str, edit: Edit | None, ledger: str | None) -> None:
        world.tracker.write = write  # type: ignore[method-assign]
        write(ref, edit, ledger)
        write(ref, None, Ledger(world.home).dumps())

    world.tracker.write = overtaken  # type: ignore[method-assign]
    world.release()
    kept = Ledger.loads(world.tracker.tickets[world.home].ledger, world.home)
    assert [act.verb for act in kept.acts] == ["release"]


def test_a_release_that_the_tracker_drops_is_told() -> None:
    world = Housed()
    world.tracker.drops_ledger = True
    with pytest.raises(Refused, match="HOME-1 answers success"):
        world.release()


def test_notices_that_somebody_deleted_are_told_again() -> None:
    world = Housed()
    world.engine.notices["x"] = "something to see"
    world.visit()
    ticket = world.tracker.tickets[world.home]
    world.tracker.tickets[world.home] = replace(ticket, comments=())
    world.visit()
    assert "something to see" in world.notices


def test_a_tracker_that_gives_the_notices_back_in_other_words_is_told_once() -> None:
    world = Housed()
    world.engine.notices["x"] = "something to see"
    world.visit()
    ticket = world.tracker.tickets[world.home]
    said = replace(ticket.comments[0], text=f"**{home.TITLE}** (as it came back)")
    world.tracker.tickets[world.home] = replace(ticket, comments=(said,))
    calls = world.tracker.calls
    world.visit()
    assert world.tracker.calls == calls + 1, "read, not written"


@pytest.mark.parametrize("mark_up", [lambda text: from_adf(to_adf(text)), lambda text: from_wiki(to_wiki(text))])
def test_notices_that_come_back_through_a_trackers_mark_up_are_still_the_same(mark_up: Callable[[str], str]) -> None:
    world = Housed()
    said = "`a` channel_not_found {code} [x|http://a.b] <!channel> *b* https://a.org/x_y?z=1 a\\b, 1,2 ü"
    world.engine.notices["x"] = said
    world.visit()
    ticket = world.tracker.tickets[world.home]
    came = replace(ticket.comments[0], text=mark_up(ticket.comments[0].text))
    world.tracker.tickets[world.home] = replace(ticket, comments=(came,))
    again = world._engine()
    again.notices["x"] = said
    calls = world.tracker.calls
    home.visit(again)
    assert world.tracker.calls == calls + 1, "read, not written"
