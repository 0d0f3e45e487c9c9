"""Where nothing can be edited a standing message is told once, and again when something worth telling changed."""

from __future__ import annotations

from datetime import datetime

import pytest

from connectors.model import User
from connectors.testing import MemoryMessenger, Post
from sync.ledger import Ledger
from sync.perform import token
from tests.world import RULES, World

TEAM = "team@example.org"
MAIL = f"""
[[notify]]
id = "mail"
when = 'severity >= "medium"'
to = ["email:{TEAM}"]
text = "{{{{ severity }}}} {{{{ phase }}}} {{{{ assignee or 'nobody' }}}} {{{{ summary }}}} {{{{ eta }}}}"
"""


def _world(more: str = "", rules: str = MAIL) -> World:
    def messengers(clock: object) -> dict[str, MemoryMessenger]:
        assert callable(clock)
        email = MemoryMessenger(clock, "email", searchable=False, editable=False)
        return {"slack": MemoryMessenger(clock), "email": email}

    return World(rules=RULES + rules + more, messengers=messengers)


def mails(world: World) -> list[Post]:
    return [post for post in world.messengers["email"].posts if post.place == TEAM]


def texts(world: World) -> list[str]:
    return [post.message.text for post in mails(world)]


def test_a_mail_is_sent_once_and_again_only_when_something_worth_telling_changed() -> None:
    world = _world()
    ref = world.ticket(summary="Checkout is down")
    world.at("09:01")
    world.person(ref, description="Nobody can pay", summary="Checkout is down for all")
    world.at("09:02")
    world.person(ref, eta=datetime.fromisoformat("2026-11-23T12:00:00+00:00"))
    world.at("09:03")
    assert len(mails(world)) == 1, "summary and eta are not worth a mail"
    world.person(ref, severity="medium")
    world.person(ref, assignee=User("tom"))
    world.at("09:04")
    assert [text.split()[:3] for text in texts(world)] == [
        ["high", "new", "nobody"], ["medium", "new", "nobody"], ["medium", "new", "tom"],
    ]  # fmt: skip
    slack = [post for post in world.messengers["slack"].posts if post.place == "#incidents"]
    assert (len(slack), slack[0].edits > 2) == (1, True), "where it can be edited it is"


def test_each_mail_has_a_key_of_its_own_and_stands_under_the_one_before() -> None:
    world = _world()
    ref = world.ticket()
    for level in ("medium", "high", "medium"):
        world.at(f"09:0{len(mails(world))}")
        world.person(ref, severity=level)
    sent = mails(world)
    assert len({post.keys for post in sent}) == len(sent) == 4, "back to a level it had is a mail of its own"
    assert [post.message.under for post in sent] == ["", *(post.ref for post in sent[:-1])]


def test_after_a_restart_nothing_is_sent_again() -> None:
    world = _world()
    ref = world.ticket()
    world.person(ref, severity="medium")
    before = len(mails(world))
    world.restart()
    world.person(ref, summary="Something else")
    world.restart()
    assert len(mails(world)) == before == 2


def test_the_words_may_be_chosen() -> None:
    world = _world(rules=MAIL + 'worth_telling = ["eta", "affected_users"]\n')
    ref = world.ticket(affected_users=None)
    world.person(ref, severity="medium", phase="active")
    assert len(mails(world)) == 1
    world.person(ref, eta=datetime.fromisoformat("2026-11-23T12:00:00+00:00"))
    assert len(mails(world)) == 2
    world.person(ref, affected_users=12.0)
    assert len(mails(world)) == 3


def test_no_words_is_told_once_and_never_again() -> None:
    world = _world(rules=MAIL + "worth_telling = []\n")
    ref = world.ticket()
    world.person(ref, severity="medium", phase="active", assignee=User("tom"))
    assert len(mails(world)) == 1


