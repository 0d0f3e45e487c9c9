"""Roles, holds, etas, escalations and comments that people ask for: kept on the ticket, true after any restart."""

from dataclasses import replace
from datetime import timedelta
from time import thread_time
from zoneinfo import ZoneInfo

import pytest

from connectors.errors import Temporary
from connectors.model import Command, Comment, Edit, User
from connectors.testing import BOT
from sync.acts import with_acts
from sync.commands import carry_out
from sync.ledger import Act, Ledger
from sync.look import Site
from sync.moments import moment
from tests.world import COMPANY, MORNING, RULES, World

ROLES = """
[roles]
poc = { title = "Point of contact" }
commander = { title = "Incident commander" }
"""
OFFER = """
[[notify]]
id = "offer"
when = 'severity == "high" and not poc'
to = ["place:incidents"]
text = "**{{ key }}** needs a point of contact."
buttons = ["claim:poc"]
[[escalate]]
id = "no-poc"
when = 'severity == "high" and not poc'
steps = [{ after = "10m", to = ["slack:#leads"], text = "{{ key }} has no point of contact." }]
repeat = { every = "10m", times = 3 }
buttons = ["claim:poc"]
[[notify]]
id = "parts"
on = ["changed:poc", "changed:eta", "hold", "resumed", "commented"]
to = ["slack:#news"]
text = "{{ changed }}"
"""


def of(world: World, place: str) -> list[str]:
    return [text.replace("\\", "").replace("&#96;", "`") for text in world.said(place)]


def buttons(world: World, place: str) -> list[list[str]]:
    return [[b.label for b in post.message.buttons] for post in world.posts if post.place == place]


def test_a_role_is_offered_reminded_of_claimed_and_handed_over() -> None:
    world = World(RULES + OFFER, COMPANY + ROLES)
    ref = world.ticket()
    assert buttons(world, "#incidents")[-1] == ["Be point of contact"]
    world.at("09:21")
    assert of(world, "#leads") == ["OPS-1 has no point of contact."] * 2
    assert world.click("claim:poc", ref, "ann") == "You are point of contact of OPS-1."
    assert buttons(world, "#leads") == [[], []], "what was offered is taken back"
    assert buttons(world, "#incidents")[1] == []
    world.restart()
    world.at("09:59")
    assert len(of(world, "#leads")) == 2, "nobody is reminded any more"
    assert world.click("handover", ref, "ann", role="poc", person="tom") == "tom is point of contact of OPS-1 now."
    assert of(world, "#news") == ["ann is point of contact", "tom is point of contact, named by ann"]
    assert "09:21 ann is point of contact" in world.log(ref)
    assert "09:59 tom is point of contact, named by ann" in world.log(ref)


def test_a_role_is_a_recipient_and_a_word_of_texts() -> None:
    call = """
[[escalate]]
id = "poc-hears"
when = 'severity == "high" and poc and not acknowledged'
since = "changed:poc"
steps = [{ after = "5m", to = ["role:poc"], text = "{{ poc }}, please look at {{ key }}." }]
"""
    world = World(call, COMPANY + ROLES)
    ref = world.ticket(severity="high")
    world.at("09:10")
    assert world.posts == []
    world.click("claim", ref, "tom", role="poc")
    world.at("09:16")
    assert of(world, "U-tom") == ["tom, please look at OPS-1."]


def test_what_comes_next_says_what_would_end_it() -> None:
    world = World(RULES + OFFER, COMPANY + ROLES)
    ref = world.ticket()
    assert "09:10 call #leads, unless somebody is point of contact" in world.log(ref)
    assert "09:05 call tom, unless acknowledged" in world.log(ref)


def test_a_role_with_a_field_of_its_own_is_written_there() -> None:
    world = World(RULES + OFFER, COMPANY + ROLES)
    ref = world.ticket(poc=None)
    world.click("claim", ref, "ann", role="poc")
    assert world.field(ref, "poc") == User("ann")
    assert of(world, "#news") == ["ann is point of contact"]
    world.person(ref, "maria", poc=User("tom", "Tom"))
    assert "There is no role" not in world.click("status", ref)
    assert "point of contact: tom" in world.click("status", ref)


