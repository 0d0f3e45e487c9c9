"""The pure half, at its corners: what a plan says of tickets that are unlike those of the stories."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import Button, Change, Comment, Message, Ticket, User
from rules import load
from rules.model import RuleSet
from sync import log as ticket_log
from sync.effects import Effect, World, digest
from sync.ledger import Act, Claim, Entry, Failure, Ledger, Outcome
from sync.plan import Item, Plan, make_plan, same, shown, with_acts
from sync.show import data, text
from tests.world import COMPANY, RULES

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ME = User("bot", "Pointman")
ANN = User("ann", "Ann")
SLACK = World(products=("slack",), editable=frozenset({"slack"}), searchable=frozenset({"slack"}), me=ME)
CARD = "notify:card>place:incidents@slack"


def rules(more: str = "", text: str = RULES, company: str = COMPANY) -> RuleSet:
    return load.parse({"a.toml": company, "b.toml": text + more}, connectors=("memory", "slack", "email"))


def ticket(**changes: object) -> Ticket:
    fields = {"severity": None, "team": None, "assignee": None, "service": "checkout"}
    made = Ticket("1", "OPS-1", "Checkout is down", NOW - timedelta(minutes=2), NOW, source="memory", fields=fields)
    own = {name: value for name, value in changes.items() if hasattr(made, name)}
    others = {name: value for name, value in changes.items() if name not in own}
    return replace(made, fields={**fields, **others}, **own)  # type: ignore[arg-type]


def item(plan: Plan, key: str) -> Item:
    return next(i for i in plan.items if i.effect.key == key)


def test_the_same_arguments_make_the_same_plan() -> None:
    one, other = (make_plan(ticket(), Ledger("1"), rules(), SLACK, NOW) for _ in range(2))
    assert [(i.status, i.effect) for i in one.items] == [(i.status, i.effect) for i in other.items]


def test_a_word_the_tracker_does_not_map_is_not_written() -> None:
    made = ticket()
    unmapped = replace(made, fields={w: v for w, v in made.fields.items() if w != "team"})
    plan = make_plan(unmapped, Ledger("1"), rules(), SLACK, NOW)
    assert item(plan, "field:team").reason == "team is not mapped, or may not be read"


def test_a_field_whose_beginning_cannot_be_read_is_left_alone() -> None:
    young = ticket(complete_since=NOW)
    plan = make_plan(young, Ledger("1"), rules(), SLACK, NOW)
    assert item(plan, "field:severity").reason == "its history cannot be read back to its creation"


def test_a_change_after_ours_is_somebodys_also_where_nobody_is_named() -> None:
    ledger = Ledger("1", {"field:severity": Entry(NOW - timedelta(minutes=1), NOW, digest("high"))})
    gone = replace(ticket(severity="low"), history=(Change(NOW, "severity", "high", "low"),))
    plan = make_plan(gone, ledger, rules(), SLACK, NOW)
    assert item(plan, "field:severity").reason == "left alone: somebody set it 10:00"


def test_a_write_that_the_product_swallowed_is_not_repeated() -> None:
    ledger = Ledger("1", {"field:severity": Entry(NOW - timedelta(minutes=1), NOW, digest("high"))})
    plan = make_plan(ticket(severity="low"), ledger, rules(), SLACK, NOW)
    assert (item(plan, "field:severity").status, item(plan, "field:severity").reason) == (
        "done",
        "the product made it low",
    )


def test_a_write_that_changed_nothing_leaves_the_field_ours() -> None:
    ledger = Ledger("1", {"field:severity": Entry(NOW - timedelta(minutes=1), NOW, digest("medium"))})
    plan = make_plan(ticket(severity=None), ledger, rules(), SLACK, NOW)
    assert item(plan, "field:severity").status == "owed"


def test_assigning_writes_the_trackers_own_user() -> None:
    assigned = RULES.replace('team = "service.team"', 'team = "service.team"\npick = "on-call"')
    plan = make_plan(ticket(), Ledger("1"), rules(text=assigned), SLACK, NOW)
    assert item(plan, "field:assignee").effect.value == User("tom")
    (batch, *_) = plan.batches()
    assert batch.edit is not None
    assert set(batch.edit.fields) == {"severity", "team", "assignee"}


@pytest.mark.parametrize(("now_holds", "status"), [("medium", "owed"), ("low", "not")])
def test_without_a_history_a_field_is_ours_while_it_holds_what_we_wrote(now_holds: str, status: str) -> None:
    wrote = Ledger("1").with_entry("field:severity", Entry(NOW - timedelta(minutes=1), None, digest("medium")))
    blind = ticket(severity=now_holds, complete_since=NOW + timedelta(milliseconds=1))
    found = item(make_plan(blind, wrote, rules(), SLACK, NOW), "field:severity")
    assert (found.status, found.reason) == (status, "" if status == "owed" else "left alone: somebody set it")


def test_a_forced_floor_raises_a_person_and_no_further() -> None:
    floor = '\n[[classify]]\nid = "floor"\nat_least = { severity = "medium" }\nforce = true\n'
    low = ticket(severity="low", history=(Change(NOW - timedelta(minutes=1), "severity", None, "low", ANN),))
    plan = make_plan(low, Ledger("1"), rules(floor), SLACK, NOW)
    owed = item(plan, "field:severity")
    assert (owed.status, owed.effect.value) == ("owed", "medium")
    high = ticket(severity="medium", history=(Change(NOW - timedelta(minutes=1), "severity", None, "medium", ANN),))
    assert item(make_plan(high, Ledger("1"), rules(floor), SLACK, NOW), "field:severity").status == "not"


@pytest.mark.parametrize(
    ("failed", "now", "reloaded", "status"),
    [
        (NOW, NOW + timedelta(minutes=5), None, "held"),
        (NOW, NOW + timedelta(hours=2), None, "owed"),
        (NOW, NOW + timedelta(minutes=5), NOW + timedelta(minutes=1), "owed"),
    ],
)
def test_a_refused_effect_is_tried_hourly_and_after_a_reload(
    failed: datetime, now: datetime, reloaded: datetime | None, status: str
) -> None:
    first = make_plan(ticket(), Ledger("1"), rules(), SLACK, NOW)
    for key in (CARD, "field:severity"):
        failure = Failure(failed, item(first, key).effect.digest, "no such place")
        ledger = Ledger("1", {key: Entry(failure=failure)})
        plan = make_plan(ticket(), ledger, rules(), replace(SLACK, reloaded=reloaded), now)
        if key == CARD:  # the card's text follows the severity that is owed as well
            assert item(plan, key).status == status
        else:
            assert item(plan, key).status == status
        assert bool(plan.notices) == (status == "held")


def test_a_quarrel_ends_when_a_person_changes_the_field() -> None:
    forced = rules(text=RULES.replace('set = { severity = "high" }', 'set = { severity = "high" }\nforce = true'))
    rest = Failure(NOW - timedelta(minutes=30), digest("high"), "quarrel: severity was changed")
    ledger = Ledger("1", {"field:severity": Entry(NOW - timedelta(hours=1), NOW, digest("high"), failure=rest)})
    ours = Change(NOW - timedelta(hours=1), "severity", None, "high", ME)
    robots = Change(NOW - timedelta(minutes=1), "severity", "high", "low", User("x"))
    robot = ticket(severity="low", history=(ours, robots))
    assert item(make_plan(robot, ledger, forced, SLACK, NOW), "field:severity").status == "held"
    person = ticket(severity="low", history=(ours, replace(robots, by=ANN)))
    assert item(make_plan(person, ledger, forced, SLACK, NOW), "field:severity").status == "owed"


def test_a_claim_that_nothing_wants_any_more_is_dropped_without_sending() -> None:
    claim = Claim(NOW - timedelta(hours=1), NOW, "d", "slack:#incidents", NOW, settled=True)
    ledger = Ledger(
        "1", {"escalate:gone>slack:#x": Entry(claim=claim), CARD: Entry(NOW, claim=replace(claim, settled=False))}
    )
    plan = make_plan(ticket(phase="closed", severity="low"), ledger, rules(), SLACK, NOW)
    assert set(plan.ledger.entries) == {CARD}
    made = replace(claim, settled=True)
    ledger = Ledger("1", {"escalate:gone>slack:#x": Entry(NOW, ref="r", to="slack:#x", claim=made)})
    plan = make_plan(ticket(), ledger, rules(), SLACK, NOW)
    assert plan.ledger.entries["escalate:gone>slack:#x"].claim is None


def test_a_claim_in_flight_is_waited_for() -> None:
    claim = Claim(NOW - timedelta(seconds=30), NOW, "d", "slack:#incidents", NOW)
    plan = make_plan(ticket(), Ledger("1", {CARD: Entry(claim=claim)}), rules(), SLACK, NOW)
    assert item(plan, CARD).status == "held"
    assert plan.wake == NOW + timedelta(seconds=90)
    old = replace(claim, first=NOW - timedelta(hours=1))
    plan = make_plan(ticket(), Ledger("1", {CARD: Entry(claim=old)}), rules(), SLACK, NOW)
    assert plan.wake == NOW + timedelta(seconds=30), "a place that cannot tell is asked again, not without end"


EXTERNAL = """
[audiences.customers]
external = true
to = ["slack:#status-page"]
fields = ["service", "severity"]
"""
OUTSIDE = '\n[[notify]]\nid = "outside"\nto = ["audience:customers"]\ntext = "{{ service }} is {{ severity }}"\n'


def test_outside_audiences_wait_for_a_release() -> None:
    made = rules(OUTSIDE, company=COMPANY + EXTERNAL)
    held = make_plan(ticket(), Ledger("1"), made, replace(SLACK, external=False), NOW)
    (waiting,) = [i for i in held.items if i.effect.external]
    assert (waiting.status, waiting.reason) == ("held", "an outside audience is told only after `pointman release`")
    assert held.notices == {"external": "OPS-1: an outside audience waits for `pointman release`"}
    free = make_plan(ticket(), Ledger("1"), made, SLACK, NOW)
    assert [i.status for i in free.items if i.effect.external] == ["owed"]
    assert ticket_log.effect_line(waiting.effect, Outcome("k", done=True), made, NOW).endswith(": “checkout is high”")


def test_nothing_due_before_the_start_is_owed() -> None:
    started = replace(SLACK, start=NOW)
    touched = ticket(history=(Change(NOW, "summary", "x", "Checkout is down", ANN),), created=NOW - timedelta(days=2))
    touched = replace(touched, history=(*touched.history, Change(NOW, "severity", None, "high", ANN)), phase="new")
    plan = make_plan(
        replace(touched, fields={**touched.fields, "severity": "high"}), Ledger("1"), rules(), started, NOW
    )
    assert not [i for i in plan.owed if i.sort in {"call", "news"}]
    commented = ticket(created=NOW - timedelta(days=2), comments=(Comment("hm", at=NOW, by=ANN),))
    assert make_plan(commented, Ledger("1"), rules(), started, NOW).silent == ""
    ours = ticket(created=NOW - timedelta(days=2), comments=(Comment("log", at=NOW, by=ME),))
    assert make_plan(ours, Ledger("1"), rules(), started, NOW).silent.startswith("adopted")


def test_a_call_that_was_due_before_the_start_is_not_made_but_its_later_steps_are() -> None:
    old = ticket(created=NOW - timedelta(minutes=20), history=(Change(NOW, "summary", "x", "Checkout is down", ANN),))
    changes = (Change(NOW - timedelta(minutes=19), "severity", None, "high", ANN), *old.history)
    old = replace(old, history=changes, fields={**old.fields, "severity": "high"})
    plan = make_plan(old, Ledger("1"), rules(), replace(SLACK, start=NOW - timedelta(minutes=1)), NOW)
    said = {i.effect.place: (i.status, i.reason) for i in plan.items if i.effect.sort == "call"}
    assert said["on-call:team"] == ("not", "due before the start")
    assert said["slack:#management"][0] == "next"


def test_a_product_that_is_no_longer_configured_is_not_spoken_to() -> None:
    ledger = Ledger("1", {"notify:gone>x": Entry(NOW, ref="r", to="teams:#x")})
    assert make_plan(ticket(), ledger, rules(), SLACK, NOW).of("owed")[0].effect.sort != "retire"
    assert not [i for i in make_plan(ticket(), ledger, rules(), SLACK, NOW).items if i.effect.sort == "retire"]


def test_watched_rules_without_a_place_say_so_in_the_plan() -> None:
    watched = rules(
        text=RULES.replace("[[notify]]", "[[notify]]\nmode = 'watch'").replace(
            "[[classify]]", "[[classify]]\nmode = 'watch'"
        )
    )
    plan = make_plan(ticket(severity="high"), Ledger("1"), watched, SLACK, NOW)
    assert item(plan, f"watch.{CARD}").reason == "watched, and no place to tell it"


def test_watched_decisions_feed_watched_rules_only() -> None:
    text_ = RULES.replace("[[classify]]", "[[classify]]\nmode = 'watch'")
    plan = make_plan(ticket(), Ledger("1"), rules(text=text_), SLACK, NOW)
    assert CARD not in plan.wanted
    both = text_.replace("[[notify]]", "[[notify]]\nmode = 'watch'")
    plan = make_plan(ticket(), Ledger("1"), rules(text=both), SLACK, NOW)
    assert f"watch.{CARD}" in plan.wanted


def test_acts_become_changes_of_the_ticket() -> None:
    acts = (
        Act("1", NOW, "ann", "acknowledge"),
        Act("2", NOW + timedelta(1), "ann", "unacknowledge"),
        Act("3", NOW + timedelta(2), "ann", "update", {"text": "Working on it"}),
        Act("4", NOW + timedelta(3), "ann", "set", {"severity": "low"}),
    )
    told = with_acts(ticket(), Ledger("1", {}, acts))
    assert [(c.field, c.after) for c in told.history] == [
        ("acknowledged", NOW),
        ("acknowledged", None),
        ("update", "Working on it"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (None, "", True),
        ("", (), True),
        (None, "high", False),
        ("high", "high", True),
        (User("1"), User("1", "Ann"), True),
        (User("", email="a@x"), User("", email="A@x"), True),
        (User("1"), User("2"), False),
        (1, 1.0, True),
    ],
)
def test_values_of_a_field_mean_the_same(one: object, other: object, equal: bool) -> None:
    assert same(one, other) is equal  # type: ignore[arg-type]


def test_a_digest_is_of_what_a_value_means() -> None:
    assert digest(User("1", "Ann")) == digest(User("1", "Ann Smith"))
    assert digest(User("", email="A@x")) == digest(User("", email="a@x"))
    assert digest(1.0) == digest(1)
    assert digest(1.5) != digest(1)
    assert digest(("a", "b")) != digest("ab")
    assert digest((1, "b")) != digest(("1", "b"))
    assert digest(NOW) == digest(NOW)
    assert digest(Message("x")) != digest(Message("x", (Button("A", "a", "1"),)))


def test_batches_put_calls_to_one_address_of_an_unsearchable_place_together() -> None:
    base = Effect("k", "call", "r", "call", NOW, NOW, product="email", address="a@x", thing=Message("x"))
    calls = [replace(base, key=f"k{n}", address=address) for n, address in enumerate(("a@x", "b@x", "a@x"))]
    card = replace(base, key="card", sort="standing")
    plan = Plan(ticket(), Ledger("1"), NOW, tuple(Item("owed", e, NOW) for e in (*calls, card)))
    assert [[e.key for e in batch.effects] for batch in plan.batches()] == [["card"], ["k0", "k2"], ["k1"]]


def test_moments_are_shown_with_their_day_when_it_is_another() -> None:
    assert shown(NOW, rules(), NOW) == "10:00"
    assert shown(NOW - timedelta(days=1), rules(), NOW) == "Sun 22 Nov 10:00"


def test_a_click_on_a_field_the_tracker_keeps_no_history_of_is_still_the_persons() -> None:
    asked = Act("1", NOW, "ann", "set", {"severity": "low"})
    plan = make_plan(ticket(severity="low"), Ledger("1", {}, (asked,)), rules(), SLACK, NOW)
    assert item(plan, "field:severity").reason == "left alone: ann set it 10:00"
    ledger = Ledger("1", {"field:severity": Entry(NOW - timedelta(minutes=1), NOW, digest("high"))})
    wrote = Change(NOW - timedelta(minutes=1), "severity", None, "high", ME)
    lost = ticket(severity="low", history=(wrote,))
    assert (
        item(make_plan(lost, ledger, rules(), SLACK, NOW), "field:severity").reason
        == "left alone: Pointman set it 09:59"
    )


def test_nobody_is_called_for_what_is_resolved_unless_the_rule_names_the_phase() -> None:
    ladder = '\n[[escalate]]\nid = "any"\nwhen = \'{}\'\nsteps = [{{ after = "1m", to = ["person:ann"] }}]\n'
    high = ticket(severity="high", phase="resolved")
    plain = make_plan(high, Ledger("1"), rules(ladder.format('severity == "high"')), SLACK, NOW)
    assert "escalate:any>person:ann" not in plain.wanted
    named = ladder.format('severity == "high" and phase == "resolved"')
    assert "escalate:any>person:ann" in make_plan(high, Ledger("1"), rules(named), SLACK, NOW).wanted


def test_a_later_step_that_was_brought_forward_counts_as_made() -> None:
    ledger = Ledger("1", {"escalate:unacknowledged>slack:#management": Entry(NOW, NOW + timedelta(hours=1), "d", "r")})
    plan = make_plan(ticket(), ledger, rules(), SLACK, NOW)
    assert item(plan, "escalate:unacknowledged>slack:#management").status == "done"


# ---- how a plan reads


def test_a_plan_prints_itself() -> None:
    history = (Change(NOW, "team", None, "dba", ANN),)
    plan = make_plan(ticket(team="payments", history=history), Ledger("1"), rules(), SLACK, NOW)
    assert text(plan, rules()).splitlines() == [
        "OPS-1  Checkout is down  high  new",
        "DONE          team = payments",
        "NOW    10:00  severity = high     critical-down",
        "       09:58  show in #incidents",
        "NEXT   10:05  call tom            unless acknowledged",
        "       10:15  call maria          unless acknowledged",
        "       10:15  call #incidents     unless acknowledged",
        "       10:30  call #management    unless acknowledged",
    ] or text(plan, rules())
    said = data(plan)
    assert (said["key"], said["phase"], said["silent"]) == ("OPS-1", "new", None)
    assert {i["status"] for i in said["items"]} == {"done", "owed", "next"}


def test_a_silent_plan_says_why() -> None:
    silent = make_plan(ticket(created=NOW - timedelta(days=9)), Ledger("1"), rules(), replace(SLACK, start=NOW), NOW)
    assert text(silent, rules()).splitlines()[1].strip() == "adopted: nothing is owed until a person changes it"
    quiet = make_plan(ticket(service=None, summary="x"), Ledger("1"), rules(), SLACK, NOW)
    assert text(quiet, rules()).splitlines()[1].strip() == "nothing to do, and nothing comes by itself"


# ---- the log


def test_a_log_that_grows_too_long_is_begun_anew() -> None:
    long = ticket_log.write(None, ["x" * 20_000], ())
    standing = replace(long, id="7", at=NOW, by=ME)
    assert ticket_log.write(standing, ["short"], ()).id == "7"
    fresh = ticket_log.write(standing, ["y" * 20_000], ())
    assert fresh.id == ""
    assert "x" * 100 not in fresh.text


def test_a_note_holds_what_is_new_and_only_then_what_comes_next() -> None:
    assert ticket_log.note(["10:00 a", ""], ["10:05 call tom"]).text == (
        "**Pointman log**\n\n- 10:00 a\n\n**What happens next**\n\n- 10:05 call tom"
    )
    assert ticket_log.note(["10:00 a"], ()).text == "**Pointman log**\n\n- 10:00 a"
    coming = ticket_log.note((), ["10:05 call tom"]).text
    assert coming == "**Pointman log**\n\n**What happens next**\n\n- 10:05 call tom"


def test_a_log_keeps_its_lines_and_what_comes_next_is_carried_over() -> None:
    first = ticket_log.write(None, ["10:00 a"], ["10:05 call tom"])
    second = ticket_log.write(replace(first, id="7"), ["10:01 b", ""], [])
    assert "- 10:00 a\n- 10:01 b" in second.text
    assert "nothing by itself" in second.text
    assert ticket_log.carried(first) == ("10:05 call tom",)
    assert ticket_log.carried(None) == ()
    assert ticket_log.carried(Comment("of another kind")) == ()


def test_what_is_held_and_what_comes_stand_in_the_log() -> None:
    failed = Ledger("1", {CARD: Entry(failure=Failure(NOW, "d", "x"))})
    plan = make_plan(ticket(), failed, rules(), SLACK, NOW)
    effect = item(plan, CARD).effect
    held = Ledger("1", {CARD: Entry(failure=Failure(NOW, effect.digest, "channel_not_found"))})
    lines = ticket_log.next_lines(make_plan(ticket(), held, rules(), SLACK, NOW), rules())
    assert lines[0] == "10:05 call tom, unless acknowledged"
    assert any(line.startswith("held: show in #incidents: channel") for line in lines)


def test_every_outcome_has_a_line() -> None:
    effect = Effect("k", "call", "r", "call tom", NOW, NOW, why=("step 1",))
    assert ticket_log.effect_line(effect, Outcome("k", done=True), rules(), NOW) == "10:00 call tom (step 1)"
    assert "could not call tom" in ticket_log.effect_line(effect, Outcome("k", failure="gone"), rules(), NOW)
    assert ticket_log.effect_line(replace(effect, why=()), Outcome("k", done=True), rules(), NOW) == "10:00 call tom"
    assert (
        ticket_log.act_line(Act("1", NOW, "ann", "assign", {"person": "tom"}), rules(), NOW)
        == "10:00 ann: assign person tom"
    )
    assert ticket_log.act_line(Act("1", NOW, "ann", "take"), rules(), NOW) == "10:00 ann: take"


def test_our_log_is_the_newest_of_our_own_account() -> None:
    mine = Comment("**Pointman log**\n", id="1", by=ME)
    theirs = replace(mine, id="2", by=ANN)
    found = ticket_log.find(ticket(comments=(mine, theirs)), ME)
    assert found is not None
    assert found.id == "1"
    assert ticket_log.find(ticket(comments=(mine,)), None) is None
