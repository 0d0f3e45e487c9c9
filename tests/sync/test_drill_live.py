"""A rehearsal with real people: over HTTP against the sandbox, whose time runs fast and whose people click."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.errors import Refused
from connectors.model import Channel, Message
from connectors.testing import MemoryMessenger
from rules.load import parse
from rules.model import Recipient
from sandbox.clock import Clock
from sandbox.world import World
from sync import config
from sync.cli import rehearsing
from sync.cli.app import app
from sync.drill import report
from sync.drill.inside import Border, Marked, kept_inside
from sync.drill.mark import run_of
from sync.ledger import Ledger
from sync.overdue import survey
from sync.run import read_rules
from tests.sync.beginning import POINTMAN
from tests.sync.installation import SECRET
from tests.world import MORNING
from tests.world import World as Little

pytestmark = pytest.mark.usefixtures("silent")

RULES = """
[defaults]
timezone = "UTC"
[people]
tom = { jira = "5b109f2e9729b51b54dc274d", email = "tom@example.org" }
maria = { jira = "5b10a2844c20165700ede21g", email = "maria@example.org" }
[teams]
ops = { lead = "maria", members = ["tom"] }
[places.incidents]
slack = "#incidents"
[audiences.customers]
external = true
fields = ["next_update"]
to = ["slack:#customers"]
[vendors]
acme = { to = ["email:support@acme.example"] }
[services.checkout]
vendor = "acme"
rto = "1h"
[[classify]]
id = "down"
when = 'mentions(summary, "down")'
set = { severity = "high" }
[[objective]]
id = "restored"
goal = "rto"
steps = [{ at = "50%", to = ["lead:ops"] }]
[[notify]]
id = "card"
when = 'severity == "high"'
to = ["slack:#incidents"]
text = "{{ key }}: {{ summary }}"
buttons = ["acknowledge"]
[[notify]]
id = "customers"
to = ["audience:customers"]
text = "We are on it."
[[escalate]]
id = "unacknowledged"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["person:tom"], text = "{{ key }}: nobody has acknowledged" }]
"""
SCENARIO = """
title = "Checkout is down"
lasts = "40m"
[[step]]
create = "checkout"
words = { summary = "Checkout is down", service = "checkout" }
[[step]]
at = "6m"
ticket = "checkout"
comment = "The database answers again."
[[step]]
at = "7m"
by = "tom"
ticket = "checkout"
click = "acknowledge"
"""


def installed(folder: Path, world: World, drill: str) -> config.Config:
    for name in ("#incidents", "#customers", "#drills"):
        world.channel(name)
    (folder / "rules.d").mkdir()
    (folder / "rules.d" / "rules.toml").write_text(RULES)
    (folder / "mine.toml").write_text(SCENARIO)
    path = folder / "config.toml"
    path.write_text(
        f"""
{drill}
[server]
port = 0
[sweep]
every = 0.1
concurrency = 4
[connectors.jira]
url = "{world.server.url}"
user = "pointman@example.org"
token = "{world.jira.token}"
webhook_secret = "{SECRET}"
project = ["OPS"]
kind = "Incident"
[connectors.jira.fields]
severity = "customfield_10050"
service = "customfield_10051"
[connectors.jira.values.severity]
high = "High"
medium = "Medium"
low = "Low"
[connectors.jira.values.service]
checkout = "Checkout (prod)"
[connectors.slack]
token = "{world.slack.state.token}"
app_token = "{world.slack.state.app_token}"
base_url = "{world.slack.api}"
"""
    )
    return config.load(path)


def rehearsed(read: config.Config, world: World, meanwhile: Any) -> dict[str, Any]:
    """The data of the report; `meanwhile` is what people do beside it."""
    stop, told = Event(), {}
    prepared = rehearsing.prepare(str(read.path.parent / "mine.toml"), read, read_rules(read))
    thread = Thread(target=lambda: told.update(rehearsing.rehearse(prepared, stop)), daemon=True)
    thread.start()
    meanwhile()
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    return told


def until(true: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_rehearsal_calls_real_people_marks_everything_and_is_cleaned_up(tmp_path: Path) -> None:
    with World(Clock(speed=1)) as world:
        read = installed(tmp_path, world, '[drill]\nplace = "slack:#drills"')

        def people() -> None:
            until(lambda: world.posts("#incidents") and world.posts("#drills"))
            world.clock.advance(timedelta(minutes=5))
            until(lambda: world.posts("@tom"))
            world.clock.advance(timedelta(minutes=2))
            world.click("tom", world.posts("@tom")[0], "Acknowledge")
            until(lambda: "Acknowledge" not in world.posts("#incidents")[0].buttons)

        told = rehearsed(read, world, people)
        (ticket,) = world.desk.tickets()
        assert ticket.summary.startswith("DRILL ")
        assert ticket.status == "Resolved"
        assert world.posts("#customers") == (), "nobody outside of the company is told"
        assert all(post.text.startswith("DRILL ") for post in world.posts())
        assert all(post.buttons == () for post in world.posts()), "nothing is left that could be clicked"
    assert told["met"] is True
    (call,) = told["acknowledgements"]
    assert (call["whom"], call["by"]) == ("tom", "tom")
    assert 115 <= call["after_seconds"] < 180
    assert {(one["how"], one["whom"]) for one in told["told"]} >= {("called", "tom"), ("shown", "slack:#drills")}
    assert (told["unrecorded"], told["troubles"]) == ([], [])
    assert told["outside"]["turned_away"] == [
        "slack:#customers (audiences.customers)",
        "email:support@acme.example (vendors.acme)",
    ]
    assert told["left_to_people"] == ["Tom clicks acknowledge of checkout"]
    said = report.markdown(told)
    assert f"/browse/OPS-1) DRILL {told['run']}: Checkout is down | RTO 1h | met, restored" in said
    assert "| tom | OPS-1 |" in said
    links = {one["ref"]: one["link"] for one in told["told"]}
    for ref, link in links.items():
        channel, _, stamp = ref.partition(":")
        assert link == f"https://sandbox.slack.example/archives/{channel}/p{stamp.replace('.', '')}"
        assert f"[slack {ref}]({link})" in said
    assert links


def test_who_stops_it_at_once_has_the_tickets_closed_and_the_report_all_the_same(tmp_path: Path) -> None:
    with World(Clock(speed=1)) as world:
        read = installed(tmp_path, world, "")
        told = rehearsed(read, world, lambda: until(lambda: world.posts("#incidents")))
        (ticket,) = world.desk.tickets()
        assert ticket.status == "Resolved"
        assert world.posts("#drills") == (), "without a place nobody is told instead"
    assert told["tickets"][0]["phase"] == "resolved"
    assert told["acknowledgements"] == []


def test_a_live_drill_begins_only_where_somebody_agrees(tmp_path: Path) -> None:
    with World(Clock(speed=1)) as world:
        read = installed(tmp_path, world, "")
        done = CliRunner().invoke(app, ["drill", str(tmp_path / "mine.toml"), "--live", "--config", str(read.path)])
        assert done.exit_code == 2
        assert "nobody is there to agree; say --yes" in done.output
        assert "2 addresses outside of the company are not told at all." in done.output
        assert world.desk.tickets() == ()


def test_ctrl_c_ends_it_in_order_with_the_report_in_two_files(tmp_path: Path) -> None:
    with World(Clock(speed=1)) as world:
        read = installed(tmp_path, world, "")
        process = subprocess.Popen(
            [POINTMAN, "drill", "mine.toml", "--live", "--yes", "--config", read.path, "--report", "out"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
        )  # fmt: skip
        try:
            until(lambda: world.posts("#incidents"))
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
        (ticket,) = world.desk.tickets()
        assert ticket.status == "Resolved"
    assert process.returncode == 0, said
    people, programs = sorted((tmp_path / "out").iterdir(), key=lambda file: file.suffix, reverse=True)
    told = json.loads(programs.read_text(encoding="utf-8"))
    assert people.read_text(encoding="utf-8") == report.markdown(told)
    assert told["tickets"][0]["phase"] == "resolved"
    assert f"the report is in out/{people.name} and out/{programs.name}" in said
    assert said.strip().splitlines()[-1] == "mine: met; 0 of 0 calls were answered"


# ---- rules that tell nobody outside

COMPANY = """
[defaults]
timezone = "UTC"
fallback = ["email:boss@elsewhere.example", "slack:#ops"]
[people]
tom = { email = "tom@example.org" }
[places.incidents]
slack = "#incidents"
email = "list@elsewhere.example"
[places.partner]
email = "us@partner.example"
[departments]
sales = { to = ["email:sales@example.org", "email:agency@elsewhere.example"] }
[vendors]
acme = { to = ["email:support@acme.example"] }
[services.shop]
vendor = "acme"
departments = ["sales"]
[audiences.customers]
external = true
fields = ["eta"]
to = ["email:status@customers.example"]
"""
OUTSIDE = """
[[notify]]
id = "mixed"
to = ["place:incidents", "audience:customers", "vendor:service"]
text = "Down"
[[notify]]
id = "only-outside"
to = ["audience:customers", "place:partner"]
text = "Down"
[[escalate]]
id = "ladder"
steps = [{ after = "5m", to = ["person:tom"] }, { after = "10m", to = ["vendor:acme"] }]
"""


def _everybody(rules: Any) -> set[str]:
    to = [
        one
        for rule in rules
        for one in (*getattr(rule, "to", ()), *(t for s in getattr(rule, "steps", ()) for t in s.to))
    ]
    groups = [*rules.audiences.values(), *rules.vendors.values(), *rules.departments.values()]
    to += [one for group in groups for one in group.to]
    return {str(one) for one in (*to, *rules.defaults.fallback)} | {
        a for p in rules.places.values() for a in p.values()
    }


@pytest.mark.parametrize("place", ["", "slack:#drills"])
def test_no_rule_of_a_rehearsal_has_an_address_outside(place: str) -> None:
    rules = parse({"a.toml": COMPANY, "b.toml": OUTSIDE})
    kept = kept_inside(rules, Border.of(rules, (), place))
    assert not [one for one in _everybody(kept.rules) if one.endswith((".example", "elsewhere.example"))]
    assert {one.partition(" ")[0] for one in kept.turned} == {
        "email:boss@elsewhere.example", "email:list@elsewhere.example", "email:us@partner.example",
        "email:agency@elsewhere.example", "email:support@acme.example", "email:status@customers.example",
    }  # fmt: skip
    ids = [rule.id for rule in kept.rules]
    assert ids == (["ladder", "mixed", "only-outside"] if place else ["ladder", "mixed"]), (
        "a rule of nobody is left out"
    )
    (mixed,) = (rule for rule in kept.rules if rule.id == "mixed")
    assert Recipient("place", "incidents") in mixed.to  # type: ignore[attr-defined]
    assert kept.rules.digest == rules.digest, "it is known which rules were rehearsed"


def test_a_rehearsed_messenger_refuses_an_address_outside_and_names_its_channels() -> None:
    inner = MemoryMessenger(lambda: MORNING, "email")
    marked = Marked(inner, Border(frozenset({"example.org"})))
    with pytest.raises(Refused, match="outside of the company"):
        marked.put("status@customers.example", Message("Down"), None, "k")
    assert inner.posts == []
    marked.put("tom@example.org", Message("Down", title="OPS-1"), None, "k")
    assert (inner.posts[0].message.text, inner.posts[0].message.title) == ("**DRILL** Down", "DRILL OPS-1")
    marked.arrange(marked.open(Channel("inc-1"), "k2"), Channel("inc-1", "Topic", ("a@b.example", "tom@example.org")))
    (room,) = inner.rooms
    assert (room.channel.name, room.channel.topic, room.people) == ("drill-inc-1", "DRILL Topic", ["tom@example.org"])


# ---- the Pointman that runs beside it


def test_a_running_pointman_leaves_the_tickets_of_a_drill_alone_and_a_drill_all_others() -> None:
    world = Little()
    real, made = world.ticket("OPS-1"), world.ticket("OPS-2", "DRILL 0a1b2c: Checkout is down")
    world.later(timedelta(minutes=6))
    assert run_of(world.tracker.tickets[made]) == "0a1b2c"
    assert world.tracker.tickets[made].ledger is None
    (said,) = world.said("U-tom")
    assert "OPS-1" in said
    world.sweep()
    assert made not in world.wakes
    assert survey(world.engine).looked == 1, "nor is it overdue for whoever watches"
    world.engine.site = replace(world.engine.site, rehearsal="0a1b2c")
    before = world.tracker.tickets[real]
    world.look(real)
    world.look(made)
    assert world.tracker.tickets[real] == before
    assert world.tracker.tickets[made].ledger is not None


def test_a_click_on_a_drill_that_reaches_the_running_pointman_stands_on_the_ticket() -> None:
    world = Little()
    made = world.ticket("OPS-2", "DRILL 0a1b2c: Checkout is down")
    assert world.click("acknowledge", made) == "You acknowledged OPS-2."
    ledger = Ledger.loads(world.tracker.tickets[made].ledger, made)
    assert ([act.verb for act in ledger.acts], dict(ledger.entries).keys() - {"log"}) == (["acknowledge"], set())
    assert world.posts == [], "and nothing else comes of it here"


def test_a_label_alone_marks_a_ticket_whose_summary_somebody_changed() -> None:
    ticket = Little().tracker
    ref = ticket.ticket("OPS-1", "Something else")
    assert run_of(ticket.tickets[ref]) == ""
    assert run_of(replace(ticket.tickets[ref], labels=("x", "pointman-drill-0a1b2c"))) == "0a1b2c"
