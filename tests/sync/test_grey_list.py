"""A mail server that does not know a recipient yet asks to be asked again, and nobody else waits for that."""

from __future__ import annotations

from datetime import timedelta

from sandbox.mail.state import Hitch
from tests.connectors.post_office import ANN, office
from tests.world import COMPANY, World

BOB = "bob@example.org"
RULES = f"""
[[notify]]
id = "mail"
when = 'mentions(text, "down")'
to = ["email:{ANN}", "email:{BOB}"]
"""
GREY = "451 4.7.1 you are on a grey list, come back later"


def test_one_recipient_on_a_grey_list_keeps_nobody_waiting_and_is_told_in_the_end_once_and_unmarked() -> None:
    with office(imap=None) as at:
        at.state.mailbox(BOB, "Bob")
        at.state.hitch(Hitch("rcpt", GREY, to=ANN, times=1_000))
        world = World(RULES, COMPANY, messengers=lambda clock: {"email": at.email})
        refs = [world.ticket() for _ in range(3)]
        assert len(at.state.inbox(BOB)) == 3, "of every ticket, at once"
        assert world.engine.manners.gate.troubles() == {}, "it is no trouble of the product's"
        world.later(timedelta(minutes=10))
        assert at.ann() == []
        told = [said for said in at.state.talk if said.startswith("RCPT")]
        assert len(told) < 60, "it is asked ever more rarely"
        at.state.heal()
        world.later(timedelta(minutes=6))
        assert (len(at.ann()), len(at.state.inbox(BOB))) == (len(refs), len(refs))
        assert not [mail for mail in at.ann() if "before" in mail.text]


def test_trouble_of_the_servers_own_concerns_everybody() -> None:
    with office(imap=None) as at:
        at.state.mailbox(BOB, "Bob")
        at.state.hitch(Hitch("rcpt", "452 4.3.1 no disk", to=ANN))
        world = World(RULES, COMPANY, messengers=lambda clock: {"email": at.email})
        world.ticket()
        assert list(world.engine.manners.gate.troubles()) == ["email"]
