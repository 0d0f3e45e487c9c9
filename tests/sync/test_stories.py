"""A ticket's life, told with a clock: every promise of the design, on the real engine and the fakes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.errors import Denied, Missing, Temporary
from connectors.model import Changed, User
from connectors.testing import BOT, MemoryMessenger
from sync.ledger import Ledger
from sync.look import Site
from tests.world import MORNING, RULES, World

INCIDENTS, TOM, MARIA, MANAGEMENT = "#incidents", "U-tom", "U-maria", "#management"


def calls(world: World) -> list[tuple[str, str]]:
    """Everybody who was called, with the time."""
    return [
        (f"{p.at:%H:%M}", p.place)
        for p in world.posts
        if "acknowledge" in str(p.message.buttons) and p.place != INCIDENTS
    ]


# ---- the ordinary day


def test_a_high_is_classified_assigned_shown_and_climbs_until_somebody_acts() -> None:
    world = World()
    ref = world.ticket()
    assert (world.field(ref, "severity"), world.field(ref, "team")) == ("high", "payments")
    assert (
        world.said(INCIDENTS) == ["**OPS\\-1** Checkout is down: high, nobody yet, new"]
        or len(world.said(INCIDENTS)) == 1
    )
    world.at("09:04")
    assert world.said(TOM) == []
    world.at("09:05:01")
    assert len(world.said(TOM)) == 1
    world.at("09:31")
    assert [c[1] for c in calls(world)] == [TOM, MARIA, MANAGEMENT]
    assert len(world.said(INCIDENTS)) == 2, "the card, and the second step of the ladder"


def test_idle_is_silent() -> None:
    world = World()
    ref = world.ticket()
    world.person(ref, phase="resolved")
    calls_before, tracker_before = world.messengers["slack"].calls, world.tracker.tickets[ref]
    for _ in range(5):
        world.look(ref)
    assert world.messengers["slack"].calls == calls_before
    assert world.tracker.tickets[ref] == tracker_before


def test_a_look_that_finds_nothing_to_do_reads_once_and_writes_nothing() -> None:
    world = World()
    ref = world.ticket()
    before = world.tracker.calls
    world.look(ref)
    assert world.tracker.calls == before + 1


def test_a_change_that_edits_a_field_and_posts_costs_four_requests() -> None:
    world = World(rules=RULES.replace("[[escalate]]", "[[escalate]]\nmode = 'off'"))
    world.engine.memory.read_back.add("OPS")  # the one read-back of a process is not of this change
    world.ticket()
    assert world.tracker.calls + world.messengers["slack"].calls == 4


def test_the_echo_of_our_own_edit_is_known() -> None:
    world = World()
    ref = world.ticket()
    ticket = world.tracker.tickets[ref]
    assert world.engine.is_echo(Changed(ref, tuple(c for c in ticket.history if c.by == BOT)))
    world.person(ref, severity="low")
    theirs = world.tracker.tickets[ref].history[-1]
    assert not world.engine.is_echo(Changed(ref, (theirs,)))
    assert not world.engine.is_echo(Changed(ref, None))


def test_a_card_is_edited_and_not_posted_twice() -> None:
    world = World(rules=RULES.replace("[[escalate]]", "[[escalate]]\nmode = 'off'"))
    ref = world.ticket()
    world.person(ref, assignee=User("ann"))
    world.person(ref, severity="medium")
    card = world.posts[0]
    assert len(world.said(INCIDENTS)) == 1
    assert card.edits == 2
    assert "medium" in card.message.text
    assert "ann" in card.message.text


def test_a_card_that_names_a_moment_does_not_change_at_midnight() -> None:
    world = World(
        rules=RULES.replace("{{ phase }}", "{{ created }}").replace("[[escalate]]", "[[escalate]]\nmode = 'off'")
    )
    ref = world.ticket()
    assert "09:00" in world.posts[0].message.text
    world.later(timedelta(days=2))
    world.look(ref)
    assert world.posts[0].edits == 0


# ---- fields belong to people


def test_a_persons_change_is_not_fought() -> None:
    world = World()
    ref = world.ticket()
    world.person(ref, severity="low")
    world.later(timedelta(hours=1))
    assert world.field(ref, "severity") == "low"
    (line,) = [i for i in world.plan(ref).of("not") if i.effect.key == "field:severity"]
    assert line.reason == "left alone: ann set it 09:00"


def test_a_field_filled_when_the_ticket_was_made_is_left_alone() -> None:
    world = World()
    ref = world.ticket(severity="low")
    assert world.field(ref, "severity") == "low"


def test_the_trackers_default_counts_as_empty() -> None:
    world = World(site=Site(defaults={"severity": "medium"}))
    ref = world.ticket(severity="medium")
    assert world.field(ref, "severity") == "high"


def test_a_click_counts_as_the_persons_own_change() -> None:
    world = World()
    ref = world.ticket()
    assert world.click("severity", ref, by="ann", level="low") == "OPS-1 is low now."
    world.later(timedelta(hours=1))
    assert world.field(ref, "severity") == "low"
    (line,) = [i for i in world.plan(ref).of("not") if i.effect.key == "field:severity"]
    assert line.reason == "left alone: ann set it 09:00"


def test_what_the_product_made_of_our_write_is_ours() -> None:
    """A business rule turns our high into medium: that is no person, and we do not write it again."""
    world = World()
    ref = world.ticket()
    ticket = world.tracker.tickets[ref]
    history = tuple(replace(c, after="medium") if c.field == "severity" else c for c in ticket.history)
    world.tracker.tickets[ref] = replace(ticket, history=history, fields={**ticket.fields, "severity": "medium"})
    world.look(ref)
    assert world.field(ref, "severity") == "medium"
    item = next(i for i in world.plan(ref).items if i.effect.key == "field:severity")
    assert (item.status, item.reason) == ("done", "the product made it medium")


def test_ours_is_brought_up_to_date_when_the_decision_changes() -> None:
    world = World()
    ref = world.ticket(summary="Slow", affected_users=200.0)
    assert world.field(ref, "severity") == "medium"
    world.person(ref, affected_users=2000.0)
    assert world.field(ref, "severity") == "high"


def test_force_writes_over_a_person_until_it_becomes_a_quarrel() -> None:
    forced = RULES.replace('set = { severity = "high" }', 'set = { severity = "high" }\nforce = true')
    world = World(rules=forced)
    ref = world.ticket()
    for _ in range(8):
        world.later(timedelta(minutes=1))
        world.tracker.person(ref, "robot", severity="low")
        world.look(ref)
    ours = [c for c in world.tracker.tickets[ref].history if c.field == "severity" and c.by == BOT]
    assert len(ours) == 5
    assert world.field(ref, "severity") == "low"
    assert [n for n in world.engine.notices.values() if "quarrel" in n] == [
        "OPS-1: quarrel: severity was changed 5 times in an hour; it rests until the rule or a person changes it"
    ]
    world.later(timedelta(hours=3))
    world.look(ref)
    assert world.field(ref, "severity") == "low", "it rests, also when the hour is over"


# ---- ladders


def test_acknowledging_stops_the_ladder_and_takes_the_buttons_off() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    assert world.click("acknowledge", ref) == "You acknowledged OPS-1."
    world.at("11:00")
    assert [c[1] for c in calls(world)] == []
    assert world.said(MARIA) == []
    assert [p.message.buttons for p in world.posts if p.place == TOM] == [()]


def test_un_acknowledging_begins_again_from_the_bottom() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    world.click("acknowledge", ref)
    world.at("10:00")
    world.click("unacknowledge", ref)
    world.at("10:04")
    assert len(world.said(TOM)) == 1
    world.at("10:06")
    assert len(world.said(TOM)) == 2
    assert world.said(MARIA) == []


def test_reopening_begins_again_from_the_bottom() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    world.person(ref, phase="active")
    world.person(ref, phase="resolved")
    world.at("12:00")
    world.person(ref, phase="new")
    world.at("12:04")
    assert len(world.said(TOM)) == 1
    world.at("12:06")
    assert len(world.said(TOM)) == 2


def test_raised_after_three_hours_climbs_from_the_bottom() -> None:
    world = World()
    ref = world.ticket(summary="Slow")
    world.at("12:00")
    world.person(ref, severity="high")
    world.at("12:04")
    assert calls(world) == []
    world.at("12:16")
    assert calls(world) == [("12:05", TOM), ("12:15", MARIA)]


def test_a_lapse_under_five_minutes_does_not_count() -> None:
    world = World(rules=RULES.replace(" and not acknowledged", ""))
    ref = world.ticket(summary="Slow", severity="high")
    world.at("09:03")
    world.person(ref, severity="low")
    world.at("09:04")
    world.person(ref, severity="high")
    world.at("09:06")
    assert calls(world) == [("09:05", TOM)]


def test_downtime_with_the_ladder_half_climbed_calls_everybody_due_once() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    assert [c[1] for c in calls(world)] == [TOM]
    world.down = True
    world.at("11:00")
    world.restart()
    world.at("11:01")
    assert sorted(c[1] for c in calls(world)) == sorted([TOM, MARIA, MANAGEMENT]), "nobody twice, nobody skipped"
    assert len(world.said(INCIDENTS)) == 2
    world.look(ref)
    world.restart()
    assert len(calls(world)) == 3


def test_the_last_step_repeats_as_often_as_it_says() -> None:
    world = World()
    world.ticket()
    world.at("12:00")
    assert [c for c in calls(world) if c[1] == MANAGEMENT] == [("09:30", MANAGEMENT)] or len(
        world.said(MANAGEMENT)
    ) == 3
    assert len(world.said(MANAGEMENT)) == 3


def test_nobody_on_call_tells_the_fallback_and_brings_the_next_step_forward() -> None:
    from tests.world import COMPANY

    company = COMPANY.replace(', schedule = "rota"', "").replace('lead = "maria", ', 'lead = "maria", ')
    rules = RULES.replace('"on-call:team"', '"role:poc"').replace(
        '[[classify]]\nid = "critical', '[[classify]]\nid = "critical', 1
    )
    world = World(rules=rules, company=company + '[roles]\npoc = { title = "Point of contact" }\n')
    world.ticket()
    world.at("09:06")
    assert [c[1] for c in calls(world)] == [MARIA], "the second step came at once"
    assert any("nobody found for role:poc" in said for said in world.said(INCIDENTS))
    world.at("09:20")
    assert [c[1] for c in calls(world)] == [MARIA], "brought forward, it is not made again at its own due"


def test_a_step_whose_places_all_refuse_makes_the_next_due_at_once() -> None:
    world = World()
    slack = world.messengers["slack"]
    slack.error, slack.broken = Missing("could not post to slack:U-tom: user_disabled"), {TOM}
    ref = world.ticket()
    world.at("09:06")
    assert [c[1] for c in calls(world)] == [MARIA]
    assert any("user_disabled" in notice for notice in world.engine.notices.values())
    assert "user\\_disabled" in world.log(ref) or "user_disabled" in world.log(ref)
    world.at("09:20")
    assert [c[1] for c in calls(world)] == [MARIA]


def test_an_outage_of_a_product_is_no_refusal() -> None:
    world = World()
    slack = world.messengers["slack"]
    slack.error = Temporary("could not post: HTTP 503", in_doubt=False)
    world.ticket()
    world.at("10:00")
    assert world.posts == []
    slack.error = None
    world.at("10:06")
    assert sorted(c[1] for c in calls(world)) == sorted([TOM, MARIA, MANAGEMENT])
    assert len([p for p in world.posts if p.place == INCIDENTS]) == 2


def test_calls_of_one_look_to_one_address_are_one_message() -> None:
    second = """
