"""Who is rung at night answers there: it is their act on the ticket, once, and nobody further is called."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any, Final, TypeVar

import pytest

from connectors.base import BadRequest, Messenger, Request
from connectors.errors import Temporary
from connectors.webhook.messenger import Webhook
from rules import load
from sandbox.gateway import People, Person
from sandbox.gateway.people import TRIES, Delivery
from sandbox.http import Answer, Fault
from sync.gate import Gate
from sync.health import Health, Swept
from sync.intake import Intake
from sync.ledger import Ledger
from sync.queue import MemoryQueue
from sync.rows import Act
from sync.server import Hooks, Server, app
from tests.connectors.gateways import Gateway, gateway
from tests.sync.test_phones import COMPANY, NIGHT, Night, Same
from tests.world import World

pytestmark = pytest.mark.uncounted  # smaller tests count the lines that it runs
Said = TypeVar("Said")
NOTHING: Final[Mapping[str, Any]] = {}
SECRET = "the secret of the subscription"
MARIA = Person("PLH1HKV", "Maria Engineer", "maria@example.org")
STRANGER = Person("PNOBODY", "Sam <!channel> New\nhere", "sam@example.org")
OURSELVES = Person("PINTEG1", "Events API V2", "", "events_api_v2_inbound_integration_reference")
KNOWN = COMPANY.replace('reach = ["phone", "slack"]', 'reach = ["phone", "slack"], email = "maria@example.org"')
STEPS = """
[[escalate]]
id = "wake"
when = 'severity == "high" and not acknowledged'
steps = [{ after = "5m", to = ["TO"] }, { after = "15m", to = ["TO"] }, { after = "25m", to = ["person:ann"] }]
text = "{{ key }}: {{ summary }}"
[[notify]]
id = "card"
when = 'severity == "high"'
to = ["slack:#ops"]
text = "{{ key }}: {{ 'taken' if acknowledged else 'nobody has it' }}"
buttons = ["acknowledge"]
[[notify]]
id = "news"
on = ["acknowledged"]
to = ["slack:#news"]
"""


class Answering(Night):
    """A night in which who is rung can answer: everything behind the door is there, and the door itself."""

    def __init__(self, at: Gateway, recipe: str, to: str, company: str, settings: Mapping[str, Any]) -> None:
        self.recipe, self.settings, self.port = recipe, settings, free()
        self.at_gateway = at
        self.phone = self._phone()
        World.__init__(self, STEPS.replace("TO", to), company)
        self.now = NIGHT
        self._open()

    def _phone(self) -> Webhook:
        url = f"http://127.0.0.1:{self.port}"
        back = {"public_url": url} if self.recipe.startswith("twilio") else {"webhook_secret": SECRET}
        if self.recipe == "pagerduty":
            back |= {"api_token": "rest", "api_url": self.at_gateway.box.rest}
        self.at_gateway.box.people.hook = f"{url}/hooks/phone"
        return self.at_gateway.hook(self.recipe, **{**back, **self.settings})

    def _rules(self) -> load.RuleSet:
        return load.parse(
            {"00-company.toml": self.company, "10-rules.toml": self.rules_text},
            connectors=("memory", "slack", "phone", "pagerduty"),
        )

    def _open(self) -> None:
        messengers: dict[str, Messenger] = {**self.messengers, "phone": self.phone}
        self.queue = MemoryQueue(self.look, lambda ref: 0, self.clock, workers=1)
        self.intake = Intake(self.tracker, self.engine, self.queue, messengers, self.clock)
        health = Health(("phone",), Gate(), Swept(), self.queue.depth, {}, lambda: (1, ""))
        hooks = Hooks({"phone": self.phone}, self.intake, self.clock)
        self.server = Server(app(hooks, health), "127.0.0.1", self.port)
        self.queue.start()
        self.server.start()

    def shut(self) -> None:
        self.server.stop()
        self.intake.close()
        self.queue.stop(timedelta(seconds=5))

    def die(self) -> None:
        """The process is gone, with all that it remembered; the next one begins, and has not listed anything yet."""
        self.shut()
        self.phone = self._phone()
        self.engine = self._engine()
        self._open()

    # -- what people do

    @property
    def people(self) -> People:
        return self.at_gateway.box.people

    def acknowledges(self, by: Person = MARIA) -> Delivery:
        """Somebody acknowledges in PagerDuty, and all that follows is over."""
        return self.over(self.people.acknowledge(by))

    def again(self, one: Delivery) -> int:
        self.people.deliver(one)
        self.over(one)
        return one.statuses[-1]

    def over(self, one: Said) -> Said:
        assert self.queue.drain(timedelta(seconds=10))
        return one

    # -- what can be seen

    def acts(self, ref: str) -> tuple[Act, ...]:
        return Ledger.loads(self.tracker.tickets[ref].ledger, ref).acts

    def who(self, ref: str) -> list[str]:
        return [f"{act.by}: {act.verb}" for act in self.acts(ref)]

    @property
    def rings(self) -> int:
        return len(self.state.rings)


def free() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as asked:
        port: int = asked.getsockname()[1]
    return port


@contextmanager
def answering(
    recipe: str = "pagerduty", to: str = "place:oncall", *, company: str = KNOWN, settings: Mapping[str, Any] = NOTHING
) -> Iterator[Answering]:
    clock = Same(NIGHT, speed=0)
    with gateway(clock) as at:
        at.box.people.secrets, at.state.rest_keys = (SECRET,), {"rest"}
        world = Answering(at, recipe, to, company, settings)
        clock.world = world
        yield world
        world.shut()


# ---- the story


def test_who_is_rung_at_three_in_the_morning_acknowledges_in_pagerduty_and_nobody_further_is_called() -> None:
    company = KNOWN.replace('email = "maria@example.org"', 'pagerduty = "PLH1HKV"')
    with answering(company=company, settings={"people": "pagerduty"}) as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        assert world.rings == 1
        assert world.acknowledges().statuses == [202]
        assert world.who(ref) == ["maria: acknowledge"]
        assert "maria: acknowledge in PagerDuty" in world.log(ref)
        assert world.said("#ops") == ["OPS-1: taken"]
        assert world.said("#news") == ["**OPS-1** Checkout is down: acknowledged by maria"]
        world.at("09:00")
        assert (world.rings, world.said("U-ann")) == (1, []), "the ladder has stopped"
        assert [event.state for event in world.state.events] == ["resolved"], "the call is over"


@pytest.mark.parametrize("recipe", ["opsgenie", "jsm"])
@pytest.mark.parametrize("action", ["Acknowledge", "Close"])
def test_an_alert_that_is_taken_stops_the_ladder(recipe: str, action: str) -> None:
    with answering(recipe) as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        assert world.over(world.people.act(MARIA, action)).statuses == [202]
        assert world.who(ref) == ["maria: acknowledge"]
        assert world.tracker.tickets[ref].phase == "new", "closed there is not resolved here"
        world.at("09:00")
        assert (world.rings, world.said("U-ann")) == (1, [])


@pytest.mark.parametrize("recipe", ["twilio", "twilio_sms"])
def test_a_key_that_is_pressed_and_a_short_message_that_is_answered_stop_the_ladder(recipe: str) -> None:
    with answering(recipe, "person:maria") as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        people = world.people
        said = world.over(people.press() if recipe == "twilio" else people.reply("Ack"))
        assert said == "You acknowledged OPS-1."
        assert world.who(ref) == ["maria: acknowledge"]
        how = "by telephone" if recipe == "twilio" else "by short message"
        assert f"maria: acknowledge {how}" in world.log(ref)
        world.at("09:00")
        assert (world.rings, world.said("U-ann")) == (1, [])


def test_whoever_ends_the_incident_there_acknowledges_and_the_ticket_stays_open() -> None:
    with answering() as world:
        world.state.users = {"PLH1HKV": "maria@example.org"}
        ref = world.ticket(severity="high")
        world.at("03:06")
        world.over(world.people.resolve(MARIA))
        assert world.who(ref) == ["maria: acknowledge"], "known by the address that was looked up"
        assert world.tracker.tickets[ref].phase == "new"


# ---- who they are


def test_somebody_whom_the_rules_do_not_know_acts_in_the_products_name_and_in_nobody_elses() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        assert world.acknowledges(STRANGER).statuses == [202]
        (act,) = world.acts(ref)
        assert act.by == "Sam <!channel> New here (PagerDuty)"
        assert act.by not in world.engine.rules.people
        assert "<!channel>" not in world.log(ref).replace("\\<!channel\\>", "")
        world.at("09:00")
        assert (world.rings, world.said("U-ann")) == (1, []), "somebody was rung, and is up"


def test_a_name_that_somebody_gives_themselves_there_is_nobodys_here() -> None:
    with answering() as world:
        names = ("ann", "maria", "Maria", "", "x" * 5_000)
        refs = [world.ticket(f"OPS-{number}", severity="high") for number, _ in enumerate(names)]
        world.at("03:06")
        for number, name in enumerate(names):
            world.over(world.people.acknowledge(Person("PNOBODY", name), number))
        acts = [act for ref in refs for act in world.acts(ref)]
        assert len(acts) == len(names)
        assert all(act.by.endswith(" (PagerDuty)") and len(act.by) < 80 for act in acts)


STILL = """
[[escalate]]
id = "still"
when = 'acknowledged'
since = "acknowledged"
steps = [{ after = "1h", to = ["acknowledger"] }, { after = "2h", to = ["slack:#ops"] }]
text = "{{ key }}: are you still on it?"
"""


def test_who_is_not_known_cannot_be_asked_later_and_the_next_is() -> None:
    with answering() as world:
        world.rules_text += STILL
        world.engine.replace(world._rules())
        world.ticket(severity="high")
        world.at("03:06")
        world.acknowledges(STRANGER)
        world.at("06:00")
        assert "OPS-1: are you still on it?" in [*world.said("#ops"), *world.said("U-ann")]


def test_a_process_that_stops_takes_nothing_more_and_says_so() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        world.intake.close()
        one = world.people.acknowledge(MARIA)
        assert one.statuses == [503] * TRIES
        world.die()
        assert world.again(one) == 202
        assert len(world.acts(ref)) == 1


def test_whoever_may_not_acknowledge_here_may_not_there() -> None:
    allowed = KNOWN + '[permissions]\nacknowledge = ["person:maria"]\n'
    with answering("opsgenie", company=allowed) as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        people = world.people
        assert world.over(people.act(STRANGER)).statuses == [202], "it would be refused again"
        assert world.acts(ref) == ()
        assert "acknowledge in Opsgenie, which does not count: Only person:maria (maria) may" in world.log(ref)
        world.at("03:16")
        assert world.rings == 2, "the ladder goes on"
        assert "which does not count" in world.log(ref)
        world.over(people.act(MARIA))
        assert world.who(ref) == ["maria: acknowledge"]


RESTRICTED = """
[[restrict]]
id = "secret"
when = 'mentions(summary, "down")'
to = ["place:oncall", "person:maria"]
"""


def test_a_restricted_ticket_is_acknowledged_by_those_who_see_it() -> None:
    with answering("opsgenie") as world:
        world.rules_text = RESTRICTED + world.rules_text.replace('id = "wake"', 'id = "wake"\nrestricted = true')
        world.engine.replace(world._rules())
        ref = world.ticket(severity="high")
        world.at("03:06")
        assert world.rings == 1
        world.over(world.people.act(STRANGER))
        assert world.acts(ref) == (), "for them it does not exist"
        world.over(world.people.act(MARIA))
        assert world.who(ref) == ["maria: acknowledge"]


# ---- once, and never too late


def test_what_is_delivered_again_is_one_act_also_after_a_restart() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        one = world.acknowledges()
        for _ in range(3):
            assert world.again(one) == 202
        world.die()
        assert world.again(one) == 202
        assert len(world.acts(ref)) == 1
        world.click("unacknowledge", ref)
        world.die()
        assert world.again(one) == 202
        assert [act.verb for act in world.acts(ref)] == ["acknowledge", "unacknowledge"], "it stays taken back"


def test_two_deliveries_at_once_are_one_act_and_both_are_answered_when_it_stands() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        people = world.people
        one = people.signed(people.incident(MARIA, "acknowledged", world.state.events[0].key))
        twin = replace(one, statuses=[])
        with ThreadPoolExecutor(2) as two:
            told = list(two.map(people.deliver, (one, twin)))
        world.over(None)
        assert [each.statuses for each in told] == [[202], [202]]
        assert len(world.acts(ref)) == 1


def test_what_was_acknowledged_before_it_was_taken_back_does_not_count_when_it_comes_later() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        people = world.people
        late = people.signed(people.incident(MARIA, "acknowledged", world.state.events[0].key))
        world.at("03:07")
        world.click("acknowledge", ref)
        world.at("03:08")
        world.click("unacknowledge", ref)
        assert world.again(late) == 202
        assert [act.verb for act in world.acts(ref)] == ["acknowledge", "unacknowledge"]
        fresh = people.signed(people.incident(MARIA, "acknowledged", world.state.events[0].key))
        assert world.again(fresh) == 202
        assert world.acts(ref)[-1].verb == "acknowledge"


def test_what_we_end_ourselves_comes_back_and_stops_no_ladder() -> None:
    with answering("opsgenie") as world:
        ref = world.ticket(severity="high")
        world.at("03:16")
        assert [alert.state for alert in world.state.alerts] == ["resolved", "triggered"], "the former call is ended"
        people = world.people
        for name in ("Pointman", "Alert API"):
            world.over(people.act(replace(OURSELVES, name=name), "Close", 0))
        assert world.acts(ref) == ()
        world.at("03:26")
        assert world.said("U-ann") == ["OPS-1: Checkout is down"]


def test_a_call_that_is_over_by_time_is_acknowledged_by_nobody() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        for kind in ("unacknowledged", "resolved"):
            event = world.people.incident(None, kind, world.state.events[0].key)
            assert world.again(world.people.signed(event)) == 202
        assert world.acts(ref) == ()


@pytest.mark.parametrize("phase", ["resolved", "closed"])
def test_a_ticket_that_is_over_is_left_as_it_is(phase: str) -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        world.person(ref, phase=phase)
        before = world.tracker.tickets[ref].ledger
        assert world.acknowledges().statuses == [202]
        assert (world.acts(ref), world.tracker.tickets[ref].ledger) == ((), before)


def test_a_ticket_that_left_our_scope_or_is_gone_is_left_alone() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        world.tracker.projects = {"OTHER"}
        assert world.acknowledges().statuses == [202]
        assert world.acts(ref) == ()
        del world.tracker.tickets[ref]
        assert world.acknowledges().statuses == [202]


# ---- whose call it was


def test_after_a_restart_the_tickets_tell_whose_call_it_was() -> None:
    with answering() as world:
        refs = [world.ticket(f"OPS-{n}", severity="high") for n in range(1, 4)]
        world.at("03:06")
        world.die()
        key = world.state.events[1].key
        world.again(world.people.signed(world.people.incident(MARIA, "acknowledged", key)))
        assert [len(world.acts(ref)) for ref in refs] == [0, 1, 0]


def test_a_call_in_doubt_can_be_acknowledged_after_a_restart() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at_gateway.box.server.fail(Fault(lambda asked: asked.method == "POST", drop=True, done=True, times=3))
        world.at("03:05:30")
        assert Ledger.loads(world.tracker.tickets[ref].ledger, ref).open_claims(), "nobody knows that it rang"
        world.die()
        world.acknowledges()
        assert len(world.acts(ref)) == 1


def test_a_short_message_after_a_restart_is_about_the_latest_ticket_or_that_which_it_names() -> None:
    with answering("twilio_sms", "person:maria") as world:
        refs = [world.ticket(f"OPS-{n}", severity="high") for n in range(1, 3)]
        world.at("03:06")
        for text, acts in (("ack ops-1", [1, 0]), ("ack OPS-3", [1, 0]), ("ack", [1, 1])):
            world.die()
            world.over(world.people.reply(text))
            assert [len(world.acts(ref)) for ref in refs] == acts, text


@pytest.mark.parametrize("last", [0, 1])
def test_a_short_message_that_names_none_is_about_the_ticket_that_called_last(last: int) -> None:
    with answering("twilio_sms", "person:maria") as world:
        refs = [world.ticket(f"OPS-{n + 1}", severity="low" if n == last else "high") for n in range(2)]
        world.at("03:03").person(refs[last], severity="high")
        world.at("03:09").die()
        world.over(world.people.reply("ack"))
        assert [len(world.acts(ref)) for ref in refs] == [int(n == last) for n in range(2)]


def test_a_number_that_was_not_called_acknowledges_nothing() -> None:
    with answering("twilio_sms", "person:maria") as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        for text in ("ack", "ack OPS-1"):
            world.over(world.people.reply(text, sender="+4915199999999"))
        assert world.acts(ref) == ()


@pytest.mark.parametrize("key", ["d3640fbd41094207a1c11e58e46b1662", "0123456789"])
def test_an_incident_that_is_none_of_ours_is_taken_well_and_changes_nothing(key: str) -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        before = world.tracker.tickets[ref]
        event = world.people.incident(MARIA, "acknowledged", key)
        assert world.again(world.people.signed(event)) == 202, "three refusals, and PagerDuty would stop to deliver"
        assert world.tracker.tickets[ref] == before


def test_an_incident_that_gathers_several_calls_acknowledges_each_ticket() -> None:
    with answering() as world:
        refs = [world.ticket(f"OPS-{n}", severity="high") for n in range(1, 4)]
        world.at("03:06")
        world.state.gathered = "QALLOFTHEM"
        one = world.acknowledges()
        assert one.statuses == [202]
        assert [len(world.acts(ref)) for ref in refs] == [1, 1, 1]
        assert world.again(one) == 202
        assert [len(world.acts(ref)) for ref in refs] == [1, 1, 1]


def test_a_service_without_alerts_tells_the_call_itself() -> None:
    with answering(settings={"api_token": None}) as world:
        world.state.creates_alerts = False
        ref = world.ticket(severity="high")
        world.at("03:06")
        assert world.acknowledges().statuses == [202]
        assert len(world.acts(ref)) == 1


def test_a_key_that_is_wrong_makes_nobody_deliver_in_vain_and_trouble_that_passes_does() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        server = world.at_gateway.box.server
        server.fail(Fault(lambda asked: "/alerts" in asked.path, Answer(503, "down"), times=3))
        one = world.acknowledges()
        assert one.statuses == [503, 202], "PagerDuty was away, and is back"
        assert len(world.acts(ref)) == 1
        world.state.rest_keys = set()
        assert world.acknowledges().statuses == [202], "three that fail, and it would stop to deliver"


# ---- nothing is lost


def test_it_is_answered_well_only_when_it_stands_on_the_ticket() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        world.tracker.ledger_error = Temporary("could not write OPS-1: HTTP 503")
        one = world.acknowledges()
        assert one.statuses == [503] * TRIES
        assert world.acts(ref) == ()
        world.tracker.ledger_error = None
        assert world.again(one) == 202
        assert world.who(ref) == ["Maria Engineer (PagerDuty): acknowledge"]


def test_a_process_that_dies_before_it_wrote_has_promised_nothing() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        write = world.tracker.write
        died: list[int] = []

        def dies(*_: object) -> None:
            died.append(1)
            raise Temporary("the connection is gone")

        world.tracker.write = dies  # type: ignore[method-assign]  # what a tracker is that is away
        people = world.people
        one = people.signed(people.incident(MARIA, "acknowledged", world.state.events[0].key))
        assert world.again(one) == 503
        world.tracker.write = write  # type: ignore[method-assign]  # it is back
        world.die()
        assert died
        assert world.again(one) == 202
        assert len(world.acts(ref)) == 1


def test_one_that_takes_long_is_asked_for_again_and_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.server.CERTAIN_WITHIN", 0.1)
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        free_again = Event()
        held = world.queue.turn(ref, lambda: str(free_again.wait(10)))
        one = world.people.acknowledge(MARIA)
        assert one.statuses == [503] * TRIES
        free_again.set()
        held.result(5)
        world.over(one)
        assert world.again(one) == 202
        assert len(world.acts(ref)) == 1


# ---- many


def test_ten_thousand_forged_posts_do_nothing_and_the_right_one_is_heard_after_them() -> None:
    with answering() as world:
        ref = world.ticket(severity="high")
        world.at("03:06")
        people, calls = world.people, world.tracker.calls
        right = people.signed(people.incident(MARIA, "acknowledged", world.state.events[0].key))
        wrong = {**right.headers, "x-pagerduty-signature": "v1=" + "0" * 64}
        for _ in range(10_000 - 100):
            with pytest.raises(BadRequest):
                world.phone.receive(Request(wrong, right.body), world.now)
        calling = http.client.HTTPConnection("127.0.0.1", world.port, timeout=10)
        for _ in range(100):
            calling.request("POST", "/hooks/phone", right.body, wrong)
            answer = calling.getresponse()
            assert (answer.status, answer.read()) == (401, b"the signature of the webhook for phone is wrong\n")
        calling.close()
        assert (world.tracker.calls, world.acts(ref)) == (calls, ())
        assert world.again(right) == 202
        assert len(world.acts(ref)) == 1
