"""A channel of its own: opened once, kept up to date, archived in the end; and what people do to it breaks nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import Denied, Refused, Temporary
from connectors.model import User
from connectors.testing import MemoryMessenger, Room
from rules import load
from sync.ledger import Ledger
from sync.look import Site
from sync.rooms import fitting
from tests.world import COMPANY, RULES, World

ROOM = """
[[channel]]
id = "war-room"
when = 'severity == "high"'
channel = "inc-{{ key }}"
invite = ["assignee", "lead:team", "email:out@example.org"]
links = { Runbook = "https://wiki.example.org/{{ service }}_1", Nothing = "{{ eta }}" }
"""
NEWS = """
[[notify]]
id = "room-news"
on = ["acknowledged", "resolved"]
to = ["channel:war-room"]
[[notify]]
id = "room-card"
when = 'severity == "high"'
to = ["channel:war-room"]
text = "{{ key }} for the room"
"""


def _world(more: str = ROOM + NEWS, **given: object) -> World:
    return World(rules=RULES + more, **given)  # type: ignore[arg-type]


def rooms(world: World) -> list[Room]:
    return world.messengers["slack"].rooms


def room(world: World) -> Room:
    (only,) = rooms(world)
    return only


def lines(world: World, ref: str, rule: str = "war-room") -> list[tuple[str, str]]:
    return [(item.status, item.effect.what) for item in world.plan(ref).items if item.effect.rule == rule]


# ---- its life


def test_it_is_opened_with_topic_links_people_and_a_pinned_card() -> None:
    world = _world()
    world.ticket()
    world.at("09:01")
    opened = room(world)
    assert opened.channel.name == "inc-ops-1"
    assert opened.channel.topic == "OPS-1 Checkout is down · high · nobody yet"
    assert [(link.title, link.url) for link in opened.channel.links] == [
        ("OPS-1", "https://tracker.example.org/OPS-1"),
        ("Runbook", "https://wiki.example.org/checkout_1"),
    ]
    assert opened.people == ["U-maria", "out@example.org"]
    card, other = (post for post in world.posts if post.place == opened.ref)
    assert opened.channel.pinned == (card.ref,)
    assert [button.verb for button in card.message.buttons] == ["acknowledge", "take", "resolve"]
    assert other.message.text == "OPS-1 for the room"


def test_it_is_kept_up_to_date_and_nobody_is_put_out() -> None:
    world = _world()
    ref = world.ticket()
    world.person(ref, assignee=User("tom"))
    assert "tom" in room(world).channel.topic
    world.person(ref, assignee=User("ann"))
    world.at("09:01")
    assert room(world).people == ["U-maria", "out@example.org", "U-tom", "U-ann"]
    card = next(post for post in world.posts if post.place == "R1")
    assert "ann" in card.message.text


def test_news_go_there_and_a_plan_of_nothing_is_silent() -> None:
    world = _world()
    ref = world.ticket()
    world.at("09:01")
    world.click("acknowledge", ref)
    assert any("acknowledged" in text for text in world.said("R1"))
    slack = world.messengers["slack"]
    before = slack.calls
    world.look(ref)
    world.restart()
    assert slack.calls == before


def test_it_is_archived_three_days_after_it_was_resolved_and_says_so_before() -> None:
    world = _world()
    ref = world.ticket()
    world.at("09:01")
    world.person(ref, phase="resolved")
    world.at("09:05")
    assert ("next", "archive #inc-ops-1") in lines(world, ref)
    assert "archive \\#inc-ops-1, unless it is opened again" in world.log(ref).replace("#", "\\#").replace(
        "\\\\#", "\\#"
    )
    world.later(timedelta(days=2, hours=23))
    assert not room(world).archived
    world.later(timedelta(hours=2))
    assert room(world).archived
    before = world.messengers["slack"].calls
    world.person(ref, summary="Something else")
    world.later(timedelta(days=2))
    assert room(world).arranged == 3 or room(world).archived
    assert world.messengers["slack"].calls == before + 1, "but for the card in #incidents"
    assert ref not in world.wakes


def test_what_stands_in_an_archived_one_is_let_be() -> None:
    world = _world()
    ref = world.ticket()
    world.at("09:01")
    world.person(ref, phase="resolved")
    world.later(timedelta(days=4))
    world.person(ref, severity="medium")
    retired = [item for item in world.plan(ref).items if item.effect.sort == "retire"]
    assert [item for item in retired if "R1" in item.effect.what] == []


def test_opened_again_before_that_it_is_not_archived_and_after_it_goes_on() -> None:
    for days in (1, 4):
        world = _world()
        ref = world.ticket()
        world.person(ref, phase="resolved")
        world.later(timedelta(days=days))
        assert room(world).archived is (days == 4)
        world.person(ref, phase="new")
        world.later(timedelta(minutes=1))
        assert not room(world).archived
        assert room(world).channel.reopens is (days == 4)
        world.later(timedelta(days=5))
        assert not room(world).archived


def test_a_restart_after_the_grace_still_archives_it() -> None:
    world = _world(ROOM.replace("invite", 'archive_after = "5d"\ninvite'))
    ref = world.ticket()
    world.person(ref, phase="resolved")
    world.later(timedelta(days=4))
    assert world.engine.reaching(world.now) <= world.now - timedelta(days=5)
    world.wakes.clear()
    world.restart()
    world.later(timedelta(days=2))
    assert room(world).archived or ref not in world.wakes
    world.look(ref)
    assert room(world).archived


def test_it_stays_when_its_rule_no_longer_holds_and_when_there_is_no_rule() -> None:
    world = _world()
    ref = world.ticket()
    world.person(ref, severity="medium")
    assert "medium" in room(world).channel.topic
    assert "medium" in next(post for post in world.posts if post.place == "R1").message.text
    world.reload(RULES)
    world.later(timedelta(hours=1))
    assert not room(world).archived


def test_a_resolved_ticket_gets_none() -> None:
    world = _world()
    ref = world.tracker.ticket("OPS-1", "Checkout is down", service="checkout", phase="resolved")
    world.tracker.person(ref, phase="resolved")
    world.look(ref)
    assert rooms(world) == []


# ---- what people do to it, and what goes wrong


def test_one_that_people_archived_or_deleted_breaks_nothing_and_is_told() -> None:
    for deleted in (False, True):
        world = _world(site=Site(home="OPS-9"))
        world.tracker.ticket("OPS-9")
        ref = world.ticket()
        world.at("09:01")
        opened = room(world)
        if deleted:
            rooms(world).clear()
        else:
            opened.archived = True
        world.person(ref, assignee=User("tom"))
        assert "tom" in world.said("#incidents")[0], "all else goes on"
        assert len(rooms(world)) == (0 if deleted else 1), "no second one is opened"
        (held,) = [item for item in world.plan(ref).items if item.effect.key == "channel:war-room>slack"]
        assert held.status == "held"
        assert ("channel_not_found" if deleted else "is_archived") in str(world.engine.notices)
        if not deleted:
            opened.archived = False  # a person opens it again
            world.later(timedelta(hours=1, minutes=1))
            assert "tom" in opened.channel.topic


def test_a_name_of_its_own_may_be_changed_by_people() -> None:
    world = _world()
    ref = world.ticket()
    from dataclasses import replace

    room(world).channel = replace(room(world).channel, name="checkout-fire")
    world.person(ref, assignee=User("tom"))
    assert room(world).channel.name == "checkout-fire"
    assert len(rooms(world)) == 1


def test_a_name_that_is_taken_gets_a_number() -> None:
    world = _world(ROOM.replace("inc-{{ key }}", "incident"))
    world.ticket()
    world.ticket("OPS-2", "Checkout is down again")
    assert [one.channel.name for one in rooms(world)] == ["incident", "incident-2"]


def test_somebody_who_cannot_be_invited_is_told_and_the_rest_is_done() -> None:
    world = _world(site=Site(home="OPS-9"))
    world.tracker.ticket("OPS-9")
    world.messengers["slack"].unknown = {"out@example.org"}
    ref = world.ticket()
    assert room(world).people == ["U-maria"]
    world.at("09:01")
    assert "could not invite out@example.org" in str(world.engine.notices)
    assert [post.place for post in world.posts].count("R1") == 2, "card and message stand in it all the same"
    world.messengers["slack"].unknown = set()
    world.later(timedelta(hours=1, minutes=1))
    assert "out@example.org" in room(world).people
    assert ("done", "keep #inc-ops-1 up to date") in lines(world, ref)


@pytest.mark.parametrize("error", [Temporary("no answer"), Denied("no scope"), Refused("no such thing")])
def test_whatever_is_refused_after_it_was_opened_it_is_one_channel(error: Exception) -> None:
    world = _world()
    slack = world.messengers["slack"]
    slack.room_error = error  # type: ignore[assignment]
    ref = world.ticket()
    opened = Ledger.loads(world.tracker.tickets[ref].ledger, ref).entries["channel:war-room>slack"]
    assert (opened.ref, opened.claim) == ("R1", None)
    slack.room_error = None
    world.later(timedelta(hours=2))
    assert len(rooms(world)) == 1
    assert room(world).channel.topic != ""


def test_where_it_cannot_be_opened_that_is_told_and_tried_again() -> None:
    world = _world(site=Site(home="OPS-9"))
    world.tracker.ticket("OPS-9")
    slack, real = world.messengers["slack"], world.messengers["slack"].open

    def refuses(*_: object) -> str:
        raise Refused("could not open #inc-ops-1: restricted_action")

    slack.open = refuses  # type: ignore[assignment]
    world.ticket()
    assert "restricted_action" in str(world.engine.notices)
    assert world.said("#incidents") != []
    slack.open = real  # type: ignore[method-assign]
    world.later(timedelta(hours=2))
    assert len(rooms(world)) == 1


@pytest.mark.parametrize("call", ["open", "arrange", "write"])
@pytest.mark.parametrize("after", [False, True])
def test_dying_anywhere_opens_one_channel_with_one_card(call: str, after: bool) -> None:
    seen = 0
    for nth in range(1, 5):
        world = _world()
        where = world.tracker if call == "write" else world.messengers["slack"]
        original, count = getattr(where, call), 0

        def dies(*args: object, original=original, nth=nth) -> object:  # type: ignore[no-untyped-def]
            nonlocal count
            count += 1
            if count == nth and not after:
                raise KeyboardInterrupt
            made = original(*args)
            if count == nth:
                raise KeyboardInterrupt
            return made

        setattr(where, call, dies)
        try:
            world.ticket()
            world.at("09:01")
        except KeyboardInterrupt:
            seen += 1
        setattr(where, call, original)
        world.restart()
        world.at("09:10")
        assert len(rooms(world)) == 1, (call, nth)
        assert len([post for post in world.posts if post.place == "R1"]) == 2, (call, nth)
        assert room(world).channel.pinned == ("R1/2",) or len(room(world).channel.pinned) == 1, (call, nth)
        (ticket,) = world.tracker.tickets.values()
        assert Ledger.loads(ticket.ledger, ticket.ref).open_claims() == {}
    assert seen >= 1


# ---- what a rule may say


def test_one_for_each_team_that_has_to_do_with_it() -> None:
    company = COMPANY.replace(
        'criticality = "critical"\n[audiences]', 'criticality = "critical"\ndepends_on = ["db"]\n[audiences]'
    )
    company += '[teams.dba]\nlead = "ann"\n[services.db]\nteam = "dba"\n'
    per = ROOM.replace("inc-{{ key }}", "inc-{{ key }}-{{ team }}") + 'per = "team"\n'
    world = _world(per + NEWS, company=company)
    ref = world.ticket()
    world.at("09:01")
    assert [(one.channel.name, one.people[0]) for one in rooms(world)] == [
        ("inc-ops-1-payments", "U-maria"),
        ("inc-ops-1-dba", "U-ann"),
    ]
    assert all(len(one.channel.pinned) == 1 for one in rooms(world))
    world.click("acknowledge", ref)
    assert [len(world.said(one.ref)) for one in rooms(world)] == [3, 3]


def test_it_is_opened_where_it_says_and_where_that_is_possible() -> None:
    def messengers(clock: object) -> dict[str, MemoryMessenger]:
        assert callable(clock)
        mail = MemoryMessenger(clock, "email", editable=False, channels=False)
        return {"slack": MemoryMessenger(clock), "msteams": MemoryMessenger(clock, "msteams"), "email": mail}

    world = _world(messengers=messengers)
    world.ticket()
    assert [len(one.rooms) for one in world.messengers.values()] == [1, 1, 0]
    world = _world(ROOM + 'products = ["msteams"]\n', messengers=messengers)
    world.ticket()
    assert [len(one.rooms) for one in world.messengers.values()] == [0, 1, 0]


def test_a_renamed_rule_keeps_its_channel() -> None:
    world = _world()
    ref = world.ticket()
    world.at("09:01")
    world.reload(RULES + ROOM.replace('id = "war-room"', 'id = "bridge"\nwas = ["war-room"]'))
    world.person(ref, assignee=User("tom"))
    world.at("09:03")
    assert len(rooms(world)) == 1
    assert "tom" in room(world).channel.topic


def test_a_private_one_is_private() -> None:
    world = _world(ROOM + "private = true\n")
    world.ticket()
    assert room(world).channel.private


def test_a_watched_one_is_told_and_not_opened() -> None:
    world = _world(ROOM + 'mode = "watch"\n', site=Site(watch=("slack", "#private")))
    ref = world.ticket()
    assert rooms(world) == []
    (said,) = world.said("#private")
    assert "I would have opened #inc-ops-1 (war-room)" in said
    world.person(ref, severity="medium")
    assert rooms(world) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("inc-OPS-1", "inc-ops-1"),
        ("Störung: Müller & Söhne!", "storung-muller-sohne"),
        ("x" * 100, "x" * 80),
        ("inc\\_ops\\-1", "inc_ops-1"),
        ("日本", "incident"),
        ("-a-", "a"),
        ("y" * 79 + " z", "y" * 79),
    ],
)
def test_a_name_is_made_to_fit(written: str, name: str) -> None:
    assert fitting(written) == name


def test_a_test_says_which_channels_are_opened_and_what_is_restricted() -> None:
    from sync.judge import judge
    from sync.trial import rehearsal
    from sync.trial import world as trial_world

    cases = """