def test_the_past_knows_who_played_which_part() -> None:
    world = World(RULES, COMPANY + ROLES)
    ref = world.ticket()
    world.at("09:10").click("claim", ref, "ann", role="poc")
    world.at("09:20").click("handover", ref, "ann", role="poc", person="tom")
    ticket = world.tracker.tickets[ref]
    told = with_acts(ticket, Ledger.loads(ticket.ledger, ref))
    then = [told.at(MORNING + timedelta(minutes=minutes)) for minutes in (5, 15)]
    assert [one.get("poc") for one in then] == [None, "ann"]
    changes = [(c.before, c.after) for c in told.history if c.field == "poc"]
    assert changes == [(None, "ann"), ("ann", "tom")]


@pytest.mark.parametrize(
    ("roles", "args", "said"),
    [
        ("", {"role": "poc"}, "There are no roles"),
        (ROLES, {"role": "pok"}, "There is no role pok; there are poc, commander. Did you mean poc?"),
        (ROLES, {}, "claim needs to know: role; there are poc, commander."),
        ("[roles]\npoc = {}\n", {}, "You are poc of OPS-1."),
        ("[roles]\ndr = { title = 'DR lead' }\n", {}, "You are DR lead of OPS-1."),
    ],
)
def test_a_role_that_does_not_exist_is_answered(roles: str, args: dict[str, str], said: str) -> None:
    world = World(company=COMPANY + roles)
    assert said in world.click("claim", world.ticket(), **args)


def test_a_role_that_somebody_has_is_handed_over_and_not_claimed() -> None:
    world = World(company=COMPANY + ROLES)
    ref = world.ticket()
    world.click("claim", ref, "tom", role="poc")
    assert world.click("claim", ref, role="poc") == "tom is point of contact of OPS-1; that can be handed over."


# ---- hold and eta


@pytest.mark.parametrize("mapped", [True, False])
def test_a_hold_with_its_reason_and_its_end_are_news_with_and_without_a_field(mapped: bool) -> None:
    world = World(RULES + OFFER, COMPANY + ROLES)
    ref = world.ticket()
    if not mapped:
        ticket = world.tracker.tickets[ref]
        world.tracker.tickets[ref] = replace(
            ticket, fields={k: v for k, v in ticket.fields.items() if k not in {"hold", "hold_reason", "eta"}}
        )
    assert world.click("hold", ref, reason="waiting for Acme") == "OPS-1 is on hold: waiting for Acme."
    assert "on hold" in world.click("status", ref)
    world.restart()
    assert world.click("hold", ref, reason="waiting for Acme") == "OPS-1 is on hold already."
    minute = timedelta(minutes=1)
    assert world.later(minute).click("resume", ref) == "OPS-1 goes on."
    assert world.later(minute).click("eta", ref, time="15:30") == "OPS-1 is expected to be done by 15:30."
    assert world.later(minute).click("eta", ref, time="unknown") == "When OPS-1 is done is not known any more."
    assert of(world, "#news") == [
        "put on hold by ann", "resumed by ann", "eta is 15:30 by ann", "eta is empty by ann",
    ]  # fmt: skip
    assert "ann: set eta 15:30" in world.log(ref)
    assert "ann: set eta (empty)" in world.log(ref)


@pytest.mark.parametrize(
    "said",
    [
        "1" * 40_000,
        "1 " * 20_000,
        "in 999999999d",
        "in 90000000 hours",
        "in 8000000m",
        "9999-12-31T23:59Z",
        "0001-01-01 00:00",
        "9999-12-31T23:59-12:00",
    ],
)
def test_a_moment_made_to_take_for_ever_or_beyond_every_calendar_is_none(said: str) -> None:
    before = thread_time()
    with pytest.raises(ValueError, match="write it as"):
        moment(said, ZoneInfo("Asia/Tokyo"), MORNING)
    assert thread_time() - before < 0.5


def test_a_moment_that_is_none_is_answered_with_how_to_write_one() -> None:
    world = World()
    assert "write it as 15:30" in world.click("eta", world.ticket(), time="soon")


# ---- escalate now

