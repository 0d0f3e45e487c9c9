"""What comes in: echoes and repeats are dropped, commands are answered, an alert has exactly one ticket."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from structlog.testing import capture_logs

from connectors.errors import Missing, Temporary
from connectors.model import Alert, Change, Changed, Command, Form, Message, User
from connectors.testing import BOT, MemoryMessenger, MemoryTracker
from rules.load import parse
from sync.asked import Shown
from sync.commands import Sorry, form, understood
from sync.intake import Intake
from sync.queue import MemoryQueue
from sync.recent import Recent

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = """
[defaults]
timezone = "UTC"
[scales]
severity = ["low", "medium", "high"]
[people]
ann = { slack = "U1" }
tom = { slack = "U2" }
"""
ANN = User("U1", "Ann")


class Desk:
    """An intake over a tracker in memory, with an engine that only notes what it is asked."""

    def __init__(self) -> None:
        self.now = NOON
        self.tracker = MemoryTracker(lambda: self.now)
        self.slack = MemoryMessenger(lambda: self.now)
        self.rules = parse({"rules.toml": RULES})
        self.looked: list[str] = []
        self.asked: list[str] = []
        self.carried: list[Command] = []
        self.made = ""
        self.rooms: dict[str, str] = {}
        self.planned: Callable[[Command], Shown | None] = lambda _command: Shown(Message("as it is now"))
        self.carry: Callable[[Command], str] = lambda command: f"{command.verb}: done"
        self.queue = MemoryQueue(self.look, lambda ref: 0, lambda: self.now, workers=2)
        self.intake = Intake(self.tracker, self, self.queue, {"slack": self.slack}, lambda: self.now)
        self.queue.start()

    def look(self, ref: str) -> datetime | None:
        self.looked.append(ref)
        return None

    def read(self, command: Command) -> Command | str:
        try:
            return understood(command, self.rules)
        except Sorry as sorry:
            return str(sorry)

    def placeless(self, command: Command) -> tuple[str, str]:
        return self.carry(command), self.made

    def form(self, command: Command) -> Form | None:
        return form(command, self.rules)

    def is_echo(self, changed: Changed) -> bool:
        return bool(changed.changes) and all(change.by == BOT for change in changed.changes or ())

    def knows(self, ref: str) -> bool:
        return ref in self.tracker.tickets

    def here(self, command: Command, channel: str) -> str:
        return self.rooms.get(channel, "")

    def which(self, command: Command) -> str:
        return f"Which ticket? {command.verb} what?"

    def command(self, command: Command) -> str:
        self.carried.append(command)
        return self.carry(command)

    def becomes(self, command: Command) -> Shown | None:
        self.asked.append(command.clicked)
        assert not self.looked, "after the look nothing would be owed any more"
        return self.planned(command)

    def settle(self) -> None:
        self.intake.close()
        assert self.queue.drain(timedelta(seconds=10))


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.intake.close()
    made.queue.stop(timedelta(seconds=5))


def click(ref: str, number: str = "1", verb: str = "acknowledge") -> Command:
    return Command(ref, verb, ANN, "slack", reply="https://reply", id=number)


def firing(fingerprint: str = "checkout", since: datetime = NOON, **more: bool) -> Alert:
    return Alert(fingerprint, since, "Checkout is down", "prometheus", labels={"job": "checkout"}, **more)


# ---- changes


def test_a_change_asks_for_a_look(desk: Desk) -> None:
    assert desk.intake.take(Changed("10001")) == "queued"
    desk.settle()
    assert desk.looked == ["10001"]


def test_an_echo_of_our_own_edit_is_dropped(desk: Desk) -> None:
    echo = Changed("10001", (Change(NOON, "severity", None, "high", BOT),))
    assert desk.intake.take(echo) == "echo"
    desk.settle()
    assert desk.looked == []


def test_a_delivery_that_comes_again_is_taken_once_and_after_ten_minutes_anew(desk: Desk) -> None:
    said = [desk.intake.take(Changed("10001", delivery="d1"))]
    said.append(desk.intake.take(Changed("10001", delivery="d1")))
    desk.now += timedelta(minutes=9, seconds=59)
    said.append(desk.intake.take(Changed("10001", delivery="d1")))
    desk.now += timedelta(seconds=2)
    said.append(desk.intake.take(Changed("10001", delivery="d1")))
    assert said == ["queued", "repeated", "repeated", "queued"]


def test_one_delivery_about_two_tickets_is_taken_for_both(desk: Desk) -> None:
    said = [desk.intake.take(Changed(ref, delivery="d1")) for ref in ("1", "2")]
    assert said == ["queued", "queued"]


def test_what_is_remembered_does_not_grow_for_ever() -> None:
    now = [NOON]
    recent = Recent(lambda: now[0])
    for n in range(1_000):
        now[0] += timedelta(minutes=1)
        recent.add(str(n))
    assert len(recent._at) <= 11


# ---- commands


def test_a_command_is_carried_out_answered_and_followed_by_a_look(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1")
    desk.intake.take(click(ref))
    desk.settle()
    assert [command.verb for command in desk.carried] == ["acknowledge"]
    assert [text for _, text in desk.slack.answers] == ["acknowledge: done"]
    assert desk.looked == [ref]


def test_a_second_delivery_of_a_click_changes_nothing(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1")
    assert [desk.intake.take(click(ref)), desk.intake.take(click(ref))] == ["queued", "repeated"]
    desk.settle()
    assert len(desk.carried) == 1


def test_a_typed_key_takes_the_turn_of_the_ticket_it_names(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1")
    desk.intake.take(click("OPS-1"))
    desk.settle()
    assert desk.looked == [ref]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Temporary("could not edit OPS-1: no answer in time"), "That could not be done now: could not edit OPS-1"),
        (Missing("gone"), "There is no ticket"),
        (ZeroDivisionError("a secret"), "That could not be done: Pointman made a mistake."),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_so_to_its_asker(desk: Desk, error: Exception, said: str) -> None:
    ref = desk.tracker.ticket("OPS-1")

    def fail(_command: Command) -> str:
        raise error

    desk.carry = fail
    desk.intake.take(click(ref))
    desk.settle()
    assert desk.slack.answers[0][1].startswith(said)
    assert "secret" not in desk.slack.answers[0][1]


def test_a_typed_key_that_names_nothing_is_answered(desk: Desk) -> None:
    desk.carry = lambda command: f"{desk.tracker.get(command.ref)}"
    desk.intake.take(click("OPS-404"))
    desk.settle()
    assert desk.slack.answers[0][1] == "There is no ticket OPS-404, or Pointman may not see it."


def words(text: str) -> Command:
    return Command("", "words", ANN, "slack", {"text": text}, "https://reply", id=text)


def test_words_are_carried_out_as_the_command_they_mean(desk: Desk) -> None:
    desk.tracker.ticket("OPS-1")
    desk.intake.take(words("OPS-1 ack"))
    desk.intake.take(words("acknowlege OPS-1"))
    desk.settle()
    assert [(command.verb, command.ref) for command in desk.carried] == [("acknowledge", "OPS-1")]
    said = [text for _, text in desk.slack.answers]
    assert "acknowledge: done" in said
    assert any(text.startswith("Did you mean acknowledge?") for text in said)


def test_what_is_about_no_ticket_takes_no_turn_and_what_it_makes_is_looked_at(desk: Desk) -> None:
    desk.made = "10001"
    desk.intake.take(words("declare Checkout is down"))
    desk.settle()
    assert [text for _, text in desk.slack.answers] == ["declare: done"]
    assert desk.looked == ["10001"]


def test_where_nothing_tells_the_ticket_it_is_asked_for(desk: Desk) -> None:
    desk.intake.take(words("status"))
    desk.settle()
    assert desk.slack.answers[0][1].startswith("Which ticket?")


class Placed(MemoryMessenger):
    """A messenger whose places tell a ticket, or are in trouble."""

    ref = ""
    channel = ""
    trouble: Temporary | None = None

    def about(self, command: Command) -> str:
        if self.trouble is not None:
            raise self.trouble
        return self.ref

    def room(self, command: Command) -> str:
        return self.channel


@pytest.fixture
def placed(desk: Desk) -> Placed:
    made = Placed(lambda: desk.now)
    desk.intake._messengers = {"slack": made}
    return made


def test_a_place_that_tells_its_ticket_needs_no_key(desk: Desk, placed: Placed) -> None:
    placed.ref = desk.tracker.ticket("OPS-1")
    desk.intake.take(words("status"))
    desk.settle()
    assert [command.ref for command in desk.carried] == [placed.ref]


def test_a_channel_that_is_a_tickets_own_needs_no_key_and_a_thread_in_it_goes_first(desk: Desk, placed: Placed) -> None:
    own, other = desk.tracker.ticket("OPS-1"), desk.tracker.ticket("OPS-2")
    desk.rooms = {"C1": own}
    for channel, thread, verb in (("C1", "", "status"), ("C1", other, "next"), ("C2", "", "why")):
        placed.channel, placed.ref = channel, thread
        assert desk.intake.heard(words(verb)).wait(5)
    desk.settle()
    assert sorted((command.verb, command.ref) for command in desk.carried) == [("next", other), ("status", own)]
    assert [text for _, text in placed.answers if "Which" in text] == ["Which ticket? why what?"]


def test_a_place_that_cannot_tell_now_has_the_person_asked(desk: Desk, placed: Placed) -> None:
    placed.trouble = Temporary("could not look")
    desk.intake.take(words("status"))
    desk.settle()
    assert placed.answers[0][1].startswith("Which ticket?")


def test_a_listener_is_told_when_a_command_stands(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1")
    assert desk.intake.heard(click(ref)).wait(5)
    assert [command.verb for command in desk.carried] == ["acknowledge"]


class Showing(MemoryMessenger):
    """A messenger that can show a person what becomes of the message they clicked."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.shown: list[tuple[Message | None, str]] = []

    def show(self, command: Command, thing: Message | None, text: str) -> None:
        self.shown.append((thing, text))