[[test]]
name = "it opens a channel"
ticket = { key = "OPS-1", summary = "Checkout is down", service = "checkout" }
expect = { channel = ["inc-ops-1"], restricted = false }
then = [{ after = "1m", acknowledge = true, expect = { told = ["channel:war-room"] } }]
[[test]]
name = "it opens none"
ticket = { summary = "Nothing" }
expect = { channel = [] }
[[test]]
name = "wrong on purpose"
ticket = { summary = "Checkout is down", service = "checkout" }
expect = { channel = ["other"], restricted = true }
"""
    read = load.parse(
        {"00.toml": COMPANY, "10.toml": RULES.partition("[[notify]]")[0] + ROOM + NEWS + cases},
        connectors=("memory", "slack"),
    )
    rules = rehearsal(read)
    results = [judge(case, rules, trial_world(("slack",))) for case in rules.cases]
    assert [len(result.failures) for result in results[1:]] == [0, 2]
    assert [(one.wanted, one.came) for one in results[2].failures] == [
        ("channel = other", "channel = inc-test-1"),
        ("restricted = yes", "restricted = no"),
    ]
    assert results[0].failures == ()


# ---- restricted


def _secret(more: str = "") -> World:
    company = COMPANY.replace("[places.incidents]", 'security = { type = "flag" }\n[places.incidents]')
    restrict = '[[restrict]]\nid = "security"\nwhen = \'security\'\nto = ["person:maria"]\n'
    return _world(ROOM + more + NEWS.replace('text = "', 'restricted = true\ntext = "') + restrict, company=company)


def test_a_restricted_ticket_has_a_channel_only_by_a_rule_that_says_so_and_for_whom_it_lets_in() -> None:
    world = _secret()
    world.ticket(security=True)
    assert rooms(world) == []
    world = _secret("restricted = true\n")
    ref = world.ticket(security=True, assignee=User("tom"))
    world.at("09:01")
    assert room(world).channel.private
    assert room(world).people == [] or room(world).people == ["U-maria"]
    assert "U-tom" not in room(world).people
    assert len(world.said("R1")) == 2, "its card, and that of the other rule that sees it"
    assert world.said("#incidents") == []
    assert lines(world, ref) != []


def test_of_one_that_was_open_to_all_the_topic_goes_and_the_card() -> None:
    world = _secret()
    ref = world.ticket(security=False)
    world.at("09:01")
    people = list(room(world).people)
    world.person(ref, security=True)
    assert room(world).channel.topic == "**OPS-1** is restricted."
    assert set(world.said("R1")) == {"**OPS-1** is restricted."}
    world.person(ref, assignee=User("tom"))
    assert room(world).people == people
    arranged = room(world).arranged
    world.look(ref)
    assert room(world).arranged == arranged
    world.person(ref, security=False)
    assert "Checkout" in room(world).channel.topic


def test_who_was_in_the_channel_before_hears_nothing_in_the_one_for_the_restricted_ticket() -> None:
    world = _secret("restricted = true\n")
    ref = world.ticket(security=False, assignee=User("tom"))
    world.at("09:01")
    assert "U-tom" in room(world).people
    world.person(ref, security=True)
    world.at("09:03")
    before, closed = rooms(world)
    assert before.channel.topic == "**OPS-1** is restricted."
    assert set(world.said(before.ref)) == {"**OPS-1** is restricted."}
    assert (closed.channel.private, closed.people) == (True, ["U-maria"])
    assert any("Checkout" in text for text in world.said(closed.ref))
    world.person(ref, security=False)
    world.at("09:05")
    assert "Checkout" in before.channel.topic
    world.person(ref, phase="resolved")
    world.later(timedelta(days=4))
    assert before.archived
    assert closed.archived
