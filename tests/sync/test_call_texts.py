"""What calls say at three in the morning: the whole text of each step, as Slack, Teams and a mail show it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.email import render
from connectors.model import Message
from connectors.problems import Problems
from connectors.slack.blocks import blocks
from connectors.teams.cards import card
from rules.load import parse
from sync.words import zone_of
from tests.world import COMPANY, World

NIGHT_COMPANY = COMPANY.replace('timezone = "UTC"', 'timezone = "Europe/Berlin"').replace(
    'criticality = "critical"\n', 'criticality = "critical"\nrto = "4h"\n'
)
NIGHT = """
[[objective]]
id = "rto"
goal = "rto"
steps = [{ after = "1h", to = ["audience:management"] }]
[[escalate]]
id = "unacknowledged"
name = "Nobody has acknowledged"
when = 'severity == "high" and not acknowledged'
options = ["fail over to the standby of {{ service }}", "restart the pods one by one", "call the vendor"]
steps = [{ after = "5m", to = ["on-call:team"] },
         { after = "15m", to = ["lead:team", "place:incidents"] },
         { after = "30m", to = ["audience:management"], options = ["declare a disaster"] }]
[[escalate]]
id = "still-on-it"
when = 'severity == "high" and acknowledged'
since = "changed"
steps = [{ after = "1h", to = ["acknowledger"] }, { after = "1h15m", then = "unacknowledge" }]
"""
LINK = "https://tracker.example.org/OPS-1"
STEPS = (
    (
        "U-tom",
        f"""\
*OPS-1* Checkout is down: Nobody has acknowledged since 03:00, severity high. {LINK}
In the way: nobody has it, nobody has acknowledged it.
It must be restored by 07:00.
Recommended: fail over to the standby of checkout. Otherwise: restart the pods one by one; or call the vendor.""",
    ),
    (
        "U-maria",
        f"""\
*OPS-1* Checkout is down: Nobody has acknowledged since 03:00, severity high. {LINK}
Changed: put on hold by ann.
Called: tom at 03:05.
In the way: it is on hold (the <vendor> looks into it), nobody has it, nobody has acknowledged it.
It must be restored by 07:00.
Recommended: fail over to the standby of checkout. Otherwise: restart the pods one by one; or call the vendor.""",
    ),
    (
        "#management",
        f"""\
*OPS-1* Checkout is down: Nobody has acknowledged since 03:00, severity high. {LINK}
Changed: Maria commented.
Called: tom at 03:05, maria at 03:15, incidents at 03:15.
In the way: it is on hold (the <vendor> looks into it), nobody has it, nobody has acknowledged it.
It must be restored by 07:00.
Recommended: declare a disaster.""",
    ),
    (
        "U-tom",
        f"""\
*OPS-1* Checkout is down: high. Are you still on it? Nobody has changed it or written on it since 03:40. \
Without an answer by 04:55 it counts as not acknowledged again. {LINK}
In the way: it is on hold (the <vendor> looks into it), nobody has it.
It must be restored by 07:00.""",
    ),
    (
        "U-tom",
        f"""\
