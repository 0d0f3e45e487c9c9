"""One message may stand for several things: the roles of one person, steps of several rules. Each is recorded."""

from __future__ import annotations

from datetime import timedelta

from connectors.testing import Post
from tests.world import COMPANY, World

TOM, MARIA = "U-tom", "U-maria"
HANDED_OVER = COMPANY.replace('lead = "maria"', 'lead = "tom"').replace(
    'rotation = ["tom"], handover = "Mon 00:00"', 'rotation = ["maria", "tom"], handover = "09:10"'
)
BOTH = """
[[escalate]]
id = "down"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["on-call:team", "lead:team"] },
         { after = "15m", to = ["on-call:team"] }]
"""
TWO_RULES = """
[[escalate]]
id = "down"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["person:tom"] }, { after = "20m", to = ["person:tom"] }]
[[escalate]]
id = "many"
when = 'affected_users > 10 and not acknowledged'
steps = [{ after = "5m", to = ["person:tom"] }]
"""


def _posts(world: World, place: str) -> list[Post]:
    return [post for post in world.posts if post.place == place]


def _buttons(world: World) -> list[bool]:
    return [bool(post.message.buttons) for post in _posts(world, TOM)]


def test_whoever_is_on_call_and_leads_is_called_once_also_after_a_handover() -> None:
    world = World(BOTH, HANDED_OVER)
    ref = world.ticket(severity="high", team="payments")
    world.at("09:06")
    assert len(_posts(world, TOM)) == 1
    world.at("09:11")
    world.look(ref)
    assert _posts(world, MARIA) == [], "her step is done: somebody was called for it"
    world.at("09:40")
    assert (len(_posts(world, TOM)), len(_posts(world, MARIA))) == (1, 1)
    world.restart()
    world.later(timedelta(hours=1))
    assert (len(_posts(world, TOM)), len(_posts(world, MARIA))) == (1, 1)


def test_the_log_says_of_one_call_once_that_it_was_made() -> None:
    world = World(BOTH, HANDED_OVER)
    ref = world.ticket(severity="high", team="payments")
    world.at("09:06")
    assert world.log(ref).count("09:05 call tom") == 1


def test_a_call_keeps_its_buttons_while_one_of_two_rules_wants_it() -> None:
    world = World(TWO_RULES)
    ref = world.ticket(severity="high", affected_users=20)
    world.at("09:06")
    assert _buttons(world) == [True], "one message for both"
    world.person(ref, affected_users=5)
    assert _buttons(world) == [True]
    calls = world.messengers["slack"].calls
    world.look(ref)
    assert world.messengers["slack"].calls == calls, "and nothing is left to do"
    world.click("acknowledge", ref)
    assert _buttons(world) == [False]


def test_the_next_step_leaves_the_buttons_of_a_call_that_another_rule_made_with_it() -> None:
    world = World(TWO_RULES)
    ref = world.ticket(severity="high", affected_users=20)
    world.at("09:21")
    assert _buttons(world) == [True, True], "the first still stands for the other rule"
    world.person(ref, affected_users=5)
    assert _buttons(world) == [False, True]
    world.person(ref, severity="low")
    assert _buttons(world) == [False, False]