[[escalate]]
id = "second"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["on-call:team"], text = "Also this." }]
"""
    world = World(rules=RULES + second)
    ref = world.ticket()
    world.at("09:06")
    (said,) = world.said(TOM)
    assert "Also this" in said
    world.at("09:14")
    assert len(world.said(TOM)) == 1
    keys = [k for k in Ledger.loads(world.tracker.tickets[ref].ledger, ref).entries if "on-call" in k]
    assert len(keys) == 2


# ---- news


def test_news_stand_under_the_card_and_cover_what_is_fresh() -> None:
    world = World()
    ref = world.ticket()
    world.click("acknowledge", ref)
    world.person(ref, phase="resolved")
    news = [p for p in world.posts if "resolved" in p.message.text and p.message.under]
    assert len(news) == 1
    assert news[0].message.under == world.posts[0].ref


def test_resolved_while_we_were_down_is_told() -> None:
    world = World()
    ref = world.ticket()
    world.click("acknowledge", ref)
    world.down = True
    world.at("15:00")
    world.person(ref, phase="resolved")
    world.at("20:00")
    world.restart()
    assert len([p for p in world.posts if p.message.under]) == 1


def test_stale_news_is_counted_kept_and_told_only_when_asked_for() -> None:
    world = World()
    ref = world.ticket()
    world.click("acknowledge", ref)
    world.down = True
    world.person(ref, phase="resolved")
    world.later(timedelta(days=3))
    world.down = False
    world.look(ref)
    assert [p for p in world.posts if p.message.under] == []
    assert any("too old" in notice for notice in world.engine.notices.values())
    entry = next(
        e for k, e in Ledger.loads(world.tracker.tickets[ref].ledger, ref).entries.items() if k.startswith("news:")
    )
    assert [stretch.count for stretch in entry.stale] == [1]
    world.look(ref)
    world.engine.late = True
    world.look(ref)
    assert len([p for p in world.posts if p.message.under]) == 1
    world.look(ref)
    assert len([p for p in world.posts if p.message.under]) == 1


# ---- rules come and go


def test_a_renamed_rule_posts_nothing_again() -> None:
    world = World()
    world.ticket()
    world.reload(RULES.replace('id = "card"', 'id = "channel-card"\nwas = ["card"]'))
    world.later(timedelta(minutes=1))
    assert len(world.said(INCIDENTS)) == 1


def test_what_a_rule_no_longer_wants_is_retired_once_and_wanted_again_is_edited() -> None:
    world = World(rules=RULES.replace("[[escalate]]", "[[escalate]]\nmode = 'off'"))
    ref = world.ticket()
    world.person(ref, severity="low")
    (card,) = world.posts
    assert card.message.buttons == ()
    spent = world.messengers["slack"].calls
    world.look(ref)
    assert world.messengers["slack"].calls == spent
    world.person(ref, severity="high")
    assert len(world.posts) == 1
    assert card.message.buttons != ()


def test_a_lost_rule_file_retires_nothing_before_it_is_confirmed() -> None:
    world = World()
    world.ticket()
    world.reload(RULES[: RULES.index("[[notify]]")])
    assert world.posts[0].message.buttons != ()
    assert "nothing is retired" in world.engine.notices["lost rules"]
    world.engine.release()
    world.sweep()
    assert world.posts[0].message.buttons == ()


def test_the_bad_rule_that_would_touch_everything_is_held() -> None:
    world = World(site=Site(edits=5, start=None))
    for number in range(30):
        world.ticket(f"OPS-{number}", "Fine", service=None)
    world.later(timedelta(hours=1))
    world.reload(RULES + '\n[[classify]]\nid = "oops"\nset = { severity = "high" }\n')
    world.sweep()
    touched = [t for t in world.tracker.tickets.values() if t.fields["severity"] == "high"]
    assert 1 <= len(touched) <= 6
    assert "held until" in world.engine.notices["flood"]
    held = next(t for t in world.tracker.tickets.values() if t.fields["severity"] != "high")
    assert any(i.status == "held" and "flood" in i.reason for i in world.plan(held.ref).items)
    world.engine.release()
    world.sweep()
    assert all(t.fields["severity"] == "high" for t in world.tracker.tickets.values())


def test_watched_rules_tell_only_a_private_place() -> None:
    rules = RULES.replace("[[classify]]", "[[classify]]\nmode = 'watch'").replace(
        "[[notify]]", "[[notify]]\nmode = 'watch'"
    )
    world = World(
        rules=rules.replace("[[escalate]]", "[[escalate]]\nmode = 'watch'"), site=Site(watch=("slack", "#private"))
    )
    ref = world.ticket()
    world.at("09:40")
    assert world.field(ref, "severity") is None
    assert {post.place for post in world.posts} == {"#private"}
    assert "I would have set\n\n- severity = high (critical-down)" in world.said("#private")[0]


# ---- tickets that are not what they seem


def test_a_copied_ticket_carries_somebody_elses_ledger() -> None:
    world = World()
    ref = world.ticket()
    original = world.tracker.tickets[ref]
    twin = world.tracker.ticket("OPS-2", "Checkout is down", service="checkout")
    world.tracker.tickets[twin] = replace(world.tracker.tickets[twin], ledger=original.ledger)
    world.look(twin)
    assert len(world.said(INCIDENTS)) == 2


def test_a_moved_ticket_keeps_its_card() -> None:
    world = World()
    ref = world.ticket()
    world.person(ref, key="PAY-7", project="PAY")
    assert len(world.said(INCIDENTS)) == 1
    assert "PAY" in world.said(INCIDENTS)[0]


def test_a_ticket_that_leaves_the_scope_is_retired_like_closed() -> None:
    world = World()
    world.tracker.projects = {"OPS"}
    ref = world.ticket()
    world.person(ref, project="SECRET")
    assert world.posts[0].message.buttons == ()
    world.at("10:00")
    assert calls(world) == []


@pytest.mark.parametrize(
    ("ledger", "why"),
    [
        ('{"v":1', "damaged"),
        ('{"v":9,"id":"1","e":{},"a":[]}', "newer"),
        ('"x"', "damaged"),
        ('{"v":1,"id":"10000","e":[],"a":[]}', "damaged"),
    ],
)
def test_an_unreadable_ledger_fails_closed_and_the_others_go_on(ledger: str, why: str) -> None:
    world = World()
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger=ledger)
    world.look(ref)
    (alarm,) = world.posts
    assert (alarm.place, why in alarm.message.text) == (INCIDENTS, True), "nobody is on call: the fallback is told"
    assert world.field(ref, "severity") is None
    assert any(why in notice for notice in world.engine.notices.values())
    assert "cannot be used" in world.click("take", ref)
    world.ticket("OPS-2")
    assert len(world.said(INCIDENTS)) == 2


def test_the_first_start_on_an_old_backlog_is_silent() -> None:
    world = World(site=Site(start=MORNING + timedelta(hours=5)))
    refs = [world.ticket(f"OPS-{n}") for n in range(5)]
    world.now = MORNING + timedelta(hours=5)
    world.restart()
    world.at("18:00")
    assert world.posts == []
    assert all(world.field(ref, "severity") is None for ref in refs)
    world.person(refs[0], description="It is worse now")
    assert world.field(refs[0], "severity") == "high"


def test_no_rule_applies_to_the_home_ticket() -> None:
    world = World(site=Site(home="OPS-9"))
    ref = world.ticket("OPS-9")
    world.at("10:00")
    assert world.posts == []
    assert world.field(ref, "severity") is None
    assert world.plan(ref).silent == "the home ticket: no rule applies to it"


# ---- products on a bad day


def test_slack_down_for_an_hour_loses_nothing() -> None:
    world = World()
    slack = world.messengers["slack"]
    slack.error = Temporary("could not post to slack:#incidents: HTTP 503")
    ref = world.ticket()
    assert world.field(ref, "severity") == "high"
    world.at("10:00")
    slack.error = None
    world.at("10:30")
    assert len(world.said(TOM)) == 1
    assert len(world.said(INCIDENTS)) >= 2


def test_a_missing_channel_is_told_and_used_once_it_is_repaired() -> None:
    world = World()
    slack = world.messengers["slack"]
    slack.error, slack.broken = Missing("could not post to slack:#incidents: channel_not_found"), {INCIDENTS}
    ref = world.ticket()
    world.at("09:30")
    assert any("channel_not_found" in notice for notice in world.engine.notices.values())
    slack.error = None
    world.at("09:50")
    assert world.posts[0].place == TOM
    assert INCIDENTS not in [p.place for p in world.posts if p.edits == 0 and "nobody yet" in p.message.text]
    world.at("10:06")
    assert any("nobody yet" in said for said in world.said(INCIDENTS)), "tried again after an hour"
    assert ref


def test_a_denied_product_is_left_alone_and_nothing_stays_claimed() -> None:
    world = World()
    slack = world.messengers["slack"]
    slack.error = Denied("could not post: invalid_auth")
    ref = world.ticket()
    assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims() == {}
    assert world.engine.manners.gate.troubles()["slack"].denied
    slack.error = None
    world.at("09:03")
    assert len(world.said(INCIDENTS)) == 1


def test_a_refused_field_is_an_error_of_that_field_and_the_rest_goes_on() -> None:
    world = World()
    world.tracker.refused = {"severity": "Field 'priority' cannot be set"}
    ref = world.ticket()
    assert world.field(ref, "team") == "payments"
    assert any("cannot be set" in notice for notice in world.engine.notices.values())
    world.at("09:30")
    held = next(i for i in world.plan(ref).items if i.effect.key == "field:severity")
    assert (held.status, held.at and f"{held.at:%H:%M}") == ("held", "10:00")
    world.tracker.refused = {}
    world.at("10:01")
    assert world.field(ref, "severity") == "high"


def test_an_effect_that_cannot_be_found_nor_edited_is_told_once() -> None:
    world = World(messengers=lambda clock: {"slack": MemoryMessenger(clock, searchable=False, editable=False)})
    ref = world.ticket()
    world.person(ref, summary="Checkout is down in Asia")
    assert len(world.said(INCIDENTS)) == 1


# ---- what people ask for


def test_taking_it_assigns_acknowledges_and_is_told_in_the_log() -> None:
    world = World()
    ref = world.ticket()
    assert world.click("take", ref) == "OPS-1 is yours."
    assert world.field(ref, "assignee") == User("ann")
    assert "ann: take" in world.log(ref) or "ann: set assignee ann" in world.log(ref)
    world.at("10:00")
    assert calls(world) == []


def test_a_second_delivery_of_a_click_changes_nothing() -> None:
    from connectors.model import Command
    from sync.commands import carry_out

    world = World()
    ref = world.ticket()
    asked = Command(ref, "acknowledge", User("U-ann"), "slack", {}, id="same")
    assert carry_out(asked, world.engine) == "You acknowledged OPS-1."
    ledger = world.tracker.tickets[ref].ledger
    assert carry_out(asked, world.engine) == "That was done already."
    assert world.tracker.tickets[ref].ledger == ledger


@pytest.mark.parametrize(
    ("verb", "args", "answer"),
    [
        ("dance", {}, "does not know dance"),
        ("severity", {"level": "huge"}, "no severity huge"),
        ("severity", {}, "needs to know: level"),
        ("assign", {"person": "bob"}, "nobody called bob"),
        ("assign", {"person": "tom"}, "assigned to tom"),
        ("update", {"text": "Working on it"}, "Your update is on OPS-1"),
        ("resolve", {}, "You resolved OPS-1"),
        ("status", {}, "OPS-1 Checkout is down: high"),
    ],
)
def test_every_verb_is_answered_in_a_sentence(verb: str, args: dict[str, str], answer: str) -> None:
    world = World()
    ref = world.ticket()
    assert answer in world.click(verb, ref, **args)


def test_somebody_known_by_address_only_is_found_when_a_form_gives_their_id() -> None:
    from tests.world import COMPANY

    world = World(company=COMPANY.replace('tom = { slack = "U-tom", ', 'tom = { email = "tom@example.org", '))
    world.messengers["slack"].addresses["U-tom"] = "tom@example.org"
    ref = world.ticket()
    assert world.click("assign", ref, person="U-tom") == "OPS-1 is assigned to tom."
    assert world.click("assign", ref, person="U-nobody") == "There is nobody called U-nobody in [people]."


def test_who_is_not_known_is_told_how_to_be_added() -> None:
    world = World()
    ref = world.ticket()
    assert 'adds you to [people]: zoe = { slack = "U-zoe" }' in world.click("acknowledge", ref, by="zoe")


def test_who_may_do_what_is_a_rule() -> None:
    from tests.world import COMPANY

    world = World(company=COMPANY + '[permissions]\nresolve = ["members:team"]\n')
    ref = world.ticket()
    assert world.click("resolve", ref, by="ann") == "Only members:team (maria, tom) may resolve OPS-1."
    assert world.click("resolve", ref, by="tom") == "You resolved OPS-1."


# ---- the log


def test_the_log_says_what_happened_and_what_is_next_and_is_one_comment() -> None:
    world = World()
    ref = world.ticket()
    world.at("09:06")
    world.person(ref, assignee=User("ann"))
    comments = world.tracker.tickets[ref].comments
    assert len([c for c in comments if c.by == BOT]) == 1
    log = world.log(ref)
    assert "severity = high" in log
    assert "09:15 call maria, unless acknowledged" in log
    assert "call tom" in log
    assert all(not c.public for c in comments)


def test_a_log_that_somebody_deleted_is_begun_again() -> None:
    world = World()
    ref = world.ticket()
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], comments=())
    world.at("09:06")
    assert "call tom" in world.log(ref)


def test_a_person_who_writes_our_title_does_not_become_our_log() -> None:
    world = World()
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout")
    world.tracker.comment(ref, "**Pointman log** hello")
    world.look(ref)
    theirs = next(c for c in world.tracker.tickets[ref].comments if c.by == User("ann"))
    assert theirs.text == "**Pointman log** hello"