def test_a_place_that_can_no_longer_be_edited_is_told_nothing_for_that() -> None:
    world = _world()
    ref = world.ticket()
    slack = world.messengers["slack"]
    before = len(slack.posts)
    slack.editable = False  # type: ignore[misc]  # the bot became a webhook
    world.restart()
    world.person(ref, summary="Checkout is down for all")
    world.restart()
    assert len(slack.posts) == before
    world.person(ref, severity="medium")
    assert len(slack.posts) == before + 1, "from then on what is worth telling counts"


def test_a_place_that_can_be_edited_from_now_on_shows_what_is_true() -> None:
    world = _world()
    ref = world.ticket()
    world.messengers["email"].editable = True  # type: ignore[misc]  # the webhook became a bot
    world.person(ref, summary="Checkout is down for all")
    assert len(mails(world)) == 1
    assert "for all" in texts(world)[0]


def test_no_longer_wanted_and_wanted_again_it_is_sent_only_for_what_changed() -> None:
    world = _world(rules=MAIL.replace("when = 'severity", "when = 'affected_users != 7 and severity"))
    ref = world.ticket(affected_users=None)
    for number in (7.0, 8.0, 7.0):
        world.person(ref, affected_users=number)
    assert len(mails(world)) == 1
    world.person(ref, severity="medium")
    assert len(mails(world)) == 1, "nobody wants it now"
    world.person(ref, affected_users=9.0)
    assert len(mails(world)) == 2


def test_who_moves_from_slack_to_mail_gets_a_message_of_their_own() -> None:
    world = _world(rules=MAIL.replace(f"email:{TEAM}", "assignee"))
    world.company = world.company.replace(
        "maria = {", 'ina = { email = "team@example.org", memory = "ina", reach = ["email"] }\nmaria = {'
    )
    world.restart()
    ref = world.ticket(assignee=User("tom"))
    slack = [post for post in world.messengers["slack"].posts if post.place == "U-tom"]
    assert len(slack) == 1
    world.person(ref, assignee=User("ina"))
    assert [post.message.under for post in mails(world)] == [""], "and it replies to nothing of Slack"
    world.person(ref, assignee=User("tom"))
    assert [post.place for post in world.messengers["slack"].posts].count("U-tom") == 2


def test_a_watched_rule_says_it_once_where_nothing_can_be_edited() -> None:
    from sync.look import Site

    world = _world(rules=MAIL + 'mode = "watch"\n')
    world.site = Site(watch=("email", TEAM))
    world.restart()
    ref = world.ticket()
    world.person(ref, severity="medium")
    assert len(mails(world)) == 1
    assert "I would have" in texts(world)[0]
    reasons = [item.reason for item in world.plan(ref).items if item.effect.rule == "mail"]
    assert reasons == ["said once: this place cannot be edited"]


def test_the_plan_says_why_it_is_not_sent_again() -> None:
    world = _world()
    ref = world.ticket()
    world.person(ref, summary="Checkout is down for all")
    reasons = [item.reason for item in world.plan(ref).items if item.effect.rule == "mail"]
    assert reasons == ["nothing worth telling again: this place cannot be edited"]


@pytest.mark.parametrize("moments", [("2026-11-23T09:00:00+00:00", "2026-11-23T09:00:00.001+00:00")])
def test_what_is_told_again_is_found_under_another_token(moments: tuple[str, str]) -> None:
    one, other = (token("1", "notify:mail>email:x", datetime.fromisoformat(moment)) for moment in moments)
    assert one != other


def test_a_claim_left_open_on_a_second_mail_is_sent_again_as_that_mail() -> None:
    world = _world()
    ref = world.ticket()
    world.at("09:01")
    email, put = world.messengers["email"], world.messengers["email"].put

    def lost(*args: object) -> str:
        put(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    email.put = lost  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        world.person(ref, severity="medium")
    email.put = put  # type: ignore[method-assign]
    world.restart()
    world.at("09:10")
    first, second, again = mails(world)
    assert second.keys == again.keys != first.keys, "the receiving side can drop the double"
    assert "may have received" in again.message.text
    assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims() == {}
