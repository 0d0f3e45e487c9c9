"""Who is on call is looked up outside of any look; what was said last holds while nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from connectors.pagerduty import PagerDuty, PagerDutySettings
from rules.schedule import on_call
from sandbox.clock import Clock
from sandbox.http import Answer, Fault, Server
from sandbox.rosters import Duty, RosterState
from sandbox.world import World as Sandbox
from sync import config
from sync.cli import watchdog
from sync.rosters import Rosters
from sync.run import Running, assemble, read_rules
from tests.sync.installation import RULES as RULES_OF_SITE
from tests.sync.installation import install
from tests.sync.test_run import until
from tests.world import COMPANY, MORNING, RULES, World

KEPT = COMPANY.replace(
    'rota = { rotation = ["tom"], handover = "Mon 00:00" }', 'rota = { from = "pagerduty:P1" }'
).replace('maria = { slack = "U-maria"', 'maria = { email = "maria@example.org", slack = "U-maria"')
PICKED = RULES.replace('team = "service.team"', 'team = "service.team"\npick = "on-call"')
NOON = MORNING.replace(hour=12)
MARIA = Duty("PM", "Maria", "maria@example.org", MORNING - timedelta(days=3), NOON)
TOM = Duty("PT", "tom", "", NOON, NOON + timedelta(days=7))


@dataclass
class Site:
    """A world whose schedule is kept in a PagerDuty in the sandbox."""

    world: World
    state: RosterState
    server: Server
    rosters: Rosters
    changed: list[datetime] = field(default_factory=list)

    def down(self, times: int = 99) -> None:
        self.server.fail(Fault(lambda asked: True, Answer(500, "oops"), times=times))

    def told(self) -> str:
        return "\n".join(said for topic, said in self.world.engine.notices.items() if topic.startswith("on call"))


def site(company: str = KEPT, connector: str = "pagerduty") -> Iterator[Site]:
    state = RosterState(Clock(MORNING, speed=0))
    state.put("P1", MARIA, TOM)
    world = World(PICKED, company)
    with Server(state.handle, state.clock) as server:
        settings = PagerDutySettings.model_validate({"token": state.token, "url": server.url})
        roster = PagerDuty(connector, settings)
        changed: list[datetime] = []
        rosters = Rosters(world.engine, {connector: roster}, lambda: changed.append(world.now))
        yield Site(world, state, server, rosters, changed)
        roster.close()


@pytest.fixture
def kept() -> Iterator[Site]:
    yield from site()


def holder(kept: Site, ref: str) -> str | None:
    return getattr(kept.world.field(ref, "assignee"), "id", None)


def test_whoever_is_on_call_there_has_the_ticket_and_hands_it_over(kept: Site) -> None:
    kept.rosters.refresh()
    ref = kept.world.ticket()
    assert holder(kept, ref) == "maria"
    assert [i.effect.what for i in kept.world.plan(ref).of("next") if i.effect.sort == "field"] == ["assignee = tom"]
    kept.world.at("12:01")
    assert holder(kept, ref) == "tom"
    assert kept.told() == ""


def test_nothing_is_asked_of_it_during_a_look(kept: Site) -> None:
    kept.rosters.refresh()
    before = kept.server.requests
    ref = kept.world.ticket()
    kept.world.at("13:00")
    assert holder(kept, ref) == "tom"
    assert kept.server.requests == before


def test_while_it_is_down_what_it_said_last_holds_and_that_is_told_once(kept: Site) -> None:
    kept.rosters.refresh()
    kept.down()
    ref = kept.world.ticket()
    for _ in range(3):
        kept.world.later(timedelta(minutes=5))
        kept.rosters.refresh()
    assert holder(kept, ref) == "maria"
    assert "pagerduty:P1: oops (HTTP 500)" in kept.told() or "HTTP 500" in kept.told()
    assert "what it said at 09:00 is used" in kept.told()
    assert len(kept.told().splitlines()) == 1
    kept.server.heal()
    kept.world.later(timedelta(hours=1))
    kept.rosters.refresh()
    assert kept.told() == ""


def test_an_answer_that_nobody_foresaw_is_told_and_hinders_no_other_schedule() -> None:
    other = '[schedules.other]\nfrom = "pagerduty:P2"\n'
    for kept in site(f"{KEPT}\n{other}"):
        kept.state.put("P2", MARIA)
        odd = {"oncalls": [{"schedule": {"id": "P1"}, "user": {"id": "PM"}, "start": "soon", "end": None}]}
        kept.server.fail(Fault(lambda asked: asked.query.get("schedule_ids[]") == "P1", Answer(200, odd), times=9))
        kept.rosters.refresh()
        assert "what pagerduty says of P1 cannot be read (ValueError); so far nobody is on call by it" in kept.told()
        assert "P2" not in kept.told()
        assert kept.world.engine.rules.schedules["other"].shifts


def test_thousands_of_shifts_are_no_rota(kept: Site) -> None:
    kept.rosters.refresh()
    minute = timedelta(minutes=10)
    kept.state.put("P1", *(Duty("PT", "tom", "", MORNING + n * minute, NOON + n * minute) for n in range(1_001)))
    kept.rosters.refresh()
    assert "pagerduty:P1 has 1,001 shifts in the weeks to come, and so is no rota; what it said at" in kept.told()
    assert holder(kept, kept.world.ticket()) == "maria"


def test_before_it_ever_answered_nobody_is_on_call_and_that_is_told(kept: Site) -> None:
    kept.down()
    kept.rosters.refresh()
    ref = kept.world.ticket()
    assert holder(kept, ref) is None
    assert "so far nobody is on call by it" in kept.told()


def test_a_change_there_is_a_reason_to_consider_every_ticket_and_the_same_is_none(kept: Site) -> None:
    kept.rosters.refresh()
    kept.rosters.refresh()
    assert len(kept.changed) == 1
    kept.world.later(timedelta(minutes=1))
    kept.state.put("P1", TOM)
    kept.rosters.refresh()
    assert len(kept.changed) == 2


def test_whom_nobody_knows_is_told(kept: Site) -> None:
    kept.state.put("P1", Duty("PX", "Sue Doe", "sue@example.org", MORNING, NOON))
    kept.rosters.refresh()
    assert kept.told() == "pagerduty:P1: nobody in [people] is Sue Doe <sue@example.org>"


def test_other_rules_have_what_is_known_already(kept: Site) -> None:
    kept.rosters.refresh()
    engine = kept.world.engine
    fresh = kept.rosters.staffed(kept.world._rules())
    assert len(fresh.schedules["rota"].shifts) == 2
    engine.replace(fresh)
    assert holder(kept, kept.world.ticket()) == "maria"
    plain = World(PICKED, COMPANY)._rules()
    assert kept.rosters.staffed(plain) is plain
    kept.rosters.refresh()
    assert kept.told() == ""


def test_a_connector_that_is_not_there_or_knows_nothing_of_it_is_told() -> None:
    for made in site(connector="pagers"):
        made.rosters.refresh()
        assert made.told() == "there is no connector pagerduty; so far nobody is on call by it"
        made.rosters = Rosters(made.world.engine, {"pagerduty": made.world.tracker}, lambda: None)
        made.rosters.refresh()
        assert "pagerduty is no connector that knows who is on call" in made.told()


def test_it_is_asked_at_once_when_it_runs_and_stops_when_it_is_told_to(kept: Site) -> None:
    stop = Event()
    thread = Thread(target=kept.rosters.run, args=(stop,))
    thread.start()
    assert kept.rosters.asked.wait(5)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert kept.world.engine.rules.schedules["rota"].shifts


def test_what_is_asked_for_is_the_same_all_the_day_long(kept: Site) -> None:
    kept.server.remember = True
    kept.rosters.refresh()
    kept.world.at("23:00")
    kept.rosters.refresh()
    first, second = (asked.query for asked, _ in kept.server.seen)
    assert first == second
    since, until = (datetime.fromisoformat(first[word]) for word in ("since", "until"))
    assert since <= datetime(2026, 11, 22, tzinfo=UTC)
    assert until - MORNING > timedelta(days=35)


# ---- in a running process


def test_a_process_knows_who_is_on_call_before_its_first_look_and_after_a_reload(tmp_path: Path) -> None:
    state = RosterState()
    state.put("P1", Duty("PT", "Tom", "tom@example.org"))
    kept = RULES_OF_SITE.replace("[teams]", '[schedules]\nrota = { from = "pagerduty:P1" }\n[teams]').replace(
        'members = ["tom"]', 'members = ["tom"], schedule = "rota"'
    )
    with Sandbox() as world, Server(state.handle, state.clock) as server:
        path = install(tmp_path, world)
        rules = path.parent / "rules.d" / "rules.toml"
        rules.write_text(kept)
        told = f'\n[connectors.pagerduty]\nurl = "{server.url}"\ntoken = "{state.token}"\n'
        path.write_text(path.read_text() + told)
        read = config.load(path)
        parts = assemble(read, read_rules(read))
        running = Running(parts)
        try:
            running.start()
            assert on_call("ops", parts.engine.rules, parts.engine.clock()) == "tom"
            rules.write_text(kept + '[[notify]]\nid = "more"\nto = ["slack:#incidents"]\n')
            until(lambda: len(parts.engine.rules) == 4)
            assert on_call("ops", parts.engine.rules, parts.engine.clock()) == "tom"
        finally:
            running.stop(timedelta(seconds=5))
        server.fail(Fault(lambda asked: True, Answer(401, "no"), times=99))
        assert watchdog.main(path, "", "json") == watchdog.UNSAID