def clicked(desk: Desk, messenger: MemoryMessenger) -> str:
    """A click on a message that can be shown; the ref of its ticket."""
    ref = desk.tracker.ticket("OPS-1")
    intake = Intake(desk.tracker, desk, desk.queue, {"slack": messenger}, lambda: desk.now)
    intake.take(replace(click(ref), clicked="m1"))
    intake.close()
    desk.settle()
    return ref


def test_who_clicked_is_shown_what_becomes_of_the_message_before_it_is_looked_at(desk: Desk) -> None:
    showing = Showing(lambda: desk.now)
    ref = clicked(desk, showing)
    assert showing.shown == [(Message("as it is now"), "acknowledge: done")]
    assert (showing.answers, desk.asked, desk.looked) == ([], ["m1"], [ref])


def test_what_cannot_be_shown_is_told(desk: Desk) -> None:
    clicked(desk, desk.slack)
    assert [text for _, text in desk.slack.answers] == ["acknowledge: done"]


def test_where_nobody_can_be_shown_anything_nothing_is_planned_for_it(desk: Desk) -> None:
    desk.intake.take(click(desk.tracker.ticket("OPS-1")))
    desk.settle()
    assert desk.asked == []


@pytest.mark.parametrize("error", [Temporary("the tracker is away"), ValueError("a mistake of ours")])
def test_what_fails_after_the_command_costs_nobody_their_answer(desk: Desk, error: Exception) -> None:
    def fail(_command: Command) -> Shown | None:
        raise error

    desk.planned = fail
    showing = Showing(lambda: desk.now)
    ref = clicked(desk, showing)
    assert [text for _, text in showing.answers] == ["acknowledge: done"]
    assert (showing.shown, desk.looked) == ([], [ref])


