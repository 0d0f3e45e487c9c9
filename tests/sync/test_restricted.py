"""A restricted ticket is seen where it is allowed; every other rule, place, list and command is closed to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.model import Button, User
from connectors.testing import MemoryMessenger
from rules.restrict import restriction
from sync import home
from sync.ledger import Ledger
from sync.look import Site
from sync.memory import emergency_lines
from tests.world import COMPANY, MORNING, RULES, World

SECRET = "Somebody copied the customers"
SECURE = (
    COMPANY.replace("[places.incidents]", 'security = { type = "flag" }\n[places.incidents]')
    + """
[places.security]
slack = "#security"
"""
)
RESTRICT = """
[[restrict]]
id = "security"
when = 'security'
to = ["place:security", "person:maria"]
"""
OPEN_TO_IT = """
[[notify]]
id = "secure-card"
when = 'severity >= "medium"'
to = ["place:security", "place:incidents"]
text = "{{ key }} {{ summary }} {{ severity }}"
restricted = true
[[escalate]]
id = "secure-ladder"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["on-call:service.team", "lead:service.team"] }]
restricted = true
[[notify]]
id = "secure-news"
on = ["commented", "created", "lowered"]
to = ["place:security", "slack:#management"]
restricted = true
"""
INCIDENTS = "#incidents"


def _world(more: str = OPEN_TO_IT, *, site: Site | None = None, company: str = SECURE) -> World:
    return World(rules=RULES + RESTRICT + more, company=company, site=site)


def leaked(world: World, *allowed: str) -> list[tuple[str, str]]:
    """What was said of it anywhere but at the places that are allowed."""
    return [(post.place, post.message.text) for post in world.posts if post.place not in allowed]


def test_only_rules_that_say_so_see_it_and_only_whom_it_lets_in_hears_of_it() -> None:
    world = _world()
    ref = world.ticket(summary=f"{SECRET}, checkout is down", security=True)
    world.at("09:01")
    world.tracker.comment(ref, "It was Mallory")
    world.look(ref)
    world.at("12:00")
    assert world.field(ref, "severity") == "high", "classify comes before, and tells nobody"
    assert leaked(world, "#security", "U-maria") == []
    assert {post.place for post in world.posts} == {"#security", "U-maria"}
    assert any("Mallory" in text for text in world.said("#security"))
    assert len(world.said("U-maria")) == 1, "tom, who is on call, is not let in"


def test_the_same_rules_tell_of_every_other_ticket() -> None:
    world = _world()
    world.ticket(security=False)
    world.at("09:06")
    places = {post.place for post in world.posts}
    assert places == {"#security", INCIDENTS, "U-tom", "U-maria", "#management"}


def test_assign_sees_it_only_where_it_says_so() -> None:
    assign = '[[assign]]\nid = "later"\nwhen = \'severity == "high"\'\nperson = "maria"\n'
    world = _world(OPEN_TO_IT + assign + "restricted = true\n")
    ref = world.ticket(security=True)
    assert world.field(ref, "team") is None, "the rule before it does not see the ticket, and so decides nothing"
    assert world.field(ref, "assignee") == User("maria")


def test_what_was_shown_before_is_blanked_and_shown_again_when_it_is_over() -> None:
    world = _world()
    ref = world.ticket(security=False)
    card = next(post for post in world.posts if post.place == INCIDENTS)
    assert "Checkout is down" in card.message.text
    world.person(ref, security=True)
    assert card.message.text == "**OPS-1** is restricted."
    assert card.message.buttons == ()
    assert all("is restricted" in text for text in world.said(INCIDENTS)), "the card of the other rule as well"
    world.restart()
    edits = card.edits
    world.look(ref)
    assert card.edits == edits, "once"
    world.person(ref, security=False)
    assert "Checkout is down" in card.message.text
    assert len(world.said(INCIDENTS)) == 2


def test_a_card_whose_rule_is_gone_or_that_was_retired_is_blanked_as_well() -> None:
    world = _world()
    ref = world.ticket(security=False)
    world.person(ref, severity="low")
    card = next(post for post in world.posts if post.place == INCIDENTS)
    assert card.message.buttons == (), "nobody wants it any more"
    assert "Checkout" in card.message.text
    world.rules_text = RESTRICT
    world.restart()
    world.person(ref, security=True)
    assert "Checkout" not in card.message.text


def test_a_card_that_was_blanked_is_never_retired_and_shown_again_when_it_is_wanted() -> None:
    world = _world()
    ref = world.ticket(security=False)
    card = next(post for post in world.posts if post.place == INCIDENTS)
    world.person(ref, security=True)
    world.restart()
    world.person(ref, security=False, severity="low")
    assert card.message.text == "**OPS-1** is restricted.", "nobody wants it any more, and it has no buttons to lose"
    assert not [item for item in world.plan(ref).items if item.effect.sort == "retire"]
    world.person(ref, severity="high")
    assert "Checkout is down" in card.message.text
    assert card.message.buttons


def test_where_nothing_can_be_edited_nothing_is_said() -> None:
    def messengers(clock: object) -> dict[str, MemoryMessenger]:
        assert callable(clock)
        return {"slack": MemoryMessenger(clock, editable=False)}

    world = World(rules=RULES + RESTRICT, company=SECURE, messengers=messengers)
    ref = world.ticket(security=False)
    before = len(world.posts)
    world.person(ref, security=True)
    assert len(world.posts) == before
    world.at("12:00")
    assert len(world.posts) == before, "and its ladder calls nobody"


def test_what_happened_meanwhile_is_not_told_when_it_is_over() -> None:
    world = _world('[[notify]]\nid = "talk"\non = ["commented", "changed:security"]\nto = ["slack:#talk"]\n')
    ref = world.ticket(security=True)
    world.tracker.comment(ref, "It was Mallory")
    world.later(timedelta(minutes=5))
    world.person(ref, security=False)
    world.later(timedelta(minutes=1))
    world.tracker.comment(ref, "All clear")
    world.look(ref)
    said = " ".join(world.said("#talk"))
    assert "All clear" in said
    assert "Mallory" not in said


def test_a_condition_that_cannot_be_known_restricts_and_that_is_told_without_a_word_of_it() -> None:
    world = _world("", site=Site(home="OPS-9"))
    world.tracker.ticket("OPS-9")
    ref = world.ticket(summary=SECRET)  # the tracker tells of no field `security`
    world.at("10:00")
    assert world.posts == []
    assert SECRET not in str(world.engine.notices)
    assert "counts as restricted, since the condition of security cannot be known" in str(world.engine.notices)
    assert world.plan(ref).restriction is not None


@pytest.mark.parametrize("mode", ["watch", "on"])
def test_a_watched_restriction_restricts_all_the_same(mode: str) -> None:
    world = World(rules=RULES + RESTRICT + f'mode = "{mode}"\n', company=SECURE)
    world.ticket(security=True)
    world.at("12:00")
    assert world.posts == []


def test_one_that_is_off_does_not() -> None:
    world = World(rules=RULES + RESTRICT + 'mode = "off"\n', company=SECURE)
    world.ticket(security=True)
    assert world.posts != []


def test_in_watch_mode_nothing_of_it_is_told_in_the_private_place_unless_that_is_let_in() -> None:
    watched = '[defaults]\nnotify = { mode = "watch" }\nclassify = { mode = "watch" }\n'
    company = SECURE.replace("[defaults]\n", watched)
    for place, told in (("#private", False), ("#security", True)):
        world = _world(OPEN_TO_IT.partition("[[escalate]]")[0], company=company, site=Site(watch=("slack", place)))
        ref = world.ticket(security=False)
        (card,) = world.posts
        assert "Checkout" in card.message.text, "as long as it is open to all"
        world.person(ref, security=True)
        assert ("Checkout" in card.message.text) is told
        world.person(ref, security=False)
        assert "Checkout" in card.message.text
        assert len(world.posts) == 1


def test_what_a_watched_classify_would_set_restricts_already() -> None:
    classify = '[[classify]]\nid = "breach"\nwhen = \'mentions(text, "copied")\'\nset = { security = true }\n'
    for mode in ("watch", "on"):
        world = _world(classify + f'mode = "{mode}"\n' + OPEN_TO_IT, site=Site(watch=("slack", "#private")))
        ref = world.ticket(summary=SECRET + ", checkout is down", security=None)
        assert leaked(world, "#security", "U-maria") == []
        assert world.plan(ref).restriction is not None
        told = restriction(world.tracker.tickets[ref], world.engine.rules, world.now)
        assert told is not None
        assert told.by == ("security",)


def test_what_assign_makes_of_it_restricts_in_the_same_look() -> None:
    restrict = '[[restrict]]\nid = "theirs"\nwhen = \'team == "payments"\'\nto = ["person:maria"]\n'
    world = World(rules=RULES + restrict)
    ref = world.ticket()
    assert world.field(ref, "team") == "payments"
    world.at("12:00")
    assert world.posts == []


def test_calls_of_it_join_no_list() -> None:
    world = _world(site=Site(calls=1))
    refs = [world.ticket(f"OPS-{n}", f"{SECRET} {n}, checkout is down", security=True) for n in (1, 2)]
    world.ticket("OPS-3", "Checkout 3 is down", security=False)
    world.at("09:16")
    assert len(refs) == 2
    lists = [post.message.text for post in world.posts if "Several incidents" in post.message.text]
    assert SECRET not in str(lists)
    assert len([text for text in world.said("U-maria") if SECRET in text]) == 2


def test_it_counts_for_nobody_when_the_least_busy_is_chosen() -> None:
    world = _world()
    ref = world.ticket(security=True, assignee=User("tom"))
    assert world.engine.memory.loads["tom"] == 0
    world.person(ref, security=False)
    world.look(ref)
    assert world.engine.memory.loads["tom"] == 1
    world.person(ref, security=True)
    world.sweep()
    assert world.engine.memory.loads["tom"] == 0
    world.engine.forget(ref)
    assert world.engine.memory.closed == set()


def test_the_emergency_place_hears_its_key_and_whom_to_call_and_no_more() -> None:
    world = _world()
    world.ticket(summary=f"{SECRET}, checkout is down", security=True)
    (line,) = emergency_lines(world.engine.memory.coming, world.engine.rules, world.now)
    assert SECRET not in line
    assert "OPS-1 (restricted): call maria" in line


def test_the_home_ticket_hears_that_something_is_wrong_and_not_what() -> None:
    world = _world(site=Site(home="OPS-9"))
    home_ref = world.tracker.ticket("OPS-9")
    from connectors.errors import Refused

    slack = world.messengers["slack"]
    slack.error = Refused(f"could not post {SECRET}")
    world.ticket(summary=f"{SECRET}, checkout is down", security=True)
    home.visit(world.engine)
    text = world.tracker.tickets[home_ref].comments[-1].text
    assert SECRET not in text
    assert "is restricted, and needs an administrator" in text
    assert SECRET not in str(world.engine.notices)


def test_a_ladder_that_is_let_in_to_nobody_is_told_on_the_home_ticket() -> None:
    world = _world(OPEN_TO_IT.replace('"lead:service.team"', '"person:tom"'))
    world.ticket(security=True)
    world.at("10:00")
    assert world.said("U-tom") == []
    assert "lets in nobody whom it calls" in str(world.engine.notices)


def test_no_message_of_it_carries_its_summary_beside_its_text() -> None:
    world = _world()
    ref = world.ticket(summary=f"{SECRET}, checkout is down", security=False)
    world.person(ref, security=True)
    about = [post.message.about for post in world.posts if post.message.text == "**OPS-1** is restricted."]
    assert about
    assert all(one is not None and (one.key, one.summary) == ("OPS-1", "") for one in about)


def test_a_person_whom_it_does_not_let_in_is_answered_as_if_there_were_no_such_ticket() -> None:
    world = _world()
    ref = world.ticket(security=True)
    before = world.tracker.tickets[ref]
    for verb in ("status", "why", "acknowledge", "take", "resolve"):
        assert "There is no ticket" in world.click(verb, ref, by="tom"), verb
        assert "There is no ticket" in world.click(verb, "OPS-1", by="tom"), verb
    assert world.tracker.tickets[ref].history == before.history
    assert "OPS" in world.click("status", ref, by="maria")
    assert "acknowledged" in world.click("acknowledge", ref, by="maria")


def test_a_person_is_let_in_by_their_id_in_a_product_and_by_their_address() -> None:
    company = SECURE.replace('ann = { slack = "U-ann"', 'ann = { email = "ann@example.org", slack = "U-ann"')
    restrict = RESTRICT.replace('"person:maria"', '"slack:U-tom", "email:ann@example.org", "email:out@example.org"')
    world = World(rules=RULES + restrict + OPEN_TO_IT, company=company)
    ref = world.ticket(security=True)
    for who, seen in (("ann", True), ("tom", True), ("maria", False)):
        assert ("There is no ticket" not in world.click("status", ref, by=who)) is seen, who


def test_of_two_restrictions_each_lets_in_whom_it_names() -> None:
    second = '[[restrict]]\nid = "hr"\nwhen = \'"hr" in labels\'\nto = ["person:tom"]\n'
    world = _world(second + OPEN_TO_IT)
    ref = world.ticket(security=True)
    assert "There is no ticket" in world.click("status", ref, by="tom")
    world.person(ref, labels=("hr",))
    assert "There is no ticket" not in world.click("status", ref, by="tom")
    assert str(world.plan(ref).restriction) == "restricted by security, hr"


def test_an_unreadable_ledger_calls_only_whom_it_lets_in() -> None:
    world = _world()
    ref = world.tracker.ticket("OPS-1", SECRET, security=True, team="payments")
    world.tracker.write(ref, None, "{")
    world.look(ref)
    assert world.posts == [], "tom is on call and fallback is a place: neither is let in"
    assert "is left alone" in str(world.engine.notices)


def test_whom_it_is_closed_to_learns_nothing_from_an_unreadable_ledger_either() -> None:
    world = _world()
    ref = world.tracker.ticket("OPS-1", SECRET, security=True)
    world.tracker.write(ref, None, "{")
    assert world.click("status", ref, by="tom") == f"There is no ticket {ref}, or Pointman may not see it."
    assert "is left alone" in world.click("status", ref, by="maria")


def test_a_flood_does_not_keep_a_card_from_being_blanked() -> None:
    world = World(rules=RULES, company=SECURE, site=Site(edits=1, home="OPS-9"))
    world.tracker.ticket("OPS-9")
    for number in (1, 2, 3, 4):
        world.ticket(f"OPS-1{number}", "Checkout is down", security=True)
    assert len(world.said(INCIDENTS)) == 4
    world.later(timedelta(minutes=20))
    world.reload(RULES + RESTRICT)
    world.sweep()
    assert all(
        "is restricted" in text for text in world.said(INCIDENTS) if "nobody yet" in text or "restricted" in text
    )
    blanked = [text for text in world.said(INCIDENTS) if "is restricted" in text]
    assert len(blanked) == 4


def test_after_a_crash_in_the_middle_of_blanking_it_is_blanked() -> None:
    world = _world()
    ref = world.ticket(security=False)
    slack, put = world.messengers["slack"], world.messengers["slack"].put

    def dies(*args: object) -> str:
        raise KeyboardInterrupt

    slack.put = dies  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        world.person(ref, security=True)
    slack.put = put  # type: ignore[method-assign]
    world.restart()
    world.later(timedelta(minutes=5))
    assert all("is restricted" in text for text in world.said(INCIDENTS))
    assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims() == {}


def test_explain_says_what_is_closed_and_by_what() -> None:
    from rules.decision import World as Known
    from rules.explain import explain

    world = _world()
    ref = world.ticket(security=True)
    ticket = world.tracker.tickets[ref]
    said = {one.rule.id: one.said for one in explain(ticket, world.engine.rules, Known(), world.now)}
    assert said["card"] == said["unacknowledged"] == said["milestones"] == "closed: restricted by security"
    assert said["service-team"] == "closed: restricted by security"
    assert (said["security"], said["secure-card"], said["critical-down"]) == ("fired", "fired", "fired")
    hidden = world.tracker.ticket("OPS-2", "Checkout is down", service="checkout")
    told = {one.rule.id: one for one in explain(world.tracker.tickets[hidden], world.engine.rules, Known(), MORNING)}
    assert told["security"].said == "unknown"
    assert "counts as restricted" in told["security"].notes[0]
    assert told["card"].said == "closed: restricted by security"


def test_the_plan_says_what_is_blanked_and_why() -> None:
    world = _world()
    ref = world.ticket(security=False)
    world.tracker.person(ref, security=True)
    lines = [item for item in world.plan(ref).items if item.effect.what.startswith("blank")]
    assert [item.effect.what for item in lines] == ["blank what stands in #incidents"] * 2
    assert lines[0].effect.why == ("restricted by security",)


def test_its_buttons_act_for_those_whom_it_lets_in() -> None:
    world = _world(
        OPEN_TO_IT.replace('text = "{{ key }} {{ summary', 'buttons = ["take"]\ntext = "{{ key }} {{ summary')
    )
    ref = world.ticket(security=True)
    (card,) = [post for post in world.posts if post.message.buttons]
    assert card.message.buttons == (Button("Take it", "take", ref, ""),)
    assert "There is no ticket" in world.click("take", ref, by="ann")
    assert "There is no ticket" not in world.click("take", ref, by="maria")
