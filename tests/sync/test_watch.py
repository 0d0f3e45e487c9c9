"""Watch mode: what would have been done is told in one private place, in one message for each ticket and its thread."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import Missing, Temporary
from connectors.model import Message
from connectors.testing import MemoryMessenger
from rules import load
from sync.look import Site
from tests.connectors import slack_workspace
from tests.sync.test_products import PEOPLE, both
from tests.sync.test_products import RULES as PRODUCT_RULES
from tests.world import RULES, World

PRIVATE = "#private"
KINDS = ("classify", "assign", "escalate", "notify")


def watching(*kinds: str, more: str = "", site: Site | None = None) -> World:
    """A world whose rules of these kinds are watched, all where none is named."""
    rules = RULES
    for kind in kinds or KINDS:
        rules = rules.replace(f"[[{kind}]]", f"[[{kind}]]\nmode = 'watch'")
    return World(rules=rules + more, site=site or Site(watch=("slack", PRIVATE)))


def roots(world: World) -> list[str]:
    """What stands in the private channel itself."""
    return [post.message.text for post in world.posts if post.place == PRIVATE and not post.message.under]


def replies(world: World) -> list[str]:
    """What stands in threads there."""
    return [post.message.text for post in world.posts if post.place == PRIVATE and post.message.under]


def test_one_message_says_all_that_would_stand() -> None:
    world = watching()
    world.ticket()
    assert "".join(roots(world)) == (
        "**OPS-1** Checkout is down\n\n"
        "I would have set\n\n"
        "- severity = high (critical-down)\n"
        "- team = payments (service-team)\n\n"
        "I would have shown in #incidents (card):\n\n"
        "> **OPS-1** Checkout is down: high, nobody yet, new"
    )


def test_it_is_edited_as_things_change_and_not_repeated() -> None:
    world = watching()
    ref = world.ticket()
    world.at("09:02")
    world.person(ref, summary="Checkout is down in Asia")
    (text,) = roots(world)
    assert "Checkout is down in Asia: high" in text
    world.person(ref, severity="high")  # a person does the same
    (text,) = roots(world)
    assert "severity = high" not in text
    assert "team = payments" in text


def test_looking_again_says_nothing_again() -> None:
    world = watching()
    ref = world.ticket()
    world.person(ref, phase="resolved")
    world.at("09:10")
    before = [(post.ref, post.edits) for post in world.posts]
    for _ in range(5):
        world.later(timedelta(minutes=1))
        world.look(ref)
    world.restart()
    assert [(post.ref, post.edits) for post in world.posts] == before
    assert sum("would have told" in text for text in replies(world)) == 1


def test_a_call_that_would_have_been_made_is_a_reply_and_a_later_step_edits_it() -> None:
    world = watching()
    world.ticket()
    world.at("09:06")
    assert "".join(replies(world)) == (
        "I would have called tom at 09:05 (unacknowledged, step 1):\n\n"
        "> **OPS-1** Checkout is down: unacknowledged since 09:00, severity high. https://tracker.example.org/OPS-1\n"
        "> In the way: nobody has it, nobody has acknowledged it."
    )
    world.at("09:31")
    called = [text.partition(" (")[0] for text in replies(world)]
    assert called == [
        "I would have called tom at 09:05",
        "I would have called maria at 09:15",
        "I would have called #incidents at 09:15",
        "I would have called #management at 09:30",
    ]
    world.at("10:01")
    called = [text.partition(" (")[0] for text in replies(world)]
    assert len(called) == 4
    assert called[-1] == "I would have called #management at 10:00"
    assert len({post.message.under for post in world.posts if post.message.under}) == 1


def test_nobody_is_reached_nothing_is_written_and_no_button_acts() -> None:
    world = watching()
    ref = world.ticket(summary="Checkout is down @here <!channel> **now**")
    world.tracker.comment(ref, "@channel hello")
    world.at("09:45")
    world.person(ref, phase="resolved")
    world.at("10:30")
    assert {post.place for post in world.posts} == {PRIVATE}
    assert all(post.message.buttons == () for post in world.posts)
    assert world.field(ref, "severity") is None
    assert world.log(ref) == "", "nothing is said on the ticket"
    for post in world.posts:
        assert "@here" not in post.message.text.replace("\\", "")
        assert "<!channel>" not in post.message.text.replace("\\<", "")


def test_a_card_that_is_watched_has_no_buttons_though_the_rule_says_so() -> None:
    world = watching("notify")
    world.ticket()
    (post,) = [post for post in world.posts if post.place == PRIVATE]
    assert post.message == Message(post.message.text)


def test_what_is_on_goes_on_beside_what_is_watched() -> None:
    world = watching("escalate")
    ref = world.ticket()
    world.at("09:06")
    assert world.field(ref, "severity") == "high"
    assert len(world.said("#incidents")) == 1
    assert [text.partition(" (")[0] for text in world.said(PRIVATE)] == ["I would have called tom at 09:05"]
    assert "severity = high" in world.log(ref)
    assert "call tom" not in world.log(ref)


def test_two_tickets_have_two_messages() -> None:
    world = watching()
    world.ticket("OPS-1")
    world.ticket("OPS-2")
    world.at("09:06")
    assert [text.splitlines()[0] for text in roots(world)] == [
        "**OPS-1** Checkout is down",
        "**OPS-2** Checkout is down",
    ]
    assert len(replies(world)) == 2


def test_many_calls_at_once_are_no_list_but_each_under_its_ticket() -> None:
    world = watching(site=Site(watch=("slack", PRIVATE), calls=2))
    for number in range(5):
        world.ticket(f"OPS-{number}")
    world.at("09:06")
    assert len(replies(world)) == 5
    assert not any("Several incidents" in text for text in world.said(PRIVATE))


def test_without_a_place_nothing_is_said_and_the_plan_says_why() -> None:
    world = watching(site=Site())
    ref = world.ticket()
    world.at("09:30")
    assert world.posts == []
    reasons = {item.reason for item in world.plan(ref).items}
    assert reasons == {"watched, and no place to tell it"}


def test_a_crash_between_telling_and_recording_tells_nothing_twice() -> None:
    world = watching()
    slack, put = world.messengers["slack"], world.messengers["slack"].put

    def late(place: str, thing: Message, ref: str | None, key: str) -> str:
        put(place, thing, ref, key)
        raise Temporary("no answer in time")

    slack.put = late  # type: ignore[method-assign]
    world.ticket()
    slack.put = put  # type: ignore[method-assign]
    world.restart()
    world.at("09:04")
    assert len(roots(world)) == 1
    assert all(not entry.claim for entry in world.plan(next(iter(world.tracker.tickets))).ledger.entries.values())


def test_a_message_that_somebody_deleted_is_made_again() -> None:
    world = watching()
    ref = world.ticket()
    slack = world.messengers["slack"]
    slack.posts.clear()
    world.person(ref, summary="Checkout is down in Asia")
    assert roots(world) == [], "the first try finds it gone"
    world.at("10:01")
    (text,) = [said for said in roots(world) if said.startswith("**OPS-1**")]
    assert "in Asia" in text


def test_a_place_that_takes_no_edits_is_told_what_is_new_only() -> None:
    def mail(clock: object) -> dict[str, MemoryMessenger]:
        return {"slack": MemoryMessenger(clock, searchable=False, editable=False)}  # type: ignore[arg-type]

    rules = RULES
    for kind in KINDS:
        rules = rules.replace(f"[[{kind}]]", f"[[{kind}]]\nmode = 'watch'")
    world = World(rules=rules, site=Site(watch=("slack", PRIVATE)), messengers=mail)
    ref = world.ticket()
    assert len(roots(world)) == 1
    world.person(ref, summary="Checkout is down in Asia")
    assert len(roots(world)) == 1
    world.at("09:06")
    assert len(replies(world)) == 1


@pytest.mark.parametrize("gone", ["escalate", "notify"])
def test_switched_on_it_is_done_from_then_on(gone: str) -> None:
    world = watching(gone)
    world.ticket()
    world.at("09:03")
    before = len(world.said(PRIVATE))
    world.reload(RULES)
    world.at("09:06")
    assert len(world.said(PRIVATE)) == before
    assert len(world.said("U-tom")) == 1
    assert len(world.said("#incidents")) == 1


def test_a_place_in_trouble_is_told_later_and_once() -> None:
    world = watching()
    slack = world.messengers["slack"]
    slack.error = Missing("could not post to slack:#private: channel_not_found")
    world.ticket()
    assert world.posts == []
    slack.error = None
    world.at("10:01")
    assert len([said for said in roots(world) if said.startswith("**OPS-1**")]) == 1


def test_a_ladder_of_watched_wishes_counts_from_when_they_would_have_been_written() -> None:
    world = watching()
    ref = world.ticket(service=None)
    world.at("09:20")
    world.person(ref, service="checkout")
    world.at("09:24")
    assert replies(world) == []
    world.at("09:26")
    assert [text.partition(" (")[0] for text in replies(world)] == ["I would have called tom at 09:25"]


def test_a_ladder_counts_from_no_earlier_than_a_person_left_the_field_to_us() -> None:
    world = watching(more="")
    ref = world.ticket(summary="Checkout is slow", severity="low")
    world.engine.site = Site(watch=("slack", PRIVATE), defaults={"severity": "low"})
    world.person(ref, summary="Checkout is down")
    world.at("09:06")
    assert [text.partition(" (")[0] for text in replies(world)] == ["I would have called tom at 09:05"]


def test_a_wish_that_follows_from_another_is_wanted_since_then() -> None:
    more = """