LADDER = """
[[escalate]]
id = "ladder"
when = 'severity == "high" and not acknowledged'
since = "created"
steps = [{ after = "5m", to = ["slack:#one"] }, { after = "30m", to = ["slack:#two"] },
         { after = "60m", to = ["slack:#one"] }]
repeat = { every = "30m", times = 1 }
"""


def called(world: World) -> list[str]:
    return [f"{post.at:%H:%M} {post.place}" for post in world.posts]


def test_each_escalation_brings_the_next_step_forward_and_no_step_comes_twice() -> None:
    world = World(LADDER)
    ref = world.ticket(severity="high")
    world.at("09:01").click("escalate", ref)
    world.at("09:02").click("escalate", ref, "tom")
    world.restart()
    world.at("09:50")
    assert called(world) == ["09:01 #one", "09:02 #two"]
    world.at("11:00")
    assert called(world) == ["09:01 #one", "09:02 #two", "10:00 #one", "10:30 #one"]


def test_a_step_after_its_due_is_not_brought_forward_but_the_next_one_is() -> None:
    world = World(LADDER)
    ref = world.ticket(severity="high")
    world.at("09:06").click("escalate", ref)
    assert called(world) == ["09:05 #one", "09:06 #two"]
    for _ in range(2):
        world.later(timedelta(minutes=1)).click("escalate", ref)
    assert called(world)[2:] == ["09:07 #one", "09:08 #one"]
    assert "Nothing is left to escalate" in world.click("escalate", ref)
    assert called(world.at("11:00"))[4:] == []


def test_a_ladder_that_begins_again_calls_although_a_later_step_was_brought_forward_before() -> None:
    world = World(LADDER.replace("#two", "#one"))
    ref = world.ticket(severity="high")
    for minute in ("09:01", "09:02", "09:03"):
        world.at(minute).click("escalate", ref)  # the last of these is due at 10:00 only
    world.at("09:10").click("acknowledge", ref)
    world.at("09:20").click("unacknowledge", ref)
    world.at("09:56")
    assert called(world)[3:] == ["09:25 #one", "09:50 #one"]


def test_an_escalation_before_the_ladder_began_counts_for_nothing() -> None:
    world = World(LADDER)
    ref = world.ticket(severity="low")
    assert "Nothing is left to escalate for OPS-1" in world.click("escalate", ref)
    world.at("09:10").person(ref, severity="high")
    world.at("09:14")
    assert called(world) == []


def test_a_ladder_that_is_only_watched_is_nothing_to_escalate() -> None:
    world = World(LADDER.replace('id = "ladder"', 'id = "ladder"\nmode = "watch"'), site=Site(watch=("slack", "#w")))
    ref = world.ticket(severity="high")
    assert "Nothing is left to escalate" in world.click("escalate", ref)


def test_the_past_does_not_know_of_a_later_escalation() -> None:
    world = World(LADDER)
    ref = world.ticket(severity="high")
    world.at("09:03").click("escalate", ref)
    plan = world.engine.plan(ref, MORNING + timedelta(minutes=1))
    assert [item.status for item in plan.items if item.effect.address == "#two"] == ["next"]


# ---- comments in a person's name


def test_a_comment_is_the_persons_own_and_news_as_theirs() -> None:
    world = World(RULES + OFFER, COMPANY + ROLES)
    ref = world.ticket()
    world.at("09:05")
    assert world.click("comment", ref, text="the *log* is full\n\n- of errors") == "It is on OPS-1."
    ours = [c.text for c in world.tracker.tickets[ref].comments if c.by == BOT and "through Pointman" in c.text]
    assert len(ours) == 1
    assert ours[0].startswith("**ann** through Pointman, from slack:\n\n")
    assert [text.startswith("ann commented: the") for text in of(world, "#news")] == [True]
    assert "through Pointman" not in of(world, "#news")[0]
    world.restart()
    world.at("10:30")
    assert len(of(world, "#news")) == 1


