"""A trial decides and does as the engine would, in virtual time and with nothing but values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import User, Value
from rules import load
from rules.model import RuleSet
from sync.trial import ME, Trial, account, rehearsal, ticket, world
from tests.world import COMPANY, RULES, World

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rules(text: str = RULES) -> RuleSet:
    return rehearsal(load.parse({"company.toml": COMPANY, "rules.toml": text}, connectors=("memory", "slack")))


def trial(text: str = RULES, **words: Value) -> Trial:
    found = rules(text)
    words = {"summary": "Checkout is down", "service": "checkout", **words}
    return Trial(ticket(words, found, MORNING), found, world(("slack",)))


def sent(made: Trial) -> list[tuple[str, float, str]]:
    return [(one.effect.key, (one.at - MORNING) / MINUTE, one.effect.address) for one in made.sent]


def test_what_is_owed_is_done_at_once_and_what_comes_is_done_when_it_is_due() -> None:
    made = trial()
    assert (made.ticket.fields["severity"], made.ticket.fields["team"]) == ("high", "payments")
    assert sent(made) == [("notify:card>place:incidents@slack", 0, "#incidents")]
    made.until(MORNING + 40 * MINUTE)
    assert sent(made)[1:] == [
        ("escalate:unacknowledged>on-call:team", 5, "U-tom"),
        ("escalate:unacknowledged>lead:team", 15, "U-maria"),
        ("escalate:unacknowledged>place:incidents@slack", 15, "#incidents"),
        ("escalate:unacknowledged>slack:#management", 30, "#management"),
    ]
    assert made.plan.owed == ()
    assert made.spoke >= {"critical-down", "service-team", "unacknowledged", "card"}
    assert "many-users" not in made.spoke


def test_it_says_what_the_engine_says_on_the_same_day() -> None:
    """The whole story of a ticket: the same messages at the same moments as the real engine over the fakes."""
    story = World()
    ref = story.ticket()
    story.at("09:20")
    story.click("acknowledge", ref)
    story.at("11:00")
    story.person(ref, phase="resolved")
    made = trial()
    made.until(MORNING + 20 * MINUTE)
    made.act("acknowledge", "ann")
    made.look()
    made.until(MORNING + 120 * MINUTE)
    made.change({"phase": "resolved"}, User("ann", "Ann"))
    made.look()
    assert [(one.at, one.effect.address) for one in made.sent if one.fresh] == [(p.at, p.place) for p in story.posts]
    assert {word: made.ticket.fields[word] for word in ("severity", "team")} == {
        word: story.field(ref, word) for word in ("severity", "team")
    }


def test_a_message_that_is_brought_up_to_date_is_no_new_one() -> None:
    made = trial()
    made.until(MORNING + MINUTE)
    made.change({"assignee": account("maria", made.rules)}, User("ann", "Ann"))
    made.look()
    assert [(one.effect.rule, one.fresh) for one in made.sent] == [("card", True), ("card", False)]


def test_what_nothing_wants_any_more_is_retired_once() -> None:
    made = trial()
    made.until(MORNING + MINUTE)
    made.change({"severity": "low"}, User("ann", "Ann"))
    made.look()
    entry = made.ledger.entries["notify:card>place:incidents@slack"]
    assert (entry.retired, len(made.sent), made.plan.owed) == (True, 1, ())


def test_what_people_do_is_theirs() -> None:
    made = trial()
    made.until(MORNING + MINUTE)
    made.change({"severity": "medium"}, account("tom", made.rules))
    made.comment("I look", account("tom", made.rules))
    made.act("update", "tom", {"text": "We look."})
    made.look()
    (item,) = (item for item in made.plan.items if item.effect.key == "field:severity")
    assert (item.status, item.reason) == ("not", "left alone: tom set it 09:01")
    assert [comment.by for comment in made.ticket.comments] == [account("tom", made.rules)]
    assert (made.ticket.updated, made.ledger.acts[0].verb) == (MORNING + MINUTE, "update")


def test_a_moment_that_has_passed_is_not_looked_at_again() -> None:
    made = trial()
    before = made.plan
    made.until(MORNING)
    made.until(MORNING - MINUTE)
    assert made.plan is before


TURNS = COMPANY.replace('["tom"], handover = "Mon 00:00"', '["tom", "maria"], handover = "12:00"').replace(
    'maria = { slack = "U-maria"', 'maria = { slack = "U-maria", away = ["2026-11-25"]'
)
PICK = '[[assign]]\nid = "a"\nwhen = "service"\nteam = "service.team"\npick = "on-call"\n'


@pytest.mark.parametrize("hours", [0, 1, 2, 3, 4, 26, 27, 28, 38, 40, 52, 75, 76])
def test_waiting_comes_to_the_same_as_looking(hours: int) -> None:
    """Also when somebody else is on duty by then, whether by their turn or because a day off begins."""
    found = rehearsal(load.parse({"c.toml": TURNS, "r.toml": PICK + RULES}, connectors=("memory", "slack")))
    waited, looked = (
        Trial(ticket({"summary": "Odd", "service": "checkout"}, found, MORNING), found, world(("slack",))) for _ in "ab"
    )
    waited.wait(MORNING + timedelta(hours=hours))
    looked.until(MORNING + timedelta(hours=hours))
    assert waited.ticket.fields["assignee"] == looked.ticket.fields["assignee"]
    assert (waited.now, waited.ledger.entries.keys()) == (looked.now, looked.ledger.entries.keys())


def test_a_shift_that_ends_is_seen_by_whoever_waits() -> None:
    found = rehearsal(load.parse({"c.toml": TURNS, "r.toml": PICK}, connectors=("memory", "slack")))
    made = Trial(ticket({"service": "checkout"}, found, MORNING), found, world(("slack",)))
    first = made.ticket.fields["assignee"]
    before = made.plan
    made.wait(MORNING + timedelta(hours=2))
    assert (made.plan is before, made.now) == (True, MORNING + timedelta(hours=2))
    made.wait(MORNING + timedelta(hours=4))
    assert made.ticket.fields["assignee"] != first


def test_what_is_watched_is_tried_as_if_it_were_on_and_what_is_off_stays_off() -> None:
    watched = trial(RULES.replace('id = "card"', 'id = "card"\nmode = "watch"'))
    off = trial(RULES.replace('id = "card"', 'id = "card"\nmode = "off"'))
    assert [one.effect.address for one in watched.sent] == ["#incidents"]
    assert off.sent == []


def test_everybody_has_an_account_and_every_word_is_mapped() -> None:
    found = rules()
    made = ticket({"assignee": "tom", "reporter": "email:ceo@example.org", "labels": None, "url": "x"}, found, MORNING)
    assert made.fields["assignee"] == User("tom", "tom")
    assert made.reporter == User("", "ceo@example.org", "ceo@example.org")
    assert (made.labels, made.url, made.history, made.created) == ((), "x", (), MORNING)
    assert made.fields.keys() >= {"severity", "affected_users", "eta", "hold"}
    assert (account("", found), account(None, found), str(account("Bo", found))) == (None, None, "Bo")


def test_a_ticket_may_say_when_it_is_made() -> None:
    christmas = datetime(2026, 12, 24, 18, tzinfo=UTC)
    assert ticket({"created": christmas}, rules(), MORNING).created == christmas
    with pytest.raises(TypeError, match="created is a moment"):
        ticket({"created": "tomorrow"}, rules(), MORNING)


def test_without_a_configuration_every_messenger_is_there() -> None:
    found = world()
    assert found.products == ("slack", "msteams", "email")
    assert (found.me, found.start, found.external) == (ME, None, True)