def test_whoever_waits_for_a_ticket_that_is_busy_hears_so_and_it_is_done_after_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.clicks.PATIENCE", 0.0)
    free, said = Event(), []

    def busy(command: Command) -> str:
        free.wait(30)
        said.append(command.verb)
        return "done"

    desk.carry = busy
    desk.intake.take(click(desk.tracker.ticket("OPS-1")))
    desk.intake.close()
    free.set()
    desk.settle()
    assert ([text.partition(".")[0] for _, text in desk.slack.answers], said) == (
        ["The ticket is busy"],
        ["acknowledge"],
    )


class Asking(MemoryMessenger):
    """A messenger that can ask back."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.forms: list[Form] = []

    def ask(self, command: Command, form: Form) -> None:
        self.forms.append(form)


@pytest.mark.parametrize(("verb", "name"), [("severity", "level"), ("assign", "person"), ("update", "text")])
def test_what_a_click_does_not_say_is_asked_back(desk: Desk, verb: str, name: str) -> None:
    ref = desk.tracker.ticket("OPS-1")
    asking = Asking(lambda: desk.now)
    intake = Intake(desk.tracker, desk, desk.queue, {"slack": asking}, lambda: desk.now)
    intake.take(click(ref, verb=verb))
    intake.take(replace(click(ref, "2", verb), args={name: "something"}))
    intake.close()
    desk.settle()
    assert [question.name for form in asking.forms for question in form.questions] == [name]
    assert [command.args for command in desk.carried] == [{name: "something"}]


def test_where_nothing_can_be_asked_back_the_command_itself_says_what_it_lacks(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1")
    desk.intake.take(click(ref, verb="severity"))
    desk.settle()
    assert [command.verb for command in desk.carried] == ["severity"]


def test_a_command_from_where_nobody_can_be_answered_is_carried_out_all_the_same(desk: Desk) -> None:
    ref = desk.tracker.ticket("OPS-1")
    desk.intake.take(Command(ref, "take", ANN, "email", id="1"))
    desk.settle()
    assert [command.verb for command in desk.carried] == ["take"]


# ---- alerts


def keys(desk: Desk) -> list[str]:
    return [ticket.key for ticket in desk.tracker.tickets.values()]


def test_an_alert_makes_one_ticket_however_often_it_comes(desk: Desk) -> None:
    refs = {desk.intake.alerts.take(firing()) for _ in range(5)}
    desk.now += timedelta(minutes=30)
    refs.add(desk.intake.alerts.take(firing()))
    assert len(desk.tracker.tickets) == len(refs) == 1
    ticket = next(iter(desk.tracker.tickets.values()))
    assert ticket.summary == "Checkout is down"
    assert "- job: checkout" in ticket.description


def test_the_same_alert_from_many_sides_at_once_makes_one_ticket(desk: Desk) -> None:
    with ThreadPoolExecutor(16) as pool:
        refs = set(pool.map(lambda _: desk.intake.alerts.take(firing()), range(64)))
    assert len(desk.tracker.tickets) == len(refs) == 1


def test_search_that_lags_does_not_double_a_ticket_that_was_just_made(desk: Desk) -> None:
    first = desk.intake.alerts.take(firing())
    desk.tracker._labels.clear()  # not found yet
    assert desk.intake.alerts.take(firing(since=NOON + timedelta(seconds=20))) == first


def test_a_ticket_that_is_over_answers_only_for_what_began_before(desk: Desk) -> None:
    first = desk.intake.alerts.take(firing())
    assert first is not None
    desk.now += timedelta(hours=1)
    desk.tracker.person(first, phase="resolved")
    assert desk.intake.alerts.take(firing()) == first
    desk.now += timedelta(hours=1)
    later = firing(since=desk.now)
    second = desk.intake.alerts.take(later)
    assert second not in {first, None}
    desk.now += timedelta(hours=1)
    assert desk.intake.alerts.take(later) == second
    assert len(desk.tracker.tickets) == 2


def test_after_a_restart_the_later_ticket_is_found_again(desk: Desk) -> None:
    first = desk.intake.alerts.take(firing())
    assert first is not None
    desk.now += timedelta(hours=1)
    desk.tracker.person(first, phase="closed")
    later = firing(since=desk.now + timedelta(minutes=1))
    second = desk.intake.alerts.take(later)
    other = Intake(desk.tracker, desk, desk.queue, {}, lambda: desk.now)
    assert other.alerts.take(later) == second
    other.close()


def test_no_ticket_means_an_error_and_the_next_notice_tries_again(desk: Desk) -> None:
    create = desk.tracker.create

    def down(*_: object) -> str:
        raise Temporary("could not create a ticket: HTTP 503")

    desk.tracker.create = down  # type: ignore[method-assign]
    with pytest.raises(Temporary):
        desk.intake.alerts.take(firing())
    desk.tracker.create = create  # type: ignore[method-assign]
    assert desk.intake.alerts.take(firing()) is not None


def test_what_is_over_and_never_had_a_ticket_gets_none(desk: Desk) -> None:
    assert desk.intake.alerts.take(firing(firing=False)) is None
    assert desk.tracker.tickets == {}


def test_a_resolved_alert_says_when_it_was_restored_unless_somebody_has(desk: Desk) -> None:
    ref = desk.intake.alerts.take(firing())
    assert ref is not None
    desk.now += timedelta(minutes=5)
    desk.intake.alerts.take(firing(firing=False))
    assert desk.tracker.get(ref).fields["restored"] == desk.now
    earlier = desk.now
    desk.now += timedelta(minutes=5)
    desk.intake.alerts.take(firing(firing=False))
    assert desk.tracker.get(ref).fields["restored"] == earlier


def double(desk: Desk, touched: tuple[int, ...] = ()) -> list[str]:
    """Two tickets for one alert, as two processes make them while search lags; people touched some of them."""
    first = desk.intake.alerts.take(firing())
    desk.now += timedelta(seconds=1)
    desk.tracker._labels.clear()
    other = Intake(desk.tracker, desk, desk.queue, {}, lambda: desk.now)
    second = other.alerts.take(firing())
    assert first is not None
    assert second is not None
    desk.tracker._labels["checkout"] = first  # search has caught up, and answers the oldest
    for index in touched:
        desk.tracker.comment((first, second)[index], "mine")
    other.alerts.heal()
    assert all(ticket.phase == "new" for ticket in desk.tracker.tickets.values()), "too early to be sure"
    desk.now += timedelta(minutes=3)
    other.alerts.heal()
    open_now = {ref for ref, ticket in desk.tracker.tickets.items() if ticket.phase == "new"}
    assert other.alerts.take(firing()) in open_now, "the next notice goes on where it was kept"
    other.close()
    return [desk.tracker.get(ref).phase for ref in (first, second)]


@pytest.mark.parametrize(
    ("touched", "phases", "why"),
    [
        ((), ["new", "closed"], "the older one is kept"),
        ((0,), ["new", "closed"], "the older one is a person's, too"),
        ((1,), ["closed", "new"], "a person works in the younger one"),
        ((0, 1), ["new", "new"], "people work in both: it is theirs to decide"),
    ],
)
def test_a_double_is_healed(desk: Desk, touched: tuple[int, ...], phases: list[str], why: str) -> None:
    assert double(desk, touched) == phases, why
    comments = [c.text for ticket in desk.tracker.tickets.values() for c in ticket.comments if c.by == BOT]
    assert len(comments) == 1
    assert comments[0].startswith("The same alert has two tickets. This goes on in OPS-")


def test_a_listener_hears_of_no_error(desk: Desk) -> None:
    def down(*_: object) -> str:
        raise Temporary("could not search: HTTP 503")

    desk.tracker.find = down  # type: ignore[method-assign]
    desk.intake.heard(firing())
    desk.intake.heard(Changed("10001"))
    desk.settle()
    assert desk.looked == ["10001"]


@pytest.mark.parametrize("verb", ["status", "next", "why", "mine", "declare"])
def test_what_stands_in_a_ticket_is_told_the_person_and_not_the_log(desk: Desk, verb: str) -> None:
    desk.tracker.ticket("OPS-1")
    desk.carry = lambda command: "Somebody copied the customers"
    with capture_logs() as lines:
        desk.intake.take(replace(click("10001", verb=verb), args={"summary": "x"}))
        desk.settle()
    assert [post.message.text for post in desk.slack.posts] or desk.slack.answers
    assert [line["verb"] for line in lines if line["event"] == "command"] == [verb]
    assert "copied" not in str(lines)