def test_a_message_that_is_added_keeps_its_author_and_its_address() -> None:
    world = World()
    ref = world.ticket()
    link = "https://acme.slack.com/archives/C1/p1"
    world.click("comment", ref, text="it is back", author="U-tom", link=link)
    text = world.tracker.tickets[ref].comments[-1].text
    assert text == f"**ann** through Pointman, [a message]({link}) in slack:\n\ntom wrote:\n\nit is back"
    world.click("comment", ref, text="me too", author="U-x Xa*vier", link="https://x.example/)[evil](http://y")
    text = world.tracker.tickets[ref].comments[-1].text
    assert text == "**ann** through Pointman, a message in slack:\n\nXa\\*vier wrote:\n\nme too"


def test_a_comment_of_ours_counts_as_theirs_only_soon_after_they_asked() -> None:
    world = World()
    ref = world.ticket()
    ticket = world.tracker.tickets[ref]
    act = Act("1", MORNING, "ann", "comment")
    head = "**ann** through Pointman, from slack:\n\n"
    told = (
        Comment("no head", at=MORNING, by=BOT),
        Comment(f"{head}late", at=MORNING + timedelta(minutes=2), by=BOT),
        Comment(f"{head}undated", by=BOT),
        Comment(f"{head}hers", at=MORNING, by=BOT),
    )
    several = (act, replace(act, id="2"))  # one comment is one act's
    comments = with_acts(replace(ticket, comments=told), Ledger(ref, {}, several)).comments
    assert [str(c.by) for c in comments] == ["Pointman", "Pointman", "Pointman", "ann"]
    assert comments[3].text == "hers"


@pytest.mark.parametrize("written", [True, False])
def test_what_was_asked_for_as_the_process_died_is_so_or_is_not_and_is_never_doubled(written: bool) -> None:
    world = World(RULES + OFFER, COMPANY + ROLES)
    ref = world.ticket()
    write = world.tracker.write

    def die(ref: str, edit: Edit | None, ledger: str | None) -> None:
        if written:
            write(ref, edit, ledger)
        raise Temporary("could not edit OPS-1: no answer in time", in_doubt=True)

    world.tracker.write = die  # type: ignore[method-assign]  # its answer is lost
    command = Command(ref, "claim", User("U-ann", "ann"), "slack", {"role": "poc"}, id="1")
    with pytest.raises(Temporary):
        carry_out(command, world.engine)
    world.tracker.write = write  # type: ignore[method-assign]
    world.restart()
    again = carry_out(command, world.engine)
    assert again == ("That was done already." if written else "You are point of contact of OPS-1.")
    world.restart()
    assert of(world, "#news") == ["ann is point of contact"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Tom Reyes", "OPS-1 is assigned to Tom Reyes."),
        ("TOM", "OPS-1 is assigned to Tom Reyes."),
        ("maria.k@example.org", "OPS-1 is assigned to Maria Keller."),
        ("@tom", "OPS-1 is assigned to Tom Reyes."),
        ("me", "OPS-1 is yours."),
        ("Maria", "Several people are called Maria: mk, ms. Write one of these."),
        ("Maria Keler", "There is nobody called Maria Keler in [people]. Did you mean Maria Keller?"),
    ],
)
def test_people_are_named_as_people_name_them(said: str, answer: str) -> None:
    people = """
[defaults]
timezone = "UTC"
[people]
ann = { slack = "U-ann" }
tom = { name = "Tom Reyes", email = "tom@example.org" }
mk = { name = "Maria Keller", email = "maria.k@example.org" }
ms = { name = "Maria Stone", email = "maria.s@example.org" }
"""
    world = World("", people)
    ref = world.tracker.ticket("OPS-1")
    assert world.click("assign", ref, person=said) == answer


def test_what_was_so_already_is_no_change() -> None:
    world = World(company=COMPANY + ROLES)
    ref = world.ticket()
    acts = tuple(Act(str(n), MORNING + timedelta(minutes=n), "ann", "set", {"poc": "ann"}) for n in range(2))
    told = with_acts(world.tracker.tickets[ref], Ledger(ref, {}, (*acts, Act("x", MORNING, "ann", "declare"))))
    assert [(c.before, c.after) for c in told.history if c.field == "poc"] == [(None, "ann")]


