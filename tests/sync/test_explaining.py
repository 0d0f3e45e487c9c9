"""Why, for a ticket: each rule with what became of what it wants, now and then, on a terminal and in Slack."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.errors import Missing, Temporary
from connectors.model import Command, User
from connectors.slack.blocks import ROOM
from rules.explain import Explanation
from sync.cli import console, explaining
from sync.ledger import Act, Claim, Entry, Failure, Ledger, Stretch
from sync.look import Site
from sync.why import as_of, explained, markdown, planned
from tests.connectors import slack_workspace
from tests.sync.test_products import both
from tests.world import COMPANY, MORNING, RULES, World

HOSTILE = "Checkout is down \x1b[31mRED\x1b]0;owned\x07 \u202eti si\u2066 \x9b2J\r\nDONE  10:00  severity = low"


def asked(world: World, ref: str, at: datetime | None = None) -> dict[str, Explanation]:
    return {one.rule.id: one for one in explained(world.engine, ref, at).explanations}


def told(world: World, ref: str, rule: str, at: datetime | None = None) -> list[tuple[str, str, str]]:
    """What became of what a rule wants: state, what, why."""
    return [(u.state, u.what, u.why) for u in asked(world, ref, at)[rule].upshots]


def minutes(count: float) -> datetime:
    return MORNING + timedelta(minutes=count)


# ---- what became of it


def test_each_wish_stands_under_its_rule() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    said = asked(world, ref)
    assert {key: one.said for key, one in said.items()} == {
        "critical-down": "fired",
        "many-users": "did not",
        "service-team": "fired",
        "unacknowledged": "fired",
        "card": "fired",
        "milestones": "did not",
    }
    assert told(world, ref, "critical-down") == [("done", "severity = high", "")]
    ladder = [(u.state, u.what, u.at) for u in said["unacknowledged"].upshots]
    assert ladder[0] == ("done", "call tom", minutes(5))
    assert ("next", "call maria", minutes(15)) in ladder


def test_a_persons_word_is_left_alone_with_who_and_when() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:02")
    world.person(ref, severity="low")
    one = asked(world, ref)["critical-down"]
    assert one.said == "fired, left alone"
    assert told(world, ref, "critical-down") == [("left alone", "severity = high", "ann set it 09:02")]


def test_news_that_were_too_old_are_stale_and_counted() -> None:
    world = World()
    ref = world.ticket()
    world.down = True
    world.person(ref, phase="resolved")
    world.later(timedelta(days=2))
    world.down = False
    assert ("stale", "1 too old to be told", "`pointman sweep --late` tells them") in told(world, ref, "milestones")
    assert asked(world, ref)["milestones"].said == "fired, stale"
    world.look(ref)
    assert ("stale", "1 too old to be told", "`pointman sweep --late` tells them") in told(world, ref, "milestones")


def test_what_a_product_refused_is_held_until_it_is_tried_again() -> None:
    world = World()
    world.messengers["slack"].error = Missing("could not post to slack:#incidents: channel_not_found")
    ref = world.ticket()
    (held,) = asked(world, ref)["card"].upshots
    assert (held.state, held.at) == ("held", minutes(60))
    assert "channel_not_found" in held.why
    assert asked(world, ref)["card"].said == "fired, held"


def test_a_product_in_trouble_holds_what_is_owed_until_it_may_be_asked() -> None:
    world = World()
    world.messengers["slack"].error = Temporary("slack answers 503", retry_after=40, in_doubt=False)
    ref = world.ticket()
    (held,) = asked(world, ref)["card"].upshots
    assert (held.state, held.why, held.at) == (
        "held", "slack has trouble: slack answers 503", MORNING + timedelta(seconds=40),
    )  # fmt: skip


def test_what_is_in_flight_is_held_until_its_claim_is_settled() -> None:
    world = World()
    world.messengers["slack"].error = Temporary("time-out", in_doubt=True)
    ref = world.ticket()
    (held,) = asked(world, ref)["card"].upshots
    assert (held.state, held.why, held.at) == ("held", "in flight; settled then", minutes(2))


def test_outside_audiences_are_held_until_they_are_released_and_every_process_knows_it() -> None:
    company = COMPANY + '[audiences.customers]\nto = ["slack:#customers"]\nexternal = true\nfields = ["service"]\n'
    rules = RULES + '[[notify]]\nid = "outside"\nto = ["audience:customers"]\ntext = "{{ service }}"\n'
    world = World(rules=rules, company=company, site=Site(home="OPS-0"))
    world.tracker.ticket("OPS-0", "Home")
    ref = world.ticket()
    ((state, _, why),) = told(world, ref, "outside")
    assert (state, why) == ("held", "an outside audience is told only after `pointman release`")
    from sync import home

    home.release(world.tracker, "OPS-0", "ann", world.now, world.engine.rules.digest)
    world.engine = world._engine()  # as the command line makes it: it has visited nothing
    assert told(world, ref, "outside") == [("now", "show in #customers", "")]
    world.engine = world._engine()
    assert [item.effect.rule for item in planned(world.engine, ref).of("owed")] == ["outside"]
    world.tracker.tickets = {key: one for key, one in world.tracker.tickets.items() if one.key != "OPS-0"}
    world.engine = world._engine()
    assert told(world, ref, "outside")[0][0] == "held"


def test_a_flood_holds_what_only_the_rules_account_for() -> None:
    world = World(rules="", site=Site(edits=1))
    refs = [world.tracker.ticket(f"OPS-{n}", "Checkout is down", service="checkout") for n in (1, 2, 3)]
    world.sweep()
    world.later(timedelta(days=2))
    world.reload(RULES)
    held = [ref for ref in refs if asked(world, ref)["critical-down"].said == "fired, held"]
    assert held
    assert told(world, held[0], "critical-down") == [
        ("held", "severity = high", "a flood: waits for `pointman release`"),
    ]


def test_watched_rules_say_so() -> None:
    world = World(rules=RULES.replace("[[classify]]", "[[classify]]\nmode = 'watch'"))
    ref = world.ticket()
    one = asked(world, ref)["critical-down"]
    assert one.said == "fired (watched), not done"
    assert told(world, ref, "critical-down") == [("not done", "severity = high", "watched, and no place to tell it")]


def test_what_a_rule_that_is_gone_has_left_is_told_beside_the_rules() -> None:
    world = World()
    ref = world.ticket()
    world.rules_text = RULES.replace('id = "card"', 'id = "notice"').replace(
        'severity >= "medium"', 'severity == "low"'
    )
    world.engine.replace(world._rules())
    said = explained(world.engine, ref, None)
    why = "rules were lost: waits for `pointman release`"
    assert [(u.state, u.what, u.why) for u in said.others] == [("held", "retire what stands in #incidents", why)]
    assert "other     held, retire what stands in #incidents" in explaining.text(said)
    renamed = RULES.replace('id = "card"', 'id = "notice"\nwas = ["card"]').replace('>= "medium"', '== "low"')
    world.rules_text = renamed
    world.engine.replace(world._rules())
    assert told(world, ref, "notice") == [("now", "retire what stands in #incidents", "")]


def test_where_nothing_is_done_at_all_that_is_said_first() -> None:
    world = World(site=Site(start=minutes(60)))
    ref = world.ticket()
    said = explained(world.engine, ref, None)
    assert said.notes == ("nothing is done: adopted: nothing is owed until a person changes it",)
    assert explaining.text(said).splitlines()[1].strip() == said.notes[0]


# ---- as it was


def test_a_past_moment_is_told_as_it_was_then() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:10")
    world.person(ref, severity="low")
    world.at("09:20")
    assert told(world, ref, "critical-down", minutes(5))[0][0] == "done"
    assert told(world, ref, "critical-down", minutes(12)) == [("left alone", "severity = high", "ann set it 09:10")]
    assert asked(world, ref, minutes(4))["unacknowledged"].verdict == "fired"
    assert asked(world, ref, minutes(12))["unacknowledged"].verdict == "did not"
    assert ("done", "call tom", "") in told(world, ref, "unacknowledged", minutes(6))
    assert ("next", "call tom", "unless acknowledged") in told(world, ref, "unacknowledged", minutes(3))


def test_a_click_counts_from_when_it_was_made() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:03")
    world.click("acknowledge", ref)
    world.at("09:10")
    assert asked(world, ref, minutes(2))["unacknowledged"].verdict == "fired"
    assert asked(world, ref, minutes(4))["unacknowledged"].verdict == "did not"


def test_what_was_done_again_later_is_unknown_before() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:10")
    world.person(ref, summary="Checkout is down in Asia")  # the card is edited
    ((state, _, why),) = told(world, ref, "card", minutes(5))
    assert (state, why) == ("unknown", "it was done later; whether by then, too, is not kept")
    assert told(world, ref, "card", minutes(11))[0][0] == "done"


def test_what_nobody_had_written_by_then_was_owed_then() -> None:
    world = World()
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    world.at("09:05")
    world.look(ref)
    assert told(world, ref, "critical-down", minutes(2)) == [("now", "severity = high", "")]


def test_before_the_history_begins_all_is_unknown_and_said_to_be() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:30")
    ticket = world.tracker.tickets[ref]
    world.tracker.tickets[ref] = replace(ticket, complete_since=minutes(20), history=())
    said = explained(world.engine, ref, minutes(10))
    assert "its history can be read back to 09:20 only: what was before is unknown" in said.notes
    assert {u.state for one in said.explanations for u in one.upshots} <= {"unknown"}
    assert {one.rule.id: one.verdict for one in said.explanations}["critical-down"] == "unknown"


def test_a_moment_that_has_not_come_is_told_as_now_and_said_to_be() -> None:
    world = World()
    ref = world.ticket()
    said = explained(world.engine, ref, minutes(90))
    assert (said.past, said.notes[0][:30]) == (False, "that moment has not come: this")


def test_before_it_was_made_there_was_no_ticket() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:30")
    assert "it did not exist yet" in explained(world.engine, ref, MORNING - timedelta(hours=1)).notes


def test_the_ledger_of_a_past_moment_knows_nothing_of_what_came_later() -> None:
    claim = Claim(minutes(5), minutes(5), "s", "slack:#x", minutes(5))
    failure = Failure(minutes(6), "s", "no")
    stale = (Stretch(1, minutes(0), minutes(1)), Stretch(2, minutes(1), minutes(9)))
    ledger = Ledger(
        "1",
        {
            "a": Entry(minutes(1), minutes(1), claim=claim, failure=failure, stale=stale),
            "b": Entry(minutes(8)),
            "c": Entry(minutes(8), claim=claim),
        },
        (Act("1", minutes(1), "ann", "acknowledge"), Act("2", minutes(7), "ann", "unacknowledge")),
    )
    assert as_of(ledger, minutes(5)) == Ledger(
        "1",
        {"a": Entry(minutes(1), minutes(1), claim=claim, stale=stale[:1]), "c": Entry(claim=claim)},
        ledger.acts[:1],
    )


# ---- on a terminal


def hostile() -> tuple[World, str]:
    world = World()
    return world, world.ticket(summary=HOSTILE)


HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_what_a_ticket_says_reaches_no_terminal_as_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    from sync import show

    world, ref = hostile()
    plan = world.plan(ref)
    console.coloured(show.text(plan, world.engine.rules), show.COLOURS)
    console.coloured(explaining.text(explained(world.engine, ref, None), 80), explaining.COLOURS)
    console.complain(HOSTILE)
    console.table(("key", "what"), [("OPS-1", HOSTILE)])
    said = "".join(capsys.readouterr())
    assert not HARMFUL.search(said.replace("\n", ""))
    assert "\\u001b[31mRED" in said, "it is shown, and not swallowed"
    assert "\\u202e" in said


def test_what_a_ticket_says_begins_no_line_of_its_own() -> None:
    from sync import show

    world, ref = hostile()
    for text in (show.text(world.plan(ref), world.engine.rules), explaining.text(explained(world.engine, ref, None))):
        assert not any(line.startswith("DONE  10:00  severity = low") for line in text.splitlines())


def test_data_stays_the_same_data(capsys: pytest.CaptureFixture[str]) -> None:
    console.dump({"summary": HOSTILE})
    said = capsys.readouterr().out
    assert not HARMFUL.search(said.replace("\n", ""))
    assert json.loads(said) == {"summary": HOSTILE}


def test_colours_are_for_terminals_that_want_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setenv("TERM", "xterm-256color")
    text = "classify  a  fired: x\n    → held  call tom"
    console.coloured(text, explaining.COLOURS)
    assert capsys.readouterr().out == f"{text}\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    console.coloured(text, explaining.COLOURS)
    assert "\x1b[32mfired\x1b[0m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    console.coloured(text, explaining.COLOURS)
    assert capsys.readouterr().out == f"{text}\n"


def test_the_columns_are_those_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.width() is None, "nothing is folded for a file"
    monkeypatch.setenv("COLUMNS", "72")
    assert console.width() == 72


def test_at_eighty_columns_no_line_is_longer() -> None:
    world = World()
    ref = world.ticket(summary="Checkout is down " * 3)
    world.at("09:10")
    lines = explaining.text(explained(world.engine, ref, None), 80).splitlines()
    assert max(map(len, lines)) <= 80


def test_data_says_verdict_blame_and_upshots() -> None:
    world = World()
    ref = world.ticket()
    said: dict[str, Any] = explaining.data(explained(world.engine, ref, None))
    down, users = said["rules"][0], said["rules"][1]
    assert (down["verdict"], down["said"]) == ("fired", "fired")
    assert down["upshots"] == [
        {"state": "done", "what": "severity = high", "why": None, "at": MORNING.isoformat()},
    ]
    assert users["blamed"] == []


# ---- in Slack


def test_why_is_answered_to_whoever_asks_and_changes_nothing() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    before = world.tracker.tickets[ref], len(world.posts)
    said = world.engine.command(Command("OPS-1", "why", User("U-tom"), "slack"))
    assert (world.tracker.tickets[ref], len(world.posts)) == before
    assert said.splitlines()[0] == "**OPS-1** Checkout is down: new"
    assert "- **critical-down** (classify) fired: severity = high by critical-down" in said
    assert "  - done 09:00, severity = high" in said
    assert "- **many-users** (classify) did not: affected\\_users is unknown" in said


def test_why_then_takes_a_moment_and_says_what_is_none() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    assert "at 23 Nov 2026 09:03: new" in world.click("why", ref, at="2026-11-23T09:03Z")
    assert world.click("why", ref, at="yesterday") == "yesterday is no moment; write it as 2026-01-31T09:30Z."


def test_whoever_is_not_known_is_told_nothing_of_the_ticket() -> None:
    world = World()
    world.ticket()
    said = world.engine.command(Command("OPS-1", "why", User("U-nobody"), "slack"))
    assert "does not know you" in said
    assert "Checkout" not in said


def test_many_rules_fit_into_one_answer_and_what_does_not_is_counted() -> None:
    more = "".join(
        f'[[notify]]\nid = "more-{n}"\nwhen = \'severity == "low" and mentions(text, "{"x" * 40}")\'\n'
        f'to = ["slack:#incidents"]\n'
        for n in range(100)
    )
    world = World(rules=RULES + more)
    ref = world.ticket()
    from connectors.slack.blocks import rich_text

    said = markdown(explained(world.engine, ref, None))
    assert "- **critical-down** (classify) fired" in said, "what spoke comes first"
    left = int(re.search(r"(\d+) more: `pointman explain OPS\\?-1` tells them all", said)[1])  # type: ignore[index]
    assert said.count("- **") + left == 106
    shown = json.dumps(rich_text(said), ensure_ascii=False)
    assert len(shown) <= ROOM + 40
    assert "tells them all" in shown, "Slack shows the end of it"


def test_what_a_ticket_says_is_no_markup_in_the_answer() -> None:
    world = World()
    ref = world.ticket(summary="**Checkout** is down <!channel> [x](https://evil.example)")
    world.tracker.comment(ref, "hello @here")
    said = markdown(explained(world.engine, ref, None))
    assert "**Checkout**" not in said
    assert "[x](" not in said


def test_in_slack_only_who_asked_sees_it() -> None:
    with both("cloud") as world:
        ref = world.jira.state.create({"summary": "Checkout is down", "components": ["Checkout (prod)"]})
        world.settle(ref)
        key = world.jira.jira.get(ref).key
        slack, state = world.engine.sinks["slack"], world.box.state
        world.box.server.remember = True
        ann = next(person for person in state.people.values() if person.name == "ann")
        channel = state.channel("#incidents")
        before = world.said("#incidents"), world.jira.jira.get(ref)
        typed = urlencode(world.box.people.typed(ann, channel, f"why {key}")).encode()
        signed = world.box.people.signed(typed)
        from connectors.base import Messenger, Request

        assert isinstance(slack, Messenger)
        request = Request({name.lower(): value for name, value in signed.headers.items()}, signed.body)
        (command,) = slack.receive(request, state.now()).signals
        assert isinstance(command, Command)
        slack.answer(command, world.engine.command(command))
        (note,) = state.notes
        assert (note.user, note.channel) == (ann.id, channel.id)
        assert "critical-down (classify) fired: severity = high" in note.text
        assert note.blocks[0]["type"] == "rich_text"
        assert (world.said("#incidents"), world.jira.jira.get(ref)) == before
        slack_workspace.held(world.box.server.seen)


def test_the_notes_of_an_explanation_are_folded_too() -> None:
    world = World()
    told_ = explained(world.engine, world.ticket(), MORNING + timedelta(days=9))
    assert told_.notes
    assert max(map(len, explaining.text(told_, 60).splitlines()[1:4])) <= 60
    assert "      that moment has not come" in explaining.text(told_, 60)


# ---- mutes

MUTE = """
[[mute]]
id = "move"
mutes = ["escalate"]
from = 2026-11-23T09:10:00
until = 2026-11-23T12:00:00
"""


def test_what_a_mute_holds_says_by_which_and_until_when() -> None:
    world = World(RULES + MUTE)
    ref = world.ticket()
    world.at("09:20")
    one = asked(world, ref)["unacknowledged"]
    assert (one.verdict, one.said, one.by, one.until) == ("muted", "muted by move", "move", minutes(180))
    assert told(world, ref, "unacknowledged") == [
        ("done", "call tom", ""),
        ("muted", "call maria", "by move"),
        ("muted", "call #incidents", "by move"),
        ("muted", "call #management", "by move"),
    ]
    assert asked(world, ref)["move"].notes == ("mutes escalate until 12:00",)
    lines = explaining.text(explained(world.engine, ref, None)).splitlines()
    assert "escalate  unacknowledged  muted by move: until 12:00; since 09:00" in lines
    assert "    → muted until 12:00  call maria: by move" in lines


def test_data_and_slack_say_by_which_mute_and_until_when() -> None:
    world = World(RULES + MUTE)
    ref = world.ticket()
    world.at("09:20")
    found = explained(world.engine, ref, None)
    rule = next(one for one in explaining.data(found)["rules"] if one["id"] == "unacknowledged")
    assert (rule["verdict"], rule["by"], rule["until"]) == ("muted", "move", "2026-11-23T12:00:00+00:00")
    assert {
        "state": "muted",
        "what": "call maria",
        "why": "by move",
        "at": "2026-11-23T12:00:00+00:00",
    } in (rule["upshots"])
    said = markdown(found).replace("\\", "")
    assert "- **unacknowledged** (escalate) muted by move: until 12:00; since 09:00" in said
    assert "  - muted until 12:00, call maria: by move" in said


def test_before_the_mute_a_past_moment_is_not_muted_and_within_it_is() -> None:
    world = World(RULES + MUTE)
    ref = world.ticket()
    world.at("13:00")
    assert asked(world, ref, minutes(4))["unacknowledged"].verdict == "fired"
    assert asked(world, ref, minutes(30))["unacknowledged"].said == "muted by move"
    assert asked(world, ref, minutes(30))["move"].said == "fired"
    assert asked(world, ref)["move"].said == "did not"


def test_a_watched_mute_is_told_beside_what_it_would_hold() -> None:
    world = World(RULES + MUTE + 'mode = "watch"\n')
    ref = world.ticket()
    world.at("09:11")
    assert ("next", "call maria", "unless acknowledged; would be muted by move until 23 Nov 2026 12:00") in told(
        world, ref, "unacknowledged"
    )


def test_the_log_on_the_ticket_says_until_when_it_is_muted_and_is_written_once() -> None:
    world = World(RULES + MUTE)
    ref = world.ticket()
    assert "held: call maria: muted by move until 23 Nov 2026 12:00" in world.log(ref).replace("\\", "")
    world.at("09:11")
    written = world.tracker.calls
    world.at("11:59")
    assert world.tracker.calls == written


def test_calls_that_are_muted_are_no_emergency() -> None:
    world = World(RULES + MUTE)
    world.ticket()
    world.at("09:11")
    assert world.engine.memory.coming == {}


def test_a_rule_outside_its_hours_says_until_when() -> None:
    office = '[calendars.office]\nhours = { mon-fri = "12:00-18:00" }\n'
    world = World(RULES.replace('since = "created"', 'since = "created"\nduring = "office"'), COMPANY + office)
    ref = world.ticket()
    world.at("09:06")
    one = asked(world, ref)["unacknowledged"]
    assert one.said == "fired, held"
    assert ("held", "call tom", "outside office") in told(world, ref, "unacknowledged")
    lines = explaining.text(explained(world.engine, ref, None)).splitlines()
    assert "    → held until 12:00  call tom: outside office" in lines