[[assign]]
id = "lead"
mode = "watch"
when = 'severity == "high"'
person = "maria"
[[escalate]]
id = "has-it"
mode = "watch"
when = 'assignee and not acknowledged'
since = "assigned"
steps = [{ after = "3m", to = ["assignee"] }]
"""
    world = watching(more=more)
    ref = world.ticket(service=None)
    world.at("09:20")
    world.person(ref, service="checkout")
    world.at("09:24")
    assert [text.partition(" (")[0] for text in replies(world)] == ["I would have called maria at 09:23"]


def test_on_the_real_products_it_is_one_message_with_a_thread() -> None:
    with both("cloud") as world:
        channel = world.box.state.channel(PRIVATE)
        rules = {"a.toml": PEOPLE, "b.toml": PRODUCT_RULES}
        world.engine.replace(load.parse(rules, mode="watch", connectors=("jira", "slack")))
        world.engine.site = Site(watch=("slack", PRIVATE))
        world.box.server.remember = True
        ref = world.jira.state.create({"summary": "Checkout is down", "components": ["Checkout (prod)"]})
        before = world.jira.state.view(ref)["fields"]
        world.settle(ref)
        world.jira.clock.advance(timedelta(minutes=6))
        world.settle(ref)
        world.jira.state.put(ref, {"summary": "Checkout is down in Asia"})
        world.settle(ref)
        (root,), replies_ = list(channel.top()), [m for m in channel.messages if m.thread_ts]
        assert root.text.startswith(f"{world.jira.jira.get(ref).key} Checkout is down in Asia\nI would have set\n• sev")
        assert root.edited
        assert (root.buttons, [m.buttons for m in replies_]) == ([], [[]])
        assert [(m.thread_ts, m.text.partition(" (")[0]) for m in replies_] == [
            (root.ts, "I would have called bob at 09:05")
        ]
        after = world.jira.state.view(ref)["fields"]
        assert {name for name in before if before[name] != after[name]} <= {"summary", "updated"}
        assert world.jira.jira.get(ref).comments == ()
        assert world.said("#incidents") == []
        assert slack_workspace.held(world.box.server.seen) >= 3