*OPS-1* Checkout is down: Nobody has acknowledged since 04:55, severity high. {LINK}
Changed: nobody answered, so it counts as not acknowledged again.
Called: maria at 03:15, incidents at 03:15, #management at 03:30, tom at 04:40.
In the way: it is on hold (the <vendor> looks into it), nobody has it, nobody has acknowledged it.
It must be restored by 07:00.
Recommended: fail over to the standby of checkout. Otherwise: restart the pods one by one; or call the vendor.""",
    ),
)


@pytest.fixture(scope="module")
def night() -> list[tuple[str, Message]]:
    """Everybody who was called in one night, as they were called; the channel hears the same as the lead."""
    world = World(NIGHT, NIGHT_COMPANY)
    world.now = begun = world.now.replace(hour=2)
    ref = world.ticket(severity="high", team="payments")
    world.until(begun + timedelta(minutes=12)).click("hold", ref, "ann", reason="the <vendor> looks into it")
    world.until(begun + timedelta(minutes=20)).tracker.comment(ref, "I am awake.", "maria")
    world.look(ref)
    world.until(begun + timedelta(minutes=40)).click("acknowledge", ref, "tom")
    world.until(begun + timedelta(minutes=121))
    return [(post.place, post.message) for post in world.posts if post.place != "#incidents"]


def slack(message: Message) -> str:
    """What Slack shows of a message: the text of its blocks, bold as `*bold*`, a link as `<address|text>`."""

    def shown(one: Any) -> str:
        if "elements" in one:
            return "".join(map(shown, one["elements"]))
        if one["type"] == "link":
            return f"<{one['url']}|{one['text']}>"
        return f"*{one['text']}*" if one.get("style", {}).get("bold") else str(one.get("text", one.get("url", "")))

    return "\n".join(shown(one) for one in blocks(message) if one["type"] == "rich_text")


def teams(message: Message) -> str:
    """What Teams shows of a message: the text of its card."""

    def shown(run: Any) -> str:
        if "selectAction" in run:
            return f"<{run['selectAction']['url']}|{run['text']}>"
        return f"*{run['text']}*" if run.get("weight") == "Bolder" else str(run["text"])

    return "\n".join("".join(map(shown, one["inlines"])) for one in card(message)["body"])


def mail(message: Message) -> str:
    """The plain part of a mail, which has no bold."""
    return render.text(message.text)


@pytest.mark.parametrize("nth", range(len(STEPS)))
def test_the_whole_text_of_each_step_in_slack_teams_and_mail(nth: int, night: list[tuple[str, Message]]) -> None:
    assert len(night) == len(STEPS)
    (place, message), (to, said) = night[nth], STEPS[nth]
    assert place == to
    assert slack(message) == said.replace(LINK, f"<{LINK}|OPS-1>"), "the key leads there"
    assert teams(message) == said.replace(LINK, f"<{LINK}|OPS-1>")
    assert mail(message) == said.replace("*", "")
    assert f'<a href="{LINK}" rel="noopener noreferrer">OPS-1</a>' in render.html(message.text, message.about)


def test_a_step_for_people_outside_says_only_what_their_audience_may_hear() -> None:
    company = COMPANY + (
        '[audiences.customers]\nexternal = true\nto = ["slack:#customers"]\n'
        'fields = ["service", "changed", "told", "severity"]\n'
    )
    rules = NIGHT.partition("[[escalate]]")[0] + (
        '[[escalate]]\nid = "outside"\nwhen = \'severity\'\noptions = ["pay the ransom"]\n'
        'texts.customers = "{{ service }} is down. {{ changed }}"\n'
        'steps = [{ after = "5m", to = ["audience:customers"] }]\n'
    )
    world = World(rules, company)
    ref = world.ticket(severity="medium")
    world.at("09:02").click("hold", ref, "ann", reason="the lawyers look into it")
    world.at("09:03").person(ref, "ann", severity="high")
    world.at("09:06")
    assert world.said("#customers") == ["checkout is down. raised from medium to high"]


def test_a_text_for_people_outside_cannot_offer_options_that_say_more() -> None:
    company = COMPANY + '[audiences.customers]\nexternal = true\nto = ["slack:#c"]\nfields = ["service", "options"]\n'
    rules = (
        '[[escalate]]\nid = "outside"\noptions = ["ask {{ assignee }}"]\ntexts.customers = "{{ options }}"\n'
        'steps = [{ after = "5m", to = ["audience:customers"] }]\n'
    )
    with pytest.raises(Problems, match="customers is external, and this option says more than its fields"):
        parse({"00.toml": company, "10.toml": rules}, connectors=("memory", "slack"))


def test_who_was_called_in_an_earlier_life_of_the_ticket_is_not_told() -> None:
    world = World(NIGHT, NIGHT_COMPANY)
    ref = world.ticket(severity="high", team="payments")
    world.at("09:06").person(ref, "ann", phase="resolved")
    world.at("09:20").person(ref, "ann", phase="active")
    world.at("09:26")
    assert "Called" not in world.said("U-tom")[-1]
    assert "Changed: reopened by Ann" in world.said("U-tom")[-1]


def test_an_address_that_is_nobodys_is_told_whole() -> None:
    world = World(NIGHT.replace('"on-call:team"', '"slack:boss@example.org"'), NIGHT_COMPANY)
    world.ticket(severity="high", team="payments")
    world.at("09:16")
    said = world.said("U-maria")[0].replace("\u2060", "")  # a word joiner, so that it mentions nobody
    assert "Called: boss@example.org at 10:05." in said


def test_an_update_and_a_comment_are_told_in_short() -> None:
    world = World(NIGHT, NIGHT_COMPANY)
    ref = world.ticket(severity="high", team="payments")
    world.at("09:02").click("update", ref, "ann", text="A long story. " * 50)
    world.at("09:06")
    assert "Changed: ann posted an update." in world.said("U-tom")[-1]


def test_a_moment_in_an_option_is_told_in_the_zone_of_who_reads_it() -> None:
    company = NIGHT_COMPANY.replace("tom = {", 'tom = { timezone = "Asia/Kathmandu", ')
    world = World(NIGHT.replace("call the vendor", "wait until {{ rto_until }}"), company)
    world.ticket(severity="high", team="payments")
    world.at("09:31")
    assert "or wait until 18:45" in world.said("U-tom")[0]
    assert "or wait until 14:00" in world.said("U-maria")[0]


def test_what_cannot_be_known_is_in_nobodys_way() -> None:
    world = World(NIGHT, NIGHT_COMPANY)
    ref = world.ticket(severity="high", team="payments")
    fields = {word: value for word, value in world.tracker.tickets[ref].fields.items() if word != "assignee"}
    object.__setattr__(world.tracker.tickets[ref], "fields", fields)
    world.at("09:06")
    assert "In the way: nobody has acknowledged it." in world.said("U-tom")[-1]


def test_moments_for_nobody_in_particular_are_told_in_the_zone_of_the_company() -> None:
    rules = World(NIGHT, NIGHT_COMPANY).engine.rules
    assert zone_of(None, rules) == rules.defaults.timezone