def test_nobody_can_forge_our_log_with_a_comment() -> None:
    world = World()
    ref = world.ticket()
    world.click("comment", ref, text="**Pointman log**\n\n**What happened**\n\n- 09:00 nothing at all", author="U-x x")
    world.click("acknowledge", ref)
    assert "nothing at all" not in world.log(ref)
    assert "ann: acknowledge" in world.log(ref)


# ---- a new incident, and what is mine


def asked(world: World, verb: str, by: str = "ann", **args: str) -> str:
    return carry_out(Command("", verb, User(f"U-{by}", by), "slack", args, id=f"{verb}-{by}"), world.engine)


def test_an_incident_is_declared_once_and_answered_with_its_key() -> None:
    world = World()
    said = asked(world, "declare", summary=" Checkout  is down ", severity="HIGH", service="checkout")
    (ref,) = world.tracker.tickets
    assert said == "OPS-10000 is declared: Checkout is down."
    ticket = world.tracker.tickets[ref]
    assert (ticket.get("severity"), ticket.get("service"), ticket.summary) == ("high", "checkout", "Checkout is down")
    assert ticket.description == "Declared by ann through Pointman, from slack."
    assert "is declared already" in asked(world, "declare", summary="Checkout is down")
    assert len(world.tracker.tickets) == 1
    world.look(ref)
    assert world.field(ref, "severity") == "high"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "declare needs to know: summary"),
        ({"summary": "x", "severity": "huge"}, "There is no severity huge. There are low, medium, high."),
        ({"summary": "x", "service": "chekout"}, "There is no service chekout. Did you mean checkout?"),
    ],
)
def test_an_incident_that_lacks_something_is_not_declared(args: dict[str, str], said: str) -> None:
    world = World()
    assert asked(world, "declare", **args) == said
    assert world.tracker.tickets == {}


def test_who_may_declare_is_a_rule() -> None:
    world = World(company=COMPANY + '[permissions]\ndeclare = ["person:maria"]\n')
    assert asked(world, "declare", summary="x") == "Only person:maria (maria) may declare an incident."
    assert "does not know you" in asked(world, "declare", by="zoe", summary="x")
    assert world.tracker.tickets == {}


def test_mine_lists_what_i_have_and_play_a_part_in_the_worst_first() -> None:
    closed = '[[restrict]]\nid = "security"\nwhen = \'severity == "low"\'\nto = ["person:maria"]\n'
    world = World(RULES + closed, COMPANY + ROLES)
    assert asked(world, "mine") == "No open ticket is yours."
    world.ticket("OPS-1", "Mail is slow", severity="medium", assignee=User("ann"), service=None)
    second = world.ticket("OPS-2", "Checkout is down")
    world.click("claim", second, role="poc")
    world.ticket("OPS-3", "Nothing of ann's")
    world.person(world.ticket("OPS-4", "Over", assignee=User("ann")), phase="closed")
    world.ticket("OPS-5", "Secret", severity="low", assignee=User("ann"), service=None)
    world.ticket("NET-1", "Elsewhere", assignee=User("ann"), service=None)
    world.tracker.projects = {"OPS"}
    lines = asked(world, "mine").splitlines()
    assert [line.replace("\\", "") for line in lines] == [
        "• [OPS-2](https://tracker.example.org/OPS-2) Checkout is down: high, new (point of contact)",
        "• [OPS-1](https://tracker.example.org/OPS-1) Mail is slow: medium, new (assigned to you)",
    ]


def test_a_long_list_of_mine_is_cut() -> None:
    world = World(company=COMPANY + ROLES)
    for number in range(23):
        world.tracker.ticket(f"OPS-{number}", "x", assignee=User("ann"))
    lines = asked(world, "mine").splitlines()
    assert (len(lines), lines[-1]) == (21, "… and 3 more")


def test_a_ticket_whose_ledger_cannot_be_read_is_listed_all_the_same() -> None:
    world = World()
    ref = world.tracker.ticket("OPS-1", "x", assignee=User("ann"))
    world.tracker.tickets[ref] = replace(world.tracker.tickets[ref], ledger="{")
    assert "OPS-1" in asked(world, "mine").replace("\\", "")
